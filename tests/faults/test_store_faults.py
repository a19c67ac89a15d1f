"""Kills, full disks, damaged and newer files: what was acknowledged is there, and nothing is half-written."""

from __future__ import annotations

import contextlib
import os
import resource
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter
from console.files.errors import DamagedFile, DiskFull, NewerFile, NotWritable, StoreError
from console.files.sqlite_file import SUSPECT
from console.files.unsafe_folders import network_kind
from console.outbox.work_file import WorkFile
from console.rules.queued import EditState
from tests.unit.cache.making import at, edit, ids, items, note_state, report

ROOT = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size`: what a quota does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_quota_refuses_edits_whole_and_lets_them_in_again(tmp_path: Path) -> None:
    """Whatever write meets the limit first, journal or database: an edit is in both or in neither."""
    for limit in range(4096, 120_000, 9001):
        folder = tmp_path / str(limit)
        work = WorkFile(folder)
        accepted: list[str] = []
        refusal: StoreError | None = None
        with largest_file(limit):
            for number in range(1, 200):
                try:
                    work.append(edit(f"e{number}", number=number, data={"text": "y" * 700}))
                except StoreError as error:
                    refusal = error
                    break
                accepted.append(f"e{number}")
            assert isinstance(refusal, DiskFull | NotWritable)
            assert [queued.edit.id for queued in work.all()] == accepted  # reading goes on
        journal = (folder / "work.journal").read_bytes()
        assert journal.count(b"\n") == len(accepted)
        assert journal.endswith(b"\n") or not journal
        work.append(edit("later", number=500))
        work.close()
        work = WorkFile(folder)
        assert [queued.edit.id for queued in work.all()] == [*accepted, "later"]
        work.close()


def test_a_full_disk_leaves_the_cache_as_it_was(tmp_path: Path) -> None:
    writer, reader = CacheWriter(tmp_path), CacheReader(tmp_path)
    writer.apply("city", items(report("1", title="kata")), at(1))
    page = items(*(report(str(n), description="z" * 2000) for n in range(2, 400)), seq=2)
    with largest_file(400_000):
        with pytest.raises((DiskFull, NotWritable)):
            writer.apply("city", page, at(400))
        assert reader.counts()["reports"] == 1
        assert writer.cursor("city") == at(1)
    writer.apply("city", page, at(400))
    assert reader.counts()["reports"] == 399
    writer.close()
    reader.close()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB of its own, where the system lets us mount one."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("no right to mount a small file system here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_really_full_disk_is_called_full(tiny_disk: Path) -> None:
    work = WorkFile(tiny_disk)
    work.append(edit("e1"))
    filler = tiny_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"0" * 4096)
    with pytest.raises(DiskFull) as caught:  # noqa: PT012 - the log of work.db may have room for a few
        for number in range(2, 200):
            work.append(edit(f"e{number}", number=number, data={"text": "y" * 3000}))
    assert "full" in str(caught.value)
    filler.unlink()
    accepted = len(work.all())
    work.append(edit("later", number=500))
    work.close()
    assert len((tiny_disk / "work.journal").read_bytes().splitlines()) == accepted + 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_rights_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    for opened in (WorkFile, CacheWriter):
        with pytest.raises(NotWritable) as caught:
            opened(tmp_path)
        assert str(tmp_path) in str(caught.value) or "cannot be written" in str(caught.value)
    tmp_path.chmod(0o700)


_MOUNTS = """22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
40 22 0:45 / /home/rina rw shared:3 - nfs4 server:/home rw
41 40 0:46 / /home/rina/local\\040disk rw - ext4 /dev/vdb rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib", None),
        ("/home/rina/.local/sigap", "nfs4"),
        ("/home/rina/local disk/x", None),
        ("/home/rinald", None),
    ],
)
def test_a_network_drive_is_told_from_a_local_one(folder: str, kind: str | None) -> None:
    assert network_kind(Path(folder), _MOUNTS) == kind


def test_no_database_is_begun_on_a_network_drive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.files.sqlite_file.network_kind", lambda _: "nfs4")
    with pytest.raises(NotWritable) as caught:
        WorkFile(tmp_path)
    assert "network drive" in str(caught.value)
    assert not (tmp_path / "work.db").exists()


@pytest.mark.parametrize(("name", "opened"), [("cache.db", CacheWriter), ("work.db", WorkFile)])
@pytest.mark.parametrize("how", ["version", "migration"])
def test_a_file_of_a_newer_version_is_refused_untouched(
    tmp_path: Path, name: str, opened: type[CacheWriter | WorkFile], how: str
) -> None:
    opened(tmp_path).close()
    newer = sqlite3.connect(tmp_path / name)
    if how == "version":
        newer.execute("PRAGMA user_version = 99")
    else:
        newer.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES (?, 'w999', '')", (name[:-3],)
        )
    newer.commit()
    newer.close()
    before = (tmp_path / name).read_bytes()
    with pytest.raises(NewerFile) as caught:
        opened(tmp_path)
    assert "newer version" in str(caught.value)
    assert (tmp_path / name).read_bytes() == before
    if name == "cache.db" and how == "version":
        with pytest.raises(NewerFile):
            CacheReader(tmp_path).counts()


def fill_cache(folder: Path) -> None:
    writer = CacheWriter(folder)
    writer.apply("city", items(*(report(str(n), description=f"kata{n} " * 40) for n in range(400))), at(400))
    writer.close()


def damage(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    if how == "header":
        data[:64] = b"\xff" * 64
    elif how == "pages":
        for page in range(4096, len(data) - 4096, 4096):
            data[page : page + 16] = b"\xde\xad\xbe\xef" * 4
    elif how == "texts":
        for page in range(0, len(data), 4096):
            if b"kata7 kata7" in data[page : page + 4096]:
                data[page : page + 8] = b"\xde\xad\xbe\xef" * 2
    elif how == "truncated":
        del data[len(data) // 2 :]
    else:
        data[:] = b"<html>not a database</html>"
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("how", ["header", "pages", "truncated", "other"])
def test_a_damaged_cache_is_set_aside_and_begun_anew(tmp_path: Path, how: str) -> None:
    fill_cache(tmp_path)
    damage(tmp_path / "cache.db", how)
    broken = (tmp_path / "cache.db").read_bytes()
    writer = CacheWriter(tmp_path)
    assert writer.set_aside is not None
    assert writer.set_aside.read_bytes() == broken
    assert writer.cursor("city") is None
    writer.apply("city", items(report("1", title="kata")), at(1))
    reader = CacheReader(tmp_path)
    assert reader.available
    assert ids(reader.matching("kata")) == [reader.row_of("city", "1")]
    reader.close()
    writer.close()


def test_damage_that_a_reader_meets_reaches_the_writer(tmp_path: Path) -> None:
    fill_cache(tmp_path)
    damage(tmp_path / "cache.db", "pages")
    reader = CacheReader(tmp_path)
    with pytest.raises(DamagedFile):
        reader.texts(range(1000, 1400))
    writer = CacheWriter(tmp_path)
    assert writer.set_aside is not None
    assert reader.counts()["reports"] == 0
    writer.close()
    writer = CacheWriter(tmp_path)  # once is enough
    assert writer.set_aside is None
    writer.close()
    reader.close()


def test_damage_that_the_writer_meets_at_work_leaves_it_with_an_empty_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large file that was closed in order is not read whole at the start, so damage shows later."""
    monkeypatch.setattr("console.cache.writer._QUICK_CHECK_BYTES", 0)
    fill_cache(tmp_path)
    damage(tmp_path / "cache.db", "texts")
    writer, reader = CacheWriter(tmp_path), CacheReader(tmp_path)
    assert reader.counts()["reports"] == 400
    page = items(*(report(str(n), version=2, description="changed") for n in range(400)), seq=401)
    with pytest.raises(DamagedFile) as caught:
        writer.apply("city", page, at(800))
    assert caught.value.set_aside is not None
    assert writer.cursor("city") is None
    writer.apply("city", page, at(800))
    assert reader.counts()["reports"] == 400
    assert reader.matching("changed").size == 400
    writer.close()
    reader.close()


@pytest.mark.parametrize("first", ["cursor", "apply"])
def test_a_cache_that_finds_no_room_to_be_begun_anew_is_begun_when_there_is_room(tmp_path: Path, first: str) -> None:
    """F27: the disk is full in the moment in which a damaged cache is replaced.

    Guards: the opening before each use of a cache that could not be opened (CacheWriter._is_open).
    """
    fill_cache(tmp_path)
    writer, reader = CacheWriter(tmp_path), CacheReader(tmp_path)
    (tmp_path / SUSPECT).touch()
    page = items(report("1", title="kata"))
    with largest_file(1024):
        for _ in range(2):
            with pytest.raises(StoreError):
                writer.cursor("city")
            with pytest.raises(StoreError):
                writer.apply("city", page, at(401))
    aside = writer.set_aside
    assert aside is not None
    if first == "apply":
        with pytest.raises(DamagedFile):  # what came before this page is lost: its caller has to begin anew
            writer.apply("city", page, at(401))
    assert writer.cursor("city") is None
    writer.apply("city", page, at(1))
    assert reader.counts()["reports"] == 1
    assert (writer.set_aside, aside.exists()) == (aside, True), "the damaged file, not what was begun in its place"
    writer.close()
    reader.close()


@pytest.mark.parametrize("how", ["header", "pages", "truncated", "other", "deleted"])
def test_edits_outlive_a_damaged_work_db(tmp_path: Path, how: str) -> None:
    work = WorkFile(tmp_path)
    device = work.device
    for number in range(1, 101):
        work.append(edit(f"e{number}", number=number, device=device, data={"text": "x" * 300}))
    note_state(work, "e1", EditState.WITHDRAWN)
    note_state(work, "e2", EditState.SENDING)
    work.learn_key("local:7", "city", "928")
    work.close()
    journal = tmp_path / "work.journal"
    journal.write_bytes(journal.read_bytes() + b'{"edit": {"id": "torn')  # a kill in the middle of a line
    broken = b""
    if how == "deleted":
        (tmp_path / "work.db").unlink()
    else:
        damage(tmp_path / "work.db", how)
        broken = (tmp_path / "work.db").read_bytes()
    work = WorkFile(tmp_path)
    assert work.salvaged is not None
    assert work.salvaged.edits == 100
    if how != "deleted":
        assert work.salvaged.set_aside is not None
        assert work.salvaged.set_aside.read_bytes() == broken  # never deleted
    states = {queued.edit.id: queued.state for queued in work.all()}
    assert [states["e1"], states["e2"], states["e3"]] == [EditState.WITHDRAWN, EditState.SENDING, EditState.QUEUED]
    assert (work.device, work.next_number(), work.local_keys()) == (device, 101, {"local:7": ("city", "928")})
    work.append(edit("e101", number=101))
    work.close()
    work = WorkFile(tmp_path)
    assert (len(work.all()), work.salvaged) == (101, None)
    work.close()
