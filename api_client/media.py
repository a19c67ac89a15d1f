"""Fetch a photo from an address found inside data: no credentials, no private networks, limits of size and time."""

from __future__ import annotations

from api_client import errors
from api_client.transport import FOREIGN_PHOTO, TransferLimits, Transport, is_public, split_address


def fetch_photo(url: str, *, own_scheme: str, own_netloc: str, limits: TransferLimits = FOREIGN_PHOTO) -> bytes:
    """The bytes at an address found in data.

    Only https, or the source's own scheme and host; a private or local address only when host and port are the
    source's own. No redirect is followed to another host. Raises ApiError.
    """
    parts = split_address(url)
    own = (parts.scheme, parts.netloc) == (own_scheme, own_netloc)
    if not own and parts.scheme != "https":
        raise errors.BadAddress("A photo is only fetched over https, or from the report's own server.")
    if not parts.hostname or parts.username or parts.password:
        raise errors.BadAddress("That is not an address of a photo.")
    base = f"{parts.scheme}://{parts.netloc}"
    transport = Transport(base, insecure_http=own, address_allowed=None if own else is_public)
    path = parts.path or "/"
    try:
        answer = transport.request("GET", path + (f"?{parts.query}" if parts.query else ""), limits=limits)
    finally:
        transport.close()
    if answer.status != 200:
        raise errors.Refused(f"{parts.netloc} has no such photo ({answer.status}).", status=answer.status)
    return answer.body
