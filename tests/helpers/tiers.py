"""Which tests are pure (no Qt, server, child process, browser or simulation), seen from what they and their fixtures
reach.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import subprocess
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

_OUTSIDE = (
    "PySide6",
    "pytestqt",
    "playwright",
    "uvicorn",
    "socket",
    "subprocess",
    "multiprocessing",
    "console.window.demo_server",
    "console.window.demo_streets",
    "console.window.screen",
    "console.images.process",
    "console.city_map.build_process",
    "tools.bench",
    "console.server.city.media",
    "console.server.city.photo_process",
    "console.commands.run",
    "console.commands.doctor",
    "console.sound.probe",
    "console.sync.process",
    "console.window.sync_supervisor",
    # what plays the hours of a city or the lives of an outbox, for seconds
    "console.server.demo.fill",
    "console.server.demo.living",
    "console.server.demo.stories",
    "console.server.demo.streets",
    "tests.helpers.outbox_simulation",
)
_WITHIN = tuple(f"{module}." for module in _OUTSIDE)
_FIXTURES = {"city_data", "postgres"}
_POSTGRESQL = "postgresql"  # the parameter of the fixture `database_url`


def is_pure(item: pytest.Item) -> bool:
    """Whether a test runs in this process alone, on files of its own, as far as the sources of it and its fixtures
    tell.
    """
    if not isinstance(item, pytest.Function) or _FIXTURES & set(item.fixturenames):
        return False
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    if any(each == _POSTGRESQL for each in parameters if isinstance(each, str)):
        return False
    fixtures = (each.func for defined in item._fixtureinfo.name2fixturedefs.values() for each in defined)
    return not any(_leads_outside(inspect.unwrap(each)) for each in (item.function, *fixtures))


def stay_pure(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on starting a process fails the test, as it is in the wrong tier."""

    def refuse(*_: Any, **__: Any) -> None:
        pytest.fail("A test taken for pure starts a process: let tests/helpers/tiers.py know the module that does.")

    monkeypatch.setattr(subprocess.Popen, "__init__", refuse)


@functools.cache
def _leads_outside(start: Any) -> bool:
    """Whether a function of the tests reaches anything of _OUTSIDE, by way of other functions of the tests."""
    waiting, seen = [start], set[int]()
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        module = thing.__name__ if isinstance(thing, ModuleType) else str(getattr(thing, "__module__", None))
        if module.startswith(_OUTSIDE):
            return True
        if module.startswith("tests.") and module != __name__:
            waiting += [reached for function in _functions(thing) for reached in _reached(function)]
    return False


def _functions(thing: Any) -> Iterator[FunctionType]:
    """Itself, or those of a class or module."""
    if not isinstance(thing, type | ModuleType):
        plain = inspect.unwrap(thing) if callable(thing) else thing
        if isinstance(plain, FunctionType):
            yield plain
        return
    for each in vars(thing).values():
        plain = each.__func__ if isinstance(each, classmethod | staticmethod) else each
        plain = plain.fget if isinstance(plain, property) else plain
        if isinstance(plain, FunctionType):
            yield inspect.unwrap(plain)


def _reached(function: FunctionType) -> Iterator[Any]:
    """What the names in a function stand for: those of its module, and those that it imports itself."""
    places = [function.__globals__]
    for name in _names(function.__code__):
        outside = name in _OUTSIDE or name.startswith(_WITHIN)
        if outside or name.startswith("tests."):
            places.append(vars(importlib.import_module(name)))
            yield sys.modules[name] if outside else None
        for place in places:
            if name in place:
                yield place[name]


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _names(each)
