"""The lock of a console's screen: what is kept to know an operator's token again, and how long wrong tries wait."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime

import msgspec

FREE_TRIES = 5
"""So many wrong tokens in a row are answered at once; from then on each one has to be waited for."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 30.0, 900.0
_COST, _BLOCK, _PARALLEL, _BYTES = 2**14, 8, 1, 32
"""scrypt's: 16 MB and about 50 ms for each guess, as a token of another maker's server may be a short word."""


class TokenDigest(msgspec.Struct, frozen=True):
    """What is kept of a token while the screen is locked: enough to know it again, nothing that gives it away. Both
    are hexadecimal; `digest` is scrypt's of the token with this `salt`. `source` is whose token it is; `refused` that
    its server does not take it any more: then it unlocks nothing.
    """

    salt: str
    digest: str
    source: str = ""
    refused: bool = False


class KeptLock(msgspec.Struct, frozen=True):
    """A screen that is locked, as it is kept over a restart: since when, which tokens unlock it without a server, and
    how many wrong ones were tried. Where nobody signs in with a token, Enter alone unlocks it (`needs_token`).
    """

    since: datetime
    tokens: tuple[TokenDigest, ...] = ()
    failed: int = 0
    needs_token: bool = True


def digest_of(token: str, salt: bytes, source: str = "") -> TokenDigest:
    """What is kept of a token. Takes about 50 ms: for a worker."""
    return TokenDigest(salt.hex(), _scrypt(token, salt).hex(), source)


def is_one_of(token: str, kept: Iterable[TokenDigest]) -> bool:
    """Whether this is one of the tokens of which these digests are kept, and that their servers take, as far as is
    known. Takes about 50 ms for each: for a worker.
    """
    # protects: a-token-that-is-refused-unlocks-nothing
    return any(_fits(token, one) for one in kept if not one.refused)


def refused_by(token: str, kept: Iterable[TokenDigest]) -> str:
    """The source whose server does not take this token any more, "" where it is none of those. For a worker."""
    return next((one.source for one in kept if one.refused and _fits(token, one)), "")


def wait_s(failed: int) -> float:
    """How long the next try waits after so many wrong ones in a row, in seconds."""
    over = failed - FREE_TRIES
    # protects: guessing-is-waited-for
    return 0.0 if over < 0 else min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** min(over, 10))


def _fits(token: str, kept: TokenDigest) -> bool:
    try:
        salt = bytes.fromhex(kept.salt)
    except ValueError:
        return False
    return hmac.compare_digest(_scrypt(token, salt).hex(), kept.digest)


def _scrypt(token: str, salt: bytes) -> bytes:
    return hashlib.scrypt(
        token.encode("utf-8", "surrogatepass"), salt=salt, n=_COST, r=_BLOCK, p=_PARALLEL, dklen=_BYTES
    )
