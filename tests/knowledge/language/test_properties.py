"""Whatever is written, the check answers, quotes what stands there, and takes time in proportion."""

from __future__ import annotations

import re
import sys
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.language.backing import Backing
from knowledge.language.check import check
from knowledge.language.folding import fold
from knowledge.language.names import Directory
from tests.knowledge.language.labelled import cast
from tests.knowledge.language.scoring import directory_of

DIRECTORY = directory_of(cast("train"))
BACKING = Backing.of(["412 calls failed at 2025-05-06 14:02 UTC", 7, 0.5])
PIECES = st.sampled_from(
    [
        "we ",
        "are working on it ",
        "never ",
        "again ",
        "Apple",
        "’s ",
        "May ",
        "100 % ",
        "\u200b",
        "ＭＡＹ ",
        "10.1.2.3 ",
        "14:02 UTC ",
        "412 ",
        "0001-01-01 00:00 +14:00 ",
        "9999-12-31T23:59-12:00 ",
        "31 February ",
        "because of ",
        "sk_",
        "://",
        "a@b.example ",
        "`",
        '"',
        "\n> ",
        "#ops-x ",
        "é",
        "ß",
        "İ",
        "1.2.3,4 ",
    ]
)
TEXTS = st.one_of(st.text(max_size=300), st.lists(PIECES, max_size=40).map("".join))
HOSTILE = [
    "a",
    "soon ",
    "we are ",
    '"',
    "`",
    "> ",
    "1,",
    "1.",
    "12:",
    "a.",
    "a@",
    "-",
    "/",
    "#a-",
    "May ",
    "Will ",
    "Apple ",
    " ",
    "\n",
    "we will be ",
    "the the ",
    "org_",
    "http://",
    "eyJ",
    "due to ",
    "password ",
    "key key ",
    "A-1",
    "::",
    "0a",
    "\u200b",
    "é",
    "x_y",
    "if you ",
]


@settings(max_examples=100, deadline=None)
@given(TEXTS, st.sampled_from(["en", "de", "fr"]))
def test_it_never_raises_and_quotes_exactly_what_stands_there(text, language):
    found = check(text, DIRECTORY, backing=BACKING, language=language)
    assert all(0 <= one.start < one.end <= len(text) and text[one.start : one.end] == one.quote for one in found)
    assert [one.start for one in found] == sorted(one.start for one in found)
    for kind in {one.kind for one in found}:
        of_kind = [one for one in found if one.kind is kind]
        assert all(one.end <= other.start for one, other in pairwise(of_kind))
    assert found == check(text, DIRECTORY, backing=BACKING, language=language)


@settings(deadline=None)
@given(st.text(max_size=80))
def test_any_names_make_a_directory(name):
    every = frozenset({name})
    for field in ("services", "hosts", "people", "repositories", "other_customers", "own"):
        check(f"Hello {name}, it works.", Directory(**{field: every}))


@given(st.text(max_size=200))
def test_folding_keeps_the_way_back(text):
    folded = fold(text)
    assert len(folded.starts) == len(folded.ends) == len(folded.text)
    assert all(start < end <= len(text) for start, end in zip(folded.starts, folded.ends, strict=True))
    assert fold(folded.text).text == folded.text


def steps(text: str) -> int:
    """Lines of the package that run while a text is checked."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        if "knowledge/language" not in frame.f_code.co_filename and "redaction" not in frame.f_code.co_filename:
            return None
        count += 1
        return trace

    check("warm up: probably 12 EUR", DIRECTORY, backing=BACKING)
    sys.settrace(trace)
    try:
        check(text, DIRECTORY, backing=BACKING)
    finally:
        sys.settrace(None)
    return count


@pytest.mark.parametrize("piece", HOSTILE)
def test_twice_the_text_takes_twice_the_steps(piece):
    short, long = piece * (1500 // len(piece)), piece * (3000 // len(piece))
    assert steps(long) <= 2.3 * steps(short) + 2000


def test_no_pattern_repeats_without_bound_over_what_it_may_match_in_two_ways():
    """A `*` or `+` may stand after one class of characters only, never inside another repeat."""
    from knowledge.language import backing, claims, credentials, internals, personal, quantities, wording
    from knowledge.language.words import english, german

    patterns = [
        value.pattern
        for module in (backing, claims, credentials, internals, personal, quantities, wording)
        for value in vars(module).values()
        if isinstance(value, re.Pattern)
    ]
    patterns += [
        part for phrase in (*english.PHRASES, *german.PHRASES) for part in (phrase.rest, phrase.before, phrase.unless)
    ]
    nested = re.compile(r"\((?:[^()\\]|\\.)*(?<!\\)[*+](?:[^()\\]|\\.)*\)(?:[*+]|\{\d*,\})")
    assert [pattern for pattern in patterns if nested.search(pattern)] == []
