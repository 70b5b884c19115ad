"""The playbook format `altor/v1`: what a YAML file may hold. See docs/reference/playbook-format.md.

A playbook asks questions (steps), turns answers into facts (measures), and weighs hypotheses by conditions over facts.
Everything that decides a label is in the file: queries, thresholds, weights, severities, words for the customer.
Unknown keys are errors. Conditions and values are CEL over these names: the ids of steps (their facts), `inputs`,
`customer`, `ticket`, `profile`, `earlier`, and in an evidence with `for_each` also `item`.

The models say what one part may hold; what needs the whole file stands in `checks.py`.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from investigations.playbooks.measuring import (
    Affected,
    Billing,
    CallGraph,
    Compare,
    CountChange,
    Deployments,
    Incidents,
    Issues,
    LevelChange,
    Measure,
    ShareChange,
    Table,
    Usage,
    Versions,
)
from investigations.playbooks.parts import (
    WEIGHTS,
    Cel,
    Identifier,
    IncidentClass,
    Label,
    Part,
    Severity,
    Title,
    Weight,
    weight_of,
)

API_VERSION: Final = "altor/v1"
#: Key of the playbook whose first look decides which playbook a ticket gets.
TRIAGE: Final = "triage"
#: Names that no step may have, because conditions use them for something else.
RESERVED: Final = frozenset({"inputs", "customer", "ticket", "gate", "item", "profile", "earlier", "rows", "data"})
_SLOTS: Final = "with {expression|format}"


# --------------------------------------------------------------------------------------------------- recognition
class MatchRule(Part):
    """A reason to take this playbook: words in the text (typing errors forgiven), tags, fields of the ticket."""

    words: list[str] = Field(default_factory=list, description="Phrases; a trailing * makes the last word a prefix")
    tags: list[str] = Field(default_factory=list, description="Tags of the ticket")
    fields: dict[str, str] = Field(default_factory=dict, description="Ticket field = value, e.g. priority: urgent")
    unless: list[str] = Field(default_factory=list, description="Phrases that switch this rule off")
    weight: float = Field(1.0, gt=0, le=10, description="How much this rule counts against other playbooks' rules")

    @model_validator(mode="after")
    def _says_something(self) -> MatchRule:
        if not (self.words or self.tags or self.fields):
            raise ValueError("a match rule needs words, tags or fields")
        return self


class InputSpec(Part):
    """A value the run needs. It is filled from customer, claims and profile; missing required ones are named."""

    title: str = Field(description="What people call it")
    required: bool = Field(False, description="Whether the diagnosis names it as missing when it is not known")
    ask: str = Field("", description="The question for a person when it is missing")
    choices: list[str] = Field(default_factory=list, description="Answers to offer; none: a text")


class Limits(Part):
    """What one run may take."""

    run_seconds: float = Field(9.0, gt=0, le=50, description="Seconds after which the run concludes from what it has")
    parallel: int = Field(12, ge=1, le=50, description="Questions to sources at the same time")


# --------------------------------------------------------------------------------------------------- steps
class EvidenceSpec(Part):
    """Evidence that a step yields. Texts may hold `{expression|format}`; formats: percent, number, ms, seconds, time,
    money, ratio, sha, list, text, counted."""

    kind: Identifier = Field(description="What it states, a word of the vocabulary or of `evidence_kinds`")
    when: Cel = Field("true", description="Yielded only when this is true, a CEL condition")
    for_each: Cel | None = Field(None, description="A CEL list: one piece for each; the item is called `item`")
    limit: int = Field(5, ge=1, le=20, description="At most so many pieces")
    title: str = Field("", description=f"Headline {_SLOTS}; default: the step's title")
    summary: str = Field(description=f"The fact in one sentence, with its figures, {_SLOTS}")
    ref: dict[str, Cel] = Field(default_factory=dict, description="What it is about: {name: CEL expression}")
    verdict: Cel | None = Field(None, description="CEL giving normal, abnormal, inconclusive; default: the step's")
    at: Cel | None = Field(None, description="CEL giving the time of the event, ISO 8601, for the timeline")
    url: Cel | None = Field(None, description="CEL giving the address to open; default: that of the answer")
    figures: dict[str, Cel] = Field(default_factory=dict, description="Numbers kept with it: {name: CEL expression}")
    rows: bool = Field(True, description="Keep the rows of the answer with this evidence")


class VerdictSpec(Part):
    """`abnormal` is looked at first; neither = inconclusive."""

    abnormal: Cel = Field("false", description="CEL condition: the step found what it looks for")
    normal: Cel = Field("false", description="CEL condition: the step found nothing unusual")


class ManualSpec(Part):
    """A question to a person; the answer becomes the fact `answer` and is evidence. It never holds up a run."""

    ask: str = Field(description="The question, as the person reads it")
    answer: Literal["yes_no", "text", "number", "choice"] = Field(
        "yes_no",
        description="Kind of answer; the fact `answer` is 'yes' or 'no', a text, a number, or one of `choices`",
    )
    choices: list[str] = Field(default_factory=list, description="The answers of a `choice`, at least two")


class Step(Part):
    """One question to one source, what its answer means, and the evidence it yields."""

    id: Identifier = Field(description="Name of the step; conditions read its facts as `id.fact`")
    title: Title = Field(description="Name of the step for people")
    question: str = Field(description="What the step asks, in one sentence")
    normal: str = Field("", description="What normal looks like")
    source: str = Field(
        description="clickhouse, github, linear, stripe, statuspage, manual, or a source of another app"
    )
    operation: str = Field("", description="What is asked of a source other than clickhouse; see the sources reference")
    query: str = Field(
        "", description="SQL over the views requests, calls, deliveries, logs, spans; {name:Type} binds a value"
    )
    fence: Literal["customer", "everyone"] = Field(
        "customer", description="Whose rows a query sees: the ticket's customer's only, or everybody's"
    )
    params: dict[str, Cel | list[Cel]] = Field(
        default_factory=dict, description="Values of the question: CEL each; of a list the first known value is taken"
    )
    optional_params: list[str] = Field(default_factory=list, description="Left out when unknown, instead of not asking")
    max_rows: int = Field(5000, ge=1, le=20000, description="Rows a query may return; more are cut, and said to be")
    measure: dict[Identifier, Measure] = Field(
        default_factory=dict, description="Facts computed from the answer, read as `step.name.fact`"
    )
    facts: dict[Identifier, Cel] = Field(default_factory=dict, description="Further facts, CEL over those known so far")
    verdict: VerdictSpec = Field(default_factory=VerdictSpec, description="When the answer is abnormal, when normal")
    result: str = Field("", description=f"One line for the step list, {_SLOTS}")
    evidence: list[EvidenceSpec] = Field(default_factory=list, description="The evidence it yields")
    manual: ManualSpec | None = Field(None, description="The question to a person, with `source: manual`")
    depends_on: list[Identifier] = Field(default_factory=list, description="Steps that must end before this one asks")
    reads: list[Identifier] = Field(
        default_factory=list,
        description="Steps that must end before the answer is interpreted; asking starts at once",
    )
    run_if: Cel | None = Field(None, description="CEL condition: skipped when false; unknown runs")
    only_if_connected: bool = Field(
        False, description="Skipped where its source is not connected, instead of counting as not checked"
    )
    timeout_s: float = Field(5.0, gt=0, le=60, description="Seconds the source may take to answer")
    required_before: list[Literal["reply", "escalation"]] = Field(
        default_factory=list, description="Gates that stay closed until this step has run"
    )

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

    when: Cel = Field(description="A CEL condition over facts")
    for_: Weight = Field(
        0.0,
        alias="for",
        description="What *true* counts: decisive 4.0, strong 2.5, moderate 1.5, weak 0.7, or log-odds; "
        "negative speaks against the hypothesis",
    )
    against: Weight = Field(0.0, description="What *false* counts, opposite to `for`; a word or positive log-odds")
    scale: Cel | None = Field(
        None, description="A number from 0 to 10 that multiplies the weight: how strongly, not only whether"
    )
    says: str = Field(description=f"What is found when true, {_SLOTS}")
    says_not: str = Field("", description=f"What is found when false, {_SLOTS}")
    decisive: bool = Field(
        False, description="The hypothesis cannot be judged without it: confidence at most 0.6 when its source was away"
    )
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
    """Who or what is to blame."""

    kind: str = Field(
        description="deployment, linear_issue, stripe_charge, customer_change, none, …; see the reference"
    )
    id: Cel | list[Cel] | None = Field(
        None, description="CEL giving its id in its own system: sha, issue key, charge id; of a list the first known"
    )
    url: Cel | None = Field(None, description="CEL giving the address to open")
    title: str = Field("", description=f"Its name for people, {_SLOTS}")


class ScopeSpec(Part):
    """How far it reaches."""

    kind: Literal["customer", "endpoint", "region", "instance", "ip", "all", "none"] = Field(
        description="What `value` is; `all` and `none` have no value"
    )
    value: Cel | None = Field(None, description="CEL giving the customer, endpoint, region, instance or address")


class EscalationSpec(Part):
    """Present: this cause is escalated."""

    severity: Severity = Field(description="Severity of the escalation")
    small: Severity | None = Field(None, description="Severity when `small_when` holds")
    small_when: Cel = Field("false", description="CEL condition: the effect is weak")
    why: str = Field("", description=f"Why it is escalated, {_SLOTS}")


class ReplySpec(Part):
    """Customer wording. The four parts every reply needs; `{expression|format}` allowed, over facts and over
    `diagnosis.onset` and `diagnosis.scope`. Where one of them is not known, a neutral draft takes its place.
    """

    observed: str = Field(description="What was observed, with figures")
    scope: str = Field(description="Who and what is affected")
    next_step: str = Field(description="What happens next, and who does it")
    eta: str = Field(
        "We do not have a confirmed time yet and will write again when we do.",
        description="When the customer hears more, or when it is over; '' where nothing is to come",
    )


class Hypothesis(Part):
    """A cause that the playbook can tell, and what speaks for and against it."""

    label: Label = Field(description="Stable name of the cause: class.cause")
    title: str = Field(description=f"The cause in one line, {_SLOTS}")
    incident_class: str = Field("", alias="class", description="Default: the playbook's class")
    prior: float = Field(-2.0, ge=-8, le=4, allow_inf_nan=False, description="Log-odds before any evidence")
    kin: list[Label] = Field(
        default_factory=list,
        description="Labels of the same answer in other words: no rivals, the leading one's confidence holds theirs",
    )
    needs_symptom: bool = Field(True, description="Whether the playbook's symptom must be present")
    earlier: bool | None = Field(
        None,
        description="Whether earlier cases count for it as `earlier` of the playbook says; default: yes, but not for "
        "labels that begin with `none.`",
    )
    signals: list[SignalSpec] = Field(description="What speaks for and against it")
    culprit: CulpritSpec | None = Field(None, description="Who or what is to blame")
    scope: ScopeSpec = Field(
        default_factory=lambda: ScopeSpec(kind="customer", value="inputs.org_id"), description="How far it reaches"
    )
    onset: list[Cel] = Field(default_factory=list, description="Since when: CEL each, the first known is taken")
    escalation: EscalationSpec | None = Field(None, description="Given: this cause is escalated")
    #: Has no effect and is refused in files; stored versions carry the key.
    small_when: SkipJsonSchema[Cel | None] = None
    remediation: list[str] = Field(default_factory=list, description="How it is remedied, one sentence each")
    next_steps: list[str] = Field(default_factory=list, description="What the support engineer does next")
    confirm: str = Field("", description="What would confirm it")
    ruled_out: str = Field("", description="Sentence when the evidence excludes it")
    reply: ReplySpec | None = Field(None, description="What the customer is told")
    continue_with: Identifier | None = Field(
        None, description="Key of the playbook that goes on when this one leads: only in the playbook `triage`"
    )


class SymptomSpec(Part):
    """The complaint itself, measured. False: hypotheses that need it are set back; unknown: confidence is capped."""

    gate: Cel = Field(description="CEL condition: the complaint is measurably so")
    title: str = Field(description="The symptom in one line")
    absent: str = Field("", description="Sentence when it was not found")


class RuledOut(Part):
    """A sentence of the answer "what it is not", shown when its condition holds."""

    when: Cel = Field(description="A CEL condition")
    says: str = Field(description=f"The sentence, {_SLOTS}")


class Contradiction(Part):
    """Two sources that cannot both be right: told with the diagnosis, and a cap on what rests on them."""

    when: Cel = Field(description="A CEL condition over the facts of the steps that contradict each other")
    says: str = Field(description=f"What contradicts what, {_SLOTS}")
    labels: list[str] = Field(
        default_factory=list, description="Labels of the hypotheses that it makes doubtful; none: all of them"
    )
    cap: float = Field(0.74, ge=0.05, le=1, description="Their confidence stays at or below this")


class Outbreak(Part):
    """From how many confirmed cases on a cause counts for a customer that never had it."""

    cases: int = Field(2, ge=2, le=20, description="At least so many tickets of which people confirmed the cause")
    within_days: float = Field(14, gt=0, le=180, description="So many days before the run's clock, at most")


class Earlier(Part):
    """How much a cause that people confirmed in an earlier case counts for the hypothesis with its label.

    A hint: it counts once per hypothesis, only where the measured facts do not speak against it, and takes no
    hypothesis across the confidence at which a cause is named. Weights are words or log-odds, at most `moderate`.
    """

    same_customer: Weight = Field("weak", description="Confirmed for the same customer: a word or log-odds")
    same_endpoint: Weight = Field(0.5, description="Confirmed on the endpoint that the ticket names")
    anybody: Weight = Field(0.3, description="Confirmed for others, elsewhere; only in an `outbreak`")
    within_days: float = Field(180, gt=0, le=180, description="Older cases count nothing")
    halved_after_days: float = Field(60, gt=0, le=180, description="Older cases count half")
    outbreak: Outbreak = Field(default_factory=Outbreak, description="When cases of anybody count")

    @model_validator(mode="after")
    def _is_a_hint(self) -> Earlier:
        weights = [weight_of(weight) for weight in (self.same_customer, self.same_endpoint, self.anybody)]
        if not all(0.0 <= weight <= WEIGHTS["moderate"] for weight in weights):
            raise ValueError(f"an earlier case is a hint: its weight is from 0 to moderate ({WEIGHTS['moderate']})")
        if weights != sorted(weights, reverse=True):
            raise ValueError("the nearer case counts more: same_customer, then same_endpoint, then anybody")
        return self


# --------------------------------------------------------------------------------------------------- tests
class Expectation(Part):
    """What must come out of a test; keys that are left out are not looked at."""

    label: str | None = Field(None, description="Label of the first candidate, or `inconclusive`")
    band: Literal["Low", "Medium", "High"] | None = Field(None, description="Its confidence in words")
    min_confidence: float | None = Field(None, ge=0, le=1, description="Least confidence of the first candidate")
    max_confidence: float | None = Field(None, ge=0, le=1, description="Greatest confidence of the first candidate")
    severity: Severity | None = Field(None, description="Severity")
    escalate: bool | None = Field(None, description="Whether it is escalated")
    culprit: str | None = Field(None, description="The culprit's id")
    scope: str | None = Field(None, description="Kind of the scope")
    not_: list[str] = Field(default_factory=list, alias="not", description="Labels that must not lead")


class PlaybookTest(Part):
    """A recorded case: facts per step, and what must come out. Nothing is asked of any source."""

    name: str = Field(description="The case in a few words")
    facts: dict[str, dict[str, Any]] = Field(
        description="{step: {fact: value}}: what each step found; a step that is left out did not run"
    )
    inputs: dict[str, Any] = Field(default_factory=dict, description="Inputs beside org_id and opened_at")
    ticket: dict[str, Any] = Field(default_factory=dict, description="What `ticket` holds beside its text")
    unavailable: list[str] = Field(default_factory=list, description="Steps whose source gave no answer")
    earlier: list[dict[str, Any]] | None = Field(
        None, description="Confirmed earlier cases, newest first: [{label, ref, days, same_customer, …}]"
    )
    expect: Expectation = Field(description="What must come out")


class Playbook(Part):
    """One playbook. `key` and the file's content make a version."""

    api_version: Literal["altor/v1"] = Field(alias="apiVersion", description="The format")
    kind: Literal["Playbook"] = Field(description="What the file is")
    key: Identifier = Field(description="Stable name; a changed file with the same key is the next version")
    title: Title = Field(description="Name for people")
    incident_class: IncidentClass = Field(alias="class", description="The incident class it investigates, e.g. latency")
    description: str = Field("", description="What it is for, in Markdown")
    owner: str = Field("", description="Who looks after it")
    review_by: str = Field("", description="When it should be looked at again, e.g. '2027-02-01'")
    match: list[MatchRule] = Field(
        default_factory=list, description="How a ticket is recognised; none: a person chooses"
    )
    inputs: dict[Identifier, InputSpec] = Field(default_factory=dict, description="Values the run needs")
    evidence_kinds: dict[Identifier, str] = Field(
        default_factory=dict, description="Own kinds of evidence beside the vocabulary: {kind: what it states}"
    )
    limits: Limits = Field(default_factory=Limits, description="What one run may take")
    steps: list[Step] = Field(min_length=1, description="The questions; independent ones run at the same time")
    symptom: SymptomSpec = Field(description="The complaint itself, measured")
    hypotheses: list[Hypothesis] = Field(min_length=1, description="The causes it can tell, rivals of each other")
    ruled_out: list[RuledOut] = Field(default_factory=list, description="Sentences of what it is not")
    contradictions: list[Contradiction] = Field(default_factory=list, description="Sources that cannot both be right")
    earlier: Earlier | None = Field(
        None, description="How much a cause counts that people confirmed in an earlier case; none: nothing"
    )
    tests: list[PlaybookTest] = Field(default_factory=list, description="Recorded cases that must come out right")

    def step(self, step_id: str) -> Step:
        return next(step for step in self.steps if step.id == step_id)


__all__ = [
    "API_VERSION",
    "RESERVED",
    "WEIGHTS",
    "Affected",
    "Billing",
    "CallGraph",
    "Cel",
    "Compare",
    "Contradiction",
    "CountChange",
    "CulpritSpec",
    "Deployments",
    "Earlier",
    "EscalationSpec",
    "EvidenceSpec",
    "Expectation",
    "Hypothesis",
    "Incidents",
    "InputSpec",
    "Issues",
    "LevelChange",
    "Limits",
    "ManualSpec",
    "MatchRule",
    "Measure",
    "Outbreak",
    "Playbook",
    "PlaybookTest",
    "ReplySpec",
    "RuledOut",
    "ScopeSpec",
    "ShareChange",
    "SignalSpec",
    "Step",
    "SymptomSpec",
    "Table",
    "Usage",
    "VerdictSpec",
    "Versions",
    "Weight",
    "weight_of",
]
