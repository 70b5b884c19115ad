"""Ticket texts of strangers: `python -m benchmarks.diagnosis.texts --data SHARED/diagnosis`.

Real tickets of an IT help desk are no incidents of an API: how many would be put into an incident class (their words
alone, the customer's traffic being fine)? Real questions of bank customers about payments and refunds: how many are
recognised as billing?
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django

#: Intents that a billing playbook could answer.
BILLING = re.compile(
    r"charge|refund|payment_not|declined_card|fee|wrong_amount|wrong_exchange|direct_debit|reverted_card", re.I
)


def read(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--part", default="dev", choices=("dev", "train"))
    parser.add_argument(
        "--show", type=int, default=0, help="print this many of the tickets that were taken for incidents"
    )
    arguments = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "altor.settings.test")
    django.setup()

    from investigations.diagnosis.types import RunInputs, StepOutcome
    from investigations.engine.triage import decide
    from investigations.playbooks.loader import library_files, parse_playbook
    from investigations.services.classify import classify_text

    books = {path.stem: parse_playbook(path.read_text(), name=path.name) for path in library_files()}
    fine = {
        "look_requests": {"is_fine": True, "is_limited": False, "is_failing": False, "is_rejected": False}
        | {"is_refused": False, "is_slow": False},
        "look_deliveries": {"is_failing": False, "is_late": False},
        "look_everyone": {"is_fine": True, "limited_now": False, "failed_now": False, "rejected_now": False}
        | {"slow_now": False},
    }
    looked = {key: StepOutcome(key, "clickhouse", "done", facts=facts) for key, facts in fine.items()}
    now = datetime(2026, 1, 1, tzinfo=UTC)

    def chosen(text: str) -> str:
        found = classify_text("", text, [], books.values())
        fits = {key: float(score) for key, score in found.as_dict()["playbooks"].items()}
        values = {"org_id": "org_1", "window_misses": False, "opened_at": "2026-01-01T00:00:00Z"}
        return decide(
            books["triage"], RunInputs(now, {"text": text, "fits": fits}, {}, values, {}), looked
        ).playbook_key

    tickets = read(arguments.data / f"it_tickets_{arguments.part}.jsonl.gz")
    counted: Counter[str] = Counter()
    shown = 0
    for ticket in tickets:
        key = chosen(ticket["text"])
        counted[key] += 1
        if key != "triage" and shown < arguments.show:
            shown += 1
            print(f"  {key}: {ticket['text'][:150]}")
    wrong = len(tickets) - counted["triage"]
    print(f"IT tickets: {wrong} of {len(tickets)} ({wrong / len(tickets):.1%}) into an incident class: {dict(counted)}")
    questions = read(arguments.data / f"banking77_{arguments.part}.jsonl.gz")
    about: Counter[bool] = Counter()
    found: Counter[bool] = Counter()
    missed: Counter[str] = Counter()
    for question in questions:
        is_billing = bool(BILLING.search(question["label"]))
        about[is_billing] += 1
        if chosen(question["text"]) == "billing":
            found[is_billing] += 1
        elif is_billing:
            missed[question["label"]] += 1
    print(
        f"bank questions: {found[True] / about[True]:.1%} of {about[True]} about charges, refunds and fees to "
        f"billing, {found[False] / about[False]:.1%} of {about[False]} others; most missed: {missed.most_common(5)}"
    )


if __name__ == "__main__":
    main()
