"""Whether an ordinary word is meant as a name where it stands: "by Mark" and "Mark has", but not "Mark it as read"."""

from __future__ import annotations

import re
from typing import Final

from knowledge.language.names import CALENDAR, Sort, Word


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_SENTENCE_END: Final = re.compile(r"[.!?:;\n>*•|]")
_PATH: Final = re.compile(r"[/\\=&?#@]")
_TITLES: Final = _set("mr ms mrs mx dr prof herr herrn frau")

_SERVICE_AFTER: Final = _set(
    "service services microservice microservices worker workers daemon cluster backend pod pods container containers squad"
    " repo repository consumer consumers deployment deployments dienst"
)
_SERVICE_BEFORE: Final = _set("service microservice component repository repo dienst komponente daemon")
_THEIRS: Final = _set("your ihr ihre ihrem ihren ihres customer's own their")

_PERSON_BEFORE: Final = _set(
    "colleague colleagues kollege kollegin kollegen engineer engineers developer manager lead teammate specialist expert"
    " asked ask told tell cc contacted pinged coworker techniker ingenieur"
)
_PERSON_AFTER_ANYWHERE: Final = _set(
    "has hat said says confirmed looked looks found wrote writes raised checked fixed told changed restarted corrected"
    " answered increased explained noticed thinks believes knows agrees suggests wants suspects meint sagte sagt bestätigte prüfte"
)
_PERSON_AFTER_INSIDE: Final = _set("is was can wird ist kann from and")
#: "May will" at the head of a sentence is not English; "Dawn will take over" is.
_PERSON_AFTER_UNDATED: Final = _set("will would wird")
_PERSON_NEAR: Final = _set("with from by to and for thanks via")

_CUSTOMER_BEFORE: Final = _set(
    "customer customers client clients tenant tenants company firm merchant kunde kunden kundin firma account"
)
_CUSTOMER_AFTER_ANYWHERE: Final = _set(
    "saw sees reported reports uses used experienced ran runs solved complained told wrote hit had has sends sent hatte"
    " meldete sah nutzt"
)
_CUSTOMER_AFTER_INSIDE: Final = _set("was were is are also hat war too and")
_AFFECTED: Final = _set("hit affected impacted down blocked slow seeing having using sending hitting reporting")
_CUSTOMER_NEAR: Final = _set("from by for of at with like unlike versus vs to and including both than as")
#: Words that may follow a name after a preposition; a noun would make the name a part of something else.
_LOOSE: Final = _set(
    "and or as at by for from in is it of on that the this to too was were when who with while last today yesterday also had"
    " has have because but since between during before after hit saw und oder"
)


def is_titled(words: list[Word], place: int) -> bool:
    return place > 0 and words[place - 1].key in _TITLES and words[place].text[0].isupper()


def is_told(text: str, words: list[Word], place: int, end: int, sort: Sort) -> bool:
    """Whether the words `place` to `end` are a name of this sort, going by case and neighbours."""
    before = _before(text, words, place)
    after, gap = _after(text, words, end)
    if sort in (Sort.SERVICE, Sort.REPOSITORY, Sort.HOST):
        return _is_component(text, words[place:end], before, after)
    if not words[place].text[0].isupper() or _is_in_path(text, words[place].start, words[end - 1].end):
        return False
    key, owns = words[place].key, after == "s" and gap == "'"
    dated, starts = key in CALENDAR, not before
    last = before[-1] if before else ""
    if sort is Sort.PERSON:
        if last in _PERSON_BEFORE or last in _TITLES or after in _PERSON_AFTER_ANYWHERE:
            return True
        if dated:
            return False
        with_me = after == "and" and _is_word(words, end + 1, "i", "me", "ich")
        described = (after == "who" and gap == ", ") or (
            after in ("in", "at", "on") and _is_word(words, end + 1, "our")
        )
        if owns or with_me or described or after in _PERSON_AFTER_UNDATED:
            return True
        return not starts and (last in _PERSON_NEAR or after in _PERSON_AFTER_INSIDE)
    if last in _CUSTOMER_BEFORE or (after in _CUSTOMER_AFTER_ANYWHERE and not (dated and not starts)):
        return not dated or last in _CUSTOMER_BEFORE
    if dated:
        return False
    if owns or (not starts and after in _CUSTOMER_AFTER_INSIDE and last not in ("the", "a", "an")):
        return True
    if after in ("was", "were", "is") and _is_word(words, end + 1, *_AFFECTED):
        return True
    stands_free = not after or gap.strip() != "" or after in _LOOSE
    return not starts and last in _CUSTOMER_NEAR and stands_free


def _is_component(text: str, here: list[Word], before: list[str], after: str) -> bool:
    if _is_in_path(text, here[0].start, here[-1].end) or any(word in _THEIRS for word in before):
        return False
    return after in _SERVICE_AFTER or bool(before and before[-1] in _SERVICE_BEFORE and after not in ("of", "is"))


def _is_word(words: list[Word], place: int, *keys: str) -> bool:
    return place < len(words) and words[place].key in keys


def _before(text: str, words: list[Word], place: int) -> list[str]:
    """Up to two words before in the same sentence."""
    kept: list[str] = []
    for index in range(place - 1, max(place - 3, -1), -1):
        if _SENTENCE_END.search(text, words[index].end, words[index + 1].start):
            break
        kept.insert(0, words[index].key)
    return kept


def _after(text: str, words: list[Word], end: int) -> tuple[str, str]:
    """The next word of the same sentence, or nothing, and what stands between."""
    if end == len(words):
        return "", ""
    gap = text[words[end - 1].end : words[end].start][:20]
    return ("", gap) if _SENTENCE_END.search(gap) else (words[end].key, gap)


def _is_in_path(text: str, start: int, end: int) -> bool:
    """A segment of a path, parameter or address rather than a word of a sentence."""
    return bool(_PATH.match(text, end)) or (start > 0 and bool(_PATH.match(text, start - 1)))
