"""An error is what was raised last: whatever answer was being examined when a second exchange failed, that one counts.

Every refusal after which the sender asks the server once more is tried with every way in which that question can fail.
"""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from api_client import errors
from api_client.dispatch import DispatchClient
from api_client.model import Kind
from api_client.transport import TransferLimits
from console.rules.edit import Edit
from console.sync.attempt import CannotSend
from console.sync.send_dispatch import DispatchSender
from tests.helpers.net import Asked, Canned, http

QUICK = TransferLimits(connect_s=0.4, read_s=0.4, total_s=1.2)
ROOT = {"name": "sigap", "epoch": "epoch-1"}
EDIT = Edit("e1", Kind.SET, "7", "", "d", 1, datetime(2026, 11, 24, 12, tzinfo=UTC), {"priority": 1}, base_version=3)


def fault(status: int, word: str) -> bytes:
    return http(status, {"error": word, "message": f"Refused: {word}."})


ANSWERS = {
    "conflict without a version": fault(412, "conflict"),
    "gone": fault(410, "gone"),
    "not found": fault(404, "not_found"),
    "key reused": fault(422, "key_reused"),
}
"""The refusals after which the sender looks at the report."""

FAULTS: dict[str, tuple[bytes, type[errors.ApiError]]] = {
    "cut": (b"", errors.Unreachable),
    "cut in the first line": (b"HTTP/1.1 2", errors.Unreachable),
    "cut in the body": (http(200, {"id": "7"}).replace(b"Content-Length: ", b"Content-Length: 9"), errors.Unreachable),
    "no HTTP": (b"220 ready\r\n", errors.Unreachable),
    "portal": (http(200, "<html>hotel</html>"), errors.NotThisServer),
    "fell": (fault(500, "defect"), errors.ServerFault),
    "no backend": (http(502, "<html>bad gateway</html>"), errors.NoBackend),
    "busy": (fault(503, "busy"), errors.Busy),
    "signed out": (fault(401, "sign_in"), errors.SignIn),
    "forbidden": (fault(403, "forbidden"), errors.Forbidden),
    "no report": (http(200, {"id": 7}), errors.Malformed),
}


@contextmanager
def sender(first: bytes, second: bytes) -> Iterator[tuple[DispatchSender, DispatchClient]]:
    """A server that answers what is sent with `first`, and whatever is asked about it then with `second`."""

    def answer(asked: Asked, _: socket.socket) -> bytes:
        if asked.path == "/dispatch/v1/":
            return http(200, ROOT)
        if asked.path == "/dispatch/v1/me":
            return http(200, {"name": "local", "role": "supervisor"})
        return first if asked.method == "POST" else second

    server = Canned(answer)
    client = DispatchClient(server.url, "secret-token", page=QUICK, small=QUICK, photo=QUICK, silence_s=0.4)
    try:
        client.root()
        yield DispatchSender(client, 600), client
    finally:
        client.close()
        server.close()


@pytest.mark.parametrize(("refusal", "failing"), list(itertools.product(ANSWERS, FAULTS)))
def test_what_failed_last_is_what_is_told(refusal: str, failing: str) -> None:
    second, kind = FAULTS[failing]
    with sender(ANSWERS[refusal], second) as (sending, _), pytest.raises((errors.ApiError, CannotSend)) as told:
        sending.send(EDIT, "7", repeated=False)
    assert type(told.value) is kind
    assert not isinstance(told.value, CannotSend)


@pytest.mark.parametrize(
    "handled", [errors.Conflict("x"), errors.CursorTooOld("x"), errors.BadAddress("x"), OSError("x")]
)
def test_what_was_being_handled_says_nothing_of_an_exchange_that_is_cut(handled: Exception) -> None:
    with sender(b"", b"") as (_, client):
        try:
            raise handled
        except Exception:
            with pytest.raises(errors.Unreachable) as told:
                client.report("7")
    assert type(told.value) is errors.Unreachable


def test_a_complete_second_answer_still_settles_the_refusal() -> None:
    report: dict[str, Any] = {"id": "7", "version": 9, "status": "new", "priority": 3}
    report |= {"created": "2026-11-24T10:00:00Z", "updated": "2026-11-24T10:00:00Z"}
    with sender(ANSWERS["conflict without a version"], http(200, report)) as (sending, _):
        with pytest.raises(errors.Conflict) as told:
            sending.send(EDIT, "7", repeated=False)
        assert told.value.version == 9
    with sender(ANSWERS["gone"], fault(404, "not_found")) as (sending, _), pytest.raises(CannotSend):
        sending.send(EDIT, "7", repeated=False)
