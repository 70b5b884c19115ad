"""OpenAPI: every operation tells its permission and the problem shape of its errors."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema as BaseSchema


class AutoSchema(BaseSchema):  # type: ignore[misc]  # drf-spectacular's class is untyped
    def get_description(self) -> str:
        text = super().get_description() or ""
        named = getattr(self.view, "required_permissions", {})
        action = getattr(self.view, "action", None) or self.method.lower()
        permission = named.get(action)
        return f"{text}\n\nPermission: `{permission}`." if permission else str(text)

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is not None:
            problem = {"content": {"application/problem+json": {"schema": PROBLEM}}}
            for code, text in (("400", "Not valid"), ("401", "Not authenticated"), ("403", "Not allowed"), ("404", "Not found"), ("429", "Too many requests")):
                operation["responses"].setdefault(code, {"description": text, **problem})
        return operation


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
    },
}
