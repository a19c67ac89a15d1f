"""Reports as shown with own pending edits applied, and which part of a stale edit still takes effect."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from api_client.model import (
    Assignment,
    AssignmentState,
    Claim,
    ClaimOffer,
    Entry,
    Hold,
    Kind,
    Photo,
    PhotoRole,
    ProofFlag,
    Report,
    Service,
    Status,
    Unit,
    UnitState,
    WaitsFor,
)
from console.rules.apply import Lookups, ReportState, jobs_after, unit_after
from console.rules.divert import step_id, step_on
from console.rules.edit import LEAVES, Edit
from console.rules.merge import three_way
from console.rules.pending import created_report, with_edits
from tests.unit.cache.making import T0, assignment, edit, report

NOW = T0 + timedelta(hours=1)
AFTER = Photo("f" * 64, PhotoRole.AFTER)


KNOWN = Lookups(service_of={"flood": Service("flood", "Flood"), "talk": Service("talk", "Talk", proof=False)}.get)
EN_ROUTE = assignment("a1", "1", "u1", AssignmentState.EN_ROUTE)
ON_SCENE = assignment("a1", "1", "u1", AssignmentState.ON_SCENE)


def state_after(before: Report, *edits: Edit, assignments: tuple[Assignment, ...] = ()) -> ReportState:
    return with_edits(ReportState(before, assignments), edits, now=NOW, known=KNOWN)


def shown(before: Report, *edits: Edit, assignments: tuple[Assignment, ...] = ()) -> Report:
    return state_after(before, *edits, assignments=assignments).report


@pytest.mark.parametrize(
    ("kind", "data", "before", "expected"),
    [
        (Kind.SET, {"priority": 1, "reason": "child"}, {}, {"priority": 1}),
        (Kind.SET, {"service": "lamp", "area": "31.1", "agency": "pju", "title": "t", "description": "d"}, {}, None),
        (
            Kind.SET,
            {"place": {"lat": -6.1, "lon": 106.7, "address": "Jl. A"}},
            {},
            {"lat": -6.1, "lon": 106.7, "address": "Jl. A"},
        ),
        (
            Kind.SET,
            {"hold": {"reason": "rain", "waits_for": "weather"}},
            {},
            {"hold": Hold("rain", WaitsFor.WEATHER)},
        ),
        (Kind.SET, {"hold": None}, {"hold": Hold("rain", WaitsFor.WEATHER)}, {"hold": None}),
        (Kind.SET, {"status": "coordination"}, {}, {"status": Status.COORDINATION}),
        (Kind.SET, {"status": "validation"}, {}, {"status": Status.NEW}),
        (Kind.SET, {"status": "validation"}, {"status": Status.PROGRESS}, {"status": Status.PROGRESS}),
        (
            Kind.SET,
            {"status": "validation"},
            {"status": Status.PROGRESS, "photos": (AFTER,)},
            {"status": Status.VALIDATION},
        ),
        (
            Kind.SET,
            {"status": "validation"},
            {"status": Status.PROGRESS, "service": "talk"},
            {"status": Status.VALIDATION},
        ),
        (Kind.CLAIM, {}, {}, {"claim": Claim("rina", T0)}),
        (Kind.RELEASE, {}, {"claim": Claim("rina", T0)}, {"claim": None}),
        (
            Kind.OFFER,
            {"to": "budi"},
            {"claim": Claim("rina", T0)},
            {"claim": Claim("rina", T0, ClaimOffer(T0, "rina", "budi"))},
        ),
        (
            Kind.DECLINE,
            {},
            {"claim": Claim("budi", T0, ClaimOffer(T0, "budi", "rina"))},
            {"claim": Claim("budi", T0)},
        ),
        (Kind.PHOTO, {"sha256": "f" * 64, "role": "after", "size": 9}, {}, None),
        (Kind.ASSIGN, {"unit": "u1"}, {}, {"status": Status.NEW}),
        (Kind.DISPATCH, {"unit": "u1"}, {}, {"status": Status.ASSIGNED, "claim": Claim("rina", T0)}),
        (
            Kind.DISPATCH,
            {"unit": "u1"},
            {"status": Status.RETURNED, "claim": Claim("budi", T0)},
            {"status": Status.ASSIGNED, "claim": Claim("budi", T0)},
        ),
        (Kind.DISPATCH, {"unit": "u1"}, {"status": Status.CLOSED}, {"status": Status.CLOSED, "claim": None}),
        (
            Kind.PROGRESS,
            {"unit": "u1", "state": "on_scene"},
            {"status": Status.ASSIGNED},
            {"status": Status.PROGRESS},
        ),
        (
            Kind.PROGRESS,
            {"unit": "u1", "state": "done"},
            {"status": Status.PROGRESS, "photos": (AFTER,)},
            {"status": Status.VALIDATION},
        ),
        (Kind.PROGRESS, {"unit": "u1", "state": "done"}, {"status": Status.PROGRESS}, {"status": Status.PROGRESS}),
        (
            Kind.VALIDATE,
            {"accepted": True, "disposition": "fixed"},
            {"status": Status.VALIDATION, "photos": (AFTER,)},
            {"status": Status.RESOLVED, "disposition": "fixed", "closed_at": T0},
        ),
        (
            Kind.VALIDATE,
            {"accepted": False, "reason": "dark"},
            {"status": Status.VALIDATION},
            {"status": Status.RETURNED},
        ),
        (Kind.VALIDATE, {"accepted": True}, {"status": Status.NEW}, {"status": Status.NEW}),
        (
            Kind.CLOSE,
            {"disposition": "spam", "release": []},
            {},
            {"status": Status.CLOSED, "disposition": "spam", "closed_at": T0},
        ),
        (Kind.CLOSE, {"disposition": "spam"}, {"status": Status.VALIDATION}, {"status": Status.VALIDATION}),
        (
            Kind.REOPEN,
            {"reason": "again"},
            {"status": Status.RESOLVED, "closed_at": T0, "disposition": "fixed"},
            {"status": Status.RETURNED, "closed_at": None, "disposition": None},
        ),
        (Kind.MERGE, {"into": "7"}, {}, {"status": Status.CLOSED, "merged_into": "7", "disposition": "duplicate"}),
        (
            Kind.UNMERGE,
            {},
            {"status": Status.CLOSED, "merged_into": "7", "closed_at": T0},
            {"status": Status.RETURNED, "merged_into": None, "closed_at": None},
        ),
        (Kind.NOTE, {"text": "n"}, {}, {"updated": T0}),
        (Kind.REPLY, {"text": "n"}, {}, {"updated": T0}),
        (Kind.ME_TOO, {}, {}, {"updated": T0}),
        (Kind.UNIT_STATE, {"unit": "u1", "state": "break"}, {}, {"status": Status.NEW}),
        (Kind.CLOSURE, {"closure": "c1", "ended": True}, {}, {"status": Status.NEW}),
        (Kind.ALARM, {"alarms": [], "acknowledged": True}, {}, {"status": Status.NEW}),
        (Kind.MESSAGE, {"to": {}, "text": "x"}, {}, {"status": Status.NEW}),
        (Kind.LOG, {"text": "x"}, {}, {"status": Status.NEW}),
        (Kind.READ, {"messages": ["message-1"]}, {}, {"status": Status.NEW}),
    ],
)
def test_each_kind_shows_what_the_server_will_say(
    kind: Kind, data: dict[str, Any], before: dict[str, Any], expected: dict[str, Any] | None
) -> None:
    there = (ON_SCENE,) if data.get("state") == "done" else (EN_ROUTE,) if kind is Kind.PROGRESS else ()
    after = shown(report(**before), edit("e1", kind, data=data), assignments=there)
    if expected is None and kind is Kind.PHOTO:
        flags = (ProofFlag("no_time"), ProofFlag("no_place"))
        assert after.photos == (Photo("f" * 64, PhotoRole.AFTER, size=9, flags=flags),)
        assert shown(after, edit("e1", kind, data=data)).photos == after.photos
        return
    for field, value in (expected or data).items():
        assert getattr(after, field) == value


def test_every_kind_is_covered() -> None:
    marks = test_each_kind_shows_what_the_server_will_say.pytestmark[0]
    covered = {case[0] for case in marks.args[1]}
    assert covered == set(Kind) - {Kind.CREATE, Kind.RECALL}  # these two have tests of their own


def test_orders_are_judged_with_the_assignments_that_are_known() -> None:
    moving = assignment("a1", "1", "u1", AssignmentState.EN_ROUTE)
    recall = edit("e1", Kind.RECALL, data={"unit": "u1"})
    assigned = report(status=Status.ASSIGNED)
    assert shown(assigned, recall, assignments=(moving,)).status is Status.NEW
    other = assignment("a2", "1", "u2", AssignmentState.EN_ROUTE)
    assert shown(assigned, recall, assignments=(moving, other)).status is Status.ASSIGNED
    assert shown(assigned, recall).status is Status.ASSIGNED  # that unit is not on it, as far as is known
    there_and_back = (edit("e1", Kind.DISPATCH, data={"unit": "u1"}), edit("e2", Kind.RECALL, data={"unit": "u1"}))
    assert shown(report(status=Status.COORDINATION), *there_and_back).status is Status.NEW, "as at the server"


def test_what_others_did_meanwhile_is_shown_and_not_what_the_server_will_refuse() -> None:
    budis = Claim("budi", T0 + timedelta(minutes=1))
    taken = report(claim=budis, priority=4, title="by budi")
    assert shown(taken, edit("e1", Kind.CLAIM)).claim == budis
    assert shown(taken, edit("e1", Kind.RELEASE)).claim == budis
    later = T0 + timedelta(minutes=2)
    assert shown(taken, edit("e1", Kind.RELEASE, occurred_at=later)).claim == budis, "the server knows who may do that"
    assert shown(report(), edit("e1", Kind.CLAIM), edit("e2", Kind.RELEASE)).claim is None
    first = edit("e1", Kind.SET, data={"priority": 1, "reason": "r"}, base={"priority": 3})
    second = edit("e2", Kind.SET, data={"priority": 2}, base={"priority": 1})
    assert shown(report(), first, second).priority == 2
    assert shown(taken, first, second).priority == 4, "neither can take effect before it is decided"
    assert shown(replace(taken, priority=1), first, second).priority == 2, "the first has arrived"
    both = edit("e3", Kind.SET, data={"priority": 1, "title": "x"}, base={"priority": 4, "title": ""})
    assert shown(taken, both).priority == 4, "the server takes all of it or nothing"


def test_edits_apply_in_order_and_leave_the_servers_report_alone() -> None:
    before = report()
    raw = msgspec.json.encode(before)
    late = edit("e2", Kind.SET, data={"priority": 2}, occurred_at=NOW + timedelta(days=1))
    after = shown(before, edit("e1", Kind.SET, data={"priority": 1}), late)
    assert (after.priority, after.updated) == (2, NOW)  # a clock that runs ahead dates nothing into the future
    assert msgspec.json.encode(before) == raw
    assert shown(before) is before


def test_a_created_report_can_be_worked_before_the_server_knows_it() -> None:
    data = {"service": "flood", "description": "deep", "lat": -6.2, "lon": 106.8, "channel": "phone", "priority": 1}
    create = edit("e1", Kind.CREATE, "local:e1", data=data)
    made = created_report(create)
    assert (made.id, made.version, made.status, made.priority, made.created) == ("local:e1", 0, Status.NEW, 1, T0)
    assert (made.service, made.description, made.lat, made.channel) == ("flood", "deep", -6.2, "phone")
    assert shown(made, create, edit("e2", Kind.DISPATCH, "local:e1", data={"unit": "u1"})).status is Status.ASSIGNED
    earlier = created_report(
        edit("e3", Kind.CREATE, None, data={"description": "x", "created": "2026-03-01T07:00:00Z"})
    )
    assert (earlier.id, earlier.created) == ("local:e3", T0 - timedelta(hours=1))


def test_a_new_report_has_what_its_category_says() -> None:
    known = Lookups(service_of={"flood": Service("flood", "Flood", priority=1, agency="sda")}.get)
    made = created_report(edit("e1", Kind.CREATE, None, data={"service": "flood", "description": "deep"}), known)
    assert (made.priority, made.agency) == (1, "sda")


def test_an_edit_that_the_server_has_already_changes_nothing_more() -> None:
    sent = edit("e1", Kind.DISPATCH, data={"unit": "u1"})
    gone = replace(EN_ROUTE, state=AssignmentState.DONE, edit="e2")
    history = (Entry("h1", "1", "dispatch", T0, "rina", edit="e1"), Entry("h2", "1", "progress", T0, "u1", edit="e2"))
    there = ReportState(report(status=Status.PROGRESS), (gone,), history)
    assert with_edits(there, [sent], now=NOW) is there, "its unit has come and gone since"


def test_a_unit_that_was_sent_anew_since_does_not_leave_twice() -> None:
    """The server has carried a divert out, and somebody has sent the unit back; its own entry is not read yet."""
    divert = edit("d", Kind.DISPATCH, "9", data={"unit": "U1", LEAVES: ["1"]})
    step = step_on(divert, "1")
    left = Entry("x", "1", Kind.RECALL.value, T0, "rina", edit=step_id("d", "1"), unit="U1")
    again = assignment("a2", "1", "U1", AssignmentState.DISPATCHED)
    there = ReportState(report(status=Status.ASSIGNED), (again,), (left,))
    assert with_edits(there, [step], now=T0) == there
    before = ReportState(report(status=Status.ASSIGNED), (again,))
    (job,) = with_edits(before, [step], now=T0).assignments
    assert job.state is AssignmentState.RECALLED


def test_the_proof_of_work_that_is_done_brings_it_to_validation_in_either_order() -> None:
    """house.md 1: shown as still in progress, so that nobody could validate it without a network."""
    done = edit("e1", Kind.PROGRESS, data={"unit": "u1", "state": "done"})
    photo = edit("e2", Kind.PHOTO, data={"sha256": "f" * 64, "role": "after", "size": 9})
    for order in ((done, photo), (photo, done)):
        after = state_after(report(status=Status.PROGRESS), *order, assignments=(ON_SCENE,))
        assert after.report.status is Status.VALIDATION


def test_a_duplicate_that_is_reopened_counts_by_itself_again() -> None:
    merged = report(status=Status.CLOSED, merged_into="7", closed_at=T0)
    assert shown(merged, edit("e1", Kind.REOPEN, data={"reason": "it is another"})).merged_into is None


def test_a_photo_hands_no_hazard_in_before_the_server_has_judged_it() -> None:
    """Who said that the work was done may not have known of the danger: it stays on the counter meanwhile."""
    jobs = (replace(ON_SCENE, state=AssignmentState.DONE),)
    photo = edit("e1", Kind.PHOTO, data={"sha256": "f" * 64, "role": "after", "size": 9})
    for priority, status in ((1, Status.PROGRESS), (2, Status.VALIDATION)):
        before = report(status=Status.PROGRESS, priority=priority)
        assert shown(before, photo, assignments=jobs).status is status


@pytest.mark.parametrize(
    ("kind", "data", "status"),
    [
        (Kind.CLOSE, {"disposition": "spam", "release": []}, Status.PROGRESS),
        (Kind.MERGE, {"into": "7"}, Status.PROGRESS),
        (Kind.VALIDATE, {"accepted": True}, Status.VALIDATION),
    ],
)
def test_what_is_closed_is_on_hold_no_longer(kind: Kind, data: dict[str, Any], status: Status) -> None:
    held = report(status=status, hold=Hold("rain", WaitsFor.WEATHER), photos=(AFTER,))
    assert shown(held, edit("e1", kind, data=data)).hold is None


def test_crews_are_let_go_with_what_ends() -> None:
    there = (ON_SCENE, replace(EN_ROUTE, id="a2", unit="u2"), assignment("a3", "1", "u3", AssignmentState.RESERVED))
    proved = report(status=Status.VALIDATION, photos=(AFTER,))
    accepted = state_after(proved, edit("e1", Kind.VALIDATE, data={"accepted": True}), assignments=there)
    ends = [job.state.value for job in accepted.assignments]
    assert ends == ["done", "recalled", "recalled"]
    merged = edit("e1", Kind.MERGE, data={"into": "7"})
    assert {job.state.value for job in jobs_after(there, "1", [merged])} == {"recalled"}
    closed = edit("e1", Kind.CLOSE, data={"disposition": "spam", "release": ["u1"]})
    left = [job.unit for job in jobs_after(there, "1", [closed]) if job.state is not AssignmentState.RECALLED]
    assert left == ["u2"], "who is not let go works on, who was but reserved is free"


def test_a_unit_follows_its_jobs() -> None:
    free = Unit("u1", "U-1", UnitState.AVAILABLE, T0 - timedelta(hours=1))
    assert unit_after(free, [EN_ROUTE], T0) == replace(free, state=UnitState.EN_ROUTE, state_since=T0, version=2)
    assert unit_after(free, [EN_ROUTE, replace(ON_SCENE, report="2")], T0).state is UnitState.ON_SCENE
    assert unit_after(free, [], T0) is free
    assert unit_after(replace(free, state=UnitState.BREAK), [], T0).state is UnitState.BREAK
    assert unit_after(replace(free, state=UnitState.UNAVAILABLE), [ON_SCENE], T0).state is UnitState.UNAVAILABLE


def test_three_way_merge_by_field() -> None:
    place = {"lat": -6.2, "lon": 106.8, "address": ""}
    merge = three_way(
        base={"priority": 3, "service": "flood", "area": "a", "place": place, "hold": None},
        mine={"priority": 1, "service": "lamp", "area": "b", "place": {**place, "lat": -6.3}, "title": "t"},
        theirs={
            "priority": {"value": 2, "who": "budi", "at": "2026-03-01T08:00:00Z"},
            "service": "lamp",
            "area": {"value": "a"},
            "place": {"value": {"lat": -6.20000000001, "lon": 106.8, "address": ""}},
        },
    )
    assert merge.clean == {"area": "b", "place": {**place, "lat": -6.3}, "title": "t"}
    assert merge.settled == ("service",)
    (conflict,) = merge.conflicts
    assert (conflict.field, conflict.base, conflict.mine, conflict.theirs, conflict.who) == (
        "priority",
        3,
        1,
        2,
        "budi",
    )
    assert three_way({}, {"status": "closed"}, {"status": {"value": "progress"}}).conflicts[0].base is None


def test_a_new_hold_is_shown_over_one_that_ended_by_itself_meanwhile() -> None:
    """Nobody has changed it: the server takes the new one too."""
    old = {"reason": "rain", "waits_for": "weather", "until": (T0 + timedelta(hours=1)).isoformat()}
    new = {"reason": "pump", "waits_for": "material", "until": None}
    again = edit("e1", Kind.SET, data={"hold": new}, base={"hold": old})
    assert shown(report("1"), again).hold == Hold("pump", WaitsFor.MATERIAL)
    endless = edit("e1", Kind.SET, data={"hold": new}, base={"hold": old | {"until": None}})
    assert shown(report("1"), endless).hold is None, "somebody has ended it"
