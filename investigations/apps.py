import sys

from django.apps import AppConfig


class InvestigationsConfig(AppConfig):
    name = "investigations"
    verbose_name = "Investigations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        if sys.argv[1:2] == ["qcluster"]:
            # Before the cluster forks: each worker would otherwise load the engine during its first run.
            from investigations.engine import work
            from investigations.engine.warm import warm

            warm()
            del work
