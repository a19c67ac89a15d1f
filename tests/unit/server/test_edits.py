"""Edits over HTTP: once each, conflicts by field, the way of a report through its statuses, undo and merges."""

from __future__ import annotations

import threading
import uuid
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from api_client.model import Agency, Area, Datatype, Service, ServiceAttribute, Words
from console.rules.edit import FIELDS
from console.server.city.city import City
from console.server.city.edit_context import _FIELDS
from console.server.city.records import LoadedReport
from tests.unit.server.conftest import Api, Clock, a_report, let_pass
from widgets.forms.form import MOST_LETTERS

PHOTO = "ab" * 32


def go_there(api: Api, report: str, unit: str = "u1") -> None:
    """A unit is sent and arrives."""
    api.ok(report, "dispatch", {"unit": unit})
    api.ok(report, "progress", {"unit": unit, "state": "on_scene"})


def work(api: Api, report: str, unit: str = "u1") -> None:
    """A unit goes, works and sends its proof."""
    go_there(api, report, unit)
    api.ok(report, "photo", {"sha256": PHOTO, "role": "after"})
    api.ok(report, "progress", {"unit": unit, "state": "done"})


def test_a_report_walks_from_arrival_to_resolved_and_back(api: Api) -> None:
    said = []
    for kind, data in (
        ("claim", {}),
        ("assign", {"unit": "u1"}),
        ("dispatch", {"unit": "u1"}),
        ("progress", {"unit": "u1", "state": "acknowledged"}),
        ("progress", {"unit": "u1", "state": "en_route"}),
        ("progress", {"unit": "u1", "state": "on_scene"}),
        ("photo", {"sha256": PHOTO, "role": "after"}),
        ("progress", {"unit": "u1", "state": "done"}),
        ("validate", {"accepted": False, "reason": "blurred"}),
        ("dispatch", {"unit": "u2"}),
        ("progress", {"unit": "u2", "state": "on_scene"}),
        ("progress", {"unit": "u2", "state": "done"}),
    ):
        answer = api.ok("10", kind, data)
        said.append((answer["report"]["status"], api.unit("u1")["state"]))
    assert said == [
        ("new", "available"),
        ("new", "available"),
        ("assigned", "committed"),
        ("assigned", "committed"),
        ("assigned", "en_route"),
        ("progress", "on_scene"),
        ("progress", "on_scene"),
        ("validation", "available"),
        ("returned", "available"),
        ("assigned", "available"),
        ("progress", "available"),
        ("progress", "available"),  # the photo of the refused round proves nothing now
    ]
    assert api.ok("10", "photo", {"sha256": "cd" * 32, "role": "after"})["report"]["status"] == "validation"
    accepted = api.ok("10", "validate", {"accepted": True, "disposition": "patched"})
    assert (accepted["report"]["status"], accepted["report"]["disposition"]) == ("resolved", "patched")
    assert accepted["entry"]["data"]["status"] == "resolved"
    assert api.ok("10", "reopen", {"reason": "it is back"})["report"]["closed_at"] is None


def test_who_sends_a_crew_has_the_report_and_taking_that_back_gives_it_back(api: Api) -> None:
    sent = api.ok("10", "dispatch", {"unit": "u1"})
    assert sent["report"]["claim"]["who"] == "local"
    api.ok("10", "recall", {"unit": "u1"}, undoes=sent["entry"]["edit"])
    assert api.report("10")["claim"] is None
    assert api.unit("u1")["state"] == "available"
    again = api.ok("10", "dispatch", {"unit": "u1"})
    api.ok("10", "release", {})
    api.ok("10", "recall", {"unit": "u1"}, undoes=again["entry"]["edit"])  # a claim given back since is no conflict
    assert api.report("10")["claim"] is None
    assert api.ok("10", "assign", {"unit": "u1"})["report"]["claim"] is None, "a reserved unit is not sent"


def test_the_same_key_gives_the_stored_answer_and_changes_nothing_twice(api: Api) -> None:
    key = str(uuid.uuid4())
    first = api.edit("10", "note", {"text": "once"}, key=key)
    again = api.edit("10", "note", {"text": "once"}, key=key)
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replay"] == "true"
    assert "Idempotent-Replay" not in first.headers
    assert [entry["kind"] for entry in api.get("/reports/10/entries").json()] == ["note"]
    other = api.edit("10", "note", {"text": "twice"}, key=key)
    assert (other.status_code, other.json()["error"]) == (422, "key_reused")


def test_an_order_that_comes_after_its_time_is_refused_and_one_that_came_in_time_is_answered(
    api: Api, clock: Clock
) -> None:
    """A request can lie in a connection of a server that stands still, long after the console has given it up."""
    key = str(uuid.uuid4())
    until = clock() + timedelta(minutes=10)
    made = api.edit("10", "dispatch", {"unit": "u1"}, key=key, expires_at=until.isoformat())
    assert made.status_code == 200
    clock.skip(minutes=10)
    again = api.edit("10", "dispatch", {"unit": "u1"}, seen=1, key=key, expires_at=until.isoformat())
    assert (again.json(), again.headers["Idempotent-Replay"]) == (made.json(), "true")
    late = api.edit("11", "dispatch", {"unit": "u2"}, expires_at=until.isoformat())
    assert (late.status_code, late.json()["error"]) == (422, "expired")
    assert api.unit("u2")["state"] == "available"
    assert api.get("/reports/11/entries").json() == []


def test_an_answer_that_is_no_longer_kept_is_given_from_the_history(api: Api, city: City, clock: Clock) -> None:
    """I2: whoever asks again after the 30 days hears what became of it (edit_service.py: _in_history)."""
    create, note, unit = (str(uuid.uuid4()) for _ in range(3))
    rest = {"unit": "u1", "state": "break"}
    made = api.ok(None, "create", {"service": "road"}, key=create)
    said = api.ok("10", "note", {"text": "once"}, key=note)
    api.ok(None, "unit_state", rest, key=unit)
    let_pass(city, clock, 31)
    again = api.edit(None, "create", {"service": "road"}, key=create)
    assert (again.status_code, again.headers["Idempotent-Replay"]) == (201, "true")
    assert (again.json()["entry"], again.json()["report"]["id"]) == (made["entry"], made["report"]["id"])
    assert api.edit("10", "note", {"text": "once"}, key=note).json()["entry"] == said["entry"]
    assert api.edit(None, "unit_state", rest, key=unit).status_code == 200
    assert api.get("/stats").json()["reports"] == 4
    for other in (api.edit("11", "note", {"text": "once"}, key=note), api.edit("10", "me_too", key=note)):
        assert (other.status_code, other.json()["error"]) == (422, "key_reused")


