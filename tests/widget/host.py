"""A helpdesk's page on another site that shows the sidebar: served from 127.0.0.1 while Altor answers on localhost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.loopback import Answer, Asked, Upstream, serving

#: `?frame=` is what is framed, `?width=` its width; `host` says how the page behaves towards the frame.
_PAGE: Final = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Helpdesk</title>
<style>body{margin:0} iframe{border:0;display:block}</style></head><body>
<iframe id="sidebar" name="sidebar" title="Altor" allow="clipboard-write"></iframe>
<textarea id="editor" aria-label="Reply"></textarea>
<script>
const asked = new URLSearchParams(location.search);
const frame = document.getElementById("sidebar");
window.heard = [];
window.select = (ticket) => frame.contentWindow.postMessage({altor: 1, type: "context", ticket, agent: "Noor"}, "*");
window.chatwoot = (id) => frame.contentWindow.postMessage(JSON.stringify({event: "appContext", data: {
  conversation: {id, meta: {}, messages: []}, contact: {},
  currentAgent: {id: 1, name: "Noor", email: "noor@desk.example"},
}}), "*");
window.addEventListener("message", (event) => {
  if (event.source !== frame.contentWindow) return;
  window.heard.push({data: event.data, origin: event.origin});
  const host = asked.get("host");
  if (host === "chatwoot" && event.data === "chatwoot-dashboard-app:fetch-info") {
    frame.contentWindow.postMessage("{broken", "*");
    frame.contentWindow.postMessage(JSON.stringify({event: "other"}), "*");
    window.chatwoot(Number(asked.get("ticket")));
  }
  if (host === "altor" && event.data?.type === "insert") {
    document.getElementById("editor").value += event.data.text;
    frame.contentWindow.postMessage({altor: 1, type: "inserted"}, "*");
  }
});
frame.width = asked.get("width") || "320";
frame.height = asked.get("height") || "900";
if (asked.get("post")) {  // as Zendesk opens a page: a form into the frame
  const form = document.createElement("form");
  Object.assign(form, {method: "post", action: asked.get("frame"), target: "sidebar"});
  const token = document.createElement("input");
  Object.assign(token, {name: "token", value: asked.get("post"), type: "hidden"});
  form.append(token);
  document.body.append(form);
  form.submit();
} else frame.src = asked.get("frame");
</script></body></html>"""


@contextmanager
def host_page() -> Iterator[Upstream]:
    def behaviour(asked: Asked) -> Answer:
        return Answer(body=_PAGE.encode(), headers={"Content-Type": "text/html; charset=utf-8"})

    with serving(behaviour) as upstream:
        yield upstream
