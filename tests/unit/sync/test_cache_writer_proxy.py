"""Several sources share one cache: what replaces it for one of them is heard by each."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from console.files.errors import DamagedFile
from console.files.sqlite_file import SUSPECT
from console.rules.messages import Touched
from console.sync.cache_writer_proxy import CacheWriterProxy
from tests.unit.cache.making import at, items, report


def test_a_page_read_for_a_cache_that_was_replaced_meanwhile_is_not_taken(tmp_path: Path) -> None:
    """Else the cursor behind it would say that all before it is there."""
    told: list[Touched] = []
    cache_writer = CacheWriterProxy(tmp_path, told.append)
    with contextlib.closing(cache_writer):
        for source in ("north", "south"):
            assert cache_writer.cursor(source) is None
            cache_writer.apply(source, items(report("1")), at(1))
        (tmp_path / SUSPECT).touch()
        assert cache_writer.cursor("north") is None
        with pytest.raises(DamagedFile):
            cache_writer.apply("south", items(report("2")), at(2))
        assert told[-1].everything
        assert cache_writer.cursor("south") is None
        cache_writer.apply("south", items(report("1")), at(1))
        cache_writer.apply("north", items(report("1")), at(1))
