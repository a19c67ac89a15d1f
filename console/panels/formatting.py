"""Durations, ages, clock times and numbers in the operator's words; status letters and their colour tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo

from api_client.model import Assignment, AssignmentState, Report, Status, Unit, UnitState, WaitsFor
from console.rules.queued import Queued, may_be_there
from console.rules.status import BY_STATUS, ORDER

LETTER_TOKENS: dict[Status, str] = {status: f"status.{status.value}" for status in ORDER}
"""The colour token of a status letter."""

LATE, AT_RISK, CALM = 2, 1, 0
"""Levels a time may have: red (life and safety, nothing else), amber, plain."""


_LONGEST_TITLE = 80


def title_of(report: Report) -> str:
    """What a report is called where its edits are listed: its title, else the first whole words of its text."""
    text = " ".join(report.description.split())
    if report.title or len(text) <= _LONGEST_TITLE:
        return report.title or text
    cut = text[:_LONGEST_TITLE]
    return f"{(cut.rpartition(' ')[0] or cut).rstrip(' .,;:')}…"


def duration(seconds: float) -> str:
    """`0:41`, `41:30`, `1 h 02`, `5 d 22 h`, `8 y 11 mo`; negative durations are given as their amount."""
    left = int(abs(seconds))
    if left < 3600:
        return f"{left // 60}:{left % 60:02d}"
    if left < 86400:
        return f"{left // 3600} h {left % 3600 // 60:02d}"
    return f"{left // 86400} d {left % 86400 // 3600:02d} h" if left < 100 * 86400 else _days(left // 86400)


def _days(days: int) -> str:
    """`120 d`, and from two years on `8 y 11 mo`."""
    return f"{days} d" if days < 2 * 365 else f"{days // 365} y {min(11, days % 365 // 30)} mo"


def age(seconds: float) -> str:
    """How old data is: `3 s`, `34 min`, `5 h`, `2 d`, `8 y`."""
    left = max(0, int(seconds))
    if left < 60:
        return f"{left} s"
    if left < 3600:
        return f"{left // 60} min"
    if left < 86400:
        return f"{left // 3600} h"
    return f"{left // 86400} d" if left < 2 * 365 * 86400 else f"{left // (365 * 86400)} y"


def clock(when: datetime, zone: tzinfo) -> str:
    """`14:07`, in the city's zone."""
    return _hour_and_minute(in_zone(when, zone))


def day_and_clock(when: datetime, zone: tzinfo, now: datetime) -> str:
    """`20 Jan 13:15`, in the city's zone; `20 Jan 2018 13:15` when that is not the year of `now`."""
    return f"{day(when, zone, now)} {clock(when, zone)}"


def moment(when: datetime, zone: tzinfo, now: datetime) -> str:
    """`13:15` on the same day in the city, else `20 Jan 13:15`, or `20 Jan 2018 13:15`."""
    same_day = in_zone(when, zone).date() == in_zone(now, zone).date()
    return clock(when, zone) if same_day else day_and_clock(when, zone, now)


def day(when: datetime, zone: tzinfo, now: datetime | None = None) -> str:
    """`20 Jan`, in the city's zone; `20 Jan 2018` when that is not the year of `now`."""
    local = in_zone(when, zone)
    year = f" {local.year}" if now is not None and local.year != in_zone(now, zone).year else ""
    return f"{local.day} {_MONTHS[local.month - 1]}{year}"


def month(when: datetime, zone: tzinfo) -> str:
    """`Jan`, in the city's zone; January bears its year: `2018`."""
    local = in_zone(when, zone)
    return str(local.year) if local.month == 1 else _MONTHS[local.month - 1]


def clock_or_day(when: datetime, now: datetime, zone: tzinfo) -> str:
    """`13:15` on the same day in the city, else `20 Jan`, or `20 Jan 2018`."""
    local = in_zone(when, zone)
    same_day = local.date() == in_zone(now, zone).date()
    return _hour_and_minute(local) if same_day else day(when, zone, now)


def _hour_and_minute(local: datetime) -> str:
    """As strftime would write it, which looks for a module at each call: a third of what a row of units took."""
    return f"{local.hour:02d}:{local.minute:02d}"


def in_zone(when: datetime, zone: tzinfo) -> datetime:
    """The time by the city's clock."""
    try:
        return when.astimezone(zone)
    except OverflowError:  # a server may say year 1 or 9999
        return when


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def thousands(number: int) -> str:
    """`1,284`."""
    return f"{number:,}"


