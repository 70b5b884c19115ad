"""A folder of Markdown files in and out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from altor.audit import record_event
from altor.errors import DomainError, InvalidInput
from altor.models import Team, User
from knowledge.entries.changes import CHOICES, move
from knowledge.entries.saving import create_entry, save_entry
from knowledge.exchange.markdown import Written, as_markdown, file_name, read_markdown
from knowledge.models import Entry
from knowledge.models.entries import CONTENT, EntryQuerySet


@dataclass(slots=True)
class Report:
    """What became of each; `problems`: (which one, what was not understood). `left_alone`, `skipped`, `remarks`: (which
    one, why), understood all the same.
    """

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    left_alone: list[tuple[str, str]] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[tuple[str, str]] = field(default_factory=list)

    def add(self, other: Report) -> None:
        for one in fields(self):
            getattr(self, one.name).extend(getattr(other, one.name))


def export_folder(entries: EntryQuerySet) -> dict[str, str]:
    """File name -> text of every entry, in the order of their numbers."""
    return {file_name(entry): as_markdown(entry) for entry in entries.with_context().order_by("number")}


def import_folder(
    files: Mapping[str, str], *, actor: User | None, dry_run: bool = False, now: datetime | None = None
) -> Report:
    """Make the entries that the files say: new ones, newer words of known ones (by `uid`), their state. A file that
    cannot be read is reported and leaves the others alone. With `dry_run` nothing is kept.
    """
    report, now = Report(), now or timezone.now()
    with transaction.atomic():
        for file, text in sorted(files.items()):
            try:
                with transaction.atomic():
                    _take(file, read_markdown(file, text), report, actor, now)
            except DomainError as refused:
                report.problems.append((file, refused.detail.removeprefix(file).lstrip(": ")))
        record_event(
            actor=actor, action="knowledge.imported", object_kind="knowledge", object_ref="files",
            after={"created": len(report.created), "updated": len(report.updated), "refused": len(report.problems)},
        )  # fmt: skip
        if dry_run:
            transaction.set_rollback(True)
    return report


def _take(file: str, written: Written, report: Report, actor: User | None, now: datetime) -> None:
    state = _known(written)
    known = Entry.objects.filter(space="", uid=written.uid).first() if written.uid else None
    if known is None:
        entry = create_entry(
            written.content, actor=actor, comment=f"From {file}"[:300], origin="file", uid=written.uid,
            number=written.number, now=written.created_at or now,
        )  # fmt: skip
        report.created.append(entry.ref)
    else:
        # What a file leaves out is empty there: the file is the whole entry.
        empty = {name: [] if isinstance(getattr(known, name), list) else "" for name in CONTENT}
        content = {**empty, "detection": None, "language": "en", **written.content}
        entry = save_entry(known, content, actor=actor, comment=f"From {file}"[:300], origin="file", now=now)
        (report.updated if entry.revision != known.revision else report.unchanged).append(entry.ref)
    changed = {name: value for name, value in state.items() if getattr(entry, name) != value}
    if changed:
        move(entry, changed, why="import", actor=actor, reason=f"From {file}", now=now)
        if entry.ref in report.unchanged:
            report.unchanged.remove(entry.ref)
            report.updated.append(entry.ref)


def _known(written: Written) -> dict[str, object]:
    """The state with team and owner as rows. InvalidInput for what does not exist here."""
    state = dict(written.state)
    for name, choices in CHOICES.items():
        if name in state and state[name] not in choices.values:
            raise InvalidInput(f"there is no {name} {state[name]!r}: {', '.join(choices.values)}.")
    if "team" in state:
        state["team"] = Team.objects.filter(slug=state["team"]).first()
        if state["team"] is None:
            raise InvalidInput(f"there is no team {written.state['team']!r} here.")
    if "owner" in state:
        # Somebody may have left: the entry comes without an owner rather than not at all.
        state["owner"] = User.objects.filter(username=state["owner"]).first()
    if state and written.uid is not None:
        state = {"team": None, "owner": None, "review_on": None} | state
    return state
