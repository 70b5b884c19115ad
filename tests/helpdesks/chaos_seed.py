"""Fill the installation of the inbound chaos test: `python -m tests.helpdesks.chaos_seed UPSTREAM_URL DESK_URL`.

Prints the secret that events are signed with.
"""

from __future__ import annotations

import sys

import django


def main(upstream_url: str, desk_url: str) -> None:
    from django.core.management import call_command

    from altor.models import InboundEndpoint
    from investigations.automation.rules import Conditions, Mode, Rule, RuleSet
    from investigations.models import Connection
    from investigations.services.automation_rules import save_rules
    from investigations.services.endpoints import create_endpoint
    from tests import factories
    from tests.engine.scene import playbook, step
    from tests.engine.sources import NAMES
    from tests.helpdesks.scene import connection

    call_command("migrate", interactive=False, verbosity=0)
    call_command("createcachetable", verbosity=0)
    for name in NAMES:
        Connection.objects.create(source=name, name="main", base_url=upstream_url)
    playbook(step("a"), step("b", "beta"), run_seconds=8)
    factories.team(is_default=True)
    factories.user("ada")
    incident = Rule(key="429", title="Refused requests", when=Conditions(classes=("rate_limit",)), mode=Mode.AUTOMATIC)
    save_rules(RuleSet(rules=(incident,), default=Mode.WATCH), base=None, actor=None)
    endpoint, secret = create_endpoint(source="generic", connection="desk", actor=None)
    connection(InboundEndpoint.objects.get(pk=endpoint.pk), desk_url)
    sys.stdout.write(secret)


if __name__ == "__main__":
    django.setup()
    main(sys.argv[1], sys.argv[2])