def test_what_a_caller_adds_stands_in_the_history_and_who_he_is_does_not(api: Api) -> None:
    contact = {"name": "Sari", "phone": "0812 3456 7890"}
    again = api.ok("10", "me_too", {"contact": contact})
    note = api.ok("10", "note", {"text": "it reaches the sockets", "channel": "phone"})
    assert (again["entry"]["data"], note["entry"]["text"]) == ({}, "it reaches the sockets")
    assert note["entry"]["data"] == {"text": "it reaches the sockets", "channel": "phone"}
    assert api.edit("10", "note", {"text": "x", "channel": "y" * 101}).status_code == 422
    assert api.ok("10", "note", {"text": "a plain one"})["entry"]["data"] == {"text": "a plain one"}


def test_a_step_that_two_desks_tick_is_done_once_and_by_both(api: Api) -> None:
    step = {"text": "Tell the power company", "card": "flood-p1"}
    first, second = (api.ok("10", "note", step, device=desk)["entry"] for desk in ("desk 1", "desk 2"))
    assert (first["data"], second["data"]) == (step, step | {"no_effect": True})
    assert "no_effect" not in api.ok("10", "note", {"text": step["text"]})["entry"]["data"], "a note is a note"
    api.ok("10", "note", step, undoes=second["edit"])
    back = api.ok("10", "note", step, undoes=first["edit"])["entry"]
    assert (back["text"], back["data"]) == (step["text"], step | {"undoes": first["edit"]})
    assert api.ok("10", "note", step, device="desk 2")["entry"]["data"] == step, "it was to be done again"
    other = {"text": "Smells of gas"}
    for note, told in ((step, []), (other, ["note"])):  # only what somebody wrote is news to who closes a P1
        api.ok("11", "set", {"priority": 1}, device="desk 1")
        at = api.report("11")["version"]
        api.ok("11", "note", note, device="desk 2")
        answer = api.edit("11", "close", {"disposition": "nothing there", "release": []}, seen=at, device="desk 1")
        assert list(answer.json().get("fields", ())) == told
        api.edit("11", "reopen", {"reason": "again"}, device="desk 1")


def test_answers_of_a_new_report_become_attributes_as_far_as_the_service_asks(api: Api, city: City) -> None:
    depth = ServiceAttribute("depth", "Depth", Datatype.NUMBER, required=True)
    city.put_services([Service("asks", "Asks", attributes=(depth,))])
    for answers, attributes, remarks in (
        ({"depth": ["12"]}, {"depth": ["12"]}, []),
        ({"depth": ["much"]}, {}, ["Answered to Depth: much"]),
        ({}, {}, ["Not answered: Depth"]),
    ):
        made = api.ok(None, "create", {"service": "asks", "description": "x", "answers": answers})["report"]
        assert (made["attributes"], made["remarks"]) == (attributes, remarks)


def created_instead(api: Api, *earlier: str, key: str | None = None, **more: Any) -> Any:
    """What the server says to a new report that takes the place of earlier keys."""
    about = {"instead_of": list(earlier)}
    return api.edit(None, "create", {"description": "to the roof"}, key=key, about=about, **more)


def test_a_report_that_is_sent_in_the_place_of_another_is_there_once_also_when_that_comes_late(api: Api) -> None:
    """Its first sender heard nothing and went home. His request may lie in some connection still."""
    first, second, third = (str(uuid.uuid4()) for _ in range(3))
    made = created_instead(api, first, key=second)
    assert made.status_code == 201
    report = made.json()["report"]["id"]
    again = created_instead(api, first, key=second)
    assert (again.json(), again.headers["Idempotent-Replay"]) == (made.json(), "true")
    late = api.edit(None, "create", {"description": "to the roof"}, key=first)
    assert (late.status_code, late.json()["error"]) == (422, "key_reused")
    assert late.json()["message"].endswith(f"it is report {report}.")
    for keys in ((first,), (second,), (second, first)):
        there = created_instead(api, *keys, key=third)
        assert there.status_code == 409
        assert there.json() | {"message": ""} == {
            "error": "already_there",
            "message": "",
            "report": report,
            "edit": second,
        }
    assert api.get("/stats").json()["reports"] == 4
    assert (
        "instead_of" in api.get("/").json()["can"]
    )  # last: it counts too, and what took long is not counted again soon


def test_a_report_whose_answer_was_lost_is_not_made_again_in_another_name(api: Api, city: City, clock: Clock) -> None:
    first = str(uuid.uuid4())
    report = api.ok(None, "create", {"description": "to the roof"}, key=first)["report"]["id"]
    second = str(uuid.uuid4())
    for _ in range(2):
        there = created_instead(api, first, key=second)
        assert (there.status_code, there.json()["error"]) == (409, "already_there")
        assert (there.json()["report"], there.json()["edit"]) == (report, first)
    let_pass(city, clock, 31)  # the answer is kept no longer
    assert created_instead(api, first, key=second).json()["report"] == report
    assert api.get("/stats").json()["reports"] == 4
    assert created_instead(api, str(uuid.uuid4()), key=second).status_code == 201, "a refusal takes no key"


def test_a_new_report_takes_the_place_of_new_reports_only(api: Api) -> None:
    note = str(uuid.uuid4())
    api.ok("10", "note", {"text": "once"}, key=note)
    refused = created_instead(api, note)
    assert (refused.status_code, refused.json()["error"]) == (422, "key_reused")
    own = str(uuid.uuid4())
    assert created_instead(api, own, key=own).status_code == 201, "nothing takes its own place"
    other = str(uuid.uuid4())
    api.ok("10", "note", {"text": "twice"}, about={"instead_of": [other]})
    assert api.ok("10", "note", {"text": "third"}, key=other), "a note takes no place"


