"""Articles of Zendesk Guide, as its Help Center API lists them: pages of `{"articles": […], "sections": […], …}`.

https://developer.zendesk.com/api-reference/help_center/help-center-api/articles/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from altor.errors import InvalidInput
from knowledge.exchange.articles import Article, id_of, last_is_missing, offered, text_of, texts_of
from knowledge.exchange.offered import Reading


def is_zendesk(document: Mapping[str, Any]) -> bool:
    return isinstance(document.get("articles"), list) or isinstance(document.get("article"), Mapping)


def read_zendesk(
    documents: Mapping[str, Mapping[str, Any]], *, source: str = "zendesk", with_archived: bool = False
) -> Reading:
    """File name -> its object. Sections and categories of any file are known to all of them."""
    reading, paths = Reading(), _Paths(documents)
    pages = {file: document for file, document in documents.items() if "articles" in document}
    if last_is_missing(_has_next(document) for document in pages.values()):
        reading.problems.append((max(pages), "a page follows it that is not here."))
    for file, document in documents.items():
        articles = document.get("articles", [document["article"]] if "article" in document else None)
        if not isinstance(articles, list):
            # A page of sections, of categories, is no mistake.
            if not {"sections", "categories"} & set(document):
                reading.problems.append((file, "it holds no list of articles."))
            continue
        for at, item in enumerate(articles, 1):
            name = f"{file} article {at}"
            try:
                if not isinstance(item, Mapping):
                    raise InvalidInput("it is no object.")
                name = f"{file} {id_of(item)}"
                article = _article(item, name, source, paths)
                if article.is_archived and not with_archived:
                    reading.skipped.append((name, "it is archived or outdated there (--archived takes it too)"))
                else:
                    reading.offered.append(offered(article))
            except InvalidInput as refused:
                reading.problems.append((name, refused.detail))
    return reading


def _has_next(document: Mapping[str, Any]) -> bool:
    meta = document.get("meta")
    return bool(document.get("next_page") or (isinstance(meta, Mapping) and meta.get("has_more")))


def _article(item: Mapping[str, Any], name: str, source: str, paths: _Paths) -> Article:
    id_, locale = id_of(item), text_of(item, "locale")
    attached = item.get("attachments")
    names = [str(one.get("file_name", "?")) for one in attached if isinstance(one, Mapping)] if attached else []
    return Article(
        name=name,
        source=source,
        key=f"{id_}:{locale.lower()}" if locale else id_,
        title=text_of(item, "title") or text_of(item, "name"),
        page=text_of(item, "body"),
        locale=locale,
        url=text_of(item, "html_url"),
        path=paths.of(item.get("section_id")),
        labels=texts_of(item, "label_names"),
        is_draft=item.get("draft") is True,
        is_archived=any(bool(item.get(key)) for key in ("outdated", "archived", "archived_at")),
        is_for_all=not item.get("user_segment_id") and not item.get("user_segment_ids"),
        problems=[f"the attachment {one[:80]} was not taken" for one in names],
    )


class _Paths:
    """Names of sections with their categories, by the section's id."""

    def __init__(self, documents: Mapping[str, Mapping[str, Any]]) -> None:
        self._sections = dict(_rows(documents, "sections"))
        self._categories = dict(_rows(documents, "categories"))

    def of(self, section: Any) -> str:
        row = self._sections.get(str(section))
        if row is None:
            return ""
        category = self._categories.get(str(row.get("category_id")), {})
        return " › ".join(str(one["name"]) for one in (category, row) if isinstance(one.get("name"), str))


def _rows(documents: Mapping[str, Mapping[str, Any]], name: str) -> list[tuple[str, Mapping[str, Any]]]:
    rows = [row for document in documents.values() if isinstance(document.get(name), list) for row in document[name]]
    return [(str(row.get("id")), row) for row in rows if isinstance(row, Mapping)]
