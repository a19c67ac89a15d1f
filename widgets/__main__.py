"""The gallery: every widget with invented data, for looking at and for pictures (`python -m widgets --help`)."""

from __future__ import annotations

import argparse
import dataclasses
import math
import os
import random
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEventLoop, QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QApplication, QWidget

from widgets.alarms import AlarmRow, AlarmsPanel
from widgets.charts import CategoryBar, ChartsPanel
from widgets.chips import Chip
from widgets.command import CommandLine
from widgets.handover import HANDOVER_CAPS, HandoverPanel, HandoverRow
from widgets.kpi import Figure, KpiPart, KpiStrip
from widgets.log import LogPanel, LogRow
from widgets.messages import MessageRow, MessagesPanel, ThreadRow
from widgets.notice import Banner, Notice
from widgets.outbox import OutboxPanel, OutboxRow
from widgets.photos import PhotoCard
from widgets.queue.panel import QueuePanel
from widgets.queue.values import QueueRow, Tab
from widgets.shell import Shell
from widgets.shift import SHIFT_CAPS, RollRow, ShiftPanel
from widgets.slabar import SlaSegment
from widgets.states import EmptyState
from widgets.statusbar import Cell, StatusBar
from widgets.symbols import Symbols
from widgets.theme import Theme, load_theme
from widgets.ticket.panel import TicketPanel
from widgets.ticket.values import ActionButton, AdviceRow, DuplicateRow, StepRow, Strip, Ticket, TimelineRow
from widgets.units import UnitRow, UnitsPanel

_STATES = (
    ("N", "new", "New"),
    ("C", "coordination", "Coordination"),
    ("A", "assigned", "Assigned"),
    ("W", "progress", "In progress"),
    ("V", "validation", "Awaiting validation"),
    ("R", "returned", "Returned"),
    ("D", "resolved", "Resolved"),
    ("X", "closed", "Closed without work"),
)
_REPORTS = (
    (1, 0, "flood", "Banjir", "Air naik sampai dada di gang belakang, nenek saya di dalam rumah", "Cawang, Kramatjati"),
    (
        1,
        1,
        "power",
        "Kabel listrik",
        "Kabel jatuh di genangan dekat sekolah, tolong dimatikan",
        "Bidara Cina, Jatinegara",
    ),
    (2, 5, "drain", "Saluran", "Saluran mampet, air sampai ke jalan setinggi lutut orang dewasa", "Kebon Baru, Tebet"),
    (
        2,
        0,
        "flood",
        "Banjir",
        "Tanggul bocor di belakang rusun, airnya sudah sampai teras",
        "Kampung Melayu, Jatinegara",
    ),
    (2, 0, "tree", "Pohon tumbang", "Pohon tumbang menutup dua lajur menuju stasiun", "Menteng Atas, Setia Budi"),
    (2, 0, "traffic", "Kemacetan", "Truk mogok di lajur kanan, antre sampai tugu", "Tebet Barat, Tebet"),
    (2, 2, "flood", "Genangan", "Genangan di terowongan, sepeda motor berbalik arah", "Setia Budi"),
    (
        2,
        3,
        "road",
        "Jalan rusak",
        "Aspal turun satu meter dekat halte, ada yang sudah jatuh",
        "Pisangan Baru, Matraman",
    ),
    (3, 0, "garbage", "Sampah", "Sampah menumpuk di saringan pintu air", "Manggarai, Tebet"),
    (3, 0, "drain", "Saluran", "Got depan rumah penuh, air masuk setiap hujan", "Bukit Duri, Tebet"),
    (3, 4, "lamp", "Lampu jalan", "Lampu mati sepanjang gang, gelap sekali", "Kebon Manggis, Matraman"),
    (3, 0, "bed", "Tempat tidur RS", "IGD penuh sejak pagi, mohon kabar kamar kosong", "Bali Mester, Jatinegara"),
    (3, 1, "road", "Jalan rusak", "Lubang dalam di tikungan, tempatnya tertukar", "Tebet Timur, Tebet"),
    (4, 0, "parking", "Parkir liar", "Mobil di trotoar, pejalan kaki turun ke jalan", "Gondangdia, Menteng"),
    (4, 0, "pavement", "Trotoar", "Ubin pemandu lepas di depan halte", "Cikini, Menteng"),
    (4, 6, "other", "Lainnya", "Papan nama jalan jatuh, sudah dipasang kembali", "Rawa Bunga, Jatinegara"),
)
_AGES = ("0:41", "2:10", "5 d 22 h", "6:32", "9:05", "11:20", "18:44", "1 h 02", "13:58", "14:12", "3 d 04 h", "15:03")


