"""A proof in sentences: for engineering, for support, for pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from altor.words import figure
from escalations.models import Recovery, RecoveryReading

S = Recovery.Status
V = RecoveryReading.Verdict
#: Customers named one by one.
_NAMED: Final = 5


def headline(recovery: Recovery, readings: Sequence[RecoveryReading]) -> str:
    """How it stands in one sentence, without a customer's name."""
    n, back, still = len(readings), _count(readings, V.BACK), _count(readings, V.STILL)
    quiet = _count(readings, V.QUIET)
    match recovery.status:
        case S.PROVED:
            since = f" since {clock(recovery.back_since)}" if recovery.back_since else ""
            rest = f"; {quiet} had no traffic since the fix" if quiet else ""
            return f"Back to normal{since}: {_of(back, n)} measured after the fix{rest}."
        case S.FAILED:
            return f"The fix did not work: {_of(still, n)} still {'shows' if still == 1 else 'show'} it."
        case S.UNPROVEN:
            return recovery.why or f"It could not be shown that the fix worked: {_of(back, n)} back to normal."
        case S.WAITING | S.DROPPED:
            return recovery.why
        case _ if recovery.rounds:
            return f"Being measured: {_of(back, n)} back to normal so far."
        case _:
            return f"The fix is there since {clock(recovery.fixed_at)}; measuring begins when it has had a few minutes."


def of_customer(reading: RecoveryReading, unit: str) -> str:
    """ "4.1%, before 0.2%, while it lasted 38%"; "" where nothing was measured."""
    told = [figure(reading.after, unit)] if reading.after is not None else []
    told += [f"before {figure(reading.before, unit)}"] if reading.before is not None else []
    told += [f"while it lasted {figure(reading.during, unit)}"] if reading.during is not None else []
    return ", ".join(told)


def for_engineering(recovery: Recovery, readings: Sequence[RecoveryReading]) -> str:
    """With the customers who still show it, by name and figures."""
    unit, title = str(recovery.symptom.get("unit") or ""), str(recovery.symptom.get("title") or "")
    lines = [headline(recovery, readings)]
    if recovery.status == S.FAILED:
        still = [one for one in readings if one.verdict == V.STILL]
        lines += [f"{name_of(one)}: {title.lower()} {of_customer(one, unit)}" for one in still[:_NAMED]]
        lines += [f"and {len(still) - _NAMED} more"] if len(still) > _NAMED else []
        lines.append(f"Measured {clock(recovery.measured_at)}, fix since {clock(recovery.fixed_at)}.")
    return "\n".join(lines)


def name_of(reading: RecoveryReading) -> str:
    return str(reading.customer) if reading.customer is not None else reading.org_id


def clock(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%H:%M UTC on %-d %B}" if at is not None else ""


def _count(readings: Sequence[RecoveryReading], verdict: V) -> int:
    return sum(one.verdict == verdict for one in readings)


def _of(some: int, n: int) -> str:
    return f"{some} of {n} customer{'' if n == 1 else 's'}"
