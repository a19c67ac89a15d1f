"""Reads the reports of a map file (GeoPackage, FlatGeobuf, zipped Shapefile) in batches, as WGS 84, with GDAL."""

from __future__ import annotations

import contextlib
import gc
import sqlite3
import struct
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import pathname2url
from xml.sax.saxutils import escape, quoteattr

import msgspec

from console.server.loader.dialects import Dialects
from console.server.loader.objects import ObjectReader
from console.server.loader.plain_file import SQLITE, ZIP
from console.server.loader.raw import RawReport
from console.server.loader.result import LoadError, Remark

_BATCH, _BATCH_SIZE = 2_000, 16 << 20
"""Rows that are read at once, and bytes of the file that they may come to."""
_SWEPT = 10_000
_MOST_COLUMNS = 2_000
_MOST_UNPACKED = 4 << 30
_SHAPE_PARTS = (".shp", ".dbf", ".shx", ".prj", ".cpg")
_USUAL_MODULES = ("rtree", "fts3", "fts4", "fts5")
_POINT = struct.Struct("<BIdd")
_POINT_MARK = b"\1\1\0\0\0"
_DEGREES = ("EPSG:4326", "OGC:CRS84")
_KINDS = {1: "Point", 2: "LineString", 3: "Polygon", 4: "MultiPoint", 5: "MultiLineString", 6: "MultiPolygon",
          7: "GeometryCollection"}  # fmt: skip


class _Layer(msgspec.Struct, frozen=True):
    """A table of a map file: its columns, how many rows, whether it holds points, and its reference system.

    `key` is the column that numbers the rows, "" where there is none.
    """

    name: str
    columns: tuple[str, ...]
    whole_numbers: tuple[bool, ...]
    rows: int
    points: bool
    crs: str | None
    key: str


