"""One source with all its lanes, each on its own threads and sessions, so that a slow one holds no other."""

from __future__ import annotations

import contextlib
import logging
import random
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Protocol

from typing_extensions import override

from api_client import errors
from api_client.dispatch import DispatchClient
from api_client.model import Kind, Me
from api_client.transport import UnderWay
from console.files.errors import DamagedFile, StoreError
from console.rules.backoff import Backoff
from console.rules.messages import (
    Fetch,
    FindCaller,
    Look,
    Push,
    Reveal,
    SetPin,
    SignHandover,
    SignOut,
    Source,
    TryNow,
    Up,
    WhoseToken,
    Withdraw,
)
from console.sync.attempt import Attempt
from console.sync.cache_writer_proxy import CacheWriterProxy
from console.sync.download_lane import DownloadLane
from console.sync.export_notes import ExportNoteSender
from console.sync.health import LIVE, Health
from console.sync.photo_sender import PhotoSender
from console.sync.pull_dispatch import DispatchPuller
from console.sync.reconcile import ComparedPuller, Nightly, Puller
from console.sync.reconcile_dispatch import DispatchComparison
from console.sync.requests_lane import RequestsLane
from console.sync.retry import Timing, retry_after_s
from console.sync.send_dispatch import DispatchSender
from console.sync.send_lane import SENDERS, SendLane
from console.sync.stream import StreamLane
from console.sync.worker import Connection, LaneThread

_log = logging.getLogger(__name__)
_WITH_STREAM_S = 60.0
_SOON_S = 0.25
"""What the server has told of and not given is asked for after twice that, then more and more seldom."""
_QUIET_S = 5.0
"""The server says something every ten seconds, if only that it is there; who has heard nothing for so long asks."""
_A_MOMENT_S = 5.0
"""A server that asks for less patience than this is not away."""
_DEFECT = "Sigap could not take in what this server sent. It tries again; its log says more."


class Reader(Connection, Protocol):
    """The connection that a puller reads over."""

    def interrupt(self) -> None:
        """From any thread: end a request that hangs."""


class PullLane(LaneThread):
    """Runs rounds of a puller: when poked, when the poll is due, and after failures with back-off.

    While the source's breaker is open its rounds are the only requests.
    """

    def __init__(
        self,
        puller: Puller,
        client: Reader,
        health: Health,
        pause_s: Callable[[], float],
        random_source: random.Random,
    ) -> None:
        super().__init__("pull", client)
        self._puller = puller
        self._client = client
        self._health = health
        self._pause_s = pause_s
        self._random = random_source
        self._backoff = Backoff(random_source)

    @override
    def hurry(self) -> None:
        """Try at once, whatever failed; a request that hangs is ended for it."""
        super().hurry()
        # protects: trying-ends-what-hangs
        self._client.interrupt()

    @override
    def _work(self) -> None:
        damaged = False
        while not self._wakeup.stopped:
            if (asked := self._health.breaker.patience()) is not None:
                busy, left_s = asked
                wait_s = left_s + self._random.uniform(0, 1)
                if self._health.state == LIVE and left_s < _A_MOMENT_S:
                    self._wakeup.back_off(wait_s)  # it was asked for by a write: the data is no older for that
                else:
                    self._wait(busy, wait_s)
                continue
            try:
                self._puller.catch_up(lambda: self._wakeup.stopped)
            except DamagedFile as error:
                _log.info("cache.db was damaged and is being rebuilt")
                if damaged:
                    self._wait(error, self._backoff.next_s())
                damaged = True
            except (errors.ApiError, StoreError) as error:
                if self._wakeup.stopped:
                    break
                if isinstance(error, errors.ApiError):
                    self._health.breaker.failed(error)
                if not self._wakeup.heard_hurry():
                    self._wait(error, self._backoff.next_s(retry_after_s(error)))
            except Exception:
                _log.exception("what the server sent could not be taken in")
                self._wait(errors.Malformed(_DEFECT), self._backoff.next_s())
            else:
                damaged = False
                self._backoff.reset()
                self._health.breaker.answered()
                self._wakeup.wait(self._pause_s())
        self._client.close()

    def _wait(self, error: Exception, wait_s: float) -> None:
        self._health.failed(error, wait_s)
        self._wakeup.back_off(wait_s)


