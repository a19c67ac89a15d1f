"""Who may do what: roles say which kinds of edit, scopes say on which reports. Reading is open to every role."""

from __future__ import annotations

from collections.abc import Iterator

from console.domain.edit import Kind
from console.domain.proof import delivered_by
from console.domain.report import Entry, Report, Unit
from console.server.ledger import Ledger
from console.server.payloads import EditBody
from console.server.records import Actor
from console.server.refusals import Forbidden

ROLES = ("viewer", "operator", "supervisor", "validator", "field")
_ALL = frozenset(Kind)
_MAY: dict[str, frozenset[Kind]] = {
    "viewer": frozenset(),
    "operator": _ALL,
    "supervisor": _ALL,
    "validator": frozenset(
        {Kind.VALIDATE, Kind.REOPEN, Kind.NOTE, Kind.REPLY, Kind.PHOTO, Kind.CLAIM, Kind.RELEASE, Kind.ME_TOO}
    ),
    "field": frozenset({Kind.PROGRESS, Kind.UNIT_STATE, Kind.NOTE, Kind.PHOTO, Kind.CREATE, Kind.ME_TOO}),
    "citizen": frozenset({Kind.CREATE, Kind.ME_TOO, Kind.PHOTO, Kind.REOPEN, Kind.NOTE}),
}
_SEES_CONTACTS = frozenset({"operator", "supervisor", "validator"})
_DEEPEST = 12


def check_role(actor: Actor, edit: EditBody) -> None:
    """Forbidden when the role may not make such an edit."""
    if edit.kind not in _MAY.get(actor.role, frozenset()):
        raise Forbidden(f"The role {actor.role} may not do this ({edit.kind.value.replace('_', ' ')}).")


def check_scope(ledger: Ledger, actor: Actor, report: Report) -> None:
    """Forbidden when the report lies outside the actor's areas and agencies."""
    if not in_scope(ledger, actor, report):
        raise Forbidden(f"Report {report.id} is outside the areas and agencies of {actor.name}.")


def in_scope(ledger: Ledger, actor: Actor, report: Report) -> bool:
    """Whether the report lies in an area (or below one) or with an agency of the actor."""
    if not actor.areas and not actor.agencies:
        return True
    if report.agency is not None and report.agency in actor.agencies:
        return True
    return any(code in actor.areas for code in _upwards(ledger, report.area))


def check_unit(actor: Actor, unit: Unit) -> None:
    """Forbidden when a crew speaks for another unit."""
    if actor.role == "field" and actor.name.casefold() not in (unit.id.casefold(), unit.code.casefold()):
        raise Forbidden(f"{actor.name} may not speak for unit {unit.code}.")


def may_see_contacts(ledger: Ledger, actor: Actor, report: Report) -> bool:
    """Whether the actor may see who reported it."""
    return actor.role in _SEES_CONTACTS and in_scope(ledger, actor, report)


def check_may_undo(actor: Actor, author: str) -> None:
    """Forbidden unless it is the actor's own doing, or he supervises."""
    if actor.name != author and actor.role != "supervisor":
        raise Forbidden(f"Only {author} or a supervisor can take this back.")


def check_validator(actor: Actor, history: list[Entry], *, crew_worked: bool) -> None:
    """Forbidden when the actor delivered the proof of this round himself.

    `history` is the report's entries since the last return. On a server without users everybody is "local": there it
    is enough that a unit did the work.
    """
    if actor.tokenless and crew_worked:
        return
    if actor.name in delivered_by(history):
        raise Forbidden(f"{actor.name} delivered the proof; another person has to validate it.")


def _upwards(ledger: Ledger, code: str | None) -> Iterator[str]:
    for _ in range(_DEEPEST):
        if code is None:
            return
        yield code
        area = ledger.area(code)
        code = area.parent if area is not None else None
