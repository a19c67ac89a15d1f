"""Speak Open311 GeoReport v2 (JSON) with the servers that exist, not only with the one of the specification."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
import requests

from api_client import errors, wire
from api_client.dispatch import decode, raise_for
from api_client.transport import PAGE, SMALL, Answer, Limits, Transport, utc_now

T = TypeVar("T")
PAGE_SIZE = 200
_MOST_PAGES = 2000
_MOST_DIGITS = 4000
"""Python reads and writes no longer whole numbers."""


class Created(msgspec.Struct, frozen=True):
    """A request that was taken: its id, or a token under which the id will be known later."""

    request_id: str | None
    token: str | None = None


class GeoReportClient:
    """One GeoReport server, one session, one thread at a time (`cut` may come from any).

    `base_url` ends before `/services.json`. `last` is the latest answer. Every method raises api_client.errors.
    """

    def __init__(
        self,
        base_url: str,
        token: str | None = None,
        session: requests.Session | None = None,
        *,
        insecure_http: bool = False,
        page: Limits = PAGE,
        small: Limits = SMALL,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        # The key of GeoReport goes into the form of a POST, never into an address that logs would keep.
        self._transport = Transport(base_url, session=session, insecure_http=insecure_http, clock=clock)
        self._api_key = token
        self._page = page
        self._small = small
        self.last: Answer | None = None

    @property
    def exchanges(self) -> int:
        """How many exchanges have ended, well or not; who counts on gets further."""
        return self._transport.exchanges

    def close(self) -> None:
        """Drop the connections."""
        self._transport.close()

    def cut(self) -> None:
        """From any thread and for good: end what is under way."""
        self._transport.cut()

    def interrupt(self) -> None:
        """From any thread: end the request under way if it hangs; later ones are not concerned."""
        self._transport.interrupt()

    def services(self) -> list[wire.GeoService]:
        """The categories; one that cannot be read is left out."""
        return self._list("/services.json", "services", wire.GeoService, {})

    def requests(
        self,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        updated_after: datetime | None = None,
        page_size: int = PAGE_SIZE,
    ) -> Iterator[list[wire.GeoRequest]]:
        """Pages of requests, each request once.

        There is no common rule for the last page: it ends with an empty page, a page shorter than the first, an error
        after the first page, or ids that were all seen before.
        """
        params: dict[str, Any] = {"page_size": page_size}
        for name, time in (("start_date", start), ("end_date", end), ("updated_after", updated_after)):
            if time is not None:
                params[name] = time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        seen: set[str] = set()
        first_size = 0
        for number in range(1, _MOST_PAGES + 1):
            try:
                page = self._list("/requests.json", "requests", wire.GeoRequest, params | {"page": number})
            except (errors.Refused, errors.ServerFault):
                if number == 1:
                    raise
                return
            fresh = [each for each in page if str(each.service_request_id) not in seen]
            seen.update(str(each.service_request_id) for each in fresh)
            if fresh:
                yield fresh
            first_size = first_size or len(page)
            if not fresh or len(page) < first_size:
                return

    def knows_updated_after(self) -> bool:
        """Whether the server filters by the time of the last change (an extension): for the future it sends none."""
        far = {"updated_after": "2099-01-01T00:00:00Z", "page": 1, "page_size": 1}
        try:
            return not self._list("/requests.json", "requests", wire.GeoRequest, far)
        except (errors.Refused, errors.ServerFault):
            return False

    def request(self, request_id: str) -> wire.GeoRequest | None:
        """One request, None when the server has it not."""
        try:
            found = self._list(f"/requests/{quote(request_id, safe='')}.json", "requests", wire.GeoRequest, {})
        except errors.Refused as error:
            if error.status == 404:
                return None
            raise
        return found[0] if found else None

    def create(self, fields: Mapping[str, str]) -> Created:
        """POST a new request. Not harmless to repeat: these servers know no keys."""
        form = dict(fields)
        if self._api_key:
            form["api_key"] = self._api_key
        answer = self._ask("POST", "/requests.json", body=form, limits=self._small)
        taken = self._decode_list(answer, ("service_requests", "requests"), wire.GeoRequest)
        if not taken:
            raise errors.Malformed(f"{self._transport.host} took the report but named no id.")
        first = taken[0]
        request_id = None if first.service_request_id in (None, "") else str(first.service_request_id)
        token = None if first.token in (None, "") else str(first.token)
        if request_id is None and token is None:
            raise errors.Malformed(f"{self._transport.host} took the report but named no id.")
        return Created(request_id, token)

    def id_of_token(self, token: str) -> str | None:
        """The id that a token has become, None while there is none."""
        found = self._list(f"/tokens/{quote(token, safe='')}.json", "requests", wire.GeoRequest, {})
        ids = [str(each.service_request_id) for each in found if each.service_request_id not in (None, "")]
        return ids[0] if ids else None

    # Inside

    def _list(self, path: str, root: str, kind: type[T], params: dict[str, Any]) -> list[T]:
        answer = self._ask("GET", path, params=params, limits=self._page)
        return self._decode_list(answer, (root, "service_requests", "requests"), kind)

    def _ask(
        self, method: str, path: str, *, limits: Limits, params: dict[str, Any] | None = None, body: Any = None
    ) -> Answer:
        answer = self._transport.request(
            method, path, params=params, headers={"Accept": "application/json"}, body=body, limits=limits
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

    def _decode_list(self, answer: Answer, roots: tuple[str, ...], kind: type[T]) -> list[T]:
        if answer.content_type not in ("application/json", "text/json", "text/javascript"):
            raise errors.NotThisServer(
                f"{self._transport.host} answered with {answer.content_type or 'nothing'}, not data."
            )
        return decode_objects(answer.body, roots, kind, self._transport.host)

    def _fault_words(self, answer: Answer) -> str:
        try:
            faults = decode_objects(answer.body, ("errors",), wire.GeoFault, self._transport.host)
        except errors.Malformed:
            faults = []
        return "; ".join(fault.description for fault in faults if fault.description) or (
            f"{self._transport.host} answered {answer.status}."
        )


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
    listed = whole if isinstance(whole, list) else [whole]
    objects: list[T] = []
    for each in listed:
        try:
            objects.append(msgspec.convert(each, kind))
        except msgspec.ValidationError:
            continue
    if listed and not objects:
        raise errors.Malformed(f"{host} sent no list of {roots[0]}.")
    return objects
