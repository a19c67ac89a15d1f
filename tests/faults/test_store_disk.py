"""F18, F25, F26, F27, F31: a fault at every system call of the store, and power lost at any moment of its life."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import pytest

from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter
from console.outbox.work_file import WorkFile
from console.rules.queued import EditState
from tests.faults.store_child import PAGE, a_page
from tests.faults.test_store_heals import filled, first_version
from tests.helpers.disk import CALLS, Call, Crash, Ended, Forks, crash, needs_strace
from tests.unit.cache.making import T0, at, edit, note_state

pytestmark = needs_strace

FINISHED = {EditState.SENT, EditState.WITHDRAWN}
FAULTS = ("signal=SIGKILL", "error=EIO", "error=ENOSPC")


@pytest.fixture(scope="module")
def forks() -> Iterator[Sequence[Forks]]:
    with Forks() as one, Forks() as another:
        yield one, another


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "said"}


def put(folder: Path, files: dict[str, bytes]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)


# What a folder holds before, and what must be so after any fault


def outbox_before(folder: Path) -> set[str]:
    return {one.edit.id for one in filled(folder, 9) if one.state not in FINISHED}


def old_version_before(folder: Path) -> set[str]:
    first_version(folder)
    raw = sqlite3.connect(folder / "work.db")
    kept = {key for key, state in raw.execute("SELECT id, state FROM edits") if state not in FINISHED}
    raw.close()
    return kept


def long_ago_before(folder: Path) -> set[str]:
    """Edits that were finished long ago, and some that still wait."""
    work = WorkFile(folder, clock=lambda: T0)
    for number in range(1, 13):
        work.append(edit(f"e{number}", number=number, data={"text": "x" * 200}))
        if number % 3:
            note_state(work, f"e{number}", EditState.SENT)
    work.close()
    return {"e3", "e6", "e9", "e12"}


def page_before(folder: Path) -> set[str]:
    writer = CacheWriter(folder)
    writer.apply("city", a_page(1), at(PAGE))
    writer.close()
    return set()


BEFORE = {
    "edit": ("edit", outbox_before),
    "exchange": ("exchange", outbox_before),
    "migration": ("open", old_version_before),
    "tidying": ("open", long_ago_before),
    "page": ("page", page_before),
    "console": ("console", outbox_before),
}
STORE = ("edit", "exchange", "migration", "tidying", "page")


def look_at_outbox(folder: Path, waiting: set[str], said: list[str]) -> None:
    """Whole; what waited and what was acknowledged is there, once: in both files, and in either of them alone."""
    exchanged = "done exchanged" in said
    acknowledged = waiting | ({"new"} if "done new" in said or exchanged else set())
    withdrawn = {"e1"} if "done withdrawn" in said or exchanged else set()
    files = contents(folder)
    for without in ("", "work.journal", "work.db"):
        put(folder, {name: data for name, data in files.items() if not without or not name.startswith(without)})
        work = WorkFile(folder, clock=lambda: T0)
        found = {one.edit.id: one.state for one in work.all()}
        assert acknowledged - {"e1"} <= found.keys(), f"without {without}"
        assert all(found.get(key, EditState.WITHDRAWN) is EditState.WITHDRAWN for key in withdrawn)
        if "newer" in found or exchanged:
            assert {"new", "newer"} <= found.keys(), f"half of an exchange, without {without}"
            assert found.get("e1", EditState.WITHDRAWN) is EditState.WITHDRAWN, f"both halves, without {without}"
        numbers = [one.edit.number for one in work.all()]
        assert len(numbers) == len(set(numbers))
        assert work.salvaged is None or work.salvaged.set_aside is None
        if not without:
            assert work._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        work.close()


def look_at_cache(folder: Path, said: list[str]) -> None:
    """Whole, rows and cursor together, and nothing that was said to be there is gone."""
    writer, reader = CacheWriter(folder), CacheReader(folder)
    cursor = writer.cursor("city")
    assert writer.set_aside is None
    assert writer._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert cursor is not None
    assert cursor.seq in ((2 * PAGE,) if "done page" in said else (PAGE, 2 * PAGE))
    assert reader.counts()["reports"] == cursor.seq == len(reader.matching("kata"))
    writer.apply("city", a_page(2), at(2 * PAGE))  # one page is read again at most
    assert reader.counts()["reports"] == 2 * PAGE == len(reader.matching("kata"))
    writer.close()
    reader.close()


def look_at_console(folder: Path, waiting: set[str], said: list[str], *, forever: bool) -> None:
    """Refused aloud or saved, never neither; saved once, however often Enter was pressed; what waited is there."""
    saved = [line.split()[1] for line in said if line.startswith("done")]
    if "closed" in said:
        assert len(saved) == 1 or (forever and any(line.startswith("refused") for line in said)), said
        assert "shown 1" in said or not saved
    work = WorkFile(folder, clock=lambda: T0)
    found = [one.edit.id for one in work.all()]
    assert waiting | set(saved) <= set(found)
    if "closed" in said and not forever:
        assert [key for key in found if key.startswith("try")] == saved, "what was refused is not there"
    work.close()


def every_point(
    what: str, forks: Sequence[Forks], tmp_path: Path, faults: tuple[str, ...], more: str = "", *, in_turn: bool = False
) -> int:
    """Do the job with the fault at the first, second … call of each kind until it is done without; how many there were.

    `in_turn` meets each call with one of the faults, else each call meets all. With `more` = "+" the fault stays from
    that call on. As many jobs as there are `forks` are done at a time.
    """
    job, before = BEFORE[what]
    good = tmp_path / "good"
    waiting = before(good)
    free: SimpleQueue[tuple[Forks, Path]] = SimpleQueue()
    for number, fork in enumerate(forks):
        free.put((fork, tmp_path / str(number) / "work"))

    def walk(call: str, faults: tuple[str, ...]) -> int:
        fork, folder = free.get()
        try:
            points = 0
            while True:
                shutil.copytree(good, folder)
                ended = fork.run(job, folder, faults[points % len(faults)], call, f"{points + 1}{more}")
                after_fault(what, folder, waiting, ended, forever=bool(more))
                shutil.rmtree(folder)
                if not ended.met:
                    return points
                points += 1
        finally:  # or a failure would let the other jobs wait for ever
            free.put((fork, folder))

    def fitting(call: str) -> tuple[str, ...]:
        takes_room = call in ("write", "pwrite64", "ftruncate")
        return tuple(fault for fault in faults if takes_room or "ENOSPC" not in fault)

    walks = [
        (call, each)
        for call in CALLS.split(",")
        for each in ([fitting(call)] if in_turn else [(fault,) for fault in fitting(call)])
    ]
    with ThreadPoolExecutor(len(forks)) as pool:
        return sum(pool.map(walk, *zip(*walks, strict=True)))


def after_fault(what: str, folder: Path, waiting: set[str], ended: Ended, *, forever: bool) -> None:
    said = ended.said
    assert not [line for line in said if line.startswith(("crash", "damaged"))], said
    if ended.code != -9:
        assert ended.code == 0
        refused = {line.split()[1]: line for line in said if line.startswith("refused")}
        assert all("disk" in line or "written" in line for line in refused.values()), "in the operator's words"
        if not forever:  # it recovers without a restart: the same once more is accepted
            wanted = {
                "edit": ["done open", "done new", "done withdrawn"],
                "exchange": ["done open", "done exchanged"],
                "page": ["done open", "done page"],
                "console": [],
            }
            assert set(wanted.get(what, ["done open"])) <= set(said), said
    if what == "page":
        look_at_cache(folder, said)
    elif what == "console":
        look_at_console(folder, waiting, said, forever=forever)
    else:
        look_at_outbox(folder, waiting, said)


@pytest.mark.parametrize("what", STORE)
def test_a_fault_at_any_call(what: str, forks: Sequence[Forks], tmp_path: Path) -> None:
    """F18, F25, F27, F31: at each call one of kill, I/O error and full disk, in turn; the long run tries all at each.

    Guards: one transaction for rows and cursor (CacheWriter.apply) and for a migration (sqlite_file._migrate), the
    journal's
    line cut off again (Journal.whole), a new journal in the old one's place only when it is whole (Journal.rewrite).
    """
    points = every_point(what, forks, tmp_path, FAULTS, in_turn=True)
    print(f"{what}: {points} calls")
    assert points > 20


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("what", STORE)
def test_a_fault_at_every_call(what: str, forks: Sequence[Forks], tmp_path: Path) -> None:
    """F18, F25, F27, F31: at each call of one edit, one page, one migration, one tidying."""
    points = every_point(what, forks, tmp_path, FAULTS)
    print(f"{what}: {points} faults")
    assert points > 60


def test_the_console_says_each_refusal_and_saves_what_is_entered_again(forks: Sequence[Forks], tmp_path: Path) -> None:
    """F27, the whole way of an edit (console/panels/qt_outbox.py), one fault at each call; the long run tries all at
    each.

    Guards: Outbox.refused for whatever the edits thread meets, WorkThread._open, Journal.whole,
    sqlite_file.transaction.
    """
    assert every_point("console", forks, tmp_path, FAULTS, in_turn=True) > 20


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_the_console_says_each_refusal_at_every_call(forks: Sequence[Forks], tmp_path: Path) -> None:
    """F27, at every call, once and from then on."""
    points = every_point("console", forks, tmp_path / "once", FAULTS)
    points += every_point("console", forks, tmp_path / "ever", ("error=EIO", "error=ENOSPC"), "+")
    print(f"{points} faults on the way of one edit")


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("what", STORE)
def test_a_fault_that_stays(what: str, forks: Sequence[Forks], tmp_path: Path) -> None:
    """F27: from any call on the disk takes nothing more; when it does again, all that was acknowledged is there."""
    assert every_point(what, forks, tmp_path, ("error=EIO", "error=ENOSPC", "error=EDQUOT"), "+") > 30


# Power loss


def look_after_power_loss(folder: Path, image: Crash, waiting: set[str]) -> None:
    """Either copy alone holds every acknowledged edit; both together do."""
    made = {line.split()[1] for line in image.said if line.startswith("done")}
    gone = {line.split()[1] for line in image.said if line.startswith("withdrawn")}
    for without in ("", "work.journal", "work.db"):
        put(folder, {name: data for name, data in image.files.items() if not without or not name.startswith(without)})
        work = WorkFile(folder, clock=lambda: T0)
        found = {one.edit.id: one.state for one in work.all()}
        assert (waiting | made) - gone <= found.keys(), f"without {without}"
        assert all(found.get(key, EditState.WITHDRAWN) is EditState.WITHDRAWN for key in gone), f"without {without}"
        numbers = [one.edit.number for one in work.all()]
        assert len(numbers) == len(set(numbers))
        assert work.salvaged is None or work.salvaged.set_aside is None, "power loss damages no page"
        work.close()


def lose_power(forks: Sequence[Forks], tmp_path: Path, images: int, seed: int) -> None:
    chance = random.Random(seed)
    lives: list[tuple[dict[str, bytes], list[Call], set[str]]] = []
    for number, before in enumerate((outbox_before, long_ago_before, old_version_before)):
        folder = tmp_path / f"life{number}"
        waiting = before(folder)
        start = contents(folder)
        lives.append((start, forks[0].record("shift", folder), waiting))
    for _ in range(images):
        start, calls, waiting = chance.choice(lives)
        moment = chance.randrange(len(calls) + 1)
        renames = [number for number, call in enumerate(calls, 1) if call.what == "rename"]
        if renames and chance.random() < 0.3:  # the moments after a file took another's place
            moment = min(len(calls), chance.choice(renames) + chance.randrange(3))
        image = crash(start, calls, moment, chance)
        look_after_power_loss(tmp_path / "image", image, waiting)


def test_power_loss_takes_no_acknowledged_edit(forks: Sequence[Forks], tmp_path: Path) -> None:
    """F26: unsynced writes lost, torn and shuffled at any moment of a shift with openings, tidying and a migration.

    Guards: synchronous=FULL (WorkFile._open_checked), the journal synced before an edit counts as saved
    (WorkFile.append), the new journal synced before it takes the old one's name (Journal.rewrite).
    """
    lose_power(forks, tmp_path, 60, 26)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_power_loss_a_thousand_times(forks: Sequence[Forks], tmp_path: Path) -> None:
    """F26, 1,000 crash images of the outbox."""
    lose_power(forks, tmp_path, 1000, 62)


def lose_power_of_cache(forks: Sequence[Forks], tmp_path: Path, images: int) -> None:
    chance = random.Random(26)
    life = tmp_path / "life"
    page_before(life)
    start = contents(life)
    calls = forks[0].record("pages", life)
    folder = tmp_path / "image"
    for _ in range(images):
        image = crash(start, calls, chance.randrange(len(calls) + 1), chance)
        put(folder, image.files)
        writer, reader = CacheWriter(folder), CacheReader(folder)
        cursor = writer.cursor("city")
        assert writer.set_aside is None
        assert cursor is not None
        assert cursor.seq % PAGE == 0
        assert reader.counts()["reports"] == cursor.seq == len(reader.matching("kata"))
        writer.close()
        reader.close()


def test_power_loss_leaves_the_cache_at_an_earlier_page(forks: Sequence[Forks], tmp_path: Path) -> None:
    """F26, F18: the cache may fall back, rows and cursor together. Guards: CacheWriter.apply's one transaction."""
    lose_power_of_cache(forks, tmp_path, 60)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_power_loss_of_the_cache_a_thousand_times(forks: Sequence[Forks], tmp_path: Path) -> None:
    """F26, F18: 1,000 crash images of the cache."""
    lose_power_of_cache(forks, tmp_path, 1000)
