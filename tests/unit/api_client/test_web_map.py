"""A web map's pictures are taken within limits and as its headers ask; all that is no picture of a map is refused."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image

from api_client import errors, web_map
from api_client.transport import TransferLimits
from api_client.web_map import MOST_AGE_S, WebMapClient, check_web_map, is_map_picture
from tests.helpers.net import Answering, Canned, http

QUICK = TransferLimits(connect_s=0.4, read_s=0.4, total_s=1.0, max_bytes=100_000)
Serve = Callable[[Answering], Canned]


def png(side: int = 256) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (side, side), "navy").save(out, "PNG")
    return out.getvalue()


def claims(width: int, height: int) -> bytes:
    """A PNG whose head says that it is so large, which it is not."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[Canned] = []

    def make(answer: Answering) -> Canned:
        servers.append(Canned(answer))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def client_of() -> Iterator[Callable[[Canned], WebMapClient]]:
    clients: list[WebMapClient] = []

    def make(server: Canned) -> WebMapClient:
        clients.append(WebMapClient(server.url + "/sat/{z}/{x}/{y}.png?style=day"))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


ClientOf = Callable[[Canned], WebMapClient]


def test_a_picture_is_asked_for_by_name_and_kept_as_long_as_its_headers_say(serve: Serve, client_of: ClientOf) -> None:
    server = serve(lambda *_: http(200, png(), Content_Type="image/png", Cache_Control="max-age=600", ETag='"v1"'))
    found = client_of(server).tile(14, 13053, 8474)
    assert (found.body, found.fresh_s, found.etag) == (png(), 600, '"v1"')
    [asked] = server.asked
    assert asked.path == "/sat/14/13053/8474.png?style=day"
    assert asked.headers["user-agent"].startswith("Sigap/")
    assert "authorization" not in asked.headers
    assert "cookie" not in asked.headers
    assert "referer" not in asked.headers


_IN_TWO_HOURS = "in two hours"  # of when the test runs, which may be long after it was collected


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({}, 7 * 86_400, 7 * 86_400),
        ({"Cache_Control": "public, max-age=99999999999"}, 0, MOST_AGE_S),
        ({"Cache_Control": "no-cache, max-age=0"}, 0, 0),
        ({"Expires": _IN_TWO_HOURS}, 7_000, 7_200),
        ({"Expires": "0"}, 0, 0),
    ],
)
def test_how_long_it_is_fresh(
    serve: Serve, client_of: ClientOf, headers: dict[str, str], least: float, most: float
) -> None:
    now = f"{datetime.now(UTC) + timedelta(hours=2):%a, %d %b %Y %H:%M:%S GMT}"
    said = {name: now if value == _IN_TWO_HOURS else value for name, value in headers.items()}
    found = client_of(serve(lambda *_: http(200, png(), **said))).tile(1, 0, 0)
    assert least <= found.fresh_s <= most


def test_one_that_is_still_right_is_not_sent_again_and_none_is_none(serve: Serve, client_of: ClientOf) -> None:
    client = client_of(serve(lambda asked, _: http(304 if "if-none-match" in asked.headers else 404)))
    assert client.tile(1, 0, 0, '"v1"').body is None
    assert client.tile(1, 0, 0).body == b""


HOSTILE = {
    "a page": http(200, "<html>Sign in to this network</html>"),
    "a drawing": http(200, b"<svg xmlns='http://www.w3.org/2000/svg'/>", Content_Type="image/svg+xml"),
    "a huge picture": http(200, claims(60_000, 60_000)),
    "a picture of no size": http(200, claims(0, 256)),
    "a cut head": http(200, png()[:18]),
    "more than is read": http(200, png() + bytes(200_000)),
    "a file": http(302, b"", Location="file:///etc/passwd"),
    "elsewhere": http(301, b"", Location="http://127.0.0.1:9/x.png"),
    "in a circle": http(302, b"", Location="/again.png"),
    "no": http(403, b"Blocked"),
    "not now": http(429, b"", Retry_After="7"),
    "a fault": http(500, b"<html>"),
    "not to be kept": http(200, png(), Cache_Control="no-store"),
    "a still right that was not asked about": http(304),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_picture_of_a_map_is_one_sentence(
    serve: Serve, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(web_map, "TILE", QUICK)
    with pytest.raises(errors.ApiError) as raised:
        client_of(serve(lambda *_: HOSTILE[what])).tile(1, 0, 0)
    assert str(raised.value).rstrip().endswith((".", "?")), str(raised.value)
    assert not isinstance(raised.value, errors.Busy) or raised.value.retry_after_s == 7


def test_a_server_that_never_ends_is_left(serve: Serve, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_map, "TILE", QUICK)

    def drip(_: object, connection: object) -> None:
        head = b"HTTP/1.1 200 X\r\nContent-Type: image/png\r\nContent-Length: 90000\r\n\r\n"
        connection.sendall(head + png()[:40])  # type: ignore[attr-defined]
        for _ in range(200):
            connection.sendall(b"\0")  # type: ignore[attr-defined]
            import time

            time.sleep(0.05)

    with pytest.raises(errors.Unreachable):
        client_of(serve(drip)).tile(1, 0, 0)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "lossless", "with alpha"])
def test_pictures_are_told_by_their_own_heads(kind: str) -> None:
    for side, good in ((256, True), (1024, True), (1040, False)):
        out = io.BytesIO()
        picture = Image.new("RGBA" if kind == "with alpha" else "RGB", (side, 64), (9, 90, 200))
        options = {"lossless": kind == "lossless"} if kind in ("lossless", "with alpha") else {}
        picture.save(out, kind if kind.isupper() else "WEBP", **options)
        assert is_map_picture(out.getvalue()) is good, (kind, side)


@pytest.mark.parametrize(
    "address",
    [
        "https://maps.example.org/{z}/{x}.png",
        "https://maps.example.org/{z}/{x}/{y}/{y}.png",
        "http://maps.example.org/{z}/{x}/{y}.png",
        "https://rina:secret@maps.example.org/{z}/{x}/{y}.png",
        "https://{z}.example.org/{x}/{y}.png",
        "file:///{z}/{x}/{y}.png",
        "ftp://maps.example.org/{z}/{x}/{y}.png",
        "https:///{z}/{x}/{y}.png",
        "https://[::1/{z}/{x}/{y}.png",
        "",
    ],
)
def test_addresses_that_are_none_of_a_web_map(address: str) -> None:
    with pytest.raises(errors.BadAddress):
        check_web_map(address)


def test_an_address_may_have_a_query_and_stand_on_this_computer() -> None:
    for address in ("https://m.example.org/t?x={x}&y={y}&z={z}&key=abc", "http://127.0.0.1:8/{z}/{x}/{y}"):
        assert check_web_map(f" {address} ") == address