class MapFile:
    """A map file of reports; `raws()` may be read again and again. `line` is the number of the feature."""

    def __init__(self, path: Path, shown: Path, dialects: Dialects, scratch: Path) -> None:
        self._shown = shown
        with path.open("rb") as file:
            head = file.read(16)
        self._scratch = scratch
        kind = "GeoPackage" if head.startswith(SQLITE) else "FlatGeobuf"
        if head.startswith(SQLITE):
            path = _guarded(path.absolute(), shown, scratch)
        elif head.startswith(ZIP):
            kind, path = "Shapefile", _unpacked(path, shown, scratch)
        self._path = path.absolute()
        self.notes: list[str] = []
        self.headings: tuple[str, ...] = ()
        self._layer = self._chosen(dialects)
        self.dialect = dialects.recognise(self._layer.columns) or dialects.plain
        self.crs: str | None = None
        self._source = self._in_degrees()
        row_size = path.stat().st_size // max(self._layer.rows, 1)
        self._batch = max(1, min(_BATCH, _BATCH_SIZE // max(row_size, 1)))
        self.unit = "feature"
        names = self._layer.columns
        # Plain words do not take the key for an id: programs number anew as they write a file.
        self._key = self._layer.key if dialects.given is not None and self._layer.key not in names else ""
        self._reader = ObjectReader(self.dialect, (*names, self._key) if self._key else names)
        self.has = self._reader.has
        self.format = f"{kind} of {self.dialect.name}"
        if self._layer.key and "id" not in self.has:
            self.notes.append(f"a mapping may name the key of the table as its id: id = {self._layer.key}")

    def raws(self) -> Iterator[RawReport | Remark]:
        """Every feature as text."""
        line = 0
        for keys, shapes, columns in self._batches():
            values = [
                _plain_values(column, whole) for column, whole in zip(columns, self._layer.whole_numbers, strict=True)
            ]
            count = len(shapes) if shapes is not None else len(values[0]) if values else 0
            for number in range(count):
                line += 1
                properties = {name: column[number] for name, column in zip(self._layer.columns, values, strict=True)}
                if self._key:
                    properties[self._key] = int(keys[number])
                geometry = _geometry(shapes[number]) if shapes is not None and shapes[number] is not None else None
                yield self._reader.raw(line, {"type": "Feature", "properties": properties, "geometry": geometry})

    def _batches(self) -> Iterator[tuple[Any, Any, Any]]:
        """Keys, shapes and columns of some features after another; a GeoPackage by its keys, without counting."""
        from pyogrio.raw import read

        done, unswept, last = 0, 0, None
        while done < self._layer.rows:
            by_key = {"where": f'"{self._layer.key}" > {last}' if last is not None else None}
            with _told(self._shown):
                _, keys, shapes, columns = read(
                    str(self._source),
                    layer=self._layer.name,
                    max_features=self._batch,
                    force_2d=True,
                    datetime_as_string=True,
                    return_fids=True,
                    **(by_key if self._layer.key else {"skip_features": done}),
                )
            if not len(keys):
                return
            done, last = done + len(keys), int(keys[-1])
            unswept += len(keys)
            yield keys, shapes, columns
            del keys, shapes, columns
            if unswept >= _SWEPT:
                # pyogrio 0.13 leaves its arrays in reference cycles, which Python by itself finds far too late.
                unswept = 0
                gc.collect()

    def _chosen(self, dialects: Dialects) -> _Layer:
        """The layer of reports: of those with known columns the one with points, of several the largest."""
        from pyogrio import list_layers, read_info

        layers: list[_Layer] = []
        with _told(self._shown):
            for name, shape in list_layers(str(self._path)).tolist():
                info = read_info(str(self._path), layer=name, force_feature_count=True)
                columns = tuple(map(str, info["fields"]))
                key = str(info["fid_column"] or "").replace('"', '""')
                whole = tuple(str(kind).startswith("OFTInteger") for kind in info["ogr_types"])
                points = str(shape or "").replace("Multi", "").startswith("Point") or shape == "Unknown"
                layers.append(_Layer(str(name), columns, whole, int(info["features"]), points, info["crs"], key))
        usable = [layer for layer in layers if len(layer.columns) <= _MOST_COLUMNS]
        known = [layer for layer in usable if dialects.recognise(layer.columns)]
        if not known:
            names = "; ".join(f"{layer.name}: {', '.join(layer.columns)[:100]}" for layer in layers)[:300]
            raise LoadError(
                f"The file {self._shown} holds no reports that are known here; its layers: {names or 'none'}."
            )
        best = max(known, key=lambda layer: (layer.points, layer.rows))
        if len(layers) > 1:
            others = ", ".join(layer.name for layer in layers if layer is not best)[:200]
            self.notes.append(f"the layer {best.name} was read, not: {others}")
        return best

    def _in_degrees(self) -> Path:
        """The file itself, or a description for GDAL by which it is read as degrees of WGS 84."""
        crs = self._layer.crs
        if crs in _DEGREES:
            return self._path
        if not crs or crs.startswith(("EPSG:0", "LOCAL_CS", "ENGCRS")) or "Undefined" in crs:
            self.crs = self.dialect.crs
            if self.crs:
                return self._path
            self.notes.append("the file names no reference system; its places are taken as degrees of WGS 84")
            return self._path
        self.notes.append(f"places were converted from {crs[:60]} to degrees of WGS 84")
        source = self._scratch / "in_degrees.vrt"
        name, path = quoteattr(self._layer.name), escape(str(self._path))
        source.write_text(
            "<OGRVRTDataSource><OGRVRTWarpedLayer>"
            f"<OGRVRTLayer name={name}><SrcDataSource>{path}</SrcDataSource></OGRVRTLayer>"
            "<TargetSRS>EPSG:4326</TargetSRS></OGRVRTWarpedLayer></OGRVRTDataSource>",
            "utf-8",
        )
        return source


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for what is unpacked while a map file is read."""
    with tempfile.TemporaryDirectory(prefix="sigap-map-") as folder:
        yield Path(folder)


def _guarded(path: Path, shown: Path, scratch: Path) -> Path:
    """A GeoPackage that holds tables only; LoadError for one that would run something of its own when it is read."""
    link = scratch / "reports.gpkg"  # GDAL tells GeoPackage from other SQLite files by its name too
    link.symlink_to(path)
    try:
        with contextlib.closing(sqlite3.connect(f"file:{pathname2url(str(path))}?mode=ro", uri=True)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            tables = connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master").fetchall()
            named = {row[0] for row in connection.execute("SELECT table_name FROM gpkg_contents")}
    except sqlite3.Error as fault:
        raise LoadError(f"The file {shown} is no usable GeoPackage: {fault}.") from fault
    for kind, name, sql in tables:
        statement = " ".join(sql.casefold().split())
        if kind == "view" and name in named:
            raise LoadError(f"The layer {name} of {shown} is a view; save it as a table, views are not run here.")
        if statement.startswith("create virtual table") and not any(
            f"using {module}" in statement for module in _USUAL_MODULES
        ):
            raise LoadError(f"The table {name} of {shown} is made by a program; only plain tables are read here.")
        if kind == "table" and name in named and (" generated always " in statement or ") as (" in statement):
            raise LoadError(f"The table {name} of {shown} computes columns; save it with plain values.")
    return link


def _unpacked(path: Path, shown: Path, scratch: Path) -> Path:
    """The Shapefile of a zip file, unpacked under a name of our own; nothing else of it is written."""
    try:
        with zipfile.ZipFile(path) as packed:
            shapes = [info for info in packed.infolist() if info.filename.casefold().endswith(".shp")]
            if len(shapes) != 1:
                raise LoadError(f"The zip file {shown} holds {len(shapes)} Shapefiles; one is needed.")
            stem = shapes[0].filename[: -len(".shp")]
            parts = [
                info
                for info in packed.infolist()
                if info.filename[: -len(".shp")] == stem and info.filename[-len(".shp") :].casefold() in _SHAPE_PARTS
            ]
            if sum(info.file_size for info in parts) > _MOST_UNPACKED:
                raise LoadError(f"The zip file {shown} would be larger than {_MOST_UNPACKED >> 30} GB unpacked.")
            for info in parts:
                target = scratch / f"reports{info.filename[-len('.shp') :].casefold()}"
                with packed.open(info) as source, target.open("wb") as file:
                    left = info.file_size
                    while left > 0 and (piece := source.read(min(left, 1 << 20))):
                        file.write(piece)
                        left -= len(piece)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as fault:
        raise LoadError(f"The zip file {shown} cannot be unpacked: {fault}.") from fault
    return scratch / "reports.shp"


@contextlib.contextmanager
def _told(shown: Path) -> Iterator[None]:
    """Turns whatever GDAL says against a file into a sentence."""
    import warnings

    from pyogrio.errors import (
        DataLayerError,
        DataSourceError,
        FeatureError,
        FieldError,
        GeometryError,
    )

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # GDAL's remarks on a file are no defects of ours
            yield
    except (DataSourceError, DataLayerError, FeatureError, FieldError, GeometryError, ValueError) as fault:
        raise LoadError(f"The file {shown} cannot be read as a map: {str(fault)[:300].rstrip('.')}.") from fault


def _plain_values(column: Any, whole: bool) -> list[Any]:
    """The values of a column as text, numbers or None; what is not there is nan in columns of numbers."""
    values = column.tolist()
    if column.dtype.kind == "f":
        values = [None if value != value else int(value) if whole and value.is_integer() else value for value in values]
    return [None if isinstance(value, bytes) else value for value in values]


def _geometry(shape: bytes) -> dict[str, Any] | None:
    """A geometry of GeoJSON from well-known bytes of two dimensions; None for kinds that are none of it."""
    if shape[:5] == _POINT_MARK and len(shape) == _POINT.size:
        x, y = _POINT.unpack(shape)[2:]
        return {"type": "Point", "coordinates": [x, y]} if x == x and y == y else None  # an empty point is nan, nan
    try:
        return _decoded(memoryview(shape), 0)[0]
    except (struct.error, KeyError, RecursionError):
        return {"type": "unknown shape"}


def _decoded(shape: memoryview, at: int) -> tuple[dict[str, Any], int]:
    order = "<" if shape[at] else ">"
    (code,) = struct.unpack_from(f"{order}I", shape, at + 1)
    kind, at = _KINDS[code], at + 5

    def number() -> int:
        nonlocal at
        (count,) = struct.unpack_from(f"{order}I", shape, at)
        at += 4
        return int(count)

    def points(count: int) -> list[list[float]]:
        nonlocal at
        flat = struct.unpack_from(f"{order}{2 * count}d", shape, at)
        at += 16 * count
        return [list(pair) for pair in zip(flat[::2], flat[1::2], strict=True)]

    if kind == "Point":
        return {"type": kind, "coordinates": points(1)[0]}, at
    if kind == "LineString":
        return {"type": kind, "coordinates": points(number())}, at
    if kind == "Polygon":
        return {"type": kind, "coordinates": [points(number()) for _ in range(number())]}, at
    inner = []
    for _ in range(number()):
        geometry, at = _decoded(shape, at)
        inner.append(geometry)
    if kind == "GeometryCollection":
        return {"type": kind, "geometries": inner}, at
    return {"type": kind, "coordinates": [geometry["coordinates"] for geometry in inner]}, at
