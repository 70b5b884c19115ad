"""Publishing: what is stored, who was faster, and the second person."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from altor.configuration import apply_folder
from altor.models import AuditEvent, User
from investigations.models import PlaybookApproval, PlaybookDraft, PlaybookVersion
from investigations.services.playbooks import store_version
from investigations.services.profiles import current_profile, save_profile
from tests import factories as make
from tests.playbooks.test_editor import at, save
from tests.playbooks.test_loader import FAILING, GOOD

pytestmark = pytest.mark.django_db
MINE = GOOD.replace("title: Speed", "title: Speed of the API")
THEIRS = GOOD.replace("title: A cause", "title: Another cause")


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def lena() -> User:
    return make.user("lena", role="lead")


@pytest.fixture
def client(lena: User) -> Client:
    return signed_in(lena)


@pytest.fixture
def olga() -> Client:
    return signed_in(make.user("olga", role="lead"))


@pytest.fixture(autouse=True)
def sample() -> PlaybookVersion:
    return store_version(GOOD, name="sample.yaml")


def publish(client: Client, key: str = "sample", **form: object):
    revision = PlaybookDraft.objects.open().get(owner=client.session["_auth_user_id"], key=key).revision
    return client.post(at("publish", key), {"revision": revision, "comment": "Because", **form}, follow=True)


def in_force() -> PlaybookVersion:
    return PlaybookVersion.objects.active().get(key="sample")


def test_a_draft_becomes_a_version_and_is_gone(client, lena):
    save(client, MINE)
    shown = client.get(at("publish")).content.decode()
    assert "Speed of the API" in shown and "Why this change" in shown
    publish(client)
    assert (in_force().version, in_force().source_yaml, in_force().comment) == (2, MINE, "Because")
    assert in_force().created_by == lena and in_force().origin == "editor" and not PlaybookDraft.objects.exists()
    assert AuditEvent.objects.filter(action="playbook.activated", object_ref="sample v2", actor=lena).exists()


def test_a_double_click_publishes_once(client):
    save(client, MINE)
    form = {"revision": 1, "comment": "x"}
    client.post(at("publish"), form)
    again = client.post(at("publish"), form)
    assert again.status_code == 422 and "published or discarded" in again.content.decode()
    assert PlaybookVersion.objects.count() == 2


def test_what_was_not_looked_at_is_not_published(client):
    save(client, MINE)
    save(client, MINE + "# later\n", revision=1)
    answer = client.post(at("publish"), {"revision": 1, "comment": "x"})
    assert answer.status_code == 422 and "was changed since this page was opened" in answer.content.decode()
    assert in_force().version == 1


def test_an_invalid_draft_is_refused_and_kept(client):
    save(client, GOOD.replace("question:", "quastion:"))
    answer = publish(client)
    assert answer.status_code == 422 and "Line 9" in answer.content.decode() and PlaybookDraft.objects.exists()


def test_failing_tests_allow_storing_only(client):
    save(client, GOOD + FAILING)
    assert publish(client).status_code == 422 and in_force().version == 1
    publish(client, activate="off")
    assert PlaybookVersion.objects.get(version=2).is_active is False


def test_without_a_change_there_is_nothing_to_publish(client):
    save(client, MINE)
    save(client, GOOD, revision=1)
    assert "nothing to publish" in publish(client).content.decode()


def test_who_comes_second_sees_both_and_loses_nothing(client, olga):
    save(client, MINE)
    save(olga, THEIRS)
    publish(olga)
    answer = publish(client)
    page = answer.content.decode()
    assert answer.status_code == 422 and "sample v2 came into force since" in page
    assert "Theirs: version 1 to 2" in page and "Mine: version 1 to my draft" in page and "Base: version 1" in page
    assert in_force().source_yaml == THEIRS and PlaybookDraft.objects.get().text == MINE


def test_theirs_is_taken_up_and_both_are_published(client, olga):
    save(client, MINE)
    save(olga, THEIRS)
    publish(olga)
    client.post(at("takeup"))
    assert PlaybookDraft.objects.get().base.version == 2
    publish(client)
    assert "Speed of the API" in in_force().source_yaml and "Another cause" in in_force().source_yaml


def test_the_same_line_changed_twice_stands_between_marks(client, olga):
    save(client, MINE)
    save(olga, GOOD.replace("title: Speed", "title: Latency"))
    publish(olga)
    page = client.post(at("takeup"), follow=True).content.decode()
    text = PlaybookDraft.objects.get().text
    assert "<<<<<<< mine\n    title: Speed of the API\n=======\n    title: Latency\n>>>>>>> theirs v2\n" in text
    assert "keep what is right" in page and at("undo") in page
    assert publish(client).status_code == 422
    client.post(at("undo"))
    assert PlaybookDraft.objects.get().text == MINE


def test_publishing_over_theirs_needs_their_number(client, olga):
    save(client, MINE)
    save(olga, THEIRS)
    publish(olga)
    assert publish(client, over=1).status_code == 422
    publish(client, over=2)
    assert in_force().source_yaml == MINE and PlaybookVersion.objects.get(version=2).source_yaml == THEIRS


def test_a_new_playbook_with_a_known_name_is_noticed(client):
    url = reverse("investigations:playbook-new-publish")
    client.post(reverse("investigations:playbook-new-save"), {"text": MINE, "revision": 0})
    answer = client.post(url, {"revision": 1, "comment": "x"})
    assert answer.status_code == 422 and "sample v1" in answer.content.decode() and in_force().version == 1
    client.post(url, {"revision": 1, "comment": "x", "over": 1})
    assert in_force().source_yaml == MINE


# ----------------------------------------------------------------------------------------------------------- approval
@pytest.fixture
def four_eyes() -> None:
    save_profile({"playbooks": {"approval": True}})


def waiting() -> list[str]:
    return [str(item.version) for item in PlaybookApproval.objects.filter(state="waiting").order_by("pk")]


def test_a_version_waits_for_a_second_person(client, olga, four_eyes):
    save(client, MINE)
    page = publish(client).content.decode()
    assert "waits for the approval" in page and in_force().version == 1 and waiting() == ["sample v2"]
    assert "Waiting for approval" in olga.get(reverse("investigations:playbooks")).content.decode()
    assert "to approve" in olga.get("/").content.decode() and "to approve" not in client.get("/").content.decode()
    shown = olga.get("/playbooks/sample/v2/").content.decode()
    assert "Approve, put in force" in shown and "Speed of the API" in shown
    olga.post("/playbooks/sample/v2/approve/", {"against": 1})
    assert in_force().version == 2 and waiting() == []
    assert AuditEvent.objects.get(action="playbook.approved").actor.username == "olga"


def test_the_author_cannot_approve(client, four_eyes):
    save(client, MINE)
    publish(client)
    assert "Approve, put" not in client.get("/playbooks/sample/v2/").content.decode()
    page = client.post("/playbooks/sample/v2/approve/", {"against": 1}, follow=True).content.decode()
    assert "a second person has to approve it" in page and in_force().version == 1


def test_neither_the_author_nor_who_asks_is_the_second_person(client, olga, four_eyes):
    save(client, MINE)
    publish(client, activate="off")
    olga.post("/playbooks/sample/v2/activate/")
    for person in (client, olga):
        person.post("/playbooks/sample/v2/approve/", {"against": 1})
        assert in_force().version == 1
    signed_in(make.user("mira", role="lead")).post("/playbooks/sample/v2/approve/", {"against": 1})
    assert in_force().version == 2


def test_sent_back_with_a_note_it_is_a_draft_again(client, olga, four_eyes):
    save(client, MINE)
    publish(client)
    assert "Say what" in olga.post("/playbooks/sample/v2/return/", {"note": " "}, follow=True).content.decode()
    olga.post("/playbooks/sample/v2/return/", {"note": "Say which API"})
    draft = PlaybookDraft.objects.get()
    assert draft.text == MINE and draft.owner.username == "lena" and waiting() == [] and in_force().version == 1
    assert "Say which API" in client.get(reverse("investigations:playbooks")).content.decode()
    save(client, MINE.replace("the API", "the orders API"), revision=draft.revision)
    publish(client)
    assert waiting() == ["sample v3"]


def test_the_approver_decides_on_what_they_saw(client, olga, four_eyes):
    save(client, MINE)
    publish(client)
    store_version(THEIRS, name="sample.yaml", past_approval=True)
    page = olga.post("/playbooks/sample/v2/approve/", {"against": 1}, follow=True).content.decode()
    assert "look at the differences again" in page and in_force().source_yaml == THEIRS


def test_two_approvers_decide_once(client, olga, four_eyes):
    save(client, MINE)
    publish(client)
    olga.post("/playbooks/sample/v2/return/", {"note": "No"})
    page = signed_in(make.user("mira", role="lead")).post("/playbooks/sample/v2/approve/", {"against": 1}, follow=True)
    assert "does not wait for approval any more" in page.content.decode() and in_force().version == 1


def test_a_later_version_overtakes_one_that_waits(client, four_eyes):
    save(client, MINE)
    publish(client)
    save(client, MINE + "# more\n")
    publish(client)
    assert waiting() == ["sample v3"] and PlaybookApproval.objects.get(state="overtaken").version.version == 2


def test_an_approved_version_may_be_put_back_by_one_person(client, olga, four_eyes):
    save(client, MINE)
    publish(client)
    olga.post("/playbooks/sample/v2/approve/", {"against": 1})
    client.post("/playbooks/sample/v1/activate/")
    assert in_force().version == 2 and waiting() == ["sample v1"]  # v1 was never approved
    olga.post("/playbooks/sample/v1/approve/", {"against": 2})
    client.post("/playbooks/sample/v2/activate/")
    assert in_force().version == 2


def test_the_api_does_not_pass_the_approval_by(lena, four_eyes):
    api = APIClient()
    api.force_authenticate(lena)
    answer = api.post("/api/v1/playbooks/", {"source_yaml": MINE}, format="json")
    assert answer.status_code == 201 and answer.json()["is_active"] is False
    assert answer.json()["approval"] == "waiting" and in_force().version == 1


def test_the_command_passes_it_only_when_told_to(four_eyes, tmp_path):
    file = tmp_path / "sample.yaml"
    file.write_text(MINE)
    out = StringIO()
    call_command("playbooks", "load", str(file), stdout=out)
    assert out.getvalue() == "sample v2 is stored and waits for approval, see its page\n" and in_force().version == 1
    call_command("playbooks", "load", str(file), "--approved", stdout=out)
    assert in_force().version == 2 and waiting() == []


def test_an_older_profile_file_does_not_switch_the_second_person_off(four_eyes, tmp_path):
    (tmp_path / "profile.yaml").write_text("vendor: Acme\n")
    apply_folder(tmp_path)
    assert current_profile().vendor == "Acme" and current_profile().playbooks.approval is True
    (tmp_path / "profile.yaml").write_text("vendor: Acme\nplaybooks: {approval: false}\n")
    apply_folder(tmp_path)
    assert current_profile().playbooks.approval is False


def test_configuration_files_are_the_administrators_way_and_say_so(four_eyes, tmp_path):
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks" / "sample.yaml").write_text(MINE)
    apply_folder(tmp_path)
    assert in_force().source_yaml == MINE
    assert "past the approval" in AuditEvent.objects.filter(action="playbook.activated").latest("pk").reason
