"""Consoles that move only when the test says so: the real outbox, send lane and pull, over a city, on one thread.

What a console sends goes through an adapter for requests that does what the server's addresses do, without sockets, so
that a thousand runs take seconds. Nothing else is replaced.
"""

from __future__ import annotations

import contextlib
import io
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
import requests
import sqlalchemy as sa
from PySide6.QtCore import QCoreApplication
from requests.adapters import BaseAdapter, HTTPAdapter

from api_client.dispatch import DispatchClient
from api_client.errors import ApiError
from api_client.model import EditBody, Kind, Report
from console.cache.reader import CacheReader
from console.outbox.link import OutboxLink, ProofsFound, Question
from console.panels.qt_outbox import QtOutbox
from console.rules.apply import ReportState
from console.rules.edit import INSTEAD_OF, Edit
from console.rules.messages import Push, Touched, Up, Withdraw
from console.rules.pending import with_edits
from console.rules.queued import EditState, Queued, StopReason
from console.rules.recreate import as_created, known_of
from console.rules.status import RULES
from console.server.city import schema
from console.server.city.city import City
from console.server.city.database import REPORTS, Database, Mark, begin_epoch
from console.server.city.records import Actor
from console.server.errors import Refusal
from console.sync.attempt import Attempt
from console.sync.cache_writer_proxy import CacheWriterProxy
from console.sync.health import Health
from console.sync.pull_dispatch import DispatchPuller
from console.sync.send_dispatch import DispatchSender
from console.sync.send_lane import SendLane
from tests.helpers.outbox_rig import Never

CITY = "city"
ADDRESS = "http://127.0.0.1:9"


def now() -> datetime:
    return datetime.now(UTC)


class Wire(BaseAdapter):
    """One console's connection to the city. `cut` fails every request, `swallow` drops the answers of that many
    edits.
    """

    def __init__(self, city: City, actor: Actor) -> None:
        super().__init__()
        self._city, self.actor = city, actor
        self.cut = False
        self.swallow = 0
        self.on_applied: Callable[[EditBody, str | None], None] = lambda *_: None

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:  # type: ignore[override]
        if self.cut:
            raise requests.ConnectionError("the link is cut")
        url = urlsplit(request.url or "")
        path = url.path.removeprefix("/dispatch/v1")
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        try:
            status, body = self._answer(request, path, query)
        except Refusal as refusal:
            fault = {"error": refusal.code, "message": refusal.message} | refusal.more
            status, body = refusal.status, msgspec.json.encode(fault)
        if request.method == "POST" and self.swallow:
            self.swallow -= 1
            raise requests.ConnectionError("the answer is lost")
        response = requests.Response()
        response.status_code = status
        response.headers.update({"Content-Type": "application/json", "Sigap-Server": self._city.epoch})
        response.raw = io.BytesIO(body)
        response.request = request
        return response

    def close(self) -> None:
        pass

    def _answer(self, request: requests.PreparedRequest, path: str, query: dict[str, str]) -> tuple[int, bytes]:
        city = self._city
        if request.method == "POST":
            body = request.body if isinstance(request.body, bytes) else b""
            edit = msgspec.json.decode(body, type=EditBody)
            report = None if path == "/reports" else unquote(path.split("/")[2])
            version = request.headers.get("If-Match", "").strip('"')
            applied = city.apply(edit, report=report, actor=self.actor, if_match=int(version) if version else None)
            if not applied.replayed:
                self.on_applied(edit, report)
            return applied.status, applied.body
        if path == "/":
            epoch, facts = city.facts()
            found: Any = {"name": "sigap", "epoch": epoch, "city": facts, "can": [INSTEAD_OF]}
        elif path == "/changes":
            found = city.changes(int(query["after"]), int(query["limit"]))
        elif path == "/snapshot":
            found = city.snapshot(query.get("after_key"), int(query["limit"]))
        elif path == "/stats":
            found = city.stats()
        elif path == "/statuses":
            found = [{"key": rule.status, "is_open": rule.is_open} for rule in RULES]
        elif path == "/me":
            found = {"name": self.actor.name, "role": self.actor.role}
        elif path.endswith("/entries"):
            found = city.entries(unquote(path.split("/")[2]), query.get("edit"))
        else:
            found = city.report(unquote(path.split("/")[2]))
        return 200, msgspec.json.encode(found)


class Link(HTTPAdapter):
    """A real connection that can be `cut`."""

    cut = False
    swallow = 0

    def send(self, *args: Any, **more: Any) -> requests.Response:
        if self.cut:
            raise requests.ConnectionError("the link is cut")
        return super().send(*args, **more)


