"""Hand-overs at the server: who offers, who signs with which PIN, what changes hands, what everybody sees of it."""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from api_client.decoding import decode
from api_client.model import (
    AlarmRecord,
    EditBody,
    Handover,
    HandoverLine,
    HandoverMark,
    HandoverOffer,
    HandoverSection,
    HandoverSignature,
    Kind,
    NewPin,
)
from console.rules.handover import LATE
from console.server.admin import user_commands
from console.server.city import audit, handovers, pins, schema
from console.server.city.city import City
from console.server.city.handovers import offer_handover, sign_handover
from console.server.city.records import LOCAL, Actor, LoadedReport
from console.server.city.users import Users, add_user, remove_user
from console.server.errors import ForbiddenRefusal, Invalid, NotFound, Refusal, TooMany
from console.server.http.rate_limit import RateLimits
from tests.unit.server.conftest import START, Api, Clock, a_report, let_pass, running
from tests.unit.server.test_rights import UNLIMITED

PIN = "271828"
CONFIRMED, QUESTION = HandoverMark.CONFIRMED, HandoverMark.QUESTION
RINA, DEWI = Actor("rina", "operator"), Actor("dewi", "operator")
one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def line(report: str, priority: int = 3, mark: HandoverMark | None = CONFIRMED) -> HandoverLine:
    key = f"report:{report}"
    return HandoverLine(
        key, HandoverSection.URGENT, f"{report} Road", priority=priority, report=report, remark="r", mark=mark
    )


class ShiftEnd:
    """A city at the end of a shift: rina has taken 10, 11 and 20, and dewi has a PIN."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.tokens = {name: add_user(city, name, "operator") for name in ("rina", "dewi")}
        self.tokens["tono"] = add_user(city, "tono", "operator", areas=("w2",))
        self.tokens["vera"] = add_user(city, "vera", "validator")
        pins.set_pin(city.database, "dewi", PIN, LOCAL, START)
        city.load([LoadedReport(a_report("20", priority=1)), LoadedReport(a_report("21", priority=1))])
        for report in ("10", "11", "20"):
            city.apply(EditBody(f"claim-{report}", Kind.CLAIM), report=report, actor=RINA)

    def offer(self, *lines: HandoverLine, by: Actor = RINA, **more: Any) -> Handover:
        values: dict[str, Any] = {
            "id": "handover-1",
            "begun": START,
            "shift_start": START - timedelta(hours=7),
            "shift_end": START + timedelta(hours=1),
        } | more
        return offer_handover(self.city.database, HandoverOffer(lines=lines, **values), by, self.city.clock())

    def sign(self, name: str = "dewi", pin: str = PIN, by: Actor = RINA, **marks: HandoverMark) -> Handover:
        signature = HandoverSignature(name, pin, {f"report:{key[1:]}": mark for key, mark in marks.items()})
        return sign_handover(self.city.database, "handover-1", signature, by, self.city.clock())

    def give_tono_a_pin(self) -> None:
        pins.set_pin(self.city.database, "tono", PIN, LOCAL, START)

    def holder(self, report: str) -> str | None:
        claim = self.city.report(report).claim
        return claim.who if claim is not None else None

    def audited(self) -> list[dict[str, Any]]:
        with self.city.database.read() as connection:
            rows = [msgspec.json.decode(row.detail) for row in audit.rows_after(connection, 0, None)]
        return [row for row in rows if row.get("kind") == "handover"]

    def found(self) -> list[Handover]:
        return [decode(bytes(one.data), Handover) for one in self.city.snapshot().items if one.kind == "handover"]


@pytest.fixture
def shift(city: City) -> ShiftEnd:
    return ShiftEnd(city)


@one_database
def test_what_was_confirmed_changes_hands_and_nothing_else_does(shift: ShiftEnd) -> None:
    shift.city.apply(EditBody("claim-12-sari", Kind.CLAIM), report="12", actor=Actor("sari", "operator"))
    before = shift.city.seq()
    offered = shift.offer(line("10"), line("11", mark=QUESTION), line("12"), line("20", 1), line("21", 1))
    assert (offered.outgoing, offered.incoming, offered.signed) == ("rina", "", None)
    signed = shift.sign()
    assert (signed.incoming, signed.version) == ("dewi", 2)
    assert signed.signed is not None
    assert [shift.holder(one) for one in ("10", "11", "12", "20", "21")] == ["dewi", "rina", "sari", "dewi", None]
    told = [(item.kind, item.id) for item in shift.city.changes(before).items if item.kind in ("handover", "report")]
    assert told == [("report", "10"), ("report", "20"), ("handover", "handover-1")]
    entry = shift.city.entries("10")[-1]
    assert (entry.kind, entry.author, entry.text) == ("claim", "dewi", "Taken over from rina")
    assert shift.found() == [signed]
    assert [row["did"] for row in shift.audited()] == ["offered", "signed"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_of_two_who_sign_a_shift_at_once_at_two_desks_one_has_it(
    shift: ShiftEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each saw the other's hand-over unsigned, and both were told that the shift was theirs."""
    shift.give_tono_a_pin()
    shift.offer(line("10"))
    shift.offer(line("10"), id="handover-2")
    has_looked, looks = threading.Barrier(2), handovers._check_first

    def look(*asked: Any) -> None:
        """Whoever has looked gives the other one a moment to look, too."""
        looks(*asked)
        with contextlib.suppress(threading.BrokenBarrierError):
            has_looked.wait(0.5)

    monkeypatch.setattr(handovers, "_check_first", look)

    def sign(key: str, who: Actor) -> str:
        signature = HandoverSignature(who.name, PIN, {"report:10": CONFIRMED})
        try:
            return sign_handover(shift.city.database, key, signature, who, shift.city.clock()).incoming
        except Invalid as refusal:
            return refusal.message

    with ThreadPoolExecutor(2) as pool:
        tono = Actor("tono", "operator", ("w2",))
        said = list(pool.map(sign, ("handover-1", "handover-2"), (DEWI, tono)))
    assert len([one for one in said if one in ("dewi", "tono")]) == 1, said
    assert any("rina has handed this shift over at another desk" in one for one in said)
    assert [one.signed is not None for one in shift.found()].count(True) == 1


