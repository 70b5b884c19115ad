"""The figures that the check must keep on labelled replies."""

from __future__ import annotations

import pytest

from knowledge.language.findings import LEAKS
from tests.knowledge.language.labelled import replies
from tests.knowledge.language.scoring import WORDING, score


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_leaks_of_the_test_half_are_found_and_few_are_made_up(seed):
    found = score("test", seed=seed)
    assert found.precision(LEAKS) >= 0.95 and found.recall(LEAKS) >= 0.90


def test_wording_of_the_test_half_is_found_and_little_is_made_up():
    found = score("test")
    assert found.precision(WORDING) >= 0.85 and found.recall(WORDING) >= 0.80


@pytest.mark.parametrize("half", ["train", "test"])
def test_a_half_is_large_and_two_fifths_of_it_are_clean(half):
    found = score(half)
    assert found.replies >= 160 and found.clean >= 0.4 * found.replies


def test_the_halves_share_no_sentence():
    halves = [{reply.text for reply in replies(half)} for half in ("train", "test", "later")]
    assert not halves[0] & halves[1] and not halves[0] & halves[2] and not halves[1] & halves[2]
