"""A unit leaves work for a P1, and goes back to it: one edit of the P1, and what it does to the reports beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from api_client.model import Kind
from console.rules.edit import LEAVES, Edit, is_local

RETURNS_TO = "returns_to"
"""The key of `Edit.about` under which stand, of an edit that undoes a divert, the reports to which the unit goes back.

It is for this computer alone: the server knows what it took the unit from.
"""

_BESIDE = "beside"
_MOST_LEFT = 20


def left_in(data: Mapping[str, Any]) -> tuple[str, ...]:
    """The reports that a unit leaves by an order with this payload, each once; what cannot be a report is left out."""
    named = data.get(LEAVES)
    if not isinstance(named, list | tuple):
        return ()
    return tuple(dict.fromkeys(one for one in named[:_MOST_LEFT] if isinstance(one, str) and one))


def left_by(edit: Edit) -> tuple[str, ...]:
    """The reports that a unit leaves by an edit; () for what is no divert."""
    return left_in(edit.data) if edit.kind is Kind.DISPATCH else ()


def beside(edit: Edit) -> tuple[str, ...]:
    """The reports, other than its own, on which an edit does something: which its unit leaves, or goes back to."""
    return left_by(edit) or tuple(edit.about.get(RETURNS_TO, ()))


def step_id(edit_id: str, report: str) -> str:
    """The id under which the history of another report holds what a divert, or its undo, did there.

    Nobody can send an edit with it: an edit's id has no space. So a repeat of the edit makes nothing twice.
    """
    return f"{edit_id} {report}"


def is_step(edit_id: str) -> bool:
    """Whether an id is one of `step_id`."""
    return " " in edit_id


def step_on(edit: Edit, report: str) -> Edit:
    """An edit as it is on one of the reports beside its own: a recall or, of an undo, an order. It keeps its id."""
    unit, about = {"unit": edit.data.get("unit")}, {_BESIDE: True}
    if left_by(edit):
        reason = reason_for("" if is_local(edit.report) else edit.report or "")
        data = {**unit, "reason": reason}
        return replace(edit, kind=Kind.RECALL, report=report, data=data, base={}, about=about)
    undoes = step_id(edit.undoes, report) if edit.undoes else None
    return replace(edit, kind=Kind.DISPATCH, report=report, data=unit, base={}, undoes=undoes, about=about)


def reason_for(number: str) -> str:
    """The reason of a recall by which a unit leaves for the P1 with this number at its server; "" while it has none."""
    return f"diverted to {number}" if number else "diverted to a new report"


def entry_key(edit: Edit, report: str) -> str:
    """The id by which the history of a report tells that an edit, or its step there, has taken effect."""
    return step_id(edit.id, report) if edit.about.get(_BESIDE) else edit.id
