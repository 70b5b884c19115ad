"""Prepare, hold and close a review. Everything can be taken back until it is closed, and closing too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from altor.audit import record_event
from altor.errors import Conflict, InvalidInput, NotFound, PermissionRefused
from altor.models import AuditEvent, Team, User
from altor.notify.storing import notify
from altor.redaction import redact_text
from altor.roles import Role
from investigations.models import Ticket
from metrics.definitions.catalogue import METRICS
from metrics.models import Review, ReviewAction, ReviewItem
from metrics.review.proposing import propose

S = Review.Status
LONGEST: Final = 20_000
#: What of the audit log is a change that a review may have brought about: action -> its word.
CHANGES: Final[Mapping[str, str]] = {
    "playbook.activated": "playbook", "contract.activated": "contract", "reply_template.activated": "reply template",
    "knowledge.created": "entry", "knowledge.saved": "entry", "sla_policy.activated": "SLA policy",
}  # fmt: skip


@transaction.atomic
def prepare(team: Team, week: date, *, actor: User, now: datetime | None = None) -> Review:
    """The review of that week with what is proposed for it; prepared again, it is the one that is there. InvalidInput
    for a week that has not begun or no Monday.
    """
    _allow(actor, team)
    now = now or timezone.now()
    if week.weekday() != 0 or week > now.date():
        raise InvalidInput("Choose a week that has begun.")
    review, is_new = Review.objects.get_or_create(
        team=team, week=week, defaults={"prepared_at": now, "prepared_by": actor}
    )
    if is_new:
        found = propose(team, week)
        ReviewItem.objects.bulk_create(
            ReviewItem(review=review, ticket=one.cycle.ticket, kind=one.kind, why=one.why[:300], place=place)
            for place, one in enumerate(found, start=1)
        )
        _record(review, actor, "review.prepared", {"items": len(found)})
    return review


@transaction.atomic
def add_item(review: Review, ref: str, why: str, *, actor: User) -> ReviewItem:
    """A ticket that a person wants to look at; one that was taken out comes back."""
    locked = _open(review, actor)
    ticket = Ticket.objects.visible_to(actor).filter(ref=ref.strip(), team=locked.team).first()
    if ticket is None:
        raise NotFound(f"There is no ticket {ref.strip()[:40]!r} of {locked.team}.", ticket=ref[:80])
    known = locked.items.filter(ticket=ticket).first()
    if known is not None:
        known.is_dropped = False
        known.save(update_fields=["is_dropped"])
        return known
    place = (locked.items.aggregate(last=Max("place"))["last"] or 0) + 1
    said = _clean(why)[:300] or "Somebody wants to look at it."
    return locked.items.create(ticket=ticket, kind=ReviewItem.Kind.CHOSEN, why=said, place=place)


@transaction.atomic
def change_item(review: Review, pk: int, *, actor: User, **changes: Any) -> ReviewItem:
    """`notes`, `is_done` and `is_dropped`."""
    locked = _open(review, actor)
    item = locked.items.filter(pk=pk).first()
    if item is None:
        raise NotFound("There is no such ticket on the agenda.")
    if "notes" in changes:
        item.notes = _clean(str(changes["notes"]))
    for name in ("is_done", "is_dropped"):
        if name in changes:
            setattr(item, name, bool(changes[name]))
    item.save()
    return item


@transaction.atomic
def write(review: Review, notes: str, decisions: str, *, based_on: int, actor: User) -> Review:
    """Notes and decisions. Conflict when somebody wrote since revision `based_on`: nobody's words are lost."""
    locked = _open(review, actor)
    if locked.revision != based_on:
        raise Conflict("Somebody has written meanwhile: put your words with theirs.", revision=locked.revision)
    locked.notes, locked.decisions = _clean(notes), _clean(decisions)
    locked.revision += 1
    locked.save(update_fields=["notes", "decisions", "revision"])
    return locked


@transaction.atomic
def add_action(
    review: Review, text: str, *, actor: User, owner: User | None = None, due: date | None = None, ticket: str = "",
    metric: str = "", incident_class: str = "",
) -> ReviewAction:  # fmt: skip
    """InvalidInput without words, for a metric that does not exist, and an owner who is not of the team."""
    locked = _open(review, actor)
    said = _clean(text)[:300]
    if not said:
        raise InvalidInput("Say what is to be done.", errors={"text": ["is empty"]})
    if metric and metric not in METRICS:
        raise InvalidInput("There is no such metric.", errors={"metric": ["unknown"]})
    if owner is not None and not people_of(locked.team).filter(pk=owner.pk).exists():
        raise InvalidInput(f"{owner} is not of {locked.team}.", errors={"owner": ["of another team"]})
    about = locked.items.filter(ticket__ref=ticket).first() if ticket else None
    # A double click is one action.
    known = locked.actions.filter(text=said, owner=owner, status=ReviewAction.Status.OPEN).first()
    return known or locked.actions.create(
        text=said, owner=owner, due=due, metric=metric, incident_class=incident_class[:20],
        ticket=about.ticket if about is not None else None,
    )  # fmt: skip


