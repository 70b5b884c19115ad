"""People of each role and an entry with every part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from altor.models import Team, User
from knowledge.entries.saving import create_entry
from knowledge.models import Entry
from tests import factories as make

#: A detection query over the shipped views.
DETECTION: dict[str, Any] = {
    "source": "clickhouse",
    "query": ("SELECT route, count() AS n, countIf(status = 429) AS refused FROM requests GROUP BY route"),
    "measure": {},
    "facts": {"share": "found.row_count > 0.0 ? 1.0 : 0.0"},
    "fires": "found.share > 0.5",
    "says": "A share of {found.share|percent} is refused",
}
WORDS: dict[str, Any] = {
    "title": "Retry storm after a client update",
    "incident_class": "rate_limit",
    "label": "rl.retry_storm",
    "symptoms": "Answers with **429** on `GET /v2/orders` since an update of the client.",
    "root_cause": "Client 4.2 repeats without a pause.",
    "detection": DETECTION,
    "remediation": "Ask for client 4.2.1, which pauses between tries.",
    "escalation_criteria": "When another client shows the same.",
    "customer_wording": "Requests were refused because they came faster than your plan allows.",
    "components": ["orders API"],
    "versions": ["4.2.0"],
    "tiers": ["enterprise"],
}


@dataclass
class Cast:
    team: Team
    elsewhere: Team
    admin: User
    lead: User
    agent: User
    colleague: User
    engineer: User
    reader: User
    outsider: User

    def entry(self, *, by: User | None = None, team: Team | None = None, **words: Any) -> Entry:
        return create_entry({**WORDS, **words}, actor=by or self.agent, team=team)


@pytest.fixture
def cast(db: None) -> Cast:
    team, elsewhere = make.team("Support", is_default=True), make.team("Elsewhere")
    return Cast(
        team=team,
        elsewhere=elsewhere,
        admin=make.user("ada", role="admin"),
        lead=make.user("lena", role="lead", teams=(team,)),
        agent=make.user("priya", teams=(team,)),
        colleague=make.user("jonas", teams=(team,)),
        engineer=make.user("eric", role="engineer", teams=(team,)),
        reader=make.user("rosa", role="read_only", teams=(team,)),
        outsider=make.user("otto", teams=(elsewhere,)),
    )
