"""The server and the console make the same of every edit: random sequences, each step compared field by field."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import console.rules.pending as overlay
from api_client.model import AssignmentState, EditBody, Kind, Report, Status, Unit, UnitState
from console.rules.apply import Lookups, NotAllowed, ReportState, apply_edit
from console.rules.divert import step_id, step_on
from console.rules.edit import LEAVES, ON_NO_REPORT, Edit
from console.rules.pending import created_report, with_edits
from console.rules.report import HAZARD
from console.server.city.city import City
from console.server.city.records import Actor, LoadedReport
from console.server.city.users import add_user
from console.server.errors import Refusal
from tests.unit.server.conftest import START, a_report, furnish

AFTER, OTHER_AFTER, REPORT_PHOTO = "a" * 64, "b" * 64, "c" * 64
PEOPLE = ("rina", "budi")
_SERVERS_OWN = ("id", "version", "versions", "clocks", "duplicates")
"""What the server counts and the console cannot know: how often, by how many others, how much time is left."""

Do = tuple[Kind, dict[str, Any]]


def step(unit: str, state: str) -> Do:
    return Kind.PROGRESS, {"unit": unit, "state": state}


ON_THE_WAY: tuple[Do, ...] = ((Kind.DISPATCH, {"unit": "a", "stack": True}), step("a", "en_route"))
THERE: tuple[Do, ...] = (*ON_THE_WAY, step("a", "on_scene"))
PROOF: Do = (Kind.PHOTO, {"sha256": AFTER, "role": "after", "size": 9})
TO_VALIDATE: tuple[Do, ...] = (*THERE, PROOF, step("a", "done"))
STARTS: dict[str, tuple[Do, ...]] = {
    "new": (),
    "coordination": ((Kind.SET, {"status": "coordination"}),),
    "offered": ((Kind.CLAIM, {}), (Kind.OFFER, {"to": "budi"})),
    "reserved": ((Kind.ASSIGN, {"unit": "a"}),),
    "on the way": ON_THE_WAY,
    "on scene": THERE,
    "done without proof": (*THERE, step("a", "done")),
    "to validate": TO_VALIDATE,
    "returned": (*TO_VALIDATE, (Kind.VALIDATE, {"accepted": False, "reason": "blurred"})),
    "resolved": (*TO_VALIDATE, (Kind.VALIDATE, {"accepted": True, "disposition": "mended"})),
    "closed": ((Kind.CLOSE, {"disposition": "spam", "release": []}),),
    "merged": ((Kind.MERGE, {"into": "13"}),),
    "held": ((Kind.SET, {"hold": {"reason": "rain", "waits_for": "weather"}}),),
    "held, a crew is there": (*THERE, (Kind.SET, {"hold": {"reason": "rain", "waits_for": "weather"}})),
}
OF_EACH: tuple[tuple[str, str, Do], ...] = (
    ("rina", "on the way", step("a", "on_scene")),
    ("rina", "new", step("a", "on_scene")),
    ("rina", "on the way", (Kind.RECALL, {"unit": "a", "reason": "x"})),
    ("rina", "new", (Kind.RECALL, {"unit": "a", "reason": "x"})),
    ("rina", "merged", (Kind.UNMERGE, {})),
    ("rina", "new", (Kind.UNMERGE, {})),
    ("rina", "closed", (Kind.REOPEN, {"reason": "again"})),
    ("rina", "new", (Kind.REOPEN, {"reason": "again"})),
    ("budi", "to validate", (Kind.VALIDATE, {"accepted": True})),
    ("budi", "new", (Kind.VALIDATE, {"accepted": True})),
    ("rina", "new", (Kind.DISPATCH, {"unit": "a", "stack": True})),
    ("rina", "closed", (Kind.DISPATCH, {"unit": "a", "stack": True})),
    ("rina", "new", (Kind.ASSIGN, {"unit": "a", "stack": True})),
    ("rina", "closed", (Kind.ASSIGN, {"unit": "a", "stack": True})),
    ("rina", "new", (Kind.MERGE, {"into": "13"})),
    ("rina", "resolved", (Kind.MERGE, {"into": "13"})),
    ("rina", "new", (Kind.CLOSE, {"disposition": "spam", "release": []})),
    ("rina", "resolved", (Kind.CLOSE, {"disposition": "spam", "release": []})),
    ("rina", "on the way", (Kind.RELEASE, {})),
    ("budi", "on the way", (Kind.RELEASE, {})),
    ("rina", "on the way", (Kind.OFFER, {"to": "budi"})),
    ("budi", "on the way", (Kind.OFFER, {"to": "rina"})),
    ("budi", "offered", (Kind.DECLINE, {})),
    ("rina", "offered", (Kind.DECLINE, {})),
    ("budi", "offered", (Kind.CLAIM, {})),
)
"""Who gives which edit from which start: of each kind that can be refused one that is taken, and one that is not.

