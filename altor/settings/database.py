"""Where PostgreSQL is: an address, or the embedded server that starts on first use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from altor.settings.environment import EnvironmentInvalid


def databases(url: str, home: Path) -> dict[str, dict[str, Any]]:
    """Django's DATABASES. With an empty `url` the backend starts the embedded server when a connection is opened."""
    # Of no consequence but for `altor.prepared`: all other statements are bound on this side.
    options = {"application_name": "altor", "prepare_threshold": 5}
    common: dict[str, Any] = {"CONN_HEALTH_CHECKS": True, "CONN_MAX_AGE": 600, "ATOMIC_REQUESTS": False}
    if not url:
        return {
            "default": {
                "ENGINE": "altor.embedded.backend",
                "NAME": "altor",
                "USER": "altor",
                "HOST": str(home / "pg"),
                **common,
                "OPTIONS": options,
            }
        }
    try:
        parts = conninfo_to_dict(url)
    except Exception as error:
        raise EnvironmentInvalid(f"ALTOR_DATABASE_URL is no PostgreSQL address: {error}") from None
    known = {"dbname", "user", "password", "host", "port"}
    return {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": parts.get("dbname", "altor"),
            "USER": parts.get("user", ""),
            "PASSWORD": parts.get("password", ""),
            "HOST": parts.get("host", ""),
            "PORT": str(parts.get("port", "")),
            **common,
            "OPTIONS": {key: value for key, value in parts.items() if key not in known} | options,
        }
    }
