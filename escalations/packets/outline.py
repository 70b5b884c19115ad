"""The sections of a packet, in the order in which an engineer reads them, from its stored JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from escalations.packets.blocks import (
    STATES,
    Block,
    Bullets,
    Code,
    Depth,
    Fold,
    Given,
    Line,
    Para,
    Quote,
    Section,
    Span,
    Table,
    cited,
    clock,
    line,
    plain,
    rows_of,
    source,
)
from escalations.packets.outline_lists import affected, evidence, file_line, item_line, ruled_out, sure, timeline


def outline(packet: Given, additions: Iterable[Given] = (), depth: Depth | None = None) -> list[Section]:
    """Those that hold something and are not left out by `depth`."""
    deep = depth or Depth()
    makers = (
        ("summary", "", _summary(packet)),
        ("again", "Sent again", _again(packet)),
        ("additions", "Added after it was sent", _additions(packet, list(additions))),
        ("facts", "At a glance", _facts(packet)),
        ("next", "What to do", _next(packet)),
        ("reproduction", "See it yourself", _reproduction(packet, deep)),
        ("evidence", "Evidence", evidence(packet, deep)),
        ("timeline", "Timeline", timeline(packet, deep)),
        ("ruled_out", "Ruled out", ruled_out(packet, deep)),
        ("unchecked", "Not checked, not known", _unchecked(packet)),
        ("affected", "Who else is affected", affected(packet, deep)),
        ("done", "Tried, told, promised", _done(packet)),
        ("related", "Related", _related(packet)),
        ("questions", "Open questions", _questions(packet)),
        ("checklist", "Checklist", _checklist(packet)),
        ("about", "About this packet", _about(packet)),
    )
    sections = [Section(key, title, list(blocks)) for key, title, blocks in makers if key not in deep.sections]
    return [one for one in sections if one.blocks]


def _summary(packet: Given) -> Iterator[Block]:
    yield Para(line(plain(packet.get("summary"), "strong")))
    if packet.get("note"):
        yield Quote(line(plain("Note: ", "strong"), packet["note"]))


def _again(packet: Given) -> Iterator[Block]:
    again = packet.get("again") or {}
    if not again:
        return
    reason = f": {again['reason']}" if again.get("reason") else ""
    who = f" ({again['by']}, {clock(again['at'])})" if again.get("by") and again.get("at") else ""
    yield Para(line("Sent again after ", plain(again.get("ref"), url=str(again.get("url") or "")),
                    f" was {again.get('how')}{reason}{who}."))  # fmt: skip
    if again.get("said"):
        yield Quote(line(again["said"]))
    if new := again.get("new"):
        yield Para(line(plain("New since:", "strong")))
        yield Bullets([line(text) for text in new])


def _additions(packet: Given, additions: Sequence[Given]) -> Iterator[Block]:
    for one in additions:
        who = ", ".join(str(part) for part in (clock(one.get("at")), one.get("by"), one.get("what")) if part)
        yield Para(line(plain(f"{who}: ", "strong"), one.get("text")))
        if found := rows_of(one, "evidence"):
            yield Bullets([item_line(item) for item in found])
        if files := rows_of(one, "files"):
            yield Bullets([file_line(file) for file in files])


def _facts(packet: Given) -> Iterator[Block]:
    severity, impact = packet.get("severity") or {}, packet.get("impact") or {}
    customer, scope, onset = packet.get("customer") or {}, packet.get("scope") or {}, packet.get("onset") or {}
    rows: list[tuple[str, Line]] = []
    level = str(severity.get("level") or "none named")
    rows.append(("Severity", line(plain(level, "strong"), f" {severity['why']}" if severity.get("why") else "")))
    if severity.get("proposed") and severity["proposed"] != severity.get("level"):
        rows.append(("The diagnosis proposes", line(severity["proposed"], f": {severity.get('proposed_why') or ''}")))
    if owner := packet.get("owner"):
        rows.append(("Suggested owner", line(plain(owner.get("name"), "strong"), f": {owner.get('why') or ''}")))
    if customer:
        extra = [
            customer.get("plan"),
            customer.get("tier"),
            customer.get("revenue") and f"{customer['revenue']} a month",
        ]
        told = ", ".join(str(one) for one in extra if one)
        rows.append(
            (
                "Customer",
                line(customer.get("name"), " ", plain(customer.get("org_id"), "code"), f", {told}" if told else ""),
            )
        )
    rows.append(("Impact", line(" ".join(str(one) for one in impact.get("says") or ()))))
    rows.append(("Scope", line(scope.get("words"), *cited(scope.get("evidence"), packet))))
    rows.append(("Since", line(onset.get("words"), *cited(onset.get("evidence"), packet))))
    if cause := packet.get("cause"):
        rows.append(("Cause", line(cause.get("title"), f", {sure(cause)}")))
    if change := packet.get("change"):
        rows.append(("Suspected", _change(change)))
    tickets: list[Any] = []
    for one in rows_of(packet, "tickets"):
        tickets += [", " if tickets else "", plain(one.get("ref"), url=str(one.get("altor_url") or ""))]
        tickets.append(f" {one.get('subject') or ''}")
    rows.append(("Tickets", line(*tickets)))
    yield Table(("", ""), [[line(plain(name, "strong")), told] for name, told in rows if told])


def _change(change: Given) -> Line:
    name = str(change.get("id") or "")
    short = name[:7] if change.get("kind") == "deployment" else name
    spans: list[Any] = [str(change.get("kind") or "").replace("_", " "), " ", plain(short, "code")]
    if change.get("title") != name:
        spans += [" ", plain(change.get("title"), url=str(change.get("url") or ""))]
    elif change.get("url"):
        spans += [" ", plain("open", url=str(change["url"]))]
    told = [change.get("service"), change.get("state") if change.get("kind") == "linear_issue" else ""]
    if change.get("live_at"):
        told.append(f"live {clock(change['live_at'])}")
    if change.get("lead"):
        told.append(f"{change['lead']} the onset")
    if change.get("author"):
        told.append(str(change["author"]))
    spans.append("".join(f", {one}" for one in told if one))
    for pull in rows_of(change, "pulls"):
        spans += [
            "; pull request ",
            plain(str(pull.get("url") or "").rpartition("/")[2], url=str(pull.get("url") or "")),
        ]
    if files := change.get("files"):
        spans.append("; files ")
        for place, file in enumerate(files):
            spans += [", " if place else "", plain(file, "code")]
    return line(*spans)


def _next(packet: Given) -> Iterator[Block]:
    steps = [line(text) for text in packet.get("next_steps") or ()]
    if steps:
        yield Bullets(steps, numbered=True)


def _reproduction(packet: Given, deep: Depth) -> Iterator[Block]:
    found = packet.get("reproduction") or {}
    if found.get("steps"):
        yield Bullets([line(text) for text in found["steps"]], numbered=True)
    markers = [*rows_of(found, "markers"), *rows_of(found, "samples")]
    if markers:
        yield Bullets(
            [
                line(f"{one.get('name')}: ", plain(one.get("value"), "code"), *cited(one.get("evidence"), packet))
                for one in markers
            ]
        )
    detection = found.get("detection") or {}
    if detection.get("sql") and deep.detection:
        yield Fold("Detection query, complete", [Code(str(detection["sql"]), "sql")])


def _unchecked(packet: Given) -> Iterator[Block]:
    lines = [
        line(plain(one.get("what"), "strong"), f" ({source(one.get('source'))}): {one.get('why')}",
             " It would decide." if one.get("is_decisive") else "")
        for one in rows_of(packet, "not_checked")
    ]  # fmt: skip
    lines += [line(text) for text in packet.get("unknown") or ()]
    if lines:
        yield Bullets(lines)


def _done(packet: Given) -> Iterator[Block]:
    lines = [
        line(f"{clock(one['at'])} " if one.get("at") else "", plain(one.get("what"), "strong"),
             f" ({one['by']})" if one.get("by") else "", f": {one['result']}" if one.get("result") else "")
        for one in rows_of(packet, "tried")
    ]  # fmt: skip
    lines += [
        line(f"{clock(one.get('at'))} ", plain("Told the customer", "strong"), f" ({one.get('by')}): {one.get('text')}")
        for one in rows_of(packet, "told")
    ]
    for one in rows_of(packet, "promised"):
        kept = f"; kept {clock(one['met_at'])}" if one.get("met_at") else "; not kept yet"
        lines.append(
            line(plain(f"Promised to the customer: news by {clock(one.get('due_at'))}", "strong"),
                 f" ({one.get('by')}, {one.get('ticket')}){kept}")
        )  # fmt: skip
    if lines:
        yield Bullets(lines)


def _related(packet: Given) -> Iterator[Block]:
    lines = [
        line(plain(f"{one.get('ref')} {one.get('title')}", url=str(one.get("url") or "")),
             "".join(f", {one[key]}" for key in ("state", "who") if one.get(key)), f": {one.get('why') or ''}")
        for one in rows_of(packet, "related")
    ]  # fmt: skip
    if lines:
        yield Bullets(lines)


def _questions(packet: Given) -> Iterator[Block]:
    lines = [
        line(one.get("ask"), f" (for {one['of']})" if one.get("of") else "") for one in rows_of(packet, "questions")
    ]
    if lines:
        yield Bullets(lines)


def _checklist(packet: Given) -> Iterator[Block]:
    lines: list[Line] = []
    for one in rows_of(packet, "checklist"):
        lines.append(
            line(plain(f"{STATES.get(str(one.get('state')), one.get('state'))}: ", "strong"), one.get("title"),
                 f", {one['detail']}" if one.get("detail") else "", *cited(one.get("evidence"), packet))
        )  # fmt: skip
        lines += [file_line(file) for file in rows_of(one, "files")]
    if lines:
        yield Bullets(lines)


def _about(packet: Given) -> Iterator[Block]:
    run, book = packet.get("investigation") or {}, packet.get("playbook") or {}
    made: list[Any] = [
        f"Made {clock(packet.get('made_at'))}",
        f" by {packet['made_by']}" if packet.get("made_by") else "",
    ]
    made += [" from ", plain(run.get("ref"), url=str(run.get("url") or "")), f", as of {clock(run.get('as_of'))}"]
    made += [f", playbook {book['title']} v{book['version']}" if book else ""]
    yield Para(line(*made, ". Personal data was removed."))
    links: list[Span] = []
    for one in rows_of(packet, "links"):
        links += [plain(" · ")] if links else []
        links.append(plain(one.get("title"), url=str(one.get("url") or "")))
    if links:
        yield Para(links)
