"""One round of the board: the cache and the operator's own pending edits become a snapshot, and that a View."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import Any

import msgspec
import numpy as np

from api_client.model import Assignment, AssignmentState, Kind, Report, UnitState, WaitsFor
from console.board.snapshot import NO_PLACE, BoardSnapshot
from console.board.view import View, make_view
from console.cache.catalog import Catalog, Cities, lookups, read_catalog
from console.cache.packed_columns import hold_until, seconds, waits_for_official
from console.cache.page_items import FIRST_ROW
from console.cache.reader import CacheReader, street_words
from console.rules.apply import ReportState, jobs_after
from console.rules.divert import beside, step_on
from console.rules.edit import ON_REPORT, Edit, is_local
from console.rules.filter import Filter
from console.rules.loaded import Loaded
from console.rules.pending import created_report, with_edits
from console.rules.queued import PENDING, EditState, Queued
from console.rules.report import holder_of
from console.rules.scoped_code import ScopedCode
from console.rules.status import ON_THE_WAY, ORDER
from console.rules.time_range import TimeRange

LOCAL_ROWS = FIRST_ROW
"""Cache rows begin here; the numbers below belong to reports that were created here and are not at the server yet."""


def is_made_here(row: int) -> bool:
    """Whether a row is that of a report that was created here and is not at the server yet."""
    return 0 < row < LOCAL_ROWS


class Patch(msgspec.Struct, frozen=True):
    """A report of the cache as own pending edits make it."""

    row: int
    edits: tuple[Edit, ...]
    report: Report


class Round(msgspec.Struct, frozen=True):
    """The input of a round. `rows` are rows of the cache that changed, `edits` the pending ones by (source, report),
    `remote` maps local keys to ids at the server.
    """

    snapshot: BoardSnapshot | None
    rows: tuple[int, ...]
    edits: dict[tuple[str, str], tuple[Edit, ...]]
    local_rows: dict[str, int]
    remote: dict[str, str]
    cities: Cities | None
    filter: Filter
    zone: tzinfo
    number: int
    me: str
    names: dict[str, str] = {}
    """What the operator is called at each source that calls him otherwise than `me`."""
    kinds: frozenset[str] = frozenset()
    """The kinds of the catalogs that are to be read again."""
    before: View | None = None
    """The View that is shown."""
    local_sources: dict[str, str] = {}
    """The reports created here that are looked for in the cache, those with a local row among them: key -> source."""
    time_range: TimeRange = TimeRange.DAY
    """How far the charts look back."""
    followed: tuple[str, ...] = ()
    """The sources whose reports belong in the picture; those that the cache knows when none is given."""
    languages: tuple[str, ...] = ()
    """Those in which the operator reads the city's names."""
    patches: dict[tuple[str, str], Patch] = {}
    """The patches in `snapshot`: only reports that changed, in the cache or in the outbox, are read again."""


class Played(msgspec.Struct, frozen=True):
    """The result of a round."""

    snapshot: BoardSnapshot
    cities: Cities
    view: View
    shown: dict[int, Report]
    """The reports that pending edits changed, as shown, by row."""
    patches: dict[tuple[str, str], Patch]
    """The patches of reports that are in the cache, for the next round."""
    changed: frozenset[int]
    """Rows of `shown` that changed since the round before, and rows that pending edits do not change any more."""
    arrived: dict[str, int]
    """Reports created here that the cache holds now: local key -> row."""
    same: bool
    """Whether nothing that is shown differs from the View before."""
    blind: bool
    """Whether there was no cache to read: none yet, or one that its writer is migrating."""


def is_shown(queued: Queued, *, is_anothers: bool) -> bool:
    """Whether the report is shown with this edit applied.

    An edit of another operator, who is signed out and may be away for days, is not applied to a report of the server.
    Example: he closed a report without a network, and others have made it P1 since. His new reports are shown.
    """
    edit = queued.edit
    made_here = is_local(edit.report)
    # protects: who-is-away-hides-nothing
    if is_anothers and edit.kind in ON_REPORT and not made_here:
        return False
    return queued.state in PENDING or (edit.kind is Kind.CREATE and queued.state is EditState.ATTENTION)


