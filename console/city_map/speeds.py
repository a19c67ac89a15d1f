"""A city's table of speeds by class of road, day of the week and hour of the day: a CSV file, read line by line.

    class,days,hours,kmh
    primary,daily,,30
    primary,weekdays,16:00-19:00,14

A class and an hour that no line names keep the speed of `road_kinds.py`; of several lines the last one counts.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from console.city_map.road_kinds import ROADS

SPEEDS = "speeds.csv"
"""The table's name in the folder of a profile's maps."""
FITTED_FROM = "fitted from"
"""How a remark begins that says from how many drives of crews a table was fitted."""
CLASSES = tuple(dict.fromkeys(kind.drawn for kind in ROADS.values() if kind.speed_kmh))
HOURS_OF_WEEK = 7 * 24

_COLUMNS = ("class", "days", "hours", "kmh")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY_WORDS = {"daily": range(7), "weekdays": range(5), "weekend": range(5, 7)} | {
    day: range(number, number + 1) for number, day in enumerate(_DAYS)
}
_HOURS = re.compile(r"([0-9]{1,2})(?::00)?\s*[-–]\s*([0-9]{1,2})(?::00)?")
_NUMBER = re.compile(r"[0-9]{1,3}(?:[.,][0-9]{1,3})?")
_FITTED = re.compile(rf"^# {FITTED_FROM} ([0-9]{{1,9}}) drives\b", re.MULTILINE)
_SLOWEST, _FASTEST = 1.0, 130.0
_MOST_BYTES = 2**18
_MOST_FAULTS = 20
_LONGEST_LINE = 500
_MOST_SHOWN = 40


class SpeedFileError(Exception):
    """A file is no table of speeds; `faults` are sentences for the operator, with the file's name and the line."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__(" ".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True)
class SpeedTable:
    """km/h by class of road, for each hour of the week from Monday 0 h on; classes that are missing keep their own."""

    by_hour: tuple[Mapping[str, float], ...]
    lines: int
    """How many lines of the file say something."""
    drives: int = 0
    """From how many drives of the city's crews it was fitted; 0 for a table that somebody wrote."""

    def at(self, hour_of_week: int) -> Mapping[str, float]:
        """The speeds of one hour."""
        return self.by_hour[hour_of_week]


def hour_of_week(local: datetime) -> int:
    """The hour that a moment, as the city's clocks show it, lies in: 0 is Monday from 0 to 1 h, 167 the last one."""
    return local.weekday() * 24 + local.hour


def read_speeds(path: Path) -> tuple[SpeedTable, bytes]:
    """(the table, the file as it is). Raises SpeedFileError, OSError."""
    if path.exists() and not path.is_file():  # reading a pipe would wait for ever
        raise SpeedFileError([f"{path.name} is no file."])
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    return parse_speeds(content, path.name), content


def parse_speeds(content: bytes, name: str) -> SpeedTable:
    """The table that a file of this name holds. Raises SpeedFileError with all that is wrong, 20 sentences at most."""
    # protects: speeds-of-a-small-file
    if len(content) > _MOST_BYTES:
        raise SpeedFileError([f"{name} is larger than {_MOST_BYTES // 1024} kB: that is no table of speeds."])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SpeedFileError([f"{name} is not text in UTF-8: save it as CSV UTF-8."]) from None
    rows = _rows(text)
    first = next(rows, (1, []))
    heads = [cell.strip().lower() for cell in first[1]]
    if sorted(heads) != sorted(_COLUMNS):
        raise SpeedFileError(
            [f"{name}, line {first[0]}: the first line has to name the columns {', '.join(_COLUMNS)}."]
        )
    by_hour: list[dict[str, float]] = [{} for _ in range(HOURS_OF_WEEK)]
    faults: list[str] = []
    seen: dict[tuple[str, tuple[int, ...]], int] = {}
    for line, cells in rows:
        if len(cells) != len(heads):
            faults.append(f"{name}, line {line}: {len(cells)} cells, not {len(heads)}.")
            continue
        row = dict(zip(heads, (cell.strip() for cell in cells), strict=True))
        wrong, road, hours, kmh = _values(row)
        before = seen.setdefault((road, hours), line)
        if before != line and not wrong:
            wrong = [f"the same class and hours as in line {before}"]
        faults += [f"{name}, line {line}: {one}." for one in wrong]
        if not wrong:
            for hour in hours:
                by_hour[hour][road] = kmh
    if not seen and not faults:
        faults.append(f"{name} has no line of speeds.")
    if len(faults) > _MOST_FAULTS:
        faults = [*faults[:_MOST_FAULTS], f"And {len(faults) - _MOST_FAULTS} more."]
    if faults:
        raise SpeedFileError(faults)
    fitted = _FITTED.search(text)
    return SpeedTable(tuple(by_hour), len(seen), int(fitted[1]) if fitted is not None else 0)


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """(number, cells) of each line that is neither empty nor a remark (#). A cell never goes on in the next line."""
    lines = [
        (number, line.rstrip("\n"))
        for number, line in enumerate(io.StringIO(text, newline=None), 1)
        if line.strip(',; \t\n"') and not line.lstrip(' \t"').startswith("#")
    ]
    head = lines[0][1] if lines else ""
    separator = ";" if head.count(";") > head.count(",") else ","
    for number, line in lines:
        yield number, next(csv.reader([line[:_LONGEST_LINE]], delimiter=separator), [])


def _values(row: Mapping[str, str]) -> tuple[list[str], str, tuple[int, ...], float]:
    """(what is wrong, class, hours of the week, km/h); where something is wrong the others may be empty."""
    wrong = []
    road = row["class"].lower()
    if road not in CLASSES:
        wrong.append(f"“{_shown(row['class'])}” is no class of road ({', '.join(CLASSES)})")
    days: set[int] = set()
    for word in (row["days"].lower() or "daily").split("|"):
        if word.strip() in _DAY_WORDS:
            days.update(_DAY_WORDS[word.strip()])
        else:
            wrong.append(f"“{_shown(word)}” are no days (daily, weekdays, weekend, or monday to sunday with | between)")
    hours = _HOURS.fullmatch(row["hours"] or "0-24")
    begin, end = (int(hours[1]), int(hours[2])) if hours is not None else (0, 0)
    if not begin < end <= 24:
        wrong.append(f"“{_shown(row['hours'])}” are no hours (such as 07:00-09:00; over midnight take two lines)")
    number = row["kmh"]
    kmh = float(number.replace(",", ".")) if _NUMBER.fullmatch(number) else 0.0
    if not _SLOWEST <= kmh <= _FASTEST:
        wrong.append(f"“{_shown(number)}” is no speed from {_SLOWEST:.0f} to {_FASTEST:.0f} km/h")
    return wrong, road, tuple(day * 24 + hour for day in sorted(days) for hour in range(begin, end)), kmh


def _shown(text: str) -> str:
    """A cell in a sentence: printable, and not long."""
    plain = "".join(character if character.isprintable() else "�" for character in text.strip())
    return plain if len(plain) <= _MOST_SHOWN else f"{plain[:_MOST_SHOWN]}…"
