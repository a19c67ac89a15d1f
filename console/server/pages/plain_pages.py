"""The citizens' pages for browsers without scripts: forms and answers that the server writes, by the same rules.

They stand at the addresses of the pages themselves, with `plain` in the query. There are no cookies: that somebody is
the reporter is proved by the key in the address that he is given when he has reported.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from api_client.decoding import convert
from api_client.model import Service
from console.rules.answers import sort_answers
from console.rules.names import name_in, service_in
from console.server.city.city import City
from console.server.city.media import check_photo
from console.server.city.report_key import is_report_key
from console.server.errors import KeyReused, NotFound, Overloaded, Refusal
from console.server.http.bodies import read_body
from console.server.http.endpoint import Endpoint, HttpEndpoint, Pool, RequestContext, retry_after
from console.server.http.posted_form import PostedForm, is_multipart, most_body, read_form
from console.server.pages import plain_html as html
from console.server.pages.assets import FOLLOW, HEADERS
from console.server.pages.citizen_deeds import AGAIN_PHOTO, EXACT_M, MOST_PHOTOS, CitizenDeeds, NewReport, NotSolved
from console.server.pages.citizens import Citizens, NearReport, PublicPlace
from console.server.pages.html import Html
from console.server.pages.page_texts import names_wanted, texts_for
from console.server.pages.plain_html import Details, FollowUp, PageReader

log = logging.getLogger(__name__)
_POLICY = HEADERS["Content-Security-Policy"].replace("form-action 'none'", "form-action 'self'")
_PLAIN_HEADERS = HEADERS | {
    "Content-Security-Policy": _POLICY,
    # A form says where it comes from, and no other site learns the key in an address.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_LONGEST_ADDRESS = 500
_SURE = frozenset({"point", "house", "crossing", "landmark"})
"""A place that is found so exactly that what lies near it may be the same."""

FormWork = Callable[[Request, PostedForm], Awaitable[Response]]


class PlainPages:
    """What answers at `/`, `/map` and `/r/NUMBER` with `plain` in the query, and their forms."""

    def __init__(self, city: City, http_endpoint: HttpEndpoint, citizens: Citizens, deeds: CitizenDeeds) -> None:
        self._city = city
        self._http_endpoint = http_endpoint
        self._citizens = citizens
        self._deeds = deeds
        self.pages: Mapping[str, Endpoint] = {
            "/": self._guarded(http_endpoint.endpoint(self._report, public=True)),
            "/map": self._guarded(http_endpoint.endpoint(self._list, public=True)),
            FOLLOW: self._guarded(http_endpoint.endpoint(self._follow, public=True)),
        }

    def routes(self) -> list[BaseRoute]:
        """Where the forms are sent."""
        return [
            Route("/", self._guarded(self._posted(self._send)), methods=["POST"]),
            Route(FOLLOW, self._guarded(self._posted(self._act)), methods=["POST"]),
        ]

    async def is_missing(self, request: Request) -> bool:
        """Whether the page of a report is asked for that nobody without its key may know of."""

        def looked() -> bool:
            try:
                self._deeds.report(request.path_params["number"])
            except NotFound:
                return True
            return False

        try:
            async with self._http_endpoint.admitted(request, 0, public=True):
                return await self._http_endpoint.at_work(looked, request, Pool.PUBLIC_READ)
        except (Refusal, DBAPIError, NoConnectionLeft):
            return False  # the page asks again, and says what is wrong

    # A new report

    async def _report(self, context: RequestContext) -> Response:
        request = context.request
        query = request.query_params
        if number := query.get("number", "").strip():
            reader = self._reader_words(request)
            return RedirectResponse(reader.href(f"/r/{quote(number, safe='')}"), 303, _PLAIN_HEADERS)
        form = PostedForm({name: tuple(query.getlist(name)) for name in ("service", "address", "place")})
        if "step" not in query:
            return await self._work(request, lambda: self._first_step(request, form, {}))
        return await self._second_step(request, form, _new_key(), {})

    def _first_step(self, request: Request, form: PostedForm, errors: Mapping[str, str]) -> Response:
        services = self._offered(request)
        page = html.first_step(self._reader(request), services, form.one("service"), form.one("address"), errors)
        return _answer(page, 422 if errors else 200)

    async def _second_step(self, request: Request, form: PostedForm, key: str, errors: Mapping[str, str]) -> Response:
        """The second step, or the first one as long as that is not done."""
        texts, address = texts_for(request), form.one("address")
        wrong = {} if 0 < len(address) <= _LONGEST_ADDRESS else {"address": texts.t("plain.where_first")}
        places = await self._places(request, address) if not wrong else []

        def made() -> Response:
            service = next((one for one in self._offered(request) if one.code == form.one("service")), None)
            if service is None:
                wrong["service"] = texts.t("what.first")
            if service is None or wrong:
                return self._first_step(request, form, wrong)
            near = self._near(places, service)
            details = Details(service, form, key, places, near, errors)
            kept = {"step": "2", "service": service.code, "address": address}
            reader = msgspec.structs.replace(self._reader(request), kept=kept)
            return _answer(html.second_step(reader, details), 422 if errors else 200)

        return await self._work(request, made)

    async def _places(self, request: Request, address: str) -> list[PublicPlace]:
        """The places that an address may mean; none where places are not looked for, or not now."""
        try:
            self._http_endpoint.count_search(request)
            find = lambda: self._citizens.find_places(address, None)  # noqa: E731
            return await self._http_endpoint.at_work(find, request, Pool.PUBLIC_PLACES)
        except Refusal:
            return []

    def _near(self, places: list[PublicPlace], service: Service) -> NearReport | None:
        """The nearest report of the same kind where the likeliest place is known exactly."""
        if not places or places[0].exactness not in _SURE:
            return None
        return self._citizens.nearest(places[0].lat, places[0].lon, service.code)

    def _offered(self, request: Request) -> list[Service]:
        """What can be reported, in the words of who asks."""
        wanted, own = names_wanted(request), self._city.language()
        return [service_in(one, wanted, own) for one in self._city.offered_services()]

    def _service(self, code: str) -> Service | None:
        return next((one for one in self._city.offered_services() if one.code == code), None)

    async def _send(self, request: Request, form: PostedForm) -> Response:
        self._deeds.check_own_page(request, is_form=True)
        key = form.one("key") if is_report_key(form.one("key")) else _new_key()
        pool = Pool.PUBLIC_PHOTO if form.photos else Pool.PUBLIC_WRITE
        made = await self._http_endpoint.at_work(lambda: self._take(request, form, key), request, pool)
        if isinstance(made, Response):
            return made
        if "key" in made:
            # protects: other-words-are-sent-under-a-new-key
            key, made = _new_key(), {"": made["key"]}
        return await self._second_step(request, form, key, made)

    def _take(self, request: Request, form: PostedForm, key: str) -> Response | dict[str, str]:
        """Take the report and lead to its page; what is wrong, by field, where it cannot be taken: of the `key`, where
        something else has arrived with that.
        """
        reader = self._reader_words(request)
        service = self._service(form.one("service"))
        errors = _faults(reader, form, service)
        if errors or service is None:
            return errors or {"service": reader.t("what.first")}
        try:
            new = convert(_new_report(form, key), NewReport)
        except msgspec.ValidationError as fault:
            return {"": f"{fault}."}
        try:
            number = self._deeds.take(new)
        except (Overloaded, DBAPIError, NoConnectionLeft):
            return {"": reader.t("plain.busy")}
        except KeyReused:
            return {"key": reader.t("plain.arrived", number=self._deeds.made_by(key) or "")}
        except Refusal as refusal:
            return {"": refusal.message}
        lost = sum(not self._has_added(number, key, at, photo) for at, photo in enumerate(form.photos, start=1))
        more = {"key": key, "new": "1"} | ({"lost": str(lost)} if lost else {})
        return RedirectResponse(reader.href(f"/r/{quote(number, safe='')}", **more), 303, _PLAIN_HEADERS)

    def _has_added(self, number: str, key: str, at: int, photo: bytes) -> bool:
        """Whether the photo was taken: one that is not takes nothing from the report."""
        try:
            self._deeds.add_photo(number, key, at, photo)
        except (Refusal, DBAPIError, NoConnectionLeft):
            return False
        return True

    # How it goes on

    def _follow(self, context: RequestContext) -> Response:
        return self._followed(context.request, context.request.query_params.get("key", ""))

    def _followed(
        self, request: Request, key: str, *, text: str = "", errors: Mapping[str, str] | None = None
    ) -> Response:
        number, query = request.path_params["number"], request.query_params
        reader = self._reader(request, f"/r/{quote(number, safe='')}", key)
        wanted, own = names_wanted(request), self._city.language()
        try:
            report = self._citizens.followed(number, key, wanted)
        except NotFound:
            told = reader.t("follow.unknown", number=number[:40])
            return _answer(html.refusal(reader, reader.t("missing.title"), told), 404)
        if not self._deeds.is_reporter(self._deeds.report(number, key), key):
            reader = msgspec.structs.replace(reader, key="")
        names = {one.code: name_in(one.name, one.names, wanted, own) for one in self._city.services()}
        said = {"me-too": "metoo.told", "not-solved": "answer.again", "lost": "answer.photo_refused"}.get(
            query.get("said", "")
        )
        following = FollowUp(
            report,
            names.get(report.service or "", report.service or reader.t("follow.report")),
            _new_key(),
            said=reader.t(said) if said and not errors else "",
            is_new="new" in query and bool(reader.key),
            lost=int(query["lost"]) if query.get("lost", "") in ("1", "2", "3") else 0,
            text=text,
            errors=errors or {},
        )
        return _answer(html.follow_page(reader, following), 422 if errors else 200)

    async def _act(self, request: Request, form: PostedForm) -> Response:
        self._deeds.check_own_page(request, is_form=True)
        pool = Pool.PUBLIC_PHOTO if form.photos else Pool.PUBLIC_WRITE
        return await self._http_endpoint.at_work(lambda: self._done(request, form), request, pool)

    def _done(self, request: Request, form: PostedForm) -> Response:
        """Do what the reader said and show the report again."""
        number, key, once = request.path_params["number"], form.one("key"), form.one("once")
        reader, deed, text = self._reader_words(request), form.one("deed"), form.one("text")
        said = deed
        if deed == "me-too" and is_report_key(once):
            self._deeds.me_too(number, once)
        elif deed == "satisfied":
            self._deeds.satisfied(number, key)
        elif deed == "not-solved" and is_report_key(once):
            if errors := _unsolved_faults(reader, form):
                return self._followed(request, key, text=text, errors=errors)
            self._deeds.not_solved(number, NotSolved(once, key, text))
            if form.photos and not self._has_added(number, key, AGAIN_PHOTO, form.photos[0]):
                said = "lost"
        more = {"said": said} | ({"key": key} if key else {})
        return RedirectResponse(reader.href(f"/r/{quote(number, safe='')}", **more), 303, _PLAIN_HEADERS)

    # The latest reports

    def _list(self, context: RequestContext) -> Response:
        query = context.request.query_params
        service, state = query.get("service", ""), query.get("state", "open")
        newest = self._citizens.newest(service, state)
        page = html.list_page(
            self._reader(context.request, "/map"), self._offered(context.request), newest, service, state
        )
        return _answer(page)

    # Requests and answers

    def _posted(self, work: FormWork) -> Endpoint:
        async def answer(request: Request) -> Response:
            most = most_body(request)
            async with self._http_endpoint.admitted(request, most, public=True) as (_, share):
                body = await read_body(request, most, share)
                many = is_multipart(request)
                if many:
                    share.take(len(body))  # its photos are taken out of it and held beside it
                pool = Pool.PUBLIC_PHOTO if many else Pool.PUBLIC_WRITE
                form = await self._http_endpoint.at_work(lambda: read_form(request, body), request, pool)
                return await work(request, form)

        return answer

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint, whose refusals are pages for people."""

        async def answer(request: Request) -> Response:
            try:
                return await endpoint(request)
            except Refusal as refusal:
                return self._refused(request, refusal)
            except (DBAPIError, NoConnectionLeft) as fault:
                log.error("%s %s: the database failed: %s", request.method, request.url.path, type(fault).__name__)
                return self._refused(request, Overloaded("The server's database cannot do this now. Ask again."))

        return answer

    def _refused(self, request: Request, refusal: Refusal) -> Response:
        reader = self._reader_words(request)
        page = html.refusal(reader, reader.t("done.refused"), refusal.message)
        response = _answer(page, refusal.status)
        response.headers.update(retry_after(refusal))
        return response

    async def _work(self, request: Request, work: Callable[[], Response]) -> Response:
        return await self._http_endpoint.at_work(work, request, Pool.PUBLIC_READ)

    def _reader(self, request: Request, path: str = "/", key: str = "") -> PageReader:
        """Who reads, with what the city is called: it may be asked from the database."""
        facts = self._city.facts()[1]
        return PageReader(texts_for(request), facts.name, facts.timezone, path, key)

    def _reader_words(self, request: Request) -> PageReader:
        """Who reads, where no database may be asked."""
        return PageReader(texts_for(request), "", "", "/")


