"""Messages in cache.db: threads with what is unread, for one user of a source and for nobody else."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api_client.model import Message, ReadMark, Recipient
from console.cache.page_items import Cursor, DeletedItem, MessageCursor, PageItem
from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter
from console.files.sqlite_file import CACHE, MIGRATIONS_TABLE
from tests.unit.cache.making import T0, at, items, report

RINA = MessageCursor("rina", "e1", 1, 0)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[CacheWriter]:
    writer = CacheWriter(tmp_path)
    writer.forget_messages("city", RINA)
    yield writer
    writer.close()


def message(key: str, minute: int = 0, **more: Any) -> Message:
    values: dict[str, Any] = {"author": "SDA-11", "to": Recipient(role="operator"), "unit": "unit-11", "to_you": True}
    return Message(key, at=T0 + timedelta(minutes=minute), text=f"words of {key}", **(values | more))


def page(*things: Message | ReadMark, seq: int = 1) -> list[PageItem]:
    kinds = {Message: "message", ReadMark: "read_mark"}
    return [PageItem(kinds[type(one)], seq + number, one.id, one) for number, one in enumerate(things)]


def mark(key: str, who: str, *, addressed: bool = True) -> ReadMark:
    return ReadMark(f"{key} {who}", key, who, T0, addressed)


def put(writer: CacheWriter, *things: Message | ReadMark) -> None:
    before = writer.message_cursor("city")
    assert before is not None
    after = MessageCursor(before.user, before.epoch, before.scope_version, before.seq + len(things))
    assert writer.put_messages("city", page(*things, seq=before.seq + 1), before, after) is not None


def test_threads_tell_the_last_word_and_what_is_unread(writer: CacheWriter, reader: CacheReader) -> None:
    put(
        writer,
        message("message-1", 1),
        message("message-2", 3),
        message("message-3", 2, author="rina", to=Recipient(unit="unit-11"), unit=None, to_you=False),
        message("message-4", 9, to=Recipient(area="w1"), unit=None),
        message("message-5", 5, to=Recipient(role="validator"), unit=None, to_you=False),
        mark("message-1", "rina"),
        mark("message-2", "budi"),
    )
    found = [(one.key, one.unread, one.last.id) for one in reader.threads("city", "rina")]
    assert found == [
        ("area:w1", 1, "message-4"),
        ("role:validator:", 0, "message-5"),
        ("unit:unit-11", 1, "message-2"),
    ]
    shown = reader.messages("city", "rina", "unit:unit-11", 2)
    assert [one.message.id for one in shown] == ["message-3", "message-2"], "the newest, the oldest of them first"
    assert [[one.who for one in each.marks] for each in shown] == [[], ["budi"]]
    assert [one.id for one in reader.unread("city", "rina")] == ["message-2", "message-4"]


def test_what_is_unread_behind_the_newest_is_among_what_is_shown(writer: CacheWriter, reader: CacheReader) -> None:
    put(writer, *(message(f"m{n}", n) for n in range(8)), *(mark(f"m{n}", "rina") for n in (0, 2, 4, 5, 6, 7)))
    assert [one.message.id for one in reader.messages("city", "rina", "unit:unit-11", 2)] == ["m1", "m3", "m6", "m7"]
    assert reader.read_from("city", "rina", "unit:unit-11") == 7
    put(writer, mark("m1", "rina"), mark("m3", "rina"))
    assert [one.message.id for one in reader.messages("city", "rina", "unit:unit-11", 2)] == ["m6", "m7"]
    assert reader.read_from("city", "rina", "unit:unit-11") == 0


def test_nobody_else_reads_what_was_given_to_one_user(writer: CacheWriter, reader: CacheReader) -> None:
    writer.apply("city", items(report("7")), at(1))
    put(writer, message("message-1", report="7"))
    assert [one.id for one in reader.messages_of("city", "rina", "7")] == ["message-1"]
    for source, user in (("city", "budi"), ("other", "rina")):
        assert reader.threads(source, user) == reader.unread(source, user) == []
        assert reader.messages(source, user, "unit:unit-11", 9) == []
        assert reader.messages_of(source, user, "7") == []
    budi = MessageCursor("budi", "e1", 1, 0)
    assert writer.forget_messages("city", budi).kinds == ("message",)
    assert reader.threads("city", "rina") == reader.threads("city", "budi") == []


def test_what_is_gone_goes_with_its_marks_and_does_not_come_back(writer: CacheWriter, reader: CacheReader) -> None:
    put(writer, message("message-1"), mark("message-1", "rina"), message("message-2"))
    touched = writer.apply("city", [], Cursor("e1", 9), gone=[DeletedItem("message", "message-1", 9)])
    assert "message" in touched.kinds
    assert [one.id for one in reader.unread("city", "rina")] == ["message-2"]
    put(writer, message("message-1"))
    assert [one.id for one in reader.unread("city", "rina")] == ["message-2"]
    writer.forget("city")
    assert reader.threads("city", "rina") == []
    assert writer.message_cursor("city") is None


def test_a_page_follows_the_one_before_it_or_is_not_kept(writer: CacheWriter, reader: CacheReader) -> None:
    """The file may have been begun anew by another lane since its cursor was read: what came before is not in it."""
    put(writer, message("message-1"))
    for before in (RINA, MessageCursor("budi", "e1", 1, 1)):
        assert (
            writer.put_messages("city", page(message("message-2")), before, MessageCursor("rina", "e1", 1, 9)) is None
        )
    assert [one.id for one in reader.unread("city", "rina")] == ["message-1"]
    assert writer.message_cursor("city") == MessageCursor("rina", "e1", 1, 1)


def test_the_report_that_it_is_kept_with_is_read_again(writer: CacheWriter, reader: CacheReader) -> None:
    row = writer.apply("city", items(report("7")), at(1)).rows[0]
    before = writer.message_cursor("city")
    assert before is not None
    after = MessageCursor("rina", "e1", 1, 1)
    touched = writer.put_messages("city", page(message("message-1", report="7")), before, after)
    assert touched is not None
    assert (touched.rows, touched.kinds) == ((row,), ("message",))


def test_a_cache_of_before_knows_what_is_unread(tmp_path: Path, reader: CacheReader) -> None:
    before = CacheWriter(tmp_path)
    before.forget_messages("city", RINA)
    put(before, message("message-1"), message("message-2"), message("message-3", to_you=False))
    put(before, mark("message-1", "rina"), mark("message-2", "budi"))
    before.close()
    with contextlib.closing(sqlite3.connect(tmp_path / CACHE)) as older:
        older.execute("DROP INDEX messages_unread")
        older.execute("DROP INDEX messages_thread")
        older.execute("ALTER TABLE messages DROP COLUMN unread")
        older.execute("CREATE INDEX messages_thread ON messages (source, thread, at)")
        older.execute(f"DELETE FROM {MIGRATIONS_TABLE} WHERE name = 'c017_unread_messages'")
        older.execute("PRAGMA user_version = 16")
        older.commit()
    CacheWriter(tmp_path).close()
    assert [one.id for one in reader.unread("city", "rina")] == ["message-2"]
    assert [one.unread for one in reader.threads("city", "rina")] == [1]
