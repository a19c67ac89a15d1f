"""Writes a small city's reports in every file format, with many kinds of broken lines, and what must come of each.

Expected results are counted while the lines are written, by the rules of the design, with no code of the loader.
"""

from __future__ import annotations

import csv
import io
import json
import random
import sqlite3
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import msgspec
import numpy as np
from pyogrio.raw import write

from api_client.model import Report
from console.server.city.city import City

COLUMNS = ("id", "status", "category", "description", "created", "updated", "closed", "lat", "lon", "address",
           "priority", "photo")  # fmt: skip
SERVICES = {
    "Banjir": "banjir",
    "Jalan rusak": "jalan-rusak",
    "Sampah": "sampah",
    "Pohon tumbang": "pohon-tumbang",
    "Lampu jalan": "lampu-jalan",
    "Parkir liar": "parkir-liar",
    "Kemacetan": "kemacetan",
    "Tempat tidur RS": "tempat-tidur-rs",
}
"""Categories, and the codes that stand for them when the file defines the city's vocabulary."""
STATUSES = {
    "open": "new",
    "koordinasi": "coordination",
    "planned": "assigned",
    "in progress": "progress",
    "menunggu validasi": "validation",
    "reopened": "returned",
    "closed": "resolved",
    "cancelled": "closed",
}
OPEN = ("new", "coordination", "assigned", "progress", "validation", "returned")
WEST, SOUTH, STEP, SIDE = 106.80, -6.30, 0.02, 4
"""The city is a board of 4 x 4 square wards, with one small ward inside the square B2."""
WITHIN = tuple(part / 1000 for part in range(5, 996, 3))
"""Parts of a square's side at which reports lie: never on a border, where both answers would be right."""
INNER = (SOUTH + STEP + 0.005, WEST + STEP + 0.005, 0.01)


@dataclass
class Truth:
    """What must be the result of loading one file."""

    loaded: int = 0
    refused: int = 0
    remarked: int = 0
    repeated: int = 0
    placeless: int = 0
    without_area: int = 0
    open: int = 0
    open_placeless: int = 0
    open_by_service: Counter[str | None] = field(default_factory=Counter)
    by_status: Counter[str] = field(default_factory=Counter)
    by_service: Counter[str] = field(default_factory=Counter)
    by_area: Counter[str] = field(default_factory=Counter)
    by_priority: Counter[int] = field(default_factory=Counter)
    kinds: list[str] = field(default_factory=list)

    def count(self, fact: Fact) -> None:
        """One report more."""
        self.loaded += 1
        if fact.status in OPEN:
            self.open += 1
            self.open_placeless += fact.place is None
            self.open_by_service[fact.service] += 1
        self.by_status[fact.status] += 1
        self.by_priority[fact.priority] += 1
        if fact.service is not None:
            self.by_service[fact.service] += 1
        if fact.place is None:
            self.placeless += 1
        area = area_of(*fact.place) if fact.place is not None else None
        if area is None:
            self.without_area += 1
        else:
            self.by_area[area] += 1


@dataclass
class Fact:
    """What must be the result of loading one line."""

    status: str
    service: str | None
    priority: int
    place: tuple[float, float] | None


@dataclass
class CityFiles:
    """The files and the truth about each; `broken` are the names of the kinds of broken lines in them."""

    csv: Path
    geojson: Path
    georeport: Path
    xml: Path
    gpkg: Path
    areas: Path
    truth: dict[str, Truth]
    areas_loaded: int
    areas_refused: int

    def path(self, form: str) -> Path:
        """The file of a format."""
        return {
            "csv": self.csv,
            "geojson": self.geojson,
            "georeport": self.georeport,
            "xml": self.xml,
            "gpkg": self.gpkg,
        }[form]


Line = dict[str, str]


@dataclass
class Break:
    """A kind of broken line: how it changes a good one, what the remark must say, and what must become of the line.

    `outcome` is refused, remarked or fine. `formats` are the file formats in which such a line can be written.
    """

    name: str
    outcome: str
    change: Callable[[Line, Fact], None]
    formats: tuple[str, ...] = ("csv", "geojson", "georeport", "xml", "gpkg")


