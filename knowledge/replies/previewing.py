"""A template's words on a past ticket: how the reply would have read."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from altor.models import User
from investigations.models import Investigation
from knowledge.models import ReplyTemplate
from knowledge.models.replies import Kind
from knowledge.replies.choosing import case_of, fits
from knowledge.replies.draft import Draft, draft, usual_next_update
from knowledge.replies.format import TemplateForm


@dataclass(frozen=True, slots=True)
class Preview:
    """`fits`: whether the template would be offered for this diagnosis at all."""

    draft: Draft
    fits: bool


def preview_of(form: TemplateForm, run: Investigation, user: User) -> Preview:
    """Of a finished run with its ticket. Stores nothing."""
    shown = draft(
        form.parts,
        ticket=run.ticket,
        run=run if run.diagnosis else None,
        kind=form.kind,
        language=form.language,
        agent=str(user),
        next_update_at=usual_next_update(run, run.finished_at or timezone.now()),
    )
    template = ReplyTemplate(kind=form.kind, incident_class=form.incident_class, label=form.label)
    return Preview(shown, form.kind != Kind.ANSWER or fits(template, case_of(run)))
