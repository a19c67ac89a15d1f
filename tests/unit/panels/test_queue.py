"""The texts that the queue shows of its rows, and its footer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from pytestqt.qtbot import QtBot

from api_client.model import Claim, Clock, ClockState, Photo, PhotoRole, ProofFlag, Report, Status
from console.cache.catalog import Cities
from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter
from console.panels.board_updater import BoardUpdater
from console.panels.map.crowd import CrowdList
from console.panels.queue import QueueController, _rounded
from console.panels.window_state import WindowState
from console.rules.filter import Filter
from console.rules.messages import Touched
from console.tasks import Tasks
from console.window.actions import ACTIONS
from tests.helpers.city import wait_for
from tests.unit.cache.making import T0, at, items, report
from tests.widgets.sample import make_symbols, make_theme
from widgets.queue.panel import QueuePanel
from widgets.queue.values import QueueRow

HOUR, DAY = 3600.0, 86400.0


@pytest.mark.parametrize(
    ("seconds", "beside_check", "beside_over"),
    [
        (599, "9:59", "9:59"),
        (4 * HOUR + 180, "4 h 03", "4 h 03"),
        (-(11 * HOUR + 58 * 60), "11 h", "11 h 58"),
        (3 * DAY + 3 * HOUR, "3 d", "3 d 03 h"),
        (12 * DAY + 3 * HOUR, "12 d", "12 d"),
    ],
)
def test_a_time_is_rounded_where_it_would_be_cut(seconds: float, beside_check: str, beside_over: str) -> None:
    assert (_rounded(seconds, 6), _rounded(seconds, 8)) == (beside_check, beside_over)


class Rig:
    """The queue over a real cache, at T0."""

    def __init__(self, qtbot: QtBot, profile: Path) -> None:
        self._qtbot, self._profile = qtbot, profile
        self._tasks = Tasks("worker", 1)
        self._readers: list[CacheReader] = []
        theme = make_theme()
        self.panel = QueuePanel(theme, make_symbols(theme), panel_key="", filter_key="")
        qtbot.addWidget(self.panel)
        self.panel.resize(528, 600)
        self.panel.show()
        self.window_state = WindowState("rina", Filter(), UTC, ACTIONS)

    def write(self, *reports: Report, whole: bool = True) -> None:
        """Put reports into the cache, as the last page of a first read or as one before it."""
        writer = CacheWriter(self._profile)
        end = at(len(reports))
        cursor = end if whole else msgspec.structs.replace(end, as_of=None, snapshot_key="more")
        writer.apply("city", items(*reports), cursor)
        writer.close()

    def begin(self, *reports: Report, whole: bool = True) -> None:
        """Show a cache of these reports."""
        self.write(*reports, whole=whole)
        self._readers.append(CacheReader(self._profile))
        self.board_updater = BoardUpdater(
            self.window_state, self._tasks, lambda: self._readers[0], T0.timestamp, lambda _: None
        )
        self.controller = QueueController(
            self.panel, self.window_state, self.board_updater, self._tasks, lambda: self._readers[0], lambda: T0
        )
        with self._qtbot.waitSignal(self.board_updater.ready):
            self.board_updater.start()

    def filter(self, filter_: Filter) -> None:
        """Ask for other reports, and wait for them."""
        with self._qtbot.waitSignal(
            self.window_state.view_changed, check_params_cb=lambda view: view.filter == filter_
        ):
            self.window_state.set_filter(filter_)

    def rows(self, count: int) -> list[QueueRow]:
        """The rows from the top, once their texts are there."""
        model = self.panel.view.rows
        wait_for(
            lambda: len(model.keys) == count and all(model.row(number) for number in range(count)), what=f"{count} rows"
        )
        return [row for number in range(count) if (row := model.row(number)) is not None]

    def tabs(self) -> list[str]:
        """What stands beside each tab."""
        return [label.count for label in self.panel._strip._bar.labels]

    def close(self) -> None:
        self._tasks.shutdown()
        for reader in self._readers:
            reader.close()


@pytest.fixture
def rig(qtbot: QtBot, tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(qtbot, tmp_path)
    yield rig
    rig.close()


def clock(due: datetime) -> tuple[Clock, ...]:
    state = ClockState.BREACHED if due < T0 else ClockState.RUNNING
    return (Clock("finish", state, T0 - timedelta(days=9), 9 * 86400, due=due),)


def test_a_hazard_is_red_after_its_first_minute_until_a_crew_is_on_the_way(rig: Rig) -> None:
    def before(seconds: int) -> datetime:
        return T0 - timedelta(seconds=seconds)

    later = clock(T0 + timedelta(minutes=14))
    rig.begin(
        report("taken", priority=1, created=before(61), claim=Claim("rina", before(20)), clocks=later),
        report("fresh", priority=1, created=before(59), clocks=later),
        report("told", priority=1, created=before(120), status=Status.ASSIGNED),
        report("there", priority=1, created=before(120), status=Status.PROGRESS),
        report("routine", priority=3, created=before(9 * 86400), clocks=clock(before(86400))),
    )
    levels = [(row.priority, row.age, row.age_level, row.due_level) for row in rig.rows(5)]
    assert levels == [
        (1, "2:00", 2, 0),
        (1, "1:01", 2, 0),
        (1, "0:59", 0, 0),
        (1, "2:00", 0, 0),
        (3, "9 d 00 h", 0, 1),  # late, and no danger: amber
    ]


def test_a_row_asks_to_take_only_what_nobody_has_taken(rig: Rig) -> None:
    later = clock(T0 + timedelta(minutes=14))
    rig.begin(
        report("mine", priority=1, created=T0 - timedelta(seconds=9), claim=Claim("rina", T0), clocks=later),
        report("his", priority=1, created=T0 - timedelta(seconds=8), claim=Claim("budi", T0), clocks=later),
        report("free", priority=1, created=T0 - timedelta(seconds=7), clocks=later),
    )
    assert {row.holder: row.due for row in rig.rows(3)} == {
        "You": "due 14:00",
        "taken budi": "due 14:00",
        "": "take in 14:00",
    }


def test_a_proof_that_waits_with_a_flag_says_so_and_one_that_is_decided_does_not(rig: Rig) -> None:
    doubtful = (Photo("1" * 64, PhotoRole.AFTER, flags=(ProofFlag("same_as_report"),)),)
    rig.begin(
        report("waits", description="waits", status=Status.VALIDATION, photos=doubtful),
        report("fine", description="fine", status=Status.VALIDATION, photos=(Photo("2" * 64, PhotoRole.AFTER),)),
        report("back", description="back", status=Status.RETURNED, photos=doubtful),
        report("quotes", description='"flags":[{', status=Status.VALIDATION),
    )
    assert {row.text: row.doubt for row in rig.rows(4)} == {
        "waits": "check proof", "fine": "", "back": "", '"flags":[{': ""
    }  # fmt: skip


def test_tabs_count_nothing_while_a_part_of_the_reports_is_here(rig: Rig) -> None:
    rig.begin(report("1"), whole=False)
    assert rig.tabs() == ["–", "–", "–", "–", "–", "–", ""]
    assert rig.panel.footer_text() == "1 here so far · still loading · by urgency"
    rig.filter(Filter(tab="mine"))
    assert rig.panel._empty.words()[0] == "Nothing of this is loaded yet"
    rig.write(report("1"), report("2", claim=Claim("rina", T0)))
    rig.board_updater.on_touched(Touched(everything=True))
    wait_for(lambda: rig.tabs() == ["2", "1", "1", "0", "0", "0", ""], what="the counts")
    assert rig.panel.footer_text() == "1 of 2 open · by urgency"


def test_button_and_footer_say_what_the_list_is_sorted_by_and_counts(rig: Rig) -> None:
    old = T0 - timedelta(days=3)
    rig.begin(
        report("1"),
        report("2", service="road"),
        report("3", status=Status.RESOLVED, updated=old),
        report("4", status=Status.CLOSED, service="road"),
        report("5", status=Status.CLOSED, service="road", updated=old),
    )
    said: list[tuple[str, str]] = []
    for asked in (
        Filter(),
        Filter(order="newest"),
        Filter(services=("road",), order="due"),
        Filter(tab="closed"),
        Filter(tab="closed", services=("road",), order="area"),
    ):
        if asked != rig.window_state.filter:
            rig.filter(asked)
        said.append((rig.panel._chips._by.text(), rig.panel.footer_text()))
    assert said == [
        ("Urgency ▾", "2 of 2 open · by urgency"),
        ("Newest ▾", "2 of 2 open · by newest"),
        ("Due ▾", "1 of 2 open · by due"),
        ("Newest ▾", "1 of 3 closed, changed in the last 24 h · by newest"),
        ("Area ▾", "2 of 3 closed · by area"),
    ]


def test_the_chosen_report_is_in_sight_when_another_filter_comes_and_when_it_is_asked_for_again(rig: Rig) -> None:
    """A filter was taken away, and the list stood somewhere in its middle, neither at the chosen report nor on top."""
    rig.begin(*(report(str(number), service="road" if number % 2 else "flood") for number in range(200)))
    view = rig.panel.view

    def is_seen(row: int) -> bool:
        return view.rows.position(row) in view.rows_in_sight()

    rows = view.rows.keys.tolist()
    rig.window_state.choose(rows[2])
    rig.filter(Filter(services=("road",)))
    view.verticalScrollBar().setValue(view.verticalScrollBar().maximum())
    rig.filter(Filter())
    assert is_seen(rows[2])
    assert view.verticalScrollBar().value() == 0, "with the head of the list"
    rig.window_state.choose(rows[150])
    rig.filter(Filter(services=("road",)))
    view.verticalScrollBar().setValue(0)
    rig.filter(Filter())
    assert is_seen(rows[150])
    view.verticalScrollBar().setValue(0)
    rig.window_state.choose(rows[150])
    assert is_seen(rows[150]), "by its number, say"


def test_a_text_that_is_the_category_is_not_said_twice(rig: Rig) -> None:
    rig.begin(report("1", service="Bed Bugs", description="bed bugs "), report("2", service="Bed Bugs"))
    said = {row.text for row in rig.rows(2)}
    assert said == {"", "Water on the road"}


def test_reports_that_cover_one_another_are_listed_with_their_titles_what_burns_first(rig: Rig, qtbot: QtBot) -> None:
    early = T0 - timedelta(hours=2)
    rig.begin(
        report("7001", description="Air   naik\ncepat " + "di gang " * 40),
        report("7002", priority=1, description="Kabel putus", created=early),
        report("7003", priority=3, description="", title="Got mampet", created=early, status=Status.PROGRESS),
    )
    rig.rows(3)
    assert rig.window_state.view is not None
    keys = [int(key) for key in rig.panel.view.rows.keys]
    crowd = CrowdList(rig.window_state, rig.board_updater, rig._tasks, lambda: rig._readers[0], lambda: T0)
    with qtbot.waitSignal(crowd.listed) as listed:
        crowd.ask([*keys, 99_999_999])
    texts = [row.text for row in listed.args[0]]
    assert texts[0] == "P1 flood · Kabel putus · New · 2 h 00 · 7002"
    assert texts[1] == "P3 flood · Got mampet · In progress · 2 h 00 · 7003"
    assert texts[2].startswith("P3 flood · Air naik cepat di gang")
    assert texts[2].endswith("… · New · 0:00 · 7001")
    assert len(texts) == 3
    by_row = {fact.row: fact.priority for fact in rig.window_state.view.row_facts(keys)}
    assert [by_row[int(row.id)] for row in listed.args[0]] == [1, 3, 3]


def test_a_search_without_a_hit_in_a_tab_does_not_say_that_the_tab_is_empty(rig: Rig) -> None:
    """ "Nothing is unassigned" stood over 36 that were."""
    rig.begin(report("1"), report("2"))
    said: list[tuple[str, str]] = []
    rig.panel.set_empty = lambda title, why, keys: said.append((title, why))  # type: ignore[method-assign, assignment]
    rig.filter(Filter(tab="unassigned", priorities=(4,)))
    assert said == [("No report fits these filters", "Looked for in “Unassigned” only.")]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("flod kemang", "Is “Flood kemang” meant?"),
        ("flod ke\x00mang", "Is “Flood ke mang” meant?"),
        ("flood", ""),
        ("xyzzyx", ""),
        ("kebakaran", ""),
    ],
)
def test_a_search_without_a_hit_says_which_names_were_likely_meant(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, words: str, meant: str
) -> None:
    """ "banjr tebt" found nothing: for who reads on there is no flood."""
    rig.begin(report("1"))
    names = {"service": {"flood": "Flood"}, "area": {"kmg": "Kemang Utara"}}
    monkeypatch.setattr(Cities, "names", lambda _: names)
    said: list[str] = []
    rig.panel.set_empty = lambda title, why, keys: said.append(why)  # type: ignore[method-assign, assignment]
    rig.filter(Filter(text=words, priorities=(4,)))
    assert said == [" ".join(part for part in ("Looked for in “Open” only.", meant) if part)]
