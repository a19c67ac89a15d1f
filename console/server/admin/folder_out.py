"""Writes a city's folder: what a city has, or a small example with explanations to begin with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from textwrap import indent
from typing import Any

import msgspec

from api_client.model import (
    Agency,
    Area,
    AttributeValue,
    Calendar,
    Datatype,
    Limit,
    RunCard,
    Service,
    ServiceAttribute,
    Sla,
    Template,
)
from console.rules.rights import ROLES
from console.rules.run_card import MOST_STEPS, MOST_WORDS
from console.rules.sla import USUAL_TARGETS
from console.server.admin.folder import (
    AGENCIES,
    AGENCY_COLUMNS,
    AREAS,
    CITY,
    FILES,
    LIMITS,
    PRIORITY_WORDS,
    QUESTIONS,
    RUN_CARDS,
    SERVICE_COLUMNS,
    SERVICES,
    TEMPLATES,
    TRANSLATED,
    UNIT_COLUMNS,
    UNITS,
    USER_COLUMNS,
    USERS,
)
from console.server.admin.setup import CitySetup, UnitRecord, UserRecord, glyphs
from console.server.admin.spelling import length_text, week_text
from console.server.admin.table import join_list, write_table
from console.server.errors import Invalid
from console.server.toml_text import key_text, pairs_text, value_text

_CITY_COMMENT = """\
# The city. Look at the folder with “sigap city check FOLDER”, put it into a database with “sigap city apply FOLDER”.
# A file that is taken out of the folder says nothing: what it is about stays as it is.
# language is that of the plain names, such as fr; names in others stand in services.csv and agencies.csv (name:nl), in
# questions.toml and templates.toml.
"""
_REQUESTS_COMMENT = """\
# How often one may ask, where it is not as everywhere: so many at once, and as many again in that time, such as
# [requests]
# address_reports = "600 per 2 minutes"
# (user_reads, user_writes, user_photo_megabytes, user_caller_searches, key_reports, address_reads,
# address_place_searches, address_reports, address_photos, address_unknown_keys; one key: sigap client rate)
"""
_CALENDAR_COMMENT = """\
# Hours: what targets count in, and shifts of units. daily, weekdays, or monday … sunday; days not named are closed.
# A shift may end on the next day (23:00-07:00); what a target counts in may not.
"""
_RETENTION_COMMENT = """\
# So many days are kept: contacts_days, texts_days (words and photos; not named: as long as the report) and
# messages_days after the report was closed, handovers_days after the shift, positions_days of units.
"""
_MODERATION_COMMENT = """\
# Which reports of citizens an official looks at before their words and photos are public: those of these services, with
# one of these words, with media_urls = true those with the address of a photo, with first_report = true the first of a
# telephone number and all without one.
"""
_TARGETS_COMMENT = """\
# Targets that services name: how long until somebody has decided, until the work is done, until its proof is checked.
# P1 is life and safety. A hold pauses them while one waits for what pauses_for names:
# reporter, agency, material, weather. Without a calendar every hour counts.
"""
_AGENCY_COMMENT = """\
The agencies that own matters. name:nl: the name in another language, a column for each."""
_UNIT_COMMENT = """\
The units that can be sent. id stays for ever (a user of that name and role field is the unit's crew), code is what
people call it. areas and skills: several with | between them. shift: a calendar of city.toml. contact: radio or
telephone. lat and lon: where it waits for work. A unit that is taken out is retired, not deleted."""
_USER_COMMENT = f"""\
Who signs in: roles are {", ".join(ROLES)}. areas and agencies limit what they may change (none: the whole city).
Tokens never stand here: “sigap city apply” prints those of new users, once."""
_TEMPLATE_COMMENT = """\
# Standard texts: kind is reply, disposition (of work done), close (without work), duplicate, return, hold or message (a
# quick text of messages).
# How a report ended (disposition, close, duplicate) in other languages: texts = { nl = "…" }.
"""
_LIMIT_COMMENT = """\
# Limits that are alarms: more than “above” reports of a filter that come within so many minutes (5 to 1440).
# filter is written as in the query line: cat=, area=, agency=, p=; empty means all reports. priority is 2, 3 or 4.
"""
_RUN_CARD_COMMENT = f"""\
# Run cards: what is to be done about a report, step by step (up to {MOST_STEPS} steps of up to {MOST_WORDS} words),
# and by how many crews. services and groups: whose reports it is for, those of all without both.
# priorities: [1, 2], or any. skills: what a unit needs in addition to those of the service.
# Of several cards the one counts that says more: one that names the service before one of its group, then one that
# names the priority.
"""
_QUESTION_COMMENT = """\
# What services ask of a reporter. datatype: string, number, datetime, text, singlevaluelist or multivaluelist;
# variable = false is a text that is only read. In other languages: descriptions = { nl = "…" },
# datatype_descriptions = { nl = "…" }, value_names = { ankle = { nl = "…" } }.
"""


def write_folder(folder: Path, setup: CitySetup) -> list[str]:
    """Write what a city has into a folder; returns the names of the files. Raises Invalid where some are already."""
    return _write(folder, folder_texts(setup))


def write_starter(folder: Path) -> list[str]:
    """Write a small example with explanations. Raises Invalid where some of the files are already, OSError."""
    return _write(folder, folder_texts(_STARTER, starter=True))


def folder_texts(setup: CitySetup, *, starter: bool = False) -> dict[str, str]:
    """The files of a city by their names; what it does not speak of has none."""
    names, tables = _targets(setup.services or ())
    texts = {CITY: _city(setup, tables)}
    if setup.agencies is not None:
        rows = [_agency(agency) for agency in setup.agencies]
        texts[AGENCIES] = _in_languages(AGENCIES, AGENCY_COLUMNS, rows, setup.agencies, _AGENCY_COMMENT)
    if setup.services is not None:
        rows = [_service(service, names[index]) for index, service in enumerate(setup.services)]
        texts[SERVICES] = _in_languages(SERVICES, SERVICE_COLUMNS, rows, setup.services, _service_comment())
        if any(service.attributes for service in setup.services) or starter:
            texts[QUESTIONS] = _questions(setup.services)
    if setup.areas is not None:
        texts[AREAS] = _areas(setup.areas)
    if setup.units is not None:
        texts[UNITS] = write_table(UNIT_COLUMNS, map(_unit, setup.units), _UNIT_COMMENT)
    if setup.templates is not None:
        texts[TEMPLATES] = _TEMPLATE_COMMENT + _entries(
            map(_template, setup.templates), map(_template, _STARTER.templates or ())
        )
    if setup.limits is not None:
        texts[LIMITS] = _LIMIT_COMMENT + _entries(map(_limit, setup.limits), map(_limit, _STARTER.limits or ()))
    if setup.run_cards is not None:
        texts[RUN_CARDS] = _RUN_CARD_COMMENT + _entries(
            map(_run_card, setup.run_cards), map(_run_card, _STARTER.run_cards or ())
        )
    if setup.users is not None:
        texts[USERS] = write_table(USER_COLUMNS, map(_user, setup.users), _USER_COMMENT)
    return texts


def _write(folder: Path, texts: Mapping[str, str]) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    there = [name for name in FILES if (folder / name).exists()]
    if there:
        raise Invalid(f"{folder} holds {', '.join(there)} already; nothing is overwritten. Name another folder.")
    for name, text in texts.items():
        with (folder / name).open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    return list(texts)


# city.toml


def _city(setup: CitySetup, tables: Mapping[str, Mapping[str, Sla]]) -> str:
    facts = {"name": setup.name, "timezone": setup.timezone, "language": setup.language}
    parts = [_CITY_COMMENT, pairs_text({key: value for key, value in facts.items() if value}), "\n"]
    parts += [_REQUESTS_COMMENT, f"[requests]\n{pairs_text(setup.requests)}\n" if setup.requests else ""]
    parts.append(_CALENDAR_COMMENT)
    parts += [_calendar(calendar) for calendar in setup.calendars or ()]
    if setup.calendars is not None and not setup.calendars:
        parts.append("[calendars]\n")
    if setup.retention is not None:
        kept = {name: days for name, days in msgspec.structs.asdict(setup.retention).items() if days is not None}
        parts += ["\n", _RETENTION_COMMENT, "[retention]\n", pairs_text(kept)]
    if setup.moderation is not None:
        looked = {name: value for name, value in msgspec.to_builtins(setup.moderation).items() if value}
        parts += ["\n", _MODERATION_COMMENT, "[moderation]\n", pairs_text(looked)]
    parts += ["\n", _TARGETS_COMMENT]
    for name, by_priority in tables.items():
        words = {
            word: _sla(by_priority[priority]) for word, priority in PRIORITY_WORDS.items() if priority in by_priority
        }
        parts.append(f"[targets.{key_text(name)}]\n{pairs_text(words)}")
    return "".join(parts)


def _calendar(calendar: Calendar) -> str:
    hours = {day: text for day, text in week_text(calendar.days).items() if text != "closed" or day == "daily"}
    holidays = {"holidays": list(calendar.holidays)} if calendar.holidays else {}
    return f"[calendars.{key_text(calendar.id)}]\n{pairs_text(hours | holidays)}"


def _sla(sla: Sla) -> dict[str, Any]:
    clocks = {"first_response": sla.first_response_s, "finish": sla.finish_s, "validation": sla.validation_s}
    fields: dict[str, Any] = {name: length_text(clock) for name, clock in clocks.items() if clock is not None}
    if sla.pauses_for:
        fields["pauses_for"] = [each.value for each in sla.pauses_for]
    return fields | ({"calendar": sla.calendar} if sla.calendar else {})


def _targets(services: Iterable[Service]) -> tuple[list[str], dict[str, dict[str, Sla]]]:
    """For each service the name of its targets, and the targets by name: each kind of them once."""
    found: dict[bytes, str] = {}
    tables: dict[str, dict[str, Sla]] = {}
    names = []
    for service in services:
        if not service.sla:
            names.append("")
            continue
        key = msgspec.json.encode(service.sla, order="sorted")
        if key not in found:
            found[key] = "standard" if not found else f"targets-{len(found) + 1}"
            tables[found[key]] = service.sla
        names.append(found[key])
    return names, tables


# Tables


def _in_languages(
    file: str,
    columns: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    records: Sequence[Agency | Service],
    comment: str,
) -> str:
    """A table with a column more for each field and language in which any of the records has it."""
    of_field = [(field, [getattr(one, f"{field}s") for one in records]) for field in TRANSLATED[file]]
    more = [(f"{field}:{tag}", names, tag) for field, names in of_field for tag in sorted({*chain(*names)})]
    wide = [(*row, *(names[at].get(tag, "") for _, names, tag in more)) for at, row in enumerate(rows)]
    return write_table((*columns, *(name for name, _, _ in more)), wide, comment)


def _agency(agency: Agency) -> tuple[str, ...]:
    return agency.code, agency.name


def _service(service: Service, targets: str) -> tuple[str, ...]:
    return (
        service.code,
        service.name,
        service.group,
        service.glyph,
        str(service.priority),
        service.agency or "",
        join_list(service.skills),
        targets,
        "yes" if service.proof else "no",
        service.keywords,
        "yes" if service.confidential else "",
    )


def _unit(unit: UnitRecord) -> tuple[str, ...]:
    return (
        unit.id,
        unit.code if unit.code != unit.id else "",
        unit.name,
        unit.agency or "",
        join_list(unit.areas),
        join_list(unit.skills),
        unit.shift or "",
        unit.contact,
        "" if unit.lat is None else str(unit.lat),
        "" if unit.lon is None else str(unit.lon),
    )


def _user(user: UserRecord) -> tuple[str, ...]:
    return user.name, user.role, join_list(user.areas), join_list(user.agencies)


def _service_comment() -> str:
    return f"""\
What can be reported. group joins services whose reports may be the same matter. symbol: {", ".join(glyphs())}.
priority: 1 (life and safety) to 4. skills: what a unit needs, several with | between them. targets: those of city.toml.
proof: whether a photo of the work is needed. confidential (yes): no public list, map or page tells of its reports.
name:nl, group:nl: the name and group in another language, a column for each.
A service that is taken out is retired: reports keep it."""


# Areas


def _areas(areas: Iterable[Area]) -> str:
    """GeoJSON with one feature a line, so that two states of a city can be compared line by line."""
    lines = ",\n".join(json.dumps(_feature(area), ensure_ascii=False) for area in areas)
    return f'{{"type": "FeatureCollection", "features": [\n{lines}\n]}}\n'


def _feature(area: Area) -> dict[str, Any]:
    fields = {
        "code": area.code,
        "name": area.name,
        "level": area.level,
        "parent": area.parent,
        "lat": area.lat,
        "lon": area.lon,
        "approximate": area.approximate or None,
        "valid_from": area.valid_from.isoformat() if area.valid_from else None,
        "valid_to": area.valid_to.isoformat() if area.valid_to else None,
    }
    properties = {name: value for name, value in fields.items() if value is not None}
    return {"type": "Feature", "properties": properties, "geometry": area.geometry}


# Texts and questions


def _entries(texts: Iterable[str], examples: Iterable[str]) -> str:
    """All entries of a file; where there are none an example behind `#`: nobody can guess how one is written."""
    return "".join(texts) or indent(next(iter(examples), ""), "# ")


def _template(template: Template) -> str:
    fields: dict[str, Any] = {"id": template.id, "kind": template.kind, "text": template.text}
    fields |= {"service": template.service} if template.service else {}
    return f"\n[[template]]\n{pairs_text(fields | ({'texts': template.texts} if template.texts else {}))}"


def _limit(limit: Limit) -> str:
    return f"\n[[limit]]\n{pairs_text(msgspec.structs.asdict(limit))}"


def _run_card(card: RunCard) -> str:
    """A card with a line for each step."""
    fields = msgspec.structs.asdict(card)
    steps = "".join(f"  {value_text(step)},\n" for step in fields.pop("steps"))
    said = {name: value for name, value in fields.items() if value != () and (name, value) != ("crews", 1)}
    return f"\n[[card]]\n{pairs_text(said)}steps = [\n{steps}]\n"


def _questions(services: Iterable[Service]) -> str:
    parts = [_QUESTION_COMMENT]
    for service in services:
        for attribute in service.attributes:
            fields: dict[str, Any] = {
                "service": service.code,
                "code": attribute.code,
                "description": attribute.description,
                "datatype": attribute.datatype.value,
            }
            fields |= {"required": True} if attribute.required else {}
            fields |= {} if attribute.variable else {"variable": False}
            fields |= {"order": attribute.order} if attribute.order else {}
            fields |= {"datatype_description": attribute.datatype_description} if attribute.datatype_description else {}
            fields |= {"values": {each.key: each.name for each in attribute.values}} if attribute.values else {}
            fields |= {"descriptions": attribute.descriptions} if attribute.descriptions else {}
            hints = attribute.datatype_descriptions
            fields |= {"datatype_descriptions": hints} if hints else {}
            names_of = {each.key: each.names for each in attribute.values if each.names}
            fields |= {"value_names": names_of} if names_of else {}
            parts.append(f"\n[[question]]\n{pairs_text(fields)}")
    return "".join(parts)


_SQUARE = [[11.32, 50.97], [11.34, 50.97], [11.34, 50.99], [11.32, 50.99], [11.32, 50.97]]
_STANDARD = dict(USUAL_TARGETS)
_STARTER = CitySetup(
    "Exampleville",
    "Europe/Berlin",
    (
        Calendar("office", "Europe/Berlin", ((450, 960),) * 5 + (None, None), ("2026-12-25",)),
        Calendar("day", "Europe/Berlin", ((420, 1140),) * 7),
        Calendar("night", "Europe/Berlin", ((1140, 1860),) * 7),
    ),
    (Agency("works", "Public works"), Agency("fire", "Fire brigade")),
    (
        Service(
            "flood", "Flood", "water", "flood", 2, "works", ("pump",), _STANDARD, keywords="water ponding",
            attributes=(
                ServiceAttribute(
                    "depth", "How deep is the water?", Datatype.SINGLEVALUELIST, order=1,
                    values=(AttributeValue("ankle", "Ankle deep"), AttributeValue("knee", "Knee deep")),
                ),
            ),
        ),
        Service("pothole", "Pothole", "road", "road", 3, "works", ("asphalt",), _STANDARD, keywords="road hole"),
        Service("fire", "Fire", "fire", "fire", 1, "fire", (), _STANDARD, proof=False, keywords="smoke"),
    ),
    (
        Area("city", "Exampleville", 1, lat=50.98, lon=11.33),
        Area("w1", "First ward", 3, "city", 50.98, 11.33, {"type": "Polygon", "coordinates": [_SQUARE]}),
    ),
    (
        UnitRecord("u1", "U1", "Pump crew", "works", ("city",), ("pump",), "day", "radio 1", 50.98, 11.33),
        UnitRecord("u2", "U2", "Road crew", "works", (), ("asphalt", "pump"), None, "radio 2", 50.981, 11.331),
    ),
    (
        Template("reply-thanks", "reply", "Thank you: your report is here and somebody looks at it."),
        Template("done-repaired", "disposition", "Repaired"),
        Template("close-duplicate", "duplicate", "Duplicate"),
        Template("return-undone", "return", "The work is not finished"),
        Template("hold-weather", "hold", "Waiting for the rain to stop"),
    ),
    (Limit("flood", "Flood spreads", "cat=flood", 10, 60, 2),),
    (UserRecord("chief", "supervisor"), UserRecord("rina", "operator"), UserRecord("u1", "field")),
    run_cards=(
        RunCard(
            "flood", "Flood with people in danger",
            ("Ask: is anybody in the water?", "Tell the power company before the pump crew goes in"),
            services=("flood",), priorities=(1,), crews=2,
        ),
    ),
)  # fmt: skip
"""What `sigap city init` writes."""
