"""Hostile input at every address: always an answer in words, never a file, never a call to another host."""

from __future__ import annotations

import builtins
import contextlib
import http.client
import io
import json
import os
import socket
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import requests
from defusedxml import ElementTree as DefusedXml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api_client.model import PAYLOADS, Kind
from console.server.city.city import City
from console.server.city.rates import RULES
from console.server.city.users import Users, add_user
from console.server.http.rate_limit import RateLimits
from console.server.loader import load_file
from tests.helpers import hostile
from tests.unit.server.conftest import Api, running

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
UNLIMITED = dict.fromkeys(RULES, "1000000 per 1 second")


class Guard:
    """Every file that this process opens, and every address that it connects to."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.files: list[str] = []
        self.hosts: list[Any] = []
        for module in (builtins, io, os):
            patch.setattr(module, "open", self._noting(module.open, self._file))
        for name in ("getaddrinfo", "gethostbyname"):
            patch.setattr(socket, name, self._noting(getattr(socket, name), self.hosts.append))
        connect = socket.socket.connect

        def noted_connect(own: socket.socket, address: Any) -> None:
            self.hosts.append(address)
            connect(own, address)

        patch.setattr(socket.socket, "connect", noted_connect)

    def _file(self, name: Any) -> None:
        self.files.append(os.fsdecode(name) if isinstance(name, str | bytes | os.PathLike) else "")

    def _noting(self, function: Callable[..., Any], note: Callable[[Any], None]) -> Callable[..., Any]:
        def noted(first: Any, *more: Any, **named: Any) -> Any:
            note(first)
            return function(first, *more, **named)

        return noted


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[Guard]:
    """The guard; at the end no file but the city's own, and no host but this one, was asked for."""
    with pytest.MonkeyPatch.context() as patch:
        guard = Guard(patch)
        yield guard
    own = (
        str(tmp_path),
        sys.prefix,
        sys.base_prefix,
        str(Path(__file__).parents[3]),
        "/dev/null",
        "/usr/share/zoneinfo",
    )
    assert [file for file in guard.files if file.startswith("/") and not file.startswith(own)] == []
    assert [file for file in guard.files if "passwd" in file or "secret" in file] == []
    there = {host[0] if isinstance(host, tuple) else host for host in guard.hosts}
    assert {"127.0.0.1"} <= there <= {"127.0.0.1", "localhost", None}


@pytest.fixture
def url(city: City, tmp_path: Path) -> Iterator[str]:
    (tmp_path / "secret.txt").write_text("TOP SECRET")
    with running(city, tmp_path / "media", Users(city), limits=RateLimits(UNLIMITED)) as url:
        yield url


@pytest.fixture
def rina(city: City, url: str) -> Iterator[Api]:
    api = Api(url, add_user(city, "rina", "supervisor"))
    yield api
    assert api.get("/me").status_code == 200  # the server is still there
    api.session.close()


def check(answer: requests.Response) -> requests.Response:
    """No defect, and nothing of the program's inside."""
    assert answer.status_code < 500, (answer.request.method, answer.url[:300], answer.text[:300])
    assert "Traceback" not in answer.text
    assert "site-packages" not in answer.text
    assert "TOP SECRET" not in answer.text
    assert "root:x:" not in answer.text
    return answer


def ask(api: Api, method: str, path: str, **more: Any) -> requests.Response:
    return check(api.session.request(method, api.url + path, timeout=20, **more))


def post_edit(api: Api, kind: str, data: dict[str, Any], report: str | None = "10") -> requests.Response:
    key = str(uuid.uuid4())
    body = hostile.encoded({"id": key, "kind": kind, "data": data})
    headers = {"Idempotency-Key": key, "If-Match": '"1"', "Content-Type": "application/json"}
    path = "/dispatch/v1/reports" + (f"/{report}/edits" if report else "")
    return ask(api, "POST", path, data=body, headers=headers)


