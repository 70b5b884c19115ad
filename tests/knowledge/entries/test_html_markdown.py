"""HTML of help centres as Markdown that reads the same, whatever somebody put into it."""

from __future__ import annotations

import html
import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some

from altor.markdown import to_html
from knowledge.exchange.headings import fields_of
from knowledge.exchange.html_markdown import convert


def written(page: str) -> str:
    return "\n\n".join(block.text for block in convert(page, base="https://help.altor.example/hc/en/1").blocks)


@pytest.mark.parametrize(
    ("page", "markdown"),
    [
        ("<h2>One <em>thing</em></h2><p>Text</p>", "## One *thing*\n\nText"),
        ("<p>a <b>bold </b>word, <i>slanted</i>, <s>gone</s></p>", "a **bold** word, *slanted*, ~~gone~~"),
        ("<b>all:</b>x and <b>a</b><b>b</b>", "all:x and **ab**"),
        ("loose<br>lines<br><br>and a paragraph", "loose\\\nlines\n\nand a paragraph"),
        ("<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "- a\n  - b\n- c"),
        ("<ol start=3><li><p>a</p><pre>x\n y</pre></ol>", "3. a\n\n   ```\n   x\n    y\n   ```"),
        ("<ul><li>a</ul><ul><li>b</ul>", "- a\n\n* b"),
        ("<table><tr><th>A<th>B|C<tr><td>1<td><p>2</p><p>3</p></table>", "| A | B\\|C |\n| --- | --- |\n| 1 | 2 3 |"),
        ("<table><tr><td colspan=2>a<tr><td>b<td>c</table>", "| a |  |\n| --- | --- |\n| b | c |"),
        ("<pre><code class='language-sh'>ls ```\n</code></pre>", "````sh\nls ```\n````"),
        ("<code>a`b</code> <kbd>Ctrl</kbd>", "``a`b`` `Ctrl`"),
        ("<blockquote><p>a</p><p>b</p></blockquote>", "> a\n>\n> b"),
        ("<a href='/x (y)?a=1&amp;b=2'>here</a>", "[here](https://help.altor.example/x%20%28y%29?a=1&b=2)"),
        ("<img src='/i.png' alt='A [shot]'>", "[A \\[shot\\]](https://help.altor.example/i.png)"),
        ("<a href='https://a.example/'><img src='https://b.example/i.png'></a>",
         "[image](https://a.example/) ([image](https://b.example/i.png))"),
        ("<p>ERR_RATE_LIMIT * _a_ # 1. [x](y) <b></b> &lt;b&gt; &amp;lt;</p>",
         "ERR_RATE_LIMIT \\* \\_a\\_ # 1. \\[x\\](y) \\<b> \\&lt;"),
        ("<p># x</p><p>1. y</p><p>- z</p><p>&gt; q</p>", "\\# x\n\n1\\. y\n\n\\- z\n\n\\> q"),
        ("<dl><dt>Term<dd>Text</dl><hr><details><summary>More</summary>in it</details>",
         "**Term**\n\nText\n\n---\n\n**More**\n\nin it"),
        ("<div><span><p>deep</p></span></div><!-- <p>no</p> --><style>p{}</style>", "deep"),
    ],
)  # fmt: skip
def test_what_an_article_may_hold(page: str, markdown: str) -> None:
    found = convert(page, base="https://help.altor.example/hc/en/1")
    assert written(page) == markdown and found.problems == []


@given(some.text(some.sampled_from("ab_*`[]()<>&;#-+=|~\\!.1: \n\"'é"), max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_text_reads_as_it_did(text: str) -> None:
    page = f"<p>{html.escape(text)}</p>"
    shown = html.unescape(re.sub(r"<[^>]*>", "", to_html(written(page))))
    assert " ".join(shown.split()) == " ".join(text.split())


NAMES = [
    "p", "b", "i", "s", "ul", "ol", "li", "table", "tr", "td", "th", "caption", "br", "h2", "pre", "code", "a", "img",
    "blockquote", "div", "span", "iframe", "video", "svg", "details", "summary", "dl", "dt", "dd", "hr", "unknown",
]  # fmt: skip
TAGS = [f"<{name} href='/x' src='/y' colspan=3>" for name in NAMES] + [f"</{name}>" for name in NAMES]


@given(some.lists(some.sampled_from(TAGS) | some.sampled_from(["word", "word", " ", "*", "|"]), max_size=25))
@settings(max_examples=500, deadline=None)
@example(["<table>", "<p>", "<caption>", "word"])
@example(["<table>", "<p>", "<tr>", "<td>", "word"])
def test_no_word_is_lost_whatever_the_tags(parts: list[str]) -> None:
    assert to_html(written("".join(parts))).count("word") == parts.count("word")


@pytest.mark.parametrize(
    ("page", "said", "kept"),
    [
        ("<script>steal()</script>x", "script was dropped", "x"),
        ("<p onclick='x()'>t</p>", "the script in onclick was dropped", "t"),
        ("<img src=x onerror=alert(1)>", "the script in onerror", "[image](https://help.altor.example/hc/en/x)"),
        ("<a href=' java\nscript:alert(1)'>t</a>", "a link of the kind javascript:", "t"),
        ("<a href='data:text/html,x'>t</a>", "a link of the kind data:", "t"),
        ("<img src='data:image/png;base64,AAAA' alt=shot>", "in the page itself", "(shot)"),
        ("<iframe src='https://v.example/' title=Film></iframe>", "iframe was dropped", "[Film](https://v.example/)"),
        ("<video><source src='/v.mp4'></video>", "video was dropped", "[video](https://help.altor.example/v.mp4)"),
        ("<svg><text>t</text></svg>", "svg was dropped, its text is kept", "t"),
        ("<table><tr><td>a<td><table><tr><td>in<td>b</table></table>", "a table inside", "| a | in b |\n| --- | --- |"),
        ("<div>" * 100 + "deep", "deeper than 60", "deep"),
    ],
)  # fmt: skip
def test_what_has_no_place_is_told(page: str, said: str, kept: str) -> None:
    found = convert(page, base="https://help.altor.example/hc/en/1")
    assert written(page) == kept and any(said in problem for problem in found.problems), found


@pytest.mark.parametrize(
    "piece", ["<", "<a ", "<!--", "<a b='", "<div>", "<b><p>", "<table><tr><td>", "</p>", "<script>", "&#"]
)
def test_nothing_makes_it_slow(piece: str) -> None:
    def seconds(size: int) -> float:
        """The best of three: the process may have other things to do."""
        found = []
        for _ in range(3):
            before = time.process_time()
            convert(piece * (size // len(piece)))
            found.append(time.process_time() - before)
        return min(found)

    assert seconds(80_000) < 30 * max(seconds(10_000), 0.02)  # 8 times as much, with the square 64 times


def test_headings_lead_to_fields_and_nothing_is_left_out() -> None:
    page = """
        <h1>Slow API</h1><p>Intro.</p><h2>1. Symptoms:</h2><p>Slow.</p><h3>Detail</h3><p>Very.</p>
        <h2>Background</h2><p>Long ago.</p><p><strong>Root cause</strong></p><p>A lock.</p><h2>Solution</h2><p>Wait.</p>
        <h2>Workaround</h2><p>Retry.</p><h2>When to contact support</h2><p>Never.</p>
        <h2>What to tell customers</h2><p>Sorry.</p>"""
    found = fields_of(convert(page).blocks, title="Slow API")
    assert found == {
        "symptoms": "Intro.\n\nSlow.\n\n### Detail\n\nVery.",
        "root_cause": "A lock.",
        "remediation": "## Background\n\nLong ago.\n\n## Solution\n\nWait.\n\n## Workaround\n\nRetry.",
        "escalation_criteria": "## When to contact support\n\nNever.",
        "customer_wording": "Sorry.",
    }
    plain = fields_of(convert("<p>Do this.</p><h2>Then</h2><p>That.</p>").blocks)
    assert plain["remediation"] == "Do this.\n\n## Then\n\nThat." and not plain["symptoms"]
