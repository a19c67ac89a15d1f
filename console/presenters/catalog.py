"""The city's vocabulary as the cache holds it now: services, areas, agencies, units, templates, and their numbers."""

from __future__ import annotations

import math
from collections.abc import Collection
from functools import cached_property
from typing import Any

import msgspec

from console.domain.report import Agency, Area, Assignment, Report, Service, ServiceAttribute, Template, Unit
from console.store.cache_read import CacheReader

KINDS = frozenset({"service", "area", "agency", "unit", "template", "assignment", "user", "calendar"})
"""The kinds of object in a Touched message that make a new catalog needed."""


class Catalog(msgspec.Struct, frozen=True, dict=True):
    """Everything small. Codes are the city's own; `words` maps a kind to {number in the board's columns: code}."""

    services: dict[str, Service] = {}
    areas: dict[str, Area] = {}
    agencies: dict[str, Agency] = {}
    units: dict[str, Unit] = {}
    unit_source: dict[str, str] = {}
    assignments: tuple[Assignment, ...] = ()
    templates: tuple[Template, ...] = ()
    words: dict[str, dict[int, str]] = {}

    @cached_property
    def numbers(self) -> dict[str, dict[str, int]]:
        """The inverse of `words`."""
        return {kind: {word: number for number, word in table.items()} for kind, table in self.words.items()}

    @cached_property
    def by_unit(self) -> dict[str, list[Assignment]]:
        """The live assignments of each unit, oldest first."""
        found: dict[str, list[Assignment]] = {}
        for assignment in sorted(self.assignments, key=lambda one: one.created):
            found.setdefault(assignment.unit, []).append(assignment)
        return found

    def word(self, kind: str, number: int) -> str | None:
        """The code behind a column's number, None for 0."""
        return self.words.get(kind, {}).get(number)

    def service_name(self, code: str | None) -> str:
        """The city's name of a category; the code itself when it is not in the list."""
        if code is None:
            return "No category"
        service = self.services.get(code)
        return service.name if service else code

    def answers(self, report: Report) -> list[tuple[str, str]]:
        """What the reporter answered, as (question, answer) in the order of the service's questions."""
        service = self.services.get(report.service or "")
        questions = {one.code: one for one in service.attributes} if service else {}
        given = sorted(report.attributes, key=lambda code: questions[code].order if code in questions else math.inf)
        return [self._answer(code, report.attributes[code], questions.get(code)) for code in given]

    @staticmethod
    def _answer(code: str, values: tuple[str, ...], question: ServiceAttribute | None) -> tuple[str, str]:
        if question is None:
            return code, ", ".join(values)
        names = {one.key: one.name for one in question.values}
        return question.description or code, ", ".join(names.get(value, value) for value in values)

    def glyph(self, code: str | None) -> str:
        """The drawing of a category."""
        service = self.services.get(code or "")
        return service.glyph if service else "other"

    def agency_name(self, code: str | None) -> str:
        """The city's name of an agency."""
        agency = self.agencies.get(code or "")
        return agency.name if agency else code or ""

    def name(self, kind: str, code: str) -> str:
        """The city's words for a code of a filter: service, area, agency, unit or user."""
        if kind == "service":
            return self.service_name(code)
        if kind == "area":
            area = self.areas.get(code)
            return area.name if area else code
        if kind == "agency":
            return self.agency_name(code)
        unit = self.units.get(code) if kind == "unit" else None
        return unit.code if unit else code

    def names(self) -> dict[str, dict[str, str]]:
        """kind -> {code: words}: what an operator may type for a code."""
        return {
            "service": {code: one.name for code, one in self.services.items()},
            "area": {code: one.name for code, one in self.areas.items()},
            "agency": {code: one.name for code, one in self.agencies.items()},
            "unit": {code: one.code for code, one in self.units.items()},
        }

    def place(self, code: str | None) -> str:
        """`Cawang, Kramatjati`: an area and its parent, once when they are equal; "No area" for None."""
        area = self.areas.get(code or "")
        if area is None:
            return code or "No area"
        parent = self.areas.get(area.parent or "")
        return area.name if parent is None or parent.name == area.name else f"{area.name}, {parent.name}"

    def unit_by_code(self, text: str) -> Unit | None:
        """The unit whose code is `text`, whatever the case and the dash."""
        wanted = _plain(text)
        return next((unit for unit in self.units.values() if _plain(unit.code) == wanted), None)


def _plain(code: str) -> str:
    return code.replace("-", "").replace(" ", "").casefold()


def read_catalog(reader: CacheReader, known: Catalog | None = None, kinds: Collection[str] = KINDS) -> Catalog:
    """Read the vocabulary; for a worker thread. Of a `known` one only these kinds are read anew."""
    parts: dict[str, Any] = {
        "words": {kind: reader.words(kind) for kind in ("service", "area", "agency", "unit", "user", "source")}
    }
    if known is None or "service" in kinds:
        parts["services"] = {service.code: service for service in reader.services()}
    if known is None or "area" in kinds:
        parts["areas"] = {area.code: area for area in reader.areas()}
    if known is None or "agency" in kinds:
        parts["agencies"] = {agency.code: agency for agency in reader.agencies()}
    if known is None or "template" in kinds:
        parts["templates"] = tuple(reader.templates())
    if known is None or "assignment" in kinds:
        parts["assignments"] = tuple(reader.all_assignments_open())
    if known is None or "unit" in kinds:
        units = reader.units()
        parts["units"] = {unit.id: unit for _, unit in units}
        parts["unit_source"] = {unit.id: source for source, unit in units}
    kept = {} if known is None else {name: getattr(known, name) for name in Catalog.__struct_fields__}
    return Catalog(**(kept | parts))
