"""Every action of the window as one row: what it is called, its keys and verbs, when it may be used, what it does."""

from __future__ import annotations

from dataclasses import dataclass

from api_client.model import AssignmentState, Kind
from console.panels import action_rules as rules
from console.panels.action import Action, Actions, CommandSyntax, MenuPlace
from console.panels.alarm_commands import AlarmCommands
from console.panels.closure_commands import ClosureCommands
from console.panels.colleague_commands import ColleagueCommands
from console.panels.command_line.line import CommandLineController
from console.panels.forms.drafts import Drafts
from console.panels.handover.page import HandoverPage
from console.panels.handover.shift import ShiftController
from console.panels.log import LogController
from console.panels.log_writer import LogWriter
from console.panels.map.controller import MapController
from console.panels.messages import MessagesController
from console.panels.notifications.lost_orders import LostOrders
from console.panels.outbox import OutboxController
from console.panels.report.clipboard import ReportClipboard
from console.panels.report.conflict_controller import ConflictController
from console.panels.report.contact import ReporterContact
from console.panels.report.merging import Merging
from console.panels.report_commands import ReportCommands
from console.panels.situation import SituationMonitor
from console.panels.undo_command import UndoCommand
from console.panels.unit_commands import UnitCommands
from console.panels.unit_stops import UnitStops
from console.panels.units import UnitsController
from console.rules.time_range import TimeRange
from console.window.city_map_commands import CityMapCommands
from console.window.log_printer import LogPrinter
from console.window.screen_lock import ScreenLock
from console.window.sign_in import SignInController
from console.window.sound_commands import SoundCommands
from console.window.visitor_commands import VisitorCommands
from console.window.web_map_commands import WebMapCommands
from console.window.window_commands import RANGE_TEXT, WindowCommands
from widgets.map.panel import MapPanel
from widgets.ticket.panel import TicketPanel


@dataclass(frozen=True)
class Receivers:
    """The objects that carry out the actions of a window."""

    reports: ReportCommands
    units: UnitCommands
    unit_stops: UnitStops
    undo: UndoCommand
    situation: SituationMonitor
    window: WindowCommands
    closures: ClosureCommands
    colleagues: ColleagueCommands
    handover: HandoverPage
    shift: ShiftController
    alarms: AlarmCommands
    messages: MessagesController
    city_map: CityMapCommands
    web_map: WebMapCommands
    report_clipboard: ReportClipboard
    contact: ReporterContact
    drafts: Drafts
    line: CommandLineController
    log: LogController
    log_printer: LogPrinter
    log_writer: LogWriter
    lost_orders: LostOrders
    map: MapController
    map_panel: MapPanel
    merging: Merging
    outbox: OutboxController
    conflict_controller: ConflictController
    screen_lock: ScreenLock
    sign_in: SignInController
    sound: SoundCommands
    ticket: TicketPanel
    units_list: UnitsController
    visitor: VisitorCommands | None = None
    """In a window of the demo only."""


A = Action[Receivers]
_Line = CommandSyntax[Receivers]
_NO_MORE = _Line(target="")
"""The verb stands alone, and is about no report."""


def _on_report(section: int, at: int) -> tuple[MenuPlace, ...]:
    return (MenuPlace("report", section, at),)


def _on_unit(section: int, at: int) -> tuple[MenuPlace, ...]:
    return (MenuPlace("unit", section, at),)


