"""People from the command line: the first administrator, and a way back in."""

from __future__ import annotations

import getpass
import secrets
import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from altor.audit import record_event
from altor.models import Membership, Team, User
from altor.roles import Role


class Command(BaseCommand):
    help = "Create a person or set a password. Without --password one is asked for, or made where nobody can be asked."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="Create a person")
        create.add_argument("username")
        create.add_argument("--email", required=True)
        create.add_argument("--role", choices=Role.values, default=Role.ADMIN)
        create.add_argument("--team", action="append", default=[], help="Slug of a team; repeat")
        create.add_argument("--password")
        password = actions.add_parser("password", help="Set a new password and end the person's sessions")
        password.add_argument("username")
        password.add_argument("--password")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with transaction.atomic():
                self._create(options) if options["action"] == "create" else self._password(options)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None

    def _create(self, options: dict[str, Any]) -> None:
        username, email = options["username"], options["email"]
        if User.objects.filter(username=username).exists() or User.objects.filter(email__iexact=email).exists():
            raise CommandError(f"There is a person {username!r} or one with the address {email} already.")
        validate_email(email)
        teams = list(Team.objects.filter(slug__in=options["team"]))
        missing = sorted(set(options["team"]) - {team.slug for team in teams})
        if missing:
            raise CommandError(f"There is no team {', '.join(missing)}.")
        person = User(username=username, email=email, role=options["role"], is_staff=options["role"] == Role.ADMIN)
        person.full_clean(exclude=["password"])
        self._set_password(person, options["password"])
        person.save()
        Membership.objects.bulk_create(Membership(user=person, team=team) for team in teams)
        record_event(
            actor=None, action="person.created", object_kind="person", object_ref=username, after={"role": person.role}
        )
        self.stdout.write(f"Created {username} ({person.get_role_display()}).")

    def _password(self, options: dict[str, Any]) -> None:
        person = User.objects.filter(username=options["username"]).first()
        if person is None:
            raise CommandError(f"There is no person {options['username']!r}.")
        self._set_password(person, options["password"])
        person.sessions_valid_after = timezone.now()
        person.save(update_fields=["password", "sessions_valid_after"])
        record_event(actor=None, action="person.password_set", object_kind="person", object_ref=person.username)
        self.stdout.write(f"Changed the password of {person.username}; their sessions are over.")

    def _set_password(self, person: User, given: str | None) -> None:
        if not given and sys.stdin.isatty():
            given = getpass.getpass("Password: ")
        made = not given
        password = given or secrets.token_urlsafe(12)
        validate_password(password, person)
        person.set_password(password)
        if made:
            self.stdout.write(f"Password: {password}")
