"""The composition root: builds every object of a window, connects them, and starts and ends what they need."""

from __future__ import annotations

import base64
import logging
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from importlib.resources import files
from typing import Any

from PySide6.QtCore import QObject, QPoint, QRect, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QCursor, QDesktopServices
from PySide6.QtWidgets import QApplication, QWidget

from api_client.model import MOST_CLOSURE_POINTS, UnitState
from console import logs
from console.cache.catalog import CityUnit
from console.cache.reader import CacheReader
from console.city_map.basemap import Basemap
from console.city_map.speeds import hour_of_week
from console.error_text import describe
from console.images.process import ImageProcess
from console.outbox.link import OutboxLink, ProofsFound, Question
from console.panels.action import Actions
from console.panels.action_runner import ActionRunner
from console.panels.alarm_commands import AlarmCommands
from console.panels.alarms import Alarms
from console.panels.board_updater import BoardUpdater
from console.panels.charts import ChartsController
from console.panels.closure_commands import ClosureCommands, area_fault
from console.panels.closures import Closures
from console.panels.colleague_commands import ColleagueCommands
from console.panels.command_line.line import CommandLineController
from console.panels.edit_commands import EditCommands
from console.panels.edit_notifications import EditNotifications
from console.panels.forms.drafts import Drafts
from console.panels.forms.forms import Forms, FormSurroundings
from console.panels.going_on import GoingOn
from console.panels.handover.page import HandoverPage
from console.panels.handover.questions import HandoverQuestions
from console.panels.handover.shift import ShiftController
from console.panels.handover.signing import HandoverSigning
from console.panels.key_guard import KeyGuard
from console.panels.kpi import KpiController
from console.panels.log import LogController
from console.panels.log_writer import LogWriter
from console.panels.map.city_areas import CityAreas
from console.panels.map.controller import MapController
from console.panels.map.crowd import CrowdList
from console.panels.map.places import MapPlaces
from console.panels.map.street_way import StreetWay
from console.panels.map.streets import Streets
from console.panels.map.web_map import WebMapPictures
from console.panels.messages import MessagesController, Thread
from console.panels.notifications.alarm_calls import AlarmCalls
from console.panels.notifications.attendance import Attendance
from console.panels.notifications.attention import Attention
from console.panels.notifications.crew_notes import CrewNotes
from console.panels.notifications.hazards import Hazards
from console.panels.notifications.lost_orders import LostOrders, lost_with
from console.panels.notifications.offers import Offers
from console.panels.notifications.refusals import Refusals
from console.panels.notifications.restores import Restores
from console.panels.outbox import OutboxController
from console.panels.qt_outbox import QtOutbox
from console.panels.queue import QueueController
from console.panels.report.callers import CallerFinder
from console.panels.report.clipboard import ReportClipboard
from console.panels.report.conflict_controller import ConflictController
from console.panels.report.contact import ReporterContact
from console.panels.report.details import ReportDetails, ReportDetailsReader
from console.panels.report.diverting import Diverting
from console.panels.report.merging import Merging
from console.panels.report.nearby import NearbyFinder
from console.panels.report.photos import PhotoCards
from console.panels.report.recommendations import Recommender
from console.panels.report.recreate_form import RecreateForm
from console.panels.report.ticket import TicketController
from console.panels.report_commands import ReportCommands
from console.panels.situation import AlarmsSituation, SituationMonitor
from console.panels.sources import Sources
from console.panels.status import StatusController
from console.panels.travel_times import TravelTimes
from console.panels.undo_command import UndoCommand
from console.panels.undo_offer import UndoOffer
from console.panels.undo_stack import UndoStack
from console.panels.unit_commands import UnitCommands
from console.panels.unit_stops import UnitStops
from console.panels.units import UnitsController, count_states
from console.panels.window_state import WindowState
from console.rules.alarms import AlarmState
from console.rules.filter import Filter
from console.rules.handover import LONGEST_REMARK
from console.rules.messages import (
    Fetch,
    Source,
    SyncNow,
    WebMap,
)
from console.rules.names import languages_chosen
from console.rules.queued import Queued
from console.rules.scoped_code import ScopedCode
from console.rules.time_range import TimeRange
from console.settings import (
    CityZone,
    Settings,
    Tokens,
    city_zone,
    operator_of,
)
from console.tasks import Tasks
from console.window.actions import ACTIONS, Receivers
from console.window.area_drawing import AreaDrawing
from console.window.cache_readers import CacheReaders
from console.window.city_map_commands import CityMapCommands
from console.window.claims import Claims
from console.window.close_guard import CloseGuard
from console.window.context_menus import ContextMenus
from console.window.demo_server import DEMO_TIMEZONE, DemoServer
from console.window.demo_streets import DemoStreets, StreetsFollower
from console.window.desktop_notices import DesktopNotices
from console.window.garbage import collect_garbage, collect_only_here, keep_objects
from console.window.keyboard_focus import KeyboardFocus
from console.window.log_printer import LogPrinter
from console.window.map_picker import MapPicker
from console.window.map_supervisor import MapSupervisor
from console.window.network import Network
from console.window.options import WindowHandover, WindowOptions
from console.window.presence import PresenceReporter
from console.window.report_lookup import ReportLookup
from console.window.screen_lock import ScreenLock
from console.window.screenshot import Screenshot
from console.window.settings_store import SettingsStore
from console.window.shortcuts import Shortcuts
from console.window.sign_in import SignInController
from console.window.sound_commands import SoundCommands
from console.window.sound_supervisor import SoundSupervisor
from console.window.sources import FollowedSources
from console.window.succession import Succession
from console.window.sync_arrivals import SyncArrivals
from console.window.sync_supervisor import SyncSupervisor
from console.window.tour import Tour
from console.window.tour_steps import Seen, tour_steps
from console.window.visitor_commands import VisitorCommands
from console.window.web_map_commands import WebMapCommands
from console.window.window_commands import WindowCommands, system_language
from widgets.alarms import AlarmsPanel
from widgets.charts import ChartsPanel
from widgets.command import CommandLine
from widgets.handover import HANDOVER_CAPS, HandoverPanel
from widgets.kpi import KpiStrip
from widgets.lock import LockScreen
from widgets.log import LogPanel
from widgets.map.panel import MapPanel
from widgets.messages import MessagesPanel
from widgets.notice import Banner
from widgets.outbox import OutboxPanel
from widgets.palette import Palette
from widgets.queue.panel import QueuePanel
from widgets.shell import FRAME, Shell
from widgets.shift import SHIFT_CAPS, ShiftPanel
from widgets.statusbar import StatusBar
from widgets.symbols import Symbols
from widgets.theme import Theme, font_files, load_theme
from widgets.ticket.panel import TicketPanel
from widgets.units import UnitsPanel
from widgets.visitor import VisitorStrip

_log = logging.getLogger(__name__)
_TICK_MS = 1000
_AHEAD = timedelta(seconds=30)
"""So long before another hour begins the map gets ready for it."""
_LONG_S = 60.0
"""How long the status bar says what a start found and what a slow job could not do."""


