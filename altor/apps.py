from django.apps import AppConfig


class AltorConfig(AppConfig):
    name = "altor"
    verbose_name = "Altor"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from altor import checks  # noqa: F401  # registers the system checks
