"""Every page for every role."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoDbBlocker

from escalations.oncall import now
from tests.pages import scene as scenes

pytestmark = pytest.mark.django_db

#: Pages that need a permission beyond reading; the roles that hold it.
_NOT_READERS = {"admin", "lead", "agent", "engineer", "outsider"}
_LEADS, _ADMINS = {"admin", "lead"}, {"admin"}
_DECLARERS = {"admin", "lead", "engineer"}
_REPLIERS = {"admin", "lead", "agent", "outsider"}
ONLY = {
    **dict.fromkeys(("connections", "linear", "profile", "inbound", "inbound-event"), _LEADS),
    **dict.fromkeys(
        ("outbound", "outbound-filtered", "outbound-endpoint", "outbound-disabled", "outbound-delivery"), _LEADS
    ),
    "outbound-new": _ADMINS,
    "recovery-confidence": _REPLIERS,
    "reviews": {"admin", "lead", "agent", "read_only", "outsider"},
    "review": {"admin", "lead", "agent", "read_only", "outsider"},
    **dict.fromkeys(("notices", "notices-filtered", "notice-channel", "notice-channel-new"), _LEADS),
    **dict.fromkeys(
        (
            "customer-new",
            "playbook-edit",
            "playbook-new",
            "playbook-draft",
            "playbook-publish",
            "playbook-publish-nothing",
        ),
        _LEADS,
    ),
    **dict.fromkeys(("reply-template-edit", "reply-template-new"), _LEADS),
    **dict.fromkeys(("sla-policy-edit", "sla-policy-new"), _LEADS),
    **dict.fromkeys(("reply", "reply-hostile"), _REPLIERS),
    **dict.fromkeys(
        ("connection", "linear-edit", "people", "person", "person-new", "team", "team-new", "audit"), _ADMINS
    ),
    "escalate": _REPLIERS,
    **dict.fromkeys(("contract-edit", "contract-new"), _LEADS),
    "ticket-new": {"admin", "lead", "agent", "outsider"},
    **dict.fromkeys(("practice", "practice-case", "practice-try"), _NOT_READERS),
    **dict.fromkeys(("automation-rule", "automation-rule-new", "automation-hours"), _LEADS),
    **dict.fromkeys(("on-call-new", "on-call-import", "rotation-edit"), _LEADS),
    **dict.fromkeys(("on-call-swaps", "rotation-override", "rotation-swap"), _NOT_READERS),
    **dict.fromkeys(("helpdesks", "helpdesk", "helpdesk-off"), _LEADS),
    "handoff-today": _REPLIERS,
    **dict.fromkeys(("entry-edit", "entry-edit-hostile", "entry-new"), _NOT_READERS),
    **dict.fromkeys(("knowledge-quality", "knowledge-quality-tickets"), _DECLARERS),
    **dict.fromkeys(("incident-declare", "incident-update"), _DECLARERS),
    "handoff-settings": _LEADS,
    **dict.fromkeys(("helpdesk-edit", "helpdesk-new"), _ADMINS),
}
#: Pages of one ticket: not found for people outside its team, and for engineers it is not assigned to.
OF_A_TICKET = {
    "recovery-confidence",
    "review",
    "run-done",
    "run-again",
    "run-running",
    "run-failed",
    "run-hostile",
    "compare",
    "evidence",
    "evidence-hostile",
    "packet",
    "packet-markdown",
    "packet-print",
    "packet-running",
    "packet-hostile",
    "packet-print-hostile",
    "ticket",
    "ticket-empty",
    "ticket-hostile",
    "dry-run",
    "backtest",
    "practice-case",
    "practice-try",
    "reply",
    "reply-hostile",
    "reply-sent",
    "escalate",
    "ownership",
    "ownership-hostile",
    "handoff",
    "handoff-signed",
    "handoff-closed",
    "incident-panel",
    "known",
    "recognition-recognised",
    "recognition-unknown",
}
#: Pages of an escalation: not found for people outside its tickets' teams. These reached all engineers.
OF_AN_ESCALATION = {
    "escalation",
    "escalation-returned",
    "escalation-resolved",
    "recovery",
    "escalation-packet",
    "escalation-packet-text",
    "escalation-time",
    "question",
    "question-answered",
    "question-time",
    "questions-ticket",
    "incident-of-escalation",
}
#: Pages of an incident: those of its tickets, and who may declare one in its team.
OF_AN_INCIDENT = {"incident", "incident-closed", "incident-update", "incident-customers", "incident-review"}

#: Pages of an entry that one team keeps to itself.
OF_A_TEAMS_ENTRY = {"entry-hostile", "entry-history-hostile", "entry-edit-hostile"}
#: Another view of a page that is in the list.
SAME_TITLE = {
    "knowledge-filtered",
    "knowledge-nothing",
    "runs-filtered",
    "playbook-file",
    "outbound-filtered",
    "notices-filtered",
    "queue-filtered",
    "escalations-filtered",
    "escalation-packet-text",
    "interruptions-nothing",
}


@dataclass(frozen=True)
class Seen:
    """One walk of the administrator over all pages, each asked for once."""

    #: Name of the page -> what was answered to its address itself.
    first: dict[str, HttpResponse]
    #: The same, where a redirect led.
    last: dict[str, HttpResponse]
    #: Model -> rows, before and after the walk.
    rows: tuple[dict[str, int], dict[str, int]]


@pytest.fixture(scope="module")
def seen(_built: scenes.Scene, django_db_blocker: DjangoDbBlocker) -> Iterator[Seen]:
    with django_db_blocker.unblock(), transaction.atomic():
        client = Client()
        client.force_login(_built.admin)
        first, last = {}, {}
        pages, before = scenes.pages(_built), _rows()
        for name, url in pages.items():
            first[name] = last[name] = client.get(url)
            if first[name].status_code == 302:
                last[name] = client.get(url, follow=True)
        yield Seen(first, last, (before, _rows()))
        transaction.set_rollback(True)


def _rows() -> dict[str, int]:
    models = [model for model in apps.get_models() if model._meta.managed and model is not Session]
    return {model._meta.label: model._default_manager.count() for model in models}


def _expected(name: str, role: str) -> int:
    if role not in ONLY.get(name, {role}):
        return 403
    if name in OF_AN_ESCALATION | OF_AN_INCIDENT | OF_A_TEAMS_ENTRY and role == "outsider":
        return 404
    return 404 if name == "not-found" or (name in OF_A_TICKET and role in ("engineer", "outsider")) else 200


ROLES: Final = ("lead", "agent", "engineer", "read_only", "outsider")


def _walk(client: Client, scene: scenes.Scene, role: str, *, whole: bool) -> None:
    client.force_login(scene.people[role])
    # "second-factor-app" asks for the password again first.
    pages = {name: url for name, url in scenes.pages(scene).items() if name != "second-factor-app"}
    if not whole:
        turn = ROLES.index(role)
        pages = {
            name: url
            for place, (name, url) in enumerate(pages.items())
            if _expected(name, role) != 200 or place % len(ROLES) == turn
        }
    found = {name: client.get(url).status_code for name, url in pages.items()}
    assert found == {name: _expected(name, role) for name in pages}


@pytest.mark.parametrize("role", ROLES)
def test_no_role_sees_a_page_of_others(client: Client, scene: scenes.Scene, role: str) -> None:
    """All that is refused, and of what they see a part each: the whole walk takes long."""
    _walk(client, scene, role, whole=False)


@pytest.mark.slow
@pytest.mark.parametrize("role", ["agent", "outsider"])
def test_each_role_sees_its_pages_and_no_others(client: Client, scene: scenes.Scene, role: str) -> None:
    _walk(client, scene, role, whole=True)


def test_an_administrator_sees_all_pages(seen: Seen) -> None:
    found = {name: answer.status_code for name, answer in seen.first.items() if name != "second-factor-app"}
    assert found == {name: _expected(name, "admin") for name in found}


def test_guests_are_sent_to_the_login(client: Client, scene: scenes.Scene) -> None:
    for name, url in scenes.pages(scene).items():
        if name == "not-found":
            continue
        answer = client.get(url)
        assert answer.status_code == 302 and reverse("account_login") in answer["Location"], name


def test_every_page_has_one_heading_a_title_of_its_own_and_the_headers(seen: Seen) -> None:
    titles: dict[str, str] = {}
    for name, answer in seen.last.items():
        html = answer.content.decode()
        assert len(re.findall(r"<h1[ >]", html)) == 1, name
        title = re.search(r"<title>(.*?)</title>", html, re.S)
        assert title is not None and title[1].endswith("· Altor") and len(title[1]) > 10, name
        if name not in SAME_TITLE:
            assert title[1] not in titles, (name, titles.get(title[1]))
        titles[title[1]] = name
        assert (
            "script-src 'self'" in answer["Content-Security-Policy"]
            and "unsafe" not in answer["Content-Security-Policy"]
        ), name
        assert answer["X-Frame-Options"] == "DENY" and answer["X-Content-Type-Options"] == "nosniff", name
        assert answer["Referrer-Policy"] == "same-origin", name


def test_hostile_text_leaves_inert(seen: Seen) -> None:
    for name, answer in seen.last.items():
        html = answer.content.decode()
        assert "<script>window" not in html and "<img src=x" not in html and "<svg onload" not in html, name
        assert not re.search(r"""(href|src|action)\s*=\s*["']?\s*javascript:""", html), name
        assert "49" not in re.findall(r"\{\{ 7\*7 \}\}", html), name


