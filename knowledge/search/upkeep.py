"""Bring rows of the search in step that are not: new rules for words, another model, a mean length that moved.

Small steps, each in its own transaction: whoever searches meanwhile finds every entry, those that wait by their words
alone. Interrupted work goes on where it stopped.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from knowledge.models import Entry
from knowledge.search.embedding.model import model_name
from knowledge.search.indexing import index_entries
from knowledge.search.lexicon import VERSION

_LOCK: Final = 4711_0006
#: Entries in one transaction: a second of work.
STEP: Final = 40


def out_of_step() -> QuerySet[Entry]:
    """Entries whose row is missing, or was made from other words, by other rules or by another model."""
    model = model_name()
    wrong = Q(search=None) | ~Q(search__revision=F("revision")) | ~Q(search__lexicon=VERSION)
    if model:
        wrong |= ~Q(search__model=model)
    return Entry.objects.filter(wrong, space="")


def work_left(*, everything: bool = False) -> int:
    return (Entry.objects.filter(space="") if everything else out_of_step()).count()


def keep_in_step(seconds: float = 20.0) -> bool:
    """Index what is out of step for so long; whether more is left."""
    end = time.monotonic() + seconds
    return any(time.monotonic() >= end for _ in work_off())


def work_off(*, everything: bool = False) -> Iterator[int]:
    """Index what is out of step, or everything; yields how many are done after each step. Several may be at it."""
    done, after = 0, 0
    began = timezone.now()
    while True:
        with transaction.atomic():
            with connection.cursor() as cursor:
                # One after the other: what another has done meanwhile is not done again.
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            waiting = Entry.objects.filter(space="", created_at__lte=began) if everything else out_of_step()
            found = list(waiting.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:STEP])
            if not found:
                return
            # Held, so that nobody saves other words between reading and indexing them.
            index_entries(list(Entry.objects.select_for_update(of=("self",)).filter(pk__in=found).order_by("pk")))
        after = found[-1]
        done += len(found)
        yield done
