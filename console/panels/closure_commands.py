"""Close a street, mark a flooded area, change it, open it again: on the map, at a report, or out of a list."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

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
from console.rules.closure import DEFAULT_WIDTH_M, ClosureFault, check_shape, circle, corners, middle
from console.rules.place import coordinates
from widgets.forms.choice import ListChoice
from widgets.forms.closure import DRAWN, ClosureForm, Corners

_STREET = "street"
"""The extent that is the stretch of street at the place; the others are radii in metres."""
_KEPT = "kept"
_MOST_CORNERS = 200
_RADII_M = (50, 100, 250, 500)
_HOURS = (1, 2, 4, 8, 24)
_FLOOD = "flood"
"""The drawing of categories that are about water, whatever a city calls them."""


class DrawsAreas(Protocol):
    """The map, as far as areas are drawn on it."""

    def start(self, corners: Sequence[LatLon], then: Callable[[Corners | None], object]) -> None:
        """Let an area be drawn, or these corners be gone on with; `then` gets its corners, None when it was left."""

    def show(self, corners: Sequence[LatLon]) -> None:
        """Show an area that was drawn before."""

    def forget(self) -> None:
        """Nothing is drawn any more."""


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
        drawing: DrawsAreas,
        parent: QObject | None = None,
        *,
        reveal: Callable[[float, float], object] = lambda _lat, _lon: None,
    ) -> None:
        """`ask` asks the map process; `map_middle` is the place in the middle of the map, `reveal` brings one in view,
        `drawing` lets an area be drawn; closures of no report go to `first_source`.
        """
        super().__init__(parent)
        self._window_state, self._closures, self._edit_commands = window_state, closures, edit_commands
        self._forms, self._situation, self._ask, self._first_source = forms, situation, ask, first_source
        self._time_at, self._map_middle, self._reveal, self._drawing = time_at, map_middle, reveal, drawing
        self._drawn_for: ClosureForm | None = None
        """The form whose area is on the map; another may be opened before it is gone."""

    def close_at_report(self) -> None:
        """At the chosen report: its closure says that it comes from there."""
        details = self._situation.report
        shown = details.shown
        if shown.lat is None or shown.lon is None:
            return
        glyph = self._window_state.catalog(details.source).glyph(shown.service)
        kind = ClosureKind.FLOOD if glyph == _FLOOD else ClosureKind.STREET
        number = details.key if details.server is not None else None
        draft_key = self._forms.draft_key("close_here", details.source, details.key)
        self._begin((shown.lat, shown.lon), details.source, number, kind, draft_key)

    def close_at_middle(self) -> None:
        """In the middle of the map."""
        place = self._map_middle()
        if place is None:
            self.message.emit(self.tr("The map shows nothing yet"))
        else:
            self.close_at(place)

    def close_at(self, place: LatLon) -> None:
        """At a place of the map."""
        self._begin_at(place, ClosureKind.STREET)

    def draw(self, place: LatLon | None = None) -> None:
        """An area that is drawn on the map, corner by corner; `place` is where that was asked for."""
        place = place or self._map_middle()
        if place is None:
            self.message.emit(self.tr("The map shows nothing yet"))
            return
        form = self._begin_at(place, ClosureKind.FLOOD, DRAWN)
        if not form.area:
            form.draw_asked.emit()

    def go_on(self, source: str, place: str) -> None:
        """Open the form again that was left at a place, as its draft names it."""
        lat, _, lon = place.partition(",")
        self._begin_at((float(lat), float(lon)), ClosureKind.STREET, source=source)

    def _begin_at(self, place: LatLon, kind: ClosureKind, extent: str = "", source: str = "") -> ClosureForm:
        source = source or self._first_source()
        lat, lon = (round(part, 6) for part in place)
        draft_key = self._forms.draft_key("close_street", source, f"{lat},{lon}")
        return self._begin((lat, lon), source, None, kind, draft_key, extent)

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

    def change(self, key: str) -> bool:
        """Ask what is otherwise by now; `ended` is one of its ends. False when it is over already."""
        one = self._closures.find(key)
        if one is None:
            self._say_over()
            return False
        closure = one.closure
        kept = self.tr("as it is: {end}").format(end=self._closures.end_text(one))
        untils = [("kept", kept), *self._untils(), ("now", self.tr("Open it now"))]
        extents = [(_KEPT, self.tr("where it is")), (DRAWN, self.tr("drawn anew, or its corners moved, on the map"))]
        known = {"kind": closure.kind.value, "until": "kept", "words": closure.words, "said_by": closure.said_by}
        known["extent"] = _KEPT

        def commit(values: dict[str, Any]) -> None:
            if values["until"] == "now":
                self.end(key)
            else:
                self._change(one, values, known)

        form = self._forms.closure(
            self.tr("Change the closure"), self._closures.name(one), self._kinds(), extents, untils, known,
            self.tr("Change"), self._forms.draft_key("change_closure", one.source, closure.id), commit,
            extents_last=True,
        )  # fmt: skip
        before = tuple(corners(closure.geometry)) if isinstance(closure.geometry, ClosedArea) else ()
        self._let_draw(form, extents[-1][1], before)
        return True

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
        if values["extent"] == DRAWN:
            data["geometry"] = msgspec.to_builtins(_area_of(values["area"]))
        if data:
            self._edit_commands.change_closure(
                one.source, one.closure, data, self._closures.name(one), self.tr("Change the closure")
            )

    def _begin(
        self, place: LatLon, source: str, report: str | None, kind: ClosureKind, draft_key: str, extent: str = ""
    ) -> ClosureForm:
        """The form opens at once, as what is typed next is for it; the street is known a moment later."""
        around = self.tr("{radius} around")
        extents = [(_STREET, self.tr("The street here, to its next corners"))]
        extents += [(str(radius), around.format(radius=formatting.distance(radius))) for radius in _RADII_M]
        asking = self.tr("An area, drawn on the map")
        extents.append((DRAWN, asking))
        extent = extent or (_STREET if kind is ClosureKind.STREET else "100")
        known = {"kind": kind.value, "extent": extent, "until": "4"}
        found: list[StretchFound] = []

        def commit(values: dict[str, Any]) -> None:
            self._close(place, source, report, found[-1], values)

        form = self._forms.closure(
            self.tr("Close a street, mark a flooded area"), coordinates(*place), self._kinds(), extents,
            self._untils(), known, self.tr("Close"), draft_key, commit,
        )  # fmt: skip
        self._let_draw(form, asking)
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
        return form

    def _let_draw(self, form: ClosureForm, asking: str, before: Corners = ()) -> None:
        """Have an area drawn when the form asks for it, on from the corners `before`; it is gone with the form.

        `asking` are the words of the extent while nothing is drawn.
        """

        def draw() -> None:
            self._drawn_for = form
            self._forms.make_way(form)
            self._drawing.start(form.area or before, take)

        def take(corners: Corners | None) -> None:
            if not isValid(form) or form.is_done:
                return
            self._forms.bring_back(form)
            if corners is not None:
                form.set_area(corners)
            else:
                show()

        def show() -> None:
            area = form.area
            words = self.tr("The area that was drawn, {n} corners").format(n=len(area))
            form.set_extent(DRAWN, words if area else asking)
            self._drawn_for = form
            self._drawing.show(area)

        def forget() -> None:
            # protects: a-form-ends-its-own-drawing-only
            if self._drawn_for is form:
                self._drawn_for = None
                self._drawing.forget()

        form.draw_asked.connect(draw)
        form.area_changed.connect(show)
        form.destroyed.connect(lambda: forget())
        if form.area:  # of a draft
            show()

    def _close(
        self, place: LatLon, source: str, report: str | None, stretch: StretchFound, values: dict[str, Any]
    ) -> None:
        data: dict[str, Any] = {"kind": values["kind"], "until": self._end_of(source, values["until"])}
        geometry: ClosedArea | ClosedLine
        if values["extent"] == DRAWN:
            geometry = _area_of(values["area"])
        elif values["extent"] == _STREET:
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


def area_fault(places: Sequence[LatLon]) -> str:
    """Why these three or more corners are no area that can be closed, "" when they are."""
    try:
        check_shape(_area_of(places))
    except ClosureFault as fault:
        return str(fault)
    return ""


def _area_of(places: Sequence[LatLon]) -> ClosedArea:
    ring = tuple((round(lon, 7), round(lat, 7)) for lat, lon in places)
    return ClosedArea(((*ring, ring[0]),))


def _line_of(line: bytes) -> ClosedLine:
    """The points of a stretch of street, of very many every n-th."""
    points = np.frombuffer(line, "<i4").reshape(-1, 2)
    step = -(-len(points) // _MOST_CORNERS) or 1
    thin = points if step == 1 else np.concatenate([points[:-1:step], points[-1:]])
    return ClosedLine(tuple((lon / 1e7, lat / 1e7) for lat, lon in thin.tolist()))
