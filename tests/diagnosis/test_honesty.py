"""What was not measured, not asked or not known is said, and never read as "nothing is wrong"."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest

from investigations.diagnosis.diagnose import diagnose
from investigations.diagnosis.facts import FactSpace, plain
from investigations.diagnosis.steps import could_not_check, interpret
from investigations.diagnosis.types import EvidenceDraft, RunInputs, StepOutcome
from investigations.playbooks.conditions import Truth, Unknown, check, evaluate
from investigations.playbooks.format import Playbook
from investigations.playbooks.loader import LIBRARY, parse_playbook
from investigations.sources.base import SourceAnswer

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
WINDOW = {"window_start": "2026-04-30T06:00:00Z", "window_end": "2026-05-01T12:00:00Z", "opened_at": plain(NOW)}
SILENT = {"n": 0.0, "series": []}


@cache
def library(key: str) -> Playbook:
    path = LIBRARY / f"{key}.yaml"
    return parse_playbook(path.read_text(), name=path.name)


def inputs(**values: Any) -> RunInputs:
    ticket = {"ref": "T-1", "text": "429 since ten", "opened_at": plain(NOW), "requester_name": "Ada Example"}
    customer = {"org_id": values["org_id"], "name": "Borealis"} if "org_id" in values else {}
    return RunInputs(NOW, ticket, customer, {**WINDOW, **values}, {})


def done(step_id: str, **facts: Any) -> StepOutcome:
    step = library("rate_limit").step(step_id)
    return StepOutcome(step_id, step.source, "done", facts=plain(facts))


def not_known(step_id: str, name: str) -> StepOutcome:
    return could_not_check(library("rate_limit").step(step_id), 1, f"not known: {name}", kind="input")


def rejected(share: float, **more: Any) -> dict[str, Any]:
    mine = {"significant": True, "ongoing": True, "current": share, "overall": share / 2, "baseline": 0.0, "n": 400.0}
    return {"mine": {**mine, "onset": "2026-05-01T09:00:00Z"}, "rejected": True, **more}


def test_without_a_customer_nothing_is_called_fine_and_the_account_is_asked_for() -> None:
    book = library("rate_limit")
    outcomes = {
        "traffic": done("traffic", mine=SILENT, others={"n": 9000.0, "significant": False, "current": 0.001}),
        "parts": not_known("parts", "org_id"),
        "account": not_known("account", "org_id"),
    }
    document = diagnose(book, inputs(), outcomes).as_dict()
    assert document["candidates"][0]["label"] == "inconclusive"
    assert (document["escalate"], document["culprit"]["kind"], document["onset"]) == (False, "none", None)
    told = [sentence for sentence in document["missing"] if "customer's id" in sentence]
    assert len(told) == 1 and "2 checks could not be made" in told[0] and book.step("parts").title in told[0]
    assert document["next_steps"][0] == "Which account is this ticket about?"
    assert "Which account is this ticket about?" in document["reply_draft"]
    assert "records of your account" not in document["reply_draft"]
    assert document["candidates"][0]["confirm"] == "Which account is this ticket about?"


def test_a_customer_of_whom_the_telemetry_holds_nothing_is_not_called_fine() -> None:
    outcomes = {"traffic": done("traffic", mine=SILENT, others={"n": 9000.0, "significant": False, "current": 0.001})}
    document = diagnose(library("rate_limit"), inputs(org_id="org_9"), outcomes).as_dict()
    assert document["candidates"][0]["label"] == "inconclusive"
    between = "between 30 Apr 06:00 UTC and 1 May 12:00 UTC"
    assert document["missing"][0] == f"The telemetry holds no record of Borealis (org_9) {between}."
    assert document["missing"][0] in document["summary"]


def test_a_time_before_the_telemetry_is_named() -> None:
    mine = {"significant": False, "current": 0.0, "overall": 0.0, "n": 400.0}
    outcomes = {"traffic": done("traffic", mine=mine, others={"significant": False, "current": 0.0})}
    late = inputs(org_id="org_9", window_misses=True, claimed_onset="2026-04-28T08:00:00Z")
    document = diagnose(library("rate_limit"), late, outcomes).as_dict()
    told = "The ticket speaks of 28 Apr 08:00 UTC; the telemetry that was looked at begins 30 Apr 06:00 UTC."
    assert told in document["missing"]
    assert told not in diagnose(library("rate_limit"), inputs(org_id="org_9"), outcomes).as_dict()["missing"]


def test_a_weak_suspicion_is_not_escalated() -> None:
    outcomes = {"traffic": done("traffic", **rejected(0.3))}
    document = diagnose(library("rate_limit"), inputs(org_id="org_9"), outcomes).as_dict()
    assert document["candidates"][0]["confidence"] < 0.4
    assert (document["escalate"], document["severity"]) == (False, None)


def test_the_order_in_which_answers_arrived_changes_nothing() -> None:
    def draft(ref_id: str, step_id: str, verdict: Any) -> EvidenceDraft:
        return EvidenceDraft(ref_id, step_id, "clickhouse", "status_429_share", f"{ref_id} says so", verdict=verdict)

    book = library("rate_limit")
    made = []
    for number, step in enumerate(book.steps[:4], 1):
        drafts = tuple(draft(f"E{number}.{part}", step.id, "abnormal") for part in range(8))
        facts = rejected(0.3) if step.id == "traffic" else {}
        made.append(StepOutcome(step.id, step.source, "done", facts=facts, evidence=drafts))
    hashes = {
        diagnose(book, inputs(org_id="org_9"), {outcome.step_id: outcome for outcome in order}).result_hash
        for order in itertools.permutations(made)
    }
    assert len(hashes) == 1


def test_a_false_signal_is_never_told_as_true() -> None:
    tree = library("rate_limit").model_dump(by_alias=True, mode="json")
    said = {"when": "false", "for": "strong", "against": "strong", "says": "The sky is green"}
    tree["hypotheses"] = [{"label": "rl.x", "title": "X", "signals": [said]}]
    document = diagnose(Playbook.model_validate(tree), inputs(org_id="org_9"), {}).as_dict()
    assert [item["says"] for item in document["candidates"][0]["against"]] == ["Not so: The sky is green"]


def test_a_reply_is_neutral_when_a_fact_of_its_wording_is_not_known() -> None:
    tree = library("rate_limit").model_dump(by_alias=True, mode="json")
    reply = {"observed": "Since {diagnosis.onset|time} it fails.", "scope": "You.", "next_step": "We look.", "eta": ""}
    says = {"when": "true", "for": 6.0, "says": "So it is"}
    hypothesis = {"label": "rl.x", "title": "X", "signals": [says], "reply": reply, "onset": ["traffic.mine.onset"]}
    tree["hypotheses"] = [hypothesis]
    book = Playbook.model_validate(tree)
    known = {"traffic": done("traffic", **rejected(0.3))}
    assert diagnose(book, inputs(org_id="org_9"), known).as_dict()["reply_draft"] == (
        "Hello Ada,\n\nSince 1 May 09:00 UTC it fails.\n\nYou.\n\nWe look."
    )
    unknown = {"traffic": done("traffic", mine={"significant": True, "n": 40.0}, rejected=True)}
    draft = diagnose(book, inputs(org_id="org_9"), unknown).as_dict()["reply_draft"]
    assert "–" not in draft and "We cannot yet name the cause" in draft


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("We think it is our network.", Truth.YES),
        ("The VPN drops.", Truth.YES),
        ("It is not our network, other services are fast.", Truth.NO),
        ("It isn't the vpn.", Truth.NO),
        ("We checked: our network is fine.", Truth.NO),
        ("The network can be ruled out", Truth.NO),
        ("Not fast. The network is what we suspect", Truth.YES),
        ("the network is not good enough", Truth.YES),
    ],
)
def test_what_a_ticket_denies_is_not_what_it_speaks_of(text: str, truth: Truth) -> None:
    assert check("speaks_of(ticket.text, ['network', 'vpn'])", {"ticket": {"text": text}}) is truth


def test_a_title_of_which_a_part_is_not_known_leaves_it_open() -> None:
    book = library("latency")
    document = diagnose(book, inputs(org_id="org_9"), {}).as_dict()
    titles = [candidate["title"] for candidate in document["candidates"]]
    assert "A deployment slowed …" in titles and not any("–" in title for title in titles)


def test_a_step_without_a_figure_says_that_nothing_was_measured() -> None:
    step = library("latency").step("speed")
    columns = ["t", "mine", "endpoint", "n", "requests", "mean_log", "var_log"]
    empty = SourceAnswer({"columns": columns, "rows": []}, (), NOW)
    assert interpret(step, 1, empty, FactSpace(inputs(org_id="org_9"))).result == "Nothing was measured"


def test_two_names_of_one_answer_do_not_make_each_other_unsure() -> None:
    mine = {"ratio": 1.0, "current": 80.0, "top": {"key": "GET /v2/orders"}}
    quiet = {
        "any_slow": False,
        "routes_slow": [],
        "others_slow": [],
        "only_mine": False,
        "cold_grew": False,
        "mine": mine,
    }
    facts = {
        "speed": {**quiet, "most_routes": 0.0, "worst": {}, "everyone": {"significant": False}},
        "inside": {"db_slow": [], "host_slow": [], "cache_lost": False},
        "regions": {"alone": False, "slow": []},
        "parts": {"waiting_grew": False, "bodies_grew": False, "others_bodies_grew": False},
    }
    book = library("latency")
    outcomes = {key: StepOutcome(key, "clickhouse", "done", facts=plain(found)) for key, found in facts.items()}
    first, second = diagnose(book, inputs(org_id="org_9"), outcomes).as_dict()["candidates"][:2]
    assert {first["label"], second["label"]} == {"none.no_anomaly", "none.customer_network"}
    assert first["confidence"] > 0.8 and second["confidence"] < 0.5


def test_a_few_rejections_are_neither_a_symptom_nor_none() -> None:
    """One rejection of thirty is no change, and no reason to call the customer fine while everything else speaks."""
    mine = {"significant": False, "current": 0.2, "overall": 0.06, "baseline": 0.03, "n": 32.0}
    book = library("rate_limit")
    facts = {
        "traffic": {
            "mine": mine,
            "others": {"significant": False, "current": 0.0},
            "surely": False,
            "grew_then": False,
        },
        "limits": {"fell": True, "fell_for_others": False},
        "subscription": {
            "downgrades": [{"id": "evt_1", "at": "2026-05-01T08:00:00Z", "plan": "S", "plan_before": "L"}]
        },
    }
    rejected = evaluate(book.step("traffic").facts["rejected"], {"traffic": facts["traffic"]})
    assert isinstance(rejected, Unknown)
    outcomes = {key: done(key, **found) for key, found in facts.items()}
    outcomes["instances"] = done("instances", alone=False, all=SILENT)
    first = diagnose(book, inputs(org_id="org_9"), outcomes).as_dict()["candidates"][0]
    assert (first["label"], first["band"]) == ("rl.plan_downgrade", "Medium")
    assert first["caps"] == ["too few records to say whether the symptom is there"]


def with_reply(observed: str, **mine: Any) -> dict[str, Any]:
    """The document of a certain cause whose onset is that of `mine`."""
    tree = library("rate_limit").model_dump(by_alias=True, mode="json")
    reply = {"observed": observed, "scope": "You.", "next_step": "We look.", "eta": ""}
    says = {"when": "true", "for": 6.0, "says": "So it is"}
    tree["hypotheses"] = [
        {"label": "rl.x", "title": "X", "signals": [says], "reply": reply, "onset": ["traffic.mine.onset"]}
    ]
    facts = rejected(0.3)
    known = {"traffic": done("traffic", **facts | {"mine": facts["mine"] | mine})}
    return diagnose(Playbook.model_validate(tree), inputs(org_id="org_9"), known).as_dict()


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        (("2026-05-01T08:58:00Z", "2026-05-01T09:04:00Z"), "Since 1 May 09:00 UTC it fails."),
        (("2026-05-01T08:12:00Z", "2026-05-01T09:47:00Z"), "Since about 1 May 09:00 UTC it fails."),
    ],
)
def test_a_reply_says_about_where_the_beginning_is_not_known_well(ends: tuple[str, str], expected: str) -> None:
    document = with_reply("Since {diagnosis.since} it fails.", onset_from=ends[0], onset_to=ends[1])
    assert expected in document["reply_draft"]
    assert document["onset_between"] == list(ends)


def test_an_onset_without_ends_is_told_as_it_is() -> None:
    document = with_reply("Since {diagnosis.since} it fails.")
    assert document["onset_between"] is None and "Since 1 May 09:00 UTC" in document["reply_draft"]
