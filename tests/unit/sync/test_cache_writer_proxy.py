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
    ledger = CacheWriterProxy(tmp_path, told.append)
    with contextlib.closing(ledger):
        for source in ("north", "south"):
            assert ledger.cursor(source) is None
            ledger.apply(source, items(report("1")), at(1))
        (tmp_path / SUSPECT).touch()
        assert ledger.cursor("north") is None
        with pytest.raises(DamagedFile):
            ledger.apply("south", items(report("2")), at(2))
        assert told[-1].everything
        assert ledger.cursor("south") is None
        ledger.apply("south", items(report("1")), at(1))
        ledger.apply("north", items(report("1")), at(1))
