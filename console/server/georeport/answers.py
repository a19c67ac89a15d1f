"""A citizen's answers to the questions of a service, refused by GeoReport's rules when they do not fit."""

from __future__ import annotations

from collections.abc import Mapping

from api_client.model import Service
from console.rules.answers import SortedAnswers, sort_answers
from console.server.georeport.faults import GeoReportRefusal


def check_answers(service: Service, answers: Mapping[str, tuple[str, ...]]) -> SortedAnswers:
    """Sort and check the answers. Raises GeoReportRefusal with everything that is missing or cannot be."""
    found = sort_answers(service, answers)
    faults = [f"attribute[{one.code}] was not provided." for one in found.missing]
    if faults or found.wrong:
        raise GeoReportRefusal(*faults, *found.wrong.values())
    return found
