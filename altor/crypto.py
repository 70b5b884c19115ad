"""Secrets at rest: MultiFernet over `ALTOR_ENCRYPTION_KEYS` (newest first)."""

from __future__ import annotations

from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    if not keys:
        raise ImproperlyConfigured("ALTOR_ENCRYPTION_KEYS is empty: secrets cannot be stored or read")
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise ImproperlyConfigured(f"ALTOR_ENCRYPTION_KEYS holds a key that is not a Fernet key: {error}") from None


def encrypt_text(text: str) -> str:
    return _fernet(tuple(settings.ENCRYPTION_KEYS)).encrypt(text.encode()).decode()


def decrypt_text(token: str) -> str:
    """Raises ImproperlyConfigured when no key fits: a wrong key must fail loudly, never read as an empty secret."""
    try:
        return _fernet(tuple(settings.ENCRYPTION_KEYS)).decrypt(token.encode()).decode()
    except InvalidToken:
        raise ImproperlyConfigured(
            "A stored secret cannot be decrypted: its key is not in ALTOR_ENCRYPTION_KEYS"
        ) from None


def rotate_text(token: str) -> str:
    """The same secret under the newest key."""
    return _fernet(tuple(settings.ENCRYPTION_KEYS)).rotate(token.encode()).decode()
