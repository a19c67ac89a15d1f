"""The page on which a shift is handed over: its lines, what was written on them, and what its keys do."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import NamedTuple

import msgspec
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication

from api_client.decoding import convert
from api_client.model import (
    MOST_HANDOVER_LINES,
    Handover,
    HandoverMark,
    HandoverSection,
    HandoverSignature,
    Kind,
)
from console.board.handover import find_items
from console.cache.catalog import CityUnit
from console.cache.reader import CacheReader, PastHandover, ReadMessage
from console.error_text import describe
from console.export.handover_pages import PrintedLine, PrintedSection, write_handover
from console.panels import formatting
from console.panels.action_runner import ActionRunner
from console.panels.forms.draft import typed_in
from console.panels.forms.forms import Forms
from console.panels.handover.documents import lines_of, marks_of, of_shift, offer_of, offered_to, written_on
from console.panels.handover.questions import HandoverQuestions, asked_about, recipient_for
from console.panels.handover.signing import HandoverSigning
from console.panels.handover.text import SECTION_NAMES, LineWriter, ShownLine
from console.panels.qt_outbox import QtOutbox
from console.panels.situation import SituationMonitor
from console.panels.sources import Sources
from console.panels.window_state import WindowState
from console.rules.correspondence import CONTROL_ROOM
from console.rules.edit import Edit
from console.rules.handover import (
    HandoverDraft,
    LineNotes,
    asked,
    asking,
    changed_since,
    confirmed_together,
    is_confirmed,
    mark_of,
    marked,
    remarked,
    still_musts,
)
from console.rules.report import HAZARD
from console.rules.rights import Rights
from console.rules.shifts import ShiftSpan, shift_at, shift_to_hand_over
from console.tasks import Tasks
from widgets.forms.choice import ListChoice
from widgets.handover import ASK, CITY, CONFIRM, OPEN, PRINT, SECTION, SIGN, TAKE, HandoverPanel, HandoverRow
from widgets.key_repeats import TWICE_S

FORM = "handover"
"""The kind of its draft among those of forms."""
_EVERY = 2
"""Seconds between two looks while the page is shown."""
_OLD = 10
"""After so many seconds in which nothing was found, or one out of sight, lines are too old to be signed."""
_MOMENT = timedelta(seconds=1)
_REPORT = "report:"
"""How the line of a report begins."""


class _Found(NamedTuple):
    """Result of `HandoverPage.look`: the lines of a hand-over, or of the draft where that is None."""

    source: str
    document: Handover | None
    lines: tuple[ShownLine, ...]
    counts: dict[HandoverSection, int]
    words: dict[str, ReadMessage]
    """The newest of what was asked and answered about each line."""
    roles: dict[str, str]
    """Of the city's users."""
    left_out: int = 0
    """How many P1 are not listed."""


