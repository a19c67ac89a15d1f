"""cache.db as one process writes it and others read it."""

from __future__ import annotations

import sqlite3
import stat
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from api_client.model import (
    ERASED,
    Area,
    AssignmentState,
    Claim,
    Clock,
    ClockState,
    Hold,
    Photo,
    PhotoRole,
    Publication,
    Status,
    Unit,
    UnitState,
    WaitsFor,
)
from console.cache.packed_columns import NO_PLACE, pack
from console.cache.reader import CacheReader
from console.cache.schema import REFUSED_JOB
from console.cache.writer import CacheWriter, DeletedItem, PageItem
from console.files.sqlite_file import CACHE, set_aside
from console.rules.status import ORDER
from tests.unit.cache.making import T0, assignment, at, entry, ids, items, report


def column(reader: CacheReader, name: str) -> dict[str, int]:
    """One column by remote id."""
    columns = reader.columns()
    texts = {text.row: text.remote_id for text in reader.texts(columns["row"])}
    return {texts[int(row)]: int(value) for row, value in zip(columns["row"], columns[name], strict=True)}


def test_seconds_are_rounded_down_before_1970_and_at_the_end_of_all_days(
    writer: CacheWriter, reader: CacheReader
) -> None:
    old, last = datetime(1969, 12, 31, 23, 59, 58, 500_000, UTC), datetime.max.replace(tzinfo=UTC)
    writer.apply("city", items(report("1", created=old), report("2", created=last)), at(2))
    made = reader.created("city", ["1", "2"])
    assert made == {"1": old.replace(microsecond=0), "2": last.replace(microsecond=0)}
    assert column(reader, "created") == {key: moment.timestamp() for key, moment in made.items()}


def test_a_report_comes_back_as_it_was_and_as_columns(writer: CacheWriter, reader: CacheReader) -> None:
    full = report(
        "928214",
        title="Banjir",
        status=Status.PROGRESS,
        area="31.75",
        agency="sda",
        lat=-6.2001234,
        lon=106.8004321,
        priority=1,
        updated=T0 + timedelta(hours=1),
        hold=Hold("rain", WaitsFor.WEATHER),
        claim=Claim("rina", T0),
        duplicates=2,
        merged_into="7",
        photos=(Photo("ab", PhotoRole.REPORT),),
        clocks=(
            Clock("first_response", ClockState.MET, T0, 60, due=T0, met_at=T0),
            Clock("finish", ClockState.RUNNING, T0, 3600, due=T0 + timedelta(hours=2)),
        ),
    )
    writer.apply("city", items(full, report("2")), at(2))

    row = reader.row_of("city", "928214")
    assert row is not None
    cached = reader.report(row)
    assert cached is not None
    assert (cached.source, cached.report) == ("city", full)
    assert reader.row_of("another", "928214") is None
    columns = reader.columns([row])
    words = {kind: reader.words(kind) for kind in ("source", "service", "area", "agency", "user")}
    assert {name: int(values[0]) for name, values in columns.items() if name not in words} == {
        "row": row,
        "created": int(T0.timestamp()),
        "updated": int(T0.timestamp()) + 3600,
        "due": int(T0.timestamp()) + 7200,
        "lat_e7": -62001234,
        "lon_e7": 1068004321,
        "lead_unit": 0,
        "claim": columns["claim"][0],
        "duplicates": 2,
        "status": ORDER.index(Status.PROGRESS),
        "hold": list(WaitsFor).index(WaitsFor.WEATHER) + 1,
        "priority": 1,
        "due_state": 1,
        "photos": 1,
        "merged": 1,
        "hold_until": columns["hold_until"][0],
        "moderation": 0,
    }
    assert [words[kind][int(columns[kind][0])] for kind in ("source", "service", "area", "agency")] == [
        ("", "city"),
        ("city", "flood"),
        ("city", "31.75"),
        ("city", "sda"),
    ]
    assert words["user"][int(columns["claim"][0])] == ("", "rina")
    assert column(reader, "lat_e7")["2"] == column(reader, "lon_e7")["2"] == NO_PLACE
    assert reader.cursors() == {"city": at(2)}


