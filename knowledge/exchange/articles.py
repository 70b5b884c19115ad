"""One article of a help centre, whichever it is of, as an entry."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from altor.errors import InvalidInput
from knowledge.exchange.headings import fields_of
from knowledge.exchange.html_markdown import Converted, convert
from knowledge.exchange.offered import Offered, uid_of
from knowledge.models.entries import Confidence

#: Languages whose regions are written differently; of all others the region says nothing about the words.
_REGIONAL: Final = frozenset({"pt", "zh"})
_LOCALE: Final = re.compile(r"^([a-z]{2})(?:[-_]([a-z]{2}))?(?:[-_]\w+)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Article:
    """`key` names it in its system, with the language where it is a translation. `page` is HTML, `intro` plain text.
    `path`: where it stood. `is_for_all`: everybody may read it there.
    """

    name: str
    source: str
    key: str
    title: str
    page: str
    locale: str = ""
    intro: str = ""
    url: str = ""
    path: str = ""
    labels: Sequence[str] = ()
    is_draft: bool = False
    is_archived: bool = False
    is_for_all: bool = True
    problems: Sequence[str] = ()


def offered(article: Article) -> Offered:
    """InvalidInput for what can be no entry."""
    page = convert(article.page, base=article.url)
    texts = fields_of(page.blocks, title=article.title)
    if article.intro.strip():
        intro = "\n\n".join(block.text for block in _plain_text(article.intro).blocks)
        texts["symptoms"] = f"{intro}\n\n{texts['symptoms']}".strip()
    if not any(texts.values()):
        raise InvalidInput("it holds no text.")
    language, problems = language_of(article.locale), [*article.problems, *page.problems]
    if article.locale and not language:
        problems.append(f"the language {article.locale[:20]!r} is not known here: it came as en")
    content = {"title": article.title, "language": language or "en", "components": list(article.labels), **texts}
    remarks = []
    if not article.is_for_all and not article.is_draft:
        remarks.append("not everybody may read it there: it stays work in progress")
    is_open = not article.is_draft and article.is_for_all
    confidence = Confidence.ARCHIVED if article.is_archived else Confidence.NOT_VALIDATED if is_open else Confidence.WIP
    came_from = f"From {article.source} {article.key}" + (f", {article.path}" if article.path else "")
    return Offered(
        name=article.name, uid=uid_of(article.source, article.key), content=content, came_from=came_from,
        confidence=confidence, url=article.url, problems=problems, remarks=remarks,
    )  # fmt: skip


def _plain_text(text: str) -> Converted:
    return convert(text.replace("&", "&amp;").replace("<", "&lt;"))


def language_of(locale: str) -> str:
    """`en-us` -> en, `pt-br` -> pt-BR, `es-419` -> es; empty for what is no two letters."""
    found = _LOCALE.match(locale.strip())
    if found is None:
        return ""
    language = found[1].lower()
    return f"{language}-{found[2].upper()}" if found[2] and language in _REGIONAL else language


def read_json(data: bytes) -> Mapping[str, Any]:
    """The file's object. InvalidInput says what is wrong with it."""
    try:
        found = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InvalidInput(f"it is not UTF-8 (byte {error.start}).") from None
    except RecursionError:
        raise InvalidInput("it is nested too deep.") from None
    except ValueError as error:
        raise InvalidInput(f"it is not valid JSON: {error}") from None
    if not isinstance(found, Mapping):
        raise InvalidInput("it is no JSON object.")
    return found


def last_is_missing(has_next: Iterable[bool]) -> bool:
    """Of pages that say whether another one follows, each says so."""
    told = list(has_next)
    return bool(told) and all(told)


def text_of(item: Mapping[str, Any], name: str) -> str:
    """A text, empty where it is absent or null. InvalidInput for anything else."""
    value = item.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidInput(f"{name} is no text.")
    return value


def id_of(item: Mapping[str, Any]) -> str:
    """InvalidInput where there is none: without it the next import could not find the entry again."""
    value = item.get("id")
    if isinstance(value, bool) or not isinstance(value, int | str) or not str(value).strip():
        raise InvalidInput("it has no id.")
    return str(value).strip()[:200]


def texts_of(item: Mapping[str, Any], name: str) -> list[str]:
    """Those of a list that are texts."""
    value = item.get(name)
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
