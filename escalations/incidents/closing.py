"""Close an incident with what made it and the proof that it is over, and open it again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction

from altor.audit import record_event
from altor.errors import Conflict, InvalidInput
from altor.models import User
from escalations.incidents.declaring import next_update
from escalations.incidents.history import SHORTEST, W, allow, lock, save, tell
from escalations.incidents.telling import tell_team
from escalations.lifecycle.history import clean
from escalations.models import Incident
from investigations.services.causes import Cause, by_class, known_causes

S = Incident.Status


def causes() -> Sequence[tuple[str, list[Cause]]]:
    """What may be named as the cause, by class. One query."""
    return by_class(known_causes())


@transaction.atomic
def close(
    incident: Incident, *, cause_label: str, cause_text: str, unproven_reason: str = "", actor: User, now: datetime,
    via: str = "page",
) -> Incident:  # fmt: skip
    """`cause_label` of the taxonomy, `cause_text` what made it. Without proof of recovery a reason is needed.

    InvalidInput with `errors`. A closed incident is given back as it is.
    """
    allow(actor)
    locked = lock(incident)
    if not locked.is_open:
        return locked
    said, reason = clean(cause_text), clean(unproven_reason)
    errors: dict[str, list[str]] = {}
    if cause_label not in known_causes():
        errors["cause_label"] = ["Choose the cause from the list."]
    if len(said) < SHORTEST:
        errors["cause_text"] = ["Write in a few words what made it."]
    if locked.status != S.RECOVERED and len(reason) < SHORTEST:
        errors["unproven_reason"] = [
            "It was not measured that customers are back to normal: give the reason for closing it without."
        ]
    if errors:
        raise InvalidInput(next(iter(errors.values()))[0], errors=errors)
    is_proved = locked.status == S.RECOVERED
    locked.status, locked.closed_at, locked.closed_by = S.CLOSED, now, actor
    locked.ended_at = locked.back_since or locked.fixed_at or now
    locked.cause_label, locked.cause_text = cause_label, said
    locked.unproven_reason = "" if is_proved else reason
    locked.next_update_at = None
    save(locked)
    tell(
        locked, W.CLOSED, at=now, by=actor, via=via, text=said, key=f"{locked.pk}:closed:{locked.revision}",
        data={"cause": cause_label, "proved": is_proved},
    )  # fmt: skip
    record_event(
        actor=actor, action="incident.closed", target=locked, reason=locked.unproven_reason[:300],
        after={"cause": cause_label, "proved": is_proved, "via": via},
    )  # fmt: skip
    tell_team(
        "incident.moved", locked, f"was closed by {actor}", lines=[said, locked.unproven_reason], actor=actor, now=now,
        key=f"incident.closed:{locked.pk}:{locked.revision}",
    )  # fmt: skip
    return locked


def reopen(incident: Incident, why: str, *, actor: User, now: datetime, via: str = "page") -> Incident:
    """Open again, with a reason. Conflict when another incident of the same cause is open."""
    allow(actor)
    said = clean(why)
    if len(said) < SHORTEST:
        raise InvalidInput("Say in a few words why it is open again.", errors={"text": ["Say why it is open again."]})
    try:
        with transaction.atomic():
            locked = lock(incident)
            if locked.is_open:
                return locked
            locked.status, locked.fixed_at, locked.back_since, locked.ended_at = S.OPEN, None, None, None
            locked.closed_at = locked.closed_by = None
            locked.unproven_reason = ""
            locked.next_update_at = next_update(locked, now)
            save(locked)
            tell(locked, W.REOPENED, at=now, by=actor, via=via, text=said)
            record_event(actor=actor, action="incident.reopened", target=locked, reason=said[:300], after={"via": via})
            tell_team("incident.moved", locked, f"is open again, says {actor}", lines=[said], actor=actor, now=now,
                      key=f"incident.reopened:{locked.pk}:{locked.revision}")  # fmt: skip
    except IntegrityError:
        other = Incident.objects.open().filter(cause=incident.cause).exclude(pk=incident.pk).first()
        raise Conflict(
            f"{other.ref if other else 'Another incident'} of this cause is open: go on with that one.",
            incident=other.ref if other else "",
        ) from None
    return locked
