"""Broken files: every problem with its line, its field and what to do."""

from __future__ import annotations

import re

import pytest

from investigations.playbooks.format import TRIAGE, WEIGHTS
from investigations.playbooks.loader import PlaybookInvalid, failed_tests, library_files, parse_playbook

SHIPPED = {file.stem for file in library_files()}
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


STEP = "    facts: {slow"
MANUAL = "  - {id: ask, title: a, question: b, source: manual, manual: {ask: x%s}}\nsymptom:"
QUERY = "query: SELECT count() AS n FROM requests WHERE status >= {least:UInt16}"
SIGNALS = "    signals:"


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "words"),
    [
        # the text itself
        ("key: sample", "key: sample\nkey: twice", 4, "", "the key 'key' is written twice"),
        ("{when: speed.slow, for", "{when: speed.slow, when: x, for", 20, "", "the key 'when' is written twice"),
        ("    title: Speed", "\ttitle: Speed", 8, "", "a tab stands here"),
        ("title: Sample", "title: &1a Sample", 4, "", "anchors and aliases"),
        ("{least: ", "{also: [*x], least: ", 12, "", "anchors and aliases"),
        ("title: Sample", "<<: {title: Sample}", 4, "", "merge keys"),
        ("title: Sample", "title: !!str Sample", 4, "", "tags"),
        ("title: Sample", 'title: "a\\0b"', 4, "title", "cannot be stored"),
        ("title: Sample", "1: x\ntitle: Sample", 4, "1", "unknown key"),
        # keys, types and units
        ("question:", "quastion:", 9, "steps[0].quastion", "did you mean 'question'"),
        ("    source: clickhouse\n", "", 7, "steps[0].source", "missing"),
        ("    title: Speed", "    title:", 8, "steps[0].title", "is empty: write a text"),
        ("    title: Speed", "    title: 429", 8, "steps[0].title", "put it in quotes"),
        ("title: Sample", f"title: {'x' * 201}", 4, "title", "at most 200"),
        ("class: latency", "class: latency_of_the_whole_api", 5, "class", "at most 20"),
        (STEP, "    timeout_s: 500 ms\n" + STEP, 13, "steps[0].timeout_s", "seconds, without a unit, not '500 ms'"),
        (STEP, "    timeout: 5\n" + STEP, 13, "steps[0].timeout", "did you mean 'timeout_s'"),
        (STEP, "    required_before: [replay]\n" + STEP, 13, "steps[0].required_before[0]", "did you mean 'reply'"),
        ("for: strong", "for: mighty", 20, "hypotheses[0].signals[0].for", "or write a number"),
        ("for: strong", "for: true", 20, "hypotheses[0].signals[0].for", "one of decisive"),
        (SIGNALS, "    prior: .nan\n" + SIGNALS, 19, "hypotheses[0].prior", "a number"),
        (SIGNALS, "    scope: {kind: endpont, value: '1'}\n" + SIGNALS, 19, "hypotheses[0].scope.kind", "'endpoint'"),
        (SIGNALS, "    scope: {kind: endpoint}\n" + SIGNALS, 19, "hypotheses[0].scope", "needs a value"),
        (SIGNALS, "    culprit: {kind: deploymnt}\n" + SIGNALS, 19, "hypotheses[0].culprit.kind", "'deployment'"),
        (SIGNALS, "    small_when: 'true'\n" + SIGNALS, 19, "hypotheses[0].small_when", "under `escalation`"),
        # conditions and texts
        ("gate: speed.slow", "gate: 'speed.slow >'", 15, "symptom.gate", "not a CEL expression"),
        ("gate: speed.slow", "gate: 'speed.slow and true'", 15, "symptom.gate", "writes && for and"),
        ("gate: speed.slow", "gate: 'speed.slow = true'", 15, "symptom.gate", "compares with =="),
        ("gate: speed.slow", "gate: spead.slow", 15, "symptom.gate", "did you mean 'speed'"),
        ("gate: speed.slow", "gate: speed.slwo", 15, "symptom.gate", "no fact 'slwo': did you mean 'slow'"),
        ("gate: speed.slow", "gate: inputs.orgid == ''", 15, "symptom.gate", "did you mean 'org_id'"),
        ("gate: speed.slow", "gate: lowr(ticket.text) == ''", 15, "symptom.gate", "did you mean 'lower'"),
        ("speed.row_count > 3.0", "speed.row_count * 3 > 1.0", 13, "steps[0].facts.slow", "'speed.row_count * 3.0'"),
        ('"500.0"', '["1.0", "5.0 >"]', 12, "steps[0].params.least[1]", "not a CEL expression"),
        ("|number} rows", "|nomber} rows", 14, "steps[0].result", "unknown format"),
        ("|number} rows", "|number rows", 14, "steps[0].result", "a brace is not closed"),
        ("{speed.row_count|", "{sped.row_count|", 14, "steps[0].result", "did you mean 'speed'"),
        # sources and queries
        ("source: clickhouse", "source: clickhose", 10, "steps[0].source", "did you mean 'clickhouse'"),
        ("source: clickhouse", "source: github", 11, "steps[0].query", "asked with `operation`"),
        (QUERY, "operation: deployments", 11, "steps[0].operation", "asked with `query`"),
        ("FROM requests", "FROM otel_traces", 11, "steps[0].query", "not a view"),
        ("{least:UInt16}", "{most:UInt16}", 11, "steps[0].query", "no value for the parameter most"),
        ('"500.0"}', '"500.0", lest: "1.0"}', 12, "steps[0].params.lest", "the query has no {lest:Type}"),
        ("symptom:", MANUAL % ", answer: choice", 15, "steps[1].manual", "at least two"),
        ("symptom:", MANUAL % ", answr: text", 15, "steps[1].manual.answr", "did you mean 'answer'"),
        # measures and evidence
        (STEP, "    measure: {m: {method: tabel}}\n" + STEP, 13, "steps[0].measure.m", "did you mean 'table'"),
        (STEP, "    measure: {m: {method: table, limt: 3}}\n" + STEP, 13, "steps[0].measure.m.limt", "'limit'"),
        (
            STEP, "    measure: {table: {method: count_change, time: tt}}\n" + STEP,
            13, "steps[0].measure.table.time", "'tt'",
        ),
        (
            'facts: {slow: "speed.row_count > 3.0"}',
            'measure: {m: {method: table}}\n    facts: {slow: "speed.m.cuont > 3.0"}',
            14, "steps[0].facts.slow", "did you mean 'count'",
        ),
        (
            STEP, "    evidence: [{kind: latency_p59, summary: x}]\n" + STEP,
            13, "steps[0].evidence[0].kind", "latency_p95",
        ),
        (STEP, "    evidence: [{kind: issue, sumary: x}]\n" + STEP, 13, "steps[0].evidence[0].sumary", "'summary'"),
        (
            STEP, "    evidence: [{kind: issue, summary: x, ref: {a: item.x}}]\n" + STEP,
            13, "steps[0].evidence[0].ref.a", "only with `for_each`",
        ),
        ("for: strong", "for: strong, evidence: [issue]", 20, "hypotheses[0].signals[0].evidence[0]", "no step yields"),
        # names and order
        ("symptom:", MANUAL.replace("id: ask", "id: speed") % "", 15, "steps[1].id", "used twice"),
        ("symptom:", MANUAL.replace("id: ask", "id: ticket") % "", 15, "steps[1].id", "reserved name"),
        (STEP, "    depends_on: [speed]\n" + STEP, 13, "steps[0].depends_on[0]", "waits for itself"),
        (STEP, "    reads: [spede]\n" + STEP, 13, "steps[0].reads[0]", "did you mean 'speed'"),
        ("title: Sample", "title: Sample\ninputs: {orgid: {title: x}}", 5, "inputs.orgid", "did you mean 'org_id'"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place(old, new, line, field, words):
    found = problems(GOOD.replace(old, new, 1))
    assert any((one.line, one.field) == (line, field) and words in one.message for one in found), found


SECOND = """\
  - id: second
    title: Second
    question: Who else?
    source: linear
    operation: issues
    params: {terms: "['slow']"}
    facts: {also: speed.slow}
symptom:"""


def test_what_another_step_found_is_read_only_when_that_step_has_surely_ended():
    text = GOOD.replace("symptom:", SECOND)
    assert [(one.line, one.message) for one in problems(text)] == [
        (21, "'speed' may not have ended when 'second' is interpreted: name it under reads")
    ]
    assert parse_playbook(text.replace("    facts: {also", "    reads: [speed]\n    facts: {also"), name="x")
    asking = SECOND.replace("\"['slow']\"", "speed.slow").replace("    facts:", "    reads: [speed]\n    facts:")
    assert "name it under depends_on" in problems(GOOD.replace("symptom:", asking))[0].message


def test_a_circle_of_steps_is_named():
    circle = SECOND.replace("    facts: {also: speed.slow}", "    depends_on: [speed]")
    text = GOOD.replace("symptom:", circle).replace("    facts: {slow", "    depends_on: [second]\n    facts: {slow")
    assert [(one.line, one.field) for one in problems(text)] == [(13, "steps[0].depends_on[0]")]
    assert "a circle" in problems(text)[0].message


def test_an_operation_is_asked_with_its_own_parameters():
    text = GOOD.replace("symptom:", SECOND.replace("    facts: {also: speed.slow}\n", ""))
    assert parse_playbook(text, name="x")
    assert "did you mean 'issues'" in problems(text.replace("operation: issues", "operation: isues"))[0].message
    assert "did you mean 'terms'" in problems(text.replace("{terms:", "{tems:"))[0].message


def test_signs_that_sql_and_prose_need_are_no_anchors():
    where = "WHERE status >= {least:UInt16} AND duration_ms\n      *weight > 5"
    sql = f"query: |\n      SELECT count() AS n FROM requests\n      {where}"
    text = GOOD.replace(QUERY, sql).replace("Is it slow?", "|\n      *Is* it slow? R&D asks.")
    assert parse_playbook(text, name="x")


def test_an_own_kind_of_evidence_is_declared():
    text = GOOD.replace(STEP, "    evidence: [{kind: sales_figures, summary: x}]\n" + STEP)
    assert "evidence_kinds" in problems(text)[0].message
    assert parse_playbook(text.replace("steps:", "evidence_kinds: {sales_figures: what was sold}\nsteps:"), name="x")


def test_all_mistakes_are_told_at_once():
    text = GOOD.replace("question:", "quastion:").replace("gate: speed.slow", "gate: 'speed.slow >'")
    assert len(problems(text)) >= 2


@pytest.mark.parametrize(
    "text",
    ["", "a: " + "[" * 2000, "- a list", "just words", "a: [1, 2", "\x00", "x: !!python/object/apply:os.system [id]"],
)
def test_what_is_no_playbook_is_refused_with_a_place(text):
    assert problems(text)


def test_a_huge_file_is_refused_before_it_is_read():
    assert "larger" in problems(GOOD + "# " + "x" * 500_000)[0].message


@pytest.mark.parametrize("file", library_files(), ids=lambda file: file.stem)
def test_the_shipped_library_is_valid_and_complete(file):
    playbook = parse_playbook(file.read_text(), name=file.name)
    assert playbook.key == file.stem and playbook.description and playbook.match
    assert playbook.tests and failed_tests(playbook, file.read_text(), name=file.name) == []
    for step in playbook.steps:
        assert step.question and (step.normal or step.manual), step.id
    for hypothesis in playbook.hypotheses:
        if hypothesis.continue_with:
            assert playbook.key == TRIAGE and hypothesis.continue_with in SHIPPED
        elif not hypothesis.label.startswith("none."):
            assert hypothesis.reply and hypothesis.confirm, hypothesis.label
            is_named = playbook.key != TRIAGE
            assert not is_named or (hypothesis.ruled_out and any(signal.decisive for signal in hypothesis.signals))


FAILING = """\
tests:
  - name: fast
    facts: {speed: {slow: false}}
    expect: {not: [lat.sample]}
  - name: slow
    facts: {speed: {slow: true}}
    expect: {label: lat.sample, band: Low, escalate: true}
"""


def test_a_playbooks_own_test_that_does_not_hold_is_told_with_its_line():
    text = GOOD + FAILING
    found = failed_tests(parse_playbook(text, name="sample.yaml"), text, name="sample.yaml")
    assert "sample.yaml:25: tests[1]: 'slow': escalate is False, expected True" in map(str, found)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("{speed: {slow: true}}", "{spead: {slow: true}}", "did you mean 'speed'"),
        ("{speed: {slow: true}}", "{speed: {slwo: true}}", "did you mean 'slow'"),
        ("label: lat.sample", "labell: lat.sample", "did you mean 'label'"),
        ("label: lat.sample", "label: lat.smaple", "did you mean 'lat.sample'"),
        ("band: Low", "min_confidence: high", "write a number"),
        ("band: Low", "not: lat.sample", "write a list"),
    ],
)
def test_a_mistake_in_a_test_is_named_too(old, new, words):
    found = problems(GOOD + FAILING.replace(old, new, 1))
    assert any(words in one.message and one.line > 20 for one in found), found


