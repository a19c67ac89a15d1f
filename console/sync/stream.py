"""The lane of the server's events: wake the pull, carry presence, keep the age of the data true."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from typing_extensions import override

from api_client import errors, model
from api_client.dispatch import DispatchClient
from console.rules.backoff import Backoff
from console.rules.degrees import on_earth
from console.rules.messages import Presence
from console.rules.moments import known_moment
from console.sync.health import LIVE, Health
from console.sync.retry import retry_after_s
from console.sync.worker import LaneThread


class StreamLane(LaneThread):
    """Holds one connection open while the source is live. `alive` is whether events arrive; without them pull polls."""

    def __init__(
        self,
        source: str,
        client: DispatchClient,
        health: Health,
        on_news: Callable[[int], None],
        on_beat: Callable[[], None],
        emit: Callable[[Presence], None],
        random_source: random.Random,
    ) -> None:
        super().__init__("stream", client)
        self._source = source
        self._client = client
        self._health = health
        self._on_news = on_news
        self._on_beat = on_beat
        self._emit = emit
        self._backoff = Backoff(random_source)
        self.alive = False
        self._heard_s = 0.0

    @property
    def silent_s(self) -> float:
        """For how long nothing has come over a stream that is alive."""
        return time.monotonic() - self._heard_s if self.alive else 0.0

    @override
    def _work(self) -> None:
        while not self._wakeup.stopped:
            if self._health.state != LIVE or self._health.breaker.open:
                self._wakeup.wait(5.0)
                continue
            error: errors.ApiError | None = None
            try:
                self._listen()
            except errors.ApiError as caught:
                error = caught
                self._health.breaker.failed(error)
            self.alive = False
            if self._wakeup.stopped:
                break
            # Whatever ended the stream may have hidden changes, or be the first sign that the server is gone.
            self._on_news(-1)
            self._wakeup.back_off(self._backoff.next_s(retry_after_s(error)))
        self._client.close()

    def _listen(self) -> None:
        with self._client.stream() as events:
            for event in events:
                if self._wakeup.stopped:
                    return
                self._heard_s = time.monotonic()
                if not self.alive:
                    self.alive = True
                    self._backoff.reset()
                if isinstance(event, model.Seq):
                    self._on_news(event.seq)
                elif isinstance(event, model.LastValues):
                    known = {unit: spot for unit, spot in event.positions.items() if on_earth(spot[0], spot[1])}
                    since = {who: at for who, told in event.since.items() if (at := known_moment(told)) is not None}
                    self._emit(Presence(self._source, known, event.looking, since))
                self._on_beat()
