"""Routes of the REST contract that belong to metrics, below /api/v1/metrics/."""

from __future__ import annotations

from django.urls import path

from metrics.api.diagnosis import DiagnosisQualityView

urlpatterns = [path("diagnosis/", DiagnosisQualityView.as_view(), name="api-metrics-diagnosis")]
