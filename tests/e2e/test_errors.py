"""What goes wrong outside is told in one sentence with the right exit code, loses nothing, and is never a traceback."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from api_client.model import Kind
from console.outbox.work_file import WorkFile
from console.rules.edit import Edit
from console.rules.queued import Queued
from tests.helpers.city import ROOT, TOKENS, Served, run_sigap, served, write_users
from tests.helpers.net import Canned, black_hole, http

HTML = http(200, "<html><title>Welcome to FreeWiFi</title><body>Please sign in</body></html>")
Run = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("city"), "--demo-city", "--still", "--reports", "2000") as server:
        yield server


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A city that wants a token."""
    folder = tmp_path_factory.mktemp("guarded")
    with served(folder, "--demo-city", "--still", "--reports", "50", "--users", str(write_users(folder))) as server:
        yield server


def told(run: Run, code: int, *words: str) -> str:
    """Check that the program ended with this code and said so in plain words; what it said."""
    assert "Traceback" not in run.stderr, run.stderr
    assert run.returncode == code, (run.returncode, run.stderr)
    for word in words:
        assert re.search(word, run.stderr), f"{word!r} is not in {run.stderr!r}"
    assert all(len(line) < 300 for line in run.stderr.splitlines()), "sentences"
    assert code == 0 or run.stderr.strip(), "it says why"
    return run.stderr


def profile(home: Path) -> Path:
    return home / "profiles" / "default"


def connected(city: Served, home: Path) -> Path:
    """A profile with the city in it."""
    told(run_sigap("connect", city.address, "--name", "City", home=home), 0)
    return profile(home)


def add_note(folder: Path, source: str, text: str, report: str = "1") -> str:
    """An edit of the operator that waits in work.db; its id."""
    edit_id = str(uuid.uuid4())
    work = WorkFile(folder)
    now = datetime.now(UTC)
    number = work.next_number()
    work.append(Edit(edit_id, Kind.NOTE, report, "", work.device, number, now, {"text": text}, source=source))
    work.close()
    return edit_id


def unfinished(folder: Path) -> list[Queued]:
    """What waits in work.db."""
    work = WorkFile(folder)
    with contextlib.closing(work):
        return work.unfinished()


def reports(folder: Path) -> int:
    """How many reports the cache holds."""
    with contextlib.closing(sqlite3.connect(f"file:{folder / 'cache.db'}?mode=ro", uri=True)) as cache:
        return int(cache.execute("SELECT count(*) FROM reports").fetchone()[0])


def entries(city: Served, report: str) -> list[dict[str, Any]]:
    """A report's history at a server without users."""
    with urllib.request.urlopen(f"{city.address}/dispatch/v1/reports/{report}/entries", timeout=20) as answer:
        found = json.load(answer)
    return list(found if isinstance(found, list) else found["entries"])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


# Reaching a server


def test_nothing_listens(tmp_path: Path) -> None:
    told(run_sigap("connect", f"http://127.0.0.1:{free_port()}", home=tmp_path), 3, "no server|refused|listens")


def test_a_name_that_does_not_exist(tmp_path: Path) -> None:
    told(run_sigap("connect", "https://city.invalid", home=tmp_path), 3, "city.invalid")


def test_connects_that_hang(tmp_path: Path) -> None:
    with black_hole() as port:
        told(run_sigap("connect", f"http://127.0.0.1:{port}", home=tmp_path), 3, "within|in time|answer")


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (HTML, "neither as a Sigap server nor"),
        (http(200, {"name": "something else"}), "Sigap server"),
        (http(200, "{broken", Content_Type="application/json"), "Sigap server"),
        (http(500, "<html>nginx</html>"), "Sigap server|fault|500"),
        (http(404, "<html>not here</html>"), "Sigap server"),
        (http(302, "", Location="https://portal.example/login"), "redirect|Sigap server"),
    ],
    ids=["portal", "other json", "broken json", "fault", "not found", "redirect"],
)
def test_the_wrong_server(answer: bytes, word: str, tmp_path: Path) -> None:
    wrong = Canned(lambda _asked, _socket: answer)
    with contextlib.closing(wrong):
        told(run_sigap("connect", wrong.url, home=tmp_path), 3, word)
    assert not (profile(tmp_path) / "settings.json").exists(), "nothing was added"


