"""Entries with everything that unfolds, and with hostile and long words in every part."""

from __future__ import annotations

from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from altor.models import Team, User
from investigations.models import Investigation
from knowledge.entries.changes import change_state
from knowledge.entries.links import add_link
from knowledge.entries.saving import create_entry, save_entry
from knowledge.models import Entry, EntryVote, Measurement, Recognition, SearchLog, Sighting, Standing, Watch
from knowledge.recognition.recogniser import digest

_DETECTION = {
    "source": "clickhouse",
    "query": "SELECT route, countIf(status = 429) AS refused, count() AS n FROM requests GROUP BY route",
    "facts": {"rows": "found.row_count"},
    "fires": "found.rows > 3.0",
    "expect": "More than three routes are refused",
    "says": "{found.rows|number} routes are refused",
}


def build(support: Team, lead: User, agent: User, run: Investigation, payloads: tuple[str, ...], long: str) -> None:
    entry = create_entry(
        {
            "title": "Retry storm after a client update",
            "incident_class": "rate_limit",
            "label": "rl.retry_storm",
            "symptoms": "Answers with **429** on `GET /v2/orders`:\n\n- since an update\n- on every route",
            "root_cause": "Client 4.2 repeats without a pause.",
            "remediation": "1. Ask for 4.2.1\n2. Raise the limit for an hour",
            "escalation_criteria": "When another client shows the same.",
            "customer_wording": "Requests were refused because they came faster than your plan allows.",
            "detection": _DETECTION,
            "components": ["orders API", long[:80]],
            "versions": ["4.2.0", ">=4.1 <4.2.1"],
            "tiers": ["enterprise"],
        },
        actor=agent,
    )
    save_entry(
        entry,
        {"symptoms": "Answers with **429** on all routes.", "components": ["orders API"], "label": ""},
        actor=lead,
        comment=payloads[0],
    )
    save_entry(
        entry, {"detection": {**_DETECTION, "fires": "found.rows > 5.0"}, "label": "rl.retry_storm"}, actor=agent
    )
    review_on = timezone.localdate() + timedelta(days=90)
    wanted = {"confidence": "validated", "audience": "customer", "review_on": review_on}
    change_state(entry, wanted, actor=lead, reason=payloads[1])
    for kind, ref in (
        ("ticket", run.ticket.ref),
        ("investigation", run.ref),
        ("issue", "ENG-412"),
        ("pull_request", "acme/api#12"),
        ("document", f"https://docs.example/{long[:120]}"),
    ):
        add_link(entry, kind=kind, ref=ref, actor=lead, title=payloads[1])
    text = "\n\n".join(payloads)
    words = {
        "title": payloads[0],
        "symptoms": text,
        "root_cause": f"{text}\n\n{long}",
        "remediation": f"```\n{text}\n```",
        "escalation_criteria": f"| a | b |\n|---|---|\n| {long} | {payloads[1]} |",
        "components": [payloads[1][:80]],
        "versions": [payloads[5][:80]],
    }
    hostile = create_entry(words, actor=lead, team=support, comment=payloads[1])
    save_entry(hostile, {"symptoms": payloads[2]}, actor=lead)
    _recognised(entry, hostile, run, payloads, long)
    _served(entry, hostile, agent, payloads, long)
    old = create_entry({"title": f"Old {long}"[:300]}, actor=agent)
    change_state(old, {"confidence": "archived"}, actor=lead, reason=payloads[1])


