"""Numbers, durations and times as people read them; Markdown as it may appear."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altor import markdown, words
from altor.templatetags import altor_ui
from tests.pages.scene import PAYLOADS


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.84, "0.8 s"),
        (9.97, "10 s"),
        (12, "12 s"),
        (112, "1 min 52 s"),
        (120, "2 min"),
        (2280, "38 min"),
        (7500, "2 h 05 min"),
        (3600, "1 h"),
        (273_600, "3 d 4 h"),
        (None, "–"),
        (-5, "-5.0 s"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float | None, text: str) -> None:
    assert words.duration(seconds) == text


def test_numbers_percent_and_money() -> None:
    assert [words.number(v) for v in (8412, 0.5, 12.34, 1_000_000, None)] == ["8,412", "0.50", "12.3", "1,000,000", "–"]
    assert [words.percent(v) for v in (0.43, 0.071, 0, 0.0004, 1, None)] == ["43%", "7.1%", "0%", "<0.1%", "100%", "–"]
    assert [words.money(*v) for v in ((241_200, "usd"), (-500, "eur"), (1200, "jpy"), (1234, "kwd"))] == [
        "$2,412.00",
        "-€5.00",
        "¥1,200",
        "1.234 KWD",
    ]
    assert [words.figure(*v) for v in ((0.43, "%"), (120.0, "ms"), (1500, "ms"), (3.0, "/min"), (7, "req"))] == [
        "43%",
        "120 ms",
        "1.5 s",
        "3/min",
        "7 req",
    ]


def test_moments_say_as_much_as_is_needed() -> None:
    now = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
    assert words.moment(datetime(2026, 11, 23, 9, 14, tzinfo=UTC), now) == "09:14"
    assert words.moment(datetime(2026, 11, 21, 16, 40, tzinfo=UTC), now) == "21 Nov 16:40"
    assert words.moment(datetime(2025, 11, 21, 16, 40, tzinfo=UTC), now) == "21 Nov 2025"


def test_markdown_keeps_meaning_and_drops_danger() -> None:
    html = markdown.to_html("# Title\n\n**bold** [ok](https://a.example) | x\n\n- one")
    assert "<h3>Title</h3>" in html and "<strong>bold</strong>" in html and 'href="https://a.example"' in html
    for payload in PAYLOADS:
        out = markdown.to_html(payload)
        assert (
            "<script" not in out
            and "<img" not in out
            and "onerror" not in out.replace("onerror=window", "")
            and 'href="javascript' not in out
        )


@given(st.text(max_size=400))
def test_cleaning_twice_equals_cleaning_once(text: str) -> None:
    once = markdown.to_html(text)
    assert markdown.clean(once) == once


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "https:///x",
        "java\nscript:x",
        "",
        None,
        "ftp://a.example",
    ],
)
def test_links_of_strangers_are_followed_only_when_they_are_web_addresses(address: str | None) -> None:
    assert altor_ui.safe_link(address) == ""
    assert altor_ui.safe_link("https://github.example/x") == "https://github.example/x"


def test_charts_survive_missing_and_strange_values() -> None:
    assert altor_ui.threshold("", "", None, None) == "" and altor_ui.threshold(0, 0) == ""
    assert "43% measured; baseline 3.1%; threshold 5.0%" in altor_ui.threshold(0.43, 0.05, 1.0, 0.031, "%", "abnormal")
    assert (
        altor_ui.spark([1], "x") == ""
        and altor_ui.spark(None, "x") == ""
        and "polyline" in altor_ui.spark([1, 1, 1], "x")
    )
    assert (
        "High confidence" in altor_ui.conf(0.86)
        and "Medium confidence" in altor_ui.conf(0.74)
        and "Low confidence" in altor_ui.conf(0.399)
    )
