"""Which keys the report panel offers: what is awaited next in each status, which Enter is while the panel has it."""

from __future__ import annotations

from collections.abc import Callable

from api_client.model import Status
from console.actions import BY_ID, Situation
from console.domain.status import is_open
from console.presenters.caps import key_of
from widgets.ticket.values import ActionButton

NEXT_OF_UNIT = {
    "dispatched": ("en_route", "{unit} en route"),
    "acknowledged": ("en_route", "{unit} en route"),
    "en_route": ("on_scene", "{unit} on scene"),
    "on_scene": ("done", "{unit} done"),
}
"""What is awaited of a unit at work: an action and its words."""

_Step = tuple[str, str, bool]
"""An action, its words, and whether its button is the filled one."""


def next_steps(
    now: Situation, nearest: str, lead: str, tr: Callable[[str], str], *, by_distance: bool = True, busy: bool = False
) -> list[ActionButton]:
    """The buttons for a report; `nearest` and `lead` are the codes of the unit recommended and at work, "" for none.

    A unit that is not recommended `by_distance` is sent by its own key alone: nobody knows that it is near. One that is
    `busy` comes here only after the work it has.
    """
    send = tr("Dispatch {unit} next" if busy else "Dispatch {unit}").format(unit=nearest)
    steps = _of_status(now, nearest, lead, send, tr, by_distance=by_distance)
    if is_open(now.status) and now.status is not Status.VALIDATION:
        if now.holder != now.me:
            steps.insert(1, ("take", tr("Take"), False))
        steps += [("hold", tr("End the hold") if now.on_hold else tr("Hold"), False), ("close", tr("Close"), False)]
    buttons = []
    for action, text, filled in steps:
        why = BY_ID[action].why_not(now)
        buttons.append(ActionButton(action, text, key_of(action), filled, not why, why))
    return buttons


def _of_status(
    now: Situation, nearest: str, lead: str, send: str, tr: Callable[[str], str], *, by_distance: bool
) -> list[_Step]:
    if now.status is Status.VALIDATION:
        return [("validate", tr("Validate or return"), True), ("photo", tr("Photo"), False)]
    if not is_open(now.status) and now.merged:
        return [("unmerge", tr("Undo the merge"), True), ("reopen", tr("Reopen"), False)]
    if not is_open(now.status):
        return [("reopen", tr("Reopen"), True)]
    done = now.lead_state == "done" and now.status in (Status.ASSIGNED, Status.PROGRESS)
    if done and now.lead_unit and not now.needs_proof:
        return [("submit", tr("Hand in"), True), ("photo", tr("Photo"), False)]
    if now.lead_stuck:
        first = ("dispatch", send, by_distance)
        other = first if nearest and now.has_place else ("assign", tr("Assign"), False)
        return [other, ("recall", tr("Recall {unit}").format(unit=lead), False)]
    if now.lead_waits_for:  # what that crew does next, the server would refuse
        return [("recommend", tr("Another unit"), False)]
    if now.lead_state in NEXT_OF_UNIT:
        # Enter must not send a second unit where the first one's next step is what is awaited.
        step, text = NEXT_OF_UNIT[now.lead_state]
        return [(step, tr(text).format(unit=lead), True), ("recommend", tr("Another unit"), False)]
    if done and now.needs_proof:
        photo = tr("New after photo") if now.proof_is_old else tr("After photo")
        if now.crewless and nearest and now.has_place:
            return [("dispatch", send, by_distance), ("photo", photo, False)]
        return [("photo", photo, True)]
    if not now.has_place:  # nobody can be near it before
        return [("place", tr("Give it a place"), True), ("assign", tr("Assign"), False)]
    if nearest:
        return [("dispatch", send, by_distance), ("assign", tr("Assign"), False)]
    return [("assign", tr("Assign"), False), ("photo", tr("Photo"), False)]
