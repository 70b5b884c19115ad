"""Is it back? Detection queries asked on a schedule, and what they see.

A query over everybody's rows is asked once; one that speaks of one customer is asked for those that had the cause.
The owner is told when it is there again, once, until it was gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from altor.audit import record_event
from altor.errors import InvalidInput, PermissionRefused
from altor.models import User
from altor.notify.kinds import NoticeKind
from altor.notify.storing import notify
from altor.pulse import beat
from altor.words import counted
from investigations.diagnosis.types import StepOutcome
from investigations.engine.inputs import inputs_of_customer
from investigations.models import Customer, Ticket
from investigations.playbooks.conditions import paths_in
from investigations.playbooks.format import Step
from investigations.services.profiles import current_profile
from knowledge.entries.changes import may_edit
from knowledge.entries.detection import Detection, stored_detection
from knowledge.models import Entry, EntryLink, EntryUse, Sighting, Watch
from knowledge.models.entries import LinkKind
from knowledge.models.recognition import Answered, State
from knowledge.recognition.asking import ask_detection
from knowledge.recognition.recogniser import answered

#: How often an entry may be asked for, hours -> words. 0 ends it.
INTERVALS: Final = {0: "Never", 1: "Every hour", 6: "Every six hours", 24: "Once a day", 168: "Once a week"}
#: Customers that are asked for, those that had it last.
MOST_CUSTOMERS: Final = 20
#: A playbook is many questions.
MOST_BY_PLAYBOOK: Final = 5
#: Watches worked off by one sweep.
_BATCH: Final = 5
#: A watch whose worker was killed comes again after this.
_TRY: Final = timedelta(minutes=10)
NOTICES: Final = {"knowledge.back": NoticeKind("A known cause is there again")}
#: Names of inputs that speak of one customer.
_OF_CUSTOMER: Final = frozenset({"customer", "org_id", "stripe_customer", "plan", "domain", "emails"})


@dataclass(frozen=True, slots=True)
class Asked:
    customer: Customer | None
    outcome: StepOutcome

    @property
    def answered(self) -> Answered:
        return answered(self.outcome)


@transaction.atomic
def set_watch(entry: Entry, hours: int, *, actor: User, now: datetime | None = None) -> Watch | None:
    """Ask for the entry's cause so often from now on; 0 ends it. InvalidInput for another interval, and for an entry
    without a detection query.
    """
    if not may_edit(entry, actor):
        raise PermissionRefused(f"You may not change {entry.ref}.")
    if hours not in INTERVALS:
        raise InvalidInput(f"Every {', '.join(map(str, INTERVALS))} hours.", errors={"every_hours": ["choose one"]})
    if hours and entry.detection is None:
        raise InvalidInput(f"{entry.ref} has no detection query.", errors={"every_hours": ["write one first"]})
    now = now or timezone.now()
    before = Watch.objects.filter(entry=entry).values_list("every_hours", flat=True).first() or 0
    if before == hours:
        return Watch.objects.filter(entry=entry).first()
    watch, _ = Watch.objects.update_or_create(
        entry=entry, defaults={"every_hours": hours, "due_at": now, "failures": 0, "error": ""}
    )
    record_event(
        actor=actor, action="knowledge.watched", object_kind="entry", object_ref=entry.ref,
        before={"every_hours": before}, after={"every_hours": hours},
    )  # fmt: skip
    return watch


def subjects(entry: Entry) -> Sequence[Customer | None]:
    """For whom the question is asked: [None] where it is about everybody."""
    detection = stored_detection(entry.detection or {})
    if isinstance(detection, Detection) and not speaks_of_one(detection.step()):
        return [None]
    most = MOST_CUSTOMERS if isinstance(detection, Detection) else MOST_BY_PLAYBOOK
    tickets = Q(entry_uses__entry=entry, entry_uses__verdict=EntryUse.Verdict.HELPED)
    tickets |= Q(investigations__recognitions__entry=entry, investigations__recognitions__state=State.RECOGNISED)
    refs = EntryLink.objects.filter(entry=entry, kind=LinkKind.TICKET).values("ref")
    had = Ticket.objects.filter(tickets | Q(ref__in=refs), customer__isnull=False).order_by("-opened_at")
    order = list(dict.fromkeys(had.values_list("customer", flat=True)[: most * 5]))[:most]
    by_pk = Customer.objects.in_bulk(order)
    return [by_pk[pk] for pk in order]


def speaks_of_one(step: Step) -> bool:
    """Whether the question needs a customer."""
    if step.query and step.fence == "customer":
        return True
    given = [one for value in step.params.values() for one in ([value] if isinstance(value, str) else value)]
    names = {name for expression in given for path in paths_in(expression) for name in path.split(".")}
    return bool(names & _OF_CUSTOMER)


def ask(entry: Entry, customers: Iterable[Customer | None], *, now: datetime | None = None) -> list[Asked]:
    """Ask the entry's detection query for each, one after the other. The first that could not be asked ends it: the
    next would not be asked either.
    """
    now = now or timezone.now()
    detection, profile = stored_detection(entry.detection or {}), current_profile()
    found: list[Asked] = []
    for customer in customers:
        inputs = inputs_of_customer(customer or Customer(), as_of=now, profile=profile)
        found.append(Asked(customer, ask_detection(detection, inputs, ref=entry.ref)))
        beat()
        if found[-1].outcome.status == "unavailable":
            break
    return found


def is_due(now: datetime | None = None) -> bool:
    return _due(now or timezone.now()).exists()


def _due(now: datetime) -> QuerySet[Watch]:
    return Watch.objects.exclude(every_hours=0).filter(due_at__lte=now).order_by("due_at")


def watch_due(*, now: datetime | None = None, batch: int = _BATCH) -> int:
    """Ask for what is due; how many entries were asked for."""
    now = now or timezone.now()
    done = 0
    for _ in range(batch):
        watch = _take(now)
        if watch is None:
            break
        look(watch, now=now)
        done += 1
    return done


@transaction.atomic
def _take(now: datetime) -> Watch | None:
    watch = _due(now).select_for_update(of=("self",), skip_locked=True).select_related("entry").first()
    if watch is None:
        return None
    watch.due_at = now + _TRY
    watch.save(update_fields=["due_at"])
    return watch


def look(watch: Watch, *, now: datetime | None = None) -> list[Asked]:
    """Ask for one entry's cause now, and keep what was seen."""
    now = now or timezone.now()
    entry = watch.entry
    if entry.detection is None or entry.is_archived:
        Watch.objects.filter(pk=watch.pk).update(every_hours=0)
        return []
    asked = ask(entry, subjects(entry), now=now)
    with transaction.atomic():
        _keep(watch, asked, now)
    return asked


