"""The weekly review: what is proposed and why, how it is held and closed, what returns, and whether a change worked."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from altor.audit import record_event
from altor.errors import Conflict, InvalidInput, NotFound, PermissionRefused
from altor.models import Notice, Team, User
from escalations.lifecycle.acting import Doer, judge
from escalations.lifecycle.sending import Wish, send
from investigations.models import Ticket
from metrics.models import Cycle, Review, ReviewAction, ReviewItem
from metrics.phases.keeping import compute
from metrics.review import holding
from metrics.review.effects import effects
from metrics.review.minutes import as_markdown
from metrics.review.proposing import MOST, propose
from tests import factories as make

pytestmark = pytest.mark.django_db
Kind = ReviewItem.Kind
WEEK = date(2026, 5, 4)
NOW = datetime(2026, 5, 11, 9, 0, tzinfo=UTC)


@pytest.fixture
def team() -> Team:
    return make.team("Support", is_default=True)


@pytest.fixture
def lead(team: Team) -> User:
    return make.user("lena", role="lead", teams=(team,), first_name="Lena", last_name="Lead")


@pytest.fixture
def ana(team: Team) -> User:
    return make.user("ana", teams=(team,), first_name="Ana", last_name="Reyes")


def closing(team: Team, week: date = WEEK, **values: Any) -> Cycle:
    """A cycle that was closed on the Wednesday of a week; nothing about it stands out."""
    ticket = make.ticket(in_team=team, incident_class="billing")
    closed = datetime(week.year, week.month, week.day, 10, tzinfo=UTC) + timedelta(days=2)
    zero = {
        field.name: 0
        for field in Cycle._meta.concrete_fields
        if field.get_internal_type() in ("IntegerField", "PositiveIntegerField", "PositiveSmallIntegerField")
        and not field.null
    }
    made = {
        "number": 1, "begun_at": closed - timedelta(hours=1), "closed_at": closed, "begun_week": week, "week": week,
        "incident_class": "billing", "early_reply": False, "partial": False, "asked": False, "runs": 1,
        "investigation_s": 600, "elapsed_s": 3600, "confidence": 0.9, "label": "bill.proration",
    }  # fmt: skip
    return Cycle.objects.create(ticket=ticket, team=team, **{**zero, **made, **values})


def usual(team: Team) -> None:
    for weeks in range(1, 6):
        for _ in range(2):
            closing(team, WEEK - timedelta(weeks=weeks))


def kinds(team: Team) -> dict[str, str]:
    return {one.kind: one.why for one in propose(team, WEEK)}


# ------------------------------------------------------------------------------------------------------------- proposed
def test_a_week_without_anything_proposes_nothing(team: Team) -> None:
    usual(team)
    for _ in range(5):
        closing(team)
    assert propose(team, WEEK) == []


def test_each_sort_is_proposed_with_why(team: Team) -> None:
    usual(team)
    closing(team, verdict="wrong", label="bill.tax", confidence=0.81)
    closing(team, broken_sla=True, elapsed_s=90_000)
    closing(team, investigation_s=3000)
    closing(team, verdict="right", confidence=0.5)
    back = closing(team, WEEK - timedelta(weeks=1), reopened_after_s=7200, partial=True)
    Cycle.objects.create(
        **{
            **{f.attname: getattr(back, f.attname) for f in Cycle._meta.concrete_fields if f.name != "id"},
            "number": 2, "begun_week": WEEK, "week": None, "closed_at": None, "reopened_after_s": None,
        }
    )  # fmt: skip
    assert kinds(team) == {
        "miss": "The diagnosis (81% sure) was corrected to bill.tax.",
        "sla": "A promised time was passed; it took 1 d 1 h in all.",
        "reopened": "It came back 2 h after it was closed, on a partial diagnosis.",
        "slow": "Its investigation took 50 min, 5.0 times the median of its class.",
        "success": "The diagnosis was right although it was only 50% sure.",
    }


def test_an_escalation_that_could_have_been_avoided_is_proposed(team: Team, ana: User) -> None:
    run = make.finished_run(make.ticket(in_team=team, customer=make.customer(), owner=ana))
    sent, _ = send(run, Wish(severity="SEV2"), actor=ana, now=NOW - timedelta(days=20))
    engineer = Doer(make.user("eli", role="engineer"))
    compute([run.ticket.ref], NOW)
    assert propose(team, WEEK) == []
    judge(sent, engineer, is_complete=True, was_avoidable=True, now=NOW - timedelta(days=3))
    [found] = propose(team, WEEK)
    assert (found.kind, found.cycle.ticket) == (Kind.AVOIDABLE, run.ticket)
    judge(sent, engineer, is_complete=True, was_avoidable=False, now=NOW - timedelta(days=2))
    assert propose(team, WEEK) == []  # the newest word counts


def test_at_most_ten_and_no_sort_takes_all_places(team: Team) -> None:
    for _ in range(15):
        closing(team, broken_sla=True)
    for _ in range(3):
        closing(team, verdict="wrong")
    found = propose(team, WEEK)
    assert len(found) == MOST
    assert [one.kind for one in found].count(Kind.MISS) == 3
    assert propose(make.team("Other"), WEEK) == []


# ------------------------------------------------------------------------------------------------------------- held
def test_it_is_prepared_once_and_keeps_what_was_proposed(team: Team, lead: User) -> None:
    first = closing(team, verdict="wrong")
    review = holding.prepare(team, WEEK, actor=lead, now=NOW)
    closing(team, verdict="wrong")
    assert holding.prepare(team, WEEK, actor=lead, now=NOW) == review
    assert [item.ticket for item in review.items.all()] == [first.ticket]


@pytest.mark.parametrize("week", [date(2026, 5, 5), date(2026, 5, 18)])
def test_a_week_that_is_none_cannot_be_prepared(team: Team, lead: User, week: date) -> None:
    with pytest.raises(InvalidInput):
        holding.prepare(team, week, actor=lead, now=NOW)


def test_only_leads_of_the_team_hold_it(team: Team, ana: User) -> None:
    with pytest.raises(PermissionRefused):
        holding.prepare(team, WEEK, actor=ana, now=NOW)
    stranger = make.user("stan", role="lead", teams=(make.team("Other"),))
    with pytest.raises(NotFound):
        holding.prepare(team, WEEK, actor=stranger, now=NOW)


def test_of_two_who_write_nobody_loses_a_word(team: Team, lead: User) -> None:
    review = holding.prepare(team, WEEK, actor=lead, now=NOW)
    holding.write(review, "First", "Decide", based_on=1, actor=lead)
    with pytest.raises(Conflict, match="meanwhile"):
        holding.write(review, "Second", "", based_on=1, actor=lead)
    assert holding.write(review, "Both", "Decide", based_on=2, actor=lead).notes == "Both"


def test_what_was_taken_out_comes_back_and_others_can_be_added(team: Team, lead: User) -> None:
    cycle = closing(team, verdict="wrong")
    other = make.ticket(in_team=team)
    foreign = make.ticket(in_team=make.team("Other"))
    review = holding.prepare(team, WEEK, actor=lead, now=NOW)
    item = review.items.get()
    assert holding.change_item(review, item.pk, actor=lead, is_dropped=True).is_dropped
    assert not holding.add_item(review, cycle.ticket.ref, "", actor=lead).is_dropped
    added = holding.add_item(review, other.ref, "A strange one", actor=lead)
    assert (added.kind, added.why, added.place) == (Kind.CHOSEN, "A strange one", 2)
    with pytest.raises(NotFound):
        holding.add_item(review, foreign.ref, "", actor=lead)


def test_closed_it_changes_no_more_and_the_team_is_told(team: Team, lead: User, ana: User) -> None:
    review = holding.prepare(team, WEEK, actor=lead, now=NOW)
    holding.write(review, "", "Alert on quota\nAsk the API team", based_on=1, actor=lead)
    holding.add_action(review, "Add a quota step", actor=lead, owner=ana, due=date(2026, 5, 15))
    closed = holding.move(review, "closed", actor=lead, now=timezone.now())
    assert closed.held_at is not None and closed.is_closed
    with pytest.raises(Conflict, match="closed"):
        holding.write(review, "x", "", based_on=2, actor=lead)
    notice = Notice.objects.get(kind="review.closed")
    assert notice.lines == ["Decided: Alert on quota", "Decided: Ask the API team", "Ana Reyes: Add a quota step"]
    assert holding.move(review, "held", actor=lead).closed_at is None


def test_actions_return_until_they_are_done(team: Team, lead: User, ana: User) -> None:
    review = holding.prepare(team, WEEK, actor=lead, now=NOW)
    action = holding.add_action(review, "Add a quota step", actor=lead, owner=ana)
    assert holding.add_action(review, "Add a quota step", actor=lead, owner=ana) == action  # a double click
    holding.move(review, "closed", actor=lead)
    assert list(holding.open_actions(team)) == [action]
    later = holding.prepare(team, WEEK + timedelta(weeks=1), actor=lead, now=NOW + timedelta(weeks=1))
    record_event(actor=lead, action="playbook.activated", object_kind="playbook", object_ref="rate_limit v8")
    [change] = holding.changes_since(later.prepared_at - timedelta(days=3650))
    done = holding.end_action(team, action.pk, "done", actor=lead, change=change.key)
    assert (done.change_kind, done.change_ref) == ("playbook", "rate_limit v8")
    assert not holding.open_actions(team).exists()
    assert holding.end_action(team, action.pk, "open", actor=lead).change_ref == ""
    with pytest.raises(InvalidInput):
        holding.end_action(team, action.pk, "done", actor=lead, change="99999")


@pytest.mark.parametrize("wrong", [{"text": " "}, {"metric": "speed"}, {"owner": "stranger"}])
def test_an_action_that_says_nothing_is_refused(team: Team, lead: User, wrong: dict[str, Any]) -> None:
    review = holding.prepare(team, WEEK, actor=lead, now=NOW)
    given: dict[str, Any] = {"text": "Do it", **wrong}
    if given.get("owner"):
        given["owner"] = make.user("stranger", teams=(make.team("Other"),))
    with pytest.raises(InvalidInput):
        holding.add_action(review, given.pop("text"), actor=lead, **given)


# ------------------------------------------------------------------------------------------------------------- worked?
def test_the_metric_of_an_action_is_shown_before_and_after_its_change(team: Team, lead: User) -> None:
    review = holding.prepare(team, WEEK, actor=lead, now=NOW)
    action = holding.add_action(review, "Quota step", actor=lead, metric="investigation-time", incident_class="billing")
    for weeks in range(1, 5):
        for _ in range(3):
            closing(team, WEEK - timedelta(weeks=weeks), investigation_s=1200)
            closing(team, WEEK + timedelta(weeks=weeks), investigation_s=300)
    closing(team, WEEK, investigation_s=9000)  # the week of the change belongs to neither
    changed = datetime(2026, 5, 6, tzinfo=UTC)
    ReviewAction.objects.filter(pk=action.pk).update(status="done", ended_at=changed)
    action.refresh_from_db()
    assert effects(team, [action], NOW) == []  # no whole week has passed
    [found] = effects(team, [action], NOW + timedelta(weeks=3))
    assert (found.before.value, found.before.n, found.since.value, found.since.n) == (1200, 12, 300, 9)
    assert not found.is_few


# ------------------------------------------------------------------------------------------------------------- minutes
def test_the_minutes_say_all_of_it_and_foreign_words_stay_words(team: Team, lead: User, ana: User) -> None:
    cycle = closing(team, verdict="wrong", label="bill.tax", confidence=0.8)
    review = holding.prepare(team, WEEK, actor=lead, now=NOW)
    item = review.items.get()
    holding.change_item(review, item.pk, actor=lead, notes="See ![x](http://evil.example)\n# loud", is_done=True)
    holding.write(review, "It was **tax**.", "Alert on tax", based_on=1, actor=lead)
    holding.add_action(review, "Add a step", actor=lead, owner=ana, due=date(2026, 5, 15), ticket=cycle.ticket.ref)
    holding.move(review, "closed", actor=lead, now=NOW)
    review = Review.objects.get()
    assert as_markdown(review) == (
        "# Review of Support, week of 2026-05-04\n\nClosed on 2026-05-11 by Lena Lead.\n\n"
        f"## Looked at\n\n- [x] {cycle.ticket.ref} (diagnosis was corrected): The diagnosis (80% sure) was corrected "
        "to bill.tax. See !\\[x](http://evil.example) # loud\n\n## Notes\n\nIt was **tax**.\n\n"
        "## Decisions\n\n- Alert on tax\n\n"
        f"## Actions\n\n- [ ] Add a step ({cycle.ticket.ref}): Ana Reyes, by 2026-05-15\n"
    )


# ------------------------------------------------------------------------------------------------------------- pages
def test_the_page_proposes_prepares_holds_and_closes(team: Team, lead: User, ana: User, client: Client) -> None:
    week = holding.week_of_today(timezone.now())
    cycle = closing(team, week, verdict="wrong")
    client.force_login(lead)
    url = f"/metrics/reviews/support/{week.isoformat()}/"
    shown = client.get(url).content.decode()
    assert cycle.ticket.ref in shown and "nobody has prepared it yet" in shown
    assert not Review.objects.exists()
    act = f"{url}act/"
    for given in (
        {"act": "prepare"},
        {"act": "move", "status": "held"},
        {"act": "write", "revision": "1", "notes": "Words", "decisions": "Decide"},
        {"act": "action", "text": "Do it", "owner": "ana", "due": "2026-12-07"},
        {"act": "move", "status": "closed"},
    ):
        assert client.post(act, given).status_code == 302, given
    shown = client.get(url).content.decode()
    assert "Words" in shown and "Do it" in shown and "Closed" in shown
    told = client.get(f"{url}minutes.md")
    assert told["Content-Type"].startswith("text/markdown") and "- Decide" in told.content.decode()
    client.force_login(ana)
    assert client.get(url).status_code == 200
    assert client.post(act, {"act": "move", "status": "held"}).status_code == 403


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"act": "nothing"}, 400), ({"act": "add", "ticket": "ZD-0"}, 404), ({"act": "action", "text": ""}, 400),
        ({"act": "action", "text": "x", "due": "tomorrow"}, 400), ({"act": "item", "item": "x"}, 404),
        ({"act": "write", "revision": "7", "notes": "Mine"}, 409),
        ({"act": "end", "action": "9", "status": "done"}, 404),
        ({"act": "move", "status": "prepared"}, 400),
    ],
)  # fmt: skip
def test_what_is_refused_comes_back_with_what_was_typed(
    team: Team, lead: User, client: Client, given: dict[str, str], status: int
) -> None:
    week = holding.week_of_today(timezone.now())
    holding.prepare(team, week, actor=lead)
    client.force_login(lead)
    answer = client.post(f"/metrics/reviews/support/{week.isoformat()}/act/", given)
    assert answer.status_code == status
    assert 'role="alert"' in answer.content.decode()
    if given.get("notes"):
        assert "Mine" in answer.content.decode()


def test_another_teams_weeks_and_other_days_are_not_found(team: Team, lead: User, client: Client) -> None:
    other = make.team("Other")
    holding.prepare(other, WEEK, actor=make.user("root", role="admin"), now=NOW)
    client.force_login(lead)
    assert client.get("/metrics/reviews/other/2026-05-04/").status_code == 404
    assert client.get("/metrics/reviews/support/2026-05-05/").status_code == 404
    assert client.get("/metrics/reviews/support/today/").status_code == 404
    assert "Other" not in client.get("/metrics/reviews/").content.decode()
    assert Ticket.objects.count() == 0
