"""Keep a report that was deleted at the server as a new one: what the form holds, what the new report says of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from typing import Any

from PySide6.QtCore import QObject, Signal

from api_client.model import Kind
from console.panels import formatting
from console.panels.edit_commands import EditCommands
from console.panels.forms.forms import Forms
from console.panels.qt_outbox import QtOutbox
from console.panels.report.conflict_text import deleted_text
from console.panels.report.history import edit_text
from console.panels.window_state import WindowState
from console.rules.edit import Edit, is_order
from console.rules.queued import EditState, Queued, StopReason
from console.rules.recreate import known_of


class RecreateForm(QObject):
    """Opens the form of a new report with what is known of the deleted one, and makes it when the operator says so."""

    message = Signal(str)

    def __init__(
        self,
        window_state: WindowState,
        outbox: QtOutbox,
        edit_commands: EditCommands,
        forms: Forms,
        zone: tzinfo,
        now: Callable[[], datetime],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._window_state, self._outbox, self._edit_commands, self._forms = window_state, outbox, edit_commands, forms
        self._zone, self._now = zone, now

    def open(self, edit_id: str) -> None:
        """Ask for what the new report is to say."""
        going = self._outbox.goes_along(edit_id)
        if not going:
            return
        chosen = next(one for one in going if one.edit.id == edit_id)
        source = chosen.edit.source
        if why := self._outbox.why_refused(source, Kind.CREATE):
            self.message.emit(why)
            return
        number = self._number(chosen.edit)
        known = known_of([one.edit for one in going])
        self._forms.new_report(
            source,
            lambda data: self._keep(chosen, number, known, data),
            draft_key=self._outbox.draft_key("keep", source, number),
            title=self.tr("Keep as a new report"),
            sentence=self._sentence(number, going, chosen),
            known=known,
        )

    def _keep(self, chosen: Queued, number: str, known: dict[str, Any], typed: dict[str, Any]) -> None:
        kept = {name: value for name, value in known.items() if name not in _ASKED}
        if any(known.get(name) != typed.get(name) for name in ("lat", "lon")):
            for name in ("area", "within_m"):  # it lies somewhere else, and the server knows where that belongs
                kept.pop(name, None)
        asked = self._window_state.catalog(chosen.edit.source).services.get(str(typed.get("service") or ""))
        if asked is not None and "attributes" in kept:  # what the form asks stands in its answers, or was taken out
            codes = {one.code for one in asked.attributes}
            kept["attributes"] = {code: said for code, said in kept["attributes"].items() if code not in codes}
        data = {**kept, **typed}
        data["channel"] = known.get("channel", typed["channel"])
        source = chosen.edit.source
        title = self._window_state.catalog(source).service_name(data.get("service"))
        if self._edit_commands.keep_as_new(
            source, chosen.edit.id, data, title, lambda untransferred: self._note(number, chosen, untransferred)
        ):
            self.message.emit(self.tr("Kept as a new report: {name}").format(name=title))
        else:
            self.message.emit(self.tr("Nothing is left to keep: the outbox says what became of it"))

    def _number(self, edit: Edit) -> str:
        return self._outbox.remote_of(edit.report or "") or edit.report or ""

    def _sentence(self, number: str, going: Sequence[Queued], chosen: Queued) -> str:
        gone = deleted_text(chosen, self._zone, self._now(), self.tr)
        orders = sum(is_order(one.edit) for one in going)
        facts = len(going) - orders
        known = chosen.reason is not StopReason.CREATION_WITHDRAWN
        was = self.tr("Report {number} was {gone}.") if known else self.tr("The report was {gone}.")
        parts = [was.format(number=number, gone=gone)]
        if facts:
            along = self.tr("Your {n} edits go along." if facts > 1 else "Your edit goes along.")
            parts.append(along.format(n=facts))
        if orders:
            again = self.tr("{n} orders are asked about again." if orders > 1 else "Your order is asked about again.")
            parts.append(again.format(n=orders))
        return " ".join(parts)

    def _note(self, number: str, chosen: Queued, edits: Sequence[Edit]) -> str:
        """What tells everybody where the report comes from, and what was done to the old one only."""
        if chosen.reason is StopReason.ANOTHER_REPORT:
            kept = self.tr("Kept from report {number}, lost when the server was set back to an older state.")
        elif chosen.reason is StopReason.CREATION_WITHDRAWN:
            kept = self.tr("Kept from a report that was withdrawn where it was entered.")
        else:
            kept = self.tr("Kept from report {number}, deleted at the server.")
        lines = [kept.format(number=number)]
        if edits:
            lines.append(self.tr("Done there, and not sent:"))
        for edit in edits:
            when = formatting.day_and_clock(edit.occurred_at, self._zone, self._now())
            lines.append(
                f"{when} {edit_text(Queued(edit, EditState.QUEUED), self._window_state.catalog(edit.source), self.tr)}"
            )
        return "\n".join(lines)


_ASKED = frozenset({"service", "description", "address", "lat", "lon", "priority"})
"""What the form asks for: what stands in it is the operator's newest word, also when it is nothing."""
