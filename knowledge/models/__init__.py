"""What knowledge stores."""

from knowledge.models.entries import Entry, EntryChange, EntryLink, EntryVersion
from knowledge.models.replies import PromisedUpdate, Reply, ReplyTemplate, ReplyTemplateVersion
from knowledge.models.search import SearchRow, SearchSpace, SearchTerm

__all__ = [
    "Entry",
    "EntryChange",
    "EntryLink",
    "EntryVersion",
    "PromisedUpdate",
    "Reply",
    "ReplyTemplate",
    "ReplyTemplateVersion",
    "SearchRow",
    "SearchSpace",
    "SearchTerm",
]
