"""Filters of the lists."""

from __future__ import annotations

import django_filters
from django.db.models import Q, QuerySet

from altor.api.filtering import StrictFilterSet
from altor.models import InboundEvent
from investigations.models import Customer, Investigation, PlaybookVersion, Ticket


class TicketFilter(StrictFilterSet):
    status = django_filters.MultipleChoiceFilter(choices=Ticket.Status.choices)
    incident_class = django_filters.CharFilter(field_name="incident_class", max_length=20)
    customer = django_filters.CharFilter(field_name="customer__org_id", max_length=120)
    team = django_filters.CharFilter(field_name="team__slug", max_length=60)
    owner = django_filters.CharFilter(field_name="owner__username", max_length=150)
    helpdesk = django_filters.CharFilter(field_name="helpdesk", max_length=20)
    opened_after = django_filters.IsoDateTimeFilter(field_name="opened_at", lookup_expr="gte")
    opened_before = django_filters.IsoDateTimeFilter(field_name="opened_at", lookup_expr="lt")
    q = django_filters.CharFilter(method="search", max_length=200, label="Words in reference, subject or customer")

    class Meta:
        model = Ticket
        fields: list[str] = []

    def search(self, queryset: QuerySet[Ticket], name: str, value: str) -> QuerySet[Ticket]:
        for word in value.split()[:8]:
            queryset = queryset.filter(
                Q(ref__iexact=word)
                | Q(external_id=word)
                | Q(subject__icontains=word)
                | Q(customer__name__icontains=word)
                | Q(customer__org_id=word)
            )
        return queryset


class RunFilter(StrictFilterSet):
    status = django_filters.MultipleChoiceFilter(choices=Investigation.Status.choices)
    ticket = django_filters.CharFilter(field_name="ticket__ref", max_length=80)
    incident_class = django_filters.CharFilter(field_name="ticket__incident_class", max_length=20)
    customer = django_filters.CharFilter(field_name="ticket__customer__org_id", max_length=120)
    label = django_filters.CharFilter(field_name="top_label", max_length=60)
    severity = django_filters.CharFilter(field_name="severity", max_length=4)
    playbook = django_filters.CharFilter(field_name="playbook__key", max_length=60)
    queued_after = django_filters.IsoDateTimeFilter(field_name="queued_at", lookup_expr="gte")
    queued_before = django_filters.IsoDateTimeFilter(field_name="queued_at", lookup_expr="lt")

    class Meta:
        model = Investigation
        fields: list[str] = []


class CustomerFilter(StrictFilterSet):
    domain = django_filters.CharFilter(method="with_domain", max_length=253)
    plan = django_filters.CharFilter(field_name="plan", max_length=80)
    q = django_filters.CharFilter(method="search", max_length=200, label="Part of the name, or an id")

    class Meta:
        model = Customer
        fields: list[str] = []

    def with_domain(self, queryset: QuerySet[Customer], name: str, value: str) -> QuerySet[Customer]:
        return queryset.filter(domains__contains=[value.lower()])

    def search(self, queryset: QuerySet[Customer], name: str, value: str) -> QuerySet[Customer]:
        return queryset.filter(Q(name__icontains=value) | Q(org_id=value) | Q(stripe_customer=value))


class PlaybookFilter(StrictFilterSet):
    incident_class = django_filters.CharFilter(field_name="incident_class", max_length=20)

    class Meta:
        model = PlaybookVersion
        fields: list[str] = []


class InboundFilter(StrictFilterSet):
    status = django_filters.MultipleChoiceFilter(choices=InboundEvent.Status.choices)
    source = django_filters.CharFilter(field_name="endpoint__source", max_length=20)
    connection = django_filters.CharFilter(field_name="endpoint__connection", max_length=60)
    ticket = django_filters.CharFilter(field_name="result_ref", max_length=80)

    class Meta:
        model = InboundEvent
        fields: list[str] = []
