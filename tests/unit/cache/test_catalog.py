"""The words of each city: what the reporter answered, and the same codes in two cities."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api_client.model import (
    UNKNOWN_TIME,
    Agency,
    Area,
    AttributeValue,
    Datatype,
    Handover,
    Report,
    Service,
    ServiceAttribute,
    Status,
    Template,
    Unit,
    UnitState,
)
from console.cache.catalog import Catalog, Cities, read_catalog
from console.cache.page_items import Cursor, PageItem
from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter
from console.panels.forms.categories import category_choices
from console.rules.filter import Filter


def test_answers_stand_in_the_order_of_the_questions_and_lists_by_their_names() -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    values = (AttributeValue("knee", "Knee deep"), AttributeValue("waist", "Waist deep"))
    questions = (
        ServiceAttribute("since", "Since when", Datatype.DATETIME, order=2),
        ServiceAttribute("depth", "Depth", Datatype.MULTIVALUELIST, order=1, values=values),
    )
    catalog = Catalog(services={"flood": Service("flood", "Flood", attributes=questions)})
    answers = {"old": ("x",), "since": ("today",), "depth": ("waist", "chest")}
    report = Report("1", 1, Status.NEW, "flood", 3, "Water", now, now, attributes=answers)
    assert catalog.answers(report) == [("Depth", "Waist deep, chest"), ("Since when", "today"), ("old", "x")]
    elsewhere = Report("2", 1, Status.NEW, None, 3, "Water", now, now, attributes={"depth": ("waist",)})
    assert catalog.answers(elsewhere) == [("depth", "waist")]


def city(service: str, area: str, unit: str) -> Catalog:
    """Two such cities use the same codes."""
    now = datetime(2026, 3, 2, tzinfo=UTC)
    return Catalog(
        services={"001": Service("001", service)},
        areas={"a": Area("a", area, 1)},
        units={"u": Unit("u", unit, UnitState.AVAILABLE, now)},
    )


def test_a_key_is_the_bare_code_as_long_as_it_means_one_thing() -> None:
    alone = Cities({"north": city("Flood", "Centre", "U-1")})
    assert [alone.key(kind, ("north", code)) for kind, code in (("service", "001"), ("unit", "u"))] == ["001", "u"]
    both = Cities({"north": city("Flood", "Centre", "U-1"), "south": city("Dead animal", "Centre", "U-1")})
    assert both.key("service", ("south", "001")) == "south:001"
    assert both.key("area", ("south", "a")) == "a"  # the same name: they are shown as one
    assert both.key("unit", ("south", "u")) == "south:u"  # two crews are never one
    assert both.name("service", "south:001") == "Dead animal"
    assert both.name("service", "001") == "001"


def test_a_code_that_only_another_citys_reports_bear_is_not_taken_for_this_citys() -> None:
    words = {"service": {1: ("north", "001"), 2: ("south", "001")}}
    cities = Cities({"north": city("Flood", "Centre", "U-1"), "south": Catalog()}, words)
    assert cities.key("service", ("north", "001")) == "north:001"
    assert cities.of("south").service_name("001") == "001"


def test_a_chosen_unit_whose_key_another_city_has_come_to_share_is_none() -> None:
    both = Cities({"north": city("Flood", "Centre", "U-1"), "south": city("Flood", "Centre", "U-1")})
    assert both.crew("u") is None
    crew = both.crew("south:u")
    assert crew is not None
    assert (crew.source, crew.unit.id) == ("south", "u")
    assert [one.source for one in both.crews_called("u1")] == ["north", "south"]


def test_what_is_typed_means_the_code_of_every_city_and_the_name_of_its_own() -> None:
    both = Cities({"north": city("Flood", "Centre", "U-1"), "south": city("Dead animal", "Centre", "U-1")})

    def typed(text: str) -> Filter:
        return Filter.parse(text, zone=UTC).resolved(both.names())

    assert typed("cat=001").services == ("001",)
    assert typed("cat=flood").services == ("north:001",)
    assert typed("cat=south:001").services == ("south:001",)
    assert typed("area=centre").areas == ("a",)
    assert typed("unit=u-1").units == ("north:u", "south:u")


@pytest.mark.parametrize("languages", [(), ("nl",), ("en", "nl"), ("de",)])
def test_a_choice_of_language_changes_words_and_no_key(languages: tuple[str, ...]) -> None:
    """And a name typed in any language finds its category, whichever the operator reads."""
    depth = ServiceAttribute(
        "depth", "Profondeur", values=(AttributeValue("knee", "Genou", {"nl": "Knie"}),), descriptions={"nl": "Diepte"}
    )
    flood = Service("001", "Inondation", names={"nl": "Overstroming", "en": "Flood"}, attributes=(depth,))
    same = Service("001", "Inondation", names={"nl": "Wateroverlast"})
    lamp, other = Service("002", "Lampe", names={"en": "Light"}), Service("002", "Lanterne", names={"en": "Light"})
    works, alike = (Agency("pu", "Travaux", names={"nl": dutch}) for dutch in ("Werken", "Openbare werken"))
    gone = Template("gone", "close", "Rien trouvé", texts={"nl": "Niets gevonden"})
    both = Cities(
        {
            "north": Catalog(
                services={"001": flood, "002": lamp},
                agencies={"pu": works},
                templates=(Template("note", "reply", gone.text), gone),
                languages=languages,
            ),
            "south": Catalog(services={"001": same, "002": other}, agencies={"pu": alike}, languages=languages),
        }
    )
    assert both.key("agency", ("south", "pu")) == "pu"
    found = Filter.parse("agency=werken", zone=UTC).resolved(both.names(), both.other_names())
    assert found.agencies == ("pu",)
    assert both.key("service", ("south", "001")) == "001"
    assert both.key("service", ("south", "002")) == "south:002"
    for word in ("Inondation", "overstroming", "FLOOD", "wateroverlast", "Over"):
        found = Filter.parse(f"cat={word}", zone=UTC).resolved(both.names(), both.other_names())
        assert found.services == ("001",), word
    assert both.languages == ["en", "nl"]
    first = next(iter(languages), "")
    named = {"nl": "Overstroming", "en": "Flood"}.get(first, "Inondation")
    north = both.of("north")
    assert north.service_name("001") == named
    report = Report("1", 1, Status.NEW, "001", 3, "", UNKNOWN_TIME, UNKNOWN_TIME, attributes={"depth": ("knee",)})
    reads_dutch = "nl" in languages
    assert north.agency_name("pu") == ("Werken" if reads_dutch else "Travaux")
    assert north.outcome("Rien trouvé") == ("Niets gevonden" if reads_dutch else "Rien trouvé")
    assert north.outcome("Rien du tout") == "Rien du tout"
    assert north.answers(report) == [("Diepte", "Knie") if reads_dutch else ("Profondeur", "Genou")]
    shown = next(one for one in category_choices(north) if one.id == "001")
    assert shown.text == named
    assert {"Inondation", "Overstroming", "Flood"} - {named} <= set(shown.words.split())


def test_what_is_read_anew_of_one_kind_leaves_the_rest(tmp_path: Path) -> None:
    writer, reader = CacheWriter(tmp_path), CacheReader(tmp_path)
    for source, name in (("north", "Flood"), ("south", "Dead animal")):
        writer.apply(source, [PageItem("service", 1, "001", Service("001", name))], Cursor("e", 1))
    known = read_catalog(reader)
    assert [known.of(one).service_name("001") for one in ("north", "south")] == ["Flood", "Dead animal"]
    writer.apply("south", [PageItem("area", 2, "a", Area("a", "Centre", 1))], Cursor("e", 2))
    now = read_catalog(reader, known, {"area"})
    assert now.of("south").services is known.of("south").services
    assert (now.of("south").place("a"), now.of("north").place("a")) == ("Centre", "a")
    writer.close()
    reader.close()


def test_of_hand_overs_the_newest_are_read_and_all_of_the_last_shifts(tmp_path: Path) -> None:
    """Of fifteen operators who handed over at the same hour three were in no list, and nobody signed theirs unseen."""
    now, day = datetime(2026, 3, 2, tzinfo=UTC), timedelta(days=1)
    writer, reader = CacheWriter(tmp_path), CacheReader(tmp_path)

    def put(source: str, first: int, last: int, end: datetime) -> None:
        items = [
            PageItem("handover", seq, f"h{seq}", Handover(f"h{seq}", "rina", now, end, end, now, now))
            for seq in range(first, last + 1)
        ]
        writer.apply(source, items, Cursor("e", last, as_of=now))

    def read(source: str) -> list[str]:
        return [one.id for one in read_catalog(reader).of(source).handovers]

    put("one", 1, 30, now - 2 * day)
    put("two", 1, 30, now)
    put("three", 1, 230, now)
    put("three", 231, 231, now + 365 * day)
    assert read("one") == [f"h{seq}" for seq in range(30, 18, -1)]
    assert read("two") == [f"h{seq}" for seq in range(30, 0, -1)]
    assert read("three") == [f"h{seq}" for seq in range(231, 31, -1)]
    reader.close()
    writer.close()
