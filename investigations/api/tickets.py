"""Tickets: create, read, correct, investigate, mark as replied, resolve, reopen, explain, take, assign, return."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from altor.api.pagination import CursorPagination
from altor.api.views import ApiViewSet
from altor.errors import InvalidInput
from altor.models import Team, User
from investigations.api.filtering import TicketFilter
from investigations.api.runs import run_response
from investigations.intake.payload import read_payload
from investigations.models import Customer, Investigation, Ticket
from investigations.models.tickets import TicketQuerySet
from investigations.serializers import (
    AssignInput,
    ClosureInput,
    ReplyInput,
    ReturnInput,
    RunSerializer,
    StartRunInput,
    TicketCorrection,
    TicketInput,
    TicketListSerializer,
    TicketSerializer,
)
from investigations.services.automatic import consider
from investigations.services.closures import explain_closure
from investigations.services.custody import assign, give_back, owners_for, take
from investigations.services.lifecycle import mark_replied, reopen, resolve
from investigations.services.runs import ask_for_investigation
from investigations.services.tickets import correct_ticket, prefix_of, upsert_ticket


class TicketPagination(CursorPagination):
    ordering = ("-opened_at", "-pk")


class TicketViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiViewSet):
    required_permissions = {
        "list": "ticket.read",
        "retrieve": "ticket.read",
        "create": "ticket.create",
        "partial_update": "ticket.edit",
        "start": "run.start",
        "reply": "ticket.reply",
        "resolve": "ticket.resolve",
        "reopen": "ticket.resolve",
        "closure": "ticket.resolve",
        "take": "ticket.edit",
        "assign": "ticket.edit",
        "give_back": "ticket.edit",
    }
    throttle_scopes = {"create": "intake", "start": "run"}
    max_body_bytes = 2_500_000
    lookup_field = "ref"
    lookup_url_kwarg = "ref"
    filterset_class = TicketFilter
    pagination_class = TicketPagination

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        return TicketListSerializer if self.action == "list" else TicketSerializer

    def get_queryset(self) -> TicketQuerySet:
        found = Ticket.objects.visible_to(self.user).with_context()
        if self.action in ("list", "start"):
            return found
        newest_first = Investigation.objects.order_by("-pk").only("pk", "ticket")
        return found.prefetch_related("claims__edited_by", Prefetch("investigations", queryset=newest_first))

    def _shown(self, ref: str, **context: Any) -> dict[str, Any]:
        ticket = self.get_queryset().get(ref=ref)
        return dict(TicketSerializer(ticket, context={"request": self.request, **context}).data)

    @extend_schema(
        request=TicketInput,
        responses={201: TicketSerializer, 200: OpenApiResponse(TicketSerializer, description="The ticket was known")},
    )
    def create(self, request: Request) -> Response:
        """Create the ticket, or update the one with the same helpdesk and `id`. Its investigation starts by itself."""
        if not isinstance(request.data, dict):
            raise InvalidInput("A ticket is a JSON object.")
        helpdesk = request.data.get("helpdesk") or "generic"
        if not isinstance(helpdesk, str):
            raise InvalidInput("The helpdesk is text.", errors={"helpdesk": ["must be text"]})
        warnings = read_payload(request.data, now=timezone.now()).warnings
        ticket, created = upsert_ticket(request.data, helpdesk=helpdesk, prefix=prefix_of(helpdesk), actor=self.user)
        consider(ticket, actor=self.user)
        shown = self.get_queryset().filter(pk=ticket.pk).first()
        if shown is None:  # another team's ticket of the same id: updated, and no business of this caller
            return Response({"ref": ticket.ref, "warnings": warnings}, status=200)
        body = TicketSerializer(shown, context={"request": request, "warnings": warnings}).data
        return Response(body, status=201 if created else 200)

    @extend_schema(request=TicketCorrection, responses=TicketSerializer)
    def partial_update(self, request: Request, ref: str) -> Response:
        """Correct customer, class, owner or claims. A correction stands against later updates of the ticket."""
        ticket = self.get_object()
        body = TicketCorrection(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        if "customer" in given:
            given["customer"] = _customer(given["customer"])
        if "owner" in given:
            given["owner"] = _owner(given["owner"], ticket)
        correct_ticket(ticket, actor=self.user, **given)
        return Response(self._shown(ref))

    @extend_schema(request=StartRunInput, responses={202: RunSerializer})
    @action(detail=True, methods=["post"], url_path="investigations", url_name="start")
    def start(self, request: Request, ref: str) -> Response:
        """Start an investigation. One that started by itself and is under way is the answer, unless more is asked."""
        ticket = self.get_object()
        body = StartRunInput(data=request.data)
        body.is_valid(raise_exception=True)
        playbook, as_of = body.validated_data.get("playbook") or None, body.validated_data.get("as_of")
        run = ask_for_investigation(ticket=ticket, actor=self.user, trigger="api", as_of=as_of, playbook_key=playbook)
        return run_response(run, self.user, status=202)

    @extend_schema(request=ReplyInput, responses=TicketSerializer)
    @action(detail=True, methods=["post"])
    def reply(self, request: Request, ref: str) -> Response:
        """Record that the customer was replied to; nothing is sent. Told twice, it is recorded once.

        409 `gate_closed` while steps that the playbook requires before a reply have not run: `missing` names them.
        """
        ticket = self.get_object()
        body = ReplyInput(data=request.data)
        body.is_valid(raise_exception=True)
        mark_replied(ticket, actor=self.user, text=body.validated_data["text"])
        return Response(self._shown(ref))

    @extend_schema(request=None, responses=TicketSerializer)
    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, ref: str) -> Response:
        """The case is closed. An investigation under way goes on and leaves the status alone."""
        resolve(self.get_object(), actor=self.user)
        return Response(self._shown(ref))

    @extend_schema(request=ClosureInput, responses=TicketSerializer)
    @action(detail=True, methods=["post"])
    def closure(self, request: Request, ref: str) -> Response:
        """Say how a closed ticket ended. Told twice, the first answer stays. 409 for one that is open."""
        ticket = self.get_object()
        body = ClosureInput(data=request.data)
        body.is_valid(raise_exception=True)
        said = dict(body.validated_data)
        explain_closure(ticket, actor=self.user, label=said.pop("cause"), **said)
        return Response(self._shown(ref))

    @extend_schema(request=None, responses=TicketSerializer)
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, ref: str) -> Response:
        """Open a resolved ticket again. 409 when it is open."""
        reopen(self.get_object(), actor=self.user)
        return Response(self._shown(ref))

    @extend_schema(request=None, responses=TicketSerializer)
    @action(detail=True, methods=["post"])
    def take(self, request: Request, ref: str) -> Response:
        """The ticket is yours. 409 `already_taken`, with `owner` and `since`, when somebody else has it."""
        take(self.get_object(), actor=self.user)
        return Response(self._shown(ref))

    @extend_schema(request=AssignInput, responses=TicketSerializer)
    @action(detail=True, methods=["post"])
    def assign(self, request: Request, ref: str) -> Response:
        """Give the ticket to somebody. With `seen`: 409 `already_taken` when its owner is another one by now."""
        ticket = self.get_object()
        body = AssignInput(data=request.data)
        body.is_valid(raise_exception=True)
        owner = _owner(body.validated_data["owner"], ticket)
        assign(ticket, owner=owner, actor=self.user, seen=body.validated_data.get("seen"))
        return Response(self._shown(ref))

    @extend_schema(request=ReturnInput, responses=TicketSerializer)
    @action(detail=True, methods=["post"], url_path="return", url_name="return")
    def give_back(self, request: Request, ref: str) -> Response:
        """Return the ticket to its queue, or to another team's, with the reason.

        In a team that is not yours the ticket is out of your sight: the answer is then as it last was.
        """
        ticket = self.get_object()
        body = ReturnInput(data=request.data)
        body.is_valid(raise_exception=True)
        before = self._shown(ref)
        team = _team(body.validated_data.get("team", ""))
        changed = give_back(ticket, actor=self.user, reason=body.validated_data["reason"], team=team)
        if not self.get_queryset().filter(ref=ref).exists():
            return Response({**before, "team": changed.team.slug, "owner": None})
        return Response(self._shown(ref))


def _customer(org_id: str) -> Customer:
    found = Customer.objects.filter(org_id=org_id).first()
    if found is None:
        raise InvalidInput(f"The directory has no customer {org_id!r}.", errors={"customer": ["not in the directory"]})
    return found


def _team(slug: str) -> Team | None:
    found = Team.objects.filter(slug=slug).first() if slug else None
    if slug and found is None:
        raise InvalidInput(f"There is no team {slug!r}.", errors={"team": ["not a team"]})
    return found


def _owner(username: str, ticket: Ticket) -> User:
    """A colleague of the ticket's team, or anybody who may be given one: engineers see what they own."""
    found = owners_for(ticket).filter(username=username).first()
    if found is None:
        raise InvalidInput(f"{username!r} cannot own this ticket.", errors={"owner": ["nobody of this ticket's team"]})
    return found
