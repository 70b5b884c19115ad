"""OpenAPI: every operation tells its permission, its limits and the problem shape of its errors."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema as BaseSchema

_ERRORS = {
    "400": "Not valid",
    "401": "Not authenticated",
    "403": "Not allowed",
    "404": "Not found, or not visible to you",
    "405": "The address knows no such method",
    "406": "Only JSON is spoken here",
    "409": "The state has changed meanwhile",
    "413": "The body is too large",
    "415": "Only JSON is read here",
    "422": "The Idempotency-Key belongs to another request",
    "429": "Too many requests; see Retry-After",
}
_HOOK_ERRORS = ("400", "401", "404", "405", "413", "429")
_HOOK_TEXT = (
    "Events of foreign systems, signed by them (generic: Standard Webhooks). Stored before it is answered, worked "
    "afterwards; a repeated delivery does nothing."
)
_WRITES_ONLY = ("409", "413", "415", "422")
_IDEMPOTENCY = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "schema": {"type": "string", "maxLength": 200},
    "description": "The same write under the same key is carried out once, and answered the same again for 24 hours.",
}
PROBLEM = {
    "type": "object",
    "required": ["type", "code", "title", "status"],
    "properties": {
        "type": {"type": "string"},
        "code": {"type": "string", "description": "Stable; programs decide by it"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {"description": "Per field, what is wrong with it"},
    },
}


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # untyped library
    target_class = "altor.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer alt_api_…`"}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # untyped library
    target_class = "altor.api.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "altor",
            "description": "The browser's session; writes need X-CSRFToken",
        }


class AutoSchema(BaseSchema):
    def get_description(self) -> str:  # type: ignore[override]  # as drf-spectacular calls it
        text = super().get_description() or ""
        named = getattr(self.view, "required_permissions", {})
        permission = named.get(getattr(self.view, "action", None) or self.method.lower())
        return f"{text}\n\nPermission: `{permission}`.".strip() if permission else str(text)

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        writes = self.method in ("POST", "PUT", "PATCH")
        for code, text in _ERRORS.items():
            if writes or code not in _WRITES_ONLY:
                answer = {"description": text, "content": {"application/problem+json": {"schema": _PROBLEM_REF}}}
                operation["responses"].setdefault(code, answer)
        if writes:
            operation.setdefault("parameters", []).append(_IDEMPOTENCY)
        return operation


_PROBLEM_REF = {"$ref": "#/components/schemas/Problem"}


def _as_answered(field: dict[str, Any]) -> dict[str, Any]:
    """Empty texts are no URI and no e-mail address, and a field of any JSON may be null."""
    if field.get("format") in ("uri", "email"):
        return {name: value for name, value in field.items() if name != "format"}
    if field.get("oneOf") == [{}, {"type": "null"}]:
        return {name: value for name, value in field.items() if name != "oneOf"}
    return field


def complete(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Postprocessing: the problem shape, and the address of inbound events, which is no DRF view."""
    result["components"].setdefault("schemas", {})["Problem"] = PROBLEM
    problems = {"content": {"application/problem+json": {"schema": _PROBLEM_REF}}}
    for schema in result["components"]["schemas"].values():
        for name, field in schema.get("properties", {}).items():
            schema["properties"][name] = _as_answered(field)
    names = (("source", "generic, github, linear, stripe, …"), ("connection", "The endpoint's name"))
    result["paths"]["/api/v1/hooks/{source}/{connection}/"] = {
        "post": {
            "operationId": "hooks_receive",
            "tags": ["hooks"],
            "description": _HOOK_TEXT,
            "security": [{}],
            "parameters": [
                {"in": "path", "name": name, "required": True, "schema": {"type": "string"}, "description": text}
                for name, text in names
            ],
            "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
            "responses": {
                "200": {"description": "The delivery was known"},
                "202": {"description": "Stored"},
                **{
                    code: {"description": _ERRORS[code], **problems}
                    for code in ("400", "401", "404", "405", "413", "429")
                },
            },
        }
    }
    return result
