"""All addresses. Apps are named as strings: nothing here imports what stands above."""

from __future__ import annotations

from importlib.util import find_spec

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from altor import health
from altor.views import account, audit, errors, notices, outbound, people

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/health/live", health.live, name="health-live"),
    path("api/v1/health/ready", health.ready, name="health-ready"),
    path("-/prometheus", health.prometheus, name="prometheus"),
    path("accounts/", include("allauth.urls")),
    path("account/", account.account, name="account"),
    path("account/tokens/", account.tokens, name="tokens"),
    path("account/tokens/<int:pk>/revoke/", account.revoke, name="token-revoke"),
    path("account/sessions/end/", account.end_sessions, name="end-sessions"),
    path("account/notifications/", notices.preferences, name="notice-preferences"),
    path("account/notifications/own/", notices.own_channel, name="notice-own"),
    path("notices/", notices.channels, name="notices"),
    path("notices/channels/new/", notices.channel, name="notice-channel-new"),
    path("notices/channels/<slug:slug>/", notices.channel, name="notice-channel"),
    path("notices/channels/<slug:slug>/act/", notices.act, name="notice-act"),
    path("people/", people.people, name="people"),
    path("people/new/", people.new_person, name="person-new"),
    path("people/<str:username>/", people.person_page, name="person"),
    path("teams/new/", people.team_page, name="team-new"),
    path("teams/<slug:slug>/", people.team_page, name="team"),
    path("audit/", audit.audit, name="audit"),
    path("outbound/", outbound.outbound, name="outbound"),
    path("outbound/endpoints/new/", outbound.new_endpoint, name="outbound-new"),
    path("outbound/endpoints/<slug:slug>/", outbound.endpoint_page, name="outbound-endpoint"),
    path("outbound/endpoints/<slug:slug>/change/", outbound.change, name="outbound-change"),
    path("outbound/endpoints/<slug:slug>/act/", outbound.act, name="outbound-act"),
    path("outbound/endpoints/<slug:slug>/replay/", outbound.replay_all, name="outbound-replay-all"),
    path("outbound/deliveries/<slug:message_id>/", outbound.delivery_page, name="outbound-delivery"),
    path("outbound/deliveries/<slug:message_id>/replay/", outbound.replay, name="outbound-replay"),
    path("search/", account.search, name="search"),
    path("metrics/", include("metrics.urls")),
    path("survey/", include("metrics.survey_urls")),
    path("", include("escalations.urls")),
    path("linear/", include("escalations.linear.urls")),
    path("", include("escalations.oncall_urls")),
    path("", include("escalations.interruptions.urls")),
    path("handoffs/", include("escalations.handoffs.urls")),
    path("", include("escalations.incidents.urls")),
    path("", include("knowledge.urls")),
    path("", include("investigations.urls")),
]
if find_spec("altor.api.urls"):
    # After the health addresses: the API answers every other address below its own in its own shape. Before the pages:
    # what polls asks the most, and each address that is compared first takes its time.
    urlpatterns.insert(2, path("api/v1/", include("altor.api.urls")))
if settings.ENABLE_ADMIN:
    urlpatterns.insert(0, path("admin/", admin.site.urls))

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler429 = errors.too_many  # allauth's name: limits of login and password reset
handler500 = errors.server_error
