"""Settings under which the tests run: a PostgreSQL server of their own, and a database of their own per process."""

import os

os.environ.setdefault("ALTOR_DEBUG", "1")
os.environ.setdefault("ALTOR_ALLOW_PRIVATE_UPSTREAMS", "1")

from altor.embedded.postgres import UNSAFE_FAST
from altor.settings.base import *  # noqa: F403
from altor.settings.base import BASE_DIR, DATABASES
from altor.settings.environment import text

HOME = BASE_DIR / ".altor" / "test"
STATIC_ROOT = HOME / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # whitenoise warns when it is absent
#: Files are looked for when asked for: each test client makes a handler of its own, and each would list all files.
WHITENOISE_AUTOREFRESH = True
EMBEDDED_POSTGRES = UNSAFE_FAST
if not text("ALTOR_DATABASE_URL"):
    DATABASES["default"]["HOST"] = str(HOME / "pg")
DATABASES["default"]["CONN_MAX_AGE"] = 0
DATABASES["default"]["TEST"] = {"NAME": f"test_altor_{os.getpid()}"}
SECRET_KEY = "obviously-fake-key-for-tests-only"  # noqa: S105
ENCRYPTION_KEYS = ["b2J2aW91c2x5LWZha2Uta2V5LWZvci10ZXN0cy1vbmw="]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
BASE_URL = "http://testserver"
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
