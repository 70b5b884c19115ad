"""How to see it: where, when, what to look for, and the query that shows it. Only what evidence or the ticket says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from escalations.packets.changes import is_same
from escalations.packets.evidence import plain_ref
from escalations.packets.format import Change, Detection, EvidenceItem, Marker, Query, Reproduction
from escalations.packets.impact import symptom_of
from escalations.packets.material import Material, link, moment, sentence
from escalations.packets.queries import whole
from escalations.packets.timeline import onset_of
from investigations.models import TicketClaim
from investigations.services.summary import source_title

#: Keys of references and inputs, and columns of rows, as people call what they hold.
_NAMES: Final = {
    "org": "customer", "org_id": "customer", "tenant": "customer", "endpoint": "endpoint", "route": "endpoint",
    "region": "region", "instance": "instance", "pod": "instance", "api_key": "API key", "ip": "address",
    "service": "service", "sha": "version", "host": "host", "table": "table", "event_type": "event type",
    "error_type": "error type", "exception": "error type", "dependency": "host", "key": "API key",
    "invoice": "invoice", "charge": "charge", "subscription": "subscription", "refund": "refund", "dispute": "dispute",
    "customer": "Stripe customer", "payment_intent": "payment", "event": "event",
}  # fmt: skip
_INPUTS: Final = ("org_id", "endpoint", "region", "stripe_customer")
_CLAIMS: Final = {
    TicketClaim.Kind.REQUEST_ID: "request id", TicketClaim.Kind.ENDPOINT: "endpoint",
    TicketClaim.Kind.ERROR_CODE: "error code", TicketClaim.Kind.OBJECT_ID: "object",
}  # fmt: skip
_SAMPLED: Final = {"trace_id": "trace", "request_id": "request", "event_id": "event"}
#: Stand in references for many at once.
_NOBODY: Final = frozenset({"", "all", "others", "none"})
SAMPLES: Final = 5
_MARKERS: Final = 20


def reproduction_of(
    material: Material,
    change: Change | None,
    evidence: Sequence[EvidenceItem],
    queries: Sequence[Query],
    views: Mapping[str, str],
) -> Reproduction:
    """One query per ticket, for what its text names."""
    if not material.diagnosis:
        return Reproduction(markers=_markers(material))
    onset = onset_of(material)
    start, _ = material.window
    detection = _detection(material, evidence, queries, views)
    found = Reproduction(
        since=onset.earliest or onset.at or start,
        until=moment(material.run.inputs.get("ended_at")) or material.run.as_of,
        markers=_markers(material),
        samples=_samples(material),
        detection=detection,
    )
    return found.model_copy(update={"steps": list(_steps(material, found, change))})


def _markers(material: Material) -> list[Marker]:
    """What the reasons and breaches are about first, then the run's inputs, then what the customer named."""
    found: dict[tuple[str, str], list[str]] = {}
    own = str(material.run.inputs.get("org_id") or "")
    for item in material.ordered:
        if item.verdict == "abnormal" or item.ref_id in material.reasons:
            for key, value in plain_ref(item.ref).items():
                if key in _NAMES and isinstance(value, str | int) and str(value) not in _NOBODY:
                    marker = _name(key, str(value), own), str(value)
                    told = next((known for known in found if _is_known(known, marker)), marker)
                    found.setdefault(told, []).append(item.ref_id)
    for key in _INPUTS:
        value = material.run.inputs.get(key)
        if isinstance(value, str) and value:
            found.setdefault((_NAMES.get(key, key.replace("_", " ").capitalize()), value), [])
    for ticket in material.tickets:
        for claim in ticket.claims.all():
            if claim.is_active and claim.kind in _CLAIMS:
                found.setdefault((_CLAIMS[TicketClaim.Kind(claim.kind)], claim.value), [])
    return [Marker(name=name, value=value, evidence=refs) for (name, value), refs in found.items()][:_MARKERS]


def _name(key: str, value: str, own: str) -> str:
    """What the value is; another tenant than the ticket's is told apart."""
    name = _NAMES[key]
    return "other customer" if name == "customer" and own and value != own else name


def _is_known(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """A commit is the same by its first characters."""
    return one == other or (one[0] == other[0] == "version" and is_same(one[1], other[1]))


def _samples(material: Material) -> list[Marker]:
    found: dict[tuple[str, str], list[str]] = {}
    for item in material.ordered:
        columns = list(item.columns) if isinstance(item.columns, list) else []
        for column, name in _SAMPLED.items():
            if column not in columns or not isinstance(item.rows, list):
                continue
            place = columns.index(column)
            for row in item.rows:
                if isinstance(row, list) and len(row) > place and row[place]:
                    found.setdefault((name, str(row[place])), [item.ref_id])
    return [Marker(name=name, value=value, evidence=refs) for (name, value), refs in found.items()][:SAMPLES]


def _detection(
    material: Material, evidence: Sequence[EvidenceItem], queries: Sequence[Query], views: Mapping[str, str]
) -> Detection | None:
    """The query of the symptom; where that is not from the telemetry, of the first reason that is."""
    by_id = {query.id: query for query in queries}
    symptom = symptom_of(material)
    wanted = [symptom.ref_id] if symptom else []
    wanted += [*material.reasons, *(item.ref_id for item in evidence if item.verdict == "abnormal")]
    by_ref = {item.ref_id: item for item in evidence}
    for ref in wanted:
        item = by_ref.get(ref)
        for name in item.queries if item else ():
            if by_id[name].source == "clickhouse" and item is not None:
                return Detection(query=name, sql=whole(by_id[name], views), gave=item.summary, evidence=ref)
    return None


def _steps(material: Material, found: Reproduction, change: Change | None) -> Iterator[str]:
    where = [f"{one.name} {one.value}" for one in found.markers if one.name in ("endpoint", "region", "instance")][:2]
    customer = next((one.value for one in found.markers if one.name == "customer"), "")
    if found.detection is None:
        yield from _open(material)
    elif found.since and (where or customer):
        whose = f"the requests of {customer}" if customer else "the requests"
        at = f" on {' and '.join(where)}" if where else ""
        yield f"Look at {whose}{at} from {_clock(found.since)} to {_clock(found.until)}."
    if found.samples:
        told = ", ".join(f"{one.name} {one.value}" for one in found.samples[:3])
        yield f"Follow one that failed: {told}."
    if found.detection:
        yield f"Run the detection query; in the run it gave: {sentence(found.detection.gave)}"
    if change is not None and change.kind == "deployment" and change.url:
        files = f", which touches {', '.join(change.files[:4])}" if change.files else ""
        yield f"Read the change {change.id[:7]}{files}."
    if confirm := str(material.top.get("confirm") or ""):
        first = confirm[:1].lower() if confirm[1:2].islower() or confirm.startswith("A ") else confirm[:1]
        yield f"To confirm: {sentence(first + confirm[1:])}"


def _open(material: Material) -> Iterator[str]:
    """Where no query shows it: the object in its own system."""
    symptom = symptom_of(material)
    for item in [*([symptom] if symptom else []), *(material.by_ref[ref] for ref in material.reasons)]:
        if link(item.url):
            yield f"Open {item.title or item.kind} in {source_title(item.source)}: {item.url}"
            return


def _clock(at: Any) -> str:
    return f"{at.day} {at:%b %H:%M} UTC" if at else "now"