def test_one_taken_down_once_and_sent_by_many_at_once_is_there_once(api: Api) -> None:
    first, said = str(uuid.uuid4()), []

    def create(own_key: str | None) -> None:
        own = Api(api.url)
        if own_key is None:
            said.append(own.edit(None, "create", {"description": "to the roof"}, key=first).status_code)
        else:
            said.append(created_instead(own, first, key=own_key).status_code)
        own.session.close()

    threads = [threading.Thread(target=create, args=(one,)) for one in (None, *(str(uuid.uuid4()) for _ in range(6)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said.count(201) == 1
    assert set(said) <= {201, 409, 422}
    assert api.get("/stats").json()["reports"] == 4


SEEN = "2026-03-02T08:00:00Z"
"""When the reports of the city were created."""


@pytest.mark.parametrize("created", [SEEN, "2026-03-02T15:00:00.999999+07:00", "2026-03-02T08:00:00.5Z"])
def test_an_edit_of_the_report_that_was_seen_is_taken(api: Api, created: str) -> None:
    api.ok("10", "note", {"text": "x"}, about={"created": created})
    api.ok("10", "merge", {"into": "11"}, about={"created": created, "into": created})


@pytest.mark.parametrize(
    "created", ["2026-03-02T07:59:59.999999Z", "2026-03-02T08:00:01Z", "2026-03-02T08:00:00+07:00"]
)
@pytest.mark.parametrize(
    ("kind", "data", "other"),
    [
        ("note", {"text": "x"}, "10"),
        ("set", {"priority": 1}, "10"),
        ("dispatch", {"unit": "u1"}, "10"),
        ("merge", {"into": "11"}, "11"),
        ("close", {"disposition": "duplicate", "merged_into": "11"}, "11"),
    ],
)
def test_an_edit_of_another_report_with_the_number_of_the_one_that_was_seen_changes_nothing(
    api: Api, city: City, kind: str, data: dict[str, Any], other: str, created: str
) -> None:
    """F22, I3: in the edit's own transaction, with no question before it (edit_service.py: _check_meant)."""
    key, before = str(uuid.uuid4()), (city.seq(), city.report("10"), city.report("11"))
    about = {"created": created} if other == "10" else {"created": SEEN, "into": created}
    refused = api.edit("10", kind, data, key=key, about=about)
    assert (refused.status_code, refused.json()["error"], refused.json()["report"]) == (409, "another_report", other)
    assert "Retry-After" not in refused.headers
    assert (city.seq(), city.report("10"), city.report("11")) == before
    api.ok("10", kind, data, key=key, about={"created": SEEN, "into": SEEN})  # a refusal is not stored


def test_what_an_edit_says_of_its_report_is_no_part_of_its_key(api: Api, city: City, clock: Clock) -> None:
    """I2: applied is applied: whoever asks again gets the answer, whatever the number is by now (edit_service.py)."""
    key = str(uuid.uuid4())
    first = api.ok("10", "note", {"text": "once"}, key=key)
    for about in ({}, {"created": SEEN}, {"created": "2020-01-01T00:00:00Z"}):
        again = api.edit("10", "note", {"text": "once"}, key=key, about=about)
        assert (again.json(), again.headers["Idempotent-Replay"]) == (first, "true")
    let_pass(city, clock, 31)
    again = api.edit("10", "note", {"text": "once"}, key=key, about={"created": "2020-01-01T00:00:00Z"})
    assert again.json()["entry"] == first["entry"]


def test_a_report_that_comes_late_does_not_depend_on_a_service_that_went_meanwhile(api: Api) -> None:
    """I1: what a citizen said on the telephone is not refused for good (rules/apply.py: new_report)."""
    data = {"service": "gone", "area": "w9", "description": "A hole", "lat": -6.85, "lon": 106.15}
    assert api.edit(None, "create", data).status_code == 422
    assert api.edit(None, "create", data | {"service": "road"}).status_code == 422
    report = api.ok(None, "create", data, late=True)["report"]
    assert (report["service"], report["area"], report["description"]) == (None, "w1", "A hole")
    assert ["gone" in report["remarks"][0], "w9" in report["remarks"][1]] == [True, True]


@pytest.mark.usefixtures("expected_log")
def test_what_does_not_fit_the_database_is_one_edits_fault(
    api: Api, city: City, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I4: 500 holds one edit, 503 would hold all of them (app.py: IntegrityError)."""
    key = str(uuid.uuid4())
    api.ok("10", "note", {"text": "once"}, key=key)
    let_pass(city, clock, 31)
    monkeypatch.setattr("console.server.city.edit_service._in_history", lambda *_: None)
    assert api.edit("10", "note", {"text": "once"}, key=key).status_code == 500


def test_many_at_once_with_one_key_make_one_report(api: Api) -> None:
    key = str(uuid.uuid4())
    ids: list[str] = []

    def create() -> None:
        own = Api(api.url)
        own.device = api.device
        ids.append(own.ok(None, "create", {"service": "road", "lat": -6.85, "lon": 106.15}, key=key)["report"]["id"])
        own.session.close()

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 8
    assert len(set(ids)) == 1
    assert api.get("/stats").json()["reports"] == 4


def test_a_stale_field_is_a_conflict_with_value_author_and_time(api: Api) -> None:
    seen = api.report("10")["version"]
    api.ok("10", "set", {"priority": 1}, device="another desk")
    stale = api.edit("10", "set", {"priority": 4, "title": "Mine"}, seen=seen)
    assert stale.status_code == 412
    told = stale.json()["fields"]
    assert told.keys() == {"priority"}
    assert (told["priority"]["value"], told["priority"]["who"]) == (1, "local")
    assert told["priority"]["at"].startswith("2026-03-02T08:")
    assert stale.json()["version"] == api.report("10")["version"]
    assert api.report("10")["title"] == ""


def test_who_answers_a_conflict_has_seen_what_it_told_of_and_nothing_else(api: Api) -> None:
    """`about.since` and `about.shown`: with If-Match alone he would have seen all of the version of the conflict."""
    seen = api.report("10")["version"]
    api.ok("10", "set", {"status": "coordination"}, device="another desk")
    api.ok("10", "set", {"priority": 1}, device="another desk")
    stale = api.edit("10", "set", {"status": "assigned"}, seen=seen).json()
    assert stale["fields"].keys() == {"status"}
    about = {"since": seen, "shown": {"status": stale["version"]}}
    end = {"disposition": "spam", "release": []}
    for more in ({"seen": seen}, {"seen": stale["version"]}):
        refused = api.edit("10", "close", end, about=about, **more)
        assert (refused.status_code, list(refused.json()["fields"])) == (412, ["priority"])
    lost = {"since": seen, "shown": {"status": 10**6, "priority": 10**6}}
    refused = api.edit("10", "close", end, seen=10**6, about=lost)
    assert (refused.status_code, set(refused.json()["fields"])) == (412, {"status", "priority"}), "of another history"
    shown = {"status": stale["version"], "priority": stale["version"]}
    assert api.edit("10", "close", end, seen=stale["version"], about=about | {"shown": shown}).status_code == 200


def test_another_field_or_an_equal_value_is_no_conflict(api: Api) -> None:
    seen = api.report("10")["version"]
    api.ok("10", "set", {"priority": 1})
    assert api.edit("10", "set", {"title": "Mine"}, seen=seen).status_code == 200
    assert api.edit("10", "set", {"priority": 1}, seen=seen).status_code == 200
    api.ok("10", "close", {"disposition": "not found"}, device="another desk")
    assert api.edit("10", "close", {"disposition": "not found"}, seen=seen).status_code == 200
    stale = api.edit("10", "close", {"disposition": "spam"}, seen=seen)
    assert stale.status_code == 412, "closed as well, and yet something else"
    assert stale.json()["fields"].keys() == {"disposition"}
    assert api.edit("10", "reopen", {"reason": "x"}, seen=seen).json()["fields"]["status"]["value"] == "closed"


def test_what_needs_a_version_asks_for_it(api: Api) -> None:
    key = str(uuid.uuid4())
    body = {"id": key, "kind": "set", "data": {"priority": 1}}
    url = f"{api.url}/dispatch/v1/reports/10/edits"
    assert api.session.post(url, json=body, headers={"Idempotency-Key": key}).status_code == 428
    body |= {"kind": "note", "data": {"text": "no version needed"}}
    assert api.session.post(url, json=body, headers={"Idempotency-Key": key}).status_code == 200


def test_a_busy_unit_is_refused_with_its_job_unless_stacked(api: Api) -> None:
    api.ok("10", "dispatch", {"unit": "u1"})
    busy = api.edit("11", "dispatch", {"unit": "u1"})
    assert busy.status_code == 412
    told = busy.json()
    assert (told["error"], told["unit"], told["report"], told["who"]) == ("busy", "u1", "10", "local")
    api.ok("11", "dispatch", {"unit": "u1", "stack": True})
    api.ok("10", "progress", {"unit": "u1", "state": "done"})
    assert api.unit("u1")["state"] == "committed"
    api.ok("11", "recall", {"unit": "u1"})
    assert api.unit("u1")["state"] == "available"
    assert api.report("11")["status"] == "new"


def test_two_dispatches_of_one_unit_at_the_same_moment_send_it_once(api: Api) -> None:
    codes: list[int] = []
    go = threading.Barrier(2)

    def dispatch(report: str) -> None:
        own = Api(api.url)
        go.wait()
        codes.append(own.edit(report, "dispatch", {"unit": "u3"}, seen=1).status_code)
        own.session.close()

    threads = [threading.Thread(target=dispatch, args=(report,)) for report in ("10", "11")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [200, 412]


@pytest.mark.parametrize("kind", ["assign", "dispatch"])
def test_an_order_for_a_unit_that_is_on_the_report_already_is_no_second_one(api: Api, kind: str) -> None:
    """It was taken: two dispatches of one crew in the history, the second after it had said that it was on its way."""
    api.ok("10", kind, {"unit": "u1"})
    if kind == "dispatch":
        api.ok("10", "progress", {"unit": "u1", "state": "en_route"})
    again = api.edit("10", kind, {"unit": "u1", "stack": True}, seen=1)
    assert again.status_code == 412
    said = api.get("/reports/10/entries").json()
    (order,) = [one for one in said if one["kind"] == kind]
    assert again.json()["fields"]["unit"] == {"value": "u1", "who": "local", "at": order["at"]}
    assert "on report 10 already, sent by local" in again.json()["message"]
    if kind == "assign":
        api.ok("10", "dispatch", {"unit": "u1"})  # what was reserved may be sent
    else:
        api.ok("10", "recall", {"unit": "u1"})
        api.ok("10", "dispatch", {"unit": "u1"})


def test_a_new_report_gets_the_smallest_area_and_the_services_defaults(api: Api) -> None:
    made = api.ok(
        None, "create", {"service": "road", "description": "x", "lat": -6.85, "lon": 106.15, "channel": "call"}
    )
    report = made["report"]
    assert (report["area"], report["area_rule"], report["priority"], report["agency"]) == ("w1", "smallest", 2, "pu")
    assert made["entry"]["report"] == report["id"]
    assert {clock["name"] for clock in report["clocks"]} == {"first_response", "finish"}
    there = {"lat": -6.45, "lon": 106.55, "address": "There"}
    made = api.ok(report["id"], "set", {"place": there})
    moved = made["report"]
    assert (moved["area"], moved["address"]) == ("w2", "There")
    assert made["entry"]["data"]["area"] == "w2", "consoles read in it who is to answer it now"
    within = api.ok(report["id"], "set", {"place": there | {"lat": -6.44}})
    assert "area" not in within["entry"]["data"]
    handed = api.ok(report["id"], "set", {"area": "c"})["report"]
    assert (handed["area"], handed["area_rule"]) == ("c", "transfer")
    assert api.ok(None, "create", {"lat": 0.0, "lon": 0.0})["report"]["area"] is None


def test_how_far_off_a_point_may_be_stays_with_the_report_until_it_gets_another_place(api: Api) -> None:
    given = {"lat": -6.85, "lon": 106.15, "within_m": 430.0}
    made = api.ok(None, "create", {"service": "road", "description": "x", **given})["report"]
    assert made["within_m"] == 430.0
    key = made["id"]
    moved = api.ok(key, "set", {"place": {"lat": -6.45, "lon": 106.55, "address": "There"}})
    assert moved["report"]["within_m"] == 0.0, "a point that nobody calls rough is exact"
    back = api.ok(key, "note", {"text": "undo"}, undoes=moved["entry"]["edit"])["report"]
    assert (back["lat"], back["within_m"]) == (-6.85, 430.0)
    assert api.ok(None, "create", {"within_m": 430.0})["report"]["within_m"] == 0.0, "no point, nothing to be off"
    assert api.edit(None, "create", {**given, "within_m": -1}).status_code == 422


def test_contacts_stand_apart_from_the_report_and_its_history(api: Api) -> None:
    contact = {"name": "Siti", "phone": "0812", "email": ""}
    made = api.ok(None, "create", {"service": "road", "contact": contact})
    key = made["report"]["id"]
    everything = api.get("/snapshot").text + api.get(f"/reports/{key}/entries").text + api.get("/changes?after=0").text
    assert "Siti" not in everything
    assert "0812" not in everything
    assert api.get(f"/reports/{key}/contact").json() == contact | {"account": "", "device": ""}
    assert api.get("/reports/10/contact").status_code == 404


def test_merge_keeps_both_and_counts_at_the_main_report(api: Api) -> None:
    api.ok("11", "merge", {"into": "10"})
    api.ok("12", "merge", {"into": "11"})  # a duplicate of a duplicate belongs to the main report
    assert api.report("10")["duplicates"] == 2
    assert (api.report("12")["merged_into"], api.report("12")["status"]) == ("10", "closed")
    assert api.edit("10", "merge", {"into": "11"}).status_code == 422
    api.ok("11", "unmerge")
    assert (api.report("11")["merged_into"], api.report("11")["status"]) == (None, "returned")
    assert api.report("10")["duplicates"] == 1


def test_nothing_is_merged_behind_a_report_that_was_deleted(api: Api, city: City) -> None:
    """It was an error of the server, also when an undo would have merged it again."""
    api.ok("11", "merge", {"into": "10"})
    city.load([LoadedReport(a_report("20"))])
    api.ok("20", "merge", {"into": "10"})
    unmerged = api.ok("20", "unmerge")["entry"]["edit"]
    city.remove("report", "10")
    for kind, data in (("merge", {"into": "11"}), ("close", {"disposition": "duplicate", "merged_into": "11"})):
        refused = api.edit("12", kind, data)
        assert (refused.status_code, refused.json()["message"]) == (
            422,
            "Report 10 was deleted: 12 cannot be merged into it.",
        )
    again = api.edit("20", "merge", {"into": "10"}, undoes=unmerged)
    assert (again.status_code, again.json()["message"]) == (422, "Report 10 was deleted: 20 cannot be merged into it.")
    assert api.report("12")["merged_into"] is None


def test_the_earlier_clock_stays_whichever_of_two_reports_is_merged_into_the_other(api: Api, city: City) -> None:
    """The older one, merged into the newer, left a report with all its time before it again."""
    created = datetime.fromisoformat(SEEN)
    for key, earlier_h in (("20", 2), ("21", 5), ("22", 0)):
        made = created - timedelta(hours=earlier_h)
        city.load([LoadedReport(replace(a_report(key), created=made, updated=made))])

    def since(key: str) -> float:
        """How many hours earlier than the newest its first clock began; it is due as much earlier."""
        first = api.report(key)["clocks"][0]
        started, due = (datetime.fromisoformat(first[name]) for name in ("started", "due"))
        assert (first["name"], due - started) == ("first_response", timedelta(hours=6))
        return (created - started) / timedelta(hours=1)

    assert [since(key) for key in ("20", "21", "22")] == [2, 5, 0]
    api.ok("21", "merge", {"into": "20"})
    assert since("20") == 5
    api.ok("20", "merge", {"into": "22"})
    assert since("22") == 5, "also what had been merged into the merged one counts"
    api.ok("22", "set", {"priority": 1}, seen=api.report("22")["version"])
    assert since("22") == 5, "it stays through what is done later"
    api.ok("20", "unmerge")
    assert (since("22"), since("20")) == (0, 5)
    api.ok("21", "unmerge")
    assert since("20") == 2


def test_closing_releases_the_units_that_were_ticked(api: Api) -> None:
    api.ok("10", "dispatch", {"unit": "u1"})
    api.ok("10", "dispatch", {"unit": "u2"})
    assert api.edit("10", "close", {"disposition": ""}).status_code == 422
    api.ok("10", "close", {"disposition": "not found", "release": ["u1"]})
    assert (api.unit("u1")["state"], api.unit("u2")["state"]) == ("available", "committed")
    assert "reopen" in api.edit("10", "dispatch", {"unit": "u3"}).json()["message"]


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("set", {"priority": 1, "hold": {"reason": "rain", "waits_for": "weather"}}),
        ("claim", {}),
        ("dispatch", {"unit": "u1"}),
        ("close", {"disposition": "spam"}),
        ("merge", {"into": "11"}),
        ("photo", {"sha256": PHOTO, "role": "report"}),
        ("note", {"text": "wrong report"}),
    ],
)
def test_undo_puts_back_what_was(api: Api, kind: str, data: dict[str, Any]) -> None:
    before = api.report("10")
    done = api.ok("10", kind, data)
    undone = api.ok("10", "release" if kind == "claim" else "note", {"text": "undo"}, undoes=done["entry"]["edit"])
    after = undone["report"]
    for name in ("status", "priority", "hold", "claim", "merged_into", "photos", "disposition", "closed_at"):
        assert after[name] == before[name], name
    entries = {entry["id"]: entry for entry in api.get("/reports/10/entries").json()}
    assert entries[done["entry"]["id"]]["undone_by"] == undone["entry"]["id"]
    assert api.unit("u1")["state"] == "available"
    assert api.report("11")["duplicates"] == 0
    assert api.edit("10", "note", {"text": "x"}, undoes=done["entry"]["edit"]).status_code == 422


def test_undo_of_a_return_awaits_validation_again(api: Api) -> None:
    api.ok("10", "dispatch", {"unit": "u1"})
    api.ok("10", "progress", {"unit": "u1", "state": "on_scene"})
    api.ok("10", "photo", {"sha256": PHOTO, "role": "after"})
    api.ok("10", "progress", {"unit": "u1", "state": "done"})
    before = api.report("10")
    assert before["status"] == "validation"
    done = api.ok("10", "validate", {"accepted": False, "reason": "blurred"})
    assert done["report"]["status"] == "returned"
    undone = api.ok("10", "reopen", {"reason": "return undone"}, undoes=done["entry"]["edit"])
    assert (undone["report"]["status"], undone["report"]["photos"]) == ("validation", before["photos"])
    again = api.ok("10", "validate", {"accepted": False, "reason": "blurred"})
    api.ok("10", "dispatch", {"unit": "u1"})
    assert api.edit("10", "reopen", {"reason": "-"}, undoes=again["entry"]["edit"]).status_code == 412


def test_what_changed_nothing_says_so_in_its_entry(api: Api) -> None:
    """ "Reopened by cici" stood in the history of a report that stayed resolved by sari's verdict."""
    first = api.ok("10", "close", {"disposition": "spam"})
    again = api.ok("10", "close", {"disposition": "spam"})
    undone = api.ok("10", "reopen", {"reason": "closing undone"}, undoes=again["entry"]["edit"])
    assert (undone["report"]["status"], undone["report"]["disposition"]) == ("closed", "spam")
    told = [one["entry"]["data"].get("no_effect") for one in (first, again, undone)]
    assert told == [None, True, True]
    back = api.ok("10", "reopen", {"reason": "closing undone"}, undoes=first["entry"]["edit"])
    assert back["report"]["status"] == "new"
    assert "no_effect" not in back["entry"]["data"]


def test_undo_is_refused_when_somebody_changed_the_same_since(api: Api) -> None:
    done = api.ok("10", "set", {"priority": 1})
    api.ok("10", "set", {"priority": 4})
    refused = api.edit("10", "set", {"priority": 3}, undoes=done["entry"]["edit"])
    assert (refused.status_code, refused.json()["fields"]["priority"]["value"]) == (412, 4)
    sent = api.ok("10", "dispatch", {"unit": "u1"})
    for state in ("on_scene", "done"):  # what its crew is by now is told, and not the status that follows from it
        api.ok("10", "progress", {"unit": "u1", "state": state})
        refused = api.edit("10", "recall", {"unit": "u1"}, undoes=sent["entry"]["edit"])
        assert (refused.status_code, [*refused.json()["fields"]]) == (412, ["assignment"])
        assert refused.json()["fields"]["assignment"]["value"] == state
    reply = api.ok("10", "reply", {"text": "on our way"})
    assert "cannot be taken back" in api.edit("10", "note", {"text": "-"}, undoes=reply["entry"]["edit"]).text


def test_every_field_that_an_edit_may_set_has_a_version_and_can_be_undone() -> None:
    """One that only the list of what may be set has is taken, and its undo takes nothing back."""
    assert set(FIELDS) <= _FIELDS.keys()


def test_undo_goes_back_step_by_step(api: Api) -> None:
    """Whoever takes back his last two steps on a field is no colleague who changed it meanwhile."""
    held = api.ok("10", "set", {"hold": {"reason": "rain", "waits_for": "weather"}})
    ended = api.ok("10", "set", {"hold": None})
    assert api.edit("10", "set", {"hold": None}, undoes=held["entry"]["edit"]).status_code == 412
    back = api.ok("10", "set", {}, undoes=ended["entry"]["edit"])
    assert back["report"]["hold"]["reason"] == "rain"
    assert api.ok("10", "set", {}, undoes=held["entry"]["edit"])["report"]["hold"] is None


def test_undo_of_a_recall_sends_the_unit_again_unless_it_has_other_work(api: Api) -> None:
    api.ok("10", "dispatch", {"unit": "u1"})
    recalled = api.ok("10", "recall", {"unit": "u1"})
    assert recalled["report"]["status"] == "new"
    again = api.ok("10", "dispatch", {"unit": "u1"}, undoes=recalled["entry"]["edit"])
    assert (again["report"]["status"], api.unit("u1")["state"]) == ("assigned", "committed")


def test_an_edit_of_a_deleted_report_is_told_when_that_was(api: Api, city: City) -> None:
    city.remove("report", "10")
    said = api.edit("10", "note", {"text": "x"}, seen=1)
    assert (said.status_code, said.json()["error"]) == (404, "not_found")
    assert said.json()["message"] == "Report 10 was deleted."
    assert datetime.fromisoformat(said.json()["at"]).tzinfo is not None
    assert "at" not in api.edit("none", "note", {"text": "x"}, seen=1).json()


def test_the_rules_of_statuses_and_proof_hold(api: Api) -> None:
    assert "photo" in api.edit("10", "set", {"status": "validation"}).json()["message"]
    api.ok("10", "dispatch", {"unit": "u1"})
    assert "cannot become" in api.edit("10", "set", {"status": "resolved"}).json()["message"]
    assert api.edit("10", "validate", {"accepted": True}).status_code == 422
    assert api.edit("10", "progress", {"unit": "u2", "state": "on_scene"}).status_code == 422
    assert api.edit("10", "set", {"service": "none"}).status_code == 422
    assert api.edit("10", "set", {"agency": "none"}).status_code == 422
    assert api.edit("none", "note", {"text": "x"}, seen=1).status_code == 404
    assert api.ok("12", "dispatch", {"unit": "u2"})["report"]["status"] == "assigned"
    assert api.ok("12", "progress", {"unit": "u2", "state": "done"})["report"]["status"] == "validation"


def test_unit_states_and_their_undo(api: Api) -> None:
    rest = api.ok(None, "unit_state", {"unit": "u1", "state": "break", "reason": "lunch"})
    assert (rest["report"], rest["entry"]["unit"], api.unit("u1")["reason"]) == (None, "u1", "lunch")
    assert "break" in api.edit("10", "dispatch", {"unit": "u1"}).json()["message"]
    api.ok(None, "unit_state", {"unit": "u1", "state": "available"}, undoes=rest["entry"]["edit"])
    api.ok("10", "dispatch", {"unit": "u1"})
    assert api.edit(None, "unit_state", {"unit": "u1", "state": "off_shift"}).status_code == 422


def test_late_facts_keep_their_own_time_but_none_from_the_future(api: Api, clock: Clock) -> None:
    entry = api.ok("10", "note", {"text": "x"}, occurred_at="2026-03-02T06:00:00Z", late=True)["entry"]
    assert (entry["occurred_at"], entry["late"]) == ("2026-03-02T06:00:00Z", True)
    entry = api.ok("10", "note", {"text": "x"}, occurred_at="2026-03-08T00:00:00Z")["entry"]
    assert entry["occurred_at"] == entry["at"]
    refused = api.edit("10", "note", {"text": "x"}, occurred_at="2099-01-01T00:00:00Z")  # no clock goes so wrong
    assert (refused.status_code, "too far ahead" in refused.json()["message"]) == (422, True)


def test_hostile_bodies_get_a_sentence(api: Api) -> None:
    start = b'{"id": "12345678", "kind": "note", "data": {"text": '
    for body, status in (
        (b"not json", 400),
        (start + b"[" * 100_000, 400),
        (b'{"id": "12345678", "kind": "explode"}', 422),
        (start + b'""}}', 422),
        (start + b"5}}", 422),
        (b'{"id": "12345678", "kind": "photo", "data": {"sha256": "../../etc/passwd"}}', 422),
        (b'{"id": "12345678", "kind": "set", "data": {"place": {"lat": 1e999, "lon": 0}}}', 422),
        (b'{"id": "12345678", "kind": "set", "data": {"place": {"lat": 91, "lon": 0}}}', 422),
        (start + b'"' + b"x" * 30_000 + b'"}}', 422),
        (start + b'"\xff"}}', 400),
        (start + b'"' + b"x" * 1_100_000 + b'"}}', 413),
        (b'{"id": "12345678", "kind": "me_too", "data": {"contact": []}}', 422),
        (b"", 400),
    ):
        answer = api.session.post(
            f"{api.url}/dispatch/v1/reports/10/edits",
            data=body,
            headers={"Idempotency-Key": "12345678", "If-Match": '"1"'},
            timeout=60,
        )
        assert answer.status_code == status, (body[:80], answer.text)
        assert answer.json().keys() >= {"error", "message"}
        assert "Traceback" not in answer.text
    for path in (
        "/changes?after=-1",
        "/changes?after=1e9",
        "/snapshot?after_key=none",
        "/snapshot?after_key=report|x",
    ):
        assert api.get(path).status_code == 422, path
    assert api.get("/reports/none").json()["error"] == "not_found"
    assert api.session.delete(f"{api.url}/dispatch/v1/stats", timeout=60).status_code == 405


def test_control_characters_are_left_out_of_texts_and_refused_in_keys(api: Api) -> None:
    """Neither database nor any client has to keep a NUL; what is only half a character is no JSON."""
    dirty = "a\x00b\x1b\tc\n"
    made = api.ok(
        None,
        "create",
        {
            "service": "road",
            "description": dirty,
            "title": dirty,
            "address": dirty,
            "contact": {"name": dirty},
            "attributes": {"depth": [dirty]},
        },
    )["report"]
    assert (made["description"], made["title"], made["address"]) == ("ab\tc\n",) * 3
    assert made["attributes"]["depth"] == ["ab\tc\n"]
    assert api.get(f"/reports/{made['id']}/contact").json()["name"] == "ab\tc\n"
    hold = {"reason": dirty, "waits_for": "weather"}
    assert api.ok("10", "set", {"hold": hold})["report"]["hold"]["reason"] == "ab\tc\n"
    assert api.edit("10", "note", {"text": "\x00"}).status_code == 422, "nothing is left of it"
    assert api.edit("10", "dispatch", {"unit": "u1\x00"}).status_code == 422
    assert api.edit("10", "note", {"text": "x"}, device="desk\x00").status_code == 422, (
        "a client that obeys asks no more"
    )
    for number in ("1", "1.0"):  # the second goes another way through the readers
        body = '{"id": "12345678-N", "kind": "note", "number": N, "data": {"text": "x\\ud800"}}'.replace("N", number)
        headers = {"Idempotency-Key": f"12345678-{number}", "Content-Type": "application/json"}
        answer = api.session.post(f"{api.url}/dispatch/v1/reports/10/edits", data=body, headers=headers, timeout=60)
        assert answer.status_code == 400, answer.text


def test_a_merge_does_not_close_what_somebody_has_taken_up_meanwhile(api: Api) -> None:
    seen = api.report("10")["version"]
    api.ok("10", "set", {"status": "coordination"}, device="another desk")
    refused = api.edit("10", "merge", {"into": "11"}, seen=seen)
    assert refused.status_code == 412
    assert refused.json()["fields"]["status"]["value"] == "coordination"
    assert api.edit("10", "merge", {"into": "11"}).status_code == 200


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        ("note", {"text": "x" * 20_001}, "The text is too long (20,000 letters at most)."),
        ("note", {"text": ""}, "The text is empty."),
        ("note", {}, "The text is missing."),
        ("validate", {"accepted": False, "reason": "x" * 20_001}, "The reason is too long (20,000 letters at most)."),
        (
            "set",
            {"hold": {"reason": "x" * 20_001, "waits_for": "agency"}},
            "The reason is too long (20,000 letters at most).",
        ),
        ("set", {"priority": 9}, "The priority does not fit."),
    ],
)
def test_what_does_not_fit_is_said_in_the_operators_words(
    api: Api, kind: str, data: dict[str, Any], words: str
) -> None:
    refused = api.edit("10", kind, data)
    assert (refused.status_code, refused.json()["message"]) == (422, words)


def test_the_forms_take_as_long_a_text_as_the_server() -> None:
    assert len(msgspec.convert({"text": "x" * MOST_LETTERS}, Words).text) == MOST_LETTERS
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"text": "x" * (MOST_LETTERS + 1)}, Words)


