"""The text model of this installation: what it learns from, when it is used, and the switch that turns it off.

A ticket teaches a class when somebody said so, or as good as: a person set its class; a person accepted the diagnosis
of its last run or named another cause; or it is resolved and its last run ended with a cause at high confidence. What
the rules alone said of a ticket teaches nothing: the model would learn the rules.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from altor.audit import record_event
from altor.errors import Conflict
from altor.models import User
from investigations.models import Feedback, Investigation, PlaybookVersion, TextModel, TextModelSwitch, Ticket
from investigations.playbooks.format import TRIAGE, Playbook
from investigations.services.classify import classify_text
from investigations.services.playbooks import ensure_library
from investigations.textmodel.judging import Verdict, as_ticket_facts, judge
from investigations.textmodel.model import NONE, WordWeights
from investigations.textmodel.terms import terms_of
from investigations.textmodel.training import Sample, learn

#: Products and their words change.
LEARNED_FOR: Final = timedelta(days=730)
MAX_TICKETS: Final = 10_000
#: From here the words for confidence say "High".
_SURE: Final = 0.75
_KEPT: Final = 20
#: Labels by which the first look ends a run itself: no incident, and nothing that could be learned.
_OUT_OF_SCOPE: Final = "other.out_of_scope"
_SAYS_NOTHING: Final = frozenset({"", "inconclusive", "none.no_anomaly"})
_CHUNK: Final = 500


# ---------------------------------------------------------------------------------------------------------------- using
@dataclass(frozen=True, slots=True)
class State:
    """The newest training and the switch."""

    newest: TextModel | None
    switch: TextModelSwitch
    is_on: bool

    @property
    def why(self) -> str:
        if not self.switch.is_allowed:
            by = f" by {self.switch.changed_by}" if self.switch.changed_by else ""
            return f"Switched off{by}" + (f": {self.switch.reason}" if self.switch.reason else ".")
        if self.newest is None:
            return "It has not been trained yet."
        return self.newest.why[:1].upper() + self.newest.why[1:] + "."


def state() -> State:
    """Two queries; without the weights."""
    newest = TextModel.objects.defer("document").select_related("made_by").first()
    switch = TextModelSwitch.objects.select_related("changed_by").filter(pk=1).first() or TextModelSwitch(pk=1)
    return State(newest, switch, newest is not None and newest.is_better and switch.is_allowed)


def _in_use() -> int | None:
    """The version that is used, or None. One query."""
    newest = TextModel.objects.values_list("pk", "is_better").first()
    if newest is None or not newest[1] or TextModelSwitch.objects.filter(is_allowed=False).exists():
        return None
    return int(newest[0])


@lru_cache(maxsize=2)
def weights_of(version: int) -> WordWeights:
    """Versions are never changed: read once per process."""
    return WordWeights.from_document(TextModel.objects.values_list("document", flat=True).get(pk=version) or {})


def read_ticket(ticket: Ticket) -> dict[str, Any] | None:
    """What the model in use says of the ticket, in the shape of Ticket.class_why["model"]; None when nothing."""
    version = _in_use()
    if version is None:
        return None
    words = terms_of(ticket.subject, ticket.description, leave_out=[ticket.requester_name])
    reading = weights_of(version).read(words)
    if reading is None:
        return None
    return {"version": version, "probabilities": reading.probabilities, "words": reading.words}


def read_by_model(ticket: Ticket) -> dict[str, Any]:
    """What a run's conditions may read of it as `ticket.model`: {} when it says nothing or is off by now."""
    read = ticket.class_why.get("model")
    if not read or _in_use() is None:
        return {}
    return as_ticket_facts(read["probabilities"], read["words"])


