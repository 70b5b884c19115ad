"""Which part of a chain of calls a trouble began in: what a part cannot pass on to the parts it calls stays with it.

A service is slow (fails) because it is itself, or because something it calls is. So the trouble that is seen at the
front flows down the call graph: at each part, callees that have trouble of their own take over as much of it as their
excess explains, in proportion to it; the rest stays. Parts are ranked by what stayed with them. This is the
explaining-away that the scoring of hypotheses does, on a graph; a callee without an excess is never blamed, however
busy it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

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
