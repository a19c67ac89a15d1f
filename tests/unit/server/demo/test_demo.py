"""The demo city: filled the same way for the same seed, calm, consistent, and alive."""

from __future__ import annotations

import hashlib
import random
import shutil
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import msgspec
import pytest
from PIL import Image

from api_client.model import EditBody, Kind, Report, Status, Unit, UnitState
from console.rules.area import AreaIndex
from console.rules.status import is_open, may_become
from console.server.admin.apply import compare_setup
from console.server.admin.folder import read_folder
from console.server.city.city import City
from console.server.city.feed import pages
from console.server.city.records import Actor
from console.server.demo import Living, fill
from console.server.demo.areas import ZONE, Point, metres, read_wards
from console.server.demo.drafts import AGAIN_AND_AGAIN
from console.server.demo.edits import DemoEdits
from console.server.demo.facts import demo_facts
from console.server.demo.mirror import Mirror
from console.server.demo.pace import Pace
from console.server.demo.pictures import Album
from console.server.demo.reporters import Reporters
from console.server.demo.rhythm import reports_an_hour
from console.server.demo.street_samples import StreetPlaces, street_places
from console.server.demo.texts import sentences, services_with_texts
from console.server.demo_controls import DemoControls

FOLDER = Path(__file__).resolve().parents[4] / "resources" / "demo" / "city"
NOW = datetime(2026, 1, 20, 7, 7, 31, tzinfo=UTC)
COUNT = 3_000


class Clock:
    """A time that stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[City, Path]]:
    """A filled city that no test changes."""
    folder = tmp_path_factory.mktemp("demo")
    city = City(f"sqlite:///{folder / 'city.db'}", clock=lambda: NOW, name="Jakarta")
    city.create_schema()
    fill(city, reports=COUNT, seed=5, now=NOW, media=folder / "media")
    yield city, folder / "media"
    city.close()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a filled city that each test takes a copy of."""
    folder = tmp_path_factory.mktemp("small")
    city = City(f"sqlite:///{folder / 'city.db'}", clock=lambda: NOW, name="Jakarta")
    city.create_schema()
    fill(city, reports=1_000, seed=5, now=NOW, media=folder / "media")
    city.close()
    return folder


@pytest.fixture
def alive(tmp_path: Path, small: Path) -> Iterator[tuple[City, Clock, Living]]:
    """A city that lives six times faster than in life."""
    clock = Clock()
    shutil.copytree(small, tmp_path, dirs_exist_ok=True)
    city = City(f"sqlite:///{tmp_path / 'city.db'}", clock=clock, name="Jakarta")
    city.create_schema()
    yield city, clock, Living(city, seed=5, now=NOW, media=tmp_path / "media", controls=DemoControls(6.0))
    city.close()


def everything(city: City) -> list[tuple[str, str, bytes]]:
    return [(item.kind, item.id, bytes(item.data)) for page in pages(city.database) for item in page.items]


def open_reports(city: City) -> list[Report]:
    return list(Mirror(city).reports.values())


def all_reports(city: City) -> list[Report]:
    found = [item.data for page in pages(city.database) for item in page.items if item.kind == "report"]
    return [msgspec.json.decode(data, type=Report) for data in found]


def test_the_same_seed_makes_the_same_city(tmp_path: Path, demo: tuple[City, Path]) -> None:
    twin = City(f"sqlite:///{tmp_path / 'twin.db'}", clock=lambda: NOW, name="Jakarta")
    twin.create_schema()
    fill(twin, reports=COUNT, seed=5, now=NOW, media=tmp_path / "media")
    try:
        assert everything(twin) == everything(demo[0])
    finally:
        twin.close()


def test_counts_and_vocabulary(demo: tuple[City, Path]) -> None:
    city, _ = demo
    stats = city.stats()
    facts = demo_facts()
    assert (stats.reports, stats.units, len(facts.services)) == (COUNT, 60, 26)
    assert compare_setup(city, read_folder(FOLDER).setup).changes == ()
    assert len(city.areas()) == 267 + 44 + 6
    assert stats.without_place == 9
    assert 12 <= stats.without_area <= 30
    assert {service.code for service in facts.services} == services_with_texts()
    assert {service.agency for service in facts.services} <= {agency.code for agency in facts.agencies}


