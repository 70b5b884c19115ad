"""The internal note: one per ticket, changed in place, written again only when the diagnosis changes, never twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from investigations.helpdesks.generic.adapter import Generic
from investigations.models import HelpdeskConnection, Investigation, Ticket, TicketNote
from investigations.services import notes
from tests import factories
from tests.helpdesks.scene import Desk, connection, endpoint, event, marker_in, take
from tests.loopback import Answer, serving

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _playbook(db: None) -> None:
    """With one playbook in force the shipped library is not loaded, which takes most of a second."""
    factories.playbook()


@pytest.fixture
def desk() -> Iterator[tuple[Desk, str]]:
    served = Desk()
    with serving(served) as server:
        yield served, server.url


@pytest.fixture
def ticket(desk: tuple[Desk, str]) -> Ticket:
    door = endpoint()
    connection(door, desk[1])
    return take(door, event("ticket.created", subject="Orders are refused"))


def begun(ticket: Ticket) -> Investigation:
    run = factories.run(ticket, status="running")
    notes.run_begun(run)
    return run


def push(**more: Any) -> TicketNote | None:
    return notes.push(TicketNote.objects.get().pk, **more)


def ended(run: Investigation | None, ticket: Ticket, **values: Any) -> Investigation:
    if run is not None:
        Investigation.objects.filter(pk=run.pk).delete()
    found = factories.finished_run(ticket, **values)
    notes.run_ended(found)
    return found


def test_the_note_is_written_once_and_changed_in_place(desk: tuple[Desk, str], ticket: Ticket) -> None:
    served, _ = desk
    run = begun(ticket)
    push()
    [note] = served.notes["901"]
    assert "is investigating" in note["text"]
    assert note["internal"] is True
    ended(run, ticket)
    push()
    [note] = served.notes["901"]
    lines = note["text"].splitlines()
    assert len(lines) == 5
    assert lines[0] == "Cause (high confidence): A deployment changed the limiter"
    assert lines[1] == "Scope: All customers"
    assert lines[2].startswith("Since: about 1 May 10:")
    assert lines[3].startswith("It is not: The customer's own traffic did not change.")
    assert lines[4].startswith("Next: Escalate SEV2: Ask API Platform to roll 7f3c9a1 back – INV-")
    assert "not checked: Linear" in lines[4]
    assert marker_in(note) == TicketNote.objects.get().marker


def test_the_same_diagnosis_again_touches_nothing(desk: tuple[Desk, str], ticket: Ticket) -> None:
    served, _ = desk
    ended(None, ticket)
    push()
    first = dict(served.notes["901"][0])
    ended(None, ticket, seconds=9.9)  # another run with the same answer
    notes.run_ended(Investigation.objects.order_by("pk").first())  # the first run is told once more
    assert push() is None
    assert served.notes["901"] == [first]
    assert TicketNote.objects.get().writes == 1


def test_another_diagnosis_changes_the_note(desk: tuple[Desk, str], ticket: Ticket) -> None:
    served, _ = desk
    ended(None, ticket)
    push()
    other = factories.diagnosis(candidates=[factories.candidate("rl.retry_storm", "The client retries at once", 0.8)])
    ended(None, ticket, diagnosis=other)
    push()
    [note] = served.notes["901"]
    assert "The client retries at once" in note["text"]


def test_an_answer_that_was_lost_never_makes_two_notes(desk: tuple[Desk, str], ticket: Ticket) -> None:
    served, _ = desk
    ended(None, ticket)
    served.loses_answer = True
    note = push()
    assert note is not None
    assert (note.status, note.is_unsure, note.external_id) == ("waiting", True, "")
    assert len(served.notes["901"]) == 1
    push(now=timezone.now() + timedelta(hours=2))
    assert len(served.notes["901"]) == 1
    assert TicketNote.objects.get().status == "done"


def test_a_worker_killed_in_the_middle_of_a_try_leaves_it_to_the_sweep(desk: tuple[Desk, str], ticket: Ticket) -> None:
    served, _ = desk
    run = ended(None, ticket)
    # What a killed worker leaves: the try begun, the note written, nothing recorded; then the diagnosis changes.
    row = TicketNote.objects.get()
    served.notes["901"] = [{"id": "n1", "text": f"Cause: …\nhttps://altor/#altor-{row.marker}"}]
    TicketNote.objects.update(attempts=1, is_unsure=True, not_before=timezone.now() + timedelta(seconds=45))
    Investigation.objects.filter(pk=run.pk).update(
        diagnosis=factories.diagnosis(candidates=[factories.candidate("rl.retry_storm", "Retries", 0.8)])
    )
    notes.run_ended(Investigation.objects.select_related("ticket").get(pk=run.pk))
    assert notes.sweep(now=timezone.now() + timedelta(minutes=5)) <= 1
    push(now=timezone.now() + timedelta(minutes=5))
    [note] = served.notes["901"]
    assert "Retries" in note["text"]


def test_a_diagnosis_that_comes_while_a_try_is_under_way_waits_for_its_end(
    desk: tuple[Desk, str], ticket: Ticket
) -> None:
    run = begun(ticket)
    # The first try has begun and has no answer yet.
    TicketNote.objects.update(attempts=1, is_unsure=True, not_before=timezone.now() + timedelta(seconds=45))
    trying, queued = TicketNote.objects.select_related("ticket").get(), OrmQ.objects.count()
    ended(run, ticket)
    assert OrmQ.objects.count() == queued
    assert push() is None
    done = {"external_id": "n1", "sent_digest": trying.wanted_digest}
    row = notes._written(trying, done, timezone.now())
    assert (row.status, row.external_id, row.is_unsure, row.not_before) == ("waiting", "n1", False, None)
    assert OrmQ.objects.count() == queued + 1


def test_a_desk_that_is_down_is_asked_again_and_given_up_in_the_end(desk: tuple[Desk, str], ticket: Ticket) -> None:
    served, _ = desk
    ended(None, ticket)
    now, waits = timezone.now(), []
    for _ in range(notes.MAX_TRIES):
        served.broken = [Answer(500, {})] * 4
        note = push(now=now)
        assert note is not None
        if note.not_before is not None:
            waits.append(round((note.not_before - now).total_seconds()))
            now = note.not_before
    assert waits[:4] == [5, 15, 45, 135]
    assert TicketNote.objects.get().status == "failed"
    assert "901" not in served.notes


def test_tries_that_were_killed_neither_count_nor_lengthen_the_wait(
    desk: tuple[Desk, str], ticket: Ticket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise SystemExit

    served, _ = desk
    ended(None, ticket)
    now = timezone.now()
    with monkeypatch.context() as patch:
        patch.setattr(notes, "_written", killed)  # the helpdesk has it, and nothing of that is recorded
        for _ in range(notes.MAX_TRIES + 1):
            with pytest.raises(SystemExit):
                push(now=now)
            assert push(now=now) is None  # nobody else takes it up before its time
            now += timedelta(minutes=1)
    served.broken = [Answer(500, {})] * 4
    note = push(now=now)
    assert note is not None and note.not_before == now + timedelta(seconds=5) and note.status == "waiting"
    served.broken = []
    note = push(now=note.not_before)
    assert note is not None and note.status == "done" and len(served.notes["901"]) == 1


def test_a_refused_credential_is_not_tried_again(desk: tuple[Desk, str], ticket: Ticket) -> None:
    HelpdeskConnection.objects.update(secret="another-fake-token")
    ended(None, ticket)
    note = push()
    assert note is not None
    assert (note.status, note.attempts) == ("failed", 1)
    assert "401" in note.reason


def test_a_limit_is_waited_for(desk: tuple[Desk, str], ticket: Ticket) -> None:
    served, _ = desk
    ended(None, ticket)
    served.broken = [Answer(429, {}, headers={"Retry-After": "300"})]
    now = timezone.now()
    note = push(now=now)
    assert note is not None and note.not_before is not None
    assert note.not_before >= now + timedelta(seconds=295)


def test_where_notes_cannot_be_changed_one_is_written_per_diagnosis(
    desk: tuple[Desk, str], ticket: Ticket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Generic, "can_edit_notes", False)
    served, _ = desk
    run = begun(ticket)
    assert not TicketNote.objects.exists()
    ended(run, ticket)
    served.loses_answer = True
    push()
    push(now=timezone.now() + timedelta(hours=2))
    assert len(served.notes["901"]) == 1
    other = factories.diagnosis(candidates=[factories.candidate("rl.retry_storm", "Retries", 0.8)])
    ended(None, ticket, diagnosis=other)
    push()
    assert ["Retries" in one["text"] for one in served.notes["901"]] == [False, True]


def test_tags_and_fields_tell_the_result(desk: tuple[Desk, str], ticket: Ticket) -> None:
    served, _ = desk
    row = HelpdeskConnection.objects.get()
    row.writes_tags, row.options = True, {**row.options, "result_fields": {"370": "label", "371": "confidence"}}
    row.save()
    ended(None, ticket)
    push()
    assert served.tags["901"] == ["altor", "altor-rate-limit"]
    assert served.tickets["901"]["custom"] == {"370": "rl.limiter_deploy", "371": "0.86"}
    ended(None, ticket, confidence=0.9)
    push()
    assert served.tags["901"] == ["altor", "altor-rate-limit"]
    assert served.tickets["901"]["custom"]["371"] == "0.90"


def test_without_the_switch_nothing_is_written(desk: tuple[Desk, str], ticket: Ticket) -> None:
    HelpdeskConnection.objects.update(writes_notes=False)
    ended(None, ticket)
    assert not TicketNote.objects.exists()
