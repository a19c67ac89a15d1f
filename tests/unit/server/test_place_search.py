"""The citizens' search for places: the console's own search, in a process of its own that holds nothing up."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from api_client.model import Area, EditBody, Kind, Service
from console.city_map.manifest import PLACES
from console.city_map.map_folder import current_map
from console.city_map.messages import Find, PlacesFound
from console.server.city.city import City
from console.server.city.rates import PLACE_SEARCH
from console.server.errors import NotFound, Overloaded
from console.server.http.app import make_app
from console.server.http.rate_limit import RateLimits
from console.server.pages.place_search import PlaceSearch
from tests.helpers import hostile
from tests.helpers.built_town import build_town
from tests.helpers.osm_town import SOUTH, WEST, place
from tests.helpers.patience import Patience
from tests.helpers.prompt_server import serving

CORNERS = ((-0.01, -0.01), (0.02, -0.01), (0.02, 0.02), (-0.01, 0.02), (-0.01, -0.01))
RING = [[WEST + lon, SOUTH + lat] for lon, lat in CORNERS]
KEBON_BARU = Area("w1", "Kebon Baru", 2, parent="d1", geometry={"type": "Polygon", "coordinates": [RING]})


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A profile with the grid town as its map."""
    folder = tmp_path_factory.mktemp("profile")
    build_town(folder)
    return folder


@contextlib.contextmanager
def searched(tmp_path: Path, folder: Path | None, limits: RateLimits | None = None) -> Iterator[str]:
    """The address of /public/v1 at a server with this map."""
    city = City(f"sqlite:///{tmp_path / 'city.db'}", name="Testville")
    city.create_schema()
    city.put_areas([Area("d1", "Tebet", 1), KEBON_BARU])
    with contextlib.closing(city), serving(make_app(city, tmp_path, limits=limits, city_map=folder)) as port:
        yield f"http://127.0.0.1:{port}/public/v1"


def get(address: str, **query: str) -> requests.Response:
    return requests.get(address, params=query, timeout=60)


