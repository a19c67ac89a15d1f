"""Frame what the console and its child processes say: 4 bytes of length, big-endian, then one MessagePack value."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import msgspec

from api_client.decoding import message_decoder_of

M = TypeVar("M")
_HEAD = struct.Struct(">I")
LARGEST = 64 * 1024 * 1024


class BrokenFrame(Exception):
    """The other side does not speak this protocol."""


def pack(message: msgspec.Struct) -> bytes:
    """One message with its length before it."""
    body = msgspec.msgpack.encode(message)
    return _HEAD.pack(len(body)) + body


class Frames(Generic[M]):
    """Take bytes as they come, give whole messages. `kind` is the union of what may come."""

    def __init__(self, kind: Any) -> None:
        self._decoder: msgspec.msgpack.Decoder[M] = message_decoder_of(kind)
        self._kept = bytearray()

    def feed(self, piece: bytes) -> Iterator[M]:
        """The messages that are complete now. Raises BrokenFrame."""
        self._kept += piece
        start = 0
        while len(self._kept) - start >= _HEAD.size:
            (size,) = _HEAD.unpack_from(self._kept, start)
            if size > LARGEST:
                raise BrokenFrame(f"a message of {size} bytes")
            end = start + _HEAD.size + size
            if len(self._kept) < end:
                break
            body = bytes(self._kept[start + _HEAD.size : end])
            start = end
            try:
                message = self._decoder.decode(body)
            except msgspec.DecodeError as error:
                raise BrokenFrame(str(error)) from error
            yield message
        del self._kept[:start]
