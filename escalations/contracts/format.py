"""The contract format `altor/contract/v1`: what a YAML file may hold. Unknown keys are errors.

Conditions are CEL over the names of `names.NAMES`: `evidence`, `checked`, `steps`, `diagnosis`, `inputs`, `ticket`,
`customer`, `severity`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from escalations.clocks.format import AnyHours
from escalations.contracts.names import NAMES
from escalations.contracts.spans import TimeSpan
from investigations.playbooks.conditions import roots_in
from investigations.playbooks.messages import nearest
from investigations.playbooks.parts import Cel, Identifier, IncidentClass, Part, Severity, Title

API_VERSION: Final = "altor/contract/v1"
SEVERITIES: Final[tuple[Severity, ...]] = ("SEV1", "SEV2", "SEV3", "SEV4")
#: Names that a condition may bind itself (`evidence.exists(e, …)`).
_OWN: Final = frozenset("abcdefghijklmnopqrstuvwxyz")
Slug = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")]
Text = Annotated[str, StringConstraints(max_length=1000, strip_whitespace=True)]


class Area(Part):
    """What the contract is for. Empty lists: any. Of the contracts that fit, the one that says most is taken."""

    classes: list[IncidentClass] = Field(default_factory=list, description="Incident classes")
    services: list[Text] = Field(
        default_factory=list, description="Services or endpoints; * stands for anything: GET /v2/orders*, billing-*"
    )
    tiers: list[Text] = Field(default_factory=list, description="Customer tiers or plans, in any case")


class Owner(Part):
    """Who gets it. Nothing named: the leads of the ticket's team."""

    team: str = Field("", max_length=60, description="Short name of a team: all of it is told, anyone may take it")
    rotation: str = Field("", max_length=60, description="Short name of a rotation: whoever is on call is told")
    person: str = Field("", max_length=150, description="User name of one person")
    linear_team: str = Field("", max_length=10, description="Key of the Linear team the issue is filed to")
    linear_project: str = Field("", max_length=80, description="Name or id of the Linear project")

    @property
    def names_somebody(self) -> bool:
        return bool(self.team or self.rotation or self.person)


class ChainStep(Part):
    """When nobody has acknowledged `after` so much time, `to` is told too."""

    after: TimeSpan
    to: Owner = Field(default_factory=Owner)


class Level(Part):
    """What holds at one severity."""

    title: Title
    definition: Text = Field(description="When an escalation is of this severity")
    examples: list[Text] = Field(default_factory=list, max_length=10)
    owner: Owner | None = Field(None, description="Instead of the contract's owner")
    acknowledge_within: TimeSpan = Field(description="Response window: from sending to the first sign of the owner")
    update_every: TimeSpan | None = Field(None, description="From the acknowledgement on, word at least this often")
    resolve_within: TimeSpan | None = Field(None, description="From sending to resolved")
    hours: AnyHours | None = Field(None, description="When its windows tick, instead of the contract's hours")
    pauses_for: list[Literal["support", "customer"]] = Field(
        default_factory=list, description="Waiting on whom pauses the resolution window"
    )
    chain: list[ChainStep] = Field(default_factory=list, max_length=8, description="In order of time")
    may_be_provisional: bool = Field(False, description="May be sent before the checklist is met; gaps become tasks")
    gaps_within: TimeSpan | None = Field(None, description="By when the gaps of a provisional escalation are closed")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        waits = [step.after for step in self.chain]
        if waits != sorted(waits) or len(set(waits)) != len(waits):
            raise ValueError("the steps of the chain come in order of time, each later than the one before")
        if self.may_be_provisional and self.gaps_within is None:
            raise ValueError("say with `gaps_within` by when the gaps of a provisional escalation are closed")
        return self


