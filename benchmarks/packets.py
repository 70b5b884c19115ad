"""Whether packets hold what an engineer needs, over labelled cases, and what they cost.

    python -m benchmarks.packets --data DIR [--cases DIR] [--only 7-003 …] [--out DIR] [--keep FILE]

DIR is the folder that holds `serve.py` and `score.py`: the server of the cases' upstreams, and the scorer whose idea of
"mentions this evidence" is used. Each case is investigated through the public command over HTTP; then the packets are
made in one process. Per case: required pieces of evidence in the JSON and in the Markdown (by reference and sentence),
whether the culprit stands in the packet, whether sources that were away are said to be, sentences of the summary,
sizes, and the time that making and writing one takes, database included. Exit code 1 when required evidence is missing.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from benchmarks.diagnosis.run import ROOT, investigate, serving

#: Each packet is made this often; the median counts.
TIMES: Final = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cases", type=Path, help="default: DATA")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--out", type=Path, help="the packets, as JSON and Markdown")
    parser.add_argument("--keep", type=Path, help="write the rows here")
    arguments = parser.parse_args()
    folder = (arguments.cases or arguments.data).resolve()
    cases = [
        case
        for case in sorted(folder.iterdir())
        if (case / "truth.json").exists() and (not arguments.only or case.name in arguments.only)
    ]
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch).chmod(0o755)  # under root PostgreSQL runs as another user
        home = Path(scratch) / "home"
        with serving(arguments.data.resolve(), folder) as address:
            documents = [investigate(case, address, home, []) for case in cases]
        for case, document in zip(cases, documents, strict=True):
            if "error" in document:
                raise SystemExit(f"{case.name}: {document['error']}")
        packets = _child(home, [document["investigation"] for document in documents])
        _manage(home, "pg", "stop")
    mentions = _mentions(arguments.data)
    rows = [
        judged(case, json.loads((case / "truth.json").read_text()), packet, mentions)
        for case, packet in zip(cases, packets, strict=True)
    ]
    print("\n".join(table(rows)))
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        for case, packet in zip(cases, packets, strict=True):
            (arguments.out / f"{case.name}.json").write_text(json.dumps(packet["packet"], indent=1, ensure_ascii=False))
            (arguments.out / f"{case.name}.md").write_text(packet["markdown"])
    if arguments.keep:
        arguments.keep.write_text(json.dumps(rows, indent=1) + "\n")
    if any(row["in_json"] < row["required"] or row["in_markdown"] < row["required"] for row in rows):
        raise SystemExit(1)


def made(ref: str) -> dict[str, Any]:
    """One run's packet, with the median seconds of making it and of writing it as Markdown."""
    from escalations.packets.markdown import markdown
    from escalations.packets.preview import preview
    from investigations.models import Investigation

    making, writing = [], []
    for _ in range(TIMES):
        run = Investigation.objects.with_context().get(pk=int(ref.removeprefix("INV-")))
        begun = time.perf_counter()
        packet = preview(run, user=None, now=run.as_of).as_dict()
        between = time.perf_counter()
        text = markdown(packet)
        making.append(between - begun)
        writing.append(time.perf_counter() - between)
    return {
        "packet": packet,
        "markdown": text,
        "seconds": statistics.median(making),
        "markdown_seconds": statistics.median(writing),
    }


def judged(case: Path, truth: dict[str, Any], made: dict[str, Any], mentions: Any) -> dict[str, Any]:
    packet, text = made["packet"], made["markdown"]
    required = truth["evidence"]
    shown = [item for item in packet["evidence"] if _stands_in(item, text)]
    culprit = truth["culprit"]["id"] if truth["culprit_knowable"] else None
    told = json.dumps(packet["change"]) + json.dumps(packet["evidence"]) + json.dumps(packet["reproduction"]["markers"])
    away = {one["source"] for one in packet["not_checked"]}
    return {
        "case": case.name,
        "label": truth["label"],
        "required": len(required),
        "in_json": sum(mentions(packet["evidence"], one) for one in required),
        "in_markdown": sum(mentions(shown, one) for one in required),
        "culprit": None if not culprit else any(name in told for name in (culprit, culprit[:7])),
        "away_said": set(truth["unavailable"]) <= away,
        "sentences": len([part for part in re.split(r"(?<=[.!?])\s+", packet["summary"]) if part]),
        "evidence": len(packet["evidence"]),
        "queries": len(packet["queries"]),
        "detection": packet["reproduction"]["detection"] is not None,
        "json_kb": round(len(json.dumps(packet, ensure_ascii=False).encode()) / 1000, 1),
        "markdown_kb": round(len(text.encode()) / 1000, 1),
        "ms": round(1000 * made["seconds"], 1),
        "markdown_ms": round(1000 * made["markdown_seconds"], 1),
    }


def _stands_in(item: dict[str, Any], text: str) -> bool:
    """Its reference as a link, and the beginning of its sentence."""
    words = re.sub(r"[\\\u2060]", "", text)
    return f"[{item['ref_id']}](" in text and " ".join(item["summary"].split())[:60] in words


def table(rows: list[dict[str, Any]]) -> list[str]:
    columns = [name for name in rows[0] if name not in ("case", "label")]
    lines = [f"{'':>12} {'':<24} " + " ".join(f"{name[:11]:>11}" for name in columns)]
    for row in rows:
        cells = " ".join(f"{'-' if row[name] is None else row[name]!s:>11}" for name in columns)
        lines.append(f"{row['case']:>12} {row['label']:<24} {cells}")
    required = sum(row["required"] for row in rows)
    found = {name: sum(row[name] for row in rows) for name in ("in_json", "in_markdown")}
    most = {name: max(row[name] for row in rows) for name in ("ms", "json_kb", "markdown_kb")}
    lines.append(
        f"required evidence: {found['in_json']} of {required} in the JSON, {found['in_markdown']} in the Markdown; "
        "made in "
        f"{statistics.median(row['ms'] for row in rows):.0f} ms (median), {most['ms']:.0f} ms (worst); "
        f"JSON {most['json_kb']:.0f} kB and Markdown {most['markdown_kb']:.0f} kB at most"
    )
    return lines


def _mentions(data: Path) -> Any:
    spec = importlib.util.spec_from_file_location("scorer", data / "score.py")
    if spec is None or spec.loader is None:
        raise SystemExit(f"{data} holds no score.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.mentions


def _environment(home: Path) -> dict[str, str]:
    return os.environ | {"ALTOR_HOME": str(home), "ALTOR_DEBUG": "1", "ALTOR_LOG_LEVEL": "ERROR"}


def _manage(home: Path, *arguments: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=_environment(home), capture_output=True, text=True, check=False)
    return done.stdout


def _child(home: Path, refs: list[str]) -> list[dict[str, Any]]:
    """In a Django shell, so that settings and embedded database are those of any command."""
    code = (
        "import json; from benchmarks.packets import made; "
        f"print('PACKETS' + json.dumps([made(ref) for ref in {refs!r}]))"
    )
    found = _manage(home, "shell", "--no-imports", "-c", code).rpartition("PACKETS")[2]
    packets: list[dict[str, Any]] = json.loads(found)
    return packets


if __name__ == "__main__":
    main()
