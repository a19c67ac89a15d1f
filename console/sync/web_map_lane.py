"""The lane that brings pictures of a web map while it is shown: what is asked for last first, and never ahead."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from typing_extensions import override

from api_client import errors
from api_client.web_map import WebMapClient, WebTile
from console.cache.kept_tiles import KeptTile, KeptTiles
from console.rules.messages import BringTile, TileBrought
from console.sync.worker import LaneThread

MOST_WAITING = 64
"""So many does one view show; what was asked for before them was scrolled away."""
_IDLE_S = 60.0
_PAUSE_S, _MOST_PAUSE_S = 5.0, 300.0
"""How long a map that refuses or does not answer is left alone."""


class WebMapLane(LaneThread):
    """Brings pictures of one web map into the profile's kept tiles; answers every BringTile that it gets round to."""

    def __init__(
        self,
        folder: Path,
        address: str,
        emit: Callable[[TileBrought], None],
        *,
        clock: Callable[[], float] = time.time,
        pause_s: float = _PAUSE_S,
    ) -> None:
        """Raises BadAddress."""
        client = WebMapClient(address)
        super().__init__("web map", client)
        self._client = client
        self._tiles = KeptTiles(folder, address)
        self._emit = emit
        self._clock = clock
        self._pause_s = pause_s
        self._quiet_until = 0.0
        self._problem = ""
        self._wanted: dict[tuple[int, int, int], BringTile] = {}

    def want(self, asked: BringTile) -> None:
        """Bring one picture; from any thread."""
        place = (asked.z, asked.x, asked.y)
        self._wanted.pop(place, None)
        self._wanted[place] = asked
        while len(self._wanted) > MOST_WAITING:
            self._wanted.pop(next(iter(self._wanted)), None)
        self.poke()

    @override
    def hurry(self) -> None:
        """Ask at once, also one that refused."""
        self._quiet_until = 0.0
        super().hurry()

    @override
    def _work(self) -> None:
        while not self._wakeup.stopped:
            self._wakeup.wait(0.0 if self._wanted else _IDLE_S)
            if self._wanted and not self._wakeup.stopped:
                _, asked = self._wanted.popitem()
                self._emit(self._answer(asked))
        self._client.close()

    def _answer(self, asked: BringTile) -> TileBrought:
        if self._clock() < self._quiet_until:
            return TileBrought(asked.z, asked.x, asked.y, self._problem)
        kept = self._tiles.get(asked.z, asked.x, asked.y)
        if kept is not None and kept.fresh_until > self._clock():
            return TileBrought(asked.z, asked.x, asked.y)
        try:
            self._keep(asked, kept, self._client.tile(asked.z, asked.x, asked.y, kept.etag if kept is not None else ""))
        except errors.ApiError as error:
            pause_s = self._pause_s
            if isinstance(error, errors.Busy | errors.Forbidden):  # who says no is not asked again at once
                pause_s = min(getattr(error, "retry_after_s", None) or 12 * pause_s, _MOST_PAUSE_S)
            self._quiet_until, self._problem = self._clock() + pause_s, str(error)
            return TileBrought(asked.z, asked.x, asked.y, self._problem)
        except OSError as error:
            return TileBrought(asked.z, asked.x, asked.y, f"Pictures of the map cannot be kept: {error.strerror}.")
        return TileBrought(asked.z, asked.x, asked.y)

    def _keep(self, asked: BringTile, kept: KeptTile | None, found: WebTile) -> None:
        now = self._clock()
        if found.body is None:
            if kept is None:
                raise errors.Malformed("The web map says that a picture is still right which was never asked about.")
            fresh = msgspec.structs.replace(kept, fetched=now, fresh_until=now + found.fresh_s)
        else:
            fresh = KeptTile(found.body, now, now + found.fresh_s, found.etag)
        self._tiles.put(asked.z, asked.x, asked.y, fresh)
