"""A city without units says so in the window; one that is set up meanwhile can send them at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from console.server.admin.apply import apply_setup, present_setup
from console.server.admin.setup import CitySetup, UnitRecord
from console.server.city.city import City
from console.server.city.records import COMMAND_LINE
from tests.helpers.city import console, served, wait_for, write_users
from tests.helpers.cityfiles import write_city
from tests.helpers.hands import form


@pytest.mark.usefixtures("qapp")
def test_units_that_a_city_is_given_are_there_at_once(tmp_path: Path) -> None:
    files = write_city(tmp_path, 400)
    users = write_users(tmp_path / "users")
    with (
        served(tmp_path / "server", "--users", str(users), "--load", str(files.csv)) as server,
        console(tmp_path / "profile", server.address) as window,
    ):
        assert "sigap city export FOLDER" in server.log()
        panel = window.units
        wait_for(lambda: not panel.view.isVisibleTo(panel), 60, "the panel says that there are no units")
        city = City(f"sqlite:///{tmp_path / 'server' / 'city.db'}")
        city.create_schema()
        done = apply_setup(city, CitySetup(units=(UnitRecord("pump1", "PUMP-1", skills=("pump",)),)), COMMAND_LINE)
        assert done.applied
        wait_for(lambda: panel.view.isVisibleTo(panel), what="the new unit is shown")
        assert panel.view.model().index(0, 0).data().startswith("PUMP-1")
        apply_setup(city, CitySetup(units=()), COMMAND_LINE)
        wait_for(lambda: not panel.view.isVisibleTo(panel), what="the retired unit is gone")
        # So are names in another language, for who chooses to read it; and he reads them in the queue at once.
        named = tuple(replace(one, names={"nl": f"{one.name} (nl)"}) for one in present_setup(city).services or ())
        apply_setup(city, CitySetup(services=named), COMMAND_LINE)
        wait_for(lambda: window.window_state.cities.languages == ["nl"], what="names in another language")
        window.actions.run("names_in")
        assert form(window).commit_button.isEnabled(), "what holds now is chosen in the list"
        QTest.keyClicks(form(window).field, "nl")
        QTest.keyClick(form(window).field, Qt.Key.Key_Return)
        assert window.settings.here.names_in == "nl"
        model = window.queue.view.model()
        wait_for(lambda: str(model.index(0, 0).data()).count("(nl)") == 1, what="the queue names them so")
        city.close()
