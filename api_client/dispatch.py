"""Speak the Dispatch API (docs/dispatch-api): feed, stream, edits and media of one server."""

from __future__ import annotations

import contextlib
import hashlib
import uuid
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
import requests

from api_client import errors, model
from api_client.tolerant_reader import UNREADABLE, OpenWords, mend
from api_client.transport import (
    PAGE,
    PHOTO,
    SMALL,
    HttpAnswer,
    TransferLimits,
    Transport,
    UnderWay,
    retry_after_s,
    utc_now,
)

T = TypeVar("T")
PREFIX = "/dispatch/v1"
MARK = "Sigap-Server"
TIME = "Sigap-Time"
"""The header with the server's own time."""
CONSOLE = "Sigap-Console"
"""The header by which a server knows which of a user's consoles asks."""
_THIS_CONSOLE = uuid.uuid4().hex
"""Another one each time a console follows its servers anew: it says nothing of who it is."""
STREAM_SILENCE_S = 30.0
_LONGEST_LINE = 4 * 1024 * 1024
_PIECE = 1024 * 1024


class StreamAlive(msgspec.Struct, frozen=True):
    """The stream is alive and has nothing new."""


Event = model.Seq | model.LastValues | StreamAlive


class DispatchClient:
    """One server, one session, one thread at a time (`cut` may come from any).

    `last` is the latest answer, for its clock and latency. Every method raises api_client.errors.
    """

    def __init__(
        self,
        base_url: str,
        token: str | None = None,
        session: requests.Session | None = None,
        *,
        insecure_http: bool = False,
        page: TransferLimits = PAGE,
        small: TransferLimits = SMALL,
        photo: TransferLimits = PHOTO,
        silence_s: float = STREAM_SILENCE_S,
        clock: Callable[[], datetime] = utc_now,
        under_way: UnderWay | None = None,
    ) -> None:
        self._transport = Transport(
            base_url,
            token=token,
            session=session,
            insecure_http=insecure_http,
            clock=clock,
            under_way=under_way,
            time_header=TIME,
            headers={CONSOLE: _THIS_CONSOLE},
        )
        self._page = page
        self._small = small
        self._photo = photo
        self._silence_s = silence_s
        self.last: HttpAnswer | None = None

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

    # Reading

    def root(self) -> model.Welcome:
        """Who the server is; NotThisServer when it is no Sigap server."""
        root = self._get("/", model.Welcome)
        if root.name != "sigap":
            raise errors.NotThisServer(f"{self._transport.host} is not a Sigap server.")
        return root

    def me(self) -> model.Me:
        """Whom the token belongs to."""
        return self._get("/me", model.Me)

    def stats(self) -> model.Stats:
        """Counts of everything."""
        return self._get("/stats", model.Stats)

    def statuses(self) -> list[model.StatusRow]:
        """The server's statuses."""
        return self._get("/statuses", list[model.StatusRow])

    def changes(self, after: int, limit: int = 2000) -> model.Changes:
        """The next page of the feed; Gone when `after` is too old or beyond the counter."""
        return self._get("/changes", model.Changes, {"after": after, "limit": limit}, limits=self._page)

    def snapshot(self, after_key: str | None, limit: int = 2000) -> model.Snapshot:
        """The next page of a first fill."""
        params: dict[str, Any] = {"limit": limit}
        if after_key is not None:
            params["after_key"] = after_key
        return self._get("/snapshot", model.Snapshot, params, limits=self._page)

    def messages(self, after: int, limit: int = 2000) -> model.Changes:
        """The next page of what the user may read of messages; CursorTooOld when the number is not reached."""
        return self._get("/messages", model.Changes, {"after": after, "limit": limit}, limits=self._page)

    def digest(self, first: date, last: date) -> model.Digest:
        """Count and hash of each day's reports, at most 400 days; Refused by a server that knows no digests."""
        params = {"from": first.isoformat(), "to": last.isoformat()}
        return self._get("/digest", model.Digest, params, limits=self._page)

    def digest_of_day(self, day: date) -> model.DayReports:
        """What a day's hash is made of."""
        return self._get(f"/digest/{day.isoformat()}", model.DayReports, limits=self._page)

    def report(self, report: str, open_words: OpenWords | None = None) -> model.Report:
        """One report; `open_words` says of the server's own status words whether they are open."""
        return self._get(f"/reports/{quote(report, safe='')}", model.Report, open_words=open_words)

    def entries(self, report: str, edit: str | None = None) -> list[model.Entry]:
        """The history of one report, of which `edit` asks for that edit's entry alone; some servers tell all of it."""
        params = {"edit": edit} if edit is not None else None
        path = f"/reports/{quote(report, safe='')}/entries"
        return self._get(path, list[model.Entry], params, limits=self._page)

    def contact(self, report: str) -> model.Contact:
        """A reporter's personal data; the server logs who asked."""
        return self._get(f"/reports/{quote(report, safe='')}/contact", model.Contact)

    def reports_of_caller(self, phone: str) -> model.CallerReports:
        """The reports of a telephone number; the server logs who asked."""
        body = msgspec.json.encode(model.CallerNumber(phone))
        answer = self._ask("POST", "/callers/reports", headers=_JSON, body=body, limits=self._small)
        return self._decode(answer, model.CallerReports)

    def offer_handover(self, offer: model.HandoverOffer) -> model.Handover:
        """Offer a hand-over in the user's name; Refused by a server that keeps none."""
        body = msgspec.json.encode(offer)
        return self._decode(
            self._ask("POST", "/handovers", headers=_JSON, body=body, limits=self._page), model.Handover
        )

    def sign_handover(self, handover: str, signature: model.HandoverSignature) -> model.Handover:
        """Have a hand-over signed by who takes over; Busy after too many wrong PINs."""
        path = f"/handovers/{quote(handover, safe='')}/signature"
        answer = self._ask("POST", path, headers=_JSON, body=msgspec.json.encode(signature), limits=self._page)
        return self._decode(answer, model.Handover)

    def set_pin(self, pin: model.NewPin) -> None:
        """Give the user another PIN."""
        self._ask("PUT", "/me/pin", headers=_JSON, body=msgspec.json.encode(pin), limits=self._small)

    @contextlib.contextmanager
    def stream(self) -> Iterator[Iterator[Event]]:
        """The server's events as they come; Unreachable when cut or silent for 30 s."""
        limits = TransferLimits(self._small.connect_s, self._silence_s, self._small.total_s)
        with self._transport.stream(PREFIX + "/stream", limits=limits) as (head, pieces):
            if head.status != 200:
                self._raise(head)
            self._check_mark(head)
            if head.content_type != "text/event-stream":
                raise errors.NotThisServer(f"{self._transport.host} has no stream of events.")
            yield _events(pieces)

    # Writing

    def send_edit(self, path: str, body: bytes, *, key: str, if_match: int | None = None) -> model.EditAnswer:
        """POST one edit (`path` as in docs, such as /reports/17/edits). Harmless to repeat with the same key.

        Raises NotThisServer unless the answer bears the edit's id.
        """
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        if if_match is not None:
            headers["If-Match"] = f'"{if_match}"'
        answer = self._ask("POST", path, headers=headers, body=body, limits=self._small)
        taken = self._decode(answer, model.EditAnswer)
        # protects: answer-bears-the-edit
        if taken.entry.edit != key:
            raise errors.NotThisServer(f"{self._transport.host} answered about another edit.")
        return taken

    def put_media(self, sha256: str, content: bytes) -> None:
        """Send a photo's bytes; harmless to repeat. A large one goes in pieces, from where an earlier try was cut."""
        path, size = f"/media/{_hash(sha256)}", len(content)
        if size <= _PIECE:
            self._ask("PUT", path, headers=_BYTES, body=content, limits=self._photo)
            return
        done = self._put_piece(path, content, size - 1, size)  # the last byte alone asks how much is there already
        while done < size:
            further = self._put_piece(path, content, done, min(done + _PIECE, size))
            if further <= done:
                raise errors.ServerFault(f"{self._transport.host} does not take the photo.")
            done = further

    def get_media(self, sha256: str) -> bytes:
        """A photo's bytes, checked against their hash."""
        answer = self._ask("GET", f"/media/{_hash(sha256)}", limits=self._photo)
        if hashlib.sha256(answer.body).hexdigest() != sha256:
            raise errors.Malformed("The photo is not the one that was asked for.")
        return answer.body

    def put_presence(self, report: str | None) -> None:
        """Say which report the operator looks at."""
        self._ask("PUT", "/presence", headers=_JSON, body=msgspec.json.encode({"report": report}), limits=self._small)

    def sign_out(self) -> None:
        """Say that the operator has signed out: what he has taken is offered to others. Refused (404, 405) by a server
        of a version that knows of no sign-out.
        """
        self._ask("DELETE", "/presence", limits=self._small)

    def tell_export(self, body: bytes) -> None:
        """POST the note of an export to the audit log. Harmless to repeat with the same id."""
        self._ask("POST", "/exports", headers=_JSON, body=body, limits=self._small)

    # Inside

    def _put_piece(self, path: str, content: bytes, first: int, end: int) -> int:
        """Send the bytes first … end - 1; how many of the whole the server has then."""
        headers = _BYTES | {"Content-Range": f"bytes {first}-{end - 1}/{len(content)}"}
        answer = self._ask("PUT", path, headers=headers, body=content[first:end], limits=self._photo)
        return _received(answer) if answer.status == 308 else len(content)

    def _get(
        self,
        path: str,
        kind: type[T],
        params: dict[str, Any] | None = None,
        *,
        limits: TransferLimits | None = None,
        open_words: OpenWords | None = None,
    ) -> T:
        answer = self._ask(
            "GET", path, params=params, headers={"Accept": "application/json"}, limits=limits or self._small
        )
        return self._decode(answer, kind, open_words)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        limits: TransferLimits,
        params: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> HttpAnswer:
        answer = self._transport.request(
            method, PREFIX + path, params=params, headers=headers, body=body, limits=limits
        )
        if answer.status >= 400:
            self._raise(answer)
        self._check_mark(answer)
        self.last = answer
        return answer

    def _check_mark(self, answer: HttpAnswer) -> None:
        if MARK not in answer.headers:
            raise errors.NotThisServer(
                f"What answers at {self._transport.host} is not a Sigap server: a sign-in page of the network, perhaps."
            )

    def _decode(self, answer: HttpAnswer, kind: type[T], open_words: OpenWords | None = None) -> T:
        if answer.content_type != "application/json":
            raise errors.NotThisServer(
                f"{self._transport.host} answered with {answer.content_type or 'nothing'}, not data."
            )
        return decode(answer.body, kind, self._transport.host, open_words)

    def _raise(self, answer: HttpAnswer) -> None:
        """Turn an error status into its exception."""
        fault = _fault(answer)
        words = fault.message or f"{self._transport.host} answered {answer.status}."
        raise_for(answer, words, fault.error, known=MARK in answer.headers, conflict=fault)


