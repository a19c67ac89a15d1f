"""A city is set up in one transaction, seen at once, and nothing that reports refer to is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from api_client.model import Agency, Area, Calendar, EditBody, Kind, Limit, RunCard, Service, Template, Unit, UnitState
from console.server.admin.apply import apply_setup, compare_setup, present_setup
from console.server.admin.difference import FieldChange
from console.server.admin.folder import read_folder
from console.server.admin.folder_out import write_folder, write_starter
from console.server.admin.roster import turn_shifts
from console.server.admin.setup import CitySetup, UnitRecord, UserRecord, check_setup
from console.server.city import audit, schema
from console.server.city.audit_chain import verify
from console.server.city.city import City
from console.server.city.records import COMMAND_LINE, Actor
from console.server.city.users import Users, add_user, list_users
from console.server.errors import CityChanged, Invalid
from tests.unit.server.conftest import Api, Clock, running, square

BOSS = UserRecord("chief", "supervisor")


@pytest.fixture
def url(city: City, tmp_path: Path) -> Iterator[str]:
    with running(city, tmp_path / "media", Users(city)) as url:
        yield url


@pytest.fixture
def starter(tmp_path: Path) -> CitySetup:
    write_starter(tmp_path / "starter")
    return read_folder(tmp_path / "starter").setup


def rows(city: City) -> list[Any]:
    """Every row of the database but of the audit log."""
    with city.database.read() as connection:
        tables = [table for table in schema.metadata.sorted_tables if not table.name.startswith("audit")]
        return [connection.execute(sa.select(table)).all() for table in tables]


def told(city: City, setup: CitySetup) -> list[str]:
    return compare_setup(city, setup).lines()


def test_an_empty_database_becomes_the_city_of_a_folder_and_its_export_makes_the_same_city(
    database_url: str, clock: Clock, starter: CitySetup, tmp_path: Path
) -> None:
    city = City(database_url, clock=clock)
    city.create_schema()
    done = apply_setup(city, starter, COMMAND_LINE)
    assert done.applied
    assert set(done.tokens) == {"chief", "rina", "u1"}
    assert Users(city).actor(done.tokens["rina"]).role == "operator"
    assert (city.name, [unit.code for unit in city.units()]) == ("Exampleville", ["U1", "U2"])
    write_folder(tmp_path / "export", present_setup(city))
    said = "".join(each.read_text() for each in (tmp_path / "export").iterdir())
    assert not any(token in said for token in done.tokens.values())
    assert not any(row.token_hash in said for row in everybody(city))
    twin = City(f"sqlite:///{tmp_path / 'twin.db'}", clock=clock)
    twin.create_schema()
    apply_setup(twin, read_folder(tmp_path / "export").setup, COMMAND_LINE)
    assert present_setup(twin) == present_setup(city)
    assert told(twin, read_folder(tmp_path / "export").setup)[0] == "Nothing changes."
    twin.close()
    city.close()


def everybody(city: City) -> list[Any]:
    with city.database.read() as connection:
        return list(connection.execute(sa.select(schema.users)).all())


def test_the_difference_says_every_field_before_and_after_and_what_hangs_on_it(city: City, api: Api) -> None:
    api.ok("10", "dispatch", {"unit": "u1"})
    api.ok("11", "dispatch", {"unit": "u2"})
    setup = CitySetup(
        "Newtown",
        services=(Service("road", "Roads", priority=2, agency="pu"),),
        units=(UnitRecord("u1", "U1", skills=("saw",)), UnitRecord("u4", "U4", contact="radio 4")),
    )
    said = told(city, setup)
    for wanted in (
        "~ city changed",
        "    name: Testville -> Newtown",
        "~ services road changed (2 open reports; they have the new targets from their next change on)",
        "    name: Road -> Roads",
        "    targets: others 6h/7d/1d pausing for reporter, weather -> nothing",
        "- services talk retired (1 open report)",
        "~ units u1 changed (1 open job)",
        "    skills: nothing -> saw",
        "+ units u4 added",
        "! units u2 kept (it has 1 open job: 11; remove it when done)",
        "- units u3 retired",
        "1 of the changed units have open jobs; these go on.",
    ):
        assert wanted in said, (wanted, said)


def test_what_is_retired_is_offered_no_more_but_its_reports_keep_it(city: City, api: Api) -> None:
    api.ok("10", "dispatch", {"unit": "u1"})
    setup = CitySetup(
        agencies=(Agency("pu", "Public works"),),
        services=(Service("road", "Road", priority=2, agency="pu"),),
        areas=tuple(replace(area, parent=None) for area in city.areas() if area.code == "w1"),
        units=(UnitRecord("u2", "U2"),),
    )
    done = apply_setup(city, setup, COMMAND_LINE)
    assert {unit.id: unit.valid_to is None for unit in city.units()} == {"u1": True, "u2": True, "u3": False}
    assert [change.key for change in done.difference.changes if change.did == "kept"] == ["u1"]
    assert api.unit("u1")["state"] == "committed"
    assert api.report("12")["service"] == "talk"
    assert city.stats().units == 2
    assert [one.code for one in city.offered_services()] == ["road"]
    assert city.area_at(-6.45, 106.55) is None  # w2 is no more
    for kind, data in (
        ("dispatch", {"unit": "u3"}),
        ("set", {"service": "talk"}),
        ("set", {"agency": "lh"}),
        ("set", {"area": "w2"}),
    ):
        assert api.edit("11", kind, data).status_code == 422, (kind, data)
    assert api.edit(None, "unit_state", {"unit": "u3", "state": "available"}).status_code == 422
    made = api.ok(None, "create", {"service": "talk", "description": "x"})["report"]
    assert (made["service"], made["remarks"]) == (None, ["Its service “talk” is no longer there."])
    assert api.edit(None, "create", {"service": "unheard", "description": "x"}).status_code == 422
    assert api.get("/jobs?unit=u3").status_code == 404
    services = api.session.get(f"{api.url}/open311/v2/services.json", timeout=60).json()
    assert [one["service_code"] for one in services] == ["road"]
    assert api.ok("12", "set", {"priority": 2, "service": "talk"})["report"]["priority"] == 2  # as it is

    back = apply_setup(city, replace(setup, units=(UnitRecord("u2", "U2"), UnitRecord("u3", "U3"))), COMMAND_LINE)
    assert {change.key: change.did for change in back.difference.changes}["u3"] == "brought back"
    api.ok("11", "dispatch", {"unit": "u3"})


def test_a_retired_unit_with_a_job_goes_when_the_job_is_done(city: City, api: Api) -> None:
    api.ok("10", "dispatch", {"unit": "u1"})
    setup = CitySetup(units=(UnitRecord("u2", "U2"),))
    apply_setup(city, setup, COMMAND_LINE)
    api.ok("10", "recall", {"unit": "u1"})
    assert "- units u1 retired" in told(city, setup)


def test_all_of_it_or_nothing(city: City, starter: CitySetup, monkeypatch: pytest.MonkeyPatch) -> None:
    before = rows(city)

    def fail(*_: Any) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(audit, "append", fail)
        with pytest.raises(OSError, match="the disk is full"):
            apply_setup(city, starter, COMMAND_LINE)
    assert rows(city) == before
    with pytest.raises(Invalid) as refused:
        apply_setup(city, CitySetup(units=(UnitRecord("u9", agency="nobody", shift="never"),)), COMMAND_LINE)
    assert refused.value.more["faults"] == [
        "units 1, agency: there is no agency “nobody”; there are lh, pu.",
        "units 1, shift: there is no calendar “never”.",
    ]
    assert rows(city) == before


def test_what_was_agreed_to_is_what_is_done(city: City, api: Api) -> None:
    setup = CitySetup(units=(UnitRecord("u1", "U1"), UnitRecord("u2", "U2")))
    agreed = compare_setup(city, setup).mark
    api.ok("11", "note", {"text": "nothing to do with it"})
    assert compare_setup(city, setup).mark == agreed
    apply_setup(city, CitySetup(units=(UnitRecord("u1", "U1", name="Other"), UnitRecord("u2"))), COMMAND_LINE)
    with pytest.raises(CityChanged):
        apply_setup(city, setup, COMMAND_LINE, seen=agreed)


def test_units_keep_what_they_do_and_where_they_are(city: City, api: Api, clock: Clock) -> None:
    api.ok("10", "dispatch", {"unit": "u1"})
    city.presence.put_position("u1", -6.5, 106.5, clock())
    api.ok("10", "progress", {"unit": "u1", "state": "en_route"})
    first = CitySetup(units=(UnitRecord("u1", "U1", lat=-6.9, lon=106.9), UnitRecord("u2"), UnitRecord("u3")))
    apply_setup(city, first, COMMAND_LINE)
    unit = api.unit("u1")
    assert (unit["state"], unit["post"], unit["lat"]) == ("en_route", [-6.9, 106.9], -6.5)
    assert api.unit("u2")["lat"] is None
    assert told(city, first)[0] == "Nothing changes."
    placed = replace(first, units=((first.units or ())[0], UnitRecord("u2", lat=-6.8, lon=106.8), UnitRecord("u3")))
    apply_setup(city, placed, COMMAND_LINE)
    assert (api.unit("u2")["lat"], api.unit("u2")["position_at"]) == (-6.8, None)


def test_users_keep_their_tokens_and_the_last_supervisor_stays(city: City) -> None:
    token = add_user(city, "rina", "operator")
    add_user(city, "old", "viewer")
    chief = UserRecord("chief", "supervisor")
    done = apply_setup(city, CitySetup(users=(chief, UserRecord("rina", "validator", areas=("w1",)))), COMMAND_LINE)
    assert set(done.tokens) == {"chief"}
    assert Users(city).actor(token).role == "validator"
    assert [user.name for user in list_users(city)] == ["chief", "rina"]
    with city.database.read() as connection:
        assert verify(connection).broken is None
        said = [(row.what, row.object) for row in audit.rows_after(connection, 0)]
    assert said[-4:] == [("user", "chief"), ("user", "rina"), ("user", "old"), ("city", None)]
    for users in ((), (UserRecord("rina", "operator"),)):
        with pytest.raises(Invalid):
            apply_setup(city, CitySetup(users=users), COMMAND_LINE)
    assert len(list_users(city)) == 2


def test_calendars_and_templates_that_nothing_needs_are_removed(city: City, api: Api) -> None:
    calendar = Calendar("day", "Asia/Jakarta", ((420, 900),) * 7)
    apply_setup(city, CitySetup(calendars=(calendar,), templates=(Template("a", "reply", "Hi"),)), COMMAND_LINE)
    seq = city.seq()
    apply_setup(city, CitySetup(calendars=(), templates=()), COMMAND_LINE)
    items = api.get(f"/changes?after={seq}").json()["items"]
    assert {(item["kind"], item["id"]) for item in items} == {("gone", "calendar/day"), ("gone", "template/a")}


def test_limits_go_into_the_feed_and_out_of_it(city: City, api: Api) -> None:
    limit = Limit("rain", "Flood spreads", "cat=road", 10, 60, 2)
    apply_setup(city, CitySetup(limits=(limit,)), COMMAND_LINE)
    assert present_setup(city).limits == (limit,)
    seq = city.seq()
    done = apply_setup(city, CitySetup(limits=(replace(limit, above=12),)), COMMAND_LINE)
    assert [(one.key, one.fields) for one in done.difference.changes] == [("rain", (FieldChange("above", "10", "12"),))]
    assert [(item["kind"], item["data"]["above"]) for item in api.get(f"/changes?after={seq}").json()["items"]] == [
        ("limit", 12)
    ]
    with pytest.raises(Invalid, match="limit “rain” counts nothing then: No category is called “road”"):
        apply_setup(city, CitySetup(services=(Service("tree", "Tree"),)), COMMAND_LINE)
    with pytest.raises(Invalid, match="1 is not between 2 and 4"):
        apply_setup(city, CitySetup(limits=(replace(limit, priority=1),)), COMMAND_LINE)
    apply_setup(city, CitySetup(limits=()), COMMAND_LINE)
    assert api.get(f"/changes?after={seq}").json()["items"][-1]["id"] == "limit/rain"


def test_run_cards_go_into_the_feed_and_out_of_it(city: City, api: Api) -> None:
    card = RunCard("hole", "Hole", ("Ask how deep",), ("road",), skills=("asphalt",))
    apply_setup(city, CitySetup(run_cards=(card,)), COMMAND_LINE)
    assert present_setup(city).run_cards == (card,)
    seq = city.seq()
    done = apply_setup(city, CitySetup(run_cards=(replace(card, crews=2),)), COMMAND_LINE)
    assert [(one.key, one.fields) for one in done.difference.changes] == [("hole", (FieldChange("crews", "1", "2"),))]
    assert [(item["kind"], item["data"]["crews"]) for item in api.get(f"/changes?after={seq}").json()["items"]] == [
        ("run_card", 2)
    ]
    with pytest.raises(Invalid, match="run card “hole” still is for service “road”, which stands here no longer"):
        apply_setup(city, CitySetup(services=(Service("tree", "Tree"),)), COMMAND_LINE)
    apply_setup(city, CitySetup(run_cards=()), COMMAND_LINE)
    assert api.get(f"/changes?after={seq}").json()["items"][-1]["id"] == "run_card/hole"
    wet = RunCard("wet", "Wet", ("Ask how deep",), groups=("water",))
    apply_setup(city, CitySetup(services=(Service("road", "Road", "water"),), run_cards=(wet,)), COMMAND_LINE)
    renamed = CitySetup(services=(Service("road", "Road", "flood"),))
    with pytest.raises(Invalid, match="run card “wet” still is for group “water”, which no service has then"):
        apply_setup(city, renamed, COMMAND_LINE)
    apply_setup(city, replace(renamed, run_cards=(replace(wet, groups=("flood",)),)), COMMAND_LINE)
    assert present_setup(city).run_cards == (replace(wet, groups=("flood",)),)


def test_supervisors_set_a_city_up_by_the_api(city: City, url: str) -> None:
    chief, rina = Api(url, add_user(city, "chief", "supervisor")), Api(url, add_user(city, "rina", "operator"))
    ward = Api(url, add_user(city, "ward", "supervisor", areas=["w1"]))
    for api in (rina, ward):
        assert api.get("/city").status_code == 403
        assert put(api, {}).status_code == 403
    there = chief.get("/city").json()
    assert [unit["id"] for unit in there["units"]] == ["u1", "u2", "u3"]
    assert "token" not in chief.get("/city").text
    there["units"].append({"id": "u4", "areas": ["w1"], "skills": ["pump"]})
    there["users"].append({"name": "u4", "role": "field"})
    shown = put(chief, there, dry_run="true").json()
    assert (shown["applied"], [one["key"] for one in shown["difference"]["changes"]]) == (False, ["u4", "u4"])
    assert len(city.units()) == 3
    done = put(chief, there, seen=shown["difference"]["mark"]).json()
    assert done["applied"]
    crew = Api(url, done["tokens"]["u4"])
    assert crew.get("/jobs").json()["unit"]["code"] == "u4"
    assert put(chief, there, seen=shown["difference"]["mark"]).json()["error"] == "city_changed"
    assert put(chief, {"requests": {"key_reports": "9 per 1 minute"}}).json()["difference"]["changes"][0]["fields"] == [
        {"field": "requests.key_reports", "before": "600 per 1 minute (as everywhere)", "after": "9 per 1 minute"}
    ]
    assert chief.get("/city").json()["requests"] == {"key_reports": "9 per 1 minute"}
    for rule in ("1 per 24 hours", "29 per 1 second", "100 per 5 hours"):
        shut_out = put(chief, {"requests": {"user_writes": rule}})
        assert (shut_out.status_code, "is too little to work with" in shut_out.text) == (422, True), rule
    refused = put(chief, {"units": [{"id": "u1", "agency": "xx"}], "users": []})
    assert refused.status_code == 422
    assert len(refused.json()["faults"]) == 2
    assert put(chief, {"nonsense": 1}).status_code == 422
    assert put(chief, {}, dry_run="maybe").status_code == 422
    for api in (chief, rina, ward, crew):
        api.session.close()


def put(api: Api, body: dict[str, Any], **query: str) -> Any:
    return api.session.put(f"{api.url}/dispatch/v1/city", json=body, params=query, timeout=60)


def test_a_large_city_is_set_up(city: City) -> None:
    side = 40
    areas = tuple(
        Area(f"a{x}-{y}", f"Area {x} {y}", 3, geometry=square(106 + x / 100, -7 + y / 100, 0.01))
        for x in range(side)
        for y in range(side)
    )
    units = tuple(UnitRecord(f"v{n}", areas=(areas[n].code,)) for n in range(1_000))
    done = apply_setup(city, CitySetup(areas=areas, units=units), COMMAND_LINE)
    assert len(done.difference.changes) == side * side + 3 + 1_000 + 3
    assert city.area_at(-6.995, 106.005) == ("a0-0", "smallest")


DAY = Calendar("day", "Asia/Jakarta", ((420, 900),) * 7)  # 07:00 to 15:00, which is 00:00 to 08:00 UTC
NIGHT = Calendar("night", "Asia/Jakarta", ((1380, 1860),) * 7)  # 23:00 to 07:00: 16:00 to 00:00 UTC


def test_shifts_put_units_on_and_off(city: City, api: Api, clock: Clock) -> None:
    """The clock stands at 08:00 UTC: the day shift has just ended in Jakarta, the night shift has not begun."""
    units = (
        UnitRecord("u1", shift="day"),
        UnitRecord("u2"),
        UnitRecord("n1", shift="night"),
        UnitRecord("d1", shift="day"),
    )
    apply_setup(city, CitySetup(calendars=(DAY, NIGHT), units=units), COMMAND_LINE)
    assert api.unit("n1")["state"] == api.unit("d1")["state"] == "off_shift"
    assert api.unit("n1")["shift_end"] == "2026-03-03T00:00:00Z"
    clock.skip(hours=8, minutes=5)
    assert turn_shifts(city, clock()) == 1
    assert [api.unit(key)["state"] for key in ("n1", "d1", "u2")] == ["available", "off_shift", "available"]
    assert turn_shifts(city, clock()) == 0
    api.ok("10", "dispatch", {"unit": "n1"})
    clock.skip(hours=8)
    turn_shifts(city, clock())
    assert api.unit("n1")["state"] == "committed"  # it has a job, and goes on with it
    assert api.unit("d1")["state"] == "available"
    assert api.unit("d1")["shift_end"] == "2026-03-03T08:00:00Z"
    api.ok("10", "recall", {"unit": "n1"})
    turn_shifts(city, clock())
    assert api.unit("n1")["state"] == "off_shift"
    api.ok(None, "unit_state", {"unit": "d1", "state": "off_shift"})
    turn_shifts(city, clock())
    assert api.unit("d1")["state"] == "off_shift"  # it went off by itself


def test_a_unit_that_a_clock_ahead_sent_off_comes_on_with_its_next_shift(city: City, api: Api, clock: Clock) -> None:
    """Its state lay thirty days in the future, and so long no shift put it on."""
    apply_setup(city, CitySetup(calendars=(NIGHT,), units=(UnitRecord("n1", shift="night"),)), COMMAND_LINE)
    clock.skip(days=30, hours=8, minutes=5)
    turn_shifts(city, clock())
    clock.skip(hours=9)
    turn_shifts(city, clock())
    assert api.unit("n1")["state"] == "off_shift"
    clock.skip(days=-30)
    turn_shifts(city, clock())
    assert api.unit("n1")["state"] == "off_shift"
    clock.skip(hours=15)
    turn_shifts(city, clock())
    assert api.unit("n1")["state"] == "available"


def test_a_word_of_before_the_shift_that_comes_late_keeps_no_unit_off_it(city: City, api: Api, clock: Clock) -> None:
    apply_setup(city, CitySetup(calendars=(NIGHT,), units=(UnitRecord("n1", shift="night"),)), COMMAND_LINE)
    before = clock().isoformat()
    clock.skip(hours=8, minutes=5)
    turn_shifts(city, clock())
    assert api.unit("n1")["state"] == "available"
    api.ok(None, "unit_state", {"unit": "n1", "state": "off_shift"}, occurred_at=before, late=True)
    turn_shifts(city, clock())
    assert api.unit("n1")["state"] == "available"
    api.ok(None, "unit_state", {"unit": "n1", "state": "off_shift"}, occurred_at=clock().isoformat())
    turn_shifts(city, clock())
    assert api.unit("n1")["state"] == "off_shift", "said in its hours"


def test_no_unit_without_a_shift_is_touched_by_shifts(city: City) -> None:
    seq = city.seq()
    assert turn_shifts(city, datetime.now(UTC) + timedelta(days=400)) == 0
    assert city.seq() == seq
    assert all(isinstance(unit, Unit) and unit.state is UnitState.AVAILABLE for unit in city.units())
    assert msgspec.json.encode(present_setup(city))


def test_while_units_are_sent_and_called_back_setting_up_loses_nothing_and_retires_none_at_work(
    city: City, api: Api
) -> None:
    here = CitySetup(units=tuple(UnitRecord(key, key.upper(), name="A") for key in ("u1", "u2", "u3")))
    away = CitySetup(units=tuple(UnitRecord(key, key.upper(), name="B") for key in ("u1", "u2")))
    ended = threading.Event()
    wrong: list[str] = []

    def dispatch() -> None:
        """Send u3 and call it back; a refusal is right where it is retired just now."""
        for _ in range(25):
            sent = api.edit("10", "dispatch", {"unit": "u3"})
            if sent.status_code == 200:
                called = api.edit("10", "recall", {"unit": "u3"})
                if called.status_code != 200:
                    wrong.append(called.text)
            elif "no longer one of the city's units" not in sent.text:
                wrong.append(sent.text)
        ended.set()

    sender = threading.Thread(target=dispatch)
    sender.start()
    turns = 0
    while not ended.is_set() or turns < 4:
        apply_setup(city, away if turns % 2 else here, COMMAND_LINE)
        with city.database.read() as connection:
            live = set(
                connection.execute(sa.select(schema.assignments.c.unit).where(schema.assignments.c.live == 1)).scalars()
            )
            stored = connection.execute(sa.select(schema.units.c.body)).scalars()
            units = [msgspec.json.decode(body, type=Unit) for body in stored]
        at_work = [unit for unit in units if unit.id in live]
        wrong += [str(unit) for unit in at_work if unit.valid_to is not None or unit.state is not UnitState.COMMITTED]
        turns += 1
    sender.join(30)
    assert wrong == []
    assert api.unit("u3")["state"] in ("available", "off_shift")


def test_a_border_holds_nothing_that_every_console_would_have_to_carry(city: City) -> None:
    geometry = square(106, -7, 1) | {"junk": ["x"] * 3}
    with pytest.raises(Invalid, match="nothing else"):
        apply_setup(city, CitySetup(areas=(Area("a", "A", 1, geometry=geometry),)), COMMAND_LINE)


def test_of_very_many_faults_the_first_thousand_are_told(city: City) -> None:
    units = tuple(UnitRecord(f"u{n}", agency="nobody") for n in range(3_000))
    with pytest.raises(Invalid) as refused:
        apply_setup(city, CitySetup(units=units), COMMAND_LINE)
    assert len(refused.value.more["faults"]) == 1_000


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_of_two_that_wait_for_each_others_units_the_setting_up_is_done_again(city: City) -> None:
    """An edit that ends the work of two crews takes them in its own order: here the last one first."""
    table = schema.units
    held = threading.Event()

    def crews() -> None:
        with city.database.write() as connection:
            connection.execute(sa.text("SET LOCAL deadlock_timeout = '60s'"))  # the other one finds it, and gives way
            connection.execute(sa.select(table.c.id).where(table.c.id == "u3").with_for_update())
            held.set()
            wait_for_this = sa.text("SELECT count(*) FROM pg_locks WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))")
            while not connection.scalar(wait_for_this):
                pass
            connection.execute(sa.select(table.c.id).where(table.c.id == "u1").with_for_update())

    other = threading.Thread(target=crews)
    other.start()
    assert held.wait(10)
    setup = CitySetup(units=(UnitRecord("u1", "U1", name="New"), UnitRecord("u2", "U2"), UnitRecord("u3", "U3")))
    assert apply_setup(city, setup, COMMAND_LINE).applied
    other.join(10)
    assert city.units()[0].name == "New"


def test_what_stays_still_finds_what_it_works_with(city: City) -> None:
    """K8: a reform of borders and agencies that names neither users nor units nor services left them with nothing."""
    apply_setup(
        city,
        CitySetup(
            agencies=(Agency("AG", "Old agency"),),
            areas=(Area("A1", "Old quarter", 1),),
            services=(Service("flood", "Flood", agency="AG"),),
            units=(UnitRecord("U1", agency="AG", areas=("A1",)),),
            templates=(Template("t", "reply", "Thanks", service="flood"),),
            users=(BOSS, UserRecord("op", "operator", areas=("A1",), agencies=("AG",))),
        ),
        COMMAND_LINE,
    )
    reform = CitySetup(agencies=(Agency("NEW", "New agency"),), areas=(Area("A2", "New quarter", 1),))
    with pytest.raises(Invalid) as refused:
        compare_setup(city, reform)
    assert refused.value.more["faults"] == [
        "agencies, code: service “flood” still goes to agency “AG”, which stands here no longer: services have to be "
        "given too.",
        "agencies, code: unit “U1” still belongs to agency “AG”, which stands here no longer: units have to be given "
        "too.",
        "agencies, code: user “op” still works for agency “AG”, which stands here no longer: users have to be given "
        "too.",
        "areas, code: unit “U1” still works in area “A1”, which stands here no longer: units have to be given too.",
        "areas, code: user “op” still works in area “A1”, which stands here no longer: users have to be given too.",
    ]
    with pytest.raises(Invalid, match="template “t” still is for service “flood”"):
        compare_setup(city, CitySetup(services=(Service("tree", "Tree"),)))
    whole = replace(
        reform,
        services=(Service("flood", "Flood", agency="NEW"),),
        units=(UnitRecord("U1", agency="NEW", areas=("A2",)),),
        users=(BOSS, UserRecord("op", "operator", areas=("A2",), agencies=("NEW",))),
    )
    assert apply_setup(city, whole, COMMAND_LINE).applied


def test_a_call_sign_moves_only_when_the_work_under_it_is_done(api: Api, city: City) -> None:
    """K9: two units were called SDA-01; the crew page showed neither the job of the one nor who is the other."""
    before = CitySetup(units=(UnitRecord("car-7", "SDA-01"), UnitRecord("car-9", "SDA-09")))
    apply_setup(city, before, COMMAND_LINE)
    api.ok("10", "dispatch", {"unit": "car-7"})
    moved = CitySetup(units=(UnitRecord("car-3", "sda-01"), UnitRecord("car-9", "SDA-09")))
    with pytest.raises(Invalid) as refused:
        apply_setup(city, moved, COMMAND_LINE)
    assert refused.value.more["faults"] == [
        "units 1, code: “sda-01” is what unit car-7 is called, which has 1 open job (10) and stays until that is done."
    ]
    assert [unit.code for unit in city.units() if unit.valid_to is None] == ["SDA-01", "SDA-09"]


def test_no_call_sign_goes_from_a_crew_at_work_to_another(api: Api, city: City) -> None:
    """Two units swapped their codes: the one at a job could say nothing on it any more, and the other one could."""
    before = CitySetup(units=(UnitRecord("car-7", "SDA-01"), UnitRecord("car-9", "SDA-09")))
    apply_setup(city, before, COMMAND_LINE)
    api.ok("10", "dispatch", {"unit": "car-7"})
    swapped = CitySetup(units=(UnitRecord("car-7", "SDA-09"), UnitRecord("car-9", "SDA-01")))
    with pytest.raises(Invalid) as refused:
        apply_setup(city, swapped, COMMAND_LINE)
    assert refused.value.more["faults"] == [
        "units 2, code: “SDA-01” is what unit car-7 is called, which has 1 open job (10) and keeps its name until that "
        "is done."
    ]
    api.ok("10", "recall", {"unit": "car-7"})
    assert apply_setup(city, swapped, COMMAND_LINE).applied


def test_what_was_taken_in_an_area_that_goes_to_another_district_waits_for_anybody_at_once(city: City) -> None:
    """Who had it could neither work on it nor give it back, and everybody else was told that he has it."""
    areas = (Area("c", "City", 1), Area("d1", "East", 2, parent="c"), Area("d2", "West", 2, parent="c"))
    ward = Area("w1", "Ward 1", 3, parent="d1")
    users = (BOSS, UserRecord("ani", "operator", areas=("d1",)))
    apply_setup(city, CitySetup(areas=(*areas, ward), users=users), COMMAND_LINE)
    ani = Actor("ani", "operator", areas=("d1",))
    city.apply(EditBody("claim-10", Kind.CLAIM), report="10", actor=ani, if_match=1)
    apply_setup(city, CitySetup(areas=(*areas, replace(ward, name="Ward One"))), COMMAND_LINE)
    assert city.report("10").claim is not None
    apply_setup(city, CitySetup(areas=(*areas, replace(ward, parent="d2"))), COMMAND_LINE)
    assert city.report("10").claim is None
    assert city.entries("10")[-1].text == "ani may work on this report no longer."


def test_no_more_limits_than_are_counted_and_no_longer_filters() -> None:
    """Of ten thousand limits consoles counted the first two hundred, and nobody was told."""
    limits = tuple(Limit(f"l{number}", "Many", "", 5, 10) for number in range(101))
    (fault,) = check_setup(CitySetup(limits=limits), CitySetup())
    assert (fault.part, fault.why) == ("limits", "101 are too many; 100 are counted")
    assert check_setup(CitySetup(limits=limits[1:]), CitySetup()) == []
    (fault,) = check_setup(CitySetup(limits=(replace(limits[0], filter="p=1" + ",1" * 500),)), CitySetup())
    assert (fault.field, fault.why) == ("filter", "1,003 characters are too many; 1,000 are allowed")