class SteppedConsole:
    """An operator's computer: work.db, cache.db, and what moves edits and pages between them and the city in this
    process, or the server at `url`.
    """

    def __init__(
        self, folder: Path, city: City, name: str, url: str | None = None, *, token: str | None = None
    ) -> None:
        self.folder, self.name, self._token = folder, name, token
        folder.mkdir(parents=True, exist_ok=True)
        self._url = url or ADDRESS
        self.wire: Wire | Link = Link() if url else Wire(city, Actor(name, "supervisor"))
        self.now = now
        """The clock of the outbox."""
        self.waited_s = 0.0
        """By how many seconds the puller's clock is ahead of the real one."""
        self.saved: dict[str, Edit] = {}
        self.withdrawn: set[str] = set()
        self.sent: set[str] = set()
        self.open()

    def open(self) -> None:
        """Start the console (again) on its folder."""
        self._news: list[Up] = []
        session = requests.Session()
        session.mount(self._url + "/", self.wire)
        client = self._client = DispatchClient(self._url, self._token, session=session)
        self._cache_writer = CacheWriterProxy(self.folder, self._news.append)
        self._health = Health(CITY, self._news.append, now)
        self._sender = DispatchSender(client, 600)
        self._puller = self.puller()
        self._push = SendLane("push", [self._sender], Attempt(self._health, self._news.append, lambda: None))
        self.reader = CacheReader(self.folder)
        self.outbox = QtOutbox(
            self.folder,
            self._take,
            lambda: self.now(),
            lambda: str(uuid.uuid4()),
            author=self.name,
            random_source=Never(),
        )
        self.outbox.saved.connect(self._on_saved)
        self._outbox_link = OutboxLink(self.outbox, self._read)
        self.outbox.opened.connect(self._outbox_link.on_opened)
        self.settle()

    def puller(self, **more: Any) -> DispatchPuller:
        """A puller that reads the city into this console's cache; `more` are arguments of DispatchPuller."""
        more = {"monotonic": lambda: time.monotonic() + self.waited_s, **more}
        return DispatchPuller(CITY, self._client, self._cache_writer, self._health, self._news.append, **more)

    def crash(self) -> None:
        """End the console as a killed process ends: what is not on the disk is lost."""
        self.outbox._thread._pool.shutdown(wait=True, cancel_futures=True)
        self.outbox._closed = self.outbox._thread._closed = True
        if self.outbox._retry is not None:
            self.outbox._retry.cancel()
        self.outbox._store.close()
        self.outbox._scheduler.close()
        self.outbox._thread._close_file()
        self._cache_writer._writer._connection.close()
        self._cache_writer._writer._lock.release()
        self.reader.close()

    def close(self) -> None:
        self.outbox.close()
        self._cache_writer.close()
        self.reader.close()

    def settle(self) -> None:
        """Wait until the edits thread has nothing to do and all messages are delivered."""
        for _ in range(3):
            self.outbox._thread.wait(20)
            QCoreApplication.processEvents()
            self._deliver()

    def shown(self) -> list[Report]:
        """The reports as the operator sees them."""
        cached = self.reader.reports(self.reader.columns()["row"])
        return [
            with_edits(ReportState(one.report), self.outbox.pending_for(CITY, one.report.id), now=now()).report
            for one in sorted(cached, key=lambda one: one.report.id)
        ]

    def submit(
        self,
        kind: Kind,
        report: Report | None,
        data: dict[str, Any],
        base: dict[str, Any],
        *,
        into: Report | None = None,
        undoes: str | None = None,
    ) -> str:
        """Make an edit as a panel does, and return its id; `into` is the report that a merge names."""
        about = {} if report is None or undoes is not None else as_created(report)
        if into is not None:
            data, about = data | {"into": into.id}, about | {"into": into.created.isoformat()}
        edit_id = self.outbox.submit(
            kind,
            None if report is None else report.id,
            source=CITY,
            data=data,
            base=base,
            base_version=None if report is None else report.version,
            title="",
            undoes=undoes,
            about=about,
        )
        self.settle()
        return edit_id

    def withdraw(self, queued: Queued) -> None:
        before = {one.edit.id for one in self.outbox.open_edits}
        if self.outbox.withdraw(queued.edit.id):
            self.withdrawn |= before - {one.edit.id for one in self.outbox.open_edits}
        self.settle()

    def keep(self, queued: Queued, *, crash: bool = False) -> str:
        """Keep a deleted report as a new one, with what is known of it; with `crash` the console crashes at once
        afterwards.

        Returns the id of the new creation, "" when there is nothing to keep: the report's creation is in the outbox
        again.
        """
        going = {one.edit.id: one.edit for one in self.outbox.goes_along(queued.edit.id)}
        if not going:
            self.settle()
            return ""
        create = self.outbox.keep_as_new(
            queued.edit.id, known_of(list(going.values())), title="", words=lambda told: f"kept, {len(told)} told"
        )
        if crash:
            self.crash()
            self.open()
        else:
            self.settle()
        left = going.keys() & {one.edit.id for one in self.outbox.open_edits}
        assert left in (set(), going.keys()), "all of it or nothing"
        if not left:
            self.withdrawn |= going.keys()
            keys = [one.edit.report for one in self.outbox.open_edits if one.edit.kind is Kind.CREATE]
            made = [one for one in self.outbox.open_edits if one.edit.report == keys[-1]]
            assert len(made) == len({one.edit.id for one in made}) > 1
        return create

    def sign_in(self, name: str) -> None:
        """Another operator, or the first one again, signs in on this console."""
        if isinstance(self.wire, Wire):
            self.wire.actor = Actor(name, "supervisor")
        self._sender._me = None
        self.outbox.sign_in(CITY, name)
        self.settle()

    def take_over(self, name: str, *, crash: bool = False) -> None:
        """`name` signs in and sends the reports that others left here in his own name; then the first operator signs in
        again. With `crash` the console crashes after each one.
        """
        self.sign_in(name)
        for create in self.outbox.left_here:
            before = {one.edit.id for one in self.outbox.open_edits}
            if not self.outbox.adopt(create.edit.id, lambda one, _: f"taken down by {one.edit.author}"):
                continue
            if crash:
                self.crash()
                self.open()
                self.sign_in(name)
            else:
                self.settle()
            left = {one.edit.id for one in self.outbox.open_edits}
            self.withdrawn |= before - left
            there = [one for one in self.outbox.open_edits if one.edit.report == create.edit.report]
            made = [one.edit.id for one in there if one.edit.kind is Kind.CREATE]
            assert len(made) == 1, "all of it or nothing"
            assert (made == [create.edit.id]) == (create.edit.id in left)
        self.sign_in(self.name)

    def kept(self) -> set[str]:
        """The ids of the edits in work.db that go on as other edits, because their report was kept as a new one."""
        with contextlib.closing(sqlite3.connect(self.folder / "work.db")) as file:
            return {key for (key,) in file.execute("SELECT id FROM edits WHERE reason = ?", (StopReason.KEPT_AS_NEW,))}

    def sync(self) -> bool:
        """Pull once and send everything that can be sent; whether anything happened."""
        moved = self.pull()
        return self.push() or moved

    def push(self) -> bool:
        """Send everything that can be sent; whether anything was."""
        moved = False
        self.try_now()
        for _ in range(50):
            if not self._push.step(self._sender, 0.0):
                break
            moved = True
            self.settle()
            if self.wire.cut:
                break
        return moved

    def try_now(self) -> None:
        """Let edits that wait for their back-off be tried with the next steps."""
        if not self._push._queue._waiting:
            self.outbox.try_now()
            self.settle()

    def pull(self) -> bool:
        before = self._puller.pulled
        try:
            self._puller.catch_up(lambda: False)
        except ApiError as error:
            self._health.failed(error, 0.0)
        self.settle()
        return self._puller.pulled != before

    def _take(self, message: Push | Withdraw) -> None:
        if isinstance(message, Push):
            self._push.push(message)
        else:
            self._push.withdraw(message)

    def _deliver(self) -> None:
        news, self._news[:] = list(self._news), []
        for message in news:
            if isinstance(message, Touched):
                self._note_sent(message.edits)
            self._outbox_link.take(message)

    def _read(
        self, question: Question, found: Callable[[ProofsFound], None], _failed: Callable[[Exception], None]
    ) -> None:
        what = question(self.reader)
        self._note_sent(what.proved)
        found(what)

    def _note_sent(self, edit_ids: Iterable[str]) -> None:
        self.sent |= set(edit_ids) & set(self.outbox.waiting_ids())

    def _on_saved(self, queued: Queued) -> None:
        self.saved[queued.edit.id] = queued.edit


