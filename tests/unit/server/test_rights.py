"""Every role with every kind of edit, in its scope and outside of it, over HTTP; and personal data by role."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa

from api_client.model import Contact, EditBody, Kind, Status, Unit, UnitState
from console.rules.edit import ON_NO_REPORT
from console.server.city import schema
from console.server.city.city import City
from console.server.city.rates import RULES
from console.server.city.records import LOCAL, LoadedReport
from console.server.city.users import Users, add_user, new_token, remove_user
from console.server.http.rate_limit import RateLimits
from tests.unit.server.conftest import START, Api, Clock, a_report, let_pass, running

ROLES = ("viewer", "operator", "supervisor", "validator", "field", "admin")
one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
UNLIMITED = dict.fromkeys(RULES, "1000000 per 1 second")


@dataclass(frozen=True)
class Case:
    """An edit, who may make it, and what has to be so before."""

    data: dict[str, Any]
    roles: tuple[str, ...]
    status: Status = Status.NEW
    before: tuple[tuple[Kind, dict[str, Any]], ...] = ()
    scoped: bool = True


DESK = ("operator", "supervisor")
CHECK = (*DESK, "validator")
CREW = (*DESK, "field")
ALL = (*DESK, "validator", "field")
UNIT = {"unit": "$unit"}
CASES = {
    Kind.CREATE: Case({"service": "talk"}, CREW, scoped=False),
    Kind.SET: Case({"priority": 1}, DESK),
    Kind.NOTE: Case({"text": "x"}, ALL),
    Kind.REPLY: Case({"text": "x"}, CHECK),
    Kind.PHOTO: Case({"sha256": "ab" * 32}, ALL),
    Kind.ME_TOO: Case({}, ALL),
    Kind.CLAIM: Case({}, CHECK),
    Kind.RELEASE: Case({}, CHECK, before=((Kind.CLAIM, {"$as": "actor"}),)),
    Kind.OFFER: Case({"to": "colleague"}, DESK),
    Kind.DECLINE: Case({}, CHECK, before=((Kind.OFFER, {"to": "$unit"}),)),
    Kind.ASSIGN: Case(UNIT, DESK),
    Kind.DISPATCH: Case(UNIT, DESK),
    Kind.RECALL: Case(UNIT, DESK, before=((Kind.DISPATCH, UNIT),)),
    Kind.PROGRESS: Case(UNIT | {"state": "acknowledged"}, CREW, before=((Kind.DISPATCH, UNIT),)),
    Kind.UNIT_STATE: Case(UNIT | {"state": "break"}, CREW),
    Kind.CLOSURE: Case({"closure": "$unit", "kind": "street", "geometry": "$line"}, DESK),
    Kind.ALARM: Case({"alarms": "$alarms", "acknowledged": True}, DESK),
    Kind.MESSAGE: Case({"to": {"role": "operator"}, "text": "x"}, ALL, scoped=False),
    Kind.READ: Case({"messages": "$read"}, ALL, before=((Kind.MESSAGE, {"to": {}, "text": "x"}),), scoped=False),
    Kind.LOG: Case({"text": "x"}, DESK, scoped=False),
    Kind.VALIDATE: Case({"accepted": True, "disposition": "done"}, CHECK, Status.VALIDATION),
    Kind.CLOSE: Case({"disposition": "spam", "reason": "x"}, DESK),
    Kind.REOPEN: Case({"reason": "x"}, CHECK, Status.RESOLVED),
    Kind.MERGE: Case({"into": "$other"}, DESK),
    Kind.UNMERGE: Case({}, DESK, before=((Kind.MERGE, {"into": "$other"}),)),
}


@pytest.fixture
def url(city: City, tmp_path: Path) -> Iterator[str]:
    add_user(city, "colleague", "operator")
    with running(city, tmp_path / "media", Users(city), limits=RateLimits(UNLIMITED)) as url:
        yield url


def scope_of(role: str, area: str) -> list[str]:
    """Where a user of the role works; an admin has no scope."""
    return [] if role == "admin" else [area]


def test_every_kind_is_in_the_table() -> None:
    assert CASES.keys() == set(Kind)


EVERYBODY = ROLES
NOW = START.isoformat()
CITY = ("supervisor", "admin")
CALLS: dict[tuple[str, str], tuple[tuple[str, ...], Any]] = {
    ("GET", "/"): (EVERYBODY, None),
    ("GET", "/openapi.json"): (EVERYBODY, None),
    ("GET", "/stats"): (EVERYBODY, None),
    ("GET", "/changes"): (EVERYBODY, None),
    ("GET", "/snapshot"): (EVERYBODY, None),
    ("GET", "/digest"): (EVERYBODY, None),
    ("GET", "/digest/{day}"): (EVERYBODY, None),
    ("GET", "/stream"): (EVERYBODY, None),
    ("GET", "/statuses"): (EVERYBODY, None),
    ("GET", "/me"): (EVERYBODY, None),
    ("GET", "/jobs"): (EVERYBODY, None),
    ("PUT", "/presence"): (EVERYBODY, {"report": None}),
    ("DELETE", "/presence"): (EVERYBODY, None),
    ("PUT", "/media/{sha256}"): (ALL, b"x"),
    ("GET", "/media/{sha256}"): (EVERYBODY, None),
    ("PUT", "/units/{unit}/position"): (CREW, {"lat": -6.85, "lon": 106.15, "at": NOW}),
    ("GET", "/messages"): (EVERYBODY, None),
    ("PUT", "/me/pin"): (EVERYBODY, {"pin": "123456"}),
    ("POST", "/callers/reports"): (CHECK, {"phone": "+62 812 3456"}),
    ("GET", "/reports/{report}/contact"): (CHECK, None),
    ("GET", "/reports/{report}/audit"): (("supervisor",), None),
    ("GET", "/reports/{report}/entries"): (EVERYBODY, None),
    ("GET", "/reports/{report}"): (EVERYBODY, None),
    ("POST", "/exports"): (
        EVERYBODY,
        {"id": "e" * 20, "at": START.isoformat(), "format": "csv", "filter": "", "rows": 0, "reports": []},
    ),
    ("POST", "/handovers/{handover}/signature"): (EVERYBODY, {"name": "x", "pin": "1"}),
    ("POST", "/handovers"): (
        DESK,
        {"id": "h" * 20, "lines": []} | dict.fromkeys(("begun", "shift_start", "shift_end"), NOW),
    ),
    ("GET", "/city"): (CITY, None),
    ("PUT", "/city"): (CITY, {}),
    ("POST", "/city/files"): (CITY, {}),
    ("POST", "/city/folder"): (CITY, {"files": {}}),
    ("PUT", "/city/draft"): (CITY, {"tab": "a", "rows": 1}),
    ("POST", "/reports/{report}/erasure"): (("supervisor",), {"reason": "asked for"}),
}
"""Every call but edits, which CASES has: who may make it, and a body for it. Who signs a hand-over says so by PIN."""


@one_database
def test_a_role_makes_its_calls_and_no_other(city: City, url: str) -> None:
    """Whatever else an answer says: 403 is for whom it is not."""
    city.load([LoadedReport(a_report("20"), contact=Contact(NAME, PHONE, EMAIL))])
    apis = {role: Api(url, add_user(city, "u1" if role == "field" else role, role)) for role in ROLES}
    paths = apis["admin"].get("/openapi.json").json()["paths"]
    there = {(method.upper(), path) for path, ways in paths.items() for method in ways if not path.endswith("edits")}
    assert there - {("POST", "/reports")} == CALLS.keys()
    for (method, path), (roles, body) in CALLS.items():
        named = {"{report}": "20", "{unit}": "u1", "{day}": "2026-03-02", "{sha256}": "0" * 64, "{handover}": "h"}
        address = path
        for name, value in named.items():
            address = address.replace(name, value)
        for role, api in apis.items():
            sent = {"data": body} if isinstance(body, bytes) else {"json": body}
            ways = sent if body is not None else {}
            with api.session.request(method, f"{url}/dispatch/v1{address}", stream=True, timeout=60, **ways) as answer:
                said = f"{role}: {method} {path}: {answer.status_code}"
                assert (answer.status_code == 403) == (role not in roles), said
                assert answer.status_code < 500, said
    for api in apis.values():
        api.session.close()


@one_database
@pytest.mark.parametrize("role", ROLES)
def test_a_role_makes_its_kinds_of_edit_in_its_scope_and_no_other(city: City, url: str, role: str) -> None:
    numbers = iter(range(1_000))
    for kind, case in CASES.items():
        offered = kind is not Kind.DECLINE or role in case.roles
        for area in ("w1", "w2") if offered and kind is not Kind.DECLINE else ("w1",):  # to others it is not offered
            number = next(numbers)
            key, unit, other = f"case{number}", f"{role}{number}", f"other{number}"
            closed = START if case.status is Status.RESOLVED else None
            report = a_report(key, area=area, service="talk", status=case.status, closed_at=closed)
            city.load([LoadedReport(report), LoadedReport(a_report(other, area=area, service="talk"))])
            city.put_units([Unit(unit, unit.upper(), UnitState.AVAILABLE, START, areas=(area,))])
            api = Api(url, add_user(city, unit, role, areas=scope_of(role, "w1")))
            corner = 106.15 if area == "w1" else 106.55, -6.85 if area == "w1" else -6.45
            line = {"type": "LineString", "coordinates": [corner, (corner[0] + 0.01, corner[1])]}
            alarms = [{"kind": "sla_breach", "about": key, "since": START.isoformat()}]
            names: dict[str, Any] = {"$unit": unit, "$other": other, "$line": line, "$alarms": alarms}
            names["$read"] = [f"before-{number}-0"]
            for step, (earlier, data) in enumerate(case.before if offered else ()):
                actor = Users(city).actor(str(api.session.headers["Authorization"])[7:]) if "$as" in data else LOCAL
                actor = type(actor)(actor.name, "supervisor")
                wanted = {
                    name: names.get(value, value) if isinstance(value, str) else value
                    for name, value in data.items()
                    if name != "$as"
                }
                city.apply(EditBody(f"before-{number}-{step}", earlier, data=wanted), report=key, actor=actor)
            version = city.report(key).version
            data = {
                name: names.get(value, value) if isinstance(value, str) else value for name, value in case.data.items()
            }
            target = None if kind is Kind.CREATE or kind in ON_NO_REPORT else key
            answer = api.edit(target, kind.value, data)
            speaks_for_itself = kind in (Kind.UNIT_STATE, Kind.PROGRESS) and role == "field"  # it was sent there
            may = role in case.roles and (area == "w1" or not case.scoped or speaks_for_itself)
            said = f"{role}, {kind.value}, {'in' if area == 'w1' else 'out of'} scope: {answer.text}"
            if may:
                assert answer.status_code in (200, 201), said
            else:
                assert answer.status_code == 403, said
                assert city.report(key).version == version, said
            api.session.close()


@one_database
def test_a_scope_limits_whose_units_one_speaks_for(city: City, url: str) -> None:
    """An operator of one agency took the fire crew of another off shift, and moved it on everybody's map."""
    city.put_units(
        [
            Unit("fire", "DMK-01", UnitState.AVAILABLE, START, agency="pu"),
            Unit("own", "BMG-01", UnitState.AVAILABLE, START, agency="lh"),
            Unit("near", "PPSU-01", UnitState.AVAILABLE, START, agency="pu", areas=("w1",)),
        ]
    )
    warden = Api(url, add_user(city, "warden", "operator", areas=["c"], agencies=["lh"]))
    chief = Api(url, add_user(city, "chief", "supervisor"))
    place = {"lat": -6.85, "lon": 106.15, "at": START.isoformat()}

    def told(api: Api, unit: str) -> tuple[int, int]:
        state = api.edit(None, "unit_state", {"unit": unit, "state": "off_shift"})
        position = api.session.put(f"{url}/dispatch/v1/units/{unit}/position", json=place, timeout=60)
        for answer in (state, position):
            assert answer.ok or "outside the areas and agencies of warden" in answer.json()["message"]
        return state.status_code, position.status_code

    assert told(warden, "fire") == (403, 403)
    assert told(warden, "own") == told(warden, "near") == told(chief, "fire") == (200, 204)
    assert city.presence.seen(START).positions.keys() == {"own", "near", "fire"}
    undo = chief.edit(None, "unit_state", {"unit": "fire", "state": "available"}, key="chief-edit-1").json()
    taken_back = warden.edit(None, "unit_state", {"unit": "fire"}, undoes=undo["entry"]["edit"])
    assert taken_back.status_code == 403
    for api in (warden, chief):
        api.session.close()


