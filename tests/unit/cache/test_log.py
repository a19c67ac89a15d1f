"""The log as it is read from the cache: by time, a page at a time, and what came in since."""

from __future__ import annotations

import random
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api_client.model import Entry, Message, Recipient
from console.cache.log import LOG_PAGE, LOOKED_AT, LogPlace
from console.cache.page_items import MessageCursor
from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter, PageItem
from console.files.sqlite_file import CACHE
from console.rules.log_filter import LogFilter, SoughtWord
from tests.unit.cache.making import T0, at

MINUTE = timedelta(minutes=1)
EVERYTHING = LogFilter()


def put(writer: CacheWriter, *entries: Entry, source: str = "city", seq: int = 1) -> None:
    items = [PageItem("entry", seq + number, one.id, one) for number, one in enumerate(entries)]
    writer.apply(source, items, at(seq + len(entries)))


def line(key: str, minute: float, report: str | None = "1") -> Entry:
    return Entry(key, report, "note", T0 + minute * MINUTE, "rina", edit=f"e-{key}", text=key)


def all_pages(reader: CacheReader, filter_: LogFilter) -> list[list[str]]:
    pages, place = [], None
    while True:
        page = reader.log_page(filter_, place)
        pages.append([one.entry.id for one in page.entries])
        place = page.older
        if place is None:
            return pages


def test_pages_hold_every_entry_once_by_time_the_newest_first(writer: CacheWriter, reader: CacheReader) -> None:
    made = [line(f"n{number}", number // 3) for number in range(2 * LOG_PAGE + 7)]  # three at each moment
    shuffled = random.Random(5).sample(made, len(made))
    put(writer, *shuffled[:300], line("unit", -1, report=None))
    put(writer, *shuffled[300:], source="other")
    pages = all_pages(reader, EVERYTHING)
    assert [len(page) for page in pages] == [LOG_PAGE, LOG_PAGE, 8]
    listed = [key for page in pages for key in page]
    assert len(set(listed)) == len(made) + 1
    assert listed[-1] == "unit", "what is about no report stands there too"
    minutes = {one.id: one.at for one in made}
    times = [minutes[key] for key in listed[:-1]]
    assert times == sorted(times, reverse=True)
    assert {one.source for one in reader.log_page(EVERYTHING).entries} == {"city", "other"}
    within = LogFilter(since=T0 + 10 * MINUTE, until=T0 + 12 * MINUTE)
    assert sorted(all_pages(reader, within)[0]) == [f"n{number}" for number in range(30, 36)]
    assert all_pages(reader, LogFilter(until=T0 - 2 * MINUTE)) == [[]]


def test_that_somebody_has_read_a_message_is_no_line(writer: CacheWriter, reader: CacheReader) -> None:
    read = Entry("mark", None, "read", T0, "rina", edit="e-mark", data={"messages": ["m1"]})
    said = Entry("said", "1", "note", T0, "rina", edit="e-said", text='he said "kind":"read"')
    put(writer, read, said, line("a", 1))
    assert all_pages(reader, EVERYTHING) == [["a", "said"]]
    assert [one.entry.id for one in reader.log_news(EVERYTHING, 0, 9)] == ["a", "said"]


def names(reader: CacheReader, **conditions: Any) -> list[str]:
    return [key for page in all_pages(reader, LogFilter(**conditions)) for key in page]


def test_a_filter_lets_through_what_is_of_a_report_a_unit_and_a_person(
    writer: CacheWriter, reader: CacheReader
) -> None:
    alarm = {"alarms": [{"kind": "silent", "about": "u7"}]}
    put(
        writer,
        line("a", 1),
        Entry("b", "2", "dispatch", T0 + 2 * MINUTE, 'o"brien', data={"unit": "u7"}),
        Entry("c", None, "alarm", T0 + 3 * MINUTE, "rina", data=alarm),
        Entry("d", "2", "progress", T0 + 4 * MINUTE, "SDA-7", unit="u7", data={"state": "done"}),
        Entry("e", "2", "note", T0 + 5 * MINUTE, "rina", text='"author":"o\\"brien" "unit":"u7"'),
    )
    put(writer, Entry("f", "2", "dispatch", T0, "rina", data={"unit": "u7"}), source="other")
    assert names(reader, report=("city", "2")) == ["e", "d", "b"]
    assert names(reader, report=("city", "2"), since=T0 + 3 * MINUTE, until=T0 + 5 * MINUTE) == ["d"]
    assert names(reader, unit=("city", "u7")) == ["d", "c", "b"]
    assert names(reader, person='o"brien') == ["b"]
    assert names(reader, person="rina", unit=("city", "u7")) == ["c"]
    assert names(reader, report=("nowhere", "2")) == []


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("bridge", ["c", "b", "a"]),
        ("BRIDGE", ["c", "b", "a"]),
        ("100%", ["c"]),
        ("_", ["b"]),
        ('"so"', ["a"]),
        ("\\", ["d"]),
        ("!", ["d"]),
        ("4711", ["d"]),
        ("budi", ["b"]),
        ("reason", []),
        ("null", []),
        ("note", []),
        ("role", []),
        ("agus", ["e"]),
    ],
)
def test_words_are_found_where_somebody_wrote_them_and_nowhere_else(
    writer: CacheWriter, reader: CacheReader, word: str, found: list[str]
) -> None:
    put(
        writer,
        Entry("a", "1", "note", T0 + 1 * MINUTE, "rina", text='The bridge gives way, he said "so"'),
        Entry("b", "1", "set", T0 + 2 * MINUTE, "budi", data={"reason": "bridge_closed"}),
        Entry("c", "1", "close", T0 + 3 * MINUTE, "rina", data={"disposition": "Bridge 100% done", "reason": None}),
        Entry("e", "1", "offer", T0, "rina", data={"to": "agus"}),
        Entry("f", None, "message", T0, "rina", data={"to": {"unit": "u7", "role": None}}),
        Entry("d", "4711", "note", T0 + 4 * MINUTE, "rina", data={"text": "C:\\\\x !"}),
    )
    assert names(reader, words=(SoughtWord(word),)) == found


