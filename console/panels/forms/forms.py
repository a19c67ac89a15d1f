"""The forms beside the work: each asks for what an action lacks and hands the answer to a callback."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import msgspec
from PySide6.QtCore import QObject, QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QWidget

from api_client.model import Kind, PhotoRole, WaitsFor
from console.cache.catalog import offered
from console.images.process import ImageProcess
from console.panels import formatting
from console.panels.forms.categories import category_choices
from console.panels.forms.draft import MARKS, Draft, marks, typed_in
from console.panels.forms.kept_words import TakenBack, keep_words, put_aside, take_up
from console.panels.forms.meanwhile import changed_meanwhile
from console.panels.forms.place_controller import PlaceController
from console.panels.forms.questions import ServiceQuestions
from console.panels.forms.report_data import caller_data, new_report_data, new_report_values, place_data
from console.panels.map.places import MapPlaces
from console.panels.map.streets import Street
from console.panels.qt_outbox import QtOutbox
from console.panels.report.conflict_text import (
    STEP,
    conflict_rows,
    conflict_text,
    first_of,
    is_of_step,
    over_text,
    step_text,
)
from console.panels.report.details import ReportDetails
from console.panels.report.history import told_text
from console.panels.report.nearby import NearbyFound
from console.panels.report.photo_import import PhotoImport
from console.panels.window_state import WindowState
from console.rules.edit import is_local
from console.rules.queued import Queued
from console.rules.report import HAZARD
from console.tasks import Tasks
from widgets.forms.ask import AskArmed, AskForm, AskText
from widgets.forms.caller_adds import CallerAddsForm
from widgets.forms.choice import ListChoice
from widgets.forms.choose_one import ChooseOne
from widgets.forms.close import CloseForm
from widgets.forms.closure import ClosureForm
from widgets.forms.conflict import ConflictForm
from widgets.forms.connect import TokenForm
from widgets.forms.form import Form
from widgets.forms.hold import HoldForm
from widgets.forms.keys_sheet import KeysSheet
from widgets.forms.merge import MergeCandidate, MergeForm, MergeSide
from widgets.forms.new_report import NewReportForm
from widgets.forms.pin import PinForm
from widgets.forms.place import PlaceForm, ReportPlaceForm
from widgets.forms.shelve import ShelveForm
from widgets.forms.sound import SoundForm
from widgets.forms.validate import ValidateForm
from widgets.forms.web_map import WebMapForm
from widgets.held_keys import HeldKeys
from widgets.key_repeats import TWICE_S, KeyRepeats
from widgets.photos import PhotoCard
from widgets.symbols import Symbols
from widgets.text import one_line
from widgets.theme import Theme

WALKING = (Qt.Key.Key_J, Qt.Key.Key_K)
"""The letters that go through the queue."""

_ROOMY_WIDE, _ROOMY_HIGH = 1180, 800
"""From this size of the room for forms on, px at normal size, two reports side by side have larger photos."""


class FormSurroundings(msgspec.Struct, frozen=True):
    """Functions of the window and the board that open forms call."""

    photo_wanted: Callable[[str], object] = lambda _: None
    """Shows a photo closely, beside one from before or after."""
    pin_wanted: Callable[[tuple[float, float] | None], object] = lambda _: None
    """Shows where a new report would lie, None for nowhere."""
    place_wanted: Callable[[], object] = lambda: None
    """Lets the map ask for a click."""
    place_unwanted: Callable[[], object] = lambda: None
    """No click is asked for any more."""
    earlier_of: Callable[[str, dict[str, Any], Callable[[NearbyFound], None]], object] = lambda *_: None
    """The earlier reports of the place that is being typed for a source: see `Recommender.earlier`."""
    caller_of: Callable[[str, str, Callable[[NearbyFound], None]], object] = lambda *_: None
    """The earlier reports of a telephone number at a source: see `CallerFinder.find`."""
    may_find_callers: Callable[[str], bool] = lambda _: False
    """Whether the operator may ask that of a source."""
    streets_of: Callable[[str, str, Callable[[list[Street]], None]], object] = lambda _source, _text, then: then([])
    """The streets of a source that words name."""
    map_places: MapPlaces | None = None
    """The places of the city map; None without it."""
    page_room: Callable[[], QRect | None] = lambda: None
    """The part of the screen with a page whose lines no form covers; None while none is shown."""


class Forms(QObject):
    """Opens forms, one at a time; opening another closes the first. `about` is the text of what a form concerns.

    What is typed into a form with a `draft_key` is kept as a draft, and offered when the form is opened again.
    """

    room_settled = Signal()
    """A notice has come or gone above the place of forms, and everything is laid out again."""
    unused_key = Signal(str)
    """A key that does nothing in the open form, as its shortcut is written."""
    begun_changed = Signal()
    """`is_begun` has changed: something was entered in the open form, or taken away again."""

    def __init__(
        self,
        window: QWidget,
        theme: Theme,
        symbols: Symbols,
        window_state: WindowState,
        outbox: QtOutbox,
        tasks: Tasks,
        images: ImageProcess,
        profile: Path,
        zone: tzinfo,
        now: Callable[[], datetime],
        say: Callable[[str], None],
        warned: Callable[[str], None],
        steady_s: Callable[[], float] = time.monotonic,
        room: Callable[[], QRect | None] = lambda: None,
        free: Callable[[], QRect | None] = lambda: None,
        covers_report: Callable[[], bool] = lambda: False,
        *,
        around: FormSurroundings = FormSurroundings(),  # noqa: B008
    ) -> None:
        """`say` shows a sentence, `warned` one for longer. `room` is the part of the screen in which forms stand,
        `free` the part of it in which they cover nothing but the map; `covers_report` says whether they hide the
        report. `around` are functions of the window that forms call. `steady_s` is a monotonic clock in seconds.
        """
        super().__init__(window)
        self._window, self._theme, self._symbols, self._window_state = window, theme, symbols, window_state
        self._outbox, self._profile, self._room = outbox, profile, room
        self._zone, self._now, self._say, self._steady_s = zone, now, say, steady_s
        self._free, self._covers_report, self._around = free, covers_report, around
        self._open: QDialog | None = None
        self._is_hidden = False
        self._put_by: tuple[QDialog, Callable[[], object]] | None = None
        """While all forms are hidden: the one to be shown again, and how."""
        self._was_begun = False
        self._rest = QTimer(self, singleShot=True, interval=_REST_MS)
        self._rest.timeout.connect(self._keep_clear)
        self._rest.timeout.connect(self.room_settled)
        self._new: NewReportForm | None = None
        self._placing: PlaceForm | None = None
        """The form that asks for a place on the map."""
        self._proof: tuple[ValidateForm, ReportDetails] | None = None
        self._subject: ReportDetails | None = None
        self._watched: tuple[QDialog | None, ReportDetails, tuple[str, ...]] | None = None
        self._new_key = ""
        self._earlier = ""  # the draft key of a call before that is offered
        self._tasks = tasks
        self._outcomes: dict[tuple[str, str | None], str] = {}
        """(Source, service) -> the disposition chosen last, with which the next form of validation begins."""
        self.photos = PhotoImport(
            outbox, tasks, images, profile, zone, now, self.mark, say, warned, window_state.actions.key("drafts"), self
        )
        self._committed: dict[str, Form] = {}
        self._committed_s = -TWICE_S
        self.held_keys = HeldKeys(KeyRepeats(WALKING, self).is_repeat, self)

    def close_open(self) -> None:
        """Close the open form, if any, seen or not; its draft stays."""
        self._put_by = None
        if isinstance(self._open, Form):
            # protects: words-of-a-hidden-form-are-kept
            self._open.leave()
        if self._open is not None:
            self._open.close()

    def set_hidden(self, *, is_hidden: bool) -> None:
        """Show no form, as the screen is locked: the open one, or one that opens meanwhile, is shown afterwards."""
        if is_hidden == self._is_hidden:
            return
        self._is_hidden = is_hidden
        form, put_by = self._visible, self._put_by
        self._put_by = None
        if is_hidden and form is not None:
            self._put_by = form, form.show
            form.hide()
        elif put_by is not None and put_by[0] is self._open:
            self._bring(*put_by)

    def _bring(self, form: QDialog, show: Callable[[], object]) -> None:
        """Show a form and give it the keyboard; not before the screen is unlocked."""
        if self._is_hidden:
            self._put_by = form, show
            return
        self.held_keys.hold_for(form)
        show()
        form.raise_()
        form.activateWindow()

    def saved(self, edit_id: str) -> None:
        """The edit is on the disk: close the form that made it, unless others of its edits are not saved yet."""
        form = self._committed.pop(edit_id, None)
        if form is not None and form not in self._committed.values():
            form.close()

    def give_back(self, edit_id: str, why: str) -> bool:
        """The edit could not be saved: show its form again as it was, with the reason. False when no form made the
        edit.
        """
        form = self._committed.pop(edit_id, None)
        if form is None:
            return False
        form.set_sentence(why)
        self._open = form
        self._bring(form, lambda: form.open_beside(self._room()))
        return True

    def come_back(self) -> None:
        """Give the keyboard back to the open form, after something beside it was looked at."""
        if (form := self._visible) is not None:
            self.held_keys.hold_for(form)
            form.raise_()
            form.activateWindow()

    @property
    def _visible(self) -> QDialog | None:
        return self._open if self._open is not None and self._open.isVisible() else None

    def leave_other(self, source: str, report: str) -> None:
        """An undo has shown this report: close the open form if it is about another one and nothing was entered, as its
        keys would act on a report that is not shown.
        """
        opened, details, _ = self._watched or (None, None, ())
        if opened is None or details is None or opened is not self._open or self.is_begun:
            return
        if (details.source, details.key) != (source, report):
            self.close_open()
            self._window.activateWindow()

    @property
    def is_open(self) -> bool:
        """Whether a form has the keyboard, or will have it in a moment."""
        return self._visible is not None

    @property
    def covered(self) -> QRect | None:
        """The rectangle of the open form on the screen, None while there is none."""
        form = self._visible
        return QRect(form.mapToGlobal(QPoint(0, 0)), form.size()) if form is not None else None

    @property
    def just_committed(self) -> bool:
        """Whether a form was committed so lately that a repeated key press was still meant for it."""
        return self._steady_s() - self._committed_s < TWICE_S

    def go_on(self) -> None:
        """A key was pressed in the window after the last commit: the next ones are meant for the window."""
        self._committed_s = -TWICE_S

    def _commit(self, form: Form, do: Callable[[], object], draft_key: str) -> None:
        """Call `do`, which makes edits. The form is hidden until they are saved; if one is not, it is shown again."""
        before, self._committed_s = self._outbox.saving, self._steady_s()
        with self._outbox.using_draft(draft_key):
            do()
        for edit_id in self._outbox.saving - before:
            self._committed[edit_id] = form

    def draft_key(self, form: str, source: str, key: str) -> str:
        """The key under which the draft of a kind of form is kept, for a report (or a unit) of a source."""
        return self._outbox.draft_key(form, source, key)

    def _draft(self, form: Form, key: str, about: str) -> None:
        """Offer the draft that this form has, and keep what is typed in it as a draft until it has become an edit."""

        Draft(form, key, self._outbox, lambda: self.mark(about), self._steady_s)
        form.left.connect(lambda _: self._say_kept(key))
        draft = self._outbox.draft(key)
        if draft is not None:
            form.offer_draft(typed_in(draft), self.draft_words(draft))

    def _say_kept(self, key: str) -> None:
        """Say that what was typed is kept as a draft: an operator who presses Esc has to be told."""
        if self._outbox.draft(key) is not None:
            again = self.tr("Not saved, kept as a draft: open the form again, or {keys}")
            self._say(again.format(keys=self._window_state.actions.key("drafts")))

    def drop_draft(self, key: str) -> None:
        """What was written there has become something else."""
        self._outbox.drop_draft(key)

    def keep_words(self, edit: TakenBack) -> bool:
        """Make a draft of the words of an edit that is undone; whether it had any."""
        return keep_words(self._outbox, edit, self.mark)

    def leave_words(self, draft_key: str, name: str, text: str, about: str) -> None:
        """Append words to one text of the draft of a form that is not open."""
        draft = self._outbox.draft(draft_key) or {}
        both = "\n".join(part for part in (str(draft.get(name, "")), text) if part)
        self._outbox.save_draft(draft_key, {**typed_in(draft), name: both, **self.mark(about)})

    def mark(self, about: str) -> dict[str, str]:
        """The MARKS of a draft that the operator writes now, about this."""
        return marks(self._now(), self._window_state.me, about)

    def draft_words(self, draft: Mapping[str, Any]) -> str:
        """When a draft was written, and by whom if that was somebody else."""
        when = self.draft_time(draft)
        return self.tr("Draft of {when}").format(when=when) if when else self.tr("Draft")

    def draft_time(self, draft: Mapping[str, Any]) -> str:
        """The time at which a draft was written, and by whom if by somebody else; "" when not known."""
        at, who, _ = (str(draft.get(name, "")) for name in MARKS)
        if not at:
            return ""
        written = datetime.fromisoformat(at)
        when = formatting.moment(written, self._zone, self._now())
        return when if who in ("", self._window_state.me) else self.tr("{when} by {who}").format(when=when, who=who)

    def _show(self, dialog: QDialog) -> None:
        if self._open not in self._committed.values():
            self.close_open()
        self._open = dialog
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.destroyed.connect(lambda: self._forget(dialog))
        if isinstance(dialog, Form):
            dialog.unused_key.connect(self.unused_key)
            dialog.typed.connect(self._look_whether_begun)
            if self._subject is not None and self._covers_report():
                dialog.tell_covered(self._in_short(self._subject))
            self._bring(dialog, lambda: dialog.open_beside(self._room()))
        else:
            self._bring(dialog, dialog.show)

    def on_room_moved(self) -> None:
        """A notice came or went above the place of forms: move an open form off it.

        That is done when all is laid out: some desktops ignore the second of two moves that follow at once.
        """
        self._rest.start()

    def _keep_clear(self) -> None:
        room = self._room()
        if not isinstance(self._open, Form) or room is None:
            return
        self._open.keep_below(room.top())
        page = self._around.page_room()
        if page is not None and self._open.isVisible() and page.intersects(self._open.frameGeometry()):
            self._open.move_into(room)  # the page has come to where it stood

    @property
    def is_begun(self) -> bool:
        """Whether something was entered in the open form and is not saved."""
        return isinstance(self._open, Form) and self._open.is_begun

    def _look_whether_begun(self) -> None:
        if self._was_begun != self.is_begun:
            self._was_begun = self.is_begun
            self.begun_changed.emit()

    def _forget(self, dialog: QDialog) -> None:
        if self._open is dialog:
            self._open = None
        if self._new is dialog:
            self._new = None
        if self._placing is dialog:
            self._placing = None
        if self._proof is not None and self._proof[0] is dialog:
            self._proof = None
        self._committed = {key: form for key, form in self._committed.items() if form is not dialog}

    def ask_text(
        self,
        title: str,
        about: str,
        sentence: str,
        templates: Sequence[str],
        then: Callable[[str], object],
        *,
        draft_key: str,
        verb: str = "",
        reason: bool = False,
    ) -> None:
        """One text, with standard texts to choose from; `verb` is what committing it does, if not saving.

        A `reason` is ended by Enter.
        """
        named = [(text, text) for text in templates]
        form = AskText(self._theme, title, sentence, named, about=about, verb=verb, reason=reason, parent=self._window)
        self._draft(form, draft_key, about)
        form.committed.connect(lambda values: self._commit(form, lambda: then(values["text"]), draft_key))
        self._show(form)

    def caller_adds(
        self,
        about: str,
        priority_now: int,
        draft_key: str,
        then: Callable[[str, dict[str, str], int | None], object],
        *,
        known: Mapping[str, Any] | None = None,
        left: Callable[[], object] = lambda: None,
        goes_on: bool = False,
    ) -> None:
        """What a caller adds to a report: `then` gets his words, who he is, and the priority to which it is raised by
        what was entered, None where it stays `priority_now`.

        `known` are values that were entered in another form, to which `left` goes back when this one is left. What was
        written there before is of another caller, and only offered, unless the operator `goes_on` with it or `known`
        shows that it is of this one.
        """
        form = CallerAddsForm(self._theme, self._symbols, priority_now, about=about, parent=self._window)
        before, aside = self._outbox.draft(draft_key), ""
        goes_on = goes_on or (before is not None and known is not None and _is_of_call(before, known))
        # protects: callers-are-kept-apart
        if before is not None and not goes_on:
            aside = put_aside(self._outbox, draft_key)
        if known is not None:
            form.set_values(dict(known))
        self._draft(form, draft_key, about)
        if aside and known is None:
            self._offer_aside(form, aside, draft_key)
        elif aside:
            keys = self._window_state.actions.key("drafts")
            form.tell_above(self.tr("What an earlier caller said is kept as a draft: {keys}").format(keys=keys))
        form.left.connect(lambda _: left())

        def commit(values: dict[str, Any]) -> None:
            priority = int(values["priority"]) if values["priority"] else None
            self._commit(form, lambda: then(values["text"], caller_data(values), priority), draft_key)

        form.committed.connect(commit)
        self._show(form)

    def _offer_aside(self, form: CallerAddsForm, aside: str, draft_key: str) -> None:
        """Offer the older text under the key `aside` in a form that has another draft now; it goes back when the form
        is left without a word.
        """
        draft = self._outbox.draft(aside) or {}
        words = (self.draft_words(draft), one_line(str(draft.get("text", "")), _OFFERED))
        form.offer_earlier(": ".join(part for part in words if part))

        def fill_in() -> None:
            if form.is_begun:
                form.unused_key.emit("Alt+D")
                return
            form.offer_earlier("")
            form.offer_draft(typed_in(draft), self.draft_words(draft))
            take_up(self._outbox, aside, draft_key)

        def leave() -> None:
            if form.is_empty():
                take_up(self._outbox, aside, draft_key)

        form.earlier_wanted.connect(fill_in)
        form.left.connect(lambda _: leave())

    def show_draft(self, draft_key: str, title: str, sentence: str, text: str) -> None:
        """The words of a draft whose own form cannot be opened: to be copied, or cleared."""
        draft = self._outbox.draft(draft_key) or {}
        form = AskText(self._theme, title, sentence, about=str(draft.get(MARKS[2], "")), parent=self._window)
        form.commit_button.set_verb(self.tr("Copy"))
        form.offer_draft({"text": text}, self.draft_words(draft))
        form.draft_cleared.connect(lambda: self._outbox.drop_draft(draft_key))
        form.committed.connect(lambda values: QGuiApplication.clipboard().setText(values["text"]))
        form.committed.connect(lambda _: self._say(self.tr("Copied")))
        self._show(form)

    def choose(
        self,
        title: str,
        about: str,
        rows: Sequence[ListChoice],
        then: Callable[[str], object],
        *,
        current: str = "",
        width: int = 480,
        leave_text: str = "",
    ) -> None:
        """One of many, by type-ahead, beginning on the `current` one; `width` in pixels at normal size. `leave_text` is
        what the button that chooses none says, "" for the usual word.
        """
        form = ChooseOne(
            self._theme, title, rows,
            about=about, current=current, symbols=self._symbols, width=width, parent=self._window,
        )  # fmt: skip
        if leave_text:
            form.leave_button.set_verb(leave_text)
        form.chosen.connect(self._on_chosen)
        form.chosen.connect(then)
        self._show(form)

    def _on_chosen(self) -> None:
        self._committed_s = self._steady_s()

    def hold(
        self, details: ReportDetails, about: str, draft_key: str, then: Callable[[dict[str, Any]], object]
    ) -> None:
        """Why the work waits, for what, until when."""
        waits_for = (
            (WaitsFor.REPORTER.value, self.tr("The reporter")),
            (WaitsFor.AGENCY.value, self.tr("Another agency")),
            (WaitsFor.MATERIAL.value, self.tr("Material")),
            (WaitsFor.WEATHER.value, self.tr("The weather")),
        )
        untils = (("", self.tr("Open end")), ("4", self.tr("4 h")), ("24", self.tr("1 day")), ("72", self.tr("3 days")))
        form = HoldForm(self._theme, self.tr("Hold"), waits_for, untils, about=about, parent=self._window)
        self._tell_stakes(form, details)
        self._draft(form, draft_key, about)

        def commit(values: dict[str, Any]) -> None:
            hours = float(values["until"] or 0)
            until = (self._outbox.time_at(details.source) + timedelta(hours=hours)).isoformat() if hours else None
            reason = values["reason"] or dict(waits_for)[values["waits_for"]]
            hold = {"reason": reason, "waits_for": values["waits_for"], "until": until}
            self._commit(form, lambda: then(hold), draft_key)

        form.committed.connect(commit)
        self._show(form)

    def shelve(
        self, about: str, untils: Sequence[tuple[str, str]], draft_key: str, then: Callable[[dict[str, Any]], object]
    ) -> None:
        """For how long an alarm is put away, and why: `then` gets the values of `ShelveForm`."""
        sentence = self.tr("It comes back by itself, and is new again then.")
        form = ShelveForm(self._theme, self.tr("Shelve the alarm"), sentence, untils, about=about, parent=self._window)
        self._draft(form, draft_key, about)

        def commit(values: dict[str, Any]) -> None:
            before = self._outbox.saving
            self._commit(form, lambda: then(values), draft_key)
            if self._outbox.saving == before:  # no server keeps it
                self._outbox.drop_draft(draft_key)
                form.close()

        form.committed.connect(commit)
        self._show(form)

    def ask_pin(
        self,
        title: str,
        about: str,
        sentence: str,
        verb: str,
        then: Callable[[dict[str, Any]], object],
        *,
        is_new: bool = False,
        skip_text: str = "",
        skip: Callable[[], object] = lambda: None,
    ) -> None:
        """A PIN, never shown and never kept as a draft: `then` gets the values of `PinForm`. `skip` is for what is done
        without one.
        """
        form = PinForm(
            self._theme, title, sentence, verb, about=about, is_new=is_new, skip_text=skip_text, parent=self._window
        )

        def commit(values: dict[str, Any]) -> None:
            form.close()
            then(values)

        form.committed.connect(commit)
        form.skipped.connect(form.close)
        form.skipped.connect(skip)
        self._show(form)

    def remark(self, about: str, remark: str, draft_key: str, then: Callable[[str], object]) -> None:
        """What the next shift is to know of a report: `then` gets it, beginning with the `remark` it has already."""
        title, sentence = self.tr("Note for the next shift"), self.tr("It stands in the draft of the hand-over.")
        form = AskText(self._theme, title, sentence, about=about, reason=True, parent=self._window)
        form.set_values({"text": remark})
        self._draft(form, draft_key, about)

        def commit(values: dict[str, Any]) -> None:
            then(values["text"])
            self._outbox.drop_draft(draft_key)
            form.close()

        form.committed.connect(commit)
        self._show(form)

    def closure(
        self,
        title: str,
        about: str,
        kinds: Sequence[tuple[str, str]],
        extents: Sequence[tuple[str, str]],
        untils: Sequence[tuple[str, str]],
        known: dict[str, str],
        verb: str,
        draft_key: str,
        then: Callable[[dict[str, Any]], object],
        *,
        extents_last: bool = False,
    ) -> ClosureForm:
        """What is closed, how far and until when: see `ClosureForm`. `then` gets its values and makes the edit."""
        form = ClosureForm(
            self._theme,
            title,
            kinds,
            extents,
            untils,
            known,
            verb=verb,
            about=about,
            extents_last=extents_last,
            parent=self._window,
        )
        self._draft(form, draft_key, about)

        def commit(values: dict[str, Any]) -> None:
            before = self._outbox.saving
            self._commit(form, lambda: then(values), draft_key)
            if self._outbox.saving == before:  # nothing is otherwise
                self._outbox.drop_draft(draft_key)
                form.close()

        form.committed.connect(commit)
        self._show(form)
        return form

    def close(
        self,
        details: ReportDetails,
        about: str,
        draft_key: str,
        then: Callable[[str, str, tuple[str, ...]], object],
        merge: Callable[[], object],
        why_no_merge: str,
    ) -> None:
        """Disposition (of the report's city), reason, and which units are released, those too that are sent meanwhile.

        Of what a duplicate would be is asked by `merge`, `why_no_merge` says why not.
        """
        catalog = self._window_state.catalog(details.source)
        known = [one for one in catalog.templates if one.kind in ("close", "duplicate")]
        duplicate = next((one.text for one in known if one.kind == "duplicate"), "")
        texts = [one.text for one in known] or [
            self.tr("Not found at the place"),
            self.tr("Not a matter of the city"),
            self.tr("Withdrawn by the reporter"),
            self.tr("Spam or misuse"),
        ]
        form = CloseForm(
            self._theme,
            self.tr("Close without work"),
            [(text, catalog.outcome(text), False) for text in texts],
            self._at_work(details),
            duplicate=duplicate,
            why_no_duplicate=why_no_merge,
            about=about,
            parent=self._window,
        )
        self._tell_stakes(form, details)
        self._draft(form, draft_key, about)
        form.merge_asked.connect(merge)

        def commit(values: dict[str, Any]) -> None:
            release = tuple(values["release"])
            self._commit(form, lambda: then(values["disposition"], values["reason"], release), draft_key)

        form.committed.connect(commit)
        self._show(form)

    def validate(
        self,
        details: ReportDetails,
        about: str,
        cards: Mapping[str, PhotoCard],
        draft_key: str,
        then: Callable[[bool, str, str], object],
        barred: str,
    ) -> None:
        """Before and after side by side; accept with a disposition, or return with a reason; `barred` says why not.

        The disposition of a category that was chosen last is preset, else the one that the city has for it alone. Of
        several for all categories none is: a mended lamp has not been cleaned.
        """
        before, after = self._sides(details, cards)
        service = details.shown.service
        catalog = self._window_state.catalog(details.source)
        known = catalog.templates
        texts = [one for one in known if one.kind == "disposition" and one.service in (None, service)]
        own = [one.text for one in texts if one.service is not None]
        fitting = list(dict.fromkeys([*own, *(one.text for one in texts)]))
        returns = [one.text for one in known if one.kind == "return" and one.service in (None, service)]
        lately = self._outcomes.get((details.source, service), "")
        usual = next(iter(own if len(fitting) > 1 else fitting), "")
        preset = "" if barred else lately if lately in fitting else usual
        form = ValidateForm(
            self._theme,
            self.tr("Validate the proof"),
            before,
            after,
            about=about,
            dispositions=fitting,
            words={text: catalog.outcome(text) for text in fitting},
            returns=returns,
            preset=preset,
            barred=barred,
            steady_s=self._steady_s,
            free_high=free.height() if (free := self._free()) is not None else 0,
            parent=self._window,
        )

        self._draft(form, draft_key, about)

        def commit(values: dict[str, Any]) -> None:
            if values["accept"]:
                self._outcomes[details.source, service] = values["disposition"]
            self._commit(form, lambda: then(values["accept"], values["reason"], values["disposition"]), draft_key)

        form.committed.connect(commit)
        form.photo_asked.connect(lambda photo: self._around.photo_wanted(photo))
        self._show(form)
        self._proof = (form, details)

    def merge(
        self,
        mine: MergeSide,
        candidates: Sequence[MergeCandidate],
        why_barred: Callable[[str, bool], str],
        follows: Callable[[str, bool], str],
        meanwhile: Callable[[str], tuple[str, str]],
        about: str,
        then: Callable[[str, bool], object],
    ) -> MergeForm:
        """Two reports side by side; `then` gets the candidate and whether the chosen one is closed instead of it."""
        px, free = self._theme.px, self._free()
        form = MergeForm(
            self._theme,
            self.tr("Look before merging"),
            mine,
            candidates,
            why_barred=why_barred,
            follows=follows,
            meanwhile=meanwhile,
            about=about,
            roomy=free is not None and free.width() >= px(_ROOMY_WIDE) and free.height() >= px(_ROOMY_HIGH),
            parent=self._window,
        )
        form.committed.connect(
            lambda values: self._commit(form, lambda: then(values["candidate"], values["swapped"]), "")
        )
        self._show(form)
        return form

    @property
    def has_keyboard(self) -> bool:
        """Whether what is typed goes to a form."""
        focus = QApplication.focusWidget()
        return focus is not None and isinstance(focus.window(), Form)

    @contextmanager
    def about(self, details: ReportDetails, *fields: str) -> Iterator[None]:
        """The form that is opened within is about these fields of this report: when another changes them, it says so.

        Where it has to cover the report, its head says what that is about.
        """
        self._subject = details
        try:
            yield
        finally:
            self._subject = None
        self._watched = (self._open, details, fields)

    def _in_short(self, details: ReportDetails) -> str:
        """What a report is about, in two lines: how urgent, how far, where; and the reporter's words."""
        report, catalog = details.shown, self._window_state.catalog(details.source)
        priority = f"P{report.priority} {self.tr(formatting.PRIORITY_TEXT[report.priority])}"
        state = self.tr(formatting.status_text(report.status, report.status_label))
        where = report.address or catalog.place(report.area or "")
        facts = " · ".join(part for part in (priority, state, where) if part)
        return "\n".join(part for part in (facts, one_line(report.description, _IN_SHORT)) if part)

    def look_at(self, details: ReportDetails) -> None:
        """The chosen report has been read again."""
        if self._watched is None or not isinstance(self._open, Form) or self._watched[0] is not self._open:
            return
        _, before, fields = self._watched
        if (before.source, before.key) == (details.source, details.key):
            if isinstance(self._open, CloseForm):
                self._open.set_units(self._at_work(details))
            if isinstance(self._open, CloseForm | HoldForm):
                self._tell_stakes(self._open, details)
            catalog, me = self._window_state.catalog(details.source), self._window_state.me_at(details.source)
            self._open.tell_news(*changed_meanwhile(before, details, fields, catalog, me, self.tr))

    def _tell_stakes(self, form: Form, details: ReportDetails) -> None:
        """In the head of a form: that it is a hazard, whether a crew comes to it, and that another has taken it."""
        report, claim = details.shown, details.shown.claim
        view, is_hazard = self._window_state.view, report.priority == HAZARD
        parts = []
        if is_hazard:
            waits = view is not None and bool(view.without_crew([details.row]))
            parts.append(self.tr("P1, and no crew is on its way") if waits else self.tr("P1"))
        if claim is not None and claim.who != self._window_state.me_at(details.source):
            parts.append(self.tr("taken by {who}").format(who=claim.who))
        text = " · ".join(parts)
        form.set_sentence(text[:1].upper() + text[1:], urgent=is_hazard)

    def _at_work(self, details: ReportDetails) -> list[tuple[str, str]]:
        """The units that have work on a report, with what they are called."""
        catalog = self._window_state.catalog(details.source)
        return [(one.unit, catalog.name("unit", one.unit)) for one in details.live]

    def set_photos(self, cards: Mapping[str, PhotoCard], row: int) -> None:
        """Photos of the report in this row: they may come while its form is open, whatever is chosen meanwhile."""
        if self._proof is not None and self._proof[1].row == row:
            form, details = self._proof
            form.set_photos(*self._sides(details, cards))

    def _sides(self, details: ReportDetails, cards: Mapping[str, PhotoCard]) -> tuple[list[PhotoCard], list[PhotoCard]]:
        """All photos of what was reported, and all of the work done, each picture once; one that is not known yet is
        being read.
        """
        sides: tuple[dict[str, PhotoCard], dict[str, PhotoCard]] = ({}, {})
        for photo in details.shown.photos:
            after = photo.role is PhotoRole.AFTER
            name = self.tr("After") if after else self.tr("Before")
            sides[after].setdefault(photo.key, cards.get(photo.key) or PhotoCard(photo.key, name, ""))
        return list(sides[False].values()), list(sides[True].values())

    def photo_file(self, sha256: str) -> Path | None:
        """Where the bytes of a photo are on this computer, None when they are not here."""
        for folder in ("work-media", "media"):
            file = self._profile / folder / sha256
            if file.is_file():
                return file
        return None

    def choose_file(self, title: str, kinds: str, then: Callable[[Path], object]) -> None:
        """One file of this computer; `kinds` are names with patterns, as in "Photos (*.jpg *.png)"."""
        dialog = QFileDialog(self._window, title, str(Path.home()), kinds)
        dialog.setOption(QFileDialog.Option.DontUseNativeDialog, True)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda name: then(Path(name)))
        self._show(dialog)

    def choose_new_file(self, title: str, path: Path, kinds: str, then: Callable[[Path], object]) -> None:
        """Where a file is to be written, `path` unless the operator chooses another; he is asked before one that is
        there is replaced.
        """
        dialog = QFileDialog(self._window, title, str(path.parent), kinds)
        dialog.setOption(QFileDialog.Option.DontUseNativeDialog, True)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setFileMode(QFileDialog.FileMode.AnyFile)
        dialog.setDefaultSuffix(path.suffix.removeprefix("."))
        dialog.selectFile(path.name)
        dialog.fileSelected.connect(lambda name: then(Path(name)))
        self._show(dialog)

    def photo(self, about: str, role: str, place: str, then: Callable[[dict[str, Any]], object]) -> None:
        """Photos from files, each one an edit; `place` is the draft key of photos of their report."""
        title = self.tr("Add photos: {about}").format(about=about)
        dialog = QFileDialog(self._window, title, self.photos.chosen_in, self.tr("Photos (*.jpg *.jpeg *.png *.webp)"))
        dialog.setOption(QFileDialog.Option.DontUseNativeDialog, True)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)

        def add(names: Sequence[str]) -> None:
            for name in names:
                self.photos.add(Path(name), role, then, place=place, about=about)

        dialog.filesSelected.connect(add)
        self._show(dialog)

    def new_report(
        self,
        source: str,
        then: Callable[[dict[str, Any]], object],
        *,
        draft_key: str = "",
        title: str = "",
        sentence: str = "",
        known: dict[str, Any] | None = None,
        add_to: Callable[[int, dict[str, Any], str], object] | None = None,
    ) -> None:
        """A report by telephone for this source: keyboard only, works offline; what was typed is kept when it is left.

        Without the `draft_key` of what is gone on with it is another call: what was left of the last one is offered.
        `known` (what a CREATE would carry) stands in it already; title and sentence say what the report is instead of
        one by telephone. `add_to` gets the row of an earlier report to which the caller adds what is entered, the
        values, and the key of their draft.
        """
        here = self._outbox.draft_key("new_report", source, "")
        several = not draft_key or draft_key.startswith(here)
        same = self._new_key == draft_key or (not draft_key and self._new_key.startswith(here))
        if self._new is not None and self._new.isVisible() and same:
            self.held_keys.hold_for(self._new)
            self._new.raise_()
            self._new.activateWindow()
            return
        is_another, draft_key = not draft_key, draft_key or here
        if is_another and (left := self._outbox.draft(here)) is not None:
            self._keep_aside(source, left)
            self._outbox.drop_draft(here)
        catalog = self._window_state.catalog(source)
        about = self._window_state.city_name(source) if len(self._window_state.cities.catalogs) > 1 else ""
        form = NewReportForm(
            self._theme,
            self._symbols,
            title=title,
            sentence=sentence,
            about=about,
            several=several,
            adds=add_to is not None,
            finds_callers=self._around.may_find_callers(source),
            parent=self._window,
        )
        if add_to is not None:
            form.add_asked.connect(
                lambda row: add_to(row, form.values() | {"priority": form.priority_entered}, draft_key)
            )
        form.set_services(
            category_choices(catalog),
            {one.code: str(one.priority) for one in offered(catalog.services)},
        )
        asks = ServiceQuestions(self._zone, self._now, self.tr)

        def ask(code: str) -> None:
            service = catalog.shown.get(code)
            heading = self.tr("Questions: {category}").format(category=catalog.service_name(code or None))
            form.ask(heading, asks.asked_by(service), lambda one, typed: asks.fault(service, one, typed))

        form.service_changed.connect(ask)

        def show_card(code: str, priority: str) -> None:
            card = catalog.run_card_for(code, int(priority)) if code and priority else None
            form.show_card(card.name if card is not None else "", card.steps if card is not None else ())

        form.case_changed.connect(show_card)
        self._new, self._new_key = form, draft_key
        self._look_for_earlier(form, source)
        self._ask_for_place(form, source, new_report_values(known) if known else {})
        if known:
            form.set_values(new_report_values(known))
        self._draft(form, draft_key, about)

        def put_aside(values: dict[str, Any]) -> None:
            self._keep_aside(source, {**values, **self.mark(about)})
            self._offer_earlier(form, source)

        form.put_aside.connect(put_aside)
        form.earlier_wanted.connect(lambda: self.new_report(source, then, draft_key=self._earlier, add_to=add_to))
        if is_another:
            self._offer_earlier(form, source)

        def commit(values: dict[str, Any]) -> None:
            answers = asks.answers(catalog.services.get(values["service"]), values["answers"])
            data = new_report_data(values, place_data(values, self.tr), answers)
            self._commit(form, lambda: then(data), draft_key)

        form.committed.connect(commit)
        self._show(form)

    def _look_for_earlier(self, form: NewReportForm, source: str) -> None:
        """Keep the form's list of earlier reports of its place true, for as long as the form can be typed into."""

        asked = itertools.count(1)
        newest = 0

        def look() -> None:
            nonlocal newest
            newest = number = next(asked)

            def take(found: NearbyFound) -> None:
                if self._new is form and not form.is_done and number == newest:
                    form.set_nearby(found.rows, found.looked_for, found.count, found.none)

            if self._new is form and not form.is_done:
                self._around.earlier_of(source, form.values(), take)

        again = QTimer(form, interval=_LOOK_AGAIN_MS)
        again.timeout.connect(look)
        again.start()
        form.changed.connect(lambda _: look())
        form.place_changed.connect(look)
        form.nearby_opened.connect(self._window_state.choose)
        look()

        def find(phone: str) -> None:
            def told(found: NearbyFound) -> None:
                if self._new is form and not form.is_done:
                    form.set_caller_reports(phone, found.rows, found.looked_for, found.count, found.none)

            self._around.caller_of(source, phone, told)

        form.caller_asked.connect(find)

    def place(
        self,
        source: str,
        about: str,
        known: Mapping[str, Any],
        draft_key: str,
        then: Callable[[dict[str, Any]], object],
    ) -> None:
        """Where a report of this source lies: typed, or picked on the map; `known` is what its place is now.

        `then` gets lat, lon, address and, where the point is not exact, within_m.
        """
        form = ReportPlaceForm(self._theme, self._symbols, about=about, parent=self._window)
        self._ask_for_place(form, source, known)
        form.set_known(known)
        self._draft(form, draft_key, about)

        def commit(values: dict[str, Any]) -> None:
            self._commit(form, lambda: then(place_data(values, self.tr)), draft_key)

        form.committed.connect(commit)
        self._show(form)

    def _ask_for_place(self, form: PlaceForm, source: str, known: Mapping[str, Any]) -> None:
        """Let what is typed be found; the map is asked for a click when the operator wants to point at the place."""

        def streets_of(text: str, then: Callable[[list[Street]], None]) -> None:
            self._around.streets_of(source, text, then)

        catalog = self._window_state.catalog(source)
        PlaceController(form, catalog, known, streets_of, self._around.pin_wanted, self._tasks, self._around.map_places)
        form.pick_place_asked.connect(lambda: self._pick_place(form))
        self._placing = form
        for over in (form.left, form.committed):
            over.connect(lambda _: self._around.place_unwanted())

    def _pick_place(self, form: PlaceForm) -> None:
        form.step_aside(self._window)
        self._window.activateWindow()
        self._around.place_wanted()

    def make_way(self, form: Form) -> None:
        """Hide a form, so that all of the map can be drawn on, and give the keyboard to the window."""
        form.hide()
        self._window.activateWindow()

    def bring_back(self, form: Form) -> None:
        """Show a form that has made way beside the map, which shows what was drawn for it."""

        def show() -> None:
            form.show()
            form.step_aside(self._window)

        self._bring(form, show)

    def _keep_aside(self, source: str, draft: dict[str, Any]) -> None:
        """Another caller is on the line: what was taken down before is found in the list of drafts."""
        key = self._outbox.draft_key("new_report", source, str(draft.get(MARKS[0]) or self._now().isoformat()))
        while self._outbox.draft(key) is not None:
            key += "+"
        self._outbox.save_draft(key, draft)

    def _offer_earlier(self, form: NewReportForm, source: str) -> None:
        """The newest of what was put aside is one key away."""
        here = self._outbox.draft_key("new_report", source, "")
        aside = [(key, draft) for key, draft in self._outbox.drafts.items() if key.startswith(here) and key != here]
        if not aside:
            return
        self._earlier, draft = max(aside, key=lambda one: str(one[1].get(MARKS[0], "")))
        said = str(draft.get("text") or self._window_state.catalog(source).service_name(draft.get("service")) or "")
        form.offer_earlier(": ".join(part for part in (self.draft_words(draft), one_line(said, _OFFERED)) if part))

    def set_place(self, lat: float, lon: float) -> None:
        """The map was clicked for a place."""
        if self._placing is not None:
            self._placing.set_place(lat, lon, "")
            self.end_pick()
            self._around.pin_wanted((lat, lon))

    def end_pick(self) -> None:
        """The keyboard goes back from the map to the form for which a place was to be pointed at."""
        if self._placing is not None and self._placing.isVisible():
            self.held_keys.hold_for(self._placing)
            self._placing.place_in(self._room())
            self._placing.raise_()
            self._placing.activateWindow()

    def ask_token(
        self,
        server: str,
        told: str,
        then: Callable[[str], object],
        *,
        skip: Callable[[], object] | None = None,
        left: Callable[[], object] = lambda: None,
    ) -> None:
        """A server's token, never shown and never kept as a draft. `told` says what has not left, or why the token is
        asked for again, "" for nothing.

        `skip` is for who has no token of this one of several, `left` for who goes away from the form.
        """
        title = self.tr("Sign in to {server}").format(server=server)
        sentence = " ".join(part for part in (told, self.tr("Its administrator gives you the token.")) if part)
        skip_text = self.tr("Not at this city") if skip is not None else ""
        form = TokenForm(self._theme, title, sentence, skip_text=skip_text, parent=self._window)
        form.committed.connect(lambda values: then(values["token"]))
        form.left.connect(lambda _: left())
        if skip is not None:
            form.skipped.connect(skip)
        self._show(form)

    def web_map(
        self, known: Mapping[str, Any], problem_of: Callable[[str], str], then: Callable[[dict[str, Any]], object]
    ) -> None:
        """Which web map the profile allows; see `WebMapForm`. `known` are its values now."""
        form = WebMapForm(self._theme, problem_of, parent=self._window)
        form.set_values(dict(known))
        form.committed.connect(then)
        self._show(form)

    def sound(
        self,
        tones: Sequence[tuple[str, str, str]],
        loudnesses: Sequence[tuple[int, str]],
        loudness: int,
        then: Callable[[dict[str, Any]], object],
    ) -> SoundForm:
        """How loud tones are, with a test of each: see `SoundForm`, whose tests its caller plays."""
        form = SoundForm(self._theme, tones, loudnesses, loudness, parent=self._window)
        form.committed.connect(then)
        self._show(form)
        return form

    def ask(self, title: str, sentence: str, yes: str, no: str, then: Callable[[], object]) -> None:
        """Whether to go on with what the operator asked for, now that he is told what follows."""
        form = AskForm(self._theme, title, sentence, yes, no, parent=self._window)
        form.committed.connect(lambda _: then())
        self._show(form)

    def ask_armed(
        self,
        title: str,
        about: str,
        sentence: str,
        lines: Sequence[tuple[str, str]],
        yes: str,
        no: str,
        then: Callable[[], object],
    ) -> None:
        """Whether to go on where something is left behind: see `AskArmed`. `then` makes the edits."""
        form = AskArmed(self._theme, title, about, sentence, lines, yes, no, parent=self._window)
        form.committed.connect(lambda _: self._commit(form, then, ""))
        self._show(form)

    def show_keys(self, rows: Sequence[tuple[str, str, str]]) -> None:
        """Every key and what it does."""
        self._show(KeysSheet(self._theme, rows, title=self.tr("Keys"), parent=self._window))

    def conflict(
        self, queued: Queued, then: Callable[[frozenset[str], str], object], position: tuple[int, int] = (1, 1)
    ) -> None:
        """Somebody else was first: base, mine, theirs. `then` gets the fields in which mine is to stand, and why.

        `position` is (which, of how many) conflicts that wait.
        """
        edit, catalog = queued.edit, self._window_state.catalog(queued.edit.source)
        now = self._now()
        first = first_of(queued, self._zone, now)
        there = self.tr("version {n}").format(n=queued.version) if queued.version is not None else ""
        seen = self.tr("version {n}").format(n=edit.base_version) if edit.base_version is not None else ""
        rows = conflict_rows(queued, catalog, self.tr)
        said, radio = conflict_text(queued, catalog, self._zone, now, self.tr), told_text(queued, catalog, self.tr)
        over = over_text(queued, self.tr)
        if is_of_step(queued) or over:
            step = step_text(queued, catalog, self.tr)
            said = self.tr("{step}? Not seen when you did it: {unseen}").format(step=step, unseen=said)
        form = ConflictForm(
            self._theme,
            self._symbols,
            edit.title or self.tr("Your change"),
            edit.report or "",
            " ".join([said, *([f"{radio}."] if radio else []), self.tr("Both are kept until you decide.")]),
            rows,
            before_note=seen,
            mine_note=self.tr("{who} {time}, not sent").format(
                who=edit.author, time=formatting.moment(edit.occurred_at, self._zone, now)
            ),
            theirs_note=", ".join(part for part in (there, f"{first.who} {first.at}".strip()) if part),
            position=self.tr("Conflict {n} of {all}").format(n=position[0], all=position[1]),
            asks_reason=edit.kind is Kind.SET,
            note=self.tr("If the server changes again meanwhile, you will be asked again."),
            send=self.tr("Do it all the same") if [row.field for row in rows] == [STEP] else "",
            over=over,
            over_field=STEP if is_of_step(queued) else "priority",
            parent=self._window,
        )

        def settle(mine: frozenset[str], reason: str) -> None:
            self._commit(form, lambda: then(mine, reason), draft_key)
            if not mine:  # nothing is saved that the draft has become
                self._outbox.drop_draft(draft_key)
                form.close()

        def commit(values: dict[str, Any]) -> None:
            settle(frozenset(field for field, side in values["choices"].items() if side == "mine"), values["reason"])

        draft_key = self._outbox.draft_key("conflict", edit.source, edit.id)
        number = "" if is_local(edit.report) else edit.report
        self._draft(form, draft_key, " ".join(part for part in (number, edit.title) if part))
        form.committed.connect(commit)
        form.dropped.connect(lambda: settle(frozenset(), ""))
        self._show(form)


_REST_MS = 50
"""How long nothing has to move before a form follows."""
_LOOK_AGAIN_MS = 5_000
"""How often the earlier reports of a form's place are looked for while nothing is typed: others work on."""
_IN_SHORT = 200
_OFFERED = 40
"""How many letters of a report's words stand in the head of a form that covers the report."""


def _is_of_call(draft: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether what a caller adds was written in the call that is taken down now: it is of the same caller and goes on
    from the same words.
    """
    caller = [(str(draft.get(name) or ""), str(known.get(name) or "")) for name in ("caller_name", "caller_phone")]
    words = str(known.get("text") or "")
    same = all(before == now for before, now in caller)
    return bool(words) and same and str(draft.get("text") or "").startswith(words)
