"""Speak Open311 GeoReport v2 (JSON) with the servers that exist, not only with the one of the specification."""

from __future__ import annotations

import contextlib
import html
import json
import re
from collections.abc import Callable, Generator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

import msgspec
import requests

from api_client import errors
from api_client.dispatch import decode, raise_for
from api_client.georeport_model import GeoFault, GeoRequest, GeoService
from api_client.transport import PAGE, SMALL, HttpAnswer, TransferLimits, Transport, utc_now

T = TypeVar("T", bound=msgspec.Struct)
PAGE_SIZE = 200
_MOST_PAGES = 2000
_LEAST_CAP = 10
"""No server is so mean that it gives fewer reports than this at a time: shorter answers are whole."""
_MOST_WINDOWS = 1000
_DAY = timedelta(days=1)
_OVERLAP = timedelta(seconds=1)
"""Of halves, since some servers count neither end of a window as part of it."""
_SHORTEST_WINDOW = 4 * _OVERLAP
_LONG_AGO, _FUTURE = datetime(1900, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)
_NEAR_DEG = 0.001
"""About a hundred metres."""
_MASK = re.compile(r"[•*█…]+|\.{3,}|\[[^\[\]]{0,40}\]")
"""What public texts hold where something was taken out or cut off."""
_LEAST_CUT = 200
"""A text that is shorter was not cut off without a mark."""
_PAGING = frozenset({"page", "page_size"})
_MOST_DIGITS = 4000
"""Python reads and writes no longer whole numbers."""


class Created(msgspec.Struct, frozen=True):
    """A request that was taken: its id, or a token under which the id will be known later."""

    request_id: str | None
    token: str | None = None


class ReadingLimits(msgspec.Struct, frozen=True):
    """How much is read for one question at most, all its pages and windows together; a server may have no end."""

    reports: int = 500_000
    pages: int = 20_000
    bytes: int = 1 << 30

    def at_most(self, reports: int) -> ReadingLimits:
        """The same, but for no more than so many reports."""
        return msgspec.structs.replace(self, reports=min(self.reports, reports))


READING = ReadingLimits()


class Unread(msgspec.Struct, frozen=True):
    """Reports that were not read: between two times (UTC) more than `given` were made.

    The server does not give them or, when `stopped`, they were more than is read (see ReadingLimits). `start` is None
    where the server heeds no dates at all, so that nothing older can be asked for.
    """

    start: datetime | None
    end: datetime
    given: int
    stopped: bool = False


class _RequestsPage(NamedTuple):
    """One answer: the requests that could be read, and how many objects and bytes it held, readable or not."""

    requests: list[GeoRequest]
    size: int
    bytes: int


class _Reading(NamedTuple):
    """One answer with its pages: the ids in it, and whether it is proven that nothing was cut off.

    `stopped`: not by the server, but because it had more pages than are read.
    """

    ids: frozenset[str]
    is_whole: bool
    stopped: bool = False


class _Budget:
    """What is left of the limits of one question."""

    def __init__(self, limits: ReadingLimits) -> None:
        self.windows = _MOST_WINDOWS
        self._reports, self._pages, self._bytes = limits.reports, limits.pages, limits.bytes

    @property
    def is_spent(self) -> bool:
        return min(self.windows, self._reports, self._pages, self._bytes) <= 0

    def take(self, page: _RequestsPage, fresh: int) -> None:
        """One page was read, with so many reports that were not read before."""
        self._pages -= 1
        self._bytes -= page.bytes
        self._reports -= fresh


