"""The files of the pages: read once, packed, sent with an ETag and with headers that keep strangers' code out."""

from __future__ import annotations

import functools
import gzip
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from importlib import resources
from importlib.resources.abc import Traversable

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from console.server.http.endpoint import Endpoint

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "geolocation=(self), camera=(self), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_PACKABLE = ("text/", "application/json", "application/manifest+json", "image/svg+xml")
_KINDS = {
    "css": "text/css",
    "html": "text/html",
    "js": "text/javascript",
    "json": "application/json",
    "map": "application/json",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain",
    "webmanifest": "application/manifest+json",
}
"""By what a file's name ends with: what this computer calls them is in files that no request reads."""
_SMALLEST_PACKED = 600
_FOLDERS = {"assets": "public", "assets/leaflet": "web/vendor/leaflet"}
_OF_THE_CONSOLE = (
    "canvas_layer",
    "config",
    "geometry",
    "labels",
    "picture",
    "slices",
    "street_layer",
    "street_names",
    "street_style",
    "tile_painter",
    "tile_pictures",
    "tile_schema",
    "tile_worker",
    "vector_tile",
)
"""What draws streets in the console draws them on the pages; these stand beside the pages' own scripts."""
FOLLOW = "/r/{number:path}"
"""The page of a report."""
_CITIZENS = {"/": "index.html", "/map": "map.html", FOLLOW: "follow.html"}
_CREWS = {"/crew": "crew.html"}
VERSION = "Sigap-Pages"
"""The header that names the version of the pages: their files of two versions do not fit one another."""
_OF_PAGES = (".js", ".css", ".json", ".svg", ".png", ".webmanifest")
_WORKER = "assets/js/worker.js"
_FACTS = ("/public/v1/city", "/public/v1/areas", "/streets/info")
"""What the citizens' pages ask before a report can be written."""


class Packed(msgspec.Struct, frozen=True):
    """A body ready to be sent: as it is, compressed where that helps, and its ETag."""

    body: bytes
    kind: str
    etag: str
    small: bytes | None = None

    def answer(self, request: Request, status: int = 200, headers: dict[str, str] | None = None) -> Response:
        """The answer to a request, which may have it already."""
        more = {"ETag": self.etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"} | (headers or {})
        if status == 200 and self.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=more)
        if self.small is not None and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(self.small, status, more | {"Content-Encoding": "gzip"}, self.kind)
        return Response(self.body, status, more, self.kind)


def pack(body: bytes, kind: str) -> Packed:
    """A body with its ETag, compressed when it is text of some length."""
    etag = f'W/"{hashlib.sha256(body).hexdigest()[:20]}"'
    packable = kind.startswith(_PACKABLE) and len(body) >= _SMALLEST_PACKED
    return Packed(body, kind, etag, gzip.compress(body, 6, mtime=0) if packable else None)


class Assets:
    """The pages and their files. `public` is whether the citizens' pages are among them.

    `plain` answers for some of them where somebody asks for the page without scripts, and `is_missing` says of the
    page of a report that there is none: it is sent all the same, as the page for that.
    """

    def __init__(
        self,
        *,
        public: bool,
        plain: Mapping[str, Endpoint] | None = None,
        is_missing: Callable[[Request], Awaitable[bool]] | None = None,
    ) -> None:
        self._pages = (_CITIZENS if public else {}) | _CREWS
        self._plain = plain or {}
        self._is_missing = is_missing

    def routes(self) -> list[BaseRoute]:
        """The addresses of the pages and of their files; the last one takes every address that nothing else has."""
        pages: list[BaseRoute] = [Route(path, self._page(path, name)) for path, name in self._pages.items()]
        files = [
            Route("/worker.js", self._worker),
            Route("/assets/files.json", self._list),
            Route("/assets/{name:path}", self._asset),
        ]
        return [*pages, *files, Route("/{path:path}", _missing)]

    def _page(self, path: str, name: str) -> Endpoint:
        plain = self._plain.get(path)

        async def answer(request: Request) -> Response:
            if plain is not None and "plain" in request.query_params:
                return await plain(request)
            is_missing = path == FOLLOW and self._is_missing is not None and await self._is_missing(request)
            return _answer(request, f"assets/{name}", 404 if is_missing else 200)

        return answer

    async def _worker(self, request: Request) -> Response:
        """The service worker stands at the root, so that it may answer for every page."""
        return _answer(request, _WORKER)

    async def _list(self, request: Request) -> Response:
        """What a service worker keeps: the pages and their files, all of one version, and what they ask first."""
        names = sorted(name for name in _files() if name.endswith(_OF_PAGES) and name != _WORKER)
        pages = [path if "{" not in path else f"/assets/{name}" for path, name in self._pages.items()]
        facts = _FACTS if FOLLOW in self._pages else ()
        listed = {"version": _version(), "files": [*pages, *(f"/{name}" for name in names)], "facts": facts}
        return pack(msgspec.json.encode(listed), "application/json").answer(request, headers=HEADERS)

    async def _asset(self, request: Request) -> Response:
        name = f"assets/{request.path_params['name']}"
        if name not in _files():
            raise HTTPException(404)
        return _answer(request, name)


