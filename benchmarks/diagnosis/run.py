"""Investigate a set of labelled cases through the public command, over HTTP, and score the diagnoses.

    python -m benchmarks.diagnosis.run --data SHARED --cases DIR [--keep FILE] [--only 7-003 …] [--jobs 2]

SHARED is the folder that holds `serve.py` and `score.py`: the server of the cases' upstreams and the scorer. The table
has a row per class and slice; `--compare FILE` sets it beside an earlier `--keep`. Wrong cases are listed with what was
said instead.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
SLICES: Final = ("overall", "plain", "with_herrings", "small_signal", "missing_source", "nothing_wrong")
COLUMNS: Final = (
    "n",
    "top1",
    "top3",
    "culprit",
    "herring_blamed",
    "culprit_invented",
    "scope",
    "onset_within_10min",
    "false_escalation",
    "missed_escalation",
    "severity",
    "packet",
    "missing_declared",
    "ece",
    "brier",
    "seconds_p95",
)


@contextmanager
def serving(data: Path, cases: Path, *, clickhouse: bool = True) -> Iterator[str]:
    """The address of the upstream server for the set of cases."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(data / "serve.py"), "--set", str(cases), "--port", str(port)]
    command += ["--clickhouse"] if clickhouse else []
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            for _ in range(240):
                try:
                    urllib.request.urlopen(f"{address}/_admin/cases", timeout=5).read()
                    break
                except (urllib.error.URLError, OSError):
                    time.sleep(0.5)
            else:
                raise SystemExit("the upstream server did not start")
            yield address
        finally:
            server.terminate()


def investigate(case: Path, address: str, home: Path, arguments: list[str]) -> dict[str, Any]:
    """What the command printed, or {"error": ...}."""
    base = f"{address}/case/{case.name}"
    environment = os.environ | {
        "ALTOR_HOME": str(home),
        "ALTOR_DEBUG": "1",
        "ALTOR_ALLOW_PRIVATE_UPSTREAMS": "1",
        "ALTOR_LOG_LEVEL": "ERROR",
        "ALTOR_GITHUB_API_URL": f"{base}/github",
        "ALTOR_GITHUB_TOKEN": "obviously-fake",
        "ALTOR_LINEAR_API_URL": f"{base}/linear/graphql",
        "ALTOR_LINEAR_API_KEY": "obviously-fake",
        "ALTOR_STRIPE_API_URL": f"{base}/stripe",
        "ALTOR_STRIPE_API_KEY": "rk_test_obviouslyfake",
        "ALTOR_CLICKHOUSE_URL": f"http://default:fake@{address.removeprefix('http://')}/case/{case.name}/clickhouse?database=otel",
    }
    command = [
        sys.executable,
        "manage.py",
        "investigate",
        str(case / "ticket.json"),
        "--installation",
        str(case / "installation.json"),
        "--as-of",
        "NOW",
        "--format",
        "json",
        "-v",
        "0",
        *arguments,
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except json.JSONDecodeError:
        return {"error": f"exit {done.returncode}: {done.stderr.strip().splitlines()[-1:]}"}
    return found


def prediction(case: str, document: dict[str, Any]) -> dict[str, Any]:
    wanted = (
        "class",
        "candidates",
        "culprit",
        "scope",
        "onset",
        "escalate",
        "severity",
        "unavailable",
        "evidence",
        "seconds",
        "timing",
        "error",
    )
    return {"case": case, **{key: document[key] for key in wanted if key in document}}


def score(data: Path, cases: Path, predictions: Path) -> dict[str, Any]:
    command = [sys.executable, str(data / "score.py"), "--set", str(cases), "--pred", str(predictions), "--json"]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return found


def table(scores: dict[str, Any], former: dict[str, Any] | None) -> list[str]:
    lines = [f"{'':>15} " + " ".join(f"{column[:9]:>9}" for column in COLUMNS)]
    rows = {**{name: scores.get(name) for name in SLICES}, **scores["by_class"]}
    for name, row in rows.items():
        if row is None:
            continue
        before = ((former or {}).get(name) or ((former or {}).get("by_class") or {}).get(name)) or {}
        cells = []
        for column in COLUMNS:
            value, old = row.get(column), before.get(column)
            text = "-" if value is None else f"{value:g}"
            cells.append(f"{text + ('*' if old is not None and value is not None and old != value else ''):>9}")
        lines.append(f"{name:>15} " + " ".join(cells))
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cases", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--home", type=Path, help="Altor's own data; default: a new folder that is removed")
    parser.add_argument("--out", type=Path, help="the full documents, one file a case")
    parser.add_argument("--keep", type=Path, help="write the scores here")
    parser.add_argument("--compare", type=Path, help="scores of an earlier run")
    arguments = parser.parse_args()
    cases = [
        case
        for case in sorted(arguments.cases.iterdir())
        if (case / "truth.json").exists() and (not arguments.only or case.name in arguments.only)
    ]
    with (
        tempfile.TemporaryDirectory() as scratch,
        serving(arguments.data.resolve(), arguments.cases.resolve()) as address,
    ):
        home = arguments.home or Path(scratch) / "home"
        first = investigate(cases[0], address, home, [])  # sets the database up
        documents = {cases[0].name: first}
        with ThreadPoolExecutor(arguments.jobs) as pool:
            for case, document in zip(
                cases[1:], pool.map(lambda case: investigate(case, address, home, []), cases[1:]), strict=True
            ):
                documents[case.name] = document
        subprocess.run(
            [sys.executable, "manage.py", "pg", "stop"],
            cwd=ROOT,
            env=os.environ | {"ALTOR_HOME": str(home), "ALTOR_DEBUG": "1"},
            capture_output=True,
            check=False,
        )
        predictions = Path(scratch) / "predictions.jsonl"
        predictions.write_text(
            "".join(json.dumps(prediction(case, document)) + "\n" for case, document in documents.items())
        )
        if arguments.out:
            arguments.out.mkdir(parents=True, exist_ok=True)
            for case, document in documents.items():
                (arguments.out / f"{case}.json").write_text(json.dumps(document, indent=1))
            (arguments.out / "predictions.jsonl").write_text(predictions.read_text())
        scores = score(arguments.data, arguments.cases, predictions)
    former = json.loads(arguments.compare.read_text()) if arguments.compare else None
    print("\n".join(table(scores, former)))
    for case, (label, said) in scores["wrong"].items():
        if case in documents:
            print(f"wrong {case}: {label} <- {', '.join(said) or documents[case].get('error', 'nothing')}")
    own = sorted(document["timing"]["own"] for document in documents.values() if "timing" in document)
    if own:
        print(f"own time: median {own[len(own) // 2]:.2f} s, worst {own[-1]:.2f} s over {len(own)} runs")
    if arguments.keep:
        arguments.keep.write_text(json.dumps(scores, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
