"""`manage.py user`, `token` and `inbound`."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from altor.models import InboundEndpoint, InboundEvent, User
from altor.tokens import find_token
from tests.api.conftest import World

pytestmark = pytest.mark.django_db
GOOD = "correct horse battery staple"


def run(*args: str, **options: Any) -> str:
    out = StringIO()
    call_command(*args, stdout=out, **options)
    return out.getvalue()


def test_the_first_administrator_is_created_with_a_password_that_works() -> None:
    said = run("user", "create", "root", "--email", "root@altor.example")
    password = said.splitlines()[0].removeprefix("Password: ")
    root = User.objects.get(username="root")
    assert root.check_password(password)
    assert (root.role, root.is_staff) == ("admin", True)
    run("user", "password", "root", "--password", GOOD)
    root.refresh_from_db()
    assert root.check_password(GOOD)
    assert root.sessions_valid_after is not None


@pytest.mark.parametrize(
    "args",
    [
        ("create", "agent", "--email", "new@altor.example"),
        ("create", "new", "--email", "AGENT@altor.example"),
        ("create", "new", "--email", "no-address"),
        ("create", "new", "--email", "new@altor.example", "--password", "short"),
        ("create", "new", "--email", "new@altor.example", "--team", "nothing"),
        ("password", "nobody", "--password", GOOD),
    ],
)
def test_bad_people_are_refused(world: World, args: tuple[str, ...]) -> None:
    count = User.objects.count()
    with pytest.raises(CommandError):
        run("user", *args)
    assert User.objects.count() == count


def test_tokens_are_made_listed_and_revoked(world: World) -> None:
    text = run("token", "create", "agent", "--scope", "ticket.read", "--days", "3").strip()
    token = find_token(text)
    assert token is not None
    assert (token.user, token.scopes) == (world.people["agent"], ["ticket.read"])
    assert token.lookup in run("token", "list", "agent")
    assert text not in run("token", "list")
    run("token", "revoke", token.lookup)
    assert find_token(text) is None
    for wrong in (("create", "nobody"), ("create", "agent", "--scope", "user.edit"), ("revoke", "0")):
        with pytest.raises(CommandError):
            run("token", *wrong)


def test_events_are_listed_and_replayed(world: World) -> None:
    assert "dead" in run("inbound", "list", "--status", "dead")
    assert "queued" in run("inbound", "replay", str(world.dead_event.pk))
    with pytest.raises(CommandError, match="still being worked"):
        run("inbound", "replay", str(world.dead_event.pk))
    InboundEvent.objects.update(status="dead")
    assert "done" in run("inbound", "replay", "--dead", "--now")
    for wrong in ((), ("999999",)):
        with pytest.raises(CommandError):
            run("inbound", "replay", *wrong)


def test_an_endpoint_is_made_and_its_secret_shown() -> None:
    said = run("inbound", "endpoint", "generic", "kiosk", "--prefix", "DK")
    endpoint = InboundEndpoint.objects.get(connection="kiosk")
    assert said.splitlines() == ["/api/v1/hooks/generic/kiosk/", f"Secret: {endpoint.secrets}"]
