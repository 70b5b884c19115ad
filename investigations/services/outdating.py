"""When a proposed change of a playbook is none any more: another version is in force, or another verdict was given."""

from __future__ import annotations

from typing import Final

from django.db import connection
from django.utils import timezone

from investigations.models import Investigation, PlaybookProposal, PlaybookVersion

#: Of advisory locks: one per run, so that no verdict comes between the last look at the verdicts and the proposal.
_RUN_LOCK: Final = 4713


def hold_verdicts(run_id: int) -> None:
    """Until the end of the caller's transaction no other verdict on the run is given, and no proposal made of one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_RUN_LOCK, run_id % 2**31])


def supersede(run: Investigation) -> None:
    """Another verdict on the run: what was proposed for the one before is outdated. In the caller's transaction."""
    hold_verdicts(run.pk)
    former = PlaybookProposal.objects.open().filter(feedback__investigation=run)
    former.update(status=PlaybookProposal.Status.OUTDATED, decided_at=timezone.now())


def outdate(key: str, *, but: PlaybookVersion | None = None) -> None:
    """Another version of the playbook is in force, or none: what was proposed for the former is outdated."""
    stale = PlaybookProposal.objects.open().filter(playbook_key=key)
    if but is not None:
        stale = stale.exclude(base=but)
    stale.update(status=PlaybookProposal.Status.OUTDATED, decided_at=timezone.now())
