"""What becomes of an edit: taken once, refused in words, asked again with the same key, never called sent too early."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api_client import errors
from api_client.model import Kind
from console.pipe import pack
from console.rules.edit import KNOWS_NO_ALARMS, KNOWS_NO_MESSAGES, Edit
from console.rules.messages import Fetch, Fetched, Obstacle, Outcome, Push, SourceState, SyncNow, Withdraw
from console.rules.queued import EditState, StopReason
from console.sync.attempt import Attempt, NotUploaded
from console.sync.health import Health
from console.sync.send_dispatch import TakenEdit
from console.sync.send_lane import PushQueue
from tests.helpers.fake_city import FakeCity, five_reports, report
from tests.helpers.net import Asked, http
from tests.helpers.outbox_rig import AtOnce
from tests.helpers.sync_rig import Rig, rig

PHOTO = b"\xff\xd8\xff" + b"a picture"
HASH = hashlib.sha256(PHOTO).hexdigest()


@pytest.fixture
def city() -> Iterator[FakeCity]:
    with five_reports() as city:
        yield city


@pytest.fixture
def console(city: FakeCity, tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path, city.url) as console:
        console.live()
        yield console


def edits_at(city: FakeCity) -> list[tuple[str, dict[str, Any], dict[str, str]]]:
    return [(each.path, json.loads(each.body), each.headers) for each in city.server.asked if each.method == "POST"]


def fault(status: int, word: str, message: str, **more: Any) -> bytes:
    return http(status, {"error": word, "message": message} | more)


def test_accepted_and_then_proved_by_the_feed(city: FakeCity, console: Rig) -> None:
    edit = console.push(Kind.SET, "2", version=4, priority=1)
    assert console.outcome(edit, EditState.ACCEPTED).version == 1
    console.proved(edit)
    path, body, headers = edits_at(city)[0]
    assert path == "/dispatch/v1/reports/2/edits"
    assert (headers["idempotency-key"], headers["if-match"]) == (edit.id, '"4"')
    assert (body["id"], body["kind"], body["data"], body["number"]) == (edit.id, "set", {"priority": 1}, 1)


def test_appends_carry_no_if_match_and_units_have_their_own_path(city: FakeCity, console: Rig) -> None:
    note = console.push(Kind.NOTE, "2", version=4, text="seen")
    console.outcome(note, EditState.ACCEPTED)
    unit = console.push(Kind.UNIT_STATE, None, unit="U 12/a", state="break")
    console.outcome(unit, EditState.ACCEPTED)
    (_, _, headers), (path, _, _) = edits_at(city)
    assert "if-match" not in headers
    assert path == "/dispatch/v1/units/U%2012%2Fa/edits"


def test_a_closure_has_its_own_path_and_a_server_that_knows_none_is_named(city: FakeCity, console: Rig) -> None:
    taken = console.push(Kind.CLOSURE, None, closure="c 1/a", ended=True)
    console.outcome(taken, EditState.ACCEPTED)
    ((path, _, headers),) = edits_at(city)
    assert path == "/dispatch/v1/closures/c%201%2Fa/edits"
    assert "if-match" not in headers
    city.on_edit = lambda *_: fault(404, "not_found", "There is nothing at this address.")
    refused = console.outcome(console.push(Kind.CLOSURE, None, closure="c2", ended=True), EditState.ATTENTION)
    assert refused.reason is StopReason.REFUSED
    assert "older version" in refused.problem
    city.can = ["closures"]
    refused = console.outcome(console.push(Kind.CLOSURE, None, closure="c3", ended=True), EditState.ATTENTION)
    assert (refused.reason, refused.problem) == (StopReason.REFUSED, "There is nothing at this address.")


def test_alarms_have_their_own_path_and_a_server_that_keeps_none_is_named(city: FakeCity, console: Rig) -> None:
    alarms = [{"kind": "crewless", "about": "1", "since": "2026-11-24T12:00:00Z"}]
    taken = console.push(Kind.ALARM, None, alarms=alarms, acknowledged=True)
    console.outcome(taken, EditState.ACCEPTED)
    ((path, _, headers),) = edits_at(city)
    assert path == "/dispatch/v1/alarms/edits"
    assert "if-match" not in headers
    city.on_edit = lambda *_: fault(404, "not_found", "There is nothing at this address.")
    refused = console.outcome(console.push(Kind.ALARM, None, alarms=alarms, acknowledged=True), EditState.ATTENTION)
    assert (refused.reason, refused.problem) == (StopReason.REFUSED, KNOWS_NO_ALARMS)
    city.can = ["alarms"]
    refused = console.outcome(console.push(Kind.ALARM, None, alarms=alarms, acknowledged=True), EditState.ATTENTION)
    assert refused.problem == "There is nothing at this address."


@pytest.mark.parametrize(("kind", "data"), [(Kind.OFFER, {"to": "budi"}), (Kind.DECLINE, {})])
def test_a_server_at_which_nothing_can_be_given_to_a_colleague_is_named(
    city: FakeCity, console: Rig, kind: Kind, data: dict[str, Any]
) -> None:
    console.outcome(console.push(kind, "1", version=4, **data), EditState.ACCEPTED)
    unknown = "The body is no edit: Invalid enum value."
    city.on_edit = lambda *_: fault(422, "invalid", unknown)
    refused = console.outcome(console.push(kind, "2", version=4, **data), EditState.ATTENTION)
    assert refused.reason is StopReason.REFUSED
    assert refused.problem.startswith("This server is of an older version, at which a report cannot be given")
    city.can = ["offers"]
    refused = console.outcome(console.push(kind, "3", version=4, **data), EditState.ATTENTION)
    assert refused.problem == unknown


def test_messages_have_their_own_path_and_a_server_that_passes_on_none_is_named(city: FakeCity, console: Rig) -> None:
    sent = console.push(Kind.MESSAGE, None, to={"unit": "U1"}, text="Bring sandbags")
    console.outcome(sent, EditState.ACCEPTED)
    console.outcome(console.push(Kind.READ, None, messages=[sent.id]), EditState.ACCEPTED)
    (written, body, _), (read, _, _) = edits_at(city)
    assert written == read == "/dispatch/v1/messages/edits"
    assert body["expires_at"] == (sent.occurred_at + timedelta(minutes=10)).isoformat().replace("+00:00", "Z")
    city.on_edit = lambda *_: fault(404, "not_found", "There is nothing at this address.")
    refused = console.outcome(console.push(Kind.MESSAGE, None, to={}, text="x"), EditState.ATTENTION)
    assert (refused.reason, refused.problem) == (StopReason.REFUSED, KNOWS_NO_MESSAGES)
    city.can = ["messages"]
    refused = console.outcome(console.push(Kind.MESSAGE, None, to={}, text="x"), EditState.ATTENTION)


def test_lines_of_the_log_have_their_own_path_and_a_server_that_takes_none_is_named(
    city: FakeCity, console: Rig
) -> None:
    console.outcome(console.push(Kind.LOG, None, text="PLN was called"), EditState.ACCEPTED)
    ((path, _, headers),) = edits_at(city)
    assert path == "/dispatch/v1/log/edits"
    assert "if-match" not in headers
    city.on_edit = lambda *_: fault(404, "not_found", "There is nothing at this address.")
    refused = console.outcome(console.push(Kind.LOG, None, text="x"), EditState.ATTENTION)
    assert (refused.reason, "takes no lines of the log" in refused.problem) == (StopReason.REFUSED, True)
    city.can = ["log"]
    refused = console.outcome(console.push(Kind.LOG, None, text="x"), EditState.ATTENTION)
    assert refused.problem == "There is nothing at this address."


def test_an_edit_whose_answer_was_lost_acts_once(city: FakeCity, console: Rig) -> None:
    lost: list[object] = []

    def lose_first(body: dict[str, Any], _: Asked) -> bytes | None:
        if not lost:
            lost.append(body)
            city.on_edit = lambda *_: None
            city._edit(city.server.asked[-1])
            return b""  # the connection ends without an answer
        return None

    city.on_edit = lose_first
    edit = console.push(Kind.NOTE, "1", text="once")
    assert console.outcome(edit, EditState.UNCONFIRMED).obstacle is Obstacle.SERVER
    console.proved(edit)
    assert city.applied == [edit.id]


def test_a_lost_answer_is_told_also_when_the_next_try_begins_at_once(city: FakeCity, tmp_path: Path) -> None:
    city.on_edit = lambda *_: b"" if len(edits_at(city)) == 1 else None
    with rig(tmp_path, city.url, random_source=AtOnce()) as console:
        console.live()
        edit = console.push(Kind.NOTE, "1", text="once")
        console.outcome(edit, EditState.ACCEPTED)
        told = [each.state for each in console.said if isinstance(each, Outcome) and each.edit_id == edit.id]
        # What it waits for meanwhile may be told before the next try begins.
        assert list(dict.fromkeys(told)) == [EditState.UNCONFIRMED, EditState.ACCEPTED]
        assert told.count(EditState.ACCEPTED) == 1
        first, second = edits_at(city)
        assert first == second, "the same body under the same key"


def test_a_falling_server_holds_only_the_edit_it_falls_over(city: FakeCity, console: Rig) -> None:
    city.on_edit = lambda body, _: fault(500, "defect", "Fell.") if body["data"].get("text") == "poison" else None
    poison = console.push(Kind.NOTE, "1", text="poison")
    after = console.push(Kind.NOTE, "1", text="after it")
    other = console.push(Kind.NOTE, "2", text="other")
    assert console.outcome(poison, EditState.UNCONFIRMED).problem == "Fell."
    console.outcome(other, EditState.ACCEPTED)
    assert after.id not in city.applied
    city.on_edit = lambda *_: None
    console.followers.take(SyncNow())
    console.outcome(after, EditState.ACCEPTED)
    assert city.applied == [other.id, poison.id, after.id]


ABOUT = {"description": "Report 1", "created": "2026-11-24T10:00:00Z", "into": "2026-11-24T09:00:00Z"}


def test_an_edit_says_which_reports_are_meant_and_nothing_is_asked_before(city: FakeCity, console: Rig) -> None:
    for number in range(20):
        kind = Kind.MERGE if number == 19 else Kind.NOTE
        data: dict[str, Any] = {"into": "2"} if number == 19 else {"text": "x"}
        console.outcome(console.push(kind, "1", version=1, about=ABOUT, **data), EditState.ACCEPTED)
    assert [body["about"] for _, body, _ in edits_at(city)] == [
        {"created": ABOUT["created"], "into": ABOUT["into"]}
    ] * 20
    assert len([asked for asked in city.server.asked if "/reports/1" in asked.path]) == 20
    console.outcome(console.push(Kind.NOTE, "1", text="x"), EditState.ACCEPTED)
    assert "about" not in edits_at(city)[-1][1]


def test_a_divert_says_what_was_seen_of_the_report_that_is_left(city: FakeCity, console: Rig) -> None:
    seen = {"leaves": {"2": {"created": "2026-11-24T09:00:00Z", "version": 4}}}
    about = seen | {"returns_to": ["2"], "told": True}
    console.outcome(
        console.push(Kind.DISPATCH, "1", version=1, about=about, unit="u1", leaves=["2"]), EditState.ACCEPTED
    )
    ((_, body, _),) = edits_at(city)
    assert body["about"] == seen
    assert body["data"] == {"unit": "u1", "leaves": ["2"]}


@pytest.mark.parametrize(
    ("other", "reason"),
    [("1", StopReason.ANOTHER_REPORT), (None, StopReason.ANOTHER_REPORT), ("2", StopReason.REFUSED)],
)
def test_a_number_that_is_another_report_now_is_told_as_that(
    city: FakeCity, console: Rig, other: str | None, reason: StopReason
) -> None:
    """Of the report that it was to be merged into the server's own sentence is told: the edit's own is still there."""
    city.on_edit = lambda *_: fault(409, "another_report", "2 is another report now.", report=other)
    merge = console.push(Kind.MERGE, "1", version=1, about=ABOUT, into="2")
    outcome = console.outcome(merge, EditState.ATTENTION)
    assert outcome.reason is reason
    assert outcome.problem == ("2 is another report now." if reason is StopReason.REFUSED else "")
    assert len(edits_at(city)) == 1


@pytest.mark.parametrize(
    ("status", "word"), [(400, "invalid"), (403, "forbidden"), (404, "not_found"), (410, "gone"), (422, "key_reused")]
)
def test_a_refusal_is_parked_after_one_try_in_the_servers_words(
    city: FakeCity, console: Rig, status: int, word: str
) -> None:
    city.on_edit = lambda body, _: fault(status, word, "Not like this.") if body["data"]["text"] == "bad" else None
    bad = console.push(Kind.NOTE, "1", text="bad")
    after = console.push(Kind.NOTE, "1", text="good")
    outcome = console.outcome(bad, EditState.ATTENTION)
    reason = StopReason.REFUSED_FOR_NOW if status == 403 else StopReason.REFUSED
    assert (outcome.problem, outcome.reason) == ("Not like this.", reason)
    console.outcome(after, EditState.ACCEPTED)
    assert len([body for _, body, _ in edits_at(city) if body["id"] == bad.id]) == 1


def test_a_conflict_comes_with_theirs_and_the_present_version(city: FakeCity, console: Rig) -> None:
    theirs = {"priority": {"value": 2, "who": "rina", "at": "2026-11-24T10:00:00Z"}}
    city.put("report", report(1, version=9))
    city.on_edit = lambda *_: fault(412, "conflict", "Rina changed it.", fields=theirs)
    outcome = console.outcome(console.push(Kind.SET, "1", version=3, priority=1), EditState.CONFLICT)
    assert (outcome.theirs, outcome.version, outcome.problem) == (theirs, 9, "Rina changed it.")


def test_a_busy_unit_is_named(city: FakeCity, console: Rig) -> None:
    city.on_edit = lambda *_: fault(412, "busy", "U1 is busy.", unit="U1", report="5", who="rina", at="2026-11-24")
    outcome = console.outcome(console.push(Kind.DISPATCH, "1", version=1, unit="U1"), EditState.CONFLICT)
    assert outcome.theirs == {"busy": {"unit": "U1", "report": "5", "who": "rina", "at": "2026-11-24"}}


def test_still_running_is_waited_for_and_is_no_conflict(city: FakeCity, console: Rig) -> None:
    left = [1, 1]
    city.on_edit = lambda *_: fault(409, "in_progress", "Still running.") if left and left.pop() else None
    edit = console.push(Kind.NOTE, "1", text="x")
    console.outcome(edit, EditState.ACCEPTED)
    states = {each.state for each in console.said if isinstance(each, Outcome) and each.edit_id == edit.id}
    assert states == {EditState.UNCONFIRMED, EditState.ACCEPTED}


def test_signed_out_pauses_everything_and_loses_nothing(city: FakeCity, console: Rig) -> None:
    city.on_edit = lambda *_: fault(401, "sign_in", "Sign in again.")
    edits = [console.push(Kind.NOTE, str(number), text="x") for number in (1, 2, 3)]
    refused = console.wait(SourceState, lambda each: each.state == "refused")
    assert refused.problem == "Sign in again."
    console.outcome(edits[0], EditState.UNCONFIRMED, EditState.QUEUED)
    assert len(edits_at(city)) <= 2, "the others must not run against the same wall"
    city.on_edit = lambda *_: None
    mark = len(console.said)
    console.followers.take(SyncNow())
    for edit in edits:
        console.outcome(edit, EditState.ACCEPTED)
    console.live(mark)


def test_retry_after_is_obeyed(city: FakeCity, console: Rig) -> None:
    asked_at: list[datetime] = []

    def busy_once(*_: object) -> bytes | None:
        asked_at.append(datetime.now(UTC))
        return http(429, {"error": "busy", "message": "Slowly."}, Retry_After="1") if len(asked_at) == 1 else None

    city.on_edit = busy_once
    console.outcome(console.push(Kind.NOTE, "1", text="x"), EditState.ACCEPTED)
    assert asked_at[1] - asked_at[0] >= timedelta(seconds=1)


def test_a_new_report_and_what_was_done_to_it(city: FakeCity, console: Rig) -> None:
    create = console.push(Kind.CREATE, None, description="By telephone", service="flood")
    note = console.push(Kind.NOTE, create.report, text="child")
    outcome = console.outcome(create, EditState.ACCEPTED)
    console.outcome(note, EditState.ACCEPTED)
    assert outcome.remote_id is not None
    assert [path for path, _, _ in edits_at(city)][-1] == f"/dispatch/v1/reports/{outcome.remote_id}/edits"
    console.wait_until(lambda: console.cached().get(outcome.remote_id or "") == "By telephone")


def test_a_report_in_the_place_of_another_is_not_sent_to_a_server_that_would_have_both(
    city: FakeCity, console: Rig
) -> None:
    """An older one. Who has looked there and sends it all the same has decided that."""
    about = {"instead_of": ["key-of-budi"]}
    edit = console.try_once(Kind.CREATE, "local:a", description="By telephone", about=about, unconfirmed=True)
    assert console.outcome(edit, EditState.ATTENTION).reason is StopReason.MAY_BE_THERE
    assert edits_at(city) == []
    console.followers.take(Push(edit))
    console.outcome(edit, EditState.ACCEPTED)
    assert [body["about"] for _, body, _ in edits_at(city)] == [about]


def test_that_a_report_is_there_by_the_one_in_whose_place_it_was_sent_is_told_of_both(
    city: FakeCity, console: Rig
) -> None:
    city.can = ["instead_of"]
    city.on_edit = lambda *_: fault(409, "already_there", "It is there.", report="928", edit="key-of-budi")
    about = {"instead_of": ["key-of-budi"]}
    edit = console.try_once(Kind.CREATE, "local:a", description="By telephone", about=about, unconfirmed=True)
    second = console.outcome(edit, EditState.SENT)
    assert second.remote_id == "928"
    told = [one for one in console.said if isinstance(one, Outcome)]
    assert told == [Outcome("key-of-budi", EditState.ACCEPTED, remote_id="928"), second], "the first one is followed"


def test_a_photo_goes_up_before_its_edit_and_holds_nothing_else(city: FakeCity, console: Rig) -> None:
    folder = console.folder / "work-media"
    folder.mkdir()
    (folder / HASH).write_bytes(PHOTO)
    arrived, let_go = threading.Event(), threading.Event()
    put = city._media

    def slow(asked: Asked, sha256: str) -> bytes:
        arrived.set()
        let_go.wait(20)
        return put(asked, sha256)

    city._media = slow  # type: ignore[method-assign]
    photo = console.push(Kind.PHOTO, "1", sha256=HASH, role="after", size=len(PHOTO))
    assert arrived.wait(20)
    note = console.push(Kind.NOTE, "1", text="while it uploads")
    console.outcome(note, EditState.ACCEPTED)
    assert photo.id not in city.applied
    let_go.set()
    console.outcome(photo, EditState.ACCEPTED)
    assert city.media == {HASH: PHOTO}


def test_a_photo_that_the_server_falls_over_holds_no_other(city: FakeCity, console: Rig) -> None:
    """The bytes of each photo wait for a better time of their own; what needs another photo's proof goes on."""
    folder = console.folder / "work-media"
    folder.mkdir()
    bad = hashlib.sha256(b"\xff\xd8\xffbad").hexdigest()
    (folder / bad).write_bytes(b"\xff\xd8\xffbad")
    (folder / HASH).write_bytes(PHOTO)
    put = city._media
    city._media = lambda asked, sha256: (  # type: ignore[method-assign]
        fault(500, "defect", "Fell.") if sha256 == bad else put(asked, sha256)
    )
    poison = console.push(Kind.PHOTO, "1", sha256=bad, role="after", size=6)
    told = console.outcome(poison, EditState.QUEUED)
    assert (told.problem, told.obstacle) == ("Fell.", Obstacle.ONE_EDIT)
    photo = console.push(Kind.PHOTO, "2", sha256=HASH, role="after", size=len(PHOTO))
    done = console.push(Kind.SET, "2", version=1, status="awaiting_validation")
    console.outcome(photo, EditState.ACCEPTED)
    console.outcome(done, EditState.ACCEPTED)
    city._media = put  # type: ignore[method-assign]
    console.followers.take(SyncNow())
    console.outcome(poison, EditState.ACCEPTED)