@one_database
def test_a_shift_that_has_not_begun_is_not_offered(shift: ShiftEnd) -> None:
    """It kept the alarm from every desk that nobody had handed over the shift that was over."""
    begun, length = START + timedelta(hours=20), timedelta(hours=8)
    with pytest.raises(Invalid, match="has not begun yet"):
        shift.offer(line("10"), shift_start=begun, shift_end=begun + length)
    shift.offer(line("10"), shift_start=START, shift_end=START + length)


def test_what_is_offered_somebody_can_sign(shift: ShiftEnd) -> None:
    for who, why in (("rina", "cannot take over from himself"), ("vera", "has the role validator")):
        with pytest.raises(Refusal, match=why):
            shift.offer(line("10"), incoming=who)
    for who in ("nobody", "dewi\u202e", "dewi\n", "dewi\x00"):
        with pytest.raises(NotFound):
            shift.offer(line("10"), incoming=who)
    shift.offer(line("10"), incoming="dewi")


@one_database
def test_a_shift_is_handed_over_once_and_the_second_desk_is_told_by_what(shift: ShiftEnd) -> None:
    shift.offer(line("10"), line("11", mark=QUESTION))
    shift.offer(line("12"), id="handover-2")
    shift.sign()
    says = "rina has handed this shift over at another desk: dewi has signed, with 1 of 2 lines confirmed"
    with pytest.raises(Invalid, match=says):
        sign_handover(shift.city.database, "handover-2", HandoverSignature("dewi", PIN), RINA, shift.city.clock())
    with pytest.raises(Invalid, match=says):
        shift.offer(line("12"), id="handover-3")
    shift.offer(line("12"), id="handover-4", by=Actor("dewi", "operator"))
    before: dict[str, Any] = {"shift_start": START - timedelta(hours=15), "shift_end": START - timedelta(hours=7)}
    shift.offer(line("12"), id="handover-5", **before)


