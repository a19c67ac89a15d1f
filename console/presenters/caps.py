"""The key of an action, out of the table, wherever a panel or a banner shows it."""

from __future__ import annotations

from console.actions import BY_ID
from widgets.keys import key_text


def key_of(action_id: str) -> str:
    """The first key of an action as Qt spells it (`Ctrl+7`), "" when it has none."""
    return next(iter(BY_ID[action_id].keys), "")


def cap_of(action_id: str) -> str:
    """The same as a key cap shows it (`Ctrl 7`)."""
    return key_text(key_of(action_id)) if key_of(action_id) else ""
