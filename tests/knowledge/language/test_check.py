"""What the check says of a reply, rule by rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from knowledge.language.backing import Backing
from knowledge.language.check import check, covers
from knowledge.language.findings import Kind
from knowledge.language.names import Directory
from knowledge.language.quantities import Quantity

NAMES = Directory(
    services=frozenset({"quillrouter", "payment-gateway", "search"}),
    hosts=frozenset({"db-07.fra.vendor.example"}),
    people=frozenset({"Ottilie Kranz", "May Sorrel", "Will Hartog"}),
    repositories=frozenset({"vendor/quill-core"}),
    other_customers=frozenset(
        {"Tormund Logistics GmbH", "tormund.example", "org_9f8e7d6c5b", "Apple", "Signal", "Blue River"}
    ),
    own=frozenset(
        {"Harbour & Sons", "harbour.example", "lena@harbour.example", "+44 20 7946 0123", "198.51.100.7", "Parcelline"}
    ),
)


def kinds(text: str, **options: object) -> list[str]:
    return [str(one.kind) for one in check(text, NAMES, **options)]


@pytest.mark.parametrize(
    "text",
    [
        "the fault was in quillrouter",
        "QUILLROUTER was slow",
        "Quillrouter’s queue",
        "quill\u200brouter",
        "ｑｕｉｌｌｒｏｕｔｅｒ",
        "quіllrоuter",  # Cyrillic i and o
        "payment-gateway and payment_gateway",
        "the payment gateway service",
        "Kranz, Ottilie wrote",
        "see db-07.fra.vendor.example",
        "restart db-07 please",
        "it is in vendor/quill-core",
        "it is in quill-core",
        "ask May Sorrel",
        "my colleague May",
        "I asked Will",
        "May has looked at it",
    ],
)
def test_an_internal_name_is_found_however_it_is_written(text):
    assert "internal_name" in kinds(text)


@pytest.mark.parametrize(
    "text",
    [
        "Tormund Logistics",
        "TORMUND LOGISTICS GMBH",
        "Tormund's import",
        "tormund.example",
        "org_9f8e7d6c5b",
        "Signal reported this too",
        "like Apple, you send retries",
        "Blue River",
    ],
)
def test_another_customer_is_found_with_and_without_legal_form(text):
    assert kinds(text) == ["other_customer"]


@pytest.mark.parametrize(
    "text",
    [
        "in May you may search the list",
        "Will it work?",
        "your payment gateway answers with 402",
        "search for the id",
        "on an Apple device",
        "a signal was sent",
        "the blue river on the picture",
        "GET /v2/search?q=1",
        "we write to lena@harbour.example",
        "Harbour & Sons",
        "calls to api.harbour.example from 198.51.100.7",
        "call us back at +44 20 7946 0123",
        "Parcelline",
    ],
)
def test_words_that_are_also_names_and_what_is_their_own_pass(text):
    assert kinds(text) == []


def test_own_names_win_over_a_part_but_not_over_a_longer_name():
    names = Directory(
        other_customers=frozenset({"Harbour", "Harbour & Sons Trading"}), own=frozenset({"Harbour & Sons"})
    )
    assert check("Harbour & Sons pays monthly", names) == []
    assert [one.quote for one in check("Harbour & Sons Trading pays monthly", names)] == ["Harbour & Sons Trading"]


def test_everybody_may_stand_among_the_other_customers():
    everybody = frozenset({"Tormund Logistics", "tormund.example", "Signal", "Brightwater"})
    here = Directory(other_customers=everybody, own=frozenset({"Tormund Logistics", "tormund.example"}))
    assert check("Tormund asked us, Tormund Logistics pays, mail to ops@tormund.example", here) == []
    assert [one.quote for one in check("Tormund is not Brightwater", here)] == ["Brightwater"]


@pytest.mark.parametrize("name", ["Next plc", "Bank of America", "Digits"])
def test_a_name_of_ordinary_words_is_known_in_its_own_form_only(name):
    names = Directory(other_customers=frozenset({name}))
    assert [one.quote for one in check(f"We saw the same at {name} last week.", names)] == [name]
    assert check(f"The last digits are next to the bank of america, {name.split()[0].lower()} of them.", names) == []


def test_offsets_point_into_the_text_as_written():
    text = "Ｗｅ ａｓｋｅｄ ﬁrst: quill\u200brouter was slow"
    (found,) = check(text, NAMES)
    assert text[found.start : found.end] == found.quote == "quill\u200brouter"


def test_every_finding_says_why_and_offers_something_and_only_leaks_block():
    found = check("Probably quillrouter, see ENG-12. We fix it ASAP.", NAMES)
    assert [one.kind for one in found] == [Kind.SPECULATION, Kind.INTERNAL_NAME, Kind.INTERNAL_ID, Kind.VAGUE_PROMISE]
    assert all(one.why and one.suggestion for one in found)
    assert [one.is_leak for one in found] == [False, True, True, False]


def test_of_two_leaks_in_one_place_one_is_told():
    assert kinds("write to ottilie.kranz@tormund.example") == ["personal_data"]
    assert kinds("https://github.com/vendor/quill-core/pull/7") == ["internal_id"]


@pytest.mark.parametrize(
    "text",
    [
        "curl -u admin:hunter2pass https://api.vendor.example/",
        "see https://admin:hunter2pass@api.vendor.example/",
        "amqps://queue.vendor.example/main",
        "TOKEN_SECRET: k3k3-abab-9292",
        "https://files.vendor.example/x?sig=0123456789abcdef0123",
        "password=swordfish",
    ],
)
def test_a_secret_is_found_by_where_it_stands(text):
    assert "secret" in kinds(text)


@pytest.mark.parametrize(
    "text",
    [
        "Basic authentication is switched off",
        "password: see the mail",
        "API_KEY=<your key>",
        "Authorization: Bearer $TOKEN_OF_YOURS",
        "the class PaymentIntentCreateParams2Builder",
        "/v2/accounts/7/exports/2025-06-30-full",
        "7b0f6a52-90c5-4d2c-8a77-0f1f8a8f7a10",
    ],
)
def test_what_only_resembles_a_secret_passes(text):
    assert kinds(text) == []


def test_quotations_and_code_are_not_the_writers_wording():
    assert kinds("> it never works, probably\n\nYou wrote “it will never work”. Send `span` along.") == []


@pytest.mark.parametrize(
    ("language", "known"), [("en", True), ("de-AT", True), ("DE", True), ("fr", False), ("", False)]
)
def test_an_unknown_language_is_checked_for_leaks_only(language, known):
    assert covers(language) is known
    assert kinds("Der Fehler war in quillrouter", language=language) == ["internal_name"]
    assert (len(kinds("probably vermutlich", language=language)) == 1) is known


def test_claims_are_held_against_values_of_every_sort():
    backing = Backing.of(
        [
            datetime(2025, 5, 6, 14, 2, tzinfo=UTC),
            timedelta(minutes=38),
            Quantity(0.034, "ratio"),
            412,
            "plan Growth, 49.00 EUR",
        ],
        names=["rate limit"],
    )
    said = (
        "At 14:02 UTC on 6 May 412 calls failed for 38 minutes, 3.4 % of all, due to the rate limit. It costs 49 EUR."
    )
    assert kinds(said, backing=backing) == []
    promised = "The next update follows by 19:00 UTC. We raise the limit to 900 by 17:00 UTC."
    assert kinds(promised, backing=Backing.of([900])) == []
    other = (
        "At 15:30 UTC on 7 May 800 calls failed for 2 hours, 9 % of all, due to a broken cable. The plan costs 59 EUR."
    )
    assert kinds(other, backing=backing) == ["unbacked"] * 7
    assert "unbacked" not in kinds(other)


@pytest.mark.parametrize(
    ("said", "fact", "is_backed"),
    [
        ("we saw 400 errors", 412, True),
        ("we saw 500 errors", 412, False),
        ("more than 400 calls", 412, True),
        ("more than 200 calls", 412, False),
        ("up to 450 calls", 412, True),
        ("about 430 calls", 412, True),
        ("it took 3 seconds", "3092 ms", True),
        ("it took 3.2 s", "3092 ms", False),
        ("it cost 49.00 EUR", "4900.00 EUR", False),
        ("it cost 50 EUR", "49.00 EUR", False),
        ("it took 30 minutes", 30, True),
        ("3.4 % failed", 0.034, True),
        ("at 16:02 CEST it began", datetime(2025, 5, 6, 14, 2, tzinfo=UTC), True),
        ("at about 14:00 UTC it began", datetime(2025, 5, 6, 14, 9, tzinfo=UTC), True),
        ("at 14:20 UTC it began", datetime(2025, 5, 6, 14, 9, tzinfo=UTC), False),
        ("on 2025-05-07 it began", datetime(2025, 5, 6, 14, 9, tzinfo=UTC), False),
    ],
)
def test_a_fair_rounding_is_backed_and_another_figure_is_not(said, fact, is_backed):
    assert kinds(said.capitalize() + ".", backing=Backing.of([fact])) == ([] if is_backed else ["unbacked"])
