"""Files attached to a checklist: what is taken, what is taken out of them, who gets them, and where they are named."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zipfile
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from altor.models import AuditEvent
from escalations.contracts.stored import load_library, save_contract
from escalations.lifecycle.links import link_token
from escalations.lifecycle.sending import Wish, send
from escalations.models import AttachedFile, ContractVersion, Escalation, ItemFile
from tests import factories as make
from tests.api.conftest import client_of

pytestmark = pytest.mark.django_db
LOG = b"10:02:11 POST /v2/orders 429 req_8f3 kim@copperlane.example Authorization: Bearer obviously-fake-token-0001\n"
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 40


def zipped() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(zipfile.ZipInfo("a.txt", (2026, 5, 1, 12, 0, 0)), "obviously fake")
    return held.getvalue()


@pytest.fixture
def agent() -> Any:
    return make.user("mina", teams=(make.team(),))


@pytest.fixture
def run() -> Any:
    """Nothing in it shows the fault again: `reproduction` is missing."""
    found = make.finished_run(make.ticket(customer=make.customer()))
    load_library()
    found.evidence.update(requests=[], url="")
    return found


def upload(user: Any, ref: str, content: bytes, name: str = "app.log", item: str = "reproduction") -> Any:
    file = SimpleUploadedFile(name, content)
    body = {"item": item, "file": file}
    return client_of(user).post(f"/api/v1/tickets/{ref}/attachments/", body, format="multipart")


def page_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_a_missing_item_is_supplied_by_a_file_which_the_packet_names_and_keeps(run: Any, agent: Any) -> None:
    there = client_of(agent).get(f"/api/v1/investigations/{run.ref}/escalations/").json()
    [item] = [one for one in there["checklist"] if one["state"] == "missing"]
    assert (item["id"], item["attach"]) == ("reproduction", True)
    assert "attach" in [way["what"] for way in item["supplies"]]
    answer = upload(agent, run.ticket.ref, LOG)
    assert answer.status_code == 201
    told = answer.json()
    stored = b"10:02:11 POST /v2/orders 429 req_8f3 [email]@copperlane.example Authorization: Bearer [redacted]\n"
    assert (told["kind"], told["is_redacted"]) == ("text", True)
    assert (told["size"], told["sha256"]) == (len(stored), hashlib.sha256(stored).hexdigest())
    client = client_of(agent)
    sent = client.post(f"/api/v1/investigations/{run.ref}/escalations/", {}, format="json")
    assert sent.status_code == 201
    assert sent.json()["completeness"] in ("answers", "tried")
    ref = sent.json()["ref"]
    packet = client.get(f"/api/v1/escalations/{ref}/packet/").json()
    [item] = [one for one in packet["checklist"] if one["key"] == "reproduction"]
    assert item["state"] == "answered"
    [file] = item["files"]
    assert (file["id"], file["name"], file["sha256"]) == (told["id"], "app.log", told["sha256"])
    written = client.get(f"/api/v1/escalations/{ref}/packet/?as=markdown").json()["markdown"]
    assert "[app.log](" in written and f"`{told['sha256']}`" in written
    shown = page_of(agent).get(reverse("escalations:packet", args=[ref])).content.decode()
    assert "app.log" in shown and f"/attachments/{told['id']}/" in shown
    # What went out stays.
    assert client.delete(f"/api/v1/attachments/{told['id']}/").status_code == 409
    assert page_of(agent).get(f"/attachments/{told['id']}/").content == stored


def test_it_is_only_handed_out_as_a_download_that_can_do_nothing(run: Any, agent: Any) -> None:
    page = b"<script>alert(1)</script>"
    ident = upload(agent, run.ticket.ref, page, 'page; x="1".txt').json()["id"]
    for answer in (page_of(agent).get(f"/attachments/{ident}/"), client_of(agent).get(f"/api/v1/attachments/{ident}/")):
        assert answer.content == page
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="page; x= 1 .txt"'
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
        assert answer.headers["Cache-Control"] == "no-store"
    read = AuditEvent.objects.filter(action="attachment.read")
    assert [event.after["via"] for event in read.order_by("pk")] == ["page", "api"]


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.log", b"\xef\xbb\xbf12:00 \x1b[31mfailed\x1b[0m\n", "text"), ("a.jsonl", b"{}\n{}\n", "text"),
        ("a.json", b'{"a": [1, 2.5, null]}', "json"), ("a.har", b'{"log": {"entries": []}}', "har"),
        ("a.csv", b"a,b\n1,2\n", "csv"), ("A.PNG", PNG, "png"), ("a.jpeg", b"\xff\xd8\xff\xe0rest", "jpeg"),
        ("a.pdf", b"%PDF-1.7 rest", "pdf"), ("a.log.gz", gzip.compress(b"x", mtime=0), "gzip"),
        ("a.zip", zipped(), "zip"),
    ],
)  # fmt: skip
def test_what_is_on_the_list_is_taken_for_what_it_is(
    run: Any, agent: Any, name: str, content: bytes, kind: str
) -> None:
    told = upload(agent, run.ticket.ref, content, name).json()
    assert told["kind"] == kind
    assert told["is_redacted"] == (kind in ("text", "json", "har", "csv"))


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.html", b"<p>", "ends as one of these"), ("a.svg", b"<svg/>", "ends as one of these"),
        ("log", b"x", "ends as one of these"), ("a.exe.png", b"MZ\x90", "is no PNG image"),
        ("a.pdf", b"<html>%PDF-", "is no PDF"), ("a.zip", gzip.compress(b"x", mtime=0), "is no zip archive"),
        ("a.txt", PNG, "no text in UTF-8"), ("a.txt", b"a\x00b", "no text holds"), ("a.json", b"{a: 1}", "is no JSON"),
        ("a.json", b'{"a": NaN}', "is no JSON"), ("a.json", b"[" * 100_000, "nested too deeply"),
        ("a.json", b"[" * 100 + b"]" * 100, "nested too deeply"), ("a.har", b'{"a": 1}', "no log with entries"),
        ("a.log", b"", "is empty"), ("a.log", b"x" * 5_000_001, "too large"),
    ],
)  # fmt: skip
def test_what_is_not_is_refused_with_the_reason(run: Any, agent: Any, name: str, content: bytes, why: str) -> None:
    answer = upload(agent, run.ticket.ref, content, name)
    assert answer.status_code == 400
    assert why in answer.json()["errors"]["file"][0]
    assert not AttachedFile.objects.exists()


def test_secrets_and_persons_are_taken_out_of_structured_files(run: Any, agent: Any) -> None:
    entry = {
        "request": {
            "url": "https://api.acme.example/v2?api_key=obviously-fake-0001",
            "headers": [{"name": "Cookie", "value": "sid=fake"}, {"name": "X-Request-Id", "value": "req_1"}],
            "cookies": [{"name": "sid", "value": "fake"}],
        },
        "response": {"content": {"text": "kim@copperlane.example", "card": 4242424242424242, "password": "fake"}},
        "kim@copperlane.example": 10_000_000_000_000,
    }
    har = json.dumps({"log": {"entries": [entry]}}).encode()
    ident = upload(agent, run.ticket.ref, har, "a.har").json()["id"]
    stored = page_of(agent).get(f"/attachments/{ident}/").content.decode()
    for word in ("fake", "kim@", "4242424242424242"):
        assert word not in stored
    [kept] = json.loads(stored)["log"]["entries"]
    assert kept["request"]["headers"][1] == {"name": "X-Request-Id", "value": "req_1"}
    assert kept["[email]@copperlane.example"] == 10_000_000_000_000


def test_the_same_file_twice_is_stored_once_for_a_ticket(run: Any, agent: Any) -> None:
    first, again = upload(agent, run.ticket.ref, LOG), upload(agent, run.ticket.ref, LOG, "other.log")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert (AttachedFile.objects.count(), ItemFile.objects.count()) == (1, 1)
    other = make.finished_run(make.ticket(customer=make.customer()))
    assert upload(agent, other.ticket.ref, LOG).status_code == 201
    assert AttachedFile.objects.count() == 2


def test_a_repeated_request_under_one_key_is_answered_the_same_and_another_file_is_refused(
    run: Any, agent: Any
) -> None:
    client, address = client_of(agent), f"/api/v1/tickets/{run.ticket.ref}/attachments/"

    def post(content: bytes) -> Any:
        body = {"item": "reproduction", "file": SimpleUploadedFile("app.log", content)}
        return client.post(address, body, format="multipart", headers={"Idempotency-Key": "upload-1"})

    first, again, other = post(PNG.replace(b"\x89PNG", b"text")[:4]), post(b"text"), post(b"other")
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert first.json() == again.json()


def test_a_ticket_holds_ten_files(run: Any, agent: Any) -> None:
    for number in range(10):
        assert upload(agent, run.ticket.ref, b"%d" % number).status_code == 201
    assert "at most 10 files" in upload(agent, run.ticket.ref, b"one more").json()["errors"]["file"][0]
    [first, *_] = client_of(agent).get(f"/api/v1/tickets/{run.ticket.ref}/attachments/").json()
    assert client_of(agent).delete(f"/api/v1/attachments/{first['id']}/").status_code == 204
    assert upload(agent, run.ticket.ref, b"one more").status_code == 201


def test_an_item_that_takes_no_files_gets_none(run: Any, agent: Any) -> None:
    assert upload(agent, run.ticket.ref, LOG, item="customer").status_code == 404
    assert upload(agent, run.ticket.ref, LOG, item="nothing").status_code == 404
    assert not AttachedFile.objects.exists()


def test_who_may_not_read_the_ticket_or_its_escalation_finds_no_file(run: Any, agent: Any) -> None:
    ident = upload(agent, run.ticket.ref, LOG).json()["id"]
    other, engineer = make.user("otto", teams=(make.team("Other"),)), make.user("eli", role="engineer")
    for person in (other, engineer):
        assert page_of(person).get(f"/attachments/{ident}/").status_code == 404
        assert client_of(person).get(f"/api/v1/attachments/{ident}/").status_code == 404
        assert upload(person, run.ticket.ref, LOG).status_code in (403, 404)
    assert Client().get(f"/attachments/{ident}/").status_code == 302
    send(run, Wish(), actor=agent, now=make.NOON)
    assert page_of(engineer).get(f"/attachments/{ident}/").status_code == 200
    assert page_of(other).get(f"/attachments/{ident}/").status_code == 404
    assert page_of(agent).get("/attachments/nothing/").status_code == 404


def test_the_holder_of_a_link_gets_the_files_of_that_packet_and_no_others(run: Any, agent: Any) -> None:
    ident = upload(agent, run.ticket.ref, LOG).json()["id"]
    sent, _ = send(run, Wish(), actor=agent, now=make.NOON)
    later = upload(agent, run.ticket.ref, b"not in the packet").json()["id"]
    client, token = Client(), link_token(sent)
    shown = client.get(reverse("escalations:by-link", args=[token])).content.decode()
    assert f"/files/{ident}/" in shown
    assert client.get(f"/e/{token}/files/{ident}/").status_code == 200
    assert client.get(f"/e/{token}/files/{later}/").status_code == 404
    assert client.get(f"/e/{token[:-1]}x/files/{ident}/").status_code == 404
    assert AuditEvent.objects.get(action="attachment.read").after["via"] == "link"


def test_on_the_page_a_file_is_attached_and_taken_away_and_what_was_typed_stays(run: Any, agent: Any) -> None:
    client, address = page_of(agent), reverse("escalations:escalate", args=[run.ticket.ref])
    body = {"action": "attach", "note": "Look at 10:02.", "item-reproduction": "See the log"}
    answer = client.post(address, {**body, "file-reproduction": SimpleUploadedFile("shot.png", PNG)}, follow=True)
    shown = answer.content.decode()
    assert "shot.png is attached. It is no text" in shown
    assert "not redacted" in shown and "Look at 10:02." in shown and "See the log" in shown
    ident = AttachedFile.objects.get().ident
    bad = client.post(address, {**body, "file-reproduction": SimpleUploadedFile("a.html", b"<p>")})
    assert bad.status_code == 400
    assert "ends as one of these" in bad.content.decode() and "Look at 10:02." in bad.content.decode()
    client.post(address, {"action": f"detach:{ident}:reproduction"})
    assert not AttachedFile.objects.exists()
    none = client.post(address, body, follow=True)
    assert "Choose a file first" in none.content.decode()


def test_a_file_chosen_at_sending_goes_out_with_it(run: Any, agent: Any) -> None:
    address = reverse("escalations:escalate", args=[run.ticket.ref])
    page_of(agent).post(address, {"action": "send", "file-reproduction": SimpleUploadedFile("app.log", LOG)})
    [item] = [one for one in Escalation.objects.get().checklist if one["id"] == "reproduction"]
    assert [file["name"] for file in item["files"]] == ["app.log"]


def test_a_gap_of_a_provisional_escalation_is_closed_by_a_file_and_engineering_finds_it(run: Any, agent: Any) -> None:
    wish = Wish(severity="SEV1", severity_why="Nobody can place an order.", is_provisional=True)
    sent, _ = send(run, wish, actor=agent, now=make.NOON)
    client, address = page_of(agent), reverse("escalations:act", args=[sent.ref])
    file = SimpleUploadedFile("app.log", LOG)
    client.post(address, {"act": "gap", "item": "reproduction", "text": "", "file": file})
    assert sent.gaps.get(item="reproduction").closed_at is not None
    [added] = client_of(agent).get(f"/api/v1/escalations/{sent.ref}/packet/").json()["additions"]
    assert added["text"] == "How to see it again: attached"
    assert [one["name"] for one in added["files"]] == ["app.log"]
    token = link_token(sent)
    assert Client().get(f"/e/{token}/files/{added['files'][0]['id']}/").status_code == 200


def test_a_contract_without_attach_asks_what_it_asked_before(run: Any, agent: Any) -> None:
    old = ContractVersion.objects.get().source_yaml.replace("    attach: true\n", "")
    assert old != ContractVersion.objects.get().source_yaml
    save_contract(old, actor=None, name="engineering.yaml")
    there = client_of(agent).get(f"/api/v1/investigations/{run.ref}/escalations/").json()
    [item] = [one for one in there["checklist"] if one["state"] == "missing"]
    assert [way["what"] for way in item["supplies"]] == ["run", "answer"]
    assert upload(agent, run.ticket.ref, LOG).status_code == 404


def test_a_name_is_one_line_without_a_path_or_a_persons_address(run: Any, agent: Any) -> None:
    told = upload(agent, run.ticket.ref, LOG, "..\\..\\kim@copperlane.example\n\u202e.log").json()
    assert told["name"] == "[email]@copperlane.example.log"


def test_a_form_that_is_far_too_large_is_refused_before_it_is_read(agent: Any, run: Any) -> None:
    address = reverse("escalations:escalate", args=[run.ticket.ref])
    answer = page_of(agent).post(
        address, {"action": "attach", "file-x": SimpleUploadedFile("a.log", b"x" * 16_000_001)}
    )
    assert answer.status_code in (400, 413)
    assert not AttachedFile.objects.exists()
