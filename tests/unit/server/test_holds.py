"""A hold that has an end is over by the server's clock: its report is work again, and its clocks have gone on since."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from api_client.model import ClockState, Hold, Service, Sla, WaitsFor
from console.server.city import audit, migrations, schema
from console.server.city.city import City
from console.server.city.records import LoadedReport
from tests.helpers.city import TOKENS, served, write_users
from tests.unit.server.conftest import START, Api, Clock, a_report, set_back

H = timedelta(hours=1)


def hold(until: datetime | None, waits_for: str = "weather") -> dict[str, Any]:
    return {"hold": {"reason": "pump", "waits_for": waits_for, "until": until.isoformat() if until else None}}


def finish(city: City, key: str = "10") -> tuple[ClockState, datetime | None]:
    (clock,) = [one for one in city.report(key).clocks if one.name == "finish"]
    return clock.state, clock.due


def test_a_hold_whose_time_is_over_ends_in_the_feed_the_history_and_the_audit(
    api: Api, city: City, clock: Clock
) -> None:
    """The operator who had chosen “4 h” never got the report back."""
    api.ok("10", "set", hold(until := START + 4 * H))
    api.ok("11", "set", hold(START + 9 * H))
    api.ok("12", "set", hold(None))
    assert city.end_holds() == 0
    clock.skip(hours=5)
    before = city.seq()
    assert city.end_holds() == 1
    assert [api.report(key)["hold"] is None for key in ("10", "11", "12")] == [True, False, False]
    changed = [(item.kind, item.id) for item in city.changes(before).items if item.kind == "report"]
    assert changed == [("report", "10")]
    last = city.entries("10")[-1]
    assert (last.kind, last.author, last.data["hold"], last.edit) == ("set", "server", None, None)
    assert last.occurred_at == until
    assert last.at > until
    with city.database.read() as connection:
        *_, row = audit.rows_after(connection, 0)
    assert (row.who, row.what, row.object, row.detail) == ("server", "write", "10", '{"fields":["hold"],"kind":"set"}')
    assert city.end_holds() == 0, "once"


def test_the_pause_of_a_clock_ends_at_the_end_of_the_hold_and_not_when_somebody_looked(
    api: Api, city: City, clock: Clock
) -> None:
    city.put_services([Service("road", "Road", sla={"*": Sla(finish_s=10 * 3600)})])
    began = datetime.fromisoformat(api.ok("10", "set", hold(until := START + 4 * H))["entry"]["at"])
    due = START + 10 * H + (until - began)
    assert finish(city) == (ClockState.PAUSED, due), "what it will be, for who cannot hear the server then"
    clock.skip(hours=7)
    city.end_holds()
    assert finish(city) == (ClockState.RUNNING, due)
    clock.skip(hours=9)
    api.ok("10", "note", {"text": "x"})
    assert finish(city) == (ClockState.BREACHED, due)


def test_a_clock_goes_on_at_the_end_of_the_hold_also_where_nobody_has_ended_it_yet(
    api: Api, city: City, clock: Clock
) -> None:
    city.put_services([Service("road", "Road", sla={"*": Sla(finish_s=10 * 3600)})])
    began = datetime.fromisoformat(api.ok("10", "set", hold(until := START + 4 * H))["entry"]["at"])
    clock.skip(hours=7)
    api.ok("10", "set", {"status": "coordination"})
    assert finish(city) == (ClockState.RUNNING, START + 10 * H + (until - began))


@pytest.mark.parametrize("change", ["another hold", "an end", "an undo"])
def test_what_an_operator_does_to_a_hold_that_has_just_ended_is_done(
    api: Api, city: City, clock: Clock, change: str
) -> None:
    """He has seen all that there was: nobody but the clock has changed it."""
    made = api.ok("10", "set", hold(START + 4 * H))
    seen = made["report"]["version"]
    clock.skip(hours=5)
    assert city.end_holds() == 1
    if change == "another hold":
        api.ok("10", "set", hold(START + 20 * H, "agency"), seen=seen)
        city.end_holds()
        assert api.report("10")["hold"]["waits_for"] == "agency"
    elif change == "an end":
        api.ok("10", "set", {"hold": None}, seen=seen)
        assert api.report("10")["hold"] is None
    else:
        api.ok("10", "note", {"text": "undo"}, undoes=made["entry"]["edit"], seen=seen)
        assert api.report("10")["hold"] is None


def test_another_operators_hold_of_meanwhile_is_still_asked_about(api: Api, city: City, clock: Clock) -> None:
    seen = api.report("10")["version"]
    Api(api.url).ok("10", "set", hold(START + 4 * H))
    clock.skip(hours=5)
    city.end_holds()
    assert api.edit("10", "set", hold(START + 20 * H, "agency"), seen=seen).status_code == 412


def test_a_hold_that_got_another_end_stays(api: Api, city: City, clock: Clock) -> None:
    api.ok("10", "set", hold(START + 4 * H))
    clock.skip(hours=3)
    api.ok("10", "set", hold(START + 20 * H))
    clock.skip(hours=3)
    assert city.end_holds() == 0
    clock.skip(hours=20)
    assert city.end_holds() == 1


def test_a_closed_report_has_no_hold_that_could_end(api: Api, city: City, clock: Clock) -> None:
    api.ok("10", "set", hold(START + 4 * H))
    api.ok("10", "close", {"disposition": "not found"})
    clock.skip(hours=5)
    assert city.end_holds() == 0
    assert city.report("10").hold is None


def test_very_many_that_end_together_all_end(city: City, api: Api, clock: Clock) -> None:
    rain = Hold("rain", WaitsFor.WEATHER, START + 4 * H)
    city.load([LoadedReport(a_report(f"x{n}", hold=rain)) for n in range(450)])
    clock.skip(hours=5)
    assert city.end_holds() == 450
    assert city.end_holds() == 0


def test_a_city_of_before_ends_the_holds_that_it_has(city: City, clock: Clock, database_url: str) -> None:
    """Its reports come along without the column by which those that are over are found."""
    rain = Hold("rain", WaitsFor.WEATHER, START + 4 * H)
    endless = Hold("rain", WaitsFor.WEATHER)
    city.load([LoadedReport(a_report(f"x{n}", hold=rain if n % 2 else endless)) for n in range(20)])
    set_back(city, "0005")
    upgraded = City(database_url, clock=clock)
    with contextlib.closing(upgraded):
        upgraded.create_schema()
        clock.skip(hours=5)
        assert upgraded.end_holds() == 10
        with upgraded.database.read() as connection:
            assert migrations.revision_of(connection) == migrations.head()
            left = connection.execute(sa.select(schema.reports.c.hold_until)).scalars()
            assert set(left) == {None}


def test_a_served_city_ends_holds_by_itself_and_wakes_who_follows(tmp_path: Path) -> None:
    with contextlib.closing(City(f"sqlite:///{tmp_path / 'city.db'}")) as city:
        city.create_schema()
        soon = Hold("rain", WaitsFor.WEATHER, datetime.now(UTC) + timedelta(seconds=1))
        city.load([LoadedReport(a_report("10", hold=soon))])
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(served(tmp_path, "--users", str(write_users(tmp_path))))
        api = Api(server.address, TOKENS["budi"])
        stack.callback(api.session.close)
        told = stack.enter_context(api.get("/stream", stream=True))
        for _ in told.iter_lines(chunk_size=1):
            if api.report("10")["hold"] is None:
                break
        assert server.entries("10")[-1]["author"] == "server"
