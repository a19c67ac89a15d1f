"""What the transport refuses, names and limits, against servers that really misbehave."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api_client import errors
from api_client.dispatch import DispatchClient
from api_client.media import fetch_photo
from api_client.transport import TransferLimits, Transport, check_base_url, is_public, retry_after_s
from tests.helpers.net import Answering, Canned, black_hole, http

QUICK = TransferLimits(connect_s=0.4, read_s=0.4, total_s=1.2)
ROOT = {"name": "sigap", "epoch": "epoch-1"}


@pytest.fixture
def serve() -> Iterator[Callable[[Answering], Canned]]:
    servers: list[Canned] = []

    def make(answer: Answering) -> Canned:
        servers.append(Canned(answer))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


Serve = Callable[[Answering], Canned]


def client(server: Canned | str) -> DispatchClient:
    url = server if isinstance(server, str) else server.url
    return DispatchClient(url, "secret-token", page=QUICK, small=QUICK, photo=QUICK, silence_s=0.4)


def test_the_right_server_is_recognised(serve: Serve) -> None:
    server = serve(lambda *_: http(200, ROOT, Date="Tue, 24 Nov 2026 12:00:00 GMT"))
    there = client(server)
    assert there.root().epoch == "epoch-1"
    assert server.asked[0].headers["authorization"] == "Bearer secret-token"
    assert there.last is not None
    assert there.last.server_time == datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_certificates_are_read_by_who_meets_https_and_once(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes 20 ms each time, and a sync process has a transport in each of its lanes."""
    read: list[ssl.SSLContext] = []
    real = ssl.create_default_context
    monkeypatch.setattr(ssl, "create_default_context", lambda: read.append(real()) or read[-1])
    client(serve(lambda *_: http(200, ROOT))).root()
    assert read == []
    secret = client("https://127.0.0.1:1")
    for _ in range(2):
        with pytest.raises(errors.Unreachable):
            secret.root()
    assert len(read) == 1


@pytest.mark.parametrize(
    "answer",
    [
        http(200, "<html>Welcome to the hotel</html>"),
        http(200, ROOT, Sigap_Server=""),
        http(403, "<html>blocked</html>"),
        http(401, "<html>sign in</html>"),
        http(302, "", Location="http://portal.example/login"),
        http(302, "", Location="https://127.0.0.1:1/other-scheme"),
        http(200, '{"name": "sigap"}', Content_Type="text/plain", Sigap_Server="epoch-1"),
    ],
    ids=["page", "no mark", "page 403", "page 401", "portal", "other scheme", "no json"],
)
def test_a_captive_portal_is_not_the_server(serve: Serve, answer: bytes) -> None:
    with pytest.raises(errors.NotThisServer):
        client(serve(lambda *_: answer)).root()


def test_a_redirect_never_carries_the_token_or_the_edit_elsewhere(serve: Serve) -> None:
    thief = serve(lambda *_: http(200, ROOT))
    server = serve(lambda *_: http(307, "", Location=thief.url + "/dispatch/v1/"))
    with pytest.raises(errors.NotThisServer):
        client(server).root()
    with pytest.raises(errors.NotThisServer):
        client(server).send_edit("/reports", b"{}", key="k")
    assert thief.asked == []


def test_a_redirect_on_the_same_host_is_followed(serve: Serve) -> None:
    server = serve(
        lambda asked, _: (
            http(200, ROOT) if asked.path.endswith("/here") else http(302, "", Location="/dispatch/v1/here")
        )
    )
    assert client(server).root().name == "sigap"


def test_a_page_larger_than_the_cap_is_not_read_even_when_packed(serve: Serve) -> None:
    bomb = gzip.compress(b'{"x": "' + b"a" * (40 * 2**20) + b'"}')
    server = serve(
        lambda *_: http(200, bomb, Content_Encoding="gzip", Content_Type="application/json", Sigap_Server="epoch-1")
    )
    with pytest.raises(errors.Malformed, match="32 MB"):
        DispatchClient(server.url).changes(0)


@pytest.mark.parametrize(
    "body", [b"{" * 200_000, b"[" * 1_000_000, b'{"name": "sig', b'{"name": 3, "epoch": "e"}', b"\xff\xfe", b""]
)
def test_broken_json_is_malformed_and_nothing_worse(serve: Serve, body: bytes) -> None:
    server = serve(lambda *_: http(200, body, Content_Type="application/json", Sigap_Server="epoch-1"))
    with pytest.raises(errors.Malformed):
        client(server).root()


