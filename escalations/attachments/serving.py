"""Hand out a file: always as a download, never as a page of ours."""

from __future__ import annotations

from typing import Final

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from altor.audit import record_event
from altor.models import User
from escalations.models import AttachedFile

#: Whatever shows it nevertheless gives it no scripts, no origin and nothing to load.
_POLICY: Final = "sandbox; default-src 'none'; frame-ancestors 'none'"


def download(file: AttachedFile, *, actor: User | None, via: str) -> HttpResponse:
    """The bytes, whose reading is audited. No kind of a file is named to the browser: it has nothing to render."""
    record_event(
        actor=actor, action="attachment.read", object_kind="attachment", object_ref=file.ident,
        after={"ticket": file.ticket.ref, "via": via},
    )  # fmt: skip
    return HttpResponse(
        bytes(file.content), content_type="application/octet-stream",
        headers={
            "Content-Disposition": content_disposition_header(as_attachment=True, filename=file.name),
            "Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
        },
    )  # fmt: skip
