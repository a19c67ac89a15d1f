"""How much one client may ask for: moving windows per user, key and address, kept in the memory of this process.

Several server processes count each for itself. What nobody can pretend to be is counted per user or key; the rest per
address, and IPv6 addresses per network, since one subscriber has all of it. This computer is not limited by address:
either nobody else can be there, or a proxy stands before the server, and then `serve --behind-proxy` tells who asks.
"""

from __future__ import annotations

import ipaddress
import math
import threading
import time

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from console.server.refusals import TooMany

_MOST_CLIENTS = 50_000


READ = "read"
WRITE = "write"
PUBLIC_READ = "public read"
CITIZEN_POST = "citizen's post"
CITIZEN_PHOTO = "citizen's photo"
KEY_POST = "post by key"
UPLOAD = "upload"
SIGN_IN = "unknown token"
SIGN_IN_RECORD = "record of unknown tokens"

RULES = {
    READ: "500 per 10 second",  # with a token, per user: 50 a second
    WRITE: "100 per 5 second",  # edits, photos, positions, per user: 20 a second, a hundred at once after being offline
    PUBLIC_READ: "500 per 10 second",  # without a token, per address
    CITIZEN_POST: "10 per 1 minute",  # new reports from citizens, per address
    CITIZEN_PHOTO: "30 per 1 minute",  # their photos, per address
    KEY_POST: "60 per 1 minute",  # new reports with an api_key, per key
    UPLOAD: "2000 per 1 hour",  # megabytes of photos, per user
    SIGN_IN: "10 per 1 minute",  # per address; known tokens work all the while
    SIGN_IN_RECORD: "60 per 1 minute",  # refused sign-ins written into the audit log, of all addresses together
}
"""What is limited, and how far. A window longer than a second with the same mean is a burst that is borne with."""


class Limits:
    """Counts who asks for what. May be called from any thread; `rules` replaces single limits (for tests)."""

    def __init__(self, rules: dict[str, str] | None = None, *, most_clients: int = _MOST_CLIENTS) -> None:
        self._items = {name: parse(text) for name, text in (RULES | (rules or {})).items()}
        self._storage = MemoryStorage()
        self._window = MovingWindowRateLimiter(self._storage)
        self._clients: set[str] = set()
        self._most_clients = most_clients
        self._lock = threading.Lock()

    @property
    def clients(self) -> int:
        """How many clients are remembered."""
        return len(self._clients)

    def spend(self, limit: str, client: str, cost: int = 1) -> None:
        """Count one request of a client (or `cost` of them); TooMany with the seconds to wait when there were many."""
        if not self.has_room(limit, client, cost):
            wait_s = self._wait_s(self._items[limit], limit, client)
            raise TooMany(f"Too many requests. Ask again in {wait_s} s.", retry_after_s=wait_s)

    def has_room(self, limit: str, client: str, cost: int = 1) -> bool:
        """Count one request of a client; False (and it is not counted) when there were too many."""
        self._remember(client)
        return self._window.hit(self._items[limit], limit, client, cost=cost)

    def spend_by_address(self, limit: str, host: str | None) -> None:
        """Count one request from an address; requests from this computer are not counted."""
        if (network := network_of(host)) is not None:
            self.spend(limit, network)

    def _wait_s(self, item: RateLimitItem, limit: str, client: str) -> int:
        ends = self._window.get_window_stats(item, limit, client).reset_time
        return max(1, math.ceil(ends - time.time()))

    def _remember(self, client: str) -> None:
        """The storage never forgets a client by itself; after very many it forgets all of them."""
        with self._lock:
            if client not in self._clients and len(self._clients) >= self._most_clients:
                self._clients.clear()
                self._storage.reset()
            self._clients.add(client)


def network_of(host: str | None) -> str | None:
    """What an address is counted as; None for this computer."""
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_loopback:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
