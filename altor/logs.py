"""Structured logs through structlog: one line an event, request id bound, secrets masked whatever logs them."""

from __future__ import annotations

import logging.config
import re
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

_SECRET_KEYS = re.compile(r"(?i)(secret|password|token|api_?key|authorization|cookie|signature|credential)")
_SECRET_TEXT = re.compile(
    r"(?i)\b(?:sk|rk|pk)_(?:live|test)_[0-9a-z]{8,}|\bwhsec_[0-9a-z+/=]{8,}|\bgh[pousr]_[0-9a-z]{16,}|\bgithub_pat_[0-9a-z_]{16,}"
    r"|\blin_(?:api|oauth)_[0-9a-z]{8,}|\balt_[a-z]{2,4}_[0-9a-z_-]{16,}|\bbearer\s+[0-9a-z._~+/=-]{12,}|://[^/\s:@]+:[^/\s@]+@"
)


def _mask(value: Any) -> Any:
    if isinstance(value, str):
        return _SECRET_TEXT.sub("[secret]", value)
    if isinstance(value, Mapping):
        return {key: "[secret]" if _SECRET_KEYS.search(str(key)) else _mask(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mask(item) for item in value]
    return value


def mask_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask by key name and by shape; the message itself too."""
    for key in list(event):
        event[key] = "[secret]" if _SECRET_KEYS.search(key) and key != "event" else _mask(event[key])
    return event


def configure(options: Mapping[str, str]) -> None:
    """Django's LOGGING_CONFIG: `options` = {"format": "json" | "text", "level": ...}."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.format_exc_info,
        mask_secrets,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if options["format"] == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "structured": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
                    "foreign_pre_chain": shared,
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
            "root": {"handlers": ["stderr"], "level": options["level"]},
            "loggers": {
                "django": {"level": options["level"]},
                "httpx": {"level": "WARNING"},
                "httpcore": {"level": "WARNING"},
                "mcp": {"level": "WARNING"},
                "uvicorn": {"level": "WARNING"},
                "django_q": {"level": "WARNING"},
                "django-q": {"level": "WARNING", "propagate": True},
                "django_structlog": {"level": "WARNING"},
            },
        }
    )
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
