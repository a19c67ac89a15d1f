"""Orders of which a crew does not know stay in the notice, in the operator's words, until they are answered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace
from pytestqt.qtbot import QtBot

from api_client.model import Assignment, AssignmentState, Kind, Recipient
from console.cache.catalog import Catalog, Cities
from console.panels.notifications.hazards import HazardNews, NewHazard
from console.panels.notifications.lost_orders import LostOrders, lost_with, why_lost
from console.panels.notifications.offers import OfferedReport
from console.panels.notifications.setback import CLAIMS, Of, Setback
from console.panels.qt_outbox import QtOutbox
from console.panels.report.conflict_text import conflict_brief, conflict_rows, conflict_text
from console.panels.report.ticket import TicketController
from console.panels.sources import Sources
from console.panels.status import StatusController
from console.rules.dependency import asked, freed
from console.rules.edit import outlived
from console.rules.messages import Obstacle, Outcome, Source, SourceState
from console.rules.queued import EditState, Queued, StopReason, as_told
from console.window.actions import ACTIONS
from tests.helpers.city import wait_for
from tests.unit.cache.making import T0, edit
from tests.unit.panels.conftest import NOW, Rig
from tests.widgets.sample import make_symbols, make_theme
from widgets.__main__ import SECTION_KEYS
from widgets.notice import Banner, Notice
from widgets.statusbar import StatusBar
from widgets.ticket.panel import TicketPanel
from widgets.ticket.values import Ticket


@pytest.mark.parametrize("let_go", [asked, freed])
def test_an_order_that_was_held_back_is_not_said_to_be_too_old(let_go: Any) -> None:
    stopped = Queued(edit("e1", Kind.DISPATCH, data={"unit": "U1"}), EditState.STOPPED, changed_at=T0)
    said = why_lost(let_go(stopped), Catalog(), UTC, datetime.now(UTC), str)
    assert said == "it was held back with another edit, which is settled now"


def test_an_order_past_its_time_is_said_to_be() -> None:
    late = Queued(edit("e1", Kind.DISPATCH, data={"unit": "U1"}), EditState.EXPIRED, changed_at=T0)
    assert why_lost(late, Catalog(), UTC, datetime.now(UTC), str) == "its time was over before it could leave"


def test_a_report_that_was_closed_meanwhile_is_not_said_to_be_taken() -> None:
    """A colleague merged it: who reads that she took it believes that she is at it."""
    at = {"who": "wati", "at": NOW.isoformat()}
    theirs = {"status": {"value": "closed", **at}}
    closed = Queued(edit("e1", Kind.CLAIM), EditState.CONFLICT, theirs=theirs, changed_at=T0)
    when = f"{NOW:%H:%M}"
    assert why_lost(closed, Catalog(), UTC, NOW, str) == f"wati closed the report, at {when}"
    assert conflict_brief(closed, UTC, NOW, str) == f"conflict: wati {when}"
    taken = replace(closed, theirs={"claim": {"value": "wati", **at}})
    assert why_lost(taken, Catalog(), UTC, NOW, str) == f"wati took the report first, at {when}"
    assert conflict_brief(taken, UTC, NOW, str) == f"taken by wati {when}"


class Strip:
    """The notice under the figures, bound to the outbox of a rig whose clock stands at `now`."""

    def __init__(self, rig: Rig, qtbot: QtBot) -> None:
        theme = make_theme()
        self.rig = rig
        self.banner, bar = Banner(theme, make_symbols(theme)), StatusBar(theme, undo_key="Ctrl Z")
        for widget in (self.banner, bar):
            qtbot.addWidget(widget)
        self.sources = Sources(
            [Source("city", "City", "https://city.example", "dispatch")], UTC, lambda: rig.now, ACTIONS, rig.window
        )
        status = self.status = StatusController(
            bar, self.banner, rig.window_state, self.sources, UTC, lambda: rig.now, bar
        )
        self.orders = LostOrders(
            rig.outbox,
            rig.window_state,
            rig.undo_stack,
            status,
            self.sources,
            UTC,
            lambda: rig.now,
            lambda: rig.steady_s,
            bar,
        )

    @property
    def notice(self) -> Notice:
        """What is shown."""
        assert self.banner.notice is not None
        return self.banner.notice

    def wait(self, bold: str) -> Notice:
        """What is shown, once it begins with this; it has been there long enough to be read."""
        wait_for(lambda: self.banner.notice is not None and self.banner.notice.bold.startswith(bold), what=bold)
        self.rig.steady_s += 1
        return self.notice

    def order(self, key: str, unit: str, priority: int = 3) -> str:
        """Send a unit to a report of some priority; the order's id, once it is on the disk."""
        details = self.rig.details(1001, key)
        details = replace(details, server=replace(self.rig.report(key), priority=priority))
        waiting = len(self.rig.outbox.open_edits)
        edit_id = self.rig.edit_commands.dispatch(details, unit, f"SDA-{unit}", stack=False)
        self.rig.saved(waiting + 1)
        return edit_id

    def taken_back(self, edit_id: str) -> str:
        """Undo an order that the server has taken; the id of the edit that does, once it is on the disk."""
        self.rig.outbox.on_outcome(Outcome(edit_id, EditState.ACCEPTED))
        self.rig.undo_stack.undo()
        return next(one.id for one in self.rig.saved(2) if one.undoes == edit_id)

    def beaten(self, edit_id: str) -> None:
        """The server has sent another unit there before."""
        first = {"value": "11", "who": "budi", "at": NOW.isoformat()}
        self.rig.outbox.on_outcome(Outcome(edit_id, EditState.CONFLICT, theirs={"unit": first}, version=4))


@pytest.fixture
def strip(rig: Rig, qtbot: QtBot) -> Strip:
    return Strip(rig, qtbot)


def test_an_order_that_nobody_told_is_named_wherever_the_operator_is(strip: Strip) -> None:
    """The link died unnoticed: the next report was shown, the crew knew nothing, and the screen said "Outbox 1"."""
    strip.order("A", "07", priority=1)
    strip.orders.show()
    assert strip.banner.notice is None, "it may have left already"
    strip.rig.now += timedelta(seconds=4)
    strip.orders.show()
    assert strip.notice.bold == "NOT SENT: tell SDA-07 by radio"
    assert strip.notice.text == "to come: Report A Water at A."
    assert strip.notice.level == "p1"
    assert [button[0] for button in strip.notice.buttons] == ["radio_told", "lost_see"]
    strip.sources.set_state(SourceState("city", "offline", since=NOW, as_of=NOW))
    strip.orders.show()
    assert strip.notice.text == "to come: Report A Water at A. Offline since 08:00."


