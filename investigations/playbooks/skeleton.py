"""A step made of a pasted query: valid in the format, its measure chosen by the columns of the answer."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Final

from investigations.playbooks import vocabulary
from investigations.playbooks.line_ends import as_it_was, as_shown
from investigations.playbooks.reading import line_of, read_tree
from investigations.sources.clickhouse.guard import parameters_in, views_in

#: Bound without being named.
_GIVEN: Final = frozenset({"tenant", "window_start", "window_end"})
#: What evidence from a view most likely states; the author chooses.
_KINDS: Final = {
    "requests": "request_rate", "calls": "upstream_latency", "deliveries": "webhook_volume", "logs": "log_message",
}  # fmt: skip
Columns = Sequence[tuple[str, str]]  # (name, type)


class StepRefused(ValueError):
    """The step cannot be put into the file; the message says why."""


def tidy(sql: str) -> str:
    """As pasted, without the indentation, blank ends and semicolon that come along."""
    lines = [line.rstrip() for line in textwrap.dedent(as_shown(sql).expandtabs(2)).strip("\n").split("\n")]
    return "\n".join(lines).strip().removesuffix(";").rstrip()


def params_of(sql: str) -> dict[str, str]:
    """A CEL value for each parameter that the query names: the input of the same name, else an empty one to fill in."""
    found = {}
    for name, kind in parameters_in(sql).items():
        if name not in _GIVEN:
            is_number = re.search(r"Int|Float|Decimal", kind) is not None
            found[name] = f"inputs.{name}" if name in vocabulary.INPUTS else "0.0" if is_number else "''"
    return found


def step_text(*, step_id: str, title: str, sql: str, columns: Columns = (), tried: str = "") -> str:
    """The step as YAML, beginning at the margin with `- id:`. `tried` says what the query gave."""
    method, line, verdict, shown = _measure(step_id, columns)
    views = sorted(views_in(sql))
    kind = next((_KINDS[view] for view in views), "request_rate")
    params = params_of(sql)
    lines = [
        f"- id: {step_id}",
        f"  title: {_quoted(title)}",
        f"  question: {_quoted(f'What does {title} show?')}",
        "  source: clickhouse",
        "  fence: customer # only rows of the ticket's customer; `everyone` compares with the others",
        *(["  params:", *(f"    {name}: {_quoted(value)}" for name, value in params.items())] if params else []),
        *([f"  # {tried}"] if tried else []),
        *([f"  # columns: {', '.join(f'{name} {kind}' for name, kind in columns)}"] if columns else []),
        "  query: |",
        *(f"    {text}".rstrip() for text in sql.split("\n")),
        "  measure:",
        f"    {method}: {line}",
        "  verdict:",
        f"    abnormal: {_quoted(verdict)}",
        f"    normal: {_quoted(f'!({verdict})')}",
        f"  result: {_quoted(shown)}",
        "  evidence:",
        f"    - kind: {kind} # choose what fits: see the words beside the editor",
        f"      summary: {_quoted(f'{title}: {shown}.')}",
    ]
    return "\n".join(lines)


def _measure(step_id: str, columns: Columns) -> tuple[str, str, str, str]:
    """(name, the measure's line, when it is abnormal, its figures in words)"""
    time = next((name for name, kind in columns if "DateTime" in kind), "")
    numbers = [name for name, kind in columns if re.search(r"^(?:Nullable\()?(?:U?Int|Float|Decimal)", kind)]
    groups = [name for name, kind in columns if "String" in kind]
    group = f", group: {groups[0]}" if len(groups) == 1 else ""
    change, before = f"{step_id}.change", f"{{{step_id}.change.baseline"
    if time and {"mean_log", "var_log"} <= set(numbers):
        n = next((name for name in ("n", "requests", "total") if name in numbers), "n")
        line = f"{{method: level_change, time: {time}, n: {n}{group}}}"
        return "change", line, f"{change}.significant", f"{{{change}.current|ms}}, before {before}|ms}}"
    if time and "total" in numbers and len(numbers) > 1:
        hits = next(name for name in numbers if name != "total")
        line = f"{{method: share_change, time: {time}, hits: {hits}, total: total{group}}}"
        return "change", line, f"{change}.significant", f"{{{change}.current|percent}}, before {before}|percent}}"
    if time and len(numbers) == 1:
        line = f"{{method: count_change, time: {time}, count: {numbers[0]}{group}}}"
        return (
            "change",
            line,
            f"{change}.significant",
            f"{{{change}.current|number}} a minute, before {before}|number}}",
        )
    return "found", "{method: table}", f"{step_id}.found.count > 0.0", f"{{{step_id}.found.count|number}} rows"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def insert_step(text: str, step_id: str, block: str) -> tuple[str, int]:
    """The file with the step after its last one, and the step's line. PlaybookInvalid when the file cannot be read,
    StepRefused when it has such a step already or its steps stand in one line.
    """
    return _inserted(text, "steps", "id", step_id, block)


def insert_hypothesis(text: str, label: str, title: str) -> tuple[str, int]:
    """The file with the beginning of a hypothesis after its last one, and its line. It has no signals and a prior that
    lets it lead nowhere until somebody says what speaks for it. Raises as `insert_step`.
    """
    lines = [
        f"- label: {label}",
        f"  title: {_quoted(title)}",
        "  prior: -6.0 # leads nowhere; take the line out when it has signals",
        "  signals: [] # what speaks for it: - {when: ..., for: strong, says: ...}",
    ]
    return _inserted(text, "hypotheses", "label", label, "\n".join(lines))


def _inserted(text: str, section: str, key: str, name: str, block: str) -> tuple[str, int]:
    """The file with the block after the last item of its section, and the block's line."""
    what = "step" if section == "steps" else "hypothesis"
    tree = read_tree(text, "draft")
    lines = as_shown(text).split("\n")
    items = tree.get(section) if isinstance(tree, Mapping) else None
    indent = "  "
    if items is None:
        at = len(lines) if lines[-1] else len(lines) - 1
        block = f"{section}:\n" + textwrap.indent(block, indent)
        lines[at:at] = block.split("\n")
        return as_it_was("\n".join([*lines, ""]) if lines[-1] else "\n".join(lines), text), at + 2
    if not isinstance(items, list) or items.fa.flow_style():  # type: ignore[attr-defined]  # ruamel's sequence
        raise StepRefused(
            f"The {section} stand in one line: write each on lines of its own, beginning with '- {key}:'."
        )
    if any(isinstance(item, Mapping) and str(item.get(key)) == name for item in items):
        raise StepRefused(f"There is already a {what} {name!r}: choose another name.")
    if items:
        indent = " " * max(0, items.lc.item(0)[1] - 2)  # type: ignore[attr-defined]  # likewise
    keys = [line_of(tree, (part,)) for part in tree]
    at = min((line - 1 for line in keys if line > line_of(tree, (section,))), default=len(lines))
    # Comments above the next key belong to it, blank lines to neither.
    while at and (not lines[at - 1].strip() or lines[at - 1].startswith("#")):
        at -= 1
    lines[at:at] = ["", *textwrap.indent(block, indent).split("\n")]
    return as_it_was("\n".join(lines), text), at + 2


__all__ = ["StepRefused", "insert_hypothesis", "insert_step", "params_of", "step_text", "tidy"]
