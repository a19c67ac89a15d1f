"""Small questions to the real server: who looks at what, and contacts that are brought only when asked for."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api_client.model import (
    EditBody,
    HandoverLine,
    HandoverOffer,
    HandoverSection,
    HandoverSignature,
    Kind,
    NewPin,
)
from api_client.transport import TransferLimits
from console.rules.messages import (
    CallerFound,
    FindCaller,
    Look,
    Presence,
    RequestDone,
    Reveal,
    Revealed,
    SetPin,
    SignHandover,
    SignOut,
    SourceState,
    TokenOwner,
    WhoseToken,
)
from console.server.city import audit
from console.server.city.records import LOCAL
from console.sync.retry import Timing
from tests.helpers.live_server import Live
from tests.helpers.net import http
from tests.helpers.proxy import Exchange, FaultProxy, answer, drop_after, path_has, through
from tests.helpers.sync_rig import Rig, rig

IMPATIENT = TransferLimits(connect_s=1.0, read_s=1.5, total_s=3.0)
TIMING = Timing(page=IMPATIENT, small=IMPATIENT, photo=IMPATIENT, silence_s=3.0, poll_s=0.3)


@pytest.fixture
def console(proxy: FaultProxy, tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path / "profile", proxy.url, timing=TIMING) as console:
        console.live()
        console.wait_until(lambda: looks(proxy) == [None])  # who is connected says so, also when nothing is open
        yield console


def looks(proxy: FaultProxy) -> list[str | None]:
    told = [asked for _, asked in list(proxy.requests) if path_has("/presence")(asked) and asked.method == "PUT"]
    return [json.loads(asked.body)["report"] for asked in told]


def test_what_stays_open_is_told_and_others_hear_of_it(live: Live, proxy: FaultProxy, console: Rig) -> None:
    for number in range(1, 8):
        console.followers.take(Look("jkt", f"r{number}"))  # run through, to the last one
    console.wait(Presence, lambda heard: heard.looking == {"local": "r7"})
    assert looks(proxy) == [None, "r7"]
    console.followers.take(Look("jkt", None))
    console.wait_until(lambda: live.city.presence.seen(datetime.now(UTC)).looking == {"local": None})
    assert looks(proxy) == [None, "r7", None]
    console.followers.take(Look("nowhere", "r1"))


def test_what_is_opened_while_the_last_word_is_on_its_way_is_told_too(
    live: Live, proxy: FaultProxy, console: Rig
) -> None:
    """Closing a report and opening the next one within one slow answer."""
    arrived, let_go = threading.Event(), threading.Event()

    def slow(exchange: Exchange) -> None:
        arrived.set()
        let_go.wait(20)
        through(exchange)

    console.followers.take(Look("jkt", "r1"))
    console.wait_until(lambda: looks(proxy) == [None, "r1"])
    proxy.when(path_has("/presence"), slow, times=1)
    console.followers.take(Look("jkt", None))
    assert arrived.wait(20)
    console.followers.take(Look("jkt", "r2"))
    let_go.set()
    console.wait_until(lambda: live.city.presence.seen(datetime.now(UTC)).looking == {"local": "r2"})


def test_nothing_is_told_while_the_server_is_away(proxy: FaultProxy, console: Rig) -> None:
    proxy.away()
    console.wait(SourceState, lambda state: state.state == "offline")
    console.followers.take(Look("jkt", "r1"))
    console.followers.take(Reveal("jkt", "r1"))
    assert "cannot be reached" in console.wait(Revealed, lambda _: True).problem
    console.followers.take(FindCaller("jkt", 1, "0812-555-777"))
    assert console.wait(CallerFound, lambda one: one.number == 1).problem.startswith("Needs the server")
    assert looks(proxy) == [None]


def contact_of(live: Live) -> str:
    """A report of a caller."""
    data = {"service": "flood", "description": "Water", "contact": {"name": "Siti", "phone": "0812-555-777"}}
    live.city.apply(EditBody(id="create-siti", kind=Kind.CREATE, data=data), report=None, actor=LOCAL)
    (key,) = (item.id for item in live.city.changes(0, 1000).items if item.kind == "report" and item.id[0] != "r")
    return key


def test_a_contact_is_brought_when_asked_for_and_kept_nowhere(live: Live, console: Rig, tmp_path: Path) -> None:
    key = contact_of(live)
    console.followers.take(Reveal("jkt", key))
    told = console.wait(Revealed, lambda one: one.report == key)
    assert (told.name, told.phone, told.problem) == ("Siti", "0812-555-777", "")
    with live.city.database.read() as connection:
        assert [row.object for row in audit.rows_after(connection, 0) if row.what == audit.REVEAL] == [key]
    for file in (tmp_path / "profile").rglob("*"):
        if file.is_file():
            assert b"0812-555-777" not in file.read_bytes(), file


def test_the_reports_of_a_caller_are_found_and_kept_nowhere(
    live: Live, proxy: FaultProxy, console: Rig, tmp_path: Path
) -> None:
    key = contact_of(live)
    console.followers.take(FindCaller("jkt", 1, "+62 812 555 777"))
    told = console.wait(CallerFound, lambda one: one.number == 1)
    assert (told.reports, told.more, told.problem) == ((key,), False, "")
    console.followers.take(FindCaller("jkt", 2, "0899 000 000"))
    assert console.wait(CallerFound, lambda one: one.number == 2) == CallerFound("jkt", 2)
    refusal = http(404, {"error": "not_found", "message": "Not found"}, Sigap_Server="x")
    proxy.when(path_has("/callers/reports"), answer(refusal), times=1)
    console.followers.take(FindCaller("jkt", 3, "0899 000 000"))
    assert "of a version" in console.wait(CallerFound, lambda one: one.number == 3).problem
    many = http(429, {"error": "too_many", "message": "Ask again in 20 s."}, Sigap_Server="x")
    proxy.when(path_has("/callers/reports"), answer(many), times=1)
    console.followers.take(FindCaller("jkt", 4, "0899 000 000"))
    assert console.wait(CallerFound, lambda one: one.number == 4).problem
    console.followers.take(FindCaller("nowhere", 5, "0899 000 000"))
    assert console.wait(CallerFound, lambda one: one.number == 5).problem == "The city is not connected."
    for file in (tmp_path / "profile").rglob("*"):
        if file.is_file():
            assert b"812 555 777" not in file.read_bytes(), file


UNITS = HandoverSection.UNITS


def test_a_hand_over_is_offered_and_signed_and_no_pin_is_kept(
    live: Live, proxy: FaultProxy, console: Rig, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    offer = HandoverOffer("handover-1", now, now - timedelta(hours=8), now, (HandoverLine("unit:1", UNITS, "SDA-1"),))
    signature = HandoverSignature("dewi", "271828")

    def problem(number: int) -> str:
        return console.wait(RequestDone, lambda one: one.number == number).problem

    console.followers.take(SignHandover("jkt", 1, offer.id, offer, signature))
    assert problem(1) == "Without users there is nobody who could take over."
    console.followers.take(SetPin("jkt", 2, NewPin("271828")))
    assert problem(2) == "Without users there is nobody who could have a PIN."
    console.followers.take(SignHandover("jkt", 3, "no such", None, signature))
    assert problem(3) == "There is no hand-over no such."
    older = answer(http(404, {"error": "not_found", "message": "Not found"}, Sigap_Server="x"))
    proxy.when(path_has("/handovers"), older, times=1)
    console.followers.take(SignHandover("jkt", 4, offer.id, offer))
    assert problem(4) == "This server is of a version that keeps no hand-overs: print the draft."
    waits = answer(
        http(429, {"error": "too_many", "message": "Too many wrong PINs for dewi: wait 5 min."}, Sigap_Server="x")
    )
    proxy.when(path_has("/signature"), waits, times=1)
    console.followers.take(SignHandover("jkt", 5, offer.id, None, signature))
    assert problem(5).startswith("Too many wrong PINs for dewi: wait 5 min.")
    console.followers.take(SetPin("nowhere", 6, NewPin("271828")))
    assert problem(6) == "The city is not connected."
    proxy.when(path_has("/signature"), drop_after, times=1)
    console.followers.take(SignHandover("jkt", 8, offer.id, None, signature))
    assert problem(8).startswith("The server did not answer"), "it may be signed"
    proxy.away()
    console.wait(SourceState, lambda state: state.state == "offline")
    console.followers.take(SignHandover("jkt", 7, offer.id, offer, signature))
    assert problem(7) == "Needs the server, which cannot be reached now: it stays unsigned."
    for file in (tmp_path / "profile").rglob("*"):
        if file.is_file():
            assert b"271828" not in file.read_bytes(), file


def test_why_there_is_no_contact_is_said(proxy: FaultProxy, console: Rig) -> None:
    console.followers.take(Reveal("jkt", "nothing"))
    assert console.wait(Revealed, lambda one: one.report == "nothing").problem
    refusal = http(403, {"error": "forbidden", "message": "Not in your area."}, Sigap_Server="x")
    proxy.when(path_has("/contact"), answer(refusal), times=1)
    console.followers.take(Reveal("jkt", "r2"))
    assert console.wait(Revealed, lambda one: one.report == "r2").problem == "Not in your area."
    console.followers.take(Reveal("gone", "r2"))
    assert "not connected" in console.wait(Revealed, lambda one: one.source == "gone").problem


def test_whose_a_token_is_the_server_alone_knows(proxy: FaultProxy, console: Rig) -> None:
    console.followers.take(WhoseToken("jkt", 1, "a-token"))
    assert console.wait(TokenOwner, lambda one: one.number == 1) == TokenOwner("jkt", 1, "local")
    asked = [one for _, one in proxy.requests if path_has("/me")(one)]
    assert asked[-1].headers["authorization"] == "Bearer a-token"
    unknown = http(401, {"error": "unauthorized", "message": "This token is not known here."}, Sigap_Server="x")
    proxy.when(path_has("/me"), answer(unknown), times=1)
    console.followers.take(WhoseToken("jkt", 2, "nobody's"))
    told = console.wait(TokenOwner, lambda one: one.number == 2)
    assert told == TokenOwner("jkt", 2, problem="This token is not known here.")
    console.followers.take(WhoseToken("nowhere", 3, "a-token"))
    assert console.wait(TokenOwner, lambda one: one.number == 3).problem == "The city is not connected."
    proxy.away()
    console.followers.take(WhoseToken("jkt", 4, "a-token"))
    assert "cannot be reached" in console.wait(TokenOwner, lambda one: one.number == 4).problem


def test_who_has_signed_out_is_told_with_his_own_token_until_the_server_is_reached(
    proxy: FaultProxy, tmp_path: Path
) -> None:
    def told() -> list[str]:
        return [one.headers["authorization"] for _, one in list(proxy.requests) if one.method == "DELETE"]

    def refuses(status: int) -> None:
        refusal = http(status, {"error": "no", "message": "No."}, Sigap_Server="x")
        proxy.when(lambda asked: asked.method == "DELETE", answer(refusal), times=1)

    with rig(tmp_path / "profile", proxy.url) as console:  # as patient as in life: a lost answer is another try
        console.live()
        console.followers.take(SignOut("jkt", "rina's"))
        console.wait_until(lambda: told() == ["Bearer rina's"])
        refuses(503)
        console.followers.take(SignOut("jkt", "budi's"))
        console.followers.take(Look("jkt", "r1"))
        console.wait_until(lambda: told()[1:] == ["Bearer budi's"] * 2)
        refuses(405)
        console.followers.take(SignOut("jkt", "siti's"))
        console.wait_until(lambda: told()[3:] == ["Bearer siti's"])
        console.followers.take(SignOut("nowhere", "siti's"))
        console.followers.take(Look("jkt", "r2"))
        console.wait_until(lambda: looks(proxy)[-1:] == ["r2"])
        assert len(told()) == 4, "an older server is told once"