def test_a_body_cut_short_is_no_answer(serve: Serve) -> None:
    whole = http(200, ROOT | {"version": "x" * 500})
    with pytest.raises(errors.Unreachable):
        client(serve(lambda *_: whole[:-100])).root()


@pytest.mark.parametrize("in_head", [True, False])
def test_a_drip_ends_at_the_total_deadline(serve: Serve, in_head: bool) -> None:
    stop, through = threading.Event(), threading.Event()

    def drip(_: object, connection: socket.socket) -> None:
        whole = http(200, ROOT)
        start = 0 if in_head else whole.index(b"\r\n\r\n") + 4
        connection.sendall(whole[:start])
        for byte in whole[start:]:
            if stop.wait(0.1):
                return
            connection.sendall(bytes([byte]))
        through.set()

    with pytest.raises(errors.TimedOut):
        client(serve(drip)).root()
    stop.set()
    assert not through.is_set(), "it waited until the answer was whole"


def test_a_stream_whose_head_drips_ends_too(serve: Serve) -> None:
    """Its body may take as long as it likes, its head may not: whoever opens it stands still meanwhile."""
    stop = threading.Event()

    def drip(_: object, connection: socket.socket) -> None:
        for byte in b"HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\n":
            if stop.wait(0.1):
                return
            connection.sendall(bytes([byte]))

    with pytest.raises(errors.TimedOut), client(serve(drip)).stream():
        pytest.fail("it has no head")
    stop.set()


def test_a_connect_that_hangs_did_not_arrive() -> None:
    with black_hole() as port, pytest.raises(errors.TimedOut) as caught:
        client(f"http://127.0.0.1:{port}").send_edit("/reports", b"{}", key="k")
    assert not caught.value.may_have_arrived


def test_silence_after_a_write_may_have_arrived(serve: Serve) -> None:
    release = threading.Event()

    def silent(*_: object) -> None:
        release.wait(5)

    server = serve(silent)
    with pytest.raises(errors.TimedOut) as caught:
        client(server).send_edit("/reports", b"{}", key="k")
    assert caught.value.may_have_arrived
    with pytest.raises(errors.TimedOut) as caught:
        client(server).root()
    assert not caught.value.may_have_arrived
    release.set()


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(errors.ConnectionRefused) as caught:
        client(f"http://127.0.0.1:{port}").root()
    assert not caught.value.may_have_arrived


def test_an_unknown_name_is_called_so() -> None:
    with pytest.raises(errors.NameNotFound, match="unknown"):
        client("https://no-such-host.invalid").root()


def test_cut_from_another_thread_ends_a_wait_at_once(serve: Serve) -> None:
    reached, release = threading.Event(), threading.Event()

    def silent(*_: object) -> None:
        reached.set()
        release.wait(120)

    there = Transport(serve(silent).url)

    def cut() -> None:
        reached.wait(60)
        there.cut()

    threading.Thread(target=cut).start()
    began = time.monotonic()
    with pytest.raises(errors.Unreachable):
        there.request("GET", "/", limits=TransferLimits(read_s=120))
    assert time.monotonic() - began < 60
    release.set()


def test_an_unverified_certificate_is_refused(tmp_path: Path) -> None:
    certificate = _self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listener = socket.create_server(("127.0.0.1", 0))
    seen: list[bytes] = []

    def serve_tls() -> None:
        connection, _ = listener.accept()
        try:
            with context.wrap_socket(connection, server_side=True) as tls:
                seen.append(tls.recv(100))
        except OSError:
            connection.close()

    thread = threading.Thread(target=serve_tls)
    thread.start()
    with pytest.raises(errors.TlsFailed, match="could not be verified"):
        client(f"https://127.0.0.1:{listener.getsockname()[1]}").root()
    thread.join(5)
    listener.close()
    assert seen == []


def _self_signed(folder: Path) -> Path:
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.mark.parametrize(
    "url",
    [
        "http://city.example",
        "ftp://127.0.0.1",
        "https://",
        "https://rina:pw@city.example",
        "https://a/b?token=1",
        "x",
        "https://[x",
    ],
)
def test_addresses_that_may_not_be_used(url: str) -> None:
    with pytest.raises(errors.BadAddress):
        check_base_url(url)


