"""How pages of escalations write what only they show."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import template

from altor.words import MISSING
from escalations.contracts.spans import said

register = template.Library()


@register.filter
def open_time(span: Any) -> str:
    """`40 h`, `1 h 30 min`: open time in hours, since a day of it has no fixed length."""
    if isinstance(span, int | float):
        span = timedelta(seconds=span)
    if not isinstance(span, timedelta):
        return MISSING
    return said(span) or "0 min"
