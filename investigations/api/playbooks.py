"""Playbooks: read, versions, differences, the format's schema, load."""

from __future__ import annotations

import difflib
from typing import Any, Final

from django.db.models import Count, QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from altor.api.views import ApiViewSet
from investigations.api.filtering import PlaybookFilter
from investigations.api.playbook_proposals import PlaybookProposalSerializer
from investigations.models import PlaybookProposal, PlaybookVersion
from investigations.playbooks.examine import examine
from investigations.playbooks.loader import PlaybookInvalid
from investigations.playbooks.schema import schema_document
from investigations.services.playbook_proposals import told_to
from investigations.services.playbooks import as_invalid_input, shown_problem, store_version

#: Of one playbook in one answer.
MOST_PROPOSALS: Final = 100


class PlaybookListSerializer(serializers.ModelSerializer[PlaybookVersion]):
    created_by = serializers.CharField(source="created_by.username", default=None, read_only=True, allow_null=True)
    approval = serializers.SerializerMethodField()

    class Meta:
        model = PlaybookVersion
        fields: tuple[str, ...] = (
            "key",
            "version",
            "title",
            "incident_class",
            "sha256",
            "is_active",
            "origin",
            "comment",
            "created_at",
            "created_by",
            "approval",
        )
        read_only_fields = fields

    @staticmethod
    def get_approval(version: PlaybookVersion) -> str:
        """`waiting` for a second person, `approved`, `returned`, `overtaken`, or empty"""
        approval = getattr(version, "approval", None)
        return str(approval.state) if approval is not None else ""


class PlaybookSerializer(PlaybookListSerializer):
    runs = serializers.IntegerField(read_only=True, default=0, help_text="Investigations that used this version")

    class Meta(PlaybookListSerializer.Meta):
        fields = (*PlaybookListSerializer.Meta.fields, "source_yaml", "document", "runs")
        read_only_fields = fields


class PlaybookInput(serializers.Serializer[Any]):
    source_yaml = serializers.CharField(max_length=500_000, trim_whitespace=False)
    comment = serializers.CharField(required=False, allow_blank=True, default="", max_length=300)
    activate = serializers.BooleanField(required=False, default=True)


class PlaybookProblemSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField(help_text="From 1; 0 where the place is not known")
    field = serializers.CharField(help_text="Dotted path: steps[0].params.onset", allow_blank=True)
    message = serializers.CharField()


class ValidateInput(serializers.Serializer[Any]):
    source_yaml = serializers.CharField(max_length=500_000, trim_whitespace=False, allow_blank=True)


class ValidationSerializer(serializers.Serializer[Any]):
    valid = serializers.BooleanField(help_text="It can be stored")
    may_be_in_force = serializers.BooleanField(help_text="Valid, and its own tests come out as expected")
    key = serializers.CharField(allow_blank=True)
    problems = PlaybookProblemSerializer(many=True)
    failed_tests = PlaybookProblemSerializer(many=True)


