"""`HOST` names the embedded server's home; the socket below it is what psycopg connects to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.backends.postgresql.base import DatabaseWrapper as PostgresWrapper

from altor.embedded.postgres import EmbeddedPostgres


class DatabaseWrapper(PostgresWrapper):
    def get_connection_params(self) -> dict[str, Any]:
        params = super().get_connection_params()
        server = EmbeddedPostgres(Path(str(self.settings_dict["HOST"])), getattr(settings, "EMBEDDED_POSTGRES", None))
        server.ensure()
        params["host"] = str(server.socket)
        return params
