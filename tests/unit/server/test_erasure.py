"""Erasing: nothing of what was said and shown is left anywhere, and a restored backup does not bring it back."""

from __future__ import annotations

import hashlib
import uuid
from datetime import timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec import to_builtins
from msgspec.structs import replace

from api_client.model import (
    ERASED,
    AlarmAbout,
    AlarmKind,
    EditBody,
    Handover,
    HandoverLine,
    HandoverSection,
    Kind,
    PhotoRole,
)
from console.cli import main
from console.rules.mentions import reports_named_in
from console.server.admin.apply import apply_setup, compare_setup
from console.server.admin.setup import CitySetup
from console.server.city import audit, schema
from console.server.city.audit_chain import verify
from console.server.city.city import City
from console.server.city.closures import read_closures
from console.server.city.erased_files import LIST, finish_erasing
from console.server.city.erasure import erase_old
from console.server.city.media import MediaStore
from console.server.city.numbered import put_things
from console.server.city.public_reports import take_report
from console.server.city.records import LOCAL
from console.server.city.retention import Retention
from console.server.city.users import Users, add_user
from console.server.errors import Invalid
from console.server.pages.citizen_deeds import CITIZEN
from tests.unit.server.conftest import START, Api, Clock, let_pass, recorded, running
from tests.unit.server.test_backup import url_of
from tests.unit.server.test_pages import a_picture

WORD = "Kastanienallee"
"""What everything that anybody says here holds, in one spelling."""
PHOTO = hashlib.sha256(a_picture()).hexdigest()
KEY = "w" * 40
one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def do(city: City, at: str | None, kind: Kind, edit: str = "", **data: Any) -> None:
    city.apply(EditBody(edit or str(uuid.uuid4()), kind, data=data), report=at, actor=LOCAL)


def said(number: int) -> str:
    return f"{WORD} {number}"


@pytest.fixture
def spoken(city: City, tmp_path: Path) -> str:
    """The number of a closed report in which everybody has said and shown something, in every way."""
    person = {"name": said(1), "phone": "+62 812 3456 7890", "email": "siti@example.org"}
    data = {"service": "road", "description": said(2), "address": said(3), "lat": -6.85, "lon": 106.15,
            "contact": person, "attributes": {"q": [said(4)]}, "media_urls": [f"https://a.org/{WORD}.jpg"]}  # fmt: skip
    report = take_report(city, CITIZEN, KEY, data).id
    MediaStore(tmp_path / "media").put(PHOTO, a_picture(), None)
    do(city, report, Kind.PHOTO, sha256=PHOTO, role=PhotoRole.REPORT.value)
    do(city, report, Kind.NOTE, text=said(5), edit="note-edit-1")
    do(city, report, Kind.REPLY, text=said(6))
    do(city, report, Kind.ME_TOO, contact=person)
    do(
        city,
        report,
        Kind.SET,
        title=said(7),
        description=said(8),
        place={"lat": -6.85, "lon": 106.15, "address": said(9)},
    )
    do(city, report, Kind.SET, edit="set-title-1", title=said(10), priority=3)
    do(city, report, Kind.SET, hold={"reason": said(11), "waits_for": "reporter"})
    do(city, report, Kind.DISPATCH, unit="u1", reason=said(12))
    do(city, report, Kind.RECALL, unit="u1", reason=said(13))
    do(city, None, Kind.MESSAGE, to={"role": "operator"}, text=said(14), report=report)
    line = HandoverLine(f"report:{report}", HandoverSection.NOTED, said(15), report=report, remark=said(16))
    with city.database.write() as connection:
        shift = Handover("h-1", "rina", START, START, START, START, START, (line,))
        put_things(city.database, connection, [shift])
    do(city, report, Kind.CLOSE, disposition=said(17), reason=said(18))
    return report


def mention(city: City, report: str) -> None:
    """Say something of the report wherever that can be said of none."""
    shape = {"type": "LineString", "coordinates": [[106.15, -6.85], [106.16, -6.85]]}
    flood = {"closure": "c-1", "kind": "flood", "geometry": shape, "words": said(20), "said_by": said(21)}
    city.apply(EditBody("closure-1", Kind.CLOSURE, data={**flood, "report": report}), report=None, actor=LOCAL)
    do(city, None, Kind.CLOSURE, closure="c-1", seen=1, words=said(22), edit="closure-2")
    do(city, None, Kind.LOG, text=f"{said(23)} is where #{report} was", edit="line-1")
    do(city, None, Kind.LOG, text=f"All of #{report}1 are at home", edit="line-2")
    alarm = AlarmAbout(AlarmKind.SLA_BREACH, report, city.clock())
    until = city.clock() + timedelta(minutes=5)
    do(city, None, Kind.ALARM, alarms=to_builtins([alarm]), shelved_until=until.isoformat(), reason=said(24))


