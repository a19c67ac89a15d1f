"""What a right click on a report or a unit offers: the actions that can be used on it now, with their keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from console.actions import BY_ID, Situation
from console.presenters.caps import key_of
from widgets.menu import MenuRow

_REPORT = (
    ("take", "release", "dispatch", "recommend", "assign", "recall", "told", "wanted", "settle"),
    ("validate", "submit", "hold", "priority", "category", "place", "transfer", "merge", "unmerge", "close", "reopen"),
    ("note", "reply", "photo", "contact"),
    ("go_to", "copy", "copy_number", "copy_place", "copy_link"),
)
_UNIT = (("en_route", "on_scene", "done"), ("available", "break", "unavailable"), ("copy_unit",))


def report_menu(now: Situation, tr: Callable[[str], str]) -> list[MenuRow]:
    """The entries for the chosen report."""
    return _menu(_REPORT, now, tr)


def unit_menu(now: Situation, tr: Callable[[str], str]) -> list[MenuRow]:
    """The entries for the chosen unit."""
    return _menu(_UNIT, now, tr)


def place_menu(now: Situation, tr: Callable[[str], str]) -> list[MenuRow]:
    """The entries for a place of the map where no report and no unit is."""
    return [
        MenuRow("copy", tr("Copy the coordinates of this place")),
        *([MenuRow("new_report", tr("New report here"), key_of("new_report"))] if _may_report(now) else []),
        MenuRow(""),
        MenuRow("fit", tr("Auto-fit"), "*"),
        MenuRow("home", tr("The whole city"), "0"),
    ]


def _may_report(now: Situation) -> bool:
    return not BY_ID["new_report"].why_not(now)


def _menu(groups: Sequence[Sequence[str]], now: Situation, tr: Callable[[str], str]) -> list[MenuRow]:
    rows: list[MenuRow] = []
    for group in groups:
        usable = [BY_ID[action] for action in group if not BY_ID[action].why_not(now)]
        if usable and rows:
            rows.append(MenuRow(""))
        rows += [MenuRow(one.id, tr(one.text), key_of(one.id)) for one in usable]
    return rows
