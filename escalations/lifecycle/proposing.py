"""What an escalation of a run would be, as things stand: severity, contract, checklist, who is told, what keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import prefetch_related_objects

from altor.errors import Conflict, InvalidInput
from altor.models import User
from escalations.attachments.reading import files_of
from escalations.contracts.checklist import Checked, State, Supply, checklist, missing
from escalations.contracts.choosing import Chosen, contract_for
from escalations.contracts.format import SEVERITIES, ContractForm, Level
from escalations.contracts.stored import form_of
from escalations.lifecycle.causes import cause_of, title_of
from escalations.models import ChecklistAnswer, ContractVersion, Escalation, EscalationDraft
from investigations.diagnosis.diagnose import band
from investigations.models import Investigation, StepResult, Ticket
from investigations.services.gates import gate_state

#: Offered where the diagnosis asks for none.
_FALLBACK: Final = "SEV3"
#: What a gate's step is called among the items of a checklist.
GATE: Final = "gate:"


@dataclass(frozen=True, slots=True)
class Proposal:
    """`proposed` is "" where the diagnosis asks for no escalation. `like` is an open escalation of the same cause."""

    run: Investigation
    version: ContractVersion
    form: ContractForm
    chosen_because: str
    severity: str
    proposed: str
    why: str  # of the proposed severity
    level: Level
    items: Sequence[Checked]
    cause: str
    title: str
    like: Escalation | None

    @property
    def missing(self) -> list[Checked]:
        return missing(self.items)

    @property
    def is_complete(self) -> bool:
        return not self.missing

    @property
    def completeness(self) -> Escalation.Completeness:
        """By the weakest item."""
        states = {item.state for item in self.items}
        if State.TRIED in states:
            return Escalation.Completeness.TRIED
        return Escalation.Completeness.ANSWERS if State.ANSWERED in states else Escalation.Completeness.EVIDENCE

    @property
    def may_be_provisional(self) -> bool:
        return self.level.may_be_provisional and not self.is_complete

    def may_override(self, user: User | None) -> bool:
        return user is not None and user.may("escalation.override") and user.role in self.form.overridden_by


def escalatable(ticket: Ticket) -> Investigation:
    """The run that an escalation of the ticket rests on: its newest that came to an end. Conflict without one."""
    done = Investigation.objects.filter(ticket=ticket, status=Investigation.Status.DONE)
    found = done.with_context().order_by("-pk").first()
    if found is None:
        raise Conflict(f"{ticket.ref} has no finished investigation: an escalation rests on one.", ticket=ticket.ref)
    return found


def propose(run: Investigation, *, severity: str = "", version: ContractVersion | None = None) -> Proposal:
    """Stores nothing. `version` looks at it under another contract than the one in force for it.

    InvalidInput for a severity that is none. Conflict for a run that is not finished. NoContract when none covers it.
    """
    if run.status != Investigation.Status.DONE:
        raise Conflict(f"{run.ref} is {run.get_status_display().lower()}: an escalation rests on a finished run.")
    if severity and severity not in SEVERITIES:
        raise InvalidInput(f"There is no severity {severity!r}: {', '.join(SEVERITIES)}.", severity=severity)
    # Read once: checklist, gates and area all look at them.
    prefetch_related_objects([run], "steps", "evidence")
    proposed, why = proposed_severity(run)
    wanted = severity or proposed
    chosen = Chosen(version, form_of(version), "it was chosen") if version is not None else contract_for(run)
    at = wanted if wanted in chosen.form.levels else _nearest(wanted or _FALLBACK, chosen.form)
    level = chosen.form.level(at)
    assert level is not None  # noqa: S101  # `_nearest` names one that is there
    cause = cause_of(run)
    return Proposal(
        run=run, version=chosen.version, form=chosen.form, chosen_because=chosen.why, severity=at, proposed=proposed,
        why=why, level=level,
        items=[*checklist(chosen.form, run, at, answers_of(run.ticket), files_of(run.ticket)), *gate_items(run)],
        cause=cause, title=title_of(run),
        like=Escalation.objects.open().filter(cause=cause).select_related("ticket", "version__contract").first(),
    )  # fmt: skip


def proposed_severity(run: Investigation) -> tuple[str, str]:
    """("SEV2", why) as the diagnosis says; ("", why) where it asks for no escalation."""
    document: Mapping[str, Any] = run.diagnosis or {}
    first = (document.get("candidates") or [{}])[0]
    sure = first.get("confidence")
    cause = f"“{first['title']}”" if first.get("title") else "no cause"
    how = f"{cause}, {band(sure).lower()} confidence" if sure is not None else cause
    if not document.get("escalate"):
        return "", f"The diagnosis ({how}) does not ask for an escalation."
    said = str(document.get("severity_why") or "").strip().rstrip(".")
    others = (document.get("affected") or {}).get("total")
    extent = f" {others} other customer{'s show' if others != 1 else ' shows'} the symptom too." if others else ""
    return str(document["severity"]), f"{said or 'The playbook says so'} ({how}).{extent}"


def answers_of(ticket: Ticket) -> dict[str, str]:
    """Item -> what was said last."""
    rows = ChecklistAnswer.objects.filter(ticket=ticket).order_by("pk").values_list("item", "text")
    return dict(rows)


def gate_items(run: Investigation) -> list[Checked]:
    """The steps that the playbook wants before an escalation, where they have not run, as items of the checklist."""
    state = gate_state(run)["escalation"]
    asked = {step.step_id for step in run.steps.all() if step.status == StepResult.Status.ASKED}
    kinds = [(State.MISSING, state["missing"] if not state["open"] else ()), (State.TRIED, state["tried"])]
    return [_gate_item(one, kind, is_asked=one["step"] in asked) for kind, found in kinds for one in found]


def _gate_item(one: Mapping[str, Any], state: State, *, is_asked: bool) -> Checked:
    what, verb = ("step", "Answer") if is_asked else ("run", "Run")
    title = f"{verb} “{one['title']}”" + ("" if is_asked else " now")
    return Checked(
        id=f"{GATE}{one['step']}", title=one["title"], state=state, supplies=(Supply(what, title, one["step"]),),
        why="The playbook wants this step before an escalation.",
        says="its source gave no answer" if state is State.TRIED else "",
    )  # fmt: skip


def draft_of(ticket: Ticket) -> EscalationDraft | None:
    return EscalationDraft.objects.filter(ticket=ticket).select_related("saved_by").first()


def _nearest(severity: str, form: ContractForm) -> str:
    """The level of that name; where the contract has none, the next higher one, else the next lower."""
    have = list(form.levels)
    if severity in have:
        return severity
    place = SEVERITIES.index(severity)
    higher = [name for name in have if SEVERITIES.index(name) < place]
    return higher[-1] if higher else have[0]
