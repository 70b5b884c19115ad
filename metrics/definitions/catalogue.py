"""All metrics, in the order in which they are shown. Sources: see docs/reference/metrics.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from metrics.definitions.metric import AntiPattern, Axis, Good, Kind, Metric

#: A closing that counts: the ticket did not go on elsewhere.
_CLOSED: Final = "closed_at IS NOT NULL AND gone = ''"
_DAY: Final = 86_400
_HOURS: Final = "open hours of the team"
_GONE: Final = (
    "Merged and deleted tickets. Time in which the ticket waited for the customer, was on hold or was with engineering."
)
_PHASE: Final = "Cycles that were closed in the period; one without any time in the phase counts as 0."
_OURS: Final = "Altor"

PHASES: Final = (
    Metric(
        "intake-time", "Intake", Kind.DURATION, "s", Good.DOWN,
        formula="Time from the ticket's beginning until class, customer and owner are known, or until somebody goes to work without them.",
        population=_PHASE, exclusions=_GONE, clock=_HOURS, source=_OURS,
        example="Written at 9:00, classified and its customer found at once, taken at 9:20: 20 minutes.",
        where=_CLOSED, value="intake_s",
    ),
    Metric(
        "investigation-time", "Investigation", Kind.DURATION, "s", Good.DOWN,
        formula="Time from the first run, or from the end of intake where the run came before, until the diagnosis is accepted or corrected, the answer is begun or sent, or engineering has the case. Repeated investigations add up.",
        population=_PHASE, exclusions=_GONE, clock=_HOURS, source=_OURS + "; nearest: time to diagnose of incident.io",
        example="Taken at 9:20, a run had ended at 9:01, accepted at 9:26: 6 minutes. Run again from 11:00, answer begun at 11:04: 10 minutes in all.",
        where=_CLOSED, value="investigation_s", front=1,
        anti=AntiPattern(
            "unmeasured", "Closed without an investigation that was measured",
            "No run, and no time in the phase: what was done is in no figure.",
            "runs = 0 AND investigation_s = 0",
        ),
    ),
    Metric(
        "drafting-time", "Drafting", Kind.DURATION, "s", Good.DOWN,
        formula="Time from the opening of the draft of an answer until an answer went out.",
        population=_PHASE, exclusions=_GONE + " Acknowledgements and holding replies.", clock=_HOURS, source=_OURS,
        example="Draft opened at 9:26, sent at 9:34: 8 minutes.",
        where=_CLOSED, value="drafting_s",
        anti=AntiPattern(
            "early-reply", "Answered before the evidence was complete",
            "The answer went out past the gate of the playbook, or by the helpdesk's door while steps were missing.",
            "early_reply",
        ),
    ),
    Metric(
        "closure-time", "Closure", Kind.DURATION, "s", Good.DOWN,
        formula="Time from the answer until the ticket is solved.",
        population=_PHASE, exclusions=_GONE, clock=_HOURS, source=_OURS,
        example="Answered at 9:34, the helpdesk's status stays open, solved at 10:04: 30 minutes. Had the status been pending, none.",
        where=_CLOSED, value="closure_s",
        anti=AntiPattern(
            "partial-reopened", "Closed on a partial diagnosis, and opened again",
            "The diagnosis left the cause open, was of low confidence or could not ask a source, and the ticket came back within 30 days.",
            f"partial AND reopened_after_s <= {30 * _DAY}",
        ),
    ),
)  # fmt: skip

OTHERS: Final = (
    Metric(
        "queue-time", "Waiting for us", Kind.DURATION, "s", Good.DOWN,
        formula="Time in which the ticket was open and ours, and no phase was under way.",
        population=_PHASE, exclusions=_GONE, clock=_HOURS, source=_OURS,
        example="Accepted at 9:26, draft opened at 10:00: 34 minutes.",
        where=_CLOSED, value="queue_s",
    ),
    Metric(
        "customer-wait", "Waiting for the customer", Kind.DURATION, "s", Good.NEITHER,
        formula="Time in which the last word was ours and the helpdesk's status says that we wait, or an answer that rests on a diagnosis was out where the helpdesk tells no status.",
        population=_PHASE, exclusions="Merged and deleted tickets.", clock=_HOURS,
        source="Zendesk: agent wait (pending)",
        example="Pending from 10:00, the customer writes at 15:00: 5 hours.",
        where=_CLOSED, value="customer_s",
    ),
    Metric(
        "resolution-time", "From beginning to closing", Kind.DURATION, "s", Good.DOWN,
        formula="Calendar time from the beginning of the cycle to its closing. Shown only beside its phases.",
        population=_PHASE, exclusions="Merged and deleted tickets. The time between a closing and a reopening.", clock="calendar",
        source="Zendesk: total resolution time",
        example="Written on Monday at 9:00, solved on Tuesday at 10:00: 25 hours.",
        where=_CLOSED, value="elapsed_s",
    ),
    Metric(
        "confident-time", "Time to confident diagnosis", Kind.DURATION, "s", Good.DOWN,
        formula="Time from the ticket's beginning to the first diagnosis of medium or higher confidence (40 %) that does not leave the cause open and that nothing overturned later; that nothing is wrong on our side is one. The share that never reached one stands beside it.",
        population="Tickets that began in the period and of which a run was asked for.",
        exclusions="Time in which the ticket waited for the customer. Diagnoses that a person corrected, or that a later run replaced by another confident one.",
        clock=_HOURS, source="incident.io: time to diagnose, here per ticket and without what was overturned",
        example="Written at 9:00; at 9:01 0.85 for a deploy, corrected at 9:30; at 9:40 0.91 for a quota: 40 minutes.",
        where="number = 1 AND runs > 0 AND gone = ''", value="confident_s", axis=Axis.BEGUN, front=3,
    ),
    Metric(
        "confident-share", "Reached a confident diagnosis", Kind.SHARE, "share", Good.UP,
        formula="Tickets that reached a confident diagnosis, of all of which a run was asked for.",
        population="Tickets that began in the period and of which a run was asked for.",
        exclusions="Merged and deleted tickets.", clock="none", source=_OURS,
        example="Of 20 tickets 17 reached one: 85 %.",
        where="number = 1 AND runs > 0 AND gone = ''", hit="confident_s IS NOT NULL", axis=Axis.BEGUN,
    ),
    Metric(
        "first-reply", "First reply", Kind.DURATION, "s", Good.DOWN,
        formula="Time from the ticket's beginning to the first public reply of any kind.",
        population="Tickets that began in the period and were replied to.", exclusions="Merged and deleted tickets.",
        clock=_HOURS, source="Zendesk: first reply time",
        example="Written at 17:50, hours end at 18:00 and begin at 9:00, replied at 9:05: 15 minutes.",
        where="number = 1 AND gone = '' AND first_reply_s IS NOT NULL", value="first_reply_s", axis=Axis.BEGUN,
    ),
    Metric(
        "escalation-rate", "Escalation rate", Kind.SHARE, "share", Good.DOWN,
        formula="Closed cycles that were escalated to engineering, or joined an escalation that was open, of all.",
        population="Cycles that were closed in the period.", exclusions="Merged and deleted tickets.", clock="none",
        source="KPI Tree: escalated / handled",
        example="Of 50 closed 6 had been escalated: 12 %.",
        where=_CLOSED, hit="escalations > 0",
        anti=AntiPattern(
            "bare-escalation", "Escalated without a complete packet",
            "Sent with something missing, overridden or provisional.",
            "sent > packets",
        ),
    ),
    Metric(
        "escalation-quality", "Escalation quality", Kind.RATIO, "share", Good.UP,
        formula="Escalations that had every required item by evidence when they were sent, of all sent. An override does not count.",
        population="Escalations that were sent from cycles that were closed in the period.",
        exclusions="Merged and deleted tickets. Tickets that joined an escalation that was open: nothing was sent for them.",
        clock="none", source=_OURS + " (strict; first-pass acceptance stands beside it)",
        example="Of 8 sent 6 by evidence, one overridden, one provisional: 75 %.",
        where=_CLOSED, value="packets", over="sent", front=2,
        anti=AntiPattern(
            "bare-escalation", "Escalated without a complete packet",
            "Sent with something missing, overridden or provisional.",
            "sent > packets",
        ),
    ),
    Metric(
        "first-contact", "First-contact resolution", Kind.SHARE, "share", Good.UP,
        formula="Cycles that were closed with exactly one answer, without an escalation and without being opened again within 7 days, of all that support could resolve.",
        population="First cycles that were closed in the period.",
        exclusions="Merged and deleted tickets. Acknowledgements and holding replies are no answers. Escalated ones stay in: they were not resolved at first contact.",
        clock="calendar", source="MetricNet: net FCR; Zendesk: one-touch, without counting tickets that nobody answered",
        example="Of 40 closed 25 had one answer; 2 of these were escalated, 3 came back within a week: 20 of 40, 50 %.",
        where=f"{_CLOSED} AND number = 1",
        hit=f"answers = 1 AND escalations = 0 AND (reopened_after_s IS NULL OR reopened_after_s > {7 * _DAY})",
        settles_days=7,
    ),
    Metric(
        "reopened-7", "Reopened within 7 days", Kind.SHARE, "share", Good.DOWN,
        formula="Closed cycles after which the ticket was opened again within 7 days, of all.",
        population="Cycles that were closed in the period.",
        exclusions="Merged and deleted tickets. A closing that we take back within 10 minutes without a word of the customer.",
        clock="calendar", source="Several glossaries: reopened / resolved; here by the week of the closing",
        example="Of 50 closed 4 came back within a week: 8 %.",
        where=_CLOSED, hit=f"reopened_after_s <= {7 * _DAY}", settles_days=7,
    ),
    Metric(
        "reopened-30", "Reopened within 30 days", Kind.SHARE, "share", Good.DOWN,
        formula="Closed cycles after which the ticket was opened again within 30 days, of all.",
        population="Cycles that were closed in the period.",
        exclusions="Merged and deleted tickets. A closing that we take back within 10 minutes without a word of the customer.",
        clock="calendar", source="As reopened within 7 days",
        example="Of 50 closed 5 came back within a month: 10 %.",
        where=_CLOSED, hit=f"reopened_after_s <= {30 * _DAY}", settles_days=30,
    ),
    Metric(
        "recovery-confidence", "Customer recovery confidence", Kind.MEAN, "points", Good.UP,
        formula="Mean of the customers' answers to one question after the closing, from 1 to 5. No mean of fewer than five.",
        population="Cycles that were closed in the period and whose customer answered.",
        exclusions="Merged and deleted tickets. What the engineer judged is shown beside it and never mixed in.",
        clock="none", source="Incident communication template: confidence after an incident",
        example="Answers 5, 4, 4, 3, 5: 4.2.",
        where=f"{_CLOSED} AND recovery IS NOT NULL", value="recovery", front=5,
    ),
    Metric(
        "recovery-answered", "Share of customers who answered", Kind.SHARE, "share", Good.UP,
        formula="Closed cycles whose customer answered, of those who were asked.",
        population="Cycles that were closed in the period and whose customer was asked.",
        exclusions="Merged and deleted tickets.", clock="none", source=_OURS,
        example="Of 20 asked 6 answered: 30 %.",
        where=f"{_CLOSED} AND asked", hit="recovery IS NOT NULL",
    ),
    Metric(
        "automated-tickets", "Investigated without being asked", Kind.SHARE, "share", Good.UP,
        formula="Closed cycles whose every run began without a person, of all.",
        population="Cycles that were closed in the period.", exclusions="Merged and deleted tickets.", clock="none",
        source=_OURS,
        example="Of 50 closed 30 had runs, 24 of them only such that began by themselves: 48 %.",
        where=_CLOSED, hit="runs > 0 AND asked_runs = 0",
    ),
    Metric(
        "automated-checks", "Automated checks", Kind.RATIO, "share", Good.UP,
        formula="Checks that ended by machine, of all checks.",
        population="Steps of runs of cycles that were closed in the period.", exclusions="Merged and deleted tickets.",
        clock="none", source=_OURS,
        example="180 steps by machine, 20 answered by hand: 90 %.",
        where=_CLOSED, value="checks", over="checks + manual_checks",
    ),
    Metric(
        "coverage", "Playbook coverage", Kind.SHARE, "share", Good.UP,
        formula="Closed cycles that a playbook investigated, of all.",
        population="Cycles that were closed in the period.", exclusions="Merged and deleted tickets.", clock="none",
        source=_OURS,
        example="Of 50 closed 38 had a run: 76 %.",
        where=_CLOSED, hit="runs > 0",
    ),
    Metric(
        "accuracy", "Diagnoses that were right", Kind.SHARE, "share", Good.UP,
        formula="Closed cycles whose last diagnosis people called right, of those of which they said anything.",
        population="Cycles that were closed in the period and whose diagnosis has a verdict.",
        exclusions="Merged and deleted tickets.", clock="none", source=_OURS,
        example="40 judged, 36 right: 90 %.",
        where=f"{_CLOSED} AND verdict <> ''", hit="verdict = 'right'",
    ),
    Metric(
        "knowledge-reuse", "Closed with a known entry", Kind.SHARE, "share", Good.UP,
        formula="Closed cycles of which somebody said that an entry of the knowledge base was linked or improved, of all.",
        population="Cycles that were closed in the period.", exclusions="Merged and deleted tickets.", clock="none",
        source="KCS: link rate",
        example="Of 50 closed 33 were linked: 66 %.",
        where=_CLOSED, hit="learned IN ('linked', 'improved')",
    ),
    Metric(
        "broken-promises", "Broken SLA", Kind.SHARE, "share", Good.DOWN,
        formula="Closed cycles in which a promised time was passed (first reply, next reply or resolution), of those for which one was promised.",
        population="Cycles that were closed in the period and for which a policy promised something.",
        exclusions="Merged and deleted tickets.", clock=_HOURS, source="Zendesk: SLA breaches",
        example="Of 50 with a promise 3 broke one: 6 %.",
        where=f"{_CLOSED} AND broken_sla IS NOT NULL", hit="broken_sla",
    ),
)  # fmt: skip

METRICS: Final[Mapping[str, Metric]] = {metric.name: metric for metric in (*PHASES, *OTHERS)}
#: In how many cycles a figure has to be founded to stand alone: below, it is shown as of few.
FEW: Final = 5
