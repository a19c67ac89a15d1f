"""`sigap map build|status|remove|speeds`: the city map of a profile, made of one file of OpenStreetMap data."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from console import error_text
from console.cache.reader import CacheReader
from console.city_map.build_process import BuiltMap, MapBuilder
from console.city_map.errors import Cancelled, MapBuildError, MoreThanACity, NotAnOsmFile
from console.city_map.manifest import STREETS, Bounds, MapManifest, UnreadableMap, faults
from console.city_map.map_folder import MapFolder, current_manifest, current_map, current_speeds, maps_of
from console.city_map.speeds import SPEEDS, SpeedFileError, SpeedTable, read_speeds
from console.files.errors import from_os
from console.files.lock import is_held
from console.panels.formatting import thousands
from console.paths import existing_profile, profile_folder, window_lock
from console.settings import begin_settings, city_zone

if TYPE_CHECKING:
    from console.city_map.speed_fit import FittedSpeeds

_REST_S, _ROUTED_S = 0.25, 2.0
_NOTHING = error_text.LOCAL
_EXACT_M = 150.0
"""A report of which no more is known says nothing of the way there."""
_INTERRUPTED = 130


class MapBuildResult(msgspec.Struct, frozen=True):
    """What `sigap map build --json` prints."""

    profile: str
    map: str
    roads: int
    nodes: int
    places: int
    bytes: int
    duration_s: float
    left_out: Mapping[str, int]


class MapStatusResult(msgspec.Struct, frozen=True):
    """What `sigap map status --json` prints; `manifest` is null without a map, `faults` are sentences.

    `speeds` is how many lines the city's table of speeds has, null without one.
    """

    profile: str
    map: str | None
    manifest: MapManifest | None
    faults: list[str]
    speeds: int | None = None


def build(
    source: Path, profile: str, box: Bounds | None, speeds: Path | None, *, as_json: bool, ends_with_input: bool
) -> int:
    """Build the map and put it in use; progress goes to standard error. Returns the exit code.

    `speeds` is the file with the city's table of speeds, which is put in use after the map; None leaves what there is.
    With `ends_with_input` the build is cancelled when standard input ends: for a program that starts this one.
    """
    import_module("console.city_map.build")  # so that what is missing here is said, and not by the child
    table: bytes | None = None
    if speeds is not None:
        try:
            table = _table_in(speeds)[1]
        except SpeedFileError as error:
            return _say_all(error.faults)
    folder = profile_folder(profile)
    builder = MapBuilder(folder)
    if ends_with_input:
        threading.Thread(target=_cancel_with_input, args=(builder,), daemon=True).start()
    try:
        built = builder.build(source, box, _ProgressLines().tell, window_open=lambda: is_held(window_lock(folder)))
    except Cancelled as error:
        return _say(str(error), _INTERRUPTED)
    except (NotAnOsmFile, MoreThanACity) as error:
        return _say(str(error), error_text.USAGE)
    except MapBuildError as error:
        return _say(str(error), error_text.LOCAL)
    if table is not None:
        _keep_speeds(folder, table)
    _report(profile, built, as_json=as_json)
    if is_held(window_lock(folder)):
        sys.stderr.write(
            "The window that is open goes on with the map that it has; it takes this one when it starts.\n"
        )
    return 0


def status(profile: str, *, as_json: bool) -> int:
    """Say what map a profile has, and whether its files are whole (all are read). Returns the exit code."""
    folder = existing_profile(profile)
    where = current_map(folder)
    manifest, wrong = None, list[str]()
    try:
        manifest = current_manifest(folder)
        if manifest is not None and where is not None:
            wrong = faults(where, manifest)
    except UnreadableMap as error:
        wrong = [str(error)]
    table: SpeedTable | None = None
    try:
        table = current_speeds(folder)
    except SpeedFileError as error:
        wrong += error.faults
    except OSError as error:
        wrong.append(f"{SPEEDS} can't be read: {error.strerror or 'the system refused'}.")
    lines = None if table is None else table.lines
    if as_json:
        result = MapStatusResult(profile, where.name if where else None, manifest, wrong, lines)
        sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
    else:
        speeds_line = [f"Table of speeds by class of road and hour, lines: {lines}"] if lines is not None else []
        for line in (*status_lines(manifest), *speeds_line, *wrong):
            sys.stdout.write(line + "\n")
    return error_text.LOCAL if wrong else 0


def status_lines(manifest: MapManifest | None) -> list[str]:
    """What there is to say of a map; the window says the same."""
    if manifest is None:
        return ["There is no city map. To make one: sigap map build FILE.osm.pbf."]
    counts = manifest.counts
    west, south, east, north = manifest.bounds
    lines = [
        f"{manifest.source}, data of {manifest.dated[:10] or 'an unknown date'}, built {manifest.built[:10]}",
        f"{thousands(counts.roads)} roads, {thousands(counts.places)} places, {thousands(counts.houses)} house "
        f"numbers, {manifest.bytes / 1e6:.1f} MB",
        f"south {south:.3f}, west {west:.3f}, north {north:.3f}, east {east:.3f}",
        manifest.attribution,
    ]
    if manifest.left_out:
        left = ", ".join(f"{thousands(count)} {what}" for what, count in manifest.left_out.items())
        lines.append(f"Left out: {left}")
    return lines


def remove(profile: str) -> int:
    """Delete the map of a profile; the window then shows the city's borders. Returns the exit code."""
    folder = existing_profile(profile)
    maps = MapFolder(folder)
    try:
        there = maps.remove()
    finally:
        maps.release()
    sys.stdout.write("The city map is removed.\n" if there else "There was no city map.\n")
    if there and is_held(window_lock(folder)):
        sys.stderr.write("The window that is open shows it until it ends.\n")
    return 0