def shown_edits(
    outbox: Iterable[Queued], is_anothers: Callable[[Edit], bool]
) -> dict[tuple[str, str], tuple[Edit, ...]]:
    """The edits of an outbox that are applied to what is shown: (source, report) -> edits, oldest first,
    but the creation before all.

    `is_anothers` says which edits wait for another operator to sign in.
    """
    edits: dict[tuple[str, str], list[Edit]] = {}
    for queued in outbox:
        edit = queued.edit
        if edit.report is not None and is_shown(queued, is_anothers=is_anothers(edit)):
            for one in (edit, *(step_on(edit, key) for key in beside(edit))):
                edits.setdefault((edit.source, str(one.report)), []).append(one)
    return {
        key: tuple(sorted(found, key=lambda edit: (edit.kind is not Kind.CREATE, edit.number)))
        for key, found in edits.items()
    }


def play(job: Round, reader: CacheReader, now_s: int) -> Played:
    """Make the next snapshot and its View; call it on a worker thread, or in a program without a window."""
    blind = not reader.available
    cities = job.cities
    if cities is None or job.kinds:
        cities = read_catalog(reader, cities, job.kinds, job.languages)
    kept = job.patches if job.snapshot is not None and cities is job.cities else {}
    rows = set(job.rows)
    if job.snapshot is not None:
        rows.update(job.snapshot.ended_after(now_s).tolist())
    patches: dict[int, Report] = {}
    sent: dict[int, str] = {}
    sources: dict[int, str] = {}
    now_on: dict[tuple[str, str], Patch] = {}
    arrived = _arrived(job, reader)
    # What made it here leaves the board in this round, and the word that its row has changed may come after it.
    # protects: what-arrives-is-not-gone-meanwhile
    rows.update(arrived.values())
    for (source, key), edits in job.edits.items():
        known = kept.get((source, key))
        if known is not None and known.edits == edits and known.row not in rows and not is_local(key):
            now_on[source, key] = known
            patches[known.row] = known.report
            continue
        row = arrived.get(key) or reader.row_of(source, key)
        if row is not None:
            cached = reader.report(row)
            if cached is None:
                continue
            later = [edit for edit in edits if edit.kind is not Kind.CREATE]
            if not later:
                continue
            jobs, entries = tuple(reader.assignments(row)), tuple(reader.entries(row))
            server = ReportState(cached.report, jobs, entries)
        elif key in job.local_rows and edits[0].kind is Kind.CREATE:
            row = job.local_rows[key]
            later = list(edits[1:])
            server = ReportState(created_report(edits[0], lookups(cities.of(source))))
        else:
            continue
        shown = with_edits(server, later, now=edits[-1].occurred_at, known=lookups(cities.of(source), reader, source))
        patches[row] = shown.report
        sources[row] = source
        rows.add(row)
        if shown.assignments != server.assignments:
            sent[row] = next((job.unit for job in shown.live_jobs), "")
        if row >= LOCAL_ROWS:
            now_on[source, key] = Patch(row, edits, patches[row])
    dropped = {patch.row for patch in job.patches.values()} - patches.keys()
    rows |= dropped
    changed = frozenset(sources.keys() | dropped)
    gone = [row for row in job.local_rows.values() if row not in patches]
    if job.snapshot is None:
        snapshot = BoardSnapshot.build(reader.columns())
        rows = set(patches)
    else:
        snapshot = job.snapshot
    if rows or gone:
        anew = {row: report for row, report in patches.items() if row in rows}
        columns = _columns(reader, sorted(rows), anew, sources, cities)
        removed = tuple(sorted((rows | set(gone)) - set(columns["row"].tolist())))
        for index, row in enumerate(columns["row"].tolist()):
            if row in sent:
                columns["lead_unit"][index] = cities.numbers.get("unit", {}).get((sources[row], sent[row]), 0)
        pending = np.isin(columns["row"], np.fromiter(patches, dtype=np.int64, count=len(patches))).astype(np.int8)
        snapshot = snapshot.with_rows(columns, removed=removed, pending=pending)
    snapshot = snapshot.at(now_s)
    before = job.before
    known_ways = before is not None and before.snapshot is snapshot and cities is job.cities
    under_way = before.under_way if before is not None and known_ways else _under_way(job.edits, cities, reader)
    # Of a cache that is made anew while the window is open the last picture is shown until then.
    loaded = before.loaded if blind and before is not None else reader.loaded(job.followed)
    text_rows = None
    for words, rows_with, has_words in (
        (job.filter.text, reader.matching, _has_words),
        (job.filter.street, reader.on_street, _is_on_street),
    ):
        if words:
            made_here = [row for row, report in patches.items() if row < LOCAL_ROWS and has_words(report, words)]
            found = np.concatenate([np.array(made_here, np.int64), rows_with(words)])
            text_rows = found if text_rows is None else np.intersect1d(text_rows, found)
    users, sources_ = cities.numbers.get("user", {}), cities.numbers.get("source", {})
    me = {number: users.get(("", job.names.get(key, job.me)), -1) for (_, key), number in sources_.items()}
    view = make_view(
        snapshot,
        job.filter,
        now_s,
        job.number,
        words=cities.words,
        text_rows=text_rows,
        me=me,
        zone=job.zone,
        areas=cities.areas,
        under_way=under_way,
        with_crews=[cities.source_number(source) for source, catalog in cities.catalogs.items() if catalog.units],
        loaded=loaded,
        read_from=[
            cities.source_number(source)
            for source in cities.catalogs
            if loaded < Loaded.REPORTS <= reader.loaded([source])
        ],
        time_range=job.time_range,
    )
    same = job.before is not None and cities is job.cities and view.shows_same(job.before)
    return Played(snapshot, cities, view, patches, now_on, changed, arrived, same, blind)


