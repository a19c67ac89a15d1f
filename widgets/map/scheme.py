"""The custom scheme that gives the map page everything it gets: its files, tiles and data, and nothing else."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any

from PySide6.QtCore import QBuffer, QByteArray, QFile, QIODevice, QObject
from PySide6.QtWebEngineCore import QWebEngineUrlRequestJob, QWebEngineUrlScheme, QWebEngineUrlSchemeHandler
from typing_extensions import override

from widgets.map.routes import ORIGIN, PAGE_PATH, Request, own_version, parse

NAME = b"sigap"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; frame-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

Handler = Callable[[Request], bytes | None]
Runner = Callable[[Callable[[], bytes | None], Callable[[bytes | None], None]], None]
"""Runs a function on a worker thread and gives its result to the second argument on the GUI thread."""

_log = logging.getLogger(__name__)
_Error = QWebEngineUrlRequestJob.Error

_HTML, _JS, _CSS, _JSON = b"text/html; charset=utf-8", b"text/javascript", b"text/css", b"application/json"
_FILES = {
    "css/map.css": _CSS,
    "js/answer.js": _JS,
    "js/areas.js": _JS,
    "js/basemap.js": _JS,
    "js/canvas_layer.js": _JS,
    "js/cells.js": _JS,
    "js/channel.js": _JS,
    "js/closures.js": _JS,
    "js/codes.js": _JS,
    "js/complete.js": _JS,
    "js/config.js": _JS,
    "js/crowds.js": _JS,
    "js/drawing.js": _JS,
    "js/features.js": _JS,
    "js/fitting.js": _JS,
    "js/geometry.js": _JS,
    "js/heartbeat.js": _JS,
    "js/keyboard.js": _JS,
    "js/labels.js": _JS,
    "js/main.js": _JS,
    "js/overlays.js": _JS,
    "js/picking.js": _JS,
    "js/picture.js": _JS,
    "js/pins.js": _JS,
    "js/placement.js": _JS,
    "js/slices.js": _JS,
    "js/source.js": _JS,
    "js/street_layer.js": _JS,
    "js/street_names.js": _JS,
    "js/street_style.js": _JS,
    "js/symbols.js": _JS,
    "js/tile_painter.js": _JS,
    "js/tile_pictures.js": _JS,
    "js/tile_schema.js": _JS,
    "js/tile_worker.js": _JS,
    "js/vector_tile.js": _JS,
    "js/view.js": _JS,
    "vendor/leaflet/leaflet.css": _CSS,
    "vendor/leaflet/leaflet.js": _JS,
}
_MAGIC = (
    (b"\x89PNG", b"image/png"),
    (b"\xff\xd8\xff", b"image/jpeg"),
    (b"RIFF", b"image/webp"),
    (b"GIF8", b"image/gif"),
)


def register_scheme() -> None:
    """Make the scheme known to the engine. Call it before the QApplication exists; a second call does nothing."""
    os.environ.pop("QTWEBENGINE_REMOTE_DEBUGGING", None)  # no one may look into, or drive, the page from outside
    if QWebEngineUrlScheme.schemeByName(QByteArray(NAME)).name() == NAME:
        return
    scheme = QWebEngineUrlScheme(QByteArray(NAME))
    scheme.setSyntax(QWebEngineUrlScheme.Syntax.Host)
    flag = QWebEngineUrlScheme.Flag
    scheme.setFlags(flag.SecureScheme | flag.CorsEnabled | flag.FetchApiAllowed)
    QWebEngineUrlScheme.registerScheme(scheme)


@dataclass(frozen=True, slots=True)
class PageAnswer:
    """One ready answer."""

    body: bytes
    content_type: bytes


class MapSchemeHandler(QWebEngineUrlSchemeHandler):
    """Answers the page's requests: files and documents at once, reports, areas, closures and tiles from worker threads.

    `requestStarted` must never raise: the engine would leave the request hanging.
    """

    def __init__(
        self,
        web: Traversable,
        fonts: Mapping[str, bytes],
        handlers: Mapping[str, Handler],
        runner: Runner,
        own: Callable[[str], bytes | None],
        parent: QObject | None = None,
    ) -> None:
        """`own(name)` gives the panel's own JSON documents, `fonts` the bytes of `/fonts/{name}`."""
        super().__init__(parent)
        self._handlers, self._runner, self._own = dict(handlers), runner, own
        self._files = _load(web)
        self._files.update({f"/fonts/{name}": PageAnswer(body, b"font/ttf") for name, body in fonts.items()})
        self._open: set[int] = set()
        self._serial = 0

    @property
    def is_answering(self) -> bool:
        """Whether a question of the page waits for a worker."""
        return bool(self._open)

    @override
    def requestStarted(self, job: QWebEngineUrlRequestJob) -> None:
        try:
            self._serve(job)
        except Exception:  # an exception here would leave the request hanging for ever
            _log.exception("a request of the map page failed")
            job.fail(_Error.RequestFailed)

    def _serve(self, job: QWebEngineUrlRequestJob) -> None:
        url = job.requestUrl()
        path = url.path()
        get = bytes(job.requestMethod().data()) == b"GET"
        if not get or url.host() != "map" or url.hasQuery() or not self._may_ask(job, path):
            job.fail(_Error.RequestDenied)
        elif path in self._files:
            self._reply(job, self._files[path])
        elif any(own_version(path, name) for name in ("config", "units", "pins", "drawing")):
            body = self._own(path.split("/")[2])
            self._reply(job, PageAnswer(body or b"", _JSON))
        else:
            self._ask(job, parse(path))

    def _may_ask(self, job: QWebEngineUrlRequestJob, path: str) -> bool:
        """Only our page may ask; the page itself is asked for by the program, which has no origin."""
        initiator = job.initiator()
        if initiator.isEmpty():
            return path == PAGE_PATH
        return f"{initiator.scheme()}://{initiator.host()}" == ORIGIN

    def _ask(self, job: QWebEngineUrlRequestJob, request: Request | None) -> None:
        handler = self._handlers.get(request.kind) if request is not None else None
        if request is None or handler is None:
            job.fail(_Error.UrlNotFound)
            return
        self._serial += 1
        serial = self._serial
        self._open.add(serial)
        job.destroyed.connect(lambda: self._open.discard(serial))
        known, asked = handler, request

        def work() -> bytes | None:
            try:
                return known(asked)
            except Exception:
                _log.exception("no %s for the map page", asked.kind)
                return None

        def done(body: bytes | None) -> None:
            if serial in self._open:  # jobs that the page gave up are gone by now
                self._open.discard(serial)
                self._reply(job, _answer(asked, body))

        self._runner(work, done)

    def _reply(self, job: QWebEngineUrlRequestJob, document: PageAnswer) -> None:
        if not _range_is_safe(job, len(document.body)):
            job.fail(_Error.RequestFailed)
            return
        headers: Any = {QByteArray(b"X-Content-Type-Options"): [QByteArray(b"nosniff")]}
        if document.content_type == _HTML:
            headers[QByteArray(b"Content-Security-Policy")] = [QByteArray(CSP.encode())]
        job.setAdditionalResponseHeaders(headers)
        buffer = QBuffer(job)  # lives as long as its job
        buffer.setData(QByteArray(document.body))
        buffer.open(QIODevice.OpenModeFlag.ReadOnly)
        job.reply(QByteArray(document.content_type), buffer)


