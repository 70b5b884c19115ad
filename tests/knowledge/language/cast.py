"""Who appears in the labelled replies: a vendor's directory and one customer, made from a seed and a half's own words.

The two halves share no word list: a rule that learned the names of one half by heart gains nothing on the other.
Secrets and card numbers are made here so that no file of the repository holds their shape.
"""

from __future__ import annotations

import random
import string
from dataclasses import dataclass
from typing import Final

LETTERS: Final = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Words:
    """The raw material of one half. `plain_*` are names that are also ordinary words."""

    seed: int
    syllables: tuple[str, ...]
    nouns: tuple[str, ...]
    roles: tuple[str, ...]
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    trades: tuple[str, ...]
    suffixes: tuple[str, ...]
    plain_services: tuple[str, ...]
    plain_people: tuple[str, ...]
    plain_customers: tuple[str, ...]
    product: str
    vendor: str


TEST: Final = Words(
    seed=7301,
    syllables=(
        "bru",
        "cas",
        "den",
        "fol",
        "gri",
        "hul",
        "jas",
        "kem",
        "lur",
        "mov",
        "nip",
        "ost",
        "pel",
        "quo",
        "ras",
        "sul",
        "tam",
        "vig",
        "wex",
        "yol",
        "zar",
    ),
    nouns=("falcon", "harbor", "lantern", "meadow", "orchid", "pebble", "quartz", "summit", "thicket", "willow"),
    roles=("worker", "gateway", "scheduler", "indexer", "dispatcher", "exporter"),
    first_names=(
        "Adaeze",
        "Bogdan",
        "Chiara",
        "Dilnoza",
        "Einar",
        "Fatoumata",
        "Gintaras",
        "Henrike",
        "Ikaika",
        "Jolanta",
    ),
    last_names=(
        "Abiodun",
        "Brzezinski",
        "Castellan",
        "Dvorak",
        "Eskildsen",
        "Fairweather",
        "Gudmundsen",
        "Holloway",
        "Iyengar",
    ),
    trades=("Logistics", "Software", "Health", "Foods", "Insurance", "Robotics"),
    suffixes=("", " GmbH", " Inc.", " Ltd", " S.A."),
    plain_services=("relay", "billing"),
    plain_people=("Mark Osei", "Grace Ullman", "Rose Tanaka", "Frank Adler", "Bill Marsh"),
    plain_customers=("Shell", "Target", "Notion", "Monday", "Orange", "Box", "Segment", "Sage", "Square"),
    product="Parcelline",
    vendor="parcelline",
)
TRAIN: Final = Words(
    seed=1907,
    syllables=(
        "ba",
        "cor",
        "dim",
        "el",
        "fra",
        "gos",
        "hen",
        "iv",
        "jor",
        "kal",
        "lo",
        "mer",
        "nu",
        "or",
        "pri",
        "rit",
        "sen",
        "tov",
        "ul",
        "ver",
        "wis",
        "xan",
    ),
    nouns=("anchor", "badger", "cinder", "dove", "ember", "flint", "glacier", "heron", "island", "juniper"),
    roles=("router", "consumer", "proxy", "ingester", "broker", "collector"),
    first_names=("Priya", "Lukasz", "Maren", "Tobias", "Yusuf", "Ingrid", "Kenji", "Salome", "Oksana", "Rafael"),
    last_names=(
        "Raman",
        "Kowal",
        "Vestergaard",
        "Brandvold",
        "Okafor",
        "Lindqvist",
        "Moriyama",
        "Petrescu",
        "Haddad",
        "Quiroga",
    ),
    trades=("Systems", "Labs", "Media", "Energy", "Payments", "Travel"),
    suffixes=("", " AG", " LLC", " Corp.", " BV"),
    plain_services=("search", "ledger", "sync"),
    plain_people=("May Lindahl", "Will Tenner", "Hope Varga", "Chase Brandt", "Summer Diaz"),
    plain_customers=("Apple", "Signal", "Gap", "Bolt", "Drift", "Ramp", "Sunday", "Front", "Loom"),
    product="Velora Connect",
    vendor="velora",
)

