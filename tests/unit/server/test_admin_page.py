"""The administration page's server: who is shown the page, which pages may write, drafts on an older city, folders."""

from __future__ import annotations

import base64
import io
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from msgspec.structs import replace

from api_client.model import Agency, Calendar, Clock, ClockState, Report, Service, Sla, Status
from console.server.admin.apply import apply_setup, compare_setup, present_setup
from console.server.admin.folder import read_folder
from console.server.admin.folder_out import write_folder, write_starter
from console.server.admin.goals import becomes_late
from console.server.admin.sent_folder import SentFolder, packed_folder, read_sent
from console.server.admin.setup import CitySetup, UnitRecord
from console.server.city import rates
from console.server.city.city import City
from console.server.city.records import COMMAND_LINE, AdminPage, CitizenOptions
from console.server.city.setup_work import DraftNote, note_draft
from console.server.city.users import Users, add_user
from console.server.errors import Invalid
from console.server.http.rate_limit import RateLimits
from tests.unit.server.conftest import START, Api, running
from tests.unit.server.conftest import Clock as SetClock

one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PUBLIC = "reports.example.org"
AS_A_BROWSER = {"Accept": "text/html"}


@one_database
def test_there_is_no_page_without_an_admin_nor_for_whom_it_is_not_meant(city: City, tmp_path: Path) -> None:
    """It is there for this computer by its own names, for everybody where that is wanted, and never when it is off."""
    passed_on, elsewhere = {"X-Forwarded-For": "10.0.0.7"}, {"Host": PUBLIC}
    for mode, shown in ((AdminPage.OFF, ()), (AdminPage.LOCAL, ({},)), (AdminPage.PUBLIC, ({}, passed_on, elsewhere))):
        city.database.engine.dispose()
        with running(city, tmp_path / "media", Users(city), admin_page=mode) as url:
            if mode is AdminPage.OFF:
                assert requests.get(f"{url}/admin", timeout=60).status_code == 404
                add_user(city, "ani", "admin")
            for headers in ({}, passed_on, elsewhere):
                for path in ("/admin", "/admin/js/admin.js"):
                    answer = requests.get(url + path, headers=AS_A_BROWSER | headers, timeout=60)
                    assert answer.status_code == (200 if headers in shown else 404), (mode, headers, path)
                    assert "unsafe" not in answer.headers["Content-Security-Policy"]
                    assert "admin" not in answer.text or answer.ok
    with running(city, tmp_path / "media", Users(city)) as url:
        assert requests.get(f"{url}/admin", timeout=60).ok
        assert requests.get(f"{url}/admin/../admin/%2e%2e/index.html", timeout=60).status_code == 404


@one_database
@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ({}, True),
        ({"Host": "city.internal"}, True),  # a program that is no browser
        ({"Origin": "$url", "Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://[::1"}, False),
        ({"Origin": "http://127.0.0.1:1"}, False),
        ({"Origin": "http://evil.example", "Host": "evil.example"}, False),  # its name leads here by now
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Origin": f"https://{PUBLIC}", "Host": PUBLIC}, None),
    ],
)
def test_a_browser_sets_the_city_up_from_the_servers_own_page_only(
    city: City, tmp_path: Path, headers: dict[str, str], taken: bool | None
) -> None:
    """Also with a valid token; at the name that the city's people know only where the page is for everybody."""
    token = add_user(city, "ani", "admin")
    for mode in (AdminPage.LOCAL, AdminPage.PUBLIC) if taken is None else (AdminPage.LOCAL,):
        citizens = CitizenOptions(address=f"https://{PUBLIC}")
        with running(city, tmp_path / "media", Users(city), admin_page=mode, citizens=citizens) as url:
            told = {name: value.replace("$url", url) for name, value in headers.items()}
            api = Api(url, token)
            answer = api.session.put(f"{url}/dispatch/v1/city?dry_run=true", json={}, headers=told, timeout=60)
            expected = mode is AdminPage.PUBLIC if taken is None else taken
            assert answer.status_code == (200 if expected else 403), answer.text
            api.session.close()


def test_without_users_no_write_is_taken_by_a_name_that_is_not_this_computers(api: Api) -> None:
    """A page of a name that leads to this computer by now (DNS rebinding) is same-origin for its browser."""
    body = {"id": "a-new-report", "kind": "create", "data": {"service": "talk"}}
    for headers in ({"Host": "evil.example"}, {"Host": "evil.example:8311", "Origin": "http://evil.example:8311"}):
        for method, path, sent in (
            ("POST", "/reports", body),
            ("PUT", "/city", {"name": "Mine"}),
            ("PUT", "/presence", {"report": None}),
            ("DELETE", "/presence", None),
            ("POST", "/exports", {}),
            ("PUT", f"/media/{'0' * 64}", None),
        ):
            keyed = headers | {"Idempotency-Key": "a-new-report"}
            answer = api.session.request(method, f"{api.url}/dispatch/v1{path}", json=sent, headers=keyed, timeout=60)
            assert answer.status_code == 403, path


