"""Exported files hold what the queue shows under the filter, in its order, and nothing that a program would obey."""

from __future__ import annotations

import csv
import json
import sqlite3
import stat
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pytestqt.qtbot import QtBot

from api_client.model import Area, Clock, ClockState, ExportNote, Kind, Service, Status
from console.cache.export_notes import drop_note, waiting_notes
from console.cache.page_items import Cursor
from console.cache.writer import CacheWriter, PageItem
from console.cli import main
from console.commands.export import cell
from console.export.row import COLUMNS
from console.outbox.work_file import WorkFile
from console.paths import profile_folder
from console.rules.messages import Source
from console.rules.queued import EditState, Queued
from console.settings import Settings, save_settings
from tests.unit.cache.making import at, edit, items, note_state, report

NOW = datetime.now(UTC).replace(microsecond=0)
FORMULA = '=HYPERLINK("http://127.0.0.1","x")'


def clock(due: datetime) -> Clock:
    return Clock("finish", ClockState.RUNNING, NOW - timedelta(hours=1), 7200, due=due)


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A profile with five reports; the queue of all open ones is urgent, waiting, formula."""
    monkeypatch.setenv("SIGAP_HOME", str(tmp_path / "home"))
    folder = profile_folder("default")
    source = Source("city", "Kota Uji", "http://127.0.0.1:9", "dispatch", timezone="Asia/Jakarta", user="rina")
    save_settings(folder, Settings(sources=[source]))
    writer = CacheWriter(folder)
    reports = [
        report("formula", description=FORMULA, lat=-6.25, lon=106.75, address="+62", created=NOW - timedelta(days=3)),
        report("waiting", description="Two\nlines", created=NOW - timedelta(days=4), area="31.75",
               status_label="Masuk"),
        report(
            "urgent", priority=1, service="tree", title="Only a title", description="", lat=-6.5, lon=106.5,
            clocks=(clock(NOW + timedelta(hours=1)),),
        ),
        report("closed", status=Status.RESOLVED, updated=NOW),
        report("merged", status=Status.CLOSED, merged_into="formula", updated=NOW),
    ]  # fmt: skip
    things = [
        PageItem("service", 10, "flood", Service("flood", "Banjir")),
        PageItem("area", 11, "31.75", Area("31.75", "Cawang", 4)),
    ]
    writer.apply("city", [*items(*reports), *things], at(20))
    writer.close()
    yield folder
    for name in ("settings.json", "cache.db"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def export(out: Path, kind: str, *more: str) -> int:
    return main(["export", "--format", kind, "--out", str(out), *more])


def read_csv(out: Path) -> list[dict[str, str]]:
    with out.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def numbers(out: Path) -> list[str]:
    return [row["number"] for row in read_csv(out)]


def test_csv_has_what_the_queue_shows_in_its_order(
    profile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "open.csv"
    assert export(out, "csv") == 0
    assert capsys.readouterr().out == f"3 reports are in {out}.\n"
    rows = read_csv(out)
    assert tuple(rows[0]) == COLUMNS
    assert [row["number"] for row in rows] == ["urgent", "waiting", "formula"]
    urgent, waiting, formula = rows
    assert urgent["description"] == "Only a title"
    assert datetime.fromisoformat(urgent["due"]) == NOW + timedelta(hours=1)
    assert urgent["due"].endswith("+07:00")
    assert (waiting["category"], waiting["area"], waiting["status"]) == ("Banjir", "Cawang", "Masuk")
    assert (waiting["lat"], waiting["lon"], waiting["source"]) == ("", "", "Kota Uji")
    assert waiting["description"] == "Two\nlines"
    assert (formula["lat"], formula["lon"]) == ("-6.25", "106.75")
    assert (formula["description"], formula["address"]) == (f"'{FORMULA}", "'+62")
    assert out.read_bytes().startswith(b"\xef\xbb\xbfnumber,")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cat=banjir", ["waiting", "formula"]),
        ("p=1", ["urgent"]),
        ("ward=cawang", ["waiting"]),
        ("order=newest", ["urgent", "formula", "waiting"]),  # what burns is on top of every order
        ("order=newest cat=banjir", ["formula", "waiting"]),
        ("tab=closed", ["closed"]),
        ("hyperlink", ["formula"]),
        ("near=-6.25/106.752/300m", ["formula"]),
        ("near=-6.25/106.76/300m", []),
        ("street=62", ["formula"]),
        ("p=4", []),
    ],
)
def test_filter_is_the_queues(profile: Path, tmp_path: Path, text: str, found: list[str]) -> None:
    assert export(tmp_path / "some.csv", "csv", "--filter", text) == 0
    assert numbers(tmp_path / "some.csv") == found


def test_a_place_by_its_words_is_not_looked_for_here(
    profile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(tmp_path / "some.csv", "csv", "--filter", 'near="stasiun tebet"') == 2
    assert "write near=latitude/longitude/metres here" in capsys.readouterr().err
    assert not (tmp_path / "some.csv").exists()


@pytest.mark.parametrize(
    ("filter_text", "rows", "is_said"), [("tab=closed", 0, True), ("tab=closed age>0h", 1, False), ("", 3, False)]
)
def test_that_the_closed_tab_holds_the_lately_closed_only_is_said(
    profile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], filter_text: str, rows: int, is_said: bool
) -> None:
    """A9: 0 of 300 closed reports were exported, without a word."""
    writer = CacheWriter(profile)
    long_ago = NOW - timedelta(days=30)
    old = report("closed", status=Status.RESOLVED, created=long_ago, updated=long_ago)
    writer.apply("city", [PageItem("report", 30, "closed", old)], at(30))
    writer.close()
    assert export(tmp_path / "a.csv", "csv", "--filter", filter_text) == 0
    assert len(read_csv(tmp_path / "a.csv")) == rows
    assert ("in the last 24 hours" in capsys.readouterr().err) == is_said


def test_a_day_in_the_filter_is_the_citys_day(profile: Path, tmp_path: Path) -> None:
    jakarta = timezone(timedelta(hours=7))
    midnight = (NOW - timedelta(days=2)).astimezone(jakarta).replace(hour=0, minute=0, second=0)
    writer = CacheWriter(profile)
    made = [report(f"m{minutes:+}", created=midnight + timedelta(minutes=minutes)) for minutes in (-1, 0, 1)]
    writer.apply("city", items(*made, seq=30), at(40))
    writer.close()
    asked = f"created>={midnight:%Y-%m-%d} created<{midnight + timedelta(days=1):%Y-%m-%d} p=3 order=newest"
    assert export(tmp_path / "day.csv", "csv", "--filter", asked) == 0
    assert numbers(tmp_path / "day.csv") == ["m+1", "m+0"]


def test_own_edits_not_sent_yet_are_in_it(profile: Path, tmp_path: Path) -> None:
    work = WorkFile(profile)
    work.append(edit("e1", Kind.SET, "waiting", 1, data={"priority": 1}, occurred_at=NOW))
    new = {"service": "flood", "description": "By telephone", "priority": 2, "contact": {"name": "Siti Rahayu"}}
    work.append(edit("e2", Kind.CREATE, "local:e2", 2, data=new, occurred_at=NOW))
    work.append(edit("e3", Kind.SET, "formula", 3, data={"priority": 1}, occurred_at=NOW))
    note_state(work, "e3", EditState.WITHDRAWN)
    assert export(tmp_path / "own.csv", "csv") == 0, "while another program has work.db open"
    work.close()
    rows = {row["number"]: row for row in read_csv(tmp_path / "own.csv")}
    assert rows["waiting"]["priority"] == "1"
    assert rows["formula"]["priority"] == "3"
    assert (rows[""]["description"], rows[""]["priority"], rows[""]["source"]) == ("By telephone", "2", "Kota Uji")
    assert "Siti" not in (tmp_path / "own.csv").read_text()


def test_more_unsent_reports_than_rows_never_take_the_rows_of_others(
    profile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows 1 to 999 are for reports that exist only here (docs/decisions/0003)."""
    work = WorkFile(profile)
    data = {"service": "flood", "description": "By telephone", "priority": 2}
    made = [
        edit(f"e{number}", Kind.CREATE, f"local:e{number}", number, data=data, occurred_at=NOW)
        for number in range(1, 1003)
    ]
    work.exchange([], [Queued(one, EditState.QUEUED) for one in made], None)
    work.close()
    assert export(tmp_path / "own.csv", "csv") == 0
    assert "3 more reports that were made here and not sent are not in it" in capsys.readouterr().err
    rows = {row["number"]: row for row in read_csv(tmp_path / "own.csv")}
    assert set(rows) == {"", "urgent", "waiting", "formula"}
    assert rows["waiting"]["description"] == "Two\nlines"
    assert len(read_csv(tmp_path / "own.csv")) == 999 + 3


