"""Files attached to a ticket's checklist: list, attach, download, take away."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from altor.api.views import ApiView
from escalations.attachments.keeping import MOST_BYTES, attach, detach, read_upload
from escalations.attachments.reading import filed
from escalations.attachments.serving import download
from escalations.models import AttachedFile, ItemFile
from investigations.models import Ticket


class AttachmentSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    item = serializers.CharField(help_text="Of the checklist")
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=AttachedFile.Kind.choices)
    size = serializers.IntegerField(help_text="In bytes")
    sha256 = serializers.CharField(help_text="Of the bytes that are handed out: texts are redacted before")
    is_redacted = serializers.BooleanField(help_text="Texts are; images, documents and archives are kept as they came")
    url = serializers.CharField(help_text="Of its page's download")
    by = serializers.CharField(allow_null=True)
    at = serializers.DateTimeField()


class AttachmentInput(serializers.Serializer[Any]):
    item = serializers.CharField(max_length=60, help_text="Of the checklist; one that takes files")
    file = serializers.FileField(
        allow_empty_file=True, max_length=500,
        help_text="At most 5 MB; text, JSON, HAR, CSV, PNG, JPEG, PDF, gzip or zip, by its name and its content",
    )  # fmt: skip


def shape(link: ItemFile) -> dict[str, Any]:
    file = filed(link.file)
    return {
        "id": file.id, "item": link.item, "name": file.name, "kind": file.kind, "size": file.size,
        "sha256": file.sha256, "is_redacted": file.is_redacted, "url": file.url,
        "by": link.by.username if link.by is not None else None, "at": link.at,
    }  # fmt: skip


class TicketAttachmentsView(ApiView):
    required_permissions: ClassVar[dict[str, str]] = {"get": "escalation.read", "post": "escalation.send"}
    parser_classes = [MultiPartParser]
    max_body_bytes = MOST_BYTES + 100_000  # with what a form adds

    def _ticket(self, ref: str) -> Ticket:
        return get_object_or_404(Ticket.objects.visible_to(self.user).with_context(), ref=ref)

    @extend_schema(responses=AttachmentSerializer(many=True))
    def get(self, request: Request, ref: str) -> Response:
        """The files of the ticket, item by item."""
        links = ItemFile.objects.filter(file__ticket=self._ticket(ref)).select_related("file", "by")
        found = [shape(link) for link in links.defer("file__content")]
        return Response(AttachmentSerializer(found, many=True).data)

    @extend_schema(
        request={"multipart/form-data": AttachmentInput},
        responses={201: AttachmentSerializer, 200: OpenApiResponse(AttachmentSerializer, description="It was there")},
    )
    def post(self, request: Request, ref: str) -> Response:
        """Attach a file to an item of the checklist. At most ten files a ticket; the same one is stored once.

        404 for an item that takes none.
        """
        ticket = self._ticket(ref)
        body = AttachmentInput(data=request.data)
        body.is_valid(raise_exception=True)
        upload = read_upload(body.validated_data["file"])
        link, is_new = attach(
            ticket, body.validated_data["item"], upload, actor=self.user, now=timezone.now(), via="api"
        )
        return Response(AttachmentSerializer(shape(link)).data, status=201 if is_new else 200)


class AttachmentView(ApiView):
    required_permissions: ClassVar[dict[str, str]] = {"get": "escalation.read", "delete": "escalation.send"}

    def _file(self, ident: str) -> AttachedFile:
        found = AttachedFile.objects.visible_to(self.user).by_ident(ident).select_related("ticket")
        return get_object_or_404(found)

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, ident: str) -> HttpResponse:
        """The file as it is stored, to be saved."""
        return download(self._file(ident), actor=self.user, via="api")

    @extend_schema(
        parameters=[OpenApiParameter("item", str, description="Of the checklist; without it: of all items")],
        responses={204: None},
    )
    def delete(self, request: Request, ident: str) -> Response:
        """Take it from its item; with the last one it is deleted. 409 once an escalation went out with it."""
        file = self._file(ident)
        item = request.query_params.get("item", "")
        for name in [item] if item else list(file.items.values_list("item", flat=True)):
            detach(file, name, actor=self.user, via="api")
        return Response(status=204)