def _set(**values: str) -> Callable[[Line, Fact], None]:
    def change(line: Line, fact: Fact) -> None:
        line.update(values)

    return change


def _only(**values: str) -> Callable[[Line, Fact], None]:
    def change(line: Line, fact: Fact) -> None:
        line.update(dict.fromkeys(COLUMNS, "") | values)

    return change


def _placeless(**values: str) -> Callable[[Line, Fact], None]:
    def change(line: Line, fact: Fact) -> None:
        line.update(values)
        fact.place = None

    return change


def _status(word: str, then: str) -> Callable[[Line, Fact], None]:
    def change(line: Line, fact: Fact) -> None:
        line.update(status=word, closed="")
        fact.status = then

    return change


def _priority(word: str, then: int) -> Callable[[Line, Fact], None]:
    def change(line: Line, fact: Fact) -> None:
        line.update(priority=word)
        fact.priority = then

    return change


def _no_category(line: Line, fact: Fact) -> None:
    line.update(category="")
    fact.service = None


def _exchanged(line: Line, fact: Fact) -> None:
    line["lat"], line["lon"] = line["lon"], line["lat"]


def _with_comma(line: Line, fact: Fact) -> None:
    line["lat"], line["lon"] = line["lat"].replace(".", ","), line["lon"].replace(".", ",")


def _true_minus(line: Line, fact: Fact) -> None:
    line["lat"] = line["lat"].replace("-", "\N{MINUS SIGN}")


def _outside(line: Line, fact: Fact) -> None:
    line.update(lat="-6.95", lon="107.60")
    fact.place = (-6.95, 107.60)


def _only_an_id(line: Line, fact: Fact) -> None:
    line.update({name: "" for name in COLUMNS if name != "id"})
    fact.status, fact.service, fact.priority, fact.place = "new", None, 3, None


def _closed_by_time(line: Line, fact: Fact) -> None:
    line.update(status="Wontfix", closed="2026-01-19 12:00:00", created="2026-01-18 12:00:00")
    fact.status = "resolved"


