"""What a right click on a report or a unit offers: the actions that can be used on it now, with their keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from console.panels.action import Action, Actions
from console.panels.action_rules import Situation
from widgets.menu import MenuRow


def report_menu(actions: Actions[Any], situation: Situation, tr: Callable[[str], str]) -> list[MenuRow]:
    """The entries for the chosen report."""
    return _menu(actions.menu("report"), situation, tr)


def unit_menu(actions: Actions[Any], situation: Situation, tr: Callable[[str], str]) -> list[MenuRow]:
    """The entries for the chosen unit."""
    return _menu(actions.menu("unit"), situation, tr)


def place_menu(
    actions: Actions[Any],
    situation: Situation,
    tr: Callable[[str], str],
    address: str = "",
    closures: Sequence[tuple[str, str]] = (),
) -> list[MenuRow]:
    """The entries for a place of the map where no report and no unit is; `address` is what it is called, "" unknown.

    `closures` are the (key, name) of those that it lies in, which can be changed or ended here.
    """
    new_report = actions["new_report"]
    rows = [MenuRow("copy_address", tr("Copy “{address}”").format(address=address))] if address else []
    rows.append(MenuRow("copy", tr("Copy the coordinates of this place")))
    if not new_report.why_not(situation):
        rows.append(MenuRow("new_report", tr("New report here"), actions.key("new_report")))
    if not actions["close_street"].why_not(situation):
        rows += [MenuRow(""), MenuRow("close_street", tr("Close the street here, mark a flooded area …"))]
        rows.append(MenuRow("draw_area", tr("Draw a flooded or closed area …")))
        for key, name in closures:
            rows.append(MenuRow(f"change_closure {key}", tr("Change “{name}” …").format(name=name)))
            rows.append(MenuRow(f"end_closure {key}", tr("Open again: “{name}”").format(name=name)))
    return [*rows, MenuRow(""), MenuRow("fit", tr("Auto-fit"), "*"), MenuRow("home", tr("The whole city"), "0")]


def _menu(sections: Sequence[Sequence[Action[Any]]], situation: Situation, tr: Callable[[str], str]) -> list[MenuRow]:
    rows: list[MenuRow] = []
    for section in sections:
        usable = [action for action in section if not action.why_not(situation)]
        if usable and rows:
            rows.append(MenuRow(""))
        rows += [MenuRow(one.id, tr(one.text), next(iter(one.keys), "")) for one in usable]
    return rows
