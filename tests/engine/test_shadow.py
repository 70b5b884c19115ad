"""A shadow says what a playbook would say: by the run's own step code, and without a trace."""

from __future__ import annotations

from typing import Any

import pytest

from investigations.engine.shadow import NotReplayable, shadow_of_run, shadow_of_ticket
from investigations.models import Investigation
from investigations.playbooks.format import Playbook
from investigations.profile import Profile
from investigations.services.runs import answer_step
from tests import factories
from tests.engine.scene import ASKED, answering, asked_for, carry, connections, playbook, queued, step
from tests.engine.test_replay import everything
from tests.loopback import Answer, Upstream, serving

pytestmark = pytest.mark.django_db(transaction=True)


def changed(run: Investigation, **document: Any) -> Playbook:
    """The run's playbook with other parts."""
    assert run.playbook is not None
    return Playbook.model_validate({**run.playbook.document, **document})


def with_step(run: Investigation, step_id: str, **parts: Any) -> Playbook:
    assert run.playbook is not None
    steps = [item | parts if item["id"] == step_id else item for item in run.playbook.document["steps"]]
    return changed(run, steps=steps)


def finished(upstream: Upstream, *steps: dict[str, Any], **document: Any) -> Investigation:
    run = carry(queued(*(steps or (step("a"), step("b", "beta", depends_on=["a"]))), **document), upstream)
    upstream.asked.clear()
    return run


def test_other_weights_are_weighed_over_stored_facts_and_nobody_is_asked(upstream: Upstream) -> None:
    run = finished(upstream)
    few = {"when": "a.n > 1.0", "for": "decisive", "says": "Seven is few"}
    causes = [{"label": "rl.few", "title": "Few", "signals": [few]}]
    before = everything()
    found = shadow_of_run(run, changed(run, hypotheses=causes), connections=None)
    assert (run.top_label, found.diagnosis.top_label, found.way, found.asked) == ("rl.many", "rl.few", "stored", ())
    assert not upstream.asked and everything() == before


def test_the_same_playbook_says_the_same(upstream: Upstream) -> None:
    run = finished(upstream, step("a"), step("b", "beta", depends_on=["a"]), step("c", run_if="a.n > 9.0"), ASKED)
    found = shadow_of_run(run, changed(run), connections=None)
    assert (found.way, found.diagnosis.result_hash) == ("stored", run.result_hash)


def test_thresholds_and_words_of_a_step_are_told_again(upstream: Upstream) -> None:
    facts = {"n": "a.data.n", "twice": "a.n * 2.0"}
    run = finished(upstream, step("a", facts=facts, verdict={"abnormal": "a.twice > 1.0", "normal": "true"}))
    book = with_step(
        run, "a", facts=facts | {"twice": "a.n * 0.1"},
        evidence=[{"kind": "count", "summary": "Only {a.twice} of them", "ref": {"of": "'a'"}}],
    )  # fmt: skip
    found = shadow_of_run(run, book, connections=None)
    [evidence] = found.diagnosis.document["evidence"]
    assert (evidence["summary"], evidence["verdict"], found.way) == ("Only 0.70 of them", "normal", "stored")


def test_a_moved_step_keeps_its_answer_and_its_evidence_gets_the_new_number(upstream: Upstream) -> None:
    run = finished(upstream, step("a"), step("b", "beta"))
    assert run.playbook is not None
    found = shadow_of_run(run, changed(run, steps=run.playbook.document["steps"][::-1]), connections=None)
    assert {item["step"]: item["ref_id"] for item in found.diagnosis.document["evidence"]} == {"b": "E1", "a": "E2"}


def test_only_what_asks_something_else_is_asked_with_what_rests_on_it(upstream: Upstream) -> None:
    steps = (step("a"), step("b", "beta"), step("c", depends_on=["b"]))
    run = finished(upstream, *steps)
    before = everything()
    with serving(answering(n=0.0)) as now:
        book = with_step(run, "b", params={"of": "'other'"})
        found = shadow_of_run(run, book, connections=connections(now))
        assert sorted(asked_for(now)) == ["c", "other"]
    assert (found.way, sorted(found.asked), found.diagnosis.top_label) == ("partly", ["b", "c"], "rl.many")
    assert everything() == before


