"""An action of the window as one row, and the table of them that palette, keys, menus and command line read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, Literal, TypeVar, get_args

import msgspec

from api_client.model import Kind
from console.panels.action_rules import NEW_ONLY, POINTING, Situation, always, why_not_allowed
from console.panels.typed_command import TypedCommand
from widgets.keys import key_text

Group = Literal["Report", "Units", "Queue", "Map", "Window", "Demo"]
GROUPS: tuple[Group, ...] = get_args(Group)
"""The order of actions in the palette and in the list of keys: what concerns the report first."""
Rule = Callable[[Situation], str]
"""Returns why the action cannot be used now, or "" when it can."""
R = TypeVar("R")
"""The receivers: the objects that actions are carried out by, as whoever builds the table names them."""


class CommandSyntax(msgspec.Struct, Generic[R], frozen=True):
    """What may follow an action's verb in the command line, and what the line says of it; English source text."""

    do: Callable[[R, TypedCommand], bool] | None = None
    """Carries it out with the unit or the words that were typed; False when that cannot be, and why is said."""
    unit: Literal["none", "optional", "required"] = "none"
    of_report: bool = False
    """The unit has to be one of the report's own city, as the report is what it is done to."""
    words: Literal["none", "written", "value"] = "none"
    """`written` are the operator's own, which nothing else has: they are kept as a draft until they are saved."""
    values: tuple[str, ...] = ()
    """All that may stand there for a `value`."""
    not_a_value: str = ""
    """What is said of anything else, {words}."""
    says: str = ""
    """What will be done, with {unit} and {words}; "" for the action's text before its first comma."""
    says_alone: str = ""
    """The same when no words were typed, where that says more than `says`."""
    target: str = "{target}"
    """To what: {target} is the report's number or its title. Words that were typed follow."""
    tells_other_work: bool = False
    """What else the unit has to do stands behind it."""


class MenuPlace(msgspec.Struct, frozen=True, order=True):
    """Where an action stands in a context menu: which menu, which section of it, and its place there."""

    menu: Literal["report", "unit"]
    section: int
    at: int


class Action(msgspec.Struct, Generic[R], frozen=True):
    """One row. `text` is English source text; `group` heads the list of keys."""

    id: str
    text: str
    keys: tuple[str, ...]
    group: Group
    do: Callable[[R], object]
    """Carries it out; asked only when `why_not` has nothing against it."""
    when: Rule = always
    """When it may be used, beside what the operator's role and area allow."""
    makes: Kind | None = None
    """The kind of edit that it appends; None where it changes only the window."""
    words: str = ""
    """Further words it is found by in the palette; English source text."""
    button: str = ""
    """What a button of the report panel calls it, with {unit}; "" for its `text`. English source text."""
    verbs: tuple[str, ...] = ()
    """What the command line calls it."""
    syntax: CommandSyntax[R] = CommandSyntax()
    menus: tuple[MenuPlace, ...] = ()
    at_once: bool = False
    """Its key does it, and nothing more is asked."""
    asks: bool = False
    """It opens a form, and more is typed behind its key."""
    of_unit: bool = False
    """What a crew did: in the units panel the chosen unit, elsewhere the one that leads on the chosen report."""
    over_forms: Literal["no", "stays", "leaves"] = "no"
    """Whether its key works while a form has the keyboard, as notices and the status bar name it; with `leaves` the
    keyboard is the window's then, as another report is shown, and the form stays open beside it."""
    still_of_form: str = ""
    """What is said when its key, which forms are left with too, was struck once more as one went; English
    source text.
    """
    repeats: bool = False
    """A key that is held down goes on doing it."""
    refuse: Callable[[R], bool] | None = None
    """Asked first: True when it cannot be done for a reason that `when` does not know, and that has been said."""

    def why_not(self, situation: Situation) -> str:
        """Why it cannot be used now, "" when it can: what is wrong with the report comes before what the role lacks."""
        if situation.pointing and self._waits_for_point:
            return POINTING
        return self.when(situation) or self._why_not_allowed(situation)

    @property
    def label(self) -> str:
        """What a button calls it, with {unit}; English source text."""
        return self.button or self.text

    @property
    def _waits_for_point(self) -> bool:
        """Whether the action is refused while a form asks for a place on the map: it changes a report, or its key is a
        letter, which then is typed for the form.
        """
        return self.makes not in (None, Kind.ALARM) or any(_is_letter(key) for key in self.keys)

    def _why_not_allowed(self, situation: Situation) -> str:
        if self.makes is None:
            return ""
        if why := why_not_allowed(situation.role, self.makes):
            return why
        if self.makes is Kind.UNIT_STATE:
            return "The unit is outside your areas and agencies" if situation.unit_outside else ""
        # Of whichever report, or none: what is not his is said when it is done.
        if self.makes in (Kind.ALARM, Kind.LOG):
            return ""
        # At a place or to a unit, and not on the report: its server says whether that is his.
        if self.makes in (Kind.CLOSURE, Kind.MESSAGE):
            return NEW_ONLY if situation.new_only else ""
        is_on_report = self.makes is not Kind.CREATE
        # protects: new-reports-only-is-said-before
        if situation.new_only and is_on_report and not (self.of_unit and situation.other_unit):
            return NEW_ONLY
        return "The report is outside your areas and agencies" if situation.outside and is_on_report else ""


