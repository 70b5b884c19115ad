"""The sidebar in Intercom: every canvas keeps Canvas Kit's rules, whatever stands in the document."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altor.errors import InvalidInput
from investigations.helpdesks.intercom.canvas import EXPANDABLE, action_of, canvas, expanded_by
from tests.helpdesks.canvas_rules import checked
from tests.helpdesks.mutations import JSON, fixtures, mutated

HOSTILE = "[pay here](https://evil.example) **now** <script>alert(1)</script> [x][y]\n# big"
PROVED = [
    {"ref_id": "E3", "url": "https://altor.example/e/3(1)"},
    {"ref_id": "E4", "url": "javascript:alert(1)"},
]
DOCUMENT: dict[str, Any] = {
    "state": "done",
    "ticket": {"ref": "IC-77", "subject": "Payments fail", "status": "open", "class": "payments", "customer": "Acme",
               "url": "https://app.intercom.com/a/inbox/x/inbox/conversation/77"},
    "run": {"ref": "INV-12", "status": "succeeded", "version": 3, "progress": None, "seconds": 3.1,
            "playbook": "payments", "url": "https://altor.example/investigations/INV-12/", "failure": ""},
    "lines": [
        {"key": "cause", "lead": "Cause", "text": "Cards declined by the issuer", "confidence": 0.91, "band": "High",
         "evidence": PROVED},
        {"key": "scope", "lead": "Scope", "text": "One customer of 212", "confidence": None, "evidence": []},
    ],
    "checked": {"text": "9 checks, 4 systems, 3.1 s; not checked: GitHub", "unavailable": ["GitHub"]},
    "evidence": [
        {"ref_id": f"E{n}", "summary": f"Found {n}", "verdict": "supports", "source": "stripe",
         "url": f"https://altor.example/e/{n}"} for n in range(1, 41)
    ],
    "reply": {"text": "Dear Kim,\nyour card was declined.", "gate": {"open": True, "missing": []}},
    "similar": None,
    "escalation": {"ref": "ESC-1", "state": "waiting", "missing": ["impact"], "url": "https://altor.example/esc/1"},
    "handoff": {"ref": "HO-3", "url": "https://altor.example/handoffs/HO-3/", "text": "From Ana to Ben, signed."},
    "questions": {"title": "Questions to engineering", "items": [
        {"ref": f"QU-{n}", "url": f"https://altor.example/questions/QU-{n}/", "text": f"QU-{n} to Platform",
         "said": "Is it **known**?", "note": "due 1 May 12:00 UTC", "is_open": True} for n in range(5, 0, -1)
    ]},
    "actions": {"start": False, "rerun": True, "feedback": True, "insert": True, "escalate": True},
    "viewer": {"name": "Ada", "is_known": True},
}  # fmt: skip


def shown(changes: dict[str, Any] | None = None, **kwargs: str) -> list[dict[str, Any]]:
    return checked(canvas({**DOCUMENT, **(changes or {})}, **kwargs))


def texts(components: list[dict[str, Any]]) -> list[str]:
    return [each["text"] for each in components if each["type"] == "text"]


def ids(components: list[dict[str, Any]]) -> list[str]:
    return [each["id"] for each in components if "id" in each]


def test_a_diagnosis_in_lines_with_links_to_its_evidence() -> None:
    words = texts(shown())
    assert words[0] == "Altor INV-12, version 3"
    assert words[1] == "**Cause** Cards declined by the issuer (High, 91%) [E3](https://altor.example/e/3%281%29) E4"
    assert words[2] == "**Scope** One customer of 212"
    assert words[3] == "9 checks, 4 systems, 3.1 s; not checked: GitHub"


def test_the_handoff_and_three_questions_are_told_where_there_are_some() -> None:
    words = texts(shown())
    assert "**Handoff** [HO-3](https://altor.example/handoffs/HO-3/) From Ana to Ben, signed." in words
    asked = [one for one in words if one.startswith("**Question**")]
    assert len(asked) == 3
    assert asked[0] == (
        "**Question** [QU-5 to Platform](https://altor.example/questions/QU-5/) Is it * *known* *? due 1 May 12:00 UTC"
    )
    assert not any(
        one.startswith(("**Handoff", "**Question")) for one in texts(shown({"handoff": None, "questions": None}))
    )


@pytest.mark.parametrize(
    ("state", "run", "words"),
    [
        ("none", None, "Not investigated yet."),
        ("queued", {"progress": None}, "Queued."),
        (
            "running",
            {"progress": {"done": 3, "total": 9, "current": "Duration per region"}},
            "Running: 3 of 9 steps, now Duration per region.",
        ),
        ("running", {}, "Running."),
        ("failed", {"failure": "ClickHouse gave no answer"}, "ClickHouse gave no answer"),
        ("failed", {}, "The investigation failed."),
        ("cancelled", {}, "The investigation was cancelled."),
    ],
)
def test_every_state_says_where_it_is(state: str, run: Any, words: str) -> None:
    changes = {"state": state, "run": run, "lines": [], "checked": None, "evidence": [], "reply": None}
    components = shown(changes)
    assert texts(components)[1] == words
    assert ("refresh" in ids(components)) == (state in ("queued", "running"))


@pytest.mark.parametrize("action", ["start", "rerun", "escalate", "feedback", "insert"])
def test_only_what_is_allowed_is_offered(action: str) -> None:
    names = {"feedback": "show-feedback", "insert": "show-reply"}
    nothing = dict.fromkeys(DOCUMENT["actions"], False)
    assert names.get(action, action) in ids(shown({"actions": {**nothing, action: True}}))
    assert names.get(action, action) not in ids(shown({"actions": nothing}))


def test_what_can_be_opened_is_closed_until_asked_for() -> None:
    assert not [each for each in shown() if each["type"] in ("list", "textarea", "single-select")]
    (rows,) = [each["items"] for each in shown(expanded="evidence") if each["type"] == "list"]
    assert len(rows) == 20
    assert rows[0] == {
        "type": "item", "id": "evidence-0", "title": "E1 Found 1", "subtitle": "supports", "tertiary_text": "stripe",
        "action": {"type": "url", "url": "https://altor.example/e/1"},
    }  # fmt: skip
    (reply,) = [each for each in shown(expanded="reply") if each["type"] == "textarea"]
    assert reply["value"] == DOCUMENT["reply"]["text"]
    choices = [each for each in shown(expanded="feedback") if each["type"] == "single-select"]
    assert [each["id"] for each in choices[0]["options"]] == ["exact", "one_hop", "area", "wrong"]


def test_a_closed_gate_says_what_the_reply_waits_for() -> None:
    reply = {"text": "Dear Kim", "gate": {"open": False, "missing": ["impact", "since when"]}}
    components = shown({"reply": reply}, expanded="reply")
    assert "The reply waits for: impact, since when." in texts(components)
    assert "Dear Kim" not in json.dumps(components)


def test_a_stranger_is_told_so_and_news_stand_on_top() -> None:
    components = shown({"viewer": {"name": "", "is_known": False}}, flash="Started " + HOSTILE)
    assert texts(components)[0].startswith("Started [pay here] (https://evil.example)")
    assert "not known to Altor" in texts(components)[-1]


def test_hostile_words_form_no_link_and_no_bold() -> None:
    proved = [{"ref_id": HOSTILE, "url": "https://a.example/ [x](https://evil.example)"}]
    line = {"key": "cause", "lead": HOSTILE, "text": HOSTILE, "confidence": float("nan"), "evidence": proved}
    words = " ".join(texts(shown({"lines": [line], "run": {"ref": HOSTILE, "url": "javascript:alert(1)"}})))
    assert "](https://evil" not in words
    assert "**now**" not in words
    assert "<script" not in words


def test_the_largest_document_fits() -> None:
    huge = "ü" * 50_000
    proved = [{"ref_id": f"E{n}", "url": "https://a.example/" + "x" * 1900} for n in range(50)]
    line = {"lead": huge, "text": huge, "evidence": proved}
    changes = {
        "lines": [{**line, "key": f"k{n}"} for n in range(50)],
        "evidence": [
            {"ref_id": f"E{n}", "summary": huge, "url": "https://a.example/" + "y" * 1900} for n in range(500)
        ],
        "reply": {"text": huge, "gate": {"open": True}},
    }
    for expanded in ("", *EXPANDABLE):
        components = shown(changes, expanded=expanded)
        assert components[0]["text"].startswith("Altor INV-12")
        assert "rerun" in ids(components)


def test_an_action_and_its_inputs() -> None:
    body = fixtures("intercom")["canvas_submit"]["body"]
    assert action_of(body) == ("send-feedback", {"grade": "one_hop", "comment": "It was the retry job."})
    for broken in ({}, {"component_id": None}, {"component_id": {"a": 1}}, {"component_id": ""}):
        with pytest.raises(InvalidInput):
            action_of(broken)


@pytest.mark.parametrize(
    ("before", "action", "after"),
    [
        ("", "show-evidence", "evidence"),
        ("evidence", "show-evidence", ""),
        ("evidence", "show-reply", "reply"),
        ("evidence", "refresh", "evidence"),
        ("feedback", "send-feedback", ""),
        ("", "show-everything", ""),
        ("nonsense", "refresh", ""),
    ],
)
def test_what_is_open_after_an_action(before: str, action: str, after: str) -> None:
    assert expanded_by(action, {"current_canvas": {"stored_data": {"expanded": before}}}) == after


def test_what_is_recognised_stands_on_the_button_and_each_entry_says_how_sure_it_is() -> None:
    document = copy.deepcopy(DOCUMENT)
    document["similar"] = {
        "title": "This is KB-112",
        "items": [
            {"title": "KB-112 Retry storm", "summary": "Ask for pauses.", "note": "its signs are there"},
            {"title": "KB-9 Quota", "summary": "", "note": "may be it"},
            {"title": "KB-4 Deploy", "summary": "Roll back.", "note": ""},
        ],
    }
    told = str(canvas(document))
    assert "This is KB-112 (3): show" in told and "Retry storm" not in told
    told = str(canvas(document, expanded="similar"))
    assert "This is KB-112 (3): hide" in told
    assert "'subtitle': 'Ask for pauses.', 'tertiary_text': 'its signs are there'" in told
    assert "'title': 'KB-9 Quota', 'subtitle': 'may be it'" in told


@given(st.data(), st.sampled_from(("", *EXPANDABLE)))
@settings(max_examples=200)
def test_whatever_the_document_holds_the_canvas_keeps_the_rules(data: st.DataObject, expanded: str) -> None:
    document = copy.deepcopy(DOCUMENT)
    document["evidence"] = document["evidence"][:2]
    document["similar"] = {"text": "Like INV-3", "url": "https://altor.example/k/1", "items": [{"title": "Runbook"}]}
    checked(canvas(mutated(document, data), expanded=expanded))


@given(JSON)
def test_any_body_is_an_action_or_invalid_input(body: Any) -> None:
    said = body if isinstance(body, dict) else {"component_id": body, "input_values": body, "current_canvas": body}
    try:
        action, inputs = action_of(said)
    except InvalidInput:
        return
    assert isinstance(expanded_by(action, said), str)
    assert all(isinstance(each, str) for each in inputs.values())
