"""A diagnosis in five lines: each with its evidence, and honest where nothing is known."""

from __future__ import annotations

from typing import Any

import pytest

from investigations.services.summary import LONGEST, checked_line, five_lines
from tests import factories
from tests.engine.scene import carry, queued, step
from tests.loopback import Upstream

pytestmark = pytest.mark.django_db


def lines(**values: Any) -> dict[str, str]:
    return {line.key: line.text for line in five_lines(factories.finished_run(diagnosis=factories.diagnosis(**values)))}


def test_five_lines_in_their_order() -> None:
    found = five_lines(factories.finished_run())
    assert [line.key for line in found] == ["cause", "scope", "since", "not", "next"]
    assert (found[0].text, found[0].confidence, found[0].band) == ("A deployment changed the limiter", 0.86, "High")
    assert found[0].evidence == ("E2", "E1")


@pytest.mark.parametrize(
    ("values", "key", "text"),
    [
        ({"scope": {"kind": "endpoint", "value": "GET /v2/orders"}}, "scope", "Endpoint GET /v2/orders"),
        ({"scope": {"kind": "none", "value": None}}, "scope", "Not established"),
        ({"scope": {"kind": "customer", "value": "org_1"}}, "scope", "This customer only (org_1)"),
        (
            {"scope": {"kind": "customer", "value": "org_1"}, "affected": factories.affected("org_2", total=3)},
            "scope", "This customer (org_1); 3 other customers show the symptom too",
        ),
        ({"onset": None, "onset_between": None}, "since", "Not established"),
        ({"ruled_out": [], "missing": []}, "not", "Nothing is excluded yet"),
        ({"ruled_out": []}, "not", "Nothing is excluded yet: not everything could be checked"),
        ({"escalate": False, "next_steps": []}, "next", "Nothing further is proposed"),
        ({"next_steps": ["x" * 900]}, "next", None),
    ],
)  # fmt: skip
def test_what_is_not_known_says_so(values: dict[str, Any], key: str, text: str | None) -> None:
    found = lines(**values)[key]
    assert found == text if text is not None else len(found) <= LONGEST


def test_a_run_without_a_diagnosis_has_no_lines() -> None:
    assert five_lines(factories.run()) == []


@pytest.mark.django_db(transaction=True)
def test_every_line_of_a_real_run_is_proved_by_evidence_that_it_has(upstream: Upstream, settings: Any) -> None:
    run = carry(queued(step("a"), step("b", "beta")), upstream)
    known = set(run.steps.values_list("evidence__ref_id", flat=True))
    found = five_lines(run)
    assert found[0].evidence
    assert all(set(line.evidence) <= known for line in found)


def test_the_checks_are_counted_and_what_was_away_is_named() -> None:
    run = factories.finished_run()
    assert checked_line(run, list(run.steps.all())) == ("2 checks, 2 systems, 2.3 s; not checked: Linear", ["Linear"])
