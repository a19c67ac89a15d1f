"""GeoReport's discovery names the address that the city gave, never one that a client only claims."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import requests

from console.server.city.city import City
from console.server.city.records import CitizenOptions
from tests.unit.server.conftest import running

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def told(url: str, host: str) -> str:
    answer = requests.get(f"{url}/open311/v2/discovery.json", headers={"Host": host}, timeout=60)
    return str(answer.json()["endpoints"][0]["url"])


def test_a_claimed_host_is_not_repeated(city: City, tmp_path: Path) -> None:
    with running(city, tmp_path / "media") as url:
        assert told(url, "attacker.invalid") == f"{url}/open311/v2"
        assert told(url, "localhost:8311") == "http://localhost:8311/open311/v2"
        assert told(url, url.removeprefix("http://")) == f"{url}/open311/v2"


def test_the_citys_own_address_stands_before_all(city: City, tmp_path: Path) -> None:
    options = CitizenOptions(address="https://lapor.example.org/")
    with running(city, tmp_path / "media", citizens=options) as url:
        assert told(url, "attacker.invalid") == "https://lapor.example.org/open311/v2"
    with running(city, tmp_path / "media", citizens=CitizenOptions(proxied=True)) as url:
        assert told(url, "lapor.example.org") == "http://lapor.example.org/open311/v2"


def test_a_body_with_two_lengths_is_refused_and_its_connection_ended(city: City, tmp_path: Path) -> None:
    with running(city, tmp_path / "media") as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as client:
            client.sendall(
                b"POST /dispatch/v1/reports HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /dispatch/v1/me HTTP/1.1\r\nHost: localhost\r\n\r\n"
            )
            answer = b""
            while piece := client.recv(65_536):
                answer += piece
        assert answer.startswith(b"HTTP/1.1 400")
        assert answer.count(b"HTTP/1.1") == 1
