"""Pages of metrics."""

from __future__ import annotations

from django.urls import path

from metrics.views import diagnosis, overview, recovery, review

app_name = "metrics"
urlpatterns = [
    path("", overview.overview, name="metrics"),
    path("metrics.csv", overview.overview_file, name="csv"),
    path("reviews/", review.reviews, name="reviews"),
    path("reviews/<slug:team>/<str:week>/", review.review, name="review"),
    path("reviews/<slug:team>/<str:week>/act/", review.act, name="review-act"),
    path("reviews/<slug:team>/<str:week>/minutes.md", review.minutes, name="review-minutes"),
    path("recovery/<str:ref>/", recovery.recovery, name="recovery"),
    path("recovery/<str:ref>/ask/", recovery.ask_, name="recovery-ask"),
    path("recovery/<str:ref>/judge/", recovery.judge_, name="recovery-judge"),
    path("diagnosis/", diagnosis.diagnosis, name="diagnosis"),
    path("diagnosis/judged.csv", diagnosis.judged_csv, name="diagnosis-csv"),
    path("of/<slug:name>/", overview.tickets, name="tickets"),
    path("of/<slug:name>.csv", overview.tickets_file, name="tickets-csv"),
]
