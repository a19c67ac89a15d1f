"""All that a city sets up, as plain structs; checks them, with messages for the author of the files."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from api_client.model import Agency, Area, Calendar, Limit, RunCard, Service, Template
from console.rules.area import GeometryFault, border_box
from console.rules.degrees import on_earth
from console.rules.filter import FilterError
from console.rules.limit import (
    ABOVE,
    LONGEST_FILTER,
    MINUTES,
    MOST_LIMITS,
    PRIORITIES_OF_LIMITS,
    limit_filter,
)
from console.rules.names import MOST_LANGUAGES, OUTCOMES, language_tag
from console.rules.rights import ADMIN, ROLES, Rights, may_set_up
from console.rules.run_card import LONGEST_STEP, MOST_CARDS, MOST_CREWS, MOST_STEPS, MOST_WORDS, doubles
from console.server.city import tokens
from console.server.city.moderation import Moderation
from console.server.city.rates import CITY_SETS, rule_fault
from console.server.city.records import LOCAL
from console.server.city.retention import Retention
from console.server.errors import Invalid
from console.server.loader.service_file import questions_fault

TEMPLATE_KINDS = ("reply", "disposition", "close", "duplicate", "return", "hold", "message")
PRIORITIES = ("1", "2", "3", "4", "*")
_LONGEST_CODE, _LONGEST_NAME, _LONGEST_TEXT = 200, 200, 4_000
_LONGEST_UNIT = 40
_LONGEST_LIMIT = 100
"""An alarm is named by the id of its limit."""
_LONGEST_TARGET_S = 10 * 366 * 86400
_MOST_MINUTES, _DAY_MINUTES = 2 * 24 * 60, 24 * 60
_MOST_WORDS = 1_000
_MOST_HINTS = 100
"""Finding the nearest word takes a while among thousands; behind so many faults nobody reads them."""
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_UNIT_ID = re.compile(r"[^\W_](?:[\w .\-]*[^\W_])?")


class UnitRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A unit as a city sets it up, without its present state.

    `shift` is the id of the calendar of its hours, `contact` how to call it. `lat` and `lon` are its post, where it
    counts as standing until it sends a position. `code` is what people call it; "" means its id.
    """

    id: str
    code: str = ""
    name: str = ""
    agency: str | None = None
    areas: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    shift: str | None = None
    contact: str = ""
    lat: float | None = None
    lon: float | None = None


class UserRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A user without his token. No areas and no agencies means the whole city."""

    name: str
    role: str
    areas: tuple[str, ...] = ()
    agencies: tuple[str, ...] = ()


class CitySetup(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a city consists of. A list replaces all of its kind; what is None is left as it is.

    `requests` are the city's own rules of how often one may ask, such as "600 per 1 minute", by what they limit.
    `language` is that of the plain names (a BCP 47 tag), "" for not said.
    """

    name: str | None = None
    timezone: str | None = None
    calendars: tuple[Calendar, ...] | None = None
    agencies: tuple[Agency, ...] | None = None
    services: tuple[Service, ...] | None = None
    areas: tuple[Area, ...] | None = None
    units: tuple[UnitRecord, ...] | None = None
    templates: tuple[Template, ...] | None = None
    limits: tuple[Limit, ...] | None = None
    users: tuple[UserRecord, ...] | None = None
    retention: Retention | None = None
    requests: dict[str, str] | None = None
    moderation: Moderation | None = None
    run_cards: tuple[RunCard, ...] | None = None
    language: str | None = None


class SetupFault(msgspec.Struct, frozen=True):
    """Something wrong: in the `at`-th object (from 0) of the list `part`, in which field, and why."""

    part: str
    at: int | None
    field: str
    why: str


Record = Calendar | Agency | Service | Area | UnitRecord | Template | Limit | RunCard | UserRecord
PARTS: tuple[str, ...] = (
    "calendars", "agencies", "services", "areas", "units", "templates", "limits", "run_cards", "users",
)  # fmt: skip
"""The lists of a city, in the order in which one refers to another."""


