"""The kit: templates keep the policy, browser files are what was added, pages stay light."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from altor import vendored
from altor.vendored import STATIC

TEMPLATES = sorted((settings.BASE_DIR / "templates").rglob("*.html"))
SCRIPTS = sorted(path for path in STATIC.glob("*.js"))
#: Loaded by pages in a helpdesk's frame only, which have a budget of their own.
FRAMED = {"widget.js", "zendesk-sidebar.js"}
FORBIDDEN = {
    "an inline style": re.compile(r"\sstyle\s*="),
    "an inline handler": re.compile(r"\son[a-z]+\s*=\s*[\"']"),
    "an inline htmx handler": re.compile(r"\shx-on"),
    "script in an htmx value": re.compile(r"hx-vals=[\"']\s*(js|javascript):"),
    "an htmx trigger filter": re.compile(r"hx-trigger=\"[^\"]*\["),
    "a morph configuration": re.compile(r"hx-swap=\"morph:\{"),
    "an inline script": re.compile(r"<script(?![^>]*\bsrc=)[^>]*>"),
    "an inline style sheet": re.compile(r"<style"),
    "another origin": re.compile(r"(src|href|action)=\"(https?:)?//"),
    "a script address": re.compile(r"javascript:"),
    "unescaped text": re.compile(r"\|\s*safe\b|autoescape off"),
}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(settings.BASE_DIR / "templates")))
def test_template_keeps_the_policy(path: Path) -> None:
    text = path.read_text()
    assert [name for name, pattern in FORBIDDEN.items() if pattern.search(text)] == []
    unknown = set(re.findall(r"{%\s*icon \"([a-z0-9-]+)\"", text)) - vendored.sprite_names()
    assert unknown == set()
    assert "<form" not in text or 'method="post"' not in text or "csrf_token" in text or "form_errors" in text


def test_every_icon_that_code_names_is_in_the_sprite() -> None:
    from altor.registry import parts
    from altor.shell import navigation  # noqa: F401  # the module is importable without the registry
    from altor.templatetags import altor_ui

    named = {icon for icon, _, _ in altor_ui.PILLS.values()} | set(altor_ui.SOURCE_ICONS.values())
    named |= {item.icon for part in parts("NAV_PARTS") for item in part}
    assert named - vendored.sprite_names() == set()


def test_the_sprite_holds_what_its_list_names() -> None:
    assert vendored.sprite_names() == set(vendored.ICON_NAMES.read_text().split())


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_script_writes_no_html(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)


def test_vendored_files_are_what_was_added() -> None:
    assert vendored.problems() == []
    given = {
        "vendor/htmx.org-2.0.11/htmx.min.js": "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717",
        "vendor/tabler-core-1.6.1/tabler.min.css": "370a2d4e608ae518351d10528fc7dbe19b354ae5062c51b2a9cb294850d65403",
    }
    entries = {entry["file"]: entry for entry in vendored.manifest()}
    assert {name: entries[name]["package_sha256"] for name in given} == given
    assert all(entry["licence"] for entry in entries.values())


def test_a_changed_or_unlisted_file_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "altor"
    shutil.copytree(STATIC, copy)
    for name in ("STATIC", "VENDOR", "MANIFEST", "ICON_NAMES"):
        monkeypatch.setattr(vendored, name, copy / getattr(vendored, name).relative_to(STATIC))
    assert vendored.problems() == []
    (copy / "vendor/htmx.org-2.0.11/htmx.min.js").write_text("alert(1)")
    (copy / "vendor/stranger.js").write_text("1")
    assert len(vendored.problems()) == 2
    with pytest.raises(CommandError, match="checksum differs"):
        call_command("vendor", "check")


def test_pages_stay_within_their_budgets() -> None:
    """Kilobytes after gzip: style sheets 95, scripts 30 of an app page, as the design guide says."""

    def weight(*names: str) -> float:
        return sum(len(gzip.compress((STATIC / name).read_bytes(), 9)) for name in names) / 1000

    styles = weight("vendor/tabler-core-1.6.1/tabler.min.css", "tokens.css", "components.css", "app.css")
    scripts = weight(
        "vendor/htmx.org-2.0.11/htmx.min.js", "vendor/idiomorph-0.8.0/idiomorph-ext.min.js",
        # The reference of the API is a page of its own, with none of the others.
        *(path.name for path in SCRIPTS if path.name not in FRAMED | {"api-docs.js"}),
    )  # fmt: skip
    assert styles <= 95 and scripts <= 30, (styles, scripts)


def test_only_the_tokens_name_colours() -> None:
    hexes = {
        name: re.findall(r"#[0-9a-f]{3,8}\b", (STATIC / name).read_text())
        for name in ("components.css", "app.css", "admin.css")
    }
    assert {name: [c for c in found if c not in ("#fff",)] for name, found in hexes.items()} == {
        "components.css": [],
        "app.css": [],
        "admin.css": [],
    }