@one_database
@pytest.mark.parametrize("scope", [(["w1"], []), ([], ["pu"])], ids=["areas", "agencies"])
def test_a_crew_with_a_scope_speaks_of_its_job_wherever_it_was_sent(
    city: City, url: str, scope: tuple[list[str], list[str]]
) -> None:
    """The report was handed to another agency while the crew was on its way: it could say neither that it is there nor
    that it cannot come, and its photos were refused.
    """
    chief, crew = Api(url, add_user(city, "chief", "supervisor")), Api(url, add_user(city, "U1", "field", *scope))
    other = Api(url, add_user(city, "U2", "field", *scope))
    chief.ok("10", "set", {"area": "w1", "agency": "pu"})
    chief.ok("10", "dispatch", {"unit": "u1"})
    crew.ok("10", "progress", {"unit": "u1", "state": "en_route"})
    chief.ok("10", "set", {"area": "w2", "agency": "lh"})
    said: list[tuple[str, dict[str, Any]]] = [
        ("progress", {"unit": "u1", "state": "on_scene"}),
        ("note", {"text": "The water rises"}),
        ("photo", {"sha256": "ab" * 32, "role": "after"}),
        ("progress", {"unit": "u1", "state": "done"}),
        ("note", {"text": "The street is free"}),
    ]
    for kind, data in said:
        crew.ok("10", kind, data)
    for api, report in ((crew, "11"), (other, "10")):
        chief.ok(report, "set", {"area": "w2", "agency": "lh"})
        assert api.edit(report, "note", {"text": "x"}).status_code == 403, "it was not sent there"
    for api in (chief, crew, other):
        api.session.close()


@one_database
def test_a_crew_tells_no_photo_to_be_anothers(city: City, url: str) -> None:
    crew, desk = Api(url, add_user(city, "U1", "field")), Api(url, add_user(city, "desk", "operator"))
    proof = {"sha256": "cd" * 32, "role": "after"}
    forged = crew.edit("10", "photo", proof | {"unit": "u2"})
    assert (forged.status_code, forged.json()["message"]) == (403, "U1 may not speak for unit U2.")
    assert desk.edit("10", "photo", proof | {"unit": "none"}).status_code == 422
    assert city.report("10").photos == ()
    assert crew.ok("10", "photo", proof | {"unit": "u1"})["entry"]["unit"] == "u1"
    assert desk.ok("10", "photo", proof | {"unit": "u2"})["entry"]["unit"] == "u2"  # told by radio
    for api in (crew, desk):
        api.session.close()


@one_database
def test_a_transfer_out_of_the_scope_is_always_allowed_and_what_has_left_is_out_of_reach(city: City, url: str) -> None:
    warden = Api(url, add_user(city, "warden", "operator", areas=["w1"], agencies=["lh"]))
    assert warden.ok("10", "set", {"area": "w2"})["report"]["area"] == "w2"
    assert warden.edit("10", "set", {"area": "w1"}).status_code == 403
    assert warden.ok("11", "set", {"area": "w2", "agency": "lh"})["report"]["agency"] == "lh"
    assert warden.ok("11", "set", {"agency": "pu"})["report"]["agency"] == "pu"
    assert warden.edit("11", "note", {"text": "x"}).status_code == 403
    assert warden.get("/reports/10").status_code == 200  # the scope limits writing and personal data, not reading
    warden.session.close()


@one_database
def test_a_removed_user_and_an_old_token_are_out_at_once_and_the_history_keeps_the_name(city: City, url: str) -> None:
    old = Api(url, add_user(city, "rina", "operator"))
    add_user(city, "boss", "supervisor")
    old.ok("10", "note", {"text": "x"})
    assert old.get("/me").status_code == 200
    rina = Api(url, new_token(city, "rina"))
    assert old.get("/me").status_code == 401
    assert old.get("/changes").status_code == 401
    assert rina.get("/me").status_code == 200
    remove_user(city, "rina")
    assert rina.get("/me").status_code == 401
    assert rina.edit("10", "note", {"text": "y"}, seen=1).status_code == 401
    assert [entry.author for entry in city.entries("10") if entry.kind == "note"] == ["rina"]
    gone = [item for item in city.changes(0).items if item.kind == "gone"]
    assert [item.id for item in gone] == ["user/rina"]
    old.session.close()
    rina.session.close()


