"""An incident is suggested when one cause spreads: from the contract's threshold on, once, and again when it grows."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from altor.errors import InvalidInput, PermissionRefused
from altor.models import Notice
from escalations.contracts.reading import ContractInvalid, digest, document_of, library_files, read_contract
from escalations.contracts.stored import load_library, save_contract
from escalations.incidents.closing import close
from escalations.incidents.declaring import Wish, declare
from escalations.incidents.proposing import Origin
from escalations.incidents.suggesting import dismiss, run_ended
from escalations.models import ContractVersion, IncidentSuggestion
from tests import factories as make
from tests.escalations.incident_scene import MINUTE, NOW, build

pytestmark = pytest.mark.django_db
WHY = "A reason of some length."
TEXT = library_files()[0].read_text()
PART = "incident: {customers: 3}"


@pytest.fixture
def scene():
    with time_machine.travel(NOW, tick=False):
        yield build()


def contract(part):
    load_library()
    return save_contract(TEXT.replace(PART, part), actor=None)


def more(scene, n, at=NOW):
    """`n` other customers write about the same cause; the last run."""
    run = None
    for _ in range(n):
        ticket = make.ticket(in_team=scene.team, customer=make.customer())
        run = make.finished_run(ticket, finished_at=at, as_of=at)
    return run


def test_below_the_threshold_nothing_is_suggested(scene):
    contract("incident: {customers: 5}")
    run_ended(scene.run)
    assert not IncidentSuggestion.objects.exists()
    run_ended(more(scene, 1))
    assert IncidentSuggestion.objects.get().customers == 5


def test_a_contract_that_says_nothing_suggests_nothing(scene):
    contract("")
    run_ended(more(scene, 9))
    assert not IncidentSuggestion.objects.exists()


@pytest.mark.parametrize(("least", "suggested"), [("SEV1", False), ("SEV2", True), ("SEV3", True)])
def test_from_which_severity_on(scene, least, suggested):
    contract(f"incident: {{customers: 3, severity: {least}}}")
    run_ended(scene.run)
    assert IncidentSuggestion.objects.exists() is suggested


def test_runs_of_another_cause_and_of_another_day_do_not_count(scene):
    contract("incident: {customers: 5}")
    other = make.diagnosis(culprit={"kind": "deployment", "id": "other"})
    make.finished_run(make.ticket(in_team=scene.team, customer=make.customer()), diagnosis=other)
    more(scene, 1, NOW - timedelta(hours=25))
    run_ended(scene.run)
    assert not IncidentSuggestion.objects.exists()


def test_a_ticket_whose_newer_run_names_another_cause_does_not_count(scene):
    contract("incident: {customers: 4}")
    make.finished_run(scene.second, diagnosis=make.diagnosis(culprit={"kind": "deployment", "id": "other"}))
    run_ended(scene.run)
    assert not IncidentSuggestion.objects.exists()


def test_several_tickets_of_one_customer_are_one_customer(scene):
    contract("incident: {customers: 5}")
    for _ in range(3):
        make.finished_run(make.ticket(in_team=scene.team, customer=scene.first.customer))
    run_ended(scene.run)
    assert not IncidentSuggestion.objects.exists()


def test_what_is_one_tickets_own_is_never_suggested(scene):
    nothing = make.diagnosis(candidates=[make.candidate("none.no_anomaly", "Nothing unusual", 0.9)],
                             affected=make.affected("a", "b", "c", "d"))  # fmt: skip
    run_ended(make.finished_run(make.ticket(in_team=scene.team), diagnosis=nothing))
    assert not IncidentSuggestion.objects.exists()


def test_others_who_show_the_symptom_of_one_customers_own_cause_do_not_count(scene):
    own = make.diagnosis(
        culprit={"kind": "customer_endpoint", "id": "hooks.example"}, affected=make.affected("a", "b", "c"),
        scope={"kind": "customer", "value": "org_wind"},
    )  # fmt: skip
    run_ended(make.finished_run(make.ticket(in_team=scene.team, customer=make.customer()), diagnosis=own))
    assert not IncidentSuggestion.objects.exists()


def test_customers_beyond_the_list_count_too(scene):
    contract("incident: {customers: 30}")
    listed = make.affected("org_kite", total=29)
    run_ended(make.finished_run(make.ticket(in_team=scene.team), diagnosis=make.diagnosis(affected=listed)))
    assert IncidentSuggestion.objects.get().customers == 32


def test_the_others_are_those_of_the_run_that_looks_at_the_latest_time(scene):
    late = make.diagnosis(affected=make.affected("a", "b", "c", "d", "e", "f"))
    run = make.finished_run(make.ticket(in_team=scene.team), diagnosis=late, as_of=NOW)
    earlier = make.affected("g")
    make.finished_run(make.ticket(in_team=scene.team), diagnosis=make.diagnosis(affected=earlier), as_of=NOW - MINUTE)
    run_ended(run)
    assert IncidentSuggestion.objects.get().customers == 4 + 6  # those that wrote, and a to f


def test_it_grows_in_silence_and_is_told_once(scene):
    run_ended(scene.run)
    run_ended(more(scene, 4))
    found = IncidentSuggestion.objects.get()
    assert (found.customers, found.wrote, found.figures) == (8, 6, "8 customers: 6 wrote, 2 have not")
    assert Notice.objects.filter(kind="incident.suggested").count() == 1


def test_dismissed_with_a_reason_it_comes_again_only_when_it_grew_by_the_threshold(scene):
    run_ended(scene.run)
    found = IncidentSuggestion.objects.get()
    with pytest.raises(InvalidInput):
        dismiss(found, "no", actor=scene.leo, now=NOW)
    with pytest.raises(PermissionRefused):
        dismiss(found, WHY, actor=scene.mina, now=NOW)
    dismiss(found, WHY, actor=scene.leo, now=NOW)
    dismiss(found, "Another reason of length.", actor=scene.eli, now=NOW + MINUTE)
    found.refresh_from_db()
    assert (found.dismissed_by, found.dismissed_why) == (scene.leo, WHY)
    run_ended(more(scene, 2))
    assert not IncidentSuggestion.objects.open().exists()
    run_ended(more(scene, 1))
    assert IncidentSuggestion.objects.open().get().customers == 7
    assert Notice.objects.filter(kind="incident.suggested").count() == 2


def test_after_an_incident_was_closed_only_what_came_since_counts(scene):
    made, _ = declare(Origin(ticket=scene.first), Wish(), actor=scene.leo, now=NOW)
    close(made, cause_label="rl.limiter_deploy", cause_text=WHY, unproven_reason=WHY, actor=scene.leo, now=NOW)
    run_ended(scene.run)
    assert not IncidentSuggestion.objects.exists()
    later = NOW + 2 * MINUTE
    with time_machine.travel(later, tick=False):
        run_ended(more(scene, 3, later))
    assert IncidentSuggestion.objects.get().customers == 3


def test_it_is_for_those_of_the_team_who_may_declare(scene):
    run_ended(scene.run)
    rows = IncidentSuggestion.objects
    assert rows.visible_to(scene.leo).exists() and rows.visible_to(scene.eli).exists()
    elsewhere = make.user(role="lead", teams=(make.team("Elsewhere"),))
    for who in (scene.mina, elsewhere, make.user(role="read_only", teams=(scene.team,))):
        assert not rows.visible_to(who).exists(), who


# ------------------------------------------------------------------------------------------------------------- contract
def test_the_contract_names_the_threshold_and_old_contracts_keep_their_digest():
    form = read_contract(TEXT)
    assert (form.incident.customers, form.incident.severity) == (3, None)
    old = read_contract(TEXT.replace(PART, ""))
    assert old.incident is None and "incident" not in document_of(old)
    assert digest(old) != digest(form)
    assert document_of(form)["incident"] == {"customers": 3, "severity": None}


@pytest.mark.parametrize(
    "part", ["incident: {customers: 1}", "incident: {}", "incident: {customers: 3, from: SEV1}", "incident: 3"]
)
def test_a_wrong_part_is_refused_at_its_line(part):
    with pytest.raises(ContractInvalid) as refused:
        read_contract(TEXT.replace(PART, part))
    assert refused.value.extra["problems"][0]["line"] == TEXT[: TEXT.index(PART)].count("\n") + 1


def test_a_stored_contract_without_it_stays_what_it_is():
    old = TEXT.replace(PART, "")
    first = save_contract(old, actor=None)
    assert save_contract(old, actor=None) == first
    assert ContractVersion.objects.get() == first
    assert first.sha256 == digest(read_contract(old))
