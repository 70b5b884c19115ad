"""Every `ALTOR_*` variable: one registry, from which settings, checks and the reference page are made.

A value comes from the environment, from a file named by `<NAME>_FILE` (secrets), or from `.env` in the project's root;
in this order. Empty text counts as not set.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Variable:
    """`default` is what holds when the variable is not set, in words where it is computed."""

    name: str
    description: str
    default: str = ""
    secret: bool = False


VARIABLES: Final[tuple[Variable, ...]] = (
    Variable("ALTOR_HOME", "Data directory: embedded servers, generated keys, caches", ".altor/ in the project's root"),
    Variable("ALTOR_DEBUG", "1 for development: detailed errors, generated keys, loopback upstreams allowed", "0"),
    Variable(
        "ALTOR_SECRET_KEY",
        "Signs sessions, links and queue entries",
        "generated into ALTOR_HOME in debug; required otherwise",
        True,
    ),
    Variable("ALTOR_SECRET_KEY_FALLBACKS", "Former secret keys, comma separated, while one is being rotated", "", True),
    Variable(
        "ALTOR_ENCRYPTION_KEYS",
        "Fernet keys for stored secrets, comma separated, newest first",
        "generated into ALTOR_HOME in debug; required otherwise",
        True,
    ),
    Variable(
        "ALTOR_ALLOWED_HOSTS",
        "Host names under which Altor is reached, comma separated",
        "localhost,127.0.0.1 in debug",
    ),
    Variable("ALTOR_BASE_URL", "Address people reach Altor at, for links in notes and mails", "http://127.0.0.1:8000"),
    Variable("ALTOR_DATABASE_URL", "PostgreSQL address; replaces the embedded server", "the embedded server", True),
    Variable(
        "ALTOR_EMBEDDING_MODEL",
        "Folder of the model of the knowledge search; built there when it is missing",
        ".altor/model/ in the project's root, else in ALTOR_HOME",
    ),
    Variable("ALTOR_EMBEDDING", "0 to search knowledge by words alone, without the model", "1"),
    Variable(
        "ALTOR_PG_BIN",
        "Directory with PostgreSQL's programs for the embedded server",
        "the installed wheel, then Debian's",
    ),
    Variable(
        "ALTOR_CLICKHOUSE_URL",
        "http(s)://user:password@host:port[/prefix]?database=name; replaces stored connection and embedded engine",
        "",
        True,
    ),
    Variable("ALTOR_GITHUB_API_URL", "GitHub's REST address; overrides the stored connection for this process", ""),
    Variable("ALTOR_GITHUB_TOKEN", "Token for GitHub", "", True),
    Variable("ALTOR_LINEAR_API_URL", "Linear's whole GraphQL address", ""),
    Variable("ALTOR_LINEAR_API_KEY", "Key for Linear", "", True),
    Variable("ALTOR_STRIPE_API_URL", "Stripe's address", ""),
    Variable("ALTOR_STRIPE_API_KEY", "Restricted key for Stripe", "", True),
    Variable("ALTOR_STATUSPAGE_URLS", "Addresses of public status pages, comma separated", ""),
    Variable(
        "ALTOR_ALLOW_PRIVATE_UPSTREAMS", "1 admits loopback upstreams; works only together with ALTOR_DEBUG=1", "0"
    ),
    Variable("ALTOR_PRIVATE_UPSTREAMS", "Private upstreams one by one: source=host:port, comma separated", ""),
    Variable("ALTOR_EMAIL_URL", "smtp://user:password@host:port; mails go to the console without it", "", True),
    Variable("ALTOR_EMAIL_FROM", "Sender of mails", "altor@ and the host of ALTOR_BASE_URL"),
    Variable("ALTOR_ENABLE_ADMIN", "0 switches /admin/ off", "1"),
    Variable(
        "ALTOR_AUTO_INVESTIGATE", "0 is the kill switch: tickets no longer start investigations by themselves", "1"
    ),
    Variable(
        "ALTOR_OUTBOUND",
        "0 holds back webhooks and notices until it is 1 again, e.g. on a restored copy; they are not lost",
        "1",
    ),
    Variable(
        "ALTOR_PUBLIC_FEED", "1 serves validated entries for customers to everybody at /api/v1/knowledge/feed.json", "0"
    ),
    Variable("ALTOR_ENGINEERING_HOURS", "When engineers work, Monday to Friday on their own calendar", "09:00-17:00"),
    Variable(
        "ALTOR_REFOCUS_MINUTES",
        "What finding back after an interruption costs, in minutes; shown beside interruption hours, never in them",
        "0",
    ),
    Variable("ALTOR_TRUSTED_PROXIES", "Number of proxies in front whose X-Forwarded-For is believed", "0"),
    Variable("ALTOR_METRICS_TOKEN", "Bearer token for /-/prometheus; without it only loopback may read it", "", True),
    Variable("ALTOR_TOKEN", "API token under which `manage.py mcp` serves an assistant that starts it", "", True),
    Variable("ALTOR_SESSION_IDLE_HOURS", "A session ends after this many hours without a request", "8"),
    Variable("ALTOR_SESSION_MAX_DAYS", "A session ends after this many days in any case", "7"),
    Variable("ALTOR_LOG_FORMAT", "json or text", "text on a terminal, json otherwise"),
    Variable("ALTOR_LOG_LEVEL", "DEBUG, INFO, WARNING or ERROR", "INFO"),
    Variable(
        "ALTOR_WORKERS",
        "Runs that one worker cluster (`manage.py up`, `manage.py qcluster`) carries out at the same time",
        "2",
    ),
    Variable("ALTOR_OIDC_ISSUER", "OpenID Connect issuer for single sign-on", ""),
    Variable("ALTOR_OIDC_CLIENT_ID", "Client id at the issuer", ""),
    Variable("ALTOR_OIDC_CLIENT_SECRET", "Client secret at the issuer", "", True),
)

NAMES: Final = frozenset(variable.name for variable in VARIABLES)
#: Read by tests and CI only; not settings of an installation.
INTERNAL: Final = frozenset({"ALTOR_TEST_REQUIRE_ALL", "ALTOR_PROCESS_ROLE", "ALTOR_CLICKHOUSE_EMBEDDED", "ALTOR_DEMO"})


class EnvironmentInvalid(Exception):
    """A variable holds something that cannot be used; the message names it."""


@lru_cache(maxsize=1)
def _dotenv() -> Mapping[str, str]:
    """`.env` in the project's root: NAME=value lines, # comments, optional quotes. No expansion."""
    path = ROOT / ".env"
    found: dict[str, str] = {}
    # The demo is an installation of its own: what `.env` says of the real one must not reach it.
    if not path.is_file() or os.environ.get("ALTOR_DEMO") == "1":
        return found
    for line in path.read_text().splitlines():
        name, separator, value = line.strip().removeprefix("export ").partition("=")
        if separator and not name.lstrip().startswith("#"):
            value = value.strip()
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
            found[name.strip()] = value[1:-1] if quoted else value
    return found