@transaction.atomic
def switch(*, on: bool, actor: User | None, reason: str = "") -> TextModelSwitch:
    """Let the model speak or not. Conflict when it is so already: somebody else was faster."""
    TextModelSwitch.objects.get_or_create(pk=1)
    row = TextModelSwitch.objects.select_for_update().get(pk=1)
    if row.is_allowed == on:
        raise Conflict(f"The text model is already {'allowed' if on else 'switched off'}.")
    row.is_allowed, row.reason, row.changed_at, row.changed_by = on, reason.strip()[:300], timezone.now(), actor
    row.save()
    record_event(
        actor=actor,
        action="textmodel.switched",
        object_kind="textmodel",
        object_ref="switch",
        before={"is_allowed": not on},
        after={"is_allowed": on},
        reason=row.reason,
    )
    return row


# ------------------------------------------------------------------------------------------------------------- learning
def train(*, now: datetime, actor: User | None = None) -> tuple[TextModel, bool]:
    """Learn and judge once more; the version and whether it is new. Nothing new happens while its data are the same.

    Takes some seconds for MAX_TICKETS; imports scikit-learn.
    """
    began = time.monotonic()
    books = _books()
    samples = list(samples_until(now, books))
    triage = books[TRIAGE]
    version = _data_version(samples, triage)
    known = TextModel.objects.defer("document").first()
    if known is not None and known.data_version == version:
        return known, False
    verdict = judge(samples, triage)
    document = weights.as_document() if verdict.is_better and (weights := learn(samples)) else None
    return _keep(version, verdict, document, now=now, actor=actor, seconds=time.monotonic() - began)


@transaction.atomic
def _keep(
    version: str,
    verdict: Verdict,
    document: dict[str, Any] | None,
    *,
    now: datetime,
    actor: User | None,
    seconds: float,
) -> tuple[TextModel, bool]:
    TextModelSwitch.objects.get_or_create(pk=1)
    TextModelSwitch.objects.select_for_update().get(pk=1)  # two trainings at once: the second finds the first one's row
    known = TextModel.objects.defer("document").first()
    if known is not None and known.data_version == version:
        return known, False
    made = TextModel.objects.create(
        made_at=now,
        data_version=version,
        is_better=document is not None,
        why=verdict.why[:500],
        figures=verdict.figures(),
        document=document,
        seconds=seconds,
        made_by=actor,
    )
    old = TextModel.objects.values_list("pk", flat=True)[_KEPT:]
    TextModel.objects.filter(pk__in=list(old)).delete()
    record_event(
        actor=actor,
        action="textmodel.trained",
        target=made,
        object_ref=str(made),
        before={"is_better": known.is_better} if known else None,
        after={"is_better": made.is_better, "why": made.why, "data_version": version},
    )
    return made, True


def _books() -> dict[str, Playbook]:
    """The playbooks in force by key; the first look must be among them. The shipped ones are loaded when none are."""
    if not PlaybookVersion.objects.active().exists():
        ensure_library()
    books = {
        str(document["key"]): Playbook.model_validate(document)
        for document in PlaybookVersion.objects.active().order_by("key").values_list("document", flat=True)
    }
    if TRIAGE not in books:
        raise Conflict(f"The playbook {TRIAGE!r} is not in force: without the first look nothing would read the model.")
    return books


def _data_version(samples: Iterable[Sample], triage: Playbook) -> str:
    digest = hashlib.sha256(triage.model_dump_json(by_alias=True).encode())
    for sample in samples:
        told = [
            sample.ref,
            sample.at.isoformat(),
            sample.customer,
            sample.label,
            sample.words,
            sorted(sample.fits.items()),
        ]
        digest.update(json.dumps(told).encode())
    return digest.hexdigest()