def test_a_photo_that_a_server_lost_goes_up_again_with_its_edit(city: FakeCity, console: Rig) -> None:
    """A server that was set back has neither; its report named a photo that nobody had any more."""
    folder = console.folder / "work-media"
    folder.mkdir()
    (folder / HASH).write_bytes(PHOTO)
    for report_id in ("1", "2"):
        city.media.clear()
        photo = console.push(Kind.PHOTO, report_id, sha256=HASH, role="after", size=len(PHOTO))
        console.outcome(photo, EditState.ACCEPTED)
        assert city.media == {HASH: PHOTO}


def test_a_server_that_was_set_back_between_photo_and_edit_gets_the_photo_again(city: FakeCity, console: Rig) -> None:
    """The edit was taken and said to be sent; of the photo nobody had anything any more."""
    folder = console.folder / "work-media"
    folder.mkdir()
    (folder / HASH).write_bytes(PHOTO)
    city.on_edit = lambda *_: fault(500, "fault", "It fell over.")
    photo = console.push(Kind.PHOTO, "1", sha256=HASH, role="after", size=len(PHOTO))
    console.wait_until(lambda: edits_at(city))
    assert city.media.pop(HASH) == PHOTO
    city.replace_all([report(1, description="Restored")])
    console.wait_until(lambda: console.cached() == {"1": "Restored"})
    city.on_edit = lambda *_: None
    console.arrived(photo)
    assert city.media == {HASH: PHOTO}