class Following(Protocol):
    """A source that is followed, whatever its kind."""

    @property
    def pulled(self) -> int:
        """How many objects were read."""

    @property
    def skipped(self) -> int:
        """How many objects could not be understood."""

    def start(self) -> None:
        """Start all lanes."""

    def push(self, push: Push) -> None:
        """Try an edit."""

    def withdraw(self, withdraw: Withdraw) -> None:
        """Do not try an edit if that has not begun."""

    def fetch(self, fetch: Fetch) -> None:
        """Bring a photo."""

    def look(self, look: Look) -> None:
        """The operator has a report open."""

    def reveal(self, reveal: Reveal) -> None:
        """Bring a reporter's contact."""

    def find_caller(self, asked: FindCaller) -> None:
        """Find the reports of a telephone number."""

    def find_owner(self, asked: WhoseToken) -> None:
        """Find out whose a token is."""

    def sign(self, asked: SignHandover | SetPin) -> None:
        """Offer a hand-over and have it signed, or set a PIN."""

    def sign_out(self, told: SignOut) -> None:
        """Tell that an operator has signed out."""

    def hurry(self) -> None:
        """Try everything at once."""

    def compare(self, *, believe: bool) -> None:
        """Compare the cache with the server now, not only at night; see console.rules.messages.Compare."""

    def look_at_silence(self) -> None:
        """Say of the server that it does not answer, where that is so; from any thread, every few seconds."""

    def steps(self) -> dict[str, int]:
        """How often each thread of its lanes got further, by the thread's name."""

    def stop(self) -> None:
        """End all lanes."""


