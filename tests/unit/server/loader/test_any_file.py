"""Files of cities that nobody has described: lists of any name, no headings, metres, states under other names."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from pyogrio.raw import write

from api_client.model import Clock, ClockState, Service, Sla, Status
from console.server.city.city import City
from console.server.loader import LoadError, load_file
from tests.helpers.cityfiles import reports_in


def mapping_of(folder: Path, text: str) -> Path:
    path = folder / "m.toml"
    path.write_text(text, "utf-8")
    return path


def json_of(folder: Path, value: object) -> Path:
    path = folder / "r.json"
    path.write_text(json.dumps(value))
    return path


def test_a_state_under_another_name_does_not_load_as_new_without_a_word(tmp_path: Path, city: City) -> None:
    rows = [
        {"service_request_id": n, "service_id": word, "description": "x", "requested_datetime": "2024-01-01T00:00:00Z"}
        for n, word in enumerate(("closed", "open", "closed"))
    ]
    said = str(load_file(json_of(tmp_path, rows), city))
    assert "NO COLUMN WAS TAKEN FOR A STATUS" in said
    assert "It may be service_id: closed, open." in said


def test_a_waiting_word_with_a_date_is_not_over(tmp_path: Path, city: City) -> None:
    path = tmp_path / "r.csv"
    rows = ["1,wartet,2024-02-01", "2,erledigt,2024-02-01", "3,erledigt,2024-02-01", "4,teils,2024-02-01"]
    rows += ["5,teils,", "6,teils,", "7,erledigt,"]
    path.write_text("id,status,closed,created\n" + "".join(f"{row},2024-01-01\n" for row in rows))
    said = str(load_file(path, city))
    assert "words without a meaning here: “erledigt” (3), “teils” (3), “wartet” (1)" in said
    over = {report.id for report in reports_in(city) if report.status is Status.RESOLVED}
    assert over == {"2", "3"}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda rows: {"total": 2, "page": 1, "issues": rows},
        lambda rows: {"status": "ok", "id": 9, "answer": {"pages": [{"no": 1}], "meldungen": rows}},
    ],
)
def test_a_list_of_any_name(tmp_path: Path, city: City, wrap: object) -> None:
    rows = [
        {"id": n, "description": "x", "status": "open", "address": {"street": "Main 1", "lat": 52.5, "lng": 13.4 + n}}
        for n in (1, 2)
    ]
    result = load_file(json_of(tmp_path, wrap([*rows, {"colour": "red"}])), city)  # type: ignore[operator]
    assert [(r.id, r.lat, r.lon) for r in reports_in(city)] == [("1", 52.5, 14.4), ("2", 52.5, 15.4)]
    assert "object 3, refused" in str(result)  # all of it stands on line 1


def test_a_report_with_a_list_of_its_own_is_one_report(tmp_path: Path, city: City) -> None:
    photos = [{"id": 5, "url": "https://example.org/a.jpg"}]
    load_file(json_of(tmp_path, {"id": 1, "description": "x", "status": "open", "photos": photos}), city)
    assert [report.id for report in reports_in(city)] == ["1"]


def test_a_table_without_headings_in_metres(tmp_path: Path, city: City) -> None:
    path = tmp_path / "r.csv"
    path.write_text("7;open;Hole;691607;5334760\n8;open;Hole;;\n9;open;Hole;0;0\n")
    mapping = mapping_of(
        tmp_path,
        'headings = false\ncrs = "EPSG:25832"\n[columns]\nid = 1\nstatus = 2\ndescription = 3\nlon = 4\nlat = [5]\n',
    )
    result = load_file(path, city, mapping=mapping)
    one, two, three = reports_in(city)
    assert (one.lat, one.lon) == pytest.approx((48.1372, 11.5755), abs=1e-4)  # Munich, Marienplatz
    assert (two.lat, three.lat) == (None, None)
    assert "converted from EPSG:25832" in str(result)


def test_metres_without_a_reference_system_are_told(tmp_path: Path, city: City) -> None:
    path = tmp_path / "r.csv"
    path.write_text("id,description,xcoordinate,ycoordinate\n1,x,691607,5334760\n2,x,13.4,52.5\n")
    said = str(load_file(path, city))
    assert "1 places are no degrees" in said
    assert reports_in(city)[1].lat == 52.5


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('headings = false\n[columns]\nid = "a"', "line 3: id is 'a'; without headings"),
        ("headings = 1\n[columns]\nid = 1", "line 1: headings is 1"),
        ('crs = "25832"\n[columns]\nid = "id"', "line 1: crs is '25832'"),
        ('crs = "EPSG:99999"\n[columns]\nid = "id"\ntitle = "t"', "cannot be converted from EPSG:99999"),
    ],
)
def test_what_is_wrong_with_it_is_told(tmp_path: Path, city: City, text: str, why: str) -> None:
    path = tmp_path / "r.csv"
    path.write_text("id,t\n1,x\n")
    with pytest.raises(LoadError, match=why):
        load_file(path, city, mapping=mapping_of(tmp_path, text))


def test_headings_of_windows_1252_are_read_and_told_as_they_are(tmp_path: Path, city: City) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes("Código;Razón\n1;hoyo\n".encode("cp1252"))
    with pytest.raises(LoadError, match="Código;Razón"):
        load_file(path, city)
    load_file(path, city, mapping=mapping_of(tmp_path, '[columns]\nid = "Código"\ndescription = "Razón"\n'))
    assert city.report("1").description == "hoyo"


def test_the_key_of_a_geopackage_may_be_the_id(tmp_path: Path, city: City) -> None:
    shapes = np.array([struct.pack("<BIdd", 1, 1, 13.4, 52.5)] * 2, dtype=object)
    text = np.array(["a", "b"], dtype=object)
    path = tmp_path / "r.gpkg"
    write(path, shapes, [text], ["description"], layer="x", geometry_type="Point", crs="EPSG:4326", driver="GPKG")
    load_file(path, city, mapping=mapping_of(tmp_path, '[columns]\nid = "fid"\ndescription = "description"\n'))
    assert {report.id: report.description for report in reports_in(city)} == {"1": "a", "2": "b"}


def test_of_a_history_that_nobody_told_no_first_response_is_told(tmp_path: Path, city: City) -> None:
    city.put_services([Service("tree", "Tree", sla={"*": Sla(first_response_s=3600, finish_s=86400)})])
    path = tmp_path / "r.csv"
    rows = ("1,closed,2024-01-09", "2,in progress,", "3,open,")
    path.write_text(
        "id,status,closed,service,created,updated\n"
        + "".join(f"{row},tree,2024-01-01T00:00:00Z,2024-01-09T00:00:00Z\n" for row in rows)
    )
    load_file(path, city, timezone="UTC")

    def clocks(key: str) -> list[tuple[str, ClockState]]:
        found: tuple[Clock, ...] = city.report(key).clocks
        return [(clock.name, clock.state) for clock in found]

    late = ClockState.BREACHED
    assert clocks("1") == clocks("2") == [("finish", late)]
    assert clocks("3") == [("first_response", late), ("finish", late)]
