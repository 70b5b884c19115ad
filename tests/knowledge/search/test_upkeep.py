"""Rows of the search that are out of step are brought in step, in the background, without wrong answers meanwhile."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import call_command

from knowledge import tasks
from knowledge.models import Entry, SearchRow
from knowledge.search import upkeep
from knowledge.search.embedding import building, model
from knowledge.search.finding import find
from knowledge.search.upkeep import out_of_step, work_left, work_off
from tests.knowledge.entries.conftest import Cast

pytestmark = pytest.mark.django_db


def test_what_another_model_made_is_made_again(cast: Cast, base: list[Entry], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "STEP", 2)
    assert work_left() == 0
    SearchRow.objects.update(model="former-model")
    # Meanwhile all are found by their words, and none by a vector of the former model.
    found = find(cast.agent, "wrong tax on the invoice").found
    assert found[0].entry == base[3] and all(one.match.whole is None for one in found)
    assert list(work_off()) == [2, 4, 6] and work_left() == 0
    assert find(cast.agent, "wrong tax on the invoice").found[0].match.whole is not None


def test_interrupted_work_goes_on_where_it_stopped(
    cast: Cast, base: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "STEP", 2)
    SearchRow.objects.update(lexicon=0)
    assert next(work_off()) == 2
    assert out_of_step().count() == 4


def test_the_sweep_has_the_search_brought_in_step(
    cast: Cast, base: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("altor.queue.enqueue", lambda task, *ids: asked.append(task))
    tasks.sweep_knowledge()
    assert asked == []
    SearchRow.objects.update(model="former-model")
    tasks.sweep_knowledge()
    assert asked == [tasks.KEEP_SEARCH]
    tasks.keep_search()
    assert work_left() == 0 and asked == [tasks.KEEP_SEARCH]
    SearchRow.objects.update(model="former-model")
    monkeypatch.setattr(upkeep, "STEP", 2)
    assert upkeep.keep_in_step(seconds=0) and work_left() == 4


def test_rows_that_are_missing_or_behind_are_made(cast: Cast, base: list[Entry]) -> None:
    SearchRow.objects.filter(entry=base[0]).delete()
    SearchRow.objects.filter(entry=base[1]).update(revision=0)
    assert set(out_of_step()) == {base[0], base[1]}
    out = io.StringIO()
    call_command("knowledge", "reindex", stdout=out)
    assert out.getvalue() == "2 entries indexed\n" and work_left() == 0
    call_command("knowledge", "reindex", "--all", stdout=(every := io.StringIO()))
    assert every.getvalue() == "6 entries indexed\n"


def test_a_model_that_cannot_be_built_is_said(
    monkeypatch: pytest.MonkeyPatch, settings: pytest.FixtureRequest, tmp_path: Path
) -> None:
    monkeypatch.setattr(building, "PACKAGE", "no_such_package")
    settings.EMBEDDING_FOLDERS = [tmp_path / "model"]  # type: ignore[attr-defined]
    err = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("knowledge", "model", stderr=err)
    assert "no-such-package is not installed. The search goes by words alone." in err.getvalue()


def test_a_broken_model_costs_the_vectors_and_nothing_else(
    cast: Cast, base: list[Entry], settings: pytest.FixtureRequest, tmp_path: Path
) -> None:
    (tmp_path / building.MANIFEST).write_text('{"name": "broken"}')
    (tmp_path / building.GRAPH).write_bytes(b"not a graph")
    settings.EMBEDDING_FOLDERS = [tmp_path]  # type: ignore[attr-defined]
    assert model.embedder() is None
    assert find(cast.agent, "wrong tax on the invoice").found[0].entry == base[3]


@pytest.mark.slow
def test_the_model_is_built_with_the_same_bytes_and_knows_what_is_alike(tmp_path: Path) -> None:
    assert building.build(tmp_path / "one") == building.build(tmp_path / "two") == model.ensure()
    files = [(tmp_path / name / building.GRAPH).read_bytes() for name in ("one", "two")]
    assert files[0] == files[1] and 20e6 < len(files[0]) < 30e6
    made = model.Embedder.load(tmp_path / "one")
    happy = ["That is a happy person", "That is a happy dog", "That is a very happy person", "Today is a sunny day"]
    vectors = made.encode(happy)
    # The model card's figures, of the model with full weights.
    assert vectors @ vectors[0] == pytest.approx([1.0, 0.695, 0.943, 0.257], abs=0.05)
    assert made.encode(happy[:1]) == pytest.approx(vectors[:1], abs=1e-6)
