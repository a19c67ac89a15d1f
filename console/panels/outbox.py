"""The outbox: every edit of the operator that the server has not confirmed yet, with what can be done about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from typing import NamedTuple

from PySide6.QtCore import QObject, Signal

from api_client.model import Kind
from console.panels import formatting
from console.panels.forms.kept_words import keep_words_of
from console.panels.notifications.lost_orders import why_lost
from console.panels.notifications.unsent_reports import taken_down_text, waits_text
from console.panels.qt_outbox import QtOutbox
from console.panels.report.conflict_text import conflict_brief, deleted_brief
from console.panels.report.history import STATE_WORDS, edit_text
from console.panels.stop_text import stop_text
from console.panels.window_state import WindowState
from console.rules.edit import BEFORE_SIGN_IN, Edit, is_local, is_order
from console.rules.queued import (
    STUCK,
    EditState,
    Queued,
    is_deleted,
    is_settled,
    is_taken,
    is_taken_back,
    waits_for_radio,
)
from widgets.menu import MenuRow
from widgets.outbox import OutboxPanel, OutboxRow

_MARKS = {
    EditState.QUEUED: "hollow",
    EditState.SENDING: "half",
    EditState.UNCONFIRMED: "half",
    EditState.ACCEPTED: "half",
    EditState.SENT: "solid",
}


class _Standing(NamedTuple):
    """How an edit stands: its text, the level of the notice, and the actions that it allows as (id, label)."""

    text: str
    level: str
    actions: list[tuple[str, str]]


class OutboxController(QObject):
    """Fills the outbox panel with the unfinished edits and carries out its actions."""

    count_changed = Signal(int)
    """How many edits wait; not said before the file of the edits is open."""
    conflict_opened = Signal(str)
    keep_asked = Signal(str)
    """The work on a report that was deleted at the server is to be kept: an edit's id."""
    message = Signal(str)
    copy_wanted = Signal(str)
    """A text is to be taken to the clipboard."""
    report_opened = Signal(str, str)

    def __init__(
        self,
        panel: OutboxPanel,
        window_state: WindowState,
        outbox: QtOutbox,
        zone: tzinfo,
        now: Callable[[], datetime],
        parent: QObject | None = None,
        *,
        why_reading_only: Callable[[str], str] = lambda _source: "",
        is_away: Callable[[str], bool] = lambda _source: False,
        is_left: Callable[[str], bool] = lambda _source: False,
    ) -> None:
        """`why_reading_only` gives why nothing may be written for a source now ("" when it may), `is_away` whether it
        cannot be reached, `is_left` whether it was removed from the profile.
        """
        super().__init__(parent)
        self._panel, self._window_state, self._outbox, self._zone, self._now = panel, window_state, outbox, zone, now
        self._counted = (-1, -1)
        self._is_open = False
        self._dropping = ""  # the edit of another operator that the next press throws away
        self._why_reading_only, self._is_away, self._is_left = why_reading_only, is_away, is_left
        panel.row_action.connect(self.act)
        panel.all_asked.connect(self.retry_all)

    @property
    def open_edits(self) -> tuple[Queued, ...]:
        """The edits that are not finished, oldest first."""
        return self._outbox.open_edits

    @property
    def decisions(self) -> int:
        """How many edits wait for a decision of this operator; those of others wait for their authors."""
        return len(self._outbox.lost)

    def tick(self) -> None:
        """Once a second: an unsent order becomes loud."""
        self._panel.refresh()

    def show(self) -> None:
        """Fill the panel. It asks for the text of a row when it draws it."""
        parted = self._outbox.open_in(EditState.ATTENTION)
        again = len(self._outbox.retryable)
        lost = any(map(is_taken_back, parted))
        verb = self.tr("Send all {n} again") if lost else self.tr("Try all {n} refused again")
        self._panel.set_all(verb.format(n=again) if again else "")
        self._panel.set_ids(self._outbox.open_ids, self._row_of)
        counted = (sum(self._outbox.counts.values()), self.decisions)
        # protects: unreadable-outbox-is-unknown
        if self._is_open and counted != self._counted:
            self._counted = counted
            self.count_changed.emit(counted[0])

    def set_opened(self) -> None:
        """work.db is open. Until then it is unknown how many edits wait, which is not shown as none."""
        self._is_open = True
        self.show()

    def _line(self, edit_id: str) -> tuple[str, ...]:
        row = self._row_of(edit_id)
        return row.when, row.number, row.text, row.state_text

    def _row_of(self, edit_id: str) -> OutboxRow:
        queued = self._outbox.open_edit(edit_id)
        if queued is None:  # finished, which is not announced yet
            return OutboxRow(edit_id, "", "", "", "", "")
        return self._row(queued)

    def menu(self, edit_id: str) -> list[MenuRow]:
        """What can be done about an edit, and what of it can be copied."""
        queued = self._outbox.open_edit(edit_id)
        if queued is None:
            return []
        number = queued.edit.report or ""
        rows = [MenuRow(intent, verb) for intent, verb in self._row(queued).actions]
        rows += [MenuRow(""), MenuRow("copy_row", self.tr("Copy in one line"))]
        if number and not is_local(number):
            rows.append(MenuRow("copy_number", self.tr("Copy the number")))
        return rows

    def act(self, edit_id: str, intent: str) -> None:
        """What the operator chose for one edit."""
        asked, self._dropping = self._dropping, ""
        match intent:
            case "keep":
                self.keep_asked.emit(edit_id)
            case "drop":
                self._drop(edit_id, sure=asked == edit_id)
            case "mine":
                self._adopt(edit_id)
            case "spare":
                self.show()
            case "withdraw":
                self._withdraw(edit_id)
            case "retry":
                self._outbox.retry(edit_id)
            case "wanted":
                self._outbox.still_wanted(edit_id, yes=True)
            case "unwanted":
                self._outbox.still_wanted(edit_id, yes=False)
            case "told":
                if (queued := self._outbox.open_edit(edit_id)) is not None:
                    self._outbox.mark_told(edit_id, self._outbox.author_for(queued.edit.source))
            case "called_back":
                self._outbox.mark_called_back(edit_id)
            case "conflict":
                self.conflict_opened.emit(edit_id)
            case "copy_row":
                self.copy_wanted.emit("; ".join(part for part in self._line(edit_id) if part))
            case "copy_number":
                if (queued := self._outbox.open_edit(edit_id)) is not None:
                    self.copy_wanted.emit(queued.edit.report or "")
            case "open":
                queued = self._outbox.open_edit(edit_id)
                if queued is not None and queued.edit.report:
                    self.report_opened.emit(queued.edit.source, queued.edit.report)

    def retry_all(self) -> None:
        """Send again all that was refused for a reason that may have passed, and say how much waits for a decision."""
        again = self._outbox.retryable
        self._outbox.retry(*again)
        parts = [self.tr("Nothing was refused that could be tried again")]
        if again:
            tried = self.tr("{n} edits are tried again" if len(again) > 1 else "{n} edit is tried again")
            parts = [tried.format(n=len(again))]
        if self.decisions:
            parts.append(self.tr("To decide: {n}.").format(n=self.decisions))
        self.message.emit(". ".join(parts))

    def _withdraw(self, edit_id: str) -> None:
        """Withdraw an edit, and say whether that came in time; its words are kept as a draft."""
        queued = self._outbox.open_edit(edit_id)
        if queued is None:
            return
        what = edit_text(queued, self._window_state.catalog(queued.edit.source), self.tr)
        if not self._outbox.ask_back(edit_id):
            self.message.emit(self.tr("{what} was sent and cannot be withdrawn").format(what=what))
        elif self._outbox.open_edit(edit_id) is not None:
            self.message.emit(self.tr("Asked back: {what}. It stays if it has left already").format(what=what))
        elif keep_words_of(self._outbox, queued.edit):
            self.message.emit(self.tr("Withdrawn, its words are a draft: {what}").format(what=what))
        else:
            self.message.emit(self.tr("Withdrawn: {what}").format(what=what))

    def _drop(self, edit_id: str, *, sure: bool) -> None:
        """Drop another operator's edit, or one whose source was removed: the first press asks, the second drops it."""
        queued = self._outbox.open_edit(edit_id)
        if queued is None:
            return
        if why := self._why_reading_only(queued.edit.source):
            self.message.emit(why)
        elif not sure:
            self._dropping = edit_id
        elif self._outbox.drop(edit_id) if self._waits_for(queued) else self._outbox.withdraw(edit_id):
            told = self._waits_for(queued) not in ("", BEFORE_SIGN_IN) and not self._is_left(queued.edit.source)
            sentence = self.tr("Dropped. {author} is told at the next sign-in") if told else self.tr("Dropped")
            self.message.emit(sentence.format(author=queued.edit.author))
        else:
            self.message.emit(self.tr("It may have been sent already and cannot be dropped"))
        self.show()

    def _adopt(self, edit_id: str) -> None:
        """Send a colleague's report, or an edit made before sign-in was needed, in the present operator's name."""
        queued = self._outbox.open_edit(edit_id)
        if queued is None:
            return
        source = queued.edit.source
        catalog, me = self._window_state.catalog(source), self._outbox.author_for(source)

        def words_of(create: Queued, others: Sequence[Queued]) -> str:
            return taken_down_text(create, others, me, catalog, self._zone, self._now(), self.tr)

        if why := self._why_reading_only(source):
            self.message.emit(why)
        elif not self._outbox.adopt(edit_id, words_of):
            self.message.emit(self.tr("It may have been sent already: it waits for the answer"))

    def what_waits(self, *, signed_out: bool = False) -> tuple[str, str]:
        """Title and sentence for the question before closing or signing out: how many edits wait, and when they are
        sent.
        """
        waiting = self.open_edits
        count = len(waiting)
        title = self.tr("{n} edits have not left" if count > 1 else "{n} edit has not left").format(n=count)
        parts = [
            self.tr("What waits stays on this computer in its author's name and goes when that person signs in again.")
            if signed_out
            else self.tr(
                "What waits is saved on this computer and goes by itself when Sigap runs and the server answers."
            )
        ]
        if units := self.untold_units():
            parts.append(self.tr("Not told yet: {units}; tell them by radio.").format(units=units))
        if self.decisions:
            parts.append(self.tr("To decide: {n}.").format(n=self.decisions))
        return title, " ".join(parts)

    def untold_units(self) -> str:
        """The codes of units that do not know of their orders, `SDA-07, DMK-02`; "" for none."""
        waiting = (one for one in self.open_edits if waits_for_radio(one) and not one.told_by_radio)
        return ", ".join(dict.fromkeys(self._unit_code(one.edit) for one in waiting))

    def _unit_code(self, edit: Edit) -> str:
        """The code of the unit that an order is for; its id when its city does not list it."""
        unit_id = str(edit.data.get("unit"))
        unit = self._window_state.catalog(edit.source).units.get(unit_id)
        return unit.code if unit else unit_id

    def _waits_for(self, queued: Queued) -> str:
        """The author of an edit if that is another operator, for whom it waits; "" if it is one's own."""
        author = queued.edit.author
        return author if author and author != self._outbox.author_for(queued.edit.source) else ""

    def _row(self, queued: Queued) -> OutboxRow:
        edit = queued.edit
        text = edit_text(queued, self._window_state.catalog(edit.source), self.tr)
        if edit.kind is Kind.CLAIM and queued.state in STUCK:
            text = self.tr("NOT taken")
        standing = self._standing(queued)
        is_anothers = self._is_left(edit.source) or bool(self._waits_for(queued))
        if is_anothers:
            standing = self._standing_elsewhere(queued, standing)
        actions = list(standing.actions)
        if edit.report and not is_deleted(queued):
            actions.append(("open", self.tr("Open")))
        if queued.state not in (*STUCK, EditState.STOPPED) and not queued.asked_back and not is_anothers:
            actions.append(("withdraw", self.tr("Withdraw")))  # last: the first one is what Enter does
        return OutboxRow(
            id=edit.id,
            when=formatting.clock_or_day(edit.occurred_at, self._now(), self._zone),
            number=(edit.report or "")[:12] if not is_local(edit.report) else self.tr("new"),
            text=text,
            mark=_MARKS.get(queued.state, "hollow"),
            state_text=standing.text,
            level=standing.level,
            actions=tuple(actions),
        )

    def _standing(self, queued: Queued) -> _Standing:
        """How an edit stands, whoever made it."""
        edit = queued.edit
        state, level = self.tr(STATE_WORDS[EditState.ACCEPTED if is_taken(queued) else queued.state]), ""
        actions: list[tuple[str, str]] = []
        if queued.state is EditState.EXPIRED:
            level = "warn"
            actions = [("wanted", self.tr("Send it")), ("unwanted", self.tr("Drop it"))]
        elif queued.state is EditState.CONFLICT:
            alone = is_settled(queued) and not self._outbox.stopped_with(edit.id)
            verb = self.tr("Drop mine") if alone else self.tr("Decide")
            level, actions = "warn", [("conflict", verb)]
            state = conflict_brief(queued, self._zone, self._now(), self.tr)
        elif is_deleted(queued):
            level, state = "warn", deleted_brief(queued, self._zone, self._now(), self.tr)
            actions = [("keep", self.tr("Keep as new")), ("withdraw", self.tr("Drop it"))]
        elif queued.state is EditState.ATTENTION:
            level, state = "warn", stop_text(queued, self.tr) or state
            verb = self.tr("Try again")
            if is_taken_back(queued):
                verb, state = self.tr("Send again"), self.tr("lost: the server was set back")
            actions = [("retry", verb), ("withdraw", self.tr("Drop it"))]
        elif queued.state is EditState.STOPPED:
            level, state = "warn", self.tr("not sent: waits for the decision above")
            if is_order(edit) and (first := self._outbox.held_by(edit.id)) is not None:
                why = why_lost(first, self._window_state.catalog(edit.source), self._zone, self._now(), self.tr)
                level, state = "urgent", self.tr("NOT SENT: {why}").format(why=why)
        elif queued.asked_back:
            state = self.tr("asked back, no answer yet")
        elif waits_for_radio(queued):
            unit = self._window_state.catalog(edit.source).units.get(str(edit.data.get("unit")))
            code = unit.code if unit else ""
            if queued.told_by_radio:
                state = self.tr("{unit} told by radio").format(unit=code)
            elif self._outbox.is_not_sent(edit, away=self._is_away(edit.source)):
                level, state = "urgent", formatting.not_sent(queued, unit, code, self.tr)
                actions = [("told", self.tr("Told by radio"))]
        elif (first := self._outbox.held_by(edit.id)) is not None:
            state = self._waiting_text(edit, first)
        return _Standing(state, level, actions)

    def _waiting_text(self, edit: Edit, first: Queued) -> str:
        """What an edit waits for, as text; `first` is the earlier edit that holds it (see `Outbox.held_by`)."""
        if first.state in STUCK:
            return self.tr("waits for the decision above")
        if first.edit.report in (None, edit.report) or is_local(first.edit.report):
            return self.tr("waits for the edit above")
        return self.tr("waits for the edit of {number} above").format(number=first.edit.report)

    def _standing_elsewhere(self, queued: Queued, own: _Standing) -> _Standing:
        """How an edit of another operator, or of a removed source, stands; `own` is how it would stand if it were his
        own.
        """
        edit, other = queued.edit, self._waits_for(queued)
        state, level = own.text, own.level
        told = [one for one in own.actions if one[0] == "told"]
        actions = [*told, ("drop", self.tr("Drop it"))]
        if self._is_left(edit.source):
            state = self.tr("its server is not in this profile any more")
        elif other == BEFORE_SIGN_IN:
            state = self.tr("made before sign-in was needed")
            actions = [*told, ("mine", self.tr("Send as mine")), ("drop", self.tr("Drop it"))]
        elif edit.kind is Kind.CREATE and not is_taken(queued):
            level, state = "warn", waits_text(queued, self.tr)
            if self._outbox.may_be_adopted(edit.id):
                actions.insert(len(told), ("mine", self.tr("Send in my name")))
        else:
            state = self.tr("waits for {author} to sign in").format(author=other)
        if edit.id == self._dropping:
            named = other and other != BEFORE_SIGN_IN
            whose = self.tr("drop what {author} did, for good?") if named else self.tr("drop it for good?")
            level, state = "warn", whose.format(author=other)
            actions = [("spare", self.tr("No, it waits")), ("drop", self.tr("Yes, drop it"))]
        return _Standing(state, level, actions)
