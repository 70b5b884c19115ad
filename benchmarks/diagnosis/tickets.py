"""What the customer writes: a complaint in people's words, with or without a time, typing errors and chatter."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from benchmarks.diagnosis.world import PEOPLE, World

_SAID: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "rl": (
        ("Getting 429", "Many of our calls come back with 429 {when}."),
        ("throttled?", "you throttle us {when}, is that on purpose? about half of the calls fail"),
        ("Too Many Requests", "Our integration logs Too Many Requests {when}. We did not change anything we know of."),
        ("Rate limit reached", "We hit the rate limit {when}, our jobs cannot finish."),
        ("import stuck", "The import does not finish {when}. The log says HTTP 429 a lot."),
    ),
    "lat": (
        ("API slow", "Calls take far longer {when}, our users complain."),
        ("slow responses", "response times are up {when}. p95 went through the roof."),
        ("Timeouts", "We run into timeouts {when} with your API."),
        ("{route} is slow", "{route} takes several times as long {when}."),
        ("performance", "Everything feels sluggish {when}. Anything going on?"),
    ),
    "err": (
        ("500 errors", "We get internal server errors {when}."),
        ("{route} failing", "{route} fails {when} with a server error."),
        ("API broken", "the api is broken {when}, lots of errors in our logs"),
        ("requests fail", "Requests fail {when}. Please look at it urgently."),
    ),
    "err.key_revoked": (
        ("401 from API", "All our calls are answered 401 {when}."),
        ("unauthorized", "we are unauthorized {when} although the key is the same as ever"),
        ("Key does not work", "Our API key does not work {when}."),
    ),
    "err.validation_change": (
        ("400 on {route}", "{route} answers 400/422 {when} for requests that worked for months."),
        ("validation errors", "Your API rejects our requests {when} as invalid, nothing changed here."),
    ),
    "wh": (
        ("No webhooks", "We get no webhooks {when}."),
        ("webhook problems", "Events do not reach our endpoint {when}."),
        ("missing events", "we miss events {when}, can you check the deliveries?"),
        ("Callbacks stopped", "The callbacks stopped {when}."),
    ),
    "wh.queue_backlog_deploy": (
        ("webhooks late", "Events arrive minutes late {when}."),
        ("delayed events", "Webhook deliveries are delayed {when}."),
    ),
    "wh.signature_change": (
        ("Signature check fails", "The signature verification of your webhooks fails {when}."),
        ("webhooks invalid", "All webhooks are refused by our verification {when}."),
    ),
    "wh.event_not_subscribed": (
        ("no {event} events", "We never receive {event} webhooks. The others arrive."),
        ("{event} missing", "Our endpoint gets events but not {event}."),
    ),
    "bill": (
        ("Invoice question", "The last invoice is not what we expected. Please explain."),
        ("billing", "Something is wrong with our bill, please check."),
        ("wrong amount", "The amount you charged is wrong."),
    ),
    "bill.duplicate_charge": (
        ("Charged twice", "We were charged twice for the same order."),
        ("double charge", "our card shows two charges for one purchase"),
    ),
    "bill.double_subscription": (
        ("Charged twice a month", "We pay for the same plan twice. Please correct the invoice."),
        ("two invoices", "We got two invoices for the same month."),
    ),
    "bill.payment_failed": (
        ("Payment failed", "The payment of our subscription failed, why?"),
        ("past due", "Our subscription is past due but the card is fine."),
    ),
    "bill.refund_pending": (
        ("Where is our refund", "The refund you promised is not on our account."),
        ("refund", "refund still not there after days"),
    ),
    "bill.dispute": (
        ("Chargeback", "Our bank opened a dispute over your charge, what happens now?"),
        ("bank dispute", "finance disputed a charge at the bank by mistake"),
    ),
    "bill.tax_change": (
        ("VAT on the invoice", "There is VAT on our invoice now."),
        ("tax", "Why do you charge tax all of a sudden?"),
    ),
    "bill.currency": (
        ("Wrong currency", "We are billed in euros now, we always paid in dollars."),
        ("currency", "invoice is in EUR instead of USD"),
    ),
    "bill.usage_double_count": (
        ("Usage too high", "The metered usage on the invoice is higher than our own count."),
        ("overage wrong", "You bill more requests than we made."),
    ),
    "bill.overage_valid": (
        ("Overage", "Why are there overage fees on the invoice?"),
        ("extra requests", "We were billed for additional requests, is that right?"),
    ),
    "none.no_anomaly": (
        ("slow?", "Calls seem slow {when}."),
        ("errors", "We had some errors {when}."),
        ("429?", "A colleague saw 429 {when}."),
    ),
    "none.customer_network": (
        ("API slow from our office", "Calls are slow {when}, from our office only."),
        ("slow", "the api is slow {when}. curl from here takes 4 seconds"),
    ),
    "none.resolved_blip": (
        ("errors earlier", "We saw many errors {when}, is it solved?"),
        ("API was down", "Your API was down for a while {when}."),
    ),
    "other.out_of_scope": (
        ("How to paginate", "How do I get the next page of a list?"),
        ("SSO", "Is it possible to log in with SAML? We would like to set up SSO."),
        ("Feature request", "It would be great to have a dark mode in the console."),
        ("NDA", "Please sign our NDA and fill in the security questionnaire."),
        ("Invite colleagues", "How can I invite more people to our workspace?"),
        ("sandbox", "Do you offer a sandbox for testing?"),
    ),
    "strange": (
        ("nightly job", "Our nightly job did not finish {when}. Nothing changed on our side."),
        ("integration stuck", "The integration hangs {when}."),
        ("it does not work", "It does not work any more {when}. Please help."),
    ),
}
_CHATTER: Final = (
    "Please answer today.",
    "By the way, the new console looks great.",
    "We had a similar case last year.",
    "I am out of office from tomorrow.",
    "Our customers are waiting.",
    "",
    "",
    "",
    "Thanks for your help!",
)


def ticket(world: World, label: str, made: dict[str, Any]) -> dict[str, Any]:
    family = label.partition(".")[0]
    said = _SAID.get(label) or _SAID.get(family) or _SAID["strange"]
    if family in ("rl", "lat", "err") and label not in _SAID and world.chance(0.12):
        said = _SAID["strange"]
    subject, text = world.pick(said)
    value = made["scope"].get("value") or ""
    named = (
        value
        if made["scope"]["kind"] == "endpoint" and " " in value
        else world.pick(made["scope"]["any_of"])
        if made["scope"].get("any_of")
        else world.pick(world.routes).name
    )
    onset = (
        datetime.fromisoformat(made["onset"])
        if made.get("onset") and family in ("rl", "lat", "err", "wh", "none")
        else None
    )
    if label == "none.resolved_blip":
        assert onset is not None
    words = {"when": _when(world, onset), "route": named, "event": made.get("event", "")}
    lines = [
        world.pick(["Hi,", "Hello,", "", "Dear team,"]),
        text.format(**words),
        world.pick(_CHATTER),
        world.pick(_CHATTER),
    ]
    person, me = world.pick(PEOPLE), world.me
    surname = world.pick(["Baker", "Costa", "Dahl", "Eriksen", "Farah", "Gomez", "Huang"])
    body = "\n".join(line for line in [*lines, f"{person} {surname}"] if line)
    if world.chance(0.2):
        body, subject = body.lower(), subject.lower()
    if world.chance(0.25):
        body = _typos(world, body)
    private = world.chance(0.12)
    return {
        "id": int(world.rng.integers(10_000, 99_999)),
        "channel": world.pick(["email", "chat", "form"]),
        "created_at": f"{world.now:%Y-%m-%dT%H:%M:%SZ}",
        "subject": subject.format(**words),
        "description": body,
        "requester": {
            "name": f"{person} {surname}",
            "email": f"{person.lower()}@{'postbox.example' if private else me.domain}",
        },
        "organization": {"name": me.name, "domain": me.domain, "external_id": None if world.chance(0.3) else me.org},
        "tags": [],
        "priority": world.pick(["low", "normal", "high", "urgent"]),
    }


def _when(world: World, onset: datetime | None) -> str:
    if onset is None or world.chance(0.35):
        return world.pick(["since this morning", "for some hours", "today", "since earlier today", "lately"])
    at = onset + timedelta(minutes=float(world.rng.normal(0, 8)))
    if world.chance(0.3):
        hours = world.pick([-5, 1, 2, 9])
        return f"since about {at + timedelta(hours=hours):%H:%M} (UTC{hours:+d})"
    return f"since {at:%H:%M} UTC"


def _typos(world: World, text: str) -> str:
    letters = list(text)
    for _ in range(max(1, len(letters) // 60)):
        at = int(world.rng.integers(1, len(letters) - 1))
        if letters[at].isalpha() and letters[at - 1].isalpha():
            if world.chance(0.5):
                letters[at], letters[at - 1] = letters[at - 1], letters[at]
            else:
                letters[at] *= 2
    return "".join(letters)
