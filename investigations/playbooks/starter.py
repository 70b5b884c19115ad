"""What a new playbook begins with: small, valid, and saying what goes where."""

from __future__ import annotations

from typing import Final

STARTER: Final = """\
# A playbook asks questions (steps), turns answers into facts, and weighs causes (hypotheses).
# Change the words below; the panel beside the text says what is still wrong.
apiVersion: altor/v1
kind: Playbook
key: my_playbook
title: What customers complain about
class: other
description: What this playbook is for, in a sentence or two.

match: # words in a ticket that lead here
  - words: ["my complaint", "complain*"]

steps:
  - id: traffic
    title: Requests and failures
    question: Do more of the customer's requests fail than before?
    normal: Less than 1% fails.
    source: clickhouse
    fence: customer # only rows of the ticket's customer; `everyone` compares with the others
    query: |
      SELECT toStartOfInterval(ts, INTERVAL 10 MINUTE) AS t,
             countIf(status >= 500) AS failed,
             count() AS total
      FROM requests
      GROUP BY t
      ORDER BY t
    measure:
      failures: {method: share_change, hits: failed, total: total, min_delta: 0.01}
    verdict:
      abnormal: traffic.failures.significant
      normal: "!traffic.failures.significant"
    result: "{traffic.failures.current|percent} failed, before {traffic.failures.baseline|percent}"
    evidence:
      - kind: status_5xx_share
        summary: "{traffic.failures.current|percent} of requests failed, {traffic.failures.baseline|percent} before."
        at: traffic.failures.onset

symptom:
  gate: traffic.failures.significant
  title: Requests fail

hypotheses:
  - label: other.our_fault
    title: Something on our side fails
    signals:
      - {when: traffic.failures.significant, for: strong, against: strong, says: More requests fail than before}

tests: # recorded cases: facts in, diagnosis out; a version whose tests fail is not put in force
  - name: failures grew
    facts:
      traffic: {failures: {significant: true}}
    expect: {label: other.our_fault}
"""
