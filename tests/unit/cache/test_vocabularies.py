"""What a city has retired is offered no more, but keeps its name."""

from __future__ import annotations

from datetime import UTC, datetime

from api_client.model import Agency, Area, Service, Unit, UnitState
from console.cache.catalog import Catalog, Cities, offered

THEN = datetime(2026, 1, 1, tzinfo=UTC)


def test_retired_units_are_no_crews_but_keep_their_codes() -> None:
    units = {
        "u1": Unit("u1", "U1", UnitState.AVAILABLE, THEN),
        "u2": Unit("u2", "U2", UnitState.OFF_SHIFT, THEN, valid_to=THEN),
    }
    cities = Cities({"c": Catalog(units=units)})
    assert [crew.unit.id for crew in cities.crews] == ["u1"]
    assert cities.crew("u2") is None
    assert cities.crews_called("U2") == ()
    assert cities.of("c").name("unit", "u2") == "U2"


def test_retired_services_agencies_and_areas_cannot_be_chosen() -> None:
    services = {"a": Service("a", "A"), "b": Service("b", "B", valid_to=THEN)}
    agencies = {"a": Agency("a", "A"), "b": Agency("b", "B", THEN)}
    areas = {"a": Area("a", "A", 1), "b": Area("b", "B", 1, valid_to=THEN)}
    assert [one.code for one in offered(services)] == ["a"]
    assert [one.code for one in offered(agencies)] == ["a"]
    assert [one.code for one in offered(areas)] == ["a"]
    assert Catalog(services=services).service_name("b") == "B"
