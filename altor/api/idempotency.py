"""`Idempotency-Key`: the same write told twice is carried out once, and answered the same both times."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from altor.errors import Conflict, DomainError
from altor.models import IdempotencyRecord, User

KEEP = timedelta(hours=24)
#: A first request that never finished (a killed process) frees its key after this long.
ABANDONED = timedelta(minutes=2)


class KeyReused(DomainError):
    code = "idempotency_key_reused"
    status = 422
    title = "The idempotency key belongs to another request"


class IdempotentMixin:
    """For view sets: wraps POST, PUT and PATCH. Failed requests (4xx, 5xx) are not remembered."""

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]  # the mixin stands before a view class

    def idempotent(self, request: Request, work: Callable[[], Response]) -> Response:
        key = request.headers.get("Idempotency-Key", "").strip()
        if not key or not isinstance(request.user, User):
            return work()
        if len(key) > 200:
            raise KeyReused("An idempotency key has at most 200 characters.")
        body = hashlib.sha256(json.dumps(request.data, sort_keys=True, default=str).encode()).hexdigest()
        record, fresh = _take(request.user, key, request.method or "", request.path, body)
        if not fresh:
            return Response(record.response, status=record.status or 200, headers={"Idempotency-Replayed": "true"})
        try:
            response = work()
        except BaseException:
            record.delete()
            raise
        if response.status_code >= 400:
            record.delete()
        else:
            record.status, record.response = response.status_code, json.loads(json.dumps(response.data, default=str))
            record.save(update_fields=["status", "response"])
        return response


def _take(user: User, key: str, method: str, path: str, body: str) -> tuple[IdempotencyRecord, bool]:
    now = timezone.now()
    IdempotencyRecord.objects.filter(user=user, key=key, created_at__lt=now - KEEP).delete()
    IdempotencyRecord.objects.filter(user=user, key=key, status=None, created_at__lt=now - ABANDONED).delete()
    try:
        with transaction.atomic():
            return IdempotencyRecord.objects.create(user=user, key=key, method=method, path=path[:300], body_sha256=body), True
    except IntegrityError:
        record = IdempotencyRecord.objects.get(user=user, key=key)
    if (record.method, record.path, record.body_sha256) != (method, path[:300], body):
        raise KeyReused("The same key came with another method, address or body.")
    if record.status is None:
        raise Conflict("The first request with this key is still under way.")
    return record, False
