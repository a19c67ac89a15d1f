"""The control room's log in the window: what everybody did, by time, as the cache has it, and own edits that wait."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Literal

import msgspec
from PySide6.QtCore import QObject, Signal

from api_client.model import ERASED, Entry, Kind
from console.cache.log import LoggedEntry, LogPlace, log_times
from console.cache.reader import CacheReader
from console.panels import formatting
from console.panels.forms.forms import Forms
from console.panels.log_text import about_text, report_of, unit_of, what_text, who_text
from console.panels.log_words import sought_words
from console.panels.qt_outbox import QtOutbox
from console.panels.report.history import STATE_WORDS, edit_text, entry_of
from console.panels.sources import Sources
from console.panels.window_state import WindowState
from console.rules.edit import is_local
from console.rules.loaded import Loaded
from console.rules.log_filter import LogFilter, hours_of
from console.rules.messages import Touched
from console.rules.queued import EditState, Queued
from console.rules.scoped_code import ScopedCode
from console.tasks import Tasks
from widgets.chips import Chip
from widgets.forms.choice import ListChoice
from widgets.log import LogPanel, LogRow
from widgets.menu import MenuRow

_MARKS = {EditState.QUEUED: "hollow", EditState.STOPPED: "hollow"}
_WAITING_SHOWN = 200
"""Of edits that wait the newest are looked at: the outbox lists them all."""
MOST_SHOWN = 4_000
"""More lines are listed by narrowing the time: to lay out twenty thousand takes the window longer than it has."""
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
    copy_wanted = Signal(str)
    """A text is to be taken to the clipboard."""
    print_wanted = Signal()
    """What is shown is to be printed."""
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
        forms: Forms,
        show_panel: Callable[[], object],
        parent: QObject | None = None,
        *,
        is_signed_out: Callable[[str], bool] = lambda _source: False,
    ) -> None:
        """`show_panel` brings the panel to the front; `is_signed_out` says whether the operator has signed out of a
        source.
        """
        super().__init__(parent)
        self._forms, self._show_panel = forms, show_panel
        self._panel, self._window_state, self._tasks, self._reader = panel, window_state, tasks, reader
        self._outbox, self._sources, self._zone, self._now = outbox, sources, zone, now
        self._is_signed_out = is_signed_out
        self._readers: tuple[ScopedCode, ...] = ()
        self._today = self._midnight()
        self._is_today = True
        self._filter = LogFilter(since=self._today)
        self._text = ""
        self._turn, self._end = 0, 0
        self._entries: dict[str, LoggedEntry] = {}
        """What is shown of the cache by id, the newest first."""
        self._waiting: dict[str, Queued] = {}
        self._older: LogPlace | None = None
        self._unread: tuple[str, ...] = ()
        self._is_read = self._has_news = self._wants_older = self._is_running = False
        panel.opened.connect(self.open)
        panel.shown.connect(self._on_shown)
        panel.more_asked.connect(self._on_more_asked)
        panel.find_typed.connect(self._on_find_typed)
        panel.find_entered.connect(self._on_find_entered)
        panel.chip_removed.connect(self._on_chip_removed)
        panel.filter_asked.connect(self.choose_filter)
        outbox.changed.connect(lambda _: self._on_outbox())
        window_state.catalog_changed.connect(lambda _: panel.refresh())
        window_state.loaded_changed.connect(lambda _: self.on_touched(Touched(kinds=("entry",))))
        self._show()

    # Reading

    def on_touched(self, touched: Touched) -> None:
        """The cache holds something else than before."""
        # protects: erased-words-leave-the-log-that-is-open
        if touched.everything or ERASED in touched.kinds:
            self.begin_again()
        # The words of a message may come after its entry, which is among the rows that are read once more then.
        elif "entry" in touched.kinds or ("message" in touched.kinds and self._filter.words):
            self._has_news = True
            self._read()

    def begin_again(self) -> None:
        """Read anew what is shown: of another cache, in another time zone, under another filter."""
        self._turn += 1
        self._today = self._midnight()
        if self._is_today:
            self._filter = msgspec.structs.replace(self._filter, since=self._today, until=None)
        self._is_read = False
        self._read()
        self._show()

    def tick(self) -> None:
        """Once a second: at midnight another day begins."""
        # protects: what-was-found-in-messages-goes-with-their-reader
        if self._today != self._midnight() or (self._filter.words and self._readers != self._who_reads()):
            self.begin_again()
        elif not self._is_read:  # it could not be read, or the panel is in sight only now
            self._read()

    def _midnight(self) -> datetime:
        return self._now().astimezone(self._zone).replace(hour=0, minute=0, second=0, microsecond=0)

    def _on_shown(self) -> None:
        self._show()
        self._read()

    def _on_outbox(self) -> None:
        if self._panel.isVisible():
            self._show()

    def _on_more_asked(self) -> None:
        self._wants_older = self._older is not None and not self._is_full
        self._read()

    def _read(self) -> None:
        """Have a worker read what is wanted, one thing after the other, while the panel is in sight."""
        if self._is_running or not self._panel.isVisible():
            return
        filter_ = self.filter
        if not self._is_read:
            asked, self._readers = _LogAsked("first", filter_, self._turn), filter_.readers
        elif self._has_news:
            asked = _LogAsked("news", filter_, self._turn, self._end)
        elif self._wants_older:
            asked = _LogAsked("older", filter_, self._turn, self._end, self._older)
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
                    self._entries = {one.id: one for one in newest[:MOST_SHOWN]}
                    if len(newest) > MOST_SHOWN:
                        self._older = newest[MOST_SHOWN - 1].place
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
        self._panel.set_chips([Chip(key, words) for key, words in self.conditions()], is_narrowed=self._is_narrowed)
        self.noted.emit(self._count_words())
        self._panel.set_ids([row_id for _, row_id in moments], self._row_of)

    def _find_waiting(self) -> dict[str, Queued]:
        """The operator's own edits that wait, by the ids of their lines: the newest of those that belong among the
        entries that were read.
        """
        proved = {one.entry.edit for one in self._entries.values()}
        first, last = log_times(self._filter)
        first = first if self._older is None else self._older.at_ms
        found: dict[str, Queued] = {}
        for queued in reversed(self._outbox.open_edits[-_WAITING_SHOWN:]):
            edit = queued.edit
            is_own = edit.id not in proved and edit.kind is not Kind.READ and not self._outbox.is_anothers(edit)
            if is_own and first <= _ms(edit.occurred_at) <= last and self._lets_through(queued):
                found[f"edit/{edit.id}"] = queued
        return found

    def _lets_through(self, queued: Queued) -> bool:
        """Whether the filter lets through an edit that waits."""
        filter_, source, entry = self._filter, queued.edit.source, entry_of(queued.edit)
        if filter_.report is not None and filter_.report != (source, entry.report):
            return False
        if filter_.unit is not None and filter_.unit != (source, unit_of(entry)):
            return False
        if filter_.person not in ("", queued.edit.author):
            return False
        if not filter_.words:
            return True
        row = self._waiting_row("", queued)
        said = queued.edit.data.get("text", "") if queued.edit.kind is Kind.MESSAGE else ""
        line = f"{queued.edit.author} {row.who} {row.about} {row.what} {said}".casefold()
        return all(word.text in line for word in filter_.words)

    def _empty_words(self) -> tuple[str, str]:
        if not self._is_read or (self._older is not None and not self._entries):
            return self.tr("The log is being read"), self._looked_back()
        if hours := self._hours_in(self._text):
            part = next(iter(hours))
            return self.tr("Enter shows what was done at {time}").format(time=part), ""
        if self._is_narrowed:
            return self.tr("No line is so"), self.tr("Esc in the field, or a click on a condition, takes it away.")
        why = self.tr("What anybody does to reports, units and alarms stands here.")
        return self.tr("Nothing written yet today"), why

    @property
    def _is_full(self) -> bool:
        return self._older is not None and len(self._entries) >= MOST_SHOWN

    @property
    def _is_narrowed(self) -> bool:
        return not self._is_today or self._filter != LogFilter(since=self._today)

    def _looked_back(self) -> str:
        if self._older is None:
            return ""
        at = datetime.fromtimestamp(self._older.at_ms / 1000, UTC)
        return self.tr("looked back to {time}").format(time=formatting.moment(at, self._zone, self._now()))

    def _count_words(self) -> str:
        """Which lines are shown, and how many of them are known."""
        if not self._is_narrowed:
            return self.tr("everyone, today from 00:00")
        count = len(self._entries) + len(self._waiting)
        found = self.tr("1 line") if count == 1 else self.tr("{n} lines").format(n=formatting.thousands(count))
        return " · ".join(part for part in (found, self._looked_back()) if part)

    def _note(self) -> str:
        """What is missing here, "" for nothing."""
        names = [self._sources.name(source) for source in self._sources.keys if self._sources.takes_new_only(source)]
        parts = []
        if self._unread:
            parts.append(self.tr("Histories are still being read: lines are missing here"))
        if self._is_full:
            words = self.tr("{n} lines are listed: narrow the time to see older ones")
            parts.append(words.format(n=formatting.thousands(len(self._entries))))
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
        who, level = who_text(entry, self._window_state.me_at(source), self.tr)
        text = what_text(entry, self._window_state.catalog(source), self._zone, self.tr)
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

    def _about(self, source: str, entry: Entry) -> str:
        city = self._sources.name(source) if len(self._sources.keys) > 1 else ""
        return about_text(entry, self._window_state.catalog(source), city, self.tr)

    # The filter

    @property
    def filter(self) -> LogFilter:
        """Which entries are shown."""
        return msgspec.structs.replace(self._filter, readers=self._who_reads() if self._filter.words else ())

    def _who_reads(self) -> tuple[ScopedCode, ...]:
        """Whose messages are searched: those of who is signed in at each source."""
        signed_in = (source for source in self._sources.keys if not self._is_signed_out(source))
        return tuple((source, self._window_state.me_at(source)) for source in signed_in)

    @property
    def words(self) -> str:
        """The words that are searched."""
        return self._text.strip()

    def conditions(self) -> list[tuple[str, str]]:
        """What the filter asks for, as (key, words)."""
        filter_ = self._filter
        found = [("time", self._time_words())]
        if filter_.report is not None:
            found.append(("report", filter_.report[1]))
        if filter_.unit is not None:
            source, unit = filter_.unit
            known = self._window_state.catalog(source).units.get(unit)
            found.append(("unit", known.code if known is not None else unit))
        if filter_.person:
            found.append(("person", filter_.person))
        return [(key, words) for key, words in found if words]

    def _time_words(self) -> str:
        if self._is_today:
            return self.tr("Today")
        zone, now = self._zone, self._now()
        since, until = self._filter.since, self._filter.until
        if since is None:
            return ""
        if until is None:
            return self.tr("from {time}").format(time=formatting.moment(since, zone, now))
        if until - since == timedelta(days=1) and since == _day_of(since, zone):
            return formatting.day(since, zone, now)
        ends = formatting.clock if _day_of(since, zone) == _day_of(until, zone) else None
        last = ends(until, zone) if ends is not None else formatting.moment(until, zone, now)
        return f"{formatting.moment(since, zone, now)} – {last}"

    def begin_find(self) -> None:
        """Give the keyboard to the field in which one searches."""
        self._show_panel()
        self._panel.focus_find()

    def _on_find_typed(self, text: str) -> None:
        words = sought_words(text, self._window_state.cities.catalogs.values(), self.tr)
        self._text = text
        if words != self._filter.words:
            self._narrow(words=words)

    def _on_find_entered(self, text: str) -> None:
        """A time that was typed becomes a condition; else the keyboard goes to what was found."""
        if times := self._hours_in(text):
            since, until = next(iter(times.values()))
            self._narrow(since=since, until=until)
            self._panel.set_find(" ".join(part for part in text.split() if part not in times))
        else:
            self._panel.focus_lines()

    def _hours_in(self, text: str) -> dict[str, tuple[datetime, datetime]]:
        """The times among the words of a search, of the day that is shown."""
        day = _day_of(self._filter.since if self._filter.since is not None else self._today, self._zone)
        found = {part: hours_of(part, day) for part in text.split()}
        return {part: hours for part, hours in found.items() if hours is not None}

    def _narrow(self, **conditions: Any) -> None:
        if "since" in conditions:
            self._is_today = conditions["since"] == self._today and conditions.get("until") is None
        self._filter = msgspec.structs.replace(self._filter, **conditions)
        self.begin_again()

    def _on_chip_removed(self, key: str) -> None:
        nothing: dict[str, dict[str, Any]] = {
            "time": {"since": None, "until": None},
            "report": {"report": None},
            "unit": {"unit": None},
            "person": {"person": ""},
        }
        self._narrow(**nothing[key])

    def choose_filter(self) -> None:
        """Offer conditions: times, the report, unit and person of the current line, all units, and who has written."""
        rows = [ListChoice(f"time:{key}", self.tr(words), self.tr("time")) for key, words in _TIMES.items()]
        rows += [ListChoice(key, words, self.tr(note)) for key, words, note in self._named_here()]
        known = {row.id for row in rows}
        units = [
            (f"unit:{crew.source}/{crew.unit.id}", self._window_state.code_of(crew))
            for crew in self._window_state.cities.crews
        ]
        rows += [ListChoice(key, code, self.tr("unit")) for key, code in units if key not in known]
        people = dict.fromkeys(one.entry.author for one in self._entries.values())
        rows += [
            ListChoice(f"person:{name}", name, self.tr("person"))
            for name in people
            if name and f"person:{name}" not in known
        ]
        self._forms.choose(self.tr("Filter the log"), "", rows, self.narrow_to)

    def _named_here(self) -> list[tuple[str, str, str]]:
        """What the current line names: (id of a condition, words, what it is)."""
        source, entry = self._meant(self._panel.current_id())
        if entry is None:
            return []
        report, unit = report_of(entry), unit_of(entry)
        known = self._window_state.catalog(source).units.get(unit)
        found = []
        if report and not is_local(report):
            found.append((f"report:{source}/{report}", report[:24], "report"))
        if unit:
            found.append((f"unit:{source}/{unit}", known.code if known is not None else unit, "unit"))
        if entry.author:
            found.append((f"person:{entry.author}", entry.author, "person"))
        return found

    def narrow_to(self, choice: str) -> None:
        """Set the condition that was chosen."""
        kind, _, what = choice.partition(":")
        source, _, key = what.partition("/")
        match kind:
            case "time":
                self._narrow(**_range(what, self._today, self._now()))
            case "person":
                self._narrow(person=what)
            case _:
                self._narrow(**{kind: (source, key)})

    def menu(self) -> list[MenuRow]:
        """What can be done with the current line."""
        names = {
            "report": self.tr("Only report {what}"),
            "unit": self.tr("Only unit {what}"),
            "person": self.tr("Only what {what} did"),
        }
        rows = [MenuRow("open", self.tr("Go to what it is about"))]
        rows += [MenuRow(key, names[kind].format(what=words)) for key, words, kind in self._named_here()]
        rows += [MenuRow(""), MenuRow("copy", self.tr("Copy in one line"))]
        printing = self._window_state.actions["print_log"]
        return [*rows, MenuRow("print", self.tr("Print what is shown"), printing.keys[0])]

    def act(self, row_id: str, intent: str) -> None:
        """What was chosen in the menu of a line."""
        if intent == "open":
            self.open(row_id)
        elif intent == "print":
            self.print_wanted.emit()
        elif intent == "copy":
            row = self._row_of(row_id)
            self.copy_wanted.emit("; ".join(part for part in (row.time, row.who, row.about, row.what) if part))
        else:
            self.narrow_to(intent)

    # What the operator does

    def _meant(self, row_id: str) -> tuple[str, Entry | None]:
        """The source and the entry of a line, also of one that waits; ("", None) when it is gone."""
        if (queued := self._waiting.get(row_id)) is not None:
            return queued.edit.source, entry_of(queued.edit)
        one = self._entries.get(row_id)
        return (one.source, one.entry) if one is not None else ("", None)

    def open(self, row_id: str) -> None:
        """Go to what a line is about."""
        source, entry = self._meant(row_id)
        if entry is None:
            return
        unit = unit_of(entry)
        if report := report_of(entry):
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
        # protects: a-line-in-the-row-of-a-deleted-one-is-not-missed
        behind = asked.end - _AGAIN
        return _LogRead(asked, tuple(reader.log_news(asked.filter, behind, _NEWS)), asked.older, end, unread)
    page = reader.log_page(asked.filter, asked.older)
    return _LogRead(asked, page.entries, page.older, end, unread)


def _ms(at: datetime) -> int:
    """Milliseconds since 1970."""
    return int(at.timestamp() * 1000)


_TIMES = {
    "hour": "Last hour",
    "today": "Today",
    "yesterday": "Yesterday",
    "week": "Last 7 days",
    "month": "Last 30 days",
    "all": "All that is known",
}


def _range(name: str, today: datetime, now: datetime) -> dict[str, datetime | None]:
    """The time of one of _TIMES; `today` is when the day began."""
    since = {
        "hour": now - timedelta(hours=1),
        "today": today,
        "yesterday": today - timedelta(days=1),
        "week": today - timedelta(days=6),
        "month": today - timedelta(days=29),
    }.get(name)
    return {"since": since, "until": today if name == "yesterday" else None}


def _day_of(at: datetime, zone: tzinfo) -> datetime:
    """When the day began to which a time belongs."""
    return at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
