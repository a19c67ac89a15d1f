"""The story of the demo city: rain in the second minute, calls in a row, closed streets, pumps, a forged proof, ebb."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from api_client.decoding import decode
from api_client.model import Closure, Entry, Report, Status
from console.rules.limit import limit_filter
from console.rules.report import upwards
from console.server.city import schema
from console.server.city.city import City
from console.server.demo import Living, fill
from console.server.demo.areas import metres
from console.server.demo.drafts import AGAIN_AND_AGAIN, WET
from console.server.demo.facts import demo_facts
from console.server.demo.texts import sentences
from console.server.demo_controls import DemoControls, RainWanted

NOW = datetime(2026, 1, 20, 7, 7, 31, tzinfo=UTC)
FLOOD = "banjir"


class Played:
    """A demo city that lived for a while by a clock of its own, and what came of it."""

    def __init__(self, folder: Path, *, speed: float = 1.0) -> None:
        self._now = NOW
        self.city = City(f"sqlite:///{folder / 'city.db'}", clock=lambda: self._now, name="Jakarta")
        self.city.create_schema()
        self._seq = self.city.seq()
        self.controls = DemoControls(speed)
        self.living = Living(self.city, seed=7, now=NOW, controls=self.controls)
        self.passed: list[set[str]] = []
        """Which limits of the city were passed, minute by minute."""

    def live(self, seconds: int) -> None:
        for _ in range(seconds):
            self._now += timedelta(seconds=1)
            self.living.step(self._now)

    def note_limits(self) -> None:
        """See which limits of the city are passed now."""
        table, facts = schema.reports, demo_facts()
        names = {"service": {one.code: one.name for one in facts.services}}
        areas = {one.code: one for one in facts.areas}
        names["area"] = {code: one.name for code, one in areas.items()}
        passed = set()
        for limit in facts.limits:
            wanted, since = limit_filter(limit.filter, names), self._now - timedelta(minutes=limit.within_minutes)
            asked = sa.select(table.c.service, table.c.area).where(
                table.c.created > schema.micros(since), table.c.merged_into.is_(None)
            )
            with self.city.database.read() as connection:
                count = sum(
                    (not wanted.services or service in wanted.services)
                    and (not wanted.areas or any(code in wanted.areas for code in upwards(area, areas.get)))
                    for service, area in connection.execute(asked)
                )
            if count > limit.above:
                passed.add(limit.id)
        self.passed.append(passed)

    def reports(self) -> list[Report]:
        """Those that came in since the beginning, the oldest first."""
        keys = {entry.report for entry in self.entries() if entry.kind == "created"}
        return [self.city.report(key) for key in sorted(key for key in keys if key is not None)]

    def entries(self) -> list[Entry]:
        found: list[Entry] = []
        after, more = self._seq, True
        while more:
            page = self.city.changes(after)
            found += [decode(bytes(item.data), Entry) for item in page.items if item.kind == "entry"]
            after, more = page.upto, page.more
        return sorted(found, key=lambda entry: (entry.at, entry.id))

    def closures(self) -> list[Closure]:
        return self.city.closures()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled")
    city = City(f"sqlite:///{folder / 'city.db'}", clock=lambda: NOW, name="Jakarta")
    city.create_schema()
    fill(city, reports=1_500, days=6, seed=7, now=NOW)
    city.close()
    return folder


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory, filled: Path) -> Iterator[Played]:
    """What happens in 40 minutes when nobody looks."""
    folder = tmp_path_factory.mktemp("hour")
    shutil.copytree(filled, folder, dirs_exist_ok=True)
    played = Played(folder)
    for _ in range(40):
        played.live(60)
        played.note_limits()
    yield played
    played.city.close()


@pytest.fixture
def fresh(tmp_path: Path, filled: Path) -> Iterator[Played]:
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    played = Played(tmp_path)
    yield played
    played.city.close()


def floods(reports: list[Report], first_s: float, last_s: float) -> list[Report]:
    return [
        report
        for report in reports
        if report.service == FLOOD and first_s < (report.created - NOW).total_seconds() < last_s
    ]


def test_in_the_second_minute_it_floods_one_ward(hour: Played) -> None:
    names = {area.code: area.name for area in hour.city.areas()}
    early = floods(hour.reports(), 60, 420)
    (ward, count), *_ = Counter(report.area for report in early).most_common(1)
    assert names[ward or ""] in WET
    assert count >= 15, "many calls of one flood"
    there = [report for report in early if report.area == ward]
    first = min(report.created for report in there)
    assert 60 <= (first - NOW).total_seconds() <= 120
    dangers = [report for report in there if created_as(hour, report) == 1]
    assert len(dangers) >= 5
    in_a_row = [(report.created - first).total_seconds() for report in dangers[:4]]
    assert in_a_row[-1] < 90
    texts = {report.description.lower() for report in there}
    assert len(texts) == count, "in different words"


def test_it_passes_the_limits_of_the_city_and_what_else_comes_does_not(hour: Played) -> None:
    assert hour.passed[0] == set(), "before it rains"
    assert "banjir-meluas" in set().union(*hour.passed[2:6])
    assert "lonjakan-selatan" in set().union(*hour.passed[2:6]) or "lonjakan-timur" in set().union(*hour.passed[2:6])
    assert hour.passed[16:27] == [set()] * 11, "the first water is merged, and the next rain has not begun"


def created_as(played: Played, report: Report) -> int:
    """The priority that it came in with."""
    return int(played.city.entries(report.id)[0].data["priority"])


def test_calls_of_one_flood_lie_together_and_colleagues_merge_them(hour: Played) -> None:
    merged = [report for report in floods(hour.reports(), 60, 420) if report.merged_into is not None]
    assert len(merged) >= 6
    for report in merged:
        main = hour.city.report(report.merged_into or "")
        assert metres((report.lat or 0, report.lon or 0), (main.lat or 0, main.lon or 0)) < 100
        assert main.created < report.created
    too = [
        one
        for report in floods(hour.reports(), 60, 420)
        for one in hour.city.entries(report.id)
        if one.kind == "me_too"
    ]
    assert len(too) >= 4


def test_streets_are_closed_and_opened_again(hour: Played) -> None:
    changes = [entry for entry in hour.entries() if entry.kind == "closure"]
    made = [entry for entry in changes if not entry.data.get("ended")]
    ended = [entry for entry in changes if entry.data.get("ended")]
    assert {entry.data["kind"] for entry in made[:2]} == {"flood", "street"}
    assert [entry.data["closure"] for entry in ended[:2]] == [entry.data["closure"] for entry in made[:2]][::-1]
    assert all((entry.at - NOW).total_seconds() < 270 for entry in made[:2])
    assert all(400 < (entry.at - NOW).total_seconds() < 900 for entry in ended[:2])
    there = {closure.id for closure in hour.closures()}
    assert {entry.data["closure"] for entry in made} <= there | {entry.data["closure"] for entry in ended}


def test_the_visitor_is_left_the_first_for_some_minutes(hour: Played) -> None:
    dangers = [report for report in floods(hour.reports(), 60, 180) if created_as(hour, report) == 1][:3]
    assert len(dangers) == 3
    for report in dangers:
        entries = hour.city.entries(report.id)
        others = [
            one for one in entries if one.kind in ("dispatch", "set", "close", "merge") and one.author != "citizen"
        ]
        assert not [one for one in others if one.at - report.created < timedelta(minutes=4)], report.id
        assert [one for one in others if one.at - report.created < timedelta(minutes=9)], "then a colleague takes it"


def test_one_proof_is_forged_and_is_returned_in_the_end(hour: Played) -> None:
    forged = [
        (report, photo)
        for report in floods(hour.reports(), 60, 420)
        for photo in report.photos
        if photo.role.value == "after" and photo.taken is not None and photo.taken < report.created
        if metres((photo.lat or 0, photo.lon or 0), (report.lat or 0, report.lon or 0)) > 1_000
    ]
    assert len(forged) == 1
    report, _ = forged[0]
    entries = hour.city.entries(report.id)
    handed_in = next(one for one in entries if one.data.get("state") == "done")
    assert (handed_in.at - NOW).total_seconds() < 600
    verdict = next(one for one in entries if one.kind == "validate")
    assert verdict.data["accepted"] is False
    assert timedelta(minutes=8) < verdict.at - handed_in.at < timedelta(minutes=13)


def test_no_hazard_awaits_validation_for_long(hour: Played) -> None:
    waits = []
    for report in hour.reports():
        if report.priority == 1:
            entries = hour.city.entries(report.id)
            done = [one.at for one in entries if one.data.get("status") == Status.VALIDATION]
            judged = [one.at for one in entries if one.kind == "validate"]
            waits += [then - at for at, then in zip(done, judged, strict=False)]
    assert waits
    assert max(waits) < timedelta(minutes=13)


def test_another_ward_floods_half_an_hour_later(hour: Played) -> None:
    first = Counter(report.area for report in floods(hour.reports(), 60, 420)).most_common(1)[0][0]
    later = Counter(report.area for report in floods(hour.reports(), 1_700, 2_400)).most_common(1)[0]
    assert later[1] >= 15
    assert later[0] != first


def test_in_all_that_time_no_sentence_comes_twice_on_a_screen(hour: Played) -> None:
    reports = [report for report in hour.reports() if report.description != AGAIN_AND_AGAIN.text]
    assert len(reports) > 70
    for at in range(len(reports)):
        shown = reports[max(0, at - 59) : at + 1]
        counts = Counter(one for report in shown for one in {found.lower() for found in sentences(report.description)})
        assert not [one for one, times in counts.items() if times > 1]


def test_crews_are_people(hour: Played) -> None:
    """In 40 minutes some refuse with a reason, some tell what holds them up, some rest and some go home."""
    entries = hour.entries()
    refused = [entry for entry in entries if entry.data.get("state") == "refused"]
    assert refused
    assert all(entry.data["reason"] for entry in refused)
    states = {entry.data["state"] for entry in entries if entry.kind == "unit_state"}
    assert {"break", "off_shift", "available"} <= states
    notes = [entry for entry in entries if entry.kind == "note"]
    assert len({entry.data["text"] for entry in notes}) > len(notes) / 2
    done = [entry for entry in entries if entry.data.get("state") == "done"]
    assert len(done) > 20
    ends = {unit.shift_end for unit in hour.city.units()}
    assert len(ends) > 8, "not all go home at once"


def test_rain_comes_where_somebody_asks_for_it(fresh: Played) -> None:
    fresh.controls.rain(RainWanted(-6.1500, 106.8200))
    fresh.live(50)
    asked = floods(fresh.reports(), 0, 50)
    assert len(asked) >= 3
    here = {report.area for report in asked}
    assert here == {(fresh.city.area_at(-6.15, 106.82) or ("",))[0]}
    assert len(fresh.controls.state.rain) == 1
    fresh.controls.rain(RainWanted(-6.1500, 106.8200))
    fresh.live(2)
    assert len(set(fresh.controls.state.rain)) == 2, "on the next one, where it does not rain yet"
    assert fresh.controls.state.may_rain
    for _ in range(4):
        fresh.controls.rain(RainWanted())
    fresh.live(2)
    assert len(set(fresh.controls.state.rain)) == 3, "it does not rain everywhere"
    assert not fresh.controls.state.may_rain


def test_the_speed_changes_while_it_lives(fresh: Played) -> None:
    fresh.controls.set_speed(10.0)
    fresh.live(60)
    assert fresh.controls.state.speed == 10.0
    assert len(floods(fresh.reports(), 0, 60)) >= 10, "ten minutes of it"


def test_a_hazard_that_a_colleague_forgot_gets_a_crew(hour: Played) -> None:
    """The cable that dewi has taken when the demo begins."""
    sent = {entry.report: entry.at for entry in hour.entries() if entry.kind == "dispatch"}
    reports = [hour.city.report(key) for key in sent if key is not None]
    cables = [one for one in reports if one.service == "kabel-listrik" and one.priority == 1 and one.created < NOW]
    assert cables
    assert all(timedelta(minutes=4) < sent[one.id] - NOW < timedelta(minutes=12) for one in cables)
