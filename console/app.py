"""The composition root: builds every object of a window, connects every signal, and takes the picture when asked."""

from __future__ import annotations

import base64
import copy
import gc
import logging
import sys
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import msgspec
from PySide6.QtCore import QCoreApplication, QFileSystemWatcher, QObject, Qt, QTimer
from PySide6.QtGui import QCursor, QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication

from console import logs
from console.actions import ACTIONS, Action
from console.basemap import Basemap
from console.domain.edit import EditState, Kind, Queued, ReadingOnly, is_deleted
from console.domain.filter import Filter
from console.domain.messages import (
    Compare,
    Fetch,
    Look,
    Presence,
    Reveal,
    Revealed,
    SignedIn,
    Source,
    SourceState,
    Start,
    SyncNow,
    Touched,
    ZoneTold,
)
from console.edits import Edits
from console.exchange import Exchange, Found, Question
from console.images import ImageProcess
from console.network import Network
from console.notices import LOCAL, describe
from console.one_window import OneWindow, raise_other
from console.presenters.board_feed import BoardFeed
from console.presenters.caps import cap_of
from console.presenters.charts import ChartsPresenter
from console.presenters.command import CommandPresenter
from console.presenters.conflict import is_settled, sends_next
from console.presenters.counsel import Counsellor
from console.presenters.deeds import Deed, Deeds
from console.presenters.desk import Desk
from console.presenters.dossier import Dossier, Dossiers
from console.presenters.drafts import Drafts
from console.presenters.forms import Forms
from console.presenters.history import edit_text
from console.presenters.intents import Intents
from console.presenters.keeping import Keeping
from console.presenters.kpi import KpiPresenter
from console.presenters.map import MapPresenter
from console.presenters.outbox import OutboxPresenter
from console.presenters.photos import PhotoCards
from console.presenters.queue import QueuePresenter
from console.presenters.sources import Sources
from console.presenters.status import StatusPresenter
from console.presenters.ticket import TicketPresenter
from console.presenters.units import UnitsPresenter, count_states
from console.settings import (
    CityZone,
    Settings,
    SettingsDamaged,
    Tokens,
    change_settings,
    city_zone,
    load_settings,
    users_of,
)
from console.start import DEMO_TIMEZONE, DemoServer, WindowOptions, since_start_s
from console.store.cache_read import CacheReader
from console.store.errors import LockedByOther, NotWritable, StoreError
from console.store.work import DROPPED
from console.sync_link import SyncLink
from console.tasks import Tasks
from widgets.charts import ChartsPanel
from widgets.command import CommandLine
from widgets.keys import key_text
from widgets.kpi import KpiStrip
from widgets.map.panel import MapPanel
from widgets.map.scheme import register_scheme
from widgets.notice import Banner
from widgets.outbox import OutboxPanel
from widgets.palette import Palette
from widgets.queue.panel import QueuePanel
from widgets.shell import Shell
from widgets.statusbar import StatusBar
from widgets.symbols import Symbols
from widgets.theme import Theme, font_files, load_fonts, load_theme
from widgets.ticket.panel import TicketPanel
from widgets.units import UnitsPanel

_log = logging.getLogger(__name__)
_TICK_MS = 1000
_REVEALED_S = 20.0
_TOO_LATE_S = 60.0
"""So long the status bar says that a withdrawal came too late: it may be said while a window opens."""
_SESSION_ENDS_IN = timedelta(minutes=1)
"""So long after its announcement a closing of the window belongs to the operator's log-out."""
_DROPPED_SHOWN = 3
_SCALES = (0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0)
_PICTURE_AT_MOST_S = 60.0


def run_window(options: WindowOptions, settings: Settings, tokens: Tokens, demo: DemoServer | None) -> int:
    """Open the window, run until it closes, and return the exit code."""
    register_scheme()
    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    app = QApplication.instance() or QApplication(["sigap"])
    assert isinstance(app, QApplication)
    app.setApplicationName("Sigap")
    sys.excepthook = logs.describe_exception
    only: OneWindow | None = None
    if options.screenshot is None:  # a picture may be taken beside an open window
        try:
            only = OneWindow(options.profile)
        except LockedByOther:
            if raise_other(options.profile):
                sys.stderr.write("sigap: this profile is open already; its window was raised.\n")
                return 0
            sys.stderr.write("sigap: this profile is open already, but its window does not answer.\n")
            return LOCAL
        except NotWritable:
            pass  # the window opens all the same, and says that nothing can be saved
    load_fonts()
    watched = options.screenshot is None and options.quit_after_s is None
    if demo is None and not settings.sources and watched:
        from console.first_run import ask_for_server  # brings what talks HTTP, which a window has no need of

        ask_for_server(app, options.theme, options.profile, settings, tokens)
    console = ConsoleWindow(app, options, settings, tokens, demo)
    if only is not None:
        only.asked.connect(console.come_forward)
    console.open()
    code = app.exec()
    console.close()
    if only is not None:
        only.close()
    return code or console.exit_code


