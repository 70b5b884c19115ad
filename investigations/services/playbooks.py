"""Playbook versions: store, activate, and keep the shipped library loaded."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Max

from altor.audit import record_event
from altor.errors import InvalidInput, NotFound
from altor.models import User
from investigations.models import PlaybookVersion
from investigations.playbooks.loader import PlaybookInvalid, digest, library_files, parse_playbook


@transaction.atomic
def store_version(
    text: str, *, name: str, actor: User | None = None, origin: str = "file", comment: str = "", activate: bool = True
) -> PlaybookVersion:
    """A new immutable version of the file's playbook; the same text gives the version it already is. PlaybookInvalid
    as parsed.
    """
    playbook = parse_playbook(text, name=name)
    sha256 = digest(text)
    versions = PlaybookVersion.objects.select_for_update().filter(key=playbook.key)
    found = versions.filter(sha256=sha256).order_by("-version").first()
    if found is None:
        latest = versions.aggregate(latest=Max("version"))["latest"] or 0
        found = PlaybookVersion.objects.create(
            key=playbook.key,
            version=latest + 1,
            title=playbook.title,
            incident_class=playbook.incident_class,
            source_yaml=text,
            document=playbook.model_dump(by_alias=True, mode="json"),
            sha256=sha256,
            origin=origin,
            comment=comment[:300],
            created_by=actor,
        )
        record_event(
            actor=actor,
            action="playbook.stored",
            object_kind="playbook",
            object_ref=str(found),
            after={"sha256": sha256, "origin": origin},
        )
    if activate and not found.is_active:
        activate_version(found, actor=actor)
    return found


@transaction.atomic
def activate_version(version: PlaybookVersion, *, actor: User | None = None) -> None:
    """Make this version the one that new runs take; runs under way keep theirs."""
    before = PlaybookVersion.objects.select_for_update().filter(key=version.key, is_active=True).first()
    if before is not None and before.pk != version.pk:
        PlaybookVersion.objects.filter(pk=before.pk).update(is_active=False)
    PlaybookVersion.objects.filter(pk=version.pk).update(is_active=True)
    version.is_active = True
    record_event(
        actor=actor,
        action="playbook.activated",
        object_kind="playbook",
        object_ref=str(version),
        before={"version": before.version} if before else None,
    )


def active_playbook(key: str) -> PlaybookVersion:
    found = PlaybookVersion.objects.active().filter(key=key).first()
    if found is None:
        raise NotFound(f"There is no active playbook {key!r}.")
    return found


def load_library(*, actor: User | None = None) -> list[PlaybookVersion]:
    """Every shipped playbook as a version. A playbook whose active version is somebody's own stays as it is."""
    loaded = []
    for file in library_files():
        text = file.read_text()
        own = PlaybookVersion.objects.active().filter(key=file.stem).exclude(origin="library").exists()
        loaded.append(
            store_version(
                text, name=file.name, actor=actor, origin="library", comment="shipped library", activate=not own
            )
        )
    return loaded


def ensure_library() -> None:
    """Load the library when a shipped file is not stored yet: one query when nothing changed."""
    known = set(PlaybookVersion.objects.values_list("sha256", flat=True))
    if any(digest(file.read_text()) not in known for file in library_files()):
        load_library()


def as_invalid_input(error: PlaybookInvalid) -> InvalidInput:
    """The problems of a file in the shape that pages and the API show."""
    problems = [{"line": item.line, "field": item.field, "message": item.message} for item in error.problems]
    return InvalidInput(f"The playbook is not valid: {error.problems[0]}", problems=problems)