def speeds(source: Path | None, profile: str, *, remove: bool) -> int:
    """Use the table of speeds in a file, or none any more, or print the one in use. Returns the exit code.

    A window that is open takes it with the next way that it asks for.
    """
    folder = existing_profile(profile)
    if remove:
        maps = MapFolder(folder)
        try:
            there = maps.remove_speeds()
        finally:
            maps.release()
        sys.stdout.write("Speeds are those without traffic again.\n" if there else "There was no table of speeds.\n")
        return 0
    try:
        table, content = _table_in(maps_of(folder) / SPEEDS if source is None else source)
    except SpeedFileError as error:
        return _say_all(error.faults)
    if source is None:
        sys.stdout.write(content.decode("utf-8-sig"))
        return 0
    _keep_speeds(folder, content)
    sys.stdout.write(f"The city's speeds are in use, lines: {table.lines}.\n")
    return 0


def fit(profile: str, *, apply: bool) -> int:
    """Find the city's speeds in the times that its crews took, and say what was found; with `apply` use them.

    Without enough drives nothing is changed. Returns the exit code.
    """
    from console.cache.drives import drives_of
    from console.city_map.router import Router
    from console.city_map.speed_fit import ENOUGH, Drive, fit_speeds

    folder = existing_profile(profile)
    map_folder = current_map(folder)
    if map_folder is None:
        return _say("Speeds are fitted over the streets of a city map, and there is none: sigap map build.", _NOTHING)
    settings, _ = begin_settings(folder)
    zone = city_zone(settings.sources)
    reader = CacheReader(folder)
    left_out: Counter[str] = Counter()
    drives, days = list[Drive](), list[datetime]()
    try:
        for source in settings.sources if reader.available else ():
            found = drives_of(reader.progress_entries(source.key), reader.exact_places(source.key, _EXACT_M), zone)
            drives += found.drives
            days += [day for day in (found.first, found.last) if day is not None]
            left_out.update(found.left_out)
    finally:
        reader.close()
    fitted = fit_speeds(Router(map_folder / STREETS), drives, _Routed().tell)
    left_out.update(fitted.left_out)
    table = fitted.table(min(days).astimezone(zone).date(), max(days).astimezone(zone).date()) if days else b""
    for line in _fit_lines(fitted, left_out):
        sys.stdout.write(line + "\n")
    if not fitted.daily:
        return _say(f"{ENOUGH} drives of the crews at least are needed: the speeds stay as they are.", _NOTHING)
    if not apply:
        sys.stdout.write("\n" + table.decode() + "\nNothing is changed. To use these: add --apply.\n")
        return 0
    _keep_speeds(folder, table)
    sys.stdout.write("These speeds are in use.\n")
    return 0


