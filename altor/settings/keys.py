"""Keys of a development installation, generated once into ALTOR_HOME (mode 0600). Production names its own."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def generated(path: Path, make: Callable[[], str]) -> str:
    """The key in `path`, made on first use. Of two processes that make it together, one wins and both read the same."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(make())
    try:
        os.link(scratch, path)  # fails when somebody else was first
    except FileExistsError:
        pass
    finally:
        scratch.unlink()
    return path.read_text().strip()
