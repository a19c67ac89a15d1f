"""F25, F18: the store is killed without warning at random moments, again and again, on the same files."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter
from console.outbox.work_file import WorkFile
from console.rules.queued import EditState
from tests.faults.store_child import PAGE
from tests.helpers.disk import Forks


def look(folder: Path) -> None:
    """All that was said is so."""
    lines = [line.split() for line in (folder / "said").read_text().splitlines()]
    made = {words[1] for words in lines if words[0] == "done"}
    gone = {words[1] for words in lines if words[0] == "withdrawn"}
    pages = [int(words[1]) for words in lines if words[0] == "page"]
    work = WorkFile(folder)
    everything = work.all()
    states = {one.edit.id: one.state for one in everything}
    assert work.salvaged is None
    work.close()
    assert made <= states.keys(), "lost"
    assert {states[key] for key in gone} <= {EditState.WITHDRAWN}
    numbers = [one.edit.number for one in everything]
    assert numbers == list(range(1, len(numbers) + 1)), "doubled, or a gap"
    writer, reader = CacheWriter(folder), CacheReader(folder)
    cursor = writer.cursor("city")
    assert writer.set_aside is None
    seq = cursor.seq if cursor else 0
    assert max(pages, default=0) <= seq <= max(pages, default=0) + PAGE, "one page more than was said, at most"
    assert reader.counts()["reports"] == seq == len(reader.matching("kata"))
    reader.close()
    writer.close()


def look_into_the_journal(folder: Path) -> None:
    """It alone holds every edit that is not over, too."""
    work = WorkFile(folder)
    open_edits = {one.edit.id for one in work.all() if one.state is not EditState.WITHDRAWN}
    next_number = work.next_number()
    work.close()
    (folder / "work.db").unlink()
    work = WorkFile(folder)
    assert open_edits <= {one.edit.id for one in work.all()}
    assert work.next_number() >= next_number
    work.close()


def kill_often(folder: Path, kills: int, seed: int, look_every: int) -> int:
    chance = random.Random(seed)
    folder.mkdir()
    with Forks() as forks:
        for number in range(1, kills + 1):
            forks.kill_after("work", folder, chance.uniform(0, 0.06))
            if number % look_every == 0:
                look(folder)
    look(folder)
    look_into_the_journal(folder)
    said = sum(line.startswith("done") for line in (folder / "said").read_text().splitlines())
    print(f"{kills} kills, {said} edits acknowledged, none lost")
    return said


def test_sixty_kills(tmp_path: Path) -> None:
    """F25. Guards: SQLite's transactions as sqlite_file.transaction uses them, and WorkFile._reconcile after each."""
    assert kill_often(tmp_path / "profile", 60, 25, 10) > 60


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_thousand_kills(tmp_path: Path) -> None:
    """F25, a thousand times: ten profiles, a hundred kills each."""
    assert sum(kill_often(tmp_path / str(seed), 100, seed, 20) for seed in range(10)) > 1000
