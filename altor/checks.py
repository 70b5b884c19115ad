"""System checks that refuse unsafe or contradictory settings at start."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from altor.settings import environment


@register(Tags.compatibility)
def environment_is_known(**kwargs: Any) -> list[CheckMessage]:
    return [
        Warning(
            f"{name} is not a setting of Altor and does nothing",
            hint="See docs/reference/settings.md for the names.",
            id="altor.W001",
        )
        for name in environment.unknown_names()
    ]


@register(Tags.security)
def production_is_complete(**kwargs: Any) -> list[CheckMessage]:
    if settings.DEBUG:
        return []
    found: list[CheckMessage] = []
    if not settings.ENCRYPTION_KEYS:
        found.append(
            Error("ALTOR_ENCRYPTION_KEYS is not set: stored secrets cannot be read or written", id="altor.E001")
        )
    if not settings.ALLOWED_HOSTS:
        found.append(Error("ALTOR_ALLOWED_HOSTS is not set: nobody can reach Altor", id="altor.E002"))
    if "*" in settings.ALLOWED_HOSTS:
        found.append(
            Error(
                "ALTOR_ALLOWED_HOSTS is *: links in mails and notes could be led to a stranger's host", id="altor.E005"
            )
        )
    if environment.flag("ALTOR_ALLOW_PRIVATE_UPSTREAMS"):
        found.append(
            Warning(
                "ALTOR_ALLOW_PRIVATE_UPSTREAMS has no effect without ALTOR_DEBUG=1",
                hint="List private upstreams one by one in ALTOR_PRIVATE_UPSTREAMS.",
                id="altor.W002",
            )
        )
    return found


@register(Tags.security, deploy=True)
def people_come_by_https(**kwargs: Any) -> list[CheckMessage]:
    if settings.DEBUG or settings.BASE_URL.startswith("https://"):
        return []
    return [
        Warning(
            "ALTOR_BASE_URL does not begin with https://: nobody can log in, as cookies are sent by https only",
            hint="Set it to the address people use. Declare a proxy in front by ALTOR_TRUSTED_PROXIES.",
            id="altor.W003",
        )
    ]


@register(Tags.security)
def encryption_keys_are_keys(**kwargs: Any) -> list[CheckMessage]:
    from cryptography.fernet import Fernet

    for key in settings.ENCRYPTION_KEYS:
        try:
            Fernet(key)
        except ValueError:
            return [
                Error(
                    "ALTOR_ENCRYPTION_KEYS holds a key that is not a Fernet key (32 bytes, urlsafe base64)",
                    id="altor.E003",
                )
            ]
    return []


@register(Tags.compatibility)
def times_stand_in_order(**kwargs: Any) -> list[CheckMessage]:
    """request timeout < run deadline < task timeout < lease < queue retry: else work is done twice or never again."""
    times: list[tuple[str, float]] = [
        ("run deadline", settings.RUN_DEADLINE_S),
        ("task timeout", settings.TASK_TIMEOUT_S),
        ("lease", settings.RUN_LEASE_S),
        ("queue retry", settings.QUEUE_RETRY_S),
    ]
    return [
        Error(f"The {name} ({value} s) must be shorter than the {after} ({longer} s)", id="altor.E004")
        for (name, value), (after, longer) in pairwise(times)
        if value >= longer
    ]