def test_damaged_places_and_huge_numbers_still_fit(writer: CacheWriter, reader: CacheReader) -> None:
    odd = report(
        "1",
        lat=float("nan"),
        lon=400.0,
        duplicates=10**6,
        priority=99,
        photos=tuple(Photo(f"{n:064x}", PhotoRole.OTHER) for n in range(300)),
    )
    writer.apply("city", items(odd), at(1))
    columns = reader.columns()
    assert (columns["lat_e7"][0], columns["duplicates"][0], columns["photos"][0]) == (NO_PLACE, 32767, 127)


_EVENTS = st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), min_size=1, max_size=12)


@settings(max_examples=60)
@given(events=_EVENTS, data=st.data())
def test_whatever_order_pages_come_in_the_highest_number_wins(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[str, bool]], data: st.DataObject
) -> None:
    """Pages arrive shuffled and twice (a snapshot behind changes, a page again after a crash)."""
    numbered = [(seq, key, gone) for seq, (key, gone) in enumerate(events, start=1)]
    arriving = data.draw(st.permutations(numbered + numbered[:3]))
    folder = tmp_path_factory.mktemp("cache")
    writer, reader = CacheWriter(folder), CacheReader(folder)
    for seq, key, gone in arriving:
        deleted = [DeletedItem("report", key, seq)] if gone else []
        page = [] if gone else [PageItem("report", seq, key, report(key, version=seq, description=f"word{seq}x"))]
        writer.apply("city", page, at(seq), gone=deleted)
    last = {key: (seq, gone) for seq, key, gone in numbered}
    expected = {key: seq for key, (seq, gone) in last.items() if not gone}
    rows = {key: reader.row_of("city", key) for key in "abcd"}
    versions = {key: cached.report.version for key, row in rows.items() if (cached := reader.report(row or 0))}
    assert versions == expected
    for seq, key, _ in numbered:  # the search index followed every change
        assert ids(reader.matching(f"word{seq}x")) == ([rows[key]] if expected.get(key) == seq else [])
    writer.close()
    reader.close()


def test_the_lead_unit_is_the_first_that_still_works(writer: CacheWriter, reader: CacheReader) -> None:
    early = PageItem("assignment", 1, "a2", assignment("a2", "1", "u2", AssignmentState.DISPATCHED, minute=2))
    writer.apply("city", [early], at(1))  # before its report
    writer.apply("city", items(report("1"), report("2"), seq=2), at(3))
    assert reader.words("unit")[column(reader, "lead_unit")["1"]] == ("city", "u2")
    assert column(reader, "lead_unit")["2"] == 0

    first = PageItem("assignment", 4, "a1", assignment("a1", "1", "u1", AssignmentState.EN_ROUTE, minute=1))
    touched = writer.apply("city", [first], at(4))
    assert reader.words("unit")[column(reader, "lead_unit")["1"]] == ("city", "u1")
    assert touched.rows == (reader.row_of("city", "1"),)
    assert [one.unit for _, one in reader.all_assignments_open()] == ["u1", "u2"]

    done = PageItem("assignment", 5, "a1", assignment("a1", "1", "u1", AssignmentState.DONE, minute=1))
    newer = PageItem("report", 6, "1", report("1", version=2, status=Status.PROGRESS))
    writer.apply("city", [done, newer], at(6))
    assert reader.words("unit")[column(reader, "lead_unit")["1"]] == ("city", "u2")
    writer.apply("city", [], at(7), gone=[DeletedItem("assignment", "a2", 7)])
    assert column(reader, "lead_unit")["1"] == 0


def test_what_crews_refused_lately_is_found_by_its_index(writer: CacheWriter, reader: CacheReader) -> None:
    refused, done = AssignmentState.REFUSED, AssignmentState.DONE
    jobs = [
        assignment("a1", "1", "u1", refused, minute=1),
        assignment("a2", "1", "u2", refused, minute=5),
        assignment("a3", "1", "u3", done, minute=6),
        assignment("a4", "2", "u1", refused, minute=7),
        assignment("a5", "2", "u5", AssignmentState.DISPATCHED, minute=8),
    ]
    page = [PageItem("assignment", number, one.id, one) for number, one in enumerate(jobs, 1)]
    writer.apply("city", page, at(9))
    writer.apply("other", [PageItem("assignment", 1, "b", assignment("b", "1", "u9", refused, minute=9))], at(1))
    assert [one.id for one in reader.refused_since("city", T0 + timedelta(minutes=2))] == ["a4", "a2"]
    assert reader._connection is not None
    plan = reader._connection.execute(
        f"EXPLAIN QUERY PLAN SELECT body FROM assignments WHERE source = 1 AND {REFUSED_JOB} AND created > 5"
    ).fetchall()
    assert "assignments_refused" in str(plan)


