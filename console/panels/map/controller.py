"""The map: hands the page what the newest Views, the units and the areas look like; turns its picks into intents."""

from __future__ import annotations

import logging
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

import msgspec
import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from api_client.model import Area, AssignmentState, UnitState
from console.board.map_answer import UNLISTED_BIT, map_answer
from console.board.view import View
from console.cache.catalog import Cities, CityUnit, offered
from console.city_map.basemap import Basemap
from console.city_map.messages import LatLon
from console.panels import formatting
from console.panels.closures import Closures, ShownClosure
from console.panels.map.street_way import StreetWay
from console.panels.map.web_map import WebMapPictures
from console.panels.report.details import ReportDetails
from console.panels.report.recommendations import Recommendations
from console.panels.travel_times import speeds_text
from console.panels.units import STALE_S, is_stale
from console.panels.window_state import WindowState
from console.rules.area import GeometryFault, border_box
from console.rules.closure import corners
from console.rules.filter import Filter
from console.rules.scoped_code import ScopedCode
from console.rules.status import ORDER
from console.tasks import Tasks
from widgets.map.liveness import MOST_RELOADS, Loss
from widgets.map.panel import Box, MapPanel
from widgets.map.routes import Request
from widgets.notice import Notice

_log = logging.getLogger(__name__)
_KEPT_VIEWS = 3
_PART_ZOOM = 13.0
"""From here on a map shows a part of the city."""
_EDGE = 3.0
"""The percentiles of many places that are left out at each side: a far island must not shrink the rest."""

_FEW, _MANY = 10, 50
_FENCE, _LEAST_SPREAD = 3.0, 0.005
"""Tukey's outer fence: so many times the middle half's width (in degrees, no less than this) beyond it is far away."""

_MARGIN, _CITY_MARGIN, _LEAST_MARGIN = 0.06, 0.01, 0.003
_OUTSKIRTS = 0.25
"""An area belongs to what is shown of a city as far as this part of it outside nearly all others."""
_SAMPLE = 20_000