_CELLS = ("csv",)
_PLACED = ("csv", "georeport", "xml")
BREAKS: tuple[Break, ...] = (
    # cannot be a report
    Break("only a status", "refused", _only(status="open")),
    Break("only dates", "refused", _only(created="2026-01-02 03:04:05", updated="2026-01-02 03:04:05")),
    Break("only a priority", "refused", _only(priority="1")),
    Break("blanks instead of id and content", "refused", _only(id="   ", description=" \t ", status="open")),
    # can be, with remarks
    Break("no id", "remarked", _set(id="")),
    Break("an endless id", "remarked", _set(id="x" * 400)),
    Break("an id rounded by a spreadsheet", "remarked", _set(id="1.0101E+11")),
    Break("nothing but an id", "remarked", _only_an_id, _PLACED),
    Break("no time of arrival", "remarked", _set(created="", updated="", closed="")),
    Break("words for a time", "remarked", _set(created="yesterday at noon")),
    Break("the 30th of February", "remarked", _set(created="2026-02-30 10:00:00")),
    Break("the 25th hour", "remarked", _set(created="2026-01-05 25:00:00")),
    Break("a time before computers", "remarked", _set(created="1845-05-05 10:00:00")),
    Break("a broken time of change", "remarked", _set(updated="00/00/0000")),
    Break("closed before it was opened", "remarked", _set(created="2026-01-10 10:00:00", closed="2026-01-01 10:00:00")),
    Break("an unknown status", "remarked", _status("Frobnicated", "new")),
    Break("an unknown status, but closed", "remarked", _closed_by_time),
    Break("no status", "remarked", _status("", "new")),
    Break("no category", "remarked", _no_category),
    Break("words for a latitude", "remarked", _placeless(lat="near the bridge"), _PLACED),
    Break("no longitude", "remarked", _placeless(lon=""), _PLACED),
    Break("the middle of the ocean", "remarked", _placeless(lat="0", lon="0.0")),
    Break("latitude and longitude exchanged", "remarked", _exchanged),
    Break("beyond the pole", "remarked", _placeless(lat="999", lon="999")),
    Break("not a number", "remarked", _placeless(lat="NaN"), _PLACED),
    Break("infinity", "remarked", _placeless(lat="-inf"), _PLACED),
    Break("an unknown priority", "remarked", _priority("ASAP!!", 3)),
    Break("priority nought", "remarked", _priority("0", 3)),
    Break("a photo that is a script", "remarked", _set(photo="javascript:alert(1)")),
    Break("a photo that is a file", "remarked", _set(photo="file:///etc/passwd")),
    Break("a description like a book", "remarked", _set(description="banjir " * 30_000)),
    # odd, but right
    Break("no place", "fine", _placeless(lat="", lon="")),
    Break("a place outside of all wards", "fine", _outside),
    Break("decimal commas", "fine", _with_comma, _PLACED),
    Break("a typographic minus", "fine", _true_minus, _PLACED),
    Break("a status in capitals with blanks", "fine", _status("  OPEN ", "new")),
    Break("priority in words", "fine", _priority("urgent", 2)),
    Break("priority with a letter", "fine", _priority("P1", 1)),
    Break("priority as a fraction", "fine", _priority("4.0", 4)),
    Break("a time with a zone", "fine", _set(created="2026-01-05T10:00:00+07:00")),
    Break("a time in UTC", "fine", _set(created="2026-01-05T03:00:00.123456Z")),
    Break("seconds since 1970", "fine", _set(created="1767600000")),
    Break("a month in words", "fine", _set(created="5 Januari 2026 10:00")),
    Break("changed before it arrived", "fine", _set(created="2026-01-10 10:00:00", updated="2026-01-01 10:00:00",
                                                    closed="")),
    Break("line ends within the text", "fine", _set(description="satu\ndua\r\n\r\ntiga")),
    Break("quotation marks and commas", "fine", _set(description='dia bilang "banjir, parah", lalu pergi,,,')),
    Break("a formula", "fine", _set(description='=HYPERLINK("http://198.51.100.1/","klik")')),
    Break("a script", "fine", _set(description="<script>fetch('//198.51.100.1')</script><img src=x onerror=alert(1)>")),
    Break("turned writing and pictures", "fine", _set(description="\u202etxet\u202c 🌊🌊 \u200b\ufeff")),
    Break("control characters", "fine", _set(description="air\x07 naik\x1b[31m")),
    Break("a long description", "fine", _set(description="air naik " * 6_000)),
    Break("an address of tabs", "fine", _set(address="Jl.\tMawar\t 1")),
    Break("an id with a slash", "fine", _set(id="2026/01/../A B?#%")),
    Break("SQL for an id", "fine", _set(id="'; DROP TABLE reports; --")),
)  # fmt: skip


def reports_in(city: City) -> list[Report]:
    """All reports, read past the city's own code."""
    connection = sqlite3.connect(str(city.database.url.database))
    try:
        return [msgspec.json.decode(body, type=Report) for (body,) in connection.execute("SELECT body FROM reports")]
    finally:
        connection.close()


