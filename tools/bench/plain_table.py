"""The comparison for the console's answers: one SQL table with indexes and full text, filled by sqlite-utils.

That is what a usual program has: every figure of the screen is a query, and the queue is read page by page.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlite_utils import Database

from api_client.model import Status
from console.rules.status import is_open

_INDEXED = (["open", "priority", "due"], ["status"], ["service"], ["created"], ["area"])
_ON_SCREEN = 40
_CELLS = 12
_DAY_S = 86_400
_OPEN = tuple(status.value for status in Status if is_open(status))


class PlainTable:
    """A table of reports at `path`, made of JSON pages; `fill_s` is what reading and writing them took."""

    def __init__(self, path: Path, pages: Iterable[bytes]) -> None:
        self.path = path
        self._database = Database(path)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._reports = self._database.table("reports", pk="row")
        self.fill_s = 0.0
        for page in pages:  # making a page is not the contender's work
            started = time.perf_counter()
            self._reports.insert_all(_rows(page), batch_size=1000)
            self.fill_s += time.perf_counter() - started
        started = time.perf_counter()
        for columns in _INDEXED:
            self._reports.create_index(columns)
        self._reports.enable_fts(["description", "address"], create_triggers=True)
        self.fill_s += time.perf_counter() - started

    def __enter__(self) -> PlainTable:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._database.close()

    def screen(self, where: str, values: tuple[Any, ...], now_s: int, city: tuple[float, float, float, float]) -> None:
        """All that a screen shows of the reports that fit: queue, tabs, categories, hours, the map's cells."""
        self.queue(where, values)
        self._all(f"SELECT status, count(*) FROM reports WHERE {where} GROUP BY 1", values)
        self._all(f"SELECT service, count(*) FROM reports WHERE {where} GROUP BY 1", values)
        self.hours(where, values, now_s)
        west, south, east, north = city
        self._all(
            f"SELECT CAST((lon - ?) * ? AS INTEGER), CAST((lat - ?) * ? AS INTEGER), count(*), min(priority)"
            f" FROM reports WHERE {where} AND lon BETWEEN ? AND ? AND lat BETWEEN ? AND ? GROUP BY 1, 2",
            (west, _CELLS / (east - west), south, _CELLS / (north - south), *values, west, east, south, north),
        )

    def queue(self, where: str, values: tuple[Any, ...] = (), order: str = "priority, due", offset: int = 0) -> None:
        """The rows in sight."""
        self._all(
            f"SELECT * FROM reports WHERE {where} ORDER BY {order} LIMIT {_ON_SCREEN} OFFSET ?", (*values, offset)
        )

    def hours(self, where: str, values: tuple[Any, ...], now_s: int) -> None:
        """Reports by hour, of today and of 28 days for the usual."""
        self._all(
            f"SELECT created / 3600, count(*) FROM reports WHERE {where} AND created > ? GROUP BY 1",
            (*values, now_s - 28 * _DAY_S),
        )

    def find(self, text: str, limit: int) -> None:
        """The newest whose texts have every word or its beginning."""
        self._all(f"SELECT * FROM reports WHERE {_HAS_WORDS} ORDER BY created DESC LIMIT ?", (_query(text), limit))

    def screen_of_words(self, text: str, now_s: int, city: tuple[float, float, float, float]) -> None:
        """All that a screen shows of the open reports whose texts have these words."""
        self.screen(f"open AND {_HAS_WORDS}", (_query(text),), now_s, city)

    def change(self, page: bytes) -> None:
        """Write reports over those with their numbers."""
        for row in _rows(page):
            self._database.execute(
                f"UPDATE reports SET {', '.join(f'{name} = :{name}' for name in row)} WHERE row = :row", row
            )
        self._database.conn.commit()

    def _all(self, sql: str, values: tuple[Any, ...]) -> list[Any]:
        return list(self._database.execute(sql, values).fetchall())


_HAS_WORDS = "row IN (SELECT rowid FROM reports_fts WHERE reports_fts MATCH ?)"


def _query(text: str) -> str:
    return " ".join(f'"{word}"*' for word in text.split())


def _rows(page: bytes) -> Iterator[dict[str, Any]]:
    for report in json.loads(page):
        yield {
            "row": int(report["id"]),
            "status": report["status"],
            "open": int(report["status"] in _OPEN),
            "priority": report["priority"],
            "service": report["service"],
            "area": report["area"],
            "agency": report["agency"],
            "created": _seconds(report["created"]),
            "updated": _seconds(report["updated"]),
            "due": _seconds(report["clocks"][0]["due"]),
            "lat": report.get("lat"),
            "lon": report.get("lon"),
            "photos": len(report.get("photos", ())),
            "description": report["description"],
            "address": report["address"],
        }


def _seconds(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp())