def test_a_photo_without_its_file_says_so(console: Rig) -> None:
    edit = console.push(Kind.PHOTO, "1", sha256="0" * 64, role="after", size=1)
    assert console.outcome(edit, EditState.ATTENTION).reason is StopReason.NO_PHOTO_FILE


def test_fetched_photos_are_files_named_by_their_hash(city: FakeCity, console: Rig) -> None:
    city.media[HASH] = PHOTO
    page = b"<html>no photo</html>"
    other = hashlib.sha256(page).hexdigest()
    city.media[other] = page
    city.media["1" * 64] = PHOTO
    for wanted in (HASH, other, "1" * 64, "2" * 64):
        console.followers.take(Fetch("jkt", wanted, None))
    console.followers.take(Fetch("jkt", None, "http://10.0.0.1/x.jpg"))
    assert console.wait(Fetched, lambda each: each.sha256 == HASH).problem == ""
    assert (console.folder / "media" / HASH).read_bytes() == PHOTO
    for wanted in (other, "1" * 64, "2" * 64):
        assert console.wait(Fetched, lambda each, wanted=wanted: each.sha256 == wanted).problem
    assert "https" in console.wait(Fetched, lambda each: each.url is not None).problem
    assert [each.name for each in (console.folder / "media").iterdir()] == [HASH]


