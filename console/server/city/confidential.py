"""Which categories a city keeps confidential: nothing that everybody may read tells of their reports."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from console.server.city import schema
from console.server.city.database import holding

_MARK = b'"confidential":true'


def confidential_services(connection: sa.Connection) -> frozenset[str]:
    """The codes of the confidential services, retired ones too: their reports are still there."""
    table = schema.services
    return frozenset(connection.scalars(sa.select(table.c.id).where(holding(connection, table.c.body, _MARK))))


def may_be_public(hidden: Collection[str]) -> sa.ColumnElement[bool]:
    """Whether a row of `reports` is of none of these services."""
    service = schema.reports.c.service
    return sa.or_(service.is_(None), service.not_in(hidden)) if hidden else sa.true()


def hidden_reports(connection: sa.Connection, keys: Collection[str], hidden: Collection[str]) -> frozenset[str]:
    """Those of these reports that are of one of these services."""
    if not hidden or not keys:
        return frozenset()
    table = schema.reports
    return frozenset(connection.scalars(sa.select(table.c.id).where(table.c.id.in_(keys), table.c.service.in_(hidden))))