def test_every_report_lies_in_the_area_it_names(demo: tuple[City, Path]) -> None:
    city, _ = demo
    index = AreaIndex(city.areas())
    assert index.problems == []
    placed = [report for report in all_reports(city) if report.lat is not None and report.lon is not None]
    assert len(placed) > COUNT - 20
    wrong = [r.id for r in placed if (index.area_at(r.lat or 0.0, r.lon or 0.0) or (None,))[0] != r.area]
    assert wrong == []


def test_reports_and_crews_are_on_the_streets(demo: tuple[City, Path]) -> None:
    """But for a crew that is beside its report, and for reports from beyond the border."""
    city, _ = demo
    places = street_places()
    reports = [report for report in all_reports(city) if report.area is not None and report.lat is not None]
    off_m = [_off_street_m((report.lat or 0.0, report.lon or 0.0), places) for report in reports]
    assert len(off_m) > COUNT - 50
    assert max(off_m) < 10.0
    crews = [unit for unit in Mirror(city).units.values() if unit.state is not UnitState.ON_SCENE]
    assert max(_off_street_m((unit.lat or 0.0, unit.lon or 0.0), places) for unit in crews) < 10.0
    assert all(report.address and report.address.endswith("(invented)") for report in reports)


def _off_street_m(here: Point, places: StreetPlaces) -> float:
    """How far a place is from the nearest sampled street, its points set close."""
    street, _ = places.street_near(here)
    near = []
    for (start, end), leg_m in zip(zip(street.points, street.points[1:], strict=False), street.legs_m, strict=True):
        steps = int(leg_m) + 1
        for step in range(steps + 1):
            share = step / steps
            point = (start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share)
            near.append(metres(here, point))
    return min(near)


def test_the_picture_is_calm(demo: tuple[City, Path]) -> None:
    """Few hazards are unassigned, most of what is open is in somebody's hands, hardly anything is overdue."""
    found = open_reports(demo[0])
    new = [report for report in found if report.status is Status.NEW]
    assert 3 <= sum(report.priority <= 2 for report in new) <= 10
    assert len(new) < len(found) / 2
    overdue = [r for r in found if any(clock.state == "breached" and clock.met_at is None for clock in r.clocks)]
    assert len(overdue) <= len(found) * 0.05


def test_histories_lead_to_where_the_reports_stand(demo: tuple[City, Path]) -> None:
    city, _ = demo
    for report in open_reports(city)[:200]:
        entries = city.entries(report.id)
        assert entries[0].kind == "created"
        assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)
        assert all(entry.at <= NOW for entry in entries)
        status = Status.NEW
        for entry in entries:
            then = Status(entry.data.get("status", status))
            assert may_become(status, then), (report.id, status, then)
            status = then
        assert status is report.status


def test_units_and_their_jobs_agree(demo: tuple[City, Path]) -> None:
    mirror = Mirror(demo[0])
    expected = {"acknowledged": "committed", "dispatched": "committed", "en_route": "en_route", "on_scene": "on_scene"}
    busy = {job.unit: expected[job.state.value] for job in mirror.jobs.values() if job.state.value != "reserved"}
    resting = {"break", "unavailable", "off_shift"}
    for unit in mirror.units.values():
        if unit.state.value not in resting:
            assert unit.state.value == busy.get(unit.id, "available"), unit.code
    assert {unit.state.value for unit in mirror.units.values()} >= {"available", "committed", "en_route", "on_scene"}
    assert all(unit.shift_end is not None and unit.shift_end > NOW for unit in mirror.units.values())


def test_photos_are_small_pictures_named_by_their_hash(demo: tuple[City, Path]) -> None:
    city, media = demo
    files = list(media.iterdir())
    assert 60 <= len(files) <= 260
    for path in files:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
        assert path.stat().st_size < 120_000
        with Image.open(path) as picture:
            assert picture.format == "JPEG"
    named = {photo.sha256 for report in open_reports(city) for photo in report.photos}
    assert named <= {path.name for path in files}


