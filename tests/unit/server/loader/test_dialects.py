"""Layouts of files as data: those that come with the program, and those that a city adds in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from api_client.model import Status
from console.server.city.city import City
from console.server.loader import LoadError, load_file
from console.server.loader.dialects import read_dialects
from tests.helpers.cityfiles import reports_in

PARKS = """name = "Exampleville's parks"
marks = ["Park No", "Ranger"]
timezone = "Europe/Berlin"
day_first = true
empty = ["NA"]
[columns]
id = "Park No"
description = "Found"
status = "State"
created = "Seen"
priority = "Level"
agency = "Ranger"
[statuses]
"in hand" = "progress"
[words.priority]
7 = "urgent"
[constants]
channel = "rangers"
"""
EXPORT = "Park No;Ranger;Found;State;Seen;Level\nP-1;NA;a fallen tree;In hand;03.04.2020 10:00;7\n"
OURS = read_dialects().known


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "dialects"
    folder.mkdir()
    (folder / "parks.toml").write_text(PARKS, "utf-8")
    (folder / "README.md").write_text("no layout", "utf-8")
    return folder


def export(tmp_path: Path, text: str = EXPORT) -> Path:
    path = tmp_path / "export.csv"
    path.write_text(text, "utf-8")
    return path


def test_a_city_adds_a_layout_in_a_folder_of_its_own(tmp_path: Path, city: City, folder: Path) -> None:
    with pytest.raises(LoadError, match="Park No"):
        load_file(export(tmp_path), city)
    result = load_file(export(tmp_path), city, mapping=folder)
    assert (result.loaded, result.remarked_count) == (1, 0), str(result)
    assert (result.format, result.timezone) == ("CSV of Exampleville's parks", "Europe/Berlin")
    (report,) = reports_in(city)
    assert (report.id, report.status, report.priority, report.description) == (
        "P-1", Status.PROGRESS, 2, "a fallen tree")  # fmt: skip
    assert (report.agency, report.channel) == (None, "rangers")
    assert report.created.isoformat() == "2020-04-03T08:00:00+00:00"


def test_beside_a_city_s_own_layouts_the_known_ones_are_recognised(tmp_path: Path, city: City, folder: Path) -> None:
    text = "Unique Key,Created Date,Complaint Type,Status\n5001,01/13/2021 01:02:03 AM,Noise,Open\n"
    result = load_file(export(tmp_path, text), city, mapping=folder, timezone="America/New_York")
    assert (result.format, result.timezone) == ("CSV of New York", "America/New_York")


def test_a_city_s_own_layout_is_asked_before_the_known_ones(tmp_path: Path, city: City, folder: Path) -> None:
    own = 'name = "Ours"\nmarks = ["Unique Key"]\n[columns]\nid = "Unique Key"\ntitle = "Complaint Type"\n'
    (folder / "ours.json").write_text(
        '{"name": "Second", "marks": ["Unique Key"], "columns": {"id": "Unique Key", "title": "Status"}}'
    )
    (folder / "z.toml").write_text(f"precedence = 1\n{own}", "utf-8")
    text = "Unique Key,Created Date,Complaint Type,Status\n5001,01/13/2021 01:02:03 AM,Noise,Open\n"
    assert load_file(export(tmp_path, text), city, mapping=folder).format == "CSV of Ours"
    (folder / "z.toml").write_text(own, "utf-8")
    assert load_file(export(tmp_path, text), city, mapping=folder).format == "CSV of Second"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[columns]\nid = "a"', "has no marks"),
        ('marks = []\n[columns]\nid = "a"', "line 1: marks is"),
        ('marks = ["a"]\nencoding = "cp1252"\n[columns]\nid = "a"', "has encoding"),
        ('marks = ["a"]\ndelimiter = ";"\n[columns]\nid = "a"', "has delimiter"),
        ('marks = ["a"]\nprecedence = "high"\n[columns]\nid = "a"', "line 2: precedence is 'high'"),
        ('marks = ["a"]\nempty = 3\n[columns]\nid = "a"', "line 2: empty is 3"),
        ('marks = ["a"]\nusual_zone = "Mars"\n[columns]\nid = "a"', "line 2: there is no time zone 'Mars'"),
        ('marks = ["a"]\nwords = 3\n[columns]\nid = "a"', "line 2: words is 3"),
        ('marks = ["a"]\n[columns]\nid = "a"\n[words]\nid = 3', "line 3: id is 3"),
        ('marks = ["a"]\n[columns]\nid = "a"\n[words.colour]\n1 = "red"', "'colour' is not one of our fields"),
    ],
)
def test_a_wrong_layout_in_the_folder_is_named(tmp_path: Path, city: City, folder: Path, text: str, why: str) -> None:
    (folder / "wrong.toml").write_text(text, "utf-8")
    with pytest.raises(LoadError, match=why) as caught:
        load_file(export(tmp_path), city, mapping=folder)
    assert str(folder / "wrong.toml") in str(caught.value)
    assert not city.stats().reports


def test_a_folder_without_a_layout_is_told(tmp_path: Path, city: City) -> None:
    with pytest.raises(LoadError, match=r"has no mapping file \(\.toml or \.json\)"):
        load_file(export(tmp_path), city, mapping=tmp_path)


@pytest.mark.parametrize("name", [dialect.name for dialect in OURS])
def test_no_layout_that_comes_with_the_program_hides_another(name: str) -> None:
    (wanted,) = [dialect for dialect in OURS if dialect.name == name]
    headings = [*wanted.marks, *(names[0] for names in wanted.columns.values())]
    found = read_dialects().recognise(headings)
    assert found is not None
    assert found.name == name
