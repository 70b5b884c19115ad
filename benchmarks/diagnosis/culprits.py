"""Culprit ranking with the call graph on real faults: `python -m benchmarks.diagnosis.culprits --data
SHARED/diagnosis`.

PetShop: faults injected into an application of 41 components; given are metrics per component, the call graph, and
where and when somebody noticed. AC@k is the part of the issues whose true component is among the first k. Beside ours:
the anomalous callee (of the components whose metric is unusual, one without an unusual callee; ties in the order of
names).

Nezha: faults injected into pods of two applications; given are tables of operations per minute with the time spent in
the operation itself, and metrics of the pods. There is no call graph: own time stands for it. Beside ours: the pod
whose metrics became least like themselves. A pod of a service counts as the service.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.diagnosis.texts import read
from investigations.diagnosis.callgraph import blame
from investigations.diagnosis.likelihood import Array

#: The issue's buckets that are looked at: the one in which it was noticed, and the next.
NOTICED = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, required=True, help="the folder with petshop.jsonl.gz and nezha_cases.jsonl.gz"
    )
    parser.add_argument("--each", action="store_true", help="a line per case")
    arguments = parser.parse_args()
    petshop(read(arguments.data / "petshop.jsonl.gz"), each=arguments.each)
    nezha(read(arguments.data / "nezha_cases.jsonl.gz"), each=arguments.each)


def tell(name: str, places: Sequence[int]) -> None:
    found = np.array(places)
    print(f"  {name:<34} n {len(found):>3}  AC@1 {(found <= 1).mean():.2f}  AC@3 {(found <= 3).mean():.2f}")


def place(truth: str, ranked: Sequence[str]) -> int:
    return list(ranked).index(truth) + 1 if truth in ranked else 999


# ------------------------------------------------------------------------------------------------------------- PetShop
def petshop(scenarios: Sequence[Mapping[str, Any]], *, each: bool) -> None:
    ours, peer = [], []
    for scenario in scenarios:
        calls = [(caller, callee) for caller, callee in scenario["edges"]]
        normal = Metrics(scenario["normal"])
        for issue in scenario["issues"]:
            target, truth = issue["target"], issue["root_cause"]["node"]
            excess = excesses(normal, Metrics(issue["metrics"]), target["metric"], target["timestamp"])
            ranked = [item.part for item in blame(target["node"], calls, excess)]
            ours.append(place(truth, ranked))
            peer.append(place(truth, anomalous_callees(calls, excess)))
            if each:
                print(f"  {issue['id']:<22} {truth}: place {ours[-1]} of {ranked[:3]}")
    print("PetShop")
    tell("anomalous callee", peer)
    tell("altor", ours)


class Metrics:
    """Rows of a table by (component, metric)."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self.times = np.array(table["t"], dtype=float)
        rows = np.array([[np.nan if value is None else value for value in row] for row in table["rows"]], dtype=float)
        self._columns = {name: rows[:, at] for at, name in enumerate(table["cols"])}
        self.parts = sorted({name.split("|")[0] for name in self._columns})

    def of(self, part: str, metric: str, how: str = "Average") -> Array:
        return self._columns.get(f"{part}|{metric}|{how}", np.full(len(self.times), np.nan))


def excesses(normal: Metrics, issue: Metrics, metric: str, noticed: float) -> dict[str, float]:
    """Added seconds, or added failures, per component in the buckets in which the trouble was noticed. 0 where the
    value lies within what 95 of 100 normal buckets show. What was so before the trouble is no part of it.
    """
    at = max(int(np.searchsorted(issue.times, noticed, side="right")) - 1, 0)
    sign = -1.0 if metric == "availability" else 1.0
    scale = 0.01 if metric == "availability" else 1.0
    found = {}
    for part in issue.parts:
        before, now = sign * normal.of(part, metric), sign * issue.of(part, metric)
        before = before[np.isfinite(before)]
        requests = issue.of(part, "requests", "Sum")[at : at + NOTICED]
        seen, earlier = now[at : at + NOTICED], now[:at]
        if not before.size or not np.isfinite(seen).any():
            continue
        usual = float(np.median(before))
        if np.isfinite(earlier).any():
            usual = max(usual, float(np.nanmedian(earlier)))
        unusual = np.nanmean(seen) > max(float(np.percentile(before, 97.5)), usual)
        found[part] = max(scale * float(np.nansum((seen - usual) * requests)), 0.0) if unusual else 0.0
    return found


def anomalous_callees(calls: Sequence[tuple[str, str]], excess: Mapping[str, float]) -> list[str]:
    unusual = {part for part, value in excess.items() if value > 0}
    passing = {caller for caller, callee in calls if callee in unusual}
    return [*sorted(unusual - passing), *sorted(unusual & passing)]


