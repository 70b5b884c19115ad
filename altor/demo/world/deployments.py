"""Commits, pull requests and deployments of the vendor's repository over the last ten days, and the next hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from altor.demo.world.incidents import Incident

HISTORY_H: Final = 300
FUTURE_H: Final = 30
#: Ordinary changes: (service, title, files). Deployed by chance, guilty of nothing.
_ORDINARY: Final = (
    ("core-api", "Bump pydantic and regenerate schemas", ("core/schemas/generated.py",)),
    ("core-api", "Feature flag clean-up: remove new_nav", ("core/flags.py", "core/settings.py")),
    ("core-api", "Log the carrier code on label errors", ("core/labels/logging.py",)),
    ("core-api", "Add pagination hints to the orders list", ("core/orders/list.py",)),
    ("tracking-api", "Add two carriers to the status map", ("tracking/carriers/status_map.yaml",)),
    ("tracking-api", "Remove the unused v0 timeline", ("tracking/timeline/v0.py",)),
    ("rates-api", "Round surcharges half up", ("rates/surcharges.py",)),
    ("rates-api", "Update the tariff import script", ("rates/import/tariffs.py",)),
    ("reports-api", "New CSV column for returns", ("reports/export/returns.py",)),
    ("reports-api", "Translate column heads", ("reports/export/i18n/heads.po",)),
    ("webhook-dispatcher", "Refactor event mapper", ("webhooks/mapper.go",)),
    ("webhook-dispatcher", "Expose delivery metrics by event type", ("webhooks/metrics.go",)),
    ("billing-worker", "Retry e-mail sending on SMTP 4xx", ("billing/mailer.py",)),
    ("billing-worker", "Show the VAT number on receipts", ("billing/receipts.html",)),
    ("edge-gateway", "Rotate access log format", ("gateway/log/format.go",)),
    ("edge-gateway", "Refresh the TLS cipher list", ("gateway/tls/ciphers.yaml",)),
)
AUTHORS: Final = (
    ("j-ortiz", "Julia Ortiz"),
    ("hsaito", "Haru Saito"),
    ("pzeman", "Petr Zeman"),
    ("amira-b", "Amira Bakker"),
    ("dkowal", "Dorota Kowal"),
)


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment with the commit it brought. `live_at` is the time of its success; None when it failed."""

    number: int  # GitHub's id
    service: str
    environment: str
    sha: str
    title: str
    files: tuple[str, ...]
    pull_number: int
    author: tuple[str, str]  # login, name
    merged_at: datetime
    created_at: datetime
    live_at: datetime | None
    failed_at: datetime | None = None
    incident: str = ""  # key of the incident it caused
    superseded_at: datetime | None = None

    @property
    def version(self) -> str:
        return self.sha[:7]


def _is_free(service: str, at_h: float, incidents: Sequence[Incident]) -> bool:
    """True when an ordinary deployment at `at_h` could not be taken for the cause of an incident without a deployment."""
    for incident in incidents:
        for deploy in incident.deploys:
            if deploy.service == service and abs(deploy.at_h - at_h) < 5.0:
                return False
        if incident.effects and incident.start_h - 3.0 < at_h < incident.start_h + 0.05:
            return False
    return True


def build_deployments(seed: int, anchor: datetime, incidents: Sequence[Incident]) -> tuple[Deployment, ...]:
    """All deployments, oldest first: ordinary ones, the incidents' own, failed ones and ones after the fact."""
    rng = np.random.default_rng([seed, 21])
    # (hours, service, title, files, incident key, fails, environment)
    plan: list[tuple[float, str, str, tuple[str, ...], str, bool, str]] = []
    first = {service: -HISTORY_H + index * 3.1 for index, service in enumerate(dict.fromkeys(o[0] for o in _ORDINARY))}
    for service, at_h in first.items():
        title, files = next((o[1], o[2]) for o in _ORDINARY if o[0] == service)
        plan.append((at_h, service, title, files, "", False, "production"))
    at_h = -HISTORY_H + 26.0
    while at_h < FUTURE_H:
        at_h += float(rng.uniform(4.0, 11.0))
        service, title, files = _ORDINARY[int(rng.integers(0, len(_ORDINARY)))]
        if _is_free(service, at_h, incidents):
            plan.append((at_h, service, title, files, "", False, "production"))
        plan.append((at_h - 1.7, service, title, files, "", False, "staging"))
    for incident in incidents:
        for deploy in incident.deploys:
            key = incident.key if deploy.is_culprit else ""
            plan.append((deploy.at_h, deploy.service, deploy.title, deploy.files, key, False, "production"))
        if not incident.effects or incident.start_h < -HISTORY_H:
            continue
        # Innocent company for the incident: one that failed before it, one that came after it.
        used = {deploy.service for deploy in incident.deploys}
        others = [o for o in _ORDINARY if o[0] not in used]
        if rng.random() < 0.35:
            service, title, files = others[int(rng.integers(0, len(others)))]
            plan.append(
                (incident.start_h - float(rng.uniform(0.2, 0.6)), service, title, files, "", True, "production")
            )
        if rng.random() < 0.6:
            service, title, files = others[int(rng.integers(0, len(others)))]
            after_h = incident.start_h + float(rng.uniform(0.2, 0.7))
            if _is_free(service, after_h, incidents):
                plan.append((after_h, service, title, files, "", False, "production"))
    return _number(rng, anchor, sorted(plan, key=lambda row: row[0]))


def _number(
    rng: np.random.Generator,
    anchor: datetime,
    plan: Sequence[tuple[float, str, str, tuple[str, ...], str, bool, str]],
) -> tuple[Deployment, ...]:
    """Give the planned deployments their ids, authors and times; each successful one supersedes its predecessor."""
    out: list[Deployment] = []
    current: dict[tuple[str, str], int] = {}
    number, pull = 2_140_000_000, 1180
    for at_h, service, title, files, incident, fails, environment in plan:
        number += int(rng.integers(20_000, 900_000))
        pull += int(rng.integers(1, 9))
        # The incidents start when their deployment is live: created a little earlier.
        lead = timedelta(seconds=float(rng.uniform(70, 150)))
        live_at = anchor + timedelta(hours=at_h)
        created_at = live_at - lead
        deployment = Deployment(
            number=number,
            service=service,
            environment=environment,
            sha=rng.bytes(20).hex(),
            title=title,
            files=files,
            pull_number=pull,
            author=AUTHORS[int(rng.integers(0, len(AUTHORS)))],
            merged_at=created_at - timedelta(minutes=float(rng.uniform(9, 40))),
            created_at=created_at,
            live_at=None if fails else live_at,
            failed_at=live_at if fails else None,
            incident=incident,
        )
        if not fails:
            before = current.get((service, environment))
            if before is not None:
                out[before] = replace(out[before], superseded_at=live_at)
            current[service, environment] = len(out)
        out.append(deployment)
    return tuple(out)
