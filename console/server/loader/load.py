"""Loads one file of reports into a city: a first reading decides what holds for the whole file, a second one loads."""

from __future__ import annotations

import gc
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from api_client.model import Agency, Area, Report, Service
from console.rules.area import AreaIndex
from console.server.city.records import LoadedReport
from console.server.loader.convert import Converter, with_remark
from console.server.loader.csv_file import CsvFile
from console.server.loader.dialect import Dialect
from console.server.loader.dialects import Dialects, read_dialects
from console.server.loader.json_file import JsonFile
from console.server.loader.map_file import MapFile, scratch_folder
from console.server.loader.plain_file import is_map_file, plain_file
from console.server.loader.raw import CONTENT, DATES, FIELDS, RawReport, identity
from console.server.loader.reference_system import ReferenceSystem
from console.server.loader.refused_file import RefusedFile
from console.server.loader.repeats import Repeats
from console.server.loader.result import LoadError, LoadResult, Remark
from console.server.loader.sample import sample
from console.server.loader.services import ServiceBook, slug
from console.server.loader.status_words import StatusWords, candidates
from console.server.loader.times import DateColumn
from console.server.loader.xml_file import XmlFile

_MOST_WORDS = 2_000
"""More different categories, areas or agencies than this are no vocabulary; the rest is left out with a remark."""
_PROGRESS_EVERY = 500
_SWEPT_EVERY = 100_000
_SAMPLED, _OFFERED = 1_000, 3
_WEB_PAGE = re.compile(rb"<(?:!doctype\s+html|html)\b", re.IGNORECASE)


class ReportFile(Protocol):
    """A file of reports of any format; `has` are our fields that it names.

    `unit` is what its numbers count; `crs` the reference system of places that have to be converted; `headings` are
    its own names, or none where objects have their own.
    """

    dialect: Dialect
    has: frozenset[str]
    format: str
    unit: str
    crs: str | None
    headings: tuple[str, ...]

    @property
    def notes(self) -> list[str]:
        """Sentences for the summary."""

    def raws(self) -> Iterator[RawReport | Report | Remark]:
        """Every report as text or as one of ours, a Remark for what is none; may be read again and again."""


class LoadTarget(Protocol):
    """What the loader needs of a city."""

    def areas(self) -> Sequence[Area]:
        """All areas."""

    def services(self) -> Sequence[Service]:
        """All services."""

    def put_areas(self, areas: list[Area]) -> None:
        """Keep these areas."""

    def put_services(self, services: list[Service]) -> None:
        """Keep these services."""

    def put_agencies(self, agencies: list[Agency]) -> None:
        """Keep these agencies."""

    def load(self, rows: Iterable[LoadedReport]) -> None:
        """Keep these reports with their histories."""


