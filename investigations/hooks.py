"""`POST /api/v1/hooks/<source>/<connection>/`: verified over the raw bytes, stored, answered; worked afterwards.

A plain view: no session, no token, no parser stands between the sender's bytes and the signature.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import ParseError

from altor.api.parsers import read_json
from altor.api.problems import json_problem
from altor.api.throttles import hit
from altor.audit import client_address
from altor.models import InboundEndpoint
from altor.signatures import Delivery, SignatureRefused, verify
from investigations.helpdesks.base import Helpdesk
from investigations.helpdesks.registry import helpdesk_named
from investigations.services.inbound import store_event
from investigations.services.mirror import options_for
from investigations.services.refusals import count_refusal

log = logging.getLogger(__name__)
MAX_BYTES = 1_000_000


@csrf_exempt
def receive(request: HttpRequest, source: str, connection: str) -> HttpResponse:
    """202 for a new event, 200 for one that came before. 401 without a good signature, 404 for an unknown endpoint."""
    if request.method != "POST":
        answer = json_problem(request, "method_not_allowed", "Method not allowed", 405, "Events are posted.")
        answer["Allow"] = "POST"
        return answer
    endpoints = InboundEndpoint.objects.select_related("helpdesk")
    endpoint = endpoints.filter(source=source, connection=connection, is_active=True).first()
    if endpoint is None:
        return _refused(request, "not_found", 404, "There is no such endpoint.")
    raw = _read(request)
    if raw is None:
        return json_problem(request, "body_too_large", "The body is too large", 413, f"At most {MAX_BYTES} bytes.")
    now = timezone.now()
    headers = {name.lower(): value for name, value in request.headers.items()} | _in_address(request)
    adapter = helpdesk_named(endpoint.source)
    try:
        delivery = _verified(endpoint, adapter, headers, raw, now)
    except SignatureRefused as error:
        log.warning("inbound event refused", extra={"endpoint": str(endpoint), "reason": str(error)})
        count_refusal(endpoint, str(error), now=now)
        return _refused(request, "signature_invalid", 401, "The signature is missing, wrong or too old.")
    try:
        body = read_json(raw)
    except ParseError as error:
        return json_problem(request, "malformed", "The body is not valid", 400, str(error.detail))
    if not isinstance(body, Mapping):
        return json_problem(request, "malformed", "The body is not valid", 400, "An event is a JSON object.")
    challenge = adapter.challenge(headers, body) if adapter is not None else None
    if challenge is not None:
        return JsonResponse(dict(challenge))
    event = store_event(endpoint, delivery, body, raw, headers, now=now)
    if event is None:
        return JsonResponse({"status": "known"})
    return JsonResponse({"status": "received"}, status=202)


def _verified(
    endpoint: InboundEndpoint, adapter: Helpdesk | None, headers: Mapping[str, str], raw: bytes, now: datetime
) -> Delivery:
    secrets = endpoint.secrets.splitlines()
    if adapter is None:
        return verify(endpoint.source, secrets, headers, raw, now=now)
    options = options_for(endpoint, getattr(endpoint, "helpdesk", None))
    return adapter.verify(secrets, headers, raw, now=now, options=options)


def _in_address(request: HttpRequest) -> dict[str, str]:
    """A token that senders without signatures carry in the address, as if it were a header."""
    token = request.GET.get("token", "")
    return {"x-altor-query-token": token[:500]} if token else {}


def _read(request: HttpRequest) -> bytes | None:
    """The body, None when it is too large. Read from the stream, so that a large one is never held whole."""
    try:
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BYTES:
            return None
    except ValueError:
        return None
    raw = request.read(MAX_BYTES + 1)
    return None if len(raw) > MAX_BYTES else raw


def _refused(request: HttpRequest, code: str, status: int, detail: str) -> HttpResponse:
    """Guessing is slowed down per address; senders with a good signature never meet this."""
    wait = hit("bad_signature", f"a{client_address(request)}")
    if wait is not None:
        answer = json_problem(request, "rate_limited", "Too many requests", 429, f"Try again in {wait:.0f} s.")
        answer["Retry-After"] = str(max(1, round(wait)))
        return answer
    title = "Not found" if status == 404 else "The event was refused"
    return json_problem(request, code, title, status, detail)
