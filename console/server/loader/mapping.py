"""Reads a mapping file: a layout of its own making, told by the person who loads."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from console.domain.status import Status
from console.server.loader.dialect import Dialect
from console.server.loader.raw import FIELDS
from console.server.loader.result import LoadError


def read_mapping(path: Path) -> Dialect:
    """A dialect from a mapping file (TOML, or JSON by its suffix).

    Tables: `columns` {our field: heading or list of headings}, `statuses` {the city's word: ours}, `services` {the
    city's word: service code}; keys: name, day_first, timezone, delimiter, encoding. Raises LoadError.
    """
    try:
        text = path.read_text("utf-8-sig")
        table: Any = json.loads(text) if path.suffix.casefold() == ".json" else tomllib.loads(text)
    except OSError as fault:
        raise LoadError(f"The mapping file {path} cannot be read: {fault.strerror or fault}.") from fault
    except ValueError as fault:
        raise LoadError(f"The mapping file {path} cannot be understood: {fault}.") from fault
    if not isinstance(table, dict) or not isinstance(table.get("columns"), dict):
        raise LoadError(f"The mapping file {path} has no table named columns.")
    columns: dict[str, tuple[str, ...]] = {}
    for name, wanted in table["columns"].items():
        if name not in FIELDS:
            raise LoadError(f"The mapping file {path} maps {name!r}, which is not one of: {', '.join(FIELDS)}.")
        columns[name] = tuple(map(str, wanted)) if isinstance(wanted, list) else (str(wanted),)
    statuses: dict[str, Status] = {}
    for word, ours in _table(table, "statuses", path).items():
        try:
            statuses[word.strip().casefold()] = Status(str(ours))
        except ValueError as fault:
            raise LoadError(
                f"The mapping file {path} maps the status {word!r} to {ours!r}, which is not one of: "
                f"{', '.join(Status)}."
            ) from fault
    day_first = table.get("day_first")
    return Dialect(
        str(table.get("name", f"mapping {path.name}")),
        columns,
        statuses=statuses,
        services={word.strip().casefold(): str(code) for word, code in _table(table, "services", path).items()},
        day_first=day_first if isinstance(day_first, bool) else None,
        timezone=_text(table, "timezone"),
        delimiter=_text(table, "delimiter"),
        encoding=_text(table, "encoding"),
    )


def _table(table: dict[str, Any], name: str, path: Path) -> dict[str, Any]:
    inner = table.get(name, {})
    if not isinstance(inner, dict):
        raise LoadError(f"The mapping file {path} has {name}, but it is not a table.")
    return inner


def _text(table: dict[str, Any], name: str) -> str | None:
    value = table.get(name)
    return str(value) if value is not None else None
