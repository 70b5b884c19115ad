"""The reply in the sidebar: the open draft of the person, else the one that would be filled now."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, Final

from altor.models import User
from investigations.models import Investigation, Ticket
from investigations.replies import check_reply
from investigations.services.gates import gate_state
from investigations.widget.parts import Stamp, StampContext, WidgetContext, row_versions
from knowledge.models import Reply
from knowledge.models.replies import Kind
from knowledge.replies.draft import next_updates
from knowledge.replies.drafts import Wish, newest_diagnosis, propose
from knowledge.replies.sending import connection_of


def reply_part(context: WidgetContext) -> tuple[str, Mapping[str, Any]] | None:
    """("reply", {"text", "statements", "gate", "findings", "template", "can_send"}); None while there is no template.

    `gate`: {"open", "missing", "tried", "overridden"}, None for a reply that no gate holds.
    """
    ticket, user = context.ticket, context.user
    kept = _open_draft(ticket, user) if user is not None else None
    newest = context.run
    run = newest if newest is not None and newest.status == Investigation.Status.DONE else newest_diagnosis(ticket)
    if kept is not None:
        text, statements, kind, version = kept.text, kept.statements, kept.kind, kept.version
    else:
        proposal = propose(ticket, user=user, wish=Wish(), now=context.now, run=run)
        if proposal.version is None:
            return None
        text, statements, kind, version = (
            proposal.draft.text, proposal.draft.as_dicts(), proposal.kind, proposal.version,
        )  # fmt: skip
    gate = gate_state(run)["reply"] if run is not None and kind == Kind.ANSWER else None
    findings = check_reply(ticket, run, text)
    may = user is not None and user.may("ticket.reply")
    is_out = Reply.objects.filter(ticket=ticket, run=run, kind=kind).out().exists() if run is not None else False
    return "reply", {
        "text": text,
        "statements": statements,
        "kind": str(kind),
        "gate": _wire(gate),
        "findings": [one.as_dict() for one in findings],
        "template": {"key": version.template.key, "version": version.number, "title": version.template.title}
        if version is not None
        else None,
        "can_send": may and not is_out and (gate is None or bool(gate["open"])) and connection_of(ticket) is not None,
    }


def _open_draft(ticket: Ticket, user: User) -> Reply | None:
    """Without the run that it rests on: the sidebar has that."""
    return Reply.objects.drafts().filter(ticket=ticket, author=user).select_related("version__template").first()


def _promising(rows: str | None, context: StampContext) -> Hashable:
    """A draft promises the next update by the clock."""
    return rows, next_updates(context.now)


_REPLIES: Final = row_versions("r", "knowledge_reply r WHERE r.ticket_id = ticket.id")
_TEMPLATES: Final = row_versions(
    "v t", "knowledge_replytemplateversion v JOIN knowledge_replytemplate t ON t.id = v.template_id WHERE v.is_active"
)
_CLAIMS: Final = row_versions("c", "investigations_ticketclaim c WHERE c.ticket_id = ticket.id")
# With the zone of whoever wrote.
_MIRROR: Final = row_versions("m", "investigations_ticketmirror m WHERE m.ticket_id = ticket.id")
# Read by `state.look`. The check's findings also rest on the names of all customers and people: reading those would
# cost more than all the rest, so another one's new name is heard of with the clock. Sending checks again anyway.
_ALL: Final = ", ".join((_REPLIES, _TEMPLATES, _CLAIMS, _MIRROR))
reply_part.stamp = Stamp(f"ROW({_ALL})::text", _promising)  # type: ignore[attr-defined]


def _wire(gate: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The gate without anything that is not JSON."""
    if gate is None or not gate["overridden"]:
        return gate
    return {**gate, "overridden": {**gate["overridden"], "at": gate["overridden"]["at"].isoformat()}}
