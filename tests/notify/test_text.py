"""Hostile text leaves inert: no mention, no link, no forged line, for any input."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from altor.notify.text import LONGEST_LINE, clean, markdown_text, slack_text, unmentioned

HOSTILE = [
    "<!channel> <!here|x> <@U012345> <#C012345>",
    "<https://evil.example|Open in Altor>",
    "[Open in Altor](https://evil.example) ![x](https://evil.example/x.png)",
    "@everyone @here @channel <users/all>",
    "*bold* _it_ ~no~ `code` # title\n> quote\r\n- item",
    "\u202egnp.exe \u200b\u2066 \u0000 \x1b[31m",
    "javascript://evil https://user:pw@evil.example",
    "&lt;!channel&gt; &amp;",
    "- [ ] a | b\\",
]
#: Texts made of the characters that mean something somewhere, and of anything else.
TEXTS = st.one_of(
    st.text(max_size=400),
    st.lists(st.sampled_from([*"<>@#&[]()!*_~`|\\/:. \n\r", "http://", "](", "<!", "&lt;", "ab"]), max_size=80).map(
        "".join
    ),
    st.sampled_from(HOSTILE),
)


@settings(deadline=None)
@given(TEXTS)
def test_a_clean_text_is_one_line_of_bounded_length_without_live_links(text: str) -> None:
    found = clean(text)
    assert len(found) <= LONGEST_LINE and found == found.strip()
    assert found == "" or len(found.splitlines()) == 1
    assert "://" not in found
    found.encode()  # no lone surrogates


@settings(deadline=None)
@given(TEXTS)
def test_slack_reads_back_exactly_the_text_and_finds_no_control(text: str) -> None:
    line = clean(text)
    escaped = slack_text(line)
    assert "<" not in escaped and ">" not in escaped
    assert html.unescape(escaped) == line
    assert re.sub(r"&(amp|lt|gt);", "", escaped).count("&") == 0


@settings(deadline=None)
@given(TEXTS)
def test_a_markdown_reader_shows_the_text_and_nothing_else(text: str) -> None:
    line = clean(text)
    tokens = MarkdownIt("commonmark").enable(["strikethrough", "table"]).parse(markdown_text(line))
    kinds = {token.type for token in tokens} | {child.type for token in tokens for child in token.children or []}
    assert kinds <= {"paragraph_open", "inline", "paragraph_close", "text", "text_special"}
    shown = "".join(child.content for token in tokens for child in token.children or [])
    assert shown.replace("\u200b", "") == line


@settings(deadline=None)
@given(TEXTS)
def test_no_mention_and_no_link_can_begin(text: str) -> None:
    for escape in (unmentioned, markdown_text):
        found = escape(clean(text))
        assert not re.search(r"[@<#&][^\u200b]|\]\(|://", found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mail noor@northwind.example now", "mail [email]@northwind.example now"),
        ("key sk_live_obviouslyfake1234", "key [Stripe key]"),
        ("from 10.1.2.3", "from [ip]"),
        ("see https://evil.example/x", "see https[:]//evil.example/x"),
        ("a\nb\tc\u202ed", "a b c d"),
        ("x" * 400, "x" * 299 + "…"),
    ],
)
def test_what_cleaning_does(text: str, expected: str) -> None:
    assert clean(text) == expected
