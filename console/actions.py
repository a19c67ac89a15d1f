"""Every action of the console as one row of a table: id, words, keys, and when it may be used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import msgspec

from api_client.model import Kind, Status
from console.domain.rights import may_make, may_release
from console.domain.status import is_open

Group = Literal["Report", "Units", "Queue", "Map", "Window"]
GROUPS: tuple[Group, ...] = get_args(Group)
"""The order of commands in the palette and in the list of keys: what concerns the report first."""


class Situation(msgspec.Struct, frozen=True):
    """What decides which actions make sense now: the chosen report, the chosen unit, the operator and the link."""

    report: bool = False
    unread: bool = False
    """A report is chosen, and nothing is known of it yet."""
    left_behind: bool = False
    """The chosen report is of a list before the one that is shown, which does not hold it."""
    status: Status = Status.NEW
    holder: str | None = None
    me: str = ""
    role: str = ""
    """The operator's role at the server of the report, "" while that has not told it."""
    outside: bool = False
    """Whether the report lies outside the operator's areas and agencies."""
    on_hold: bool = False
    merged: bool = False
    has_place: bool = False
    lead_unit: str | None = None
    lead_state: str | None = None
    lead_stuck: bool = False
    """The crew that leads has said that it cannot go on, and no other is on the report."""
    lead_waits_for: str = ""
    """Whose order to it no server has yet, where that is another's, who is not here to send it; "" for nobody's."""
    advice: bool = False
    duplicate: bool = False
    needs_proof: bool = False
    proof_is_old: bool = False
    """There is an after photo, of a round of work before: what was returned proves nothing more."""
    crewless: bool = False
    """The chosen report counts as a P1 that no crew is on its way to: none was sent, has said so yet, or is there."""
    photos: bool = False
    unit: str | None = None
    unit_outside: bool = False
    unit_busy: bool = False
    """The unit keys mean the chosen unit, as its panel has the keyboard, and it has a job."""
    other_unit: bool = False
    """They do, and it is not the one that leads on the chosen report."""
    undo: str = ""
    undo_is_over: bool = False
    """What undo would have taken back was lost, or others have ended it."""
    not_sent: str = ""
    """The id of an order on the chosen report that has not left and of which the unit was not told."""
    expired: str = ""
    """The id of an order on the chosen report that outlived its time."""
    conflict: str = ""
    """The id of an own edit of the chosen report that met a conflict, or whose report was deleted at the server."""
    lost: str = ""
    unsent_report: str = ""
    unsent_may_be_sent: bool = False
    """The id of an own edit, on whatever report, that was lost and is in the notice."""
    radio_call: str = ""
    setback: bool = False
    """The id of an order, on whatever report, that is in the notice: its unit is to be told by radio."""
    writes: bool = True
    barred: str = ""
    """Why nothing may be written now, "" when it may."""
    filtered: bool = False
    numbered: bool = False
    """The chosen report has a number at its server."""
    listed: bool = True
    """Whether the queue has a report to go to."""
    pointing: bool = False
    """A place is asked for on the map: what is typed now is for the form that asks."""
    hazard: bool = False
    """A P1 waits for a crew, in this list or not."""
    doubted: bool = False
    """Reports are shown that a comparison did not find at their server."""
    may_believe: bool = True
    """The operator may say that they are not there any more."""


UNREAD = "The report has not been read yet"
POINTING = "A place is asked for on the map: point at it, or Esc leaves"
LEFT_BEHIND = "The report is not in this list"
Rule = Callable[[Situation], str]
"""Returns why the action cannot be used now, or "" when it can."""