def _answer(page: Html, status: int = 200) -> Response:
    return Response(page.text, status, _PLAIN_HEADERS, "text/html")


def _new_key() -> str:
    return secrets.token_hex(20)


def _faults(reader: PageReader, form: PostedForm, service: Service | None) -> dict[str, str]:
    """What is wrong with a new report, by the name of the field."""
    t, found = reader.t, _photo_faults(reader, form)
    if not form.one("description") and not form.photos:
        found["description"] = t("send.nothing")
    if form.one("offered") and not form.one("place"):
        found["place"] = t("plain.place_first")
    if service is not None:
        answers = sort_answers(service, form.attributes())
        found |= {f"attribute[{one.code}]": t("plain.answer_first") for one in answers.missing}
        found |= {f"attribute[{code}]": t("plain.unfit") for code in answers.wrong}
    return found


def _unsolved_faults(reader: PageReader, form: PostedForm) -> dict[str, str]:
    found = _photo_faults(reader, form)
    if not form.one("text"):
        found["text"] = reader.t("answer.words")
    return found


def _photo_faults(reader: PageReader, form: PostedForm) -> dict[str, str]:
    if len(form.photos) > MOST_PHOTOS:
        return {"photo": reader.t("send.enough", most=MOST_PHOTOS)}
    try:
        for photo in form.photos:
            check_photo(photo)
    except Refusal:
        return {"photo": reader.t("plain.no_photo")}
    return {}


def _new_report(form: PostedForm, key: str) -> dict[str, Any]:
    """The form as a NewReport's fields."""
    names = ("service", "description", "address", "name", "phone", "email")
    new: dict[str, Any] = {name: form.one(name) for name in names} | {"key": key, "attributes": form.attributes()}
    lat, lon, within_m = _place(form.one("place"))
    if lat is not None:
        new |= {"lat": lat, "lon": lon, "within_m": within_m if within_m > EXACT_M else 0.0}
    return new


def _place(text: str) -> tuple[float | None, float | None, float]:
    """A place as `place_value` writes it: degrees, degrees, metres."""
    try:
        lat, lon, within_m = (float(part) for part in text.split(","))
    except ValueError:
        return None, None, 0.0
    return lat, lon, within_m