@one_database
def test_a_stream_ends_when_a_user_is_changed(city: City, url: str) -> None:
    rina = Api(url, add_user(city, "rina", "operator"))
    add_user(city, "boss", "supervisor")
    with rina.get("/stream", stream=True) as stream:
        events = stream.iter_content(None)
        said = next(events, b"")  # none of a stream that began while it was not known yet who the boss is
        assert b"event" in said or said == b""
        rina.ok("10", "note", {"text": "x"})
        remove_user(city, "rina")
        for _ in events:
            pass  # it ends by itself
    assert rina.get("/stream").status_code == 401
    rina.session.close()


@one_database
def test_a_change_of_role_or_scope_counts_at_once_and_raises_the_scope_version(city: City, url: str) -> None:
    before = city.changes(0).scope_version
    api = Api(url, add_user(city, "rina", "operator"))
    assert city.changes(0).scope_version == before
    api.session.headers["Authorization"] = f"Bearer {add_user(city, 'rina', 'viewer')}"
    assert api.edit("10", "note", {"text": "x"}).status_code == 403
    assert city.changes(0).scope_version == before + 1
    api.session.headers["Authorization"] = f"Bearer {add_user(city, 'rina', 'operator', areas=['w2'])}"
    assert api.edit("10", "note", {"text": "x"}).status_code == 403
    assert api.get("/changes").json()["scope_version"] == before + 2
    api.session.close()


NAME, PHONE, EMAIL = "Suryaningrat Pelapor", "0812 3456 7890", "pelapor@contoh.example"
CONTACT = {"name": NAME, "phone": PHONE, "email": EMAIL}


@one_database
def test_personal_data_leave_by_the_logged_address_only(
    city: City, url: str, caplog: pytest.LogCaptureFixture, clock: Clock
) -> None:
    caplog.set_level(logging.DEBUG)
    city.load([LoadedReport(a_report("20"), contact=Contact(NAME, PHONE, EMAIL))])
    token = add_user(city, "rina", "operator")
    rina = Api(url, token)
    made = rina.ok(None, "create", {"service": "talk", "description": f"Call {PHONE}", "contact": CONTACT})["report"][
        "id"
    ]
    again = rina.ok("10", "me_too", {"contact": CONTACT})
    rina.ok("10", "note", {"text": "An internal note"})
    assert EMAIL not in str(again)
    paths: tuple[str, ...] = ("/changes?after=0", "/snapshot", "/stats", "/", "/statuses", "/me", "/openapi.json")
    paths += tuple(f"/reports/{key}{part}" for key in (made, "10", "20") for part in ("", "/entries"))
    answers = [rina.get(path) for path in paths]
    answers.append(rina.edit("10", "me_too", {"contact": CONTACT | {"name": 7}}))
    answers.append(rina.edit("10", "note", {"text": "x", "contact": CONTACT}))
    for answer in answers:
        assert not any(secret in answer.text for secret in (NAME, EMAIL, token)), answer.url
    assert PHONE in rina.get(f"/reports/{made}").text  # what the reporter wrote himself is not altered for the staff
    with rina.get("/stream", stream=True) as stream:
        assert stream.status_code == 200
        events = stream.iter_lines(decode_unicode=True)
        first = [next(events) for _ in range(3)]
        assert any(first)
        assert not any(secret in line for secret in (NAME, EMAIL, PHONE) for line in first)
    for form in ("json", "xml"):
        public = requests.get(f"{url}/open311/v2/requests.{form}", timeout=60).text
        assert "Call" in public
        assert not any(secret in public for secret in (NAME, EMAIL, PHONE, "An internal note"))
    assert rina.get("/reports/20/contact").json().items() >= CONTACT.items()
    logged = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("urllib3"))
    assert not any(secret in logged for secret in (NAME, EMAIL, PHONE, token))
    rina.session.close()


@one_database
@pytest.mark.parametrize("role", ROLES)
def test_who_may_see_the_reporter(city: City, url: str, role: str) -> None:
    city.load([LoadedReport(a_report("20"), contact=Contact(NAME, PHONE, EMAIL))])
    inside, outside = (
        Api(url, add_user(city, "a", role, areas=scope_of(role, "w1"))),
        Api(url, add_user(city, "b", role, areas=scope_of(role, "w2"))),
    )
    assert inside.get("/reports/20/contact").status_code == (200 if role in CHECK else 403)
    assert outside.get("/reports/20/contact").status_code == 403
    assert inside.get("/reports/20/audit").status_code == (200 if role == "supervisor" else 403)
    inside.session.close()
    outside.session.close()


@one_database
def test_the_reporter_is_forgotten_90_days_after_closing(city: City, url: str, clock: Clock) -> None:
    city.load([LoadedReport(a_report("20"), contact=Contact(NAME, PHONE, EMAIL))])
    rina = Api(url, add_user(city, "rina", "operator"))
    rina.ok("20", "close", {"disposition": "spam", "reason": "x"})
    let_pass(city, clock, 89)
    assert rina.get("/reports/20/contact").status_code == 200
    let_pass(city, clock, 2)
    assert rina.get("/reports/20/contact").status_code == 404
    rina.session.close()
    with city.database.engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database = Path(str(city.database.url.database))
    assert NAME.encode() not in database.read_bytes()
    assert PHONE.encode() not in database.with_name(database.name + "-wal").read_bytes()


@pytest.fixture
def operators(city: City, url: str) -> Iterator[tuple[Api, Api]]:
    """Two operators."""
    first, second = (Api(url, add_user(city, name, "operator")) for name in ("ani", "budi"))
    yield first, second
    for api in (first, second):
        api.session.close()


@one_database
def test_no_report_is_hidden_behind_one_that_nobody_works_on(operators: tuple[Api, Api]) -> None:
    """A merge into a report that somebody else had closed meanwhile was taken: both were gone."""
    ani, budi = operators
    budi.ok("11", "close", {"disposition": "spam"})
    refused = ani.edit("10", "merge", {"into": "11"})
    assert (refused.status_code, "Report 11 is closed" in refused.json()["message"]) == (422, True)
    assert ani.report("10")["status"] == "new"
    budi.ok("11", "reopen", {"reason": "x"})
    assert ani.ok("10", "merge", {"into": "11"})["report"]["merged_into"] == "11"


@one_database
def test_no_hazard_is_closed_or_hidden_by_who_has_not_seen_it(operators: tuple[Api, Api]) -> None:
    """Somebody else had made it P1 ("children on the roof"); the merge of the P3 that was seen was taken."""
    ani, budi = operators
    seen = ani.report("10")["version"]
    budi.ok("10", "set", {"priority": 1})
    for kind, data in (("merge", {"into": "11"}), ("close", {"disposition": "spam"})):
        refused = ani.edit("10", kind, data, seen=seen)
        assert (refused.status_code, list(refused.json()["fields"])) == (412, ["priority"])
        assert "budi" in refused.json()["message"]
    lesser = ani.edit("10", "merge", {"into": "11"})
    assert (lesser.status_code, "make 11 P1 first" in lesser.json()["message"]) == (422, True)
    ani.ok("11", "set", {"priority": 1})
    ani.ok("10", "merge", {"into": "11"})
    mine = ani.report("12")["version"]
    ani.ok("12", "set", {"priority": 1})
    assert ani.edit("12", "close", {"disposition": "x"}, seen=mine).status_code == 200, "who raised it knows"


def api_priority(api: Api, report: str) -> int:
    return int(api.report(report)["priority"])


@one_database
def test_a_conflict_tells_what_was_not_seen_so_that_it_can_be_read(operators: tuple[Api, Api]) -> None:
    """It told "duplicates: 6", and not that one of them was a P1, nor what its caller had said."""
    ani, budi = operators
    seen = {report: ani.report(report)["version"] for report in ("10", "11")}
    budi.ok("10", "set", {"priority": 1})
    budi.ok("10", "note", {"text": "children on the roof"})
    raised = ani.edit("10", "close", {"disposition": "spam"}, seen=seen["10"]).json()["fields"]["priority"]
    assert (raised["value"], raised["who"], raised["note"]) == (1, "budi", "children on the roof")
    budi.ok("12", "set", {"priority": 1, "title": "A house burns"})
    budi.ok("11", "set", {"priority": 1, "reason": "second call"})
    raised = ani.edit("11", "close", {"disposition": "spam"}, seen=seen["11"]).json()["fields"]["priority"]
    assert raised["note"] == "second call", "what was said to the change itself"
    seen["11"] = ani.report("11")["version"]
    other = budi.ok(None, "create", {"description": "Water", "service": "road"})["report"]["id"]
    for merged in ("12", other):
        budi.ok(merged, "merge", {"into": "11"})
    for kind, data in (("set", {"priority": 3}), ("close", {"disposition": "spam"})):
        told = ani.edit("11", kind, data, seen=seen["11"]).json()["fields"]["duplicates"]
        assert (told["report"], told["priority"], told["note"]) == ("12", 1, "A house burns"), "the most urgent one"
        assert (told["who"], told["value"], told["more"]) == ("budi", 2, 1)


