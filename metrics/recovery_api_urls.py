"""Routes of recovery confidence, below /api/v1/recovery/."""

from __future__ import annotations

from django.urls import path

from metrics.api.recovery import RecoveryView

urlpatterns = [path("<str:ref>/", RecoveryView.as_view(), name="api-recovery")]
