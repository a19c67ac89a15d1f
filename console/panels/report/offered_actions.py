"""The buttons of the report panel: the actions that are expected next in each status; the first is Enter's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from api_client.model import Status
from console.panels.action import Actions
from console.panels.action_rules import Situation
from console.rules.status import is_open
from widgets.ticket.values import ActionButton

NEXT_OF_UNIT = {"dispatched": "en_route", "acknowledged": "en_route", "en_route": "on_scene", "on_scene": "done"}
"""The action that is awaited of a unit in each state of its work."""


class _OfferedStep(NamedTuple):
    action: str
    filled: bool = False
    text: str = ""
    """What its button says here; "" for what the action is called."""


def next_steps(
    situation: Situation,
    nearest: str,
    lead: str,
    tr: Callable[[str], str],
    actions: Actions[Any],
    *,
    by_distance: bool = True,
    busy: bool = False,
    leaves: bool = False,
) -> list[ActionButton]:
    """The buttons for a report; `nearest` and `lead` are the codes of the unit recommended and at work, "" for none.

    A unit that is not recommended `by_distance` is sent by its own key alone: nobody knows that it is near. One that is
    `busy` comes here only after the work it has, one that `leaves` its work for this is diverted, which is asked.
    """
    codes = {"dispatch": nearest, "recall": lead, **dict.fromkeys(NEXT_OF_UNIT.values(), lead)}
    words = "Divert {unit}" if leaves else "Dispatch {unit} next" if busy else ""
    send = _OfferedStep("dispatch", by_distance, words)
    steps = _of_status(situation, send if nearest else None)
    if is_open(situation.status) and situation.status is not Status.VALIDATION:
        if situation.holder != situation.me:
            steps.insert(1, _OfferedStep("take"))
        steps += [_OfferedStep("hold", text="End the hold" if situation.on_hold else ""), _OfferedStep("close")]
    buttons = []
    for step in steps:
        action = actions[step.action]
        text = tr(step.text or action.label).format(unit=codes.get(action.id, ""))
        why = action.why_not(situation)
        buttons.append(ActionButton(action.id, text, actions.key(action.id), step.filled, not why, why))
    return buttons


def _of_status(situation: Situation, send: _OfferedStep | None) -> list[_OfferedStep]:
    """What is awaited; `send` sends the recommended unit, None where none is."""
    if situation.status is Status.VALIDATION:
        return [_OfferedStep("validate", filled=True), _OfferedStep("photo")]
    if not is_open(situation.status):
        return (
            [_OfferedStep("unmerge", filled=True), _OfferedStep("reopen")]
            if situation.merged
            else [_OfferedStep("reopen", filled=True)]
        )
    done = situation.lead_state == "done" and situation.status in (Status.ASSIGNED, Status.PROGRESS)
    if done and situation.lead_unit and not situation.needs_proof:
        return [_OfferedStep("submit", filled=True), _OfferedStep("photo")]
    if situation.lead_stuck:
        return [send if send is not None and situation.has_place else _OfferedStep("assign"), _OfferedStep("recall")]
    if situation.lead_waits_for:  # what that crew does next, the server would refuse
        return [_OfferedStep("recommend")]
    if situation.lead_state in NEXT_OF_UNIT:
        # Enter is neither: it must not send a second unit where the first one's next step is what is awaited, and that
        # step cannot be taken back. Who strikes Enter once more after the order would say that a crew is on its way
        # which has said nothing, and a P1 would leave the counter of those that wait for one.
        if situation.more_crews and send is not None and situation.has_place:
            return [_OfferedStep(NEXT_OF_UNIT[situation.lead_state]), send._replace(filled=False)]
        return [_OfferedStep(NEXT_OF_UNIT[situation.lead_state]), _OfferedStep("recommend")]
    if done and situation.needs_proof:
        photo = "New after photo" if situation.proof_is_old else "After photo"
        if situation.crewless and send is not None and situation.has_place:
            return [send, _OfferedStep("photo", text=photo)]
        return [_OfferedStep("photo", filled=True, text=photo)]
    if not situation.has_place:  # nobody can be near it before
        return [_OfferedStep("place", filled=True), _OfferedStep("assign")]
    return [send, _OfferedStep("assign")] if send is not None else [_OfferedStep("assign"), _OfferedStep("photo")]
