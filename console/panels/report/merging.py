"""Look at two reports side by side, and close one as the duplicate of the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from functools import partial

from PySide6.QtCore import QObject, Signal

from api_client.model import Report, Status
from console.panels import formatting
from console.panels.edit_commands import EditCommands
from console.panels.forms.forms import Forms
from console.panels.forms.meanwhile import changed_meanwhile
from console.panels.report.details import ReportDetails
from console.panels.report.photos import PhotoCards
from console.panels.report.recommendations import DuplicateCandidate, distance_of
from console.panels.window_state import WindowState
from console.rules.duplicates import is_main
from console.rules.report import HAZARD
from console.rules.sla import begun
from console.rules.status import ORDER, is_open
from widgets.forms.merge import MergeCandidate, MergeForm, MergeSide
from widgets.photos import PhotoCard

_TOLD = ("priority", "status", "service", "area", "duplicates")
"""What may have been decided by, so that it is told when another changes it on either report."""


class Merging(QObject):
    """Opens the form for the chosen report and its possible duplicates, follows both, and does what it says."""

    message = Signal(str)

    def __init__(
        self,
        window_state: WindowState,
        edit_commands: EditCommands,
        forms: Forms,
        photos: PhotoCards,
        chosen: Callable[[], tuple[ReportDetails | None, Sequence[DuplicateCandidate]]],
        look_at: Callable[[int, Callable[[ReportDetails], None]], None],
        title_of: Callable[[ReportDetails], str],
        zone: tzinfo,
        now: Callable[[], datetime],
        parent: QObject | None = None,
    ) -> None:
        """`chosen` gives the chosen report and its possible duplicates, `look_at` reads another report,
        `title_of` names one in the head of a form.
        """
        super().__init__(parent)
        self._window_state, self._edit_commands, self._forms, self._photos = window_state, edit_commands, forms, photos
        self._chosen, self._look_at, self._title_of, self._zone, self._now = chosen, look_at, title_of, zone, now
        self._mine: ReportDetails | None = None
        self._others: dict[str, ReportDetails] = {}
        self._at_first: dict[int, ReportDetails] = {}
        """The reports as the form showed them first, by row."""
        self._cards: dict[str, PhotoCard] = {}
        self._form: MergeForm | None = None
        photos.changed.connect(self._on_cards)
        photos.beside_changed.connect(self._on_cards)
        window_state.rows_touched.connect(self._on_rows)

    def open(self) -> None:
        """Ask which of the possible duplicates is one, and which of the two stays."""
        mine, alike = self._chosen()
        if mine is None or not alike:
            return
        self._mine, self._others, self._at_first = mine, {}, {mine.row: mine}
        candidates = [
            MergeCandidate(
                one.number,
                f"{one.number} · {distance_of(one.duplicate)} · {formatting.age(one.duplicate.age_s)}",
                self._apart(mine.shown, one),
            )
            for one in alike
        ]
        form = self._forms.merge(
            self._side(mine), candidates, self._why_barred, self._follows, self._meanwhile, self._title_of(mine),
            self._merge,
        )  # fmt: skip
        self._form = form
        form.destroyed.connect(lambda: self._forget(form))
        for one in alike:
            self._look_at(one.duplicate.row, partial(self._on_read, form, one.number))

    def _forget(self, form: MergeForm) -> None:
        if self._form is form:
            self._form = None
            self._photos.set_beside(())

    def _on_read(self, form: MergeForm, key: str, details: ReportDetails) -> None:
        if self._form is form:
            self._at_first.setdefault(details.row, details)
            self._others[key] = details
            self._photos.set_beside(tuple(self._others.values()))
            form.set_side(key, self._side(details), stays=self._is_to_stay(details))

    def _on_rows(self, rows: frozenset[int] | None) -> None:
        """Some reports have changed: what is shown of these two is read again."""
        form, mine = self._form, self._mine
        if form is None or mine is None:
            return
        if mine.server is not None and (rows is None or mine.row in rows):
            self._look_at(mine.row, partial(self._on_mine, form))
        for key, other in self._others.items():
            if rows is None or other.row in rows:
                self._look_at(other.row, partial(self._on_read, form, key))

    def _on_mine(self, form: MergeForm, details: ReportDetails) -> None:
        if self._form is form:
            self._mine = details
            form.set_mine(self._side(details))
            for key, other in self._others.items():
                form.set_side(key, self._side(other), stays=self._is_to_stay(other))

    def _meanwhile(self, key: str) -> tuple[str, str]:
        """What others changed on the two reports since the form was opened, with and without their names."""
        changes = []
        for now in (self._mine, self._others.get(key)):
            if now is not None and (before := self._at_first.get(now.row)) is not None:
                catalog, me = self._window_state.catalog(now.source), self._window_state.me_at(now.source)
                changes.append((self._number(now), changed_meanwhile(before, now, _TOLD, catalog, me, self.tr)))
        news = [(f"{number}: {text}", f"{number}: {what}") for number, (text, what) in changes if text]
        return "\n".join(text for text, _ in news), "\n".join(what for _, what in news)

    def _on_cards(self, cards: Mapping[str, PhotoCard]) -> None:
        self._cards = {**self._cards, **cards} if self._form is not None else dict(cards)
        if self._form is not None and self._mine is not None:
            self._form.set_mine(self._side(self._mine))
            for key, details in self._others.items():
                self._form.set_side(key, self._side(details), stays=self._is_to_stay(details))

    def _is_to_stay(self, other: ReportDetails) -> bool:
        """Whether `other` stays and the chosen report is closed; decided by both as first shown, so that they do not
        swap.
        """
        if self._mine is None:
            return False
        mine, other = self._at_first[self._mine.row], self._at_first.get(other.row, other)
        worked_on, other_worked_on = bool(mine.live), bool(other.live)
        return not is_main(mine.shown, other.shown, one_is_worked_on=worked_on, other_is_worked_on=other_worked_on)

    def _number(self, details: ReportDetails) -> str:
        return details.shown.id if details.server else self.tr("new report")

    def _side(self, details: ReportDetails) -> MergeSide:
        report, catalog = details.shown, self._window_state.catalog(details.source)
        place = " · ".join(part for part in (report.address or "", catalog.place(report.area)) if part)
        units = [catalog.units[one.unit].code if one.unit in catalog.units else one.unit for one in details.live]
        state = [f"P{report.priority}", self.tr(formatting.status_text(report.status, report.status_label)), *units]
        if report.duplicates:
            state.append(self._duplicates(report))
        if hold := self._hold(report):
            state.append(hold)
        when = self.tr("Reported {time}").format(time=formatting.day_and_clock(report.created, self._zone, self._now()))
        keys = [photo.sha256 or photo.url or "" for photo in report.photos]
        photos = [self._cards.get(key) or PhotoCard(key, self.tr("Photo"), "") for key in keys]
        return MergeSide(
            self._number(details), catalog.service_name(report.service), (" · ".join(state), place, when),
            report.description, photos,
        )  # fmt: skip

    def _apart(self, mine: Report, one: DuplicateCandidate) -> str:
        between = formatting.age(abs((mine.created - one.created).total_seconds()))
        text = self.tr("{distance} apart · {time} between them · {why}")
        why = ", ".join(self.tr(reason) for reason in one.duplicate.reasons)
        return text.format(distance=distance_of(one.duplicate), time=between, why=why)

    def _both(self, key: str, *, swapped: bool) -> tuple[ReportDetails, ReportDetails] | None:
        """The one that stays and the one that is closed; None while one is being read."""
        mine, other = self._mine, self._others.get(key)
        if mine is None or other is None:
            return None
        return (other, mine) if swapped else (mine, other)

    def _why_barred(self, key: str, swapped: bool) -> str:
        both = self._both(key, swapped=swapped)
        if both is None:
            return self.tr("The report is being read")
        stays, goes = both
        number = self._number(goes)
        if stays.server is None:
            return self.tr("{n} is not at the server yet: the other way round").format(n=self._number(stays))
        for one in both:
            if not is_open(one.shown.status):
                return self.tr("{n} is closed: reopen it first, or nobody works on either").format(n=self._number(one))
        if stays.shown.status is Status.VALIDATION and stays.shown.priority == goes.shown.priority == HAZARD:
            waits = self.tr("{n} awaits validation, and nobody works there any more: return its work first")
            return waits.format(n=self._number(stays))
        if goes.live:
            catalog, unit = self._window_state.catalog(goes.source), goes.live[0].unit
            code = catalog.units[unit].code if unit in catalog.units else unit
            return self.tr("{unit} works on {n}: recall it first, or the other way round").format(unit=code, n=number)
        return ""

    def _follows(self, key: str, swapped: bool) -> str:
        both = self._both(key, swapped=swapped)
        if both is None:
            return ""
        stays, goes = both
        parts = [self.tr("{n} is closed; Ctrl Z opens it again.").format(n=self._number(goes))]
        if goes.shown.priority < stays.shown.priority:
            rises = self.tr("{n} becomes P{p}, as the other is.")
            parts.append(rises.format(n=self._number(stays), p=goes.shown.priority))
            if goes.shown.priority == HAZARD and stays.shown.status is Status.VALIDATION:
                parts.append(self.tr("Its work is returned: it waits for a crew."))
        if hold := self._hold(stays.shown):
            waits = self.tr("{n} stays {hold}: what is merged waits with it.")
            parts.append(waits.format(n=self._number(stays), hold=hold))
        if begun(goes.shown) < begun(stays.shown):
            clock = self.tr("{n} keeps the earlier clock: from {time}, when {other} was reported.")
            since = formatting.day_and_clock(begun(goes.shown), self._zone, self._now())
            parts.append(clock.format(n=self._number(stays), time=since, other=self._number(goes)))
        if goes.shown.duplicates:
            parts.append(
                self.tr("{what} of {n} come along.").format(what=self._duplicates(goes.shown), n=self._number(goes))
            )
        if ORDER.index(goes.shown.status) > ORDER.index(stays.shown.status):
            state = self.tr(formatting.status_text(goes.shown.status, goes.shown.status_label))
            parts.append(self.tr("{n} is further on: {state}.").format(n=self._number(goes), state=state))
        return " ".join(parts)

    def _hold(self, report: Report) -> str:
        """The hold of a report as text: for what and until when; "" when it is not on hold."""
        hold = report.hold_at(self._now())
        if hold is None:
            return ""
        text = self.tr("on hold until {time} (waits for {what})" if hold.until else "on hold (waits for {what})")
        until = formatting.day_and_clock(hold.until, self._zone, self._now()) if hold.until else ""
        return text.format(what=self.tr(formatting.WAITS_TEXT[hold.waits_for]), time=until)

    def _duplicates(self, report: Report) -> str:
        text = self.tr("×{n} duplicates" if report.duplicates > 1 else "×{n} duplicate")
        return text.format(n=report.duplicates)

    def _merge(self, key: str, swapped: bool) -> None:
        both = self._both(key, swapped=swapped)
        if both is None or self._why_barred(key, swapped):
            return
        stays, goes = both
        raised = ""
        if goes.shown.priority < stays.shown.priority:  # the danger does not go with the report that is closed
            urgent = goes.shown.priority
            raised = self._edit_commands.set_fields(
                stays, {"priority": urgent}, self.tr("Priority {n}").format(n=urgent)
            )
        self._edit_commands.merge(goes, stays.shown.id, stays.shown.created, raised)
        self.message.emit(self.tr("Saved: merge {a} into {b}").format(a=self._number(goes), b=self._number(stays)))
