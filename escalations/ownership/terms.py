"""What a policy version promises, ready for the clocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Final

from escalations.clocks.format import hours_of
from escalations.clocks.hours import ALWAYS, Hours
from escalations.models import SlaPolicyVersion
from escalations.models.ownership import TicketClock
from escalations.ownership.format import form_of

#: The target of a clock for which nothing is promised: it runs, so that a promise that comes later knows what passed.
UNLIMITED: Final = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Terms:
    """`version` is the version's primary key, 0 where no policy fits. Kinds that are absent in `targets` promise
    nothing.
    """

    version: int = 0
    targets: Mapping[str, timedelta] = field(default_factory=dict)
    hours: Mapping[str, Hours] = field(default_factory=dict)
    pauses: frozenset[str] = frozenset()
    restarts: bool = False
    share: float = 0.75
    before: timedelta = timedelta(minutes=15)
    unowned_after: timedelta | None = None
    unowned_hours: Hours = ALWAYS

    def target(self, kind: str) -> timedelta:
        return self.targets.get(kind, UNLIMITED)

    def hours_of(self, kind: str) -> Hours:
        """Where nothing is promised the time is only measured."""
        return self.hours.get(kind, ALWAYS) if kind in self.targets else ALWAYS


NO_TERMS: Final = Terms()


def terms_of(version: SlaPolicyVersion) -> Terms:
    return _terms(version.pk, version.sha256)


@lru_cache(maxsize=512)
def _terms(pk: int, sha256: str) -> Terms:
    """Versions are immutable, and reading hours takes longer than reading a clock: it is done once per process."""
    form = form_of(SlaPolicyVersion.objects.select_related("policy").get(pk=pk, sha256=sha256))
    promised = {kind: target.within for kind, target in form.targets.items() if target is not None}
    return Terms(
        version=pk,
        targets=promised,
        hours={str(kind): form.hours_for(kind) for kind in TicketClock.Kind},
        pauses=frozenset(form.pauses),
        restarts=form.reopened == "restart",
        share=form.warn.share,
        before=form.warn.before,
        unowned_after=form.unowned_after,
        unowned_hours=hours_of(form.hours),
    )