def test_what_takes_the_place_of_the_notice_of_an_outage_tells_when_the_server_is_tried_again(strip: Strip) -> None:
    away = SourceState("city", "offline", since=NOW, as_of=NOW, next_try_s=42.0)
    strip.sources.set_state(away)
    strip.order("A", "07")
    notice = strip.wait("NOT SENT")
    assert notice.note == "next try in 0:42"
    assert notice.buttons[-1][:2] == ("refresh", "Try now")


def test_a_title_that_ends_in_a_full_stop_ends_its_sentence_once(strip: Strip) -> None:
    details = strip.rig.details(1001, "A")
    details = replace(details, shown=replace(details.shown, description="Air naik cepat."))
    strip.rig.edit_commands.dispatch(details, "07", "SDA-07", stack=False)
    strip.rig.saved(1)
    strip.rig.now += timedelta(seconds=4)
    strip.orders.show()
    assert strip.notice.text == "to come: Report A Air naik cepat."


def test_an_order_is_named_at_once_when_its_server_is_known_to_be_away(strip: Strip) -> None:
    strip.sources.set_state(SourceState("city", "offline", since=NOW, as_of=NOW))
    strip.order("A", "07")
    assert strip.wait("NOT SENT: tell SDA-07").level == "warn", "red is for life and safety"


def left_by_budi(strip: Strip, *priorities: int) -> list[str]:
    """The ids of the creations of these reports, that budi took down before rina signed in."""
    strip.rig.outbox.source_lost("city")
    strip.rig.outbox.sign_in("city", "budi")
    before = len(strip.rig.outbox.open_edits)
    made = []
    for n, priority in enumerate(priorities, 1):
        data = {"service": "flood", "priority": priority, "description": f"Water, house {n}"}
        made.append(strip.rig.edit_commands.create("city", data, f"local:{n}", "Flood"))
    strip.rig.saved(before + len(made))
    assert strip.banner.notice is None, "he who took it down knows of it"
    strip.rig.outbox.sign_in("city", "rina")
    return made


def test_a_report_that_only_this_desk_has_is_told_until_it_is_sent(strip: Strip) -> None:
    """A hollow square and "not sent yet" was all that a desk said of a P1 whose taker had gone home."""
    (create,) = left_by_budi(strip, 1)
    notice = strip.wait("budi took down 1 report that no server has:")
    assert (notice.level, notice.text) == ("p1", "08:00 Flood: Water, house 1")
    assert [button[:2] for button in notice.buttons] == [("lost_again", "Send in my name"), ("lost_see", "See it")]
    assert (strip.orders.unsent_report, strip.orders.may_be_sent) == (create, True)
    opened: list[tuple[str, str]] = []
    strip.orders.report_opened.connect(lambda *report: opened.append(report))
    strip.orders.see()
    assert opened == [("city", "local:1")]
    strip.orders.see_off()
    strip.orders.drop()
    assert strip.notice == notice, "neither seen nor dropped by the way"
    strip.orders.give_again()
    wait_for(lambda: strip.banner.notice is None, what="it is hers now")
    sent, named = strip.rig.saved(2)
    assert (sent.kind, sent.author, sent.data["description"]) == (Kind.CREATE, "rina", "Water, house 1")
    assert (named.kind, named.data["text"]) == (Kind.NOTE, "Taken down by budi at 25 Nov 08:00, sent by rina.")


def told_by_budi(strip: Strip, priority: int, kind: Kind = Kind.DISPATCH) -> str:
    """The id of an order that budi gave, and told its unit by radio, before rina signed in."""
    strip.rig.outbox.source_lost("city")
    strip.rig.outbox.sign_in("city", "budi")
    strip.rig.outbox.author = "budi"
    if kind is Kind.DISPATCH:
        order = strip.order("A", "07", priority)
    else:
        order = strip.rig.edit_commands.recall(strip.rig.details(1001, "A"), "07", "SDA-07")
        strip.rig.saved(1)
    strip.rig.outbox.mark_told(order, "budi")
    assert strip.banner.notice is None, "he who gave it knows of it"
    strip.rig.outbox.author = "rina"
    strip.rig.outbox.sign_in("city", "rina")
    return order


def test_an_order_that_a_colleague_told_by_radio_is_named_until_it_is_given_in_ones_own_name(strip: Strip) -> None:
    """It waited in the outbox "for ani to sign in"; no strip said so, and every other desk had a P1 without a crew."""
    order = told_by_budi(strip, 1)
    on_scene = {"unit": "07", "state": "on_scene"}
    strip.rig.outbox.sign_in("city", "budi")
    strip.rig.outbox.submit(
        Kind.PROGRESS, "A", source="city", data=on_scene, base={}, base_version=3, title="Water at A"
    )
    strip.rig.saved(2)
    strip.rig.outbox.sign_in("city", "rina")
    notice = strip.wait("SDA-07 was told by radio to go there, and no server knows it:")
    assert (notice.level, notice.text) == ("p1", "by budi, 08:00. Report A Water at A")
    assert [button[:2] for button in notice.buttons] == [("lost_again", "Give it in my name"), ("lost_see", "See it")]
    assert (strip.orders.unsent_report, strip.orders.may_be_sent) == (order, True)
    strip.orders.see_off()
    strip.orders.drop()
    assert strip.notice == notice, "neither seen nor dropped by the way"
    strip.rig.now += timedelta(hours=1)
    strip.orders.give_again()
    wait_for(lambda: strip.banner.notice is None, what="it is hers now")
    sent, named, there = strip.rig.saved(3)
    assert [one.author for one in (sent, named, there)] == ["rina"] * 3
    assert (sent.kind, sent.data["unit"], sent.occurred_at, sent.base_version) == (Kind.DISPATCH, "07", NOW, 3)
    assert (named.kind, named.data["text"]) == (
        Kind.NOTE,
        "SDA-07 was told by radio to go there by budi at 25 Nov 08:00; rina has taken that over.",
    )
    assert (there.kind, there.data) == (Kind.PROGRESS, on_scene)
    given = strip.rig.outbox.open_edit(sent.id)
    assert given is not None
    assert given.told_by_radio == "budi", "he told it, and it does not grow old"
    strip.rig.outbox.sign_in("city", "budi")
    assert [one.edit.id for one in strip.rig.outbox.take_done_by_others("city")][:1] == [order]


