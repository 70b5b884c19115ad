"""The minutes of a review as Markdown."""

from __future__ import annotations

from metrics.models import Review, ReviewAction, ReviewItem


def as_markdown(review: Review) -> str:
    """What was looked at and why, notes, decisions, and actions with owner and date. What people typed stays a line."""
    items = list(review.items.filter(is_dropped=False).select_related("ticket"))
    parts = [f"# Review of {review.team}, week of {review.week.isoformat()}", _state(review)]
    if items:
        parts.append("## Looked at\n\n" + "\n".join(_item(one) for one in items))
    if review.notes:
        parts.append(f"## Notes\n\n{review.notes}")
    parts.append("## Decisions\n\n" + ("\n".join(f"- {_line(one)}" for one in review.decided) or "None."))
    actions = list(review.actions.select_related("owner", "ticket"))
    parts.append("## Actions\n\n" + ("\n".join(_action(one) for one in actions) or "None."))
    return "\n\n".join(parts) + "\n"


def _state(review: Review) -> str:
    if review.closed_at is None:
        return "Not closed yet."
    return f"Closed on {review.closed_at.date().isoformat()} by {_line(str(review.closed_by or 'somebody'))}."


def _item(one: ReviewItem) -> str:
    notes = f" {_line(one.notes)}" if one.notes else ""
    seen = "x" if one.is_done else " "
    return f"- [{seen}] {one.ticket.ref} ({one.get_kind_display().lower()}): {_line(one.why)}{notes}"


def _action(one: ReviewAction) -> str:
    done = "x" if one.status == ReviewAction.Status.DONE else " "
    owner = _line(str(one.owner)) if one.owner else "nobody yet"
    due = f", by {one.due.isoformat()}" if one.due else ""
    given_up = ", given up" if one.status == ReviewAction.Status.DROPPED else ""
    changed = f", changed {one.change_kind} {_line(one.change_ref)}" if one.change_ref else ""
    about = f" ({one.ticket.ref})" if one.ticket else ""
    return f"- [{done}] {_line(one.text)}{about}: {owner}{due}{given_up}{changed}"


def _line(text: str) -> str:
    """What people typed, without what would begin another block or an image."""
    return " ".join(text.split()).replace("[", "\\[").replace("<", "&lt;").replace("|", "\\|")
