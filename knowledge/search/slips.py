"""How many slips of the fingers lie between two words."""

from __future__ import annotations


def slips(one: str, other: str) -> int:
    """Letters put in, left out, mistaken, or exchanged with their neighbour: the optimal string alignment distance."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        now = [i]
        for j, sign in enumerate(other, 1):
            best = min(last[j] + 1, now[j - 1] + 1, last[j - 1] + (letter != sign))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == sign:
                best = min(best, before[j - 2] + 1)
            now.append(best)
        before, last = last, now
    return last[-1]
