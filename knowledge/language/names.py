"""Who and what may not be named, and how each name may be written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final, NamedTuple

from knowledge.language.folding import fold

TOKEN: Final = re.compile(r"[^\W_]+")
#: A name of more words is compared by these only.
LONGEST: Final = 12
_LEGAL_FORMS: Final = frozenset(
    "ab ag aps as asa bv co corp corporation company eg ek ev gbr gmbh inc incorporated kg kgaa kk limited llc llp lp ltd"
    " mbh nv ohg oy oyj plc pty sa sarl sas se sl spa srl ug".split()
)
# "S.A." and "B.V." come apart into letters.
_LETTER_FORMS: Final = frozenset({("s", "a"), ("b", "v"), ("n", "v"), ("s", "l"), ("s", "r", "l"), ("s", "p", "a")})
#: The last word of a company's name that people leave out.
_TRADES: Final = frozenset(
    "agency bank brands capital cloud commerce consulting data digital energy finance financial foods global group health"
    " holding holdings insurance international labs logistics logistik media mobility network networks partners payments"
    " pharma robotics services software solutions studio studios systems technologies technology telecom travel ventures"
    " works".split()
)
_WORDS: Final = Path(__file__).parent / "words"
ORDINARY: Final = frozenset(
    word
    for line in (_WORDS / "ordinary.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
    for word in line.split()
)
_ENDINGS: Final = ("s", "es", "ed", "d", "ing", "er", "ers", "ly")
CALENDAR: Final = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august"
    " september october november december montag mittwoch sonntag mai spring summer autumn winter".split()
)


@dataclass(frozen=True, slots=True)
class Directory:
    """Names as people write them. `other_customers`: names, domains and organisation ids of everybody else.

    It may hold this customer too, as `own` wins: then the same sets serve every ticket and are compiled once.

    `own`: what may stand in a reply to this customer: names, domains, addresses and ids of the customer and the
    requester, the vendor's public names (product, status page, support address), and the name of the person who signs.
    """

    services: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()
    repositories: frozenset[str] = frozenset()
    other_customers: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()


class Sort(Enum):
    SERVICE = "service"
    HOST = "host"
    PERSON = "person"
    REPOSITORY = "repository"
    CUSTOMER = "customer"
    OWN = "own"


class Manner(Enum):
    """What must hold of the words in the text, beyond being the same words."""

    SURE = "in any case of letters"
    CAPITAL = "every word begins with a capital"
    EXACT = "the same case of letters"
    JOINED = "hyphens or dots between the words, no spaces, or a neighbour that tells"
    TOLD = "a capital where it is a proper name, and a neighbour that tells"
    TITLED = "a title in front"


@dataclass(frozen=True, slots=True)
class Name:
    """One way to write one entry: `words` casefolded, `written` as in the directory, `is_short` for a part of it."""

    sort: Sort
    words: tuple[str, ...]
    manner: Manner
    written: str
    is_short: bool = False


def is_ordinary(word: str) -> bool:
    """Whether a casefolded word means something in a sentence, in one of its forms (`digits`, `mapped`, `tracking`)."""
    if word in ORDINARY:
        return True
    return any(word.endswith(end) and word[: -len(end)] in ORDINARY for end in _ENDINGS if len(word) > len(end) + 2)


class Word(NamedTuple):
    """A word of the text: as it stands, casefolded, and where."""

    text: str
    key: str
    start: int
    end: int


def words_in(text: str) -> list[Word]:
    return [Word(match[0], match[0].casefold(), match.start(), match.end()) for match in TOKEN.finditer(text)]


def words_of(written: str) -> tuple[str, ...]:
    """The words of a name, folded as texts are."""
    return tuple(word.casefold() for word in TOKEN.findall(fold(written).text)[:LONGEST])


def is_address(written: str) -> bool:
    """Whether it is a domain, e-mail address or URL rather than a name in words."""
    bare = written.strip()
    return " " not in bare and ("@" in bare or re.search(r"[^.\s]\.[^.\s]{2,}$|://", bare) is not None)


def own_names(own: Iterable[str]) -> Iterator[Name]:
    """Every way in which the customer's own names may be written."""
    for written in own:
        yield from _plain(Sort.OWN, words_of(_without_scheme(written)), written)
        yield from _plain(Sort.OWN, _without_legal_form(words_of(written)), written)


