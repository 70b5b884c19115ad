"""Broken files: every problem with its line, its field and what to do."""

from __future__ import annotations

import pytest

from investigations.playbooks.format import WEIGHTS
from investigations.playbooks.loader import PlaybookInvalid, library_files, parse_playbook
from investigations.playbooks.rehearsal import rehearse

GOOD = """\
apiVersion: altor/v1
kind: Playbook
key: sample
title: Sample
class: latency
steps:
  - id: speed
    title: Speed
    question: Is it slow?
    source: clickhouse
    query: SELECT count() AS n FROM requests WHERE status >= {least:UInt16}
    params: {least: "500.0"}
    facts: {slow: "speed.row_count > 3.0"}
    result: "{speed.row_count|number} rows"
symptom: {gate: speed.slow, title: It is slow}
hypotheses:
  - label: lat.sample
    title: A cause
    signals:
      - {when: speed.slow, for: strong, says: "It is slow"}
"""


def problems(text):
    with pytest.raises(PlaybookInvalid) as caught:
        parse_playbook(text, name="sample.yaml")
    return caught.value.problems


def test_the_good_file_is_good():
    playbook = parse_playbook(GOOD, name="sample.yaml")
    assert playbook.incident_class == "latency" and playbook.hypotheses[0].signals[0].when_true == WEIGHTS["strong"]


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "words"),
    [
        ("question:", "quastion:", 9, "steps[0].quastion", "did you mean 'question'"),
        ("    source: clickhouse\n", "", 7, "steps[0].source", "missing"),
        ("gate: speed.slow", "gate: 'speed.slow >'", 15, "symptom.gate", "parse"),
        ("gate: speed.slow", "gate: spead.slow", 15, "symptom.gate", "unknown name spead"),
        ("for: strong", "for: mighty", 20, "hypotheses[0].signals[0].for", ""),
        ("|number} rows", "|nomber} rows", 14, "steps[0].result", "unknown format"),
        ("FROM requests", "FROM otel_traces", 11, "steps[0].query", "not a view"),
        ("{least:UInt16}", "{most:UInt16}", 11, "steps[0].query", "no value for the parameter most"),
        ("key: sample", "key: sample\nkey: twice", 4, "", "not valid YAML"),
        ("title: Sample", "title: &a Sample", 4, "", "anchors"),
    ],
)
def test_a_mistake_is_named_with_its_place(old, new, line, field, words):
    found = problems(GOOD.replace(old, new, 1))
    assert any((one.line, one.field) == (line, field) and words in one.message for one in found), found


def test_all_mistakes_are_told_at_once():
    text = GOOD.replace("question:", "quastion:").replace("gate: speed.slow", "gate: 'speed.slow >'")
    assert len(problems(text)) >= 2


@pytest.mark.parametrize(
    "text", ["", "- a list", "just words", "a: [1, 2", "\x00", "x: !!python/object/apply:os.system [id]"]
)
def test_what_is_no_playbook_is_refused_with_a_place(text):
    assert problems(text)


def test_a_huge_file_is_refused_before_it_is_read():
    assert "larger" in problems(GOOD + "# " + "x" * 500_000)[0].message


def test_steps_may_only_need_earlier_ones():
    assert (
        "not an earlier step"
        in problems(GOOD.replace("    result:", "    depends_on: [later]\n    result:"))[0].message
    )


@pytest.mark.parametrize("file", library_files(), ids=lambda file: file.stem)
def test_the_shipped_library_is_valid_and_complete(file):
    playbook = parse_playbook(file.read_text(), name=file.name)
    assert playbook.key == file.stem and playbook.description and playbook.match
    assert playbook.tests and list(rehearse(playbook)) == []
    for step in playbook.steps:
        assert step.question and step.normal, step.id
    for hypothesis in playbook.hypotheses:
        if not hypothesis.label.startswith("none."):
            assert hypothesis.reply and hypothesis.confirm and hypothesis.ruled_out, hypothesis.label
            assert any(signal.decisive for signal in hypothesis.signals), hypothesis.label


def test_a_playbooks_own_test_that_does_not_hold_is_told():
    text = (
        GOOD
        + """\
tests:
  - {name: slow, facts: {speed: {slow: true}}, expect: {label: lat.other}}
  - {name: odd, facts: {spead: {}}, expect: {labell: x}}
"""
    )
    found = list(rehearse(parse_playbook(text, name="sample.yaml")))
    assert ("slow", "label is 'lat.sample', expected 'lat.other'") in found
    assert ("odd", "there is no step spead") in found and ("odd", "unknown expectation labell") in found
