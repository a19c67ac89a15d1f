"""What the pages ask of the server, on both kinds of database."""

from __future__ import annotations

import hashlib
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from PIL import Image
from typing_extensions import override

from api_client.decoding import decode
from api_client.model import Assignment, AssignmentState, EditBody, Kind, RunCard
from console.server.city import schema
from console.server.city.city import City
from console.server.city.database import next_numbers
from console.server.city.media import MediaStore
from console.server.city.photo_process import PhotoProcess
from console.server.city.records import LOCAL, LoadedReport
from console.server.city.users import Users, add_user
from console.server.pages import jobs
from console.server.pages.dots import Dots, Wanted
from console.server.pages.photos import PublicPhotos
from tests.helpers.pictures import picture
from tests.unit.server.conftest import Api, a_report, running

KEY, OTHER = "k" * 40, "o" * 40
WORLD = Wanted(-180, -90, 180, 90, 10)


def a_picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 6)).save(out, "PNG")
    return out.getvalue()


def public(api: Api, method: str, path: str, **more: Any) -> requests.Response:
    return api.session.request(method, f"{api.url}/public/v1{path}", timeout=60, **more)


def test_a_report_goes_from_the_page_to_its_end_and_back(api: Api, city: City) -> None:
    body = {"key": KEY, "service": "road", "description": "A hole, rina@example.org", "lat": -6.85, "lon": 106.15}
    made = [public(api, "POST", "/reports", json=body) for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 201]
    number = made[0].json()["number"]
    assert made[1].json()["number"] == number
    photo = {"data": a_picture(), "headers": {"Idempotency-Key": KEY}}
    assert [public(api, "PUT", f"/reports/{number}/photos/1", **photo).status_code for _ in range(2)] == [201, 201]
    assert len(city.report(number).photos) == 1
    assert [public(api, "POST", f"/reports/{number}/me-too", json={"key": OTHER}).status_code for _ in range(2)] == [
        201,
        201,
    ]
    api.ok(number, "reply", {"text": "Soon. Call 021 5551 2345"})
    api.ok(number, "note", {"text": "An inner note"})
    api.ok(number, "close", {"disposition": "Not found"})
    answer = public(api, "GET", f"/reports/{number}")
    followed = answer.json()
    assert (followed["status"], followed["reason"], followed["me_too"]) == ("closed", "Not found", 1)
    assert [step["kind"] for step in followed["history"]] == ["created", "reply", "status"]
    assert (followed["area"], followed["may_reopen"], followed["photos"]) == ("Ward 1", True, [])
    assert followed["history"][1]["text"] == "Soon. Call 021 5551 2345"
    for secret in ("example.org", "inner note", "local"):
        assert secret not in answer.text
    again = public(api, "GET", f"/reports/{number}", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    wrong = {"key": "n" * 40, "report_key": OTHER}
    assert public(api, "POST", f"/reports/{number}/not-solved", json=wrong).status_code == 403
    right = {"key": "n" * 40, "report_key": KEY, "text": "Still there"}
    assert [public(api, "POST", f"/reports/{number}/not-solved", json=right).status_code for _ in range(2)] == [
        201,
        201,
    ]
    assert city.report(number).status == "returned"
    api.ok(number, "close", {"disposition": "Not found"})
    twice = public(api, "POST", f"/reports/{number}/not-solved", json=right)
    assert (twice.status_code, twice.json()["message"]) == (
        422,
        "The report was closed again since you said this. Open this page anew and say it again.",
    )
    assert public(api, "POST", f"/reports/{number}/not-solved", json=right | {"key": "m" * 40}).status_code == 201
    assert city.report(number).status == "returned"
    found = public(api, "GET", "/map", params={"bbox": "106,-7,107,-6", "zoom": 14}).json()
    assert [number, -6.85, 106.15, "road", "returned"] in found["points"]


def test_a_merged_report_is_followed_by_its_main_one(api: Api) -> None:
    api.ok("11", "merge", {"into": "10"})
    api.ok("10", "reply", {"text": "For both"})
    followed = public(api, "GET", "/reports/11").json()
    assert (followed["joined"], followed["status"], followed["may_reopen"]) == ("10", "new", False)
    assert [step["text"] for step in followed["history"] if step["kind"] == "reply"] == ["For both"]


def test_a_unit_reads_its_own_jobs(city: City, tmp_path: Path) -> None:
    token, viewer = add_user(city, "U1", "field"), add_user(city, "rina", "supervisor")
    with running(city, tmp_path / "media", Users(city)) as url:
        office, crew, nobody = Api(url, viewer), Api(url, token), Api(url)
        office.ok("10", "dispatch", {"unit": "u1"})
        office.ok("11", "dispatch", {"unit": "u2"})
        office.ok("12", "assign", {"unit": "u3"})
        office.ok("10", "note", {"text": "Mind the dog"})
        city.put_run_cards([RunCard("hole", "Hole", ("Ask", "Tell"), ("road",))])
        office.ok("10", "note", {"text": "Tell", "card": "hole"})
        assert nobody.get("/jobs").status_code == 401
        answer = crew.get("/jobs")
        assert answer.json()["unit"]["id"] == "u1"
        [job] = answer.json()["jobs"]
        assert (job["report"]["id"], job["service"]["name"], job["needs_proof"]) == ("10", "Road", True)
        assert [word["text"] for word in job["words"]] == ["Mind the dog"], "and no step of the run card"
        assert [(one["words"], one["who"]) for one in job["steps"]] == [("Ask", ""), ("Tell", "rina")]
        crew.ok("10", "progress", {"unit": "u1", "state": "acknowledged"})
        [job] = crew.get("/jobs").json()["jobs"]
        assert (job["assignment"]["by"], job["assignment"]["ordered_by"]) == ("U1", "rina"), (
            "who said so did not order it"
        )
        assert crew.get("/jobs").json()["timezone"] == city.facts()[1].timezone
        answer = crew.get("/jobs")
        assert crew.get("/jobs", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
        assert [one["report"]["id"] for one in office.get("/jobs?unit=U2").json()["jobs"]] == ["11"]
        assert office.get("/jobs?unit=u3").json()["jobs"] == [], "reserved, not yet sent"
        assert office.get("/jobs").status_code == 404
        for api in (office, crew, nobody):
            api.session.close()


def test_a_crew_sees_its_p1_above_what_was_ordered_after_it(city: City, tmp_path: Path) -> None:
    """The newest order stood on top: a lamp that was ordered later came before people on a roof."""
    viewer = add_user(city, "rina", "supervisor")
    with running(city, tmp_path / "media", Users(city)) as url:
        office = Api(url, viewer)

        def listed() -> list[str]:
            return [one["report"]["id"] for one in office.get("/jobs?unit=u1").json()["jobs"]]

        for number in ("10", "11", "12"):
            office.ok(number, "dispatch", {"unit": "u1", "stack": True})
        assert listed() == ["12", "11", "10"], "else the newest first"
        office.ok("10", "set", {"priority": 1})
        assert listed() == ["10", "12", "11"]
        office.ok("10", "recall", {"unit": "u1"})
        assert listed() == ["12", "11", "10"], "it burns no more for this crew"
        office.session.close()


def test_a_units_jobs_of_years_are_not_read_each_time_that_its_phone_asks(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its phone asks after each change of the city: 9,000 jobs took 24 ms of the server's processor each time."""
    token, then = add_user(city, "U1", "field"), city.clock() - timedelta(days=400)
    past = [
        Assignment(f"past-{n}", "10", "u1", AssignmentState.DONE, then, by="U1", created=then) for n in range(1_000)
    ]
    with city.database.write() as connection:
        last = next_numbers(connection, len(past))
        rows = [schema.row_of(one, last - len(past) + 1 + at) for at, one in enumerate(past)]
        connection.execute(sa.insert(schema.assignments), rows)
    read: list[object] = []

    def counted(body: bytes, kind: type[Any]) -> Any:
        read.append(kind)
        return decode(body, kind)

    monkeypatch.setattr(jobs, "decode", counted)
    with running(city, tmp_path / "media", Users(city)) as url:
        crew = Api(url, token)
        edit = EditBody("dispatch-1", Kind.DISPATCH, data={"unit": "u1"})
        city.apply(edit, report="11", actor=LOCAL, if_match=1)
        city.apply(EditBody("recall-1", Kind.RECALL, data={"unit": "u1"}), report="11", actor=LOCAL, if_match=2)
        city.apply(EditBody("dispatch-2", Kind.DISPATCH, data={"unit": "u1"}), report="12", actor=LOCAL, if_match=1)
        shown = [one["report"]["id"] for one in crew.get("/jobs").json()["jobs"]]
        crew.session.close()
    assert shown == ["12", "11"]
    assert read.count(Assignment) <= 102


def test_the_map_begins_anew_with_another_history_of_the_city(city: City) -> None:
    now = iter(range(0, 1000, 10))
    dots = Dots(city, ticks=lambda: float(next(now)))
    city.load([LoadedReport(a_report("90", lat=-6.85, lon=106.15)), LoadedReport(a_report("91", lat=-6.8, lon=106.1))])
    assert dots.view(WORLD)[1].total == 2
    with city.database.write() as connection:
        connection.execute(sa.delete(schema.reports).where(schema.reports.c.id == "91"))
        connection.execute(sa.update(schema.meta).where(schema.meta.c.key == "epoch").values(value="another"))
    assert [point[0] for point in dots.view(WORLD)[1].points] == ["90"]


class Counting(PhotoProcess):
    """Counts what it makes."""

    made = 0

    @override
    def small(self, content: bytes) -> bytes:
        self.made += 1
        return super().small(content)


def test_a_public_photo_is_made_once_while_it_is_remembered(tmp_path: Path) -> None:
    media = MediaStore(tmp_path / "media")
    pictures = [picture("PNG", (40 + n, 30)) for n in range(2)]
    names = [hashlib.sha256(content).hexdigest() for content in pictures]
    for name, content in zip(names, pictures, strict=True):
        media.put(name, content, None)
    process, forgetful = Counting(), Counting()
    photos, little = PublicPhotos(media, process), PublicPhotos(media, forgetful, remembered=1)
    for _ in range(3):
        assert [photos.copy(name)[:3] for name in names] == [b"\xff\xd8\xff"] * 2
        assert little.copy(names[0]) == photos.copy(names[0])
    assert (process.made, forgetful.made) == (2, 3)
