"""The gates before a reply and an escalation: steps that must have run, and passing without them for a reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from altor import events
from altor.audit import record_event
from altor.errors import Conflict, InvalidInput, PermissionRefused
from altor.models import User
from investigations.models import GateOverride, Investigation, StepResult
from investigations.playbooks.stored import stored_playbook
from investigations.services.announcing import gate_overridden

GATES = ("reply", "escalation")
#: How a required step may have ended in a finished run.
_ENOUGH = {StepResult.Status.DONE, StepResult.Status.SKIPPED, StepResult.Status.UNAVAILABLE}
_BEFORE = {"reply": "a reply", "escalation": "an escalation"}


class GateClosed(Conflict):
    code = "gate_closed"
    title = "Required steps have not run"


def gate_state(run: Investigation) -> dict[str, dict[str, Any]]:
    """Per gate: `open`, `missing` (steps that have not run), `tried` (their source gave no answer), `overridden`.

    A step whose source was asked and gave no answer counts as tried, reported apart: it does not close the gate, or an
    upstream that is down would stop every reply. So does a step that its own condition made needless. Both only in a
    run that came to its end: in one that was cancelled or failed, nothing stands for a step but its answer.

    Whoever asks several times prefetches `steps`, and `overrides` with their users.
    """
    if run.playbook is None:
        return {gate: {"open": False, "missing": [], "tried": [], "overridden": None} for gate in GATES}
    playbook = stored_playbook(run.playbook.pk, run.playbook.sha256)
    status = {step.step_id: step.status for step in run.steps.all()}
    enough = _ENOUGH if run.status == Investigation.Status.DONE else {StepResult.Status.DONE}
    known = run.overrides.all() if "overrides" in _prefetched(run) else run.overrides.select_related("user")
    overrides = {override.gate: override for override in known}
    state = {}
    for gate in GATES:
        required = [step for step in playbook.steps if gate in step.required_before]
        missing = [
            {"step": s.id, "title": s.title, "question": s.question} for s in required if status.get(s.id) not in enough
        ]
        tried = [
            {"step": s.id, "title": s.title}
            for s in required
            if status.get(s.id) in enough & {StepResult.Status.UNAVAILABLE}
        ]
        override = overrides.get(gate)
        state[gate] = {
            "open": not missing or override is not None,
            "missing": missing,
            "tried": tried,
            "overridden": {"reason": override.reason, "by": str(override.user), "at": override.at}
            if override
            else None,
        }
    return state


def _prefetched(run: Investigation) -> Mapping[str, Any]:
    found: Mapping[str, Any] = getattr(run, "_prefetched_objects_cache", {})
    return found


def require_open(run: Investigation, gate: str) -> None:
    """GateClosed, with the missing steps and the ways on, unless the gate is open."""
    state = gate_state(run)[gate]
    if state["open"]:
        return
    titles = ", ".join(f"“{item['title']}”" for item in state["missing"]) or "a playbook's steps"
    raise GateClosed(
        f"{run.ref} still needs before {_BEFORE[gate]}: {titles}. Answer what is asked there or run the investigation"
        " again; a lead may pass the gate with a reason.",
        investigation=run.ref,
        gate=gate,
        missing=state["missing"],
    )


@transaction.atomic
def override_gate(run: Investigation, gate: str, reason: str, *, actor: User) -> GateOverride:
    """Open a closed gate with a reason: shown on the ticket and counted."""
    if gate not in GATES:
        raise InvalidInput(f"There is no gate {gate!r}: reply or escalation.")
    if not actor.may("gate.override"):
        raise PermissionRefused("Only a lead or an administrator may open a gate.")
    if len(reason.strip()) < 10:
        raise InvalidInput("Give the reason in a few words: it is shown on the ticket.")
    Investigation.objects.select_for_update().get(pk=run.pk)
    state = gate_state(run)[gate]
    if state["open"]:
        raise Conflict("This gate is open already.")
    missing = [item["step"] for item in state["missing"]]
    override = GateOverride.objects.create(
        investigation=run, gate=gate, missing=missing, reason=reason.strip(), user=actor
    )
    gate_overridden(override)
    Investigation.objects.filter(pk=run.pk).update(live_version=F("live_version") + 1)
    events.record(
        "gate.overridden",
        ticket_ref=run.ticket.ref,
        subject_ref=run.ref,
        at=timezone.now(),
        actor=actor,
        data={"gate": gate, "missing": missing},
    )
    record_event(
        actor=actor,
        action="gate.overridden",
        target=run,
        reason=reason.strip(),
        after={"gate": gate, "missing": missing},
    )
    return override
