"""The profile that telemetry proposes, on several naming schemes and the real engine."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from altor.embedded.otel_schema import TRACES
from altor.errors import InvalidInput
from investigations.models import Customer, InstallationProfile
from investigations.profile import Profile, TelemetryProfile
from investigations.services.profiles import (
    as_yaml,
    current_profile,
    export_profile,
    import_profile,
    parse_profile,
    save_profile,
)
from investigations.services.proposals import ProfileProposal, ProposalImpossible, proposal_for
from tests.clickhouse.asking import (
    AS_OF,
    client_span,
    config_for,
    create_tables,
    insert,
    log_line,
    server_span,
    through,
)
from tests.clickhouse.test_layouts import JSON_LOGS, JSON_TRACES
from tests.clickhouse_fixtures import Database
from tests.loopback import Answer, closed_port, serving

pytestmark = pytest.mark.django_db
#: What is proposed -> the attribute that means it, by naming scheme.
SCHEMES: dict[str, dict[str, str]] = {
    "current conventions": {
        "tenant_attribute": "tenant.id",
        "status_attribute": "http.response.status_code",
        "method_attribute": "http.request.method",
        "route_attribute": "http.route",
        "client_ip_attribute": "client.address",
        "api_key_attribute": "api.key_id",
        "sample_rate_attribute": "SampleRate",
        "rate_limit_attribute": "ratelimit.limit",
        "rate_limit_scope_attribute": "ratelimit.scope",
        "region_resource": "cloud.region",
        "instance_resource": "k8s.pod.name",
        "version_resource": "service.version",
        "webhook_span_name": "webhook.deliver",
    },
    "old conventions": {
        "tenant_attribute": "org_id",
        "status_attribute": "http.status_code",
        "method_attribute": "http.method",
        "route_attribute": "http.route",
        "client_ip_attribute": "net.sock.peer.addr",
        "api_key_attribute": "apikey.id",
        "sample_rate_attribute": "sampling.rate",
        "rate_limit_attribute": "rate_limit.limit",
        "rate_limit_scope_attribute": "rate_limit.policy",
        "region_resource": "aws.region",
        "instance_resource": "host.name",
        "version_resource": "app.version",
        "webhook_span_name": "POST webhook",
    },
    "names of their own": {
        "tenant_attribute": "app.workspace_uuid",
        "status_attribute": "response.status",
        "method_attribute": "request.method",
        "route_attribute": "app.endpoint",
        "client_ip_attribute": "caller_ip",
        "api_key_attribute": "auth.token_ref",
        "sample_rate_attribute": "sample_factor",
        "rate_limit_attribute": "rateLimitQuota",
        "rate_limit_scope_attribute": "rateLimitBucket",
        "region_resource": "deploy.datacenter",
        "instance_resource": "container_id",
        "version_resource": "release",
        "webhook_span_name": "WebhookDispatcher.send",
    },
}


def spans(scheme: dict[str, str], count: int = 300) -> Iterator[dict[str, Any]]:
    chance = random.Random(4)
    for number in range(count):
        tenant = f"org_{chance.randrange(9):04x}"
        values = {
            "tenant_attribute": tenant,
            "status_attribute": chance.choice(["200", "200", "201", "404", "500"]),
            "method_attribute": chance.choice(["GET", "POST"]),
            "route_attribute": chance.choice(["/v1/orders", "/v1/orders/{id}", "/v1/search"]),
            "client_ip_attribute": f"192.0.2.{chance.randrange(30)}",
            "api_key_attribute": f"key_{tenant}_{chance.randrange(2)}",
            "sample_rate_attribute": "20",
            "rate_limit_attribute": chance.choice(["300", "600"]) if number % 5 == 0 else "",
            "rate_limit_scope_attribute": chance.choice(["key", "ip"]) if number % 5 == 0 else "",
        }
        # What looks alike and is something else.
        noise = {
            "request.id": f"req_{number}",
            "user.id": f"user_{chance.randrange(250)}",
            "url.path": f"/v1/orders/{number}",
            "thread.id": str(chance.randrange(8)),
            "user_agent.original": "sdk/1.2",
            "http.flavor": "1.1",
            "feature.customer_tier_name": "gold",
        }
        attributes = {scheme[field]: value for field, value in values.items() if value} | noise
        resource = {
            scheme["region_resource"]: chance.choice(["eu-1", "us-1"]),
            scheme["instance_resource"]: f"core-{chance.randrange(6)}",
            scheme["version_resource"]: chance.choice(["a1b2c3d", "d4e5f6a"]),
            "telemetry.sdk.language": "go",
            "process.pid": "71",
        }
        at = AS_OF - timedelta(seconds=number)
        yield server_span(at=at, SpanAttributes=attributes, ResourceAttributes=resource, SpanId=f"s{number}")
        if number % 3 == 0:
            name = scheme["webhook_span_name"]
            yield client_span({"server.address": "x.example"}, SpanName=name, at=at, SpanId=f"w{number}")
        else:
            yield client_span({"db.system": "mysql"}, SpanName="SELECT orders", at=at, SpanId=f"c{number}")


def proposed(database: Database, profile: Profile | None = None, url: str = "") -> ProfileProposal:
    return proposal_for(config_for(url or database.url), profile or Profile(now=AS_OF + timedelta(hours=1)))


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("style", ["map", "json"])
def test_each_scheme_is_recognised(clickhouse_database: Database, name: str, style: str) -> None:
    create_tables(clickhouse_database, *((JSON_TRACES, JSON_LOGS) if style == "json" else ()))
    scheme = SCHEMES[name]
    insert(clickhouse_database, "otel_traces", spans(scheme))
    lines = [log_line(LogAttributes={scheme["tenant_attribute"]: "org_1"})]
    insert(clickhouse_database, "otel_logs", lines)
    found = proposed(clickhouse_database, url=clickhouse_database.reader_url)
    assert found.values() == scheme
    assert (found.is_complete, found.spans > 100, found.warnings) == (True, True, ())
    tenant = found.suggestions[0]
    assert "9 values: org_" in tenant.reason
    assert "100% of" in tenant.reason
    # what is proposed can be saved, and answers questions
    saved = save_profile(found.applied_to(Profile()), comment="confirmed")
    assert current_profile().telemetry.tenant_attribute == scheme["tenant_attribute"]
    assert saved.data["telemetry"]["webhook_span_name"] == scheme["webhook_span_name"]


def test_the_customer_directory_decides_between_attributes_that_look_alike(clickhouse_database: Database) -> None:
    create_tables(clickhouse_database)
    rows = []
    for number in range(200):
        ids = {"account.id": f"acc_{number % 7}", "app.billing_ref": f"org_{number % 5}"}
        rows.append(server_span(SpanId=f"s{number}", attributes={"tenant.id": "", **ids}))
    insert(clickhouse_database, "otel_traces", rows)
    before = proposed(clickhouse_database).suggestions[0]
    assert before.value == "account.id"
    import_profile({"customers": [{"org_id": f"org_{n}", "name": f"C{n}"} for n in range(5)]})
    after = proposed(clickhouse_database).suggestions[0]
    assert (after.value, after.confidence) == ("app.billing_ref", "high")
    assert "5 of 5 frequent ones are in the customer directory" in after.reason
    assert [other.name for other in after.alternatives] == ["account.id"]


def test_two_that_fit_alike_ask_for_a_decision_and_the_present_choice_stays(clickhouse_database: Database) -> None:
    create_tables(clickhouse_database)
    both = {"tenant.id": "", "org.id": "o", "organization.id": "o"}
    rows = [
        server_span(SpanId=f"s{n}", attributes={**both, "org.id": f"o{n % 4}", "organization.id": f"o{n % 4}"})
        for n in range(100)
    ]
    insert(clickhouse_database, "otel_traces", rows)
    found = proposed(clickhouse_database).suggestions[0]
    assert (found.value, found.confidence) == ("org.id", "medium")
    assert [other.name for other in found.alternatives] == ["organization.id"]
    profile = Profile(now=AS_OF + timedelta(hours=1), telemetry=TelemetryProfile(tenant_attribute="organization.id"))
    kept = proposed(clickhouse_database, profile).suggestions[0]
    assert (kept.value, kept.is_changed) == ("organization.id", False)


def test_what_is_not_there_is_said_and_proposed_as_not_recorded(clickhouse_database: Database) -> None:
    create_tables(clickhouse_database)
    bare = {"tenant.id": "", "http.route": "", "request.id": "r"}
    insert(
        clickhouse_database,
        "otel_traces",
        [server_span(SpanId=f"s{n}", attributes={**bare, "session.id": f"x{n}"}) for n in range(100)],
    )
    found = proposed(clickhouse_database)
    values = found.values()
    assert values["tenant_attribute"] == values["route_attribute"] == values["webhook_span_name"] == ""
    assert values["status_attribute"] == "http.response.status_code"
    assert not found.is_complete
    assert "No log lines were found in that time." in found.warnings


def test_examples_are_redacted(clickhouse_database: Database) -> None:
    create_tables(clickhouse_database)
    people = [f"person{n}@example.com" for n in range(5)]
    insert(
        clickhouse_database,
        "otel_traces",
        [
            server_span(SpanId=f"s{n}", attributes={"tenant.id": "", "account.key": people[n % 5],
                        "api_key": "sk_live_abcdefgh1234" + str(n % 3), "client.address": "192.0.2.7"})
            for n in range(50)
        ],
    )  # fmt: skip
    text = json.dumps(proposed(clickhouse_database).as_dict())
    assert "person1" not in text
    assert "sk_live_abc" not in text
    assert "192.0.2.7" not in text


def test_empty_and_missing_tables_and_dead_servers_are_explained(clickhouse_database: Database) -> None:
    with pytest.raises(ProposalImpossible, match="otel_traces does not exist"):
        proposed(clickhouse_database)
    clickhouse_database.run(TRACES)
    found = proposed(clickhouse_database)
    assert found.spans == 0
    assert "nothing can be proposed" in found.warnings[0]
    with pytest.raises(ProposalImpossible, match="no connection"):
        proposed(clickhouse_database, url=f"http://u:p@127.0.0.1:{closed_port()}")
    with serving(lambda asked: Answer(200, b"<html>")) as upstream, pytest.raises(ProposalImpossible):
        proposed(clickhouse_database, url=through(clickhouse_database.url, upstream.port))


def test_attribute_names_of_foreign_telemetry_are_only_data(clickhouse_database: Database) -> None:
    create_tables(clickhouse_database)
    name = "tenant') OR 1=1 --.tenant.id"
    rows = [server_span(SpanId=f"s{n}", attributes={"tenant.id": "", name: f"o{n % 3}"}) for n in range(60)]
    insert(clickhouse_database, "otel_traces", rows)
    assert proposed(clickhouse_database).suggestions[0].value == name


# ------------------------------------------------------------------------------------------------- reading and writing
def test_the_command_proposes_and_saves(
    clickhouse_database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    create_tables(clickhouse_database)
    insert(clickhouse_database, "otel_traces", spans(SCHEMES["old conventions"]))
    monkeypatch.setenv("ALTOR_CLICKHOUSE_URL", clickhouse_database.url)
    save_profile({"now": (AS_OF + timedelta(hours=1)).isoformat()})
    out = StringIO()
    call_command("profile", "propose", stdout=out)
    assert "Customer: org_id  (now tenant.id)" in out.getvalue()
    assert current_profile().telemetry.tenant_attribute == "tenant.id"
    call_command("profile", "propose", "--accept", "--format", "json", stdout=out, stderr=StringIO())
    assert current_profile().telemetry.tenant_attribute == "org_id"
    assert InstallationProfile.objects.count() == 2
    monkeypatch.setenv("ALTOR_CLICKHOUSE_URL", f"http://u:p@127.0.0.1:{closed_port()}")
    with pytest.raises(CommandError, match="no connection"):
        call_command("profile", "propose")


def test_export_and_import_are_each_others_opposite(tmp_path: Path) -> None:
    import_profile(
        {
            "vendor": "Acme: the \"best\"",
            "telemetry": {"tenant_attribute": "org.id"},
            "customers": [{"org_id": "o1", "name": "Ünï", "domains": ["a.example"]}, {"org_id": "o2"}],
        }
    )  # fmt: skip
    before = export_profile()
    for form in ("yaml", "json"):
        out = StringIO()
        call_command("profile", "export", "--format", form, stdout=out)
        Customer.objects.all().delete()
        InstallationProfile.objects.all().delete()
        file = tmp_path / f"profile.{form}"
        file.write_text(out.getvalue())
        call_command("profile", "import", str(file), stdout=StringIO())
        assert export_profile() == before
    assert parse_profile(as_yaml(before)) == before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{broken", "Not valid JSON"),
        ("a: [1", "Not valid YAML"),
        ("a: &x [1]\nb: *x", "Anchors"),
        ("- 1\n- 2", "a mapping"),
        ("telemetry: {tenant_attribute: [1]}", "telemetry.tenant_attribute"),
        ("now: yesterday", "now"),
        ("customers: [{name: x}]", "customers.0.org_id"),
        ("x" * 5_000_000, "larger than"),
        ("!!python/object/apply:os.system ['true']", "Not valid YAML"),
    ],
)
def test_a_bad_file_is_one_clear_message(text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        import_profile(parse_profile(text))
    assert not InstallationProfile.objects.exists()


def test_unknown_keys_are_refused_in_editing_and_reported_in_a_foreign_file() -> None:
    with pytest.raises(InvalidInput, match=r"telemetry\.tennant_attribute"):
        save_profile({"telemetry": {"tennant_attribute": "x"}})
    assert import_profile({"telemetry": {"tennant_attribute": "x"}, "customers": [{"org_id": "a", "pln": "b"}]}) == [
        "telemetry.tennant_attribute",
        "customers[0].pln",
    ]
    assert save_profile(export_profile(customers=False)).pk == InstallationProfile.objects.latest("pk").pk