def test_an_order_of_a_colleague_that_another_desk_has_given_meanwhile_is_not_missed(strip: Strip) -> None:
    """The same crew, the nearest, was sent by another desk: the strip went on saying that no server knows of it."""
    told_by_budi(strip, 1)
    strip.wait("SDA-07 was told by radio to go there, and no server knows it:")
    window_state = strip.rig.window_state
    job = Assignment("j", "A", "07", AssignmentState.ACKNOWLEDGED, NOW, "maria", NOW)
    window_state.cities = Cities(
        {"city": replace(window_state.cities.catalogs["city"], assignments=(job,))}, window_state.cities.words
    )
    strip.orders.show()
    assert strip.banner.notice is None


def test_a_crew_that_a_colleague_called_back_by_radio_is_told_of_too_and_is_red_for_a_p1_only(strip: Strip) -> None:
    told_by_budi(strip, 3, Kind.RECALL)
    notice = strip.wait("SDA-07 was told by radio to come back, and no server knows it:")
    assert notice.level == "warn"
    strip.orders.give_again()
    wait_for(lambda: strip.banner.notice is None, what="it is hers now")
    assert [(one.kind, one.author) for one in strip.rig.saved(2)] == [(Kind.RECALL, "rina"), (Kind.NOTE, "rina")]


def test_who_may_not_write_cannot_give_a_colleagues_order(strip: Strip) -> None:
    told_by_budi(strip, 1)
    strip.rig.reading_only = "Your role is viewer: reading only"
    strip.orders.show()
    notice = strip.wait("SDA-07 was told by radio")
    assert (notice.note, [button[0] for button in notice.buttons]) == (
        "Your role is viewer: reading only",
        ["lost_see"],
    )
    strip.orders.give_again()
    assert strip.orders.unsent_report


def test_a_message_that_died_is_asked_about_behind_what_is_about_a_report(strip: Strip) -> None:
    sent = strip.rig.edit_commands.write_message("city", Recipient(unit="07"), "Come back", "A", "SDA-07")
    read = strip.rig.edit_commands.mark_read("city", ["message-1"])
    strip.rig.saved(2)
    strip.rig.outbox.on_outcome(Outcome(read, EditState.ATTENTION, "It is gone.", StopReason.REFUSED))
    strip.rig.outbox.on_outcome(Outcome(sent, EditState.EXPIRED))
    notice = strip.wait("NOT sent: Message to SDA-07 by rina: Come back")
    assert (notice.level, [button[0] for button in notice.buttons]) == (
        "warn",
        ["lost_see", "lost_again", "lost_drop"],
    )
    threads: list[tuple[str, str]] = []
    strip.orders.thread_wanted.connect(lambda source, key: threads.append((source, key)))
    strip.orders.see()
    assert threads == [("city", "unit:07")]
    order = strip.order("A", "11", priority=4)
    strip.rig.outbox.on_outcome(Outcome(order, EditState.EXPIRED))
    strip.wait("SDA-11 was NOT sent")
    strip.orders.drop()
    strip.wait("NOT sent: Message")
    strip.orders.give_again()
    wait_for(lambda: strip.banner.notice is None, what="it is given again")
    again = [one for one in strip.rig.saved(2) if one.kind is Kind.MESSAGE]
    assert [one.data["text"] for one in again] == ["Come back"]


def test_what_only_this_desk_has_is_quiet_where_no_life_is_in_danger_and_counted(strip: Strip) -> None:
    left_by_budi(strip, 3, 2)
    notice = strip.wait("budi took down 2 reports that no server has:")
    assert (notice.level, notice.text) == ("info", "08:00 Flood: Water, house 2"), "the more urgent one"
    strip.orders.give_again()
    assert strip.wait("budi took down 1 report").text == "08:00 Flood: Water, house 1"
    strip.rig.outbox.sign_in("city", "budi")
    assert strip.wait("rina took down 1 report").text == "08:00 Flood: Water, house 2", "who has it is gone now"


def test_a_report_that_was_found_to_be_a_p1_later_is_as_loud_as_one(strip: Strip) -> None:
    (create,) = left_by_budi(strip, 3)
    assert strip.wait("budi").level == "info"
    raised: dict[str, Any] = {"source": "city", "data": {"priority": 1}, "base": {}, "base_version": None, "title": "t"}
    strip.rig.outbox.submit(Kind.SET, "local:1", **raised)
    wait_for(lambda: strip.notice.level == "p1", what="loud")
    assert strip.orders.unsent_report == create


def test_the_entry_names_whose_the_facts_are_and_promises_no_order(strip: Strip) -> None:
    strip.rig.outbox.source_lost("city")
    strip.rig.outbox.sign_in("city", "budi")
    strip.rig.edit_commands.create(
        "city", {"service": "flood", "priority": 1, "description": "Water"}, "local:1", "Flood"
    )
    values: dict[str, Any] = {"source": "city", "base": {}, "base_version": None, "title": "t"}
    for kind, data in (
        (Kind.NOTE, {"text": "on the roof"}),
        (Kind.SET, {"priority": 2}),
        (Kind.DISPATCH, {"unit": "07"}),
    ):
        strip.rig.outbox.submit(kind, "local:1", data=data, **values)
    order = strip.rig.saved(4)[3]
    strip.rig.outbox.sign_in("city", "rina")
    strip.wait("NOT SENT: tell SDA-07 by radio")
    strip.orders.note_told_by_radio()
    strip.wait("budi took down")
    assert [(one.edit.id, one.told_by_radio) for one in strip.rig.outbox.told_and_waiting] == [(order.id, "rina")]
    strip.orders.give_again()
    edits = strip.rig.saved(5)
    assert edits[1].data["text"].splitlines() == [
        "Taken down by budi at 25 Nov 08:00, sent by rina.",
        "25 Nov 08:00 Note by budi: on the roof",
        "25 Nov 08:00 Priority 2, by budi",
    ]
    assert strip.wait("SDA-07 was NOT sent (told by radio by rina)").text.startswith(
        "it was held back with another edit"
    )


def test_who_may_not_write_has_no_key_that_sends_it(strip: Strip) -> None:
    strip.rig.reading_only = "Your role is viewer: reading only"
    strip.rig.outbox.sign_in("city", "rina")
    strip.rig.reading_only = ""
    left_by_budi(strip, 1)
    strip.rig.reading_only = "Your role is viewer: reading only"
    strip.orders.show()
    notice = strip.wait("budi took down")
    assert notice.note == "Your role is viewer: reading only"
    assert [button[0] for button in notice.buttons] == ["lost_see"]
    strip.orders.give_again()
    assert strip.orders.unsent_report