def internal_names(directory: Directory) -> Iterator[Name]:
    """Every way in which an entry of the directory may be written, but for `own`."""
    for written in directory.other_customers:
        yield from _customer(written)
    for written in directory.people:
        yield from _person(written)
    for written in directory.services:
        yield from _component(Sort.SERVICE, written)
    for written in directory.repositories:
        yield from _plain(Sort.REPOSITORY, words_of(written) if "/" in written else (), written)
        yield from _component(Sort.REPOSITORY, written.rpartition("/")[2])
    for written in directory.hosts:
        yield from _host(written)


def _plain(sort: Sort, words: tuple[str, ...], written: str) -> Iterator[Name]:
    if words and not (len(words) == 1 and len(words[0]) < 2):
        yield Name(sort, words, Manner.SURE, written)


def _customer(written: str) -> Iterator[Name]:
    if is_address(written) or "_" in written or written.isdecimal():
        yield from _plain(Sort.CUSTOMER, words_of(_without_scheme(written)), written)
        return
    whole = words_of(written)
    words = _without_legal_form(whole)
    yield from _proper(Sort.CUSTOMER, words, written)
    if whole != words:
        # With its legal form even an ordinary word is a name: Next plc.
        yield from _plain(Sort.CUSTOMER, whole, written)
    if len(words) > 1 and words[-1] in _TRADES:
        rest = words[:-1]
        if len(rest) > 1 or (not is_ordinary(rest[0]) and len(rest[0]) > 3):
            yield from _proper(Sort.CUSTOMER, rest, written, is_short=True)


def _person(written: str) -> Iterator[Name]:
    words = words_of(written)
    if is_address(written):
        yield from _plain(Sort.PERSON, words, written)
        return
    yield from _proper(Sort.PERSON, words, written)
    if len(words) < 2:
        return
    for place, word in ((0, words[0]), (len(words) - 1, words[-1])):
        if len(word) < 3:
            continue
        manner = Manner.CAPITAL
        if is_ordinary(word):
            manner = Manner.TITLED if place else Manner.TOLD
        yield Name(Sort.PERSON, (word,), manner, written, is_short=True)


def _component(sort: Sort, written: str) -> Iterator[Name]:
    """A service or repository: `falcon-gateway`, `falcon_gateway`, `falcon gateway`, `falcongateway`."""
    words = words_of(written)
    if len(words) == 1:
        yield from _proper(sort, words, written, is_short=sort is Sort.REPOSITORY)
        return
    if not words:
        return
    is_plain = all(is_ordinary(word) or word.isdecimal() for word in words)
    yield Name(sort, words, Manner.JOINED if is_plain else Manner.SURE, written)
    joined = "".join(words)
    if len(joined) > 7 and not is_ordinary(joined):
        yield Name(sort, (joined,), Manner.SURE, written)


def _host(written: str) -> Iterator[Name]:
    bare = _without_scheme(written).rstrip(".")
    words = words_of(bare)
    if len(words) == 1:
        yield from _proper(Sort.HOST, words, written)
        return
    yield from _plain(Sort.HOST, words, written)
    label = bare.split(".")[0]
    if len(label) > 3 and label != bare and any(character.isdigit() for character in label) and not label.isdecimal():
        yield Name(Sort.HOST, words_of(label), Manner.JOINED, written, is_short=True)


def _proper(sort: Sort, words: tuple[str, ...], written: str, *, is_short: bool = False) -> Iterator[Name]:
    """A name in words. One that is nothing but ordinary words must look like a name where it stands."""
    if not words or all(word.isdecimal() for word in words):
        return
    is_plain = all(is_ordinary(word) or len(word) == 1 for word in words)
    if len(words) > 1:
        manner = Manner.CAPITAL if is_plain else Manner.SURE
    elif len(words[0]) == 1:
        return
    elif is_plain:
        manner = Manner.TOLD
    else:
        manner = Manner.EXACT if len(words[0]) < 4 else Manner.SURE
    yield Name(sort, words, manner, written, is_short)


def _without_legal_form(words: tuple[str, ...]) -> tuple[str, ...]:
    """Acme from "Acme GmbH & Co. KG" and from "Acme S.A."; a name that is nothing but a legal form stays."""
    kept = words
    while len(kept) > 1:
        if kept[-1] in _LEGAL_FORMS:
            kept = kept[:-1]
        elif kept[-2:] in _LETTER_FORMS and len(kept) > 2:
            kept = kept[:-2]
        elif kept[-3:] in _LETTER_FORMS and len(kept) > 3:
            kept = kept[:-3]
        else:
            break
    return kept


def _without_scheme(written: str) -> str:
    return re.sub(r"^(?:[a-z][a-z0-9+.\-]{1,20}://)?(?:www\.)?", "", written.strip(), flags=re.IGNORECASE).rstrip("/")
