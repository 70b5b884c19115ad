"""Articles of Intercom, as its API lists them: pages of `{"type": "list", "data": [{"type": "article", …}]}`.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/articles
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from altor.errors import InvalidInput
from knowledge.exchange.articles import Article, id_of, last_is_missing, offered, text_of
from knowledge.exchange.offered import Reading

#: Help centres in one language tell it in their addresses only: /help/en/articles/3-name
_LOCALE: Final = re.compile(r"/([a-z]{2}(?:-[A-Za-z]{2})?)/articles/")


def is_intercom(document: Mapping[str, Any]) -> bool:
    return document.get("type") in ("article", "internal_article") or isinstance(document.get("data"), list)


def read_intercom(
    documents: Mapping[str, Mapping[str, Any]], *, source: str = "intercom", with_archived: bool = False
) -> Reading:
    """File name -> its object: a page of the list, or one article."""
    reading = Reading()
    lists = {file: document for file, document in documents.items() if isinstance(document.get("data"), list)}
    if last_is_missing(_has_next(document) for document in lists.values()):
        reading.problems.append((max(lists), "a page follows it that is not here."))
    for file, document in documents.items():
        items = [document] if document.get("type") in ("article", "internal_article") else document.get("data")
        if not isinstance(items, list):
            reading.problems.append((file, "it holds no list of articles."))
            continue
        for at, item in enumerate(items, 1):
            name = f"{file} article {at}"
            try:
                if not isinstance(item, Mapping):
                    raise InvalidInput("it is no object.")
                name = f"{file} {id_of(item)}"
                _take(item, name, source, with_archived, reading)
            except InvalidInput as refused:
                reading.problems.append((name, refused.detail))
    return reading


def _has_next(document: Mapping[str, Any]) -> bool:
    pages = document.get("pages")
    return isinstance(pages, Mapping) and bool(pages.get("next"))


def _take(item: Mapping[str, Any], name: str, source: str, with_archived: bool, reading: Reading) -> None:
    if not with_archived and (item.get("archived") or item.get("archived_at")):
        reading.skipped.append((name, "it is archived there (--archived takes it too)"))
        return
    reading.offered.append(offered(_article(item, item, name, source)))
    for locale, words in _translations(item):
        in_it = f"{name} {locale}"
        try:
            reading.offered.append(offered(_article(item, words, in_it, source, locale)))
        except InvalidInput as refused:
            reading.problems.append((in_it, refused.detail))


def _translations(item: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Language -> words, where there are any; the language of the article itself is not told twice."""
    found = item.get("translated_content")
    for locale, words in found.items() if isinstance(found, Mapping) else ():
        if isinstance(words, Mapping) and locale != _own_locale(item) and (words.get("body") or words.get("title")):
            yield str(locale), words


def _own_locale(item: Mapping[str, Any]) -> str:
    if told := text_of(item, "default_locale"):
        return told
    in_address = _LOCALE.search(text_of(item, "url"))
    return in_address[1] if in_address else ""


def _article(item: Mapping[str, Any], words: Mapping[str, Any], name: str, source: str, locale: str = "") -> Article:
    tags = item.get("tags")
    rows = tags.get("tags") if isinstance(tags, Mapping) else None
    labels = (
        [row["name"] for row in rows if isinstance(row, Mapping) and isinstance(row.get("name"), str)]
        if isinstance(rows, list)
        else []
    )
    return Article(
        name=name,
        source=source,
        key=f"{id_of(item)}:{locale.lower()}" if locale else id_of(item),
        title=text_of(words, "title"),
        intro=text_of(words, "description"),
        page=text_of(words, "body"),
        locale=locale or _own_locale(item),
        url=text_of(words, "url"),
        labels=labels,
        is_draft=text_of(words, "state") != "published",
        is_archived=bool(item.get("archived") or item.get("archived_at")),
        is_for_all=item.get("type") != "internal_article",
    )
