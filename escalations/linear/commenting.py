"""Comments that we write on an issue: each once, whatever is lost on the way."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from altor.errors import InvalidInput
from escalations.linear.filing import wake
from escalations.models import IssueComment, TrackedIssue
from escalations.models.linear import Outgoing, fresh_id


@transaction.atomic
def comment(tracked: TrackedIssue, body: str, key: str, now: datetime) -> IssueComment:
    """Write `body` (Markdown, redacted by the caller) on the issue, after what was written before. `key` says what it
    is for: a second comment of the same key is not written, the first one is given back.
    """
    if not body.strip():
        raise InvalidInput("A comment needs words.", field="body")
    if not key or len(key) > 120:
        raise InvalidInput("A comment has a key of at most 120 characters.", field="key")
    found, is_new = IssueComment.objects.get_or_create(
        issue=tracked,
        direction=IssueComment.Direction.OUT,
        key=key,
        defaults={"comment_id": str(fresh_id()), "body": body, "status": Outgoing.PENDING, "at": now},
    )
    if is_new:
        wake(tracked, now)
    return found