def test_of_what_may_have_left_it_is_said_that_it_may_be_there_and_it_can_be_sent(strip: Strip) -> None:
    strip.rig.outbox.sign_in("city", "budi")
    create = strip.rig.edit_commands.create("city", {"priority": 1, "description": "Water"}, "local:1", "Flood")
    strip.rig.saved(1)
    wait_for(lambda: strip.rig.outbox.open_edits[0].state is EditState.SENDING, what="on its way")
    strip.rig.outbox.on_outcome(Outcome(create, EditState.UNCONFIRMED, obstacle=Obstacle.SERVER))
    strip.rig.outbox.on_restarted()
    strip.rig.outbox.sign_in("city", "rina")
    notice = strip.wait("budi took down 1 report that no server is known to have:")
    assert notice.note == "It may have arrived: it is looked for there first, and not made twice"
    assert [button[0] for button in notice.buttons] == ["lost_again", "lost_see"]
    strip.rig.outbox.on_proved([create], {create: "928"})
    wait_for(lambda: strip.banner.notice is None, what="it is there")


def test_each_order_is_answered_by_itself_the_most_dangerous_first(strip: Strip) -> None:
    strip.sources.set_state(SourceState("city", "offline", since=NOW, as_of=NOW))
    first, urgent = strip.order("A", "07"), strip.order("B", "11", priority=1)
    strip.wait("NOT SENT: tell SDA-11")
    assert strip.orders.radio_call == urgent
    strip.orders.note_told_by_radio()
    strip.orders.show()
    strip.orders.note_told_by_radio()  # the same key, pressed once more or bounced: it was not meant for the next one
    assert strip.orders.radio_call == first
    strip.rig.steady_s += 1
    strip.orders.note_told_by_radio()
    strip.orders.show()
    assert strip.orders.radio_call == ""
    assert strip.banner.notice is not None, "the city is away still"
    assert strip.banner.notice.bold.startswith("Offline")
    assert [one.told_by_radio for one in strip.rig.outbox.open_edits] == ["rina", "rina"]


def test_of_an_order_that_may_have_arrived_it_is_not_said_that_it_was_not_sent(strip: Strip) -> None:
    """The server had it in its socket, carried it out, and the strip said NOT SENT to the end."""
    edit_id = strip.order("A", "07", priority=1)
    strip.rig.outbox.on_outcome(Outcome(edit_id, EditState.UNCONFIRMED, obstacle=Obstacle.SERVER))
    strip.rig.now += timedelta(seconds=4)
    strip.orders.show()
    assert strip.notice.bold == "NOT KNOWN whether it arrived: tell SDA-07 by radio"
    strip.rig.outbox.on_outcome(Outcome(edit_id, EditState.QUEUED, obstacle=Obstacle.SERVER))
    strip.orders.show()
    assert strip.notice.bold == "NOT SENT: tell SDA-07 by radio"


def test_nor_while_it_is_asked_about_again(strip: Strip) -> None:
    """After another text size or a restart it read NOT SENT, for as long as the next try took."""
    edit_id = strip.order("A", "07", priority=1)
    wait_for(lambda: strip.rig.outbox.open_edits[0].state is EditState.SENDING, what="on its way")
    strip.rig.outbox.on_restarted()
    strip.rig.now += timedelta(seconds=4)
    for _ in range(2):
        wait_for(lambda: strip.rig.outbox.open_edits[0].state is EditState.UNCONFIRMED, what="no answer")
        strip.orders.show()
        assert strip.notice.bold == "NOT KNOWN whether it arrived: tell SDA-07 by radio"
        strip.rig.outbox.resend_due("city")
        wait_for(lambda: strip.rig.outbox.open_edits[0].state is EditState.SENDING, what="asked again")
        strip.orders.show()
        assert strip.notice.bold == "NOT KNOWN whether it arrived: tell SDA-07 by radio"
        strip.rig.outbox.on_outcome(Outcome(edit_id, EditState.UNCONFIRMED, obstacle=Obstacle.SERVER))
    strip.rig.outbox.on_outcome(Outcome(edit_id, EditState.QUEUED, obstacle=Obstacle.SERVER))
    strip.rig.outbox.resend_due("city")
    wait_for(lambda: strip.rig.outbox.open_edits[0].state is EditState.SENDING, what="sent anew")
    strip.orders.show()
    assert strip.notice.bold == "NOT SENT: tell SDA-07 by radio", "what has certainly not arrived"


def test_an_order_that_left_after_all_is_named_no_more(strip: Strip) -> None:
    edit_id = strip.order("A", "07")
    strip.rig.now += timedelta(seconds=4)
    strip.orders.show()
    assert strip.orders.radio_call == edit_id
    strip.rig.outbox.on_outcome(Outcome(edit_id, EditState.ACCEPTED))
    strip.orders.show()
    assert strip.banner.notice is None


@pytest.mark.parametrize(("priority", "level"), [(1, "p1"), (2, "warn"), (3, "warn")])
def test_a_lost_order_is_red_for_life_and_safety_only_and_ends_its_sentence_once(
    strip: Strip, priority: int, level: str
) -> None:
    """It said "at 22:40.. Report", in red over the full width for a fallen tree of P3."""
    strip.beaten(strip.order("A", "07", priority))
    notice = strip.wait("SDA-07 was NOT sent:")
    assert notice.text == "budi has sent SDA-11 to this report at 08:00. Report A Water at A"
    assert strip.status._message == f"SDA-07 was NOT sent: {notice.text}", "which report that is, whatever is chosen"
    assert notice.level == level


def ticket_of(rig: Rig, qtbot: QtBot) -> Ticket:
    theme = make_theme()
    panel = TicketPanel(theme, make_symbols(theme), panel_key="", section_keys=SECTION_KEYS)
    qtbot.addWidget(panel)
    controller = TicketController(
        panel, rig.window_state, UTC, lambda: NOW, panel, lost_with=partial(lost_with, rig.outbox)
    )
    controller._to_call_back = lambda: rig.outbox.to_call_back
    controller.set_outbox(rig.outbox.open_for("city", "A"))
    controller.set_details(rig.details(1001, "A"))
    ticket = panel.ticket()
    assert ticket is not None
    return ticket


