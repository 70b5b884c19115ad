"""Public holidays of a country or one of its parts, from the library `holidays`."""

from __future__ import annotations

from datetime import date
from functools import lru_cache


def known(region: str) -> bool:
    """Whether `DE` or `DE-BE` (country and part, as in ISO 3166) is known."""
    import holidays

    country, _, part = region.partition("-")
    supported = holidays.list_supported_countries(include_aliases=True)
    return country in supported and (not part or part in supported[country])


@lru_cache(maxsize=256)
def of_year(region: str, year: int) -> frozenset[date]:
    """Dates of the public holidays; "" has none."""
    if not region:
        return frozenset()
    # The library takes a tenth of a second to load, and many an installation has none.
    import holidays

    country, _, part = region.partition("-")
    return frozenset(holidays.country_holidays(country, subdiv=part or None, years=year))
