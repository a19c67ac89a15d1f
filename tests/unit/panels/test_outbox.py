"""What a row of the outbox says an edit waits for, and what can be done about it."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from api_client.model import Kind
from console.panels.outbox import OutboxController
from console.panels.report.ticket import TicketController
from console.panels.sources import Sources
from console.rules.messages import Obstacle, Outcome, SourceState
from console.rules.queued import EditState, StopReason
from console.window.actions import ACTIONS
from tests.helpers.city import wait_for
from tests.unit.panels.conftest import NOW, Rig
from tests.widgets.sample import make_symbols, make_theme
from widgets.__main__ import SECTION_KEYS
from widgets.outbox import OutboxPanel, OutboxRow
from widgets.ticket.panel import TicketPanel

RESTS_ON_NOTHING = "What this followed is not in the outbox any more. Send it all the same?"


class Rows(QObject):
    """The outbox of a rig, as rows."""

    def __init__(self, rig: Rig) -> None:
        super().__init__(rig.window)
        self.outbox = rig.outbox
        panel = self.panel = OutboxPanel(make_theme())
        panel.setParent(rig.window)
        self.controller = OutboxController(
            panel, rig.window_state, rig.outbox, rig.window_state.zone, lambda: NOW, self
        )
        self.said: list[str] = []
        self.controller.message.connect(self.said.append)
        self._rig = rig

    def do(self, kind: Kind, report: str | None = "A", **data: object) -> str:
        count = len(self.outbox.open_edits)
        edit_id = self.outbox.submit(kind, report, source="city", data=data, base={}, base_version=1, title="t")
        self._rig.saved(count + 1)
        return edit_id

    def row(self, edit_id: str) -> OutboxRow:
        return self.controller._row_of(edit_id)


def verbs(row: OutboxRow) -> list[str]:
    return [text for _, text in row.actions]


def test_an_edit_behind_one_that_needs_a_decision_says_so(rig: Rig) -> None:
    rows = Rows(rig)
    first, later, note = rows.do(Kind.SET, priority=1), rows.do(Kind.SET, priority=2), rows.do(Kind.NOTE, text="x")
    assert rows.row(later).state_text == rows.row(note).state_text
    rig.outbox.on_outcome(Outcome(first, EditState.ATTENTION, "The priority does not fit."))
    assert rows.row(later).state_text == "not sent: waits for the decision above"
    assert "waits" not in rows.row(note).state_text, "a note rests on no priority"


@pytest.mark.parametrize(("report", "said"), [("A", "waits for the edit above"), ("B", "NOT SENT")])
def test_an_edit_behind_one_that_was_tried_in_vain_says_so(rig: Rig, report: str, said: str) -> None:
    rows = Rows(rig)
    order = rows.do(Kind.DISPATCH, unit="07")
    if report == "A":
        later = rows.do(Kind.PROGRESS, unit="07", state="on_scene")
    else:
        later = rows.do(Kind.DISPATCH, "B", unit="07")
    wait_for(lambda: rig.outbox.open_in(EditState.SENDING), what="on its way")
    assert said not in rows.row(later).state_text
    rig.outbox.on_outcome(Outcome(order, EditState.UNCONFIRMED, "The server fell.", obstacle=Obstacle.ONE_EDIT))
    assert said in rows.row(later).state_text


def test_an_edit_behind_what_was_said_of_a_unit_names_no_report(rig: Rig) -> None:
    """It was said to wait for the edit of None."""
    rows = Rows(rig)
    state = rows.do(Kind.UNIT_STATE, None, unit="07", state="available")
    arrival = rows.do(Kind.PROGRESS, unit="07", state="on_scene")
    wait_for(lambda: rig.outbox.open_in(EditState.SENDING), what="on its way")
    rig.outbox.on_outcome(Outcome(state, EditState.UNCONFIRMED, "The server fell.", obstacle=Obstacle.ONE_EDIT))
    assert rows.row(arrival).state_text == "waits for the edit above"


def test_what_the_server_took_and_lost_is_in_the_outbox_again_and_sent_in_one_go(rig: Rig) -> None:
    rows = Rows(rig)
    told: list[object] = []
    rig.outbox.taken_back.connect(told.append)
    sent = [rows.do(Kind.NOTE, text="x"), rows.do(Kind.NOTE, "B", text="y")]
    waits = rows.do(Kind.NOTE, "C", text="not sent yet")
    rig.outbox.on_proved(sent)
    assert [one.edit.id for one in rig.outbox.open_edits] == [waits]
    rig.outbox.on_taken_back("another", [*sent, waits])
    rig.outbox.on_taken_back("city", [*sent, waits, "somebody else's"])
    wait_for(lambda: len(rig.outbox.open_edits) == 3, what="they are back")
    assert len(told) == 1
    row = rows.row(sent[0])
    assert row.state_text == "lost: the server was set back"
    assert verbs(row) == ["Send again", "Drop it", "Open"]
    rows.controller.show()
    assert rows.panel._actions.all.verb == "Send all 2 again"
    rows.controller.act(sent[0], "withdraw")
    rows.controller.retry_all()
    assert [one.edit.id for one in rig.outbox.open_edits] == [sent[1], waits]
    assert {one.state for one in rig.outbox.open_edits} <= {EditState.QUEUED, EditState.SENDING}


def test_what_was_refused_for_want_of_rights_is_tried_again_in_one_go_and_no_decision_is_taken(rig: Rig) -> None:
    rows = Rows(rig)
    refused = [rows.do(Kind.NOTE, text="x"), rows.do(Kind.NOTE, "B", text="y")]
    decisions = {
        rows.do(Kind.SET, "C", priority=1): Outcome("", EditState.CONFLICT, theirs={"priority": {"value": 3}}),
        rows.do(Kind.NOTE, "D", text="z"): Outcome("", EditState.ATTENTION, "deleted", StopReason.REPORT_DELETED),
        rows.do(Kind.NOTE, "E", text="z"): Outcome("", EditState.ATTENTION, "", StopReason.ANOTHER_REPORT),
        rows.do(Kind.NOTE, "F", text="z"): Outcome("", EditState.ATTENTION, "", StopReason.NOT_IN_LIST),
        rows.do(Kind.CLAIM, "G"): Outcome("", EditState.EXPIRED),
    }
    for edit_id in refused:
        rig.outbox.on_outcome(Outcome(edit_id, EditState.ATTENTION, "Not in your area.", StopReason.REFUSED_FOR_NOW))
    for edit_id, outcome in decisions.items():
        rig.outbox.on_outcome(replace(outcome, edit_id=edit_id))
    assert rig.outbox.retryable == tuple(refused)
    rows.controller.retry_all()
    assert rows.said == ["2 edits are tried again. To decide: 5."]
    states = {one.edit.id: one.state for one in rig.outbox.open_edits}
    assert {states[edit_id] for edit_id in refused} <= {EditState.QUEUED, EditState.SENDING}
    assert {edit_id: states[edit_id] for edit_id in decisions} == {
        edit_id: outcome.state for edit_id, outcome in decisions.items()
    }
    rows.controller.retry_all()
    assert rows.said[-1] == "Nothing was refused that could be tried again. To decide: 5."


def test_a_change_that_was_stopped_with_what_is_gone_can_be_answered(rig: Rig) -> None:
    """Its cause goes on with a report that is created again; nobody could ever have answered for it."""
    rows = Rows(rig)
    create = rows.do(Kind.CREATE, "local:made", description="A tree has fallen")
    rig.outbox.on_outcome(Outcome(create, EditState.ACCEPTED, remote_id="B"))
    rig.outbox.on_proved([create])
    first = rows.do(Kind.SET, "local:made", priority=2)
    rig.outbox.on_outcome(Outcome(first, EditState.CONFLICT, theirs={"priority": {"value": 3}}))
    second = rows.do(Kind.SET, "B", priority=1)
    assert rows.row(second).state_text == "not sent: waits for the decision above"
    rig.outbox.on_taken_back("city", [create])
    wait_for(lambda: rows.row(second).state_text == RESTS_ON_NOTHING, what="it is asked about")
    assert (rows.row(second).level, verbs(rows.row(second))) == ("warn", ["Try again", "Drop it", "Open"])
    rows.controller.act(second, "withdraw")
    assert [one.edit.id for one in rig.outbox.open_edits] == [create, first]


def test_work_that_waits_for_a_lost_report_waits_for_its_creation_until_that_is_dropped(rig: Rig) -> None:
    rows = Rows(rig)
    create = rows.do(Kind.CREATE, "local:made", description="A tree has fallen")
    rig.outbox.on_outcome(Outcome(create, EditState.ACCEPTED, remote_id="B"))
    rig.outbox.on_proved([create])
    note = rows.do(Kind.NOTE, "B", text="x")
    rig.outbox.on_outcome(Outcome(note, EditState.ATTENTION, "Report B was deleted.", StopReason.REPORT_DELETED))
    assert verbs(rows.row(note)) == ["Keep as new", "Drop it"]
    rig.outbox.on_taken_back("city", [create])
    wait_for(lambda: len(rig.outbox.open_edits) == 2, what="the creation is back")
    row = rows.row(note)
    assert (row.number, row.state_text) == ("new", "waits for the decision above")
    assert verbs(row) == ["Open", "Withdraw"]
    rows.controller.act(create, "withdraw")
    row = rows.row(note)
    assert (row.number, row.state_text) == ("new", "its report was withdrawn here")
    assert verbs(row) == ["Keep as new", "Drop it"]


def test_what_waits_for_another_operator_is_not_tried_again_in_his_place(rig: Rig) -> None:
    rows = Rows(rig)
    edit_id = rows.do(Kind.NOTE, text="x")
    rig.outbox.on_outcome(Outcome(edit_id, EditState.ATTENTION, "Not in your area.", StopReason.REFUSED_FOR_NOW))
    rig.outbox.sign_in("city", "budi")
    assert rig.outbox.retryable == ()


def test_what_was_made_before_sign_in_was_needed_can_be_sent_as_mine(rig: Rig) -> None:
    rows = Rows(rig)
    rig.outbox.source_lost("city")
    rig.outbox.author = "local"
    sent, dropped = rows.do(Kind.NOTE, text="Water"), rows.do(Kind.NOTE, "B", text="Fire")
    rig.outbox.sign_in("city", "rina")
    row = rows.row(sent)
    assert row.state_text == "made before sign-in was needed"
    assert verbs(row) == ["Send as mine", "Drop it", "Open"]
    rows.controller.act(sent, "mine")
    wait_for(lambda: [one.edit.author for one in rig.outbox.open_edits] == ["local", "rina"], what="it is rina's")
    rows.controller.act(dropped, "drop")
    assert rows.row(dropped).state_text == "drop it for good?"
    rows.controller.act(dropped, "drop")
    assert [one.edit.author for one in rig.outbox.open_edits] == ["rina"]
    assert rows.said == ["Dropped"]


def test_an_edit_whose_server_is_in_the_profile_no_more_says_so(rig: Rig) -> None:
    rows = Rows(rig)
    mine = rows.do(Kind.NOTE, text="Water")
    rig.outbox.source_lost("city")
    rows.controller._is_left = lambda source: source == "city"
    for author in ("rina", "budi"):
        rig.outbox.sign_in("city", author)
        assert rows.row(mine).state_text == "its server is not in this profile any more"
        assert verbs(rows.row(mine)) == ["Drop it", "Open"]
    rig.outbox.sign_in("city", "rina")
    rows.controller.act(mine, "drop")
    assert rig.outbox.open_edits, "the first press asks"


def test_enter_withdraws_nothing(rig: Rig) -> None:
    """The first verb is what Enter does, and an operator presses it to look."""
    rows = Rows(rig)
    rig.outbox.source_lost("city")
    assert verbs(rows.row(rows.do(Kind.NOTE, text="Water"))) == ["Open", "Withdraw"]
    order = rows.do(Kind.DISPATCH, unit="07")
    rig.now += timedelta(seconds=4)
    assert verbs(rows.row(order)) == ["Told by radio", "Open", "Withdraw"]
    assert verbs(rows.row(rows.do(Kind.CLAIM, "B"))) == ["Open", "Withdraw"]


def test_what_is_withdrawn_is_said_and_its_words_stay(rig: Rig) -> None:
    rows = Rows(rig)
    rig.outbox.source_lost("city")
    rig.outbox.save_draft("note:city:A", {"text": "Two children"})
    note, taken = rows.do(Kind.NOTE, text="Water"), rows.do(Kind.CLAIM)
    caller = {"contact": {"phone": "0812"}, "description": "Fire", "service": "flood"}
    new = rows.do(Kind.CREATE, "local:1", **caller)
    for edit_id in (note, taken, new):
        rows.controller.act(edit_id, "withdraw")
    assert rows.said == [
        "Withdrawn, its words are a draft: Note by rina: Water",
        "Withdrawn: Taken by rina",
        "Withdrawn, its words are a draft: New report by rina: Flood, Fire",
    ]
    assert rig.outbox.drafts["note:city:A"]["text"] == "Two children\nWater"
    kept = rig.outbox.drafts[f"new_report:city:{new}"]
    assert (kept["text"], kept["service"], kept["caller_phone"]) == ("Fire", "flood", "0812")


def test_an_order_to_a_server_that_is_known_to_be_away_is_loud_at_once(rig: Rig, qtbot: QtBot) -> None:
    """It was called "saved" for three seconds: who goes on to the next report never sees what comes after."""
    rows, sources = Rows(rig), Sources([], UTC, lambda: NOW, ACTIONS)
    order = rows.do(Kind.DISPATCH, unit="07")
    theme = make_theme()
    panel = TicketPanel(
        theme, make_symbols(theme), panel_key="", section_keys={"advice": "A", "duplicates": "D", "timeline": "N"}
    )
    qtbot.addWidget(panel)
    ticket = TicketController(
        panel,
        rig.window_state,
        UTC,
        lambda: NOW,
        is_not_sent=lambda edit: rig.outbox.is_not_sent(edit, away=sources.is_away(edit.source)),
    )
    rows.controller._is_away = sources.is_away
    ticket.set_details(rig.details(1001, "A"))
    ticket.set_outbox(rig.outbox.open_edits)

    def loud() -> list[str]:
        ticket.show()
        shown = panel.ticket()
        assert shown is not None
        return [rows.row(order).state_text, *(strip.text for strip in shown.strips)]

    live = SourceState("city", "live", as_of=NOW)
    sources.set_state(live)
    assert loud() == ["sending"]
    for state in (replace(live, put_off="The disk is full."), SourceState("city", "offline", since=NOW)):
        sources.set_state(state)
        assert loud() == ["NOT SENT: tell SDA-07 by radio"] * 2
    catalog = rig.window_state.catalog("city")
    reached = {"07": replace(catalog.units["07"], contact="radio 4\n")}
    rig.window_state.set_cities(replace(rig.window_state.cities, catalogs={"city": replace(catalog, units=reached)}))
    assert loud() == ["NOT SENT: tell SDA-07: radio 4"] * 2


def test_what_another_operator_has_to_decide_is_not_counted_as_ones_own(rig: Rig) -> None:
    """ "1 to decide" stood in amber at bima's desk, for an edit that waited for vera to sign in."""
    rows = Rows(rig)
    edit_id = rows.do(Kind.SET, priority=1)
    rig.outbox.on_outcome(Outcome(edit_id, EditState.ATTENTION, "The priority does not fit."))
    assert rows.controller.decisions == 1
    rig.outbox.author = "budi"
    assert rows.controller.decisions == 0
    assert len(rows.controller.open_edits) == 1, "it waits, and is shown"