def test_an_order_that_its_crew_was_told_of_is_sent_however_late(strip: Strip, qtbot: QtBot) -> None:
    """The crew had been driving for ten minutes, the order was given up, and a colleague sent the crew elsewhere."""
    strip.sources.set_state(SourceState("city", "offline", since=NOW, as_of=NOW))
    edit_id = strip.order("A", "07")
    strip.rig.outbox.mark_told(edit_id, "rina")
    strip.rig.outbox.on_outcome(Outcome(edit_id, EditState.EXPIRED))  # it had been handed over before
    sent_again = "again, and without a time this once, as soon as its mark is on the disk"
    wait_for(lambda: [one.state for one in strip.rig.outbox.open_edits] == [EditState.SENDING], what=sent_again)
    (queued,) = strip.rig.outbox.open_edits
    assert strip.rig.outbox.told_and_waiting == (queued,), "until it is settled its crew is no free one"
    assert not outlived(as_told(queued), NOW + timedelta(hours=5), 600)
    (said,) = ticket_of(strip.rig, qtbot).strips
    assert said.text == "SDA-07 was told by radio by rina. Not sent yet."


def test_a_crew_that_was_told_of_a_lost_order_is_called_back(strip: Strip, qtbot: QtBot) -> None:
    """It was driving, stood as "no job", and once the other's order was kept nothing on the screen knew of it."""
    rig, told = strip.rig, "SDA-07 was told by radio by rina"
    strip.sources.set_state(SourceState("city", "offline", since=NOW, as_of=NOW))
    edit_id = strip.order("A", "07")
    rig.outbox.mark_told(edit_id, "rina")
    strip.beaten(edit_id)
    strip.wait("SDA-07 was NOT sent (told by radio by rina):")
    queued = rig.outbox.open_edit(edit_id)
    assert queued is not None
    (row,) = conflict_rows(queued, rig.window_state.catalog("city"), str)
    assert row.mine is not None
    assert row.theirs is not None
    assert (row.mine.text, row.theirs.text) == ("SDA-07 as well", "only SDA-11: call SDA-07 back by radio")

    ticket = ticket_of(rig, qtbot)
    assert ticket.strips[-1].text == f"budi has sent SDA-11 to this report at 08:00. {told}."
    assert ticket.timeline[0].text == f"NOT done: Dispatched SDA-07, by rina · conflict · {told}"

    assert rig.outbox.told_and_waiting == ()
    assert [one.edit.id for one in rig.outbox.told_in_vain] == [edit_id], "it drives, and is not to be sent elsewhere"
    rig.outbox.choose(edit_id, mine=False)
    assert [one.edit.id for one in rig.outbox.told_in_vain] == [edit_id]
    notice = strip.wait("Call SDA-07 back by radio")
    assert notice.text == "rina told it to come, and that order is given up. Report A Water at A. Offline since 08:00."
    assert [one.text for one in ticket_of(rig, qtbot).strips] == [
        f"{told}, and the order is given up. Call SDA-07 back by radio"
    ]
    strip.orders.note_told_by_radio()
    strip.orders.show()
    assert rig.outbox.to_call_back == ()
    assert rig.outbox.told_in_vain == ()
    assert strip.notice.bold.startswith("Offline")


@pytest.mark.parametrize("how", ["withdrawn", "unwanted"])
def test_that_a_crew_is_to_be_called_back_outlives_the_program(rig: Rig, strip: Strip, how: str) -> None:
    rig.outbox.source_lost("city")
    edit_id = strip.order("A", "07")
    if how == "unwanted":  # of an earlier version, which asked about those too of which a crew was told
        rig.outbox.on_outcome(Outcome(edit_id, EditState.EXPIRED))
    rig.outbox.mark_told(edit_id, "rina")
    if how == "withdrawn":
        assert rig.outbox.withdraw(edit_id)
    else:
        rig.outbox.still_wanted(edit_id, yes=False)
    assert [one.edit.id for one in rig.outbox.to_call_back] == [edit_id]
    again = reopened(rig)
    assert [(one.edit.id, one.told_by_radio) for one in again.to_call_back] == [(edit_id, "rina")]
    again.mark_called_back(edit_id)
    assert again.to_call_back == ()
    rig.outbox = again
    assert reopened(rig).to_call_back == ()


def test_a_crew_that_is_sent_again_is_not_called_back(rig: Rig, strip: Strip) -> None:
    rig.outbox.source_lost("city")
    first = strip.order("A", "07")
    rig.outbox.mark_told(first, "rina")
    assert rig.outbox.withdraw(first)
    strip.order("A", "11")
    strip.order("B", "07")
    assert [one.edit.id for one in rig.outbox.to_call_back] == [first], "another crew, or another report"
    strip.order("A", "07")
    assert rig.outbox.to_call_back == ()


def test_who_was_told_of_an_order_that_is_given_again_or_had_left_is_not_called_back(rig: Rig, strip: Strip) -> None:
    again = strip.order("A", "07")
    rig.outbox.mark_told(again, "rina")
    strip.beaten(again)
    rig.outbox.choose(again, mine=True)
    (new,) = rig.saved(1)
    assert new.id != again
    left = strip.order("B", "11")
    rig.outbox.resend_due("city")
    wait_for(lambda: rig.outbox.open_edit(left).state is EditState.SENDING, what="it is being sent")  # type: ignore[union-attr]
    rig.outbox.mark_told(left, "rina")
    rig.outbox.on_restarted()
    assert rig.outbox.ask_back(left)
    rig.outbox.on_outcome(Outcome(left, EditState.ACCEPTED))
    assert rig.outbox.to_call_back == ()


def reopened(rig: Rig) -> QtOutbox:
    """The outbox as the next start finds it."""
    rig.outbox.close()
    rig.outbox = QtOutbox(rig.profile, lambda _: None, lambda: NOW, lambda: "f1", author="rina")
    opened: list[bool] = []
    rig.outbox.opened.connect(lambda: opened.append(True))
    wait_for(lambda: opened, what="work.db is open")
    return rig.outbox


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (AssignmentState.DISPATCHED, "SDA-07 is on this report already, sent by budi:"),
        (
            AssignmentState.EN_ROUTE,
            "SDA-07 is on this report already:",
        ),  # who said so need not have sent it
    ],
)
def test_a_lost_order_for_a_crew_that_is_there_already_leaves_nothing_to_give(
    strip: Strip, state: AssignmentState, said: str
) -> None:
    """It was "NOT sent", in red, while it drove there by the other's order; F3 sent it a second time."""
    rig = strip.rig
    details = replace(rig.details(1001, "A"), server=replace(rig.report("A"), priority=1))
    take = rig.edit_commands.take(details)
    rig.edit_commands.dispatch(details, "07", "SDA-07", stack=False)
    rig.saved(2)
    job = Assignment("j", "A", "07", state, NOW, "budi", NOW)
    city = rig.window_state.cities.catalogs["city"]
    rig.window_state.cities = Cities({"city": replace(city, assignments=(job,))}, rig.window_state.cities.words)
    claim = {"value": "budi", "who": "budi", "at": NOW.isoformat()}
    rig.outbox.on_outcome(Outcome(take, EditState.CONFLICT, theirs={"claim": claim}, version=4))
    notice = strip.wait(said)
    assert notice.level == "warn"
    assert [button[0] for button in notice.buttons] == ["lost_see", "lost_seen"]
    strip.orders.give_again()
    assert len(rig.outbox.open_edits) == 2, "nothing is sent twice"
    strip.orders.see_off()
    assert rig.outbox.open_edits == ()


