"""A real city in a real SQLite file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.server.city.city import City

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    city = City(f"sqlite:///{tmp_path / 'city.db'}", clock=lambda: NOW, name="Kota Uji")
    city.create_schema()
    yield city
    city.close()
