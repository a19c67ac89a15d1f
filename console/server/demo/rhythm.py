"""The rhythm of the demo city: how many reports come at which hour of which day, in its history and in its present."""

from __future__ import annotations

from datetime import datetime

_HOURS = (4, 3, 2, 2, 3, 6, 12, 18, 22, 23, 22, 20, 18, 18, 19, 21, 23, 24, 22, 19, 16, 13, 10, 7)
"""How many reports come in each hour of a day, in proportion."""
_AWAKE = 18
"""The present is never quieter than this: the city has something to show at night too."""
_WEEKEND = 0.8
_BY_RAIN = 0.5
_HISTORY_RAIN = 0.08
"""As much as it rains on average in a history, from 0 to 1."""
RAINY_DAYS = (0.55, 0.5, 0.35, 0.25, 0.15, 0.08, 0.05, 0.05, 0.08, 0.15, 0.3, 0.45)
"""The part of the days of each month, January first, on which it rains so hard that more is reported."""
_DRY = 0.8
"""The part of what is reported that comes whether it rains or not."""
RAIN_NOW = 0.75
"""It has been raining since yesterday, a little."""


def season(local: datetime) -> float:
    """How many times as much as on average is reported in the days around this one: more where it rains more."""
    return _DRY + (1 - _DRY) * RAINY_DAYS[local.month - 1] * len(RAINY_DAYS) / sum(RAINY_DAYS)


def weight(local: datetime, rain: float, *, present: bool = False) -> float:
    """How many reports come in the hour of a city's own time, in proportion; `rain` from 0 to 1."""
    coming = max(_HOURS[local.hour], _AWAKE) if present else _HOURS[local.hour]
    return coming * (_WEEKEND if local.weekday() >= 5 else 1.0) * (1 + _BY_RAIN * rain)


def reports_an_hour(local: datetime, a_day: float) -> float:
    """How many reports come in an hour now in a city whose history has `a_day` of them."""
    week = (5 + 2 * _WEEKEND) / 7
    return a_day * weight(local, RAIN_NOW, present=True) / (sum(_HOURS) * week * (1 + _BY_RAIN * _HISTORY_RAIN))
