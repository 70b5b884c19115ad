"""An answer that is kept is never late: whatever changes what the sidebar shows, the next call shows it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from altor.models import Team, User
from escalations.contracts.stored import ensure_library, save_contract
from escalations.interruptions.asking import Audience, answer, ask, withdraw
from escalations.lifecycle.acting import Doer
from escalations.lifecycle.sending import Wish, send
from escalations.models import (
    ChecklistAnswer,
    ContractVersion,
    Escalation,
    Handoff,
    HandoffItem,
    HandoffSetting,
    Incident,
    IncidentSuggestion,
    IncidentTicket,
    Question,
    Rotation,
)
from escalations.oncall.editing import save_rotation
from escalations.oncall.format import read_form
from escalations.oncall.overrides import add_override
from investigations.models import Customer, HelpdeskConnection, Investigation, Ticket, TicketMirror
from investigations.services.gates import override_gate
from investigations.widget.kept import Answer, Kept
from knowledge.models import Reply, ReplyTemplate, ReplyTemplateVersion
from knowledge.replies.templates import load_library
from tests import factories
from tests.escalations.oncall_scene import layer, people, rotation, written
from tests.shipped import reply_templates
from tests.widget.scene import call_url, sidebar, ticket_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return factories.user("ada", role="lead", teams=(factories.team(),))


@pytest.fixture
def ticket(desk: HelpdeskConnection) -> Ticket:
    found = ticket_of(desk, customer=factories.customer("org_1"))
    run = factories.finished_run(found)
    run.steps.filter(step_id="traffic").update(status="waiting")
    return found


def shown(desk: HelpdeskConnection, user: User | None) -> dict[str, Any]:
    answer = sidebar(desk, user).get(call_url(desk))
    assert answer.status_code == 200
    return dict(answer.json())


# What changes, with what must be there before it. Each writes as some part of Altor does: most of them past `save()`.
Step = Callable[[Ticket, User], object]


def _nothing(ticket: Ticket, ada: User) -> None:
    pass


def _ticket(ticket: Ticket, ada: User) -> None:
    Ticket.objects.filter(pk=ticket.pk).update(subject="Another subject")


def _customer(ticket: Ticket, ada: User) -> None:
    customer = Customer.objects.get()
    customer.name = "Renamed"
    Customer.objects.bulk_update([customer], ["name"])


def _gate(ticket: Ticket, ada: User) -> None:
    override_gate(ticket.investigations.get(), "reply", "The customer is down.", actor=ada)


def _run(ticket: Ticket, ada: User) -> None:
    factories.run(ticket)


def _conclusion(ticket: Ticket, ada: User) -> None:
    run = ticket.investigations.get()
    other = factories.diagnosis(candidates=[factories.candidate("rl.retry_storm", "Retries", 0.8)])
    Investigation.objects.filter(pk=run.pk).update(diagnosis=other, live_version=run.live_version + 1)


def _role(ticket: Ticket, ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(role="read_only")


OF_THE_TICKET: dict[str, tuple[Step, Step]] = {
    "its row": (_nothing, _ticket),
    "its customer": (_nothing, _customer),
    "a gate": (_nothing, _gate),
    "another run": (_nothing, _run),
    "what the run concludes": (_nothing, _conclusion),
    "the person's role": (_nothing, _role),
}


def _draft(ticket: Ticket, ada: User) -> None:
    factories.reply(ticket, author=ada, status="draft", text="My own words")


def _saved(ticket: Ticket, ada: User) -> None:
    Reply.objects.update(text="My own words, again")


def _template(ticket: Ticket, ada: User) -> None:
    factories.reply_template()


def _leak(ticket: Ticket, ada: User) -> None:
    """The draft names what its own customer never did."""
    factories.user("zed", first_name="Zedekiah", last_name="Example")
    factories.reply(ticket, author=ada, status="draft", text="Ask Zedekiah Example.")


def _open_gate(ticket: Ticket, ada: User) -> None:
    reply_templates()
    ticket.investigations.get().steps.update(status="done")


def _zone(name: str) -> dict[str, Any]:
    return {"requester": {"timezone": name}}


def _timed(ticket: Ticket, ada: User) -> None:
    _template(ticket, ada)
    TicketMirror.objects.create(ticket=ticket, fields=_zone("Europe/Berlin"))


def _sending(ticket: Ticket, ada: User) -> None:
    _open_gate(ticket, ada)
    HelpdeskConnection.objects.update(sends_replies=True)


REPLIES: dict[str, tuple[Step, Step]] = {
    "a draft": (_nothing, _draft),
    "its text": (_draft, _saved),
    "a draft is thrown away": (_draft, lambda ticket, ada: Reply.objects.all().delete()),
    "the library": (_nothing, lambda ticket, ada: load_library()),
    "another version": (_template, lambda ticket, ada: factories.reply_template(number=2, observed="It is so.")),
    "a template's title": (_template, lambda ticket, ada: ReplyTemplate.objects.update(title="Renamed")),
    "a template is switched off": (_template, lambda ticket, ada: ReplyTemplateVersion.objects.update(is_active=False)),
    "whether Altor may send": (_open_gate, lambda ticket, ada: HelpdeskConnection.objects.update(sends_replies=True)),
    "one that is out": (_sending, lambda ticket, ada: factories.reply(ticket, run=ticket.investigations.get())),
    "the customer's zone": (_timed, lambda ticket, ada: TicketMirror.objects.update(fields=_zone("Asia/Tokyo"))),
    "what the customer said themselves": (
        _leak, lambda ticket, ada: ticket.claims.create(kind="answer", value="Zedekiah Example")
    ),
}  # fmt: skip


def _sent(ticket: Ticket, ada: User) -> None:
    ticket.investigations.get().steps.update(status="done")
    send(ticket.investigations.get(), Wish(severity="SEV2"), actor=ada, now=timezone.now())


def _owned(ticket: Ticket, ada: User) -> None:
    _sent(ticket, ada)
    eli = factories.user("eli", role="engineer", first_name="Eli", last_name="Example")
    Escalation.objects.update(accepted_by=eli)


def _of_a_team(ticket: Ticket, ada: User) -> None:
    _sent(ticket, ada)
    Escalation.objects.update(owner_team=factories.team("Platform"), owner_person=None)


def _elsewhere(ticket: Ticket, ada: User) -> None:
    other = factories.ticket(customer=ticket.customer)
    run = factories.finished_run(other)
    run.steps.update(status="done")
    send(run, Wish(severity="SEV2"), actor=ada, now=timezone.now())


def _without_customer(ticket: Ticket, ada: User) -> None:
    Ticket.objects.filter(pk=ticket.pk).update(customer=None)
    ensure_library()


def _answered(ticket: Ticket, ada: User) -> None:
    for item in ("customer", "impact", "endpoint"):
        ChecklistAnswer.objects.create(ticket=ticket, item=item, text="org_1, and all of it", by=ada, at=timezone.now())


def _narrower(ticket: Ticket, ada: User) -> None:
    text = ContractVersion.objects.get(is_active=True).source_yaml
    save_contract(text.replace("area: {}", "area: {classes: [billing]}"), actor=None)


def _set(**values: Any) -> Step:
    return lambda ticket, ada: Escalation.objects.update(**values)


SOON = timezone.now() + timedelta(minutes=37)  # no window of the shipped contract
ESCALATIONS: dict[str, tuple[Step, Step]] = {
    "it is sent": (_nothing, _sent),
    "its status": (_sent, _set(status="acknowledged")),
    "it is returned": (_sent, _set(status="rejected")),
    "its severity": (_sent, _set(severity="SEV1")),
    "its deadline": (_sent, _set(acknowledge_by=SOON, update_by=None, resolve_by=None)),
    "a window that broke": (_sent, _set(is_broken=True)),
    "it waits": (_sent, _set(waits_for="customer")),
    "its team": (_sent, lambda ticket, ada: Escalation.objects.update(owner_team=factories.team("Platform"))),
    "its team's name": (_of_a_team, lambda ticket, ada: Team.objects.filter(name="Platform").update(name="Core")),
    "whoever accepts it": (
        _sent, lambda ticket, ada: Escalation.objects.update(accepted_by=factories.user("eli", role="engineer"))
    ),
    "their name": (_owned, lambda ticket, ada: User.objects.filter(username="eli").update(last_name="Renamed")),
    "one of the same cause": (_nothing, _elsewhere),
    "the end of that": (_elsewhere, _set(status="withdrawn")),
    "an answer to its checklist": (_without_customer, _answered),
    "its contract": (_nothing, _narrower),
}  # fmt: skip


def _rotation(ticket: Ticket, ada: User) -> None:
    people("ana", "ben")
    rotation(layer("ana"), since=timezone.now(), now=timezone.now())


def _other_turns(ticket: Ticket, ada: User) -> None:
    form = read_form(written(layer("ben")))
    save_rotation(Rotation.objects.get(), form, actor=None, now=timezone.now(), based_on=1)


def _override(ticket: Ticket, ada: User) -> None:
    ben, now = User.objects.get(username="ben"), timezone.now()
    add_override(
        Rotation.objects.get(), seat="primary", person=ben, begins_at=now, ends_at=now + timedelta(hours=3), reason="",
        actor=None, now=now,
    )  # fmt: skip


ROTATIONS: dict[str, tuple[Step, Step]] = {
    "a rotation": (_nothing, _rotation),
    "its turns": (_rotation, _other_turns),
    "an override": (_rotation, _override),
    "its end": (_rotation, lambda ticket, ada: Rotation.objects.update(is_active=False)),
    "what it owns": (_rotation, lambda ticket, ada: Rotation.objects.update(owns="the queue")),
}


def _handed(ticket: Ticket, ada: User) -> None:
    people("ana", "ben")
    turns, now = rotation(layer("ana"), now=timezone.now()), timezone.now()
    ana, ben = User.objects.get(username="ana"), User.objects.get(username="ben")
    handoff = Handoff.objects.create(
        rotation=turns, seat="primary", seat_name="Primary", team=turns.team, outgoing=ana, incoming=ben, ends_at=now,
        drafted_at=now, read_at=now,
    )  # fmt: skip
    handoff.items.create(ticket=ticket, state="Diagnosed")


def _item(**values: Any) -> Step:
    return lambda ticket, ada: HandoffItem.objects.update(**values)


def _handoff(**values: Any) -> Step:
    return lambda ticket, ada: Handoff.objects.update(**values)


def _called(username: str) -> Step:
    return lambda ticket, ada: User.objects.filter(username=username).update(last_name="Renamed")


HANDOFFS: dict[str, tuple[Step, Step]] = {
    "a handoff": (_nothing, _handed),
    "it is signed": (_handed, _handoff(status="signed", signed_at=SOON)),
    "it is dropped": (_handed, _handoff(status="dropped")),
    "its end": (_handed, _handoff(ends_at=SOON)),
    "nobody follows": (_handed, _handoff(incoming=None)),
    "the item is accepted": (_handed, _item(status="accepted")),
    "the item is refused": (_handed, _item(status="refused", reason="I am on leave from tonight")),
    "a promise": (_handed, _item(promised_at=SOON)),
    "whoever gives is renamed": (_handed, _called("ana")),
    "whoever takes is renamed": (_handed, _called("ben")),
    "the rotation's zone": (_handed, lambda ticket, ada: Rotation.objects.update(zone="Asia/Tokyo")),
    "how long it may wait": (
        _handed,
        lambda ticket, ada: HandoffSetting.objects.create(team=ticket.team, since=SOON, escalate_after_min=90),
    ),
}  # fmt: skip


def _asked(ticket: Ticket, ada: User) -> None:
    eli = factories.user("eli", role="engineer", first_name="Eli", last_name="Example")
    ask(ticket, "Does the limiter count retries twice?", Audience(person=eli), actor=ada, now=timezone.now())


def _answer(ticket: Ticket, ada: User) -> None:
    answer(Question.objects.get(), "Yes, since Friday.", Doer(User.objects.get(username="eli")), now=timezone.now())


def _was_answered(ticket: Ticket, ada: User) -> None:
    _asked(ticket, ada)
    _answer(ticket, ada)


def _asked_a_team(ticket: Ticket, ada: User) -> None:
    team = factories.team("Platform")
    factories.user("eli", role="engineer", teams=(team,))
    ask(ticket, "Does the limiter count retries twice?", Audience(team=team), actor=ada, now=timezone.now())


QUESTIONS: dict[str, tuple[Step, Step]] = {
    "a question": (_nothing, _asked),
    "its answer": (_asked, _answer),
    "it is taken back": (_asked, lambda ticket, ada: withdraw(Question.objects.get(), actor=ada, now=timezone.now())),
    "when it is due": (_asked, lambda ticket, ada: Question.objects.update(due_at=SOON)),
    "whoever is asked is renamed": (_asked, _called("eli")),
    "whoever answered is renamed": (_was_answered, _called("eli")),
    "the asked team's name": (
        _asked_a_team, lambda ticket, ada: Team.objects.filter(name="Platform").update(name="Core")
    ),
    "another answer": (_was_answered, lambda ticket, ada: Question.objects.update(answer="No, it does not.")),
}  # fmt: skip


def _incident(ticket: Ticket, ada: User) -> None:
    made = Incident.objects.create(
        title="Requests are refused", severity="SEV1", cause="x|y|z", team=ticket.team, declared_at=SOON,
        update_every_min=60, next_update_at=SOON,
    )  # fmt: skip
    made.links.create(ticket=ticket, how="person", linked_at=SOON)


def _suggested(ticket: Ticket, ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(role="lead")
    run = factories.finished_run(ticket)
    IncidentSuggestion.objects.create(
        cause="x|y|z", run=run, team=ticket.team, title="Requests are refused", customers=3, wrote=1, threshold=3,
        tickets=[ticket.ref], found_at=SOON,
    )  # fmt: skip


INCIDENTS: dict[str, tuple[Step, Step]] = {
    "an incident": (_nothing, _incident),
    "its title": (_incident, lambda ticket, ada: Incident.objects.update(title="Requests are slow")),
    "its next update": (_incident, lambda ticket, ada: Incident.objects.update(next_update_at=None)),
    "it is closed": (_incident, lambda ticket, ada: Incident.objects.update(status="closed")),
    "the ticket is taken out": (_incident, lambda ticket, ada: IncidentTicket.objects.update(unlinked_at=SOON)),
    "one is suggested": (_nothing, _suggested),
    "it grows": (_suggested, lambda ticket, ada: IncidentSuggestion.objects.update(customers=5)),
    "it is dismissed": (_suggested, lambda ticket, ada: IncidentSuggestion.objects.update(dismissed_at=SOON)),
}


@pytest.mark.parametrize(
    ("before", "change"),
    [
        pytest.param(*steps, id=f"{part}: {name}")
        for part, cases in (
            ("ticket", OF_THE_TICKET), ("reply", REPLIES), ("escalation", ESCALATIONS), ("on call", ROTATIONS),
            ("handoff", HANDOFFS), ("questions", QUESTIONS), ("incident", INCIDENTS),
        )
        for name, steps in cases.items()
    ],
)  # fmt: skip
def test_a_change_is_shown_at_the_next_call(
    before: Step, change: Step, desk: HelpdeskConnection, ticket: Ticket, ada: User
) -> None:
    before(ticket, ada)
    first = shown(desk, ada)
    assert shown(desk, ada) == first
    change(ticket, ada)
    assert shown(desk, ada) != first


def test_the_time_that_a_draft_promises_goes_on_with_the_clock(
    desk: HelpdeskConnection, ticket: Ticket, ada: User
) -> None:
    factories.reply_template(eta="You will hear from us again by {next_update}.")
    found = []
    for moment in ("2026-05-04T10:00:00.5Z", "2026-05-04T10:30:00Z", "2026-05-04T10:30:00.5Z"):
        with time_machine.travel(datetime.fromisoformat(moment), tick=False):
            found.append(shown(desk, ada)["reply"]["text"])
    assert found[0] == found[1] != found[2]


def test_who_looks_gets_his_own_answer(desk: HelpdeskConnection, ticket: Ticket, ada: User) -> None:
    factories.reply(ticket, author=ada, status="draft", text="Ada's own words")
    bob = factories.user("bob", teams=(factories.team(),))
    assert "Ada's own words" in str(shown(desk, ada))
    assert "Ada's own words" not in str(shown(desk, bob))
    assert "Ada's own words" not in str(shown(desk, None))


def test_only_so_many_are_kept_and_the_oldest_go_first() -> None:
    kept, made = Kept(2), []

    def ask(key: str | None) -> None:
        kept.get(key, lambda: made.append(key) or Answer(b"{}", "t"))  # type: ignore[func-returns-value]  # counted

    for key in ("a", "b", "a", "c", "a", "b", None, None):
        ask(key)
    assert made == ["a", "b", "c", "b", None, None]


def _numbered(number: int) -> Answer:
    return Answer(str(number).encode(), "t")


def test_several_threads_at_once_get_whole_answers() -> None:
    kept = Kept(3)
    found: list[bytes] = []

    def ask() -> None:
        found.extend(kept.get(number % 5, partial(_numbered, number % 5)).body for number in range(200))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 800
    assert set(found) == {b"0", b"1", b"2", b"3", b"4"}
