from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class AltorConfig(AppConfig):
    name = "altor"
    verbose_name = "Altor"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from altor import checks  # noqa: F401  # registers the system checks


class AltorAdminConfig(AdminConfig):
    default_site = "altor.admin_site.AltorAdminSite"
