"""Whether a playbook version may come into force by one person's word, and the asking of a second one.

The profile decides (`playbooks.approval`, off by default). Pages and the API keep to it. What an administrator does on
the machine itself goes past it and is said so in the audit log: `config apply`, `playbooks load --approved`, and the
shipped library at an upgrade.
"""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django.utils import timezone

from altor.audit import record_event
from altor.errors import Conflict, PermissionRefused
from altor.models import User
from investigations.models import PlaybookApproval, PlaybookVersion
from investigations.services.profiles import current_profile

State: Final = PlaybookApproval.State


def approval_is_on() -> bool:
    return current_profile().playbooks.approval


def is_needed(version: PlaybookVersion) -> bool:
    """Whether somebody else has to agree first. A version that was approved once may be put in force again."""
    approved = PlaybookApproval.objects.filter(version=version, state=State.APPROVED)
    return approval_is_on() and not approved.exists()


@transaction.atomic
def ask(version: PlaybookVersion, *, actor: User | None) -> PlaybookApproval:
    """The version waits for a second person; earlier ones of its playbook that waited are overtaken."""
    now = timezone.now()
    approval, is_new = PlaybookApproval.objects.select_for_update().get_or_create(
        version=version, defaults={"asked_by": actor, "asked_at": now}
    )
    if not is_new and approval.state == State.WAITING:
        return approval
    if not is_new:
        approval.state, approval.asked_by, approval.asked_at = State.WAITING, actor, now
        approval.decided_by = approval.decided_at = None
        approval.note = ""
        approval.save()
    others = PlaybookApproval.objects.filter(version__key=version.key, state=State.WAITING).exclude(pk=approval.pk)
    others.update(state=State.OVERTAKEN, decided_at=now)
    record_event(actor=actor, action="playbook.approval_asked", object_kind="playbook", object_ref=str(version))
    return approval


def forget(version: PlaybookVersion) -> None:
    """A version that came into force otherwise waits for nobody."""
    PlaybookApproval.objects.filter(version=version, state=State.WAITING).delete()


def may_decide(approval: PlaybookApproval, user: User) -> bool:
    """Whoever wrote the version or wants it in force cannot be the second person."""
    return user.may("playbook.edit") and user.pk not in (approval.asked_by_id, approval.version.created_by_id)


def decide(version: PlaybookVersion, *, actor: User, state: PlaybookApproval.State, note: str = "") -> PlaybookApproval:
    """Approve or send back; Conflict when it does not wait (any more), PermissionRefused for its author."""
    approval = PlaybookApproval.objects.select_related("version", "asked_by").filter(version=version).first()
    if approval is None or approval.state != State.WAITING:
        raise Conflict(f"{version} does not wait for approval any more.")
    if not may_decide(approval, actor):
        raise PermissionRefused("You wrote this version or asked for it: a second person has to approve it.")
    changed = PlaybookApproval.objects.filter(pk=approval.pk, state=State.WAITING).update(
        state=state, decided_by=actor, decided_at=timezone.now(), note=note[:1000]
    )
    if not changed:
        raise Conflict(f"Somebody else decided on {version} in this moment.")
    word = "approved" if state == State.APPROVED else "returned"
    record_event(
        actor=actor, action=f"playbook.{word}", object_kind="playbook", object_ref=str(version), reason=note[:1000]
    )
    return approval
