"""Put an exception into the operator's words, in one place: what is so, and what can be done."""

from __future__ import annotations

import errno
import logging
import sys

from console.extras import missing_extra
from console.files import errors as store
from console.paths import BadProfileName, NoSuchProfile
from console.rules.edit import ReadingOnly
from console.settings import SettingsDamaged, TokenFileRefused

_log = logging.getLogger(__name__)

DEFECT, USAGE, CANNOT_REACH, LOCAL = 1, 2, 3, 4
"""The exit codes of a defect of ours, of a command that makes no sense, of a server that cannot be reached or refused,
and of local trouble."""


def describe(error: BaseException) -> str:
    """One sentence for the screen. An unknown exception is our defect and is called so."""
    if isinstance(
        error, (store.StoreError, SettingsDamaged, TokenFileRefused, BadProfileName, NoSuchProfile, ReadingOnly)
    ):
        return str(error)
    if isinstance(error, OSError):
        return _describe_os(error)
    if extra := missing_extra(error):
        return f"This needs the part “{extra}” of Sigap, which is not installed: pip install 'sigap[{extra}]'."
    return f"Something in Sigap went wrong ({type(error).__name__}). It is written in the log."


def warn(words: str) -> None:
    """Say on the command line, and in the log, what the operator has to know though the program goes on."""
    _log.warning("%s", words)
    sys.stderr.write(f"sigap: {words}\n")


def exit_code(error: BaseException) -> int:
    """The exit code that goes with an exception."""
    if isinstance(error, BadProfileName):
        return USAGE
    if isinstance(error, (store.StoreError, SettingsDamaged, TokenFileRefused, NoSuchProfile, OSError)):
        return LOCAL
    if missing_extra(error):
        return LOCAL
    return DEFECT


def _describe_os(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full{where}. Nothing was lost; make room and try again."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"Sigap may not write here{where}."
    return f"The computer answered: {error.strerror or error}{where}."
