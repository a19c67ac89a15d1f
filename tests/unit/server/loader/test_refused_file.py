"""What is refused of a file goes into a file of its own, is mended there and loaded without doubling anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from console.server.city.city import City
from console.server.loader import LoadError, load_file
from tests.helpers.cityfiles import reports_in

HEADINGS = "CaseID;Opened;Category;Status;Neighborhood"
LAYOUT = {"CaseID": "2", "Opened": "2020-01-01", "Category": "Tree", "Status": "open"}


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_lines_of_a_table_come_back(tmp_path: Path, city: City, encoding: str) -> None:
    path, refused, again = tmp_path / "r.csv", tmp_path / "refused.csv", tmp_path / "again.csv"
    rows = [";2020-01-02;;open;Höhe", "1;2020-01-01;Tree;open;Süd", ";2020-01-03;;open;;;", HEADINGS]
    path.write_bytes("\n".join([HEADINGS, *rows]).encode(encoding))
    result = load_file(path, city, refused=refused)
    assert (result.loaded, result.refused_count) == (1, 3)
    assert "2 refused are in" in str(result)
    assert "(1 more have nothing to mend)" in str(result)
    assert refused.stat().st_mode & 0o077 == 0
    lines = refused.read_bytes().decode(encoding).splitlines()
    assert lines[0] == f"{HEADINGS};why refused"
    assert lines[1].replace('"', "").startswith(";2020-01-02;;open;Höhe;neither an id nor anything to work on")
    assert len(lines) == 3

    refused.write_bytes("\n".join([lines[0], "7" + lines[1], lines[2]]).encode(encoding))
    result = load_file(refused, city, refused=again)
    assert (result.loaded, result.refused_count) == (1, 1)
    assert again.read_bytes().decode(encoding).splitlines()[0] == lines[0]
    for file in (refused, path):  # once more, and the original
        load_file(file, city)
    assert [report.id for report in reports_in(city)] == ["1", "7"]


def test_numbers_for_headings_stay_where_they_are(tmp_path: Path, city: City) -> None:
    mapping, path, refused = tmp_path / "m.toml", tmp_path / "r.csv", tmp_path / "refused.csv"
    mapping.write_text("headings = false\n[columns]\nstatus = 1\nid = 2\n")
    path.write_text("open,1\nopen,\n")
    load_file(path, city, mapping=mapping, refused=refused)
    refused.write_text(refused.read_text().replace("open,", "open,2", 1))
    load_file(refused, city, mapping=mapping)
    assert [report.id for report in reports_in(city)] == ["1", "2"]


def test_objects_come_back_in_the_layout_of_their_file(tmp_path: Path, city: City) -> None:
    path, refused = tmp_path / "r.json", tmp_path / "refused.json"
    bare = {"type": "Feature", "geometry": None, "properties": {"Status": "open"}}
    full = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}, "properties": LAYOUT}
    path.write_text(json.dumps([full, bare, {"Status": "open"}, 7]))
    load_file(path, city, refused=refused)
    feature, flat, text = map(json.loads, refused.read_text().splitlines())
    assert text["refused text"] == "7"
    feature["properties"]["CaseID"], flat["CaseID"] = "3", "4"
    refused.write_text(f"{json.dumps(feature)}\n{json.dumps(flat)}\n")
    result = load_file(refused, city)
    assert result.format.endswith("of San Francisco")
    assert [report.id for report in reports_in(city)] == ["2", "3", "4"]


def test_no_file_is_written_over_and_none_is_made_for_nothing(tmp_path: Path, city: City) -> None:
    path, refused = tmp_path / "r.csv", tmp_path / "refused.csv"
    path.write_text("id,status\n1,open\n")
    assert "was not made" in str(load_file(path, city, refused=refused))
    assert not refused.exists()
    with pytest.raises(LoadError, match="is there already"):
        load_file(path, city, refused=path)
    assert path.read_text() == "id,status\n1,open\n"
