"""The loader against real exports, counted independently with the csv and json modules."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from console.server.city import City
from console.server.loader import load_areas, load_file

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
