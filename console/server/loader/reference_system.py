"""Turns the places of a file, in metres or feet of a reference system, into degrees of WGS 84, with GDAL."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from api_client.model import Report
from console.server.loader.places import read_pair
from console.server.loader.raw import RawReport
from console.server.loader.result import LoadError, Remark

_BATCH = 2_000
_FARTHEST = 1e9
_T = TypeVar("_T", bound=RawReport | Report | Remark)


class ReferenceSystem:
    """A reference system such as EPSG:25832; `scratch` is a folder for what GDAL reads."""

    def __init__(self, name: str, scratch: Path) -> None:
        self._name = name
        self._points = scratch / "points.fgb"
        self._degrees = scratch / "degrees.vrt"
        self._degrees.write_text(
            "<OGRVRTDataSource><OGRVRTWarpedLayer>"
            f'<OGRVRTLayer name="points"><SrcDataSource>{self._points}</SrcDataSource></OGRVRTLayer>'
            "<TargetSRS>EPSG:4326</TargetSRS></OGRVRTWarpedLayer></OGRVRTDataSource>",
            "utf-8",
        )
        self.degrees([(0.0, 0.0)])

    def degrees(self, places: Sequence[tuple[float, float]]) -> list[tuple[float, float] | None]:
        """Latitude and longitude of places (north, east); None for those that it cannot place.

        Raises LoadError when there is no such reference system.
        """
        import numpy as np
        from pyogrio.errors import CRSError, DataSourceError, FeatureError, GeometryError
        from pyogrio.raw import read, write

        shapes = np.array([struct.pack("<BIdd", 1, 1, x, y) for y, x in places], dtype=object)
        numbers = np.arange(len(shapes))
        try:
            self._points.unlink(missing_ok=True)
            write(
                self._points,
                shapes,
                [numbers],
                ["number"],
                geometry_type="Point",
                crs=self._name,
                driver="FlatGeobuf",
                layer="points",
                SPATIAL_INDEX="NO",
            )
            _, _, found, columns = read(str(self._degrees), columns=["number"])
        except (CRSError, DataSourceError, FeatureError, GeometryError) as fault:
            raise LoadError(f"Places cannot be converted from {self._name}: {str(fault)[:200].rstrip('.')}.") from fault
        degrees: list[tuple[float, float] | None] = [None] * len(places)
        for number, shape in zip(columns[0].tolist(), found, strict=True):
            degrees[number] = _degrees(shape)
        return degrees

    def placed(self, raws: Iterator[_T]) -> Iterator[_T]:
        """The same reports with their places in degrees; what is no place stays as it is."""
        batch: list[_T] = []
        for raw in raws:
            batch.append(raw)
            if len(batch) == _BATCH:
                self._place(batch)
                yield from batch
                batch = []
        self._place(batch)
        yield from batch

    def _place(self, batch: Sequence[RawReport | Report | Remark]) -> None:
        known = [
            (raw, pair)
            for raw in batch
            if isinstance(raw, RawReport)
            and (pair := read_pair(raw.get("lat"), raw.get("lon"), raw.get("point"))) is not None
            and pair != (0.0, 0.0)
            and max(map(abs, pair)) < _FARTHEST
        ]
        if not known:
            return
        for (raw, _), place in zip(known, self.degrees([pair for _, pair in known]), strict=True):
            if place is not None:
                raw.values.pop("point", None)
                raw.values["lat"], raw.values["lon"] = f"{place[0]:.7f}", f"{place[1]:.7f}"


def _degrees(shape: Any) -> tuple[float, float] | None:
    if shape is None or len(shape) != struct.calcsize("<BIdd"):
        return None
    x, y = struct.unpack("<BIdd", shape)[2:]
    return (y, x) if abs(y) <= 90 and abs(x) <= 180 else None