def rows(count: int) -> list[QueueRow]:
    """Rows of the queue; the third one is the operator's own."""
    out = []
    for number in range(count):
        priority, status, glyph, title, text, place = _REPORTS[number % len(_REPORTS)]
        letter, key, words = _STATES[status]
        late = number in (0, 3, 4, 5)
        level = 0 if not late else 2 if priority == 1 else 1
        out.append(
            QueueRow(
                key=900_000 - number,
                priority=priority,
                status=status,
                letter=letter,
                letter_token=f"status.{key}",
                status_text=words,
                glyph=glyph,
                title=title,
                text=text,
                place=place,
                duplicates=(4, 0, 3, 2, 6, 1, 9, 2)[number % 8],
                photos=(1, 2, 3, 1, 2, 0, 4, 1)[number % 8],
                holder={2: "You", 1: "taken DP", 6: "taken RA"}.get(number % 16, ""),
                mine=number % 16 == 2,
                age=_AGES[number % len(_AGES)],
                age_level=level,
                due="take in 0:19" if number == 0 else "1:32 over" if late else "due 5:46",
                due_level=level,
                hold="waits for material" if number == 12 else "",
                pending=number == 9,
            )
        )
    return out


def picture(seed: int, *, wet: bool) -> QImage:
    """A drawn stand-in for a citizen's photo."""
    chance = random.Random(seed)  # noqa: S311 - a drawing
    image = QImage(640, 420, QImage.Format.Format_RGB32)
    image.fill(QColor.fromHsv(205, 40, 190))
    painter = QPainter(image)
    x = 0
    while x < 640:
        width, height = chance.randint(50, 110), chance.randint(120, 210)
        painter.fillRect(
            x, 260 - height, width, height, QColor.fromHsv(chance.randint(20, 45), 50, chance.randint(90, 150))
        )
        for window in range(x + 12, x + width - 18, 28):
            painter.fillRect(window, 290 - height, 14, 20, QColor.fromHsv(210, 30, 70))
        x += width + chance.randint(0, 10)
    painter.fillRect(QRectF(0, 258, 640, 162), QColor.fromHsv(200, 15, 95))
    if wet:
        painter.fillRect(QRectF(0, 290, 640, 130), QColor.fromHsv(40, 60, 105))
    painter.end()
    return image


