"""The rows of an answer as columns: each column, selection and time grid is made once, whatever measures read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from investigations.diagnosis.likelihood import Array

Row = Mapping[str, Any]
Index = npt.NDArray[np.intp]


def seconds(value: Any) -> float:
    """Time of a row (ISO text, datetime, or number of seconds) as seconds since the epoch."""
    if isinstance(value, int | float):
        return float(value)
    at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).replace(" ", "T"))
    return (at.replace(tzinfo=UTC) if at.tzinfo is None else at).timestamp()


def iso(value: float) -> str:
    return datetime.fromtimestamp(value, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def is_same(have: Any, want: Any) -> bool:
    """Whether a column's value is the one that `where` names; 1/0 and true/false are the same."""
    if isinstance(want, bool) or isinstance(have, bool):
        return bool(have) == bool(want)
    if isinstance(want, int | float) and not isinstance(have, str):
        return have is not None and float(have) == float(want)
    return str(have) == str(want)


class Frame:
    """All rows of an answer. Parts of it (`Part`) hold the places of their rows and read the columns from here."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self._numbers: dict[str, Array] = {}
        self._times: dict[str, Array] = {}
        self._grids: dict[str, Grid] = {}
        self._selected: dict[tuple[tuple[str, Any], ...], Part] = {}

    @cached_property
    def whole(self) -> Part:
        return Part(self, np.arange(len(self.rows), dtype=np.intp))

    def numbers(self, column: str) -> Array:
        """The column as numbers; what is missing counts as 0. KeyError where no row has it."""
        if column not in self._numbers:
            self._numbers[column] = np.array([row[column] or 0.0 for row in self.rows], dtype=float)
        return self._numbers[column]

    def times(self, column: str) -> Array:
        """The column as seconds since the epoch; NaN where there is no time."""
        if column not in self._times:
            # A bucket's time comes back with every group: each is read once.
            read = {value: seconds(value) if value else np.nan for value in {row.get(column) for row in self.rows}}
            self._times[column] = np.array([read[row.get(column)] for row in self.rows], dtype=float)
        return self._times[column]

    def grid(self, column: str) -> Grid:
        if column not in self._grids:
            self._grids[column] = Grid(self.times(column))
        return self._grids[column]

    def select(self, where: Mapping[str, Any]) -> Part:
        """The rows whose columns equal `where`."""
        key = tuple(sorted(where.items()))
        if key not in self._selected:
            kept = np.ones(len(self.rows), dtype=bool)
            for column, want in where.items():
                values = [row.get(column) for row in self.rows]
                known = {value: is_same(value, want) for value in set(values)}
                kept &= np.array([known[value] for value in values], dtype=bool)
            self._selected[key] = Part(self, np.flatnonzero(kept))
        return self._selected[key]


class Part:
    """Some rows of a frame, in its order."""

    def __init__(self, frame: Frame, at: Index) -> None:
        self.frame = frame
        self.at = at
        self._groups: dict[str, dict[str, Part]] = {}

    def numbers(self, column: str) -> Array:
        return self.frame.numbers(column)[self.at]

    def times(self, column: str) -> Array:
        return self.frame.times(column)[self.at]

    def groups(self, column: str) -> dict[str, Part]:
        """The rows by the column's value as text, in the order in which the values come."""
        if column not in self._groups:
            places: dict[str, list[int]] = {}
            for at in self.at.tolist():
                places.setdefault(str(self.frame.rows[at].get(column, "")), []).append(at)
            self._groups[column] = {key: Part(self.frame, np.array(found)) for key, found in places.items()}
        return self._groups[column]


class Grid:
    """The regular time grid of a series: its buckets from the first to the last row, whatever is missing between.
    `first` and `step` are seconds.
    """

    def __init__(self, moments: Array) -> None:
        times = np.unique(moments)
        steps = np.diff(times)
        self.step = float(steps.min()) if steps.size else 300.0
        self.first = float(times[0]) if times.size else 0.0
        self.length = round((float(times[-1]) - self.first) / self.step) + 1 if times.size else 0
        self._buckets = np.rint((moments - self.first) / self.step).astype(np.intp)

    def buckets(self, part: Part) -> Index:
        """The bucket of each row."""
        return self._buckets[part.at]

    def sums(self, part: Part, values: Array) -> Array:
        """The sum of `values` (one a row) in each bucket."""
        return np.asarray(np.bincount(self.buckets(part), weights=values, minlength=self.length), dtype=np.float64)

    def at(self, index: int) -> float:
        return self.first + index * self.step
