"""The key of an action, out of the table, wherever a panel or a banner shows it."""

from __future__ import annotations

from functools import lru_cache

from console.actions import BY_ID, UNIT_STEPS, Action, Situation
from widgets.keys import key_text


def key_of(action_id: str) -> str:
    """The first key of an action as Qt spells it (`Ctrl+7`), "" when it has none."""
    return next(iter(BY_ID[action_id].keys), "")


def cap_of(action_id: str) -> str:
    """The same as a key cap shows it (`Ctrl 7`)."""
    return key_text(key_of(action_id)) if key_of(action_id) else ""


@lru_cache(maxsize=256)
def action_on(cap: str) -> Action | None:
    """The action whose key a cap shows, None when it is no action's. Asked for each cap that is drawn or looked at."""
    return next((one for one in BY_ID.values() if any(key_text(key) == cap for key in one.keys)), None)


def is_usable(cap: str, now: Situation, panel: str = "") -> bool | None:
    """Whether the key of a cap in a panel does now what stands beside it; None when it is no action's.

    The steps of a crew that a report shows are that report's crew's: not while they mean the chosen unit elsewhere.
    """
    action = action_on(cap)
    if action is None:
        return None
    if now.other_unit and panel != "units" and action.id in UNIT_STEPS:
        return False
    return not action.why_not(now)
