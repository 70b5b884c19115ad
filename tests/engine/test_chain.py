"""A run takes as long as its longest chain of dependent questions, not as all of them together."""

from __future__ import annotations

import pytest

from investigations.engine.plan import longest_chain
from investigations.models import PlaybookVersion
from investigations.playbooks.format import Playbook
from investigations.playbooks.loader import library_files, parse_playbook
from tests import factories
from tests.engine.scene import carry, playbook, step
from tests.loopback import Answer, Upstream

ANSWER_S = 0.3
#: Twelve steps; the longest chain is a, d, g, j. `k` only reads it, `m` is asked of a person.
STEPS = (
    step("a"),
    step("b", "beta"),
    step("c", "gamma"),
    step("d", "beta", depends_on=["a"]),
    step("e", depends_on=["b"]),
    step("f", "gamma", depends_on=["c"]),
    step("g", depends_on=["d", "b"]),
    step("h", "gamma", depends_on=["e"]),
    step("i", "beta"),
    step("j", "beta", depends_on=["g", "f"]),
    step("k", reads=["j"]),
    step("m", "manual", depends_on=["j"], manual={"ask": "Why?", "answer": "text"}),
)


@pytest.mark.django_db
def test_the_longest_chain_counts_questions_to_sources() -> None:
    book = playbook(*STEPS)
    assert longest_chain(Playbook.model_validate(book.document)) == ["a", "d", "g", "j"]


@pytest.mark.parametrize("file", library_files(), ids=lambda file: file.stem)
def test_no_shipped_playbook_has_a_long_chain(file) -> None:
    assert len(longest_chain(parse_playbook(file.read_text(), name=file.name))) <= 3


@pytest.mark.slow
@pytest.mark.usefixtures("quiet")
@pytest.mark.django_db(transaction=True)
def test_a_run_takes_at_most_1_3_times_its_longest_chain(upstream: Upstream) -> None:
    upstream.behaviour = lambda asked: Answer(body={"n": 1.0}, delay_s=ANSWER_S)
    book: PlaybookVersion = playbook(*STEPS)
    # The best of three: other work on the machine can only add.
    runs = [carry(factories.run(playbook=book), upstream) for _ in range(3)]
    best = min(runs, key=lambda run: run.seconds or 0)
    assert best.seconds is not None and best.upstream_seconds is not None
    assert best.seconds <= 1.3 * 4 * ANSWER_S
    assert best.seconds - best.upstream_seconds < 0.5
    assert len(upstream.asked) == 3 * 11
