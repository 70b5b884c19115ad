"""Metrics over REST: what each means, and its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from altor.api.views import ApiView
from altor.errors import NotFound
from altor.models import Team
from metrics.definitions.catalogue import METRICS
from metrics.figure_serializers import FiguresQuery, FiguresSerializer, MetricsSerializer, as_text, groups_of
from metrics.reading.figures import Figure, Key, figures, only
from metrics.reading.scope import DEFAULT_RANGE, scope


class MetricsView(ApiView):
    required_permissions = {"get": "metrics.read"}

    @extend_schema(operation_id="metrics_definitions", responses=MetricsSerializer)
    def get(self, request: Request) -> Response:
        """Every metric with its definition."""
        return Response(MetricsSerializer({"metrics": METRICS.values()}).data)


class MetricView(ApiView):
    required_permissions = {"get": "metrics.read"}

    @extend_schema(parameters=[FiguresQuery], responses=FiguresSerializer)
    def get(self, request: Request, name: str) -> Response:
        """A metric's figures over whole weeks, of what you may see. Groups without any cycle are left out."""
        if name not in METRICS:
            raise NotFound(f"There is no metric {name!r}.")
        query = FiguresQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        given = query.validated_data
        today = timezone.now().date()
        last = given.get("to", today)
        wanted = scope(
            self.user, given.get("from", last - timedelta(days=7 * (DEFAULT_RANGE - 1))), last,
            incident_class=given["class"], team=given["team"], tier=given["tier"], zone=given["tz"],
        )  # fmt: skip
        groups = groups_of(given["group_by"])
        metric = METRICS[name]
        teams = dict(Team.objects.values_list("pk", "slug")) if "team" in groups else {}
        found = figures([metric], wanted, groups).get(name, {}) if groups else {}
        document = {
            "metric": metric,
            "from_day": wanted.first,
            "to_day": wanted.last,
            "zone": wanted.zone,
            "total": _figure(only(figures([metric], wanted), name), {}),
            "figures": [_figure(found[key], _key(key, groups, teams)) for key in sorted(found, key=_order)],
        }
        return Response(FiguresSerializer(document).data)


def _order(key: Key) -> list[str]:
    return [str(part) for part in key]


def _key(key: Key, groups: Sequence[str], teams: Mapping[int, str]) -> dict[str, str]:
    return {group: as_text(part, teams, group) for group, part in zip(groups, key, strict=True)}


def _figure(one: Figure, key: Mapping[str, str]) -> dict[str, Any]:
    return {
        "key": dict(key), "n": one.n, "value": one.value, "p90": one.p90, "hits": one.hits, "anti_pattern": one.anti,
        "estimated": one.estimated,
    }  # fmt: skip
