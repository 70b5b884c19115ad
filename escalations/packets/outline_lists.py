"""The long lists of a packet's outline: evidence with its queries, timeline, what was ruled out, who is affected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from altor.words import counted, percent, size
from escalations.packets.blocks import (
    VERDICTS,
    Block,
    Bullets,
    Code,
    Depth,
    Fold,
    Given,
    Line,
    Para,
    Table,
    asked,
    cited,
    clock,
    line,
    plain,
    rows_of,
    source,
)


def sure(cause: Given) -> str:
    sure = cause.get("confidence")
    return f"{percent(sure)} sure" if isinstance(sure, int | float) else "confidence not known"


def item_line(item: Given) -> Line:
    verdict = VERDICTS.get(str(item.get("verdict") or ""), "")
    return line(
        plain(item.get("ref_id"), url=str(item.get("altor_url") or "")), " ", plain(item.get("title"), "strong"),
        f" ({verdict})" if verdict else "", f": {item.get('summary') or ''}",
    )  # fmt: skip


def file_line(file: Given) -> Line:
    """app.log (text, 12.4 kB, sha256 …), and whether it was looked through for what is personal."""
    raw = "" if file.get("is_redacted") else ", not redacted"
    told = f" ({file.get('kind')}, {size(file.get('size') or 0)}{raw}, sha256 "
    name = plain(file.get("name"), url=str(file.get("url") or ""))
    return line("File ", name, told, plain(file.get("sha256"), "code"), ")")


def evidence(packet: Given, deep: Depth) -> Iterator[Block]:
    items = rows_of(packet, "evidence")
    shown = items[: deep.evidence]
    if not shown:
        return
    rows = []
    for item in shown:
        verdict = VERDICTS.get(str(item.get("verdict") or ""), "context")
        where: list[Any] = [source(item.get("source"))]
        if item.get("url"):
            where = [plain(where[0], url=str(item["url"]))]
        figure = (item.get("figure") or {}).get("shown") or ""
        rows.append(
            [
                line(plain(item.get("ref_id"), url=str(item.get("altor_url") or ""))),
                line(plain(item.get("title"), "strong"), f": {item.get('summary') or ''}"),
                line(figure),
                line(plain(verdict, "strong") if verdict == "breach" else verdict),
                line(*where, _ids(item, packet)),
            ]
        )
    yield Table(("", "What", "Measured", "Verdict", "Source"), rows)
    left = len(items) - len(shown) + int(packet.get("evidence_left_out") or 0)
    if left:
        more = counted(left, "more piece of evidence stands", "more pieces of evidence stand")
        yield Para(line(f"{more} in the investigation."))
    if deep.queries:
        yield from _queries(packet, shown)


def _ids(item: Given, packet: Given) -> str:
    """What it is about, but for the customer, whom nearly all is about."""
    ref, own = item.get("ref"), str((packet.get("customer") or {}).get("org_id") or "")
    values = [str(value) for value in ref.values() if isinstance(value, str | int)] if isinstance(ref, dict) else []
    found = [value for value in values if value != own]
    return f" {', '.join(found)}" if found else ""


def _queries(packet: Given, items: Sequence[Given]) -> Iterator[Block]:
    by_id = {str(one.get("id")): one for one in rows_of(packet, "queries")}
    told: set[str] = set()
    for item in items:
        blocks: list[Any] = []
        for name in item.get("queries") or ():
            if (query := by_id.get(str(name))) is None or name in told:
                continue
            told.add(str(name))
            same = [str(one.get("ref_id")) for one in items if name in (one.get("queries") or ())]
            blocks.append(Para(line(f"{name}: {asked(query)}; evidence {', '.join(same)}")))
            blocks.append(Code(str(query.get("text") or ""), "sql" if query.get("source") == "clickhouse" else ""))
            if params := query.get("params"):
                blocks.append(Bullets([line(plain(f"{key} = {value}", "code")) for key, value in params.items()]))
        if blocks and item.get("more_queries"):
            blocks.append(Para(line(f"{item['more_queries']} more requests are kept with the investigation.")))
        if blocks:
            yield Fold(f"{item.get('ref_id')} {item.get('title')}: query as sent", blocks)


def timeline(packet: Given, deep: Depth) -> Iterator[Block]:
    events = rows_of(packet, "timeline")
    shown = _around(events, deep.timeline)
    rows = [
        [
            line(clock(one.get("at"))),
            line(plain(one.get("title"), "strong" if one.get("is_key") else "", str(one.get("url") or "")),
                 f": {one['detail']}" if one.get("detail") else "", *cited(one.get("evidence"), packet)),
        ]
        for one in shown
    ]  # fmt: skip
    if rows:
        yield Table(("Time", "What happened"), rows)
    if len(shown) < len(events):
        more = counted(len(events) - len(shown), "more event stands", "more events stand")
        yield Para(line(f"{more} in the full packet."))


def _around(events: Sequence[Given], most: int) -> list[Given]:
    """The key events, then as many of the newest others as there is room for, in their order."""
    if len(events) <= most:
        return list(events)
    kept = {n for n, one in enumerate(events) if one.get("is_key")}
    for n in range(len(events) - 1, -1, -1):
        if len(kept) < most:
            kept.add(n)
    return [one for n, one in enumerate(events) if n in kept]


def ruled_out(packet: Given, deep: Depth) -> Iterator[Block]:
    items = rows_of(packet, "ruled_out")
    lines = [
        line(plain(one.get("says"), "strong"), " " + " ".join(str(text) for text in one.get("how") or ()),
             *cited(one.get("evidence"), packet))
        for one in items[: deep.ruled_out]
    ]  # fmt: skip
    if lines:
        yield Bullets(lines)
    if len(items) > deep.ruled_out:
        more = counted(len(items) - deep.ruled_out, "more stands", "more stand")
        yield Para(line(f"{more} in the full packet."))
    for cause in rows_of(packet, "others"):
        yield Para(line("Not excluded: ", plain(cause.get("title"), "strong"), f", {sure(cause)}."))
    for text in packet.get("contradictions") or ():
        yield Para(line("Sources contradict each other: ", text))


def affected(packet: Given, deep: Depth) -> Iterator[Block]:
    impact = packet.get("impact") or {}
    listed = rows_of(impact, "listed")
    shown = listed[: deep.listed]
    told: list[tuple[str, list[Line]]] = [
        ("Customer", [line(one.get("name"), " ", plain(_org(one), "code")) for one in shown]),
        ("Now", [line(one.get("shown")) for one in shown]),
        ("Before", [line(one.get("before")) for one in shown]),
        ("A month", [line(one.get("revenue")) for one in shown]),
        ("Has written", [line(", ".join(str(ref) for ref in one.get("tickets") or ())) for one in shown]),
    ]
    kept = [(name, cells) for name, cells in told if any(cells)]
    if shown:
        rows = list(zip(*(cells for _, cells in kept), strict=True))
        yield Table([name for name, _ in kept], rows)
        left = int(impact.get("others") or 0) - len(rows)
        more = f"{counted(left, 'more is', 'more are')} not listed. " if left > 0 else ""
        yield Para(line(f"{more}{impact.get('revenue_how') or ''}".strip() or "Their revenue is not known."))


def _org(one: Given) -> str:
    return str(one.get("org_id") or "") if one.get("org_id") != one.get("name") else ""
