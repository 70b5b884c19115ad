"""Whether this process lives, and whether the installation is ready for work."""

from __future__ import annotations

import hmac
from collections.abc import Callable

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from altor.audit import client_address
from altor.queue import queue_state

#: Work that waits longer than this: nobody works.
QUEUE_LATE_S = 120.0


@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """This process answers. Touches nothing."""
    return JsonResponse({"status": "live"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Database reached and migrated, cache works, the queue moves: 200; else 503 with what is wrong. No versions."""
    checks = {"database": "ok", "migrations": "ok", "cache": "ok", "queue": "ok"}
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            checks["migrations"] = "pending"
        if queue_state().is_stalled(QUEUE_LATE_S):
            checks["queue"] = "stalled"
        cache.set("altor:ready", "1", 10)
        if cache.get("altor:ready") != "1":
            checks["cache"] = "failed"
    except DatabaseError:
        checks["database"] = "failed"
    good = all(value == "ok" for value in checks.values())
    return JsonResponse({"status": "ready" if good else "not ready", "checks": checks}, status=200 if good else 503)


@never_cache
@require_safe
def prometheus(request: HttpRequest) -> HttpResponse:
    """Metrics for Prometheus: with the configured bearer token, or from loopback where none is configured."""
    from django_prometheus.exports import ExportToDjangoView

    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        allowed = hmac.compare_digest(given.encode(), settings.METRICS_TOKEN.encode())
    else:
        # A proxy that nobody declared would make every visitor look like this machine.
        is_proxied = "X-Forwarded-For" in request.headers and not settings.TRUSTED_PROXIES
        allowed = client_address(request) in ("127.0.0.1", "::1") and not is_proxied
    if not allowed:
        return HttpResponse(status=404)
    answer: HttpResponse = ExportToDjangoView(request)
    answer.write(_queue_metrics())
    return answer


def _queue_metrics() -> str:
    """The queue as it is now: counted when asked, as every process would count the same."""
    try:
        state = queue_state()
    except DatabaseError:
        return ""
    return (
        "# HELP altor_queue_waiting Entries of the queue that nobody has taken yet.\n"
        "# TYPE altor_queue_waiting gauge\n"
        f"altor_queue_waiting {state.waiting}\n"
        "# HELP altor_queue_oldest_seconds How long the oldest of them has waited.\n"
        "# TYPE altor_queue_oldest_seconds gauge\n"
        f"altor_queue_oldest_seconds {state.oldest_s:.1f}\n"
    )


class HealthMiddleware:
    """Answers live and ready before anything else reads the request.

    Probes come to a machine's address by plain http: neither the host's name nor TLS is theirs to know.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        self._views = {"/api/v1/health/live": live, "/api/v1/health/ready": ready}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        view = self._views.get(request.path_info)
        return view(request) if view else self._get_response(request)
