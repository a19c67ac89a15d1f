"""The comparison for the server: the same feed and edits, written the usual way with FastAPI and an ORM.

It does what many consoles ask for and no more: tokens, idempotency keys, versions, history, the feed's counter and a
stream; no rights, no conflicts, no clocks, no audit. `python -m tools.bench.rival DATABASE TOKENS REPORTS`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import sqlalchemy as sa
import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

_POLL_S = 0.1


class _Base(DeclarativeBase):
    pass


class _Report(_Base):
    __tablename__ = "reports"
    id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(index=True)
    version: Mapped[int]
    priority: Mapped[int]
    claimed_by: Mapped[str | None]
    description: Mapped[str]


class _RivalEntry(_Base):
    __tablename__ = "entries"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    seq: Mapped[int] = mapped_column(index=True)
    report: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    author: Mapped[str]
    edit: Mapped[str] = mapped_column(unique=True)
    at: Mapped[datetime]
    text: Mapped[str]


class _Counter(_Base):
    __tablename__ = "counters"
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int]


class _User(_Base):
    __tablename__ = "users"
    token: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]


class _Edit(BaseModel):
    id: str
    kind: str
    data: dict[str, Any] = {}


class _ReportOut(BaseModel):
    id: str
    version: int
    priority: int
    claimed_by: str | None
    description: str


class _EntryOut(BaseModel):
    id: int
    report: str
    kind: str
    author: str
    edit: str
    at: datetime
    text: str


class _ItemOut(BaseModel):
    kind: str
    seq: int
    id: str
    data: _ReportOut | _EntryOut


class _PageOut(BaseModel):
    upto: int
    more: bool
    items: list[_ItemOut]


class _EditOut(BaseModel):
    seq: int
    report: _ReportOut


router = APIRouter(prefix="/dispatch/v1")


def _session_of(request: Request) -> Iterator[Session]:
    with request.app.state.make_session() as session:
        yield session


_Of = Annotated[Session, Depends(_session_of)]


def _user_of(session: _Of, authorization: Annotated[str, Header()] = "") -> _User:
    user = session.get(_User, authorization.removeprefix("Bearer "))
    if user is None:
        raise HTTPException(401)
    return user


_Who = Annotated[_User, Depends(_user_of)]


@router.get("/stats")
def _stats(session: _Of) -> dict[str, int]:
    return {"seq": session.get_one(_Counter, "seq").value}


@router.get("/changes")
def _changes(after: int, limit: int, session: _Of, _: _Who) -> _PageOut:
    present = session.get_one(_Counter, "seq").value
    reports = session.scalars(sa.select(_Report).where(_Report.seq > after).order_by(_Report.seq).limit(limit))
    entries = session.scalars(
        sa.select(_RivalEntry).where(_RivalEntry.seq > after).order_by(_RivalEntry.seq).limit(limit)
    )
    items = [_ItemOut(kind="report", seq=row.seq, id=row.id, data=_report_out(row)) for row in reports]
    items += [
        _ItemOut(kind="entry", seq=row.seq, id=str(row.id), data=_EntryOut.model_validate(row, from_attributes=True))
        for row in entries
    ]
    items.sort(key=lambda item: item.seq)
    return _PageOut(upto=present, more=False, items=items[:limit])


@router.get("/stream")
async def _stream(request: Request) -> StreamingResponse:
    return StreamingResponse(_events(request.app.state.make_session), media_type="text/event-stream")


@router.post("/reports/{report}/edits")
def _edit(report: str, body: _Edit, session: _Of, user: _Who) -> _EditOut:
    name = user.name
    session.rollback()
    if session.get_bind().dialect.name == "sqlite":
        session.connection().exec_driver_sql("BEGIN IMMEDIATE")
    row = session.get(_Report, report, with_for_update=True)
    if row is None:
        raise HTTPException(404)
    if session.scalar(sa.select(_RivalEntry).where(_RivalEntry.edit == body.id)) is None:
        row.version += 1
        row.priority = body.data.get("priority", row.priority)
        row.claimed_by = name if body.kind == "claim" else row.claimed_by
        counter = session.get_one(_Counter, "seq", with_for_update=True)
        counter.value += 2
        row.seq = counter.value
        session.add(
            _RivalEntry(
                seq=counter.value - 1,
                report=report,
                kind=body.kind,
                author=name,
                edit=body.id,
                at=datetime.now(UTC),
                text=body.data.get("text", ""),
            )
        )
        session.commit()
    return _EditOut(seq=row.seq, report=_report_out(row))


def make_rival(database: str, tokens: list[str], reports: int) -> FastAPI:
    """The application on a new database at this URL, with one user for each token and so many reports."""
    options: dict[str, Any] = {"pool_size": 500}
    engine = sa.create_engine(database, **options)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
    _Base.metadata.create_all(engine)
    make_session = sessionmaker(engine)
    with make_session.begin() as session:
        session.add(_Counter(name="seq", value=reports))
        session.add_all(_User(token=token, name=f"user{number}") for number, token in enumerate(tokens))
        session.add_all(
            _Report(id=f"r{n}", seq=n, version=1, priority=3, claimed_by=None, description="banjir di jalan " * 8)
            for n in range(1, reports + 1)
        )
    app = FastAPI()
    app.state.make_session = make_session
    app.include_router(router)
    return app


def _report_out(row: _Report) -> _ReportOut:
    return _ReportOut.model_validate(row, from_attributes=True)


async def _events(make_session: sessionmaker[Session]) -> AsyncIterator[str]:
    told = -1
    while True:
        present = await asyncio.to_thread(_present, make_session)
        if present > told:
            told = present
            yield f'event: seq\ndata: {{"seq":{present}}}\n\n'
        await asyncio.sleep(_POLL_S)


def _present(make_session: sessionmaker[Session]) -> int:
    with make_session() as session:
        return session.get_one(_Counter, "seq").value


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")


def _main(database: str, tokens: Path, reports: int) -> None:
    app = make_rival(database, json.loads(tokens.read_text(encoding="utf-8")), reports)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", access_log=False))

    async def run() -> None:
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        sys.stdout.write(f"serving at http://127.0.0.1:{port}\n")
        sys.stdout.flush()
        await serving

    asyncio.run(run())


if __name__ == "__main__":
    _main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
