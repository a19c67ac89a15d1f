"""The body of a POST, whether form, multipart or JSON: its fields, its attributes and its photos."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec
from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

from console.server.city.media import MOST_BYTES
from console.server.errors import Refusal
from console.server.http.bodies import SMALL_BODY

logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it warns of every malformed form that comes by
MOST_PHOTOS = 10
MOST_TEXT = 300_000
"""Bytes of a body without photos: 20,000 characters, however they are encoded, and what stands beside them."""
_MOST_ENCODED = 80_000
"""Bytes that may be written as %41; there are no more in 20,000 characters."""
_MOST_FIELDS = 200
_MOST_VALUES = 10_000
_LARGEST_PART = 2 * SMALL_BODY
"""A text with its head."""
_KEY = re.compile(
    rb'name="?api_key"?[^\r\n]{0,100}\r\n(?:[^\r\n]{1,200}\r\n){0,4}\r\n([\x21-\x7e]{1,200})\r\n'
    rb'|"api_key" {0,4}: {0,4}"([\x21\x23-\x5b\x5d-\x7e]{1,200})"'
    rb"|(?:^|&)api_key=([0-9A-Za-z._~-]{1,200})"
)
_ATTRIBUTE = re.compile(r"attribute\[([^\[\]]{1,100})\](?:\[\])?")


class PostedForm(msgspec.Struct, frozen=True):
    """What was sent; a field may have several values. The same `key` means the same request, sent again. `api_key` is
    that of the program that sent it, known to the city; "" without one.
    """

    fields: Mapping[str, tuple[str, ...]]
    photos: tuple[bytes, ...] = ()
    key: str = ""
    api_key: str = ""

    def one(self, name: str) -> str:
        """The first value of a field that is not empty, without blanks around it; "" when there is none."""
        return next(iter(self.many(name)), "")

    def many(self, name: str) -> tuple[str, ...]:
        """All values of a field that are not empty."""
        return tuple(text for each in self.fields.get(name, ()) if (text := each.strip()))

    def attributes(self) -> dict[str, tuple[str, ...]]:
        """The answers to a service's questions: code -> values."""
        found: dict[str, tuple[str, ...]] = {}
        for name in self.fields:
            if (match := _ATTRIBUTE.fullmatch(name)) and (values := self.many(name)):
                found[match[1]] = found.get(match[1], ()) + values
        return found


def read_form(request: Request, body: bytes) -> PostedForm:
    """The form of a request, on a thread. Raises Refusal when it cannot be read."""
    form = _read(request, body)
    return msgspec.structs.replace(form, key=request.headers.get("idempotency-key", "").strip())


def most_body(request: Request) -> int:
    """How many bytes the body of a request may have: to read a long text costs as much as it is told to."""
    return MOST_BYTES + SMALL_BODY if is_multipart(request) else MOST_TEXT


def is_multipart(request: Request) -> bool:
    """Whether the body may hold photos."""
    return _kind(request) == "multipart/form-data"


def key_at_start(head: bytes) -> str:
    """The api_key in the first bytes of a body of any kind; "" when there is none."""
    found = _KEY.search(head)
    return next((each for each in found.groups() if each), b"").decode("ascii", "replace") if found else ""


