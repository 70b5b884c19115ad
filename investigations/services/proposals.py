"""A profile proposed from the telemetry itself, for one confirmation by a person.

Each name comes with its reason: how many requests carry the attribute, how many values it has, some of them (redacted),
and what else could be meant. Nothing is saved here.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from altor.errors import DomainError
from altor.redaction import redact_text
from investigations.models import Customer
from investigations.profile import Profile, TelemetryProfile
from investigations.services.proposal_roles import ROLES, Role
from investigations.sources.base import RunContext, SourceError
from investigations.sources.clickhouse.sampling import Attribute, Sample, sample
from investigations.sources.clickhouse.source import ClickHouseSession, ClickHouseSource

if TYPE_CHECKING:
    from investigations.sources.base import ConnectionConfig

PROPOSE_S: Final = 25.0
#: Below this an attribute is not proposed at all, above the other one it is proposed as sure.
LOW, HIGH = 0.45, 0.75
_ALTERNATIVES: Final = 4


class ProposalImpossible(DomainError):
    """The telemetry could not be looked at; the text says why."""

    code = "proposal_impossible"
    status = 503
    title = "No profile can be proposed"


@dataclass(frozen=True, slots=True)
class Alternative:
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`value` for the profile's field `telemetry.<field>`; "" when nothing in the telemetry fits."""

    field: str
    title: str
    value: str
    current: str
    confidence: str  # high, medium, none
    reason: str
    alternatives: tuple[Alternative, ...] = ()

    @property
    def is_changed(self) -> bool:
        return self.value != self.current


@dataclass(frozen=True, slots=True)
class ProfileProposal:
    suggestions: tuple[Suggestion, ...]
    window_start: datetime
    window_end: datetime
    spans: int
    logs: int
    warnings: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether requests can be told apart by customer, route and status with what is proposed."""
        named = {each.field: each.value for each in self.suggestions}
        return all(named.get(field) for field in ("tenant_attribute", "route_attribute", "status_attribute"))

    def values(self) -> dict[str, str]:
        return {each.field: each.value for each in self.suggestions}

    def applied_to(self, profile: Profile, chosen: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The profile's data with the proposal taken over; `chosen` are a person's own choices by field."""
        data = profile.model_dump(mode="json", exclude={"customers"})
        fields = self.values()
        data["telemetry"] |= fields | {name: value for name, value in (chosen or {}).items() if name in fields}
        return data

    def as_dict(self) -> dict[str, Any]:
        return {
            "suggestions": [asdict(each) for each in self.suggestions],
            "window_start": self.window_start.isoformat(),
            "window_end": self.window_end.isoformat(),
            "spans": self.spans,
            "logs": self.logs,
            "warnings": list(self.warnings),
        }


_WEBHOOK: Final = re.compile(r"web[._ -]?hook|callback[._ -]?deliver|deliver[._ -]?(?:event|callback)", re.IGNORECASE)


async def propose_profile(session: ClickHouseSession, *, directory: Iterable[str] = ()) -> ProfileProposal:
    """Look at the telemetry and suggest its names. `directory` holds known customers' ids. SourceError possible."""
    found = await sample(session)
    return propose(found, session.context.profile.telemetry, frozenset(directory))


def proposal_for(config: ConnectionConfig, profile: Profile) -> ProfileProposal:
    """Open the connection and propose; ProposalImpossible when the source gives no answer in time."""
    directory = list(Customer.objects.values_list("org_id", flat=True)[:5000])

    async def go() -> ProfileProposal:
        deadline = asyncio.get_running_loop().time() + PROPOSE_S
        context = RunContext(
            as_of=profile.now or datetime.now(UTC), profile=profile, deadline=deadline, run_ref="propose"
        )
        async with asyncio.timeout(PROPOSE_S), ClickHouseSource().open(config, context) as session:
            return await propose_profile(session, directory=directory)

    try:
        return asyncio.run(go())
    except SourceError as error:
        raise ProposalImpossible(error.message) from None
    except TimeoutError:
        raise ProposalImpossible(f"ClickHouse gave no answer within {PROPOSE_S:.0f} s") from None


