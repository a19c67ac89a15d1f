"""The pages' streets: tiles as they are stored, cheap to serve, and none where the map cannot be used."""

from __future__ import annotations

import contextlib
import gzip
import logging
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from console.city_map.manifest import BASEMAP, MANIFEST
from console.city_map.map_folder import MapFolder
from console.server.city.city import City
from console.server.city.rates import PUBLIC_READ
from console.server.http.app import make_app
from console.server.http.rate_limit import RateLimits
from console.server.pages.streets import MOST_TILE_BYTES, MapTiles
from tests.helpers.map_of_tiles import SOURCE, put_map, tile_at
from tests.helpers.prompt_server import serving

BOUNDS = (106.8, -6.25, 106.9, -6.15)
TILE = b"\x1a\x05x\x02\n\x01a" * 200
INSIDE = "/".join(map(str, tile_at(-6.2, 106.85, 14)))
NAME = "20261130T120000-0123abcd"


@pytest.fixture
def bare_city(tmp_path: Path) -> Iterator[City]:
    city = City(f"sqlite:///{tmp_path / 'city.db'}", name="Testville")
    city.create_schema()
    with contextlib.closing(city):
        yield city


@contextlib.contextmanager
def streets_of(city: City, folder: Path | None, limits: RateLimits | None = None) -> Iterator[str]:
    """The address of /streets at a server with this map."""
    with serving(make_app(city, folder or Path(), limits=limits, city_map=folder)) as port:
        yield f"http://127.0.0.1:{port}/streets"


def get(address: str, **headers: str) -> requests.Response:
    return requests.get(address, headers={"Accept-Encoding": "identity"} | headers, timeout=60)


def test_tiles_go_as_they_are_stored_and_are_kept_by_who_asked(bare_city: City, tmp_path: Path) -> None:
    folder = put_map(tmp_path / "town", BOUNDS, lambda *_: TILE)
    with streets_of(bare_city, folder) as url:
        info = get(f"{url}/info").json()
        assert (info["min_zoom"], info["max_zoom"], tuple(info["bounds"])) == (10, 14, BOUNDS)
        assert (info["attribution"], info["invented"], info["places"]) == (SOURCE, False, False)
        address = f"{url}/{info['version']}/{INSIDE}"
        with requests.get(address, headers={"Accept-Encoding": "gzip"}, stream=True, timeout=60) as packed:
            assert packed.headers["content-encoding"] == "gzip"
            assert packed.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert gzip.decompress(packed.raw.read(decode_content=False)) == TILE
        plain = get(address)
        assert (plain.content, plain.headers.get("content-encoding")) == (TILE, None)
        assert plain.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert get(address, **{"If-None-Match": plain.headers["etag"]}).status_code == 304
        assert get(f"{url}/{info['version']}/14/1/1").status_code == 204, "open ground"


@pytest.mark.parametrize("place", ["14/x/1", "14/-1/1", "14/1/1.0", f"14/{'9' * 5000}/1", "14/٣/1", "14/01/1"])
def test_an_address_that_is_none_is_refused(bare_city: City, tmp_path: Path, place: str) -> None:
    folder = put_map(tmp_path / "town", BOUNDS, lambda *_: TILE)
    with streets_of(bare_city, folder) as url:
        version = get(f"{url}/info").json()["version"]
        assert get(f"{url}/{version}/{place}").status_code == 404
        assert get(f"{url}/another/{INSIDE}").status_code == 404
        assert get(f"{url}/{version}/99/1/1").status_code == 204


def break_manifest(folder: Path) -> None:
    (folder / MANIFEST).write_bytes(b"{")


def break_tiles(folder: Path) -> None:
    (folder / BASEMAP).write_bytes(b"PM")


def take_tiles_away(folder: Path) -> None:
    (folder / BASEMAP).unlink()


@pytest.mark.parametrize("harm", [break_manifest, break_tiles, take_tiles_away])
def test_a_map_that_cannot_be_used_is_none_and_the_log_says_why(
    bare_city: City, tmp_path: Path, caplog: pytest.LogCaptureFixture, harm: object
) -> None:
    folder = put_map(tmp_path / "town", BOUNDS, lambda *_: TILE)
    assert callable(harm)
    harm(folder)
    with caplog.at_level(logging.WARNING), streets_of(bare_city, folder) as url:
        assert get(f"{url}/info").json() is None
        assert get(f"{url}/x/{INSIDE}").status_code == 404
    [record] = caplog.records
    assert record.getMessage().startswith(f"the pages show no streets of {folder}: ")
    caplog.clear()


