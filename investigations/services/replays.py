"""Same evidence, same diagnosis: a finished run weighed anew from what it has stored, compared with what it said."""

from __future__ import annotations

from typing import Any, Final

from altor.errors import Conflict
from investigations.diagnosis import calibration
from investigations.engine.shadow import replay
from investigations.models import Investigation

#: What the hash is made of, beside the evidence (see `diagnosis.diagnose`).
_COMPARED: Final = (
    "class", "candidates", "culprit", "scope", "onset", "escalate", "severity", "unavailable", "missing", "ruled_out",
    "evidence",
)  # fmt: skip


def replay_of(run: Investigation) -> dict[str, Any]:
    """{"investigation", "ticket", "playbook", "same", "result_hash", "replayed_hash", "changed": {key: {"before",
    "after"}}, "because": [sentence]}. Writes nothing. Conflict for a run without a diagnosis.
    """
    if run.status != Investigation.Status.DONE or not run.result_hash or run.playbook is None:
        raise Conflict(f"{run.ref} is {run.status}: only a finished run with its diagnosis can be replayed.")
    again = replay(run)
    same = again.result_hash == run.result_hash
    before, after = run.diagnosis or {}, again.as_dict()
    return {
        "investigation": run.ref,
        "ticket": run.ticket.ref,
        "playbook": f"{run.playbook.key} v{run.playbook.version}",
        "same": same,
        "result_hash": run.result_hash,
        "replayed_hash": again.result_hash,
        "changed": {}
        if same
        else {
            key: {"before": before.get(key), "after": after.get(key)}
            for key in _COMPARED
            if before.get(key) != after.get(key)
        },
        "because": [] if same else _because(run),
    }


def _because(run: Investigation) -> list[str]:
    """What is known to be another than at the run's time."""
    then, now = run.seen.get("calibration"), calibration.current().version
    reasons = []
    if not run.seen:
        reasons.append("The run is older than this check: the ticket and its customer were read as they are now.")
    elif then != now:
        reasons.append(f"Confidence was calibrated by {then} then and is by {now} now.")
    return reasons or ["What is stored of the run, or how this version of Altor weighs, is another than it was."]


def replay_text(found: dict[str, Any]) -> str:
    """For a terminal."""
    what = f"{found['investigation']} · {found['ticket']} · {found['playbook']}"
    if found["same"]:
        return f"{what}: the same diagnosis from the same evidence ({found['result_hash'][:12]})"
    lines = [f"{what}: the diagnosis differs", *(f"  {sentence}" for sentence in found["because"])]
    for key, item in found["changed"].items():
        if key == "candidates":
            lines.append(f"  candidates: {_ranking(item['before'])} -> {_ranking(item['after'])}")
        elif isinstance(item["before"], list):
            lines.append(f"  {key}: {len(item['before'])} -> {len(item['after'] or [])} entries, not the same")
        else:
            lines.append(f"  {key}: {item['before']} -> {item['after']}")
    return "\n".join(lines)


def _ranking(candidates: list[dict[str, Any]] | None) -> str:
    return ", ".join(f"{item['label']} {item['confidence']:.2f}" for item in (candidates or [])[:3]) or "none"
