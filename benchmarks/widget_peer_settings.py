"""The database of the measurement, and as little else as a plain list needs."""

from altor.settings.installation import *  # noqa: F403

ROOT_URLCONF = "benchmarks.widget_peer"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "allauth.account.middleware.AccountMiddleware",  # an installed app insists on it; it looks at the answer's type
]
REST_FRAMEWORK = {"DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"]}
