"""What goes with a report's category when that is changed by hand."""

from __future__ import annotations

from typing import Any

from api_client.model import Report, Service


def fields_of_category(report: Report, before: Service | None, after: Service) -> dict[str, Any]:
    """The fields that a SET of this category carries: the agency goes along, unless it was given by hand.

    `before` is the category that the report has, None for one that the city does not know.
    """
    own = before.agency if before is not None else None
    follows = report.agency in (None, own) and after.agency not in (None, report.agency)
    return {"service": after.code} | ({"agency": after.agency} if follows else {})
