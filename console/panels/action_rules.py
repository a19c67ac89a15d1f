"""When each action may be used, and why not: rules over a `Situation`, which is what the window shows now."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from api_client.model import Kind, Publication, Status
from console.rules.rights import may_make, may_release
from console.rules.status import is_open


class Situation(msgspec.Struct, frozen=True):
    """What decides which actions may be used now: the chosen report and unit, the notice, the operator's rights, the
    connection. Ids and reasons are "" where there is nothing of the kind.
    """

    report: bool = False
    unread: bool = False
    """A report is chosen, and nothing is known of it yet."""
    left_behind: bool = False
    """The chosen report was chosen in another list, and the one that is shown does not hold it."""
    status: Status = Status.NEW
    holder: str | None = None
    offered: bool = False
    """Its holder, or a supervisor, offers the chosen report to the operator now."""
    me: str = ""
    role: str = ""
    """The operator's role at the server of the report, "" while that has not told it."""
    outside: bool = False
    """Whether the report lies outside the operator's areas and agencies."""
    new_only: bool = False
    """The report's server takes new reports and nothing else."""
    publication: Publication | None = None
    """Of the chosen report's words and photos, where its city looks at them before they are public."""
    on_hold: bool = False
    merged: bool = False
    has_place: bool = False
    closures: bool = False
    """There is a closed street or flooded area."""
    lead_unit: str | None = None
    lead_state: str | None = None
    lead_stuck: bool = False
    """The crew that leads has said that it cannot go on, and no other is on the report."""
    lead_waits_for: str = ""
    """The other operator whose order to the leading unit no server has yet, as he is signed out here; "" for none."""
    advice: bool = False
    duplicate: bool = False
    needs_proof: bool = False
    divert: str = ""
    """The id of the unit that would be diverted to the chosen report from lesser work that it has begun."""
    no_divert: str = ""
    """Why none would be, where there is more to say than that there is none."""
    proof_is_old: bool = False
    """There is an after photo, but of an earlier round of work: that was returned, so the photo proves nothing."""
    steps: bool = False
    """The city has a run card for the chosen report."""
    more_crews: bool = False
    """That wants more crews than are on the report."""
    crewless: bool = False
    """The chosen report counts as a P1 that no crew is on its way to: none was sent, has said so yet, or is there."""
    photos: bool = False
    unit: str | None = None
    unit_outside: bool = False
    unit_busy: bool = False
    """The unit keys mean the chosen unit, as its panel has the keyboard, and it has a job."""
    other_unit: bool = False
    """The unit keys mean the chosen unit, and that is not the leading unit of the chosen report."""
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
    """The id of an own edit, on whatever report, that was lost and is in the notice."""
    unsent_report: str = ""
    """The id of the edit in the notice that a colleague left here and that no server has."""
    unsent_may_be_sent: bool = False
    radio_call: str = ""
    """The id of an order, on whatever report, that is in the notice: its unit is to be told by radio."""
    alarms: bool = False
    """There is an alarm in the list."""
    alarm_new: bool = False
    """One waits to be acknowledged, or is back to normal and was not."""
    alarm_calls: bool = False
    """One calls that was not silenced here."""
    in_log: bool = False
    """The log has the keyboard."""
    offer: bool = False
    """A colleague offers a report, which is in the notice."""
    setback: bool = False
    """What others did to the operator's crews or reports is in the notice."""
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
    all_read: bool = True
    """All reports have been read: what is not among them there is not."""
    doubted: bool = False
    """Reports are shown that a comparison did not find at their server."""
    may_believe: bool = True
    """The operator may drop these reports (see `doubted`)."""


UNREAD = "The report has not been read yet"
NEW_ONLY = "This city's server takes new reports only: tell the city by its own way"
POINTING = "A place is asked for on the map: point at it, or Esc leaves"
_DONE = "The unit is done with this report"
LEFT_BEHIND = "The report is not in this list"
Rule = Callable[[Situation], str]
"""Returns why the action cannot be used now, or "" when it can."""


_MAY_NOT = {
    "viewer": "Your role is viewer: reading only",
    "validator": "A validator may not do this: an operator or a supervisor can",
    "field": "A crew may not do this: the control room can",
    "admin": "Your role is admin: it sets the city up, at the server's page /admin",
}


def why_not_allowed(role: str, kind: Kind) -> str:
    """Why a role may not make such an edit, and who may; "" when it may, or when the role is not known yet."""
    if not role or may_make(role, kind):
        return ""
    return _MAY_NOT.get(role, "Your role may not do this")


def always(_: Situation) -> str:
    """No condition."""
    return ""


def chosen(situation: Situation) -> str:
    """A report is chosen and has been read."""
    if situation.unread:
        return UNREAD
    return "" if situation.report else "Choose a report first"


def writable(situation: Situation) -> str:
    """Something can be written on the chosen report."""
    if situation.left_behind:
        return chosen(situation) or LEFT_BEHIND
    return chosen(situation) or situation.barred or ("" if situation.writes else "Nothing can be saved now")


