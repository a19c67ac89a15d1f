"""A report that was deleted at the server, kept as a new one: what is known of it, and what becomes of its edits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import msgspec
from hypothesis import given
from msgspec.structs import replace

from api_client.model import Kind, Status
from console.cache.packed_columns import seconds
from console.outbox.journal import Journal
from console.outbox.salvage import export_waiting
from console.outbox.work_file import WorkFile
from console.rules.apply import ReportState
from console.rules.edit import APPENDS, Edit, is_order
from console.rules.pending import created_report, with_edits
from console.rules.queued import EditState, Queued, StopReason
from console.rules.recreate import as_created, carry, is_another, is_made_by, known_of, seen_created
from tests.unit.cache.making import T0, edit, report

S = EditState
OLD = report(priority=2, title="Corner", lat=-6.2, lon=106.8, address="Jl. Melati 4", area="a1", agency="dsda")


def done(kind: Kind, number: int = 1, **data: Any) -> Edit:
    at = T0 + timedelta(minutes=number)
    return edit(f"e{number}", kind, number=number, data=data, occurred_at=at, about=as_created(OLD))


def create(**data: Any) -> Edit:
    return edit("new", Kind.CREATE, "local:new", number=99, data=data or as_created(OLD))


def queued(*edits: Edit, state: S = S.ATTENTION) -> list[Queued]:
    return [Queued(one, state) for one in edits]


def test_a_created_report_is_known_as_it_was() -> None:
    made = created_report(create())
    for name in ("service", "priority", "title", "description", "lat", "lon", "address", "area", "agency", "created"):
        assert getattr(made, name) == getattr(OLD, name), name


def test_what_the_operator_changed_is_known_too_but_no_transfer() -> None:
    edits = [
        done(Kind.SET, 1, priority=1, reason="owner called"),
        done(Kind.SET, 2, area="a2"),
        done(Kind.SET, 3, place={"lat": -6.3, "lon": 106.9}),
    ]
    known = known_of(edits)
    assert (known["priority"], known["area"]) == (1, "a1")
    assert (known["lat"], known["lon"], known["address"]) == (-6.3, 106.9, "Jl. Melati 4")


def test_a_place_that_is_not_exact_stays_so_until_another_is_given() -> None:
    """The middle of a street became the very house when its deleted report was kept as a new one."""
    street = replace(OLD, within_m=250.0)
    note = edit("e1", Kind.NOTE, data={"text": "x"}, about=as_created(street))
    assert known_of([note])["within_m"] == 250.0
    assert created_report(create(**known_of([note]))).within_m == 250.0
    assert "within_m" not in as_created(OLD)
    exact = edit("e2", Kind.SET, number=2, data={"place": {"lat": -6.3, "lon": 106.9}}, about=as_created(street))
    assert "within_m" not in known_of([note, exact])


def test_an_edit_of_an_older_version_knows_its_title_only() -> None:
    assert known_of([edit("e1", title="Water on the road")]) == {"description": "Water on the road"}


@given(
    st.datetimes(timezones=st.timezones()).map(lambda at: at.astimezone(UTC))
    | st.just(datetime.max.replace(tzinfo=UTC)),
    st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_a_report_is_the_same_to_the_second_in_any_zone_and_as_any_file_keeps_it(at: datetime, zone: timezone) -> None:
    cached = datetime.fromtimestamp(seconds(at), UTC)
    sent = msgspec.json.decode(msgspec.json.encode(at), type=datetime)
    elsewhere = _in_zone(at, zone)
    for seen in (at, cached, sent, elsewhere):
        for there in (at, cached, sent, elsewhere):
            assert not is_another(seen, there)
    for apart in (timedelta(seconds=-1), timedelta(seconds=1)):
        if datetime.min.replace(tzinfo=UTC) - at <= apart <= datetime.max.replace(tzinfo=UTC) - at:
            assert is_another(at, at + apart)
            assert is_another(cached, at + apart) == is_another(at, at + apart)


def _in_zone(at: datetime, zone: timezone) -> datetime:
    try:
        return at.astimezone(zone)
    except OverflowError:  # at the ends of the calendar
        return at


def test_a_report_of_ones_own_may_have_been_dated_back() -> None:
    for apart, another in ((-1, False), (0, False), (1, True)):
        assert is_another(T0, T0 + timedelta(seconds=apart), made_here=True) == another
    assert not is_another(None, T0)


def test_an_edit_knows_when_its_report_was_created() -> None:
    assert seen_created(done(Kind.NOTE, 1, text="x")) == OLD.created
    assert seen_created(edit("e1")) is None


def test_facts_follow_in_order_and_orders_are_asked_about() -> None:
    note, photo = done(Kind.NOTE, 1, text="x"), done(Kind.PHOTO, 2, sha256="0" * 64, role="report", size=1)
    order, claim = done(Kind.DISPATCH, 3, unit="U1"), done(Kind.CLAIM, 4)
    hold = done(Kind.SET, 5, hold={"reason": "rain", "waits_for": "weather", "until": None})
    carried = carry(queued(note, photo, order, claim, hold), create())
    assert [one.id for one in carried.follow] == ["e1", "e2", "e5"]
    assert [one.edit.id for one in carried.ask] == ["e3", "e4"]
    assert carried.tell == ()
    assert carried.follow[2].base == {"hold": None}
    assert {one.base_version for one in carried.follow} == {None}


def test_a_status_that_no_new_report_can_have_is_told_and_the_rest_follows() -> None:
    follows = done(Kind.SET, 1, status="progress", reason="seen")
    not_any_more = done(Kind.SET, 2, status="new", hold=None)
    carried = carry(queued(follows, not_any_more), create())
    assert [one.data for one in carried.follow] == [{"status": "progress", "reason": "seen"}, {"hold": None}]
    assert carried.follow[0].base == {"status": "new"}
    assert [one.data for one in carried.tell] == [{"status": "new"}]


def test_what_the_creation_says_is_not_said_again_but_its_reason_is() -> None:
    plain, reasoned = done(Kind.SET, 1, priority=1), done(Kind.SET, 2, priority=2, reason="owner called")
    carried = carry(queued(plain, reasoned), create(service="flood", priority=4, description="x"))
    assert carried.follow == ()
    assert [one.data for one in carried.tell] == [{"reason": "owner called"}]
    without = carry(queued(plain), create(service="flood", description="x"))
    assert [(one.data, one.base) for one in without.follow] == [({"priority": 1}, {"priority": 3})]


def test_what_only_the_old_report_had_is_told() -> None:
    edits = [
        done(Kind.PROGRESS, 1, unit="U1", state="on_scene"),
        done(Kind.VALIDATE, 2, accepted=True),
        done(Kind.RECALL, 3, unit="U1"),
        done(Kind.CLOSE, 4, disposition="not found", reason="Dry", release=["U1"]),
        done(Kind.MERGE, 5, into="2"),
    ]
    carried = carry(queued(*edits), create())
    assert [one.id for one in carried.tell] == ["e1", "e2", "e3"]
    closed, _ = carried.follow
    assert closed.data == {"disposition": "not found", "reason": "Dry", "release": []}
    assert with_edits(ReportState(created_report(create())), carried.follow, now=T0).report.status is Status.CLOSED


_ANY = st.sampled_from(
    [
        (Kind.NOTE, {"text": "x"}),
        (Kind.REPLY, {"text": "x"}),
        (Kind.PHOTO, {"sha256": "1" * 64, "role": "after", "size": 1}),
        (Kind.ME_TOO, {}),
        (Kind.CLAIM, {}),
        (Kind.RELEASE, {}),
        (Kind.DISPATCH, {"unit": "U1"}),
        (Kind.RECALL, {"unit": "U1"}),
        (Kind.PROGRESS, {"unit": "U1", "state": "done"}),
        (Kind.VALIDATE, {"accepted": True}),
        (Kind.CLOSE, {"disposition": "x", "reason": "x", "release": []}),
        (Kind.REOPEN, {"reason": "x"}),
        (Kind.MERGE, {"into": "2"}),
        (Kind.UNMERGE, {}),
        (Kind.SET, {"area": "a2"}),
        *((Kind.SET, {"status": status.value, "reason": "x"}) for status in Status),
        (Kind.SET, {"hold": None, "priority": 1}),
    ]
)


@given(st.lists(_ANY, max_size=8))
def test_nothing_is_left_out_and_what_follows_fits(made: list[tuple[Kind, dict[str, Any]]]) -> None:
    edits = [done(kind, number, **data) for number, (kind, data) in enumerate(made)]
    carried = carry(queued(*edits), create())
    places = [
        {one.id for one in carried.follow},
        {one.edit.id for one in carried.ask},
        {one.id for one in carried.tell},
    ]
    assert set().union(*places) == {one.id for one in edits}
    assert [one.id for one in carried.follow] == [one.id for one in edits if one.id in places[0]]
    state = ReportState(created_report(create()))
    shown = state.report
    for one in carried.follow:
        assert not is_order(one)
        assert one.kind in APPENDS or one.base
        if "status" in one.base:
            assert one.base["status"] == shown.status
        state = with_edits(state, [one], now=T0)
        shown = state.report
        if "status" in one.data:
            assert shown.status == one.data["status"], "the server would refuse it"


def stand(folder: Path) -> dict[str, tuple[str, int]]:
    work = WorkFile(folder, clock=lambda: T0)
    found = {one.edit.id: (str(one.state), one.edit.number) for one in work.all()}
    work.close()
    return found


EXCHANGED = {"e1": ("withdrawn", 1), "n1": ("queued", 2), "n2": ("expired", 3)}


def exchange(folder: Path) -> None:
    work = WorkFile(folder, clock=lambda: T0)
    work.append(edit("e1"))
    new = [Queued(edit("n1", number=0), S.QUEUED), Queued(edit("n2", number=0), S.EXPIRED)]
    kept = work.exchange(["e1"], new, StopReason.KEPT_AS_NEW)
    assert [one.edit.number for one in kept] == [2, 3]
    assert {one.edit.device for one in kept} == {work.device}
    assert work.next_number() == 4
    work.close()


def test_new_edits_come_and_old_ones_go_in_one_write(tmp_path: Path) -> None:
    exchange(tmp_path)
    assert stand(tmp_path) == EXCHANGED
    assert len((tmp_path / "work.journal").read_bytes().splitlines()) == 2, "a line each: it counts whole or not at all"


def test_each_of_the_two_files_alone_has_all_of_it(tmp_path: Path) -> None:
    exchange(tmp_path)
    (tmp_path / "work.journal").unlink()
    assert stand(tmp_path) == EXCHANGED
    (tmp_path / "two").mkdir()
    exchange(tmp_path / "two")
    for file in (tmp_path / "two").glob("work.db*"):
        file.unlink()
    assert stand(tmp_path / "two") == EXCHANGED


def test_half_a_line_of_it_is_none_of_it(tmp_path: Path) -> None:
    exchange(tmp_path)
    for file in tmp_path.glob("work.db*"):
        file.unlink()
    file = tmp_path / "work.journal"
    file.write_bytes(file.read_bytes()[:-40])
    assert stand(tmp_path) == {"e1": ("queued", 1)}


def test_a_kill_between_journal_and_commit_is_no_damage(tmp_path: Path) -> None:
    work = WorkFile(tmp_path, clock=lambda: T0)
    work.append(edit("e1"))
    work.close()
    before = (tmp_path / "work.db").read_bytes()
    other = tmp_path / "other"
    other.mkdir()
    (other / "work.db").write_bytes(before)
    (other / "work.journal").write_bytes((tmp_path / "work.journal").read_bytes())
    work = WorkFile(other, clock=lambda: T0 + timedelta(minutes=1))
    work.exchange(
        ["e1"],
        [Queued(edit("n1", number=0), S.QUEUED), Queued(edit("n2", number=0), S.EXPIRED)],
        StopReason.KEPT_AS_NEW,
    )
    work.close()
    (tmp_path / "work.journal").write_bytes((other / "work.journal").read_bytes())
    work = WorkFile(tmp_path, clock=lambda: T0)
    assert work.salvaged is None, "the line was written, the commit was not: that is a kill"
    work.close()
    assert stand(tmp_path) == EXCHANGED


def test_the_list_for_a_newer_version_has_them_too(tmp_path: Path) -> None:
    exchange(tmp_path)
    for file in tmp_path.glob("work.db*"):
        file.unlink()
    assert export_waiting(tmp_path).count == 2
    journal = Journal(tmp_path / "work.journal")
    assert journal.folded().last == {"e1", "n1", "n2"}
    journal.close()


def test_a_report_is_the_one_of_a_creation_by_its_time_which_a_server_may_have_dated_back() -> None:
    entered = edit("c", Kind.CREATE, "local:c+", data={"description": "a tree"})
    at = entered.occurred_at

    def made(seen: datetime, words: str = "a tree") -> Edit:
        return edit("n", about={"created": seen.isoformat(), "description": words})

    assert is_made_by(entered, edit("n"))
    assert is_made_by(entered, made(at))
    assert is_made_by(entered, made(at, "a tree on the road")), "somebody changed the words"
    assert is_made_by(entered, made(at - timedelta(seconds=20)))
    assert not is_made_by(entered, made(at - timedelta(seconds=20), "a flood")), "the call before this one"
    assert not is_made_by(entered, made(at - timedelta(seconds=90)))
    assert not is_made_by(entered, made(at + timedelta(seconds=1)))
    called = msgspec.structs.replace(
        entered, data={"description": "a tree", "created": (at - timedelta(hours=1)).isoformat()}
    )
    assert is_made_by(called, made(at - timedelta(hours=1)))
    assert not is_made_by(called, made(at - timedelta(hours=1, seconds=1))), "of a past time it was not dated back"
