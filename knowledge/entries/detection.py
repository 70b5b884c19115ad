"""The detection query of an entry: what says whether this cause is there.

Most often it is one step of a playbook, asked by the same engine, through the same guards and within the same limits;
its conditions read its facts as `found.…`. A cause that no single question shows is detected by a playbook: all its
steps are asked, and its hypothesis is weighed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from pydantic import Field, ValidationError

from altor.configuration import canonical
from altor.errors import InvalidInput
from investigations.models import PlaybookVersion
from investigations.playbooks.checks import problems_in
from investigations.playbooks.format import (
    API_VERSION,
    EvidenceSpec,
    Hypothesis,
    Playbook,
    SignalSpec,
    Step,
    SymptomSpec,
    VerdictSpec,
)
from investigations.playbooks.measuring import Measure
from investigations.playbooks.messages import told
from investigations.playbooks.parts import Cel, Identifier, Part
from investigations.playbooks.reading import PlaybookInvalid, dotted, plain, read_tree
from investigations.services.causes import causes_in

#: Name of the step in conditions: `found.row_count`.
STEP: Final = "found"
#: Longest text that is read.
LONGEST: Final = 20_000
#: Longest wait for its source inside an investigation.
LIMIT_S: Final = 5.0
_LABEL: Final = "detected.cause"


class Detection(Part):
    """What is asked, and when the answer means that the cause is there."""

    source: str = Field(description="clickhouse, github, linear, stripe, statuspage")
    operation: str = Field("", description="What is asked of a source other than clickhouse")
    query: str = Field("", max_length=LONGEST, description="SQL over the views; {name:Type} binds a value")
    fence: Literal["customer", "everyone"] = Field("customer", description="Whose rows a query sees")
    params: dict[str, Cel | list[Cel]] = Field(default_factory=dict, description="Values of the question, CEL each")
    optional_params: list[str] = Field(default_factory=list, description="Left out when unknown")
    max_rows: int = Field(5000, ge=1, le=20000, description="Rows a query may return")
    measure: dict[Identifier, Measure] = Field(default_factory=dict, description="Facts computed from the answer")
    facts: dict[Identifier, Cel] = Field(default_factory=dict, description="Further facts, CEL over `found.…`")
    timeout_s: float = Field(LIMIT_S, gt=0, le=LIMIT_S, description="Seconds the source may take")
    expect: str = Field("", max_length=500, description="What the answer looks like when the cause is there, in words")
    fires: Cel = Field(description="CEL condition with its threshold: the cause is there")
    absent: Cel | None = Field(None, description="CEL condition: it surely is not; default: `fires` is false")
    says: str = Field(max_length=500, description="The finding in one sentence, with `{expression|format}`")

    def step(self) -> Step:
        """As the engine asks it: `abnormal` = it fires, `normal` = it surely does not."""
        return Step(
            id=STEP,
            title="Detection query",
            question=self.expect or "Is the cause of the entry there?",
            source=self.source,
            operation=self.operation,
            query=self.query,
            fence=self.fence,
            params=self.params,
            optional_params=self.optional_params,
            max_rows=self.max_rows,
            measure=self.measure,
            facts=self.facts,
            verdict=VerdictSpec(abnormal=self.fires, normal=self.absent or f"!({self.fires})"),
            result=self.says,
            evidence=[EvidenceSpec(kind="knowledge_entry", when=self.fires, summary=self.says, verdict="'abnormal'")],
            timeout_s=self.timeout_s,
        )

    def document(self) -> dict[str, Any]:
        """What is stored: only what was said."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


class PlaybookDetection(Part):
    """A hypothesis of a playbook: it fires when that is the first candidate, and sure enough."""

    playbook: str = Field(pattern=r"^[a-z][a-z0-9_]{0,59}$", description="Key of the playbook that is carried out")
    label: str = Field(pattern=r"^[a-z][a-z0-9_.]{0,59}$", description="Label of its hypothesis")
    at_least: float = Field(0.4, gt=0, le=1, description="How sure the diagnosis must be, 0 to 1")
    expect: str = Field("", max_length=500, description="What is found when the cause is there, in words")

    @property
    def source(self) -> str:
        return "playbook"

    @property
    def fires(self) -> str:
        return f"{self.label} is the first candidate of {self.playbook}, at least {self.at_least:.0%} sure"

    def document(self) -> dict[str, Any]:
        """What is stored: only what was said."""
        return self.model_dump(mode="json", exclude_defaults=True)


