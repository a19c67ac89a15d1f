"""Makes the secrets that users and programs show, says what is kept of them, and which names may bear one."""

from __future__ import annotations

import hashlib
import secrets

from console.server.errors import Invalid

_LONGEST_NAME = 100


def new_token() -> str:
    """A secret that nobody guesses; it is shown once and kept nowhere."""
    return secrets.token_urlsafe(32)


def hash_of(token: str) -> str:
    """What is kept of a secret: its SHA-256 in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()


def check_name(name: str) -> None:
    """Raises Invalid for a name that nobody may have."""
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise Invalid(f"A name has 1 to {_LONGEST_NAME} printable characters.")