def _is_letter(key: str) -> bool:
    return len(letter := key.removeprefix("Shift+")) == 1 and letter.isalpha()


class Actions(Generic[R]):
    """The table: every action once, found by its id, its key or its verb. Never changed after it was made."""

    def __init__(self, rows: Iterable[Action[R]]) -> None:
        """Raises ValueError where two rows have one id, key or verb."""
        self._rows = tuple(rows)
        self._by_id = _index((row.id, row) for row in self._rows)
        self._by_key = _index((key, row) for row in self._rows for key in row.keys)
        self._by_cap = {key_text(key): row for key, row in self._by_key.items()}
        self._by_verb = _index((verb, row) for row in self._rows for verb in row.verbs)
        self.grouped = tuple(sorted(self._rows, key=lambda row: GROUPS.index(row.group)))
        """All rows in the order of the palette and of the list of keys."""

    def __iter__(self) -> Iterator[Action[R]]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, action_id: str) -> bool:
        return action_id in self._by_id

    def __getitem__(self, action_id: str) -> Action[R]:
        return self._by_id[action_id]

    def with_key(self, key: str) -> Action[R] | None:
        """The action of a key as Qt spells it (`Ctrl+7`), None when it is no action's."""
        return self._by_key.get(key)

    def with_cap(self, cap: str) -> Action[R] | None:
        """The action of a key as a key cap shows it (`Ctrl 7`). Asked for each cap that is drawn or looked at."""
        return self._by_cap.get(cap)

    def with_verb(self, verb: str) -> Action[R] | None:
        """What the command line means by a word, None when it is no verb."""
        return self._by_verb.get(verb.casefold())

    def key(self, action_id: str) -> str:
        """The first key of an action as Qt spells it (`Ctrl+7`), "" when it has none."""
        return next(iter(self[action_id].keys), "")

    def cap(self, action_id: str) -> str:
        """The same as a key cap shows it (`Ctrl 7`)."""
        return key_text(key) if (key := self.key(action_id)) else ""

    def menu(self, menu: Literal["report", "unit"]) -> list[list[Action[R]]]:
        """The sections of a context menu."""
        placed = sorted(
            ((place, row) for row in self._rows for place in row.menus if place.menu == menu), key=lambda one: one[0]
        )
        sections: dict[int, list[Action[R]]] = {}
        for place, row in placed:
            sections.setdefault(place.section, []).append(row)
        return list(sections.values())

    def is_usable(self, cap: str, situation: Situation, panel: str = "") -> bool | None:
        """Whether the key of a cap in a panel does now what stands beside it; None when it is no action's.

        The steps of a crew that a report shows are that report's crew's: not while they mean the chosen unit elsewhere.
        """
        action = self.with_cap(cap)
        if action is None:
            return None
        if situation.other_unit and panel != "units" and action.of_unit:
            return False
        return not action.why_not(situation)


def _index(pairs: Iterable[tuple[str, Action[R]]]) -> dict[str, Action[R]]:
    found: dict[str, Action[R]] = {}
    for name, row in pairs:
        if name in found:
            raise ValueError(f"{row.id} and {found[name].id} are both called {name!r}")
        found[name] = row
    return found
