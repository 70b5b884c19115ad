"""Pages of metrics."""

from __future__ import annotations

from django.urls import path
from django.views.generic import RedirectView

from metrics.views import diagnosis

app_name = "metrics"
urlpatterns = [
    # Temporary: the address is meant for an overview.
    path("", RedirectView.as_view(pattern_name="metrics:diagnosis", query_string=True), name="metrics"),
    path("diagnosis/", diagnosis.diagnosis, name="diagnosis"),
    path("diagnosis/judged.csv", diagnosis.judged_csv, name="diagnosis-csv"),
]
