"""The placeholders that a reply template may use: all of them, with an example and what stands there when nothing is
known. Nothing else is ever substituted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`unknown`: language -> the sentence that takes the place of the one it stands in. "" leaves the sentence out,
    which only courtesies may.
    """

    name: str
    title: str
    example: str
    unknown: Mapping[str, str]
    is_courtesy: bool = False


def _p(name: str, title: str, example: str, en: str, de: str, *, is_courtesy: bool = False) -> Placeholder:
    return Placeholder(name, title, example, {"en": en, "de": de}, is_courtesy)


_ALL: Final = (
    _p("customer_name", "First name of the person who wrote", "Noor", "Hello,", "Guten Tag,", is_courtesy=True),
    _p("account", "The customer's name in the directory", "Northwind Freight", "", "", is_courtesy=True),
    _p("ticket", "Number of the ticket in the helpdesk", "48213", "", "", is_courtesy=True),
    _p("agent", "Name of the person who writes the reply", "Priya N.", "Your support team", "Ihr Support-Team",
       is_courtesy=True),
    _p("since", "When it began, as exactly as it is known", "about 14:00 UTC on 1 May",
       "We do not yet know when it began.", "Wir wissen noch nicht, wann es begonnen hat."),
    _p("between", "Between which times it began, where that is known only roughly", "13:10 and 14:45 UTC on 1 May",
       "We do not yet know when it began.", "Wir wissen noch nicht, wann es begonnen hat."),
    _p("ended", "When it was over", "15:20 UTC on 1 May",
       "We do not yet know when it ended.", "Wir wissen noch nicht, wann es geendet hat."),
    _p("recovered", "Since when it is back to normal, as it was measured after a fix", "15:20 UTC on 1 May",
       "We are still measuring whether it is back to normal for you.",
       "Wir messen noch, ob bei Ihnen wieder alles normal ist."),
    _p("endpoint", "The call that is affected", "GET /v2/orders",
       "We do not yet know which of your calls are affected.",
       "Wir wissen noch nicht, welche Ihrer Aufrufe betroffen sind."),
    _p("affected", "Who is affected", "your account only",
       "We do not yet know who else is affected.", "Wir wissen noch nicht, wer sonst noch betroffen ist."),
    _p("share", "Share of the customer's requests or deliveries that go wrong now", "about 40%",
       "We do not yet know how large the affected part is.",
       "Wir wissen noch nicht, wie groß der betroffene Teil ist."),
    _p("usual_share", "The same share before it began", "about 3%",
       "We do not yet know how large that part usually is.", "Wir wissen noch nicht, wie groß dieser Teil sonst ist."),
    _p("count", "How many of the customer's requests or deliveries went wrong", "about 8,400",
       "We do not yet know how many are affected.", "Wir wissen noch nicht, wie viele betroffen sind."),
    _p("total", "Of how many", "about 20,000",
       "We do not yet know how many are affected.", "Wir wissen noch nicht, wie viele betroffen sind."),
    _p("delay", "How long the customer's calls take, or deliveries wait, now", "about 2.3 seconds",
       "We do not yet know how large the delay is.", "Wir wissen noch nicht, wie groß die Verzögerung ist."),
    _p("usual_delay", "How long they took before it began", "about 300 milliseconds",
       "We do not yet know how long it usually takes.", "Wir wissen noch nicht, wie lange es sonst dauert."),
    _p("amount", "The amount of the invoice or payment that is asked about", "$2,412.00",
       "We do not yet know which amount this concerns.", "Wir wissen noch nicht, um welchen Betrag es geht."),
    _p("cause_observed", "What was observed, in the playbook's words for the cause (English)",
       "Since about 14:00 UTC on 1 May about 40% of your requests are answered 429.",
       "We do not yet know the cause of what you see.", "Wir kennen die Ursache noch nicht."),
    _p("cause_scope", "Whom the cause affects, in the playbook's words (English)",
       "This concerns your account only.",
       "We do not yet know who else is affected.", "Wir wissen noch nicht, wer sonst noch betroffen ist."),
    _p("cause_next_step", "What happens next, in the playbook's words for the cause (English)",
       "Please let your client wait before it tries again.",
       "We do not yet know what has to be done, and are looking into it further.",
       "Wir wissen noch nicht, was zu tun ist, und untersuchen es weiter."),
    _p("cause_eta", "When it is over, in the playbook's words, with how sure that is (English)",
       "Requests are accepted as soon as the client waits (high confidence).",
       "We cannot promise yet when this is resolved.", "Wir können noch nicht sagen, wann das behoben ist."),
    _p("question", "What the investigation asks the customer", "Did you start a new job at that time?",
       "If you can, please send us a request id or the exact time of one affected call.",
       "Wenn möglich, nennen Sie uns bitte eine Request-ID oder den genauen Zeitpunkt eines betroffenen Aufrufs."),
    _p("next_update", "When the customer hears from us next", "16:00 UTC on 1 May",
       "We will write to you again when we know more.", "Wir melden uns wieder, sobald wir mehr wissen."),
)  # fmt: skip
PLACEHOLDERS: Final[dict[str, Placeholder]] = {one.name: one for one in _ALL}