class HandoverPage(QObject):
    """Fills the panel and carries out its intents. It hands over one source, the first until another one is chosen;
    what was written is a draft of its own for each shift of each.
    """

    message = Signal(str)
    report_opened = Signal(int)
    """The row of a report that is to be shown beside the page."""
    unit_opened = Signal(str)
    """The key of a unit."""

    def __init__(
        self,
        panel: HandoverPanel,
        window_state: WindowState,
        sources: Sources,
        outbox: QtOutbox,
        forms: Forms,
        situation: SituationMonitor,
        runner: ActionRunner,
        tasks: Tasks,
        reader: Callable[[], CacheReader],
        crews: Callable[[], list[CityUnit]],
        time_at: Callable[[str], datetime],
        zone_at: Callable[[str], tzinfo],
        parent: QObject | None = None,
        *,
        signing: HandoverSigning,
        questions: HandoverQuestions,
        files: Tasks,
        ids: Callable[[], str],
        rights_at: Callable[[str], Rights] = lambda _source: Rights(),
        missing: Callable[[], Mapping[str, datetime]] = dict,
        edits_of: Callable[[str, str], tuple[Edit, ...]] = lambda _source, _report: (),
        show_panel: Callable[[bool], object] = lambda _shown: None,
        steady_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`crews` gives the units with their newest positions, `time_at` the time by the clock of a source, `zone_at`
        the zone of its city, `missing` the units of the first source that did not answer in the roll call, and when,
        `edits_of` the own edits of a report of a source that are in the outbox; `show_panel` shows the page with the
        keyboard, or takes it away; `ids` makes those of hand-overs; `files` is a thread that writes files; `steady_s`
        is a monotonic clock in seconds.
        """
        super().__init__(parent)
        self._panel, self._window_state, self._sources, self._outbox = panel, window_state, sources, outbox
        self._forms, self._situation, self._runner = forms, situation, runner
        self._tasks, self._reader, self._crews = tasks, reader, crews
        self._time_at, self._zone_at, self._rights_at = time_at, zone_at, rights_at
        self._show_panel, self._steady_s, self._signing, self._ids = show_panel, steady_s, signing, ids
        self._files, self._missing, self._edits_of, self._questions = files, missing, edits_of, questions
        self._words: dict[str, ReadMessage] = {}
        self._roles: dict[str, str] = {}
        self._left_out = 0
        self._chosen = ""
        """The source that is handed over, "" for the first."""
        self._document: Handover | None = None
        """The hand-over of the server whose lines are shown: one that was signed, or is offered to this operator."""
        self._counts: dict[HandoverSection, int] | None = None
        self._found: tuple[ShownLine, ...] = ()
        self._lines: tuple[ShownLine, ...] = ()
        self._whose, self._draft = ("", ""), HandoverDraft(time_at(""))
        """The draft, and of whom and which shift it is."""
        self._ticks, self._confirmed_s = 0, -TWICE_S
        self._old = 0
        """For how many seconds the lines have been as they are."""
        panel.intent.connect(self._on_intent)
        panel.remarked.connect(self._on_remarked)
        panel.questioned.connect(self._on_questioned)
        panel.asked.connect(self._on_asked)
        outbox.opened.connect(self._begin_again)
        outbox.saved.connect(lambda queued: self._on_saved(queued.edit.kind))
        signing.asking_changed.connect(self._show)
        window_state.catalog_changed.connect(lambda _: self.look() if panel.isVisible() else None)
        panel.left.connect(lambda: self._show_panel(False))

    # What is shown

    @property
    def lines(self) -> tuple[ShownLine, ...]:
        """All lines, the most dangerous section first."""
        return self._lines

    @property
    def draft(self) -> HandoverDraft:
        """What was written on the lines that are shown."""
        own = self._own_draft
        return written_on(self._document, own) if self._document is not None else own

    @property
    def _own_draft(self) -> HandoverDraft:
        return self._draft_of(self._key)

    def _draft_of(self, key: str) -> HandoverDraft:
        whose = self._window_state.me_at(self._source), key
        if whose != self._whose:
            self._whose, self._draft = whose, self._kept(key) or self._begin(key)
        return self._draft

    def _begin(self, key: str) -> HandoverDraft:
        """A new draft, with what was noted in the shift before and handed over to nobody."""
        draft, before = HandoverDraft(self._now), shift_at(self.shift.start - _MOMENT, self._zone)
        kept = self._kept(self._key_of(before))
        # protects: what-was-noted-is-handed-over-once
        if kept is None or key != self._key_of(self.shift):
            return draft
        return msgspec.structs.replace(draft, notes=_not_in(self._signed_of(before), kept))

    def _end_draft(self, signed: Handover) -> None:
        """The draft has become what was signed; what was noted after it had been offered is for the next one."""
        left = _not_in(signed, self._own_draft)
        self._outbox.drop_draft(self._key)
        if left:
            # protects: what-was-noted-after-the-offer-is-kept
            key = self._key_of(shift_at(self.shift.end, self._zone))
            draft = self._draft_of(key)
            self._keep(msgspec.structs.replace(draft, notes={**left, **draft.notes}), key)

    def _kept(self, key: str) -> HandoverDraft | None:
        kept = self._outbox.draft(key)
        if kept is not None:
            try:
                return convert(typed_in(kept).get("draft"), HandoverDraft)
            except ValueError:
                pass  # of another version of this program
        return None

    def _begin_again(self) -> None:
        """What was written is known only now."""
        self._whose = "", ""

    @property
    def is_signed(self) -> bool:
        """Whether what is shown was signed by both: it stays as it is."""
        return self._document is not None and self._document.signed is not None

    def _find_document(self) -> Handover | None:
        me, handovers = self._window_state.me_at(self._source), self._window_state.catalog(self._source).handovers
        mine = of_shift(handovers, me, self.shift)
        if mine is not None and mine.signed is not None:
            return mine
        return offered_to(handovers, me, self._now)

    @property
    def shift(self) -> ShiftSpan:
        """The shift that is handed over."""
        return shift_to_hand_over(self._now, self._zone)

    @property
    def _source(self) -> str:
        return self._chosen if self._chosen in self._sources.keys else self._sources.first

    @property
    def _zone(self) -> tzinfo:
        return self._zone_at(self._source)

    @property
    def _now(self) -> datetime:
        return self._time_at(self._source)

    @property
    def _key(self) -> str:
        if self._document is not None:
            return self._forms.draft_key(FORM, self._source, self._document.id)
        return self._key_of(self.shift)

    def _key_of(self, shift: ShiftSpan) -> str:
        return self._forms.draft_key(FORM, self._source, f"{shift.start:%Y-%m-%dT%H}")

    def toggle(self) -> None:
        """Show the page, or give it the keyboard where another panel has that; from the page go back to the map.

        Whoever goes back to an open page goes on to confirm its lines: over the queue the same keys send crews.
        """
        focused = QApplication.focusWidget()
        if focused is not None and self._panel.isAncestorOf(focused):
            self._show_panel(False)
        else:
            self.open()

    def open(self, source: str = "") -> None:
        """Show the page, with what is known now; of another city where one is given."""
        self._show_panel(True)
        self._use(source or self._source)
        self._show()
        self.look()

    def _use(self, source: str) -> None:
        """Hand over this source from now on."""
        if source == self._source:
            return
        self._chosen, self._document, self._counts = source, None, None
        self._found = self._lines = ()
        self._words, self._roles, self._left_out = {}, {}, 0

    def choose_city(self) -> None:
        """Ask which city's shift is handed over."""
        cities = self._cities()
        if len(cities) < 2:
            self.message.emit(self.tr("No other city is connected"))
            return
        rows = [ListChoice(key, self._sources.name(key)) for key in cities]
        self._forms.choose(self.tr("Hand over the shift of"), "", rows, self.open, current=self._source)

    def _cities(self) -> list[str]:
        """The sources of which shifts can be handed over."""
        return [key for key in self._sources.keys if not self._sources.takes_new_only(key)]

    def tick(self) -> None:
        """Once a second; the lines are looked at every other time."""
        self._ticks += 1
        self._old = self._old + 1 if self._panel.isVisible() else _OLD
        if self._panel.isVisible() and self._ticks % _EVERY == 0:
            self.look()

    def look(self) -> None:
        """Look on a worker for what there is to hand over."""
        view, source = self._window_state.view, self._source
        if view is None or not view.knows_hazards or not source:
            return
        cities, crews, now = self._window_state.cities, self._crews(), self._now
        rights, reader = self._rights_at(source), self._reader
        document = self._find_document()
        if document != self._document:
            if self._document is None and document is not None and document.signed is not None:
                self._end_draft(document)
            self._document, self._counts = document, None
        noted = [line.removeprefix(_REPORT) for line, one in self.draft.notes.items() if _is_note(line, one)]
        missing, since = dict(self._missing()) if source == self._sources.first else {}, self.shift.start
        writer = LineWriter(cities, source, self._window_state.me_at(source), now, self._zone, self.tr, missing)
        began = document.shift_start if document is not None else self.shift.start
        read_words = self._questions.reading(source, asked_about(self.draft, self._lines, self._asked_role, began))

        def work() -> _Found:
            cache = reader()
            words, roles = read_words(cache), {user.name: user.role for of, user in cache.users() if of == source}
            if document is not None:
                return _Found(source, document, lines_of(document, view, cache, cities, source), {}, words, roles)
            found = find_items(view, cities, source, crews, cache, now, rights, noted, since, missing, self._edits_of)
            return _Found(
                source, None, tuple(map(writer.line, found.items)), found.counts, words, roles, found.left_out
            )

        self._tasks.latest(FORM, work, self._on_found)

    def _on_found(self, found: _Found) -> None:
        # protects: lines-of-one-city-are-not-anothers
        if (found.source, found.document) != (self._source, self._document):
            return
        self._old = 0 if self._panel.isVisible() else _OLD
        is_first = self._counts is None
        self._found, self._counts = found.lines, found.counts
        self._words, self._roles, self._left_out = found.words, found.roles, found.left_out
        self._put_together()
        own = self._own_draft
        if is_first and not own.seen:
            self._keep(msgspec.structs.replace(own, seen=self._states()))
        self._show()

    def _put_together(self) -> None:
        if self._document is not None:
            self._lines = self._found
            return
        before = [line for line in self._found if line.section is not HandoverSection.NOTED]
        self._lines = (*before, *self._of_this_desk(), *self._found[len(before) :])

    def _of_this_desk(self) -> list[ShownLine]:
        """What has not left this desk, and a server that is away."""
        found, section = [], HandoverSection.UNITS
        if untold := len(self._outbox.untold):
            words = self.tr("{n} orders NOT SENT, their units were not told" if untold > 1 else "1 order NOT SENT")
            found.append(
                ShownLine("orders", section, words.format(n=untold), stands=self.tr("In the outbox"), state=str(untold))
            )
        if waiting := sum(self._outbox.counts.values()):
            words = self.tr("{n} edits have not left this desk" if waiting > 1 else "1 edit has not left this desk")
            stands = self.tr("They stay in their author's name, and go when the server answers")
            found.append(ShownLine("outbox", section, words.format(n=waiting), stands=stands, state=str(waiting)))
        if self._source and self._sources.is_away(self._source):
            since = self._sources.away_since(self._source)
            title = self.tr("{city}: server not reached").format(city=self._sources.name(self._source))
            stands = " ".join(part for part in (since, self.tr("Tell units by radio")) if part)
            found.append(ShownLine("source", section, title, stands=stands, state="away"))
        return found

    def _states(self) -> dict[str, str]:
        return {line.id: line.state for line in self._lines}

    def _show(self) -> None:
        if self._counts is None:
            self._panel.set_rows([])
            self._panel.set_empty(self.tr("Not loaded yet"), self.tr("The draft is made once the reports are read."))
            return
        draft = self.draft
        changed = changed_since(draft, self._states())
        rows: list[HandoverRow] = []
        for section in HandoverSection:
            own = [line for line in self._lines if line.section is section]
            rows.append(self._heading(section, own, draft))
            rows += [self._row(line, draft, is_new=line.id in changed) for line in own]
        self._panel.set_rows(rows)
        confirmed, count = self._counted()
        city = self._sources.name(self._source) if len(self._cities()) > 1 else ""
        share = confirmed / max(1, len(self._lines))
        self._panel.set_words(self._title(), self._note(draft, confirmed, count), share, city)
        self._panel.set_sign(self._why_not_signed(draft), is_signed=self.is_signed)

    def _title(self) -> str:
        return self._title_of(self._document)

    def _title_of(self, document: Handover | None) -> str:
        shift = self.shift
        start, end = (document.shift_start, document.shift_end) if document is not None else (shift.start, shift.end)
        after = shift_at(end, self._zone)
        hours, then = self._hours(start, end), self._hours(after.start, after.end)
        title = self.tr("Hand-over {hours} to {then}").format(hours=hours, then=then)
        if document is None or document.outgoing == self._window_state.me_at(self._source):
            return title
        return self.tr("{title}, from {who}").format(title=title, who=document.outgoing)

    def _hours(self, start: datetime, end: datetime) -> str:
        """`07–15`, by the city's clock."""
        return f"{start.astimezone(self._zone):%H}–{end.astimezone(self._zone):%H}"

    def _note(self, draft: HandoverDraft, confirmed: int, changed: int) -> str:
        document, parts = self._document, list[str]()
        if document is not None and document.signed is not None:
            at = formatting.clock(document.signed, self._zone)
            parts.append(self.tr("signed by {who} {time}").format(who=document.incoming, time=at))
        parts.append(self.tr("confirmed {n} of {all}").format(n=confirmed, all=len(self._lines)))
        begun = formatting.clock(draft.begun, self._zone)
        if document is None:
            parts.append(self.tr("changes since {time}: {n}").format(time=begun, n=changed))
            if draft.incoming:
                parts.append(self.tr("to {who}").format(who=draft.incoming))
            if (over := len(self._lines) - MOST_HANDOVER_LINES) > 0:
                parts.append(self.tr("the last {n} are not in what is signed").format(n=over))
            mine = of_shift(
                self._window_state.catalog(self._source).handovers, self._window_state.me_at(self._source), self.shift
            )
            if mine is not None:
                parts.append(self.tr("offered {time}").format(time=formatting.clock(mine.offered, self._zone)))
        return " · ".join(parts)

    def _heading(self, section: HandoverSection, own: Sequence[ShownLine], draft: HandoverDraft) -> HandoverRow:
        count = max(len(own), (self._counts or {}).get(section, 0))
        said = (
            str(count) if count == len(own) else self.tr("{n} of {all}, the most urgent").format(n=len(own), all=count)
        )
        if not own:
            said = self.tr("0, nothing")
        musts = len(still_musts(draft, own))
        notes = [self.tr("{n} must be confirmed").format(n=musts)] if musts else []
        if self._left_out and section is HandoverSection.URGENT:
            # protects: p1-that-are-left-out-are-said
            notes.append(self.tr("{n} P1 are not listed: see the queue").format(n=self._left_out))
        title = self.tr(SECTION_NAMES[section])
        return HandoverRow(f"section:{section.value}", title, stands=said, note=" · ".join(notes), is_heading=True)

    def _row(self, line: ShownLine, draft: HandoverDraft, *, is_new: bool) -> HandoverRow:
        notes, mark = draft.of(line.id), mark_of(draft, line)
        when = formatting.clock(notes.at, self._zone) if notes.at is not None else ""
        who = " ".join(part for part in (notes.by, when) if part)
        looks = {
            HandoverMark.CONFIRMED: ("solid", who, "over"),
            HandoverMark.QUESTION: ("half", self.tr("question {time}").format(time=when), ""),  # who asks takes over
        }
        must = line.priority == HAZARD
        words = self.tr("must be confirmed") if must else self.tr("to confirm")
        shown, text, level = looks[mark] if mark is not None else ("hollow", words, "must" if must else "")
        return HandoverRow(
            id=line.id,
            title=line.title,
            when=line.when,
            stands=line.stands,
            remark=notes.remark,
            words=self._questions.words(self._source, notes.asked, self._words.get(line.id), self._clock),
            mark=shown,
            mark_text=text,
            level=level,
            priority=line.priority,
            status=line.status,
            unit=line.unit_symbol,
            is_new=is_new,
        )

    def _clock(self, at: datetime) -> str:
        return formatting.clock(at, self._zone)

    def _why_not_signed(self, draft: HandoverDraft, *, offered_only: bool = False) -> str:
        if self.is_signed:
            return self.tr("It is signed")
        if self._signing.is_asking:
            return self.tr("The server is asked")
        # protects: no-signature-without-each-p1
        if not offered_only and (musts := len(still_musts(draft, self._lines))):
            return self.tr("{n} P1 to confirm").format(n=musts)
        if self._sources.is_away(self._source):
            return self.tr("No connection, it stays unsigned")
        return ""

    # What the keys do

    def _on_intent(self, intent: str, line_id: str) -> None:
        if intent == SIGN:
            self.sign()
            return
        if intent == PRINT:
            self.print_pages()
            return
        if intent == CITY:
            self.choose_city()
            return
        line = next((one for one in self._lines if one.id == line_id), None)
        if line is None:
            return
        if intent == CONFIRM:
            self._confirm(line)
        elif intent == SECTION:
            self._confirm_section(line.section)
        elif intent == ASK:
            self._ask(line)
        elif intent == OPEN:
            self._open(line)
        elif intent == TAKE and line.row:
            self._window_state.choose(line.row)
            self._situation.when_read(line.row, self._take, lambda: None)

    def sign(self) -> None:
        """Have it signed by who takes over, if it can be now; else why not is said. With P1 that are not confirmed here
        it can be offered to whom it is meant for, who confirms them at his own desk.
        """
        draft, source = self.draft, self._source
        why = self._why_not_signed(draft)
        may_offer = self._document is None and not self._why_not_signed(draft, offered_only=True)
        if self._counts is None:
            self.message.emit(self.tr("Not loaded yet"))
        elif why and may_offer and draft.incoming:
            self._ask_incoming(draft.incoming, self.tr("{why}, here or at the own desk").format(why=why))
        elif why:
            self.message.emit(why)
        elif self._document is not None:
            key, me = self._document.id, self._window_state.me_at(source)
            self._signing.take_over(
                source,
                key,
                me,
                self._title(),
                signature=lambda pin: HandoverSignature(me, pin, marks_of(self.draft, self._lines)),
                why_not=lambda offered_only: self._why_not_signed_as(me, key, offered_only=offered_only),
            )
        elif draft.incoming:
            self._ask_incoming(draft.incoming)
        else:
            self.choose_incoming(self._ask_incoming)

    def _ask_incoming(self, who: str, problem: str = "") -> None:
        draft = self._own_draft
        draft = msgspec.structs.replace(draft, incoming=who, id=draft.id or self._ids())
        self._keep(draft)
        me, shift = self._window_state.me_at(self._source), self.shift
        self._signing.take_over(
            self._source,
            draft.id,
            who,
            self._title(),
            offer=lambda: offer_of(self._own_draft, self._lines, shift),
            signature=lambda pin: HandoverSignature(who, pin),
            why_not=lambda offered_only: self._why_not_signed_as(me, draft.id, offered_only=offered_only),
            problem=problem,
        )

    def print_pages(self) -> None:
        """Write what is shown as a PDF, where the operator says."""
        if self._counts is None:
            self.message.emit(self.tr("Not loaded yet"))
        else:
            self._print(self._document, self._lines, self.draft)

    def choose_past(self) -> None:
        """Offer the hand-overs that are kept, and write the chosen one as a PDF."""
        source, reader, view = self._source, self._reader, self._window_state.view
        cities = self._window_state.cities

        def ask(kept: list[PastHandover]) -> None:
            if kept:
                rows = [self._past(one) for one in kept]
                self._forms.choose(self.tr("Hand-overs that are kept"), "", rows, read, width=560)
            else:
                self.message.emit(self.tr("No hand-over is kept yet"))

        def read(key: str) -> None:
            def find() -> tuple[Handover, tuple[ShownLine, ...]] | None:
                found = reader().handover(source, key)
                return (
                    (found, lines_of(found, view, reader(), cities, source))
                    if found is not None and view is not None
                    else None
                )

            def show(found: tuple[Handover, tuple[ShownLine, ...]] | None) -> None:
                if found is not None:
                    self._print(*found, written_on(found[0], HandoverDraft(found[0].begun)))

            self._tasks.submit(find, show)

        self._tasks.submit(lambda: reader().past_handovers(source), ask)

    def _past(self, kept: PastHandover) -> ListChoice:
        when = (
            f"{formatting.day(kept.shift_end, self._zone, self._now)} {self._hours(kept.shift_start, kept.shift_end)}"
        )
        who = f"{kept.outgoing} → {kept.incoming or '–'}"
        note = self.tr("not signed")
        if kept.signed is not None:
            note = self.tr("signed {time}").format(time=formatting.clock(kept.signed, self._zone))
        return ListChoice(kept.id, f"{when}: {who}", note)

    def _print(self, document: Handover | None, lines: Sequence[ShownLine], draft: HandoverDraft) -> None:
        title, signatures, now = self._title_of(document), self._signatures(document), self._now
        end = document.shift_end if document is not None else self.shift.end
        city = self._sources.name(self._source)
        confirmed = sum(is_confirmed(draft, line) for line in lines)
        words = self.tr("{city} · {day} · confirmed {n} of {all}")
        heading = words.format(city=city, day=formatting.day(end, self._zone, now), n=confirmed, all=len(lines))
        who, at = self._window_state.me_at(self._source), formatting.day_and_clock(now, self._zone, now)
        note = self.tr("printed {time} by {who}").format(time=at, who=who)
        sections = [
            PrintedSection(
                self.tr(SECTION_NAMES[section]),
                tuple(self._printed(line, draft) for line in lines if line.section is section),
            )
            for section in HandoverSection
        ]

        def write(path: Path) -> None:
            self._files.submit(
                lambda: write_handover(path, title, heading, note, sections, signatures),
                lambda _: self.message.emit(self.tr("Written: {file}").format(file=path)),
                lambda error: self.message.emit(describe(error)),
            )

        name = f"{self.tr('hand-over')}-{end.astimezone(self._zone):%Y-%m-%d-%H}.pdf"
        self._forms.choose_new_file(self.tr("Hand-over as PDF"), Path.home() / name, "PDF (*.pdf)", write)

    def _printed(self, line: ShownLine, draft: HandoverDraft) -> PrintedLine:
        row = self._row(line, draft, is_new=False)
        title = " · ".join(part for part in (line.title, line.when) if part)
        title = f"P{line.priority}  {title}" if line.priority else title
        return PrintedLine(title, line.stands, row.remark, row.mark_text)

    def _signatures(self, document: Handover | None) -> list[str]:
        """Who has signed when, and who has not."""
        now = self._now
        if document is None:
            me = self._window_state.me_at(self._source)
            return [self.tr("Draft of {who}: nobody has signed it").format(who=me)]
        offered = formatting.day_and_clock(document.offered, self._zone, now)
        said = [self.tr("Handed over by {who}, {time}").format(who=document.outgoing, time=offered)]
        if document.signed is None:
            return [*said, self.tr("Nobody has taken it over yet")]
        signed = formatting.day_and_clock(document.signed, self._zone, now)
        return [*said, self.tr("Taken over by {who}, {time}").format(who=document.incoming, time=signed)]

    def _counted(self) -> tuple[int, int]:
        """How many lines are confirmed, and how many came or changed since."""
        draft = self.draft
        confirmed = sum(is_confirmed(draft, line) for line in self._lines)
        return confirmed, len(changed_since(draft, self._states()))

    def _why_not_signed_as(self, me: str, handover: str, *, offered_only: bool) -> str:
        """Why what this operator was about to sign, or to offer, cannot be signed or offered as it stands now."""
        draft = self.draft
        if (self._window_state.me_at(self._source), draft.id) != (me, handover):
            return self.tr("Another hand-over is shown now")
        # protects: lines-that-nobody-could-see-are-not-signed
        if self._old >= _OLD or not self._panel.isVisible():
            self.look()
            return self.tr("it was out of sight, and is looked at again: press the key once more")
        return self._why_not_signed(draft, offered_only=offered_only)

    def _take(self) -> None:
        self._runner.run("take")

    @property
    def _asked_role(self) -> str:
        """The role of who hands over, as far as it is known; at his own desk it is the others that are asked: the
        control room, or who supervises where it has nobody else.
        """
        if self._document is not None:
            return self._roles.get(self._document.outgoing, "")
        me = self._window_state.me_at(self._source)
        others = {role for name, role in self._roles.items() if name != me}
        # protects: no-question-to-a-role-that-nobody-has
        return "supervisor" if CONTROL_ROOM not in others and "supervisor" in others else CONTROL_ROOM

    def _ask(self, line: ShownLine) -> None:
        """Let a question about a line be typed; where none can be sent the line is marked."""
        source, to = self._source, recipient_for(line, self._asked_role)
        if self.is_signed:
            self.message.emit(self.tr("It is signed, and stays as it is"))
        elif why := self._questions.why_not_to(source, to):
            self._mark_question(line, lambda: self.message.emit(self.tr("Marked only: {why}").format(why=why)))
        else:
            words = self.tr("goes to {whom}; Enter with nothing typed marks it only")
            if mark_of(self.draft, line) is HandoverMark.QUESTION:
                words = self.tr("goes to {whom}; Enter with nothing typed takes the mark away")
            hint = words.format(whom=self._questions.whom(source, to))
            self._panel.write_question(
                line.id, self.draft.of(line.id).question, hint, self._questions.quick_texts(source)
            )

    def _mark_question(self, line: ShownLine, then: Callable[[], object] = lambda: None) -> None:
        """Mark a line as a question, or take that mark away."""
        is_question = mark_of(self.draft, line) is HandoverMark.QUESTION
        self._mark([line], None if is_question else HandoverMark.QUESTION, then=then)

    def _on_questioned(self, line_id: str, text: str) -> None:
        # protects: a-question-that-was-begun-is-kept
        self._keep(asking(self._own_draft, line_id, text))

    def _on_saved(self, kind: Kind) -> None:
        if kind is Kind.MESSAGE and self._panel.isVisible():
            self._show()

    def _on_asked(self, line_id: str, text: str) -> None:
        line = next((one for one in self._lines if one.id == line_id), None)
        if line is None:
            self.message.emit(self.tr("The line is gone: what you typed is kept with it"))
        elif not text:
            self._mark_question(line)
        else:
            self._mark([line], HandoverMark.QUESTION, then=lambda: self._send_question(line, text))

    def _send_question(self, line: ShownLine, text: str) -> None:
        """Send what is asked about a line. At the desk of who hands over it goes in his name, and says who asks."""
        source, to = self._source, recipient_for(line, self._asked_role)
        if why := self._questions.why_not_to(source, to):
            self.message.emit(self.tr("Marked only: {why}").format(why=why))
            return
        asks = self.draft.incoming if self._document is None else ""
        message = self._questions.send(source, line, to, text, asks)
        self._keep(asked(self._own_draft, line.id, message))
        self._show()
        self.look()
        self.message.emit(self.tr("Asked: {whom}").format(whom=self._questions.whom(source, to)))

    def _confirm(self, line: ShownLine) -> None:
        """Confirm a line and go down to the next that waits; one that is confirmed is so no more."""
        now_s, before = self._steady_s(), self._confirmed_s
        self._confirmed_s = now_s
        # protects: a-double-stroke-confirms-no-second-p1
        if line.priority == HAZARD and now_s - before < TWICE_S:
            self.message.emit(self.tr("Not confirmed: that key was still the line above's"))
            return
        if is_confirmed(self.draft, line):
            self._mark([line], None)
            return
        self._mark([line], HandoverMark.CONFIRMED, then=lambda: self._go_down(line.id))

    def _confirm_section(self, section: HandoverSection) -> None:
        own = [line for line in self._lines if line.section is section]
        together = {line.id for line in confirmed_together(self.draft, own)}
        lines = [line for line in own if line.id in together]

        def say() -> None:
            alone = len(still_musts(self.draft, own))
            words = self.tr("{n} confirmed") if not alone else self.tr("{n} confirmed; each of {p1} P1 by itself")
            self.message.emit(words.format(n=len(lines), p1=alone))

        self._mark(lines, HandoverMark.CONFIRMED, then=say)

    def _go_down(self, line_id: str) -> None:
        ids, draft = [line.id for line in self._lines], self.draft
        waiting = {line.id for line in self._lines if not is_confirmed(draft, line)}
        after = ids[ids.index(line_id) + 1 :] if line_id in ids else []
        if following := next((one for one in after if one in waiting), ""):
            self._panel.go_to(following)

    def _mark(
        self, lines: Sequence[ShownLine], mark: HandoverMark | None, then: Callable[[], object] = lambda: None
    ) -> None:
        """Put a mark on lines in the name of who takes over; who that is has to be known first."""

        if self.is_signed:
            self.message.emit(self.tr("It is signed, and stays as it is"))
            return

        def do(who: str) -> None:
            draft = marked(self._own_draft, lines, mark, who, self._now)
            seen = draft.seen | {line.id: line.state for line in lines}
            self._keep(msgspec.structs.replace(draft, incoming=who, seen=seen))
            self._show()
            then()

        if self._document is not None:
            do(self._window_state.me_at(self._source))
        elif mark is None or self.draft.incoming:
            do(self.draft.incoming)
        else:
            self.choose_incoming(do)

    def choose_incoming(self, then: Callable[[str], object]) -> None:
        """Ask who takes over."""
        source, reader, key = self._source, self._reader, self._key
        me = self._window_state.me_at(source)

        def chosen(who: str) -> None:
            # protects: a-mark-is-of-the-hand-over-that-was-shown
            if (self._window_state.me_at(source), self._key) != (me, key):
                self.message.emit(self.tr("Nothing was done: another hand-over is shown now"))
                return
            then(who)

        def read() -> list[str]:
            users = [user for of, user in reader().users() if of == source]
            return sorted(user.name for user in users if user.role in ("operator", "supervisor") and user.name != me)

        def ask(names: list[str]) -> None:
            if not names:
                self.message.emit(self.tr("This city's server has no other operator: nobody can take over"))
                return
            rows = [ListChoice(name, name) for name in names]
            self._forms.choose(self.tr("Who takes over?"), "", rows, chosen)

        self._tasks.submit(read, ask)

    def _open(self, line: ShownLine) -> None:
        if line.row:
            self.report_opened.emit(line.row)
        elif line.unit:
            crews = self._window_state.cities.crews
            key = next((one.key for one in crews if (one.source, one.unit.id) == (self._source, line.unit)), "")
            self.unit_opened.emit(key)

    def _on_remarked(self, line_id: str, text: str) -> None:
        if self._document is None:
            self._keep(remarked(self._own_draft, line_id, text))
        else:
            self.message.emit(self.tr("The remark is of who hands over"))
        self._show()

    def set_pin(self) -> None:
        """Ask the operator for the PIN by which he signs."""
        self._signing.set_pin(self._source)

    def note_report(self) -> None:
        """Note the chosen report for the next shift: its remark is asked for, and it is among the lines from now on."""
        details = self._situation.report
        if details.source not in self._cities() or details.server is None:
            self.message.emit(self.tr("It is handed over once its server has it"))
            return
        self._use(details.source)
        line = f"{_REPORT}{details.key}"
        about = formatting.title_of(details.shown)
        # Whatever hand-over the page shows, or showed last: a note is of the operator's own next one.
        # protects: a-note-is-of-the-own-hand-over
        key = self._key_of(self._noted_for)

        def keep(text: str) -> None:
            self._keep(remarked(self._draft_of(key), line, text), key)
            self.message.emit(
                self.tr("Noted for the next shift: {keys} shows the draft").format(
                    keys=self._window_state.actions.key("handover")
                )
            )
            self.look()

        draft_key = self._forms.draft_key("handover_note", details.source, details.key)
        self._forms.remark(about, self._draft_of(key).of(line).remark, draft_key, keep)

    @property
    def _noted_for(self) -> ShiftSpan:
        """The shift with whose hand-over a note goes: once that is signed, the next one."""
        shift = self.shift
        return shift_at(shift.end, self._zone) if self._signed_of(shift) is not None else shift

    def _signed_of(self, shift: ShiftSpan) -> Handover | None:
        """What the operator has handed over of a shift, and somebody has signed."""
        me, handovers = self._window_state.me_at(self._source), self._window_state.catalog(self._source).handovers
        mine = of_shift(handovers, me, shift)
        return mine if mine is not None and mine.signed is not None else None

    def _keep(self, draft: HandoverDraft, key: str = "") -> None:
        """Take over the draft (of `key`, by default of what is shown); once somebody has written on it, it is kept on
        the disk.
        """
        key = key or self._key
        self._whose, self._draft = (self._window_state.me_at(self._source), key), draft
        if not (draft.notes or draft.incoming):
            return
        about = self.tr("Hand-over {time}").format(time=formatting.clock(self.shift.end, self._zone))
        written = "; ".join(notes.remark for notes in draft.notes.values() if notes.remark)
        plain = {"draft": msgspec.to_builtins(draft), "text": written}
        self._outbox.save_draft(key, {**plain, **self._forms.mark(about)})


def _is_note(line: str, notes: LineNotes) -> bool:
    """Whether something was written on the line of a report."""
    return bool(notes.remark) and line.startswith(_REPORT)


def _not_in(signed: Handover | None, draft: HandoverDraft) -> dict[str, LineNotes]:
    """What was noted in a draft, without marks, and does not stand in what was signed."""
    said = {line.id: line.remark for line in signed.lines} if signed is not None else {}
    notes = ((line, one) for line, one in draft.notes.items() if _is_note(line, one))
    return {line: LineNotes(one.remark) for line, one in notes if said.get(line) != one.remark}
