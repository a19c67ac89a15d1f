"""Lets an area be drawn on the map, corner by corner, with the mouse or by keys alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, QRect

from console.city_map.messages import LatLon
from widgets.map.panel import MapPanel
from widgets.shell import Shell

Drawn = Callable[[tuple[LatLon, ...] | None], object]
"""Gets the corners of an area that is whole; None when the operator has left the drawing."""

_LEAST = 3


class AreaDrawing(QObject):
    """One area at a time; its outline stays on the map until `forget`, and the map then shows what it did before."""

    def __init__(
        self,
        window: Shell,
        map_: MapPanel,
        fault: Callable[[Sequence[LatLon]], str],
        most: int,
        say: Callable[[str], object],
        covered: Callable[[], QRect | None],
        parent: QObject | None = None,
    ) -> None:
        """`fault` says why corners are no area, "" when they are one; it has `most` corners. `say` shows a sentence;
        `covered` is the part of the screen that the open form stands in.
        """
        super().__init__(parent)
        self._window, self._map, self._fault, self._most, self._say = window, map_, fault, most, say
        self._covered = covered
        self._corners: list[LatLon] = []
        self._is_whole = False
        self._then: Drawn | None = None
        self._is_lent = False
        map_.corner_added.connect(self._add)
        map_.corner_moved.connect(self._move)
        map_.corner_removed.connect(self._remove)
        map_.area_ended.connect(self._end)
        map_.pick_left.connect(lambda: self._over(None))

    @property
    def is_on(self) -> bool:
        """Whether the operator is drawing."""
        return self._then is not None

    def start(self, corners: Sequence[LatLon], then: Drawn) -> None:
        """Let these corners be gone on with, none for a new area; `then` is called once."""
        if self._map.is_off or self._map.last_view is None:
            self._say(self.tr("The map shows nothing to draw on"))
            then(None)
            return
        self._lend()
        self._map.act("hold")
        self._corners, self._then, self._is_whole = list(corners), then, len(corners) >= _LEAST
        self._show()

    def show(self, corners: Sequence[LatLon]) -> None:
        """Show an area that was drawn before, in view."""
        self._lend()
        self._map.show_area(corners)
        if corners:
            (south, west), (north, east) = (tuple(map(edge, zip(*corners, strict=True))) for edge in (min, max))
            self._map.reveal((south + north) / 2, (west + east) / 2, self._covered())

    def forget(self) -> None:
        """What the area was for is over: nothing is drawn any more."""
        was_on, self._then = self.is_on, None
        if self._is_lent:
            self._is_lent = False
            self._map.show_area(())
            self._map.take_view_back()
        if was_on:
            self._window.focus_panel("queue")

    def _lend(self) -> None:
        self._is_lent = True
        self._map.lend_view()

    def _add(self, lat: float, lon: float, at: int) -> None:
        if len(self._corners) >= self._most:
            self._show(self.tr("An area has {n} corners at most").format(n=self._most))
        elif (lat, lon) not in self._corners:
            self._corners.insert(at if at >= 0 else len(self._corners), (lat, lon))
            self._show()

    def _move(self, at: int, lat: float, lon: float) -> None:
        if at < len(self._corners):
            self._corners[at] = (lat, lon)
        self._show()

    def _remove(self, at: int) -> None:
        if -len(self._corners) <= at < len(self._corners):
            del self._corners[at]
        self._show()

    def _end(self) -> None:
        if len(self._corners) < _LEAST:
            self._show(self.tr("An area takes three corners at least"))
        elif why := self._fault(self._corners):
            self._show(why)
        else:
            self._over(tuple(self._corners))

    def _over(self, corners: tuple[LatLon, ...] | None) -> None:
        then, self._then = self._then, None
        if then is not None:
            self._map.show_area(corners or ())
            then(corners)

    def _show(self, fault: str = "") -> None:
        """Draw the corners, and say what can be done, or first why it cannot go on."""
        count = len(self._corners)
        self._is_whole = self._is_whole and count >= _LEAST
        if not count:
            how = self.tr("Click the first corner, or move the map by arrows and press Space · Esc goes back")
        elif self._is_whole:
            how = self.tr(
                "Drag the corners · click the border for one more, the right button takes one away · Enter ends it · "
                "Esc goes back"
            )
        elif count < _LEAST:
            how = self.tr("Click the next corner, or Space at the cross · Backspace takes one back · Esc goes back")
        else:
            how = self.tr(
                "Enter, a double click or the first corner ends it ({n} corners) · Backspace takes one back · "
                "Esc goes back"
            ).format(n=count)
        words = "\n".join(part for part in (fault, how) if part)
        self._map.draw_area(self._corners, words, whole=self._is_whole)
