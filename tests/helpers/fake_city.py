"""A small Dispatch server in memory whose feed can send wrong pages, skip numbers, and forget."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.helpers.net import Asked, Canned, http

T0 = "2026-11-24T10:00:00Z"


def report(number: int | str, **more: Any) -> dict[str, Any]:
    base = {"id": str(number), "version": 1, "status": "new", "service": "flood", "priority": 3}
    return base | {"description": f"Report {number}", "created": T0, "updated": T0} | more


class FakeCity:
    """Holds objects by (kind, id), each with its feed number. `tamper` may change a page before it is sent; `can` are
    the capabilities that the server announces.
    """

    def __init__(self, page: int = 2) -> None:
        self.page = page
        self.epoch = "epoch-1"
        self.scope_version = 1
        self.seq = 0
        self.kept_from = 0
        self.objects: dict[tuple[str, str], tuple[int, Any]] = {}
        self.answers: dict[str, Any] = {}
        self.applied: list[str] = []
        self.keys: dict[str, tuple[bytes, bytes]] = {}
        self.tamper: Callable[[str, dict[str, Any]], dict[str, Any]] = lambda _, page: page
        self.on_edit: Callable[[dict[str, Any], Asked], bytes | None] = lambda *_: None
        self.media: dict[str, bytes] = {}
        self.streaming = True
        self.can: list[str] = []
        self._news = threading.Condition()
        self.server = Canned(self._answer)
        self.url = self.server.url

    def close(self) -> None:
        self.server.close()
        with self._news:
            self.epoch = "closed"
            self._news.notify_all()

    def put(self, kind: str, data: dict[str, Any]) -> int:
        with self._news:
            self.seq += 1
            self.objects[kind, data["id"]] = (self.seq, data)
            self._news.notify_all()
            return self.seq

    def replace_all(self, reports: list[dict[str, Any]]) -> None:
        """Replace all objects and begin a new epoch, as a restore from a backup does."""
        with self._news:
            self.epoch, self.seq, self.objects = self.epoch + "+", 0, {}
        for each in reports:
            self.put("report", each)

    def paths(self, part: str) -> list[str]:
        return [asked.path for asked in list(self.server.asked) if part in asked.path]

    def _answer(self, asked: Asked, connection: socket.socket) -> bytes | None:
        url = urlsplit(asked.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        path = url.path.removeprefix("/dispatch/v1")
        if path in self.answers:
            found = self.answers[path]
            return found if isinstance(found, bytes) else self._json(found)
        if path == "/stream":
            return self._stream(connection) if self.streaming else http(404, {"error": "none", "message": "no stream"})
        if path == "/changes":
            return self._changes(int(query["after"]))
        if path == "/snapshot":
            return self._snapshot(query.get("after_key", ""))
        if path == "/statuses":
            return self._json([])
        if path == "/me":
            return self._json({"name": "local", "role": "supervisor"})
        if path == "/stats":
            reports = sum(kind == "report" for kind, _ in self.objects)
            return self._json({"reports": reports, "epoch": self.epoch, "seq": self.seq})
        if path == "/":
            return self._json({"name": "sigap", "epoch": self.epoch, "city": {"name": "Fakeville"}, "can": self.can})
        if path.startswith("/media/"):
            return self._media(asked, path.rpartition("/")[2])
        if asked.method == "POST":
            return self._edit(asked)
        if path.endswith("/entries"):
            number = path.split("/")[2]
            found = [data for (kind, _), (_, data) in self.objects.items() if kind == "entry"]
            return self._json([data for data in found if data["report"] == number])
        if path.startswith("/reports/"):
            return self._json(self.objects["report", path.split("/")[2]][1])
        return http(404, {"error": "not_found", "message": "Nothing here."})

    def _json(self, body: Any, status: int = 200) -> bytes:
        return http(status, body, Sigap_Server=self.epoch)

    def _items(self, after: int) -> list[dict[str, Any]]:
        found = sorted((seq, kind, key, data) for (kind, key), (seq, data) in self.objects.items() if seq > after)
        return [{"kind": kind, "seq": seq, "id": key, "data": data} for seq, kind, key, data in found]

    def _changes(self, after: int) -> bytes:
        if after < self.kept_from or after > self.seq:
            return self._json({"error": "gone", "message": "That is too long ago."}, 410)
        items = self._items(after)
        more = len(items) > self.page
        items = items[: self.page]
        upto = items[-1]["seq"] if more else self.seq
        page = {
            "epoch": self.epoch,
            "scope_version": self.scope_version,
            "from": after,
            "upto": upto,
            "more": more,
            "items": items,
        }
        return self._json(self.tamper("changes", page))

    def _snapshot(self, after_key: str) -> bytes:
        found = sorted((f"{kind}/{key}", kind, key) for kind, key in self.objects)
        rest = [each for each in found if each[0] > after_key]
        items = [
            {"kind": kind, "seq": self.objects[kind, key][0], "id": key, "data": self.objects[kind, key][1]}
            for _, kind, key in rest[: self.page]
        ]
        next_key = rest[self.page - 1][0] if len(rest) > self.page else None
        page = {
            "epoch": self.epoch,
            "scope_version": self.scope_version,
            "seq": self.seq,
            "next_key": next_key,
            "items": items,
        }
        return self._json(self.tamper("snapshot", page))

    def _stream(self, connection: socket.socket) -> None:
        head = f"HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\nSigap-Server: {self.epoch}\r\n"
        connection.sendall((head + "Transfer-Encoding: chunked\r\n\r\n").encode())
        told, epoch = -1, self.epoch
        while True:
            with self._news:
                if told == self.seq and epoch == self.epoch:
                    self._news.wait(1.0)
                if epoch != self.epoch:
                    return
                text = ": beat\n" if told == self.seq else f'event: seq\ndata: {{"seq": {self.seq}}}\n\n'
                told = self.seq
            connection.sendall(f"{len(text):x}\r\n{text}\r\n".encode())

    def _media(self, asked: Asked, sha256: str) -> bytes:
        if asked.method == "PUT":
            self.media[sha256] = asked.body
            return self._json({}, 201)
        if sha256 not in self.media:
            return self._json({"error": "not_found", "message": "No such photo."}, 404)
        return http(200, self.media[sha256], Sigap_Server=self.epoch, Content_Type="image/jpeg")

    def _edit(self, asked: Asked) -> bytes:
        body = json.loads(asked.body)
        refused = self.on_edit(body, asked)
        if refused is not None:
            return refused
        key = asked.headers["idempotency-key"]
        if key in self.keys:
            before, answer = self.keys[key]
            assert before == asked.body, "the same key with another body"
            return answer
        self.applied.append(key)
        created = body["kind"] == "create"
        number = str(900 + len(self.applied)) if created else asked.path.split("/")[4]
        if created:
            self.put("report", report(number, description=body["data"]["description"]))
        entry = {"id": f"h{key}", "report": number, "kind": body["kind"], "at": T0, "author": "local", "edit": key}
        seq = self.put("entry", entry)
        shown = self.objects.get(("report", number), (0, None))[1]
        answer = self._json({"report": shown, "entry": entry, "seq": seq}, 201 if created else 200)
        self.keys[key] = (asked.body, answer)
        return answer


@contextlib.contextmanager
def five_reports() -> Iterator[FakeCity]:
    """A city with the reports 1 to 5, closed at the end."""
    city = FakeCity(page=100)
    for number in range(1, 6):
        city.put("report", report(number))
    try:
        yield city
    finally:
        city.close()
