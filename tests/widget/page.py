"""Reading the framed page."""

from __future__ import annotations

import json
import re
from typing import Any


def boot_of(answer: Any) -> dict[str, Any]:
    """What the page's script begins with."""
    found = re.search(r'<script id="boot" type="application/json">(.*?)</script>', answer.content.decode(), re.DOTALL)
    assert found, answer.content[:500]
    boot: dict[str, Any] = json.loads(found.group(1))
    return boot
