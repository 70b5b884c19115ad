"""Playbook versions: store, activate, and keep the shipped library loaded."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Max

from altor.audit import record_event
from altor.errors import Conflict, InvalidInput, NotFound
from altor.models import User
from investigations.models import PlaybookVersion
from investigations.playbooks.format import Playbook
from investigations.playbooks.loader import (
    PlaybookInvalid,
    Problem,
    digest,
    failed_tests,
    library_files,
    parse_playbook,
    read_file,
)
from investigations.services import approvals
from investigations.services.outdating import outdate


@transaction.atomic
def store_version(
    text: str, *, name: str, actor: User | None = None, origin: str = "file", comment: str = "", activate: bool = True,
    past_approval: bool = False,
) -> PlaybookVersion:  # fmt: skip
    """A new immutable version of the file's playbook; the same text gives the version it already is.

    With `activate` it comes into force, or waits for a second person where the profile asks for one: `is_active` tells.
    `past_approval` is the administrator's way, on the machine itself.

    PlaybookInvalid as parsed, and when a version to be put in force fails its own tests: nothing is stored then.
    """
    same = PlaybookVersion.objects.filter(sha256=digest(text), is_active=True).first()
    if same is not None:
        return same
    playbook = parse_playbook(text, name=name)
    # The shipped library is held by our own tests; a start must not fail for it.
    if activate and origin != "library" and (failed := failed_tests(playbook, text, name=name)):
        raise PlaybookInvalid(failed)
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
        if past_approval and approvals.is_needed(found):
            activate_version(found, actor=actor, reason=f"past the approval: {comment or origin}")
        else:
            bring_into_force(found, actor=actor)
    return found


@transaction.atomic
def bring_into_force(version: PlaybookVersion, *, actor: User | None = None) -> bool:
    """Activate, or ask for the approval that is needed; whether it is in force now."""
    if approvals.is_needed(version):
        approvals.ask(version, actor=actor)
        return False
    activate_version(version, actor=actor)
    return True


@transaction.atomic
def activate_version(version: PlaybookVersion, *, actor: User | None = None, reason: str = "") -> None:
    """Make this version the one that new runs take; runs under way keep theirs. It is not asked whether its tests hold:
    see `failures_of`.
    """
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
        reason=reason,
    )
    approvals.forget(version)
    outdate(version.key, but=version)


@transaction.atomic
def withdraw(version: PlaybookVersion, *, actor: User | None = None) -> None:
    """No new run takes this playbook; its versions stay, and runs under way keep theirs."""
    PlaybookVersion.objects.filter(pk=version.pk).update(is_active=False)
    version.is_active = False
    record_event(
        actor=actor,
        action="playbook.withdrawn",
        object_kind="playbook",
        object_ref=str(version),
        before={"version": version.version},
    )
    outdate(version.key)


def failures_of(version: PlaybookVersion) -> list[Problem]:
    """What the version's own tests expect and do not get; computed anew, because the weighing may have changed."""
    playbook = Playbook.model_validate(version.document)
    return failed_tests(playbook, version.source_yaml, name=str(version)) if playbook.tests else []


def put_in_force(version: PlaybookVersion, *, actor: User | None = None) -> bool:
    """Activate a stored version, or ask for its approval; whether it is in force. Conflict when its own tests fail."""
    failed = failures_of(version)
    if failed:
        raise Conflict(f"{version} fails its own tests: {failed[0]}", problems=[shown_problem(item) for item in failed])
    return bring_into_force(version, actor=actor)


def active_playbook(key: str) -> PlaybookVersion:
    found = PlaybookVersion.objects.active().filter(key=key).first()
    if found is None:
        raise NotFound(f"There is no active playbook {key!r}.")
    return found


def load_library(*, actor: User | None = None) -> list[PlaybookVersion]:
    """Every shipped playbook as a version. A playbook whose active version is somebody's own stays as it is."""
    loaded = []
    for file in library_files():
        text = read_file(file)
        own = PlaybookVersion.objects.active().filter(key=file.stem).exclude(origin="library").exists()
        loaded.append(
            store_version(
                text,
                name=file.name,
                actor=actor,
                origin="library",
                comment="shipped library",
                activate=not own,
                past_approval=True,
            )
        )
    return loaded


def ensure_library() -> None:
    """Load the library when a shipped file is not stored yet: one query when nothing changed."""
    known = set(PlaybookVersion.objects.values_list("sha256", flat=True))
    if any(digest(read_file(file)) not in known for file in library_files()):
        load_library()


def as_invalid_input(error: PlaybookInvalid) -> InvalidInput:
    """The problems of a file in the shape that pages and the API show."""
    return InvalidInput(
        f"The playbook is not valid: {error.problems[0]}", problems=[shown_problem(item) for item in error.problems]
    )


def shown_problem(problem: Problem) -> dict[str, Any]:
    return {"line": problem.line, "field": problem.field, "message": problem.message}
