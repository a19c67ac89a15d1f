"""A cache in a folder of the test: what writes it and what reads it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[CacheWriter]:
    writer = CacheWriter(tmp_path)
    yield writer
    writer.close()


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[CacheReader]:
    reader = CacheReader(tmp_path)
    yield reader
    reader.close()