def area_of(lat: float, lon: float) -> str | None:
    """The ward of a place: the inner one first, because it is smaller."""
    south, west, side = INNER
    if south <= lat < south + side and west <= lon < west + side:
        return "INNER"
    row, column = int((lat - SOUTH) // STEP), int((lon - WEST) // STEP)
    return f"{'ABCD'[row]}{column + 1}" if 0 <= row < SIDE and 0 <= column < SIDE else None


def write_city(folder: Path, count: int = 600, seed: int = 7) -> CityFiles:
    """The city with `count` good lines a file, and every kind of broken line between them."""
    folder.mkdir(parents=True, exist_ok=True)
    files = CityFiles(
        folder / "city.csv",
        folder / "city.geojson",
        folder / "requests.json",
        folder / "requests.xml",
        folder / "city.gpkg",
        folder / "areas.geojson",
        {},
        0,
        0,
    )
    _write_areas(files)
    writers = {
        "csv": _write_csv,
        "geojson": _write_geojson,
        "georeport": _write_georeport,
        "xml": _write_xml,
        "gpkg": _write_gpkg,
    }
    for format_, writer in writers.items():
        truth = files.truth[format_] = Truth()
        lines = _lines(format_, count, random.Random(seed), truth)
        writer(files.path(format_), lines, truth)
    return files


FORMS = ("csv", "geojson", "georeport", "xml", "gpkg")
"""The formats that a city may come in."""


def write_lines(form: str, path: Path, lines: list[Line]) -> Path:
    """Exactly these lines in one of the formats."""
    if form == "csv":
        path.write_text(",".join(COLUMNS) + "\r\n" + "".join(map(_cells, lines)), "utf-8", newline="")
    elif form == "xml":
        requests = "".join(map(_request, lines))
        path.write_text(f'<?xml version="1.0"?>\n<service_requests>{requests}</service_requests>', "utf-8")
    elif form == "georeport":
        path.write_text(f'{{"requests": [{",".join(map(_request_json, lines))}]}}', "utf-8")
    elif form == "geojson":
        features = [_feature(_attributes(line), line["lat"], line["lon"]) for line in lines]
        path.write_text(f'{{"type": "FeatureCollection", "features": [{",".join(features)}]}}', "utf-8")
    else:
        _write_points(path, [(line, _shape(line)) for line in lines])
    return path


def write_many(form: str, path: Path, count: int, *, repeated: bool = False) -> Path:
    """`count` good lines of closed reports, written one by one; with `repeated` every id stands on two of them."""

    def lines() -> Iterator[Line]:
        for number in range(count):
            day = f"2026-01-{number % 28 + 1:02d}"
            yield {
                "id": f"R-{number // 2 if repeated else number:08d}",
                "status": "closed",
                "category": tuple(SERVICES)[number % len(SERVICES)],
                "description": ("older" if number % 2 else "newer")
                if repeated
                else f"laporan {number}, mohon ditindak",
                "created": "2025-12-31 08:00:00",
                "updated": "2026-01-01 08:00:00" if repeated and number % 2 else f"{day} 10:00:00",
                "closed": "2026-01-01 08:00:00",
                "lat": f"{SOUTH + number % 977 / 20_000:.6f}",
                "lon": f"{WEST + number % 983 / 20_000:.6f}",
                "address": f"Jl. Uji {number % 99}",
                "priority": "3",
                "photo": "",
            }

    if form == "gpkg":
        for start in range(0, count, 50_000):
            _write_points(
                path, [(line, _shape(line)) for line in islice(lines(), start, start + 50_000)], append=start > 0
            )
        return path
    head, each, between, tail = {
        "csv": (",".join(COLUMNS) + "\r\n", _cells, "", ""),
        "xml": ('<?xml version="1.0"?>\n<service_requests>\n', _request, "\n", "</service_requests>\n"),
        "georeport": ('{"requests": [\n', _request_json, ",\n", "\n]}\n"),
        "geojson": (  # on one line, as many programs write it
            '{"type": "FeatureCollection", "features": [',
            lambda line: _feature(_attributes(line), line["lat"], line["lon"]),
            ", ",
            "]}",
        ),
    }[form]
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(head)
        for number, line in enumerate(lines()):
            file.write((between if number else "") + each(line))
        file.write(tail)
    return path


def _request_json(line: Line) -> str:
    return json.dumps({_REQUEST[name]: value for name, value in line.items()})


def _attributes(line: Line) -> Line:
    return {name: value for name, value in line.items() if name not in ("lat", "lon")}


def _shape(line: Line) -> bytes | None:
    if not (line["lat"] or line["lon"]):
        return None
    return struct.pack("<BIdd", 1, 1, float(line["lon"]), float(line["lat"]))


def _write_points(path: Path, rows: list[tuple[Line, bytes | None]], append: bool = False) -> None:
    names = [name for name in COLUMNS if name not in ("lat", "lon")]
    columns = [np.array([line[name] or None for line, _ in rows], dtype=object) for name in names]
    shapes = np.array([shape for _, shape in rows], dtype=object)
    write(
        path,
        shapes,
        columns,
        names,
        layer="laporan",
        geometry_type="Unknown",
        crs="EPSG:4326",
        driver="GPKG",
        append=append,
    )


def _lines(format_: str, count: int, chance: random.Random, truth: Truth) -> list[Line]:
    number = 0
    lines: list[Line] = []

    def good() -> tuple[Line, Fact]:
        nonlocal number
        number += 1
        return _good(number, chance)

    breaks = [each for each in BREAKS if format_ in each.formats]
    every = max(1, count // (len(breaks) + 1))
    for at in range(count):
        line, fact = good()
        lines.append(line)
        truth.count(fact)
        if at % every == 0 and breaks:
            broken = breaks.pop()
            truth.kinds.append(broken.name)
            line, fact = good()
            broken.change(line, fact)
            lines.append(line)
            if broken.outcome == "refused":
                truth.refused += 1
            else:
                truth.count(fact)
                truth.remarked += broken.outcome == "remarked"
    assert not breaks, "too few lines for all kinds of broken ones"
    lines += _repeated(good, truth)
    return lines


def _repeated(good: Callable[[], tuple[Line, Fact]], truth: Truth) -> list[Line]:
    """Three ids that come again: the newest line counts, wherever it stands."""
    lines = []
    for name, updates in (("older after newer", (9, 3)), ("newer after older", (3, 9)), ("three times", (5, 9, 1))):
        newest: Fact | None = None
        first, _ = good()
        for day in updates:
            line, fact = good()
            line.update(id=first["id"], created="2026-01-01 00:00:00", updated=f"2026-01-0{day} 08:00:00", closed="")
            lines.append(line)
            if day == max(updates):
                newest = fact
        assert newest is not None
        truth.count(newest)
        truth.remarked += 1
        truth.repeated += len(updates) - 1
        truth.kinds.append(f"an id that stands on several lines, {name}")
    return lines


def _good(number: int, chance: random.Random) -> tuple[Line, Fact]:
    word, status = chance.choice(tuple(STATUSES.items()))
    name, service = chance.choice(tuple(SERVICES.items()))
    lat = round(SOUTH + STEP * (chance.randrange(SIDE) + chance.choice(WITHIN)), 6)
    lon = round(WEST + STEP * (chance.randrange(SIDE) + chance.choice(WITHIN)), 6)
    created = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(20 * 86400))
    updated = created + timedelta(seconds=chance.randrange(86400))
    priority = chance.choice((1, 2, 3, 3, 4))
    line = {
        "id": f"T-{number:06d}",
        "status": word,
        "category": name,
        "description": f"{name} di RT {chance.randint(1, 16):02d}, mohon ditindak",
        "created": f"{created:%Y-%m-%d %H:%M:%S}",
        "updated": f"{updated:%Y-%m-%d %H:%M:%S}",
        "closed": f"{updated:%Y-%m-%d %H:%M:%S}" if status not in OPEN else "",
        "lat": f"{lat}",
        "lon": f"{lon}",
        "address": f"Jl. Uji {chance.randint(1, 99)}",
        "priority": str(priority),
        "photo": "",
    }
    return line, Fact(status, service, priority, (lat, lon))


def _cells(line: Line) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow([line[name] for name in COLUMNS])
    return buffer.getvalue()


def _write_csv(path: Path, lines: list[Line], truth: Truth) -> None:
    """With a byte order mark, and with what only a file of lines can have wrong."""
    chance = random.Random(99)
    rows = [_cells(line).encode("utf-8", "surrogatepass") for line in lines]
    number = 900_000

    def good() -> tuple[Line, Fact]:
        nonlocal number
        number += 1
        return _good(number, chance)

    def more(name: str, row: bytes, fact: Fact | None, outcome: str) -> None:
        truth.kinds.append(name)
        rows.insert(chance.randrange(len(rows) // 3), row)
        if fact is not None:
            truth.count(fact)
        truth.refused += outcome == "refused"
        truth.remarked += outcome == "remarked"

    line, fact = good()
    more("too many columns", _cells(line).rstrip().encode() + b",extra,\r\n", fact, "remarked")
    line, fact = good()
    line["description"], fact.priority = "tanpa koma", 3
    more("too few columns", ",".join(line[name] for name in COLUMNS[:9]).encode() + b"\r\n", fact, "remarked")
    line, fact = good()
    line["description"] = "air\0naik"
    more("a NUL", _cells(line).encode(), fact, "remarked")
    line, fact = good()
    more("letters of another encoding", _cells(line | {"description": "caf@"}).encode().replace(b"@", b"\xe9"), fact,
         "remarked")  # fmt: skip
    line, fact = good()
    line["description"] = "@tanpa penutup"
    more("a quotation mark without its partner", _cells(line).encode().replace(b"@", b'"'), fact, "remarked")
    more("a line of commas", b"," * (len(COLUMNS) - 1) + b"\r\n", None, "blank")
    more("an empty line", b"\r\n", None, "blank")
    more("the headings once more", ",".join(COLUMNS).encode() + b"\r\n", None, "refused")
    line, fact = good()
    truth.kinds.append("no line end at the end")
    truth.count(fact)
    body = b"".join(rows) + _cells(line).rstrip().encode()
    path.write_bytes(b"\xef\xbb\xbf" + ",".join(COLUMNS).encode() + b"\r\n" + body)


def _write_geojson(path: Path, lines: list[Line], truth: Truth) -> None:
    chance = random.Random(98)
    texts = [_feature(_attributes(line), line["lat"], line["lon"]) for line in lines]

    def more(name: str, text: str, fact: Fact | None, outcome: str) -> None:
        truth.kinds.append(name)
        texts.insert(chance.randrange(len(texts)), text)
        if fact is not None:
            truth.count(fact)
        truth.refused += outcome == "refused"
        truth.remarked += outcome == "remarked"

    line, fact = _good(910_001, chance)
    fact.place = (-6.2, 106.9)
    properties = {name: value for name, value in line.items() if name not in ("lat", "lon")}
    area = {"type": "LineString", "coordinates": [[106.8, -6.2], [106.9, -6.2]]}
    more("a line instead of a point", json.dumps({"type": "Feature", "properties": properties, "geometry": area}), fact,
         "remarked")  # fmt: skip
    line, fact = _good(910_002, chance)
    fact.place = None
    properties = {name: value for name, value in line.items() if name not in ("lat", "lon")}
    empty = {"type": "Point", "coordinates": []}
    feature = {"type": "Feature", "properties": properties, "geometry": empty}
    more("a point without coordinates", json.dumps(feature), fact,
         "remarked")  # fmt: skip
    more("a feature without anything", '{"type": "Feature", "properties": null, "geometry": null}', None, "refused")
    more("a word among features", '"banjir"', None, "refused")
    more("a number among features", "42", None, "refused")
    more("a list among features", "[1, 2]", None, "refused")
    more("a feature that is no JSON", '{"type": "Feature", "properties": {"id": oops}}', None, "refused")
    more("a feature with crossed brackets", '{"type": "Feature", "properties": [{"id": "x"}}', None, "refused")
    more("a feature without its end", '{"type": "Feature", "properties": {"id": "x", "l": [{"a": 1', None, "refused")
    more("a text without its end", '{"type": "Feature", "properties": {"id": "x", "description": "air', None, "refused")
    path.write_text('{"type": "FeatureCollection", "features": [\n' + ",\n".join(texts) + "\n]}\n", "utf-8")


def _feature(properties: dict[str, Any], lat: str, lon: str) -> str:
    geometry = None
    if lat or lon:
        geometry = {"type": "Point", "coordinates": [_json_number(lon), _json_number(lat)]}
    return json.dumps({"type": "Feature", "properties": properties, "geometry": geometry}, ensure_ascii=False)


_REQUEST = {"id": "service_request_id", "status": "status", "category": "service_name", "description": "description",
            "created": "requested_datetime", "updated": "updated_datetime", "closed": "closed_datetime", "lat": "lat",
            "lon": "long", "address": "address", "priority": "priority", "photo": "media_url"}  # fmt: skip


def _write_georeport(path: Path, lines: list[Line], truth: Truth) -> None:
    names = _REQUEST
    chance = random.Random(97)
    texts = []
    for line in lines:
        request: dict[str, Any] = {}
        for name, value in line.items():
            if value or name == "status":
                request[names[name]] = (
                    _json_number(value) if name in ("lat", "lon") and chance.random() < 0.5 else value
                )
        texts.append(json.dumps(request, ensure_ascii=chance.random() < 0.5))

    def more(name: str, text: str, fact: Fact | None, outcome: str) -> None:
        truth.kinds.append(name)
        texts.insert(chance.randrange(len(texts)), text)
        if fact is not None:
            truth.count(fact)
        truth.refused += outcome == "refused"
        truth.remarked += outcome == "remarked"

    line, fact = _good(920_001, chance)
    request = {names[name]: value for name, value in line.items() if value}
    more("a number for an id", json.dumps(request | {"service_request_id": 920001}), fact, "fine")
    line, fact = _good(920_002, chance)
    request = {names[name]: value for name, value in line.items() if value}
    more("half a pair of surrogates", json.dumps(request | {"description": "air \ud83c"}), fact, "fine")
    line, fact = _good(920_003, chance)
    request = {names[name]: value for name, value in line.items() if value}
    more(
        "an object for an agency", json.dumps(request | {"agency_responsible": {"recipient": ["Dinas"]}}), fact, "fine"
    )
    line, fact = _good(920_004, chance)
    request = {names[name]: value for name, value in line.items() if value}
    more("nulls", json.dumps(request | {"address": None, "media_url": None}), fact, "fine")
    more("a request that is no JSON", '{"service_request_id": "x", "status": }', None, "refused")
    more("null among requests", "null", None, "refused")
    more("an empty object", "{}", None, "refused")
    torn = '{"service_request_id": "torn", "description": "the file ends wit'
    truth.kinds.append("a torn end")
    truth.refused += 1
    path.write_text('{"service_requests": [\n' + ",\n".join(texts) + ",\n" + torn, "utf-8")


def _write_xml(path: Path, lines: list[Line], truth: Truth) -> None:
    """With letters that no XML may hold, for which others refuse the whole file, and with a torn end."""
    chance = random.Random(96)
    texts = [_request(line) for line in lines]

    def more(name: str, text: str, fact: Fact | None, outcome: str) -> None:
        truth.kinds.append(name)
        texts.insert(chance.randrange(len(texts)), text)
        if fact is not None:
            truth.count(fact)
        truth.refused += outcome == "refused"

    line, fact = _good(930_001, chance)
    more("a NUL", _request(line | {"description": "air\0naik"}), fact, "fine")
    line, fact = _good(930_002, chance)
    more(
        "a control as a number", _request(line).replace("</description>", "&#7;&#x1b;&#0;</description>"), fact, "fine"
    )
    line, fact = _good(930_003, chance)
    more("CDATA", _request(line).replace("<address>", "<address><![CDATA[<b>]]>"), fact, "fine")
    line, fact = _good(930_004, chance)
    more("nested elements", _request(line).replace("</request>", "<a><b>1</b><b>2</b></a></request>"), fact, "fine")
    line, fact = _good(930_005, chance)
    more("another language", _request(line).replace("</request>", "<x:y xmlns:x='z'/></request>"), fact, "fine")
    line, fact = _good(930_006, chance)
    deep = "<d>" * 200 + "</d>" * 200
    more("a deep nest", _request(line).replace("</request>", f"{deep}</request>"), fact, "fine")
    line, fact = _good(930_007, chance)
    more("a comment", _request(line).replace("<status>", "<!-- <request> --><status>"), fact, "fine")
    more("an empty request", "<request/>", None, "refused")
    line, fact = _good(930_008, chance)
    more("letters of another encoding", _request(line | {"description": "caf\udce9"}), fact, "fine")
    torn = "<request><service_request_id>torn</service_request_id><description>the file ends wit"
    truth.kinds.append("a torn end")
    truth.refused += 1
    text = '<?xml version="1.0" encoding="UTF-8"?>\n<service_requests>\n' + "\n".join(texts) + "\n" + torn
    path.write_bytes(text.encode("utf-8", "surrogateescape"))


def _request(line: Line) -> str:
    parts = (
        f"<{_REQUEST[name]}>{escape(value)}</{_REQUEST[name]}>"
        for name, value in line.items()
        if value or name == "status"
    )
    return f"<request>{''.join(parts)}</request>"


def _write_gpkg(path: Path, lines: list[Line], truth: Truth) -> None:
    chance = random.Random(95)
    rows = [(line, _shape(line)) for line in lines]

    def more(name: str, line: Line, shape: bytes | None, fact: Fact | None, outcome: str) -> None:
        truth.kinds.append(name)
        rows.insert(chance.randrange(len(rows)), (line, shape))
        if fact is not None:
            truth.count(fact)
        truth.refused += outcome == "refused"
        truth.remarked += outcome == "remarked"

    line, fact = _good(940_001, chance)
    fact.place = (-6.25, 106.85)
    ring = (106.84, -6.26, 106.86, -6.26, 106.86, -6.24, 106.84, -6.24, 106.84, -6.26)
    more("a surface", line, struct.pack("<BIII10d", 1, 3, 1, 5, *ring), fact, "remarked")
    line, fact = _good(940_002, chance)
    fact.place = (-6.25, 106.85)
    way = (106.84, -6.26, 106.85, -6.25, 106.86, -6.24)
    more("a line", line, struct.pack("<BII6d", 1, 2, 3, *way), fact, "remarked")
    line, fact = _good(940_003, chance)
    fact.place = (-6.25, 106.85)
    more("a point with a height", line, struct.pack("<BIddd", 1, 1001, 106.85, -6.25, 12.0), fact, "fine")
    line, fact = _good(940_004, chance)
    fact.place = None
    more("an empty point", line, struct.pack("<BIdd", 1, 1, float("nan"), float("nan")), fact, "fine")
    more("a feature without anything", dict.fromkeys(COLUMNS, ""), None, None, "refused")
    _write_points(path, rows)


def _json_number(text: str) -> float | str | None:
    try:
        value = float(text)
    except ValueError:
        return text or None
    return value if value == value and abs(value) != float("inf") else text


def _write_areas(files: CityFiles) -> None:
    features: list[dict[str, Any]] = []

    def square(code: str, south: float, west: float, side: float) -> None:
        ring = [[west, south], [west + side, south], [west + side, south + side], [west, south + side], [west, south]]
        features.append({
            "type": "Feature",
            "properties": {"code": code, "name": f"Kelurahan {code}", "level": 3},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        })  # fmt: skip

    for row in range(SIDE):
        for column in range(SIDE):
            square(f"{'ABCD'[row]}{column + 1}", SOUTH + row * STEP, WEST + column * STEP, STEP)
    square("INNER", *INNER)
    files.areas_loaded = len(features)
    broken: list[Any] = [
        {"type": "Feature", "properties": {"code": "X1"}, "geometry": None},
        {"type": "Feature", "properties": {"code": "X2"}, "geometry": {"type": "Point", "coordinates": [1, 2]}},
        {"type": "Feature", "properties": {"code": "X3"},
         "geometry": {"type": "Polygon", "coordinates": [[[1, 2], [1, 2], [1, 2], [1, 2]]]}},
        {"type": "Feature", "properties": {"code": "X4"},
         "geometry": {"type": "Polygon", "coordinates": [[["a", 2], [3, 4], [5, 6], ["a", 2]]]}},
        {"type": "Feature", "properties": {"code": "X5"},
         "geometry": {"type": "Polygon", "coordinates": [[[999, 2], [3, 4], [5, 6], [999, 2]]]}},
        "no feature",
    ]  # fmt: skip
    files.areas_refused = len(broken)
    features[3:3] = broken
    files.areas.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
