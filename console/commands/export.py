"""`sigap export`: write the reports that the queue shows under a filter, in its order, to a file; nothing personal."""

from __future__ import annotations

import contextlib
import csv
import errno
import os
import re
import sys
import tempfile
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import msgspec
import numpy as np

from api_client.model import MOST_EXPORTED, ExportNote, Report
from console import error_text
from console.board.round import LOCAL_ROWS, Played, Round, play, shown_edits
from console.board.snapshot import DUE_PAUSED, Fact
from console.board.view import CLOSED_LATELY_S, View
from console.cache.catalog import Cities, read_catalog
from console.cache.export_notes import keep_note
from console.cache.reader import CacheReader
from console.export import geopackage
from console.export.row import COLUMNS, ExportRow, Value
from console.outbox.work_file import read_outbox
from console.panels.formatting import thousands
from console.paths import existing_profile
from console.rules.edit import is_local
from console.rules.filter import Filter, FilterError
from console.rules.status import BY_STATUS
from console.settings import Settings, begin_settings, city_zone, operator_of, users_of

FORMATS = ("csv", "geojson", "gpkg", "pdf")

_AT_A_TIME = 500
_LAYER = "reports"
_FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
_FORMULA_BEHIND = re.compile(r"([;\t\r\n])(?=[^\S\t\r\n]*[=+\-@\uff1d\uff0b\uff0d\uff20])")
"""Where a cell begins for a spreadsheet that is set to semicolons, as it is where 1.5 is written 1,5: the quotation
marks around a text that holds commas mean nothing to it.
"""
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class Tally(msgspec.Struct):
    """How many reports of each source (by its key) were written, and the ids of the first ones."""

    rows: Counter[str] = msgspec.field(default_factory=Counter)
    ids: dict[str, list[str]] = msgspec.field(default_factory=dict)

    def add(self, source: str, report: str) -> None:
        """Count a report."""
        self.rows[source] += 1
        ids = self.ids.setdefault(source, [])
        if len(ids) <= MOST_EXPORTED:
            ids.append(report)