class ConsoleWindow(QObject):
    """One window with everything behind it: panels, sync process, outbox, workers. `open` starts it, `close`
    ends it.
    """

    succeeded = Signal()
    """Another window is to take the place of this one; `handover` is what it goes on with."""

    def __init__(
        self,
        app: QApplication,
        options: WindowOptions,
        settings: Settings,
        tokens: Tokens,
        demo: DemoServer | None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        actions: Actions[Receivers] = ACTIONS,
        streets: DemoStreets | None = None,
    ) -> None:
        super().__init__()
        self.action_table = actions
        self._app, self._options, self._tokens, self._demo = app, options, tokens, demo
        self._streets = streets
        self._clock = clock
        self._zone = CityZone(city_zone(settings.sources, DEMO_TIMEZONE if demo is not None else None))
        self._readers = CacheReaders(options.profile)
        self._seen_told_in_vain: frozenset[ScopedCode] = frozenset()
        self.handover: WindowHandover | None = None
        """What the window that takes the place of this one goes on with; None while none does."""
        me = demo.user if demo is not None else operator_of(settings) or "local"

        self.tasks = Tasks("worker", 2, self)
        self.photo_tasks = Tasks("photos", 1, self)
        self.settings = SettingsStore(options.profile, settings, self.tasks, is_demo=options.demo, parent=self)
        self.sources = Sources(
            list(settings.sources), self._zone, clock, actions, self, signed_out=lambda: self.settings.here.signed_out
        )
        self.window_state = WindowState(
            me, Filter(), self._zone, actions, self, names=lambda: self.sign_in.names(), city_name=self.sources.name
        )
        self.window_state.set_range(settings.charts_range)
        self.window_state.set_languages(languages_chosen(settings.names_in, system_language()))
        self.sync_supervisor = SyncSupervisor(self)
        self.network = Network(self)
        self.outbox = QtOutbox(
            options.profile,
            self.sync_supervisor.send,
            clock=self._clock,
            ids=lambda: str(uuid.uuid4()),
            order_lifetime_s=settings.order_lifetime_s,
            parent=self,
            author=me,
            why_reading_only=lambda source: self.sign_in.why_reading_only(source),
            why_not_allowed=lambda source, kind: self.sign_in.why_not_allowed(source, kind),
            offset=self.sources.offset,
        )
        self.outbox_link = OutboxLink(self.outbox, self._read_for_edits, back=lambda _: self.photos.try_again())
        self.board_updater = BoardUpdater(
            self.window_state,
            self.tasks,
            self.reader,
            lambda: self.now().timestamp(),
            self.outbox.remote_of,
            lambda: self.sources.keys,
            self.outbox.is_anothers,
            self,
        )
        self.report_lookup = ReportLookup(self.window_state, self.board_updater, self.outbox, self.tasks, self.reader)
        self.undo_stack = UndoStack(self.outbox, self)
        self.edit_commands = EditCommands(self.outbox, self.undo_stack)
        self._build_widgets()
        self._build_controllers()
        self._build_window_matters()
        self._connect()

    # Time and readers

    def now(self) -> datetime:
        """The time that the window shows, and by which it counts the ages of reports: that of the first source's
        server.

        An edit for another source, and the units of that source, go by that source's own clock: see `time_at`.
        """
        return self.time_at(self.sources.first)

    def time_at(self, source: str) -> datetime:
        """The present time by the clock of a source's server: this computer's clock plus the difference that was
        measured.
        """
        return self._clock() + self.sources.offset(source)

    def reader(self) -> CacheReader:
        """The cache reader of the calling worker thread."""
        return self._readers.of_thread()

    # Building

    def _build_widgets(self) -> None:
        resources, cap = files("resources"), self.action_table.cap
        tokens_text = (resources / "tokens.json").read_text(encoding="utf-8")
        symbols_text = (resources / "symbols.json").read_text(encoding="utf-8")
        self.theme: Theme = load_theme(self._options.theme, tokens_text, self.settings.here.text_scale)
        self.theme.apply(self._app)
        self.symbols = Symbols(symbols_text, self.theme)
        self.kpi = KpiStrip(self.theme, self.symbols)
        self.banner = Banner(self.theme, self.symbols)
        self.queue = QueuePanel(
            self.theme,
            self.symbols,
            panel_key=cap("panel_queue"),
            filter_key=cap("filter"),
        )
        self.ticket = TicketPanel(
            self.theme,
            self.symbols,
            panel_key=cap("panel_report"),
            place_viewer=self._place_viewer,
            section_keys={
                "card": cap("steps"),
                "photos": cap("photos"),
                "advice": cap("recommend"),
                "duplicates": cap("merge"),
                "timeline": cap("note"),
            },
        )
        self.units = UnitsPanel(self.theme, self.symbols)
        self.alarms_panel = AlarmsPanel(self.theme, self.symbols)
        self.shift_panel = ShiftPanel(self.theme, self.symbols)
        self.handover_panel = HandoverPanel(self.theme, self.symbols, cap("handover"), LONGEST_REMARK)
        self.log_panel = LogPanel(self.theme, line_key=cap("log_line"))
        self.messages_panel = MessagesPanel(self.theme, self.symbols)
        self.outbox_panel = OutboxPanel(self.theme, all_key=cap("retry_all"))
        self.charts = ChartsPanel(self.theme)
        self.command = CommandLine(self.theme, open_key=cap("palette"))
        self.status = StatusBar(self.theme, undo_key=cap("undo"))
        self.visitor_strip = VisitorStrip(self.theme, key=cap("visitor")) if self._has_visitor else None
        self.palette = Palette(self.theme, self.symbols)
        self.lock_page = LockScreen(self.theme)
        basemap = Basemap(self._options.profile, self.settings.here.basemap)
        mapped = self._streets.folder if self._streets is not None else self._options.profile
        self.map_supervisor = MapSupervisor(mapped, self.tasks, self)
        self.street_way = StreetWay(self.map_supervisor.ask, self, hour=self._hour_of_week)
        self.web_map = WebMapPictures(
            self._options.profile, self.settings.here.web_map, self.sync_supervisor.send, self
        )
        self.closures = Closures(
            self.window_state,
            self.outbox,
            self.time_at,
            self.map_supervisor.close_shapes,
            self,
            as_of=lambda _: self.sources.as_of(),
            is_away=self.sources.is_away,
        )
        self.map_controller = MapController(
            self.window_state,
            basemap,
            self.tasks,
            self.time_at,
            self,
            street_way=self.street_way,
            web_map=self.web_map,
            closures=self.closures,
        )
        self._streets_follower = (
            StreetsFollower(self._streets, self.map_controller, self.tasks, self) if self._streets is not None else None
        )
        self.map = MapPanel(
            self.theme,
            symbols_text,
            self.map_controller.handlers(),
            lambda work, done: self.tasks.submit(work, done),
            fonts={path.name.split("[")[0].split("-")[0]: path for path in font_files()},
        )
        self.window = Shell(
            self.theme,
            self.kpi,
            self.banner,
            self.queue,
            self.map,
            self.ticket,
            [
                ("units", self.tr("Units"), self.units),
                ("alarms", self.tr("Alarms"), self.alarms_panel),
                ("log", self.tr("Log"), self.log_panel),
                ("outbox", self.tr("Outbox"), self.outbox_panel),
            ],
            [
                ("charts", self.tr("Charts"), self.charts),
                ("messages", self.tr("Messages"), self.messages_panel),
                ("shift", self.tr("Shift"), self.shift_panel),
            ],
            self.command,
            self.status,
            tab_keys={
                "units": cap("panel_units"),
                "alarms": cap("panel_alarms"),
                "log": cap("panel_log"),
                "outbox": cap("panel_outbox"),
                "charts": cap("panel_charts"),
                "shift": cap("panel_shift"),
                "messages": cap("panel_messages"),
            },
            is_usable=lambda cap, panel: self.shortcuts.is_usable(cap, panel),
            is_usable_elsewhere=lambda cap: self.shortcuts.is_usable_elsewhere(cap),
            may_close=lambda: self.close_guard.may_close(),
            has_report=lambda: bool(self.window_state.row),
            visitor=self.visitor_strip,
            page=("handover", self.handover_panel),
            own_keys={"handover": HANDOVER_CAPS, "shift": SHIFT_CAPS},
        )
        self.window.setWindowTitle("Sigap")
        self.images = ImageProcess()
        self.map_places = MapPlaces(
            self.map_supervisor.ask,
            self,
            is_invented=lambda: self.map_supervisor.invented,
            near=self.map_controller.looked_at,
            areas=CityAreas(self.window_state, self.tasks, self),
        )
        self.map_picker = MapPicker(self.window, self.map, lambda: self.forms.covered, self)
        self.forms = Forms(
            self.window,
            self.theme,
            self.symbols,
            self.window_state,
            self.outbox,
            self.photo_tasks,
            self.images,
            self._options.profile,
            self._zone,
            self.now,
            self.say,
            self.say_long,
            room=self.window.form_room,
            free=self.window.view_room,
            covers_report=lambda: self.window.shows_one,
            around=FormSurroundings(
                photo_wanted=self.ticket.look_closely,
                pin_wanted=self.map_picker.show_pin,
                place_wanted=self.map_picker.start,
                place_unwanted=self.map_picker.end,
                earlier_of=NearbyFinder(self.window_state, self.tasks, self.reader, self.time_at, self).find,
                caller_of=lambda source, phone, then: self.callers.find(source, phone, then),
                may_find_callers=lambda source: self.callers.may_find(source),
                streets_of=lambda source, text, then: self.streets.find(source, text, then),
                map_places=self.map_places,
                page_room=self.window.page_room,
            ),
        )

    def _build_controllers(self) -> None:
        now, zone, tasks, reader, window_state = self.now, self._zone, self.tasks, self.reader, self.window_state
        self.queue_controller = QueueController(self.queue, window_state, self.board_updater, tasks, reader, now, self)
        self.ticket_controller = TicketController(
            self.ticket,
            window_state,
            zone,
            now,
            self,
            to_call_back=lambda: self.outbox.to_call_back,
            is_not_sent=lambda edit: self.outbox.is_not_sent(edit, away=self.sources.is_away(edit.source)),
            lost_with=partial(lost_with, self.outbox),
            closures=self.closures,
        )
        self.travel_times = TravelTimes(self.map_supervisor.ask, self, hour=self._hour_of_week)
        self._speeds_hour = self._hour_of_week()
        self.units_controller = UnitsController(
            self.units,
            window_state,
            tasks,
            reader,
            zone,
            self.time_at,
            self,
            told_in_vain=lambda: self.outbox.told_in_vain,
            told_and_waiting=lambda: self.outbox.told_and_waiting,
            leaves_text=self._leaves_text,
            travel_times=self.travel_times,
        )
        self.charts_controller = ChartsController(
            self.charts, window_state, self.sources.age_words, zone, now, self, as_of=self.sources.as_of
        )
        self.outbox_controller = OutboxController(
            self.outbox_panel,
            window_state,
            self.outbox,
            zone,
            now,
            self,
            why_reading_only=lambda source: self.sign_in.why_reading_only(source),
            is_away=self.sources.is_away,
            is_left=lambda source: self._demo is None and not self.sources.follows(source),
        )
        self.log_controller = LogController(
            self.log_panel,
            window_state,
            tasks,
            reader,
            self.outbox,
            self.sources,
            zone,
            now,
            self.forms,
            lambda: self.window.show_tab("log"),
            self,
            is_signed_out=lambda source: source in self.settings.here.signed_out,
        )
        self.kpi_controller = KpiController(self.kpi, window_state, self.sources, zone, now, self)
        self.crowd = CrowdList(window_state, self.board_updater, tasks, reader, now, self)
        self.streets = Streets(window_state, tasks, reader, self)
        self.details_reader = ReportDetailsReader(window_state, self.board_updater, tasks, reader, now, self)
        self.recommender = Recommender(
            window_state,
            tasks,
            reader,
            self.units_controller.crews,
            lambda: self.board_updater.pending,
            self.time_at,
            self,
            told_in_vain=self.units_controller.told_in_vain,
            travel_times=self.travel_times,
            is_unit_chosen=lambda: self.ticket.is_unit_chosen,
            avoids=self.closures.avoided_text,
            has_closures=lambda source: bool(self.closures.in_force(source)),
        )
        self.photos = PhotoCards(
            self.photo_tasks, self.images, self.forms.photo_file, self._fetch_photo, zone, now, self,
            areas_of=lambda source: window_state.catalog(source).areas,
        )  # fmt: skip
        self.status_controller = StatusController(
            self.status, self.banner, window_state, self.sources, self._zone, now, self, who=lambda: self.sign_in.who()
        )
        status = self.status_controller
        self.lost_orders = LostOrders(
            self.outbox, window_state, self.undo_stack, status, self.sources, zone, now, parent=self
        )
        self._build_commands()
        UndoOffer(self.status, status, self.undo_stack, self.outbox, window_state, self.sources, self)
        self.going_on = GoingOn(
            window_state, lambda: self.situation.chosen, self.sources.is_away, lambda: self.settings.here.go_on, self
        )
        self.report_clipboard = ReportClipboard(
            window_state,
            lambda: self.situation.chosen,
            self._source_of,
            zone,
            now,
            QApplication.clipboard().setText,
            self,
        )
        self.merging = Merging(
            window_state,
            self.edit_commands,
            self.forms,
            self.photos,
            lambda: self.situation.with_duplicates,
            self.details_reader.look_at,
            lambda details: self.situation.title_of(details),
            zone,
            now,
            self,
        )
        self.log_printer = LogPrinter(
            self.log_controller,
            window_state,
            self.forms,
            self.sources,
            self._options.profile,
            zone,
            now,
            lambda source: self.sign_in.rights_at(source),
            lambda path: QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))),
            self,
        )
        self.log_writer = LogWriter(
            self.log_panel,
            tasks,
            reader,
            self.outbox,
            self.edit_commands,
            self.sources,
            self.forms.mark,
            self._read_details,
            self.situation.is_outside,
            self.window.current_panel,
            self.window.focus_panel,
            lambda: self.window.show_tab("log"),
            self,
        )
        self.recreate_form = RecreateForm(window_state, self.outbox, self.edit_commands, self.forms, zone, now, self)
        self.drafts = Drafts(
            window_state,
            self.outbox,
            self.actions,
            self.situation,
            self.report_commands,
            self.unit_commands,
            self.closure_commands,
            self.forms,
            tasks,
            reader,
            self.board_updater.local_row,
            self,
        )
        self.command_line_controller = CommandLineController(
            self.command,
            self.palette,
            window_state,
            self.action_table,
            self.actions,
            self.situation,
            self.unit_commands,
            self.outbox,
            self.forms.mark,
            tasks,
            reader,
            self.window.work_room,
            self.forms.held_keys.hold_for,
            self,
            map_places=self.map_places,
        )
        self.conflict_controller = ConflictController(
            self.outbox, self.forms, self.edit_commands, self.recreate_form, window_state, zone, now, self
        )
        self.hazards = Hazards(
            window_state,
            self.tasks,
            self.reader,
            self.outbox.followed,
            self,
            rights_at=lambda source: self.sign_in.rights_at(source),
        )
        self.alarms = Alarms(
            window_state,
            self.tasks,
            self.reader,
            self.outbox,
            self.edit_commands,
            self.sources,
            self.hazards,
            self.units_controller.crews,
            self.time_at,
            self,
            rights_at=lambda source: self.sign_in.rights_at(source),
            zone_at=self.zone_at,
        )
        self.alarm_commands = AlarmCommands(
            self.alarms_panel,
            self.alarms,
            window_state,
            self.forms,
            self.time_at,
            lambda: self.lost_orders.told_row,
            lambda: self.lost_orders.was_meant(),
            zone,
            self,
            rights_at=lambda source: self.sign_in.rights_at(source),
            show_panel=lambda: self.window.show_tab("alarms"),
        )
        self.attendance = Attendance(self)
        self.shift_controller = ShiftController(
            self.shift_panel,
            window_state,
            self.sources,
            self.attendance,
            self.outbox.followed,
            self.actions,
            self.time_at,
            zone,
            self,
            rights_at=lambda source: self.sign_in.rights_at(source),
            show_panel=lambda: self.window.focus_panel("shift"),
            why_no_break=lambda crew: self.unit_commands.why_not_in_state(crew, UnitState.BREAK),
        )
        self.handover_signing = HandoverSigning(
            window_state, self.forms, self.sync_supervisor.send, self.sources.is_away, self
        )
        self.handover_page = HandoverPage(
            self.handover_panel,
            window_state,
            self.sources,
            self.outbox,
            self.forms,
            self.situation,
            self.actions,
            self.tasks,
            self.reader,
            self.units_controller.crews,
            self.time_at,
            self.zone_at,
            self,
            rights_at=lambda source: self.sign_in.rights_at(source),
            show_panel=self._show_handover,
            signing=self.handover_signing,
            questions=HandoverQuestions(
                window_state,
                self.outbox,
                self.edit_commands,
                why_not_to=lambda source, to: self.messages.why_not_written(source, to),
                quick_texts=lambda source: self.messages.city_texts(source),
                is_signed_out=lambda source: source in self.settings.here.signed_out,
                tr=self.tr,
            ),
            files=self.photo_tasks,
            missing=lambda: self.shift_controller.missing,
            edits_of=self.board_updater.edits_of,
            ids=lambda: str(uuid.uuid4()),
        )
        self.messages = MessagesController(
            self.messages_panel,
            window_state,
            tasks,
            reader,
            self.outbox,
            self.edit_commands,
            self.forms,
            self.sources,
            zone,
            self.time_at,
            parent=self,
            rights_at=lambda source: self.sign_in.rights_at(source),
            quick_texts=lambda: self.settings.here.quick_texts,
            show_panel=lambda: self.window.focus_panel("messages"),
            is_locked=lambda: self.screen_lock.is_locked,
            is_signed_out=lambda source: source in self.settings.here.signed_out,
        )
        self.alarm_calls = AlarmCalls(window_state, self.hazards, self.alarms, self)
        self.attention = Attention(
            is_muted=self.settings.here.is_muted,
            keep_muted=lambda muted: self.settings.keep_behind(lambda settings: setattr(settings, "is_muted", muted)),
            parent=self,
        )
        self.callers = CallerFinder(
            self.window_state,
            self.tasks,
            self.reader,
            self.sync_supervisor.send,
            lambda source: self.sign_in.rights_at(source),
            lambda: self.now().timestamp(),
            self,
        )
        self.contact = ReporterContact(self.details_reader, self.outbox, self.sync_supervisor.send, status, self)
        self.presence = PresenceReporter(self.sync_supervisor.send)
        self.edit_notifications = EditNotifications(
            self.outbox,
            window_state,
            self.undo_stack,
            self.forms,
            self.command_line_controller,
            self.situation,
            self.status,
            status,
            self,
        )

    def _build_commands(self) -> None:
        """What actions depend on, who runs them, and who carries them out on reports and units."""
        window_state, edit_commands, forms = self.window_state, self.edit_commands, self.forms
        self.situation = SituationMonitor(
            window_state,
            self.undo_stack,
            lambda: self.sources.first,
            self,
            rights_at=lambda source: self.sign_in.rights_at(source),
            why_reading_only=lambda source: self.sign_in.why_reading_only(source),
            notice=lambda: self.lost_orders.notice_state,
            doubted=lambda: self.sources.doubted,
            is_pointing=lambda: self.map.is_picking,
            takes_new_only=self.sources.takes_new_only,
            has_closures=lambda: bool(self.closures.shown),
            alarms=self._alarms_situation,
        )
        self.key_guard = KeyGuard(window_state, self.situation, parent=self)
        self.actions = ActionRunner(
            self.action_table, lambda: self._receivers, self.situation, self.key_guard, forms, self
        )
        self.report_commands = ReportCommands(
            window_state, edit_commands, forms, self.situation, self.actions, lambda: self.sources.first, self
        )
        self.diverting = Diverting(
            window_state,
            edit_commands,
            forms,
            self.situation,
            self.key_guard,
            self._read_details,
            self._zone,
            self.now,
            self,
        )
        self.diverting.message.connect(self.actions.message)
        self.unit_commands = UnitCommands(
            window_state,
            edit_commands,
            forms,
            self.situation,
            self.actions,
            self.key_guard,
            self,
            unit_in_sight=self.units.bring_in_sight,
            read_report=self.report_lookup.read,
            asks_to_divert=self.diverting.asks,
        )
        self.unit_stops = UnitStops(
            window_state,
            edit_commands,
            self.unit_commands,
            forms,
            self.tasks,
            self.reader,
            self.map_supervisor.ask,
            self._zone,
            self.time_at,
            self.units_controller.crews,
            self,
            hour=self._hour_of_week,
            avoids=self.closures.avoided_text,
            has_closures=lambda source: bool(self.closures.in_force(source)),
        )
        self.unit_stops.message.connect(self.actions.message)
        self.closure_commands = ClosureCommands(
            window_state,
            self.closures,
            edit_commands,
            forms,
            self.situation,
            self.map_supervisor.ask,
            lambda: self.sources.first,
            self.outbox.time_at,
            self._map_middle,
            AreaDrawing(
                self.window, self.map, area_fault, MOST_CLOSURE_POINTS, self.say, lambda: self.forms.covered, self
            ),
            self,
            reveal=self.map.reveal,
        )
        self.undo_command = UndoCommand(window_state, self.undo_stack, forms, self.situation, self.actions, self)

    @property
    def _has_visitor(self) -> bool:
        return self._demo is not None and "visitor" in self.action_table

    def _make_visitor_commands(self) -> VisitorCommands | None:
        if self._demo is None or self.visitor_strip is None:
            return None
        return VisitorCommands(
            self._demo,
            self.visitor_strip,
            self.window_state,
            self._map_middle,
            self.say,
            self.window_commands.refresh,
            self.window.focus_panel,
            self.window.current_panel,
            lambda: self.focus.panel,
            self._make_tour(self._demo),
            self,
        )

    def _make_tour(self, demo: DemoServer) -> Tour:
        seen = Seen(
            self.window_state,
            self.situation,
            self.outbox,
            demo.network,
            self.map,
            self.actions,
            lambda: all(state == "live" for state in self.sources.states().values()),
            self.palette.isVisible,
            self._go_back,
        )
        cap = self.action_table.cap
        steps = tour_steps(seen, self.action_table)
        return Tour(self.theme, self.window, steps, self.say, self, skip_key=cap("tour_skip"), end_key=cap("tour"))

    def _build_window_matters(self) -> None:
        """Build what belongs to no panel: followed sources, sign-in, screenshots, presence, the window's own
        actions.
        """
        window_state, sources, status = self.window_state, self.sources, self.status_controller
        self.followed_sources = FollowedSources(
            self._options.profile,
            self.settings,
            self._tokens,
            self._demo,
            self.sync_supervisor,
            sources,
            self.outbox,
            window_state,
            self._zone,
            status,
            self.kpi_controller,
            self,
        )
        self.claims = Claims(window_state, self.outbox, self.tasks, self.reader, self)
        SyncArrivals(
            self.sync_supervisor,
            self.outbox_link,
            self.board_updater,
            sources,
            self.attendance,
            self.situation,
            self.ticket_controller,
            self.units_controller,
            self.kpi_controller,
            self,
        )
        self.refusals = Refusals(window_state, self.tasks, self.reader, self.outbox.followed, self.attendance, self)
        self.crew_notes = CrewNotes(window_state, self.tasks, self.reader, self.outbox.followed, self.attendance, self)
        self.offers = Offers(
            window_state, self.tasks, self.reader, self.edit_commands, self._read_details, self.time_at, self
        )
        self.colleagues = ColleagueCommands(
            window_state,
            self.edit_commands,
            self.forms,
            self.situation,
            self.key_guard,
            self.attendance,
            self.tasks,
            self.reader,
            self.time_at,
            self,
        )
        self.restores = Restores(window_state, self.tasks, self.reader, self.outbox.followed, self)
        self.sign_in = SignInController(
            self.settings,
            self._tokens,
            self.followed_sources,
            sources,
            window_state,
            self.outbox,
            self.undo_stack,
            self.forms,
            self.outbox_controller,
            status,
            self.claims,
            self,
        )
        self.succession = Succession(
            self.window,
            self.queue.view,
            self.ticket,
            window_state,
            self.board_updater,
            self.details_reader,
            self.undo_stack,
            sources,
            self.units_controller,
            self.forms.held_keys,
            self,
        )
        self.screenshot = Screenshot(
            self._options,
            self.window,
            window_state,
            sources,
            self.queue,
            self.map_controller,
            self.charts,
            self.outbox_controller,
            self,
        )
        self.window_commands = WindowCommands(
            self.window,
            self.queue,
            self.action_table,
            window_state,
            self.details_reader,
            self.map_controller,
            self.forms,
            self.report_clipboard,
            self.hazards,
            sources,
            self.sync_supervisor,
            self.settings,
            status,
            self,
        )
        self.city_map_commands = CityMapCommands(
            self._options.profile,
            self._options.profile_name,
            self.forms,
            self.tasks,
            self,
            keeps=not self._options.demo,
        )
        self.sound = SoundSupervisor(self, is_wanted=self._options.sound)
        self.sound_commands = SoundCommands(
            self.attention, self.sound, self.settings, self.kpi_controller, self.forms, self
        )
        self.desktop_notices = DesktopNotices(self.window, self.symbols, self)
        self.screen_lock = ScreenLock(
            self.window,
            self.lock_page,
            self.forms,
            self.settings,
            sources,
            window_state,
            self.sign_in,
            self.tasks,
            self.sync_supervisor.send,
            self.now,
            self._zone,
            self,
        )
        self.web_map_commands = WebMapCommands(self.web_map, self.forms, self._keep_web_map, self)
        self.visitor_commands = self._make_visitor_commands()
        self._receivers = Receivers(
            reports=self.report_commands,
            units=self.unit_commands,
            unit_stops=self.unit_stops,
            undo=self.undo_command,
            situation=self.situation,
            window=self.window_commands,
            closures=self.closure_commands,
            colleagues=self.colleagues,
            handover=self.handover_page,
            shift=self.shift_controller,
            alarms=self.alarm_commands,
            messages=self.messages,
            city_map=self.city_map_commands,
            web_map=self.web_map_commands,
            report_clipboard=self.report_clipboard,
            contact=self.contact,
            drafts=self.drafts,
            line=self.command_line_controller,
            log=self.log_controller,
            log_printer=self.log_printer,
            log_writer=self.log_writer,
            lost_orders=self.lost_orders,
            map=self.map_controller,
            map_panel=self.map,
            merging=self.merging,
            outbox=self.outbox_controller,
            conflict_controller=self.conflict_controller,
            screen_lock=self.screen_lock,
            sign_in=self.sign_in,
            sound=self.sound_commands,
            ticket=self.ticket,
            units_list=self.units_controller,
            visitor=self.visitor_commands,
        )

        self.close_guard = CloseGuard(
            self._app, window_state, self.outbox_controller, self.forms, self._clock, self.leave, self,
            is_locked=lambda: self.screen_lock.is_locked,
        )  # fmt: skip
        self.focus = KeyboardFocus(self.window, self.queue, self.ticket, self.command, self.situation, self)
        self.shortcuts = Shortcuts(
            self.action_table,
            self.actions,
            self.situation,
            self.window,
            self.ticket,
            self.forms,
            self.palette,
            self.say,
            self,
        )
        self._build_menus()

    def _build_menus(self) -> None:
        self.menus = ContextMenus(
            self.window,
            self.action_table,
            self.actions,
            self.situation,
            self.window_state,
            self.forms,
            self.report_clipboard,
            self.map,
            self,
            map_places=self.map_places,
            closures=self.closures,
            closure_commands=self.closure_commands,
        )
        self.menus.bind_reports(self.queue, self.ticket, self.units, self.crowd)
        self.menus.bind_outbox(self.outbox_panel, self.outbox_controller)
        self.menus.bind_alarms(self.alarms_panel, self.alarm_commands)
        self.menus.bind_log(self.log_panel, self.log_controller)
        self.menus.bind_filter(self.queue, self.queue_controller)
        self.menus.bind_charts(self.charts, self.charts_controller)

    def _connect(self) -> None:
        self.map_controller.bind(self.map)
        self.network.back.connect(lambda: self.sync_supervisor.send(SyncNow()))
        self.network.watch()
        self.sync_supervisor.outcome.connect(self.edit_notifications.on_outcome)  # while the outbox has the edit
        self.sync_supervisor.outcome.connect(self.outbox_link.take)
        self.sync_supervisor.revealed.connect(self.contact.on_revealed)
        self.sync_supervisor.caller_found.connect(self.callers.on_found)
        self.sync_supervisor.signed_in.connect(self.sign_in.on_signed_in)
        self.sync_supervisor.signed_in.connect(self.screen_lock.on_signed_in)
        self.sync_supervisor.token_owner.connect(self.screen_lock.on_token_owner)
        self.sync_supervisor.source_state.connect(self.sign_in.on_source_state)
        self.sync_supervisor.zone_told.connect(self.followed_sources.on_zone_told)
        self.sync_supervisor.fetched.connect(self.photos.on_fetched)
        self.sync_supervisor.tile_brought.connect(self.web_map.on_brought)
        self.sync_supervisor.restarted.connect(self.web_map.try_again)
        self.network.back.connect(self.web_map.try_again)
        self.map.ground_switched.connect(self.web_map_commands.switch)
        self.sync_supervisor.restarted.connect(self.outbox.on_restarted)
        self.sources.message.connect(self.say)
        for speaker in (
            self.actions,
            self.report_clipboard,
            self.drafts,
            self.going_on,
            self.hazards,
            self.recreate_form,
            self.merging,
            self.outbox_controller,
            self.conflict_controller,
            self.city_map_commands,
            self.web_map_commands,
            self.sound_commands,
            self.closure_commands,
            self.alarms,
            self.alarm_commands,
            self.messages,
            self.log_controller,
            self.handover_page,
            self.handover_signing,
            self.shift_controller,
            self.screen_lock,
            self.colleagues,
            self.offers,
            self.log_writer,
            self.log_printer,
        ):
            speaker.message.connect(self.say)
        self.settings.unreadable.connect(self._on_failed)
        self.followed_sources.zone_changed.connect(self._on_zone_changed)
        self.followed_sources.rights_changed.connect(self.situation.look_again)
        self.sign_in.operator_leaves.connect(self.forms.close_open)
        self.sign_in.operator_leaves.connect(self.command_line_controller.clear_lines)
        self.sign_in.operator_leaves.connect(self.log_writer.clear)
        self.sign_in.operator_leaves.connect(self.screen_lock.on_operator_leaves)
        self.sign_in.operator_leaves.connect(self.messages.leave)
        self.sign_in.rights_changed.connect(self._on_rights_changed)
        self.outbox.opened.connect(self.outbox_link.on_opened)
        self.outbox.opened.connect(self.edit_notifications.on_opened)
        self.outbox.opened.connect(self.sign_in.on_work_opened)
        self.outbox.opened.connect(self.outbox_controller.set_opened)
        self.outbox.unavailable.connect(self.edit_notifications.on_unavailable)
        self.outbox.trouble.connect(self._on_failed)
        self.outbox.too_late.connect(self.edit_notifications.on_too_late)
        self.outbox.taken_back.connect(self.edit_notifications.on_taken_back)
        self.board_updater.arrived.connect(self._on_arrived)
        self.board_updater.crowded.connect(self._on_crowded)
        self.board_updater.ready.connect(keep_objects)
        self.sources.changed.connect(self.status_controller.show)
        self.outbox.reports_changed.connect(self._on_reports_changed)
        self.outbox.changed.connect(lambda _: self.outbox_controller.show())
        self.outbox.changed.connect(lambda _: self._look_at_told_in_vain())
        self.outbox.refused.connect(self.edit_notifications.on_refused)
        self.outbox.saved.connect(self.edit_notifications.on_saved)
        self.details_reader.changed.connect(self._on_details)
        self.details_reader.failed.connect(lambda error: self.ticket_controller.say_unread(describe(error)))
        self.recommender.changed.connect(self._on_recommendations)
        self.travel_times.changed.connect(self.recommender.refresh)
        self.closures.streets_changed.connect(self._on_streets_changed)
        if self._streets_follower is not None:
            self._streets_follower.drawn.connect(self._on_streets_drawn)
        self.closures.changed.connect(self.recommender.refresh)
        self.closures.changed.connect(self.ticket_controller.show)
        self.sources.changed.connect(self.map_controller.show_closures)
        self.recommender.merged_changed.connect(self.ticket_controller.set_merged)
        self.photos.changed.connect(self.ticket_controller.set_photos)
        self.photos.changed.connect(self.report_commands.set_photos)
        self.situation.changed.connect(self.ticket_controller.set_situation)
        self.report_commands.created.connect(self.board_updater.choose_when_shown)
        self.undo_stack.pushed.connect(self.going_on.on_step)
        self.undo_stack.undone.connect(self.going_on.on_undone)
        self.undo_stack.undone.connect(lambda step: self.forms.leave_other(step.source, step.report))
        self.ticket.number_clicked.connect(lambda: self.actions.run("copy_number"))
        self.outbox_controller.copy_wanted.connect(self.report_clipboard.copy)
        self.map.crowd_picked.connect(self.crowd.ask)
        self.going_on.went.connect(self.focus.leave_report)
        self.going_on.next_shown.connect(self.key_guard.show_next)
        self.going_on.comes_back.connect(self.queue.expect)
        self.going_on.goes_back.connect(self._go_back)
        self.board_updater.report_created.connect(self.queue.expect)
        self.ticket.action.connect(self.actions.act)
        self.ticket.step_chosen.connect(self.report_commands.tick)
        self.ticket.step_taken_back.connect(self.report_commands.take_tick_back)
        self.ticket.advice_chosen.connect(self.unit_commands.dispatch_chosen)
        self.ticket.duplicate_opened.connect(self.window_state.choose)
        self.ticket.strip_action.connect(self._on_strip)
        self.queue.urgent_asked.connect(lambda: self.actions.run("next_hazard"))
        self.queue.filter_asked.connect(lambda: self.actions.run("filter"))
        self.banner.notice_action.connect(self.actions.run)
        self.kpi_controller.action.connect(self.actions.run)
        self.status.undo_asked.connect(lambda: self.actions.run("undo"))
        self.status.cell_chosen.connect(self._on_cell)
        self.outbox_controller.conflict_opened.connect(self.conflict_controller.open)
        self.outbox_controller.report_opened.connect(self.report_lookup.choose)
        self.outbox_controller.keep_asked.connect(self.recreate_form.open)
        self.lost_orders.undo_lost.connect(self.status.hide_undo)
        self.lost_orders.settle_asked.connect(self.conflict_controller.open)
        self.lost_orders.report_opened.connect(self.report_lookup.choose)
        self.lost_orders.thread_wanted.connect(lambda source, key: self.messages.write_to(Thread(source, key)))
        self.lost_orders.changed.connect(self.situation.look_again)
        self.lost_orders.hazard_seen.connect(self.hazards.see)
        self.lost_orders.hazard_seen.connect(self.alarm_commands.acknowledge_row)
        self.alarms.changed.connect(self.situation.look_again)
        self.alarms.called.connect(lambda _: self.situation.look_again())
        self.alarm_commands.counted.connect(self._on_alarms_counted)
        self.alarm_commands.report_opened.connect(self._open_report)
        self.alarm_commands.unit_opened.connect(self._open_unit)
        self.alarm_commands.handover_opened.connect(self.handover_page.open)
        self.alarm_commands.list_opened.connect(self._open_list)
        self.alarm_commands.source_opened.connect(lambda: self.actions.run("sources"))
        self.sync_supervisor.touched.connect(self.log_controller.on_touched)
        self.log_controller.print_wanted.connect(lambda: self.actions.run("print_log"))
        self.log_controller.copy_wanted.connect(self.report_clipboard.copy)
        self.log_controller.noted.connect(lambda words: self.window.set_tab_note("log", words))
        self.log_controller.report_opened.connect(self._open_report)
        self.log_controller.unit_opened.connect(self._open_unit)
        self.log_controller.closure_opened.connect(self.closure_commands.change)
        self.sync_supervisor.request_done.connect(self.handover_signing.on_done)
        self.sync_supervisor.restarted.connect(self.handover_signing.on_restarted)
        self.shift_controller.unit_opened.connect(self._show_unit)
        self.shift_controller.counted.connect(lambda words: self.window.set_tab_note("shift", words))
        self.sign_in.rights_changed.connect(self.shift_controller.show)
        self.handover_page.report_opened.connect(self.window_state.choose)
        self.handover_page.unit_opened.connect(self._show_unit)
        self.drafts.handover_wanted.connect(self.handover_page.open)
        self.lost_orders.hazard_opened.connect(self.window_commands.go_to_hazard)
        self.hazards.unseen_changed.connect(self.lost_orders.set_hazards)
        self.hazards.comes_in.connect(self.queue.expect)
        self.alarm_calls.changed.connect(lambda _: self._on_calls())
        self.messages.called.connect(lambda _: self._on_calls())
        self.messages.counted.connect(self._on_messages_counted)
        self.messages.report_opened.connect(self._open_report)
        self.sync_supervisor.touched.connect(self.messages.on_touched)
        self.attention.came.connect(self._tell_outside)
        self.screen_lock.changed.connect(self._on_locked)
        self.desktop_notices.clicked.connect(self.come_forward)
        self.board_updater.arrived.connect(self.hazards.on_arrived)
        self.claims.taken_over.connect(self.lost_orders.tell)
        self.offers.setback_found.connect(self.lost_orders.tell)
        self.offers.changed.connect(self.lost_orders.set_offers)
        self.offers.changed.connect(lambda _: self._on_calls())
        self.lost_orders.offer_answered.connect(lambda offer, takes: self.offers.answer(offer, takes=takes))
        for follower in (self.refusals, self.crew_notes, self.restores):
            follower.setback_found.connect(self.lost_orders.tell)
        for looks in (
            self.claims.look,
            self.refusals.look,
            self.hazards.look,
            self.alarms.look,
            self.crew_notes.look,
            self.restores.look,
            self.offers.look,
        ):
            self.sign_in.rights_changed.connect(looks)
        for on_seen in (self.claims.on_seen, self.refusals.on_seen, self.crew_notes.on_seen, self.restores.on_seen):
            self.lost_orders.setback_seen.connect(on_seen)
        self.drafts.long_message.connect(self.say_long)
        self.drafts.edit_opened.connect(self.conflict_controller.open)
        self.drafts.line_wanted.connect(self.command_line_controller.take_up)
        self.drafts.log_line_wanted.connect(self.log_writer.take_up)
        self.drafts.thread_wanted.connect(lambda source, key: self.messages.write_to(Thread(source, key)))
        self.outbox.opened.connect(self.drafts.tell)
        self.outbox_controller.count_changed.connect(self._on_outbox_count)
        self.map.drawn.connect(self.screenshot.on_drawn)
        self.screenshot.over.connect(self._on_picture_over)
        self.map_controller.notice_changed.connect(self.status_controller.set_map)
        self.map_controller.place_picked.connect(self.forms.set_place)
        self.map.pick_left.connect(self.forms.end_pick)
        self.map_picker.changed.connect(self.situation.look_again)
        self.ticket.viewer_closed.connect(self.forms.come_back)
        self.forms.room_settled.connect(self._keep_viewer_clear)
        self.board_updater.failed.connect(self._on_failed)
        self.tasks.failed.connect(self._on_failed)
        self.window.compact_changed.connect(lambda _: self._tick())
        self.command_line_controller.place_sought.connect(self.map_picker.show_sought)
        self.window_state.selection_changed.connect(self.map_picker.forget_sought)
        self.command_line_controller.unit_sought.connect(self.map_controller.go_to_unit)
        self.command_line_controller.sight_kept.connect(self.queue.view.keep_sight)
        self.command_line_controller.came_back.connect(self.queue.view.back_to_sight)
        self.window.room_moved.connect(self.forms.on_room_moved)
        self.window_commands.look_changed.connect(self._on_look_changed)
        self.window.closed.connect(self._remember)
        self.window_state.range_changed.connect(self._on_range)
        self.window_state.selection_changed.connect(self.focus.show_first)
        self._timer = QTimer(self, interval=_TICK_MS)
        self._timer.timeout.connect(self._tick)

    # Life

    def open(self) -> None:
        """Show the window, then start everything else."""
        size = self._options.size
        kept = self.settings.here.layouts.get(self._options.perspective, "")
        if size is not None:
            self.window.resize(*size)
        elif not (kept and not self._options.reset_layout and self.window.restore_layout(base64.b64decode(kept))):
            # The whole screen, also where no window manager knows what maximized means.
            self.window.setGeometry(self._app.primaryScreen().availableGeometry())
            self.window.setWindowState(Qt.WindowState.WindowMaximized)
        if self._options.screenshot is not None:
            QCursor.setPos(self.window.geometry().bottomRight())  # nothing in the picture is hovered over
        self.screen_lock.take_up()
        self.window.show()
        _log.info("window after %.2f s", logs.since_start_s())
        collect_only_here()
        self.board_updater.start()
        self._timer.start()
        self._tick()
        if not self.screen_lock.is_locked:
            self.queue.setFocus(Qt.FocusReason.ActiveWindowFocusReason)
        self.followed_sources.begin()
        if self._options.mended:
            self.say_long(self._options.mended)
            self.status_controller.set_found(self._options.mended)
        if self._demo is None:
            self.settings.watch()
        self.screenshot.start()
        self.sound.look_again()
        if self._streets_follower is not None:
            self._streets_follower.start()

    def close(self) -> None:
        """Stop everything in order: forms, timers, outbox, sync process, worker threads; then delete the widgets."""
        if self._options.screenshot is None:
            self.screenshot.write_state()
        self.forms.close_open()
        self.log_writer.clear()
        self.succession.close()
        self.settings.close()
        self._timer.stop()
        if self._streets_follower is not None:
            self._streets_follower.close()
        self.followed_sources.close()
        if self.visitor_commands is not None:
            self.visitor_commands.close()
        self.outbox.close()
        self.sync_supervisor.stop()
        self.city_map_commands.close()
        self.map_supervisor.stop()
        self.sound.stop()
        self.desktop_notices.close()
        self.tasks.shutdown()
        self.photo_tasks.shutdown()
        self.log_printer.stop()
        self._readers.close()
        if self.handover is not None and self.window.isVisible():
            self.window.become_picture()  # until the one that takes its place is there
        else:
            self.window.deleteLater()
        self.map.shut()
        # What signals call holds this object, and with it each of its widgets: Qt has to end the signals.
        self.deleteLater()

    @property
    def exit_code(self) -> int:
        """The exit code of the program: not 0 when a screenshot failed or the demo server ended by itself."""
        return self.screenshot.exit_code or int(self.followed_sources.demo_died)

    def _on_picture_over(self) -> None:
        self.leave()
        self._app.quit()

    def _keep_web_map(self, web_map: WebMap | None) -> str:
        """Write which web map the profile allows; why that could not be done, "" when it was."""
        return self.settings.keep(lambda settings: setattr(settings, "web_map", web_map))

    def zone_at(self, source: str) -> tzinfo:
        """The zone of a source's city; the window's where its server has told none yet."""
        return city_zone([one for one in self.settings.here.sources if one.key == source], self._zone.name)

    def _on_zone_changed(self) -> None:
        self.board_updater.refresh()
        self.log_controller.begin_again()
        self.details_reader.read()
        self.outbox_controller.show()
        self._tick()

    def _on_rights_changed(self) -> None:
        self.board_updater.refresh()  # whose claims are the operator's
        self.outbox_controller.show()
        self.log_controller.begin_again()  # which lines are his own
        self.situation.look_again()
        self.status_controller.show()

    def _hour_of_week(self) -> int:
        """The hour by the city's clock, whose speeds count."""
        return hour_of_week(self.now().astimezone(self._zone))

    def _on_streets_drawn(self) -> None:
        self.map_supervisor.try_again()
        self._ask_ways_again(streets_changed=False)

    def _on_streets_changed(self) -> None:
        self._ask_ways_again(streets_changed=True)

    def _ask_ways_again(self, *, streets_changed: bool) -> None:
        """Other streets are closed, or open again, or another hour has begun, or there is a map at last: all ways are
        asked for anew.
        """
        self.travel_times.ask_again(streets_changed=streets_changed)
        self.street_way.ask_again()
        self.recommender.refresh()
        self.map_controller.set_units(self.units_controller.crews())

    def _map_middle(self) -> tuple[float, float] | None:
        seen = self.map.last_view
        if seen is None:
            return None
        (west, south, east, north), _ = seen
        return (south + north) / 2, (west + east) / 2

    def _tick(self) -> None:
        self.closures.look()
        hour = self._hour_of_week()
        if hour != self._speeds_hour:
            self._speeds_hour = hour
            self._ask_ways_again(streets_changed=False)
        ahead = hour_of_week((self.now() + _AHEAD).astimezone(self._zone))
        if ahead != hour:
            self.map_supervisor.look_ahead(ahead)
        self.queue_controller.tick()
        self.ticket_controller.tick()
        self.units_controller.tick()
        self.charts_controller.tick()
        self.outbox_controller.tick()
        self.log_controller.tick()
        self.messages.tick()
        self.offers.tick()
        self.lost_orders.show()
        self.alarms.tick()
        self.alarm_commands.tick()
        self.handover_page.tick()
        self.situation.look_again()
        crews = self.units_controller.crews()
        self.map_controller.set_units(crews)
        self.kpi_controller.set_units(count_states(crews, self.time_at) if self.window_state.view is not None else None)
        self.kpi_controller.set_alarm_load(self.alarms.load if self.alarms.is_known else None)
        self.kpi_controller.show()
        self.status_controller.show()
        self.command_line_controller.follow_room()
        self.screen_lock.tick()
        self.screenshot.look()
        collect_garbage()

    def _remember(self) -> None:
        if self._options.screenshot is not None:
            return
        layout = base64.b64encode(self.window.save_layout()).decode()

        def remember(settings: Settings) -> None:
            settings.layouts[self._options.perspective] = layout

        self.settings.keep(remember)

    # Leaving

    def leave(self) -> None:
        """Close the window without a question; what waits is on the disk."""
        self.close_guard.no_question()
        self.window.close()

    def _on_look_changed(self, message: str) -> None:
        """Have this window replaced by another one with the new theme or text size, as widgets take colours and sizes
        only when they are made.
        """
        self.handover = self.succession.hand_on(message, self.focus.panel)
        self.close_guard.no_question()
        self._remember()
        self.succeeded.emit()

    def take_up(self, handover: WindowHandover, before: Shell | None = None) -> None:
        """Go on where the previous window (`before`) stopped. It stays on the screen as a picture until this one has
        the keyboard.
        """
        self.succession.take_up(handover, before)
        self.attention.go_on()
        self.outbox.opened.disconnect(self.drafts.tell)  # it is no start: who works here knows what he left
        self.say(handover.message)

    # From the sync process

    def _fetch_photo(self, source: str, sha256: str | None, url: str | None) -> None:
        self.sync_supervisor.send(Fetch(source, sha256, url))

    # From the outbox

    def _on_reports_changed(self, changed: dict[tuple[str, str | None], tuple[Queued, ...]]) -> None:
        self.board_updater.on_edits(changed)
        details = self.details_reader.current
        if details is not None and (mine := changed.get((details.source, details.key))) is not None:
            with self.ticket_controller.at_once():
                self.ticket_controller.set_outbox(mine)
                self.situation.set_outbox(mine)
        names = {name for _, key in changed if key is not None for name in (key, self.outbox.remote_of(key))}
        if self.window_state.row and (details is None or details.key in names):
            self.details_reader.read()
        self.recommender.refresh()  # who was just sent to another report is not free for this one

    def _on_outbox_count(self, count: int) -> None:
        self.kpi_controller.set_outbox(count, self.outbox_controller.decisions)
        self.kpi_controller.show()
        self.status_controller.set_waiting(count)
        self.window.set_tab_label("outbox", self.tr("Outbox"), str(count))

    def _alarms_situation(self) -> AlarmsSituation:
        new = self.alarms.count(AlarmState.NEW) + self.alarms.count(AlarmState.RETURNED)
        is_told = self.lost_orders.told_row > 0
        return AlarmsSituation(bool(self.alarms.listed), new > 0 or is_told, bool(self.alarms.calling) or is_told)

    def _on_calls(self) -> None:
        """What calls the operator: alarms, which are known once all reports are read, and unread messages."""
        alarms = self.alarm_calls.calls
        self.attention.set_calls((*alarms, *self.messages.calls, *self.offers.calls) if alarms is not None else None)

    def _on_messages_counted(self, unread: int) -> None:
        self.window.set_tab_label("messages", self.tr("Messages"), str(unread) if unread else "")
        self.window.set_tab_note("messages", self.tr("again: new to unit, role, all"))

    def _on_alarms_counted(self, new: int, words: str) -> None:
        self.window.set_tab_label("alarms", self.tr("Alarms"), str(new) if self.alarms.is_known else "")
        self.window.set_tab_note("alarms", words)

    def _open_report(self, source: str, number: str) -> None:
        """Choose a report, and give it the keyboard."""
        self.report_lookup.choose(source, number)
        self.window.focus_panel("report")

    def _open_list(self, filter_: Filter) -> None:
        """Show the reports of an alarm in the queue, with the keyboard there."""
        self.hazards.show_list(filter_)
        self.window.focus_panel("queue")

    def _show_handover(self, shown: bool) -> None:
        """Show the draft of the hand-over with the keyboard, or take it away."""
        if shown:
            self.window.fold()  # where the bottom lies over the map, it leaves the page four lines
            self.window.focus_panel("handover")
        else:
            self.window.hide_page()

    def _show_unit(self, key: str) -> None:
        """Choose a unit, and show the list of units; the keyboard stays where it is."""
        self.window_state.choose_unit(key)
        self.window.show_tab("units")

    def _open_unit(self, key: str) -> None:
        """Choose a unit, and show the list of units."""
        self.window_state.choose_unit(key)
        self.window.focus_panel("units")

    def _read_for_edits(
        self, question: Question, found: Callable[[ProofsFound], None], failed: Callable[[Exception], None]
    ) -> None:
        self.tasks.submit(lambda: question(self.reader()), found, failed)

    def _on_crowded(self, unshown: int) -> None:
        if unshown:
            self.say(
                self.tr("{n} more new reports are saved and in the outbox; queue and map show them later").format(
                    n=unshown
                )
            )

    def _on_arrived(self, local_row: int, row: int) -> None:
        if self.window_state.row == local_row:
            self.window_state.choose(row)

    def _read_details(self, source: str, key: str, then: Callable[[ReportDetails | None], None]) -> None:
        """Read a report by its id or its local key, without choosing it; None when it is not on this computer."""

        def look(row: int) -> None:
            self.details_reader.look_at(row, then, lambda: then(None))

        self.report_lookup.with_row(source, key, look)

    def _leaves_text(self, crew: CityUnit) -> str:
        """What a unit would leave to be diverted to the chosen report, "" for nothing."""
        details, advice = self.situation.chosen, self.situation.recommendations
        is_of_it = details is not None and (advice.row, crew.source) == (details.row, details.source)
        one = advice.of(crew.unit.id) if is_of_it else None
        if one is None:
            return ""
        return "; ".join(advice.leaves_texts(one, self._zone, self.now(), self.tr, named=False))

    def _look_at_told_in_vain(self) -> None:
        """Show units and recommendations again when other units drive by a radio order that the server does not have:
        such a unit counts as busy, and as free again once it was called back.
        """
        units = frozenset(self.units_controller.told_in_vain())
        if units != self._seen_told_in_vain:
            self._seen_told_in_vain = units
            self.units_controller.show()
            self.recommender.refresh()

    def _on_strip(self, intent: str) -> None:
        verb, edit_id = intent.split(":", 1)
        if verb == "outbox":
            self.window.focus_panel("outbox")
        elif verb == "conflict":
            self.conflict_controller.open(edit_id)
        elif verb == "closure":
            self.closure_commands.change(edit_id)
        else:
            self.outbox_controller.act(edit_id, verb)

    def _go_back(self, source: str, key: str) -> None:
        """Choose the report whose last step was undone; the queue shows it as soon as it is in the list again."""

        def choose(row: int) -> None:
            if row:
                self.queue.expect(row)
            self.window_state.choose(row)

        self.report_lookup.with_row(source, key, choose)

    def _source_of(self, key: str) -> Source | None:
        return next((one for one in self.settings.here.sources if one.key == key), None)

    def _place_viewer(self, viewer: QWidget) -> None:
        """Put the photo viewer where forms stand, and hold keys for it until it has the keyboard."""
        self.forms.held_keys.hold_for(viewer)
        title = self.theme.px(FRAME)  # what the desktop puts over a window
        viewer.setGeometry(self.window.view_room().adjusted(2, title, -2, -2))

    def _keep_viewer_clear(self) -> None:
        # protects: photos-do-not-cover-a-notice
        if (viewer := self.ticket.viewer()) is not None and self.banner.isVisible():
            above = QRect(self.banner.mapToGlobal(QPoint(0, 0)), self.banner.size())
            viewer.keep_off(above, self.theme.px(FRAME))

    # The chosen report

    def _on_details(self, details: ReportDetails | None) -> None:
        self.presence.set_details(details)
        mine = self.outbox.open_for(details.source, details.key) if details is not None else ()
        with self.ticket_controller.at_once():
            self.ticket_controller.set_outbox(mine)
            self.ticket_controller.set_details(details)
            self.situation.set_details(details, mine)
            self.map_controller.set_details(details)
            self.units_controller.set_details(details)
            self.photos.set_details(details)
            self.recommender.set_details(details)

    def _on_recommendations(self, recommendations: Any) -> None:
        with self.ticket_controller.at_once():
            self.ticket_controller.set_recommendations(recommendations)
            self.map_controller.set_recommendations(recommendations)
            self.situation.set_recommendations(recommendations)

    # The window

    def _tell_outside(self, text: str) -> None:
        """Tell what is new to who has another window in front; of a locked screen only that something calls."""
        # protects: locked-tells-no-report-outside
        self.desktop_notices.tell(self.screen_lock.outside_text if self.screen_lock.is_locked else text)

    def _on_locked(self, locked: bool) -> None:
        self.presence.set_locked(locked)
        if locked:
            self.desktop_notices.take_away()
        else:
            self.window.focus_panel(self.focus.panel)
            self.messages.look()

    def say(self, sentence: str) -> None:
        """Show a sentence in the status bar for six seconds."""
        self.status_controller.say(sentence)

    def say_long(self, sentence: str) -> None:
        """Show a sentence in the status bar for a minute, for an operator who is looking elsewhere."""
        self.status_controller.say(sentence, _LONG_S)

    def _on_cell(self, key: str) -> None:
        if key.startswith("source:"):
            self.actions.run("refresh")

    def _on_range(self, time_range: TimeRange) -> None:
        self.settings.keep(lambda settings: setattr(settings, "charts_range", time_range))

    def _on_failed(self, error: Exception) -> None:
        self.say(describe(error))

    def come_forward(self) -> None:
        """Show the window in front of all others, also if it was minimized."""
        self.window.setWindowState(self.window.windowState() & ~Qt.WindowState.WindowMinimized)
        self.window.show()
        self.window.raise_()
        self.window.activateWindow()
