"""How a running front proves that it is the one that wrote the address file."""

from __future__ import annotations

import hashlib


def instance_of(password: str) -> str:
    """Sixteen digits made from the administrator's password; they tell nothing about it."""
    return hashlib.sha256(b"altor clickhouse " + password.encode()).hexdigest()[:16]