def test_an_edit_is_never_sent_under_another_name(city: FakeCity, tmp_path: Path) -> None:
    city.answers["/me"] = {"name": "budi", "role": "operator"}
    with rig(tmp_path, city.url) as console:
        console.live()
        edit = Edit("e1", Kind.NOTE, "1", "rina", "d", 1, datetime.now(UTC), {"text": "x"}, source="jkt")
        console.followers.take(Push(edit))
        told = console.outcome(edit, EditState.ATTENTION)
        assert (told.reason, told.problem) == (StopReason.NOT_SIGNED_IN, "budi")
    assert city.applied == []


@pytest.mark.parametrize("arrived", [True, False])
def test_an_order_past_its_time_that_may_have_left_is_looked_up(city: FakeCity, console: Rig, arrived: bool) -> None:
    old = datetime.now(UTC) - timedelta(hours=1)
    edit = Edit("key", Kind.CLAIM, "1", "local", "d", 1, old, source="jkt")
    if arrived:
        city.put("entry", {"id": "h", "report": "1", "kind": "claim", "at": "2026-11-24T10:00:00Z", "edit": "key"})
        city.on_edit = lambda *_: city._json({"entry": city.objects["entry", "h"][1]})
    console.followers.take(Push(edit, unconfirmed=True, past_its_time=True))
    console.outcome(edit, EditState.ACCEPTED if arrived else EditState.EXPIRED)
    assert bool(edits_at(city)) is arrived, "what is not there is not sent"
    assert city.applied == []