def test_geojson_is_one_collection_with_lon_lat(profile: Path, tmp_path: Path) -> None:
    assert export(tmp_path / "o.geojson", "geojson") == 0
    found = json.loads((tmp_path / "o.geojson").read_text())
    assert [one["properties"]["number"] for one in found["features"]] == ["urgent", "waiting", "formula"]
    assert [one["geometry"] and one["geometry"]["coordinates"] for one in found["features"]] == [
        [106.5, -6.5], None, [106.75, -6.25],
    ]  # fmt: skip
    assert found["features"][2]["properties"]["description"] == FORMULA, "JSON is no spreadsheet"


def test_geopackage_holds_points_any_gis_reads(profile: Path, tmp_path: Path) -> None:
    assert export(tmp_path / "o.gpkg", "gpkg") == 0
    connection = sqlite3.connect(tmp_path / "o.gpkg")
    assert connection.execute("PRAGMA application_id").fetchone()[0] == int.from_bytes(b"GPKG", "big")
    assert connection.execute("PRAGMA user_version").fetchone()[0] == 10300
    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    contents = connection.execute("SELECT table_name, data_type, min_x, max_y, srs_id FROM gpkg_contents").fetchall()
    assert contents == [("reports", "features", 106.5, -6.25, 4326)]
    geometry = connection.execute("SELECT * FROM gpkg_geometry_columns").fetchall()
    assert geometry == [("reports", "geom", "POINT", 4326, 0, 0)]
    rows = connection.execute("SELECT number, geom, created, description FROM reports ORDER BY fid").fetchall()
    connection.close()
    assert [row[0] for row in rows] == ["urgent", "waiting", "formula"]
    magic, version, flags, srs, order, kind, x, y = struct.unpack("<2sBBiBIdd", rows[2][1])
    assert (magic, version, flags, srs, order, kind, x, y) == (b"GP", 0, 1, 4326, 1, 1, 106.75, -6.25)
    assert rows[1][1] is None
    assert rows[2][2] == f"{NOW - timedelta(days=3):%Y-%m-%dT%H:%M:%S}.000Z"


