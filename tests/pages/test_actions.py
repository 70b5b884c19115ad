"""What people do on the pages: forms that work, are refused with their reason, and leave an audit row."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from altor.models import ApiToken, AuditEvent, PhaseEvent, User
from altor.tokens import find_token
from investigations.models import Connection, Customer, InstallationProfile, Investigation, PlaybookVersion, Ticket
from investigations.services.profiles import current_profile
from tests import factories
from tests.pages import scene as scenes

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent(client: Client, scene: scenes.Scene) -> Client:
    client.force_login(scene.agent)
    return client


@pytest.fixture
def admin(client: Client, scene: scenes.Scene) -> Client:
    client.force_login(scene.admin)
    return client


def at(name: str, *args: object) -> str:
    return reverse(f"investigations:{name}", args=args)


def test_a_ticket_is_entered_classified_and_investigated(agent: Client, scene: scenes.Scene) -> None:
    form = {
        "subject": "429 Too Many Requests",
        "description": "Rate limit hit on GET /v2/orders",
        "organization": "org_0042",
        "start": "on",
    }
    answer = agent.post(at("ticket-new"), form)
    run = Investigation.objects.latest("pk")
    assert answer.status_code == 302 and answer["Location"] == at("run", run.ref)
    assert run.ticket.customer == scene.customer and run.requested_by == scene.agent


def test_a_ticket_without_words_is_refused_at_its_fields(agent: Client) -> None:
    answer = agent.post(at("ticket-new"), {"subject": "", "description": ""})
    html = answer.content.decode()
    assert answer.status_code == 422 and "This needs a correction" in html and 'aria-invalid="true"' in html


def test_customer_class_owner_and_claims_are_corrected(agent: Client, scene: scenes.Scene) -> None:
    ticket = scene.failed.ticket
    for what, value in (
        ("customer", "Northwind Freight"),
        ("incident_class", "rate_limit"),
        ("owner", str(scene.lead.pk)),
    ):
        assert agent.post(at("ticket-correct", ticket.ref, what), {what: value}).status_code == 302, what
    assert (
        agent.post(
            at("ticket-correct", ticket.ref, "claim"), {"kind": "endpoint", "value": "GET /v1/things"}
        ).status_code
        == 302
    )
    ticket.refresh_from_db()
    assert (ticket.customer, ticket.incident_class, ticket.owner) == (scene.customer, "rate_limit", scene.lead)
    claim = ticket.claims.get()
    agent.post(at("claim", ticket.ref, claim.pk), {"action": "strike"})
    claim.refresh_from_db()
    assert not claim.is_active
    assert AuditEvent.objects.filter(action="ticket.corrected", object_ref=ticket.ref).count() == 4
    assert AuditEvent.objects.filter(action="ticket.assigned", object_ref=ticket.ref).count() == 1
    html = agent.get(at("ticket", ticket.ref)).content.decode()
    assert "struck out" in html and "ticket.customer_set" in html


def test_an_unknown_customer_is_said_at_the_field(agent: Client, scene: scenes.Scene) -> None:
    answer = agent.post(at("ticket-correct", scene.ticket.ref, "customer"), {"customer": "Nobody Ltd"})
    assert answer.status_code == 422 and "No customer is called" in answer.content.decode()


def test_read_only_people_change_nothing(client: Client, scene: scenes.Scene) -> None:
    client.force_login(scene.read_only)
    ref = scene.done.ref
    for url in (
        at("run-again", ref),
        at("run-cancel", ref),
        at("run-feedback", ref),
        at("ticket-investigate", scene.ticket.ref),
        at("ticket-correct", scene.ticket.ref, "owner"),
        at("gate-override", ref, "reply"),
        at("step-answer", ref, "confirm"),
        at("connection-test", "github"),
        at("profile-import"),
    ):
        assert client.post(url).status_code == 403, url
    html = client.get(at("run", ref)).content.decode()
    assert "Run again" not in html and "Yes, accept" not in html and "Pass anyway" not in html


def test_people_of_another_team_cannot_act(client: Client, scene: scenes.Scene) -> None:
    client.force_login(scene.outsider)
    for url in (
        at("run-again", scene.done.ref),
        at("ticket-investigate", scene.ticket.ref),
        at("run-feedback", scene.done.ref),
        at("ticket-correct", scene.ticket.ref, "owner"),
    ):
        assert client.post(url, {"verdict": "accepted"}).status_code == 404, url
    assert client.get(at("run-live", scene.done.ref)).status_code == 404
    assert client.get(at("run-export", scene.done.ref)).status_code == 404


def test_writes_refuse_get(agent: Client, scene: scenes.Scene) -> None:
    ref = scene.done.ref
    for url in (
        at("run-again", ref),
        at("run-cancel", ref),
        at("run-feedback", ref),
        at("gate-override", ref, "reply"),
        at("ticket-investigate", scene.ticket.ref),
        reverse("end-sessions"),
    ):
        assert agent.get(url).status_code == 405, url


def test_forms_need_their_token(scene: scenes.Scene) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(scene.agent)
    answer = strict.post(at("run-again", scene.done.ref))
    assert answer.status_code == 403 and "too old" in answer.content.decode()


def test_a_run_is_repeated_compared_and_cancelled(agent: Client, scene: scenes.Scene) -> None:
    answer = agent.post(at("run-again", scene.done.ref))
    new = Investigation.objects.latest("pk")
    assert answer["Location"] == at("run", new.ref) and new.previous == scene.done
    second = agent.post(at("run-again", scene.done.ref), follow=True)
    assert "still working" in second.content.decode()
    agent.post(at("run-cancel", new.ref))
    new.refresh_from_db()
    assert new.status == "cancelled"
    assert "Known bugs" in agent.get(at("run-compare", scene.again.ref)).content.decode()
    assert agent.get(at("run-compare", scene.done.ref)).status_code == 404


def test_feedback_is_kept_and_shown(agent: Client, scene: scenes.Scene) -> None:
    url = at("run-feedback", scene.again.ref)
    assert "Say what the cause" in agent.post(url, {"verdict": "corrected"}, follow=True).content.decode()
    agent.post(url, {"verdict": "corrected", "label": "rl.retry_storm", "comment": "Logs of the client."})
    html = agent.get(at("run", scene.again.ref)).content.decode()
    assert "Logs of the client." in html and PhaseEvent.objects.filter(kind="diagnosis.corrected").exists()


def test_a_gate_opens_only_with_a_reason_and_only_for_leads(client: Client, scene: scenes.Scene) -> None:
    scene.done.steps.filter(step_id="deployments").delete()
    url = at("gate-override", scene.done.ref, "escalation")
    client.force_login(scene.agent)
    assert client.post(url, {"reason": "Because it is urgent."}).status_code == 403
    client.force_login(scene.lead)
    assert "Pass anyway" in client.get(at("run", scene.done.ref)).content.decode()
    assert "reason" in client.post(url, {"reason": "x"}, follow=True).content.decode()
    html = client.post(url, {"reason": "The customer is down."}, follow=True).content.decode()
    assert "The customer is down." in html and "Passed by Lena Lead" in html


def test_the_export_is_the_contract_and_audited(agent: Client, scene: scenes.Scene) -> None:
    answer = agent.get(at("run-export", scene.done.ref))
    document = json.loads(answer.content)
    assert document["investigation"] == scene.done.ref and document["candidates"][0]["label"] == "rl.limiter_deploy"
    assert "attachment" in answer["Content-Disposition"] and AuditEvent.objects.filter(action="run.exported").exists()


def test_live_answers_204_then_the_part_then_286(agent: Client, scene: scenes.Scene) -> None:
    url = at("run-live", scene.running.ref)
    assert agent.get(url + "?v=3").status_code == 204
    changed = agent.get(url + "?v=2")
    assert (
        changed.status_code == 200
        and 'hx-get="' in changed.content.decode()
        and "<html" not in changed.content.decode()
    )
    ended = agent.get(at("run-live", scene.done.ref) + "?v=9")
    assert ended.status_code == 286 and "hx-get" not in ended.content.decode().split(">")[0]


def test_an_idle_poll_costs_few_queries(agent: Client, scene: scenes.Scene, django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]
    agent.get(at("run", scene.running.ref))
    with django_assert_max_num_queries(3):  # session, person, version
        agent.get(at("run-live", scene.running.ref) + "?v=3")


def test_tokens_are_shown_once_and_revoked(agent: Client, scene: scenes.Scene) -> None:
    answer = agent.post(reverse("tokens"), {"name": "ci", "expires": "30", "scopes": ["run.read"]})
    text = answer.context["shown"]
    assert text in answer.content.decode() and text not in agent.get(reverse("tokens")).content.decode()
    token = find_token(text)
    assert token is not None and token.user == scene.agent
    agent.post(reverse("token-revoke", args=[token.pk]))
    assert find_token(text) is None
    assert agent.post(reverse("tokens"), {"name": "x", "scopes": ["user.edit"]}).status_code == 422


def test_others_tokens_are_out_of_reach(client: Client, scene: scenes.Scene) -> None:
    token = ApiToken.objects.get(name="nightly export")
    client.force_login(scene.outsider)
    assert client.post(reverse("token-revoke", args=[token.pk])).status_code == 404
    assert "nightly export" not in client.get(reverse("tokens") + "?all=1").content.decode()
    client.force_login(scene.admin)
    assert "nightly export" in client.get(reverse("tokens") + "?all=1").content.decode()


def test_search_finds_only_what_may_be_seen(client: Client, scene: scenes.Scene) -> None:
    url = reverse("search")
    client.force_login(scene.agent)
    for text in (scene.done.ref, scene.ticket.ref, "429 answers", "northwind freight", "req_8f3a91", "org_0042"):
        assert (
            "No" not in client.get(url, {"q": text}).context["groups"]
            and client.get(url, {"q": text}).context["groups"]
        ), text
    fragment = client.get(url, {"q": "north"}, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in fragment and "Northwind Freight" in fragment
    client.force_login(scene.outsider)
    titles = [title for title, _ in client.get(url, {"q": scene.ticket.ref}).context["groups"]]
    assert titles == []


def test_a_person_is_made_changed_and_put_out(admin: Client, scene: scenes.Scene) -> None:
    form = {
        "username": "newbie",
        "email": "newbie@altor.example",
        "role": "agent",
        "teams": [scene.team.pk],
        "is_active": "on",
    }
    assert admin.post(reverse("person-new"), form).status_code == 302
    person = User.objects.get(username="newbie")
    assert person.teams.get() == scene.team and not person.has_usable_password()
    assert admin.post(reverse("person-new"), {**form, "username": "Newbie"}).status_code == 422
    theirs = Client()
    theirs.force_login(person)
    assert theirs.get(reverse("today")).status_code == 200
    del form["is_active"]
    admin.post(reverse("person", args=["newbie"]), form)
    assert theirs.get(reverse("today")).status_code == 302


def test_the_last_administrator_stays(admin: Client, scene: scenes.Scene) -> None:
    form = {"email": scene.admin.email, "role": "agent", "is_active": "on"}
    answer = admin.post(reverse("person", args=["ada"]), form)
    assert answer.status_code == 422 and "only administrator" in answer.content.decode()


def test_signing_out_everywhere_ends_other_sessions(agent: Client, scene: scenes.Scene) -> None:
    elsewhere = Client()
    elsewhere.force_login(scene.agent)
    assert elsewhere.get(reverse("today")).status_code == 200
    agent.post(reverse("end-sessions"))
    assert elsewhere.get(reverse("today")).status_code == 302


def test_connection_secrets_are_written_and_never_shown(admin: Client) -> None:
    html = admin.get(at("connection", "github")).content.decode()
    assert "obviously-fake-token" not in html and "…1234" in html
    answer = admin.post(
        at("connection", "linear"), {"base_url": "http://169.254.169.254/graphql", "secret": "lin_fake"}
    )
    assert answer.status_code == 422
    assert not Connection.objects.filter(source="linear").exists()
    assert admin.get(at("connection", "nothing")).status_code == 404


def test_the_profile_is_saved_as_a_version_and_refuses_nonsense(admin: Client, scene: scenes.Scene) -> None:
    page = admin.get(at("profile"))
    form = {name: page.context["form"][name].value() or "" for name in page.context["form"].fields}
    answer = admin.post(at("profile"), {**form, "telemetry.tenant_attribute": "org.id", "comment": "renamed"})
    assert answer.status_code == 302
    assert InstallationProfile.objects.first().data["telemetry"]["tenant_attribute"] == "org.id"  # type: ignore[union-attr]
    bad = admin.post(at("profile"), {**form, "telemetry.window_start": "yesterday"})
    assert bad.status_code == 422 and "window start" in bad.content.decode().lower()
    exported = json.loads(admin.get(at("profile-export")).content)
    exported["customers"] = [{"org_id": "org_new", "name": "Fresh Ltd"}]
    admin.post(at("profile-import"), {"file": SimpleUploadedFile("i.json", json.dumps(exported).encode())})
    assert Customer.objects.filter(org_id="org_new").exists()
    broken = admin.post(at("profile-import"), {"file": SimpleUploadedFile("i.json", b"{")}, follow=True)
    assert "could not be read" in broken.content.decode()


def test_the_second_person_is_switched_on_and_survives_an_import(admin: Client) -> None:
    page = admin.get(at("profile"))
    form = {name: page.context["form"][name].value() or "" for name in page.context["form"].fields}
    assert "only after a second person" in page.content.decode()
    admin.post(at("profile"), {**form, "playbooks.approval": "on"})
    assert current_profile().playbooks.approval is True
    upload = SimpleUploadedFile("i.json", json.dumps({"vendor": "Acme", "customers": []}).encode())
    admin.post(at("profile-import"), {"file": upload})
    assert current_profile().vendor == "Acme" and current_profile().playbooks.approval is True
    admin.post(at("profile"), {key: value for key, value in form.items() if key != "playbooks.approval"})
    assert current_profile().playbooks.approval is False


def test_a_playbook_is_put_in_force(admin: Client) -> None:
    admin.post(at("playbook-activate", "rate_limit", 2))
    assert PlaybookVersion.objects.active().get(key="rate_limit").version == 2
    assert "+# rate_limit v2" in admin.get(at("playbook-diff", "rate_limit") + "?from=1&to=2").content.decode()


def test_a_customer_is_edited_with_its_audit_row(admin: Client, scene: scenes.Scene) -> None:
    form = {
        "name": "Northwind",
        "org_id": "org_0042",
        "domains": "northwind.example, nw.example",
        "emails": "",
        "plan": "scale",
        "tier": "",
        "stripe_customer": "",
        "linear_customer": "",
    }
    assert admin.post(at("customer", "org_0042"), form).status_code == 302
    scene.customer.refresh_from_db()
    assert (
        scene.customer.domains == ["northwind.example", "nw.example"]
        and AuditEvent.objects.filter(action="customer.changed").exists()
    )
    assert admin.post(at("customer", "org_0042"), {**form, "domains": "not a domain"}).status_code == 422


def test_lists_page_by_key_and_filter(client: Client, scene: scenes.Scene) -> None:
    from tests import factories as make

    for _ in range(60):
        make.ticket(in_team=scene.team, subject="many")
    client.force_login(scene.agent)
    first = client.get(at("tickets")).context["page"]
    second = client.get(at("tickets"), {"cursor": first.older}).context["page"]
    assert len(first.rows) == 50 and not first.newer and second.newer
    seen = [row.pk for row in [*first.rows, *second.rows]]
    assert len(seen) == len(set(seen)) == Ticket.objects.visible_to(scene.agent).count()
    back = client.get(at("tickets"), {"cursor": second.newer}).context["page"]
    assert [row.pk for row in back.rows] == [row.pk for row in first.rows]
    assert client.get(at("tickets"), {"cursor": "forged"}).context["page"].rows[0] == first.rows[0]
    html = client.get(at("runs"), {"state": "failed"}).content.decode()
    assert scene.failed.ref in html and scene.done.ref not in html
    assert "No runs match." in client.get(at("runs"), {"state": "cancelled"}).content.decode()


def test_inbound_events_are_replayed_by_administrators(client: Client, scene: scenes.Scene) -> None:
    from altor.models import InboundEvent

    dead = InboundEvent.objects.get(status="dead")
    client.force_login(scene.lead)
    assert client.post(at("inbound-replay", dead.pk)).status_code == 403
    client.force_login(scene.admin)
    client.post(at("inbound-replay", dead.pk))
    dead.refresh_from_db()
    assert dead.status == "received" and dead.attempts == 0


def test_an_endpoint_is_made_and_its_secret_shown_once(admin: Client) -> None:
    form = {"source": "generic", "connection": "scripts", "ticket_prefix": "HD"}
    answer = admin.post(at("endpoint-new"), form)
    secret = answer.context["secret"]
    assert secret.startswith("whsec_") and secret in answer.content.decode()
    assert secret not in admin.get(at("inbound")).content.decode()
    assert admin.post(at("endpoint-new"), form).status_code == 422
    assert admin.post(at("endpoint-new"), {**form, "ticket_prefix": "no"}).status_code == 422
    from altor.models import InboundEndpoint

    endpoint = InboundEndpoint.objects.get(connection="scripts")
    rotated = admin.post(at("endpoint-secret", endpoint.pk), {"action": "rotate"})
    assert rotated.context["secret"] != secret
    admin.post(at("endpoint-secret", endpoint.pk), {"action": "drop"})
    endpoint.refresh_from_db()
    assert endpoint.secrets == rotated.context["secret"]


def test_lists_keep_themselves_current(agent: Client, scene: scenes.Scene) -> None:
    for url in (reverse("today"), at("runs")):
        page = agent.get(url)
        now = page.context["pulse"]
        polled = agent.get(url, {"v": now}, headers={"HX-Request": "true"})
        assert polled.status_code == 204, url
        scene.running.refresh_from_db()
        Investigation.objects.filter(pk=scene.running.pk).update(live_version=scene.running.live_version + 1)
        assert agent.get(url, {"v": now}, headers={"HX-Request": "true"}).status_code == 200, url


def test_a_proposal_is_confirmed_once(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The look at the telemetry itself has its own tests, over the real engine; here is its answer."""
    from datetime import UTC, datetime

    from investigations.services.proposals import Alternative, ProfileProposal, Suggestion
    from investigations.sources.base import ConnectionConfig
    from investigations.views import proposal

    at_noon = datetime(2026, 5, 1, 12, tzinfo=UTC)
    tenant = Suggestion(
        "tenant_attribute", "Customer", "app.org", "tenant.id", "medium", "On 98% of 20,000 requests: <b>acc_1</b>.",
        (Alternative("app.account", "On 60%"),),
    )  # fmt: skip
    found = ProfileProposal((tenant,), at_noon, at_noon, 20_000, 10, ("Log lines do not carry app.org.",))
    monkeypatch.setattr(proposal, "proposal_for", lambda config, profile: found)
    monkeypatch.setattr(proposal, "active_connections", dict)
    assert admin.post(at("profile-propose"))["Location"] == at("connections")
    config = ConnectionConfig("clickhouse", "main", "http://127.0.0.1:1")
    monkeypatch.setattr(proposal, "active_connections", lambda: {"clickhouse": config})
    html = admin.post(at("profile-propose")).content.decode()
    assert "app.account" in html and "Please check" in html and "&lt;b&gt;" in html and "are needed to tell" in html
    admin.post(at("profile-confirm"), {"telemetry.tenant_attribute": "app.org", "telemetry.database": "evil"})
    telemetry = InstallationProfile.objects.first().data["telemetry"]  # type: ignore[union-attr]
    assert telemetry["tenant_attribute"] == "app.org" and telemetry["database"] == ""


def test_a_connection_is_tested_and_says_what_is_wrong(admin: Client) -> None:
    Connection.objects.filter(source="github").update(base_url="http://127.0.0.1:9")
    html = admin.post(at("connection-test", "github"), follow=True).content.decode()
    row = Connection.objects.get(source="github")
    assert row.health in ("down", "refused") and row.health_message in html.replace("&#x27;", "'")
    assert 'role="alert"' in html
    assert admin.post(at("connection-test", "linear")).status_code == 404


def test_a_question_that_could_not_be_put_is_no_refusal_of_the_source(admin: Client) -> None:
    run = factories.run(status="done")
    factories.step(run, "traffic", 1, status="unavailable", error_kind="input", error="not known: org_id")
    assert "not known: org_id" not in admin.get(at("connections")).content.decode()
    factories.step(
        run, "deployments", 2, source="clickhouse", status="unavailable", error_kind="refused", error="No key"
    )
    page = admin.get(at("connections")).content.decode()
    assert "Last refusal: No key" in page and "1 unanswered" in page
