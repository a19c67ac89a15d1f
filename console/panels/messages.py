"""The messages of a window: threads with what is unread in them, the open one, and what the operator writes."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

import msgspec
from PySide6.QtCore import QObject, Signal

from api_client.model import MOST_READ, Kind, Message, Recipient
from console.cache.catalog import Catalog, offered
from console.cache.reader import CacheReader, MessageThread, ReadMessage
from console.panels import formatting
from console.panels.edit_commands import EditCommands
from console.panels.forms.draft import Pauses
from console.panels.forms.forms import Forms
from console.panels.notifications.attention import Call
from console.panels.qt_outbox import QtOutbox
from console.panels.report.history import STATE_WORDS, recipient_in, recipient_text
from console.panels.sources import Sources
from console.panels.window_state import WindowState
from console.rules.correspondence import READING_ROLES, recipient_of, thread_of, why_not_to
from console.rules.edit import Edit
from console.rules.messages import Touched
from console.rules.queued import EditState, Queued
from console.rules.rights import Rights
from console.sound.tones import Tone
from console.tasks import Tasks
from widgets.forms.choice import ListChoice
from widgets.messages import MessageRow, MessagesPanel, ThreadRow
from widgets.text import one_line

_KIND = "messages"
_SHOWN, _THREADS_SHOWN = 100, 80
"""So many messages of a thread are shown, the newest, and so many threads, with all in which something is unread."""
_MOST_SHOWN = 400
"""Where more are unread so many are shown without a gap, and the oldest of the others before them."""
_LONGEST = 2_000
_NUMBER = re.compile(r"#?(\d{1,24})(?:\s+|\Z)")
_UNREAD_AFTER = timedelta(minutes=10)
"""A message to a unit that nobody has read for so long is said to be unread."""
_PASSING_S = 30.0
"""What the server has taken is shown for so long until it is in the cache."""


class Thread(NamedTuple):
    """A thread of one source."""

    source: str
    key: str

    @property
    def id(self) -> str:
        """One text for it among those of all cities."""
        return f"{self.source}/{self.key}"


class _ToldThread(NamedTuple):
    """The row of a thread, with what it was made of."""

    catalog: Catalog
    made_of: tuple[object, ...]
    row: ThreadRow


class _MessagesRead(msgspec.Struct, frozen=True):
    """What a worker has read for these users: the threads, the messages of the open one, all that is unread."""

    users: dict[str, str]
    threads: tuple[tuple[str, MessageThread], ...]
    open: Thread | None
    shown: tuple[ReadMessage, ...]
    most: int
    """So many of the open thread were read: those that are looked at stay while it is open."""
    unread: tuple[tuple[str, Message], ...]


_NOTHING = _MessagesRead({}, (), None, (), _SHOWN, ())


class MessagesController(QObject):
    """Follows the cache and the outbox. What is to the operator counts as read once it was in sight in its thread.

    Unread messages are told once, in the line at the foot and by a calm tone; never in the place where a P1 is told.
    """

    message = Signal(str)
    counted = Signal(int)
    """How many messages to the operator are unread."""
    called = Signal(object)
    """A tuple of Call: the unread messages."""
    report_opened = Signal(str, str)
    """Source and number of a report."""

    def __init__(
        self,
        panel: MessagesPanel,
        window_state: WindowState,
        tasks: Tasks,
        reader: Callable[[], CacheReader],
        outbox: QtOutbox,
        edit_commands: EditCommands,
        forms: Forms,
        sources: Sources,
        zone: tzinfo,
        time_at: Callable[[str], datetime],
        steady_s: Callable[[], float] = time.monotonic,
        parent: QObject | None = None,
        *,
        rights_at: Callable[[str], Rights] = lambda _source: Rights(),
        quick_texts: Callable[[], Sequence[str]] = tuple,
        show_panel: Callable[[], object] = lambda: None,
        is_locked: Callable[[], bool] = lambda: False,
        is_signed_out: Callable[[str], bool] = lambda _source: False,
    ) -> None:
        """`time_at` is the time by the clock of a source, `rights_at` what the operator may do there, `is_signed_out`
        whether he has signed out of it; `quick_texts` are those of this computer; `show_panel` brings the panel to the
        front and gives it the keyboard.
        """
        super().__init__(parent)
        self._panel, self._window_state, self._tasks, self._reader = panel, window_state, tasks, reader
        self._outbox, self._edit_commands, self._forms, self._sources = outbox, edit_commands, forms, sources
        self._zone, self._time_at, self._steady_s = zone, time_at, steady_s
        self._rights_at, self._quick_texts, self._show_panel = rights_at, quick_texts, show_panel
        self._is_locked, self._is_signed_out = is_locked, is_signed_out
        self.calls: tuple[Call, ...] = ()
        """The unread messages, which are heard once each."""
        self._is_counted = False
        self._read = _NOTHING
        self._open: Thread | None = None
        self._begun: dict[Thread, None] = {}
        """Threads that were opened to write in, and have no message yet."""
        self._marked: set[str] = set()
        """The ids of messages that were marked as read here."""
        self._told: set[str] | None = None
        """The ids of unread messages that were told; None before the first were read."""
        self._own: dict[str, Queued] = {}
        self._passing: dict[str, tuple[Queued, float]] = {}
        """Own messages that have left the outbox, and when: they may not be in the cache yet."""
        self._told_threads: dict[Thread, _ToldThread] = {}
        """The rows of the threads: they are shown again each second."""
        self._numbers: dict[tuple[str, str], bool] = {}
        """Whether there is a report of a number that was typed, by source and number."""
        self._waits_for_number = False
        """Enter was pressed before it was known whether the number is that of a report."""
        self._asked: tuple[Thread, str] | None = None
        """The unit's code that is asked about before it is sent to somebody else, and to whom."""
        self._pauses = Pauses(self._keep_draft, steady_s, self)
        panel.thread_opened.connect(self._on_thread)
        panel.send_asked.connect(self._on_send)
        panel.typed.connect(self._on_typed)
        panel.message_opened.connect(self._on_message)
        panel.shown.connect(self.show)
        panel.seen.connect(self._on_seen)
        outbox.changed.connect(lambda _: self._on_outbox())
        outbox.saved.connect(lambda queued: self._on_outbox() if queued.edit.kind is Kind.MESSAGE else None)
        outbox.opened.connect(self.look)
        window_state.catalog_changed.connect(lambda _: self._on_catalog())
        self.show()

    # Reading

    def on_touched(self, touched: Touched) -> None:
        """The cache holds something else than before."""
        if touched.everything or "message" in touched.kinds:
            self.look()

    def look(self) -> None:
        """Read the threads, and the messages of the open one, on a worker."""
        users = self._users()
        opened, reader = self._open, self._reader
        most = self._read.most if self._read.open == opened else _SHOWN
        self._tasks.latest(_KIND, lambda: _read(reader(), users, opened, most), self._on_read)

    def _users(self) -> dict[str, str]:
        """Who is signed in at each source: the messages of who has signed out are not shown."""
        signed_in = (one for one in self._window_state.cities.catalogs if not self._is_signed_out(one))
        return {source: self._window_state.me_at(source) for source in signed_in}

    def _on_catalog(self) -> None:
        """Units and areas may be called otherwise; of other sources, or another operator, all is read anew."""
        if self._users() != self._read.users:
            self.look()
        else:
            self.show()

    def tick(self) -> None:
        """Once a second: for how long something was not sent, and that the window is in front again."""
        if self._users() != self._read.users:
            self.leave()
            self.look()
        elif self._panel.isVisible() and (self._own or self._passing or self._open is not None):
            self.show()

    def _on_read(self, read: _MessagesRead) -> None:
        # protects: messages-of-who-sat-here-before-are-not-shown
        if self._users() != read.users:
            self.look()
            return
        if read.users != self._read.users:
            self._told = None
            self._marked.clear()
        self._read = read
        if self._open is None and read.threads:
            self._open_thread(self._first())
            return
        if read.open != self._open:
            self.look()
        self._tell()
        self.show()

    def _first(self) -> Thread:
        """The thread to begin with: the newest in which something is unread, else the newest."""
        source, found = next((one for one in self._read.threads if one[1].unread), self._read.threads[0])
        return Thread(source, found.key)

    def _unread(self) -> list[tuple[str, Message]]:
        return [(source, one) for source, one in self._read.unread if one.id not in self._marked]

    def _tell(self) -> None:
        """Say what has come, once; behind a lock when that opens."""
        if self._is_locked():
            return
        unread = self._unread()
        ids = {one.id for _, one in unread}
        news = [pair for pair in unread if self._told is None or pair[1].id not in self._told]
        self._told = ids if self._told is None else self._told | ids
        if not news or self._is_in_sight(news):
            return
        source, last = news[-1]
        key = self._window_state.actions.key("panel_messages")
        if len(news) > 1:
            words = self.tr("{n} messages, the last of {who}: {text} ({key})")
        else:
            words = self.tr("{who} writes: {text} ({key})")
        text = one_line(last.text, 120)
        self.message.emit(words.format(n=len(news), who=self._who(source, last), text=text, key=key))

    def _is_in_sight(self, messages: Iterable[tuple[str, Message]]) -> bool:
        threads = {Thread(source, thread_of(one.to, one.unit)) for source, one in messages}
        return self._sees() and threads == {self._open}

    def _sees(self) -> bool:
        """Whether the operator can see the open thread."""
        # protects: behind-a-lock-nothing-is-read
        return self._panel.isVisible() and self._panel.isActiveWindow() and not self._is_locked()

    # Own messages

    def _on_outbox(self) -> None:
        own: dict[str, Queued] = {}
        for source in self._window_state.cities.catalogs:
            saved = self._outbox.open_for(source, None)
            own |= {one.edit.id: one for one in saved if one.edit.kind is Kind.MESSAGE and self._is_mine(one.edit)}
            saving = (one for one in self._outbox.given_for(source, None) if one.kind is Kind.MESSAGE)
            own |= {one.id: Queued(one, EditState.QUEUED) for one in saving if one.id not in own}
        now_s = self._steady_s()
        for edit_id in self._own.keys() - own.keys():
            if self._own[edit_id].state in (EditState.SENDING, EditState.ACCEPTED, EditState.UNCONFIRMED):
                self._passing[edit_id] = self._own[edit_id], now_s
        self._own = own
        for queued in self._outbox.lost:
            if queued.edit.kind is Kind.READ:  # it is gone, or not for him any more: nobody need be asked
                self._outbox.drop_lost(queued.edit.id)
        self.show()

    def _is_mine(self, edit: Edit) -> bool:
        return not self._outbox.is_anothers(edit)

    def _waiting(self) -> dict[Thread, list[Queued]]:
        """Own messages that the cache does not hold, by their threads, the oldest first."""
        known = {one.message.id for one in self._read.shown}
        now_s = self._steady_s()
        self._passing = {
            key: (one, since_s)
            for key, (one, since_s) in self._passing.items()
            if key not in known and now_s - since_s < _PASSING_S
        }
        found: dict[Thread, list[Queued]] = {}
        for one in (*(one for one, _ in self._passing.values()), *self._own.values()):
            if one.edit.id not in known:
                key = thread_of(recipient_in(one.edit.data))
                found.setdefault(Thread(one.edit.source, key), []).append(one)
        return found

    # Showing

    def show(self) -> None:
        """Fill the panel, and mark as read what is in sight."""
        self._see()
        waiting = self._waiting()
        rows = self._thread_rows(waiting)
        self._call()
        if not self._panel.isVisible():
            return
        self._panel.set_empty(*self._empty_words())
        self._panel.set_threads(rows, self._open.id if self._open is not None else "")
        if self._open is not None:
            name, about = self._title(self._open), self._about(self._open)
            self._panel.set_thread(self._open.id, name, about, self._message_rows(self._open, waiting))
            self._panel.set_quick(self._quick(self._open.source))
            self._show_hint()

    def _call(self) -> None:
        """Tell how many are unread, and have each heard once."""
        unread = self._unread()
        words = self.tr("Message from {who}")
        calls = tuple(
            Call((_KIND, source, one.id), Tone.MESSAGE, words.format(who=self._who(source, one)))
            for source, one in unread
        )
        if calls != self.calls or not self._is_counted:
            self.calls, self._is_counted = calls, True
            self.counted.emit(len(unread))
            self.called.emit(calls)

    def _on_seen(self) -> None:
        if self._see():
            self.show()

    def _see(self) -> bool:
        """Mark what is to the operator and in sight as read; returns whether there was any."""
        if self._open is None or self._read.open != self._open or not self._sees():
            return False
        me, in_sight = self._window_state.me_at(self._open.source), set(self._panel.ids_in_sight())
        ids = [
            one.message.id
            for one in self._read.shown
            # protects: what-nobody-has-seen-is-unread
            if one.message.id in in_sight
            and one.message.to_you
            and one.message.id not in self._marked
            and not any(mark.who == me for mark in one.marks)
        ]
        if not ids or self._outbox.why_refused(self._open.source, Kind.READ):
            return False
        self._marked |= set(ids)
        for at in range(0, len(ids), MOST_READ):
            self._edit_commands.mark_read(self._open.source, ids[at : at + MOST_READ])
        return True

    def _empty_words(self) -> tuple[str, str, Sequence[tuple[str, str]]]:
        if not self._read.users:
            return self.tr("Not loaded yet"), self.tr("Messages are known once the server has been read."), ()
        why = self.tr("What control room and crews write to one another stands here.")
        key = self._window_state.actions.key("panel_messages")
        return self.tr("No message"), why, ((key, self.tr("write to a unit, a role, an area, everyone")),)

    def _thread_rows(self, waiting: Mapping[Thread, Sequence[Queued]]) -> list[ThreadRow]:
        marked = Counter(
            Thread(source, thread_of(one.to, one.unit)) for source, one in self._read.unread if one.id in self._marked
        )
        known = {Thread(source, one.key): one for source, one in self._read.threads}
        threads = {*known, *waiting, *self._begun}
        at: dict[Thread, datetime] = {}
        for thread in threads:
            times = [one.edit.occurred_at for one in waiting.get(thread, ())]
            times += [known[thread].last.at] if thread in known else []
            at[thread] = max(times, default=self._time_at(thread.source))
        told, self._told_threads = self._told_threads, {}
        rows: list[ThreadRow] = []
        for thread in sorted(threads, key=lambda one: (at[one], one), reverse=True):
            found, own = known.get(thread), waiting.get(thread, ())
            unread = max(0, found.unread - marked[thread]) if found is not None else 0
            if len(rows) >= _THREADS_SHOWN and not unread and not own and thread != self._open:
                continue
            today = formatting.in_zone(self._time_at(thread.source), self._zone).date()
            catalog, made_of = self._window_state.catalog(thread.source), (found, unread, today, self._users())
            before = told.get(thread)
            if own or before is None or before.catalog is not catalog or before.made_of != made_of:
                before = _ToldThread(catalog, made_of, self._thread_row(thread, found, own, unread, at[thread]))
            self._told_threads[thread] = before
            rows.append(before.row)
        return rows

    def _thread_row(
        self, thread: Thread, found: MessageThread | None, own: Sequence[Queued], unread: int, at: datetime
    ) -> ThreadRow:
        words, warns = self._last_words(thread, found, own)
        return ThreadRow(
            id=thread.id,
            kind=thread.key.partition(":")[0],
            title=self._title(thread),
            time=self._clock(thread.source, at) if found is not None or own else "",
            words=words,
            unread=self.tr("{n} new").format(n=unread) if unread else "",
            state=self._unit_state(thread),
            warns=warns,
        )

    def _last_words(self, thread: Thread, found: MessageThread | None, own: Sequence[Queued]) -> tuple[str, bool]:
        """The last words of a thread, or what is wrong with it."""
        late = [one for one in own if self._is_stuck(one)]
        if late:
            since = self._clock(thread.source, late[0].edit.occurred_at)
            return self.tr("not delivered since {time}").format(time=since), True
        if own:
            return self.tr("You: {text}").format(text=_text(own[-1].edit)), False
        if found is None:
            return "", False
        last, me = found.last, self._window_state.me_at(thread.source)
        if last.author == me:
            return self.tr("You: {text}").format(text=one_line(last.text[:300], 200)), False
        of_unit = last.unit is not None and thread.key == thread_of(Recipient(unit=last.unit))
        text = one_line(last.text[:300], 200)
        return (text if of_unit else f"{self._who(thread.source, last)}: {text}"), False

    def _is_stuck(self, own: Queued) -> bool:
        """Whether a message waits here that should have left."""
        if own.edit.id in self._passing or own.state is EditState.ACCEPTED:
            return False
        if own.state is not EditState.QUEUED:
            return own.state not in (EditState.SENDING, EditState.UNCONFIRMED)
        return self._outbox.is_not_sent(own.edit, away=self._sources.is_away(own.edit.source))

    def _message_rows(self, thread: Thread, waiting: Mapping[Thread, Sequence[Queued]]) -> list[MessageRow]:
        rows: list[tuple[datetime, MessageRow]] = []
        if self._read.open == thread:
            rows += [(one.message.at, self._row(thread, one)) for one in self._read.shown]
        rows += [(one.edit.occurred_at, self._own_row(one)) for one in waiting.get(thread, ())]
        return [row for _, row in sorted(rows, key=lambda pair: pair[0])]

    def _row(self, thread: Thread, one: ReadMessage) -> MessageRow:
        message, me = one.message, self._window_state.me_at(thread.source)
        is_own = message.author == me
        mark, state, warns = self._read_state(thread, one) if is_own else ("", "", False)
        if message.late:
            state = " · ".join(part for part in (self.tr("sent late"), state) if part)
        return MessageRow(
            id=message.id,
            who=self.tr("You") if is_own else self._who(thread.source, message),
            time=self._clock(thread.source, message.at),
            text=message.text[:_LONGEST],
            report=(message.report or "")[:24],
            is_own=is_own,
            mark=mark,
            state=state,
            warns=warns,
        )

    def _read_state(self, thread: Thread, one: ReadMessage) -> tuple[str, str, bool]:
        """The mark of an own message that the server has, its words, and whether they stand out."""
        readers = [mark for mark in one.marks if mark.addressed]
        if readers:
            at = self._clock(thread.source, readers[0].at)
            if one.message.to.unit is not None or len(readers) == 1:
                return "solid", self.tr("read {time}").format(time=at), False
            return "solid", self.tr("read by {n}, first {time}").format(n=len(readers), time=at), False
        waited = self._time_at(thread.source) - one.message.at
        is_late = one.message.to.unit is not None and waited > _UNREAD_AFTER
        return "half", self.tr("sent, not read") if is_late else self.tr("sent"), is_late

    def _own_row(self, queued: Queued) -> MessageRow:
        edit = queued.edit
        is_stuck = self._is_stuck(queued)
        mark = "half" if edit.id in self._passing or queued.state is EditState.ACCEPTED else "hollow"
        state = self.tr(STATE_WORDS[queued.state])
        if edit.id in self._passing:
            state = self.tr("sent")
        elif is_stuck and queued.state is EditState.QUEUED:
            state = self.tr("NOT SENT")
        return MessageRow(
            id=edit.id,
            who=self.tr("You"),
            time=self._clock(edit.source, edit.occurred_at),
            text=str(edit.data.get("text", ""))[:_LONGEST],
            report=str(edit.data.get("report") or "")[:24],
            is_own=True,
            mark=mark,
            state=state,
            warns=is_stuck,
        )

    def _clock(self, source: str, at: datetime) -> str:
        return formatting.moment(at, self._zone, self._time_at(source))

    # Names

    def _title(self, thread: Thread) -> str:
        title = self._name(thread)
        several = len(self._window_state.cities.catalogs) > 1
        return f"{title} · {self._window_state.city_name(thread.source)}" if several else title

    def _name(self, thread: Thread) -> str:
        catalog, to = self._window_state.catalog(thread.source), recipient_of(thread.key)
        return recipient_text(to, catalog, self.tr)

    def _who(self, source: str, message: Message) -> str:
        """Who wrote it: the code of a crew, the name of anybody else."""
        unit = self._window_state.catalog(source).units.get(message.unit or "")
        return unit.code if unit is not None else message.author

    def _unit_state(self, thread: Thread) -> str:
        unit = self._window_state.catalog(thread.source).units.get(recipient_of(thread.key).unit or "")
        return formatting.UNIT_SYMBOL[unit.state] if unit is not None else ""

    def _about(self, thread: Thread) -> str:
        """What is known of whom a thread is with: `pump crew · On scene · 931180`."""
        catalog = self._window_state.catalog(thread.source)
        unit = catalog.units.get(recipient_of(thread.key).unit or "")
        if unit is None:
            return ""
        jobs = [job.report[:24] for job in catalog.by_unit.get(unit.id, [])[:2]]
        return " · ".join(part for part in (unit.name, self.tr(formatting.UNIT_TEXT[unit.state]), *jobs) if part)

    def _quick(self, source: str) -> list[str]:
        """The quick texts: those of the city, else of this computer, else what is asked most."""
        of_city = self.city_texts(source)
        usual = [self.tr("Have you arrived?"), self.tr("Send a photo afterwards"), self.tr("Call me by radio")]
        return [*(of_city or self._quick_texts() or usual)][:3]

    def city_texts(self, source: str) -> list[str]:
        """The quick texts of a city."""
        return [one.text for one in self._window_state.catalog(source).templates if one.kind == "message"]

    # What the operator does

    def leave(self) -> None:
        """The operator leaves: what he typed is kept for him, and nothing of his stays in sight."""
        self._pauses.keep()
        self._read, self._open = _NOTHING, None
        self._begun.clear()
        self._passing.clear()
        self._panel.set_text("")
        self._panel.set_thread("", "", "", ())
        self.show()

    def go(self) -> None:
        """Give the panel the keyboard; once it has that, ask to whom to write."""
        if self._sees() and self._panel.has_keyboard:
            self.choose_recipient()
        else:
            self._show_panel()

    def write_to_unit(self) -> None:
        """Open the thread of the chosen unit, with the keyboard in its line."""
        crew = self._window_state.cities.crew(self._window_state.unit)
        if crew is not None:
            self.write_to(Thread(crew.source, thread_of(Recipient(unit=crew.unit.id))))

    def choose_recipient(self) -> None:
        """Ask to whom to write: a unit, a role, an area, everyone."""
        rows: list[ListChoice] = []
        for source, catalog in self._window_state.cities.catalogs.items():
            if not self._why_not(source):
                rows += self._choices(source, catalog)
        if not rows:
            source = next(iter(self._window_state.cities.catalogs), "")
            self.message.emit(self._why_not(source) or self.tr("Not loaded yet"))
            return
        current = self._open.id if self._open is not None else ""
        self._forms.choose(self.tr("Write to"), "", rows, self._on_chosen, current=current)

    def _choices(self, source: str, catalog: Catalog) -> list[ListChoice]:
        role = self._rights_at(source).role or "operator"
        units = sorted(offered(catalog.units), key=lambda unit: unit.code)
        areas = sorted(offered(catalog.areas), key=lambda area: (area.level, area.name))
        keys = [
            *((Recipient(unit=unit.id), self.tr("unit"), formatting.UNIT_SYMBOL[unit.state]) for unit in units),
            *((Recipient(role=one), self.tr("role"), "") for one in READING_ROLES),
            (Recipient(), "", ""),
            *((Recipient(area=area.code), self.tr("area"), "") for area in areas),
        ]
        may = [(Thread(source, thread_of(to)), note, state) for to, note, state in keys if not why_not_to(role, to)]
        return [ListChoice(one.id, self._title(one), note, unit_state=state) for one, note, state in may]

    def _names_another(self, thread: Thread, words: str) -> bool:
        """Whether the words are no more than the code of a unit that is somebody else: they may have been typed to
        choose whom to write to.
        """
        catalog = self._window_state.cities.catalogs.get(thread.source)
        units = offered(catalog.units) if catalog is not None else ()
        here = recipient_of(thread.key).unit
        return any(one.code.casefold() == words.casefold() and one.id != here for one in units)

    def _on_chosen(self, thread_id: str) -> None:
        source = next((one for one in self._window_state.cities.catalogs if thread_id.startswith(f"{one}/")), "")
        if source:
            self.write_to(Thread(source, thread_id.removeprefix(f"{source}/")))

    def write_to(self, thread: Thread) -> None:
        """Open a thread, with the keyboard in its line."""
        if not any(thread == Thread(source, one.key) for source, one in self._read.threads):
            self._begun[thread] = None
        self._show_panel()
        self._open_thread(thread)
        self._panel.line.setFocus()

    def _on_thread(self, thread_id: str) -> None:
        known = {Thread(source, one.key) for source, one in self._read.threads} | self._begun.keys()
        known |= self._waiting().keys()
        thread = next((one for one in known if one.id == thread_id), None)
        if thread is not None:
            self._open_thread(thread)

    def _open_thread(self, thread: Thread) -> None:
        if thread != self._open:
            self._pauses.keep()
            self._open, self._waits_for_number = thread, False
            draft = self._outbox.draft(self._draft_key(thread)) or {}
            self._panel.set_text(str(draft.get("text", "")))
            self._look_up_number()
        self.look()
        self.show()

    def _on_message(self, message_id: str) -> None:
        """Go to the report that a message is kept with."""
        report = next((row.report for row in self._panel.rows() if row.id == message_id), "")
        if report and self._open is not None:
            self.report_opened.emit(self._open.source, report)

    # The line

    def _on_typed(self, _: str) -> None:
        # protects: typed-messages-are-kept
        self._pauses.typed()
        self._waits_for_number = False
        self._look_up_number()
        self._show_hint()

    def _draft_key(self, thread: Thread) -> str:
        return f"message:{thread.source}:{thread.key}"

    def _keep_draft(self) -> None:
        if self._open is None:
            return
        key, text = self._draft_key(self._open), self._panel.text
        before = self._outbox.draft(key)
        if text.strip():
            if before is None or before.get("text") != text:
                self._outbox.save_draft(key, {"text": text, **self._forms.mark(self._title(self._open))})
        elif before is not None:
            self._outbox.drop_draft(key)

    def _typed_number(self) -> str:
        """The number at the beginning of the line, "" for none."""
        found = _NUMBER.match(self._panel.text.lstrip())
        return found[1] if found is not None else ""

    def _look_up_number(self) -> None:
        """Find out on a worker whether the number at the beginning of the line is that of a report."""
        number = self._typed_number()
        if self._open is None or not number or (self._open.source, number) in self._numbers:
            return
        source, reader = self._open.source, self._reader

        def is_there() -> bool:
            return reader().row_of(source, number) is not None

        self._tasks.latest("message-number", is_there, lambda found: self._on_number(source, number, found))

    def _on_number(self, source: str, number: str, found: bool) -> None:
        self._numbers[source, number] = found
        self._show_hint()
        if self._waits_for_number:
            self._on_send(self._panel.text)
        else:
            self._look_up_number()

    def _show_hint(self) -> None:
        if self._open is None:
            return
        name, number = self._title(self._open), self._typed_number()
        words = self.tr("goes to {whom}").format(whom=name)
        is_kept = bool(number and self._numbers.get((self._open.source, number)))
        if is_kept:
            words = self.tr("goes to {whom}, kept with {number}").format(whom=name, number=number)
        over = len(self._panel.text.strip()) - _LONGEST
        why_not = self.why_not_written(self._open.source, recipient_of(self._open.key))
        if over > 0:
            why_not = self.tr("too long by {over}: {most} letters at most").format(over=over, most=f"{_LONGEST:,}")
        self._panel.set_hint(words, matters=is_kept, why_not=why_not)

    def why_not_written(self, source: str, to: Recipient) -> str:
        """Why the operator may not write to somebody at a source, "" when he may."""
        return self._why_not(source) or self.tr(why_not_to(self._rights_at(source).role or "operator", to))

    def _why_not(self, source: str) -> str:
        """Why the operator may write no message at a source, "" when he may."""
        if self._sources.takes_new_only(source):
            return self.tr("This server takes new reports only")
        return self.tr(self._outbox.why_refused(source, Kind.MESSAGE))

    def _on_send(self, text: str) -> None:
        thread, number = self._open, self._typed_number()
        if thread is None or not text.strip() or self._why_not(thread.source):
            return
        is_there = self._numbers.get((thread.source, number)) if number else False
        if is_there is None:
            self._waits_for_number = True
            return
        self._waits_for_number = False
        words = _NUMBER.sub("", text.strip(), count=1).strip() if is_there else text.strip()
        if not words:
            self.message.emit(self.tr("Only the number stands there: write what is to be kept with it"))
            return
        # protects: name-of-another-is-asked-about
        if not is_there and self._names_another(thread, words) and self._asked != (thread, words):
            self._asked = thread, words
            said = self.tr("Enter again sends “{words}” to {whom}; {key} writes to somebody else")
            key = self._window_state.actions.cap("panel_messages")
            self.message.emit(said.format(words=words, whom=self._title(thread), key=key))
            return
        self._asked = None
        with self._outbox.using_draft(self._draft_key(thread)):
            self._edit_commands.write_message(
                thread.source, recipient_of(thread.key), words, number if is_there else None, self._title(thread)
            )
        self._panel.set_text("")
        self._on_outbox()


def _text(edit: Edit) -> str:
    return one_line(str(edit.data.get("text", "")), 200)


def _read(reader: CacheReader, users: dict[str, str], opened: Thread | None, most: int) -> _MessagesRead:
    threads = [(source, one) for source, user in users.items() for one in reader.threads(source, user)]
    threads.sort(key=lambda pair: pair[1].last.at, reverse=True)
    unread = [(source, one) for source, user in users.items() for one in reader.unread(source, user)]
    unread.sort(key=lambda pair: pair[1].at)
    shown: list[ReadMessage] = []
    if opened is not None and opened.source in users:
        whose = opened.source, users[opened.source], opened.key
        most = max(most, min(_MOST_SHOWN, reader.read_from(*whose)))
        shown = reader.messages(*whose, most)
    return _MessagesRead(users, tuple(threads), opened, tuple(shown), most, tuple(unread))