def _kind(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _read(request: Request, body: bytes) -> PostedForm:
    kind = _kind(request)
    if kind == "application/json":
        return _form_of(_json_pairs(body))
    if kind == "multipart/form-data":
        return asyncio.run(_multipart(request, body))
    if kind in ("application/x-www-form-urlencoded", ""):
        return _form_of(_url_pairs(body))
    raise Refusal("The body has to be a form: application/x-www-form-urlencoded, multipart/form-data or JSON.")


def _form_of(pairs: Iterable[tuple[str, str]], photos: tuple[bytes, ...] = ()) -> PostedForm:
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        if "\x00" in name or "\x00" in value:
            raise Refusal("A form holds no NUL characters.")
        fields.setdefault(name, []).append(value)
    return PostedForm({name: tuple(values) for name, values in fields.items()}, photos)


def _url_pairs(body: bytes) -> list[tuple[str, str]]:
    if body.count(b"&") >= _MOST_FIELDS:
        raise Refusal(f"The form has more than {_MOST_FIELDS} fields.")
    # protects: encoded-is-counted-first
    if body.count(b"%") > _MOST_ENCODED:
        raise Refusal(f"The form has more than {_MOST_ENCODED:,} encoded bytes.")
    pairs = (part.partition(b"=") for part in body.split(b"&") if part)
    try:
        return [(_decoded(name), _decoded(value)) for name, _, value in pairs]
    except UnicodeDecodeError as fault:
        raise Refusal("The form is not in UTF-8.") from fault


def _decoded(part: bytes) -> str:
    return unquote_to_bytes(part.replace(b"+", b" ")).decode("utf-8")


async def _multipart(request: Request, body: bytes) -> PostedForm:
    async def replay() -> Message:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": body, "more_body": False}

    again = Request(request.scope, replay)
    try:
        async with again.form(max_files=MOST_PHOTOS, max_fields=_MOST_FIELDS, max_part_size=SMALL_BODY) as form:
            pairs = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
            files = [await value.read() for _, value in form.multi_items() if isinstance(value, UploadFile)]
    except (HTTPException, ValueError, LookupError) as fault:
        raise Refusal("The form cannot be read: it is no multipart/form-data, or has too many parts.") from fault
    texts = {value.encode("utf-8", "replace") for _, value in pairs if not value.isascii()}
    if texts and not texts <= _values_in(body, request):
        raise Refusal("The form is not in UTF-8.")
    return _form_of(pairs, tuple(each for each in files if each))


def _values_in(body: bytes, request: Request) -> set[bytes]:
    """The texts of a form as they came: Starlette reads others than UTF-8 in the charset that the form names, or as
    Latin-1. The body, which may hold a photo, is gone through once, however many texts there are.
    """
    _, options = parse_options_header(request.headers.get("content-type"))
    parts = body.split(b"\r\n--" + options.get(b"boundary", b""), _MOST_FIELDS + MOST_PHOTOS + 1)
    return {part.partition(b"\r\n\r\n")[2] for part in parts if len(part) <= _LARGEST_PART}


def _json_pairs(body: bytes) -> list[tuple[str, str]]:
    """The fields of a JSON object; attributes stand in an object named attribute, or as in a form."""
    try:
        whole = msgspec.json.decode(body)
    except (ValueError, RecursionError, OverflowError) as fault:
        raise Refusal("The body is no JSON that can be read.") from fault
    if not isinstance(whole, dict):
        raise Refusal("The body has to be a JSON object.")
    named: list[tuple[str, Any]] = []
    for name, value in whole.items():
        is_group = name == "attribute" and isinstance(value, dict)
        named += [(f"attribute[{code}]", answer) for code, answer in value.items()] if is_group else [(name, value)]
    # protects: values-are-counted-first
    if sum(len(value) if isinstance(value, list) else 1 for _, value in named) > _MOST_VALUES:
        raise Refusal("The body has too many fields.")
    return [pair for name, value in named for pair in _plain(name, value)]


def _plain(name: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, bool):
        return [(name, "true" if value else "false")]
    if isinstance(value, str | float):
        return [(name, str(value))]
    if isinstance(value, int):
        try:
            return [(name, str(value))]
        except ValueError as fault:  # more digits than Python writes
            raise Refusal(f"{name[:100]} is too large a number.") from fault
    if isinstance(value, list):
        return [pair for each in value if not isinstance(each, list) for pair in _plain(name, each)]
    if value is None:
        return []
    raise Refusal(f"{name[:100]} has to be a text, a number, or a list of them.")