def test_an_edit_is_proved_by_the_entry_that_bears_its_id(writer: CacheWriter, reader: CacheReader) -> None:
    writer.apply("city", items(report("1")), at(1))
    second = PageItem("entry", 2, "h1", entry("h1", "1", "edit-1", minute=5))
    earlier = PageItem("entry", 3, "h0", entry("h0", "1", None, minute=1))
    touched = writer.apply("city", [second, earlier], at(3))
    assert touched.edits == ("edit-1",)
    assert touched.rows == (reader.row_of("city", "1"),)
    assert touched.kinds == ("entry",)
    assert reader.proved(["edit-1", "edit-2"]) == {"edit-1"}
    assert [one.id for one in reader.entries(touched.rows[0])] == ["h0", "h1"]


def test_search_finds_beginnings_newest_first_and_numbers_before_all(writer: CacheWriter, reader: CacheReader) -> None:
    old = report("100", title="Banjir di Cawang", created=T0 - timedelta(days=1))
    new = report("101", description="banjir besar, lampu 100 padam", address="Jl. Otista")
    writer.apply("city", [*items(new, old)], at(2))
    row = {key: reader.row_of("city", key) for key in ("100", "101")}
    assert ids(reader.find("BANJ", 10)) == [row["101"], row["100"]]
    assert ids(reader.find("100", 10)) == [row["100"], row["101"]]
    assert ids(reader.find("banjir otis", 10)) == [row["101"]]
    assert ids(reader.find("banjir", 1)) == [row["101"]]
    for hostile in ('"', "* OR (", "title:banjir NEAR(", "';--", "\x00", "ba*nj"):
        reader.find(hostile, 5)
    assert ids(reader.find("!?", 5)) == ids(reader.matching("--")) == []


def test_the_names_of_many_areas_do_not_cost_many_looks_at_each_report(
    writer: CacheWriter, reader: CacheReader
) -> None:
    """A fill and each long catch-up end with it: a look at all names for each report was 28 s for a million."""
    areas = [PageItem("area", 1, f"a{n}", Area(f"a{n}", f"Ward {n}", 3)) for n in range(300)]
    reports = items(*(report(str(n), area=f"a{n % 300}") for n in range(1000)), seq=2)
    writer.apply("city", reports, at(1002))
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    with writer.bulk():
        writer.apply("city", areas, at(1003))
        writer._connection.set_progress_handler(count, 1000)
        assert writer._rename_areas()
        assert not writer._rename_areas()
        writer._connection.set_progress_handler(None, 0)
    assert steps < 200, "thousands of SQLite's steps: a pass over reports and over areas, not over their product"
    assert reader.matching("ward 299").size == 3


def test_what_came_to_a_few_reports_is_read_without_a_look_at_all_histories(
    writer: CacheWriter, reader: CacheReader
) -> None:
    """Each page of a live city asks that: it went through all entries, a tenth of a second for 30,000 reports."""
    writer.apply("city", items(*(report(str(n)) for n in range(2000))), at(2000))
    told = [PageItem("entry", 2001 + n, f"h{n}", entry(f"h{n}", str(n), None)) for n in range(2000)]
    writer.apply("city", told, at(4001))
    rows = [row for n in (3, 700) if (row := reader.row_of("city", str(n))) is not None]
    reader.reports_of("city", ["3"])  # the connection is there
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    assert reader._connection is not None
    reader._connection.set_progress_handler(count, 10)
    found = reader.entries_after("city", 2000, None, rows)
    reports = reader.reports_of("city", ["3", "700", "none"])
    assert reader.keys([*rows, 9999]) == {rows[0]: ("city", "3"), rows[1]: ("city", "700")}
    reader._connection.set_progress_handler(None, 0)
    assert [(row, one.id) for row, one in found] == [(rows[0], "h3"), (rows[1], "h700")]
    assert {key: one.id for key, one in reports.items()} == {"3": "3", "700": "700"}
    assert steps < 100, "ten thousands of SQLite's steps: all reports or entries of the source are looked through"


