"""Entries at work over REST: what runs recognised, whether an entry helped, what closed tickets leave behind."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from altor.api.views import ApiViewSet
from altor.errors import InvalidInput
from investigations.models import Ticket
from knowledge.entries.learning import learn
from knowledge.entries.reuse import use_entry
from knowledge.models import Entry, Learned, Recognition
from knowledge.quality.votes import vote
from knowledge.recognition.watching import set_watch
from knowledge.work_serializers import (
    LearnedInput,
    LearnedSerializer,
    RecognitionSerializer,
    UseInput,
    UseSerializer,
    VoteInput,
    VoteSerializer,
    WatchInput,
    WatchSerializer,
)


class EntryAtWork(ApiViewSet):
    """Mixed into the entries' views: what is done with one entry."""

    @extend_schema(request=UseInput, responses=UseSerializer)
    @action(detail=True, methods=["post"])
    def use(self, request: Request, ref: str) -> Response:
        """The entry helped on a ticket, or it did not hold. Said again, the last word counts."""
        body = UseInput(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        ticket = get_object_or_404(Ticket.objects.visible_to(self.user), ref=given["ticket"])
        said = use_entry(self._readable(ref), ticket, verdict=given["verdict"], actor=self.user)
        return Response(UseSerializer(said).data)

    @extend_schema(request=VoteInput, responses=VoteSerializer)
    @action(detail=True, methods=["post"])
    def vote(self, request: Request, ref: str) -> Response:
        """Whether its newest version is helpful to you. Said again, the last word counts."""
        body = VoteInput(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        said = vote(self._readable(ref), is_helpful=given["is_helpful"], comment=given["comment"], actor=self.user)
        return Response(VoteSerializer(said).data)

    @extend_schema(request=WatchInput, responses=WatchSerializer)
    @action(detail=True, methods=["post"])
    def watch(self, request: Request, ref: str) -> Response:
        """Ask for its cause so often from now on; 0 ends it."""
        body = WatchInput(data=request.data)
        body.is_valid(raise_exception=True)
        entry = self._readable(ref)
        watch = set_watch(entry, body.validated_data["every_hours"], actor=self.user)
        if watch is None:
            return Response({"every_hours": 0, "answered": "", "says": "", "since": None, "asked_at": None,
                             "due_at": None, "failures": 0, "error": ""})  # fmt: skip
        return Response(WatchSerializer(watch).data)

    def _readable(self, ref: str) -> Entry:
        return get_object_or_404(Entry.objects.visible_to(self.user).by_ref(ref))


class RecognitionViewSet(ApiViewSet):
    """What the detection queries of entries said during investigations, newest first."""

    required_permissions: ClassVar[dict[str, str]] = {"list": "knowledge.read"}
    serializer_class = RecognitionSerializer

    def get_queryset(self) -> QuerySet[Recognition]:
        return Recognition.objects.visible_to(self.user).with_context().exclude(state="")

    @extend_schema(
        parameters=[
            OpenApiParameter("investigation", str, description="Of one run: INV-812"),
            OpenApiParameter("entry", str, description="Of one entry: KB-112"),
            OpenApiParameter("state", str, enum=["recognised", "possible", "elsewhere", "quiet", "unknown", "near"]),
        ],
        responses=RecognitionSerializer(many=True),
    )
    def list(self, request: Request) -> Response:
        """Of the runs and entries that you may see."""
        found, asked = self.get_queryset(), request.query_params
        if ref := asked.get("investigation", ""):
            number = ref.upper().removeprefix("INV-")
            found = found.filter(investigation=int(number)) if _is_number(number) else found.none()
        if ref := asked.get("entry", ""):
            found = found.filter(entry__in=Entry.objects.visible_to(self.user).by_ref(ref))
        if state := asked.get("state", ""):
            found = found.filter(state=state[:10])
        page = self.paginate_queryset(found) or []
        return self.get_paginated_response(RecognitionSerializer(page, many=True).data)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 18


class LearnedViewSet(ApiViewSet):
    """What closed tickets left behind."""

    required_permissions: ClassVar[dict[str, str]] = {"list": "knowledge.read", "create": "ticket.resolve"}
    serializer_class = LearnedSerializer

    def get_queryset(self) -> QuerySet[Learned]:
        return Learned.objects.visible_to(self.user).select_related("ticket", "entry__team", "by")

    @extend_schema(responses=LearnedSerializer(many=True))
    def list(self, request: Request) -> Response:
        """Of the tickets that you may see, newest first. An entry that you may not read is null."""
        page = self.paginate_queryset(self.get_queryset()) or []
        readable = Entry.objects.visible_to(self.user).filter(pk__in=[one.entry_id for one in page if one.entry_id])
        ids = set(readable.values_list("pk", flat=True))
        return self.get_paginated_response([LearnedSerializer(one, context={"readable": ids}).data for one in page])

    @extend_schema(request=LearnedInput, responses={201: LearnedSerializer})
    def create(self, request: Request) -> Response:
        """Say what a resolved ticket left behind. Told again, the answer before stays. `draft` makes an entry."""
        body = LearnedInput(data=request.data)
        body.is_valid(raise_exception=True)
        given: dict[str, Any] = dict(body.validated_data)
        ticket = get_object_or_404(Ticket.objects.visible_to(self.user), ref=given.pop("ticket"))
        named = given.pop("entry", "")
        entry = Entry.objects.visible_to(self.user).by_ref(named).first() if named else None
        if named and entry is None:
            raise InvalidInput(f"There is no entry {named!r} that you may read.", errors={"entry": ["no such entry"]})
        said = learn(ticket, entry=entry, actor=self.user, **given)
        return Response(
            LearnedSerializer(said, context={"readable": {said.entry_id} if said.entry_id else set()}).data, status=201
        )
