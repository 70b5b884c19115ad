"""A small knowledge base, and the people who read it."""

from __future__ import annotations

import pytest

from knowledge.entries.saving import create_entry
from knowledge.models import Entry
from tests.knowledge.entries.conftest import Cast, cast

__all__ = ["base", "cast"]

#: title, symptoms, root cause
CAUSES = (
    ("Retry storm after a client update", "Answers with 429 on GET /v2/orders.", "Client 4.2 repeats without a pause."),
    (
        "Slow exports while the nightly backup runs",
        "Exports take minutes after midnight.",
        "The backup takes the disk.",
    ),
    (
        "Webhook signature refused after a key rotation",
        "Deliveries fail with signature_invalid.",
        "The old key is used.",
    ),
    ("Invoice shows the wrong tax rate", "Tax of another country on the invoice.", "The address was changed later."),
    ("Login loops behind a proxy", "People come back to the login page.", "The proxy strips a cookie."),
    ("Search index lags behind", "New records are found hours later.", "The queue of the index is full."),
)


@pytest.fixture
def base(cast: Cast) -> list[Entry]:
    return [
        create_entry(
            {"title": title, "symptoms": symptoms, "root_cause": cause, "remediation": "Do what helps."},
            actor=cast.agent,
        )
        for title, symptoms, cause in CAUSES
    ]
