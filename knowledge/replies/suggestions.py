"""The wording that a finding offers, taken out of its advice."""

from __future__ import annotations

import re
from typing import Final

_OFFERED: Final = re.compile(r"\bSay “([^“”\d]{1,200})”")


def replacement_in(suggestion: str) -> str:
    """The one wording that is to be said; "" for advice that offers none, several to choose from, or an example, which
    would bring a figure along that nobody measured.
    """
    found = _OFFERED.findall(suggestion)
    return found[0] if len(found) == 1 and suggestion.count("“") == 1 else ""
