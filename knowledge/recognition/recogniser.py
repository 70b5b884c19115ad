"""The entries' part in an investigation: their detection queries, asked beside the playbook's steps."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from altor.configuration import canonical
from investigations.diagnosis.facts import plain
from investigations.diagnosis.types import RunInputs, StepOutcome
from investigations.engine.known import KnownCause, Recognised
from investigations.models import Investigation
from knowledge.entries.detection import Detection, stored_detection
from knowledge.models import Entry, Recognition
from knowledge.models.recognition import Answered
from knowledge.recognition.candidates import candidates, of_labels

#: Rows of an answer and characters of a question that are kept.
ROWS: Final = 20
_LONGEST_TARGET: Final = 8000


class _Entries:
    """A `Recogniser`."""

    def candidates(self, run: Investigation, inputs: RunInputs) -> Sequence[KnownCause]:
        return _causes(candidates(run.ticket))

    def suspected(self, run: Investigation, labels: Sequence[str]) -> Sequence[KnownCause]:
        return _causes(of_labels(run.ticket, labels))

    def keep(self, run: Investigation, found: Sequence[Recognised]) -> None:
        now = timezone.now()
        entries = {entry.ref: entry for one in found for entry in Entry.objects.filter(space="").by_ref(one.key)[:1]}
        with transaction.atomic():
            for one in found:
                if (entry := entries.get(one.key)) is not None:
                    Recognition.objects.update_or_create(
                        entry=entry, investigation=run, defaults={**_kept(entry, one), "at": now}
                    )


RECOGNISER: Final = _Entries()


def _causes(entries: Iterable[Entry]) -> list[KnownCause]:
    detections = ((entry.ref, stored_detection(entry.detection or {})) for entry in entries)
    return [KnownCause(ref, one.step()) for ref, one in detections if isinstance(one, Detection)]


def _kept(entry: Entry, one: Recognised) -> dict[str, Any]:
    outcome = one.outcome
    shown = next((draft for draft in outcome.evidence if draft.columns), None)
    return {
        "version": entry.revision,
        "query": digest(entry.detection),
        "answered": answered(outcome),
        "says": outcome.result[:500],
        "error_kind": outcome.error_kind,
        "facts": plain(outcome.facts),
        "requests": [_request(record) for record in outcome.requests],
        "columns": list(shown.columns) if shown else [],
        "rows": plain(shown.rows[:ROWS]) if shown else [],
        "row_count": shown.row_count if shown else None,
        "truncated": outcome.truncated,
        "seconds": round(one.seconds, 4),
    }


def _request(record: Any) -> dict[str, Any]:
    found: dict[str, Any] = plain(asdict(record))
    return {**found, "target": record.target[:_LONGEST_TARGET]}


def answered(outcome: StepOutcome) -> Answered:
    """A question that was answered and speaks neither for nor against the cause has not been answered."""
    if outcome.status != "done":
        return Answered.UNKNOWN
    return {"abnormal": Answered.FIRED, "normal": Answered.QUIET}.get(outcome.verdict, Answered.UNKNOWN)


def digest(detection: Mapping[str, Any] | None) -> str:
    """Sixteen characters that change with the detection query."""
    return hashlib.sha256(canonical(detection or {}).encode()).hexdigest()[:16]
