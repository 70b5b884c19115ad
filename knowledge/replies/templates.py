"""Reply templates: store a version, put one in force, bring an old one back, and keep the shipped ones loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from django.db import transaction
from django.db.models import Max

from altor.audit import record_event
from altor.errors import Conflict, InvalidInput, PermissionRefused
from altor.models import User
from knowledge.models import ReplyTemplate, ReplyTemplateVersion
from knowledge.replies.checks import wording_of
from knowledge.replies.format import PART_NAMES, TemplateForm, digest, from_file, library_files, read_template


def check_template(data: Mapping[str, Any]) -> tuple[TemplateForm, list[dict[str, Any]]]:
    """The template as it would be stored, and what the language check finds in its own words (findings as in
    `ReplyFinding.as_dict`, with `part`). InvalidInput for what cannot be stored. Stores nothing.
    """
    form = read_template(data)
    return form, [
        {"part": part, **finding.as_dict()}
        for part, text in form.parts.items()
        for finding in wording_of(text, form.language)
    ]


def save_template(
    data: Mapping[str, Any],
    *,
    actor: User | None,
    comment: str = "",
    origin: str = "editor",
    activate: bool = True,
    based_on: int | None = None,
) -> ReplyTemplateVersion:
    """A new version of the template of that key, or a new template; the same words give the version they already are.

    InvalidInput when it cannot be stored, also for a secret or an internal name in its words. Conflict when somebody
    stored a version since `based_on` (its number), and when the case or the key is taken.
    """
    _allow(actor)
    form, found = check_template(data)
    leaks = [item for item in found if item["is_leak"]]
    if leaks:
        first = leaks[0]
        problems = {item["part"]: [f"“{item['quote']}”: {item['why']}"] for item in reversed(leaks)}
        raise InvalidInput(f"{PART_NAMES[first['part']]}: “{first['quote']}”: {first['why']}", errors=problems)
    return _save(form, actor=actor, comment=comment, origin=origin, activate=activate, based_on=based_on)


@transaction.atomic
def _save(
    form: TemplateForm, *, actor: User | None, comment: str, origin: str, activate: bool, based_on: int | None = None
) -> ReplyTemplateVersion:
    template = _template(form, actor)
    # Every writer of versions takes this row first.
    template = ReplyTemplate.objects.select_for_update().get(pk=template.pk)
    latest = template.versions.aggregate(latest=Max("number"))["latest"] or 0
    if based_on is not None and based_on != latest:
        raise Conflict(f"Version {latest} of {template.key} was stored meanwhile: look at it first.", latest=latest)
    sha256 = digest(form.parts)
    version = template.versions.filter(sha256=sha256).order_by("-number").first()
    if version is None:
        version = template.versions.create(
            number=latest + 1, sha256=sha256, origin=origin, comment=comment[:300], created_by=actor, **form.parts
        )
        record_event(
            actor=actor, action="reply_template.stored", object_kind="reply_template", object_ref=str(version),
            after={"sha256": sha256, "origin": origin}, reason=comment[:300],
        )  # fmt: skip
    if activate and not version.is_active:
        _put_in_force(version, actor)
    return version


def _template(form: TemplateForm, actor: User | None) -> ReplyTemplate:
    case = {name: getattr(form, name) for name in TemplateForm.CASE}
    found = ReplyTemplate.objects.filter(key=form.key).first()
    if found is None:
        rival = ReplyTemplate.objects.filter(**case).first()
        if rival is not None:
            raise Conflict(f"{rival.key} is for this case already: change that one.", key=rival.key)
        return ReplyTemplate.objects.create(key=form.key, title=form.title, **case)
    if any(getattr(found, name) != value for name, value in case.items()):
        raise Conflict(f"{found.key} is for another case; a template's case never changes: make a new one.")
    if found.title != form.title:
        ReplyTemplate.objects.filter(pk=found.pk).update(title=form.title)
    return found


@transaction.atomic
def activate(version: ReplyTemplateVersion, *, actor: User | None) -> None:
    """New drafts take this version; replies that were drafted keep theirs."""
    _allow(actor)
    ReplyTemplate.objects.select_for_update().get(pk=version.template_id)
    version.refresh_from_db(fields=["is_active"])
    if not version.is_active:
        _put_in_force(version, actor)


def _put_in_force(version: ReplyTemplateVersion, actor: User | None) -> None:
    before = version.template.versions.active().first()
    version.template.versions.filter(is_active=True).update(is_active=False)
    ReplyTemplateVersion.objects.filter(pk=version.pk).update(is_active=True)
    version.is_active = True
    record_event(
        actor=actor, action="reply_template.activated", object_kind="reply_template", object_ref=str(version),
        before={"version": before.number} if before else None,
    )  # fmt: skip


@transaction.atomic
def withdraw(template: ReplyTemplate, *, actor: User | None) -> None:
    """No new draft takes this template; its versions stay."""
    _allow(actor)
    active = template.versions.active().first()
    if active is None:
        return
    template.versions.filter(pk=active.pk).update(is_active=False)
    record_event(
        actor=actor, action="reply_template.withdrawn", object_kind="reply_template", object_ref=str(active)
    )  # fmt: skip


@transaction.atomic
def restore(version: ReplyTemplateVersion, *, actor: User | None) -> ReplyTemplateVersion:
    """An old version's words as the newest version, in force; the old one itself where it is the newest."""
    _allow(actor)
    template = ReplyTemplate.objects.select_for_update().get(pk=version.template_id)
    latest = template.versions.order_by("-number").first()
    if latest is None or latest.pk == version.pk:
        activate(version, actor=actor)
        return version
    made = template.versions.create(
        number=latest.number + 1, sha256=version.sha256, created_by=actor, origin="editor",
        comment=f"As in version {version.number}", **version.parts,
    )  # fmt: skip
    record_event(
        actor=actor, action="reply_template.restored", object_kind="reply_template", object_ref=str(made),
        after={"from": version.number},
    )  # fmt: skip
    _put_in_force(made, actor)
    return made


