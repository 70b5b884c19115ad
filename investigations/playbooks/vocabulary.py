"""The words a playbook may use: kinds of evidence, inputs, the facts of each measure, functions of conditions.

A misspelt word would not fail, it would be unknown for ever; so `checks.py` holds every file to these lists.
"""

from __future__ import annotations

from typing import Final

#: Kinds of evidence, and what each states. A playbook adds its own under `evidence_kinds`.
EVIDENCE_KINDS: Final[dict[str, str]] = {
    "status_429_share": "share of requests answered with 429",
    "status_5xx_share": "share of requests answered with 5xx",
    "status_4xx_share": "share of requests answered with 4xx",
    "status_401_share": "share of requests answered with 401 or 403",
    "request_rate": "requests per minute",
    "retry_share": "share of requests that repeat an earlier one",
    "rate_limit_value": "the limit that requests were held to",
    "limit_scope": "what the limit counts by: key, address, concurrency",
    "by_instance": "the symptom per instance",
    "by_api_key": "the symptom per API key",
    "by_route": "the symptom per route",
    "by_region": "the symptom per region",
    "by_service": "the symptom per service of the call chain",
    "by_client_ip": "the symptom per client address",
    "new_client_ips": "client addresses that were not seen before",
    "latency_p95": "durations of requests",
    "db_latency": "durations of database calls",
    "upstream_latency": "durations of calls to other services",
    "request_size": "sizes of request bodies",
    "cold_start_share": "share of requests that waited for a start",
    "queue_time": "wait before a request was worked on",
    "cache_hit_ratio": "share of cache look-ups that hit",
    "webhook_success_rate": "share of webhook deliveries that succeeded",
    "webhook_error": "errors of webhook deliveries",
    "webhook_delay": "wait before a delivery was sent",
    "webhook_volume": "webhook deliveries per minute",
    "audit_log": "an account action: key, quota, endpoint, secret",
    "metered_vs_served": "metered against served usage",
    "log_message": "what a log says",
    "deployment": "a deployment",
    "status_incident": "an incident or maintenance on a status page",
    "release": "a release",
    "commit": "a commit",
    "pull_request": "a pull request",
    "issue": "an issue",
    "charge": "a charge",
    "dispute": "a dispute",
    "event": "an event of the billing system",
    "invoice": "an invoice",
    "refund": "a refund",
    "subscription": "a subscription",
    "incident": "an incident of a status page",
    "maintenance": "announced maintenance",
    "component": "a component of a status page",
    "manual": "a person's answer",
}

#: Who or what is to blame.
CULPRIT_KINDS: Final = frozenset(
    {
        "api_key",
        "customer_change",
        "customer_endpoint",
        "database",
        "dependency",
        "deployment",
        "infrastructure",
        "instance",
        "linear_issue",
        "none",
        "other_tenant",
        "stripe_charge",
        "stripe_dispute",
        "stripe_event",
        "stripe_invoice",
        "stripe_refund",
        "stripe_subscription",
    }
)

#: What a run knows before its first step; absent (unknown) where the ticket and the profile do not tell.
INPUTS: Final[dict[str, str]] = {
    "org_id": "the customer's id in the telemetry",
    "stripe_customer": "the customer's id at Stripe",
    "plan": "the customer's plan",
    "domain": "the customer's first mail domain",
    "emails": "the customer's known addresses, a list",
    "endpoint": "the endpoint the ticket names",
    "claimed_onset": "since when, in the ticket's words",
    "claimed_ended": "until when, in the ticket's words",
    "claim_precision_s": "how exact `claimed_onset` is, in seconds",
    "request_ids": "request ids in the ticket, a list",
    "error_codes": "status and error codes in the ticket, a list",
    "amounts": "amounts of money in the ticket, a list",
    "object_ids": "ids of other objects in the ticket, a list",
    "opened_at": "when the ticket was opened",
    "window_misses": "whether the ticket speaks of a time before window_start",
    "window_start": "start of the telemetry window, 30 hours before the run's clock",
    "window_end": "the run's clock",
    "recent_start": "3 hours before the run's clock",
    "billing_since": "75 days before the run's clock",
    "usage_since": "36 days before the run's clock",
    "issues_since": "180 days before the run's clock",
}
#: One item of `earlier`, the causes that people confirmed before; endpoint and culprit_id are absent when not known.
EARLIER: Final[dict[str, str]] = {
    "ref": "the run, e.g. INV-7",
    "ticket": "its ticket",
    "label": "label of the confirmed cause",
    "title": "the cause in words, as it was shown then",
    "class": "its incident class",
    "at": "when that run ended: a time",
    "days": "days from then to the run's clock",
    "same_customer": "whether it was this ticket's customer",
    "endpoint": "the endpoint it was confined to",
    "same_endpoint": "whether the ticket names that endpoint",
    "culprit_id": "id of who or what was to blame",
}
#: What a reply may say of the diagnosis itself, beside the facts.
DIAGNOSIS: Final[dict[str, str]] = {
    "onset": "since when, as the diagnosis states it: a time",
    "since": "since when, in words: 1 May 10:02 UTC, or about 1 May 10:00 UTC where it is not known to the minute",
    "scope": "how far it reaches: kind and value",
}
TICKET: Final = frozenset(
    {
        "ref",
        "subject",
        "description",
        "text",
        "opened_at",
        "tags",
        "priority",
        "requester_name",
        "fits",
        "model",
        "model_words",
    }
)
CUSTOMER: Final = frozenset({"org_id", "name", "plan", "tier", "stripe_customer", "linear_customer"})

