"""Updates for customers: written from a template, checked, and then drafts in each linked ticket. Nothing is sent."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from altor.audit import record_event
from altor.errors import Conflict, InvalidInput, PermissionRefused
from altor.models import User
from escalations.incidents.declaring import next_update
from escalations.incidents.history import SHORTEST, W, allow, lock, require_open, save, tell
from escalations.incidents.telling import tell_team
from escalations.incidents.wording import NEXT_UPDATE, words
from escalations.lifecycle.history import clean
from escalations.models import Incident, IncidentUpdate
from investigations.models import Investigation
from investigations.replies import ReplyFinding

Stage = IncidentUpdate.Stage
LONGEST: Final = 5000
_FURTHEST: Final = timedelta(days=31)


class UpdateLeaks(Conflict):
    """`findings`: as of a reply, each with its `language`."""

    code: ClassVar[str] = "update_leaks"
    title: ClassVar[str] = "The text tells what customers must not read"


@dataclass(frozen=True, slots=True)
class Words:
    """An update as it was written: language -> text. `next_update_at` None: as the interval says."""

    stage: str
    texts: Mapping[str, str]
    next_update_at: datetime | None = None
    override_reason: str = ""
    token: uuid.UUID = field(default_factory=uuid.uuid4)
    via: str = "page"


@dataclass(frozen=True, slots=True)
class Checked:
    """`findings`: by language."""

    findings: Mapping[str, Sequence[ReplyFinding]]

    @property
    def leaks(self) -> list[tuple[str, ReplyFinding]]:
        return [(language, one) for language, many in self.findings.items() for one in many if one.is_leak]

    def as_list(self) -> list[dict[str, Any]]:
        return [{**one.as_dict(), "language": lang} for lang, many in self.findings.items() for one in many]


def proposed(incident: Incident, stage: str) -> dict[str, str]:
    """Language -> the template's words: in each language that a linked ticket's customer writes, and in the first."""
    found = words()
    if found is None:
        return {}
    wanted = needed(incident) or [next(iter(found.languages))]
    return {language: found.template(stage, language) for language in wanted}


def needed(incident: Incident) -> list[str]:
    """The languages of the linked tickets' customers, in the usual order."""
    found = words()
    if found is None:
        return []
    links = incident.links.filter(unlinked_at=None).select_related("ticket")
    spoken = {found.language_of(link.ticket) for link in links}
    return [code for code in found.languages if code in spoken]


def next_stage(incident: Incident) -> str:
    """What is said next, as far as the incident's state tells."""
    if incident.status == Incident.Status.RECOVERED:
        return Stage.RESOLVED
    if incident.status == Incident.Status.FIXED:
        return Stage.MONITORING
    last = incident.updates.order_by("-pk").values_list("stage", flat=True).first()
    if last is None:
        return Stage.IDENTIFIED if incident.run is not None and incident.run.top_label else Stage.INVESTIGATING
    return Stage.FIXING if last in (Stage.IDENTIFIED, Stage.FIXING) else str(last)


def check(run: Investigation | None, texts: Mapping[str, str]) -> Checked:
    """Leaks and wording of each language's text."""
    found = words()
    if found is None:
        return Checked({})
    return Checked({language: found.check(run, text, language) for language, text in texts.items() if text.strip()})


def publish(incident: Incident, wish: Words, *, actor: User, now: datetime) -> IncidentUpdate:
    """Keep the update and make it a draft in each linked ticket, in its customer's language, for its owner.

    UpdateLeaks with `findings` unless somebody who may overrides with a reason; InvalidInput with `errors`. The same
    token twice is one update.
    """
    allow(actor)
    known = IncidentUpdate.objects.filter(token=wish.token, incident=incident).first()
    if known is not None:
        return known
    texts = {language: cleaned(text) for language, text in wish.texts.items() if text.strip()}
    try:
        with transaction.atomic():
            locked = lock(incident)
            require_open(locked)
            due = None if wish.stage == Stage.RESOLVED else wish.next_update_at or next_update(locked, now)
            _refuse(wish.stage, texts, due, now)
            checked = check(locked.run, texts)
            reason = overridden(checked, wish.override_reason, actor)
            update = locked.updates.create(
                stage=wish.stage, texts=texts, findings=checked.as_list(), override_reason=reason,
                promised_for=locked.next_update_at, next_update_at=due, by=actor, at=now, token=wish.token,
            )  # fmt: skip
            return _tell(locked, update, wish, actor, now)
    except IntegrityError:  # the same page sent it twice at once
        return IncidentUpdate.objects.get(token=wish.token, incident=incident)


