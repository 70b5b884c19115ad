"""A page per shipped playbook for people who use it: what is asked, which causes it tells apart, and what is done."""

from __future__ import annotations

import re
from typing import Final

from investigations.diagnosis.texts import rewrite, uncounted
from investigations.playbooks.format import Hypothesis, Playbook, SignalSpec, Weight, weight_of
from investigations.playbooks.loader import library_files, parse_playbook

_SLOT: Final = re.compile(r"\[?\{[^{}]*\}\]?")
_ORDER: Final = ("triage", "rate_limit", "latency", "api_error", "authentication", "webhook", "missing_data", "billing")
#: From this log-odds on a signal is told in a cause's row; the weaker ones are in the file.
_TELLING: Final = 1.0


def pages() -> dict[str, str]:
    """File name below the reference folder -> Markdown."""
    books = [parse_playbook(path.read_text(), name=path.name) for path in library_files()]
    books.sort(key=lambda book: _ORDER.index(book.key) if book.key in _ORDER else len(_ORDER))
    return {"playbooks/README.md": _index(books)} | {f"playbooks/{book.key}.md": _page(book) for book in books}


def _index(books: list[Playbook]) -> str:
    rows = "\n".join(f"| [{book.title}]({book.key}.md) | {len(book.steps)} | {len(_causes(book))} |" for book in books)
    return f"""# The shipped playbooks

Each is a file that a team can read and change: [the format](../playbook-format.md),
[how to write one](../../how-to/write-a-playbook.md).

| playbook | checks | causes it tells apart |
| --- | --- | --- |
{rows}
"""


def _page(book: Playbook) -> str:
    asked = "\n".join(
        f"| {_cell(step.title)} | {_cell(step.question)} | {_cell(step.normal) or '–'} | {step.source} |"
        for step in book.steps
    )
    causes = "\n".join(_cause(item) for item in _causes(book))
    words = sorted({word.rstrip("*") for rule in book.match for word in rule.words})
    said = f"\n**Words that lead here:** {', '.join(words)}.\n" if words else ""
    return f"""# {book.title}

{book.description.strip()}
{said}
**The symptom.** {book.symptom.title}. Where it is not there: {book.symptom.absent or "nothing is unusual."}

## What is asked

| check | question | normal | source |
| --- | --- | --- | --- |
{asked}

## What it may be

Ordered as in the file; the evidence decides. A figure stands where “…” stands.
{_earlier(book)}
{causes}
"""


def _earlier(book: Playbook) -> str:
    """How much confirmed earlier cases count, in one sentence; "" where they count nothing."""
    if (spec := book.earlier) is None:
        return ""
    outbreak = f"{spec.outbreak.cases} tickets within {spec.outbreak.within_days:g} days"
    said = (
        f"A cause that people confirmed in the last {spec.within_days:g} days is a hint for it: for the same customer "
        f"{_weight(spec.same_customer)}, on the endpoint of the ticket {_weight(spec.same_endpoint)}, for at least "
        f"{outbreak} {_weight(spec.anybody)} in log-odds; half of it after {spec.halved_after_days:g} days, nothing "
        "where the measured facts speak against it."
    )
    return f"\n{said}\n"


def _weight(weight: Weight) -> str:
    return f"{weight_of(weight):g}"


def _causes(book: Playbook) -> list[Hypothesis]:
    return [item for item in book.hypotheses if item.continue_with is None]


def _cause(item: Hypothesis) -> str:
    lines = [f"### {_plain(item.title)}", "", f"`{item.label}` · {_severity(item)} · concerns {_reach(item)}", ""]
    for title, told in (("Speaks for it", _speaking(item, True)), ("Speaks against it", _speaking(item, False))):
        if told:
            lines += [f"*{title}:* {'; '.join(told)}.", ""]
    if item.confirm:
        lines += [f"*Confirmed by:* {_plain(item.confirm)}", ""]
    steps = [_plain(text) for text in [*item.next_steps, *item.remediation]]
    if steps:
        lines += [f"*What to do:* {' '.join(steps)}", ""]
    if item.reply:
        parts = (item.reply.observed, item.reply.scope, item.reply.next_step, item.reply.eta)
        lines += [f"> {_plain(' '.join(part for part in parts if part))}", ""]
    return "\n".join(lines)


def _severity(item: Hypothesis) -> str:
    if item.escalation is None:
        return "not escalated"
    small = f" ({item.escalation.small} where the effect is small)" if item.escalation.small else ""
    return f"escalated as {item.escalation.severity}{small}"


def _reach(item: Hypothesis) -> str:
    known = {"customer": "this customer", "all": "all customers", "none": "nobody", "ip": "an address"}
    return known.get(item.scope.kind, f"one {item.scope.kind}")


def _speaking(item: Hypothesis, is_for: bool) -> list[str]:
    """What a signal says when it moves the cause that way, strongest first."""
    found = []
    for signal in item.signals:
        for effect, says in _effects(signal):
            if says and (effect >= _TELLING if is_for else effect <= -_TELLING):
                found.append((abs(effect), _plain(says).rstrip(".")))
    found.sort(key=lambda one: -one[0])
    return list(dict.fromkeys(text for _, text in found))


def _effects(signal: SignalSpec) -> tuple[tuple[float, str], tuple[float, str]]:
    return (signal.when_true, signal.says), (signal.when_false, signal.says_not)


def _plain(text: str) -> str:
    told = rewrite(text, lambda slot, form: uncounted(slot, "…") if form == "counted" else "…")
    return re.sub(r"\s+", " ", _SLOT.sub("…", told.replace("[…]", "…"))).strip()


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|")