def test_withdrawn_before_it_left(city: FakeCity, console: Rig) -> None:
    city.on_edit = lambda *_: http(503, {"error": "busy", "message": "Later."}, Retry_After="2")
    first = console.push(Kind.NOTE, "1", text="in the way")
    console.outcome(first, EditState.UNCONFIRMED)
    second = console.push(Kind.CLAIM, "1", version=1)
    console.state(second, EditState.QUEUED)
    assert console.withdraw(second)
    city.on_edit = lambda *_: None
    console.outcome(first, EditState.ACCEPTED)
    assert second.id not in city.applied


def test_what_has_not_begun_goes_back_untried_when_the_server_is_away(city: FakeCity, console: Rig) -> None:
    """All of them would wait for the same silence, one after the other, with everything that is made meanwhile."""
    meanwhile = threading.Event()

    def away(*_: object) -> bytes:
        meanwhile.wait(20)
        return http(503, {"error": "busy", "message": "Later."}, Retry_After="30")

    city.on_edit = away
    edits = [console.push(Kind.NOTE, str(number % 5 + 1), text="x") for number in range(5)]
    console.wait_until(lambda: len(edits_at(city)) == 2)
    meanwhile.set()
    told = [console.outcome(edit, EditState.UNCONFIRMED, EditState.QUEUED) for edit in edits]
    assert {one.obstacle for one in told if one.state is EditState.UNCONFIRMED} == {Obstacle.SERVER}
    assert {one.obstacle for one in told} <= {Obstacle.SERVER, Obstacle.ANOTHER_EDIT}, "each is tried again"
    assert [one.state for one in told].count(EditState.QUEUED) == 3
    assert len(edits_at(city)) == 2


