"""The connection that files: entered, tested without writing, mended, switched off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection as database
from django.utils import timezone

from altor.configuration import apply_folder, difference, write_folder
from altor.errors import InvalidInput
from altor.models import AuditEvent, InboundEndpoint
from escalations.linear.connections import check_connection, remove_connection, usable
from escalations.models import LinearConnection, TrackedIssue
from tests.escalations.linear_scene import connect, tracked, work_queue
from tests.escalations.peers.linear import HOOK_SECRET, KEY, LinearPeer

pytestmark = pytest.mark.django_db


def test_a_test_tells_who_the_key_is_and_what_it_may_do_and_writes_nothing(peer: LinearPeer) -> None:
    row = connect(peer)
    report = check_connection(row, now=timezone.now())
    assert (report.ok, report.identity, report.message) == (True, "Altor Bot", "Files issues in Harborline")
    assert [scope.name for scope in report.scopes if scope.writes] == ["write (as its account)", "customer requests"]
    assert peer.workspace.writes == []
    row.refresh_from_db()
    assert (row.health, row.has_customers, row.workspace["teams"][0]["key"]) == ("ok", True, "ENG")


def test_a_key_that_only_reads_is_found_out(peer: LinearPeer) -> None:
    peer.workspace.may_write = False
    row = connect(peer)
    report = check_connection(row, now=timezone.now())
    assert not report.ok
    assert "may not write" in report.message
    row.refresh_from_db()
    assert row.health == "refused"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"team": "NOPE"}, "cannot see team NOPE"),
        ({"team": ""}, "No team is set"),
        ({"webhook_secret": None}, "webhook"),
    ],
)
def test_what_will_hinder_filing_is_warned_of(peer: LinearPeer, change: dict[str, Any], words: str) -> None:
    report = check_connection(connect(peer, **change), now=timezone.now())
    assert report.ok
    assert any(words in warning for warning in report.warnings)


def test_secrets_are_encrypted_at_rest_and_stay_out_of_the_audit_log(peer: LinearPeer) -> None:
    connect(peer)
    with database.cursor() as cursor:
        cursor.execute("SELECT secret FROM escalations_linearconnection")
        assert KEY not in cursor.fetchone()[0]
    told = str(list(AuditEvent.objects.values_list("after", "before")))
    assert KEY not in told
    assert HOOK_SECRET not in told
    assert KEY not in repr(usable())


def test_a_new_webhook_secret_replaces_the_former_one(peer: LinearPeer) -> None:
    connect(peer)
    connect(peer, webhook_secret="lin_wh_obviouslynewer", secret=None)
    assert InboundEndpoint.objects.get(source="linear").secrets == "lin_wh_obviouslynewer"
    assert LinearConnection.objects.get().secret == KEY
    with pytest.raises(InvalidInput):
        connect(peer, webhook_secret="two\nlines")


def test_a_mended_key_files_what_was_given_up(peer: LinearPeer) -> None:
    row = connect(peer, secret="lin_api_obviouslywrong00")
    issue = tracked(row)
    work_queue()
    row = connect(peer)
    assert check_connection(row, now=timezone.now()).ok
    work_queue()
    issue.refresh_from_db()
    assert issue.status == "filed"


def test_a_removed_connection_forgets_its_key_and_keeps_its_issues(peer: LinearPeer) -> None:
    row = connect(peer)
    tracked(row)
    work_queue()
    remove_connection(row, actor=None)
    row.refresh_from_db()
    assert (row.is_active, row.secret, usable()) == (False, "", None)
    assert TrackedIssue.objects.get().identifier == "ENG-101"


@pytest.mark.parametrize("url", ["ftp://x.example/graphql", "http://10.0.0.1/graphql", "nothing"])
def test_an_address_that_may_not_be_asked_is_refused(peer: LinearPeer, url: str) -> None:
    with pytest.raises(InvalidInput):
        connect(peer, base_url=url)


def test_it_goes_out_as_a_file_without_its_secrets_and_comes_back(peer: LinearPeer, tmp_path: Path) -> None:
    row = connect(peer, project="Reliability")
    write_folder(tmp_path)
    text = (tmp_path / "linear.yaml").read_text()
    assert "project: Reliability" in text and "- bug" in text
    assert KEY not in text and HOOK_SECRET not in text
    assert difference(tmp_path) == "" and apply_folder(tmp_path) == []
    (tmp_path / "linear.yaml").write_text(text.replace("Reliability", "Billing"))
    assert apply_folder(tmp_path) == ["linear.yaml"]
    row.refresh_from_db()
    assert (row.project, row.secret) == ("Billing", KEY)
    (tmp_path / "linear.yaml").write_text(text.replace(peer.url, "http://127.0.0.1:9/graphql"))
    with pytest.raises(InvalidInput, match=r"linear\.yaml: main: The address names another host: enter the key again"):
        apply_folder(tmp_path)
    (tmp_path / "linear.yaml").write_text("{}\n")
    apply_folder(tmp_path, prune=True)
    assert usable() is None


def test_on_another_installation_it_waits_for_its_key_and_files_nothing(peer: LinearPeer, tmp_path: Path) -> None:
    (tmp_path / "linear.yaml").write_text(f"main:\n  base_url: {peer.url}\n  team: ENG\n")
    apply_folder(tmp_path)
    row = LinearConnection.objects.get()
    assert (row.team, row.health_message) == ("ENG", "It waits for its key: enter it under “Edit”.")
    assert usable() is None
    connect(peer)
    assert usable() == row