class MapController(QObject):
    """Binds the window's state to the map panel. Its handlers run on worker threads and only read immutable values."""

    place_picked = Signal(float, float)
    opened = Signal(int)
    notice_changed = Signal(object, bool)
    """A Notice while the map draws nothing, else None; whether it is off."""

    def __init__(
        self,
        window_state: WindowState,
        basemap: Basemap,
        tasks: Tasks,
        time_at: Callable[[str], datetime],
        parent: QObject | None = None,
        *,
        street_way: StreetWay | None = None,
        web_map: WebMapPictures | None = None,
        closures: Closures | None = None,
    ) -> None:
        """`street_way` knows the way of a crew by street, `web_map` has a provider's pictures; None where nothing does
        or has. `closures` are drawn.
        """
        super().__init__(parent)
        self._street_way, self._web_map, self._closures = street_way, web_map, closures
        self._drawn_closures, self._closures_number = b"[]", 0
        self._window_state, self._basemap, self._tasks, self._time_at = window_state, basemap, tasks, time_at
        self._views: OrderedDict[int, View] = OrderedDict()
        self._areas: bytes = b'{"type":"FeatureCollection","features":[]}'
        self._areas_number = 0
        self._corner = (0,) * 8
        self._outside: tuple[int, float, float] | None = None
        self._background_note = ""
        self._web_map_state: tuple[bool | None, int, int] = (None, 0, 0)
        self._panel: MapPanel | None = None
        self._shown_areas: dict[ScopedCode, Area] = {}
        self._fitted = False
        self._followed: Filter | None = None
        self._within: Box | None = None
        self._details: ReportDetails | None = None
        self._recommendations = Recommendations(0)
        self._crews: list[CityUnit] = []

    def handlers(self) -> dict[str, Callable[[Request], bytes | None]]:
        """What the page may ask for, by path prefix."""
        return {
            "reports": self._reports,
            "areas": lambda _: self._areas,
            "closures": lambda _: self._drawn_closures,
            "tiles": self._tile,
            "pictures": lambda request: self._web_map.picture(request) if self._web_map is not None else None,
        }

    def bind(self, panel: MapPanel) -> None:
        """Connect the panel, once it exists."""
        self._panel = panel
        window_state = self._window_state
        window_state.view_changed.connect(self._on_view)
        window_state.catalog_changed.connect(self._on_catalog)
        panel.report_picked.connect(self._on_report_picked)
        panel.view_changed.connect(lambda *_: self._look_outside())
        panel.unit_picked.connect(window_state.choose_unit)
        panel.cell_picked.connect(self._on_cell)
        panel.place_picked.connect(self.place_picked)
        panel.page_lost.connect(self._on_page_lost)
        panel.page_wanted.connect(lambda: self.notice_changed.emit(self._wanted_notice(), False))
        panel.page_well.connect(lambda: self.notice_changed.emit(None, False))
        panel.set_texts(self._texts())
        if self._street_way is not None:
            self._street_way.changed.connect(lambda: self.set_units(self._crews))
        if self._web_map is not None:
            self._web_map.changed.connect(self._show_web_map)
            self._web_map.came.connect(panel.bring_picture)
        if self._closures is not None:
            self._closures.changed.connect(self.show_closures)
        self._show_basemap(panel)
        self._show_web_map()

    def show_closures(self) -> None:
        """Draw the closures that are shown now, with what is told of them now."""
        closures = self._closures
        if closures is not None:
            shown = closures.shown
            self._tasks.latest("closures", lambda: closures_json(closures, shown), self._on_closures)

    def _on_closures(self, drawn: bytes) -> None:
        if drawn != self._drawn_closures:
            self._drawn_closures = drawn
            self._closures_number += 1
            if self._panel is not None:
                self._panel.set_closures(self._closures_number)

    def set_basemap(self, basemap: Basemap) -> None:
        """Draw another background from now on; the one before is closed."""
        before, self._basemap = self._basemap, basemap
        before.close()
        if self._panel is not None:
            self._show_basemap(self._panel)

    def set_background_note(self, text: str) -> None:
        """What the corner says while there is no background, "" for that there is none."""
        self._background_note = text
        if self._panel is not None:
            self._panel.set_notes(self._whose_background())

    def set_details(self, details: ReportDetails | None) -> None:
        """Ring the chosen report."""
        self._details = details
        if self._panel is None:
            return
        if details is None or details.shown.lat is None or details.shown.lon is None:
            self._panel.set_selection(None)
            return
        catalog = self._window_state.catalog(details.source)
        label = f"{details.shown.id if details.server else ''} {catalog.service_name(details.shown.service)}"
        shown = details.shown
        self._panel.set_selection(
            details.row, shown.lat, shown.lon, label.strip(), shown.priority, ORDER.index(shown.status)
        )

    def set_recommendations(self, recommendations: Recommendations) -> None:
        """Draw the way of the unit that is sent, or would be."""
        self._recommendations = recommendations
        self.set_units(self._crews)

    def go_to(self, details: ReportDetails) -> None:
        """Zoom to the chosen report."""
        if self._panel is not None and details.shown.lat is not None and details.shown.lon is not None:
            self._panel.go_to(details.shown.lat, details.shown.lon, 16)

    def looked_at(self) -> LatLon | None:
        """Where the operator looks: the middle of a map that shows a part of the city, else the chosen report; of a map
        of the whole city its middle, None before it is drawn.
        """
        seen = self._panel.last_view if self._panel is not None else None
        chosen = self._details.shown if self._details is not None else None
        is_part = seen is not None and seen[1] >= _PART_ZOOM
        if not is_part and chosen is not None and chosen.lat is not None and chosen.lon is not None:
            return chosen.lat, chosen.lon
        if seen is None:
            return None
        west, south, east, north = seen[0]
        return (south + north) / 2, (west + east) / 2

    def fit_to_list(self) -> None:
        """Let the map follow again what the filter shows."""
        if self._panel is not None:
            self._panel.set_locked(False)

    def go_to_unit(self, key: str) -> None:
        """Bring a unit into view, if it is not, at the zoom that is there."""
        unit = next((crew.unit for crew in self._crews if crew.key == key), None)
        if self._panel is not None and unit is not None and unit.lat is not None and unit.lon is not None:
            self._panel.reveal(unit.lat, unit.lon)

    def set_units(self, crews: list[CityUnit]) -> None:
        """Show these units where they are; off shift is never drawn."""
        self._crews = crews
        wanted, times, route = self._wanted_unit(), self._times(crews), self._route(crews)
        shown = [
            {
                "id": crew.key,
                "code": self._code(crew, times)
                if (crew.source, unit.id) == wanted
                else self._window_state.code_of(crew),
                "state_key": formatting.UNIT_SYMBOL[unit.state],
                "stale": is_stale(unit, times[crew.source]),
                "beside": unit.state is UnitState.ON_SCENE,
                "chosen": crew.key == self._window_state.unit,
                "near": (crew.source, unit.id) == wanted,
                "lat": unit.lat,
                "lon": unit.lon,
            }
            for crew in crews
            if (unit := crew.unit).lat is not None and unit.lon is not None and unit.state is not UnitState.OFF_SHIFT
        ]
        if self._panel is not None:
            self._panel.set_units(shown, route)
            notes = (self._units_note(crews, times), self._way_note() if route else "")
            self._panel.set_notes(self._whose_background(), " · ".join(note for note in notes if note))

    def _show_basemap(self, panel: MapPanel) -> None:
        panel.set_tiles(self._basemap.kind, *self._basemap.zooms)
        panel.set_background_state(self._no_background() if self._basemap.problem else None)
        panel.set_notes(self._whose_background())

    def _show_web_map(self) -> None:
        if self._panel is None or self._web_map is None:
            return
        web_map = self._web_map.web_map
        shown = None if web_map is None else self._web_map.is_shown
        state = (shown, web_map.max_zoom if web_map is not None else 0, self._web_map.round)
        if state != self._web_map_state:  # else only its note is another
            self._web_map_state = state
            self._panel.set_web_map(*state)
        self._panel.set_notes(self._whose_background())

    def _whose_background(self) -> str:
        if self._web_map is not None and self._web_map.is_shown:
            return self._web_map.note()
        if self._basemap.kind is not None:
            return self._basemap.attribution
        return self._background_note or self.tr("no street map here")

    def _times(self, crews: list[CityUnit]) -> dict[str, datetime]:
        """The present time by the clock of each of their sources."""
        return {source: self._time_at(source) for source in {crew.source for crew in crews}}

    def _route(self, crews: list[CityUnit]) -> list[tuple[float, float]]:
        """From the unit that is on its way to the chosen report, else from the one recommended first, to the report."""
        details, wanted = self._details, self._wanted_unit()
        if details is None or details.shown.lat is None or details.shown.lon is None or wanted is None:
            return []
        unit = next((one.unit for one in crews if (one.source, one.unit.id) == wanted), None)
        if unit is None or unit.lat is None or unit.lon is None:
            return []
        start, goal = (unit.lat, unit.lon), (details.shown.lat, details.shown.lon)
        return [start, goal] if self._street_way is None else self._street_way.line(start, goal)

    def _code(self, crew: CityUnit, times: Mapping[str, datetime]) -> str:
        """The code of the unit that is on its way to the chosen report, with the time of its arrival where the way by
        street is known: `U12 · 14:32`.
        """
        code, details = self._window_state.code_of(crew), self._details
        if self._street_way is None or details is None or crew.unit.state is not UnitState.EN_ROUTE:
            return code
        shown = details.shown
        if shown.lat is None or shown.lon is None or all(one.unit != crew.unit.id for one in details.live):
            return code
        seconds = self._street_way.seconds((shown.lat, shown.lon))
        if seconds is None:
            return code
        return f"{code} · {formatting.clock(times[crew.source] + timedelta(seconds=seconds), self._window_state.zone)}"

    def _wanted_unit(self) -> tuple[str, str] | None:
        """(Source, id) of the unit that is on its way to the chosen report, else of the one recommended first."""
        details = self._details
        if details is None:
            return None
        under_way = [one.unit for one in details.live if one.state is not AssignmentState.ON_SCENE]
        advised = [
            one.unit_id
            for one in self._recommendations.units
            if self._recommendations.row == details.row and not details.live
        ]
        wanted = next(iter(under_way + advised), None)
        return None if wanted is None else (details.source, wanted)

    def _units_note(self, crews: list[CityUnit], times: Mapping[str, datetime]) -> str:
        """How old the newest position is, by its own city's clock: all others are older."""
        known = ((times[crew.source], crew.unit.position_at) for crew in crews)
        ages = [(now - at, at, now) for now, at in known if at is not None]
        if not ages:
            return ""
        age, newest, now = min(ages)
        if age.total_seconds() > STALE_S:
            return self.tr("positions from {time}").format(time=formatting.moment(newest, self._window_state.zone, now))
        return self.tr("units {age}").format(age=formatting.age(age.total_seconds()))

    def _way_note(self) -> str:
        """By which of the city's speeds the way that is drawn was found; "" where that is without traffic."""
        way = self._street_way
        speeds = speeds_text(way.speeds_hour, self.tr, way.speeds_drives) if way is not None else ""
        return self.tr("way by {speeds}").format(speeds=speeds) if speeds else ""

    def _reports(self, request: Request) -> bytes | None:
        view = self._views.get(request.number) or self._window_state.view
        if view is None:
            return None
        answer = map_answer(
            view,
            request.west,
            request.south,
            request.east,
            request.north,
            request.zoom,
            self._window_state.row,
        )
        self._corner = struct.unpack_from("<8I", answer)
        return answer

    def corner(self) -> dict[str, int]:
        """What the map's corner says of the newest answer that the page was given."""
        _, view, _, symbols, in_cells, outside, placeless, flags = self._corner
        symbols -= flags >> UNLISTED_BIT
        return {"view": view, "symbols": symbols, "in_cells": in_cells, "outside": outside, "placeless": placeless}

    def _tile(self, request: Request) -> bytes | None:
        found = self._basemap.tile(request.z, request.x, request.y)
        return found[0] if found else None

    def _on_view(self, view: View) -> None:
        self._views[view.number] = view
        while len(self._views) > _KEPT_VIEWS:
            self._views.popitem(last=False)
        if not self._fitted and len(view.order):
            self._fit(places_of(view))
        if self._panel is not None:
            self._follow(view)
            self._panel.set_view(view.number, count=len(view.order))
            self._look_outside()

    def _on_catalog(self, cities: Cities) -> None:
        if cities.areas != self._shown_areas:
            self._shown_areas = cities.areas
            self._tasks.latest(
                "areas", lambda: (areas_geojson(cities), city_box(cities.areas.values())), self._on_areas
            )

    def _on_areas(self, found: tuple[bytes, Box | None]) -> None:
        self._areas, box = found
        self._areas_number += 1
        if self._panel is not None:
            self._panel.set_areas(self._areas_number)
            if box is not None:
                self._panel.set_city(box)
                self._fitted = True

    def _fit(self, places: npt.NDArray[np.float64]) -> None:
        """Let "the whole city" be where nearly all of it is: a far island must not shrink the rest."""
        if self._panel is None or not len(places):
            return
        self._panel.set_city(with_margin(extent(places), _CITY_MARGIN))
        self._fitted = True

    def _follow(self, view: View) -> None:
        """Auto-fit shows where the filter's reports are; while they stay within what is shown nothing moves."""
        assert self._panel is not None
        if msgspec.structs.replace(view.filter, order=Filter().order) == Filter():
            self._followed, self._within = view.filter, None
            self._panel.set_filtered(None)
            return
        places = places_of(view)
        if not len(places):
            return  # nothing to fit: the map stays
        box = extent(places)
        if view.filter == self._followed and self._within is not None and is_within(box, self._within):
            return
        self._followed, self._within = view.filter, with_margin(box, _LEAST_MARGIN)
        self._panel.set_filtered(self._within)

    def _look_outside(self) -> None:
        """Show at the map's edge how many P1 without a crew lie outside of it, whatever the filter, and how many are
        drawn although the filter leaves them out.
        """
        view, seen = self._window_state.view, self._panel.last_view if self._panel is not None else None
        if self._panel is None or view is None or seen is None:
            return
        (west, south, east, north), _ = seen
        snapshot = view.snapshot
        positions = snapshot.positions(view.hazards)
        positions = positions[snapshot.column("x")[positions] >= 0]
        lat, lon = (snapshot.column(name)[positions] * 1e-7 for name in ("lat_e7", "lon_e7"))
        is_out = (lat < south) | (lat > north) | (lon < west) | (lon > east)
        is_unlisted = ~view.mask[positions]
        out, here = np.flatnonzero(is_out), np.flatnonzero(is_unlisted & ~is_out)
        self._outside = None
        if len(out):
            first = out[0]
            self._outside = (int(snapshot.column("row")[positions[first]]), float(lat[first]), float(lon[first]))
        index = next(iter([*out, *here]), None)
        row = int(snapshot.column("row")[positions[index]]) if index is not None else 0
        unlisted = int(np.count_nonzero(is_unlisted & is_out))
        self._panel.set_outside(row, self._outside_words(len(out), unlisted, len(here)))

    def _outside_words(self, count: int, unlisted: int, here: int) -> str:
        """`1 P1 outside`; beside it the corner counts what the filter shows, so those that it leaves out are named."""
        if not count:
            return self.tr("{here} P1 here, not in this list").format(here=here) if here else ""
        words = self.tr("{n} P1 outside")
        if here:
            words = self.tr("{n} P1 outside, {unlisted} not in this list ({here} here)")
        elif unlisted == count:
            words = self.tr("{n} P1 outside, not in this list")
        elif unlisted:
            words = self.tr("{n} P1 outside, {unlisted} not in this list")
        return words.format(n=count, unlisted=unlisted + here, here=here)

    def _on_report_picked(self, row: int) -> None:
        self._window_state.choose(row)
        if self._outside is not None and row == self._outside[0] and self._panel is not None:
            self._panel.go_to(*self._outside[1:])

    def _on_cell(self, west: float, south: float, east: float, north: float) -> None:
        self._window_state.set_filter(self._window_state.filter.with_bbox((west, south, east, north)))

    def _on_page_lost(self, why: Loss) -> None:
        assert self._panel is not None
        _log.info("the map's page was lost: %s", why.value)
        off = self._panel.is_off
        self.notice_changed.emit(self._off_notice() if off else self._lost_notice(why), off)

    def _lost_notice(self, why: Loss) -> Notice:
        assert self._panel is not None
        if why is Loss.WRONG_COUNT:
            bold = self.tr("The map does not show all reports.")
        else:
            bold = self.tr("The map draws nothing.")
        text = self.tr("It is loaded again, {n} of {most}. Queue, reports and units work without it.")
        return Notice("warn", bold, text.format(n=self._panel.reloads, most=MOST_RELOADS))

    def _wanted_notice(self) -> Notice:
        return Notice("warn", self.tr("The map is loaded again."), self.tr("What it shows is not current yet."))

    def _off_notice(self) -> Notice:
        text = self.tr(
            "Loaded again {most} times; it is tried every two minutes. Queue, reports and units work without it."
        )
        again = ("reload_map", self.tr("Retry"), "")
        return Notice("warn", self.tr("Map off."), text.format(most=MOST_RELOADS), (again,))

    def _no_background(self) -> str:
        return self.tr("Map background unavailable. Reports and units are drawn from this computer.")

    def _texts(self) -> dict[str, str]:
        """The legend's words."""
        return {
            **{f"p{n}": f"P{n} {self.tr(text).lower()}" for n, text in formatting.PRIORITY_TEXT.items()},
            "unit_free": self.tr("Available"),
            "unit_enroute": self.tr("En route"),
            "unit_onscene": self.tr("On scene"),
            "unit_stale": self.tr("Stale"),
            "fill": self.tr("Fill:"),
            **{f"fill_{n}": self.tr(formatting.status_text(status)) for n, status in enumerate(ORDER)},
        }


