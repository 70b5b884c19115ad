"""Root-cause entries: search, match a whole ticket, read, write, state, versions, links."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from altor.errors import InvalidInput
from altor.models import Team, User
from knowledge.api.at_work import EntryAtWork
from knowledge.entries.changes import change_state
from knowledge.entries.links import add_link, remove_link, shown_links
from knowledge.entries.saving import create_entry, restore, save_entry
from knowledge.entry_serializers import (
    EntryInput,
    EntryLinkInput,
    EntryLinkSerializer,
    EntryPatch,
    EntrySerializer,
    EntryVersionSerializer,
    MatchInput,
    SearchQuery,
    SearchResultSerializer,
    StateChangeSerializer,
    StateInput,
)
from knowledge.models import Entry, SearchLog
from knowledge.models.entries import CONTENT, EntryQuerySet
from knowledge.quality.searches import search
from knowledge.search.answers import filters_of, match_ticket, told
from knowledge.search.finding import filtered


class EntryViewSet(EntryAtWork):
    required_permissions = {
        "list": "knowledge.read",
        "create": "knowledge.write",
        "match": "knowledge.read",
        "retrieve": "knowledge.read",
        "partial_update": "knowledge.write",
        "state": "knowledge.write",
        "versions": "knowledge.read",
        "restore": "knowledge.write",
        "changes": "knowledge.read",
        "links": "knowledge.read",
        "link": "knowledge.write",
        "unlink": "knowledge.write",
        "use": "knowledge.write",
        "vote": "knowledge.read",
        "watch": "knowledge.write",
    }
    lookup_url_kwarg = "ref"
    lookup_value_regex = r"[Kk][Bb]-\d{1,9}"
    serializer_class = EntrySerializer

    def get_queryset(self) -> EntryQuerySet:
        return Entry.objects.visible_to(self.user).with_context()

    def _entry(self, ref: str) -> Entry:
        return get_object_or_404(self.get_queryset().by_ref(ref))

    @extend_schema(
        parameters=[SearchQuery, OpenApiParameter("cursor", str, description="Without `q`: the next page")],
        responses=SearchResultSerializer,
    )
    def list(self, request: Request) -> Response:
        """With `q` the entries that answer it, the best first; else all, newest first, page by page."""
        given = SearchQuery(data=request.query_params)
        given.is_valid(raise_exception=True)
        known = set(SearchQuery().fields) | {"cursor", "limit"}
        if strange := sorted(set(request.query_params) - known):
            raise serializers.ValidationError({name: ["There is no such parameter."] for name in strange})
        filters, text = filters_of(given.validated_data), given.validated_data["q"].strip()
        if text:
            answer, _ = search(self.user, text, filters, limit=given.validated_data["limit"], door=SearchLog.Door.API)
            return Response(told(answer))
        page = self.paginate_queryset(filtered(self.get_queryset(), filters)) or []
        return self.get_paginated_response([{"entry": EntrySerializer(entry).data} for entry in page])

    @extend_schema(request=EntryInput, responses={201: EntrySerializer})
    def create(self, request: Request) -> Response:
        """A new entry. 400 names each field that cannot be kept."""
        body = EntryInput(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        comment, team = given.pop("comment", ""), _team(given.pop("team", ""))
        entry = create_entry(given, actor=self.user, team=team, comment=comment, origin="api")
        return Response(EntrySerializer(entry).data, status=201)

    @extend_schema(request=MatchInput, responses=SearchResultSerializer)
    @action(detail=False, methods=["post"])
    def match(self, request: Request) -> Response:
        """The entries that explain a ticket, the best first, each with why. Give a text, or a ticket you may see."""
        body = MatchInput(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(match_ticket(self.user, body.validated_data))

    @extend_schema(responses=EntrySerializer)
    def retrieve(self, request: Request, ref: str) -> Response:
        return Response(EntrySerializer(self._entry(ref)).data)

    @extend_schema(request=EntryPatch, responses=EntrySerializer)
    def partial_update(self, request: Request, ref: str) -> Response:
        """Change fields; what is left out stays. `revision` is the one that was read: 409 when somebody saved since."""
        body = EntryPatch(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        seen, comment = given.pop("revision"), given.pop("comment", "")
        words = {name: value for name, value in given.items() if name in CONTENT}
        entry = save_entry(self._entry(ref), words, actor=self.user, seen=seen, comment=comment, origin="api")
        return Response(EntrySerializer(entry).data)

    @extend_schema(request=StateInput, responses=EntrySerializer)
    @action(detail=True, methods=["post"])
    def state(self, request: Request, ref: str) -> Response:
        """Change confidence, audience, governance, team, owner or review date, with a reason."""
        body = StateInput(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        reason = given.pop("reason", "")
        if "team" in given:
            given["team"] = _team(given["team"] or "")
        if "owner" in given:
            given["owner"] = _person(given["owner"] or "")
        return Response(EntrySerializer(change_state(self._entry(ref), given, actor=self.user, reason=reason)).data)

    @extend_schema(responses=EntryVersionSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None)
    def versions(self, request: Request, ref: str) -> Response:
        """All versions, newest first."""
        found = self._entry(ref).history.select_related("created_by").order_by("-number")
        return Response(EntryVersionSerializer(found, many=True).data)

    @extend_schema(request=None, responses=EntrySerializer)
    @action(detail=True, methods=["post"], url_path=r"versions/(?P<number>\d{1,6})/restore")
    def restore(self, request: Request, ref: str, number: str) -> Response:
        """The words of an old version as the newest one."""
        entry = self._entry(ref)
        version = get_object_or_404(entry.history.select_related("entry"), number=int(number))
        return Response(EntrySerializer(restore(version, actor=self.user, seen=entry.revision)).data)

    @extend_schema(responses=StateChangeSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None)
    def changes(self, request: Request, ref: str) -> Response:
        """Every change of the state: from, to, when, by whom, why."""
        found = self._entry(ref).changes.select_related("by").order_by("-pk")
        return Response(StateChangeSerializer(found, many=True).data)

    @extend_schema(responses=EntryLinkSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None)
    def links(self, request: Request, ref: str) -> Response:
        """What the entry belongs to, of what you may see."""
        return Response(EntryLinkSerializer(shown_links(self._entry(ref), self.user), many=True).data)

    @extend_schema(request=EntryLinkInput, responses={201: EntryLinkSerializer(many=True)})
    @links.mapping.post
    def link(self, request: Request, ref: str) -> Response:
        body = EntryLinkInput(data=request.data)
        body.is_valid(raise_exception=True)
        entry = self._entry(ref)
        add_link(entry, actor=self.user, **body.validated_data)
        return Response(EntryLinkSerializer(shown_links(entry, self.user), many=True).data, status=201)

    @extend_schema(responses={204: None})
    @action(detail=True, methods=["delete"], url_path=r"links/(?P<pk>\d{1,18})")
    def unlink(self, request: Request, ref: str, pk: str) -> Response:
        remove_link(self._entry(ref), int(pk), actor=self.user)
        return Response(status=204)


def _team(slug: str) -> Team | None:
    if not slug:
        return None
    found = Team.objects.filter(slug=slug).first()
    if found is None:
        raise InvalidInput(f"There is no team {slug!r}.", errors={"team": ["there is no such team"]})
    return found


def _person(username: str) -> User | None:
    if not username:
        return None
    found = User.objects.filter(username=username, is_active=True).first()
    if found is None:
        raise InvalidInput(f"There is nobody called {username!r}.", errors={"owner": ["there is nobody so called"]})
    return found
