"""The contract's JSON object of a run, as command, REST and pages show it."""

from __future__ import annotations

from typing import Any

from investigations.models import Investigation

#: Order of the keys: the contract's first.
_KEYS = (
    "class",
    "as_of",
    "candidates",
    "culprit",
    "scope",
    "onset",
    "escalate",
    "severity",
    "unavailable",
    "missing",
    "evidence",
    "ruled_out",
    "next_steps",
    "reply_draft",
)


def investigation_document(run: Investigation) -> dict[str, Any]:
    """{"investigation", "ticket", "class", "as_of", "seconds", "candidates", …, "timing"}; empty lists without a diagnosis."""
    diagnosis = run.diagnosis or {}
    upstream = run.upstream_seconds or 0.0
    wall = run.seconds or 0.0
    document: dict[str, Any] = {"investigation": run.ref, "ticket": run.ticket.ref}
    for key in _KEYS[:2]:
        document[key] = diagnosis.get(key)
    document["seconds"] = round(wall, 3)
    for key in _KEYS[2:]:
        document[key] = diagnosis.get(
            key, [] if key in ("candidates", "unavailable", "missing", "evidence", "ruled_out", "next_steps") else None
        )
    document["playbook"] = f"{run.playbook.key} v{run.playbook.version}" if run.playbook else None
    document["summary"] = diagnosis.get("summary", "")
    document["result_hash"] = run.result_hash
    document["timing"] = {
        "wall": round(wall, 3),
        "upstream": round(upstream, 3),
        "own": round(max(0.0, wall - upstream), 3),
    }
    return document
