"""Pages of questions to engineering and of interruption hours."""

from __future__ import annotations

from django.urls import path

from escalations.interruptions.views import hours, link, questions

app_name = "interruptions"
urlpatterns = [
    path("q/<str:token>/", link.by_link, name="by-link"),
    path("questions/", questions.questions, name="questions"),
    path("questions/<str:ref>/", questions.question, name="question"),
    path("questions/<str:ref>/act/", questions.act, name="act"),
    path("tickets/<str:ref>/questions/", questions.of_ticket, name="panel"),
    path("escalations/<str:ref>/time/", hours.of_escalation, name="time"),
    path("questions/<str:ref>/time/", hours.of_question, name="question-time"),
    path("interruptions/", hours.overview, name="overview"),
]