class GeoReportClient:
    """One GeoReport server, one session, one thread at a time (`cut` may come from any).

    `base_url` ends before `/services.json`. `params` go with every request, such as {"jurisdiction_id": "city.org"}.
    `last` is the latest answer. `unread` lists what `requests` could not get. Every method raises api_client.errors.
    """

    def __init__(
        self,
        base_url: str,
        token: str | None = None,
        session: requests.Session | None = None,
        *,
        params: Mapping[str, str] | None = None,
        insecure_http: bool = False,
        page: TransferLimits = PAGE,
        small: TransferLimits = SMALL,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        # The key of GeoReport goes into the form of a POST, never into an address that logs would keep.
        self._transport = Transport(base_url, session=session, insecure_http=insecure_http, clock=clock)
        self._api_key = token
        self._params = dict(params or {})
        self._page = page
        self._small = small
        self._clock = clock
        self._refuses_pages = False
        self._largest = _LEAST_CAP
        self._proven = 0
        self._dates_count: bool | None = None
        self._read_bytes = 0
        self.last: HttpAnswer | None = None
        self.unread: list[Unread] = []
        self.doubled: dict[str, None] = {}
        """The ids that were seen on different reports of one question."""

    @property
    def exchanges(self) -> int:
        """How many exchanges have ended, well or not; who counts on gets further."""
        return self._transport.exchanges

    @property
    def read_bytes(self) -> int:
        """How long the pages of requests were that were read, together."""
        return self._read_bytes

    def close(self) -> None:
        """Drop the connections."""
        self._transport.close()

    def cut(self) -> None:
        """From any thread and for good: end what is under way."""
        self._transport.cut()

    def interrupt(self) -> None:
        """From any thread: end the request under way if it hangs; later ones are not concerned."""
        self._transport.interrupt()

    def services(self) -> list[GeoService]:
        """The categories; one that cannot be read is left out."""
        return self._list("/services.json", "services", GeoService, {})

    def requests(
        self,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        updated_after: datetime | None = None,
        page_size: int = PAGE_SIZE,
        limits: ReadingLimits = READING,
    ) -> Iterator[list[GeoRequest]]:
        """Pages of requests made from `start` to `end` (now where not given), each request once, all within `limits`.

        Paging is an extension. There is no common rule for the last page: it ends with an empty page, a page shorter
        than the first, an error after the first page, or ids that were all seen before. A server without pages gives a
        number that it does not tell: an answer as long as the longest that it ever gave may have been cut off, a
        shorter one cannot be. Such a window is read again in two halves, until nothing is cut off. Example: of 1,204
        reports of three days a server gives the newest 1,000; its halves have 600 and 604, which is less, so whole.
        What cannot be had in this way is added to `unread`.
        """
        seen: set[str] = set()
        budget = _Budget(limits)
        if start is None or updated_after is not None:  # there is nothing that could be halved
            params = self._times(start, end, updated_after) | {"page_size": page_size}
            reading = yield from self._pages(params, seen, budget)
            if not self._is_all(reading):
                since = start or updated_after
                self.unread.append(Unread(since, end or self._clock(), len(reading.ids), reading.stopped))
            return
        yield from self._window(start, end or self._clock() + _DAY, page_size, seen, budget)

    def _window(
        self, start: datetime, end: datetime, page_size: int, seen: set[str], budget: _Budget
    ) -> Generator[list[GeoRequest], None, _Reading]:
        """All requests of a window, of each page what is not in `seen`."""
        reading = yield from self._pages(self._times(start, end) | {"page_size": page_size}, seen, budget)
        size = len(reading.ids)
        if self._is_all(reading):
            return reading
        budget.windows -= 2
        if budget.is_spent:
            self.unread.append(Unread(start, end, size, stopped=True))
            return reading
        if end - start <= _SHORTEST_WINDOW or not self.heeds_dates():
            self.unread.append(Unread(start if self.heeds_dates() else None, end, size, reading.stopped))
            return reading
        before = len(self.unread)
        middle = (start + (end - start) / 2).replace(microsecond=0)
        newer = yield from self._window(middle, end, page_size, seen, budget)
        older = yield from self._window(start, middle + _OVERLAP, page_size, seen, budget)
        ids = reading.ids | newer.ids | older.ids
        is_whole = len(self.unread) == before
        if is_whole and len(ids) == size:
            self._proven = max(self._proven, size)
        return _Reading(ids, is_whole)

    def heeds_dates(self) -> bool:
        """Whether the server gives nothing for times in which nothing was reported, long ago and far ahead."""
        if self._dates_count is None:
            ends = [(_LONG_AGO, _LONG_AGO + _DAY), (_FUTURE, _FUTURE + _DAY)]
            self._dates_count = not any(self._gives_something(*each) for each in ends)
        return self._dates_count

    def _gives_something(self, start: datetime, end: datetime) -> bool:
        try:
            return bool(self._requests_page(self._times(start, end) | {"page": 1, "page_size": 1}).size)
        except (errors.Refused, errors.ServerFault, errors.Malformed, errors.NotThisServer):
            return False  # it looks at them, or else it would not mind

    def _is_all(self, reading: _Reading) -> bool:
        """Whether nothing was cut off: it is shorter than what the server is known to give."""
        return reading.is_whole or (not reading.stopped and len(reading.ids) <= self._proven)

    def _pages(
        self, params: Mapping[str, Any], seen: set[str], budget: _Budget
    ) -> Generator[list[GeoRequest], None, _Reading]:
        """The pages of one question, of each page what is not in `seen`."""
        ids: set[str] = set()
        first_seen: dict[str, GeoRequest] = {}
        first_size = 0
        for number in range(1, _MOST_PAGES + 1):
            # protects: no-server-is-read-for-ever
            if budget.is_spent:
                return _Reading(frozenset(ids), is_whole=False, stopped=True)
            try:
                page = self._requests_page(dict(params) | {"page": number})
            except (errors.Refused, errors.ServerFault):
                if number == 1:
                    raise
                return _Reading(frozenset(ids), is_whole=False)
            for each in page.requests:
                if _are_two(first_seen.setdefault(str(each.service_request_id), each), each):
                    self.doubled[str(each.service_request_id)] = None
            fresh = [each for each in page.requests if str(each.service_request_id) not in ids]
            ids.update(str(each.service_request_id) for each in fresh)
            unseen = [each for each in fresh if str(each.service_request_id) not in seen]
            seen.update(str(each.service_request_id) for each in unseen)
            budget.take(page, len(unseen))
            if unseen:
                yield unseen
            if not page.size:
                return _Reading(frozenset(ids), is_whole=True)
            if number == 1:
                first_size = page.size
                if self._refuses_pages:
                    break
            elif number == 2 and not fresh:  # it ignores the number of the page
                break
            elif not fresh or page.size < first_size:
                return _Reading(frozenset(ids), is_whole=True)
        else:
            return _Reading(frozenset(ids), is_whole=False, stopped=True)
        is_whole = first_size < self._largest
        self._largest = max(self._largest, first_size)
        return _Reading(frozenset(ids), is_whole)

    def _requests_page(self, params: dict[str, Any]) -> _RequestsPage:
        """One page; without the extension of pages where the server refuses that.

        A field of another kind than it should be is left out, not its report: somebody waits for help behind it.
        """
        if self._refuses_pages:
            return self._page_of(_without_pages(params))
        try:
            return self._page_of(params)
        except errors.Refused:
            if params.get("page") != 1:
                raise
            plain = self._page_of(_without_pages(params))
            self._refuses_pages = True
            return plain

    def _page_of(self, params: dict[str, Any]) -> _RequestsPage:
        answer = self._ask("GET", "/requests.json", params=params, limits=self._page)
        listed = self._listed(answer, ("requests", "service_requests"))
        found = _converted(listed, GeoRequest, "requests", self._transport.host, patient=True)
        self._read_bytes += len(answer.body)
        return _RequestsPage(found, len(listed), len(answer.body))

    @staticmethod
    def _times(
        start: datetime | None = None, end: datetime | None = None, updated_after: datetime | None = None
    ) -> dict[str, Any]:
        times = (("start_date", start), ("end_date", end), ("updated_after", updated_after))
        return {name: _stamp(time) for name, time in times if time is not None}

    def newest(self) -> list[GeoRequest]:
        """Some of the reports of the last 30 days, one page of them; to see whether the server gives any."""
        params = self._times(self._clock() - 30 * _DAY, self._clock())
        return self._requests_page(params | {"page": 1, "page_size": 1}).requests

    def knows_updated_after(self) -> bool:
        """Whether the server filters by the time of the last change (an extension): for the future it sends none.

        One empty answer says nothing (an index is being built, a cache is cold): what was changed since long ago has
        to be given between two such answers.
        """
        try:
            # protects: one-empty-answer-proves-nothing
            return (
                not self._gives_changes(_FUTURE) and self._gives_changes(_LONG_AGO) and not self._gives_changes(_FUTURE)
            )
        except (errors.Refused, errors.ServerFault):
            return False

    def _gives_changes(self, since: datetime) -> bool:
        return bool(self._requests_page({"updated_after": _stamp(since), "page": 1, "page_size": 1}).size)

    def request(self, request_id: str) -> GeoRequest | None:
        """One request, None when the server has it not."""
        try:
            found = self._list(f"/requests/{quote(request_id, safe='')}.json", "requests", GeoRequest, {})
        except errors.Refused as error:
            if error.status == 404:
                return None
            raise
        return found[0] if found else None

    def create(self, fields: Mapping[str, str]) -> Created:
        """POST a new request. Not harmless to repeat: these servers know no keys.

        Raises Malformed for an answer that cannot be of this creation: some servers answer a POST with their list.
        """
        form = self._params | dict(fields)
        if self._api_key:
            form["api_key"] = self._api_key
        answer = self._ask("POST", "/requests.json", body=form, limits=self._small)
        taken = self._decode_list(answer, ("service_requests", "requests"), GeoRequest)
        if len(taken) != 1 or not can_be_of(taken[0], fields, self._clock()):
            raise errors.Malformed(f"{self._transport.host} answered with something else than the report it was sent.")
        first = taken[0]
        request_id = None if first.service_request_id in (None, "") else str(first.service_request_id)
        token = None if first.token in (None, "") else str(first.token)
        if request_id is None and token is None:
            raise errors.Malformed(f"{self._transport.host} took the report but named no id.")
        return Created(request_id, token)

    def id_of_token(self, token: str) -> str | None:
        """The id that a token has become, None while there is none."""
        found = self._list(f"/tokens/{quote(token, safe='')}.json", "requests", GeoRequest, {})
        ids = [str(each.service_request_id) for each in found if each.service_request_id not in (None, "")]
        return ids[0] if ids else None

    # Inside

    def _list(self, path: str, root: str, kind: type[T], params: dict[str, Any]) -> list[T]:
        answer = self._ask("GET", path, params=params, limits=self._page)
        return self._decode_list(answer, (root, "service_requests", "requests"), kind)

    def _ask(
        self, method: str, path: str, *, limits: TransferLimits, params: dict[str, Any] | None = None, body: Any = None
    ) -> HttpAnswer:
        asked = self._params | params if params is not None else None
        answer = self._transport.request(
            method, path, params=asked, headers={"Accept": "application/json"}, body=body, limits=limits
        )
        if answer.status >= 400:
            is_json = answer.content_type.endswith("json")
            raise_for(
                answer,
                self._fault_words(answer) if is_json else f"{self._transport.host} answered {answer.status}.",
                known=is_json or answer.status == 404,
            )
        self.last = answer
        return answer

    def _decode_list(self, answer: HttpAnswer, roots: tuple[str, ...], kind: type[T]) -> list[T]:
        return _converted(self._listed(answer, roots), kind, roots[0], self._transport.host)

    def _listed(self, answer: HttpAnswer, roots: tuple[str, ...]) -> list[Any]:
        if answer.content_type not in ("application/json", "text/json", "text/javascript"):
            raise errors.NotThisServer(
                f"{self._transport.host} answered with {answer.content_type or 'nothing'}, not data."
            )
        return _list_in(answer.body, roots, self._transport.host)

    def _fault_words(self, answer: HttpAnswer) -> str:
        try:
            faults = decode_objects(answer.body, ("errors",), GeoFault, self._transport.host)
        except errors.Malformed:
            faults = []
        return "; ".join(fault.description for fault in faults if fault.description) or (
            f"{self._transport.host} answered {answer.status}."
        )


def can_be_of(request: GeoRequest, sent: Mapping[str, str], at: datetime) -> bool:
    """Whether a request of the server can be the report that was sent with these fields at a time (server's or ours).

    The standard answers with an id or a token alone. Whatever else is told must be what was sent; a place may be told
    with fewer digits, and the time without a zone.
    """
    answered = {
        "service_code": _plain(request.service_code),
        "description": _plain(request.description),
        "address_string": _plain(request.address_string),
    }
    if any(words and words != _plain(sent.get(name)) for name, words in answered.items()):
        return False
    if not _is_near(request, sent):
        return False
    requested = time_of(request.requested_datetime)
    return requested is None or requested > at - _DAY


def can_show(request: GeoRequest, sent: Mapping[str, str], at: datetime) -> bool:
    """Whether a request, read under the number that a new one was given, can be what was sent at a time.

    Some servers answer with the number of a report that they hold for the same, or with one number for two. What is
    public may be masked, cut short with a mark, or stand behind a heading; category and address are often put right by
    the server. A place may have fewer digits, a time no zone or a wrong one, or be a day alone.
    """
    if not _shows(_plain(request.description), _plain(sent.get("description"))):
        return False
    if not _is_near(request, sent):
        return False
    made = time_of(request.requested_datetime)
    return made is None or made > at - _DAY


def _are_two(one: GeoRequest, other: GeoRequest) -> bool:
    """Whether two requests under one id cannot be one report that was changed: neither words nor time are the same."""
    words, others = _plain(one.description), _plain(other.description)
    at, other_at = time_of(one.requested_datetime), time_of(other.requested_datetime)
    return bool(words and others and words != others and at and other_at and at != other_at)


def _shows(shown: str, sent: str) -> bool:
    """Whether a text that is told, if one is, can be a public form of what was sent."""
    shown, sent = _plain(html.unescape(shown)).casefold(), sent.casefold()
    if not shown:
        return True
    if not sent:
        return False
    if sent in shown:
        return True
    pieces = [piece for each in _MASK.split(shown) if (piece := each.strip())]
    if len(pieces) == 1 and pieces[0] == shown and len(shown) < _LEAST_CUT:  # neither masked nor cut
        return False
    at = 0
    for piece in pieces:
        found = sent.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return 2 * sum(map(len, pieces)) >= len(sent)


def _is_near(request: GeoRequest, sent: Mapping[str, str]) -> bool:
    """Whether the place that is told, if one is, is the one that was sent, if one was."""
    for name, there in (("lat", request.lat), ("long", request.long)):
        try:
            if _plain(there) and abs(float(_plain(there)) - float(sent.get(name, "nan"))) > _NEAR_DEG:
                return False
        except ValueError:
            return False
    return True


def time_of(text: str | None) -> datetime | None:
    """A time as servers write it, in UTC where they name no zone; None where it cannot be read."""
    try:
        found = datetime.fromisoformat((text or "").strip())
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):  # at the ends of the calendar
        return None


