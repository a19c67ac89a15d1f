"""What a visitor may ask of a living demo city: under /demo/v1, of that city only, and for supervisors only."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from console.server.city.city import City
from console.server.city.users import Users, add_user
from console.server.demo_controls import DemoControls, RainWanted
from console.server.http.app import make_app
from tests.helpers.prompt_server import serving
from tests.unit.server.conftest import running


def test_rain_and_speed_are_handed_over(city: City, tmp_path: Path) -> None:
    controls = DemoControls(2.0)
    with serving(make_app(city, tmp_path / "media", demo=controls)) as port:
        url = f"http://127.0.0.1:{port}/demo/v1"
        assert requests.get(f"{url}/state", timeout=20).json() == {"speed": 2.0, "rain": [], "may_rain": True}
        assert requests.post(f"{url}/rain", json={"lat": -6.2, "lon": 106.8}, timeout=20).status_code == 202
        assert requests.post(f"{url}/rain", json={}, timeout=20).status_code == 202
        assert requests.post(f"{url}/speed", json={"speed": 3}, timeout=20).status_code == 202
        assert requests.post(f"{url}/speed", json={"speed": 6.5}, timeout=20).status_code == 202
    assert controls.take_rains() == [RainWanted(-6.2, 106.8), RainWanted()]
    assert controls.take_speed() == 6.5
    assert (controls.take_rains(), controls.take_speed()) == ([], None)


@pytest.mark.parametrize(
    ("address", "body"),
    [
        ("speed", {"speed": 0}),
        ("speed", {"speed": 1e9}),
        ("speed", {"speed": "fast"}),
        ("speed", {}),
        ("rain", {"lat": -6.2}),
        ("rain", {"lat": 123.0, "lon": 0.0}),
    ],
)
def test_what_cannot_be_is_refused(city: City, tmp_path: Path, address: str, body: dict[str, object]) -> None:
    controls = DemoControls()
    with serving(make_app(city, tmp_path / "media", demo=controls)) as port:
        answer = requests.post(f"http://127.0.0.1:{port}/demo/v1/{address}", json=body, timeout=20)
    assert answer.status_code == 422, answer.text
    assert (controls.take_rains(), controls.take_speed()) == ([], None)


def test_a_city_that_is_no_demo_has_no_such_address(city: City, tmp_path: Path) -> None:
    with running(city, tmp_path / "media") as url:
        assert requests.get(f"{url}/demo/v1/state", timeout=20).status_code == 404
        assert requests.post(f"{url}/demo/v1/rain", json={}, timeout=20).status_code in (404, 405)


def test_only_a_supervisor_may(city: City, tmp_path: Path) -> None:
    controls, users = DemoControls(), Users(city)
    tokens = {role: add_user(city, role, role) for role in ("supervisor", "operator", "viewer")}
    with serving(make_app(city, tmp_path / "media", users, demo=controls)) as port:
        url = f"http://127.0.0.1:{port}/demo/v1"
        assert requests.post(f"{url}/rain", json={}, timeout=20).status_code == 401
        assert requests.get(f"{url}/state", timeout=20).status_code == 401
        answers = {}
        for role, token in tokens.items():
            headers = {"Authorization": f"Bearer {token}"}
            answers[role] = [
                requests.post(f"{url}/rain", json={}, headers=headers, timeout=20).status_code,
                requests.post(f"{url}/speed", json={"speed": 2}, headers=headers, timeout=20).status_code,
                requests.get(f"{url}/state", headers=headers, timeout=20).status_code,
            ]
    assert answers == {"supervisor": [202, 202, 200], "operator": [403, 403, 200], "viewer": [403, 403, 200]}
    assert len(controls.take_rains()) == 1
