"""What citizens say on the telephone is found in the demo city's own streets, by six keys and words at the most."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from console.cache.catalog import Cities
from console.city_map.messages import Answer, Find, PlacesFound, Question
from console.city_map.osm_reader import read_osm
from console.city_map.places import write_places
from console.city_map.search import Gazetteer
from console.panels.forms.forms import FormSurroundings
from console.panels.map.city_areas import CityAreas
from console.panels.map.places import MapPlaces
from console.server.demo.areas import read_wards
from console.server.demo.facts import demo_facts
from console.server.demo.streets.facts import read_street_facts
from console.server.demo.streets.landmarks import make_landmarks
from console.server.demo.streets.network import STREET_SEED, make_streets
from console.server.demo.streets.osm_writer import write_osm
from tests.helpers.city import wait_for
from tests.unit.panels.conftest import Rig
from widgets.forms.new_report import NewReportForm

WARDS = ("Kebon Baru", "Tebet Timur", "Tebet Barat", "Manggarai", "Bukit Duri")
"""The streets between main roads are those of these alone."""
MOST = 6
"""Words and keys, Enter among them."""


@pytest.fixture(scope="module")
def gazetteer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gazetteer]:
    folder, wards, facts = tmp_path_factory.mktemp("demo"), read_wards(), read_street_facts()
    streets = make_streets(wards, facts, only=[ward.code for ward in wards if ward.name in WARDS])
    write_osm(folder / "demo.osm.pbf", streets, make_landmarks(wards, facts, streets, STREET_SEED))
    data = read_osm(folder / "demo.osm.pbf", None, folder, lambda _words, _share: None)
    write_places(folder / "places.db", data, lambda _words, _share: None)
    found = Gazetteer(folder / "places.db")
    yield found
    found.close()


@pytest.fixture
def call(rig: Rig, gazetteer: Gazetteer) -> NewReportForm:
    """The telephone form of the demo city, with its areas and its map."""
    city = replace(rig.window_state.catalog("city"), areas={area.code: area for area in demo_facts().areas})
    rig.window_state.set_cities(Cities({"city": city}, {"source": {1: ("", "city")}}))
    areas = CityAreas(rig.window_state, rig.tasks, rig.window)

    def ask(_purpose: str, question: Question, then: Callable[[Answer | None], object]) -> None:
        assert isinstance(question, Find)
        then(PlacesFound(tuple(gazetteer.find(question.text, question.near))))

    map_places = MapPlaces(ask, rig.window, is_invented=lambda: True, areas=areas)
    rig.forms._around = FormSurroundings(map_places=map_places)
    wait_for(lambda: areas.name_at((-6.2359, 106.8612)) == "Kebon Baru", what="the areas")
    rig.actions.run("new_report")
    form = rig.form()
    assert isinstance(form, NewReportForm)
    form.place.setFocus()
    return form


CASES = [
    (
        "opposite the Alfamart in Gang Buntu, near Tebet station",
        "alfamart gg buntu st tebet",
        "Alfamart gg buntu st tebet, Kebon Baru",
        "landmark · invented · Point in Kebon Baru",
    ),
    (
        "Jl. Sudirman 45 seberang halte",
        "sudirman 45 seberang halte",
        "Jl. Jenderal Sudirman 45 seberang halte, Gondangdia",
        "between known numbers, ±60 m · invented · Point in Gondangdia",
    ),
    (
        "di belakang SMPN 8 Manggarai",
        "belakang smp negeri manggarai",
        "belakang smp negeri manggarai",
        "beside the landmark, ±80 m · invented · Point in Manggarai",
    ),
    (
        "perempatan Jl. Tebet Barat Raya dan Jl. Casablanca Dalam",
        "tebet raya simpang casablanca",
        "Jl. Tebet Barat Raya / Jl. Casablanca Dalam, Tebet Barat",
        "crossing · invented · Point in Tebet Barat",
    ),
    (
        "Di tol, km 5, arah bandara",
        "km 5 tol arah bandara",
        "Tol Sedyatmo km 5 arah bandara, Kamal Muara",
        "landmark · invented · Point in Kamal Muara",
    ),
    (
        "gg buntu rt 05/03 kel kebon baru",
        "buntu rt 05/03 kebon baru",
        "Gang Buntu rt 05/03, Kebon Baru",
        "middle of the street · not on the map: rt 05/03 · invented · Point in Kebon Baru",
    ),
    (
        "dekat jembatan Jl. Delima di atas sungai Ciliwung",
        "dekat jembatan delima ciliwung",
        "dekat jembatan delima ciliwung, Manggarai",
        "beside the landmark, ±80 m · invented · Point in Manggarai",
    ),
    (
        "Stasion Mangarai",
        "stasiun manggrai",
        "Stasiun Manggarai, Manggarai",
        "landmark · invented · Point in Manggarai",
    ),
    (
        "opposite the Indomaret in Kebon Baru",
        "opposite indomaret kebon baru",
        "opposite indomaret kebon baru",
        "beside the landmark, ±80 m · invented · Point in Kebon Baru",
    ),
    ("Plus Code QRXM+2Q, Tebet", "QRXM+2Q tebet", "QRXM+2Q, Menteng", "point · invented · Point in Menteng"),
]
"""As a citizen tells it; what the operator types of it; the address; how exact it is."""


@pytest.mark.parametrize(("typed", "address", "exactly"), [case[1:] for case in CASES], ids=[case[1] for case in CASES])
def test_it_is_found_in_six_keys_and_words(call: NewReportForm, typed: str, address: str, exactly: str) -> None:
    assert len(typed.split()) + 1 <= MOST
    QTest.keyClicks(call.place, typed)
    QTest.keyClick(call.place, Qt.Key.Key_Return)
    assert call.values()["lat"] is not None, call._where.text()
    assert call.values()["address"] == address
    wait_for(lambda: exactly in call._where.text(), what=call._where.text)


@pytest.mark.parametrize(("told", "typed"), [case[:2] for case in CASES], ids=[case[0] for case in CASES])
def test_what_a_citizen_tells_is_the_same_place(gazetteer: Gazetteer, told: str, typed: str) -> None:
    found, meant = gazetteer.find(told), gazetteer.find(typed)
    assert found[0].fits
    assert (found[0].lat, found[0].lon) == (meant[0].lat, meant[0].lon), found[:3]
    assert not any(one.fits for one in found[1:]), "nothing has to be asked"