Chance alone left some out, with most seeds.
"""
_PLACES: list[dict[str, Any] | None] = [
    None,
    {},
    {"lat": -6.85, "lon": 106.15},
    {"lat": -6.45, "lon": 106.55, "address": "Jl. B", "within_m": 40.0},
]
_PLACES += [{"lat": 1.0, "lon": 2.0, "address": None}, {"lat": None, "lon": None, "address": "Jl. C"}]
unit = st.sampled_from(["a", "b"])
DATA: dict[Kind, st.SearchStrategy[dict[str, Any]]] = {
    Kind.SET: st.one_of(
        st.fixed_dictionaries(
            {},
            optional={
                "priority": st.integers(1, 4),
                "service": st.sampled_from([None, "road", "talk"]),
                "title": st.sampled_from(["", "t"]),
                "description": st.sampled_from(["", "d"]),
                "place": st.sampled_from(_PLACES),
                "area": st.sampled_from([None, "w1", "w2"]),
                "agency": st.sampled_from([None, "pu", "lh"]),
                "hold": st.sampled_from([None, {"reason": "x", "waits_for": "material"}]),
            },
        ),
        st.fixed_dictionaries({"status": st.sampled_from([one.value for one in Status]), "reason": st.just("r")}),
    ),
    Kind.NOTE: st.just({"text": "n"}),
    Kind.REPLY: st.just({"text": "r"}),
    Kind.PHOTO: st.fixed_dictionaries(
        {
            "sha256": st.sampled_from([AFTER, OTHER_AFTER, REPORT_PHOTO]),
            "role": st.sampled_from(["after", "after", "report"]),
            "size": st.just(9),
        },
        optional={"taken": st.just("2026-03-01T07:00:00Z"), "lat": st.just(-6.8), "lon": st.just(106.1)},
    ),
    Kind.ME_TOO: st.just({}),
    Kind.CLAIM: st.just({}),
    Kind.RELEASE: st.just({}),
    Kind.OFFER: st.fixed_dictionaries({"to": st.sampled_from(PEOPLE)}),
    Kind.DECLINE: st.just({}),
    Kind.ASSIGN: st.fixed_dictionaries({"unit": unit, "stack": st.just(True)}),
    Kind.DISPATCH: st.fixed_dictionaries({"unit": unit, "stack": st.just(True)}),
    Kind.RECALL: st.fixed_dictionaries({"unit": unit, "reason": st.just("x")}),
    Kind.PROGRESS: st.fixed_dictionaries(
        {"unit": unit, "state": st.sampled_from([one.value for one in AssignmentState])}
    ),
    Kind.VALIDATE: st.one_of(
        st.fixed_dictionaries({"accepted": st.just(True)}, optional={"disposition": st.just("well")}),
        st.just({"accepted": False, "reason": "blurred"}),
    ),
    Kind.CLOSE: st.one_of(
        st.fixed_dictionaries(
            {"disposition": st.just("spam"), "release": st.lists(unit, unique=True)}, optional={"reason": st.just("r")}
        ),
        st.fixed_dictionaries({"merged_into": st.sampled_from(["11", "13"])}, optional={"disposition": st.just("dup")}),
    ),
    Kind.REOPEN: st.just({"reason": "again"}),
    Kind.MERGE: st.fixed_dictionaries({"into": st.sampled_from(["10", "13"])}),
    Kind.UNMERGE: st.just({}),
}
EDITS = {kind: st.tuples(st.just(kind), data) for kind, data in DATA.items()}
an_edit = st.sampled_from([*sorted(DATA), *[Kind.VALIDATE] * 3]).flatmap(EDITS.__getitem__)
edits = st.lists(st.tuples(st.sampled_from(PEOPLE), an_edit), min_size=1, max_size=7)
CALL = {"description": "water", "channel": "phone"}
creation = st.fixed_dictionaries(
    {name: st.just(value) for name, value in CALL.items()},
    optional={
        "service": st.sampled_from([None, "road", "talk"]),
        "priority": st.integers(1, 4),
        "lat": st.just(-6.85),
        "lon": st.just(106.15),
        "within_m": st.just(25.0),
        "area": st.sampled_from(["w1", "w2"]),
        "agency": st.just("lh"),
        "title": st.just("t"),
        "address": st.just("Jl. A"),
        "created": st.just((START - timedelta(hours=3)).isoformat()),
    },
)


class SetClock:
    """Server time: stands until it is set, so that the console's clock can be the same."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> Any:
        return self.now

    def tick(self) -> Any:
        self.now += timedelta(seconds=1)
        return self.now


