"""Messages at the server: who writes to whom, who reads them, and that nobody else does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from api_client.decoding import decode
from api_client.model import Area, EditBody, Kind, Message, ReadMark, Status, Unit, UnitState
from console.server.city import audit
from console.server.city.city import City
from console.server.city.messages import conversation
from console.server.city.records import LOCAL, Actor, LoadedReport
from console.server.city.users import Users, add_user
from console.server.errors import GoneRefusal
from console.server.http.rate_limit import RateLimits
from tests.unit.server.conftest import START, Api, Clock, a_report, let_pass, running, set_back
from tests.unit.server.test_rights import UNLIMITED

DAY = timedelta(days=1)
WORDS = "The bridge gives way"
one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PEOPLE = {
    "rina": Actor("rina", "operator"),
    "west": Actor("west", "operator", areas=("w1",)),
    "east": Actor("east", "operator", areas=("w2",)),
    "works": Actor("works", "operator", agencies=("pu",)),
    "chief": Actor("chief", "supervisor"),
    "chief-east": Actor("chief-east", "supervisor", areas=("w2",)),
    "checker": Actor("checker", "validator"),
    "SDA-11": Actor("SDA-11", "field"),
    "SDA-12": Actor("SDA-12", "field"),
    "looker": Actor("looker", "viewer"),
}
"""By whom all is asked; the city has the wards w1 and w2 in the city c."""


@pytest.fixture
def city_with_crews(city: City) -> City:
    city.put_areas([Area("far", "Far ward", 3)])
    city.put_units(
        [
            Unit("unit-11", "SDA-11", UnitState.AVAILABLE, START, areas=("w1",), agency="pu"),
            Unit("unit-12", "SDA-12", UnitState.AVAILABLE, START, areas=("w2",)),
        ]
    )
    return city


def write(city: City, who: str, to: dict[str, Any], key: str = "", **more: Any) -> str:
    key = key or f"message-of-{who}-{city.seq()}"
    city.apply(EditBody(key, Kind.MESSAGE, data={"to": to, "text": WORDS, **more}), actor=PEOPLE[who])
    return key


def got(city: City, who: str) -> dict[str, Message]:
    items = city.messages(PEOPLE[who], 0).items
    return {item.id: decode(bytes(item.data), Message) for item in items if item.kind == "message"}


def marks(city: City, who: str) -> dict[str, ReadMark]:
    items = city.messages(PEOPLE[who], 0).items
    return {item.id: decode(bytes(item.data), ReadMark) for item in items if item.kind == "read_mark"}


@pytest.mark.parametrize(
    ("author", "to", "readers", "addressed"),
    [
        ("rina", {"unit": "unit-11"}, {"SDA-11", "rina", "chief"}, {"SDA-11"}),
        ("rina", {"unit": "unit-12"}, {"SDA-12", "rina", "chief", "chief-east"}, {"SDA-12"}),
        (
            "SDA-11",
            {"role": "operator"},
            {"SDA-11", "rina", "west", "works", "chief"},
            {"rina", "west", "works", "chief"},
        ),
        ("SDA-12", {"role": "operator"}, {"SDA-12", "rina", "east", "chief", "chief-east"},
         {"rina", "east", "chief", "chief-east"}),
        ("chief", {"role": "operator", "area": "c"}, {"rina", "west", "east", "works", "chief", "chief-east"},
         {"rina", "west", "east", "works"}),
        ("west", {"role": "operator", "area": "w2"}, {"west", "rina", "east", "works", "chief", "chief-east"},
         {"rina", "east", "works"}),
        ("checker", {"role": "supervisor"}, {"checker", "chief", "chief-east"}, {"chief", "chief-east"}),
        ("rina", {"role": "validator"}, {"rina", "checker", "chief", "chief-east"}, {"checker"}),
        ("rina", {"role": "field", "area": "w1"}, {"rina", "SDA-11", "chief"}, {"SDA-11"}),
        ("rina", {"area": "w1"}, {"rina", "west", "works", "chief", "checker", "SDA-11"},
         {"west", "works", "chief", "checker", "SDA-11"}),
        ("rina", {"area": "far"}, {"rina", "works", "chief", "checker"}, {"works", "chief", "checker"}),
        ("rina", {}, set(PEOPLE) - {"looker"}, set(PEOPLE) - {"looker", "rina"}),
    ],
)  # fmt: skip
@one_database
def test_it_is_read_by_whom_it_is_to_by_its_author_and_by_who_supervises_there(
    city_with_crews: City, author: str, to: dict[str, Any], readers: set[str], addressed: set[str]
) -> None:
    city = city_with_crews
    key = write(city, author, to)
    found = {who: got(city, who) for who in PEOPLE}
    assert {who for who, messages in found.items() if key in messages} == readers
    assert {who for who, messages in found.items() if any(one.to_you for one in messages.values())} == addressed
    assert {one.text for messages in found.values() for one in messages.values()} == {WORDS}


def test_no_word_of_it_is_in_what_everybody_reads(city_with_crews: City) -> None:
    city = city_with_crews
    before = city.seq()
    write(city, "rina", {"unit": "unit-11"}, report="10")
    assert {item.kind for item in city.changes(before).items} == {"entry"}
    everything = [*city.changes(0).items, *(item for item in city.snapshot().items), *city.entries("10")]
    assert all(WORDS not in str(one) for one in everything)
    with city.database.read() as connection:
        lines = audit.lines_about(connection, "10")
    assert WORDS not in str(lines)
    assert [line.detail["to"]["unit"] for line in lines if line.detail.get("kind") == "message"] == ["unit-11"]


def test_it_is_marked_once_by_each_and_a_supervisor_reads_along(city_with_crews: City) -> None:
    city = city_with_crews
    key = write(city, "rina", {"unit": "unit-11"})

    def read(who: str, *keys: str, at: timedelta = timedelta()) -> None:
        edit = EditBody(f"read-by-{who}-{city.seq()}", Kind.READ, occurred_at=START - at, data={"messages": keys})
        city.apply(edit, actor=PEOPLE[who])

    read("SDA-11", key, "there-is-none")
    read("SDA-11", key, at=timedelta(hours=1))
    read("chief", key)
    read("rina", key)
    found = marks(city, "rina")
    assert {one.who: one.addressed for one in found.values()} == {"SDA-11": True, "chief": False}
    assert found[f"{key} SDA-11"].at == START, "the first time is kept"
    assert marks(city, "SDA-11") == marks(city, "chief") == found
    assert marks(city, "east") == marks(city, "SDA-12") == {}


@pytest.fixture
def url(city_with_crews: City, tmp_path: Path) -> Iterator[str]:
    with running(city_with_crews, tmp_path / "media", Users(city_with_crews), limits=RateLimits(UNLIMITED)) as url:
        yield url


@pytest.fixture
def desk(city_with_crews: City, url: str) -> Iterator[dict[str, Api]]:
    """Everybody with a token."""
    found = {
        who: Api(url, add_user(city_with_crews, who, one.role, one.areas, one.agencies)) for who, one in PEOPLE.items()
    }
    yield found
    for api in found.values():
        api.session.close()


@one_database
def test_what_cannot_be_is_refused_and_changes_nothing(city_with_crews: City, desk: dict[str, Api]) -> None:
    city = city_with_crews
    key = write(city, "rina", {"unit": "unit-11"})
    unit = Unit("unit-13", "SDA-13", UnitState.AVAILABLE, START, valid_to=START)
    city.put_units([unit])
    orphan = Api(desk["rina"].url, add_user(city, "SDA-99", "field"))
    to: dict[str, Any] = {"unit": "unit-11"}
    cases: list[tuple[Api, str, dict[str, Any], int, str]] = [
        (desk["looker"], "message", {"to": {}, "text": "x"}, 403, "viewer"),
        (desk["looker"], "read", {"messages": [key]}, 403, "viewer"),
        (desk["SDA-11"], "message", {"to": {"unit": "unit-12"}, "text": "x"}, 403, "operator only"),
        (desk["SDA-11"], "message", {"to": {}, "text": "x"}, 403, "operator only"),
        (desk["SDA-11"], "message", {"to": {"area": "w1"}, "text": "x"}, 403, "operator only"),
        (orphan, "message", {"to": {"role": "operator"}, "text": "x"}, 403, "no unit"),
        (desk["checker"], "message", {"to": to, "text": "x"}, 403, "operator, supervisor, validator only"),
        (desk["east"], "message", {"to": to, "text": "x"}, 403, "outside"),
        (desk["SDA-12"], "read", {"messages": [key]}, 404, "no such message"),
        (desk["east"], "read", {"messages": ["there-is-none"]}, 404, "no such message"),
        (desk["rina"], "message", {"to": {"unit": "unit-13"}, "text": "x"}, 404, "no unit"),
        (desk["rina"], "message", {"to": {"unit": "none"}, "text": "x"}, 404, "no unit"),
        (desk["rina"], "message", {"to": {"area": "none"}, "text": "x"}, 404, "no area"),
        (desk["rina"], "message", {"to": to, "text": "x", "report": "9999"}, 404, "no report"),
        (desk["rina"], "message", {"to": {"unit": "unit-11", "role": "operator"}, "text": "x"}, 422, "both"),
        (desk["rina"], "message", {"to": {"role": "viewer"}, "text": "x"}, 422, "viewer"),
        (desk["rina"], "message", {"text": "x"}, 422, "to is missing"),
        (desk["rina"], "message", {"to": to, "text": " \n "}, 422, "empty"),
        (desk["rina"], "message", {"to": to, "text": "x" * 2001}, 422, "too long"),
        (desk["rina"], "read", {"messages": []}, 422, "messages"),
        (desk["rina"], "read", {"messages": [f"message-{n}" for n in range(201)]}, 422, "messages"),
        (desk["rina"], "note", {"text": "x"}, 422, "kind"),
    ]
    before = city.seq()
    for api, kind, data, status, words in cases:
        path = "/messages/edits"
        body = {"id": "the-same-key", "kind": kind, "data": data}
        answer = api.session.post(
            f"{api.url}/dispatch/v1{path}", json=body, headers={"Idempotency-Key": "the-same-key"}, timeout=60
        )
        assert (answer.status_code, words in answer.json()["message"]) == (status, True), (data, answer.text)
    undone = desk["rina"].edit(None, "message", {"to": to, "text": "x"}, undoes=key)
    assert (undone.status_code, "not taken back" in undone.json()["message"]) == (422, True)
    late = desk["rina"].edit(None, "message", {"to": to, "text": "x"}, expires_at=(START - DAY).isoformat())
    assert (late.status_code, late.json()["error"]) == (422, "expired")
    orphan.session.close()
    assert city.seq() == before


@one_database
def test_each_reads_his_own_by_http_page_by_page(city_with_crews: City, desk: dict[str, Api]) -> None:
    city = city_with_crews
    keys = [write(city, "rina", to) for to in ({"unit": "unit-11"}, {"unit": "unit-12"}, {}, {"unit": "unit-11"})]

    def page(who: str, after: int, limit: int) -> Any:
        return desk[who].get(f"/messages?after={after}&limit={limit}").json()

    found: list[str] = []
    after, more = 0, True
    while more:
        answer = page("SDA-11", after, 1)
        assert answer["upto"] > after
        found += [item["id"] for item in answer["items"]]
        after, more = answer["upto"], answer["more"]
    assert found == [keys[0], *keys[2:]]
    assert page("SDA-11", after, 9)["items"] == []
    assert page("looker", 0, 9)["items"] == []
    assert desk["rina"].get(f"/messages?after={city.seq() + 1}").status_code == 410
    assert requests.get(f"{desk['rina'].url}/dispatch/v1/messages", timeout=60).status_code == 401
    with pytest.raises(GoneRefusal):
        city.messages(PEOPLE["rina"], city.seq() + 1)


@one_database
def test_what_a_phone_with_a_wrong_clock_writes_is_kept(city_with_crews: City, clock: Clock) -> None:
    """Its clock had begun anew in 1970, or stood at last winter: within the hour the call for help was dropped."""
    city = city_with_crews
    right = START - 6 * DAY
    for key, at in (("of-1970", START - 20000 * DAY), ("of-winter", START - 100 * DAY), ("in-time", right)):
        body = EditBody(key, Kind.MESSAGE, data={"to": {"role": "operator"}, "text": WORDS}, occurred_at=at)
        city.apply(body, actor=PEOPLE["SDA-11"])
    city.tidy()
    found = got(city, "rina")
    assert set(found) == {"of-1970", "of-winter", "in-time"}
    assert found["in-time"].at == right
    assert all(found[key].at >= START for key in ("of-1970", "of-winter"))
    let_pass(city, clock, 91)
    assert not got(city, "rina")


def test_they_go_after_90_days_and_those_of_a_report_with_it(city_with_crews: City, clock: Clock) -> None:
    city = city_with_crews
    closed = START - DAY
    city.load(
        [LoadedReport(a_report("over", status=Status.RESOLVED, closed_at=closed)), LoadedReport(a_report("open"))]
    )
    for name, report in (("alone", None), ("kept-open", "open"), ("kept-over", "over")):
        write(city, "rina", {"unit": "unit-11"}, key=f"message-{name}", **({"report": report} if report else {}))
    city.apply(EditBody("read-them-all", Kind.READ, data={"messages": ["message-alone"]}), actor=PEOPLE["SDA-11"])
    before = city.seq()
    let_pass(city, clock, 89)
    city.tidy()
    assert len(got(city, "rina")) == 3
    let_pass(city, clock, 1)
    city.tidy()
    assert set(got(city, "rina")) == {"message-kept-open"}
    assert marks(city, "rina") == {}
    gone = {item.id for item in city.changes(before).items if item.kind == "gone"}
    assert gone == {"message/message-alone", "message/message-kept-over"}
    assert city.apply(
        EditBody("read-what-is-there", Kind.READ, data={"messages": ["message-kept-open"]}), actor=LOCAL
    ).status == 200  # fmt: skip


def test_a_crew_gets_its_newest_messages_with_its_jobs(city_with_crews: City, desk: dict[str, Api]) -> None:
    city = city_with_crews
    to_crew = write(city, "rina", {"unit": "unit-11"}, report="10")
    to_all = write(city, "chief", {})
    answer = write(city, "SDA-11", {"role": "operator"})
    write(city, "rina", {"unit": "unit-12"})
    write(city, "SDA-12", {"role": "operator"})
    write(city, "rina", {"role": "validator"})

    def told(who: str, unit: str = "unit-11") -> dict[str, tuple[bool, bool]]:
        page = desk[who].get(f"/jobs?unit={unit}").json()
        return {one["message"]["id"]: (one["message"]["to_you"], one["read"] is not None) for one in page["messages"]}

    assert told("SDA-11") == {to_crew: (True, False), to_all: (True, False), answer: (False, False)}
    assert list(told("SDA-11")) == [to_crew, to_all, answer], "the oldest first"
    desk["SDA-11"].ok(None, "read", {"messages": [to_crew]})
    assert told("SDA-11") == {to_crew: (True, True), to_all: (True, False), answer: (False, False)}
    desk["rina"].ok(None, "read", {"messages": [answer]})
    assert told("SDA-11")[answer] == (False, True), "by whom it is to"
    assert told("chief") == {to_crew: (False, False), answer: (True, False)}, "of another's unit what is of it"
    assert told("east") == told("looker") == {}


@one_database
def test_what_is_to_a_unit_is_not_crowded_out_by_what_is_to_all(city_with_crews: City) -> None:
    city = city_with_crews
    order = write(city, "rina", {"unit": "unit-11"})
    to_all = [write(city, "rina", {}) for _ in range(4)]
    (unit,) = (one for one in city.units() if one.id == "unit-11")
    found = conversation(city.database, PEOPLE["SDA-11"], unit, city.clock(), START - DAY, 3)
    assert [message.id for message, _ in found] == [order, *to_all[1:]]


@one_database
def test_a_city_of_before_finds_the_messages_of_its_units(city_with_crews: City) -> None:
    city = city_with_crews
    for to in ({"unit": "unit-11"}, {}):
        write(city, "rina", to)
    write(city, "SDA-12", {"role": "operator"})
    set_back(city, "0013")
    city.create_schema()
    with city.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT unit FROM messages ORDER BY seq").scalars()
        assert list(rows) == ["unit-11", None, "unit-12"]