class Action(msgspec.Struct, frozen=True):
    """One row. `text` is English source text; `group` heads the help sheet."""

    id: str
    text: str
    keys: tuple[str, ...]
    group: Group
    rule: Rule
    makes: Kind | None = None
    """The kind of edit that it appends; None where it changes only the window."""
    words: str = ""
    """Further words it is found by in the palette; English source text."""

    def why_not(self, now: Situation) -> str:
        """Why it cannot be used now, "" when it can: what is wrong with the report comes before what the role lacks."""
        if now.pointing and self._waits_for_point:
            return POINTING
        return self.rule(now) or self._why_not_allowed(now)

    @property
    def _waits_for_point(self) -> bool:
        """What the letters of an address that is typed on would do, and whatever else is done to a report."""
        return self.makes is not None or self.id == "undo" or any(_is_letter(key) for key in self.keys)

    def _why_not_allowed(self, now: Situation) -> str:
        if self.makes is None:
            return ""
        if why := why_not_allowed(now.role, self.makes):
            return why
        if self.makes is Kind.UNIT_STATE:
            return "The unit is outside your areas and agencies" if now.unit_outside else ""
        is_on_report = self.makes is not Kind.CREATE
        return "The report is outside your areas and agencies" if now.outside and is_on_report else ""


def _is_letter(key: str) -> bool:
    return len(letter := key.removeprefix("Shift+")) == 1 and letter.isalpha()


_MAY_NOT = {
    "viewer": "Your role is viewer: reading only",
    "validator": "A validator may not do this: an operator or a supervisor can",
    "field": "A crew may not do this: the control room can",
}


def why_not_allowed(role: str, kind: Kind) -> str:
    """Why a role may not make such an edit, and who may; "" when it may, or when the role is not known yet."""
    if not role or may_make(role, kind):
        return ""
    return _MAY_NOT.get(role, "Your role may not do this")


def always(_: Situation) -> str:
    """No condition."""
    return ""


def _report(now: Situation) -> str:
    if now.unread:
        return UNREAD
    return "" if now.report else "Choose a report first"


def _writes(now: Situation) -> str:
    if now.left_behind:
        return _report(now) or LEFT_BEHIND
    return _report(now) or now.barred or ("" if now.writes else "Nothing can be saved now")


def _open(now: Situation) -> str:
    return _writes(now) or ("" if is_open(now.status) else "The report is closed")


def _take(now: Situation) -> str:
    if now.holder in (None, now.me):
        return _open(now) or ("You have it already" if now.holder else "")
    if may_release(now.me, now.role, now.holder or ""):
        return _open(now) or "Another has taken it: release it first, then take it"
    return _open(now) or "Another has taken it: he or a supervisor can release it"


def _release(now: Situation) -> str:
    if now.holder is None:
        return _writes(now) or "Nobody has taken it"
    may = not now.role or may_release(now.me, now.role, now.holder)
    return _writes(now) or ("" if may else "Another has taken it: he or a supervisor can release it")


def _work(now: Situation) -> str:
    if now.status is Status.VALIDATION:
        return _open(now) or "The proof waits for validation"
    return _open(now)


def _dispatch(now: Situation) -> str:
    return _work(now) or ("" if now.advice else "No unit can be recommended")


def _dispatch_first(now: Situation) -> str:
    """A second crew is chosen among the recommended, not sent by the key that sends the first."""
    has_gone = now.lead_state == "done" and now.crewless
    if now.lead_state not in (None, "reserved") and not now.lead_stuck and not has_gone:
        return "A unit is on this report already: A, then a digit, sends another"
    return _dispatch(now)


def _new(now: Situation) -> str:
    return now.barred


def _unit_step(now: Situation) -> str:
    if now.unit_busy:
        return now.barred
    if not now.lead_unit:
        return "No unit is on this report"
    if now.lead_waits_for:
        return "The server does not have that order yet: give it in your name first"
    if now.lead_state == "done":
        return "The unit is done with this report"
    return LEFT_BEHIND if now.left_behind else now.barred


def _unit_chosen(now: Situation) -> str:
    return "" if now.unit else "Choose a unit first"


def _unit(now: Situation) -> str:
    return now.barred if now.unit else "Choose a unit first"


def _recall(now: Situation) -> str:
    return _open(now) or ("" if now.lead_unit else "No unit is on this report")


def _validate(now: Situation) -> str:
    return _writes(now) or ("" if now.status is Status.VALIDATION else "Nothing to validate: no proof is in")


def _to_validation(now: Situation) -> str:
    if now.status not in (Status.ASSIGNED, Status.PROGRESS):
        return _open(now) or "Work has not begun"
    if now.proof_is_old:
        return _writes(now) or "Needs a new after photo: what was returned proves nothing more"
    return _writes(now) or ("Needs an after photo" if now.needs_proof else "")