def test_a_word_of_a_message_finds_its_line_for_who_may_read_it(writer: CacheWriter, reader: CacheReader) -> None:
    for number, key in enumerate(("m1", "m2")):
        data = {"to": {"role": "operator"}}
        put(writer, Entry(key, None, "message", T0, "sari", edit=f"e-{key}", data=data), seq=1 + 2 * number)
    put(writer, Entry("n", "1", "note", T0, "sari", edit="e-n", text="no word of it"), seq=9)
    before = MessageCursor("rina", "e", 1, 0)
    writer.forget_messages("city", before)
    to = Recipient(role="operator")
    messages = [Message(f"e-{key}", "sari", T0, to, text) for key, text in (("m1", "Pump 100% out"), ("m2", "Go home"))]
    items = [PageItem("message", number, one.id, one) for number, one in enumerate(messages, start=1)]
    assert writer.put_messages("city", items, before, MessageCursor("rina", "e", 1, 2)) is not None
    sought = (SoughtWord("pump"), SoughtWord("100%"))
    assert names(reader, words=sought, readers=(("city", "rina"),)) == ["m1"]
    assert names(reader, words=(SoughtWord("home"),), readers=(("city", "rina"),)) == ["m2"]
    for readers in ((), (("city", "dewi"),), (("other", "rina"),)):
        assert names(reader, words=sought, readers=readers) == []
    assert names(reader, words=(SoughtWord("role"),), readers=(("city", "rina"),)) == []


def test_a_search_looks_at_so_many_entries_and_says_where_to_go_on(writer: CacheWriter, reader: CacheReader) -> None:
    put(writer, *[line(f"n{number}", number) for number in range(LOOKED_AT + 300)])
    last, first = LogFilter(person="rina", words=(SoughtWord("n1"),)), LogFilter(words=(SoughtWord("n299"),))
    page = reader.log_page(first)
    assert page.entries == ()
    assert page.older is not None
    page = reader.log_page(first, page.older)
    assert ([one.entry.id for one in page.entries], page.older) == (["n299"], None)
    found = [key for each in all_pages(reader, last) for key in each]
    assert found == [f"n{number}" for number in range(LOOKED_AT + 299, -1, -1) if f"{number}".startswith("1")]


def test_what_came_in_since_is_read_alone_wherever_it_belongs(writer: CacheWriter, reader: CacheReader) -> None:
    assert (reader.log_end(), reader.log_news(EVERYTHING, 0, 9)) == (0, [])
    put(writer, line("old", 5), line("older", 1))
    end = reader.log_end()
    put(writer, line("new", 9), line("late", 3), line("old", 5), seq=10)
    news = reader.log_news(EVERYTHING, end, 9)
    assert [one.entry.id for one in news] == ["new", "late"], "one that was read before is none"
    assert [one.entry.id for one in reader.log_news(LogFilter(since=T0 + 4 * MINUTE), end, 9)] == ["new"]
    assert [one.entry.id for one in reader.log_news(EVERYTHING, end, 1)] == ["new"]
    assert reader.log_news(EVERYTHING, reader.log_end(), 9) == []


def test_a_page_is_found_by_the_index_and_not_by_looking_through_all(writer: CacheWriter, tmp_path: Path) -> None:
    statements: list[str] = []
    put(writer, line("a", 1))
    with_trace = CacheReader(tmp_path)
    with_trace.log_page(EVERYTHING)
    assert with_trace._connection is not None
    with_trace._connection.set_trace_callback(statements.append)
    with_trace.log_page(LogFilter(since=T0), LogPlace(10**15, 4))
    with_trace.log_news(LogFilter(since=T0), 7, 9)
    with_trace.close()
    with sqlite3.connect(f"file:{tmp_path / CACHE}?mode=ro", uri=True) as file:
        for statement in statements:
            plan = " ".join(row[3] for row in file.execute(f"EXPLAIN QUERY PLAN {statement}"))
            assert "SCAN e" not in plan
            assert "TEMP B-TREE" not in plan or "rowid>" in plan
    file.close()
    assert len(statements) == 2


def test_what_units_said_is_found_behind_any_number_of_lines(writer: CacheWriter, reader: CacheReader) -> None:
    said = Entry("said", None, "unit_state", T0, "SDA-07", unit="u7", data={"unit": "u7", "state": "break"})
    put(writer, said, *[Entry(f"n{n}", None, "log", T0 + n * MINUTE, "rina", text="x") for n in range(1, 300)])
    assert [one.id for one in reader.unit_entries("city")] == ["said"]