def ticket() -> Ticket:
    """A report with everything a panel can show."""
    return Ticket(
        number="928214",
        holder="Taken by you 0:52",
        title="Saluran tersumbat, Kebon Baru",
        priority=2,
        priority_text="Urgent",
        status=5,
        letter="R",
        letter_token="status.returned",  # noqa: S106 - a colour's name
        status_text="Returned",
        facts=[
            ("Place", "Jl. Kebon Baru Utara, RW 05", "Tebet, Jakarta Selatan"),
            ("Reported", "14 Jan 16:09 through JAKI", "citizen hidden"),
        ],
        text="Saluran mampet oleh sampah dan lumpur, air naik ke jalan setinggi lutut setiap hujan. Minggu lalu "
        "katanya selesai, tetapi belum dikeruk.",
        meta=["×3 duplicates", "Dinas SDA"],
        sla=[
            SlaSegment("Coordinate 6 h ✓ 2 h 14", "", 0.37, 0.8, 0, paused=False),
            SlaSegment("Finish 7 d", "1 d 2 h left", 0.85, 0.75, 1, paused=False),
        ],
        photos=[
            PhotoCard("a", "Before", "14 Jan 16:08", picture(1, wet=True)),
            PhotoCard("b", "Before", "14 Jan 16:09", picture(2, wet=True)),
            PhotoCard(
                "c",
                "After",
                "17 Jan 10:40",
                picture(3, wet=False),
                "After photo: taken 1.9 km away, 3 days before the work",
            ),
        ],
        advice=[
            AdviceRow(
                "u1",
                "SDA-07",
                "free",
                "pump, sandbags · no job · in zone · 1 h of shift left",
                "4 min",
                "1.3 km",
                stale=False,
            ),
            AdviceRow(
                "u2", "PPSU-KBR 2", "assigned", "drain tools · 1 job ahead · in zone", "6 min", "0.9 km", stale=False
            ),
            AdviceRow(
                "u3", "SDA-11", "enroute", "pump · after 931180 · other zone allowed", "19 min", "3.8 km", stale=False
            ),
        ],
        advice_basis="straight line × 1.4, no router",
        card="Saluran tersumbat",
        steps=[
            StepRow("Ask: is anybody in the water?", "you 13:20"),
            StepRow("Tell PLN before the pump crew goes in"),
            StepRow("Close the road: police 110"),
        ],
        duplicates_basis="within 100 m, 24 h",
        you="you",
        duplicates=[
            DuplicateRow(
                1, "931177", "Got meluap di Kebon Baru Utara, belum surut", "60 m", "21 min", "same words", 2, 0
            ),
            DuplicateRow(2, "931166", "Jalan tergenang depan mushola kecil", "95 m", "1 h", "same drain", 3, 0),
            DuplicateRow(3, "930841", "Saluran penuh lumpur", "85 m", "18 h", "closed once", 3, 6),
        ],
        timeline=[
            TimelineRow("20 Jan 14:06", "Note: pump needed · saved here", "hollow", 0),
            TimelineRow("20 Jan 13:15", "Returned by validator: photo does not match", "solid", 1),
            TimelineRow("20 Jan 11:02", "After photo sent by PPSU-KBR 2", "solid", 0),
            TimelineRow("20 Jan 09:20", "On scene, PPSU-KBR 2", "solid", 0),
            TimelineRow("19 Jan 08:41", "Assigned to PPSU-KBR 2 by R. Aulia", "solid", 0),
            TimelineRow("14 Jan 18:23", "Coordinated with SDA Tebet in 2 h 14", "solid", 0),
            TimelineRow("14 Jan 16:09", "Reported through JAKI", "solid", 0),
        ],
        actions=[
            ActionButton("dispatch", "Dispatch SDA-07", "Return", filled=True, enabled=True, why_not=""),
            ActionButton("assign", "Assign", "Shift+Return", filled=False, enabled=True, why_not=""),
            ActionButton("hold", "Hold", "H", filled=False, enabled=True, why_not=""),
            ActionButton("close", "Close", "X", filled=False, enabled=True, why_not=""),
        ],
    )


def figures() -> tuple[list[Figure], list[Figure]]:
    """The strip of figures."""
    units = (
        KpiPart("unit_symbol", "free"),
        KpiPart("text", "11"),
        KpiPart("unit_symbol", "onscene"),
        KpiPart("text", "6"),
        KpiPart("unit_symbol", "stale"),
        KpiPart("text", "1"),
    )
    left = [
        Figure("home", "Sigap · Jakarta", (KpiPart("text", "Dispatch"),), acts=False),
        Figure("p1", "P1 unassigned", (KpiPart("report_symbol", "1"), KpiPart("text", "2", 2)), "oldest 0:41", 2),
        Figure("p2", "P2 unassigned", (KpiPart("report_symbol", "2"), KpiPart("text", "4", 1)), "oldest 11:20", 1),
        Figure("p3", "P3 unassigned", (KpiPart("report_symbol", "3"), KpiPart("text", "41")), "oldest 31 min"),
        Figure("p4", "P4 unassigned", (KpiPart("report_symbol", "4"), KpiPart("text", "37")), "oldest 58 min"),
        Figure("sla", "SLA at risk", (KpiPart("text", "14"),), "3 overdue"),
        Figure("units", "Units", units, "available · busy · stale"),
        Figure("taken", "P1 taken in 15 s", (KpiPart("text", "94 %"),), "goal 90 %"),
        Figure("load", "Alarm load", (KpiPart("text", "0.6"),), "per 10 min"),
    ]
    right = [
        Figure("data", "Live data", (KpiPart("text", "3 s ago"),)),
        Figure("outbox", "Outbox", (KpiPart("text", "0"),)),
        Figure("sound", "Sound", (KpiPart("text", "On"),)),
        Figure("clock", "Tue 20 Jan, WIB", (KpiPart("text", "14:07:31"),), acts=False),
    ]
    return left, right


