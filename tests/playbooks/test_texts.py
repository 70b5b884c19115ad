"""Line ends, merging and inserted steps: whatever the text, nothing of it is lost."""

from __future__ import annotations

import re
from itertools import cycle

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from investigations.playbooks.aligning import aligned
from investigations.playbooks.examine import examine
from investigations.playbooks.line_ends import as_it_was, as_shown
from investigations.playbooks.loader import library_files, read_file
from investigations.playbooks.merging import lines_of, merge
from investigations.playbooks.skeleton import insert_step, step_text, tidy
from tests.playbooks.test_loader import GOOD

LINES = st.lists(st.sampled_from(["", "a", "b", "c: 1", "  - x"]), max_size=12)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])


@st.composite
def texts(draw):
    """A few lines, each with an end of its own; the last perhaps without."""
    lines = draw(LINES)
    text = "".join(line + draw(ENDS) for line in lines) + draw(st.sampled_from(["", "end"]))
    # "\r" and an empty line with "\n" together would be one end.
    return re.sub(r"\r\n|\r|\n", lambda match: match.group(), text)


@given(texts())
def test_what_was_not_changed_comes_back_as_it_was(text):
    assert as_it_was(as_shown(text).replace("\n", "\r\n"), text) == text


@given(texts(), texts())
def test_what_was_typed_is_kept_but_for_the_ends(original, typed):
    assert as_shown(as_it_was(typed, original)) == as_shown(typed)


@given(texts(), st.integers(0, 12))
def test_the_lines_around_a_new_one_keep_their_ends(original, number):
    lines = lines_of(original)
    number = min(number, len(lines))
    typed = as_shown("".join(lines[:number])) + "new line\n" + as_shown("".join(lines[number:]))
    if number and not lines[number - 1].endswith(("\n", "\r")):
        return
    found = lines_of(as_it_was(typed, original))
    at = found.index(next(line for line in found if line.startswith("new line")))
    assert len(found) == len(lines) + 1
    if not any(line.rstrip("\r\n") == "" for line in lines):  # equal lines may stand for each other
        assert sorted(found[:at] + found[at + 1 :]) == sorted(lines)


@given(texts(), texts())
def test_a_side_without_changes_takes_the_others(base, other):
    assert merge(base, base, other).text == other and merge(base, other, base).text == other
    assert merge(base, other, other) == merge(base, other, base)


@example("a\n\r\nb\n\r\n", "a\ra\na\r\na\nb\n\n", "b\n")
@given(texts(), texts(), texts())
def test_every_line_of_both_sides_is_in_the_merge_or_was_taken_out_by_one(base, mine, theirs):
    merged = lines_of(merge(base, mine, theirs).text)
    for side in (mine, theirs):
        for line in lines_of(side):
            bare = line.rstrip("\r\n")
            assert any(found.rstrip("\r\n") == bare for found in merged) or line in lines_of(base)


@given(st.lists(st.sampled_from("abc"), max_size=9), st.lists(st.sampled_from("abc"), max_size=9))
def test_aligned_blocks_turn_one_into_the_other(old, new):
    blocks = aligned(old, new)
    assert [item for kind, a, b, _, _ in blocks for item in old[a:b] if kind != "insert"] == old
    assert [item for _, _, _, c, d in blocks for item in new[c:d]] == new
    assert all(old[a:b] == new[c:d] for kind, a, b, c, d in blocks if kind == "equal")


def test_a_hundred_thousand_equal_lines_are_no_trouble():
    many = "\r\n" + "\n" * 100_000
    assert as_it_was("x\n" + "\n" * 50_000 + "y" + "\n" * 50_001, many).count("\n") == 100_002
    assert merge("\n" * 100_000, "a\n" + "\n" * 100_000, "\n" * 100_000 + "b\n").conflicts == 0


#: A small file with each kind of line ends, the shipped ones by turns: reading one anew takes a third of a second.
FILES = [
    *((GOOD, end) for end in ("\n", "\r\n", "\r")),
    *zip(map(read_file, library_files()), cycle(("\n", "\r\n", "\r")), strict=False),
]


@pytest.mark.parametrize(("text", "end"), FILES, ids=range(len(FILES)))
def test_a_step_goes_into_any_playbook_and_changes_nothing_else(text, end):
    text = text.replace("\n", end)
    block = step_text(step_id="fresh", title='It\'s "new": #1', sql=tidy("select 1;"))
    found, line = insert_step(text, "fresh", block)
    assert lines_of(found)[line - 1].strip() == "- id: fresh"
    assert examine(found).playbook is not None
    added = len(lines_of(found)) - len(lines_of(text))
    assert lines_of(found)[: line - 2] + lines_of(found)[line - 2 + added :] == lines_of(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 2),
        ("key: x", 3),
        ("key: x\nsteps:\n- id: a\n", 5),
        ("steps:\n      - id: a\nkey: x\n", 4),
        ("steps:\n  - a: 1", 4),
    ],
)
def test_a_step_finds_its_place_in_unfinished_files(text, line):
    found, at = insert_step(text, "fresh", step_text(step_id="fresh", title="t", sql="select 1"))
    assert (at, found.split("\n")[at - 1].strip()) == (line, "- id: fresh")
    assert "mapping" not in str(examine(found).problems), found
