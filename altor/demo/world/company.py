"""The invented vendor (Harborline, an order and shipping API) and its customers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

VENDOR: Final = "Harborline"
VENDOR_DOMAIN: Final = "harborline.example"
TENANT_ATTRIBUTE: Final = "account.id"
REGIONS: Final = ("us-east-1", "eu-central-1", "ap-southeast-1")
ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Plan:
    name: str
    requests_per_minute: int
    unit_amount: int  # minor units a month
    sample_rate: int  # one span stands for this many requests


PLANS: Final[dict[str, Plan]] = {
    plan.name: plan
    for plan in (
        Plan("Starter", 60, 9_900, 110),
        Plan("Growth", 300, 49_900, 520),
        Plan("Scale", 1_200, 149_000, 2_100),
        Plan("Enterprise", 5_000, 490_000, 8_700),
    )
}


@dataclass(frozen=True, slots=True)
class Route:
    """One route of the API: where it runs, how long it takes, what it calls."""

    method: str
    path: str
    service: str
    own_ms: float  # median of the service's own work
    table: str  # database table it reads
    db_ms: float
    share: float  # of a customer's traffic
    cached: bool = False
    host: str = ""  # external service it calls
    host_ms: float = 0.0
    body_bytes: int = 0  # median request body, 0 = none

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


PARCEL_HOST: Final = "api.parcelquote.example"
GEO_HOST: Final = "api.geocheck.example"

ROUTES: Final[tuple[Route, ...]] = (
    Route("GET", "/v1/shipments", "core-api", 34, "shipments", 20, 0.20),
    Route("GET", "/v1/shipments/{id}", "core-api", 22, "shipments", 9, 0.17, cached=True),
    Route("POST", "/v1/shipments", "core-api", 52, "shipment_lines", 34, 0.13, body_bytes=620),
    Route("POST", "/v1/shipments/batch", "core-api", 150, "shipment_lines", 95, 0.06, body_bytes=5200),
    Route("GET", "/v1/orders", "core-api", 33, "orders", 19, 0.12),
    Route("GET", "/v1/tracking/{number}", "tracking-api", 30, "tracking_events", 26, 0.17, cached=True),
    Route("POST", "/v1/rates", "rates-api", 36, "tariffs", 12, 0.07, host=PARCEL_HOST, host_ms=92, body_bytes=410),
    Route(
        "POST", "/v1/addresses/verify", "core-api", 28, "addresses", 8, 0.05, host=GEO_HOST, host_ms=66, body_bytes=240
    ),
    Route("GET", "/v1/reports/export", "reports-api", 540, "report_rows", 330, 0.03),
)
ROUTE_INDEX: Final = {route.name: index for index, route in enumerate(ROUTES)}
SERVICES: Final = (
    "edge-gateway",
    "core-api",
    "tracking-api",
    "rates-api",
    "reports-api",
    "webhook-dispatcher",
    "billing-worker",
)
EVENT_TYPES: Final = ("shipment.created", "shipment.updated", "shipment.delivered", "order.updated", "invoice.ready")
EVENT_SHARES: Final = (0.34, 0.28, 0.18, 0.13, 0.07)
USER_AGENTS: Final = (
    "python-requests/2.32.3",
    "axios/1.7.9",
    "node-fetch/3.3.2",
    "Ruby/3.3 Faraday/2.9",
    "okhttp/4.12.0",
    "GuzzleHttp/7.9",
    "harborline-node/4.2.0",
)

# slug, name, plan, region, weight (traffic relative to the plan's usual)
_CUSTOMERS: Final = (
    ("brightoak", "Brightoak Furniture", "Growth", 0, 1.1),
    ("lumenridge", "Lumen Ridge Lighting", "Growth", 0, 1.2),
    ("pelicanparcel", "Pelican Parcel", "Scale", 0, 1.1),
    ("northfjord", "Northfjord Outdoor", "Growth", 1, 1.0),
    ("cobaltkite", "Cobalt Kite", "Growth", 0, 1.0),
    ("mosswood", "Mosswood Organics", "Starter", 1, 1.1),
    ("tidewatertackle", "Tidewater Tackle", "Growth", 0, 1.0),
    ("vellumbooks", "Vellum Books", "Growth", 0, 0.9),
    ("alpenhof", "Alpenhof Sports", "Scale", 1, 1.0),
    ("sunmarket", "Sunmarket Grocers", "Enterprise", 0, 1.3),
    ("fernandfig", "Fern & Fig", "Growth", 0, 1.0),
    ("quarrylane", "Quarry Lane Tools", "Scale", 1, 1.1),
    ("heronbay", "Heron Bay Surf", "Growth", 2, 1.0),
    ("copperkettle", "Copper Kettle Tea", "Growth", 1, 1.1),
    ("maplegate", "Maplegate Toys", "Growth", 0, 0.9),
    ("ironquill", "Ironquill Stationers", "Growth", 0, 1.0),
    ("saffronroad", "Saffron Road Spices", "Scale", 2, 1.1),
    ("bluepine", "Bluepine Cabins", "Growth", 0, 1.0),
    ("orchardpets", "Orchard Pets", "Scale", 0, 1.0),
    ("granitepeak", "Granite Peak Gear", "Growth", 1, 1.1),
    ("willowbyte", "Willowbyte Electronics", "Scale", 0, 1.2),
    ("harvestloop", "Harvest Loop", "Growth", 1, 1.0),
    ("stonebridge", "Stonebridge Motors", "Growth", 0, 1.1),
    ("duskanddawn", "Dusk & Dawn Sleep", "Growth", 0, 1.0),
    ("palmetto", "Palmetto Garden", "Growth", 0, 1.1),
    ("cloverfield", "Cloverfield Dairy", "Scale", 1, 1.0),
    ("jadeharbor", "Jade Harbor Trading", "Scale", 2, 1.2),
    ("riverstitch", "Riverstitch Apparel", "Growth", 2, 1.1),
    ("emberandash", "Ember & Ash Stoves", "Growth", 1, 0.9),
    ("skylarkcycles", "Skylark Cycles", "Growth", 1, 1.0),
    ("bramblewine", "Bramble Wine", "Starter", 1, 1.0),
    ("kestrelair", "Kestrel Air Parts", "Growth", 0, 1.0),
    ("oldmill", "Old Mill Flour", "Starter", 0, 1.1),
    ("nimbusrain", "Nimbus Rainwear", "Growth", 1, 1.0),
    ("tangerinebay", "Tangerine Bay", "Growth", 0, 1.0),
    ("foxgloveclinic", "Foxglove Clinics", "Growth", 0, 1.0),
    ("marlinmarine", "Marlin Marine Supply", "Growth", 0, 1.1),
    ("hazelworks", "Hazelworks Joinery", "Growth", 1, 1.0),
    ("peppermill", "Peppermill Kitchens", "Growth", 0, 1.1),
    ("larkspur", "Larkspur Flowers", "Growth", 1, 1.0),
)
# Customers that do not use some routes: their incidents concern the others.
_TRACKING, _RATES = "GET /v1/tracking/{number}", "POST /v1/rates"
_BATCH, _REPORTS = "POST /v1/shipments/batch", "GET /v1/reports/export"
_UNUSED: Final[dict[str, tuple[str, ...]]] = {
    "kestrelair": (_TRACKING, _RATES, _BATCH),
    "oldmill": (_TRACKING, _RATES, _BATCH),
    "bramblewine": (_TRACKING, _RATES, _BATCH, _REPORTS),
    "cloverfield": (_TRACKING, _RATES),
    "duskanddawn": (_TRACKING, _BATCH),
    "palmetto": (_TRACKING, _BATCH),
    "stonebridge": (_TRACKING, _RATES),
    "tangerinebay": (_TRACKING, _RATES, _BATCH),
    "foxgloveclinic": (_TRACKING, _RATES, _BATCH),
    "bluepine": (_RATES, _BATCH),
    "saffronroad": (_RATES, _BATCH),
    "granitepeak": (_RATES, _BATCH),
    "orchardpets": (_RATES, _BATCH),
}
# Customers for whom some routes matter more than for others.
_PREFERRED: Final[dict[str, dict[str, float]]] = {
    "bluepine": {"GET /v1/tracking/{number}": 2.2},
    "saffronroad": {"GET /v1/tracking/{number}": 2.0},
    "orchardpets": {"GET /v1/tracking/{number}": 2.0},
    "granitepeak": {"GET /v1/tracking/{number}": 2.2},
    "willowbyte": {"POST /v1/shipments": 2.0, "POST /v1/shipments/batch": 1.5},
    "harvestloop": {"POST /v1/shipments": 2.2},
    "stonebridge": {"POST /v1/shipments": 2.0},
    "duskanddawn": {"POST /v1/rates": 4.0},
    "palmetto": {"POST /v1/rates": 3.5},
    "cloverfield": {"POST /v1/shipments/batch": 3.0},
    "emberandash": {"GET /v1/reports/export": 6.0},
    "skylarkcycles": {"GET /v1/reports/export": 6.0},
    "nimbusrain": {"GET /v1/shipments/{id}": 2.2},
}
_FIRST: Final = (
    "Maya",
    "Tomas",
    "Ines",
    "Oliver",
    "Priya",
    "Jonas",
    "Carmen",
    "Felix",
    "Naomi",
    "Henrik",
    "Leila",
    "Marco",
)
_LAST: Final = (
    "Okafor",
    "Lindqvist",
    "Haddad",
    "Novak",
    "Berg",
    "Castellano",
    "Walsh",
    "Tanaka",
    "Moreau",
    "Singh",
    "Keller",
)


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    email: str
    private_email: str


@dataclass(frozen=True, slots=True)
class Customer:
    """One account. `index` is its position in the arrays of the telemetry generator."""

    index: int
    slug: str
    name: str
    plan: str
    region: str
    weight: float
    org_id: str
    stripe_id: str
    domain: str
    hook_host: str
    hook_path: str
    keys: tuple[str, ...]
    addresses: tuple[str, ...]
    agent: str
    people: tuple[Person, ...]
    mix: tuple[float, ...] = field(repr=False)  # share of each route, sums to 1


def token(rng: np.random.Generator, length: int) -> str:
    """Random text for an id: letters and digits that are not easily confused."""
    return "".join(ALPHABET[i] for i in rng.integers(0, len(ALPHABET), length))


def _people(rng: np.random.Generator, domain: str) -> tuple[Person, ...]:
    people = []
    for _ in range(2):
        first, last = str(rng.choice(_FIRST)), str(rng.choice(_LAST))
        handle = f"{first}.{last}".lower()
        people.append(Person(f"{first} {last}", f"{first.lower()}@{domain}", f"{handle}@postbox.example"))
    return tuple(people)


def build_customers(seed: int) -> tuple[Customer, ...]:
    """The forty customers: names are fixed, ids, keys, addresses and people follow from the seed."""
    customers = []
    for index, (slug, name, plan, region, weight) in enumerate(_CUSTOMERS):
        rng = np.random.default_rng([seed, 11, index])
        domain = f"{slug}.example"
        mix = np.array([route.share for route in ROUTES]) * rng.uniform(0.85, 1.15, len(ROUTES))
        for unused in _UNUSED.get(slug, ()):
            mix[ROUTE_INDEX[unused]] = 0.0
        for preferred, factor in _PREFERRED.get(slug, {}).items():
            mix[ROUTE_INDEX[preferred]] *= factor
        mix /= mix.sum()
        customers.append(
            Customer(
                index=index,
                slug=slug,
                name=name,
                plan=plan,
                region=REGIONS[region],
                weight=weight,
                org_id=f"acc_{token(rng, 10)}",
                stripe_id=f"cus_{token(rng, 18)}",
                domain=domain,
                hook_host=f"{rng.choice(['hooks', 'api', 'integrations', 'events'])}.{domain}",
                hook_path=str(rng.choice(["/harborline", "/webhooks/harborline", "/in/shipping", "/vendor/callback"])),
                keys=tuple(f"key_{token(rng, 8)}" for _ in range(2)),
                addresses=tuple(
                    f"{rng.choice([18, 34, 52, 81, 185])}.{rng.integers(8, 250)}.{rng.integers(1, 250)}.{rng.integers(2, 250)}"
                    for _ in range(2)
                ),
                agent=str(rng.choice(USER_AGENTS)),
                people=_people(rng, domain),
                mix=tuple(float(x) for x in mix),
            )
        )
    return tuple(customers)
