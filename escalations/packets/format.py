"""The packet's format: what an engineer gets with an escalation, as JSON. Its schema is published.

Texts are for people and end where a sentence ends; what is measured stands beside them as numbers. A frozen packet is
never rewritten: fields may be added, a change of meaning raises `FORMAT`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

FORMAT: Final = 1
#: Sentences of the summary.
LONGEST_SUMMARY: Final = 3

EventKind = Literal[
    "onset", "end", "deployment", "issue", "billing", "incident", "account", "measurement", "customer", "reply", "run"
]
CheckState = Literal["met", "answered", "tried", "missing", "overridden"]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Link(Part):
    title: str
    url: str


class Cite(Part):
    """A sentence and the evidence it rests on."""

    says: str
    evidence: list[str] = Field(default_factory=list, description="References of evidence, as E3")


class Figure(Part):
    """A measured value. Shares are 0 to 1, money is in minor units; `shown` is how people read it."""

    value: float | None = None
    baseline: float | None = Field(None, description="The same before the onset, or over the customer's own past")
    threshold: float | None = None
    unit: str = Field("", description="% (a share), ms, s, /min, money:eur, or a word")
    numerator: float | None = None
    denominator: float | None = None
    shown: str = Field("", description="49%, before 0%")


class Severity(Part):
    level: str = Field(description="SEV1 to SEV4; empty while nobody has said")
    why: str
    proposed: str = Field("", description="What the diagnosis proposes")
    proposed_why: str = ""


class Owner(Part):
    """Who is to look at it first, and why they."""

    name: str
    why: str


class CustomerBrief(Part):
    """The account that wrote. No person of theirs stands in a packet."""

    org_id: str
    name: str
    plan: str = ""
    tier: str = ""
    stripe_customer: str = ""
    linear_customer: str = ""
    revenue: str = Field("", description="A month, as the directory knows it")


class TicketBrief(Part):
    ref: str
    subject: str
    status: str
    priority: str = ""
    customer: str = ""
    opened_at: datetime
    url: str = Field("", description="In the helpdesk")
    altor_url: str = ""


class Affected(Part):
    """Another customer that was measured to show the symptom."""

    org_id: str
    name: str
    shown: str
    before: str = ""
    revenue: str = ""
    tickets: list[str] = Field(default_factory=list, description="What they wrote about it")


class Money(Part):
    amount_minor: int
    currency: str
    shown: str
    customers: int = Field(description="Over how many customers it is summed")


class Impact(Part):
    says: list[str] = Field(description="One sentence each: failing share, customers, money")
    main: Figure | None = Field(None, description="The symptom of the customer who wrote")
    main_what: str = ""
    main_evidence: str = ""
    customers: int = Field(0, description="Known to be affected, the one who wrote included; 0 where none is")
    others: int = Field(0, description="Other customers that show the symptom")
    others_what: str = ""
    silent: int = Field(0, description="Of those listed, how many have not written, as far as the maker may see")
    listed: list[Affected] = Field(default_factory=list)
    revenue: list[Money] = Field(default_factory=list, description="A month, one sum per currency")
    revenue_unknown: int = Field(0, description="Affected customers of whom no revenue is known")
    revenue_how: str = ""


class Scope(Part):
    kind: str
    value: str = ""
    words: str
    evidence: list[str] = Field(default_factory=list)


class Onset(Part):
    at: datetime | None = None
    earliest: datetime | None = None
    latest: datetime | None = None
    words: str = Field(description="About 1 May 10:00 UTC; or that it was not established")
    evidence: list[str] = Field(default_factory=list)


class Reason(Part):
    says: str
    effect: str = Field("", description="On the log-odds")
    evidence: str = ""


class Cause(Part):
    """A candidate of the diagnosis."""

    label: str
    title: str
    confidence: float | None = None
    band: str = ""
    why: list[Reason] = Field(default_factory=list)
    against: list[Reason] = Field(default_factory=list)
    confirm: str = ""
    caps: list[str] = Field(default_factory=list)


class Change(Part):
    """What the diagnosis holds for the culprit, with what is known of it."""

    kind: str
    id: str
    title: str
    url: str = ""
    service: str = ""
    live_at: datetime | None = None
    lead: str = Field("", description="How it stands to the onset: 12 minutes before")
    files: list[str] = Field(default_factory=list)
    pulls: list[Link] = Field(default_factory=list)
    author: str = ""
    state: str = ""


class Event(Part):
    at: datetime
    kind: EventKind
    title: str
    detail: str = ""
    evidence: list[str] = Field(default_factory=list)
    url: str = ""
    is_key: bool = Field(False, description="The onset, its end, and the culprit")


class EvidenceItem(Part):
    ref_id: str
    source: str
    kind: str
    ref: dict[str, Any] = Field(description="Ids in the system it came from")
    title: str
    summary: str = Field(description="One sentence with its figures")
    verdict: str = Field(description="abnormal, normal, inconclusive, or empty for context")
    at: datetime | None = None
    fetched_at: datetime
    figure: Figure | None = None
    queries: list[str] = Field(default_factory=list)
    more_queries: int = Field(0, description="Requests that are kept with the investigation only")
    url: str = Field("", description="In the system it came from")
    altor_url: str = ""
    is_cause: bool = Field(False, description="The diagnosis rests on it")


class Query(Part):
    """One request as it was sent. Credentials are no part of it."""

    id: str
    source: str
    method: str
    text: str = Field(description="SQL without its views, or the path that was asked for")
    views: list[str] = Field(default_factory=list, description="Names in `views` that stand before the SQL")
    params: dict[str, Any] = Field(default_factory=dict)
    rows: int | None = None
    read_rows: int | None = None
    seconds: float | None = None
    status: int | None = None
    error: str = ""


class RuledOut(Part):
    says: str
    how: list[str] = Field(default_factory=list, description="What was measured that excludes it")
    evidence: list[str] = Field(default_factory=list)
    label: str = Field("", description="Of the hypothesis, where it is one")


class NotChecked(Part):
    what: str
    source: str
    why: str
    is_decisive: bool = Field(False, description="It would decide for or against a cause that was weighed")


class Marker(Part):
    """Something to look for: an id, a route, a region."""

    name: str
    value: str
    evidence: list[str] = Field(default_factory=list)


class Detection(Part):
    """The query that shows the symptom, complete and ready to be pasted."""

    query: str = Field(description="Id in `queries`")
    sql: str
    gave: str = Field(description="What it gave in the run")
    evidence: str


class Reproduction(Part):
    """Made of evidence only; empty where it gives nothing to look for."""

    since: datetime | None = None
    until: datetime | None = None
    markers: list[Marker] = Field(default_factory=list)
    samples: list[Marker] = Field(default_factory=list, description="Single requests or deliveries that failed")
    steps: list[str] = Field(default_factory=list)
    detection: Detection | None = None


class Tried(Part):
    at: datetime | None = None
    by: str = ""
    what: str
    result: str = ""


class Told(Part):
    """A reply the customer has, without their names."""

    at: datetime
    by: str
    kind: str
    text: str
    next_step: str = ""


class Promise(Part):
    due_at: datetime
    promised_at: datetime
    by: str
    ticket: str = ""
    met_at: datetime | None = None


class Related(Part):
    kind: Literal["issue", "pull", "entry", "run", "incident"]
    ref: str
    title: str
    state: str = ""
    who: str = ""
    url: str = ""
    why: str = ""


class Question(Part):
    ask: str
    of: str = Field("", description="Who can answer: the customer, a person here")
    why: str = ""


class File(Part):
    """A file that a person attached. The packet holds its address and checksum, not its bytes."""

    id: str
    name: str
    kind: str = Field(description="text, json, har, csv, png, jpeg, pdf, gzip or zip")
    size: int = Field(description="In bytes")
    sha256: str
    is_redacted: bool = Field(description="Texts are; images, documents and archives are kept as they came")
    url: str = Field(description="Where those who may read the escalation download it")


class ChecklistItem(Part):
    """An item of the contract, as the escalation found it."""

    key: str
    title: str
    state: CheckState = Field(description="tried: its source was asked and gave no answer")
    detail: str = ""
    evidence: list[str] = Field(default_factory=list)
    files: list[File] = Field(default_factory=list)


class Again(Part):
    """The escalation of the ticket that was returned or taken back before this one was sent."""

    ref: str
    url: str
    how: str = Field(description="returned or taken back")
    reason: str = Field("", description="Of a return: one of the list, in words")
    said: str = Field("", description="What was written with it")
    by: str = ""
    at: datetime | None = None
    new: list[str] = Field(default_factory=list, description="What this packet holds that the one before did not")


class PlaybookBrief(Part):
    key: str
    version: int
    title: str


class RunBrief(Part):
    ref: str
    url: str
    status: str
    as_of: datetime = Field(description="The run's clock: nothing later was read")
    result_hash: str = ""


class Packet(Part):
    """Everything an engineer needs to start fixing. Redacted; lists are in the order in which they are read."""

    format: Literal[1] = FORMAT
    title: str = Field(description="One line: what is wrong and for whom")
    summary: str = Field(description="At most three sentences")
    note: str = Field("", description="Sent against its contract, or provisionally: why, and what is still owed")
    again: Again | None = Field(None, description="Where it was sent before")
    severity: Severity
    owner: Owner | None = None
    tickets: list[TicketBrief]
    customer: CustomerBrief | None = None
    impact: Impact
    scope: Scope
    onset: Onset
    cause: Cause | None = None
    others: list[Cause] = Field(default_factory=list, description="Other candidates that were not excluded")
    change: Change | None = None
    next_steps: list[str] = Field(default_factory=list)
    reproduction: Reproduction
    timeline: list[Event]
    evidence: list[EvidenceItem]
    evidence_left_out: int = 0
    queries: list[Query] = Field(default_factory=list)
    views: dict[str, str] = Field(default_factory=dict, description="Name -> SQL that the queries read from")
    ruled_out: list[RuledOut] = Field(default_factory=list)
    contradictions: list[str] = Field(default_factory=list)
    not_checked: list[NotChecked] = Field(default_factory=list)
    unknown: list[str] = Field(default_factory=list)
    tried: list[Tried] = Field(default_factory=list)
    told: list[Told] = Field(default_factory=list)
    promised: list[Promise] = Field(default_factory=list)
    related: list[Related] = Field(default_factory=list)
    questions: list[Question] = Field(default_factory=list)
    checklist: list[ChecklistItem] = Field(default_factory=list)
    investigation: RunBrief
    playbook: PlaybookBrief | None = None
    links: list[Link] = Field(default_factory=list)
    made_at: datetime
    made_by: str = ""

    def as_dict(self) -> dict[str, Any]:
        """As it is stored, sent and rendered."""
        return self.model_dump(mode="json")


class Addition(Part):
    """Something that was added after the packet was sent. The packet itself stays as it was."""

    at: datetime
    by: str
    what: str = Field("", description="What kind of thing: added, answered, joined")
    text: str
    evidence: list[EvidenceItem] = Field(default_factory=list)
    files: list[File] = Field(default_factory=list)
