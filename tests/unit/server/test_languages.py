"""A city's names in several languages: set up, told by GeoReport, shown on the pages."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from msgspec.structs import replace

from api_client.model import Agency, AttributeValue, Datatype, RunCard, Service, ServiceAttribute, Template
from console.server.admin.apply import apply_setup, compare_setup, present_setup
from console.server.admin.setup import CitySetup
from console.server.city.city import City
from console.server.city.records import COMMAND_LINE, LoadedReport
from tests.unit.server.conftest import Api, a_report

FLOOD = Service(
    "flood",
    "Inondation",
    "Eau",
    names={"nl": "Overstroming", "en": "Flood"},
    groups={"nl": "Water", "en": "Water"},
    attributes=(
        ServiceAttribute(
            "depth",
            "Quelle profondeur ?",
            Datatype.SINGLEVALUELIST,
            values=(AttributeValue("knee", "Au genou", {"nl": "Kniehoog", "en": "Knee deep"}),),
            descriptions={"nl": "Hoe diep?", "en": "How deep?"},
        ),
    ),
)
BRUSSELS = CitySetup(
    name="Bruxelles",
    language="fr",
    services=(FLOOD, Service("lamp", "Éclairage")),
    agencies=(Agency("pu", "Travaux publics", names={"nl": "Openbare werken", "en": "Public works"}),),
    templates=(Template("gone", "close", "Rien trouvé", texts={"nl": "Niets gevonden", "en": "Nothing found"}),),
)


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Names are of no database."""
    return f"sqlite:///{tmp_path / 'city.db'}"


def read(api: Api, path: str, accepted: str = "") -> requests.Response:
    return api.session.get(f"{api.url}{path}", headers={"Accept-Language": accepted}, timeout=10)


def test_names_in_languages_are_set_up_and_told_to_who_reads_them(api: Api, city: City) -> None:
    unsaid = "Services have names in en, nl, but of the plain ones nobody has said in which language they are"
    assert [unsaid in note for note in compare_setup(city, replace(BRUSSELS, language=None)).notes].count(True) == 1
    assert not any(unsaid in note for note in compare_setup(city, BRUSSELS).notes)
    apply_setup(city, BRUSSELS, COMMAND_LINE)
    assert (present_setup(city).language, (present_setup(city).services or ())[0]) == ("fr", FLOOD)
    (change,) = compare_setup(
        city, CitySetup(services=(*(BRUSSELS.services or ())[1:], Service("flood", "Inondation", "Eau")))
    ).changes
    told = {one.field: one.before for one in change.fields}
    assert (told["names"], told["groups"]) == ("nl Overstroming; en Flood", "nl Water; en Water")
    city.load([LoadedReport(a_report("77", service="flood", agency="pu"))])
    agencies = {"fr": "Travaux publics", "nl": "Openbare werken", "en": "Public works"}
    for query, accepted, language, name in (
        ("", "", "fr", "Inondation"),
        ("", "fr-BE,fr;q=0.9,nl;q=0.8", "fr", "Inondation"),
        ("", "nl-BE,nl;q=0.9", "nl", "Overstroming"),
        ("", "de,en;q=0.5", "en", "Flood"),
        ("?locale=nl_BE", "fr", "nl", "Overstroming"),
    ):
        listed = read(api, f"/open311/v2/services.json{query}", accepted)
        assert {one["service_code"]: one["service_name"] for one in listed.json()} == {
            "flood": name,
            "lamp": "Éclairage",
        }
        assert (listed.headers["Content-Language"], listed.headers["Vary"]) == (language, "Accept, Accept-Language")
        assert f"<service_name>{name}</service_name>" in read(api, f"/open311/v2/services.xml{query}", accepted).text
        (request,) = read(api, f"/open311/v2/requests/77.json{query}", accepted).json()
        assert (request["service_name"], request["agency_responsible"]) == (name, agencies[language])
    asked = read(api, "/open311/v2/services/flood.json?locale=nl").json()["attributes"][0]
    assert (asked["description"], asked["values"]) == ("Hoe diep?", [{"key": "knee", "name": "Kniehoog"}])


def test_pages_name_services_in_the_language_that_was_chosen_or_is_the_readers_or_the_pages(
    api: Api, city: City
) -> None:
    apply_setup(city, BRUSSELS, COMMAND_LINE)
    city.load([LoadedReport(a_report(number, service="flood")) for number in ("77", "78")])
    api.ok("78", "close", {"disposition": "Rien trouvé"})
    outcomes = {"Inondation": "Rien trouvé", "Overstroming": "Niets gevonden", "Flood": "Nothing found"}
    etags = {}
    for language, accepted, name, question in (
        ("en", "nl", "Flood", "How deep?"),  # chosen by hand
        ("", "nl-BE,en;q=0.5", "Overstroming", "Hoe diep?"),  # a page that speaks no Dutch
        ("", "fr,nl", "Inondation", "Quelle profondeur ?"),
        ("id", "de", "Inondation", "Quelle profondeur ?"),
        ("", "de", "Flood", "How deep?"),
    ):
        words = read(api, f"/public/v1/city?lang={language}", accepted)
        flood = next(one for one in words.json()["services"] if one["code"] == "flood")
        assert flood["name"] == name
        assert flood["language"] == {"Inondation": "fr", "Overstroming": "nl", "Flood": "en"}[name]
        # Found by what it is called in any language, whatever it is called here.
        assert {"Inondation", "Overstroming", "Flood"} <= {name, *flood["keywords"].split()}
        assert words.headers["Vary"] == "Accept-Encoding, Accept-Language"
        etags[words.headers["ETag"]] = name
        first = read(api, f"/?plain=1&lang={language}", accepted).text
        second = read(api, f"/?plain=1&lang={language}&step=2&service=flood&address=Rue", accepted).text
        assert f">{name}</option>" in first
        assert name in second
        assert question in second
        assert f"<h1>{name}</h1>" in read(api, f"/r/77?plain=1&lang={language}", accepted).text
        assert f">{name}</option>" in read(api, f"/map?plain=1&lang={language}", accepted).text
        closed = read(api, f"/public/v1/reports/78?lang={language}", accepted)
        assert (closed.json()["reason"], closed.headers["Vary"]) == (outcomes[name], words.headers["Vary"])
        assert outcomes[name] in read(api, f"/r/78?plain=1&lang={language}", accepted).text
    assert len(etags) == 3  # what a browser kept in one language is no answer in another
    # However many languages strangers say that they read, no more is made than the city has.
    kept = {read(api, "/public/v1/city", f"x{one:02}, nl").headers["ETag"] for one in range(20)}
    assert len(kept) == 1
    api.ok("77", "dispatch", {"unit": "u1"})
    city.put_run_cards([RunCard("water", "Eau", ("Fermez la rue",), groups=("Eau",))])
    crew = api.get("/jobs?unit=u1&lang=id", headers={"Accept-Language": "nl"})
    assert [one["service"]["name"] for one in crew.json()["jobs"]] == ["Overstroming"]
    # What a card is for is written with the plain names.
    assert [one["words"] for one in crew.json()["jobs"][0]["steps"]] == ["Fermez la rue"]
    assert crew.headers["Vary"] == "Accept-Encoding, Accept-Language"
