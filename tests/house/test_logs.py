"""What is logged is structured, and holds no secrets whoever logs them."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

from altor.logs import mask_secrets
from altor.settings.environment import ROOT

SECRETS = {
    "stripe": "rk_live_obviouslyfake0000000",
    "github": "github_pat_obviouslyfake00000000",
    "linear": "lin_api_obviouslyfake00000000",
    "own token": "alt_api_0123456789obviously-fake-0000000000",
    "webhook": "whsec_b2J2aW91c2x5ZmFrZQ==",
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS.keys())
def test_a_secret_in_the_text_is_masked_by_its_shape(secret):
    masked = mask_secrets(None, "info", {"event": f"called with {secret}, failed", "nested": {"list": [secret]}})
    assert secret not in json.dumps(masked) and masked["event"].startswith("called with [secret]")


def test_a_value_is_masked_by_the_name_of_its_key():
    masked = mask_secrets(
        None, "info", {"event": "x", "password": "kiwi", "headers": {"Authorization": "kiwi", "Via": "a"}}
    )
    assert masked["password"] == "[secret]" and masked["headers"] == {"Authorization": "[secret]", "Via": "a"}


def test_a_password_inside_an_address_is_masked():
    masked = mask_secrets(None, "info", {"event": "postgresql://altor:kiwi@db.example/altor is away"})
    assert "kiwi" not in masked["event"] and "db.example" in masked["event"]


@pytest.mark.slow
def test_lines_are_json_with_exceptions_inside_and_masked():
    program = (
        "import django; django.setup()\n"
        "import logging, structlog\n"
        "log = logging.getLogger('altor.anything')\n"
        "log.info('from the library', extra={'run': 'INV-1', 'token': 'kiwi'})\n"
        "structlog.get_logger('altor.other').warning('structured', api_key='kiwi', count=2)\n"
        "try: raise ValueError('sk_live_obviouslyfake000000')\n"
        "except ValueError: log.exception('it failed')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"ALTOR_DEBUG": "1", "DJANGO_SETTINGS_MODULE": "altor.settings.test", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["from the library", "structured", "it failed"]
    assert lines[0]["run"] == "INV-1" and lines[0]["token"] == "[secret]" and lines[1]["count"] == 2
    assert "ValueError" in lines[2]["exception"] and "obviouslyfake" not in done.stderr and "kiwi" not in done.stderr


def test_the_clients_of_upstreams_do_not_log_addresses():
    assert not logging.getLogger("httpx").isEnabledFor(logging.INFO)
