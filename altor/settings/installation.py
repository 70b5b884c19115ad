"""Settings of an installation. Everything comes from the environment (`ALTOR_*`, also `*_FILE` and `.env`)."""

from altor.settings.base import *  # noqa: F403
