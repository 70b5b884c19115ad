"""The installation profile: what differs between companies is data, not code.

Names of telemetry attributes, repositories, Linear teams, Stripe metadata keys, the customer directory. It is edited in
the UI, imported and exported as JSON or YAML, and a run keeps the profile it ran under. Unknown keys are found by
`unknown_keys`: editing refuses them with their path, so that a typing error never silently switches a check off; a
foreign installation file is accepted with a warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class TelemetryProfile(_Part):
    """Names of attributes and resources in the OpenTelemetry tables. An empty name means: not recorded here."""

    database: str = ""  # "" = the connection's database
    traces_table: str = "otel_traces"
    logs_table: str = "otel_logs"
    tenant_attribute: str = "tenant.id"
    status_attribute: str = "http.response.status_code"
    method_attribute: str = "http.request.method"
    route_attribute: str = "http.route"
    client_ip_attribute: str = "client.address"
    region_resource: str = "cloud.region"
    instance_resource: str = "k8s.pod.name"
    version_resource: str = "service.version"
    api_key_attribute: str = "api.key_id"
    sample_rate_attribute: str = "SampleRate"
    rate_limit_attribute: str = "ratelimit.limit"
    rate_limit_scope_attribute: str = "ratelimit.scope"
    webhook_span_name: str = "webhook.deliver"
    window_start: datetime | None = None  # oldest telemetry kept; None = ask the source
    window_end: datetime | None = None


class GitHubProfile(_Part):
    owner: str = ""
    repo: str = ""
    environment: str = "production"
    service_payload_key: str = "service"


class LinearProfile(_Part):
    team_key: str = ""


class StripeProfile(_Part):
    customer_metadata_key: str = "org_id"
    plan_limit_metadata_key: str = ""
    included_requests_metadata_key: str = ""


class PlaybooksProfile(_Part):
    approval: bool = Field(False, description="A version comes into force only after a second person has approved it")


class CustomerRecord(_Part):
    """One row of the customer directory: the ids of one account in each system."""

    org_id: str
    name: str = ""
    domain: str = ""
    domains: list[str] = Field(default_factory=list)
    emails: list[str] = Field(default_factory=list)
    plan: str = ""
    tier: str = ""
    stripe_customer: str = ""
    linear_customer: str = ""
    mrr_minor: int | None = Field(default=None, ge=0, lt=10**15)
    mrr_currency: str = Field(default="", pattern=r"^([A-Za-z]{3})?$")
    renews_on: date | None = None


class Profile(_Part):
    """One installation. `now` pins the clock of recorded installations (used when --as-of is absent or NOW)."""

    vendor: str = ""
    now: datetime | None = None
    timezone: str = "UTC"
    telemetry: TelemetryProfile = Field(default_factory=TelemetryProfile)
    github: GitHubProfile = Field(default_factory=GitHubProfile)
    linear: LinearProfile = Field(default_factory=LinearProfile)
    stripe: StripeProfile = Field(default_factory=StripeProfile)
    playbooks: PlaybooksProfile = Field(default_factory=PlaybooksProfile)
    statuspages: list[str] = Field(default_factory=list)
    customers: list[CustomerRecord] = Field(default_factory=list)


def unknown_keys(data: Mapping[str, Any], model: type[BaseModel] = Profile, path: str = "") -> Iterator[str]:
    """Dotted paths of keys that the profile does not know, e.g. `telemetry.tennant_attribute`, `customers[3].pln`."""
    for key, value in data.items():
        field = model.model_fields.get(key)
        here = f"{path}{key}"
        if field is None:
            yield here
        elif (
            isinstance(field.annotation, type)
            and issubclass(field.annotation, BaseModel)
            and isinstance(value, Mapping)
        ):
            yield from unknown_keys(value, field.annotation, f"{here}.")
        elif key == "customers" and isinstance(value, list):
            for index, row in enumerate(value):
                if isinstance(row, Mapping):
                    yield from unknown_keys(row, CustomerRecord, f"{here}[{index}].")
