"""How the parts of a profile are recognised in telemetry: by name, and by the values that go with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from investigations.sources.clickhouse.sampling import Attribute


@dataclass(frozen=True, slots=True)
class Role:
    """What an attribute may mean, and how it is recognised.

    `known` are names in their order of preference; `pattern` finds further ones. `fits` gives 0 to 1 for the values.
    """

    field: str
    title: str
    where: str  # server or resource
    known: tuple[str, ...]
    pattern: str
    fits: Callable[[Attribute, int], float]
    rare: bool = False  # carried by a part of the requests only: coverage tells little


def _identity(attribute: Attribute, records: int) -> float:
    """Few enough values to be customers, more than one, not one for each request."""
    if attribute.distinct < 2 or attribute.methods > 0.5 or attribute.addresses > 0.3 or attribute.paths > 0.5:
        return 0.0
    carried = attribute.coverage * records
    return 0.2 if carried and attribute.distinct > 0.5 * carried and carried > 50 else 1.0


def _few_words(attribute: Attribute, records: int) -> float:
    return 1.0 if attribute.distinct <= 50 and attribute.numeric < 0.5 else 0.2


def _route(attribute: Attribute, records: int) -> float:
    carried = max(1.0, attribute.coverage * records)
    # A path with ids in it has nearly as many values as there are requests.
    return attribute.paths * (1.0 if attribute.distinct < max(20.0, 0.2 * carried) else 0.3)


def _key(attribute: Attribute, records: int) -> float:
    return _identity(attribute, records) if attribute.numeric < 0.9 else 0.3


ROLES: Final = (
    Role(
        "tenant_attribute",
        "Customer",
        "server",
        (
            "tenant.id",
            "tenant_id",
            "org.id",
            "organization.id",
            "organisation.id",
            "org_id",
            "account.id",
            "account_id",
            "customer.id",
            "customer_id",
            "workspace.id",
            "company.id",
            "app.account_id",
            "enduser.id",
        ),
        r"(?:^|[._-])(?:tenant|org|organi[sz]ation|account|customer|workspace|company|enduser|merchant|shop|team|project"
        r"|site)(?:[._-]?(?:id|uuid|key|slug|ref))?$",
        _identity,
    ),
    Role(
        "status_attribute",
        "HTTP status",
        "server",
        ("http.response.status_code", "http.status_code"),
        r"status(?:[._-]?code)?$",
        lambda attribute, _: attribute.statuses,
    ),
    Role(
        "method_attribute",
        "HTTP method",
        "server",
        ("http.request.method", "http.method"),
        r"(?:^|[._-])(?:http)?[._-]?(?:method|verb)$",
        lambda attribute, _: attribute.methods,
    ),
    Role(
        "route_attribute",
        "Route",
        "server",
        ("http.route", "url.template", "http.path_group", "http.target", "url.path"),
        r"(?:route|endpoint|url[._-]?template|path[._-]?(?:template|group|pattern))$",
        _route,
    ),
    Role(
        "client_ip_attribute",
        "Caller's address",
        "server",
        ("client.address", "http.client_ip", "client.ip", "net.sock.peer.addr", "network.peer.address", "net.peer.ip"),
        r"(?:client|remote|peer|caller)[._-]?(?:ip|addr(?:ess)?)$",
        lambda attribute, _: attribute.addresses,
        rare=True,
    ),
    Role(
        "api_key_attribute",
        "API key",
        "server",
        ("api.key_id", "api_key.id", "api_key_id", "apikey.id", "auth.key_id", "credential.id"),
        r"(?:api|app|access|auth|client)[._-]?(?:key|token|credential)(?:[._-]?(?:id|name|ref))?$"
        r"|(?:^|[._-])key[._-]?id$",
        _key,
        rare=True,
    ),
    Role(
        "sample_rate_attribute",
        "Sample rate",
        "server",
        ("SampleRate", "sample_rate", "sampling.rate", "sampler.rate"),
        r"sampl(?:e|er|ing)[._-]?(?:rate|weight|factor)$",
        lambda attribute, _: attribute.numeric,
        rare=True,
    ),
    Role(
        "rate_limit_attribute",
        "Rate limit",
        "server",
        ("ratelimit.limit", "rate_limit.limit", "http.response.header.x-ratelimit-limit"),
        r"rate[._-]?limit[._-]?(?:limit|quota|max|rpm|rps)?$",
        lambda attribute, _: attribute.numeric,
        rare=True,
    ),
    Role(
        "rate_limit_scope_attribute",
        "What the limit counts",
        "server",
        ("ratelimit.scope", "rate_limit.scope", "ratelimit.policy"),
        r"rate[._-]?limit[._-]?(?:scope|policy|type|kind|bucket)$",
        _few_words,
        rare=True,
    ),
    Role(
        "region_resource",
        "Region",
        "resource",
        ("cloud.region", "aws.region", "region", "cloud.availability_zone"),
        r"(?:^|[._-])(?:region|location|datacenter|zone)$",
        _few_words,
    ),
    Role(
        "instance_resource",
        "Instance",
        "resource",
        ("k8s.pod.name", "service.instance.id", "host.name", "container.id", "host.id"),
        r"(?:pod[._-]?name|instance(?:[._-]?id)?|host(?:[._-]?name)?|container[._-]?id)$",
        lambda attribute, _: 1.0,
    ),
    Role(
        "version_resource",
        "Version",
        "resource",
        ("service.version", "deployment.version", "app.version", "git.sha", "vcs.ref.head.revision"),
        r"(?:version|release|revision|commit|git[._-]?sha)$",
        lambda attribute, _: 0.0 if attribute.paths else 1.0,
    ),
)