def key_of(record: Record) -> str:
    """The id, code or name by which a record is found in its list."""
    if isinstance(record, Agency | Service | Area):
        return record.code
    return record.name if isinstance(record, UserRecord) else record.id


def listed(setup: CitySetup, part: str) -> Sequence[Any] | None:
    """One of the lists of PARTS; None if the set-up does not contain it."""
    found: Sequence[Any] | None = getattr(setup, part)
    return found


def nearest(word: str, known: Iterable[str]) -> str:
    """“; did you mean “flood”?” for the nearest known word, else the known words themselves, if they are few."""
    words = [each for each in known if each]
    close = difflib.get_close_matches(word.casefold(), {each.casefold(): None for each in words}, 1, 0.6)
    if close:
        return f"; did you mean “{next(each for each in words if each.casefold() == close[0])}”?"
    return f"; there are {', '.join(words)}" if 0 < len(words) <= 12 else ""


def check_setup(setup: CitySetup, present: CitySetup = CitySetup()) -> list[SetupFault]:  # noqa: B008  frozen
    """Everything that is wrong with a set-up for the city that is `present`: all faults, not only the first."""
    return [*_facts(setup), *_Check(setup, present).faults()]


def glyphs() -> tuple[str, ...]:
    """The drawings that a service may have."""
    text = resources.files("resources").joinpath("symbols.json").read_text("utf-8")
    return tuple(json.loads(text)["category"])


def _facts(setup: CitySetup) -> Iterator[SetupFault]:
    if setup.name is not None and (why := _text_fault(setup.name, _LONGEST_NAME)):
        yield SetupFault("city", None, "name", why)
    if setup.timezone is not None and not is_zone(setup.timezone):
        yield SetupFault(
            "city", None, "timezone", f"there is no time zone “{setup.timezone}”; write it like Asia/Jakarta"
        )
    if setup.language and (why := _tag_fault(setup.language)):
        yield SetupFault("city", None, "language", why)
    for name, rule in (setup.requests or {}).items():
        if name not in CITY_SETS:
            yield SetupFault("city", None, _short(name), f"nothing is limited so{nearest(name, sorted(CITY_SETS))}")
        elif why := rule_fault(rule, name):
            yield SetupFault("city", None, name, why)