def left(city: City) -> list[str]:
    """The rows of the database that hold a word of somebody's."""
    with city.database.read() as connection:
        rows = [
            f"{table.name}: {dict(row)}"
            for table in schema.metadata.sorted_tables
            if table is not schema.removed_photos
            for row in connection.execute(sa.select(table)).mappings()
        ]
    return [row for row in rows if any(word in row for word in (WORD, "3456 7890", "siti@example", PHOTO))]


def test_nothing_that_was_said_or_shown_is_left(city: City, spoken: str, tmp_path: Path) -> None:
    before, media = city.report(spoken), tmp_path / "media"
    history = [
        (entry.id, entry.kind, entry.at, entry.author, entry.data.get("status")) for entry in city.entries(spoken)
    ]
    seq, assignments = city.seq(), city.assignments(spoken)
    assert len(left(city)) > 20
    after = city.erase(spoken, LOCAL, "asked for by the reporter")
    assert finish_erasing(city.database, media) == 1
    assert left(city) == []
    assert [path.name for path in media.iterdir()] == [LIST]
    kept = replace(before, title="", description="", address="", attributes={}, photos=(), disposition=None)
    same = replace(after, version=before.version, updated=before.updated, versions=before.versions, erased=None)
    assert same == kept
    *entries, last = city.entries(spoken)
    assert [(one.id, one.kind, one.at, one.author, one.data.get("status")) for one in entries] == history
    assert (last.kind, last.author, last.text) == (ERASED, "local", "Erased: asked for by the reporter")
    assert city.assignments(spoken) == assignments
    told = {(item.kind, item.id) for item in city.changes(seq).items}
    assert ("report", spoken) in told
    assert ("handover", "h-1") in told
    with city.database.read() as connection:
        verdict = verify(connection)
        rows = [row for row in audit.rows_about(connection, spoken) if row.what == audit.ERASE]
    assert not verdict.fault
    assert [recorded(row.detail) for row in rows] == [{"why": "request"}]


@one_database
def test_it_is_erased_once_and_what_comes_later_stays(city: City, spoken: str, tmp_path: Path) -> None:
    first = city.erase(spoken, LOCAL, "asked")
    assert city.erase(spoken, LOCAL, "asked") == first
    # An edit that comes again has its answer, without the words; one that rests on older words is a conflict.
    again = city.apply(EditBody("note-edit-1", Kind.NOTE, data={"text": said(5)}), report=spoken, actor=LOCAL)
    assert again.replayed
    assert WORD.encode() not in again.body
    with pytest.raises(Invalid):
        city.apply(EditBody(str(uuid.uuid4()), Kind.SET, undoes="none-such"), report=spoken, actor=LOCAL)
    with pytest.raises(Exception, match="since") as refused:
        city.apply(EditBody(str(uuid.uuid4()), Kind.SET, undoes="set-title-1"), report=spoken, actor=LOCAL)
    assert WORD not in str(refused.value)
    late = EditBody("late-note-1", Kind.NOTE, occurred_at=START, data={"text": said(19)})
    with pytest.raises(Invalid, match="was erased after this was made"):
        city.apply(late, report=spoken, actor=LOCAL)
    do(city, spoken, Kind.NOTE, text="Called back")
    assert [entry.text or entry.data.get("text") for entry in city.entries(spoken)][-1] == "Called back"
    city.erase(spoken, LOCAL, "asked again")
    assert "Called back" not in str(city.entries(spoken))