class PlaybookViewSet(mixins.ListModelMixin, ApiViewSet):
    required_permissions = {
        "list": "playbook.read",
        "retrieve": "playbook.read",
        "versions": "playbook.read",
        "version": "playbook.read",
        "diff": "playbook.read",
        "proposals": "playbook.read",
        "document_schema": "playbook.read",
        "validate": "playbook.read",
        "create": "playbook.edit",
    }
    lookup_url_kwarg = "key"
    lookup_value_regex = r"[a-z][a-z0-9_\-]{0,59}"
    filterset_class = PlaybookFilter
    max_body_bytes = 600_000

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        return PlaybookListSerializer

    def get_queryset(self) -> QuerySet[PlaybookVersion]:
        found = PlaybookVersion.objects.select_related("created_by", "approval").order_by("-pk")
        return found.active() if self.action == "list" else found

    def _version(self, key: str, number: str | int) -> PlaybookVersion:
        found = self.get_queryset().annotate(runs=Count("investigations"))
        return get_object_or_404(found, key=key, version=int(number))

    @extend_schema(responses=PlaybookSerializer)
    def retrieve(self, request: Request, key: str) -> Response:
        """The version in force; the newest one when none is."""
        found = (
            self.get_queryset()
            .filter(key=key)
            .annotate(runs=Count("investigations"))
            .order_by("-is_active", "-version")
        )
        return Response(PlaybookSerializer(get_object_or_404(found[:1])).data)

    @extend_schema(request=PlaybookInput, responses={201: PlaybookSerializer})
    def create(self, request: Request) -> Response:
        """Store a playbook as a new version. The same text gives the version it already is.

        Where the installation asks for a second person the version is stored and waits: `is_active` is false,
        `approval` is `waiting`.
        """
        body = PlaybookInput(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        try:
            stored = store_version(
                given["source_yaml"],
                name="request",
                actor=self.user,
                origin="editor",
                comment=given["comment"],
                activate=given["activate"],
            )
        except PlaybookInvalid as error:
            raise as_invalid_input(error) from None
        return Response(PlaybookSerializer(self._version(stored.key, stored.version)).data, status=201)

    @extend_schema(request=ValidateInput, responses={200: ValidationSerializer}, filters=False)
    @action(detail=False, methods=["post"], pagination_class=None, filterset_class=None)
    def validate(self, request: Request) -> Response:
        """Everything that is wrong with a file, with line and field; its own tests are run. Nothing is stored."""
        body = ValidateInput(data=request.data)
        body.is_valid(raise_exception=True)
        found = examine(body.validated_data["source_yaml"])
        outline = found.outline
        return Response(
            {
                "valid": found.playbook is not None,
                "may_be_in_force": found.may_be_in_force,
                "key": outline.key if outline else "",
                "problems": [shown_problem(item) for item in found.problems],
                "failed_tests": [shown_problem(item) for item in found.failed],
            }
        )

    @extend_schema(responses=PlaybookListSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None, filterset_class=None)
    def versions(self, request: Request, key: str) -> Response:
        """All versions, newest first."""
        found = list(self.get_queryset().filter(key=key).order_by("-version"))
        if not found:
            get_object_or_404(self.get_queryset(), key=key)
        return Response(PlaybookListSerializer(found, many=True).data)

    @extend_schema(responses=PlaybookSerializer)
    @action(detail=True, url_path=r"versions/(?P<number>[0-9]{1,8})")
    def version(self, request: Request, key: str, number: str) -> Response:
        """One version."""
        return Response(PlaybookSerializer(self._version(key, number)).data)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    @action(detail=True, url_path=r"versions/(?P<before>[0-9]{1,8})/diff/(?P<after>[0-9]{1,8})")
    def diff(self, request: Request, key: str, before: str, after: str) -> Response:
        """The difference of two versions, as a unified diff of their files."""
        old, new = self._version(key, before), self._version(key, after)
        lines = difflib.unified_diff(
            old.source_yaml.splitlines(), new.source_yaml.splitlines(), str(old), str(new), lineterm=""
        )
        return Response({"key": key, "before": old.version, "after": new.version, "diff": list(lines)})

    @extend_schema(responses=PlaybookProposalSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None, filterset_class=None)
    def proposals(self, request: Request, key: str) -> Response:
        """What corrections of its diagnoses propose, newest first, at most 100. A run that you may not open is not
        named.
        """
        if not PlaybookVersion.objects.filter(key=key).exists():
            raise Http404
        found = told_to(self.user, PlaybookProposal.objects.of(key)[:MOST_PROPOSALS])
        return Response(PlaybookProposalSerializer(found, many=True).data)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    @action(detail=False, url_path="schema")
    def document_schema(self, request: Request) -> Response:
        """The JSON Schema of the playbook format, for editors."""
        return Response(schema_document())
