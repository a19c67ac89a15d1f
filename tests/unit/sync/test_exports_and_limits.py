"""The sync side with a real server: exports reach the audit log, and limits slow it down without a loss."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from api_client.model import ExportNote, Kind, Service
from console.cache.export_notes import keep_note, waiting_notes
from console.rules.edit import Edit
from console.rules.queued import EditState
from console.server.city import audit, rates
from console.server.city.city import City
from console.server.city.records import LoadedReport
from console.server.city.users import Users, add_user
from console.server.http.rate_limit import RateLimits
from tests.helpers.live_server import live_server, some_reports
from tests.helpers.sync_rig import edit_id, rig
from tests.unit.server.conftest import running

NOTE = ExportNote("export-0001", datetime(2026, 3, 2, tzinfo=UTC), "csv", "cat=flood", 2, "rina", ("r1", "r2"))


def test_a_note_that_an_earlier_version_kept_is_told(tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "export-0001.json").write_text(
        '{"id":"export-0001","source":"jkt","at":"2026-03-02T00:00:00Z","by":"rina","format":"csv",'
        '"filter":"cat=flood","rows":2,"reports":["r1","r2"]}'
    )
    (waiting,) = waiting_notes(tmp_path, "jkt")
    assert (waiting.id, msgspec.json.decode(waiting.body, type=ExportNote)) == (NOTE.id, NOTE)
    assert b"source" not in waiting.body, "that is the console's own word"
    assert not list(waiting_notes(tmp_path, "bdg"))


def exports(city: City) -> list[audit.AuditRow]:
    with city.database.read() as connection:
        return [row for row in audit.rows_after(connection, 0) if row.what == audit.EXPORT]


def test_an_export_made_without_a_network_is_told_when_there_is_one(tmp_path: Path) -> None:
    folder = tmp_path / "profile"
    folder.mkdir()
    keep_note(folder, "jkt", NOTE)
    keep_note(folder, "another", msgspec.structs.replace(NOTE, id="export-0002"))
    with live_server(tmp_path / "server") as live, rig(folder, live.url) as console:
        console.live()
        (row,) = exports(live.city)
        assert (row.who, row.edit, msgspec.json.decode(row.detail)["by"]) == ("local", "export-0001", "rina")
        with live.city.database.read() as connection:
            assert [found.what for found in audit.rows_about(connection, "r2")] == [audit.EXPORT]
    assert list(waiting_notes(folder, "jkt")) == []
    assert len(list(waiting_notes(folder, "another"))) == 1


def test_a_note_that_a_server_will_never_take_holds_nothing_up(tmp_path: Path) -> None:
    folder = tmp_path / "profile"
    folder.mkdir()
    keep_note(folder, "jkt", msgspec.structs.replace(NOTE, format="x" * 50))
    with live_server(tmp_path / "server") as live, rig(folder, live.url) as console:
        console.live()
        assert exports(live.city) == []
    assert [path.name for path in (folder / "exports").iterdir()] == ["export-0001.refused"]


def note(number: int, report: str) -> Edit:
    now, data = datetime.now(UTC), {"text": f"note {number}"}
    return Edit(edit_id(number), Kind.NOTE, report, "rina", "device-1", number, now, data, source="jkt")


def test_too_many_edits_are_all_taken_only_later(tmp_path: Path) -> None:
    city = City(f"sqlite:///{tmp_path / 'city.db'}", name="Testville")
    city.create_schema()
    city.put_services([Service("flood", "Flood", proof=False)])
    city.load([LoadedReport(each) for each in some_reports(3, datetime.now(UTC))])
    token = add_user(city, "rina", "operator")
    limits = RateLimits({rates.WRITE: "4 per 1 second"})
    with (
        running(city, tmp_path / "media", Users(city), limits=limits) as url,
        rig(tmp_path / "profile", url, token=token) as console,
    ):
        console.live()
        edits = [console.push(Kind.NOTE, f"r{1 + number % 3}", text=f"note {number}") for number in range(12)]
        for edit in edits:
            console.outcome(edit, EditState.ACCEPTED, seconds=60)
    kept = [entry.text for key in ("r1", "r2", "r3") for entry in city.entries(key) if entry.kind == Kind.NOTE]
    assert sorted(kept) == sorted(f"note {number}" for number in range(12))
    city.close()
