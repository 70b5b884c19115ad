"""`POST /api/v1/hooks/<source>/<connection>/`: verified over the raw bytes, stored, answered; worked afterwards.

A plain view: no session, no token, no parser stands between the sender's bytes and the signature.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import ParseError

from altor.api.parsers import read_json
from altor.api.problems import json_problem
from altor.api.throttles import hit
from altor.audit import client_address
from altor.models import InboundEndpoint
from altor.signatures import SignatureRefused, verify
from investigations.services.inbound import store_event

log = logging.getLogger(__name__)
MAX_BYTES = 1_000_000


@csrf_exempt
def receive(request: HttpRequest, source: str, connection: str) -> HttpResponse:
    """202 for a new event, 200 for one that came before. 401 without a good signature, 404 for an unknown endpoint."""
    if request.method != "POST":
        answer = json_problem(request, "method_not_allowed", "Method not allowed", 405, "Events are posted.")
        answer["Allow"] = "POST"
        return answer
    endpoint = InboundEndpoint.objects.filter(source=source, connection=connection, is_active=True).first()
    if endpoint is None:
        return _refused(request, "not_found", 404, "There is no such endpoint.")
    raw = _read(request)
    if raw is None:
        return json_problem(request, "body_too_large", "The body is too large", 413, f"At most {MAX_BYTES} bytes.")
    now = timezone.now()
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        delivery = verify(endpoint.source, endpoint.secrets.splitlines(), headers, raw, now=now)
    except SignatureRefused as error:
        log.warning("inbound event refused", extra={"endpoint": str(endpoint), "reason": str(error)})
        return _refused(request, "signature_invalid", 401, "The signature is missing, wrong or too old.")
    try:
        body = read_json(raw)
    except ParseError as error:
        return json_problem(request, "malformed", "The body is not valid", 400, str(error.detail))
    if not isinstance(body, Mapping):
        return json_problem(request, "malformed", "The body is not valid", 400, "An event is a JSON object.")
    event = store_event(endpoint, delivery, body, raw, headers, now=now)
    if event is None:
        return JsonResponse({"status": "known"})
    return JsonResponse({"status": "received"}, status=202)


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
