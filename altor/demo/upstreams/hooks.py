"""How the demo's tracker and Altor know each other: both derive the webhook's secret from the demo's own."""

from __future__ import annotations

import hashlib
from typing import Final

from altor.demo.upstreams.tracker import Hook

#: In the demo's home.
LINEAR_FILE: Final = "linear.json"
CONNECTION: Final = "main"


def linear_secret(launch_secret: str) -> str:
    return "lin_wh_" + hashlib.sha256(f"linear:{launch_secret}".encode()).hexdigest()


def linear_hook(web: str, launch_secret: str) -> Hook:
    return Hook(f"{web}/api/v1/hooks/linear/{CONNECTION}/", linear_secret(launch_secret))