#: Who is on call and how many incidents are open stand on every page, for one query each.
_HEADER = 2


# Of each, one query is for what leads and administrators must know on every page, and one for each count of the rail.
@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("today", 18),
        ("runs", 12),
        ("tickets", 9),
        ("run-done", 22),
        ("ticket", 20),
        ("connections", 11),
        ("linear", 9),
        ("automation", 17),
        ("helpdesks", 11),
        ("helpdesk", 12),
        ("playbooks", 11),
        ("people", 11),
        ("audit", 8),
        ("dry-run", 13),
        ("practice", 13),
        ("practice-case", 13),
        ("backtest", 13),
        ("metrics", 17),
        ("metrics-tickets", 15),
        ("reviews", 14),
        ("review", 18),
        ("metrics-diagnosis", 13),
        ("outbound", 9),
        ("outbound-endpoint", 9),
        ("outbound-delivery", 9),
        ("notices", 9),
        ("notice-channel", 10),
        ("notice-preferences", 10),
        ("reply", 35),
        ("reply-sent", 10),
        ("reply-templates", 9),
        ("reply-template", 10),
        ("promised", 9),
        ("on-call", 16),
        ("rotation", 21),
        ("rotation-edit", 13),
        ("on-call-swaps", 10),
        ("on-call-feeds", 10),
        ("queue", 11),
        ("handoffs", 12),
        ("handoff", 12),
        ("handoff-signed", 12),
        ("handoff-settings", 12),
        ("incidents", 10),
        ("incident", 24),
        ("incident-customers", 16),
        ("incident-review", 16),
        ("ownership", 17),
        ("sla-policies", 17),
        ("sla-policy", 9),
    ],
)
def test_query_counts_do_not_grow(
    client: Client, scene: scenes.Scene, django_assert_max_num_queries, monkeypatch, name: str, most: int
) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(now, "_kept", None)  # kept for a minute: it must not end between the two calls
    client.force_login(scene.admin)
    url = scenes.pages(scene)[name]
    client.get(url)  # session and templates are warm
    with django_assert_max_num_queries(most + _HEADER):
        assert client.get(url).status_code == 200


