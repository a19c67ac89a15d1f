"""Recommended units: who is able, who is nearest with his work considered, and the words that say why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from api_client.model import Area, Assignment, AssignmentState, Report, Service, Status, Unit, UnitState
from console.advice.units import Recommendation, RefusedJob, best, recommend
from console.city_map.messages import Travel

NOW = datetime(2026, 1, 20, 7, 0, tzinfo=UTC)
FLOOD = Service("flood", "Flood", skills=("pump",))
AREAS = {
    area.code: area
    for area in (
        Area("31", "City", 1),
        Area("31.1", "Tebet", 2, parent="31"),
        Area("31.1.1", "Kebon Baru", 3, parent="31.1"),
        Area("31.2", "Senen", 2, parent="31"),
    )
}


def report(**values: Any) -> Report:
    base: dict[str, Any] = {
        "id": "1",
        "version": 1,
        "status": Status.NEW,
        "service": "flood",
        "priority": 3,
        "description": "",
        "created": NOW,
        "updated": NOW,
        "area": "31.1.1",
        "lat": -6.24,
        "lon": 106.86,
    }
    return Report(**base | values)


def unit(code: str, km: float = 1.0, **values: Any) -> Unit:
    """A unit `km` north of the report, its position a few seconds old."""
    base: dict[str, Any] = {
        "id": f"id-{code}",
        "code": code,
        "state": UnitState.AVAILABLE,
        "state_since": NOW - timedelta(minutes=10),
        "skills": ("pump", "sandbags"),
        "lat": -6.24 + km / 111.195,
        "lon": 106.86,
        "position_at": NOW - timedelta(seconds=8),
        "shift_end": NOW + timedelta(hours=6),
    }
    return Unit(**base | values)


def job(code: str, state: AssignmentState = AssignmentState.DISPATCHED, minutes: int = 5) -> Assignment:
    since = NOW - timedelta(minutes=minutes)
    return Assignment(f"job-{code}-{minutes}", "9", f"id-{code}", state, since, "ana", since)


def ask(units: list[Unit], jobs: list[Assignment] | None = None, **values: Any) -> Recommendation:
    return recommend(report(**values), units, jobs or [], NOW, service=FLOOD, areas=AREAS)


def codes(found: Recommendation) -> list[str]:
    return [advice.code for advice in found.units]


def test_the_nearest_three_with_time_and_distance() -> None:
    found = ask([unit("far", 9), unit("near", 1), unit("mid", 3), unit("next", 5)])
    assert codes(found) == ["near", "mid", "next"]
    first = found.units[0]
    assert first.distance_m == pytest.approx(1000, abs=2)
    assert first.eta_s == pytest.approx(1000 * 1.4 / (22 / 3.6), abs=2)
    assert first.reasons == ("pump", "no job")
    assert not first.stale
    assert found.basis == "straight_line"


def test_ways_by_street_count_where_they_are_known() -> None:
    """A river lies between the nearest one and the report."""
    units = [unit("beyond", 1), unit("near", 3), unit("unknown", 2)]
    ways = {"id-beyond": Travel(1500, 7000), "id-near": Travel(600, 3300, closed=1)}
    found = recommend(report(), units, [], NOW, service=FLOOD, areas=AREAS, travel=ways)
    assert codes(found) == ["unknown", "near", "beyond"]
    assert [one.by_street for one in found.units] == [False, True, True]
    assert [(one.eta_s, one.distance_m) for one in found.units[1:]] == [(600, 3300), (1500, 7000)]
    assert found.units[1].reasons[0] == "only by a closed street"
    assert found.basis == "mixed"
    whole = {**ways, "id-unknown": Travel(700, 3500)}
    found = recommend(report(), units, [], NOW, service=FLOOD, areas=AREAS, travel=whole)
    assert codes(found) == ["near", "unknown", "beyond"]
    assert found.basis == "by_street"
    late = recommend(report(), units, [job("near")], NOW, service=FLOOD, areas=AREAS, travel=whole)
    assert late.units[-1].eta_s == 1800 + 600  # the work before it, then the way


def test_what_is_so_of_every_unit_that_can_do_it_stands_behind_what_sets_them_apart() -> None:
    """The report lies in the water; whoever is beside it has no pump."""
    units = [unit("one", 1), unit("other", 3), unit("beside", 0.1, skills=("saw",))]
    ways = {"id-one": Travel(300, 1500, closed=1), "id-other": Travel(600, 3300, closed=1), "id-beside": Travel(9, 90)}
    found = recommend(report(), units, [], NOW, service=FLOOD, areas=AREAS, travel=ways)
    assert [one.reasons for one in found.units] == [("pump", "no job", "only by a closed street")] * 2


def test_work_ahead_counts_against_the_distance() -> None:
    found = ask(
        [unit("busy", 0.2), unit("free", 4), unit("ending", 1)],
        [
            job("busy"),
            job("busy", minutes=9),
            job("ending", AssignmentState.ON_SCENE, 26),
            job("free", AssignmentState.DONE),
        ],
    )
    assert codes(found) == ["ending", "free", "busy"]
    assert found.units[0].reasons[1] == "1 job ahead"
    assert found.units[2].reasons[1] == "2 jobs ahead"
    assert found.units[2].eta_s is not None
    assert found.units[2].eta_s > 3600


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"skills": ("saw",)}, "No unit has what this needs: pump."),
        ({"state": UnitState.BREAK}, "No unit with pump can be given work now: 1 on break."),
        ({"state": UnitState.OFF_SHIFT}, "No unit with pump can be given work now: 1 off shift."),
        ({"state": UnitState.UNAVAILABLE}, "No unit with pump can be given work now: 1 unavailable."),
    ],
)
def test_who_is_not_able_and_why_none(values: dict[str, Any], why: str) -> None:
    found = ask([unit("one", **values)])
    assert (codes(found), found.why_none) == ([], why)
    assert codes(ask([unit("one", **values), unit("two")])) == ["two"]


@pytest.mark.parametrize("state", [UnitState.COMMITTED, UnitState.EN_ROUTE, UnitState.ON_SCENE])
def test_units_at_work_may_be_given_more(state: UnitState) -> None:
    assert codes(ask([unit("one", state=state)], [job("one")])) == ["one"]


def test_who_is_to_be_called_back_by_radio_is_not_sent_elsewhere() -> None:
    near, far = unit("A", 1), unit("B", 2)
    found = recommend(report(), [near, far], [], NOW, service=FLOOD, areas=AREAS, called_back={"id-A"})
    assert [one.code for one in found.units] == ["B"]
    none = recommend(report(), [near], [], NOW, service=FLOOD, areas=AREAS, called_back={"id-A"})
    assert none.why_none.endswith("can be given work now: 1 to be called back by radio.")


def test_who_has_refused_the_report_comes_last_and_says_so() -> None:
    near, far = unit("A", 1), unit("B", 9)
    found = recommend(report(), [near, far], [], NOW, service=FLOOD, areas=AREAS, refused={"id-A"})
    assert [one.code for one in found.units] == ["B", "A"]
    assert found.units[1].reasons[0] == "has refused this report"


def test_whose_proof_of_the_report_was_returned_says_so_and_keeps_its_place() -> None:
    near, far = unit("A", 1), unit("B", 9)
    found = recommend(report(), [near, far], [], NOW, service=FLOOD, areas=AREAS, returned={"id-A"})
    assert codes(found) == ["A", "B"], "it may have to mend its own work"
    assert [one.reasons[0] for one in found.units] == ["its proof was returned", "pump"]


def test_who_has_lately_refused_another_comes_after_who_has_not_and_says_why() -> None:
    """Its pump was broken, and it stood first, armed, for the next flood."""
    near, far = unit("A", 1), unit("B", 9)
    other = {"id-A": RefusedJob("931200", NOW - timedelta(minutes=12), "Pump broken")}
    around: dict[str, Any] = {"service": FLOOD, "areas": AREAS, "hazards": {"9"}}
    found = recommend(report(priority=1), [near, far], [job("B")], NOW, refused_other=other, **around)
    assert codes(found) == ["B", "A"], "also behind who is on another P1"
    assert found.units[1].reasons[0] == "refused 931200 12 min ago: Pump broken"
    itself = recommend(report(priority=1), [near], [], NOW, refused={"id-A"}, refused_other=other, **around)
    assert itself.units[0].reasons[0] == "has refused this report"
    silent = {"id-A": RefusedJob("931200", NOW - timedelta(minutes=12))}
    assert recommend(report(), [near], [], NOW, refused_other=silent).units[0].reasons[0] == "refused 931200 12 min ago"


def test_of_two_that_are_as_near_the_one_of_the_agency_in_charge_goes() -> None:
    """For a flood one of three fire engines was the first, a minute before a pump crew, while two fires waited."""
    engine, crew = unit("DMK-03", 3.0, agency="DMK"), unit("SDA-13", 3.5, agency="SDA")
    flood = msgspec.structs.replace(FLOOD, agency="SDA")
    found = recommend(report(priority=1), [engine, crew], [], NOW, service=flood, areas=AREAS)
    assert codes(found) == ["SDA-13", "DMK-03"]
    assert "other agency" in found.units[1].reasons
    assert "other agency" not in found.units[0].reasons
    far = recommend(report(priority=1), [engine, unit("SDA-13", 9, agency="SDA")], [], NOW, service=flood, areas=AREAS)
    assert codes(far) == ["DMK-03", "SDA-13"], "but not one that is far away"
    passed_on = recommend(report(agency="DMK"), [engine, crew], [], NOW, service=flood, areas=AREAS)
    assert codes(passed_on) == ["DMK-03", "SDA-13"], "in charge is whom the report was passed to"
    free = unit("RW-1", 3.0)
    assert codes(recommend(report(), [crew, free], [], NOW, service=flood, areas=AREAS)) == ["RW-1", "SDA-13"]


@pytest.mark.parametrize("state", [AssignmentState.DISPATCHED, AssignmentState.EN_ROUTE, AssignmentState.ON_SCENE])
def test_for_a_hazard_who_is_on_another_hazard_comes_after_all_who_are_not(state: AssignmentState) -> None:
    """The key of the commonest order queued a fire behind a flood that the crew was driving to; a free one was near."""
    bound, free, busy = unit("bound", 0.2), unit("free", 9), unit("busy", 12)
    other = msgspec.structs.replace(job("busy"), report="8")
    around: dict[str, Any] = {"service": FLOOD, "areas": AREAS, "hazards": {"9"}}
    found = recommend(report(priority=1), [bound, free, busy], [job("bound", state), other], NOW, **around)
    assert codes(found) == ["free", "busy", "bound"]
    assert found.units[2].reasons[0] == "on another P1"
    assert "on another P1" not in found.units[1].reasons
    routine = recommend(report(priority=3), [bound, busy], [job("bound", state), other], NOW, **around)
    assert codes(routine) == ["bound", "busy"]
    alone = recommend(report(priority=1), [bound], [job("bound", state)], NOW, **around)
    assert codes(alone) == ["bound"], "better than nobody"
    refused = recommend(report(priority=1), [bound, free], [job("bound", state)], NOW, refused={"id-free"}, **around)
    assert codes(refused) == ["bound", "free"], "who will not come comes last"


def test_for_a_hazard_work_not_begun_holds_nobody_up() -> None:
    """The pump that waited at the next corner, with a drain reserved for tomorrow, counted as half an hour away."""
    near, far = unit("near", 0.5), unit("far", 4)
    for state in (AssignmentState.RESERVED, AssignmentState.DISPATCHED, AssignmentState.ACKNOWLEDGED):
        found = ask([near, far], [job("near", state)], priority=1)
        assert codes(found) == ["near", "far"]
        first = found.units[0]
        assert first.eta_s == pytest.approx(500 * 1.4 / (22 / 3.6), abs=2)
        assert (first.jobs, first.ahead, first.reasons[1]) == (1, 0, "1 job can wait")
        routine = ask([near, far], [job("near", state)], priority=2)
        assert codes(routine) == ["far", "near"], "a lesser report waits its turn"
        assert (routine.units[1].ahead, routine.units[1].reasons[1]) == (1, "1 job ahead")
    for state in (AssignmentState.EN_ROUTE, AssignmentState.ON_SCENE):
        begun = ask([near, far], [job("near", state, 1), job("near")], priority=1)
        assert codes(begun) == ["far", "near"]
        assert (begun.units[1].jobs, begun.units[1].ahead) == (2, 1)
    two = ask([near], [job("near"), job("near", minutes=9)], priority=1)
    assert two.units[0].reasons[1] == "2 jobs can wait"
    other = recommend(report(priority=1), [near], [job("near")], NOW, service=FLOOD, areas=AREAS, hazards={"9"})
    assert other.units[0].ahead == 1, "a P1 that it was sent to is not left"


def test_nobody_known() -> None:
    assert ask([]).why_none == "No unit is known."


def test_zones() -> None:
    units = [unit("here", 4, areas=("31.1",)), unit("there", 1, areas=("31.2",)), unit("anywhere", 6)]
    assert codes(ask(units)) == ["here", "anywhere"]  # routine work stays in its zone
    urgent = ask(units, priority=2)
    assert codes(urgent) == ["there", "here", "anywhere"]
    assert [advice.reasons[-1] for advice in urgent.units] == ["other zone allowed", "in zone", "no job"]
    assert codes(ask(units[1:2])) == ["there"]  # unless nobody of the zone is able
    assert "in zone" not in ask(units[:1], area=None).units[0].reasons


def test_old_and_unknown_positions() -> None:
    found = ask(
        [
            unit("unknown", lat=None, lon=None, position_at=None),
            unit("stale", 0.5, position_at=NOW - timedelta(minutes=34)),
            unit("old", 0.5, position_at=NOW - timedelta(minutes=12)),
            unit("fresh", 1.2),
        ]
    )
    assert codes(found) == ["old", "fresh", "stale"]
    assert [advice.stale for advice in found.units] == [False, False, True]
    assert "position 12 min old" in found.units[0].reasons
    assert found.units[2].reasons[0] == "position 34 min old", "before what a narrow row cuts"
    alone = ask(
        [unit("unknown", lat=None, lon=None, position_at=None), unit("stale", 30, position_at=NOW - timedelta(days=1))]
    )
    assert codes(alone) == ["stale", "unknown"]
    last = alone.units[1]
    assert (last.eta_s, last.distance_m, last.stale) == (None, None, True)
    assert "position unknown" in last.reasons


def test_a_report_without_a_place_is_ranked_by_work_and_idleness() -> None:
    idle = unit("idle", state_since=NOW - timedelta(hours=2))
    found = ask([unit("rested"), idle, unit("busy", state=UnitState.ON_SCENE)], [job("busy")], lat=None, lon=None)
    assert codes(found) == ["idle", "rested", "busy"]
    assert found.units[0].eta_s is None


def test_the_end_of_the_shift_is_told() -> None:
    found = ask([unit("short", shift_end=NOW + timedelta(minutes=70)), unit("open", 2, shift_end=None)])
    assert "1 h of shift left" in found.units[0].reasons
    assert codes(found) == ["short", "open"]


def test_the_end_of_the_shift_lowers_the_rank_and_takes_nobody_out() -> None:
    """At 22:31 no crew of a city whose shifts end at 23:00 was recommended for a flood, with three of them free."""
    ends = NOW + timedelta(minutes=28)
    near, far = unit("near", 3.9, shift_end=ends), unit("far", 7, shift_end=ends)
    found = ask([far, near], priority=1)
    assert codes(found) == ["near", "far"]
    assert found.why_none == ""
    assert found.units[0].reasons == ("shift ends in 28 min", "pump", "no job")
    assert ask([unit("late", shift_end=NOW - timedelta(minutes=5))]).units[0].reasons[0] == "shift ended 5 min ago"


def test_who_would_have_to_stay_longest_comes_later() -> None:
    """A crew that is 4 minutes nearer and would have to stay 12 minutes longer is not the first."""
    short = unit("short", 1, shift_end=NOW + timedelta(minutes=7))
    found = ask([short, unit("long", 2), unit("far", 9)])
    assert codes(found) == ["long", "short", "far"]
    assert "shift" not in " ".join(found.units[0].reasons)
    assert codes(ask([unit("busy", 0.2, shift_end=NOW + timedelta(hours=1)), unit("free", 9)],
                     [job("busy"), job("busy", minutes=9)])) == ["free", "busy"]  # fmt: skip


def test_the_end_of_the_shift_does_not_take_out_of_the_zone() -> None:
    """A unit of the zone that ends soon is able all the same: routine work stays in its zone."""
    ends = NOW + timedelta(minutes=10)
    assert codes(ask([unit("here", 4, areas=("31.1",), shift_end=ends), unit("there", 1, areas=("31.2",))])) == ["here"]


def test_all_that_are_able_are_ranked_on_demand() -> None:
    many = [unit(f"u{n}", n) for n in range(1, 7)]
    found = recommend(report(), many, [], NOW, service=FLOOD, areas=AREAS, most=None)
    assert codes(found) == [f"u{n}" for n in range(1, 7)]


def begun(code: str, state: AssignmentState, minutes: int = 5, on: str = "8") -> Assignment:
    return msgspec.structs.replace(job(code, state, minutes), report=on)


def for_p1(units: list[Unit], jobs: list[Assignment], hazards: tuple[str, ...] = (), **values: Any) -> Recommendation:
    here = report(priority=values.pop("priority", 1))
    return recommend(here, units, jobs, NOW, service=FLOOD, areas=AREAS, hazards=hazards, most=None, **values)


@pytest.mark.parametrize("state", [AssignmentState.EN_ROUTE, AssignmentState.ON_SCENE])
def test_who_has_begun_lesser_work_can_leave_it_for_a_p1_and_the_time_is_that_without_it(
    state: AssignmentState,
) -> None:
    busy = begun("busy", state)
    found = for_p1([unit("busy", 1), unit("free", 3)], [busy, begun("busy", AssignmentState.RESERVED, on="7")])
    assert codes(found) == ["free", "busy"], "below who is free"
    advice = found.units[1]
    assert advice.leaves == (busy,)
    assert advice.eta_s == pytest.approx(1000 * 1.4 / (22 / 3.6), abs=2)
    assert advice.reasons == ("pump",)


def test_who_is_much_nearer_stands_above_who_is_free() -> None:
    """As the list has it anyhow: a quarter of an hour on scene is left of the half hour that work takes."""
    jobs = [begun("busy", AssignmentState.ON_SCENE, 15)]
    assert codes(for_p1([unit("busy", 1), unit("free", 4)], jobs)) == ["free", "busy"]
    assert codes(for_p1([unit("busy", 1), unit("free", 6)], jobs)) == ["busy", "free"]


@pytest.mark.parametrize(
    ("priority", "hazards", "state"),
    [
        (2, (), AssignmentState.ON_SCENE),
        (1, ("8",), AssignmentState.ON_SCENE),
        (1, (), AssignmentState.ACKNOWLEDGED),
    ],
)
def test_nobody_leaves_work_for_less_than_a_p1_nor_leaves_a_p1_nor_what_he_has_not_begun(
    priority: int, hazards: tuple[str, ...], state: AssignmentState
) -> None:
    (advice,) = for_p1([unit("busy", 1)], [begun("busy", state)], hazards, priority=priority).units
    assert advice.leaves == ()
    assert any("job" in reason for reason in advice.reasons)


def test_who_has_begun_lesser_work_and_is_to_go_to_another_p1_leaves_nothing() -> None:
    jobs = [begun("busy", AssignmentState.ON_SCENE), begun("busy", AssignmentState.DISPATCHED, on="7")]
    (advice,) = for_p1([unit("busy", 1)], jobs, ("7",)).units
    assert advice.leaves == ()


def test_the_nearest_crew_is_not_hidden_behind_those_that_are_free() -> None:
    free = [unit(f"free{n}", 2 + n / 10) for n in range(4)]
    near, far = begun("near", AssignmentState.EN_ROUTE), begun("far", AssignmentState.EN_ROUTE)
    able = for_p1([*free, unit("near", 0.2), unit("far", 9)], [near, far]).units
    assert [one.code for one in best(able, 3)] == ["free0", "free1", "near"]
    without = for_p1([*free, unit("far", 9)], [far]).units
    assert [one.code for one in best(without, 3)] == ["free0", "free1", "free2"], "it would be there later"
    lost = unit("near", 0.2, position_at=NOW - timedelta(minutes=37))
    stale = for_p1([*free, lost], [near]).units
    assert [one.code for one in best(stale, 3)] == ["free0", "free1", "free2"], "nobody knows where it is by now"
    assert "position 37 min old" in stale[-1].reasons
    two = for_p1([free[0], unit("near", 0.2)], [near]).units
    assert [one.code for one in best(two, 3)] == ["free0", "near"]


def test_the_nearest_crew_is_not_hidden_as_it_has_refused_another_report() -> None:
    """What kept it from there may not keep it from here: its reason stands in the last place, not in the first."""
    free = [unit(f"free{n}", 2 + n / 10) for n in range(4)]
    no_saw = {"id-near": RefusedJob("931200", NOW, "No saw"), "id-far": RefusedJob("931201", NOW)}
    around: dict[str, Any] = {"service": FLOOD, "areas": AREAS, "refused_other": no_saw, "most": None}
    able = recommend(report(priority=1), [*free, unit("near", 0.2), unit("far", 9)], [], NOW, **around).units
    assert [one.code for one in best(able, 3)] == ["free0", "free1", "near"]
    assert best(able, 3)[2].reasons[0] == "refused 931200 0 min ago: No saw"
    itself = recommend(report(priority=1), [*free, unit("near", 0.2)], [], NOW, refused={"id-near"}, **around).units
    assert [one.code for one in best(itself, 3)] == ["free0", "free1", "free2"], "it has refused this very report"


@pytest.mark.parametrize(
    ("others", "jobs", "hazards", "priority", "called"),
    [
        ([unit("busy", 1)], [job("busy")], ("9",), 1, ("rests0", "rests1")),  # it finishes another P1 first
        ([unit("busy", 1)], [begun("busy", AssignmentState.ON_SCENE)], (), 1, ("rests0", "rests1")),  # it leaves work
        ([], [], (), 1, ("rests0", "rests1")),
        ([unit("busy", 1)], [job("busy")], (), 1, ()),  # what it has can wait
        ([unit("free", 9)], [], (), 1, ()),
        ([unit("busy", 1)], [begun("busy", AssignmentState.ON_SCENE)], (), 2, ()),
    ],
)
def test_where_nobody_is_free_for_a_p1_who_is_on_break_is_named(
    others: list[Unit], jobs: list[Assignment], hazards: tuple[str, ...], priority: int, called: tuple[str, ...]
) -> None:
    """A crew of the only two that could was on its break, and a P1 was told to wait 73 minutes for the other."""
    resting = [unit(f"rests{n}", 3 + n, state=UnitState.BREAK) for n in (2, 0, 1)]
    resting.append(unit("saw", 1, state=UnitState.BREAK, skills=("saw",)))
    assert for_p1([*resting, *others], jobs, hazards, priority=priority).on_break == called


def test_who_has_refused_a_p1_is_not_free_for_it() -> None:
    near, rests = unit("near", 1), unit("rests", state=UnitState.BREAK)
    found = recommend(report(priority=1), [near, rests], [], NOW, service=FLOOD, areas=AREAS, refused={"id-near"})
    assert (codes(found), found.on_break) == (["near"], ("rests",))
