"""A search of the log finds each line by each word that stands in it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from api_client.model import Agency, Area, AssignmentState, Entry, Kind, Service, Status, Unit, UnitState
from console.cache.catalog import Catalog
from console.cache.page_items import PageItem
from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter
from console.panels.log_words import sought_words
from console.panels.report.history import entry_text
from console.rules.log_filter import LogFilter
from tests.unit.cache.making import T0, at

CITY = Catalog(
    units={"u1": Unit("u1", "SDA-07", UnitState.AVAILABLE, T0), "u2": Unit("u2", "PPSU", UnitState.AVAILABLE, T0)},
    areas={"t": Area("t", "Tebet Timur", 1)},
    agencies={"pln": Agency("pln", "PLN Jakarta")},
    services={"flood": Service("flood", "Banjir")},
)
DONE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("created", {}), ("me_too", {}), ("note", {"text": "Water rises"}), ("claim", {}), ("release", {}),
    ("note", {"text": "Knee-deep", "channel": "phone"}), ("reply", {"text": "Thank you"}), ("photo", {"role": "after"}),
    ("assign", {"unit": "u1"}), ("dispatch", {"unit": "u1"}), ("dispatch", {"unit": "u2", "leaves": ["931244"]}),
    ("recall", {"unit": "u2", "reason": "lightning"}), *(("set", {"status": one.value}) for one in Status),
    ("set", {"priority": 1}), ("set", {"service": "flood"}), ("set", {"area": "t", "reason": "other ward"}),
    ("set", {"agency": "pln"}), ("set", {"place": {}}), ("set", {"hold": None}), ("set", {"hold": {}}),
    ("set", {"priority": 2, "undoes": "x"}),
    *(("progress", {"unit": "u1", "state": one.value}) for one in AssignmentState),
    *(("unit_state", {"unit": "u2", "state": one.value}) for one in UnitState),
    *(("closure", {"closure": "c", "geometry": {}, "kind": one}) for one in ("flood", "street", "other")),
    ("closure", {"closure": "c", "ended": True, "words": "Market"}), ("alarm", {"alarms": [], "acknowledged": True}),
    ("alarm", {"alarms": [], "shelved_until": "2026-03-01T09:00:00Z", "reason": "near"}),
    ("alarm", {"alarms": [], "shelved_until": None}), ("validate", {"accepted": True}),
    ("validate", {"accepted": False, "reason": "dark"}), ("close", {"disposition": "spam"}),
    ("close", {"merged_into": "931100"}), ("merge", {"into": "931100"}), ("unmerge", {}),
    ("reopen", {"reason": "not fixed"}), ("log", {"text": "PLN was called"}),
    ("offer", {"to": "budi"}), ("decline", {}),
    ("message", {"to": {"unit": "u1"}}), ("message", {"to": {"role": "operator", "area": "t"}}),
)  # fmt: skip
_NOT_SOUGHT = frozenset({"931244", "931100", "1", "2", "0", "after", "waits", "for", "hold,", "on"})
"""Numbers inside of a line, and what stands beside a pause: no piece of an entry says them alone."""


def test_each_line_is_found_by_each_of_its_words(tmp_path: Path) -> None:
    entries = [
        Entry(f"n{number}", None, kind, T0 + timedelta(seconds=number), "sari", data=data, late=number == 5)
        for number, (kind, data) in enumerate(DONE)
    ]
    writer, reader = CacheWriter(tmp_path), CacheReader(tmp_path)
    writer.apply("city", [PageItem("entry", seq, one.id, one) for seq, one in enumerate(entries, 1)], at(99))
    looked, missing = 0, []
    for one in entries:
        line = entry_text(one, CITY, str, named=False)
        for word in (part.strip(".,:·()").casefold() for part in line.split()):
            if word and word not in _NOT_SOUGHT:
                filter_ = LogFilter(words=sought_words(word, [CITY], str))
                found = {each.entry.id for each in reader.log_page(filter_).entries}
                looked += 1
                if one.id not in found:
                    missing.append((line, word))
    writer.close()
    reader.close()
    assert missing == []
    assert looked > 80


def test_a_word_means_no_more_than_what_stands_in_the_lines() -> None:
    (word,) = sought_words("Dispatched dispatched", [CITY], str)
    assert word.text == "dispatched"
    assert ('"kind":"dispatch"',) in word.deeds
    assert {pieces[0] for pieces in word.deeds} == {'"kind":"dispatch"', '"kind":"progress"'}
    (late,) = sought_words("late,", [], str)
    assert late.deeds == ()
    assert sought_words("  ", [CITY], str) == ()
    many = Catalog(areas={str(n): Area(str(n), f"Ward {n}", 1) for n in range(500)})
    (ward,) = sought_words("ward", [many], str)
    assert len(ward.deeds) == 60, "no search becomes endless by what a word may mean"


def test_no_kind_of_edit_was_forgotten() -> None:
    """Whoever adds one tries its words here: what a line says of it is found by `_SAMPLES` only."""
    assert {kind for kind, _ in DONE} == {"created", *Kind} - {Kind.CREATE, Kind.READ}