async def _missing(request: Request) -> Response:
    return missing(request)


def missing(request: Request) -> Response:
    """Where nothing is: a page for people, the ordinary refusal for programs."""
    if "text/html" not in request.headers.get("accept", ""):
        raise HTTPException(404)
    return _answer(request, "assets/missing.html", 404)


def public_file(name: str) -> Packed | None:
    """A file of the citizens' and crews' pages by its path below /assets; None when there is none."""
    return _files().get(f"assets/{name}")


def _answer(request: Request, name: str, status: int = 200) -> Response:
    return _files()[name].answer(request, status, HEADERS | {VERSION: _version()})


def _version() -> str:
    """That of all files together."""
    marks = "\n".join(f"{name} {file.etag}" for name, file in sorted(_files().items()))
    return hashlib.sha256(marks.encode()).hexdigest()[:20]


@functools.cache
def _files() -> dict[str, Packed]:
    """Every file of the pages by its path, packed at the first question: many a server is never asked for a page."""
    root = resources.files("resources")
    files = {
        f"{prefix}/{name}": pack(file.read_bytes(), kind_of(name))
        for prefix, folder in _FOLDERS.items()
        for name, file in walk(root.joinpath(folder))
    }
    scripts = root.joinpath("web", "js")
    for name in _OF_THE_CONSOLE:
        files[f"assets/js/{name}.js"] = pack(scripts.joinpath(f"{name}.js").read_bytes(), _KINDS["js"])
    files["assets/css/theme.css"] = pack(_theme(root.joinpath("tokens.json").read_bytes()), "text/css")
    glyphs = msgspec.json.encode(msgspec.json.decode(root.joinpath("symbols.json").read_bytes())["category"])
    files["assets/glyphs.json"] = pack(glyphs, "application/json")
    return files


def walk(folder: Traversable) -> list[tuple[str, Traversable]]:
    """All files below a folder with their paths; none when the folder is missing (libraries not brought yet)."""
    found: list[tuple[str, Traversable]] = []
    for each in folder.iterdir() if folder.is_dir() else ():
        if each.is_dir():
            found += [(f"{each.name}/{name}", file) for name, file in walk(each)]
        elif not each.name.startswith("."):
            found.append((each.name, each))
    return found


def kind_of(name: str) -> str:
    """The media type of a file of this name."""
    return _KINDS.get(name[name.rfind(".") + 1 :], "application/octet-stream")


def _theme(tokens: bytes) -> bytes:
    """The colours of tokens.json as custom properties, light unless the device is set to dark."""
    known = msgspec.json.decode(tokens)

    def block(theme: str) -> str:
        return "".join(
            f"--{group}-{name}:{value};"
            for group, colours in known[theme].items()
            if isinstance(colours, dict)
            for name, value in colours.items()
            if isinstance(value, str)
        )

    return f":root{{{block('light')}}}@media (prefers-color-scheme:dark){{:root{{{block('dark')}}}}}".encode()