def test_who_signs_out_is_told_which_crews_know_nothing_of_their_orders(rig: Rig) -> None:
    """The first page, about what one has taken, named none: the crew was on the second."""
    rows = Rows(rig)
    assert rows.controller.untold_units() == ""
    first = rows.do(Kind.DISPATCH, unit="07")
    rows.do(Kind.RECALL, "B", unit="11")
    assert rows.controller.untold_units() == "SDA-07, SDA-11"
    rig.outbox.mark_told(first, "rina")
    assert rows.controller.untold_units() == "SDA-11"


@pytest.mark.parametrize("may_be_there", [False, True])
def test_a_report_that_a_colleague_took_down_can_be_sent_in_ones_own_name(rig: Rig, may_be_there: bool) -> None:
    rows = Rows(rig)
    if not may_be_there:
        rig.outbox.source_lost("city")
    rig.outbox.author = "budi"
    create = rows.do(Kind.CREATE, "local:1", description="Water to the roof", priority=1)
    if may_be_there:
        wait_for(lambda: rig.outbox.open_edits[0].state is EditState.SENDING, what="on its way")
        rig.outbox.on_restarted()
        rig.outbox.source_lost("city")
    note = rows.do(Kind.NOTE, "local:1", text="on the roof")
    rig.outbox.author = "rina"
    row = rows.row(create)
    known = "not known whether it arrived" if may_be_there else "nobody else knows of it"
    assert (row.level, row.state_text) == ("warn", f"waits for budi to sign in: {known}")
    assert verbs(row) == ["Send in my name", "Drop it", "Open"]
    assert (rows.row(note).state_text, verbs(rows.row(note))) == ("waits for budi to sign in", ["Drop it", "Open"])
    panel = TicketPanel(make_theme(), make_symbols(make_theme()), panel_key="", section_keys=SECTION_KEYS)
    panel.setParent(rig.window)
    ticket = TicketController(panel, rig.window_state, UTC, lambda: NOW, rows)
    ticket.set_outbox(rig.outbox.open_edits)
    ticket.set_details(replace(rig.details(1001, "local:1"), server=None))
    shown = panel.ticket()
    assert shown is not None
    assert [(one.kind, one.text) for one in shown.strips] == [
        ("not_sent", f"{'Waits' if may_be_there else 'Not sent: waits'} for budi to sign in: {known}")
    ]
    rows.controller.act(create, "mine")
    sent, named, follows = rig.saved(3)
    assert {one.author for one in (sent, named, follows)} == {"rina"}
    assert named.data["text"].startswith("Taken down by budi at 25 Nov 08:00, sent by rina.")
