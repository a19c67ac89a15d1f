"""Write reports as a GeoPackage 1.3: one layer of points that any GIS opens, with plain SQLite."""

from __future__ import annotations

import contextlib
import sqlite3
import struct
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from console.files.sqlite_file import sqlite_errors

_APPLICATION_ID, _VERSION = 0x47504B47, 10300
_WGS84 = 4326
_POINT = struct.Struct("<2sBBiBIdd")
_LITTLE_ENDIAN, _WKB_POINT = 1, 1
_WGS84_WKT = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,AUTHORITY["EPSG","7030"]],'
    'AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],'
    'UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4326"]]'
)

Value = str | int | float | None


class Column(msgspec.Struct, frozen=True):
    """An attribute of the layer; `kind` is a GeoPackage type: TEXT, INTEGER, REAL or DATETIME."""

    name: str
    kind: str


class Feature(msgspec.Struct, frozen=True):
    """One row of the layer: a place (None when there is none) and the values of the columns, in their order."""

    lat: float | None
    lon: float | None
    values: tuple[Value, ...]


def write_geopackage(path: Path, layer: str, columns: Sequence[Column], features: Iterable[Feature]) -> int:
    """Make a GeoPackage at `path`, which is missing or empty; `layer` is a plain word. Returns how many were written.

    Raises DiskFull, NotWritable.
    """
    with sqlite_errors(path), contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        # A half-written file is thrown away by the caller, so there is nothing to roll back to.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {_VERSION}")
        connection.execute("BEGIN")
        _make_tables(connection, layer, columns)
        marks = ", ".join("?" * (len(columns) + 1))
        names = ", ".join(f'"{column.name}"' for column in columns)
        sql = f'INSERT INTO "{layer}" (geom, {names}) VALUES ({marks})'  # noqa: S608 - our own names
        extent = _Extent()
        written = connection.executemany(sql, (extent.see(feature) for feature in features)).rowcount
        connection.execute(
            "UPDATE gpkg_contents SET min_x = ?, min_y = ?, max_x = ?, max_y = ?", extent.box or (None,) * 4
        )
        connection.execute("COMMIT")
    return max(0, written)


class _Extent:
    """The box around all places that passed by: west, south, east, north."""

    def __init__(self) -> None:
        self.box: tuple[float, float, float, float] | None = None

    def see(self, feature: Feature) -> tuple[bytes | Value, ...]:
        """The feature as a row of its table."""
        if feature.lat is None or feature.lon is None:
            return (None, *feature.values)
        x, y = feature.lon, feature.lat
        west, south, east, north = self.box or (x, y, x, y)
        self.box = (min(west, x), min(south, y), max(east, x), max(north, y))
        header = (b"GP", 0, _LITTLE_ENDIAN, _WGS84)  # version 1, no envelope
        return (_POINT.pack(*header, _LITTLE_ENDIAN, _WKB_POINT, x, y), *feature.values)


def _make_tables(connection: sqlite3.Connection, layer: str, columns: Sequence[Column]) -> None:
    attributes = ", ".join(f'"{column.name}" {column.kind}' for column in columns)
    for statement in (
        """CREATE TABLE gpkg_spatial_ref_sys (
             srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY, organization TEXT NOT NULL,
             organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT)""",
        """CREATE TABLE gpkg_contents (
             table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
             description TEXT DEFAULT '', last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
             min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER,
             CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id))""",
        """CREATE TABLE gpkg_geometry_columns (
             table_name TEXT NOT NULL, column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL,
             srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL,
             CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name),
             CONSTRAINT uk_gc_table_name UNIQUE (table_name),
             CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
             CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id))""",
        f'CREATE TABLE "{layer}" (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, geom POINT, {attributes})',
    ):
        connection.execute(statement)
    connection.executemany(
        "INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)",
        (
            ("WGS 84 geodetic", _WGS84, "EPSG", _WGS84, _WGS84_WKT, "longitude and latitude in degrees"),
            ("Undefined Cartesian SRS", -1, "NONE", -1, "undefined", None),
            ("Undefined geographic SRS", 0, "NONE", 0, "undefined", None),
        ),
    )
    connection.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, last_change, srs_id)"
        " VALUES (?, 'features', ?, ?, ?)",
        (layer, layer, moment_text(datetime.now(UTC)), _WGS84),
    )
    connection.execute("INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', 'POINT', ?, 0, 0)", (layer, _WGS84))


def moment_text(moment: datetime) -> str:
    """A time as a GeoPackage DATETIME: UTC, with milliseconds."""
    try:
        utc = moment.astimezone(UTC)
    except OverflowError:  # at the ends of the calendar, in a zone of its own
        utc = moment
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z".rjust(24, "0")
