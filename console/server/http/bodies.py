"""Read request bodies, within limits on memory for all bodies together and for those of one client."""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import ClientDisconnect, Request

from console.server.errors import Overloaded, Refusal, TooLargeRefusal, TooSlow

SMALL_BODY = 1_000_000
BODY_S, PART_S = 300.0, 30.0
"""How long a body may take, and how long each piece of it."""
PART_BYTES = 65_536
"""A piece: whoever drips bytes does not hold what he has sent before."""
MOST_BYTES = 64_000_000
"""Of all bodies at one moment."""
_LARGE_BYTES = 48_000_000
"""Of those among them that may be larger than an edit, so that there is room for edits whatever photos come."""
_PUBLIC_BYTES = 40_000_000
"""Of those from people without an account."""
_EACH_BYTES = 32_000_000
"""Of one user, or of one address without an account. A photo that comes in a form is held twice for a moment."""


class BodyBudget:
    """How many bytes of bodies are held; the limits are in bytes, for tests. Used on the event loop only."""

    def __init__(
        self,
        most: int = MOST_BYTES,
        *,
        large: int = _LARGE_BYTES,
        public: int = _PUBLIC_BYTES,
        each: int = _EACH_BYTES,
    ) -> None:
        self._most = {"": most, "large": large, "public": public}
        self._each = each
        self._held: Counter[str] = Counter()
        self._of: Counter[str] = Counter()

    @property
    def held(self) -> int:
        """How many bytes are held now."""
        return self._held[""]

    @contextmanager
    def share(self, whose: str | None, *, large: bool, public: bool) -> Iterator[BodyShare]:
        """What one request takes, until it is answered; `whose` None (this computer) has no limit of its own."""
        kinds = ["", *(["large"] if large else []), *(["public"] if public else [])]
        share = BodyShare(self, whose, kinds)
        try:
            yield share
        finally:
            self.take(whose, kinds, -share.taken)

    def take(self, whose: str | None, kinds: list[str], size: int) -> None:
        """Count bytes more (or less). Overloaded when there is no room for them."""
        if size > 0:
            if any(self._held[kind] + size > self._most[kind] for kind in kinds):
                raise Overloaded("Very much is being sent to this server at this moment. Send it again.")
            if whose is not None and self._of[whose] + size > self._each:
                raise Overloaded("You are sending very much at once. Send one after the other.")
        for kind in kinds:
            self._held[kind] += size
        if whose is not None:
            self._of[whose] += size
            if not self._of[whose]:
                del self._of[whose]


class BodyShare:
    """What one request has taken of the budget."""

    def __init__(self, budget: BodyBudget, whose: str | None, kinds: list[str]) -> None:
        self._budget = budget
        self._whose = whose
        self._kinds = kinds
        self.taken = 0

    def take(self, size: int) -> None:
        """Take bytes more. Raises Overloaded."""
        self._budget.take(self._whose, self._kinds, size)
        self.taken += size


async def read_body(request: Request, most: int, share: BodyShare) -> bytes:
    """The body of a request; TooLargeRefusal as soon as it has more bytes than `most`, TooSlow when it does not come,
    Overloaded when there is no room for it.
    """
    whole = BodyReader(request, share)
    await whole.read(most)
    return whole.content


class BodyReader:
    """A body as it comes."""

    def __init__(self, request: Request, share: BodyShare) -> None:
        self._request = request
        self._share = share
        self._parts = request.stream()
        self._kept = io.BytesIO()
        self.ended = False

    @property
    def content(self) -> bytes:
        """What has come; not copied."""
        return self._kept.getvalue()

    async def read(self, most: int, enough: int | None = None) -> None:
        """Read on until the end, or until `enough` bytes are there. Raises as `read_body` does."""
        announced = self._request.headers.get("content-length", "0")
        if announced.isdigit() and int(announced) > most:
            raise _too_large(most)
        try:
            async with asyncio.timeout(BODY_S), asyncio.timeout(PART_S) as patience:
                timed = self._kept.tell()
                while not self.ended and (enough is None or self._kept.tell() < enough):
                    part = await anext(self._parts, None)
                    if self._kept.tell() >= timed + PART_BYTES:
                        timed = self._kept.tell()
                        patience.reschedule(asyncio.get_running_loop().time() + PART_S)
                    if part is None:
                        self.ended = True
                        return
                    if self._kept.tell() + len(part) > most:
                        raise _too_large(most)
                    self._share.take(len(part))
                    self._kept.write(part)
        except TimeoutError:
            raise TooSlow("The body did not come in time.") from None
        except ClientDisconnect:
            raise Refusal("The connection ended before the body was whole.") from None


def _too_large(most: int) -> TooLargeRefusal:
    return TooLargeRefusal(f"The body has more than {most:,} bytes.")