def test_no_sentence_comes_twice_on_a_screen_of_the_newest_reports(demo: tuple[City, Path]) -> None:
    """Of all reports, and of one service; but for him who sends the same words again and again."""
    found = sorted(all_reports(demo[0]), key=lambda report: (report.created, report.id))[-2_000:]
    assert repeated([report for report in found if report.description != AGAIN_AND_AGAIN.text]) == []


def test_somebody_sends_the_same_thirty_times(demo: tuple[City, Path]) -> None:
    found = [report for report in all_reports(demo[0]) if report.description == AGAIN_AND_AGAIN.text]
    assert len(found) == 30
    assert {report.created.date() for report in found} <= {NOW.date(), (NOW - timedelta(days=1)).date()}
    assert sum(report.merged_into is not None for report in found) == 29
    assert {city_contact(demo[0], report.id) for report in found} == {"Warga 4417"}


def city_contact(city: City, report: str) -> str:
    return city.contact(report, Actor("rina", "supervisor")).name


def repeated(reports: list[Report]) -> list[str]:
    """The sentences that come twice within a screen's 60 reports, of all or of one service; the oldest report first."""
    twice = []
    everywhere: deque[set[str]] = deque(maxlen=59)
    of_service: dict[str | None, deque[set[str]]] = defaultdict(lambda: deque(maxlen=59))
    for report in reports:
        here = {one.lower() for one in sentences(report.description)}
        for screen in (everywhere, of_service[report.service]):
            twice += [one for shown in screen for one in shown & here]
            screen.append(here)
    return twice


def test_merged_doubles_are_counted_at_their_main(demo: tuple[City, Path]) -> None:
    city, _ = demo
    merged = Counter[str]()
    mains: dict[str, int] = {}
    for report in all_reports(city):
        mains[report.id] = report.duplicates
        if report.merged_into:
            merged[report.merged_into] += 1
            assert report.status is Status.CLOSED
    assert merged
    assert all(mains[main] == count for main, count in merged.items())
    assert sum(mains.values()) == sum(merged.values())


def test_a_crew_takes_an_order_to_its_proof(alive: tuple[City, Clock, Living]) -> None:
    city, clock, living = alive
    mirror = Mirror(city)
    report = min((r for r in mirror.reports.values() if r.status is Status.NEW), key=lambda r: (r.priority, r.id))
    unit = next(unit for unit in mirror.units.values() if unit.code == "SDA-07")
    city.apply(EditBody("order-0001", Kind.DISPATCH, data={"unit": unit.id}), report=report.id)
    acknowledged: float | None = None
    places = set()
    steps: list[str] = []
    for second in range(1, 1200):
        clock.now = NOW + timedelta(seconds=second)
        living.step(clock.now)
        place = city.presence.seen(clock.now).positions[unit.id]
        places.add(place[:2])
        steps = [e.data["state"] for e in city.entries(report.id) if e.kind == "progress" and e.author == "SDA-07"]
        if steps and acknowledged is None:
            acknowledged = second
        if steps[-1:] == ["done"]:
            break
    assert acknowledged is not None
    assert 1 <= acknowledged <= 5
    assert steps == ["acknowledged", "en_route", "on_scene", "done"]
    assert len(places) > 10
    present = city.report(report.id)
    assert present.status is Status.VALIDATION
    assert present.photos[-1].role.value == "after"