def load_file(
    path: Path,
    city: LoadTarget,
    *,
    mapping: Path | None = None,
    timezone: str = "UTC",
    progress: Callable[[int], None] = lambda _: None,
    stopping: Callable[[], bool] = lambda: False,
    refused: Path | None = None,
) -> LoadResult:
    """Load a CSV export, a GeoReport or GeoJSON file into `city`; times without a zone are taken as of `timezone`.

    `mapping` is a mapping file that fits the file, or a folder of such files, of which one may.
    `progress` gets the number of reports loaded so far; `stopping` is asked before each line, and ends the loading with
    KeyboardInterrupt. `refused` is a file to make of the lines that are refused. Raises LoadError
    when the file as a whole is of no use.
    """
    dialects = read_dialects(mapping)
    given = dialects.given
    with (
        plain_file(path, given.encoding if given else None) as readable,
        opened(readable, path, dialects) as file,
        ExitStack() as stack,
        _refused_file(refused, file, given) as rejects,
        _seldom_swept(),
    ):
        zone = _zone(file.dialect.timezone or timezone)
        result = LoadResult(str(path), timezone=zone.key)
        result.format, result.unit = file.format, file.unit
        result.fields_found = tuple(name for name in FIELDS if name in file.has)
        if given is not None:
            _check_mapping(given, file, path)
        system = ReferenceSystem(file.crs, stack.enter_context(scratch_folder())) if file.crs is not None else None
        if system is not None:
            result.notes.append(f"places were converted from {file.crs} to degrees of WGS 84")
        file = _Readings(file, system, stopping)
        survey = _Survey(file)
        result.order_decided = survey.decide_order(file.dialect, zone)
        services = ServiceBook(city.services(), dict(file.dialect.services))
        areas = list(city.areas())
        made_areas = _make_areas(survey, areas)
        for code, name in survey.services:
            if services.find(code, name) is None:
                services.make(code, name)
        if services.created:
            city.put_services(services.created)
            result.notes.append(
                f"{len(services.created):,} categories of the file were added to the city's, all with priority 3: which"
                " of them are life and safety (1) is for the city to say (sigap city, services.csv)"
            )
        if made_areas:
            city.put_areas(made_areas)
            result.notes.append(
                f"{len(made_areas):,} areas are known by name alone: without borders no new report lies in them"
            )
        if survey.agencies:
            city.put_agencies([Agency(name, name) for name in survey.agencies])
        if "id" not in file.has and survey.rows:
            result.notes.append("the file has no ids; each report is named after what it says")
        if survey.rows:
            result.notes += _on_status(file, dialects, survey.words)
        index = AreaIndex(areas)
        by_word = {area.name.casefold(): area for area in (*areas, *made_areas)}
        by_word.update({area.code.casefold(): area for area in (*areas, *made_areas)})
        converter = Converter(
            file.dialect,
            dialects,
            file.has,
            survey.columns,
            zone,
            services,
            index,
            by_word,
            survey.words,
            datetime.now(UTC),
        )
        repeats = survey.repeats()
        del survey
        if repeats:
            _find_newest(file, converter, repeats)
        city.load(_loading(file, converter, repeats, result, progress, rejects))
        usual = file.dialect.usual_zone
        if result.assumed_zone and usual not in (None, zone.key):
            result.notes.append(f"times of {file.dialect.name} are usually of {usual}; --timezone {usual} would say so")
        if converter.no_degrees:
            result.notes.append(
                f"{converter.no_degrees:,} places are no degrees; where they are metres or feet of a reference system, "
                'crs = "EPSG:…" in a mapping converts them'
            )
        if converter.undated:
            result.notes.append(
                f"{converter.undated:,} lines have no time at all: reports of theirs that the city has already stay as "
                "they are"
            )
        result.notes += file.notes
        if rejects is not None:
            result.notes.append(_on_refused(rejects, result.refused_count))
    progress(result.loaded)
    return result


