"""Take out of text what must not be stored: cards, keys and tokens, e-mail, phones, machine addresses where wanted.

What a diagnosis needs stays: a card's brand and last four digits, a mail domain, the kind of a key. Redacting twice
gives the same text. Every pattern has bounded repeats, so the time is linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_WORD = r"[A-Za-z0-9_\-]"
#: (kind, pattern). The kind is shown; the match is not.
_SECRET_SHAPES: tuple[tuple[str, str], ...] = (
    (
        "private key",
        r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[A-Za-z0-9+/=\s:,\-]{0,8000}?(?:-----END [A-Z ]{0,30}KEY-----|\Z)",
    ),
    ("Stripe key", r"\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{8,250}"),
    ("webhook secret", r"\bwhsec_[A-Za-z0-9+/=]{8,250}"),
    ("GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{20,250}|github_pat_[A-Za-z0-9_]{20,250})"),
    ("Linear key", r"\blin_(?:api|oauth|wh)_[A-Za-z0-9]{8,250}"),
    ("Slack token", r"\bxox[abeoprs]-[A-Za-z0-9\-]{8,250}"),
    ("AWS key", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    ("Google key", r"\bAIza[A-Za-z0-9_\-]{30,45}"),
    ("token", r"\b(?:glpat-|npm_|pypi-|dop_v1_|SG\.|alt_[a-z]{2,12}_)[A-Za-z0-9_.\-]{16,250}"),
    ("JWT", rf"\beyJ{_WORD}{{8,4000}}\.{_WORD}{{8,4000}}\.{_WORD}{{0,1000}}"),
)
_SECRETS = re.compile("|".join(f"(?P<s{n}>{pattern})" for n, (_, pattern) in enumerate(_SECRET_SHAPES)))
_AUTH_SCHEME = re.compile(r"\b(Bearer|Basic|Token)(\s{1,4})(?!\[)([A-Za-z0-9+/=_.~\-]{12,4000})", re.IGNORECASE)
_ASSIGNED = re.compile(
    r"(?<![A-Za-z0-9])"
    r"(pass(?:word|wd|phrase)|api[_\-. ]?key|secret(?:[_\-. ]?key)?|client[_\-. ]?secret"
    r"|(?:access|auth|refresh)[_\-. ]?token|signing[_\-. ]?secret|token)"
    # After "is" only what holds a digit: "the token is expired" tells nothing away.
    r"(\"?'?\s{0,4}(?:[:=]|\bis\b(?=\s{1,4}[^\s\d]{0,60}\d))\s{0,4}\"?'?)(?!\[)([^\s\"'<>,;&\[\]]{6,500})",
    re.IGNORECASE,
)
_URL_CREDENTIALS = re.compile(
    r"(\b[a-z][a-z0-9+.\-]{1,20}://)([^\s/@:\[\]]{0,200}):([^\s/@\[\]]{1,200})@", re.IGNORECASE
)
_EMAIL = re.compile(
    r"[A-Za-z0-9._%+'\-]{1,64}@((?:[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24})\b"
)
_CARD = re.compile(r"(?<![\w.+\-])\d(?:[ \-]?\d){12,18}(?![\w]|[.\-]\d)")
_PHONE = re.compile(
    r"(?<![\w.+])(?:"
    r"\+\d{1,3}[ .\-/]?(?:\(\d{1,5}\)[ .\-/]?)?\d{1,5}(?:[ .\-/]?\d{2,5}){1,5}"
    r"|\(\d{3}\) ?\d{3}[ .\-]\d{4}|\d{3}[.\-]\d{3}[.\-]\d{4}"
    r"|00[1-9]\d[ ./\-]\d{2,5}(?:[ ./\-]?\d{2,5}){1,4}"
    r")(?![\w])"
)
_IPV4 = re.compile(r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w]|\.\d)")
_IPV6 = re.compile(
    r"(?<![\w:.])(?:(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|(?:[0-9A-Fa-f]{1,4}:){1,7}:"
    r"(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6})?|::(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6}))(?![\w:])"
)
_BRANDS: tuple[tuple[str, str], ...] = (
    ("visa", r"4"),
    ("mastercard", r"5[1-5]|2(?:2[2-9]|[3-6]|7[01]|720)"),
    ("amex", r"3[47]"),
    ("discover", r"6(?:011|4[4-9]|5)"),
    ("diners", r"3(?:0[0-5]|[689])"),
    ("jcb", r"35(?:2[89]|[3-8])"),
    ("unionpay", r"62"),
    ("maestro", r"5[06-9]|6"),
)
_BRAND_PATTERNS = tuple((name, re.compile(pattern)) for name, pattern in _BRANDS)
_SECRET_FIELD = re.compile(
    r"(?:^|[_.\- ])(?:password|passwd|passphrase|secret|authorization|cookie|api[_.\-]?key|private[_.\-]?key"
    r"|access[_.\-]?key|(?:access|auth|refresh|bearer|id|session)[_.\-]?token|token)$",
    re.IGNORECASE,
)
REDACTED = "[redacted]"


def redact_text(text: str, *, ips: bool = False) -> str:
    """`text` without secrets and personal data. `ips` takes machine addresses out too.

    A card becomes `[card visa 4242]`, an e-mail `[email]@acme.com`, a key `[Stripe key]`, an assignment
    `password=[redacted]`, a phone `[phone]`, an address `[ip]`.
    """
    if not text:
        return text
    text = _SECRETS.sub(lambda m: f"[{_SECRET_SHAPES[int((m.lastgroup or 's0')[1:])][0]}]", text)
    text = _URL_CREDENTIALS.sub(rf"\1{REDACTED}@", text)
    text = _AUTH_SCHEME.sub(rf"\1\2{REDACTED}", text)
    text = _ASSIGNED.sub(rf"\1\2{REDACTED}", text)
    text = _EMAIL.sub(r"[email]@\1", text)
    text = _CARD.sub(_card, text)
    text = _PHONE.sub(_phone, text)
    if ips:
        text = _IPV6.sub("[ip]", _IPV4.sub("[ip]", text))
    return text


def redact(value: Any, *, ips: bool = False) -> Any:
    """A JSON-able value with every text redacted, and values of secret-bearing fields replaced whole. A new value."""
    if isinstance(value, str):
        return redact_text(value, ips=ips)
    if isinstance(value, Mapping):
        return {
            key: REDACTED if item and isinstance(item, str) and is_secret_field(str(key)) else redact(item, ips=ips)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [redact(item, ips=ips) for item in value]
    return value


def is_secret_field(name: str) -> bool:
    """Whether a field of this name holds a secret. `api_key` does; `api.key_id` and `next_page` do not."""
    return _SECRET_FIELD.search(name) is not None


def find_secrets(text: str) -> Iterator[tuple[str, int, int]]:
    """(kind, start, end) of what `redact_text` takes for a key, token or password. Not in order; may overlap."""
    for match in _SECRETS.finditer(text):
        yield _SECRET_SHAPES[int((match.lastgroup or "s0")[1:])][0], match.start(), match.end()
    for kind, pattern in (("password", _URL_CREDENTIALS), ("token", _AUTH_SCHEME), ("assigned secret", _ASSIGNED)):
        for match in pattern.finditer(text):
            yield kind, match.start(3), match.end(3)


def find_personal(text: str) -> Iterator[tuple[str, int, int]]:
    """(kind, start, end) of e-mail addresses, cards, phone numbers and machine addresses (`ip`). Not in order."""
    for match in _EMAIL.finditer(text):
        yield "e-mail address", match.start(), match.end()
    for match in _CARD.finditer(text):
        if _card_brand(match):
            yield "card number", match.start(), match.end()
    for match in _PHONE.finditer(text):
        if _is_phone(match):
            yield "phone number", match.start(), match.end()
    for pattern in (_IPV4, _IPV6):
        for match in pattern.finditer(text):
            yield "ip", match.start(), match.end()


def _card(match: re.Match[str]) -> str:
    brand = _card_brand(match)
    last_four = re.sub(r"\D", "", match.group())[-4:]
    return f"[card {brand} {last_four}]" if brand else match.group()


def _card_brand(match: re.Match[str]) -> str:
    """The brand of a number that can be a card, otherwise nothing."""
    digits = re.sub(r"\D", "", match.group())
    if not _luhn(digits) or len(set(digits)) == 1:
        return ""
    return next((name for name, pattern in _BRAND_PATTERNS if pattern.match(digits)), "")


def _luhn(digits: str) -> bool:
    total = 0
    for position, digit in enumerate(reversed(digits)):
        number = int(digit) * (2 if position % 2 else 1)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def _phone(match: re.Match[str]) -> str:
    return "[phone]" if _is_phone(match) else match.group()


def _is_phone(match: re.Match[str]) -> bool:
    return 8 <= sum(character.isdigit() for character in match.group()) <= 17