class Town(NamedTuple):
    """A city in a database, its clock, and what the console looks up of it."""

    city: City
    clock: SetClock
    known: Lookups
    numbers: Iterator[int]

    def state(self, key: str) -> ReportState:
        """What the server holds of a report."""
        return ReportState(self.city.report(key), tuple(self.city.assignments(key)), tuple(self.city.entries(key)))


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    clock = SetClock()
    city = City(f"sqlite:///{tmp_path_factory.mktemp('one-rule') / 'city.db'}", clock=clock, name="Testville")
    city.create_schema()
    furnish(city)
    city.load([LoadedReport(a_report("13", status=Status.CLOSED, merged_into="10", closed_at=START))])
    for key in ("10", "11"):  # anything may be merged into what is as urgent
        edit = EditBody(f"urgent-{key}", Kind.SET, data={"priority": 1})
        city.apply(edit, report=key, actor=Actor("rina", "operator"), if_match=None)
    for name in PEOPLE:
        add_user(city, name, "operator")
    services = {one.code: one for one in city.services()}

    def main_of(key: str) -> str:
        into = city.report(key).merged_into
        return main_of(into) if into is not None else key

    yield Town(city, clock, Lookups(services.get, city.area_at, main_of), itertools.count(1))
    city.close()


def is_of_the_rule(refusal: Refusal) -> bool:
    """Whether the server refused what the report itself does not allow, and not for rights or other reports' sake."""
    return isinstance(refusal.__cause__, NotAllowed)


class Difference(AssertionError):
    """The console shows something else than the server holds."""


def compare(shown: ReportState, server: ReportState, after: str) -> None:
    """Every field of the report, every assignment, and what counts of the history."""
    for name in Report.__struct_fields__:
        if name in _SERVERS_OWN:
            continue
        ours, theirs = getattr(shown.report, name), getattr(server.report, name)
        if ours != theirs:
            raise Difference(f"after {after}: {name} is {ours!r} here and {theirs!r} at the server")
    jobs = [[replace(job, id="", report="") for job in state.assignments] for state in (shown, server)]
    if jobs[0] != jobs[1]:
        raise Difference(f"after {after}: {jobs[0]} here and {jobs[1]} at the server")
    told = [[(e.edit, e.kind, e.author, e.data.get("status")) for e in one.entries] for one in (shown, server)]
    if told[0] != told[1]:
        raise Difference(f"after {after}: {told[0]} here and {told[1]} at the server")