def units() -> list[UnitRow]:
    """The units board."""
    free = UnitRow("u1", "SDA-07", "free", "Available", "12:40", "none", "", "0", "pump, sandbags", "4 s", 0, "15:00")
    busy = UnitRow("u2", "PPSU-KBR 2", "assigned", "Committed", "1:05", "929611 Lampu jalan", "", "1", "drain", "11 s")
    away = UnitRow(
        "u3", "SDA-11", "enroute", "En route", "3:12", "931180 Genangan, Setia Budi", "6 min", "0", "pump", "8 s"
    )
    there = UnitRow("u4", "BMG-04", "onscene", "On scene", "41:30", "931164 Jalan rusak", "", "2", "asphalt", "9 s")
    old = UnitRow(
        "u5", "SDA-15", "enroute", "En route", "", "931155 Genangan", "–", "0", "pump", "34 min", 1, "15:00", stale=True
    )
    return [free, busy, away, there, old]


def outbox() -> list[OutboxRow]:
    """Edits that wait."""
    return [
        OutboxRow("e1", "13:24", "931164", "Done, proof added", "hollow", "saved"),
        OutboxRow("e2", "13:31", "931163", "Dispatch DSH-12", "half", "sent"),
        OutboxRow("e3", "14:05", "931155", "Dispatch SDA-11", "hollow", "NOT SENT: tell SDA-11 by radio", "urgent"),
    ]


SECTION_KEYS = {"card": "Q", "advice": "A", "duplicates": "D", "timeline": "N"}


def alarms() -> list[AlarmRow]:
    """What needs a response, in each of its states."""
    return [
        AlarmRow("a1", "0:41", "P1 not taken", "931204 Banjir, Cawang", "Take it, send a crew", "New", "p1", 1),
        AlarmRow("a2", "2:10", "Order unanswered", "SDA-07: 931203 Banjir", "Call the crew", "New", "new", 2),
        AlarmRow("a3", "3:36", "Unit silent", "SDA-15", "Call the crew, roll call", "Acknowledged by you", "", 2),
        AlarmRow("a4", "9:29", "SLA ends in 6 min", "931180 Genangan", "Ask the crew", "Shelved to 14:19", "over", 2),
        AlarmRow("a5", "8:12", "Server not reached", "Jakarta", "Nothing", "Back to normal", "over", 2, 7),
    ]


def handover_lines() -> list[HandoverRow]:
    """Lines of a hand-over: a P1 that must be confirmed, one that came since, a question, a unit."""
    return [
        HandoverRow("s1", "Open P1 and P2", stands="3", note="1 must be confirmed", is_heading=True),
        HandoverRow(
            "h1", "931204 Banjir, Cawang", "0:41, nobody has taken it", "New", "Perahu SDA-09 diminta 14:55, tunggu",
            "hollow", "must be confirmed", "must", 1, is_new=True,
        ),
        HandoverRow("h2", "931180 Genangan, Setia Budi", "due in 4:52", "SDA-11 on scene", "", "solid", "dewi 14:55",
                    "over", 2, 2),
        HandoverRow("h3", "931164 Jalan rusak", "1 h 02", "BMG-04 on scene", "Gudang buka 07:00", "half",
                    "question dewi 14:57", "", 2, 3, words="rina: Pak Agus di gudang · 14:59"),
        HandoverRow("s2", "Breached, or due within the hour", stands="0, nothing", is_heading=True),
        HandoverRow("s3", "Units and sync", stands="1", is_heading=True),
        HandoverRow("h4", "SDA-15", "no position for 51 min", "roll call 14:52: no answer", "Handy talky mati",
                    "hollow", "to confirm", unit="enroute"),
    ]  # fmt: skip