def text(name: str, default: str = "") -> str:
    """The variable's value, or `default`.

    EnvironmentInvalid when the file it names cannot be read; KeyError for a name that is not in the registry.
    """
    if name not in NAMES:
        raise KeyError(name)
    for source in (os.environ, _dotenv()):
        if source.get(name):
            return source[name].strip()
        path = source.get(f"{name}_FILE")
        if path:
            try:
                return Path(path).read_text().strip()
            except OSError as error:
                raise EnvironmentInvalid(f"{name}_FILE names {path}, which cannot be read: {error.strerror}") from None
    return default


def flag(name: str, default: bool = False) -> bool:
    value = text(name, "1" if default else "0").lower()
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    raise EnvironmentInvalid(f"{name} is {value!r}: use 1 or 0")


def number(name: str, default: int) -> int:
    value = text(name, str(default))
    try:
        return int(value)
    except ValueError:
        raise EnvironmentInvalid(f"{name} is {value!r}: a whole number is needed") from None


def many(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def unknown_names() -> list[str]:
    """Variables that look like ours and are none: a typing error must not pass in silence."""
    seen = {name for source in (os.environ, _dotenv()) for name in source if name.startswith("ALTOR_")}
    allowed = NAMES | INTERNAL | {f"{name}_FILE" for name in NAMES}
    return sorted(seen - allowed)
