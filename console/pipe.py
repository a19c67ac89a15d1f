"""Frame what the console and its child processes say: 4 bytes of length, big-endian, then one MessagePack value."""

from __future__ import annotations

import os
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

import msgspec

from api_client.decoding import message_decoder_of

M = TypeVar("M")
_HEAD = struct.Struct(">I")
LARGEST = 64 * 1024 * 1024
_ORDERLY_S = 2.0


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


def listen(kind: Any, take: Callable[[Any], object], over: Callable[[], object]) -> None:
    """In a thread of its own: `take` each message of a kind that comes on the standard input, until that is at its end
    or breaks the protocol; then `over` is to end the process, which goes soon after, whatever holds it up.
    """

    def run() -> None:
        frames: Frames[Any] = Frames(kind)
        try:
            while piece := os.read(0, 65_536):
                for message in frames.feed(piece):
                    take(message)
        except BrokenFrame:
            pass
        over()
        time.sleep(_ORDERLY_S)
        os._exit(0)

    threading.Thread(target=run, name="input", daemon=True).start()
