"""Hundreds of made-up requests against the document: none answers 5xx, none answers what is not written there."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from django.conf import settings as django_settings
from hypothesis import HealthCheck, Phase, given, settings
from rest_framework.settings import api_settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from altor.roles import PERMISSIONS
from altor.tokens import create_token
from tests.api.conftest import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
#: The first reaches out to other systems, the second speaks a signature instead of a token, the third is the document.
LEFT_OUT = [
    "/api/v1/connections/{ref}/test/",
    "/api/v1/hooks/{source}/{connection}/",
    "/api/v1/schema/",
]
PER_OPERATION = 12


def known_ids(world: World, path: str) -> dict[str, str]:
    """Ids that exist, so that not every request ends at 404."""
    return next(
        found
        for prefix, found in {
            "/api/v1/tickets/": {"ref": "TK-10134"},
            "/api/v1/investigations/": {"ref": world.run.ref, "other": world.older_run.ref, "ref_id": "E1"},
            "/api/v1/customers/": {"org_id": "org_k3p7elJo60"},
            "/api/v1/playbooks/": {"key": "latency", "number": "1", "before": "1", "after": "1"},
            "/api/v1/connections/": {"ref": "github:main"},
            "/api/v1/inbound/endpoints/": {"ref": "generic:desk"},
            "/api/v1/inbound/events/": {"id": str(world.dead_event.pk), "pk": str(world.dead_event.pk)},
            "/api/v1/outbound/endpoints/": {"name": "warehouse"},
            "/api/v1/outbound/deliveries/": {"message_id": "msg_00ff"},
            "/api/v1/escalations/": {"ref": world.escalation.ref},
            "/api/v1/recoveries/": {"ref": world.recovery.ref},
            "/api/v1/questions/": {"ref": world.question.ref},
            "/api/v1/handoffs/": {"ref": world.handoff.ref},
            "/api/v1/oncall/rotations/": {"slug": world.handoff.rotation.slug},
            "/api/v1/contracts/": {"key": world.escalation.version.contract.key},
            "": {},
        }.items()
        if path.startswith(prefix)
    )


def test_no_made_up_request_breaks_the_contract(
    committed_world: World, live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = committed_world
    monkeypatch.setattr(django_settings, "PUBLIC_FEED", True)
    for scope in list(api_settings.DEFAULT_THROTTLE_RATES):
        monkeypatch.setitem(api_settings.DEFAULT_THROTTLE_RATES, scope, "1000000/min")
    _, text = create_token(user=world.people["admin"], name="made up", scopes=sorted(PERMISSIONS))
    headers = {"Authorization": f"Bearer {text}"}
    schema = schemathesis.openapi.from_url(f"{live_server.url}/api/v1/schema/?format=json", headers=headers)
    schema = schema.exclude(path=LEFT_OUT)
    asked, broken = 0, []
    for found in schema.get_all_operations():
        operation = found.ok()
        try:
            asked += try_out(operation, world, headers)
        except FailureGroup as failure:
            broken.append(f"{operation.method.upper()} {operation.path}: {failure.exceptions}")
    assert not broken, "\n\n".join(broken)
    assert asked > 250


def try_out(operation: Any, world: World, headers: dict[str, str]) -> int:
    asked = 0

    @settings(
        max_examples=PER_OPERATION,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        nonlocal asked
        asked += 1
        if asked % 2:
            case.path_parameters = (
                {**case.path_parameters, **known_ids(world, operation.path)} if case.path_parameters else {}
            )
        response = case.call(headers=headers)
        case.validate_response(response, checks=CHECKS)

    ask()
    return asked