@one_database
def test_nothing_is_done_to_what_somebody_else_has_closed_since(operators: tuple[Api, Api]) -> None:
    """It was closed as spam, or merged, and then made P1 by who saw it open: a P1 that stood in no list."""
    ani, budi = operators
    for report, kind, data in (("10", "close", {"disposition": "spam"}), ("12", "merge", {"into": "11"})):
        seen = ani.report(report)["version"]
        budi.ok(report, kind, data)
        for mine, given in (("set", {"priority": 1}), ("claim", {})):
            refused = ani.edit(report, mine, given, seen=seen)
            assert (refused.status_code, list(refused.json()["fields"])) == (412, ["status"])
            assert "budi" in refused.json()["message"]
        assert ani.report(report)["priority"] != 1
    seen = ani.report("11")["version"]
    ani.ok("11", "close", {"disposition": "x"})
    assert ani.edit("11", "set", {"priority": 2}, seen=seen).status_code == 200, "he closed it himself"


@one_database
def test_a_report_is_not_closed_with_what_somebody_else_has_merged_into_it_since(operators: tuple[Api, Api]) -> None:
    """It was closed as not found, and the other one was gone with it."""
    ani, budi = operators
    seen = ani.report("11")["version"]
    budi.ok("10", "merge", {"into": "11"})
    refused = ani.edit("11", "close", {"disposition": "not found"}, seen=seen)
    assert (refused.status_code, list(refused.json()["fields"])) == (412, ["duplicates"])
    assert "budi has merged report 10 into 11" in refused.json()["message"]
    told = refused.json()["fields"]["duplicates"]
    assert (told["report"], told["priority"], told["more"]) == ("10", api_priority(ani, "10"), 0)
    assert ani.edit("11", "close", {"disposition": "not found"}).status_code == 200, "who has seen that may"
    budi.ok("11", "reopen", {"reason": "x"})
    seen = ani.report("11")["version"]
    ani.ok("12", "merge", {"into": "11"})
    assert ani.edit("11", "close", {"disposition": "not found"}, seen=seen).status_code == 200, "he did it himself"


@one_database
def test_what_one_did_oneself_before_hides_nothing_that_others_did_meanwhile(operators: tuple[Api, Api]) -> None:
    """All made without a network on one version: hand in and close, or merge and close. It closed a P1 unseen.

    What is not seen is named at once: who decides on one of two would be taken to have seen the other too.
    """
    ani, budi = operators
    new = ani.ok(None, "create", {"description": "Water", "service": "road"})["report"]["id"]
    seen = {report: ani.report(report)["version"] for report in (new, "11")}
    ani.ok(new, "set", {"status": "coordination"}, seen=seen[new])
    budi.ok(new, "set", {"priority": 1})
    spam = {"disposition": "spam"}
    refused = ani.edit(new, "close", spam, seen=seen[new])
    assert (refused.status_code, list(refused.json()["fields"])) == (412, ["priority"])
    budi.ok("12", "merge", {"into": "11"})
    ani.ok("10", "merge", {"into": "11"})
    refused = ani.edit("11", "close", spam, seen=seen["11"])
    assert (refused.status_code, list(refused.json()["fields"])) == (412, ["duplicates"]), "that before his own"
    ani.ok("11", "set", {"status": "coordination"}, seen=seen["11"])
    budi.ok("11", "set", {"priority": 1})
    budi.ok("11", "dispatch", {"unit": "u2"})
    refused = ani.edit("11", "close", spam, seen=seen["11"])
    assert (refused.status_code, set(refused.json()["fields"])) == (412, {"status", "priority", "duplicates", "unit"})
    assert all(words in refused.json()["message"] for words in ("status", "made report 11 P1", "has merged report 12"))


@one_database
def test_a_value_that_one_set_oneself_hides_not_that_another_set_it_too(operators: tuple[Api, Api]) -> None:
    """She made it P1 and closed it, both without a network; he had made it P1 meanwhile, for children on a roof."""
    ani, budi = operators
    seen = ani.report("10")["version"]
    budi.ok("10", "set", {"priority": 1})
    assert ani.edit("10", "set", {"priority": 1}, seen=seen).status_code == 200, "that is what he says too"
    refused = ani.edit("10", "close", {"disposition": "spam"}, seen=seen)
    assert (refused.status_code, refused.json()["fields"]["priority"]["who"]) == (412, "budi")
    back = ani.edit("10", "set", {"priority": 3}, seen=seen)
    assert (back.status_code, back.json()["fields"]["priority"]["who"]) == (412, "budi")
    seen = ani.report("11")["version"]
    for priority in (1, 3, 1, 4):
        ani.ok("11", "set", {"priority": priority}, seen=seen)
    assert ani.report("11")["priority"] == 4, "what one did oneself one knows"


@one_database
def test_what_is_set_to_closed_is_looked_at_as_what_is_closed(operators: tuple[Api, Api]) -> None:
    """A city's own program may close by `set`: a P1 that it had not seen was gone, and a crew stayed on its way."""
    ani, budi = operators
    seen = ani.report("10")["version"]
    budi.ok("10", "set", {"priority": 1})
    closed = {"status": "closed", "reason": "spam"}
    refused = ani.edit("10", "set", closed, seen=seen)
    assert (refused.status_code, list(refused.json()["fields"])) == (412, ["priority"])
    ani.ok("10", "dispatch", {"unit": "u1"})
    refused = ani.edit("10", "set", closed)
    assert (refused.status_code, "U1 is on report 10" in refused.json()["message"]) == (422, True)
    ani.ok("10", "recall", {"unit": "u1"})
    assert ani.ok("10", "set", closed)["report"]["status"] == "closed"


@one_database
def test_what_another_has_said_alike_meanwhile_is_neither_taken_back_nor_overwritten_unseen(
    operators: tuple[Api, Api],
) -> None:
    """Both made it P1; the first, by mistake, took his back, and the second's "children on the roof" was P3 again."""
    ani, budi = operators
    seen = ani.report("10")["version"]
    mine = ani.ok("10", "set", {"priority": 1})["entry"]["edit"]
    theirs = budi.ok("10", "set", {"priority": 1}, seen=seen)["entry"]["edit"]
    refused = ani.edit("10", "set", {}, undoes=mine)
    assert (refused.status_code, refused.json()["fields"]["priority"]["who"]) == (412, "budi")
    assert ani.report("10")["priority"] == 1
    budi.ok("10", "set", {}, undoes=theirs)
    ani.ok("10", "set", {}, undoes=mine)
    assert ani.report("10")["priority"] == 3, "both have taken theirs back"
    ani.ok("11", "set", {"priority": 1})
    seen = ani.report("11")["version"]
    budi.ok("11", "set", {"priority": 1})
    refused = ani.edit("11", "set", {"priority": 2}, seen=seen)
    assert (refused.status_code, refused.json()["fields"]["priority"]["who"]) == (412, "budi")


HELD = {"hold": {"reason": "waits", "waits_for": "reporter"}}


@one_database
@pytest.mark.parametrize("ending", [("merge", {"into": "11"}), ("close", {"disposition": "spam"})])
def test_a_hold_that_ended_with_its_report_is_taken_back_without_a_question(
    operators: tuple[Api, Api], ending: tuple[str, Any]
) -> None:
    """The conflict read "ani changed Hold, and so did you", with two answers alike; and it stayed on hold after all."""
    ani, budi = operators
    held = budi.ok("10", "set", HELD)["entry"]["edit"]
    ended = ani.ok("10", *ending)["entry"]["edit"]
    gone = budi.ok("10", "set", {}, undoes=held)["report"]
    assert (gone["status"], gone["hold"]) == ("closed", None)
    back = ani.ok("10", ending[0], {}, undoes=ended)["report"]
    assert (back["status"], back["hold"]) == ("new", None), "he had taken it back"


@one_database
def test_a_hold_that_came_back_with_its_report_is_taken_back_too(operators: tuple[Api, Api]) -> None:
    ani, budi = operators
    held = budi.ok("10", "set", HELD)["entry"]["edit"]
    ended = ani.ok("10", "merge", {"into": "11"})["entry"]["edit"]
    assert ani.ok("10", "merge", {}, undoes=ended)["report"]["hold"]["reason"] == "waits"
    assert budi.ok("10", "set", {}, undoes=held)["report"]["hold"] is None