def _answer(request: Request, body: bytes | None) -> PageAnswer:
    if request.kind == "areas":
        return PageAnswer(body or b"", b"application/geo+json")
    if request.kind == "closures":
        return PageAnswer(body or b"[]", _JSON)
    if request.kind in ("tiles", "pictures") and body:
        for magic, content_type in _MAGIC:
            if body.startswith(magic):
                return PageAnswer(body, content_type)
    # Nothing there is an empty 200: after job.fail() the body of a page's fetch never settles (6.11.3).
    return PageAnswer(body or b"", b"application/octet-stream")


def _range_is_safe(job: QWebEngineUrlRequestJob, size: int) -> bool:
    """False for a byte range that starts at or past the end: 6.11.3 seeks there and dies. Remove when Qt checks it."""
    headers: dict[Any, Any] = job.requestHeaders()
    for name, value in headers.items():
        if bytes(name).lower() == b"range":
            return _starts_inside(bytes(value), size)
    return True


def _starts_inside(value: bytes, size: int) -> bool:
    unit, _, ranges = value.partition(b"=")
    first, dash, last = ranges.partition(b"-")
    if unit.strip() != b"bytes" or not dash or not first.isdigit() or (last and not last.isdigit()):
        return False
    return int(first) < size and (not last or int(first) <= int(last))


def _load(web: Traversable) -> dict[str, PageAnswer]:
    files = {PAGE_PATH: PageAnswer((web / "index.html").read_bytes(), _HTML)}
    for name, content_type in _FILES.items():
        files["/" + name] = PageAnswer(web.joinpath(*name.split("/")).read_bytes(), content_type)
    # qrc: is refused from a custom scheme, so Qt's own script is served here as well
    channel = QFile(":/qtwebchannel/qwebchannel.js")
    channel.open(QIODevice.OpenModeFlag.ReadOnly)
    files["/qwebchannel.js"] = PageAnswer(bytes(channel.readAll().data()), _JS)
    return files
