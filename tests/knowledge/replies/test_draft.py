"""A draft says nothing that the run's evidence does not carry."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import timezone

from investigations.diagnosis.texts import slots
from investigations.models import Investigation, TicketMirror
from knowledge.replies.draft import Draft, draft, usual_next_update
from knowledge.replies.drafts import Wish, propose
from knowledge.replies.evidence import RunFacts
from knowledge.replies.format import PARTS, from_file, library_files
from knowledge.replies.placeholders import PLACEHOLDERS
from tests import factories as make
from tests.knowledge.replies import cases
from tests.shipped import reply_templates

pytestmark = pytest.mark.django_db

FORMS = {path.stem: from_file(path.name, path.read_text()) for path in library_files()}
#: Figures, times and ids as they stand in a text.
TOLD = re.compile(r"\d[\d.,:]*\d|\d")
UNITS = {
    "milli": 1e-3,
    "sec": 1.0,
    "sek": 1.0,
    "min": 60.0,
    "hour": 3600.0,
    "stund": 3600.0,
    "day": 86400.0,
    "tag": 86400.0,
}


def filled(run: Investigation, name: str, facts: RunFacts | None = None) -> Draft:
    form = FORMS[name]
    due = usual_next_update(run, cases.CLOCK)
    return draft(
        form.parts, ticket=run.ticket, run=run, kind=form.kind, language=form.language, next_update_at=due, facts=facts
    )


def stored_with(run: Investigation, refs: list[str]) -> str:
    """Everything that the evidence states, or that was stored with the step it belongs to."""
    found: list[Any] = []
    for item in run.evidence.select_related("step").filter(ref_id__in=refs):
        found += [item.summary, item.title, item.ref, item.figures, item.rows, str(item.at), item.step.facts]
    return json.dumps(found, default=str)


def numbers_in(text: str) -> list[float]:
    return [float(one) for one in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", text)]


def is_rounding(shown: str, value: float, language: str) -> bool:
    """Whether the words are the stated rounding of the value; worked out here apart from the code under test."""
    said = re.search(r"\d[\d.,]*", shown)
    if said is None:
        return False
    text = said[0].rstrip(".,")
    if language == "de":
        text = text.replace(".", "").replace(",", ".")
    told = float(text.replace(",", ""))
    if "%" in shown:
        points = value * 100
        if "less" in shown or "weniger" in shown:
            return 0 < points < 1 and told == 1
        if "nearly" in shown or "fast" in shown:
            return 97.5 <= points < 100 and told == 100
        return abs(points - told) <= (2.5 if points >= 9.5 else 0.5) + 1e-9
    size = next((seconds for unit, seconds in UNITS.items() if unit in shown.lower()), 1.0)
    given = told * size
    return abs(given - value) <= 0.05 * abs(value) + 1e-9 or abs(given - value / 1000) <= 0.05 * abs(value / 1000)


def is_carried(fact: dict[str, Any], run: Investigation, language: str) -> bool:
    value, shown = fact["value"], fact["shown"]
    if not fact["evidence"]:
        return False
    if not shown:
        return True  # the sentence has no figure: it rests on the diagnosis
    if fact["evidence"] == ["ticket"]:
        return str(value) in json.dumps(run.inputs)
    stored = stored_with(run, fact["evidence"])
    if fact["name"] == "scope":
        return run.diagnosis["scope"]["kind"] in ("all", "customer") or str(run.diagnosis["scope"]["value"]) in stored
    if fact["name"] in ("onset", "onset_between"):
        ends = value if isinstance(value, list) else [value]
        wanted = {datetime.fromisoformat(end) for end in ends}
        times = re.findall(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z|\+00:00)?", stored)
        have = {datetime.fromisoformat(one).replace(tzinfo=UTC, microsecond=0) for one in times}
        return wanted <= have
    if isinstance(value, list):
        return all(str(part) in stored or float(part) in numbers_in(stored) for part in value)
    if isinstance(value, float | int):
        if not any(abs(one - value) <= 1e-6 * abs(value) for one in numbers_in(stored)):
            return False
        exact = f"{value:,.0f}" in shown or f"{value:.1f}" in shown or f"{value:.2f}" in shown
        return exact or is_rounding(shown, float(value), language)
    return str(value) in stored


@pytest.mark.parametrize(("key", "label"), cases.causes())
@pytest.mark.slow
def test_every_figure_of_a_draft_is_in_the_evidence_it_names(key: str, label: str) -> None:
    for seed in range(2):
        run = cases.stored(key, label, seed)
        facts = RunFacts(run)
        for name, form in FORMS.items():
            if form.kind != "answer":
                continue
            found = filled(run, name, facts)
            literal = template_words(facts, form.parts)
            for one in found.as_dicts():
                for fact in one["facts"]:
                    assert is_carried(fact, run, form.language), (name, seed, fact)
                shown = " ".join([fact["shown"] for fact in one["facts"]] + [literal])
                if one["kind"] == "fact":
                    strangers = [told for told in TOLD.findall(one["text"]) if told not in shown]
                    assert strangers == [], (name, seed, one)
                    assert one["facts"], (name, one)


def template_words(facts: RunFacts, parts: dict[str, str]) -> str:
    """What stands in template and playbook themselves, outside of what is filled in."""
    spec = facts.hypothesis.reply if facts.hypothesis else None
    texts = [parts[part] for part in PARTS]
    for text in (spec.observed, spec.scope, spec.next_step, spec.eta) if spec else ():
        for expression, form in slots(text):
            text = text.replace(f"{{{expression}|{form}}}" if form else f"{{{expression}}}", "")
        texts.append(text)
    return " ".join(texts)


@pytest.mark.parametrize(("key", "label"), cases.causes()[::6])
def test_the_same_run_gives_the_same_draft(key: str, label: str) -> None:
    run = cases.stored(key, label, 1)
    again = Investigation.objects.get(pk=run.pk)
    for name in FORMS:
        assert filled(run, name) == filled(again, name)


@pytest.mark.parametrize("confidence", [0.0, 0.1, 0.39])
@pytest.mark.parametrize("name", sorted(FORMS))
def test_below_medium_confidence_no_cause_is_named(name: str, confidence: float) -> None:
    run = cases.stored("rate_limit", "rl.retry_storm", 1)
    run.diagnosis["candidates"][0]["confidence"] = confidence
    run.save()
    text = filled(run, name).text
    assert "repeats" not in text and "Retry-After" not in text and "429." not in text.replace("429 abgelehnt", "")
    assert not re.search(r"\d+ ?%", text)


def test_an_inconclusive_diagnosis_asks_and_names_nothing() -> None:
    reply_templates()
    run = make.finished_run(diagnosis=make.diagnosis(candidates=[make.candidate("inconclusive", "Nothing", 0.6)]))
    made = propose(run.ticket, user=None, wish=Wish(), now=timezone.now())
    assert made.version is not None and made.version.template.key == "undecided-en"
    assert "cannot yet name the cause" in made.draft.text and "request id" in made.draft.text


def test_a_fact_without_evidence_is_not_told() -> None:
    run = cases.stored("rate_limit", "rl.retry_storm", 1)
    assert "429" in filled(run, "any-cause-en").text
    run.evidence.all().delete()
    found = filled(run, "any-cause-en")
    assert "429" not in found.text and "cause_observed" in found.unknown


def test_what_is_not_known_is_said_to_be_unknown_and_not_left_out() -> None:
    run = cases.stored("rate_limit", "rl.retry_storm", 1)
    for name, one in PLACEHOLDERS.items():
        if one.is_courtesy or name == "next_update":
            continue
        run.evidence.all().delete()
        said = draft({"observed": f"It is {{{name}}}."}, ticket=run.ticket, run=run).as_dicts()
        if said and said[0]["kind"] == "unknown":
            assert said[0]["text"].startswith(("We ", "If you can"))
        else:
            assert name in ("endpoint",), (name, said)  # the ticket names it


def test_times_are_told_in_the_customers_zone() -> None:
    run = cases.stored("rate_limit", "rl.retry_storm", 1)
    in_utc = filled(run, "rate-limit-de").text
    TicketMirror.objects.create(ticket=run.ticket, fields={"requester": {"timezone": "Asia/Tokyo"}})
    run = Investigation.objects.select_related("ticket").get(pk=run.pk)
    assert "(UTC)" in in_utc and "(JST)" in filled(run, "rate-limit-de").text
    TicketMirror.objects.update(fields={"requester": {"timezone": "../etc/passwd"}})
    run = Investigation.objects.select_related("ticket").get(pk=run.pk)
    assert "(UTC)" in filled(run, "rate-limit-de").text


def test_a_beginning_that_is_known_roughly_is_told_roughly() -> None:
    run = make.finished_run()
    found = draft({"observed": "It began at {since}. That is between {between}."}, ticket=run.ticket, run=run)
    assert found.text == "It began at about 10:00 UTC on 1 May. That is between 09:10 and 10:45 UTC on 1 May."


def test_no_time_is_promised_that_no_source_gives() -> None:
    run = cases.stored("api_error", "err.deploy_5xx", 1)
    text = filled(run, "api-error-en").text
    assert "We cannot promise yet when this is resolved." in text and "You will hear from us again by" in text


def test_high_confidence_is_claimed_only_where_the_diagnosis_has_it() -> None:
    run = cases.stored("webhook", "wh.endpoint_gone", 1)
    for band in ("High", "Medium"):
        run.diagnosis["candidates"][0]["band"] = band
        assert ("(high confidence)" in filled(run, "webhook-en").text) is (band == "High")


def test_hostile_text_of_evidence_stays_text() -> None:
    evil = "GET /x\u202e {share} {{ 7*7 }}\n\nIgnore all rules \x07" + "y" * 900
    run = make.finished_run(diagnosis=make.diagnosis(scope={"kind": "endpoint", "value": evil}))
    run.evidence.filter(ref_id="E1").update(ref={"route": evil})
    found = draft({"scope": "This is {affected}."}, ticket=run.ticket, run=run).text
    assert "{share} {{ 7*7 }}" in found and "\u202e" not in found and "\x07" not in found and "\n" not in found
    assert len(found) < 400


@pytest.mark.parametrize("name", ["", "noor@evil.example", "<script>", "Bobby'); DROP", "1234", "x" * 200])
def test_a_name_that_is_none_is_not_used(name: str) -> None:
    run = make.finished_run(make.ticket(requester_name=name))
    assert draft({"greeting": "Hello {customer_name},"}, ticket=run.ticket, run=run).text in (
        "Hello,",
        "Hello Bobby'),",
    )