LATER_1: Final = Words(
    seed=4409,
    syllables=("ack", "bel", "dro", "fen", "gar", "hov", "ip", "jun", "kro", "lem", "mag", "nor", "pav", "rud", "sto"),
    nouns=("acorn", "basalt", "cobalt", "delta", "fennel", "garnet", "hickory", "isthmus", "kelp"),
    roles=("api", "reader", "writer", "sender", "cruncher", "mirror"),
    first_names=("Anselm", "Birgitta", "Cosmin", "Deepika", "Eoghan", "Farida", "Goran", "Hiroko", "Iolanda"),
    last_names=("Achterberg", "Bhattacharya", "Ciobanu", "Dragomir", "Eriksen", "Fitzsimmons", "Grabowski"),
    trades=("Digital", "Networks", "Bank", "Pharma", "Mobility", "Studios"),
    suffixes=("", " SE", " Pty Ltd", " Oy", " SAS"),
    plain_services=("export", "metering"),
    plain_people=("Chance Albright", "Dawn Petrie", "Miles Corrigan", "Joy Adeyemi"),
    plain_customers=("Zoom", "Harvest", "Wise", "Friday", "Bird", "Sonic"),
    product="Orderlane",
    vendor="orderlane",
)

LATER_2: Final = Words(
    seed=8821,
    syllables=("ard", "bix", "cul", "dov", "eth", "fip", "gam", "hul", "jor", "kev", "lun", "mip", "nod", "pru", "tig"),
    nouns=("amber", "birch", "copper", "drizzle", "fjord", "gravel", "hazel", "ivory", "jasper"),
    roles=("manager", "loader", "notifier", "reporter", "resolver", "watcher"),
    first_names=("Aurelio", "Bronwen", "Casimir", "Desta", "Elodie", "Fergus", "Guillermo", "Hanneke", "Ismet"),
    last_names=("Andersson", "Bellweather", "Czerny", "Delacroix", "Esposito", "Fontaine", "Gallagher"),
    trades=("Global", "Finance", "Retail", "Telecom", "Holdings", "Ventures"),
    suffixes=("", " KG", " plc", " S.p.A.", " NV"),
    plain_services=("quota", "usage"),
    plain_people=("Robin Hale", "Christian Mott", "Penny Abara", "Rich Sandoval"),
    plain_customers=("Oracle", "Echo", "Meta", "Saturday", "Circle", "Ring"),
    product="Waylane",
    vendor="waylane",
)

LATER_3: Final = Words(
    seed=5563,
    syllables=(
        "alm",
        "brin",
        "cho",
        "dag",
        "ely",
        "fos",
        "grun",
        "hest",
        "ikk",
        "jas",
        "kol",
        "mord",
        "nev",
        "pim",
        "sut",
    ),
    nouns=("alder", "bramble", "chestnut", "dune", "eddy", "flax", "grotto", "heather", "ironwood"),
    roles=("agent", "bridge", "cleaner", "feeder", "keeper", "planner"),
    first_names=("Alasdair", "Bojana", "Catalina", "Dmitri", "Esperanza", "Florian", "Gwendolyn", "Hamza", "Ilse"),
    last_names=("Aldridge", "Borgstrom", "Castaneda", "Dunleavy", "Ekholm", "Ferreira", "Goldschmidt"),
    trades=("Group", "Solutions", "Capital", "Commerce", "Labs", "Travel"),
    suffixes=("", " AB", " Limited", " S.r.l.", " Co."),
    plain_services=("events", "limits"),
    plain_people=("Grant Holloway", "Iris Petit", "Dale Munro", "Faith Osman"),
    plain_customers=("Anchor", "Compass", "Wave", "Thursday", "Pilot", "Bolt"),
    product="Tidewright",
    vendor="tidewright",
)

