"""The reference page of the packet's format, made from the model."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from escalations.packets import format as packet
from escalations.packets.schema import schema_document


def pages() -> dict[str, str]:
    """File name below the reference folder -> Markdown."""
    definitions = schema_document()["$defs"]
    sections = "\n\n".join(_section(name, definition) for name, definition in sorted(definitions.items()))
    return {
        "packet-format.md": f"""# The packet's format

What engineering gets with an escalation, as JSON, format {packet.FORMAT}. The JSON Schema is
[packet.schema.json](packet.schema.json); an installation serves it at `/packets/schema.json` without a login, and
`manage.py packet --schema` prints it. How to read one: [packets](../how-to/packets.md).

A packet that was sent is kept as it was and never rewritten. Fields may be added to the format; when the meaning of one
changes, `format` is raised. Times are UTC, money is in minor units, shares are 0 to 1.

## Packet

{_rows(schema_document())}

{sections}
"""
    }


def _section(name: str, definition: dict[str, Any]) -> str:
    model = getattr(packet, name, None)
    told = (model.__doc__ or "").strip() if isinstance(model, type) and model.__doc__ != BaseModel.__doc__ else ""
    return f"## {name}\n\n{told + chr(10) * 2 if told else ''}{_rows(definition)}"


def _rows(definition: dict[str, Any]) -> str:
    rows = "\n".join(
        f"| `{name}` | {_kind(field)} | {field.get('description', '')} |"
        for name, field in definition["properties"].items()
    )
    return f"| field | holds | meaning |\n| --- | --- | --- |\n{rows}"


def _kind(field: dict[str, Any]) -> str:
    if "$ref" in field:
        name = str(field["$ref"]).rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in field:
        return " or ".join(_kind(one) for one in field["anyOf"])
    if "enum" in field:
        return ", ".join(f"`{one}`" for one in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    match field.get("type"):
        case "array":
            return f"list of {_kind(field.get('items') or {})}"
        case "object":
            return "object"
        case "string" if field.get("format") == "date-time":
            return "time"
        case kind:
            return str(kind or "any value")
