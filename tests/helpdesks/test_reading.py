"""Foreign payloads are read without ever raising Python's own errors, and HTML in linear time."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altor.errors import InvalidInput
from investigations.helpdesks.notes import Line, Note, markers
from investigations.helpdesks.reading import address, custom_values, identifier, moment, plain, tags, text, words
from tests.helpdesks.payloads import UNTIMED

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


@UNTIMED
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
    for rendered in (note.as_html(), note.as_markdown(), note.as_text()):
        assert markers(rendered) == {"0123456789abcdef"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a\x00b\ud800c\n", "abc\n"),
        (42, "42"),
        (42.0, "42"),
        (1.5, "1.5"),
        (True, ""),
        (float("inf"), ""),
        (float("nan"), ""),
        pytest.param(10**5000, "", id="a number of 5000 digits"),
        (None, ""),
        (["x"], ""),
    ],
)
def test_texts_are_such_as_a_database_takes(value: object, expected: str) -> None:
    assert text(value) == expected


@pytest.mark.parametrize("value", ["+49 30 1234567", "kim", "kim@", "a b@c.example", '"x"@c.example', 3, None])
def test_what_is_no_address_is_left_out(value: object) -> None:
    assert address(value) == ""
    assert address(" Kim@Acme.example ") == "kim@acme.example"


def test_tags_are_as_many_and_as_long_as_a_ticket_takes() -> None:
    assert tags(["a", " a ", "", None, "two\nlines", {}, 3]) == ["a", "two lines", "3"]
    assert tags("billing") == []
    assert len(tags([str(number) for number in range(99)])) == 50
    assert len(tags(["x" * 500])[0]) == 80


def test_custom_fields_become_texts() -> None:
    held = {"a": "x", "b": True, "c": None, "d": [1, "two", False, [3]], "e": {"no": 1}, "": "y", "long": "z" * 900}
    found = custom_values(held, "contact.")
    assert found.pop("contact.long") == "z" * 500
    assert found == {"contact.a": "x", "contact.b": "true", "contact.c": "", "contact.d": "1, two, false"}
    assert custom_values([1]) == {}
    assert len(custom_values({str(number): "x" for number in range(999)})) == 200


@UNTIMED
@given(st.text(max_size=60))
def test_markup_of_any_kind_is_read(markup: str) -> None:
    plain(markup).encode()
    plain(f"<p>{markup}&#xd800;&#0;</p>").encode()
    words(markup, 20).encode()
