"""Everything that can be told of a playbook's text while it is written: problems, failed tests, and what it means."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import lru_cache

from investigations.playbooks.format import Playbook
from investigations.playbooks.loader import failed_in, playbook_of
from investigations.playbooks.merging import marked_lines
from investigations.playbooks.outline import Outline, outline_of
from investigations.playbooks.reading import PlaybookInvalid, Problem, read_tree

log = logging.getLogger(__name__)
#: As problems of a draft name their file.
DRAFT = "draft"


@dataclass(frozen=True, slots=True)
class Examined:
    """`playbook` is there when the text is valid, `outline` when it can be read at all."""

    problems: tuple[Problem, ...]
    failed: tuple[Problem, ...]  # expectations of its own tests that are not met
    playbook: Playbook | None
    outline: Outline | None

    @property
    def may_be_in_force(self) -> bool:
        return self.playbook is not None and not self.failed


@lru_cache(maxsize=16)
def examine(text: str, name: str = DRAFT) -> Examined:
    """The same checks that store a version. Never raises for what a text holds."""
    if marks := marked_lines(text):
        message = "both people changed these lines: keep what is right and delete the three marks"
        return Examined((Problem(name, marks[0], "", message),), (), None, None)
    try:
        tree = read_tree(text, name)
    except PlaybookInvalid as invalid:
        return Examined(tuple(invalid.problems), (), None, None)
    outline = outline_of(tree)
    try:
        playbook = playbook_of(tree, name)
    except PlaybookInvalid as invalid:
        return Examined(tuple(invalid.problems), (), None, outline)
    try:
        failed = tuple(failed_in(playbook, tree, name))
    except Exception as error:
        log.exception("a playbook's own tests could not be run")
        failed = (Problem(name, 0, "tests", f"the tests could not be run ({type(error).__name__}: {error})"),)
    return Examined((), failed, playbook, outline)
