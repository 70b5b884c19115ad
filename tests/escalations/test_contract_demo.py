"""The demo's contract names the demo's engineers."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from escalations.contracts.demo import SLUG, ContractsDemo
from escalations.contracts.stored import form_of
from escalations.models import ContractVersion
from tests import factories


@pytest.mark.django_db
def test_the_shipped_contract_gets_the_companys_own_owners_once() -> None:
    engineer = factories.user("engineer", role="engineer")
    setting = SimpleNamespace(actor=factories.user("admin", role="admin"))
    for _ in range(2):
        ContractsDemo().connect(setting)  # type: ignore[arg-type]
    version = ContractVersion.objects.active().get()
    assert version.number == 2
    owner = form_of(version).owner
    assert (owner.team, owner.linear_team != "") == (SLUG, True)
    assert list(engineer.teams.values_list("slug", flat=True)) == [SLUG]
