"""Figures as people read them, placeholders, promises, similarity."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.replies.filling import names_in, strangers_in, substitute
from knowledge.replies.language import language_of
from knowledge.replies.placeholders import PLACEHOLDERS
from knowledge.replies.promises import read_promise, update_spans
from knowledge.replies.similarity import difference, similarity
from knowledge.replies.suggestions import replacement_in
from knowledge.replies.values import smoothed
from knowledge.replies.wording import count, lasting, moment, share, span

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("value", "en", "de"),
    [
        (0.417, "about 40%", "etwa 40 %"), (0.43, "about 45%", "etwa 45 %"), (0.071, "about 7%", "etwa 7 %"),
        (0.004, "less than 1%", "weniger als 1 %"), (0.982, "nearly 100%", "fast 100 %"), (0.0, "0%", "0 %"),
        (1.0, "100%", "100 %"), (0.0951, "about 10%", "etwa 10 %"),
    ],
)  # fmt: skip
def test_shares(value: float, en: str, de: str) -> None:
    assert (share(value, "en"), share(value, "de")) == (en, de)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (2.347, "about 2.3 seconds"), (0.27, "about 270 milliseconds"), (1.0, "about 1 second"),
        (130, "about 2.2 minutes"), (5400, "about 1.5 hours"), (259_200, "about 3 days"), (0.0, "about 0 milliseconds"),
    ],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert lasting(seconds, "en") == text


@pytest.mark.parametrize(("value", "text"), [(7, "7"), (20, "20"), (8412, "about 8,400"), (19563, "about 20,000")])
def test_counts(value: float, text: str) -> None:
    assert count(value, "en") == text


@given(st.floats(0, 1, allow_nan=False))
def test_a_share_is_never_told_further_off_than_its_rounding(value: float) -> None:
    said = share(value, "en")
    points = float(said.rpartition(" ")[2].rstrip("%"))
    assert abs(points - value * 100) <= 2.5 + 1e-9


@given(st.floats(1e-3, 1e8, allow_nan=False))
def test_a_duration_keeps_two_digits(seconds: float) -> None:
    _, number, unit = lasting(seconds, "en").split(" ")
    size = {"mill": 1e-3, "seco": 1, "minu": 60, "hour": 3600, "day": 86400, "days": 86400}[unit[:4]]
    assert abs(float(number.replace(",", "")) * size - seconds) <= 0.051 * seconds


def test_times_carry_their_zone() -> None:
    assert moment(NOW, "en") == "12:00 UTC on 1 May"
    assert moment(NOW.astimezone(BERLIN), "de", about=True) == "etwa 14:00 Uhr (CEST) am 1. Mai"
    assert span(NOW, NOW.replace(hour=13, minute=2), "en") == "12:00 and 13:00 UTC on 1 May"


def test_a_filled_sentence_reads_well() -> None:
    assert smoothed("about 45% fail. about about 40% wait, changed on 02:22 UTC on 3 May") == (
        "About 45% fail. About 40% wait, changed at 02:22 UTC on 3 May"
    )


# ---------------------------------------------------------------------------------------------------- placeholders
@pytest.mark.parametrize(
    "text",
    [
        "{share.__class__}", "{share!r}", "{share:>999999999}", "{0}", "{share[0]}", "{ share }", "{settings.KEY}",
        "{self}", "{SHARE}", "{share|upper}", "{nothing}",
    ],
)  # fmt: skip
def test_only_the_fixed_list_is_a_placeholder(text: str) -> None:
    assert strangers_in(text) == [text[1:-1]]
    assert substitute(text, {"share": "40%"}) == text


@pytest.mark.parametrize("text", ["{{share}}", "{{{share}}}", "{{ 7*7 }}", "{% debug %}", "{", "}{", "${HOME}}", "{}"])
def test_nested_and_broken_braces_are_text(text: str) -> None:
    assert substitute(text, {"share": "40%"}) == text


def test_a_value_is_never_read_again() -> None:
    assert substitute("{share} {count}", {"share": "{count}", "count": "{share}"}) == "{count} {share}"


@given(st.text(max_size=300))
def test_substitution_of_nothing_changes_nothing(text: str) -> None:
    assert substitute(text, {}) == text
    assert set(names_in(text)) <= set(names_in(text + "{share}"))


def test_huge_and_nested_texts_are_fast() -> None:
    began = time.perf_counter()
    for text in ("{" * 100_000, "{share}" * 20_000, "{a" * 50_000, "{" + "a" * 100_000 + "}"):
        substitute(text, {"share": "x" * 100})
        strangers_in(text)
    assert time.perf_counter() - began < 30


def test_every_placeholder_has_words_in_every_language() -> None:
    for one in PLACEHOLDERS.values():
        assert one.title and one.example and set(one.unknown) == {"en", "de"}
        assert one.is_courtesy or all(one.unknown.values()), one.name


# -------------------------------------------------------------------------------------------------------- promises
@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("You will hear from us again by 16:00 UTC on 1 May.", "2026-05-01T16:00"),
        ("We will write to you again within two hours.", "2026-05-01T14:00"),
        ("Update in 30 minutes.", "2026-05-01T12:30"),
        ("You will get an update tomorrow.", "2026-05-02T15:00"),
        ("We update you by tomorrow 10:00.", "2026-05-02T08:00"),
        ("We'll get back to you by 3 pm UTC.", "2026-05-01T15:00"),
        ("We will let you know by Monday.", "2026-05-04T15:00"),
        ("You will hear from us again by 11:00 UTC.", "2026-05-02T11:00"),
        ("Sie hören bis 16:00 Uhr (UTC) am 1. Mai wieder von uns.", "2026-05-01T16:00"),
        ("Wir melden uns innerhalb von zwei Stunden.", "2026-05-01T14:00"),
        ("Wir schreiben Ihnen bis morgen 10 Uhr.", "2026-05-02T08:00"),
        ("Next update by 16:00 UTC, then tomorrow. We write again within 3 hours.", "2026-05-01T15:00"),
    ],
)
def test_a_promise_is_read(text: str, due: str) -> None:
    found = read_promise(text, now=NOW, zone=BERLIN)
    assert found is not None and f"{found.due_at.astimezone(UTC):%Y-%m-%dT%H:%M}" == due


@pytest.mark.parametrize(
    "text",
    [
        "A refund then shows within 5 to 10 business days.", "Requests failed since 10:00 UTC.", "",
        "We will write to you again when we know more.", "Please tell us by phone.", "Your keys work until 16:00.",
        "You will hear from us again by 25:99.", "We will write again within 900 days.",
    ],
)  # fmt: skip
def test_what_promises_no_update_is_none(text: str) -> None:
    assert read_promise(text, now=NOW, zone=BERLIN) is None


@given(st.text(max_size=500))
def test_any_text_is_read_without_harm(text: str) -> None:
    found = read_promise(text, now=NOW)
    assert found is None or found.due_at > NOW
    assert all(0 <= first <= last <= len(text) for first, last in update_spans(text))


# ------------------------------------------------------------------------------------------------------ similarity
def test_similarity_counts_words() -> None:
    draft = "Hello Noor, about 45% of your requests are answered 429. Kind regards"
    assert similarity(draft, draft.replace(" ", "  ").replace(". ", ".\n\n")) == 1
    assert 0.9 <= similarity(draft, draft.replace("Noor", "Nora")) < 1
    assert similarity(draft, "Something else entirely was written here by a person") < 0.3
    assert similarity("", "x") == 0 and similarity("", "") == 1


@given(st.lists(st.sampled_from("abcd"), max_size=60), st.lists(st.sampled_from("abcd"), max_size=60))
def test_a_difference_gives_back_both_texts(before: list[str], after: list[str]) -> None:
    old, new = " ".join(before), " ".join(after)
    parts = list(difference(old, new))
    assert "".join(text for look, text in parts if look != "new") == old
    assert "".join(text for look, text in parts if look != "gone") == new
    assert 0 <= similarity(old, new) <= 1 and (similarity(old, new) == 1) is (before == after)


def test_long_texts_are_compared_in_time() -> None:
    began = time.perf_counter()
    similarity("a b c d " * 2500, "b a d c " * 2500)
    list(difference("a b " * 5000, "b a " * 5000))
    assert time.perf_counter() - began < 60


def test_the_language_of_a_text() -> None:
    assert language_of("We have looked at your requests and they are fine") == "en"
    assert language_of("Wir haben uns Ihre Anfragen angesehen und sie sind nicht betroffen") == "de"
    assert language_of("429 429", "de") == "de"


def test_one_wording_is_taken_out_of_an_advice() -> None:
    assert replacement_in("Say “some customers”.") == "some customers"
    assert replacement_in("Say “one” or “two”.") == "" and replacement_in("Leave it out.") == ""
    assert replacement_in("Name the time, as in “I will write to you by 16:00 UTC today”.") == ""
    assert replacement_in("Say “by 16:00 UTC”.") == ""
