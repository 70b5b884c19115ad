"""Read a playbook file: every problem with its file, line and field, and a suggestion where a word is misspelt."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from investigations.playbooks.checks import problems_in
from investigations.playbooks.format import Playbook
from investigations.playbooks.messages import told
from investigations.playbooks.reading import MAX_BYTES, PlaybookInvalid, Problem, dotted, line_of, plain, read_tree
from investigations.playbooks.rehearsal import rehearse

LIBRARY: Final = Path(__file__).with_name("library")


@lru_cache(maxsize=32)
def parse_playbook(text: str, *, name: str) -> Playbook:
    """The validated playbook of a file's text; PlaybookInvalid lists all problems at once.

    Reading a file with its lines takes a good part of a second, and what was read is never changed: it is kept.
    """
    return playbook_of(read_tree(text, name), name)


def playbook_of(tree: Any, name: str) -> Playbook:
    """The validated playbook of a file's tree; PlaybookInvalid lists all problems at once."""
    if not isinstance(tree, dict):
        raise PlaybookInvalid([Problem(name, 1, "", "a playbook is a mapping that begins with apiVersion: altor/v1")])
    try:
        playbook = Playbook.model_validate(plain(tree))
    except ValidationError as error:
        found = list(told(error, tree))
    else:
        found = list(problems_in(playbook))
        if not found:
            return playbook
    problems = [Problem(name, line_of(tree, path), dotted(path), message) for path, message in found]
    raise PlaybookInvalid(sorted(problems, key=lambda problem: problem.line))


def failed_tests(playbook: Playbook, text: str, *, name: str) -> list[Problem]:
    """What the playbook's own tests expect and do not get; `text` is the file it was parsed from."""
    return failed_in(playbook, read_tree(text, name), name)


def failed_in(playbook: Playbook, tree: Any, name: str) -> list[Problem]:
    """As `failed_tests`, of the tree that the playbook was made from."""
    return [
        Problem(
            name, line_of(tree, ("tests", number)), f"tests[{number}]", f"{playbook.tests[number].name!r}: {problem}"
        )
        for number, problem in rehearse(playbook)
    ]


def read_file(path: Path) -> str:
    """The text of a file as it is, line ends included, so that it can be written back byte for byte."""
    return path.read_bytes().decode()


def write_file(path: Path, text: str) -> None:
    path.write_bytes(text.encode())


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def library_files() -> list[Path]:
    return sorted(LIBRARY.glob("*.yaml"))


__all__ = [
    "LIBRARY",
    "MAX_BYTES",
    "PlaybookInvalid",
    "Problem",
    "digest",
    "failed_in",
    "failed_tests",
    "library_files",
    "parse_playbook",
    "playbook_of",
    "read_file",
    "write_file",
]
