"""An Open311 server on loopback with the limits of real ones: capped answers, no pages, no dates, a required
parameter.
"""

from __future__ import annotations

import itertools
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.helpers.net import Asked, Canned, http


def geo_request(number: int, made: datetime, **more: Any) -> dict[str, Any]:
    """A request as such servers write it."""
    base = {"service_request_id": number, "status": "open", "service_code": "POT", "service_name": "Pothole"}
    return base | {"description": f"Hole {number}", "requested_datetime": made.isoformat(), "lat": 1, "long": 2} | more


def _changed(one: dict[str, Any]) -> str:
    return str(one.get("updated_datetime", one["requested_datetime"]))


class GeoCity:
    """`cap`: how many requests it answers with at most, newest first. `pages`: heeded, ignored or refused. `dates`:
    heeded, ignored, or only start or end. `changes`: whether updated_after is heeded. `wants`: a parameter without
    which it answers with an HTML page.
    """

    def __init__(
        self,
        reports: list[dict[str, Any]],
        *,
        cap: int = 1000,
        pages: str = "ignored",
        dates: str = "heeded",
        changes: bool = False,
    ) -> None:
        self.reports = reports
        self.cap, self.pages, self.dates, self.changes = cap, pages, dates, changes
        self.wants: dict[str, str] = {}
        self.posted: Any = None
        """What a POST is answered with, or what makes it of the form; None for the list, as FixMyStreet does."""
        self.answers_single = True
        """Whether a report can be asked for by its number."""
        self.lies: Callable[[list[dict[str, Any]], dict[str, str]], list[Any]] = lambda page, _: page
        """What becomes of a page before it is sent; gets its parameters too."""
        self.server = Canned(self._answer)
        self.url = self.server.url

    def close(self) -> None:
        self.server.close()

    def without_end(self) -> None:
        """From now on every page is full of new requests, whatever time is asked for."""
        numbers = itertools.count(1_000_000)

        def fresh(_: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
            made = datetime.fromisoformat(query.get("start_date", "2099-01-01T00:00:00+00:00"))
            if made.year in (1900, 2099):
                return []  # it heeds dates
            return [geo_request(next(numbers), made) for _ in range(10)]

        self.lies = fresh

    @property
    def windows(self) -> list[dict[str, str]]:
        """The parameters of each question for requests."""
        asked = [urlsplit(one.path) for one in list(self.server.asked)]
        return [
            {name: values[0] for name, values in parse_qs(url.query).items()}
            for url in asked
            if url.path.endswith("/requests.json")
        ]

    def _answer(self, asked: Asked, _: socket.socket) -> bytes:
        url = urlsplit(asked.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path.endswith("/services.json"):
            return http(200, [{"service_code": "POT", "service_name": "Pothole"}])
        if not url.path.endswith("/requests.json"):
            if not self.answers_single:
                return http(404, [{"code": 404, "description": "Not found"}])
            number = url.path.rpartition("/")[2].removesuffix(".json")
            return http(200, [one for one in self.reports if str(one["service_request_id"]) == number])
        if any(query.get(name) != value for name, value in self.wants.items()) and asked.method == "GET":
            return http(200, "<html>A page for people</html>")
        if asked.method == "POST" and self.posted is not None:
            form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
            return http(200, self.posted(form) if callable(self.posted) else self.posted)
        unknown = {"page", "page_size", "updated_after"} & query.keys()
        if self.pages == "refused" and unknown:
            return http(400, [{"code": 400, "description": f"found unexpected entries: {' '.join(sorted(unknown))}"}])
        return http(200, self.lies(self._page(query), query))

    def _page(self, query: dict[str, str]) -> list[dict[str, Any]]:
        start, end = query.get("start_date"), query.get("end_date")
        if self.dates in ("ignored", "end"):
            start = None
        if self.dates in ("ignored", "start"):
            end = None
        low = datetime.fromisoformat(start) if start else datetime.min.replace(tzinfo=UTC)
        high = datetime.fromisoformat(end) if end else datetime.max.replace(tzinfo=UTC)
        found = [one for one in self.reports if low <= datetime.fromisoformat(one["requested_datetime"]) < high]
        if self.changes and (after := query.get("updated_after")):
            since = datetime.fromisoformat(after)
            found = [one for one in found if datetime.fromisoformat(_changed(one)) >= since]
        found.sort(key=lambda one: str(one["requested_datetime"]), reverse=True)
        size = self.cap
        if self.pages == "heeded":
            size = min(size, int(query.get("page_size", size)))
            return found[(int(query.get("page", 1)) - 1) * size :][:size]
        return found[:size]
