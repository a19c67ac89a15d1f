"""Write the program's log to one rotating file a profile; no citizen's name, no token ever goes there."""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import logging.handlers
import math
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from typing_extensions import override

_SECRET = re.compile(r"(?i)(bearer\s+|token[=: ]+|api_key=)\S+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\u2028\u2029]")


class CleanFormatter(logging.Formatter):
    """One line a record: secrets are masked, and a text from outside cannot begin a line of its own."""

    @override
    def formatMessage(self, record: logging.LogRecord) -> str:
        return _CONTROL.sub("\u2423", _masked(super().formatMessage(record)))

    @override
    def formatException(self, ei: Any) -> str:
        return _masked(super().formatException(ei))


def _utc(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return f"{at.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def _masked(text: str) -> str:
    # protects: tokens-are-masked
    return _SECRET.sub(r"\1***", text)


class UtcFormatter(CleanFormatter):
    """One line a record, with the time in UTC."""

    @override
    def formatTime(self, record: logging.LogRecord, _datefmt: str | None = None) -> str:
        return _utc(record)


class JsonFormatter(CleanFormatter):
    """One JSON object a record, for programs that gather logs: time in UTC, level, logger, message, request id."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        told = {
            "time": _utc(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _masked(record.getMessage()),
        }
        if request_id := getattr(record, "request_id", ""):
            told["request_id"] = request_id
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told)


class CalmHandler(logging.Handler):
    """Writes to standard error, and of what is said again and again the first few of a minute: then how often it was.

    Messages are the same when their logger, level and words are, whatever is filled into them.
    """

    most_a_minute = 10

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._told: dict[tuple[str, int, str], tuple[float, int]] = {}
        """Of each message when its minute began, and how often it was said since."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        now = self._clock()
        self.tell_rest(now)
        key = (record.name, record.levelno, str(record.msg)[:_MOST_KEY])
        if key not in self._told and len(self._told) >= _MOST_MESSAGES:
            self.tell_rest(now + _MINUTE_S)
        began, count = self._told.get(key, (now, 0))
        self._told[key] = began, count + 1
        # protects: a-flood-of-one-message-is-counted
        if count < self.most_a_minute:
            self._write(record)

    def tell_rest(self, now: float) -> None:
        """Say of each message whose minute is over how often it was not written, and forget it."""
        for key, (began, count) in tuple(self._told.items()):
            if now - began < _MINUTE_S:
                continue
            del self._told[key]
            if (more := count - self.most_a_minute) > 0:
                name, level, words = key
                rest = logging.LogRecord(
                    name, level, "", 0, "“%s” … %d times more in the last minute", (words, more), None
                )
                self._write(rest)

    def _write(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(f"{self.format(record)}\n")
            sys.stderr.flush()
        except Exception:
            self.handleError(record)


def _tell_rest_of(handler: CalmHandler) -> None:
    while True:
        time.sleep(_MINUTE_S / 6)
        with handler.lock or contextlib.nullcontext():
            handler.tell_rest(time.monotonic())


_MINUTE_S = 60.0
_MOST_MESSAGES, _MOST_KEY = 500, 300
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_LEVEL = "SIGAP_LOG"
"""The environment variable that makes the log more (debug) or less (warning) talkative."""
_BEGAN_S = time.monotonic()


def since_start_s() -> float:
    """Seconds since this process began."""
    return time.monotonic() - _BEGAN_S


def wanted_level() -> int:
    """The level that SIGAP_LOG names, else INFO."""
    return logging.getLevelNamesMapping().get(os.environ.get(_LEVEL, "").upper(), logging.INFO)


def log_to_stderr() -> None:
    """For the sync process, which has no file of its own: say on standard error what SIGAP_LOG asks for, if it does."""
    if _LEVEL in os.environ:
        handler = logging.StreamHandler()
        handler.setFormatter(CleanFormatter(_FORMAT))
        logging.basicConfig(level=wanted_level(), handlers=[handler], force=True)


def log_server(kind: str, request_id: Callable[[], str]) -> None:
    """For a server: say warnings and worse (or what SIGAP_LOG asks for) on standard error, as "text" or "json"."""
    handler = CalmHandler()
    lines = UtcFormatter(f"{_FORMAT}%(request)s", defaults={"request": ""})
    formatter = JsonFormatter() if kind == "json" else lines
    handler.setFormatter(formatter)

    def identify(record: logging.LogRecord) -> bool:
        found = request_id()
        vars(record).update({"request_id": found, "request": f" (request {found})" if found else ""})
        return True

    handler.addFilter(identify)
    level = wanted_level() if _LEVEL in os.environ else logging.WARNING
    logging.basicConfig(level=level, handlers=[handler], force=True)
    threading.Thread(target=_tell_rest_of, args=(handler,), name="log", daemon=True).start()
    atexit.register(handler.tell_rest, math.inf)


def start_logging(file: Path) -> None:
    """Log to `file` (1 MB, three old ones kept, mode 0600) from now on, at `wanted_level`."""
    handler = logging.handlers.RotatingFileHandler(
        file, maxBytes=1_000_000, backupCount=3, encoding="utf-8", delay=True
    )
    file.touch(mode=0o600, exist_ok=True)
    handler.setFormatter(CleanFormatter(_FORMAT))
    logging.basicConfig(level=wanted_level(), handlers=[handler], force=True)


def describe_exception(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """For `sys.excepthook`: our own defects are logged with their traceback."""
    logging.getLogger("sigap").critical("unhandled", exc_info=(kind, error, trace))
    sys.__excepthook__(kind, error, trace)