class DispatchSource:
    """A Dispatch server that is followed."""

    def __init__(
        self,
        source: Source,
        token: str | None,
        folder: Path,
        cache_writer: CacheWriterProxy,
        emit: Callable[[Up], None],
        *,
        order_lifetime_s: float,
        clock: Callable[[], datetime],
        random_source: random.Random,
        timing: Timing,
    ) -> None:
        under_way = self._under_way = UnderWay()

        def client(under_way: UnderWay | None = under_way, token: str | None = token) -> DispatchClient:
            return DispatchClient(
                source.url,
                token,
                insecure_http=source.insecure_http,
                page=timing.page,
                small=timing.small,
                photo=timing.photo,
                silence_s=timing.silence_s,
                clock=clock,
                under_way=under_way,
            )

        def owner_of(other: str) -> Me:
            with contextlib.closing(client(None, other)) as asks:
                return asks.me()

        def sign_out(other: str) -> None:
            with contextlib.closing(client(None, other)) as tells:
                tells.sign_out()

        self._source, self._emit = source, emit
        self._timing = timing
        self._random = random_source
        kept = cache_writer.cursor(source.key)
        self._health = Health(source.key, emit, clock, kept.as_of if kept is not None else None)
        puller_client, upload_client = client(), client(None)  # a photo may take long to arrive

        def sender() -> DispatchSender:
            return DispatchSender(client(), order_lifetime_s)

        photo_sender = PhotoSender(folder, upload_client, sender())
        self._nightly = Nightly(self._health.server_now(), source.timezone, random_source)
        self._puller = DispatchPuller(
            source.key,
            puller_client,
            cache_writer,
            self._health,
            emit,
            heard=lambda: self._heard if self._stream.alive else -1,
            on_short_fill=self._nightly.soon,
            on_replaced=photo_sender.forget_uploads,
        )
        comparison = DispatchComparison(source.key, self._puller, puller_client, folder, cache_writer, self._health)
        self._compared = ComparedPuller(self._puller, comparison, self._health, self._nightly)
        told = ExportNoteSender(self._compared, puller_client, folder, source.key)
        self._pull = PullLane(told, puller_client, self._health, self._pause_s, random_source)
        self._stream = StreamLane(source.key, client(), self._health, self._on_news, self._on_beat, emit, random_source)
        attempt = Attempt(self._health, emit, self._pull.poke)
        self._push = SendLane("push", [sender() for _ in range(SENDERS)], attempt)
        self._upload = SendLane("upload", [photo_sender], attempt)
        self._download = DownloadLane(folder, source, client(None), emit)
        self._ask = RequestsLane(client(), self._health, emit, owner_of, sign_out)
        self._lanes = (self._pull, self._stream, self._ask, self._download, self._upload, self._push)
        self._health.on_live += [self._push.interrupt, self._stream.hurry, self._ask.tell_again]
        self._health.breaker.on_close.append(lambda: emit(TryNow(source.key)))
        self._heard = -1

    @property
    def pulled(self) -> int:
        """How many objects were read."""
        return self._puller.pulled

    @property
    def skipped(self) -> int:
        """How many objects could not be understood."""
        return len(self._puller.unreadable)

    def start(self) -> None:
        """Start all lanes."""
        self._health.announce()
        for lane in self._lanes:
            lane.start()

    def push(self, push: Push) -> None:
        """Try an edit."""
        lane = self._upload if push.edit.kind is Kind.PHOTO else self._push
        lane.push(push)

    def withdraw(self, withdraw: Withdraw) -> None:
        """Do not try an edit if that has not begun."""
        self._push.withdraw(withdraw)
        self._upload.withdraw(withdraw)

    def fetch(self, fetch: Fetch) -> None:
        """Bring a photo."""
        self._download.want(fetch)

    def look(self, look: Look) -> None:
        """The operator has a report open."""
        self._ask.look(look.report)

    def reveal(self, reveal: Reveal) -> None:
        """Bring a reporter's contact."""
        self._ask.reveal(reveal)

    def find_caller(self, asked: FindCaller) -> None:
        """Find the reports of a telephone number."""
        self._ask.find_caller(asked)

    def find_owner(self, asked: WhoseToken) -> None:
        """Find out whose a token is."""
        self._ask.find_owner(asked)

    def sign(self, asked: SignHandover | SetPin) -> None:
        """Offer a hand-over and have it signed, or set a PIN."""
        self._ask.sign(asked)

    def sign_out(self, told: SignOut) -> None:
        """Tell that an operator has signed out."""
        self._ask.sign_out(told)

    def hurry(self) -> None:
        """Try everything at once."""
        for lane in (self._pull, self._stream):
            lane.hurry()
        self._push.interrupt()
        self._emit(TryNow(self._source.key))

    def compare(self, *, believe: bool) -> None:
        """Compare the cache with the server now, not only at night. Such a server says itself what was deleted."""
        self._nightly.at_once()
        self._pull.poke()

    def look_at_silence(self) -> None:
        """Say that a question is not answered; where nothing is asked and the stream is silent, ask."""
        silent_s = self._under_way.silent_s()
        self._health.unanswered(silent_s)
        if not silent_s and self._stream.silent_s > _QUIET_S:
            self._pull.poke()

    def steps(self) -> dict[str, int]:
        """How often each thread of its lanes got further."""
        return {name: count for lane in self._lanes for name, count in lane.steps().items()}

    def stop(self) -> None:
        """End all lanes."""
        for lane in reversed(self._lanes):
            lane.stop()

    def _pause_s(self) -> float:
        if rounds := self._puller.rounds_behind:
            return min(self._timing.poll_s, _SOON_S * 2.0 ** min(rounds, 10)) * self._random.uniform(0.8, 1.2)
        return _WITH_STREAM_S if self._stream.alive else self._timing.poll_s * self._random.uniform(0.8, 1.2)

    def _on_news(self, seq: int) -> None:
        self._heard = seq
        if seq < 0:
            self._puller.on_stream_ended()
        if seq < 0 or seq > self._puller.seq:
            self._pull.poke()

    def _on_beat(self) -> None:
        """The server has nothing that we have not: what is in the cache is true now."""
        if self._health.state == LIVE and self._heard <= self._puller.seq:
            self._health.complete(detail=self._puller.remarks)