def test_what_is_said_of_it_elsewhere_is_erased_too(city: City, spoken: str) -> None:
    """In closures, alarms and lines of the log that name it, in hand-overs that have those, and what comes later."""
    mention(city, spoken)
    with city.database.read() as connection:
        query = sa.select(schema.entries.c.id).where(schema.entries.c.edit == "line-1")
        logged = connection.scalar(query)
    lines = [
        HandoverLine(f"log:{logged}", HandoverSection.NOTED, said(25)),
        HandoverLine("unit:u1", HandoverSection.UNITS, "u1", remark=f"{said(26)} of #{spoken}"),
        HandoverLine("unit:u2", HandoverSection.UNITS, "u2", remark="radio off"),
    ]
    with city.database.write() as connection:
        shift = Handover("h-2", "rina", START, START, START, START, START, tuple(lines))
        put_things(city.database, connection, [shift])
    seq = city.seq()
    city.erase(spoken, LOCAL, "asked")
    assert left(city) == []
    told = {(item.kind, item.id) for item in city.changes(seq).items}
    assert {("closure", "c-1"), ("handover", "h-2"), ("entry", logged)} <= told
    with city.database.read() as connection:
        (closure,) = read_closures(connection)
    assert (closure.kind, closure.report, closure.ended, closure.version) == ("flood", spoken, None, 3)
    with pytest.raises(Invalid, match="local has changed the closure since"):
        city.apply(EditBody(str(uuid.uuid4()), Kind.CLOSURE, undoes="closure-2"), report=None, actor=LOCAL)
    line = EditBody("line-1", Kind.LOG, data={"text": f"{said(23)} is where #{spoken} was"})
    again = city.apply(line, report=None, actor=LOCAL)
    assert again.replayed
    assert WORD.encode() not in again.body
    with city.database.read() as connection:
        bodies = b"".join(connection.scalars(sa.select(schema.entries.c.body)))
        (handover,) = [one for one in connection.scalars(sa.select(schema.handovers.c.body)) if b'"h-2"' in one]
    assert b"are at home" in bodies
    assert b"radio off" in handover
    do(city, None, Kind.LOG, text=f"{said(27)} of #{spoken}")
    city.erase(spoken, LOCAL, "asked again")
    assert left(city) == []


def test_a_number_names_a_report_where_nothing_else_can_be_meant() -> None:
    words = "Owner of 104711 (and SR-2024-0117, 104712/104713.) at no. 12, 112 called, 3 crews, Jl. 5, #7: done"
    assert reports_named_in(words) == {"104711", "SR-2024-0117", "104712/104713", "104712", "104713", "7"}


@one_database
def test_who_may_and_what_is_needed_still(city: City, tmp_path: Path) -> None:
    """An open P1 is found by its words, and so is a report without a point."""
    tokens = {role: add_user(city, role, role) for role in ("operator", "validator", "viewer", "field", "supervisor")}
    elsewhere = add_user(city, "elsewhere", "supervisor", areas=["w2"])
    do(city, "10", Kind.SET, priority=1)
    with running(city, tmp_path / "media", Users(city)) as url:

        def erase(token: str, report: str, reason: str = "asked") -> int:
            api = Api(url, token)
            path = f"{url}/dispatch/v1/reports/{report}/erasure"
            return api.session.post(path, json={"reason": reason}, timeout=30).status_code

        for role, token in tokens.items():
            assert erase(token, "99") == (404 if role == "supervisor" else 403), role
        assert erase(elsewhere, "11") == 403
        assert [erase(tokens["supervisor"], report) for report in ("10", "11")] == [422, 422]
        do(city, "11", Kind.SET, place={"lat": -6.85, "lon": 106.15})
        assert erase(tokens["supervisor"], "11") == 200
        assert erase(tokens["supervisor"], "11", "") == 422


def test_an_older_backup_is_restored_without_it(city: City, spoken: str, tmp_path: Path) -> None:
    """Whether the list is found in the database, in the folder of the photos, or in a newer backup beside the older."""
    media, old, new = tmp_path / "media", tmp_path / "a.sigap", tmp_path / "b.sigap"
    assert main(["backup", "--database", url_of(city), "--out", str(old), "--media", str(media)]) == 0
    assert main(["erase", spoken, "--reason", "asked", "--database", url_of(city), "--media", str(media)]) == 0
    assert left(city) == []

    def restored(*more: str, database: str = "") -> City:
        url = database or url_of(city)
        assert main(["restore", str(old), "--database", url, *more]) == 0
        again = City(url)
        try:
            assert left(again) == [], more
            with again.database.read() as connection:
                assert not verify(connection).fault
        finally:
            again.close()
        return again

    restored("--replace")
    with (media / LIST).open("a") as kept:  # another city's, whose report has the same number
        kept.write(f'["{spoken}",{10**17},{10**17}]\n["{spoken}",5,5]\n')
    restored("--replace", "--media", str(media))
    assert [path.name for path in media.iterdir()] == [LIST]
    restored("--media", str(media), database=f"sqlite:///{tmp_path / 'lost.db'}")
    (media / LIST).unlink()
    assert main(["backup", "--database", url_of(city), "--out", str(new)]) == 0
    restored(database=f"sqlite:///{tmp_path / 'lost-too.db'}")


