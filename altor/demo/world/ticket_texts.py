"""How customers write. Templates by what they complain of; words are theirs, so some are vague or wrong.

Fields: {when} ("since about 14:15 UTC"), {route}, {example} (a path as a customer would write it), {company}, {account},
{month}, {amount}.
"""

from __future__ import annotations

from typing import Final

#: complaint -> ((subject, body), …). Each ticket takes one by chance.
TEXTS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "rate_limit": (
        ("429 Too Many Requests", "Our integration gets HTTP 429 on many calls {when}. We did not change anything on our side. Can you raise our limit or tell us what is going on?"),
        ("rate limit??", "We keep hitting your rate limit {when}. Orders pile up in our queue. Please have a look."),
        ("API rejects our requests", "{when} about half of our requests are rejected with 'Too Many Requests'. Our volume is the same as always as far as I know."),
        ("sync job stuck", "The shipment sync does not finish any more {when}. The log is full of 'rate limit exceeded, retrying'. Our warehouse team is waiting."),
        ("Throttled all the time", "We are being throttled {when}. Has our quota been changed? We are on a paid plan and never had this before."),
        ("too many requests error", "Requests fail with error 429 {when}. Is that a problem at your end? It worked fine until then."),
    ),
    "latency": (
        ("API is slow", "The API is very slow {when}. Calls that used to take a moment now take ages, our users complain."),
        ("Slow responses", "Response times went up a lot {when}. p95 in our APM is several times what it was. Nothing was deployed on our side."),
        ("timeouts in our shop", "Our checkout runs into timeouts when it calls you, {when}. We set 1 second as a limit, which was always enough."),
        ("everything takes forever", "Loading anything through your API takes forever {when}. Please check, this is costing us sales."),
        ("high latency", "We see high latency {when}. Could you check if something is wrong with your servers?"),
    ),
    "latency_route": (
        ("{route} slow", "{route} has become really slow {when}. Other endpoints look fine. Example: {example}"),
        ("Slow {route}", "Calls to {route} take much longer {when}, sometimes we run into our own timeout. Everything else seems normal."),
        ("latency on one endpoint", "p95 of {route} jumped {when} according to our monitoring. No deploy on our side."),
    ),
    "network": (
        ("API slow from our office", "Your API feels slow {when}. In our tools every page that needs it loads slowly. It is not our network, we checked."),
        ("requests take forever", "Everything that calls Harborline is slow {when}. Speed test in the office looks normal. Please check your servers."),
        ("slow today", "Is there a known problem? The API is slow for us {when}, we measure 3 to 4 seconds per request from our machines."),
    ),
    "outage": (
        ("API was timing out", "A while ago our calls failed or hung for several minutes. It seems better now but we want to know what happened. We noticed it {when}."),
        ("errors and slow answers earlier", "We saw errors and very slow answers, it began some hours ago. Please explain, our customers noticed."),
    ),
    "webhook": (
        ("No webhooks", "We do not receive any webhooks {when}. Please resend the missing ones."),
        ("events missing", "No events arrive at our endpoint {when}. Our order status is out of date because of that."),
        ("webhooks stopped working", "The webhooks stopped {when}. We did not touch the receiving service. Can you check the deliveries?"),
        ("Shipment updates not coming in", "Shipment updates no longer reach our system {when}: the last webhook came before that. The dashboard shows the right status, our copy is stale."),
        ("callback failing?", "Our team says the callbacks from Harborline stopped {when}. Is there an outage?"),
    ),
    "webhook_late": (
        ("webhooks are late", "Webhooks arrive very late {when}, often half an hour after the fact. Before it was seconds."),
        ("delayed events", "Events reach us with a big delay {when}. Customers get the 'your parcel is on its way' mail after the parcel. Please fix."),
        ("shipment.created comes too late", "{when} the shipment.created webhook arrives so late that our labels are printed twice. Is your queue stuck?"),
    ),
    "bill.duplicate_charge": (
        ("charged twice", "We were charged twice for the same label top-up. Please refund one of the payments."),
        ("Double charge on our card", "Our card statement shows the same amount two times on the same day ({amount}). We only ordered once. Please check."),
    ),
    "bill.proration": (
        ("invoice doesn't match our plan", "We expected our usual amount but the latest invoice says something else ({amount}). Please check and correct this. Our accountant needs an answer this week."),
        ("strange invoice after the upgrade", "We got an invoice with 'unused time' and 'remaining time' lines. What is this? We only wanted the bigger plan."),
    ),
    "bill.payment_failed": (
        ("account shows past due", "Our dashboard says the account is past due, but we have paid all invoices for years. What is wrong?"),
        ("payment problem", "We got a mail that our payment failed. There is enough money on the account. Please retry or tell us what to do so that we are not cut off."),
    ),
    "bill.dispute": (
        ("Payment reversed?", "Our bank told us the payment to Harborline was reversed. Does this affect our account?"),
    ),
    "bill.refund_pending": (
        ("Where is our refund", "You promised a refund some days ago. There is nothing on our statement yet. When will it arrive?"),
    ),
    "bill.double_subscription": (
        ("billed for two subscriptions", "It looks like we pay for the plan twice. There are two invoices with the full amount this month. We have one account only."),
    ),
    "bill.tax_change": (
        ("Why is there VAT on the invoice now", "The last invoice has VAT on it, the ones before did not. Total is {amount}. Nothing changed at our end. Please correct."),
    ),
    "bill.currency": (
        ("invoice in a different currency", "The new invoice is in euro. We always paid in dollars. Please explain."),
    ),
    "bill.overage_valid": (
        ("bill is too high", "This month's bill is a lot higher than what our contract says ({amount}). The invoice has a line about additional requests. We think this is wrong."),
    ),
    "bill.quiet": (
        ("Question about the last invoice", "The amount of the last invoice looks too high to us. Can you check whether we were billed correctly?"),
        ("invoice wrong?", "Our finance team thinks we were overcharged this month. Please verify the invoice."),
    ),
}  # fmt: skip

