"""What GitHub, Linear and Stripe would hold, in the shapes that the shared server serves."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any, Final

from altor.demo.world.stripe_objects import MONTH_S, Maker
from benchmarks.diagnosis.world import PEOPLE, PLANS, Deployment, Tenant, World

Json = dict[str, Any]


def stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


# ------------------------------------------------------------------------------------------------------ GitHub
def github(world: World) -> Json:
    owner, repo = world.vendor.lower(), world.pick(["backend", "platform", "monorepo", "services"])
    api = f"https://api.github.com/repos/{owner}/{repo}"
    made: Json = {
        "owner": owner,
        "repo": repo,
        "repository": {
            "id": int(world.rng.integers(10**6, 10**7)),
            "name": repo,
            "full_name": f"{owner}/{repo}",
            "html_url": f"https://github.com/{owner}/{repo}",
            "default_branch": "main",
            "private": True,
            "url": api,
        },
        "deployments": [],
        "statuses": {},
        "commits": [],
        "compare": {},
        "pulls": {},
        "environments": [{"id": 1, "name": "production"}, {"id": 2, "name": "staging"}],
    }
    for deployment in sorted(world.deployments, key=lambda item: item.at, reverse=True):
        _deployment(world, made, api, deployment)
    made["commits"].sort(key=lambda item: item["commit"]["committer"]["date"], reverse=True)
    return made


def _deployment(world: World, made: Json, api: str, item: Deployment) -> None:
    number = int(world.rng.integers(10**9, 2 * 10**9))
    begun = item.at - timedelta(seconds=world.uniform(40, 300))
    html = made["repository"]["html_url"]
    bot = {
        "login": "ship-bot",
        "id": 31,
        "type": "Bot",
        "html_url": "https://github.com/ship-bot",
        "url": "https://api.github.com/users/ship-bot",
    }
    made["deployments"].append(
        {
            "url": f"{api}/deployments/{number}",
            "id": number,
            "node_id": f"DE_{number}",
            "task": "deploy",
            "original_environment": item.environment,
            "environment": item.environment,
            "description": f"deploy {item.service}",
            "created_at": stamp(begun),
            "updated_at": stamp(item.at),
            "sha": item.sha,
            "ref": "main",
            "payload": {"service": item.service, "version": item.sha[:7]},
            "creator": bot,
            "statuses_url": f"{api}/deployments/{number}/statuses",
            "repository_url": api,
            "transient_environment": item.environment != "production",
            "production_environment": item.environment == "production",
        }
    )
    states = [("pending", begun), ("in_progress", begun + timedelta(seconds=10)), (item.state, item.at)]
    made["statuses"][str(number)] = [
        {
            "url": f"{api}/deployments/{number}/statuses/{index}",
            "id": number * 10 + index,
            "state": state,
            "creator": bot,
            "description": "",
            "environment": item.environment,
            "target_url": "",
            "created_at": stamp(at),
            "updated_at": stamp(at),
            "deployment_url": f"{api}/deployments/{number}",
            "repository_url": api,
            "environment_url": "",
            "log_url": f"{html}/actions/runs/{number}",
        }
        for index, (state, at) in reversed(list(enumerate(states)))
    ]
    written = stamp(item.at - timedelta(minutes=world.uniform(20, 90)))
    login = world.pick(PEOPLE).lower()
    person = {
        "login": login,
        "id": int(world.rng.integers(10**5, 10**6)),
        "type": "User",
        "html_url": f"https://github.com/{login}",
        "url": f"https://api.github.com/users/{login}",
    }
    signed = {"name": login.title(), "email": f"{login}@{made['owner']}.example", "date": written}
    files = [
        {
            "filename": name,
            "status": "modified",
            "additions": int(world.rng.integers(1, 80)),
            "deletions": int(world.rng.integers(0, 40)),
            "changes": 10,
            "sha": item.sha,
        }
        for name in item.files
    ]
    made["commits"].append(
        {
            "sha": item.sha,
            "node_id": f"C_{item.sha[:12]}",
            "url": f"{api}/commits/{item.sha}",
            "html_url": f"{html}/commit/{item.sha}",
            "commit": {
                "message": item.title,
                "author": signed,
                "committer": signed,
                "tree": {"sha": world.sha(), "url": ""},
                "comment_count": 0,
            },
            "author": person,
            "committer": person,
            "parents": [],
            "files": files,
        }
    )
    number = int(world.rng.integers(200, 3000))
    made["pulls"][item.sha] = [
        {
            "number": number,
            "id": number * 1000,
            "state": "closed",
            "title": item.title.partition(" (#")[0],
            "body": "",
            "user": person,
            "html_url": f"{html}/pull/{number}",
            "url": f"{api}/pulls/{number}",
            "created_at": written,
            "updated_at": written,
            "merged_at": written,
            "closed_at": written,
            "merge_commit_sha": item.sha,
            "draft": False,
            "labels": [],
            "base": {"ref": "main"},
            "head": {"ref": f"work/{number}", "sha": item.sha},
        }
    ]


# ------------------------------------------------------------------------------------------------------ Linear
_STATES: Final = (
    ("Backlog", "backlog"),
    ("Todo", "unstarted"),
    ("In Progress", "started"),
    ("Done", "completed"),
    ("Canceled", "canceled"),
    ("Triage", "triage"),
)
_ORDINARY: Final = (
    ("Search ignores accents", "Normalise before indexing."),
    ("Export to spreadsheets", "Feature request of three customers."),
    ("Dark mode for the console", "Design is ready."),
    ("Flaky test in CI", "Fails once a week."),
    ("Upgrade Node in tooling", "End of life soon."),
    ("Better empty state", "First use is confusing."),
    ("Docs: pagination example", "Asked often."),
    ("Rotate internal certificates", "Yearly."),
    ("Show time zone in reports", "Small."),
    ("Rename plan in emails", "Marketing asks."),
)


def linear(world: World) -> Json:
    def new() -> str:
        return str(uuid.UUID(bytes=world.rng.bytes(16), version=4))

    owner = world.vendor.lower()
    states = {
        kind: {"id": new(), "name": name, "type": kind, "position": index} for index, (name, kind) in enumerate(_STATES)
    }
    labels = [{"id": new(), "name": name, "color": "#5e6ad2"} for name in ("bug", "improvement", "customer-reported")]
    team = {"id": new(), "key": "ENG", "name": "Engineering"}
    users = [
        {"id": new(), "name": name, "displayName": name.lower(), "email": f"{name.lower()}@{owner}.example"}
        for name in PEOPLE[:5]
    ]
    ordinary = [
        {
            "identifier": f"ENG-{4100 + index}",
            "title": title,
            "description": text,
            "state": world.pick(["backlog", "unstarted", "completed"]),
            "age_days": world.uniform(3, 170),
        }
        for index, (title, text) in enumerate(_ORDINARY)
        if world.chance(0.7)
    ]
    issues = []
    for item in [*ordinary, *world.issues]:
        created = world.now - timedelta(days=item["age_days"])
        updated = min(world.now - timedelta(hours=1), created + timedelta(days=world.uniform(0, item["age_days"])))
        state = states[item["state"]]
        issues.append(
            {
                "id": new(),
                "identifier": item["identifier"],
                "number": int(item["identifier"].partition("-")[2]),
                "title": item["title"],
                "description": item["description"],
                "priority": 3,
                "priorityLabel": "Medium",
                "url": f"https://linear.app/{owner}/issue/{item['identifier']}",
                "createdAt": stamp(created),
                "updatedAt": stamp(updated),
                "startedAt": stamp(updated) if item["state"] == "started" else None,
                "completedAt": stamp(updated) if item["state"] == "completed" else None,
                "canceledAt": None,
                "slaBreachesAt": None,
                "state": state,
                "assignee": world.pick([None, *users]),
                "team": team,
                "cycle": None,
                "project": None,
                "labels": {"nodes": [world.pick(labels)]},
                "comments": {"nodes": []},
                "attachments": {"nodes": []},
                "needs": {"nodes": []},
                "releases": {"nodes": []},
            }
        )
    customers = [
        {
            "id": new(),
            "name": tenant.name,
            "domains": [tenant.domain],
            "externalIds": [tenant.org],
            "url": f"https://linear.app/{owner}/customer/{index}",
            "revenue": None,
            "size": None,
            "approximateNeedCount": 0,
            "status": {"name": "Active"},
            "tier": {"name": tenant.plan},
        }
        for index, tenant in enumerate(world.tenants)
    ]
    return {
        "viewer": users[0],
        "organization": {"id": new(), "name": world.vendor, "urlKey": owner},
        "teams": [
            {**team, "states": {"nodes": list(states.values())}, "labels": {"nodes": labels}, "activeCycle": None}
        ],
        "users": users,
        "issues": sorted(issues, key=lambda item: item["updatedAt"], reverse=True),
        "customers": customers,
        "customerNeeds": [],
    }


# ------------------------------------------------------------------------------------------------------ Stripe
class Record:
    """The Stripe account. The methods that a cause calls answer with the ids of what they made."""

    def __init__(self, world: World) -> None:
        self.world, self.make = world, Maker(world.rng, world.now)
        self.now = int(world.now.timestamp())
        for name, (amount, limit) in PLANS.items():
            self.make.plan(world.vendor, name, amount, limit, limit * 10_000)
        self.subscriptions: dict[str, Json] = {}
        for tenant in world.tenants:
            last = self.now - int(world.uniform(3, 27) * 86_400)
            started = last - MONTH_S * int(world.rng.integers(4, 12))
            self.make.customer(tenant.stripe, tenant.name, f"billing@{tenant.domain}", tenant.org, started)
            subscription = self.subscriptions[tenant.org] = self.make.subscription(
                tenant.stripe, tenant.plan, started, last
            )
            for months in range(int(world.rng.integers(1, 4)), -1, -1):
                self._cycle(tenant, subscription, last - months * MONTH_S)
            if tenant is not world.me and world.chance(0.08):  # somebody else's trouble
                self.failed_payment(tenant)

    def lists(self) -> Json:
        for items in self.make.lists.values():
            items.sort(key=lambda item: item["created"], reverse=True)
        return dict(self.make.lists)

    def _line(self, subscription: Json, at: int) -> Json:
        price = self.make.price_of(subscription)
        return self.make.line(
            f"1 × {self.world.vendor} {price['nickname']}", price["unit_amount"], price, subscription, at, at + MONTH_S
        )

    def _cycle(
        self, tenant: Tenant, subscription: Json, at: int, *, extra: tuple[Json, ...] = (), **options: Any
    ) -> Json:
        return self.make.invoice(
            tenant.stripe, subscription, at, [self._line(subscription, at), *extra], "subscription_cycle", **options
        )

    def _recent(self, low_days: float = 0.3, high_days: float = 6) -> int:
        return self.now - int(self.world.uniform(low_days, high_days) * 86_400)

    def _renewal(self, tenant: Tenant) -> tuple[Json, int]:
        """The subscription and the time of a renewal some days ago, which takes the place of the last one."""
        subscription, at = self.subscriptions[tenant.org], self._recent()
        gone = subscription["latest_invoice"]
        lists = self.make.lists
        paid = [item for item in lists["invoice_payments"] if item["invoice"] == gone]
        intents = {item["payment"]["payment_intent"] for item in paid}
        drop = {
            gone,
            *intents,
            *(item["id"] for item in paid),
            *(c["id"] for c in lists["charges"] if c["payment_intent"] in intents),
        }
        for name in ("invoices", "invoice_payments", "payment_intents", "charges", "balance_transactions"):
            lists[name] = [item for item in lists[name] if item["id"] not in drop and item.get("source") not in drop]
        lists["events"] = [item for item in lists["events"] if item["data"]["object"]["id"] not in drop]
        item = subscription["items"]["data"][0]
        item["current_period_start"], item["current_period_end"] = at, at + MONTH_S
        subscription["billing_cycle_anchor"] = at
        return subscription, at

    def _iso(self, at: int) -> str:
        return stamp(datetime.fromtimestamp(at, tz=self.world.now.tzinfo))

    def downgrade(self, tenant: Tenant, plan: str, at: datetime) -> Json:
        subscription, when = self.subscriptions[tenant.org], int(at.timestamp())
        item = subscription["items"]["data"][0]
        former = self.make.price(tenant.plan)
        item["price"] = self.make.price(plan)
        event = self.make.event(
            "customer.subscription.updated",
            subscription,
            when,
            {"items": {"data": [{"id": item["id"], "price": former}]}},
        )
        return {"event": event["id"], "subscription": subscription["id"]}

    def duplicate(self, tenant: Tenant) -> Json:
        at, order, card = self._recent(), f"ORD-{int(self.world.rng.integers(10_000, 99_999))}", self.make.card()
        amount = int(self.world.rng.integers(900, 90_000))
        for seconds in (0, int(self.world.uniform(4, 1500))):
            charge = self.make.charge(
                tenant.stripe,
                amount,
                "usd",
                at + seconds,
                f"Credits, order {order}",
                metadata={"order_id": order},
                card=card,
            )
        return {"id": charge["id"], "onset": self._iso(charge["created"])}

    def second_subscription(self, tenant: Tenant) -> Json:
        at = self._recent(1, 20)
        second = self.make.subscription(tenant.stripe, tenant.plan, at, at)
        self.make.invoice(tenant.stripe, second, at, [self._line(second, at)], "subscription_create")
        self.make.event("customer.subscription.created", second, at, None)
        return {"id": second["id"], "onset": self._iso(at)}

    def proration(self, tenant: Tenant) -> Json:
        subscription, at = self.subscriptions[tenant.org], self._recent()
        plans = list(PLANS)
        item, old = subscription["items"]["data"][0], self.make.price_of(subscription)
        new = self.make.price(plans[min(plans.index(tenant.plan) + 1, len(plans) - 1)])
        end = item["current_period_end"]
        share = max(end - at, 86_400) / MONTH_S
        lines = [
            self.make.line(
                f"Unused time on {self.world.vendor} {old['nickname']}",
                -int(old["unit_amount"] * share),
                old,
                subscription,
                at,
                end,
                proration=True,
            ),
            self.make.line(
                f"Remaining time on {self.world.vendor} {new['nickname']}",
                int(new["unit_amount"] * share),
                new,
                subscription,
                at,
                end,
                proration=True,
            ),
        ]
        item["price"] = new
        self.make.event(
            "customer.subscription.updated", subscription, at, {"items": {"data": [{"id": item["id"], "price": old}]}}
        )
        return {
            "id": self.make.invoice(tenant.stripe, subscription, at, lines, "subscription_update")["id"],
            "onset": self._iso(at),
        }

    def failed_payment(self, tenant: Tenant) -> Json:
        subscription, at = self._renewal(tenant)
        code = self.world.pick(["insufficient_funds", "expired_card"])
        invoice = self._cycle(tenant, subscription, at, decline=code)
        subscription["status"] = "past_due"
        self.make.event("customer.subscription.updated", subscription, at + 70, {"status": "active"})
        return {"id": invoice["id"], "onset": self._iso(at), "decline_code": code}

    def refund(self, tenant: Tenant) -> Json:
        charges = [
            item
            for item in self.make.lists["charges"]
            if item["customer"] == tenant.stripe and item["status"] == "succeeded"
        ]
        charge = max(charges, key=lambda item: int(item["created"]))
        at = min(self.now - 3600, max(charge["created"] + 3600, self._recent(0.3, 3)))
        made = self.make.refund(
            charge,
            charge["amount"] if self.world.chance(0.6) else charge["amount"] // 2,
            at,
            self.world.pick(["pending", "succeeded"]),
        )
        return {"id": made["id"], "onset": self._iso(at)}

    def dispute(self, tenant: Tenant) -> Json:
        charges = [
            item
            for item in self.make.lists["charges"]
            if item["customer"] == tenant.stripe and item["status"] == "succeeded"
        ]
        at = self._recent(0.3, 5)
        made = self.make.dispute(max(charges, key=lambda item: int(item["created"])), at)
        return {"id": made["id"], "onset": self._iso(at)}

    def tax(self, tenant: Tenant) -> Json:
        subscription, at = self._renewal(tenant)
        who = next(item for item in self.make.lists["customers"] if item["id"] == tenant.stripe)
        if self.world.chance(0.5):
            who["address"] = {
                "city": "Graz",
                "country": "AT",
                "line1": "Annenstr. 3",
                "line2": None,
                "postal_code": "8020",
                "state": None,
            }
            self.make.event("customer.updated", who, at - 86_400 * 3, {"address": None})
        else:
            self.make.event("customer.updated", who, at - 86_400 * 3, {"tax_exempt": "exempt"})
        return {
            "id": self._cycle(tenant, subscription, at, tax_percent=self.world.pick([7.0, 19.0, 20.0, 25.0]))["id"],
            "onset": self._iso(at),
        }

    def currency(self, tenant: Tenant) -> Json:
        subscription, at = self._renewal(tenant)
        subscription["currency"] = "eur"
        subscription["items"]["data"][0]["price"] = self.make.price(tenant.plan, "eur")
        return {"id": self._cycle(tenant, subscription, at)["id"], "onset": self._iso(at)}

    def overage(self, tenant: Tenant) -> Json:
        subscription, at = self._renewal(tenant)
        blocks = int(self.world.rng.integers(20, 900))
        line = self.make.line(
            f"{blocks} × 1,000 additional requests",
            int(blocks * 0.4 * 100),
            self.make.price("Additional requests"),
            subscription,
            at - MONTH_S,
            at,
            quantity=blocks,
        )
        return {"id": self._cycle(tenant, subscription, at, extra=(line,))["id"], "onset": self._iso(at)}
