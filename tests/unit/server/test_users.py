"""Who may do what: tokens, roles, scopes, and the loopback server without users."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from api_client.model import User
from console.server.admin.apply import apply_setup, compare_setup
from console.server.admin.setup import CitySetup, UserRecord
from console.server.city import audit, change_watcher, schema
from console.server.city.city import City
from console.server.city.records import COMMAND_LINE, LoadedReport
from console.server.city.users import Users, add_user, list_users, load_users, remove_user
from console.server.errors import Invalid
from tests.unit.server.conftest import Api, Clock, a_report, running


@pytest.fixture
def url(city: City, tmp_path: Path) -> Iterator[str]:
    with running(city, tmp_path / "media", Users(city)) as url:
        yield url


def test_without_users_everybody_is_the_local_supervisor_but_no_foreign_page_is(url: str) -> None:
    api = Api(url)
    assert api.get("/me").json() == {"name": "local", "role": "supervisor", "agencies": [], "areas": []}
    assert api.get("/me", headers={"Host": "evil.example"}).status_code == 403
    assert api.get("/me", headers={"Origin": "https://evil.example"}).status_code == 403
    assert api.get("/stream", headers={"Origin": "https://evil.example"}).status_code == 403
    api.session.close()


def test_with_users_every_address_but_the_counts_needs_a_token(city: City, url: str) -> None:
    token = add_user(city, "rina", "operator")
    nobody, wrong, rina = Api(url), Api(url, "wrong"), Api(url, token)
    for path in ("/changes", "/snapshot", "/stream", "/me", "/reports/10", "/reports/10/contact", f"/media/{'0' * 64}"):
        assert nobody.get(path).status_code == 401, path
        assert wrong.get(path).status_code == 401, path
    assert (nobody.get("/stats").status_code, nobody.get("/").status_code) == (200, 200)
    assert rina.get("/me").json()["name"] == "rina"
    assert rina.ok("10", "note", {"text": "x"})["entry"]["author"] == "rina"
    with city.database.read() as connection:
        kept = [repr(connection.execute(sa.select(table)).all()) for table in schema.metadata.sorted_tables]
    assert "rina" in "".join(kept)
    assert token not in "".join(kept)
    for api in (nobody, wrong, rina):
        api.session.close()


def test_the_last_admin_stays_whoever_would_take_the_role_away(city: City) -> None:
    """By command, by a file of users, by the set-up of the city; once there is one."""
    add_user(city, "rina", "operator")
    add_user(city, "chief", "supervisor")
    token = add_user(city, "ani", "admin")
    for areas, agencies in (["w1"], []), ([], ["pu"]):
        with pytest.raises(Invalid, match="whole city"):
            add_user(city, "budi", "admin", areas, agencies)
    with pytest.raises(Invalid, match="last admin"):
        remove_user(city, "ani")
    with pytest.raises(Invalid, match="last admin"):
        add_user(city, "ani", "supervisor")
    for users in (
        (UserRecord("chief", "supervisor"),),
        (UserRecord("ani", "viewer"), UserRecord("chief", "supervisor")),
    ):
        with pytest.raises(Invalid, match="last admin"):
            compare_setup(city, CitySetup(users=users))
    assert Users(city).actor(token).role == "admin"
    apply_setup(city, CitySetup(users=(UserRecord("budi", "admin"),)), COMMAND_LINE)
    assert [user.name for user in list_users(city)] == ["budi"]
    with pytest.raises(Invalid, match="last admin"):
        remove_user(city, "budi")


def test_roles_say_what_and_scopes_say_where(city: City, url: str) -> None:
    viewer = Api(url, add_user(city, "v", "viewer"))
    warden = Api(url, add_user(city, "w", "operator", areas=["w2"]))
    mayor = Api(url, add_user(city, "m", "operator", areas=["c"]))
    crew = Api(url, add_user(city, "u1", "field"))
    assert viewer.edit("10", "note", {"text": "x"}).status_code == 403
    assert warden.edit("10", "note", {"text": "x"}).status_code == 403
    assert warden.get("/reports/10/contact").status_code == 403
    assert mayor.ok("10", "set", {"area": "w2"})["report"]["area"] == "w2"
    assert warden.ok("10", "set", {"area": "w1"})["report"]["area"] == "w1"  # out of his scope: always allowed
    assert warden.edit("10", "set", {"area": "w2"}).status_code == 403
    mayor.ok("10", "dispatch", {"unit": "u1"})
    assert crew.ok("10", "progress", {"unit": "u1", "state": "en_route"})["report"]["status"] == "assigned"
    assert crew.edit("10", "progress", {"unit": "u2", "state": "en_route"}).status_code == 403
    assert crew.edit("10", "set", {"priority": 1}).status_code == 403
    for api in (viewer, warden, mayor, crew):
        api.session.close()


def test_claims_are_compared_and_set(city: City, url: str) -> None:
    rina, budi = Api(url, add_user(city, "rina", "operator")), Api(url, add_user(city, "budi", "operator"))
    boss = Api(url, add_user(city, "boss", "supervisor"))
    rina.ok("10", "claim")
    rina.ok("10", "claim")
    taken = budi.edit("10", "claim")
    assert (taken.status_code, taken.json()["fields"]["claim"]["who"]) == (412, "rina")
    assert budi.edit("10", "release").status_code == 403
    assert boss.ok("10", "release")["report"]["claim"] is None
    assert budi.ok("10", "claim")["report"]["claim"]["who"] == "budi"
    for api in (rina, budi, boss):
        api.session.close()


def test_an_older_release_that_comes_late_leaves_a_newer_claim(city: City, url: str, clock: Clock) -> None:
    """F34, I3: a supervisor who was offline cannot have meant a claim he did not know of (rules/apply.py: _release)."""
    budi, boss = Api(url, add_user(city, "budi", "operator")), Api(url, add_user(city, "boss", "supervisor"))
    before, seen = clock().isoformat(), boss.report("10")["version"]
    budi.ok("10", "claim")
    late = boss.edit("10", "release", occurred_at=before, late=True, seen=seen)
    assert (late.status_code, late.json()["fields"]["claim"]["who"]) == (412, "budi")
    assert boss.ok("10", "release", occurred_at=clock().isoformat(), seen=seen)["report"]["claim"] is None


def test_a_claim_that_was_seen_is_released_whatever_the_clocks_say(city: City, url: str, clock: Clock) -> None:
    """A console knows the time to half a second: a release within that of the claim was an endless conflict."""
    budi, boss = Api(url, add_user(city, "budi", "operator")), Api(url, add_user(city, "boss", "supervisor"))
    before = clock().isoformat()
    budi.ok("10", "claim")
    assert boss.ok("10", "release", occurred_at=before)["report"]["claim"] is None
    budi.ok("10", "claim")
    rina = Api(url, add_user(city, "rina", "operator"))
    refused = rina.edit("10", "release")
    assert (refused.status_code, boss.report("10")["claim"]["who"]) == (403, "budi")
    assert "only budi or a supervisor" in refused.json()["message"]
    rina.session.close()
    for api in (budi, boss):
        api.session.close()


def test_an_older_word_on_a_unit_that_comes_late_is_a_conflict(city: City, url: str, clock: Clock) -> None:
    """F34, I3: which crew can go is what was said last, not what came last (side_effects.py: change_unit)."""
    rina, budi = Api(url, add_user(city, "rina", "operator")), Api(url, add_user(city, "budi", "operator"))
    before = clock().isoformat()
    budi.ok(None, "unit_state", {"unit": "u1", "state": "unavailable", "reason": "Pump broken"})
    free = {"unit": "u1", "state": "available"}
    late = rina.edit(None, "unit_state", free, occurred_at=before, late=True)
    told = late.json()["fields"]["state"]
    assert (late.status_code, told["who"], told["value"], told["reason"]) == (412, "budi", "unavailable", "Pump broken")
    assert (rina.unit("u1")["state"], rina.unit("u1")["reason"]) == ("unavailable", "Pump broken")
    same = {"unit": "u1", "state": "unavailable", "reason": "Pump broken"}
    rina.ok(None, "unit_state", same, occurred_at=before)
    budi.ok(None, "unit_state", {"unit": "u1", "state": "break"}, occurred_at=before, late=True)
    between = clock().isoformat()
    rina.ok(None, "unit_state", free, occurred_at=between)
    assert rina.unit("u1")["state"] == "available", "his came earlier, and hers was said later"
    for api in (rina, budi):
        api.session.close()


def test_an_older_word_on_a_unit_that_comes_late_does_not_undo_its_work(city: City, url: str, clock: Clock) -> None:
    """A crew that had just worked was sent off shift by a word of five hours ago, and was recommended nowhere."""
    rina, budi = Api(url, add_user(city, "rina", "operator")), Api(url, add_user(city, "budi", "operator"))
    before = clock().isoformat()
    clock.skip(hours=5)
    budi.ok("10", "dispatch", {"unit": "u1"})
    budi.ok("10", "progress", {"unit": "u1", "state": "on_scene"})
    budi.ok("10", "progress", {"unit": "u1", "state": "done"})
    off = {"unit": "u1", "state": "off_shift"}
    late = rina.edit(None, "unit_state", off, occurred_at=before, late=True)
    told = late.json()["fields"]["state"]
    assert (late.status_code, told["who"], told["value"]) == (412, "budi", "available")
    assert "worked on report 10 since" in late.json()["message"]
    assert rina.unit("u1")["state"] == "available"
    clock.skip(minutes=1)
    rina.ok(None, "unit_state", off, occurred_at=clock().isoformat())
    assert rina.unit("u1")["state"] == "off_shift", "said after the work"
    for api in (rina, budi):
        api.session.close()


@pytest.mark.parametrize("going", ["removed", "lowered"])
def test_what_somebody_had_taken_who_may_no_longer_waits_for_anybody(city: City, url: str, going: str) -> None:
    """It was taken by nobody for good: no operator could take it, nor release it."""
    budi, rina = Api(url, add_user(city, "budi", "operator")), Api(url, add_user(city, "rina", "operator"))
    budi.ok("10", "claim")
    rina.ok("11", "claim")
    before = city.seq()
    if going == "removed":
        remove_user(city, "budi")
    else:
        add_user(city, "budi", "viewer")
    assert [rina.report(key)["claim"] is None for key in ("10", "11")] == [True, False]
    told = city.changes(before).items
    assert [item.id for item in told if item.kind == "report"] == ["10"], "who follows the feed is told"
    last = rina.get("/reports/10/entries").json()[-1]
    assert (last["kind"], last["author"], "budi" in last["text"]) == ("release", "command line", True)
    assert rina.ok("10", "claim")["report"]["claim"]["who"] == "rina"
    with city.database.read() as connection:
        of_it = [row.detail for row in audit.rows_about(connection, "10") if row.who == last["author"]]
        assert [msgspec.json.decode(detail) for detail in of_it] == [{"kind": "release", "of": "budi"}]
    for api in (budi, rina):
        api.session.close()


def as_before(city: City, name: str, areas: tuple[str, ...] = ()) -> None:
    """A user as versions wrote him that released nothing then."""
    row = schema.row_of(User(name, "operator"), city.seq()) | {
        "token_hash": hashlib.sha256(name.encode()).hexdigest(),
        "areas": msgspec.json.encode(areas),
        "agencies": b"[]",
    }
    with city.database.write() as connection:
        city.database.upsert(connection, schema.users, [row])


@pytest.mark.parametrize("known", ["when it is changed", "at the next start"])
def test_what_somebody_had_taken_outside_his_new_areas_waits_for_anybody(city: City, url: str, known: str) -> None:
    """It stayed taken by him, who could not release it: no operator could take it, and it counted as taken."""
    budi, rina = Api(url, add_user(city, "budi", "operator")), Api(url, add_user(city, "rina", "operator"))
    budi.ok("10", "claim")
    rina.ok("11", "claim")
    before = city.seq()
    if known == "when it is changed":
        add_user(city, "budi", "operator", ["w2"])
    else:
        as_before(city, "budi", ("w2",))
        city.tidy()
        city.tidy()
    assert [rina.report(key)["claim"] is None for key in ("10", "11")] == [True, False]
    assert [item.id for item in city.changes(before).items if item.kind == "report"] == ["10"]
    (last,) = [one for one in rina.get("/reports/10/entries").json() if one["kind"] == "release"]
    author = {"when it is changed": "command line", "at the next start": "server"}[known]
    assert (last["author"], last["text"]) == (author, "budi may work on this report no longer.")
    assert rina.ok("10", "claim")["report"]["claim"]["who"] == "rina"
    for api in (budi, rina):
        api.session.close()


@pytest.mark.parametrize("areas", [["w1"], ["c"], []])
def test_what_lies_in_his_new_areas_stays_taken(city: City, url: str, areas: list[str]) -> None:
    budi = Api(url, add_user(city, "budi", "operator"))
    budi.ok("10", "claim")
    add_user(city, "budi", "operator", areas)
    city.tidy()
    assert city.report("10").claim is not None
    budi.session.close()


@pytest.mark.parametrize("by", ["himself", "a supervisor", "an undo"])
def test_what_goes_out_of_its_holders_areas_waits_for_anybody_at_once(city: City, url: str, by: str) -> None:
    """It stayed his, who may do nothing to it, for up to an hour: in no unassigned list, and told to nobody."""
    budi = Api(url, add_user(city, "budi", "operator", ["w1"]))
    rina = Api(url, add_user(city, "rina", "supervisor"))
    if by == "an undo":
        city.load([LoadedReport(a_report("20", area="w2"))])
        moved = rina.ok("20", "set", {"area": "w1"})
        key = "20"
        budi.ok(key, "claim")
        answer = rina.ok(key, "note", {"text": "undo"}, undoes=moved["entry"]["edit"])
    else:
        key = "10"
        budi.ok(key, "claim")
        answer = (budi if by == "himself" else rina).ok(key, "set", {"area": "w2", "priority": 2})
    assert (answer["report"]["area"], answer["report"]["claim"]) == ("w2", None)
    assert answer["report"] == rina.report(key)
    last = rina.get(f"/reports/{key}/entries").json()[-1]
    assert (last["kind"], last["text"]) == ("release", "budi may work on this report no longer.")
    assert last["author"] == ("budi" if by == "himself" else "server")
    with city.database.read() as connection:
        edit, release = list(audit.rows_after(connection, 0))[-2:]
    assert (edit.object, edit.who) == (key, "budi" if by == "himself" else "rina")
    assert (release.object, release.who) == (key, last["author"])
    assert rina.ok(key, "claim")["report"]["claim"]["who"] == "rina"
    for api in (budi, rina):
        api.session.close()


@pytest.mark.parametrize("data", [{"area": "w1"}, {"agency": "lh"}, {"place": {"lat": -6.85, "lon": 106.15}}])
def test_what_stays_in_its_holders_areas_stays_his(city: City, url: str, data: dict[str, Any]) -> None:
    budi = Api(url, add_user(city, "budi", "operator", ["w1"]))
    budi.ok("10", "claim")
    budi.ok("10", "set", data)
    assert budi.report("10")["claim"]["who"] == "budi"
    budi.session.close()


@pytest.mark.parametrize("known", ["with the first user", "at the next start"])
def test_what_was_taken_without_users_waits_for_anybody_once_there_are_users(city: City, url: str, known: str) -> None:
    """It stayed taken by "local", who is nobody then: no operator could take or release it, and nothing counted it."""
    nobody = Api(url)
    nobody.ok("10", "claim")
    city.tidy()
    assert city.report("10").claim is not None, "while everybody is local"
    if known == "with the first user":
        add_user(city, "budi", "operator")
    else:
        as_before(city, "budi")
        city.tidy()
    assert city.report("10").claim is None
    rina = Api(url, add_user(city, "rina", "operator"))
    (last,) = [one for one in rina.get("/reports/10/entries").json() if one["kind"] == "release"]
    assert last["text"] == "local may take reports no longer."
    assert rina.ok("10", "claim")["report"]["claim"]["who"] == "rina"
    for api in (nobody, rina):
        api.session.close()


def test_who_may_still_take_reports_keeps_what_he_has_taken(city: City, url: str) -> None:
    budi = Api(url, add_user(city, "budi", "operator"))
    budi.ok("10", "claim")
    add_user(city, "budi", "supervisor")
    assert city.report("10").claim is not None
    budi.session.close()


def test_nobody_validates_the_proof_that_he_delivered(city: City, url: str) -> None:
    rina, budi = Api(url, add_user(city, "rina", "operator")), Api(url, add_user(city, "budi", "validator"))
    rina.ok("10", "dispatch", {"unit": "u1"})
    rina.ok("10", "photo", {"sha256": "ab" * 32, "role": "after"})
    rina.ok("10", "progress", {"unit": "u1", "state": "done"})
    refused = rina.edit("10", "validate", {"accepted": True})
    assert (refused.status_code, "another person" in refused.text) == (403, True)
    assert budi.ok("10", "validate", {"accepted": True})["report"]["status"] == "resolved"
    for api in (rina, budi):
        api.session.close()


def test_the_local_supervisor_validates_what_a_unit_did_but_not_his_own(api: Api) -> None:
    api.ok("10", "dispatch", {"unit": "u1"})
    api.ok("10", "progress", {"unit": "u1", "state": "on_scene"})
    assert api.ok("10", "photo", {"sha256": "ab" * 32, "role": "after"})["entry"]["unit"] == "u1"
    api.ok("10", "progress", {"unit": "u1", "state": "done"})
    assert api.ok("10", "validate", {"accepted": True})["report"]["status"] == "resolved"
    api.ok("11", "set", {"status": "progress"})
    api.ok("11", "photo", {"sha256": "cd" * 32, "role": "after"})
    api.ok("11", "set", {"status": "validation"})
    assert api.edit("11", "validate", {"accepted": True}).status_code == 403


def test_undo_of_anothers_doing_takes_a_supervisor(city: City, url: str) -> None:
    rina, budi = Api(url, add_user(city, "rina", "operator")), Api(url, add_user(city, "budi", "operator"))
    done = rina.ok("10", "set", {"priority": 1})["entry"]["edit"]
    assert budi.edit("10", "set", {"priority": 3}, undoes=done).status_code == 403
    assert rina.ok("10", "set", {"priority": 3}, undoes=done)["report"]["priority"] == 3
    rina.session.close()
    budi.session.close()


def test_a_new_scope_raises_the_scope_version_and_a_file_brings_users(city: City, tmp_path: Path) -> None:
    add_user(city, "rina", "operator")
    assert city.changes(0).scope_version == 1
    add_user(city, "rina", "operator", areas=["w1"])
    assert city.changes(0).scope_version == 2
    path = tmp_path / "users.json"
    token_hash = hashlib.sha256(b"secret").hexdigest()
    path.write_text(json.dumps([{"name": "budi", "role": "field", "token_sha256": token_hash}]))
    assert load_users(path, city) == 1
    assert Users(city).actor("secret").role == "field"
    path.write_text("[{]")
    with pytest.raises(Invalid):
        load_users(path, city)
    with pytest.raises(Invalid):
        add_user(city, "x", "king")


def test_whoever_asks_for_his_rights_gets_those_of_the_database(
    city: City, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A console asks for them once, when a page tells of new ones; another process may just have given them."""
    monkeypatch.setattr(change_watcher, "_LOOK_S", {"sqlite": 3600.0, "other": 3600.0})
    monkeypatch.setattr(change_watcher.ChangeWatcher, "_on_notice", lambda *_: None)
    token = add_user(city, "rina", "operator")
    office = City(database_url)
    with running(city, tmp_path / "media", Users(city)) as url:
        rina = Api(url, token)
        assert rina.get("/me").json()["areas"] == []
        file = tmp_path / "users.json"
        known = {"name": "rina", "role": "operator", "token_sha256": hashlib.sha256(token.encode()).hexdigest()}
        file.write_text(json.dumps([known | {"areas": ["w2"]}]))
        load_users(file, office)
        page = rina.get("/changes?after=0").json()
        assert page["scope_version"] == 2
        assert rina.get("/me").json()["areas"] == ["w2"]
        rina.session.close()
    office.close()
