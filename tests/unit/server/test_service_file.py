"""A file of services with their questions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from api_client.model import Datatype
from console.server.city.city import City
from console.server.errors import Invalid
from console.server.loader.service_file import load_services

DEPTH = {"code": "depth", "description": "How deep?", "datatype": "number", "required": True}


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Here SQLite is enough."""
    return f"sqlite:///{tmp_path / 'city.db'}"


def test_services_come_with_their_questions(city: City, tmp_path: Path) -> None:
    path = tmp_path / "services.json"
    path.write_text(json.dumps([{"code": "flood", "name": "Flood", "attributes": [DEPTH]}]))
    assert load_services(path, city) == 1
    (flood,) = [each for each in city.services() if each.code == "flood"]
    assert (flood.attributes[0].datatype, flood.attributes[0].required) == (Datatype.NUMBER, True)


@pytest.mark.parametrize(
    "services",
    [
        {},
        [{"code": "a"}],
        [{"code": "", "name": "A"}],
        [{"code": "a", "name": "A"}, {"code": "a", "name": "B"}],
        [{"code": "a", "name": "A", "attributes": [DEPTH, DEPTH]}],
        [{"code": "a", "name": "A", "attributes": [DEPTH | {"code": "a]"}]}],
        [{"code": "a", "name": "A", "attributes": [DEPTH | {"datatype": "colour"}]}],
        [{"code": "a", "name": "A", "attributes": [DEPTH | {"datatype": "singlevaluelist"}]}],
    ],
)
def test_a_file_that_is_no_list_of_services_changes_nothing(city: City, tmp_path: Path, services: object) -> None:
    path = tmp_path / "services.json"
    path.write_text(json.dumps(services))
    before = city.services()
    with pytest.raises(Invalid, match=r"services\.json"):
        load_services(path, city)
    assert city.services() == before
