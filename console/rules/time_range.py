"""The time that charts look back over, and the bars it is cut into."""

from __future__ import annotations

from enum import StrEnum


class TimeRange(StrEnum):
    """How far charts look back. The values are the words of settings.json."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"
    YEAR = "1y"
    ALL = "all"


class BarUnit(StrEnum):
    """What one bar of a chart over time stands for, by the city's clock and calendar."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    YEAR = "year"