@pytest.mark.parametrize(
    ("unconfirmed", "proved", "stays", "told"),
    [(False, False, False, True), (True, False, True, False), (True, True, False, False), (False, True, False, False)],
)
def test_withdrawn_before_its_try_began(unconfirmed: bool, proved: bool, stays: bool, told: bool) -> None:
    """What may have arrived is asked about all the same, unless the server's record shows it."""
    emitted: list[Outcome] = []
    health = Health("jkt", lambda _: None, lambda: datetime.now(UTC))
    queue = PushQueue(Attempt(health, emitted.append, lambda: None))
    edit = Edit("e1", Kind.NOTE, "1", "rina", "d", 1, datetime.now(UTC), source="jkt")
    queue.put(Push(edit, unconfirmed=unconfirmed))
    assert queue.withdraw(Withdraw("e1", proved=proved)) is told
    assert (queue.take(0.0) is not None) is stays
    assert not queue.withdraw(Withdraw("unknown"))


@pytest.mark.usefixtures("expected_log")
def test_an_answer_that_cannot_be_told_parks_its_edit_and_ends_no_lane() -> None:
    """The thread ended with it, and was begun anew with the whole process, and met the same answer again."""

    class Huge:
        exchanges = 0

        def send(self, *_: object, **__: object) -> TakenEdit:
            raise errors.Conflict("Rina changed it.", fields={"priority": {"value": 10**30}})

        def has_arrived(self, *_: object) -> bool:
            return False

        def interrupt(self) -> None:
            """Nothing hangs."""

        cut = close = interrupt

    told: list[Outcome] = []

    def emit(outcome: Outcome) -> None:
        pack(outcome)
        told.append(outcome)

    attempt = Attempt(Health("jkt", lambda _: None, lambda: datetime.now(UTC)), emit, lambda: None)
    edit = Edit("e1", Kind.SET, "1", "rina", "d", 1, datetime.now(UTC), source="jkt")
    assert attempt.make(Huge(), Push(edit))
    assert [(one.edit_id, one.state, one.reason) for one in told] == [
        ("e1", EditState.ATTENTION, StopReason.NOT_ENCODED)
    ]


