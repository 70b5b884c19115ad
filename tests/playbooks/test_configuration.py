"""Configuration as files: round trip, drift, nothing removed by surprise, secrets never written."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from altor.models import AuditEvent, InboundEndpoint, Team
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


@pytest.mark.parametrize("name", ["profil.yaml", "profile.yml", "playbooks/old/latency.yaml"])
def test_a_file_that_nothing_reads_is_named(folder, name):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("vendor: x")
    with pytest.raises(CommandError, match=name):
        call_command("config", "apply", folder, stdout=StringIO())


WRONG = (
    ("teams.yaml", "- support", "teams.yaml is a mapping"),
    ("teams.yaml", "support: {name: 3}", "teams.yaml: support.name"),
    ("teams.yaml", "support: {name: Support, timezone: Mars}", "no time zone 'Mars'"),
    ("teams.yaml", "support: {name: Support, defualt: true}", "support.defualt"),
    ("teams.yaml", "a: {name: A, default: true}\nb: {name: B, default: true}", "both the default team"),
    ("teams.yaml", "a: {name: A}\nb: {name: A}", "do not go together"),
    ("teams.yaml", "a: {name: A}\na: {name: B}", "not valid YAML"),
    ("endpoints.yaml", "desk: {}", "'desk' is not `source/connection`"),
    ("endpoints.yaml", "generic/desk: {active: 'no'}", "generic/desk.active"),
    ("connections.yaml", "githup/main: {}", "no source named 'githup'"),
    ("connections.yaml", "github/main: {base_url: 'ftp://x'}", "connections.yaml: github/main"),
    ("profile.yaml", "vendor: [x", "profile.yaml is not valid YAML"),
    ("profile.yaml", "vndor: x", "profile.yaml: Unknown keys: vndor"),
    ("playbooks/latency.yaml", "key: [", "playbooks/latency.yaml"),
    ("playbooks/latency.yaml", "\x00", "playbooks/latency.yaml"),
)


def test_a_wrong_file_is_named_and_changes_nothing(folder):
    before = AuditEvent.objects.count()
    for file, text, words in WRONG:
        right = {name: (folder / name).read_bytes() for name in ("teams.yaml", file)}
        (folder / "teams.yaml").write_text("other: {name: Other}")
        (folder / file).write_text(text)
        with pytest.raises(CommandError) as caught:
            call_command("config", "apply", folder, stdout=StringIO())
        assert words in str(caught.value) and caught.value.returncode == 2, (file, text)
        for name, content in right.items():
            (folder / name).write_bytes(content)
    assert AuditEvent.objects.count() == before and list(Team.objects.values_list("slug", flat=True)) == ["support"]
    assert differs(folder) == (0, "")


def test_another_installation_becomes_the_same_and_asks_for_its_keys(folder):
    """The rows of the first installation are gone: the folder stands for itself."""
    for model in (Connection, InboundEndpoint, Team):
        model.objects.all().delete()
    PlaybookVersion.objects.update(is_active=False)
    save_profile({"vendor": "Other"})
    assert differs(folder)[0] == 2
    out = StringIO()
    call_command("config", "apply", folder, stdout=out)
    assert "applied: connections.yaml, endpoints.yaml, playbooks/api_error.yaml" in out.getvalue()
    assert differs(folder) == (0, "")
    row = Connection.objects.get()
    assert (row.secret, row.health, row.health_message) == ("", "refused", "It has no key yet: enter one")
    out = StringIO()
    call_command("config", "apply", folder, stdout=out)
    assert "nothing to do" in out.getvalue()


def test_what_is_applied_is_in_the_audit_log(folder):
    (folder / "teams.yaml").write_text("support: {name: Helpdesk, default: true}\n")
    (folder / "endpoints.yaml").write_text("generic/desk: {title: Desk}\n")
    (folder / "playbooks" / "latency.yaml").unlink()
    before = AuditEvent.objects.count()
    call_command("config", "apply", folder, "--prune", stdout=StringIO())
    told = list(AuditEvent.objects.order_by("pk").values_list("action", "object_ref"))[before:]
    assert told == [
        ("playbook.withdrawn", "latency v1"),
        ("team.changed", "support"),
        ("endpoint.changed", "generic/desk"),
    ]


def test_a_folder_under_version_control_may_hold_hidden_files(folder):
    (folder / ".git").mkdir()
    (folder / ".git" / "hook.yaml").write_text("x")
    assert differs(folder) == (0, "")


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
