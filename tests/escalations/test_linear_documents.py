"""Every document holds to Linear's schema, and the peer's events to its payload types."""

from __future__ import annotations

import pytest
from graphql import OperationType, parse, validate
from graphql.language import OperationDefinitionNode

from escalations.linear.documents import DOCUMENTS
from tests.escalations.peers.linear import payload_type, schema
from tests.escalations.peers.workspace import Workspace


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_document_holds_to_the_schema(name: str) -> None:
    assert validate(schema(), parse(DOCUMENTS[name])) == []


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name.startswith("create")])
def test_a_write_is_one_mutation_with_an_input_that_takes_our_id(name: str) -> None:
    [operation] = [each for each in parse(DOCUMENTS[name]).definitions if isinstance(each, OperationDefinitionNode)]
    assert operation.operation == OperationType.MUTATION
    [variable] = operation.variable_definitions or []
    wanted = schema().type_map[variable.type.type.name.value]  # type: ignore[union-attr]
    assert "id" in wanted.fields  # type: ignore[attr-defined]


def test_the_events_of_the_peer_have_only_fields_that_the_schema_knows() -> None:
    workspace = Workspace()
    made = workspace.issue_create({"teamId": workspace.team["id"], "title": "x"})
    issue_id = made["issue"]["id"]
    workspace.change(issue_id, assignee="Priya Nair", dueDate="2026-12-24")
    workspace.say(issue_id, "On it")
    workspace.link_pull(issue_id, "https://github.com/acme/platform/pull/7")
    for event in workspace.events:
        fields = set(payload_type(event["type"]).fields)
        assert set(event["data"]) <= fields
        assert {name for name in event if name != "data"} <= set(schema().type_map["EntityWebhookPayload"].fields)  # type: ignore[attr-defined]