def samples_until(now: datetime, books: Mapping[str, Playbook]) -> Iterator[Sample]:
    """The newest MAX_TICKETS of the last two years whose class is known, oldest first."""
    told = Feedback.objects.values("investigation__ticket_id")
    sure = Investigation.objects.filter(status=Investigation.Status.DONE, confidence__gte=_SURE).values("ticket_id")
    known = Ticket.objects.filter(
        Q(class_why__how="person") | Q(pk__in=told) | Q(status=Ticket.Status.RESOLVED, pk__in=sure),
        opened_at__range=(now - LEARNED_FOR, now),
    )
    newest = list(known.order_by("-opened_at", "-pk").values_list("pk", flat=True)[:MAX_TICKETS])
    found: list[Sample] = []
    for start in range(0, len(newest), _CHUNK):
        found += _samples(newest[start : start + _CHUNK], books)
    return iter(sorted(found, key=lambda sample: (sample.at, sample.ref)))


def _samples(pks: list[int], books: Mapping[str, Playbook]) -> Iterator[Sample]:
    done = Investigation.objects.filter(ticket__in=pks, status=Investigation.Status.DONE)
    runs = {
        run["ticket_id"]: run
        for run in done.order_by("ticket_id", "-pk")
        .distinct("ticket_id")
        .values("ticket_id", "top_label", "confidence", "playbook__key")
    }
    verdicts = {
        verdict["investigation__ticket_id"]: verdict
        for verdict in Feedback.objects.filter(investigation__ticket__in=pks)
        .order_by("investigation__ticket_id", "-pk")
        .distinct("investigation__ticket_id")
        .values(
            "investigation__ticket_id", "verdict", "label", "investigation__top_label", "investigation__playbook__key"
        )
    }
    for ticket in Ticket.objects.filter(pk__in=pks).select_related("customer").order_by("pk"):
        label = _label(ticket, runs.get(ticket.pk), verdicts.get(ticket.pk), books)
        if not label:
            continue
        fields = {"priority": ticket.priority, "channel": ticket.channel, "helpdesk": ticket.helpdesk}
        rules = classify_text(ticket.subject, ticket.description, ticket.tags, books.values(), fields=fields)
        names = [ticket.requester_name, ticket.customer.name if ticket.customer else ""]
        yield Sample(
            ticket.ref,
            ticket.opened_at,
            ticket.customer.org_id if ticket.customer else ticket.requester_email.rpartition("@")[2],
            terms_of(ticket.subject, ticket.description, leave_out=names),
            label,
            rules.playbooks,
        )


def _label(
    ticket: Ticket,
    run: Mapping[str, Any] | None,
    verdict: Mapping[str, Any] | None,
    books: Mapping[str, Playbook],
) -> str:
    """The key of the playbook that the ticket was for, NONE, or "" when nobody knows."""
    taken = str(run["playbook__key"]) if run else ""
    if ticket.class_why.get("how") == "person" and ticket.incident_class:
        return _of_class(ticket.incident_class, taken, books)
    if verdict is not None:
        accepted = verdict["verdict"] == "accepted"
        label = str(verdict["investigation__top_label"] if accepted else verdict["label"])
        return _of_cause(label, str(verdict["investigation__playbook__key"]), books)
    if run is not None and ticket.status == Ticket.Status.RESOLVED and (run["confidence"] or 0.0) >= _SURE:
        return _of_cause(str(run["top_label"]), taken, books)
    return ""


def _of_class(incident_class: str, taken: str, books: Mapping[str, Playbook]) -> str:
    """Of the playbooks of a class the one that the ticket's run took, else the one named like the class."""
    keys = [key for key, book in books.items() if book.incident_class == incident_class and key != TRIAGE]
    if taken in keys:
        return taken
    if incident_class == "other":
        return NONE
    return incident_class if incident_class in keys else next(iter(sorted(keys)), "")


def _of_cause(label: str, taken: str, books: Mapping[str, Playbook]) -> str:
    """Of the playbooks that know the cause the one that was run, else the first."""
    if label == _OUT_OF_SCOPE:
        return NONE
    if label in _SAYS_NOTHING:
        return ""
    keys = [key for key, book in books.items() if key != TRIAGE and any(h.label == label for h in book.hypotheses)]
    return taken if taken in keys else next(iter(sorted(keys)), "")
