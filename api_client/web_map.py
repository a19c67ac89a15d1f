"""Bring the pictures of a web map (an XYZ address): within limits, as its provider's headers ask, and nothing else."""

from __future__ import annotations

import email.utils
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from api_client import errors
from api_client.picture_size import is_moving_webp, picture_size
from api_client.transport import (
    HttpAnswer,
    TransferLimits,
    Transport,
    is_loopback,
    retry_after_s,
    split_address,
)

TILE = TransferLimits(connect_s=5.0, read_s=5.0, total_s=10.0, max_bytes=2 * 2**20)
MOST_SIDE_PX = 1024
FIRST_AGE_S, MOST_AGE_S = 7 * 86_400.0, 90 * 86_400.0
"""How long a picture is fresh whose server does not say, and at most."""
_PARTS = ("{z}", "{x}", "{y}")
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?(\d{1,10})", re.IGNORECASE)
_NOTHING = (204, 404, 410)


@dataclass(frozen=True)
class WebTile:
    """A picture, fresh for so many seconds; b"" where the provider has none, None where the one that was asked about is
    still right. `etag` is what the provider calls this state of it.
    """

    body: bytes | None
    fresh_s: float
    etag: str = ""


def check_web_map(address: str) -> str:
    """The address of a web map, as it is written down. Raises BadAddress with a sentence where it cannot be used."""
    address = address.strip()
    if any(address.count(part) != 1 for part in _PARTS):
        raise errors.BadAddress("The address of a web map has {z}, {x} and {y} in it, each once.")
    parts = split_address(address)
    if any(part in parts.netloc for part in _PARTS):
        raise errors.BadAddress("{z}, {x} and {y} belong behind the name of the server.")
    if parts.username or parts.password:
        raise errors.BadAddress("The address of a web map must not carry a name or password.")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise errors.BadAddress("A web map is only looked at over https.")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise errors.BadAddress(f"“{address}” is not an address: it must begin with https://.")
    return address


class WebMapClient:
    """Asks one web map for its pictures, one after another over one connection; for one thread, except `cut`."""

    def __init__(self, address: str) -> None:
        """Raises BadAddress."""
        parts = split_address(check_web_map(address))
        self._path = parts.path + (f"?{parts.query}" if parts.query else "")
        self._transport = Transport(f"{parts.scheme}://{parts.netloc}")

    @property
    def exchanges(self) -> int:
        """How many have ended, well or not."""
        return self._transport.exchanges

    def cut(self) -> None:
        """From any thread and for good: end what is under way."""
        self._transport.cut()

    def close(self) -> None:
        """Drop the connection."""
        self._transport.close()

    def tile(self, z: int, x: int, y: int, etag: str = "") -> WebTile:
        """One picture, or that the one of this `etag` is still right. Raises ApiError."""
        path = self._path
        for part, value in zip(_PARTS, (z, x, y), strict=True):
            path = path.replace(part, str(value))
        headers = {"Accept": "image/png,image/jpeg,image/webp"} | ({"If-None-Match": etag} if etag else {})
        answer = self._transport.request("GET", path, headers=headers, limits=TILE)
        host, status = self._transport.host, answer.status
        if status in (429, 503):
            raise errors.Busy(
                f"{host} asks for patience.", retry_after_s=retry_after_s(answer.headers, datetime.now(UTC))
            )
        if status in (401, 403):
            raise errors.Forbidden(f"{host} does not give its map to this computer ({status}).")
        if status == 304 and etag:
            return WebTile(None, _fresh_s(answer), etag)
        if status in _NOTHING:
            return WebTile(b"", _fresh_s(answer))
        if status != 200:
            raise errors.ServerFault(f"{host} has no map just now ({status}).")
        if _is_forbidden_to_keep(answer):
            raise errors.Forbidden(
                f"{host} does not allow that its map is kept, and Sigap shows only what it may keep."
            )
        # protects: web-map-of-pictures-only
        if not is_map_picture(answer.body):
            raise errors.NotThisServer(f"{host} answers with something that is no picture of a map.")
        return WebTile(answer.body, _fresh_s(answer), _etag(answer))


def is_map_picture(body: bytes) -> bool:
    """Whether bytes are one PNG, JPEG or WebP picture whose own head says that its sides are no longer than
    `MOST_SIDE_PX`: who draws it makes room for as many pixels as that says.
    """
    try:
        size = picture_size(body)
    except ValueError:
        return False
    return min(size) > 0 and max(size) <= MOST_SIDE_PX and not is_moving_webp(body)


def _fresh_s(answer: HttpAnswer) -> float:
    """For how long the answer's headers say that it is right."""
    said = _MAX_AGE.search(answer.headers.get("Cache-Control", ""))
    if said is not None:
        return min(float(said[1]), MOST_AGE_S)
    expires = answer.headers.get("Expires")
    if expires is None:
        return FIRST_AGE_S
    try:
        until = email.utils.parsedate_to_datetime(expires)
        return min(max(0.0, (until - datetime.now(UTC)).total_seconds()), MOST_AGE_S)
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _is_forbidden_to_keep(answer: HttpAnswer) -> bool:
    return "no-store" in answer.headers.get("Cache-Control", "").lower()


def _etag(answer: HttpAnswer) -> str:
    etag = answer.headers.get("ETag", "")
    return etag if len(etag) <= 200 and etag.isprintable() and etag.isascii() else ""
