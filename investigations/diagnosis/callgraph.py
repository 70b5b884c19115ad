"""Which part of a chain of calls a trouble began in: what a part cannot pass on to the parts it calls stays with it.

A service is slow (fails) because it is itself, or because something it calls is. So the trouble that is seen at the
front flows down the call graph: at each part, callees that have trouble of their own take over as much of it as their
excess explains, in proportion to it; the rest stays. Parts are ranked by what stayed with them. This is the
explaining-away that the scoring of hypotheses does, on a graph; a callee without an excess is never blamed, however
busy it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from investigations.playbooks.format import CallGraph

#: Deeper chains are cut: what would flow on stays there.
_DEEPEST: Final = 12
#: A trickle below this part of the trouble is not followed.
_TRICKLE: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Blamed:
    """`share` of the trouble at the front (0 to 1, all parts together 1) stayed with `part`. `path` leads there from
    the front, the front first.
    """

    part: str
    share: float
    path: tuple[str, ...]


def blame(front: str, calls: Iterable[tuple[str, str]], excess: Mapping[str, float]) -> list[Blamed]:
    """Parts ranked by the share of the front's trouble that began in them.

    `calls` are (caller, callee); `excess` is what each part has too much, in a unit that adds up over requests (added
    seconds a minute, added failures a minute); 0 or missing where nothing is unusual. Where the front shows no excess
    of its own, all of it flows to callees that do. Circles of calls are walked once.
    """
    callees: dict[str, list[str]] = {}
    for caller, callee in dict.fromkeys(calls):
        if caller != callee:
            callees.setdefault(caller, []).append(callee)
    stayed: dict[str, float] = {}
    strongest: dict[str, tuple[float, tuple[str, ...]]] = {}
    waiting: list[tuple[float, tuple[str, ...]]] = [(1.0, (front,))]
    while waiting:
        flow, path = waiting.pop()
        part, own = path[-1], max(excess.get(path[-1], 0.0), 0.0)
        below = {
            callee: have
            for callee in callees.get(part, ())
            if callee not in path and (have := excess.get(callee, 0)) > 0
        }
        total = sum(below.values())
        passed = flow * min(1.0, total / own) if own > 0 else (flow if total > 0 else 0.0)
        if len(path) >= _DEEPEST or passed < _TRICKLE:
            passed = 0.0
        stayed[part] = stayed.get(part, 0.0) + flow - passed
        if flow > strongest.get(part, (0.0, ()))[0]:
            strongest[part] = (flow, path)
        if passed:
            waiting += [(passed * have / total, (*path, callee)) for callee, have in below.items()]
    ranked = sorted(stayed, key=lambda part: (-round(stayed[part], 12), part))
    return [Blamed(part, stayed[part], strongest[part][1]) for part in ranked]


def chain(measure: CallGraph, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Facts of sampled requests across services; see `CallGraph`. Without enough requests only `services` is known."""
    calls: list[tuple[str, str]] = []
    before: dict[str, float] = {}
    after: dict[str, float] = {}
    entered: dict[str, tuple[float, float]] = {}
    for row in rows:
        part, caller = str(row[measure.part]), str(row[measure.caller] or "")
        before[part] = before.get(part, 0.0) + float(row[measure.value_before] or 0)
        after[part] = after.get(part, 0.0) + float(row[measure.value_after] or 0)
        if caller:
            calls.append((caller, part))
        else:
            entered[part] = (float(row[measure.n_before] or 0), float(row[measure.n_after] or 0))
    facts: dict[str, Any] = {"services": float(len(before))}
    if not entered:
        return facts
    front = max(sorted(entered), key=lambda part: entered[part][1])
    n_before, n_after = entered[front]
    if min(n_before, n_after) < measure.min_n:
        return facts
    per_request = {part: (before[part] / n_before, after[part] / n_after) for part in before}
    excess = {part: now - then for part, (then, now) in per_request.items()}
    noise = measure.min_share * max(excess[front], 0.0)
    ranked = [
        {
            "part": item.part,
            "share": item.share,
            "path": list(item.path),
            "before": per_request[item.part][0],
            "after": per_request[item.part][1],
        }
        for item in blame(front, calls, {part: value if value > noise else 0.0 for part, value in excess.items()})
        if item.share > 0
    ]
    return facts | {"front": front, "ranked": ranked, "best": ranked[0], "deep": ranked[0]["part"] != front}
