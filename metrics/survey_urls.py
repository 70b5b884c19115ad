"""What customers open without an account."""

from __future__ import annotations

from django.urls import path

from metrics.views import survey

urlpatterns = [path("<str:token>/", survey.by_link, name="survey")]
