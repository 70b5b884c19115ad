"""The reply editor as every one of its requests shows it: what was chosen, what stands there, what is wrong with it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from altor.access import person
from altor.errors import InvalidInput
from altor.models import User
from investigations.models import Investigation, Ticket
from investigations.replies import check_reply
from investigations.services.gates import gate_state
from investigations.views.tickets import visible_ticket
from knowledge.models import Reply, ReplyTemplateVersion
from knowledge.models.replies import Kind, Tone
from knowledge.replies import promised
from knowledge.replies.choosing import case_of, choices
from knowledge.replies.drafts import Wish, begin, newest_diagnosis, open_draft, propose
from knowledge.replies.promises import Promise, read_promise
from knowledge.replies.sending import connection_of
from knowledge.replies.suggestions import replacement_in
from knowledge.replies.values import zone_of
from knowledge.replies.wording import LANGUAGES

#: Replies that went out, as the panel lists them.
SHOWN: Final = 5
_LOCAL: Final = "%Y-%m-%dT%H:%M"


@dataclass(frozen=True, slots=True)
class Editor:
    """What the form holds. `reply` is None while nothing is kept yet: then the first change keeps it."""

    ticket: Ticket
    run: Investigation | None
    reply: Reply | None
    token: str
    kind: str
    language: str
    tone: str
    version: ReplyTemplateVersion | None
    offered: Sequence[ReplyTemplateVersion]
    text: str
    statements: Sequence[Mapping[str, Any]]
    next_update_at: datetime | None
    drafted_at: datetime

    @property
    def revision(self) -> int:
        return self.reply.revision if self.reply is not None else 0

    @property
    def is_edited(self) -> bool:
        return self.reply is not None and self.reply.is_edited

    @property
    def is_stale(self) -> bool:
        """A newer diagnosis than the one it was filled from is there."""
        is_answer = self.reply is not None and self.kind == Kind.ANSWER
        return bool(is_answer and self.run is not None and self.reply and self.reply.run_id != self.run.pk)

    @property
    def next_update(self) -> str:
        """As the field of the form holds it, in the person's zone."""
        return timezone.localtime(self.next_update_at).strftime(_LOCAL) if self.next_update_at else ""


def wish_of(request: HttpRequest) -> Wish:
    given = request.POST if request.method == "POST" else request.GET
    return Wish(**{name: given.get(name, "")[:60] for name in ("kind", "language", "tone", "template")})


def editor(ticket: Ticket, user: User, wish: Wish, now: datetime) -> Editor:
    """The person's draft as it stands, else one as it would be filled now."""
    kept = open_draft(ticket, user)
    if kept is None:
        made = propose(ticket, user=user, wish=wish, now=now)
        return Editor(
            ticket, made.run, None, str(uuid.uuid4()), made.kind, made.language, made.tone, made.version, made.offered,
            made.draft.text, made.draft.as_dicts(), made.next_update_at, made.drafted_at,
        )  # fmt: skip
    run = newest_diagnosis(ticket)
    of = kept.version.template if kept.version is not None else None
    language, tone = (of.language, of.tone) if of is not None else ("en", str(Tone.NEUTRAL))
    return Editor(
        ticket, run, kept, str(kept.token), kept.kind, language, tone, kept.version,
        choices(case_of(run), kind=kept.kind, language=language, tone=tone), kept.text, kept.statements,
        kept.next_update_at, kept.created_at,
    )  # fmt: skip


def checked(form: Editor, now: datetime) -> dict[str, Any]:
    """What the check and the reading of promises say about the text."""
    found = check_reply(form.ticket, form.run if form.kind == Kind.ANSWER else None, form.text)
    read = read_promise(form.text, now=now, zone=zone_of(form.ticket))
    return {
        "findings": found,
        "leaks": [one for one in found if one.is_leak],
        "promise": read,
        "promise_differs": _differs(read, form.next_update_at),
        "promise_field": timezone.localtime(read.due_at).strftime(_LOCAL) if read else "",
    }


def _differs(read: Promise | None, chosen: datetime | None) -> bool:
    """To the minute, which is what the field holds."""
    if read is None or chosen is None:
        return read is not None
    return abs((read.due_at - chosen).total_seconds()) >= 60


