"""Labelled incidents: `python -m benchmarks.diagnosis.generate --out DIR --seed 7 --per-label 2`.

Each case is a folder with a ticket, an installation, the telemetry of 30 hours and what GitHub, Linear and Stripe hold,
in the shapes of the shared samples, so that the shared server serves it and the shared scorer scores it. Everything is
invented. Vendors, naming, traffic, effect sizes, innocent look-alikes, missing sources and the customer's words vary.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.diagnosis.causes import CAUSES, herrings, unrest
from benchmarks.diagnosis.documents import Record, github, linear, stamp
from benchmarks.diagnosis.telemetry import write_telemetry
from benchmarks.diagnosis.tickets import ticket
from benchmarks.diagnosis.world import World, build_world

#: Share of the cases in which one source does not answer.
FAULTY: Final = 0.12
#: Where one source alone could tell the cause.
ALONE: Final = {"bill": "stripe", "rl.plan_downgrade": "", "err.known_bug": "linear"}
CLASSES: Final = {"rl": "rate_limit", "lat": "latency", "err": "api_error", "wh": "webhook", "bill": "billing"}


#: Causes that show in what is sent to the customer's endpoint, and in nothing else.
SHOWN_BY_SENDING: Final = {
    f"wh.{name}"
    for name in (
        "tls_expired", "endpoint_gone", "consumer_timeout", "dns_failure", "endpoint_5xx", "auth_after_rotation",
        "signature_change",
    )
}  # fmt: skip
#: Another seed for a case that nobody could solve.
NEXT_SEED: Final = 10_000_019


def make_case(folder: Path, label: str, seed: int, *, is_hard: bool) -> bool:
    """False when nothing of the cause was recorded: not one delivery to the customer since it began."""
    world = build_world(np.random.default_rng(seed), is_hard=is_hard)
    made = CAUSES[label](world)
    innocent = herrings(world, made, label)
    if is_hard:
        unrest(world)
    record = Record(world)
    for change in world.billing:
        change(record)
    if later := made.pop("later", None):
        made |= later()
    family = label.partition(".")[0]
    asked = ticket(world, label, made)
    down = world.pick(["github", "linear", "stripe"]) if world.chance(FAULTY) else ""
    if family == "other":
        down = ""  # nothing is asked for a ticket that is no incident, so nothing can be missing
    alone = ALONE.get(label, ALONE.get(family, ""))
    blind = bool(down) and down == alone
    acceptable = [*made.pop("acceptable", [label]), *(["inconclusive"] if blind else [])]
    documents: dict[str, Any] = {
        "ticket": asked,
        "installation": _installation(world),
        "github": github(world),
        "linear": linear(world),
        "stripe": record.lists(),
        "faults": {down: {"mode": "down"}} if down else {},
    }
    documents["installation"]["github"] |= {key: documents["github"][key] for key in ("owner", "repo")}
    documents["truth"] = {
        "case": folder.name,
        "label": label,
        "class": CLASSES.get(family) or _complaint(asked),
        "ended_at": None,
        **{key: value for key, value in made.items() if key != "event"},
        "herrings": innocent,
        "unavailable": [down] if down else [],
        "acceptable": acceptable,
        "culprit_knowable": not blind,
        "customer": {"org_id": world.me.org, "name": world.me.name, "stripe_customer": world.me.stripe},
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(document, ensure_ascii=False))
    sent = write_telemetry(world, folder)
    return label not in SHOWN_BY_SENDING or any(f"{at:%Y-%m-%dT%H:%M:%SZ}" >= made["onset"] for at in sent)


def _complaint(asked: dict[str, Any]) -> str:
    """The class of the complaint where there is no cause."""
    text = f"{asked['subject']} {asked['description']}".lower()
    for word, found in (("429", "rate_limit"), ("error", "api_error"), ("down", "api_error"), ("slow", "latency")):
        if word in text:
            return found
    return "other"


def _installation(world: World) -> dict[str, Any]:
    names = world.names
    return {
        "vendor": world.vendor,
        "now": stamp(world.now),
        "telemetry": {
            "tenant_attribute": names["tenant"],
            "status_attribute": names["status"],
            "method_attribute": names["method"],
            "route_attribute": names["route"],
            "client_ip_attribute": names["ip"],
            "region_resource": "cloud.region",
            "instance_resource": "k8s.pod.name",
            "version_resource": "service.version",
            "api_key_attribute": "api.key_id",
            "sample_rate_attribute": "SampleRate",
            "rate_limit_attribute": "ratelimit.limit",
            "rate_limit_scope_attribute": "ratelimit.scope",
            "webhook_span_name": "webhook.deliver",
            "window_start": stamp(world.start),
            "window_end": stamp(world.now),
        },
        "github": {"environment": "production", "service_payload_key": "service"},
        "linear": {"team_key": "ENG"},
        "stripe": {"customer_metadata_key": "org_id", "plan_limit_metadata_key": "rate_limit_per_minute"},
        "customers": [
            {
                "org_id": tenant.org,
                "name": tenant.name,
                "domain": tenant.domain,
                "plan": tenant.plan,
                "stripe_customer": tenant.stripe,
            }
            for tenant in world.tenants
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--per-label", type=int, default=1)
    parser.add_argument(
        "--hard", action="store_true", help="weak effects, thin traffic, and a system that is not quiet"
    )
    parser.add_argument("--labels", nargs="*", default=[], help="labels or their beginnings; default: all")
    arguments = parser.parse_args()
    labels = sorted(CAUSES)
    wanted = [label for label in labels if not arguments.labels or label.startswith(tuple(arguments.labels))]
    for round_ in range(arguments.per_label):
        for label in wanted:
            # A case's number, and with it its seed, does not depend on what else was asked for.
            number = labels.index(label) + round_ * len(labels)
            folder, seed = arguments.out / f"{arguments.seed}-{number:03d}", arguments.seed * 100_003 + number
            while not make_case(folder, label, seed, is_hard=arguments.hard):
                seed += NEXT_SEED
    print(f"{arguments.per_label * len(wanted)} cases in {arguments.out}")


if __name__ == "__main__":
    main()
