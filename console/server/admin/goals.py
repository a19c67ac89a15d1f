"""Which open reports a service's new targets would make late: what an admin asks before he applies them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from api_client.decoding import decode
from api_client.model import Calendar, Clock, ClockState, Report, Service
from console.rules.sla import clocks_at, sla_of, working_seconds
from console.server.city import schema

_NEWEST = 500
"""So many reports of a service are looked at, whenever a cell of the page is changed."""


class LateReports(NamedTuple):
    """Of how many of a service's newest open reports how many would be late that are not."""

    late: int
    of: int


def newest_late(
    connection: sa.Connection, service: Service, calendars: Mapping[str, Calendar], now: datetime
) -> LateReports:
    """What the targets of this service would do to its newest open reports."""
    reports = schema.reports
    query = sa.select(reports.c.body).where(reports.c.closed == 0, reports.c.service == service.code)
    rows = connection.scalars(query.order_by(reports.c.created.desc()).limit(_NEWEST))
    found = [decode(body, Report) for body in rows]
    return LateReports(sum(becomes_late(one, service, calendars, now) for one in found), len(found))


def becomes_late(report: Report, service: Service, calendars: Mapping[str, Calendar], now: datetime) -> bool:
    """Whether a report that is late by none of its clocks would be late by this service's targets for its priority."""
    sla = sla_of(service, report.priority)
    running = [one for one in clocks_at(report, now) if one.met_at is None]
    if sla is None or any(_left_s(one, None, now) < 0 for one in running):
        return False
    targets = {"first_response": sla.first_response_s, "finish": sla.finish_s, "validation": sla.validation_s}
    calendar = calendars.get(sla.calendar or "")
    given = [(clock, target) for clock in running if (target := targets.get(clock.name)) is not None]
    return any(_left_s(clock, calendar, now) + target - clock.target_s < 0 for clock, target in given)


def _left_s(clock: Clock, calendar: Calendar | None, now: datetime) -> float:
    """The seconds that count until it is due; less than none when that is over."""
    if clock.state is ClockState.BREACHED:
        return -1.0
    if clock.state is ClockState.PAUSED:
        return clock.left_s or 0.0
    if clock.due is None:
        return float(clock.target_s)
    return working_seconds(now, clock.due, calendar) if clock.due >= now else -1.0
