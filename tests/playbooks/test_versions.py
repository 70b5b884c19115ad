"""Versions: immutable, put in force only when their own tests hold, written back byte for byte."""

from __future__ import annotations

import json
from io import StringIO

import jsonschema
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction
from django.urls import reverse
from ruamel.yaml import YAML

from investigations.models import PlaybookVersion
from investigations.playbooks.loader import library_files
from investigations.playbooks.schema import schema_document
from tests import factories as make
from tests.playbooks.test_loader import FAILING, GOOD

pytestmark = pytest.mark.django_db


def run(*arguments):
    """(exit code, standard output, standard error)"""
    out, err = StringIO(), StringIO()
    try:
        call_command("playbooks", *map(str, arguments), stdout=out, stderr=err)
    except CommandError as error:
        return error.returncode, out.getvalue(), err.getvalue() + str(error)
    except SystemExit as end:
        return end.code, out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "sample.yaml"
    path.write_text(GOOD)
    return path


def test_a_file_is_written_back_byte_for_byte(file, tmp_path):
    text = ("# Grüße\r\n" + GOOD.replace("\n", "\r\n") + "# the end, without a line end").encode()
    file.write_bytes(text)
    assert run("load", file)[0] == 0
    assert run("export", "sample", "--to", tmp_path / "out")[0] == 0
    assert (tmp_path / "out" / "sample.yaml").read_bytes() == text


def test_a_version_whose_tests_fail_is_not_put_in_force(file):
    run("load", file)
    file.write_text(GOOD + FAILING)
    code, out, err = run("check", file)
    assert code == 2 and out == "" and f"{file}:25: tests[1]: 'slow': escalate is False" in err
    code, _, err = run("load", file)
    assert code == 2 and "nothing was stored" in err
    assert PlaybookVersion.objects.get().version == 1
    assert run("load", file, "--keep")[1] == "sample v2 is stored\n"
    assert PlaybookVersion.objects.get(is_active=True).version == 1


def test_a_stored_version_whose_tests_fail_says_so_on_its_page(file, client):
    run("load", file)
    file.write_text(GOOD + FAILING)
    run("load", file, "--keep")
    client.force_login(make.user("ada", role="admin"))
    page = client.get("/playbooks/sample/v2/").content.decode()
    assert "cannot be put in force" in page and "escalate is False" in page
    answer = client.post("/playbooks/sample/v2/activate/", follow=True)
    assert "fails its own tests" in answer.content.decode()
    assert PlaybookVersion.objects.get(is_active=True).version == 1


def test_several_files_are_loaded_together_or_not_at_all(file, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text("key: broken")
    assert run("load", file, other)[0] == 2
    assert not PlaybookVersion.objects.exists()


def test_a_version_never_changes(file):
    run("load", file)
    with pytest.raises(DatabaseError), transaction.atomic():
        PlaybookVersion.objects.update(source_yaml="other")


def test_two_versions_are_compared_by_meaning_and_as_text(file):
    run("load", file)
    file.write_text(GOOD.replace("for: strong", "for: weak"))
    code, out, _ = run("diff", "sample", file)
    assert (code, out) == (0, 'changed  hypothesis lat.sample signals[0].for: "strong" -> "weak"\n')
    run("load", file)
    text = run("diff", "sample@1", "sample@2", "--text")[1]
    assert "-      - {when: speed.slow, for: strong" in text and "+      - {when: speed.slow, for: weak" in text


def test_an_editor_finds_the_schema_without_a_login_and_it_takes_the_library(client):
    answer = client.get(reverse("investigations:playbook-schema"))
    assert answer.status_code == 200 and answer.json() == schema_document()
    validator = jsonschema.Draft202012Validator(answer.json())
    for path in library_files():
        document = YAML(typ="safe").load(path.read_text())
        assert [error.message for error in validator.iter_errors(document)] == [], path.name
        # An editor must see the mistakes that a schema can tell.
        document["steps"][0]["evidence"] = [{"kind": "Latency", "summary": "x"}]
        assert list(validator.iter_errors(document))


def test_every_field_is_explained_to_the_editor():
    def fields(node, place):
        if isinstance(node, dict):
            for name, field in (node.get("properties") or {}).items():
                yield f"{place}.{name}", field
                yield from fields(field, f"{place}.{name}")
            for name, part in (node.get("$defs") or {}).items():
                yield from fields(part, name)

    schema = schema_document()
    silent = [place for place, field in fields(schema, "") if not field.get("description")]
    assert silent == []
    assert all(part.get("description") for part in schema["$defs"].values()), json.dumps(schema["$defs"])[:200]
