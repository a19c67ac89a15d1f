"""Lines of a CSV file that are read in blocks are what they are one by one."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from console.server.loader import csv_file
from console.server.loader.csv_file import CsvFile
from console.server.loader.dialects import read_dialects

_ODD = (
    '{n},closed,"two\nlines, ""quoted""",1',
    '{n},closed,"lost,1',
    '{n},closed,lost,"1',
    "{n},closed,a \x00 and \x07,1",
    "{n},closed,\udce9t\udce9 \xa0,1",
    "{n},closed,more,1,2",
    "{n},closed",
    ",,,",
    "",
    "id,status,description,priority",
    "{n},closed,\u00e9t\u00e9 ,1\r",
)


@pytest.mark.parametrize("seed", range(3))
def test_blocks_and_single_lines_say_the_same(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)
    lines = [
        (chance.choice(_ODD) if chance.random() < 0.02 else "{n}, closed ,a hole,1").format(n=n) for n in range(2_000)
    ]
    path = tmp_path / "r.csv"
    text = "\n".join(["id,status,description,priority", *lines])
    path.write_text(text, "utf-8", errors="surrogateescape", newline="")
    file = CsvFile(path, path, read_dialects(None))
    monkeypatch.setattr(csv_file, "_plain_records", lambda *_: None)
    one_by_one = list(file.raws())
    monkeypatch.undo()
    assert list(file.raws()) == one_by_one
    assert len(one_by_one) > 1_500