def _under_way(edits: Mapping[tuple[str, str], tuple[Edit, ...]], cities: Cities, reader: CacheReader) -> np.ndarray:
    """The rows of reports to which a crew is on its way, or at which one is, with own pending edits applied.

    A crew that has reported that it cannot work does not count. A crew with several such jobs counts for one report
    only: where it is on the scene, else where it last said that it is driving to.
    """
    jobs: dict[ScopedCode, list[Assignment]] = {}
    for source, catalog in cities.catalogs.items():
        for one in catalog.assignments:
            jobs.setdefault((source, one.report), []).append(one)
    for scoped_code in edits.keys() & jobs.keys():
        jobs[scoped_code] = list(jobs_after(tuple(jobs[scoped_code]), scoped_code[1], edits[scoped_code]))
    heads_for: dict[ScopedCode, Assignment] = {}
    for (source, _), live in jobs.items():
        for one in live:
            crew, catalog = (source, one.unit), cities.of(source)
            if _comes(one, catalog) and (crew not in heads_for or _is_nearer(one, heads_for[crew])):
                heads_for[crew] = one

    def is_under_way(scoped_code: ScopedCode) -> bool:
        source, catalog = scoped_code[0], cities.of(scoped_code[0])
        there = AssignmentState.ON_SCENE
        # protects: who-is-there-is-not-on-the-way-elsewhere
        coming = [one for one in jobs[scoped_code] if one.state is there or heads_for.get((source, one.unit)) is one]
        return any(_comes(one, catalog) for one in coming)

    found = [scoped_code for scoped_code in jobs if is_under_way(scoped_code)]
    rows = [reader.row_of(*scoped_code) for scoped_code in found]
    return np.array([row for row in rows if row is not None], np.int64)


def _is_nearer(job: Assignment, other: Assignment) -> bool:
    """Whether a crew with both jobs counts for this one: it is on the scene there, or has said later that it drives
    there.
    """
    is_there = (job.state is AssignmentState.ON_SCENE, other.state is AssignmentState.ON_SCENE)
    return is_there[0] if is_there[0] is not is_there[1] else (job.since, job.id) > (other.since, other.id)