def pdf_text(file: Path, qtbot: QtBot) -> str:
    from PySide6.QtPdf import QPdfDocument

    document = QPdfDocument()
    assert document.load(str(file)) == QPdfDocument.Error.None_
    text = "\n".join(document.getAllText(page).text() for page in range(document.pageCount()))
    document.close()
    return text


def test_pdf_prints_the_filter_and_plain_text(profile: Path, tmp_path: Path, qtbot: QtBot) -> None:
    assert export(tmp_path / "o.pdf", "pdf", "--filter", "cat=banjir") == 0
    text = pdf_text(tmp_path / "o.pdf", qtbot)
    assert "Queue: open, by urgency; Category Banjir" in text
    assert "2 reports" in text
    assert FORMULA in text
    assert "Two" in text
    assert text.index("waiting") < text.index("formula")


def test_nothing_personal_is_in_any_format(profile: Path, tmp_path: Path, qtbot: QtBot) -> None:
    work = WorkFile(profile)
    contact = {"name": "Siti Rahayu", "phone": "0812999", "email": "siti@example.org"}
    work.append(edit("e1", Kind.CREATE, "local:e1", 1, data={"service": "flood", "contact": contact}, occurred_at=NOW))
    work.close()
    for kind in ("csv", "geojson", "gpkg", "pdf"):
        assert export(tmp_path / f"o.{kind}", kind) == 0
        content = (tmp_path / f"o.{kind}").read_bytes()
        assert all(word not in content for word in (b"Siti", b"0812999", b"siti@")), kind
    assert "Siti" not in pdf_text(tmp_path / "o.pdf", qtbot)


@pytest.mark.parametrize("start", [*"=+-@\t\r\n", " =", "\u3000=", "\uff1d"])
def test_cells_are_no_formulas(start: str) -> None:
    assert cell(start + "1+1") == f"'{start}1+1"


@pytest.mark.parametrize("between", [";", "; ", "\n", "\r\n", "\t", ";;", "\n\n "])
def test_no_formula_begins_where_another_spreadsheet_begins_a_cell(between: str) -> None:
    separator = between.rstrip(" ")
    blanks = between[len(separator) :]
    assert cell(f"a{between}=1+1") == f"a{separator}'{blanks}=1+1"


