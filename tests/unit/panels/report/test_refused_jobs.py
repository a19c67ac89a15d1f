"""What a crew refused counts against it for an hour, or until it has gone to work again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from api_client.model import Assignment, AssignmentState, Entry
from console.advice.units import RefusedJob
from console.cache.page_items import PageItem
from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter
from console.panels.report.refused_jobs import refused_other
from tests.unit.cache.making import T0, assignment, at, items, report

NOW = T0 + timedelta(minutes=30)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[tuple[CacheWriter, CacheReader]]:
    writer, reader = CacheWriter(tmp_path), CacheReader(tmp_path)
    yield writer, reader
    reader.close()
    writer.close()


def refuse(writer: CacheWriter, number: str, service: str, unit: str, minute: int, why: str = "Pump broken.") -> None:
    """The report and its history as the feed brings them after a crew has refused."""
    said = Entry(
        f"e{number}", number, "progress", T0 + timedelta(minutes=minute), unit,
        text=why, data={"unit": unit, "state": "refused"},
    )  # fmt: skip
    job = assignment(f"a{number}", number, unit, AssignmentState.REFUSED, minute)
    page = [
        *items(report(number, service=service)),
        PageItem("assignment", 2, job.id, job),
        PageItem("entry", 3, said.id, said),
    ]
    writer.apply("city", page, at(9))


def ask(reader: CacheReader, jobs: tuple[Assignment, ...] = (), now: datetime = NOW) -> dict[str, RefusedJob]:
    return refused_other(reader, "city", "9", jobs, now)


def test_it_tells_which_report_when_and_why(cache: tuple[CacheWriter, CacheReader]) -> None:
    writer, reader = cache
    refuse(writer, "1", "drain", "u1", 10)
    refuse(writer, "2", "flood", "u1", 20, "No fuel")
    assert ask(reader) == {"u1": RefusedJob("2", T0 + timedelta(minutes=20), "No fuel")}, "the last one"


def test_it_counts_for_an_hour_whatever_the_other_report_needed(cache: tuple[CacheWriter, CacheReader]) -> None:
    """A fire engine that had refused a flood, as its engine had broken down, stood first for the next fire."""
    writer, reader = cache
    refuse(writer, "1", "drain", "u1", 10)
    assert list(ask(reader)) == ["u1"]
    assert ask(reader, now=T0 + timedelta(minutes=71)) == {}
    refuse(writer, "9", "flood", "u2", 20)
    assert list(ask(reader)) == ["u1"], "its refusal of the report itself is told otherwise"


def test_it_no_longer_counts_when_the_crew_has_gone_to_work_again(cache: tuple[CacheWriter, CacheReader]) -> None:
    writer, reader = cache
    refuse(writer, "1", "flood", "u1", 10)
    before = assignment("x", "3", "u1", AssignmentState.ON_SCENE, 5)
    ordered = assignment("y", "4", "u1", AssignmentState.DISPATCHED, 15)
    assert list(ask(reader, jobs=(before, ordered))) == ["u1"], "an order alone is no yes"
    goes = msgspec.structs.replace(ordered, state=AssignmentState.EN_ROUTE)
    assert ask(reader, jobs=(before, goes)) == {}
