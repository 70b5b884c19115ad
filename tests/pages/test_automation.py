"""The automation page: rules entered, tried, moved, deleted, brought back; conflicts; the switch; a ticket's line."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from altor.models import Team, User
from investigations.automation.rules import read_rules
from investigations.models import AutomationVersion, Investigation
from investigations.services.automation import admit, decide
from investigations.services.automation_rules import rules_in_force, save_rules
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def ours() -> Team:
    return make.team("Ours", is_default=True)


@pytest.fixture
def lead(ours: Team) -> User:
    return make.user("lena", role="lead", teams=(ours,), first_name="Lena")


def as_(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def at(name: str, *args: Any) -> str:
    return reverse(f"investigations:automation{'-' if name else ''}{name}", args=args)


FORM = {
    "title": "Only paying ones", "mode": "automatic", "quota_per_hour": "5", "active": "on", "classes": ["rate_limit"],
    "class_known": "any", "tiers": "gold, silver", "tags_none": "internal", "hours": "any", "base": "0",
}  # fmt: skip


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_a_rule_is_entered_and_read_back_in_words(lead: User) -> None:
    make.playbook()
    client = as_(lead)
    answer = client.post(at("rule-new"), FORM, follow=True)
    html = text(answer)
    assert answer.redirect_chain[0][0] == at("")
    for words in ("Only paying ones", "Class is Rate limiting", "Tier is gold or silver", "at most 5 an hour"):
        assert words in html
    rule = rules_in_force().rules.rules[0]
    assert (rule.when.tiers, rule.when.tags_none, rule.quota_per_hour) == (("gold", "silver"), ("internal",), 5)
    page = text(client.get(at("rule", rule.key)))
    assert 'value="gold, silver"' in page and 'value="rate_limit"' in page
    changed = {**FORM, "mode": "suggest", "quota_per_hour": "", "base": "1", "comment": "Carefully"}
    client.post(at("rule", rule.key), changed)
    now = rules_in_force()
    assert now.rules.rules[0].mode == "suggest" and now.rules.rules[0].key == rule.key
    assert now.row is not None and (now.row.comment, now.row.created_by) == ("Carefully", lead)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"),
        ({"mode": "suggest"}, "quota_per_hour"),
        ({"quota_per_hour": "0"}, "quota_per_hour"),
        ({"hours": "now and then"}, "hours"),
        ({"classes": ["nonsense"]}, "classes"),
    ],
)
def test_a_wrong_rule_is_refused_at_its_field(lead: User, change: dict[str, Any], field: str) -> None:
    make.playbook()
    answer = as_(lead).post(at("rule-new"), {**FORM, **change})
    assert answer.status_code == 422 and f'id="id_{field}_error"' in text(answer)
    assert not AutomationVersion.objects.exists()


def test_a_rule_is_tried_on_the_last_days_before_anything_is_saved(lead: User, ours: Team) -> None:
    make.playbook()
    now = timezone.now()
    gold = make.customer(tier="gold")
    for hours in (1, 2, 3):
        make.ticket(in_team=ours, customer=gold, opened_at=now - timedelta(hours=hours), incident_class="rate_limit")
    make.ticket(in_team=ours, opened_at=now - timedelta(days=2), incident_class="latency")
    make.ticket(in_team=ours, opened_at=now - timedelta(days=15), incident_class="latency")
    client = as_(lead)
    only_watch = {**FORM, "mode": "watch", "quota_per_hour": "", "action": "try"}
    html = text(client.post(at("rule-new"), only_watch))
    assert "The last 14 days with this rule" in html and "All, by the rules in force" in html
    assert re.findall(r"<strong>([\d,]+)</strong>", html) == ["1", "0", "3", "4"], "automatic, suggested, watched, all"
    assert not AutomationVersion.objects.exists()
    assert 'value="gold, silver"' in html, "what was entered stays"
    tried = text(client.post(at("default"), {"default": "watch", "base": "0", "action": "try"}))
    assert "not saved yet" in tried and "None would have been automatic" in tried
    assert not AutomationVersion.objects.exists()


def three(lead: User) -> list[str]:
    rules = [{"key": key, "title": key.title(), "mode": "watch"} for key in ("a", "b", "c")]
    save_rules(read_rules({"rules": rules}), base=0, actor=lead)
    return ["a", "b", "c"]


def order() -> str:
    return "".join(rule.key for rule in rules_in_force().rules.rules)


def test_rules_are_moved_by_buttons(lead: User) -> None:
    three(lead)
    client = as_(lead)
    html = text(client.get(at("")))
    assert html.count('value="up"') == 2 and html.count('value="down"') == 2, "the ends have one button"
    answer = client.post(at("move", "c"), {"to": "up", "base": "1"})
    assert answer["Location"].endswith("#rule-c") and order() == "acb"
    client.post(at("move", "a"), {"to": "down", "base": "2"})
    assert order() == "cab"


def test_a_deleted_rule_comes_back_by_undo_unless_somebody_changed_more(lead: User) -> None:
    three(lead)
    client = as_(lead)
    html = text(client.post(at("delete", "b"), {"base": "1"}, follow=True))
    undo = f"{at('restore', 1)}?base=2"
    assert order() == "ac" and undo in html and "Undo" in html
    client.post(undo)
    assert order() == "abc" and rules_in_force().number == 3
    client.post(at("delete", "b"), {"base": "3"})
    client.post(at("default"), {"default": "suggest", "base": "4", "action": "save"})
    html = text(client.post(f"{at('restore', 3)}?base=4", follow=True))
    assert "came into force" in html and order() == "ac" and rules_in_force().rules.default == "suggest"


def test_two_editors_see_both_texts_and_decide(lead: User) -> None:
    make.playbook()
    three(lead)
    client = as_(lead)
    mine = {**FORM, "base": "1"}
    save_rules(
        read_rules({"rules": [{"key": "a", "title": "Theirs", "mode": "suggest"}]}), base=1,
        actor=make.user("otto", role="admin", first_name="Otto"),
    )  # fmt: skip
    answer = client.post(at("rule", "a"), mine)
    html = text(answer)
    assert answer.status_code == 409
    assert "by Otto" in html and "title: Theirs" in html and "title: Only paying ones" in html
    assert 'name="base" value="2"' in html and 'value="Only paying ones"' in html
    assert rules_in_force().number == 2
    client.post(at("rule", "a"), {**mine, "base": "2"})
    assert rules_in_force().rules.rules[0].title == "Only paying ones"
    for url, data in ((at("move", "a"), {"to": "up"}), (at("delete", "a"), {})):
        assert "came into force" in text(client.post(url, {**data, "base": "1"}, follow=True))
    answer = client.post(at("default"), {"default": "watch", "base": "1", "action": "save"})
    assert answer.status_code == 409 and rules_in_force().number == 3
    hours = {"days": ["0"], "opens": "09:00", "closes": "12:00", "base": "1"}
    assert client.post(at("hours", "installation"), hours).status_code == 409


def test_business_hours_are_set_for_the_installation_and_a_team(lead: User, ours: Team) -> None:
    client = as_(lead)
    data = {
        "timezone": "Europe/Berlin", "days": ["0", "1", "2", "3"], "opens": "08:30", "closes": "18:00", "base": "0",
        "holidays": "2026-12-25\n2026-05-01\n",
    }  # fmt: skip
    html = text(client.post(at("hours", ours.slug), data, follow=True))
    assert "Mon–Thu 08:30–18:00, 2 holidays" in html
    bad = client.post(at("hours", ours.slug), {**data, "base": "1", "holidays": "Christmas", "closes": "07:00"})
    assert bad.status_code == 422 and text(bad).count('class="al-err"') == 2
    client.post(at("hours", ours.slug), {"action": "drop", "base": "1"})
    assert rules_in_force().rules.calendars == {}
    assert client.get(at("hours", "nobody")).status_code == 404


def test_an_earlier_version_is_looked_at_and_brought_back(lead: User) -> None:
    three(lead)
    save_rules(read_rules({"default": "watch"}), base=1, actor=lead, comment="Quiet")
    client = as_(lead)
    html = text(client.get(at("version", 1)))
    assert "What bringing it back would change" in html and "key: a" in html
    assert "-default: automatic" in text(client.get(at("version", 2)))
    client.post(at("restore", 1), {"base": "2"})
    assert order() == "abc" and rules_in_force().number == 3
    assert client.get(at("version", 9)).status_code == 404
    assert client.get(at("version", 0)).status_code == 200


def test_the_kill_switch_shows_on_every_page_of_those_who_can_turn_it(lead: User, ours: Team) -> None:
    agent, admin = make.user(teams=(ours,)), make.user(role="admin")
    queued = make.run(make.ticket(in_team=ours), trigger="ticket")
    client = as_(lead)
    assert client.post(at("switch"), {"to": "off", "reason": " "}, follow=True).status_code == 200
    assert "switched off by Lena" not in text(client.get("/"))
    html = text(client.post(at("switch"), {"to": "off", "reason": "A flood", "cancel": "yes"}, follow=True))
    assert "1 queued run was cancelled" in html and "Off since" in html
    assert Investigation.objects.get(pk=queued.pk).status == "cancelled"
    for person, sees in ((lead, True), (admin, True), (agent, False)):
        assert ("switched off by Lena: A flood" in text(as_(person).get("/"))) is sees
    client.post(at("switch"), {"to": "on"})
    assert "A flood" not in text(client.get("/"))


def test_the_outer_switch_is_told_and_cannot_be_turned_here(lead: User, settings: Settings) -> None:
    settings.AUTO_INVESTIGATE = False
    html = text(as_(lead).get(at("")))
    assert "ALTOR_AUTO_INVESTIGATE=0" in html and "Off by environment" in html


@pytest.mark.parametrize("role", ["agent", "engineer", "read_only"])
def test_others_read_the_rules_and_change_nothing(role: str, lead: User, ours: Team) -> None:
    three(lead)
    client = as_(make.user(role=role, teams=(ours,)))
    html = text(client.get(at("")))
    assert "Everything" not in html and ">A<" in html and '<form method="post" action="/automation' not in html
    assert client.get(at("version", 1)).status_code == 200
    tries = [
        (at("rule-new"), FORM), (at("rule", "a"), FORM), (at("move", "a"), {"to": "up"}), (at("delete", "a"), {}),
        (at("default"), {"default": "watch"}), (at("switch"), {"to": "off", "reason": "x"}),
        (at("hours", "installation"), {}), (at("restore", 0), {"base": "1"}),
    ]  # fmt: skip
    for url, data in tries:
        assert client.post(url, data).status_code == 403, url
    assert rules_in_force().number == 1


def test_the_tickets_page_tells_the_decision_in_one_line_and_offers_the_run(lead: User, ours: Team) -> None:
    make.playbook()
    save_rules(read_rules({"rules": [{"title": "Ask first", "mode": "suggest"}]}), base=0, actor=lead)
    ticket, now = make.ticket(in_team=ours), timezone.now()
    url = reverse("investigations:ticket", args=[ticket.ref])
    client = as_(lead)
    assert "al-decision" not in text(client.get(url))
    admit(ticket, decide(ticket, now=now), now)
    html = text(client.get(url))
    line = html.partition('class="al-decision"')[2].partition("</div>")[0]
    assert "Rule “Ask first”" in line and "Investigate now" in line and "Suggest" in line
    client.post(reverse("investigations:ticket-investigate", args=[ticket.ref]))
    assert "Investigate now" not in text(client.get(url)), "while it runs there is nothing to start"
    reader = text(as_(make.user(role="read_only", teams=(ours,))).get(url))
    assert "Ask first" in reader and "Investigate now" not in reader
