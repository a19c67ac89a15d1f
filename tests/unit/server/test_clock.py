"""A server whose clock is set back goes on with the work: no round of it, and nobody who did it, is mixed up."""

from __future__ import annotations

import hashlib
import io
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace
from PIL import Image

from console.server.city.city import City
from console.server.city.records import LoadedReport
from tests.unit.server.conftest import START, Api, Clock, a_report


def a_photo(api: Api, colour: str) -> str:
    content = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(content, "JPEG")
    name = hashlib.sha256(content.getvalue()).hexdigest()
    put = api.session.put(f"{api.url}/dispatch/v1/media/{name}", data=content.getvalue(), timeout=60)
    assert put.status_code == 201
    return name


def do_the_work(api: Api, colour: str) -> None:
    api.ok("10", "dispatch", {"unit": "u1"})
    for state in ("acknowledged", "en_route", "on_scene"):
        api.ok("10", "progress", {"unit": "u1", "state": state})
    api.ok("10", "photo", {"sha256": a_photo(api, colour), "role": "after"})
    api.ok("10", "progress", {"unit": "u1", "state": "done"})
    assert api.report("10")["status"] == "validation"


@pytest.mark.parametrize("hours", [1, 24])
def test_work_that_was_returned_is_done_again_after_the_clock_was_set_back(api: Api, clock: Clock, hours: int) -> None:
    do_the_work(api, "red")
    api.ok("10", "validate", {"accepted": False, "reason": "Not finished."})
    clock.skip(hours=-hours)
    do_the_work(api, "blue")
    told = api.get("/reports/10/entries").json()
    assert [entry["kind"] for entry in told].index("validate") == 6
    assert len({entry["at"] for entry in told}) == len(told)
    assert api.ok("10", "validate", {"accepted": True, "disposition": "Filled."})["report"]["status"] == "resolved"


def test_a_file_with_a_time_far_ahead_does_not_carry_the_clock_along(api: Api, city: City) -> None:
    ahead = START + timedelta(days=3650)
    city.load([LoadedReport(replace(a_report("21"), updated=ahead))])
    made = api.ok("21", "note", {"text": "x"})
    assert datetime.fromisoformat(made["entry"]["at"]) < START + timedelta(days=1)


@pytest.mark.parametrize("days", [1.2, 30])
def test_work_that_was_returned_while_the_clock_was_ahead_is_done_again(api: Api, clock: Clock, days: float) -> None:
    """Nothing of the second round counted before the clock had come to the day of the return."""
    do_the_work(api, "red")
    clock.skip(days=days)
    api.ok("10", "validate", {"accepted": False, "reason": "Not finished."})
    clock.skip(days=-days)
    api.ok("10", "dispatch", {"unit": "u1"})
    api.ok("10", "progress", {"unit": "u1", "state": "refused"})
    assert api.report("10")["status"] == "new", "who came before the return refused nothing"
    do_the_work(api, "blue")
    assert api.ok("10", "validate", {"accepted": True, "disposition": "Filled."})["report"]["status"] == "resolved"


def test_jobs_of_before_a_return_do_not_count_though_the_clock_was_ahead_then(api: Api, clock: Clock) -> None:
    clock.skip(days=30)
    do_the_work(api, "red")
    clock.skip(days=-30)
    api.ok("10", "validate", {"accepted": False, "reason": "Not finished."})
    api.ok("10", "dispatch", {"unit": "u2"})
    assert api.ok("10", "progress", {"unit": "u2", "state": "refused"})["report"]["status"] == "new"


def test_a_word_on_a_unit_that_a_clock_ahead_has_put_into_the_future_is_not_the_newest(api: Api, clock: Clock) -> None:
    other = Api(api.url)
    clock.skip(days=30)
    api.ok(None, "unit_state", {"unit": "u1", "state": "unavailable", "reason": "x"}, occurred_at=clock().isoformat())
    clock.skip(days=-30)
    other.ok(None, "unit_state", {"unit": "u1", "state": "available"}, occurred_at=clock().isoformat())
    assert api.unit("u1")["state"] == "available"
    other.session.close()


@pytest.mark.parametrize("minutes", [10, 30 * 24 * 60])
def test_no_position_and_nobody_stays_in_the_future_of_a_clock_that_was_ahead(
    city: City, clock: Clock, minutes: int
) -> None:
    """Crews stood still on all maps, looking fresh, and who had gone was told as connected."""
    clock.skip(minutes=minutes)
    city.presence.put_positions([("u1", -6.2, 106.8, clock()), ("u2", -6.2, 106.8, clock())])
    city.presence.look("ani", "10", clock())
    city.presence.look("budi", "11", clock())
    clock.skip(minutes=-minutes)
    city.presence.put_position("u1", -6.3, 106.9, clock())
    city.presence.look("cahya", None, clock())
    city.presence.leave("ani", clock())
    now = clock()
    seen = city.presence.seen(now)
    assert seen.positions["u1"][:2] == (-6.3, 106.9)
    assert seen.positions["u2"][2] <= now
    assert seen.looking == {"cahya": None}