def test_a_persons_answer_is_kept_where_the_step_before_it_is_asked_anew(upstream: Upstream) -> None:
    manual = {**ASKED, "depends_on": ["b"]}
    run = finished(upstream, step("a"), step("b", "beta"), manual)
    answer_step(run, "m", "yes", actor=factories.user())
    found = shadow_of_run(run, with_step(run, "b", params={"of": "'other'"}), connections=connections(upstream))
    assert found.asked == ("b",) and "m" in {item["step"] for item in found.diagnosis.document["evidence"]}


def test_parameters_that_come_to_the_same_are_the_same_question(upstream: Upstream) -> None:
    run = finished(upstream)
    assert shadow_of_run(run, with_step(run, "b", params={"of": "'b' + ''"}), connections=None).way == "stored"


def test_without_the_source_it_is_not_replayable_and_nobody_is_asked(upstream: Upstream) -> None:
    run = finished(upstream)
    book = with_step(run, "b", params={"of": "'other'"})
    with pytest.raises(NotReplayable) as nobody:
        shadow_of_run(run, book, connections=None)
    assert nobody.value.reasons == {"b": "it asks something else now, and no source is asked here"}
    only_alpha = {name: config for name, config in connections(upstream).items() if name == "alpha"}
    with pytest.raises(NotReplayable, match="beta is not connected"):
        shadow_of_run(run, book, connections=only_alpha)
    assert not upstream.asked


def test_a_source_that_gives_no_answer_now_makes_no_comparison(upstream: Upstream) -> None:
    run = finished(upstream)
    with (
        serving(answering(beta=Answer(status=500))) as broken,
        pytest.raises(NotReplayable, match="beta gave no answer"),
    ):
        shadow_of_run(run, with_step(run, "b", params={"of": "'other'"}), connections=connections(broken))


def test_a_source_that_was_away_then_is_away_in_the_replay_too(upstream: Upstream) -> None:
    with serving(answering(beta=Answer(status=500))) as broken:
        run = finished(broken)
    found = shadow_of_run(run, changed(run), connections=connections(upstream))
    assert (found.way, found.diagnosis.result_hash) == ("stored", run.result_hash) and not upstream.asked


def test_a_ticket_that_was_never_run_is_asked_about_and_left_alone(upstream: Upstream) -> None:
    book, ticket = playbook(step("a"), step("b", "beta")), factories.ticket()
    before = everything()
    found = shadow_of_ticket(
        ticket, Playbook.model_validate(book.document), as_of=factories.NOON, profile=Profile(),
        connections=connections(upstream),
    )  # fmt: skip
    run = carry(factories.run(ticket, playbook=book), upstream)
    assert (found.way, sorted(found.asked)) == ("asked", ["a", "b"])
    assert found.diagnosis.result_hash == run.result_hash, "a shadow says what the run says"
    run.delete()
    assert len(everything()[0]) == len(before[0])


def test_the_first_look_leads_a_shadow_to_another_playbook(upstream: Upstream) -> None:
    ticket = factories.ticket()
    other = playbook(step("b", "beta"))
    look = playbook(
        step("a"),
        hypotheses=[
            {
                "label": "rl.other", "title": "Another one", "continue_with": other.key,
                "signals": [{"when": "a.n > 1.0", "for": "decisive", "says": "Many"}],
            }
        ],
    )  # fmt: skip
    first, then = (Playbook.model_validate(item.document) for item in (look, other))
    before = everything()
    found = shadow_of_ticket(
        ticket, first, as_of=factories.NOON, profile=Profile(), connections=connections(upstream), triage=first,
        library={other.key: (other.pk, then)}.get,
    )  # fmt: skip
    assert found.diagnosis.document["playbook"] == other.key and sorted(found.asked) == ["a", "b"]
    assert everything() == before
