"""Help-centre articles of Zendesk and Intercom as entries, by the command, from files as the systems give them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from knowledge.entries.changes import change_state
from knowledge.entries.saving import save_entry
from knowledge.models import Entry
from tests.knowledge.entries.conftest import Cast
from tests.knowledge.entries.test_import_csv import run

pytestmark = pytest.mark.django_db
INTERCOM = json.loads((Path(__file__).parents[2] / "contracts" / "intercom-articles.json").read_text())


def zendesk(number: int = 3601, **fields: Any) -> dict[str, Any]:
    return {
        "id": number,
        "url": f"https://acme.example/api/v2/help_center/en-us/articles/{number}.json",
        "html_url": f"https://help.altor.example/hc/en-us/articles/{number}",
        "title": "Webhooks arrive late",
        "body": "<h2>Symptoms</h2><p>They come <b>hours</b> later.</p><h2>Cause</h2><p>A full queue.</p>"
        "<h2>Resolution</h2><ol><li>Wait</li><li>Ask</li></ol>",
        "locale": "en-us",
        "source_locale": "en-us",
        "label_names": ["webhooks"],
        "section_id": 12,
        "draft": False,
        "outdated": False,
        "user_segment_id": None,
        "updated_at": "2026-05-01T12:00:00Z",
        **fields,
    }


def exported(folder: Path, *articles: dict[str, Any], name: str = "articles.json", **more: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps({"count": len(articles), "articles": articles, **more}))
    return folder


def intercom(number: str = "39", **fields: Any) -> dict[str, Any]:
    return {
        "id": number,
        "type": "article",
        "workspace_id": "acme",
        "parent_id": 143,
        "parent_type": "collection",
        "parent_ids": [],
        "tags": {"type": "tag.list", "tags": [{"type": "tag", "id": "1", "name": "billing"}]},
        "title": "Why is my invoice higher?",
        "description": "Seats are counted at the end of a month.",
        "body": "<p>Look at <a href='/seats'>your seats</a>.</p>",
        "author_id": 991,
        "state": "published",
        "created_at": 1734537283,
        "updated_at": 1734537283,
        "url": "https://help.altor.example/acme/en/articles/39-why",
        **fields,
    }


def test_a_published_article_becomes_an_entry_that_a_reviewer_opens(cast: Cast, tmp_path: Path) -> None:
    path = exported(
        tmp_path / "zd", zendesk(), sections=[{"id": 12, "name": "Hooks", "category_id": 4}],
        categories=[{"id": 4, "name": "API"}],
    )  # fmt: skip
    assert run(path) == (
        0, {"format": "zendesk (found out)", "created": "1", "updated": "0", "unchanged": "0"}, ""
    )  # fmt: skip
    entry = Entry.objects.get()
    assert (entry.title, entry.language, entry.components) == ("Webhooks arrive late", "en", ["webhooks"])
    assert entry.symptoms == "They come **hours** later." and entry.root_cause == "A full queue."
    assert entry.remediation == "1. Wait\n2. Ask" and entry.customer_wording == ""
    assert (entry.confidence, entry.audience, entry.owner, entry.team) == ("not_validated", "internal", None, None)
    version, link = entry.history.get(), entry.links.get()
    assert (version.origin, version.comment) == ("file", "From zendesk 3601:en-us, API › Hooks")
    assert (link.kind, link.url) == ("document", "https://help.altor.example/hc/en-us/articles/3601")
    assert run(path)[1] == {"format": "zendesk (found out)", "created": "0", "updated": "0", "unchanged": "1"}
    assert run(path / "articles.json", "--format", "zendesk")[1]["unchanged"] == "1" and entry.links.count() == 1


def test_what_state_an_article_has_decides_how_it_comes(cast: Cast, tmp_path: Path) -> None:
    path = exported(
        tmp_path / "zd", zendesk(1, title="Draft", draft=True), zendesk(2, title="Of some", user_segment_id=77),
        zendesk(3, title="Old", outdated=True), zendesk(4, title="How to", body="<p>Do this.</p>"),
    )  # fmt: skip
    code, counts, said = run(path)
    assert code == 0 and (counts["created"], counts["skipped"]) == ("3", "1")
    assert "articles.json 3: it is archived or outdated there" in said and "2: not everybody may read it there" in said
    assert dict(Entry.objects.values_list("title", "confidence")) == {
        "Draft": "wip", "Of some": "wip", "How to": "not_validated",
    }  # fmt: skip
    how_to = Entry.objects.get(title="How to")
    assert how_to.remediation == "Do this." and not how_to.root_cause
    # A published article without a cause is complete as it is: an edit does not make it less.
    assert save_entry(how_to, {"symptoms": "Seen."}, actor=cast.agent).confidence == "not_validated"
    assert run(path, "--archived")[1]["created"] == "1"
    assert Entry.objects.get(title="Old").confidence == "archived"
    exported(path, zendesk(1, title="Draft", body="<h2>Cause</h2>x<h2>Fix</h2>y", draft=True))
    run(path)
    assert Entry.objects.get(title="Draft").confidence == "wip"
    exported(path, zendesk(1, title="Draft", body="<h2>Cause</h2>x<h2>Fix</h2>y"))
    assert run(path)[1]["updated"] == "1" and Entry.objects.get(title="Draft").confidence == "not_validated"


def test_a_newer_article_is_a_new_version_and_a_persons_words_stay(cast: Cast, tmp_path: Path) -> None:
    path = exported(tmp_path / "zd", zendesk(1), zendesk(2, title="Another"))
    run(path)
    mine = Entry.objects.get(title="Another")
    save_entry(mine, {"root_cause": "What it really is.", "customer_wording": "Please wait."}, actor=cast.agent)
    body = "<h2>Symptoms</h2>Worse.<h2>Cause</h2>Another one.<h2>Resolution</h2>None."
    exported(path, zendesk(1, body=body), zendesk(2, title="Another", body=body))
    code, counts, said = run(path)
    assert code == 0 and (counts["updated"], counts["left alone"]) == ("2", "1")
    assert said == f"articles.json 2: {mine.ref} was changed here, left alone: Root cause\n"
    mine.refresh_from_db()
    assert (mine.symptoms, mine.root_cause, mine.customer_wording) == ("Worse.", "What it really is.", "Please wait.")
    other = Entry.objects.exclude(pk=mine.pk).get()
    assert (other.revision, other.root_cause) == (2, "Another one.")


def test_new_words_that_customers_would_read_are_looked_at_first(cast: Cast, tmp_path: Path) -> None:
    path = exported(tmp_path / "zd", zendesk())
    run(path)
    entry = save_entry(Entry.objects.get(), {"customer_wording": "Please wait."}, actor=cast.lead)
    change_state(entry, {"audience": "customer", "confidence": "validated"}, actor=cast.lead)
    assert run(path)[1]["unchanged"] == "1" and Entry.objects.public().exists()
    exported(path, zendesk(title="Something nobody has read"))
    assert run(path)[1]["updated"] == "1" and not Entry.objects.public().exists()
    entry.refresh_from_db()
    assert (entry.confidence, entry.audience) == ("not_validated", "customer")
    assert entry.changes.filter(field="confidence")[0].why == "import"
    # What a reviewer takes back, an import does not give again.
    change_state(entry, {"confidence": "wip"}, actor=cast.lead)
    run(path)
    entry.refresh_from_db()
    assert entry.confidence == "wip"


def test_pages_and_languages_come_together(cast: Cast, tmp_path: Path) -> None:
    path = exported(tmp_path / "zd", zendesk(1), name="page-1.json", next_page="https://acme.example/…page=2")
    exported(path, zendesk(2, title="Second"), zendesk(1, title="Verspätet", locale="de"), name="page-2.json")
    (path / "sections.json").write_text(json.dumps({"sections": [{"id": 12, "name": "Hooks"}]}))
    (path / "notes.txt").write_text("x")
    code, counts, said = run(path)
    assert code == 0 and said == "" and counts["created"] == "3"
    assert counts["format"] == "zendesk (found out), 1 other files left"
    assert set(Entry.objects.values_list("title", "language")) == {
        ("Webhooks arrive late", "en"), ("Second", "en"), ("Verspätet", "de"),
    }  # fmt: skip


def test_a_page_that_was_forgotten_is_missed(cast: Cast, tmp_path: Path) -> None:
    for more in ({"next_page": "https://acme.example/api/…page=2"}, {"meta": {"has_more": True}}):
        code, _, said = run(exported(tmp_path / "zd", zendesk(), **more))
        assert code == 1 and said == "articles.json: a page follows it that is not here.\n1 not understood\n"
    pages = {"type": "pages", "page": 1, "next": {"per_page": 1, "starting_after": "WzE3"}}
    (tmp_path / "page.json").write_text(json.dumps({"type": "list", "data": [intercom()], "pages": pages}))
    assert "page.json: a page follows it" in run(tmp_path / "page.json")[2]


def test_intercoms_articles_come_as_its_description_has_them(cast: Cast, tmp_path: Path) -> None:
    german = {"type": "article_content", "title": "Warum ist meine Rechnung höher?", "state": "draft",
              "body": "<h3>Ursache</h3><p>Mehr Plätze.</p><h3>Lösung</h3><p>Prüfen.</p>",
              "url": "https://help.altor.example/acme/de/articles/39"}  # fmt: skip
    translated = {"type": "article_translated_content", "de": german, "fr": None}
    answer = {
        "type": "list", "total_count": 2, "pages": {"type": "pages", "page": 1, "per_page": 25, "total_pages": 1},
        "data": [intercom(translated_content=translated, default_locale="en"), intercom("40", state="draft", body="x")],
    }  # fmt: skip
    schema = {"$ref": "#/components/schemas/article_list", "components": INTERCOM["components"]}
    # OpenAPI 3.0 says `nullable`, which JSON Schema has no word for.
    told = {**answer, "data": [{**one, "translated_content": {"de": german}} for one in answer["data"]]}
    jsonschema.Draft202012Validator(schema).validate(told)
    (tmp_path / "page.json").write_text(json.dumps(answer))
    code, counts, said = run(tmp_path)
    assert (code, counts["format"], counts["created"], said) == (0, "intercom (found out)", "3", "")
    entry = Entry.objects.get(language="en", confidence="not_validated")
    assert entry.symptoms == "Seats are counted at the end of a month." and entry.components == ["billing"]
    assert entry.remediation == "Look at [your seats](https://help.altor.example/seats)."
    other = Entry.objects.get(language="de")
    assert (other.root_cause, other.remediation, other.confidence) == ("Mehr Plätze.", "Prüfen.", "wip")
    assert run(tmp_path)[1]["unchanged"] == "3"


def test_its_own_example_is_read_as_one_article_without_text(cast: Cast, tmp_path: Path) -> None:
    example = INTERCOM["paths"]["/articles"]["get"]["responses"]["200"]["content"]["application/json"]["examples"]
    (tmp_path / "page.json").write_text(json.dumps(example["successful"]["value"]))
    code, counts, said = run(tmp_path)
    assert code == 1 and counts["created"] == "0" and said == "page.json 39: it holds no text.\n1 not understood\n"


def test_what_was_dropped_is_told_for_each_article(cast: Cast, tmp_path: Path) -> None:
    body = "<p>Watch.</p><iframe src='https://v.example/1'></iframe><script>x</script><img src=/a onerror=x>"
    path = exported(
        tmp_path / "zd", zendesk(1, body=body, attachments=[{"file_name": "log.zip"}]),
        zendesk(2, body=f"<p>{'word ' * 12_000}</p>", locale="xx-unknown-99"), zendesk(3, title="T" * 400),
    )  # fmt: skip
    code, counts, said = run(path)
    assert code == 1 and counts["created"] == "3"
    for line in (
        "1: the attachment log.zip was not taken",
        "1: iframe was dropped, its address is kept as a link",
        "1: script was dropped",
        "1: the script in onerror was dropped",
        "2: Remediation has 59999 characters: cut to 50000",
        "3: Title has 400 characters: cut to 300",
    ):
        assert f"articles.json {line}\n" in said, line
    shown = Entry.objects.get(remediation__startswith="Watch.").remediation
    assert "[iframe](https://v.example/1)" in shown and "script" not in shown


@pytest.mark.parametrize(
    ("article", "said"),
    [
        ({"id": None}, "article 1: it has no id"),
        ({"id": True}, "article 1: it has no id"),
        ({"title": {"a": 1}}, "3601: title is no text"),
        ({"body": ["x"]}, "3601: body is no text"),
        ({"body": "<p> </p>"}, "3601: it holds no text"),
        ({"title": ""}, "3601: Title:"),
        ({"id": "\ud800", "locale": "\u0000", "section_id": "\ud800"}, "the language '\\x00' is not known"),
        ({"title": "x\ud800y\u0000z"}, "3601: a character that is none"),
        ({"html_url": "javascript:alert(1)"}, "3601: its address is not kept"),
        ({"html_url": "https://[broken"}, "3601: its address is not kept"),
        ({"html_url": f"https://a.example/{'x' * 300}"}, "3601: its address is not kept"),
        ({"title": "\x1b[2J\rgone", "body": 7}, "3601: body is no text"),
        ({"label_names": ["l" * 90, "fine"]}, "3601: Components: 'lll"),
        ({"body": "<h2>What to tell customers</h2>The pod db-7.internal ran out of memory."}, "3601: Customer wording"),
    ],
)
def test_a_hostile_article_is_a_clear_error_and_the_next_one_comes(
    cast: Cast, tmp_path: Path, article: dict[str, Any], said: str
) -> None:
    path = exported(tmp_path / "zd", zendesk(**article), zendesk(2, title="The next one"))
    code, _, told = run(path)
    assert code == 1 and said in told and Entry.objects.filter(title="The next one").exists()
    assert "\x1b" not in told


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"articles": [{"id": 1, "title": "\xff"}]}', "bad.json: it is not UTF-8"),
        (b"[1, 2]", "bad.json: it is no JSON object"),
        (b'{"articles": ', "bad.json: it is not valid JSON"),
        (b'{"a":' * 100_000, "bad.json: it is nested too deep"),
        (b'{"articles": {"id": 1}}', "bad.json: it holds no list of articles"),
        (b'{"articles": [7]}', "bad.json article 1: it is no object"),
        (b'{"id": ' + b"9" * 5000 + b"}", "bad.json: it is not valid JSON"),
    ],
)
def test_a_file_that_cannot_be_read_leaves_the_others_alone(cast: Cast, tmp_path: Path, data: bytes, said: str) -> None:
    path = exported(tmp_path / "zd", zendesk())
    (path / "bad.json").write_bytes(data)
    code, counts, told = run(path)
    assert code == 1 and said in told and counts["created"] == "1"


def test_a_huge_file_is_refused_before_it_is_read(cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("knowledge.exchange.formats.MOST_BYTES", 100)
    code, _, told = run(exported(tmp_path / "zd", zendesk()), "--format", "zendesk")
    assert code == 1 and "at most 100 are read: divide it" in told and not Entry.objects.exists()


def test_personal_data_and_secrets_of_an_article_are_taken_out(cast: Cast, tmp_path: Path) -> None:
    body = "<p>Mail priya@customer.example, key sk_live_000000000000obviouslyfake</p>"
    run(exported(tmp_path / "zd", zendesk(body=body)))
    shown = Entry.objects.get().remediation
    assert "priya@" not in shown and "obviouslyfake" not in shown
