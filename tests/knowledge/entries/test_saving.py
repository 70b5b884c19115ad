"""The words of entries: what may be kept, versions that never change, two editors."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from altor.errors import Conflict, InvalidInput, PermissionRefused
from altor.models import AuditEvent
from knowledge.entries.changes import change_state
from knowledge.entries.differences import field_differences, merge
from knowledge.entries.saving import create_entry, restore, save_entry
from knowledge.models import Entry, EntryVersion
from tests import factories as make
from tests.knowledge.entries.conftest import WORDS, Cast

pytestmark = pytest.mark.django_db


def test_an_entry_is_made_with_its_first_version_and_a_number(cast: Cast) -> None:
    first, second = cast.entry(), cast.entry(title="Another cause")
    assert first.ref == f"KB-{first.number}" and second.number == (first.number or 0) + 1
    version = first.history.get()
    assert (version.number, version.content["title"]) == (1, WORDS["title"])
    assert version.content == first.content
    assert (first.confidence, first.audience, first.governance) == ("not_validated", "internal", "open")
    assert AuditEvent.objects.filter(action="knowledge.created", object_ref=first.ref).exists()


def test_a_framed_problem_is_work_in_progress(cast: Cast) -> None:
    entry = create_entry({"title": "Exports stop at midnight", "symptoms": "None since 00:00"}, actor=cast.agent)
    assert entry.confidence == "wip"
    saved = save_entry(entry, {"root_cause": "The clock", "remediation": "Start again"}, actor=cast.colleague)
    assert saved.confidence == "not_validated"
    assert [(one.before, one.after, one.why) for one in saved.changes.order_by("pk")] == [
        ("", "wip", "made"),
        ("wip", "not_validated", "edit"),
    ]


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 301}, "title"),
        ({"symptoms": "\x00"}, "symptoms"),
        ({"language": "english"}, "language"),
        ({"label": "retry storm"}, "label"),
        ({"components": ["x" * 81]}, "components"),
        ({"components": [str(n) for n in range(51)]}, "components"),
        ({"surprise": 1}, "surprise"),
        ({"detection": {"source": "clickhouse"}}, "detection"),
        ({"detection": {**WORDS["detection"], "query": "DROP TABLE requests"}}, "detection"),
        ({"detection": {**WORDS["detection"], "fires": "found.shar > 0.5"}}, "detection"),
        ({"detection": {**WORDS["detection"], "source": "manual"}}, "detection"),
        ({"detection": {**WORDS["detection"], "source": "oracle"}}, "detection"),
        ({"customer_wording": "Write to noor@northwind.example"}, None),
        ({"customer_wording": "Look at INV-12 in Altor"}, "customer_wording"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_its_field(cast: Cast, words: dict[str, Any], field: str | None) -> None:
    if field is None:  # an address is taken out instead
        assert "noor@" not in cast.entry(**words).customer_wording
        return
    with pytest.raises(InvalidInput) as refused:
        cast.entry(**words)
    assert list(refused.value.extra["errors"]) == [field] and Entry.objects.count() == 0


def test_secrets_never_get_in(cast: Cast) -> None:
    entry = cast.entry(remediation="Use sk_live_obviouslyFake0123456789abcd and call +49 30 1234567")
    assert "sk_live" not in entry.remediation and "1234567" not in entry.remediation


def test_lines_and_lists_are_tidied(cast: Cast) -> None:
    entry = cast.entry(title=" Two \n lines ", symptoms="a\r\nb\rc", components=[" api ", "api", "", "web"])
    assert (entry.title, entry.symptoms, entry.components) == ("Two lines", "a\nb\nc", ["api", "web"])


def test_the_same_words_make_no_new_version(cast: Cast) -> None:
    entry = cast.entry()
    assert save_entry(entry, dict(WORDS), actor=cast.agent).revision == 1
    assert save_entry(entry, {"title": "A better title"}, actor=cast.agent).revision == 2
    assert entry.history.count() == 2


def test_two_editors_get_a_conflict_and_lose_nothing(cast: Cast) -> None:
    entry = cast.entry()
    save_entry(entry, {"symptoms": "Hers"}, actor=cast.agent, seen=1)
    with pytest.raises(Conflict) as conflict:
        save_entry(entry, {"symptoms": "His"}, actor=cast.colleague, seen=1)
    assert conflict.value.extra["revision"] == 2
    entry.refresh_from_db()
    assert (entry.symptoms, entry.revision) == ("Hers", 2)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_save_at_once_one_is_told(cast: Cast) -> None:
    entry = cast.entry()
    outcomes: list[str] = []
    together = threading.Barrier(2)

    def save(words: str) -> None:
        together.wait()
        try:
            save_entry(entry, {"symptoms": words}, actor=cast.agent, seen=1)
            outcomes.append("saved")
        except Conflict:
            outcomes.append("told")
        finally:
            connection.close()

    threads = [threading.Thread(target=save, args=(words,)) for words in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["saved", "told"] and entry.history.count() == 2


def test_a_version_never_changes_and_never_goes(cast: Cast) -> None:
    version = cast.entry().history.get()
    for spoil in (
        lambda: EntryVersion.objects.filter(pk=version.pk).update(comment="other"),
        lambda: EntryVersion.objects.filter(pk=version.pk).delete(),
        lambda: version.entry.changes.all().delete(),
        lambda: version.entry.changes.update(reason="other"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            spoil()


def test_an_old_version_is_restored_as_the_newest(cast: Cast) -> None:
    entry = cast.entry()
    save_entry(entry, {"symptoms": "Second", "components": []}, actor=cast.agent)
    restored = restore(entry.history.get(number=1), actor=cast.colleague, seen=2)
    assert (restored.revision, restored.symptoms, restored.components) == (3, WORDS["symptoms"], WORDS["components"])
    newest = restored.history.first()
    assert newest is not None and (newest.origin, newest.comment) == ("restore", "As in version 1")
    with pytest.raises(Conflict):
        restore(entry.history.get(number=2), actor=cast.colleague, seen=2)


def test_differences_are_told_field_by_field() -> None:
    before = {**WORDS, "components": ["api", "web"]}
    after = {**WORDS, "symptoms": "Answers with **429** on every call.", "components": ["api", "jobs"], "label": ""}
    found = {one.field: one.parts for one in field_differences(before, after)}
    assert list(found) == ["label", "symptoms", "components"]
    assert found["components"] == (("del", "web"), ("", "api"), ("add", "jobs"))
    assert "".join(text for look, text in found["symptoms"] if look != "del") == after["symptoms"]
    assert "".join(text for look, text in found["symptoms"] if look != "add") == before["symptoms"]
    assert field_differences(before, before) == []


def test_differences_of_the_detection_query_are_lines(cast: Cast) -> None:
    changed = {**WORDS["detection"], "fires": "found.share > 0.9"}
    (one,) = field_differences(WORDS, {**WORDS, "detection": changed})
    assert ("del", "fires: found.share > 0.5\n") in one.parts and ("add", "fires: found.share > 0.9\n") in one.parts


def test_what_two_changed_is_merged_by_field() -> None:
    theirs, mine = {**WORDS, "symptoms": "Hers"}, {**WORDS, "symptoms": "His", "remediation": "His too"}
    merged, both = merge(WORDS, theirs, mine)
    assert (merged["symptoms"], merged["remediation"], both) == ("His", "His too", ["symptoms"])
    assert merge(WORDS, theirs, WORDS) == ({**WORDS, "symptoms": "Hers"}, [])


def test_who_may_write(cast: Cast) -> None:
    entry = cast.entry()
    for person in (cast.agent, cast.lead, cast.engineer, cast.admin):
        save_entry(entry, {"symptoms": f"As {person} says"}, actor=person)
    with pytest.raises(PermissionRefused):
        save_entry(entry, {"symptoms": "mine"}, actor=cast.reader)
    with pytest.raises(PermissionRefused):
        create_entry(WORDS, actor=cast.reader)
    with pytest.raises(PermissionRefused):
        create_entry(WORDS, actor=cast.agent, team=cast.elsewhere)


def test_a_restricted_entry_is_changed_by_reviewers_only(cast: Cast) -> None:
    entry = cast.entry()
    change_state(entry, {"governance": "restricted"}, actor=cast.lead)
    with pytest.raises(PermissionRefused):
        save_entry(entry, {"symptoms": "mine"}, actor=cast.agent)
    assert save_entry(entry, {"symptoms": "Ours"}, actor=cast.lead).revision == 2


def test_an_entry_of_a_team_is_seen_by_its_members_and_administrators(cast: Cast) -> None:
    ours, all_have = cast.entry(team=cast.team), cast.entry(title="For everybody")
    seen = {
        person.username: set(Entry.objects.visible_to(person).values_list("pk", flat=True))
        for person in (cast.admin, cast.agent, cast.reader, cast.outsider)
    }
    both = {ours.pk, all_have.pk}
    assert seen == {"ada": both, "priya": both, "rosa": both, "otto": {all_have.pk}}
    twice = make.user("both", teams=(cast.team, cast.elsewhere))
    assert Entry.objects.visible_to(twice).count() == 2  # once each


@pytest.mark.parametrize("text", ["KB-1x", "KB-", "INV-1", "KB-9999999999", "", "KB-0"])
def test_what_is_no_reference_finds_nothing(db: None, text: str) -> None:
    assert not Entry.objects.by_ref(text).exists()
