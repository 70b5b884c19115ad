"""The doors to a packet before it is sent: page, print, REST, command and the published schema."""

from __future__ import annotations

import io
import json
import re

import jsonschema
import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from altor import reference
from altor.tokens import create_token
from escalations.packets.schema import schema_document, schema_text
from investigations.models import Investigation
from tests import factories as make
from tests.escalations.test_packet_build import case, packet_of
from tests.pages.scene import PAYLOADS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_counts_left() -> None:
    cache.clear()


@pytest.fixture
def run() -> Investigation:
    return case(affected=make.affected("org_b", "org_c"))


@pytest.fixture
def agent(client: Client) -> Client:
    client.force_login(make.user("priya", teams=(make.team(),)))
    return client


def at(run: Investigation, show: str = "") -> str:
    return reverse("escalations:packet-preview", args=[run.ref]) + (f"?show={show}" if show else "")


@pytest.mark.parametrize("show", ["", "markdown", "text", "json", "print", "nothing"])
def test_every_form_shows_summary_evidence_and_what_was_not_checked(
    agent: Client, run: Investigation, show: str
) -> None:
    answer = agent.get(at(run, show))
    text = answer.content.decode()
    assert answer.status_code == 200 and answer["Cache-Control"] == "no-store"
    for told in ("8,412 of 19,563", "E3", "no answer within 5 s", "ae5dd80", "limiter/bucket.go"):
        assert told in text, told


def test_each_form_can_be_copied_and_the_page_links_to_all(agent: Client, run: Investigation) -> None:
    page = agent.get(at(run)).content.decode()
    for show in ("markdown", "text", "json", "print"):
        assert f"?show={show}" in page
    assert 'data-copy="#packet-text"' in agent.get(at(run, "markdown")).content.decode()
    assert at(run) in agent.get(reverse("investigations:run", args=[run.ref])).content.decode()


def test_another_teams_run_is_not_found_and_guests_log_in(client: Client, run: Investigation) -> None:
    pages = [at(run), at(run, "print"), reverse("escalations:packet-json", args=[run.ref])]
    for url in pages:
        assert client.get(url).status_code == 302
    client.force_login(make.user(teams=(make.team("Elsewhere"),)))
    for url in pages:
        assert client.get(url).status_code == 404
    assert client.get(reverse("escalations:packet-preview", args=["INV-99999999"])).status_code == 404
    assert client.post(at(run)).status_code == 405


def test_pages_of_a_run_that_has_found_nothing_yet_say_so(agent: Client) -> None:
    run = make.run(make.ticket(), status="running")
    assert "has not come to a diagnosis" in agent.get(at(run)).content.decode()
    assert "There is no evidence yet." in agent.get(at(run, "print")).content.decode()


def test_hostile_texts_are_shown_as_text(agent: Client, run: Investigation) -> None:
    bad = "\n".join(PAYLOADS)
    run.evidence.update(title=bad[:190], summary=bad, url="javascript:window.hacked=1")
    Investigation.objects.update(diagnosis=make.diagnosis(summary=bad, next_steps=[bad], ruled_out=[bad]))
    for show in ("", "print", "markdown"):
        text = agent.get(at(run, show)).content.decode()
        assert "<script>window.hacked" not in text and "<img src=x" not in text
        assert 'href="javascript:' not in text


def test_a_download_is_the_packet_and_fits_the_published_schema(agent: Client, run: Investigation) -> None:
    answer = agent.get(reverse("escalations:packet-json", args=[run.ref]))
    assert f'filename="{run.ref}-packet.json"' in answer["Content-Disposition"]
    schema = schema_document()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(answer.json(), schema)
    jsonschema.validate(packet_of(run).as_dict(), schema)


def test_the_schema_is_published_as_it_is_and_needs_no_login(client: Client) -> None:
    assert client.get("/packets/schema.json").json() == schema_document()
    assert (reference.FOLDER / "packet.schema.json").read_text() == schema_text()
    fields = schema_document()["properties"]
    assert {"summary", "reproduction", "ruled_out", "not_checked", "promised"} <= set(fields)


# REST
def token_of(run: Investigation, *scopes: str) -> dict[str, str]:
    user = make.user(teams=(run.ticket.team,))
    _, text = create_token(user=user, name="t", scopes=list(scopes))
    return {"Authorization": f"Bearer {text}"}


def test_rest_gives_json_markdown_and_text(client: Client, run: Investigation) -> None:
    url, headers = f"/api/v1/investigations/{run.ref}/packet/", token_of(run, "run.read")
    document = client.get(url, headers=headers).json()
    jsonschema.validate(document, schema_document())
    assert client.get(f"{url}?format=json", headers=headers).json()["title"] == document["title"]
    written = client.get(f"{url}?format=markdown", headers=headers)
    assert written["Content-Type"] == "text/markdown; charset=utf-8"
    assert written.content.decode().startswith("**Northwind Freight")
    accepted = client.get(url, headers=headers | {"Accept": "text/markdown"})
    assert re.sub(r"Made .*", "", accepted.content.decode()) == re.sub(r"Made .*", "", written.content.decode())
    plain = client.get(f"{url}?format=text", headers=headers)
    assert plain["Content-Type"] == "text/plain; charset=utf-8" and "EVIDENCE" in plain.content.decode()


def test_rest_refuses_with_problems_whatever_was_asked_for(client: Client, run: Investigation) -> None:
    url, headers = f"/api/v1/investigations/{run.ref}/packet/", token_of(run, "run.read")
    wrong = client.get(f"{url}?format=docx", headers=headers)
    assert (wrong.status_code, wrong.json()["code"]) == (400, "invalid_input")
    assert "markdown" in wrong.json()["errors"]["format"][0]
    absent = client.get("/api/v1/investigations/INV-99999999/packet/?format=markdown", headers=headers)
    assert (absent.status_code, absent.json()["code"]) == (404, "not_found")
    assert absent["Content-Type"] == "application/problem+json"
    assert client.get(url, headers=token_of(run, "ticket.read")).status_code == 403
    assert client.get(url).status_code == 401
    elsewhere = make.finished_run(make.ticket(in_team=make.team("Elsewhere")))
    assert client.get(f"/api/v1/investigations/{elsewhere.ref}/packet/", headers=headers).status_code == 404


# The command
def printed(*arguments: str) -> str:
    out = io.StringIO()
    call_command("packet", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_prints_every_form(run: Investigation) -> None:
    assert "EVIDENCE" in printed(run.ref.lower())
    assert printed(run.ref, "--format", "markdown").count("## ") > 5
    assert len(printed(run.ref, "--format", "markdown", "--limit", "2500")) <= 2501
    jsonschema.validate(json.loads(printed(run.ref, "--format", "json")), schema_document())
    assert printed("--schema") == schema_text()


@pytest.mark.parametrize("arguments", [[], ["INV-99999999"], ["nonsense"]])
def test_the_command_says_in_one_line_what_is_wrong(arguments: list[str]) -> None:
    with pytest.raises(CommandError) as refused:
        printed(*arguments)
    assert refused.value.returncode == 2 and "\n" not in str(refused.value)
