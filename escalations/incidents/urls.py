"""Pages of incidents. References (INC-3) stand in the addresses."""

from __future__ import annotations

from django.urls import path

from escalations.incidents.views import customers, declare, incident, marks, review, updates

app_name = "incidents"
urlpatterns = [
    path("incidents/", incident.incidents, name="list"),
    path("incidents/today/", marks.today, name="today"),
    path("incidents/declare/", declare.declare_, name="declare"),
    path("incidents/suggestions/<int:pk>/dismiss/", declare.dismiss_, name="dismiss"),
    path("incidents/<str:ref>/", incident.incident, name="incident"),
    path("incidents/<str:ref>/timeline/", incident.timeline, name="timeline"),
    path("incidents/<str:ref>/act/", incident.act, name="act"),
    path("incidents/<str:ref>/update/", updates.update, name="update"),
    path("incidents/<str:ref>/customers/", customers.customers, name="customers"),
    path("incidents/<str:ref>/customers/act/", customers.act, name="customers-act"),
    path("incidents/<str:ref>/customers.csv", customers.export, name="customers-csv"),
    path("incidents/<str:ref>/review/", review.review, name="review"),
    path("incidents/<str:ref>/review.md", review.markdown, name="review-md"),
    path("tickets/<str:ref>/incident/", marks.of_ticket, name="panel"),
    path("escalations/<str:ref>/incident/", marks.of_escalation, name="of-escalation"),
]