LAST: Final = Words(
    seed=3137,
    syllables=(
        "arb",
        "clo",
        "dem",
        "ev",
        "fral",
        "gim",
        "hod",
        "isk",
        "jep",
        "kul",
        "lant",
        "mez",
        "oph",
        "pras",
        "tul",
    ),
    nouns=("aspen", "burrow", "cairn", "delta", "everglade", "ferry", "glade", "hollow", "inlet"),
    roles=("store", "ranker", "fetcher", "merger", "sweeper", "ticker"),
    first_names=("Anneliese", "Baptiste", "Chidi", "Dagmar", "Ezequiel", "Friederike", "Gaspard", "Hye-jin", "Ivana"),
    last_names=("Ashworth", "Beaumont", "Chukwu", "Demirci", "Engstrom", "Fujimoto", "Gonzaga"),
    trades=("Partners", "Studio", "Data", "Services", "International", "Insurance"),
    suffixes=("", " OHG", " Corp", " ApS", " SARL"),
    plain_services=("invoices", "reports"),
    plain_people=("Sandy Brook", "Jack Stone", "Olive Banks", "Dean Fox"),
    plain_customers=("Falcon", "Pulse", "March", "Tuesday", "Origin", "Bridge"),
    product="Quorvale",
    vendor="quorvale",
)


@dataclass(frozen=True, slots=True)
class Cast:
    """The names of one half, as a directory would hold them. Customers: (name, domain, organisation id)."""

    words: Words
    services: tuple[str, ...]
    hosts: tuple[str, ...]
    people: tuple[str, ...]
    repositories: tuple[str, ...]
    customers: tuple[tuple[str, str, str], ...]
    own: dict[str, str]


def cast_of(words: Words, *, customers: int = 300) -> Cast:
    """The vendor's names and `customers` other customers. The same words give the same cast."""
    rng = random.Random(words.seed)
    coin = _Mint(rng, words)
    services = tuple(sorted({coin.service() for _ in range(24)}))
    hosts = tuple(sorted({coin.host() for _ in range(24)}))
    people = tuple(sorted({f"{first} {rng.choice(words.last_names)}" for first in words.first_names}))
    repositories = tuple(sorted({f"{words.vendor}/{coin.service()}" for _ in range(12)}))
    others = {coin.customer() for _ in range(customers)}
    plain = {(name, f"{name.lower()}-corp.example", coin.organisation()) for name in words.plain_customers}
    own_name, own_domain, own_org = coin.customer()
    taken = {name for name, _, _ in others}
    while own_name in taken:
        own_name, own_domain, own_org = coin.customer()
    first, last = coin.pronounceable().capitalize(), coin.pronounceable(3).capitalize()
    own = {
        "own_customer": own_name,
        "own_domain": own_domain,
        "own_org": own_org,
        "own_first": first,
        "own_person": f"{first} {last}",
        "own_email": f"{first.lower()}.{last.lower()}@{own_domain}",
        "own_phone": f"+44 20 7946 0{rng.randint(100, 999)}",
        "own_ip": f"198.51.100.{rng.randint(2, 250)}",
        "own_invoice": f"in_1{coin.random(23)}",
        "own_request": f"req_{coin.hexadecimal(12)}",
        "product": words.product,
        "status_url": f"https://status.{words.vendor}.example",
        "docs_url": f"https://docs.{words.vendor}.example",
        "support_email": f"support@{words.vendor}.example",
    }
    return Cast(words, services, hosts, people, repositories, tuple(sorted(others | plain)), own)


