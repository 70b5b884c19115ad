"""Reports of trials for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from altor.words import percent
from investigations.services.agreement import Share
from investigations.services.trial_report import Line, Report


def dry_run_text(report: Report) -> str:
    return "\n".join(_dry_run(report))


def backtest_text(report: Report) -> str:
    return "\n".join(_backtest(report))


def _dry_run(report: Report) -> Iterator[str]:
    trial, verdicts = report.trial, report.verdicts
    yield f"{trial.ref} · {trial.playbook or trial.playbook_key} over {report.total} past tickets"
    yield (
        f"{len(report.changed)} of {len(report.answered)} diagnoses would change, {len(report.unchanged)} would not,"
        f" {len(report.not_replayed)} could not be replayed"
    )
    if report.said.hits:
        yield (
            f"against what people said: {verdicts['better']} better, {verdicts['worse']} worse,"
            f" {verdicts['same']} as near as before, {verdicts['unknown']} not said"
        )
    for line in report.changed:
        mark = {"better": "+", "worse": "-", "same": "="}.get(line.verdict, " ")
        yield f" {mark} {_ticket(line)} {_answer(line.case.before)} -> {_answer(line.case.after)}{_found(line)}"
    for line in report.not_replayed:
        yield f" ? {_ticket(line)} {line.case.why}"


def _backtest(report: Report) -> Iterator[str]:
    counts = report.tally
    yield f"{report.trial.ref} · {report.total} closed tickets, {len(report.answered)} answered"
    if counts.exact.n:
        yield f"exactly right               {_share(counts.exact)}"
        yield f"right, or one hop short     {_share(counts.near)}"
        yield f"at least the right area     {_share(counts.area)}"
        if report.accepted:
            yield f"of these findings {report.accepted} are acceptances by people who had read Altor's answer"
    else:
        yield "of none of them it is known what the team found"
    for line in report.lines:
        said = _answer(line.case.after) if line.case.after else line.case.why or line.case.status
        yield f"   {_ticket(line)} {line.grade or '-':<8} {said}{_found(line)}"


def _ticket(line: Line) -> str:
    return f"{line.case.ticket.ref:<12}"


def _answer(item: Mapping[str, Any] | None) -> str:
    if item is None:
        return "nothing"
    sure = f" {item['confidence']:.2f}" if item["confidence"] is not None else ""
    return f"{item['label'] or 'nothing'}{sure}{' ' + item['severity'] if item['severity'] else ''}"


def _found(line: Line) -> str:
    return f"  (the team found {line.finding.label or line.finding.comment[:60]})" if line.finding else ""


def _share(share: Share) -> str:
    if not share.is_enough:
        return f"{share.hits} of {share.n}"
    return f"{share.hits} of {share.n}, {percent(share.share)} ({percent(share.low)} to {percent(share.high)})"