def test_area_names_that_arrive_late_are_searched_too(writer: CacheWriter, reader: CacheReader) -> None:
    writer.apply("city", items(report("1", area="31.75")), at(1))
    writer.apply("city", [PageItem("area", 2, "31.75", Area("31.75", "Cawang", 3))], at(2))
    assert ids(reader.matching("cawang")) == [reader.row_of("city", "1")]


def test_a_bulk_fill_ends_with_search_and_an_interrupted_one_is_mended(tmp_path: Path) -> None:
    writer, reader = CacheWriter(tmp_path), CacheReader(tmp_path)
    with writer.bulk():
        writer.apply("city", items(report("1", title="kata1", area="x")), at(1))
        writer.apply("city", [PageItem("area", 2, "x", Area("x", "Menteng", 3))], at(2))
    assert ids(reader.matching("kata1 menteng")) == [reader.row_of("city", "1")]
    bulk = writer.bulk()
    bulk.__enter__()
    writer.apply("city", items(report("2", title="kata2"), seq=3), at(3))
    assert not bulk.__exit__(ConnectionError, ConnectionError(), None)
    writer.close()
    writer = CacheWriter(tmp_path)
    writer.apply("city", [], at(4))
    assert ids(reader.matching("kata2")) == [reader.row_of("city", "2")]
    writer.close()
    reader.close()


def test_a_source_that_is_read_anew_can_be_searched(writer: CacheWriter, reader: CacheReader) -> None:
    """What a restored server says replaces what was there in the middle of a fill."""
    writer.apply("city", items(report("1", description="kata lama")), at(1))
    with writer.bulk():
        writer.forget("city")
        writer.apply("city", items(report("1", description="kata baru"), report("2", description="kata baru")), at(2))
    assert len(reader.matching("baru")) == 2
    assert len(reader.matching("lama")) == 0
    writer.apply("city", [], at(3), gone=[DeletedItem("report", "1", 3)])
    assert len(reader.matching("baru")) == 1


def test_forgetting_a_source_leaves_the_others(writer: CacheWriter, reader: CacheReader) -> None:
    unit = Unit("u1", "U-1", UnitState.AVAILABLE, T0)
    for source in ("city", "other"):
        writer.apply(source, [*items(report("1", title=source)), PageItem("unit", 2, "u1", unit)], at(2))
    assert writer.forget("city").everything
    assert (reader.row_of("city", "1"), writer.cursor("city")) == (None, None)
    assert reader.units() == [("other", unit)]
    assert ids(reader.matching("city other")) == []
    assert ids(reader.matching("other")) == [reader.row_of("other", "1")]
    writer.apply("city", items(report("1")), at(1))  # numbers of the forgotten data bar nothing
    assert reader.row_of("city", "1") is not None


def test_what_a_record_held_before_its_server_was_set_back_is_known_until_it_holds_it_again(
    writer: CacheWriter, reader: CacheReader
) -> None:
    def entries(*edits: str) -> list[PageItem]:
        return [PageItem("entry", 1, each, entry(each, "1", each)) for each in edits]

    writer.apply("other", entries("theirs"), at(1))
    writer.apply("city", [*items(report("1")), *entries("a", "b", "c", "d")], at(1))
    writer.apply("city", [], at(2), gone=[DeletedItem("entry", "d", 2)])
    writer.forget("city")
    assert reader.taken_back("city") == set(), "all is read anew, and nothing was lost"
    writer.apply("city", entries("a", "b", "c"), at(1))
    writer.forget("city", set_back=True)
    writer.apply("city", entries("a"), at(1))
    assert reader.taken_back("city") == {"b", "c"}
    assert reader.taken_back("other") == set()
    writer.apply("city", entries("b"), at(1))
    writer.apply("city", [], at(2), gone=[DeletedItem("entry", "b", 2)])
    assert reader.taken_back("city") == {"c"}