def roll_call() -> list[RollRow]:
    """Units in the roll call: there, no answer, on break, not called."""
    return [
        RollRow("r1", "SDA-07", "free", "Available", "14:50", "there"),
        RollRow("r2", "SDA-15", "enroute", "En route", "14:52", "no answer", "warn"),
        RollRow("r3", "TMN-05", "break", "Break since 14:20", "14:52", "on break"),
        RollRow("r4", "BMG-07", "free", "Available", "", "not called", "over"),
    ]


def log_lines() -> list[LogRow]:
    """Lines of the log: one's own, one that waits, a colleague's, the server's."""
    return [
        LogRow("l1", "14:07:28", "You", "928214", "Taken", "own", "hollow", "not sent yet"),
        LogRow("l2", "14:06:31", "S. Wulandari", "931142", "To Tebet Timur · other kelurahan"),
        LogRow("l3", "14:05:40", "D. Prakoso", "931180 · SDA-11", "Dispatched SDA-11"),
        LogRow("l4", "14:05:02", "System", "931155", "Hold ended", "system"),
        LogRow("l5", "30 Nov 23:58:33", "BMG-04", "931164 · BMG-04", "On scene, BMG-04"),
    ]


def threads() -> list[ThreadRow]:
    """A thread of each kind, with unread messages, and one in which something was not delivered."""
    return [
        ThreadRow("t1", "unit", "SDA-11", "14:06", "Pompa jalan, air turun 5 cm.", "1 new", "on_scene"),
        ThreadRow("t2", "all", "Everyone", "13:40", "R. Hidayat: Kunjungan di Casablanca sampai 15"),
        ThreadRow("t3", "role", "Validators", "12:31", "You: 929588 foto dipakai ulang, cek lagi"),
        ThreadRow("t4", "area", "Area Tebet", "13:05", "B. Santoso: Pak RW 05 minta karung", "1 new"),
        ThreadRow("t5", "unit", "SDA-15", "13:35", "not delivered since 13:33", state="available", warns=True),
    ]


def messages() -> list[MessageRow]:
    """One thread: read, answered, long, sent, waiting."""
    long = "Butuh karung pasir 20 lembar lagi, dan satu pompa kecil untuk gang di belakang masjid. " * 5
    return [
        MessageRow(
            "m1", "You", "13:48", "Terowongan 40 cm, tolong bawa dua pompa", "931180", True, "solid", "read 13:49"
        ),
        MessageRow("m2", "SDA-11", "13:49", "Siap, berangkat dari Manggarai"),
        MessageRow("m3", "SDA-11", "14:06", long, "931180"),
        MessageRow("m4", "You", "14:07", "20 karung dari gudang Tebet", "", True, "half", "sent"),
        MessageRow("m5", "You", "14:08", "KBR 2 yang antar", "", True, "hollow", "NOT SENT", warns=True),
    ]