def test_without_a_folder_there_are_no_streets(bare_city: City, tmp_path: Path) -> None:
    for folder in (None, tmp_path / "nothing"):
        with streets_of(bare_city, folder) as url:
            assert get(f"{url}/info").json() is None


def test_a_map_that_is_built_meanwhile_is_served_from_then_on(bare_city: City, tmp_path: Path) -> None:
    now = 0.0
    app = make_app(bare_city, tmp_path)
    tiles = MapTiles(tmp_path / "profile", app.state.http_endpoint, ticks=lambda: now)
    app.router.routes[:0] = tiles.routes()
    with serving(app) as port:
        url = f"http://127.0.0.1:{port}"
        assert get(f"{url}/info").json() is None
        maps = MapFolder(tmp_path / "profile")
        for source, name in ((TILE, NAME), (TILE * 2, NAME.replace("12", "13"))):
            fresh = maps.begin()
            put_map(fresh, BOUNDS, lambda *_, body=source: body)
            maps.adopt(fresh, name)
            now += 6
            version = get(f"{url}/info").json()["version"]
            assert get(f"{url}/{version}/{INSIDE}").content == source
        maps.release()
    tiles.close()


def test_a_file_that_is_cut_off_while_it_is_served_ends_nothing(bare_city: City, tmp_path: Path) -> None:
    folder = put_map(tmp_path / "town", BOUNDS, lambda z, x, y: TILE + bytes([z, x % 256, y % 256]))
    with streets_of(bare_city, folder) as url:
        version = get(f"{url}/info").json()["version"]
        assert get(f"{url}/{version}/{INSIDE}").status_code == 200
        with (folder / BASEMAP).open("r+b") as file:
            file.truncate(200)
        assert get(f"{url}/{version}/{INSIDE}").status_code == 204
        assert get(f"{url}/info").status_code == 200


def test_a_tile_of_strangers_costs_little(bare_city: City, tmp_path: Path) -> None:
    """The largest tile that is served, and a bomb that is not: under 50 ms of processor and 16 MB each."""
    large = bytes(range(256)) * (MOST_TILE_BYTES // 256 - 1)
    bomb = gzip.decompress(gzip.compress(bytes(200 * 2**20)))
    places = iter([large, bomb])
    folder = put_map(
        tmp_path / "town", (106.85, -6.2, 106.8501, -6.1999), lambda z, *_: next(places) if z < 12 else b""
    )
    del bomb
    app = make_app(bare_city, tmp_path, city_map=folder)
    with serving(app) as port:
        url = f"http://127.0.0.1:{port}/streets"
        version = get(f"{url}/info").json()["version"]
        for zoom, status in ((10, 200), (11, 204)):
            z, x, y = tile_at(-6.2, 106.85, zoom)
            tracemalloc.start()
            began = time.process_time()
            answer = get(f"{url}/{version}/{z}/{x}/{y}", **{"Accept-Encoding": "gzip"})
            spent_s, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert answer.status_code == status
            assert peak < 16 * 2**20
            assert spent_s < 0.5, "many times what it takes without being traced"


def test_strangers_are_counted(bare_city: City, tmp_path: Path) -> None:
    folder = put_map(tmp_path / "town", BOUNDS, lambda *_: TILE)
    limits = RateLimits({PUBLIC_READ: "3 per 10 second"})
    with serving(make_app(bare_city, tmp_path, limits=limits, city_map=folder), proxy_headers=True) as port:
        elsewhere = {"X-Forwarded-For": "203.0.113.5"}
        found = [get(f"http://127.0.0.1:{port}/streets/info", **elsewhere).status_code for _ in range(4)]
    assert found == [200, 200, 200, 429]


def test_what_draws_streets_is_served_with_all_that_it_imports(bare_city: City, tmp_path: Path) -> None:
    with serving(make_app(bare_city, tmp_path)) as port:
        url, seen, left = f"http://127.0.0.1:{port}/assets/js", set[str](), ["streets.js", "place_map.js", "report.js"]
        while left:
            name = left.pop()
            if name in seen:
                continue
            seen.add(name)
            answer = get(f"{url}/{name}")
            assert answer.status_code == 200, name
            words = answer.text.replace('import("./', 'from "./').split('from "./')[1:]
            left += [one.partition('"')[0] for one in words]
    assert {"street_layer.js", "street_names.js", "vector_tile.js", "tile_painter.js"} <= seen
