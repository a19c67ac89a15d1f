"""The refusals of the citizens' side: any refusal of the server, in the words and the form of GeoReport."""

from __future__ import annotations

from collections.abc import Sequence

from console.server.errors import Refusal
from console.server.georeport.formats import GeoReportDocument

_STATUS = {401: 403, 422: 400, 428: 400, 412: 409}
"""Statuses of the Dispatch API -> those of the standard."""


class GeoReportRefusal(Refusal):
    """A request that cannot be taken, with every reason that was found; 400 unless said otherwise."""

    def __init__(self, *reasons: str, status: int = 400) -> None:
        super().__init__(" ".join(reasons))
        self.reasons: Sequence[str] = reasons
        self.status = status


def not_found(what: str, value: str) -> GeoReportRefusal:
    """What the standard says of an identifier that nothing bears."""
    return GeoReportRefusal(f"{what} {value[:100]} was not found.", status=404)


def not_given(*names: str) -> GeoReportRefusal:
    """What the standard says of arguments that are missing."""
    return GeoReportRefusal(*(f"{name} was not provided." for name in names))


def errors(refusal: Refusal) -> GeoReportDocument:
    """The errors of a refusal."""
    status = _STATUS.get(refusal.status, refusal.status)
    reasons = refusal.reasons if isinstance(refusal, GeoReportRefusal) else (refusal.message,)
    return GeoReportDocument("errors", [{"code": status, "description": reason} for reason in reasons], status)
