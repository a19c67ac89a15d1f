"""How often one client may ask: some at once, then at a steady rate; per user, key and address, in this process.

Several server processes count each for itself. What nobody can pretend to be is counted per user or key; the rest per
address, and IPv6 addresses per network, since one subscriber has all of it. This computer is not limited by address:
either nobody else can be there, or a proxy stands before the server, and then `serve --behind-proxy` tells who asks.
"""

from __future__ import annotations

import ipaddress
import math
import re
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from console.server.errors import TooMany

_MOST_CLIENTS = 50_000


READ = "read"
WRITE = "write"
PUBLIC_READ = "public read"
PLACE_SEARCH = "search of places"
CITIZEN_POST = "citizen's post"
CITIZEN_PHOTO = "citizen's photo"
KEY_POST = "post by key"
UPLOAD = "upload"
CALLER = "reports of a caller"
SIGN_IN = "unknown token"
SIGN_IN_RECORD = "record of unknown tokens"

RULES = {
    READ: "500 per 10 second",  # with a token, per user: 50 a second
    WRITE: "100 per 5 second",  # edits, photos, positions, per user: 20 a second, a hundred at once after being offline
    PUBLIC_READ: "500 per 10 second",  # without a token, per address
    PLACE_SEARCH: "150 per 30 second",  # places while they are typed, and addresses of points, per address
    CITIZEN_POST: "120 per 2 minute",  # new reports from citizens, per address: a thousand phones of a carrier have one
    CITIZEN_PHOTO: "180 per 2 minute",  # their photos, per address
    KEY_POST: "60 per 1 minute",  # new reports with an api_key, per key
    UPLOAD: "2000 per 1 hour",  # megabytes of photos, per user
    CALLER: "30 per 10 minute",  # searches by a telephone number, per user: who takes calls asks for fewer
    SIGN_IN: "10 per 1 minute",  # per address; known tokens work all the while
    SIGN_IN_RECORD: "60 per 1 minute",  # refused sign-ins written into the audit log, of all addresses together
}
"""What is limited, and how far: so many at once, and as many again in that time. A long time bears with a burst."""

_SECONDS = {"second": 1, "minute": 60, "hour": 3600}


class RateLimit(NamedTuple):
    """How many requests may come at once; after them one every `step_s`."""

    burst: int
    step_s: float

    @classmethod
    def read(cls, text: str) -> RateLimit:
        """A rule from its text, such as "100 per 5 second"; ValueError when it is none."""
        found = re.fullmatch(r"(\d+) per (\d+) (second|minute|hour)", text)
        if found is None:
            raise ValueError(f"“{text}” is no rule; write it as “100 per 5 second”.")
        return cls(int(found[1]), int(found[2]) * _SECONDS[found[3]] / int(found[1]))


class RateLimits:
    """Counts who asks for what. May be called from any thread; `rules` replaces single limits (for tests).

    Of each client one time is kept: when all that it asked for would have been answered at the steady pace (the
    generic cell rate algorithm). Who is further ahead of now than the burst allows has to wait.
    """

    def __init__(
        self,
        rules: dict[str, str] | None = None,
        *,
        most_clients: int = _MOST_CLIENTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rules = {name: RateLimit.read(text) for name, text in (RULES | (rules or {})).items()}
        self._ahead: dict[tuple[str, str], float] = {}
        self._most_clients = most_clients
        self._clock = clock
        self._lock = threading.Lock()

    @property
    def clients(self) -> int:
        """How many clients are remembered."""
        return len(self._ahead)

    def spend(self, limit: str, client: str, cost: int = 1) -> None:
        """Count one request of a client (or `cost` of them); TooMany with the seconds to wait when there were many."""
        wait_s = self._count(limit, client, cost)
        if wait_s > 0:
            whole_s = max(1, math.ceil(wait_s))
            raise TooMany(f"Too many requests. Ask again in {whole_s} s.", retry_after_s=whole_s)

    def has_room(self, limit: str, client: str, cost: int = 1) -> bool:
        """Count one request of a client; False (and it is not counted) when there were too many."""
        return self._count(limit, client, cost) <= 0

    def spend_by_address(self, limit: str, host: str | None) -> None:
        """Count one request from an address; requests from this computer are not counted."""
        if (network := network_of(host)) is not None:
            self.spend(limit, network)

    def _count(self, limit: str, client: str, cost: int) -> float:
        """Count it and return 0, or do not and return the seconds to wait."""
        rule, place, now = self._rules[limit], (limit, client), self._clock()
        with self._lock:
            ahead = max(self._ahead.get(place, now), now) + cost * rule.step_s
            wait_s = ahead - now - rule.burst * rule.step_s
            if wait_s > rule.step_s * 1e-6:
                return wait_s
            if place not in self._ahead and len(self._ahead) >= self._most_clients:
                self._forget(now)
            self._ahead[place] = ahead
            return 0.0

    def _forget(self, now: float) -> None:
        """Forget clients that have asked for nothing for long; when all ask, forget all."""
        self._ahead = {place: ahead for place, ahead in self._ahead.items() if ahead > now}
        if len(self._ahead) >= self._most_clients:
            self._ahead.clear()


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