@one_database
def test_signed_again_it_stays_as_it_is(shift: ShiftEnd) -> None:
    shift.offer(line("10"))
    signed = shift.sign()
    assert shift.sign() == signed
    assert shift.offer(line("11"), line("10")) == signed, "what is signed is offered no more"
    with pytest.raises(Invalid, match="dewi has taken it over already"):
        shift.sign("tono")
    shift.city.apply(EditBody("release-10", Kind.RELEASE), report="10", actor=DEWI)
    assert (shift.sign(), shift.holder("10")) == (signed, None)


@one_database
def test_each_p1_has_to_be_confirmed_also_one_that_became_it_since(shift: ShiftEnd) -> None:
    shift.offer(line("10"), line("21", 1, mark=QUESTION))
    with pytest.raises(Invalid, match="21 is a P1"):
        shift.sign()
    shift.offer(line("10", mark=None))
    shift.city.apply(EditBody("raised-10", Kind.SET, data={"priority": 1}), report="10", actor=RINA)
    with pytest.raises(Invalid, match="10 is a P1"):
        shift.sign()
    assert (shift.holder("10"), shift.found()[0].signed) == ("rina", None)
    shift.city.apply(EditBody("closed-10", Kind.CLOSE, data={"disposition": "spam"}), report="10", actor=RINA)
    assert shift.sign().signed is not None, "what is closed burns no more"


@one_database
def test_at_his_own_desk_who_takes_over_marks_the_lines_with_his_signature(shift: ShiftEnd) -> None:
    shift.offer(line("10", mark=None), line("20", 1, mark=None))
    signed = shift.sign(by=DEWI, r10=QUESTION, r20=CONFIRMED)
    assert [(one.mark, one.marked_by) for one in signed.lines] == [(QUESTION, "dewi"), (CONFIRMED, "dewi")]
    assert [shift.holder(one) for one in ("10", "20")] == ["rina", "dewi"]


@one_database
def test_what_was_marked_at_the_other_desk_is_confirmed_by_nobody_at_his_own(shift: ShiftEnd) -> None:
    shift.offer(line("10"), line("20", 1), incoming="dewi")
    with pytest.raises(Invalid, match="20 is a P1"):
        shift.sign(by=DEWI, r10=CONFIRMED)
    signed = shift.sign(by=DEWI, r20=CONFIRMED)
    assert [(one.mark, one.marked_by) for one in signed.lines] == [(None, ""), (CONFIRMED, "dewi")]
    assert (shift.holder("10"), shift.holder("20")) == ("rina", "dewi")


@one_database
def test_what_is_offered_to_one_is_taken_over_by_no_other(shift: ShiftEnd) -> None:
    shift.give_tono_a_pin()
    shift.offer(line("10"), incoming="dewi")
    with pytest.raises(Invalid, match="offered to dewi"):
        shift.sign("tono", by=Actor("tono", "operator", ("w2",)))
    assert shift.sign().incoming == "dewi"


@one_database
def test_nothing_outside_his_scope_becomes_his(shift: ShiftEnd) -> None:
    shift.give_tono_a_pin()
    shift.offer(line("10"), line("20", 1))
    assert shift.sign("tono").incoming == "tono"
    assert [shift.holder(one) for one in ("10", "20")] == ["rina", "rina"]


@pytest.mark.parametrize(
    ("who", "by", "refusal", "says"),
    [
        ("rina", RINA, Invalid, "from himself"),
        ("dewi", Actor("tono", "operator"), ForbiddenRefusal, "at the desk of rina or of dewi"),
        ("vera", RINA, ForbiddenRefusal, "has the role validator"),
        ("nobody", RINA, NotFound, "no user nobody who can sign in"),
    ],
)
@one_database
def test_who_may_not_take_over(shift: ShiftEnd, who: str, by: Actor, refusal: type[Refusal], says: str) -> None:
    shift.offer(line("10"))
    with pytest.raises(refusal, match=says):
        shift.sign(who, by=by)
    assert shift.found()[0].signed is None