def context(request: HttpRequest, ticket: Ticket, **more: Any) -> dict[str, Any]:
    user, now = person(request), timezone.now()
    form = editor(ticket, user, wish_of(request), now)
    gate = gate_state(form.run)["reply"] if form.run is not None and form.kind == Kind.ANSWER else None
    out = Reply.objects.filter(ticket=ticket).exclude(status=Reply.Status.DRAFT)
    replies = list(out.select_related("version__template", "sent_by", "run").order_by("-pk")[:SHOWN])
    return {
        "here": "tickets",
        "ticket": ticket,
        "form": form,
        "gate": gate,
        "replies": replies,
        "under_way": any(one.is_under_way for one in replies),
        "answered": any(one.run_id == form.run.pk for one in replies if form.run and one.kind == Kind.ANSWER),
        "promise_made": promised.of_ticket(ticket),
        "now": now,
        "can_send": connection_of(ticket) is not None,
        "is_resolved": ticket.status == Ticket.Status.RESOLVED,
        "kinds": Kind.choices,
        "tones": Tone.choices,
        "languages": [(code, one.name) for code, one in LANGUAGES.items()],
        "may": {"override": user.may("reply.override"), "gate": user.may("gate.override")},
        **checked(form, now),
        **more,
    }


def show(request: HttpRequest, ticket: Ticket, **more: Any) -> HttpResponse:
    """The panel for htmx, the page for everybody else."""
    name = "_reply_editor.html" if request.headers.get("HX-Request") else "reply.html"
    return render(request, f"knowledge/{name}", context(request, ticket, **more))


def answer(request: HttpRequest, ticket: Ticket, *, error: str = "", said: str = "", **more: Any) -> HttpResponse:
    """After a change: the panel anew, or back to the page."""
    if request.headers.get("HX-Request"):
        return show(request, ticket, error=error, said=said, **more)
    if error:
        messages.error(request, error)
    elif said:
        messages.success(request, said)
    return redirect("knowledge:reply", ticket.ref)


def reply_of(request: HttpRequest, ticket: Ticket) -> Reply:
    """The reply that the posted form is about; begun when there is none yet."""
    return begin(
        ticket, actor=person(request), token=_token(request), wish=wish_of(request),
        drafted_at=_moment(request.POST.get("drafted_at", "")), now=timezone.now(),
    )  # fmt: skip


def ticket_of(request: HttpRequest, ref: str) -> Ticket:
    return visible_ticket(person(request), ref)


def next_update_of(request: HttpRequest, field: str = "next_update") -> datetime | None:
    """The field of the form, in the person's zone. InvalidInput for what is no time."""
    given = request.POST.get(field, "").strip()
    if not given:
        return None
    found = _moment(given)
    if found is None:
        raise InvalidInput("The time of the next update is no time: 2026-05-01T16:00.")
    return found


def revision_of(request: HttpRequest) -> int | None:
    """What the page has seen of the draft; None for one that saw none."""
    given = request.POST.get("revision", "")
    return int(given) if given.isdecimal() and len(given) < 9 and int(given) else None


def _moment(given: str) -> datetime | None:
    try:
        found = parse_datetime(given[:40])
    except ValueError:
        return None
    return timezone.make_aware(found) if found is not None and timezone.is_naive(found) else found


def _token(request: HttpRequest) -> uuid.UUID:
    try:
        return uuid.UUID(request.POST.get("token", ""))
    except ValueError:
        raise InvalidInput("The page is out of date: load it again.") from None


def with_suggestion(ticket: Ticket, reply: Reply, text: str, place: str) -> tuple[str, str]:
    """The text with the finding's wording at that place ("start:end:kind"), and what was done; the text itself for no
    place. InvalidInput when nothing is found there any more.
    """
    if not place:
        return text, "The time is taken from the text."
    for found in check_reply(ticket, reply.run, text):
        word = replacement_in(found.suggestion)
        if word and place == f"{found.start}:{found.end}:{found.kind}":
            return text[: found.start] + word + text[found.end :], f"“{found.quote[:40]}” is replaced."
    raise InvalidInput("The text has changed there: look at the finding again.")