class Item(Part):
    """One thing that an escalation must hold: found in the investigation (`met_by`), said by a person (`ask`), or in a
    file that a person attaches (`attach`).
    """

    id: Identifier
    title: Title = Field(description="What must be there, as people read it")
    why: Text = Field("", description="Why engineering needs it")
    severities: list[Severity] = Field(default_factory=list, description="At which severities; empty: at all")
    applies: Cel = Field("true", description="CEL: whether this escalation needs it; unknown counts as yes")
    met_by: Cel | None = Field(None, description="CEL over the investigation: true when it is there")
    sources: list[Identifier] = Field(
        default_factory=list, description="Sources it comes from: when one was asked and is down, it counts as tried"
    )
    steps: list[Identifier] = Field(default_factory=list, description="Steps of playbooks that can supply it")
    ask: Text = Field("", description="The question to a person, where the investigation does not hold it")
    hint: Text = Field("", description="How to find the answer")
    answer: Literal["text", "yes_no", "link"] = "text"
    attach: bool = Field(False, description="A file can be attached, and counts as a person's answer")

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        if self.met_by is None and not self.ask and not self.attach:
            raise ValueError("needs `met_by` (a condition), `ask` (a question) or `attach`, or it can never be met")
        return self

    @field_validator("applies", "met_by")
    @classmethod
    def _known_names(cls, value: str | None) -> str | None:
        strangers = sorted(roots_in(value or "true") - NAMES.keys() - _OWN)
        if strangers:
            raise ValueError(
                f"there is no {strangers[0]!r} to ask about{nearest(strangers[0], list(NAMES))}; there are:"
                f" {', '.join(NAMES)}"
            )
        return value

    def is_for(self, severity: str) -> bool:
        return not self.severities or severity in self.severities


class ContractForm(Part):
    """One contract: an area, its owner and hours, what is asked at each severity."""

    api: Literal["altor/contract/v1"] = API_VERSION
    key: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,59}$")
    title: str = Field(min_length=1, max_length=120)
    description: Text = ""
    area: Area = Field(default_factory=Area)
    owner: Owner = Field(default_factory=Owner)
    hours: AnyHours = Field("always", description="When windows tick: always, or a week with holidays")
    overridden_by: list[Literal["agent", "lead", "engineer", "admin"]] = Field(
        default=["lead", "admin"],
        description="Roles that may send it incomplete, with a reason; of those that hold `escalation.override`",
    )
    levels: dict[Severity, Level] = Field(min_length=1)
    checklist: list[Item] = Field(min_length=1, max_length=40)

    @field_validator("levels")
    @classmethod
    def _sorted(cls, value: dict[Severity, Level]) -> dict[Severity, Level]:
        return {name: value[name] for name in SEVERITIES if name in value}

    @model_validator(mode="after")
    def _names(self) -> Self:
        twice = [name for name, count in Counter(item.id for item in self.checklist).items() if count > 1]
        if twice:
            raise ValueError(f"two items of the checklist are called {twice[0]!r}")
        return self

    def level(self, severity: str) -> Level | None:
        return self.levels.get(severity)  # type: ignore[call-overload, no-any-return]  # any text may be asked for

    def items(self, severity: str) -> list[Item]:
        return [item for item in self.checklist if item.is_for(severity)]

    def owner_at(self, severity: str) -> Owner:
        """Of the severity, where it names one; what it leaves open is the contract's."""
        level = self.level(severity)
        own = level.owner if level is not None else None
        if own is None:
            return self.owner
        whole = own.model_dump()
        if not own.names_somebody:
            whole |= self.owner.model_dump(include={"team", "rotation", "person"})
        for name in ("linear_team", "linear_project"):
            whole[name] = whole[name] or getattr(self.owner, name)
        return Owner(**whole)

    def hours_at(self, severity: str) -> AnyHours:
        level = self.level(severity)
        return level.hours if level is not None and level.hours is not None else self.hours


def remarks(form: ContractForm) -> Iterator[str]:
    """What can be stored and is probably not meant."""
    for name, level in form.levels.items():
        if not form.items(name):
            yield f"{name}: nothing is asked for at this severity."
        for step in level.chain:
            if step.after < level.acknowledge_within:
                yield f"{name}: the chain climbs before the response window of an acknowledgement is over."
                break
    for item in form.checklist:
        if item.met_by is not None and not item.sources and item.met_by.strip() == "true":
            yield f"{item.id}: is always met, so it asks for nothing."
    unused: Sequence[Any] = [name for item in form.checklist for name in item.severities if name not in form.levels]
    if unused:
        yield f"The checklist names {unused[0]}, for which the contract has no level."
