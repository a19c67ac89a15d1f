"""The id of a request: taken from outside where it is plain, made otherwise, and the same wherever it stands."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests

from console.server.city import audit
from console.server.city.city import City
from console.server.request_id import present_request_id
from tests.unit.server.conftest import Api, running

one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@one_database
@pytest.mark.parametrize(
    ("said", "is_taken"),
    [("proxy-7f3a:12", True), ("x" * 64, True), ("x" * 65, False), ("", False), ("two words", False), ('a"b', False)],
)
def test_what_a_proxy_says_is_taken_where_it_is_plain(api: Api, said: str, is_taken: bool) -> None:
    for path, status in (("/stats", 200), ("/nothing", 404)):
        answer = api.get(path, headers={"X-Request-ID": said})
        assert answer.status_code == status
        given = answer.headers["X-Request-ID"]
        assert (given == said) if is_taken else len(given) == 32
    assert api.get("/stats").headers["X-Request-ID"] != api.get("/stats").headers["X-Request-ID"]


@one_database
def test_it_stands_in_the_audit_log(city: City, api: Api) -> None:
    api.session.headers["X-Request-ID"] = "proxy-1"
    api.ok("10", "note", {"text": "x"})
    del api.session.headers["X-Request-ID"]
    made = api.edit("10", "note", {"text": "y"}).headers["X-Request-ID"]
    with city.database.read() as connection:
        found = [msgspec.json.decode(row.detail)["request"] for row in audit.rows_after(connection, 0)]
    assert found[-2:] == ["proxy-1", made]


@one_database
@pytest.mark.usefixtures("expected_log")
def test_it_is_there_when_a_request_fails_and_its_defect_is_logged(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(present_request_id())

    def broken(*_: Any) -> None:
        raise ValueError

    monkeypatch.setattr(city, "stats", broken)
    ear = Ear()
    logging.getLogger("console.server.http.endpoint").addHandler(ear)
    try:
        with running(city, tmp_path / "media") as url:
            answer = requests.get(f"{url}/dispatch/v1/stats", headers={"X-Request-ID": "proxy-2"}, timeout=60)
    finally:
        logging.getLogger("console.server.http.endpoint").removeHandler(ear)
    assert (answer.status_code, answer.headers["X-Request-ID"], seen) == (500, "proxy-2", ["proxy-2"])
