"""What the check of replies finds on labelled replies, and what a check takes.

    python -m benchmarks.reply_language [--seeds 3] [--customers 10000]

Prints, for the halves and the sets written later, how many labelled kinds were found, missed and made up, with
precision and recall; the names in the slots are drawn `--seeds` times. Then the time of one reply of 2,000 characters
against a directory of `--customers`, beside a floor: one scan of the same text by one compiled pattern of twenty words.
"""

from __future__ import annotations

import argparse
import re
import statistics
import time
from collections.abc import Callable, Iterable
from itertools import cycle
from typing import get_args

from knowledge.language.backing import Backing
from knowledge.language.check import check
from knowledge.language.findings import LEAKS, Kind
from knowledge.language.matching import find_names
from tests.knowledge.language.cast import TEST, cast_of
from tests.knowledge.language.labelled import Half, replies
from tests.knowledge.language.scoring import WORDING, Score, directory_of, score

FLOOR = re.compile(
    r"\b(?:probably|perhaps|maybe|soon|shortly|asap|always|never|guaranteed|impossible|rollback|span|pod|p95|5xx|shard|replica"
    r"|password|token|secret)\b",
    re.IGNORECASE,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--customers", type=int, default=10_000)
    arguments = parser.parse_args()
    for half in get_args(Half):
        table(half, [score(half, seed=seed) for seed in range(arguments.seeds)])
    timing(arguments.customers)


def table(half: str, scores: list[Score]) -> None:
    first = scores[0]
    flagged = sum(one.clean_flagged for one in scores) / len(scores)
    print(f"{half}: {first.replies} replies, {first.clean} clean, of which flagged {flagged:.1f}")
    print(f"  {'kind':<16} {'labelled':>8} {'found':>6} {'missed':>6} {'false':>6} {'precision':>9} {'recall':>7}")
    for name, kinds in [*((str(kind), [kind]) for kind in Kind), ("leaks", LEAKS), ("wording", WORDING)]:
        line(name, kinds, scores)
    print()


def line(name: str, kinds: Iterable[Kind], scores: list[Score]) -> None:
    """Counts are means over the seeds."""
    kinds = list(kinds)
    found, missed, false = (
        statistics.mean(column) for column in zip(*(one.counts(kinds) for one in scores), strict=True)
    )
    precision = statistics.mean(one.precision(kinds) for one in scores)
    recall = statistics.mean(one.recall(kinds) for one in scores)
    counted = f"{found + missed:>8.0f} {found:>6.1f} {missed:>6.1f} {false:>6.1f}"
    print(f"  {name:<16} {counted} {precision:>9.3f} {recall:>7.3f}")


def timing(customers: int) -> None:
    people = cast_of(TEST, customers=customers)
    directory = directory_of(people)
    began = time.perf_counter()
    find_names("", directory)
    built = time.perf_counter() - began
    text = ""
    for reply in cycle(replies("train")):
        text += reply.text + "\n"
        if len(text) >= 2000:
            break
    text = text[:2000]
    backing = Backing.of(["412 calls failed", "onset 2025-05-06 14:02 UTC", "median 412 ms", "49.00 EUR"])
    print(f"directory of {len(directory.other_customers):,} names and ids of customers, compiled once in {built:.2f} s")
    print(f"one reply of {len(text):,} characters (median of 50):")
    measured("check", lambda: check(text, directory))
    measured("check with claims", lambda: check(text, directory, backing=backing))
    measured("floor: one pattern", lambda: FLOOR.findall(text))


def measured(name: str, work: Callable[[], object]) -> None:
    taken = []
    for _ in range(50):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    print(f"  {name:<20} {statistics.median(taken) * 1000:>8.2f} ms")


if __name__ == "__main__":
    main()
