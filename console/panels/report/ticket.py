"""Bind the chosen report, its advice and the edits that wait to the report panel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, tzinfo
from typing import NamedTuple

from PySide6.QtCore import QObject

from api_client.model import (
    Assignment,
    AssignmentState,
    Entry,
    Kind,
    Publication,
    Report,
    RunCard,
    Status,
    Unit,
    UnitState,
)
from console.advice.units import Advice
from console.cache.catalog import Catalog
from console.cache.reader import CachedReport
from console.panels import formatting
from console.panels.action_rules import Situation
from console.panels.closures import Closures
from console.panels.notifications.lost_orders import LostOrder, lost_text, why_lost
from console.panels.notifications.unsent_reports import head_text
from console.panels.report.clipboard import coordinates
from console.panels.report.conflict_text import conflict_text, deleted_text
from console.panels.report.details import ReportDetails
from console.panels.report.history import (
    STATE_WORDS,
    call_back_text,
    closing_reason,
    edit_text,
    entry_text,
    told_text,
)
from console.panels.report.offered_actions import next_steps
from console.panels.report.recommendations import Recommendations, duplicate_rows, merged_rows
from console.panels.report.sla_text import clock_segments
from console.panels.stop_text import stop_text
from console.panels.window_state import WindowState
from console.rules.edit import Edit
from console.rules.loaded import Loaded
from console.rules.proof import photos_shown_again
from console.rules.queued import (
    PENDING,
    STUCK,
    EditState,
    Queued,
    is_deleted,
    is_taken,
    is_taken_back,
    waits_for_radio,
    was_held_back,
)
from console.rules.report import is_for_everybody, offered_to
from console.rules.rights import may_undo
from console.rules.run_card import crews_missing, crews_sent, steps_of
from console.rules.sla import begun, clocks_at
from console.rules.status import ORDER, is_open
from widgets.photos import PhotoCard
from widgets.ticket.panel import TicketPanel
from widgets.ticket.values import ActionButton, AdviceRow, StepRow, Strip, Ticket, TimelineRow

_PUBLIC_WORDS = {
    Publication.WAITING: "words and photos wait for you",
    Publication.PUBLISHED: "words and photos",
    Publication.WITHHELD: "not its words and photos",
}
_HOLLOW, _HALF, _SOLID = "hollow", "half", "solid"
_MOST_LOOKING = 3
_MOST_ANSWERS, _LONGEST_ANSWER = 12, 300
NO_ANSWER_S = 120
"""A crew that has said nothing on its order for so long may not have heard it."""


class _History(NamedTuple):
    """The rows of a report's entries, and what they were made of."""

    details: ReportDetails
    catalog: Catalog
    calendar: tuple[int, str | None]
    """The year, which times of another one bear, and the name of the city's zone."""
    told: dict[str, tuple[tuple[Entry, bool, str], TimelineRow]]
    """The row of each entry, by its id, with what it was made of."""
    rows: list[TimelineRow]