# --------------------------------------------------------------------------------------------------------------- Nezha
def nezha(cases: Sequence[Mapping[str, Any]], *, each: bool) -> None:
    known = OwnTimes(cases)
    ours: dict[str, list[int]] = defaultdict(list)
    peer: dict[str, list[int]] = defaultdict(list)
    for case in cases:
        truth, kind = case["root_cause_service"], f"{case['system']}, {case['fault']}"
        loud, cpu = loudness(case["pod_metrics"], case["inject_unix"])
        own = known.excess(case)
        scores = {
            part: own.get(part, 0.0) * (1 + cpu.get(part, 0.0)) + 1e-9 * loud.get(part, 0.0) for part in {*own, *loud}
        }
        ranked = sorted(scores, key=lambda part: (-scores[part], part))
        ours[kind].append(place(truth, ranked) if scores.get(truth) else 999)
        peer[kind].append(place(truth, sorted(loud, key=lambda part: (-loud[part], part))))
        if each:
            print(f"  {case['id']} {kind}, {truth}: place {ours[kind][-1]} of {ranked[:3]}")
    print("Nezha")
    tell("loudest pod, all", [item for part in peer.values() for item in part])
    tell("altor, all", [item for part in ours.values() for item in part])
    for kind in sorted(ours):
        tell(f"altor, {kind}", ours[kind])


def service(pod: str) -> str:
    return pod.rsplit("-", 2)[0]


class OwnTimes:
    """Own time of each operation in the other cases of the same system: what is usual."""

    def __init__(self, cases: Sequence[Mapping[str, Any]]) -> None:
        self._seen: dict[tuple[str, str, str], list[tuple[str, float, float]]] = defaultdict(list)
        self._serves: dict[tuple[str, str], set[str]] = defaultdict(set)
        for case in cases:
            for row in rows_of(case):
                key = (case["system"], service(row["pod"]), row["op"])
                self._seen[key].append((case["id"], row["self_p50"], row["self_p95"]))

    def excess(self, case: Mapping[str, Any]) -> dict[str, float]:
        """Added milliseconds a minute per service. Waiting in a call (an operation that another service has under the
        same name) is the time on the way there: it belongs to the called service.
        """
        found: dict[str, float] = defaultdict(float)
        rows = rows_of(case)
        busiest: dict[str, dict[str, float]] = defaultdict(dict)
        for row in rows:
            busiest[row["op"]][service(row["pod"])] = row["p50"]
        for row in rows:
            here = service(row["pod"])
            others = [seen for seen in self._seen[case["system"], here, row["op"]] if seen[0] != case["id"]]
            if len(others) < 3:
                continue
            added = beyond([seen[1] for seen in others], row["self_p50"]) + 0.05 * beyond(
                [seen[2] for seen in others], row["self_p95"]
            )
            # The caller's span holds the callee's: of two services with one operation the quicker one serves it.
            serving = min(busiest[row["op"]], key=lambda name: busiest[row["op"]][name])
            found[serving if len(busiest[row["op"]]) > 1 else here] += row["n"] * added
        return found


def rows_of(case: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [row for minute in case["spans"] for row in minute["table"]]


def beyond(usual: Sequence[float], value: float) -> float:
    """By how much the value exceeds the usual one; 0 within four robust standard deviations."""
    middle = float(np.median(usual))
    scatter = 1.4826 * float(np.median(np.abs(np.array(usual) - middle))) + 0.05 * middle + 0.05
    return value - middle if value - middle > 4 * scatter else 0.0


def loudness(pods: Mapping[str, Mapping[str, Any]], since: float) -> tuple[dict[str, float], dict[str, float]]:
    """Per service: mean log deviation of all its pods' metrics from before, and by how much its CPU use grew."""
    loud, cpu = {}, {}
    for pod, metrics in pods.items():
        times = np.array(metrics["unix"], dtype=float)
        before, after = times < since, (times >= since) & (times <= since + 300)
        deviations = []
        for name, column in metrics.items():
            if name == "unix" or name.startswith("Node") or len(column) != len(times):
                continue
            values = np.array([np.nan if value is None else value for value in column], dtype=float)
            old, new = values[before], values[after]
            if np.isfinite(old).sum() < 3 or not np.isfinite(new).any():
                continue
            middle = float(np.nanmedian(old))
            scatter = 1.4826 * float(np.nanmedian(np.abs(old - middle))) + 0.1 * abs(middle) + 1e-6
            deviation = (float(np.nanmedian(new)) - middle) / scatter
            deviations.append(np.log1p(abs(deviation)))
            if name == "CpuUsageRate(%)":
                cpu[service(pod)] = float(np.log1p(max(deviation, 0.0)))
        if deviations:
            loud[service(pod)] = float(np.mean(deviations))
    return loud, cpu


if __name__ == "__main__":
    main()
