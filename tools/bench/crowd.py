"""Many consoles on one server: each follows the feed as a console does, and sometimes makes an edit."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
import uuid
from collections.abc import Sequence
from typing import Any

import aiohttp
import msgspec

from api_client.decoding import decoder_of

_LAST_ONES_S = 5.0
_PAGE = 2000
_ROOT = "/dispatch/v1"


class CrowdRun(msgspec.Struct, frozen=True):
    """What a crowd saw. Times are in milliseconds.

    `edit_ms` is request to answer; `seen_ms` is request to the last console that had read the edit's history entry.
    """

    edit_ms: list[float]
    seen_ms: list[float]
    unseen: int
    """Edits that not every console had read five seconds after the last one."""

    refused: int
    reads: int


class _CrowdEntry(msgspec.Struct):
    edit: str | None = None


class _CrowdReport(msgspec.Struct):
    id: str
    version: int


class _Item(msgspec.Struct):
    kind: str
    data: msgspec.Raw


class _CrowdPage(msgspec.Struct):
    upto: int
    more: bool
    items: list[_Item]


class _Made:
    """An edit: when it was sent, how many consoles have read its entry, and when the last one did."""

    def __init__(self, sent: float) -> None:
        self.sent, self.seen, self.last = sent, 0, sent


def run_crowd(
    url: str,
    tokens: Sequence[str],
    reports: Sequence[str],
    *,
    seconds: float,
    edits_per_s: float,
    settle_s: float,
    seed: int = 1,
) -> CrowdRun:
    """Let one console per token work on the server at `url` for `seconds`, once they have followed it for `settle_s`;
    each has its own share of the `reports`.

    Edits come at random times, `edits_per_s` in all, whether the ones before were answered or not. Raises
    aiohttp.ClientError when the server cannot be reached.
    """
    crowd = _Crowd(url.rstrip("/"), random.Random(seed))
    return asyncio.run(crowd.work(tokens, reports, seconds, edits_per_s, settle_s))


class _Crowd:
    def __init__(self, url: str, chance: random.Random) -> None:
        self.root = url + _ROOT
        self._chance = chance
        self._made: dict[str, _Made] = {}
        self._edit_ms: list[float] = []
        self._refused = 0
        self.reads = 0

    async def work(
        self, tokens: Sequence[str], reports: Sequence[str], seconds: float, edits_per_s: float, settle_s: float
    ) -> CrowdRun:
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            async with session.get(f"{self.root}/stats") as answer:
                seq = int((await answer.json())["seq"])
            consoles = [_Console(self, session, token, seq) for token in tokens]
            tasks = [asyncio.create_task(run) for each in consoles for run in (each.listen(), each.read())]
            await asyncio.sleep(settle_s)
            editing: list[asyncio.Task[None]] = []
            until = time.monotonic() + seconds
            while (now := time.monotonic()) < until:
                place = self._chance.randrange(len(consoles))
                own = reports[place :: len(consoles)] or reports
                editing.append(asyncio.create_task(self._edit(consoles[place], self._chance.choice(own))))
                await asyncio.sleep(min(self._chance.expovariate(edits_per_s), until - now))
            await asyncio.gather(*editing)
            everybody = len(consoles)
            waited_until = time.monotonic() + _LAST_ONES_S
            while time.monotonic() < waited_until and any(one.seen < everybody for one in self._made.values()):
                await asyncio.sleep(0.05)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        seen = [(one.last - one.sent) * 1000 for one in self._made.values() if one.seen == everybody]
        return CrowdRun(self._edit_ms, seen, len(self._made) - len(seen), self._refused, self.reads)

    async def _edit(self, console: _Console, report: str) -> None:
        key = str(uuid.UUID(int=self._chance.getrandbits(128), version=4))
        kind = self._chance.choices(("note", "set", "claim"), (5, 3, 2))[0]
        data: dict[str, Any] = {}
        if kind == "note":
            data = {"text": "seen from the road, the water is rising"}
        elif kind == "set":
            data = {"priority": self._chance.randint(2, 4)}  # a closed report can be made no P1
        body = {"id": key, "kind": kind, "data": data, "device": console.device}
        headers = {**console.headers, "Idempotency-Key": key, "If-Match": f'"{console.version(report)}"'}
        made = self._made[key] = _Made(time.perf_counter())
        async with console.session.post(f"{self.root}/reports/{report}/edits", json=body, headers=headers) as answer:
            await answer.read()
        if answer.status == 200:
            self._edit_ms.append((time.perf_counter() - made.sent) * 1000)
        else:
            self._refused += 1
            del self._made[key]

    def read(self, key: str) -> None:
        """A console has read the history entry of this edit."""
        made = self._made.get(key)
        if made is not None:
            made.seen += 1
            made.last = time.perf_counter()


class _Console:
    """One console: a stream that wakes it, and reading on from where it was."""

    def __init__(self, crowd: _Crowd, session: aiohttp.ClientSession, token: str, seq: int) -> None:
        self._crowd = crowd
        self.session = session
        self.headers = {"Authorization": f"Bearer {token}"}
        self.device = str(uuid.uuid4())
        self._have = self._wanted = seq
        self._versions: dict[str, int] = {}
        self._wake = asyncio.Event()
        self._decode = decoder_of(_CrowdPage).decode
        self._entry = decoder_of(_CrowdEntry).decode
        self._report = decoder_of(_CrowdReport).decode

    def version(self, report: str) -> int:
        """The version of a report that it has read; a city that was just filled has each in its first."""
        return self._versions.get(report, 1)

    async def listen(self) -> None:
        """Follow the stream."""
        async with self.session.get(f"{self._crowd.root}/stream", headers=self.headers) as answer:
            async for line in answer.content:
                if line.startswith(b'data: {"seq":'):
                    self._wanted = int(line[13:].strip().rstrip(b"}"))
                    self._wake.set()

    async def read(self) -> None:
        """Read the feed whenever it has grown."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._have < self._wanted:
                query = {"after": str(self._have), "limit": str(_PAGE)}
                with contextlib.suppress(aiohttp.ServerDisconnectedError):
                    async with self.session.get(
                        f"{self._crowd.root}/changes", params=query, headers=self.headers
                    ) as answer:
                        page = self._decode(await answer.read())
                    self._crowd.reads += 1
                    self._have = page.upto
                    for item in page.items:
                        if item.kind == "report":
                            report = self._report(item.data)
                            self._versions[report.id] = report.version
                        elif item.kind == "entry" and (key := self._entry(item.data).edit) is not None:
                            self._crowd.read(key)
