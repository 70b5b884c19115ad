"""The metrics once more, in plain Python from the raw events and the words of their definitions: minute by minute, with
nothing of the product's code but the name of a metric.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from statistics import fmean
from typing import Any
from zoneinfo import ZoneInfo

ORDER = """
    ticket.received ticket.customer_set ticket.tier ticket.classified ticket.priority ticket.reopened
    ticket.customer_wrote ticket.assigned run.queued run.started run.step run.finished run.failed run.cancelled
    run.answered diagnosis.accepted diagnosis.corrected gate.overridden escalation.sent escalation.joined
    escalation.reopened escalation.asked escalation.answered escalation.accepted escalation.rejected
    escalation.withdrawn escalation.resolved escalation.verified reply.drafted ticket.replied reply.sent
    ticket.status ticket.resolved ticket.explained ticket.learned recovery.asked recovery.told
""".split()  # noqa: SIM905
PHASES = ("intake", "investigation", "drafting", "closure")
MINUTE = timedelta(minutes=1)
Row = dict[str, Any]


def is_open_hour(at: datetime, tier: str) -> bool:
    """Gold customers are served from 9 to 17 in Berlin from Monday to Friday, all others always."""
    local = at.astimezone(ZoneInfo("Europe/Berlin"))
    return tier != "gold" or (local.weekday() < 5 and 9 <= local.hour < 17)


def minutes(begin: datetime, end: datetime, tier: str) -> int:
    found, at = 0, begin
    while at < end:
        found += is_open_hour(at, tier)
        at += MINUTE
    return found


def monday(at: datetime, zone: str) -> date:
    day = at.astimezone(ZoneInfo(zone)).date()
    return day - timedelta(days=day.weekday())


def cycles_of(events: list[Row], zone: str, tier: str, now: datetime) -> list[Row]:
    """What each cycle counts. `events`: {"kind", "at", "subject", "by", "data", "key"}."""
    events = sorted(events, key=lambda one: (one["at"], ORDER.index(one["kind"]), one["key"]))
    closings: list[tuple[datetime, datetime | None, int, int]] = []  # begun, closed, place of the first and last fact
    opened, closed, first = events[0]["at"], None, 0
    for place, one in enumerate(events):
        if one["kind"] == "ticket.resolved" and closed is None:
            closed, closing = one["at"], one
        elif one["kind"] == "ticket.reopened" and closed is not None:
            wrote = any(
                other["kind"] == "ticket.customer_wrote" and other["at"] >= closed for other in events[first:place]
            )
            gone = closing["data"].get("merged_into") or closing["data"].get("deleted")
            if one["at"] - closed <= timedelta(minutes=10) and not wrote and not gone:
                closed = None
                continue
            closings.append((opened, closed, first, place))
            opened, closed, first = one["at"], None, place
    closings.append((opened, closed, first, len(events)))
    lanes = lanes_of(events, [begin for begin, *_ in closings[1:]])
    return [cycle_of(number, events, lanes, closings, zone, tier, now) for number in range(len(closings))]


def lanes_of(events: list[Row], begins: list[datetime]) -> list[str]:
    """The lane of the time after each event; "" where the ticket is closed."""
    known = {"class": False, "org_id": False, "owner": False}
    phase, status, unanswered, answered, is_open = "intake", None, True, False, True
    runs: dict[str, bool] = {}
    engineering: dict[str, bool] = {}
    found = []
    for one in events:
        kind, data, subject = one["kind"], one["data"], one["subject"]
        if kind == "ticket.reopened" and not is_open and one["at"] in begins:
            phase, runs = "queue", {}
        for name in known:
            if (kind, name) in (
                ("ticket.classified", "class"), ("ticket.customer_set", "org_id"), ("ticket.assigned", "owner")
            ):  # fmt: skip
                known[name] = bool(data.get(name))
                if phase == "intake" and all(known.values()):
                    phase = "investigation" if runs else "queue"
        if kind == "run.queued":
            runs[subject] = runs.get(subject, False)
            phase = "investigation" if one["by"] or phase == "queue" else phase
        if kind == "run.answered" and phase in ("intake", "queue"):
            phase = "investigation"
        if kind == "run.finished":
            runs[subject] = True
        if kind == "run.cancelled":
            runs.pop(subject, None)
            phase = "queue" if phase == "investigation" and not runs else phase
        if kind in ("diagnosis.accepted", "diagnosis.corrected") and phase == "investigation":
            phase = "queue"
        if kind in ("escalation.sent", "escalation.joined") and phase in ("intake", "investigation"):
            phase = "queue"
        if kind in ("escalation.resolved", "escalation.rejected") and phase == "closure":
            phase = "queue"
        if kind == "reply.drafted" and one["by"] and data["kind"] == "answer":
            phase = "drafting"
        if is_answer(one, runs) and is_open:
            phase = "closure"
        if kind == "ticket.customer_wrote":
            phase = "queue" if phase == "closure" else phase
            unanswered = True
        if kind in ("ticket.replied", "reply.sent"):
            unanswered = False
            answered = answered or data.get("kind") == "answer" or (
                kind == "ticket.replied" and not data["before_diagnosis"]
            )  # fmt: skip
        if kind == "ticket.status":
            status = data["status"]
        if kind == "ticket.resolved":
            is_open = False
        if kind == "ticket.reopened" and not is_open:
            is_open, answered = True, False
            status = "open" if status in ("solved", "closed") else status
        if kind in ("escalation.sent", "escalation.joined", "escalation.reopened", "escalation.answered"):
            engineering[subject] = True
        if kind == "escalation.asked":
            engineering[subject] = False
        if kind in ("escalation.rejected", "escalation.withdrawn", "escalation.resolved"):
            engineering.pop(subject, None)
        parked = answered if status is None else status == "pending"
        waits = (
            "hold" if status == "hold" else "customer" if parked and not unanswered else
            "engineering" if any(engineering.values()) else ""
        )  # fmt: skip
        found.append((waits or phase) if is_open else "")
    return found


def is_answer(one: Row, runs: dict[str, bool]) -> bool:
    if one["kind"] == "reply.sent":
        return bool(one["data"]["kind"] == "answer")
    if one["kind"] != "ticket.replied":
        return False
    return not (one["data"]["before_diagnosis"] and runs and not any(runs.values()))


def cycle_of(
    number: int, events: list[Row], lanes: list[str], closings: list[Any], zone: str, tier: str, now: datetime
) -> Row:  # fmt: skip
    begun, closed, first, last = closings[number]
    end = closed or now
    own = events[first:last]
    past = [one for one in events if one["at"] <= end]
    said = [*past, *(one for one in own if closed and one["at"] > closed)]
    spent = dict.fromkeys((*PHASES, "queue", "customer", "hold", "engineering"), 0)
    for place in range(first, last):
        upto = events[place + 1]["at"] if place + 1 < last else end
        if lanes[place]:
            spent[lanes[place]] += minutes(events[place]["at"], min(upto, end), tier)
    plain = sum(
        ((events[p + 1]["at"] if p + 1 < last else end) - events[p]["at"]) // MINUTE
        for p in range(first, last)
        if lanes[p]
    )
    finished = [one for one in past if one["kind"] == "run.finished"]
    diagnosis = finished[-1] if finished else None
    runs: dict[str, bool] = {}
    answers: list[datetime] = []
    latest: datetime | None = None
    for one in own:
        if one["kind"] == "run.queued":
            runs.setdefault(one["subject"], False)
        elif one["kind"] == "run.finished":
            runs[one["subject"]] = True
        elif one["kind"] == "run.cancelled":
            runs.pop(one["subject"], None)
        elif is_answer(one, runs):
            if latest is None or one["at"] - latest > MINUTE:
                answers.append(one["at"])
            latest = one["at"]
    named = [
        one["data"].get("label", "")
        for one in said
        if one["kind"] in ("diagnosis.accepted", "diagnosis.corrected", "ticket.explained") and one["data"].get("label")
    ]
    label = named[-1] if named else diagnosis["data"]["label"] if diagnosis else ""
    verdict = ""
    for one in said:
        if diagnosis is None or one["at"] < diagnosis["at"]:
            continue
        if one["kind"] == "diagnosis.accepted" or one["data"].get("how") == "right":
            verdict = "right"
        if one["kind"] == "diagnosis.corrected" or one["data"].get("how") == "other_cause":
            verdict = "wrong"
    resolved = next((one for one in own if one["kind"] == "ticket.resolved" and one["at"] == closed), None)
    sent = [one for one in own if one["kind"] == "escalation.sent"]
    joined = [one for one in own if one["kind"] == "escalation.joined"]
    queued = [one for one in own if one["kind"] == "run.queued"]
    replied = [one["at"] for one in own if one["kind"] in ("ticket.replied", "reply.sent")]
    classes = [one["data"]["class"] for one in past if one["kind"] == "ticket.classified"]
    learned = [one["data"]["how"] for one in own if one["kind"] == "ticket.learned"]
    scores = [one["data"] for one in own if one["kind"] == "recovery.told" and one["data"]["who"] == "customer"]
    confidence = diagnosis["data"]["confidence"] if diagnosis else 0
    again = closings[number + 1][0] if number + 1 < len(closings) else None
    return {
        "number": number + 1, "begun": begun, "closed": closed,
        "week": monday(closed, zone) if closed else None, "begun_week": monday(begun, zone),
        "gone": bool(resolved and (resolved["data"].get("merged_into") or resolved["data"].get("deleted"))),
        "class": classes[-1] if classes else "", "minutes": spent, "elapsed": plain,
        "first_reply": minutes(begun, replied[0], tier) if replied and number == 0 else None,
        "confident": confident(events, lanes, closings, tier, end) if number == 0 else None,
        "answers": len(answers), "escalations": len(sent) + len(joined), "sent": len(sent),
        "packets": sum(one["data"]["completeness"] == "evidence" for one in sent),
        "runs": len(queued), "asked_runs": sum(one["by"] for one in queued),
        "checks": sum(
            one["kind"] == "run.step" and one["data"]["status"] == "done" and one["data"]["source"] != "manual"
            for one in own
        ),
        "manual": sum(one["kind"] == "run.answered" for one in own),
        "verdict": verdict,
        "early": any(
            (one["kind"] == "ticket.replied" and one["data"]["before_evidence"])
            or (one["kind"] == "gate.overridden" and one["data"]["gate"] == "reply")
            for one in own
        ),
        "partial": diagnosis is not None
        and (label in ("", "inconclusive") or confidence < 0.4 or bool(diagnosis["data"]["unavailable"])),
        "again": (again - closed).total_seconds() if again and closed else None,
        "learned": learned[-1] if learned else "",
        "score": scores[-1]["score"] if scores else None,
        "asked": any(one["kind"] == "recovery.asked" for one in own),
    }  # fmt: skip


def confident(events: list[Row], lanes: list[str], closings: list[Any], tier: str, end: datetime) -> int | None:
    finished = [one for one in events if one["kind"] == "run.finished"]
    for one in finished:
        if one["at"] > end:
            return None
        data = one["data"]
        if data["label"] == "inconclusive" or data["confidence"] < 0.4 or overturned(one, events):
            continue
        total = minutes(closings[0][0], one["at"], tier)
        for place, lane in enumerate(lanes):
            if lane == "customer" and events[place]["at"] < one["at"]:
                upto = events[place + 1]["at"] if place + 1 < len(events) else end
                total -= minutes(events[place]["at"], min(upto, one["at"]), tier)
        return total
    return None


def overturned(one: Row, events: list[Row]) -> bool:
    label = one["data"]["label"]
    for other in events:
        if other["at"] < one["at"]:
            continue
        data = other["data"]
        if other["kind"] == "diagnosis.corrected":
            if other["subject"] == one["subject"] or data["label"] not in ("", label):
                return bool(data["label"] != label)
        elif other["kind"] == "ticket.explained" and data["how"] == "other_cause":
            return True
        elif other["kind"] == "run.finished":
            sure = data["label"] != "inconclusive" and data["confidence"] >= 0.4
            if sure and data["label"] != label:
                return True
    return False


# ---------------------------------------------------------------------------------------------------------- the metrics
def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def figure(name: str, cycles: list[Row]) -> tuple[int, float | None, float | None]:
    """(n, value, 90th percentile) over these cycles."""
    closed = [one for one in cycles if one["closed"] and not one["gone"]]
    first = [one for one in cycles if one["number"] == 1 and not one["gone"]]
    day = 86_400

    def share(of: list[Row], hit: Any) -> tuple[int, float | None, None]:
        return len(of), sum(bool(hit(one)) for one in of) / len(of) if of else None, None

    def duration(values: list[Any]) -> tuple[int, float | None, float | None]:
        seconds = [60 * value for value in values if value is not None]
        if not seconds:
            return 0, None, None
        return len(seconds), percentile(seconds, 0.5), percentile(seconds, 0.9)

    def again(one: Row, days: int) -> bool:
        return one["again"] is not None and one["again"] <= days * day

    spans = {
        "intake-time": "intake", "investigation-time": "investigation", "drafting-time": "drafting",
        "closure-time": "closure", "queue-time": "queue", "customer-wait": "customer",
    }  # fmt: skip
    if name in spans:
        return duration([one["minutes"][spans[name]] for one in closed])
    with_run = [one for one in first if one["runs"]]
    match name:
        case "resolution-time":
            return duration([one["elapsed"] for one in closed])
        case "confident-time":
            return duration([one["confident"] for one in with_run])
        case "confident-share":
            return share(with_run, lambda one: one["confident"] is not None)
        case "first-reply":
            return duration([one["first_reply"] for one in first])
        case "escalation-rate":
            return share(closed, lambda one: one["escalations"])
        case "escalation-quality":
            sent = sum(one["sent"] for one in closed)
            return sent, sum(one["packets"] for one in closed) / sent if sent else None, None
        case "first-contact":
            once = [one for one in closed if one["number"] == 1]
            return share(once, lambda one: one["answers"] == 1 and not one["escalations"] and not again(one, 7))
        case "reopened-7":
            return share(closed, lambda one: again(one, 7))
        case "reopened-30":
            return share(closed, lambda one: again(one, 30))
        case "recovery-confidence":
            scores = [one["score"] for one in closed if one["score"] is not None]
            return len(scores), fmean(scores) if scores else None, None
        case "recovery-answered":
            return share([one for one in closed if one["asked"]], lambda one: one["score"] is not None)
        case "automated-tickets":
            return share(closed, lambda one: one["runs"] and not one["asked_runs"])
        case "automated-checks":
            every = sum(one["checks"] + one["manual"] for one in closed)
            return every, sum(one["checks"] for one in closed) / every if every else None, None
        case "coverage":
            return share(closed, lambda one: one["runs"])
        case "accuracy":
            return share([one for one in closed if one["verdict"]], lambda one: one["verdict"] == "right")
        case "knowledge-reuse":
            return share(closed, lambda one: one["learned"] in ("linked", "improved"))
    raise KeyError(name)


def anti(name: str, cycles: list[Row]) -> int:
    closed = [one for one in cycles if one["closed"] and not one["gone"]]
    match name:
        case "investigation-time":
            return sum(not one["runs"] and not one["minutes"]["investigation"] for one in closed)
        case "drafting-time":
            return sum(one["early"] for one in closed)
        case "closure-time":
            return sum(one["partial"] and one["again"] is not None and one["again"] <= 30 * 86_400 for one in closed)
        case "escalation-rate" | "escalation-quality":
            return sum(one["sent"] > one["packets"] for one in closed)
    return 0