@contextmanager
def _seldom_swept() -> Iterator[None]:
    """Look for cycles of objects less often: rows make none, and the search takes a sixth of the time."""
    before = gc.get_threshold()
    gc.set_threshold(_SWEPT_EVERY, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def _refused_file(path: Path | None, file: ReportFile, given: Dialect | None) -> Iterator[RefusedFile | None]:
    if path is None:
        yield None
        return
    if isinstance(file, CsvFile):
        encoding = (given.encoding if given is not None else None) or "utf-8"
        rejects = RefusedFile(path, file.dialect, file.headings, file.delimiter, encoding)
    else:
        rejects = RefusedFile(path, file.dialect)
    try:
        yield rejects
    finally:
        rejects.close()


def _on_refused(rejects: RefusedFile, count: int) -> str:
    if not rejects.count:
        return f"nothing was refused that could be mended; {rejects.path} was not made"
    left = f" ({count - rejects.count:,} more have nothing to mend)" if count > rejects.count else ""
    return f"{rejects.count:,} refused are in {rejects.path}{left}: mend them there, then load that file"


def _check_mapping(mapping: Dialect, file: ReportFile, path: Path) -> None:
    missing = [f"{field} = {' or '.join(mapping.columns[field])}" for field in mapping.columns if field not in file.has]
    if not set(CONTENT) & file.has:
        if not missing:
            raise LoadError(f"The mapping names nothing in {path} that makes a report: {', '.join(CONTENT)}.")
        raise LoadError(f"The mapping file fits nothing in {path}; it does not have: {'; '.join(missing)[:300]}.")
    if missing:
        file.notes.append(f"the mapping names columns that the file does not have: {'; '.join(missing)[:300]}")


def _on_status(file: ReportFile, dialects: Dialects, words: StatusWords) -> list[str]:
    """What is to be said of the status: that no column was taken for it, or words that nobody knows."""
    if "status" in file.dialect.constants:
        return []
    known = dialects.plain.statuses
    if "status" in file.has:
        return [said] if (said := words.unknown(known, file.dialect.statuses)) else []
    # protects: no-status-is-said
    columns = sample(file.raws(), file.headings, _SAMPLED)
    closed = " (closed where it has a closing time)" if "closed" in file.has else ""
    found = "; ".join(f"{name}: {', '.join(words)}" for name, words in candidates(columns, known)[:_OFFERED])
    offer = f" It may be {found}. A mapping names it." if found else ""
    return [f"NO COLUMN WAS TAKEN FOR A STATUS: every report counts as new{closed}.{offer}"]


class _Readings:
    """A file whose places are converted to degrees while it is read, until somebody stops that."""

    def __init__(self, file: ReportFile, system: ReferenceSystem | None, stopping: Callable[[], bool]) -> None:
        self._file, self._system, self._stopping = file, system, stopping
        self.dialect, self.has, self.format, self.unit, self.crs = (
            file.dialect, file.has, file.format, file.unit, file.crs)  # fmt: skip
        self.headings = file.headings

    @property
    def notes(self) -> list[str]:
        """What the file itself has to say."""
        return self._file.notes

    def raws(self) -> Iterator[RawReport | Report | Remark]:
        """Every report, in degrees."""
        for raw in self._system.placed(self._file.raws()) if self._system is not None else self._file.raws():
            if self._stopping():
                raise KeyboardInterrupt
            yield raw


class _Survey:
    """What the first reading of a file tells: orders of dates, the vocabulary, and which ids come again."""

    def __init__(self, file: ReportFile) -> None:
        self.columns = {name: DateColumn(name) for name in DATES}
        self.services: dict[tuple[str, str], None] = {}
        self.areas: dict[str, None] = {}
        self.agencies: dict[str, None] = {}
        self.rows = 0
        self.words = StatusWords()
        self._ids = array("Q")
        for raw in file.raws():
            if isinstance(raw, RawReport):
                self._see(raw)
            elif isinstance(raw, Report):
                self.rows += 1
                self._ids.append(identity(raw.id))

    def _see(self, raw: RawReport) -> None:
        if not raw.is_report():
            return
        self.rows += 1
        self._ids.append(raw.identity())
        get = raw.values.get
        for name, column in self.columns.items():
            if text := get(name):
                column.see(text)
        if text := get("status"):
            self.words.see(text, bool(get("closed")))
        code, service = get("service_code", ""), get("service", "")
        if (code or service) and len(self.services) < _MOST_WORDS:
            self.services[code, service] = None
        if (area := get("area")) and len(self.areas) < _MOST_WORDS:
            self.areas[area[:200]] = None
        if (agency := get("agency")) and len(self.agencies) < _MOST_WORDS:
            self.agencies[agency[:200]] = None

    def repeats(self) -> Repeats:
        """The identities that stand on more than one line."""
        return Repeats(self._ids)

    def decide_order(self, dialect: Dialect, zone: ZoneInfo) -> str:
        """Fix day and month of every column; sentences about it."""
        for column in self.columns.values():
            if dialect.columns.get(column.name):
                column.name = dialect.columns[column.name][0]
        clear = {column.first_over_12 > column.then_over_12 for column in self.columns.values()
                 if column.first_over_12 != column.then_over_12}  # fmt: skip
        if len(clear) == 1:
            fallback, because = clear.pop(), "as the other columns; nothing in it decides"
        elif dialect.day_first is not None:
            fallback, because = dialect.day_first, f"as usual in files of {dialect.name}; nothing in it decides"
        else:
            fallback = not zone.key.startswith(("America/", "US/"))
            because = f"assumed for {zone.key}; nothing in it decides"
        said = [column.decide(fallback, because) for column in self.columns.values()]
        return "; ".join(sentence for sentence in said if sentence)


def _find_newest(file: ReportFile, converter: Converter, repeats: Repeats) -> None:
    """A reading between the first and the last, only where ids come again: which of their lines is the newest."""
    for row, raw in enumerate(file.raws()):
        if isinstance(raw, Report):
            place = repeats.place(identity(raw.id))
            if place is not None:
                repeats.see(place, row, row + 1, raw.updated)
        elif isinstance(raw, RawReport) and raw.get("id"):
            place = repeats.place(raw.identity())
            if place is not None:
                repeats.see(place, row, raw.line, converter.convert(raw)[0].report.updated)


def _loading(
    file: ReportFile,
    converter: Converter,
    repeats: Repeats,
    result: LoadResult,
    progress: Callable[[int], None],
    rejects: RefusedFile | None,
) -> Iterator[LoadedReport]:
    """The reports of the last reading; of an id that stands on several lines only the newest."""
    for row, raw in enumerate(file.raws()):
        result.lines += 1
        if isinstance(raw, RawReport) and not raw.is_report():
            raw = Remark(raw.line, "; ".join(["neither an id nor anything to work on", *raw.remarks]), raw.source)
        if isinstance(raw, Remark):
            result.refuse(raw.line, raw.why)
            if rejects is not None:
                rejects.put(raw.source, raw.why)
            continue
        line = row + 1 if isinstance(raw, Report) else raw.line
        place = repeats.place(identity(raw.id) if isinstance(raw, Report) else raw.identity()) if repeats else None
        has_id = isinstance(raw, Report) or bool(raw.get("id"))
        if place is not None and has_id and not repeats.is_newest(place, row):
            key = raw.id if isinstance(raw, Report) else raw.get("id")
            result.repeat(line, f"the id {key[:100]} stands newer on line {repeats.newest_line(place)}")
            continue
        remarks: list[str] = []
        if isinstance(raw, Report):
            loaded, assumed = LoadedReport(raw), False
        else:
            copy = repeats.count(place) if place is not None and not has_id else 1
            loaded, remarks, assumed = converter.convert(raw, copy=copy)
        if place is not None and has_id:
            remark = f"the id stands on {repeats.times(place)} lines; the newest was used"
            loaded, remarks = with_remark(loaded, remark), [*remarks, remark]
        yield _counted(loaded, line, remarks, assumed, result)
        if result.loaded % _PROGRESS_EVERY == 0:
            progress(result.loaded)


def _counted(loaded: LoadedReport, line: int, remarks: list[str], assumed: bool, result: LoadResult) -> LoadedReport:
    result.loaded += 1
    if remarks:
        result.remark(line, "; ".join(remarks))
    result.assumed_zone += assumed
    result.without_place += loaded.report.lat is None
    result.without_area += loaded.report.area is None
    return loaded


def _make_areas(survey: _Survey, known: Sequence[Area]) -> list[Area]:
    """Areas by the file's own names, only where the city has none at all."""
    if known:
        return []
    made: dict[str, Area] = {}
    for name in survey.areas:
        code = slug(name) or name
        made.setdefault(code, Area(code, name, 0))
    return list(made.values())


@contextmanager
def opened(path: Path, shown: Path, dialects: Dialects) -> Iterator[ReportFile]:
    """The file of reports at `path` (called `shown`), by what is in it; raises LoadError."""
    try:
        with path.open("rb") as file:
            head = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
        suffix = shown.suffix.casefold()
        if is_map_file(head):
            with scratch_folder() as scratch:
                yield MapFile(path, shown, dialects, scratch)
        elif _WEB_PAGE.match(head):
            raise LoadError(f"The file {shown} is a web page, not a file of reports.")
        elif head[:1] == b"<" or suffix == ".xml":
            yield XmlFile(path, shown, dialects)
        elif head[:1] in (b"{", b"[") or suffix in (".json", ".geojson", ".ndjson", ".jsonl"):
            yield JsonFile(path, shown, dialects)
        else:
            yield CsvFile(path, shown, dialects)
    except OSError as fault:
        raise LoadError(f"The file {shown} cannot be read: {fault.strerror or fault}.") from fault


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as fault:
        raise LoadError(f"There is no time zone named {name!r}.") from fault