@pytest.mark.parametrize(
    ("by", "more", "says"),
    [
        (Actor("vera", "validator"), {}, "role validator"),
        (Actor("wira", "viewer"), {}, "role viewer"),
        (Actor("fajar", "field"), {}, "role field"),
        (LOCAL, {}, "Without users"),
        (RINA, {"shift_end": START - timedelta(hours=8)}, "up to 24 hours"),
        (RINA, {"shift_start": START - timedelta(hours=24)}, "up to 24 hours"),
        (RINA, {"begun": START + timedelta(days=3)}, "no shift of today"),
        (DEWI, {"id": "handover-of-rina"}, "that of rina"),
    ],
)
@one_database
def test_what_is_no_hand_over(shift: ShiftEnd, by: Actor, more: dict[str, Any], says: str) -> None:
    shift.offer(line("10"), id="handover-of-rina")
    with pytest.raises(Refusal, match=says):
        shift.offer(line("10"), by=by, **more)
    with pytest.raises(Invalid, match="a line twice"):
        shift.offer(line("10"), line("10"))
    assert [one.id for one in shift.found()] == ["handover-of-rina"]


def test_two_who_sign_at_once_are_not_both_the_ones(shift: ShiftEnd) -> None:
    shift.give_tono_a_pin()
    shift.offer(line("10"))
    ready = threading.Barrier(2)

    def sign(name: str) -> str:
        ready.wait()
        try:
            return shift.sign(name).incoming
        except Invalid as refusal:
            return refusal.message

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(sign, ("dewi", "tono")), key=len)
    assert said == [said[0], f"{said[0]} has taken it over already."]
    assert shift.found()[0].incoming == said[0]


@one_database
def test_after_five_wrong_pins_even_the_right_one_waits(shift: ShiftEnd, clock: Clock) -> None:
    shift.offer(line("10"))
    for left in (4, 3, 2, 1):
        with pytest.raises(ForbiddenRefusal, match=f"{left} tries left"):
            shift.sign(pin="314159")
    with pytest.raises(ForbiddenRefusal, match="Wait before the next"):
        shift.sign(pin="314159")
    with pytest.raises(TooMany, match="wait 5 min") as refusal:
        shift.sign()
    assert 280 <= refusal.value.more["retry_after_s"] <= 301
    clock.skip(minutes=5)
    with pytest.raises(ForbiddenRefusal):
        shift.sign(pin="314159")
    with pytest.raises(TooMany, match="wait 10 min"):
        shift.sign()
    clock.skip(minutes=10)
    assert shift.sign().incoming == "dewi"
    pins.check_pin(shift.city.database, "dewi", PIN, RINA, shift.city.clock())
    with pytest.raises(ForbiddenRefusal, match="4 tries left"):
        pins.check_pin(shift.city.database, "dewi", "314159", RINA, shift.city.clock())


@one_database
def test_who_guesses_at_one_desk_keeps_nobody_from_signing_at_another(shift: ShiftEnd, clock: Clock) -> None:
    def guess(desk: str, pin: str = "314159") -> None:
        pins.check_pin(shift.city.database, "dewi", pin, Actor(desk, "operator"), shift.city.clock())

    def guess_wrong(desk: str, times: int) -> None:
        for _ in range(times):
            with pytest.raises(ForbiddenRefusal):
                guess(desk)

    guess_wrong("tono", pins.MOST_TRIES)
    with pytest.raises(TooMany):
        guess("tono", PIN)
    guess("rina", PIN)
    guess("dewi", PIN)
    for desk in ("sari", "budi", "agus", "vera"):
        guess_wrong(desk, pins.MOST_TRIES)
    for desk in ("new", "rina"):
        with pytest.raises(TooMany):
            guess(desk, PIN)
    guess("dewi", PIN)
    clock.skip(minutes=5)
    guess_wrong("new", 1)
    with pytest.raises(TooMany, match="wait 10 min"):
        guess("rina", PIN)
    clock.skip(minutes=10)
    guess("rina", PIN)
    guess_wrong("new", 1)