class Selection(msgspec.Struct, frozen=True):
    """What is exported: the reports of one View, read from the cache piece by piece."""

    view: View
    cities: Cities
    shown: dict[int, Report]
    zone: tzinfo
    source_names: dict[str, str]
    unseen: int = 0
    """How many reports of the outbox there was no row for, so that the filter was not asked about them."""
    tally: Tally = msgspec.field(default_factory=Tally)

    @property
    def heading(self) -> str:
        """The filter in words."""
        filter_ = self.view.filter
        chips = [text for _, text in filter_.chips(self.cities.name, self.zone)]
        return "; ".join([f"Queue: {filter_.tab}, by {filter_.order}", *chips])

    def rows(self, reader: CacheReader) -> Iterator[ExportRow]:
        """The reports in the queue's order; those that vanish from the cache meanwhile are left out."""
        order = self.view.order
        for start in range(0, len(order), _AT_A_TIME):
            yield from self._piece(reader, order[start : start + _AT_A_TIME])

    def _piece(self, reader: CacheReader, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Iterator[ExportRow]:
        cached = {one.row: one for one in reader.reports(rows)}
        for fact in self.view.row_facts(rows):
            known = cached.get(fact.row)
            report = self.shown.get(fact.row) or (known.report if known else None)
            source = known.source if known else self.cities.source(fact.source)
            if report is not None:
                if fact.row >= LOCAL_ROWS:  # else its server does not know it yet
                    self.tally.add(source, report.id)
                yield self._row(fact, source, report)

    def _row(self, fact: Fact, source: str, report: Report) -> ExportRow:
        placed = report.lat is not None and report.lon is not None
        catalog = self.cities.of(source)
        return ExportRow(
            number=_clean(report.id) if fact.row >= LOCAL_ROWS else "",
            source=_clean(self.source_names.get(source, source)),
            status=_clean(report.status_label or BY_STATUS[report.status].label),
            category=_clean(catalog.service_name(report.service)),
            priority=fact.priority,
            area=_clean(catalog.name("area", report.area)) if report.area else "",
            agency=_clean(catalog.agency_name(report.agency)),
            address=_clean(report.address),
            lat=report.lat if placed else None,
            lon=report.lon if placed else None,
            created=_local(report.created, self.zone),
            updated=_local(report.updated, self.zone),
            due=_moment(fact.due, self.zone) if fact.due and fact.due_state != DUE_PAUSED else None,
            description=_clean(report.description or report.title),
        )


def run_export(kind: str, out: Path, filter_text: str, profile: str) -> int:
    """Write the file and say how many reports are in it. Returns the exit code."""
    folder = existing_profile(profile)
    settings, mended = begin_settings(folder)
    if mended:
        error_text.warn(mended)
    reader = CacheReader(folder)
    try:
        unread = _unread(reader, settings) if reader.available else []
        reports = reader.counts()["reports"] if reader.available else 0
        if not reader.available or (unread and not reports):
            _say(f"sigap: there are no reports in profile {profile} yet. Bring them: sigap sync --once.")
            return error_text.LOCAL
        selection = select(folder, reader, settings, filter_text, datetime.now(UTC))
        now = datetime.now(UTC)
        written = write(
            kind, out, selection, reader, lambda: _keep_notes(folder, settings, kind, filter_text, selection.tally, now)
        )
    except FilterError as error:
        _say(f"sigap: {error}")
        return error_text.USAGE
    finally:
        reader.close()
    sys.stdout.write(f"{thousands(written)} reports are in {out}.\n")
    if unread:
        _say(
            f"sigap: {' and '.join(unread)} {'has' if len(unread) == 1 else 'have'} not been read whole yet "
            f"({thousands(reports)} reports are here so far): the file is not complete. "
            "Bring the rest: sigap sync --once."
        )
    if selection.view.tab == "closed" and not selection.view.filter.narrowed:
        _say(
            f"sigap: tab=closed alone holds what was closed in the last {CLOSED_LATELY_S // 3600} hours, as in the "
            "window. For all that were ever closed say more, such as tab=closed age>0h."
        )
    if selection.unseen:
        _say(f"sigap: {thousands(selection.unseen)} more reports that were made here and not sent are not in it.")
    return 0


def _unread(reader: CacheReader, settings: Settings) -> list[str]:
    """The names of the sources whose first fill has not ended."""
    cursors = reader.cursors()
    known = [(source.name, cursors.get(source.key)) for source in settings.sources]
    return [name for name, cursor in known if cursor is None or cursor.snapshot_key is not None]


def select(folder: Path, reader: CacheReader, settings: Settings, filter_text: str, now: datetime) -> Selection:
    """The View that a console on this profile would show at `now` under the filter, own unsent edits included.

    Raises FilterError, StoreError.
    """
    cities = read_catalog(reader)
    zone = city_zone(settings.sources)
    filter_ = Filter.parse(filter_text, zone=zone).resolved(cities.names(), cities.other_names())
    if filter_.circle is not None and filter_.circle.place is None:
        raise FilterError("Only the console finds a place by its words: write near=latitude/longitude/metres here.")
    played, unseen = _played(folder, reader, cities, filter_, zone, settings, now)
    names = {source.key: source.name for source in settings.sources}
    return Selection(played.view, cities, played.shown, zone, names, unseen)


def write(
    kind: str, out: Path, selection: Selection, reader: CacheReader, complete: Callable[[], None] = lambda: None
) -> int:
    """Write `out` whole or not at all (a file of that name stays until the new one is complete), for its owner only.

    `complete` is called when all is written and not yet in its place; if it fails there is no file.
    Returns how many reports are in it. Raises OSError, StoreError.
    """
    if out.is_dir():
        raise IsADirectoryError(errno.EISDIR, "this is a folder, not a file", str(out))
    if not out.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(out.parent))
    handle, name = tempfile.mkstemp(prefix=f".{out.name[:40]}.", dir=out.parent)
    os.close(handle)
    fresh = Path(name)
    try:
        written = _WRITERS[kind](fresh, selection, selection.rows(reader))
        with fresh.open("rb+") as file:
            os.fsync(file.fileno())
        complete()
        fresh.replace(out)
    except BaseException:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise
    return written


