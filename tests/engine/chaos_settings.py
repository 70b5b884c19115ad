"""An installation with the test sources, for the test that kills its processes."""

from altor.settings.base import *  # noqa: F403
from altor.settings.base import REST_FRAMEWORK, SOURCES

#: The shipped playbooks, which a start loads, name the real ones.
SOURCES = [*SOURCES, "tests.engine.sources.Alpha", "tests.engine.sources.Beta", "tests.engine.sources.Gamma"]
#: Its tasks take a second or two: a hung cluster is known sooner than one that may work for a minute.
WORKER_SILENT_S = 25
REST_FRAMEWORK = REST_FRAMEWORK | {
    "DEFAULT_THROTTLE_RATES": dict.fromkeys(REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "100000/min")
}