class Gallery:
    """The window of the dispatch perspective, filled; `page` chooses ordinary, offline or empty contents."""

    def __init__(self, theme: Theme, symbols: Symbols, page: str) -> None:
        self.kpi = KpiStrip(theme, symbols)
        self.kpi.set_figures(*figures())
        self.banner = Banner(theme, symbols)
        self.queue = QueuePanel(theme, symbols, panel_key="Ctrl 1", filter_key="Ctrl F")
        self.ticket = TicketPanel(theme, symbols, panel_key="Ctrl 4", section_keys=SECTION_KEYS)
        self.ticket.set_empty(
            "No report chosen",
            "Choose one in the queue, on the map or by number. Its text, photos, timeline and the nearest units appear "
            "here.",
            [("/", "928214"), ("J K", "move"), ("Return", "open")],
        )
        self.map = EmptyState(theme)
        self.map.set_words("The map", "It is a web page of its own and not part of the gallery.")
        self.units, self.outbox, self.charts = UnitsPanel(theme, symbols), OutboxPanel(theme), ChartsPanel(theme)
        self.alarms = AlarmsPanel(theme, symbols)
        self.log = LogPanel(theme)
        self.messages = MessagesPanel(theme, symbols)
        self.shift, self.handover = ShiftPanel(theme, symbols), HandoverPanel(theme, symbols, "Ctrl H")
        self.command, self.status = CommandLine(theme, open_key="/"), StatusBar(theme, undo_key="Ctrl Z")
        self.shell = Shell(
            theme,
            self.kpi,
            self.banner,
            self.queue,
            self.map,
            self.ticket,
            [
                ("units", "Units", self.units),
                ("alarms", "Alarms", self.alarms),
                ("log", "Log", self.log),
                ("outbox", "Outbox", self.outbox),
            ],
            [
                ("charts", "Charts", self.charts),
                ("messages", "Messages", self.messages),
                ("shift", "Shift", self.shift),
            ],
            self.command,
            self.status,
            page=("handover", self.handover),
            own_keys={"handover": HANDOVER_CAPS, "shift": SHIFT_CAPS},
        )
        self._fill_lists()
        self._fill_queue(page)
        if page == "handover":
            self.shell.show_tab("shift")
            self.shell.focus_panel("handover")
        if page == "offline":
            buttons = (("retry", "Try now", "F5"), ("outbox", "Outbox 5", "Ctrl 7"))
            text = "Notes, photos and proof are saved and sent later; give orders by radio."
            self.banner.set_notice(Notice("warn", "Offline since 13:20.", text, buttons), 0)

    def _fill_lists(self) -> None:
        self.units.set_rows(units())
        self.outbox.set_rows(outbox())
        self.shift.set_on("On: 3", "you, R. Aulia, D. Prakoso since 14:51")
        self.shift.set_rows(roll_call())
        self.shell.set_tab_note("shift", "roll call: 2 of 4 answered, 1 did not")
        self.handover.set_words("Hand-over 07–15 to 15–23", "confirmed 1 of 4 · changes since 14:52: 1 · to dewi", 0.25)
        self.handover.set_rows(handover_lines())
        self.handover.set_sign("1 P1 to confirm")
        self.alarms.set_rows(alarms())
        lines = {row.id: row for row in log_lines()}
        self.log.set_ids(list(lines), lines.__getitem__)
        self.messages.set_threads(threads(), "t1")
        self.messages.set_thread("t1", "SDA-11", "pump crew · On scene · 931180", messages())
        self.messages.set_quick(["Sudah sampai?", "Foto sesudah", "Radio"])
        self.messages.set_hint("goes to SDA-11, kept with 931180")
        self.messages.set_text("931180 Tanda kalau sudah surut")
        self.shell.set_tab_label("messages", "Messages", "2")
        self.shell.set_tab_note("messages", "again: new to unit, role, all")
        self.shell.set_tab_label("alarms", "Alarms", "2")
        self.shell.set_tab_note("alarms", "2 new · 1 acknowledged · 1 shelved · 1 back to normal")
        self.shell.set_tab_label("units", "Units", "18")
        labels = [f"{(hour + 15) % 24:02d}" for hour in range(24)]
        counts = [20 + 14 * math.sin(hour / 3.2) for hour in range(23)] + [47]
        usual = [18 + 9 * math.sin(hour / 3.6) for hour in range(24)]
        self.charts.set_ranges([("24h", "24 h"), ("7d", "7 d"), ("30d", "30 d"), ("1y", "1 y"), ("all", "All")], "24h")
        self.charts.set_heading("all reports · 5 s ago")
        self.charts.set_arrivals(labels, counts, usual, "47", "this hour, usual 22", title="Reported per hour")
        names = ("Banjir", "Jalan rusak", "Sampah", "Saluran", "Kemacetan", "Lainnya")
        bars = [CategoryBar(name, name, 312 - 30 * at, 3 if at in (0, 3) else 0) for at, name in enumerate(names)]
        self.charts.set_categories(bars, "1,284", "3 overdue")
        self.command.set_text("d SDA-07 928214")
        self.command.set_sentence("Dispatch SDA-07", "to 928214 Saluran, Kebon Baru · 4 min", ok=True)
        self.status.set_left(
            [Cell("server", "Server 38 ms", "ok"), Cell("sync", "Sync 14:07:28"), Cell("n", "1,284 open")]
        )
        self.status.set_right([Cell("user", "R. Aulia, operator, seat CR-04"), Cell("keys", "Keys", key_text="?")])

    def _fill_queue(self, page: str) -> None:
        queue = self.queue
        counts = (
            ("open", "Open", 1284),
            ("unassigned", "Unassigned", 84),
            ("mine", "Mine", 5),
            ("active", "Active", 1193),
        )
        tabs = [Tab(*one) for one in counts] + [Tab("held", "Held", 7), Tab("closed", "Closed", None)]
        queue.set_tabs(tabs, "mine" if page == "empty" else "open")
        queue.set_chips([Chip("area", "Jakarta Pusat, Selatan, Timur"), Chip("age", "Opened ≤ 30 d")])
        queue.set_orders([("urgency", "Urgency"), ("newest", "Newest")], "urgency")
        if page == "empty":
            queue.set_order(np.empty(0, np.int64))
            queue.set_empty(
                "Nothing is yours",
                "All 1,284 open reports of your areas are loaded as of 13:18. None of them is taken by you.",
                [("T", "take the next one"), ("Ctrl+2", "Unassigned, 82")],
            )
            queue.set_footer("0 of 1,284 · as of 13:18")
            return
        shown = rows(40)
        queue.set_order(np.array([row.key for row in shown] + list(range(1000, 0, -1)), np.int64))
        queue.set_rows(shown)
        queue.set_current(shown[2].key)
        queue.set_footer("1,284 of 1,703 open · by urgency", 7)
        report = ticket()
        if page == "offline":
            strips = [Strip("not_sent", "NOT SENT: tell SDA-11 by radio", "R", "told")]
            report = dataclasses.replace(report, strips=strips)
        self.ticket.set_ticket(report)


