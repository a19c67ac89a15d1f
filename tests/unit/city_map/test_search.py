"""A caller's words find the street, the number, the landmark; a place finds its address."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.city_map.folding import fold
from console.city_map.osm_reader import read_osm
from console.city_map.places import write_places
from console.city_map.search import Gazetteer
from console.city_map.spelling import slips, variants
from tests.helpers.osm_town import Town, crossing, grid_town, place


def city() -> Town:
    town = grid_town()
    town.road([crossing(0, 0), crossing(1, 1)], "Jalan M.H. Thamrin", "primary")
    town.road([crossing(3, 3), crossing(4, 4)], "Gang Buntu", "living_street")
    town.road([crossing(0, 2), crossing(1, 3)], "Gang Buntu", "living_street")
    for row, column in ((2.3, 2.2), (0.1, 0.1)):
        town.node(*place(row, column), {"shop": "convenience", "name": "Alfamart"})
    town.node(*place(4, 0), {"amenity": "hospital", "name": "RS Harapan Kita"})
    return town


def gazetteer_of(town: Town, folder: Path) -> Gazetteer:
    data = read_osm(town.write(folder / "town.osm.pbf"), None, folder, lambda _words, _share: None)
    write_places(folder / "places.db", data, lambda _words, _share: None)
    return Gazetteer(folder / "places.db")


@pytest.fixture(scope="module")
def gazetteer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gazetteer]:
    found = gazetteer_of(city(), tmp_path_factory.mktemp("places"))
    yield found
    found.close()


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Jln. M.H. Thamrin", "jalan mh thamrin"),
        ("Jl. M. H. Thamrin", "jalan mh thamrin"),
        ("Gg. Mawar III", "gang mawar 3"),
        ("Jl. Melati I", "jalan melati 1"),
        ("Ka’bah  Jum'at", "kabah jumat"),
        ("São João", "sao joao"),
        ("RS Harapan", "rumahsakit harapan"),
        ("Rumah Sakit Harapan", "rumahsakit harapan"),
        ("V", "v"),
        ("", ""),
    ],
)
def test_what_is_written_and_what_is_said_fold_alike(text: str, folded: str) -> None:
    assert fold(text) == folded
    assert fold(folded) == folded


@pytest.mark.parametrize(
    ("said", "name", "exactness"),
    [
        ("jl melati 3", "Jalan Melati III", "street"),
        ("Jalan Melati III", "Jalan Melati III", "street"),
        ("melati v", "Jalan Melati V", "street"),
        ("jl mh thamrin", "Jalan M.H. Thamrin", "street"),
        ("jl. m.h. tamrin", "Jalan M.H. Thamrin", "street"),
        ("thamr", "Jalan M.H. Thamrin", "street"),
        ("st tebet", "Stasiun Tebet", "landmark"),
        ("rumah sakit harapan kita", "RS Harapan Kita", "landmark"),
        ("kebon baru", "Kebon Baru", "area"),
        ("taman kota", "Taman Kota", "area"),
        ("gang kenari 2 rt 03/rw 05", "Gang Kenari 2", "street"),
        ("masjid alikhlas", "Masjid Al-Ikhlas", "landmark"),
    ],
)
def test_it_is_found_first(gazetteer: Gazetteer, said: str, name: str, exactness: str) -> None:
    found = gazetteer.find(said)
    assert (found[0].name, found[0].exactness) == (name, exactness), found[:3]


def test_a_street_is_told_apart_by_the_part_of_the_city(gazetteer: Gazetteer) -> None:
    assert {row.area for row in gazetteer.find("gang buntu")} == {"Kebon Baru", "Cawang"}
    for area in ("Kebon Baru", "Cawang"):
        assert gazetteer.find(f"gg buntu {area}")[0].area == area


def test_a_rare_word_of_the_area_says_more_than_one_that_many_have(tmp_path: Path) -> None:
    town = Town()
    for column, quarter in enumerate(("Tebet Barat", "Cawang Timur", "Duren Timur", "Senen Timur", "Pluit Timur")):
        ends = [town.node(*place(row, 3 * column)) for row in (0, 1)]
        town.road(ends, "Gang Mawar" if column < 2 else f"Gang {quarter}")
        town.node(*place(0.5, 3 * column), {"place": "quarter", "name": quarter})
    found = gazetteer_of(town, tmp_path)
    assert found.find("gang mawar tebet timur")[0].area == "Tebet Barat"
    assert found.find("gang mawar cawang timur")[0].area == "Cawang Timur"
    found.close()


def test_of_those_alike_the_nearer_is_first(gazetteer: Gazetteer) -> None:
    assert gazetteer.find("alfamart", place(2, 2))[0].lat == pytest.approx(place(2.3, 2.2)[0])
    assert gazetteer.find("alfamart", place(0, 0))[0].lat == pytest.approx(place(0.1, 0.1)[0])


def test_a_word_that_has_just_been_begun_finds_more_than_the_shortest_names_of_all(tmp_path: Path) -> None:
    town = Town()
    ends = [town.node(*place(row, 0)) for row in (0, 1)]
    for name in ("Gang Sri", "Gang Sumur Panjang", *(f"Jalan Sa{number}" for number in range(130))):
        town.road(ends, name)
    found = gazetteer_of(town, tmp_path)
    assert {row.name for row in found.find("gang s")} == {"Gang Sri", "Gang Sumur Panjang"}
    assert found.find("gang xyz") == [], "what nearly every street has names none"
    found.close()


@pytest.mark.parametrize("begun", ["dekat g", "dekat gan", "dekat gang", "dekat jl", "di"])
def test_what_tells_nothing_yet_changes_nothing(gazetteer: Gazetteer, begun: str) -> None:
    """Each letter of "dekat Gang" put all streets of the city into an order."""
    assert gazetteer.find(f"alfamart {begun}", place(0, 0)) == gazetteer.find("alfamart", place(0, 0))
    assert gazetteer.find("jalan"), "and by itself it finds some"


@pytest.mark.parametrize("word", ["dekat", "depan", "seberang", "near", "opposite", "belakang"])
def test_a_landmark_says_which_is_meant(gazetteer: Gazetteer, word: str) -> None:
    found = gazetteer.find(f"alfamart {word} stasiun tebet", place(0, 0))
    assert (found[0].lat, found[0].lon) == pytest.approx(place(2.3, 2.2), abs=1e-6)


def test_a_house_number_is_a_place_of_its_own(gazetteer: Gazetteer) -> None:
    found = gazetteer.find("jl melati 1 no 12")[0]
    assert (found.name, found.number, found.exactness) == ("Jalan Melati I", "12", "house")
    assert (found.lat, found.lon) == pytest.approx(place(0.05, 1.2), abs=1e-6)
    unknown = gazetteer.find("jl melati 1 no 99")[0]
    assert (unknown.name, unknown.number, unknown.exactness) == ("Jalan Melati I", "", "street")


def test_figures_are_a_place(gazetteer: Gazetteer) -> None:
    (found,) = gazetteer.find("-6.2000, 106.8166")
    assert (found.lat, found.lon, found.exactness) == (-6.2, 106.8166, "point")
    assert gazetteer.find("-96.2, 106.8") == []


@pytest.mark.parametrize("said", ["", " ", "dekat", '"', "* ( ) AND OR NEAR", "folded:x", "a" * 5_000, "no 12", "\x00"])
def test_nonsense_finds_nothing_and_breaks_nothing(gazetteer: Gazetteer, said: str) -> None:
    assert gazetteer.find(said) == []


def test_a_place_has_an_address(gazetteer: Gazetteer) -> None:
    found = gazetteer.reverse(place(0.04, 1.22), "Jalan Melati I", 9.0)
    assert (found.street, found.number, found.area) == ("Jalan Melati I", "12", "Kebon Baru")
    assert found.number_distance_m == pytest.approx(4.6, abs=1)
    assert gazetteer.reverse(place(3.4, 3.4), "Gang Buntu", 9.0).area == "Cawang"
    assert gazetteer.reverse(place(2, 2), "", 9.0) == gazetteer.reverse(place(2, 2), "", 9.0)
    assert gazetteer.reverse(place(2, 2), "", 9.0).number == ""


def test_borders_say_more_than_centres(tmp_path: Path) -> None:
    town = city()
    corners = [town.node(*place(y, x)) for y, x in ((-1, -1), (-1, 9), (9, 9), (9, -1))]
    around = town.way([*corners, corners[0]], {})
    borders = {"type": "boundary", "boundary": "administrative", "admin_level": "7", "name": "Bidara Cina"}
    town.relation([("w", around, "outer")], borders)
    found = gazetteer_of(town, tmp_path)
    assert {row.area for row in found.find("gang buntu")} == {"Bidara Cina"}
    found.close()


def test_one_name_for_all_the_city_says_nothing(tmp_path: Path) -> None:
    town = city()
    town.nodes = {id_: node for id_, node in town.nodes.items() if node[2].get("name") != "Cawang"}
    found = gazetteer_of(town, tmp_path)
    assert {row.area for row in found.find("gang buntu")} == {""}
    found.close()


def test_a_damaged_file_is_told_from_no_answer(tmp_path: Path) -> None:
    (tmp_path / "places.db").write_bytes(b"nonsense" * 100)
    found = Gazetteer(tmp_path / "places.db")
    with pytest.raises(sqlite3.Error):
        found.find("jalan")
    found.close()


def test_slips_are_counted() -> None:
    assert slips("tamrin", "thamrin") == 1
    assert slips("kenrai", "kenari") == 1
    assert slips("melati", "melati") == 0
    assert slips("", "ab") == 2
    assert variants("abc") == set()
    assert variants("2024") == set()
    assert variants("kenrai") & variants("kenari")


def test_two_streets_are_a_crossing(gazetteer: Gazetteer) -> None:
    for said in ("perempatan jl melati 3 dan gg kenari 2", "melati III / kenari 2", "corner of melati 3 and kenari 2"):
        found = gazetteer.find(said)[0]
        assert (found.name, found.exactness, found.fits) == ("Jalan Melati III / Gang Kenari 2", "crossing", True), said
        assert (found.lat, found.lon) == pytest.approx(place(2, 1), abs=1e-6)
    apart = gazetteer.find("perempatan jl melati 1 dan jl melati 3")[0]
    assert (apart.name, apart.exactness, apart.fits) == ("Jalan Melati I", "street", False), "they do not meet"


def test_a_part_of_a_street_is_between_two_others(gazetteer: Gazetteer) -> None:
    found = gazetteer.find("jl melati 3 antara gg kenari 1 dan gg kenari 3")[0]
    assert (found.name, found.exactness) == ("Jalan Melati III: Gang Kenari 1 – Gang Kenari 3", "stretch")
    assert (found.lat, found.lon) == pytest.approx(place(2, 1), abs=1e-5)
    assert found.fits
    assert found.within_m == pytest.approx(246, abs=5)
    landmarks = gazetteer.find("between stasiun tebet and masjid al-ikhlas")[0]
    assert (landmarks.lat, landmarks.lon) == pytest.approx(place(1.67, 1.67), abs=2e-4)


def test_a_street_at_a_landmark_is_the_part_beside_it(gazetteer: Gazetteer) -> None:
    found = gazetteer.find("gang kenari 3 seberang stasiun tebet")[0]
    assert (found.name, found.exactness, found.fits) == ("Gang Kenari 3", "stretch", True)
    assert (found.lat, found.lon) == pytest.approx(place(2.1, 2), abs=1e-5)
    beside = gazetteer.find("belakang stasiun tebet")[0]
    assert (beside.name, beside.exactness, beside.within_m) == ("Stasiun Tebet", "beside", 80)


def test_house_numbers_are_reckoned_on_their_side_of_the_street(tmp_path: Path) -> None:
    town = city()
    for number in ("5", "9", "21"):
        at = place(-0.05, int(number) / 10)
        town.node(*at, {"addr:housenumber": number, "addr:street": "Jalan Melati I"})
    found = gazetteer_of(town, tmp_path)
    for said in ("jl melati 1 no 7", "jl melati 1 7", "Jalan Melati I, 7", "7 Jalan Melati I"):
        house = found.find(said)[0]
        assert (house.exactness, house.number, house.fits) == ("reckoned", "7", True), said
        assert (house.lat, house.lon) == pytest.approx(place(0, 0.7), abs=1e-5)
        assert house.within_m == pytest.approx(44, abs=2)
    beside = found.find("jl melati 1 no 12A")[0]
    assert (beside.exactness, beside.within_m) == ("reckoned", 25)
    beyond = found.find("jl melati 1 no 23")[0]
    assert (beyond.exactness, beyond.left_out) == ("street", ("no. 23",)), "what lies beyond is not guessed"
    found.close()


def test_a_number_may_be_a_part_of_the_name(gazetteer: Gazetteer) -> None:
    found = gazetteer.find("gang kenari 2")
    assert (found[0].name, found[0].exactness, found[0].fits) == ("Gang Kenari 2", "street", True)
    assert {one.name for one in found if one.fits} == {"Gang Kenari 2"}


def test_what_no_map_has_is_left_out_and_told(gazetteer: Gazetteer) -> None:
    found = gazetteer.find("gang kenari 2 RT 03/RW 05")[0]
    assert (found.name, found.left_out, found.fits) == ("Gang Kenari 2", ("RT 03/RW 05",), True)
    warung = gazetteer.find("warung gang kenari 2")[0]
    assert (warung.name, warung.left_out, warung.fits) == ("Gang Kenari 2", ("warung",), False)


@pytest.mark.parametrize(
    "said",
    [
        "saya di jalan mh thamrin", "halo, saya lagi di jl thamrin", "pak, tolong, ada di jalan thamrin",
        "rumah saya di jl mh thamrin", "posisi di jl thamrin", "we are on Jalan Thamrin", "I'm at jl thamrin",
    ],
)  # fmt: skip
def test_who_speaks_is_no_part_of_the_place(gazetteer: Gazetteer, said: str) -> None:
    assert [one.name for one in gazetteer.find(said) if one.fits] == ["Jalan M.H. Thamrin"]


def test_a_side_and_a_distance_of_a_landmark_are_told(gazetteer: Gazetteer) -> None:
    found = gazetteer.find("sebelah barat rs harapan kita kira2 100 meter")
    assert [(one.name, one.exactness, one.left_out) for one in found if one.fits] == [
        ("RS Harapan Kita", "beside", ("kira2 100 meter",))
    ]


def test_a_kilometre_is_a_post_or_between_two(tmp_path: Path) -> None:
    town = city()
    ends = [town.node(*place(y, 8)) for y in (0, 1, 2, 3, 4)]
    town.road(ends, "Tol Utara", "motorway")
    town.road([town.node(*place(y, 20)) for y in (0, 4)], "Tol Timur", "motorway")
    for km, at in ((4, place(0, 8)), (5, place(4, 8)), (4, place(0, 20)), ("nothing", place(1, 8))):
        town.node(*at, {"highway": "milestone", "distance": str(km)})
    town.node(*place(2, 25), {"aeroway": "aerodrome", "name": "Bandara Jauh"})
    found = gazetteer_of(town, tmp_path)
    exact = found.find("km 4 tol utara")[0]
    assert (exact.name, exact.exactness, exact.within_m) == ("Tol Utara km 4", "landmark", 30)
    assert (exact.lat, exact.lon) == pytest.approx(place(0, 8), abs=1e-6)
    between = found.find("tol utara km 4,5")[0]
    assert (between.exactness, between.lat) == ("reckoned", pytest.approx(place(2, 8)[0], abs=1e-6))
    towards = found.find("km 4 tol arah bandara")
    assert [one.name for one in towards if one.fits] == ["Tol Timur km 4"]
    assert [one.name for one in found.find("tol bandara km 4") if one.fits] == ["Tol Timur km 4"]
    other = found.find("jl bandara km 4")
    assert not [one for one in other if one.fits], "a street is no toll road that leads there"
    assert {one.left_out for one in other} == {("bandara",)}
    unknown = found.find("km 9 tol utara")[0]
    assert (unknown.name, unknown.left_out) == ("Tol Utara", ("km 9",))
    found.close()


def test_a_bridge_is_where_a_street_crosses_a_river(tmp_path: Path) -> None:
    town = city()
    town.road([town.node(*place(1.5, 4)), town.node(*place(1.5, 5))], "Jalan Seberang")
    found = gazetteer_of(town, tmp_path)
    for said in (
        "jembatan ciliwung jalan seberang",
        "dekat jembatan sungai Ciliwung",
        "bridge over the river ciliwung",
    ):
        bridge = found.find(said)[0]
        assert bridge.name == "Jalan Seberang / Ciliwung", said
        assert (bridge.lat, bridge.lon) == pytest.approx(place(1.5, 4.5), abs=1e-6)
    found.close()


def test_a_bus_stop_is_found_by_what_it_is(tmp_path: Path) -> None:
    town = city()
    town.node(*place(2, 2.05), {"highway": "bus_stop", "name": "Pasar Rumput"})
    found = gazetteer_of(town, tmp_path)
    assert found.find("halte pasar rumput")[0].name == "Pasar Rumput"
    at_stop = found.find("jl melati 3 seberang halte")[0]
    assert (at_stop.exactness, at_stop.lon) == ("stretch", pytest.approx(place(2, 2.05)[1], abs=1e-6))
    found.close()


def test_a_short_plus_code_is_near_the_words_beside_it(gazetteer: Gazetteer) -> None:
    at_station = gazetteer.find("QRQ3+GF stasiun tebet")[0]
    assert (at_station.name, at_station.exactness, at_station.fits) == ("QRQ3+GF", "point", True)
    assert at_station.lat == pytest.approx(-6.2112, abs=1e-3)
