"""The theme and the symbols for tests of single widgets."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from tests.widgets.sample import make_symbols, make_theme
from widgets.symbols import Symbols
from widgets.theme import Theme


@pytest.fixture
def themed(qtbot: QtBot) -> Theme:
    """The dark theme, applied to the application."""
    return make_theme()


@pytest.fixture
def symbols(themed: Theme) -> Symbols:
    return make_symbols(themed)
