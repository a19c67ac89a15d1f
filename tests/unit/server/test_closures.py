"""Closed streets and flooded areas at the server: made, changed and ended once, by whom it is for, and in the feed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from api_client.decoding import decode
from api_client.model import Closure, EditBody, Kind
from console.server.city import audit, closures
from console.server.city.city import City
from console.server.city.records import LOCAL
from console.server.city.users import Users, add_user
from console.server.http.rate_limit import RateLimits
from tests.helpers.city import TOKENS, served, write_users
from tests.unit.server.conftest import START, Api, Clock, let_pass, recorded, running, square
from tests.unit.server.test_rights import UNLIMITED

H = timedelta(hours=1)
IN_W1 = square(106.15, -6.85, 0.01)
one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def flood(key: str = "c1", **more: Any) -> dict[str, Any]:
    return {"closure": key, "kind": "flood", "geometry": IN_W1} | more


def found(city: City, key: str = "c1") -> Closure:
    (closure,) = [one for one in city.closures() if one.id == key]
    return closure


def in_feed(city: City, after: int) -> list[tuple[str, str]]:
    return [(item.kind, item.id) for item in city.changes(after).items]


@pytest.fixture
def url(city: City, tmp_path: Path) -> Iterator[str]:
    with running(city, tmp_path / "media", Users(city), limits=RateLimits(UNLIMITED)) as url:
        yield url


def test_one_is_made_changed_and_ended_and_everybody_reads_it(api: Api, city: City) -> None:
    before = city.seq()
    made = api.ok(None, "closure", flood(words="Knee-deep", said_by="police", report="10"))
    assert (made["report"], made["entry"]["kind"], made["entry"]["text"]) == (None, "closure", "Knee-deep")
    (item,) = [item for item in city.changes(before).items if item.kind == "closure"]
    closure = decode(item.data, Closure)
    assert (closure.id, closure.by, closure.version, closure.areas) == ("c1", "local", 1, ("w1",))
    assert (closure.said_by, closure.report, closure.until) == ("police", "10", None)
    later = (START + 5 * H).isoformat()
    api.ok(None, "closure", {"closure": "c1", "seen": 1, "until": later})
    assert found(city).until == START + 5 * H
    assert found(city).words == "Knee-deep"
    api.ok(None, "closure", {"closure": "c1", "ended": True})
    assert found(city).is_over(city.clock())
    assert found(city).version == 3
    again = city.seq()
    api.ok(None, "closure", {"closure": "c1", "ended": True})
    assert found(city).ended == decode(json.dumps(_data(city, again)).encode(), Closure).ended
    (snapshot,) = [item for item in city.snapshot().items if item.kind == "closure"]
    assert snapshot.id == "c1"


def _data(city: City, after: int) -> Any:
    return [json.loads(bytes(item.data)) for item in city.changes(after).items if item.kind == "closure"][-1]


def test_the_same_edit_makes_one_and_another_under_its_key_is_refused(api: Api, city: City) -> None:
    first = api.ok(None, "closure", flood(), key="edit-of-closure")
    again = api.edit(None, "closure", flood(), key="edit-of-closure")
    assert (again.json(), again.headers["Idempotent-Replay"]) == (first, "true")
    assert found(city).version == 1
    other = api.edit(None, "closure", flood(words="other"), key="edit-of-closure")
    assert (other.status_code, other.json()["error"]) == (422, "key_reused")
    with city.database.write() as connection:  # as after 30 days
        connection.exec_driver_sql("DELETE FROM answers")
    assert api.ok(None, "closure", flood(), key="edit-of-closure")["entry"] == first["entry"]


RING = [[106.15, -6.85], [106.16, -6.85], [106.16, -6.84], [106.15, -6.85]]


@one_database
@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"geometry": square(107.5, -6.5, 0.01)}, "outside of the city"),
        ({"geometry": square(106.0, -6.9, 0.9)}, "larger than 30 km"),
        ({"geometry": {"type": "Polygon", "coordinates": [[RING[0], RING[2], RING[1], [106.15, -6.84], RING[0]]]}},
         "crosses itself"),
        ({"geometry": {"type": "Polygon", "coordinates": [RING[:3]]}}, "does not fit"),
        ({"geometry": {"type": "Polygon", "coordinates": [RING, RING]}}, "does not fit"),
        ({"geometry": {"type": "Polygon", "coordinates": [[*RING[:3], [106.1, -6.8]]]}}, "end where it begins"),
        ({"geometry": {"type": "MultiPolygon", "coordinates": [[RING]]}}, "does not fit"),
        ({"geometry": {"type": "LineString", "coordinates": [RING[0]] * 3}}, "no length"),
        ({"geometry": {"type": "LineString", "coordinates": [[181.0, 0.0], [0.0, 0.0]]}}, "does not fit"),
        ({"geometry": {"type": "LineString", "coordinates": [[106.15, -6.85, 3.0], [106.16, -6.85, 3.0]]}},
         "does not fit"),
        ({"geometry": {"type": "LineString", "coordinates": RING * 200}}, "does not fit"),
        ({"geometry": 7}, "does not fit"),
        ({"kind": "market"}, "kind does not fit"),
        ({"until": (START - H).isoformat(), "since": START.isoformat()}, "before it begins"),
        ({"until": "2200-01-01T00:00:00Z"}, "too far ahead"),
        ({"until": "tomorrow"}, "until does not fit"),
        ({"words": "x" * 501}, "too long"),
        ({"width_m": 0}, "does not fit"),
        ({"report": "9999"}, "no report 9999"),
        ({"seen": 3}, "no closure c1 any more"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_a_sentence(api: Api, city: City, data: dict[str, Any], words: str) -> None:
    before = city.seq()
    answer = api.edit(None, "closure", flood(**data))
    assert answer.status_code == 422, answer.text
    assert words in answer.json()["message"]
    assert city.seq() == before
    assert city.closures() == []


@one_database
def test_what_is_no_json_or_too_large_is_refused(api: Api, city: City) -> None:
    post = f"{api.url}/dispatch/v1/closures/c1/edits"
    headers = {"Idempotency-Key": "hostile-1", "Content-Type": "application/json"}
    body = json.dumps({"id": "hostile-1", "kind": "closure", "data": flood()})
    for words, status in (("NaN", 400), ("Infinity", 400), ("1e999", 400)):
        answer = requests.post(post, body.replace("106.15", words, 1), headers=headers, timeout=60)
        assert answer.status_code in (status, 422), (words, answer.text)
        assert answer.json()["message"]
    many = {"type": "LineString", "coordinates": [[106.15 + n * 1e-8, -6.85] for n in range(100_000)]}
    answer = api.edit(None, "closure", flood(geometry=many))
    assert answer.status_code == 413, answer.text
    assert api.edit(None, "closure", {"closure": "c1", "words": "x"}).status_code == 404
    other = api.session.post(
        post, json={"id": "hostile-2", "kind": "closure", "data": flood("c2")}, headers={"Idempotency-Key": "hostile-2"}
    )
    assert other.json()["message"] == "The edit names another closure than its address."
    note = api.session.post(
        post, json={"id": "hostile-3", "kind": "note", "data": {"text": "x"}}, headers={"Idempotency-Key": "hostile-3"}
    )
    assert note.status_code == 422
    assert city.closures() == []


def test_what_somebody_changed_since_is_not_overwritten_but_may_be_ended(api: Api, city: City) -> None:
    api.ok(None, "closure", flood(words="Knee-deep"))
    api.ok(None, "closure", {"closure": "c1", "seen": 1, "words": "Hip-deep"})
    late = api.edit(None, "closure", {"closure": "c1", "seen": 1, "words": "Dry"})
    assert late.status_code == 422
    assert "local has changed this closure at 08:00 UTC" in late.json()["message"]
    assert api.edit(None, "closure", flood(words="made again")).status_code == 422
    api.ok(None, "closure", {"closure": "c1", "seen": 1, "words": "Hip-deep"})
    assert found(city).words == "Hip-deep"
    unseen = api.edit(None, "closure", {"closure": "c1", "seen": 1, "ended": True})
    assert "local has changed this closure at 08:00 UTC" in unseen.json()["message"]
    assert found(city).ended is None
    api.ok(None, "closure", {"closure": "c1", "ended": True})
    assert found(city).ended is not None, "who says of no version that he saw it"
    api.ok(None, "closure", {"closure": "c1", "seen": 1, "ended": True})


def test_each_step_can_be_taken_back_once(api: Api, city: City, clock: Clock) -> None:
    made = api.ok(None, "closure", flood(until=(START + 9 * H).isoformat()))["entry"]["edit"]
    ended = api.ok(None, "closure", {"closure": "c1", "ended": True})["entry"]["edit"]
    assert api.edit(None, "closure", {"closure": "c1"}, undoes=made).status_code == 200, "it is over already"
    assert found(city).is_over(clock.now)
    gone = api.edit(None, "closure", {"closure": "c1"}, undoes=made)
    assert "taken back already" in gone.json()["message"]
    api.ok(None, "closure", flood("c2"))
    ended = api.ok(None, "closure", {"closure": "c2", "ended": True})["entry"]["edit"]
    back = api.ok(None, "closure", {"closure": "c2"}, undoes=ended)["entry"]
    assert found(city, "c2").is_in_force(city.clock())
    assert back["data"] == {"closure": "c2", "undoes": ended}
    words = api.ok(None, "closure", {"closure": "c2", "seen": 3, "words": "x"})["entry"]["edit"]
    api.ok(None, "closure", {"closure": "c2", "seen": 4, "until": (START + 4 * H).isoformat()})
    refused = api.edit(None, "closure", {"closure": "c2"}, undoes=words)
    assert "local has changed the closure since" in refused.json()["message"]
    assert found(city, "c2").words == "x"
    words = api.ok(None, "closure", {"closure": "c2", "seen": 5, "words": "y"})["entry"]["edit"]
    api.ok(None, "closure", {"closure": "c2", "ended": True})
    refused = api.edit(None, "closure", {"closure": "c2"}, undoes=words)
    assert "local has changed the closure since" in refused.json()["message"], "what was ended stays so"
    assert found(city, "c2").is_over(clock.now)


def test_an_end_that_comes_late_opens_nothing_that_was_changed_after_it(api: Api, city: City, clock: Clock) -> None:
    api.ok(None, "closure", flood(until=(START + H).isoformat()))
    decided = START + 0.1 * H
    clock.skip(hours=0.5)
    api.ok(None, "closure", {"closure": "c1", "seen": 1, "until": (START + 5 * H).isoformat(), "words": "rising"})
    end = {"closure": "c1", "seen": 1, "ended": True}
    late = api.edit(None, "closure", end, occurred_at=decided.isoformat())
    assert late.status_code == 422
    assert "local has changed this closure at 08:30 UTC" in late.json()["message"]
    assert found(city).is_in_force(clock.now)
    blind = api.edit(None, "closure", {"closure": "c1", "ended": True}, occurred_at=decided.isoformat())
    assert blind.status_code == 422, "also of who does not say what he saw"
    clock.skip(hours=0.1)
    later = api.edit(None, "closure", end, occurred_at=clock.now.isoformat())
    assert later.status_code == 422, "decided after the change, and without having seen it"
    assert found(city).is_in_force(clock.now)
    api.ok(None, "closure", end | {"seen": 2}, occurred_at=clock.now.isoformat())
    assert found(city).is_over(clock.now)


@one_database
def test_their_corners_are_never_more_than_every_console_keeps(
    api: Api, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closures, "MOST_CORNERS", 9)
    for n in range(2):
        api.ok(None, "closure", flood(f"c{n}"))
    refused = api.edit(None, "closure", flood("c2"))
    assert "more than 9 corners together: end some of them first" in refused.json()["message"]
    ended = api.ok(None, "closure", {"closure": "c1", "ended": True})["entry"]["edit"]
    api.ok(None, "closure", flood("c2"))
    assert api.edit(None, "closure", {"closure": "c1", "seen": 2, "ended": False}).status_code == 422
    refused = api.edit(None, "closure", {"closure": "c1"}, undoes=ended)
    assert "more than 9 corners together" in refused.json()["message"], "nor by an undo"


@one_database
def test_operators_and_supervisors_close_in_their_areas_and_all_read(city: City, url: str) -> None:
    names = ("operator", "supervisor", "validator", "field", "viewer")
    people = {role: Api(url, add_user(city, role, role, areas=["w1"])) for role in names}
    agency = Api(url, add_user(city, "water", "operator", agencies=["pu"]))
    in_w2 = square(106.55, -6.45, 0.01)
    for role, api in people.items():
        status = 200 if role in ("operator", "supervisor") else 403
        assert api.edit(None, "closure", flood(role)).status_code == status, role
        assert api.edit(None, "closure", flood(f"{role}2", geometry=in_w2)).status_code == 403, role
        assert api.get("/changes?after=0").status_code == 200
    agency.ok(None, "closure", flood("theirs", geometry=in_w2))
    assert people["operator"].edit(None, "closure", {"closure": "theirs", "ended": True}).status_code == 403
    moved = people["operator"].edit(None, "closure", {"closure": "operator", "seen": 1, "geometry": in_w2})
    assert moved.status_code == 403, "nobody moves one to where he may not close"
    other = agency.ok(None, "closure", {"closure": "operator", "seen": 1, "words": "deep"})["entry"]["edit"]
    assert people["operator"].edit(None, "closure", {"closure": "operator"}, undoes=other).status_code == 403
    people["supervisor"].ok(None, "closure", {"closure": "operator"}, undoes=other)
    for api in (*people.values(), agency):
        api.session.close()


def test_who_closed_what_is_in_the_audit_log(api: Api, city: City) -> None:
    edit = api.ok(None, "closure", flood(words="Pak Budi's shop"))["entry"]["edit"]
    with city.database.read() as connection:
        *_, row = audit.rows_after(connection, 0)
    assert (row.who, row.what, row.edit) == ("local", "write", edit)
    assert recorded(row.detail) == {"kind": "closure", "closure": "c1"}


def test_one_ends_by_itself_in_the_feed_and_goes_after_30_days(api: Api, city: City, clock: Clock) -> None:
    api.ok(None, "closure", flood(until=(START + H).isoformat()))
    api.ok(None, "closure", flood("c2"))
    assert city.end_closures() == 0
    clock.skip(hours=2)
    before = city.seq()
    assert city.end_closures() == 1
    assert in_feed(city, before) == [("closure", "c1")]
    assert (found(city).ended, found(city).updated_by) == (START + H, "server")
    assert not found(city, "c2").is_over(clock.now)
    assert city.end_closures() == 0, "once"
    with city.database.read() as connection:
        *_, row = audit.rows_after(connection, 0)
    assert (row.who, json.loads(row.detail)["closure"]) == ("server", "c1")
    before = city.seq()
    let_pass(city, clock, 31)
    assert ("gone", "closure/c1") in in_feed(city, before)
    assert [one.id for one in city.closures()] == ["c2"]


@one_database
def test_there_are_never_more_than_every_console_can_keep(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closures, "MOST_OPEN", 3)
    for n in range(3):
        city.apply(EditBody(f"closing-{n}", Kind.CLOSURE, data=flood(f"c{n}")), actor=LOCAL)
    with pytest.raises(Exception, match="end some of them first"):
        city.apply(EditBody("closing-3", Kind.CLOSURE, data=flood("c3")), actor=LOCAL)
    city.apply(EditBody("closing-4", Kind.CLOSURE, data={"closure": "c0", "ended": True}), actor=LOCAL)
    city.apply(EditBody("closing-5", Kind.CLOSURE, data=flood("c3")), actor=LOCAL)
    for again in (
        EditBody("closing-6", Kind.CLOSURE, data={"closure": "c0", "seen": 2, "ended": False}),
        EditBody("closing-7", Kind.CLOSURE, data={"closure": "c0"}, undoes="closing-4"),
    ):
        with pytest.raises(Exception, match="end some of them first"):
            city.apply(again, actor=LOCAL)


def test_a_served_city_ends_them_by_itself_and_wakes_who_follows(tmp_path: Path) -> None:
    with contextlib.closing(City(f"sqlite:///{tmp_path / 'city.db'}")) as city:
        city.create_schema()
        soon = datetime.now(UTC) + timedelta(seconds=1)
        city.apply(EditBody("closing-1", Kind.CLOSURE, data=flood(until=soon.isoformat())), actor=LOCAL)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(served(tmp_path, "--users", str(write_users(tmp_path))))
        api = Api(server.address, TOKENS["budi"])
        stack.callback(api.session.close)
        told = stack.enter_context(api.get("/stream", stream=True))
        for _ in told.iter_lines(chunk_size=1):
            (item,) = [one for one in api.get("/changes?after=0").json()["items"] if one["kind"] == "closure"]
            if item["data"]["ended"] is not None:
                break
        assert item["data"]["updated_by"] == "server"