def test_hostile_texts_in_every_field_are_kept_or_refused_in_words(rina: Api, guard: Guard) -> None:
    kept = 0
    for number, (kind, text) in enumerate(hostile.texts("http://attacker.invalid").items()):
        fields: dict[str, Any] = {
            "description": text,
            "title": text[:500],
            "address": text[:500],
            "channel": text[:100],
        }
        fields |= {"contact": {"name": text[:200], "phone": text[:60], "email": text[:200]}}
        made = post_edit(rina, "create", fields, None)
        kept += made.status_code == 201
        for edit, data in (
            ("note", {"text": text}),
            ("reply", {"text": text[:20_000]}),
            ("set", {"title": text[:500], "description": text, "reason": text}),
            ("set", {"service": text, "area": text, "agency": text, "status": text, "hold": text}),
            ("close", {"disposition": text, "reason": text, "merged_into": text, "release": [text]}),
            ("dispatch", {"unit": text, "reason": text}),
            ("photo", {"sha256": text, "role": text}),
            ("merge", {"into": text}),
        ):
            post_edit(rina, edit, data)
        if number % 4 == 0 and kind not in ("surrogate",):
            form = {"service_code": text[:500], "description": text, "address_string": text, "media_url": text[:2_000]}
            ask(rina, "POST", "/open311/v2/requests.json", data=form | {"email": text, "api_key": text[:200]})
        if len(text) < 2_000 and kind != "surrogate":
            for name in (
                "after",
                "after_key",
                "limit",
                "from",
                "to",
                "status",
                "service_code",
                "page",
                "q",
                "start_date",
            ):
                for path in ("/dispatch/v1/changes", "/dispatch/v1/snapshot", "/open311/v2/requests.xml"):
                    if len(quote(text)) < 6_000 and number % 3 == 0:
                        ask(rina, "GET", path, params={name: text})
    assert kept > 20
    for path in ("/dispatch/v1/changes?after=0", "/dispatch/v1/snapshot", "/open311/v2/requests.json"):
        json.loads(ask(rina, "GET", path).content)
    DefusedXml.fromstring(ask(rina, "GET", "/open311/v2/requests.xml").content)


def test_a_hostile_file_is_served_whole_and_nothing_in_it_is_fetched(
    city: City, rina: Api, tmp_path: Path, guard: Guard
) -> None:
    load_file(hostile.write_requests(tmp_path / "hostile.json", "http://attacker.invalid"), city)
    page = json.loads(ask(rina, "GET", "/dispatch/v1/changes?after=0").content)
    reports = [item["data"] for item in page["items"] if item["kind"] == "report"]
    assert len(reports) > 100
    assert any(photo["url"] == "http://attacker.invalid/photo.jpg" for each in reports for photo in each["photos"])
    for each in reports:
        for part in ("", "/entries", "/contact", "/audit"):
            ask(rina, "GET", f"/dispatch/v1/reports/{quote(each['id'], safe='')}{part}")
    for path in ("/open311/v2/requests.json?page_size=500", "/dispatch/v1/stats", "/dispatch/v1/snapshot?limit=7"):
        json.loads(ask(rina, "GET", path).content)
    DefusedXml.fromstring(ask(rina, "GET", "/open311/v2/requests.xml?page_size=500").content)


CLIMBS = [
    "../secret.txt",
    "..%2fsecret.txt",
    "%2e%2e/secret.txt",
    "%2e%2e%2fsecret.txt",
    "..%252fsecret.txt",
    "....//secret.txt",
    "..\\secret.txt",
    "..%5csecret.txt",
    "%c0%ae%c0%ae/secret.txt",
    "%ff%fe/%80",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "//etc/passwd",
    "file:///etc/passwd",
    "%66ile%3a%2f%2f%2fetc%2fpasswd",
    "secret.txt%00.jpg",
    "%00",
    "%0d%0aSet-Cookie:%20x=1",
    "~root/.ssh/id_rsa",
    "a" * 8_000,
    "0" * 64 + "/../../secret.txt",
    "0" * 64 + ".part",
    "A" * 64,
    ";ls",
    "$(id)",
    "con",
    "-1",
    "9" * 400,
]


