"""Secrets in a reply: known shapes, assignments, connection strings, and strings too random to be anything else."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from altor.redaction import find_secrets
from knowledge.language.findings import Hit, Kind

_CONNECTION: Final = re.compile(
    r"\b(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|clickhouse|mssql|jdbc:[a-z]{2,12})"
    r"://[^\s\"'<>`]{3,400}",
    re.IGNORECASE,
)
_ENVIRONMENT: Final = re.compile(
    r"\b[A-Z][A-Z0-9_]{0,60}(?:SECRET|TOKEN|PASSWORD|PASSWD|PWD|KEY|DSN|CREDENTIALS|DATABASE_URL)[A-Z0-9_]{0,20}"
    r"[ \t]{0,2}[=:][ \t]{0,2}[\"']?([^\s\"'<>,;]{6,400})"
)
# "the key for the sandbox: 0a1b..."
_ANNOUNCED: Final = re.compile(
    r"\b(?:key|token|secret|password|passwort|kennwort|passphrase|schlussel|credential)s?\b[^\n:=]{0,40}?"
    r"(?:[:=]|\b(?:is|are|ist|lautet|to|auf)\b)\s{0,3}[\"'`]?([A-Za-z0-9+/_.~!#$%&*^\-]{8,400})",
    re.IGNORECASE,
)
# "user admin, pw x9..."
_TYPED: Final = re.compile(
    r"\b(?:pw|pwd|pass|passwd|password|passwort|kennwort|pin)\s{1,2}[\"'`]?([^\s\"'`<>,;]{6,100})", re.IGNORECASE
)
# curl -u user:password
_USER_OPTION: Final = re.compile(r"\s(?:-u|--user)[ =][\"']?[^\s:\"']{1,100}:([^\s\"']{4,200})")
_SIGNED_URL: Final = re.compile(
    r"[?&](?:X-Amz-Signature|X-Goog-Signature|sig|signature|access_token|auth)=([A-Za-z0-9%+/=_\-]{16,400})",
    re.IGNORECASE,
)
_LONG: Final = re.compile(r"(?<![A-Za-z0-9+/_\-])[A-Za-z0-9+/_\-]{20,400}={0,2}(?![A-Za-z0-9+/_\-])")
# in_1Oq..., evt_..., req_...: an object's public id. The prefixes of secrets are known shapes or listed here.
_OBJECT_ID: Final = re.compile(r"(?!(?:key|tok|token|secret|sec|pw|pass|sk|rk|pat|cred|auth|bearer)_)[a-z]{2,12}_")
# A date or version, a word with a number, a quantity, a path.
_NO_SECRET: Final = re.compile(
    r"v?\d[\d.:TZ+\-]*|[A-Za-z]+(?:[-_][a-z]+){0,4}[-_]?\d{1,4}|\d+[a-z]{1,7}|~?\.{0,2}/.*|[\w.\-]{1,60}/[\w./\-]*/[\w./\-]*|[\w\-]{1,60}\.[a-z]{2,5}"
)
_SAID: Final = re.compile(r"\bis\s{1,4}[\"']?$", re.IGNORECASE)
_PLACEHOLDER: Final = re.compile(
    r"your|example|placeholder|changeme|redacted|dummy|insert|xxx|\*\*|\.\.\.|<|^\$|^\{|^%|^\[|ihr[-_]?(?:token|schl)|_here\b",
    re.IGNORECASE,
)
_WORDS: Final = re.compile(r"[A-Z]?[a-z]{3,}")
_HEXADECIMAL: Final = re.compile(r"[0-9a-fA-F\-]+")
# Bits per character; of 20 random letters and digits nearly all have more than 3.5, of words hardly any of three classes.
_RANDOM_BITS: Final = 3.4

_WHY: Final = "{}: whoever reads the mail or the ticket could use it."
_SUGGEST: Final = "Take it out and have it replaced; let the customer read it where it is shown once, in the product."


def secrets_in(text: str) -> Iterator[Hit]:
    """Not in order; may overlap."""
    for kind, start, end in find_secrets(text):
        value = text[start:end]
        if kind not in ("token", "assigned secret", "password") or _is_value(text, start, value):
            yield _hit(start, end, kind)
    for match in _CONNECTION.finditer(text):
        yield _hit(match.start(), match.end(), "connection string")
    for pattern, kind in (
        (_ENVIRONMENT, "environment value"),
        (_SIGNED_URL, "signed address"),
        (_USER_OPTION, "password"),
    ):
        for match in pattern.finditer(text):
            if not _is_placeholder(match[1]):
                yield _hit(match.start(1), match.end(1), kind)
    for match in (*_ANNOUNCED.finditer(text), *_TYPED.finditer(text)):
        value = match[1].rstrip(".!")
        if len(value) > 7 and _is_mixed(value) and not _OBJECT_ID.match(value) and not _is_placeholder(value):
            yield _hit(match.start(1), match.start(1) + len(value), "secret value")
    for match in _LONG.finditer(text):
        if is_random(match[0]) and not _is_in_address(text, match.start()):
            yield _hit(match.start(), match.end(), "random string")


def is_random(value: str) -> bool:
    """Whether a string is a key rather than words, a path, a number or the id of an object."""
    if _OBJECT_ID.match(value) or _HEXADECIMAL.fullmatch(value) or _is_placeholder(value):
        return False
    # parseDateTime64BestEffort is words, and a path of directories is too.
    if 5 * len(_WORDS.sub("", value)) < 2 * len(value) or value.count("/") > 2:
        return False
    classes = [sum(map(test, value)) for test in (str.isupper, str.islower, str.isdigit)]
    if min(classes) == 0 or classes[2] + classes[0] < 5:
        return False
    turns = sum(_class(one) != _class(other) for one, other in pairwise(value))
    return turns * 3 >= len(value) and _bits(value) >= _RANDOM_BITS


def _is_value(text: str, start: int, value: str) -> bool:
    """Of "Basic authentication", "token: expired" and "password=swordfish" only the last tells a secret."""
    if _is_placeholder(value) or not any(character.isalnum() for character in value):
        return False
    if value.startswith(("/", "./", "~/")):
        return False
    if _is_mixed(value) or _SAID.search(text, max(0, start - 8), start):
        return True
    return text[start - 1 : start] == "=" or (
        text[max(0, start - 12) : start].rstrip(" \"'").endswith(":") and _ends_line(text, start, value)
    )


def _ends_line(text: str, start: int, value: str) -> bool:
    return text[start + len(value) : start + len(value) + 2].strip(" \"'.") == "" and " " not in value


def _is_mixed(value: str) -> bool:
    """Letters and digits, not a word with a hyphen, a date or a version."""
    letters, digits = sum(map(str.isalpha, value)), sum(map(str.isdigit, value))
    return letters >= 2 and digits >= 1 and not _NO_SECRET.fullmatch(value)


def _is_placeholder(value: str) -> bool:
    return _PLACEHOLDER.search(value[:60]) is not None or len(set(value)) < 4


def _is_in_address(text: str, start: int) -> bool:
    """Part of a URL: what is secret in a URL is found by its parameter."""
    head = text[max(0, start - 200) : start]
    return "://" in head.rpartition(" ")[2].rpartition("\n")[2]


def _bits(value: str) -> float:
    """Shannon entropy of the characters, bits per character."""
    counts = Counter(value).values()
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts)


def _class(character: str) -> int:
    return 0 if character.isupper() else 1 if character.islower() else 2 if character.isdigit() else 3


def _hit(start: int, end: int, kind: str) -> Hit:
    return Hit(Kind.SECRET, start, end, _WHY.format(f"{kind[0].upper()}{kind[1:]}"), _SUGGEST)
