"""What is shown with own edits on top, and what a stale edit still means."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from console.domain.edit import Edit, Kind
from console.domain.merge import three_way
from console.domain.overlay import apply_edits, apply_unit_edits, created_report
from console.domain.report import Claim, Hold, Photo, PhotoRole, Report, Unit, WaitsFor
from console.domain.status import AssignmentState, Status, UnitState
from tests.unit.store.making import T0, assignment, edit, report

NOW = T0 + timedelta(hours=1)
AFTER = Photo("f" * 64, PhotoRole.AFTER)


def shown(before: Report, *edits: Edit, **known: Any) -> Report:
    return apply_edits(before, edits, now=NOW, **known)


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
        (Kind.SET, {"status": "validation"}, {"status": Status.PROGRESS}, {"status": Status.VALIDATION}),
        (Kind.CLAIM, {}, {}, {"claim": Claim("rina", T0)}),
        (Kind.RELEASE, {}, {"claim": Claim("rina", T0)}, {"claim": None}),
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
            {"status": Status.VALIDATION},
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
    ],
)
def test_each_kind_shows_what_the_server_will_say(
    kind: Kind, data: dict[str, Any], before: dict[str, Any], expected: dict[str, Any] | None
) -> None:
    after = shown(report(**before), edit("e1", kind, data=data))
    if expected is None and kind is Kind.PHOTO:
        assert after.photos == (Photo("f" * 64, PhotoRole.AFTER, size=9),)
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
    assert shown(assigned, recall, assignments=[moving]).status is Status.NEW
    other = assignment("a2", "1", "u2", AssignmentState.EN_ROUTE)
    assert shown(assigned, recall, assignments=[moving, other]).status is Status.ASSIGNED
    assert shown(assigned, recall).status is Status.ASSIGNED  # another unit may be on it
    there_and_back = (edit("e1", Kind.DISPATCH, data={"unit": "u1"}), edit("e2", Kind.RECALL, data={"unit": "u1"}))
    assert shown(report(status=Status.COORDINATION), *there_and_back).status is Status.COORDINATION


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


def test_units_follow_orders_and_radio() -> None:
    unit = Unit("u1", "U-1", UnitState.AVAILABLE, T0 - timedelta(hours=1))
    dispatch = edit("e1", Kind.DISPATCH, data={"unit": "u1"})
    arrived = edit("e2", Kind.PROGRESS, data={"unit": "u1", "state": "on_scene"})
    assert apply_unit_edits(unit, [dispatch]) == msgspec.structs.replace(
        unit, state=UnitState.COMMITTED, state_since=T0
    )
    busy = apply_unit_edits(unit, [dispatch, arrived])
    assert busy.state is UnitState.ON_SCENE
    assert apply_unit_edits(busy, [dispatch]).state is UnitState.ON_SCENE  # stacked: still there
    assert apply_unit_edits(busy, [edit("e3", Kind.RECALL, data={"unit": "u1"})]).state is UnitState.AVAILABLE
    assert apply_unit_edits(busy, [edit("e3", Kind.CLOSE, data={"release": ["u1"]})]).state is UnitState.AVAILABLE
    resting = edit("e4", Kind.UNIT_STATE, None, data={"unit": "u1", "state": "break", "reason": "meal"})
    assert apply_unit_edits(unit, [resting]).reason == "meal"
    assert apply_unit_edits(unit, [edit("e5", Kind.DISPATCH, data={"unit": "u2"})]) is unit


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