def test_a_crew_hands_in_what_was_merged_into_while_it_worked_and_what_was_returned(
    alive: tuple[City, Clock, Living],
) -> None:
    """A P1 into which a second caller's report was merged stayed "without a crew", as its crew did not say what it had
    seen; so did one whose proof was returned, as the crew sent the same picture once more.
    """
    city, clock, living = alive
    mirror = Mirror(city)
    fresh = sorted((r for r in mirror.reports.values() if r.status is Status.NEW), key=lambda r: (r.priority, r.id))
    report, other = fresh[0].id, fresh[1].id
    unit = next(unit for unit in mirror.units.values() if unit.code == "SDA-07").id
    service = next(one.code for one in mirror.services.values() if one.proof and "pump" in one.skills)
    city.apply(EditBody("edit-0001", Kind.SET, data={"priority": 1, "service": service}), report=report)

    def work_until(state: str, times: int = 1) -> None:
        for _ in range(2400):
            clock.now += timedelta(seconds=1)
            living.step(clock.now)
            own = [e for e in city.entries(report) if e.kind == "progress" and e.author == "SDA-07"]
            if [e.data["state"] for e in own].count(state) == times:
                return
        raise AssertionError(f"{state} not {times} times: {city.entries(report)}")

    city.apply(EditBody("edit-0002", Kind.DISPATCH, data={"unit": unit}), report=report)
    work_until("on_scene")
    city.apply(EditBody("edit-0003", Kind.MERGE, data={"into": report}), report=other)
    work_until("done")
    assert city.report(report).status is Status.VALIDATION
    returned = {"accepted": False, "reason": "Not this street"}
    city.apply(EditBody("edit-0004", Kind.VALIDATE, data=returned), report=report)
    city.apply(EditBody("edit-0005", Kind.DISPATCH, data={"unit": unit, "stack": True}), report=report)
    work_until("done", 2)
    assert city.report(report).status is Status.VALIDATION
    sent = [photo.sha256 for photo in city.report(report).photos if photo.role.value == "after"]
    assert len(sent) == len(set(sent)) == 2


def test_the_city_goes_on_and_stays_about_as_it_was(alive: tuple[City, Clock, Living]) -> None:
    city, clock, living = alive
    before, seq = city.stats(), city.seq()
    for second in range(1, 800):  # until between two rains
        clock.now = NOW + timedelta(seconds=second)
        living.step(clock.now)
    after = city.stats()
    assert 80 < after.reports - before.reports < 260  # in 80 minutes of its life, with rain in three wards
    new_before, new_after = before.by_status["new"], after.by_status["new"]
    assert abs(new_after - new_before) < 20
    still_open = sum(count for status, count in after.by_status.items() if is_open(Status(status)))
    was_open = sum(count for status, count in before.by_status.items() if is_open(Status(status)))
    assert still_open < was_open + 180
    assert city.seq() > seq + 100
    authors = {entry.author for report in open_reports(city) for entry in city.entries(report.id)}
    assert "citizen" in authors
    assert "local" not in authors


def test_hazards_are_left_to_the_console_for_some_minutes_and_then_taken(alive: tuple[City, Clock, Living]) -> None:
    city, clock, living = alive
    keys = []
    for number in range(5):
        data = {"service": "banjir", "priority": 2, "lat": -6.2337 - 0.004 * number, "lon": 106.8616}
        made = city.apply(EditBody(f"create-000{number}", Kind.CREATE, data=data)).answer.report
        assert made is not None
        keys.append(made.id)
    for second in range(1, 90):
        clock.now = NOW + timedelta(seconds=second)
        living.step(clock.now)
        if second == 60:  # six minutes at this speed
            assert {city.report(key).status for key in keys} == {Status.NEW}
    taken = [key for key in keys if city.report(key).status is not Status.NEW]
    assert taken


def test_colleagues_are_there_as_long_as_the_city_lives(alive: tuple[City, Clock, Living]) -> None:
    city, clock, living = alive
    for _ in range(120):
        clock.now += timedelta(seconds=1)
        living.step(clock.now)
    takers = {report.claim.who for report in Mirror(city).reports.values() if report.claim is not None}
    assert takers
    assert takers <= set(city.presence.seen(clock.now).looking)


def test_idle_crews_drift_and_a_lost_one_stays_lost(alive: tuple[City, Clock, Living]) -> None:
    city, clock, living = alive
    idle: Unit = next(u for u in city.units() if u.state is UnitState.AVAILABLE and not Mirror(city).jobs_of(u.id))
    begin = city.presence.seen(NOW).positions
    for second in range(1, 40):
        clock.now = NOW + timedelta(seconds=second)
        living.step(clock.now)
    now = city.presence.seen(clock.now).positions
    assert now[idle.id][:2] != begin[idle.id][:2]
    assert now["sda-15"] == begin["sda-15"]