def test_other_cells_stay() -> None:
    values: list[Any] = [-6.25, "a=b", "", None, 3, "a; b=c, d - e\nf"]
    assert [cell(value) for value in values] == ["-6.25", "a=b", "", "", "3", "a; b=c, d - e\nf"]


def test_a_file_stays_until_the_new_one_is_whole(
    profile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out" / "o.csv"
    out.parent.mkdir()
    out.write_text("before")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(__import__("console.commands.export", fromlist=["_"])._WRITERS, "csv", full)
    assert export(out, "csv") == 4
    assert "The disk is full" in capsys.readouterr().err
    assert out.read_text() == "before"
    assert list(out.parent.iterdir()) == [out]


def test_an_export_leaves_a_note_for_the_servers_log(profile: Path, tmp_path: Path) -> None:
    assert export(tmp_path / "out.csv", "csv", "--filter", "cat=flood") == 0
    (waiting,) = waiting_notes(profile, "city")
    note = msgspec.json.decode(waiting.body, type=ExportNote)
    assert (note.by, note.format, note.filter, note.rows) == ("rina", "csv", "cat=flood", len(note.reports))
    assert sorted(note.reports) == sorted(numbers(tmp_path / "out.csv"))
    drop_note(profile, waiting)
    assert list(waiting_notes(profile, "city")) == []


def test_without_a_note_there_is_no_file(profile: Path, tmp_path: Path) -> None:
    (profile / "exports").write_text("in the way")
    assert export(tmp_path / "out.csv", "csv") == 4
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_exit_codes_come_with_sentences(profile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(tmp_path / "o.csv", "csv", "--filter", "cat=nothing") == 2
    assert export(tmp_path / "o.csv", "csv", "--filter", "colour=red") == 2
    assert export(tmp_path / "none" / "o.csv", "csv") == 4
    assert export(tmp_path, "csv") == 4
    profile_folder("empty")
    assert export(tmp_path / "o.csv", "csv", "--profile", "empty") == 4
    assert export(tmp_path / "o.csv", "csv", "--profile", "none") == 4
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(" ")[0] for line in said] == ["sigap:"] * 6
    assert "No category is called “nothing”." in said[0]
    assert "there are no reports in profile empty" in said[4]
    assert "There is no profile “none”; these exist: default, empty." in said[5]
    assert not (tmp_path / "o.csv").exists()
    with pytest.raises(SystemExit) as usage:
        export(tmp_path / "o.csv", "xlsx")
    assert usage.value.code == 2


def test_times_at_the_ends_of_the_calendar_are_written(profile: Path, tmp_path: Path) -> None:
    ends = [
        report("first", created=datetime(1, 1, 1, tzinfo=UTC), updated=datetime(1, 1, 1, tzinfo=UTC)),
        report("before all", created=datetime.fromisoformat("0001-01-01T00:00:00+14:00"), updated=NOW),
        report("last", created=datetime(9999, 12, 31, 23, 59, tzinfo=UTC), updated=NOW),
    ]
    writer = CacheWriter(profile)
    writer.apply("city", items(*ends, seq=30), at(40))
    writer.close()
    for kind in ("csv", "geojson", "gpkg", "pdf"):
        assert export(tmp_path / f"o.{kind}", kind) == 0, kind
    found = {one["number"]: one for one in read_csv(tmp_path / "o.csv")}
    assert found["last"]["created"] == "9999-12-31T23:59:00+00:00"
    assert msgspec.convert(found["first"]["created"], datetime) == datetime(1, 1, 1, tzinfo=UTC)


def test_a_cache_that_is_not_complete_is_said(
    profile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = CacheWriter(profile)
    writer.apply("city", [], Cursor("epoch", 20, snapshot_key="report/5"))
    writer.close()
    assert export(tmp_path / "o.csv", "csv") == 0
    assert capsys.readouterr().err == (
        "sigap: Kota Uji has not been read whole yet (5 reports are here so far): the file is not complete. "
        "Bring the rest: sigap sync --once.\n"
    )


def test_a_cache_that_was_never_filled_is_no_empty_city(
    profile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in profile.glob("cache.*"):
        file.unlink()
    CacheWriter(profile).close()
    assert export(tmp_path / "o.csv", "csv") == 4
    assert "there are no reports in profile default yet" in capsys.readouterr().err
    assert not (tmp_path / "o.csv").exists()