def test_one_entry_of_a_clock_far_ahead_hides_nothing_that_was_lost(writer: CacheWriter, reader: CacheReader) -> None:
    """A server that had started once in a wrong year: after a restore no console missed its dispatch."""
    year_ahead = replace(entry("ahead", "1", "ahead"), at=T0 + timedelta(days=400))
    things = [PageItem("entry", 1, "a", entry("a", "1", "a")), PageItem("entry", 1, "ahead", year_ahead)]
    writer.apply("city", [*items(report("1")), *things], replace(at(1), as_of=T0 + timedelta(hours=1)))
    writer.forget("city", set_back=True)
    assert reader.taken_back("city") == {"a", "ahead"}


def test_contacts_of_an_older_cache_are_overwritten(tmp_path: Path) -> None:
    writer = CacheWriter(tmp_path)
    writer.apply("city", items(report("1")), at(1))
    writer.close()
    older = sqlite3.connect(tmp_path / "cache.db")
    older.execute("CREATE TABLE contacts (source INTEGER, report TEXT, body BLOB, PRIMARY KEY (source, report))")
    older.execute("INSERT INTO contacts VALUES (1, '1', '0812-555-777')")
    older.execute("DELETE FROM _sqlite_migrations WHERE name = 'c003_no_contacts'")
    older.execute("PRAGMA user_version = 2")
    older.commit()
    older.close()
    writer = CacheWriter(tmp_path)
    assert (writer.set_aside, writer.cursor("city")) == (None, at(1))
    writer.close()
    assert b"0812-555-777" not in (tmp_path / "cache.db").read_bytes()


def test_an_older_cache_gets_the_way_to_merged_reports_and_keeps_what_it_has(
    tmp_path: Path, reader: CacheReader
) -> None:
    """Which is by their own index: `INDEXED BY` in the question fails without it."""
    writer = CacheWriter(tmp_path)
    writer.apply("city", items(report("1", duplicates=1), report("2", merged_into="1"), report("3")), at(1))
    writer.close()
    older = sqlite3.connect(tmp_path / "cache.db")
    older.execute("UPDATE reports SET facts = substr(facts, 1, 64)")
    older.execute("DROP INDEX reports_merged")
    older.execute("ALTER TABLE cursors DROP COLUMN unread")
    older.execute("ALTER TABLE cursors DROP COLUMN whole")
    steps = "'c006_unread', 'c007_merged', 'c008_whole', 'c009_hold_until', 'c020_moderation'"
    older.execute(f"DELETE FROM _sqlite_migrations WHERE name IN ({steps})")
    older.execute("PRAGMA user_version = 5")
    older.commit()
    older.close()
    assert reader.merged_into("city", "1") == [], "it is read once the writer has brought it up to date"
    writer = CacheWriter(tmp_path)
    assert (writer.set_aside, writer.cursor("city")) == (None, at(1))
    assert [one.report.id for one in reader.merged_into("city", "1")] == ["2"]
    writer.close()


def test_an_older_cache_learns_when_its_holds_end_and_what_waits_to_be_published(
    tmp_path: Path, reader: CacheReader
) -> None:
    """Its picture held a report for as long as nothing else happened to it."""
    until = T0 + timedelta(hours=4, microseconds=1)
    reports = [
        report("1", hold=Hold("rain", WaitsFor.WEATHER, until), merged_into="2"),
        report("2", hold=Hold("rain", WaitsFor.WEATHER)),
        report("3", publication=Publication.WAITING),
    ]
    writer = CacheWriter(tmp_path)
    writer.apply("city", items(*reports), at(1))
    fresh = {name: values.tolist() for name, values in reader.columns().items()}
    writer.close()
    assert fresh["hold_until"] == [int(T0.timestamp()) + 4 * 3600 + 1, 0, 0], "the first second at which it is over"
    assert fresh["moderation"] == [0, 0, 1]
    older = sqlite3.connect(tmp_path / "cache.db")
    older.execute("UPDATE reports SET facts = substr(facts, 1, 64)")
    older.execute("DELETE FROM _sqlite_migrations WHERE name IN ('c009_hold_until', 'c020_moderation')")
    older.execute("PRAGMA user_version = 8")
    older.commit()
    older.close()
    writer = CacheWriter(tmp_path)
    assert (writer.set_aside, writer.cursor("city")) == (None, at(1))
    assert {name: values.tolist() for name, values in reader.columns().items()} == fresh
    assert [one.report.id for one in reader.merged_into("city", "2")] == ["1"]
    writer.close()


