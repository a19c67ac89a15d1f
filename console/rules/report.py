"""What the rules know of reports and areas beyond their fields: what endangers life, who has one, what lies above."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from api_client.model import Area, Claim, Report, Status
from console.rules.status import is_open

HAZARD = 1
"""The priority of what endangers life."""


def calls_for_a_crew(report: Report) -> bool:
    """Whether it is a P1 at which somebody is to be: open, by itself, and its work not handed in."""
    at_work = is_open(report.status) and report.status is not Status.VALIDATION
    return report.priority == HAZARD and at_work and report.merged_into is None


def holder_of(report: Report) -> str | None:
    """Who works on a report: who has taken it, unless he has signed out since, which offers it to everybody; None for
    nobody.
    """
    claim = report.claim
    return claim.who if claim is not None and not is_for_everybody(claim) else None


OFFER_S = 120.0
"""How long a colleague to whom a report is offered may take it; then it stays with who has it."""


def offered_to(report: Report, now: datetime) -> str | None:
    """The colleague to whom the report is offered and who may take it now; None for nobody."""
    offer = report.claim.offer if report.claim is not None else None
    if offer is None or offer.to is None:
        return None
    return offer.to if (now - offer.at).total_seconds() <= OFFER_S else None


def is_erased(report: Report) -> bool:
    """Whether what was said and shown of a report was erased, and nothing has been added since."""
    return report.erased is not None and report.updated <= report.erased


def is_for_everybody(claim: Claim) -> bool:
    """Whether whoever may take reports may take this one over, as its holder has signed out."""
    return claim.offer is not None and claim.offer.to is None


def claim_after_return(report: Report, by: str) -> Claim | None:
    """Who has it once `by` has brought it back to work: of a closed one nobody has it that did not do that himself.

    Example: three weeks after it was resolved its reporter says that the water still rises. Who had it then may be
    on leave. One that was not closed stays with who has it.
    """
    # protects: what-comes-back-is-nobodys
    return report.claim if is_open(report.status) or (report.claim is not None and report.claim.who == by) else None


_DEEPEST = 12


def upwards(code: str | None, area_of: Callable[[str], Area | None]) -> Iterator[str]:
    """The code of an area and those of the areas around it, the smallest first; a circle of parents ends."""
    for _ in range(_DEEPEST):
        if code is None:
            return
        yield code
        area = area_of(code)
        code = area.parent if area is not None else None
