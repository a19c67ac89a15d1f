"""What is a secret of a citizen, or of anybody who signs in, is in no answer but his own: all addresses, all roles."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

import requests
import sqlalchemy as sa

from api_client.model import EditBody, Kind
from console.rules.edit import ON_NO_REPORT
from console.rules.rights import ROLES
from console.server.city import audit, schema
from console.server.city.audit_chain import verify
from console.server.city.city import City
from console.server.city.clients import add_client
from console.server.city.records import Actor, CitizenOptions, Posting
from console.server.city.report_key import reporter_id
from console.server.city.users import Users, add_user
from tests.helpers.pictures import picture
from tests.unit.server.conftest import Api, running, set_back

PAGE_KEY, FORM_KEY, AGAIN_KEY = (str(uuid.uuid4()) for _ in range(3))
PHONE, EMAIL = "081234567890", "siti@warga.example"
MAY_REVEAL = {"operator", "supervisor", "validator"}
FORBIDDEN = (401, 403)


def sent_by_citizens(url: str, client: str) -> list[str]:
    """A report from the page with a photo, and one from a program; the numbers."""
    contact = {"name": "Siti", "phone": PHONE, "email": EMAIL}
    new = {"key": PAGE_KEY, "service": "road", "description": "A hole.", "lat": -6.85, "lon": 106.15} | contact
    page = requests.post(f"{url}/public/v1/reports", json=new, timeout=60)
    assert page.status_code == 201, page.text
    number = page.json()["number"]
    photo = requests.put(
        f"{url}/public/v1/reports/{number}/photos/1",
        data=picture(),
        headers={"Idempotency-Key": PAGE_KEY},
        timeout=10,
    )
    assert photo.status_code == 201, photo.text
    form = {"service_code": "road", "description": "Another", "lat": "-6.85", "long": "106.15", "api_key": client}
    form |= {"phone": PHONE, "email": EMAIL}
    program = requests.post(
        f"{url}/open311/v2/requests.json", data=form, headers={"Idempotency-Key": FORM_KEY}, timeout=60
    )
    assert program.status_code == 201, program.text
    return [number, program.json()[0]["service_request_id"]]


def filled(path: str, reports: list[str], photo: str) -> list[str]:
    """The addresses of one operation, with what stands in them."""
    places = {"report": reports, "unit": ["u1"], "day": ["2026-03-02"], "sha256": [photo]}
    names = re.findall(r"{(\w+)}", path)
    if not names:
        return [path]
    return [path.replace("{" + names[0] + "}", value) for value in places[names[0]]]


def test_no_secret_is_in_an_answer_to_anybody_else(city: City, tmp_path: Path) -> None:
    tokens = {role: add_user(city, f"the {role}", role) for role in ROLES if role != "citizen"}
    client = add_client(city, "FixMyStreet")
    with running(city, tmp_path / "media", Users(city), citizens=CitizenOptions(Posting.KEYED)) as url:
        reports = sent_by_citizens(url, client)
        photo = city.report(reports[0]).photos[0].sha256 or ""
        supervisor = Api(url, tokens["supervisor"])
        supervisor.ok(reports[1], "create", {}, undoes=city.entries(reports[1])[0].edit)
        supervisor.ok(reports[0], "dispatch", {"unit": "u1"})
        secrets = [PAGE_KEY, FORM_KEY, client, PHONE, EMAIL, *tokens.values()]
        asked = 0
        for role, token in [*tokens.items(), ("nobody", None)]:
            api = Api(url, token)
            everything = [
                f"/dispatch/v1{address}"
                for path, ways in api.get("/openapi.json").json()["paths"].items()
                if "get" in ways and path != "/stream"
                for address in filled(path, reports, photo)
            ]
            everything += ["/dispatch/v1/changes?after=0", "/dispatch/v1/digest?from=2026-03-01&to=2026-03-03"]
            everything += [
                f"/open311/v2/{name}.{form}"
                for form in ("json", "xml")
                for name in ("requests", "servicerequestupdates", "services", "discovery", *_both("requests", reports))
            ]
            everything += [f"/public/v1/{name}" for name in ("city", "areas", *_both("reports", reports))]
            everything += [
                "/public/v1/map?bbox=106,-7,107,-6&zoom=10",
                f"/public/v1/reports/{reports[0]}/photos/{photo}",
            ]
            for address in everything:
                answer = api.session.get(url + address, timeout=60)
                assert answer.status_code < 500, address
                said = answer.text + str(answer.headers)
                own = {PHONE, EMAIL} if address.endswith("/contact") and role in MAY_REVEAL else set()
                assert [each for each in secrets if each in said and each not in own] == [], (role, address)
                asked += answer.status_code == 200
            for event in _first_events(api) if token else []:
                assert not any(each in event for each in secrets)
            api.session.close()
        assert asked > 150
        supervisor.session.close()
        whole = requests.get(f"{url}/dispatch/v1/reports/{reports[0]}/contact", timeout=60)
        assert whole.status_code in FORBIDDEN


WRITTEN: dict[Kind, dict[str, object]] = {
    Kind.NOTE: {"text": "x"},
    Kind.REPLY: {"text": "x"},
    Kind.SET: {"priority": 2},
    Kind.DISPATCH: {"unit": "u1"},
    Kind.ASSIGN: {"unit": "u1"},
    Kind.RECALL: {"unit": "u1"},
    Kind.PROGRESS: {"unit": "u1", "state": "acknowledged"},
    Kind.VALIDATE: {"accepted": False, "reason": "x"},
    Kind.CLOSE: {"disposition": "done"},
}


def test_no_secret_is_in_the_answer_to_what_anybody_writes(city: City, tmp_path: Path) -> None:
    """Whatever is written and by whom: taken, refused, said again by another, or no sense at all."""
    tokens = {role: add_user(city, f"the {role}", role) for role in ROLES if role != "citizen"}
    client = add_client(city, "FixMyStreet")
    with running(city, tmp_path / "media", Users(city), citizens=CitizenOptions(Posting.KEYED)) as url:
        reports = sent_by_citizens(url, client)
        secrets = [PAGE_KEY, FORM_KEY, client, PHONE, EMAIL, *tokens.values()]
        answered: dict[bool, int] = {True: 0, False: 0}

        def look(answer: requests.Response, *about: object) -> None:
            assert answer.status_code < 500, (answer.text, about)
            said = answer.text + str(answer.headers)
            assert [each for each in secrets if each in said] == [], about
            answered[answer.ok] += 1

        for role, token in [*sorted(tokens.items(), key=lambda one: one[0] != "supervisor"), ("nobody", None)]:
            api = Api(url, token)
            for report in reports:
                for kind in Kind:
                    unit = {"unit": "u1", "state": "break"}  # stands in the address too
                    for data in (
                        (
                            {
                                **unit,
                                "closure": "c1",
                                "to": {"unit": "u1"},
                                "text": "x",
                                "messages": ["message-1"],
                                "alarms": [{"kind": "silent", "about": "u1", "since": "2026-03-02T08:00:00Z"}],
                            },
                        )
                        if kind in ON_NO_REPORT
                        else (WRITTEN.get(kind, {}), {"text": 7, "unit": []})
                    ):
                        key = f"{kind.value}-{report}-{len(data)}"  # said again by who is asked next
                        look(api.edit(report, kind.value, data, seen=1, key=key), role, kind)
                        look(api.edit(report, kind.value, data, seen=city.report(report).version), role, kind)
                for way, path in (
                    ("post", "exports"),
                    ("put", "city"),
                    ("put", "presence"),
                    ("put", "units/u1/position"),
                ):
                    for body in ({}, {"report": report, "reports": [report], "lat": -6.2, "lon": 106.8, "reason": "x"}):
                        look(api.session.request(way, f"{url}/dispatch/v1/{path}", json=body, timeout=60), role, path)
            api.session.close()
        key = str(uuid.uuid4())
        for report in reports:
            public = f"{url}/public/v1/reports/{report}"
            look(requests.post(f"{public}/not-solved", json={"key": key, "report_key": key}, timeout=60), report)
            photo = requests.put(f"{public}/photos/2", data=picture(), headers={"Idempotency-Key": key}, timeout=60)
            look(photo, report)
            update = {"service_request_id": report, "status": "OPEN", "description": "x", "update_id": key}
            look(requests.post(f"{url}/open311/v2/servicerequestupdates.json", data=update, timeout=60), report)
        form = {"service_code": "road", "description": "Another", "lat": "-6.85", "long": "106.15"}
        for more in ({}, {"api_key": "wrong"}):
            look(requests.post(f"{url}/open311/v2/requests.json", data=form | more, timeout=60), more)
        assert min(answered.values()) > 20


def _both(name: str, reports: list[str]) -> list[str]:
    return [f"{name}/{report}" for report in reports]


def _first_events(api: Api) -> list[str]:
    with api.get("/stream", stream=True) as stream:
        lines = stream.iter_lines(chunk_size=1)
        return [next(lines).decode() for _ in range(4)]


def test_what_the_history_shows_does_not_make_anybody_the_reporter(city: City, tmp_path: Path) -> None:
    token, viewer = add_user(city, "rina", "supervisor"), add_user(city, "vera", "viewer")
    client = add_client(city, "FixMyStreet")
    with running(city, tmp_path / "media", Users(city), citizens=CitizenOptions(Posting.KEYED)) as url:
        number, _ = sent_by_citizens(url, client)
        rina, vera = Api(url, token), Api(url, viewer)
        rina.ok(number, "close", {"disposition": "done"})
        seen = [entry["edit"] for entry in vera.get(f"/reports/{number}/entries").json()]
        edits = [each for shown in seen for each in (shown, shown.rpartition(".")[0], shown.partition(":")[2]) if each]
        for each in edits:
            said = {"key": str(uuid.uuid4()), "report_key": each}
            refused = requests.post(f"{url}/public/v1/reports/{number}/not-solved", json=said, timeout=60)
            assert refused.status_code in (403, 422), each
        assert city.report(number).status.value == "closed"
        own = {"key": AGAIN_KEY, "report_key": PAGE_KEY}
        assert requests.post(f"{url}/public/v1/reports/{number}/not-solved", json=own, timeout=60).status_code == 201
        rina.session.close()
        vera.session.close()


OLD_KEY = "0b6f3f3e-8a64-4d8f-9a1e-0f2f4f6a8c11"
CONSOLES = "5c1f3f3e-8a64-4d8f-9a1e-0f2f4f6a8c22"


def test_an_older_citys_secrets_are_taken_out_and_what_consoles_made_stays(city: City, tmp_path: Path) -> None:
    citizen = Actor("citizen", "citizen", via="page")
    data = {"service": "road", "description": "x", "address": "y", "channel": "web"}
    theirs = city.apply(EditBody(OLD_KEY, Kind.CREATE, data=data), actor=citizen).answer.report
    assert theirs is not None
    photo = {"sha256": "0" * 64, "role": "report", "size": 3}
    city.apply(EditBody(f"{OLD_KEY}.photo-1", Kind.PHOTO, data=photo), report=theirs.id, actor=citizen)
    ours = city.apply(EditBody(CONSOLES, Kind.CREATE, data=data | {"channel": "phone"})).answer.report
    assert ours is not None
    before = city.seq()
    set_back(city, "0003")
    city.create_schema()
    edits = {entry.edit for entry in city.entries(theirs.id)}
    assert edits == {reporter_id(OLD_KEY), f"{reporter_id(OLD_KEY)}.photo-1"}
    assert {entry.edit for entry in city.entries(ours.id)} == {CONSOLES}
    news = city.changes(before).items
    assert {item.kind for item in news} == {"entry"}
    assert all(OLD_KEY.encode() not in bytes(item.data) for item in city.changes(0).items)
    with city.database.read() as connection:
        assert not connection.scalar(sa.select(schema.answers.c.key).where(schema.answers.c.key.startswith(OLD_KEY)))
        assert verify(connection).broken is None
        lines = audit.lines_about(connection, theirs.id)
    assert OLD_KEY not in str(lines)
    with running(city, tmp_path / "media", Users(city)) as url:  # the device that sent it is still its reporter
        sent = requests.put(
            f"{url}/public/v1/reports/{theirs.id}/photos/2",
            data=picture(),
            headers={"Idempotency-Key": OLD_KEY},
            timeout=10,
        )
        assert sent.status_code == 201, sent.text
        new = {"key": OLD_KEY, "service": "road", "description": "x", "address": "y"}
        again = requests.post(f"{url}/public/v1/reports", json=new, timeout=60)
        assert (again.status_code, again.json()) == (201, {"number": theirs.id})