def places(url: str, text: str, **query: str) -> list[dict[str, Any]]:
    answer = get(f"{url}/places", text=text, **query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["places"]
    return found


def test_what_citizens_write_is_found_and_says_how_exact_it_is(tmp_path: Path, profile: Path) -> None:
    with searched(tmp_path, profile) as url:
        house = places(url, "jl melati 1 no 4")[0]
        assert (house["label"], house["area"], house["exactness"]) == ("Jalan Melati I 4", "Kebon Baru, Tebet", "house")
        assert (house["lat"], house["lon"]) == pytest.approx(place(0.05, 0.4))
        crossing = places(url, "perempatan jl melati 2 dan gg kenari 3")[0]
        assert crossing["exactness"] == "crossing"
        assert (crossing["lat"], crossing["lon"]) == pytest.approx(place(1, 2), abs=2e-4)
        beside = places(url, "seberang stasiun tebet")[0]
        assert (beside["label"], beside["exactness"]) == ("Stasiun Tebet", "beside")
        street = places(url, "gang kenari 5 rt 03/05")[0]
        assert street["exactness"] == "street"
        assert street["within_m"] > 100
        assert street["left_out"], "what no map knows is said"
        figures = places(url, "-6.2055, 106.8033")[0]
        assert (figures["lat"], figures["lon"], figures["exactness"]) == (-6.2055, 106.8033, "point")
        west, east = (places(url, "gang kenari", near=f"{SOUTH},{WEST + off}")[0]["label"] for off in (0.0, 0.008))
        assert int(west[-1]) < int(east[-1]), "of those alike the nearer stands first"
        assert places(url, "nowhere at all") == []
        assert places(url, "") == []


def test_a_form_without_scripts_offers_the_places_that_an_address_may_mean(tmp_path: Path, profile: Path) -> None:
    own = {"Sec-Fetch-Site": "same-origin"}
    with searched(tmp_path, profile) as url, contextlib.closing(City(f"sqlite:///{tmp_path / 'city.db'}")) as city:
        city.put_services([Service("lamp", "Lamp")])
        lat, lon = place(0.05, 0.4)
        data = {"service": "lamp", "description": "Dark", "lat": lat + 0.0003, "lon": lon}
        city.apply(EditBody("there-before", Kind.CREATE, data=data))
        root = url.removesuffix("/public/v1")
        shown = get(f"{root}/?plain=1&step=2&service=lamp&address=jl+melati+1+no+4").text
        assert "Jalan Melati I 4, Kebon Baru, Tebet: at the house number" in shown
        assert "Lamp, 30 m from here" in shown
        form = {
            "key": "k" * 40,
            "service": "lamp",
            "address": "jl melati 1 no 4",
            "description": "Dark",
            "offered": "1",
        }
        asked = requests.post(f"{root}/?plain=1", data=form, headers=own, timeout=60)
        assert (asked.status_code, "Choose the place that you mean" in asked.text) == (422, True)
        chosen = form | {"place": re.findall(r'value="(-6[^"]+)"', shown)[0]}
        page = requests.post(f"{root}/?plain=1", data=chosen, headers=own, timeout=60).url
        report = city.report(page.partition("/r/")[2].partition("?")[0])
        assert (report.lat, report.lon) == pytest.approx((lat, lon))
        assert report.address == "jl melati 1 no 4"


def test_a_point_has_its_street_the_nearest_number_and_the_citys_own_areas(tmp_path: Path, profile: Path) -> None:
    with searched(tmp_path, profile) as url:
        lat, lon = place(0.03, 0.41)
        at = get(f"{url}/address", at=f"{lat},{lon}")
        assert at.json() == {"street": "Jalan Melati I", "near": "4", "area": "Kebon Baru, Tebet"}
        assert at.headers["cache-control"] == "no-store"
        far = get(f"{url}/address", at="-6.19,106.79").json()
        assert far == {"street": "", "near": "", "area": ""}


def test_the_folder_of_a_map_serves_as_well_as_a_profile(tmp_path: Path, profile: Path) -> None:
    with searched(tmp_path, current_map(profile)) as url:
        assert places(url, "stasiun tebet")[0]["exactness"] == "landmark"


def test_hostile_words_are_answered_or_refused_and_the_search_goes_on(tmp_path: Path, profile: Path) -> None:
    texts = hostile.texts("http://canary.invalid").values()
    words = [text.encode("utf-8", "replace").decode()[:200] for text in texts]
    words += ['"', '" OR 1', "NEAR(a b)", "a* AND *", "'; DROP TABLE place; --", "🏠" * 100, "a b " * 50, "jl " * 60]
    words += ["9" * 200, "dan " * 50, "dekat " * 33, "antara a dan b antara c dan d"]
    with searched(tmp_path, profile) as url:
        for text in words:
            answer = get(f"{url}/places", text=text)
            assert answer.status_code in ({400} if "\x00" in text else {200}), (text, answer.text)
        assert get(f"{url}/places", text="a" * 201).status_code == 422
        for near in ("", "1", "nan,1", "1,inf", "91,0", "0,181", "a,b", "1,2,3", "9" * 400):
            assert get(f"{url}/address", at=near).status_code == 422, near
            assert get(f"{url}/places", text="jalan", near=near).status_code == 422, near
        assert places(url, "stasiun tebet")


def test_without_a_map_nothing_is_found_and_no_process_is_started(tmp_path: Path) -> None:
    for folder in (None, tmp_path / "nothing"):
        with searched(tmp_path, folder) as url:
            assert get(f"{url}/places", text="jalan").status_code == 404
            assert get(f"{url}/address", at="-6.2,106.8").status_code == 404


def test_who_asks_for_very_many_places_waits(tmp_path: Path, profile: Path) -> None:
    limits = RateLimits({PLACE_SEARCH: "3 per 24 hours"})
    city = City(f"sqlite:///{tmp_path / 'city.db'}")
    city.create_schema()
    with contextlib.closing(city):
        app = make_app(city, tmp_path, limits=limits, city_map=profile)
        from_afar = _from_address(app, "203.0.113.9")
        with serving(from_afar) as port:
            url = f"http://127.0.0.1:{port}/public/v1"
            codes = [get(f"{url}/address", at="-6.2,106.8").status_code for _ in range(2)]
            codes += [get(f"{url}/places", text="jalan").status_code for _ in range(2)]
            assert codes == [200, 200, 200, 429]
            assert get(f"{url}/city").status_code == 200, "the rest of the page goes on"


def _from_address(app: Any, host: str) -> Any:
    """The application as somebody elsewhere reaches it."""

    async def asked(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope = {**scope, "client": (host, 1234)}
        await app(scope, receive, send)

    asked.state = app.state  # type: ignore[attr-defined]
    return asked


def child(tmp_path: Path, text: str) -> list[str]:
    """A command that runs this text in the place of a map process."""
    script = tmp_path / "child.py"
    script.write_text(text)
    return [sys.executable, str(script)]


HANGS = """
import sys, time, msgspec, os
from console.city_map.messages import MapOpened
from console.pipe import pack
os.write(1, pack(MapOpened()))
time.sleep(600)
"""


@pytest.mark.usefixtures("expected_log")
def test_a_search_that_hangs_is_ended_and_tried_again_later(tmp_path: Path, profile: Path) -> None:
    now = [0.0]
    search = PlaceSearch(profile, command=child(tmp_path, HANGS), patience_s=0.2, ticks=lambda: now[0])
    with contextlib.closing(search):
        with pytest.raises(Overloaded):
            search.ask(Find("jalan"))
        assert search.pid is None
        began = time.monotonic()
        with pytest.raises(Overloaded):
            search.ask(Find("jalan"))
        assert time.monotonic() - began < 0.1, "for a second nobody waits"
        assert search.pid is None
        now[0] = 1.5
        search._command = PlaceSearch(profile)._command
        search._patience_s = 60.0
        assert isinstance(search.ask(Find("stasiun tebet")), PlacesFound)


@pytest.mark.usefixtures("expected_log")
@pytest.mark.parametrize("text", ["", "raise SystemExit(4)", "import os; os.write(1, b'x' * 100)", HANGS])
def test_what_is_no_map_process_is_done_without(tmp_path: Path, profile: Path, text: str) -> None:
    search = PlaceSearch(profile, command=child(tmp_path, text), patience_s=0.2)
    with contextlib.closing(search), pytest.raises(Overloaded):
        search.ask(Find("jalan"))
    search = PlaceSearch(profile, command=[str(tmp_path / "no-such-program")])
    with contextlib.closing(search), pytest.raises(Overloaded):
        search.ask(Find("jalan"))


@pytest.mark.usefixtures("expected_log")
def test_a_killed_process_is_replaced_and_a_new_map_is_taken(tmp_path: Path) -> None:
    build_town(tmp_path)
    now = [0.0]
    search = PlaceSearch(tmp_path, ticks=lambda: now[0], patience_s=60.0)
    with contextlib.closing(search):
        assert search.ask(Find("stasiun tebet"))
        first = search.pid
        assert first is not None
        os.kill(first, 9)
        with pytest.raises(Overloaded):
            search.ask(Find("stasiun tebet"))
        now[0] = 2.0
        assert search.ask(Find("stasiun tebet"))
        second = search.pid
        build_town(tmp_path)
        assert search.ask(Find("stasiun tebet"))
        assert len({first, second, search.pid}) == 3
    with pytest.raises(Overloaded):
        search.ask(Find("stasiun tebet"))
    assert search.pid is None


@pytest.mark.usefixtures("expected_log")
def test_a_damaged_gazetteer_is_a_refusal_and_no_fault(tmp_path: Path) -> None:
    folder = build_town(tmp_path)
    with (folder / PLACES).open("r+b") as file:
        file.truncate(5000)
    search = PlaceSearch(folder, patience_s=60.0)
    with contextlib.closing(search), pytest.raises(Overloaded):
        search.ask(Find("stasiun tebet"))


def test_a_process_that_nobody_asks_rests(profile: Path) -> None:
    search = PlaceSearch(profile, patience_s=60.0, idle_s=0.3)
    with contextlib.closing(search):
        search.ask(Find("jalan"))
        patience = Patience(30)
        while search.pid is not None:
            assert not patience.is_over, "it holds the city's streets for nobody"
            time.sleep(0.05)
        assert search.ask(Find("jalan"))


@pytest.mark.usefixtures("expected_log")
def test_a_search_that_hangs_holds_nothing_else_up(
    tmp_path: Path, profile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = child(tmp_path, HANGS)
    monkeypatch.setattr(
        "console.server.http.app.PlaceSearch", lambda folder: PlaceSearch(folder, command=command, patience_s=4.0)
    )
    with searched(tmp_path, profile) as url:
        waits = [threading.Thread(target=get, args=(f"{url}/places",), kwargs={"text": "jalan"}) for _ in range(6)]
        for one in waits:
            one.start()
        time.sleep(0.5)
        assert get(f"{url}/city").status_code == 200
        assert get(f"{url}/areas").status_code == 200
        assert all(one.is_alive() for one in waits), "the others were answered while these wait"
        for one in waits:
            one.join()


@pytest.mark.usefixtures("expected_log")
def test_the_process_is_given_no_secret_of_the_server(
    tmp_path: Path, profile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGAP_DATABASE", "postgresql://sigap:secret@db/city")
    told = tmp_path / "told"
    text = f"import os\nopen({str(told)!r}, 'w').write(repr(dict(os.environ)))"
    search = PlaceSearch(profile, command=child(tmp_path, text))
    with contextlib.closing(search), pytest.raises(Overloaded):
        search.ask(Find("jalan"))
    assert "PYTHONPATH" in told.read_text()
    assert "secret" not in told.read_text()


def test_where_a_map_is_taken_away_there_is_none(tmp_path: Path) -> None:
    build_town(tmp_path)
    search = PlaceSearch(tmp_path, patience_s=60.0)
    with contextlib.closing(search):
        assert search.ask(Find("jalan"))
        (tmp_path / "map" / "current").unlink()
        with pytest.raises(NotFound):
            search.ask(Find("jalan"))
        assert search.pid is None


def test_the_pages_are_told_whether_places_can_be_looked_for(tmp_path: Path, profile: Path) -> None:
    with searched(tmp_path, profile) as url:
        assert get(url.replace("public/v1", "streets/info")).json()["places"] is True


def test_a_server_without_what_the_search_needs_offers_none(
    tmp_path: Path, profile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.server.pages.streets._SEARCH_NEEDS", ("scipy", "no_such_package"))
    with searched(tmp_path, profile) as url:
        assert get(url.replace("public/v1", "streets/info")).json()["places"] is False
