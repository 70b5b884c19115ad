"""API tokens from the command line: the first one, and those of machines."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from altor.errors import DomainError
from altor.models import ApiToken, User
from altor.roles import PERMISSIONS, role_may
from altor.tokens import create_token, revoke_token


class Command(BaseCommand):
    help = "Create, list and revoke API tokens."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="Create a token; its text is printed once")
        create.add_argument("username")
        create.add_argument("--name", default="command line")
        create.add_argument("--scope", action="append", dest="scopes", help="Repeat; default: all that the role holds")
        create.add_argument("--days", type=int, help="Days until it expires; default: never")
        listing = actions.add_parser("list", help="List tokens, never their text")
        listing.add_argument("username", nargs="?")
        revoke = actions.add_parser("revoke", help="Revoke a token at once")
        revoke.add_argument("lookup", help="The part after alt_api_ that `list` shows")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['action']}")(options)
        except DomainError as error:
            raise CommandError(error.detail) from None

    def _create(self, options: dict[str, Any]) -> None:
        user = User.objects.filter(username=options["username"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active person {options['username']!r}.")
        scopes = options["scopes"] or [name for name in PERMISSIONS if role_may(user.role, name)]
        expires = timezone.now() + timedelta(days=options["days"]) if options["days"] else None
        _, text = create_token(user=user, name=options["name"], scopes=scopes, expires_at=expires)
        self.stdout.write(text)

    def _list(self, options: dict[str, Any]) -> None:
        tokens = ApiToken.objects.select_related("user")
        if options["username"]:
            tokens = tokens.filter(user__username=options["username"])
        now = timezone.now()
        for token in tokens:
            state = (
                "revoked" if token.revoked_at else "expired" if token.expires_at and token.expires_at <= now else "live"
            )
            used = token.last_used_at.isoformat(timespec="minutes") if token.last_used_at else "never used"
            self.stdout.write(
                f"{token.lookup}  {state:8} {token.user.username}  {token.name}  {used}  {len(token.scopes)} scopes"
            )

    def _revoke(self, options: dict[str, Any]) -> None:
        token = ApiToken.objects.filter(lookup=options["lookup"]).first()
        if token is None:
            raise CommandError(f"There is no token {options['lookup']!r}.")
        revoke_token(token, actor=None)
        self.stdout.write(f"Revoked {token.name}.")
