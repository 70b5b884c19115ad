"""Our own mark as PNG, for helpdesks that want pixels: drawn from the SVG that the pages use, without a library for it.

Only what that file holds is understood: one rounded rectangle, and a path of straight strokes with round ends.
"""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as Xml

import numpy as np
from django.conf import settings

_TOKEN: Final = re.compile(r"[MLHVmlhv]|-?\d*\.?\d+")
_NEEDS: Final = {"M": 2, "L": 2, "H": 1, "V": 1}
Point = tuple[float, float]
Array = np.ndarray[Any, np.dtype[np.float64]]


def svg() -> bytes:
    return (Path(settings.BASE_DIR) / "altor" / "static" / "altor" / "favicon.svg").read_bytes()


def png(size: int) -> bytes:
    """The mark, `size` pixels wide and high, with a transparent background."""
    root = Xml.fromstring(svg().decode())  # noqa: S314  # our own file
    shapes = {element.tag.rpartition("}")[2]: element.attrib for element in root}
    rect, path = shapes["rect"], shapes["path"]
    scale = size / float(root.attrib["viewBox"].split()[2])
    y, x = (np.mgrid[0:size, 0:size] + 0.5) / scale
    paper = _cover(_box(x, y, float(rect["width"]), float(rect["height"]), float(rect["rx"])), scale)
    nearest = np.min([_line(x, y, start, end) for start, end in strokes(path["d"])], axis=0)
    ink = _cover(nearest - float(path["stroke-width"]) / 2, scale)
    back, front = _colour(rect["fill"]), _colour(path["stroke"])
    rgb = back * (1 - ink[..., None]) + front * ink[..., None]
    pixels = np.concatenate([rgb, paper[..., None] * 255], axis=2).round().astype(np.uint8)
    return _encoded(pixels)


def strokes(path: str) -> list[tuple[Point, Point]]:
    """The straight lines of an SVG path of M, L, H and V. ValueError for any other command."""
    if re.search(r"[A-Za-z]", re.sub(r"[MLHVmlhv]", "", path)):
        raise ValueError(f"curves are not drawn: {path}")
    tokens = _TOKEN.findall(path)
    found: list[tuple[Point, Point]] = []
    at: Point = (0.0, 0.0)
    command = ""
    while tokens:
        if tokens[0].isalpha():
            command = tokens.pop(0)
        kind = command.upper()
        numbers = [float(tokens.pop(0)) for _ in range(_NEEDS[kind])]
        base = at if command.islower() else (0.0, 0.0)
        if kind in "ML":
            to = (base[0] + numbers[0], base[1] + numbers[1])
        else:
            to = (base[0] + numbers[0], at[1]) if kind == "H" else (at[0], base[1] + numbers[0])
        if kind == "M":
            command = "l" if command.islower() else "L"  # more pairs after a move are lines
        else:
            found.append((at, to))
        at = to
    return found


def _box(x: Array, y: Array, width: float, height: float, radius: float) -> Array:
    """Distance to the edge of the rounded rectangle, negative inside."""
    over_x = np.abs(x - width / 2) - width / 2 + radius
    over_y = np.abs(y - height / 2) - height / 2 + radius
    outside = np.hypot(np.maximum(over_x, 0), np.maximum(over_y, 0))
    return outside + np.minimum(np.maximum(over_x, over_y), 0) - radius


def _line(x: Array, y: Array, start: Point, end: Point) -> Array:
    """Distance to the line between two points."""
    along_x, along_y = end[0] - start[0], end[1] - start[1]
    length = along_x**2 + along_y**2
    share = np.clip(((x - start[0]) * along_x + (y - start[1]) * along_y) / length, 0, 1)
    return np.hypot(x - start[0] - share * along_x, y - start[1] - share * along_y)


def _cover(distance: Array, scale: float) -> Array:
    """How much of each pixel lies inside, 0 to 1."""
    return np.clip(0.5 - distance * scale, 0, 1)


def _colour(text: str) -> Array:
    digits = text.removeprefix("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    return np.array([int(digits[n : n + 2], 16) for n in (0, 2, 4)], dtype=np.float64)


def _encoded(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    height, width, _ = pixels.shape
    rows = b"".join(b"\x00" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