def steps(situation: Situation) -> str:
    """There is a run card whose steps can be ticked."""
    return writable(situation) or ("" if situation.steps else "The city has no run card for it")


def publish(situation: Situation) -> str:
    """The words and photos of the report wait to be published, or were withheld or published."""
    return writable(situation) or ("" if situation.publication is not None else "Its words wait for nobody")


def open_(situation: Situation) -> str:
    """The same, and the report is not closed."""
    return writable(situation) or ("" if is_open(situation.status) else "The report is closed")


def take(situation: Situation) -> str:
    """Nobody has taken it, or its holder cannot be asked."""
    if situation.holder in (None, situation.me):
        return open_(situation) or ("You have it already" if situation.holder else "")
    if situation.offered:
        return open_(situation)
    if may_release(situation.me, situation.role, situation.holder or ""):
        return open_(situation) or "Another has taken it: release it first, then take it"
    return open_(situation) or "Another has taken it: he or a supervisor can release it"


def release(situation: Situation) -> str:
    """The operator holds it, or may release what another holds."""
    if situation.holder is None:
        return writable(situation) or "Nobody has taken it"
    may = not situation.role or may_release(situation.me, situation.role, situation.holder)
    return writable(situation) or ("" if may else "Another has taken it: he or a supervisor can release it")


def offer(situation: Situation) -> str:
    """The operator has it, or supervises: he may give it to a colleague."""
    if situation.role == "supervisor" or situation.holder == situation.me:
        return open_(situation)
    if situation.holder is None:
        return open_(situation) or "Take it first, then give it"
    return open_(situation) or "Another has taken it: he or a supervisor can give it"


def decline(situation: Situation) -> str:
    """The report is offered to the operator."""
    return open_(situation) or ("" if situation.offered else "Nobody offers you this report")


def supervises(situation: Situation) -> str:
    """The operator supervises."""
    return "" if situation.role == "supervisor" else "Only a supervisor sees who has what"


def work(situation: Situation) -> str:
    """Work on the report goes on: it is open and no proof of it waits."""
    if situation.status is Status.VALIDATION:
        return open_(situation) or "The proof waits for validation"
    return open_(situation)


def dispatch(situation: Situation) -> str:
    """A unit can be recommended for it."""
    return work(situation) or ("" if situation.advice else "No unit can be recommended")


def dispatch_first(situation: Situation) -> str:
    """A second crew is chosen among the recommended, not sent by the key that sends the first."""
    has_gone = situation.lead_state == "done" and situation.crewless
    is_enough = not situation.more_crews and not situation.lead_stuck and not has_gone
    if situation.lead_state not in (None, "reserved") and is_enough:
        return "A unit is on this report already: A, then a digit, sends another"
    return dispatch(situation)


def divert(situation: Situation) -> str:
    """A crew can be called away from lesser work to it."""
    why = situation.no_divert or ("" if situation.divert else "No crew that could come has begun lesser work")
    return work(situation) or why


def new_report(situation: Situation) -> str:
    """Something can be written for the source of new reports."""
    return situation.barred


def log_line(situation: Situation) -> str:
    """A line of the log can be written."""
    return situation.barred or ("" if situation.writes else "Nothing can be saved now")


def print_log(situation: Situation) -> str:
    """The log has the keyboard."""
    return "" if situation.in_log else "Go to the log first: what it shows is printed"


def unit_step(situation: Situation) -> str:
    """A unit is meant that can take a next step on its job."""
    if situation.unit_busy:
        return situation.barred
    if not situation.lead_unit:
        return "No unit is on this report"
    if situation.lead_waits_for:
        return "The server does not have that order yet: give it in your name first"
    if situation.lead_state == "done":
        return _DONE
    return LEFT_BEHIND if situation.left_behind else situation.barred


def unit_chosen(situation: Situation) -> str:
    """A unit is chosen."""
    return "" if situation.unit else "Choose a unit first"


def unit(situation: Situation) -> str:
    """A unit is chosen, and its state can be written."""
    return situation.barred if situation.unit else "Choose a unit first"


def recall(situation: Situation) -> str:
    """A unit can be called back."""
    if not situation.lead_unit:
        return open_(situation) or "No unit is on this report"
    return open_(situation) or (_DONE if situation.lead_state == "done" else "")


def validate(situation: Situation) -> str:
    """A proof waits."""
    return writable(situation) or (
        "" if situation.status is Status.VALIDATION else "Nothing to validate in this report: no proof is in"
    )


def to_validation(situation: Situation) -> str:
    """Work has begun, and the proof that it needs is there."""
    if situation.status not in (Status.ASSIGNED, Status.PROGRESS):
        return open_(situation) or "Work has not begun"
    if situation.proof_is_old:
        return writable(situation) or "Needs a new after photo: what was returned proves nothing more"
    return writable(situation) or ("Needs an after photo" if situation.needs_proof else "")


