"""Options of `sigap serve` from a file and the environment: what the command line does not say, they may."""

from __future__ import annotations

import argparse
import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from console.server.toml_text import read_toml

PREFIX = "SIGAP_SERVE_"
_MOST_BYTES = 1_000_000
_YES, _NO = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})
_NEVER = frozenset({"--help", "--config"})


class ConfigFault(Exception):
    """A setting that cannot be taken; the sentence says which and where."""


def put_defaults(parser: argparse.ArgumentParser, file: Path | None, environment: Mapping[str, str]) -> None:
    """Make what a configuration file and the environment say the defaults of a command, whose options they name.

    The environment wins over the file. Raises ConfigFault for an unknown name, for a value that does not fit, and for
    two answers to one question.
    """
    options = {
        name[2:]: action
        for action in parser._actions  # noqa: SLF001 - argparse has no other way to ask what there is
        for name in action.option_strings
        if name.startswith("--") and name not in _NEVER
    }
    said: dict[str, Any] = {}
    if file is not None:
        said = _layer(options, {(name, f"{name} in {file}"): value for name, value in _read(file).items()})
    of_us = {name: value for name, value in environment.items() if name.startswith(PREFIX)}
    named = {(name[len(PREFIX) :].lower().replace("_", "-"), name): value for name, value in of_us.items()}
    said |= _layer(options, named)
    for action in options.values():
        if action.dest in said:
            action.default = said.pop(action.dest)  # of several options for one thing the first one has the default


def _read(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise ConfigFault(f"{file} is too large for a configuration file.")
        return read_toml(file.read_text(encoding="utf-8"))
    except OSError as fault:
        raise ConfigFault(f"{file} cannot be read: {fault.strerror}.") from fault
    except ValueError as fault:
        raise ConfigFault(f"{file} is no configuration file: {fault}.") from fault


def _layer(options: Mapping[str, argparse.Action], said: Mapping[tuple[str, str], Any]) -> dict[str, Any]:
    """The values of one file or of the environment, by the names that they have in the program."""
    values: dict[str, Any] = {}
    by: dict[str, str] = {}
    for (name, where), value in said.items():
        # protects: unknown-settings-are-refused
        if name not in options:
            near = difflib.get_close_matches(name, options, 1)
            raise ConfigFault(f"There is no setting {where}.{f' Is “{near[0]}” meant?' if near else ''}")
        action = options[name]
        found = _value(action, value, where)
        if action.nargs == 0 and not found:
            found = values.get(action.dest, action.default)
        elif action.dest in by:
            raise ConfigFault(f"{by[action.dest]} and {where} are two answers to one question.")
        else:
            by[action.dest] = where
        values[action.dest] = found
    return values


def _value(action: argparse.Action, value: Any, where: str) -> Any:
    """What the option would have made of it on the command line."""
    if action.nargs == 0:  # a switch
        return action.const if _switch(value, where) else None
    if action.nargs == "?" and str(value).lower() in ("true", "false"):
        return action.const if _switch(value, where) else action.default
    if isinstance(action.default, list):
        each = value if isinstance(value, list) else str(value).split(os.pathsep)
        return [_converted(action, one, where) for one in each]
    return _converted(action, value, where)


def _switch(value: Any, where: str) -> bool:
    word = str(value).lower()
    if word not in _YES | _NO:
        raise ConfigFault(f"{where} is either true or false.")
    return word in _YES


def _converted(action: argparse.Action, value: Any, where: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ConfigFault(f"{where} has to be a text or a number.")
    try:
        made = action.type(str(value)) if callable(action.type) else str(value)
    except (ValueError, argparse.ArgumentTypeError) as fault:
        reason = str(fault) if isinstance(fault, argparse.ArgumentTypeError) else f"“{value}” does not fit"
        raise ConfigFault(f"{where}: {reason}.") from fault
    if action.choices is not None and made not in action.choices:
        raise ConfigFault(f"{where} is one of {', '.join(action.choices)}.")
    return made


def first_line(text: str) -> str:
    """The first line of the file of this name, such as one that a secret was put into; ArgumentTypeError if none."""
    try:
        line = Path(text).read_text(encoding="utf-8").partition("\n")[0].strip()
    except (OSError, ValueError) as fault:
        raise argparse.ArgumentTypeError(f"{text} cannot be read") from fault
    if not line:
        raise argparse.ArgumentTypeError(f"the first line of {text} is empty")
    return line
