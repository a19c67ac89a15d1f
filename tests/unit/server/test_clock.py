"""A server whose clock is set back goes on with the work: no round of it, and nobody who did it, is mixed up."""

from __future__ import annotations

import hashlib
import io
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace
from PIL import Image

from console.server.city import City
from console.server.records import LoadedReport
from tests.unit.server.conftest import START, Api, Clock, a_report


def a_photo(api: Api, colour: str) -> str:
    content = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(content, "JPEG")
    name = hashlib.sha256(content.getvalue()).hexdigest()
    put = api.session.put(f"{api.url}/dispatch/v1/media/{name}", data=content.getvalue(), timeout=10)
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
