"""Which connection and which ticket a call of the sidebar means, and whether the caller may see it."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404

from altor.errors import InvalidInput
from altor.models import User
from investigations.models import HelpdeskConnection, Ticket
from investigations.widget.tokens import WidgetToken


def connection_of(helpdesk: str, slug: str) -> HelpdeskConnection | None:
    """A connection that is switched on."""
    found = HelpdeskConnection.objects.select_related("endpoint").filter(endpoint__is_active=True)
    return found.filter(endpoint__source=helpdesk, endpoint__connection=slug).first()


@dataclass(frozen=True, slots=True)
class Place:
    """`connection` is None for tickets that came in without one. `user` None: only the helpdesk vouches for `name`."""

    helpdesk: str
    slug: str
    external_id: str
    connection: HelpdeskConnection | None
    user: User | None
    name: str = ""
    token: WidgetToken | None = None


def place_for_token(token: WidgetToken, helpdesk: str, external_id: str, slug: str | None) -> Place:
    """404 when the token was given for another helpdesk, connection or ticket."""
    endpoint = token.connection.endpoint
    if (helpdesk, external_id) != (endpoint.source, token.ticket) or slug not in (None, endpoint.connection):
        raise Http404
    return Place(helpdesk, endpoint.connection, external_id, token.connection, token.user, token.name, token)


def place_for_person(user: User, helpdesk: str, external_id: str, slug: str | None) -> Place:
    """InvalidInput when the helpdesk has several connections and none is named."""
    known = HelpdeskConnection.objects.select_related("endpoint").filter(
        endpoint__source=helpdesk, endpoint__is_active=True
    )
    if slug is None and len(known) > 1:
        raise InvalidInput("This helpdesk has several connections: add ?connection=NAME.")
    if slug is None:
        slug = known[0].endpoint.connection if known else ""
    connection = next((one for one in known if one.endpoint.connection == slug), None)
    return Place(helpdesk, slug, external_id, connection, user)


def ticket_at(place: Place) -> Ticket | None:
    """The ticket; None when Altor does not know it. 404 when it is not for this person to see.

    A person who chose the address themselves learns no more than that of a ticket that does not exist either; in a
    sidebar the helpdesk has shown them already that it does.
    """
    named = {"helpdesk": place.helpdesk, "connection": place.slug, "external_id": place.external_id}
    seen = Ticket.objects.visible_to(place.user) if place.user is not None else Ticket.objects
    found = seen.select_related("customer").filter(**named).first()
    if found is None and place.user is not None and (place.token is None or Ticket.objects.filter(**named).exists()):
        raise Http404
    return found