class ConsoleWindow(QObject):
    """One window and all that stands behind it."""

    def __init__(
        self,
        app: QApplication,
        options: WindowOptions,
        settings: Settings,
        tokens: Tokens,
        demo: DemoServer | None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__()
        self._app, self._options, self._settings, self._tokens, self._demo = app, options, settings, tokens, demo
        self._clock = clock
        self.exit_code = 0
        self._zone = CityZone(city_zone(settings.sources, DEMO_TIMEZONE if demo is not None else None))
        self._filed = copy.deepcopy(settings)  # as the profile has them, which may not be as this window does
        self._kept = 0
        self._readers = threading.local()
        self._opened_readers: list[CacheReader] = []
        self._started = False
        self._drawn_view = -1
        self._last_panel = "queue"
        self._leaving = False
        self._session_ended: datetime | None = None
        self._looking_at: tuple[str, str] | None = None
        self._roles: dict[str, str] = {}
        self._rights: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {}
        me = demo.user if demo is not None else next(iter(users_of(settings.sources).values()), "local")

        self.tasks = Tasks("worker", 2, self)
        self.photo_tasks = Tasks("photos", 1, self)
        self.desk = Desk(me, Filter(), self._zone, self)
        self.sources = Sources(list(settings.sources), self._zone, clock, self)
        self.link = SyncLink(self)
        self.network = Network(self)
        self.edits = Edits(
            options.profile,
            self.link.send,
            clock=self.now,
            ids=lambda: str(uuid.uuid4()),
            order_lifetime_s=settings.order_lifetime_s,
            parent=self,
        )
        self.edits.author = me
        self._name_operator(settings.sources)
        self.exchange = Exchange(self.edits, self._read_for_edits, self)
        self.feed = BoardFeed(
            self.desk, self.tasks, self.reader, lambda: self.now().timestamp(), self.edits.remote_of, self
        )
        self.deeds = Deeds(self.edits, self)
        self._build_widgets()
        self._build_presenters()
        self._connect()
        self._make_shortcuts()

    # Time and readers

    def now(self) -> datetime:
        """The server's time as well as it is known."""
        return self._clock() + self.sources.offset()

    def reader(self) -> CacheReader:
        """The cache reader of the calling worker thread."""
        found = getattr(self._readers, "reader", None)
        if found is None:
            found = self._readers.reader = CacheReader(self._options.profile)
            self._opened_readers.append(found)
        assert isinstance(found, CacheReader)
        return found

    # Building

    def _build_widgets(self) -> None:
        resources = files("resources")
        tokens_text = (resources / "tokens.json").read_text(encoding="utf-8")
        symbols_text = (resources / "symbols.json").read_text(encoding="utf-8")
        self.theme: Theme = load_theme(self._options.theme, tokens_text, self._settings.text_scale)
        self.theme.apply(self._app)
        self.symbols = Symbols(symbols_text, self.theme)
        self.kpi = KpiStrip(self.theme, self.symbols)
        self.banner = Banner(self.theme, self.symbols)
        self.queue = QueuePanel(self.theme, self.symbols, panel_key=cap_of("panel_queue"), filter_key=cap_of("filter"))
        self.ticket = TicketPanel(
            self.theme,
            self.symbols,
            panel_key=cap_of("panel_report"),
            section_keys={"advice": cap_of("recommend"), "duplicates": cap_of("merge"), "timeline": cap_of("note")},
        )
        self.units = UnitsPanel(self.theme, self.symbols)
        self.outbox = OutboxPanel(self.theme, all_key=cap_of("retry_all"))
        self.charts = ChartsPanel(self.theme)
        self.command = CommandLine(self.theme, open_key=cap_of("palette"))
        self.status = StatusBar(self.theme, undo_key=cap_of("undo"))
        self.palette = Palette(self.theme, self.symbols)
        basemap = Basemap(self._options.profile, self._settings.basemap)
        self._map_holder = MapPresenter(self.desk, basemap, self.tasks, self.now, self)
        self.map = MapPanel(
            self.theme,
            symbols_text,
            self._map_holder.handlers(),
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
            [("units", self.tr("Units"), self.units), ("outbox", self.tr("Outbox"), self.outbox)],
            [("charts", self.tr("Charts"), self.charts)],
            self.command,
            self.status,
            tab_keys={panel: cap_of(f"panel_{panel}") for panel in ("units", "outbox", "charts")},
        )
        self.window.setWindowTitle("Sigap")
        self.images = ImageProcess()
        self.forms = Forms(
            self.window,
            self.theme,
            self.symbols,
            self.desk,
            self.edits,
            self.photo_tasks,
            self.images,
            self._options.profile,
            self._zone,
            self.now,
            self.say,
        )

    def _build_presenters(self) -> None:
        now, zone, tasks, reader, desk = self.now, self._zone, self.tasks, self.reader, self.desk
        self.queue_presenter = QueuePresenter(self.queue, desk, self.feed, tasks, reader, now, self)
        self.ticket_presenter = TicketPresenter(self.ticket, desk, zone, now, self)
        self.units_presenter = UnitsPresenter(self.units, desk, tasks, reader, zone, now, self)
        self.charts_presenter = ChartsPresenter(self.charts, desk, self)
        self.outbox_presenter = OutboxPresenter(self.outbox, desk, self.edits, zone, now, self)
        self.kpi_presenter = KpiPresenter(self.kpi, desk, self.sources, zone, now, self)
        self.dossiers = Dossiers(desk, self.feed, tasks, reader, now, self)
        self.counsellor = Counsellor(
            desk, tasks, reader, self.units_presenter.crews, lambda: self.feed.pending, now, self
        )
        self.photos = PhotoCards(self.photo_tasks, self.images, self.forms.photo_file, self._fetch_photo, zone, self)
        self.intents = Intents(desk, self.deeds, self.forms, lambda: self.sources.first, self)
        self.keeping = Keeping(desk, self.edits, self.deeds, self.forms, zone, self)
        self.drafts = Drafts(desk, self.edits, self.intents, self.forms, tasks, reader, self.feed.local_row, self)
        self.status_presenter = StatusPresenter(self.status, self.banner, desk, self.sources, self._zone, now, self)
        self.commands = CommandPresenter(
            self.command, self.palette, desk, self.intents, tasks, reader, self.window, self
        )

    def _connect(self) -> None:
        self._map_holder.bind(self.map)
        self.network.back.connect(lambda: self.link.send(SyncNow()))
        self.network.watch()
        self.link.touched.connect(self._on_touched)
        self.link.outcome.connect(self.exchange.take)
        self.link.source_state.connect(self._on_source_state)
        self.link.presence.connect(self._on_presence)
        self.link.revealed.connect(self._on_revealed)
        self.link.signed_in.connect(self._on_signed_in)
        self.link.zone_told.connect(self._on_zone_told)
        self.link.fetched.connect(self.photos.on_fetched)
        self.link.alive.connect(self.sources.set_alive)
        self.link.froze.connect(self.sources.on_froze)
        self.link.restarted.connect(self.edits.on_restarted)
        self.exchange.back.connect(lambda _: self.photos.try_again())
        self.sources.told.connect(self.say)
        self.edits.opened.connect(self._on_work_opened)
        self.edits.unavailable.connect(self._on_work_unavailable)
        self.edits.trouble.connect(self._on_failed)
        self.edits.too_late.connect(self._on_too_late)
        self.feed.arrived.connect(self._on_arrived)
        self.feed.crowded.connect(self._on_crowded)
        self.feed.ready.connect(_keep_objects)
        self.sources.changed.connect(self.status_presenter.show)
        self.edits.reports_changed.connect(self._on_reports_changed)
        self.edits.changed.connect(lambda _: self.outbox_presenter.show())
        self.edits.refused.connect(self._on_edit_refused)
        self.edits.saved.connect(self._on_edit_saved)
        self.dossiers.changed.connect(self._on_dossier)
        self.dossiers.failed.connect(lambda error: self.ticket_presenter.say_unread(describe(error)))
        self.counsellor.changed.connect(self._on_counsel)
        self.photos.changed.connect(self.ticket_presenter.set_photos)
        self.photos.changed.connect(self.intents.set_photos)
        self.intents.situation_changed.connect(self._on_situation)
        self.intents.window_action.connect(self._on_window_action)
        self.intents.said.connect(self.say)
        self.deeds.done.connect(self._on_deed)
        self.ticket.action.connect(self.intents.run)
        self.ticket.advice_chosen.connect(self.intents.dispatch_chosen)
        self.ticket.duplicate_opened.connect(self.desk.choose)
        self.ticket.strip_action.connect(self._on_strip)
        self.queue.opened.connect(lambda _: self.window.focus_panel("report"))
        self.queue.filter_asked.connect(lambda: self.intents.run("filter"))
        self.banner.notice_action.connect(self.intents.run)
        self.kpi_presenter.action.connect(self.intents.run)
        self.status.undo_asked.connect(lambda: self.intents.run("undo"))
        self.status.cell_chosen.connect(self._on_cell)
        self.outbox_presenter.conflict_opened.connect(self._open_conflict)
        self.outbox_presenter.report_opened.connect(self._open_report)
        self.outbox_presenter.keep_asked.connect(self.keeping.open)
        self.outbox_presenter.said.connect(self.say)
        self.keeping.said.connect(self.say)
        self.drafts.said.connect(self.say)
        self.drafts.edit_opened.connect(self._open_conflict)
        self.edits.opened.connect(self.drafts.tell)
        self.outbox_presenter.count_changed.connect(self._on_outbox_count)
        self.map.drawn.connect(self._on_drawn)
        self.map.page_lost.connect(self._on_map_lost)
        self._map_holder.place_picked.connect(self.forms.set_place)
        self.map.pick_left.connect(self.forms.end_pick)
        self.commands.saving = lambda: self.edits.saving
        self.forms.place_wanted, self.forms.place_unwanted = self.map.start_pick, self.map.stop_pick
        self.forms.duplicates_of = self.counsellor.near
        self.desk.city_name = self.sources.name
        self.feed.failed.connect(self._on_failed)
        self.tasks.failed.connect(self._on_failed)
        self.window.compact_changed.connect(lambda _: self._tick())
        self.window.panel_entered.connect(self._on_panel)
        self.command.run.connect(lambda _: self._leave_line())
        self.command.cleared.connect(self._leave_line)
        self.commands.unit_sought.connect(self._map_holder.go_to_unit)
        self.window.closed.connect(self._remember)
        self.window.may_close = self._may_close
        self._app.commitDataRequest.connect(self._on_session_end)
        self.desk.names = lambda: self.edits.authors
        self.edits.why_reading_only = self.intents.why_reading_only = self._why_reading_only
        self.outbox_presenter.why_reading_only = self._why_reading_only
        self.outbox_presenter.is_left = lambda source: self._demo is None and not self.sources.follows(source)
        self._timer = QTimer(self, interval=_TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._city_timer = QTimer(self, interval=100)
        self._city_timer.timeout.connect(self._look_for_demo)
        self._profile_watch = QFileSystemWatcher(self)
        self._profile_watch.directoryChanged.connect(self._look_at_settings)

    def _make_shortcuts(self) -> None:
        for action in ACTIONS:
            for keys in action.keys:
                shortcut = QShortcut(QKeySequence(keys), self.window)
                shortcut.setAutoRepeat(action.id in ("next_report", "previous_report"))
                shortcut.activated.connect(lambda action=action: self.intents.press(action.id))
                shortcut.activatedAmbiguously.connect(lambda action=action: self.intents.press(action.id))

    # Life

    def open(self) -> None:
        """Show the window, then start everything else."""
        size = self._options.size
        kept = self._settings.layouts.get(self._options.perspective, "")
        if size is not None:
            self.window.resize(*size)
        elif not (kept and not self._options.reset_layout and self.window.restore_layout(base64.b64decode(kept))):
            # The whole screen, also where no window manager knows what maximized means.
            self.window.setGeometry(self._app.primaryScreen().availableGeometry())
            self.window.setWindowState(Qt.WindowState.WindowMaximized)
        if self._options.screenshot is not None:
            QCursor.setPos(self.window.geometry().bottomRight())  # nothing in the picture is hovered over
        self.window.show()
        _log.info("window after %.2f s", since_start_s())
        _keep_objects()
        self.feed.start()
        self._timer.start()
        self._tick()
        self.queue.setFocus(Qt.FocusReason.ActiveWindowFocusReason)
        if self._demo is not None:
            self._city_timer.start()
        elif self._settings.sources:
            self._start_sync(self._settings.sources)
        else:
            self.status_presenter.set_hint(
                self.tr("No server yet. Start Sigap again to connect one, or say: sigap connect ADDRESS")
            )
        if self._demo is None:
            self._profile_watch.addPath(str(self._options.profile))
            self._look_at_settings()
        if self._options.quit_after_s is not None:
            QTimer.singleShot(int(self._options.quit_after_s * 1000), self._on_quit_time)
        elif self._options.screenshot is not None:
            QTimer.singleShot(int(_PICTURE_AT_MOST_S * 1000), self._on_quit_time)

    def close(self) -> None:
        """Stop in order: no more intents, then the edits, the sync process, the workers."""
        if self._options.screenshot is None:
            self._write_state()
        self.forms.close_open()
        self._profile_watch.directoryChanged.disconnect()
        self._timer.stop()
        self._city_timer.stop()
        self.edits.close()
        self.link.stop()
        self.tasks.shutdown()
        self.photo_tasks.shutdown()
        for reader in self._opened_readers:
            reader.close()
        self.map.shut()

    def _start_sync(self, sources: list[Source], signing_in: str = "") -> None:
        tokens = self._tokens.of(sources, [key for key in self._settings.signed_out if key != signing_in])
        self.sources.set_sources(sources)
        self.status_presenter.set_hint("")
        self.kpi_presenter.set_city(" + ".join(source.name for source in sources))
        lifetime_s = self._settings.order_lifetime_s
        self.link.start(Start(str(self._options.profile), tuple(sources), tokens, lifetime_s))

    def _name_operator(self, sources: list[Source]) -> None:
        """Who the operator is at each source, until its server says so itself."""
        for source, user in users_of(sources).items():
            if source not in self.edits.authors:
                self.edits.sign_in(source, user)

    def _look_at_settings(self, _folder: str = "") -> None:
        """Another program may have changed them: `sigap connect` does."""
        kept = self._kept

        def read(found: Settings) -> None:
            if kept == self._kept:  # else it may be from before what was kept meanwhile, and is looked at again
                self._follow(found)

        profile = self._options.profile
        self.tasks.latest("settings", lambda: load_settings(profile), read, self._on_failed)

    def _follow(self, found: Settings) -> None:
        """Follow from now on what another program added to the sources, or changed of one.

        What this window changed and could not keep is its own; what is gone from the profile stays until it closes.
        """
        before, self._filed, mine = self._filed, found, self._settings
        anew = {one.key: one for one in found.sources if one not in before.sources and one not in mine.sources}
        signed_in = {key for key in mine.signed_out if key in before.signed_out and key not in found.signed_out}
        if not anew and not signed_in:
            return
        names = [one.name for one in found.sources if one.key in anew or one.key in signed_in]
        mine.sources = [anew.pop(one.key, one) for one in mine.sources] + list(anew.values())
        mine.signed_out = [key for key in mine.signed_out if key not in signed_in]
        self._name_operator(mine.sources)
        self.desk.me = next(iter(users_of(mine.sources).values()), self.desk.me)
        self._start_sync(mine.sources)
        self._use_zone()
        self.intents.look_again()
        self.say(self.tr("Connecting to {names}").format(names=", ".join(names)))

    def _on_zone_told(self, told: ZoneTold) -> None:
        """Keep it for the next start, which may be without a network."""
        known = next((one.timezone for one in self._settings.sources if one.key == told.source), told.timezone)
        if known == told.timezone:
            return

        def change(settings: Settings) -> None:
            settings.sources = _with(settings.sources, told.source, timezone=told.timezone)

        self._keep(change)
        if self._use_zone():
            self.say(self.tr("Times are those of {zone} from now on").format(zone=told.timezone))

    def _use_zone(self) -> bool:
        """Show times in the city's zone; whether it is another one than before."""
        if not self._zone.become(city_zone(self._settings.sources)):
            return False
        self.feed.refresh()
        self.dossiers.read()
        self.outbox_presenter.show()
        self._tick()
        return True

    def _look_for_demo(self) -> None:
        assert self._demo is not None
        source, trouble = self._demo.source(), self._demo.died()
        if source is not None:
            self._city_timer.stop()
            self._start_sync([source])
        elif trouble:
            self._city_timer.stop()
            self.say(trouble)
            self.exit_code = 1

    def _tick(self) -> None:
        self.queue_presenter.tick()
        self.ticket_presenter.tick()
        self.units_presenter.tick()
        self.outbox_presenter.tick()
        self.intents.look_again()
        crews = self.units_presenter.crews()
        self._map_holder.set_units(crews)
        self.kpi_presenter.set_units(count_states(crews, self.now()))
        self.kpi_presenter.show()
        self.status_presenter.show()
        self._look_whether_complete()

    def _remember(self) -> None:
        if self._options.screenshot is not None:
            return
        layout = base64.b64encode(self.window.save_layout()).decode()
        self._keep(lambda settings: settings.layouts.update({self._options.perspective: layout}))

    # Leaving, and who is signed in

    def leave(self) -> None:
        """Close the window without a question; what waits is on the disk."""
        self._leaving = True
        self.window.close()

    def _may_close(self) -> bool:
        """Ask first when something has not left, unless the operator was asked or nobody is there to be asked."""
        if self._leaving or not self.outbox_presenter.outbox:
            return True
        if self._session_ended is not None and self._clock() - self._session_ended < _SESSION_ENDS_IN:
            return True  # nobody is there to be asked
        title, sentence = self.outbox_presenter.what_waits()
        self.forms.ask(title, sentence, self.tr("Quit"), self.tr("Stay"), self.leave)
        return False

    def _on_session_end(self) -> None:
        """The log-out may still be cancelled, which Qt does not tell: a later close asks as ever."""
        self._session_ended = self._clock()

    def _why_reading_only(self, source: str) -> str:
        if source in self._settings.signed_out:
            return self.tr("Signed out: sign in to write")
        if self._roles.get(source) == "viewer":
            return self.tr("Your role is viewer: reading only")
        return self.sources.why_reading_only(source)

    def _on_signed_in(self, me: SignedIn) -> None:
        """Whose token it is: what is entered from now on is his; what another operator left waits for that one."""
        before = self.edits.author_for(me.source)
        known = self._roles.get(me.source)
        self._roles[me.source] = me.role
        rights = (me.role, me.areas, me.agencies)
        if me.user != "local" and me.user != before:
            self.deeds.forget_all()
            self.edits.sign_in(me.source, me.user)
            if me.source == self.sources.first:
                self.desk.me = me.user
            self.say(self.tr("Signed in as {user}").format(user=me.user))
        elif known is not None and rights != self._rights.get(me.source):
            self.say(self._rights_text(me))
        self._rights[me.source] = rights
        self._tell_dropped(me.source)
        self._keep_user(me.source, me.user)
        self.outbox_presenter.show()
        self.intents.look_again()
        self.status_presenter.show()

    def _tell_dropped(self, source: str) -> None:
        """What others threw away of what this operator left here."""
        dropped = self.edits.take_dropped(source)
        if not dropped:
            return
        who = ", ".join(dict.fromkeys(str(one.theirs[DROPPED]["who"]) for one in dropped))
        what = "; ".join(edit_text(one, self.desk.catalog(source), self.tr) for one in dropped[:_DROPPED_SHOWN])
        more = f" +{len(dropped) - _DROPPED_SHOWN}" if len(dropped) > _DROPPED_SHOWN else ""
        sentence = self.tr("{who} dropped: {what}").format(who=who, what=what + more)
        self.status_presenter.say(sentence, _TOO_LATE_S)

    def _rights_text(self, me: SignedIn) -> str:
        catalog = self.desk.catalog(me.source)
        names = [catalog.place(code) for code in me.areas]
        names += [catalog.agency_name(code) for code in me.agencies]
        where = ", ".join(names) if names else self.tr("the whole city")
        return self.tr("Your rights were changed: {role}, {where}").format(role=me.role, where=where)

    def _keep_user(self, key: str, user: str) -> None:
        """Remember for the next start, which may be without a network, who is signed in."""
        known = next((one.user for one in self._settings.sources if one.key == key), user)
        if user == "local":
            user = known
        if user == known and key not in self._settings.signed_out:
            return

        def change(settings: Settings) -> None:
            settings.signed_out = [one for one in settings.signed_out if one != key]
            settings.sources = _with(settings.sources, key, user=user)

        self._keep(change)

    def _keep(self, change: Callable[[Settings], object]) -> str:
        """Change the settings here and in the profile, where other programs change theirs; why not, "" when kept."""
        change(self._settings)
        if self._options.demo:
            return self.tr("The demo keeps no settings")
        self._kept += 1
        try:
            self._follow(change_settings(self._options.profile, change))
        except (OSError, StoreError, SettingsDamaged) as error:
            _log.warning("the settings were not kept: %s", describe(error))
            return describe(error)
        return ""

    def _sign_out(self) -> None:
        """Forget the token, once the operator knows what waits."""
        source = next((one for one in self._settings.sources if one.key == self.sources.first), None)
        if source is None or source.key in self._settings.signed_out:
            self.say(self.tr("Nobody is signed in"))
            return

        def sign_out() -> None:
            gone = self._tokens.drop(source.key)
            why_not = self._keep(lambda settings: settings.signed_out.append(source.key))
            self._start_sync(self._settings.sources)
            self.intents.look_again()
            said = self.tr("Signed out of {server}").format(server=source.name)
            if why_not and not gone:
                said = self.tr("Signed out of {server} until Sigap ends only: its token is still kept").format(
                    server=source.name
                )
            elif not gone:
                said = self.tr(
                    "Signed out of {server}. The keyring did not let go of its token, which is not used any more"
                ).format(server=source.name)
            self.say(said)

        if not self.outbox_presenter.outbox:
            sign_out()
            return
        title, sentence = self.outbox_presenter.what_waits(signed_out=True)
        self.forms.ask(title, sentence, self.tr("Sign out"), self.tr("Stay"), sign_out)

    # From the sync process

    def _on_touched(self, touched: Touched) -> None:
        self.feed.on_touched(touched)
        self.exchange.take(touched)

    def _on_source_state(self, state: SourceState) -> None:
        self.sources.set_state(state)
        self.exchange.take(state)
        self.intents.look_again()
        self.kpi_presenter.show()

    def _on_presence(self, presence: Presence) -> None:
        self.units_presenter.set_positions(presence.source, presence.positions)
        self.ticket_presenter.set_looking(presence.source, presence.looking)

    def _fetch_photo(self, source: str, sha256: str | None, url: str | None) -> None:
        self.link.send(Fetch(source, sha256, url))

    # From the outbox

    def _on_reports_changed(self, anew: dict[tuple[str, str | None], tuple[Queued, ...]]) -> None:
        self.feed.on_edits(anew)
        dossier = self.dossiers.current
        if dossier is not None and (mine := anew.get((dossier.source, dossier.key))) is not None:
            self.ticket_presenter.set_outbox(mine)
            self.intents.set_outbox(mine)
        names = {name for _, key in anew if key is not None for name in (key, self.edits.remote_of(key))}
        if self.desk.row and (dossier is None or dossier.key in names):
            self.dossiers.read()

    def _on_outbox_count(self, count: int) -> None:
        self.kpi_presenter.set_outbox(count, self.outbox_presenter.decisions)
        self.kpi_presenter.show()
        self.status_presenter.set_waiting(count)
        self.window.set_tab_label("outbox", self.tr("Outbox"), str(count))

    def _on_too_late(self, queued: Queued) -> None:
        what = edit_text(queued, self.desk.catalog(queued.edit.source), self.tr)
        sentence = self.tr("Too late to withdraw, it had been sent: {what}").format(what=what)
        self.status_presenter.say(sentence, _TOO_LATE_S)

    def _on_edit_saved(self, queued: Queued) -> None:
        self.forms.saved(queued.edit.id)
        self.commands.saved(queued.edit.id)
        self.status_presenter.set_trouble("")

    def _on_edit_refused(self, edit_id: str, error: Exception) -> None:
        """Say so, and put what was typed back where it was typed."""
        sentence = self.tr("NOT SAVED: {why}").format(why=describe(error))
        if isinstance(error, ReadingOnly):  # the banner says so already, as long as it lasts
            self.say(sentence)
        else:
            self.status_presenter.set_trouble(sentence)
        self.status.hide_undo()
        self.deeds.forget(edit_id)
        if not self.forms.give_back(edit_id, sentence):
            self.commands.give_back(edit_id)
        if not isinstance(error, ReadingOnly):
            _log.error("edit %s not saved: %s", edit_id, error)

    def _on_work_unavailable(self, error: Exception) -> None:
        self.status_presenter.set_trouble(self.tr("Nothing can be saved: {why}").format(why=describe(error)))
        self.intents.set_may_write(False)

    def _on_work_opened(self) -> None:
        """What the cache has proved meanwhile, after a start."""
        self.intents.set_may_write(True)
        self.status_presenter.set_trouble("")
        salvaged = self.edits.salvaged
        if salvaged is not None:
            self.say(
                self.tr("The file of your edits was damaged; {n} edits were brought back").format(n=salvaged.edits)
            )
            _log.warning("work.db was mended: %s edits, set aside: %s", salvaged.edits, salvaged.set_aside)
        for source in self._roles:  # signed in before the file was open
            self._tell_dropped(source)

    def _read_for_edits(
        self, question: Question, found: Callable[[Found], None], failed: Callable[[Exception], None]
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
        if self.desk.row == local_row:
            self.desk.choose(row)

    def _on_deed(self, deed: Deed) -> None:
        number = deed.report if deed.report and not deed.report.startswith("local:") else ""
        self.status.show_undo(" ".join(part for part in (deed.text, number) if part))

    def _on_strip(self, intent: str) -> None:
        verb, edit_id = intent.split(":", 1)
        if verb == "outbox":
            self.window.focus_panel("outbox")
        elif verb == "conflict":
            self._open_conflict(edit_id)
        else:
            self.outbox_presenter.act(edit_id, verb)

    def _open_conflict(self, edit_id: str) -> None:
        queued = next((one for one in self.outbox_presenter.outbox if one.edit.id == edit_id), None)
        if queued is not None and is_deleted(queued):
            self.keeping.open(edit_id)
        if queued is None or queued.state is not EditState.CONFLICT:
            return
        if is_settled(queued):
            self.edits.choose(edit_id, mine=False)
            return
        waiting = [one.edit.id for one in self.outbox_presenter.outbox if one.state is EditState.CONFLICT]
        position = (waiting.index(edit_id) + 1, len(waiting))
        self.forms.conflict(queued, lambda mine, reason: self._settle(queued, mine, reason), position)

    def _settle(self, queued: Queued, mine: frozenset[str], reason: str) -> None:
        """All of mine, nothing of mine, or (a new edit) only the fields in which mine is to stand."""
        edit = queued.edit
        if reason and edit.kind is Kind.SET:
            edit = msgspec.structs.replace(edit, data={**edit.data, "reason": reason})
        if not mine:
            self.edits.choose(edit.id, mine=False)
            return
        if sends_next(queued):
            data = {**edit.data, "stack": True}
        else:
            asked = queued.theirs.keys() & edit.data.keys()
            data = {name: value for name, value in edit.data.items() if name in mine or name not in asked}
        self.edits.choose(edit.id, mine=True, data=data)

    def _open_report(self, source: str, key: str) -> None:
        self.tasks.submit(lambda: self.reader().row_of(source, key), lambda row: self.desk.choose(row or 0))

    # The chosen report

    def _tell_looking(self, dossier: Dossier | None) -> None:
        """The others at the same server see which report is open here."""
        before = self._looking_at
        self._looking_at = (dossier.source, dossier.key) if dossier is not None and dossier.server is not None else None
        if self._looking_at == before:
            return
        if before is not None and (self._looking_at is None or self._looking_at[0] != before[0]):
            self.link.send(Look(before[0], None))
        if self._looking_at is not None:
            self.link.send(Look(*self._looking_at))

    def _on_dossier(self, dossier: Dossier | None) -> None:
        self._tell_looking(dossier)
        mine = self.edits.open_for(dossier.source, dossier.key) if dossier is not None else ()
        self.intents.set_outbox(mine)
        self.ticket_presenter.set_outbox(mine)
        self.ticket_presenter.set_dossier(dossier)
        self.intents.set_dossier(dossier)
        self._map_holder.set_dossier(dossier)
        self.photos.set_dossier(dossier)
        self.counsellor.set_dossier(dossier)
        self._current = dossier

    def _on_counsel(self, counsel: Any) -> None:
        self.ticket_presenter.set_counsel(counsel)
        self._map_holder.set_counsel(counsel)
        self.intents.set_counsel(counsel)

    def _on_situation(self, situation: Any) -> None:
        self.ticket_presenter.set_situation(situation)

    # The window

    def say(self, sentence: str) -> None:
        """A sentence for the operator, in the status bar."""
        self.status_presenter.say(sentence)

    def _on_cell(self, key: str) -> None:
        if key.startswith("source:"):
            self.intents.run("refresh")

    def _on_window_action(self, action_id: str) -> None:
        doing: dict[str, Callable[[], object]] = {
            "palette": self.commands.open,
            "help": self._show_keys,
            "panel_queue": lambda: self.window.focus_panel("queue"),
            "panel_map": lambda: self.window.focus_panel("map"),
            "panel_units": lambda: self.window.focus_panel("units"),
            "panel_report": lambda: self.window.focus_panel("report"),
            "panel_charts": lambda: self.window.focus_panel("charts"),
            "panel_outbox": lambda: self.window.focus_panel("outbox"),
            "next_panel": lambda: self.window.next_panel(1),
            "previous_panel": lambda: self.window.next_panel(-1),
            "full_screen": self.window.toggle_full_screen,
            "reset_layout": self.window.reset_layout,
            "text_larger": lambda: self._scale(1),
            "text_smaller": lambda: self._scale(-1),
            "refresh": self._refresh,
            "retry_all": self.outbox_presenter.retry_all,
            "sources": self._show_sources,
            "compare": self._compare,
            "sign_in": self._sign_in,
            "sign_out": self._sign_out,
            "settle": lambda: self._open_conflict(self.intents.situation.conflict),
            "filter": lambda: self.command.focus_line("show "),
            "clear_filter": lambda: self.desk.set_filter(Filter(tab=self.desk.filter.tab)),
            "next_report": lambda: self.queue.view.move_by(1),
            "previous_report": lambda: self.queue.view.move_by(-1),
            "recommend": self.ticket.focus_advice,
            "go_to": self._go_to,
            "contact": self._show_contact,
            "drafts": self.drafts.open,
            "quit": self.window.close,
        }
        if action_id.startswith("tab_"):
            self.desk.set_filter(self.desk.filter.with_tab(action_id.removeprefix("tab_")))
        else:
            doing[action_id]()

    def _on_panel(self, key: str) -> None:
        self.intents.set_panel(key)
        if key not in ("", "command"):
            self._last_panel = key

    def _leave_line(self) -> None:
        """The keyboard goes back to the panel that had it before the command line."""
        self.window.focus_panel(self._last_panel)

    def _refresh(self) -> None:
        """Try all servers now, and read the chosen report again, which may have failed."""
        self.link.send(SyncNow())
        self.dossiers.read()

    def _show_sources(self) -> None:
        sheet = self.sources.sheet() or self.tr("No server yet")
        self.forms.ask(
            self.tr("Servers"), sheet, self.tr("Try now"), self.tr("Back"), lambda: self.intents.run("refresh")
        )

    def _compare(self) -> None:
        """Every row against its server; what was found is said by the source."""
        if self.sources.first:
            self.say(self.tr("Comparing with the server"))
            self.link.send(Compare())
        else:
            self.say(self.tr("No server to compare with"))

    def _sign_in(self) -> None:
        """Ask for the token of the server that refuses, else of the first one, and follow all sources anew."""
        key, name = self.sources.refused()
        source = next((one for one in self._settings.sources if one.key == (key or self.sources.first)), None)
        if source is None:
            self.say(self.tr("No server to sign in to"))
            return

        def signed_in(token: str) -> None:
            kept = self._tokens.put(source.key, token)
            self._start_sync(self._settings.sources, signing_in=source.key)
            if not kept:
                self.say(self.tr("No keyring here: the token is kept until Sigap ends"))

        waiting = self.outbox_presenter.what_waits(signed_out=True)[1] if self.outbox_presenter.outbox else ""
        self.forms.ask_token(name or source.name, waiting, signed_in)

    def _go_to(self) -> None:
        if self.dossiers.current is not None:
            self._map_holder.go_to(self.dossiers.current)

    def _show_contact(self) -> None:
        """Ask the server, which logs who asked; nothing of it is kept here."""
        dossier = self.dossiers.current
        if dossier is None or dossier.server is None:
            self.say(self.tr("The report is not at the server yet"))
            return
        self.link.send(Reveal(dossier.source, dossier.key))

    def _on_revealed(self, found: Revealed) -> None:
        _log.info("the reporter of %s was asked for by %s", found.report, self.edits.author_for(found.source))
        text = " · ".join(part for part in (found.name, found.phone, found.email) if part)
        self.status_presenter.say(found.problem or text or self.tr("The reporter left no name"), _REVEALED_S)

    def _show_keys(self) -> None:
        groups = list(dict.fromkeys(action.group for action in ACTIONS))
        keyed = sorted((action for action in ACTIONS if action.keys), key=lambda action: groups.index(action.group))
        self.forms.show_keys([(self.tr(one.group), _keys_text(one), self.tr(one.text)) for one in keyed])

    def _scale(self, step: int) -> None:
        at = min(range(len(_SCALES)), key=lambda index: abs(_SCALES[index] - self._settings.text_scale))
        scale = _SCALES[max(0, min(len(_SCALES) - 1, at + step))]
        why_not = self._keep(lambda settings: setattr(settings, "text_scale", scale))
        self.say(why_not or self.tr("Text {scale:.0%} from the next start on").format(scale=scale))

    def _on_failed(self, error: Exception) -> None:
        self.say(describe(error))

    def come_forward(self) -> None:
        """Show the window, whatever hides it."""
        self.window.setWindowState(self.window.windowState() & ~Qt.WindowState.WindowMinimized)
        self.window.show()
        self.window.raise_()
        self.window.activateWindow()

    def _on_map_lost(self, how: str) -> None:
        """The panel brings its page back, or says that it gave up."""
        _log.info("the map's page was lost: %s", how)
        if not self.map.is_off:
            self.say(self.tr("The map was lost and is drawn again"))

    # The picture

    def _on_drawn(self, view: int) -> None:
        self._drawn_view = view
        self._look_whether_complete()

    def _look_whether_complete(self) -> None:
        """After the last View is drawn there may be no other: what was still missing then is looked at every second."""
        if self._options.screenshot is not None and not self._started and not self.loading():
            QTimer.singleShot(400, self._take_picture)

    def loading(self) -> list[str]:
        """What keeps the picture from being complete, in words."""
        missing = []
        if self.desk.view is None or self.desk.view.total == 0:
            missing.append("no reports yet")
        if self._drawn_view < 0:
            missing.append("the map is not drawn")
        if self.sources.filling():
            missing.append("the first fill is not done")
        return missing

    def _take_picture(self) -> None:
        if self._options.screenshot is None or self._started:
            return
        self._started = True
        if self.desk.row == 0 and self.desk.view is not None and len(self.desk.view.order):
            self.desk.choose(int(self.desk.view.order[0]))
        QTimer.singleShot(1500, self._save_picture)

    def _save_picture(self) -> None:
        assert self._options.screenshot is not None
        self._write_state()
        if not self.window.grab().save(str(self._options.screenshot)):
            sys.stderr.write(f"sigap: the picture cannot be saved at {self._options.screenshot}\n")
            self.exit_code = LOCAL
        self.leave()
        self._app.quit()

    def _write_state(self) -> None:
        """What the panels show, in numbers (docs/decisions/0001)."""
        if self._options.state is None:
            return
        shown = {
            "queue_rows": self.queue.row_count(),
            "tabs": self.queue.tab_counts(),
            "map": self._map_holder.corner(),
            "categories": [(bar.label, bar.count) for bar in self.charts.categories()],
            "outbox": len(self.outbox_presenter.outbox),
            "sources": self.sources.states(),
            "missing": self.loading(),
        }
        try:
            self._options.state.write_bytes(msgspec.json.format(msgspec.json.encode(shown)))
        except OSError as error:
            sys.stderr.write(f"sigap: {self._options.state} cannot be written: {describe(error)}\n")
            self.exit_code = LOCAL

    def _on_quit_time(self) -> None:
        if self._options.screenshot is not None and not self._started:
            sys.stderr.write(f"sigap: the picture is not complete: {', '.join(self.loading())}\n")
            self.exit_code = LOCAL
            self._started = True
            self._write_state()
            self.window.grab().save(str(self._options.screenshot))
        self.leave()
        self._app.quit()


def _keep_objects() -> None:
    """Let the collector leave alone what is there now, for good, and look through all the rest more seldom.

    A full collection stops every thread: 12 ms with the vocabulary of a large city.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(2000, 20, 50)


def _with(sources: list[Source], key: str, **changes: str) -> list[Source]:
    """The sources with one of them changed."""
    return [msgspec.structs.replace(one, **changes) if one.key == key else one for one in sources]


def _keys_text(action: Action) -> str:
    return "  ".join(key_text(key) for key in action.keys)