def test_a_wrong_token(guarded: Served, tmp_path: Path) -> None:
    told(run_sigap("connect", guarded.address, home=tmp_path, stdin="not-the-token\n"), 3, "token|sign in|Sign in")
    told(run_sigap("connect", guarded.address, home=tmp_path), 3, "token|sign in|Sign in")
    assert not (profile(tmp_path) / "settings.json").exists(), "nothing was added"
    run = run_sigap("connect", guarded.address, home=tmp_path, stdin=TOKENS["rina"] + "\n")
    told(run, 0, "keyring")
    assert TOKENS["rina"] not in (profile(tmp_path) / "settings.json").read_text() + run.stdout + run.stderr
    # Without a keyring the token is gone with the program: it is asked for, not guessed.
    told(run_sigap("sync", "--once", home=tmp_path), 3, "token|sign in|Sign in")


@pytest.mark.parametrize("address", ["http://city.example", "http://10.1.2.3:8311"])
def test_plain_http_beyond_this_computer(address: str, tmp_path: Path) -> None:
    told(run_sigap("connect", address, home=tmp_path), 2, "--insecure-http|encrypted")


@pytest.mark.parametrize("address", ["ftp://city.example", "http://", "http://127.0.0.1:99999", "https://me:pw@x.id"])
def test_what_is_no_address(address: str, tmp_path: Path) -> None:
    assert "pw@" not in told(run_sigap("connect", address, home=tmp_path), 2)


def test_a_command_that_does_not_exist(tmp_path: Path) -> None:
    told(run_sigap("synk", home=tmp_path), 2)
    told(run_sigap("sync", "--profile", "../../etc", home=tmp_path), 2, "not a profile name")


def test_a_profile_that_does_not_exist(tmp_path: Path) -> None:
    wanted = ("sync", "--once"), ("export", "--format", "csv", "--out", str(tmp_path / "o.csv"))
    for command in wanted:
        told(run_sigap(*command, "--profile", "north", home=tmp_path), 4, "no profile “north”; none exists.*connect")
    told(run_sigap("connect", f"http://127.0.0.1:{free_port()}", "--profile", "north", home=tmp_path), 3)
    for name in ("day", "night"):
        (tmp_path / "profiles" / name).mkdir(parents=True)
    for command in wanted:
        words = "no profile “north”; these exist: day, night.*sigap connect"
        told(run_sigap(*command, "--profile", "north", home=tmp_path), 4, words)
    assert not (tmp_path / "o.csv").exists()


# A server that goes away or turns into something else


def test_sync_without_its_server_keeps_everything(city: Served, tmp_path: Path) -> None:
    folder = connected(city, tmp_path)
    told(run_sigap("sync", "--once", home=tmp_path), 0)
    settings = json.loads((folder / "settings.json").read_text())
    known = reports(folder)
    assert known == 2000
    with contextlib.closing(sqlite3.connect(f"file:{folder / 'cache.db'}?mode=ro", uri=True)) as cache:
        report = str(cache.execute("SELECT remote_id FROM reports LIMIT 1").fetchone()[0])
    note = add_note(folder, settings["sources"][0]["key"], "typed without a server", report)
    portal = Canned(lambda _asked, _socket: HTML)
    for url, word in ((f"http://127.0.0.1:{free_port()}", "City|city"), (portal.url, "report server|Sigap server")):
        settings["sources"][0]["url"] = url
        (folder / "settings.json").write_text(json.dumps(settings))
        run = run_sigap("sync", "--once", "--json", home=tmp_path)
        told(run, 3, word)
        summary = json.loads(run.stdout)
        assert summary["waiting"] == 1, "the note waits"
        assert summary["pushed"] == 0
        assert reports(folder) == known, "the cache stays"
    portal.close()
    settings["sources"][0]["url"] = city.address
    (folder / "settings.json").write_text(json.dumps(settings))
    run = run_sigap("sync", "--once", "--json", home=tmp_path)
    told(run, 0)
    assert json.loads(run.stdout)["waiting"] == 0
    assert [entry["edit"] for entry in entries(city, report)].count(note) == 1


