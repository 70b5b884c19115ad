"""For the setting INCIDENT_WORDS: what incidents say to customers, written and checked like replies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from escalations.models import Incident, IncidentUpdate
from investigations.models import Investigation, Ticket
from investigations.replies import ReplyFinding
from knowledge.incidents import drafts, filling
from knowledge.incidents.templates import template_of
from knowledge.replies.checks import check_for_many
from knowledge.replies.language import language_of
from knowledge.replies.wording import LANGUAGES


class Words:
    """See `escalations.incidents.wording.IncidentWords`."""

    languages: Mapping[str, str] = {code: one.name for code, one in LANGUAGES.items()}  # read only

    def template(self, stage: str, language: str) -> str:
        """Its middle: greeting and closing are each ticket's own, but for the notice, which goes to no ticket."""
        version = template_of(stage, language)
        if version is None:
            return ""
        parts = version.parts
        names = ("greeting", "observed", "scope", "next_step", "eta", "closing")
        shown = names if stage == "notice" else names[1:-1]
        return "\n\n".join(parts[name] for name in shown if parts[name].strip())

    def strangers(self, text: str) -> Sequence[str]:
        return filling.strangers(text)

    def check(self, run: Investigation | None, text: str, language: str) -> Sequence[ReplyFinding]:
        return check_for_many(run, text, language)

    def fill(
        self, text: str, language: str, *, incident: Incident, next_update_at: datetime | None, ticket: Ticket | None,
        account: str, agent: str,
    ) -> str:  # fmt: skip
        return filling.fill(
            text, language, incident=incident, next_update_at=next_update_at, ticket=ticket, account=account,
            agent=agent,
        )  # fmt: skip

    def language_of(self, ticket: Ticket) -> str:
        return language_of(f"{ticket.subject}\n{ticket.description}")

    def deliver(self, update: IncidentUpdate) -> list[dict[str, str]]:
        return drafts.deliver(update)


WORDS: Final = Words()