def is_zone(name: str) -> bool:
    """Whether there is a time zone of this name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


class _Check:
    """Goes through the lists of one set-up; a code may be one that the city has already."""

    def __init__(self, setup: CitySetup, present: CitySetup) -> None:
        self._setup, self._present = setup, present
        self._hints = _MOST_HINTS
        self._whole = msgspec.structs.replace(
            present,
            **{part: given for part in PARTS if (given := listed(setup, part)) is not None},
            language=present.language if setup.language is None else setup.language,
        )
        self._codes = {
            part: None if (there := listed(self._whole, part)) is None else {key_of(each): None for each in there}
            for part in PARTS
        }

    def faults(self) -> list[SetupFault]:
        """All faults, in the order of the lists."""
        found: list[SetupFault] = []
        rules: dict[str, Callable[[Any], Iterator[tuple[str, str]]]] = {
            "calendars": self._calendar,
            "agencies": self._agency,
            "services": self._service,
            "areas": self._area,
            "units": self._unit,
            "templates": self._template,
            "limits": self._limit,
            "run_cards": self._run_card,
            "users": self._user,
        }
        for part, rule in rules.items():
            records = listed(self._setup, part)
            if records is None:
                continue
            seen: dict[str, int] = {}
            for at, record in enumerate(records):
                key = key_of(record)
                if key in seen:
                    found.append(SetupFault(part, at, _KEY_FIELD[part], f"“{_short(key)}” stands here twice"))
                seen.setdefault(key, at)
                found += [SetupFault(part, at, field, why) for field, why in rule(record)]
        return [*found, *self._together()]

    def _together(self) -> Iterator[SetupFault]:
        """Faults of the lists as a whole."""
        yield from self._circles()
        yield from self._doubles()
        if self._setup.calendars is not None:
            yield from self._calendars_in_use()
        yield from self._still_in_use()
        yield from self._moderation()
        yield from self._own_language()
        if self._setup.limits is None:
            yield from self._limits_that_stay()
        # protects: no-limit-that-nobody-counts
        elif len(self._setup.limits) > MOST_LIMITS:
            yield SetupFault("limits", None, "", f"{len(self._setup.limits):,} are too many; {MOST_LIMITS} are counted")
        yield from self._run_cards()
        users = self._setup.users
        if users is not None and not users and self._present.users:
            yield SetupFault(
                "users", None, "", "it names nobody, but somebody has to stay who can sign in and set the city up"
            )
        if users and not any(may_set_up(Rights(user.role, user.areas, user.agencies)) for user in users):
            yield SetupFault(
                "users", None, "role", "nobody is supervisor of the whole city, or admin; at least one user has to be"
            )
        last = next((user.name for user in self._present.users or () if user.role == ADMIN), None)
        if users is not None and last is not None and not any(user.role == ADMIN for user in users):
            yield SetupFault(
                "users", None, "role", f"“{_short(last)}” is the last admin: somebody else has to be one first"
            )

    def _moderation(self) -> Iterator[SetupFault]:
        moderation = self._setup.moderation
        if moderation is None:
            return
        for code in moderation.services:
            for field, why in self._known("services", "services", code):
                yield SetupFault("moderation", None, field, why)
        if len(moderation.words) > _MOST_WORDS or any(not word.strip() for word in moderation.words):
            yield SetupFault("moderation", None, "words", f"words are up to {_MOST_WORDS:,}, and none of them is empty")

    def _own_language(self) -> Iterator[SetupFault]:
        """A fault where what stays has names in what is to be the city's own language."""
        own = self._setup.language
        if not own:
            return
        for part, names_of in _NAMED.items():
            there = () if listed(self._setup, part) is not None else listed(self._present, part) or ()
            named = next((key_of(one) for one in there if own in names_of(one)), None)
            if named is not None:
                what = f"{_ONE[part]} “{_short(named)}”"
                why = f"{what} has a name in “{own}” beside its plain one: {part} have to be given"
                yield SetupFault("city", None, "language", why)

    def _calendar(self, calendar: Calendar) -> Iterator[tuple[str, str]]:
        yield from _code("id", calendar.id)
        if not is_zone(calendar.timezone):
            yield "timezone", f"there is no time zone “{_short(calendar.timezone)}”; write it like Asia/Jakarta"
        if len(calendar.days) != 7:
            yield "days", "a week has seven days"
        for hours in calendar.days:
            if hours is not None and not (0 <= hours[0] < _DAY_MINUTES and hours[0] < hours[1] <= _MOST_MINUTES):
                yield "days", "hours begin on their day and end after they began"
        for day in calendar.holidays:
            if not _is_day(day):
                yield "holidays", f"“{_short(day)}” is no day; write it like 2026-12-25"

    def _agency(self, agency: Agency) -> Iterator[tuple[str, str]]:
        yield from _code("code", agency.code)
        yield from _named("name", agency.name)
        yield from self._in_languages("names", agency.name, agency.names)

    def _service(self, service: Service) -> Iterator[tuple[str, str]]:
        yield from _code("code", service.code)
        yield from _named("name", service.name)
        yield from _text("group", service.group)
        yield from _text("keywords", service.keywords, _LONGEST_TEXT)
        yield from _words("skills", service.skills)
        yield from self._in_languages("names", service.name, service.names)
        yield from self._in_languages("groups", service.group, service.groups)
        yield from self._known("agency", "agencies", service.agency)
        if service.priority not in (1, 2, 3, 4):
            yield "priority", f"{service.priority} is no priority; there are 1 (life and safety) to 4"
        if service.glyph not in _GLYPHS:
            yield "symbol", f"there is no symbol “{_short(service.glyph)}”{nearest(service.glyph, _GLYPHS)}"
        for priority, sla in service.sla.items():
            if priority not in PRIORITIES:
                yield "targets", f"“{_short(priority)}” is no priority"
            targets = (sla.first_response_s, sla.finish_s, sla.validation_s)
            if any(target is not None and not 0 < target <= _LONGEST_TARGET_S for target in targets):
                yield "targets", "a target lasts longer than nothing and less than ten years"
            yield from self._known("targets", "calendars", sla.calendar)
        if (why := questions_fault(service)) is not None:
            yield "questions", why
        for one in service.attributes:
            texts = [(one.description, one.descriptions), (one.datatype_description, one.datatype_descriptions)]
            for plain, names in (*texts, *((value.name, value.names) for value in one.values)):
                for _, why in self._in_languages("questions", plain, names, _LONGEST_TEXT):
                    yield "questions", f"question “{_short(one.code)}”: {why}"

    def _in_languages(
        self, field: str, plain: str, names: Mapping[str, str], longest: int = _LONGEST_NAME
    ) -> Iterator[tuple[str, str]]:
        """Faults of the names in other languages that stand beside a plain one."""
        if len(names) > MOST_LANGUAGES:
            yield field, f"{len(names):,} languages are too many; a city may have {MOST_LANGUAGES} beside its own"
            return
        if names and not plain.strip():
            yield field, "there is nothing that it could be a translation of"
        for tag, name in names.items():
            if why := _tag_fault(tag):
                yield field, why
            elif tag == self._whole.language:
                yield field, f"“{tag}” is the city's own language: that name stands without a language"
            elif not name.strip():
                yield field, f"nothing is said in “{tag}”"
            elif why := _text_fault(name, longest):
                yield field, why

    def _area(self, area: Area) -> Iterator[tuple[str, str]]:
        yield from _code("code", area.code)
        yield from _named("name", area.name)
        yield from self._known("parent", "areas", area.parent)
        yield from _place(area.lat, area.lon)
        if area.geometry is not None:
            if area.geometry.keys() - {"type", "coordinates"}:
                yield "geometry", "a border holds its type and its coordinates, and nothing else"
            try:
                border_box(area.geometry)
            except GeometryFault as fault:
                yield "geometry", str(fault)
        if area.valid_from is not None and area.valid_to is not None and area.valid_to < area.valid_from:
            yield "valid_to", "it ends before it begins"

    def _unit(self, unit: UnitRecord) -> Iterator[tuple[str, str]]:
        for field, value in (("id", unit.id), ("code", unit.code)):
            if value or field == "id":
                yield from _unit_id(field, value)
        yield from _text("name", unit.name)
        yield from _text("contact", unit.contact)
        yield from _words("skills", unit.skills)
        yield from self._known("agency", "agencies", unit.agency)
        yield from self._known("shift", "calendars", unit.shift)
        for code in unit.areas:
            yield from self._known("areas", "areas", code)
        yield from _place(unit.lat, unit.lon)

    def _template(self, template: Template) -> Iterator[tuple[str, str]]:
        yield from _code("id", template.id)
        yield from _named("text", template.text, _LONGEST_TEXT)
        yield from self._known("service", "services", template.service)
        if template.kind not in TEMPLATE_KINDS:
            yield "kind", f"there is no kind “{_short(template.kind)}”{nearest(template.kind, TEMPLATE_KINDS)}"
        elif template.texts and template.kind not in OUTCOMES:
            yield "texts", f"only how a report ended is told in other languages: {', '.join(OUTCOMES)}"
        yield from self._in_languages("texts", template.text, template.texts, _LONGEST_TEXT)

    def _limit(self, limit: Limit) -> Iterator[tuple[str, str]]:
        yield from _code("id", limit.id)
        if len(limit.id) > _LONGEST_LIMIT or any(letter < " " for letter in limit.id):
            yield "id", f"at most {_LONGEST_LIMIT} letters on one line"
        yield from _named("name", limit.name, _LONGEST_UNIT)
        yield from _text("filter", limit.filter, LONGEST_FILTER)
        for field, value, (least, most) in (
            ("above", limit.above, ABOVE),
            ("within_minutes", limit.within_minutes, MINUTES),
            ("priority", limit.priority, PRIORITIES_OF_LIMITS),
        ):
            # protects: a-limit-is-no-p1
            if not least <= value <= most:
                yield field, f"{value} is not between {least:,} and {most:,}"
        if len(limit.filter) > LONGEST_FILTER or len(self._setup.limits or ()) > MOST_LIMITS:
            return
        try:
            limit_filter(limit.filter, self._names())
        except FilterError as fault:
            yield "filter", str(fault).rstrip(".")

    def _names(self) -> dict[str, dict[str, str]]:
        """What a limit's filter may name, as far as the city's own lists are known."""
        found = (("service", self._whole.services), ("area", self._whole.areas), ("agency", self._whole.agencies))
        return {kind: {one.code: one.name for one in listed} for kind, listed in found if listed is not None}

    def _limits_that_stay(self) -> Iterator[SetupFault]:
        """Faults where a limit that the city has counts what a given list does not contain any more."""
        given = (self._setup.services, self._setup.areas, self._setup.agencies)
        if all(one is None for one in given):
            return
        for limit in self._whole.limits or ():
            try:
                limit_filter(limit.filter, self._names())
            except FilterError as fault:
                who, why = f"limit “{_short(limit.id)}”", str(fault).rstrip(".")
                yield SetupFault("limits", None, "filter", f"{who} counts nothing then: {why}; limits have to be given")

    def _run_card(self, card: RunCard) -> Iterator[tuple[str, str]]:
        yield from _code("id", card.id)
        yield from _named("name", card.name, _LONGEST_UNIT)
        for code in card.services:
            yield from self._known("services", "services", code)
        groups = _groups_of(self._whole)
        for group in card.groups:
            if self._whole.services is not None and group not in groups:
                yield "groups", f"no service has the group “{_short(group)}”{nearest(group, sorted(groups))}"
        for priority in card.priorities:
            if priority not in (1, 2, 3, 4):
                yield "priorities", f"{priority} is no priority; there are 1 (life and safety) to 4"
        if not 1 <= card.crews <= MOST_CREWS:
            yield "crews", f"{card.crews} is not between 1 and {MOST_CREWS}"
        yield from _words("skills", card.skills)
        # protects: a-card-has-a-key-for-each-step
        if not 1 <= len(card.steps) <= MOST_STEPS:
            yield "steps", f"there are {len(card.steps)}; a card has 1 to {MOST_STEPS}, each with a key of its own"
        for step in card.steps:
            if not step:
                yield "steps", "one of them has no words"
            yield from _text("steps", step, LONGEST_STEP)
            if step != " ".join(step.split()):
                yield "steps", f"“{_short(step)}”: one line, with single blanks between its words"
            if (count := len(step.split())) > MOST_WORDS:
                yield "steps", f"“{_short(step)}” has {count} words; {MOST_WORDS} are read at a glance"
        if len({step.casefold() for step in card.steps}) < len(card.steps):
            yield "steps", "one of them stands there twice: a step is known by its words"

    def _run_cards(self) -> Iterator[SetupFault]:
        """Faults of the run cards together: too many, two of which neither comes first, or one that stays and is for a
        group that no given service has any more.
        """
        cards = self._setup.run_cards
        if cards is None:
            # protects: no-run-card-is-lost-with-its-group
            gone = _groups_of(self._present) - _groups_of(self._whole)
            for card in self._present.run_cards or ():
                for group in (one for one in card.groups if one in gone):
                    why = (
                        f"run card “{_short(card.id)}” still is for group “{_short(group)}”, which no service has then"
                    )
                    yield SetupFault("services", None, "group", f"{why}: run_cards have to be given too")
            return
        if len(cards) > MOST_CARDS:
            yield SetupFault("run_cards", None, "", f"{len(cards):,} are too many; {MOST_CARDS} are allowed")
            return
        for at, other, what in doubles(cards):
            why = f"card “{_short(cards[other].id)}” is for {_short(what)} as well, and neither comes first"
            yield SetupFault("run_cards", at, "services", why)

    def _user(self, user: UserRecord) -> Iterator[tuple[str, str]]:
        try:
            tokens.check_name(user.name)
        except Invalid as refusal:
            yield "name", refusal.message.rstrip(".")
        if user.name == LOCAL.name:
            yield "name", "“local” is everybody on a server without users; choose another name"
        if user.role not in ROLES:
            yield "role", f"there is no role “{_short(user.role)}”{nearest(user.role, ROLES)}"
        if user.role == ADMIN and (user.areas or user.agencies):
            yield "areas" if user.areas else "agencies", "an admin sets up the whole city: leave it empty"
        for code in user.areas:
            yield from self._known("areas", "areas", code)
        for code in user.agencies:
            yield from self._known("agencies", "agencies", code)

    def _known(self, field: str, part: str, code: str | None) -> Iterator[tuple[str, str]]:
        """A fault if the city has no such code."""
        codes = self._codes[part]
        if code is not None and codes is not None and code not in codes:
            self._hints -= 1
            hint = nearest(code, codes) if self._hints >= 0 else ""
            yield field, f"there is no {_ONE[part]} “{_short(code)}”{hint}"

    def _circles(self) -> Iterator[SetupFault]:
        parents = {area.code: area.parent for area in self._setup.areas or ()}
        for at, area in enumerate(self._setup.areas or ()):
            seen, code = {area.code}, area.parent
            while code is not None and code not in seen:
                seen.add(code)
                code = parents.get(code)
            if code == area.code:
                yield SetupFault("areas", at, "parent", f"area “{_short(area.code)}” lies within itself")

    def _doubles(self) -> Iterator[SetupFault]:
        """Faults for units that share an id or code in any spelling, as units are found by either."""
        seen: dict[str, str] = {}
        for at, unit in enumerate(self._setup.units or ()):
            for field, word in (("id", unit.id), ("code", unit.code)):
                other = seen.setdefault(word.casefold(), unit.id) if word else unit.id
                if other != unit.id:
                    yield SetupFault(
                        "units", at, field, f"“{_short(word)}” is also what unit {_short(other)} is called"
                    )

    def _still_in_use(self) -> Iterator[SetupFault]:
        """Faults where an object that stays needs one that a given list does not contain any more."""
        for part, by_part, codes_of, does in _USES:
            codes = self._codes[part]
            if listed(self._setup, part) is None or listed(self._setup, by_part) is not None or codes is None:
                continue
            for record in listed(self._whole, by_part) or ():
                for code in codes_of(record):
                    if code is not None and code not in codes:
                        who, one = f"{_ONE[by_part]} “{_short(key_of(record))}”", f"{_ONE[part]} “{_short(code)}”"
                        why = f"{who} still {does} {one}, which stands here no longer: {by_part} have to be given too"
                        yield SetupFault(part, None, _KEY_FIELD[part], why)

    def _calendars_in_use(self) -> Iterator[SetupFault]:
        """Faults where an object that stays needs a calendar that is gone, or a target a calendar with hours after
        midnight.
        """
        found = {calendar.id: calendar for calendar in self._setup.calendars or ()}
        for service in self._whole.services or ():
            for name in {sla.calendar for sla in service.sla.values()} - {None}:
                if name not in found and self._setup.services is None:
                    yield SetupFault(
                        "calendars", None, "id", f"service “{service.code}” still counts in calendar “{name}”"
                    )
                hours = found[name].days if name in found else ()
                if any(each is not None and each[1] > _DAY_MINUTES for each in hours):
                    yield SetupFault(
                        "calendars", None, "days", f"“{name}” goes on after midnight: it can be a shift, no target"
                    )
        for unit in self._whole.units or ():
            if unit.shift is not None and unit.shift not in found and self._setup.units is None:
                yield SetupFault("calendars", None, "id", f"unit “{unit.id}” still has the shift “{unit.shift}”")


