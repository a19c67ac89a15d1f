"""Close a street, mark a flooded area, change it, open it again: on the map, at a report, or out of a list."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import numpy as np
from PySide6.QtCore import QObject, Signal
from shiboken6 import isValid

from api_client.model import ClosedArea, ClosedLine, ClosureKind
from console.city_map.messages import Answer, LatLon, StretchAt, StretchFound
from console.panels import formatting
from console.panels.closures import Closures, ShownClosure
from console.panels.edit_commands import EditCommands
from console.panels.forms.forms import Forms
from console.panels.situation import SituationMonitor
from console.panels.travel_times import AskMap
from console.panels.window_state import WindowState
from console.rules.closure import DEFAULT_WIDTH_M, circle, middle
from console.rules.place import coordinates
from widgets.forms.choice import ListChoice

_STREET = "street"
"""The extent that is the stretch of street at the place; the others are radii in metres."""
_MOST_CORNERS = 200
_RADII_M = (50, 100, 250, 500)
_HOURS = (1, 2, 4, 8, 24)
_FLOOD = "flood"
"""The drawing of categories that are about water, whatever a city calls them."""


class ClosureCommands(QObject):
    """Asks what is closed, and makes the edits."""

    message = Signal(str)

    def __init__(
        self,
        window_state: WindowState,
        closures: Closures,
        edit_commands: EditCommands,
        forms: Forms,
        situation: SituationMonitor,
        ask: AskMap,
        first_source: Callable[[], str],
        time_at: Callable[[str], datetime],
        map_middle: Callable[[], LatLon | None],
        parent: QObject | None = None,
        *,
        reveal: Callable[[float, float], object] = lambda _lat, _lon: None,
    ) -> None:
        """`ask` asks the map process; `map_middle` is the place in the middle of the map, `reveal` brings one in view;
        closures of no report go to `first_source`.
        """
        super().__init__(parent)
        self._window_state, self._closures, self._edit_commands = window_state, closures, edit_commands
        self._forms, self._situation, self._ask, self._first_source = forms, situation, ask, first_source
        self._time_at, self._map_middle, self._reveal = time_at, map_middle, reveal

    def close_at_report(self) -> None:
        """At the chosen report: its closure says that it comes from there."""
        details = self._situation.report
        shown = details.shown
        if shown.lat is None or shown.lon is None:
            return
        glyph = self._window_state.catalog(details.source).glyph(shown.service)
        kind = ClosureKind.FLOOD if glyph == _FLOOD else ClosureKind.STREET
        number = details.key if details.server is not None else None
        self._begin((shown.lat, shown.lon), details.source, number, kind)

    def close_at_middle(self) -> None:
        """In the middle of the map."""
        place = self._map_middle()
        if place is None:
            self.message.emit(self.tr("The map shows nothing yet"))
        else:
            self.close_at(place)

    def close_at(self, place: LatLon) -> None:
        """At a place of the map."""
        self._begin(place, self._first_source(), None, ClosureKind.STREET)

    def choose(self) -> None:
        """Show all closures in a list; the chosen one is brought into view, to be changed or ended."""
        rows = [ListChoice(one.key, self._closures.name(one), self._note(one)) for one in self._closures.shown]
        self._forms.choose(self.tr("Closed streets and flooded areas"), "", rows, self._on_chosen, width=640)

    def _note(self, one: ShownClosure) -> str:
        _, said, when, *more = self._closures.lines(one)
        return " · ".join(part for part in (when, *more, said) if part)

    def _on_chosen(self, key: str) -> None:
        if (one := self._closures.find(key)) is not None:
            self._reveal(*middle(one.closure.geometry))
            self.change(key)

    def change(self, key: str) -> None:
        """Ask what is otherwise by now; `ended` is one of its ends."""
        one = self._closures.find(key)
        if one is None:
            self._say_over()
            return
        closure = one.closure
        kept = self.tr("as it is: {end}").format(end=self._closures.end_text(one))
        untils = [("kept", kept), *self._untils(), ("now", self.tr("Open it now"))]
        known = {"kind": closure.kind.value, "until": "kept", "words": closure.words, "said_by": closure.said_by}

        def commit(values: dict[str, Any]) -> None:
            if values["until"] == "now":
                self.end(key)
            else:
                self._change(one, values, known)

        self._forms.closure(
            self.tr("Change the closure"), self._closures.name(one), self._kinds(), (), untils, known,
            self.tr("Change"), commit,
        )  # fmt: skip

    def end(self, key: str) -> None:
        """Open again what was closed."""
        one = self._closures.find(key)
        if one is None:
            self._say_over()
            return
        name = self._closures.name(one)
        self._edit_commands.end_closure(one.source, one.closure, name, self.tr("Open again"))
        self.message.emit(self.tr("Open again: {name}").format(name=name))

    def _say_over(self) -> None:
        self.message.emit(self.tr("It is over already"))

    def _change(self, one: ShownClosure, values: dict[str, Any], known: dict[str, str]) -> None:
        data = {name: values[name] for name in ("kind", "words", "said_by") if values[name] != known[name]}
        if values["until"] != "kept":
            data["until"] = self._end_of(one.source, values["until"])
        if data:
            self._edit_commands.change_closure(
                one.source, one.closure, data, self._closures.name(one), self.tr("Change the closure")
            )

    def _begin(self, place: LatLon, source: str, report: str | None, kind: ClosureKind) -> None:
        """The form opens at once, as what is typed next is for it; the street is known a moment later."""
        around = self.tr("{radius} around")
        extents = [(_STREET, self.tr("The street here, to its next corners"))]
        extents += [(str(radius), around.format(radius=formatting.distance(radius))) for radius in _RADII_M]
        known = {"kind": kind.value, "extent": _STREET if kind is ClosureKind.STREET else "100", "until": "4"}
        found: list[StretchFound] = []

        def commit(values: dict[str, Any]) -> None:
            self._close(place, source, report, found[-1], values)

        form = self._forms.closure(
            self.tr("Close a street, mark a flooded area"), coordinates(*place), self._kinds(), extents,
            self._untils(), known, self.tr("Close"), commit,
        )  # fmt: skip
        looking = self.tr("The street is being looked up")
        found.append(StretchFound())
        form.set_extent(_STREET, dict(extents)[_STREET], looking)

        def take(answer: Answer | None) -> None:
            if not isValid(form) or form.is_done:
                return
            if answer is None:
                why = self.tr("Streets cannot be looked up just now: choose how far around")
                form.set_extent(_STREET, self.tr("The street here: not known just now"), why)
                return
            if not isinstance(answer, StretchFound) or not answer.line:
                why = self.tr("No street of a map is here: choose how far around")
                form.set_extent(_STREET, self.tr("No street of a map is here"), why)
                return
            found.append(answer)
            words = self.tr("{street}, to its next corners, {length}")
            name = answer.street or self.tr("The street here")
            form.set_extent(_STREET, words.format(street=name, length=formatting.distance(answer.metres)))

        self._ask("stretch", StretchAt(place), take)

    def _close(
        self, place: LatLon, source: str, report: str | None, stretch: StretchFound, values: dict[str, Any]
    ) -> None:
        data: dict[str, Any] = {"kind": values["kind"], "until": self._end_of(source, values["until"])}
        geometry: ClosedArea | ClosedLine
        if values["extent"] == _STREET:
            geometry = _line_of(stretch.line)
            data["width_m"] = DEFAULT_WIDTH_M
        else:
            geometry = circle(*place, float(values["extent"]))
        data["geometry"] = msgspec.to_builtins(geometry)
        data |= {name: values[name] for name in ("words", "said_by") if values[name]}
        data |= {"report": report} if report is not None else {}
        name = dict(self._kinds())[values["kind"]]
        words = values["words"] or stretch.street
        title = f"{name}: {words}" if words else name
        self._edit_commands.close_street(source, str(uuid.uuid4()), data, title, name)

    def _end_of(self, source: str, hours: str) -> str | None:
        return (self._time_at(source) + timedelta(hours=float(hours))).isoformat() if hours != "open" else None

    def _kinds(self) -> list[tuple[str, str]]:
        return [
            (ClosureKind.FLOOD.value, self.tr("Flooded area")),
            (ClosureKind.STREET.value, self.tr("Closed street")),
            (ClosureKind.OTHER.value, self.tr("Closed for another reason")),
        ]

    def _untils(self) -> list[tuple[str, str]]:
        hours = [(str(hours), self.tr("{n} h").format(n=hours)) for hours in _HOURS]
        return [*hours, ("open", self.tr("until it is ended"))]


def _line_of(line: bytes) -> ClosedLine:
    """The points of a stretch of street, of very many every n-th."""
    points = np.frombuffer(line, "<i4").reshape(-1, 2)
    step = -(-len(points) // _MOST_CORNERS) or 1
    thin = points if step == 1 else np.concatenate([points[:-1:step], points[-1:]])
    return ClosedLine(tuple((lon / 1e7, lat / 1e7) for lat, lon in thin.tolist()))
