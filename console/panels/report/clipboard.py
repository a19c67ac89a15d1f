"""What of the chosen report or unit can be copied: its number, its coordinates, its link, all of it in one line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from urllib.parse import quote

from PySide6.QtCore import QObject, Signal

from api_client.model import Report
from console.panels import formatting
from console.panels.report.details import ReportDetails
from console.panels.window_state import WindowState
from console.rules.messages import Source

_SHOWN = 60


def coordinates(report: Report) -> str:
    """Latitude and longitude with five digits, about a metre; "" without a place."""
    if report.lat is None or report.lon is None:
        return ""
    return f"{report.lat:.5f}, {report.lon:.5f}"


def link_of(source: Source, number: str) -> str:
    """The address at which a report can be read: the citizens' page of its server, or its entry in an Open311
    service.
    """
    base, path = source.url.rstrip("/"), quote(number, safe="")
    return f"{base}/r/{path}" if source.kind == "dispatch" else f"{base}/requests/{path}.json"


class ReportClipboard(QObject):
    """Puts texts on the clipboard, and says which."""

    message = Signal(str)

    def __init__(
        self,
        window_state: WindowState,
        chosen: Callable[[], ReportDetails | None],
        source_of: Callable[[str], Source | None],
        zone: tzinfo,
        now: Callable[[], datetime],
        put: Callable[[str], object],
        parent: QObject | None = None,
    ) -> None:
        """`source_of` finds a source by its key; `put` takes a text to the clipboard."""
        super().__init__(parent)
        self._window_state, self._chosen, self._source_of, self._put = window_state, chosen, source_of, put
        self._zone, self._now = zone, now

    def copy(self, text: str) -> None:
        """Any text."""
        self._copy(text)

    def copy_number(self) -> None:
        """The chosen report's number."""
        if (details := self._chosen()) is not None and details.server is not None:
            self._copy(details.shown.id)

    def copy_place(self) -> None:
        """Its coordinates."""
        if (details := self._chosen()) is not None:
            self._copy(coordinates(details.shown))

    def copy_link(self) -> None:
        """Copy the report's address (see `link_of`)."""
        details = self._chosen()
        source = self._source_of(details.source) if details is not None else None
        if details is not None and source is not None and details.server is not None:
            self._copy(link_of(source, details.shown.id))

    def copy_row(self) -> None:
        """All that one would say of it in one line, its number first."""
        if (details := self._chosen()) is not None:
            self._copy(self.line_of(details))

    def copy_unit(self) -> None:
        """The chosen unit: code, state, position."""
        crew = self._window_state.cities.crew(self._window_state.unit)
        if crew is None:
            return
        unit = crew.unit
        place = f"{unit.lat:.5f}, {unit.lon:.5f}" if unit.lat is not None and unit.lon is not None else ""
        parts = (
            self._window_state.code_of(crew),
            self.tr(formatting.UNIT_TEXT[unit.state]),
            ", ".join(unit.skills),
            place,
        )
        self._copy("; ".join(part for part in parts if part))

    def line_of(self, details: ReportDetails) -> str:
        """Id, category, words, status, place and time of a report in one line."""
        report, catalog = details.shown, self._window_state.catalog(details.source)
        parts = (
            report.id if details.server is not None else self.tr("not sent yet"),
            f"P{report.priority} {catalog.service_name(report.service)}",
            " ".join((report.description or report.title).split()),
            self.tr(formatting.status_text(report.status, report.status_label)),
            ", ".join(part for part in (report.address, catalog.place(report.area) if report.area else "") if part),
            coordinates(report),
            formatting.day_and_clock(report.created, self._zone, self._now()),
        )
        return "; ".join(part for part in parts if part)

    def _copy(self, text: str) -> None:
        self._put(text)
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        self.message.emit(self.tr("Copied: {text}").format(text=shown))