def _recognised(entry: Entry, hostile: Entry, run: Investigation, payloads: tuple[str, ...], long: str) -> None:
    """One recognised with all its proof, one that could not be checked; and a watch that failed, with sightings."""
    now = timezone.now()
    request = {
        "source": "clickhouse", "method": "QUERY", "target": f"SELECT {long}", "params": {"a": payloads[1]},
        "status": 200, "seconds": 0.2, "rows": 3,
    }  # fmt: skip
    Recognition.objects.create(
        entry=entry, investigation=run, version=2, query="x", answered="fired", state="recognised",
        says=f"{payloads[0]} {long}"[:500], facts={"rows": 9.0, long[:60]: payloads[2]}, requests=[request],
        columns=["route", payloads[1]], rows=[[long, payloads[2]]], row_count=3, truncated=True, seconds=1.4, at=now,
    )  # fmt: skip
    Recognition.objects.create(
        entry=hostile, investigation=run, version=1, query="x", answered="unknown", state="unknown",
        says=f"Could not be checked: {payloads[1]}"[:500], error_kind="timeout", requests=[request], seconds=5.0,
        at=now,
    )  # fmt: skip
    Standing.objects.create(entry=entry, query=digest(entry.detection), right=3, wrong=4, open=2, rests=True, at=now)
    Watch.objects.create(
        entry=entry,
        every_hours=24,
        due_at=now,
        answered="fired",
        since=now,
        asked_at=now,
        failures=2,
        error=payloads[0],
    )
    for customer in (run.ticket.customer, None):
        Sighting.objects.create(
            entry=entry, customer=customer, first_at=now - timedelta(days=3), last_at=now,
            ended_at=None if customer else now, says=f"{payloads[2]} {long}"[:500],
        )  # fmt: skip


def _served(entry: Entry, hostile: Entry, agent: User, payloads: tuple[str, ...], long: str) -> None:
    """Votes, searches in vain and measurements."""
    now = timezone.now()
    for of, is_helpful in ((entry, False), (hostile, True)):
        EntryVote.objects.create(
            entry=of, version=of.revision, by=agent, is_helpful=is_helpful, comment=payloads[0], at=now
        )
    for place, words in enumerate((payloads[0], long, "429 orders")):
        SearchLog.objects.create(
            words=words[:300], folded=words[:300], door="page", found=place, is_refined=place > 0, by=agent, at=now
        )
    for weeks in range(3):
        Measurement.objects.create(
            at=now - timedelta(days=7 * weeks), pairs=12, entries=40, model="m",
            figures={
                "nDCG@10": 0.8, "success@1": 0.6 + weeks / 10, "success@5": 0.9, "MRR@10": 0.7,
                "p50": 21.0, "p95": 44.0,
            },
        )  # fmt: skip


def pages() -> dict[str, str]:
    entry = Entry.objects.get(label="rl.retry_storm")
    hostile = Entry.objects.get(title__startswith="<script>")
    old = Entry.objects.get(confidence="archived")
    search = reverse("knowledge:entries")

    def at(name: str, of: Entry) -> str:
        return reverse(f"knowledge:{name}", args=[of.ref])

    return {
        "knowledge": search,
        "knowledge-search": f"{search}?q=refused+after+cleint+update+429",
        "knowledge-search-hostile": f"{search}?q=%3Cscript%3Ewindow.hacked%3D1+evil.example",
        "knowledge-nothing": f"{search}?q=zzzz&incident_class=billing",
        "knowledge-filtered": f"{search}?confidence=archived",
        "entry": at("entry", entry),
        "entry-hostile": at("entry", hostile),
        "entry-archived": at("entry", old),
        "entry-history": at("entry-history", entry) + "?from=1&to=3",
        "entry-history-hostile": at("entry-history", hostile),
        "entry-edit": at("entry-edit", entry),
        "entry-edit-hostile": at("entry-edit", hostile),
        "entry-new": reverse("knowledge:entry-new"),
        "entry-work": reverse("knowledge:entry-work"),
        "entry-work-twins": reverse("knowledge:entry-work") + "?list=twins",
        **{
            f"entry-work-{key}": f"{reverse('knowledge:entry-work')}?list={key}"
            for key in ("broken", "misfiring", "disliked")
        },
        "knowledge-quality": reverse("knowledge:quality"),
        "knowledge-quality-tickets": reverse("knowledge:quality") + "?period=365&show=linked",
        "known": reverse("knowledge:known", args=[entry.links.get(kind="ticket").ref]),
        **{
            f"recognition-{one.state}": reverse("knowledge:recognition", args=[one.investigation.ticket.ref, one.pk])
            for one in Recognition.objects.select_related("investigation__ticket")
        },
    }
