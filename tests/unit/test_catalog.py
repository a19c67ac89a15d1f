"""What the reporter answered, in the words of the city."""

from __future__ import annotations

from datetime import UTC, datetime

from console.domain.report import AttributeValue, Datatype, Report, Service, ServiceAttribute
from console.domain.status import Status
from console.presenters.catalog import Catalog


def test_answers_stand_in_the_order_of_the_questions_and_lists_by_their_names() -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    values = (AttributeValue("knee", "Knee deep"), AttributeValue("waist", "Waist deep"))
    questions = (
        ServiceAttribute("since", "Since when", Datatype.DATETIME, order=2),
        ServiceAttribute("depth", "Depth", Datatype.MULTIVALUELIST, order=1, values=values),
    )
    catalog = Catalog(services={"flood": Service("flood", "Flood", attributes=questions)})
    answers = {"old": ("x",), "since": ("today",), "depth": ("waist", "chest")}
    report = Report("1", 1, Status.NEW, "flood", 3, "Water", now, now, attributes=answers)
    assert catalog.answers(report) == [("Depth", "Waist deep, chest"), ("Since when", "today"), ("old", "x")]
    elsewhere = Report("2", 1, Status.NEW, None, 3, "Water", now, now, attributes={"depth": ("waist",)})
    assert catalog.answers(elsewhere) == [("depth", "waist")]
