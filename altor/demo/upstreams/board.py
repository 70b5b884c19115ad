"""Pages of the demo's tracker: the issues that Altor filed, and what engineers do with them."""

from __future__ import annotations

from html import escape
from typing import Final
from urllib.parse import parse_qs

from altor.demo.upstreams.server import Reply, Request
from altor.demo.upstreams.tracker import Tracker, WriteRefused

_HTML: Final = {"Content-Type": "text/html; charset=utf-8"}
_ACTIONS: Final = (
    ("take", "Take it"), ("started", "Start"), ("completed", "Done"), ("canceled", "Cancel"), ("triage", "Back to triage"),
)  # fmt: skip
_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere}form{display:inline}button,textarea{font:inherit}"
)


def answer(tracker: Tracker, request: Request) -> Reply:
    """The list, an issue, or what a button of its page does."""
    parts = [part for part in request.path.split("/") if part]
    try:
        if request.method == "POST" and len(parts) == 3 and parts[0] == "issue":
            return _act(tracker, request, parts[1], parts[2])
        if request.method == "GET" and len(parts) == 2 and parts[0] == "issue":
            return _issue(tracker, parts[1])
    except WriteRefused:
        return Reply(404, _page("Not found", "<p>There is no such issue.</p>"), dict(_HTML))
    if request.method == "GET" and not parts:
        return _list(tracker, request.base)
    return Reply(404, _page("Not found", "<p>There is nothing here.</p>"), dict(_HTML))


def _act(tracker: Tracker, request: Request, key: str, action: str) -> Reply:
    # There is no login here: a form of another site must not reach it.
    if request.headers.get("Origin") != f"http://{request.headers.get('Host', '')}":
        return Reply(403, _page("Refused", "<p>Only from this tracker’s own pages.</p>"), dict(_HTML))
    form = parse_qs(request.body.decode(errors="replace"))
    tracker.act(key, action, form.get("words", [""])[-1].strip()[:5000])
    return Reply(303, b"", {"Location": f"{request.base}/issue/{key}"})


def _list(tracker: Tracker, base: str) -> Reply:
    rows = [
        f"<li><a href='{escape(base)}/issue/{escape(issue['identifier'])}'>{escape(issue['identifier'])}</a> "
        f"{escape(issue['title'])} ({escape(issue['state']['name'])})</li>"
        for issue in tracker.filed
    ]
    body = f"<ul>{''.join(rows)}</ul>" if rows else "<p>Altor has filed nothing yet.</p>"
    return Reply(200, _page("Issues that Altor filed", body), dict(_HTML))


def _issue(tracker: Tracker, key: str) -> Reply:
    issue = tracker.issue(key)
    who = (issue["assignee"] or {}).get("name") or "nobody"
    links = [
        f"<li><a href='{escape(each['url'])}'>{escape(each['title'])}</a></li>"
        for each in issue["attachments"]["nodes"]
        if str(each["url"]).startswith(("http://", "https://"))
    ]
    said = [
        f"<p><b>{escape(each['user']['name'])}</b></p><pre>{escape(each['body'])}</pre>"
        for each in reversed(issue["comments"]["nodes"])
    ]
    buttons = [
        f"<form method='post' action='{escape(issue['identifier'])}/{action}'><button>{label}</button></form> "
        for action, label in _ACTIONS
    ]
    body = (
        f"<p>{escape(issue['state']['name'])}, {escape(issue['priorityLabel'])}, assigned to {escape(who)}</p>"
        f"<p>{''.join(buttons)}</p><pre>{escape(issue['description'])}</pre><ul>{''.join(links)}</ul>{''.join(said)}"
        f"<form method='post' action='{escape(issue['identifier'])}/comment'>"
        "<p><textarea name='words' rows='3' cols='60' aria-label='Comment'></textarea></p>"
        "<button>Comment</button></form>"
    )
    return Reply(200, _page(f"{issue['identifier']} {issue['title']}", body), dict(_HTML))


def _page(title: str, body: str) -> bytes:
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{_STYLE}</style><h1>{escape(title)}</h1>{body}</html>"
    ).encode()