def is_by_playbook(document: Mapping[str, Any]) -> bool:
    return "playbook" in document


def stored_detection(document: Mapping[str, Any]) -> Detection | PlaybookDetection:
    """Of a stored version; it was checked when it was stored."""
    return (PlaybookDetection if is_by_playbook(document) else Detection).model_validate(document)


def as_text(document: Mapping[str, Any] | None) -> str:
    """As YAML, "" for none."""
    return canonical(document) if document else ""


def read_detection(text: str) -> Detection | PlaybookDetection | None:
    """The detection that a text in YAML holds; None for an empty text. InvalidInput tells all that is wrong with it,
    each problem with its line where it has one.
    """
    if not text.strip():
        return None
    if len(text) > LONGEST:
        raise InvalidInput(f"The detection query is longer than {LONGEST} characters.")
    try:
        tree = read_tree(text, "detection")
    except PlaybookInvalid as invalid:
        raise _refused([f"line {one.line}: {one.message}" for one in invalid.problems]) from None
    if not isinstance(tree, Mapping):
        raise _refused(["it is a mapping: source, query or operation, fires, says"])
    return check_detection(plain(tree))


def check_detection(document: Mapping[str, Any]) -> Detection | PlaybookDetection:
    """The detection, examined as a playbook's step is. InvalidInput tells all that is wrong. One by a playbook takes a
    query: the playbook must be in force.
    """
    if is_by_playbook(document):
        return _check_playbook(document)
    try:
        detection = Detection.model_validate(document)
        step = detection.step()
    except ValidationError as error:
        raise _refused([f"{dotted(path)}: {text}" if path else text for path, text in told(error, document)]) from None
    if step.source == "manual":
        raise _refused(["source: a detection query asks a source, not a person"])
    if problems := list(_problems(step)):
        raise _refused(problems)
    return detection


def _check_playbook(document: Mapping[str, Any]) -> PlaybookDetection:
    try:
        detection = PlaybookDetection.model_validate(document)
    except ValidationError as error:
        raise _refused([f"{dotted(path)}: {text}" if path else text for path, text in told(error, document)]) from None
    in_force = PlaybookVersion.objects.active().filter(key=detection.playbook).values_list("document", flat=True)
    found = in_force.first()
    if found is None:
        raise _refused([f"playbook: there is no playbook {detection.playbook!r} in force"])
    if detection.label not in causes_in(found):
        raise _refused([f"label: {detection.playbook} has no hypothesis {detection.label!r}"])
    return detection


def _problems(step: Step) -> Iterator[str]:
    """What the checks of a playbook say to a playbook of this one step."""
    signal = SignalSpec(when=step.verdict.abnormal, for_=1.0, says="It is")
    book = Playbook(
        api_version=API_VERSION,
        kind="Playbook",
        key="detection",
        title="Detection",
        incident_class="detection",
        evidence_kinds={"knowledge_entry": "A known root cause was found again"},
        steps=[step],
        symptom=SymptomSpec(gate="true", title="Any"),
        hypotheses=[Hypothesis(label=_LABEL, title="It", signals=[signal])],
    )
    seen = set()
    for path, message in problems_in(book):
        place = [str(part) for part in path if part not in ("steps", 0)]
        name = ".".join(place).replace("verdict.abnormal", "fires").replace("verdict.normal", "absent")
        name = name.replace("evidence.summary", "says").replace("result", "says")
        if name.startswith(("hypotheses", "evidence")) or (name, message) in seen:
            continue
        seen.add((name, message))
        yield f"{name}: {message}" if name else message


def _refused(problems: list[str]) -> InvalidInput:
    return InvalidInput(f"Detection query: {problems[0]}", errors={"detection": problems})
