"""What all of Stripe's objects share: id, time, metadata, their page in the dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from altor.redaction import redact
from investigations.sources.http import iso, parse_time

Raw = Mapping[str, Any]
Shape = dict[str, Any]
_PAGES = {
    "customer": "customers", "subscription": "subscriptions", "invoice": "invoices", "charge": "payments",
    "payment_intent": "payments", "refund": "refunds", "dispute": "disputes", "event": "events",
    "credit_note": "credit_notes",
}  # fmt: skip


def time(value: Any) -> str | None:
    return iso(parse_time(value))


def dashboard(raw: Raw) -> str:
    """The object's page in Stripe's dashboard."""
    mode = "" if raw.get("livemode", True) else "test/"
    page = _PAGES.get(str(raw.get("object")), "")
    return f"https://dashboard.stripe.com/{mode}{page}/{raw['id']}" if page else ""


def ref(value: Any) -> str | None:
    """The id of a field that holds an id or, when expanded, the object."""
    if isinstance(value, Mapping):
        return str(value["id"]) if value.get("id") else None
    return str(value) if value else None


def metadata(raw: Raw) -> Shape:
    """What the company wrote on an object: values redacted and cut, those of secret-bearing names replaced whole."""
    found = raw.get("metadata") or {}
    cleaned: Shape = redact({str(key)[:60]: str(value)[:300] for key, value in found.items()})
    return cleaned


def head(raw: Raw) -> Shape:
    return {
        "id": raw["id"],
        "created": time(raw.get("created")),
        "url": dashboard(raw),
        "metadata": metadata(raw),
    }


def newest(shapes: list[Shape]) -> datetime | None:
    return max((at for at in (parse_time(each.get("created")) for each in shapes) if at), default=None)