@one_database
def test_a_hold_that_took_anothers_place_puts_it_back_on_no_closed_report_and_over_no_newer_word(
    operators: tuple[Api, Api],
) -> None:
    ani, budi = operators
    for key in ("10", "11"):
        ani.ok(key, "set", HELD)
        held = budi.ok(key, "set", {"hold": {"reason": "rain", "waits_for": "weather"}})["entry"]["edit"]
        ani.ok(key, *(("merge", {"into": "12"}) if key == "10" else ("set", {"hold": None})))
        answer = budi.edit(key, "set", {}, undoes=held)
        if key == "10":
            assert (answer.status_code, answer.json()["report"]["hold"]) == (200, None)
        else:
            assert answer.status_code == 412


@one_database
def test_a_hold_of_another_is_not_taken_for_ones_own(operators: tuple[Api, Api]) -> None:
    ani, budi = operators
    held = budi.ok("10", "set", HELD)["entry"]["edit"]
    ani.ok("10", "set", {"hold": {"reason": "rain", "waits_for": "weather"}})
    assert budi.edit("10", "set", {}, undoes=held).status_code == 412


@one_database
def test_a_merge_that_was_not_seen_is_not_taken_apart(operators: tuple[Api, Api]) -> None:
    """Un-merged without a network what somebody else had un-merged, and merged into another report, meanwhile."""
    ani, budi = operators
    ani.ok("10", "merge", {"into": "11"})
    seen = ani.report("10")["version"]
    budi.ok("10", "unmerge")
    budi.ok("10", "merge", {"into": "12"})
    refused = ani.edit("10", "unmerge", seen=seen)
    assert (refused.status_code, refused.json()["fields"]["merged_into"]["value"]) == (412, "12")
    assert "budi has merged report 10 anew" in refused.json()["message"]
    assert ani.ok("10", "unmerge")["report"]["merged_into"] is None


@one_database
def test_a_closed_report_that_comes_back_is_nobodys(operators: tuple[Api, Api]) -> None:
    """The water still rose, said its reporter; it was still taken by who was on leave, and in no list of others."""
    ani, budi = operators
    budi.ok("10", "claim")
    closed = budi.ok("10", "close", {"disposition": "spam"})
    assert closed["report"]["claim"]["who"] == "budi", "as long as nothing is to be done"
    assert ani.ok("10", "reopen", {"reason": "masih banjir"})["report"]["claim"] is None
    budi.ok("10", "claim")
    closing = budi.ok("10", "close", {"disposition": "spam"})["entry"]["edit"]
    assert budi.ok("10", "close", {}, undoes=closing)["report"]["claim"]["who"] == "budi"
    budi.ok("10", "close", {"disposition": "spam"})
    assert budi.ok("10", "reopen", {"reason": "my mistake"})["report"]["claim"]["who"] == "budi"


@one_database
def test_nothing_that_others_did_is_hidden_by_a_lower_priority_or_an_undo(operators: tuple[Api, Api]) -> None:
    """A P1 was merged into it, or it was made P1, and who had not seen that made it P3, or took his step back."""
    ani, budi = operators
    mine = ani.ok("10", "set", {"priority": 1})["entry"]["edit"]
    seen = ani.report("10")["version"]
    budi.ok("11", "set", {"priority": 1})
    budi.ok("11", "merge", {"into": "10"})
    for refused in (
        ani.edit("10", "set", {"priority": 3}, seen=seen),
        ani.edit("10", "set", {}, seen=seen, undoes=mine),
    ):
        assert (refused.status_code, list(refused.json()["fields"])) == (412, ["duplicates"])
    assert ani.ok("10", "set", {"priority": 2})["report"]["priority"] == 2, "who has seen that may"
    ani.ok("12", "close", {"disposition": "spam"})
    seen = ani.report("12")["version"]
    again = ani.ok("12", "reopen", {"reason": "not so"})["entry"]["edit"]
    budi.ok("12", "set", {"priority": 1})
    refused = ani.edit("12", "reopen", {}, seen=seen, undoes=again)
    assert (refused.status_code, list(refused.json()["fields"])) == (412, ["priority"])
    assert ani.report("12")["status"] == "returned"


@one_database
def test_a_merge_that_comes_back_hides_no_hazard(operators: tuple[Api, Api]) -> None:
    ani, budi = operators
    ani.ok("10", "merge", {"into": "11"})
    parted = ani.ok("10", "unmerge")["entry"]["edit"]
    budi.ok("10", "set", {"priority": 1})
    refused = ani.edit("10", "unmerge", {}, undoes=parted)
    assert (refused.status_code, "make 11 P1 first" in refused.json()["message"]) == (422, True)


def at_work(api: Api, report: str, unit: str = "u1") -> int:
    """A crew is sent and is there; the version that it has seen."""
    api.ok(report, "dispatch", {"unit": unit})
    return int(api.ok(report, "progress", {"unit": unit, "state": "on_scene"})["report"]["version"])


@one_database
@pytest.mark.parametrize("news", ["raised", "merged"])
@pytest.mark.parametrize("photo_first", [True, False])
def test_who_hands_in_without_knowing_of_the_danger_brings_no_hazard_out_of_sight(
    operators: tuple[Api, Api], clock: Clock, news: str, photo_first: bool
) -> None:
    """The crew's phone had no network while a second caller told of children on the roof: nobody was there any more."""
    ani, budi = operators
    if news == "merged":
        budi.ok("10", "set", {"priority": 1})
        budi.ok("11", "set", {"priority": 1})
    seen, then = at_work(ani, "10"), clock().isoformat()
    clock.skip(minutes=1)
    if news == "raised":
        budi.ok("10", "set", {"priority": 1})
    else:
        budi.ok("11", "merge", {"into": "10"})
    clock.skip(minutes=1)
    photo = ("photo", {"sha256": "ab" * 32, "role": "after"}, None)
    done = ("progress", {"unit": "u1", "state": "done"}, seen)
    for kind, data, version in (photo, done) if photo_first else (done, photo):
        answer = ani.edit("10", kind, data, seen=version, unversioned=version is None, occurred_at=then, late=True)
        assert (answer.status_code, answer.json()["report"]["status"]) == (200, "progress")
    citizens = ani.ok("10", "photo", {"sha256": "cd" * 32, "role": "report"})
    assert citizens["report"]["status"] == "progress", "another photo is no proof"
    ani.ok("10", "dispatch", {"unit": "u2"})
    ani.ok("10", "progress", {"unit": "u2", "state": "done"})
    assert ani.report("10")["status"] == "validation", "who was sent since knows of it"


@one_database
def test_a_photo_of_work_that_was_done_before_the_danger_hands_no_hazard_in(
    operators: tuple[Api, Api], clock: Clock
) -> None:
    """Done was told by radio; the raise was counted; the photo came when the phone was back, taken after the raise."""
    ani, budi = operators
    at_work(ani, "10")
    ani.ok("10", "progress", {"unit": "u1", "state": "done"})
    budi.ok("10", "set", {"priority": 1})
    clock.skip(minutes=1)
    photo = {"sha256": "ab" * 32, "role": "after"}
    answer = ani.edit("10", "photo", photo, unversioned=True, occurred_at=clock().isoformat(), late=True)
    assert (answer.status_code, answer.json()["report"]["status"]) == (200, "progress")


@one_database
@pytest.mark.parametrize("news", ["note", "me_too"])
@pytest.mark.parametrize("photo_first", [True, False])
def test_a_second_caller_noted_at_a_hazard_keeps_it_in_sight_of_all_but_who_has_read_it(
    operators: tuple[Api, Api], clock: Clock, news: str, photo_first: bool
) -> None:
    """It was a P1 already, so there was nothing to raise; the crew's phone had no network when the note was written."""
    ani, budi = operators
    budi.ok("10", "set", {"priority": 1})
    seen, then = at_work(ani, "10"), clock().isoformat()
    clock.skip(minutes=1)
    told = budi.ok("10", news, {"text": "SECOND HOUSE: children on the roof"} if news == "note" else {})
    clock.skip(minutes=1)
    photo = ("photo", {"sha256": "ab" * 32, "role": "after"}, None)
    done = ("progress", {"unit": "u1", "state": "done"}, seen)
    for kind, data, version in (photo, done) if photo_first else (done, photo):
        answer = ani.edit("10", kind, data, seen=version, unversioned=version is None, occurred_at=then, late=True)
        assert (answer.status_code, answer.json()["report"]["status"]) == (200, "progress")
    ani.ok("10", "dispatch", {"unit": "u2"})
    ani.ok("10", "note", {"text": "U2 goes to the second house"})
    assert told["report"]["version"] > seen
    ani.ok("10", "progress", {"unit": "u2", "state": "done"})
    assert ani.report("10")["status"] == "validation", "one's own note, and one that was read, hold nothing back"


