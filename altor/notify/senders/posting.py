"""JSON to a chat service through the guarded client, with its refusals told apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from altor.notify.message import SendFailed
from altor.outbound.posting import Posted, post_once

_TIMEOUT_S: Final = 10.0
#: What another try cannot mend: the address is gone, or the request is refused as it is.
_FINAL: Final = frozenset({400, 401, 403, 404, 405, 410, 413, 415, 422})


def post_json(url: str, body: Mapping[str, Any], *, source: str, headers: Mapping[str, str] | None = None) -> Posted:
    """The accepted answer. SendFailed for every other outcome."""
    posted = post_once(
        url, json.dumps(body).encode(),
        {"Content-Type": "application/json", "User-Agent": "Altor notices", **(headers or {})},
        source=source, key=f"notice:{hashlib.sha256(url.encode()).hexdigest()[:16]}", timeout_s=_TIMEOUT_S,
    )  # fmt: skip
    if posted.is_accepted:
        return posted
    if posted.status is None:
        raise SendFailed(posted.error, is_final=posted.is_refused)
    raise SendFailed(
        posted.error or f"It answered {posted.status}",
        is_final=posted.status in _FINAL,
        retry_after_s=posted.retry_after_s,
    )
