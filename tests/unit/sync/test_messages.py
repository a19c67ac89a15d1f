"""Messages between consoles by way of the server: each user's cache holds his own, and another's go."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from api_client.dispatch import DispatchClient
from api_client.model import Changes, EditBody, Kind, Unit, UnitState
from api_client.transport import utc_now
from console.cache.reader import CacheReader
from console.rules.messages import SourceState
from console.server.city.records import Actor
from console.server.city.users import load_users
from console.sync.cache_writer_proxy import CacheWriterProxy
from console.sync.health import Health
from console.sync.pull_dispatch import DispatchPuller
from console.sync.retry import Timing
from tests.helpers.live_server import Live, live_server
from tests.helpers.net import http
from tests.helpers.proxy import FaultProxy, answer, path_has
from tests.helpers.sync_rig import Rig, rig

ROLES = {"rina": "operator", "budi": "operator", "chief": "supervisor", "U1": "field"}
SLOW = Timing(poll_s=600.0)


def token(name: str) -> str:
    return f"token-of-{name}-0123456789abcdef"


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    users = [
        {"name": name, "role": role, "token_sha256": hashlib.sha256(token(name).encode()).hexdigest()}
        for name, role in ROLES.items()
    ]
    path = tmp_path / "users.json"
    path.write_text(json.dumps(users))
    with live_server(tmp_path / "server", users=path) as live:
        live.city.put_units([Unit("U1", "SDA-11", UnitState.AVAILABLE, live.city.clock())])
        yield live


def unread(console: Rig, user: str) -> list[str]:
    return [one.text for one in console.reader.unread("jkt", user)]


def texts(reader: CacheReader, user: str) -> set[str]:
    return {
        one.message.text
        for thread in reader.threads("jkt", user)
        for one in reader.messages("jkt", user, thread.key, 100)
    }


def test_a_crew_and_the_control_room_write_and_see_what_was_read(live: Live, tmp_path: Path) -> None:
    with (
        rig(tmp_path / "desk", live.url, token=token("rina"), timing=SLOW) as desk,
        rig(tmp_path / "crew", live.url, token=token("U1"), timing=SLOW) as crew,
    ):
        desk.live()
        crew.live()
        crew._number = 100  # the ids of both count up
        sent = desk.push(Kind.MESSAGE, None, to={"unit": "U1"}, text="Bring sandbags", report="r1")
        crew.wait_until(lambda: unread(crew, "U1") == ["Bring sandbags"])
        crew.push(Kind.READ, None, messages=[sent.id])
        crew.push(Kind.MESSAGE, None, to={"role": "operator"}, text="On the way")
        desk.wait_until(lambda: unread(desk, "rina") == ["On the way"])

        def marked() -> bool:
            first = desk.reader.messages("jkt", "rina", "unit:U1", 9)[:1]
            return [(mark.who, mark.addressed) for one in first for mark in one.marks] == [("U1", True)]

        desk.wait_until(marked)
        assert [one.key for one in desk.reader.threads("jkt", "rina")] == ["unit:U1"], "both are one thread"
        assert [one.text for one in desk.reader.messages_of("jkt", "rina", "r1")] == ["Bring sandbags"]
        desk.proved(sent)


def test_another_user_and_other_rights_read_their_own_and_nothing_stays(live: Live, tmp_path: Path) -> None:
    with rig(tmp_path / "desk", live.url, token=token("rina")) as desk:
        desk.live()
        desk.push(Kind.MESSAGE, None, to={"unit": "U1"}, text="Of rina alone")
        desk.push(Kind.MESSAGE, None, to={}, text="To all")
        desk.wait_until(lambda: texts(desk.reader, "rina") == {"Of rina alone", "To all"})
    with rig(tmp_path / "desk", live.url, token=token("budi")) as desk:
        desk.live()
        desk.wait_until(lambda: unread(desk, "budi") == ["To all"])
        assert texts(desk.reader, "budi") == {"To all"}
        assert texts(desk.reader, "rina") == set()
        token_sha256 = hashlib.sha256(token("budi").encode()).hexdigest()
        _change_role(live, "budi", "supervisor", token_sha256)
        desk.wait_until(lambda: texts(desk.reader, "budi") == {"Of rina alone", "To all"})


def _change_role(live: Live, name: str, role: str, token_sha256: str) -> None:
    path = Path(str(live.city.database.url.database)).with_name("users-2.json")
    path.write_text(json.dumps([{"name": name, "role": role, "token_sha256": token_sha256}]))
    load_users(path, live.city)


def test_a_server_that_was_set_back_has_its_messages_read_anew(live: Live, tmp_path: Path) -> None:
    with rig(tmp_path / "desk", live.url, token=token("rina")) as desk:
        desk.live()
        desk.push(Kind.MESSAGE, None, to={}, text="Before")
        desk.wait_until(lambda: texts(desk.reader, "rina") == {"Before"})
        with live.city.database.write() as connection:
            connection.exec_driver_sql("DELETE FROM messages")
            connection.exec_driver_sql("UPDATE meta SET value = 'another' WHERE key = 'epoch'")
        live.city.database.announce(live.city.seq())
        desk.wait_until(lambda: texts(desk.reader, "rina") == set())
        desk.push(Kind.MESSAGE, None, to={}, text="After")
        desk.wait_until(lambda: texts(desk.reader, "rina") == {"After"})


def test_messages_that_cannot_be_read_hold_up_no_report(live: Live, tmp_path: Path) -> None:
    proxy, budi = FaultProxy(live.port), Actor("budi", "operator")
    fault = http(500, {"error": "internal", "message": "It is broken."}, Sigap_Server="x")
    proxy.when(path_has("/messages?"), answer(fault))
    try:
        with rig(tmp_path / "desk", proxy.url, token=token("rina"), timing=SLOW) as desk:
            told = desk.wait(SourceState, lambda state: "Messages" in state.detail)
            assert (told.state, told.detail.startswith("Messages cannot be read")) == ("live", True)
            since = len(desk.said)
            live.city.apply(
                EditBody("message-1", Kind.MESSAGE, data={"to": {}, "text": "To all"}),
                report=None, actor=budi, if_match=None,
            )  # fmt: skip
            live.city.apply(EditBody("claim-of-r1", Kind.CLAIM), report="r1", actor=budi, if_match=1)
            desk.wait_until(lambda: desk.reader.reports_of("jkt", ["r1"])["r1"].claim is not None)
            assert {one.state for one in desk.said[since:] if isinstance(one, SourceState)} <= {"live"}
            proxy.rules = []
            live.city.apply(EditBody("release-of-r1", Kind.RELEASE), report="r1", actor=budi, if_match=2)
            desk.wait_until(lambda: texts(desk.reader, "rina") == {"To all"})
            desk.wait(SourceState, lambda state: state.state == "live" and not state.detail, since)
    finally:
        proxy.close()


def test_a_message_that_is_not_understood_is_told_and_holds_up_no_other(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a server that is newer than the console, say: it was missing, and only the log said so."""
    said = list[Any]()
    for number in (1, 2):
        edit = EditBody(f"message-{number}", Kind.MESSAGE, data={"to": {}, "text": f"{number}"})
        live.city.apply(edit, report=None, actor=Actor("budi", "operator"), if_match=None)
    writer, client = CacheWriterProxy(tmp_path / "desk", said.append), DispatchClient(live.url, token("rina"))
    puller = DispatchPuller("jkt", client, writer, Health("jkt", said.append, utc_now), said.append)
    messages = client.messages

    def of_another_version(after: int, rows: int) -> Changes:
        page = messages(after, rows)
        first, *others = page.items
        return replace(page, items=(replace(first, data=msgspec.Raw(b'{"id": 7}')), *others))

    with contextlib.closing(writer), contextlib.closing(client):
        monkeypatch.setattr(client, "messages", of_another_version)
        puller.catch_up(lambda: False)
    with contextlib.closing(CacheReader(tmp_path / "desk")) as reader:
        assert texts(reader, "rina") == {"2"}
    words = "1 message of the server could not be understood: missing here."
    assert puller.remarks == words
    assert [one.detail for one in said if isinstance(one, SourceState)][-1] == words


