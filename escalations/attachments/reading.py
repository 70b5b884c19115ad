"""The files of a ticket as checklists and packets name them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from escalations.models import AttachedFile, ItemFile
from escalations.packets.material import address
from investigations.models import Ticket


@dataclass(frozen=True, slots=True)
class Filed:
    """`id` stands in addresses, `size` is in bytes, `sha256` of the bytes that are handed out."""

    id: str
    name: str
    kind: str
    size: int
    sha256: str
    is_redacted: bool
    url: str


def filed(file: AttachedFile) -> Filed:
    return Filed(
        file.ident, file.name, file.kind, file.size, file.sha256, file.is_redacted,
        address("escalations:attachment", file.ident),
    )  # fmt: skip


def files_of(ticket: Ticket, *, until: datetime | None = None) -> dict[str, tuple[Filed, ...]]:
    """Item -> its files, in the order in which they came; with `until` those that were there by then. One query."""
    links = ItemFile.objects.filter(file__ticket=ticket).select_related("file").defer("file__content").order_by("pk")
    if until is not None:
        links = links.filter(at__lte=until)
    found: dict[str, tuple[Filed, ...]] = {}
    for link in links:
        found[link.item] = (*found.get(link.item, ()), filed(link.file))
    return found


def files_named(ids: Iterable[str]) -> list[Filed]:
    """Those of the ids that are still there."""
    wanted = [one for one in ids if isinstance(one, str) and len(one) == 32]
    return [filed(one) for one in AttachedFile.objects.filter(public_id__in=wanted).defer("content").order_by("pk")]