@pytest.mark.parametrize("taken_back", [False, True])
def test_proof_that_was_returned_is_none_when_it_is_attached_again(api: Api, taken_back: bool) -> None:
    """A forged photo was refused, sent once more, and waited for validation again."""
    first, second = ({"sha256": one * 32, "role": "after"} for one in ("ab", "cd"))
    go_there(api, "10")
    attached = api.ok("10", "photo", first)["entry"]["edit"]
    api.ok("10", "progress", {"unit": "u1", "state": "done"})
    api.ok("10", "validate", {"accepted": False, "reason": "Forged."})
    if taken_back:
        api.edit("10", "photo", {}, undoes=attached)
    api.ok("10", "set", {"status": "progress"})
    api.ok("10", "photo", first)
    refused = api.edit("10", "set", {"status": "validation"})
    assert (refused.status_code, "photo of its result" in refused.json()["message"]) == (422, True)
    api.ok("10", "dispatch", {"unit": "u1"})
    for state in ("acknowledged", "en_route", "on_scene", "done"):
        api.ok("10", "progress", {"unit": "u1", "state": state})
    assert api.report("10")["status"] != "validation"
    assert api.ok("10", "photo", second)["report"]["status"] == "validation"


def test_a_word_on_a_unit_that_is_taken_back_leaves_the_state_of_its_jobs(api: Api) -> None:
    """It came back as “committed” from a job that had ended meanwhile, and was recommended to nobody any more."""
    go_there(api, "10")
    said = api.ok(None, "unit_state", {"unit": "u1", "state": "unavailable", "reason": "x"})["entry"]["edit"]
    api.ok("10", "recall", {"unit": "u1"})
    assert api.unit("u1")["state"] == "unavailable"
    api.ok(None, "unit_state", {"unit": "u1"}, undoes=said)
    assert api.unit("u1")["state"] == "available"


