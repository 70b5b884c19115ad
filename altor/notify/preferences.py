"""Store what a person wants to hear."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time

from django.db import transaction

from altor.errors import InvalidInput
from altor.models import NoticePreference, User
from altor.notify.choices import MAIL, OWN
from altor.notify.kinds import notice_kinds


@transaction.atomic
def save_preference(
    *, person: User, choices: Mapping[str, Mapping[str, str]], quiet_from: time | None, quiet_until: time | None,
    quiet_rule: str, digest_hour: int,
) -> NoticePreference:  # fmt: skip
    """Replace a person's preference. `choices`: kind -> {"mail": off|now|digest, "own": off|now}; times in their zone.

    InvalidInput names the field. What waits already keeps its time.
    """
    known = notice_kinds()
    for name, columns in choices.items():
        if name not in known or columns.get("mail", "off") not in MAIL or columns.get("own", "off") not in OWN:
            raise InvalidInput("Choose among what there is.", field=name)
    if (quiet_from is None) != (quiet_until is None):
        raise InvalidInput("Quiet hours need a beginning and an end.", field="quiet_until")
    if quiet_rule not in NoticePreference.Quiet.values or not 0 <= digest_hour <= 23:
        raise InvalidInput("Choose among what there is.", field="quiet_rule")
    row, _ = NoticePreference.objects.update_or_create(
        person=person,
        defaults={
            "choices": {name: dict(columns) for name, columns in choices.items()},
            "quiet_from": quiet_from, "quiet_until": quiet_until,
            "quiet_rule": quiet_rule, "digest_hour": digest_hour,
        },
    )  # fmt: skip
    return row
