"""Canvas Kit's rules, as JSON Schema: every component with its fields and nothing else.

Source of fields, choices and limits: the types of the npm package intercom-client 6.4.0 (MIT), which Intercom generates
from its API definition (`TextComponent`, `ButtonComponent`, `ListComponent`, `ListItem`, `SingleSelectComponent`,
`SingleSelectOption`, `TextAreaComponent`, `DividerComponent`, `SpacerComponent`, `CanvasObject`), and the canvas kit
reference at developers.intercom.com that those types cite. "Max Size is 64KB" stands at `CanvasObject.content` and
`.stored_data`; "2 to 10" options at `SingleSelectComponent.options`. A live canvas (`content_url`) is for the Messenger
only, and a spinner is not among the package's components: neither is allowed here.
"""

from __future__ import annotations

import json
from typing import Any

import jsonschema

WORDS = {"type": "string", "minLength": 1}
URL = {
    "type": "object", "additionalProperties": False, "required": ["type", "url"],
    "properties": {"type": {"const": "url"}, "url": {"type": "string", "pattern": "^https?://[^\\s]+$"}},
}  # fmt: skip
SUBMIT = {
    "type": "object", "additionalProperties": False, "required": ["type"], "properties": {"type": {"const": "submit"}}
}  # fmt: skip
ACTION = {"oneOf": [URL, SUBMIT]}


def component(name: str, required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object", "additionalProperties": False, "required": ["type", *required],
        "properties": {"type": {"const": name}, "id": WORDS, **properties},
    }  # fmt: skip


ITEM = component("item", ["id", "title"], title=WORDS, subtitle=WORDS, tertiary_text=WORDS, action=ACTION)
OPTION = component("option", ["id", "text"], text=WORDS)
COMPONENTS = [
    component("text", ["text"], text=WORDS, style={"enum": ["header", "paragraph", "muted", "error"]}),
    component(
        "button", ["id", "label", "action"], label=WORDS, action=ACTION,
        style={"enum": ["primary", "secondary", "link"]},
    ),
    component("list", ["items"], items={"type": "array", "minItems": 1, "items": ITEM}),
    component(
        "single-select", ["id", "options"], label=WORDS,
        options={"type": "array", "minItems": 2, "maxItems": 10, "items": OPTION},
    ),
    component("textarea", ["id"], label=WORDS, value={"type": "string"}, placeholder=WORDS),
    component("divider", []),
    component("spacer", [], size={"enum": ["xs", "s", "m", "l", "xl"]}),
]  # fmt: skip
CANVAS = {
    "type": "object", "additionalProperties": False, "required": ["canvas"],
    "properties": {
        "canvas": {
            "type": "object", "additionalProperties": False, "required": ["content"],
            "properties": {
                "content": {
                    "type": "object", "additionalProperties": False, "required": ["components"],
                    "properties": {"components": {"type": "array", "minItems": 1, "items": {"oneOf": COMPONENTS}}},
                },
                "stored_data": {"type": "object"},
            },
        }
    },
}  # fmt: skip


def checked(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The canvas's components, once it keeps every rule."""
    jsonschema.Draft202012Validator(CANVAS).validate(answer)
    for name in ("content", "stored_data"):
        assert len(json.dumps(answer["canvas"].get(name)).encode()) <= 64 * 1024
    components: list[dict[str, Any]] = answer["canvas"]["content"]["components"]
    ids = [each["id"] for each in components if "id" in each]
    ids += [item["id"] for each in components for item in each.get("items", [])]
    assert len(ids) == len(set(ids)), "ids must be unique"
    return components
