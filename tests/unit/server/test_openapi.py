"""The OpenAPI document: it is what is served, it says everything, and schemathesis finds the server as it says."""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from api_client.dispatch import DispatchClient
from api_client.model import Kind
from console.server.city.city import City
from console.server.city.rates import RULES
from console.server.city.records import LoadedReport
from console.server.city.schema import TABLES
from console.server.city.users import Users, add_user
from console.server.http.rate_limit import RateLimits
from tests.unit.server.conftest import Api, a_report, running
from tools.write_openapi import FILES, ROOT, as_file

DISPATCH = "/dispatch/v1/openapi.json"
GEOREPORT = "/open311/v2/openapi.json"
one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what does not depend on the database."""


_PATIENT = ("--request-timeout", "60")
"""What is tried is what the server answers, not how soon it does on a busy machine."""


@dataclass
class Clients:
    """A served city that has users, and clients with and without a token."""

    city: City
    url: str
    rina: Api
    nobody: Api


@pytest.fixture
def clients(city: City, tmp_path: Path) -> Iterator[Clients]:
    token = add_user(city, "rina", "supervisor")
    with running(city, tmp_path / "media", Users(city), limits=unlimited()) as url:
        rina, nobody = Api(url, token), Api(url)
        yield Clients(city, url, rina, nobody)
        rina.session.close()
        nobody.session.close()


def unlimited() -> RateLimits:
    return RateLimits(dict.fromkeys(RULES, "1000000 per 1 second"))


def asked(api: Api, address: str, config: str, examples: int) -> subprocess.CompletedProcess[str]:
    """What schemathesis says of the server, asked as a stranger would ask it."""
    program = str(Path(sys.executable).with_name("schemathesis"))
    token = str(api.session.headers.get("Authorization", ""))
    return subprocess.run(
        [program, "--config-file", config, "run", api.url + address, "-n", str(examples), *_PATIENT],
        cwd=ROOT / "docs" / "dispatch-api" / "check",
        env={**os.environ, "TOKEN": token.removeprefix("Bearer "), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=3000,
        check=False,
    )


@one_database
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("expected_log")  # it begins with bytes that are no HTTP
def test_schemathesis_finds_the_server_as_its_document_says(clients: Clients) -> None:
    said = asked(clients.rina, DISPATCH, "schemathesis.toml", 6)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "passed" in said.stdout


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("expected_log")  # it begins with bytes that are no HTTP
def test_schemathesis_finds_nothing_in_many_tries(clients: Clients) -> None:
    said = asked(clients.rina, DISPATCH, "schemathesis.toml", 500)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "passed" in said.stdout


@one_database
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("expected_log")
def test_schemathesis_finds_the_citizens_side_as_its_document_says(city: City, tmp_path: Path) -> None:
    with running(city, tmp_path / "media", limits=unlimited()) as url:
        said = asked(Api(url), GEOREPORT, "georeport.toml", 6)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "passed" in said.stdout


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("expected_log")
def test_schemathesis_finds_nothing_in_many_tries_of_the_citizens_side(city: City, tmp_path: Path) -> None:
    with running(city, tmp_path / "media", limits=unlimited()) as url:
        said = asked(Api(url), GEOREPORT, "georeport.toml", 500)
    assert said.returncode == 0, said.stdout + said.stderr


@one_database
def test_the_files_in_docs_are_what_is_served(clients: Clients) -> None:
    for address, path in FILES.items():
        served = as_file(requests.get(clients.url + address, timeout=60).content)
        assert path.read_bytes() == served, f"{path.name} is old: run .venv/bin/python tools/write_openapi.py"


@one_database
def test_every_kind_of_edit_and_of_object_is_described(clients: Clients) -> None:
    schemas = clients.nobody.get("/openapi.json").json()["components"]["schemas"]
    for kind in Kind:
        assert schemas[f"Edit_{kind.value}"]["properties"]["kind"] == {"const": kind.value}
    objects = {each["$ref"].rpartition("/")[2] for each in schemas["Item"]["oneOf"]}
    assert objects == {f"Item_{kind}" for kind in TABLES}
    assert schemas["Set"]["properties"]["priority"] == {"type": "integer", "minimum": 1, "maximum": 4}
    assert schemas["Report"]["properties"]["created"] == {"type": "string", "format": "date-time"}
    until = schemas["Unit"]["properties"]["shift_end"]
    assert {"type": "string", "format": "date-time"} in until["anyOf"]


@one_database
def test_every_error_of_an_edit_is_described(clients: Clients) -> None:
    responses = clients.nobody.get("/openapi.json").json()["paths"]["/reports/{report}/edits"]["post"]["responses"]
    assert {"200", "400", "401", "403", "404", "409", "412", "413", "415", "422", "428", "500", "503"} <= set(responses)
    words = responses["422"]["content"]["application/json"]["schema"]["properties"]["error"]["enum"]
    assert words == ["expired", "invalid", "key_reused"]


@one_database
@pytest.mark.parametrize("document", [DISPATCH, GEOREPORT])
def test_no_text_of_an_address_may_hold_what_no_address_may(clients: Clients, document: str) -> None:
    paths = requests.get(clients.url + document, timeout=60).json()["paths"]
    told = [each for path in paths.values() for operation in path.values() for each in operation["parameters"]]
    texts = [
        schema
        for each in told
        if each["in"] in ("path", "query")
        for schema in each["schema"].get("anyOf", [each["schema"]])
        if schema.get("type") == "string" and "format" not in schema
    ]
    assert texts
    for schema in texts:
        assert re.search(schema.get("pattern", ""), "a\0b") is None, schema
    assert clients.rina.get("/snapshot", params={"after_key": "a\0b"}).status_code == 400
    assert clients.rina.get("/reports/a%00b").status_code == 400


@one_database
def test_what_needs_a_token_says_so_and_is_refused_without(clients: Clients) -> None:
    document = clients.nobody.get("/openapi.json").json()
    free = {path for path, rows in document["paths"].items() if rows.get("get", {}).get("security") == []}
    assert free == {"/", "/openapi.json", "/stats"}
    for path in free:
        assert clients.nobody.get(path).status_code == 200
    for path in document["paths"].keys() - free:
        if "get" in document["paths"][path]:
            place = path.replace("{report}", "10").replace("{sha256}", "0" * 64).replace("{day}", "2026-03-02")
            assert clients.nobody.get(place).status_code == 401, path


@one_database
def test_the_document_comes_once(clients: Clients) -> None:
    first = clients.nobody.get("/openapi.json")
    assert "public" in first.headers["Cache-Control"]
    again = clients.nobody.get("/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]


@one_database
def test_a_report_that_the_client_has_is_not_sent_again(clients: Clients) -> None:
    first = clients.rina.get("/reports/10")
    etag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "no-store"
    assert clients.rina.get("/reports/10", headers={"If-None-Match": f'"x", W/{etag}'}).status_code == 304
    clients.rina.ok("10", "note", {"text": "Looked at it."})
    clients.rina.ok("10", "set", {"priority": 1})
    changed = clients.rina.get("/reports/10", headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.json()["priority"] == 1


@one_database
@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/changes", "GET, HEAD, OPTIONS"),
        ("/reports", "OPTIONS, POST"),
        ("/reports/10/edits", "OPTIONS, POST"),
        ("/reports/10", "GET, HEAD, OPTIONS"),
        (f"/media/{'0' * 64}", "GET, HEAD, OPTIONS, PUT"),
    ],
)
def test_a_method_that_an_address_does_not_take(clients: Clients, path: str, allowed: str) -> None:
    url = f"{clients.url}/dispatch/v1{path}"
    refused = clients.rina.session.delete(url, timeout=60)
    assert refused.status_code == 405
    assert refused.headers["Allow"] == allowed
    assert refused.json()["error"] == "method_not_allowed"
    options = clients.rina.session.options(url, timeout=60)
    assert (options.status_code, options.headers["Allow"]) == (204, allowed)


@one_database
def test_head_says_what_get_would_say(clients: Clients) -> None:
    for path in ("/", "/changes", "/reports/10", "/openapi.json"):
        url = f"{clients.url}/dispatch/v1{path}"
        head, whole = clients.rina.session.head(url, timeout=60), clients.rina.session.get(url, timeout=10)
        assert head.status_code == 200
        assert head.content == b""
        assert head.headers["Content-Length"] == whole.headers["Content-Length"]


@one_database
def test_head_of_the_stream_ends(clients: Clients) -> None:
    head = clients.rina.session.head(f"{clients.url}/dispatch/v1/stream", timeout=60)
    assert head.status_code == 200
    assert head.headers["Content-Type"].startswith("text/event-stream")


@one_database
def test_a_body_of_another_type_is_refused(clients: Clients) -> None:
    url = f"{clients.url}/dispatch/v1/reports"
    refused = clients.rina.session.post(url, data={"id": "12345678"}, timeout=60)
    assert refused.status_code == 415
    assert refused.json()["error"] == "wrong_type"
    body = b'{"id": "12345678", "kind": "create", "data": {"service": "road", "description": "A hole"}}'
    headers = {"Idempotency-Key": "12345678"}
    taken = clients.rina.session.post(
        url, data=body, headers={**headers, "Content-Type": "application/json; charset=utf-8"}, timeout=10
    )
    assert taken.status_code == 201, taken.text
    assert clients.rina.session.post(url, data=body, headers=headers, timeout=60).status_code == 201


@one_database
def test_an_edit_without_its_key_cannot_be_read(clients: Clients) -> None:
    body = {"id": "12345678", "kind": "note", "data": {"text": "x"}}
    refused = clients.rina.session.post(f"{clients.url}/dispatch/v1/reports/10/edits", json=body, timeout=60)
    assert (refused.status_code, refused.json()["error"]) == (400, "malformed")


@one_database
@pytest.mark.parametrize("number", ["1.0", "1e0", "1"])
def test_a_whole_number_may_be_written_with_a_point(clients: Clients, number: str) -> None:
    answer = send(clients, f'{{"id": "12345678", "kind": "set", "number": {number}, "data": {{"priority": {number}}}}}')
    assert answer.status_code == 200, answer.text
    assert answer.json()["report"]["priority"] == 1


@one_database
@pytest.mark.parametrize("number", ["1.5", "1e400", "NaN", '"1"', "true"])
def test_what_is_no_whole_number_is_none(clients: Clients, number: str) -> None:
    answer = send(clients, f'{{"id": "12345678", "kind": "set", "data": {{"priority": {number}}}}}')
    assert answer.status_code in (400, 422)
    assert clients.rina.report("10")["priority"] == 3


def send(clients: Clients, body: str) -> Any:
    headers = {"Idempotency-Key": "12345678", "If-Match": '"1"', "Content-Type": "application/json"}
    url = f"{clients.url}/dispatch/v1/reports/10/edits"
    return clients.rina.session.post(url, data=body.encode(), headers=headers, timeout=60)


@one_database
def test_a_photo_in_ranges(clients: Clients) -> None:
    file = io.BytesIO()
    Image.new("RGB", (20, 20)).save(file, "PNG")
    content = file.getvalue()
    url = f"{clients.url}/dispatch/v1/media/{hashlib.sha256(content).hexdigest()}"
    assert clients.rina.session.put(url, data=content, timeout=60).status_code == 201
    part = clients.rina.session.get(url, headers={"Range": "bytes=8-17"}, timeout=60)
    assert (part.status_code, part.content) == (206, content[8:18])
    assert clients.rina.session.get(url, headers={"Range": "bytes=500-"}, timeout=60).status_code == 416


@one_database
def test_large_answers_are_packed_for_who_takes_that(clients: Clients) -> None:
    packed = clients.nobody.get("/openapi.json")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert int(packed.headers["Content-Length"]) < len(packed.content) / 4
    plain = clients.nobody.get("/openapi.json", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.headers["Vary"] == "Accept-Encoding"
    assert plain.content == packed.content


@one_database
def test_a_console_reads_packed_pages_but_asks_for_plain_ones_on_its_own_computer(clients: Clients) -> None:
    clients.city.load([LoadedReport(a_report(f"many-{number}")) for number in range(100)])
    token = str(clients.rina.session.headers["Authorization"]).removeprefix("Bearer ")
    session = requests.Session()
    client = DispatchClient(clients.url, token, session)
    plain = client.snapshot(None)
    assert client.last is not None
    assert "Content-Encoding" not in client.last.headers
    session.headers["Accept-Encoding"] = "gzip"
    packed = client.snapshot(None)
    assert client.last.headers["Content-Encoding"] == "gzip"
    assert packed == plain
    assert len(packed.items) > 100
    client.close()


@one_database
def test_small_answers_and_the_stream_are_not_packed(clients: Clients) -> None:
    assert "Content-Encoding" not in clients.rina.get("/reports/10").headers
    with clients.rina.get("/stream", stream=True) as stream:
        assert "Content-Encoding" not in stream.headers


@one_database
@pytest.mark.parametrize("side", ["/dispatch/v1/", "/open311/v2/requests/"])
def test_an_address_with_a_line_break_belongs_to_its_side(clients: Clients, side: str) -> None:
    answer = clients.rina.session.get(f"{clients.url}{side}a%0Ab.json", timeout=60)
    assert answer.status_code == 404
    assert isinstance(answer.json(), list if "open311" in side else dict)


@one_database
@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("set", {"hold": {"reason": "Rain", "waits_for": "weather", "until": "2026-03-02T10:00:00"}}),
        ("set", {"hold": {"reason": "x" * 20_001, "waits_for": "weather"}}),
        ("me_too", {"contact": {"name": "x" * 501}}),
    ],
)
def test_times_without_a_zone_and_texts_without_end_are_refused(
    clients: Clients, kind: str, data: dict[str, Any]
) -> None:
    refused = clients.rina.edit("10", kind, data)
    assert (refused.status_code, refused.json()["error"]) == (422, "invalid")
    hold = {"reason": "Rain", "waits_for": "weather", "until": "2026-03-02T17:00:00+07:00"}
    assert clients.rina.ok("10", "set", {"hold": hold})["report"]["hold"] == hold
    clients.rina.ok("10", "me_too", {"contact": {"name": "Sri", "phone": "021"}})
