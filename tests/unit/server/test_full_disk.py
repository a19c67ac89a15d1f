"""A full disk: nothing that was acknowledged is lost, everything else is asked for again, and the log says why."""

from __future__ import annotations

import errno
import hashlib
import os
import sqlite3
from pathlib import Path
from typing import Any, NoReturn

import pytest
import sqlalchemy as sa

from console.files.errors import DiskFull, from_sqlite
from console.server.city import media
from console.server.city.audit_chain import verify
from console.server.city.city import City
from console.server.error_text import LOCAL_DATA, complaint
from tests.helpers.pictures import picture
from tests.unit.server.conftest import Api

one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
CONTENT = picture()
NAME = hashlib.sha256(CONTENT).hexdigest()


class SmallDisk:
    """Lets the file of an SQLite city grow by few pages only, until there is room again.

    It stands in SQLAlchemy's way to a new connection, as a listener may not come while the server makes one.
    """

    def __init__(self, city: City) -> None:
        self._engine = city.database.engine
        self._connect = self._engine.dialect.connect
        with self._engine.connect() as connection:
            self.pages = int(connection.exec_driver_sql("PRAGMA page_count").scalar_one()) + 4
        setattr(self._engine.dialect, "connect", self._limited)  # noqa: B010 - a method, for mypy
        self._engine.dispose()

    def _limited(self, *arguments: Any, **named: Any) -> Any:
        connection: Any = self._connect(*arguments, **named)
        connection.execute(f"PRAGMA max_page_count={self.pages}")
        return connection

    def make_room(self) -> None:
        self.pages *= 1000
        self._engine.dispose()


@one_database
@pytest.mark.usefixtures("expected_log")
def test_edits_wait_until_there_is_room_and_the_log_tells_the_operator(
    city: City, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    disk = SmallDisk(city)
    sent: dict[str, int] = {}
    while 503 not in sent.values():
        assert len(sent) < 200
        key = f"note-{len(sent):04}"
        answer = api.edit("10", "note", {"text": "x" * 5_000}, key=key)
        sent[key] = answer.status_code
    assert answer.headers["Retry-After"]
    assert "disk is full" in caplog.text
    assert api.report("10")["version"] == 1 + list(sent.values()).count(200)
    disk.make_room()
    for key in sent:
        api.ok("10", "note", {"text": "x" * 5_000}, key=key)
    assert [entry.edit for entry in city.entries("10")] == list(sent)
    with city.database.read() as connection:
        assert verify(connection).broken is None


@one_database
@pytest.mark.usefixtures("expected_log")
@pytest.mark.parametrize("span", [None, (0, len(CONTENT) - 1, len(CONTENT))])
def test_a_photo_that_finds_no_room_is_sent_again_and_leaves_nothing_half(
    api: Api,
    span: tuple[int, int, int] | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(fresh: Path, target: Path) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    headers = {"Content-Range": "bytes {}-{}/{}".format(*span)} if span else {}
    address = f"{api.url}/dispatch/v1/media/{NAME}"
    with monkeypatch.context() as patch:
        patch.setattr(media, "replace_durably", full)
        answer = api.session.put(address, data=CONTENT, headers=headers, timeout=60)
    assert (answer.status_code, answer.json()["error"]) == (503, "busy_server")
    assert answer.headers["Retry-After"]
    assert "No space left" in caplog.text
    assert not [path for path in (tmp_path / "media").iterdir() if path.suffix == ".new"]
    assert api.session.put(address, data=CONTENT, headers=headers, timeout=60).status_code == 201
    assert api.get(f"/media/{NAME}").content == CONTENT


def test_a_full_disk_on_which_not_even_a_file_can_be_opened_is_called_so() -> None:
    """After a stop in order SQLite has to make files beside the database, and calls it an I/O error that it cannot."""
    fault = sqlite3.OperationalError("disk I/O error")
    fault.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
    sentence, code = complaint(sa.exc.OperationalError("PRAGMA journal_mode", {}, fault), "sqlite:///city.db")
    assert (sentence[:17], code) == ("The disk is full:", LOCAL_DATA)
    assert isinstance(from_sqlite(fault, Path("work.db")), DiskFull)
