"""Put an edit into the Dispatch API's form and send it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from api_client import errors, model
from api_client.decoding import convert
from api_client.dispatch import DispatchClient
from api_client.model import Kind
from console.rules.edit import (
    ALARMS,
    APPENDS,
    CLOSURES,
    INSTEAD_OF,
    KNOWS_NO_ALARMS,
    KNOWS_NO_MESSAGES,
    LEAVES,
    LOG_LINES,
    MESSAGES,
    OFFERS,
    SHOWN,
    SINCE,
    Edit,
    good_until,
    in_short,
)
from console.rules.queued import ByWhom, StopReason, TakenAs
from console.rules.recreate import MADE_HERE
from console.sync.attempt import CannotSend, EditAlreadyThere, TooLate

_KEY_REUSED = "key_reused"
_ANOTHER_REPORT = "another_report"
_ALREADY_THERE = "already_there"
_EXPIRED = "expired"
_NOT_FOUND = 404
_OF_MESSAGES = frozenset({Kind.MESSAGE, Kind.READ})
_NO_SUCH = frozenset({_NOT_FOUND, 405})
_KNOWS_NO_LOG = "This server is of an older version and takes no lines of the log: only this console has it."
_UNKNOWN = frozenset({400, 422})
_OF_OFFERS = frozenset({Kind.OFFER, Kind.DECLINE})
_KNOWS_NO_OFFERS = "This server is of an older version, at which a report cannot be given: release it, and tell him."
_KNOWS_NO_CLOSURES = "This server is of an older version and knows no closed streets: the city cannot be told."
_ABOUT = ("created", "into", MADE_HERE, INSTEAD_OF, LEAVES, SHOWN, SINCE)
LARGEST = 256_000
"""Bytes of one edit; photos travel on their own."""


class TakenEdit(NamedTuple):
    """An edit as the server took it."""

    remote_id: str | None
    version: int | None
    taken_as: TakenAs | None = None


class Body(msgspec.Struct, frozen=True):
    """An api_client.model.EditBody as it is written: the same bytes on every try, or a repeated key would be refused.

    So its values are those of work.db as they stand there, not decoded and encoded anew.
    """

    id: str
    kind: Kind
    occurred_at: Any
    late: bool
    data: dict[str, Any]
    undoes: str | None
    device: str
    number: int
    about: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    expires_at: datetime | msgspec.UnsetType = msgspec.UNSET


class DispatchSender:
    """Sends edits to one Dispatch server. An edit of somebody else is refused: it would bear the wrong name there."""

    def __init__(self, client: DispatchClient, order_lifetime_s: float) -> None:
        self._client, self._order_lifetime_s = client, order_lifetime_s
        self._me: str | None = None

    def send(self, edit: Edit, report: str | None, *, repeated: bool) -> TakenEdit:
        """See console.sync.attempt.Sender. The key makes repeating harmless."""
        self._check_author(edit)
        if repeated:
            self._check_place(edit)
        body = encode_edit(edit, self._order_lifetime_s)
        # protects: largest-edit
        if len(body) > LARGEST:
            # The server would hang up in the middle of it, which looks like a link that is cut.
            raise CannotSend(StopReason.TOO_LONG, f"{len(body) // 1000:,}")
        if_match = None if edit.kind in APPENDS or edit.report is None else edit.base_version
        try:
            answer = self._client.send_edit(_path(edit, report), body, key=edit.id, if_match=if_match)
        except errors.Conflict as conflict:
            if conflict.version is None and report is not None:
                conflict.version = self._client.report(report).version
            raise
        except errors.CursorTooOld as gone:
            if report is not None and self._is_deleted(report):
                raise CannotSend(StopReason.REPORT_DELETED, str(gone)) from gone
            raise
        except errors.Refused as refused:
            # protects: deleted-is-not-missing
            if refused.status == _NOT_FOUND and report is not None and self._is_deleted(report):
                raise CannotSend(StopReason.REPORT_DELETED, str(refused), _by(refused.done_by)) from refused
            if edit.kind is Kind.CLOSURE and refused.status in _NO_SUCH and CLOSURES not in self._client.root().can:
                raise CannotSend(StopReason.REFUSED, _KNOWS_NO_CLOSURES) from refused
            if edit.kind is Kind.ALARM and refused.status in _NO_SUCH and ALARMS not in self._client.root().can:
                raise CannotSend(StopReason.REFUSED, KNOWS_NO_ALARMS) from refused
            if edit.kind in _OF_MESSAGES and refused.status in _NO_SUCH and MESSAGES not in self._client.root().can:
                raise CannotSend(StopReason.REFUSED, KNOWS_NO_MESSAGES) from refused
            if edit.kind is Kind.LOG and refused.status in _NO_SUCH and LOG_LINES not in self._client.root().can:
                raise CannotSend(StopReason.REFUSED, _KNOWS_NO_LOG) from refused
            if edit.kind in _OF_OFFERS and refused.status in _UNKNOWN and OFFERS not in self._client.root().can:
                raise CannotSend(StopReason.REFUSED, _KNOWS_NO_OFFERS) from refused
            if refused.code == _EXPIRED:
                raise TooLate from refused
            if refused.code == _ALREADY_THERE and edit.about.get(INSTEAD_OF) and refused.report:
                raise EditAlreadyThere(refused.report, refused.edit) from refused
            if refused.code == _ANOTHER_REPORT and refused.report in (None, report):
                raise CannotSend(StopReason.ANOTHER_REPORT) from refused
            # protects: reused-key-shows-both
            if refused.code == _KEY_REUSED and (there := self._under_its_key(edit, report)):
                raise CannotSend(StopReason.KEY_REUSED, there) from refused
            raise
        created = answer.entry.report if edit.kind is Kind.CREATE else None
        if edit.kind is Kind.CREATE and created is None:
            raise errors.Malformed("The server took the report but named no id.")
        return TakenEdit(created, answer.report.version if answer.report is not None else None)

    def has_arrived(self, edit: Edit, report: str | None) -> bool:
        """Whether the report's history holds an entry with the edit's id."""
        return report is not None and self._entry_of(edit, report) is not None

    def _entry_of(self, edit: Edit, report: str) -> model.Entry | None:
        return next((entry for entry in self._client.entries(report, edit.id) if entry.edit == edit.id), None)

    def _is_deleted(self, report: str) -> bool:
        """Whether it is the report that is missing, and not something else that an edit names."""
        try:
            self._client.report(report)
        except errors.CursorTooOld:
            return True
        except errors.Refused as refused:
            return refused.status == _NOT_FOUND
        return False

    def _under_its_key(self, edit: Edit, report: str | None) -> str:
        """What the report's history holds under the edit's key, in short: a human has to see both.

        "" when it holds nothing: the server's own words are better then.
        """
        found = self._entry_of(edit, report) if report is not None else None
        return in_short(found.kind, found.data) if found is not None else ""

    @property
    def exchanges(self) -> int:
        """How many exchanges have ended."""
        return self._client.exchanges

    def interrupt(self) -> None:
        """From any thread: end a request that hangs; the key makes it harmless to send it anew."""
        self._client.interrupt()

    def cut(self) -> None:
        """From any thread: end what is under way."""
        self._client.cut()

    def close(self) -> None:
        """Drop the connections."""
        self._client.close()

    def _check_author(self, edit: Edit) -> None:
        if self._me is None:
            self._me = self._client.me().name
        if self._me != "local" and edit.author and edit.author != self._me:
            raise CannotSend(StopReason.NOT_SIGNED_IN, self._me)

    def _check_place(self, edit: Edit) -> None:
        """A server that cannot take it in the place of another one would have both. Raises CannotSend."""
        # protects: older-server-doubles-nothing
        if edit.about.get(INSTEAD_OF) and INSTEAD_OF not in self._client.root().can:
            raise CannotSend(StopReason.MAY_BE_THERE)


def encode_edit(edit: Edit, order_lifetime_s: float) -> bytes:
    """The request's body.

    The server refuses the edit when the reports that it names were created at other times, and an order when it only
    gets to it after its time: a request can lie in the connection of a server that stands still.
    """
    about = {name: edit.about[name] for name in _ABOUT if edit.about.get(name)}
    # protects: edit-says-when-its-report-was-made
    return msgspec.json.encode(
        Body(
            edit.id,
            edit.kind,
            edit.occurred_at,
            edit.late,
            edit.data,
            edit.undoes,
            edit.device,
            edit.number,
            about or msgspec.UNSET,
            good_until(edit, order_lifetime_s) or msgspec.UNSET,
        )
    )


def _by(done_by: dict[str, str]) -> ByWhom | None:
    """Who deleted a report and when, as a server says it; what cannot be read is left out."""
    try:
        return convert(done_by, ByWhom) if done_by else None
    except msgspec.ValidationError:
        return ByWhom(who=done_by.get("who"))


def _path(edit: Edit, report: str | None) -> str:
    if edit.kind is Kind.CREATE:
        return "/reports"
    if edit.kind is Kind.CLOSURE:
        return f"/closures/{quote(str(edit.data.get('closure', '')), safe='')}/edits"
    if edit.kind is Kind.ALARM:
        return "/alarms/edits"
    if edit.kind in _OF_MESSAGES:
        return "/messages/edits"
    if edit.kind is Kind.LOG:
        return "/log/edits"
    if edit.report is None:
        return f"/units/{quote(str(edit.data.get('unit', '')), safe='')}/edits"
    return f"/reports/{quote(report or '', safe='')}/edits"