def _close(now: Situation) -> str:
    return _work(now)


def _reopen(now: Situation) -> str:
    return _writes(now) or ("The report is open" if is_open(now.status) else "")


def _told(now: Situation) -> str:
    return _report(now) or ("" if now.not_sent else "No order waits to be told by radio")


def _wanted(now: Situation) -> str:
    return _writes(now) or ("" if now.expired else "No order asks whether it is still wanted")


def _settle(now: Situation) -> str:
    return _writes(now) or ("" if now.conflict else "No conflict waits on this report")


def _lost(now: Situation) -> str:
    return "" if now.lost else "No order was lost"


def _noticed(now: Situation) -> str:
    return "" if now.radio_call or now.unsent_report or now.setback else _lost(now)


def _seen(now: Situation) -> str:
    if now.setback:
        return ""
    if now.unsent_report:
        return "Not only to be seen: no server knows it"
    return "Not only to be seen: it is given again or dropped" if now.lost else "Nothing in the notice to be seen"


def _drop(now: Situation) -> str:
    if now.unsent_report:
        return "What a colleague left is dropped in the outbox, where that is asked twice"
    return "It is only to be seen" if now.setback else _lost(now)


def _radio_call(now: Situation) -> str:
    return "" if now.radio_call else "No unit in the notice is to be told by radio"


def _give_again(now: Situation) -> str:
    if now.unsent_report:
        return "" if now.unsent_may_be_sent else "It is being sent just now, or your role may not send it"
    return _lost(now) or now.barred or ("" if now.writes else "Nothing can be saved now")


def _undo(now: Situation) -> str:
    if now.undo_is_over:
        return "Nothing was undone: your last step stands no more"
    return "" if now.undo else "Nothing to undo"


def _numbered(now: Situation) -> str:
    return _report(now) or ("" if now.numbered else "It has no number before it is sent")


def _copied(now: Situation) -> str:
    return "" if now.unit else _report(now)


def _place(now: Situation) -> str:
    return _report(now) or ("" if now.has_place else "The report has no place")


def _duplicate(now: Situation) -> str:
    return _open(now) or ("" if now.duplicate else "No possible duplicate")


def _photos(now: Situation) -> str:
    return _report(now) or ("" if now.photos else "The report has no photo")


def _unmerge(now: Situation) -> str:
    return _writes(now) or ("" if now.merged else "It is not merged")


def _listed(now: Situation) -> str:
    return "" if now.listed else "The list is empty"


def _hazard(now: Situation) -> str:
    return "" if now.hazard else "No P1 waits for a crew"


def _believe(now: Situation) -> str:
    if not now.doubted:
        return "No comparison found that more is gone than is likely"
    return "" if now.may_believe else "An operator may not do this: a supervisor can"


def _filtered(now: Situation) -> str:
    return "" if now.filtered else "No filter is set"


