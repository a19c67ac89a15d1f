"""A server one version older leaves fields out, a newer one has more: what it says is read all the same."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from api_client.model import (
    OBJECTS,
    UNKNOWN_TIME,
    Assignment,
    EditAnswer,
    Entry,
    Me,
    Report,
    Service,
    Stats,
    Status,
    StatusRow,
    Unit,
    UnitState,
    WaitsFor,
    Welcome,
)
from api_client.tolerant_reader import UNREADABLE, mend

AT = "2026-11-24T10:00:00Z"
REPORT: dict[str, Any] = {"id": "7", "version": 3, "status": "progress", "service": "flood", "priority": 1}
REPORT |= {"description": "Water", "created": AT, "updated": AT}


def read(kind: Any, said: Any, **open_words: bool) -> Any:
    return mend(msgspec.json.encode(said), kind, open_words)


def test_what_fits_is_read_as_it_is() -> None:
    assert read(Report, REPORT) == msgspec.convert(REPORT, Report)


def test_of_every_object_its_key_alone_is_enough_or_it_is_refused() -> None:
    least: dict[str, dict[str, Any]] = {
        "report": {"id": "7"},
        "entry": {"id": "7", "report": None, "kind": "note", "at": AT},
        "assignment": {"id": "7", "report": "1", "unit": "U1", "state": "done", "since": AT},
        "unit": {"id": "7"},
        "area": {"code": "7", "name": "Menteng"},
        "service": {"code": "7"},
        "template": {"id": "7"},
        "limit": {"id": "7", "above": 10, "within_minutes": 60},
        "run_card": {"id": "7"},
        "calendar": {"id": "7", "timezone": "Asia/Jakarta"},
        "agency": {"code": "7", "name": "Roads"},
        "user": {"name": "7"},
        "message": {"id": "message-7", "at": AT},
        "read_mark": {"id": "message-7 rina", "message": "message-7", "at": AT},
        "alarm": {"id": "crewless:7", "since": AT, "updated": AT},
        "handover": {"id": "7", "shift_end": AT, "updated": AT},
        "closure": {
            "id": "7",
            "kind": "flood",
            "geometry": {"type": "LineString", "coordinates": [[106.8, -6.2], [106.9, -6.2]]},
            "since": AT,
            "by": "rina",
            "created": AT,
            "updated": AT,
            "updated_by": "rina",
        },
    }
    assert least.keys() == OBJECTS.keys()
    for kind, said in least.items():
        assert isinstance(read(OBJECTS[kind], said), OBJECTS[kind])
        for name in said:
            if said[name] is not None:
                with pytest.raises(UNREADABLE):
                    read(OBJECTS[kind], {**said, name: []})


def test_fields_that_are_not_known_are_passed_over_everywhere() -> None:
    photo = {"sha256": "a" * 64, "role": "after", "colour": "blue"}
    found = read(
        Report, REPORT | {"mood": 1, "photos": [photo], "hold": {"reason": "r", "waits_for": "agency", "x": 1}}
    )
    assert (found.photos[0].role, found.hold.waits_for) == ("after", WaitsFor.AGENCY)


def test_words_that_are_not_known_are_the_nearest_that_is() -> None:
    clock = {"name": "finish", "state": "frozen", "started": AT, "target_s": 1}
    said = REPORT | {"status": "menunggu", "clocks": [clock, clock | {"state": "met"}]}
    said |= {"hold": {"reason": "r", "waits_for": "court"}, "photos": [{"role": "drone"}]}
    found = read(Report, said)
    assert (found.status, found.status_label) == (Status.NEW, "menunggu")
    assert [each.state for each in found.clocks] == ["met"]
    assert (found.hold.waits_for, found.photos[0].role) == (WaitsFor.AGENCY, "other")
    assert read(Report, said, menunggu=False).status is Status.RESOLVED
    unit = read(Unit, {"id": "U1", "state": "training"})
    assert (unit.state, unit.reason, unit.state_since) == (UnitState.UNAVAILABLE, "training", UNKNOWN_TIME)
    sla = {"*": {"finish_s": 60, "pauses_for": ["weather", "court"]}}
    question = {"code": "q", "description": "How deep?", "datatype": "length"}
    service = read(Service, {"code": "flood", "sla": sla, "attributes": [question]})
    assert (service.sla["*"].finish_s, service.sla["*"].pauses_for) == (60, (WaitsFor.WEATHER,))
    assert service.attributes[0].datatype == "string"


def test_the_state_of_a_crews_job_is_not_guessed() -> None:
    job = {"id": "7", "report": "1", "unit": "U1", "state": "halfway", "since": AT}
    with pytest.raises(UNREADABLE):
        read(Assignment, job)


def test_the_answer_to_an_edit_is_read_whatever_the_report_has_become() -> None:
    entry = {"id": "h1", "report": "7", "kind": "note", "at": AT, "edit": "key-0001"}
    answer = read(EditAnswer, {"entry": entry, "report": REPORT | {"status": "menunggu"}, "new": []})
    assert (answer.entry.edit, answer.report.version) == ("key-0001", 3)
    assert read(EditAnswer, {"entry": entry}).report is None
    assert read(list[Entry], [entry])[0].author == ""


def test_an_older_server_says_less_of_itself() -> None:
    welcome = read(Welcome, {"name": "sigap", "epoch": "e", "city": {"name": "Testville"}})
    assert (welcome.can, welcome.city.timezone, welcome.version) == ((), "", "")
    assert read(Me, {"name": "rina"}) == Me("rina", "", (), ())
    assert read(Stats, {"reports": 3, "epoch": "e"}).by_status == {}
    assert read(StatusRow, {"key": "menunggu"}) == StatusRow("menunggu", "", "", True, ())


@pytest.mark.parametrize(
    "said",
    [
        {"status": 5},
        {"status": ["new"]},
        {"photos": {"role": "x"}},
        {"photos": [{"role": []}]},
        {"clocks": "x"},
        {"clocks": [[]]},
        {"hold": 1},
        {"hold": {"waits_for": {}}},
        {"priority": "high"},
        {"priority": []},
        {"created": {}},
        {"created": "soon"},
        {"versions": {"status": "x"}},
    ],
)
def test_what_means_nothing_is_refused_and_raises_nothing_else(said: dict[str, Any]) -> None:
    with pytest.raises(UNREADABLE):
        read(Report, REPORT | said)


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff", b'{"id": NaN}', b"null", b"[]", b'"x"'])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(UNREADABLE):
        mend(body, Report)
