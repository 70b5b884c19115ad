"""The packet as Markdown and as plain text: what stands where, and that no foreign text gets out of its place."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from escalations.packets.blocks import Span
from escalations.packets.build import build_packet
from escalations.packets.format import Addition
from escalations.packets.markdown import LIMIT, code, fence, flat, inline, markdown
from escalations.packets.plain import as_text
from investigations.models import Investigation, Ticket
from tests import factories as make
from tests.escalations.test_packet_build import case, packet_of
from tests.pages.scene import PAYLOADS

PARSER = MarkdownIt("gfm-like", {"linkify": False, "html": True})
HOSTILE = [
    "# Heading", "+++", "+++ Closed\n+++\n# Out", "```\nout\n```", "> quote", "- item\n- item", "1. one", "---", "===",
    "| a | b |", "a | b `c | d`", "[click](https://evil.example)", "![x](https://evil.example/x.png)",
    "<https://evil.example>", "https://evil.example/path", "<script>alert(1)</script>", "@everyone @mira", "**bold**",
    "[a]: https://evil.example", "~~gone~~", "a\\", "`", "``", "$x$", "&lt;b&gt;", "https://linear.app/acme/profiles/mira",
    "\u202egnp.exe", "\x00\x1b[31m", "x" * 5000,
]  # fmt: skip


def tokens(text: str) -> list[Token]:
    return PARSER.parse(text)


def words(text: str) -> str:
    """What a reader sees of one line, whatever it is wrapped into."""
    return "".join(child.content for token in tokens(text) for child in token.children or [])


def shown(text: str) -> str:
    return flat(text).strip()


@given(st.text(max_size=200) | st.sampled_from(HOSTILE))
def test_a_foreign_text_is_one_paragraph_of_plain_words(text):
    line = inline([Span(text)])
    found = tokens(line)
    if not shown(text):
        assert line == ""
        return
    assert [token.type for token in found] == ["paragraph_open", "inline", "paragraph_close"]
    assert {child.type for child in found[1].children or []} <= {"text", "text_special"}
    assert words(line).replace("\u2060", "") == shown(text).replace("\u2060", "")


@given(st.text(max_size=120) | st.sampled_from(HOSTILE))
def test_a_foreign_text_stays_in_its_cell(text):
    row = inline([Span(text)], is_cell=True)
    table = f"| a | b |\n| --- | --- |\n| {row or ' '} | end |"
    kinds = [token.type for token in tokens(table)]
    assert kinds.count("td_open") == 2 and kinds.count("tr_open") == 2
    assert "html_block" not in kinds and "html_inline" not in str(tokens(table))


@given(st.text(max_size=120) | st.sampled_from(HOSTILE))
def test_a_code_span_holds_its_text(text):
    line = inline([Span("id: "), Span(text, "code")])
    spans = [child for token in tokens(line) for child in token.children or [] if child.type == "code_inline"]
    assert [span.content.strip() for span in spans] == ([shown(text)] if shown(text) else [])


@given(st.text(max_size=200) | st.sampled_from(HOSTILE))
def test_a_fenced_block_is_closed_by_nothing_inside_of_it(text):
    found = tokens(f"{fence(text, 'sql')}\n\nafter")
    assert [token.type for token in found][:1] == ["fence"]
    assert [token.type for token in found][1:] == ["paragraph_open", "inline", "paragraph_close"]
    assert not re.search(r"^\+{3}", fence(text), re.MULTILINE)


def test_an_address_in_a_text_is_neither_link_nor_mention():
    line = inline([Span("see https://linear.app/acme/profiles/mira and @mira, www.evil.example")])
    for start in ("https://", "linear.app", "@mira", "www.evil"):
        assert start not in line
    assert words(line).replace("\u2060", "") == "see https://linear.app/acme/profiles/mira and @mira, www.evil.example"


def test_a_link_takes_only_web_addresses():
    assert inline([Span("x", url="javascript:alert(1)")]) == "x"
    assert inline([Span("x", url="https://a.example/b (c)")]) == "x", "no address holds a space"
    assert inline([Span("a]b", url="https://a.example/(c)")]) == r"[a\]b](https://a.example/%28c%29)"


@pytest.mark.django_db
def test_the_markdown_holds_every_section_and_piece_of_evidence_as_tables_and_closed_sections():
    packet = packet_of(case(affected=make.affected("org_b"))).as_dict()
    text = markdown(packet)
    headings = [found.content for before, found in pairwise(tokens(text)) if before.type == "heading_open"]
    assert headings == [
        "At a glance", "What to do", "See it yourself", "Evidence", "Timeline", "Ruled out", "Not checked, not known",
        "Who else is affected", "Related", "Open questions", "About this packet",
    ]  # fmt: skip
    for ref in ("E1", "E2", "E3"):
        assert f"[{ref}](" in text
    assert "43%, before 3.1%, threshold 5.0%" in text
    assert text.count("\n+++\n") == len(re.findall(r"^\+\+\+ .", text, re.MULTILINE)) > 0
    assert sum(token.type == "table_open" for token in tokens(text)) == 4
    assert "tenant = org_0042" in text and "SELECT toStartOfHour" in text
    assert re.search(r"pull request \[891\]\(https://github.example/acme/api/pull/891\)", text)


@pytest.mark.django_db
def test_hostile_rows_change_nothing_of_the_structure():
    run = case()
    calm = markdown(packet_of(run).as_dict())
    bad = "\n".join([*HOSTILE[:-1], *PAYLOADS]).replace("\x00", "")  # which no row can hold
    Ticket.objects.filter(pk=run.ticket_id).update(subject=bad[:490])
    run.evidence.update(title=bad[:190], summary=bad)
    run.steps.update(title=bad[:190], error=bad)
    why = [{"evidence": "E1", "effect": "+1", "says": bad}]
    diagnosis = make.diagnosis(
        summary=bad, next_steps=[bad, bad], ruled_out=[bad, bad], missing=[bad], severity_why=bad,
        candidates=[make.candidate("rl.limiter_deploy", bad, 0.86, why=why)],
    )  # fmt: skip
    Investigation.objects.filter(pk=run.pk).update(diagnosis=diagnosis)
    text = markdown(packet_of(run, severity_why=bad, note=bad).as_dict())

    def shape(of: str) -> list[str]:
        found = tokens(of)
        return [token.content for before, token in pairwise(found) if before.type == "heading_open"]

    assert shape(text) == shape(calm)
    kinds = {token.type for token in tokens(text)} | {c.type for token in tokens(text) for c in token.children or []}
    assert not kinds & {"html_block", "html_inline", "image", "hr", "s_open", "em_open"}
    links = [c.attrs["href"] for token in tokens(text) for c in token.children or [] if c.type == "link_open"]
    assert links and not any("evil" in str(link) for link in links)


@pytest.mark.django_db
@pytest.mark.parametrize("limit", [LIMIT, 12_000, 6_000, 3_000, 2_000])
def test_it_never_exceeds_its_limit_and_says_what_was_left_out(limit):
    run = case(affected=make.affected(*(f"org_{n}" for n in range(40))), next_steps=["Do it " * 40] * 5)
    query = {**make.QUERY, "target": "SELECT " + "x" * 6000}
    for n, item in enumerate(run.evidence.all()):
        item.requests = [{**query, "params": {"tenant": str(n)}}]
        item.summary = "It is slow. " * 60
        item.save()
    packet = packet_of(run).as_dict()
    text = markdown(packet, limit=limit, whole_at="https://altor.example/escalations/ESC-57/")
    assert len(text) <= limit
    if limit < LIMIT:
        assert "Left out to stay below" in text and "(https://altor.example/escalations/ESC-57/)" in text
    assert text.count("```") % 2 == 0
    assert packet["summary"][:40] in text.replace("\\", "")


@pytest.mark.django_db
def test_later_additions_are_marked_with_their_time_and_author():
    packet = packet_of(case()).as_dict()
    added = Addition(
        at=make.NOON + timedelta(hours=1), by="Priya N.", what="Added", text="The customer sent req_77."
    ).model_dump(mode="json")
    for text in (markdown(packet, additions=[added]), as_text(packet, additions=[added])):
        place = text.lower().index("added after it was sent")
        assert "2026-05-01 13:00 UTC, Priya N., Added:" in text[place:]
        assert place < text.lower().index("at a glance")
    assert "Added after" not in markdown(packet)


@pytest.mark.django_db
def test_a_packet_of_another_age_is_still_shown():
    """Fields that were not there yet, and ones that nobody knows any more."""
    packet: dict[str, Any] = packet_of(case()).as_dict()
    old = {name: packet[name] for name in ("format", "title", "summary", "severity", "tickets", "evidence", "made_at")}
    old |= {"format": 0, "novel": {"a": 1}}
    for text in (markdown(old), as_text(old)):
        assert packet["summary"][:30] in text and "E1" in text
    assert markdown({}) and as_text({})


@pytest.mark.django_db
def test_plain_text_is_narrow_and_keeps_addresses_whole():
    text = as_text(packet_of(case()).as_dict())
    long = [line for line in text.splitlines() if len(line) > 80]
    assert all(line.strip().startswith("<http") for line in long)
    assert "EVIDENCE\n" in text and "<https://github.example/acme/api/pull/891>" in text
    assert "SELECT" not in text


def test_empty_code_is_nothing():
    assert code("") == "" and code(" \n") == ""


@pytest.mark.django_db
def test_what_is_stored_is_what_is_rendered():
    """Rendering asks nothing of the database: the copy is enough."""
    run = Investigation.objects.with_context().get(pk=case().pk)
    packet = build_packet(run, severity="SEV1", severity_why="All fail.", now=make.NOON, made_by=None).as_dict()
    text = markdown(packet)
    Ticket.objects.update(subject="Other")
    run.evidence.update(summary="Other")
    assert markdown(packet) == text
