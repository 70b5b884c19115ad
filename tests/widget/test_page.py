"""The framed page: who may frame it, what it holds, and what it leaves in the browser."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client

from altor.settings.environment import ROOT
from investigations.models import HelpdeskConnection
from tests import factories as make
from tests.widget.page import boot_of
from tests.widget.scene import HOST, frame_url, helpdesk, signed_query

pytestmark = pytest.mark.django_db
#: Compressed, of everything that the frame loads.
BUDGET = 80_000


def ancestors(policy: str) -> list[str]:
    return next(part.split()[1:] for part in policy.split("; ") if part.startswith("frame-ancestors"))


def test_only_the_connections_own_origins_may_frame_it(desk: HelpdeskConnection) -> None:
    other = helpdesk(name="other", origins=["https://a.example", "https://b.example:8443"])
    answer = Client().get(frame_url(desk))
    assert answer.status_code == 200 and "X-Frame-Options" not in answer
    policy = answer["Content-Security-Policy"]
    assert ancestors(policy) == [HOST]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy
    assert (answer["Referrer-Policy"], answer["Cache-Control"]) == ("no-referrer", "no-store")
    assert ancestors(Client().get(frame_url(other))["Content-Security-Policy"]) == other.origins
    assert boot_of(Client().get(frame_url(other)))["origins"] == other.origins


@pytest.mark.parametrize("origins", [[], ["*"], ["'self'"], ["https://a.example; script-src *"], ["https://*"]])
def test_what_is_no_origin_frames_nothing(origins: list[str]) -> None:
    answer = Client().get(frame_url(helpdesk(origins=origins)))
    assert answer.status_code == 404 and answer["X-Frame-Options"] == "DENY"
    assert ancestors(answer["Content-Security-Policy"]) == ["'none'"]
    assert "not connected" in answer.content.decode() and "boot" not in answer.content.decode()


def test_an_unknown_and_an_inactive_connection_look_alike(desk: HelpdeskConnection) -> None:
    desk.endpoint.is_active = False
    desk.endpoint.save()
    off, unknown = Client().get(frame_url(desk)), Client().get("/widget/generic/nothing/")
    assert off.status_code == unknown.status_code == 404 and off.content == unknown.content
    assert ancestors(off["Content-Security-Policy"]) == ["'none'"]


@pytest.mark.parametrize("path", ["/accounts/login/", "/", "/connections/", "/api/v1/me/", "/admin/login/"])
def test_every_other_page_stays_unframed(desk: HelpdeskConnection, path: str) -> None:
    answer = Client().get(path)
    assert answer["X-Frame-Options"] == "DENY" and ancestors(answer["Content-Security-Policy"]) == ["'none'"]


def test_no_cookie_is_read_or_set(desk: HelpdeskConnection) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make.user("admin", role="admin"))
    sessions = Session.objects.values_list("session_data", flat=True)
    before = list(sessions)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "de"
    for answer in (client.get(frame_url(desk, signed_query(desk))), client.post(frame_url(desk), {"token": "x"})):
        assert answer.status_code == 200 and not answer.cookies and "admin" not in answer.content.decode()
    assert list(sessions) == before


def test_the_page_says_nothing_by_itself(desk: HelpdeskConnection) -> None:
    boot = boot_of(Client().get(frame_url(desk, {"ticket": "48213", "theme": "dark"})))
    assert boot == {
        "helpdesk": "generic", "connection": "desk", "title": "Generic", "origins": [HOST], "ticket": "48213",
        "given": None, "refused": False,
    }  # fmt: skip
    html = Client().get(frame_url(desk, {"ticket": "</script><b>", "theme": '"><b>'})).content.decode()
    assert "<b>" not in html and "data-bs-theme" not in html
    assert 'data-bs-theme="dark"' in Client().get(frame_url(desk, {"theme": "dark"})).content.decode()


def test_other_methods_are_refused(desk: HelpdeskConnection) -> None:
    assert Client().delete(frame_url(desk)).status_code == 405


def test_everything_the_frame_loads_fits_into_its_budget(desk: HelpdeskConnection) -> None:
    static = ROOT / "altor" / "static" / "altor"
    page = Client().get(frame_url(desk)).content
    loaded = [static / name for name in ("tokens.css", "components.css", "widget.css", "widget.js", "icons.svg")]
    for file in loaded:
        assert file.name.encode() in page
    font = next(Path(static).glob("vendor/*/inter-latin-wght-normal.woff2"))
    size = sum(len(gzip.compress(file.read_bytes())) for file in loaded) + len(gzip.compress(page))
    assert size + font.stat().st_size < BUDGET
    assert b"tabler" not in page and b"htmx" not in page


def test_the_script_builds_text_and_no_markup() -> None:
    script = (ROOT / "altor" / "static" / "altor" / "widget.js").read_text()
    markup = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(")
    for banned in (*markup, "Storage", "cookie"):
        assert banned not in script, banned
