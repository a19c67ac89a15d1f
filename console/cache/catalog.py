"""The cities' vocabularies as the cache holds them now: services, areas, agencies, units, templates, limits, run
cards, their numbers."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from typing import Any, TypeVar

import msgspec

from api_client.model import (
    Agency,
    AlarmRecord,
    Area,
    Assignment,
    Closure,
    Handover,
    Limit,
    Report,
    RunCard,
    Service,
    ServiceAttribute,
    Template,
    Unit,
)
from console.cache.reader import CacheReader
from console.rules.apply import Lookups
from console.rules.names import all_names, name_in, outcome_in, service_in
from console.rules.run_card import run_card_of
from console.rules.scoped_code import ScopedCode, scoped

T = TypeVar("T")

KINDS = frozenset(
    {
        "service",
        "area",
        "agency",
        "unit",
        "template",
        "limit",
        "run_card",
        "assignment",
        "user",
        "calendar",
        "closure",
        "alarm",
        "handover",
        "word",
    }
)
"""The kinds in a Touched message that make a new catalog needed; a word is a code that got its number just now."""

V = TypeVar("V", Service, Area, Agency, Unit)
_SCOPED = ("service", "area", "agency", "unit")
"""The kinds whose codes mean something in their own source only."""


def offered(things: Mapping[Any, V]) -> list[V]:
    """The objects that can be chosen: without those that the city has retired, which older reports still need."""
    return [thing for thing in things.values() if thing.valid_to is None]


class Catalog(msgspec.Struct, frozen=True, dict=True):
    """All small objects of one source: services, areas, agencies, units and so on, by their codes in that source.

    `languages` are those in which the operator reads the city's names.
    """

    services: dict[str, Service] = {}
    areas: dict[str, Area] = {}
    agencies: dict[str, Agency] = {}
    units: dict[str, Unit] = {}
    assignments: tuple[Assignment, ...] = ()
    templates: tuple[Template, ...] = ()
    limits: dict[str, Limit] = {}
    run_cards: dict[str, RunCard] = {}
    closures: tuple[Closure, ...] = ()
    alarms: dict[str, AlarmRecord] = {}
    handovers: tuple[Handover, ...] = ()
    words: dict[str, dict[int, str]] = {}
    languages: tuple[str, ...] = ()

    @cached_property
    def shown(self) -> dict[str, Service]:
        """The services in the operator's words; for people only, as what is decided goes by codes and plain names."""
        if not self.languages:
            return self.services
        return {code: service_in(one, self.languages) for code, one in self.services.items()}

    def with_shown(self, before: Catalog) -> Catalog:
        """This catalog, its services in the operator's words made already, or taken over from the one before: a panel
        would make them on the window's own thread.
        """
        if before.services is self.services and before.languages == self.languages:
            self.__dict__["shown"] = before.shown
        assert self.shown is not None
        return self

    @cached_property
    def by_unit(self) -> dict[str, list[Assignment]]:
        """The live assignments of each unit, oldest first."""
        found: dict[str, list[Assignment]] = {}
        for assignment in sorted(self.assignments, key=lambda one: one.created):
            found.setdefault(assignment.unit, []).append(assignment)
        return found

    def service_name(self, code: str | None) -> str:
        """The city's name of a category, as the operator reads it; the code itself when it is not in the list."""
        if code is None:
            return "No category"
        service = self.shown.get(code)
        return service.name if service else code

    def run_card(self, report: Report) -> RunCard | None:
        """The run card that counts for a report; None for none."""
        return self.run_card_for(report.service, report.priority)

    def run_card_for(self, service: str | None, priority: int) -> RunCard | None:
        """The run card that counts for reports of this category (its code) and priority; None for none."""
        return run_card_of(self.run_cards.values(), self.services.get(service or ""), priority)

    def answers(self, report: Report) -> list[tuple[str, str]]:
        """What the reporter answered, as (question, answer) in the order of the service's questions."""
        service = self.shown.get(report.service or "")
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
        """The city's name of an agency, as the operator reads it; the code itself when it is not in the list."""
        agency = self.agencies.get(code or "")
        return name_in(agency.name, agency.names, self.languages) if agency else code or ""

    def outcome(self, text: str) -> str:
        """How a report ended, as the operator reads it."""
        return outcome_in(text, self.templates, self.languages)

    def name(self, kind: str, code: str) -> str:
        """The city's words for a code: service, area, agency, unit or user."""
        if kind == "service":
            return self.service_name(code)
        if kind == "area":
            area = self.areas.get(code)
            return area.name if area else code
        if kind == "agency":
            return self.agency_name(code)
        unit = self.units.get(code) if kind == "unit" else None
        return unit.code if unit else code

    def plain_name(self, kind: str, code: str) -> str:
        """The city's own words for a code, which are the same for every reader."""
        named = self.named(kind).get(code)
        return named.name if named is not None else self.name(kind, code)

    def named(self, kind: str) -> Mapping[str, Service | Agency]:
        """What has names in several languages: the services or the agencies, by their codes; of other kinds nothing."""
        if kind == "service":
            return self.services
        return self.agencies if kind == "agency" else {}

    def codes(self, kind: str) -> Collection[str]:
        """The codes that the city lists of a service, area, agency or unit."""
        listed: dict[str, Collection[str]] = {
            "service": self.services,
            "area": self.areas,
            "agency": self.agencies,
            "unit": self.units,
        }
        return listed[kind]

    def place(self, code: str | None) -> str:
        """`Cawang, Kramatjati`: an area and its parent, once when they are equal; "No area" for None."""
        area = self.areas.get(code or "")
        if area is None:
            return code or "No area"
        parent = self.areas.get(area.parent or "")
        return area.name if parent is None or parent.name == area.name else f"{area.name}, {parent.name}"


