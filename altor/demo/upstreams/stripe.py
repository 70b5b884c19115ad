"""Stripe's REST API, reading only: lists with filters and cursors, search, retrieval, expansion, errors."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl
from uuid import uuid4

from altor.demo.credentials import STRIPE_KEY
from altor.demo.upstreams.server import Reply, Request, is_credential
from altor.demo.world.build import World
from altor.demo.world.stripe_objects import API_VERSION

Json = dict[str, Any]
_RANGE: Final = ("gt", "gte", "lt", "lte")
#: Filters that each list takes besides limit, starting_after, ending_before and expand.
FILTERS: Final[Mapping[str, frozenset[str]]] = {
    "customers": frozenset({"email", "created", "test_clock"}),
    "subscriptions": frozenset(
        {"customer", "status", "price", "created", "collection_method", "current_period_start", "current_period_end"}
    ),
    "invoices": frozenset({"customer", "status", "subscription", "created", "due_date", "collection_method"}),
    "invoice_payments": frozenset({"invoice", "payment", "status", "created"}),
    "charges": frozenset({"customer", "payment_intent", "created", "transfer_group"}),
    "payment_intents": frozenset({"customer", "created"}),
    "refunds": frozenset({"charge", "payment_intent", "created"}),
    "disputes": frozenset({"charge", "payment_intent", "created"}),
    "events": frozenset({"type", "types", "created", "delivery_success"}),
    "prices": frozenset({"active", "product", "type", "created", "currency", "lookup_keys"}),
    "products": frozenset({"active", "created", "ids"}),
    "webhook_endpoints": frozenset(),
    "credit_notes": frozenset({"customer", "invoice", "created"}),
    "balance_transactions": frozenset({"source", "type", "created", "currency", "payout"}),
}
SEARCHABLE: Final = frozenset(
    {"charges", "customers", "invoices", "payment_intents", "prices", "products", "subscriptions"}
)
_EXPANDABLE: Final = {
    "customer": "customers",
    "charge": "charges",
    "latest_charge": "charges",
    "payment_intent": "payment_intents",
    "invoice": "invoices",
    "subscription": "subscriptions",
    "latest_invoice": "invoices",
    "product": "products",
    "balance_transaction": "balance_transactions",
}
_CLAUSE: Final = re.compile(
    r"""^(-?)([\w.]+)(?:\[["'](\w+)["']\])?\s*(>=|<=|:|~|>|<)\s*(?:"((?:\\.|[^"])*)"|'((?:\\.|[^'])*)'|(\S+))$"""
)


class StripeError(Exception):
    def __init__(self, status: int, message: str, *, code: str = "", param: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {"error": {"type": "invalid_request_error", "message": message}}
        if code:
            self.body["error"] |= {
                "code": code,
                "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}",
            }
        if param:
            self.body["error"]["param"] = param


def parse_query(query: str) -> Json:
    """`a[b]=1&c[]=2&d[0]=3` as {"a": {"b": "1"}, "c": ["2"], "d": ["3"]}."""
    out: Json = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        head, _, rest = name.partition("[")
        inner = rest.rstrip("]").split("][")[0] if rest else None
        if inner is None:
            out[head] = value
        elif inner == "" or inner.isdigit():
            out.setdefault(head, []).append(value)
        else:
            out.setdefault(head, {})[inner] = value
    return out


class Stripe:
    def __init__(self, world: World, clock: Callable[[], datetime]) -> None:
        self._lists = world.billing.lists
        self._clock = clock

    def __call__(self, request: Request) -> Reply:
        headers = {
            "Request-Id": f"req_{uuid4().hex[:14]}",
            "Stripe-Version": request.headers.get("Stripe-Version") or API_VERSION,
        }
        try:
            return Reply(200, self._route(request), headers)
        except StripeError as error:
            return Reply(error.status, error.body, headers)

    def _route(self, request: Request) -> Json:
        if not is_credential(request, STRIPE_KEY):
            raise StripeError(
                401,
                "Invalid API Key provided."
                if "Authorization" in request.headers
                else "You did not provide an API key.",
            )
        if request.method not in ("GET", "HEAD"):
            raise StripeError(
                403,
                "The provided key does not have the required permissions for this endpoint: it may only read.",
                code="more_permissions_required",
            )
        match [part for part in request.path.split("/") if part]:
            case ["v1", resource] if resource in FILTERS:
                return self._list(resource, request.path, parse_query(request.query))
            case ["v1", resource, "search"] if resource in SEARCHABLE:
                return self._search(resource, request.path, parse_query(request.query))
            case ["v1", "invoices", id_, "lines"]:
                lines: Json = self._retrieve("invoices", id_)["lines"]
                return lines
            case ["v1", resource, id_] if resource in FILTERS:
                return self._expand(self._retrieve(resource, id_), _names(parse_query(request.query).get("expand", [])))
            case ["v1", "account"]:
                return {
                    "id": "acct_demoHarborline",
                    "object": "account",
                    "business_profile": {"name": "Harborline"},
                    "livemode": False,
                }
            case ["v1", "balance"]:
                return {
                    "object": "balance",
                    "available": [{"amount": 8_412_300, "currency": "usd"}],
                    "pending": [],
                    "livemode": False,
                }
        raise StripeError(404, f"Unrecognized request URL ({request.method}: {request.path}).", code="resource_missing")

    def _visible(self, resource: str) -> list[Json]:
        now = self._clock().timestamp()
        return [item for item in self._lists.get(resource, []) if item["created"] <= now]

    def _retrieve(self, resource: str, id_: str) -> Json:
        found = next((item for item in self._visible(resource) if item["id"] == id_), None)
        if found is None:
            raise StripeError(
                404, f"No such {resource[:-1].replace('_', ' ')}: '{id_}'", code="resource_missing", param="id"
            )
        return found

    def _list(self, resource: str, path: str, params: Json) -> Json:
        limit = _limit(params)
        expand = [name.removeprefix("data.") for name in _names(params.pop("expand", []))]
        after, before = params.pop("starting_after", None), params.pop("ending_before", None)
        for name in params:
            if name not in FILTERS[resource]:
                raise StripeError(400, f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
        found = [item for item in self._visible(resource) if all(_passes(item, n, v) for n, v in params.items())]
        if resource == "subscriptions" and "status" not in params:
            found = [item for item in found if item["status"] != "canceled"]
        ids = [item["id"] for item in found]
        for cursor in (after, before):
            if cursor is not None and cursor not in ids:
                raise StripeError(
                    400,
                    f"No such object: '{cursor}'",
                    code="resource_missing",
                    param="starting_after" if after else "ending_before",
                )
        if before is not None:
            end = ids.index(before)
            page, more = found[max(0, end - limit) : end], end > limit
        else:
            start = ids.index(after) + 1 if after is not None else 0
            page, more = found[start : start + limit], start + limit < len(found)
        return {"object": "list", "url": path, "has_more": more, "data": [self._expand(item, expand) for item in page]}

    def _search(self, resource: str, path: str, params: Json) -> Json:
        limit = _limit(params)
        if "query" not in params:
            raise StripeError(400, "Missing required param: query.", code="parameter_missing", param="query")
        tests = [_clause(text) for text in re.split(r"\s+AND\s+", params["query"], flags=re.IGNORECASE)]
        found = [item for item in self._visible(resource) if all(test(item) for test in tests)]
        start = int(params.get("page") or 0)
        more = start + limit < len(found)
        expand = [name.removeprefix("data.") for name in _names(params.get("expand", []))]
        return {
            "object": "search_result", "url": path, "has_more": more, "next_page": str(start + limit) if more else None,
            "data": [self._expand(item, expand) for item in found[start : start + limit]],
        }  # fmt: skip

    def _expand(self, item: Json, names: Sequence[str]) -> Json:
        out = copy.deepcopy(item)
        for name in names:
            head, _, rest = name.partition(".")
            if head == "payments" and item["object"] == "invoice":
                out["payments"] = self._payments(item["id"], rest.removeprefix("data.") if rest else "")
            elif head == "payment" and isinstance(out.get("payment"), dict) and rest:
                out["payment"] = self._expand(out["payment"] | {"object": "payment"}, [rest])
                out["payment"].pop("object", None)
            elif head in _EXPANDABLE and isinstance(out.get(head), str):
                out[head] = self._expand(self._retrieve(_EXPANDABLE[head], out[head]), [rest] if rest else [])
            elif head == "data" and rest and isinstance(out.get("data"), dict):
                continue
        return out

    def _payments(self, invoice: str, rest: str) -> Json:
        data = [
            self._expand(item, [rest] if rest else [])
            for item in self._visible("invoice_payments")
            if item["invoice"] == invoice
        ]
        return {"object": "list", "has_more": False, "url": "/v1/invoice_payments", "data": data}


def _names(value: object) -> list[str]:
    return [value] if isinstance(value, str) else [str(name) for name in value] if isinstance(value, list) else []


def _limit(params: Json) -> int:
    text = params.pop("limit", "10")
    if not str(text).isdigit():
        raise StripeError(400, f"Invalid integer: {text}", code="parameter_invalid_integer", param="limit")
    if not 1 <= int(text) <= 100:
        raise StripeError(
            400, "This value must be between 1 and 100 (inclusive).", code="parameter_invalid_integer", param="limit"
        )
    return int(text)


def _passes(item: Json, name: str, wanted: Any) -> bool:
    if name == "created":
        return _in_range(item["created"], wanted)
    if name == "types":
        return item["type"] in wanted
    if name == "type" and item["object"] == "event":
        return bool(item["type"] == wanted or (wanted.endswith("*") and item["type"].startswith(wanted[:-1])))
    if name == "status" and item["object"] == "subscription":
        return wanted == "all" or (wanted == "ended" and item["ended_at"] is not None) or item["status"] == wanted
    if name == "subscription" and item["object"] == "invoice":
        return bool(item["parent"]["subscription_details"]["subscription"] == wanted)
    if name == "payment":
        return not isinstance(wanted, dict) or wanted.get("payment_intent") in (None, item["payment"]["payment_intent"])
    if name in ("ids", "lookup_keys"):
        return item["id"] in wanted
    if name in item:
        return str(item[name]).lower() == str(wanted).lower()
    return True


def _in_range(value: int, wanted: Any) -> bool:
    if not isinstance(wanted, dict):
        return value == int(wanted)
    for name, bound in wanted.items():
        if name not in _RANGE or not str(bound).lstrip("-").isdigit():
            raise StripeError(400, f"Invalid range: created[{name}]={bound}", param="created")
    tests = {"gt": value.__gt__, "gte": value.__ge__, "lt": value.__lt__, "lte": value.__le__}
    return all(tests[name](int(bound)) for name, bound in wanted.items())


def _clause(text: str) -> Callable[[Json], bool]:
    """One `field:'value'` of a search query as a test. Text compares without case, `~` looks inside."""
    match = _CLAUSE.match(text.strip())
    if match is None:
        raise StripeError(400, f"We were unable to parse your search query: {text}", param="query")
    negated, name, key, operator, *quoted, bare = match.groups()
    wanted = next((re.sub(r"\\(.)", r"\1", q) for q in quoted if q is not None), bare or "")

    def test(item: Json) -> bool:
        have = item.get(name)
        if key is not None:
            have = have.get(key) if isinstance(have, dict) else None
        if operator == ":":
            found = have is not None and str(have).lower() == wanted.lower()
        elif operator == "~":
            found = wanted.lower() in str(have or "").lower()
        else:
            bounds = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
            found = isinstance(have, int) and _in_range(have, {bounds[operator]: wanted})
        return found != bool(negated)

    return test
