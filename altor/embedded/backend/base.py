"""`HOST` names the embedded server's home; the socket below it is what psycopg connects to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.backends.postgresql.base import DatabaseWrapper as PostgresWrapper
from django.db.backends.postgresql.client import DatabaseClient as PostgresClient

from altor.embedded.postgres import EmbeddedPostgres


def server(home: str) -> EmbeddedPostgres:
    return EmbeddedPostgres(Path(home), getattr(settings, "EMBEDDED_POSTGRES", None))


class DatabaseClient(PostgresClient):
    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Any
    ) -> tuple[list[str], dict[str, str] | None]:
        embedded = server(str(settings_dict["HOST"]))
        embedded.ensure()
        arguments, environment = super().settings_to_cmd_args_env(
            {**settings_dict, "HOST": str(embedded.socket), "OPTIONS": {}}, parameters
        )
        return [embedded.tool("psql"), *list(arguments)[1:]], environment


class DatabaseWrapper(PostgresWrapper):
    client_class = DatabaseClient

    def get_connection_params(self) -> dict[str, Any]:
        """psycopg's parameters. Called for each new connection, so this is where the server starts on first use."""
        params = super().get_connection_params()
        embedded = server(str(self.settings_dict["HOST"]))
        embedded.ensure()
        params["host"] = str(embedded.socket)
        return params
