"""A table of entries in and out: nothing lost in silence, nothing twice, nothing a spreadsheet would compute."""

from __future__ import annotations

import csv
import io
import uuid
from pathlib import Path

import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as some

from altor.spreadsheet import guarded, unguarded
from knowledge.entries.saving import save_entry
from knowledge.models import Entry
from tests.knowledge.entries.conftest import WORDS, Cast
from tests.knowledge.entries.test_exchange import _forget_everything

pytestmark = pytest.mark.django_db


def run(path: Path, *options: str) -> tuple[int, dict[str, str], str]:
    """Exit code, what was counted, what was said."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command("knowledge", "import", str(path), *options, stdout=out, stderr=err)
    except SystemExit as stopped:
        code = int(str(stopped.code))
    return code, dict(line.split("\t", 1) for line in out.getvalue().splitlines()), err.getvalue()


def table(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "causes.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_columns_are_found_by_what_people_call_them(cast: Cast, tmp_path: Path) -> None:
    head = "Name;Problem;Cause;Solution;When to escalate;Affected components;Versions;Plans;Root-cause label;Class"
    row = 'Retry storm;"Many\r\n429";No pause;Update;Never;"API;billing";"2.4\n>=3; <4";free;rl.retry_storm;rate_limit'
    path = table(tmp_path, f"{head}\r\n{row}\r\n", "utf-8-sig")
    assert run(path) == (
        0, {"format": "csv (found out)", "created": "1", "updated": "0", "unchanged": "0"}, ""
    )  # fmt: skip
    entry = Entry.objects.get()
    assert (entry.title, entry.symptoms, entry.root_cause) == ("Retry storm", "Many\n429", "No pause")
    assert (entry.remediation, entry.escalation_criteria, entry.label) == ("Update", "Never", "rl.retry_storm")
    assert (entry.components, entry.versions, entry.tiers) == (["API", "billing"], ["2.4", ">=3; <4"], ["free"])
    assert (entry.confidence, entry.audience, entry.incident_class) == ("not_validated", "internal", "rate_limit")


def test_what_is_not_known_is_reported_and_the_rest_comes(cast: Cast, tmp_path: Path) -> None:
    rows = [
        f"A cause,red,Do it,Do that,{'x' * 41}; free", "No,,,,", "Too,many,cells,in,this,row", f"Long,,{'y' * 50_100},,"
    ]  # fmt: skip
    path = table(tmp_path, "\n".join(["title,colour,fix,resolution,tiers", *rows]))
    code, counts, said = run(path)
    assert code == 1 and counts["created"] == "2"
    assert "causes.csv: the column 'colour' is not known" in said
    assert "'fix' and 'resolution' are both remediation" in said
    assert "causes.csv line 2: Customer tiers: 'xxx" in said and "causes.csv line 3: Title:" in said
    assert "causes.csv line 4: it has more cells" in said and "line 5: Remediation has 50100 characters" in said
    assert "6 not understood" in said
    assert {(one.title, one.remediation[:5]) for one in Entry.objects.all()} == {
        ("A cause", "Do it"), ("Long", "yyyyy"),
    }  # fmt: skip


def test_a_row_with_an_id_is_renewed_and_one_without_comes_once(cast: Cast, tmp_path: Path) -> None:
    path = table(tmp_path, "External ID,title,fix\n7,A cause,Old\n,Another,x\n")
    assert run(path)[1]["created"] == "2"
    assert run(path)[1] == {"format": "csv (found out)", "created": "0", "updated": "0", "unchanged": "2"}
    table(tmp_path, "External ID,title,fix\n7,A cause,New\n,Another,x\n")
    assert run(path)[1]["updated"] == "1"
    entry = Entry.objects.get(title="A cause", remediation="New")
    assert run(path, "--source", "other")[1]["created"] == "2"
    assert entry.revision == 2 and entry.history.first().origin == "file"  # type: ignore[union-attr]


def test_words_that_a_person_changed_are_left_alone(cast: Cast, tmp_path: Path) -> None:
    path = table(tmp_path, "id,title,cause,fix\n7,A cause,Why,Old\n")
    run(path)
    save_entry(Entry.objects.get(), {"remediation": "Better", "customer_wording": "Wait."}, actor=cast.agent)
    assert run(path) == (
        0, {"format": "csv (found out)", "created": "0", "updated": "0", "unchanged": "1"}, ""
    )  # fmt: skip
    table(tmp_path, "id,title,cause,fix\n7,A cause,Why indeed,New\n")
    code, counts, said = run(path)
    assert code == 0 and (counts["updated"], counts["left alone"]) == ("1", "1")
    entry = Entry.objects.get()
    assert said == f"causes.csv line 2: {entry.ref} was changed here, left alone: Remediation\n"
    assert (entry.root_cause, entry.remediation, entry.customer_wording) == ("Why indeed", "Better", "Wait.")
    # It stays so: the import in between has not made the person's words its own.
    assert run(path)[1]["left alone"] == "1" and Entry.objects.get().remediation == "Better"


def test_classes_and_languages_are_read_as_people_write_them(cast: Cast, tmp_path: Path) -> None:
    rows = ["title\tclass\tlocale", "One cause\tRate limiting\ten_US", "Two causes\tapi error\tpt-br", "Three\t\t"]
    run(table(tmp_path, "\n".join(rows)))
    assert set(Entry.objects.values_list("title", "incident_class", "language")) == {
        ("One cause", "rate_limit", "en"), ("Two causes", "api_error", "pt-BR"), ("Three", "", "en"),
    }  # fmt: skip


def test_a_dry_run_keeps_nothing(cast: Cast, tmp_path: Path) -> None:
    assert run(table(tmp_path, "title\nA cause\n"), "--dry-run")[1]["created"] == "1"
    assert not Entry.objects.exists()


def test_what_goes_out_comes_back_and_was_not_computed_in_between(cast: Cast, tmp_path: Path) -> None:
    cast.entry(
        title="=HYPERLINK(1)", symptoms="- one\n- two", root_cause="'=quoted", remediation="@x; \"y\"\n\n+z",
        components=["a;b", "c"], versions=["only;one"],
    )  # fmt: skip
    cast.entry(title="＝wide", language="en-GB", incident_class="webhooks")
    before = list(Entry.objects.order_by("number").values(*WORDS, "uid", "number"))
    path = tmp_path / "out.csv"
    call_command("knowledge", "export", str(path), "--format", "csv", stdout=(told := io.StringIO()))
    assert told.getvalue() == "2 entries\n"
    cells = [cell for row in csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline="")) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "＝"))]
    assert run(path)[:2] == (
        0, {"format": "csv (found out)", "created": "0", "updated": "0", "unchanged": "2"}
    )  # fmt: skip
    _forget_everything()
    assert run(path)[0] == 0
    assert list(Entry.objects.order_by("number").values(*WORDS, "uid", "number")) == before


def test_a_table_that_went_out_may_be_changed_by_hand_unless_somebody_was_faster(cast: Cast, tmp_path: Path) -> None:
    entry, path = cast.entry(), tmp_path / "out.csv"
    call_command("knowledge", "export", str(path), "--format", "csv", stdout=io.StringIO())
    path.write_text(path.read_text("utf-8-sig").replace("Client 4.2 repeats", "Client 4.2 always repeats"))
    assert run(path)[1]["updated"] == "1"
    entry.refresh_from_db()
    assert entry.root_cause == "Client 4.2 always repeats without a pause."
    save_entry(entry, {"root_cause": "Another reason."}, actor=cast.agent)
    path.write_text(path.read_text().replace("Client 4.2 always", "Client 4.2 often"))
    code, counts, said = run(path)
    assert (code, counts["left alone"]) == (0, "1") and "left alone: Root cause" in said


@given(some.text(some.sampled_from("'=+-@a\t\n＝"), max_size=6))
def test_a_guard_is_taken_away_again(text: str) -> None:
    assert unguarded(guarded(text)) == text and not guarded(text).startswith(("=", "+", "-", "@", "＝", "\t"))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"title\nA \xff cause\n", "not UTF-8 (byte 8)"),
        (b'title,fix\n"A cause,x\n', "line 2: the quotes do not match"),
        (b"colour,size\nred,1\n", "no column for the title"),
        (b"", "no column for the title"),
        (b"title,uid\nA cause,7\n", "uid '7' is no UUID"),
        (b"title,detection\nA cause,{a: [\n", "not valid YAML"),
        (b"title,customer wording\nA cause,The Postgres replica db-7.internal fell over\n", "Customer wording"),
    ],
)
def test_what_cannot_be_read_is_a_clear_error(cast: Cast, tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "causes.csv"
    path.write_bytes(data)
    code, counts, told = run(path)
    assert code == 1 and said in told and counts["created"] == "0" and not Entry.objects.exists()


def test_an_unknown_folder_and_an_unknown_format_say_so(cast: Cast, tmp_path: Path) -> None:
    assert run(tmp_path / "nothing")[0] == 2
    (tmp_path / "a.txt").write_text("x")
    assert "no file of the format markdown, csv, zendesk or intercom" in run(tmp_path)[2]
    with pytest.raises(Exception, match="invalid choice"):
        run(tmp_path, "--format", "word")


def test_an_entry_of_another_system_keeps_its_uid(cast: Cast, tmp_path: Path) -> None:
    told = uuid.uuid4()
    run(table(tmp_path, f"uid,title,link\n{told},A cause,https://wiki.altor.example/a\n"))
    entry = Entry.objects.get(uid=told)
    assert [(link.kind, link.url) for link in entry.links.all()] == [("document", "https://wiki.altor.example/a")]