def _groups_of(setup: CitySetup) -> set[str]:
    return {service.group for service in setup.services or () if service.group}


_GLYPHS = glyphs()
_KEY_FIELD = {
    "calendars": "id",
    "agencies": "code",
    "services": "code",
    "areas": "code",
    "units": "id",
    "templates": "id",
    "limits": "id",
    "run_cards": "id",
    "users": "name",
}
_ONE = {
    "calendars": "calendar",
    "agencies": "agency",
    "services": "service",
    "areas": "area",
    "units": "unit",
    "templates": "template",
    "limits": "limit",
    "run_cards": "run card",
    "users": "user",
}
_NAMED: dict[str, Callable[[Any], Collection[str]]] = {
    "services": lambda service: service.names,
    "agencies": lambda agency: agency.names,
    "templates": lambda template: template.texts,
}
"""The lists of what has names in other languages, and in which."""
_USES: tuple[tuple[str, str, Callable[[Any], Sequence[str | None]], str], ...] = (
    ("agencies", "services", lambda service: (service.agency,), "goes to"),
    ("agencies", "units", lambda unit: (unit.agency,), "belongs to"),
    ("agencies", "users", lambda user: user.agencies, "works for"),
    ("areas", "units", lambda unit: unit.areas, "works in"),
    ("areas", "users", lambda user: user.areas, "works in"),
    ("services", "run_cards", lambda card: card.services, "is for"),
    ("services", "templates", lambda template: (template.service,), "is for"),
)
"""Which list is used by which other one: the codes in a record of that, and what it does with them."""


