"""Browser files of other projects: copied unmodified into the repository, with licence and checksum.

`MANIFEST.json` lists every file below `vendor/`, and the icon sprite built from the Tabler icons. `problems` needs no
network; `add` and `build_icons` fetch a package with `npm pack` and are only run by a person who updates a library.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypedDict

STATIC: Final = Path(__file__).resolve().parent / "static" / "altor"
VENDOR: Final = STATIC / "vendor"
MANIFEST: Final = VENDOR / "MANIFEST.json"
ICON_NAMES: Final = VENDOR / "icons.txt"
SPRITE: Final = STATIC / "icons.svg"
ICONS_PACKAGE: Final = "@tabler/icons"
LICENCE_FILES: Final = ("LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE")
#: The manifest storage looks for the file a source map comment names; the maps are megabytes nobody here reads.
_SOURCE_MAP: Final = re.compile(rb"\n?(/\*# sourceMappingURL=\S+ ?\*/|//# sourceMappingURL=\S+)\s*$")
_SPEC: Final = re.compile(r"^(?P<name>(@[a-z0-9-]+/)?[a-z0-9._-]+)@(?P<version>[0-9][0-9A-Za-z.+-]*)$")


class Entry(TypedDict):
    """One vendored file. `file` is relative to `altor/static/altor/`; `package_sha256`: before a change."""

    name: str
    version: str
    npm: str
    file: str
    source: str
    sha256: str
    package_sha256: str
    licence: str
    licence_file: str
    changed: str


class VendorError(Exception):
    """A package could not be fetched or lacks the wanted file."""


def manifest() -> list[Entry]:
    entries: list[Entry] = json.loads(MANIFEST.read_text()) if MANIFEST.exists() else []
    return entries


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def problems() -> list[str]:
    """What does not agree between the manifest and the files, one sentence each; empty when all is well."""
    found: list[str] = []
    listed = {MANIFEST, ICON_NAMES}
    for entry in manifest():
        path, licence = STATIC / entry["file"], STATIC / entry["licence_file"]
        listed |= {path, licence}
        if not path.is_file():
            found.append(f"{entry['file']} is listed but missing")
        elif digest(path.read_bytes()) != entry["sha256"]:
            found.append(f"{entry['file']} is not the file that was added: its checksum differs")
        if not licence.is_file():
            found.append(f"{entry['file']} has no licence text at {entry['licence_file']}")
    found += [
        f"{path.relative_to(STATIC)} is not listed in MANIFEST.json"
        for path in sorted(VENDOR.rglob("*"))
        if path.is_file() and path not in listed
    ]
    return found


@contextmanager
def package(spec: str) -> Iterator[Path]:
    """The unpacked npm package `NAME@VERSION`, in a directory that is gone afterwards."""
    if not _SPEC.match(spec):
        raise VendorError(f"{spec!r} is not NAME@VERSION")
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["npm", "pack", "--silent", "--pack-destination", folder, spec],
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        if done.returncode:
            raise VendorError(f"npm pack {spec} failed: {done.stderr.strip()[-300:]}")
        archive = next(Path(folder).glob("*.tgz"))
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        yield Path(folder) / "package"


def add(spec: str, file: str) -> Entry:
    """Copy one file of `NAME@VERSION` with its licence, and list it. A licence text already beside it is kept."""
    match = _SPEC.match(spec)
    if match is None:
        raise VendorError(f"{spec!r} is not NAME@VERSION")
    name, version = match["name"].rpartition("/")[2], match["version"]
    if "/" in match["name"]:
        name = f"{match['name'].split('/')[0].lstrip('@')}-{name}"
    folder = VENDOR / f"{name}-{version}"
    with package(spec) as root:
        if not (root / file).is_file():
            raise VendorError(f"{spec} holds no {file}")
        original = (root / file).read_bytes()
        about = json.loads((root / "package.json").read_text())
        folder.mkdir(parents=True, exist_ok=True)
        licence = folder / "LICENSE"
        found = next((root / item for item in LICENCE_FILES if (root / item).is_file()), None)
        if found is not None:
            licence.write_bytes(found.read_bytes())
    content = _SOURCE_MAP.sub(b"\n", original)
    target = folder / Path(file).name
    target.write_bytes(content)
    entry = Entry(
        name=name,
        version=version,
        npm=match["name"],
        file=str(target.relative_to(STATIC)),
        source=f"npm:{spec}/{file}",
        sha256=digest(content),
        package_sha256=digest(original),
        licence=str(about.get("license", "")),
        licence_file=str(licence.relative_to(STATIC)),
        changed="" if content == original else "source map comment removed",
    )
    _list(entry)
    return entry


def build_icons(version: str) -> Entry:
    """The sprite of the outline icons named in `icons.txt`: symbols `i-NAME`, stroke 1.75, colour of the text."""
    names = sorted({line.strip() for line in ICON_NAMES.read_text().splitlines() if line.strip()})
    spec = f"{ICONS_PACKAGE}@{version}"
    licence = VENDOR / f"tabler-icons-{version}" / "LICENSE"
    symbols = []
    with package(spec) as root:
        for name in names:
            path = root / "icons" / "outline" / f"{name}.svg"
            if not path.is_file():
                raise VendorError(f"{spec} has no outline icon {name!r}")
            inner = re.sub(r"(?s)^.*?<svg[^>]*>|</svg>\s*$", "", path.read_text())
            inner = re.sub(r'<path stroke="none" d="M0 0h24v24H0z" fill="none"\s*/>', "", inner)
            symbols.append(f'<symbol id="i-{name}" viewBox="0 0 24 24">{" ".join(inner.split())}</symbol>')
        licence.parent.mkdir(parents=True, exist_ok=True)
        licence.write_bytes((root / "LICENSE").read_bytes())
    stroke = 'fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round"'
    text = f'<svg xmlns="http://www.w3.org/2000/svg" {stroke}>\n' + "\n".join(symbols) + "\n</svg>\n"
    SPRITE.write_text(text)
    entry = Entry(
        name="tabler-icons",
        version=version,
        npm=ICONS_PACKAGE,
        file=str(SPRITE.relative_to(STATIC)),
        source=f"npm:{spec}/icons/outline, {len(names)} icons",
        sha256=digest(text.encode()),
        package_sha256="",
        licence="MIT",
        licence_file=str(licence.relative_to(STATIC)),
        changed="built into one sprite",
    )
    _list(entry)
    return entry


def sprite_names() -> frozenset[str]:
    """Names that `{% icon %}` may use."""
    return frozenset(re.findall(r'<symbol id="i-([a-z0-9-]+)"', SPRITE.read_text()))


def _list(entry: Entry) -> None:
    kept = [item for item in manifest() if item["file"] != entry["file"]]
    ordered = sorted([*kept, entry], key=lambda item: item["file"])
    MANIFEST.write_text(json.dumps(ordered, indent=1) + "\n")