A = Action
ACTIONS: tuple[Action, ...] = (
    A("palette", "Commands, reports, units, places", ("/", "Ctrl+K"), "Window", always),
    A("help", "All keys", ("?", "F1"), "Window", always, words="shortcuts keyboard"),
    A("panel_queue", "Go to the queue", ("Ctrl+1",), "Window", always),
    A("panel_map", "Go to the map", ("Ctrl+2",), "Window", always),
    A("reload_map", "Load the map again", (), "Window", always),
    A("panel_units", "Go to the units", ("Ctrl+3",), "Window", always),
    A("panel_report", "Go to the report", ("Ctrl+4",), "Window", always),
    A("panel_charts", "Go to the charts", ("Ctrl+5",), "Window", always),
    A("panel_outbox", "Go to the outbox", ("Ctrl+7",), "Window", always),
    A("next_range", "Charts: the next time range", ("Ctrl+Shift+T",), "Window", always),
    A("range_24h", "Charts: the last 24 h", (), "Window", always),
    A("range_7d", "Charts: the last 7 d", (), "Window", always),
    A("range_30d", "Charts: the last 30 d", (), "Window", always),
    A("range_1y", "Charts: the last year", (), "Window", always),
    A("range_all", "Charts: all the time there is", (), "Window", always),
    A("next_panel", "Next panel", ("F6",), "Window", always),
    A("previous_panel", "Previous panel", ("Shift+F6",), "Window", always),
    A("full_screen", "Full screen", ("F11",), "Window", always, words="maximize"),
    A("reset_layout", "Reset the layout", ("Ctrl+Alt+0",), "Window", always),
    A("text_larger", "Larger text", ("Ctrl++", "Ctrl+="), "Window", always, words="zoom in text font size bigger"),
    A("text_smaller", "Smaller text", ("Ctrl+-",), "Window", always, words="zoom out text font size"),
    A("theme", "Dark or light", (), "Window", always, words="theme appearance colors colours mode"),
    A("refresh", "Try all servers now", ("F5",), "Window", always),
    A("retry_all", "Try again all that was refused", ("Ctrl+R",), "Window", always),
    A("sources", "Every server: how it is doing, and how old its data is", (), "Window", always),
    A("compare", "Compare with the server now, and read again what differs", (), "Window", always),
    A(
        "believe",
        "Believe the comparison: drop the reports that the server has no longer",
        (),
        "Window",
        _believe,
        words="missing lost gone deleted withdrawn",
    ),
    A("sign_in", "Sign in with another token", ("Ctrl+Shift+S",), "Window", always, words="log in login"),
    A("sign_out", "Sign out", ("Ctrl+Shift+Q",), "Window", always, words="log out logout"),
    A("filter", "Filter the queue", ("Ctrl+F",), "Queue", always),
    A(
        "next_hazard",
        "Go to a new P1 without a crew, else to the one that waits longest",
        ("F8",),
        "Queue",
        _hazard,
    ),
    A("clear_filter", "Clear all filters", ("Shift+Esc",), "Queue", _filtered),
    A("next_report", "Next report", ("J",), "Queue", _listed),
    A("previous_report", "Previous report", ("K",), "Queue", _listed),
    A("go_on", "After each step go on to the next waiting report, or stay", (), "Queue", always),
    A("tab_open", "Open reports", ("Alt+1",), "Queue", always),
    A("tab_unassigned", "Unassigned reports", ("Alt+2",), "Queue", always),
    A("tab_mine", "My reports", ("Alt+3",), "Queue", always),
    A("tab_active", "Active reports", ("Alt+4",), "Queue", always),
    A("tab_validate", "Reports whose proof waits to be validated", ("Alt+5",), "Queue", always),
    A("tab_held", "Held reports", ("Alt+6",), "Queue", always),
    A("tab_closed", "Closed reports", ("Alt+7",), "Queue", always),
    A("new_report", "New report", ("Ctrl+N",), "Report", _new, Kind.CREATE),
    A("drafts", "What was written and not saved", ("Ctrl+Shift+D",), "Report", always),
    A("take", "Take", ("T",), "Report", _take, Kind.CLAIM),
    A("release", "Release", ("Shift+T",), "Report", _release, Kind.RELEASE),
    A("recommend", "Recommended units", ("A",), "Report", _dispatch, Kind.DISPATCH),
    A("dispatch", "Dispatch the first recommended unit", ("Ctrl+D",), "Report", _dispatch_first, Kind.DISPATCH),
    A("assign", "Assign a unit without sending it", ("Shift+A",), "Report", _work, Kind.ASSIGN),
    A("recall", "Recall the unit", ("Shift+R",), "Report", _recall, Kind.RECALL),
    A("told", "The unit was told by radio", ("R",), "Report", _told),
    A("wanted", "Give the expired order again", ("Y",), "Report", _wanted),
    A("settle", "Settle the conflict", ("S",), "Report", _settle),
    A("lost_see", "Show the report of the order that was not sent", ("F2",), "Report", _noticed),
    A(
        "lost_again",
        "Give it again; send a colleague's report in my name",
        ("F3",),
        "Report",
        _give_again,
    ),
    A("radio_told", "The unit in the notice was told by radio", ("F7",), "Report", _radio_call),
    A("lost_seen", "What the notice tells is seen", ("F4",), "Report", _seen),
    A("lost_drop", "Drop the order that was not sent", ("Shift+F4",), "Report", _drop),
    A("priority", "Priority", ("P",), "Report", _open, Kind.SET),
    A("category", "Category", ("C",), "Report", _open, Kind.SET),
    A("transfer", "Transfer to another area or agency", ("W",), "Report", _open, Kind.SET),
    A("place", "Place: give it one, or another", ("L",), "Report", _open, Kind.SET, words="location address map"),
    A("merge", "Look at the possible duplicates, and merge", ("D",), "Report", _duplicate, Kind.MERGE),
    A("unmerge", "Undo the merge", ("Shift+D",), "Report", _unmerge, Kind.UNMERGE),
    A("hold", "Hold, with what it waits for", ("H",), "Report", _work, Kind.SET),
    A("note", "Note, internal", ("N",), "Report", _writes, Kind.NOTE),
    A("reply", "Reply to the reporter", ("M",), "Report", _writes, Kind.REPLY),
    A("photo", "Add a photo or proof", ("F",), "Report", _writes, Kind.PHOTO),
    A("photos", "Look at the photos, two side by side", ("Shift+F",), "Report", _photos),
    A("submit", "Hand in for validation", ("Ctrl+Return",), "Report", _to_validation, Kind.SET),
    A("validate", "Validate or return the proof", ("Shift+V",), "Report", _validate, Kind.VALIDATE),
    A("close", "Close without work", ("X",), "Report", _close, Kind.CLOSE),
    A("reopen", "Reopen", ("Shift+X",), "Report", _reopen, Kind.REOPEN),
    A("contact", "Show the reporter (logged)", ("Shift+C",), "Report", _report),
    A("copy", "Copy in one line", ("Ctrl+C",), "Report", _copied),
    A("copy_number", "Copy the number", ("Ctrl+Shift+C",), "Report", _numbered),
    A("copy_place", "Copy the coordinates", (), "Report", _place),
    A("copy_link", "Copy the link", (), "Report", _numbered),
    A("map_fit", "Fit the map to the list", ("*",), "Map", always, words="auto-fit autofit zoom view locked"),
    A("go_to", "Show on the map", ("G",), "Report", _place),
    A("copy_unit", "Copy the unit in one line", (), "Units", _unit_chosen),
    A("units_available", "List the available units only, or all", (), "Units", always),
    A("en_route", "Unit en route", ("E",), "Units", _unit_step, Kind.PROGRESS),
    A("on_scene", "Unit on scene", ("O",), "Units", _unit_step, Kind.PROGRESS),
    A("done", "Unit done", ("V",), "Units", _unit_step, Kind.PROGRESS),
    A("available", "Unit available", ("Shift+B",), "Units", _unit, Kind.UNIT_STATE),
    A("break", "Unit on break", ("B",), "Units", _unit, Kind.UNIT_STATE),
    A("unavailable", "Unit unavailable, with a reason", ("U",), "Units", _unit, Kind.UNIT_STATE),
    A("undo", "Undo", ("Ctrl+Z",), "Report", _undo),
    A("quit", "Quit", ("Ctrl+Q",), "Window", always, words="exit close"),
)
UNIT_STEPS = frozenset({"en_route", "on_scene", "done"})
"""What a crew did: in the units panel the chosen unit, elsewhere the one that leads on the chosen report."""
AT_ONCE = UNIT_STEPS | {"take", "release", "dispatch", "recall", "submit", "unmerge", "told", "wanted"}
"""Actions that ask nothing more: their key does it."""
ASKS_MORE = frozenset(
    {"assign", "category", "close", "drafts", "hold", "merge", "new_report", "note", "photo", "place", "priority"}
    | {"reopen", "reply", "transfer", "unavailable", "validate"}
)
"""Actions behind whose key more is typed: into the form that they open."""
BY_ID: dict[str, Action] = {action.id: action for action in ACTIONS}

PANEL_KEYS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("Lists", ("Return",), "Open; the first verb"),
    ("Lists", ("1", "2", "3"), "This unit; this verb"),
    ("Map", ("0",), "Whole city"),
    ("Map", ("PgDown", "PgUp"), "Next, previous symbol"),
    ("Forms", ("Ctrl+Return",), "Save, or what the button says"),
    ("Forms", ("Esc",), "Leave; the words stay as a draft"),
    ("Forms", ("Alt+Delete",), "Clear the draft"),
)
"""(Group, keys, words) of what a panel or a form does with a key by itself: for the sheet of keys."""