#: Shipped templates that this process could not store.
_LEFT_OUT: Final[set[str]] = set()


@lru_cache(maxsize=1)
def _shipped() -> Sequence[TemplateForm]:
    return [from_file(path.name, path.read_text()) for path in library_files()]


def load_library(*, actor: User | None = None) -> int:
    """Every shipped template as a version; how many were new. A template that somebody changed stays as it is.

    Their words are not held against this installation's names: a user called "support" would keep them all out, and a
    reply is checked before it leaves anyway.
    """
    new = 0
    stored = set(ReplyTemplateVersion.objects.values_list("template__key", "sha256"))
    for form in _shipped():
        if (form.key, digest(form.parts)) in stored:
            continue
        known = ReplyTemplateVersion.objects.filter(template__key=form.key)
        own = known.active().exclude(origin="library").exists() or (known.exists() and not known.active().exists())
        try:
            _save(form, actor=actor, comment="shipped", origin="library", activate=not own)
        except Conflict:  # somebody's own template is for the same case
            continue
        new += 1
    return new


def ensure_library() -> None:
    """Load the shipped templates when one was never stored, as after an update of Altor: one query otherwise."""
    known = set(ReplyTemplate.objects.values_list("key", flat=True))
    missing = {form.key for form in _shipped()} - known - _LEFT_OUT
    if missing:
        load_library()
        # Somebody's own template is for the same case: looked at again after the next start.
        _LEFT_OUT.update(missing - set(ReplyTemplate.objects.values_list("key", flat=True)))


def _allow(actor: User | None) -> None:
    """`None` is the machine itself: the shipped templates, configuration files."""
    if actor is not None and not actor.may("reply_template.edit"):
        raise PermissionRefused("Only a lead or an administrator may change reply templates.")
