"""Root-cause entries: their words as they stand, every version of them, how far they are trusted, and what they are
linked to.
"""

from __future__ import annotations

import uuid
from datetime import date
from typing import TYPE_CHECKING, Any, Final, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from altor.models import Team
from altor.roles import Role

if TYPE_CHECKING:
    from altor.models import User

PREFIX: Final = "KB-"


class Confidence(models.TextChoices):
    """How far what an entry says is trusted (KCS v6, article state)."""

    WIP = "wip", "Work in progress"
    NOT_VALIDATED = "not_validated", "Not validated"
    VALIDATED = "validated", "Validated"
    ARCHIVED = "archived", "Archived"


class Audience(models.TextChoices):
    """Who may read an entry, the narrowest first: whoever may read one may read those for wider audiences."""

    INTERNAL = "internal", "Internal"
    PARTNER = "partner", "Partners"
    CUSTOMER = "customer", "Customers"


class Governance(models.TextChoices):
    """Who may change an entry: everybody who may write (experience-based), or reviewers alone (compliance-based)."""

    OPEN = "open", "Everybody who writes entries"
    RESTRICTED = "restricted", "Reviewers only"


#: What a version holds, in the order in which people read it: field -> its name.
CONTENT: Final[dict[str, str]] = {
    "title": "Title",
    "language": "Language",
    "incident_class": "Incident class",
    "label": "Root cause label",
    "symptoms": "Symptoms",
    "root_cause": "Root cause",
    "detection": "Detection query",
    "remediation": "Remediation",
    "escalation_criteria": "When to escalate",
    "customer_wording": "Customer wording",
    "components": "Components",
    "versions": "Affected versions",
    "tiers": "Customer tiers",
}


class EntryQuerySet(models.QuerySet["Entry"]):
    def visible_to(self, user: User) -> Self:
        """Entries the person may read: the only way pages, the API, the search and assistants reach one.

        An entry of a team is for its members and administrators; all others are for everybody with the permission.
        """
        if not user.is_authenticated or not user.may("knowledge.read"):
            return self.none()
        found = self.filter(space="")
        if user.role == Role.ADMIN:
            return found
        return found.filter(Q(team=None) | Q(team__in=Team.objects.filter(memberships__user=user)))

    def public(self) -> Self:
        """What customers may read without an account: validated, for customers, of no team."""
        return self.filter(space="", audience=Audience.CUSTOMER, confidence=Confidence.VALIDATED, team=None)

    def by_ref(self, ref: str) -> Self:
        """The entry called `KB-112`, or none when the text is no such reference."""
        prefix, _, number = ref.strip().upper().partition("-")
        fits = f"{prefix}-" == PREFIX and number.isdecimal() and len(number) < 10
        return self.filter(space="", number=int(number)) if fits else self.none()

    def in_use(self) -> Self:
        """All but the archived ones."""
        return self.exclude(confidence=Confidence.ARCHIVED)

    def with_context(self) -> Self:
        return self.select_related("owner", "team", "created_by", "saved_by")


