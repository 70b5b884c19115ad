"""Reply templates: stored as versions, checked, restored, exported; the pages and the API that show them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from altor.configuration import apply_folder, difference
from altor.errors import Conflict, InvalidInput, PermissionRefused
from altor.models.audit import AuditEvent
from investigations.widget.parts import WidgetContext
from knowledge.configuration import ReplyTemplatesPart
from knowledge.models import ReplyTemplate, ReplyTemplateVersion
from knowledge.replies.choosing import Case as About
from knowledge.replies.choosing import choices, fits
from knowledge.replies.format import CLASSES, REQUIRED, from_file, library_files
from knowledge.replies.templates import check_template, ensure_library, load_library, restore, save_template
from knowledge.replies.widget import reply_part
from tests import factories as make
from tests.api.conftest import client_of
from tests.knowledge.replies.conftest import Case, Desk
from tests.pages.scene import PAYLOADS

pytestmark = pytest.mark.django_db

WORDS = {
    "key": "mine", "title": "Mine", "class": "latency", "tone": "brief", "greeting": "Hello {customer_name},",
    "observed": "{endpoint} takes {delay}.", "scope": "This concerns {affected}.", "next_step": "{cause_next_step}",
    "eta": "You will hear from us again by {next_update}.",
}  # fmt: skip


def template(**changes: Any) -> dict[str, Any]:
    return {**WORDS, **changes}


# --------------------------------------------------------------------------------------------------------- the library
def test_the_shipped_templates_cover_every_class_in_both_languages() -> None:
    forms = [from_file(path.name, path.read_text()) for path in library_files()]
    for code in ("en", "de"):
        own = [form for form in forms if form.language == code]
        assert {form.incident_class for form in own if form.kind == "answer" and not form.label} >= set(CLASSES)
        assert {form.label for form in own} >= {"inconclusive", "none.no_anomaly", ""}
        assert {form.kind for form in own} == {"answer", "holding", "acknowledgement"}


@pytest.mark.parametrize("path", library_files(), ids=lambda path: path.stem)
def test_a_shipped_template_holds_nothing_that_the_check_finds(path: Path) -> None:
    _, found = check_template(from_file(path.name, path.read_text()).model_dump(by_alias=True))
    assert found == []


def test_loading_twice_changes_nothing_and_somebodys_own_stays() -> None:
    assert load_library() == len(library_files()) and load_library() == 0
    mine = from_file("holding-en.yaml", next(p for p in library_files() if p.stem == "holding-en").read_text())
    lead = make.user(role="lead")
    own = save_template({**mine.model_dump(by_alias=True), "closing": "Yours"}, actor=lead)
    ReplyTemplateVersion.objects.active().exclude(pk=own.pk)
    load_library()
    assert ReplyTemplateVersion.objects.active().get(template__key="holding-en") == own


def test_a_persons_name_keeps_no_shipped_template_out() -> None:
    make.user("support", first_name="Next", last_name="Update")
    assert load_library() == len(library_files())
    assert ReplyTemplateVersion.objects.active().count() == len(library_files())


def test_the_library_is_loaded_once_by_itself(django_assert_num_queries: Any) -> None:
    ensure_library()
    with django_assert_num_queries(1):
        ensure_library()


def test_templates_that_an_update_brings_come_by_themselves() -> None:
    """An installation that has all others, as after an update of Altor."""
    load_library()
    ReplyTemplate.objects.filter(key="recovered-en").update(key="older", label="another.case")
    ensure_library()
    assert ReplyTemplateVersion.objects.active().filter(template__key="recovered-en").exists()


# ---------------------------------------------------------------------------------------------------------- versions
@pytest.mark.parametrize("part", REQUIRED)
def test_each_of_the_four_parts_is_needed(part: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        save_template(template(**{part: "  "}), actor=None)
    assert list(refused.value.extra["errors"]) == [part]


@pytest.mark.parametrize(
    "text",
    [
        "{share.__class__.__mro__}", "{share!r}", "{share:>9999999999}", "{0}", "{settings.SECRET_KEY}", "{nothing}",
        "a" * 2001, "\x00",
    ],
)  # fmt: skip
def test_hostile_templates_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        save_template(template(observed=text), actor=None)
    assert "observed" in refused.value.extra["errors"]
    assert "nothing" not in text or "customer_name" in refused.value.detail  # the list of what is known


@pytest.mark.parametrize(
    "text", ["{{ 7*7 }}", "{{ 'a' * 10**9 }}", "{% debug %}", "{{{{share}}}}", "${jndi}", *PAYLOADS]
)
def test_other_template_languages_are_text(text: str, case: Case, client: Client) -> None:
    began = time.perf_counter()
    try:
        stored = save_template(template(observed=f"So it is: {text[:400]}"), actor=None)
    except InvalidInput as refused:  # single braces around what is no placeholder
        assert "There is no placeholder" in refused.detail
        return
    client.force_login(case.lead)
    page = client.get(reverse("knowledge:template-version", args=["mine", stored.number])).content.decode()
    assert "<script>window" not in page and "<img src=x" not in page and time.perf_counter() - began < 60


@pytest.mark.parametrize(
    "change",
    [{"language": "xx"}, {"class": "weather"}, {"tone": "rude"}, {"kind": "poem"}, {"label": "Not a label"},
     {"key": "Bad Key"}, {"extra": "x"}, {"title": ""}],
)  # fmt: skip
def test_a_case_that_is_none_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        save_template(template(**change), actor=None)


def test_a_secret_in_a_template_is_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        save_template(template(closing="Use the key " + "sk_live_" + "obviouslyFakeKey0123456789"), actor=None)
    assert "closing" in refused.value.extra["errors"]


def test_versions_are_kept_activated_and_restored() -> None:
    lead = make.user(role="lead")
    first = save_template(template(), actor=lead)
    assert save_template(template(), actor=lead) == first
    second = save_template(template(closing="Bye"), actor=lead, comment="shorter")
    assert (second.number, second.is_active, second.created_by) == (2, True, lead)
    third = restore(first, actor=lead)
    assert third.number == 3 and third.parts == first.parts and third.is_active
    assert ReplyTemplateVersion.objects.active().count() == 1
    assert AuditEvent.objects.filter(action="reply_template.restored").count() == 1


def test_a_version_never_changes() -> None:
    stored = save_template(template(), actor=None)
    for change in ({"observed": "x"}, {"number": 9}):
        with pytest.raises(DatabaseError), transaction.atomic():
            ReplyTemplateVersion.objects.filter(pk=stored.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        ReplyTemplateVersion.objects.filter(pk=stored.pk).delete()


def test_who_saves_over_a_newer_version_is_told() -> None:
    save_template(template(), actor=None)
    save_template(template(closing="A"), actor=None, based_on=1)
    with pytest.raises(Conflict):
        save_template(template(closing="B"), actor=None, based_on=1)


def test_a_case_has_one_template() -> None:
    save_template(template(), actor=None)
    with pytest.raises(Conflict):
        save_template(template(key="other"), actor=None)
    with pytest.raises(Conflict):
        save_template(template(tone="warm"), actor=None)


def test_only_leads_and_administrators_change_templates(case: Case) -> None:
    for who in (case.agent, case.engineer, case.read_only):
        with pytest.raises(PermissionRefused):
            save_template(template(), actor=who)


# ----------------------------------------------------------------------------------------------------------- choosing
@pytest.mark.parametrize(
    ("about", "wish", "best"),
    [
        (About("rl.retry_storm", ("rate_limit",)), {}, "rate-limit-en"),
        (About("rl.retry_storm", ("rate_limit",)), {"language": "de"}, "rate-limit-de"),
        (About("rl.retry_storm", ("rate_limit",)), {"tone": "warm"}, "any-cause-en-warm"),
        (About("err.key_revoked", ("authentication", "api_error")), {}, "authentication-en"),
        (About("err.deploy_5xx", ("api_error",)), {}, "api-error-en"),
        (About("none.no_anomaly", ("latency",)), {}, "all-well-en"),
        (About("none.resolved_blip", ("latency",)), {"language": "de"}, "over-de"),
        (About("none.customer_network", ("latency",)), {"language": "de"}, "any-cause-de"),
        (About(), {}, "undecided-en"),
        (About("inconclusive", ("webhook",)), {"language": "de", "tone": "brief"}, "undecided-de"),
    ],
)
def test_the_best_template_is_that_of_the_case(case: Case, about: About, wish: dict[str, str], best: str) -> None:
    found = choices(about, kind="answer", **wish)
    assert found[0].template.key == best
    assert all(fits(one.template, about) for one in found)
    if not about.is_decided:
        assert {one.template.label for one in found} == {"inconclusive"}


# -------------------------------------------------------------------------------------------------------------- pages
def test_the_pages_of_a_template(case: Case, client: Client) -> None:
    client.force_login(case.lead)
    edit = reverse("knowledge:template-edit", args=["rate-limit-en"])
    words = {"title": "Rejected", "base": "1", **dict.fromkeys(REQUIRED, "Text."), "comment": "plainer"}
    assert client.post(edit, {**words, "observed": "{oops}"}).status_code == 422
    answer = client.post(edit, words)
    assert answer.status_code == 302
    assert "plainer" in client.get(answer["Location"]).content.decode()
    assert "-observed: &#x27;{cause_observed}&#x27;" in client.get(
        reverse("knowledge:template-diff", args=["rate-limit-en"])
    ).content.decode().replace("'", "&#x27;")
    client.post(reverse("knowledge:template-restore", args=["rate-limit-en", 1]))
    assert ReplyTemplateVersion.objects.active().get(template__key="rate-limit-en").number == 3
    client.post(reverse("knowledge:template-activate", args=["rate-limit-en", 2]))
    assert ReplyTemplateVersion.objects.active().get(template__key="rate-limit-en").number == 2
    client.post(reverse("knowledge:template-withdraw", args=["rate-limit-en"]))
    assert not ReplyTemplateVersion.objects.active().filter(template__key="rate-limit-en").exists()


def test_a_new_template_by_its_page(case: Case, client: Client) -> None:
    client.force_login(case.lead)
    data = {**{name: value for name, value in WORDS.items() if name != "class"}, "incident_class": "latency"}
    data |= {"kind": "answer", "language": "en", "label": "", "closing": ""}
    answer = client.post(reverse("knowledge:template-new"), data)
    assert answer.status_code == 302 and "mine" in answer["Location"]


def test_the_preview_marks_what_is_not_known(case: Case, client: Client) -> None:
    client.force_login(case.lead)
    address = reverse("knowledge:template-preview")
    words = {**WORDS, "kind": "answer", "language": "en", "label": "", "run": case.run.ref}
    page = client.post(address, words).content.decode()
    assert "We do not yet know how large the delay is." in page and "delay" in page and "another case" in page
    assert "There is no placeholder" in client.post(address, {**words, "observed": "{x.y}"}).content.decode()
    theirs = make.finished_run(make.ticket(in_team=make.team("Elsewhere")))
    assert "Choose a ticket" in client.post(address, {**words, "run": theirs.ref}).content.decode()
    assert ReplyTemplateVersion.objects.filter(template__key="mine").count() == 0


@pytest.mark.parametrize("who", ["agent", "engineer", "read_only"])
def test_others_read_and_change_nothing(case: Case, client: Client, who: str) -> None:
    client.force_login(case.people[who])
    assert client.get(reverse("knowledge:templates")).status_code == 200
    assert client.get(reverse("knowledge:template-version", args=["rate-limit-en", 1])).status_code == 200
    for name, arguments in (
        ("template-edit", ["rate-limit-en"]), ("template-new", []), ("template-preview", []),
        ("template-activate", ["rate-limit-en", 1]), ("template-restore", ["rate-limit-en", 1]),
        ("template-withdraw", ["rate-limit-en"]),
    ):  # fmt: skip
        assert client.post(reverse(f"knowledge:{name}", args=arguments), WORDS).status_code == 403, name


# ---------------------------------------------------------------------------------------------------------------- API
def test_the_api_fills_a_template(case: Case) -> None:
    api = client_of(case.agent)
    listed = api.get("/api/v1/reply-templates/").json()["results"]
    assert len(listed) == len(library_files()) and listed[0]["is_active"]
    shown = api.post("/api/v1/reply-templates/any-cause-en/preview/", {"investigation": case.run.ref}).json()
    assert shown["text"].startswith("Hello Noor,") and shown["fits"] and "cause_observed" in shown["unknown"]
    assert {one["part"] for one in shown["statements"]} >= {"greeting", "observed", "scope", "next_step", "eta"}
    outsider = client_of(case.outsider)
    answer = outsider.post("/api/v1/reply-templates/any-cause-en/preview/", {"investigation": case.run.ref})
    assert answer.status_code == 404
    assert api.get("/api/v1/reply-templates/nothing/").status_code == 404


# ----------------------------------------------------------------------------------------------------- configuration
def exported_to(folder: Path) -> Path:
    """The templates as files below the folder; the file of one of them."""
    for name, text in ReplyTemplatesPart().export().items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder / "reply-templates" / "holding-en.yaml"


def test_templates_travel_as_files(case: Case, tmp_path: Path) -> None:
    file = exported_to(tmp_path)
    assert "reply-templates" not in difference(tmp_path)
    file.write_text(file.read_text().replace("We do not have a result yet for", "Nothing new yet on"))
    assert apply_folder(tmp_path) == ["reply-templates/holding-en.yaml"]
    found = ReplyTemplateVersion.objects.active().get(template__key="holding-en")
    assert found.number == 2 and found.origin == "file" and "Nothing new yet on" in found.observed
    (tmp_path / "reply-templates" / "over-de.yaml").unlink()
    apply_folder(tmp_path, prune=True)
    assert not ReplyTemplateVersion.objects.active().filter(template__key="over-de").exists()


@pytest.mark.parametrize("change", [("key: holding-en", "key: other"), ("{next_update}", "{oops}"), ("eta:", "nota:")])
def test_a_broken_file_is_named(case: Case, tmp_path: Path, change: tuple[str, str]) -> None:
    file = exported_to(tmp_path)
    file.write_text(file.read_text().replace(*change))
    with pytest.raises(InvalidInput, match="holding-en"):
        apply_folder(tmp_path)


# ------------------------------------------------------------------------------------------------------------ sidebar
def test_the_sidebar_has_the_draft(case: Case, desk: Desk) -> None:
    from django.utils import timezone

    name, part = reply_part(WidgetContext(case.ticket, case.run, case.agent, timezone.now()))  # type: ignore[misc]
    assert name == "reply" and part["text"].startswith("Hello Noor,") and part["can_send"] is True
    assert set(part) >= {"text", "statements", "gate", "findings", "template", "can_send"}
    assert part["template"]["key"] == "rate-limit-en" and part["gate"]["open"] is True
    _, nobody = reply_part(WidgetContext(case.ticket, case.run, None, timezone.now()))  # type: ignore[misc]
    assert nobody["can_send"] is False
