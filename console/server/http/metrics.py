"""Figures for Prometheus: what is asked of this process, how long it takes, and how the city stands.

No label comes from outside: routes are templates, methods and kinds of edits are those that there are. Names of users,
reports and addresses are nowhere.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Hashable, Iterable, Iterator

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, start_http_server
from prometheus_client.core import GaugeMetricFamily
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api_client.model import Kind, Status
from console.rules.status import is_open
from console.server.city import schema
from console.server.city.city import City
from console.server.city.work_threads import doing
from console.server.http.event_stream import Subscribers

log = logging.getLogger(__name__)
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_KINDS = frozenset(str(kind) for kind in Kind)
_OTHER = "other"


class Metrics:
    """The figures of one server process: each process of a city has its own, which Prometheus adds up."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._seconds = Histogram(
            "sigap_request_seconds",
            "Seconds from a request to the head of its answer.",
            ("route", "method", "status"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._edits = Counter(
            "sigap_edits", "Edits that came, and what became of them.", ("kind", "outcome"), registry=self.registry
        )

    def on_edit(self, kind: str, outcome: str) -> None:
        """Count an edit; `outcome` is applied, repeated, or the code of its refusal."""
        self._edits.labels(kind if kind in _KINDS else _OTHER, outcome).inc()

    def on_answer(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self._seconds.labels(route, method if method in _METHODS else _OTHER, str(status)).observe(seconds)


class CityCollector:
    """What is counted when Prometheus asks, and not before."""

    def __init__(self, city: City, subscribers: Subscribers) -> None:
        self._city = city
        self._subscribers = subscribers

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The figures; without a database those that it would have told are left out."""
        database = self._city.database
        pooled = getattr(database.engine.pool, "checkedout", int)
        yield _gauge("sigap_streams", "Consoles that listen to this process.", self._subscribers.listening)
        yield _gauge("sigap_database_connections_in_use", "Connections that work at this moment.", pooled())
        yield _gauge("sigap_database_connections_most", "Connections that this process may have.", database.most_pooled)
        try:
            with doing(None):
                stats = self._city.stats()
                with database.read() as connection:
                    photos = int(connection.scalar(sa.select(sa.func.count()).select_from(schema.photo_facts)) or 0)
        except sa.exc.SQLAlchemyError:
            yield _gauge("sigap_database_up", "Whether the database answers.", 0)
            return
        yield _gauge("sigap_database_up", "Whether the database answers.", 1)
        opened = sum(stats.by_status.get(status, 0) for status in Status if is_open(status))
        yield _gauge("sigap_reports", "Reports of the city.", stats.reports)
        yield _gauge("sigap_reports_open", "Reports that are not done.", opened)
        yield _gauge("sigap_feed_position", "The number of the last change.", stats.seq)
        yield _gauge("sigap_photos", "Photos that are kept and known.", photos)


def _gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, value=value)


class Measured:
    """Middleware that counts answers by the template of their route, their method and their status."""

    def __init__(self, app: ASGIApp, metrics: Metrics, routes: Callable[[], Iterable[BaseRoute]]) -> None:
        self._app = app
        self._metrics = metrics
        self._routes = routes
        self._templates: dict[object, str] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count its answer as it begins: a stream's end tells nothing."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 0

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._count(scope, status, began)
            await send(message)

        try:
            await self._app(scope, receive, counted)
        except Exception:
            if not status:
                self._count(scope, 500, began)
            raise

    def _count(self, scope: Scope, status: int, began: float) -> None:
        try:
            self._templates = self._templates or _templates(self._routes())
            endpoint = scope.get("endpoint")
            # protects: no-label-from-outside
            route = self._templates.get(endpoint, _OTHER) if isinstance(endpoint, Hashable) else _OTHER
            self._metrics.on_answer(route, scope["method"], status, time.perf_counter() - began)
        except Exception:
            log.exception("an answer could not be counted")  # and is given all the same


def _templates(routes: Iterable[BaseRoute], before: str = "") -> dict[object, str]:
    """Of each endpoint the first address that it has."""
    found: dict[object, str] = {}
    for route in routes:
        if isinstance(route, Route):
            found.setdefault(route.endpoint, f"{before}{route.path}")
        elif isinstance(route, Mount):
            found = _templates(route.routes, f"{before}{route.path}") | found
    return found


def measure(app: Starlette, city: City) -> Metrics:
    """Begin to count what an application answers, before it is served."""
    metrics = Metrics()
    metrics.registry.register(CityCollector(city, app.state.subscribers))
    city.on_edit.append(metrics.on_edit)
    app.add_middleware(Measured, metrics=metrics, routes=lambda: app.routes)
    return metrics


@contextlib.contextmanager
def told_at(metrics: Metrics, host: str, port: int) -> Iterator[int]:
    """Answer to Prometheus at this address until the block ends; the port. Raises OSError."""
    server, thread = start_http_server(port, host, metrics.registry)
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
