"""Numbers that stand in addresses which are mailed."""

from __future__ import annotations

import uuid

from altor.redaction import redact_text


def fresh_nonce() -> uuid.UUID:
    """One that reads like a card number would not come through the redaction of texts that hold the link."""
    while True:
        chosen = uuid.uuid4()
        if redact_text(chosen.hex) == chosen.hex:
            return chosen
