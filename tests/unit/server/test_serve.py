"""`sigap serve` as a process: loads first, then says where it listens; ends in order; says why it cannot."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from api_client.model import Unit, UnitState
from console.cli import main
from console.server.city.city import City
from console.server.city.records import AdminPage, ServeOptions
from console.server.serve import serve

CHILD = """
import sys, msgspec
from api_client.model import Unit, UnitState
from console.server.city.city import City
from console.cli import main
from console.server.city.records import ServeOptions
from console.server.serve import serve
sys.exit(serve(msgspec.json.decode(sys.argv[1], type=ServeOptions, dec_hook=lambda kind, value: kind(value))))
"""


@contextmanager
def child(**options: object) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", CHILD, json.dumps(options)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def listening(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("Sigap serves Testville at http://127.0.0.1:"), line
    return line.split()[-1]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_loads_serves_and_ends_in_order(tmp_path: Path, database_url: str, how: signal.Signals) -> None:
    areas = tmp_path / "areas.json"
    ring = [[106, -7], [107, -7], [107, -6], [106, -6], [106, -7]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "properties": {"code": "c", "name": "City"}, "geometry": shape}
    areas.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    reports = tmp_path / "reports.json"
    reports.write_text(
        json.dumps([{"service_request_id": "7", "lat": -6.5, "long": 106.5, "description": "x", "status": "open"}])
    )
    media = str(tmp_path / "media")
    with child(
        database=database_url, port=0, name="Testville", areas=str(areas), load=[str(reports)], media=media
    ) as process:
        url = listening(process)
        stats = requests.get(f"{url}/dispatch/v1/stats", timeout=60).json()
        assert (stats["reports"], stats["by_area"]) == (1, {"c": 1})
        stream = requests.get(f"{url}/dispatch/v1/stream", stream=True, timeout=60)
        next(stream.iter_lines(chunk_size=1))
        process.send_signal(how)
        assert process.wait(60) == 0
        stream.close()


@pytest.mark.timeout(60)
def test_what_cannot_be_served_ends_with_a_sentence_and_its_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = f"sqlite:///{tmp_path / 'city.db'}"
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(b"no database at all, whatever its name says" * 100)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for options, code, words in (
            (ServeOptions(database, port=taken.getsockname()[1]), 3, "cannot be taken"),
            (ServeOptions(database, host="0.0.0.0", port=0), 3, "sigap user add"),
            (ServeOptions(database, port=0, timezone="Mars/Base"), 2, "no time zone"),
            (ServeOptions(database, port=0, admin_page=AdminPage.PUBLIC), 2, "--public-url"),
            (ServeOptions(database, port=70000), 2, "70000"),
            (ServeOptions("nonsense", port=0), 2, "no database address"),
            (ServeOptions("mysql://user@host/city", port=0), 2, "no database address"),
            (ServeOptions(database, port=0, check=True), 2, "--load"),
            (ServeOptions(database, port=0, behind_proxy="10.0.0.5, *"), 2, "no address of a proxy"),
            (ServeOptions(database, port=0, mapping=broken), 2, "--load"),
            (ServeOptions(database, port=0, services=tmp_path / "missing.json"), 4, "missing.json cannot be used: No"),
            (ServeOptions("sqlite:////nowhere/at/all.db", port=0), 4, "database"),
            (ServeOptions(f"sqlite:///{damaged}", port=0), 4, "not a database"),
            (ServeOptions(database, port=0, load=(tmp_path / "missing.csv",)), 4, "missing.csv"),
            (ServeOptions(database, port=0, areas=broken), 4, "broken.json"),
            (ServeOptions(database, port=0, users=broken), 4, "list of users"),
        ):
            assert serve(options) == code, options
            said = capsys.readouterr()
            assert words in said.err, said.err
            assert said.out == ""


def test_a_city_without_units_is_told_what_is_missing_and_the_command_and_one_with_units_is_not(
    tmp_path: Path, database_url: str
) -> None:
    with child(database=database_url, port=0, name="Testville", media=str(tmp_path / "media")) as process:
        listening(process)
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        said = process.stderr.read()
    assert "sigap city init" in said
    assert "sigap city apply FOLDER --database " in said
    assert "secret" not in said
    city = City(database_url)
    city.create_schema()
    city.put_units([Unit("u1", "U1", UnitState.AVAILABLE, datetime.now(UTC))])
    city.close()
    with child(database=database_url, port=0, name="Testville", media=str(tmp_path / "media")) as process:
        listening(process)
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        assert "sigap city" not in process.stderr.read()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_city_keeps_its_zone_when_it_is_served_without_one_and_its_files_are_read_in_it(
    tmp_path: Path, database_url: str
) -> None:
    city = City(database_url, timezone="America/New_York", name="Testville")
    city.create_schema()
    city.close()
    file = tmp_path / "reports.csv"
    file.write_text("id,created,description\n1,2026-01-01 12:00:00,Hole\n")
    with child(database=database_url, port=0, name="Testville", load=[str(file)], media=str(tmp_path)) as process:
        url = listening(process)
        assert requests.get(f"{url}/dispatch/v1/", timeout=60).json()["city"]["timezone"] == "America/New_York"
        report = requests.get(f"{url}/dispatch/v1/reports/1", timeout=60).json()
        assert report["created"] == "2026-01-01T17:00:00Z"


def test_the_command_line_serves_without_any_option(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "console", "serve", "--port", "0", "--name", "Testville", "--database"]
    with subprocess.Popen(
        [*command, f"sqlite:///{tmp_path / 'city.db'}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        url = listening(process)
        assert (
            requests.get(f"{url}/open311/v2/discovery.json", timeout=60).json()["endpoints"][0]["url"].startswith(url)
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_public_address_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--public-url", "example.org"])
    assert "write it like https://" in capsys.readouterr().err


def test_it_ends_in_order_with_its_input(tmp_path: Path) -> None:
    options = {"database": f"sqlite:///{tmp_path / 'city.db'}", "port": 0, "name": "Testville", "ends_with_input": True}
    command = [sys.executable, "-c", CHILD, json.dumps(options)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        url = listening(process)
        assert process.stdin is not None
        process.stdin.write("whatever is said\n")
        process.stdin.flush()
        assert requests.get(f"{url}/dispatch/v1/stats", timeout=60).status_code == 200
        process.stdin.close()
        assert process.wait(20) == 0


def test_while_it_takes_nobody_in_hundreds_may_wait_and_are_answered_then(tmp_path: Path) -> None:
    """Taking in eight at a time must not mean that the ninth who comes meanwhile is turned away."""
    with child(database=f"sqlite:///{tmp_path / 'city.db'}", port=0, name="Testville") as process:
        address = listening(process)
        port = int(address.rsplit(":", 1)[1])
        process.send_signal(signal.SIGSTOP)
        waiting = [socket.create_connection(("127.0.0.1", port), timeout=2) for _ in range(300)]
        process.send_signal(signal.SIGCONT)
        assert requests.get(f"{address}/dispatch/v1/", timeout=60).status_code == 200
        last = waiting[-1]
        last.settimeout(10)
        last.sendall(b"GET /dispatch/v1/ HTTP/1.1\r\nHost: x\r\n\r\n")
        assert last.recv(15).startswith(b"HTTP/1.1 ")
        for one in waiting:
            one.close()
