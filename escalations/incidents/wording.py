"""The words for customers: templates and the language check are an app's above, reached through INCIDENT_WORDS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from altor.registry import parts
from investigations.models import Investigation, Ticket
from investigations.replies import ReplyFinding

if TYPE_CHECKING:
    from escalations.models import Incident, IncidentUpdate

#: What a text says of when the next update comes.
NEXT_UPDATE = "{next_update}"


class IncidentWords(Protocol):
    """What the setting INCIDENT_WORDS names."""

    #: Code -> name, the first is written first.
    languages: Mapping[str, str]

    def template(self, stage: str, language: str) -> str:
        """The words of the template in force for an update's stage, or of the `notice`, with placeholders; "" where
        there is none.
        """
        ...

    def strangers(self, text: str) -> Sequence[str]:
        """What stands in braces and is no placeholder of these texts."""
        ...

    def check(self, run: Investigation | None, text: str, language: str) -> Sequence[ReplyFinding]:
        """What no customer may read, and what should be said otherwise: over a text that goes to many."""
        ...

    def fill(
        self, text: str, language: str, *, incident: Incident, next_update_at: datetime | None, ticket: Ticket | None,
        account: str, agent: str,
    ) -> str:  # fmt: skip
        """The text with its placeholders filled for one customer."""
        ...

    def language_of(self, ticket: Ticket) -> str:
        """In which of the languages its customer writes."""
        ...

    def deliver(self, update: IncidentUpdate) -> list[dict[str, str]]:
        """Make drafts of it in the linked tickets, in the caller's transaction: [{"ticket", "state", "owner"}], the
        state one of drafted, renewed, kept (a draft of the owner's own is open), nobody, resolved. Nothing is sent.
        """
        ...


def words() -> IncidentWords | None:
    """None where no app above is there to write."""
    found: tuple[IncidentWords, ...] = parts("INCIDENT_WORDS")
    return found[0] if found else None
