"""The installation profile in force: read, change as a new version, import and export."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any, Final

from django.db import transaction
from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from altor.audit import record_event
from altor.errors import InvalidInput
from altor.models import User
from investigations.models import Customer, InstallationProfile
from investigations.profile import Profile, unknown_keys

MAX_BYTES: Final = 4_000_000


def current_profile() -> Profile:
    """The newest version; the defaults when none was saved. Without the directory, which lives in `Customer`."""
    row = InstallationProfile.objects.order_by("-pk").first()
    return Profile.model_validate(row.data) if row else Profile()


def read_profile(data: Any, *, strict: bool) -> tuple[Profile, list[str]]:
    """A profile from foreign data and the keys it does not know. InvalidInput for wrong types, and when `strict` for
    unknown keys.
    """
    if not isinstance(data, Mapping):
        raise InvalidInput("A profile is a mapping of sections: telemetry, github, linear, stripe, customers.")
    unknown = list(unknown_keys(data))
    if strict and unknown:
        raise InvalidInput(f"Unknown keys: {', '.join(unknown)}", unknown=unknown)
    try:
        return Profile.model_validate(data), unknown
    except ValidationError as error:
        problems = [{"field": ".".join(map(str, item["loc"])), "message": item["msg"]} for item in error.errors()]
        first = problems[0]
        raise InvalidInput(
            f"The profile is not valid: {first['field']}: {first['message']}", problems=problems
        ) from None


@transaction.atomic
def save_profile(data: Any, *, actor: User | None = None, comment: str = "") -> InstallationProfile:
    """A new version of the profile; nothing is written when it equals the one in force."""
    profile, _ = read_profile(data, strict=True)
    kept = profile.model_dump(mode="json", exclude={"customers"})
    latest = InstallationProfile.objects.select_for_update().order_by("-pk").first()
    if latest is not None and latest.data == kept:
        return latest
    row = InstallationProfile.objects.create(data=kept, comment=comment[:300], created_by=actor)
    record_event(
        actor=actor,
        action="profile.saved",
        object_kind="profile",
        object_ref=str(row.pk),
        before=latest.data if latest else None,
        after=kept,
    )
    return row


def parse_profile(text: str) -> Any:
    """The data of a JSON or YAML text. InvalidInput says where it cannot be read."""
    if len(text.encode()) > MAX_BYTES:
        raise InvalidInput(f"The file is larger than {MAX_BYTES // 1_000_000} MB")
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except ValueError as error:
            raise InvalidInput(f"Not valid JSON: {error}") from None
    yaml = YAML(typ="safe", pure=True)
    try:
        # A few lines of aliases can stand for more data than fits into memory.
        if any(getattr(event, "anchor", None) for event in yaml.parse(io.StringIO(text))):
            raise InvalidInput("Anchors and aliases are not allowed in a profile")
        return yaml.load(io.StringIO(text))
    except (YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise InvalidInput(f"Not valid YAML{where}: {getattr(error, 'problem', None) or error}") from None


def export_profile(*, customers: bool = True) -> dict[str, Any]:
    """The profile in force as JSON-able data, in the form that `import_profile` takes."""
    data = current_profile().model_dump(mode="json", exclude={"customers"})
    if customers:
        fields = ("org_id", "name", "domains", "emails", "plan", "tier", "stripe_customer", "linear_customer")
        rows = Customer.objects.order_by("org_id").values(*fields)
        data["customers"] = [{key: value for key, value in row.items() if value} for row in rows]
    return data


def as_yaml(data: Mapping[str, Any]) -> str:
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # ruamel annotates its default only
    out = io.StringIO()
    yaml.dump(dict(data), out)
    return out.getvalue()


def import_profile(data: Any, *, actor: User | None = None) -> list[str]:
    """Take over a foreign installation file, customers included; the keys it holds that Altor does not know."""
    from investigations.services.customers import import_directory

    profile, unknown = read_profile(data, strict=False)
    if "playbooks" not in data:
        # A company's file says nothing of how this installation decides: it must not switch the second person off.
        profile = profile.model_copy(update={"playbooks": current_profile().playbooks})
    with transaction.atomic():
        save_profile(profile.model_dump(mode="json", exclude={"customers"}), actor=actor, comment="imported")
        import_directory(profile.customers)
    return unknown