class Entry(models.Model):
    """One root cause, as the newest version says it. Its words change only through `knowledge.entries.saving`."""

    uid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)  # the same in every installation
    # KB-112. None in a scratch space, which must leave no gap in the numbers.
    number = models.PositiveIntegerField(unique=True, null=True)
    space = models.CharField(max_length=40, blank=True, db_index=True)  # "" = the knowledge base; else a scratch space
    # The newest version's content
    title = models.CharField(max_length=300)
    language = models.CharField(max_length=8, default="en")
    incident_class = models.CharField(max_length=20, blank=True)
    label = models.CharField(max_length=60, blank=True)  # of the cause, where the taxonomy has one
    symptoms = models.TextField(blank=True)
    root_cause = models.TextField(blank=True)
    detection = models.JSONField(null=True, blank=True)  # as `knowledge.entries.detection.Detection`
    remediation = models.TextField(blank=True)
    escalation_criteria = models.TextField(blank=True)
    customer_wording = models.TextField(blank=True)
    components = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    versions = ArrayField(models.CharField(max_length=80), default=list, blank=True)  # "2.4.1", ">=2.3 <2.5"
    tiers = ArrayField(models.CharField(max_length=40), default=list, blank=True)  # of customers; none = all
    revision = models.PositiveIntegerField(default=1)  # the newest version's number; who saves names what they saw
    # The state, apart from the words
    confidence = models.CharField(max_length=14, choices=Confidence, default=Confidence.WIP)
    audience = models.CharField(max_length=10, choices=Audience, default=Audience.INTERNAL)
    governance = models.CharField(max_length=10, choices=Governance, default=Governance.OPEN)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.PROTECT, related_name="entries")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="owned_entries"
    )
    review_on = models.DateField(null=True, blank=True)
    # How it proved itself on tickets
    reuses = models.PositiveIntegerField(default=0)  # by others than the author, in all
    failures = models.PositiveIntegerField(default=0)  # in all
    last_used_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    saved_at = models.DateTimeField()  # of the newest version
    saved_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    objects = EntryQuerySet.as_manager()

    class Meta:
        ordering = ("-number", "-pk")
        verbose_name_plural = "entries"
        constraints = (
            models.CheckConstraint(
                condition=Q(space="", number__isnull=False) | (~Q(space="") & Q(number=None)),
                name="entry_number_outside_scratch",
            ),
            models.CheckConstraint(
                condition=Q(team=None) | ~Q(audience=Audience.CUSTOMER), name="entry_of_a_team_is_not_public"
            ),
        )
        indexes = (
            models.Index(fields=["label"], name="entry_label"),
            models.Index(fields=["confidence", "review_on"], name="entry_review"),
            GinIndex(fields=["components"], name="entry_components"),
        )

    def __str__(self) -> str:
        return f"{self.ref} {self.title}".strip()

    @property
    def ref(self) -> str:
        return f"{PREFIX}{self.number}" if self.number is not None else ""

    @property
    def content(self) -> dict[str, Any]:
        """Field -> value of what versions hold."""
        return {name: getattr(self, name) for name in CONTENT}

    @property
    def is_archived(self) -> bool:
        return self.confidence == Confidence.ARCHIVED

    def is_overdue(self, today: date) -> bool:
        """Its review date has passed."""
        return self.review_on is not None and self.review_on < today


class EntryVersion(models.Model):
    """The words of an entry, once and for all: a database trigger refuses changes of all but the author."""

    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, related_name="history")
    number = models.PositiveIntegerField()
    content = models.JSONField()  # as Entry.content
    comment = models.CharField(max_length=300, blank=True)
    # draft (of an investigation), editor, api, file (an import), restore
    origin = models.CharField(max_length=12, default="editor")
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ("entry", "-number")
        constraints = (models.UniqueConstraint(fields=["entry", "number"], name="entry_version_once"),)

    def __str__(self) -> str:
        return f"{self.entry.ref} v{self.number}"


class EntryChange(models.Model):
    """A change of an entry's state: what, from, to, when, by whom and why (KCS Verified). Append-only."""

    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, related_name="changes")
    field = models.CharField(max_length=12)  # confidence, audience, governance, team, owner, review_on
    before = models.CharField(max_length=150, blank=True)
    after = models.CharField(max_length=150, blank=True)
    # reviewer, reuse (proven on later tickets), failed (it did not hold), query (its detection changed),
    # review (its date passed), edit (a resolution was added or taken away), made, import
    why = models.CharField(max_length=10)
    reason = models.CharField(max_length=500, blank=True)
    version = models.PositiveIntegerField()  # the entry's newest version at that time
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ("-pk",)
        indexes = (models.Index(fields=["entry", "field", "-at"], name="entry_change_latest"),)

    def __str__(self) -> str:
        return f"{self.entry_id} {self.field}: {self.before} -> {self.after}"


class LinkKind(models.TextChoices):
    TICKET = "ticket", "Ticket"
    INVESTIGATION = "investigation", "Investigation"
    ESCALATION = "escalation", "Escalation"
    ISSUE = "issue", "Linear issue"
    PULL_REQUEST = "pull_request", "Pull request"
    DOCUMENT = "document", "Document"


class EntryLink(models.Model):
    """What an entry belongs to. `ref` names it in its own system; what stands behind it keeps its own permissions."""

    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, related_name="links")
    kind = models.CharField(max_length=13, choices=LinkKind)
    ref = models.CharField(max_length=200)  # ZD-48213, INV-812, ESC-57, ENG-4, acme/api#12, or an address
    url = models.CharField(max_length=500, blank=True)
    title = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ("kind", "pk")
        constraints = (models.UniqueConstraint(fields=["entry", "kind", "ref"], name="entry_link_once"),)
        indexes = (models.Index(fields=["kind", "ref"], name="entry_link_of"),)

    def __str__(self) -> str:
        return f"{self.entry_id} {self.kind} {self.ref}"
