"""Which kinds of edit each role may make, and on which reports; the server enforces it, the console says it before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

import msgspec

from api_client.model import Area, Kind, Unit
from console.rules.report import upwards

CITIZEN = "citizen"
"""The role of who sends reports without an account, and the name under which what he does is kept."""
SYSTEM = "server"
"""The name under which is kept what a server does by itself."""
SUPERVISOR = "supervisor"
ADMIN = "admin"
"""The role of who sets the city up and keeps its users: always of the whole city; makes no edit, sees no contact."""
ROLES = ("viewer", "operator", "supervisor", "validator", "field", ADMIN)
_ALL = frozenset(Kind)
_WRITES = frozenset({Kind.MESSAGE, Kind.READ})
_MAY: dict[str, frozenset[Kind]] = {
    "viewer": frozenset(),
    "operator": _ALL,
    "supervisor": _ALL,
    "validator": frozenset(
        {
            Kind.VALIDATE,
            Kind.REOPEN,
            Kind.NOTE,
            Kind.REPLY,
            Kind.PHOTO,
            Kind.CLAIM,
            Kind.RELEASE,
            Kind.DECLINE,
            Kind.ME_TOO,
        }
        | _WRITES
    ),
    "field": frozenset({Kind.PROGRESS, Kind.UNIT_STATE, Kind.NOTE, Kind.PHOTO, Kind.CREATE, Kind.ME_TOO} | _WRITES),
    ADMIN: frozenset(),
    CITIZEN: frozenset({Kind.CREATE, Kind.ME_TOO, Kind.PHOTO, Kind.REOPEN, Kind.NOTE}),
}


_SEES_CONTACTS = frozenset({"operator", "supervisor", "validator"})
_SETS_UP = frozenset({SUPERVISOR, ADMIN})


def may_see_contacts(role: str) -> bool:
    """Whether a role may see who reported something; a role that is not known here may not."""
    return role in _SEES_CONTACTS


class Rights(msgspec.Struct, frozen=True):
    """What a server says that an operator may do: his role ("" while it has said nothing), areas and agencies."""

    role: str = ""
    areas: tuple[str, ...] = ()
    agencies: tuple[str, ...] = ()


def may_set_up(rights: Rights) -> bool:
    """Whether somebody may read and change what the city consists of, its users among it."""
    return rights.role in _SETS_UP and not rights.areas and not rights.agencies


def may_make(role: str, kind: Kind) -> bool:
    """Whether a role may make such an edit at all; a role that is not known here may make none."""
    return kind in _MAY.get(role, frozenset())


def in_scope(
    areas: Collection[str], agencies: Collection[str], *, agency: str | None, area_upwards: Iterable[str]
) -> bool:
    """Whether a report lies in one of the areas or with one of the agencies; no areas and no agencies is everywhere.

    `area_upwards` are the codes of the report's area and of those around it, the smallest first.
    """
    if not areas and not agencies:
        return True
    return (agency is not None and agency in agencies) or any(code in areas for code in area_upwards)


def unit_in_scope(
    areas: Collection[str], agencies: Collection[str], unit: Unit, area: Callable[[str], Area | None]
) -> bool:
    """Whether somebody speaks for a unit: it is of one of his agencies, or works in one of his areas or below it.

    `area` finds an area by its code. A unit that works anywhere is in no area more than in others.
    """
    around = (code for worked in unit.areas for code in upwards(worked, area))
    return in_scope(areas, agencies, agency=unit.agency, area_upwards=around)


def may_release(name: str, role: str, holder: str) -> bool:
    """Whether somebody may give back a report that `holder` has taken: his own, or any as a supervisor."""
    return name == holder or role == "supervisor"


def may_undo(name: str, role: str, author: str) -> bool:
    """Whether somebody may take back what `author` did."""
    return name == author or role == "supervisor"
