"""Using the reply editor as a browser does: the form's fields, then one of its buttons."""

from __future__ import annotations

import html
import re
from typing import Any

from django.test import Client
from django.urls import reverse

from tests.knowledge.replies.conftest import Case


def fields_of(client: Client, case: Case) -> dict[str, str]:
    """The editor's fields as the page holds them."""
    page = client.get(reverse("knowledge:reply", args=[case.ticket.ref])).content.decode()
    form = page.split('id="reply-editor"')[1].split("</form>")[0]
    found = dict(re.findall(r'<input[^>]*name="(\w+)"[^>]*value="([^"]*)"', form))
    for name, options in re.findall(r'<select[^>]*name="(\w+)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        found[name] = chosen[1] if chosen else ""
    text = re.search(r'<textarea[^>]*name="text"[^>]*>\n(.*?)</textarea>', form, re.S)
    assert text is not None
    found["text"] = text[1]
    return {name: html.unescape(value) for name, value in found.items()}


def post(client: Client, case: Case, name: str, *, htmx: bool = False, **changes: str) -> Any:
    """Press the button whose address is `knowledge:<name>`."""
    fields = {**fields_of(client, case), **changes}
    headers = {"HX-Request": "true"} if htmx else {}
    return client.post(reverse(f"knowledge:{name}", args=[case.ticket.ref]), fields, headers=headers)