_JSON = {"Content-Type": "application/json"}
_BYTES = {"Content-Type": "application/octet-stream"}


def decode(body: bytes, kind: type[T], host: str, open_words: OpenWords | None = None) -> T:
    """JSON to a struct, of a server of any version; Malformed when it breaks the form, however deep or broken it is."""
    try:
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.DecodeError:
            # protects: one-spoilt-text-spoils-no-page
            return mend(body, kind, open_words)
    except UNREADABLE as error:
        raise errors.Malformed(f"{host} sent data that cannot be read ({str(error)[:120]}).") from error


def raise_for(
    answer: HttpAnswer, words: str, word: str = "", *, known: bool, conflict: model.ApiFault | None = None
) -> None:
    """Raise the exception of an error status. `known` is whether the answer bears the server's mark.

    Patience is asked for by the server alone: what stands before it, a page of the network perhaps, asks for none.
    """
    status = answer.status
    if status in (429, 503):
        asked = retry_after_s(answer.headers, answer.server_time or utc_now())
        # protects: patience-is-the-servers-word
        raise errors.Busy(words, retry_after_s=asked if known else None)
    if status in (502, 504):
        raise errors.NoBackend(words)
    if status >= 500 or status in (408, 425):
        raise errors.ServerFault(words)
    if status == 407:
        raise errors.Unreachable("The network's proxy asks for a sign-in.")
    if not known:
        raise errors.NotThisServer(f"What answered ({status}) is not a report server: a page of the network, perhaps.")
    if status == 401:
        raise errors.SignIn(words)
    if status == 403:
        raise errors.Forbidden(words)
    if status == 409 and word == "in_progress":
        raise errors.InProgress(words)
    if status == 410:
        raise errors.CursorTooOld(words)
    if status == 412 and conflict is not None:
        busy = {
            name: value
            for name in ("unit", "report", "who", "at", "priority")
            if word == "busy" and (value := getattr(conflict, name)) is not None
        }
        raise errors.Conflict(words, fields=conflict.fields, busy=busy, version=conflict.version)
    fault = conflict or model.ApiFault()
    done_by = {name: value for name in ("who", "at") if (value := getattr(fault, name)) is not None}
    raise errors.Refused(words, status=status, code=word, done_by=done_by, report=fault.report, edit=fault.edit)