def _short(text: str) -> str:
    """Not more of a text than a sentence can bear, on one line."""
    line = "".join(letter if letter.isprintable() else "\ufffd" for letter in text[:61])
    return line if len(text) <= 60 else f"{line[:60]}…"


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _text_fault(text: str, longest: int) -> str:
    if len(text) > longest:
        return f"{len(text):,} characters are too many; {longest:,} are allowed"
    return "it holds characters that cannot be shown" if _CONTROLS.search(text) else ""


def _tag_fault(tag: str) -> str:
    """Why this names no language; "" when it does."""
    known = language_tag(tag)
    if not known:
        return f"“{_short(tag)}” names no language; write it like nl, pt-BR or zh-Hant"
    return f"“{_short(tag)}” is written {known}" if known != tag else ""


def _text(field: str, text: str, longest: int = _LONGEST_NAME) -> Iterator[tuple[str, str]]:
    if why := _text_fault(text, longest):
        yield field, why


def _named(field: str, text: str, longest: int = _LONGEST_NAME) -> Iterator[tuple[str, str]]:
    if not text.strip():
        yield field, f"a {field} is needed"
    yield from _text(field, text, longest)


def _code(field: str, code: str) -> Iterator[tuple[str, str]]:
    yield from _named(field, code, _LONGEST_CODE)
    if code and code.strip() != code:
        yield field, f"“{_short(code)}” begins or ends with a blank"


def _words(field: str, words: Sequence[str]) -> Iterator[tuple[str, str]]:
    for word in words:
        yield from _named(field, word, _LONGEST_UNIT)
        if len(words) == 1 and ("," in word or ";" in word):
            yield field, f"“{_short(word)}”: several are written with | between them, like pump|saw"


def _unit_id(field: str, value: str) -> Iterator[tuple[str, str]]:
    if not value:
        yield field, f"a {field} is needed"
    elif len(value) > _LONGEST_UNIT or ".." in value or _UNIT_ID.fullmatch(value) is None:
        letters = "letters, digits, blanks, hyphens and single dots"
        yield field, f"“{_short(value)}” cannot name a unit: at most {_LONGEST_UNIT} {letters}, a letter or digit first"


def _place(lat: float | None, lon: float | None) -> Iterator[tuple[str, str]]:
    if (lat is None) != (lon is None):
        yield "lat", "a place needs both lat and lon"
    elif lat is not None and lon is not None and not on_earth(lat, lon):
        yield "lat", f"{lat}, {lon} is no place on Earth; lat goes from -90 to 90, lon from -180 to 180"
