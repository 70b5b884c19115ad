"""Messages that can be taken back: what was done, with a button that undoes it."""

from __future__ import annotations

import json

from django.contrib import messages
from django.http import HttpRequest


def done(request: HttpRequest, said: str, *, undo: str, url: str) -> None:
    """Say what was done. `undo` is the label of a button that posts to `url`, an address of ours."""
    messages.success(request, said, extra_tags=json.dumps({"label": undo, "url": url}))


def undo_of(tags: str) -> dict[str, str]:
    """The button of a message's extra tags; {} when it has none."""
    if not tags.startswith("{"):
        return {}
    found: dict[str, str] = json.loads(tags)
    return found