def test_a_head_is_answered_like_a_get(client: Client, scene: scenes.Scene, seen: Seen) -> None:
    """Monitors and link checkers ask with HEAD."""
    client.force_login(scene.admin)
    for name, url in scenes.pages(scene).items():
        assert client.head(url).status_code == seen.first[name].status_code, name


def test_a_get_changes_nothing(seen: Seen) -> None:
    """A crawl over all pages leaves every count as it was: links never write."""
    before, after = seen.rows
    assert before == after


def test_every_page_is_guarded() -> None:
    """A view without a guard would be open to everybody: each route of ours names its permission, or fails here."""
    from django.urls import URLPattern, URLResolver, get_resolver

    ours = (
        "altor.views.", "investigations.views.", "escalations.views.", "escalations.linear.views", "knowledge.views.",
        "metrics.views.",
    )  # fmt: skip
    open_views = []

    def walk(patterns: list[URLPattern | URLResolver]) -> None:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                walk(pattern.url_patterns)
            elif pattern.callback.__module__.startswith(ours) and not hasattr(_inner(pattern.callback), "permission"):
                open_views.append(pattern.callback.__qualname__)

    walk(get_resolver().url_patterns)
    # The playbook format's schema: editors cannot log in. The sidebar's frame and Intercom's canvas: they hold
    # nothing without a start that the helpdesk signed, or a token. A calendar's feed, an escalation and a question as
    # an engineer without an account sees them, the one question to a customer: their addresses are signed. The schema
    # of packets tells nothing of the installation.
    assert sorted(open_views) == ["by_link", "by_link", "by_link", "calendar", "frame", "schema", "schema", "show"]


def _inner(view: object) -> object:
    """The guarded function below decorators that restrict methods."""
    while not hasattr(view, "permission") and hasattr(view, "__wrapped__"):
        view = view.__wrapped__
    return view


def test_views_reach_rows_only_through_named_reads() -> None:
    """Tickets and runs are reached by `visible_to`; `.objects.all()` and `.objects.get(` would pass it by."""
    from django.conf import settings

    for path in [
        *(settings.BASE_DIR / "investigations/views").glob("*.py"),
        *(settings.BASE_DIR / "escalations/views").glob("*.py"),
        *(settings.BASE_DIR / "knowledge/views").glob("*.py"),
        settings.BASE_DIR / "investigations/search.py",
    ]:
        text = path.read_text()
        assert not re.search(r"(Ticket|Investigation)\.objects\.(?!visible_to)", text), path.name
        assert ".objects.get(" not in text, path.name


def test_a_run_tells_why_it_has_its_playbook(client: Client, scene: scenes.Scene) -> None:
    client.force_login(scene.admin)
    html = client.get(scenes.pages(scene)["run-done"]).content.decode()
    assert "Why this playbook: it began with latency" in html and "are rejected with 429</li>" in html
