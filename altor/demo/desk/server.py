"""The stand-in's server: pages for a person, a REST API for Altor.

    python -m altor.demo.desk.server --home HOME --web URL --port-file PATH

Bound to loopback. The pages belong under `localhost`, Altor's under `127.0.0.1`: two sites, as in real life.
"""

from __future__ import annotations

import argparse
import hmac
import json
import logging
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import parse_qs, unquote, urlsplit

from altor.demo.credentials import DESK_TOKEN, FIRST_LOGIN
from altor.demo.desk.pages import thread, ticket_page
from altor.demo.desk.tickets import AGENT, Tickets
from altor.demo.desk.towards import Events, launch_secret, sidebar_link
from altor.demo.home import DemoState
from altor.demo.upstreams.server import Server
from altor.demo.world.company import VENDOR_DOMAIN

MAX_BODY: Final = 200_000
PAGE: Final = 50
HERE: Final = Path(__file__).parent
_ASSETS: Final = {"/desk.css": "text/css", "/desk.js": "text/javascript"}
_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; frame-src "
)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "stand-in-helpdesk"
    sys_version = ""
    timeout = 60
    tickets: ClassVar[Tickets]
    events: ClassVar[Events]
    web: ClassVar[str]

    def log_message(self, format: str, *args: object) -> None:
        """Silent: the demo's terminal is for people."""

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY:
            self.close_connection = True
            return self._send(413, b"too large", "text/plain")
        body = self.rfile.read(length)
        path = unquote(urlsplit(self.path).path)
        parts = [part for part in path.split("/") if part]
        if parts[:1] == ["api"]:
            return self._api(parts[1:], body)
        if self.command == "POST":
            return self._write(parts, body)
        return self._page(path, parts)

    # ---- pages
    def _page(self, path: str, parts: list[str]) -> None:
        if path in _ASSETS:
            return self._send(200, (HERE / path.lstrip("/")).read_bytes(), _ASSETS[path])
        match parts:
            case []:
                newest = next(iter(self.tickets.ids()), "")
                return self._redirect(f"/tickets/{newest}")
            case ["tickets", key] if (found := self.tickets.neutral(key)) is not None:
                listed = [one for key_ in self.tickets.ids()[:PAGE] if (one := self.tickets.neutral(key_))]
                email = f"{FIRST_LOGIN}@{VENDOR_DOMAIN}"
                secret = launch_secret(self.tickets.state)
                link = sidebar_link(self.web, secret, ticket=key, agent=email, name=AGENT["name"])
                page = ticket_page(found, self.tickets.entries(key), listed, sidebar=link, origin=self.web)
                return self._send(200, page.encode(), "text/html; charset=utf-8")
            case ["tickets", key, "thread"] if (found := self.tickets.neutral(key)) is not None:
                return self._send(200, thread(found, self.tickets.entries(key)).encode(), "text/html; charset=utf-8")
        return self._send(404, b"There is no such ticket.", "text/plain")

    def _write(self, parts: list[str], body: bytes) -> None:
        """A form of our own pages. Another site's is refused: there is no login here."""
        host = self.headers.get("Host", "")
        if self.headers.get("Origin") != f"http://{host}" or len(parts) != 3 or parts[0] != "tickets":
            return self._send(403, b"Only from this helpdesk's own pages.", "text/plain")
        _, key, what = parts
        if self.tickets.neutral(key) is None:
            return self._send(404, b"There is no such ticket.", "text/plain")
        form = {name: values[-1] for name, values in parse_qs(body.decode(errors="replace")).items()}
        if what == "messages" and form.get("text", "").strip():
            self._add(key, form.get("kind", "agent"), form["text"].strip())
        elif what in ("solve", "reopen"):
            before = self.tickets.set_status(key, "solved" if what == "solve" else "open")
            kind = "ticket.solved" if what == "solve" else "ticket.reopened"
            self.events.tell(kind, {"id": key, "previous_status": before})
        return self._redirect(f"/tickets/{key}")

    def _add(self, key: str, kind: str, words: str) -> None:
        kind = kind if kind in ("agent", "note", "customer") else "agent"
        by = str((self.tickets.neutral(key) or {})["requester"]["name"]) if kind == "customer" else AGENT["name"]
        entry = self.tickets.add(key, kind, words.replace("\r\n", "\n"), by=by)
        author = {"kind": "customer" if kind == "customer" else "agent", "name": by}
        if kind != "customer":
            author |= {"id": AGENT["id"], "email": f"{FIRST_LOGIN}@{VENDOR_DOMAIN}"}
        message = {"id": entry.id, "text": entry.text, "at": entry.at, "author": author, "is_public": kind != "note"}
        self.events.tell("ticket.message", {"id": key, "message": message})

    # ---- REST
    def _api(self, parts: list[str], body: bytes) -> None:
        if not hmac.compare_digest(self.headers.get("Authorization", "").encode(), f"Bearer {DESK_TOKEN}".encode()):
            return self._json(401, {"error": "unauthorized"})
        try:
            given: Any = json.loads(body) if body else {}
        except ValueError:
            return self._json(400, {"error": "not JSON"})
        match (self.command, *parts):
            case ("GET", "tickets"):
                return self._json(200, self._listed())
            case (_, "tickets", key, *_) if self.tickets.neutral(key) is None:
                return self._json(404, {"error": "no such ticket"})
            case ("GET", "tickets", key):
                return self._json(200, self.tickets.neutral(key))
            case ("GET", "tickets", key, "notes"):
                notes = [one for one in self.tickets.entries(key) if one.kind == "note"]
                return self._json(200, {"items": [{"id": one.id, "text": one.text} for one in notes]})
            case ("POST", "tickets", key, "notes"):
                made = self.tickets.add(key, "note", str(given["text"]), by="Altor")
                return self._json(201, {"id": made.id})
            case ("PUT", "tickets", key, "notes", note_id):
                done = self.tickets.change_note(key, note_id, str(given["text"]), "")
                return self._json(200 if done else 404, {"id": note_id})
            case ("POST", "tickets", key, "tags"):
                self.tickets.add_tags(key, [str(tag) for tag in given["tags"]])
                return self._json(200, {})
            case ("POST", "tickets", key, "replies"):
                made = self.tickets.add(key, "agent", str(given["text"]), by=AGENT["name"])
                return self._json(201, {"id": made.id})
            case ("PATCH", "tickets", key):
                self.tickets.set_custom(key, {str(k): str(v) for k, v in given.get("custom", {}).items()})
                return self._json(200, {})
        return self._json(404, {"error": "no such address"})

    def _listed(self) -> dict[str, Any]:
        query = {name: values[-1] for name, values in parse_qs(urlsplit(self.path).query).items()}
        found = [one for key in self.tickets.ids()[::-1] if (one := self.tickets.neutral(key))]
        found = [one for one in found if one["updated_at"] >= query.get("updated_since", "")]
        begin = int(query.get("cursor") or 0)
        following = str(begin + PAGE) if len(found) > begin + PAGE else ""
        return {"items": found[begin : begin + PAGE], "next": following, "total": len(found)}

    # ---- sending
    def _json(self, status: int, body: Any) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _redirect(self, path: str) -> None:
        self._send(303, b"", "text/plain", Location=path)

    def _send(self, status: int, raw: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(raw)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Security-Policy", _CSP + self.web)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    do_GET = do_POST = do_PUT = do_PATCH = do_HEAD = _answer  # noqa: N815 (names of the base class)


def make_desk(home: Path, web: str, *, port: int = 0) -> ThreadingHTTPServer:
    """A server for the demo in `home`, bound to loopback; `web` is Altor's address."""
    tickets = Tickets(home)
    parts = {"tickets": tickets, "events": Events(web, tickets.state.hook_secret), "web": web}
    return Server(("127.0.0.1", port), type("DeskHandler", (Handler,), parts))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--web", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file", type=Path)
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s stand-in helpdesk: %(message)s")
    if DemoState.load(options.home) is None:
        return 2
    server = make_desk(options.home, options.web, port=options.port)
    if options.port_file is not None:
        part = options.port_file.with_suffix(".part")
        part.write_text(str(server.server_address[1]))
        part.replace(options.port_file)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown, daemon=True).start())
    parent = os.getppid()

    def leave_with_parent() -> None:
        while os.getppid() == parent:
            threading.Event().wait(2.0)
        server.shutdown()

    threading.Thread(target=leave_with_parent, daemon=True).start()
    server.serve_forever(poll_interval=0.2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
