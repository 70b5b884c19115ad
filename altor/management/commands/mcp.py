"""`manage.py mcp`: tools for AI assistants, over standard input and output or over HTTP."""

from __future__ import annotations

import ipaddress
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

import anyio
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connections
from rest_framework.exceptions import AuthenticationFailed

from altor.embedded.postgres import PostgresUnavailable
from altor.settings import environment

BAD_INPUT: Final = 2
NO_DATABASE: Final = 3


class Command(BaseCommand):
    help = "Let AI assistants search knowledge and read or start investigations, under an API token."
    requires_system_checks = []  # an assistant waits for the start; `up` and the deployment check look at settings

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        # `--token alt_…`, taken for the beginning of --token-file, would end in a message that shows the token.
        return super().create_parser(prog_name, subcommand, allow_abbrev=False, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--token-file", type=Path, help="file that holds the API token; else ALTOR_TOKEN does. Not for --http"
        )
        parser.add_argument("--http", action="store_true", help="serve over HTTP; each request brings its own token")
        parser.add_argument("--host", default="127.0.0.1", help="address to listen at with --http")
        parser.add_argument("--port", type=int, default=8765, help="port to listen at with --http")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["http"]:
                self._http(options["host"], options["port"])
            else:
                self._stdio(options["token_file"])
        except (OperationalError, PostgresUnavailable) as error:
            reason = str(error).strip().splitlines()[0]
            raise CommandError(f"The database cannot be used: {reason}", returncode=NO_DATABASE) from None

    def _stdio(self, file: Path | None) -> None:
        # Imported late, as the others below: it is a second's work, and every other command is spared it.
        from altor.mcp.calling import token_of

        token = _token(file)
        # Programs that this one starts (the embedded database) have no business with it.
        os.environ.pop("ALTOR_TOKEN", None)
        try:
            token_of(token)
        except AuthenticationFailed as error:
            raise CommandError(str(error.detail), returncode=BAD_INPUT) from None
        finally:
            connections.close_all()
        from altor.mcp.stdio import serve

        anyio.run(serve, token)

    def _http(self, host: str, port: int) -> None:
        from altor.mcp.gate import PATH
        from altor.mcp.http import listening, serve, until_told

        if not 0 <= port < 65536:
            raise CommandError(f"There is no port {port}.", returncode=BAD_INPUT)
        try:
            listener = listening(host, port)
        except OSError as error:
            reason = error.strerror or str(error)
            raise CommandError(f"Port {port} on {host}: {reason}.", returncode=BAD_INPUT) from None
        shown = f"[{host}]" if ":" in host else host
        self.stderr.write(f"Assistants reach Altor at http://{shown}:{listener.getsockname()[1]}{PATH}")
        if not _is_loopback(host):
            self.stderr.write(
                "It speaks plain HTTP: tokens can be read on the way unless a proxy with TLS is in front."
            )

        async def until_stopped() -> None:
            stopped = anyio.Event()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(until_told, stopped)
                await serve(listener, settings.ALLOWED_HOSTS, stopped)
                tasks.cancel_scope.cancel()

        anyio.run(until_stopped)


def _token(file: Path | None) -> str:
    """Never an argument: those show in the list of processes."""
    if file is not None and file.name.startswith("alt_"):
        raise CommandError("--token-file takes the path of a file that holds the token.", returncode=BAD_INPUT)
    if file is not None:
        try:
            found = file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise CommandError(f"The token cannot be read from {file}: {reason}.", returncode=BAD_INPUT) from None
    else:
        found = environment.text("ALTOR_TOKEN")
    if not found:
        where = f"{file} is empty" if file else "ALTOR_TOKEN is not set"
        raise CommandError(f"{where}. `manage.py token create` makes an API token.", returncode=BAD_INPUT)
    if not (found.isascii() and found.isprintable()):
        raise CommandError("What should be an API token is none.", returncode=BAD_INPUT)
    return found


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
