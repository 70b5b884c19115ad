"""What the text model learns from, when it is used, and that it answers as scikit-learn would."""

from __future__ import annotations

import math
import subprocess
import sys
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from altor.errors import Conflict
from altor.models import AuditEvent
from investigations.engine.inputs import build_inputs
from investigations.engine.triage import decide
from investigations.models import TextModel, Ticket
from investigations.profile import Profile
from investigations.services import textmodel
from investigations.services.runs import record_feedback
from investigations.services.tickets import known_playbooks, upsert_ticket
from investigations.textmodel.judging import by_chance, split
from investigations.textmodel.terms import terms_of
from investigations.textmodel.training import Sample, learn, vocabulary
from tests import factories
from tests.factories import NOON
from tests.textmodel.scene import SAID, customers, history, told

pytestmark = pytest.mark.django_db


def trained(now=NOON) -> TextModel:
    return textmodel.train(now=now)[0]


def arrived(text: str) -> Ticket:
    body = {"id": "9001", "subject": "Hi", "description": text, "created_at": NOON.isoformat()}
    return upsert_ticket(body, now=NOON)[0]


def goes_to(ticket: Ticket) -> str:
    """By the words alone: the traffic is not looked at."""
    first_look = next(book for book in known_playbooks() if book.key == "triage")
    return decide(first_look, build_inputs(ticket, as_of=NOON, profile=Profile()), {}).playbook_key


def test_it_is_used_when_it_sends_newer_tickets_right_that_the_rules_do_not():
    history()
    made = trained()
    assert textmodel.state().is_on, made.why
    figures = made.figures
    assert figures["with_model"] == figures["held"] == 50
    assert figures["by_rules"] < 25
    assert figures["chance"] < 0.001
    ticket = arrived("The courier is silent since the morning")
    read = ticket.class_why["model"]
    assert read["probabilities"]["webhook"] > 0.5
    assert "'courier' (in" in read["words"]["webhook"]
    assert goes_to(ticket) == "webhook"


def test_where_the_words_tell_nothing_of_the_class_it_stays_off_and_says_why():
    history(shift=1)
    made = trained()
    state = textmodel.state()
    assert not state.is_on
    assert made.document is None
    assert "of 50 newer tickets it mends" in state.why
    assert "model" not in arrived("The courier is silent").class_why


