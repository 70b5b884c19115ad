"""Changes of an entry's state, each with its time, person and reason; and the rules by which it moves by itself.

KCS v6 keeps three things apart: confidence (is it right), audience (who may read it), governance (who may change it).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from altor.audit import record_event
from altor.errors import Conflict, InvalidInput, PermissionRefused
from altor.models import Team, User
from knowledge.models.entries import Audience, Confidence, Entry, EntryChange, Governance

#: Successful reuses by others that validate an entry (KCS: proven by use).
PROVEN_BY: Final = 2
#: A validated entry is looked at again after this, unless a person chose a date.
REVIEW_AFTER: Final = timedelta(days=180)
#: Fields of the state and how they are called.
STATE: Final = {
    "confidence": "Confidence", "audience": "Audience", "governance": "Governance", "team": "Team", "owner": "Owner",
    "review_on": "Review date",
}  # fmt: skip
CHOICES: Final = {"confidence": Confidence, "audience": Audience, "governance": Governance}


def may_edit(entry: Entry, user: User) -> bool:
    """Whether the person may change the entry's words."""
    if entry.governance == Governance.RESTRICTED:
        return user.may("knowledge.review")
    return user.may("knowledge.write")


def locked(entry: Entry) -> Entry:
    """The entry as it is now, held until the transaction ends: every writer takes this row first."""
    return Entry.objects.select_for_update(of=("self",)).get(pk=entry.pk)


@transaction.atomic
def change_state(
    entry: Entry, wanted: dict[str, Any], *, actor: User, reason: str = "", now: datetime | None = None
) -> Entry:
    """Set fields of the state as a reviewer: `confidence`, `audience`, `governance` (values), `team` (Team or None),
    `owner` (User or None), `review_on` (date or None). What is the same already is left alone.

    InvalidInput for what does not fit; PermissionRefused for who is no reviewer. An author may do two things alone:
    take an own entry out of use, and take over an entry that has no owner.
    """
    now = now or timezone.now()
    found = locked(entry)
    changed = {name: value for name, value in wanted.items() if getattr(found, name) != value}
    if not changed:
        return found
    _allow(found, changed, actor)
    for name, choices in CHOICES.items():
        if name in changed and changed[name] not in choices.values:
            raise InvalidInput(f"{STATE[name]} is one of {', '.join(choices.values)}.", errors={name: ["choose one"]})
    _fits(found, changed, now)
    reason = " ".join(reason.replace("\x00", "").split())[:500]
    if changed.get("confidence") == Confidence.ARCHIVED and not reason:
        raise InvalidInput("Say why it is archived.", errors={"reason": ["say why"]})
    if changed.get("confidence") == Confidence.VALIDATED and "review_on" not in changed:
        changed["review_on"] = (now + REVIEW_AFTER).date()
    move(found, changed, why="reviewer", actor=actor, reason=reason, now=now)
    return found


def _allow(entry: Entry, changed: dict[str, Any], actor: User) -> None:
    if actor.may("knowledge.review"):
        return
    if actor.may("knowledge.write"):
        own = entry.created_by_id == actor.pk and entry.governance == Governance.OPEN
        if changed == {"confidence": Confidence.ARCHIVED} and own and not entry.reuses:
            return
        if changed == {"owner": actor} and entry.owner_id is None:
            return
    raise PermissionRefused("Only a reviewer may change the state of this entry.")


def _fits(entry: Entry, changed: dict[str, Any], now: datetime) -> None:
    after = {name: changed.get(name, getattr(entry, name)) for name in STATE}
    if after["confidence"] == Confidence.VALIDATED and not (entry.root_cause and entry.remediation):
        raise InvalidInput(
            "An entry without root cause and remediation cannot be validated.", errors={"confidence": ["complete it"]}
        )
    if after["audience"] == Audience.CUSTOMER:
        if after["team"] is not None:
            raise InvalidInput("An entry of one team cannot be for customers.", errors={"audience": ["see the team"]})
        if not entry.customer_wording:
            raise InvalidInput("For customers it needs a customer wording.", errors={"audience": ["complete it"]})
    review_on = changed.get("review_on")
    if review_on is not None and not now.date() <= review_on <= now.date() + timedelta(days=3660):
        raise InvalidInput("The review date lies in the past or too far ahead.", errors={"review_on": ["choose a day"]})
    team, owner = after["team"], after["owner"]
    if team is not None and owner is not None and not owner.memberships.filter(team=team).exists():
        raise InvalidInput(f"{owner} is not in {team}.", errors={"owner": ["choose a member"]})


def move(
    entry: Entry, changed: dict[str, Any], *, why: str, actor: User | None, reason: str = "", now: datetime
) -> None:
    """Write the changes down, whoever asked for them, on a locked entry. `why` as in EntryChange."""
    rows = []
    for name, value in changed.items():
        before = getattr(entry, name)
        if before == value:
            continue
        setattr(entry, name, value)
        rows.append(
            EntryChange(
                entry=entry,
                field=name,
                before=_told(before),
                after=_told(value),
                why=why,
                reason=reason[:500],
                version=entry.revision,
                at=now,
                by=actor,
            )
        )
    if not rows:
        return
    entry.save(update_fields=[row.field for row in rows])
    EntryChange.objects.bulk_create(rows)
    record_event(
        actor=actor, action="knowledge.state_changed", object_kind="entry", object_ref=entry.ref, reason=reason,
        before={row.field: row.before for row in rows}, after={row.field: row.after for row in rows},
    )  # fmt: skip


def _told(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Team):
        return value.slug
    if isinstance(value, User):
        return value.username
    return value.isoformat() if isinstance(value, date) else str(value)


def demote_overdue(now: datetime | None = None, *, batch: int = 200) -> int:
    """Validated entries whose review date has passed are not validated any more; how many."""
    now = now or timezone.now()
    overdue = Entry.objects.filter(space="", confidence=Confidence.VALIDATED, review_on__lt=now.date())
    done = 0
    for pk in overdue.order_by("review_on").values_list("pk", flat=True)[:batch]:
        with transaction.atomic():
            entry = Entry.objects.select_for_update(of=("self",), skip_locked=True).filter(pk=pk).first()
            if entry is None or entry.confidence != Confidence.VALIDATED or not entry.is_overdue(now.date()):
                continue
            said = f"The review was due on {entry.review_on:%Y-%m-%d}."
            move(entry, {"confidence": Confidence.NOT_VALIDATED}, why="review", actor=None, reason=said, now=now)
            done += 1
    return done


def require_revision(entry: Entry, seen: int | None) -> None:
    """Conflict when somebody saved the entry since its version `seen`."""
    if seen is not None and seen != entry.revision:
        raise Conflict(
            f"{entry.ref} was saved meanwhile: version {entry.revision} is the newest.", revision=entry.revision
        )
