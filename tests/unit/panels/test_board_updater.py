"""What the board shows follows the cache and this operator's own edits (docs/decisions/0003)."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from pytestqt.qtbot import QtBot

from api_client.model import Hold, Kind, WaitsFor
from console.cache.reader import CacheReader
from console.cache.schema import CACHE_VERSION
from console.cache.writer import CacheWriter
from console.panels.board_updater import BoardUpdater
from console.panels.window_state import WindowState
from console.rules.filter import Filter
from console.rules.messages import Touched
from console.rules.queued import EditState, Queued
from console.tasks import Tasks
from console.window.actions import ACTIONS
from tests.unit.cache.making import T0, at, edit, items, report


@pytest.fixture
def window_state() -> WindowState:
    return WindowState("rina", Filter(), UTC, ACTIONS)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[CacheWriter]:
    writer = CacheWriter(tmp_path)
    writer.apply("city", items(report("1")), at(1))
    yield writer
    writer.close()


@pytest.fixture
def board_updater(
    qtbot: QtBot, tmp_path: Path, window_state: WindowState, writer: CacheWriter
) -> Iterator[BoardUpdater]:
    tasks, reader = Tasks("worker", 1), CacheReader(tmp_path)
    board_updater = BoardUpdater(window_state, tasks, lambda: reader, T0.timestamp, lambda _: None)
    with qtbot.waitSignal(board_updater.ready):
        board_updater.start()
    yield board_updater
    tasks.shutdown()
    reader.close()


def created(number: int) -> Queued:
    made = edit(f"e{number}", kind=Kind.CREATE, number=number, report=f"local:{number}", data={"description": "Water"})
    return Queued(made, EditState.QUEUED)


def test_more_new_reports_than_rows_are_said_and_shown_when_others_have_left(
    qtbot: QtBot, window_state: WindowState, board_updater: BoardUpdater
) -> None:
    said: list[int] = []
    board_updater.crowded.connect(said.append)
    board_updater.on_edits({("city", f"local:{number}"): [created(number)] for number in range(1, 1003)})
    qtbot.waitUntil(lambda: window_state.view is not None and window_state.view.total == 1 + 999)
    assert said == [3]
    board_updater.on_edits({("city", f"local:{number}"): [] for number in range(1, 998)})
    qtbot.waitUntil(lambda: window_state.view is not None and window_state.view.total == 1 + 5)
    assert said[-1] == 0
    assert sorted(key for _, key in board_updater.pending) == sorted(f"local:{number}" for number in range(998, 1003))


def test_a_report_with_codes_never_met_before_has_its_words_and_is_found_by_them(
    qtbot: QtBot, window_state: WindowState, board_updater: BoardUpdater, writer: CacheWriter
) -> None:
    touched = writer.apply("north", items(report("9", service="new", area="fresh", agency="late")), at(1))
    board_updater.on_touched(touched)
    qtbot.waitUntil(lambda: window_state.view is not None and window_state.view.total == 2)
    row = touched.rows[0]
    (fact,) = window_state.view.row_facts(np.array([row]))
    qtbot.waitUntil(lambda: window_state.cities.source(fact.source) == "north")
    codes = [window_state.cities.code(kind, getattr(fact, kind)) for kind in ("service", "area", "agency")]
    assert codes == ["new", "fresh", "late"]
    window_state.set_filter(Filter(services=("new",)))
    qtbot.waitUntil(lambda: window_state.view is not None and window_state.view.filter.services == ("new",))
    assert list(window_state.view.order) == [row]


def test_a_report_made_here_becomes_the_chosen_one_unless_another_was_chosen_meanwhile(
    window_state: WindowState, board_updater: BoardUpdater
) -> None:
    """Else the next note, or the next crew, goes to the report that was chosen before the telephone rang."""
    told: list[tuple[int, int]] = []
    board_updater.report_created.connect(lambda row: told.append((row, window_state.row)))
    window_state.choose(1001)
    board_updater.choose_when_shown("city", "local:1")
    assert window_state.row == 1001
    board_updater.on_edits({("city", "local:1"): [created(1)]})
    assert window_state.row == board_updater.local_row("local:1") > 0
    assert told == [(window_state.row, 1001)], "the list is told before: its row is not there yet"
    board_updater.choose_when_shown("city", "local:2")
    window_state.choose(1001)
    board_updater.on_edits({("city", "local:2"): [created(2)]})
    assert (window_state.row, board_updater.local_row("local:2") > 0) == (1001, True)
    assert len(told) == 1


def test_a_report_made_here_is_chosen_also_when_its_answer_came_before_it_was_shown(
    qtbot: QtBot, tmp_path: Path, window_state: WindowState, writer: CacheWriter
) -> None:
    """A quick server: the report is in the cache, its edit has left the outbox, and it never had a local row."""
    remote: dict[str, str] = {}
    tasks, reader = Tasks("worker", 1), CacheReader(tmp_path)
    board_updater = BoardUpdater(window_state, tasks, lambda: reader, T0.timestamp, remote.get)
    arrived: list[tuple[int, int]] = []
    board_updater.arrived.connect(lambda local, row: arrived.append((local, row)))
    with qtbot.waitSignal(board_updater.ready):
        board_updater.start()
    board_updater.choose_when_shown("city", "local:1")
    writer.apply("city", items(report("2")), at(2))
    row = reader.row_of("city", "2")
    assert row is not None
    with qtbot.waitSignal(window_state.view_changed):
        board_updater.on_touched(Touched(rows=(row,)))
    assert window_state.row == 0, "nobody has said yet that it is this one"
    remote["local:1"] = "2"
    board_updater.on_edits({("city", "local:1"): []})
    qtbot.waitUntil(lambda: window_state.row == row)
    assert not arrived, "no local row became it"
    tasks.shutdown()
    reader.close()


def test_an_operator_who_is_away_hides_nothing_from_who_sits_there_now(
    qtbot: QtBot, tmp_path: Path, window_state: WindowState, writer: CacheWriter
) -> None:
    """He closed it without a network and went home: it stayed closed at this desk when others had made it P1."""
    present = ["rina"]
    tasks, reader = Tasks("worker", 1), CacheReader(tmp_path)
    board_updater = BoardUpdater(
        window_state, tasks, lambda: reader, T0.timestamp, lambda _: None,
        is_anothers=lambda edit: edit.author not in present,
    )  # fmt: skip
    with qtbot.waitSignal(board_updater.ready):
        board_updater.start()
    closing = replace(edit("e1", Kind.CLOSE, "1", number=1, data={"disposition": "spam"}), author="budi")
    sent = replace(edit("e2", Kind.DISPATCH, "1", number=2, data={"unit": "U1"}), author="budi")
    waiting: dict[tuple[str, str | None], list[Queued]] = {
        ("city", "1"): [Queued(one, EditState.QUEUED) for one in (closing, sent)]
    }
    board_updater.on_edits(waiting)
    row = reader.row_of("city", "1")
    assert row is not None
    qtbot.waitUntil(lambda: window_state.view is not None and window_state.view.row_facts([row])[0].pending == 1)
    assert window_state.view is not None
    assert window_state.view.order.tolist() == [row]
    assert [one.kind for one in board_updater.edits_of("city", "1")] == [Kind.DISPATCH], (
        "that crew may have been told by radio"
    )
    present.append("budi")
    board_updater.on_edits(waiting)
    qtbot.waitUntil(lambda: window_state.view is not None and not len(window_state.view.order))
    tasks.shutdown()
    reader.close()


def test_a_cache_that_is_brought_up_to_date_after_the_start_is_read_whole(
    qtbot: QtBot, tmp_path: Path, window_state: WindowState, writer: CacheWriter
) -> None:
    """The first start of a newer version: the sync process changes the tables, and nobody says that it is done.

    Else the queue would hold only what changes from then on, and call itself live.
    """
    writer.close()

    def set_version(version: int) -> None:
        with contextlib.closing(sqlite3.connect(tmp_path / "cache.db")) as cache:
            cache.execute(f"PRAGMA user_version = {version}")

    set_version(CACHE_VERSION - 1)
    tasks, reader = Tasks("worker", 1), CacheReader(tmp_path)
    board_updater = BoardUpdater(window_state, tasks, lambda: reader, T0.timestamp, lambda _: None)
    with qtbot.waitSignal(board_updater.ready):
        board_updater.start()
    assert window_state.view is not None
    assert window_state.view.total == 0
    set_version(CACHE_VERSION)
    qtbot.waitUntil(lambda: window_state.view is not None and window_state.view.total == 1)
    tasks.shutdown()
    reader.close()


def test_a_hold_is_over_by_the_clock_and_on_again_when_that_is_put_right(
    qtbot: QtBot, tmp_path: Path, window_state: WindowState, writer: CacheWriter
) -> None:
    """Nobody has said so: its server cannot be heard."""
    rain = Hold("rain", WaitsFor.WEATHER, T0 + timedelta(hours=4))
    writer.apply("city", items(report("2", hold=rain)), at(2))
    now_s = [T0.timestamp()]
    tasks, reader = Tasks("worker", 1), CacheReader(tmp_path)
    board_updater = BoardUpdater(window_state, tasks, lambda: reader, lambda: now_s[0], lambda _: None)
    with qtbot.waitSignal(board_updater.ready):
        board_updater.start()

    def held() -> int:
        assert window_state.view is not None
        return window_state.view.counts.tabs["held"]

    assert held() == 1
    now_s[0] += 4 * 3600
    qtbot.waitUntil(lambda: held() == 0)
    now_s[0] -= 3600
    qtbot.waitUntil(lambda: held() == 1)
    own = edit("e1", Kind.SET, "2", number=1, data={"hold": {"reason": "mud", "waits_for": "material", "until": None}})
    now_s[0] += 3600
    qtbot.waitUntil(lambda: held() == 0)
    board_updater.on_edits({("city", "2"): [Queued(own, EditState.QUEUED)]})
    qtbot.waitUntil(lambda: held() == 1)
    tasks.shutdown()
    reader.close()
