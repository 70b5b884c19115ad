"""The draft of the reply: what was observed, for whom, what happens next, and how sure the time is. Never sent by
itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from investigations.diagnosis.facts import FactSpace
from investigations.diagnosis.scoring import Scored
from investigations.diagnosis.texts import is_complete, render, since

#: Below this the reply names no cause.
SURE_ENOUGH: Final = 0.40
_NOT_YET: Final = (
    "We have looked at the requests and records of your account and are still checking what you describe.",
    "We cannot yet name the cause with confidence. We are continuing and will write again with what we find.",
    "If you can, please send us a request id or the exact time of one affected call: "
    "it lets us follow it through our systems.",
)
#: The first sentence where the account itself is not known: nothing of it was looked at.
_NOT_LOOKED: Final = "We have read your message and want to look at the right records before we say anything."


def draft(top: Scored, space: FactSpace, document: Mapping[str, Any], questions: Sequence[str]) -> str:
    """Four parts, filled from facts and from `diagnosis` (onset, since, scope: as the diagnosis states them).

    Below medium confidence, and where a fact that the wording needs is not known, it states that work goes on and asks
    what is missing: `questions`, as the playbook words them for its inputs.
    """
    name = str(space.inputs.ticket.get("requester_name") or "").split(" ")[0]
    greeting = f"Hello {name}," if name else "Hello,"
    spec = top.hypothesis.reply
    undecided = document["candidates"][0]["label"] == "inconclusive"
    stated = {"onset": document["onset"], "scope": document["scope"], "since": since(document)}
    names = {**space.names, "diagnosis": stated}
    if spec is None or undecided or top.confidence < SURE_ENOUGH:
        return _open(greeting, questions)
    texts = [text for text in (spec.observed, spec.scope, spec.next_step, spec.eta) if text]
    if not all(is_complete(text, names) for text in texts):
        return _open(greeting, questions)
    return "\n\n".join([greeting, *(render(text, names) for text in texts)])


def _open(greeting: str, questions: Sequence[str]) -> str:
    if questions:
        return "\n\n".join([greeting, _NOT_LOOKED, "Could you tell us one thing more?", *questions])
    return "\n\n".join([greeting, *_NOT_YET])
