"""Handoffs: read, write and sign, accept, refuse, take over."""

from __future__ import annotations

from typing import Any

import django_filters
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from altor.api.filtering import StrictFilterSet
from altor.api.views import ApiViewSet
from altor.errors import InvalidInput
from altor.models import User
from escalations.handoffs.giving import sign, write
from escalations.handoffs.serializers import (
    HandoffAcceptInput,
    HandoffListSerializer,
    HandoffRefuseInput,
    HandoffSerializer,
    HandoffSignInput,
    HandoffTakeInput,
    HandoffTakenSerializer,
    HandoffWriteInput,
)
from escalations.handoffs.taking import Taken, accept, accept_rest, refuse, take, take_item
from escalations.models import Handoff
from escalations.models.handoffs import HandoffQuerySet


class HandoffFilter(StrictFilterSet):
    status = django_filters.MultipleChoiceFilter(choices=Handoff.Status.choices)
    outgoing = django_filters.CharFilter(field_name="outgoing__username", max_length=150)
    incoming = django_filters.CharFilter(field_name="incoming__username", max_length=150)
    team = django_filters.CharFilter(field_name="team__slug", max_length=60)

    class Meta:
        model = Handoff
        fields: list[str] = []


class HandoffViewSet(mixins.ListModelMixin, ApiViewSet):
    required_permissions = {
        "list": "ticket.read",
        "retrieve": "ticket.read",
        "partial_update": "handoff.take",
        "sign": "handoff.take",
        "accept": "handoff.take",
        "refuse": "handoff.take",
        "take": "handoff.take",
    }
    lookup_url_kwarg = "ref"
    lookup_value_regex = r"HO-[0-9]{1,17}"
    filterset_class = HandoffFilter
    serializer_class = HandoffListSerializer

    def get_queryset(self) -> HandoffQuerySet:
        return Handoff.objects.visible_to(self.user).with_context()

    def get_object(self) -> Handoff:
        return get_object_or_404(self.get_queryset().by_ref(self.kwargs["ref"]))

    def _told(self, handoff: Handoff) -> Response:
        return Response(self._shape(handoff))

    def _shape(self, handoff: Handoff) -> Any:
        found = Handoff.objects.with_context().get(pk=handoff.pk)
        return HandoffSerializer(found, context={"user": self.user}).data

    @extend_schema(responses=HandoffSerializer)
    def retrieve(self, request: Request, ref: str) -> Response:
        """With what is in it, the most urgent first."""
        return self._told(self.get_object())

    @extend_schema(request=HandoffWriteInput, responses=HandoffSerializer)
    def partial_update(self, request: Request, ref: str) -> Response:
        """Write to it without signing. What is left out stays as it is."""
        found, body = self.get_object(), HandoffWriteInput(data=request.data)
        body.is_valid(raise_exception=True)
        note, items = body.words()
        return self._told(write(found, actor=self.user, note=note, items=items, now=timezone.now()))

    @extend_schema(request=HandoffSignInput, responses=HandoffSerializer)
    @action(detail=True, methods=["post"])
    def sign(self, request: Request, ref: str) -> Response:
        """The outgoing signs; everything stays theirs until it is accepted."""
        found, body = self.get_object(), HandoffSignInput(data=request.data)
        body.is_valid(raise_exception=True)
        note, items = body.words()
        seen = body.validated_data["revision"]
        return self._told(sign(found, actor=self.user, note=note, items=items, seen=seen, now=timezone.now()))

    @extend_schema(request=HandoffAcceptInput, responses=HandoffTakenSerializer)
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, ref: str) -> Response:
        """The incoming accepts one item, or without `item` all that need not be accepted on their own."""
        found, body = self.get_object(), HandoffAcceptInput(data=request.data)
        body.is_valid(raise_exception=True)
        given, now = body.validated_data, timezone.now()
        if not given["item"]:
            return self._moved(found, accept_rest(found, actor=self.user, now=now))
        item = accept(found, given["item"], actor=self.user, keeps_promise=given["keeps_promise"], now=now)
        return self._moved(found, Taken([item.ref]))

    @extend_schema(request=HandoffRefuseInput, responses=HandoffSerializer)
    @action(detail=True, methods=["post"])
    def refuse(self, request: Request, ref: str) -> Response:
        """The incoming refuses one item; it stays with the outgoing, and the leads are told."""
        found, body = self.get_object(), HandoffRefuseInput(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        refuse(found, given["item"], actor=self.user, reason=given["reason"], now=timezone.now())
        return self._told(found)

    @extend_schema(request=HandoffTakeInput, responses=HandoffTakenSerializer)
    @action(detail=True, methods=["post"])
    def take(self, request: Request, ref: str) -> Response:
        """Take over now, one item or everything: the incoming, or a lead, who may name somebody else."""
        found, body = self.get_object(), HandoffTakeInput(data=request.data)
        body.is_valid(raise_exception=True)
        given, now = body.validated_data, timezone.now()
        to = _person(given["to"])
        if not given["item"]:
            return self._moved(found, take(found, actor=self.user, to=to, now=now))
        item = take_item(
            found, given["item"], actor=self.user, to=to, keeps_promise=given["keeps_promise"], now=now
        )  # fmt: skip
        return self._moved(found, Taken([item.ref]))

    def _moved(self, handoff: Handoff, done: Taken) -> Response:
        return Response({"taken": done.refs, "refused": done.refused, "handoff": self._shape(handoff)})


def _person(username: str) -> User | None:
    if not username:
        return None
    person = User.objects.filter(username=username, is_active=True).first()
    if person is None:
        raise InvalidInput(f"There is nobody called {username!r}.", errors={"to": ["is nobody"]})
    return person