def lookups(catalog: Catalog, reader: CacheReader | None = None, source: str = "") -> Lookups:
    """The lookups of one source that `rules/apply` needs; into which report another is merged only with a `reader`.

    The area of a point is missing: only the server finds it, and until then a report keeps its area.
    """
    if reader is None:
        return Lookups(catalog.services.get)

    def main_of(key: str) -> str:
        chain: list[str] = []
        while key not in chain:
            chain.append(key)
            row = reader.row_of(source, key)
            found = reader.report(row) if row is not None else None
            key = (found.report.merged_into if found is not None else None) or key
        return chain[-1]

    return Lookups(catalog.services.get, main_of=main_of)


class CityUnit(msgspec.Struct, frozen=True):
    """A unit and its source. `key` is unique among the units of all cities, for widgets and filters."""

    key: str
    source: str
    unit: Unit


class Cities(msgspec.Struct, frozen=True, dict=True):
    """The catalogs of all sources by their keys; `words` maps a kind to {number in the board's columns: (source,
    code)}.

    A *key* stands for a code in filters and widgets: the bare code if it is unambiguous, else `source:code` (see
    `scoped_code`). A category with equal code and name in two cities counts as one; units of two cities never do.
    """

    catalogs: dict[str, Catalog] = {}
    words: dict[str, dict[int, ScopedCode]] = {}

    def of(self, source: str) -> Catalog:
        """A source's own catalog, empty while nothing of it is here."""
        return self.catalogs.get(source) or _NOTHING

    @cached_property
    def numbers(self) -> dict[str, dict[ScopedCode, int]]:
        """The inverse of `words`."""
        return {
            kind: {scoped_code: number for number, scoped_code in table.items()} for kind, table in self.words.items()
        }

    def code(self, kind: str, number: int) -> str | None:
        """The code behind a column's number, None for 0."""
        scoped_code = self.words.get(kind, {}).get(number)
        return scoped_code[1] if scoped_code else None

    def source(self, number: int) -> str:
        """The key of the source behind its number."""
        return self.code("source", number) or ""

    def source_number(self, source: str) -> int:
        """The number of a source in the columns, 0 for one that has none yet."""
        return self.numbers.get("source", {}).get(("", source), 0)

    @cached_property
    def areas(self) -> dict[ScopedCode, Area]:
        """All areas."""
        return {(source, code): area for source, one in self.catalogs.items() for code, area in one.areas.items()}

    def key(self, kind: str, scoped_code: ScopedCode) -> str:
        """The key of a code."""
        source, code = scoped_code
        holders = self._holders.get(kind, {}).get(code, frozenset()) - {source}
        if kind == "unit":
            return scoped(scoped_code) if holders else code
        # protects: a-choice-of-language-changes-no-key
        own = self.of(source).plain_name(kind, code)
        return code if all(self.of(one).plain_name(kind, code) == own for one in holders) else scoped(scoped_code)

    @cached_property
    def _holders(self) -> dict[str, dict[str, frozenset[str]]]:
        """kind -> {code: the sources that list it or whose reports bear it}."""
        found: dict[str, dict[str, set[str]]] = {kind: {} for kind in _SCOPED}
        for kind, table in found.items():
            listed = [(source, code) for source, one in self.catalogs.items() for code in one.codes(kind)]
            for source, code in (*listed, *self.words.get(kind, {}).values()):
                table.setdefault(code, set()).add(source)
        return {kind: {code: frozenset(one) for code, one in table.items()} for kind, table in found.items()}

    def name(self, kind: str, key: str) -> str:
        """The city's words for the key of a filter: service, area, agency, unit or user."""
        return self._names.get(kind, {}).get(key) or key

    def names(self) -> Mapping[str, Mapping[str, str]]:
        """kind -> {key: words}: what an operator may type for a code; a bare code of several things has no words."""
        return self._names

    @cached_property
    def _names(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {kind: {} for kind in _SCOPED}
        for kind, names in found.items():
            for source, one in self.catalogs.items():
                for code in one.codes(kind):
                    key = self.key(kind, (source, code))
                    names[key] = one.name(kind, code)
                    if key != code:
                        names[code] = ""
        return found

    def other_names(self) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        """kind -> {key: what else an operator may type for it}: the names of categories and agencies in the other
        languages.
        """
        return self._other_names

    @cached_property
    def _other_names(self) -> dict[str, dict[str, tuple[str, ...]]]:
        found: dict[str, dict[str, tuple[str, ...]]] = {"service": {}, "agency": {}}
        for kind, others in found.items():
            for source, one in self.catalogs.items():
                for code, named in one.named(kind).items():
                    if named.names:
                        key = self.key(kind, (source, code))
                        more = (name for name in all_names(named) if name != self._names[kind][key])
                        others[key] = tuple(dict.fromkeys((*others.get(key, ()), *more)))
        return found

    @cached_property
    def languages(self) -> list[str]:
        """The languages in which any of the cities has names beside its own."""
        catalogs = self.catalogs.values()
        names = [one.names for each in catalogs for kind in ("service", "agency") for one in each.named(kind).values()]
        texts = [one.texts for each in catalogs for one in each.templates]
        return sorted({tag for tags in (*names, *texts) for tag in tags})

    @cached_property
    def crews(self) -> tuple[CityUnit, ...]:
        """Every city's units, without those that it has no more."""
        return tuple(
            CityUnit(self.key("unit", (source, unit.id)), source, unit)
            for source, one in self.catalogs.items()
            for unit in offered(one.units)
        )

    @cached_property
    def _crews_by_key(self) -> dict[str, CityUnit]:
        return {crew.key: crew for crew in self.crews}

    def crew(self, key: str) -> CityUnit | None:
        """The unit with this key; None too for a bare one that several cities' units have come to share."""
        return self._crews_by_key.get(key)

    def crews_called(self, text: str) -> tuple[CityUnit, ...]:
        """The units whose code is `text`, whatever the case and the dash: at most one a city."""
        return tuple(self._called.get(_plain(text), {}).values())

    @cached_property
    def _called(self) -> dict[str, dict[str, CityUnit]]:
        found: dict[str, dict[str, CityUnit]] = {}
        for crew in self.crews:
            found.setdefault(_plain(crew.unit.code), {}).setdefault(crew.source, crew)
        return found

    def jobs(self, crew: CityUnit | None) -> list[Assignment]:
        """A unit's unfinished work, oldest first."""
        return self.of(crew.source).by_unit.get(crew.unit.id, []) if crew is not None else []


_NOTHING = Catalog()


def _plain(code: str) -> str:
    return code.replace("-", "").replace(" ", "").casefold()


def read_catalog(
    reader: CacheReader,
    known: Cities | None = None,
    kinds: Collection[str] = KINDS,
    languages: tuple[str, ...] = (),
) -> Cities:
    """Read the catalogs on a worker thread; of a `known` one only these kinds are read again. `languages` are those in
    which the operator reads the city's names.
    """
    words = {kind: reader.words(kind) for kind in (*_SCOPED, "user", "source")}
    parts: dict[str, dict[str, Any]] = {}
    if known is None or "service" in kinds:
        parts["services"] = _keyed(reader.services(), "code")
    if known is None or "area" in kinds:
        parts["areas"] = _keyed(reader.areas(), "code")
    if known is None or "agency" in kinds:
        parts["agencies"] = _keyed(reader.agencies(), "code")
    if known is None or "unit" in kinds:
        parts["units"] = _keyed(reader.units(), "id")
    if known is None or "template" in kinds:
        parts["templates"] = {source: tuple(found) for source, found in _parted(reader.templates()).items()}
    if known is None or "limit" in kinds:
        parts["limits"] = _keyed(reader.limits(), "id")
    if known is None or "run_card" in kinds:
        parts["run_cards"] = _keyed(reader.run_cards(), "id")
    if known is None or "closure" in kinds:
        parts["closures"] = {source: tuple(found) for source, found in _parted(reader.closures()).items()}
    if known is None or "handover" in kinds:
        parts["handovers"] = {source: tuple(found) for source, found in _parted(reader.handovers()).items()}
    if known is None or "alarm" in kinds:
        parts["alarms"] = _keyed(reader.alarms(), "id")
    if known is None or "assignment" in kinds:
        parts["assignments"] = {
            source: tuple(found) for source, found in _parted(reader.all_assignments_open()).items()
        }
    before, empty = Cities() if known is None else known, Catalog()
    catalogs = {}
    for _, source in words["source"].values():
        read = {name: found.get(source, getattr(empty, name)) for name, found in parts.items()}
        own = {kind: {number: code for number, (of, code) in words[kind].items() if of == source} for kind in _SCOPED}
        known_one = before.of(source)
        made = msgspec.structs.replace(known_one, **read, words=own, languages=languages)
        catalogs[source] = made.with_shown(known_one)
    return Cities(catalogs, words)


def _parted(found: Iterable[tuple[str, T]]) -> dict[str, list[T]]:
    """What was read, source by source."""
    parted: dict[str, list[T]] = {}
    for source, one in found:
        parted.setdefault(source, []).append(one)
    return parted


def _keyed(found: Iterable[tuple[str, T]], field: str) -> dict[str, dict[str, T]]:
    """Source -> {code: object}."""
    return {source: {getattr(one, field): one for one in own} for source, own in _parted(found).items()}
