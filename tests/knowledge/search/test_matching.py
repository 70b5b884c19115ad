"""The search from a text to the entries that explain it, and why."""

from __future__ import annotations

import pytest

from knowledge.entries.changes import change_state
from knowledge.entries.saving import create_entry, save_entry
from knowledge.models import Entry, SearchRow, SearchSpace, SearchTerm
from knowledge.search.embedding.model import embedder
from knowledge.search.finding import Filters, find
from knowledge.search.indexing import forget_entry
from knowledge.search.lexicon import number_of
from knowledge.search.matching import match
from tests.knowledge.entries.conftest import Cast

pytestmark = pytest.mark.django_db
TICKET = """\
Hello, since this morning our integration gets refused. We call GET /v2/orders every few seconds, as always, and about
half of the calls come back with 429 since we installed the new client. Could you have a look? Thanks, Noor"""


def _titles(cast: Cast, text: str, **filters: object) -> list[str]:
    return [one.entry.title for one in find(cast.agent, text, Filters(**filters)).found]  # type: ignore[arg-type]


def test_a_whole_ticket_finds_its_cause(cast: Cast, base: list[Entry]) -> None:
    answer = find(cast.agent, TICKET)
    assert answer.found[0].entry == base[0] and not answer.by_words_only
    why = answer.found[0].match
    assert why.names == ("get /v2/orders", "429") or set(why.names) == {"get /v2/orders", "/v2/orders", "429"}
    assert {"429", "v2 orders"} & {term.text for term in why.terms}
    assert sum(term.weight for term in why.terms) <= 1.0001 and why.terms[0].weight >= why.terms[-1].weight
    assert why.whole is not None and why.whole > 0.3


def test_other_words_for_the_same_are_found_by_the_model(cast: Cast, base: list[Entry]) -> None:
    assert (
        _titles(cast, "users cannot sign in, they are sent to the sign-in screen again and again")[0] == base[4].title
    )


@pytest.mark.parametrize("text", ["", "   ", "\x00", "the and of", "?!", "-", "'; DROP TABLE", "a" * 50_000])
def test_a_text_without_words_finds_nothing_and_breaks_nothing(cast: Cast, base: list[Entry], text: str) -> None:
    find(cast.agent, text)


def test_an_identifier_that_somebody_typed_comes_first(cast: Cast, base: list[Entry]) -> None:
    assert _titles(cast, "signature_invalid")[0] == base[2].title
    assert _titles(cast, "/v2/orders")[0] == base[0].title
    assert _titles(cast, "signature_invalid client update orders pause")[0] == base[2].title


def test_a_typing_error_is_mended_and_said(cast: Cast, base: list[Entry]) -> None:
    answer = find(cast.agent, "wrong invioce tax")
    assert answer.found[0].entry == base[3]
    assert dict(find(cast.agent, "signatur rotaton").mended) == {"rotaton": "rotation"}


def test_words_that_are_only_alike_are_not_mended(cast: Cast, base: list[Entry]) -> None:
    assert dict(find(cast.agent, "cleint updtae").mended) == {"cleint": "client", "updtae": "update"}
    assert not find(cast.agent, "clients invoicing backups sign").mended
    assert not find(cast.agent, "patient loads ordered taxi").mended


def test_what_was_saved_is_found_in_the_same_transaction(cast: Cast, base: list[Entry]) -> None:
    assert _titles(cast, "zeppelin")[:1] != ["Zeppelins are late"]
    entry = create_entry({"title": "Zeppelins are late"}, actor=cast.agent)
    assert _titles(cast, "zeppelin")[0] == entry.title
    save_entry(entry, {"title": "Airships are late"}, actor=cast.agent)
    assert _titles(cast, "airships")[0] == "Airships are late"
    found = match("zeppelin", readable=Entry.objects.all()).matches
    assert all(one.words == 0 for one in found) or not found


def test_counts_stay_right_through_saves_and_removals(cast: Cast, base: list[Entry]) -> None:
    entry = create_entry({"title": "Zeppelins are late", "symptoms": "zeppelin zeppelin"}, actor=cast.agent)
    before = SearchSpace.objects.get(space="")
    term = number_of("zeppelin")
    assert SearchTerm.objects.get(space="", term=term).count == 1
    save_entry(entry, {"symptoms": "none", "title": "Airships are late"}, actor=cast.agent)
    assert SearchTerm.objects.get(space="", term=term).count == 0
    assert SearchSpace.objects.get(space="").entries == before.entries == 7
    forget_entry(entry)
    after = SearchSpace.objects.get(space="")
    assert after.entries == 6
    assert after.length == pytest.approx(sum(SearchRow.objects.values_list("length", flat=True)))
    counted = dict(SearchTerm.objects.filter(space="", term__gt=0, count__gt=0).values_list("term", "count"))
    stored: dict[int, int] = {}
    for terms in SearchRow.objects.values_list("terms", flat=True):
        for one in terms:
            stored[one] = stored.get(one, 0) + 1
    assert counted == stored
    heaps = SearchTerm.objects.filter(space="", term__lt=0)
    assert all(n >= 0 for n in heaps.values_list("count", flat=True))


