"""/health and /ready: what orchestrators ask, answered without a token, and why a server is not ready."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from starlette.applications import Starlette

from console.server.city import rates, schema
from console.server.city.city import City
from console.server.city.users import Users, add_user
from console.server.http import health
from console.server.http.health import HealthAddresses
from console.server.http.rate_limit import RateLimits
from tests.helpers.prompt_server import serving
from tests.unit.server.conftest import running

one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@contextmanager
def asked(city: City, media: Path, **options: Any) -> Iterator[str]:
    """The two addresses alone, of a server that is looked at anew with each question."""
    with serving(Starlette(routes=HealthAddresses(city, media, **options).routes())) as port:
        yield f"http://127.0.0.1:{port}"


def test_both_are_answered_to_strangers_without_end_and_say_nothing_else(city: City, tmp_path: Path) -> None:
    users = Users(city, tokenless=False)
    add_user(city, "rina", "operator")
    limits = RateLimits({rates.PUBLIC_READ: "1 per 1 hour"})
    with running(city, tmp_path / "media", users, limits=limits, behind_proxy=True) as url:
        for path in ("/health", "/ready", "/healthz", "/livez", "/readyz"):
            for _ in range(3):
                answer = requests.get(url + path, headers={"X-Forwarded-For": "203.0.113.7"}, timeout=60)
                assert (answer.status_code, answer.json()) == (200, {"ok": True}), path
        assert requests.post(f"{url}/health", timeout=60).status_code == 405


@one_database
@pytest.mark.usefixtures("expected_log")
def test_a_server_whose_disk_is_full_is_healthy_and_not_ready(
    city: City, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with asked(city, tmp_path / "media", least_free=10**18) as url:
        for _ in range(3):
            answer = requests.get(f"{url}/ready", timeout=60)
            assert (answer.status_code, answer.json()["part"]) == (503, "disk")
            assert answer.json()["message"] == "The disk is full."
            assert answer.headers["Retry-After"]
        assert requests.get(f"{url}/health", timeout=60).status_code == 200
    assert caplog.text.count("not ready") == 1


@pytest.mark.usefixtures("expected_log")
def test_a_database_of_another_version_is_not_ready(city: City, tmp_path: Path) -> None:
    with city.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with asked(city, tmp_path / "media") as url:
        answer = requests.get(f"{url}/ready", timeout=60)
        assert (answer.status_code, answer.json()["part"]) == (503, "tables")


@one_database
@pytest.mark.usefixtures("expected_log")
def test_it_is_ready_again_when_what_was_wrong_is_over(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(health, "_KEPT_S", -1.0)
    monkeypatch.setattr(health, "_TURN_S", 0.05)
    assert city.database.missing is None
    file = Path(str(city.database.url.database))
    with asked(city, tmp_path / "media") as url:

        def part() -> Any:
            return requests.get(f"{url}/ready", timeout=60).json().get("part")

        assert part() is None
        with city.database.write():
            assert part() == "writing"
        assert part() is None
        aside = file.rename(file.with_name("aside.db"))
        assert part() == "database"
        assert not file.exists()
        aside.rename(file)
        assert part() is None
    assert caplog.text.count("ready again") == 2


@one_database
@pytest.mark.usefixtures("expected_log")
def test_a_file_that_another_program_keeps_is_read_and_not_written(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for that program longer than anybody waits for the answer, which said that the database is away."""
    monkeypatch.setattr(health, "_PATIENCE_S", 0.3)
    with (
        contextlib.closing(sqlite3.connect(str(city.database.url.database), isolation_level=None)) as other,
        asked(city, tmp_path / "media") as url,
    ):
        other.execute("BEGIN IMMEDIATE")
        for _ in range(2):
            assert requests.get(f"{url}/ready", timeout=60).json()["part"] == "writing"
        other.execute("ROLLBACK")


@pytest.mark.usefixtures("expected_log")
def test_without_a_connection_left_clients_are_told_to_come_again(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(city.database.engine.pool, "_timeout", 0.2)
    with running(city, tmp_path / "media") as url, contextlib.ExitStack() as held:
        for _ in range(city.database.most_pooled):
            held.enter_context(city.database.engine.connect())
        for path in ("/dispatch/v1/reports/10", "/open311/v2/requests/10.json"):
            answer = requests.get(url + path, timeout=60)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1"), path
        assert requests.get(f"{url}/ready", timeout=60).json()["part"] == "database"
        assert requests.get(f"{url}/health", timeout=60).status_code == 200


@one_database
@pytest.mark.usefixtures("expected_log")
def test_a_database_that_may_only_be_read_is_not_ready(city: City, tmp_path: Path) -> None:
    def only_read(connection: sqlite3.Connection, _: Any) -> None:
        connection.execute("PRAGMA query_only=ON")

    sa.event.listen(city.database.engine, "connect", only_read)
    city.database.engine.dispose()
    with city.database.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.reports)) == 3
    with asked(city, tmp_path / "media") as url:
        answer = requests.get(f"{url}/ready", timeout=60)
        assert (answer.status_code, answer.json()["part"]) == (503, "writing")
