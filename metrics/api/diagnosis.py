"""How good the diagnoses were."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from altor.api.views import ApiView
from metrics.serializers import QualityQuery, QualitySerializer
from metrics.services.diagnosis_export import as_document
from metrics.services.diagnosis_quality import quality_of


class DiagnosisQualityView(ApiView):
    required_permissions = {"get": "playbook.read"}

    @extend_schema(parameters=[QualityQuery], responses=QualitySerializer)
    def get(self, request: Request) -> Response:
        """How often diagnoses were right and whether stated confidence kept its word, from people's verdicts on the
        finished runs that you may see.
        """
        query = QualityQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        quality = quality_of(self.user, **query.validated_data, now=timezone.now())
        return Response(QualitySerializer(as_document(quality)).data)
