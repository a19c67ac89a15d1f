"""What the crew page needs of the Dispatch API beside edits: the jobs of one unit, instead of the whole city."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec
import sqlalchemy as sa
from msgspec.structs import replace
from starlette.responses import Response

from api_client.decoding import decode
from api_client.model import (
    Area,
    Assignment,
    AssignmentState,
    Entry,
    Kind,
    Message,
    ReadMark,
    Report,
    RunCard,
    Service,
    Unit,
)
from console.rules.names import service_in
from console.rules.proof import is_proof_missing
from console.rules.report import HAZARD
from console.rules.run_card import DoneStep, is_of_card, run_card_of, steps_of
from console.rules.status import ENDED_ASSIGNMENT
from console.server.city import schema
from console.server.city.city import City
from console.server.city.messages import conversation
from console.server.city.meta import LANGUAGE, read_meta
from console.server.city.records import Actor
from console.server.city.rights import unit_called
from console.server.errors import NotFound
from console.server.http.endpoint import JSON, RequestContext
from console.server.pages.assets import pack
from console.server.pages.page_texts import names_wanted

T = TypeVar("T", Report, Service, Area)
_HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Accept-Encoding, Accept-Language"}
_ENDED_FOR = timedelta(hours=24)
"""How long an ended job stays in the list."""
_SAID_FOR = timedelta(days=2)
_MOST_SAID = 50
"""So many messages of so long are told."""
_MOST_ENDED = 100
"""So many of a unit's jobs that ended last are looked at; in years it has thousands."""


class JobStep(msgspec.Struct, frozen=True):
    """A step of the run card as a crew reads it: who has done it and when, "" and null while nobody has."""

    words: str
    who: str = ""
    at: datetime | None = None


class Job(msgspec.Struct, frozen=True):
    """One job of the unit: the assignment, the report as it is now, its service, and the notes on it.

    `area` names where the report lies, the smaller area first; "" where none is known. `needs_proof` is whether an
    after photo of this round of the work is still to be taken: one that was returned proves nothing more. `steps` are
    those of the run card that counts for it.
    """

    assignment: Assignment
    report: Report
    service: Service | None
    words: tuple[Entry, ...]
    area: str
    needs_proof: bool
    steps: tuple[JobStep, ...] = ()


class CrewMessage(msgspec.Struct, frozen=True):
    """A message, with when it was read: by who asks, or his own by somebody that it is to; null while it is not."""

    message: Message
    read: datetime | None = None


class UnitJobs(msgspec.Struct, frozen=True):
    """A unit with its jobs: those that live, the P1 on top, then those that ended within the last day; the newest
    order first. And its messages of the last two days, the oldest first: fifty at most to and from it, and fifty to
    several.

    `timezone` is the city's, in which its times are read by everybody.
    """

    unit: Unit
    jobs: tuple[Job, ...]
    timezone: str
    messages: tuple[CrewMessage, ...] = ()


def jobs_of(city: City, context: RequestContext) -> Response:
    """The jobs of `unit` (id or code), without it of the unit that bears the user's name; NotFound without a unit.

    A crew speaks for the unit that bears its user's name, whichever that is by now, and gets the jobs of no other.
    """
    name, wanted = context.actor.name, context.request.query_params.get("unit") or context.actor.name
    units = city.units()
    # protects: a-crew-reads-what-is-its-own
    own = unit_called(units, name) if context.actor.role == "field" else None
    unit = own or unit_called(units, wanted)
    if unit is None:
        raise NotFound(f"There is no unit {wanted[:100]}.")
    jobs, timezone = _jobs(city, unit, names_wanted(context.request))
    body = msgspec.json.encode(UnitJobs(unit, tuple(jobs), timezone, _messages_of(city, context.actor, unit)))
    return pack(body, JSON).answer(context.request, headers=_HEADERS)


def _messages_of(city: City, actor: Actor, unit: Unit) -> tuple[CrewMessage, ...]:
    now = city.clock()
    found = conversation(city.database, actor, unit, now, now - _SAID_FOR, _MOST_SAID)
    return tuple(CrewMessage(message, _read_at(message, marks, actor.name)) for message, marks in found)


