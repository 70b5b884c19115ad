"""Confidence that keeps its word: scores, bins and the fitted map."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command

from investigations.diagnosis import calibration
from investigations.diagnosis.reliability import Case, bins, brier, diagram, expected_error, fit, held_out


def overconfident(n: int, seed: int = 7) -> list[Case]:
    """Cases whose logit is twice what it should be."""
    rng = np.random.default_rng(seed)
    honest = rng.normal(1.0, 1.5, n)
    right = rng.random(n) < 1 / (1 + np.exp(-honest))
    return [
        Case(f"c{index:04d}", float(1 / (1 + np.exp(-2 * value))), bool(hit))
        for index, (value, hit) in enumerate(zip(honest, right, strict=True))
    ]


def test_scores_of_known_cases() -> None:
    assert brier([1.0, 0.0, 0.5], [True, False, True]) == pytest.approx(0.25 / 3)
    assert expected_error([0.8] * 10, [True] * 8 + [False] * 2) == pytest.approx(0.0)
    assert expected_error([0.9] * 10, [True] * 5 + [False] * 5) == pytest.approx(0.4)
    (only,) = bins([1.0, 0.95], [True, False])
    assert (only.n, only.right) == (2, 0.5) and only.interval[0] < 0.5 < only.interval[1]


def test_the_map_finds_back_what_was_overdone() -> None:
    made = fit(overconfident(4000))
    assert made.slope == pytest.approx(0.5, abs=0.06) and made.offset == pytest.approx(0.0, abs=0.15)


def test_the_map_helps_on_cases_it_has_not_seen() -> None:
    cases = overconfident(800)
    right, raw, told = [c.right for c in cases], [c.share for c in cases], held_out(cases)
    assert brier(told, right) < brier(raw, right)
    assert expected_error(told, right) < expected_error(raw, right)


def test_few_cases_change_little_and_order_is_kept() -> None:
    few = fit([Case("a", 0.9, False), Case("b", 0.8, True)])
    assert 0.5 < few.slope < 1.5 and abs(few.offset) < 1.0
    backwards = fit([Case(str(n), 0.1 if n % 2 else 0.9, bool(n % 2)) for n in range(500)])
    assert backwards.slope > 0
    with pytest.raises(ValueError, match="no cases"):
        fit([])


def test_the_command_fits_writes_and_draws(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setattr(calibration, "FILE", tmp_path / "calibration.json")
    lines = []
    for case in overconfident(120):
        (tmp_path / case.name).mkdir()
        (tmp_path / case.name / "truth.json").write_text(json.dumps({"acceptable": ["a.b"]}))
        top = {"label": "a.b" if case.right else "c.d", "share": case.share, "caps": []}
        lines.append(json.dumps({"case": case.name, "candidates": [top]}))
    lines.append(
        json.dumps({"case": "capped", "candidates": [{"label": "a.b", "share": 0.9, "caps": ["not checked"]}]})
    )
    said = tmp_path / "predictions.jsonl"
    said.write_text("\n".join(lines))
    calibration.current.cache_clear()
    try:
        call_command("calibration", "fit", str(said), truth=tmp_path, write=True, diagram=tmp_path / "r.svg")
        assert "120 cases" in capsys.readouterr().out
        assert calibration.current().cases == 120 and calibration.current().slope < 1
        assert date.fromisoformat(calibration.current().fitted_on)
        assert (tmp_path / "r.svg").read_text().startswith("<svg")
        said.write_text("\n".join(lines[:3]))
        with pytest.raises(SystemExit):
            call_command("calibration", "fit", str(said), truth=tmp_path)
    finally:
        calibration.current.cache_clear()


def test_the_diagram_names_itself() -> None:
    assert "<title>Reliability</title>" in diagram(bins([0.5], [True]), [], title="Reliability")
