"""The JSON Schema of packets, for those who read them with programs."""

from __future__ import annotations

import json
from typing import Any

from escalations.packets.format import Packet


def schema_document() -> dict[str, Any]:
    """Draft 2020-12, of a packet as it is written: every field is there."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Packet.model_json_schema(mode="serialization"),
    }


def schema_text() -> str:
    """As it is checked in under docs/reference/packet.schema.json."""
    return json.dumps(schema_document(), indent=2, ensure_ascii=False) + "\n"