@one_database
def test_a_note_that_was_taken_back_and_one_at_no_hazard_hold_no_work_back(operators: tuple[Api, Api]) -> None:
    ani, budi = operators
    for key, unit in (("10", "u1"), ("11", "u2")):
        seen = at_work(ani, key, unit)
        if key == "10":
            budi.ok(key, "set", {"priority": 1})
            seen = ani.report(key)["version"]
        note = budi.ok(key, "note", {"text": "wrong report"})["entry"]["edit"]
        if key == "10":
            budi.ok(key, "note", {}, undoes=note)
        ani.ok(key, "photo", {"sha256": "ab" * 32, "role": "after"})
        ani.ok(key, "progress", {"unit": unit, "state": "done"}, seen=seen)
        assert ani.report(key)["status"] == "validation"


@one_database
def test_a_step_that_takes_a_hazard_out_of_sight_is_asked_over_a_note_that_was_not_read(
    operators: tuple[Api, Api],
) -> None:
    """The second caller stood in the history, and nobody who closed, lowered or handed in the P1 had read of him."""
    ani, budi = operators
    budi.ok("12", "set", {"priority": 1})
    ani.ok("12", "set", {"status": "progress"})
    seen = ani.report("12")["version"]
    budi.ok("12", "note", {"text": "SECOND HOUSE"})
    for kind, data in (
        ("close", {"disposition": "spam"}),
        ("set", {"priority": 3}),
        ("set", {"status": "validation"}),
    ):
        refused = ani.edit("12", kind, data, seen=seen)
        assert (refused.status_code, list(refused.json()["fields"])) == (412, ["note"])
        told = refused.json()["fields"]["note"]
        assert (told["value"], told["who"], told["more"]) == ("SECOND HOUSE", "budi", 0)
    ani.ok("12", "set", {"title": "x"}, seen=seen)
    read = {"since": seen, "shown": {"note": refused.json()["version"]}}
    ani.ok("12", "set", {"status": "validation"}, about=read)


@one_database
def test_what_is_asked_over_another_step_tells_all_that_was_written_beside_it(operators: tuple[Api, Api]) -> None:
    """The form of a close named the crew that budi had sent, or why he raised it, and not what he had written."""
    ani, budi = operators
    seen = {key: ani.report(key)["version"] for key in ("10", "11")}
    budi.ok("10", "dispatch", {"unit": "u1"})
    budi.ok("11", "set", {"priority": 1, "reason": "second call"})
    for key in ("10", "11"):
        for text in ("a tree on a house", "somebody is under it"):
            budi.ok(key, "note", {"text": text})
        fields = ani.edit(key, "close", {"disposition": "spam"}, seen=seen[key]).json()["fields"]
        assert list(fields) == [*(["status", "unit"] if key == "10" else ["priority"]), "note"]
        assert [one["value"] for one in fields["note"]["all"]] == ["a tree on a house", "somebody is under it"]
        assert {one["who"] for one in fields["note"]["all"]} == {"budi"}


@one_database
@pytest.mark.parametrize("crews", [1, 2])
def test_a_done_that_came_late_knew_no_more_than_it_saw_and_nor_does_a_photo_after_it(
    operators: tuple[Api, Api], clock: Clock, crews: int
) -> None:
    """Its word was made before the raise and came after it: the photo of a page that showed a P3 handed the P1 in."""
    ani, budi = operators
    at_work(ani, "10")
    if crews == 2:
        at_work(ani, "10", "u2")
        ani.ok("10", "progress", {"unit": "u2", "state": "done"})
    seen, then = ani.report("10")["version"], clock().isoformat()
    budi.ok("10", "set", {"priority": 1})
    clock.skip(minutes=1)
    done = {"unit": "u1", "state": "done"}
    made = then if crews == 2 else clock().isoformat()  # after the raise, at a page that does not know of it
    ani.ok("10", "progress", done, seen=seen, occurred_at=made, late=True)
    clock.skip(minutes=1)
    for sha in ("ab", "cd"):
        photo = {"sha256": sha * 32, "role": "after"}
        answer = ani.edit("10", "photo", photo, unversioned=True, occurred_at=clock().isoformat(), late=True)
        assert (answer.status_code, answer.json()["report"]["status"]) == (200, "progress")
    ani.ok("10", "dispatch", {"unit": "u3"})
    ani.ok("10", "progress", {"unit": "u3", "state": "done"})
    assert ani.report("10")["status"] == "validation", "who was sent since knows of it"


@one_database
@pytest.mark.parametrize("end", ["refused", "recalled", "undone", "let go"])
def test_a_crew_that_goes_hands_no_hazard_in(operators: tuple[Api, Api], end: str) -> None:
    """The first crew had done its work when a caller told of children on the roof, and the second turned back."""
    ani, budi = operators
    at_work(ani, "10")
    sent = ani.ok("10", "assign" if end == "let go" else "dispatch", {"unit": "u2"})["entry"]["edit"]
    ani.ok("10", "photo", {"sha256": "ab" * 32, "role": "after"})
    ani.ok("10", "progress", {"unit": "u1", "state": "done"})
    assert ani.report("10")["status"] == "progress"
    budi.ok("10", "set", {"priority": 1})
    if end == "refused":
        budi.ok("10", "progress", {"unit": "u2", "state": "refused", "reason": "road flooded"})
    elif end == "undone":
        ani.ok("10", "recall", {}, undoes=sent)
    else:
        ani.ok("10", "recall", {"unit": "u2"})
    assert ani.report("10")["status"] in ("progress", "assigned")
    ani.ok("10", "dispatch", {"unit": "u3"})
    ani.ok("10", "progress", {"unit": "u3", "state": "done"})
    assert ani.report("10")["status"] == "validation"


@one_database
@pytest.mark.parametrize("ending", ["lowered", "returned"])
def test_an_undo_hands_no_hazard_in(city: City, operators: tuple[Api, Api], ending: str) -> None:
    """A lowering that was wrong was taken back, or a verdict of before the raise: the P1 awaited validation unseen."""
    ani, budi = operators
    validator = Api(ani.url, add_user(city, "vera", "validator"))
    if ending == "lowered":
        budi.ok("10", "set", {"priority": 1})
        undone, by = budi.ok("10", "set", {"priority": 3})["entry"]["edit"], budi
    at_work(ani, "10")
    ani.ok("10", "photo", {"sha256": "ab" * 32, "role": "after"})
    ani.ok("10", "progress", {"unit": "u1", "state": "done"})
    if ending != "lowered":
        verdict = {"accepted": False, "reason": "blurred"}
        undone, by = validator.ok("10", "validate", verdict)["entry"]["edit"], validator
        budi.ok("10", "set", {"priority": 1})
    back = by.ok("10", "reopen", {"reason": "x"}, undoes=undone)["report"]
    assert (back["status"], back["priority"]) == ("returned", 1)
    validator.session.close()


@one_database
@pytest.mark.parametrize("said", [(), ("acknowledged",), ("acknowledged", "en_route")], ids=len)
def test_a_crew_that_was_reserved_hears_that_its_order_was_taken_back(
    operators: tuple[Api, Api], said: tuple[str, ...]
) -> None:
    """Its job went back to reserved: it was gone from the crew's page without a word, and the crew drove on."""
    ani, budi = operators
    budi.ok("10", "assign", {"unit": "u1"})
    sent = ani.ok("10", "dispatch", {"unit": "u1"})["entry"]["edit"]
    for state in said:
        ani.ok("10", "progress", {"unit": "u1", "state": state})
    ani.ok("10", "dispatch", {"unit": "u1"}, undoes=sent)
    (job,) = ani.get("/jobs?unit=u1").json()["jobs"]
    assert job["assignment"]["state"] == "recalled"
    states = [
        item["data"]["state"] for item in ani.get("/changes?after=0").json()["items"] if item["kind"] == "assignment"
    ]
    assert sorted(states) == ["recalled", "reserved"], "it is reserved again"
    assert ani.unit("u1")["state"] == "available"


