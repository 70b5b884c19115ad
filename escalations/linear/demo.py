"""The demo's tracker as the place where issues are filed. What is done on its board comes back by signed events."""

from __future__ import annotations

from typing import Any

from altor.demo.credentials import LINEAR_WRITE_KEY
from altor.demo.parts import DemoSetting
from altor.demo.upstreams.hooks import CONNECTION, linear_secret
from altor.demo.world.issues import TEAM_KEY
from escalations.linear.connections import ConnectionValues, save_connection
from escalations.models import LinearConnection


class LinearDemo:
    """Registered in `DEMO_PARTS`."""

    def connect(self, setting: DemoSetting) -> None:
        """Point the connection at this start's address (ports change). An unchanged one is left alone."""
        url, secret = f"{setting.upstreams}/linear/graphql", linear_secret(setting.launch_secret)
        row = LinearConnection.objects.select_related("endpoint").filter(name=CONNECTION).first()
        is_same = row is not None and row.endpoint is not None and (row.base_url, row.endpoint.secrets) == (url, secret)
        if not is_same:
            values = ConnectionValues(
                base_url=url,
                secret=LINEAR_WRITE_KEY,
                webhook_secret=secret,
                team=TEAM_KEY,
                labels=["customer-reported"],
            )
            save_connection(values, actor=setting.actor, name=CONNECTION)

    def seed(self, setting: DemoSetting) -> None:
        """Nothing: issues come to be when somebody escalates."""

    def progress(self) -> tuple[int, int]:
        return 0, 0

    def report(self) -> list[dict[str, Any]]:
        return []
