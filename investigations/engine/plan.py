"""The shape of a playbook's work: which steps wait for which, and how long its longest chain of questions is."""

from __future__ import annotations

from investigations.playbooks.format import Playbook


def longest_chain(playbook: Playbook) -> list[str]:
    """Ids of the longest chain of steps that must be asked one after the other, first to last.

    A step a person answers costs the run no time and does not count; nor does `reads`, which delays only the
    interpretation of an answer.
    """
    chains: dict[str, list[str]] = {}
    for step in playbook.steps:  # a step refers only to earlier ones
        before = max((chains[other] for other in step.depends_on), key=len, default=[])
        chains[step.id] = before if step.source == "manual" else [*before, step.id]
    return max(chains.values(), key=len)
