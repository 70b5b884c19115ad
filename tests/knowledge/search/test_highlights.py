"""What a hit shows of an entry: its words, and the passage that has most of them."""

from __future__ import annotations

from knowledge.search.highlights import PASSAGE, marked, passage, plain_text
from knowledge.search.lexicon import number_of

RARE = {number_of("orang"): 4.0, number_of("lemon"): 1.0, number_of("v2"): 2.0}


def _text(parts: tuple[tuple[str, bool], ...]) -> str:
    return "".join(text for text, _ in parts)


def test_forms_of_a_word_are_marked_and_the_text_stays_whole() -> None:
    text = "Oranges, <b>lemons</b> and /v2/orders"
    parts = marked(text, RARE)
    assert _text(parts) == text and [one for one, hit in parts if hit] == ["Oranges", "lemons", "v2"]
    assert marked("", RARE) == () and marked("None here", {}) == (("None here", False),)


def test_the_passage_is_where_the_rarest_words_are() -> None:
    filler = " ".join(["word"] * 100)
    parts = passage(f"lemon {filler} an orange is here {filler}", RARE)
    assert ("orange", True) in parts and "lemon" not in _text(parts)
    assert _text(parts).startswith("… ") and _text(parts).endswith(" …")
    assert len(_text(parts).split()) <= PASSAGE + 2
    beginning = passage(f"{filler} end", {})
    assert _text(beginning).startswith("word") and _text(beginning).endswith(" …")
    assert passage("", RARE) == () and passage("…", RARE) == ()


def test_signs_of_markdown_are_left_out() -> None:
    assert plain_text("# Title\n- **one** `two`\n> three * four") == "Title\none two\n three * four"
