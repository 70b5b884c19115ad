"""Numbers and times as people read them."""

from __future__ import annotations

import re

import pytest

from altor.words import counted, duration, figure, money, number, percent, size
from investigations.diagnosis.texts import milliseconds, moment, render
from investigations.playbooks.loader import library_files


@pytest.mark.parametrize(
    ("value", "text"), [(0.4312, "43%"), (0.071, "7.1%"), (0.0004, "<0.1%"), (0.0, "0%"), (1.0, "100%")]
)
def test_percent(value, text):
    assert percent(value) == text


@pytest.mark.parametrize(("value", "text"), [(8412.0, "8,412"), (3.0, "3"), (0.25, "0.25"), (12.7, "12.7")])
def test_number(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.8, "0.8 s"), (12, "12 s"), (112, "1 min 52 s"), (2280, "38 min"), (7500, "2 h 05 min"), (273600, "3 d 4 h")],
)
def test_duration_has_at_most_two_units(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [(241200, "usd", "$2,412.00"), (241200, "chf", "2,412.00 CHF"), (500, "jpy", "¥500"), (1234, "kwd", "1.234 KWD")],
)
def test_money_knows_minor_units(amount, currency, text):
    assert money(amount, currency) == text


def test_a_figure_in_money_reads_as_money():
    assert figure(9900, "money:usd") == "$99.00"


def test_moment_is_utc_and_says_so():
    assert moment("2026-05-01T12:02:00+02:00") == "1 May 10:02 UTC"
    assert milliseconds(1530.0) == "1.5 s"


def test_what_is_not_known_reads_as_a_dash_and_never_as_zero():
    names = {"a": {"share": 0.5, "total": 1000.0, "currency": "eur"}}
    assert render("{a.share|percent} of {a.missing|number}, {[a.total, a.currency]|money}", names) == "50% of –, €10.00"


SLOWER = "{[speed.slow, 'endpoint is', 'endpoints are']|counted} slower"


@pytest.mark.parametrize(
    ("slow", "text"),
    [(1, "1 endpoint is slower"), (1.0, "1 endpoint is slower"), (0, "0 endpoints are slower"),
     (3, "3 endpoints are slower"), (1204, "1,204 endpoints are slower"), (None, "– endpoints are slower")],
)  # fmt: skip
def test_a_number_agrees_with_what_it_counts(slow, text):
    assert render(SLOWER, {"speed": {"slow": slow}}) == text


def test_where_the_number_is_not_known_its_words_stay():
    assert render(SLOWER, {"speed": {}}) == "– endpoints are slower"
    assert render("{[speed.slow, 'slow table']|counted}", {"speed": {}}) == "– slow tables"


def test_one_takes_no_s():
    assert (counted(1, "row"), counted(2, "row"), counted(1.5, "day")) == ("1 row", "2 rows", "1.50 days")


@pytest.mark.parametrize(("count", "text"), [(812, "812 B"), (12_400, "12.4 kB"), (3_100_000, "3.1 MB")])
def test_bytes_are_written_in_decimal_units(count, text):
    assert size(count) == text


#: A number of things, written so that one of them would read as many.
_MANY = re.compile(
    r"\{[^{}]*\|number\} (?:more |other |new |open |slow |measured |business )*"
    r"(?!bytes\b)(?:[a-z]+s|people|fit|are)\b"
)


@pytest.mark.parametrize("path", library_files(), ids=lambda path: path.stem)
def test_no_shipped_playbook_says_one_endpoints(path):
    assert _MANY.findall(path.read_text()) == []


def test_braces_of_a_customer_text_are_not_filled():
    assert render("{a.text}", {"a": {"text": "{a.share}"}}) == "{a.share}"


@pytest.mark.parametrize(
    ("minutes", "text"),
    [(12.4, "12 minutes before"), (-2.7, "within 3 minutes of"), (-40.2, "within 40 minutes of"),
     (-90.2, "90 minutes after"),
     (1.0, "1 minute before"), (0.3, "in the same minute as"),
     (600.0, "10 hours before")],
)  # fmt: skip
def test_a_lead_says_before_or_after(minutes, text):
    assert render("{m|lead} the onset", {"m": minutes}) == f"{text} the onset"
