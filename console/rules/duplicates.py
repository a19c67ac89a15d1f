"""Of two reports about the same thing: which of them stays when one is closed as the duplicate of the other."""

from __future__ import annotations

from api_client.model import Report
from console.rules.status import ORDER, is_open


def is_main(one: Report, other: Report, *, one_is_worked_on: bool, other_is_worked_on: bool) -> bool:
    """Whether `one` is to stay rather than `other`: what is lost least, unless the operator says otherwise.

    One that the server knows stays (a version of 0 is known here only), then one that is open, that a crew works on,
    that is further on, and at last the one that was made first.
    """

    def rank(report: Report, worked_on: bool) -> tuple[bool, bool, bool, int]:
        return report.version > 0, is_open(report.status), worked_on, ORDER.index(report.status)

    mine, theirs = rank(one, one_is_worked_on), rank(other, other_is_worked_on)
    if mine != theirs:
        return mine > theirs
    return one.created <= other.created