def propose(found: Sample, current: TelemetryProfile, directory: frozenset[str] = frozenset()) -> ProfileProposal:
    """Suggestions for what was found. Plain function of its arguments."""
    suggestions = [_suggest(role, found, str(getattr(current, role.field)), directory) for role in ROLES]
    suggestions.append(_webhook(found, current.webhook_span_name))
    warnings = []
    if not found.spans:
        warnings.append("No requests (server spans) were found: nothing can be proposed from them.")
    if not found.logs:
        warnings.append("No log lines were found in that time.")
    tenant = next(each for each in suggestions if each.field == "tenant_attribute")
    if found.logs and tenant.value and tenant.value not in found.log:
        warnings.append(f"Log lines do not carry {tenant.value}: they cannot be told apart by customer.")
    return ProfileProposal(
        tuple(suggestions), found.window_start, found.window_end, found.spans, found.logs, tuple(warnings)
    )


def _suggest(role: Role, found: Sample, current: str, directory: frozenset[str]) -> Suggestion:
    attributes = found.server if role.where == "server" else found.resource
    ranked = sorted(
        ((_score(role, each, found.spans, directory), each) for each in attributes.values()),
        key=lambda pair: (-pair[0], pair[1].name),
    )
    ranked = [(score, each) for score, each in ranked if score >= LOW]
    if not ranked:
        nothing = "Not found in the telemetry: what depends on it cannot be checked."
        return Suggestion(role.field, role.title, "", current, "none", nothing)
    score, best = ranked[0]
    if current in attributes and current != best.name:
        # What is in force stays unless something is clearly better.
        kept = next((pair for pair in ranked if pair[1].name == current), None)
        if kept is not None and kept[0] >= score - 0.1:
            score, best = kept
    others = tuple(
        Alternative(each.name, _reason(each, found.spans, directory)) for _, each in ranked if each.name != best.name
    )[:_ALTERNATIVES]
    sure = score >= HIGH and not any(close >= score - 0.05 for close, each in ranked if each.name != best.name)
    reason = _reason(best, found.spans, directory)
    return Suggestion(role.field, role.title, best.name, current, "high" if sure else "medium", reason, others)


def _score(role: Role, attribute: Attribute, records: int, directory: frozenset[str]) -> float:
    """0 to 1: half the name, half the values; an identity that is in the customer directory is certain."""
    fit = role.fits(attribute, records)
    if role.field == "tenant_attribute" and directory and fit:
        known = sum(example in directory for example in attribute.examples)
        if known * 2 >= len(attribute.examples) > 0:
            return 0.95 + 0.05 * min(1.0, attribute.coverage)
    name = _name_score(role, attribute.name)
    if not name or not fit:
        return 0.0
    coverage = 1.0 if role.rare else min(1.0, attribute.coverage / 0.6)
    return 0.5 * name + 0.35 * fit + 0.15 * coverage if coverage > 0.05 else 0.0


def _name_score(role: Role, name: str) -> float:
    if name in role.known:
        return 1.0 - 0.3 * role.known.index(name) / len(role.known)
    return 0.55 if re.search(role.pattern, name, re.IGNORECASE) else 0.0


def _reason(attribute: Attribute, records: int, directory: frozenset[str]) -> str:
    values = "1 value" if attribute.distinct == 1 else f"{attribute.distinct:,} values"
    shown = ", ".join(list(dict.fromkeys(_shown(example) for example in attribute.examples))[:3])
    text = f"On {attribute.coverage:.0%} of {records:,} requests, {values}: {shown}."
    known = sum(example in directory for example in attribute.examples)
    if known:
        text += f" {known} of {len(attribute.examples)} frequent ones are in the customer directory."
    return text


def _shown(example: str) -> str:
    text = redact_text(example, ips=True)
    return text if len(text) <= 32 else text[:31] + "…"


def _webhook(found: Sample, current: str) -> Suggestion:
    names = sorted(
        ((count, name) for name, count in found.call_names.items() if _WEBHOOK.search(name)),
        key=lambda pair: (-pair[0], pair[1]),
    )
    field, title = "webhook_span_name", "Webhook delivery"
    if not names:
        return Suggestion(field, title, "", current, "none", "No outgoing span looks like a webhook delivery.")
    name = current if current in found.call_names else names[0][1]
    reasons = {each: f"{count:,} of {found.calls:,} outgoing spans have this name." for count, each in names}
    reasons.setdefault(name, f"{found.call_names[name]:,} of {found.calls:,} outgoing spans have this name.")
    others = tuple(Alternative(each, reasons[each]) for _, each in names if each != name)[:_ALTERNATIVES]
    return Suggestion(field, title, name, current, "medium" if others else "high", reasons[name], others)


__all__ = [
    "ROLES",
    "Alternative",
    "ProfileProposal",
    "ProposalImpossible",
    "Suggestion",
    "proposal_for",
    "propose",
    "propose_profile",
]