def raw(url: str, method: str, target: str, token: str) -> tuple[int, bytes, list[tuple[str, str]]]:
    """A request whose target is sent as it stands."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    connection.putrequest(method, target, skip_accept_encoding=True)
    connection.putheader("Authorization", token)
    connection.putheader("Content-Length", "0")
    connection.endheaders()
    answer = connection.getresponse()
    body, headers = answer.read(), answer.getheaders()
    connection.close()
    return answer.status, body, headers


def test_no_address_climbs_out_of_the_city(rina: Api, url: str, tmp_path: Path, guard: Guard) -> None:
    token = str(rina.session.headers["Authorization"])
    paths = rina.get("/openapi.json").json()["paths"]
    addresses = ["/dispatch/v1" + path for path in paths if "{" in path]
    addresses += ["/open311/v2/requests/{x}.json", "/open311/v2/services/{x}.xml", "/open311/v2/tokens/{x}.json"]
    addresses += [
        "/{x}",
        "/r/{x}",
        "/static/{x}",
        "/assets/{x}",
        "/public/v1/reports/{x}",
        "/public/v1/reports/{x}/photos/{x}",
    ]
    asked = 0
    for address in addresses:
        for climb in CLIMBS:
            target = "".join(climb if "{" in part else part for part in _parts(address))
            for method in ("GET", "PUT", "POST") if asked % 3 == 0 else ("GET",):
                status, body, headers = raw(url, method, target, token)
                assert status < 500, (method, target[:200], body[:300])
                assert b"TOP SECRET" not in body
                assert b"root:" not in body
                assert "Set-Cookie" not in dict(headers)
            asked += 1
    assert asked > 300
    assert sorted(path.name for path in (tmp_path / "media").iterdir()) == []


def _parts(address: str) -> list[str]:
    return [
        part for piece in address.split("{") for part in (piece if "}" not in piece else "{" + piece).partition("}")
    ]


def test_a_link_in_the_media_folder_is_not_followed(rina: Api, tmp_path: Path) -> None:
    name = "0" * 64
    (tmp_path / "media" / name).symlink_to(tmp_path / "secret.txt")
    assert ask(rina, "GET", f"/dispatch/v1/media/{name}").status_code == 404


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    sorted(set().union(*(payload.__struct_fields__ for payload in PAYLOADS.values())) | {"contact", "release"})
)


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    kind=st.sampled_from([kind.value for kind in Kind]),
    data=st.dictionaries(FIELDS, JSON, max_size=6),
    more=st.dictionaries(st.sampled_from(["occurred_at", "late", "undoes", "device", "number", "x"]), JSON, max_size=3),
    report=st.sampled_from(["10", "11", "nothing", None]),
)
def test_whatever_json_an_edit_is_the_answer_is_in_words(
    rina: Api, kind: str, data: dict[str, Any], more: dict[str, Any], report: str | None
) -> None:
    key = str(uuid.uuid4())
    path = "/dispatch/v1/reports" + (f"/{report}/edits" if report else "")
    headers = {"Idempotency-Key": key, "If-Match": '"1"', "Content-Type": "application/json"}
    body = json.dumps({"id": key, "kind": kind, "data": data} | more)
    answer = ask(rina, "POST", path, data=body, headers=headers)
    if answer.status_code >= 400:
        assert set(answer.json()) >= {"error", "message"}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    body=st.binary(max_size=400), kind=st.sampled_from(["application/json", "multipart/form-data; boundary=x", "", "x"])
)
def test_whatever_bytes_a_body_is_the_answer_is_in_words(
    rina: Api, expected_log: None, caplog: pytest.LogCaptureFixture, body: bytes, kind: str
) -> None:
    headers = {"Content-Type": kind, "Idempotency-Key": "12345678"}
    for method, path in (
        ("POST", "/dispatch/v1/reports"),
        ("POST", "/dispatch/v1/exports"),
        ("PUT", "/dispatch/v1/presence"),
        ("PUT", f"/dispatch/v1/media/{'0' * 64}"),
        ("POST", "/open311/v2/requests.json"),
        ("POST", "/open311/v2/requests.xml"),
    ):
        assert ask(rina, method, path, data=body, headers=headers).status_code >= 400
    assert [record for record in caplog.records if record.name.startswith("console")] == []


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X%d: a\r\n" % number for number in range(20_000)) + b"\r\n",
        b"POST /dispatch/v1/reports HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"POST /dispatch/v1/reports HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /dispatch/v1/reports HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"POST /dispatch/v1/reports HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n",
        b"GET http://attacker.invalid/ HTTP/1.1\r\nHost: attacker.invalid\r\n\r\n",
        b"CONNECT attacker.invalid:80 HTTP/1.1\r\nHost: attacker.invalid\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n\r\n",
    ],
)
def test_what_is_no_request_does_no_harm(
    rina: Api, url: str, sent: bytes, guard: Guard, expected_log: None, caplog: pytest.LogCaptureFixture
) -> None:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        with contextlib.suppress(OSError):
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(OSError):
            while piece := client.recv(65536):
                answer += piece
    assert not answer.startswith((b"HTTP/1.1 5", b"HTTP/1.1 101"))
    assert b"Traceback" not in answer
    assert [record for record in caplog.records if record.name.startswith("console")] == []


def test_a_host_that_is_another_gets_no_other_answer_than_an_address(rina: Api) -> None:
    there = ask(rina, "GET", "/open311/v2/discovery.json", headers={"Host": "attacker.invalid\\@x"})
    assert there.status_code in (200, 400, 403)
