"""The editor over HTTP: drafts that are kept whatever they hold, checked as they are, and never lost."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from altor.models import User
from investigations.models import PlaybookDraft, PlaybookVersion
from investigations.playbooks.loader import library_files, read_file
from investigations.services.playbooks import store_version
from tests import factories as make
from tests.playbooks.test_loader import FAILING, GOOD

pytestmark = pytest.mark.django_db
JSON = {"Accept": "application/json"}


def at(name: str, key: str = "sample") -> str:
    return reverse(f"investigations:playbook-{name}", args=[key])


@pytest.fixture
def lena() -> User:
    return make.user("lena", role="lead")


@pytest.fixture
def client(client: Client, lena: User) -> Client:
    client.force_login(lena)
    return client


@pytest.fixture
def sample() -> PlaybookVersion:
    return store_version(GOOD, name="sample.yaml")


def save(client: Client, text: str, revision: int = 0, key: str = "sample", **more: object):
    return client.post(at("save", key), {"text": text, "revision": revision, **more}, headers=JSON)


def draft() -> PlaybookDraft:
    found = PlaybookDraft.objects.open().first()
    assert found is not None
    return found


# ------------------------------------------------------------------------------------------------------------- drafts
def test_a_draft_is_kept_whatever_it_holds(client, sample):
    broken = GOOD.replace("steps:", "steps")
    answer = save(client, broken)
    assert answer.status_code == 200 and answer.json()["revision"] == 1
    page = client.get(at("edit")).content.decode()
    assert "Begun from version 1" in page and "Saved " in page and "Cannot be published" in page
    assert draft().text == broken and PlaybookVersion.objects.count() == 1


def test_looking_and_saving_without_a_change_begins_no_draft(client, sample):
    client.get(at("edit"))
    assert save(client, GOOD.replace("\n", "\r\n")).json()["revision"] == 0
    assert not PlaybookDraft.objects.exists()


def test_another_tab_is_not_overwritten_unless_wanted(client, sample):
    save(client, GOOD + "# one\n")
    save(client, GOOD + "# two\n", revision=1)
    late = save(client, GOOD + "# late\n", revision=1)
    assert late.status_code == 409 and late.json()["code"] == "draft_moved" and draft().text.endswith("# two\n")
    assert save(client, GOOD + "# late\n", revision=1, force="yes").json()["revision"] == 3
    assert draft().text.endswith("# late\n")
    client.post(at("undo"))
    assert draft().text.endswith("# two\n")


def test_a_first_save_in_a_second_tab_is_told(client, sample):
    save(client, GOOD + "# one\n")
    assert save(client, GOOD + "# other\n", revision=0).status_code == 409


def test_people_do_not_see_into_each_others_drafts(client, sample):
    save(client, GOOD + "# only-mine\n")
    other = Client()
    other.force_login(make.user("olga", role="lead"))
    page = other.get(at("edit")).content.decode()
    assert "only-mine" not in page and "has a draft of this playbook too" in page
    listed = other.get(reverse("investigations:playbooks")).content.decode()
    assert at("discard") not in listed and "lena" in listed


def test_a_discarded_draft_can_be_taken_back(client, sample):
    save(client, GOOD + "# kept\n")
    page = client.post(at("discard"), follow=True).content.decode()
    assert at("restore") in page and not PlaybookDraft.objects.open().exists()
    assert "# kept" not in client.get(at("edit")).content.decode()
    client.post(at("restore"))
    assert "# kept" in client.get(at("edit")).content.decode()


def test_the_list_leads_to_the_open_drafts(client, sample):
    save(client, GOOD + "# x\n")
    client.post(reverse("investigations:playbook-new-save"), {"text": "key: fresh"}, headers=JSON)
    page = client.get(reverse("investigations:playbooks")).content.decode()
    assert at("edit") in page and reverse("investigations:playbook-new-discard") in page


@pytest.mark.parametrize("role", ["agent", "engineer", "read_only"])
def test_only_editors_enter(role, sample):
    client = Client()
    client.force_login(make.user(role=role))
    for name in ("edit", "check", "download", "publish"):
        assert client.get(at(name)).status_code == 403, name
    for name in ("save", "discard", "restore", "upload", "undo", "publish", "takeup", "try", "step"):
        assert client.post(at(name), {"text": "x"}).status_code == 403, name
    assert not PlaybookDraft.objects.exists()


def test_an_unknown_playbook_is_not_found(client):
    assert client.get(at("edit", "nothing")).status_code == 404
    assert save(client, "x", key="nothing").status_code == 404


@pytest.mark.parametrize(("text", "words"), [("a\x00b", "cannot be stored"), ("x" * 400_001, "longer than")])
def test_what_cannot_be_kept_is_said(client, sample, text, words):
    answer = save(client, text)
    assert answer.status_code == 400 and words in answer.json()["error"]


def test_without_scripts_the_form_saves_and_leads_on(client, sample):
    answer = client.post(at("save"), {"text": GOOD + "# x\n", "revision": 0})
    assert answer.status_code == 302 and answer["Location"] == at("edit")
    answer = client.post(at("save"), {"text": GOOD + "# y\n", "revision": 1, "then": "publish"})
    assert answer["Location"] == at("publish") and draft().text == GOOD + "# y\n"


@pytest.mark.parametrize(("typed", "status"), [("# typed\n", 409), ("# typed\n" + "x" * 400_001, 400)])
def test_without_scripts_a_refused_text_is_shown_again(client, sample, typed, status):
    save(client, GOOD + "# one\n")
    answer = client.post(at("save"), {"text": typed, "revision": 0})
    page = answer.content.decode()
    assert answer.status_code == status and "Not saved:" in page and "# typed" in page
    assert draft().text == GOOD + "# one\n" and 'name="revision" id="revision" value="1"' in page


# -------------------------------------------------------------------------------------------------------------- bytes
FILES = {
    "crlf": GOOD.replace("\n", "\r\n"),
    "mixed ends": GOOD.replace("\n", "\r\n", 7),
    "cr": GOOD.replace("\n", "\r"),
    "no end": GOOD.rstrip("\n"),
    "blank lines first": "\n\n" + GOOD + "\n\n",
    "tabs and unicode": GOOD + "# \t\u00a0Grüße \u2028 \u0085 \U0001f9ea \ufeff e\u0301\n",
    "long line": GOOD + "# " + "x" * 60_000 + "\n",
    "nothing": "",
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_comes_out_byte_for_byte(client, sample, name):
    data = FILES[name].encode()
    client.post(at("upload"), {"file": SimpleUploadedFile("my.yaml", data)})
    assert client.get(at("download")).content == data
    # As a browser sends it: every line end as CRLF.
    sent = FILES[name].replace("\r\n", "\n").replace("\r", "\n")
    save(client, sent.replace("\n", "\r\n"), revision=draft().revision)
    assert client.get(at("download")).content == data
    # One line added: all others keep their ends.
    save(client, f"{sent}# more", revision=draft().revision)
    assert client.get(at("download")).content == data + b"# more"


def test_a_line_in_the_middle_keeps_the_ends_around_it(client, sample):
    client.post(at("upload"), {"file": SimpleUploadedFile("my.yaml", b"a: 1\r\nb: 2\nc: 3\r\n")})
    save(client, "a: 1\nnew: 0\nb: 2\nc: 4\n", revision=draft().revision)
    assert client.get(at("download")).content == b"a: 1\r\nnew: 0\r\nb: 2\nc: 4\r\n"


@pytest.mark.parametrize("path", library_files(), ids=lambda path: path.stem)
def test_the_library_goes_through_the_page_unchanged(client, path):
    text = read_file(path)
    store_version(text, name=path.name, origin="library")
    page = client.get(at("edit", path.stem)).content.decode()
    assert f'data-draft="{client.session["_auth_user_id"]}:{path.stem}">\n' in page
    assert client.get(at("download", path.stem)).content == path.read_bytes()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"a\x00", "cannot be stored"),
        (b"x" * 400_001, "larger than"),
        (None, "Choose a file"),
    ],
)
def test_a_wrong_file_leaves_the_draft_as_it_was(client, sample, data, words):
    save(client, GOOD + "# mine\n")
    files = {"file": SimpleUploadedFile("my.yaml", data)} if data is not None else {}
    assert words in client.post(at("upload"), files, follow=True).content.decode()
    assert draft().text == GOOD + "# mine\n"


def test_a_file_in_its_place_can_be_undone(client, sample):
    save(client, GOOD + "# mine\n")
    page = client.post(at("upload"), {"file": SimpleUploadedFile("my.yaml", b"key: other")}, follow=True)
    assert at("undo") in page.content.decode() and draft().text == "key: other"
    client.post(at("undo"))
    assert draft().text == GOOD + "# mine\n"
    client.post(at("undo"))
    assert draft().text == "key: other"


# ------------------------------------------------------------------------------------------------------------- checks
def test_problems_name_line_and_field_and_lead_there(client, sample):
    save(client, GOOD.replace("question:", "quastion:"))
    part = client.get(at("check")).content.decode()
    assert 'data-line="9"' in part and "steps[0].quastion" in part and "did you mean &#x27;question&#x27;" in part
    assert "<html" not in part and "Speed" in part  # the outline stays while something is wrong


def test_its_own_tests_are_run(client, sample):
    save(client, GOOD + FAILING)
    part = client.get(at("check")).content.decode()
    assert "Not in force so" in part and "Line 25" in part and "escalate is False" in part


def test_the_panel_tells_weights_in_words_and_what_changed(client, sample):
    save(client, GOOD.replace("for: strong", "for: 3.2"))
    part = client.get(at("check")).content.decode()
    assert "3.2: between strong and decisive" in part
    assert "Against version 1 in force" in part and "signals[0].for" in part and "<del>strong</del>" in part


def test_an_added_signal_is_told_as_one(client, sample):
    line = '      - {when: speed.slow, for: strong, says: "It is slow"}\n'
    more = '      - {when: "!speed.slow", for: weak, says: "It is fast"}\n'
    save(client, GOOD.replace(line, more + line))
    part = client.get(at("check")).content.decode()
    assert part.count("al-change--changed") == 1 and "signals[0]</code>: <del>nothing</del>" in part


def test_a_file_that_cannot_be_read_says_where(client, sample):
    save(client, GOOD.replace("    title: Speed", "\ttitle: Speed"))
    part = client.get(at("check")).content.decode()
    assert "a tab stands here" in part and 'data-line="8"' in part and "when the file can be read" in part


def test_a_hostile_draft_stays_text(client, sample):
    text = GOOD.replace("title: Sample", "title: '</textarea><script>window.hacked=1</script>'")
    save(client, text)
    assert "<script>window" not in client.get(at("edit")).content.decode()
    assert "<script>window" not in client.get(at("check")).content.decode()


def test_what_a_new_playbook_begins_with_is_valid(client):
    page = client.get(reverse("investigations:playbook-new")).content.decode()
    assert "Can be published" in page and "apiVersion: altor/v1" in page
    assert "1 test of its own comes out as expected" in page


def test_the_words_are_searched(client):
    url = reverse("investigations:playbook-words")
    found = client.get(url, {"q": "share_change"}, headers={"HX-Request": "true"}).content.decode()
    assert "significant" in found and "hits" in found and "<html" not in found
    assert "No word of the format" in client.get(url, {"q": "nonsense-word"}).content.decode()
    everything = client.get(url).content.decode()
    for word in (
        "minutes_between",
        "startsWith",
        "status_429_share",
        "deployments",
        "inputs.endpoint",
        "decisive",
        "cold_start",
    ):
        assert word in everything, word
