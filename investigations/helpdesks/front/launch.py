"""Front opens a plugin's page with `?auth_secret=…`: a word that is the same every time, for one app in one company.

So it vouches for the connection and for nobody in it. The page hands it in at once for a short-lived token of ours and
takes it out of its address; which conversation is open comes from Front's own script in the browser, and only selects.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from investigations.helpdesks.launches import Launched, LaunchRefused

#: How long the page may take before it hands the secret in.
VALID: Final = timedelta(minutes=5)


def read_launch(secrets: Sequence[str], query: Mapping[str, str], *, now: datetime) -> Launched:
    """LaunchRefused unless one of the connection's launch secrets stands in `auth_secret`."""
    given = query.get("auth_secret", "").encode(errors="replace")
    fits = False
    for secret in secrets:
        known = secret.strip().encode()
        fits |= hmac.compare_digest(known, given) and bool(known)
    if not fits:
        raise LaunchRefused("auth_secret is missing, or is not the one of this connection.")
    return Launched(external_id="", agent=None, nonce="", expires_at=now + VALID)