def reopen(situation: Situation) -> str:
    """The report is closed."""
    return writable(situation) or ("The report is open" if is_open(situation.status) else "")


def tell_by_radio(situation: Situation) -> str:
    """An order of the report has not left, whose unit is to be told by radio."""
    return chosen(situation) or ("" if situation.not_sent else "No order waits to be told by radio")


def wanted(situation: Situation) -> str:
    """An order of the report outlived its time."""
    return writable(situation) or ("" if situation.expired else "No order asks whether it is still wanted")


def settle(situation: Situation) -> str:
    """A conflict waits on the report."""
    return writable(situation) or ("" if situation.conflict else "No conflict waits on this report")


def lost(situation: Situation) -> str:
    """The notice is about an order that was lost."""
    return "" if situation.lost else "No order was lost"


def noticed(situation: Situation) -> str:
    """The notice is about a report."""
    is_noticed = situation.radio_call or situation.unsent_report or situation.setback or situation.offer
    return "" if is_noticed else lost(situation)


def seen(situation: Situation) -> str:
    """The notice is only to be seen."""
    if situation.setback:
        return ""
    if situation.offer:
        return "Not only to be seen: take it, or decline"
    if situation.unsent_report:
        return "Not only to be seen: no server knows it"
    return "Not only to be seen: it is given again or dropped" if situation.lost else "Nothing in the notice to be seen"


def drop(situation: Situation) -> str:
    """The order in the notice can be dropped, or what it offers declined."""
    if situation.offer:
        return situation.barred
    if situation.unsent_report:
        return "What a colleague left is dropped in the outbox, where that is asked twice"
    return "Nothing to be dropped: say that it is seen" if situation.setback else lost(situation)


def radio_call(situation: Situation) -> str:
    """A unit in the notice is to be told by radio."""
    return "" if situation.radio_call else "No unit in the notice is to be told by radio"


def give_again(situation: Situation) -> str:
    """What the notice is about can be given again, or taken."""
    if situation.offer:
        return situation.barred
    if situation.unsent_report:
        return "" if situation.unsent_may_be_sent else "It is being sent just now, or your role may not send it"
    if situation.setback:
        return "What is shown first is only to be seen: say so, and what needs an answer is shown"
    return lost(situation) or situation.barred or ("" if situation.writes else "Nothing can be saved now")


def undo(situation: Situation) -> str:
    """The last step can be taken back."""
    if situation.pointing:
        return POINTING
    if situation.undo_is_over:
        return "Nothing was undone: your last step stands no more"
    return "" if situation.undo else "Nothing to undo"


def numbered(situation: Situation) -> str:
    """The report has a number at its server."""
    return chosen(situation) or ("" if situation.numbered else "It has no number before it is sent")


def copied(situation: Situation) -> str:
    """A unit or a report is chosen."""
    return "" if situation.unit else chosen(situation)


def placed(situation: Situation) -> str:
    """The report has a place."""
    return chosen(situation) or ("" if situation.has_place else "The report has no place")


def close_here(situation: Situation) -> str:
    """The report has a place, where a street can be closed."""
    return placed(situation) or situation.barred


def closures(situation: Situation) -> str:
    """Something is closed."""
    return situation.barred or ("" if situation.closures else "No street is closed, and no area flooded")


def duplicate(situation: Situation) -> str:
    """Another report may be about the same."""
    return open_(situation) or ("" if situation.duplicate else "No possible duplicate")


def photos(situation: Situation) -> str:
    """The report has photos."""
    return chosen(situation) or ("" if situation.photos else "The report has no photo")


def unmerge(situation: Situation) -> str:
    """The report was merged into another."""
    return writable(situation) or ("" if situation.merged else "It is not merged")


def listed(situation: Situation) -> str:
    """The list is not empty."""
    return "" if situation.listed else "The list is empty"


def hazard(situation: Situation) -> str:
    """A P1 waits for a crew."""
    if situation.hazard:
        return ""
    # protects: not-loaded-is-no-all-clear
    if not situation.all_read:
        return "Not loaded yet: whether a P1 waits for a crew is known once all reports have been read"
    return "No P1 waits for a crew"


def alarm_new(situation: Situation) -> str:
    """An alarm waits to be acknowledged."""
    return "" if situation.alarm_new else "No alarm waits to be acknowledged"


def alarm_calls(situation: Situation) -> str:
    """An alarm calls."""
    return "" if situation.alarm_calls else "No alarm calls"


def alarms(situation: Situation) -> str:
    """There are alarms."""
    return "" if situation.alarms else "There is no alarm"


def believe(situation: Situation) -> str:
    """A comparison did not find some reports, and the operator may drop them."""
    if not situation.doubted:
        return "No comparison found that more is gone than is likely"
    return "" if situation.may_believe else "An operator may not do this: a supervisor can"


def filtered(situation: Situation) -> str:
    """A filter is set."""
    return "" if situation.filtered else "No filter is set"