def test_a_draft_on_an_older_city_is_not_applied(city: City, api: Api) -> None:
    """Somebody else's change to another row of the list would be undone by it."""
    whole = api.get("/city")
    mark, units = whole.headers["ETag"], whole.json()["units"]
    assert api.get("/city", headers={"If-None-Match": mark}).status_code == 304
    address = f"{api.url}/dispatch/v1/city"
    units[0]["name"] = "Pumps"
    assert api.session.put(address, json={"units": units}, headers={"If-Match": mark}, timeout=60).ok
    units[0]["name"], units[1]["name"] = "", "Boats"
    for query in ("?dry_run=true", ""):
        answer = api.session.put(address + query, json={"units": units}, headers={"If-Match": mark}, timeout=60)
        assert (answer.status_code, answer.json()["error"]) == (412, "city_changed")
    assert [unit.name for unit in present_setup(city).units or ()] == ["Pumps", "", ""]


def test_a_fault_tells_its_row_and_a_change_what_hangs_on_it(city: City, clock: SetClock) -> None:
    present = present_setup(city)
    service = (present.services or ())[0]
    apply_setup(
        city, CitySetup(services=(replace(service, skills=("pump",)), *(present.services or ())[1:])), COMMAND_LINE
    )
    units = list(present.units or ())
    with pytest.raises(Invalid) as refused:
        compare_setup(city, CitySetup(units=(*units, UnitRecord("u9", agency="nobody"))))
    assert [(one.part, one.at, one.field) for one in refused.value.more["places"]] == [("units", 3, "agency")]
    units[0] = replace(units[0], skills=("pump", "saw"))
    changes = compare_setup(city, CitySetup(units=(*units, UnitRecord("u9", skills=("pump",))))).changes
    assert [(one.key, one.note) for one in changes] == [
        ("u1", "its skills fit 2 open reports more"),
        ("u9", "its skills fit 2 open reports"),
    ]
    road, *others = present.services or ()
    clock.skip(hours=2)
    said = []
    for hours in (1, 3):
        sla = {"*": replace(road.sla["*"], first_response_s=hours * 3600)}
        done = compare_setup(city, CitySetup(services=(replace(road, sla=sla, priority=1), *others)))
        said += [one.note for one in done.changes]
        slow = [note for note in done.notes if "is life and safety, but has 3h until somebody decides" in note]
        assert len(slow) == (hours == 3)
    kept = "2 open reports; they have the new targets from their next change on"
    assert said == [
        f"{kept}; 2 of them would be late by those; they keep their priority",
        f"{kept}; they keep their priority",
    ]


def test_late_by_new_targets_is_who_has_less_time_left_than_they_take_away() -> None:
    """In the hours that count; who is late already and who waits on hold with enough left are not among them."""
    hours = Calendar("day", "UTC", ((480, 960),) * 7)
    service = Service("road", "Road", sla={"*": Sla(None, 8 * 3600, None, (), "day")})

    def late(left_h: float, *, target_h: int = 16, state: ClockState = ClockState.RUNNING) -> bool:
        """With so many hours until it is due, at 15:00."""
        now = START.replace(hour=15)
        due = now + timedelta(hours=left_h)
        given = {"left_s": int(left_h * 3600)} if state is ClockState.PAUSED else {"due": due}
        finish = Clock("finish", state, START, target_h * 3600, **given)
        report = Report("1", 1, Status.NEW, "road", 3, "", START, START, clocks=(finish,))
        return becomes_late(report, service, {"day": hours}, now)

    assert late(23), "7 of those 23 hours count"
    assert not late(48)
    assert not late(1, target_h=4), "it has more time now"
    assert not late(-1)
    assert late(7, state=ClockState.PAUSED)
    assert not late(9, state=ClockState.PAUSED)


@one_database
def test_a_folder_travels_whole_and_one_file_of_it_says_nothing_of_the_rest(city: City, tmp_path: Path) -> None:
    write_starter(tmp_path / "starter")
    apply_setup(city, replace(read_folder(tmp_path / "starter").setup, users=None), COMMAND_LINE)
    present = present_setup(city)
    write_folder(tmp_path / "export", present)
    packed = packed_folder(present)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert files == {file.name: file.read_bytes() for file in (tmp_path / "export").iterdir()}
    for sent in (files, {"all.ZIP": packed}, {f"city\\{name}": body for name, body in files.items()}):
        reading = read_sent(sent_as(sent), CitySetup())
        assert (reading.setup, reading.faults) == (present, ())
    services = read_sent(sent_as({"services.csv": files["services.csv"]}), present)
    assert services.faults == ()
    assert services.setup == CitySetup(services=tuple(replace(one, attributes=()) for one in present.services or ()))
    wrong = read_sent(sent_as({"unit.csv": b"id", "agencies.csv": b"x,y\n1,2\n", "notes.pdf": b""}), present)
    assert {fault.partition(":")[0].partition(",")[0] for fault in wrong.faults} == {"unit.csv", "agencies.csv"}