def first_of(names: Sequence[str], most: int, tr: Callable[[str], str]) -> str:
    """`A, B, C and 4 more`: the first names of a list, and how many are left out."""
    more = tr(" and {n} more").format(n=len(names) - most) if len(names) > most else ""
    return ", ".join(names[:most]) + more


def distance(metres: float, off_m: float = 0.0) -> str:
    """`60 m`, `1.3 km`; of a place that may lie `off_m` metres off its point, the most that it can be: `≤ 490 m`."""
    if off_m:
        return f"≤ {distance(metres + off_m)}"
    return f"{round(metres, -1):.0f} m" if metres < 1000 else f"{metres / 1000:.1f} km"


def minutes(seconds: float) -> str:
    """An ETA: `4 min`, `1 h 10`."""
    whole = max(1, round(seconds / 60))
    return f"{whole} min" if whole < 100 else f"{whole // 60} h {whole % 60:02d}"


def roughly(text: str, is_rough: bool) -> str:
    """A time or distance with a tilde where it is rougher than those beside it."""
    return f"~{text}" if is_rough else text


def not_sent(order: Queued, unit: Unit | None, code: str, tr: Callable[[str], str]) -> str:
    """The text for an order that is not sent, or may not have arrived, with how its unit is to be told: as its city
    says, or by radio.
    """
    stands = tr("NOT KNOWN whether it arrived") if may_be_there(order) else tr("NOT SENT")
    if unit is not None and unit.contact:
        how = tr("tell {unit}: {contact}").format(unit=code, contact=" ".join(unit.contact.split()))
    else:
        how = tr("tell {unit} by radio").format(unit=code)
    return f"{stands}: {how}"


_CHANNELS = {"phone": "telephone", "telepon": "telephone", "call": "telephone", "app": "the app", "web": "the web page"}
"""What many cities call the ways by which reports come; others keep the city's own word."""


def channel(word: str, tr: Callable[[str], str]) -> str:
    """The channel through which a report came, as text."""
    known = _CHANNELS.get(word.casefold())
    return tr(known) if known else word


def status_text(status: Status, own_word: str | None = None) -> str:
    """The server's own word for a status, else ours."""
    return own_word or BY_STATUS[status].label


def letter(status: Status) -> str:
    """The letter that spells a status."""
    return BY_STATUS[status].letter


PRIORITY_TEXT = {1: "Hazard", 2: "Urgent", 3: "Routine", 4: "Minor"}

UNIT_TEXT: dict[UnitState, str] = {
    UnitState.AVAILABLE: "Available",
    UnitState.COMMITTED: "Committed",
    UnitState.EN_ROUTE: "En route",
    UnitState.ON_SCENE: "On scene",
    UnitState.BREAK: "Break",
    UnitState.UNAVAILABLE: "Unavailable",
    UnitState.OFF_SHIFT: "Off shift",
}
UNIT_SYMBOL: dict[UnitState, str] = {
    UnitState.AVAILABLE: "free",
    UnitState.COMMITTED: "assigned",
    UnitState.EN_ROUTE: "enroute",
    UnitState.ON_SCENE: "onscene",
    UnitState.BREAK: "break",
    UnitState.UNAVAILABLE: "off",
    UnitState.OFF_SHIFT: "shift",
}
"""The drawing of a unit's state in the symbols file."""

WAITS_TEXT: dict[WaitsFor, str] = {
    WaitsFor.REPORTER: "the reporter",
    WaitsFor.AGENCY: "another agency",
    WaitsFor.MATERIAL: "material",
    WaitsFor.WEATHER: "the weather",
}

ASSIGNMENT_TEXT: dict[AssignmentState, str] = {
    AssignmentState.RESERVED: "Reserved",
    AssignmentState.DISPATCHED: "Dispatched",
    AssignmentState.ACKNOWLEDGED: "Acknowledged",
    AssignmentState.EN_ROUTE: "En route",
    AssignmentState.ON_SCENE: "On scene",
    AssignmentState.DONE: "Done",
    AssignmentState.REFUSED: "Refused",
    AssignmentState.RECALLED: "Recalled",
}


def crew(job: Assignment, unit: Unit, tr: Callable[[str], str]) -> str:
    """`SDA-07 en route`; of one that was sent and has said since that it cannot work `SDA-07 cannot go on (why)`."""
    if unit.state is not UnitState.UNAVAILABLE or job.state is AssignmentState.RESERVED:
        return f"{unit.code} {tr(ASSIGNMENT_TEXT[job.state]).lower()}"
    text = tr("{unit} cannot go on ({why})") if unit.reason else tr("{unit} cannot go on")
    return text.format(unit=unit.code, why=unit.reason)
