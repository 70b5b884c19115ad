"""The sidebar in Intercom's inbox: the sidebar's document as a Canvas Kit canvas, and what a teammate did with it.

A canvas is static in the inbox: while a run is under way it shows how far it is and offers to look again. It cannot
write into the composer, so the reply is shown to be copied.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from altor.errors import InvalidInput
from investigations.helpdesks.intercom.components import (
    Component,
    bold,
    button,
    divider,
    item,
    link,
    listed,
    quoted,
    single_select,
    spacer,
    text,
    textarea,
    web,
)
from investigations.helpdesks.reading import items, part, texts
from investigations.helpdesks.reading import text as as_text

#: Of the content, and of the stored data, as JSON.
MOST_BYTES: Final = 64 * 1024
#: Rows of evidence that are shown; the report has them all.
MOST_EVIDENCE: Final = 20
MOST_QUESTIONS: Final = 3
#: What may be open at a time.
EXPANDABLE: Final = ("evidence", "reply", "feedback", "similar")
GRADES: Final = {
    "exact": "Exactly right", "one_hop": "One hop short", "area": "Right area", "wrong": "Wrong",
}  # fmt: skip
_GOING_ON: Final = ("queued", "running")


def canvas(document: Mapping[str, Any], *, expanded: str = "", flash: str = "") -> dict[str, Any]:
    """The answer to an initialize or submit request. `expanded` is one of EXPANDABLE or "", `flash` one line."""
    expanded = expanded if expanded in EXPANDABLE else ""
    top = [*_flash(flash), *_run(document), *_lines(document)]
    below = [*_evidence(document, expanded), *_reply(document, expanded), *_similar(document, expanded)]
    asked = [*_escalation(document), *_handoff(document), *_questions(document)]
    end = [*asked, *_feedback(document, expanded), *_actions(document), *_viewer(document)]
    stored = {"expanded": expanded, "ticket": as_text(part(document, "ticket").get("ref"), 80)}
    return {"canvas": {"content": {"components": _fitting(top, below, end)}, "stored_data": stored}}


def action_of(body: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Which component was used, and what stands in the canvas's inputs. InvalidInput for a body that names none."""
    action = as_text(body.get("component_id"), 80)
    if not action:
        raise InvalidInput("The request names no component.")
    return action, {str(name)[:80]: as_text(value, 8000) for name, value in part(body, "input_values").items()}


def expanded_by(action: str, body: Mapping[str, Any]) -> str:
    """What is open after the action: a toggle opens what was closed and closes what was open."""
    before = as_text(part(body, "current_canvas", "stored_data").get("expanded"), 20)
    opened = action.removeprefix("show-")
    if action.startswith("show-") and opened in EXPANDABLE:
        return "" if before == opened else opened
    return "" if action == "send-feedback" else before if before in EXPANDABLE else ""


def _flash(flash: str) -> list[Component]:
    return [text(quoted(flash, 200), "muted", name="flash")] if flash.strip() else []


def _run(document: Mapping[str, Any]) -> list[Component]:
    state, run = as_text(document.get("state"), 20), part(document, "run")
    ref, version = as_text(run.get("ref"), 40), as_text(run.get("version"), 10)
    title = f"Altor {ref}".strip() + (f", version {version}" if version else "")
    shown = [text(quoted(title), "header", name="title")]
    if state in _GOING_ON:
        shown.append(text(quoted(_progress(state, part(run, "progress"))), "muted", name="progress"))
    elif state == "failed":
        shown.append(text(quoted(run.get("failure")) or "The investigation failed.", "error", name="failure"))
    elif state == "cancelled":
        shown.append(text("The investigation was cancelled.", "muted", name="state"))
    elif state != "done":
        shown.append(text("Not investigated yet.", "muted", name="state"))
    return shown


def _progress(state: str, progress: Mapping[str, Any]) -> str:
    done, total = as_text(progress.get("done"), 6), as_text(progress.get("total"), 6)
    if state == "queued" or not total:
        return "Queued." if state == "queued" else "Running."
    current = as_text(progress.get("current"), 120)
    return f"Running: {done or '0'} of {total} steps" + (f", now {current}." if current else ".")


def _lines(document: Mapping[str, Any]) -> list[Component]:
    shown = []
    for number, line in enumerate(items(document.get("lines"))):
        refs = (link(each.get("ref_id"), each.get("url")) for each in list(items(line.get("evidence")))[:6])
        pieces = [bold(line.get("lead")), quoted(line.get("text")), _confidence(line), *refs]
        words = " ".join(each for each in pieces if each)
        if words and number < 8:
            shown.append(text(words, name=f"line-{number}"))
    if checked := quoted(part(document, "checked").get("text"), 300):
        shown.append(text(checked, "muted", name="checked"))
    return shown


def _confidence(line: Mapping[str, Any]) -> str:
    value, band = line.get("confidence"), quoted(line.get("band"), 20)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        return ""
    return f"({band}, {value:.0%})" if band else f"({value:.0%})"


def _evidence(document: Mapping[str, Any], expanded: str) -> list[Component]:
    found = list(items(document.get("evidence")))
    if not found:
        return []
    toggle = button("show-evidence", f"{'Hide' if expanded == 'evidence' else 'Show'} evidence ({len(found)})")
    if expanded != "evidence":
        return [toggle]
    rows = [
        item(
            f"evidence-{number}",
            f"{as_text(each.get('ref_id'), 20)} {as_text(each.get('summary'), 400)}".strip(),
            subtitle=as_text(each.get("verdict"), 60) or as_text(each.get("source"), 60),
            aside=as_text(each.get("source"), 60) if as_text(each.get("verdict")) else "",
            url=each.get("url"),
        )
        for number, each in enumerate(found[:MOST_EVIDENCE])
    ]
    return [toggle, listed(rows)]


