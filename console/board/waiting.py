"""Find the next report of the queue that waits for the same as another one: for a crew, or for validation."""

from __future__ import annotations

import numpy as np

from api_client.model import Status
from console.board.snapshot import Column
from console.board.view import Bools, View, is_unassigned
from console.rules.status import ORDER

_VALIDATION = ORDER.index(Status.VALIDATION)
_STEP = 4096
"""How many rows of a long queue are looked through at once."""


def next_waiting(view: View, row: int, *, was_validated: bool = False) -> int:
    """The next row below `row` in the queue that waits for the same, else the first above it; 0 for none.

    For the same: to be validated if `row` awaits validation (or `was_validated`, by whoever was first), else for
    somebody to decide and send a crew (among one's own, for a crew). One of these above that is more urgent comes
    first, as what came in meanwhile is, and a hazard before all of them. A hazard that nobody has taken waits for a
    crew until it has one, whoever was asked meanwhile. One on hold waits for something else. A row that the queue does
    not show counts as above all.
    """
    (fact,) = view.row_facts([row]) or (None,)
    to_validate = was_validated or (fact is not None and fact.status == _VALIDATION)
    at = view.position_of(row)
    above, below = (
        _first_waiting(view, part, to_validate=to_validate) for part in (view.order[: max(0, at)], view.order[at + 1 :])
    )
    if to_validate:
        return below or above
    hazards = view.order[view.hazard_places[view.hazard_places != at]]
    found = [each for each in (_first_waiting(view, hazards), below, above) if each]
    urgency = {fact.row: fact.priority for fact in view.row_facts(found)}
    return min(found, key=lambda each: urgency[each], default=0)


def _first_waiting(view: View, order: Column, *, to_validate: bool = False) -> int:
    for start in range(0, len(order), _STEP):
        rows = order[start : start + _STEP]
        hits = np.flatnonzero(_waits(view, rows, to_validate=to_validate))
        if len(hits):
            return int(rows[hits[0]])
    return 0


def _waits(view: View, rows: Column, *, to_validate: bool) -> Bools:
    snapshot = view.snapshot
    positions = snapshot.positions(rows)
    if to_validate:
        waits: Bools = snapshot.column("status")[positions] == _VALIDATION
    else:
        unassigned = is_unassigned(snapshot, positions, or_taken=view.tab == "mine")
        claim, lead, hold = (snapshot.column(name)[positions] for name in ("claim", "lead_unit", "hold"))
        burns = np.isin(rows, view.hazards) & (claim == 0) & (lead == 0)
        waits = (unassigned | burns) & (hold == 0)
    return waits & (positions >= 0)