class Failing:
    """A client whose every edit or photo ends with this error."""

    exchanges = 0

    def __init__(self, error: Exception) -> None:
        self._error = error

    def send(self, *_: object, **__: object) -> TakenEdit:
        raise self._error

    def has_arrived(self, *_: object) -> bool:
        return False

    def interrupt(self) -> None:
        """Nothing hangs."""

    cut = close = interrupt


def tried_six_times(error: Exception, kind: Kind, *, others_go_on: bool) -> tuple[list[Outcome], list[int]]:
    """What is told, and how much was told each time that the pull was asked whether the server is there."""
    health = Health("jkt", lambda _: None, lambda: datetime.now(UTC))
    emitted: list[Outcome] = []
    asked: list[int] = []

    def pull() -> None:
        asked.append(len(emitted))
        health.breaker.answered()

    attempt = Attempt(health, emitted.append, pull)
    edit = Edit("e1", kind, "1", "rina", "d", 1, datetime.now(UTC), source="jkt")
    for _ in range(6):
        assert attempt.make(Failing(error), Push(edit)) is others_go_on
        assert not attempt.is_pointless
    return emitted, asked


@pytest.mark.parametrize("is_busy", [False, True])
def test_photos_that_are_cut_hold_no_order_of_a_server_that_is_there(*, is_busy: bool) -> None:
    """After five of them nothing was tried before the pull had asked by itself, with a stream after a minute."""
    error = NotUploaded(errors.Busy("Later.") if is_busy else errors.Unreachable("The link is cut."))
    emitted, asked = tried_six_times(error, Kind.PHOTO, others_go_on=False)
    assert [one.obstacle for one in emitted] == [Obstacle.SERVER] * 6
    assert asked == ([] if is_busy else [1, 2, 3, 4, 5, 6]), "told first, so that it waits when the server is there"


