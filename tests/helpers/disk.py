"""A failing disk: a fault at the nth system call of a process, or a power loss with unsynced writes lost or torn.

Both need strace; `needs_strace` skips the test with the reason where it is missing or may not trace.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

import msgspec
import pytest

ROOT = Path(__file__).resolve().parents[2]
CALLS = "write,pwrite64,fsync,fdatasync,ftruncate,rename,unlink"
FILES = ("work.db", "work.db-wal", "work.journal", "work.journal.new", "cache.db", "cache.db-wal")
COPIES = ("work.db.version-1", "work.db.version-1.new", "work.db.version-1.new-journal")
SECTOR = 512


def may_trace() -> bool:
    """Whether strace is here and may trace."""
    if sys.platform != "linux" or shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode == 0


needs_strace = pytest.mark.skipif(not may_trace(), reason="NO DISK FAULTS TRIED: install strace (and allow ptrace)")


class Ended(msgspec.Struct, frozen=True):
    """How a traced child ended: its exit code (negative: a signal), what it printed, whether the fault occurred."""

    code: int
    said: list[str]
    met: bool


class Forks:
    """`tests.faults.store_child`: runs jobs in forked children, each under a strace of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.store_child"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(10)

    def run(self, job: str, folder: Path, fault: str, call: str, when: str) -> Ended:
        """Do the job with a fault (`signal=SIGKILL`, `error=EIO` …) at `when` (`7`: the seventh, `7+`) of a call."""
        log = folder.parent / "log"
        code = self._traced(job, folder, ["-e", f"inject={call}:{fault}:when={when}"], log)
        met = code == -9 if "SIGKILL" in fault else "INJECTED" in log.read_text()
        return Ended(code, (folder / "said").read_text().splitlines(), met)

    def kill_after(self, job: str, folder: Path, seconds: float) -> None:
        """Begin the job, and kill it without warning so long after it said its first word. Needs no strace."""
        said = folder / "said"
        before = said.stat().st_size if said.exists() else 0
        pid = self._begin(job, folder)
        self._go()
        while not said.exists() or said.stat().st_size == before:
            time.sleep(0.001)
        time.sleep(seconds)  # the moment is the thing that is tried
        os.kill(pid, signal.SIGKILL)
        assert self._end() == -signal.SIGKILL

    def record(self, job: str, folder: Path) -> list[Call]:
        """Do the job, and return every call that changes or syncs a file or name, in order."""
        log = folder.parent / "log"
        code = self._traced(job, folder, ["-y", "-xx", "-s", "2000000"], log, also=(folder / "said", folder))
        assert code == 0, (folder / "said").read_text()
        return parse(log.read_text(errors="replace"), folder)

    def _traced(self, job: str, folder: Path, options: list[str], log: Path, also: tuple[Path, ...] = ()) -> int:
        pid = self._begin(job, folder)
        paths = [part for path in (*(folder / name for name in FILES + COPIES), *also) for part in ("-P", str(path))]
        threads = ["-f"] if job == "console" else []  # its writes are those of one thread, and counted there
        command = ["strace", *threads, "-p", str(pid), "-o", str(log), "-e", f"trace={CALLS},openat", *options, *paths]
        tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert tracer.stderr is not None
        attached = tracer.stderr.readline()
        assert "attached" in attached, attached
        self._go()
        code = self._end()
        tracer.communicate(timeout=20)
        return code

    def _begin(self, job: str, folder: Path) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{job} {folder}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def _go(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def _end(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


class Call(msgspec.Struct, frozen=True):
    """One call: `what` is write, truncate, sync, create, rename, unlink or say; `name` the file in the folder."""

    what: str
    name: str
    offset: int = -1
    """Where a write begins; -1: at the end."""
    data: bytes = b""
    to: str = ""


_STRING = r'"((?:\\x[0-9a-f]{2})*)"'
_FD = r"\d+<([^>]*)>"
_PATTERNS = {
    "write": re.compile(rf"write\({_FD}, {_STRING}, \d+\) = (\d+)$"),
    "pwrite64": re.compile(rf"pwrite64\({_FD}, {_STRING}, \d+, (\d+)\) = (\d+)$"),
    "sync": re.compile(rf"f(?:data)?sync\({_FD}\) += 0$"),
    "ftruncate": re.compile(rf"ftruncate\({_FD}, (\d+)\) = 0$"),
    "rename": re.compile(rf"rename\({_STRING}, {_STRING}\) = 0$"),
    "unlink": re.compile(rf"unlink\({_STRING}\) = 0$"),
    "openat": re.compile(rf"openat\([^,]+, {_STRING}, ([A-Z_|]+).*\) = {_FD}$"),
}


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def parse(log: str, folder: Path) -> list[Call]:
    """The calls of a log that strace wrote with -y -xx."""
    calls: list[Call] = []
    exists = {path.name for path in folder.iterdir()}

    def name_of(path: str | bytes) -> str:
        text = path.decode() if isinstance(path, bytes) else _bytes(path).decode() if path[:2] == "\\x" else path
        return "" if Path(text) == folder else Path(text).name

    known: set[str] = set()
    for line in log.splitlines():
        if " = -1 " in line or not re.match(r"[a-z]", line):
            continue
        call = line.partition("(")[0]
        kind = "sync" if call in ("fsync", "fdatasync") else call
        found = _PATTERNS[kind].match(line)
        assert found is not None, line[:300]
        if kind == "write":
            name, data = name_of(found[1]), _bytes(found[2])[: int(found[3])]
            calls.append(Call("say" if name == "said" else "write", name, data=data))
        elif kind == "pwrite64":
            calls.append(Call("write", name_of(found[1]), int(found[3]), _bytes(found[2])[: int(found[4])]))
        elif kind == "sync":
            calls.append(Call("sync", name_of(found[1])))
        elif kind == "ftruncate":
            calls.append(Call("truncate", name_of(found[1]), int(found[2])))
        elif kind == "rename":
            old, new = name_of(_bytes(found[1])), name_of(_bytes(found[2]))
            calls.append(Call("rename", old, to=new))
            known.discard(old)
            known.add(new)
        elif kind == "unlink":
            calls.append(Call("unlink", name_of(_bytes(found[1]))))
            known.discard(name_of(_bytes(found[1])))
        elif "O_CREAT" in found[2]:
            name = name_of(_bytes(found[1]))
            if "O_TRUNC" in found[2] or name not in known:
                calls.append(Call("create", name))
            known.add(name)
    assert exists
    return calls


class _File:
    """One file's bytes that are surely on the disk, and what was written since."""

    def __init__(self, data: bytes) -> None:
        self.sure = data
        self.since: list[Call] = []
        self.size = len(data)

    def do(self, call: Call) -> None:
        if call.what == "sync":
            self.sure = _applied(self.sure, self.since)
            self.since = []
        elif call.what == "truncate":
            self.since.append(call)
            self.size = call.offset
        else:
            offset = self.size if call.offset < 0 else call.offset
            self.since.append(Call("write", call.name, offset, call.data))
            self.size = max(self.size, offset + len(call.data))

    def after_power_loss(self, chance: random.Random) -> bytes:
        """The sure bytes with any of the later writes, in any order, some of them torn by sectors."""
        kept = [call for call in self.since if chance.random() < 0.5]
        if chance.random() < 0.5:
            chance.shuffle(kept)
        pieces: list[Call] = []
        for call in kept:
            if call.what == "write" and chance.random() < 0.4:
                pieces += [piece for piece in _sectors(call) if chance.random() < 0.5]
            else:
                pieces.append(call)
        return _applied(self.sure, pieces)


def _sectors(call: Call) -> list[Call]:
    cuts, start = [], 0
    while start < len(call.data):
        end = start + SECTOR - (call.offset + start) % SECTOR
        cuts.append(Call("write", call.name, call.offset + start, call.data[start:end]))
        start = end
    return cuts


def _applied(data: bytes, calls: list[Call]) -> bytes:
    image = bytearray(data)
    for call in calls:
        if call.what == "truncate":
            del image[call.offset :]
            image.extend(bytes(call.offset - len(image)))
        else:
            image.extend(bytes(max(0, call.offset - len(image))))
            image[call.offset : call.offset + len(call.data)] = call.data
    return bytes(image)


class Crash(msgspec.Struct, frozen=True):
    """What the disk holds after power was lost, and what had been said by then."""

    files: dict[str, bytes]
    said: list[str]


def crash(before: dict[str, bytes], calls: list[Call], at: int, chance: random.Random) -> Crash:
    """Power is lost before `calls[at]`: synced bytes are there, of later writes what `chance` leaves.

    Names (created, renamed, removed) reach the disk in their order, at the latest when the folder is synced.
    """
    files = {name: _File(data) for name, data in before.items()}
    sure, now = dict(files), dict(files)
    pending: list[Call] = []
    created: dict[int, _File] = {}
    said: list[str] = []

    def rename(names: dict[str, _File], call: Call, number: int) -> None:
        if call.what == "create":
            names[call.name] = created[number]
        elif call.what == "unlink":
            names.pop(call.name, None)
        elif call.name in names:
            names[call.to] = names.pop(call.name)

    queue: list[tuple[Call, int]] = []
    for number, call in enumerate(calls[:at]):
        if call.what == "say":
            said += call.data.decode().splitlines()
        elif call.what in ("create", "unlink", "rename"):
            if call.what == "create":
                if call.name in now:  # opened, or emptied by O_TRUNC; the latter only happens to working copies
                    continue
                created[number] = _File(b"")
            queue.append((call, number))
            rename(now, call, number)
        elif call.what == "sync" and call.name == "":
            for each, which in queue:
                rename(sure, each, which)
            queue = []
        else:
            now[call.name].do(call)
    del pending
    for each, which in queue[: chance.randrange(len(queue) + 1)]:
        rename(sure, each, which)
    return Crash({name: file.after_power_loss(chance) for name, file in sure.items()}, said)
