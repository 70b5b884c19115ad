"""The playbook format `altor/v1`: what a YAML file may hold. See docs/reference/playbook-format.md.

A playbook asks questions (steps), turns answers into facts (measures), and weighs hypotheses by conditions over facts.
Everything that decides a label is in the file: queries, thresholds, weights, severities, words for the customer.
Unknown
keys are errors. Conditions and values are CEL over these names: the ids of steps (their facts), `inputs`, `customer`,
`ticket`, and in hypotheses `gate`.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from investigations.playbooks.conditions import compile_condition

API_VERSION: Final = "altor/v1"

#: Words an author chooses from, and the log-odds they stand for.
WEIGHTS: Final[dict[str, float]] = {"decisive": 4.0, "strong": 2.5, "moderate": 1.5, "weak": 0.7}

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
Label = Annotated[str, StringConstraints(pattern=r"^[a-z]+(\.[a-z0-9_]+)?$", max_length=60)]


def _checked(text: str) -> str:
    compile_condition(text)
    return text


def _as_text(value: Any) -> Any:
    """YAML reads `when: true` and `n: 3` as a bool and a number: both are fine CEL."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


class _CelValidator:
    """Pydantic hook: a CEL expression, compiled when the file is read."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.chain_schema(
            [
                core_schema.no_info_plain_validator_function(_as_text),
                core_schema.str_schema(min_length=1, max_length=2000),
                core_schema.no_info_plain_validator_function(_checked),
            ]
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": ["string", "boolean", "number"], "description": "a CEL expression"}


Cel = Annotated[str, _CelValidator]
#: One of the words of WEIGHTS, or the log-odds themselves.
Weight = Literal["decisive", "strong", "moderate", "weak"] | float
Severity = Literal["SEV1", "SEV2", "SEV3", "SEV4"]


def weight_of(weight: Weight) -> float:
    return WEIGHTS[weight] if isinstance(weight, str) else float(weight)


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


# --------------------------------------------------------------------------------------------------- recognition
class MatchRule(Part):
    """A reason to take this playbook: words in the text (typing errors forgiven), tags, fields of the ticket."""

    words: list[str] = Field(default_factory=list, description="Phrases; a trailing * makes the last word a prefix")
    tags: list[str] = Field(default_factory=list)
    fields: dict[str, str] = Field(default_factory=dict, description="Ticket field = value, e.g. priority: urgent")
    unless: list[str] = Field(default_factory=list, description="Phrases that switch this rule off")
    weight: float = Field(1.0, gt=0, le=10)

    @model_validator(mode="after")
    def _says_something(self) -> MatchRule:
        if not (self.words or self.tags or self.fields):
            raise ValueError("a match rule needs words, tags or fields")
        return self


class InputSpec(Part):
    """A value the run needs. It is filled from customer, claims and profile; missing required ones are named."""

    title: str
    required: bool = False
    ask: str = Field("", description="The question for a person when it is missing")


class Limits(Part):
    run_seconds: float = Field(9.0, gt=0, le=50)  # below the queue's task timeout: RUN_DEADLINE_S
    parallel: int = Field(12, ge=1, le=50)


# --------------------------------------------------------------------------------------------------- measures
class _OverRows(Part):
    where: dict[str, str | int | float | bool] = Field(default_factory=dict, description="Only rows with these values")


class ShareChange(_OverRows):
    """Change of hits/total over time against the series' own past: a step up that lasts, or a spell that ended.

    Rows: one per (time bucket, group). Facts: current, baseline, ratio, delta, hits_now, total_now, hits_before,
    total_before, onset, ended_at (missing while it lasts), ongoing, significant, z, series; with `group` also top.* and
    groups[] (same facts each, with `key`), affected, unaffected.
    """

    method: Literal["share_change"]
    time: str = "t"
    hits: str
    total: str
    spans: str = Field("", description="Column with the unweighted number of records: the n that counts for certainty")
    first_hit: str = Field("", description="Column with the time of the first hit in the bucket: sharpens the onset")
    group: str = ""
    direction: Literal["up", "down", "both"] = "up"
    min_n: float = Field(20.0, description="Fewer records than this after the onset are no trend")
    min_delta: float = Field(0.02, description="Smallest change of the share that counts")
    min_ratio: float = Field(1.5)


class LevelChange(_OverRows):
    """Change of a positive quantity's level (durations, sizes, delays), on log scale, per group.

    Rows: one per (time bucket, group) with n, the mean of ln(value) and its population variance. Facts as ShareChange,
    where current and baseline are geometric means, and ratio their quotient.
    """

    method: Literal["level_change"]
    time: str = "t"
    n: str = "n"
    mean_log: str = "mean_log"
    var_log: str = "var_log"
    group: str = ""
    weight: str = Field("", description="Column with the represented requests, for shares of traffic")
    direction: Literal["up", "down", "both"] = "up"
    min_n: float = 12.0
    min_ratio: float = 1.35


class CountChange(_OverRows):
    """Change of the number of events per bucket (requests, deliveries): facts as ShareChange, values per minute."""

    method: Literal["count_change"]
    time: str = "t"
    count: str = "n"
    group: str = ""
    direction: Literal["up", "down", "both"] = "both"
    min_n: float = 20.0
    min_ratio: float = 1.5
    spans: str = ""


class Compare(_OverRows):
    """Before and after per group, from rows that hold both. Facts: groups[] sorted by effect, top.*, others.*, spread.

    For shares give hits_* and n_*; for levels value_* and n_*. `top.excess_share` is the part of the total excess that
    the top group explains (0 to 1); `spread` the number of groups that show the effect.
    """

    method: Literal["compare"]
    group: str = "value"
    n_before: str = "n_before"
    n_after: str = "n_after"
    hits_before: str = ""
    hits_after: str = ""
    value_before: str = ""
    value_after: str = ""
    spans_after: str = ""
    direction: Literal["up", "down"] = "up"
    min_n: float = 5.0
    min_ratio: float = 1.3
    min_delta: float = 0.0


class Table(_OverRows):
    """The rows as they are: facts rows[] (mappings), count, first.*"""

    method: Literal["table"]
    limit: int = Field(50, ge=1, le=500)


class Deployments(Part):
    """Deployments ranked by whether they can explain an onset. Facts: best.*, candidates[], others[], count.

    A candidate is live in the profile's environment, succeeded, and went live at most `before_minutes` before the onset
    (or `after_minutes` after it, for the uncertainty of the onset). Rank: nearness, service, words in title and files,
    and whether versions in the telemetry changed with it.
    """

    method: Literal["deployments"]
    onset: Cel
    onset_alternatives: list[Cel] = Field(default_factory=list)
    before_minutes: float = 45.0
    after_minutes: float = 8.0
    words: list[str] = Field(default_factory=list, description="Words in title, files or pull that fit the symptom")
    services: list[Cel] = Field(default_factory=list, description="Service names that show the symptom")


class Issues(Part):
    """Issues ranked by similarity with the symptom. Facts: best.*, matches[], open_count, count.

    `terms` are CEL texts or lists (endpoint, error type, words); an issue needs `min_score` to count. Open issues and
    those updated after the onset rank higher; feature requests (`ignore_words`) do not count.
    """

    method: Literal["issues"]
    terms: list[Cel]
    must: list[Cel] = Field(default_factory=list, description="At least one of these must stand in the issue")
    ignore_words: list[str] = Field(default_factory=list)
    min_score: float = 0.5


class Billing(Part):
    """What a customer's Stripe record shows around the ticket. Facts per finding: duplicates, subscriptions, proration,
    failed_payments, refunds, disputes, tax_change, currency_change, overage, plan_change; see the reference.
    """

    method: Literal["billing"]
    opened_at: Cel = "ticket.opened_at"
    lookback_days: float = 45.0


class Usage(_OverRows):
    """Metered against served usage per day, from rows with day, served, metered. Facts: ratio, excess, days[]."""

    method: Literal["usage"]
    day: str = "day"
    served: str = "served"
    metered: str = "metered"
    min_ratio: float = 1.03


Measure = Annotated[
    ShareChange | LevelChange | CountChange | Compare | Table | Deployments | Issues | Billing | Usage,
    Field(discriminator="method"),
]


# --------------------------------------------------------------------------------------------------- steps
class EvidenceSpec(Part):
    """Evidence that a step yields. Texts may hold `{expression|format}`; formats: percent, number, ms, seconds, time,
    money, ratio, text."""

    kind: Identifier
    when: Cel = "true"
    for_each: Cel | None = Field(None, description="A CEL list; the item is called `item`")
    limit: int = Field(5, ge=1, le=20)
    title: str = ""
    summary: str
    ref: dict[str, Cel] = Field(default_factory=dict)
    verdict: Cel | None = Field(None, description="CEL giving normal, abnormal, inconclusive; default: the step's")
    at: Cel | None = Field(None, description="Event time, ISO 8601")
    url: Cel | None = None
    figures: dict[str, Cel] = Field(default_factory=dict)
    rows: bool = Field(True, description="Keep the rows of the answer with this evidence")


class VerdictSpec(Part):
    """`abnormal` is looked at first; neither = inconclusive."""

    abnormal: Cel = "false"
    normal: Cel = "false"


class ManualSpec(Part):
    """A question to a person; the answer becomes the fact `answer`."""

    ask: str
    answer: Literal["yes_no", "text", "number", "choice"] = "yes_no"
    choices: list[str] = Field(default_factory=list)


class Step(Part):
    id: Identifier
    title: str
    question: str = Field(description="What the step asks, in one sentence")
    normal: str = Field("", description="What normal looks like")
    source: str = Field(
        description="clickhouse, github, linear, stripe, statuspage, manual, or a source of another app"
    )
    operation: str = ""
    query: str = ""
    fence: Literal["customer", "everyone"] = "customer"
    params: dict[str, Cel | list[Cel]] = Field(
        default_factory=dict, description="CEL each; of a list the first known value is taken"
    )
    optional_params: list[str] = Field(default_factory=list, description="Left out when unknown, instead of not asking")
    max_rows: int = Field(5000, ge=1, le=20000)
    measure: dict[Identifier, Measure] = Field(default_factory=dict)
    facts: dict[Identifier, Cel] = Field(default_factory=dict, description="Further facts, computed in order")
    verdict: VerdictSpec = Field(default_factory=VerdictSpec)
    result: str = Field("", description="One line for the step list, with {expression|format}")
    evidence: list[EvidenceSpec] = Field(default_factory=list)
    manual: ManualSpec | None = None
    depends_on: list[Identifier] = Field(default_factory=list, description="Steps that must end before this one asks")
    reads: list[Identifier] = Field(
        default_factory=list,
        description="Steps that must end before the answer is interpreted; asking starts at once",
    )
    run_if: Cel | None = Field(None, description="Skipped when false; unknown runs")
    timeout_s: float = Field(5.0, gt=0, le=60)
    required_before: list[Literal["reply", "escalation"]] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_way_of_asking(self) -> Step:
        if self.source == "manual":
            if self.manual is None:
                raise ValueError("a manual step needs `manual: {ask: …}`")
        elif bool(self.query) == bool(self.operation):
            raise ValueError("a step needs either `query` or `operation`")
        return self


# --------------------------------------------------------------------------------------------------- hypotheses
class SignalSpec(Part):
    """A condition that speaks for or against a hypothesis.

    True adds `for` (a word or log-odds; negative speaks against the hypothesis), false counts `against` the other way
    round: with a positive `for` it is subtracted, with a negative one added. Unknown adds nothing but counts as not
    checked; a `decisive` signal that is unknown because its source gave no answer caps the confidence.
    """

    when: Cel
    for_: Weight = Field(0.0, alias="for")
    against: Weight = Field(0.0, description="What *false* counts, opposite to `for`; a word or positive log-odds")
    says: str = Field(description="What is found when true, with {expression|format}")
    says_not: str = Field("", description="What is found when false")
    decisive: bool = False
    evidence: list[str] = Field(
        default_factory=list, description="Evidence kinds this rests on; default: the steps read"
    )

    @property
    def when_true(self) -> float:
        """Log-odds that a true condition adds."""
        return weight_of(self.for_)

    @property
    def when_false(self) -> float:
        """Log-odds that a false condition adds."""
        size = abs(weight_of(self.against))
        return size if self.when_true < 0 else -size


class CulpritSpec(Part):
    kind: str
    id: Cel | None = None
    url: Cel | None = None
    title: str = ""


class ScopeSpec(Part):
    kind: Literal["customer", "endpoint", "region", "instance", "ip", "all", "none"]
    value: Cel | None = None


class EscalationSpec(Part):
    severity: Severity
    small: Severity | None = Field(None, description="Severity when `small_when` holds")
    small_when: Cel = "false"
    why: str = ""


class ReplySpec(Part):
    """Customer wording. The four parts every reply needs; `{expression|format}` allowed."""

    observed: str
    scope: str
    next_step: str
    eta: str = "We do not have a confirmed time yet and will write again when we do."


class Hypothesis(Part):
    label: Label
    title: str
    incident_class: str = Field("", alias="class", description="Default: the playbook's class")
    prior: float = Field(-2.0, ge=-8, le=4, description="Log-odds before any evidence")
    needs_symptom: bool = Field(True, description="Whether the playbook's symptom must be present")
    signals: list[SignalSpec]
    culprit: CulpritSpec | None = None
    scope: ScopeSpec = Field(default_factory=lambda: ScopeSpec(kind="customer", value="inputs.org_id"))
    onset: list[Cel] = Field(default_factory=list, description="First known is taken")
    escalation: EscalationSpec | None = None
    small_when: Cel | None = None
    remediation: list[str] = Field(default_factory=list)
    next_steps: list[str] = Field(default_factory=list)
    confirm: str = Field("", description="What would confirm it")
    ruled_out: str = Field("", description="Sentence when the evidence excludes it")
    reply: ReplySpec | None = None


class SymptomSpec(Part):
    """The complaint itself, measured. False: hypotheses that need it are set back; unknown: confidence is capped."""

    gate: Cel
    title: str
    absent: str = Field("", description="Sentence when it was not found")


class RuledOut(Part):
    """A sentence of the answer "what it is not", shown when its condition holds."""

    when: Cel
    says: str


class PlaybookTest(Part):
    """A recorded case: facts per step, and what must come out."""

    name: str
    facts: dict[str, Any]
    inputs: dict[str, Any] = Field(default_factory=dict)
    unavailable: list[str] = Field(default_factory=list)
    expect: dict[str, Any]


class Playbook(Part):
    """One playbook. `key` and the file's content make a version."""

    api_version: Literal["altor/v1"] = Field(alias="apiVersion")
    kind: Literal["Playbook"]
    key: Identifier
    title: str
    incident_class: Identifier = Field(alias="class")
    description: str = ""
    owner: str = ""
    review_by: str = ""
    match: list[MatchRule] = Field(default_factory=list)
    inputs: dict[Identifier, InputSpec] = Field(default_factory=dict)
    limits: Limits = Field(default_factory=Limits)
    steps: list[Step] = Field(min_length=1)
    symptom: SymptomSpec
    hypotheses: list[Hypothesis] = Field(min_length=1)
    ruled_out: list[RuledOut] = Field(default_factory=list)
    tests: list[PlaybookTest] = Field(default_factory=list)

    @model_validator(mode="after")
    def _references_exist(self) -> Playbook:
        seen: set[str] = set()
        for step in self.steps:
            if step.id in RESERVED:
                raise ValueError(f"step id {step.id!r} is a reserved name")
            if step.id in seen:
                raise ValueError(f"step id {step.id!r} is used twice")
            for other in [*step.depends_on, *step.reads]:
                if other not in seen:
                    raise ValueError(f"step {step.id!r} needs {other!r}, which is not an earlier step")
            seen.add(step.id)
        labels = [hypothesis.label for hypothesis in self.hypotheses]
        if len(labels) != len(set(labels)):
            raise ValueError("a label is used by two hypotheses")
        return self

    def step(self, step_id: str) -> Step:
        return next(step for step in self.steps if step.id == step_id)


RESERVED: Final = frozenset({"inputs", "customer", "ticket", "gate", "item", "profile", "rows", "data"})
