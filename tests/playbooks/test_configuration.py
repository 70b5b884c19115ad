"""Configuration as files: round trip, drift, nothing removed by surprise, secrets never written."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from altor.models import InboundEndpoint, Team
from investigations.models import Connection, PlaybookVersion
from investigations.services.playbooks import load_library
from investigations.services.profiles import current_profile, save_profile

pytestmark = pytest.mark.django_db
SECRET = "obviously-fake-secret"


@pytest.fixture
def folder(tmp_path):
    load_library()
    Team.objects.create(name="Support", slug="support", is_default=True)
    Connection.objects.create(source="github", name="main", base_url="https://api.github.com", secret=SECRET)
    InboundEndpoint.objects.create(source="generic", connection="desk", secrets=SECRET)
    save_profile({"vendor": "Example", "github": {"owner": "example", "repo": "api"}})
    call_command("config", "export", tmp_path, stdout=StringIO())
    return tmp_path


def differs(folder):
    out = StringIO()
    try:
        call_command("config", "diff", folder, stdout=out)
    except SystemExit as end:
        return end.code, out.getvalue()
    return 0, out.getvalue()


def test_what_was_exported_agrees_and_holds_no_secret(folder):
    assert differs(folder) == (0, "")
    assert SECRET not in "".join(path.read_text() for path in folder.rglob("*.yaml"))


def test_playbooks_are_byte_for_byte_the_files_they_were(folder):
    for row in PlaybookVersion.objects.active():
        assert (folder / "playbooks" / f"{row.key}.yaml").read_text() == row.source_yaml


def test_a_changed_profile_is_drift_and_applying_ends_it(folder):
    file = folder / "profile.yaml"
    file.write_text(file.read_text().replace("vendor: Example", "vendor: Changed"))
    code, text = differs(folder)
    assert code == 2 and "+vendor: Changed" in text
    call_command("config", "apply", folder, stdout=StringIO())
    assert current_profile().vendor == "Changed" and differs(folder)[0] == 0


def test_applying_twice_makes_no_second_version(folder):
    file = folder / "playbooks" / "latency.yaml"
    file.write_text(file.read_text() + "# a remark\n")
    for _ in range(2):
        call_command("config", "apply", folder, stdout=StringIO())
    assert PlaybookVersion.objects.filter(key="latency").count() == 2


def test_a_broken_file_changes_nothing_at_all(folder):
    file = folder / "profile.yaml"
    file.write_text(file.read_text().replace("vendor: Example", "vendor: Changed"))
    (folder / "playbooks" / "latency.yaml").write_text("key: broken")
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("config", "apply", folder, stdout=StringIO())
    assert current_profile().vendor == "Example"


def test_a_file_that_nothing_reads_is_named(folder):
    (folder / "profil.yaml").write_text("vendor: x")
    with pytest.raises(CommandError, match=r"profil\.yaml"):
        call_command("config", "apply", folder, stdout=StringIO())


def test_nothing_is_removed_unless_asked_and_secrets_stay(folder):
    (folder / "connections.yaml").write_text("{}\n")
    call_command("config", "apply", folder, stdout=StringIO())
    assert Connection.objects.get().secret == SECRET
    call_command("config", "apply", folder, "--prune", stdout=StringIO())
    assert not Connection.objects.filter(is_active=True).exists() and differs(folder)[0] == 0


def test_an_address_of_another_host_does_not_get_the_stored_key(folder):
    (folder / "connections.yaml").write_text("github/main: {base_url: 'https://github.elsewhere.example/api/v3'}\n")
    with pytest.raises(CommandError, match="enter the key again"):
        call_command("config", "apply", folder, stdout=StringIO())
    assert Connection.objects.get().base_url == "https://api.github.com"


def test_a_new_key_takes_over_every_secret(folder, settings):
    from cryptography.fernet import Fernet

    old = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *old]
    call_command("rotate_keys", stdout=StringIO())
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS[:1]
    assert Connection.objects.get().secret == SECRET and InboundEndpoint.objects.get().secrets == SECRET
