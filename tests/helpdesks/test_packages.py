"""The sidebar apps: files that keep the vendors' documented rules, written here again as far as they are known.

Zendesk's rules are those of its own validator (zendesk_apps_support), Freshdesk's those of platform 3.0; the vendors'
tools need an account and are not run.
"""

from __future__ import annotations

import json
import struct
import zlib
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from altor.errors import InvalidInput
from investigations.helpdesks import logo
from investigations.helpdesks.packages import page_address
from investigations.services.endpoints import create_endpoint

pytestmark = pytest.mark.django_db
LOCATIONS = {
    "top_bar", "nav_bar", "ticket_sidebar", "new_ticket_sidebar", "user_sidebar", "organization_sidebar", "background",
    "modal", "ticket_editor",
}  # fmt: skip
SCOPES = {"header", "body", "url", "jwt_secret_key", "jwt_claim", "basic_auth_username", "basic_auth_password"}
ADDRESS = "https://altor.example/widget/zendesk/acme/"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    for helpdesk, prefix in (("zendesk", "ZD"), ("freshdesk", "FD")):
        create_endpoint(source=helpdesk, connection="acme", ticket_prefix=prefix, actor=None)
    return tmp_path / "app"


def build(helpdesk: str, out: Path, *more: str, url: str = "https://altor.example") -> str:
    said = StringIO()
    call_command("helpdeskapp", helpdesk, "--connection", "acme", "--out", str(out), "--url", url, *more, stdout=said)
    return said.getvalue()


def read(path: Path) -> Any:
    return json.loads(path.read_text())


# -------------------------------------------------------------------------------------------------------------- Zendesk
def zendesk_problems(folder: Path) -> list[str]:
    """What Zendesk would refuse, in words; [] for a good package."""
    manifest = read(folder / "manifest.json")
    problems = [f"{name} is missing" for name in ("author", "defaultLocale") if not manifest.get(name)]
    bare = manifest.get("requirementsOnly") or manifest.get("marketingOnly")
    if not bare:
        problems += [f"{name} is missing" for name in ("location", "frameworkVersion") if not manifest.get(name)]
    for name in ("requirementsOnly", "marketingOnly", "singleInstall", "signedUrls", "private"):
        if name in manifest and not isinstance(manifest[name], bool):
            problems.append(f"{name} is no boolean")
    for name in ("defaultLocale", "version", "frameworkVersion", "remoteInstallationURL", "termsConditionsURL", "gaID"):
        if name in manifest and not isinstance(manifest[name], str):
            problems.append(f"{name} is no text")
    author = manifest.get("author") or {}
    problems += [f"author.{name} is no text" for name, value in author.items() if not isinstance(value, str)]
    hosts = manifest.get("domainWhitelist", [])
    if not isinstance(hosts, list) or not all(isinstance(host, str) for host in hosts):
        problems.append("domainWhitelist is no list of texts")
    problems += _parameter_problems(manifest.get("parameters", []))
    for host, places in (manifest.get("location") or {}).items():
        for place, what in places.items():
            if host != "support" or place not in LOCATIONS:
                problems.append(f"{host}.{place} is no place")
            url = what["url"]
            is_remote = url.startswith(("https://", "http://localhost"))
            if not is_remote and not (url.startswith("assets/") and (folder / url).is_file()):
                problems.append(f"{url} is not there")
            if manifest.get("signedUrls") and not is_remote:
                problems.append("only a remote page is signed")
    if not (folder / "translations" / f"{manifest.get('defaultLocale')}.json").is_file():
        problems.append("the translation of the default language is not there")
    return problems


def _parameter_problems(parameters: list[dict[str, Any]]) -> list[str]:
    names = [parameter.get("name") for parameter in parameters]
    problems = ["two parameters have one name"] if len(names) != len(set(names)) else []
    for parameter in parameters:
        if parameter.get("scopes") and (not parameter.get("secure") or set(parameter["scopes"]) - SCOPES):
            problems.append("scopes are for secure parameters and of a list")
        if parameter.get("type") == "oauth" and parameter.get("secure"):
            problems.append("an oauth parameter is never secure")
    return problems