def _fault(answer: HttpAnswer) -> model.ApiFault:
    if answer.content_type != "application/json":
        return model.ApiFault()
    try:
        return msgspec.json.decode(answer.body, type=model.ApiFault)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return model.ApiFault()


def _hash(sha256: str) -> str:
    if len(sha256) != 64 or not all(c in "0123456789abcdef" for c in sha256):
        raise errors.Refused("That is not the name of a photo.")
    return sha256


def _received(answer: HttpAnswer) -> int:
    """How many bytes a 308 says have arrived (`Range: bytes=0-1023`)."""
    last = answer.headers.get("Range", "").rpartition("-")[2]
    return int(last) + 1 if last.isdigit() else 0


def _events(pieces: Iterator[bytes]) -> Iterator[Event]:
    """Server-sent events: fields up to an empty line; a comment line is a beat."""
    kept = b""
    name, data = "", b""
    for piece in pieces:
        kept += piece
        if len(kept) > _LONGEST_LINE:
            raise errors.Malformed("The stream sent a line too long to read.")
        *lines, kept = kept.split(b"\n")
        for raw in lines:
            line = raw.rstrip(b"\r")
            if line.startswith(b":"):
                yield StreamAlive()
            elif line.startswith(b"event:"):
                name = line[6:].strip().decode("ascii", "replace")
            elif line.startswith(b"data:"):
                data += line[5:].strip()
            elif not line:
                if data:
                    event = _event(name, data)
                    if event is not None:
                        yield event
                name, data = "", b""


def _event(name: str, data: bytes) -> Event | None:
    if name == "seq":
        return decode(data, model.Seq, "The stream")
    if name == "presence":
        return decode(data, model.LastValues, "The stream")
    return None