def test_an_order_that_the_server_answers_with_the_same_one_is_told_to_be_carried_out(strip: Strip) -> None:
    """Whether the crew's new job has come here yet or not; who told it by radio told it what is so."""
    rig = strip.rig
    edit_id = strip.order("A", "07", priority=1)
    rig.outbox.mark_told(edit_id, "rina")
    first = {"value": "07", "who": "budi", "at": NOW.isoformat()}
    rig.outbox.on_outcome(Outcome(edit_id, EditState.CONFLICT, theirs={"unit": first}, version=4))
    notice = strip.wait("SDA-07 is on this report already, sent by budi:")
    assert notice.text == "budi has sent SDA-07 to this report at 08:00. Report A Water at A"
    assert notice.level == "warn"
    assert [button[:2] for button in notice.buttons] == [("lost_see", "See it"), ("lost_seen", "Seen")]
    strip.orders.give_again()
    assert [one.edit.id for one in rig.outbox.open_edits] == [edit_id], "nothing is sent twice"
    strip.orders.see_off()
    assert rig.outbox.open_edits == ()
    assert rig.outbox.to_call_back == ()


def test_what_a_crew_has_said_is_not_dropped_with_the_order_that_another_gave_first(strip: Strip) -> None:
    rig = strip.rig
    edit_id = strip.order("A", "07")
    rig.edit_commands.progress("city", "A", "Water at A", 3, "07", "en_route", "En route")
    rig.saved(2)
    first = {"value": "07", "who": "budi", "at": NOW.isoformat()}
    rig.outbox.on_outcome(Outcome(edit_id, EditState.CONFLICT, theirs={"unit": first}, version=4))
    notice = strip.wait("SDA-07 is on this report already, sent by budi:")
    assert [button[0] for button in notice.buttons] == ["lost_see", "lost_again", "lost_drop"]
    assert notice.level == "warn"
    strip.orders.give_again()
    wait_for(lambda: [one.edit.kind for one in rig.outbox.open_edits] == [Kind.PROGRESS], what="the order is gone")


def test_who_was_first_himself_is_called_you(strip: Strip) -> None:
    edit_id = strip.order("A", "07")
    busy = {"unit": "07", "report": "B", "who": "rina", "at": NOW.isoformat()}
    strip.rig.outbox.on_outcome(Outcome(edit_id, EditState.CONFLICT, theirs={"busy": busy}, version=4))
    assert strip.wait("SDA-07 was NOT sent:").text == "you sent it to report B first, at 08:00. Report A Water at A"
    queued = strip.rig.outbox.open_edit(edit_id)
    assert queued is not None
    catalog = strip.rig.window_state.catalog("city")
    assert conflict_text(queued, catalog, UTC, NOW, str) == "SDA-07 was not sent: you sent it to report B at 08:00."
    other = replace(queued, theirs={"unit": {"value": "11", "who": "rina", "at": NOW.isoformat()}})
    assert conflict_text(other, catalog, UTC, NOW, str) == "You have sent SDA-11 to this report at 08:00."


def test_what_others_did_stays_until_it_was_seen_behind_what_is_to_be_answered(strip: Strip) -> None:
    """A take-over was a line for some seconds; a crew's refusal was in the timeline only."""
    over = Setback("city", "B", "rina", "budi has taken over B Flood, which was yours.", "Kemang", 2, of_crew=False)
    refused = Setback("city", "A", "rina", "SDA-07 has refused:", "pump broken. Report A Flood", 1, of_crew=True)
    strip.orders.tell(over)
    assert (strip.notice.level, strip.notice.bold) == ("info", over.bold)
    strip.orders.tell(refused)
    strip.orders.tell(refused)
    assert (strip.notice.level, strip.notice.bold) == ("p1", refused.bold)
    assert [button[:2] for button in strip.notice.buttons] == [("lost_see", "See it"), ("lost_seen", "Seen")]
    assert strip.orders.is_only_seen
    assert strip.orders.lost == strip.orders.radio_call == ""
    edit_id = strip.order("C", "07", priority=1)
    strip.beaten(edit_id)
    strip.wait("SDA-07 was NOT sent")
    assert strip.orders.lost == edit_id
    strip.orders.see_off()
    assert strip.orders.lost == edit_id, "what has to be answered does not go with the key that says: seen"
    strip.orders.drop()
    strip.wait("SDA-07 has refused")
    opened: list[tuple[str, str]] = []
    strip.orders.report_opened.connect(lambda *of: opened.append(of))
    strip.orders.see()
    assert opened == [("city", "A")]
    strip.wait("budi has taken over")
    strip.rig.window_state.me = "sari"
    strip.orders.show()
    assert strip.banner.notice is None, "it is not hers"
    strip.rig.window_state.me = "rina"
    strip.orders.show()
    strip.rig.steady_s += 1
    strip.orders.see_off()
    assert strip.banner.notice is None


def test_a_report_that_a_restore_took_stays_told_whatever_key_would_show_it(strip: Strip) -> None:
    """There is nothing to show, and the words of the notice are all that is left."""
    gone = Setback("city", "A", "rina", "GONE from the server: P1 A Flood.", "x", 1, of_crew=True, is_gone=True)
    strip.orders.tell(gone)
    assert [button[:2] for button in strip.notice.buttons] == [("lost_seen", "Seen")]
    opened: list[tuple[str, str]] = []
    strip.orders.report_opened.connect(lambda *of: opened.append(of))
    strip.orders.see()
    assert (opened, strip.notice.bold) == ([], gone.bold)
    strip.rig.steady_s += 1
    strip.orders.see_off()
    assert strip.banner.notice is None


def test_what_two_have_noticed_is_told_once_with_the_crew_that_went_with_it(strip: Strip) -> None:
    bold = "budi has closed A Flood:"
    closed = Setback("city", "A", "rina", bold, "not found", 1, of_crew=False, entry="h7")
    with_crew = replace(closed, text="not found. SDA-07 was let go", of_crew=True)
    strip.orders.tell(closed)
    strip.orders.tell(with_crew)
    strip.orders.tell(closed)
    assert (strip.notice.bold, strip.notice.text, strip.notice.level) == (bold, with_crew.text, "p1")
    strip.rig.steady_s += 1
    strip.orders.see_off()
    strip.orders.tell(with_crew)
    assert strip.banner.notice is None, "seen is seen"


