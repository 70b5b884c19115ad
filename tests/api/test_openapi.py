"""The OpenAPI document: checked in, whole, and kept by the answers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from rest_framework.test import APIClient

from tests.api.conftest import World

ROOT = Path(__file__).parents[2]
CHECKED_IN = ROOT / "docs" / "reference" / "openapi.yaml"


def generated() -> bytes:
    schema = SchemaGenerator().get_schema(request=None, public=True)
    return bytes(OpenApiYamlRenderer().render(schema, renderer_context={}))


def test_the_checked_in_document_is_what_the_code_says() -> None:
    """Renew it with `manage.py spectacular --file docs/reference/openapi.yaml`."""
    assert CHECKED_IN.read_bytes() == generated()


#: How a sidebar gets its token: before there is one, no role could be asked. And what everybody may read.
WITHOUT_PERMISSION = {f"/api/v1/widget/{name}/" for name in ("launch", "token", "pair", "pair/claim")} | {
    "/api/v1/knowledge/feed.json"
}


def test_every_operation_tells_permission_security_and_errors() -> None:
    document: dict[str, Any] = yaml.safe_load(generated())
    assert document["openapi"] == "3.1.0"
    names = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names)) > 40
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if path == "/api/v1/schema/" or "/hooks/" in path or path in WITHOUT_PERMISSION:
                continue
            assert "Permission: `" in operation["description"], (method, path)
            assert {"bearer"} <= {document["components"]["securitySchemes"]["token"]["scheme"]}
            assert {"401", "403", "429"} <= set(operation["responses"]), (method, path)


@pytest.mark.django_db
def test_the_document_is_served_to_those_who_are_logged_in(world: World, admin_api: APIClient) -> None:
    assert APIClient().get("/api/v1/schema/").status_code == 401
    served = admin_api.get("/api/v1/schema/?format=json")
    assert (served.status_code, served.json()["openapi"]) == (200, "3.1.0")


@pytest.mark.django_db
def test_the_page_to_read_it_holds_no_inline_script_or_style(world: World) -> None:
    browser = Client()
    assert browser.get("/api/v1/docs/").status_code == 302
    browser.force_login(world.people["agent"])
    page = browser.get("/api/v1/docs/")
    text = page.content.decode()
    assert "script-src 'self'" in page["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", text)
    for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', text):
        from django.contrib.staticfiles import finders

        assert finders.find(address.removeprefix("/static/")), address