@one_database
@pytest.mark.parametrize("ending", ["close", "merge", "recall"])
@pytest.mark.parametrize("said", ["available", "off_shift", "unavailable"])
def test_a_crew_that_was_called_back_is_not_on_the_way_again_by_an_undo(
    operators: tuple[Api, Api], ending: str, said: str
) -> None:
    """It had turned back, or gone home: the P1 stood as "en route", was on no counter, and nobody came."""
    ani, _ = operators
    for key in ("10", "11"):
        ani.ok(key, "set", {"priority": 1})
    ani.ok("10", "dispatch", {"unit": "u1"})
    for state in ("acknowledged", "en_route"):
        ani.ok("10", "progress", {"unit": "u1", "state": state})
    first = next(iter(ani.get("/jobs?unit=u1").json()["jobs"]))["assignment"]
    data: dict[str, dict[str, Any]] = {
        "close": {"disposition": "spam", "release": ["u1"]},
        "merge": {"into": "11"},
        "recall": {"unit": "u1"},
    }
    ended = ani.ok("10", ending, data[ending])["entry"]["edit"]
    if said != "available":
        ani.ok(None, "unit_state", {"unit": "u1", "state": said, "reason": "home"})
    back = ani.ok("10", ending, data[ending], undoes=ended)["report"]
    jobs = [one["assignment"] for one in ani.get("/jobs?unit=u1").json()["jobs"]]
    live = [one for one in jobs if one["report"] == "10" and one["state"] not in ("recalled", "done", "refused")]
    if said == "available":
        (anew,) = live
        assert (anew["state"], anew["ordered_by"], back["status"]) == ("dispatched", "ani", "assigned")
        assert anew["id"] != first["id"], "its page tells of it as of every order"
        assert anew["ordered_at"] > first["ordered_at"]
        ani.ok("10", "progress", {"unit": "u1", "state": "acknowledged"})
    else:
        assert (live, back["status"], back["claim"], ani.unit("u1")["state"]) == ([], "new", None, said)


@one_database
def test_an_undo_that_comes_late_sends_nobody_anew(operators: tuple[Api, Api], clock: Clock) -> None:
    """It waited on a console without a network for longer than an order lives: no order would have been sent then."""
    ani, _ = operators
    ani.ok("10", "set", {"priority": 1})
    ani.ok("10", "dispatch", {"unit": "u1"})
    ended = ani.ok("10", "close", {"disposition": "spam", "release": ["u1"]})["entry"]["edit"]
    then = clock().isoformat()
    clock.skip(minutes=11)
    back = ani.ok("10", "close", {}, undoes=ended, occurred_at=then, late=True)["report"]
    assert (back["status"], back["claim"], ani.unit("u1")["state"]) == ("new", None, "available")


@one_database
@pytest.mark.parametrize("way", ["undone", "lowered"])
def test_work_that_was_held_back_is_handed_in_once_it_is_no_hazard(
    operators: tuple[Api, Api], clock: Clock, way: str
) -> None:
    """The raise was a mistake: the proof waited out of sight of who validates."""
    ani, budi = operators
    seen, then = at_work(ani, "10"), clock().isoformat()
    raised = budi.ok("10", "set", {"priority": 1})["entry"]["edit"]
    ani.ok("10", "photo", {"sha256": "ab" * 32, "role": "after"})
    late = ani.ok("10", "progress", {"unit": "u1", "state": "done"}, seen=seen, occurred_at=then, late=True)
    assert late["report"]["status"] == "progress"
    if way == "undone":
        back = budi.ok("10", "set", {}, undoes=raised)["report"]
    else:
        back = budi.ok("10", "set", {"priority": 3})["report"]
    assert (back["priority"], back["status"]) == (3, "validation")


@one_database
def test_who_takes_back_his_own_report_of_a_crew_says_how_far_it_is(city: City, operators: tuple[Api, Api]) -> None:
    """That it had refused was another crew; what the crew has said itself is not taken back for it."""
    ani, _ = operators
    chief = Api(ani.url, add_user(city, "vera", "supervisor"))
    ani.ok("10", "dispatch", {"unit": "u1"})
    ani.ok("10", "progress", {"unit": "u1", "state": "en_route"})
    refused = ani.ok("10", "progress", {"unit": "u1", "state": "refused", "reason": "x"})["entry"]["edit"]
    ani.ok("10", "progress", {}, undoes=refused)
    assert ani.unit("u1")["state"] == "en_route"
    refused = ani.ok("10", "progress", {"unit": "u1", "state": "refused", "reason": "x"})["entry"]["edit"]
    chief.ok("10", "progress", {}, undoes=refused)
    assert ani.unit("u1")["state"] == "committed", "it is to say so itself"
    refused = ani.ok("10", "progress", {"unit": "u1", "state": "refused", "reason": "x"})["entry"]["edit"]
    ani.ok(None, "unit_state", {"unit": "u1", "state": "off_shift"})
    answer = ani.edit("10", "progress", {}, undoes=refused)
    assert (answer.status_code, "“off shift” by now" in answer.json()["message"]) == (412, True)
    chief.session.close()


@one_database
def test_what_becomes_a_hazard_is_worked_on_again(operators: tuple[Api, Api]) -> None:
    """Its work was handed in while it was no hazard: it waited for a validator, and its crew had left."""
    ani, budi = operators
    at_work(ani, "10")
    seen = ani.report("10")["version"]
    ani.ok("10", "photo", {"sha256": "ab" * 32, "role": "after"})
    ani.ok("10", "progress", {"unit": "u1", "state": "done"})
    raised = budi.ok("10", "set", {"priority": 1}, seen=seen)
    assert (raised["report"]["status"], raised["entry"]["data"]["status"]) == ("returned", "returned")
    back = budi.ok("10", "set", {}, undoes=raised["entry"]["edit"])
    assert (back["report"]["status"], back["report"]["priority"]) == ("validation", 3)


@one_database
@pytest.mark.parametrize("end", ["close", "merge", "resolve"])
def test_nothing_is_made_a_hazard_where_nobody_looks(operators: tuple[Api, Api], end: str) -> None:
    """A duplicate or a closed report was made P1: its main report stayed P3, and no counter had it."""
    ani, budi = operators
    if end == "close":
        budi.ok("10", "close", {"disposition": "spam"})
    elif end == "merge":
        budi.ok("10", "merge", {"into": "11"})
    else:
        at_work(ani, "10")
        ani.ok("10", "photo", {"sha256": "ab" * 32, "role": "after"})
        ani.ok("10", "progress", {"unit": "u1", "state": "done"})
        budi.ok("10", "validate", {"accepted": True, "disposition": "dry"})
    way = {"merge": "make 11 P1, or take the merge back"}.get(end, "reopen it before you make it P1")
    refused = budi.edit("10", "set", {"priority": 1})
    assert (refused.status_code, way in refused.json()["message"]) == (422, True)
    assert budi.ok("10", "set", {"priority": 2})["report"]["priority"] == 2, "what is no danger may be corrected"
    both = budi.ok("10", "set", {"status": "returned", "reason": "x", "priority": 1})["report"]
    assert (both["status"], both["priority"]) == ("returned", 1)


@one_database
def test_an_undo_raises_nothing_that_was_closed_since(operators: tuple[Api, Api]) -> None:
    _, budi = operators
    budi.ok("10", "set", {"priority": 1})
    lowered = budi.ok("10", "set", {"priority": 3})["entry"]["edit"]
    budi.ok("10", "close", {"disposition": "spam"})
    refused = budi.edit("10", "set", {}, undoes=lowered)
    assert (refused.status_code, "reopen it before you make it P1" in refused.json()["message"]) == (422, True)
    assert budi.report("10")["priority"] == 3


@one_database
def test_who_hands_in_by_hand_has_seen_the_danger(operators: tuple[Api, Api]) -> None:
    ani, budi = operators
    ani.ok("12", "set", {"status": "progress"})
    seen = ani.report("12")["version"]
    budi.ok("12", "set", {"priority": 1})
    refused = ani.edit("12", "set", {"status": "validation"}, seen=seen)
    assert (refused.status_code, list(refused.json()["fields"])) == (412, ["priority"])


@one_database
def test_no_hazard_is_merged_into_work_that_is_done(operators: tuple[Api, Api]) -> None:
    ani, budi = operators
    for key in ("10", "11"):
        budi.ok(key, "set", {"priority": 1})
    at_work(ani, "10")
    ani.ok("10", "photo", {"sha256": "ab" * 32, "role": "after"})
    ani.ok("10", "progress", {"unit": "u1", "state": "done"})
    refused = budi.edit("11", "merge", {"into": "10"})
    assert (refused.status_code, "nobody works there any more" in refused.json()["message"]) == (422, True)
    budi.ok("11", "set", {"priority": 2})
    budi.ok("11", "merge", {"into": "10"})


