"""What a helpdesk of one's own does to work with Altor: sign the sidebar's link, and post signed events."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
import threading
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

import httpx
from standardwebhooks import Webhook

from altor.demo.home import DemoState

log = logging.getLogger(__name__)
CONNECTION: Final = "harborline"


def launch_secret(state: DemoState) -> str:
    """Both sides of the demo know it from the demo's own secret."""
    return hashlib.sha256(f"sidebar:{state.hook_secret}".encode()).hexdigest()


def sidebar_link(web: str, secret: str, *, ticket: str, agent: str, name: str) -> str:
    """The address that the sidebar's frame loads: good for one use, within five minutes."""
    query = {
        "ticket": ticket, "agent": agent, "name": name, "ts": str(int(datetime.now(UTC).timestamp())),
        "nonce": secrets.token_urlsafe(18),
    }  # fmt: skip
    message = "\n".join(["altor-launch-v1", *query.values()])
    query["sig"] = hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()
    return f"{web}/widget/generic/{CONNECTION}/?{urlencode(query)}"


class Events:
    """Posts each event from a thread of its own, a few times if it must: the page does not wait for it."""

    def __init__(self, web: str, secret: str) -> None:
        self._address = f"{web}/api/v1/hooks/generic/{CONNECTION}/"
        self._signer = Webhook(secret)

    def tell(self, kind: str, data: dict[str, Any]) -> None:
        key, at = f"msg_desk_{secrets.token_hex(12)}", datetime.now(UTC)
        body = json.dumps({"type": kind, "timestamp": at.isoformat(), "data": data})
        threading.Thread(target=self._post, args=(key, body), daemon=True).start()

    def _post(self, key: str, body: str) -> None:
        for wait_s in (0.0, 2.0, 10.0):
            threading.Event().wait(wait_s)
            now = datetime.now(UTC)
            headers = {
                "webhook-id": key, "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": self._signer.sign(key, now, body), "Content-Type": "application/json",
            }  # fmt: skip
            try:
                answer = httpx.post(self._address, content=body.encode(), headers=headers, timeout=10, trust_env=False)
            except httpx.HTTPError as error:
                log.warning("event not delivered: %s", error)
                continue
            if answer.is_success:
                return
            log.warning("event refused: HTTP %s", answer.status_code)
