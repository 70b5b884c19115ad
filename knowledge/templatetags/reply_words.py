"""Words of the reply pages."""

from __future__ import annotations

from django import template

from knowledge.replies.suggestions import replacement_in

register = template.Library()


@register.filter
def replacement(suggestion: str) -> str:
    return replacement_in(str(suggestion or ""))