def _tell(locked: Incident, update: IncidentUpdate, wish: Words, actor: User, now: datetime) -> IncidentUpdate:
    locked.next_update_at = update.next_update_at
    save(locked)
    found = words()
    if found is not None:
        update.drafts = found.deliver(update)
        update.save(update_fields=["drafts"])
    drafted = sum(one["state"] in ("drafted", "renewed") for one in update.drafts)
    language, first = next(iter(update.texts.items()))
    if found is not None:
        first = found.fill(first, language, incident=locked, next_update_at=update.next_update_at, ticket=None,
                           account="", agent="")  # fmt: skip
    event = tell(
        locked, W.UPDATED, at=now, by=actor, via=wish.via, text=first, key=f"{locked.pk}:updated:{update.pk}",
        data={
            "update": update.pk, "stage": update.stage, "drafts": drafted, "late": update.is_late,
            "next_update_at": update.next_update_at.isoformat() if update.next_update_at else "",
        },
    )  # fmt: skip
    record_event(
        actor=actor, action="incident.update_published", target=locked, reason=update.override_reason[:300],
        after={
            "stage": update.stage, "languages": list(update.texts), "drafts": drafted,
            "leaks": sum(bool(one["is_leak"]) for one in update.findings), "via": wish.via,
        },
    )  # fmt: skip
    if event is not None:
        tell_team(
            "incident.word", locked, f"has an update for its customers: {update.get_stage_display().lower()}",
            lines=[f"Drafted in {drafted} ticket{'' if drafted == 1 else 's'}; nothing is sent by itself"],
            actor=actor, now=now, key=f"incident:{event.key}",
        )  # fmt: skip
    return update


def _refuse(stage: str, texts: Mapping[str, str], due: datetime | None, now: datetime) -> None:
    found, errors = words(), {}
    if stage not in Stage.values:
        errors["stage"] = [f"One of {', '.join(Stage.values)}."]
    if not texts:
        errors["texts"] = ["Write the update."]
    for language, text in texts.items():
        said = refused_words(text, language)
        if not said and stage != Stage.RESOLVED and NEXT_UPDATE not in text:
            said = f"Say when the next update comes: {NEXT_UPDATE} stands for the time."
        if said:
            errors[f"texts.{language}"] = [said]
    if found is not None and set(texts) - set(found.languages):
        errors["texts"] = [f"Updates are written in {', '.join(found.languages.values())}."]
    if due is not None and not now < due <= now + _FURTHEST:
        errors["next_update_at"] = ["The next update lies ahead, and within 31 days."]
    if errors:
        raise InvalidInput(next(iter(errors.values()))[0], errors=errors)


def refused_words(text: str, language: str) -> str:
    """What keeps a text from being used, in a sentence; "" for nothing."""
    found = words()
    if len(text) > LONGEST:
        return f"At most {LONGEST:,} characters."
    strangers = found.strangers(text) if found is not None else ()
    if strangers:
        return f"There is no placeholder {{{strangers[0]}}} in these texts."
    return ""


def cleaned(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "").strip()


def overridden(checked: Checked, reason: str, actor: User) -> str:
    """The reason that counts. UpdateLeaks, PermissionRefused or InvalidInput where leaks are not to be passed."""
    if not checked.leaks:
        return ""
    language, first = checked.leaks[0]
    said = clean(reason)
    if not said:
        n = len(checked.leaks)
        raise UpdateLeaks(
            f"The text ({language}) holds {'something' if n == 1 else f'{n} things'} that customers must not read:"
            f" “{first.quote}”.",
            findings=checked.as_list(),
        )
    if not actor.may("reply.override"):
        raise PermissionRefused("Only a lead or an administrator may pass a leak in a text for customers.")
    if len(said) < SHORTEST:
        raise InvalidInput("Give the reason in a few words.", errors={"override_reason": ["In a few words."]})
    return said[:1000]


def preview(incident: Incident, text: str, language: str, due: datetime | None) -> str:
    """As one customer would read it."""
    found = words()
    if found is None:
        return text
    return found.fill(
        text, language, incident=incident, next_update_at=due or next_update(incident, timezone.now()), ticket=None,
        account="", agent="",
    )  # fmt: skip
