"""`manage.py investigate TICKET.json`: one investigation in the foreground, for people, scripts and benchmarks.

The contract (arguments, exit codes, the JSON object) is stable: see docs/reference/commands.md.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Final

from django.core.management.base import BaseCommand
from django.db import transaction
from django.db.utils import DatabaseError

from altor.embedded.postgres import PostgresUnavailable
from altor.errors import DomainError
from investigations.diagnosis.types import StepOutcome
from investigations.models import Investigation, Ticket
from investigations.profile import Profile

DIFFERS: Final = 1
BAD_INPUT: Final = 2
RUN_FAILED: Final = 3
INTERRUPTED: Final = 130
#: Who types the command has the answer after this time, loading the program included; a run gets at least LEAST_RUN_S.
ANSWER_WITHIN_S: Final = 9.0
LEAST_RUN_S: Final = 5.0


class _Stop(Exception):
    """End the command: exit code and one line for people."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Command(BaseCommand):
    help = "Investigate a ticket now, in this process, and print the diagnosis."
    requires_system_checks = []  # a start takes no longer than it must

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("ticket", metavar="TICKET.json", nargs="?", help="the ticket; - reads standard input")
        parser.add_argument("--installation", type=Path, help="profile (JSON or YAML) for this run only")
        parser.add_argument(
            "--as-of", metavar="ISO8601", help="the run's clock; NOW or absent: the profile's `now`, else the present"
        )
        parser.add_argument("--playbook", metavar="KEY", help="take this playbook instead of the one the class has")
        parser.add_argument(
            "--replay",
            metavar="INV-7",
            help="weigh a finished run anew from what it has stored and compare; exit code 1 when the result differs",
        )
        parser.add_argument("--format", choices=("text", "json"), default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            document = self._replay(options) if options["replay"] else self._investigate(options)
        except _Stop as stop:
            self.stderr.write(f"investigate: {stop}")
            sys.exit(stop.code)
        except DomainError as error:
            self.stderr.write(f"investigate: {error.detail}")
            sys.exit(BAD_INPUT)
        except (PostgresUnavailable, DatabaseError) as error:
            self.stderr.write(f"investigate: the database cannot be used: {str(error).strip().splitlines()[0]}")
            sys.exit(RUN_FAILED)
        if options["format"] == "json":
            self.stdout.write(json.dumps(document, ensure_ascii=False))
        else:
            from investigations.services.present import as_text
            from investigations.services.replays import replay_text

            self.stdout.write(replay_text(document) if options["replay"] else as_text(document))
        if options["replay"] and not document["same"]:
            sys.exit(DIFFERS)

    def _replay(self, options: dict[str, Any]) -> dict[str, Any]:
        from investigations.services.replays import replay_of

        if options["ticket"] or options["installation"] or options["as_of"] or options["playbook"]:
            raise _Stop(BAD_INPUT, "--replay takes ticket, clock, profile and playbook from the run")
        run = Investigation.objects.by_ref(options["replay"].upper()).with_context().first()
        if run is None:
            raise _Stop(BAD_INPUT, f"there is no run {options['replay']}")
        return replay_of(run)

    def _investigate(self, options: dict[str, Any]) -> dict[str, Any]:
        if options["ticket"] is None:
            raise _Stop(BAD_INPUT, "which ticket? Give TICKET.json, - for standard input, or --replay INV-7")
        payload = _read_json(options["ticket"])
        profile = self._profile(options["installation"])
        as_of = _clock(options["as_of"], profile)
        self._prepare()
        # Imported late: a mistake in the input is answered before anything heavy is loaded.
        from investigations.engine.lease import park
        from investigations.engine.warm import warm
        from investigations.engine.work import work_on
        from investigations.services.present import investigation_document
        from investigations.services.runs import cancel_investigation, start_investigation

        ticket = self._ticket(payload, profile, as_of)
        with transaction.atomic():
            self._free(ticket)
            run = start_investigation(
                ticket=ticket,
                trigger="command",
                as_of=as_of,
                playbook_key=options["playbook"],
                profile=profile,
                queue=False,
            )
        progress = _Progress(self.stderr) if options["verbosity"] > 0 else None
        try:
            warm()
            left = max(ANSWER_WITHIN_S - _seconds_since_start(), LEAST_RUN_S)
            work_on(run.pk, profile=profile, progress=progress, watched=False, limit_s=left)
        except KeyboardInterrupt:
            cancel_investigation(run)
            raise _Stop(INTERRUPTED, f"{run.ref} was cancelled") from None
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            run.refresh_from_db()
            # Nobody goes on with it: the caller has the answer that it failed.
            park(run, reason[:1000])
            raise _Stop(RUN_FAILED, f"{run.ref} failed: {reason}") from error
        run = Investigation.objects.with_context().get(pk=run.pk)
        if run.status != Investigation.Status.DONE:
            raise _Stop(RUN_FAILED, f"{run.ref} ended as {run.status}: {run.failure or 'no reason was given'}")
        return investigation_document(run)

    def _profile(self, file: Path | None) -> Profile | None:
        if file is None:
            return None
        from investigations.services.profiles import read_profile

        text = _text(str(file))
        data = _yaml(text, str(file)) if file.suffix in (".yaml", ".yml") else _json(text, str(file))
        profile, unknown = read_profile(data, strict=False)
        for key in unknown:
            self.stderr.write(f"investigate: the profile holds a key that is not known and was left out: {key}")
        return profile

    def _prepare(self) -> None:
        """The database as this version of Altor needs it: reached, migrated, with the shipped playbooks."""
        from altor.migrating import migrate

        migrate()
        from investigations.services.playbooks import ensure_library

        ensure_library()

    def _ticket(self, payload: Any, profile: Profile | None, as_of: datetime) -> Ticket:
        from investigations.services.tickets import decide_again, upsert_ticket
        from investigations.services.visiting import visiting

        if not isinstance(payload, dict):
            raise _Stop(BAD_INPUT, "the ticket is not a JSON object")
        now = max(as_of, datetime.now(UTC))
        with transaction.atomic(), visiting(profile.customers if profile else []) as keep:
            ticket, created = upsert_ticket(payload, now=now)
            ticket = ticket if created else decide_again(ticket, now=now)
            keep.add(ticket.customer_id)
        return ticket

    @staticmethod
    def _free(ticket: Ticket) -> None:
        """An unfinished run of an earlier command that was killed must not block this one; one that lives keeps it."""
        from investigations.services.runs import cancel_investigation

        for run in Investigation.objects.filter(ticket=ticket, trigger="command").unfinished():
            if not _is_worked_on(run):
                cancel_investigation(run)


def _is_worked_on(run: Investigation) -> bool:
    """Whether the command that began the run still lives: it gave a sign of life just now, and its process exists."""
    from investigations.engine.lease import SILENCE

    if datetime.now(UTC) - (run.heartbeat_at or run.queued_at) > SILENCE:
        return False
    host, _, pid = run.lease_owner.rpartition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's process lives
    return True


def _read_json(source: str) -> Any:
    return _json(_text(source), "standard input" if source == "-" else source)


def _text(source: str) -> str:
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        return data.decode()
    except OSError as error:
        raise _Stop(BAD_INPUT, f"{source} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise _Stop(BAD_INPUT, f"{source} is not UTF-8 text") from None


def _yaml(text: str, name: str) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return YAML(typ="safe").load(text)
    except YAMLError as error:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        where = f" in line {mark.line + 1}" if mark else ""
        raise _Stop(BAD_INPUT, f"{name} is not YAML{where}") from None


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise _Stop(BAD_INPUT, f"{name} is not JSON: {error.msg} in line {error.lineno}") from None
    except RecursionError:
        raise _Stop(BAD_INPUT, f"{name} is nested too deeply") from None


def _clock(text: str | None, profile: Profile | None) -> datetime:
    if text is None or text.upper() == "NOW":
        return profile.now if profile and profile.now else datetime.now(UTC)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise _Stop(BAD_INPUT, f"--as-of {text!r} is not a time such as 2026-05-01T10:02:00Z") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _seconds_since_start() -> float:
    """The age of this process; 0 where the system does not tell it."""
    try:
        started = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(started) / os.sysconf("SC_CLK_TCK")


class _Progress:
    """One line on standard error per step: started, then how it ended."""

    _MARKS: ClassVar[dict[str, str]] = {"normal": "ok", "abnormal": "!!", "inconclusive": "? ", "": "  "}

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.begun = time.monotonic()

    def __call__(self, step_id: str, outcome: StepOutcome | None) -> None:
        if outcome is not None:
            mark = "--" if outcome.status == "unavailable" else self._MARKS[outcome.verdict]
            self.stream.write(f"  {time.monotonic() - self.begun:5.2f} s  {mark} {step_id:<14} {outcome.result}")
