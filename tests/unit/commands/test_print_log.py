"""The log on paper: what the filter shows, who printed it, nothing personal for who may not see it, and a stop."""

from __future__ import annotations

import json
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from api_client.model import Entry, Unit, UnitState
from console.cache.export_notes import waiting_notes
from console.cache.page_items import PageItem
from console.cache.writer import CacheWriter
from console.commands import print_log as printing
from console.commands.print_log import PrintStopped, print_log
from console.export.messages import PRINTS, FromPrint, PrintDone, PrintJob, PrintProgress
from console.rules.log_filter import LogFilter, SoughtWord
from tests.unit.cache.making import T0, at
from tests.unit.commands.test_export import pdf_text

MINUTE = timedelta(minutes=1)
FULL = LogFilter()


def note(key: str, text: str, minute: float, who: str = "sari", report: str = "931180") -> Entry:
    return Entry(key, report, "note", T0 + minute * MINUTE, who, edit=f"e-{key}", text=text)


def keep(profile: Path, *entries: Entry) -> None:
    crew = PageItem("unit", 1, "u7", Unit("u7", "SDA-07", UnitState.AVAILABLE, T0))
    writer = CacheWriter(profile)
    writer.apply("city", [crew, *(PageItem("entry", seq, one.id, one) for seq, one in enumerate(entries, 2))], at(9))
    writer.close()


def job(profile: Path, out: Path, **more: Any) -> PrintJob:
    values: dict[str, Any] = {
        "profile": str(profile), "filter": FULL, "path": str(out), "title": "Sigap: log of City",
        "heading": "from 1 Mar 00:00", "note": "printed by rina, 2026-03-01 09:00 WIB", "cities": {}, "hidden": (),
        "users": {"city": "rina"}, "zone": "Asia/Jakarta", "at": T0,
    }  # fmt: skip
    return PrintJob(**(values | more))


def squeezed(text: str) -> str:
    return "".join(text.split())


def words_of(path: Path, qtbot: QtBot) -> str:
    """The text of a document without blanks: of a page with few lines its reader takes each letter for a line."""
    return squeezed(pdf_text(path, qtbot))


def print_all(job: PrintJob) -> list[FromPrint]:
    told: list[FromPrint] = []
    print_log(job, told.append, lambda: False)
    return told


def told_server(profile: Path) -> list[tuple[str, int, str]]:
    notes = [json.loads(one.body) for one in waiting_notes(profile, "city")]
    return sorted((one["format"], one["rows"], one["by"]) for one in notes)


def test_what_the_filter_shows_is_printed_line_by_line(tmp_path: Path, qtbot: QtBot) -> None:
    sent = Entry("b", "931180", "dispatch", T0 + 2 * MINUTE, "budi", data={"unit": "u7"})
    keep(tmp_path, note("a", "Water rises", 1, "rina"), sent, note("c", "other words", 3, report="931181"))
    out = tmp_path / "log.pdf"
    assert print_all(job(tmp_path, out)) == [PrintProgress(3), PrintDone(3)]
    text = words_of(out, qtbot)
    for part in map(squeezed, (
        "Sigap: log of City", "from 1 Mar 00:00", "printed by rina, 2026-03-01 09:00 WIB, page 1",
        "2026-03-01 15:01:00", "rina", "931180", "Note: Water rises",
        "2026-03-01 15:02:00", "budi", "931180 · SDA-07", "Dispatched SDA-07", "931181", "Note: other words",
    )):  # fmt: skip
        assert part in text, part
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    words = LogFilter(words=(SoughtWord("water"),))
    assert print_all(job(tmp_path, out, filter=words, cities={"city": "Jakarta"}))[-1] == PrintDone(1)
    text = words_of(out, qtbot)
    assert squeezed("931180 · Jakarta") in text
    assert "Dispatched" not in text
    assert told_server(tmp_path) == [("log pdf", 1, "rina"), ("log pdf", 3, "rina")]


@pytest.mark.parametrize("is_hidden", [True, False])
def test_who_may_not_see_contacts_prints_none(tmp_path: Path, qtbot: QtBot, is_hidden: bool) -> None:
    keep(tmp_path, note("a", "call 0812-3456-789 or sari@example.org about 931180", 1))
    print_all(job(tmp_path, tmp_path / "log.pdf", hidden=("city",) if is_hidden else ()))
    text = words_of(tmp_path / "log.pdf", qtbot)
    assert ["0812-3456-789" in text, "sari@example.org" in text] == [not is_hidden] * 2
    assert squeezed("about 931180") in text


def test_long_and_hostile_words_stay_on_their_pages(tmp_path: Path, qtbot: QtBot) -> None:
    hostile = "<b>bold</b>\u202e\x00 " + "word " * 600
    keep(tmp_path, *[note(f"n{number}", hostile, number, "x" * 200) for number in range(60)])
    assert print_all(job(tmp_path, tmp_path / "log.pdf"))[-1] == PrintDone(60)
    text = words_of(tmp_path / "log.pdf", qtbot)
    assert "<b>bold</b>" in text
    assert "page12" in text


def test_what_is_stopped_or_fails_or_is_empty_leaves_nothing(tmp_path: Path, qtbot: QtBot) -> None:
    keep(tmp_path, *[note(f"n{number}", "x", number) for number in range(300)])
    out = tmp_path / "out"
    out.mkdir()
    told: list[FromPrint] = []
    with pytest.raises(PrintStopped):
        print_log(job(tmp_path, out / "log.pdf"), told.append, lambda: bool(told))
    assert told == [PrintProgress(200)]
    nothing = job(tmp_path, out / "log.pdf", filter=LogFilter(person="nobody"))
    assert print_all(nothing) == [PrintProgress(0), PrintDone(0)]
    assert list(out.iterdir()) == []
    with pytest.raises(FileNotFoundError):
        print_all(job(tmp_path, out / "nowhere" / "log.pdf"))
    (out / "log.pdf").mkdir()
    with pytest.raises(IsADirectoryError):
        print_all(job(tmp_path, out / "log.pdf"))
    assert [path.name for path in out.iterdir()] == ["log.pdf"]


def test_more_than_is_printed_at_once_says_so(tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printing, "MOST_PRINTED", 100)
    keep(tmp_path, *[note(f"n{number}", "x", number) for number in range(230)])
    assert print_all(job(tmp_path, tmp_path / "log.pdf"))[-1] == PrintDone(100)
    assert squeezed("The newest 100 lines: narrow the time to print others.") in words_of(tmp_path / "log.pdf", qtbot)


def test_of_what_was_opened_to_be_printed_only_the_last_is_kept(tmp_path: Path, qtbot: QtBot) -> None:
    keep(tmp_path, note("a", "x", 1))
    for name in ("first.pdf", "second.pdf"):
        print_all(job(tmp_path, tmp_path / PRINTS / name))
    assert [path.name for path in (tmp_path / PRINTS).iterdir()] == ["second.pdf"]
    assert stat.S_IMODE((tmp_path / PRINTS).stat().st_mode) == 0o700
