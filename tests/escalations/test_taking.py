"""Taking, assigning and returning: by every door, twice, and at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from altor.errors import Conflict, DomainError, InvalidInput, PermissionRefused
from altor.models import AuditEvent, PhaseEvent, Team, User
from altor.tokens import create_token
from escalations.ownership.policies import load_library
from escalations.ownership.standing import sweep
from investigations.models import Ticket
from investigations.services.custody import AlreadyTaken, assign, give_back, take
from tests import factories as make

pytestmark = pytest.mark.django_db
QUEUE = "/queue/"


@pytest.fixture
def support() -> Team:
    return make.team("Support", is_default=True)


@pytest.fixture
def ana(support: Team) -> User:
    return make.user("ana", teams=(support,), first_name="Ana", last_name="Reyes")


@pytest.fixture
def ben(support: Team) -> User:
    return make.user("ben", teams=(support,), first_name="Ben", last_name="Fischer")


@pytest.fixture
def ticket(support: Team) -> Ticket:
    return make.ticket(in_team=support, opened_at=timezone.now() - timedelta(hours=1))


def rest(user: User) -> APIClient:
    client = APIClient()
    _, text = create_token(user=user, name="t", scopes=["ticket.read", "ticket.edit"])
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


def told(answer: object) -> list[str]:
    return [str(one) for one in get_messages(answer.wsgi_request)]  # type: ignore[attr-defined]


# ---------------------------------------------------------------------------------------------------------- the service
def test_taking_twice_is_taking_once(ticket: Ticket, ana: User) -> None:
    for _ in range(2):
        assert take(ticket, actor=ana).owner == ana
    assert PhaseEvent.objects.filter(kind="ticket.assigned").count() == 1
    assert AuditEvent.objects.filter(action="ticket.taken", actor=ana).count() == 1


def test_who_comes_second_is_told_who_has_it(ticket: Ticket, ana: User, ben: User) -> None:
    take(ticket, actor=ana)
    with pytest.raises(AlreadyTaken, match=f"Ana Reyes has {ticket.ref} since") as caught:
        take(ticket, actor=ben)
    assert caught.value.extra["owner"] == "ana"


def test_a_ticket_of_somebody_who_left_may_be_taken(ticket: Ticket, ana: User, ben: User) -> None:
    take(ticket, actor=ana)
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert take(ticket, actor=ben).owner == ben


def test_assigning_over_a_change_that_was_not_seen_is_refused(ticket: Ticket, ana: User, ben: User) -> None:
    take(ticket, actor=ana)
    with pytest.raises(AlreadyTaken):
        assign(ticket, owner=ben, actor=ben, seen="")
    assert assign(ticket, owner=ben, actor=ben, seen="ana").owner == ben


def test_only_somebody_who_sees_the_ticket_can_own_it(ticket: Ticket, ana: User) -> None:
    stranger = make.user("otto", teams=(make.team("Elsewhere"),))
    reader = make.user("rosa", role="read_only", teams=(ticket.team,))
    for person in (stranger, reader):
        with pytest.raises(InvalidInput):
            assign(ticket, owner=person, actor=ana)
    with pytest.raises(PermissionRefused):
        take(ticket, actor=reader)


def test_a_resolved_ticket_is_nobodys_to_take(ticket: Ticket, ana: User) -> None:
    Ticket.objects.filter(pk=ticket.pk).update(status="resolved")
    with pytest.raises(Conflict, match="Reopen it first"):
        take(ticket, actor=ana)


def test_returning_needs_a_reason_and_keeps_it(ticket: Ticket, ana: User) -> None:
    take(ticket, actor=ana)
    with pytest.raises(InvalidInput):
        give_back(ticket, actor=ana, reason=" no ")
    give_back(ticket, actor=ana, reason="It is about billing.", team=make.team("Billing"))
    ticket.refresh_from_db()
    assert ticket.owner is None and ticket.team.slug == "billing"
    last = PhaseEvent.objects.filter(kind="ticket.assigned").latest("pk")
    assert last.data == {"owner": "", "reason": "It is about billing.", "team": "billing"}
    assert AuditEvent.objects.get(action="ticket.returned").reason == "It is about billing."


@pytest.mark.django_db(transaction=True)
def test_of_many_who_take_it_at_once_one_wins(support: Team) -> None:
    ticket = make.ticket(in_team=support)
    people = [make.user(f"p{n}", teams=(support,)) for n in range(6)]
    gate = Barrier(len(people))

    def try_it(person: User) -> str:
        gate.wait()
        try:
            return "won" if take(ticket, actor=person) else ""
        except DomainError as refused:
            return refused.detail
        finally:
            connection.close()

    with ThreadPoolExecutor(len(people)) as pool:
        said = list(pool.map(try_it, people))
    ticket.refresh_from_db()
    assert said.count("won") == 1 and people[said.index("won")] == ticket.owner
    assert all(f"{ticket.owner} has {ticket.ref}" in one for one in said if one != "won")
    assert PhaseEvent.objects.filter(kind="ticket.assigned").count() == 1


# ---------------------------------------------------------------------------------------------------- the pages
@pytest.fixture
def queue(support: Team) -> list[Ticket]:
    """Three tickets, the most urgent first; read by a sweep."""
    load_library()
    now = timezone.now()
    big = make.customer(
        "org_big", name="Big Freight", tier="enterprise", plan="Scale", mrr_minor=240_000, mrr_currency="EUR",
        renews_on=(now + timedelta(days=20)).date(),
    )  # fmt: skip
    made = [
        make.ticket(in_team=support, customer=big, opened_at=now - timedelta(minutes=90), subject="late already"),
        make.ticket(in_team=support, customer=big, opened_at=now - timedelta(minutes=5), subject="due in a while"),
        make.ticket(in_team=support, opened_at=now, subject="not urgent"),
    ]
    sweep(now)
    return made


def test_the_queue_is_sorted_by_time_to_breach_with_what_is_at_stake(
    client: Client, queue: list[Ticket], ana: User
) -> None:
    client.force_login(ana)
    html = client.get(QUEUE).content.decode()
    places = [html.index(ticket.subject) for ticket in queue]
    assert places == sorted(places)
    assert "overdue for 30 min" in html and "due in 5" in html
    assert "€2,400" in html and "enterprise" in html and "Scale" in html


@pytest.mark.parametrize(
    ("view", "shown"), [("mine", [1]), ("unowned", [0, 2]), ("broken", [0]), ("waiting", []), ("nonsense", [0, 1, 2])]
)
def test_views_of_the_queue(client: Client, queue: list[Ticket], ana: User, view: str, shown: list[int]) -> None:
    take(queue[1], actor=ana)
    client.force_login(ana)
    html = client.get(QUEUE, {"view": view}).content.decode()
    assert [n for n, ticket in enumerate(queue) if ticket.subject in html] == shown


def test_several_are_taken_at_once_and_each_is_told_of(
    client: Client, queue: list[Ticket], ana: User, ben: User
) -> None:
    take(queue[0], actor=ben)
    client.force_login(ana)
    refs = [ticket.ref for ticket in queue]
    answer = client.post(reverse("escalations:queue-act"), {"act": "take", "ticket": [*refs, "TK-0"]})
    said = " ".join(told(answer))
    assert f"{refs[1]}, {refs[2]} are yours now." in said
    assert f"Ben Fischer has {refs[0]} since" in said and "TK-0: there is no such ticket" in said
    again = client.post(reverse("escalations:queue-act"), {"act": "take", "ticket": refs[1:]})
    assert "are yours now" in " ".join(told(again))
    assert PhaseEvent.objects.filter(kind="ticket.assigned").count() == 3


def test_several_are_assigned_unless_they_changed_meanwhile(
    client: Client, queue: list[Ticket], ana: User, ben: User
) -> None:
    first, second = queue[0], queue[1]
    take(first, actor=ana)
    client.force_login(ana)
    body = {"act": "assign", "owner": "ben", "ticket": [first.ref, second.ref]}
    answer = client.post(reverse("escalations:queue-act"), {**body, f"seen-{first.ref}": "", f"seen-{second.ref}": ""})
    said = " ".join(told(answer))
    assert f"{second.ref} is Ben Fischer's now." in said and f"Ana Reyes has {first.ref}" in said
    second.refresh_from_db()
    assert second.owner == ben


def test_a_single_row_is_taken_and_the_view_stays(client: Client, queue: list[Ticket], ana: User) -> None:
    client.force_login(ana)
    answer = client.post(reverse("escalations:queue-act") + "?view=unowned", {"take": queue[2].ref, "act": "assign"})
    assert answer["Location"] == "/queue/?view=unowned"
    queue[2].refresh_from_db()
    assert queue[2].owner == ana


def test_others_queues_are_not_seen_and_not_touched(client: Client, queue: list[Ticket]) -> None:
    stranger = make.user("otto", teams=(make.team("Elsewhere"),))
    client.force_login(stranger)
    assert queue[0].ref not in client.get(QUEUE).content.decode()
    client.post(reverse("escalations:queue-act"), {"act": "take", "ticket": [queue[0].ref]})
    assert client.post(reverse("escalations:ownership-hand", args=[queue[0].ref]), {"act": "take"}).status_code == 404
    queue[0].refresh_from_db()
    assert queue[0].owner is None


def test_who_may_only_read_takes_nothing(client: Client, queue: list[Ticket], support: Team) -> None:
    client.force_login(make.user("rosa", role="read_only", teams=(support,)))
    html = client.get(QUEUE).content.decode()
    assert queue[0].ref in html and "Take" not in html.split("<main", 1)[1].split("</main")[0]
    assert client.post(reverse("escalations:queue-act"), {"ticket": queue[0].ref}).status_code == 403


def test_the_panel_tells_clocks_and_changes(client: Client, queue: list[Ticket], ana: User, ben: User) -> None:
    take(queue[0], actor=ana)
    assign(queue[0], owner=ben, actor=ana)
    sweep()
    client.force_login(ana)
    url = reverse("escalations:ownership", args=[queue[0].ref])
    html = client.get(url, HTTP_HX_REQUEST="true").content.decode()
    assert "<html" not in html and "First reply" in html and "overdue for" in html
    assert "Ana Reyes to Ben Fischer" in html and "Enterprise customers v1" in html
    assert "<h1" in client.get(url).content.decode()


def test_the_ticket_s_page_hands_over_what_it_showed(client: Client, queue: list[Ticket], ana: User, ben: User) -> None:
    client.force_login(ana)
    url = reverse("investigations:ticket-correct", args=[queue[2].ref, "owner"])
    assert client.post(url, {"owner": ben.pk, "seen": ""}).status_code == 302
    stale = client.post(url, {"owner": ana.pk, "seen": ""})
    assert stale.status_code == 422 and f"Ben Fischer has {queue[2].ref}" in stale.content.decode()


def test_the_panel_takes_and_returns(client: Client, queue: list[Ticket], ana: User) -> None:
    client.force_login(ana)
    url, ticket = reverse("escalations:ownership-hand", args=[queue[2].ref]), queue[2]
    for body, owner in (
        ({"act": "take"}, ana),
        ({"act": "return", "reason": "no"}, ana),
        ({"act": "return", "reason": "not my field"}, None),
    ):
        answer = client.post(url, body)
        assert answer["Location"] == reverse("investigations:ticket", args=[ticket.ref])
        ticket.refresh_from_db()
        assert ticket.owner == owner, body
    page = client.get(reverse("investigations:ticket", args=[ticket.ref])).content.decode()
    assert "Returned to the queue:" in page and "not my field" in page
    elsewhere = make.team("Billing")
    answer = client.post(url, {"act": "return", "reason": "about money", "team": elsewhere.slug})
    assert answer["Location"] == QUEUE  # she does not see it any more


# ---------------------------------------------------------------------------------------------------- REST
def test_rest_takes_assigns_and_returns(queue: list[Ticket], ana: User, ben: User) -> None:
    client, path = rest(ana), f"/api/v1/tickets/{queue[1].ref}/"
    body = client.post(f"{path}take/").json()
    assert body["owner"] == "ana" and {clock["kind"] for clock in body["clocks"]} == {"first_reply", "resolution"}
    refused = rest(ben).post(f"{path}take/")
    assert refused.status_code == 409 and refused.json()["code"] == "already_taken"
    assert refused.json()["owner"] == "ana"
    assert client.post(f"{path}assign/", {"owner": "ben", "seen": "ana"}).json()["owner"] == "ben"
    assert client.post(f"{path}assign/", {"owner": "nobody"}).status_code == 400
    assert client.post(f"{path}return/", {"reason": ""}).status_code == 400
    assert client.post(f"{path}return/", {"reason": "not my field"}).json()["owner"] is None
    billing = make.team("Billing")
    moved = client.post(f"{path}return/", {"reason": "about money", "team": billing.slug})
    assert moved.status_code == 200 and moved.json()["team"] == "billing"
    assert client.get(path).status_code == 404


def test_rest_lists_the_queue(queue: list[Ticket], ana: User) -> None:
    body = rest(ana).get("/api/v1/queue/").json()
    assert body["total"] == 3 and [row["ref"] for row in body["results"]] == [ticket.ref for ticket in queue]
    first = body["results"][0]
    assert first["standing"]["is_broken"] and first["customer"]["mrr_minor"] == 240_000
    assert {clock["kind"] for clock in first["clocks"]} == {"first_reply", "resolution"}
    assert rest(ana).get("/api/v1/queue/", {"view": "broken"}).json()["total"] == 1
    assert rest(ana).get("/api/v1/queue/", {"view": "nonsense"}).status_code == 400
    assert rest(ana).get("/api/v1/queue/", {"team": "elsewhere"}).status_code == 400


def test_the_queue_asks_as_much_for_many_as_for_few(
    queue: list[Ticket], ana: User, django_assert_max_num_queries: object
) -> None:
    for _ in range(12):
        make.ticket(in_team=queue[0].team, opened_at=timezone.now())
    sweep()
    client = rest(ana)
    client.get("/api/v1/queue/")
    with django_assert_max_num_queries(9):  # type: ignore[operator]
        assert client.get("/api/v1/queue/").json()["total"] == 15
