"""How every source is doing: its state in words, the age of its data, when it is tried next."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from typing import Any

import msgspec
from PySide6.QtCore import QObject, Signal

from console.panels import formatting
from console.panels.action import Actions
from console.rules.messages import Source, SourceState
from widgets.notice import Notice
from widgets.statusbar import Cell

_INTERVAL_S = 5.0
RIGHTS_LAST = timedelta(hours=72)
"""How long an operator may write without contact with the server, which alone knows his rights; then he may read."""
_FAR_OFF_S = 60.0
_TOLD_OFF_S = 300.0
"""A server's clock that is so far from this computer's is told of in the strip; of less the list of servers tells."""
_TOLD_RIGHT = timedelta(minutes=10)
"""That a clock was set right is told for so long."""
_AMBER, _GREY = 3, 10
"""Data older than 3 intervals is amber, older than 10 grey and hatched."""


class Sources(QObject):
    """Keeps the newest state of each source and turns it into words."""

    changed = Signal()
    message = Signal(str)
    """What a source has to say beside its state: what could not be understood, what a comparison found."""

    def __init__(
        self,
        sources: list[Source],
        zone: tzinfo,
        now: Callable[[], datetime],
        actions: Actions[Any],
        parent: QObject | None = None,
        *,
        signed_out: Callable[[], Collection[str]] = lambda: (),
    ) -> None:
        """`signed_out` gives the keys of the sources that the operator has signed out of."""
        super().__init__(parent)
        self._actions, self._signed_out = actions, signed_out
        self._names = {source.key: source.name for source in sources}
        self._new_only = _taking_new_only(sources)
        self._insecure = [source.name for source in sources if source.insecure_http]
        self._zone, self._now = zone, now
        self._states: dict[str, SourceState] = {}
        self._at: dict[str, datetime] = {}
        self.sync_alive = True
        self._froze = False

    @property
    def first(self) -> str:
        """The key of the source that new reports go to."""
        return next(iter(self._names), "")

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of those followed."""
        return tuple(self._names)

    def name(self, key: str) -> str:
        """What a source is called."""
        return self._names.get(key, key)

    def takes_new_only(self, key: str) -> bool:
        """Whether a source's server takes new reports and nothing else, as every Open311 server does."""
        return key in self._new_only

    @property
    def offline(self) -> bool:
        """Whether some source cannot be reached."""
        return any(not state.reached for state in self._states.values())

    def is_away(self, key: str) -> bool:
        """Whether a source is known to take nothing now."""
        state = self._states.get(key)
        return state is not None and (not state.reached or bool(state.put_off))

    def hears(self, key: str) -> bool:
        """Whether a source's server answers questions, if only that it does not take the present token."""
        state = self._states.get(key)
        return state is not None and (state.reached or state.state == "refused")

    def refuses(self, key: str) -> bool | None:
        """Whether a source's server has said last that it does not take the present token; None where it has not been
        heard, or was not reached since.
        """
        state = self._states.get(key)
        if state is None or state.state not in ("refused", "live", "filling"):
            return None
        return state.state == "refused"

    def unreached_since(self, key: str) -> datetime | None:
        """Since when a source's server cannot be reached, or is another than it was; None while it can."""
        state = self._states.get(key)
        return state.since if state is not None and not state.reached else None

    def away_since(self, key: str) -> str:
        """`Offline since 13:20.` of a source that is known to be away, else ""."""
        state = self._states.get(key)
        if state is None or state.reached or state.since is None:
            return ""
        return self.tr("Offline since {time}.").format(time=self._when(state.since))

    def offset(self, key: str) -> timedelta:
        """How far the clock of a source's server is ahead of this computer's, as well as it is known; zero if it is
        not.
        """
        state = self._states.get(key)
        return timedelta(seconds=state.clock_offset_s if state is not None else 0.0)

    def _as_shown(self, state: SourceState) -> datetime | None:
        """The time to which a source's data is complete, by the clock that the window shows (the first source's)."""
        if state.as_of is None:
            return None
        return state.as_of - timedelta(seconds=state.clock_offset_s) + self.offset(self.first)

    def set_state(self, state: SourceState) -> None:
        """A source says how it is doing."""
        before = self._states.get(state.source)
        state = self._states[state.source] = state if before is None else _as_one_spell(before, state)
        self._at[state.source] = self._now()
        if self.sync_alive and state.state != "connecting":
            self._froze = False  # the one that was started in its place has found the server, or says why not
        if state.detail and (before is None or before.detail != state.detail):
            several = len(self._names) > 1
            said = f"{state.detail} {self._doubt_words(state)}".rstrip()
            self.message.emit(f"{self._names.get(state.source, '')}: {said}" if several else said)
        self.changed.emit()

    @property
    def newest(self) -> tuple[SourceState, ...]:
        """The newest state of each source."""
        return tuple(self._states.values())

    def take_up(self, states: Iterable[SourceState]) -> None:
        """Take over what the window that this one replaced knew: age of the data, and which source could not be
        reached.

        A source that was reached there counts as not reached from here yet.
        """
        for state in states:
            at_start = msgspec.structs.replace(state, state="connecting", latency_ms=None, put_off="", detail="")
            self._states[state.source] = at_start if state.reached and state.state != "filling" else state
            self._at[state.source] = self._now()
        self.changed.emit()

    @property
    def doubted(self) -> int:
        """How many reports are shown though comparisons did not find them at their servers."""
        return sum(state.doubted for key, state in self._states.items() if key in self._names)

    def _doubt_words(self, state: SourceState) -> str:
        """What can be done about it, "" where nothing is doubted."""
        return (
            self.tr("“{command}” drops them here.").format(command=self._actions["believe"].text)
            if state.doubted
            else ""
        )

    def set_sources(self, sources: list[Source]) -> None:
        """Follow these from now on."""
        self._names = {source.key: source.name for source in sources}
        self._new_only = _taking_new_only(sources)
        self._insecure = [source.name for source in sources if source.insecure_http]
        self.changed.emit()

    def follows(self, key: str) -> bool:
        """Whether a source is one of them."""
        return key in self._names

    def states(self) -> dict[str, str]:
        """The state word of each source."""
        return {key: state.state for key, state in self._states.items()}

    def filling(self) -> bool:
        """Whether some source has not been read whole yet."""
        return not self._states or any(state.state in ("filling", "connecting") for state in self._states.values())

    def progress(self) -> float | None:
        """How much of the first read of the slowest source is done, None while that is not known."""
        known = [state.progress for state in self._states.values() if state.state == "filling"]
        return None if not known or None in known else min(share for share in known if share is not None)

    def as_of(self) -> datetime | None:
        """The time the oldest source's data is complete to."""
        known = [self._as_shown(state) for state in self._states.values()]
        return None if not known or None in known else min(as_of for as_of in known if as_of is not None)

    def lapsed_since(self, key: str) -> datetime | None:
        """The last contact with a source when it is too long ago for writing, else None."""
        state = self._states.get(key)
        if state is None or state.as_of is None:
            return None
        here = self._now() + timedelta(seconds=state.clock_offset_s)
        # protects: rights-end
        return state.as_of if here - state.as_of > RIGHTS_LAST else None

    def why_reading_only(self, key: str) -> str:
        """Why nothing may be written for a source now, "" when it may."""
        since = self.lapsed_since(key)
        if since is None:
            return ""
        return self.tr("Reading only: no contact with {name} since {time}, and rights last 72 hours without it").format(
            name=self._names.get(key, key), time=self._day_and_clock(since)
        )

    def set_alive(self, alive: bool) -> None:
        """Whether the sync process runs."""
        self.sync_alive = alive
        self.changed.emit()

    def on_froze(self) -> None:
        """The sync process stood still and is started again."""
        self._froze = True
        self.changed.emit()

    def age_s(self) -> float | None:
        """Seconds since the oldest source's data was complete; None when there is none."""
        as_of = self.as_of()
        return None if as_of is None else (self._now() + self.offset(self.first) - as_of).total_seconds()

    def age_words(self) -> str:
        """`5 s ago`; without a connection `data from 13:20`; "" while nothing was read."""
        as_of, age = self.as_of(), self.age_s()
        if as_of is None or age is None:
            return ""
        if self.offline:
            return self.tr("data from {time}").format(time=formatting.clock_or_day(as_of, self._now(), self._zone))
        return self.tr("{age} ago").format(age=formatting.age(age))

    def age_level(self) -> int:
        """0 fresh, 1 amber, 2 too old to rely on."""
        age = self.age_s()
        if age is None or age > _GREY * _INTERVAL_S:
            return formatting.LATE
        return formatting.AT_RISK if age > _AMBER * _INTERVAL_S else formatting.CALM

    def cells(self) -> list[Cell]:
        """One status bar cell a source."""
        cells = []
        if self._froze:
            cells.append(Cell("sync", self.tr("The connection to the city froze and is started again"), "warn"))
        elif not self.sync_alive:
            cells.append(Cell("sync", self.tr("Sync is starting again"), "warn"))
        for key, name in self._names.items():
            state = self._states.get(key)
            text, level = self._line(state)
            cells.append(Cell(f"source:{key}", f"{name}: {text}" if len(self._names) > 1 else text, level))
        cells += [Cell("http", self.tr("{name}: not encrypted").format(name=name), "warn") for name in self._insecure]
        return cells

    def _line(self, state: SourceState | None) -> tuple[str, str]:
        if state is None or (not self.sync_alive and state.reached):
            return self.tr("Connecting"), ""
        if state.put_off:
            return self.tr("The server takes no changes now"), "warn"
        if state.unanswered_since is not None:
            silent_s = (self._now() - state.unanswered_since).total_seconds()
            return self.tr("Server: no answer for {n} s").format(n=max(1, round(silent_s))), "warn"
        if state.state == "live":
            latency = f" {state.latency_ms:.0f} ms" if state.latency_ms is not None else ""
            return self.tr("Server") + latency, "ok"
        if state.state == "filling" and state.progress == 1:
            return self.tr("Loading histories"), ""  # all reports are here
        if state.state == "filling":
            share = f" {state.progress:.0%}" if state.progress is not None else ""
            return self.tr("Loading") + share, ""
        if state.state == "connecting":
            return self.tr("Connecting"), ""
        return state.problem or self.tr("Server does not answer"), "warn"

    def sheet(self) -> str:
        """A line a source: its name, its state, the time its data is complete to, when it is tried next."""
        lines = []
        for key, name in self._names.items():
            state = self._states.get(key)
            as_of = self._as_shown(state) if state is not None else None
            data = self.tr("Data from {time}.").format(time=self._day_and_clock(as_of)) if as_of else ""
            detail = f"{state.detail} {self._doubt_words(state)}".strip() if state is not None else ""
            parts = (f"{name}: {self._line(state)[0].rstrip('.')}.", data, self._clock_words(key), detail)
            lines.append(" ".join(part for part in parts if part))
        return "\n".join([*lines, *([self.next_try()] if self.next_try() else [])])

    def _clock_words(self, key: str) -> str:
        """How far a server's clock is from this computer's, "" while that is little."""
        off_s = self.offset(key).total_seconds()
        if abs(off_s) < _FAR_OFF_S:
            return ""
        told = self.tr(
            "Its clock is {time} ahead of this computer's."
            if off_s > 0
            else "Its clock is {time} behind this computer's."
        )
        return told.format(time=formatting.age(abs(off_s)))

    def clock_notice(self) -> Notice | None:
        """That a server's clock was set while it was watched, or is far from this computer's: every age and deadline
        goes by it.
        """
        for key, name in self._names.items():
            state = self._states.get(key)
            if state is None or not state.reached:
                continue
            found = self._set_notice(state) or self._far_notice(state)
            if found is not None:
                bold = f"{name}: {found.bold}" if len(self._names) > 1 else found.bold
                return replace(found, bold=bold)
        return None

    def _set_notice(self, state: SourceState) -> Notice | None:
        if not state.clock_set_s or state.clock_set_at is None:
            return None
        set_ahead, set_back = self.tr("set {time} ahead"), self.tr("set {time} back")
        moved = (set_ahead if state.clock_set_s > 0 else set_back).format(time=formatting.age(abs(state.clock_set_s)))
        bold = self.tr("The server's clock was {moved} at {when}.").format(
            moved=moved, when=self._when(state.clock_set_at)
        )
        if abs(state.clock_offset_s) >= _FAR_OFF_S:
            words = self.tr(
                "Ages, deadlines and alarms go by it and are wrong if it is. Tell who runs the server. {off}"
            )
            return Notice("warn", bold, words.format(off=self._clock_words(state.source)))
        if self._now() - state.clock_set_at >= _TOLD_RIGHT:
            return None
        text = self.tr(
            "It agrees with this computer's: ages, deadlines and alarms were wrong before, and are right now."
        )
        return Notice("info", bold, text)

    def _far_notice(self, state: SourceState) -> Notice | None:
        if abs(state.clock_offset_s) < _TOLD_OFF_S:
            return None
        off_s = state.clock_offset_s
        bold = self.tr(
            "The server's clock is {time} ahead of this computer's."
            if off_s > 0
            else "The server's clock is {time} behind this computer's."
        ).format(time=formatting.age(abs(off_s)))
        return Notice("info", bold, self.tr("One of them is wrong. Ages, deadlines and alarms go by the server's."))

    def banner(self, waiting: int) -> Notice | None:
        """The offline banner, while some source cannot be reached; else of one that takes no changes."""
        return self._away_banner(waiting) or self._put_off_banner(waiting)

    def _put_off_banner(self, waiting: int) -> Notice | None:
        """The banner for a server that is reached and takes no changes, for example because its disk is full. It must
        not read as if the server were away: the data are current.
        """
        states = {key: state for key, state in self._states.items() if state.put_off}
        if not states:
            return None
        first = next(iter(states.values()))
        since = self._when(first.put_off_since) if first.put_off_since else ""
        bold = self.tr("The server has taken no changes since {time}.").format(time=since)
        if len(self._names) > 1:
            bold = f"{', '.join(self._names.get(key, key) for key in states)}: {bold}"
        text = self.tr(
            "It is there, and what you see is up to date. Give orders by radio. What you enter is saved here and sent "
            "when it can be taken. It says: {words}"
        ).format(words=first.put_off)
        buttons = (
            ("refresh", self.tr("Try now"), self._actions.cap("refresh")),
            ("panel_outbox", self.tr("Outbox {n}").format(n=waiting), self._actions.cap("panel_outbox")),
        )
        return Notice("warn", bold, text, buttons)

    def _away_banner(self, waiting: int) -> Notice | None:
        for key, state in self._states.items():
            if state.reached:
                continue
            since = self._when(state.since) if state.since else ""
            shown = self._as_shown(state)
            as_of = self._when(shown) if shown is not None else ""
            data = self.tr("Data from {time}.").format(time=as_of) if as_of else ""
            away = state.state == "offline" and not (state.local or state.busy)
            cause = "" if away else state.problem  # the status bar says why a server is not reached
            lapsed = self.lapsed_since(key)
            if lapsed is not None:
                return self._lapsed_banner(lapsed, waiting)
            radio = (
                self.tr("You are signed out: reading only until you sign in.")
                if key in self._signed_out()
                else self.tr("Give orders by radio. Whether what you enter can be saved is said each time.")
                if state.local
                else self.tr("Give orders by radio. Notes, photos and proof are saved and sent later.")
            )
            text = " ".join(part for part in (cause, radio, data) if part)
            several = len(self._names) > 1  # then the others may well be there
            alike = [name for one, name in self._names.items() if self._state_word(one) == state.state]
            names = ", ".join(alike) if several or not (away or state.local or state.busy) else ""
            told = (
                self.tr("Offline since {time}.").format(time=since)
                if away
                else self.tr("The server is there and asks for patience since {time}.").format(time=since)
                if state.busy
                else self.tr("Not brought up to date since {time}.").format(time=since)
                if state.local
                else ""
            )
            bold = ": ".join(part for part in (names, told) if part)
            again = (
                ("sign_in", self.tr("Sign in"), self._actions.cap("sign_in"))
                if state.state == "refused"
                else ("refresh", self.tr("Try now"), self._actions.cap("refresh"))
            )
            buttons = (
                again,
                ("panel_outbox", self.tr("Outbox {n}").format(n=waiting), self._actions.cap("panel_outbox")),
            )
            return Notice("warn", bold, text, buttons, note=self.next_try())
        return None

    def _state_word(self, key: str) -> str:
        return self._states[key].state if key in self._states else ""

    def _when(self, at: datetime) -> str:
        """`13:20`, with the day if that is not today, as an outage may last for days."""
        return formatting.moment(at, self._zone, self._now())

    def _day_and_clock(self, at: datetime) -> str:
        return formatting.day_and_clock(at, self._zone, self._now())

    def _lapsed_banner(self, since: datetime, waiting: int) -> Notice:
        text = self.tr(
            "No contact since {time}, and rights last 72 hours without it. Nothing can be entered until the server "
            "answers; what waits is safe."
        ).format(time=self._day_and_clock(since))
        buttons = (
            ("refresh", self.tr("Try now"), self._actions.cap("refresh")),
            ("panel_outbox", self.tr("Outbox {n}").format(n=waiting), self._actions.cap("panel_outbox")),
        )
        bold = self.tr("Reading only.")
        if len(self._names) > 1:
            lapsed = [name for key, name in self._names.items() if self.lapsed_since(key) is not None]
            bold = f"{', '.join(lapsed)}: {bold}"
        return Notice("warn", bold, text, buttons, note=self.next_try())

    def next_try(self) -> str:
        """`next try in 0:42`, `trying now`, "" when nothing waits."""
        for key, state in self._states.items():
            if state.next_try_s is not None and state.state not in ("live", "filling"):
                left = state.next_try_s - (self._now() - self._at[key]).total_seconds()
                if left < 1:  # it may take ten seconds, and "in 0:00" would stand there still
                    return self.tr("trying now")
                return self.tr("next try in {time}").format(time=formatting.duration(left))
        return ""


def _as_one_spell(before: SourceState, state: SourceState) -> SourceState:
    """The state of a source as one stretch of time, across a new sync process that knows nothing of before (as after a
    change of text size): a server that was away or silent counts as away since its last word, until it answers.
    """
    silent_since = before.since if before.state == "offline" else before.unanswered_since
    if silent_since is None:
        return state
    if state.state == "connecting":
        return before if before.state == "offline" else msgspec.structs.replace(state, unanswered_since=silent_since)
    if state.state == "offline":
        return msgspec.structs.replace(state, since=min(silent_since, state.since or silent_since))
    return state


def _taking_new_only(sources: Iterable[Source]) -> frozenset[str]:
    return frozenset(source.key for source in sources if source.kind == "open311")