def sent_as(files: dict[str, bytes]) -> SentFolder:
    return SentFolder({name: base64.b64encode(body).decode() for name, body in files.items()})


def a_zip(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return out.getvalue()


@pytest.mark.parametrize(
    "sent",
    [
        {"a.zip": b"PK\x03\x04 no such thing"},
        {"a.zip": a_zip(**{f"{n}.txt": b"" for n in range(1_200)})},
        {"a.zip": a_zip(**{"units.csv": bytes(20_000_001), "city.toml": bytes(20_000_000)})},
        {"a.zip": a_zip(**{f"{n}/agencies.csv": b"code,name\n" for n in range(2)})},
    ],
    ids=["no zip", "many files", "too large", "one name twice"],
)
def test_what_is_no_folder_is_refused(sent: dict[str, bytes]) -> None:
    with pytest.raises(Invalid):
        read_sent(sent_as(sent), CitySetup())
    with pytest.raises(Invalid):
        read_sent(SentFolder({"units.csv": "abc"}), CitySetup())


def test_a_way_out_of_the_folder_is_no_file_of_it() -> None:
    """Neither a name with folders, nor one that a ZIP bears."""
    sent: dict[str, Any] = {
        "../../units.csv": b"id,code\nu1,U1\n",
        "..": b"",
        "x.zip": a_zip(**{"../limits.toml": b""}),
    }
    reading = read_sent(sent_as(sent), CitySetup())
    assert reading.faults == ()
    assert (reading.setup.units, reading.setup.limits) == ((UnitRecord("u1", "U1"),), ())


def test_an_open_draft_is_known_to_others_and_forgotten_and_what_was_applied_is_listed(
    city: City,
    clock: SetClock,
) -> None:
    note_draft(city.database, "ani", DraftNote("a", 2), clock())
    began = clock.now
    for one in ("desk-1", "desk-2"):
        city.presence.look("rina", None, clock(), one)
    assert city.presence.count_consoles(clock()) == 2
    clock.skip(minutes=2)
    assert city.presence.count_consoles(clock()) == 0, "they say nothing any more"
    assert note_draft(city.database, "ani", DraftNote("a", 3), clock()).drafts == (), "one's own is no other one"
    (seen,) = note_draft(city.database, "budi", DraftNote("b", 0), clock()).drafts
    assert (seen.who, seen.since, seen.rows) == ("ani", began, 3)
    note_draft(city.database, "ani", DraftNote("a", 0), clock())
    assert note_draft(city.database, "budi", DraftNote("b", 1), clock()).drafts == ()
    clock.skip(minutes=4)
    assert note_draft(city.database, "ani", DraftNote("a", 1), clock()).drafts == (), "its page says nothing any more"
    for name in ("Roads", "Roads and drains"):
        apply_setup(city, CitySetup(agencies=(Agency("pu", name), Agency("lh", "Environment"))), COMMAND_LINE)
    applied = note_draft(city.database, "ani", DraftNote("a", 0), clock()).applied
    assert [(one.who, one.changed) for one in applied] == [("command line", {"agencies": 1})] * 2
    assert applied[0].at > applied[1].at


@one_database
def test_the_addresses_of_folders(city: City, tmp_path: Path) -> None:
    with running(city, tmp_path / "media", Users(city)) as url:
        api = Api(url, add_user(city, "ani", "admin"))
        packed = api.session.post(f"{url}/dispatch/v1/city/files", json=api.get("/city").json(), timeout=60)
        assert packed.headers["Content-Type"] == "application/zip"
        sent = {"files": {"city.zip": base64.b64encode(packed.content).decode()}}
        assert api.session.post(f"{url}/dispatch/v1/city/folder", json=sent, timeout=60).json() == {
            "setup": api.get("/city").json(),
            "faults": [],
        }
        api.session.close()


@one_database
def test_tables_are_for_who_sets_the_city_up_and_tokens_in_forms_are_counted(city: City, tmp_path: Path) -> None:
    tokens = {role: add_user(city, role, role) for role in ("admin", "operator")}
    city.name = "<b>Town</b>"
    apply_setup(city, CitySetup(name="<b>Town</b>"), COMMAND_LINE)
    limits, told = RateLimits({rates.SIGN_IN: "2 per 1 hour"}), {"X-Forwarded-For": "203.0.113.7"}
    everybody = AdminPage.PUBLIC
    with running(city, tmp_path, Users(city), admin_page=everybody, limits=limits, behind_proxy=True) as url:

        def asked(token: str, **headers: str) -> requests.Response:
            return requests.post(f"{url}/admin/tables", data={"token": token}, headers=told | headers, timeout=60)

        shown = asked(tokens["admin"], Origin=url)
        assert "&lt;b&gt;Town" in shown.text
        assert "<b>" not in shown.text
        assert asked(tokens["admin"], Origin="https://evil.example").status_code == 403
        assert asked(tokens["operator"]).status_code == 403
        assert [asked(f"wrong{n}").status_code for n in range(3)] == [401, 401, 429]