def older_words(folder: Path) -> None:
    """Bring a cache back to the version whose words knew no source."""
    older = sqlite3.connect(folder / "cache.db")
    older.execute("ALTER TABLE words RENAME TO words_now")
    older.execute("DROP INDEX words_word")
    older.execute(
        "CREATE TABLE words (kind TEXT NOT NULL, id INTEGER NOT NULL, word TEXT NOT NULL, PRIMARY KEY (kind, id))"
        " WITHOUT ROWID"
    )
    older.execute("INSERT OR IGNORE INTO words SELECT kind, id, word FROM words_now")
    older.execute("CREATE UNIQUE INDEX words_word ON words (kind, word)")
    older.execute("DROP TABLE words_now")
    older.execute("DELETE FROM _sqlite_migrations WHERE name = 'c004_words_of_sources'")
    older.execute("PRAGMA user_version = 3")
    older.commit()
    older.close()


def test_an_older_cache_of_one_source_keeps_what_it_has(tmp_path: Path, reader: CacheReader) -> None:
    writer = CacheWriter(tmp_path)
    claimed = report("1", area="a", claim=Claim("rina", T0))
    writer.apply("city", items(claimed), at(1))
    words = {kind: reader.words(kind) for kind in ("source", "service", "area", "user")}
    writer.close()
    older_words(tmp_path)
    writer = CacheWriter(tmp_path)
    assert (writer.set_aside, writer.cursor("city")) == (None, at(1))
    assert {kind: reader.words(kind) for kind in words} == words
    writer.close()


def test_an_older_cache_that_mixed_sources_up_is_filled_anew(tmp_path: Path, reader: CacheReader) -> None:
    writer = CacheWriter(tmp_path)
    writer.apply("north", items(report("1", title="banjir", area="a")), at(1))
    writer.apply("south", items(report("1", service="other", area="b")), at(1))
    writer.close()
    older_words(tmp_path)
    writer = CacheWriter(tmp_path)
    assert (writer.set_aside, writer.cursor("north"), writer.cursor("south")) == (None, None, None)
    assert (reader.counts()["reports"], ids(reader.matching("banjir"))) == (0, [])
    for source in ("south", "north"):
        writer.apply(source, items(report("1", title="banjir", area="a")), at(1))
    assert sorted(reader.words("service").values()) == [("north", "flood"), ("south", "flood")]
    assert len(reader.matching("banjir")) == 2
    writer.close()


def test_one_code_of_two_sources_has_two_numbers_and_one_name_of_a_user_one(
    writer: CacheWriter, reader: CacheReader
) -> None:
    for source in ("north", "south"):
        claimed = report("1", area="a", agency="g", claim=Claim("rina", T0))
        order = PageItem("assignment", 2, "o", assignment("o", "1", "u", AssignmentState.DISPATCHED, minute=1))
        writer.apply(source, [*items(claimed), order], at(2))
    columns = reader.columns()
    for kind in ("service", "area", "agency", "lead_unit"):
        words = reader.words("unit" if kind == "lead_unit" else kind)
        assert [words[int(number)][0] for number in columns[kind]] == ["north", "south"]
    assert [reader.words("user")[int(number)] for number in columns["claim"]] == [("", "rina")] * 2


def test_a_page_that_fails_leaves_neither_rows_nor_words_nor_cursor(writer: CacheWriter, reader: CacheReader) -> None:
    writer.apply("city", items(report("1")), at(1))
    broken = PageItem("report", 3, "3", report("3", service="new-word", title="bad \ud800"))
    with pytest.raises(UnicodeEncodeError):
        writer.apply("city", [*items(report("2", service="fresh"), seq=2), broken], at(3))
    assert (writer.cursor("city"), reader.counts()["reports"]) == (at(1), 1)
    assert ("city", "fresh") not in reader.words("service").values()
    writer.apply("city", items(report("2", service="fresh"), seq=2), at(2))
    service = reader.columns([reader.row_of("city", "2") or 0])["service"]
    assert reader.words("service")[int(service[0])] == ("city", "fresh")