@one_database
def test_neither_the_file_nor_its_log_holds_a_word(city: City, spoken: str, tmp_path: Path) -> None:
    def held() -> list[str]:
        return [file.name for file in tmp_path.glob("city.db*") if WORD.encode() in file.read_bytes()]

    assert held()
    with city.database.read() as reading:  # somebody reads an older state, and is done in a moment
        reading.execute(sa.select(schema.meta)).all()
        assert not city.database.overwrite_log()
    city.erase(spoken, LOCAL, "asked")
    assert held() == []


@one_database
def test_the_words_of_work_that_goes_on_stay(city: City, clock: Clock, tmp_path: Path) -> None:
    """A crew is sent to the main report, and finds the place by what its duplicates say."""
    do(city, "11", Kind.SET, description=said(1))
    do(city, "11", Kind.MERGE, into="10")
    do(city, "10", Kind.SET, priority=1)
    apply_setup(city, CitySetup(retention=Retention(texts_days=31)), LOCAL)
    let_pass(city, clock, 40)
    assert city.report("11").description == said(1)
    with pytest.raises(Invalid, match="merged into 10, an open P1"):
        city.erase("11", LOCAL, "asked")
    do(city, "10", Kind.CLOSE, disposition="Done")
    let_pass(city, clock, 10)
    assert city.report("11").erased is not None
    assert city.report("10").erased is None


def test_from_the_first_number_on_nothing_is_looked_for(city: City, clock: Clock) -> None:
    """All edits of the city wait from there on, and who waits for one of these reports would wait in a circle."""
    said: list[str] = []
    sa.event.listen(city.database.engine, "before_cursor_execute", lambda *asked: said.append(asked[2]))
    for report in ("10", "11", "12"):
        do(city, report, Kind.CLOSE, disposition="Done")

    def after_the_counter() -> set[str]:
        (counter,) = [at for at, each in enumerate(said) if each.startswith("UPDATE counters")]
        until_the_end = takewhile(lambda each: not each.startswith(("BEGIN", "SELECT reports.id")), said[counter + 1 :])
        return {each.partition(" ")[0] for each in until_the_end}

    said.clear()
    city.erase("10", LOCAL, "asked")
    assert after_the_counter() == {"INSERT"}
    said.clear()
    assert erase_old(city.database, clock.now, clock.now) == 2
    assert after_the_counter() == {"INSERT"}


@one_database
def test_a_photo_that_another_report_has_or_that_came_again_stays(city: City, spoken: str, tmp_path: Path) -> None:
    media = tmp_path / "media"
    do(city, "10", Kind.PHOTO, sha256=PHOTO, role=PhotoRole.OTHER.value)
    city.erase(spoken, LOCAL, "asked")
    assert finish_erasing(city.database, media) == 0
    assert (media / PHOTO).exists()
    do(city, "10", Kind.CLOSE, disposition="Repaired")
    city.erase("10", LOCAL, "asked")
    MediaStore(media).put(PHOTO, a_picture(), None)  # somebody is about to send it with a report of his
    assert finish_erasing(city.database, media) == 0
    assert (media / PHOTO).exists()


def test_a_city_keeps_for_as_long_as_it_says(city: City, spoken: str, clock: Clock, tmp_path: Path) -> None:
    city.presence.put_position("u1", -6.8, 106.1, clock())
    wanted = CitySetup(retention=Retention(contacts_days=10, texts_days=60, messages_days=20, positions_days=5))
    assert "retention" in str(compare_setup(city, wanted).lines())
    apply_setup(city, wanted, LOCAL)
    let_pass(city, clock, 9)
    with city.database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.contacts)) == 2
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.positions)) == 0
    let_pass(city, clock, 20)
    with city.database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.contacts)) == 0
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.messages)) == 0
    assert city.report(spoken).description
    let_pass(city, clock, 40)
    assert city.report(spoken).erased is not None
    version = city.report(spoken).version
    let_pass(city, clock, 10)
    assert city.report(spoken).version == version
    with city.database.read() as connection:
        rows = [row for row in audit.rows_about(connection, spoken) if row.what == audit.ERASE]
    assert [(row.who, recorded(row.detail)) for row in rows] == [("server", {"why": "retention"})]
    let_pass(city, clock, 30)
    assert left(city) == []


@one_database
def test_what_a_shorter_time_erases_is_said_before(city: City, spoken: str, clock: Clock) -> None:
    clock.skip(days=100)
    notes = compare_setup(city, CitySetup(retention=Retention(texts_days=90))).notes
    assert "Then kept no longer, and erased for good: 1 reports with texts and photos." in notes
