"""The demo city as it is set up: read from its folder by the code that reads every city's."""

from __future__ import annotations

from functools import cache
from importlib import resources

import msgspec

from api_client.model import Agency, Area, Calendar, Limit, RunCard, Service, Template
from console.server.admin.folder import read_folder
from console.server.admin.setup import UnitRecord


class DemoFacts(msgspec.Struct, frozen=True):
    """What stands in resources/demo/city."""

    calendars: tuple[Calendar, ...]
    agencies: tuple[Agency, ...]
    services: tuple[Service, ...]
    areas: tuple[Area, ...]
    units: tuple[UnitRecord, ...]
    templates: tuple[Template, ...]
    limits: tuple[Limit, ...]
    run_cards: tuple[RunCard, ...]


@cache
def demo_facts() -> DemoFacts:
    """The facts, read once; ValueError when somebody has broken a file."""
    with resources.as_file(resources.files("resources").joinpath("demo", "city")) as folder:
        reading = read_folder(folder)
    if faults := reading.faults():
        raise ValueError(f"The demo city cannot be read: {faults[0]}")
    setup = reading.setup
    return DemoFacts(
        setup.calendars or (),
        setup.agencies or (),
        setup.services or (),
        setup.areas or (),
        setup.units or (),
        setup.templates or (),
        setup.limits or (),
        setup.run_cards or (),
    )