def _read_at(message: Message, marks: Iterable[ReadMark], name: str) -> datetime | None:
    own = message.author == name
    return next((mark.at for mark in marks if (mark.addressed if own else mark.who == name)), None)


def _jobs(city: City, unit: Unit, wanted: tuple[str, ...]) -> tuple[list[Job], str]:
    """The jobs, their services in the wanted languages, and the city's zone."""
    since = city.clock() - _ENDED_FOR
    table = schema.assignments
    with city.database.read() as connection:
        of_unit = sa.select(table.c.body).where(table.c.unit == unit.id)
        alive = of_unit.where(table.c.live == 1)
        ended = of_unit.where(table.c.live == 0).order_by(table.c.seq.desc()).limit(_MOST_ENDED)
        bodies = [body for query in (alive, ended) for body in connection.execute(query).scalars()]
        assignments = [decode(body, Assignment) for body in bodies]
        shown = [
            one
            for one in assignments
            if one.state is not AssignmentState.RESERVED and (one.state not in ENDED_ASSIGNMENT or one.since >= since)
        ]
        keys = {one.report for one in shown}
        reports = _by_id(connection, schema.reports, keys, Report)
        hazards = {key for key, report in reports.items() if report.priority == HAZARD}
        shown.sort(key=lambda one: (one.state in ENDED_ASSIGNMENT, one.report not in hazards, -one.created.timestamp()))
        services = _by_id(connection, schema.services, {r.service or "" for r in reports.values()}, Service)
        areas = area_words(connection, {r.area or "" for r in reports.values()})
        cards = [decode(body, RunCard) for body in connection.scalars(sa.select(schema.run_cards.c.body))]
        histories, meta = _histories(connection, keys), read_meta(connection)
    jobs = [
        _job(one, report, services.get(report.service or ""), histories.get(one.report, []), areas, cards)
        for one in shown
        if (report := reports.get(one.report)) is not None
    ]
    # What a service is called comes last: rules, such as which run card counts, know its plain names only.
    told = {code: service_in(one, wanted, meta.get(LANGUAGE, "")) for code, one in services.items()}
    return [replace(one, service=told.get(one.report.service or "")) for one in jobs], meta["timezone"]


def _job(
    assignment: Assignment,
    report: Report,
    service: Service | None,
    history: list[Entry],
    areas: dict[str, str],
    cards: list[RunCard],
) -> Job:
    noted = (entry for entry in history if entry.kind == Kind.NOTE and entry.undone_by is None)
    notes = tuple(entry for entry in noted if not is_of_card(entry))
    needs_proof = is_proof_missing(report, service, history)
    card = run_card_of(cards, service, report.priority)
    steps = tuple(map(_step, steps_of(card, history))) if card is not None else ()
    return Job(assignment, report, service, notes, areas.get(report.area or "", ""), needs_proof, steps)


def _step(step: DoneStep) -> JobStep:
    done = step.done
    return JobStep(step.words) if done is None else JobStep(step.words, done.author, done.occurred_at or done.at)


def area_words(connection: sa.Connection, codes: set[str]) -> dict[str, str]:
    """`Cawang, Kramatjati` for each area that is known: its name and that of the one that it lies in, once where they
    bear one name.
    """
    areas = _by_id(connection, schema.areas, codes, Area)
    around = _by_id(connection, schema.areas, {area.parent or "" for area in areas.values()}, Area)
    return {
        code: ", ".join(dict.fromkeys(one.name for one in (area, around.get(area.parent or "")) if one is not None))
        for code, area in areas.items()
    }


def _by_id(connection: sa.Connection, table: sa.Table, keys: set[str], kind: type[T]) -> dict[str, T]:
    rows = connection.execute(sa.select(table.c.id, table.c.body).where(table.c.id.in_(keys)))
    return {key: decode(body, kind) for key, body in rows}


def _histories(connection: sa.Connection, reports: set[str]) -> dict[str, list[Entry]]:
    """All entries of each report, the oldest first."""
    table = schema.entries
    query = sa.select(table.c.body).where(table.c.report.in_(reports)).order_by(table.c.at, table.c.seq)
    found: dict[str, list[Entry]] = {}
    for body in connection.execute(query).scalars():
        entry = decode(body, Entry)
        if entry.report is not None:
            found.setdefault(entry.report, []).append(entry)
    return found
