"""The key that a citizen's device chooses for a report: a secret of the reporter, which others see only as a hash."""

from __future__ import annotations

import hashlib
import re

REPORT_KEY = r"[0-9A-Za-z-]{32,64}"
"""A key that the sender chose and nobody can guess: a report sent again with it is the same, and whoever knows it is
its reporter.
"""
_WHOLE = re.compile(REPORT_KEY)
_REPORTER, _PHOTO = "citizen:", ".photo-"


def is_report_key(key: str) -> bool:
    """Whether a key is one that cannot be guessed."""
    return _WHOLE.fullmatch(key) is not None


def reporter_id(key: str) -> str:
    """The id of the CREATE edit of a report with this key, which every signed-in user may read.

    The key cannot be derived from it. Who knows the key can thereby prove to be the reporter.
    """
    return f"{_REPORTER}{hashlib.sha256(b'report key ' + key.encode()).hexdigest()}"


def photo_id(key: str, number: int) -> str:
    """The id of the edit that adds the reporter's photo of this number."""
    return f"{reporter_id(key)}{_PHOTO}{number}"


def without_key(edit: str) -> str:
    """The id of a citizen's edit as others may read it; before there were hashes, it held the key itself."""
    key, dot, number = edit.rpartition(_PHOTO)
    if dot and is_report_key(key):
        return f"{reporter_id(key)}{dot}{number}"
    return reporter_id(edit) if is_report_key(edit) else edit
