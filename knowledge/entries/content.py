"""What an entry may hold, from a form, a file or the API; what is refused, and what is only remarked on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from altor.errors import InvalidInput
from altor.redaction import redact_text
from investigations.replies import ReplyFinding
from knowledge.entries.detection import check_detection
from knowledge.models.entries import CONTENT
from knowledge.replies.checks import wording_of

#: Characters of one text.
LONGEST: Final = 50_000
MOST_ITEMS: Final = 50
#: Texts that are Markdown.
TEXTS: Final = ("symptoms", "root_cause", "remediation", "escalation_criteria", "customer_wording")
_LANGUAGE: Final = re.compile(r"^[a-z]{2}(-[A-Z]{2})?$")
_LABEL: Final = re.compile(r"^([a-z][a-z0-9_]*\.[a-z][a-z0-9_]*)?$")
_CLASS: Final = re.compile(r"^([a-z][a-z0-9_]{0,19})?$")
#: Line breaks as one, no NUL; secrets and personal data never get in.
_BREAKS: Final = re.compile(r"\r\n?")


class EntryContent(BaseModel):
    """The words of an entry, checked and clean; a key that is not known is refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, frozen=True)

    title: str = Field(min_length=3, max_length=300, description="The cause in one line, as it is looked for")
    language: str = Field("en", description="Of the texts: en, de, pt-BR")
    incident_class: str = Field("", description="latency, rate_limit, …, or empty")
    label: str = Field("", max_length=60, description="Label of the cause in the taxonomy, where it has one")
    symptoms: str = Field("", max_length=LONGEST, description="What is seen, in the words of who sees it. Markdown")
    root_cause: str = Field("", max_length=LONGEST, description="Why it happens. Markdown")
    detection: dict[str, Any] | None = Field(None, description="The detection query, see its reference")
    remediation: str = Field("", max_length=LONGEST, description="How it is remedied. Markdown")
    escalation_criteria: str = Field("", max_length=LONGEST, description="When and to whom to escalate. Markdown")
    customer_wording: str = Field("", max_length=LONGEST, description="What customers are told. Markdown")
    components: list[str] = Field(default_factory=list, description="Affected components")
    versions: list[str] = Field(default_factory=list, description="Affected versions: 2.4.1, or >=2.3 <2.5")
    tiers: list[str] = Field(default_factory=list, description="Tiers of customers it can hit; none: all")

    @field_validator("title", *TEXTS, mode="before")
    @classmethod
    def _clean(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        text = _BREAKS.sub("\n", value)
        if "\x00" in text:
            raise ValueError("it holds a NUL character")
        return redact_text(text)

    @field_validator("title")
    @classmethod
    def _one_line(cls, value: str) -> str:
        return " ".join(value.split())

    @field_validator("language")
    @classmethod
    def _is_a_language(cls, value: str) -> str:
        if not _LANGUAGE.match(value):
            raise ValueError("a language is two letters, with a region where it needs one: en, de, pt-BR")
        return value

    @field_validator("label")
    @classmethod
    def _is_a_label(cls, value: str) -> str:
        if not _LABEL.match(value):
            raise ValueError("a label is class.cause: lat.deploy_route")
        return value

    @field_validator("incident_class")
    @classmethod
    def _is_a_class(cls, value: str) -> str:
        if not _CLASS.match(value):
            raise ValueError("an incident class is lower case letters, digits and _: rate_limit")
        return value

    @field_validator("components", "versions", "tiers")
    @classmethod
    def _a_short_list(cls, value: list[str]) -> list[str]:
        found = list(dict.fromkeys(" ".join(redact_text(item).split()) for item in value))
        found = [item for item in found if item]
        if len(found) > MOST_ITEMS:
            raise ValueError(f"at most {MOST_ITEMS}")
        if any(len(item) > 80 or "\x00" in item for item in found):
            raise ValueError("at most 80 characters each")
        return found

    @field_validator("tiers")
    @classmethod
    def _short_tiers(cls, value: list[str]) -> list[str]:
        if any(len(item) > 40 for item in value):
            raise ValueError("at most 40 characters each")
        return value

    @property
    def is_resolved(self) -> bool:
        """Somebody who reads it knows why it happens and what to do: it is no longer only a framed problem."""
        return bool(self.root_cause and self.remediation)


def read_content(data: Mapping[str, Any]) -> EntryContent:
    """The content, checked. InvalidInput with `errors`: field -> sentences."""
    try:
        content = EntryContent.model_validate(dict(data))
    except ValidationError as error:
        found: dict[str, list[str]] = {}
        for one in error.errors():
            field = str(one["loc"][0]) if one["loc"] else ""
            found.setdefault(field, []).append(one["msg"].removeprefix("Value error, "))
        field, sentences = next(iter(found.items()))
        raise InvalidInput(f"{CONTENT.get(field, field)}: {sentences[0]}", errors=found) from None
    problems: dict[str, list[str]] = {}
    if content.detection is not None:
        # Stored is what was said and nothing else, so that the same query is the same document.
        content = content.model_copy(update={"detection": check_detection(content.detection).document()})
    for finding in customer_findings(content):
        if finding.is_leak:
            problems.setdefault("customer_wording", []).append(f"“{finding.quote}”: {finding.why}")
    if problems:
        raise InvalidInput(f"Customer wording: {problems['customer_wording'][0]}", errors=problems)
    return content


def customer_findings(content: EntryContent) -> Sequence[ReplyFinding]:
    """What the language check says of the customer wording: leaks keep it from being stored, the rest is a remark."""
    return wording_of(content.customer_wording, content.language[:2])
