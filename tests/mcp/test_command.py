"""What `manage.py mcp` says when it cannot begin."""

from __future__ import annotations

import os
import socket

import pytest
from django.core.management import CommandError, call_command

from altor.tokens import revoke_token


def _refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as refused:
        call_command("mcp", *arguments)
    assert refused.value.returncode == 2 or "unrecognized" in str(refused.value)  # argparse's own are 2 too
    return str(refused.value)


def test_without_a_token_that_lives_it_does_not_begin(scene, tmp_path, monkeypatch):
    monkeypatch.delenv("ALTOR_TOKEN", raising=False)
    assert "ALTOR_TOKEN is not set" in _refused()
    revoked, sidebar = scene.token(), scene.token(kind="wdg")
    revoke_token(scene.tokens[revoked], actor=None)
    file = tmp_path / "token"
    for text, says in (
        (revoked, "unknown, expired or revoked"),
        (sidebar, "belongs to a sidebar"),
        ("alt_api_é", "is none"),
        ("alt_api_\x7f", "is none"),
        ("obviously-fake", "unknown, expired or revoked"),
    ):
        monkeypatch.setenv("ALTOR_TOKEN", text)
        told = _refused()
        assert says in told and text not in told
        assert text in ("alt_api_é", "alt_api_\x7f") or "ALTOR_TOKEN" not in os.environ
        file.write_text(f"{text}\n", encoding="latin-1")
        assert text not in _refused("--token-file", str(file))


def test_a_file_without_a_token_is_named(scene, tmp_path):
    (tmp_path / "empty").write_text("\n")
    assert "is empty" in _refused("--token-file", str(tmp_path / "empty"))
    assert "cannot be read" in _refused("--token-file", str(tmp_path / "none"))
    assert "cannot be read" in _refused("--token-file", str(tmp_path))


def test_a_token_among_the_arguments_is_refused_and_not_repeated(scene):
    token = scene.token()
    assert token not in _refused("--token-file", token)
    assert "unrecognized arguments" in _refused("--token", "obviously-fake")


def test_a_port_that_cannot_be_had_is_named(db):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert f"Port {port} on 127.0.0.1: Address already in use." in _refused("--http", "--port", str(port))
    assert "no port 99999" in _refused("--http", "--port", "99999")
    assert "Port 8765 on 192.0.2.1" in _refused("--http", "--host", "192.0.2.1")
