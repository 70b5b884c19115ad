"""The settings proper. Which variable means what is declared once, in `altor.settings.environment`."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import django_stubs_ext
from cryptography.fernet import Fernet
from django.core.management.utils import get_random_secret_key

from altor.settings import environment
from altor.settings.csp import *  # noqa: F403
from altor.settings.database import databases
from altor.settings.keys import generated
from altor.settings.outgoing import *  # noqa: F403
from altor.settings.pages import *  # noqa: F403
from altor.settings.queue import *  # noqa: F403
from altor.settings.rest import *  # noqa: F403

# `forms.ModelForm[User]` and its like are written for the type checker; this makes them run.
django_stubs_ext.monkeypatch()

BASE_DIR = environment.ROOT
DEBUG = environment.flag("ALTOR_DEBUG")
HOME = Path(environment.text("ALTOR_HOME") or BASE_DIR / ".altor").resolve()
#: Where the model of the knowledge search is looked for; it is built into the first that can be written to.
EMBEDDING_FOLDERS = (
    [Path(named)]
    if (named := environment.text("ALTOR_EMBEDDING_MODEL"))
    else [BASE_DIR / ".altor/model", HOME / "model"]
)
EMBEDDING_ON = environment.flag("ALTOR_EMBEDDING", default=True)
SECRET_KEY = environment.text("ALTOR_SECRET_KEY")
SECRET_KEY_FALLBACKS = environment.many("ALTOR_SECRET_KEY_FALLBACKS")
ENCRYPTION_KEYS = environment.many("ALTOR_ENCRYPTION_KEYS")
if DEBUG:
    SECRET_KEY = SECRET_KEY or generated(HOME / "secret-key", get_random_secret_key)
    ENCRYPTION_KEYS = ENCRYPTION_KEYS or [generated(HOME / "encryption-key", lambda: Fernet.generate_key().decode())]
ALLOWED_HOSTS = environment.many("ALTOR_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]" if DEBUG else "")
BASE_URL = environment.text("ALTOR_BASE_URL", "http://127.0.0.1:8000").rstrip("/")
ENABLE_ADMIN = environment.flag("ALTOR_ENABLE_ADMIN", default=True)
AUTO_INVESTIGATE = environment.flag("ALTOR_AUTO_INVESTIGATE", default=True)
PUBLIC_FEED = environment.flag("ALTOR_PUBLIC_FEED")
#: Addresses whose answers are the same for everybody: no cookie is read there and none is set.
COOKIELESS = ["/api/v1/knowledge/feed.json"]
ENGINEERING_HOURS = environment.text("ALTOR_ENGINEERING_HOURS") or "09:00-17:00"
REFOCUS_MINUTES = environment.number("ALTOR_REFOCUS_MINUTES", 0)
TRUSTED_PROXIES = environment.number("ALTOR_TRUSTED_PROXIES", 0)
METRICS_TOKEN = environment.text("ALTOR_METRICS_TOKEN")
#: Both are needed: a production installation never talks to loopback because of one forgotten variable.
ALLOW_LOOPBACK_UPSTREAMS = DEBUG and environment.flag("ALTOR_ALLOW_PRIVATE_UPSTREAMS")
PRIVATE_UPSTREAMS = environment.text("ALTOR_PRIVATE_UPSTREAMS")

ROOT_URLCONF = "altor.urls"
WSGI_APPLICATION = "altor.wsgi.application"
AUTH_USER_MODEL = "altor.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SITE_ID = None
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = True
SILENCED_SYSTEM_CHECKS = ["django_q.W001"]

INSTALLED_APPS = [
    "altor.apps.AltorConfig",
    "investigations.apps.InvestigationsConfig",
    "escalations.apps.EscalationsConfig",
    "knowledge.apps.KnowledgeConfig",
    "metrics.apps.MetricsConfig",
    "altor.apps.AltorAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_q",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "auditlog",
    "csp",
    "django_htmx",
    "django_prometheus",
]
MIDDLEWARE = [
    "altor.health.HealthMiddleware",
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "investigations.widget.cookies.CookielessMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "altor.sessions.SessionLifetimeMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "altor.shell.TimezoneMiddleware",
    "altor.views.errors.DomainErrorMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "auditlog.middleware.AuditlogMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
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
                "altor.shell.context",
            ],
        },
    }
]
DATABASES = databases(environment.text("ALTOR_DATABASE_URL"), HOME)
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "altor_cache", "TIMEOUT": 600}
}

STATIC_URL = "/static/"
STATIC_ROOT = HOME / "static"
STORAGES: dict[str, Any] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "altor.static_files.HashedStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG

# ---------------------------------------------------------------------------------------------- people and sessions
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "username*", "password1*", "password2*"]
ACCOUNT_ADAPTER = "altor.accounts.AccountAdapter"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    # The longer somebody guesses, the longer they wait. The key is the account together with the address.
    "login_failed": "10/5m/key,30/1d/key,20/5m/ip,60/1h/ip",
    "reset_password": "10/m/ip,3/m/key",
}
SOCIALACCOUNT_ONLY = False
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {}
if environment.text("ALTOR_OIDC_ISSUER"):
    SOCIALACCOUNT_PROVIDERS["openid_connect"] = {
        "APPS": [
            {
                "provider_id": "sso",
                "name": "Single sign-on",
                "client_id": environment.text("ALTOR_OIDC_CLIENT_ID"),
                "secret": environment.text("ALTOR_OIDC_CLIENT_SECRET"),
                "settings": {"server_url": environment.text("ALTOR_OIDC_ISSUER")},
            }
        ]
    }
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SESSION_COOKIE_AGE = int(timedelta(hours=environment.number("ALTOR_SESSION_IDLE_HOURS", 8)).total_seconds())
SESSION_MAX_AGE = int(timedelta(days=environment.number("ALTOR_SESSION_MAX_DAYS", 7)).total_seconds())
# Altor is behind https unless it is used on this machine for development: then cookies must also work over http.
HTTPS = BASE_URL.startswith("https://") or not DEBUG
SESSION_COOKIE_NAME = "__Host-altor" if HTTPS else "altor"
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "__Host-altor-csrf" if HTTPS else "altor-csrf"
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = [BASE_URL] if HTTPS else []
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^-/prometheus$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500
FILE_UPLOAD_HANDLERS = [
    "altor.uploads.BoundedUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

DEFAULT_FROM_EMAIL = environment.text("ALTOR_EMAIL_FROM") or f"altor@{urlsplit(BASE_URL).hostname or 'localhost'}"
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
if environment.text("ALTOR_EMAIL_URL"):
    _mail = urlsplit(environment.text("ALTOR_EMAIL_URL"))
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST, EMAIL_PORT = _mail.hostname or "", _mail.port or 587
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(_mail.username or ""), unquote(_mail.password or "")
    EMAIL_USE_TLS = _mail.scheme != "smtps"
    EMAIL_USE_SSL = _mail.scheme == "smtps"
    EMAIL_TIMEOUT = 10

PROMETHEUS_EXPORT_MIGRATIONS = False
AUDITLOG_INCLUDE_ALL_MODELS = False

LOG_FORMAT = environment.text("ALTOR_LOG_FORMAT", "text" if sys.stderr.isatty() else "json")
LOG_LEVEL = environment.text("ALTOR_LOG_LEVEL", "INFO")
LOGGING_CONFIG = "altor.logs.configure"
LOGGING = {"format": LOG_FORMAT, "level": LOG_LEVEL}

# ------------------------------------------------------------------------------ what higher apps plug into lower ones
SOURCES = [
    "investigations.sources.clickhouse.source.ClickHouseSource",
    "investigations.sources.github.source.GitHubSource",
    "investigations.sources.linear.source.LinearSource",
    "investigations.sources.stripe.source.StripeSource",
    "investigations.sources.statuspage.source.StatuspageSource",
]
HELPDESKS = [
    "investigations.helpdesks.generic.adapter.Generic",
    "investigations.helpdesks.chatwoot.adapter.Chatwoot",
    "investigations.helpdesks.front.adapter.Front",
    "investigations.helpdesks.intercom.adapter.Intercom",
    "investigations.helpdesks.helpscout.adapter.HelpScout",
    "investigations.helpdesks.zendesk.adapter.Zendesk",
    "investigations.helpdesks.freshdesk.adapter.Freshdesk",
]
#: Functions that make reference pages: file name -> text.
REFERENCE_PAGES = [
    "investigations.playbooks.pages.pages",
    "escalations.contracts.pages.pages",
    "escalations.packets.pages.pages",
    "knowledge.replies.pages.pages",
    "altor.mcp.pages.pages",
    "metrics.definitions.pages.pages",
]
#: Functions (team, now) that name who answers for its queue; the first that names somebody decides.
QUEUE_OWNERS: list[str] = ["escalations.oncall.now.answering"]
#: Told (the kind, the ticket's reference) of every phase event, in the transaction that records it; maybe twice.
PHASE_HEARD: list[str] = [
    "escalations.ownership.hearing.heard",
    "escalations.interruptions.asking.heard",
    "escalations.handoffs.drafting.heard",
]
#: Functions from a ticket to the clocks and owners that its representation over REST tells.
TICKET_CLOCKS: list[str] = ["escalations.ownership.shown.told"]
WIDGET_PARTS: list[str] = [
    "escalations.widget.escalation_part",
    "escalations.handoffs.widget.handoff_part",
    "escalations.interruptions.widget.questions_part",
    "escalations.oncall.widget.oncall_part",
    "escalations.incidents.widget.incident_part",
    "knowledge.replies.widget.reply_part",
    "knowledge.recognition.widget.similar_part",
]
#: Panels on the pages of tickets and runs and on today, see `investigations.panels`.
TICKET_PANELS: list[str] = [
    "knowledge.entries.panels.KNOWN",
    "escalations.ownership.panels.OWNERSHIP",
    "escalations.handoffs.panels.HANDOFF",
    "escalations.panels.ESCALATION",
    "escalations.incidents.panels.INCIDENT",
    "escalations.incidents.panels.TODAY",
    "escalations.interruptions.panels.QUESTIONS",
    "knowledge.replies.panels.REPLY",
    "knowledge.replies.panels.PROMISED",
    "metrics.recovery.panels.RECOVERY",
]
#: Lines below the sources on the page of connections, see `investigations.panels.ConnectionCard`.
CONNECTION_CARDS: list[str] = ["escalations.linear.card.CARD"]
#: What higher apps add to the packet for engineering, see `escalations.packets.parts`.
PACKET_PARTS: list[str] = ["knowledge.replies.packet.packet_part", "knowledge.recognition.packet.packet_part"]
#: Functions from open tickets to what their customers were promised, see `escalations.handoffs.promises`.
HANDOFF_PROMISES: list[str] = ["knowledge.replies.handoff.promises"]
#: The words of incidents for customers, see `escalations.incidents.wording.IncidentWords`; the first is taken.
INCIDENT_WORDS: list[str] = ["knowledge.incidents.words.WORDS"]
REPLY_CHECKS: list[str] = ["knowledge.replies.checks.check"]
#: Functions that are told of a public reply which an agent wrote in the helpdesk.
REPLY_SEEN: list[str] = ["knowledge.replies.seen.seen"]
#: Tools for assistants, see `altor.mcp.tools`.
MCP_TOOLS: list[str] = [
    "knowledge.mcp.SEARCH_KNOWLEDGE",
    "knowledge.mcp.GET_ENTRY",
    "knowledge.mcp.MATCH_TICKET",
    "investigations.mcp.GET_INVESTIGATION",
    "investigations.mcp.START_INVESTIGATION",
]
#: Told (the escalation, what happened) in the transaction in which an escalation moves.
ESCALATION_MOVED: list[str] = [
    "escalations.recovery.hearing.escalation_moved",
    "knowledge.replies.returned.escalation_moved",
]
#: Told (the `Recovery`, its readings) after each round of measuring, in the transaction that keeps it.
RECOVERY_MOVED: list[str] = [
    "escalations.incidents.proof.recovery_moved",
    "knowledge.replies.recovered.recovery_moved",
]
#: Functions (person) -> Q over tickets: what engineers may open beside the tickets they own.
TICKET_VISIBILITY: list[str] = [
    "escalations.visibility.escalated_to",
    "escalations.interruptions.visibility.asked_of",
]
DEMO_PARTS = [
    "investigations.demo.InvestigationsDemo",
    "escalations.contracts.demo.ContractsDemo",
    "escalations.linear.demo.LinearDemo",
    "escalations.oncall.demo.OnCallDemo",
    "escalations.demo.OwnershipDemo",
    "escalations.incidents.demo.IncidentsDemo",
]
#: Called every few seconds by the supervisor: work whose worker is gone.
SWEEPS = [
    "investigations.tasks.sweep_runs",
    "investigations.tasks.sweep_inbound",
    "investigations.tasks.sweep_trials",
    "investigations.tasks.sweep_automatic",
    "investigations.tasks.sweep_notes",
    "investigations.tasks.sweep_automation",
    "investigations.tasks.sweep_backfills",
    "escalations.tasks.sweep_clocks",
    "altor.tasks.sweep_webhooks",
    "altor.tasks.sweep_notices",
    "escalations.tasks.sweep_escalations",
    "escalations.linear.tasks.sweep",
    "escalations.recovery.tasks.sweep_recoveries",
    "knowledge.tasks.sweep_replies",
    "knowledge.tasks.sweep_promises",
    "knowledge.tasks.sweep_knowledge",
    "knowledge.tasks.sweep_watches",
    "escalations.oncall.tasks.sweep_calendars",
    "escalations.oncall.tasks.sweep_gaps",
    "escalations.handoffs.tasks.sweep_handoffs",
    "escalations.incidents.tasks.sweep_incidents",
    "metrics.tasks.sweep_cycles",
]
#: Told (the run) when a helpdesk's run begins, and when any run has ended or was concluded anew; maybe twice.
RUN_BEGUN = ["investigations.services.notes.run_begun"]
RUN_ENDED = [
    "investigations.services.automatic.look_again",
    "investigations.services.notes.run_ended",
    "investigations.services.announcing.run_ended",
    "investigations.services.renewals.run_ended",
    "escalations.lifecycle.gaps.run_ended",
    "escalations.incidents.suggesting.run_ended",
    "knowledge.recognition.settling.run_ended",
]
#: Causes that are asked for beside the steps of every run, see `investigations.engine.known.Recogniser`.
RECOGNISERS: list[str] = ["knowledge.recognition.recogniser.RECOGNISER"]
#: Work the events of sources that are no helpdesk, see `investigations.services.inbound.InboundHandler`.
INBOUND_HANDLERS = ["escalations.linear.inbound.LINEAR", "escalations.linear.inbound.GITHUB"]
#: Told (the change, an `IssueChange`) of everything that happens to a Linear issue we follow: once, in order, in the
#: transaction that notes that it was told.
ISSUE_CHANGED: list[str] = ["escalations.lifecycle.upstream.issue_changed"]
#: Told (the ticket, ids of messages or "*") when a helpdesk removed text or a ticket.
ERASURES: list[str] = [
    "knowledge.replies.erasure.erase",
    "escalations.linear.erasure.erase",
    "escalations.lifecycle.erasure.erase",
    "escalations.handoffs.erasure.erase",
    "escalations.incidents.erasure.erase",
]
CONFIGURATION_PARTS = [
    "investigations.configuration.ProfilePart",
    "investigations.configuration.ConnectionsPart",
    "investigations.configuration.PlaybooksPart",
    "escalations.configuration.ContractsPart",
    "knowledge.configuration.ReplyTemplatesPart",
    "escalations.ownership.configuration.SlaPoliciesPart",
    "altor.configuration.TeamsPart",
    "altor.configuration.EndpointsPart",
    "escalations.oncall.configuration.RotationsPart",
    "escalations.handoffs.configuration.HandoffsPart",
    "escalations.linear.configuration.LinearPart",
    "investigations.configuration_automation.AutomationPart",
    "investigations.configuration_helpdesks.HelpdesksPart",
]
