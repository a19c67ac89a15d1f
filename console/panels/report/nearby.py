"""What is known already of the place in the form of a new report, found in the cache by a worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
from PySide6.QtCore import QObject

from api_client.model import Service
from console.advice.duplicates import WIDE_RADIUS_M, Duplicate, Spot, earlier_reports, reach_of
from console.board.view import View
from console.cache.catalog import Catalog
from console.cache.reader import CacheReader
from console.panels import formatting
from console.panels.report.recommendations import distance_of
from console.panels.window_state import WindowState
from console.rules.loaded import Loaded
from console.rules.status import ORDER, is_open
from console.tasks import Tasks
from widgets.forms.nearby_reports import MOST_NEARBY, NearbyReport


class NearbyFound(msgspec.Struct, frozen=True):
    """The first rows of `count` reports near a place; `looked_for` says in short what was looked for, `none` in a
    sentence that there is none, or why nothing was looked for.
    """

    rows: tuple[NearbyReport, ...] = ()
    looked_for: str = ""
    count: int = 0
    none: str = ""


class NearbyFinder(QObject):
    """Finds the earlier reports of a place: the open and the lately closed ones of the same kind, and P1s near it."""

    def __init__(
        self,
        window_state: WindowState,
        tasks: Tasks,
        reader: Callable[[], CacheReader],
        time_at: Callable[[str], datetime],
        parent: QObject | None = None,
    ) -> None:
        """`time_at` is the time by a source's clock."""
        super().__init__(parent)
        self._window_state, self._tasks, self._reader, self._time_at = window_state, tasks, reader, time_at

    def find(self, source: str, values: Mapping[str, Any], then: Callable[[NearbyFound], None]) -> None:
        """Look around the place in the form of a new report for this source; `values` are those of the form."""
        view, cities, reader = self._window_state.view, self._window_state.cities, self._reader
        lat, lon = values.get("lat"), values.get("lon")
        if lat is None or lon is None:
            then(NearbyFound(none=self.tr("Looked for as soon as the place is known.")))
            return
        if view is None:
            then(NearbyFound(none=self.tr("Not known yet: the reports are still being read.")))
            return
        service = str(values.get("service") or "") or None
        spot = Spot(lat, lon, service, str(values.get("text", "")))
        within_m, now_s = float(values.get("within_m") or 0.0), int(self._time_at(source).timestamp())
        catalog, number = cities.of(source), cities.source_number(source)
        looked_for, none = self._words(catalog.services.get(service or ""), within_m, view.loaded)

        def look() -> NearbyFound:
            found = earlier_reports(
                view.snapshot,
                spot,
                now_s,
                source=number,
                catalog=catalog,
                texts=reader().texts,
                most=MOST_NEARBY,
                within_m=within_m,
            )
            return NearbyFound(
                _nearby_rows(found[:MOST_NEARBY], view, catalog, reader(), now_s), looked_for, len(found), none
            )

        self._tasks.latest("nearby", look, then)

    def _words(self, service: Service | None, within_m: float, loaded: Loaded) -> tuple[str, str]:
        """What was looked for near a place that itself may be `within_m` metres off: in short, and that it is not
        there.
        """
        radius, window_s = reach_of(service)
        near, far = formatting.distance(radius + within_m), formatting.distance(WIDE_RADIUS_M + within_m)
        time = self.tr("24 h") if window_s <= _DAY_S else self.tr("{n} d").format(n=round(window_s / _DAY_S))
        short = self.tr("this kind {near}, {time} · P1 {far}")
        whole = self.tr(
            "None of this kind within {near} that is open or was changed in {time}, no open P1 within {far}."
        )
        if service is None:
            short = self.tr("every kind {near}, {time} · P1 {far}")
            whole = self.tr("None within {near} that is open or was changed in {time}, no open P1 within {far}.")
        if loaded < Loaded.REPORTS:
            short = self.tr("not all read yet")
            whole = self.tr("{none} Not all reports have been read yet.").replace("{none}", whole)
        return short.format(near=near, far=far, time=time), whole.format(near=near, far=far, time=time)


_DAY_S = 86400


def rows_of(
    rows: Sequence[int], view: View, catalog: Catalog, reader: CacheReader, now_s: float
) -> tuple[NearbyReport, ...]:
    """Reports, by their local rows, as rows of a form; those that are not here any more are left out."""
    texts = {one.row: one for one in reader.texts(rows)}
    facts = {one.row: one for one in view.snapshot.facts(rows)}
    services = catalog.words.get("service", {})
    return tuple(
        NearbyReport(
            key=row,
            number=texts[row].remote_id,
            service=catalog.service_name(services.get(facts[row].service)),
            text=texts[row].description or texts[row].title,
            age=formatting.age(max(0.0, now_s - facts[row].created)),
            state=formatting.status_text(ORDER[facts[row].status]),
            distance="",
            priority=facts[row].priority,
            status=facts[row].status,
            letter=formatting.letter(ORDER[facts[row].status]),
            letter_token=formatting.LETTER_TOKENS[ORDER[facts[row].status]],
            where=texts[row].address,
            takes_more=is_open(ORDER[facts[row].status]),
        )
        for row in rows
        if row in texts and row in facts
    )


def _nearby_rows(
    found: Sequence[Duplicate], view: View, catalog: Catalog, reader: CacheReader, now_s: int
) -> tuple[NearbyReport, ...]:
    away = {one.row: distance_of(one) for one in found}
    rows = rows_of(list(away), view, catalog, reader, now_s)
    return tuple(replace(row, distance=away[row.key]) for row in rows)
