"""The loader against files that the project writes itself, with many kinds of broken lines and a known truth."""

from __future__ import annotations

from collections import Counter

import pytest

from console.server.city.city import City
from console.server.loader import LoadResult, load_areas, load_file
from tests.helpers.cityfiles import BREAKS, CityFiles, reports_in, write_city


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> CityFiles:
    return write_city(tmp_path_factory.mktemp("cityfiles"))


def test_there_are_fifty_kinds_of_broken_lines(files: CityFiles) -> None:
    assert len(BREAKS) >= 50
    assert all(len(truth.kinds) >= 50 for truth in files.truth.values())


@pytest.mark.parametrize("form", ["csv", "geojson", "georeport", "xml", "gpkg"])
def test_every_line_becomes_what_it_must(files: CityFiles, city: City, form: str) -> None:
    load_areas(files.areas, city)
    truth = files.truth[form]

    result = load_file(files.path(form), city, timezone="UTC")

    found = reports_in(city)
    assert len(found) == result.loaded == truth.loaded
    assert result.refused_count == truth.refused, result.summary(99)
    assert result.remarked_count == truth.remarked, result.summary(99)
    assert result.repeated_count == truth.repeated
    assert Counter(report.status.value for report in found) == truth.by_status
    assert Counter(report.service for report in found if report.service) == truth.by_service
    assert Counter(report.area for report in found if report.area) == truth.by_area
    assert Counter(report.priority for report in found) == truth.by_priority
    assert sum(report.lat is None for report in found) == result.without_place == truth.placeless
    assert sum(report.area is None for report in found) == result.without_area == truth.without_area
    stats = city.stats()
    assert stats.by_status == dict(truth.by_status)
    assert stats.without_place == truth.placeless


def test_the_lists_name_the_right_lines(files: CityFiles, city: City) -> None:
    result = load_file(files.csv, city, timezone="UTC")
    lines = files.csv.read_bytes().splitlines()
    for remark in result.refused:
        assert lines[remark.line - 1].count(b"T-") == 0, remark
    unreadable = [remark for remark in result.remarked if "yesterday at noon" in remark.why]
    assert len(unreadable) == 1
    assert b"yesterday at noon" in lines[unreadable[0].line - 1]


def test_loading_twice_changes_nothing(files: CityFiles, city: City) -> None:
    first = load_file(files.georeport, city, timezone="UTC")
    before = sorted(reports_in(city), key=lambda report: report.id)
    second = load_file(files.georeport, city, timezone="UTC")
    assert second.loaded == first.loaded
    after = sorted(reports_in(city), key=lambda report: report.id)
    assert [report.id for report in after] == [report.id for report in before]


def test_areas_list_what_is_broken(files: CityFiles, city: City) -> None:
    result = load_areas(files.areas, city)
    assert (result.loaded, result.refused_count) == (files.areas_loaded, files.areas_refused)
    assert {area.code for area in city.areas()} >= {"A1", "D4", "INNER"}
    assert city.area_at(-6.273, 106.827) == ("INNER", "smallest")


def test_the_result_reads_as_a_summary(files: CityFiles, city: City) -> None:
    result: LoadResult = load_file(files.csv, city, timezone="Asia/Jakarta")
    said = str(result)
    assert f"{result.loaded:,} reports loaded" in said.splitlines()[0]
    assert f"{result.refused_count} refused" in said
    assert "Asia/Jakarta is assumed" in said
    assert "refused: " in said


def test_progress_goes_up_to_the_end(files: CityFiles, city: City) -> None:
    told: list[int] = []
    result = load_file(files.csv, city, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == result.loaded
