"""A city in this process, and an operator's computer that follows it step by step."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from console.server.city.city import City
from tests.helpers.live_server import Live
from tests.helpers.stepped import SteppedConsole


@pytest.fixture
def city(live: Live) -> City:
    return live.city


@pytest.fixture
def ani(qtbot: QtBot, city: City, tmp_path: Path) -> Iterator[SteppedConsole]:
    console = SteppedConsole(tmp_path / "ani", city, "ani")
    console.sync()
    yield console
    console.close()
