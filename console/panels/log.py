"""The control room's log in the window: what everybody did, by time, as the cache has it, and own edits that wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, Literal

import msgspec
from PySide6.QtCore import QObject, Signal

from api_client.model import Entry, Kind
from console.cache.log import LoggedEntry, LogPlace
from console.cache.reader import CacheReader
from console.panels import formatting
from console.panels.qt_outbox import QtOutbox
from console.panels.report.history import STATE_WORDS, edit_text, entry_of, entry_text
from console.panels.sources import Sources
from console.panels.window_state import WindowState
from console.rules.alarms import OF_UNITS
from console.rules.edit import is_local
from console.rules.loaded import Loaded
from console.rules.log_filter import LogFilter
from console.rules.messages import Touched
from console.rules.queued import EditState, Queued
from console.rules.rights import CITIZEN, SYSTEM
from console.tasks import Tasks
from widgets.log import LogPanel, LogRow

_MARKS = {EditState.QUEUED: "hollow", EditState.STOPPED: "hollow"}
_WAITING_SHOWN = 200
"""Of own edits that wait the newest: the outbox lists them all."""
_NEWS = 250
"""New entries are read alone where they are fewer than so many, else the newest page."""
_AGAIN = 50
"""So many rows are read once more with the new ones: the row of an entry that was deleted is given out again."""


class _LogAsked(msgspec.Struct, frozen=True):
    """What a worker is to read: the newest page, what came into the cache behind the row `end`, or the page behind
    `older`.
    """

    what: Literal["first", "news", "older"]
    filter: LogFilter
    turn: int
    end: int = 0
    older: LogPlace | None = None


class _LogRead(msgspec.Struct, frozen=True):
    """What it has read: entries, the newest first; `end` is the row of the entry that the cache got last, `unread` are
    the sources whose histories are still coming in.
    """

    asked: _LogAsked
    entries: tuple[LoggedEntry, ...]
    older: LogPlace | None
    end: int
    unread: tuple[str, ...]


class LogController(QObject):
    """Reads the log while its panel is in sight: a page at a time, and what comes in as it comes."""

    message = Signal(str)
    report_opened = Signal(str, str)
    """Source and number of a report."""
    unit_opened = Signal(str)
    """The key of a unit."""
    closure_opened = Signal(str)
    """The key of a closed street or flooded area."""
    noted = Signal(str)
    """Which lines are shown, in a few words."""

    def __init__(
        self,
        panel: LogPanel,
        window_state: WindowState,
        tasks: Tasks,
        reader: Callable[[], CacheReader],
        outbox: QtOutbox,
        sources: Sources,
        zone: tzinfo,
        now: Callable[[], datetime],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._panel, self._window_state, self._tasks, self._reader = panel, window_state, tasks, reader
        self._outbox, self._sources, self._zone, self._now = outbox, sources, zone, now
        self._filter = self._today()
        self._turn, self._end = 0, 0
        self._entries: dict[str, LoggedEntry] = {}
        """What is shown of the cache by id, the newest first."""
        self._waiting: dict[str, Queued] = {}
        self._older: LogPlace | None = None
        self._unread: tuple[str, ...] = ()
        self._is_read = self._has_news = self._wants_older = self._is_running = False
        panel.opened.connect(self.open)
        panel.shown.connect(self._read)
        panel.more_asked.connect(self._on_more_asked)
        outbox.changed.connect(lambda _: self._show())
        window_state.catalog_changed.connect(lambda _: panel.refresh())
        self._show()

    # Reading

    def on_touched(self, touched: Touched) -> None:
        """The cache holds something else than before."""
        if touched.everything:
            self.begin_again()
        elif "entry" in touched.kinds:
            self._has_news = True
            self._read()

    def begin_again(self) -> None:
        """Read anew what is shown: of another cache, in another time zone, on another day."""
        self._turn += 1
        self._filter, self._is_read = self._today(), False
        self._read()

    def tick(self) -> None:
        """Once a second: at midnight another day begins."""
        if self._filter != self._today():
            self.begin_again()

    def _today(self) -> LogFilter:
        local = self._now().astimezone(self._zone)
        return LogFilter(since=local.replace(hour=0, minute=0, second=0, microsecond=0))

    def _on_more_asked(self) -> None:
        self._wants_older = self._older is not None
        self._read()

    def _read(self) -> None:
        """Have a worker read what is wanted, one thing after the other, while the panel is in sight."""
        if self._is_running or not self._panel.isVisible():
            return
        if not self._is_read:
            asked = _LogAsked("first", self._filter, self._turn)
        elif self._has_news:
            asked = _LogAsked("news", self._filter, self._turn, self._end)
        elif self._wants_older:
            asked = _LogAsked("older", self._filter, self._turn, self._end, self._older)
        else:
            return
        self._has_news = self._has_news and asked.what == "older"
        self._wants_older, self._is_running = False, True
        sources, reader = self._sources.keys, self._reader
        self._tasks.submit(lambda: _read_log(reader(), asked, sources), self._on_read, self._on_failed)

    def _on_read(self, read: _LogRead) -> None:
        self._is_running = False
        if read.asked.turn == self._turn:
            self._take(read)
        self._read()

    def _take(self, read: _LogRead) -> None:
        self._unread = read.unread
        found = {one.id: one for one in read.entries}
        match read.asked.what:
            case "first":
                self._entries, self._older, self._end, self._is_read = found, read.older, read.end, True
            case "older":
                self._entries, self._older = self._entries | found, read.older
            case "news" if len(found) < _NEWS:
                self._end = read.end
                if found.keys() - self._entries.keys():
                    newest = sorted((self._entries | found).values(), key=lambda one: one.place, reverse=True)
                    self._entries = {one.id: one for one in newest}
            case _:
                self._is_read = False
        self._show()

    def _on_failed(self, error: Exception) -> None:
        self._is_running = False
        self._tasks.failed.emit(error)

    # Showing

    def _show(self) -> None:
        """Show what was read, and among it what the operator did and no server has yet."""
        self._waiting = self._find_waiting()
        moments = [(_ms(queued.edit.occurred_at), row_id) for row_id, queued in self._waiting.items()]
        moments += [(one.place.at_ms, row_id) for row_id, one in self._entries.items()]
        moments.sort(key=lambda one: one[0], reverse=True)
        self._panel.set_empty(*self._empty_words())
        self._panel.set_note(self._note())
        self.noted.emit(self.tr("everyone, today from 00:00"))
        self._panel.set_ids([row_id for _, row_id in moments], self._row_of)

    def _find_waiting(self) -> dict[str, Queued]:
        """The operator's own edits that wait, by the ids of their lines: the newest of those that belong among the
        entries that were read.
        """
        proved = {one.entry.edit for one in self._entries.values()}
        since_ms = self._older.at_ms if self._older is not None else _ms(self._filter.since)
        found: dict[str, Queued] = {}
        for queued in reversed(self._outbox.open_edits):
            edit = queued.edit
            is_own = edit.id not in proved and not self._outbox.is_anothers(edit)
            if is_own and _ms(edit.occurred_at) >= since_ms:
                found[f"edit/{edit.id}"] = queued
            if len(found) == _WAITING_SHOWN:
                break
        return found

    def _empty_words(self) -> tuple[str, str]:
        if not self._is_read:
            return self.tr("The log is being read"), ""
        why = self.tr("What anybody does to reports, units and alarms stands here.")
        return self.tr("Nothing written yet today"), why

    def _note(self) -> str:
        """What is missing here, "" for nothing."""
        names = [self._sources.name(source) for source in self._sources.keys if self._sources.takes_new_only(source)]
        parts = []
        if self._unread:
            parts.append(self.tr("Histories are still being read: lines are missing here"))
        if names:
            parts.append(self.tr("{name} tells no histories").format(name=", ".join(names)))
        return " · ".join(parts)

    def _row_of(self, row_id: str) -> LogRow:
        if (queued := self._waiting.get(row_id)) is not None:
            return self._waiting_row(row_id, queued)
        if (one := self._entries.get(row_id)) is not None:
            return self._entry_row(row_id, one)
        return LogRow(row_id, "", "", "", "")

    def _entry_row(self, row_id: str, one: LoggedEntry) -> LogRow:
        entry, source = one.entry, one.source
        who, level = self._who(source, entry)
        text = entry_text(entry, self._window_state.catalog(source), self.tr, named=False)
        if entry.late and entry.occurred_at is not None:
            late = self.tr("{what} (entered late, of {time})")
            text = late.format(what=text, time=formatting.moment(entry.occurred_at, self._zone, entry.at))
        return LogRow(row_id, self._time(entry.at), who, self._about(source, entry), text, level)

    def _waiting_row(self, row_id: str, queued: Queued) -> LogRow:
        edit = queued.edit
        text = edit_text(queued, self._window_state.catalog(edit.source), self.tr, named=False)
        about = self._about(edit.source, entry_of(edit))
        mark, state = _MARKS.get(queued.state, "half"), self.tr(STATE_WORDS[queued.state])
        if queued.state is EditState.QUEUED:
            state = self.tr("not sent yet")
        return LogRow(row_id, self._time(edit.occurred_at), self.tr("You"), about, text, "own", mark, state)

    def _time(self, at: datetime) -> str:
        local, now = formatting.in_zone(at, self._zone), formatting.in_zone(self._now(), self._zone)
        clock = f"{local.hour:02d}:{local.minute:02d}:{local.second:02d}"
        return clock if local.date() == now.date() else f"{formatting.day(at, self._zone, now)} {clock}"

    def _who(self, source: str, entry: Entry) -> tuple[str, str]:
        """Who did it, and the level of his line."""
        if entry.author in ("", SYSTEM):
            return self.tr("System"), "system"
        if entry.author == CITIZEN:
            return self.tr("Citizen"), "system"
        if entry.author == self._window_state.me_at(source):
            return self.tr("You"), "own"
        return entry.author, ""

    def _about(self, source: str, entry: Entry) -> str:
        """`931180 · SDA-11`, or what kind of thing it is that has neither number nor code."""
        report, unit = _report_of(entry), _unit_of(entry)
        known = self._window_state.catalog(source).units.get(unit)
        number = self.tr("New report") if is_local(report) else report[:24]
        parts = [part for part in (number, known.code if known is not None else unit) if part]
        if not parts and entry.kind == Kind.CLOSURE:
            parts = [self.tr("Closure")]
        if entry.kind == Kind.LOG:
            parts = [self.tr("Note")]
        if entry.kind == Kind.ALARM and (more := len(_alarms_of(entry)) - 1) > 0:
            parts.append(f"+{more}")
        if len(self._sources.keys) > 1:
            parts.append(self._sources.name(source))
        return " · ".join(parts)

    # What the operator does

    def open(self, row_id: str) -> None:
        """Go to what a line is about."""
        if (queued := self._waiting.get(row_id)) is not None:
            source, entry = queued.edit.source, entry_of(queued.edit)
        elif (one := self._entries.get(row_id)) is not None:
            source, entry = one.source, one.entry
        else:
            return
        unit = _unit_of(entry)
        if report := _report_of(entry):
            self.report_opened.emit(source, report)
        elif unit:
            crews = self._window_state.cities.crews
            key = next((crew.key for crew in crews if (crew.source, crew.unit.id) == (source, unit)), "")
            self.unit_opened.emit(key)
        elif entry.kind == Kind.CLOSURE:
            self.closure_opened.emit(f"{source}/{entry.data.get('closure')}")
        else:
            self.message.emit(self.tr("This line is about no report and no unit"))


def _read_log(reader: CacheReader, asked: _LogAsked, sources: Sequence[str]) -> _LogRead:
    """Read on a worker what is asked for."""
    unread = tuple(source for source in sources if reader.loaded([source]) < Loaded.WHOLE)
    end = reader.log_end()  # before its entries: what comes meanwhile is read twice, and not missed
    if asked.what == "news":
        return _LogRead(
            asked, tuple(reader.log_news(asked.filter, asked.end - _AGAIN, _NEWS)), asked.older, end, unread
        )
    page = reader.log_page(asked.filter, asked.older)
    return _LogRead(asked, page.entries, page.older, end, unread)


def _ms(at: datetime | None) -> int:
    """Milliseconds since 1970; long before for no time."""
    return int(at.timestamp() * 1000) if at is not None else -(2**62)


def _alarms_of(entry: Entry) -> list[Mapping[str, Any]]:
    """The alarms that an entry is about; what is none is left out."""
    found = entry.data.get("alarms")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _report_of(entry: Entry) -> str:
    """The number of the report that an entry is about, "" for none."""
    alarms = [one for one in _alarms_of(entry) if one.get("kind") not in OF_UNITS]
    return entry.report or (str(alarms[0].get("about") or "") if alarms else "")


def _unit_of(entry: Entry) -> str:
    """The id of the unit that an entry is about, "" for none."""
    alarms = [one for one in _alarms_of(entry)[:1] if one.get("kind") in OF_UNITS]
    found = alarms[0].get("about") if alarms else entry.data.get("unit") or entry.unit
    return str(found or "")
