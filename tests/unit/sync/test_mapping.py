"""Servers' words become ours, whatever they are; what cannot be understood spoils nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from api_client.georeport import decode_objects
from api_client.georeport_model import GeoRequest
from api_client.model import MOST_HANDOVER_LINES, ClosureKind, Entry, Report, Status, Unit, UnitState
from api_client.model import Item as FeedItem
from console.sync.georeport_mapping import request_items
from console.sync.mapping import Mapper
from tests.helpers.hostile import encoded, requests

GOOD: dict[str, Any] = {
    "id": "7",
    "version": 3,
    "status": "progress",
    "service": "flood",
    "priority": 1,
    "description": "Water",
    "created": "2026-11-24T10:00:00Z",
    "updated": "2026-11-24T11:00:00Z",
}


def item(kind: str, data: Any, number: int = 1) -> FeedItem:
    raw = data if isinstance(data, bytes) else msgspec.json.encode(data)
    return FeedItem(kind, number, "7", msgspec.Raw(raw))


def one(mapper: Mapper, kind: str, data: Any) -> Any:
    mapped = mapper.page([item(kind, data)])
    assert not mapped.skipped
    return mapped.items[0].data


def test_a_good_page_with_one_bad_object_loses_only_that() -> None:
    page = Mapper().page([item("report", GOOD), item("report", {"nothing": 1}, 2), item("report", GOOD, 3)])
    assert [each.seq for each in page.items] == [1, 3]
    assert page.skipped == ["report/7"]


def test_an_unknown_status_keeps_its_word_and_counts_as_open() -> None:
    report = one(Mapper(), "report", GOOD | {"status": "menunggu"})
    assert isinstance(report, Report)
    assert (report.status, report.status_label) == (Status.NEW, "menunggu")
    assert "menunggu" in report.remarks[0]


def test_an_unknown_status_that_the_server_calls_closed_is_closed() -> None:
    report = one(Mapper({"selesai": False}), "report", GOOD | {"status": "selesai"})
    assert report.status is Status.RESOLVED


@pytest.mark.parametrize("when", ["0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00"])
def test_a_time_that_cannot_be_is_an_unknown_one(when: str) -> None:
    unknown = datetime(1970, 1, 1, tzinfo=UTC)
    hold = {"reason": "wait", "waits_for": "agency", "until": when}
    clock = {"name": "finish", "state": "running", "started": when, "target_s": 1, "due": when}
    photos = [{"sha256": "a" * 64, "role": "after", "taken": when}]
    said = {"created": when, "updated": when, "closed_at": when, "hold": hold, "clocks": [clock], "photos": photos}
    report = one(Mapper(), "report", GOOD | said | {"claim": {"who": "rina", "since": when}})
    assert (report.created, report.updated, report.closed_at) == (unknown, unknown, None)
    assert (report.hold.until, report.photos[0].taken, report.clocks) == (None, None, ())
    assert report.claim.since == unknown
    assert "cannot be" in report.remarks[-1]
    dated = {"id": "7", "report": "7", "kind": "note", "at": when, "author": "x", "occurred_at": when}
    entry = one(Mapper(), "entry", dated)
    assert (entry.at, entry.occurred_at) == (unknown, None)
    unit = one(Mapper(), "unit", {"id": "7", "code": "U7", "state": "break", "state_since": when, "position_at": when})
    assert (unit.state_since, unit.position_at) == (unknown, None)


def test_unknown_words_everywhere_are_survived() -> None:
    hold = {"reason": "wait", "waits_for": "moon"}
    report = one(Mapper(), "report", GOOD | {"hold": hold, "priority": 9, "photos": [{"role": "selfie"}], "new": 1})
    assert (report.priority, report.photos[0].role) == (4, "other")
    unit = one(Mapper(), "unit", {"id": "u1", "state": "lunch"})
    assert isinstance(unit, Unit)
    assert (unit.state, unit.reason, unit.code) == (UnitState.UNAVAILABLE, "lunch", "u1")


def test_half_a_surrogate_pair_does_not_stop_the_city() -> None:
    raw = msgspec.json.encode(GOOD).replace(b'"Water"', b'"Wa\\ud800ter\\u0000"')
    report = one(Mapper(), "report", raw)
    assert report.description == "Wa?ter\x00"


def test_kinds_of_a_newer_server_are_left_out_and_gone_goes_on() -> None:
    page = Mapper().page([item("drone", {}), FeedItem("gone", 9, "report/7")])
    assert [(each.kind, each.id) for each in page.items] == [("gone", "report/7")]
    assert not page.skipped
    assert (page.unknown, page.first) == ({"drone"}, 1)


def geo(**more: Any) -> Report:
    fields = {"service_request_id": 17, "status": "open", "requested_datetime": "2026-11-01T07:00:00+07:00"} | more
    found = request_items(msgspec.convert(fields, GeoRequest))[0].data
    assert isinstance(found, Report)
    return found


def test_open311_statuses() -> None:
    assert geo().status is Status.NEW
    assert geo(status="closed").status is Status.RESOLVED
    assert geo(status="in_progress").status is Status.PROGRESS
    assert geo(status="Not  councils_responsibility").status is Status.CLOSED
    done = geo(status="Selesai")
    assert (done.status, done.status_label, done.remarks) == (Status.RESOLVED, "Selesai", ())
    odd = geo(status="Xyz")
    assert (odd.status, odd.status_label) == (Status.NEW, "Xyz")
    assert "Xyz" in odd.remarks[0]


def test_open311_places_and_times() -> None:
    report = geo(lat="-6.2", long=106.8, updated_datetime="2026-10-01T00:00:00Z")
    assert (report.lat, report.lon) == (-6.2, 106.8)
    assert report.created == datetime(2026, 11, 1, tzinfo=UTC)
    assert report.updated == report.created, "a change before the request is none"
    assert geo(lat="", long="").lat is None
    assert geo(lat="0", long="0").lat is None
    assert geo(lat="north", long="1").remarks
    assert "UTC was assumed" in geo(requested_datetime="2026-11-01T07:00:00").remarks[0]
    assert geo(requested_datetime="yesterday").remarks


def test_open311_notes_are_a_reply_and_photos_are_addresses() -> None:
    fields = {"service_request_id": "1", "status_notes": ["Seen", "Done"], "media_url": ["https://c/1.jpg", ""]}
    report, entry = (each.data for each in request_items(msgspec.convert(fields, GeoRequest)))
    assert isinstance(report, Report)
    assert isinstance(entry, Entry)
    assert (entry.kind, entry.text) == ("reply", "Seen\nDone")
    assert [photo.url for photo in report.photos] == ["https://c/1.jpg"]


def test_open311_without_a_number_is_no_report_yet() -> None:
    assert request_items(GeoRequest(token="t", description="x")) == []


def test_places_off_the_earth_are_none() -> None:
    for lat, lon in ((1e300, 0.0), (0.0, -181.0), (-90.1, 7.0)):
        report = one(Mapper(), "report", GOOD | {"lat": lat, "lon": lon})
        assert (report.lat, report.lon) == (None, None)
        assert report.remarks == ("The server's place is none on Earth.",)
        unit = {"id": "u", "code": "U", "state": "available", "state_since": GOOD["created"], "lat": lat, "lon": lon}
        assert one(Mapper(), "unit", unit).lat is None
    assert one(Mapper(), "report", GOOD | {"lat": -90.0, "lon": 180.0}).remarks == ()


@pytest.mark.parametrize("when", ["0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00", "9999-12-31T23:59:59-12:00"])
def test_open311_dates_that_cannot_be_are_unknown(when: str) -> None:
    report = geo(requested_datetime=when)
    assert report.created == datetime(1970, 1, 1, tzinfo=UTC)
    assert f"The requested date “{when}” cannot be." in report.remarks


def test_open311_page_of_hostile_requests_is_read_but_for_what_is_none() -> None:
    sent = requests("http://127.0.0.1:9")
    found = decode_objects(encoded(sent).encode(), ("requests",), GeoRequest, "host")
    reports = [request_items(each)[0].data for each in found]
    known = {report.id for report in reports if isinstance(report, Report)}
    unread = {each["service_request_id"].replace("\x00", "").strip() for each in sent} - known
    assert unread <= {"raw-types", "raw-epoch", "raw-huge_integer"}
    assert msgspec.json.decode(msgspec.json.encode(reports), type=list[Report])


def test_an_object_whose_id_holds_a_nul_is_not_understood() -> None:
    raw = msgspec.Raw(msgspec.json.encode(GOOD))
    page = Mapper().page([FeedItem("report", 1, "7\x00", raw), FeedItem("gone", 2, "report/\x00", raw)])
    assert page.items == []
    assert len(page.skipped) == 2


def test_no_open311_id_holds_a_nul() -> None:
    """One that came twice was not found, so written twice, and the whole cache was called damaged."""
    items = request_items(GeoRequest(service_request_id="7\x00x", description="d", status_notes="n"))
    assert [each.id for each in items] == ["7x", "7x/notes"]


CLOSURE: dict[str, Any] = {
    "id": "7",
    "kind": "flood",
    "geometry": {"type": "LineString", "coordinates": [[106.8, -6.2], [106.9, -6.2]]},
    "since": "2026-11-24T10:00:00Z",
    "by": "rina",
    "created": "2026-11-24T10:00:00Z",
    "updated": "2026-11-24T10:00:00Z",
    "updated_by": "rina",
}


def test_a_closure_of_another_version_closes_the_street_all_the_same() -> None:
    assert one(Mapper(), "closure", CLOSURE).kind is ClosureKind.FLOOD
    other = {name: value for name, value in CLOSURE.items() if name not in ("by", "updated", "updated_by")}
    newer = one(Mapper(), "closure", other | {"kind": "landslide", "depth_cm": 40})
    assert (newer.kind, newer.by, newer.updated) == (ClosureKind.OTHER, "", newer.created)
    odd = one(Mapper(), "closure", CLOSURE | {"until": "9999-12-31T00:00:00Z", "since": "0001-01-01T00:00:00Z"})
    assert (odd.until, odd.since.year) == (None, 1970)


def test_an_alarm_of_another_version_is_read_and_its_times_can_be() -> None:
    said = {"id": "flood:1", "kind": "flood", "since": "0001-01-01T00:00:00Z", "updated": "2026-11-24T12:00:00Z",
            "shelved_until": "9999-12-31T00:00:00Z"}  # fmt: skip
    record = one(Mapper(), "alarm", said)
    assert (record.id, record.updated_by, record.since.year, record.shelved_until) == ("flood:1", "", 1970, None)


def test_a_hand_over_of_another_version_is_read_and_its_times_can_be() -> None:
    line = {"id": "report:1", "section": "weather", "mark": "half", "marked_at": "9999-12-31T00:00:00Z", "text": "1"}
    said = {
        "id": "7",
        "shift_end": "0001-01-01T00:00:00Z",
        "updated": "2026-11-24T12:00:00Z",
        "lines": [line, {"id": "x"}],
    }
    found = one(Mapper(), "handover", said)
    assert (found.outgoing, found.shift_end.year, found.signed) == ("", 1970, None)
    assert [(each.section, each.mark, each.marked_at) for each in found.lines] == [("noted", None, None)] * 2
    many = [{"id": f"report:{number}"} for number in range(MOST_HANDOVER_LINES + 1)]
    page = Mapper().page([item("handover", said | {"lines": many}), item("report", GOOD, 2)])
    assert (page.skipped, len(page.items)) == (["handover/7"], 1), "more than anybody hands over"


@pytest.mark.parametrize(
    "more",
    [
        {"geometry": {"type": "Polygon", "coordinates": [[[-179, -80], [179, -80], [179, 80], [-179, -80]]]}},
        {"geometry": {"type": "LineString", "coordinates": [[106.8, -6.2], [106.81, -6.2]]}, "width_m": 1e9},
        {"geometry": {"type": "LineString", "coordinates": [[106.8, -6.2], [106.81, -6.2]] * 60}, "width_m": 12},
        {"geometry": {"type": "Polygon", "coordinates": [[[106.8, -6.2], [106.9, -6.2]] * 41 + [[106.8, -6.2]]]}},
    ],
)
def test_a_closure_of_half_a_world_is_left_out_and_ends_if_it_was_here(more: dict[str, Any]) -> None:
    page = Mapper().page([item("closure", CLOSURE | more), item("report", GOOD, 2)])
    assert page.skipped == ["closure/7"]
    assert [each.kind for each in page.items] == ["report"]
    ended = one(Mapper(), "closure", CLOSURE | more | {"ended": "2026-11-24T12:00:00Z"})
    assert ended.is_over(ended.ended)


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "Point", "coordinates": [106.8, -6.2]},
        {"type": "LineString", "coordinates": [[1000, 0], [0, 0]]},
        {"type": "LineString", "coordinates": [[106.8, -6.2]] * 100_000},
        {"type": "Polygon", "coordinates": []},
        None,
    ],
)
def test_a_closure_without_a_shape_that_can_be_is_left_out(geometry: Any) -> None:
    page = Mapper().page([item("closure", CLOSURE | {"geometry": geometry}), item("report", GOOD, 2)])
    assert page.skipped == ["closure/7"]
    assert [each.kind for each in page.items] == ["report"]
