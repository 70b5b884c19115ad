"""The stand-in's pages. Everything that people wrote is escaped; a note of Altor's is shown from its plain text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any, Final

from altor.demo.desk.tickets import Entry

_LINK: Final = re.compile(r"(https?://[^\s<>\"']+)")
_WHO: Final = {"customer": "Customer", "agent": "Reply", "note": "Internal note"}


def ticket_page(
    ticket: Mapping[str, Any],
    entries: Sequence[Entry],
    tickets: Sequence[Mapping[str, Any]],
    *,
    sidebar: str,
    origin: str,
) -> str:
    """The whole page. `sidebar` is the signed link of Altor's frame, `origin` Altor's own."""
    key = escape(str(ticket["id"]))
    solved = ticket["status"] == "solved"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{key} {escape(ticket["subject"])} · Stand-in helpdesk</title>
<link rel="stylesheet" href="/desk.css"><script type="module" src="/desk.js"></script></head>
<body data-ticket="{key}" data-altor="{escape(origin)}" data-agent="Ruth Adeyemi">
<header class="bar"><strong>Stand-in helpdesk</strong><span>Comes with the demo and is no product: it shows Altor where
it lives, in the sidebar of a helpdesk.</span></header>
<div class="desk">
<nav aria-label="Tickets"><h2>Tickets</h2><ul>{_list(tickets, str(ticket["id"]))}</ul></nav>
<main><div class="head"><h1>{escape(ticket["subject"] or "No subject")}</h1>
<p class="meta">#{key} · {"Solved" if solved else "Open"} · {escape(ticket["requester"].get("name") or "")}
&lt;{escape(ticket["requester"].get("email") or "")}&gt; · priority {escape(ticket["priority"] or "not set")}</p></div>
<div id="thread" aria-live="polite">{thread(ticket, entries)}</div>
<form class="composer" method="post" action="/tickets/{key}/messages">
<div class="tabs" role="radiogroup" aria-label="What to write">{_kinds()}</div>
<label class="sr" for="text">Text</label><textarea id="text" name="text" rows="6" maxlength="20000" required
placeholder="Write, or take the draft from Altor with “Insert”."></textarea>
<p id="told" role="status"></p>
<div class="buttons"><button type="submit">Send</button>
<button type="submit" class="plain" formnovalidate formaction="/tickets/{key}/{"reopen" if solved else "solve"}">{"Reopen" if solved else "Solve"}</button></div></form></main>
<aside aria-label="Altor"><iframe id="altor" title="Altor" src="{escape(sidebar)}" referrerpolicy="no-referrer"
allow="clipboard-write"></iframe></aside>
</div></body></html>"""


def thread(ticket: Mapping[str, Any], entries: Sequence[Entry]) -> str:
    """The conversation: the opening, then what was written since."""
    who = ticket["requester"].get("name") or "Customer"
    opening = Entry("m0", "customer", ticket["description"], ticket["created_at"], who)
    tags = "".join(f"<li>{escape(tag)}</li>" for tag in ticket["tags"])
    told = f'<ul class="tags" aria-label="Tags">{tags}</ul>' if tags else ""
    return told + "".join(_entry(one) for one in [opening, *entries])


def _entry(entry: Entry) -> str:
    at = datetime.fromisoformat(entry.at.replace("Z", "+00:00"))
    body = "".join(
        f'<a href="{part}" target="_blank" rel="noopener">{part}</a>' if _LINK.fullmatch(part) else part
        for part in _LINK.split(escape(entry.text, quote=False))
    )
    return (
        f'<article class="{escape(entry.kind)}"><p class="by"><strong>{escape(entry.by)}</strong> '
        f'<span>{_WHO[entry.kind]} · <time datetime="{escape(entry.at)}">{at:%d %b %H:%M} UTC</time></span></p>'
        f'<div class="text">{body}</div></article>'
    )


def _list(tickets: Sequence[Mapping[str, Any]], current: str) -> str:
    lines = []
    for one in tickets:
        key = escape(str(one["id"]))
        here = ' aria-current="page"' if str(one["id"]) == current else ""
        who = escape(one["organization"].get("name") or one["requester"].get("name") or "")
        subject = escape(one["subject"] or "No subject")
        lines.append(f'<li><a href="/tickets/{key}"{here}><b>{subject}</b><span>#{key} · {who}</span></a></li>')
    return "".join(lines)


def _kinds() -> str:
    kinds = (("agent", "Public reply"), ("note", "Internal note"), ("customer", "As the customer"))
    return "".join(
        f'<label><input type="radio" name="kind" value="{value}"{" checked" if value == "agent" else ""}> {name}</label>'
        for value, name in kinds
    )