def places_of(view: View) -> npt.NDArray[np.float64]:
    """The (lat, lon) of what a View shows, in degrees; of very many every so many-th."""
    placed = view.placed[:: max(1, len(view.placed) // _SAMPLE)]
    return np.column_stack([view.snapshot.column(name)[placed] * 1e-7 for name in ("lat_e7", "lon_e7")])


def extent(places: npt.NDArray[np.float64]) -> Box:
    """The box around (lat, lon) places: all of a few, of more those that are not far away, of many nearly all.

    What lies outside is counted in the map's corner.
    """
    if _FEW < len(places) <= _MANY:
        low, high = np.percentile(places, [25, 75], axis=0)
        reach = _FENCE * np.maximum(high - low, _LEAST_SPREAD)
        places = places[((places >= low - reach) & (places <= high + reach)).all(axis=1)]
    edge = _EDGE if len(places) > _MANY else 0.0
    (south, west), (north, east) = np.percentile(places, [edge, 100 - edge], axis=0)
    return float(west), float(south), float(east), float(north)


def city_box(areas: Iterable[Area]) -> Box | None:
    """The box around a city's areas with their borders, without those far away from nearly all others."""
    boxes = [box for area in areas if (box := _box_of(area)) is not None]
    if not boxes:
        return None
    all_boxes = np.array(boxes)
    middles = np.column_stack([all_boxes[:, [1, 3]].mean(axis=1), all_boxes[:, [0, 2]].mean(axis=1)])
    west, south, east, north = with_margin(extent(middles), _CITY_MARGIN, _OUTSKIRTS)
    near = (middles[:, 0] >= south) & (middles[:, 0] <= north) & (middles[:, 1] >= west) & (middles[:, 1] <= east)
    low, high = all_boxes[near][:, :2].min(axis=0), all_boxes[near][:, 2:].max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _box_of(area: Area) -> Box | None:
    """Around the border of an area, else its middle."""
    box = _box_of_border(area)
    if box is not None or area.lat is None or area.lon is None:
        return box
    return area.lon, area.lat, area.lon, area.lat


def with_margin(box: Box, least: float, part: float = _MARGIN) -> Box:
    """The box with that part of its larger side around it, and no less than `least` degrees."""
    west, south, east, north = box
    margin = max(least, part * max(north - south, east - west))
    return west - margin, south - margin, east + margin, north + margin


def is_within(box: Box, other: Box) -> bool:
    """Whether a box lies in another one."""
    return other[0] <= box[0] and other[1] <= box[1] and box[2] <= other[2] and box[3] <= other[3]


def areas_geojson(cities: Cities) -> bytes:
    """All areas as a FeatureCollection; those without a border as points (for their labels)."""
    features = []
    for area in offered(cities.areas):
        geometry = area.geometry if _box_of_border(area) is not None else None
        if geometry is None and area.lat is not None and area.lon is not None:
            geometry = {"type": "Point", "coordinates": [area.lon, area.lat]}
        if geometry is not None:
            properties = {"name": area.name, "level": area.level, "lat": area.lat, "lon": area.lon}
            features.append({"type": "Feature", "properties": properties, "geometry": geometry})
    return msgspec.json.encode({"type": "FeatureCollection", "features": features})


def closures_json(closures: Closures, shown: Iterable[ShownClosure]) -> bytes:
    """Closures as the page takes them: see `MapPanel.set_closures`."""
    return msgspec.json.encode(
        [
            {
                "key": one.key,
                "kind": one.closure.kind,
                "places": corners(one.closure.geometry),
                "width_m": one.closure.width_m,
                "waits": one.waits,
                "begins": not closures.has_begun(one),
                "lines": closures.lines(one),
            }
            for one in shown
        ]
    )


def _box_of_border(area: Area) -> Box | None:
    """The box around the area's border, None when it has none that can be drawn."""
    try:
        return border_box(area.geometry) if area.geometry is not None else None
    except GeometryFault:
        return None
