"""Rounds of measuring: claimed by the sweep, measured outside of any transaction, stored and decided in one."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from altor.queue import enqueue
from altor.registry import parts
from escalations.models import Recovery, RecoveryReading
from escalations.recovery.deciding import Decision, decide
from escalations.recovery.measuring import Measured, Question, measure
from escalations.recovery.symptom import symptom_of_run
from escalations.recovery.telling import tell
from investigations.engine.store import stored_outcomes
from investigations.models import Customer
from investigations.services.connections import active_connections
from investigations.services.profiles import current_profile
from investigations.sources.base import ConnectionConfig

log = logging.getLogger(__name__)
S = Recovery.Status
V = RecoveryReading.Verdict
TASK: Final = "escalations.recovery.tasks.measure"
#: A round whose worker was killed is begun again after this.
_LEASE: Final = timedelta(minutes=10)
_AT_MOST: Final = 20


def sweep(now: datetime | None = None) -> int:
    """Queue the rounds that are due; how many. Each is claimed, so that two sweeps queue it once."""
    now = now or timezone.now()
    ids = list(Recovery.objects.due(now).order_by("next_at").values_list("pk", flat=True)[:_AT_MOST])
    return sum(_claim(pk, now) for pk in ids)


@transaction.atomic
def _claim(pk: int, now: datetime) -> bool:
    if not Recovery.objects.due(now).filter(pk=pk).update(next_at=now + _LEASE):
        return False
    enqueue(TASK, pk)
    return True


def measure_round(
    pk: int, *, now: datetime | None = None, connections: Mapping[str, ConnectionConfig] | None = None
) -> Recovery | None:
    """Measure every customer of the proof once more and say what that makes of it. None for one that is over.

    Not to be called inside a transaction. Safe to deliver twice: it is measured once more.
    """
    now = now or timezone.now()
    recovery = Recovery.objects.under_way().select_related("run__ticket", "run__playbook").filter(pk=pk).first()
    if recovery is None:
        return None
    symptom, readings = symptom_of_run(recovery.run), list(recovery.readings.select_related("customer"))
    found: Sequence[Measured] = ()
    if symptom is not None and recovery.onset_at is not None:
        question = Question(
            symptom, current_profile(), stored_outcomes(recovery.run_id), recovery.onset_at, recovery.fixed_at, now
        )
        asked = [one.customer or Customer(org_id=one.org_id, name=one.org_id) for one in readings]
        found = measure(question, asked, active_connections() if connections is None else connections)
    with transaction.atomic():
        return _store(pk, {one.org_id: one for one in found}, now)


def _store(pk: int, found: Mapping[str, Measured], now: datetime) -> Recovery | None:
    recovery = Recovery.objects.select_for_update().under_way().filter(pk=pk).first()
    if recovery is None:
        return None
    readings = list(recovery.readings.select_related("customer", "ticket"))
    for one in readings:
        _keep(one, found.get(one.org_id), now)
    if recovery.status == S.WAITING:
        recovery.began_at = now  # its own time begins with the first look
    decision = decide(readings, fixed_at=recovery.fixed_at, began_at=recovery.began_at, now=now)
    before = str(recovery.status)
    _move(recovery, decision, now)
    if recovery.status != before or recovery.status == S.MEASURING:
        tell(recovery, readings, before, now)
        for part in parts("RECOVERY_MOVED"):
            part(recovery, readings)
    return recovery


def _keep(row: RecoveryReading, found: Measured | None, now: datetime) -> None:
    reading = found.reading if found is not None else None
    if found is None or reading is None:
        row.error = (found.error if found is not None else "It was not asked")[:300]
        # What was shown before stays shown: a source that is away takes nothing back.
        row.verdict = row.verdict if row.verdict == V.BACK else V.FAILED
    else:
        row.streak = row.streak + 1 if reading.verdict == "still" else 0
        row.verdict, row.error, row.measured_at = V(reading.verdict), "", now
        row.before, row.during, row.after, row.records = reading.before, reading.during, reading.after, reading.n
        row.since = datetime.fromtimestamp(reading.since, UTC) if reading.since is not None else None
    row.save()


def _move(recovery: Recovery, decision: Decision, now: datetime) -> None:
    recovery.rounds += 1
    recovery.measured_at = now
    recovery.status, recovery.next_at, recovery.why = decision.status, decision.next_at, ""
    if decision.status == S.PROVED:
        recovery.back_since = decision.back_since
    if decision.status == S.FAILED and recovery.failed_at is None:
        recovery.failed_at = now
    if decision.next_at is None:
        recovery.ended_at = now
    recovery.save()