# fmt: off
ACTIONS = Actions[Receivers](
    (
        A("palette", "Commands, reports, units, places", ("/", "Ctrl+K"), "Window", lambda on: on.line.open()),
        A(
            "help", "All keys", ("?", "F1"), "Window", lambda on: on.window.show_keys(),
            words="help shortcuts keyboard manual",
        ),
        A("panel_queue", "Go to the queue", ("Ctrl+1",), "Window", lambda on: on.window.go_to_panel("queue")),
        A("panel_map", "Go to the map", ("Ctrl+2",), "Window", lambda on: on.window.go_to_panel("map")),
        A("reload_map", "Load the map again", (), "Window", lambda on: on.map_panel.reload()),
        A(
            "city_map", "City map: what there is, make one of a file, remove it", ("Ctrl+Shift+M",), "Window",
            lambda on: on.city_map.open(), words="streets basemap background openstreetmap osm pbf tools", asks=True,
        ),
        A(
            "web_map", "Web map: show it instead of the streets, or hide it", ("Ctrl+Shift+B",), "Window",
            lambda on: on.web_map.switch(), words="aerial satellite picture background xyz layer",
        ),
        A(
            "web_map_settings", "Web map: settings", (), "Window", lambda on: on.web_map.open_settings(),
            words="aerial satellite picture background xyz address provider preferences", asks=True,
        ),
        A("panel_units", "Go to the units", ("Ctrl+3",), "Window", lambda on: on.window.go_to_panel("units")),
        A("panel_report", "Go to the report", ("Ctrl+4",), "Window", lambda on: on.window.go_to_panel("report")),
        A("panel_charts", "Go to the charts", ("Ctrl+5",), "Window", lambda on: on.window.go_to_panel("charts")),
        A("panel_log", "Go to the log", ("Ctrl+6",), "Window", lambda on: on.window.go_to_panel("log")),
        A(
            "log_find", "Find in the log", ("Ctrl+Shift+F",), "Window", lambda on: on.log.begin_find(),
            words="search words people time",
        ),
        A(
            "log_filter", "Filter the log: by time, report, unit or person", (), "Window",
            lambda on: on.log.choose_filter(), words="search yesterday range", asks=True,
        ),
        A(
            "print_log", "Print the log as it is filtered, or save it as PDF", ("Ctrl+P",), "Window",
            lambda on: on.log_printer.begin(), rules.print_log, words="paper export pages", asks=True,
        ),
        A(
            "log_line", "Write a line of the log; with a number at its start it is a note of that report", ("Shift+L",),
            "Window", lambda on: on.log_writer.begin(), rules.log_line, Kind.LOG, words="note diary journal",
            asks=True,
        ),
        A("panel_alarms", "Go to the alarms", ("Ctrl+8",), "Window", lambda on: on.window.go_to_panel("alarms")),
        A(
            "panel_messages", "Go to the messages; from there, to whom to write", ("Ctrl+M",), "Window",
            lambda on: on.messages.go(), words="write chat crew unit role everyone",
        ),
        A("panel_outbox", "Go to the outbox", ("Ctrl+7",), "Window", lambda on: on.window.go_to_panel("outbox")),
        A(
            "handover_past", "Hand-overs of earlier shifts, each as PDF", (), "Window",
            lambda on: on.handover.choose_past(), words="shift print history archive", asks=True,
        ),
        A(
            "set_pin", "Set my PIN, by which I sign at a colleague's desk", (), "Window",
            lambda on: on.handover.set_pin(), words="sign hand over password", asks=True,
        ),
        A("panel_shift", "Go to the shift", ("Ctrl+0",), "Window", lambda on: on.window.go_to_panel("shift")),
        A(
            "roll_call", "Roll call: the next unit that was not called", ("Z",), "Units", lambda on: on.shift.go_on(),
            words="radio check units shift",
        ),
        A(
            "roll_call_again", "Roll call: begin again", (), "Units", lambda on: on.shift.begin_again(),
            words="radio check units shift",
        ),
        A(
            "handover", "Hand over the shift: its draft, in and out", ("Ctrl+H",), "Window",
            lambda on: on.handover.toggle(), words="shift change end sign next relief",
        ),
        A("next_range", "Charts: the next time range", ("Ctrl+Shift+T",), "Window", lambda on: on.window.next_range()),
        A("range_24h", RANGE_TEXT[TimeRange.DAY], (), "Window", lambda on: on.window.set_range(TimeRange.DAY)),
        A("range_7d", RANGE_TEXT[TimeRange.WEEK], (), "Window", lambda on: on.window.set_range(TimeRange.WEEK)),
        A("range_30d", RANGE_TEXT[TimeRange.MONTH], (), "Window", lambda on: on.window.set_range(TimeRange.MONTH)),
        A("range_1y", RANGE_TEXT[TimeRange.YEAR], (), "Window", lambda on: on.window.set_range(TimeRange.YEAR)),
        A("range_all", RANGE_TEXT[TimeRange.ALL], (), "Window", lambda on: on.window.set_range(TimeRange.ALL)),
        A(
            "next_panel", "Next panel, the open form among them", ("F6",), "Window",
            lambda on: on.window.next_panel(1), over_forms="leaves",
        ),
        A(
            "previous_panel", "Previous panel", ("Shift+F6",), "Window", lambda on: on.window.next_panel(-1),
            over_forms="leaves",
        ),
        A(
            "full_screen", "Full screen", ("F11",), "Window", lambda on: on.window.toggle_full_screen(),
            words="maximize",
        ),
        A(
            "reset_layout", "Reset the layout", ("Ctrl+Alt+0",), "Window", lambda on: on.window.reset_layout(),
            words="panels windows arrange",
        ),
        A(
            "text_larger", "Larger text", ("Ctrl++", "Ctrl+="), "Window", lambda on: on.window.scale_text(1),
            words="zoom in text font size bigger settings preferences",
        ),
        A(
            "text_smaller", "Smaller text", ("Ctrl+-",), "Window", lambda on: on.window.scale_text(-1),
            words="zoom out text font size settings preferences",
        ),
        A(
            "theme", "Dark or light", (), "Window", lambda on: on.window.switch_theme(),
            words="theme appearance colors colours mode settings preferences",
        ),
        A(
            "mute", "Mute all tones until the next P1, or hear them again", ("F10",), "Window",
            lambda on: on.sound.switch_mute(), words="silence quiet loud alarm audio", over_forms="stays",
        ),
        A(
            "sound_settings", "Sound: volume, and a test of each tone", (), "Window",
            lambda on: on.sound.open_settings(), words="settings preferences loud mute tone alarm", asks=True,
        ),
        A("refresh", "Try all servers now", ("F5",), "Window", lambda on: on.window.refresh()),
        A("retry_all", "Try again all that was refused", ("Ctrl+R",), "Window", lambda on: on.outbox.retry_all()),
        A(
            "sources", "Every server: how it is doing, and how old its data is", (), "Window",
            lambda on: on.window.show_sources(),
        ),
        A(
            "compare", "Compare with the server now, and read again what differs", (), "Window",
            lambda on: on.window.compare(),
        ),
        A(
            "believe", "Believe the comparison: drop the reports that the server has no longer", (), "Window",
            lambda on: on.window.believe(), rules.believe, words="missing lost gone deleted withdrawn",
        ),
        A(
            "sign_in", "Sign in with another token", ("Ctrl+Shift+S",), "Window", lambda on: on.sign_in.sign_in(),
            words="log in login",
        ),
        A(
            "sign_out", "Sign out", ("Ctrl+Shift+Q",), "Window", lambda on: on.sign_in.sign_out(),
            words="log out logout",
        ),
        A(
            "lock", "Lock the screen: your token, or a colleague's, unlocks it", ("Ctrl+L",), "Window",
            lambda on: on.screen_lock.lock(), over_forms="stays", words="seat break away hide privacy operator",
        ),
        A(
            "lock_after", "Lock the screen by itself: after how many minutes", (), "Window",
            lambda on: on.screen_lock.choose_minutes(), words="settings preferences idle away screensaver", asks=True,
        ),
        A(
            "names_in", "Names of the city in another language", (), "Window", lambda on: on.window.choose_names(),
            words="settings preferences translate language", asks=True,
        ),
        A("filter", "Filter the queue", ("Ctrl+F",), "Queue", lambda on: on.line.begin_filter()),
        A(
            "next_hazard", "Go to the P1 without a crew: the new, then the oldest", ("F8",), "Queue",
            lambda on: on.window.go_to_hazard(), rules.hazard, over_forms="leaves",
        ),
        A(
            "hazard_back", "Back to the form or list that was left for a P1 or a limit", ("Shift+F8",), "Queue",
            lambda on: on.window.go_back_from_hazard(),
        ),
        A(
            "alarm_acknowledge", "Acknowledge the alarms that are listed, or the P1 of the notice", ("F12",), "Queue",
            lambda on: on.alarms.acknowledge(), rules.alarm_new, Kind.ALARM, over_forms="stays", words="seen confirm",
        ),
        A(
            "alarm_silence", "Silence what calls, here; it waits to be acknowledged", ("Shift+F12",), "Queue",
            lambda on: on.alarms.silence(), rules.alarm_calls, over_forms="stays", words="mute quiet sound",
        ),
        A(
            "alarm_shelve", "Shelve the alarm for a while, with a reason, or take it off the shelf", ("Ctrl+F12",),
            "Queue", lambda on: on.alarms.shelve(), rules.alarms, Kind.ALARM, words="snooze later put away", asks=True,
        ),
        A(
            "clear_filter", "Clear all filters", ("Shift+Esc",), "Queue", lambda on: on.window.clear_filter(),
            rules.filtered,
        ),
        A("next_report", "Next report", ("J",), "Queue", lambda on: on.window.walk(1), rules.listed, repeats=True),
        A(
            "previous_report", "Previous report", ("K",), "Queue", lambda on: on.window.walk(-1), rules.listed,
            repeats=True,
        ),
        A(
            "go_on", "After each step go on to the next waiting report, or stay", (), "Queue",
            lambda on: on.window.switch_going_on(), words="settings preferences",
        ),
        A("tab_open", "Open reports", ("Alt+1",), "Queue", lambda on: on.window.show_tab("open")),
        A("tab_unassigned", "Unassigned reports", ("Alt+2",), "Queue", lambda on: on.window.show_tab("unassigned")),
        A("tab_mine", "My reports", ("Alt+3",), "Queue", lambda on: on.window.show_tab("mine")),
        A("tab_active", "Active reports", ("Alt+4",), "Queue", lambda on: on.window.show_tab("active")),
        A(
            "tab_validate", "Reports whose proof waits to be validated", ("Alt+5",), "Queue",
            lambda on: on.window.show_tab("validate"),
        ),
        A("tab_held", "Held reports", ("Alt+6",), "Queue", lambda on: on.window.show_tab("held")),
        A("tab_closed", "Closed reports", ("Alt+7",), "Queue", lambda on: on.window.show_tab("closed")),
        A(
            "moderation", "Reports whose words and photos wait for an official, or all again", (), "Queue",
            lambda on: on.window.show_moderation(), words="moderation publish withhold public text",
        ),
        A(
            "new_report", "New report", ("Ctrl+N",), "Report", lambda on: on.reports.begin_report(), rules.new_report,
            Kind.CREATE, verbs=("new",), syntax=_NO_MORE, asks=True,
        ),
        A(
            "drafts", "What was written and not saved", ("Ctrl+Shift+D",), "Report", lambda on: on.drafts.open(),
            asks=True,
        ),
        A(
            "take", "Take", ("T",), "Report", lambda on: on.reports.take(), rules.take, Kind.CLAIM, verbs=("t", "take"),
            menus=_on_report(1, 1), at_once=True,
        ),
        A(
            "release", "Release", ("Shift+T",), "Report", lambda on: on.reports.release(), rules.release, Kind.RELEASE,
            verbs=("rel", "release"), menus=_on_report(1, 2), at_once=True,
        ),
        A(
            "offer", "Give it to a colleague", ("Shift+W",), "Report", lambda on: on.colleagues.offer(), rules.offer,
            Kind.OFFER, words="hand pass offer operator share", verbs=("give",), menus=_on_report(1, 11), asks=True,
        ),
        A(
            "decline", "Decline what a colleague gives", (), "Report", lambda on: on.colleagues.decline(),
            rules.decline, Kind.DECLINE, words="refuse offer give", verbs=("decline",), menus=_on_report(1, 12),
            at_once=True,
        ),
        A(
            "colleagues", "Who is there, what each has, whose crews do not answer", (), "Window",
            lambda on: on.colleagues.show_all(), rules.supervises, asks=True,
            words="supervisor overview team operators signed in presence claims stuck orders",
        ),
        A(
            "recommend", "Recommended units", ("A",), "Report", lambda on: on.ticket.focus_advice(), rules.dispatch,
            Kind.DISPATCH, button="Another unit", menus=_on_report(1, 4),
        ),
        A(
            "dispatch", "Dispatch the first recommended unit", ("Ctrl+D",), "Report",
            lambda on: on.units.dispatch_first(), rules.dispatch_first, Kind.DISPATCH, button="Dispatch {unit}",
            verbs=("d", "dispatch"),
            syntax=_Line(
                lambda on, typed: on.units.dispatch_typed(typed), unit="required", of_report=True,
                says="Dispatch {unit}", target="to {target}", tells_other_work=True,
            ),
            menus=_on_report(1, 3), at_once=True,
        ),
        A(
            "divert", "Divert the nearest crew or the chosen unit to this P1", ("I",), "Report",
            lambda on: on.units.divert(), rules.divert, Kind.DISPATCH, words="call away busy redirect", button="Divert",
            menus=(*_on_report(1, 5), *_on_unit(1, 4)), asks=True,
        ),
        A(
            "assign", "Assign a unit without sending it", ("Shift+A",), "Report",
            lambda on: on.units.choose_to_assign(), rules.work, Kind.ASSIGN, button="Assign", verbs=("as", "assign"),
            syntax=_Line(
                lambda on, typed: on.units.assign_typed(typed), unit="required", of_report=True, says="Assign {unit}",
                target="to {target}", tells_other_work=True,
            ),
            menus=_on_report(1, 6), asks=True,
        ),
        A(
            "recall", "Recall the unit", ("Shift+R",), "Report", lambda on: on.units.choose_to_recall(), rules.recall,
            Kind.RECALL, button="Recall {unit}", verbs=("rc", "recall"),
            syntax=_Line(
                lambda on, typed: on.units.recall_typed(typed), unit="optional", of_report=True, says="Recall {unit}",
                target="from {target}",
            ),
            menus=_on_report(1, 7), at_once=True,
        ),
        A(
            "told", "The unit was told by radio", ("R",), "Report", lambda on: on.units.note_told_by_radio(),
            rules.tell_by_radio, menus=_on_report(1, 8), at_once=True,
        ),
        A(
            "wanted", "Give the expired order again", ("Y",), "Report", lambda on: on.units.wanted(), rules.wanted,
            menus=_on_report(1, 9), at_once=True,
        ),
        A(
            "settle", "Settle the conflict", ("S",), "Report",
            lambda on: on.conflict_controller.open(on.situation.current.conflict), rules.settle,
            menus=_on_report(1, 10),
        ),
        A(
            "lost_see", "Show the report, or the thread, of what was not sent", ("F2",), "Report",
            lambda on: on.lost_orders.see(), rules.noticed, over_forms="leaves",
        ),
        A(
            "lost_again", "Give it again; take, or send in my name, what a colleague gives or left", ("F3",), "Report",
            lambda on: on.lost_orders.give_again(), rules.give_again,
        ),
        A(
            "radio_told", "The unit in the notice was told by radio", ("F7",), "Report",
            lambda on: on.lost_orders.note_told_by_radio(), rules.radio_call, over_forms="stays",
        ),
        A(
            "lost_seen", "What the notice tells is seen", ("F4",), "Report", lambda on: on.lost_orders.see_off(),
            rules.seen, over_forms="stays",
        ),
        A(
            "lost_drop", "Drop the order that was not sent; decline what a colleague gives", ("Shift+F4",), "Report",
            lambda on: on.lost_orders.drop(), rules.drop, over_forms="stays",
        ),
        A(
            "priority", "Priority", ("P",), "Report", lambda on: on.reports.choose_priority(), rules.open_, Kind.SET,
            verbs=("p", "priority"),
            syntax=_Line(
                lambda on, typed: on.reports.priority_typed(typed), words="value", values=("1", "2", "3", "4"),
                not_a_value="“{words}” is not a priority. Write 1, 2, 3 or 4.", says="Priority {words}",
                says_alone="Choose the priority", target="for {target}",
            ),
            menus=_on_report(2, 4), asks=True,
        ),
        A(
            "category", "Category", ("C",), "Report", lambda on: on.reports.choose_category(), rules.open_, Kind.SET,
            menus=_on_report(2, 5), asks=True,
        ),
        A(
            "transfer", "Transfer to another area or agency", ("W",), "Report", lambda on: on.reports.choose_transfer(),
            rules.open_, Kind.SET, menus=_on_report(2, 7), asks=True,
        ),
        A(
            "place", "Place: give it one, or another", ("L",), "Report", lambda on: on.reports.ask_place(), rules.open_,
            Kind.SET, words="location address map", button="Give it a place", menus=_on_report(2, 6), asks=True,
        ),
        A(
            "merge", "Look at the possible duplicates, and merge", ("D",), "Report", lambda on: on.merging.open(),
            rules.duplicate, Kind.MERGE, menus=_on_report(2, 8), asks=True,
        ),
        A(
            "unmerge", "Undo the merge", ("Shift+D",), "Report", lambda on: on.reports.unmerge(), rules.unmerge,
            Kind.UNMERGE, menus=_on_report(2, 9), at_once=True,
        ),
        A(
            "hold", "Hold, with what it waits for", ("H",), "Report", lambda on: on.reports.hold(), rules.work,
            Kind.SET, button="Hold", verbs=("h", "hold"),
            syntax=_Line(lambda on, typed: on.reports.hold_typed(typed), words="written"), menus=_on_report(2, 3),
            asks=True,
        ),
        A(
            "note", "Note, internal", ("N",), "Report", lambda on: on.reports.ask_note(), rules.writable, Kind.NOTE,
            verbs=("n", "note"), syntax=_Line(lambda on, typed: on.reports.note_typed(typed), words="written"),
            menus=_on_report(3, 1), asks=True,
        ),
        A(
            "steps", "The steps of the run card: tick what is done", ("Q",), "Report",
            lambda on: on.ticket.focus_steps(), rules.steps, Kind.NOTE, words="checklist protocol book questions",
            menus=_on_report(3, 9),
        ),
        A(
            "reply", "Reply to the reporter", ("M",), "Report", lambda on: on.reports.ask_reply(), rules.writable,
            Kind.REPLY, verbs=("m", "reply"),
            syntax=_Line(lambda on, typed: on.reports.reply_typed(typed), words="written"), menus=_on_report(3, 2),
            asks=True,
        ),
        A(
            "publish", "Publish its words and photos", ("Shift+P",), "Report",
            lambda on: on.reports.publish(), rules.publish, Kind.SET, words="public moderation text show approve",
            menus=_on_report(3, 7), at_once=True,
        ),
        A(
            "withhold", "Withhold its words and photos from the public", ("Shift+U",), "Report",
            lambda on: on.reports.withhold(), rules.publish, Kind.SET, words="public moderation text hide unpublish",
            menus=_on_report(3, 8), at_once=True,
        ),
        A(
            "handover_note", "Note it for the next shift", ("Shift+H",), "Report", lambda on: on.handover.note_report(),
            rules.chosen, words="hand over handover remark", menus=_on_report(3, 6), asks=True,
        ),
        A(
            "caller_adds", "The caller adds …", ("Shift+N",), "Report", lambda on: on.reports.ask_caller(), rules.open_,
            Kind.ME_TOO, words="telephone phone call again me too note", menus=_on_report(3, 5), asks=True,
        ),
        A(
            "photo", "Add a photo or proof", ("F",), "Report", lambda on: on.reports.ask_photo(), rules.writable,
            Kind.PHOTO, button="Add photo", menus=_on_report(3, 3), asks=True,
        ),
        A(
            "photos", "Look at the photos, two side by side", ("Shift+F",), "Report",
            lambda on: on.ticket.compare_photos(), rules.photos,
        ),
        A(
            "submit", "Hand in for validation", ("Ctrl+Return",), "Report", lambda on: on.reports.submit(),
            rules.to_validation, Kind.SET, button="Hand in", menus=_on_report(2, 2), at_once=True,
            still_of_form="Not handed in: that key was still the form's",
        ),
        A(
            "validate", "Validate or return the proof", ("Shift+V",), "Report", lambda on: on.reports.validate(),
            rules.validate, Kind.VALIDATE, button="Validate or return", menus=_on_report(2, 1), asks=True,
        ),
        A(
            "close", "Close without work", ("X",), "Report", lambda on: on.reports.close(), rules.work, Kind.CLOSE,
            button="Close", verbs=("x", "close"),
            syntax=_Line(lambda on, typed: on.reports.close_typed(typed), words="written"), menus=_on_report(2, 10),
            asks=True,
        ),
        A(
            "reopen", "Reopen", ("Shift+X",), "Report", lambda on: on.reports.reopen(), rules.reopen, Kind.REOPEN,
            menus=_on_report(2, 11), asks=True,
        ),
        A(
            "contact", "Show the reporter (logged)", ("Shift+C",), "Report", lambda on: on.contact.ask(), rules.chosen,
            menus=_on_report(3, 4),
        ),
        A(
            "copy", "Copy in one line", ("Ctrl+C",), "Report", lambda on: on.window.copy(), rules.copied,
            menus=_on_report(4, 2),
        ),
        A(
            "copy_number", "Copy the number", ("Ctrl+Shift+C",), "Report", lambda on: on.report_clipboard.copy_number(),
            rules.numbered, menus=_on_report(4, 3),
        ),
        A(
            "copy_place", "Copy the coordinates", (), "Report", lambda on: on.report_clipboard.copy_place(),
            rules.placed, menus=_on_report(4, 4),
        ),
        A(
            "copy_link", "Copy the link", (), "Report", lambda on: on.report_clipboard.copy_link(), rules.numbered,
            menus=_on_report(4, 5),
        ),
        A(
            "close_here", "Close the street here, or mark a flooded area", (), "Report",
            lambda on: on.closures.close_at_report(), rules.close_here, Kind.CLOSURE,
            words="flood block road closure detour", menus=_on_report(2, 12), asks=True,
        ),
        A(
            "close_street", "Close the street in the middle of the map, or mark a flooded area", ("Ctrl+Shift+X",),
            "Map", lambda on: on.closures.close_at_middle(), rules.new_report, Kind.CLOSURE,
            words="flood block road closure detour", asks=True,
        ),
        A(
            "draw_area", "Draw a flooded or closed area on the map, corner by corner", (), "Map",
            lambda on: on.closures.draw(), rules.new_report, Kind.CLOSURE, words="flood polygon closure detour",
            asks=True,
        ),
        A(
            "closures", "Closed streets and flooded areas: change them, open them again", ("Ctrl+Shift+O",), "Map",
            lambda on: on.closures.choose(), rules.closures, Kind.CLOSURE, words="flood end open road closure detour",
            asks=True,
        ),
        A(
            "map_fit", "Fit the map to the list", ("*",), "Map", lambda on: on.map.fit_to_list(),
            words="auto-fit autofit zoom view locked",
        ),
        A(
            "go_to", "Show on the map", ("G",), "Report", lambda on: on.window.go_to(), rules.placed,
            menus=_on_report(4, 1),
        ),
        A(
            "copy_unit", "Copy the unit in one line", (), "Units", lambda on: on.report_clipboard.copy_unit(),
            rules.unit_chosen, menus=_on_unit(3, 1),
        ),
        A(
            "unit_stops", "Order of the unit's stops, with times", ("Shift+O",), "Units",
            lambda on: on.unit_stops.show(), rules.unit_chosen, verbs=("stops",), words="route tour jobs arrival",
            syntax=_Line(
                lambda on, typed: on.unit_stops.show_typed(typed), unit="required", says="Stops of {unit}",
                target="in their best order",
            ),
            menus=_on_unit(1, 5), asks=True,
        ),
        A(
            "message_unit", "Write a message to the unit", (), "Units", lambda on: on.messages.write_to_unit(),
            rules.unit_chosen, Kind.MESSAGE, menus=_on_unit(3, 2),
        ),
        A(
            "units_available", "List the available units only, or all", (), "Units",
            lambda on: on.units_list.switch_available(),
        ),
        A(
            "en_route", "Unit en route", ("E",), "Units", lambda on: on.units.step(AssignmentState.EN_ROUTE),
            rules.unit_step, Kind.PROGRESS, button="{unit} en route", verbs=("en",),
            syntax=_Line(
                lambda on, typed: on.units.step_typed(typed), unit="required", says="{unit}", target="is en route",
            ),
            menus=_on_unit(1, 1), at_once=True, of_unit=True,
        ),
        A(
            "on_scene", "Unit on scene", ("O",), "Units", lambda on: on.units.step(AssignmentState.ON_SCENE),
            rules.unit_step, Kind.PROGRESS, button="{unit} on scene", verbs=("os",),
            syntax=_Line(
                lambda on, typed: on.units.step_typed(typed), unit="required", says="{unit}", target="is on scene",
            ),
            menus=_on_unit(1, 2), at_once=True, of_unit=True,
        ),
        A(
            "done", "Unit done", ("V",), "Units", lambda on: on.units.step(AssignmentState.DONE), rules.unit_step,
            Kind.PROGRESS, button="{unit} done", verbs=("dn", "done"),
            syntax=_Line(
                lambda on, typed: on.units.step_typed(typed), unit="required", says="{unit}",
                target="is done with its job",
            ),
            menus=_on_unit(1, 3), at_once=True, of_unit=True,
        ),
        A(
            "available", "Unit available", ("Shift+B",), "Units", lambda on: on.units.set_state("available"),
            rules.unit, Kind.UNIT_STATE, verbs=("av",),
            syntax=_Line(
                lambda on, typed: on.units.state_typed(typed), unit="required", says="{unit}", target="is available",
            ),
            menus=_on_unit(2, 1),
        ),
        A(
            "break", "Unit on break", ("B",), "Units", lambda on: on.units.set_state("break"), rules.unit,
            Kind.UNIT_STATE, verbs=("br",),
            syntax=_Line(
                lambda on, typed: on.units.state_typed(typed), unit="required", says="{unit}", target="is on break",
            ),
            menus=_on_unit(2, 2),
        ),
        A(
            "unavailable", "Unit unavailable, with a reason", ("U",), "Units",
            lambda on: on.units.set_state("unavailable"), rules.unit, Kind.UNIT_STATE, verbs=("un",),
            syntax=_Line(
                lambda on, typed: on.units.unavailable_typed(typed), unit="required", words="written", says="{unit}",
                target="is unavailable",
            ),
            menus=_on_unit(2, 3), asks=True,
        ),
        A(
            "undo", "Undo", ("Ctrl+Z",), "Report", lambda on: on.undo.undo(), rules.undo, verbs=("undo",),
            syntax=_NO_MORE, over_forms="stays", refuse=lambda on: on.undo.refuse(),
        ),
        A("quit", "Quit", ("Ctrl+Q",), "Window", lambda on: on.window.close(), words="exit close"),
    )
)
# fmt: on