@pytest.mark.parametrize("is_photo", [False, True])
def test_what_a_gateway_answers_for_one_edit_holds_no_order_of_a_server_that_is_there(*, is_photo: bool) -> None:
    """After five answers of 504 nothing was tried before the pull had asked by itself, as with what is cut."""
    error = errors.NoBackend("The server behind the gateway gave no answer.")
    kind, failed = (Kind.PHOTO, NotUploaded(error)) if is_photo else (Kind.NOTE, error)
    emitted, asked = tried_six_times(failed, kind, others_go_on=True)
    assert [one.obstacle for one in emitted] == [Obstacle.ONE_EDIT] * 6
    assert asked == [1, 2, 3, 4, 5, 6], "told first, so that it waits when the server is there"


def test_what_was_not_begun_says_that_another_met_the_obstacle() -> None:
    emitted: list[Outcome] = []
    queue = PushQueue(Attempt(Health("jkt", lambda _: None, lambda: datetime.now(UTC)), emitted.append, lambda: None))
    edit = Edit("e1", Kind.NOTE, "1", "rina", "d", 1, datetime.now(UTC), source="jkt")
    queue.put(Push(edit))
    queue.give_back()
    assert emitted == [Outcome("e1", EditState.QUEUED, obstacle=Obstacle.ANOTHER_EDIT)]
    assert queue.take(0.0) is None


def test_one_that_is_handed_over_twice_is_tried_once() -> None:
    health = Health("jkt", lambda _: None, lambda: datetime.now(UTC))
    queue = PushQueue(Attempt(health, lambda _: None, lambda: None))
    edit = Edit("e1", Kind.NOTE, "1", "rina", "d", 1, datetime.now(UTC), source="jkt")
    for unconfirmed in (False, True):
        queue.put(Push(edit, unconfirmed=unconfirmed))
    assert queue.take(0.0) == Push(edit, unconfirmed=True)
    assert queue.take(0.0) is None
