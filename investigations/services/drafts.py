"""Drafts of playbooks: one per person and playbook, saved as it is typed, valid or not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar, Final

from django.db import IntegrityError, transaction
from django.db.models import Exists
from django.utils import timezone

from altor.errors import Conflict, InvalidInput, LimitReached, NotFound
from altor.models import User
from investigations.models import PlaybookDraft, PlaybookVersion
from investigations.playbooks.line_ends import as_it_was, as_shown
from investigations.playbooks.loader import MAX_BYTES
from investigations.playbooks.starter import STARTER

#: How long a discarded draft can be taken back.
KEPT: Final = timedelta(days=30)


class DraftMoved(Conflict):
    """The draft was saved, published or discarded in another tab."""

    code: ClassVar[str] = "draft_moved"


def version_in_force(key: str) -> PlaybookVersion | None:
    return PlaybookVersion.objects.active().filter(key=key).first() if key else None


def text_to_begin_with(key: str, number: int | None = None) -> tuple[str, PlaybookVersion | None]:
    """What a new draft shows: the named version, else that in force, else the newest. NotFound for an unknown key."""
    if not key:
        return STARTER, None
    versions = PlaybookVersion.objects.filter(key=key).order_by("-is_active", "-version")
    found = versions.filter(version=number).first() if number is not None else versions.first()
    if found is None:
        raise NotFound(f"There is no playbook {key!r}.")
    return found.source_yaml, found


def checked_text(text: str) -> str:
    """InvalidInput for what cannot be kept."""
    if len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise InvalidInput(f"it is longer than {MAX_BYTES // 1000} kB, more than a playbook can have")
    if "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise InvalidInput("it holds a character that cannot be stored (NUL, or half of a pair)")
    return text


@transaction.atomic
def save_draft(
    *, owner: User, key: str, text: str, revision: int, base: int | None = None, begun_from: int | None = None,
    is_forced: bool = False,
) -> PlaybookDraft:  # fmt: skip
    """Keep what was typed; its line ends are those of the text it is an edit of.

    `revision` is the one that the tab has seen, 0 where there was no draft; DraftMoved when another tab was faster,
    unless `is_forced`. `base` and `begun_from` are version numbers and count when the draft is new. Nothing is written
    for a text that was not changed: the draft is then unsaved (`pk` None) or as it was.
    """
    checked_text(text)
    draft = PlaybookDraft.objects.select_for_update().of(owner, key).first()
    if draft is None:
        if revision and not is_forced:
            raise DraftMoved("the draft was published or discarded in another tab")
        return _begin(owner, key, text, base, begun_from)
    text = as_it_was(text, draft.text)
    if text == draft.text:
        return draft
    if draft.revision != revision:
        if not is_forced:
            raise DraftMoved("it was changed in another tab")
        draft.kept_text, draft.kept_why = draft.text, "the other tab's text was replaced"
    draft.text = text
    return _saved(draft)


def _begin(owner: User, key: str, text: str, base: int | None, begun_from: int | None) -> PlaybookDraft:
    original, first = text_to_begin_with(key, begun_from)
    draft = PlaybookDraft(
        owner=owner, key=key, text=as_it_was(text, original), begun_from=first, saved_at=timezone.now(),
        base=PlaybookVersion.objects.filter(key=key, version=base).first() if base else version_in_force(key),
    )  # fmt: skip
    if as_shown(text) == as_shown(original):
        return draft
    try:
        with transaction.atomic():
            draft.save()
    except IntegrityError:
        raise DraftMoved("a draft was begun in another tab") from None
    return draft


def _saved(draft: PlaybookDraft) -> PlaybookDraft:
    draft.revision += 1
    draft.saved_at = timezone.now()
    draft.save()
    return draft


@transaction.atomic
def ensure_draft(*, owner: User, key: str) -> PlaybookDraft:
    """The open draft, begun now where there was none."""
    draft = PlaybookDraft.objects.select_for_update().of(owner, key).first()
    if draft is None:
        text, first = text_to_begin_with(key)
        draft = PlaybookDraft.objects.create(
            owner=owner, key=key, text=text, base=version_in_force(key), begun_from=first, saved_at=timezone.now()
        )
    return draft


@transaction.atomic
def replace_text(*, owner: User, key: str, text: str, why: str, base: PlaybookVersion | None = None) -> PlaybookDraft:
    """Another text as a whole; the one before is kept for `take_back`. `why` says what replaced it."""
    checked_text(text)
    draft = ensure_draft(owner=owner, key=key)
    draft.kept_text, draft.kept_why = draft.text, why[:80]
    draft.text = text
    draft.base = base or draft.base
    return _saved(draft)


@transaction.atomic
def take_back(*, owner: User, key: str) -> PlaybookDraft:
    """The text before the last replacement, which is kept in turn. Conflict when there was none."""
    draft = PlaybookDraft.objects.select_for_update().of(owner, key).first()
    if draft is None or not draft.kept_why:
        raise Conflict("There is nothing to take back.")
    draft.text, draft.kept_text, draft.kept_why = draft.kept_text, draft.text, "taking it back"
    return _saved(draft)


@transaction.atomic
def discard(*, owner: User, key: str) -> None:
    """Away, but not lost: `restore` takes it back. Of one playbook the newest discarded draft is kept."""
    mine = PlaybookDraft.objects.filter(owner=owner, key=key)
    gone = timezone.now() - KEPT
    mine.filter(discarded_at__isnull=False).delete()
    PlaybookDraft.objects.filter(discarded_at__lt=gone).delete()
    if not mine.open().update(discarded_at=timezone.now()):
        raise Conflict("There is no draft any more.")


@transaction.atomic
def restore(*, owner: User, key: str) -> None:
    if PlaybookDraft.objects.of(owner, key).exists():
        raise Conflict("There is a new draft of this playbook: discard that first.")
    if not PlaybookDraft.objects.filter(owner=owner, key=key, discarded_at__isnull=False).update(discarded_at=None):
        raise Conflict("The draft is gone for good.")


def uploaded_text(data: bytes) -> str:
    """The text of a file, line ends and all. InvalidInput says why it is none."""
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"The file is larger than {MAX_BYTES // 1000} kB.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InvalidInput(f"The file is not UTF-8 text: line {line} holds another encoding.") from None
    try:
        return checked_text(text)
    except InvalidInput as refused:
        raise InvalidInput(f"The file cannot be kept: {refused.detail}.") from None


def claim_try(draft: PlaybookDraft, *, for_s: float) -> None:
    """One query at a time for one person; LimitReached while another is under way."""
    now = timezone.now()
    busy = PlaybookDraft.objects.filter(owner=draft.owner_id, trying_until__gt=now)
    if not PlaybookDraft.objects.filter(~Exists(busy), pk=draft.pk).update(trying_until=now + timedelta(seconds=for_s)):
        raise LimitReached("A query of yours is still being tried: wait for its answer.")


def end_try(draft: PlaybookDraft, *, is_kept: bool) -> None:
    """The next may be tried. A draft that was begun for this only goes again, unless it was written in meanwhile."""
    mine = PlaybookDraft.objects.filter(pk=draft.pk)
    mine.update(trying_until=None)
    if not is_kept:
        mine.filter(revision=draft.revision).delete()


def told(draft: PlaybookDraft) -> dict[str, Any]:
    """What the page keeps of a draft while it is typed in."""
    at = timezone.localtime(draft.saved_at)
    return {"revision": draft.revision if draft.pk else 0, "saved": f"{at:%H:%M}", "at": draft.saved_at.isoformat()}
