"""Settings from the environment: one registry, clear errors, unsafe production refused."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from cryptography.fernet import Fernet

from altor import checks
from altor.settings import environment, keys
from altor.settings.database import databases
from altor.settings.environment import ROOT, EnvironmentInvalid

PRODUCTION = {
    "ALTOR_SECRET_KEY": "k7" * 40 + "!obviously-fake-0123456789",
    "ALTOR_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    "ALTOR_ALLOWED_HOSTS": "altor.example",
    "ALTOR_BASE_URL": "https://altor.example",
    "ALTOR_DATABASE_URL": "postgresql://altor@database.example/altor",
}


@pytest.fixture(autouse=True)
def no_dotenv(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    environment._dotenv.cache_clear()
    yield tmp_path / ".env"
    environment._dotenv.cache_clear()


def manage(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`manage.py` as an operator would run it: with these variables and no others of ours."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ALTOR_", "DJANGO_"))}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=inherited | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_value_comes_from_the_environment_then_a_file_then_dotenv(monkeypatch, tmp_path, no_dotenv):
    monkeypatch.delenv("ALTOR_LINEAR_API_KEY", raising=False)
    assert environment.text("ALTOR_LINEAR_API_KEY", "default") == "default"
    no_dotenv.write_text("# a comment\nexport ALTOR_LINEAR_API_KEY='from dotenv'\n")
    environment._dotenv.cache_clear()
    assert environment.text("ALTOR_LINEAR_API_KEY") == "from dotenv"
    (tmp_path / "secret").write_text("from a file\n")
    monkeypatch.setenv("ALTOR_LINEAR_API_KEY_FILE", str(tmp_path / "secret"))
    assert environment.text("ALTOR_LINEAR_API_KEY") == "from a file"
    monkeypatch.setenv("ALTOR_LINEAR_API_KEY", "direct")
    assert environment.text("ALTOR_LINEAR_API_KEY") == "direct"


def test_a_file_that_cannot_be_read_is_an_error(monkeypatch):
    monkeypatch.delenv("ALTOR_GITHUB_TOKEN", raising=False)
    monkeypatch.setenv("ALTOR_GITHUB_TOKEN_FILE", "/nowhere/token")
    with pytest.raises(EnvironmentInvalid, match=r"ALTOR_GITHUB_TOKEN_FILE names /nowhere/token"):
        environment.text("ALTOR_GITHUB_TOKEN")


@pytest.mark.parametrize(("given", "meant"), [("1", True), ("yes", True), ("Off", False), ("0", False)])
def test_flags_are_read(monkeypatch, given, meant):
    monkeypatch.setenv("ALTOR_ENABLE_ADMIN", given)
    assert environment.flag("ALTOR_ENABLE_ADMIN") is meant


def test_a_flag_or_number_that_is_none_is_named(monkeypatch):
    monkeypatch.setenv("ALTOR_ENABLE_ADMIN", "perhaps")
    with pytest.raises(EnvironmentInvalid, match=r"ALTOR_ENABLE_ADMIN is 'perhaps'"):
        environment.flag("ALTOR_ENABLE_ADMIN")
    monkeypatch.setenv("ALTOR_WORKERS", "many")
    with pytest.raises(EnvironmentInvalid, match="ALTOR_WORKERS is 'many'"):
        environment.number("ALTOR_WORKERS", 2)


def test_a_name_outside_the_registry_is_a_fault_of_ours():
    with pytest.raises(KeyError):
        environment.text("ALTOR_NO_SUCH_THING")


def test_every_variable_read_anywhere_is_registered():
    known = environment.NAMES | environment.INTERNAL
    read = set()
    for app in ("altor", "investigations", "escalations", "knowledge", "metrics"):
        for file in (ROOT / app).rglob("*.py"):
            read |= set(re.findall(r"""["'](ALTOR_[A-Z0-9_]+)["']""", file.read_text()))
    assert {name.removesuffix("_FILE") for name in read} - known == set()


def test_a_typing_error_is_a_warning(monkeypatch):
    monkeypatch.setenv("ALTOR_GITHUB_TOKN", "x")
    # Whoever runs the tests may have set others, such as where to put pictures.
    found = {one.msg.split()[0]: one.msg for one in checks.environment_is_known()}
    assert found["ALTOR_GITHUB_TOKN"] == "ALTOR_GITHUB_TOKN is not a setting of Altor and does nothing"
    monkeypatch.delenv("ALTOR_GITHUB_TOKN")
    assert not any("ALTOR_GITHUB_TOKN" in one.msg for one in checks.environment_is_known())


def test_times_out_of_order_are_refused(settings):
    assert checks.times_stand_in_order() == []
    settings.RUN_LEASE_S = settings.TASK_TIMEOUT_S
    assert [found.id for found in checks.times_stand_in_order()] == ["altor.E004"]


def test_a_database_address_is_taken_apart_and_a_wrong_one_named(tmp_path):
    found = databases("postgresql://u:p%40ss@db.example:6432/altor?sslmode=require", tmp_path)["default"]
    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"]) == ("u", "p@ss", "db.example", "6432")
    assert found["OPTIONS"]["sslmode"] == "require" and found["CONN_HEALTH_CHECKS"]
    with pytest.raises(EnvironmentInvalid, match="ALTOR_DATABASE_URL is no PostgreSQL address"):
        databases("mysql:what", tmp_path)


def test_a_generated_key_is_closed_and_stays(tmp_path):
    first = keys.generated(tmp_path / "home" / "key", lambda: "one")
    assert keys.generated(tmp_path / "home" / "key", lambda: "two") == first == "one"
    assert (tmp_path / "home" / "key").stat().st_mode & 0o777 == 0o600


def test_production_settings_pass_the_deploy_check():
    done = manage("check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("ALTOR_SECRET_KEY", "SECRET_KEY"),
        ("ALTOR_ENCRYPTION_KEYS", "ALTOR_ENCRYPTION_KEYS"),
        ("ALTOR_ALLOWED_HOSTS", "ALTOR_ALLOWED_HOSTS"),
    ],
)
def test_incomplete_production_is_refused(missing, said):
    done = manage("check", "--deploy", "--fail-level", "WARNING", **{**PRODUCTION, missing: ""})
    assert done.returncode != 0 and said in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ALTOR_ENCRYPTION_KEYS": "tooshort"}, "altor.E003"),
        ({"ALTOR_BASE_URL": "http://altor.example"}, "altor.W003"),
        ({"ALTOR_ALLOWED_HOSTS": "*"}, "altor.E005"),
        ({"ALTOR_SECRET_KEY": "short"}, "security.W009"),
        ({"ALTOR_ALLOW_PRIVATE_UPSTREAMS": "1"}, "altor.W002"),
    ],
)
def test_unsafe_production_is_refused(change, said):
    done = manage("check", "--deploy", "--fail-level", "WARNING", **(PRODUCTION | change))
    assert done.returncode != 0 and said in done.stderr


def test_an_unusable_value_ends_in_one_line_that_names_it():
    done = manage("check", **(PRODUCTION | {"ALTOR_TRUSTED_PROXIES": "two"}))
    assert done.returncode != 0
    assert done.stderr.strip().splitlines() == ["ALTOR_TRUSTED_PROXIES is 'two': a whole number is needed"]


def test_development_makes_its_own_keys(tmp_path):
    done = manage("check", ALTOR_DEBUG="1", ALTOR_HOME=str(tmp_path / "home"))
    assert done.returncode == 0, done.stderr
    for name in ("secret-key", "encryption-key"):
        assert (tmp_path / "home" / name).stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "home" / "pg").exists()  # a check needs no database