def _reply(document: Mapping[str, Any], expanded: str) -> list[Component]:
    reply, gate = part(document, "reply"), part(document, "reply", "gate")
    words = as_text(reply.get("text"), 8000)
    if not reply:
        return []
    if gate.get("open") is not True or not words:
        missing = ", ".join(quoted(each, 80) for each in texts(gate.get("missing"))[:6])
        waits = f"The reply waits for: {missing}." if missing else "There is no reply yet."
        return [text(waits, "muted", name="gate")]
    if part(document, "actions").get("insert") is not True:
        return []
    if expanded != "reply":
        return [button("show-reply", "Show the reply")]
    return [button("show-reply", "Hide the reply"), textarea("reply", "Reply, to be copied", value=words)]


def _similar(document: Mapping[str, Any], expanded: str) -> list[Component]:
    """What the knowledge base found: `text` and `url`, and `items` of the same, or with `title`, `summary` and a `note`
    that says how sure it is. The part's own `title` stands on the button.
    """
    found = part(document, "similar")
    if not found:
        return []
    own = [{**found, "title": ""}] if as_text(found.get("text")) else []
    listing = [*own, *items(found.get("items"))]
    rows = [
        item(
            f"similar-{number}",
            each.get("title") or each.get("text"),
            subtitle=each.get("summary") or each.get("note"),
            aside=each.get("note") if each.get("summary") else "",
            url=each.get("url"),
        )
        for number, each in enumerate(listing[:10])
        if as_text(each.get("title")) or as_text(each.get("text"))
    ]
    if not rows:
        return []
    title = as_text(found.get("title")) or "Similar"
    toggle = button("show-similar", f"{title} ({len(rows)}): {'hide' if expanded == 'similar' else 'show'}")
    return [toggle, listed(rows)] if expanded == "similar" else [toggle]


def _escalation(document: Mapping[str, Any]) -> list[Component]:
    escalation = part(document, "escalation")
    if not escalation:
        return []
    ref, state = as_text(escalation.get("ref"), 40), as_text(escalation.get("state"), 60)
    missing = ", ".join(quoted(each, 80) for each in texts(escalation.get("missing"))[:6])
    shown = [text(" ".join(filter(None, (bold("Escalation"), link(ref, escalation.get("url")), quoted(state)))))]
    return [*shown, text(f"Still missing: {missing}.", "muted")] if missing else shown


def _handoff(document: Mapping[str, Any]) -> list[Component]:
    handoff = part(document, "handoff")
    ref, words = as_text(handoff.get("ref"), 40), quoted(handoff.get("text"), 400)
    if not words:
        return []
    return [text(" ".join(filter(None, (bold("Handoff"), link(ref, handoff.get("url")), words))), name="handoff")]


def _questions(document: Mapping[str, Any]) -> list[Component]:
    shown = []
    for number, each in enumerate(list(items(part(document, "questions").get("items")))[:MOST_QUESTIONS]):
        about = link(each.get("text"), each.get("url"))
        rest = quoted(each.get("said"), 200), quoted(each.get("note"), 40)
        if about:
            words = " ".join(filter(None, (bold("Question"), about, *rest)))
            shown.append(text(words, name=f"question-{number}"))
    return shown


def _feedback(document: Mapping[str, Any], expanded: str) -> list[Component]:
    if part(document, "actions").get("feedback") is not True:
        return []
    if expanded != "feedback":
        return [button("show-feedback", "Was this right?", style="link")]
    return [
        divider(),
        single_select("grade", "How near was the cause?", GRADES),
        textarea("comment", "What was it really?", placeholder="Optional"),
        button("send-feedback", "Send", style="primary"),
        button("show-feedback", "Not now", style="link"),
    ]


def _actions(document: Mapping[str, Any]) -> list[Component]:
    actions, run = part(document, "actions"), part(document, "run")
    shown = []
    if actions.get("start") is True:
        shown.append(button("start", "Investigate", style="primary"))
    if document.get("state") in _GOING_ON:
        shown.append(button("refresh", "Look again"))
    if actions.get("rerun") is True:
        shown.append(button("rerun", "Investigate again"))
    if actions.get("escalate") is True:
        escalation = part(document, "escalation")
        verb, there = as_text(escalation.get("verb"), 40) or "Escalate", web(escalation.get("url"))
        # Intercom's buttons have no second click: it is filled in and sent on the page.
        shown.append(button("escalate", verb, url=there) if there else button("escalate", verb))
    if report := web(run.get("url")):
        shown.append(button("open", "Open in Altor", url=report, style="link"))
    return [spacer(), *shown] if shown else []


def _viewer(document: Mapping[str, Any]) -> list[Component]:
    viewer = part(document, "viewer")
    if not viewer or viewer.get("is_known") is True:
        return []
    return [text("You are not known to Altor: sign in there once to act from here.", "muted", name="viewer")]


def _fitting(top: list[Component], below: list[Component], end: list[Component]) -> list[Component]:
    """All of it; without what can be opened, and then without the last lines, where Intercom would refuse the size."""
    if _fits([*top, *below, *end]):
        return [*top, *below, *end]
    more = text("There is more than fits here: open it in Altor.", "muted")
    while top and not _fits([*top, more, *end]):
        top = top[:-1]
    return [*top, more, *end]


def _fits(components: list[Component]) -> bool:
    return len(json.dumps({"components": components}).encode()) <= MOST_BYTES
