"""What the clocks of a report say: time used, time left, time over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from api_client.model import Clock, ClockState
from console.panels import formatting
from widgets.slabar import SlaSegment

_RISK_AT = 0.8
_DAY, _HOUR = 86400, 3600


def clock_segments(clocks: Sequence[Clock], priority: int, now: datetime, tr: Callable[[str], str]) -> list[SlaSegment]:
    """One segment a clock of a report of this priority: what is late is amber, and red where it is a hazard."""
    names = {"first_response": tr("Coordinate"), "finish": tr("Finish"), "validation": tr("Validate")}
    late = formatting.LATE if priority == 1 else formatting.AT_RISK
    return [_segment(clock, names.get(clock.name, clock.name), late, now, tr) for clock in clocks]


def _segment(clock: Clock, name: str, late: int, now: datetime, tr: Callable[[str], str]) -> SlaSegment:
    label, whole_s = f"{name} {_target(clock.target_s)}", max(1, clock.target_s)
    if clock.met_at is not None:
        used_s = (clock.met_at - clock.started).total_seconds()
        level = formatting.AT_RISK if clock.state is ClockState.BREACHED else formatting.CALM
        mark = "✓" if clock.state is ClockState.MET else tr("late")
        label = f"{label} {mark} {formatting.duration(used_s)}"
        return SlaSegment(label, "", min(1.0, used_s / whole_s), _RISK_AT, level, paused=False)
    if clock.state is ClockState.PAUSED:
        paused_s = clock.left_s or 0
        left = tr("paused, {time} left").format(time=formatting.duration(paused_s))
        return SlaSegment(label, left, 1 - paused_s / whole_s, _RISK_AT, formatting.CALM, paused=True)
    left_s = (clock.due - now).total_seconds() if clock.due else float(clock.target_s)
    fraction = min(1.0, max(0.0, 1 - left_s / whole_s))
    left = (tr("{time} over") if left_s < 0 else tr("{time} left")).format(time=formatting.duration(left_s))
    level = late if left_s < 0 else formatting.AT_RISK if fraction >= _RISK_AT else formatting.CALM
    return SlaSegment(label, left, fraction, _RISK_AT, level, paused=False, late=left_s < 0)


def _target(seconds: int) -> str:
    if seconds < _HOUR:
        return f"{round(seconds / 60)} min"
    return f"{seconds // _DAY} d" if seconds % _DAY == 0 else formatting.duration(seconds).replace(" h 00", " h")