def test_a_new_report_goes_to_an_agency_that_there_is(api: Api) -> None:
    refused = api.edit(None, "create", {"service": "road", "agency": "NOPE"})
    assert (refused.status_code, refused.json()["message"]) == (422, "There is no agency NOPE.")
    late = api.ok(None, "create", {"service": "road", "agency": "NOPE"}, late=True)["report"]
    assert (late["agency"], late["remarks"]) == ("pu", ["Its agency “NOPE” is no longer there."])


def test_a_report_of_what_the_city_retired_while_it_was_written_is_taken(api: Api, city: City, clock: Clock) -> None:
    """It was refused, with a key to try again that could not help: the whole telephone call was to be typed anew."""
    fire = Service("fire", "Fire", priority=1)
    west, fire_brigade = Area("w3", "Ward 3", 3, parent="c"), Agency("fb", "Fire brigade")
    for gone in (None, clock()):
        city.put_services([replace(fire, valid_to=gone)])
        city.put_areas([replace(west, valid_to=gone)])
        city.put_agencies([replace(fire_brigade, valid_to=gone)])
    made = api.ok(None, "create", {"service": "fire", "area": "w3", "agency": "fb", "description": "Smoke"})["report"]
    assert (made["service"], made["area"], made["agency"], made["priority"]) == (None, None, None, 1)
    assert made["remarks"] == [
        f"Its {what} “{code}” is no longer there."
        for what, code in (("service", "fire"), ("area", "w3"), ("agency", "fb"))
    ]
    never = api.edit(None, "create", {"service": "fires"})
    assert (never.status_code, never.json()["message"]) == (422, "There is no service fires.")


