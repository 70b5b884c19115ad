"""Amounts of money in text, as minor units and currency: "€1.234,56" -> "123456 EUR"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Final

from investigations.intake.endpoints import Found

_SYMBOLS: Final = {
    "€": "EUR",
    "$": "USD",
    "us$": "USD",
    "£": "GBP",
    "¥": "JPY",
    "₹": "INR",
    "a$": "AUD",
    "c$": "CAD",
    "ca$": "CAD",
    "au$": "AUD",
    "r$": "BRL",
    "kr": "SEK",
    "chf": "CHF",
}
_WORDS: Final = {
    "euro": "EUR",
    "euros": "EUR",
    "dollar": "USD",
    "dollars": "USD",
    "bucks": "USD",
    "pound": "GBP",
    "pounds": "GBP",
    "yen": "JPY",
    "francs": "CHF",
}
_CODES: Final = frozenset(
    "EUR USD GBP JPY CHF SEK NOK DKK PLN CZK HUF RON BGN CAD AUD NZD INR BRL MXN SGD HKD ZAR KRW CNY TRY ILS AED".split()
)
#: Currencies without minor units.
ZERO_DECIMAL: Final = frozenset({"JPY", "KRW"})
_NUMBER = r"\d{1,3}(?:[ '’.,\u00a0\u202f]\d{3}){1,4}(?:[.,]\d{1,2})?|\d{1,9}(?:[.,]\d{1,2})?"
_CODE = "|".join(sorted(_CODES))
_BEFORE: Final = re.compile(
    rf"(?<![\w$€£])(?P<unit>(?:us|a|c|ca|au|r)\$|[€$£¥₹]|(?:{_CODE})(?![a-z]))\s?(?P<number>{_NUMBER})(?P<k>k\b)?(?![\d%])",
    re.IGNORECASE,
)
_AFTER: Final = re.compile(
    rf"(?<![\w.,:/\-])(?P<number>{_NUMBER})(?P<k>k)?\s?(?P<unit>[€$£¥]|(?:{_CODE}|{'|'.join(_WORDS)})(?![A-Za-z]))",
    re.IGNORECASE,
)


def find_amounts(text: str) -> Iterator[Found]:
    for pattern in (_BEFORE, _AFTER):
        for match in pattern.finditer(text):
            currency = _currency(match["unit"].lower())
            minor = minor_units(match["number"], currency, thousands=bool(match["k"]))
            if minor is not None:
                yield Found(f"{minor} {currency}", match.start(), match.end())


def _currency(unit: str) -> str:
    return _SYMBOLS.get(unit) or _WORDS.get(unit) or unit.upper()


def minor_units(number: str, currency: str, *, thousands: bool = False) -> int | None:
    """The integer amount in minor units of a number written in any habit: the last separator before one or two digits
    is the decimal one; groups of three are thousands."""
    digits = re.sub(r"[ '’\u00a0\u202f]", "", number)
    decimal = re.search(r"[.,](\d{1,2})$", digits)
    fraction = decimal.group(1) if decimal else ""
    whole = re.sub(r"\D", "", digits[: decimal.start()] if decimal else digits)
    try:
        value = Decimal(f"{whole or 0}.{fraction or 0}") * (1000 if thousands else 1)
    except InvalidOperation:
        return None
    minor = int(value if currency in ZERO_DECIMAL else value * 100)
    return minor if 0 < minor < 10**12 else None