def test_a_new_hazard_is_told_until_it_is_seen_and_not_beside_why_its_crew_does_not_come(strip: Strip) -> None:
    seen: list[int] = []
    strip.orders.hazard_seen.connect(seen.append)
    strip.orders.set_hazards((NewHazard(1001, "Flood, Kemang"), NewHazard(1002, "Fire, Kemang")))
    assert (strip.notice.bold, strip.notice.text, strip.notice.level) == (
        "New P1 without a crew:",
        "Flood, Kemang",
        "p1",
    )
    assert strip.orders.is_only_seen
    strip.orders.tell(
        Setback("city", "A", "rina", "SDA-11 has refused:", "flat tyre. Report A", 1, of_crew=True, row=1001)
    )
    assert strip.notice.bold == "SDA-11 has refused:"
    assert strip.banner._more == 1, "that it has no crew is not told again"
    strip.rig.steady_s += 1
    strip.orders.see_off()
    assert seen == [1001]
    strip.orders.set_hazards((NewHazard(1002, "Fire, Kemang"),))
    assert strip.notice.text == "Fire, Kemang"
    strip.orders.see_off()
    assert seen == [1001], "the notice has just changed: the key may have been meant for the one before"
    strip.rig.steady_s += 1
    strip.orders.see_off()
    assert seen == [1001, 1002]
    strip.orders.set_hazards(())
    assert strip.banner.notice is None


def test_what_was_closed_and_burns_again_is_not_told_as_closed(strip: Strip) -> None:
    """A colleague had closed it, its reporter called again: the strip said closed, and nothing told of the fire."""
    seen: list[frozenset[Of]] = []
    strip.orders.setback_seen.connect(seen.append)
    of = frozenset({("jobs", "city", "a")})
    closed = Setback(
        "city", "A", "rina", "budi has closed A Flood:", "", 1, of_crew=True, row=1001, is_over=True, of=of
    )
    strip.orders.tell(closed)
    assert strip.notice.bold == "budi has closed A Flood:"
    strip.orders.set_hazards((NewHazard(1001, "Flood, Kemang", news=HazardNews.ALONE),))
    assert strip.notice.bold == "P1 without a crew (any more):"
    assert (strip.banner._more, seen) == (0, [of])


def test_the_key_that_said_seen_gives_no_order_up_at_the_same_go(strip: Strip) -> None:
    """Three new P1 were ticked off, and the fourth stroke dropped a lost order that nobody had read."""
    edit_id = strip.order("A", "07", priority=3)
    strip.beaten(edit_id)
    strip.wait("SDA-07 was NOT sent")
    hazards = [NewHazard(row, "Flood, Kemang") for row in (1002, 1003)]
    strip.orders.hazard_seen.connect(lambda row: strip.orders.set_hazards(tuple(x for x in hazards if x.row > row)))
    strip.orders.set_hazards(tuple(hazards))
    for _ in hazards:
        strip.wait("New P1 without a crew")
        strip.orders.see_off()
    strip.wait("SDA-07 was NOT sent")
    strip.orders.see_off()
    assert [one.edit.id for one in strip.rig.outbox.lost] == [edit_id]
    strip.orders.drop()
    wait_for(lambda: strip.banner.notice is None, what="its own key gives it up")


def test_a_lasting_notice_says_when_it_happened_and_which_report_it_is(strip: Strip) -> None:
    """After a minute and a half "is free again" was not so any more; two P1 in one place read exactly alike."""
    at = NOW - timedelta(minutes=7)
    strip.orders.tell(Setback("city", "A", "rina", "SDA-11 has refused:", "flat tyre", 2, of_crew=True, at=at))
    assert strip.notice.note == "07:53"
    hazard = NewHazard(1002, "Fire, Kemang", at)
    strip.orders.set_hazards((hazard,))
    assert (strip.notice.text, strip.notice.note) == ("Fire, Kemang", "07:53")
    strip.rig.steady_s += 1
    strip.orders.set_hazards((replace(hazard, number="931", words="market burns"),))
    assert strip.notice.text == "931 Fire, Kemang: market burns"
    seen: list[int] = []
    strip.orders.hazard_seen.connect(seen.append)
    strip.orders.see_off()
    assert seen == [1002], "its words came later, it is the same one"


def test_where_nobody_comes_is_told_before_what_is_over_and_what_another_does_already(strip: Strip) -> None:
    """A P1 of three seconds stood behind a colleague's closing, and behind an order that another had given."""
    strip.orders.tell(
        Setback("city", "B", "rina", "budi has closed B Flood:", "SDA-11 was let go", 1, of_crew=True, is_over=True)
    )
    edit_id = strip.order("A", "07", priority=1)
    strip.rig.outbox.on_outcome(
        Outcome(edit_id, EditState.CONFLICT, theirs={"unit": {"value": "07", "who": "budi", "at": NOW.isoformat()}})
    )
    wait_for(lambda: strip.banner._more == 1)
    strip.orders.set_hazards((NewHazard(1001, "Fire, Kemang"),))
    assert (strip.notice.text, strip.banner.count()) == ("Fire, Kemang", "2 other notices"), "F8 goes round P1 only"
    strip.orders.set_hazards(())
    assert (strip.notice.bold, strip.banner.count()) == ("budi has closed B Flood:", "1 of 2")
    strip.rig.steady_s += 1
    strip.orders.see_off()
    assert strip.notice.bold == "SDA-07 is on this report already, sent by budi:"


def test_a_take_that_another_has_ended_is_not_offered_to_be_undone(strip: Strip) -> None:
    """ "Take A Undo" stood there after a colleague had released the report, and Ctrl+Z was refused."""
    stack = strip.rig.undo_stack
    strip.rig.edit_commands.take(strip.rig.details(1001, "A"))
    strip.rig.edit_commands.take(strip.rig.details(1002, "B"))
    of = frozenset({(CLAIMS, "city", "B")})
    closed = Setback("city", "B", "rina", "budi has called SDA-07 back.", "", 3, of_crew=True, entry="h1")
    strip.orders.tell(closed)
    assert stack.newest is not None, "a crew that goes takes no report away"
    strip.orders.tell(replace(closed, bold="budi has released B Flood, which was yours.", of=of, entry="h2"))
    assert stack.newest is None
    assert [step.report for step in stack.remembered] == ["A"]


