"""The queue: which rows, in which order, under which tab and chips, and the texts of those in sight."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import numpy as np
from PySide6.QtCore import QObject

from api_client.model import Kind, Status
from console.board.view import Fact, View
from console.cache.reader import CacheReader, RowText
from console.panels import formatting
from console.panels.board_updater import LOCAL_ROWS, BoardUpdater
from console.panels.window_state import WindowState
from console.rules.filter import Filter
from console.rules.loaded import Loaded
from console.rules.status import ORDER
from console.tasks import Tasks
from widgets.chips import Chip
from widgets.menu import MenuRow
from widgets.queue.panel import QueuePanel
from widgets.queue.values import QueueRow, Tab
from widgets.spelling import nearest
from widgets.text import one_line

_KEPT_TEXTS = 4000
_KEPT_TABS = frozenset({"open", "unassigned", "mine", "validate"})
"""Tabs whose reports wait for this operator; they are shown even where there is no room for all."""
_MENDED = 3
"""How many words of a filter are held against names."""
_CALM_S = 60
"""How long a new hazard may wait for a crew before its age turns red."""


class QueueController(QObject):
    """Binds the board and the cache to the queue panel."""

    def __init__(
        self,
        panel: QueuePanel,
        window_state: WindowState,
        board_updater: BoardUpdater,
        tasks: Tasks,
        reader: Callable[[], CacheReader],
        now: Callable[[], datetime],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._panel, self._window_state, self._board_updater, self._tasks = panel, window_state, board_updater, tasks
        self._is_whole = False
        self._shown_filter = window_state.filter
        self._reader, self._now = reader, now
        self._texts: dict[int, RowText] = {}
        self._wanted: list[int] = []
        self._order_by = ""
        self._chips: dict[str, str] = {}
        self._by_age: list[str] = []
        self._asked_for = "", ""
        """The words of a filter that no report fits, and as they were meant."""
        window_state.view_changed.connect(self._on_view)
        window_state.rows_touched.connect(self._on_rows_touched)
        window_state.filter_changed.connect(lambda _: self._show_chips())
        window_state.selection_changed.connect(self._on_selection)
        window_state.chosen_again.connect(panel.set_current)
        panel.rows_wanted.connect(self._on_rows_wanted)
        panel.current_changed.connect(window_state.choose)
        panel.tab_chosen.connect(lambda tab: window_state.set_filter(window_state.filter.with_tab(tab)))
        panel.chip_removed.connect(lambda key: window_state.set_filter(window_state.filter.without(key)))
        panel.newest_chip_left.connect(self._leave_newest)
        panel.order_chosen.connect(lambda order: window_state.set_filter(window_state.filter.with_order(order)))
        self._show_chips()

    def tick(self) -> None:
        """Once a second: ages and dues of the rows in sight."""
        self._show_rows()

    def _on_view(self, view: View) -> None:
        counts = view.counts
        known = view.loaded >= Loaded.REPORTS
        self._panel.set_order(view.order, growing=not (known and self._is_whole))
        self._is_whole = known
        self._panel.set_urgent(view.hazard_places, self.tr("P1"), self._window_state.actions.cap("next_hazard"))
        tabs = [
            Tab(key, name, counts.tabs.get(key), known=known, folds_last=key in _KEPT_TABS)
            if key != "closed"
            else Tab(key, name, None)
            for key, name in self._tab_names().items()
        ]
        self._panel.set_tabs(tabs, view.filter.tab)
        if view.filter.with_order(self._shown_filter.order) != self._shown_filter:
            # protects: another-filter-shows-the-chosen-report
            self._panel.show_current()
        self._shown_filter = view.filter
        if len(view.order) == 0:
            self._show_empty(view)
        if view.order_by != self._order_by:
            self._order_by = view.order_by
            self._panel.set_orders(list(self._orders().items()), view.order_by)
        self._panel.set_footer(self._footer(view))
        self._show_rows()

    def _tab_names(self) -> dict[str, str]:
        return {
            "open": self.tr("Open"),
            "unassigned": self.tr("Unassigned"),
            "mine": self.tr("Mine"),
            "active": self.tr("Active"),
            "validate": self.tr("To validate"),
            "held": self.tr("Held"),
            "closed": self.tr("Closed"),
        }

    def _orders(self) -> dict[str, str]:
        """What the queue can be sorted by, in words."""
        return {
            "urgency": self.tr("Urgency"),
            "newest": self.tr("Newest"),
            "due": self.tr("Due"),
            "priority": self.tr("Priority"),
            "area": self.tr("Area"),
        }

    def _footer(self, view: View) -> str:
        shown, order = formatting.thousands(len(view.order)), self._orders()[view.order_by].lower()
        if view.loaded < Loaded.REPORTS:
            return self.tr("{shown} here so far · still loading · by {order}").format(shown=shown, order=order)
        counts = view.counts
        if view.filter.tab != "closed":
            text, total = self.tr("{shown} of {total} open · by {order}"), counts.all_open
        elif view.filter.narrowed:
            text, total = self.tr("{shown} of {total} closed · by {order}"), counts.all_closed
        else:
            text, total = self.tr("{shown} of {total} closed, changed in the last 24 h · by {order}"), counts.all_closed
        return text.format(shown=shown, total=formatting.thousands(total), order=order)

    def _meant(self, text: str) -> str:
        """The words of a filter as they were most likely meant, by the names of categories and areas; "" when they are
        names, or like none.
        """
        if text != self._asked_for[0]:
            names = self._window_state.cities.names()
            called = [name for kind in ("service", "area") for name in names.get(kind, {}).values()]
            called += [name for more in self._window_state.cities.other_names()["service"].values() for name in more]
            known = {word for name in called for word in one_line(name).split()}
            held = {word.casefold() for word in known}
            words = one_line(text).split()
            mended = [one if one.casefold() in held else nearest(one, known) or one for one in words[:_MENDED]]
            said = " ".join((*mended, *words[_MENDED:])) if mended != words[:_MENDED] else ""
            self._asked_for = text, said
        return self._asked_for[1]

    def _show_empty(self, view: View) -> None:
        names = {
            "mine": self.tr("Nothing is yours"),
            "unassigned": self.tr("Nothing is unassigned"),
            "validate": self.tr("Nothing to validate"),
            "held": self.tr("Nothing is on hold"),
            "closed": self.tr("Nothing was closed lately"),
        }
        none = self.tr("No open reports") if view.total else self.tr("No report is on this computer yet")
        title = names.get(view.filter.tab, none)
        if view.loaded < Loaded.REPORTS and view.total:
            title = self.tr("Nothing of this is loaded yet")
            why = self.tr("{n} reports are here so far; the others are being read.").format(
                n=formatting.thousands(view.total)
            )
            keys = [(self._window_state.actions.key("new_report"), self.tr("new report by telephone"))]
        elif view.filter.narrowed:
            title = self.tr("No report fits these filters")
            why = self.tr("Looked for in “{tab}” only.").format(tab=self._tab_names()[view.filter.tab])
            if meant := self._meant(view.filter.text):
                why = f"{why} {self.tr('Is “{words}” meant?').format(words=meant)}"
            keys = [(self._window_state.actions.key("clear_filter"), self.tr("clear all filters"))]
        elif not view.total:
            why = self.tr("Those of the city come with the first load, once the server answers.")
            keys = [(self._window_state.actions.key("new_report"), self.tr("new report by telephone"))]
        else:
            why = self.tr("All {n} reports on this computer were looked through.").format(
                n=formatting.thousands(view.total)
            )
            keys = [(self._window_state.actions.key("new_report"), self.tr("new report by telephone"))]
        if view.filter.tab == "mine":
            keys.insert(0, (self._window_state.actions.key("take"), self.tr("take the chosen report")))
        self._panel.set_empty(title, why, keys)

    def _show_chips(self) -> None:
        """The one that was added or changed last bears the key that takes it away."""
        chips = dict(self._window_state.chips())
        kept = [key for key in self._by_age if self._chips.get(key) == chips.get(key)]
        self._by_age = kept + [key for key in chips if key not in kept]
        self._chips = chips
        newest = self._by_age[-1] if self._by_age else ""
        self._panel.set_chips([Chip(key, text, "Esc" if key == newest else "") for key, text in chips.items()])

    def _leave_newest(self) -> None:
        if self._by_age:
            self._window_state.set_filter(self._window_state.filter.without(self._by_age[-1]))

    def chip_menu(self, key: str) -> list[MenuRow]:
        """What can be done with a condition of the filter."""
        return [
            MenuRow("away", self.tr("Take this condition away")),
            *([MenuRow("only", self.tr("Keep this condition only"))] if len(self._chips) > 1 else []),
            MenuRow("clear", self.tr("Clear all filters"), self._window_state.actions.key("clear_filter")),
            MenuRow(""),
            MenuRow("copy", self.tr("Copy the filter")),
        ]

    def act_on_chip(self, key: str, intent: str) -> None:
        """Do what was chosen for a condition, all but copying it."""
        now = self._window_state.filter
        match intent:
            case "away":
                self._window_state.set_filter(now.without(key))
            case "only":
                for other in self._chips:
                    now = now if other == key else now.without(other)
                self._window_state.set_filter(now)
            case "clear":
                self._window_state.set_filter(Filter(tab=now.tab, order=now.order))

    def _on_selection(self, row: int) -> None:
        if self._panel.current_key() != row:
            self._panel.set_current(row)

    def _on_rows_touched(self, rows: frozenset[int] | None) -> None:
        if rows is None:
            self._texts.clear()
        else:
            for row in rows:
                self._texts.pop(row, None)
        self._fetch()

    def _on_rows_wanted(self, rows: list[int]) -> None:
        self._wanted = list(rows)
        self._show_rows()
        self._fetch()

    def _fetch(self) -> None:
        missing = [row for row in self._wanted if row not in self._texts]
        for row in [row for row in missing if row < LOCAL_ROWS]:
            local = self._board_updater.local_report(row)
            if local is not None:
                self._texts[row] = local_text(row, local, self._board_updater)
        missing = [row for row in missing if row >= LOCAL_ROWS]
        if missing:
            reader = self._reader
            self._tasks.latest("queue_texts", lambda: reader().texts(missing), self._on_texts)

    def _on_texts(self, texts: list[RowText]) -> None:
        if len(self._texts) > _KEPT_TEXTS:
            wanted = set(self._wanted)
            self._texts = {row: text for row, text in self._texts.items() if row in wanted}
        self._texts.update((text.row, text) for text in texts)
        self._show_rows()

    def _show_rows(self) -> None:
        view = self._window_state.view
        if view is None or not self._wanted:
            return
        known = [row for row in self._wanted if row in self._texts]
        rows = np.array(known, dtype=np.int64)
        facts, crewless = view.row_facts(rows), view.without_crew(rows)
        now_s = self._now().timestamp()
        self._panel.set_rows(
            [self._row(fact, self._texts[fact.row], now_s, crewless=fact.row in crewless) for fact in facts]
        )

    def _row(self, fact: Fact, text: RowText, now_s: float, *, crewless: bool) -> QueueRow:
        cities = self._window_state.cities
        source = cities.source(fact.source)
        catalog, me = cities.of(source), self._window_state.me_at(source)
        status = ORDER[fact.status]
        service = cities.code("service", fact.service)
        unit = catalog.units.get(cities.code("unit", fact.lead_unit) or "")
        holder = me if fact.claim == -1 else cities.code("user", fact.claim)
        mine = holder == me
        due, level = self._due(fact, status, now_s)
        title, said = catalog.service_name(service), text.description or text.title
        taken = self.tr("You") if mine else self.tr("taken {who}").format(who=holder) if holder else ""
        if unit is not None and not mine:
            taken = unit.code
        return QueueRow(
            key=fact.row,
            priority=fact.priority,
            status=fact.status,
            letter=formatting.letter(status),
            letter_token=formatting.LETTER_TOKENS[status],
            status_text=self.tr(formatting.status_text(status)),
            glyph=catalog.glyph(service),
            title=title,
            text="" if said.strip().casefold() == title.casefold() else said,  # some cities have no words but these
            place=catalog.place(cities.code("area", fact.area)) if fact.area else text.address or self._no_area(fact),
            duplicates=fact.duplicates,
            photos=fact.photos,
            holder=taken,
            mine=mine,
            age=formatting.duration(now_s - fact.created),
            age_level=self._age_level(fact, status, level, now_s, crewless=crewless),
            due=due,
            due_level=level,
            hold=self.tr("on hold") if fact.hold else self.tr("hold over") if fact.hold_until else "",
            pending=bool(fact.pending),
            doubt=self.tr("check proof") if text.is_flagged and status is Status.VALIDATION else "",
        )

    def _no_area(self, fact: Fact) -> str:
        """What stands where the area would; of a report that was made here its city has not found it yet."""
        made_here = fact.row < LOCAL_ROWS and self._board_updater.local_report(fact.row) is not None
        return self.tr("Area not known yet") if made_here else self.tr("No area")

    def _age_level(self, fact: Fact, status: Status, due_level: int, now_s: float, *, crewless: bool) -> int:
        """A hazard's age is red from its second minute until a crew is on the way, whatever its clocks say."""
        if fact.priority == 1 and crewless:
            return formatting.LATE if now_s - fact.created >= _CALM_S else due_level
        return due_level if fact.priority <= 2 and status in (Status.NEW, Status.RETURNED) else formatting.CALM

    def _due(self, fact: Fact, status: Status, now_s: float) -> tuple[str, int]:
        """What the time column's second line says, and how late it is (0 not, 1 amber, 2 red)."""
        if fact.due_state == 2:
            return self.tr("paused"), formatting.CALM
        if not fact.due or fact.due_state == 3:
            return "", formatting.CALM
        left = fact.due - now_s
        if left < 0:
            late = formatting.LATE if fact.priority == 1 else formatting.AT_RISK
            return self.tr("{time} over").format(time=_rounded(left, 8)), late
        if status is Status.VALIDATION:
            return self.tr("check {time}").format(time=_rounded(left, 6)), formatting.CALM
        if status is Status.NEW and fact.priority <= 2:
            level = formatting.LATE if fact.priority == 1 and left < 60 else formatting.CALM
            # Who has taken it has still to send a crew before this time.
            ask = self.tr("due {time}") if fact.claim else self.tr("take in {time}")
            return ask.format(time=_rounded(left, 6)), level
        return self.tr("due {time}").format(time=formatting.duration(left)), formatting.CALM


def _rounded(seconds: float, most: int) -> str:
    """A duration that has room beside a word in the time column: `11 h` for `11 h 58` where `most` letters fit."""
    whole = formatting.duration(seconds)
    return formatting.age(abs(seconds)) if len(whole) > most else whole


def local_text(row: int, local: tuple[str, str], board_updater: BoardUpdater) -> RowText:
    """The texts of a report that has not been sent."""
    create = next(edit for edit in board_updater.edits_of(*local) if edit.kind is Kind.CREATE)
    data = create.data
    return RowText(row, "", create.title, str(data.get("description", "")), str(data.get("address") or ""))
