"""Which known issue fits a symptom: by exact terms (endpoint, error type) before words, open before closed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from investigations.diagnosis.facts import FactSpace
from investigations.playbooks.conditions import FUNCTIONS
from investigations.playbooks.format import Issues

Facts = dict[str, Any]
_OPEN = {"triage", "backlog", "unstarted", "started"}


def rank(measure: Issues, data: Mapping[str, Any], space: FactSpace) -> Facts:
    """Facts of an issue list: matches[] best first (score 0..1, terms[] found, exact[] found, is_open), best.*, counts.

    A term with a slash, a dot or mixed case (an endpoint, an error type, a table) is *exact* and weighs three times a
    word. An issue whose text holds one of `ignore_words` and no exact term is no match.
    """
    issues: Sequence[Mapping[str, Any]] = data.get("issues") or []
    terms = space.texts(measure.terms)
    must = space.texts(measure.must)
    matches = []
    for issue in issues:
        text = f"{issue.get('title') or ''} {issue.get('description') or ''}"
        found = [term for term in terms if _stands_in(term, text)]
        exact = [term for term in found if is_exact(term)]
        if measure.must and not any(_stands_in(term, text) for term in must):
            continue
        if not exact and FUNCTIONS["matches_any"](text, measure.ignore_words):
            continue
        total = sum(3.0 if is_exact(term) else 1.0 for term in terms)
        score = sum(3.0 if is_exact(term) else 1.0 for term in found) / total if total else 0.0
        if score >= measure.min_score or (must and exact):
            matches.append({**_brief(issue), "score": score, "terms": found, "exact": exact})
    matches.sort(key=lambda item: (-int(item["is_open"]), -item["score"], item["identifier"]))
    facts: Facts = {
        "count": float(len(issues)),
        "matches": matches[:10],
        "match_count": float(len(matches)),
        "open_matches": float(sum(1 for item in matches if item["is_open"])),
    }
    if matches:
        facts["best"] = matches[0]
    return facts


def is_exact(term: str) -> bool:
    """True for identifiers rather than words: /v2/orders, order_items, DecimalOverflow, api.partner.example."""
    return bool(re.search(r"[/_.\d]|[a-z][A-Z]", term))


def _stands_in(term: str, text: str) -> bool:
    # "GET /v2/orders" is found by its path too: people rarely write the method in a title.
    path = term.split(" ", 1)[1] if " /" in term else term
    pattern = re.escape(path) + r"(?![\w/-])" if path.startswith("/") else rf"(?<![A-Za-z0-9]){re.escape(path)}"
    return re.search(pattern, text, re.IGNORECASE) is not None


def _brief(issue: Mapping[str, Any]) -> Facts:
    keys = (
        "id",
        "identifier",
        "title",
        "url",
        "state",
        "state_type",
        "priority",
        "created_at",
        "updated_at",
        "completed_at",
        "assignee",
        "cycle",
        "labels",
    )
    return {key: issue[key] for key in keys if issue.get(key) is not None} | {
        "identifier": str(issue.get("identifier") or issue.get("id") or ""),
        "is_open": issue.get("state_type") in _OPEN,
        "customers": list(issue.get("customers") or [])[:20],
    }
