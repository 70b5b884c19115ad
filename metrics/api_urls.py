"""Routes of the REST contract that belong to metrics, below /api/v1/metrics/."""

from __future__ import annotations

from django.urls import path

from metrics.api.diagnosis import DiagnosisQualityView
from metrics.api.figures import MetricsView, MetricView

urlpatterns = [
    path("", MetricsView.as_view(), name="api-metrics"),
    path("diagnosis/", DiagnosisQualityView.as_view(), name="api-metrics-diagnosis"),
    path("<slug:name>/", MetricView.as_view(), name="api-metric"),
]
