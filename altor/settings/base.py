"""The settings proper. Which variable means what is declared once, in `altor/settings/environment.py`."""

from __future__ import annotations

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parents[2]
DEBUG = os.environ.get("ALTOR_DEBUG", "") in ("1", "true", "yes")
SECRET_KEY = os.environ.get("ALTOR_SECRET_KEY", "obviously-fake-development-key")
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "altor.urls"
WSGI_APPLICATION = "altor.wsgi.application"
AUTH_USER_MODEL = "altor.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
STATIC_URL = "/static/"

INSTALLED_APPS = [
    "altor.apps.AltorConfig",
    "investigations.apps.InvestigationsConfig",
    "escalations.apps.EscalationsConfig",
    "knowledge.apps.KnowledgeConfig",
    "metrics.apps.MetricsConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_q",
    "rest_framework",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "altor"}}
Q_CLUSTER = {"name": "altor", "orm": "default"}

# What higher apps plug into lower ones: dotted paths, loaded by `altor.registry`.
SOURCES = [
    "investigations.sources.clickhouse.source.ClickHouseSource",
    "investigations.sources.github.source.GitHubSource",
    "investigations.sources.linear.source.LinearSource",
    "investigations.sources.stripe.source.StripeSource",
    "investigations.sources.statuspage.source.StatuspageSource",
]
WIDGET_PARTS: list[str] = []
PACKET_PARTS: list[str] = []
REPLY_CHECKS: list[str] = []
MCP_TOOLS: list[str] = []
DEMO_PARTS: list[str] = []
ENCRYPTION_KEYS: list[str] = []