def test_without_the_model_words_alone_answer_and_it_is_said(
    cast: Cast, base: list[Entry], settings: pytest.FixtureRequest
) -> None:
    settings.EMBEDDING_ON = False  # type: ignore[attr-defined]
    assert embedder() is None
    answer = find(cast.agent, TICKET)
    assert answer.by_words_only and answer.found[0].entry == base[0] and answer.found[0].match.whole is None
    entry = create_entry({"title": "Zeppelins are late"}, actor=cast.agent)
    assert SearchRow.objects.get(entry=entry).model == ""
    settings.EMBEDDING_ON = True  # type: ignore[attr-defined]
    # It has no vector yet: found by its words, beside those that have one.
    assert find(cast.agent, "zeppelins").found[0].entry == entry


def test_vectors_of_another_model_are_never_compared(cast: Cast, base: list[Entry]) -> None:
    SearchRow.objects.filter(entry=base[0]).update(model="another-model")
    answer = find(cast.agent, TICKET)
    assert next(one.match.whole for one in answer.found if one.entry == base[0]) is None


def test_filters_leave_out_what_does_not_fit(cast: Cast) -> None:
    words = {"root_cause": "r", "remediation": "r"}
    one = create_entry(
        {"title": "Orders are slow", "incident_class": "latency", "components": ["orders"], "tiers": ["free"], **words},
        actor=cast.agent,
    )
    other = create_entry(
        {"title": "Orders are refused", "incident_class": "rate_limit", "label": "rl.retry_storm", **words},
        actor=cast.agent,
    )
    assert set(_titles(cast, "orders")) == {one.title, other.title}
    assert _titles(cast, "orders", incident_class="latency") == [one.title]
    assert _titles(cast, "orders", component="orders") == [one.title]
    assert _titles(cast, "orders", label="rl.retry_storm") == [other.title]
    assert _titles(cast, "orders", tier="enterprise") == [other.title]
    assert set(_titles(cast, "orders", tier="free")) == {one.title, other.title}
    assert _titles(cast, "orders", confidence=("validated",)) == []
    change_state(one, {"confidence": "archived"}, actor=cast.lead, reason="Old")
    assert _titles(cast, "orders") == [other.title]
    assert _titles(cast, "orders", confidence=("archived",)) == [one.title]


def test_german_entries_are_found_by_german_words(cast: Cast, base: list[Entry]) -> None:
    entry = create_entry(
        {"title": "Langsame Ausfuhren während der Sicherung", "language": "de", "symptoms": "Die Dateien kommen spät."},
        actor=cast.agent,
    )
    assert _titles(cast, "Ausfuhr langsam, Datei kommt zu spät")[0] == entry.title


def test_nobody_finds_what_they_may_not_read(cast: Cast, base: list[Entry]) -> None:
    secret = create_entry(
        {"title": "Zeppelin failure in the hangar", "symptoms": "Answers with 429 on GET /v2/orders."},
        actor=cast.agent, team=cast.team,
    )  # fmt: skip
    for text in ("zeppelin", "Zeppelin failure in the hangar", TICKET, "/v2/orders", "zepelin"):
        assert secret not in [one.entry for one in find(cast.outsider, text, limit=50).found], text
    assert find(cast.agent, "zeppelin").found[0].entry == secret
    assert find(cast.admin, "zeppelin").found[0].entry == secret


def test_a_scratch_space_is_seen_by_nobody(cast: Cast, base: list[Entry]) -> None:
    from django.utils import timezone

    from knowledge.search.indexing import index_entry

    now = timezone.now()
    scratch = Entry.objects.create(space="try", title="Retry storm", created_at=now, saved_at=now)
    index_entry(scratch)
    assert scratch not in [one.entry for one in find(cast.admin, "retry storm").found]
    assert [
        one.entry_id for one in match("retry storm", readable=Entry.objects.filter(space="try"), space="try").matches
    ] == [scratch.pk]


def test_of_many_entries_only_those_with_the_rarest_words_are_looked_at(
    cast: Cast, base: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    from knowledge.search import matching

    monkeypatch.setattr(matching, "BUDGET", 1)
    assert find(cast.agent, TICKET).found[0].entry == base[0]
