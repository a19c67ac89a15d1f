"""The administration page under /admin: there is none until the city has an admin, nor for whom it is not meant."""

from __future__ import annotations

import csv
import functools
import io
from collections.abc import Callable, Mapping
from html import escape
from importlib import resources
from urllib.parse import parse_qs

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from console.rules.rights import Rights, may_set_up
from console.server.city.records import AdminPage
from console.server.city.users import Users
from console.server.errors import ForbiddenRefusal
from console.server.http.bodies import SMALL_BODY
from console.server.http.endpoint import HttpEndpoint, RequestContext, check_own_page, is_from_here
from console.server.pages.assets import HEADERS, Packed, kind_of, missing, pack, public_file, walk

_SHARED = ("css/theme.css", "glyphs.json", "icon.svg", "js/dom.js", "js/keep.js", "js/net.js", "js/texts.js")
"""What the page has in common with those of citizens and crews."""
_HEADERS = HEADERS | {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "Referrer-Policy": "same-origin",  # with none a form bears no Origin
    "Permissions-Policy": "geolocation=(), camera=(), microphone=(), payment=(), usb=()",
}


class AdminPages:
    """The page and its files, for whom `shown_to` says. `files_of_city` are those of the city's folder, by name;
    `public_name` is the host by which the page is reached from elsewhere, "" for none.
    """

    def __init__(
        self,
        users: Users | None,
        http_endpoint: HttpEndpoint,
        shown_to: AdminPage,
        files_of_city: Callable[[], Mapping[str, str]],
        public_name: str,
    ) -> None:
        self._users, self._http_endpoint, self._shown_to = users, http_endpoint, shown_to
        self._files_of_city, self._public_name = files_of_city, public_name

    def routes(self) -> list[BaseRoute]:
        """The address of the page and those of its files, and the city in tables for a browser without JavaScript."""
        endpoint = self._http_endpoint.endpoint(self._answer, public=True)
        tables = self._http_endpoint.endpoint(self._tables, public=True, most=SMALL_BODY, counts_posts=False)
        return [
            Route("/admin", endpoint),
            Route("/admin/tables", tables, methods=["POST"]),
            Route("/admin/{name:path}", endpoint),
        ]

    def _tables(self, context: RequestContext) -> Response:
        """The files of the city's folder as one page that can only be read."""
        if not self._is_shown(context.request):
            return missing(context.request)
        check_own_page(context.request, self._public_name)
        token = parse_qs(context.body.decode("utf-8", "replace")).get("token", [""])[0].strip()
        actor = self._http_endpoint.actor_with(token, context.request)
        if not may_set_up(Rights(actor.role, actor.areas, actor.agencies)):
            raise ForbiddenRefusal("Only an admin or a supervisor of the whole city may set it up.")
        return Response(_page_of(self._files_of_city()), headers=_HEADERS, media_type="text/html")

    def _answer(self, context: RequestContext) -> Response:
        request = context.request
        file = _files().get(request.path_params.get("name", "index.html"))
        # protects: no-admin-page-without-an-admin
        if file is None or not self._is_shown(request):
            return missing(request)
        return file.answer(request, headers=_HEADERS)

    def _is_shown(self, request: Request) -> bool:
        if self._users is None or self._shown_to is AdminPage.OFF:
            return False
        # protects: the-admin-page-is-local
        if self._shown_to is AdminPage.LOCAL and not is_from_here(request):
            return False
        return self._users.has_admin()


def _page_of(files: Mapping[str, str]) -> str:
    """The files as one page: a table each, or their text."""
    parts = [f"<h2>{escape(name)}</h2>{_readable(name, text)}" for name, text in files.items()]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sigap</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        '<link rel="stylesheet" href="/admin/css/theme.css"><link rel="stylesheet" href="/admin/css/admin.css">'
        f'</head><body><main class="files"><h1>Sigap</h1>{"".join(parts)}</main></body></html>'
    )


def _readable(name: str, text: str) -> str:
    if name.endswith(".csv"):
        plain = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
        head, *rows = [*csv.reader(io.StringIO(plain))] or [[]]
    elif name.endswith(".geojson"):
        areas = [feature["properties"] for feature in msgspec.json.decode(text)["features"]]
        head = sorted({key for area in areas for key in area})
        rows = [[str(area.get(key, "")) for key in head] for area in areas]
    else:
        return f'<div class="card"><pre>{escape(text)}</pre></div>'
    names = "".join(f'<th scope="col">{escape(each)}</th>' for each in head)
    cells = ("".join(f"<td>{escape(each)}</td>" for each in row) for row in rows)
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    return f'<div class="card scroll"><table><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table></div>'


@functools.cache
def _files() -> dict[str, Packed]:
    """Every file of the page by its path below /admin, packed at the first question."""
    folder = resources.files("resources").joinpath("admin")
    own = {name: pack(file.read_bytes(), kind_of(name)) for name, file in walk(folder)}
    return {name: shared for name in _SHARED if (shared := public_file(name)) is not None} | own