def test_what_another_has_ended_is_not_offered_to_be_undone(strip: Strip) -> None:
    """Ctrl+Z was to call a crew back that a colleague had called back: the server refused it."""
    strip.order("A", "07")
    strip.order("B", "07")
    strip.order("A", "11")
    lost: list[bool] = []
    strip.orders.undo_lost.connect(lambda: lost.append(True))
    ended = Setback("city", "A", "rina", "budi has closed A Flood:", "", 3, of_crew=True, entry="h1", units=("11",))
    strip.orders.tell(ended)
    assert lost == [True]
    assert strip.rig.undo_stack.newest is None, "the step before it is not what Ctrl+Z means"
    assert strip.rig.undo_stack.last_is_over
    strip.orders.tell(replace(ended, entry="h2", units=("07",)))
    assert [(step.report, step.data["unit"]) for step in strip.rig.undo_stack.remembered] == [("B", "07")]
    strip.order("C", "11")
    assert strip.rig.undo_stack.newest is not None
    assert strip.rig.undo_stack.newest.report == "C"
    ended_b = replace(ended, report="B", entry="h3", units=("07",))
    strip.orders.tell(ended_b)
    assert strip.rig.undo_stack.newest.report == "C", "the newest is still to be undone"


def test_a_recall_of_a_crew_that_has_left_is_only_seen_and_stands_behind_a_p1_without_a_crew(strip: Strip) -> None:
    """It was to be decided, and stood in red before a new fire: "SDA-14 changed Status, and so did you"."""
    undo = strip.taken_back(strip.order("A", "07", priority=1))
    done = {"value": "done", "who": "SDA-07", "at": (NOW - timedelta(minutes=7)).isoformat()}
    strip.rig.outbox.on_outcome(Outcome(undo, EditState.CONFLICT, theirs={"assignment": done}, version=4))
    notice = strip.wait("SDA-07 is on this report no more:")
    assert notice.level == "warn", "no crew has to be told anything"
    assert notice.text == "SDA-07 is “done” by now, since 07:53. Report A Water at A"
    assert [button[0] for button in notice.buttons] == ["lost_see", "lost_seen"]
    strip.orders.set_hazards((NewHazard(1002, "Fire, Kemang"),))
    assert strip.notice.bold == "New P1 without a crew:"
    strip.orders.set_hazards(())
    strip.rig.steady_s += 1
    strip.orders.see_off()
    wait_for(lambda: strip.banner.notice is None, what="it went by the key Seen")
    assert not strip.rig.outbox.lost


def test_a_recall_of_a_crew_that_is_there_by_now_says_so_and_offers_no_choice(strip: Strip) -> None:
    undo = strip.taken_back(strip.order("A", "07", priority=1))
    there = {"value": "on_scene", "who": "SDA-07", "at": NOW.isoformat()}
    strip.rig.outbox.on_outcome(Outcome(undo, EditState.CONFLICT, theirs={"assignment": there}, version=4))
    notice = strip.wait("SDA-07 was NOT recalled:")
    assert notice.text == "SDA-07 is “on scene” by now, since 08:00. Report A Water at A"
    assert [button[0] for button in notice.buttons] == ["lost_see", "lost_drop"]


def test_the_most_dangerous_reports_notice_is_first_whatever_its_kind(strip: Strip) -> None:
    """The refusal of a P1 stood behind a P3's lost order, unseen until that was answered."""
    strip.beaten(strip.order("C", "07", priority=3))
    strip.wait("SDA-07 was NOT sent")
    strip.orders.tell(Setback("city", "A", "rina", "SDA-11 has refused:", "flat tyre. Report A", 1, of_crew=True))
    assert strip.notice.bold == "SDA-11 has refused:"


def test_a_p1_that_a_colleague_gives_is_not_hidden_by_what_crews_write(strip: Strip) -> None:
    """It can be taken for two minutes, and stood behind notes that were only to be seen until those were over."""
    offer = OfferedReport("city", "B", "budi", "Flood, Kemang", 1, 1002, NOW)
    note = Setback("city", "A", "rina", "SDA-11 writes:", "ten minutes more. Report A", 1, of_crew=True, is_note=True)
    strip.orders.tell(note)
    strip.orders.set_offers((offer,))
    assert strip.notice.bold.startswith("budi gives you")
    strip.orders.set_hazards((NewHazard(1003, "Fire, Kemang"),))
    assert strip.notice.bold == "New P1 without a crew:"
    strip.orders.set_hazards(())
    strip.orders.set_offers((replace(offer, priority=2),))
    assert strip.notice.bold == "SDA-11 writes:", "but what is no P1 stands behind each of them"


def test_a_new_p1_stands_before_what_a_crew_writes(strip: Strip) -> None:
    """A note of a crew that queued at a level crossing hid ten P1 that had nobody, for five minutes."""
    written = Setback("city", "A", "rina", "SDA-11 writes:", "ten minutes more. Report A", 1, of_crew=True)
    strip.orders.tell(replace(written, is_note=True, row=1003))
    strip.orders.set_hazards((NewHazard(1003, "Fire, Kemang"),))
    assert strip.notice.bold == "New P1 without a crew:"
    strip.orders.tell(replace(written, report="C", bold="SDA-07 has refused:"))
    assert strip.notice.bold == "SDA-07 has refused:"


def test_a_take_over_does_not_stand_before_an_outage(strip: Strip) -> None:
    strip.orders.tell(Setback("city", "B", "rina", "budi has taken over B.", "Kemang", 1, of_crew=False))
    strip.sources.set_state(SourceState("city", "offline", since=NOW, as_of=NOW))
    strip.status.show()
    assert strip.notice.bold.startswith("Offline")


def test_a_lost_fact_names_its_report_and_what_it_was(strip: Strip) -> None:
    """It read "1 to decide"."""
    details = strip.rig.details(1001, "A")
    strip.rig.edit_commands.note(details, "gas smell")
    (note,) = strip.rig.saved(1)
    strip.rig.outbox.on_outcome(Outcome(note.id, EditState.ATTENTION, problem="The role viewer may not write notes."))
    notice = strip.wait("NOT sent: ")
    assert "gas smell" in notice.bold
    assert notice.text == "The role viewer may not write notes. Report A Water at A"
    assert notice.level == "warn"
    first = strip.order("B", "07")
    strip.beaten(first)
    strip.wait("SDA-07 was NOT sent")


def test_of_very_many_reports_left_here_the_most_urgent_is_told_and_all_are_counted(strip: Strip) -> None:
    left_by_budi(strip, *[3] * 60, 1)
    notice = strip.wait("budi took down 61 reports that no server has:")
    assert (notice.level, notice.text) == ("p1", "08:00 Flood: Water, house 61")
