"""Small reports, pages and edits for the store's tests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from api_client.model import Assignment, AssignmentState, Entry, Kind, Message, ReadMark, Report, Status
from console.cache.page_items import Cursor, MessageCursor, PageItem
from console.cache.writer import CacheWriter
from console.outbox.work_file import WorkFile
from console.rules.edit import Edit
from console.rules.queued import EditState, Queued

T0 = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def report(remote_id: str = "1", **changes: Any) -> Report:
    values: dict[str, Any] = {
        "id": remote_id,
        "version": 1,
        "status": Status.NEW,
        "service": "flood",
        "priority": 3,
        "description": "Water on the road",
        "created": T0,
        "updated": T0,
    }
    return Report(**(values | changes))


def assignment(key: str, report_id: str, unit: str, state: AssignmentState, minute: int = 0) -> Assignment:
    at = T0 + timedelta(minutes=minute)
    return Assignment(key, report_id, unit, state, at, "rina", at)


def entry(key: str, report_id: str | None, edit: str | None, minute: int = 0) -> Entry:
    return Entry(key, report_id, "note", T0 + timedelta(minutes=minute), "rina", edit=edit)


def items(*reports: Report, seq: int = 1) -> list[PageItem]:
    return [PageItem("report", seq + index, one.id, one) for index, one in enumerate(reports)]


def at(seq: int) -> Cursor:
    return Cursor(epoch="e1", seq=seq, scope_version=1, as_of=T0)


def edit(edit_id: str, kind: Kind = Kind.NOTE, report_key: str | None = "1", number: int = 1, **changes: Any) -> Edit:
    values: dict[str, Any] = {
        "id": edit_id,
        "kind": kind,
        "report": report_key,
        "author": "rina",
        "device": "d1",
        "number": number,
        "occurred_at": T0,
        "source": "city",
    }
    return Edit(**(values | changes))


def ids(rows: Iterable[Any]) -> list[int]:
    return [int(row) for row in rows]


def note_state(
    work: WorkFile, edit_id: str, state: EditState, *, late: bool | None = None, **is_so: Any
) -> Queued | None:
    """Note on the disk that an edit is in a state; None when there is no such edit. What is not said is not so."""
    before = work.get(edit_id)
    if before is None:
        return None
    edit = before.edit if late is None else replace(before.edit, late=late)
    attempts = before.attempts + (state is EditState.SENDING and before.state is not EditState.SENDING)
    return work.put(replace(Queued(edit, state, attempts, told_by_radio=before.told_by_radio), **is_so))


def put_messages(writer: CacheWriter, *things: Message | ReadMark, user: str) -> None:
    """What the server of the source "city" gives this user of messages, after what it gave him before."""
    before = writer.message_cursor("city")
    if before is None or before.user != user:
        before = MessageCursor(user, "e", 1, 0)
        writer.forget_messages("city", before)
    kinds = {Message: "message", ReadMark: "read_mark"}
    items = [PageItem(kinds[type(one)], before.seq + n, one.id, one) for n, one in enumerate(things, start=1)]
    after = MessageCursor(user, "e", 1, before.seq + len(things))
    assert writer.put_messages("city", items, before, after) is not None
