"""`manage.py calibration fit|show`: the map from raw probability to confidence, fitted on labelled cases."""

from __future__ import annotations

import hashlib
import json
import sys
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand

from investigations.diagnosis import calibration, reliability

BAD_INPUT: Final = 2
#: Fewer cases say nothing about a share.
LEAST: Final = 30


class Command(BaseCommand):
    help = "Fit confidence on labelled cases, or show the map in force."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("show", help="the map in force and its figures")
        fit = verbs.add_parser("fit", help="fit on predictions whose truth is known")
        fit.add_argument("predictions", type=Path, help="one JSON object a line: the command's output and `case`")
        fit.add_argument("--truth", type=Path, required=True, help="folder with <case>/truth.json")
        fit.add_argument("--write", action="store_true", help="put the map into force")
        fit.add_argument("--diagram", type=Path, help="write the reliability diagram (SVG) here")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verb"] == "show":
            now = calibration.current()
            self.stdout.write(f"version {now.version}, {now.cases} cases, slope {now.slope:g}, offset {now.offset:g}")
            return
        try:
            cases, data = _cases(options["predictions"], options["truth"])
        except (OSError, ValueError, KeyError) as error:
            self.stderr.write(f"calibration: {error}")
            sys.exit(BAD_INPUT)
        if len(cases) < LEAST:
            self.stderr.write(f"calibration: {len(cases)} usable cases; at least {LEAST} are needed")
            sys.exit(BAD_INPUT)
        self._fit(cases, data, options)

    def _fit(self, cases: list[reliability.Case], data: bytes, options: dict[str, Any]) -> None:
        made = reliability.fit(cases, version=hashlib.sha256(data).hexdigest()[:12])
        right = [case.right for case in cases]
        raw, told = [case.share for case in cases], reliability.held_out(cases)
        figures = {
            "brier_before": round(reliability.brier(raw, right), 4),
            "brier": round(reliability.brier(told, right), 4),
            "ece_before": round(reliability.expected_error(raw, right), 4),
            "ece": round(reliability.expected_error(told, right), 4),
        }
        self.stdout.write(
            f"{len(cases)} cases, {sum(right) / len(right):.1%} right; slope {made.slope}, offset {made.offset}"
        )
        self.stdout.write(
            ", ".join(f"{name} {value}" for name, value in figures.items()) + " (after: on held-out cases)"
        )
        for item in reliability.bins(told, right):
            figures_of = f"n {item.n:4d}  confidence {item.confidence:.2f}  right {item.right:.2f}"
            self.stdout.write(f"  {item.low:.1f}-{item.high:.1f}  {figures_of}")
        if options["diagram"]:
            title = f"Reliability, {len(cases)} labelled cases"
            before, after = reliability.bins(raw, right), reliability.bins(told, right)
            options["diagram"].write_text(reliability.diagram(before, after, title=title))
        if options["write"]:
            document = {
                "slope": made.slope,
                "offset": made.offset,
                "version": made.version,
                "cases": made.cases,
                "fitted_on": datetime.now(UTC).date().isoformat(),
            }
            calibration.FILE.write_text(json.dumps(document | figures, indent=1) + "\n")
            calibration.current.cache_clear()


def _cases(predictions: Path, truth: Path) -> tuple[list[reliability.Case], bytes]:
    """Cases whose leading candidate came without a cap: a cap is a rule of its own, not a probability to fit."""
    data = predictions.read_bytes()
    cases = []
    for line in data.decode().splitlines():
        if not line.strip():
            continue
        said = json.loads(line)
        top = said["candidates"][0] if said.get("candidates") else None
        if top is None or top.get("share") is None or top.get("caps"):
            continue
        known = json.loads((truth / said["case"] / "truth.json").read_text())
        cases.append(reliability.Case(said["case"], float(top["share"]), top["label"] in known["acceptable"]))
    return cases, data
