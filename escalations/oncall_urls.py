"""Pages of on-call, and the one address that calendars read without a login."""

from __future__ import annotations

from django.urls import include, path

from escalations.views.oncall import calendars, feed, overview, rotation, rotation_edit, shifts, swaps

pages = [
    path("", overview.overview, name="overview"),
    path("new/", rotation_edit.new, name="new"),
    path("import/", calendars.new, name="import"),
    path("swaps/", swaps.swaps, name="swaps"),
    path("swaps/<int:pk>/answer/", swaps.answer, name="swap-answer"),
    path("feeds/", feed.links, name="feeds"),
    path("feeds/<int:pk>/", feed.act, name="feed-act"),
    path("overrides/<int:pk>/cancel/", shifts.cancel, name="override-cancel"),
    path("<slug:slug>/", rotation.rotation, name="rotation"),
    path("<slug:slug>/edit/", rotation_edit.edit, name="edit"),
    path("<slug:slug>/active/", rotation.active, name="active"),
    path("<slug:slug>/override/", shifts.override, name="override"),
    path("<slug:slug>/take/", shifts.take, name="take"),
    path("<slug:slug>/swap/", swaps.ask, name="swap"),
    path("<slug:slug>/calendars/", calendars.add, name="calendar-add"),
    path("<slug:slug>/calendars/<slug:key>/", calendars.act, name="calendar-act"),
]
urlpatterns = [
    path("on-call/", include((pages, "oncall"))),
    path("calendars/<str:token>.ics", feed.calendar, name="oncall-calendar"),
]
