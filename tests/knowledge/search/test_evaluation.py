"""The command that measures the search: its measures, its files, and that it leaves nothing behind."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command

from knowledge.models import Entry, SearchRow, SearchSpace, SearchTerm
from knowledge.search.evaluation import figures
from tests.knowledge.entries.conftest import Cast
from tests.knowledge.search.conftest import CAUSES

pytestmark = pytest.mark.django_db


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    with gzip.open(tmp_path / "corpus.jsonl.gz", "wt") as file:
        for number, (title, symptoms, cause) in enumerate(CAUSES):
            file.write(json.dumps({"id": f"d{number}", "title": title, "text": f"{symptoms} {cause}"}) + "\n")
    queries = {"q0": "429 on orders since the client update", "q1": "tax on the invoice", "q2": "signature_invalid"}
    lines = (json.dumps({"id": name, "text": text}) for name, text in queries.items())
    (tmp_path / "queries.jsonl").write_text("\n".join(lines) + "\n")
    (tmp_path / "qrels.tsv").write_text("q0\td0\t1\nq1\td3\t1\nq2\td5\t1\nq9\td1\t0\n")
    return tmp_path


def _run(*options: str) -> tuple[dict[str, str], str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("knowledge", "evaluate", *options, stdout=out, stderr=err)
    return dict(line.split("\t") for line in out.getvalue().splitlines()), err.getvalue()


def test_the_search_is_measured_and_nothing_is_left_behind(cast: Cast, base: list[Entry], collection: Path) -> None:
    before = [model.objects.count() for model in (Entry, SearchRow, SearchTerm, SearchSpace)]
    told, _ = _run("--set", str(collection), "--run", str(collection / "out.tsv"), "--limit", "4")
    assert list(told) == ["nDCG@10", "success@1", "success@5", "MRR@10", "p50", "p95"]
    assert float(told["success@1"]) == pytest.approx(2 / 3, abs=1e-4)
    assert told["p50"].endswith(" ms")
    assert [model.objects.count() for model in (Entry, SearchRow, SearchTerm, SearchSpace)] == before
    rows = [line.split("\t") for line in (collection / "out.tsv").read_text().splitlines()]
    assert {row[0] for row in rows} == {"q0", "q1", "q2"} and all(len(row) == 4 for row in rows)
    first = [row for row in rows if row[0] == "q0"]
    assert first[0][1] == "d0" and [row[2] for row in first] == ["1", "2", "3", "4"]
    assert [float(row[3]) for row in first] == sorted((float(row[3]) for row in first), reverse=True)
    assert cast.entry(title="The next").number == (base[-1].number or 0) + 1  # no gap in the numbers


def test_without_judgements_only_times_are_told(db: None, collection: Path) -> None:
    (collection / "qrels.tsv").unlink()
    told, _ = _run("--set", str(collection))
    assert list(told) == ["p50", "p95"]


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("queries.jsonl", "{", "queries.jsonl, line 1"),
        ("queries.jsonl", '{"id": "a"}\n', "id and text are needed"),
        ("queries.jsonl", "", "no entries or no queries"),
        ("qrels.tsv", "q0 d0 1\n", "qrels.tsv, line 1"),
        ("corpus.jsonl.gz", "not gzip", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(db: None, collection: Path, file: str, text: str, said: str) -> None:
    (collection / file).write_text(text)
    err = io.StringIO()
    with pytest.raises(SystemExit) as stopped:
        call_command("knowledge", "evaluate", "--set", str(collection), stderr=err)
    assert stopped.value.code == 2 and said in err.getvalue() and err.getvalue().count("\n") == 1


def test_the_measures_are_those_of_a_hand_computed_case() -> None:
    run = {"a": [("x", 3.0), ("y", 2.0), ("z", 1.0)], "b": [("y", 1.0)]}
    grades = {"a": {"y": 1.0, "z": 2.0}, "b": {"q": 1.0}, "c": {"x": 1.0}, "d": {}}
    found = figures(run, grades)
    # a: (1/log2(3) + 2/log2(4)) / (2/log2(2) + 1/log2(3)); b and c: 0
    gain, ideal = 1 / 1.584962500721156 + 1.0, 2.0 + 1 / 1.584962500721156
    assert found["nDCG@10"] == pytest.approx(gain / ideal / 3)
    assert (found["success@1"], found["success@5"]) == (0.0, pytest.approx(1 / 3))
    assert found["MRR@10"] == pytest.approx(0.5 / 3)
    assert figures(run, {}) == {}
