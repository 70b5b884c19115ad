"""The measures a step may take of an answer: which rows each wants and which facts it gives.

The computations are in `investigations/diagnosis/`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from investigations.playbooks.parts import Cel, Part

_TIME = "Column with the start of the time bucket"
_GROUP = "Column to split by (route, region, key); empty: one series"
_MIN_N = "Fewer records than this are no trend"
_SPANS = "Column with the unweighted number of records: the n that counts for certainty"
_METHOD = "How the answer is measured; it decides which other keys there are"


class _OverRows(Part):
    where: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="Only rows with these values: {column: value}"
    )


class ShareChange(_OverRows):
    """Change of hits/total over time against the series' own past: a step up that lasts, or a spell that ended.

    Rows: one per (time bucket, group). Facts: current, baseline, ratio, delta, hits_now, total_now, hits_before,
    total_before, onset, ended_at (missing while it lasts), ongoing, significant, series; with `group` also top.* and
    groups[] (same facts each, with `key`), affected, unaffected.
    """

    method: Literal["share_change"] = Field(description=_METHOD)
    time: str = Field("t", description=_TIME)
    hits: str = Field(description="Column with the number of hits, e.g. failed requests")
    total: str = Field(description="Column with the number of all, e.g. requests")
    spans: str = Field("", description=_SPANS)
    first_hit: str = Field("", description="Column with the time of the first hit in the bucket: sharpens the onset")
    last_miss: str = Field(
        "", description="Column with the time of the last record in the bucket that is no hit: sharpens the onset"
    )
    group: str = Field("", description=_GROUP)
    direction: Literal["up", "down", "both"] = Field("up", description="Which change counts")
    min_n: float = Field(20.0, ge=0, description=f"{_MIN_N} after the onset")
    min_delta: float = Field(0.02, ge=0, le=1, description="Smallest change of the share that counts, 0 to 1")
    min_ratio: float = Field(1.5, gt=0, description="Smallest current/baseline that counts")


class LevelChange(_OverRows):
    """Change of a positive quantity's level (durations, sizes, delays), on log scale, per group.

    Rows: one per (time bucket, group) with n, the mean of ln(value) and its population variance. Facts as ShareChange,
    where current and baseline are geometric means, and ratio their quotient.
    """

    method: Literal["level_change"] = Field(description=_METHOD)
    time: str = Field("t", description=_TIME)
    n: str = Field("n", description="Column with the number of records")
    mean_log: str = Field("mean_log", description="Column with avg(log(value))")
    var_log: str = Field("var_log", description="Column with varPop(log(value))")
    group: str = Field("", description=_GROUP)
    weight: str = Field("", description="Column with the represented requests, for shares of traffic")
    direction: Literal["up", "down", "both"] = Field("up", description="Which change counts")
    min_n: float = Field(12.0, ge=0, description=_MIN_N)
    min_ratio: float = Field(1.35, gt=0, description="Smallest current/baseline that counts")


class CountChange(_OverRows):
    """Change of the number of events per bucket (requests, deliveries): facts as ShareChange, values per minute."""

    method: Literal["count_change"] = Field(description=_METHOD)
    time: str = Field("t", description=_TIME)
    count: str = Field("n", description="Column with the number of events")
    group: str = Field("", description=_GROUP)
    direction: Literal["up", "down", "both"] = Field("both", description="Which change counts")
    min_n: float = Field(20.0, ge=0, description=_MIN_N)
    min_ratio: float = Field(1.5, gt=0, description="Smallest current/baseline that counts")
    spans: str = Field("", description=_SPANS)


class Compare(_OverRows):
    """Before and after per group, from rows that hold both. Facts: groups[] sorted by effect, top.*, others.*, spread.

    For shares give hits_* and n_*; for levels value_* and n_*. `top.excess_share` is the part of the total excess that
    the top group explains (0 to 1); `spread` the number of groups that show the effect.
    """

    method: Literal["compare"] = Field(description=_METHOD)
    group: str = Field("value", description="Column with the name of the group")
    n_before: str = Field("n_before", description="Column with the number of records before")
    n_after: str = Field("n_after", description="Column with the number of records after")
    hits_before: str = Field("", description="Column with the hits before, for shares")
    hits_after: str = Field("", description="Column with the hits after, for shares")
    value_before: str = Field("", description="Column with the level before, for levels")
    value_after: str = Field("", description="Column with the level after, for levels")
    spans_after: str = Field("", description="Column with the unweighted number of records after")
    direction: Literal["up", "down"] = Field("up", description="Which change counts")
    min_n: float = Field(5.0, ge=0, description="Groups with fewer records, before and after, are left out")
    min_ratio: float = Field(1.3, gt=0, description="Smallest after/before of a group that shows the effect")
    min_delta: float = Field(0.0, ge=0, description="Smallest difference of a group that shows the effect")


class Table(_OverRows):
    """The rows as they are: facts rows[] (mappings), count, first.*, last.*"""

    method: Literal["table"] = Field(description=_METHOD)
    limit: int = Field(50, ge=1, le=500, description="Rows kept as facts; `count` counts all")


class CallGraph(_OverRows):
    """In which service of a call chain the trouble began, from rows per (service, its caller) of sampled requests.

    Facts: front (the service that the requests enter), services (how many), ranked[] (`part`, share, path[], before,
    after), best.* the first, deep (best is not the front). `before` and `after` are milliseconds a request that the
    service took, waiting included, or failures a request. A service takes over what it passes on: see `callgraph`.
    """

    method: Literal["call_graph"] = Field(description=_METHOD)
    part: str = Field("service", description="Column with the service")
    caller: str = Field("caller", description="Column with the service that called it; empty: the requests enter here")
    n_before: str = Field("n_before", description="Column with the number of its calls before")
    n_after: str = Field("n_after", description="Column with the number of its calls after")
    value_before: str = Field("sum_before", description="Column with the sum of its durations (failures) before")
    value_after: str = Field("sum_after", description="Column with the sum of its durations (failures) after")
    min_n: float = Field(20.0, ge=0, description="Fewer requests, before or after, tell nothing")
    min_share: float = Field(0.2, ge=0, le=1, description="Excess below this part of the front's is noise")


class Affected(_OverRows):
    """Other customers that show the symptom in the same window, measured and chosen by the query: one row each.

    Facts: customers[] (`key`, value, before, n), shown, and `count`: how many there are in all, also those that the
    query's LIMIT left out. The run's page, REST and the diagnosis list them with their names and what they pay.
    """

    method: Literal["affected"] = Field(description=_METHOD)
    tenant: str = Field("tenant", description="Column with the customer's id in the telemetry")
    value: str = Field("value", description="Column with the measured value since the onset")
    before: str = Field("before", description="Column with the value before")
    n: str = Field("n", description="Column with the number of records since the onset")
    count: str = Field("total", description="Column with the number of customers before the LIMIT: count() OVER ()")
    unit: Literal["%", "ms", "s"] = Field("%", description="Unit of the values; shares are 0 to 1")
    what: str = Field(description="What the values are, e.g. 'requests that fail with 5xx on {errors.route}'")
    since: Cel = Field(description="Since when the values are measured")


class Deployments(Part):
    """Deployments ranked by whether they can explain an onset. Facts: best.*, candidates[], after[], failed[], count.

    A candidate is live in the profile's environment, succeeded, and went live at most `before_minutes` before the onset
    (or `after_minutes` after it). Where `onset` is a change, that counts from the first and the last moment at which it
    may have begun. Rank: nearness, service, words in title, pull requests
    and files; one that changed documentation and tests only (`harmless`) comes last.
    """

    method: Literal["deployments"] = Field(description=_METHOD)
    onset: Cel = Field(description="When the symptom began: a time, or a change (`traffic.mine`) with its uncertainty")
    onset_alternatives: list[Cel] = Field(default_factory=list, description="Taken in turn while `onset` is not known")
    before_minutes: float = Field(45.0, ge=0, description="How long before the onset it may have gone live")
    after_minutes: float = Field(8.0, ge=0, description="How long after the onset, for the onset's uncertainty")
    words: list[str] = Field(default_factory=list, description="Words in title, files or pull that fit the symptom")
    services: list[Cel] = Field(default_factory=list, description="Service names that show the symptom")


class Incidents(Part):
    """Incidents and maintenance of status pages ranked by whether they can belong to an onset. Facts: fits[], best.*,
    elsewhere[], open, count.

    One fits when it began at most `before_minutes` before the onset or `after_minutes` after it (people write status
    pages late) and was not over by then; one that names other regions only is `elsewhere`. Rank: nearness, whether it
    names something of the symptom, impact.
    """

    method: Literal["incidents"] = Field(description=_METHOD)
    onset: Cel = Field(description="When the symptom began: a time, or a change with its uncertainty")
    onset_alternatives: list[Cel] = Field(default_factory=list, description="Taken in turn while `onset` is not known")
    regions: list[Cel] = Field(default_factory=list, description="Regions in which the symptom shows; none: everywhere")
    terms: list[Cel] = Field(default_factory=list, description="Services, hosts, endpoints that an incident may name")
    before_minutes: float = Field(120.0, ge=0, description="Longest lead of an incident that can explain")
    after_minutes: float = Field(120.0, ge=0, description="Longest delay of what people wrote on the page")


class Versions(_OverRows):
    """Versions that began to run around an onset, as the telemetry shows them: a deployment seen without its record.

    Rows: one per (service, version) with the first and last time it was seen. A version that was there from the
    beginning of the window is no change. Facts as `deployments`: best.*, candidates[], after[], changes, services.
    """

    method: Literal["versions"] = Field(description=_METHOD)
    service: str = Field("service", description="Column with the service")
    version: str = Field("version", description="Column with its version, e.g. the first characters of a commit")
    first_at: str = Field("first_at", description="Column with the time it was first seen")
    window_start: Cel = Field("inputs.window_start", description="Versions first seen near it were there before")
    onset: Cel = Field(description="When the symptom began: a time, or a change (`traffic.mine`) with its uncertainty")
    onset_alternatives: list[Cel] = Field(default_factory=list, description="Taken in turn while `onset` is not known")
    before_minutes: float = Field(45.0, ge=0, description="How long before the onset it may have begun to run")
    after_minutes: float = Field(8.0, ge=0, description="How long after the onset, for the onset's uncertainty")
    services: list[Cel] = Field(default_factory=list, description="Service names that show the symptom")


class Issues(Part):
    """Issues ranked by similarity with the symptom. Facts: best.*, matches[], match_count, open_matches, count.

    `terms` are CEL texts or lists (endpoint, error type, words); an issue needs `min_score` to count. Open issues and
    those updated after the onset rank higher; feature requests (`ignore_words`) do not count.
    """

    method: Literal["issues"] = Field(description=_METHOD)
    terms: list[Cel] = Field(description="What an issue should name; paths and identifiers count three times")
    must: list[Cel] = Field(default_factory=list, description="At least one of these must stand in the issue")
    ignore_words: list[str] = Field(default_factory=list, description="Issues with these words do not count")
    min_score: float = Field(0.5, ge=0, le=1, description="Share of the terms an issue must name, 0 to 1")


class Billing(Part):
    """What a customer's Stripe record shows around the ticket. Facts per finding: duplicates, double, proration,
    failed, refunds, disputes, tax, currency, overage, plan_changes (each count, list, latest); subscription,
    last_invoice, usual, customer.
    """

    method: Literal["billing"] = Field(description=_METHOD)
    opened_at: Cel = Field("ticket.opened_at", description="The moment that findings are looked for around")
    lookback_days: float = Field(45.0, gt=0, description="How far back")


class Usage(_OverRows):
    """Metered against served usage per day, from rows with day, served, metered. Facts: ratio, excess, days[],
    onset_day, onset_at (within that day, from how much less it is over than the days after it).
    """

    method: Literal["usage"] = Field(description=_METHOD)
    day: str = Field("day", description="Column with the day")
    served: str = Field("served", description="Column with what was served")
    metered: str = Field("metered", description="Column with what was metered")
    min_ratio: float = Field(1.03, gt=0, description="metered/served from which a day counts as over")


Measure = Annotated[
    ShareChange
    | LevelChange
    | CountChange
    | Compare
    | Table
    | Affected
    | CallGraph
    | Deployments
    | Versions
    | Incidents
    | Issues
    | Billing
    | Usage,
    Field(discriminator="method"),
]
#: Keys of a measure that name columns of the query's answer.
COLUMN_KEYS = frozenset(
    {
        "time", "hits", "total", "spans", "first_hit", "last_miss", "group",
        "n", "mean_log", "var_log", "weight", "count",
        "n_before", "n_after", "hits_before", "hits_after", "value_before", "value_after", "spans_after",
        "day", "served", "metered", "tenant", "value", "before",
    }
)  # fmt: skip
