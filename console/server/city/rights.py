"""Who may do what: roles say which kinds of edit, scopes say on which reports. Reading is open to every role."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from api_client.model import Assignment, EditBody, Entry, Report, Unit
from console.rules import rights
from console.rules.proof import is_own_proof
from console.rules.report import upwards
from console.server.city.records import Actor
from console.server.city.unit_of_work import UnitOfWork
from console.server.errors import ForbiddenRefusal


def check_role(actor: Actor, edit: EditBody) -> None:
    """Raise ForbiddenRefusal when the role may not make such an edit."""
    if not rights.may_make(actor.role, edit.kind):
        raise ForbiddenRefusal(f"The role {actor.role} may not do this ({edit.kind.value.replace('_', ' ')}).")


def check_scope(unit_of_work: UnitOfWork, actor: Actor, report: Report) -> None:
    """Raise ForbiddenRefusal when the report lies outside the actor's areas and agencies; who was sent there, whoever
    has the report by now, says what he does there all the same.
    """
    # protects: who-was-sent-there-speaks
    if not in_scope(unit_of_work, actor, report) and not _was_sent(unit_of_work, actor, report):
        raise ForbiddenRefusal(f"Report {report.id} is outside the areas and agencies of {actor.name}.")


def in_scope(unit_of_work: UnitOfWork, actor: Actor, report: Report) -> bool:
    """Whether the report lies in an area (or below one) or with an agency of the actor."""
    around = upwards(report.area, unit_of_work.area)
    return rights.in_scope(actor.areas, actor.agencies, agency=report.agency, area_upwards=around)


def check_unit(actor: Actor, unit: Unit) -> None:
    """Raise ForbiddenRefusal when a crew speaks for another unit."""
    if actor.role == "field" and actor.name.casefold() not in call_signs(unit):
        raise ForbiddenRefusal(f"{actor.name} may not speak for unit {unit.code}.")


def check_unit_scope(unit_of_work: UnitOfWork, actor: Actor, unit: Unit) -> None:
    """Raise ForbiddenRefusal for a unit neither of the actor's agencies nor in his areas; a crew speaks for itself."""
    check_unit(actor, unit)
    # protects: scope-of-units
    if actor.role != "field" and not rights.unit_in_scope(actor.areas, actor.agencies, unit, unit_of_work.area):
        raise ForbiddenRefusal(f"Unit {unit.code} is outside the areas and agencies of {actor.name}.")


def _was_sent(unit_of_work: UnitOfWork, actor: Actor, report: Report) -> bool:
    """Whether the actor is the crew of a unit that has, or had, a job on the report."""
    if actor.role != "field":
        return False
    units = [unit_of_work.unit(key) for key in sorted({job.unit for job in unit_of_work.assignments(report.id)})]
    return any(actor.name.casefold() in call_signs(unit) for unit in units if unit is not None)


def call_signs(unit: Unit) -> frozenset[str]:
    """The words by which a unit is found, and its crew's user is called: its id and its code, casefolded."""
    return frozenset(word.casefold() for word in (unit.id, unit.code) if word)


def unit_called(units: Iterable[Unit], word: str) -> Unit | None:
    """The first of the units that is called so and that the city still has."""
    there = (unit for unit in units if unit.valid_to is None)
    return next((unit for unit in there if word.casefold() in call_signs(unit)), None)


def may_see_contacts(unit_of_work: UnitOfWork, actor: Actor, report: Report) -> bool:
    """Whether the actor may see who reported it."""
    return rights.may_see_contacts(actor.role) and in_scope(unit_of_work, actor, report)


def check_may_undo(actor: Actor, author: str) -> None:
    """Raise ForbiddenRefusal unless it is the actor's own doing, or he supervises."""
    if not rights.may_undo(actor.name, actor.role, author):
        raise ForbiddenRefusal(f"Only {author} or a supervisor can take this back.")


def check_validator(actor: Actor, history: Sequence[Entry], assignments: Sequence[Assignment]) -> None:
    """Raise ForbiddenRefusal when the actor delivered the proof of the last round himself; see is_own_proof."""
    if is_own_proof(actor.name, history, assignments, without_users=actor.tokenless):
        raise ForbiddenRefusal(f"{actor.name} delivered the proof; another person has to validate it.")
