"""Reads a city's folder of plain files; everything that is wrong is listed by file, line and field."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

import msgspec

from api_client.decoding import convert
from api_client.model import Agency, Area, Calendar, Limit, RunCard, Service, ServiceAttribute, Sla, Template, WaitsFor
from console.rules.names import language_tag
from console.server.admin.setup import CitySetup, SetupFault, UnitRecord, UserRecord, check_setup, nearest
from console.server.admin.spelling import DAYS, Hours, read_hours, read_length, read_yes
from console.server.admin.table import FileFault, TableRow, read_table, read_text, split_list
from console.server.city.moderation import Moderation
from console.server.city.retention import Retention
from console.server.loader.areas import read_areas
from console.server.loader.result import LoadError
from console.server.toml_text import line_of, lines_of_tables, read_toml

CITY, AGENCIES, SERVICES, QUESTIONS = "city.toml", "agencies.csv", "services.csv", "questions.toml"
AREAS, UNITS, TEMPLATES, LIMITS = "areas.geojson", "units.csv", "templates.toml", "limits.toml"
RUN_CARDS, USERS = "run_cards.toml", "users.csv"
FILES = (CITY, AGENCIES, SERVICES, QUESTIONS, AREAS, UNITS, TEMPLATES, LIMITS, RUN_CARDS, USERS)
AGENCY_COLUMNS = ("code", "name")
SERVICE_COLUMNS = (
    "code", "name", "group", "symbol", "priority", "agency", "skills", "targets", "proof", "keywords",
    "confidential",
)  # fmt: skip
UNIT_COLUMNS = ("id", "code", "name", "agency", "areas", "skills", "shift", "contact", "lat", "lon")
USER_COLUMNS = ("name", "role", "areas", "agencies")
TRANSLATED = {SERVICES: ("name", "group"), AGENCIES: ("name",)}
"""The columns of which there may be others in other languages."""
PRIORITY_WORDS = {"P1": "1", "P2": "2", "P3": "3", "P4": "4", "other": "*"}
_CITY_KEYS = ("name", "timezone", "language", "calendars", "targets", "retention", "requests", "moderation")
_CALENDAR_KEYS = ("daily", "weekdays", *DAYS, "holidays")
_SLA_KEYS = ("first_response", "finish", "validation", "pauses_for", "calendar")
_TEMPLATE_KEYS = ("id", "kind", "text", "service", "texts")
_LIMIT_KEYS = ("id", "name", "filter", "above", "within_minutes", "priority")
_MOST_NUMBER = 10**15
_RUN_CARD_KEYS = ("id", "name", "services", "groups", "priorities", "crews", "skills", "steps")
_QUESTION_KEYS = ("service", "code", "description", "datatype", "required", "variable", "order",
                  "datatype_description", "values", "descriptions", "datatype_descriptions", "value_names")  # fmt: skip
_FILE_OF = {
    "city": CITY,
    "moderation": CITY,
    "calendars": CITY,
    "agencies": AGENCIES,
    "services": SERVICES,
    "areas": AREAS,
    "units": UNITS,
    "templates": TEMPLATES,
    "limits": LIMITS,
    "run_cards": RUN_CARDS,
    "users": USERS,
}
ENDINGS = frozenset({".csv", ".toml", ".geojson", ".json"})
T = TypeVar("T")
S = TypeVar("S", Retention, Moderation)
W = TypeVar("W", str, int)


class Reading(msgspec.Struct, frozen=True):
    """What a folder says, what could not be read, and the line on which the n-th object of each list stands."""

    setup: CitySetup
    unreadable: tuple[FileFault, ...]
    lines: Mapping[str, tuple[int | None, ...]]

    def faults(self, present: CitySetup = CitySetup()) -> list[FileFault]:  # noqa: B008  frozen
        """Everything that is wrong with it, for the city that is `present`."""
        return [*self.unreadable, *map(self._in_file, check_setup(self.setup, present))]

    def _in_file(self, fault: SetupFault) -> FileFault:
        lines = self.lines.get(fault.part, ())
        line = lines[fault.at] if fault.at is not None and fault.at < len(lines) else None
        return FileFault(_FILE_OF[fault.part], line, fault.field, fault.why)


def read_folder(folder: Path) -> Reading:
    """What stands in the folder. A file that is not there says nothing: what it is about stays as it is."""
    return _Reader(folder).read()


class _Reader:
    """Reads one folder; faults are gathered."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._faults: list[FileFault] = []
        self._lines: dict[str, tuple[int | None, ...]] = {}
        self._zone = "UTC"
        self._targets: dict[str, dict[str, Sla]] = {}
        self._question_lines: dict[str, int | None] = {}
        self._moderation: Moderation | None = None
        self._language: str | None = None

    def read(self) -> Reading:
        try:
            names = sorted(each.name for each in self._folder.iterdir())
        except OSError as fault:
            self._fault(str(self._folder), None, "", f"the folder cannot be read: {fault.strerror or fault}")
            return self._reading(CitySetup())
        if CITY not in names:
            why = f"it is missing in {self._folder}; “sigap city init FOLDER” writes a folder to begin with"
            self._fault(CITY, None, "", why)
        for each in names:
            if each not in FILES and Path(each).suffix.lower() in ENDINGS and not each.startswith("."):
                self._fault(each, None, "", f"no file of a city is called so{nearest(each, FILES)}")
        facts = self._city() if CITY in names else (None, None, None, None, None)
        name, timezone, calendars, retention, requests = facts
        questions = self._questions() if QUESTIONS in names else {}
        setup = CitySetup(
            name,
            timezone,
            calendars,
            self._agencies() if AGENCIES in names else None,
            self._services(questions) if SERVICES in names else None,
            self._areas() if AREAS in names else None,
            self._units() if UNITS in names else None,
            self._templates() if TEMPLATES in names else None,
            self._limits() if LIMITS in names else None,
            self._users() if USERS in names else None,
            retention,
            requests,
            moderation=self._moderation,
            run_cards=self._run_cards() if RUN_CARDS in names else None,
            language=self._language,
        )
        if QUESTIONS in names and setup.services is None:
            self._fault(QUESTIONS, None, "", f"questions belong to services, but {SERVICES} is missing or unreadable")
        return self._reading(setup)

    def _reading(self, setup: CitySetup) -> Reading:
        return Reading(setup, tuple(self._faults), self._lines)

    def _fault(self, file: str, line: int | None, field: str, why: str) -> None:
        self._faults.append(FileFault(file, line, field, why))

    # city.toml

    def _city(
        self,
    ) -> tuple[str | None, str | None, tuple[Calendar, ...] | None, Retention | None, dict[str, str] | None]:
        text, value = self._toml(CITY)
        self._unknown(CITY, text, value, _CITY_KEYS)
        name = self._kind(CITY, text, value, "name", str)
        zone: str | None = self._kind(CITY, text, value, "timezone", str)
        self._zone = zone or self._zone
        self._language = self._kind(CITY, text, value, "language", str)
        requests = self._kind(CITY, text, value, "requests", dict)
        calendars = self._kind(CITY, text, value, "calendars", dict)
        found: list[Calendar] = []
        lines: list[int | None] = []
        for key, hours in (calendars or {}).items():
            lines.append(line_of(text, "calendars", key))
            found.append(self._calendar(text, key, hours))
        self._lines["calendars"] = tuple(lines)
        for key, by_priority in (self._kind(CITY, text, value, "targets", dict) or {}).items():
            self._targets[key] = self._slas(text, key, by_priority)
        rules = {key: str(rule) for key, rule in requests.items()} if requests is not None else None
        retention = self._struct(text, value, "retention", Retention)
        self._moderation = self._struct(text, value, "moderation", Moderation)
        return name, zone, tuple(found) if calendars is not None else None, retention, rules

    def _struct(self, text: str, value: dict[str, Any], key: str, kind: type[S]) -> S | None:
        """A table of a few values; None where it is missing, or wrong."""
        table = self._kind(CITY, text, value, key, dict)
        if table is None:
            return None
        try:
            return convert(table, kind)
        except msgspec.ValidationError as fault:
            self._fault(CITY, line_of(text, key), key, str(fault))
            return None

    def _calendar(self, text: str, key: str, hours: Any) -> Calendar:
        where = ("calendars", key)
        if not isinstance(hours, dict):
            self._fault(CITY, line_of(text, *where), key, "a calendar is a table of days and hours")
            return Calendar(key, self._zone, (None,) * 7)
        self._unknown(CITY, text, hours, _CALENDAR_KEYS, *where)
        days: list[Hours] = [None] * 7
        for word, which in (("daily", range(7)), ("weekdays", range(5)), *((day, (i,)) for i, day in enumerate(DAYS))):
            if word in hours:
                read = self._spelled(CITY, text, hours, word, read_hours, *where)
                for day in which:
                    days[day] = read
        holidays = hours.get("holidays", [])
        if not isinstance(holidays, list):
            self._fault(CITY, line_of(text, *where, "holidays"), "holidays", 'write them like ["2026-12-25"]')
            holidays = []
        return Calendar(key, self._zone, tuple(days), tuple(map(str, holidays)))

    def _slas(self, text: str, key: str, by_priority: Any) -> dict[str, Sla]:
        where = ("targets", key)
        if not isinstance(by_priority, dict):
            self._fault(CITY, line_of(text, *where), key, "targets are a table of P1, P2, P3, P4 and other")
            return {}
        self._unknown(CITY, text, by_priority, tuple(PRIORITY_WORDS), *where)
        found = {}
        for word, priority in PRIORITY_WORDS.items():
            clocks = by_priority.get(word)
            if clocks is None:
                continue
            if not isinstance(clocks, dict):
                self._fault(CITY, line_of(text, *where, word), word, 'write it like { first_response = "6h" }')
                continue
            self._unknown(CITY, text, clocks, _SLA_KEYS, *where, word)
            first, finish, validation = (
                self._spelled(CITY, text, clocks, clock, read_length, *where, word) if clock in clocks else None
                for clock in _SLA_KEYS[:3]
            )
            pauses = self._pauses(text, clocks, *where, word)
            found[priority] = Sla(first, finish, validation, pauses, self._kind(CITY, text, clocks, "calendar", str))
        return found

    def _pauses(self, text: str, clocks: dict[str, Any], *where: str) -> tuple[WaitsFor, ...]:
        known = [each.value for each in WaitsFor]
        given = clocks.get("pauses_for", [])
        found = []
        for word in given if isinstance(given, list) else [given]:
            if word in known:
                found.append(WaitsFor(word))
            else:
                why = f"there is no hold for “{str(word)[:40]}”{nearest(str(word), known)}"
                self._fault(CITY, line_of(text, *where), "pauses_for", why)
        return tuple(found)

    # Tables

    def _agencies(self) -> tuple[Agency, ...] | None:
        rows = self._table(AGENCIES, AGENCY_COLUMNS, ("code", "name"), "agencies")
        if rows is None:
            return None
        return tuple(Agency(_cell(row, "code"), _cell(row, "name"), names=_in_languages(row, "name")) for row in rows)

    def _services(self, questions: dict[str, list[ServiceAttribute]]) -> tuple[Service, ...] | None:
        rows = self._table(SERVICES, SERVICE_COLUMNS, ("code", "name"), "services")
        if rows is None:
            return None
        found = tuple(self._service(row, questions) for row in rows)
        codes = [service.code for service in found]
        for code in questions:
            if code not in codes:
                line = self._question_lines.get(code)
                self._fault(QUESTIONS, line, "service", f"there is no service “{code[:60]}”{nearest(code, codes)}")
        return found

    def _service(self, row: TableRow, questions: dict[str, list[ServiceAttribute]]) -> Service:
        code, targets = _cell(row, "code"), _cell(row, "targets")
        if targets and targets not in self._targets:
            why = f"{CITY} has no targets “{targets[:60]}”{nearest(targets, self._targets)}"
            self._fault(SERVICES, row.line, "targets", why)
        return Service(
            code,
            _cell(row, "name"),
            _cell(row, "group"),
            _cell(row, "symbol") or "other",
            self._read(SERVICES, row, "priority", _whole, 3),
            _cell(row, "agency") or None,
            split_list(_cell(row, "skills")),
            self._targets.get(targets, {}),
            self._read(SERVICES, row, "proof", read_yes, True),
            _cell(row, "keywords"),
            tuple(questions.get(code, ())),
            confidential=self._read(SERVICES, row, "confidential", read_yes, False),
            names=_in_languages(row, "name"),
            groups=_in_languages(row, "group"),
        )

    def _units(self) -> tuple[UnitRecord, ...] | None:
        rows = self._table(UNITS, UNIT_COLUMNS, ("id",), "units")
        if rows is None:
            return None
        return tuple(
            UnitRecord(
                _cell(row, "id"),
                _cell(row, "code") or _cell(row, "id"),
                _cell(row, "name"),
                _cell(row, "agency") or None,
                split_list(_cell(row, "areas")),
                split_list(_cell(row, "skills")),
                _cell(row, "shift") or None,
                _cell(row, "contact"),
                self._read(UNITS, row, "lat", _degrees, None),
                self._read(UNITS, row, "lon", _degrees, None),
            )
            for row in rows
        )

    def _users(self) -> tuple[UserRecord, ...] | None:
        rows = self._table(USERS, USER_COLUMNS, ("name", "role"), "users")
        if rows is None:
            return None
        return tuple(
            UserRecord(
                _cell(row, "name"),
                _cell(row, "role"),
                split_list(_cell(row, "areas")),
                split_list(_cell(row, "agencies")),
            )
            for row in rows
        )

    def _table(self, file: str, columns: tuple[str, ...], needed: tuple[str, ...], part: str) -> list[TableRow] | None:
        also = partial(language_column, fields=TRANSLATED.get(file, ()))
        rows = read_table(self._folder / file, columns, needed, self._faults, also)
        self._lines[part] = tuple(row.line for row in rows or ())
        return rows

    def _read(self, file: str, row: TableRow, field: str, how: Callable[[str], T], default: T) -> T:
        cell = _cell(row, field)
        if not cell:
            return default
        try:
            return how(cell)
        except ValueError as fault:
            self._fault(file, row.line, field, str(fault))
            return default

    # Areas

    def _areas(self) -> tuple[Area, ...] | None:
        try:
            areas, result = read_areas(self._folder / AREAS, strict=True)
        except LoadError as fault:
            self._fault(AREAS, None, "", str(fault).rstrip("."))
            return None
        for remark in (*result.refused, *result.repeated, *result.remarked):
            self._fault(AREAS, None, f"feature {remark.line}", remark.why)
        return tuple(areas)

    # Texts and questions

    def _templates(self) -> tuple[Template, ...] | None:
        text, value = self._toml(TEMPLATES)
        found, lines = [], []
        for line, table in self._tables(TEMPLATES, text, value, "template", _TEMPLATE_KEYS):
            key, kind, words, service = (self._word(TEMPLATES, line, table, field) for field in _TEMPLATE_KEYS[:4])
            found.append(Template(key, kind, words, service or None, self._texts(TEMPLATES, line, table, "texts")))
            lines.append(line)
        self._lines["templates"] = tuple(lines)
        return tuple(found)

    def _limits(self) -> tuple[Limit, ...] | None:
        text, value = self._toml(LIMITS)
        found, lines = [], []
        for line, table in self._tables(LIMITS, text, value, "limit", _LIMIT_KEYS):
            words = [self._word(LIMITS, line, table, key) for key in _LIMIT_KEYS[:3]]
            above, minutes = (self._number(LIMITS, line, table, key) for key in ("above", "within_minutes"))
            priority = self._number(LIMITS, line, table, "priority") if "priority" in table else 3
            if above is not None and minutes is not None and priority is not None:
                found.append(Limit(words[0], words[1], words[2], above, minutes, priority))
                lines.append(line)
        self._lines["limits"] = tuple(lines)
        return tuple(found)

    def _run_cards(self) -> tuple[RunCard, ...] | None:
        text, value = self._toml(RUN_CARDS)
        found, lines = [], []
        for line, table in self._tables(RUN_CARDS, text, value, "card", _RUN_CARD_KEYS):
            key, name = (self._word(RUN_CARDS, line, table, field) for field in ("id", "name"))
            crews = self._number(RUN_CARDS, line, table, "crews") if "crews" in table else 1
            services, groups, skills, steps = (
                self._list_of(RUN_CARDS, line, table, field, str) for field in ("services", "groups", "skills", "steps")
            )
            priorities = self._list_of(RUN_CARDS, line, table, "priorities", int)
            if crews is not None:
                found.append(RunCard(key, name, steps, services, groups, priorities, crews, skills))
                lines.append(line)
        self._lines["run_cards"] = tuple(lines)
        return tuple(found)

    def _questions(self) -> dict[str, list[ServiceAttribute]]:
        text, value = self._toml(QUESTIONS)
        found: dict[str, list[ServiceAttribute]] = {}
        for line, table in self._tables(QUESTIONS, text, value, "question", _QUESTION_KEYS):
            service = self._word(QUESTIONS, line, table, "service")
            values = table.get("values", {})
            plain = {key: each for key, each in table.items() if key not in ("service", "values", "value_names")}
            others = table.get("value_names", {})
            if not isinstance(others, dict) or not isinstance(values, dict):
                others = {}
            for key in (one for one in others if one not in values):
                self._fault(QUESTIONS, line, "value_names", f"there is no value “{key[:60]}”{nearest(key, values)}")
            plain["values"] = (
                [{"key": key, "name": name, "names": others.get(key, {})} for key, name in values.items()]
                if isinstance(values, dict)
                else values
            )
            try:
                attribute = convert({"description": ""} | plain, ServiceAttribute)
            except msgspec.ValidationError as fault:
                self._fault(QUESTIONS, line, "", f"the question does not fit: {fault}")
                continue
            self._question_lines.setdefault(service, line)
            found.setdefault(service, []).append(attribute)
        return found

    # TOML

    def _toml(self, file: str) -> tuple[str, dict[str, Any]]:
        text = read_text(self._folder / file, self._faults)
        if text is None:
            return "", {}
        try:
            return text, read_toml(text)
        except ValueError as fault:
            self._fault(file, None, "", f"it is no TOML: {fault}; texts stand in quotation marks")
            return text, {}

    def _tables(
        self, file: str, text: str, value: dict[str, Any], name: str, keys: tuple[str, ...]
    ) -> list[tuple[int | None, dict[str, Any]]]:
        """The tables [[name]] of a file, each with its line."""
        self._unknown(file, text, value, (name,))
        tables = value.get(name, [])
        if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
            self._fault(file, line_of(text, name), "", f"write each as [[{name}]]")
            return []
        lines = lines_of_tables(text, name)
        found = list(zip(lines if len(lines) == len(tables) else [None] * len(tables), tables, strict=True))
        for line, table in found:
            for key in table:
                if key not in keys:
                    self._fault(file, line, key, f"it is not known here{nearest(key, keys)}")
        return found

    def _unknown(self, file: str, text: str, table: dict[str, Any], keys: tuple[str, ...], *where: str) -> None:
        for key in table:
            if key not in keys:
                self._fault(file, line_of(text, *where, key), key, f"it is not known here{nearest(key, keys)}")

    def _kind(self, file: str, text: str, table: dict[str, Any], key: str, kind: type[T]) -> T | None:
        value = table.get(key)
        if value is None or isinstance(value, kind):
            return value
        said = "a text in quotation marks" if kind is str else "a table"
        self._fault(file, line_of(text, key), key, f"it has to be {said}")
        return None

    def _word(self, file: str, line: int | None, table: dict[str, Any], key: str) -> str:
        value = table.get(key, "")
        if isinstance(value, str):
            return value
        self._fault(file, line, key, "it has to be a text in quotation marks")
        return ""

    def _texts(self, file: str, line: int | None, table: dict[str, Any], key: str) -> dict[str, str]:
        value = table.get(key, {})
        if isinstance(value, dict) and all(isinstance(one, str) for one in value.values()):
            return value
        self._fault(file, line, key, 'it has to be texts by their languages: { nl = "…" }')
        return {}

    def _number(self, file: str, line: int | None, table: dict[str, Any], key: str) -> int | None:
        value = table.get(key)
        if _is_number(value):
            return value
        self._fault(file, line, key, "it has to be a whole number, without quotation marks")
        return None

    def _list_of(self, file: str, line: int | None, table: dict[str, Any], key: str, kind: type[W]) -> tuple[W, ...]:
        value = table.get(key, [])
        if isinstance(value, list) and all(_is_number(one) if kind is int else isinstance(one, kind) for one in value):
            return tuple(value)
        said = 'texts: ["pump", "saw"]' if kind is str else "whole numbers: [1, 2]"
        self._fault(file, line, key, f"it has to be a list of {said}")
        return ()

    def _spelled(
        self, file: str, text: str, table: dict[str, Any], key: str, how: Callable[[str], T], *where: str
    ) -> T | None:
        try:
            return how(str(table[key]))
        except ValueError as fault:
            self._fault(file, line_of(text, *where, key), key, str(fault))
            return None


def language_column(name: str, *, fields: Collection[str]) -> str:
    """How a column is called that holds one of these `fields` in another language (`name:nl`, `group:pt-BR`), from any
    spelling of it; "" for any other.
    """
    field, colon, language = name.partition(":")
    tag = language_tag(language) if colon and field.strip() in fields else ""
    return f"{field.strip()}:{tag}" if tag else ""


def _in_languages(row: TableRow, field: str) -> dict[str, str]:
    """The names in other languages of a row, by their tags."""
    begin = f"{field}:"
    return {name.removeprefix(begin): cell for name, cell in row.cells.items() if name.startswith(begin) and cell}


def _cell(row: TableRow, column: str) -> str:
    return row.cells.get(column, "")


def _is_number(value: object) -> TypeGuard[int]:
    """Whether it is a whole number that anything could be; Python does not even write one of 5,000 digits."""
    # protects: no-number-without-end
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _MOST_NUMBER


def _whole(text: str) -> int:
    if not text.isascii() or not text.removeprefix("P").isdigit() or len(text) > 3:
        raise ValueError(f"“{text[:40]}” is no whole number")
    return int(text.removeprefix("P"))


def _degrees(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise ValueError(f"“{text[:40]}” are no degrees; write them like -6.2088") from None