def test_a_version_that_a_report_has_not_reached_has_seen_nothing_of_it(api: Api) -> None:
    """After a city was set back by hand a console's number may be the higher one, of another history."""
    api.ok("10", "set", {"priority": 1}, device="another desk")
    refused = api.edit("10", "set", {"priority": 4}, seen=999_999_999_999_999_999)
    assert (refused.status_code, list(refused.json()["fields"])) == (412, ["priority"])
    assert api.edit("10", "set", {"title": "x"}, seen=999_999_999_999_999_999).status_code == 200


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("photo", {"sha256": "2" * 64 + "\n", "role": "after"}),
        ("set", {"service": "road\n"}),
        ("create", {"media_urls": ["https://example.org/a.jpg\n"]}),
        ("create", {"attributes": {"depth\n": ["1"]}}),
    ],
)
def test_a_line_end_is_no_part_of_a_name(api: Api, kind: str, data: dict[str, Any]) -> None:
    """A photo of such a name counted as proof, and could never be fetched."""
    before = api.get("/changes?after=0").json()["upto"]
    assert api.edit(None if kind == "create" else "10", kind, data).status_code == 422
    assert api.get("/changes?after=0").json()["upto"] == before


def test_an_edits_id_holds_no_line_end(api: Api) -> None:
    body = {"id": "12345678\n", "kind": "note", "data": {"text": "x"}}
    headers = {"Idempotency-Key": "12345678"}
    answer = api.session.post(f"{api.url}/dispatch/v1/reports/10/edits", json=body, headers=headers, timeout=60)
    assert (answer.status_code, "does not fit" in answer.json()["message"]) == (422, True)