@pytest.mark.parametrize("framed", [False, True])
def test_zendesks_rules_are_kept(out: Path, framed: bool) -> None:
    said = build("zendesk", out, *(["--framed"] if framed else []))
    assert zendesk_problems(out) == []
    manifest = read(out / "manifest.json")
    place = manifest["location"]["support"]["ticket_sidebar"]
    assert manifest["signedUrls"] is not framed
    assert place["url"] == ("assets/iframe.html" if framed else ADDRESS)
    assert ADDRESS in said
    assert {"name", "short_description", "long_description"} <= read(out / "translations/en.json")["app"].keys()


@pytest.mark.parametrize(
    "change",
    [
        {"author": None}, {"defaultLocale": "de"}, {"location": None}, {"signedUrls": "yes"}, {"version": 1},
        {"domainWhitelist": "altor.example"}, {"parameters": [{"name": "a"}, {"name": "a"}]},
        {"parameters": [{"name": "a", "scopes": ["header"]}]},
        {"location": {"support": {"sidebar": {"url": ADDRESS}}}},
        {"location": {"support": {"ticket_sidebar": {"url": "assets/none.html"}}}},
    ],
)  # fmt: skip
def test_the_check_finds_what_breaks_a_rule(out: Path, change: dict[str, Any]) -> None:
    build("zendesk", out)
    manifest = out / "manifest.json"
    manifest.write_text(json.dumps({**read(manifest), **change}))
    assert zendesk_problems(out)


def test_a_framed_page_loads_the_framework_and_nothing_else_of_others(out: Path) -> None:
    build("zendesk", out, "--framed")
    page = (out / "assets/iframe.html").read_text()
    assert page.count("https://") == 2  # the framework, and Altor
    assert "https://static.zdassets.com/zendesk_app_framework_sdk/2.0/zaf_sdk.min.js" in page
    assert f'src="{ADDRESS}"' in page
    assert "__PAGE__" not in page
    assert "<script>" not in page
    assert "style=" not in page


