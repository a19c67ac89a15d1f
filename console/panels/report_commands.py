"""What an operator does to the chosen report: ask for what is missing in a form, then append the edit."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from api_client.model import Publication, RunCard, Status
from console.cache.catalog import offered
from console.panels import formatting
from console.panels.action_runner import ActionRunner
from console.panels.edit_commands import EditCommands
from console.panels.forms.categories import category_choices
from console.panels.forms.forms import Forms
from console.panels.forms.report_data import words_to_add
from console.panels.report.details import ReportDetails
from console.panels.report.history import new_report_text
from console.panels.situation import SituationMonitor
from console.panels.typed_command import TypedCommand
from console.panels.window_state import WindowState
from console.rules.category import fields_of_category
from console.rules.names import all_names
from console.rules.pending import field_value
from console.rules.report import HAZARD
from console.rules.rights import may_undo
from console.rules.run_card import DoneStep, steps_of
from console.rules.status import is_open
from widgets.forms.choice import ListChoice
from widgets.photos import PhotoCard


class ReportCommands(QObject):
    """Receives the actions on a report. What a form asks for goes to the report that the form was opened for."""

    created = Signal(str, str)
    """A report was made here: its source and its local key."""

    def __init__(
        self,
        window_state: WindowState,
        edit_commands: EditCommands,
        forms: Forms,
        situation: SituationMonitor,
        runner: ActionRunner,
        source_for_new: Callable[[], str],
        parent: QObject | None = None,
    ) -> None:
        """`source_for_new` is the key of the source that new reports go to."""
        super().__init__(parent)
        self._window_state, self._edit_commands, self._forms, self._situation = (
            window_state,
            edit_commands,
            forms,
            situation,
        )
        self._runner, self._say, self._source_for_new = runner, runner.message.emit, source_for_new
        self._cards: tuple[int, Mapping[str, PhotoCard]] = (0, {})
        situation.details_changed.connect(forms.look_at)

    def set_photos(self, cards: Mapping[str, PhotoCard], row: int) -> None:
        """The photo cards of the report in this row."""
        self._cards = (row, cards)
        self._forms.set_photos(cards, row)

    def _as_told(self, details: ReportDetails) -> ReportDetails:
        """The report that a form is about as it is by now: what another changed meanwhile the form has said.

        Of one that is not the chosen one any more nothing was said: there the server asks who is to have it.
        """
        now = self._situation.chosen
        return now if now is not None and (now.source, now.key) == (details.source, details.key) else details

    def take(self) -> None:
        """Claim the chosen report."""
        self._edit_commands.take(self._situation.report)

    def release(self) -> None:
        """Give it back."""
        self._edit_commands.release(self._situation.report)

    def set_priority(self, details: ReportDetails, priority: int) -> None:
        """Give the report another priority."""
        if priority != details.shown.priority:
            self._edit_commands.set_fields(details, {"priority": priority}, self.tr("Priority {n}").format(n=priority))

    def publish(self) -> None:
        """Let everybody read what the reporter wrote and see what he showed."""
        self._publish(Publication.PUBLISHED, self.tr("Words and photos published"))

    def withhold(self) -> None:
        """Keep the words and photos of the report from everybody."""
        self._publish(Publication.WITHHELD, self.tr("Words and photos withheld"))

    def _publish(self, after: Publication, told: str) -> None:
        details = self._situation.report
        if details.shown.publication != after:
            self._edit_commands.set_fields(details, {"publication": after.value}, told)

    def note(self, details: ReportDetails, text: str) -> None:
        """Add an internal note."""
        if text.strip():
            self._edit_commands.note(details, text.strip())

    def tick(self, words: str) -> None:
        """Say that a step of the chosen report's run card was done; of one that is done, by whom."""
        if not self._runner.may("steps"):
            return
        details = self._situation.report
        for card, step in self._steps_called(details, words):
            # protects: one-desk-ticks-a-step-once
            if step.done is None:
                self._edit_commands.tick(details, card.id, words)
            else:
                self._say(self.tr("Done already, by {who}: {step}").format(who=step.done.author, step=words))

    def take_tick_back(self, words: str) -> None:
        """Say that a step of the chosen report's run card was not done after all."""
        if not self._runner.may("steps"):
            return
        details, now = self._situation.report, self._situation.current
        for _, step in self._steps_called(details, words):
            if step.done is not None and may_undo(now.me, now.role, step.done.author):
                self._edit_commands.take_tick_back(details, step.done)
            elif step.done is not None:
                self._say(self.tr("{who} did it: he or a supervisor takes it back").format(who=step.done.author))

    def _steps_called(self, details: ReportDetails, words: str) -> list[tuple[RunCard, DoneStep]]:
        """The step with these words, with its card; none where another card counts by now."""
        card = self._window_state.catalog(details.source).run_card(details.shown)
        if card is None:
            return []
        return [(card, step) for step in steps_of(card, details.history) if step.words == words]

    def reply(self, details: ReportDetails, text: str) -> None:
        """Answer the reporter."""
        if text.strip():
            self._edit_commands.reply(details, text.strip())

    def choose_priority(self) -> None:
        """Ask for its priority."""
        details = self._situation.report
        rows = [ListChoice(str(n), f"{n} {self.tr(text)}") for n, text in formatting.PRIORITY_TEXT.items()]
        title, about = self.tr("Priority"), self._situation.title_of(details)
        now = str(details.shown.priority)
        with self._forms.about(details, "priority"):
            self._forms.choose(
                title, about, rows, lambda key: self.set_priority(self._as_told(details), int(key)), current=now
            )

    def choose_category(self) -> None:
        """Ask for its category."""
        details = self._situation.report
        rows = category_choices(self._window_state.catalog(details.source))
        title, about = self.tr("Category"), self._situation.title_of(details)
        now = details.shown.service or ""
        with self._forms.about(details, "service"):
            self._forms.choose(
                title, about, rows, lambda code: self.set_category(self._as_told(details), code), current=now
            )

    def set_category(self, details: ReportDetails, code: str) -> None:
        """Give the report another category, and the fields that depend on it."""
        if code == details.shown.service:
            return
        catalog = self._window_state.catalog(details.source)
        before, after = (catalog.services.get(one or "") for one in (details.shown.service, code))
        fields = fields_of_category(details.shown, before, after) if after is not None else {"service": code}
        text = self.tr("Category {name}").format(name=catalog.service_name(code))
        if "agency" in fields:
            text = self.tr("{text}, {agency}").format(text=text, agency=catalog.agency_name(fields["agency"]))
        self._edit_commands.set_fields(details, fields, text)

    def choose_transfer(self) -> None:
        """Ask for the agency or the area that it goes to."""
        details = self._situation.report
        catalog = self._window_state.catalog(details.source)
        rows = [
            ListChoice(
                f"agency:{one.code}", catalog.agency_name(one.code), self.tr("agency"), words=" ".join(all_names(one))
            )
            for one in offered(catalog.agencies)
        ]
        rows += [
            ListChoice(f"area:{one.code}", catalog.place(one.code), self.tr("area")) for one in offered(catalog.areas)
        ]
        rows.sort(key=lambda row: (not row.id.startswith("agency:"), row.text.casefold()))
        title, about = self.tr("Transfer to"), self._situation.title_of(details)
        now = f"agency:{details.shown.agency}"
        with self._forms.about(details, "priority", "agency", "area", "status"):
            self._forms.choose(title, about, rows, lambda key: self._transfer(self._as_told(details), key), current=now)

    def _transfer(self, details: ReportDetails, key: str) -> None:
        field, code = key.split(":", 1)
        catalog = self._window_state.catalog(details.source)
        name = catalog.agency_name(code) if field == "agency" else catalog.place(code)
        fields: dict[str, Any] = {field: code}
        if details.shown.status in (Status.NEW, Status.RETURNED) and field == "agency":
            fields["status"] = Status.COORDINATION.value
        elif key == f"agency:{details.shown.agency}":
            return  # where the list began
        self._edit_commands.set_fields(details, fields, self.tr("Transfer to {name}").format(name=name))

    def ask_place(self) -> None:
        """Ask where it is."""
        details = self._situation.report
        with self._forms.about(details, "place"):
            self._forms.place(
                details.source,
                self._situation.title_of(details),
                field_value(details.shown, "place"),
                self._forms.draft_key("place", details.source, details.key),
                lambda place: self._set_place(details, place),
            )

    def _set_place(self, details: ReportDetails, place: dict[str, Any]) -> None:
        if place != field_value(details.shown, "place"):
            self._edit_commands.set_fields(details, {"place": place}, self.tr("Place"))

    def unmerge(self) -> None:
        """Take its merge back."""
        self._edit_commands.unmerge(self._situation.report)

    def hold(self) -> None:
        """Ask what it waits for, or end the hold."""
        details = self._situation.report
        if self._situation.is_on_hold(details.shown):
            self._edit_commands.set_fields(details, {"hold": None}, self.tr("End the hold"))
            return
        with self._forms.about(details, "priority", "hold", "status"):
            self._forms.hold(
                details,
                self._situation.title_of(details),
                self._forms.draft_key("hold", details.source, details.key),
                lambda hold: self._edit_commands.set_fields(self._as_told(details), {"hold": hold}, self.tr("Hold")),
            )

    def ask_note(self) -> None:
        """Ask for an internal note."""
        details = self._situation.report
        sentence = self.tr("Internal, never sent to the reporter. A note that was sent stays.")
        about = self._situation.title_of(details)
        key = self._forms.draft_key("note", details.source, details.key)
        with self._forms.about(details):
            self._forms.ask_text(
                self.tr("Note"), about, sentence, (), lambda text: self.note(details, text), draft_key=key
            )

    def ask_reply(self) -> None:
        """Ask for an answer to the reporter."""
        details = self._situation.report
        known = self._window_state.catalog(details.source).templates
        templates = tuple(one.text for one in known if one.kind == "reply")
        sentence = self.tr("The reporter reads this. A sent reply cannot be undone.")
        title, about = self.tr("Reply to the reporter"), self._situation.title_of(details)
        with self._forms.about(details):
            self._forms.ask_text(
                title,
                about,
                sentence,
                templates,
                lambda text: self.reply(details, text),
                draft_key=self._forms.draft_key("reply", details.source, details.key),
                verb=self.tr("Send to the reporter"),
            )

    def ask_photo(self) -> None:
        """Ask for photos."""
        details = self._situation.report
        after = details.shown.status in (Status.PROGRESS, Status.ASSIGNED) or not is_open(details.shown.status)
        role = "after" if after else "other"  # what stood there when it was reported is the reporter's to show
        place = self._forms.draft_key("photo", details.source, details.key)
        self._forms.photo(
            self._situation.title_of(details), role, place, lambda photo: self._edit_commands.photo(details, photo)
        )

    def add_photos(self, files: Sequence[tuple[Path, str]], place: str) -> None:
        """Add photos in their roles to the chosen report: they were under way under `place` when the program ended."""
        details = self._situation.report
        for file, role in files:
            self._forms.photos.add(
                file,
                role,
                lambda photo: self._edit_commands.photo(details, photo),
                place=place,
                about=self._situation.title_of(details),
                again=True,
            )

    def submit(self) -> None:
        """Hand it in for validation."""
        self._edit_commands.submit_proof(self._situation.report)

    def validate(self) -> None:
        """Ask whether its proof is accepted."""
        details = self._situation.report

        def decide(accepted: bool, reason: str, disposition: str) -> None:
            self._edit_commands.validate(details, accepted=accepted, reason=reason, disposition=disposition)
            row = self._window_state.row
            if row and row != details.row and self._window_state.filter.tab == "validate":  # working the pile off
                self._situation.when_read(row, self._validate_next, lambda: None)

        own = details.is_own_proof(self._window_state.me_at(details.source))
        barred = self.tr("You delivered this proof: another person has to validate it") if own else ""
        draft_key = self._forms.draft_key("validate", details.source, details.key)
        row, cards = self._cards
        cards = cards if row == details.row else {}
        with self._forms.about(details, "priority", "status"):
            self._forms.validate(details, self._situation.title_of(details), cards, draft_key, decide, barred)

    def _validate_next(self) -> None:
        if self._situation.current.status is Status.VALIDATION and not self._runner.why_not("validate"):
            self.validate()

    def close(self) -> None:
        """Ask why it is closed without work."""
        details = self._situation.report

        def close(disposition: str, reason: str, release: tuple[str, ...]) -> None:
            self._edit_commands.close(self._as_told(details), disposition, reason, release)

        key = self._forms.draft_key("close", details.source, details.key)
        why = self._runner.why_not("merge")
        why = self.tr("A duplicate of which? {why}").format(why=self.tr(why)) if why else ""
        with self._forms.about(details, "priority", "status", "service", "duplicates"):
            self._forms.close(
                details, self._situation.title_of(details), key, close, lambda: self._merge_chosen(details), why
            )

    def _merge_chosen(self, details: ReportDetails) -> None:
        if self._situation.chosen is None or self._situation.chosen.row != details.row:
            self._window_state.choose(details.row)

        def merge() -> None:
            self._runner.run("merge")

        self._situation.when_read(details.row, merge, lambda: None)

    def reopen(self) -> None:
        """Ask why it needs work again."""
        details = self._situation.report
        self._forms.ask_text(
            self.tr("Reopen"),
            self._situation.title_of(details),
            self.tr("Why does it need work again? Once sent it is not undone: close it anew."),
            (),
            lambda text: self._edit_commands.reopen(details, text),
            draft_key=self._forms.draft_key("reopen", details.source, details.key),
            reason=True,
        )

    def begin_report(self) -> None:
        """Ask for a new report, for the source of the chosen one where that is followed."""
        chosen = self._situation.chosen
        followed = chosen is not None and chosen.source in self._window_state.cities.catalogs
        self.new_report(chosen.source if chosen is not None and followed else self._source_for_new())

    def new_report(self, source: str, draft_key: str = "") -> None:
        """A report by telephone for this source, or one that was put aside."""
        self._forms.new_report(
            source,
            lambda data: self.create(source, data),
            draft_key=draft_key,
            add_to=lambda row, values, key: self._add_instead(source, row, values, key),
        )

    def _add_instead(self, source: str, row: int, values: Mapping[str, Any], draft_key: str) -> None:
        """What was entered as a new report is what a caller adds to the one in this row; left, the form comes back."""

        def add() -> None:
            if self._runner.may("caller_adds"):
                details, may_raise = self._situation.report, not self._runner.why_not("priority")
                catalog = self._window_state.catalog(details.source)
                text = words_to_add(values, details.shown, catalog, self.tr, may_raise=may_raise)
                known = {name: values[name] for name in ("caller_name", "caller_phone")}
                self._ask_caller(
                    {**known, "text": text, "priority": values["priority"]},
                    lambda: self._forms.drop_draft(draft_key),
                    lambda: self.new_report(source, draft_key),
                )

        self._window_state.choose(row)
        self._situation.when_read(row, add, lambda: None)

    def ask_caller(self, *, goes_on: bool = False) -> None:
        """Ask what a caller adds to the chosen report: another caller, unless the operator `goes_on` with a draft."""
        self._ask_caller(None, lambda: None, lambda: None, goes_on=goes_on)

    def _ask_caller(
        self,
        known: Mapping[str, Any] | None,
        added: Callable[[], object],
        left: Callable[[], object],
        *,
        goes_on: bool = False,
    ) -> None:
        details = self._situation.report

        def add(text: str, contact: Mapping[str, str], priority: int | None) -> None:
            self._edit_commands.caller_adds(self._as_told(details), text, contact, priority)
            added()

        key = self._forms.draft_key("caller_adds", details.source, details.key)
        now = details.shown.priority if not self._runner.why_not("priority") else HAZARD
        entered = ("priority",) if known is not None and known["priority"] else ()
        with self._forms.about(details, *entered):
            title = self._situation.title_of(details)
            self._forms.caller_adds(title, now, key, add, known=known, left=left, goes_on=goes_on)

    def create(self, source: str, data: dict[str, Any]) -> None:
        """Make a report of what was entered."""
        local_key = f"local:{uuid.uuid4()}"
        name = self._window_state.catalog(source).service_name(data.get("service"))
        self._edit_commands.create(source, data, local_key, name)
        self.created.emit(source, local_key)
        what = new_report_text(data, self._window_state.catalog(source))
        self._say(self.tr("Saved: {report}").format(report=what))

    # With what was typed behind a verb of the command line

    def priority_typed(self, typed: TypedCommand) -> bool:
        """Give the chosen report the priority that was typed."""
        may = self._runner.may("priority")
        if may:
            self.set_priority(self._situation.report, int(typed.rest))
        return may

    def note_typed(self, typed: TypedCommand) -> bool:
        """Add what was typed as a note."""
        may = self._runner.may("note")
        if may:
            self.note(self._situation.report, typed.rest)
        return may

    def reply_typed(self, typed: TypedCommand) -> bool:
        """Answer the reporter with what was typed."""
        may = self._runner.may("reply")
        if may:
            self.reply(self._situation.report, typed.rest)
        return may

    def hold_typed(self, typed: TypedCommand) -> bool:
        """Ask what the report waits for; what was typed stands in the form already as the reason."""
        if not self._runner.may("hold"):
            return False
        if self._situation.current.on_hold:  # without words it would end it
            self._say(self.tr("The report is on hold already"))
            return False
        self._leave_reason("hold", typed.rest)
        self.hold()
        return True

    def close_typed(self, typed: TypedCommand) -> bool:
        """Ask how the report is closed; what was typed stands in the form already as the reason."""
        if not self._runner.may("close"):
            return False
        self._leave_reason("close", typed.rest)
        self.close()
        return True

    def _leave_reason(self, form: str, words: str) -> None:
        details = self._situation.report
        key = self._forms.draft_key(form, details.source, details.key)
        self._forms.leave_words(key, "reason", words, self._situation.title_of(details))
