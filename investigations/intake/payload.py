"""The neutral ticket shape that every door accepts: REST, command, form, webhook, helpdesk adapters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from altor.errors import InvalidInput

#: A ticket's text is cut here; nobody reads more, and a log of 40 MB belongs elsewhere.
MAX_DESCRIPTION: Final = 100_000
MAX_TAGS: Final = 50
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_SAFE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:\-]{0,63}")
_EMAIL: Final = re.compile(r"[^@\s<>\"']{1,64}@[^@\s<>\"']{1,190}")
_FUTURE: Final = timedelta(days=1)
_OLDEST: Final = datetime(2000, 1, 1, tzinfo=UTC)


def _text(value: Any) -> Any:
    """None is an empty text; control characters and lone surrogates, which no database takes, go."""
    if value is None:
        return ""
    return _CONTROL.sub("", value) if isinstance(value, str) else value


def _identifier(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Text = Annotated[str, BeforeValidator(_text)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)


class Requester(_Part):
    name: Annotated[Text, Field(max_length=200)] = ""
    email: Annotated[Text, Field(max_length=254)] = ""
    timezone: Annotated[Text, Field(max_length=60)] = ""

    @field_validator("email")
    @classmethod
    def _looks_like_an_address(cls, value: str) -> str:
        if value and not _EMAIL.fullmatch(value):
            raise ValueError("is no e-mail address")
        return value.lower()


class Organization(_Part):
    name: Annotated[Text, Field(max_length=200)] = ""
    domain: Annotated[Text, Field(max_length=253)] = ""
    external_id: Annotated[Text, BeforeValidator(_identifier), Field(max_length=120)] = ""


class TicketPayload(_Part):
    """`id` as text or number; `created_at` ISO 8601 with a zone (without one it is read as UTC)."""

    id: Annotated[str, BeforeValidator(_identifier), Field(min_length=1, max_length=64)]
    created_at: datetime | None = None
    subject: Annotated[Text, Field(max_length=5000)] = ""
    description: Annotated[Text, Field(max_length=2_000_000)] = ""
    channel: Annotated[Text, Field(max_length=40)] = ""
    priority: Annotated[Text, Field(max_length=40)] = ""
    url: Annotated[Text, Field(max_length=500)] = ""
    requester: Annotated[Requester, BeforeValidator(lambda value: value or {})] = Field(default_factory=Requester)
    organization: Annotated[Organization, BeforeValidator(lambda value: value or {})] = Field(
        default_factory=Organization
    )
    tags: Annotated[list[Annotated[Text, Field(max_length=80)]], BeforeValidator(lambda value: value or [])] = Field(
        default_factory=list, max_length=MAX_TAGS
    )

    @field_validator("id")
    @classmethod
    def _can_stand_in_an_address(cls, value: str) -> str:
        if not _SAFE_ID.fullmatch(value):
            raise ValueError("may hold letters, digits and . _ : - only, at most 64 of them")
        return value

    @field_validator("created_at", mode="before")
    @classmethod
    def _is_a_time(cls, value: Any) -> Any:
        if isinstance(value, bool | int | float):
            raise ValueError("must be text in ISO 8601, e.g. 2026-05-01T10:02:00Z")  # noqa: TRY004  # pydantic reads ValueError
        return value or None

    @field_validator("created_at")
    @classmethod
    def _is_in_our_time(cls, value: datetime | None) -> datetime | None:
        if value is None:
            return None
        value = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        if value < _OLDEST:
            raise ValueError("lies before the year 2000")
        return value

    @field_validator("url")
    @classmethod
    def _is_a_web_address(cls, value: str) -> str:
        if value and not re.match(r"https?://[^\s<>\"']+\Z", value):
            raise ValueError("must begin with https:// or http:// and hold no spaces")
        return value

    @field_validator("tags")
    @classmethod
    def _each_once(cls, value: list[str]) -> list[str]:
        return list(dict.fromkeys(tag for tag in value if tag))


@dataclass(frozen=True, slots=True)
class ReadPayload:
    ticket: TicketPayload
    #: Sentences about what was ignored or cut; the caller shows them.
    warnings: list[str] = field(default_factory=list)


#: Keys that belong to the request, not to the ticket.
ENVELOPE: Final = frozenset({"helpdesk", "connection"})


def read_payload(payload: object, *, now: datetime) -> ReadPayload:
    """Validate a ticket. InvalidInput names every wrong field; unknown fields are ignored and named in the warnings."""
    if not isinstance(payload, Mapping):
        raise InvalidInput("A ticket is a JSON object.", errors={"": ["must be an object"]})
    try:
        ticket = TicketPayload.model_validate({key: payload[key] for key in payload if key not in ENVELOPE})
    except ValidationError as error:
        problems = _problems(error)
        where = "; ".join(f"{name or 'ticket'}: {texts[0]}" for name, texts in list(problems.items())[:6])
        raise InvalidInput(f"The ticket is not valid. {where}", errors=problems) from None
    except RecursionError:
        raise InvalidInput("The ticket is nested too deeply.") from None
    warnings = [f"Unknown field {name!r} was ignored." for name in _unknown(payload)]
    updates: dict[str, Any] = {}
    if len(ticket.description) > MAX_DESCRIPTION:
        updates["description"] = ticket.description[:MAX_DESCRIPTION]
        warnings.append(f"The description was cut to {MAX_DESCRIPTION} characters.")
    if len(ticket.subject) > 500:
        updates["subject"] = ticket.subject[:500]
        warnings.append("The subject was cut to 500 characters.")
    if ticket.created_at is not None and ticket.created_at > now + _FUTURE:
        warnings.append("created_at lies in the future.")
    return ReadPayload(ticket.model_copy(update=updates), warnings)


def _problems(error: ValidationError) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for problem in error.errors(include_url=False, include_input=False, include_context=False)[:50]:
        name = ".".join(str(part) for part in problem["loc"])
        found.setdefault(name, []).append(problem["msg"].removeprefix("Value error, "))
    return found


def _unknown(payload: Mapping[Any, Any]) -> list[str]:
    names: list[str] = []
    parts: tuple[tuple[str, type[BaseModel], object], ...] = (
        ("", TicketPayload, payload),
        ("requester.", Requester, payload.get("requester")),
        ("organization.", Organization, payload.get("organization")),
    )
    for prefix, model, value in parts:
        if isinstance(value, Mapping):
            names += [
                f"{prefix}{key}"[:80]
                for key in value
                if key not in model.model_fields and not (prefix == "" and key in ENVELOPE)
            ]
    return names[:20]
