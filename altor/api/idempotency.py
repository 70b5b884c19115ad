"""`Idempotency-Key`: the same write told twice is carried out once, and answered the same both times."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from altor.crypto import decrypt_text, encrypt_text
from altor.errors import Conflict, DomainError
from altor.models import IdempotencyRecord, User

KEEP: Final = timedelta(hours=24)
#: A first request that never finished (a killed process) frees its key after this long.
ABANDONED: Final = timedelta(minutes=2)
_LONGEST_KEY: Final = 200


class KeyReused(DomainError):
    code = "idempotency_key_reused"
    status = 422
    title = "The idempotency key belongs to another request"


class KeyTooLong(DomainError):
    code = "idempotency_key_invalid"
    title = "The idempotency key is not valid"


def idempotent(request: Request, work: Callable[[], Response]) -> Response:
    """`work`'s answer, or the remembered one when the request carries a key that was used before.

    Failed requests are not remembered, so they may be tried again under the same key. KeyReused when the key came with
    another method, address or body; Conflict while the first request is under way.
    """
    key = request.headers.get("Idempotency-Key", "").strip()
    if not key or not isinstance(request.user, User):
        return work()
    if len(key) > _LONGEST_KEY or not key.isprintable():
        raise KeyTooLong(f"An idempotency key has at most {_LONGEST_KEY} printable characters.")
    body = hashlib.sha256(json.dumps(_said(request.data), sort_keys=True, cls=JSONEncoder).encode()).hexdigest()
    record, is_first = _take(request.user, key, request.method or "", request.get_full_path()[:300], body)
    if not is_first:
        return Response(_opened(record), status=record.status or 200, headers={"Idempotency-Replayed": "true"})
    try:
        response = work()
    except BaseException:
        record.delete()
        raise
    if response.status_code >= 400:
        record.delete()
    else:
        record.status, record.response = response.status_code, _sealed(response.data)
        record.save(update_fields=["status", "response"])
    return response


def _said(data: Any) -> Any:
    """What a body says, a form's files by their content."""
    if not isinstance(data, MultiValueDict):
        return data
    return {name: [_plain(one) for one in found] for name, found in data.lists()}


def _plain(upload: Any) -> Any:
    if not isinstance(upload, UploadedFile):
        return upload
    digest = hashlib.sha256()
    for chunk in upload.chunks():
        digest.update(chunk)
    upload.seek(0)
    return digest.hexdigest()


def _sealed(data: Any) -> dict[str, str]:
    """Encrypted: answers that show a new secret once are remembered too."""
    return {"sealed": encrypt_text(json.dumps(data, cls=JSONEncoder))}


def _opened(record: IdempotencyRecord) -> Any:
    kept = record.response
    if not isinstance(kept, dict) or set(kept) != {"sealed"}:
        return kept  # by a release that kept them open
    try:
        return json.loads(decrypt_text(kept["sealed"]))
    except ImproperlyConfigured:  # the encryption key was taken away meanwhile
        raise Conflict("The first request was carried out; its answer can no longer be repeated.") from None


def _take(user: User, key: str, method: str, path: str, body: str) -> tuple[IdempotencyRecord, bool]:
    """The record of this key, and whether it is ours to fill."""
    for _ in range(3):
        now = timezone.now()
        mine = IdempotencyRecord.objects.filter(user=user, key=key)
        mine.filter(created_at__lt=now - KEEP).delete()
        mine.filter(status=None, created_at__lt=now - ABANDONED).delete()
        try:
            with transaction.atomic():
                record = IdempotencyRecord.objects.create(
                    user=user, key=key, method=method, path=path, body_sha256=body
                )
            return record, True
        except IntegrityError:
            found = mine.first()
        if found is None:
            continue  # the first request failed between our two looks: its key is free again
        if (found.method, found.path, found.body_sha256) != (method, path, body):
            raise KeyReused("The same key came with another method, address or body.")
        if found.status is None:
            raise Conflict("The first request with this key is still under way.", retry_after_s=1)
        return found, False
    raise Conflict("The first request with this key is still under way.", retry_after_s=1)
