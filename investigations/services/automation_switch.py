"""The kill switch: automatic investigations off at once, for everybody, with who, when and why."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from altor.audit import record_event
from altor.errors import Conflict, InvalidInput
from altor.models import User
from altor.shell import Notice
from investigations.models import AutomationSwitch, Investigation
from investigations.services.automation import TRIGGER, one_at_a_time
from investigations.services.runs import cancel_investigation


def switch_state() -> AutomationSwitch | None:
    """The last use of the switch; None when it was never used. One query."""
    return AutomationSwitch.objects.select_related("by").first()


def switch_off(
    *, actor: User | None, reason: str, cancel_queued: bool = False, now: datetime | None = None
) -> AutomationSwitch:
    """Nothing starts by itself from now on: no admission is under way beside this. Runs that work end in peace.

    With `cancel_queued` automatic runs that no worker has begun are cancelled. InvalidInput without a reason, Conflict
    when it is off already.
    """
    reason = reason.strip()
    if not reason:
        raise InvalidInput("Say why: the others will ask.", field="reason", errors={"reason": ["needed"]})
    with transaction.atomic():
        one_at_a_time()
        state = switch_state()
        if state is not None and not state.is_on:
            raise Conflict(f"It is off already: {state.reason}")
        row = AutomationSwitch.objects.create(is_on=False, reason=reason[:300], at=now or timezone.now(), by=actor)
        record_event(
            actor=actor, action="automation.switched_off", object_kind="automation", object_ref="switch",
            after={"cancels_queued": cancel_queued}, reason=row.reason,
        )  # fmt: skip
    if cancel_queued:
        # Afterwards: whoever was admitted before has queued its run by now, and tickets are not locked under the
        # lock of the places.
        row.cancelled = _cancel_queued(actor)
        row.save(update_fields=["cancelled"])
    return row


@transaction.atomic
def _cancel_queued(actor: User | None) -> int:
    # Locked while they are looked at: a worker that wants one of them finds it cancelled, one that has it keeps it.
    queued = Investigation.objects.select_for_update(of=("self",)).filter(
        status=Investigation.Status.QUEUED, trigger=TRIGGER
    )
    rows = list(queued.order_by("pk"))
    for run in rows:
        cancel_investigation(run, actor=actor)
    return len(rows)


@transaction.atomic
def switch_on(*, actor: User | None, reason: str = "", now: datetime | None = None) -> AutomationSwitch:
    """The rules decide again. Conflict when it is on."""
    one_at_a_time()
    state = switch_state()
    if state is None or state.is_on:
        raise Conflict("It is on already.")
    row = AutomationSwitch.objects.create(is_on=True, reason=reason.strip()[:300], at=now or timezone.now(), by=actor)
    record_event(
        actor=actor, action="automation.switched_on", object_kind="automation", object_ref="switch", reason=row.reason
    )
    return row


def notices(user: User) -> list[Notice]:
    """What leads and administrators see on every page while it is off."""
    if not user.may("automation.edit") or not settings.AUTO_INVESTIGATE:
        return []
    state = switch_state()
    if state is None or state.is_on:
        return []
    who = f" by {state.by}" if state.by else ""
    return [
        Notice(
            f"Automatic investigations are switched off{who}: {state.reason}", "investigations:automation",
            "Automation", state.at,
        )
    ]  # fmt: skip
