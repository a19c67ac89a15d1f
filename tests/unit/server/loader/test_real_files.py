"""The loader against real exports, counted independently with the csv and json modules."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from console.server.city.city import City
from console.server.loader import LoadError, load_areas, load_file

_OURS = {"Open": "new", "Closed": "resolved", "Cancelled": "closed", "Referred Out": "coordination",
         "Pending": "coordination"}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "zone", "key", "status", "service", "lat"),
    [
        ("myla311_2018.csv", "America/Los_Angeles", "SRNumber", "Status", "RequestType", "Latitude"),
        ("myla311_2020.csv", "America/Los_Angeles", "srnumber", "status", "requesttype", "latitude"),
        ("boston311_2014.csv", "America/New_York", "case_enquiry_id", "case_status", "type", "latitude"),
    ],
)
def test_a_city_s_export(
    city_data: Path, city: City, name: str, zone: str, key: str, status: str, service: str, lat: str
) -> None:
    path = city_data / "reports" / name
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))

    result = load_file(path, city, timezone=zone)

    assert result.loaded == len({row[key] for row in rows}) == len(rows)
    assert (result.refused_count, result.repeated_count) == (0, 0)
    stats = city.stats()
    assert stats.by_status == dict(Counter(_OURS[row[status]] for row in rows))
    names = {each.code: each.name for each in city.services()}
    by_name = {names[code]: count for code, count in stats.by_service.items()}
    assert by_name == dict(Counter(row[service] for row in rows))
    assert result.without_place == stats.without_place == sum(not _has_place(row[lat]) for row in rows)


def _has_place(text: str) -> bool:
    return bool(text) and float(text) != 0.0


def test_flood_reports_of_jakarta_find_their_wards(city_data: Path, city: City) -> None:
    for level in ("kota", "kecamatan", "kelurahan"):
        load_areas(city_data / f"jakarta/dki_{level}.geojson", city)
    folder = city_data / "reports/petabencana_2017"
    count = 0
    for path in sorted(folder.glob("petabencana*.geojson")):
        features = json.loads(path.read_text("utf-8"))["features"]
        result = load_file(path, city, timezone="Asia/Jakarta")
        assert (result.loaded, result.refused_count) == (len(features), 0), str(result)
        assert result.without_place == 0
        count += len(features)
    stats = city.stats()
    assert stats.reports == count == 1204
    assert stats.by_service == {"flood": 1204}
    assert sum(stats.by_area.values()) + stats.without_area == 1204
    assert stats.without_area < 300  # some come from Bekasi, Tangerang and Depok


def test_flood_areas_of_jakarta_keep_their_depth(city_data: Path, city: City) -> None:
    newest: dict[str, tuple[str, int]] = {}
    for path in sorted((city_data / "reports/petabencana_2017").glob("floods_*.geojson")):
        for feature in json.loads(path.read_text("utf-8"))["features"]:
            facts = feature["properties"]
            key = str(facts["geom_id"])
            newest[key] = max(newest.get(key, ("", 0)), (facts["changed"], facts["state"]))
        result = load_file(path, city, timezone="Asia/Jakarta")
        assert (result.format, result.refused_count, result.without_place) == (
            "GeoJSON of PetaBencana flood areas", 0, 0)  # fmt: skip
    assert city.stats().reports == len(newest)
    depths = {1: "Use caution", 2: "10 to 70 cm", 3: "71 to 150 cm", 4: "more than 150 cm"}
    for key, (_, state) in newest.items():
        assert depths[state] in city.report(key).description


@pytest.mark.parametrize(
    ("name", "loaded", "form"),
    [
        ("recorded_fixmystreet/004_requests_open.json", 25, "JSON of GeoReport"),
        ("recorded_fixmystreet/017_requests_open.xml", 25, "XML of GeoReport"),
        ("recorded_fixmystreet/019_requests_service_dates.xml", 146, "XML of GeoReport"),
        ("recorded_fixmystreet/022_request_unknown.xml", 0, "XML of GeoReport"),
        ("recorded_fixmystreet/028_rss.xml", 20, "XML of plain"),
        ("recorded_open311_adapter/005_requests.json", 9, "JSON of GeoReport"),
        ("recorded_open311_adapter/028_requests.xml", 11, "XML of GeoReport"),
        ("open311status/files/requests_toronto_multi.xml", 2, "XML of GeoReport"),
        ("recorded_signalen/019_list_page2.json", 20, "JSON of Signalen"),
        ("recorded_cognicity/004_reports_topojson.json", 76, "GeoJSON of PetaBencana"),
        ("recorded_cognicity/005_reports_geojson.json", 76, "GeoJSON of PetaBencana"),
    ],
)
def test_answers_of_real_servers_load_without_a_remark(
    city_data: Path, city: City, name: str, loaded: int, form: str
) -> None:
    result = load_file(city_data / "responses" / name, city, timezone="Asia/Jakarta")
    assert (result.loaded, result.refused_count, result.remarked_count, result.without_place) == (loaded, 0, 0, 0), str(
        result
    )
    assert result.format == form


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("recorded_fixmystreet/010_missing_jurisdiction.html", "a web page"),
        ("recorded_fixmystreet/014_discovery.xml", "addresses of a server"),
        ("recorded_open311_adapter/031_request_unknown.xml", "an error of the server"),
        ("recorded_open311_adapter/008_request_unknown.json", "an error of the server"),
        ("recorded_open311_adapter/044_updates.xml", "updates of reports"),
        ("open311status/files/services_giessen.xml", "a list of services"),
        ("open311status/service_list.json", "a list of services"),
    ],
)
def test_other_answers_of_real_servers_are_told(city_data: Path, city: City, name: str, why: str) -> None:
    with pytest.raises(LoadError, match=why):
        load_file(city_data / "responses" / name, city)