def test_two_runs_of_a_seed_are_the_same(tmp_path: Path, small: Path) -> None:
    """By the clock that they are given: what comes in, what crews and colleagues do, in every word and place."""
    feeds, places = [], []
    for number in range(2):
        shutil.copytree(small, folder := tmp_path / str(number))
        clock = Clock()
        ids = count()
        city = City(
            f"sqlite:///{folder / 'city.db'}", clock=clock, ids=lambda ids=ids: f"id-{next(ids)}", name="Jakarta"
        )
        city.create_schema()
        living, begin = Living(city, seed=5, now=NOW, media=None), city.seq()
        for second in range(1, 400):
            clock.now = NOW + timedelta(seconds=second)
            living.step(clock.now)
        feeds.append([(item.kind, item.id, bytes(item.data)) for item in city.changes(begin, 10_000).items])
        places.append(city.presence.seen(clock.now).positions)
        city.close()
    assert len(feeds[0]) > 50
    assert feeds[0] == feeds[1]
    assert places[0] == places[1]


@pytest.mark.long
def test_the_present_goes_on_at_the_rhythm_of_the_history(tmp_path: Path) -> None:
    """At the hour at which the demo city was filled, and in what it is about."""
    clock, chance = Clock(), random.Random(3)
    city = City(f"sqlite:///{tmp_path / 'city.db'}", clock=clock, name="Jakarta")
    city.create_schema()
    fill(city, reports=12_000, seed=6, now=NOW, days=24)
    history = all_reports(city)
    mirror, edits = Mirror(city), DemoEdits(city, chance)
    pace = Pace()
    reporters = Reporters(city, mirror, edits, Album(None, 1), read_wards(), chance, pace, NOW, 500.0)
    for _ in range(3 * 360):
        clock.now += timedelta(seconds=10)
        pace.go_on(10)
        mirror.refresh()
        reporters.step(clock.now)
    fresh = [report for report in all_reports(city) if report.created > NOW]
    ordinary = [report for report in fresh if report.description != AGAIN_AND_AGAIN.text]
    hours = [reports_an_hour((NOW + timedelta(hours=ago)).astimezone(ZONE), 500) for ago in (-1, 0, 1, 2)]
    assert all(30 < an_hour < 55 for an_hour in hours)
    assert 0.75 < len(ordinary) / sum(hours[1:]) < 1.25
    last_hours = sum(NOW - report.created < timedelta(hours=2) for report in history) / 2
    assert 0.75 < last_hours / (sum(hours[:2]) / 2) < 1.4  # with the scenes that always stand there
    groups = {service.code: service.group for service in demo_facts().services}
    lately = [report for report in history if NOW - report.created < timedelta(hours=30)]
    was, came = (Counter(groups[one.service or ""] for one in some) for some in (lately, ordinary))
    for group in ("air", "jalan", "sampah", "lalu-lintas", "parkir"):
        assert abs(was[group] / len(lately) - came[group] / len(ordinary)) < 0.13, group
    assert len({report.service for report in ordinary}) > 15
    newest = sorted(history, key=lambda report: (report.created, report.id))[-2_000:]
    newest = [report for report in newest if report.description != AGAIN_AND_AGAIN.text]
    assert repeated(newest + ordinary) == []
    assert len(fresh) - len(ordinary) > 5, "he goes on, too"
    city.close()


def test_some_do_not_say_where_and_some_say_the_ward_beside(demo: tuple[City, Path]) -> None:
    names = {area.code: area.name for area in demo[0].areas()}
    placed = [report for report in all_reports(demo[0]) if report.area is not None and report.lat is not None]
    beside = [report for report in placed if f", {names[report.area or '']} (" not in report.address]
    assert 10 < len(beside) < len(placed) * 0.06
    wards = read_wards()
    for report in beside:
        said, here = report.address.rpartition(", ")[2].removesuffix(" (invented)"), (report.lat or 0, report.lon or 0)
        its_m = min(metres((ward.lat, ward.lon), here) for ward in wards if ward.name == said)
        own_m = next(metres((ward.lat, ward.lon), here) for ward in wards if ward.code == report.area)
        assert its_m < 1.3 * own_m, report.address
