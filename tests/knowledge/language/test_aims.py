"""The figures that the check must keep on labelled replies."""

from __future__ import annotations

from typing import get_args

import pytest

from knowledge.language.findings import LEAKS
from tests.knowledge.language.labelled import Half, replies
from tests.knowledge.language.scoring import WORDING, score


@pytest.mark.parametrize("half", ["test", "last"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_leaks_are_found_and_few_are_made_up(half, seed):
    found = score(half, seed=seed)
    assert found.precision(LEAKS) >= 0.95 and found.recall(LEAKS) >= 0.90


@pytest.mark.parametrize("half", ["test", "last"])
def test_wording_is_found_and_little_is_made_up(half):
    found = score(half)
    assert found.precision(WORDING) >= 0.85 and found.recall(WORDING) >= 0.80


@pytest.mark.parametrize("half", ["train", "test"])
def test_a_half_is_large_and_two_fifths_of_it_are_clean(half):
    found = score(half)
    assert found.replies >= 160 and found.clean >= 0.4 * found.replies


def test_no_sentence_stands_in_two_sets():
    texts = [text for half in get_args(Half) for text in {reply.text for reply in replies(half)}]
    assert len(texts) == len(set(texts))