def test_many_messages_hold_up_no_report(live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who signs in reads all that there is of ninety days: a P1 that came meanwhile came behind the last of them."""
    budi, said, seen = Actor("budi", "operator"), list[Any](), list[bool]()
    for number in range(5):
        edit = EditBody(f"message-{number}", Kind.MESSAGE, data={"to": {}, "text": f"{number}"})
        live.city.apply(edit, report=None, actor=budi, if_match=None)
    writer, client = CacheWriterProxy(tmp_path / "desk", said.append), DispatchClient(live.url, token("rina"))
    puller = DispatchPuller("jkt", client, writer, Health("jkt", said.append, utc_now), said.append, page_rows=2)
    messages = client.messages
    with contextlib.closing(writer), contextlib.closing(client):

        def while_a_p1_comes(after: int, rows: int) -> Changes:
            if not seen:
                change = EditBody("now-a-p1", Kind.SET, data={"priority": 1})
                live.city.apply(change, report="r1", actor=budi, if_match=1)
            with contextlib.closing(CacheReader(tmp_path / "desk")) as reader:
                seen.append(reader.reports_of("jkt", ["r1"])["r1"].priority == 1)
            return messages(after, rows)

        monkeypatch.setattr(client, "messages", while_a_p1_comes)
        puller.catch_up(lambda: False)
        assert seen[:3] == [False, True, True], "it does not wait for the other pages"
    with contextlib.closing(CacheReader(tmp_path / "desk")) as reader:
        assert texts(reader, "rina") == {"0", "1", "2", "3", "4"}