def main(arguments: Sequence[str] | None = None) -> int:
    """Show the gallery, or save a picture of it."""
    parser = argparse.ArgumentParser(prog="python -m widgets", description=__doc__)
    parser.add_argument("--screenshot", type=Path, metavar="FILE")
    parser.add_argument("--theme", choices=("dark", "light"), default="dark")
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--page", choices=("dispatch", "offline", "empty", "handover"), default="dispatch")
    options = parser.parse_args(arguments)
    if options.screenshot is not None:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    app = QApplication.instance() or QApplication([])
    resources = files("resources")
    theme = load_theme(options.theme, resources.joinpath("tokens.json").read_text("utf-8"), options.scale)
    assert isinstance(app, QApplication)
    theme.apply(app)
    symbols = Symbols(resources.joinpath("symbols.json").read_text("utf-8"), theme)
    gallery = Gallery(theme, symbols, options.page)
    width, _, height = options.size.partition("x")
    gallery.shell.resize(int(width), int(height))
    gallery.shell.show()
    if options.screenshot is None:
        return app.exec()
    loop = QEventLoop()
    QTimer.singleShot(400, loop.quit)
    loop.exec()
    return 0 if _grab(gallery.shell).save(str(options.screenshot)) else 4


def _grab(widget: QWidget) -> QImage:
    image = QImage(widget.size(), QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.black)
    widget.render(image)
    return image


if __name__ == "__main__":
    sys.exit(main())