def slots(cast: Cast, rng: random.Random) -> dict[str, str]:
    """A value for every slot a sentence may hold, drawn with `rng`."""
    coin = _Mint(rng, cast.words)
    named = [one for one in cast.customers if one[0] not in cast.words.plain_customers]
    name, domain, organisation = rng.choice(named)
    bare = name
    for suffix in cast.words.suffixes:
        bare = bare.removesuffix(suffix) if suffix else bare
    service, person, host = rng.choice(cast.services), rng.choice(cast.people), rng.choice(cast.hosts)
    repository = rng.choice(cast.repositories)
    return cast.own | {
        "service": service,
        "service_upper": service.upper(),
        "service_zero_width": f"{service[:3]}\u200b{service[3:]}",
        "person": person,
        "person_first": person.split()[0],
        "person_last": person.split()[1],
        "host": host,
        "internal_url": f"https://{host}/d/{coin.random(6)}",
        "private_ip": f"10.{rng.randint(0, 250)}.{rng.randint(0, 250)}.{rng.randint(2, 250)}",
        "public_ip": f"203.0.113.{rng.randint(2, 250)}",
        "repo": repository,
        "repo_name": repository.split("/")[1],
        "other_customer": bare,
        "other_customer_short": bare.rsplit(" ", 1)[0] if bare.endswith(cast.words.trades) else bare,
        "other_domain": domain,
        "other_org": organisation,
        "stranger_email": f"{coin.pronounceable()}@{coin.pronounceable()}.example",
        "phone": f"+49 30 5550{rng.randint(1000, 9999)}",
        "card": coin.card(),
        "sha": "c" + coin.hexadecimal(9) + "7",
        "pr_url": f"https://github.com/{repository}/pull/{rng.randint(100, 9000)}",
        "linear_url": f"https://linear.app/{cast.words.vendor}/issue/CORE-{rng.randint(10, 9000)}/slow-queue",
        "stripe_key": "sk_" + "live_" + coin.random(24),
        "github_token": "gh" + "p_" + coin.random(36),
        "webhook_secret": "whsec" + "_" + coin.random(32),
        "bearer": coin.random(40),
        "jwt": "ey" + "J" + coin.random(30) + ".ey" + "J" + coin.random(60) + "." + coin.random(43),
        "password": coin.random(8) + "7!" + coin.random(3),
        "dsn": f"postgresql://app:{coin.random(14)}@db.{coin.pronounceable()}.example/main",
        "random_token": coin.random(18) + "4q" + coin.random(20) + "Z",
        "api_key": coin.hexadecimal(32),
        "plain_service": rng.choice(cast.words.plain_services),
    }


class _Mint:
    """Makes names and secrets out of a half's words."""

    def __init__(self, rng: random.Random, words: Words) -> None:
        self.rng, self.words = rng, words

    def random(self, length: int) -> str:
        return "".join(self.rng.choice(LETTERS) for _ in range(length))

    def hexadecimal(self, length: int) -> str:
        return "".join(self.rng.choice("0123456789abcdef") for _ in range(length))

    def pronounceable(self, syllables: int = 2) -> str:
        return "".join(self.rng.choice(self.words.syllables) for _ in range(syllables))

    def service(self) -> str:
        if self.rng.random() < 0.5:
            return f"{self.rng.choice(self.words.nouns)}-{self.rng.choice(self.words.roles)}"
        return self.pronounceable(3)

    def host(self) -> str:
        kind = self.rng.choice(("db", "ch", "web", "cache"))
        return f"{kind}-{self.rng.randint(1, 40):02d}.{self.pronounceable()}.{self.words.vendor}.net"

    def organisation(self) -> str:
        return f"org_{self.hexadecimal(10)}"

    def customer(self) -> tuple[str, str, str]:
        stem = self.pronounceable(self.rng.choice((2, 3))).capitalize()
        form = self.rng.random()
        if form < 0.4:
            name = f"{stem} {self.rng.choice(self.words.trades)}"
        elif form < 0.7:
            name = f"{self.rng.choice(self.words.nouns).capitalize()} {stem}"
        else:
            name = stem + self.pronounceable(1)
        domain = name.lower().replace(" ", "-") + self.rng.choice((".example", "-group.example"))
        return name + self.rng.choice(self.words.suffixes), domain, self.organisation()

    def card(self) -> str:
        digits = "4" + "".join(str(self.rng.randint(0, 9)) for _ in range(14))
        total = 0
        for position, digit in enumerate(reversed(digits)):
            number = int(digit) * (1 if position % 2 else 2)
            total += number - 9 if number > 9 else number
        digits += str(-total % 10)
        return " ".join(digits[start : start + 4] for start in range(0, 16, 4))
