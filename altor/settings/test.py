"""Settings under which the tests run."""

from altor.settings.base import *  # noqa: F403
