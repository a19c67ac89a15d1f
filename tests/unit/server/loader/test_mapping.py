"""Mapping files: for every format, with paths into nested objects, and what is said of a wrong one."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from pyogrio.raw import write

from api_client.model import Service, Status
from console.server.city.city import City
from console.server.loader import LoadError, check_and_tell, load_file
from tests.helpers.cityfiles import reports_in

FLAT = """name = "Musterstadt"
timezone = "Europe/Berlin"
day_first = true
[columns]
id = "Vorgang"
status = "Zustand"
service = "Was"
description = "Text"
created = ["Wann", "Eingang"]
lat = "Nord"
lon = "Ost"
[statuses]
Erledigt = "resolved"
[services]
Loch = "pothole"
[constants]
channel = "counter"
"""
NESTED = (
    FLAT.replace('"Zustand"', '"lauf.zustand"').replace('"Nord"', '"ort.punkt.1"').replace('"Ost"', '"ort.punkt.0"')
)
ROW = {"Vorgang": "1", "Zustand": "erledigt", "Was": "Loch", "Text": "tief", "Wann": "03.04.2020 10:00"}


def write_form(form: str, folder: Path) -> Path:
    path = folder / f"r.{form}"
    if form == "csv":
        path.write_text(f"{';'.join(ROW)};Nord;Ost\n{';'.join(ROW.values())};52,5;13,4\n", "utf-8")
    elif form == "json":
        row = {name: value for name, value in ROW.items() if name != "Zustand"}
        row |= {"lauf": {"zustand": "erledigt"}, "ort": {"punkt": [13.4, 52.5]}}  # type: ignore[dict-item]
        path.write_text(json.dumps({"antwort": {"requests": [row]}}), "utf-8")
    elif form == "xml":
        parts = "".join(f"<{name}>{value}</{name}>" for name, value in ROW.items() if name != "Zustand")
        parts += "<lauf><zustand>erledigt</zustand></lauf><ort><punkt>13.4</punkt><punkt>52.5</punkt></ort>"
        path.write_text(f"<liste><vorgang>{parts}</vorgang></liste>", "utf-8")
    else:
        columns = [np.array([value], dtype=object) for value in ROW.values()]
        shapes = np.array([struct.pack("<BIdd", 1, 1, 13.4, 52.5)], dtype=object)
        write(path, shapes, columns, list(ROW), layer="x", geometry_type="Point", crs="EPSG:4326", driver="GPKG")
    return path


@pytest.mark.parametrize("form", ["csv", "json", "xml", "gpkg"])
def test_a_mapping_serves_every_format(tmp_path: Path, city: City, form: str) -> None:
    city.put_services([Service("pothole", "Schlagloch", glyph="road")])
    mapping = tmp_path / "m.toml"
    mapping.write_text(NESTED if form in ("json", "xml") else FLAT, "utf-8")
    result = load_file(write_form(form, tmp_path), city, mapping=mapping)
    assert (result.loaded, result.remarked_count) == (1, 0), str(result)
    assert result.format.endswith("of Musterstadt")
    (report,) = reports_in(city)
    assert (report.id, report.status, report.service, report.description) == ("1", Status.RESOLVED, "pothole", "tief")
    assert (report.lat, report.lon, report.channel) == (52.5, 13.4, "counter")
    assert report.created.isoformat() == "2020-04-03T08:00:00+00:00"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("= =", "line 1"),
        ('[columns]\nid = "a"\nid = b', "line 3"),
        ('x = 1\n[colums]\nid = "a"', "no table named columns"),
        ('sttuses = 1\n[columns]\nid = "a"', "line 1: 'sttuses' is not known here .did you mean 'statuses'"),
        ('[columns]\nid = "a"\ndescripton = "b"', "line 3: 'descripton' .*did you mean 'description'"),
        ("[columns]\nid = 7", "line 2: id is 7"),
        ("[columns]\nid = []", "line 2: id is"),
        ('day_first = "yes"\n[columns]\nid = "a"', "line 1: day_first is 'yes'"),
        ('timezone = "Mars/Olympus"\n[columns]\nid = "a"', "line 1: there is no time zone 'Mars/Olympus'"),
        ('encoding = "klingon"\n[columns]\nid = "a"', "line 1: there is no encoding 'klingon'"),
        ('delimiter = "=>"\n[columns]\nid = "a"', "line 1: delimiter"),
        ('[columns]\nid = "a"\n[statuses]\nx = "gone"', "line 4: the status 'x' is mapped to 'gone'"),
        ('[columns]\nid = "a"\n[constants]\ncolour = "red"', "line 4: 'colour'"),
        ('statuses = 3\n[columns]\nid = "a"', "line 1: statuses is 3"),
    ],
)
def test_a_wrong_mapping_names_the_line(tmp_path: Path, city: City, text: str, why: str) -> None:
    mapping = tmp_path / "m.toml"
    mapping.write_text(text, "utf-8")
    with pytest.raises(LoadError, match=why) as caught:
        load_file(write_form("csv", tmp_path), city, mapping=mapping)
    assert str(mapping) in str(caught.value)


@pytest.mark.parametrize("form", ["csv", "json", "xml", "gpkg"])
def test_a_mapping_that_does_not_fit_the_file_is_told(tmp_path: Path, city: City, form: str) -> None:
    mapping = tmp_path / "m.toml"
    mapping.write_text('[columns]\nid = "Nummer"\ndescription = "Inhalt"\n', "utf-8")
    with pytest.raises(LoadError, match="Nummer"):
        load_file(write_form(form, tmp_path), city, mapping=mapping)


def test_columns_that_the_file_lacks_are_noted(tmp_path: Path, city: City) -> None:
    mapping = tmp_path / "m.toml"
    mapping.write_text('[columns]\nid = "Vorgang"\ndescription = "Text"\nagency = "Amt"\n', "utf-8")
    result = load_file(write_form("csv", tmp_path), city, mapping=mapping)
    assert "does not have: agency = Amt" in str(result)


def test_a_check_tells_what_was_found_and_keeps_nothing(tmp_path: Path, city: City) -> None:
    mapping = tmp_path / "m.toml"
    mapping.write_text(FLAT, "utf-8")
    told: list[str] = []
    result = check_and_tell(write_form("csv", tmp_path), [], [], told.append, mapping=mapping)
    assert result.loaded == 1
    assert "found for: id, status, service, description, created, lat, lon" in "\n".join(told)
    assert "unknown category 'Loch'" in "\n".join(told)
    told.clear()
    check_and_tell(write_form("csv", tmp_path), [], [Service("pothole", "Pothole")], told.append, mapping=mapping)
    assert "unknown category" not in "\n".join(told)
    assert city.stats().reports == 0
