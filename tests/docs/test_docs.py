"""The documentation is held to the code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from django.core.management import get_commands

from altor import reference
from altor.settings.environment import ROOT
from investigations.playbooks.schema import schema_text

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


MADE = reference.pages()


@pytest.mark.parametrize("name", sorted(MADE))
def test_a_page_made_from_the_code_is_up_to_date(name):
    assert (reference.FOLDER / name).read_text() == MADE[name], "run `manage.py reference`"


def test_the_published_schema_is_the_formats():
    assert (reference.FOLDER / "playbook.schema.json").read_text() == schema_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_the_text_exist(page):
    known = set(get_commands())
    for name in re.findall(r"manage\.py ([a-z_]+)", page.read_text()):
        assert name in known, name


def test_every_dependency_has_a_reason_and_a_licence():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = project["optional-dependencies"]
    wanted = [*project["dependencies"], *optional["embedded"], *optional["dev"]]
    wanted += re.findall(r"^[a-z].*==", (ROOT / "requirements-model.lock").read_text(), re.MULTILINE)
    names = {re.split(r"[\[<>=!~ ]", line)[0] for line in wanted}
    text = (ROOT / "docs/explanation/dependencies.md").read_text()
    rows = re.findall(r"^\| ([\w., -]+) \| (.+?) \| (.+?) \|$", text, re.MULTILINE)
    told = {
        name: (reason, licence)
        for listed, reason, licence in rows
        for name in listed.split(", ")
        if name != "package" and not name.startswith("-")
    }
    assert names == set(told)
    assert all(reason and licence for reason, licence in told.values())


def test_lock_files_hold_hashes_and_no_address():
    for name in ("requirements.lock", "requirements-dev.lock", "requirements-model.lock"):
        text = (ROOT / name).read_text()
        assert "--hash=sha256:" in text and "://" not in text


def test_the_security_model_names_every_source():
    text = (ROOT / "docs/explanation/security-model.md").read_text()
    from altor.registry import parts
    from altor.roles import Role

    for source in parts("SOURCES"):
        assert source.title in text or source.title.split()[0] in text, source.title
    for role in Role:
        assert str(role) in text, role


def test_nothing_in_the_repository_names_this_machine():
    here = str(Path.home())
    for page in PAGES:
        assert here == "/root" or here not in page.read_text()