@pytest.mark.parametrize(("name", "size"), [("logo.png", 320), ("logo-small.png", 128)])
def test_logos_are_pictures_of_the_right_size(out: Path, name: str, size: int) -> None:
    build("zendesk", out)
    data = (out / "assets" / name).read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", data[16:24]) == (size, size)
    length = struct.unpack(">I", data[33:37])[0]
    rows = zlib.decompress(data[41 : 41 + length])
    assert len(rows) == size * (size * 4 + 1)
    stride = size * 4 + 1

    def pixel(x: int, y: int) -> bytes:
        return rows[y * stride + 1 + x * 4 : y * stride + 5 + x * 4]

    assert pixel(size // 2, size * 7 // 24) == b"\xff\xff\xff\xff"  # the tip of the letter
    assert pixel(size // 2, size * 21 // 24) == b"\x33\x46\xc4\xff"  # below it
    assert pixel(0, 0)[3] == 0  # the corner is round


def test_only_straight_strokes_are_drawn() -> None:
    assert logo.strokes("m1 1 1 1v2H0") == [((1, 1), (2, 2)), ((2, 2), (2, 4)), ((2, 4), (0, 4))]
    with pytest.raises(ValueError, match="curves"):
        logo.strokes("M0 0C1 1 2 2 3 3")


# ------------------------------------------------------------------------------------------------------------ Freshdesk
def freshdesk_problems(folder: Path) -> list[str]:
    """What Freshdesk's platform 3.0 would refuse, in words; [] for a good package."""
    manifest = read(folder / "manifest.json")
    problems = [f"{name} is of older platforms" for name in ("product", "whitelisted-domains") if name in manifest]
    if manifest.get("platform-version") != "3.0":
        problems.append("platform-version is not 3.0")
    if set(manifest.get("engines", {})) != {"node", "fdk"}:
        problems.append("engines needs node and fdk")
    modules = manifest.get("modules", {})
    if not set(modules) - {"common"}:
        problems.append("a module of a product is missing")
    declared = set(modules.get("common", {}).get("requests", {}))
    if declared != set(read(folder / "config/requests.json")):
        problems.append("requests are not those of the manifest")
    for name, module in modules.items():
        for place, what in module.get("location", {}).items():
            if (name, place) != ("support_ticket", "ticket_sidebar"):
                problems.append(f"{name}.{place} is no place")
            problems += [f"{path} is not there" for path in what.values() if not (folder / "app" / path).is_file()]
    for fields in read(folder / "config/iparams.json").values():
        if not {"display_name", "type"} <= fields.keys():
            problems.append("a parameter needs display_name and type")
    return problems


def test_freshdesks_rules_are_kept(out: Path) -> None:
    build("freshdesk", out)
    assert freshdesk_problems(out) == []
    page = (out / "app/index.html").read_text()
    assert '<script src="{{{appclient}}}"></script>' in page
    assert page.count("https://") == 1
    assert 'src="https://altor.example/widget/freshdesk/acme/"' in page
    assert Xml.fromstring((out / "app/styles/images/icon.svg").read_text()).tag.endswith("svg")
    script = (out / "app/scripts/app.js").read_text()
    assert "request.get" not in script  # refused since platform 3.0
    assert "innerHTML =" not in script


@pytest.mark.parametrize(
    "change",
    [
        {"platform-version": "2.3"}, {"product": {}}, {"engines": {}}, {"modules": {"common": {}}},
        {"modules": {"common": {"requests": {"start": {}}}, "support_ticket": {}}},
        {"modules": {"common": {"location": {"ticket_sidebar": {"url": "index.html"}}}, "support_ticket": {}}},
        {"modules": {"support_ticket": {"location": {"ticket_sidebar": {"url": "none.html"}}}}},
    ],
)  # fmt: skip
def test_the_check_finds_what_freshdesk_would_refuse(out: Path, change: dict[str, Any]) -> None:
    build("freshdesk", out)
    manifest = out / "manifest.json"
    manifest.write_text(json.dumps({**read(manifest), **change}))
    assert freshdesk_problems(out)


# -------------------------------------------------------------------------------------------------------------- command
def test_only_a_connection_that_is_there_gets_an_app(out: Path) -> None:
    with pytest.raises(CommandError, match="zendesk/none"):
        call_command("helpdeskapp", "zendesk", "--connection", "none", "--out", str(out))
    assert not out.exists()


def test_nothing_is_overwritten(out: Path) -> None:
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(CommandError, match="not empty"):
        build("freshdesk", out)
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    "url",
    [
        "http://altor.example", "ftp://altor.example", "altor.example", "https://", "https://a:b@altor.example",
        "https://altor.example/?x=1", "https://altor.example/#x", 'https://altor.example/"><script>', "https://[::1",
        "https://altor.example:port",
    ],
)  # fmt: skip
def test_an_address_that_nobody_may_frame_is_refused(out: Path, url: str) -> None:
    with pytest.raises(CommandError):
        build("zendesk", out, url=url)
    with pytest.raises(InvalidInput):
        page_address(url, "zendesk", "acme")
    assert not out.exists()


def test_the_address_of_the_installation_is_the_default(out: Path, settings: Any) -> None:
    settings.BASE_URL = "https://desk.example/altor"
    assert "https://desk.example/altor/widget/freshdesk/acme/" in build("freshdesk", out, url="")
    assert page_address("http://127.0.0.1:8000/", "zendesk", "x") == "http://127.0.0.1:8000/widget/zendesk/x/"
