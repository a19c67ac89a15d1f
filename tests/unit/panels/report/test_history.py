"""What each line of a report's history says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from api_client.model import Entry
from console.cache.catalog import Catalog
from console.panels.report.history import closing_reason, entry_text
from console.rules.rights import CITIZEN
from tests.unit.cache.making import T0


def entry(kind: str, edit: str | None = "e", minute: int = 0, *, who: str = "Rina Aulia", **data: Any) -> Entry:
    return Entry(f"{kind}{minute}", "1", kind, T0 + timedelta(minutes=minute), who, edit=edit, data=data)


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (entry("created", None), "Reported through JAKI"),  # who wrote it there is no name of the staff
        (entry("created"), "Reported through JAKI, entered by Rina Aulia"),
        (entry("created", who=CITIZEN), "Reported through JAKI"),
        (entry("note", text="Water rises"), "Note by Rina Aulia: Water rises"),
        (entry("note", text="Water rises", channel="phone"), "The caller adds, taken down by Rina Aulia: Water rises"),
        (entry("log", text="PLN was called"), "Line of the log by Rina Aulia: PLN was called"),
        (entry("message", to={"unit": "DMK-03"}), "Message to DMK-03 by Rina Aulia"),
        (entry("message", to={"role": "field", "area": "w1"}, text="Rain"), "Message to Crews, w1 by Rina Aulia: Rain"),
        (entry("message", to={"area": "w1"}, text="Rain"), "Message to Area w1 by Rina Aulia: Rain"),
        (entry("message", to=7, text="Rain"), "Message to Everyone by Rina Aulia: Rain"),
        (entry("read", messages=["a"]), "Message read"),
        (entry("read", messages=["a", "b"]), "2 messages read"),
        (entry("me_too", None), "Reported again"),
        (entry("me_too"), "Reported again, entered by Rina Aulia"),
        (entry("me_too", who=CITIZEN), "Reported again"),
        (entry("set", hold=None), "Hold ended, by Rina Aulia"),
        (entry("set", hold=None, undoes="e1"), "Taken back: now Hold ended, by Rina Aulia"),
        (entry("recall", unit="DMK-03"), "Recalled DMK-03, by Rina Aulia"),
        (
            entry("recall", unit="DMK-03", reason="diverted to 931252"),
            "Recalled DMK-03, by Rina Aulia: diverted to 931252",
        ),
        (entry("dispatch", unit="DMK-03"), "Dispatched DMK-03, by Rina Aulia"),
        (
            entry("dispatch", unit="DMK-03", leaves=["931244", 7, "local:x"]),
            "Diverted DMK-03 from 931244, a new report, by Rina Aulia",
        ),
        (entry("progress", unit="DMK-03", state="refused", reason="flat tyre"), "Refused, DMK-03: flat tyre"),
        (entry("progress", unit="DMK-03", state="on_scene"), "On scene, DMK-03"),
        (entry("close", disposition="Duplikat"), "Closed by Rina Aulia: Duplikat"),
        (
            entry("close", disposition="Tidak ditemukan", reason="Sudah diambil truk pagi ini"),
            "Closed by Rina Aulia: Tidak ditemukan · Sudah diambil truk pagi ini",
        ),
        (
            entry("validate", accepted=True, no_effect=True),
            "Proof accepted by Rina Aulia (it was so already: nothing changed)",
        ),
        (
            entry("reopen", reason="validation undone", undoes="e1", no_effect=True),
            "Rina Aulia took a step back that had changed nothing",
        ),
        (entry("reopen", reason="validation undone", undoes="e1"), "Reopened by Rina Aulia: validation undone"),
        (entry("close", disposition="Duplikat", merged_into="931100"), "Merged into 931100 by Rina Aulia"),
    ],
)
def test_an_entry_in_words(one: Entry, text: str) -> None:
    assert entry_text(one, Catalog(), str, "JAKI") == text


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (entry("created"), "Reported through JAKI"),
        (entry("note", text="Water rises"), "Note: Water rises"),
        (entry("note", text="Water rises", channel="phone"), "The caller adds: Water rises"),
        (entry("log", text="PLN was called"), "PLN was called"),
        (entry("photo", role="after"), "Photo (after)"),
        (entry("claim"), "Taken"),
        (entry("release"), "Released"),
        (entry("assign", unit="DMK-03"), "Assigned to DMK-03"),
        (entry("dispatch", unit="DMK-03"), "Dispatched DMK-03"),
        (entry("dispatch", unit="DMK-03", leaves=["931244"]), "Diverted DMK-03 from 931244"),
        (entry("recall", unit="DMK-03", reason="diverted to 931252"), "Recalled DMK-03: diverted to 931252"),
        (entry("set", hold=None), "Hold ended"),
        (entry("set", hold=None, undoes="e1"), "Taken back: now Hold ended"),
        (entry("validate", accepted=True), "Proof accepted"),
        (entry("validate", reason="dark"), "Returned: dark"),
        (entry("close", disposition="Duplikat"), "Closed: Duplikat"),
        (entry("close", merged_into="931100"), "Merged into 931100"),
        (entry("merge", into="931100"), "Merged into 931100"),
        (entry("merge"), "Merged"),
        (entry("unmerge"), "Merge undone"),
        (entry("reopen", reason="not fixed"), "Reopened: not fixed"),
        (entry("reopen", undoes="e1", no_effect=True), "A step back changed nothing"),
    ],
)
def test_a_list_that_has_the_author_in_a_column_names_him_in_no_line(one: Entry, text: str) -> None:
    assert entry_text(one, Catalog(), str, "JAKI", named=False) == text


def test_the_reason_of_the_last_closing_is_known() -> None:
    first = entry("close", minute=1, disposition="Spam", reason="first")
    last = entry("close", minute=5, disposition="Spam", reason="second")
    assert closing_reason([last, first]) == "second"
    assert closing_reason([first, entry("close", minute=9, reason="said as the outcome already")]) == ""
    assert closing_reason([]) == ""
