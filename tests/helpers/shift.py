"""A script of an operator's work: each step is one piece of input, given from inside the event loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from PySide6.QtCore import QObject, QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

_PLAIN = Qt.KeyboardModifier.NoModifier
_SHIFT, _CTRL, _ALT = (
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
)
Step = tuple[str, int, Callable[[], object]]
"""The name of a step, how many ms to wait before it, and the function that does it."""


class Shift(QObject):
    """Plays the script over and over for `seconds`, then calls `done`; while `enough(shift)` is false it goes on, up to
    five times as long. `doing` is called with the name of each step before it.
    """

    def __init__(
        self,
        window: Any,
        seconds: float,
        doing: Callable[[str], None],
        done: Callable[[], None],
        enough: Callable[[Shift], bool],
    ) -> None:
        super().__init__()
        self._window, self._doing, self._done, self._enough = window, doing, done, enough
        self._more = 4
        self.steps = 0
        self._script = _forever(window)
        self._next: Step = next(self._script)
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._step)
        self._end = QTimer(self, singleShot=True, interval=int(seconds * 1000))
        self._end.timeout.connect(self._over)

    def start(self) -> None:
        """Begin."""
        self._end.start()
        self._timer.start(0)

    def _step(self) -> None:
        what, _, do = self._next
        self._doing(what)
        do()
        self.steps += 1
        self._next = next(self._script)
        self._timer.start(self._next[1])

    def _over(self) -> None:
        if self._more and not self._enough(self):
            self._more -= 1
            self._end.start()
            return
        self._timer.stop()
        self._done()


def _forever(window: Any) -> Iterator[Step]:
    turn = 0
    while True:
        yield from _round(window, turn)
        turn += 1


def _round(window: Any, turn: int) -> Iterator[Step]:
    yield "going to the queue", 50, window.queue.setFocus
    for _ in range(6):
        yield "going down by key", 80, lambda: _key(window, Qt.Key.Key_Down)
    for _ in range(6):
        yield "turning the wheel", 40, lambda: _wheel(window.queue.view.viewport(), -360)
    bar = window.queue.view.verticalScrollBar()
    for part in (0.3, 0.9, 0.55, 0.0):
        yield "dragging the scroll bar", 120, lambda part=part: bar.setValue(int(bar.maximum() * part))
    for number in (Qt.Key.Key_2, Qt.Key.Key_4, Qt.Key.Key_3, Qt.Key.Key_6, Qt.Key.Key_1):
        yield "another tab", 250, lambda number=number: _key(window, number, _ALT)
    yield "unassigned", 250, lambda: _key(window, Qt.Key.Key_2, _ALT)
    place = min(turn * 3, 40)
    yield "choosing", 200, lambda: _choose(window, place)
    yield "taking", 200, lambda: _key(window, Qt.Key.Key_T)
    yield "recommended units", 200, lambda: _key(window, Qt.Key.Key_A)
    yield "dispatching", 150, lambda: _key(window, Qt.Key.Key_Return)
    yield "back to the queue", 200, window.queue.setFocus
    yield "opening the note", 150, lambda: _key(window, Qt.Key.Key_N)
    for letter in "Air surut":
        yield "typing a note", 30, lambda letter=letter: _type(letter)
    yield "saving the note", 50, lambda: _press(Qt.Key.Key_Return, _CTRL)
    yield "the command line", 150, lambda: _key(window, Qt.Key.Key_F, _CTRL)
    for letter in ("banjir", "jalan", "pohon")[turn % 3]:
        yield "typing a filter", 40, lambda letter=letter: _type(letter)
    yield "filtering", 50, lambda: _press(Qt.Key.Key_Return)
    yield "clearing the filter", 300, lambda: _key(window, Qt.Key.Key_Escape, _SHIFT)
    yield "filtering by a bar", 200, lambda: _bar(window, turn)
    yield "clearing the filter", 300, lambda: _key(window, Qt.Key.Key_Escape, _SHIFT)
    yield "opening the palette", 150, window.command_line_controller.open
    for letter in "dispatch":
        yield "typing in the palette", 40, lambda letter=letter: _type(letter)
    yield "leaving the palette", 80, lambda: _press(Qt.Key.Key_Escape)
    for command in ("in", "in", "out", "home", "in", "out"):
        yield f"map {command}", 150, lambda command=command: window.map.act(command)
    yield "map to the report", 150, lambda: window.actions.run("go_to")
    yield "the whole city", 300, lambda: window.map.act("home")
    yield "the outbox", 150, lambda: _key(window, Qt.Key.Key_7, _CTRL)
    yield "the units", 150, lambda: _key(window, Qt.Key.Key_3, _CTRL)
    yield "the charts", 150, lambda: _key(window, Qt.Key.Key_5, _CTRL)


def _focus() -> QWidget:
    window = QApplication.activeWindow()
    assert window is not None
    return window.focusWidget() or window


def _key(window: Any, code: Qt.Key, modifier: Qt.KeyboardModifier = _PLAIN) -> None:
    """Press a key in the main window, which comes to the front."""
    if QApplication.activeWindow() is not window.window:
        window.window.activateWindow()
    QTest.keyClick(window.window.focusWidget() or window.window, code, modifier)


def _press(code: Qt.Key, modifier: Qt.KeyboardModifier = _PLAIN) -> None:
    """Press a key in whatever window is in front."""
    QTest.keyClick(_focus(), code, modifier)


def _type(letter: str) -> None:
    QTest.keyClicks(_focus(), letter)


def _choose(window: Any, place: int) -> None:
    order = window.window_state.view.order
    if len(order):
        row = int(order[min(place, len(order) - 1)])
        window.queue.set_current(row)
        window.window_state.choose(row)
    window.queue.setFocus()


def _bar(window: Any, turn: int) -> None:
    bars = [bar for bar in window.charts.categories() if bar.key]
    if bars:
        window.charts.category_chosen.emit(bars[turn % len(bars)].key)


def _wheel(widget: QWidget, angle: int) -> None:
    middle = QPointF(widget.rect().center())
    event = QWheelEvent(
        middle,
        QPointF(widget.mapToGlobal(middle.toPoint())),
        QPoint(),
        QPoint(0, angle),
        Qt.MouseButton.NoButton,
        _PLAIN,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)
