"""Write the program's log to one rotating file a profile; no citizen's name, no token ever goes there."""

from __future__ import annotations

import logging
import logging.handlers
import os
import re
import sys
import time
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


def _masked(text: str) -> str:
    # protects: tokens-are-masked
    return _SECRET.sub(r"\1***", text)


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
