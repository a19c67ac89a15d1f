"""Reports are counted off in an index; the history names who made a citizen's report by a hash of his secret key."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

from console.server.city.report_key import without_key

revision = "0004"
down_revision = "0003"

_AT_A_TIME = 1_000
_PIECES = (b'"kind":"created"', b'"kind":"photo"', b'"undoes":"')
_entries = sa.table(
    "entries",
    sa.column("id", sa.Text),
    sa.column("seq", sa.BigInteger),
    sa.column("report", sa.Text),
    sa.column("edit", sa.Text),
    sa.column("body", sa.LargeBinary),
)
_reports = sa.table("reports", sa.column("id", sa.Text), sa.column("body", sa.LargeBinary))
_audit = sa.table("audit", sa.column("edit", sa.Text), sa.column("role", sa.Text), sa.column("what", sa.Text))
_answers = sa.table("answers", sa.column("key", sa.Text))
_counters = sa.table("counters", sa.column("name", sa.Text), sa.column("value", sa.BigInteger))


def upgrade() -> None:
    """Make it so."""
    op.drop_index("reports_created", "reports")
    op.create_index("reports_created", "reports", ["created", "id"], unique=False)
    connection = op.get_bind()
    last = ""
    while True:
        query = sa.select(_entries.c.id, _entries.c.report, _entries.c.edit, _entries.c.body)
        query = query.where(_entries.c.id > last, _entries.c.edit.is_not(None)).order_by(_entries.c.id)
        rows = connection.execute(query.limit(_AT_A_TIME)).all()
        if not rows:
            return
        last = rows[-1][0]
        _hide(connection, [row for row in rows if any(piece in row[3] for piece in _PIECES)])


def _hide(connection: sa.Connection, rows: list[Any]) -> None:
    """Rewrite the entries that name a citizen's key, with new numbers, so that consoles read them anew."""
    found = [(row, entry, _names(entry)) for row in rows if _names(entry := msgspec.json.decode(row[3]))]
    keys = _of_citizens(connection, {name: row[1] for row, _, names in found for name in names})
    hidden = [(row, entry) for row, entry, names in found if names & keys]
    if not hidden:
        return
    take = sa.update(_counters).where(_counters.c.name == "seq").values(value=_counters.c.value + len(hidden))
    seq = int(connection.execute(take.returning(_counters.c.value)).scalar_one()) - len(hidden)
    for row, entry in hidden:
        seq += 1
        if entry["edit"] in keys:
            entry["edit"] = without_key(entry["edit"])
        if entry["data"].get("undoes") in keys:
            entry["data"]["undoes"] = without_key(entry["data"]["undoes"])
        change = {"edit": entry["edit"], "body": msgspec.json.encode(entry), "seq": seq}
        connection.execute(sa.update(_entries).where(_entries.c.id == row[0]).values(**change))
    connection.execute(sa.delete(_answers).where(_answers.c.key.in_(sorted(keys))))


def _names(entry: dict[str, Any]) -> set[str]:
    """The ids in an entry that may hold a key: of a creation, of a photo, and of what is taken back."""
    names = {entry["data"].get("undoes"), entry["edit"] if entry["kind"] in ("created", "photo") else None}
    return {name for name in names if isinstance(name, str) and without_key(name) != name}


def _of_citizens(connection: sa.Connection, reports: dict[str, str | None]) -> set[str]:
    """Which of these ids (with the reports they concern) are citizens': the audit log says it or, where it is silent,
    how the report came.
    """
    by_log = sa.select(_audit.c.edit, _audit.c.role).where(_audit.c.edit.in_(sorted(reports)), _audit.c.what == "write")
    roles = dict(connection.execute(by_log).all())
    silent = sorted({report or "" for name, report in reports.items() if name not in roles})
    bodies = connection.execute(sa.select(_reports.c.id, _reports.c.body).where(_reports.c.id.in_(silent)))
    public = {key for key, body in bodies if msgspec.json.decode(body).get("channel") in ("web", "open311")}
    return {
        name for name, report in reports.items() if (roles[name] == "citizen" if name in roles else report in public)
    }
