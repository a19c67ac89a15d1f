"""Write the program's log to one rotating file a profile; no citizen's name, no token ever goes there."""

from __future__ import annotations

import logging
import logging.handlers
import re
import sys
from pathlib import Path
from typing import Any

from typing_extensions import override

_SECRET = re.compile(r"(?i)(bearer\s+|token[=: ]+|api_key=)\S+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\u2028\u2029]")


class CleanFormatter(logging.Formatter):
    """One line a record: secrets are masked, and a text from outside cannot begin a line of its own."""

    @override
    def formatMessage(self, record: logging.LogRecord) -> str:
        return _CONTROL.sub("\u2423", _SECRET.sub(r"\1***", super().formatMessage(record)))


def start_logging(file: Path, level: int = logging.INFO) -> None:
    """Log to `file` (1 MB, three old ones kept, mode 0600) from now on."""
    handler = logging.handlers.RotatingFileHandler(
        file, maxBytes=1_000_000, backupCount=3, encoding="utf-8", delay=True
    )
    file.touch(mode=0o600, exist_ok=True)
    handler.setFormatter(CleanFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)


def describe_exception(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """For `sys.excepthook`: our own defects are logged with their traceback."""
    logging.getLogger("sigap").critical("unhandled", exc_info=(kind, error, trace))
    sys.__excepthook__(kind, error, trace)
