"""The draft of the reply: what was observed, for whom, what happens next, and how sure the time is. Never sent by
itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from altor.words import MISSING
from investigations.diagnosis.facts import FactSpace
from investigations.diagnosis.scoring import Scored
from investigations.diagnosis.texts import render
from investigations.playbooks.format import Playbook


def draft(playbook: Playbook, top: Scored, space: FactSpace, document: Mapping[str, Any]) -> str:
    """Four parts, filled from facts. Below medium confidence it states what was measured and that work goes on."""
    name = str(space.inputs.ticket.get("requester_name") or "").split(" ")[0]
    greeting = f"Hello {name}," if name else "Hello,"
    spec = top.hypothesis.reply
    if (
        spec is None
        or top.confidence < 0.40
        or (document["candidates"][:1] and document["candidates"][0]["label"] == "inconclusive")
    ):
        return "\n\n".join(
            [
                greeting,
                "We have looked at the requests and records of your account and are still checking what you describe.",
                "We cannot yet name the cause with confidence. "
                "We are continuing and will write again with what we find.",
                "If you can, please send us a request id or the exact time of one affected call: "
                "it lets us follow it through our systems.",
            ]
        )
    parts = [render(text, space.names) for text in (spec.observed, spec.scope, spec.next_step, spec.eta)]
    return "\n\n".join([greeting, *(part for part in parts if part and part != MISSING)])
