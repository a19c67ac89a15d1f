"""What a caller answered becomes attributes of the report, before the server has it and there alike."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from api_client.model import AttributeValue, Datatype, Report, Service, ServiceAttribute
from console.rules.apply import Lookups, new_report

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
FLOOD = Service(
    "flood",
    "Flood",
    attributes=(
        ServiceAttribute(
            "depth", "Depth", Datatype.SINGLEVALUELIST, required=True, values=(AttributeValue("knee", ""),)
        ),
        ServiceAttribute("cm", "On the gauge", Datatype.NUMBER),
    ),
)


def made(**data: Any) -> Report:
    known = Lookups(lambda code: FLOOD if code == "flood" else None)
    return new_report("local:1", {"description": "x", **data}, NOW, NOW, known)


def test_answers_that_fit_become_attributes_and_remarks_tell_of_the_others() -> None:
    report = made(service="flood", answers={"depth": ["knee"], "cm": ["12"]})
    assert (report.attributes, report.remarks) == ({"depth": ("knee",), "cm": ("12",)}, ())
    report = made(service="flood", answers={"cm": ["much"], "old": ["x"]}, attributes={"kept": ["y"]})
    assert report.attributes == {"kept": ("y",)}
    assert report.remarks == ("Not answered: Depth", "Answered to On the gauge: much", "Answered to old: x")


def test_what_nothing_is_known_of_is_kept_as_it_is() -> None:
    assert made(service="lamp", answers={"pole": ["7"]}).attributes == {"pole": ("7",)}
    report = made(service="flood", attributes={"any": ["thing"]})
    assert (report.attributes, report.remarks) == ({"any": ("thing",)}, ())
