"""From a draft to a version: what it changes, whether somebody else was faster, and a second person's word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from altor.errors import Conflict, InvalidInput
from altor.models import User
from investigations.models import PlaybookApproval, PlaybookDraft, PlaybookVersion
from investigations.playbooks.diff import Change, changes
from investigations.playbooks.examine import Examined, examine
from investigations.playbooks.loader import PlaybookInvalid
from investigations.playbooks.merging import Merged, merge
from investigations.services import approvals
from investigations.services.drafts import replace_text, version_in_force
from investigations.services.playbooks import activate_version, failures_of, shown_problem, store_version


class PlaybookMoved(Conflict):
    """Another version came into force since the draft was begun."""

    code: ClassVar[str] = "playbook_moved"


@dataclass(frozen=True, slots=True)
class Standing:
    """A draft against what is in force now."""

    examined: Examined
    in_force: PlaybookVersion | None  # of the key that the text names
    base: PlaybookVersion | None  # of the same key
    changes: list[Change]  # against the version in force; [] where the text is not valid

    @property
    def has_moved(self) -> bool:
        return self.in_force is not None and (self.base is None or self.base.pk != self.in_force.pk)

    @property
    def is_same(self) -> bool:
        return self.examined.playbook is not None and self.in_force is not None and not self.changes


def standing(draft: PlaybookDraft) -> Standing:
    """Queries the version in force."""
    examined = examine(draft.text)
    key = examined.playbook.key if examined.playbook else (examined.outline.key if examined.outline else draft.key)
    in_force = version_in_force(key or draft.key)
    base = draft.base if draft.base is not None and in_force is not None and draft.base.key == in_force.key else None
    found: list[Change] = []
    if examined.playbook is not None and in_force is not None:
        found = changes(in_force.document, examined.playbook.model_dump(by_alias=True, mode="json"))
    return Standing(examined, in_force, base, found)


@transaction.atomic
def publish(
    *, owner: User, key: str, revision: int, comment: str = "", over: int | None = None, activate: bool = True
) -> PlaybookVersion:
    """The draft as a new version, in force or waiting for approval (`is_active` tells); the draft is then gone.

    PlaybookInvalid as stored; Conflict when the draft was changed meanwhile or changes nothing; PlaybookMoved when
    another version than the one it was begun from is in force, unless `over` is that version's number.
    """
    draft = PlaybookDraft.objects.select_for_update(of=("self",)).select_related("base").of(owner, key).first()
    if draft is None:
        raise Conflict("There is no draft any more: it was published or discarded in another tab.")
    if draft.revision != revision:
        raise Conflict("The draft was changed since this page was opened: look at it again.")
    if not comment.strip():
        raise InvalidInput("Say why: the team reads it in a year.")
    now = standing(draft)
    if now.examined.playbook is None:
        raise PlaybookInvalid(now.examined.problems)
    # Two people who publish together: the second waits here and then sees the first one's version, even where there
    # is no row yet that could be locked.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 4712))", [now.examined.playbook.key])
    now = standing(draft)
    if now.in_force is not None and now.in_force.source_yaml == draft.text:
        raise Conflict(f"This is {now.in_force} as it is in force: there is nothing to publish.")
    if activate and now.has_moved and now.in_force is not None and now.in_force.version != over:
        raise PlaybookMoved(f"{now.in_force} came into force since this draft was begun.")
    try:
        with transaction.atomic():
            stored = store_version(
                draft.text, name="draft", actor=owner, origin="editor", comment=comment.strip(), activate=activate
            )
    except IntegrityError:  # the first version of a new playbook, twice in one moment
        raise Conflict("Somebody published a playbook of this name in this moment: look at it again.") from None
    PlaybookDraft.objects.filter(pk=draft.pk).delete()
    return stored


def merged_with(draft: PlaybookDraft, theirs: PlaybookVersion) -> Merged | None:
    """The draft with what came into force since it was begun; None without a common beginning."""
    if draft.base is None or draft.base.key != theirs.key:
        return None
    return merge(draft.base.source_yaml, draft.text, theirs.source_yaml, name=f"v{theirs.version}")


@transaction.atomic
def take_up(*, owner: User, key: str) -> Merged:
    """Their changes in the draft, which counts from their version on; the text before is kept."""
    draft = PlaybookDraft.objects.select_for_update(of=("self",)).select_related("base").of(owner, key).first()
    theirs = standing(draft).in_force if draft is not None else None
    merged = merged_with(draft, theirs) if draft is not None and theirs is not None else None
    if merged is None or theirs is None:
        raise Conflict("There is nothing to take up.")
    replace_text(owner=owner, key=key, text=merged.text, why=f"taking up v{theirs.version}", base=theirs)
    return merged


@transaction.atomic
def approve(version: PlaybookVersion, *, actor: User, against: int | None) -> None:
    """A second person agrees: in force now. `against` is the version in force that they compared with."""
    now = version_in_force(version.key)
    if (now.version if now else None) != against:
        raise Conflict("Another version came into force since this page was opened: look at the differences again.")
    failed = failures_of(version)
    if failed:
        raise Conflict(f"{version} fails its own tests: {failed[0]}", problems=[shown_problem(item) for item in failed])
    approvals.decide(version, actor=actor, state=PlaybookApproval.State.APPROVED)
    activate_version(version, actor=actor)


@transaction.atomic
def send_back(version: PlaybookVersion, *, actor: User, note: str) -> None:
    """Not so: with a note. Who asked finds the text as a draft again, unless they have begun another one."""
    if not note.strip():
        raise Conflict("Say what should be different: the author reads it.")
    approval = approvals.decide(version, actor=actor, state=PlaybookApproval.State.RETURNED, note=note.strip())
    author = approval.asked_by
    if author is not None and not PlaybookDraft.objects.of(author, version.key).exists():
        PlaybookDraft.objects.create(
            owner=author, key=version.key, text=version.source_yaml, base=version_in_force(version.key),
            begun_from=version, saved_at=timezone.now(),
        )  # fmt: skip
