"""Filters of the API's lists. An unknown parameter is an error: a typing error must not show everything."""

from __future__ import annotations

from typing import Any

from django_filters.rest_framework import FilterSet
from rest_framework.exceptions import ValidationError

_PAGING = frozenset({"cursor", "limit"})


class StrictFilterSet(FilterSet):  # type: ignore[misc]  # django-filter ships no types
    def is_valid(self) -> bool:
        unknown = sorted(set(self.data) - set(self.filters) - _PAGING)
        if unknown:
            raise ValidationError({name: ["There is no such parameter."] for name in unknown})
        return bool(super().is_valid())


class NoFilter(StrictFilterSet):
    """For lists without parameters of their own."""

    class Meta:
        model: Any = None
        fields: list[str] = []
