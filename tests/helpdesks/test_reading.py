"""Foreign payloads are read without ever raising Python's own errors, and HTML in linear time."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altor.errors import InvalidInput
from investigations.helpdesks.notes import Line, Note, markers
from investigations.helpdesks.reading import identifier, moment, plain

HOSTILE = '<img src=x onerror=alert(1)> **bold** [x](javascript:alert(1)) <!channel> & "quoted"'


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p>Payments fail</p>", "Payments fail"),
        ("<p>One</p><p>Two<br>Three</p>", "One\nTwo\nThree"),
        ("a &lt;b&gt; &amp; c", "a <b> & c"),
        ("<style>p{}</style><script>alert(1)</script>Text", "Text"),
        ("5 < 6 and 7 > 3", "5 < 6 and 7 > 3"),
    ],
)
def test_html_becomes_text(markup: str, expected: str) -> None:
    assert plain(markup) == expected


@pytest.mark.parametrize("markup", ["<" * 200_000, "<a" * 100_000, "<script>" * 50_000, "&" * 200_000, "<p " * 80_000])
def test_hostile_markup_is_read(markup: str) -> None:
    assert isinstance(plain(markup), str)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-11-23T07:00:00Z", datetime(2026, 11, 23, 7, tzinfo=UTC)),
        ("2026-11-23T09:00:00+02:00", datetime(2026, 11, 23, 7, tzinfo=UTC)),
        (1795417200, datetime(2026, 11, 23, 7, tzinfo=UTC)),
        ("1795417200", datetime(2026, 11, 23, 7, tzinfo=UTC)),
        (1795417200.5, datetime(2026, 11, 23, 7, 0, 0, 500000, tzinfo=UTC)),
        ("yesterday", None),
        (True, None),
        (float("nan"), None),
        (10**30, None),
        ({}, None),
    ],
)
def test_times(value: object, expected: datetime | None) -> None:
    assert moment(value) == expected


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_no_value_breaks_a_reader(value: object) -> None:
    moment(value)
    with contextlib.suppress(InvalidInput):
        assert identifier(value)


def test_a_note_escapes_what_it_quotes_and_keeps_its_marker() -> None:
    note = Note([Line(HOSTILE, "Cause:"), Line("INV-1", url="https://altor.example/tickets/ZD-1/")], "0123456789abcdef")
    assert "<img" not in note.as_html()
    assert "&lt;img" in note.as_html()
    assert "](javascript:" not in note.as_markdown()
    assert "**bold**" not in note.as_markdown()
    for text in (note.as_html(), note.as_markdown(), note.as_text()):
        assert markers(text) == {"0123456789abcdef"}
