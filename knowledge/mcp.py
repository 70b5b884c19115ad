"""What assistants may do with root-cause entries: search, read one, find those that explain a ticket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.http import Http404
from pydantic import Field

from altor.errors import InvalidInput
from altor.mcp.tools import Arguments, Tool
from altor.models import User
from knowledge.entries.content import TEXTS
from knowledge.entry_serializers import EntrySerializer, MatchInput, SearchQuery
from knowledge.models import Entry, SearchLog
from knowledge.models.entries import CONTENT, Audience, Confidence
from knowledge.quality.searches import search
from knowledge.search.answers import filters_of, match_ticket, told

#: Results of one answer: an assistant reads them all.
MOST: Final = 20
_READ: Final = "get_entry tells the whole entry."
_LIST: Final = {"type": "array", "items": {"type": "object"}}
_FOUND: Final = {
    "type": "object",
    "properties": {
        "results": {**_LIST, "description": "The best first: `entry`, `score`, `why`, `title` and `passage` in parts"},
        "mended": {"type": "object", "description": "Word as typed -> word that was looked for"},
        "by_words_only": {"type": "boolean", "description": "The model is missing: fewer are found"},
        "seconds": {"type": "number"},
    },
    "required": ["results", "mended", "by_words_only", "seconds"],
}


class SearchArguments(Arguments):
    query: str = Field(min_length=1, max_length=2000, description="Words, an error code, an identifier or a sentence")
    class_: str = Field("", alias="class", max_length=20, description="Incident class: latency, rate_limit, …")
    component: str = Field("", max_length=80, description="An affected component")
    confidence: list[Confidence] = Field([], max_length=10, description="None: all but archived entries")
    audience: Audience | None = Field(None, description="The narrowest wanted: customer gives what customers may read")
    tier: str = Field("", max_length=40, description="Tier of a customer: entries that can hit it")
    language: str = Field("", max_length=8, description="Of the entry's texts: en, de")
    limit: int = Field(10, ge=1, le=MOST)


class EntryArguments(Arguments):
    ref: str = Field(min_length=1, max_length=20, description="Reference of the entry: KB-112")


class MatchArguments(Arguments):
    text: str = Field("", max_length=100_000, description="What the ticket says")
    ticket: str = Field("", max_length=80, description="Or the reference of a ticket in Altor: ZD-48213")
    limit: int = Field(10, ge=1, le=MOST)


def _search(user: User, asked: SearchArguments) -> Mapping[str, Any]:
    if not asked.query.strip():
        raise InvalidInput("Say what is looked for.", errors={"query": ["it is empty"]})
    words = {"q": asked.query, "class": asked.class_, "audience": asked.audience or ""}
    given = SearchQuery(data={**asked.model_dump(exclude={"query", "class_", "audience"}), **words})
    given.is_valid(raise_exception=True)
    known = given.validated_data
    answer, _ = search(user, known["q"].strip(), filters_of(known), limit=known["limit"], door=SearchLog.Door.ASSISTANT)
    return told(answer)


def _entry(user: User, asked: EntryArguments) -> Mapping[str, Any]:
    found = Entry.objects.visible_to(user).with_context().by_ref(asked.ref).first()
    if found is None:
        raise Http404
    return dict(EntrySerializer(found).data)


def _match(user: User, asked: MatchArguments) -> Mapping[str, Any]:
    given = MatchInput(data=asked.model_dump())
    given.is_valid(raise_exception=True)
    return match_ticket(user, given.validated_data)


def _found_text(answer: Mapping[str, Any]) -> str:
    if not answer["results"]:
        return "Nothing was found."
    lines = [f"{typed!r} was read as {meant!r}." for typed, meant in answer["mended"].items()]
    for one in answer["results"]:
        passage = "".join(part["text"] for part in one["passage"]).strip()
        lines.append(f"{_heading(one['entry'])}\n{passage}".rstrip())
    return "\n\n".join([*lines, _READ])


def _entry_text(entry: Mapping[str, Any]) -> str:
    return "\n\n".join([_heading(entry), *_sections(entry)])


def _heading(entry: Mapping[str, Any]) -> str:
    about = [entry["incident_class"], entry["label"], entry["confidence"], f"for {entry['audience']}"]
    return f"{entry['ref']} {entry['title']}\n({', '.join(part for part in about if part)})"


def _sections(entry: Mapping[str, Any]) -> Iterator[str]:
    for name in ("components", "versions", "tiers"):
        if entry[name]:
            yield f"{CONTENT[name]}: {', '.join(entry[name])}"
    for name in TEXTS:
        if entry[name]:
            yield f"## {CONTENT[name]}\n\n{entry[name]}"


SEARCH_KNOWLEDGE: Final = Tool(
    name="search_knowledge",
    title="Search root causes",
    description=(
        "Search the company's root-cause entries: known causes of incidents with symptoms, remediation, when to "
        f"escalate and wording for customers. The best match comes first, with why it fits. {_READ}"
    ),
    arguments=SearchArguments,
    output=_FOUND,
    permission="knowledge.read",
    run=_search,
    text=_found_text,
    longest_text=2000,
)
GET_ENTRY: Final = Tool(
    name="get_entry",
    title="Read a root cause",
    description="One root-cause entry with all its texts, by its reference (KB-112).",
    arguments=EntryArguments,
    output={
        "type": "object",
        "properties": {"ref": {"type": "string"}, **{name: {"type": "string"} for name in ("title", *TEXTS)}},
        "required": ["ref", "title", *TEXTS],
    },
    permission="knowledge.read",
    run=_entry,
    text=_entry_text,
)
MATCH_TICKET: Final = Tool(
    name="match_ticket",
    title="Find root causes of a ticket",
    description=(
        "The root-cause entries that explain a whole ticket, the best first, each with why. Give the ticket's text, or "
        f"its reference. {_READ}"
    ),
    arguments=MatchArguments,
    output=_FOUND,
    permission="knowledge.read",
    run=_match,
    text=_found_text,
    longest_text=2000,
)
