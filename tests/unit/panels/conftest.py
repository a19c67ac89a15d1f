"""A window's actions, forms and outbox without the window, and reports to choose."""

from __future__ import annotations

import contextlib
import itertools
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from api_client.model import Area, Assignment, AssignmentState, Report, Service, Status, Unit, UnitState
from console.cache.catalog import Catalog, Cities
from console.cache.page_items import Cursor, PageItem
from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter
from console.city_map.messages import Answer, ClosedShape, ClosuresTaken, StretchFound
from console.images.process import ImageProcess
from console.panels.action_runner import ActionRunner
from console.panels.closure_commands import ClosureCommands
from console.panels.closures import Closures
from console.panels.edit_commands import EditCommands
from console.panels.forms.forms import Forms
from console.panels.key_guard import KeyGuard
from console.panels.qt_outbox import QtOutbox
from console.panels.report.details import ReportDetails
from console.panels.report_commands import ReportCommands
from console.panels.situation import SituationMonitor
from console.panels.undo_command import UndoCommand
from console.panels.undo_stack import UndoStack
from console.panels.unit_commands import UnitCommands
from console.panels.window_state import WindowState
from console.rules.edit import Edit
from console.rules.filter import Filter
from console.tasks import Tasks
from console.window.actions import ACTIONS
from tests.helpers.city import wait_for
from tests.widgets.sample import make_symbols, make_theme
from widgets.forms.form import Form

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)


class Drawing:
    """The map as far as areas are drawn on it: a test says what was drawn."""

    def __init__(self) -> None:
        self.shown: list[tuple[float, float]] = []
        self.began_with: list[tuple[float, float]] | None = None
        self.then: Callable[[Any], object] = lambda _: None

    def start(self, corners: Sequence[tuple[float, float]], then: Callable[[Any], object]) -> None:
        self.began_with, self.then = list(corners), then

    def show(self, corners: Sequence[tuple[float, float]]) -> None:
        self.shown = list(corners)

    def forget(self) -> None:
        self.shown, self.began_with = [], None