@one_database
def test_own_steps_that_were_made_without_a_network_follow_one_another(operators: tuple[Api, Api]) -> None:
    ani, budi = operators
    seen = ani.report("10")["version"]
    for kind, data in (
        ("set", {"status": "coordination"}),
        ("close", {"disposition": "spam"}),
        ("reopen", {"reason": "again"}),
        ("merge", {"into": "11"}),
    ):
        ani.ok("10", kind, data, seen=seen)
    seen = ani.report("12")["version"]
    ani.ok("12", "close", {"disposition": "spam"}, seen=seen)
    budi.ok("12", "reopen", {"reason": "it burns"})
    ani.ok("12", "set", {"status": "coordination"})
    refused = ani.edit("12", "close", {"disposition": "x"}, seen=seen)
    assert (refused.status_code, list(refused.json()["fields"])) == (412, ["status"]), "budi's step between is not seen"


@one_database
def test_an_order_that_comes_late_does_not_send_a_crew_whose_job_was_ended(operators: tuple[Api, Api]) -> None:
    """As one of which the crew was told by radio, and which had no link for an hour."""
    ani, budi = operators
    seen = ani.report("10")["version"]
    budi.ok("10", "dispatch", {"unit": "u1"})
    budi.ok("10", "recall", {"unit": "u1"})
    late = ani.edit("10", "dispatch", {"unit": "u1"}, seen=seen)
    assert (late.status_code, "budi has recalled it" in late.json()["message"]) == (422, True)
    assert ani.edit("10", "dispatch", {"unit": "u1"}).status_code == 200, "who has seen that may send it again"


@one_database
def test_a_proof_is_accepted_of_what_was_seen_and_while_it_is_there(city: City, operators: tuple[Api, Api]) -> None:
    """A report made P2 since ("the water is back"), and one whose only photo its crew had taken back, were resolved."""
    ani, budi = operators
    crew, validator = Api(ani.url, add_user(city, "u1", "field")), Api(ani.url, add_user(city, "vera", "validator"))
    ani.ok("10", "dispatch", {"unit": "u1"})
    crew.ok("10", "progress", {"unit": "u1", "state": "on_scene"})
    photo, sha256 = str(uuid.uuid4()), "ab" * 32
    crew.ok("10", "photo", {"sha256": sha256, "role": "after"}, key=photo)
    crew.ok("10", "progress", {"unit": "u1", "state": "done"})
    seen = ani.report("10")["version"]
    assert ani.report("10")["status"] == "validation"
    budi.ok("10", "set", {"priority": 2})  # what becomes P1 is returned
    accepted = {"accepted": True, "disposition": "done"}
    refused = validator.edit("10", "validate", accepted, seen=seen)
    assert (refused.status_code, list(refused.json()["fields"])) == (412, ["priority"])
    crew.ok("10", "photo", {}, undoes=photo)
    gone = validator.edit("10", "validate", accepted)
    assert (gone.status_code, "was taken back" in gone.json()["message"]) == (422, True)
    assert ani.report("10")["status"] == "validation"
    validator.ok("10", "validate", {"accepted": False, "reason": "no photo"})
    for api in (crew, validator):
        api.session.close()


@one_database
def test_who_cannot_work_is_not_sent_and_stays_unable(operators: tuple[Api, Api]) -> None:
    """ "unavailable: accident" was wiped by another operator's order, or by a late word of the crew's job."""
    ani, budi = operators
    ani.ok("10", "dispatch", {"unit": "u1"})
    budi.ok(None, "unit_state", {"unit": "u1", "state": "unavailable", "reason": "accident"})
    refused = ani.edit("11", "dispatch", {"unit": "u1", "stack": True})
    assert (refused.status_code, "u1 is unavailable" in refused.json()["message"].lower()) == (422, True)
    ani.ok("10", "progress", {"unit": "u1", "state": "acknowledged"})
    assert (ani.unit("u1")["state"], ani.unit("u1")["reason"]) == ("unavailable", "accident")
    ani.ok("10", "progress", {"unit": "u1", "state": "en_route"})
    budi.ok(None, "unit_state", {"unit": "u1", "state": "available"})
    assert ani.unit("u1")["state"] == "en_route"


@one_database
def test_a_word_on_the_job_before_does_not_end_the_one_that_was_given_since(operators: tuple[Api, Api]) -> None:
    """A late "done" of a job that was recalled ended the new one, while the crew drove."""
    ani, budi = operators
    ani.ok("10", "dispatch", {"unit": "u2"})
    seen = ani.report("10")["version"]
    budi.ok("10", "recall", {"unit": "u2"})
    budi.ok("10", "dispatch", {"unit": "u2"})
    for kind, data in (("progress", {"state": "done"}), ("progress", {"state": "refused"}), ("recall", {})):
        late = ani.edit("10", kind, {"unit": "u2"} | data, seen=seen)
        assert (late.status_code, "budi has sent U2" in late.json()["message"]) == (412, True), late.text
    budi.ok("10", "progress", {"unit": "u2", "state": "en_route"})
    assert ani.ok("10", "progress", {"unit": "u2", "state": "on_scene"})["report"]["status"] == "progress"


def test_two_desks_of_one_user_see_no_more_of_one_another_than_two_users(api: Api) -> None:
    """ "local" of a server without users, or one user on two consoles: what the other did since counted as seen."""
    other = Api(api.url)
    api.ok("10", "dispatch", {"unit": "u2"})
    seen = api.report("10")["version"]
    other.ok("10", "recall", {"unit": "u2"})
    other.ok("10", "dispatch", {"unit": "u2"})
    for data in ({"state": "done"}, {"state": "refused"}):
        assert api.edit("10", "progress", {"unit": "u2"} | data, seen=seen).status_code == 412
    assert api.edit("10", "recall", {"unit": "u2"}, seen=seen).status_code == 412
    api.ok("12", "dispatch", {"unit": "u1"})
    seen = api.report("12")["version"]
    other.ok("12", "dispatch", {"unit": "u3"})
    closing = api.edit("12", "close", {"disposition": "spam", "release": ["u1"]}, seen=seen)
    assert (closing.status_code, "has sent U3" in closing.json()["message"]) == (412, True)
    seen = api.report("11")["version"]
    other.ok("11", "set", {"priority": 1})
    assert api.edit("11", "close", {"disposition": "x"}, seen=seen).status_code == 412
    other.session.close()


def test_what_waited_over_the_upgrade_follows_what_its_author_did_before_devices_were_kept(
    city: City, operators: tuple[Api, Api]
) -> None:
    """Who had raised a report before the upgrade was told, about herself, that somebody had made it P1 since."""
    ani, budi = operators
    seen = ani.report("10")["version"]
    ani.ok("10", "set", {"priority": 1})
    ani.ok("11", "set", {"priority": 1})
    with city.database.write() as connection:
        connection.execute(sa.update(schema.entries).values(device=None))
    closing = {"disposition": "spam"}
    assert budi.edit("10", "close", closing, seen=seen).status_code == 412, "it is another's"
    assert ani.edit("10", "close", closing, seen=seen, device="").status_code == 412, "it may come from anywhere"
    ani.ok("10", "close", closing, seen=seen)
    ani.ok("11", "set", {"priority": 3})
    ani.ok("11", "set", {"priority": 1}, device="another desk")
    assert ani.edit("11", "close", closing, seen=1).status_code == 412, "done since then at another desk"


def test_what_one_desk_does_follows_what_it_did_itself_and_of_no_named_desk_nothing_is_known(api: Api) -> None:
    seen = api.report("10")["version"]
    api.ok("10", "dispatch", {"unit": "u2"})
    api.ok("10", "progress", {"unit": "u2", "state": "on_scene"}, seen=seen)
    api.ok("10", "recall", {"unit": "u2"}, seen=seen)
    api.ok("11", "dispatch", {"unit": "u2"}, device="")
    assert api.edit("11", "recall", {"unit": "u2"}, seen=1, device="").status_code == 412
    assert api.ok("11", "recall", {"unit": "u2"}, device="")["report"]["status"] == "new", "of what it has seen"


@one_database
def test_a_crew_that_was_sent_unseen_is_not_left_on_a_closed_report(operators: tuple[Api, Api]) -> None:
    ani, budi = operators
    ani.ok("10", "dispatch", {"unit": "u2"})
    seen = ani.report("10")["version"]
    budi.ok("10", "dispatch", {"unit": "u3"})
    closing = {"disposition": "spam", "release": ["u2"]}
    refused = ani.edit("10", "close", closing, seen=seen)
    assert (refused.status_code, "budi has sent U3" in refused.json()["message"]) == (412, True)
    assert refused.json()["fields"]["unit"]["units"] == ["u3"]
    budi.ok("10", "set", {"priority": 1})
    refused = ani.edit("10", "close", closing | {"release": []}, seen=seen)
    assert set(refused.json()["fields"]) == {"unit", "priority"}, "all that was not seen, at once"
    ani.ok("10", "close", closing | {"release": ["u2", "u3"]})
    assert ani.unit("u3")["state"] == "available"
