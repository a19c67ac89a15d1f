"""The stream of events: woken by a commit at once, positions as last values, a beat when nothing happens."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from console.server.city.city import City
from console.server.city.users import Users, add_user
from console.server.http import event_stream as stream_module
from tests.unit.server.conftest import START, Api, Clock, running


class Stream:
    """The events of one stream, read one by one."""

    def __init__(self, url: str, token: str = "") -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._answer = requests.get(f"{url}/dispatch/v1/stream", headers=headers, stream=True, timeout=60)
        assert self._answer.headers["Content-Type"].startswith("text/event-stream")
        self._lines = self._answer.iter_lines(chunk_size=1)

    def next(self) -> tuple[str, Any]:
        name = ""
        for line in self._lines:
            if line.startswith(b":"):
                return "beat", None
            if line.startswith(b"event: "):
                name = line[7:].decode()
            elif line.startswith(b"data: "):
                return name, json.loads(line[6:])
        return "end", None

    def wait(self, name: str) -> Any:
        while True:
            found, data = self.next()
            assert found != "end"
            if found == name:
                return data

    def close(self) -> None:
        self._answer.close()


@pytest.fixture
def stream(api: Api) -> Iterator[Stream]:
    stream = Stream(api.url)
    yield stream
    stream.close()


@pytest.mark.long
def test_a_commit_wakes_within_100_ms(api: Api, stream: Stream) -> None:
    stream.wait("seq")
    stream.wait("presence")
    waits = []
    for _ in range(5):
        seq = api.ok("10", "note", {"text": "x"})["seq"]
        told = time.monotonic()
        while stream.wait("seq")["seq"] < seq:
            pass
        waits.append(time.monotonic() - told)
    assert sorted(waits)[2] < 0.1


def test_positions_and_presence_are_carried_beside_the_feed(api: Api, city: City, stream: Stream) -> None:
    stream.wait("presence")
    before = city.seq()
    put = f"{api.url}/dispatch/v1"
    place = {"lat": -6.85, "lon": 106.15, "at": START.isoformat()}
    assert api.session.put(f"{put}/units/u1/position", json=place).status_code == 204
    assert api.session.put(f"{put}/units/none/position", json=place).status_code == 404
    assert api.session.put(f"{put}/presence", json={"report": "10"}).status_code == 204
    while True:
        seen = stream.wait("presence")
        if seen["looking"] and seen["positions"]:
            break
    assert list(seen.pop("since")) == ["local"]
    assert seen == {"positions": {"u1": [-6.85, 106.15, "2026-03-02T08:00:00Z"]}, "looking": {"local": "10"}}
    assert city.seq() == before
    older = place | {"lat": 0.0, "at": "2026-03-01T00:00:00Z"}
    api.session.put(f"{put}/units/u1/position", json=older)
    api.ok("10", "dispatch", {"unit": "u1"})
    assert (api.unit("u1")["lat"], api.unit("u1")["position_at"]) == (-6.85, "2026-03-02T08:00:00Z")


def test_a_silent_stream_beats_and_ends_with_the_server(city: City, tmp_path: Path) -> None:
    with running(city, tmp_path / "media", beat_s=0.05) as url:
        stream = Stream(url)
        stream.wait("beat")
    while stream.next()[0] != "end":
        pass
    stream.close()


def test_a_crowd_is_told_who_moves_by_few_readings(api: Api, city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    readings = 0
    seen = city.presence.seen

    def counted(now: Any = None) -> Any:
        nonlocal readings
        readings += 1
        return seen(now)

    monkeypatch.setattr(city.presence, "seen", counted)
    crowd = [Stream(api.url) for _ in range(20)]
    for stream in crowd:
        stream.wait("presence")
    before = readings
    assert api.session.put(f"{api.url}/dispatch/v1/presence", json={"report": "11"}, timeout=60).status_code == 204
    for stream in crowd:
        while stream.wait("presence")["looking"] != {"local": "11"}:
            pass
        stream.close()
    assert readings - before <= 5


def test_one_user_has_so_many_streams_and_others_have_theirs(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1,500 streams of one viewer made everybody hear of a new report two seconds late, 4,000 took all connections."""
    monkeypatch.setattr(stream_module, "MOST_EACH", 3)
    users = Users(city)
    rina, budi = (add_user(city, name, "viewer") for name in ("rina", "budi"))
    with running(city, tmp_path / "media", users) as url:

        def asked(token: str) -> requests.Response:
            headers = {"Authorization": f"Bearer {token}"}
            return requests.get(f"{url}/dispatch/v1/stream", headers=headers, stream=True, timeout=60)

        held = [Stream(url, rina) for _ in range(3)]
        for one in held:
            one.wait("presence")
        refused = asked(rina)
        assert (refused.status_code, refused.json()["error"]) == (403, "forbidden")
        assert "rina listens 3 times already" in refused.json()["message"]
        assert requests.get(f"{url}/dispatch/v1/changes?after=0", headers={"Authorization": f"Bearer {rina}"}).ok
        other = Stream(url, budi)
        other.wait("presence")
        held.pop().close()
        while (again := asked(rina)).status_code == 403:  # the server notices at its next word
            city.presence.moved()
        assert again.status_code == 200
        again.close()
        for one in (other, *held):
            one.close()


def test_who_has_no_stream_any_more_is_gone_and_who_is_cut_off_after_a_while(
    city: City, clock: Clock, tmp_path: Path
) -> None:
    """T6, T7: a claim's holder was said to look at the report long after he had signed out or lost the network."""
    users = Users(city)
    rina, budi, sari = (add_user(city, name, "operator") for name in ("rina", "budi", "sari"))
    with running(city, tmp_path / "media", users, beat_s=1.0, gone_s=0.1) as url:
        watching, leaving = Stream(url, sari), Stream(url, rina)
        for token, report in ((rina, "10"), (budi, "11"), (sari, None)):
            api = Api(url, token)
            assert api.session.put(f"{url}/dispatch/v1/presence", json={"report": report}).status_code == 204
            api.session.close()
        everybody = {"rina": "10", "budi": "11", "sari": None}
        while watching.wait("presence")["looking"] != everybody:
            pass
        leaving.close()
        while watching.wait("presence")["looking"] != {"budi": "11", "sari": None}:
            pass
        clock.skip(seconds=60)
        city.presence.look("sari", None, clock())
        clock.skip(seconds=20)
        while watching.wait("presence")["looking"] != {"sari": None}:
            pass
        watching.close()