@transaction.atomic
def end_action(
    team: Team, pk: int, status: str, *, actor: User, change: str = "", now: datetime | None = None
) -> ReviewAction:
    """Done, given up, or open again. `change`: the key of one of `changes_since`, what was changed for it."""
    _allow(actor, team)
    if status not in ReviewAction.Status.values:
        raise InvalidInput("An action is open, done or given up.")
    found = ReviewAction.objects.select_for_update(of=("self",)).filter(pk=pk, review__team=team).first()
    if found is None:
        raise NotFound("There is no such action.")
    found.status = status
    is_over = status != ReviewAction.Status.OPEN
    found.ended_at, found.ended_by = (now or timezone.now(), actor) if is_over else (None, None)
    found.change_kind, found.change_ref = "", ""
    if change and status == ReviewAction.Status.DONE:
        event = AuditEvent.objects.filter(pk=int(change) if change.isdecimal() else 0, action__in=CHANGES).first()
        if event is None:
            raise InvalidInput("There is no such change.", errors={"change": ["unknown"]})
        found.change_kind, found.change_ref, found.ended_at = CHANGES[event.action], event.object_ref, event.at
    found.save()
    return found


@transaction.atomic
def move(review: Review, status: str, *, actor: User, now: datetime | None = None) -> Review:
    """Hold it, close it (the team is told), or open it again."""
    _allow(actor, review.team)
    now = now or timezone.now()
    locked = Review.objects.select_for_update(of=("self",)).select_related("team").get(pk=review.pk)
    if status not in S.values or status == S.PREPARED:
        raise InvalidInput("A review is held or closed.")
    if locked.status == status:
        return locked
    if status == S.HELD:
        locked.held_at = locked.held_at or now
        locked.closed_at, locked.closed_by = None, None
    else:
        locked.held_at = locked.held_at or now
        locked.closed_at, locked.closed_by = now, actor
        _tell(locked, actor, now)
    locked.status = status
    locked.save()
    _record(locked, actor, f"review.{status}", {})
    return locked


def open_actions(team: Team) -> QuerySet[ReviewAction]:
    """Those of all reviews of the team, the oldest first: they return until they are done or given up."""
    found = ReviewAction.objects.filter(review__team=team, status=ReviewAction.Status.OPEN)
    return found.select_related("owner", "review", "ticket").order_by("review__week", "pk")


@dataclass(frozen=True, slots=True)
class Change:
    key: str
    words: str


def changes_since(at: datetime, most: int = 30) -> list[Change]:
    """What was changed in the installation since then, the newest first."""
    found = AuditEvent.objects.filter(action__in=CHANGES, at__gte=at).select_related("actor")[:most]
    return [
        Change(
            str(one.pk),
            f"{CHANGES[one.action]} {one.object_ref}, {one.at.day} {one.at:%b}"
            + (f" by {one.actor}" if one.actor else ""),
        )
        for one in found
    ]


def people_of(team: Team) -> QuerySet[User]:
    return team.members.filter(is_active=True).order_by("first_name", "username")


def week_of_today(now: datetime) -> date:
    """The last whole week: what is reviewed on a Monday."""
    today = now.date()
    return today - timedelta(days=today.weekday() + 7)


# ---------------------------------------------------------------------------------------------------------------- parts
def _allow(actor: User, team: Team) -> None:
    if not actor.may("review.hold"):
        raise PermissionRefused("Your role may not hold reviews.")
    if actor.role != Role.ADMIN and not team.memberships.filter(user=actor).exists():
        raise NotFound("There is no such review.")


def _open(review: Review, actor: User) -> Review:
    _allow(actor, review.team)
    locked = Review.objects.select_for_update(of=("self",)).select_related("team").get(pk=review.pk)
    if locked.is_closed:
        raise Conflict("The review is closed. Open it again first.")
    return locked


def _clean(text: str) -> str:
    return redact_text(text.replace("\x00", "").replace("\r\n", "\n")).strip()[:LONGEST]


def _record(review: Review, actor: User, action: str, after: Mapping[str, Any]) -> None:
    record_event(
        actor=actor, action=action, object_kind="review", object_ref=f"{review.team.slug} {review.week}",
        after=dict(after),
    )  # fmt: skip


def _tell(review: Review, actor: User, now: datetime) -> None:
    actions = list(review.actions.select_related("owner"))
    lines = [*(f"Decided: {line}" for line in review.decided[:2])]
    lines += [f"{one.owner or 'Nobody yet'}: {one.text}" for one in actions[:3]]
    notify(
        "review.closed", subject_ref=f"review {review.team.slug} {review.week}",
        title=f"Review of {review.team}, week of {review.week.day} {review.week:%b}",
        lines=lines or ["Nothing was decided."],
        url_path=f"/metrics/reviews/{review.team.slug}/{review.week.isoformat()}/",
        key=f"review.closed:{review.pk}:{now.isoformat()}", team=review.team, people=people_of(review.team),
        actor=actor, now=now,
    )  # fmt: skip
