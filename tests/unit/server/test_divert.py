"""A unit leaves lesser work for a P1 by one order, and goes back by one undo: in one transaction, or not at all."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api_client.model import EditBody, Kind, UnitState
from console.rules.divert import step_id
from console.server.city import audit
from console.server.city.city import City
from console.server.city.rates import RULES
from console.server.city.records import LOCAL
from console.server.city.users import Users, add_user
from console.server.http.rate_limit import RateLimits
from tests.unit.server.conftest import START, Api, Clock, running
from tests.unit.server.test_edits import go_there

P1, LEFT, OTHER = "10", "11", "12"
UNLIMITED = dict.fromkeys(RULES, "1000000 per 1 second")
DIVERT: dict[str, Any] = {"unit": "u1", "leaves": [LEFT]}


@pytest.fixture
def at_work(api: Api) -> Api:
    """U1 is on scene at a P3, and there is a P1."""
    go_there(api, LEFT)
    api.ok(P1, "set", {"priority": 1})
    return api


def live(api: Api, report: str) -> list[tuple[str, str]]:
    ended = ("done", "refused", "recalled")
    items = api.get("/changes?after=0").json()["items"]
    jobs = [item["data"] for item in items if item["kind"] == "assignment" and item["data"]["report"] == report]
    return [(job["unit"], job["state"]) for job in jobs if job["state"] not in ended]


def history(api: Api, report: str) -> list[Any]:
    return list(api.get(f"/reports/{report}/entries").json())


def last(api: Api, report: str) -> Any:
    return max(history(api, report), key=lambda one: one["at"])


def test_one_edit_ends_the_job_there_and_begins_one_here(at_work: Api) -> None:
    api, before = at_work, at_work.report(LEFT)["version"]
    key, sent_at = str(uuid.uuid4()), (START + timedelta(seconds=1)).isoformat()
    sent = api.ok(P1, "dispatch", DIVERT, key=key, occurred_at=sent_at, late=True)
    assert (live(api, LEFT), live(api, P1)) == ([], [("u1", "dispatched")])
    assert api.unit("u1")["state"] == "committed"
    assert (sent["entry"]["kind"], sent["entry"]["data"]["leaves"]) == ("dispatch", [LEFT])
    recall = last(api, LEFT)
    told = {name: recall[name] for name in ("kind", "edit", "author", "text", "unit", "occurred_at", "late")}
    assert told == {
        "kind": "recall", "edit": step_id(key, LEFT), "author": "local", "text": f"diverted to {P1}", "unit": "u1",
        "occurred_at": recall["occurred_at"], "late": True,
    }  # fmt: skip
    assert (api.report(LEFT)["status"], api.report(LEFT)["version"]) == ("new", before + 1)
    assert api.ok(P1, "dispatch", DIVERT, key=key, occurred_at=sent_at, late=True) == sent, (
        "a repeat makes nothing twice"
    )
    assert api.report(LEFT)["version"] == before + 1


def test_who_has_read_the_order_has_read_the_recall(at_work: Api) -> None:
    api = at_work
    answer = api.ok(P1, "dispatch", DIVERT)
    numbers = {item["id"]: item["seq"] for item in api.get("/changes?after=0").json()["items"]}
    mine = numbers[answer["entry"]["id"]]
    jobs = [item for item in api.get("/changes?after=0").json()["items"] if item["kind"] == "assignment"]
    of_left = next(item for item in jobs if item["data"]["report"] == LEFT)
    assert max(numbers[last(api, LEFT)["id"]], numbers[LEFT], of_left["seq"]) < mine
    undone = api.ok(P1, "recall", {"unit": "u1"}, undoes=answer["entry"]["edit"])
    numbers = {item["id"]: item["seq"] for item in api.get("/changes?after=0").json()["items"]}
    assert max(numbers[last(api, LEFT)["id"]], numbers[LEFT]) < numbers[undone["entry"]["id"]]


@pytest.mark.parametrize("how", ["recalled", "done", "elsewhere", "unknown"])
def test_who_is_there_no_more_is_only_sent(api: Api, how: str) -> None:
    go_there(api, LEFT)
    api.ok(P1, "set", {"priority": 1})
    leaves = [LEFT]
    if how == "recalled":
        api.ok(LEFT, "recall", {"unit": "u1"})
    elif how == "done":
        api.ok(LEFT, "progress", {"unit": "u1", "state": "done"})
    elif how == "elsewhere":  # work that it has not begun keeps no unit from a P1
        api.ok(LEFT, "recall", {"unit": "u1"})
        api.ok(OTHER, "dispatch", {"unit": "u1"})
    else:
        api.ok(LEFT, "recall", {"unit": "u1"})
        leaves = ["local:1", "999"]
    before = api.report(LEFT)["version"]
    sent = api.ok(P1, "dispatch", {"unit": "u1", "leaves": leaves})
    assert live(api, P1) == [("u1", "dispatched")]
    assert "leaves" not in sent["entry"]["data"]
    assert api.report(LEFT)["version"] == before


def test_who_was_to_come_next_comes_now(at_work: Api) -> None:
    """A colleague has sent it to the P1 after its work; the divert ends that work, and gives no second order."""
    api = at_work
    api.ok(P1, "dispatch", {"unit": "u1", "stack": True})
    api.ok(P1, "dispatch", DIVERT)
    assert (live(api, LEFT), live(api, P1)) == ([], [("u1", "dispatched")])
    refused = api.edit(P1, "dispatch", DIVERT).json()
    assert (refused["error"], refused["fields"]["unit"]["value"]) == ("conflict", "u1"), "there is nothing to leave"


def test_who_has_begun_other_work_meanwhile_is_busy_and_leaves_nothing(at_work: Api) -> None:
    api = at_work
    api.ok(OTHER, "dispatch", {"unit": "u1", "stack": True})
    api.ok(OTHER, "progress", {"unit": "u1", "state": "en_route"})
    refused = api.edit(P1, "dispatch", DIVERT)
    assert (refused.status_code, refused.json()["error"], refused.json()["report"]) == (412, "busy", OTHER)
    assert live(api, LEFT) == [("u1", "on_scene")], "all of it or nothing"
    assert live(api, P1) == []


def test_of_two_desks_that_divert_a_unit_to_a_p1_each_the_second_is_told(at_work: Api) -> None:
    """It was sent to both, and each desk took it for coming."""
    api = at_work
    api.ok(OTHER, "set", {"priority": 1})
    api.ok(P1, "dispatch", DIVERT)
    refused = api.edit(OTHER, "dispatch", DIVERT).json()
    assert (refused["error"], refused["report"], refused["who"]) == ("busy", P1, "local")
    assert live(api, OTHER) == []


def test_no_half_of_a_divert_is_undone(at_work: Api) -> None:
    sent = at_work.ok(P1, "dispatch", DIVERT)["entry"]
    refused = at_work.edit(LEFT, "recall", {"unit": "u1"}, undoes=step_id(sent["edit"], LEFT))
    assert refused.status_code == 422
    at_work.ok(P1, "recall", {"unit": "u1"}, undoes=sent["edit"])


def test_from_what_is_a_p1_by_now_nobody_is_called_away(at_work: Api) -> None:
    api = at_work
    api.ok(LEFT, "set", {"priority": 1})
    refused = api.edit(P1, "dispatch", DIVERT).json()
    assert (refused["error"], refused["report"], refused["priority"]) == ("busy", LEFT, 1)
    assert refused["message"] == f"Unit U1 works on report {LEFT}, which is a P1 by now."
    assert live(api, LEFT) == [("u1", "on_scene")]


def test_for_what_is_no_p1_any_more_nobody_is_called_away(at_work: Api) -> None:
    """A colleague has lowered it, a false alarm, while the divert waited for its server."""
    api = at_work
    api.ok(P1, "set", {"priority": 3})
    refused = api.edit(P1, "dispatch", DIVERT).json()
    assert (refused["error"], refused["report"], refused["priority"]) == ("busy", LEFT, 3)
    assert refused["message"] == f"Unit U1 works on report {LEFT}, and report {P1} is P3 by now."
    assert (live(api, LEFT), live(api, P1)) == ([("u1", "on_scene")], [])


def test_who_is_assigned_leaves_nothing(at_work: Api) -> None:
    assert at_work.edit(P1, "assign", DIVERT).json()["error"] == "busy"
    at_work.ok(LEFT, "recall", {"unit": "u1"})
    at_work.ok(OTHER, "dispatch", {"unit": "u1"})
    assert at_work.edit(P1, "assign", DIVERT).json()["error"] == "busy", "by work that it has not begun, too"


def test_who_has_other_work_is_not_sent_besides_to_what_is_no_p1(api: Api) -> None:
    api.ok(OTHER, "dispatch", {"unit": "u1"})
    assert api.edit(P1, "dispatch", DIVERT).json()["error"] == "busy", "as any order without stack"


def test_who_was_sent_there_anew_is_not_called_away_by_who_did_not_see_that(at_work: Api, city: City) -> None:
    api, other = at_work, Api(at_work.url)
    seen = {"version": api.report(LEFT)["version"], "created": api.report(LEFT)["created"]}
    other.ok(LEFT, "recall", {"unit": "u1"})
    other.ok(LEFT, "dispatch", {"unit": "u1"})
    refused = api.edit(P1, "dispatch", DIVERT, about={"leaves": {LEFT: seen}}).json()
    assert (refused["error"], refused["report"], refused["who"]) == ("busy", LEFT, "local")
    other.session.close()
    seen["version"] = api.report(LEFT)["version"]
    api.ok(P1, "dispatch", DIVERT, about={"leaves": {LEFT: seen}})
    assert live(api, LEFT) == []


def test_another_report_under_the_number_is_not_left(at_work: Api) -> None:
    """A restored city gave the number to another report, on which the unit works: that is no work that was seen."""
    seen = {"created": (START + timedelta(days=1)).isoformat()}
    refused = at_work.edit(P1, "dispatch", DIVERT, about={"leaves": {LEFT: seen}}).json()
    assert (refused["error"], refused["report"]) == ("busy", LEFT)
    assert live(at_work, LEFT) == [("u1", "on_scene")]


def test_an_order_that_is_refused_leaves_nothing(at_work: Api) -> None:
    at_work.ok(P1, "close", {"disposition": "spam"})
    assert at_work.edit(P1, "dispatch", DIVERT).status_code == 422
    assert live(at_work, LEFT) == [("u1", "on_scene")]
    late = (START - timedelta(minutes=1)).isoformat()
    assert at_work.edit(P1, "dispatch", DIVERT, expires_at=late).json()["error"] == "expired"
    assert at_work.edit(P1, "dispatch", DIVERT | {"leaves": [""]}).status_code == 422


def test_both_reports_are_in_the_audit_log(at_work: Api, city: City) -> None:
    key = str(uuid.uuid4())
    at_work.ok(P1, "dispatch", DIVERT, key=key)
    with city.database.read() as connection:
        rows = list(audit.rows_after(connection, 0))
    assert {(row.object, row.edit) for row in rows} >= {(P1, key), (LEFT, step_id(key, LEFT))}


def test_one_undo_calls_back_here_and_sends_there_anew(at_work: Api) -> None:
    api = at_work
    sent = api.ok(P1, "dispatch", DIVERT)["entry"]
    undone = api.ok(P1, "recall", {"unit": "u1"}, undoes=sent["edit"])
    assert (live(api, LEFT), live(api, P1)) == ([("u1", "dispatched")], [])
    assert undone["report"]["status"] == "new"
    assert api.report(LEFT)["status"] == "progress", "as it was"
    again = last(api, LEFT)
    assert (again["kind"], again["unit"], again["edit"]) == ("dispatch", "u1", step_id(undone["entry"]["edit"], LEFT))
    recall = next(one for one in history(api, LEFT) if one["kind"] == "recall")
    assert recall["undone_by"] == again["id"]
    assert api.edit(P1, "recall", {"unit": "u1"}, undoes=sent["edit"]).status_code == 422


def test_work_that_was_handed_in_by_the_divert_goes_on_with_its_undo(at_work: Api) -> None:
    api = at_work
    go_there(api, LEFT, "u2")
    api.ok(LEFT, "photo", {"sha256": "ab" * 32, "role": "after"})
    api.ok(LEFT, "progress", {"unit": "u2", "state": "done"})
    sent = api.ok(P1, "dispatch", DIVERT)["entry"]
    assert api.report(LEFT)["status"] == "validation", "who stayed had done all, and who was not done has left"
    api.ok(P1, "recall", {"unit": "u1"}, undoes=sent["edit"])
    assert (api.report(LEFT)["status"], live(api, LEFT)) == ("progress", [("u1", "dispatched")])


def test_the_undo_of_what_left_nothing_calls_back_only(api: Api) -> None:
    sent = api.ok(P1, "dispatch", DIVERT)["entry"]
    api.ok(P1, "recall", {"unit": "u1"}, undoes=sent["edit"])
    assert (live(api, LEFT), live(api, P1)) == ([], [])


@pytest.mark.parametrize("why", ["there", "closed", "crew", "elsewhere", "broken", "deleted", "others"])
def test_an_undo_that_cannot_be_is_refused_as_a_whole(at_work: Api, city: City, why: str) -> None:
    api = at_work
    if why == "others":  # whose presence keeps the status as it is
        go_there(api, LEFT, "u2")
    sent = api.ok(P1, "dispatch", DIVERT)["entry"]
    if why == "others":
        api.ok(LEFT, "close", {"disposition": "spam", "release": ["u2"]})
    elif why == "there":
        api.ok(P1, "progress", {"unit": "u1", "state": "on_scene"})
    elif why == "closed":
        api.ok(LEFT, "close", {"disposition": "spam"})
    elif why == "crew":
        api.ok(LEFT, "dispatch", {"unit": "u2"})
    elif why == "elsewhere":
        api.ok(OTHER, "dispatch", {"unit": "u1", "stack": True})
    elif why == "broken":
        api.ok(None, "unit_state", {"unit": "u1", "state": UnitState.UNAVAILABLE.value})
    else:
        city.remove("report", LEFT)
    before = live(api, P1)
    refused = api.edit(P1, "recall", {"unit": "u1"}, undoes=sent["edit"])
    assert (refused.status_code, refused.json()["error"]) == (412, "conflict")
    if why != "there":
        assert f"cannot go back to report {LEFT}" in refused.json()["message"]
    assert live(api, P1) == before
    if why not in ("crew", "deleted"):
        assert live(api, LEFT) == [], "nobody is sent there"


def test_a_late_undo_of_which_the_crew_was_told_is_carried_out(at_work: Api, clock: Clock) -> None:
    sent = at_work.ok(P1, "dispatch", DIVERT)["entry"]
    told_at = START.isoformat()
    clock.skip(hours=3)
    at_work.ok(P1, "recall", {"unit": "u1"}, undoes=sent["edit"], occurred_at=told_at, late=True)
    assert live(at_work, LEFT) == [("u1", "dispatched")]


@pytest.fixture
def people(city: City, tmp_path: Path) -> Iterator[dict[str, Api]]:
    tokens = {
        "rina": add_user(city, "rina", "operator"),
        "budi": add_user(city, "budi", "operator", areas=("w2",)),
        "sari": add_user(city, "sari", "supervisor"),
    }
    with running(city, tmp_path / "media", Users(city), limits=RateLimits(UNLIMITED)) as url:
        found = {name: Api(url, token) for name, token in tokens.items()}
        go_there(found["sari"], LEFT)
        found["sari"].ok(P1, "set", {"priority": 1})
        yield found
        for one in found.values():
            one.session.close()


def test_from_what_another_has_taken_only_he_or_a_supervisor_diverts(people: dict[str, Api]) -> None:
    refused = people["rina"].edit(P1, "dispatch", DIVERT)
    assert refused.status_code == 403
    words = f"sari has taken report {LEFT}: only sari or a supervisor calls U1 away from it."
    assert refused.json()["message"] == words
    assert live(people["rina"], LEFT) == [("u1", "on_scene")]
    people["sari"].ok(LEFT, "release")
    people["rina"].ok(LEFT, "claim")
    people["sari"].ok(P1, "dispatch", DIVERT)
    assert live(people["rina"], LEFT) == []
    assert last(people["rina"], LEFT)["author"] == "sari"


def test_from_outside_of_ones_areas_nobody_is_diverted_nor_sent_back(people: dict[str, Api], city: City) -> None:
    people["sari"].ok(LEFT, "release")
    people["sari"].ok(P1, "set", {"area": "w2"})
    refused = people["budi"].edit(P1, "dispatch", DIVERT)
    assert (refused.status_code, refused.json()["message"].split()[1]) == (403, LEFT)
    sent = people["sari"].ok(P1, "dispatch", DIVERT)["entry"]
    refused = people["budi"].edit(P1, "recall", {"unit": "u1"}, undoes=sent["edit"])
    assert refused.status_code == 403


def test_two_reports_may_be_left_at_once(city: City) -> None:
    """As each of them lies, in whatever order they are named, and a name twice counts once."""

    def do(report: str, kind: Kind, data: dict[str, Any], number: int) -> Any:
        edit = EditBody(f"edit-{number:04}", kind, data=data)
        return city.apply(edit, report=report, actor=LOCAL, if_match=None).answer

    for number, report in enumerate((LEFT, OTHER)):
        do(report, Kind.DISPATCH, {"unit": "u1", "stack": True}, 2 * number)
        do(report, Kind.PROGRESS, {"unit": "u1", "state": "en_route"}, 2 * number + 1)
    do(P1, Kind.SET, {"priority": 1}, 8)
    sent = do(P1, Kind.DISPATCH, {"unit": "u1", "leaves": [OTHER, LEFT, OTHER, P1]}, 9)
    assert sent.entry.data["leaves"] == [OTHER, LEFT]
    assert [one.state.value for key in (LEFT, OTHER) for one in city.assignments(key)] == ["recalled", "recalled"]
