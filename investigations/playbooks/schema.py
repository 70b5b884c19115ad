"""The JSON Schema of the playbook format, for editors: every field explained, every known word completed."""

from __future__ import annotations

import json
from typing import Any

from altor.registry import parts
from investigations.playbooks import vocabulary
from investigations.playbooks.format import Playbook


def schema_document() -> dict[str, Any]:
    """Draft 2020-12. What needs the whole file (names of steps, facts) only `playbooks check` can tell."""
    schema = Playbook.model_json_schema(by_alias=True)
    kinds = schema["$defs"]["EvidenceSpec"]["properties"]["kind"]
    pattern = {key: kinds.pop(key) for key in ("type", "pattern")}
    # Own kinds are allowed beside the vocabulary: the list only completes.
    kinds["anyOf"] = [{"enum": sorted(vocabulary.EVIDENCE_KINDS)}, pattern]
    schema["$defs"]["CulpritSpec"]["properties"]["kind"]["enum"] = sorted(vocabulary.CULPRIT_KINDS)
    sources = list(parts("SOURCES"))
    step = schema["$defs"]["Step"]["properties"]
    step["source"]["examples"] = [*(source.name for source in sources), "manual"]
    step["operation"]["examples"] = sorted(
        {name for source in sources if source.name != "clickhouse" for name in source().operations()}
    )
    schema["properties"]["inputs"]["propertyNames"] = {"enum": sorted(vocabulary.INPUTS)}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def schema_text() -> str:
    """As it is checked in under docs/reference/playbook.schema.json."""
    return json.dumps(schema_document(), indent=2, ensure_ascii=False) + "\n"