#: Complaint of each label, where it is not simply the class.
COMPLAINTS: Final[dict[str, str]] = {
    "wh.queue_backlog_deploy": "webhook_late",
    "none.customer_network": "network",
    "none.resolved_blip": "outage",
}
EXTRAS: Final = (
    "",
    "",
    "I am on vacation from tomorrow, please cc our ops list.",
    "We had a similar issue last year, ticket 41877.",
    "By the way, the new dashboard looks great.",
    "Our users are getting impatient.",
    "I already asked in chat but got disconnected.",
    "Please treat this as urgent.",
    "Happy to jump on a call if that helps.",
)
GREETINGS: Final = ("Hi,", "Hello,", "Hi support,", "Dear Harborline team,", "", "hey,")
CLOSINGS: Final = ("Thanks,", "Best regards,", "Regards", "thx", "Kind regards,", "")
VAGUE: Final = ("since this morning", "since today", "for some hours now", "since earlier today", "lately")
EXAMPLES: Final = {
    "GET /v1/tracking/{number}": "GET /v1/tracking/HL4471902388",
    "GET /v1/reports/export": "GET /v1/reports/export?format=csv&range=30d",
    "POST /v1/rates": "POST /v1/rates with three parcels",
    "POST /v1/shipments": "POST /v1/shipments with two lines",
    "POST /v1/shipments/batch": "POST /v1/shipments/batch",
    "GET /v1/shipments/{id}": "GET /v1/shipments/shp_81c2f07",
}
#: People that no account belongs to: (hours before the anchor or None when live, seconds after opening, ticket).
STRANGERS: Final = (
    (-34.6, None, "429 from your API", "We evaluate your API and get 429 after a few calls. What is the limit of the trial?", "Rosa Imhof", "rosa.imhof@postbox.example", "Imhof Pottery"),
    (-65.3, None, "webhook signature", "How do I verify the webhook signature in PHP? We receive events but the check fails.", "Sam Idris", "sam@idris-consulting.example", ""),
    (-9.1, None, "slow demo", "The sandbox was slow when we tried it yesterday. Is production faster?", "Lena Voss", "lena@vossmedia.example", "Voss Media"),
    (None, 128, "cannot connect", "Your API does not answer, is it down? Our developer says 'too many requests'.", "Milo Brandt", "milo.brandt@postbox.example", ""),
)  # fmt: skip
