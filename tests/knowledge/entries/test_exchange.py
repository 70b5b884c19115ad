"""Entries as files: the same bytes out again, whatever stands in them; what is not understood is reported."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from knowledge.entries.changes import change_state
from knowledge.entries.content import TEXTS
from knowledge.exchange.folders import export_folder, import_folder
from knowledge.exchange.markdown import as_markdown, read_markdown
from knowledge.models import Entry, EntryChange, EntryVersion, SearchRow
from knowledge.models.entries import CONTENT
from tests.knowledge.entries.conftest import WORDS, Cast

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


def _forget_everything() -> None:
    """As in another installation: no entry is known."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for model in (SearchRow, EntryVersion, EntryChange, Entry):
            cursor.execute(f'DELETE FROM "{model._meta.db_table}"')
        cursor.execute("SET LOCAL session_replication_role = origin")


def test_files_come_back_byte_for_byte(cast: Cast) -> None:
    one, other = cast.entry(), cast.entry(title="Ünïcode & “signs”: # | >", team=cast.team, label="", detection=None)
    change_state(
        one, {"confidence": "validated", "audience": "partner", "review_on": date(2027, 1, 2)}, actor=cast.lead, now=NOW
    )
    change_state(other, {"confidence": "archived", "owner": None}, actor=cast.lead, reason="Old", now=NOW)
    files = export_folder(Entry.objects.filter(space=""))
    assert list(files) == [f"{one.ref}-retry-storm-after-a-client-update.md", f"{other.ref}-unicode-signs.md"]
    again = import_folder(files, actor=None)
    assert (again.created, again.updated, again.problems) == ([], [], []) and len(again.unchanged) == 2
    assert EntryVersion.objects.count() == 2
    _forget_everything()
    report = import_folder(files, actor=None)
    assert report.created == [one.ref, other.ref] and report.problems == []
    assert export_folder(Entry.objects.filter(space="")) == files
    assert Entry.objects.get(uid=one.uid).number == one.number
    assert cast.entry(title="The next one").number == (other.number or 0) + 1


TEXT = some.text(
    some.characters(codec="utf-8", exclude_characters="\x00\r") | some.just("\n"),
    max_size=80,
) | some.sampled_from(
    [
        "<!-- symptoms -->",
        "\\<!-- symptoms -->",
        "## Symptoms\n\nx",
        "---\nref: KB-1\n---",
        "a\n<!-- remediation -->\nb",
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=some.fixed_dictionaries(dict.fromkeys(TEXTS, TEXT)),
    title=some.text("ab:#'\"- ", min_size=3, max_size=20),
)
def test_any_text_is_read_as_it_was_written(cast: Cast, texts: dict[str, str], title: str) -> None:
    from knowledge.entries.content import EntryContent

    content = EntryContent.model_validate({"title": f"x {title} x", **texts}).model_dump()
    entry = Entry(number=7, created_at=NOW, saved_at=NOW, **content)
    read = read_markdown("x.md", as_markdown(entry))
    stored = EntryContent.model_validate({"language": "en", **read.content}).model_dump()
    assert stored == content and read.number == 7 and read.uid == entry.uid and read.created_at == NOW


def test_newer_words_of_a_known_entry_become_its_newest_version(cast: Cast) -> None:
    entry = cast.entry()
    ((file, text),) = export_folder(Entry.objects.filter(space="")).items()
    changed = text.replace("Client 4.2 repeats without a pause.", "Client 4.2 never pauses.").replace(
        "confidence: not_validated", "confidence: validated"
    )
    report = import_folder({file: changed}, actor=cast.lead, now=NOW)
    entry.refresh_from_db()
    assert report.updated == [entry.ref] and (entry.revision, entry.confidence) == (2, "validated")
    assert entry.root_cause == "Client 4.2 never pauses." and entry.symptoms == WORDS["symptoms"]
    assert entry.changes.filter(field="confidence")[0].why == "import"


def test_a_dry_run_keeps_nothing(cast: Cast) -> None:
    report = import_folder({"a.md": "# A cause\n\nIt happens."}, actor=cast.lead, dry_run=True)
    assert len(report.created) == 1 and not Entry.objects.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("---\ntitle: [\n---\n", "not valid YAML"),
        ("---\ntitle: A cause\n", "does not end"),
        ("---\n- a\n---\n", "is a mapping"),
        ("---\ntitle: A cause\ncolour: red\n---\n<!-- symptoms -->\nx", "'colour'"),
        ("---\ntitle: A cause\nuid: 7\n---\n<!-- symptoms -->\nx", "UUID"),
        ("---\ntitle: A cause\nteam: nowhere\n---\n<!-- symptoms -->\nx", "no team 'nowhere'"),
        ("---\ntitle: A cause\nconfidence: sure\n---\n<!-- symptoms -->\nx", "no confidence 'sure'"),
        ("---\ntitle: A cause\nreview_on: soon\n---\n<!-- symptoms -->\nx", "is a date"),
        ("", "Title"),
    ],
)
def test_what_is_not_understood_is_reported_and_leaves_the_others_alone(cast: Cast, text: str, said: str) -> None:
    report = import_folder({"a.md": text, "b.md": "# Another cause\n\nIt happens."}, actor=cast.lead)
    assert len(report.created) == 1 and Entry.objects.get().root_cause == "It happens."
    ((file, problem),) = report.problems
    assert file == "a.md" and said in problem and "a.md" not in problem


def test_every_field_of_the_content_is_in_the_file(cast: Cast) -> None:
    text = as_markdown(cast.entry())
    read: dict[str, Any] = dict(read_markdown("x.md", text).content)
    assert set(CONTENT) - set(read) == set()


def test_a_folder_goes_out_and_in_by_command(cast: Cast, tmp_path: Path) -> None:
    entry, folder = cast.entry(), tmp_path / "out"
    call_command("knowledge", "export", str(folder), stdout=(told := io.StringIO()))
    assert told.getvalue() == "1 entries\n"
    (path,) = folder.iterdir()
    before = path.read_bytes()
    _forget_everything()
    (folder / "more").mkdir()
    (folder / "more" / "other.md").write_text("# Another cause\n\nIt happens.")
    (folder / "bad.md").write_text("---\nx")
    err = io.StringIO()
    with pytest.raises(SystemExit) as stopped:
        call_command("knowledge", "import", str(folder), stdout=(said := io.StringIO()), stderr=err)
    assert stopped.value.code == 1 and err.getvalue().startswith("bad.md: ")
    assert said.getvalue() == "created\t2\nupdated\t0\nunchanged\t0\n"
    call_command("knowledge", "export", str(tmp_path / "again"), stdout=io.StringIO())
    assert (tmp_path / "again" / path.name).read_bytes() == before and Entry.objects.get(uid=entry.uid)
    with pytest.raises(SystemExit):
        call_command("knowledge", "import", str(tmp_path / "nothing"), stderr=io.StringIO())