def play(
    town: Town, made: dict[str, Any], start: Sequence[Do], then: Sequence[tuple[str, Do]]
) -> Counter[tuple[Kind, bool]]:
    """Create a report, bring it to a start, then do these things, the console without a network since the start.

    Returns how often each kind was taken, and how often not.
    """
    number = next(town.numbers)
    units = {letter: f"{letter}{number}" for letter in "ab"}
    town.city.put_units([Unit(key, key.upper(), UnitState.AVAILABLE, START) for key in units.values()])
    local = f"local:{number}"
    counted: Counter[tuple[Kind, bool]] = Counter()
    serial = itertools.count(1)

    def edit_of(who: str, do: Do, report: str | None) -> Edit:
        kind, data = do
        data = {**data, "unit": units[data["unit"]]} if "unit" in data else data
        data = {**data, "release": [units[one] for one in data["release"]]} if "release" in data else data
        count = next(serial)
        return Edit(f"edit-{number}-{count:03}", kind, report, who, "d", count, town.clock.tick(), data)

    def give(edit: Edit, report: str | None) -> Report:
        body = EditBody(edit.id, edit.kind, data=edit.data, occurred_at=edit.occurred_at, device="d")
        answer = town.city.apply(body, report=report, actor=Actor(edit.author, "operator"), if_match=None).answer
        assert answer.report is not None
        return answer.report

    create = edit_of("rina", (Kind.CREATE, made), local)
    there = give(create, None)
    key = there.id
    compare(ReportState(created_report(create, town.known)), ReportState(there), "create")
    for do in start:
        edit = edit_of("budi" if do[0] is Kind.VALIDATE else "rina", do, key)
        give(edit, key)
    begun = town.state(key)
    pending: list[Edit] = []
    for who, do in then:
        before, edit = town.state(key), edit_of(who, do, key)
        try:
            give(edit, key)
        except Refusal as refusal:
            counted[edit.kind, False] += 1
            if is_of_the_rule(refusal):
                shown = with_edits(begun, [*pending, edit], now=edit.occurred_at, known=town.known)
                compare(shown, with_edits(begun, pending, now=edit.occurred_at, known=town.known), f"{do} (refused)")
            continue
        counted[edit.kind, True] += 1
        pending.append(edit)
        server = town.state(key)
        handed_in = server.report.status is Status.VALIDATION is not before.report.status
        if edit.kind is Kind.PHOTO and handed_in and server.report.priority == HAZARD:
            shown = with_edits(before, [edit], now=edit.occurred_at, known=town.known)
            assert shown.report.status is before.report.status, "whether it hands a P1 in the server judges"
            return counted
        compare(with_edits(before, [edit], now=edit.occurred_at, known=town.known), server, str(do))
        compare(with_edits(begun, pending, now=edit.occurred_at, known=town.known), server, f"{len(pending)} edits")
    return counted


@pytest.mark.parametrize("sequences", [300, pytest.param(10_000, marks=[pytest.mark.long, pytest.mark.timeout(1800)])])
def test_what_is_shown_offline_is_what_the_server_will_hold(town: Town, sequences: int) -> None:
    counted: Counter[tuple[Kind, bool]] = Counter()

    @settings(max_examples=sequences, derandomize=sequences < 1_000)
    @given(made=creation, start=st.sampled_from(sorted(STARTS)), then=edits)
    def compare_all(made: dict[str, Any], start: str, then: list[tuple[str, Do]]) -> None:
        counted.update(play(town, made, STARTS[start], then))

    for who, start, do in OF_EACH:
        counted.update(play(town, CALL, STARTS[start], [(who, do)]))
    compare_all()
    taken = {kind for kind, was_taken in counted if was_taken}
    assert taken == set(DATA) == set(Kind) - ON_NO_REPORT - {Kind.CREATE}, "of what it never did it says nothing"
    never_refused = {Kind.NOTE, Kind.REPLY, Kind.ME_TOO, Kind.PHOTO, Kind.CLAIM, Kind.SET}
    assert {kind for kind, was_taken in counted if not was_taken} >= set(DATA) - never_refused


