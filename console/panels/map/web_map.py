"""The pictures of a web map: what is kept is shown at once, all else is asked of the sync process and shown then."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from console.cache.kept_tiles import KeptTiles
from console.panels import formatting
from console.rules.messages import BringTile, TileBrought, WebMap
from widgets.map.routes import Request

_AGAIN_S = 20.0
"""So long a picture that was asked for is not asked for again: of one that is never fresh there would be no end."""
_MOST_ASKED = 1_000

Place = tuple[int, int, int]
"""z, x, y."""


class WebMapPictures(QObject):
    """The pictures of the web map that a profile allows, while it is shown. Nothing is asked of its provider before."""

    changed = Signal()
    """Whether it is shown, or what its corner says."""
    came = Signal(int, int, int)
    """A picture (z, x, y) is another one now."""
    _wanted = Signal(int, int, int, float)

    def __init__(
        self,
        profile: Path,
        web_map: WebMap | None,
        ask: Callable[[BringTile], object],
        parent: QObject | None = None,
        *,
        wall_s: Callable[[], float] = time.time,
        steady_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ask` sends to the sync process, `wall_s` are seconds since 1970."""
        super().__init__(parent)
        self._profile, self._ask, self._wall_s, self._steady_s = profile, ask, wall_s, steady_s
        self._shown = False
        self._asked: dict[Place, float] = {}
        self._fetched: dict[Place, float] = {}
        """When those came that are shown although they are not fresh any more."""
        self._problem = ""
        self._oldest: float | None = None
        self._round = 0
        self._wanted.connect(self._want)
        self.set_map(web_map)

    @property
    def web_map(self) -> WebMap | None:
        """The map that the profile allows."""
        return self._web_map

    @property
    def is_shown(self) -> bool:
        """Whether it stands in the place of the streets now."""
        return self._shown and self._web_map is not None

    @property
    def round(self) -> int:
        """Another one when all pictures in view are to be asked for anew."""
        return self._round

    def try_again(self) -> None:
        """The network, or who asks over it, is back."""
        if self.is_shown:
            self.show(True)

    def set_map(self, web_map: WebMap | None) -> None:
        """Allow another map, or none; it is not shown until it is switched on."""
        self._web_map = web_map
        self._tiles = KeptTiles(self._profile, web_map.address) if web_map is not None else None
        self.show(False)

    def show(self, shown: bool) -> None:
        """Switch it on or off."""
        self._shown = shown
        self._round += 1
        self._forget()
        self.changed.emit()

    def picture(self, request: Request) -> bytes | None:
        """What is kept; from worker threads. What is not, or not fresh, is asked for."""
        tiles = self._tiles
        # protects: web-map-off-until-told
        if not self._shown or tiles is None:
            return None
        kept = tiles.get(request.z, request.x, request.y)
        if kept is None or kept.fresh_until <= self._wall_s():
            self._wanted.emit(request.z, request.x, request.y, kept.fetched if kept is not None else 0.0)
        return kept.body if kept is not None else None

    def on_brought(self, message: TileBrought) -> None:
        """The sync process has brought a picture, or says why not."""
        if not self.is_shown:
            return
        place = (message.z, message.x, message.y)
        fetched = self._fetched.pop(place, None)
        before = self._problem, self._oldest
        self._problem = message.problem
        if not message.problem:
            self._oldest = None
            self.came.emit(*place)
        elif fetched is not None:
            self._oldest = min(fetched, self._oldest or fetched)
        if before != (self._problem, self._oldest):
            self.changed.emit()

    def note(self) -> str:
        """What the corner says of it: whose it is, what is wrong, and how old what is shown may be."""
        if self._web_map is None or not self._shown:
            return ""
        words = [self._web_map.attribution]
        if self._problem:
            words.append(self._problem)
        if self._oldest is not None:
            age = formatting.age(max(0.0, self._wall_s() - self._oldest))
            words.append(self.tr("kept pictures, up to {age} old").format(age=age))
        return " · ".join(words)

    def _want(self, z: int, x: int, y: int, fetched: float) -> None:
        """On the thread of the window."""
        if self._web_map is None or not self._shown:
            return
        place, now = (z, x, y), self._steady_s()
        if fetched:
            self._fetched[place] = fetched
        if now - self._asked.get(place, -_AGAIN_S) < _AGAIN_S:
            return
        if len(self._asked) > _MOST_ASKED:
            self._forget()
        self._asked[place] = now
        self._ask(BringTile(self._web_map.address, z, x, y))

    def _forget(self) -> None:
        self._asked.clear()
        self._fetched.clear()
        self._problem, self._oldest = "", None
