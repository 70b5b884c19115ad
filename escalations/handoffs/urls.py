"""Pages of handoffs. References (HO-12) stand in the addresses."""

from __future__ import annotations

from django.urls import path

from escalations.views import handoffs, handoffs_act

app_name = "handoffs"
urlpatterns = [
    path("", handoffs.overview, name="list"),
    path("today/", handoffs.today, name="today"),
    path("settings/", handoffs_act.settings, name="settings"),
    path("settings/<slug:slug>/", handoffs_act.save_settings, name="settings-save"),
    path("<str:ref>/", handoffs.handoff, name="handoff"),
    path("<str:ref>/write/", handoffs_act.write_, name="write"),
    path("<str:ref>/act/", handoffs_act.act, name="act"),
]