def test_files_are_private(writer: CacheWriter, reader: CacheReader, tmp_path: Path) -> None:
    writer.apply("city", items(report("1")), at(1))
    reader.counts()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert set(modes) >= {"cache.db", "cache.db-wal", "cache.db-shm"}
    assert set(modes.values()) == {0o600}


def test_a_reader_waits_for_the_file_and_follows_a_new_one(tmp_path: Path) -> None:
    reader = CacheReader(tmp_path)
    assert (len(reader.columns()["row"]), reader.report(1), reader.find("x", 5).size, reader.available) == (
        0,
        None,
        0,
        False,
    )
    writer = CacheWriter(tmp_path)
    writer.apply("city", items(report("1"), report("2")), at(2))
    assert reader.counts()["reports"] == 2
    writer.close()
    set_aside(tmp_path / CACHE)
    writer = CacheWriter(tmp_path)
    assert reader.counts()["reports"] == 0
    writer.apply("city", items(report("9")), at(1))
    assert reader.row_of("city", "9") is not None
    assert reader.row_of("city", "1") is None
    reader.close()  # the last one on the old file must not take the new file's log with it
    writer.apply("city", items(report("10"), seq=2), at(2))
    assert reader.counts()["reports"] == 2
    writer.close()
    assert reader.counts()["reports"] == 2  # closed in order, no log beside it
    reader.close()


def test_a_reader_only_reads(writer: CacheWriter, reader: CacheReader, tmp_path: Path) -> None:
    """Columns are of one moment while the writer goes on, and the reader does not hold it up."""
    writer.apply("city", items(*(report(str(number)) for number in range(100))), at(100))
    with reader._snapshot() as connection:
        assert connection is not None
        before = connection.execute("SELECT count(*) FROM reports").fetchone()
        writer.apply("city", items(report("100"), seq=101), at(101))
        assert connection.execute("SELECT count(*) FROM reports").fetchone() == before
    assert reader.counts()["reports"] == 101


@pytest.mark.long
def test_a_fill_writes_twenty_thousand_reports_a_second(writer: CacheWriter) -> None:
    """The best of ten pages of 2,000, so that a busy machine does not fail it."""
    best_s = 1e9
    with writer.bulk():
        for page in range(10):
            made = items(
                *(
                    report(str(page * 2000 + n), description=f"genangan {n} dekat pasar", area=f"a{n % 267}")
                    for n in range(2000)
                ),
                seq=page * 2000 + 1,
            )
            started = time.perf_counter()
            writer.apply("city", made, at(page * 2000 + 2000))
            best_s = min(best_s, time.perf_counter() - started)
    assert best_s < 2000 / 20_000


def test_a_picture_that_is_given_twice_is_one_photo_in_the_queue_as_in_the_report() -> None:
    before, after = Photo("a" * 64, PhotoRole.REPORT), Photo("b" * 64, PhotoRole.AFTER)
    linked = Photo(None, PhotoRole.REPORT, url="https://city.example/1.jpg")
    packed = [
        pack(1, 1, report("1", photos=photos), 0, lambda _kind, _code: 0)
        for photos in ((before, after, linked), (before, after, before, linked, linked), (before, after))
    ]
    assert packed[0] == packed[1] != packed[2]


def test_an_erased_report_takes_its_words_and_photos_along(tmp_path: Path) -> None:
    photo = Photo("b" * 64, PhotoRole.REPORT)
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / ("b" * 64)).write_bytes(b"picture")
    writer = CacheWriter(tmp_path)
    writer.apply("city", items(report("1", description="Kastanienallee", photos=(photo,)), report("2")), at(2))
    touched = writer.apply("city", items(report("1", description="", version=2, erased=T0), seq=3), at(3))
    assert ERASED in touched.kinds
    assert list((tmp_path / "media").iterdir()) == []
    files = [path.read_bytes() for path in tmp_path.iterdir() if path.is_file()]
    assert not any(b"Kastanienallee" in content for content in files)
    reader = CacheReader(tmp_path)
    assert reader.erased([("city", "1"), ("city", "2"), ("elsewhere", "1")]) == {("city", "1"): T0}
    writer.close()
