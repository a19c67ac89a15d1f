"""How often one client may ask: some at once, then at a steady rate; per user, key and address.

What nobody can pretend to be is counted per user or key; the rest per address, and IPv6 addresses per network, since
one subscriber has all of it. This computer is not limited by address: either nobody else can be there, or a proxy
stands before the server, and then `serve --behind-proxy` tells who asks. Of several processes of a city each allows
its share (docs/decisions/0033).
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from console.server.city.rates import KEY_POST, RULES, RateLimit
from console.server.errors import TooMany

_MOST_CLIENTS = 50_000
_PATIENCE_S = 2.0
_PATIENCE_OF_KEYS_S = 5.0
"""How long a request is held back rather than refused. A front sends one after the other and hears no 429 then."""
_MOST_WAITING, _MOST_WAITING_EACH = 200, 50
"""Requests that are held back at once: of each limit, and of each client."""


class RateLimits:
    """Counts who asks for what. May be called from any thread; `rules` replaces single limits (for tests).

    Of each client one time is kept: when all that it asked for would have been answered at the steady pace (the
    generic cell rate algorithm). Who is further ahead of now than the burst allows has to wait.
    """

    def __init__(
        self,
        rules: Mapping[str, str] | None = None,
        *,
        most_clients: int = _MOST_CLIENTS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._given = dict(rules or {})
        self._rules: dict[str, RateLimit] = {}
        self._processes = 1
        self._ahead: dict[tuple[str, str], float] = {}
        self._own: dict[tuple[str, str], RateLimit] = {}
        """The rules of their own by which programs were counted last."""
        self._most_clients = most_clients
        self._clock = clock
        self._sleep = sleep
        self._waiting: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self.settle({}, 1)

    @property
    def clients(self) -> int:
        """How many clients are remembered."""
        return len(self._ahead)

    def settle(self, city: Mapping[str, str], processes: int) -> None:
        """From now on the city's own rules hold, where it has some, and so many processes share what they allow.

        What was asked for under another rule is forgotten: who had used that up would wait by it for hours.
        """
        rules = {name: RateLimit.read(text) for name, text in (RULES | dict(city) | self._given).items()}
        with self._lock:
            # protects: a-loosened-rule-lets-in-at-once
            self._ahead = {
                place: ahead for place, ahead in self._ahead.items() if rules[place[0]] == self._rules[place[0]]
            }
            self._rules, self._processes = rules, max(1, processes)

    def spend(self, limit: str, client: str, cost: int = 1) -> None:
        """Count one request of a client (or `cost` of them); TooMany with the seconds to wait when there were many."""
        self._refuse(self._count(limit, client, cost))

    def has_room(self, limit: str, client: str, cost: int = 1) -> bool:
        """Count one request of a client; False (and it is not counted) when there were too many."""
        return self._count(limit, client, cost) <= 0

    def spend_by_address(self, limit: str, host: str | None) -> None:
        """Count one request from an address; requests from this computer are not counted."""
        if (network := network_of(host)) is not None:
            self.spend(limit, network)

    async def pace(self, limit: str, client: str, own: RateLimit | None = None) -> None:
        """Count one request of a client, and hold it back for a moment when there were many, on the event loop alone;
        TooMany when there were too many for that. `own` is a rule of this client's own.
        """
        patience_s = _PATIENCE_OF_KEYS_S if limit == KEY_POST else _PATIENCE_S
        # protects: slower-before-refused
        wait_s = self._count(limit, client, 1, patience_s=patience_s, own=own)
        if wait_s >= 0:
            self._refuse(wait_s)
            return
        place, everybody = (limit, client), (limit, "")
        self._waiting.update((place, everybody))
        try:
            await self._sleep(-wait_s)
        finally:
            self._waiting.subtract((place, everybody))
            if not self._waiting[place]:
                del self._waiting[place]

    async def pace_by_address(self, limit: str, host: str | None) -> None:
        """`pace`, for an address; requests from this computer are not counted."""
        if (network := network_of(host)) is not None:
            await self.pace(limit, network)

    def give_back_by_address(self, limit: str, host: str | None) -> None:
        """Do not count a request that was counted: nothing was done for it, as the server had too much to do. Else the
        phones behind one address would use up by their tries what would let them in.
        """
        place = (limit, network_of(host) or "")
        with self._lock:
            if place in self._ahead:
                self._ahead[place] -= self._rules[limit].step_s * self._processes

    def _count(
        self, limit: str, client: str, cost: int, *, patience_s: float = 0.0, own: RateLimit | None = None
    ) -> float:
        """Count it and return 0; or below zero the seconds for which it is held back; or do not count it, and return
        the seconds after which it would not be too much.
        """
        rule, place, now = own or self._rules[limit], (limit, client), self._clock()
        # protects: processes-share-a-limit
        step_s = rule.step_s * self._processes
        at_once_s = max(rule.burst * rule.step_s, cost * step_s if rule.burst >= cost else 0.0)
        with self._lock:
            # protects: a-key-does-not-wait-by-its-former-rule
            if own != self._own.get(place):
                self._ahead.pop(place, None)
                self._own.pop(place, None)
                self._own |= {place: own} if own is not None else {}
            ahead = max(self._ahead.get(place, now), now) + cost * step_s
            wait_s = ahead - now - at_once_s
            if wait_s > step_s * 1e-6 and (wait_s > patience_s or not self._may_wait(place)):
                return wait_s
            if place not in self._ahead and len(self._ahead) >= self._most_clients:
                self._forget(now)
            self._ahead[place] = ahead
            return min(0.0, -wait_s) if wait_s > step_s * 1e-6 else 0.0

    def _may_wait(self, place: tuple[str, str]) -> bool:
        return self._waiting[place] < _MOST_WAITING_EACH and self._waiting[place[0], ""] < _MOST_WAITING

    @staticmethod
    def _refuse(wait_s: float) -> None:
        if wait_s > 0:
            whole_s = max(1, math.ceil(wait_s))
            raise TooMany(f"Too many requests. Ask again in {whole_s} s.", retry_after_s=whole_s)

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
