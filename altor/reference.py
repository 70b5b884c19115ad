"""Reference pages made from the code, so that they cannot say anything else: `manage.py reference` writes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.core.management import get_commands, load_command_class

from altor.registry import parts
from altor.roles import PERMISSIONS, VOUCHED, Role
from altor.settings.environment import ROOT, VARIABLES

FOLDER: Final = ROOT / "docs" / "reference"
_OWN_APPS: Final = ("altor", "investigations", "escalations", "knowledge", "metrics")
_MADE: Final = "<!-- Made by `manage.py reference`; edit the code instead. -->\n"


def pages() -> dict[str, str]:
    """File name -> text of every page that is made from the code."""
    return {
        "settings.md": settings_page(),
        "permissions.md": permissions_page(),
        "commands.md": commands_page(),
        "sources.md": sources_page(),
        **{name: _MADE + "\n" + text for made in parts("REFERENCE_PAGES") for name, text in made().items()},
    }


def write(folder: Path = FOLDER) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in pages().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        written.append(folder / name)
    return written


def settings_page() -> str:
    rows = "\n".join(
        f"| `{one.name}` | {one.description} | {one.default or '–'} | {'yes' if one.secret else ''} |"
        for one in VARIABLES
    )
    return f"""{_MADE}
# Settings

Everything is set by environment variables, or by `.env` in the project's root. Each can also be read from a file: set
`<NAME>_FILE` to its path. Empty text counts as not set. `manage.py check` warns of an unknown `ALTOR_...` variable.

| variable | meaning | default | secret |
| --- | --- | --- | --- |
{rows}
"""


def permissions_page() -> str:
    head = " | ".join(str(role.label) for role in Role)
    rows = "\n".join(
        f"| `{name}` | {text} | " + " | ".join("yes" if role in roles else "" for role in Role) + " |"
        for name, (roles, text) in PERMISSIONS.items()
    )
    return f"""{_MADE}
# Permissions

A role grants permissions; what is not granted is refused. A person sees only tickets of their own teams
(administrators: all; product engineers: those assigned to them). A token's scopes are names of this table and never
widen what its owner's role grants today.

A sidebar acts with the role of the person it knows. One for which only its helpdesk vouches may, on that connection's
tickets: {", ".join(f"`{name}`" for name in sorted(VOUCHED))}.

| permission | allows | {head} |
| --- | --- | {" | ".join("---" for _ in Role)} |
{rows}
"""


def commands_page() -> str:
    return (
        _MADE
        + "\n# Commands\n\n`python manage.py COMMAND --help` tells all options.\n\n"
        + "\n".join(_commands())
        + "\n"
        + _CONTRACT
    )


def _commands() -> Iterator[str]:
    for name, app in sorted(get_commands().items()):
        label = app if isinstance(app, str) else app.__module__
        if label.split(".")[0] not in _OWN_APPS:
            continue
        command = load_command_class(label, name)
        yield f"## {name}\n\n{command.help}\n"
        parser = command.create_parser("manage.py", name)
        for action in parser._actions:
            choices = getattr(action, "choices", None)
            if isinstance(choices, dict):
                helps = {choice.dest: choice.help or "" for choice in getattr(action, "_choices_actions", [])}
                yield "\n".join(f"- `manage.py {name} {sub}`: {helps.get(sub, '')}" for sub in choices) + "\n"


_CONTRACT: Final = """
## The contract of `investigate`

```
python manage.py investigate TICKET.json [--installation FILE] [--as-of ISO8601] [--playbook KEY] [--format text|json]
```

Needs no worker and no web process. `TICKET.json` may be `-`. `--installation` applies a profile to this run only; its
customers are the only ones known to the run. `--as-of NOW`, or absent, takes the profile's `now` where it has one,
else the present.
Progress goes to standard error; with `--format json` standard output holds exactly one JSON object.

| exit code | meaning |
| --- | --- |
| 0 | a diagnosis was reached, also "nothing wrong" and "inconclusive" |
| 2 | the input is wrong; one line says what |
| 3 | the run failed |

`python manage.py investigate --replay INV-7 [--format text|json]` weighs a finished run anew from the facts it has
stored, with the playbook version it took, and compares: the same evidence gives the same diagnosis. Nothing is asked,
nothing is written. Exit code 0 when it is the same, 1 when it differs, with what changed and why where that is known, 2
for a run that is not there or not finished. As JSON: `{"investigation", "ticket", "playbook", "same", "result_hash",
"replayed_hash", "changed": {name: {"before", "after"}}, "because": [...]}`.

## The contract of `mcp`

```
python manage.py mcp [--token-file FILE]
python manage.py mcp --http [--host 127.0.0.1] [--port 8765]
```

Speaks the Model Context Protocol: over standard input and output with the token of FILE or `ALTOR_TOKEN`, or over
streamable HTTP at `/mcp`, where each request brings its own as `Authorization: Bearer`. Standard output holds messages
only; all else goes to standard error. It ends with 0 at the end of its input, at SIGTERM and at SIGINT, and with 2 when
the token is missing or does not live, or the port cannot be had; with 3 when the database cannot be reached. The tools
are told in [tools for assistants](assistant-tools.md).

## The contract of `knowledge import`

```
python manage.py knowledge import DIR|FILE [--format markdown|csv|zendesk|intercom] [--dry-run] [--archived]
                                  [--source NAME]
```

Standard output: name and number, separated by a tab: `created`, `updated`, `unchanged`, and where there are any
`left alone`, `skipped`; before them, save for Markdown, `format` and its name. Standard error: one line each,
`file or id: what`, and how many were not understood.

| exit code | meaning |
| --- | --- |
| 0 | all of it was understood |
| 1 | something was not understood; the rest was imported |
| 2 | nothing could be read; one line says why |

## The contract of `knowledge evaluate`

```
python manage.py knowledge evaluate --set DIR [--run OUT.tsv] [--limit N]
```

DIR holds `corpus.jsonl.gz` (`id`, `title`, `text`), `queries.jsonl` (`id`, `text`) and, where the answers are known,
`qrels.tsv` (query, entry, grade, separated by tabs). Loads the corpus as entries of a scratch space, sends every query
through the call that REST uses, prints nDCG@10, success@1, success@5 and MRR@10 (with `qrels.tsv`) and the times p50
and p95, and leaves nothing behind. `--run` writes query, entry, rank and score as TSV without a header, `--limit`
results for each query (10). Exit code 2 for a collection that cannot be read; one line says where.
"""


def sources_page() -> str:
    sections = []
    for source in parts("SOURCES"):
        lines = [
            f"## {source.title}",
            f"Name in playbooks: `{source.name}`. At most {source.concurrency} requests at once.",
        ]
        for operation in source().operations().values():
            names = ", ".join(f"`{name}`" for name in operation.params.model_fields) or "none"
            lines += [
                f"### `{operation.name}`",
                f"{operation.title}. Parameters: {names}.",
                f"```\n{operation.returns}\n```",
            ]
        sections.append("\n\n".join(lines))
    return f"""{_MADE}
# Sources

What each source can be asked, and what it gives. All only read. Which access each needs stands in
[connect your systems](../how-to/connect-sources.md).

{(chr(10) * 2).join(sections)}
"""
