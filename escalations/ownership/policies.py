"""SLA policies: store a version, put one in force, and find the one that a ticket is under."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max

from altor.audit import record_event
from altor.errors import Conflict, PermissionRefused
from altor.models import User
from escalations.models import SlaPolicy, SlaPolicyVersion
from escalations.ownership.format import PolicyForm, digest, document_of, from_file, library_files, read_policy


@dataclass(frozen=True, slots=True)
class Case:
    """What decides on a ticket's policy; all in lower case."""

    tier: str = ""
    incident_class: str = ""
    priority: str = ""

    @property
    def key(self) -> str:
        return f"{self.tier}|{self.incident_class}|{self.priority}"


def fitting(case: Case, versions: Iterable[SlaPolicyVersion]) -> SlaPolicyVersion | None:
    """The version whose policy names most of the case: the tier weighs more than the class, the class more than the
    priority. `versions` come with their policies.
    """

    def weight(policy: SlaPolicy) -> int:
        named = ((policy.tier, case.tier, 4), (policy.incident_class, case.incident_class, 2),
                 (policy.priority, case.priority, 1))  # fmt: skip
        if any(wanted and wanted != has for wanted, has, _ in named):
            return -1
        return sum(points for wanted, _, points in named if wanted)

    weighed = [(weight(version.policy), version) for version in versions]
    best = max((pair for pair in weighed if pair[0] >= 0), key=lambda pair: pair[0], default=None)
    return best[1] if best else None


@transaction.atomic
def save_policy(
    data: Mapping[str, Any],
    *,
    actor: User | None,
    comment: str = "",
    origin: str = "editor",
    activate: bool = True,
    based_on: int | None = None,
) -> SlaPolicyVersion:
    """A new version of the policy of that key, or a new policy; the same promises give the version they already are.

    InvalidInput when it cannot be stored. Conflict when somebody stored a version since `based_on` (its number), and
    when the case or the key is taken. Tickets keep the version they came under.
    """
    _allow(actor)
    form = read_policy(data)
    policy = _policy(form)
    # Every writer of versions takes this row first.
    policy = SlaPolicy.objects.select_for_update().get(pk=policy.pk)
    latest = policy.versions.aggregate(latest=Max("number"))["latest"] or 0
    if based_on is not None and based_on != latest:
        raise Conflict(f"Version {latest} of {policy.key} was stored meanwhile: look at it first.", latest=latest)
    document = document_of(form)
    sha256 = digest(document)
    version = policy.versions.filter(sha256=sha256).order_by("-number").first()
    if version is None:
        version = policy.versions.create(
            number=latest + 1, document=document, sha256=sha256, origin=origin, comment=comment[:300], created_by=actor
        )
        record_event(
            actor=actor, action="sla_policy.stored", object_kind="sla_policy", object_ref=str(version),
            after={"sha256": sha256, "origin": origin}, reason=comment[:300],
        )  # fmt: skip
    if activate and not version.is_active:
        _put_in_force(version, actor)
    return version


def _policy(form: PolicyForm) -> SlaPolicy:
    case = {name: getattr(form, name) for name in PolicyForm.CASE}
    found = SlaPolicy.objects.filter(key=form.key).first()
    if found is None:
        rival = SlaPolicy.objects.filter(**case).first()
        if rival is not None:
            raise Conflict(f"{rival.key} is for these tickets already: change that one.", key=rival.key)
        return SlaPolicy.objects.create(key=form.key, title=form.title, **case)
    if any(getattr(found, name) != value for name, value in case.items()):
        raise Conflict(f"{found.key} is for other tickets; that never changes: make a new policy.")
    if found.title != form.title:
        SlaPolicy.objects.filter(pk=found.pk).update(title=form.title)
    return found


@transaction.atomic
def activate(version: SlaPolicyVersion, *, actor: User | None) -> None:
    """Tickets that come from now on are under this version."""
    _allow(actor)
    SlaPolicy.objects.select_for_update().get(pk=version.policy_id)
    version.refresh_from_db(fields=["is_active"])
    if not version.is_active:
        _put_in_force(version, actor)


def _put_in_force(version: SlaPolicyVersion, actor: User | None) -> None:
    before = version.policy.versions.active().first()
    version.policy.versions.filter(is_active=True).update(is_active=False)
    SlaPolicyVersion.objects.filter(pk=version.pk).update(is_active=True)
    version.is_active = True
    record_event(
        actor=actor, action="sla_policy.activated", object_kind="sla_policy", object_ref=str(version),
        before={"version": before.number} if before else None,
    )  # fmt: skip


@transaction.atomic
def withdraw(policy: SlaPolicy, *, actor: User | None) -> None:
    """No ticket comes under this policy any more; those that are stay, and its versions too."""
    _allow(actor)
    SlaPolicy.objects.select_for_update().get(pk=policy.pk)
    active = policy.versions.active().first()
    if active is None:
        return
    policy.versions.filter(pk=active.pk).update(is_active=False)
    record_event(actor=actor, action="sla_policy.withdrawn", object_kind="sla_policy", object_ref=str(active))


def load_library(*, actor: User | None = None) -> int:
    """Every shipped policy as a version; how many were new. A policy that somebody changed stays as it is."""
    new = 0
    for path in library_files():
        form = from_file(path.name, path.read_text())
        known = SlaPolicyVersion.objects.filter(policy__key=form.key)
        if known.filter(sha256=digest(document_of(form))).exists():
            continue
        own = known.active().exclude(origin="library").exists() or (known.exists() and not known.active().exists())
        try:
            save_policy(
                form.model_dump(by_alias=True), actor=actor, comment="shipped", origin="library", activate=not own
            )
        except Conflict:  # somebody's own policy is for the same tickets
            continue
        new += 1
    return new


def ensure_library() -> None:
    """Load the shipped policies when there is none at all: one query otherwise."""
    if SlaPolicy.objects.exists():
        return
    with suppress(IntegrityError), transaction.atomic():  # another process loads them at this moment
        load_library()


def _allow(actor: User | None) -> None:
    """`None` is the machine itself: the shipped policies, configuration files."""
    if actor is not None and not actor.may("sla.edit"):
        raise PermissionRefused("Only a lead or an administrator may change SLA policies.")
