"""How much of the drafts of each template is left in what went out: the measure of its words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.db.models import Count, Q

from altor.models import User
from knowledge.models import Reply
from knowledge.replies.similarity import LIGHT

#: Shares of fewer replies say little, and the pages mark them.
SMALL: Final = 20


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Of `n` replies that went out: as drafted, with small changes, rewritten."""

    n: int = 0
    unchanged: int = 0
    light: int = 0

    @property
    def rewritten(self) -> int:
        return self.n - self.unchanged - self.light

    @property
    def accepted_share(self) -> float | None:
        """Share that went out as drafted or with small changes, 0 to 1; None without replies."""
        return (self.unchanged + self.light) / self.n if self.n else None

    @property
    def is_small(self) -> bool:
        return self.n < SMALL


def acceptance(user: User, versions: Iterable[int]) -> dict[int, Acceptance]:
    """Version id -> its figures, over replies that the person may see. One query."""
    out = Reply.objects.visible_to(user).out().filter(version__in=list(versions)).exclude(similarity=None)
    rows = (
        out.order_by()
        .values("version")
        .annotate(
            n=Count("pk"),
            unchanged=Count("pk", filter=Q(similarity__gte=1)),
            light=Count("pk", filter=Q(similarity__gte=LIGHT, similarity__lt=1)),
        )
    )
    return {row["version"]: Acceptance(row["n"], row["unchanged"], row["light"]) for row in rows}