# Local files


def test_a_corrupt_cache_is_set_aside_and_built_again(city: Served, tmp_path: Path) -> None:
    folder = connected(city, tmp_path)
    told(run_sigap("sync", "--once", home=tmp_path), 0)
    for damage in (b"this is no database" * 1000, None):
        if damage is not None:
            (folder / "cache.db").write_bytes(damage)
        else:
            with (folder / "cache.db").open("r+b") as file:
                file.seek(8192)
                file.write(os.urandom(200_000))
        for rest in ("cache.db-wal", "cache.db-shm"):
            (folder / rest).unlink(missing_ok=True)
        told(run_sigap("sync", "--once", home=tmp_path), 0)
        assert reports(folder) == 2000, "built again"
        assert list(folder.glob("cache.db.damaged-*")), "set aside"


@pytest.mark.parametrize("file", ["cache.db", "work.db"])
def test_a_file_of_a_newer_version_is_left_alone(city: Served, file: str, tmp_path: Path) -> None:
    folder = connected(city, tmp_path)
    told(run_sigap("sync", "--once", home=tmp_path), 0)
    with contextlib.closing(sqlite3.connect(folder / file)) as newer:
        newer.execute("PRAGMA user_version = 9999")
        newer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = (folder / file).read_bytes()
    told(run_sigap("sync", "--once", home=tmp_path), 4, f"{file} was written by a newer version")
    assert (folder / file).read_bytes() == before


def test_settings_that_cannot_be_read(city: Served, tmp_path: Path) -> None:
    folder = connected(city, tmp_path)
    (folder / "settings.json").write_text("{broken")
    told(run_sigap("sync", "--once", home=tmp_path), 0, "settings")  # what waits is sent, whatever became of them
    assert (folder / "settings.damaged-1.json").read_text() == "{broken"
    (folder / "settings.json").write_text("[broken")
    told(run_sigap("connect", city.address, home=tmp_path), 0, "settings")
    assert (folder / "settings.damaged-2.json").read_text() == "[broken"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of 2 MB; the test is skipped where this user may not mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    if mount is None or subprocess.run([mount, "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk]).returncode:
        pytest.skip("a file system can only be mounted by root")
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_full_disk(city: Served, small_disk: Path) -> None:
    folder = connected(city, small_disk)
    source = json.loads((folder / "settings.json").read_text())["sources"][0]["key"]
    add_note(folder, source, "typed on the small disk")
    run = run_sigap("sync", "--once", "--json", home=small_disk)
    told(run, 4, "disk is full")
    kept = [queued.edit.data["text"] for queued in unfinished(folder)]
    assert kept == ["typed on the small disk"], "the operator's own work is whole"
    subprocess.run(["mount", "-o", "remount,size=200m", small_disk], check=True)
    run = run_sigap("sync", "--once", "--json", home=small_disk)
    told(run, 0)
    assert reports(folder) == 2000, "and goes on where it stopped"


def test_a_file_that_may_not_grow(city: Served, tmp_path: Path) -> None:
    """The limit of a file's size stands in for a full disk where nothing can be mounted."""
    folder = connected(city, tmp_path)
    run = subprocess.run(
        [sys.executable, "-m", "console", "sync", "--once"],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "SIGAP_HOME": str(tmp_path)},
        cwd=ROOT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY)),
    )
    told(run, 4, "disk|full")
    told(run_sigap("sync", "--once", home=tmp_path), 0)
    assert reports(folder) == 2000


# serve


def serve(folder: Path, *arguments: str, timeout_s: float = 60) -> Run:
    """`serve` that is expected to end by itself."""
    return run_sigap("serve", "--port", "0", "--database", f"sqlite:///{folder / 's.db'}", *arguments, home=folder,
                     timeout_s=timeout_s)  # fmt: skip


