"""Which contract an escalation falls under: of those whose area fits, the one that says most."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from altor.errors import DomainError
from escalations.contracts.format import Area, ContractForm
from escalations.contracts.stored import ensure_library, form_of
from escalations.models import ContractVersion
from investigations.models import Investigation


class NoContract(DomainError):
    code = "no_contract"
    status = 409
    title = "No contract covers this escalation"


@dataclass(frozen=True, slots=True)
class Chosen:
    """`why` in words: what of its area fits."""

    version: ContractVersion
    form: ContractForm
    why: str


def contract_for(run: Investigation) -> Chosen:
    """The one in force for the run's ticket; of equally narrow ones the first by key. NoContract when none fits."""
    active = ContractVersion.objects.active().select_related("contract").order_by("contract__key")
    if not active:
        ensure_library()
    incident_class, services, tiers = place_of(run)
    best: tuple[int, str, Chosen] | None = None
    for version in active or active.all():
        form = form_of(version)
        fits = fit(form.area, incident_class, services, tiers)
        if fits is None:
            continue
        found = Chosen(version, form, "; ".join(fits) or "it is for every area")
        if best is None or len(fits) > best[0]:
            best = len(fits), form.key, found
    if best is None:
        raise NoContract(
            f"No escalation contract covers {run.ticket.ref}: a lead adds one, or an area to one.",
            ticket=run.ticket.ref,
        )
    return best[2]


def fit(area: Area, incident_class: str, services: Iterable[str], tiers: Sequence[str]) -> list[str] | None:
    """What of the area fits, one sentence for each kind it names; None when one of them does not."""
    found: list[str] = []
    if area.classes:
        if incident_class not in area.classes:
            return None
        found.append(f"its class is {incident_class}")
    if area.services:
        hit = next((one for one in services if any(_like(one, wanted) for wanted in area.services)), None)
        if hit is None:
            return None
        found.append(f"it concerns {hit}")
    if area.tiers:
        wanted = {tier.casefold() for tier in area.tiers}
        own = next((tier for tier in tiers if tier.casefold() in wanted), None)
        if own is None:
            return None
        found.append(f"the customer is {own}")
    return found


def _like(name: str, pattern: str) -> bool:
    return fnmatchcase(name.casefold(), pattern.casefold())


def place_of(run: Investigation) -> tuple[str, list[str], list[str]]:
    """(class, services and endpoints, tier and plan) of a run, as areas name them."""
    document: dict[str, Any] = run.diagnosis or {}
    scope, culprit = document.get("scope") or {}, document.get("culprit") or {}
    named = [scope.get("value"), culprit.get("service"), culprit.get("repository"), (run.inputs or {}).get("endpoint")]
    named += [one.ref.get(name) for one in run.evidence.all() for name in ("service", "repository", "route")]
    services = list(dict.fromkeys(str(one) for one in named if one))
    customer = run.ticket.customer
    tiers = [text for text in (customer.tier, customer.plan) if text] if customer is not None else []
    return document.get("class") or run.ticket.incident_class, services, tiers
