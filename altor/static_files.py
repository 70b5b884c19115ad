"""How browser files are served: hashed names, also for the modules that `app.js` imports, compressed beforehand."""

from __future__ import annotations

from typing import Final

from whitenoise.storage import CompressedManifestStaticFilesStorage  # type: ignore[import-untyped]  # has no types

_IMPORT: Final = r"""(?P<matched>import(?P<import>[\s{][^;]*?)\s*from\s*['"](?P<url>\./[^'"]+)['"]\s*;)"""


class HashedStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise ships no types
    """Django's own search for imports looks through every script and stumbles over minified ones, so ours is named."""

    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        ("altor/app.js", ((_IMPORT, 'import%(import)s from "%(url)s";'),)),
    )
