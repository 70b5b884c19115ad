"""The form of a template, as a file and in the editor, and what is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from altor.configuration import canonical, parse
from altor.errors import InvalidInput
from knowledge.models.replies import Kind, ReplyTemplateVersion, Tone
from knowledge.replies.filling import LONGEST_PART, strangers_in
from knowledge.replies.placeholders import PLACEHOLDERS
from knowledge.replies.wording import LANGUAGES

LIBRARY: Final = Path(__file__).with_name("library")
CLASSES: Final = (
    "rate_limit", "latency", "webhook", "billing", "api_error", "authentication", "missing_data",
)  # fmt: skip
REQUIRED: Final = ("observed", "scope", "next_step", "eta")
PARTS: Final = ("greeting", *REQUIRED, "closing")
#: Label of the case in which no cause can be named.
UNDECIDED: Final = "inconclusive"
#: How each part is called for people.
PART_NAMES: Final = {
    "greeting": "Greeting", "observed": "Observed behaviour", "scope": "Affected scope", "next_step": "Next step",
    "eta": "Time and its confidence", "closing": "Closing",
}  # fmt: skip


class TemplateForm(BaseModel):
    """A template with its words; a key that is not known is refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, populate_by_name=True)

    key: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,59}$")
    title: str = Field(min_length=1, max_length=120)
    kind: Kind = Kind.ANSWER
    incident_class: str = Field("", alias="class")
    label: str = Field("", pattern=r"^([a-z][a-z_]*\.[a-z][a-z0-9_]*|inconclusive)?$", max_length=60)
    language: str = "en"
    tone: Tone = Tone.NEUTRAL
    greeting: str = Field("", max_length=LONGEST_PART)
    observed: str = Field("", max_length=LONGEST_PART)
    scope: str = Field("", max_length=LONGEST_PART)
    next_step: str = Field("", max_length=LONGEST_PART)
    eta: str = Field("", max_length=LONGEST_PART)
    closing: str = Field("", max_length=LONGEST_PART)

    #: Names of the fields that say which case it is for; they never change with a version.
    CASE: ClassVar[tuple[str, ...]] = ("kind", "incident_class", "label", "language", "tone")

    @field_validator("incident_class")
    @classmethod
    def _is_a_class(cls, value: str) -> str:
        if value and value not in CLASSES:
            raise ValueError(f"there is no incident class {value!r}: {', '.join(CLASSES)}, or empty for any")
        return value

    @field_validator("language")
    @classmethod
    def _is_a_language(cls, value: str) -> str:
        if value not in LANGUAGES:
            raise ValueError(f"drafts are written in {', '.join(sorted(LANGUAGES))}, not in {value!r}")
        return value

    @property
    def parts(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in PARTS}


def read_template(data: Mapping[str, Any]) -> TemplateForm:
    """The template, checked. InvalidInput with `errors`: field -> sentences."""
    try:
        form = TemplateForm.model_validate(data)
    except ValidationError as error:
        found: dict[str, list[str]] = {}
        for one in error.errors():
            field = str(one["loc"][0]) if one["loc"] else ""
            field = {"class": "incident_class"}.get(field, field)
            found.setdefault(field, []).append(one["msg"].removeprefix("Value error, "))
        raise refusal(found) from None
    problems = dict(_problems(form.parts))
    if problems:
        raise refusal(problems)
    return form


def refusal(problems: Mapping[str, list[str]]) -> InvalidInput:
    field, sentences = next(iter(problems.items()))
    return InvalidInput(f"{PART_NAMES.get(field, field)}: {sentences[0]}", errors=dict(problems))


def _problems(parts: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    for name, text in parts.items():
        found = []
        if name in REQUIRED and not text.strip():
            found.append("Every reply needs this part; say at least what is not known.")
        if "\x00" in text:
            found.append("It holds a NUL character.")
        strangers = strangers_in(text)
        if strangers:
            said = ", ".join(f"{{{one}}}" for one in strangers[:5])
            found.append(f"There is no placeholder {said}. Known are: {', '.join(sorted(PLACEHOLDERS))}.")
        if found:
            yield name, found


def digest(parts: Mapping[str, str]) -> str:
    """Over the words of the parts."""
    kept = {name: parts.get(name, "") for name in PARTS}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def form_of(version: ReplyTemplateVersion) -> TemplateForm:
    """A stored version; it was checked when it was stored."""
    of = version.template
    return TemplateForm.model_construct(
        key=of.key, title=of.title, kind=Kind(of.kind), incident_class=of.incident_class, label=of.label,
        language=of.language, tone=Tone(of.tone), greeting=version.greeting, observed=version.observed,
        scope=version.scope, next_step=version.next_step, eta=version.eta, closing=version.closing,
    )  # fmt: skip


def as_file(version: ReplyTemplateVersion) -> str:
    """The template with these words as a configuration file."""
    of = version.template
    case = {
        "key": of.key, "title": of.title, "kind": str(of.kind), "class": of.incident_class, "label": of.label,
        "language": of.language, "tone": str(of.tone),
    }  # fmt: skip
    return canonical({**case, **{name: text for name, text in version.parts.items() if text or name in REQUIRED}})


def from_file(name: str, text: str) -> TemplateForm:
    """A file's template. InvalidInput names the file."""
    data = parse(name, text)
    if not isinstance(data, Mapping):
        raise InvalidInput(f"{name} is a mapping: key, title, the case and the parts.")
    try:
        form = read_template(data)
    except InvalidInput as error:
        raise InvalidInput(f"{name}: {error.detail}", **error.extra) from None
    if form.key != Path(name).stem:
        raise InvalidInput(f"{name} holds the template {form.key!r}: name the file {form.key}.yaml.")
    return form


def library_files() -> list[Path]:
    return sorted(LIBRARY.glob("*.yaml"))
