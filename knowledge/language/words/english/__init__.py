"""English phrases that warn."""

from __future__ import annotations

from typing import Final

from knowledge.language.words.english import absolutes, blame, jargon, promises, speculation

PHRASES: Final = (
    *speculation.PHRASES,
    *promises.PHRASES,
    *blame.PHRASES,
    *absolutes.PHRASES,
    *jargon.PHRASES,
)