def _keep(watch: Watch, asked: Sequence[Asked], now: datetime) -> None:
    watch = Watch.objects.select_for_update(of=("self",)).select_related("entry__owner", "entry__team").get(pk=watch.pk)
    new = [one for one in asked if one.answered == Answered.FIRED and _sighted(watch.entry, one, now)]
    for one in asked:
        if one.answered == Answered.QUIET:
            _open(watch.entry, one.customer).update(ended_at=now)
    fired = [one for one in asked if one.answered == Answered.FIRED]
    failed = next((one for one in asked if one.outcome.status == "unavailable"), None)
    quiet = any(one.answered == Answered.QUIET for one in asked) or not asked
    word = Answered.FIRED if fired else Answered.QUIET if quiet and failed is None else Answered.UNKNOWN
    if word != watch.answered:
        watch.answered, watch.since = word, now
    watch.says = (fired[0] if fired else asked[-1]).outcome.result[:500] if asked else ""
    watch.failures = watch.failures + 1 if failed is not None else 0
    watch.error = failed.outcome.error[:500] if failed is not None else ""
    watch.asked_at, watch.due_at = now, now + timedelta(hours=watch.every_hours or 1)
    watch.save()
    if new:
        _tell(watch.entry, new, now)


def _open(entry: Entry, customer: Customer | None) -> QuerySet[Sighting]:
    return Sighting.objects.filter(entry=entry, customer=customer, ended_at=None)


def _sighted(entry: Entry, one: Asked, now: datetime) -> bool:
    """Whether it was not there the last time."""
    says = one.outcome.result[:500]
    if _open(entry, one.customer).update(last_at=now, says=says):
        return False
    Sighting.objects.create(entry=entry, customer=one.customer, first_at=now, last_at=now, says=says)
    return True


def _tell(entry: Entry, new: Sequence[Asked], now: datetime) -> None:
    names = [str(one.customer) for one in new if one.customer is not None]
    lines = [new[0].outcome.result]
    if names:
        lines.append(f"{counted(len(names), 'customer')}: {', '.join(names[:5])}{' …' if len(names) > 5 else ''}")
    owner = [entry.owner] if entry.owner is not None and entry.owner.is_active else []
    notify(
        "knowledge.back", subject_ref=entry.ref, title=f"{entry.ref} is back: {entry.title}", lines=lines,
        url_path=reverse("knowledge:entry", args=[entry.ref]), key=f"knowledge.back:{entry.ref}:{now.isoformat()}",
        team=entry.team, people=owner, now=now,
    )  # fmt: skip