#: What a draft must not say: that somebody did or is doing something, or what nobody measured.
_UNPROVEN = re.compile(
    r"our (?:\w+ )?engineers (?:are|have|know)|our billing team is|we have (?:added|contacted|escalated|fixed)"
    r"|we (?:keep|are changing|can resend)|none (?:are|is) lost|did not change|safe\b|should not have",
    re.IGNORECASE,
)


@pytest.mark.parametrize("file", library_files(), ids=lambda file: file.stem)
def test_the_shipped_drafts_state_what_was_measured_and_promise_no_deeds(file):
    playbook = parse_playbook(file.read_text(), name=file.name)
    for hypothesis in playbook.hypotheses:
        reply = hypothesis.reply
        if reply is None:
            continue
        told = [reply.observed, reply.scope, reply.next_step, reply.eta]
        assert not any(_UNPROVEN.search(text) for text in told), (hypothesis.label, told)
        if hypothesis.label.startswith("none.") and "resolved" not in hypothesis.label:
            assert reply.eta == "", hypothesis.label


@pytest.mark.parametrize("file", library_files(), ids=lambda file: file.stem)
def test_the_shipped_signals_say_what_a_false_condition_means(file):
    playbook = parse_playbook(file.read_text(), name=file.name)
    silent = [
        (hypothesis.label, signal.when)
        for hypothesis in playbook.hypotheses
        for signal in hypothesis.signals
        if signal.against and not signal.says_not
    ]
    assert silent == []
