"""A stored version of a playbook, read and checked once for each process."""

from __future__ import annotations

from functools import lru_cache

from investigations.models import PlaybookVersion
from investigations.playbooks.format import Playbook


@lru_cache(maxsize=64)
def stored_playbook(pk: int, sha256: str) -> Playbook:
    """Versions are immutable: do not change what comes back. Reading one takes longer than all the rest of a gate."""
    return Playbook.model_validate(PlaybookVersion.objects.values_list("document", flat=True).get(pk=pk, sha256=sha256))