class TicketController(QObject):
    """Binds the details, the advice and the outbox to the report panel."""

    def __init__(
        self,
        panel: TicketPanel,
        window_state: WindowState,
        zone: tzinfo,
        now: Callable[[], datetime],
        parent: QObject | None = None,
        *,
        to_call_back: Callable[[], Sequence[Queued]] = lambda: (),
        is_not_sent: Callable[[Edit], bool] = lambda _edit: False,
        lost_with: Callable[[Queued], LostOrder | None] = lambda _queued: None,
        closures: Closures | None = None,
    ) -> None:
        """`to_call_back` gives the orders that were given up after their units were told by radio; `is_not_sent` says
        of an order that waits whether it should have left by now or cannot; `lost_with`: see `lost_orders.lost_with`.
        `closures` warn of a report that lies in what is closed.
        """
        super().__init__(parent)
        self._panel, self._window_state, self._zone, self._now = panel, window_state, zone, now
        self._details: ReportDetails | None = None
        self._history: _History | None = None
        self._recommendations = Recommendations(0)
        self._outbox: tuple[Queued, ...] = ()
        self._merged: tuple[int, tuple[CachedReport, ...]] = (0, ())
        self._situation = Situation()
        self._photos: Mapping[str, PhotoCard] = {}
        self._looking: dict[str, dict[str, str | None]] = {}
        self._closures = closures
        self._held, self._is_due = 0, False
        self._is_not_sent, self._to_call_back, self._lost_with = is_not_sent, to_call_back, lost_with
        window_state.loaded_changed.connect(lambda _: self.show())
        self._say_none()

    def _say_none(self) -> None:
        key = self._window_state.actions.key
        self._panel.set_empty(
            self.tr("No report chosen"),
            self.tr(
                "Choose one in the queue, on the map or by number. Its text, photos, timeline and the nearest units "
                "appear here."
            ),
            [
                (key("palette"), self.tr("a number")),
                (f"{key('next_report')} {key('previous_report')}", self.tr("move")),
            ],
        )

    def say_unread(self, why: str) -> None:
        """Say that the report could not be read, until it is read again or another is chosen."""
        again = [(self._window_state.actions.key("refresh"), self.tr("try again"))]
        self._panel.set_empty(self.tr("The report cannot be read now"), why, again)

    def set_details(self, details: ReportDetails | None) -> None:
        """Show another report, or the same one anew."""
        self._say_none()
        if details is None or self._recommendations.row != details.row:
            self._recommendations = Recommendations(details.row if details else 0)
        self._details = details
        self.show()

    def set_recommendations(self, recommendations: Recommendations) -> None:
        """Show other advice."""
        self._recommendations = recommendations
        self.show()

    def set_merged(self, row: int, merged: Sequence[CachedReport]) -> None:
        """Which reports were merged into the one in a row."""
        self._merged = (row, tuple(merged))
        self.show()

    def set_outbox(self, outbox: tuple[Queued, ...]) -> None:
        """The operator's own edits that are not finished."""
        self._outbox = outbox
        self.show()

    def set_situation(self, situation: Situation) -> None:
        """What decides which keys are enabled."""
        if situation != self._situation:
            self._situation = situation
            self.show()

    def set_looking(self, source: str, looking: Mapping[str, str | None] | None) -> None:
        """Which report each connected operator of a source looks at now (None: none); None when that is not known."""
        if self._looking.get(source) != looking:
            self._looking.pop(source, None)
            if looking is not None:
                self._looking[source] = dict(looking)
            self.show()

    def set_photos(self, cards: Mapping[str, PhotoCard]) -> None:
        """Photo cards ready to show, by hash or address."""
        self._photos = cards
        self.show()

    def tick(self) -> None:
        """Once a second: the clocks."""
        if self._details is not None and is_open(self._details.shown.status):
            self.show()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Fill the panel once for all that is told within: a report that is chosen is told in six parts."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            if self._is_due and not self._held:
                self.show()

    def show(self) -> None:
        """Fill the panel."""
        self._is_due = self._held > 0
        if self._is_due:
            return
        details = self._details
        if details is None:
            self._panel.set_ticket(None)
            return
        report, catalog = details.shown, self._window_state.catalog(details.source)
        service = catalog.service_name(report.service)
        is_to_be_found = details.server is None and report.area is None and report.lat is not None
        area = self.tr("Area not known yet") if is_to_be_found else catalog.place(report.area)
        title = f"{service}, {catalog.areas[report.area].name}" if report.area in catalog.areas else service
        live = [self._crew(one, catalog.units[one.unit], details) for one in details.live if one.unit in catalog.units]
        card = catalog.run_card(report)
        crews = [text for text in (", ".join(live), self._crews_wanted(card, details)) if text]
        meta = [
            *crews,
            self.tr("×{n} duplicates" if report.duplicates > 1 else "×{n} duplicate").format(n=report.duplicates)
            if report.duplicates
            else "",
            catalog.agency_name(report.agency),
        ]
        self._panel.set_ticket(
            Ticket(
                number=report.id if details.server else self.tr("not sent yet"),
                holder=self._holder(details),
                title=title,
                priority=report.priority,
                priority_text=self.tr(formatting.PRIORITY_TEXT.get(report.priority, "")),
                status=ORDER.index(report.status),
                letter=formatting.letter(report.status),
                letter_token=formatting.LETTER_TOKENS[report.status],
                status_text=self.tr("Merged into {id}").format(id=report.merged_into)
                if report.merged_into and not is_open(report.status)
                else self.tr(formatting.status_text(report.status, report.status_label)),
                facts=self._facts(details, area),
                # Who sees no address needs them on a small screen too.
                lesser_facts=(self.tr("Coordinates"),) if details.shown.address else (),
                text=report.description or report.title or self._erased(report),
                meta=[text for text in meta if text],
                sla=clock_segments(clocks_at(report, self._now()), report.priority, self._now(), self.tr),
                strips=self._strips(details),
                photos=list(self._photos.values()),
                advice=self._advice(catalog),
                advice_basis=self._recommendations.heading_text(self.tr),
                advice_empty=self._recommendations.no_unit,
                duplicates=duplicate_rows(self._recommendations.duplicates),
                merged=merged_rows(
                    self._merged[1] if self._merged[0] == details.row else (), self._now(), self._photos_text
                ),
                card=card.name if card is not None else "",
                steps=self._card_steps(card, details),
                meta_of_crews=len(crews),
                timeline=self._timeline(details, catalog),
                actions=self._steps(),
                unread="" if self._window_state.loaded is Loaded.WHOLE else self.tr("not loaded yet"),
            )
        )

    def _crew(self, job: Assignment, unit: Unit, details: ReportDetails) -> str:
        """A crew at work, or how long it has not answered an order that its server has."""
        text = formatting.crew(job, unit, self.tr)
        silent_s = (self._now() - job.since).total_seconds()
        is_sent = job.state is AssignmentState.DISPATCHED and all(one.id != job.edit for one in details.pending)
        if not is_sent or unit.state is UnitState.UNAVAILABLE or silent_s < NO_ANSWER_S:
            return text
        return self.tr("{crew}, no answer for {n} min").format(crew=text, n=int(silent_s // 60))

    def _crews_wanted(self, card: RunCard | None, details: ReportDetails) -> str:
        """How many crews the run card wants, while not so many are on an open report."""
        is_work = is_open(details.shown.status) and details.shown.status is not Status.VALIDATION
        if card is None or not is_work or not crews_missing(card, details.assignments):
            return ""
        sent = crews_sent(details.assignments)
        text = self.tr("{sent} of {n} crews") if sent else self.tr("{n} crews wanted")
        return text.format(n=card.crews, sent=sent)

    def _card_steps(self, card: RunCard | None, details: ReportDetails) -> list[StepRow]:
        if card is None:
            return []
        me, role = self._window_state.me_at(details.source), self._situation.role
        return [
            StepRow(
                one.words,
                self._done_text(one.done, details),
                may_go=one.done is not None and may_undo(me, role, one.done.author),
            )
            for one in steps_of(card, details.history)
        ]

    def _done_text(self, entry: Entry | None, details: ReportDetails) -> str:
        """`rina 13:15`, and of what is not at the server yet that it is saved; "" for what is not done."""
        if entry is None:
            return ""
        who = self.tr("you") if entry.author == self._window_state.me_at(details.source) else entry.author
        when = formatting.moment(entry.occurred_at or entry.at, self._zone, self._now())
        is_saved = any(entry.edit == one.edit for one in details.own_entries)
        return self.tr("{who} {time} · saved" if is_saved else "{who} {time}").format(who=who, time=when)

    def _photos_text(self, count: int) -> str:
        return self.tr("1 photo") if count == 1 else self.tr("{n} photos").format(n=count)

    def _holder(self, details: ReportDetails) -> str:
        """Who holds the report, and who else has it open."""
        me = self._window_state.me_at(details.source)
        others = [who for who, report in self._looking.get(details.source, {}).items() if report == details.key]
        others = sorted(who for who in others if who != me)[:_MOST_LOOKING]
        text = self.tr("{names} look at it") if len(others) > 1 else self.tr("{names} looks at it")
        looks = text.format(names=", ".join(others)) if others else ""
        return " · ".join(part for part in (looks, self._taken(details)) if part)

    def _taken(self, details: ReportDetails) -> str:
        claim = details.shown.claim
        if claim is None:
            return self.tr("Nobody has taken it") if is_open(details.shown.status) else ""
        since = formatting.duration((self._now() - claim.since).total_seconds())
        who = self.tr("you") if claim.who == self._window_state.me_at(details.source) else claim.who
        taken = self.tr("Taken by {who} {since}").format(who=who, since=since)
        if is_for_everybody(claim):
            text = self.tr("{who} has signed out · {key} takes it over")
            return text.format(who=claim.who, key=self._window_state.actions.cap("take"))
        if (to := offered_to(details.shown, self._now())) is not None and claim.offer is not None:
            if to == self._window_state.me_at(details.source):
                text = self.tr("{by} gives it to you · {key} takes it")
                return text.format(by=claim.offer.by, key=self._window_state.actions.cap("take"))
            return self.tr("{taken} · offered to {to}").format(taken=taken, to=to)
        connected = self._looking.get(details.source)
        is_cut_off = connected is not None and claim.who not in (self._window_state.me_at(details.source), *connected)
        return self.tr("{taken} · away, no connection").format(taken=taken) if is_cut_off else taken

    def _facts(self, details: ReportDetails, area: str) -> list[tuple[str, str, str]]:
        report = details.shown
        place = report.address or (self.tr("On the map") if report.lat is not None else self.tr("No place"))
        when = self._day_and_clock(report.created)
        channel = ""
        if report.channel:
            channel = self.tr("through {channel}").format(channel=formatting.channel(report.channel, self.tr))
        facts = [
            (self.tr("Place"), place, area),
            (self.tr("Reported"), f"{when} {channel}".strip(), self.tr("reporter hidden")),
        ]
        service = self._window_state.catalog(details.source).services.get(report.service or "")
        if service is not None and service.confidential:
            facts.append((self.tr("Confidential"), self.tr("no public page shows it"), ""))
        if report.publication is not None:
            key = self._window_state.actions.cap
            beside = {
                Publication.WAITING: self.tr("{publish} publishes, {withhold} withholds"),
                Publication.PUBLISHED: self.tr("{withhold} withholds"),
                Publication.WITHHELD: self.tr("{publish} publishes"),
            }[report.publication].format(publish=key("publish"), withhold=key("withhold"))
            facts.append((self.tr("Public"), self.tr(_PUBLIC_WORDS[report.publication]), beside))
        if begun(report) < report.created:
            since = self._day_and_clock(begun(report))
            facts.append((self.tr("Clock"), self.tr("runs from {time}").format(time=since), self.tr("merged into it")))
        if report.lat is not None:
            off = f"±{formatting.distance(report.within_m)}" if report.within_m else ""
            facts.insert(1, (self.tr("Coordinates"), coordinates(report), off))
        for question, answer in self._window_state.catalog(details.source).answers(report)[:_MOST_ANSWERS]:
            facts.append((question, answer if len(answer) <= _LONGEST_ANSWER else f"{answer[:_LONGEST_ANSWER]}…", ""))
        if report.hold is not None:
            until = report.hold.until
            waits_for = self.tr(formatting.WAITS_TEXT[report.hold.waits_for])
            waits = self.tr("waits for {what}").format(what=waits_for)
            is_over = report.hold_at(self._now()) is None
            end = self.tr("until {time}").format(time=self._day_and_clock(until)) if until and not is_over else ""
            # Whoever gave no reason of his own has what it waits for as the reason, which is said once.
            own = report.hold.reason if report.hold.reason.casefold() != waits_for.casefold() else ""
            beside = " · ".join(part for part in (own, end) if part)
            if until and is_over:  # its server has not said so yet, or cannot be heard
                waits = self.tr("since {time}").format(time=self._day_and_clock(until))
                beside = self.tr("waited for {what}").format(what=waits_for)
            facts.append((self.tr("Hold over") if is_over else self.tr("On hold"), waits, beside))
        if report.disposition:
            said = self._window_state.catalog(details.source).outcome(report.disposition)
            facts.append((self.tr("Outcome"), said, closing_reason(details.history)))
        if report.merged_into:
            facts.append((self.tr("Merged"), self.tr("into {id}").format(id=report.merged_into), ""))
        facts += [(self.tr("Remark"), remark, "") for remark in report.remarks[:3]]
        return facts

    def _erased(self, report: Report) -> str:
        if report.erased is None:
            return ""
        at = self._day_and_clock(report.erased)
        return self.tr("What was said and shown of it was erased: {time}.").format(time=at)

    def _day_and_clock(self, when: datetime) -> str:
        return formatting.day_and_clock(when, self._zone, self._now())

    def _in_a_closure(self, details: ReportDetails) -> list[Strip]:
        """A warning that the report lies in what is closed: crews get there, but not by the streets that they know."""
        shown = details.shown
        if self._closures is None or shown.lat is None or shown.lon is None or not is_open(shown.status):
            return []
        place = shown.lat, shown.lon
        one = self._closures.inside(details.source, place)
        if one is None:
            return []
        text = self.tr("Lies {where}").format(where=self._closures.inside_text(details.source, place))
        return [Strip("closure", text, "", f"closure:{one.key}")]

    def _strips(self, details: ReportDetails) -> list[Strip]:
        strips = []
        for queued in self._outbox:
            edit = queued.edit
            if edit.report != details.key or edit.source != details.source:
                continue
            code = self._unit_code(edit.data.get("unit"))
            if edit.author and edit.author != self._window_state.me_at(edit.source) and not waits_for_radio(queued):
                if edit.kind is Kind.CREATE and not is_taken(queued):
                    strips.append(Strip("not_sent", head_text(queued, self.tr), "", f"outbox:{edit.id}"))
                continue  # his to decide; the outbox says that it waits for him
            if queued.state is EditState.EXPIRED:
                text = self.tr("Order not sent in time: {what}. Still wanted?").format(what=self._edit_text(queued))
                strips.append(Strip("expired", text, self._window_state.actions.key("wanted"), f"wanted:{edit.id}"))
            elif queued.state is EditState.CONFLICT:
                catalog = self._window_state.catalog(edit.source)
                text = conflict_text(queued, catalog, self._zone, self._now(), self.tr)
                if told := told_text(queued, catalog, self.tr):
                    text = f"{text} {told}."
                strips.append(Strip("conflict", text, self._window_state.actions.key("settle"), f"conflict:{edit.id}"))
            elif is_deleted(queued):
                gone = deleted_text(queued, self._zone, self._now(), self.tr)
                text = self.tr("The report was {gone}. Keep what you did to it as a new one?").format(gone=gone)
                if not any(strip.text == text for strip in strips):  # once for all edits
                    strips.append(Strip("conflict", text, self._window_state.actions.key("settle"), f"keep:{edit.id}"))
            elif queued.state is EditState.ATTENTION:
                text = self.tr("Not accepted: {why}").format(why=stop_text(queued, self.tr))
                if is_taken_back(queued):
                    lost = self.tr("Sent, and lost when the server was set back: {what}. Send it again?")
                    text = lost.format(what=self._edit_text(queued))
                elif was_held_back(queued):
                    text = self.tr("Not sent: {what}. {why}").format(
                        what=self._edit_text(queued), why=stop_text(queued, self.tr)
                    )
                strips.append(Strip("conflict", text, "", f"outbox:{edit.id}"))
            elif waits_for_radio(queued):
                if queued.told_by_radio:
                    text = self.tr("{unit} was told by radio by {who}. Not sent yet.").format(
                        unit=code, who=queued.told_by_radio
                    )
                    strips.append(Strip("not_sent", text, "", f"outbox:{edit.id}"))
                elif self._is_not_sent(edit):
                    unit = self._window_state.catalog(edit.source).units.get(str(edit.data.get("unit")))
                    text = formatting.not_sent(queued, unit, code, self.tr)
                    strips.append(Strip("not_sent", text, self._window_state.actions.key("told"), f"told:{edit.id}"))
            if queued.state in STUCK and (order := self._lost_with(queued)) is not None and order.stopped:
                strips[-1] = self._with_stopped(strips[-1], order)
        strips += self._in_a_closure(details)
        for queued in self._to_call_back():
            if (queued.edit.source, queued.edit.report) == (details.source, details.key):
                catalog = self._window_state.catalog(details.source)
                told, call = told_text(queued, catalog, self.tr), call_back_text(queued, catalog, self.tr)
                text = self.tr("{told}, and the order is given up. {call}").format(told=told, call=call)
                strips.append(Strip("not_sent", text, "", f"called_back:{queued.edit.id}"))
        return strips

    def _with_stopped(self, strip: Strip, order: LostOrder) -> Strip:
        """The strip of one that was lost, saying what is not sent with it; the same key answers for all."""
        catalog = self._window_state.catalog(order.lost.edit.source)
        text = (
            f"{lost_text(order, catalog, self.tr)}: {why_lost(order.lost, catalog, self._zone, self._now(), self.tr)}"
        )
        return Strip("not_sent" if order.of_crew else strip.kind, text, strip.key_text, strip.intent)

    def _unit_code(self, unit_id: str | None) -> str:
        source = self._details.source if self._details is not None else ""
        unit = self._window_state.catalog(source).units.get(unit_id or "")
        return unit.code if unit else unit_id or ""

    def _edit_text(self, queued: Queued) -> str:
        return edit_text(queued, self._window_state.catalog(queued.edit.source), self.tr)

    def _own_text(self, queued: Queued) -> str:
        """An own edit and how it stands; what the server did not take must not read as done."""
        told = told_text(queued, self._window_state.catalog(queued.edit.source), self.tr)
        parts = (self._edit_text(queued), self.tr(STATE_WORDS[queued.state]), told)
        text = " · ".join(part for part in parts if part)
        return self.tr("NOT done: {what}").format(what=text) if queued.state not in PENDING else text

    def _advice(self, catalog: Catalog) -> list[AdviceRow]:
        rows = []
        for advice in self._recommendations.units:
            unit = catalog.units.get(advice.unit_id)
            leaves = self._leaves(advice)
            rows.append(
                AdviceRow(
                    id=advice.unit_id,
                    code=advice.code,
                    state_key=formatting.UNIT_SYMBOL[unit.state] if unit else "free",
                    line=" · ".join((*leaves, *advice.reasons)),
                    eta=self._recommendations.eta_text(advice),
                    distance=formatting.distance(advice.distance_m, self._recommendations.off_m)
                    if advice.distance_m is not None
                    else self.tr("no position"),
                    stale=advice.stale,
                )
            )
        return rows

    def _leaves(self, advice: Advice) -> list[str]:
        """`on P3 931244, on scene since 14:02: divert (I)`; with the key where it means this unit."""
        texts = self._recommendations.leaves_texts(advice, self._zone, self._now(), self.tr)
        if not texts:
            return []
        words = self.tr("on {reports}: divert").format(reports="; ".join(texts))
        key = self._window_state.actions.key("divert") if advice.unit_id == self._situation.divert else ""
        return [f"{words} ({key})" if key else words]

    def _timeline(self, details: ReportDetails, catalog: Catalog) -> list[TimelineRow]:
        rows = [
            TimelineRow(
                self._day_and_clock(queued.edit.occurred_at),
                self._own_text(queued),
                _HALF if queued.state in (EditState.SENDING, EditState.ACCEPTED, EditState.UNCONFIRMED) else _HOLLOW,
                formatting.CALM if queued.state in PENDING else formatting.AT_RISK,
            )
            for queued in self._outbox
            if queued.edit.report == details.key and queued.edit.source == details.source
        ]
        rows.reverse()
        return rows + self._history_rows(details, catalog)

    def _history_rows(self, details: ReportDetails, catalog: Catalog) -> list[TimelineRow]:
        """The rows of what the server has. They are kept: the panel is filled anew each second."""
        now, kept = self._now().astimezone(self._zone), self._history
        calendar = (now.year, now.tzname())
        # protects: a-history-is-told-once
        if kept and kept.details is details and kept.catalog is catalog and kept.calendar == calendar:
            return kept.rows
        told = {}
        if kept and kept.details.row == details.row and kept.catalog is catalog and kept.calendar == calendar:
            told = kept.told
        shown_again = frozenset(entry.id for entry in photos_shown_again(details.history))
        channel, rows = details.shown.channel, list[TimelineRow]()
        now_told: dict[str, tuple[tuple[Entry, bool, str], TimelineRow]] = {}
        for entry in sorted((*details.entries, *details.messages), key=lambda one: one.at, reverse=True):
            made_of = (entry, entry.id in shown_again, channel)
            before = told.get(entry.id)
            if before is None or before[0] != made_of:
                before = made_of, self._history_row(*made_of, catalog)
            now_told[entry.id] = before
            rows.append(before[1])
        self._history = _History(details, catalog, calendar, now_told, rows)
        return rows

    def _history_row(self, entry: Entry, shown_again: bool, channel: str, catalog: Catalog) -> TimelineRow:
        late = self.tr(" · entered late") if entry.late else ""
        level = (
            formatting.AT_RISK
            if entry.kind == Kind.VALIDATE and entry.data.get("accepted") is False
            else formatting.CALM
        )
        old = self.tr(" · the picture that was there before: no new proof") if shown_again else ""
        text = entry_text(entry, catalog, self.tr, channel) + old + late
        return TimelineRow(self._day_and_clock(entry.occurred_at or entry.at), text, _SOLID, level)

    def _steps(self) -> list[ActionButton]:
        now, units = self._situation, self._recommendations.units
        nearest = units[0].code if units else ""
        by_distance = bool(units) and units[0].distance_m is not None
        busy, leaves = bool(units) and units[0].ahead > 0, bool(units) and bool(units[0].leaves)
        return next_steps(
            now,
            nearest,
            self._unit_code(now.lead_unit),
            self.tr,
            self._window_state.actions,
            by_distance=by_distance,
            busy=busy,
            leaves=leaves,
        )