@one_database
def test_at_one_desk_the_pins_of_all_colleagues_are_guessed_no_faster(shift: ShiftEnd, clock: Clock) -> None:
    """Five tries at each of a hundred names were five hundred at once, and as many with each hour."""
    names = ["sari", "budi", "agus", "vera", "tuti"]
    for name in names:
        add_user(shift.city, name, "operator")
        pins.set_pin(shift.city.database, name, "141421", LOCAL, START)

    def guess(name: str, pin: str, desk: str = "rina") -> None:
        pins.check_pin(shift.city.database, name, pin, Actor(desk, "operator"), shift.city.clock())

    for name in names:
        for _ in range(pins.MOST_AT_DESK // len(names)):
            with pytest.raises(ForbiddenRefusal):
                guess(name, "314159")
    with pytest.raises(TooMany, match="at this desk: wait 5 min"):
        guess("dewi", PIN)
    guess("dewi", PIN, desk="tono")
    guess("dewi", PIN, desk="dewi")
    clock.skip(minutes=5)
    with pytest.raises(ForbiddenRefusal):
        guess("dewi", "314159")
    with pytest.raises(TooMany, match="at this desk: wait 10 min"):
        guess("dewi", PIN)
    clock.skip(minutes=10)
    guess("dewi", PIN)
    with pytest.raises(ForbiddenRefusal):
        guess("tuti", "314159")


@one_database
def test_a_clock_that_is_set_back_makes_nobody_wait_for_it(shift: ShiftEnd, clock: Clock) -> None:
    shift.offer(line("10"))
    for _ in range(pins.MOST_TRIES):
        with pytest.raises(ForbiddenRefusal, match="not the PIN"):
            shift.sign(pin="000000")
    clock.skip(hours=-24)
    with pytest.raises(ForbiddenRefusal, match="not the PIN"):
        shift.sign(pin="000001")
    with pytest.raises(TooMany):
        shift.sign()
    clock.skip(minutes=11)
    assert shift.sign().incoming == "dewi"


def test_tries_that_come_at_once_are_each_counted(shift: ShiftEnd) -> None:
    ready = threading.Barrier(8)

    def guess(number: int) -> bool:
        ready.wait()
        try:
            pins.check_pin(shift.city.database, "dewi", f"31415{number}", RINA, shift.city.clock())
        except TooMany:
            return False
        except ForbiddenRefusal:
            return True
        raise AssertionError("it was no PIN")

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(guess, range(8))) == pins.MOST_TRIES