class Backup:
    """A copy of a city's SQLite file, which `restore` puts back."""

    def __init__(self, city: City, file: Path, copy: Path) -> None:
        self._city, self._file, self._backup = city, file, copy
        _copy(file, copy)

    def restore(self, *, numbers_again: bool = False, by_hand: bool = False) -> None:
        """Put the copy back and begin a new epoch.

        `numbers_again`: the numbers of lost reports are given out again. `by_hand`: the file is copied back without
        `sigap restore`, so that the epoch stays as it was.
        """
        fresh = self._backup.with_name(f"restored-{self._backup.name}")
        _copy(self._backup, fresh)
        counter = schema.counters
        number = sa.select(counter.c.value).where(counter.c.name == REPORTS)
        with contextlib.closing(Database(f"sqlite:///{fresh}")) as copy, copy.write() as connection:
            before = connection.scalar(number)
            if not by_hand:
                begin_epoch(connection)
            if numbers_again:
                connection.execute(sa.update(counter).where(counter.c.name == REPORTS).values(value=before))
        database = self._city.database
        if by_hand:  # with the server ended meanwhile: one that goes on sees that the numbers went back
            setattr(database, "went_back", lambda _before, _now: False)  # noqa: B010
        database.engine.dispose()
        _copy(fresh, self._file)
        if by_hand:
            database.mark = Mark(database.mark.epoch, 0)


def _copy(source: Path, target: Path) -> None:
    with contextlib.closing(sqlite3.connect(source)) as old, contextlib.closing(sqlite3.connect(target)) as new:
        old.backup(new)


STUCK = {EditState.CONFLICT, EditState.ATTENTION, EditState.EXPIRED}
