"""The reference page of the tools, made from the tools."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from altor.mcp.tools import Tool, all_tools


def pages() -> dict[str, str]:
    sections = [_section(tool) for tool in all_tools().values()]
    return {"assistant-tools.md": "\n".join(["# Tools for assistants\n", _HEAD, *sections])}


_HEAD: Final = """What `manage.py mcp` offers over the Model Context Protocol. How:
[connect an assistant](../how-to/connect-an-assistant.md). A tool is listed when the token's owner and scopes have its
permission. Answers are those of REST to the same token; texts that are longer than a tool tells are cut, with a note.
What goes wrong is an error of the tool with `code` and `detail` as over REST.
"""


def _section(tool: Tool) -> str:
    rows = "\n".join(_rows(tool.input_schema()))
    changes = "Reads only." if tool.is_read_only else "Changes something, and is in the audit log."
    texts = f"Each text has at most {tool.longest_text:,} characters."
    return f"""## `{tool.name}`

{tool.description}

{changes} Permission: `{tool.permission}`. Rate: `{tool.throttle}`. {texts}

| argument | type | meaning |
| --- | --- | --- |
{rows}
"""


def _rows(schema: dict[str, Any]) -> Iterator[str]:
    required = schema.get("required", [])
    for name, about in schema["properties"].items():
        shown = f"`{name}`" if name in required else f"`{name}` (optional)"
        yield f"| {shown} | {_kind(about, schema)} | {about.get('description', _between(about))} |"


def _kind(about: dict[str, Any], schema: dict[str, Any]) -> str:
    if "$ref" in about:
        return ", ".join(f"`{value}`" for value in schema["$defs"][about["$ref"].rpartition("/")[2]]["enum"])
    if "anyOf" in about:
        return _kind(next(one for one in about["anyOf"] if one.get("type") != "null"), schema)
    if about["type"] == "array":
        return f"list of {_kind(about['items'], schema)}"
    return str(about["type"])


def _between(about: dict[str, Any]) -> str:
    return f"{about['minimum']} to {about['maximum']}; {about['default']}" if "minimum" in about else ""
