"""Contracts in the database: store a version, put one in force, bring an old one back, keep the shipped one loaded."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Max

from altor.audit import record_event
from altor.errors import Conflict, PermissionRefused
from altor.models import User
from escalations.contracts.format import ContractForm
from escalations.contracts.reading import digest, document_of, library_files, read_contract
from escalations.models import Contract, ContractVersion


@transaction.atomic
def save_contract(
    text: str, *, actor: User | None, name: str = "contract.yaml", comment: str = "", origin: str = "editor",
    activate: bool = True, based_on: int | None = None, key: str = "",
) -> ContractVersion:  # fmt: skip
    """A new version of the contract of that key, or a new contract; one that says the same gives the version it is.

    ContractInvalid as read. Conflict when somebody stored a version since `based_on` (its number), and when the text's
    key is not `key`, where one is given: a contract never changes its key.
    """
    _allow(actor)
    form = read_contract(text, name)
    if key and form.key != key:
        raise Conflict(f"This is the contract {form.key!r}, not {key!r}: a key never changes, make a new contract.")
    contract, _ = Contract.objects.get_or_create(key=form.key, defaults={"title": form.title})
    # Every writer of versions takes this row first.
    contract = Contract.objects.select_for_update().get(pk=contract.pk)
    latest = contract.versions.aggregate(latest=Max("number"))["latest"] or 0
    if based_on is not None and based_on != latest:
        raise Conflict(f"Version {latest} of {contract.key} was stored meanwhile: look at it first.", latest=latest)
    sha256 = digest(form)
    version = contract.versions.filter(sha256=sha256, source_yaml=text).order_by("-number").first()
    if version is None:
        version = contract.versions.create(
            number=latest + 1, source_yaml=text, document=document_of(form), sha256=sha256, origin=origin,
            comment=comment[:300], created_by=actor,
        )  # fmt: skip
        record_event(
            actor=actor, action="contract.stored", object_kind="contract", object_ref=str(version),
            after={"sha256": sha256, "origin": origin}, reason=comment[:300],
        )  # fmt: skip
    if activate and not version.is_active:
        _put_in_force(version, actor, form)
    return version


@transaction.atomic
def activate(version: ContractVersion, *, actor: User | None) -> None:
    """Escalations sent from now on are under this version; those that were sent keep theirs."""
    _allow(actor)
    Contract.objects.select_for_update().get(pk=version.contract_id)
    version.refresh_from_db(fields=["is_active"])
    if not version.is_active:
        _put_in_force(version, actor, form_of(version))


@transaction.atomic
def restore(version: ContractVersion, *, actor: User | None) -> ContractVersion:
    """An old version's text as the newest version, in force; the old one itself where it is the newest."""
    _allow(actor)
    contract = Contract.objects.select_for_update().get(pk=version.contract_id)
    latest = contract.versions.order_by("-number").first()
    if latest is None or latest.pk == version.pk:
        activate(version, actor=actor)
        return version
    made = contract.versions.create(
        number=latest.number + 1, source_yaml=version.source_yaml, document=version.document, sha256=version.sha256,
        created_by=actor, comment=f"As in version {version.number}",
    )  # fmt: skip
    record_event(
        actor=actor, action="contract.restored", object_kind="contract", object_ref=str(made),
        after={"from": version.number},
    )  # fmt: skip
    _put_in_force(made, actor, form_of(made))
    return made


@transaction.atomic
def withdraw(contract: Contract, *, actor: User | None) -> None:
    """No escalation takes this contract any more; its versions stay. Conflict for the last one in force."""
    _allow(actor)
    active = contract.versions.active().first()
    if active is None:
        return
    # Taken in one order by everybody, so that two people do not withdraw the last two at once.
    list(Contract.objects.select_for_update().order_by("pk"))
    if not ContractVersion.objects.active().exclude(contract=contract).exists():
        raise Conflict("This is the only contract in force: without one nothing could be escalated.")
    contract.versions.filter(pk=active.pk).update(is_active=False)
    record_event(actor=actor, action="contract.withdrawn", object_kind="contract", object_ref=str(active))


def form_of(version: ContractVersion) -> ContractForm:
    """A stored version; it was checked when it was stored."""
    return read_contract(version.source_yaml, f"{version}.yaml")


def load_library(*, actor: User | None = None) -> int:
    """The shipped contracts as versions; how many were new. One that somebody changed or withdrew stays as it is."""
    new = 0
    for path in library_files():
        text = path.read_text()
        known = ContractVersion.objects.filter(contract__key=path.stem)
        if known.filter(source_yaml=text).exists():
            continue
        own = known.active().exclude(origin="library").exists() or (known.exists() and not known.active().exists())
        save_contract(text, actor=actor, name=path.name, comment="shipped", origin="library", activate=not own)
        new += 1
    return new


def ensure_library() -> None:
    """Load the shipped contracts when there is none at all: one query otherwise."""
    if not ContractVersion.objects.exists():
        load_library()


def _put_in_force(version: ContractVersion, actor: User | None, form: ContractForm) -> None:
    before = version.contract.versions.active().first()
    version.contract.versions.filter(is_active=True).update(is_active=False)
    ContractVersion.objects.filter(pk=version.pk).update(is_active=True)
    Contract.objects.filter(pk=version.contract_id).update(title=form.title)
    version.is_active = True
    record_event(
        actor=actor, action="contract.activated", object_kind="contract", object_ref=str(version),
        before={"version": before.number} if before else None,
    )  # fmt: skip


def _allow(actor: User | None) -> None:
    """`None` is the machine itself: the shipped contract, configuration files."""
    if actor is not None and not actor.may("contract.edit"):
        raise PermissionRefused("Only a lead or an administrator may change escalation contracts.")
