"""The templates of incidents: holding replies whose case is a stage of the incident, or the `notice`."""

from __future__ import annotations

from typing import Final

from knowledge.models import ReplyTemplateVersion
from knowledge.models.replies import Kind

#: What a stage is called among the templates.
LABEL: Final = "incident."


def template_of(stage: str, language: str) -> ReplyTemplateVersion | None:
    """The version in force; the neutral tone where there are several."""
    rows = ReplyTemplateVersion.objects.active().filter(
        template__kind=Kind.HOLDING, template__label=f"{LABEL}{stage}", template__language=language
    )
    found = list(rows.select_related("template"))
    return min(found, key=lambda one: (one.template.tone != "neutral", one.template.key), default=None)