def test_http_is_for_this_computer_or_by_explicit_wish() -> None:
    assert check_base_url("http://localhost:8311/") == "http://localhost:8311"
    assert check_base_url("http://[::1]:8311") == "http://[::1]:8311"
    assert check_base_url("http://10.0.0.5", insecure_http=True) == "http://10.0.0.5"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"error": "sign_in", "message": "No token."}, errors.SignIn),
        (403, {"error": "forbidden", "message": "Viewers do not write."}, errors.Forbidden),
        (404, {"error": "not_found", "message": "No such report."}, errors.Refused),
        (409, {"error": "in_progress", "message": "Still running."}, errors.InProgress),
        (410, {"error": "gone", "message": "Too old."}, errors.CursorTooOld),
        (412, {"error": "conflict", "message": "Changed.", "fields": {"priority": {"value": 2}}}, errors.Conflict),
        (422, {"error": "key_reused", "message": "Key reused."}, errors.Refused),
        (429, {"error": "busy", "message": "Slowly."}, errors.Busy),
        (500, {"error": "defect", "message": "Fell."}, errors.ServerFault),
        (502, "<html>gateway</html>", errors.ServerFault),
        (503, "<html>gateway</html>", errors.Busy),
    ],
)
def test_statuses_become_errors(serve: Serve, status: int, body: object, kind: type[errors.ApiError]) -> None:
    with pytest.raises(kind) as caught:
        client(serve(lambda *_: http(status, body, Retry_After="7"))).root()
    if isinstance(body, dict):
        assert str(caught.value) == body["message"]
    if isinstance(caught.value, errors.Busy):
        assert caught.value.retry_after_s == (7 if isinstance(body, dict) else None)  # a gateway asks for nothing
    if isinstance(caught.value, errors.Conflict):
        assert caught.value.fields == {"priority": {"value": 2}}


def test_retry_after_as_a_date() -> None:
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert retry_after_s({"Retry-After": "Tue, 24 Nov 2026 12:01:30 GMT"}, now) == 90
    assert retry_after_s({"Retry-After": "99999"}, now) == 300
    assert retry_after_s({"Retry-After": "soon"}, now) is None
    assert retry_after_s({"Retry-After": "\u00b2"}, now) is None, "a digit that is no number"
    assert retry_after_s({"Retry-After": "Fri, 31 Dec 9999 23:59:59 -1400"}, now) is None


def test_a_date_that_is_none_spoils_no_answer(serve: Serve) -> None:
    odd = client(serve(lambda *_: http(200, {"name": "sigap", "epoch": "e"}, Date="Fri, 31 Dec 9999 23:59:59 -1400")))
    assert odd.root().name == "sigap"
    assert odd.last is not None
    assert odd.last.server_time is None


def test_an_answer_about_another_edit_is_no_success(serve: Serve) -> None:
    entry = {"id": "e1", "report": "1", "kind": "note", "at": "2026-11-24T12:00:00Z", "edit": "another"}
    with pytest.raises(errors.NotThisServer):
        client(serve(lambda *_: http(200, {"entry": entry, "seq": 2}))).send_edit("/reports/1/edits", b"{}", key="mine")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("::1", False),
        ("fd00::1", False),
        ("fe80::1%eth0", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("224.0.0.1", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_a_photo_address_cannot_reach_into_the_network(serve: Serve) -> None:
    inside = serve(lambda *_: http(200, b"\xff\xd8\xff secret"))
    for url in (inside.url + "/x.jpg", f"https://127.0.0.1:{inside.port}/x.jpg", f"https://localhost:{inside.port}/"):
        with pytest.raises(errors.BadAddress):
            fetch_photo(url, own_scheme="https", own_netloc="city.example")
    assert inside.asked == []


@pytest.mark.parametrize(
    "url",
    ["https://[x", "https://[::ffff:1.2.3]/x.jpg", "https://\u2100/x.jpg", "https://city.example:99999/x.jpg", ""],
)
def test_a_photo_address_that_is_none_is_named_so(url: str) -> None:
    with pytest.raises(errors.BadAddress):
        fetch_photo(url, own_scheme="https", own_netloc="city.example")


def test_a_photo_of_the_own_server_comes_without_credentials(serve: Serve) -> None:
    server = serve(lambda *_: http(200, b"\xff\xd8\xff picture"))
    content = fetch_photo(server.url + "/p/1.jpg?s=2", own_scheme="http", own_netloc=f"127.0.0.1:{server.port}")
    assert content.startswith(b"\xff\xd8\xff")
    assert server.asked[0].path == "/p/1.jpg?s=2"
    assert "authorization" not in server.asked[0].headers
