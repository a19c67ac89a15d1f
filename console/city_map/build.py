"""Make a city map of one file of OpenStreetMap data: tiles, streets, places, and the manifest last."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

from console.city_map.basemap_layers import basemap_layers
from console.city_map.manifest import (
    BASEMAP,
    FORMAT,
    MANIFEST,
    PLACES,
    STREETS,
    Bounds,
    MapCounts,
    MapManifest,
    files_of,
    write_manifest,
)
from console.city_map.osm_file import examine_file
from console.city_map.osm_reader import INVENTED, read_osm
from console.city_map.places import write_places
from console.city_map.progress import Progress
from console.city_map.street_graph import make_streets
from console.city_map.tile_writer import write_tiles
from console.files.durable import sync_file, sync_folder

ATTRIBUTION = "© OpenStreetMap contributors"
INVENTED_ATTRIBUTION = "Demo city: streets invented"
TILES_SCHEMA = "sigap 1"

_LOOKING, _READING, _TILES, _STREETS, _PLACES, _WRITING = 0.02, 0.10, 0.60, 0.13, 0.12, 0.03
"""The shares of the work."""


def build_map(source: Path, folder: Path, box: Bounds | None, progress: Progress) -> MapManifest:
    """Build the map of `source` (of the part in `box`, if there is one) in the empty `folder`, and put it on the disk.

    The time that a map was built comes from the clock. Raises MapBuildError, OSError, sqlite3.Error; what was written
    by then is left for whoever made the folder.
    """
    found = examine_file(source, _part(progress, 0.0, _LOOKING), boxed=box is not None)
    begun = _LOOKING
    data = read_osm(source, box, folder, _part(progress, begun, _READING))
    begun += _READING
    invented = INVENTED in data.generator
    attribution = INVENTED_ATTRIBUTION if invented else ATTRIBUTION
    metadata = {"attribution": attribution, "schema": TILES_SCHEMA, "invented": invented}
    layers = basemap_layers(data)
    tiles = write_tiles(folder / BASEMAP, layers, data.bounds, metadata, _part(progress, begun, _TILES))
    del layers
    begun += _TILES
    progress("streets: what leads where", begun)
    streets = make_streets(data)
    streets.save(folder / STREETS)
    nodes, edges = len(streets.node), len(streets.first)
    del streets
    begun += _STREETS
    places = write_places(folder / PLACES, data, _part(progress, begun, _PLACES))
    begun += _PLACES
    progress("putting all on the disk", begun)
    manifest = MapManifest(
        format=FORMAT,
        source=source.name,
        source_sha256=found.sha256,
        dated=data.dated,
        built=f"{datetime.fromtimestamp(time.time(), UTC):%Y-%m-%dT%H:%M:%SZ}",
        bounds=data.bounds,
        counts=MapCounts(
            roads=len(data.roads.wkb),
            nodes=nodes,
            edges=edges,
            places=places,
            houses=len(data.houses.names),
            tiles=tiles,
        ),
        attribution=attribution,
        invented=invented,
        left_out={what: count for what, count in sorted(data.left_out.items()) if count},
        files=files_of(folder, sync_file),
    )
    write_manifest(folder, manifest)
    sync_file(folder / MANIFEST)
    sync_folder(folder / STREETS)
    sync_folder(folder)
    return manifest


def _part(progress: Progress, begun: float, size: float) -> Progress:
    """Tells of a part of the work as of the whole."""
    return lambda words, share: progress(words, begun + size * share)
