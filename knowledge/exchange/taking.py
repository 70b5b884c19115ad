"""Entries from what other systems offer. Words that a person wrote here since are never overwritten.

A field is a person's when the version that gave it its present words was not an import. Which words the last import
gave, and so whether the source has changed since, stands in the versions too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from altor.audit import record_event
from altor.errors import DomainError
from altor.redaction import redact_text
from knowledge.entries.changes import locked, move
from knowledge.entries.content import LONGEST, MOST_ITEMS, TEXTS, read_content
from knowledge.entries.links import add_link
from knowledge.entries.saving import changed_fields, create_entry, is_for_outsiders, save_entry
from knowledge.exchange.folders import Report
from knowledge.exchange.offered import Offered, Reading
from knowledge.models import Entry
from knowledge.models.entries import CONTENT, Confidence, LinkKind

Progress = Callable[[str, int, int], None]
_LONGEST_TITLE: Final = 300
_LONGEST_ITEM: Final = {"components": 80, "versions": 80, "tiers": 40}
#: What PostgreSQL does not store.
_UNSTORABLE: Final = re.compile(r"[\x00\ud800-\udfff]")


def take_all(
    reading: Reading, *, dry_run: bool = False, now: datetime | None = None, progress: Progress | None = None
) -> Report:
    """Make or renew an entry of each, one transaction each. What is refused leaves the others alone. With `dry_run`
    nothing is kept.
    """
    report, now = Report(problems=list(reading.problems), skipped=list(reading.skipped)), now or timezone.now()
    if not dry_run:
        _take_each(reading.offered, report, now, progress)
        return report
    with transaction.atomic():
        _take_each(reading.offered, report, now, progress)
        transaction.set_rollback(True)
    return report


def _take_each(offered: list[Offered], report: Report, now: datetime, progress: Progress | None) -> None:
    for done, one in enumerate(offered, 1):
        # Kept apart: of an entry that is refused after all, nothing has become anything.
        own = Report()
        try:
            with transaction.atomic():
                _take(one, own, now)
        except (DataError, IntegrityError):
            report.problems += [(one.name, problem) for problem in (*one.problems, "the database does not take it.")]
        except DomainError as refused:
            report.problems += [(one.name, problem) for problem in (*one.problems, refused.detail)]
        else:
            report.add(own)
            report.remarks += [(one.name, remark) for remark in one.remarks]
        if progress is not None:
            progress("entries", done, len(offered))
    record_event(
        actor=None, action="knowledge.imported", object_kind="knowledge", object_ref="files",
        after={"created": len(report.created), "updated": len(report.updated), "refused": len(report.problems)},
    )  # fmt: skip


def _take(one: Offered, report: Report, now: datetime) -> None:
    problems = list(one.problems)
    content = _fitting(one.content, problems)
    known = Entry.objects.filter(space="", uid=one.uid).first()
    comment = _UNSTORABLE.sub("", one.came_from)[:300]
    if known is None:
        entry = create_entry(
            content, actor=None, comment=comment, origin="file", uid=one.uid, number=one.number, now=now
        )
        report.created.append(entry.ref)
        if one.confidence:
            move(entry, {"confidence": one.confidence}, why="import", actor=None, reason=comment, now=now)
    else:
        entry = _renewed(known, content, one, report, comment, now)
    if one.url:
        _link(entry, one.url, problems, now)
    report.problems += [(one.name, problem) for problem in problems]


def _renewed(
    known: Entry, content: Mapping[str, Any], one: Offered, report: Report, comment: str, now: datetime
) -> Entry:
    wanted = read_content({**known.content, **content}).model_dump()
    changed = changed_fields(known.content, wanted)
    own = set() if one.seen == known.revision else set(changed) & _of_people(known)
    given = _last_given(known) if own else {}
    # What the source says as ever is no news to whoever improved it here.
    if left := [CONTENT[name] for name in CONTENT if name in own and given.get(name) != wanted[name]]:
        report.left_alone.append((one.name, f"{known.ref} was changed here, left alone: {', '.join(left)}"))
    taken = {name: wanted[name] for name in changed if name not in own}
    if not taken:
        entry = locked(known)
        is_moved = _settle(known, entry, one, (), now)
    else:
        entry = save_entry(known, taken, actor=None, seen=known.revision, comment=comment, origin="file", now=now)
        is_moved = _settle(known, entry, one, tuple(taken), now)
    (report.updated if taken or is_moved else report.unchanged).append(entry.ref)
    return entry


def _settle(before: Entry, entry: Entry, one: Offered, taken: tuple[str, ...], now: datetime) -> bool:
    """The confidence after an import: what only imports decided follows the source, a reviewer's word stays, except
    that new words which outsiders would read are looked at first.
    """
    wanted = entry.confidence
    last = entry.changes.filter(field="confidence").order_by("-pk").first()
    is_by_import = last is None or last.why == "import"
    if one.confidence == Confidence.ARCHIVED:
        wanted = Confidence.ARCHIVED
    elif one.confidence == Confidence.NOT_VALIDATED and entry.confidence == Confidence.WIP and is_by_import:
        wanted = Confidence.NOT_VALIDATED
    elif one.confidence == Confidence.WIP and before.confidence == Confidence.WIP:
        wanted = Confidence.WIP  # a draft stays one, however complete it is
    elif before.confidence == Confidence.VALIDATED and is_for_outsiders(before, taken):
        wanted = Confidence.NOT_VALIDATED
    if wanted == entry.confidence:
        return False
    move(entry, {"confidence": wanted}, why="import", actor=None, reason=_UNSTORABLE.sub("", one.came_from), now=now)
    return wanted != before.confidence


def _of_people(entry: Entry) -> set[str]:
    """Fields whose present words came from a person, or from anything but an import."""
    people: dict[str, bool] = {}
    before: Mapping[str, Any] | None = None
    for version in entry.history.order_by("number").only("number", "origin", "content"):
        for name in CONTENT:
            if before is None or before.get(name) != version.content.get(name):
                people[name] = version.origin != "file"
        before = version.content
    return {name for name, is_so in people.items() if is_so}


def _last_given(entry: Entry) -> dict[str, Any]:
    """Field -> the words that an import gave it last."""
    given: dict[str, Any] = {}
    before: Mapping[str, Any] = {}
    for version in entry.history.order_by("number").only("number", "origin", "content"):
        if version.origin == "file":
            given |= {
                name: version.content.get(name)
                for name in CONTENT
                if version.number == 1 or before.get(name) != version.content.get(name)
            }
        before = version.content
    return given


def _fitting(content: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    """What fits into an entry; what was cut or left out is added to `problems`."""
    found = {name: _storable(value, problems) for name, value in content.items()}
    for name in ("title", *TEXTS):
        text, most = found.get(name), _LONGEST_TITLE if name == "title" else LONGEST
        if isinstance(text, str) and len(text := redact_text(text).strip()) > most:
            found[name] = text[: most - 1].rstrip() + "…"
            problems.append(f"{CONTENT[name]} has {len(text)} characters: cut to {most}")
    for name, longest in _LONGEST_ITEM.items():
        if name in found:
            items = list(dict.fromkeys(" ".join(str(item).split()) for item in found[name]))
            kept = [item for item in items if 0 < len(item) <= longest][:MOST_ITEMS]
            problems += [f"{CONTENT[name]}: {item[:40]!r}… is too long" for item in items if len(item) > longest]
            if sum(1 for item in items if 0 < len(item) <= longest) > MOST_ITEMS:
                problems.append(f"{CONTENT[name]}: only the first {MOST_ITEMS} were taken")
            found[name] = kept
    return found


def _storable(value: Any, problems: list[str]) -> Any:
    if isinstance(value, str) and _UNSTORABLE.search(value):
        problems.append("a character that is none was taken out")
        return _UNSTORABLE.sub("", value)
    return [_storable(item, problems) for item in value] if isinstance(value, list) else value


def _link(entry: Entry, url: str, problems: list[str], now: datetime) -> None:
    try:
        add_link(entry, kind=LinkKind.DOCUMENT, ref=_UNSTORABLE.sub("", url), actor=None, now=now)
    except DomainError as refused:
        problems.append(f"its address is not kept: {refused.detail}")