class Rig:
    """What the window puts together around the actions; rows are 1001 for report A, 1002 for B, and so on."""

    def __init__(self, profile: Path) -> None:
        ids = (f"e{number}" for number in itertools.count(1))
        self.profile = profile
        self.readers: list[CacheReader] = []
        theme = make_theme()
        self.window = QWidget()
        self.window_state = WindowState("rina", Filter(), UTC, ACTIONS)
        city = Catalog(
            services={"flood": Service("flood", "Flood", glyph="flood"), "road": Service("road", "Broken road")},
            areas={"k": Area("k", "Kemang", 1)},
            units={one: Unit(one, f"SDA-{one}", UnitState.AVAILABLE, NOW) for one in ("07", "11")},
        )
        self.window_state.cities = Cities({"city": city}, {"source": {1: ("", "city")}})
        self.tasks = Tasks("worker", 1)
        self.now = NOW
        self.reading_only = ""
        self.outbox = QtOutbox(
            profile,
            lambda _: None,
            lambda: self.now,
            lambda: next(ids),
            author="rina",
            why_reading_only=lambda _source: self.reading_only,
        )
        self.undo_stack = UndoStack(self.outbox)
        self.edit_commands = EditCommands(self.outbox, self.undo_stack)
        self.said: list[str] = []
        self.steady_s = 0.0
        self.forms = Forms(
            self.window, theme, make_symbols(theme), self.window_state, self.outbox, self.tasks,
            ImageProcess(timeout_s=60), profile, UTC, lambda: NOW, self.said.append, self.said.append,
            lambda: self.steady_s,
        )  # fmt: skip
        self.outbox.saved.connect(lambda queued: self.forms.saved(queued.edit.id))
        self.situation = SituationMonitor(
            self.window_state, self.undo_stack, lambda: "city", has_closures=lambda: bool(self.closures.shown)
        )
        guard = KeyGuard(self.window_state, self.situation, lambda: self.steady_s)
        self.key_guard = guard
        self.actions = ActionRunner(ACTIONS, lambda: self.receivers, self.situation, guard, self.forms)
        self.actions.message.connect(self.said.append)
        commands = (self.window_state, self.edit_commands, self.forms, self.situation, self.actions)
        self.report_commands = ReportCommands(*commands, lambda: "city")
        self.unit_commands = UnitCommands(*commands, guard)
        self.closed: list[tuple[ClosedShape, ...]] = []
        self.closures = Closures(
            self.window_state, self.outbox, lambda _: self.now, lambda shapes, then: self._close(shapes, then)
        )
        self.drawing = Drawing()
        self.stretch = StretchFound()
        """What the map process says of every place."""
        self.closure_commands = ClosureCommands(
            self.window_state, self.closures, self.edit_commands, self.forms, self.situation,
            lambda _purpose, _question, then: then(self.stretch), lambda: "city", lambda _: self.now,
            lambda: (-6.25, 106.85), self.drawing,
        )  # fmt: skip
        self.closure_commands.message.connect(self.said.append)
        self.receivers = SimpleNamespace(
            closures=self.closure_commands,
            reports=self.report_commands,
            units=self.unit_commands,
            undo=UndoCommand(self.window_state, self.undo_stack, self.forms, self.situation, self.actions),
            ticket=SimpleNamespace(focus_advice=lambda: None, focus_steps=lambda: None),
            situation=self.situation,
        )

    def _close(self, shapes: tuple[ClosedShape, ...], then: Callable[[Answer | None], object]) -> None:
        self.closed.append(shapes)
        then(ClosuresTaken((1,) * len(shapes)))

    def sit_down(self, name: str) -> None:
        """Another operator sits at the window from now on."""
        self.window_state.me = self.outbox.author = name

    def choose(self, key: str, *, read: bool = True) -> None:
        """Choose a report; it has not been read yet unless `read`."""
        row = 1000 + ord(key) - ord("A") + 1
        self.window_state.choose(row)
        if read:
            self.situation.set_details(self.details(row, key))

    def details(self, row: int, key: str, units: Sequence[str] = ()) -> ReportDetails:
        """All that is known of an open flood in Kemang that nobody has taken; these units are on their way."""
        report = self.report(key)
        jobs = tuple(Assignment(one, key, one, AssignmentState.EN_ROUTE, NOW, "rina", NOW) for one in units)
        return ReportDetails(row, "city", key, report, report, (), jobs, ())

    def report(self, key: str) -> Report:
        """That report."""
        return Report(key, 3, Status.NEW, "flood", 3, f"Water at {key}", NOW, NOW, area="k")

    def form(self) -> Form:
        """The open form, once it has the keyboard."""
        found = self.forms._open
        assert isinstance(found, Form)
        wait_for(lambda: QApplication.activeWindow() is found, what="the form has the keyboard")
        return found

    def commit(self, typed: str = "") -> None:
        """Type into the open form and press Ctrl+Enter."""
        form = self.form()
        QTest.keyClicks(form.focusWidget() or form.first_field(), typed)
        QTest.keyClick(form.focusWidget() or form, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)

    def saved(self, count: int) -> list[Edit]:
        """The edits on the disk, once there are so many."""
        wait_for(lambda: len(self.outbox.open_edits) == count, what=f"{count} edits")
        return [queued.edit for queued in self.outbox.open_edits]

    def cached(self, key: str) -> CacheReader:
        """The reader of a cache that holds this one report."""
        writer = CacheWriter(self.profile)
        writer.apply("city", [PageItem("report", 1, key, self.report(key))], Cursor("epoch", 1))
        writer.close()
        reader = CacheReader(self.profile)
        self.readers.append(reader)
        return reader

    def close(self) -> None:
        self.outbox.close()
        self.tasks.shutdown()
        for reader in self.readers:
            reader.close()


def read_drafts(profile: Path) -> dict[str, dict[str, Any]]:
    """The drafts that a new start would find."""
    with contextlib.closing(sqlite3.connect(f"file:{profile / 'work.db'}?mode=ro", uri=True)) as file:
        found = file.execute("SELECT key, body FROM drafts")
        return {key.removeprefix("rina\n"): json.loads(body) for key, body in found}


@pytest.fixture
def rig(qtbot: QtBot, tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    qtbot.addWidget(rig.window)
    rig.window.show()
    yield rig
    rig.close()