@pytest.mark.parametrize("others", [False, True])
@pytest.mark.parametrize("start", ["on the way", "on scene", "held, a crew is there", "done without proof", "reserved"])
def test_a_divert_is_shown_at_both_reports_as_the_server_will_hold_them(town: Town, start: str, others: bool) -> None:
    number = next(town.numbers)
    units = {letter: f"{letter}{number}" for letter in "ab"}
    town.city.put_units([Unit(key, key.upper(), UnitState.AVAILABLE, START) for key in units.values()])
    serial = itertools.count(1)

    def give(kind: Kind, report: str | None, data: dict[str, Any]) -> tuple[Edit, Report]:
        data = {**data, "unit": units[data["unit"]]} if "unit" in data else data
        count = next(serial)
        edit = Edit(f"both-{number}-{count:03}", kind, report, "rina", "d", count, town.clock.tick(), data)
        body = EditBody(edit.id, kind, data=data, occurred_at=edit.occurred_at, device="d")
        answer = town.city.apply(body, report=report, actor=Actor("rina", "operator"), if_match=None).answer
        assert answer.report is not None
        return edit, answer.report

    left, p1 = (give(Kind.CREATE, None, {"priority": priority, "service": "road"})[1].id for priority in (3, 1))
    for kind, data in (*STARTS[start], *(((Kind.DISPATCH, {"unit": "b"}),) if others else ())):
        give(kind, left, data)
    before = {key: town.state(key) for key in (left, p1)}
    divert, _ = give(Kind.DISPATCH, p1, {"unit": "a", LEAVES: [left]})
    step = step_on(divert, left)
    shown = with_edits(before[left], [step], now=step.occurred_at, known=town.known)
    told = tuple(replace(one, edit=step_id(divert.id, left)) if one.edit == step.id else one for one in shown.entries)
    jobs = tuple(
        replace(one, edit=step_id(divert.id, left)) if one.edit == step.id else one for one in shown.assignments
    )
    compare(replace(shown, entries=told, assignments=jobs), town.state(left), f"{start}, left")
    compare(with_edits(town.state(left), [step], now=step.occurred_at), town.state(left), "once it is read")
    compare(with_edits(before[p1], [divert], now=divert.occurred_at, known=town.known), town.state(p1), f"{start}, p1")


def keeps_the_hold(state: ReportState, edit: Edit, *more: Any, **known: Any) -> ReportState:
    """The rule with another end of a held report."""
    after = apply_edit(state, edit, *more, **known)
    return replace(after, report=replace(after.report, hold=state.report.hold)) if edit.kind is Kind.CLOSE else after


def keeps_the_link(state: ReportState, edit: Edit, *more: Any, **known: Any) -> ReportState:
    """The rule with another reopening of a duplicate."""
    after = apply_edit(state, edit, *more, **known)
    same = state.report.merged_into
    return replace(after, report=replace(after.report, merged_into=same)) if edit.kind is Kind.REOPEN else after


def forgets_the_proof(state: ReportState, edit: Edit, *more: Any, **known: Any) -> ReportState:
    """The rule with an after photo that brings nothing to validation."""
    after = apply_edit(state, edit, *more, **known)
    status = state.report.status
    return replace(after, report=replace(after.report, status=status)) if edit.kind is Kind.PHOTO else after


def keeps_the_crews(state: ReportState, edit: Edit, *more: Any, **known: Any) -> ReportState:
    """The rule with crews that stay on what was accepted."""
    after = apply_edit(state, edit, *more, **known)
    return replace(after, assignments=state.assignments) if edit.kind is Kind.MERGE else after


@pytest.mark.parametrize(
    ("other", "start", "do"),
    [
        (keeps_the_hold, "held", (Kind.CLOSE, {"disposition": "spam", "release": []})),
        (keeps_the_link, "merged", (Kind.REOPEN, {"reason": "again"})),
        (forgets_the_proof, "done without proof", PROOF),
        (keeps_the_crews, "on scene", (Kind.MERGE, {"into": "10"})),
    ],
)
def test_another_rule_on_one_side_is_noticed(
    town: Town, monkeypatch: pytest.MonkeyPatch, other: Callable[..., ReportState], start: str, do: Do
) -> None:
    play(town, {"description": "x"}, STARTS[start], [("rina", do)])
    monkeypatch.setattr(overlay, "apply_edit", other)
    with pytest.raises(Difference):
        play(town, {"description": "x"}, STARTS[start], [("rina", do)])
