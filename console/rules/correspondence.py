"""Messages: who may write to whom, who reads what, and the thread that each belongs to."""

from __future__ import annotations

import msgspec

from api_client.model import Kind, Message, Recipient
from console.rules.rights import may_make

CONTROL_ROOM = "operator"
"""The role that crews write to."""
READING_ROLES = ("operator", "supervisor", "validator", "field")
"""The roles that a message can be to."""
_MAY_WRITE_TO: dict[str, frozenset[str]] = {
    "validator": frozenset({"operator", "supervisor", "validator"}),
    "field": frozenset({CONTROL_ROOM}),
}
"""The roles to which these write, and to nobody else; operators and supervisors write to everybody."""

EVERYONE = "all"
"""The thread of what is to everyone."""
_UNIT, _ROLE, _AREA = "unit:", "role:", "area:"


class MessageReader(msgspec.Struct, frozen=True):
    """Who asks for messages. `around` are his areas with all that lie around them, `units` the unit that he speaks for.

    No areas and no agencies is the whole city.
    """

    name: str
    role: str
    areas: frozenset[str] = frozenset()
    around: frozenset[str] = frozenset()
    agencies: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()


def why_nobody(to: Recipient) -> str:
    """Why there can be no such recipient; "" where there can."""
    if to.unit is not None and (to.role is not None or to.area is not None):
        return "A message is to a unit, or to a role or an area, not to both"
    if to.role is not None and to.role not in READING_ROLES:
        return f"No message is to the role {to.role}"
    return ""


def why_not_to(role: str, to: Recipient) -> str:
    """Why somebody of this role may not write to a recipient; "" where he may."""
    if not may_make(role, Kind.MESSAGE):
        return f"The role {role} may not write messages"
    roles = _MAY_WRITE_TO.get(role)
    if roles is None or (to.role in roles and to.unit is None):
        return ""
    return f"The role {role} writes to {', '.join(sorted(roles))} only"


def is_to(message: Message, reader: MessageReader) -> bool:
    """Whether a message is to this reader: to his unit, or to his role or everyone where he works; not his own.

    What a crew writes to the control room is to supervisors, too: at night there may be nobody else.
    """
    if message.author == reader.name or not may_make(reader.role, Kind.READ):
        return False
    if message.to.unit is not None:
        return message.to.unit in reader.units
    # protects: a-crews-words-are-to-the-whole-control-room
    role = CONTROL_ROOM if message.unit is not None and reader.role == "supervisor" else reader.role
    return message.to.role in (None, role) and _reaches(message, reader)


def may_read(message: Message, reader: MessageReader) -> bool:
    """Whether a reader gets a message: it is to him, it is his own, or he supervises where it goes."""
    # protects: messages-are-read-by-whom-they-are-to
    if message.author == reader.name or is_to(message, reader):
        return True
    return reader.role == "supervisor" and _reaches(message, reader)


def _reaches(message: Message, reader: MessageReader) -> bool:
    """Whether a message goes to where the reader works. What is to or from a unit goes to its agency, too."""
    if not reader.areas and not reader.agencies:
        return True
    of_unit = message.to.unit is not None or message.unit is not None
    if not of_unit and not message.areas:
        return True
    if of_unit and message.agency is not None and message.agency in reader.agencies:
        return True
    if not of_unit and not reader.areas:  # an agency's people work in every area
        return True
    inside = message.to.unit is None and not reader.around.isdisjoint(message.areas)
    return inside or not reader.areas.isdisjoint(message.around)


def thread_of(to: Recipient, unit: str | None = None) -> str:
    """The thread that a message belongs to; `unit` is the crew that wrote it: what it says to the control room, and
    what is said to it, are one thread.
    """
    if to.unit is not None or (unit is not None and to.role == CONTROL_ROOM):
        return f"{_UNIT}{to.unit or unit}"
    if to.role is not None:
        return f"{_ROLE}{to.role}:{to.area or ''}"
    return f"{_AREA}{to.area}" if to.area is not None else EVERYONE


def recipient_of(thread: str) -> Recipient:
    """To whom is what is written in a thread."""
    if thread.startswith(_UNIT):
        return Recipient(unit=thread.removeprefix(_UNIT))
    if thread.startswith(_AREA):
        return Recipient(area=thread.removeprefix(_AREA))
    if thread.startswith(_ROLE):
        role, _, area = thread.removeprefix(_ROLE).partition(":")
        return Recipient(role=role, area=area or None)
    return Recipient()
