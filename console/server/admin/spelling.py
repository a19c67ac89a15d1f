"""How hours, lengths of time and yes are written in a city's folder."""

from __future__ import annotations

import re
from collections.abc import Sequence

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_LENGTH = re.compile(r"\s*(\d{1,9})\s*([dhms])", re.IGNORECASE)
_HOURS = re.compile(r"(\d{1,2})[:.](\d{2})\s*[-\u2013]\s*(\d{1,2})[:.](\d{2})")
_CLOSED = "closed"
_DAY = 24 * 60

Hours = tuple[int, int] | None


def read_length(text: str) -> int:
    """The seconds of a length such as 15m, 6h, 7d or “1d 12h”; ValueError when it is none."""
    seconds, at = 0, 0
    while at < len(text.rstrip()):
        match = _LENGTH.match(text, at)
        if match is None:
            raise ValueError(f"“{text[:40]}” is no length of time; write it like 15m, 6h or 7d")
        seconds += int(match[1]) * _UNITS[match[2].lower()]
        at = match.end()
    if not seconds:
        raise ValueError("a length of time is longer than nothing; write it like 15m, 6h or 7d")
    return seconds


def length_text(seconds: int) -> str:
    """The seconds as read_length reads them."""
    return next(f"{seconds // size}{unit}" for unit, size in _UNITS.items() if seconds % size == 0)


def read_hours(text: str) -> Hours:
    """Minutes since midnight from “07:30-16:00”, None from “closed”; 23:00-07:00 ends on the next day."""
    if text.strip().casefold() == _CLOSED:
        return None
    match = _HOURS.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"“{text[:40]}” are no hours; write them like 07:30-16:00, or closed")
    begin, end = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    if max(int(match[2]), int(match[4])) > 59 or begin >= _DAY or end > _DAY:
        raise ValueError(f"“{text[:40]}” are no hours of a day; they go from 00:00 to 24:00")
    return begin, end if end > begin else end + _DAY


def hours_text(hours: Hours) -> str:
    """Hours as read_hours reads them."""
    if hours is None:
        return _CLOSED
    begin, end = hours[0], hours[1] if hours[1] <= _DAY else hours[1] - _DAY
    return f"{begin // 60:02d}:{begin % 60:02d}-{end // 60:02d}:{end % 60:02d}"


def week_text(days: Sequence[Hours]) -> dict[str, str]:
    """A week's hours by day, shorter where all days, or all working days, are the same."""
    texts = dict(zip(DAYS, map(hours_text, days), strict=True))
    if len(set(texts.values())) == 1:
        return {"daily": texts["monday"]}
    if len({texts[day] for day in DAYS[:5]}) == 1:
        return {"weekdays": texts["monday"]} | {day: texts[day] for day in DAYS[5:]}
    return texts


def read_yes(text: str) -> bool:
    """True from yes, False from no; ValueError else."""
    word = text.strip().casefold()
    if word in ("yes", "true", "1"):
        return True
    if word in ("no", "false", "0"):
        return False
    raise ValueError(f"“{text[:40]}” is neither yes nor no")
