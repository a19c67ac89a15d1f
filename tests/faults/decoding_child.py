"""Eight threads at a time decode the same new type for the first time, again and again: `… decode|convert|message`."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

import msgspec

from api_client.decoding import convert, decode, message_decoder_of

THREADS, ROUNDS = 8, 60

WAYS: dict[str, Callable[[dict[str, Any], Any], object]] = {
    "decode": lambda value, kind: decode(msgspec.json.encode(value), kind),
    "convert": lambda value, kind: convert(value, kind),
    "message": lambda value, kind: message_decoder_of(kind).decode(msgspec.msgpack.encode(value)),
}


def a_new_type() -> Any:
    inner = msgspec.defstruct("Inner", [(f"field_{n}", int) for n in range(20)])
    return msgspec.defstruct("Outer", [(f"part_{n}", inner) for n in range(5)])


def main(way: str) -> None:
    sys.setswitchinterval(1e-6)  # the threads take turns as often as can be
    value = {f"part_{n}": {f"field_{m}": m for m in range(20)} for n in range(5)}
    decoded: list[object] = []
    for _ in range(ROUNDS):
        kind, together = a_new_type(), threading.Barrier(THREADS)

        def work(kind: Any = kind, together: threading.Barrier = together) -> None:
            together.wait()
            decoded.append(WAYS[way](value, kind))

        threads = [threading.Thread(target=work) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [msgspec.to_builtins(one) for one in decoded] == [value] * (THREADS * ROUNDS)


if __name__ == "__main__":
    main(sys.argv[1])
