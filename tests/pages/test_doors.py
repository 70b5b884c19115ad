"""Login, error pages and the administration: who gets in, and what those see who do not."""

from __future__ import annotations

import pytest
from django.contrib import admin as django_admin
from django.core.exceptions import BadRequest
from django.http import HttpRequest
from django.test import Client, RequestFactory, override_settings
from django.urls import reverse

from altor.admin_site import Readable
from altor.models import AuditEvent
from altor.views import errors
from tests import factories as make
from tests.pages import scene as scenes

pytestmark = pytest.mark.django_db
PASSWORD = "obviously-fake-password"


def test_a_person_signs_in_by_name_or_address_and_out_again(client: Client) -> None:
    person = make.user("priya")
    before = client.session.session_key
    for login in ("priya", person.email):
        answer = client.post(reverse("account_login"), {"login": login, "password": PASSWORD})
        assert answer.status_code == 302 and answer["Location"] == "/", login
        assert client.session.session_key != before
        client.post(reverse("account_logout"))
        assert client.get("/").status_code == 302


def test_wrong_passwords_and_unknown_people_get_the_same_answer(client: Client) -> None:
    make.user("priya")
    texts = [
        client.post(reverse("account_login"), {"login": login, "password": "wrong"})
        .content.decode()
        .count("not correct")
        for login in ("priya", "nobody-here")
    ]
    assert texts[0] == texts[1] > 0


def test_nobody_signs_up_by_themselves(client: Client) -> None:
    html = client.get(reverse("account_signup")).content.decode()
    assert "<form" not in html and "closed" in html.lower()


def test_changing_the_password_ends_the_session(client: Client) -> None:
    person = make.user("priya")
    client.force_login(person)
    new = "another-obviously-fake-one"
    form = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert client.post(reverse("account_change_password"), form).status_code == 302
    assert client.get("/").status_code == 302


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_error_pages_carry_the_request_id_and_nothing_of_the_inside(
    status: int, rf: RequestFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(errors, "request_id", lambda request: "req-123")
    request: HttpRequest = rf.get("/")
    answers = {
        400: errors.bad_request(request, BadRequest("inside")),
        403: errors.forbidden(request, ValueError("inside")),
        404: errors.not_found(request, ValueError("inside")),
        500: errors.server_error(request),
    }
    html = answers[status].content.decode()
    assert answers[status].status_code == status and "req-123" in html and "inside" not in html
    assert html.count("<h1") == 1 and answers[status]["Cache-Control"] == "no-store"


@override_settings(DEBUG=False)
def test_a_bug_shows_the_page_for_bugs(scene: scenes.Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    from investigations.views import today

    def broken(*args: object) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr(today, "pulse", broken)
    client = Client(raise_request_exception=False)
    client.force_login(scene.agent)
    answer = client.get("/")
    html = answer.content.decode()
    assert answer.status_code == 500 and "Something went wrong on our side" in html and "the inside" not in html
    assert "Request <code" in html


def test_only_administrators_enter_the_administration(client: Client, scene: scenes.Scene) -> None:
    for name, person in scene.people.items():
        client.force_login(person)
        answer = client.get("/admin/")
        assert (answer.status_code == 200) is (name == "admin"), name


def test_the_administration_asks_for_a_second_factor_outside_of_development(
    client: Client, scene: scenes.Scene
) -> None:
    client.force_login(scene.admin)
    with override_settings(ADMIN_NEEDS_SECOND_FACTOR=True):
        answer = client.get("/admin/", follow=True)
        assert "Set up a second factor first" in answer.content.decode()


def test_every_list_and_row_opens_and_facts_cannot_be_changed(client: Client, scene: scenes.Scene) -> None:
    client.force_login(scene.admin)
    ours = {model: kind for model, kind in django_admin.site._registry.items() if isinstance(kind, Readable)}
    assert len(ours) == 37
    fixed = {"phaseevent", "auditevent", "evidence", "stepresult", "playbookversion", "inboundevent", "investigation"}
    fixed |= {"contractversion", "escalation", "escalationevent"}
    for model, kind in ours.items():
        name = model._meta.model_name
        base = f"/admin/{model._meta.app_label}/{name}/"
        assert client.get(base).status_code == 200, base
        assert client.get(base + "?q=x").status_code == 200, base
        row = model._default_manager.first()
        if row is not None:
            html = client.get(f"{base}{row.pk}/change/").content.decode()
            assert "obviously-fake-token" not in html and "whsec_" not in html and "argon2" not in html, base
            if name in fixed:
                assert client.post(f"{base}{row.pk}/change/", {"status": "x"}).status_code == 403, base
                assert client.post(f"{base}{row.pk}/delete/", {"post": "yes"}).status_code == 403, base
        del kind


def test_a_change_in_the_administration_is_audited(client: Client, scene: scenes.Scene) -> None:
    client.force_login(scene.admin)
    url = f"/admin/investigations/customer/{scene.customer.pk}/change/"
    form = {
        "org_id": "org_0042",
        "name": "Renamed",
        "domains": "northwind.example",
        "emails": "",
        "plan": "",
        "tier": "",
        "stripe_customer": "",
        "linear_customer": "",
    }
    assert client.post(url, form).status_code == 302
    event = AuditEvent.objects.get(action="admin.changed")
    assert event.actor == scene.admin and event.after is not None and event.after["name"] == "Renamed"
