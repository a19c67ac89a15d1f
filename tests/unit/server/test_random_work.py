"""Many random edits, undone and repeated: whatever is refused, what is kept always fits together."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from api_client.model import AssignmentState, EditBody, Kind, Report, UnitState
from console.rules.edit import ON_NO_REPORT
from console.rules.status import ENDED_ASSIGNMENT, is_open
from console.server.city.city import City
from console.server.city.records import LOCAL, Actor
from console.server.errors import Refusal
from tests.unit.server.conftest import START, Clock, square

REPORTS, UNITS = ["10", "11", "12"], ["u1", "u2", "u3"]
_AT_WORK = (UnitState.COMMITTED, UnitState.EN_ROUTE, UnitState.ON_SCENE)
PEOPLE = [LOCAL, Actor("rina", "operator"), Actor("budi", "operator", areas=("w1",)), Actor("u1", "field")]


def a_payload(kind: Kind, chance: random.Random) -> dict[str, Any]:
    unit, report = chance.choice(UNITS), chance.choice(REPORTS)
    hold = chance.choice([None, {"reason": "x", "waits_for": chance.choice(["weather", "material"])}])
    alarm = {"kind": chance.choice(["crewless", "silent"]), "since": START.isoformat()}
    alarm["about"] = unit if alarm["kind"] == "silent" else report
    choices: dict[Kind, list[dict[str, Any]]] = {
        Kind.SET: [
            {"priority": chance.randint(0, 5)},
            {"status": chance.choice(["new", "coordination", "assigned", "progress", "validation", "resolved"])},
            {"hold": hold, "title": chance.choice("ab")},
            {"area": chance.choice(["w1", "w2", "none"]), "place": {"lat": -6.85, "lon": 106.15}},
        ],
        Kind.NOTE: [{"text": "x"}],
        Kind.REPLY: [{"text": "x"}],
        Kind.PHOTO: [{"sha256": chance.choice("ab") * 64, "role": chance.choice(["after", "report"])}],
        Kind.ASSIGN: [{"unit": unit}],
        Kind.DISPATCH: [{"unit": unit, "stack": chance.random() < 0.3}, {"unit": unit, "leaves": [report]}],
        Kind.RECALL: [{"unit": unit}],
        Kind.PROGRESS: [{"unit": unit, "state": chance.choice(list(AssignmentState)).value}],
        Kind.UNIT_STATE: [{"unit": unit, "state": chance.choice(list(UnitState)).value}],
        Kind.CLOSURE: [
            {"closure": "c1", "kind": "flood", "geometry": square(106.15, -6.85, 0.01)},
            {"closure": "c1", "seen": chance.randint(0, 5), "words": chance.choice("ab")},
            {"closure": "c1", "ended": chance.random() < 0.5},
        ],
        Kind.ALARM: [
            {"alarms": [alarm], "acknowledged": True},
            {"alarms": [alarm], "shelved_until": (START + timedelta(minutes=10)).isoformat(), "reason": "x"},
            {"alarms": [alarm], "shelved_until": None},
        ],
        Kind.MESSAGE: [{"to": chance.choice([{}, {"unit": unit}, {"role": "operator", "area": "w1"}]), "text": "x"}],
        Kind.LOG: [{"text": "x"}],
        Kind.READ: [{"messages": ["message-1"]}],
        Kind.VALIDATE: [{"accepted": True}, {"accepted": False, "reason": "x"}],
        Kind.CLOSE: [{"disposition": "x", "release": [unit]}, {"disposition": "x", "merged_into": report}],
        Kind.REOPEN: [{"reason": "x"}],
        Kind.MERGE: [{"into": report}],
    }
    return chance.choice(choices.get(kind, [{}]))


def mains(report: Report, reports: list[Report]) -> list[str]:
    """All reports up the chain of merges."""
    into = {each.id: each.merged_into for each in reports}
    found: list[str] = []
    while (main := into[found[-1] if found else report.id]) is not None:
        assert main not in found
        found.append(main)
    return found


def check(city: City, report: Report, duplicates: Counter[str]) -> None:
    live = [job for job in city.assignments(report.id) if job.state not in ENDED_ASSIGNMENT]
    assert report.duplicates == duplicates[report.id]
    assert (report.closed_at is None) == is_open(report.status)
    assert report.merged_into is None or not is_open(report.status)
    assert all(version <= report.version for version in report.versions.values())
    assert len({job.unit for job in live}) == len(live)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_done_fits_together(city: City, clock: Clock, seed: int) -> None:
    chance = random.Random(seed)
    done: list[tuple[str, str | None]] = []
    kinds: dict[str, Kind] = {}
    taken: Counter[Kind] = Counter()
    for n in range(250):
        kind: Kind = chance.choice([kind for kind in Kind if kind is not Kind.CREATE])
        report = chance.choice(REPORTS) if kind not in ON_NO_REPORT else None
        undoes = None
        if done and chance.random() < 0.25:
            undoes, report = chance.choice(done[-12:])
            kind = kinds[undoes] if report is None else Kind.NOTE
        edit = EditBody(f"edit-{seed}-{n:04}", kind, data=a_payload(kind, chance), undoes=undoes)
        seen = city.report(report).version - chance.randint(0, 2) if report and chance.random() < 0.5 else None
        before = city.seq()
        try:
            answer = city.apply(edit, report=report, actor=chance.choice(PEOPLE), if_match=seen).answer
        except Refusal:
            assert city.seq() == before
            continue
        taken[kind] += 1
        done.append((edit.id, report))
        kinds[edit.id] = kind
        assert answer.seq == city.seq()
        reports = [city.report(key) for key in REPORTS]
        duplicates = Counter(main for each in reports for main in mains(each, reports))
        for each in reports:
            check(city, each, duplicates)
        jobs = [job for key in REPORTS for job in city.assignments(key) if job.state not in ENDED_ASSIGNMENT]
        busy = {job.unit for job in jobs if job.state is not AssignmentState.RESERVED}
        for unit in city.units():
            assert unit.id in busy or unit.state not in _AT_WORK
            assert unit.id not in busy or unit.state in (*_AT_WORK, UnitState.UNAVAILABLE)
    assert len(taken) > 10
