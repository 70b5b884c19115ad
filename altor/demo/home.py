"""The demo's own home directory and what is remembered there: which world, how far its telemetry goes, what was sent."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import MutableMapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from altor.demo.world.build import DEFAULT_SEED, World

ROOT: Final = Path(__file__).resolve().parents[2]
STATE_FILE: Final = "world.json"
#: Addresses and credentials of an installation: the demo has its own and must never meet them.
FOREIGN: Final = (
    "ALTOR_DATABASE_URL",
    "ALTOR_CLICKHOUSE_URL",
    "ALTOR_GITHUB_API_URL",
    "ALTOR_GITHUB_TOKEN",
    "ALTOR_LINEAR_API_URL",
    "ALTOR_LINEAR_API_KEY",
    "ALTOR_STRIPE_API_URL",
    "ALTOR_STRIPE_API_KEY",
    "ALTOR_STATUSPAGE_URLS",
    "ALTOR_ENCRYPTION_KEYS",
    "ALTOR_SECRET_KEY",
    "ALTOR_EMAIL_URL",
)
MARK: Final = "ALTOR_DEMO"


def prepare_environment(environ: MutableMapping[str, str]) -> Path:
    """Turn `environ` into the demo's: its own home, debug, loopback upstreams. Idempotent; returns the home directory.

    Called before the settings are read. Addresses and keys of an installation are removed, and with the mark set the
    settings do not read `.env`, so that a demo started beside a real installation cannot reach its data.
    """
    if environ.get(MARK) != "1":
        base = Path(environ.get("ALTOR_HOME") or ROOT / ".altor").expanduser()
        environ["ALTOR_HOME"] = str((base / "demo").absolute())
        environ[MARK] = "1"
    for name in FOREIGN:
        environ.pop(name, None)
        environ.pop(f"{name}_FILE", None)
    environ["ALTOR_DEBUG"] = "1"
    environ["ALTOR_ALLOW_PRIVATE_UPSTREAMS"] = "1"
    environ.setdefault("ALTOR_LOG_LEVEL", "WARNING")  # the terminal is for people
    return Path(environ["ALTOR_HOME"])


@dataclass
class DemoState:
    """Kept in `<home>/world.json`, readable by its owner only."""

    seed: int
    anchor: str  # ISO 8601, UTC
    hook_secret: str
    opened_at: str = ""  # when the pages first opened: live tickets count from here
    telemetry_until: str = ""
    upstream_port: int = 0
    sent: list[int] = field(default_factory=list)  # ids of live tickets that were delivered
    is_seeded: bool = False

    @property
    def world(self) -> World:
        return World(self.seed, datetime.fromisoformat(self.anchor))

    @classmethod
    def load(cls, home: Path) -> DemoState | None:
        try:
            return cls(**json.loads((home / STATE_FILE).read_text()))
        except FileNotFoundError:
            return None

    @classmethod
    def fresh(cls, seed: int | None = None) -> DemoState:
        anchor = datetime.now(UTC).replace(second=0, microsecond=0)
        secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
        return cls(seed=DEFAULT_SEED if seed is None else seed, anchor=anchor.isoformat(), hook_secret=secret)

    def save(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        part = home / f"{STATE_FILE}.part"
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(self), file, indent=1)
        part.replace(home / STATE_FILE)
