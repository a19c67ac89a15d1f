"""Earlier reports of one caller, found by his telephone number: for whom, how it is spelled, what is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from api_client.model import Contact, Status
from console.server.city import audit
from console.server.city.audit_chain import verify
from console.server.city.callers import MOST_OF_A_CALLER
from console.server.city.city import City
from console.server.city.rates import CALLER
from console.server.city.records import LoadedReport
from console.server.city.users import Users, add_user
from console.server.http.rate_limit import RateLimits
from tests.unit.server.conftest import Api, Clock, a_report, let_pass, recorded, running

PHONE = "0812-3456-7890"
one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def url(city: City, tmp_path: Path) -> Iterator[str]:
    limits = RateLimits({CALLER: "12 per 1 hour"})
    with running(city, tmp_path / "media", Users(city), limits=limits) as url:
        yield url


def found(api: Api, phone: str) -> list[str]:
    answer = api.session.post(f"{api.url}/dispatch/v1/callers/reports", json={"phone": phone}, timeout=60)
    assert answer.status_code == 200, answer.text
    assert "phone" not in answer.text
    return list(answer.json()["reports"])


def status_of(api: Api, phone: object) -> int:
    body = {"phone": phone}
    return api.session.post(f"{api.url}/dispatch/v1/callers/reports", json=body, timeout=60).status_code


def rows(city: City) -> list[tuple[str, str | None, object]]:
    with city.database.read() as connection:
        log = [row for row in audit.rows_after(connection, 0) if row.what == audit.CALLER]
    return [(row.who, row.object, recorded(row.detail)) for row in log]


def test_they_are_found_however_the_number_is_spelled_the_newest_first(city: City, url: str, clock: Clock) -> None:
    city.load(
        [
            LoadedReport(replace(a_report("20"), created=clock.now), contact=Contact("Sari", "+62 812 3456 7890")),
            LoadedReport(a_report("21"), contact=Contact("Budi", "0822 3456 7890")),
            LoadedReport(a_report("22"), contact=Contact("Ani")),
        ]
    )
    rina = Api(url, add_user(city, "rina", "operator"))
    clock.skip(hours=1)
    made = rina.ok(None, "create", {"service": "talk", "description": "x", "contact": {"phone": PHONE}})["report"]["id"]
    rina.ok("10", "me_too", {"contact": {"phone": "62 81234567890"}})
    for spelled in (PHONE, "+6281234567890", "(0812) 3456 7890"):
        assert found(rina, spelled) == [made, "20", "10"]
    assert found(rina, "0822-3456-7890") == ["21"]
    assert found(rina, "0899 000 000") == []
    assert rows(city)[-5:] == [
        *(("rina", key, {"found": True}) for key in (made, "20", "10")),
        ("rina", "21", {"found": True}),
        ("rina", None, {"found": False}),
    ]
    with city.database.read() as connection:
        assert verify(connection).fault == ""
        log = [row.detail for row in audit.rows_after(connection, 0)]
    assert not any("3456" in detail for detail in log), "the number itself is nowhere in it"
    rina.session.close()


@one_database
def test_only_who_may_see_contacts_finds_them_and_only_in_his_scope(city: City, url: str) -> None:
    loaded = [
        LoadedReport(a_report(key, area=area), contact=Contact("", PHONE)) for key, area in (("20", "w1"), ("21", "w2"))
    ]
    city.load(loaded)
    scopes: dict[str, list[str]] = {"operator": ["w2"], "supervisor": [], "validator": [], "viewer": [], "field": []}
    for role, areas in scopes.items():
        api = Api(url, add_user(city, role, role, areas=areas))
        if role in ("viewer", "field"):
            assert status_of(api, PHONE) == 403
        else:
            assert found(api, PHONE) == (["21"] if areas else ["21", "20"])
        api.session.close()
    assert {who for who, _, _ in rows(city)} == {"operator", "supervisor", "validator"}
    nobody = Api(url)
    assert status_of(nobody, PHONE) == 401
    nobody.session.close()


@one_database
def test_numbers_cannot_be_tried_and_what_is_none_is_refused(city: City, url: str) -> None:
    rina = Api(url, add_user(city, "rina", "operator"))
    boss = Api(url, add_user(city, "boss", "supervisor"))
    for phone in ("112", "", "no number at all", "x" * 501, 7, None):
        assert status_of(rina, phone) == 422
    while (status := status_of(rina, PHONE)) == 200:
        assert len(rows(city)) < 20
    assert status == 429
    assert found(boss, PHONE) == []
    for api in (rina, boss):
        api.session.close()


@one_database
def test_the_newest_of_many_are_told_and_none_whose_contact_was_dropped(city: City, url: str, clock: Clock) -> None:
    many = [a_report(str(100 + number)) for number in range(MOST_OF_A_CALLER + 1)]
    city.load([LoadedReport(one, contact=Contact("", PHONE)) for one in many])
    rina = Api(url, add_user(city, "rina", "operator"))
    answer = rina.session.post(f"{url}/dispatch/v1/callers/reports", json={"phone": PHONE}, timeout=60).json()
    assert (len(answer["reports"]), answer["more"]) == (MOST_OF_A_CALLER, True)
    city.load(
        [LoadedReport(a_report("300", status=Status.CLOSED, closed_at=clock.now), contact=Contact("", "0877 123 4567"))]
    )
    assert found(rina, "0877 123 4567") == ["300"]
    let_pass(city, clock, 91)
    assert found(rina, "0877 123 4567") == []
    rina.session.close()