def _fit_lines(fitted: FittedSpeeds, left_out: Mapping[str, int]) -> list[str]:
    """What there is to say of speeds that were fitted."""
    lines = [f"Drives from one report to the next that count: {thousands(fitted.drives)}"]
    often = sorted(left_out.items(), key=lambda one: -one[1])
    lines += [f"  left out, {thousands(count)}: {why}" for why, count in often]
    for road, kmh in fitted.daily.items():
        hours = [speeds[road] for speeds in fitted.by_hour.values() if road in speeds]
        by_hour = f", by the hour {min(hours):.0f} to {max(hours):.0f}" if hours else ""
        lines.append(f"{road}: {kmh:.0f} km/h{by_hour} (as much as {fitted.of_class[road]:.0f} drives)")
    if fitted.daily:
        lines.append(
            f"Times by these are {100 * fitted.off:.0f} % off in the middle; "
            f"without a table {100 * fitted.off_before:.0f} %."
        )
    return lines


class _Routed:
    """How many ways were found, a line every few seconds."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def tell(self, done: int, every: int) -> None:
        if time.monotonic() - self._last >= _ROUTED_S:
            self._last = time.monotonic()
            sys.stderr.write(f"{100 * done // every:3d} % ways of {thousands(every)}\n")
            sys.stderr.flush()


def _table_in(file: Path) -> tuple[SpeedTable, bytes]:
    """Raises SpeedFileError, also where the file can't be read."""
    try:
        return read_speeds(file)
    except FileNotFoundError:
        raise SpeedFileError([f"There is no file {file.name} in {file.parent.absolute()}."]) from None
    except OSError as error:
        raise SpeedFileError([f"{file} can't be read: {error.strerror or 'the system refused'}."]) from error


def _keep_speeds(folder: Path, content: bytes) -> None:
    maps = MapFolder(folder)
    try:
        maps.keep_speeds(content)
    except OSError as error:
        raise from_os(error, maps_of(folder) / SPEEDS) from error
    finally:
        maps.release()


class _ProgressLines:
    """Progress, a few lines a second and one for each part of the work: " 47 % tiles z14: 412 of 883"."""

    def __init__(self) -> None:
        self._last, self._part = -_REST_S, ""

    def tell(self, words: str, share: float) -> None:
        now, part = time.monotonic(), words.partition(" ")[0]
        if now - self._last >= _REST_S or part != self._part:
            self._last, self._part = now, part
            sys.stderr.write(f"{100 * share:3.0f} % {words}\n")
            sys.stderr.flush()


def _report(profile: str, built: BuiltMap, *, as_json: bool) -> None:
    manifest = built.manifest
    if as_json:
        counts = manifest.counts
        result = MapBuildResult(
            profile=profile,
            map=built.folder.name,
            roads=counts.roads,
            nodes=counts.nodes,
            places=counts.places,
            bytes=manifest.bytes,
            duration_s=round(built.duration_s, 1),
            left_out=manifest.left_out,
        )
        sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
        return
    for line in (f"The city map of profile {profile} is built, in {built.duration_s:.0f} s:", *status_lines(manifest)):
        sys.stdout.write(line + "\n")


def _cancel_with_input(builder: MapBuilder) -> None:
    while os.read(0, 1):
        pass
    builder.cancel()


def _say_all(sentences: Sequence[str]) -> int:
    for sentence in sentences:
        _say(sentence, error_text.USAGE)
    return error_text.USAGE


def _say(sentence: str, code: int) -> int:
    sys.stderr.write(f"sigap: {sentence}\n")
    return code
