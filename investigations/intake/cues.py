"""The words before a time: do they make it the start of the trouble, its end, or something else altogether?"""

from __future__ import annotations

import re
from typing import Final, Literal

_REACH: Final = 60
_SENTENCE_END: Final = re.compile(r"[.!?](?=\s|$)|\n\s*\n")
_JOINS: Final = re.compile(
    r"[\s,;:()@~\-–—]{0,4}(?:(?:at|on|in|the|around|about|approximately|approx\.?|roughly|circa|ca\.?|since|from|ish|early|late|of|exactly)\s{1,2}){0,3}[~(]?"
)
#: Words that make what follows an end.
_ENDED: Final = re.compile(
    r"\b(?:until|till|til|'til|ended|ending|resolved|recovered|back (?:up|to normal)|over (?:by|at)|fixed itself|went away"
    r"|cleared(?: up)?|and lasted|working again|fine again|okay again|ok again)\b[^.!?\n]{0,16}$"
)
#: The second end of "between 14:00 and 15:10", "from 14:00 to 15:10", "14:00 - 15:10".
_RANGE_END: Final = re.compile(
    r"(?:\d|[ap]\.?m\.?|noon|midnight|utc|gmt|[ecmp][sd]?t|\))\s?(?:to|and|-|–|—|until|till)\s?(?:about |around |~)?$"
)
_RANGE_AND: Final = re.compile(r"\bbetween\b[^.!?\n]{1,40}$")
_RANGE: Final = re.compile(r"\s{0,2}(?:to|and|-|–|—|until|till)\s{0,2}(?:about |around |at |~)?")
_STARTED: Final = re.compile(
    r"\b(?:since|start(?:s|ed|ing)?|beg[aiu]n(?:ning)?|from|as of|first (?:seen|noticed|saw|reported|appeared)|notic(?:ed|ing)"
    r"|went (?:up|down)|spik(?:e|ed|ing)|jumped|broke|stopped|stops|after|appeared|happen(?:ed|ing|s)?|occurr?(?:ed|ing)|happens|dropped|failing|down)\b"
    r"[^.!?\n]{0,24}$"
)
_SOFT: Final = re.compile(
    r"(?:\b(?:at|around|about|approximately|approx\.?|roughly|circa|ca\.?|on|in|for|earlier)|~|@)\s{0,2}$"
)
#: Times that speak of something else: deadlines, earlier contacts, the past as it was.
_OTHER: Final = re.compile(
    r"\b(?:by|before|next|deadline|due|meeting|call (?:at|on)|until (?:next )?|vacation|holiday|office hours?|available|reach me|wrote|written|asked"
    r"|e-?mailed|called you|contacted|reported it|ticket|opened a|signed (?:up|the)|onboard\w*|last (?:year|quarter)|similar issue"
    r"|worked (?:fine )?|was (?:fine|ok|okay|working)|were fine|upgraded|deployed|released|renew\w*|business days?|go live|launch)\b[^.!?\n]{0,20}$"
)
_UNTIL_BROKEN: Final = re.compile(
    r"\b(?:fine|worked|working|ok|okay|good|normal|no (?:issues?|problems?))\b[^.!?\n]{0,20}\b(?:until|till|til|up to)\b[^.!?\n]{0,16}$"
)


def joins(between: str) -> bool:
    """Whether the text between two time parts makes them one ("yesterday, at about 4pm")."""
    return len(between) <= 32 and _JOINS.fullmatch(between) is not None


def is_range(between: str) -> bool:
    """Whether the text between two clock times makes them the ends of a range."""
    return _RANGE.fullmatch(between) is not None


def judge(text: str, start: int) -> tuple[Literal["onset", "ended"], float]:
    """Role of the time at `start` and how much the words before it speak for it; 0 or less: not about the trouble."""
    before = text[max(0, start - _REACH) : start]
    ends = list(_SENTENCE_END.finditer(before))
    if ends:
        before = before[ends[-1].end() :]
    if _UNTIL_BROKEN.search(before):
        return "onset", 4.0  # "worked fine until 14:00"
    if _ENDED.search(before) or (_RANGE_END.search(before) and not _RANGE_AND.fullmatch(before)):
        return "ended", 2.0
    if _STARTED.search(before):
        return "onset", 4.0
    if _OTHER.search(before):
        return "onset", -1.0
    return "onset", 2.0 if _SOFT.search(before) else 1.0
