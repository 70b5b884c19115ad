"""The contract's JSON object of a run, as command, REST and pages show it, and its text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from altor.words import duration
from investigations.diagnosis.diagnose import band
from investigations.diagnosis.texts import between, moment, since
from investigations.models import Investigation

#: The contract's keys in its order, and what a run without a diagnosis has there.
_CONTRACT: Final[dict[str, Any]] = {
    "class": None,
    "as_of": None,
    "seconds": None,
    "candidates": [],
    "culprit": None,
    "scope": None,
    "onset": None,
    "escalate": None,
    "severity": None,
    "unavailable": [],
    "missing": [],
    "evidence": [],
    "ruled_out": [],
    "next_steps": [],
    "reply_draft": None,
}


def investigation_document(run: Investigation) -> dict[str, Any]:
    """{"investigation", "ticket", "class", "as_of", "seconds", "candidates", …, "timing"}. Does not query.

    Without a diagnosis its lists are empty and the rest is None.
    """
    diagnosis = run.diagnosis or {}
    wall, upstream = run.seconds or 0.0, run.upstream_seconds or 0.0
    timing = {"wall": wall, "upstream": upstream, "own": max(0.0, wall - upstream)}
    return {
        "investigation": run.ref,
        "ticket": run.ticket.ref,
        **{key: diagnosis.get(key, default) for key, default in _CONTRACT.items()},
        "seconds": round(wall, 3),
        "playbook": f"{run.playbook.key} v{run.playbook.version}" if run.playbook else None,
        "summary": diagnosis.get("summary", ""),
        "onset_between": diagnosis.get("onset_between"),
        "contradictions": diagnosis.get("contradictions", []),
        "question": diagnosis.get("question"),
        "affected": diagnosis.get("affected"),
        "route": run.route,
        "result_hash": run.result_hash,
        "timing": {name: round(seconds, 3) for name, seconds in timing.items()},
    }


def as_text(document: dict[str, Any]) -> str:
    """The diagnosis for a terminal: the answer first, then what it rests on."""
    heading = (document[key] for key in ("investigation", "ticket", "class", "playbook"))
    lines = [" · ".join([*map(str, heading), duration(document["seconds"])]), "", document["summary"], ""]
    for candidate in document["candidates"][:4]:
        lines += _candidate(candidate)
    culprit, scope = document["culprit"] or {}, document["scope"] or {}
    lines += ["", f"scope     {scope.get('kind')} {scope.get('value') or ''}".rstrip()]
    if culprit.get("id"):
        lines.append(f"culprit   {culprit['kind']} {culprit['id']}")
    if document["onset"]:
        ends = between(document)
        within = f" (between {moment(ends[0])} and {moment(ends[1])})" if ends else ""
        lines.append(f"since     {since(document)}{within}")
    lines.append(f"escalate  {document['severity'] or 'no'}")
    if (others := document.get("affected")) and others["total"]:
        lines.append(f"others    {others['total']} customers: {others['what']}")
    lines += _list("not checked", document["missing"])
    lines += _list("contradicted", [item["says"] for item in document["contradictions"]])
    lines += _list("it is not", document["ruled_out"])
    lines += _list("next", document["next_steps"])
    lines += ["", "evidence:"]
    lines += [f"  {item['ref_id']:<5} {item['source']:<10} {item['summary']}" for item in document["evidence"]]
    return "\n".join([*lines, "", "reply draft:", "", document["reply_draft"] or "–"])


def _candidate(candidate: dict[str, Any]) -> list[str]:
    sure = candidate["confidence"]
    lines = [f"  {sure:>4.0%} {band(sure).lower():<6}  {candidate['title']}  [{candidate['label']}]"]
    for why in candidate["why"][:3]:
        rests_on = f" ({why['evidence']})" if why["evidence"] else ""
        lines.append(f"               {why['effect']} {why['says']}{rests_on}")
    return lines + [f"               {why['effect']} {why['says']}" for why in candidate["against"][:2]]


def _list(title: str, sentences: Sequence[str]) -> list[str]:
    return ["", f"{title}:", *(f"  - {sentence}" for sentence in sentences)] if sentences else []