def cell(value: Value) -> str:
    """A value as a CSV cell that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, str):
        text = _FORMULA_BEHIND.sub(r"\1'", value)
        return f"'{text}" if _FORMULA.match(text) else text
    return str(value)


def _write_csv(path: Path, _: Selection, rows: Iterator[ExportRow]) -> int:
    written = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:  # the mark tells Excel that it is UTF-8
        out = csv.writer(file)
        out.writerow(COLUMNS)
        for row in rows:
            out.writerow([cell(value) for value in msgspec.structs.astuple(row)])
            written += 1
    return written


def _write_geojson(path: Path, _: Selection, rows: Iterator[ExportRow]) -> int:
    written = 0
    with path.open("wb") as file:
        file.write(b'{"type":"FeatureCollection","features":[')
        for row in rows:
            properties = msgspec.structs.asdict(row)
            lat, lon = properties.pop("lat"), properties.pop("lon")
            geometry = None if lat is None else {"type": "Point", "coordinates": [lon, lat]}
            feature = {"type": "Feature", "geometry": geometry, "properties": properties}
            file.write((b",\n" if written else b"\n") + msgspec.json.encode(feature))
            written += 1
        file.write(b"\n]}\n")
    return written


def _write_gpkg(path: Path, _: Selection, rows: Iterator[ExportRow]) -> int:
    kinds = {"priority": "INTEGER", "lat": "REAL", "lon": "REAL"} | dict.fromkeys(
        ("created", "updated", "due"), "DATETIME"
    )
    columns = [geopackage.Column(name, kinds.get(name, "TEXT")) for name in COLUMNS]
    features = (geopackage.Feature(row.lat, row.lon, tuple(map(_stored, msgspec.structs.astuple(row)))) for row in rows)
    return geopackage.write_geopackage(path, _LAYER, columns, features)


def _write_pdf(path: Path, selection: Selection, rows: Iterator[ExportRow]) -> int:
    from console.export.pdf import write_pdf  # Qt's painting, which the other formats do without

    return write_pdf(path, selection.heading, len(selection.view.order), rows, datetime.now(selection.zone))


_WRITERS: dict[str, Callable[[Path, Selection, Iterator[ExportRow]], int]] = {
    "csv": _write_csv,
    "geojson": _write_geojson,
    "gpkg": _write_gpkg,
    "pdf": _write_pdf,
}


def _played(
    folder: Path,
    reader: CacheReader,
    cities: Cities,
    filter_: Filter,
    zone: tzinfo,
    settings: Settings,
    now: datetime,
) -> tuple[Played, int]:
    outbox = read_outbox(folder)
    users, me = users_of(settings.sources), _me(settings)
    edits = shown_edits(outbox.edits, lambda edit: edit.author not in ("", users.get(edit.source, me)))
    created_here = [key for _, key in edits if is_local(key) and key not in outbox.remote]
    job = Round(
        snapshot=None,
        rows=(),
        edits=edits,
        local_rows=dict(zip(created_here, range(1, LOCAL_ROWS), strict=False)),
        remote=outbox.remote,
        cities=cities,
        filter=filter_,
        zone=zone,
        number=1,
        me=me,
        names=users,
    )
    return play(job, reader, int(now.timestamp())), max(0, len(created_here) - len(job.local_rows))


def _keep_notes(folder: Path, settings: Settings, kind: str, filter_text: str, tally: Tally, now: datetime) -> None:
    """What the audit logs of the sources' servers will be told; only Dispatch servers have one."""
    for source in settings.sources:
        if source.kind == "dispatch" and (rows := tally.rows[source.key]):
            ids = tuple(tally.ids[source.key]) if rows <= MOST_EXPORTED else ()
            keep_note(
                folder,
                source.key,
                ExportNote(
                    id=str(uuid.uuid4()),
                    at=now,
                    format=kind,
                    filter=filter_text[:2_000],
                    rows=rows,
                    by=source.user,
                    reports=ids,
                ),
            )


def _me(settings: Settings) -> str:
    return operator_of(settings) or "local"


def _clean(text: str) -> str:
    """Without what cannot be encoded or printed; tabs and line breaks stay."""
    return _UNPRINTABLE.sub("", text)


def _moment(unix_s: int, zone: tzinfo) -> datetime | None:
    try:
        return _local(datetime.fromtimestamp(unix_s, UTC), zone)
    except (ValueError, OverflowError, OSError):  # rounded up past the end of the calendar
        return None


def _local(moment: datetime, zone: tzinfo) -> datetime:
    try:
        local = moment.astimezone(zone)
    except OverflowError:  # at the ends of the calendar
        return moment
    offset = local.utcoffset()
    # Before standard time a zone was seconds apart from UTC, which RFC 3339 cannot write.
    return moment if offset is None or offset.total_seconds() % 60 else local


def _stored(value: Value) -> geopackage.Value:
    return geopackage.moment_text(value) if isinstance(value, datetime) else value


def _say(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")
