"""Decode JSON and plain values into structs; safe in any thread.

msgspec looks at a struct's fields when the struct is decoded for the first time, and enters it in its books before it
has looked at all of them: a second thread that decodes it in that moment ends the whole process with a segmentation
fault (msgspec 0.22, about every fourth time that eight threads begin together). So one thread at a time makes types
ready here, and nothing of the console or the server decodes structs past this module.
"""

from __future__ import annotations

import functools
import threading
from typing import Any, TypeVar, overload

import msgspec

T = TypeVar("T")
_one_at_a_time = threading.Lock()


def decoder_of(kind: Any) -> msgspec.json.Decoder[Any]:
    """The decoder of JSON for a type: made once, for all threads."""
    decoder: msgspec.json.Decoder[Any] = _made(msgspec.json.Decoder, kind)
    return decoder


def message_decoder_of(kind: Any) -> msgspec.msgpack.Decoder[Any]:
    """The decoder of MessagePack for a type: made once, for all threads."""
    decoder: msgspec.msgpack.Decoder[Any] = _made(msgspec.msgpack.Decoder, kind)
    return decoder


@functools.cache
def _made(form: Any, kind: Any) -> Any:
    # protects: one-at-a-time-decoding
    with _one_at_a_time:
        return form(kind)


@overload
def decode(body: bytes | str, kind: type[T]) -> T: ...
@overload
def decode(body: bytes | str, kind: Any) -> Any: ...
def decode(body: bytes | str, kind: Any) -> Any:
    """JSON to a value of the type. Raises msgspec.DecodeError, msgspec.ValidationError and RecursionError."""
    return _made(msgspec.json.Decoder, kind).decode(body)


@overload
def convert(value: Any, kind: type[T], *, strict: bool = True) -> T: ...
@overload
def convert(value: Any, kind: Any, *, strict: bool = True) -> Any: ...
def convert(value: Any, kind: Any, *, strict: bool = True) -> Any:
    """A plain value to one of the type. Raises msgspec.ValidationError and RecursionError."""
    decoder_of(kind)
    return msgspec.convert(value, kind, strict=strict)
