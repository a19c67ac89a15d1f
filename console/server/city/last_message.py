"""The end of an edit's transaction on PostgreSQL as one message: from the feed's counter to the commit.

The counter is the one row that all edits wait for, as the numbers have to be in the order of the commits. Between two
messages whoever holds it waits for the processor, on a busy machine for longer than all the work takes; so what is left
to do is sent together, the COMMIT with it. The numbers are put in by PostgreSQL. Nothing but the simple protocol takes
several statements at once, and that has no parameters: the driver writes the values into the text.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from console.server.city import schema
from console.server.city.audit import WAIT
from console.server.city.database import COUNTER, TAKE_AND_TELL_EDIT, writing


class StoredAnswer(msgspec.Struct, frozen=True):
    """The answer to an edit under its keys: HTTP status, time in microseconds, and JSON around the edit's number."""

    keys: tuple[str, ...]
    status: int
    at: int
    before: bytes
    after: bytes

    def body(self, seq: int) -> bytes:
        """The answer's JSON."""
        return b"%b%d%b" % (self.before, seq, self.after)


_answers = schema.answers.c
_NUMBER = sa.select(schema.counters.c.value).where(schema.counters.c.name == COUNTER).scalar_subquery()
_MINE = (
    sa.select(schema.counters.c.value - sa.bindparam("later")).where(schema.counters.c.name == COUNTER)
).scalar_subquery()
_KEEP = sa.update(schema.answers).where(_answers.key == sa.bindparam("its_key"))
_KEEP_NUMBERED = _KEEP.values(
    body=sa.bindparam("before", type_=sa.LargeBinary)
    .op("||")(sa.func.convert_to(sa.cast(_NUMBER, sa.Text), "UTF8"))
    .op("||")(sa.bindparam("after", type_=sa.LargeBinary))
)


def keep_answer(connection: sa.Connection, answer: StoredAnswer, seq: int) -> None:
    """Store the answer, the number being known."""
    row = {"status": answer.status, "at": answer.at, "body": answer.body(seq)}
    connection.execute(_KEEP, [row | {"its_key": key} for key in answer.keys])


def end_at_once(
    connection: sa.Connection,
    audited: Sequence[dict[str, Any]],
    rows: Sequence[tuple[str, dict[str, Any]]],
    answer: StoredAnswer,
) -> int:
    """Let the rows `audited` wait for the audit log; number these rows (kind, and columns but `seq`), write them, store
    the answer and commit; the last number.

    Nothing more can be done in the transaction.
    """
    from psycopg import ClientCursor

    driver: Any = connection.connection.driver_connection
    writer = ClientCursor(driver)
    text = "; ".join(
        str(writer.mogrify(one.text, one.constants | values)) for one, values in _statements(audited, rows, answer)
    )
    result = connection.exec_driver_sql(f"{text}; COMMIT", execution_options={"no_parameters": True})
    return int(result.one()[0])


class _Compiled(NamedTuple):
    text: str
    constants: dict[str, Any]


def _statements(
    audited: Sequence[dict[str, Any]], rows: Sequence[tuple[str, dict[str, Any]]], answer: StoredAnswer
) -> Iterator[tuple[_Compiled, dict[str, Any]]]:
    yield _compiled(TAKE_AND_TELL_EDIT, ("count",)), {"count": len(rows)}
    for later, (kind, row) in enumerate(rows, 1 - len(rows)):
        yield _numbered(kind, tuple(row)), row | {"later": -later}
    named = {"status": answer.status, "at": answer.at, "before": answer.before, "after": answer.after}
    for key in answer.keys:
        yield _compiled(_KEEP_NUMBERED, ("status", "at")), named | {"its_key": key}
    for row in audited:
        yield _compiled(WAIT, tuple(row)), row


@functools.cache
def _numbered(kind: str, names: tuple[str, ...]) -> _Compiled:
    statement = writing(False, schema.TABLES[kind], ("seq", *names)).values(seq=_MINE)
    return _compiled(statement, names)


@functools.cache
def _compiled(statement: sa.UpdateBase, names: tuple[str, ...]) -> _Compiled:
    """The text of a statement that sets these columns, and the parameters that are always the same."""
    dialect = sa.make_url("postgresql+psycopg://").get_dialect()()
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    constants = {name: value for name, value in compiled.params.items() if value is not None}
    return _Compiled(str(compiled), constants)