def test_serve_loads_what_can_be_a_report_and_lists_the_rest(tmp_path: Path) -> None:
    good = "1,2026-10-01T10:00:00Z,Banjir,open,-6.2,106.8\n"
    bad = "2,yesterday,Banjir,open,not a number,106.8\n\n,,,,,\n\x00\xff\n"
    bad += "3,2026-10-01T10:00:00Z,Banjir,who knows,91,500\n"
    file = tmp_path / "reports.csv"
    file.write_bytes(("id,created,category,status,lat,lon\n" + good + bad).encode("latin-1"))
    with served(tmp_path / "s", "--load", str(file)) as server:
        stats = server.get("/dispatch/v1/stats")
    assert stats["reports"] >= 3
    assert "Traceback" not in server.log()
    assert re.search(r"line \d+", server.log()), server.log()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("{broken", "areas.geojson"),
        ('{"type": "Nonsense"}', "areas.geojson"),
        ("[1, 2, 3]", "areas.geojson"),
        ("<html></html>", "areas.geojson"),
        ("", "areas.geojson"),
        ("\x00\x01\x02", "areas.geojson"),
    ],
    ids=["broken", "other type", "list", "html", "empty", "binary"],
)
def test_serve_with_broken_areas(content: str, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    told(serve(tmp_path, "--areas", str(tmp_path / name)), 4, "areas.geojson")


@pytest.mark.parametrize("option", ["--load", "--areas", "--users", "--mapping"])
def test_serve_with_a_file_that_is_not_there(option: str, tmp_path: Path) -> None:
    more = []
    if option == "--mapping":
        (tmp_path / "r.csv").write_text("id,category\n1,Banjir\n")
        more = ["--load", str(tmp_path / "r.csv")]
    told(serve(tmp_path, option, str(tmp_path / "missing.json"), *more), 4, "missing.json")


@pytest.mark.parametrize("mapping", ["{broken", '{"columns": 7}', '{"nonsense": {}}', "[]"])
def test_serve_with_a_bad_mapping(mapping: str, tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(mapping)
    (tmp_path / "r.csv").write_text("a,b\n1,Banjir\n")
    told(serve(tmp_path, "--load", str(tmp_path / "r.csv"), "--mapping", str(tmp_path / "m.json")), 4, "m.json")


@pytest.mark.parametrize("content", ["{broken", '[{"name": 1}]', '{"rina": "token"}'])
def test_serve_with_bad_users(content: str, tmp_path: Path) -> None:
    (tmp_path / "users.json").write_text(content)
    told(serve(tmp_path, "--users", str(tmp_path / "users.json")), 4, "users.json")


def test_serve_on_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = run_sigap("serve", "--port", str(port), "--database", f"sqlite:///{tmp_path / 's.db'}", home=tmp_path)
        told(run, 3, str(port))
    assert not (tmp_path / "s.db").exists(), "nothing was begun"


def test_serve_beyond_this_computer_needs_users(tmp_path: Path) -> None:
    told(serve(tmp_path, "--host", "0.0.0.0"), 3, "sigap user add")


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("--timezone", "Mars/Olympus"), 2, "Mars/Olympus"),
        (("--port", "99999"), 2, "99999"),
        (("--host", "no.such.host.invalid"), 2, "no.such.host.invalid"),
        (("--database", "nonsense"), 2, "nonsense"),
        (("--database", "sqlite:////proc/nowhere/s.db"), 4, "database|nowhere"),
    ],
    ids=["zone", "port", "host", "database", "unwritable"],
)
def test_serve_with_wrong_words(arguments: tuple[str, ...], code: int, word: str, tmp_path: Path) -> None:
    told(serve(tmp_path, *arguments), code, word)


def test_serve_on_a_database_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "s.db").write_bytes(b"this is no database" * 500)
    told(serve(tmp_path), 4, "database")
    assert (tmp_path / "s.db").read_bytes() == b"this is no database" * 500