_CHANGE: Final = frozenset(
    {
        "current",
        "baseline",
        "ratio",
        "delta",
        "n_current",
        "n_baseline",
        "significant",
        "ongoing",
        "llr",
        "bucket_minutes",
        "onset",
        "onset_from",
        "onset_to",
        "suspected_onset",
        "minutes",
        "ended_at",
        "n",
        "series",
        "groups",
        "affected",
        "unaffected",
        "affected_keys",
        "top",
    }
)
#: The facts of each measure, read as `step.measure.fact`. docs/reference/playbook-format.md says what they mean.
MEASURE_FACTS: Final[dict[str, frozenset[str]]] = {
    "share_change": _CHANGE | {"hits_now", "total_now", "hits_before", "total_before", "overall"},
    "level_change": _CHANGE | {"weight"},
    "count_change": _CHANGE | {"total"},
    "compare": frozenset({"groups", "count", "spread", "shown_keys", "spread_share", "shown_traffic", "top", "others"}),
    "table": frozenset({"rows", "count", "first", "last"}),
    "affected": frozenset({"customers", "count", "shown"}),
    "usage": frozenset(
        {
            "days",
            "count",
            "served",
            "metered",
            "excess",
            "ratio",
            "over_days",
            "onset_day",
            "onset_at",
            "over_ratio",
            "over_excess",
        }
    ),
    "call_graph": frozenset({"front", "services", "ranked", "best", "deep"}),
    "deployments": frozenset(
        {"count", "live", "failed", "elsewhere", "candidates", "after", "onset", "best", "second_score"}
    ),
    "versions": frozenset({"count", "changes", "candidates", "after", "onset", "best", "second_score"}),
    "incidents": frozenset({"count", "open", "fits", "best", "elsewhere", "onset"}),
    "issues": frozenset({"count", "matches", "match_count", "open_matches", "best"}),
    "billing": frozenset(
        {
            "duplicates",
            "double",
            "proration",
            "failed",
            "refunds",
            "disputes",
            "tax",
            "currency",
            "overage",
            "plan_changes",
            "subscription",
            "last_invoice",
            "usual",
            "reconciliation",
            "customer",
        }
    ),
}
#: Facts that every step with an answer has, beside its measures and its own.
STEP_FACTS: Final = frozenset({"row_count", "truncated"})
MANUAL_FACTS: Final = frozenset({"answer"})

#: Functions of CEL itself, as the library in use offers them; `conditions.FUNCTIONS` are ours.
CEL_FUNCTIONS: Final[dict[str, str]] = {
    "has": "has(step.fact): whether it is there",
    "size": "size(list): how many",
    "double": "double(x): as a number with a fraction, which facts are",
    "int": "int(x): as a whole number",
    "uint": "uint(x): as a whole number, not negative",
    "string": "string(x): as text",
    "bool": "bool(x): as true or false",
    "bytes": "bytes(text): as bytes",
    "timestamp": "timestamp('2026-05-01T10:00:00Z'): a moment",
    "duration": "duration('90s'): a length of time",
    "type": "type(x): its kind",
    "dyn": "dyn(x): without a check of its kind",
}
CEL_METHODS: Final[dict[str, str]] = {
    "size": "list.size(): how many",
    "contains": "text.contains('part')",
    "startsWith": "text.startsWith('part')",
    "endsWith": "text.endsWith('part')",
    "matches": "text.matches('regular expression')",
    "filter": "list.filter(x, x.ratio > 1.5): those for which it holds",
    "map": "list.map(x, x.key): one value of each",
    "exists": "list.exists(x, x.significant): whether it holds for any",
    "exists_one": "list.exists_one(x, x.significant): whether it holds for exactly one",
    "all": "list.all(x, x.significant): whether it holds for all",
    "getFullYear": "moment.getFullYear(): 2026",
    "getMonth": "moment.getMonth(): 0 to 11",
    "getDate": "moment.getDate(): day of the month from 1",
    "getDayOfMonth": "moment.getDayOfMonth(): day of the month from 0",
    "getDayOfWeek": "moment.getDayOfWeek(): 0 is Sunday",
    "getDayOfYear": "moment.getDayOfYear(): from 0",
    "getHours": "moment.getHours(): 0 to 23, UTC",
    "getMinutes": "moment.getMinutes(): 0 to 59",
    "getSeconds": "moment.getSeconds(): 0 to 59",
    "getMilliseconds": "moment.getMilliseconds(): 0 to 999",
}