@one_database
def test_a_pin_is_set_by_himself_or_beside_the_database_and_kept_as_a_hash(
    shift: ShiftEnd, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    database, now = shift.city.database, shift.city.clock
    with pytest.raises(ForbiddenRefusal, match="rina has no PIN yet"):
        pins.check_pin(database, "rina", PIN, RINA, now())
    pins.change_own_pin(database, NewPin("161803"), RINA, now())
    with pytest.raises(ForbiddenRefusal, match="not the PIN of rina"):
        pins.change_own_pin(database, NewPin("577215", "000000"), RINA, now())
    pins.change_own_pin(database, NewPin("577215", "161803"), RINA, now())
    pins.check_pin(database, "rina", "577215", RINA, now())
    monkeypatch.setattr("sys.stdin", io.StringIO("141421\n"))
    assert user_commands.user_pin(database_url, "rina") == 0
    assert capsys.readouterr().out == "rina has a PIN.\n"
    pins.check_pin(database, "rina", "141421", RINA, now())
    for wrong in ("12345", "1234567890123", "27182x", "٢٧١٨٢٨", "222222", "123456", "876543"):
        with pytest.raises(Invalid):
            pins.set_pin(database, "rina", wrong, LOCAL, now())
    with pytest.raises(NotFound):
        pins.set_pin(database, "nobody", PIN, LOCAL, now())
    with database.read() as connection:
        rows = connection.execute(sa.select(schema.pins)).all()
        log = "".join(row.detail for row in audit.rows_after(connection, 0, None))
    assert not any(PIN in str(row) or "141421" in str(row) for row in rows)
    assert len({row.salt for row in rows}) == len(rows)
    assert "141421" not in log
    assert "given a PIN" in log


@one_database
def test_with_a_user_his_pin_is_gone(shift: ShiftEnd) -> None:
    remove_user(shift.city, "dewi")
    add_user(shift.city, "dewi", "operator")
    with pytest.raises(ForbiddenRefusal, match="no PIN yet"):
        pins.check_pin(shift.city.database, "dewi", PIN, RINA, shift.city.clock())


@one_database
def test_hand_overs_are_dropped_after_ninety_days_for_everybody(shift: ShiftEnd, clock: Clock) -> None:
    shift.offer(line("10"))
    shift.sign()
    let_pass(shift.city, clock, 89)
    assert len(shift.found()) == 1
    let_pass(shift.city, clock, 2)
    assert shift.found() == []


@pytest.fixture
def url(city: City, tmp_path: Path) -> Iterator[str]:
    with running(city, tmp_path / "media", Users(city), limits=RateLimits(UNLIMITED)) as url:
        yield url


@one_database
def test_by_http_it_is_offered_signed_and_refused(shift: ShiftEnd, url: str) -> None:
    shift.give_tono_a_pin()
    rina, vera = Api(url, shift.tokens["rina"]), Api(url, shift.tokens["vera"])

    def send(api: Api, method: str, path: str, body: Any) -> Any:
        plain = msgspec.to_builtins(body)
        return api.session.request(method, f"{url}/dispatch/v1{path}", json=plain, timeout=60)

    times = {"begun": START, "shift_start": START - timedelta(hours=7), "shift_end": START}
    body = {"id": "handover-1", **{name: at.isoformat() for name, at in times.items()}}
    body["lines"] = msgspec.to_builtins([line("10"), line("20", 1)])
    assert send(vera, "POST", "/handovers", body).status_code == 403
    assert send(rina, "POST", "/handovers", body).json()["outgoing"] == "rina"
    assert send(rina, "POST", "/handovers", body | {"lines": [{"id": "report:10"}]}).status_code == 422
    path = "/handovers/handover-1/signature"
    wrong = send(rina, "POST", path, {"name": "dewi", "pin": "314159"})
    assert (wrong.status_code, wrong.json()["message"]) == (403, "That is not the PIN of dewi. 4 tries left.")
    for _ in range(4):
        send(rina, "POST", path, {"name": "dewi", "pin": "314159"})
    waits = send(rina, "POST", path, {"name": "dewi", "pin": PIN})
    assert (waits.status_code, int(waits.headers["Retry-After"]) > 200) == (429, True)
    assert send(rina, "POST", path, {"name": "tono", "pin": PIN}).json()["incoming"] == "tono"
    assert send(rina, "PUT", "/me/pin", {"pin": "161803"}).status_code == 204
    assert send(rina, "PUT", "/me/pin", {"pin": "577215"}).status_code == 403
    pins.check_pin(shift.city.database, "rina", "161803", RINA, shift.city.clock())


@one_database
def test_an_unsigned_hand_over_is_an_alarm_that_is_acknowledged(shift: ShiftEnd) -> None:
    shift.offer(line("10"))
    about = {"kind": "unsigned", "about": "handover-1", "since": START.isoformat()}
    unknown = about | {"about": "unknown"}
    with pytest.raises(NotFound, match="no hand-over unknown"):
        shift.city.apply(EditBody("alarm-unknown", Kind.ALARM, data={"alarms": [unknown], "acknowledged": True}))
    shift.city.apply(EditBody("alarm-known", Kind.ALARM, data={"alarms": [about], "acknowledged": True}))
    (found,) = (one for one in shift.city.snapshot().items if one.kind == "alarm")
    record = decode(bytes(found.data), AlarmRecord)
    assert (record.id, record.report, record.unit, record.acknowledged_by) == (
        "unsigned:handover-1",
        None,
        None,
        "local",
    )


@one_database
def test_a_shift_without_a_hand_over_is_an_alarm_that_is_acknowledged_once_it_is_late(shift: ShiftEnd) -> None:
    end = START.replace(minute=0, second=0, microsecond=0)
    for hours, at in (("old", end - timedelta(hours=1)), ("new", end + timedelta(hours=1))):
        about = {"kind": "unsigned", "about": f"shift:{at:%Y-%m-%dT%H:%MZ}", "since": (at + LATE).isoformat()}
        edit = EditBody(f"alarm-{hours}", Kind.ALARM, data={"alarms": [about], "acknowledged": True})
        if at > end:
            with pytest.raises(Invalid, match="not begun yet"):
                shift.city.apply(edit)
        else:
            shift.city.apply(edit)
    (found,) = (one for one in shift.city.snapshot().items if one.kind == "alarm")
    assert decode(bytes(found.data), AlarmRecord).report is None
