"""The invented vendor of one case: what it runs, who its customers are, and how its telemetry is named."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import numpy as np

WINDOW_H: Final = 30.0
T = TypeVar("T")
_LETTERS: Final = np.array(list(string.ascii_letters + string.digits))
_FIRST: Final = (
    "Amber",
    "Birch",
    "Coral",
    "Delta",
    "Ember",
    "Fjord",
    "Glade",
    "Heron",
    "Inlet",
    "Jasper",
    "Kelp",
    "Larch",
    "Maple",
    "Nimbus",
    "Opal",
    "Pebble",
    "Quill",
    "Raven",
    "Slate",
    "Thistle",
    "Umber",
    "Vale",
    "Wren",
    "Yarrow",
)
_SECOND: Final = (
    "Foods",
    "Logistics",
    "Dental",
    "Bikes",
    "Studios",
    "Hotels",
    "Books",
    "Energy",
    "Optics",
    "Garden",
    "Motors",
    "Health",
    "Travel",
    "Fabrics",
    "Coffee",
    "Labs",
    "Finance",
    "Tools",
    "Media",
    "Rentals",
)
PEOPLE: Final = (
    "Noor",
    "Tomas",
    "Ines",
    "Pavel",
    "Mika",
    "Leila",
    "Bruno",
    "Hana",
    "Oskar",
    "Ruth",
    "Deniz",
    "Sara",
    "Kofi",
    "Elif",
    "Jan",
    "Maya",
)
AGENTS: Final = (
    "python-requests/2.31.0",
    "axios/1.6.2",
    "okhttp/4.12.0",
    "Go-http-client/2.0",
    "guzzle/7.8",
    "node-fetch/3.3.0",
    "Faraday v2.7",
    "curl/8.4.0",
)
REGIONS: Final = ("eu-central-1", "us-east-1", "us-west-2", "ap-northeast-1", "sa-east-1")
PLANS: Final = {"Basic": (4900, 90), "Team": (19900, 240), "Business": (64900, 800), "Enterprise": (210000, 3000)}
TENANT_KEYS: Final = (
    "tenant.id",
    "org.id",
    "enduser.id",
    "customer.id",
    "app.account_id",
    "workspace_id",
    "acme.tenant",
)

#: Per trade: routes as (method, path, service, share of the traffic, ms, table, external host, cached).
Spec = tuple[str, str, str, float, float, str, str, bool]
TRADES: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[Spec, ...]]]] = {
    "messages": (
        ("Chimely", "Postwire", "Relaybird"),
        ("message.sent", "message.failed", "contact.updated", "campaign.done"),
        (
            ("POST", "/v1/messages", "send-api", 3.0, 70, "messages", "", False),
            ("GET", "/v1/messages/{id}", "send-api", 2.5, 28, "messages", "", True),
            ("GET", "/v1/contacts", "crm-api", 2.0, 55, "contacts", "", True),
            ("POST", "/v1/contacts/import", "crm-api", 0.5, 420, "contacts", "", False),
            ("POST", "/v1/numbers/lookup", "send-api", 0.9, 190, "", "api.numlookup.example", False),
            ("GET", "/v1/campaigns/{id}/stats", "stats-api", 0.8, 240, "campaign_events", "", True),
            ("GET", "/v1/templates", "crm-api", 1.0, 35, "templates", "", True),
        ),
    ),
    "payroll": (
        ("Paylark", "Wagely", "Rollcount"),
        ("payslip.ready", "employee.created", "run.closed", "leave.booked"),
        (
            ("GET", "/api/employees", "people-service", 2.6, 48, "employees", "", True),
            ("POST", "/api/employees", "people-service", 0.7, 95, "employees", "", False),
            ("GET", "/api/payslips/{id}", "pay-service", 2.2, 66, "payslips", "", False),
            ("POST", "/api/runs", "pay-service", 0.6, 640, "pay_runs", "", False),
            ("POST", "/api/bank/verify", "pay-service", 0.8, 260, "", "verify.bankgate.example", False),
            ("GET", "/api/leave", "people-service", 1.6, 40, "leave_days", "", True),
            ("GET", "/api/reports/cost", "report-service", 0.7, 510, "cost_rows", "", False),
        ),
    ),
    "shop": (
        ("Cartella", "Stallwise", "Bazario"),
        ("cart.paid", "stock.low", "parcel.shipped", "return.opened", "buyer.created"),
        (
            ("GET", "/2024/products", "catalog", 3.4, 38, "products", "", True),
            ("GET", "/2024/products/{sku}", "catalog", 2.8, 24, "products", "", True),
            ("POST", "/2024/carts", "checkout", 1.8, 85, "carts", "", False),
            ("POST", "/2024/carts/{id}/pay", "checkout", 1.1, 330, "payments", "gw.cardpath.example", False),
            ("GET", "/2024/stock", "catalog", 1.2, 52, "stock_levels", "", False),
            ("POST", "/2024/bulk/prices", "catalog", 0.4, 370, "prices", "", False),
            ("GET", "/2024/search", "search", 1.7, 110, "documents", "", True),
            ("GET", "/2024/exports/sales", "exports", 0.5, 900, "sales_rows", "", False),
        ),
    ),
    "fleet": (
        ("Tracknest", "Haulio", "Wheelbase"),
        ("position.late", "trip.finished", "geofence.entered", "driver.assigned"),
        (
            ("POST", "/v3/positions", "ingest", 4.0, 18, "positions", "", False),
            ("GET", "/v3/vehicles", "fleet-core", 2.0, 60, "vehicles", "", True),
            ("GET", "/v3/trips/{id}", "fleet-core", 1.6, 75, "trips", "", False),
            ("POST", "/v3/routes/plan", "planner", 0.8, 480, "road_edges", "maps.roadline.example", False),
            ("GET", "/v3/drivers", "fleet-core", 1.2, 44, "drivers", "", True),
            ("POST", "/v3/trips/batch", "fleet-core", 0.5, 300, "trips", "", False),
            ("GET", "/v3/reports/fuel", "reporting", 0.5, 700, "fuel_rows", "", False),
        ),
    ),
}


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    service: str
    weight: float
    ms: float
    table: str
    host: str
    cached: bool

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class Tenant:
    org: str
    name: str
    domain: str
    plan: str
    limit: int
    weight: float
    keys: list[str]
    ips: list[str]
    agent: str
    stripe: str
    hook: str  # host of its webhook endpoint
    hook_weight: float
    hook_ms: float
    events: list[str]
    regions: list[float]


@dataclass
class Deployment:
    sha: str
    service: str
    at: datetime  # when it was live, or would have been
    title: str
    files: tuple[str, ...]
    environment: str = "production"
    state: str = "success"


@dataclass
class World:
    """Everything of one case; incidents change it before the documents are written."""

    rng: np.random.Generator
    now: datetime
    vendor: str
    routes: tuple[Route, ...]
    event_types: tuple[str, ...]
    tenants: list[Tenant]
    services: dict[str, list[str]]  # service -> pods
    regions: tuple[str, ...]
    names: dict[str, str]  # attribute names by role
    sample_rate: int
    spans: int  # server spans of an ordinary window
    soft: float = 0.0  # 0: effects as written; 1: hardly more than half of them
    deployments: list[Deployment] = field(default_factory=list)
    logs: list[tuple[datetime, str, str, dict[str, str]]] = field(default_factory=list)  # at, service, body, attributes
    extra: list[dict[str, Any]] = field(default_factory=list)  # traffic beside the ordinary one
    touch: list[Callable[[dict[str, Any]], None]] = field(default_factory=list)  # what happens to a request
    hook_touch: list[Callable[[dict[str, Any]], None]] = field(default_factory=list)  # ... to a delivery
    issues: list[dict[str, Any]] = field(default_factory=list)
    billing: list[Callable[[Any], Any]] = field(default_factory=list)  # what happens to the Stripe record

    @property
    def start(self) -> datetime:
        return self.now - timedelta(hours=WINDOW_H)

    @property
    def me(self) -> Tenant:
        """Whose ticket it is."""
        return self.tenants[0]

    def softened(self, share: float) -> float:
        """An effect's size as it is in this world."""
        return share * (1 - 0.45 * self.soft)

    def pick(self, items: Sequence[T]) -> T:
        return items[int(self.rng.integers(len(items)))]

    def uniform(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def token(self, length: int) -> str:
        return "".join(self.rng.choice(_LETTERS, length))

    def sha(self) -> str:
        return "".join(self.rng.choice(list("0123456789abcdef"), 40))

    def ip(self) -> str:
        a, b, c, d = (int(self.rng.integers(1, 254)) for _ in range(4))
        return f"{30 + a % 180}.{b}.{c}.{d}"

    def deploy(self, service: str, at: datetime, title: str, *files: str, **more: str) -> Deployment:
        made = Deployment(self.sha(), service, at, title, files or (f"{service}/app.py",), **more)
        self.deployments.append(made)
        return made

    def log(self, at: datetime, service: str, body: str, tenant: Tenant | None = None, **attributes: str) -> None:
        own = {self.names["tenant"]: tenant.org} if tenant else {}
        self.logs.append((at, service, body, {**own, **attributes}))


def build_world(rng: np.random.Generator, *, is_hard: bool = False) -> World:
    now = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(
        minutes=int(rng.integers(0, 300 * 24 * 60)), seconds=int(rng.integers(60))
    )
    vendors, events, specs = list(TRADES.values())[int(rng.integers(len(TRADES)))]
    routes = tuple(Route(*spec) for spec in specs)
    regions = tuple(rng.choice(REGIONS, int(rng.integers(2, 5)), replace=False))
    is_old = rng.random() < 0.4
    names = {
        "tenant": str(rng.choice(TENANT_KEYS)),
        "status": "http.status_code" if is_old else "http.response.status_code",
        "method": "http.method" if is_old else "http.request.method",
        "route": "http.route",
        "ip": "net.peer.ip" if is_old else "client.address",
        "agent": "http.user_agent" if is_old else "user_agent.original",
        "request_bytes": "http.request_content_length" if is_old else "http.request.body.size",
        "response_bytes": "http.response_content_length" if is_old else "http.response.body.size",
        "db_system": "db.system" if is_old else "db.system.name",
        "db_table": "db.sql.table" if is_old else "db.collection.name",
        "db_operation": "db.operation" if is_old else "db.operation.name",
        "host": "net.peer.name" if is_old else "server.address",
        "url": "http.url" if is_old else "url.full",
        "environment": "deployment.environment" if is_old else "deployment.environment.name",
    }
    world = World(
        rng,
        now,
        str(rng.choice(vendors)),
        routes,
        events,
        [],
        {},
        regions,
        names,
        sample_rate=int(rng.choice([1, 20, 100, 250, 600])),
        spans=int(rng.integers(1500, 3600) if is_hard else rng.integers(2200, 5200)),
        soft=float(rng.uniform(0.3, 1.0)) if is_hard else 0.0,
    )
    for service in dict.fromkeys([*(route.service for route in routes), "edge", "hook-dispatcher", "billing-worker"]):
        world.services[service] = [
            f"{service}-{world.token(5).lower()}-{world.token(4).lower()}" for _ in range(int(rng.integers(2, 5)))
        ]
    firsts = rng.choice(_FIRST, int(rng.integers(7, 13)), replace=False)
    for index, first in enumerate(firsts):
        world.tenants.append(_tenant(world, str(first), events, index))
    _ordinary_deployments(world)
    _noise_logs(world)
    return world


def _tenant(world: World, first: str, events: Sequence[str], index: int) -> Tenant:
    rng = world.rng
    name = f"{first} {world.pick(_SECOND)}"
    slug = name.lower().replace(" ", "")
    domain = f"{slug}.{world.pick(['com', 'io', 'co', 'eu', 'net'])}"
    plan = str(rng.choice(list(PLANS)[:-1], p=[0.3, 0.5, 0.2]))
    kept = max(2, round(len(events) * world.uniform(0.6, 1.0)))
    return Tenant(
        org=f"org_{world.token(10)}",
        name=name,
        domain=domain,
        plan=plan,
        limit=PLANS[plan][1],
        # Whoever writes a ticket uses the product.
        weight=float(rng.lognormal(0, 0.6)) * (1.5 if index == 0 else 1.0),
        keys=[f"key_{world.token(8)}" for _ in range(int(rng.integers(1, 4)))],
        ips=[world.ip() for _ in range(int(rng.integers(1, 5)))],
        agent=world.pick(AGENTS),
        stripe=f"cus_{world.token(14)}",
        hook=f"{world.pick(['hooks', 'api', 'in', 'events'])}.{domain}",
        hook_weight=float(rng.lognormal(0, 0.4)),
        hook_ms=world.uniform(40, 400),
        events=list(rng.choice(events, kept, replace=False)),
        regions=list(rng.dirichlet([1.2] * len(world.regions))),
    )


_TITLES: Final = (
    ("Bump logging library", "requirements.txt"),
    ("Fix typo in help text", "docs/help.md"),
    ("Add metrics for job runner", "{s}/metrics.py"),
    ("Refactor request mapper", "{s}/mapper.py"),
    ("Remove dead feature flag", "{s}/flags.py"),
    ("Translate error texts", "{s}/i18n/de.json"),
    ("Update base image", "Dockerfile"),
    ("Paginate admin list", "{s}/admin/views.py"),
    ("Tidy up settings", "{s}/settings.py"),
    ("Add index for audit table", "{s}/migrations/0042.sql"),
    ("Retry flaky health check", "{s}/health.py"),
    ("Rename internal helper", "{s}/helpers.py"),
)


def ordinary_title(world: World, service: str) -> tuple[str, str]:
    title, file = world.pick(_TITLES)
    return f"{title} (#{int(world.rng.integers(200, 2000))})", file.format(s=service)


def _ordinary_deployments(world: World) -> None:
    for _ in range(int(world.rng.integers(6, 14))):
        service = world.pick(list(world.services))
        title, file = ordinary_title(world, service)
        environment = "staging" if world.chance(0.2) else "production"
        state = "failure" if world.chance(0.1) else "success"
        at = world.now - timedelta(hours=world.uniform(0.2, 220))
        world.deploy(service, at, title, file, environment=environment, state=state)


def _noise_logs(world: World) -> None:
    bodies = (
        "heartbeat ok",
        "gc pause 38ms",
        "pool stats idle=9 used=4",
        "config reloaded: no changes",
        "lease renewed",
        "cache warmed",
    )
    for _ in range(int(world.rng.integers(120, 300))):
        world.log(
            world.now - timedelta(hours=world.uniform(0, WINDOW_H)),
            world.pick(list(world.services)),
            world.pick(bodies),
        )
    for tenant in world.tenants:
        if world.chance(0.25):
            at = world.now - timedelta(hours=world.uniform(0, WINDOW_H))
            body = world.pick(
                [
                    "member invited by admin",
                    f"api key {tenant.keys[0]} renamed",
                    "export schedule changed",
                    "webhook endpoint tested by user",
                ]
            )
            world.log(at, world.pick(list(world.services)), body, tenant)