def test_it_stays_off_where_the_rules_are_right_already():
    whose = customers()
    for n in range(150):
        text, is_about = ("Too many requests, 429", "rate_limit") if n % 2 else ("We were charged twice", "billing")
        told(text, is_about, whose[n // 2 % 4], n)
    assert not trained().is_better
    assert "changes nothing" in textmodel.state().why


def test_few_tickets_are_counted_and_teach_nothing():
    history(30)
    assert not trained().is_better
    assert textmodel.state().why == "30 tickets with a known class; 134 are needed to learn from and to judge on."


def test_a_correction_changes_what_is_learned():
    tickets = history()
    before = trained()
    assert textmodel.train(now=NOON) == (before, False)  # nothing became known since
    person = Client()
    person.force_login(factories.user(role="admin"))
    wrong = next(ticket for ticket in tickets if ticket.incident_class == "webhook")
    address = reverse("investigations:ticket-correct", args=[wrong.ref, "incident_class"])
    assert person.post(address, {"incident_class": "latency"}).status_code == 302
    after, is_new = textmodel.train(now=NOON)
    assert is_new
    counts = [{key: one["learned"] for key, one in made.figures["classes"].items()} for made in (before, after)]
    assert counts[1]["webhook"] == counts[0]["webhook"] - 1
    assert counts[1]["latency"] == counts[0]["latency"] + 1
    assert after.document != before.document


def test_what_the_rules_alone_said_teaches_nothing_and_what_people_said_of_a_run_does():
    factories.ticket(status="resolved")  # by rules only
    lead = factories.user(role="lead", teams=(factories.team(),))
    textmodel.train(now=NOON)  # loads the library
    taken = {}
    for verdict, label in (("accepted", ""), ("corrected", "lat.cache_loss"), ("corrected", "other.out_of_scope")):
        run = factories.run(factories.ticket(), status="done", top_label="rl.customer_burst", confidence=0.9)
        record_feedback(run, verdict=verdict, label=label, actor=lead)
        taken[run.ticket.ref] = verdict
    books = {book.key: book for book in known_playbooks()}
    assert [s.label for s in textmodel.samples_until(NOON, books)] == ["rate_limit", "latency", "none"]


def test_a_resolved_ticket_teaches_the_cause_that_its_run_was_sure_of():
    textmodel.train(now=NOON)
    for confidence, status in ((0.9, "resolved"), (0.5, "resolved"), (0.9, "diagnosed")):
        ticket = factories.ticket(status=status)
        factories.run(ticket, status="done", top_label="rl.customer_burst", confidence=confidence)
    books = {book.key: book for book in known_playbooks()}
    assert [s.label for s in textmodel.samples_until(NOON, books)] == ["rate_limit"]


def test_the_same_tickets_give_the_same_model():
    history()
    first = trained()
    document = first.document
    TextModel.objects.all().delete()
    assert trained().document == document


def test_the_future_is_not_learned_from():
    history()
    early, late = trained(NOON - timedelta(hours=4900)), trained(NOON)
    assert early.figures["learned"] + early.figures["held"] == 101
    assert late.figures["learned"] + late.figures["held"] == 168


# --------------------------------------------------------------------------------------------------------------- switch
def test_switched_off_it_is_silent_at_once_also_for_tickets_it_has_read():
    history()
    trained()
    ticket = arrived("The courier is silent")
    assert goes_to(ticket) == "webhook"
    lead = factories.user(role="lead")
    textmodel.switch(on=False, actor=lead, reason="We look at it on Monday")
    assert goes_to(ticket) == "triage"
    assert textmodel.state().why == f"Switched off by {lead}: We look at it on Monday"
    with pytest.raises(Conflict):
        textmodel.switch(on=False, actor=lead)
    assert AuditEvent.objects.filter(action="textmodel.switched").count() == 1


# ------------------------------------------------------------------------------------------------------ names and terms
def test_names_numbers_and_addresses_are_no_terms():
    words = terms_of(
        "Order 48213", "Ada Byron (ada@byron.example, +44 20 7946 0958) gets 429 from GET /v2/orders, id req_8f3a21bc",
        leave_out=["Ada Byron"],
    )  # fmt: skip
    assert words == ("order", "gets", "429", "from", "get", "v2", "orders", "id", "req")


def test_a_word_of_fewer_than_three_customers_is_not_learned():
    def sample(n: int, customer: str, *words: str) -> Sample:
        return Sample(f"T{n}", NOON + timedelta(hours=n), customer, words, "webhook", {})

    same = [sample(n, "a", "everybody", "project", "kestrel") for n in range(9)]
    others = [sample(20 + n, f"c{n}", "everybody") for n in range(2)]
    assert vocabulary([*same, *others]) == ["everybody"]


# ------------------------------------------------------------------------------------------------------------ inference
def test_it_answers_as_scikit_learn_would():
    samples = [
        Sample(f"T{n:03}", NOON + timedelta(hours=n), f"c{n % 5}", terms_of("", texts[n % 3]), label, {})
        for n in range(90)
        for label, texts in [list(SAID.items())[n // 3 % 3]]
    ]
    weights = learn(samples)
    assert weights is not None
    reader = TfidfVectorizer(analyzer=lambda words: words, vocabulary=list(weights.terms), sublinear_tf=True)
    table = reader.fit_transform([sample.words for sample in samples])
    theirs = LogisticRegression(C=10.0, max_iter=500).fit(table, [sample.label for sample in samples])
    for text in ("the courier is silent", "wheel wheel wheel brochures", "spinning spinning fair and unheard things"):
        words = terms_of("", text)
        read = weights.read(words)
        assert read is not None
        expected = dict(zip(theirs.classes_, theirs.predict_proba(reader.transform([words]))[0], strict=True))
        assert read.probabilities == pytest.approx(expected, abs=1e-4)
        assert math.fsum(read.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert weights.read(terms_of("", "unheard of")) is None


def test_two_classes_answer_as_scikit_learn_would():
    samples = [
        Sample(f"T{n:03}", NOON + timedelta(hours=n), f"c{n % 5}", terms_of("", SAID[label][n % 3]), label, {})
        for n in range(60)
        for label in [("webhook", "latency")[n // 3 % 2]]
    ]
    weights = learn(samples)
    assert weights is not None
    reader = TfidfVectorizer(analyzer=lambda words: words, vocabulary=list(weights.terms), sublinear_tf=True)
    table = reader.fit_transform([sample.words for sample in samples])
    theirs = LogisticRegression(C=10.0, max_iter=500).fit(table, [sample.label for sample in samples])
    words = terms_of("", "the courier is silent")
    read = weights.read(words)
    assert read is not None
    expected = dict(zip(theirs.classes_, theirs.predict_proba(reader.transform([words]))[0], strict=True))
    assert read.probabilities == pytest.approx(expected, abs=1e-4)


def test_reading_a_ticket_does_not_load_scikit_learn():
    code = (
        "import django; django.setup(); import sys, investigations.services.tickets, investigations.engine.work;"
        " sys.exit('sklearn' in sys.modules or 'scipy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0


# --------------------------------------------------------------------------------------------------------------- chance
@pytest.mark.parametrize(("better", "worse", "chance"), [(5, 0, 1 / 32), (0, 0, 1.0), (1, 1, 0.75), (8, 2, 56 / 1024)])
def test_chance_is_that_of_a_fair_coin(better, worse, chance):
    assert by_chance(better, worse) == pytest.approx(chance)


def test_the_newest_are_held_back():
    samples = [Sample(f"T{n}", NOON - timedelta(hours=n), "", (), "none", {}) for n in range(10)]
    older, newer = split(samples)
    assert (len(older), len(newer)) == (7, 3)
    assert max(s.at for s in older) < min(s.at for s in newer)
