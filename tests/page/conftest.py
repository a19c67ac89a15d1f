"""The real map page in the real engine, with answers that each test decides."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from console.tasks import Tasks
from widgets.map.__main__ import TokenTheme, pack_answer
from widgets.map.liveness import BEAT_MS
from widgets.map.panel import MapPanel
from widgets.map.routes import Request

TIMEOUT_MS = 60_000
LAT, LON = -6.2, 106.85


class Console(logging.Handler):
    """Keeps every line that the page wrote to its console."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


class MapRig:
    """One map panel and what a test does with it."""

    def __init__(self, qtbot: QtBot, tasks: Tasks, beat_ms: int = BEAT_MS) -> None:
        self.qtbot = qtbot
        self.asked: list[Request] = []
        self.cells: list[tuple[float, float, int, int]] = []
        self.symbols: list[tuple[int, float, float, int, int, int]] = []
        self.areas = b""
        self.closures = b""
        self.tile: Callable[[Request], bytes | None] = lambda _: None
        self.web_picture: Callable[[Request], bytes | None] = lambda _: None
        self.answer: Callable[[Request], bytes] | None = None
        handlers = {
            "reports": self._reports,
            "areas": lambda _: self.areas,
            "closures": lambda _: self.closures,
            "tiles": lambda r: self.tile(r),
            "pictures": lambda r: self.web_picture(r),
        }
        symbols = (files("resources") / "symbols.json").read_text("utf-8")
        self.theme = TokenTheme("dark")
        self.panel = MapPanel(self.theme, symbols, handlers, tasks.submit, beat_ms=beat_ms)
        self.panel.resize(640, 480)
        self.number = 0

    def _reports(self, request: Request) -> bytes:
        self.asked.append(request)
        if self.answer is not None:
            return self.answer(request)
        return pack_answer(request.number, self.cells, self.symbols, outside=3, placeless=2)

    def show(self, zoom: float = 13.0) -> MapRig:
        """Open it, standing at LAT, LON, and wait until it says complete."""
        self.panel.bridge.page_ready.connect(
            lambda: self.panel.go_to(LAT, LON, zoom) if not self.panel.last_view else None
        )
        with self.qtbot.waitSignal(self.panel.bridge.page_ready, timeout=TIMEOUT_MS):
            self.panel.show()
        # The page begins at Qt's 100x30 pixels and hears of its real size a little later.
        self.wait_js(f"innerWidth === {self.panel.width()} && innerHeight === {self.panel.height()}")
        self.draw()
        return self

    def draw(self) -> None:
        """A new View; returns when the page says that it is on the screen."""
        self.number += 1
        number = self.number
        with self.qtbot.waitSignal(self.panel.drawn, timeout=TIMEOUT_MS, check_params_cb=lambda drawn: drawn == number):
            self.panel.set_view(number)

    def js(self, script: str) -> Any:
        """The value of a script run in the page's own world."""
        with self.qtbot.waitCallback(timeout=TIMEOUT_MS) as called:
            self.panel.page.runJavaScript(script, called)
        return called.args[0]

    def wait_js(self, condition: str) -> None:
        """Until the condition holds in the page."""
        self.qtbot.waitUntil(lambda: bool(self.js(condition)), timeout=TIMEOUT_MS)

    def point(self, lat: float, lon: float) -> QPoint:
        """Where a place is on the panel, reckoned here and not by the page."""
        (west, south, east, north), _ = self.panel.last_view or ((0, 0, 1, 1), 0)

        def y_of(degrees: float) -> float:
            return math.asinh(math.tan(math.radians(degrees)))

        top = self.js("document.getElementById('map').getBoundingClientRect().top")
        x = (lon - west) / (east - west) * self.panel.width()
        y = (y_of(north) - y_of(lat)) / (y_of(north) - y_of(south)) * (self.panel.height() - top)
        return QPoint(round(x), round(y + top))

    def letters_below(self, lat: float, lon: float) -> int:
        """How many pixels of a code stand below a crew."""
        picture, middle = self.picture(), self.point(lat, lon)
        wanted: Any = QColor(self.theme.hex("accent.strong")).getRgb()

        def like(x: int, y: int) -> bool:
            seen: Any = picture.pixelColor(x, y).getRgb()
            return bool(max(abs(a - b) for a, b in zip(seen, wanted, strict=True)) <= 60)

        across, down = range(middle.x() - 20, middle.x() + 21), range(middle.y() + 10, middle.y() + 22)
        return sum(like(x, y) for x in across for y in down)

    def click(self, lat: float, lon: float, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """A click of the mouse on a place, after the page saw the mouse come."""
        at = self.point(lat, lon)
        self.js("window.mouse = ''; addEventListener('mousemove', e => window.mouse = e.clientX + ',' + e.clientY); 0")
        QTest.mouseMove(self.target, at + QPoint(3, 3))
        QTest.mouseMove(self.target, at)
        self.wait_js(f"window.mouse === '{at.x()},{at.y()}'")
        QTest.mouseClick(self.target, Qt.MouseButton.LeftButton, modifier, at)

    def key(self, key: Qt.Key) -> None:
        """A key pressed while the map has the keyboard."""
        QTest.keyClick(self.target, key)

    @property
    def target(self) -> Any:
        """The widget that gets the events."""
        return self.panel.focusProxy().focusProxy()

    def picture(self) -> QImage:
        """What is on the screen."""
        return self.panel.grab().toImage()

    def colour(self, lat: float, lon: float) -> str:
        """The colour on the screen at a place."""
        return QColor(self.picture().pixelColor(self.point(lat, lon))).name().upper()

    def picture_count(self, token: str) -> int:
        """How many pixels of the whole panel have the colour of a token."""
        picture, wanted = self.picture(), QColor(self.theme.hex(token)).rgb()
        return sum(picture.pixel(x, y) == wanted for x in range(picture.width()) for y in range(picture.height()))

    def count_near(self, lat: float, lon: float, token: str, reach: int = 14, off_by: int = 0) -> int:
        """How many pixels around a place have the colour of a token; `off_by` allows for thin smoothed lines."""
        picture, middle = self.picture(), self.point(lat, lon)
        wanted = QColor(self.theme.hex(token))

        def like(x: int, y: int) -> bool:
            seen = picture.pixelColor(x, y)
            one: Any = seen.getRgb()
            other: Any = wanted.getRgb()
            return bool(max(abs(a - b) for a, b in zip(one, other, strict=True)) <= off_by)

        return sum(
            like(x, y)
            for x in range(max(0, middle.x() - reach), min(picture.width(), middle.x() + reach))
            for y in range(max(0, middle.y() - reach), min(picture.height(), middle.y() + reach))
        )


@pytest.fixture
def console() -> Iterator[Console]:
    """Every line of the page's console, of any level."""
    handler = Console()
    log = logging.getLogger("widgets.map.console")
    before = log.level
    log.setLevel(logging.DEBUG)
    log.addHandler(handler)
    yield handler
    log.removeHandler(handler)
    log.setLevel(before)


@contextmanager
def opened(qtbot: QtBot, beat_ms: int = BEAT_MS) -> Iterator[MapRig]:
    """A map panel that was not shown yet."""
    tasks = Tasks("map-test", 2)
    made = MapRig(qtbot, tasks, beat_ms)
    yield made
    tasks.shutdown()
    made.panel.shut()
    made.panel.close()
    made.panel.deleteLater()


@pytest.fixture
def rig(qtbot: QtBot, console: Console) -> Iterator[MapRig]:
    """The same for tests that change nothing before it is made."""
    with opened(qtbot) as made:
        yield made