def _comes(job: Assignment, catalog: Catalog) -> bool:
    unit = catalog.units.get(job.unit)
    # protects: who-cannot-work-is-not-on-the-way
    return job.state in ON_THE_WAY and (unit is None or unit.state is not UnitState.UNAVAILABLE)


def _has_words(report: Report, text: str) -> bool:
    """Whether each word of `text` begins a word of the report, as in the cache's search."""
    words = _words(" ".join((report.title, report.description, report.address)))
    return all(any(word.startswith(wanted) for word in words) for wanted in _words(text))


def _is_on_street(report: Report, street: str) -> bool:
    """Whether the report's address has the words in a row, as in the cache's search."""
    words, wanted = _words(report.address), street_words(street)
    return bool(wanted) and any(
        [*words[at : at + len(wanted) - 1], words[at + len(wanted) - 1][: len(wanted[-1])]] == wanted
        for at in range(len(words) - len(wanted) + 1)
    )


def _words(text: str) -> list[str]:
    return "".join(letter if letter.isalnum() else " " for letter in text.casefold()).split()


def _arrived(job: Round, reader: CacheReader) -> dict[str, int]:
    """Local key -> row of reports created here that are in the cache now, found by the id that the server answered with
    or by the history entry of their CREATE.
    """
    found = {}
    for (source, key), edits in job.edits.items():
        if key not in job.local_rows and key not in job.remote:
            continue
        remote = job.remote.get(key) or next(
            (reader.report_of_edit(edit.id) for edit in edits if edit.kind is Kind.CREATE), None
        )
        row = reader.row_of(source, remote) if remote else None
        if row is not None:
            found[key] = row
    for key in job.local_sources.keys() - {key for _, key in job.edits}:
        # Its CREATE was proved, and left the outbox, before this round began.
        row = reader.row_of(job.local_sources[key], job.remote[key]) if key in job.remote else None
        if row is not None:
            found[key] = row
    return found


def _columns(
    reader: CacheReader, rows: Sequence[int], patches: dict[int, Report], sources: dict[int, str], cities: Cities
) -> dict[str, np.ndarray]:
    """The cache's columns of `rows`; the values of patched reports are those that are shown."""
    columns = {
        name: column.copy() for name, column in reader.columns([row for row in rows if row >= LOCAL_ROWS]).items()
    }
    at = {row: index for index, row in enumerate(columns["row"].tolist())}
    for row in (row for row in patches if row not in at):
        for name, column in columns.items():
            columns[name] = np.append(column, np.zeros(1, column.dtype))
        at[row] = len(columns["row"]) - 1
        columns["row"][at[row]] = row
        columns["source"][at[row]] = cities.source_number(sources[row])
    for row, report in patches.items():
        for name, value in _values(report, sources[row], cities).items():
            columns[name][at[row]] = value
    return columns


def _values(report: Report, source: str, cities: Cities) -> dict[str, Any]:
    """The columns of a report that the operator's edits can change, with their values."""
    numbers = cities.numbers
    waits = tuple(WaitsFor)
    placed = report.lat is not None and report.lon is not None
    user = holder_of(report) or ""
    return {
        "status": ORDER.index(report.status),
        "priority": report.priority,
        "hold": waits.index(report.hold.waits_for) + 1 if report.hold else 0,
        "hold_until": hold_until(report),
        "moderation": waits_for_official(report),
        "service": numbers.get("service", {}).get((source, report.service or ""), 0),
        "area": numbers.get("area", {}).get((source, report.area or ""), 0),
        "agency": numbers.get("agency", {}).get((source, report.agency or ""), 0),
        "claim": numbers.get("user", {}).get(("", user), _unlisted(user)),
        "lat_e7": round(report.lat * 1e7) if placed and report.lat is not None else NO_PLACE,
        "lon_e7": round(report.lon * 1e7) if placed and report.lon is not None else NO_PLACE,
        "created": seconds(report.created),
        "updated": seconds(report.updated),
        "photos": len(report.photos),
        "merged": int(report.merged_into is not None),
    }


def _unlisted(user: str) -> int:
    """The column value of a claim by a user whom the cache has no number for yet: -1; 0 for no claim."""
    return -1 if user else 0