@pytest.mark.parametrize("ending", [("close", {"disposition": "spam", "release": ["u1"]}), ("merge", {"into": "12"})])
def test_a_report_that_comes_back_without_its_crew_waits_for_anybody(api: Api, ending: tuple[str, Any]) -> None:
    """It came back as "assigned" with nobody on it, and stood in no figure of what waits for a crew."""
    api.ok("10", "dispatch", {"unit": "u1"})
    ended = api.ok("10", *ending)["entry"]["edit"]
    api.ok("11", "dispatch", {"unit": "u1"})
    back = api.ok("10", ending[0], undoes=ended)["report"]
    assert (back["status"], back["claim"], back["merged_into"]) == ("new", None, None)
    assert api.report("11")["status"] == "assigned", "its crew stays where it is"


def test_a_report_that_comes_back_with_its_crew_is_as_it_was(api: Api) -> None:
    api.ok("10", "dispatch", {"unit": "u1"})
    ended = api.ok("10", "close", {"disposition": "spam", "release": ["u1"]})["entry"]["edit"]
    back = api.ok("10", "close", undoes=ended)["report"]
    assert (back["status"], back["claim"]["who"]) == ("assigned", "local")
    assert api.unit("u1")["state"] == "committed"


def test_of_a_history_the_entry_of_one_edit_can_be_read_alone(api: Api) -> None:
    api.ok("10", "note", {"text": "one"})
    wanted = api.ok("10", "note", {"text": "two"})["entry"]
    assert api.get("/reports/10/entries", params={"edit": wanted["edit"]}).json() == [wanted]
    assert api.get("/reports/11/entries", params={"edit": wanted["edit"]}).json() == []
