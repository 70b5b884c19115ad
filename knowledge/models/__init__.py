"""What knowledge stores."""

from knowledge.models.entries import Entry, EntryChange, EntryLink, EntryVersion
from knowledge.models.quality import EntryVote, Measurement, SearchLog
from knowledge.models.recognition import Recognition, Sighting, Standing, Watch
from knowledge.models.replies import PromisedUpdate, Reply, ReplyTemplate, ReplyTemplateVersion
from knowledge.models.reuse import EntryUse, Learned
from knowledge.models.search import SearchRow, SearchSpace, SearchTerm

__all__ = [
    "Entry",
    "EntryChange",
    "EntryLink",
    "EntryUse",
    "EntryVersion",
    "EntryVote",
    "Learned",
    "Measurement",
    "PromisedUpdate",
    "Recognition",
    "Reply",
    "ReplyTemplate",
    "ReplyTemplateVersion",
    "SearchLog",
    "SearchRow",
    "SearchSpace",
    "SearchTerm",
    "Sighting",
    "Standing",
    "Watch",
]