def _plain(value: Any) -> str:
    """A value as a text in which only words count, not how they are spaced."""
    return "" if value is None else " ".join(str(value).split())


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _without_pages(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name not in _PAGING}


def _decode_patiently(body: bytes) -> Any:
    """What is JSON but for texts and numbers that no standard allows: one of them must not cost the whole page."""
    try:
        whole = json.loads(body.decode("utf-8", "replace"), parse_int=_whole_number)
        # Halves of surrogate pairs, which no text may hold, come as escapes only.
        return json.loads(json.dumps(whole, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def _whole_number(digits: str) -> int | str:
    return int(digits) if len(digits) < _MOST_DIGITS else digits


def decode_objects(body: bytes, roots: tuple[str, ...], kind: type[T], host: str) -> list[T]:
    """A list of objects, whether the server sends the list, the list under a root key, or a single object.

    Objects that cannot be read are left out; Malformed when the whole is not JSON.
    """
    return _converted(_list_in(body, roots, host), kind, roots[0], host)


def _list_in(body: bytes, roots: tuple[str, ...], host: str) -> list[Any]:
    try:
        whole = decode(body, Any, host)
    except errors.Malformed:
        whole = _decode_patiently(body)
        if whole is None:
            raise
    if isinstance(whole, dict):
        for root in roots:
            if root in whole:
                whole = whole[root]
                break
    return whole if isinstance(whole, list) else [whole]


def _converted(listed: list[Any], kind: type[T], root: str, host: str, *, patient: bool = False) -> list[T]:
    """The objects of a list; `patient`: a field that cannot be read is left out, not its object."""
    objects: list[T] = []
    for each in listed:
        try:
            objects.append(msgspec.convert(each, kind))
        except msgspec.ValidationError:
            if patient and isinstance(each, dict) and (fields := _readable_fields(each, kind)):
                objects.append(msgspec.convert(fields, kind))
    if listed and not objects:
        raise errors.Malformed(f"{host} sent no list of {root}.")
    return objects


def _readable_fields(raw: dict[Any, Any], kind: type[T]) -> dict[str, Any]:
    """What of an object is of the kind that its fields are; all fields have defaults."""
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        if field.encode_name in raw:
            with contextlib.suppress(msgspec.ValidationError):
                found[field.encode_name] = msgspec.convert(raw[field.encode_name], field.type)
    return found
