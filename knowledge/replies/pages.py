"""The reference page of placeholders, made from their list."""

from __future__ import annotations

from knowledge.replies.format import CLASSES, PART_NAMES, REQUIRED
from knowledge.replies.placeholders import PLACEHOLDERS
from knowledge.replies.wording import LANGUAGES


def pages() -> dict[str, str]:
    """File name below the reference folder -> Markdown."""
    rows = "\n".join(
        f"| `{{{one.name}}}` | {one.title} | {one.example} | {one.unknown['en'] or '(the sentence is left out)'} |"
        for one in PLACEHOLDERS.values()
    )
    parts = "\n".join(
        f"| `{name}` | {title} | {'yes' if name in REQUIRED else ''} |" for name, title in PART_NAMES.items()
    )
    return {
        "reply-placeholders.md": f"""# Placeholders of reply templates

A template is plain text. `{{name}}` between single braces is replaced where the name stands in the list below; a name
that does not is refused when the template is saved. There are no formats, conditions or attributes, and what is put in
is never read again: braces inside of a value, and double braces, are text.

A sentence whose placeholder is not known is not left out: the sentence of the last column takes its place. Until a
cause can be named with confidence, everything that belongs to a cause is not known.

| placeholder | stands for | example | when it is not known |
| --- | --- | --- | --- |
{rows}

Figures are rounded so far that their digits are meant: shares from 10 % on to 5 points, durations and counts to two
digits. Money, status codes and ids are never rounded. A time is told with its zone: the customer's, where the helpdesk
knows it, else UTC; a beginning that is known only roughly is told to five minutes, with “about”.

## Parts

| part | holds | required |
| --- | --- | --- |
{parts}

## Cases

A template is for a kind (`acknowledgement`, `holding`, `answer`), a class ({", ".join(f"`{one}`" for one in CLASSES)},
or empty for any), a label of a cause (`inconclusive` = no cause can be named; empty = any named cause), a language
({", ".join(f"`{code}`" for code in LANGUAGES)}) and a tone (`neutral`, `warm`, `brief`).
"""
    }
