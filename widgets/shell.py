"""The console's window: arranges the given panels around the map, in full and in compact form, and remembers how.

The panels sit in splitters around the map, so that nothing can ever float over the web view.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeGuard

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShortcut,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QApplication,
    QLabel,
    QMainWindow,
    QSplitter,
    QSplitterHandle,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid
from typing_extensions import override

from widgets.keys import key_text, takes_text, works_while_typing
from widgets.tabs import TabLabel, TabStrip
from widgets.theme import Theme

LAYOUT_VERSION = 1
COMPACT_BELOW, NARROW_BELOW = 1600, 1366
"""Window widths (at text scale 100 %) below which the bottom folds, and the report takes the map's place."""
_FULL = {"queue": 528, "report": 480, "bottom": 244, "charts": 600}
FRAME = 36
"""How much of the screen the title that the desktop puts over a window takes, in pixels at normal size."""
_COMPACT = {"queue": 420, "report": 420, "bottom": 244, "charts": 600}
_FULL_AT = (1920, 1080)
"""The window for which these sizes are; a larger one shares what it has more, in these parts of its width or height."""
_GROWTH = {"queue": (0, 0.36), "report": (0, 0.15), "charts": (0, 0.35), "bottom": (1, 0.4)}
"""(0 of the width, 1 of the height, this part of what is more) of each panel in full form; the map has the rest."""
Tabs = Sequence[tuple[str, str, QWidget]]
"""(key, label, widget) of each tab."""


class _Handle(QSplitterHandle):
    """One pixel of divider; Qt widens the grabbed area of a 1 px handle to 5 px by itself."""

    def __init__(self, theme: Theme, splitter: QSplitter) -> None:
        super().__init__(splitter.orientation(), splitter)
        self._theme = theme

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), self._theme.color("border.divider"))


class _Splitter(QSplitter):
    def __init__(self, theme: Theme, orientation: Qt.Orientation) -> None:
        super().__init__(orientation)
        self._theme = theme
        self.setHandleWidth(1)
        self.setChildrenCollapsible(False)

    @override
    def createHandle(self) -> QSplitterHandle:
        return _Handle(self._theme, self)


class TabPanel(QWidget):
    """A strip of tabs over the widget of the chosen one."""

    chosen = Signal(str)

    def __init__(self, theme: Theme, tabs: Tabs) -> None:
        super().__init__()
        self.strip = TabStrip(theme)
        self.strip.set_tabs([TabLabel(key, label) for key, label, _ in tabs])
        self.strip.chosen.connect(self._on_chosen)
        self._stack = QStackedWidget()
        self.widgets = {key: widget for key, _, widget in tabs}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.strip)
        column.addWidget(self._stack, 1)

    def fill(self) -> None:
        """Put in the widgets of the tabs; call it when the panel has its place in the window."""
        for widget in self.widgets.values():
            self._stack.addWidget(widget)

    def current(self) -> str:
        """The key of the tab that is shown."""
        return self.strip.current()

    def show_tab(self, key: str) -> None:
        """Show a tab without announcing it."""
        self.strip.set_current(key)
        self._stack.setCurrentWidget(self.widgets[key])

    def _on_chosen(self, key: str) -> None:
        self.show_tab(key)
        self.chosen.emit(key)


class Shell(QMainWindow):
    """The window. Panels come from outside and stay passive; the shell only places, shows and focuses them.

    The keys of panels are "queue", "map", "report", "command" and those of the tabs. `tab_keys` gives the caps shown
    at the right end of a strip for the chosen tab (`{"units": "Ctrl 3"}`).
    """

    compact_changed = Signal(bool)
    """The window became compact (True) or full (False); kpi and report have been told already."""
    panel_entered = Signal(str)
    """The keyboard went into another panel."""
    tab_shown = Signal(str)
    room_moved = Signal()
    """What stands below the figures and notices stands higher or lower now."""
    key_unused = Signal(str)
    """A letter or a key with Ctrl or Alt was pressed that nothing here has a use for, as its cap would show it."""
    closed = Signal()
    """The window is going; what is to be remembered must be saved now."""

    def __init__(
        self,
        theme: Theme,
        kpi: QWidget,
        banner: QWidget,
        queue: QWidget,
        map: QWidget,  # noqa: A002 - the panel's name everywhere
        ticket: QWidget,
        bottom_tabs: Tabs,
        charts_tabs: Tabs,
        command: QWidget,
        status: QWidget,
        *,
        tab_keys: Mapping[str, str] | None = None,
        is_usable: Callable[[str, str], bool | None] = lambda _cap, _panel: None,
        is_usable_elsewhere: Callable[[str], bool] = lambda _cap: False,
        may_close: Callable[[], bool] = lambda: True,
        has_report: Callable[[], bool] = lambda: False,
        visitor: QWidget | None = None,
        page: tuple[str, QWidget] | None = None,
        own_keys: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        """`is_usable` says whether the action on the key of a cap can be used now, as the panel means it that shows the
        cap ("" for none); None when the key is no action's. `is_usable_elsewhere` says it of the window that has the
        keyboard instead of this one. `may_close` says whether the window may close now: one that says no has to ask,
        and close it later. `has_report` says that the report panel holds one: where there is room for one of them it
        comes before the map. `visitor` is the demo's strip above the command line. `page` is a panel, with its key,
        that takes the map's place while it is shown. `own_keys` are the caps of keys that a panel has for itself while
        it has the keyboard, whatever the window does by them.
        """
        super().__init__()
        self._is_usable, self._is_usable_elsewhere = is_usable, is_usable_elsewhere
        self._may_close, self._has_report = may_close, has_report
        self._theme = theme
        self._kpi, self._banner, self._queue, self._map, self._ticket = kpi, banner, queue, map, ticket
        self._command, self._status, self._visitor = command, status, visitor
        self._page_key = page[0] if page is not None else ""
        self._page = page[1] if page is not None else None
        self._own_keys = dict(own_keys or {})
        self._tab_keys = dict(tab_keys or {})
        self._tab_notes: dict[str, str] = {}
        self._compact: bool | None = None
        self._narrow = self._page_shown = False
        self._open = ""
        self._entered = ""
        self._was_maximized = False
        self._sizes: dict[bool, dict[str, int]] = {False: dict(_FULL), True: dict(_COMPACT)}
        self._placing = self._is_picture = False
        self._grown = (0,) * len(_GROWTH)
        self._keyboard_away = self._typing = False
        self._to_give = ""
        self._caps: weakref.WeakKeyDictionary[QWidget, dict[str, bool]] = weakref.WeakKeyDictionary()

        self._units = TabPanel(theme, bottom_tabs)
        self._charts = TabPanel(theme, charts_tabs)
        for panel in (self._units, self._charts):
            panel.chosen.connect(self._on_tab_chosen)
        self._fold = TabStrip(theme, height=30, edge="top")
        labels = [TabLabel(key, label) for key, label, _ in bottom_tabs]
        labels += [TabLabel(key, label, apart=not i) for i, (key, label, _) in enumerate(charts_tabs)]
        self._fold.set_tabs(labels)
        self._fold.chosen.connect(self._on_fold_chosen)

        # Qt gives a widget and all within it the style sheet anew whenever it is put into another one: so each gets its
        # place when that one has its own.
        self._pages, root = QStackedWidget(), QWidget()
        self.setCentralWidget(self._pages)
        self._pages.addWidget(root)
        column = QVBoxLayout(root)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._top = _Splitter(theme, Qt.Orientation.Horizontal)
        self._bottom = _Splitter(theme, Qt.Orientation.Horizontal)
        self._left = _Splitter(theme, Qt.Orientation.Vertical)
        self._whole = _Splitter(theme, Qt.Orientation.Horizontal)
        self._whole.installEventFilter(self)
        for widget in (kpi, banner, self._whole, self._fold, visitor, command, status):
            if widget is not None:
                column.addWidget(widget, int(widget is self._whole))
        for splitter, children in (
            (self._whole, (self._left, ticket)),
            (self._left, (self._top, self._bottom)),
            (self._bottom, (self._units, self._charts)),
            (self._top, (queue, map, *([self._page] if self._page is not None else []))),
        ):
            for child in children:
                splitter.addWidget(child)
            splitter.splitterMoved.connect(self._on_dragged)
        for panel in (self._units, self._charts):
            panel.fill()
        self._top.setStretchFactor(1, 1)
        self._left.setStretchFactor(0, 1)
        self._left.setStretchFactor(1, 0)
        self._whole.setStretchFactor(0, 1)
        self._whole.setStretchFactor(1, 0)
        queue.setMinimumWidth(theme.px(300))
        for middle in (map, self._page):
            if middle is not None:
                middle.setMinimumSize(theme.px(240), theme.px(120))
        if self._page is not None:
            self._page.hide()
            self._top.setStretchFactor(2, 1)
        ticket.setMinimumWidth(theme.px(360))
        self._bottom.setMinimumHeight(theme.px(110))
        self._units.setMinimumWidth(theme.px(300))
        self._charts.setMinimumWidth(theme.px(300))

        screen = self.screen().availableGeometry()  # with large text the least size is more than a small screen has
        room = screen.height() - theme.px(FRAME)
        self.setMinimumSize(min(theme.px(760), screen.width()), min(theme.px(520), room))
        self._tell_strips()
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusChanged.connect(self._on_focus_changed)
        self._set_form(compact=False)

    # ---------------------------------------------------------------- panels

    def panel(self, key: str) -> QWidget:
        """The widget of a panel. Raises KeyError for an unknown key."""
        named = {"queue": self._queue, "map": self._map, "report": self._ticket, "command": self._command}
        if self._visitor is not None:
            named["visitor"] = self._visitor
        if self._page is not None:
            named[self._page_key] = self._page
        return {**self._units.widgets, **self._charts.widgets, **named}[key]

    def current_tab(self, key: str) -> bool:
        """Whether a tab's widget is the one that can be seen."""
        return self.panel(key).isVisible()

    def set_tab_label(self, key: str, text: str, count: str = "") -> None:
        """Change the words of a tab, and the count beside them ("" for none)."""
        for strip in (self._units.strip, self._charts.strip, self._fold):
            if strip.has(key):
                strip.set_label(key, text, count)

    def set_tab_note(self, key: str, text: str) -> None:
        """What stands at the right end of the strip while a tab is the chosen one; "" for nothing."""
        if self._tab_notes.get(key, "") != text:
            self._tab_notes[key] = text
            self._tell_strips()

    def show_tab(self, key: str) -> None:
        """Bring a tab to the front, opening the folded bottom where needed; the keyboard stays where it is."""
        panel = self._tab_panel(key)
        panel.show_tab(key)
        if self._compact:
            self._open_fold(key)
        self._tell_strips()
        self.tab_shown.emit(key)

    def focus_panel(self, key: str) -> None:
        """Bring a panel to the front and give it the keyboard. Raises KeyError for an unknown key."""
        widget = self.panel(key)
        if key in self._units.widgets or key in self._charts.widgets:
            self.show_tab(key)
        else:
            self.show_panel(key)
        _give_keyboard(widget)
        self._to_give = "" if self.isActiveWindow() else key

    def show_panel(self, key: str) -> None:
        """Bring map, page or report to the front where the window has room for one of them; the keyboard stays."""
        if key in ("map", self._page_key):
            self._set_page(shown=key != "map")
        if self._narrow and key in ("map", "report", self._page_key):
            self._ticket.setVisible(key == "report")
            self._show_middle(key != "report")
            self._place()

    def hide_page(self) -> None:
        """Take the page away: the map is in its place again, with the keyboard if the page had it."""
        if self._page is None or not self._page_shown:
            return
        had_keyboard = self.current_panel() == self._page_key
        self._set_page(shown=False)
        if had_keyboard:
            _give_keyboard(self._queue)

    def _set_page(self, *, shown: bool) -> None:
        if self._page is None or shown == self._page_shown:
            return
        self._page_shown = shown
        self._show_middle(not self._narrow or self._ticket.isHidden())
        self._place()
        self.look_at_keys()
        if shown:
            self.room_moved.emit()

    def _show_middle(self, shown: bool) -> None:
        """Show what stands between queue and report, or neither the map nor the page."""
        self._map.setVisible(shown and not self._page_shown)
        if self._page is not None:
            self._page.setVisible(shown and self._page_shown)

    def become_picture(self) -> None:
        """Freeze what is shown, as another window is about to take this one's place; the panels are removed."""
        self.blockSignals(True)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusChanged.disconnect(self._on_focus_changed)
        for shortcut in self.findChildren(QShortcut):
            shortcut.deleteLater()
        self._may_close, self._is_usable = lambda: True, lambda _cap, _panel: None
        self._is_usable_elsewhere = lambda _cap: False
        picture, root = QLabel(), self.centralWidget()
        if root is not None:
            picture.setPixmap(root.grab())
        self._is_picture = True
        self.setCentralWidget(picture)

    def cover(self, page: QWidget) -> None:
        """Show this page instead of everything else: no panel is painted or read out, and no key of the window does
        anything.
        """
        for shortcut in self._shortcuts():
            # protects: keys-of-a-locked-screen-go-nowhere
            shortcut.blockSignals(True)  # whoever owns it may switch it on or off meanwhile
        if self._pages.indexOf(page) < 0:
            self._pages.addWidget(page)
        self._pages.setCurrentWidget(page)
        page.setFocus(Qt.FocusReason.OtherFocusReason)

    def uncover(self) -> None:
        """Show the panels again after `cover`, and let the window's keys do what they did."""
        self._pages.setCurrentIndex(0)
        for shortcut in self._shortcuts():
            shortcut.blockSignals(False)

    def _shortcuts(self) -> list[QShortcut]:
        return self.findChildren(QShortcut, options=Qt.FindChildOption.FindDirectChildrenOnly)

    @property
    def is_covered(self) -> bool:
        """Whether a page covers everything."""
        return self._pages.currentIndex() != 0

    def work_room(self) -> QRect:
        """The part of the screen between the queue and the report, from below the figures down: what a form may cover.

        Where the window is too narrow to show the map beside the report it is the place of the one that is shown.
        """
        room = self.view_room()
        bottom = self._whole.mapToGlobal(QPoint(0, self._whole.height()))
        return QRect(room.topLeft(), QSize(room.width(), bottom.y() - room.top()))

    def form_room(self) -> QRect:
        """The part of the screen in which forms stand: the work room, or the queue while the page is shown, whose lines
        are what they are about.
        """
        if not self._page_shown:
            return self.work_room()
        bottom = self._whole.mapToGlobal(QPoint(0, self._whole.height()))
        corner = self._queue.mapToGlobal(QPoint(0, 0))
        return QRect(corner, QSize(self._queue.width(), bottom.y() - corner.y()))

    def page_room(self) -> QRect | None:
        """The part of the screen with the page; None while it is not shown."""
        return self.view_room() if self._page_shown and self._page is not None and self._page.isVisible() else None

    @property
    def shows_one(self) -> bool:
        """Whether the window has room for either map or report only; a form then hides the report."""
        return self._narrow

    def view_room(self) -> QRect:
        """The same without the bottom row: the place of the map, or of the report where there is room for one of them.

        What is only looked at stands there, and the units and charts beside it.
        """
        shown = next((one for one in (self._map, self._page) if one is not None and not one.isHidden()), self._ticket)
        return QRect(shown.mapToGlobal(QPoint(0, 0)), shown.size())

    def current_panel(self) -> str:
        """The key of the panel that has the keyboard, "" for none."""
        return self._panel_of(QApplication.focusWidget())

    def next_panel(self, step: int = 1, *, form: bool = False) -> bool:
        """Give the keyboard to the next (1) or the previous (-1) panel of the F6 round. With `form` one is open beside
        the window and comes last; where it is its turn True is returned, and whoever owns it gives it the keyboard.
        """
        round_ = ["queue", self._page_key if self._page_shown else "map", "report"]
        if not self._compact:
            round_ += [self._units.current(), self._charts.current()]
        elif self._open:
            round_.append(self._open)
        round_ += [*(["visitor"] if self._visitor is not None and not self._visitor.isHidden() else []), "command"]
        round_ = [key for key in round_ if key]
        now = self.current_panel()
        at = round_.index(now) if now in round_ else (-1 if step > 0 else 0)
        if form:
            at = at if now in round_ else len(round_)
            round_.append("")
        key = round_[(at + step) % len(round_)]
        if key:
            self.focus_panel(key)
        return not key

    # ---------------------------------------------------------------- keys

    def hears(self, widget: QWidget, cap: str) -> bool:
        """Whether the key of the cap that `widget` is about to draw does now what stands beside it."""
        heard = self._hears(widget, cap)
        self._caps.setdefault(widget, {})[cap] = heard
        return heard

    def _hears(self, widget: QWidget, cap: str) -> bool:
        if self._keyboard_away:
            return self._is_usable_elsewhere(cap) and (not self._typing or works_while_typing(cap))
        here, shown_in = self.current_panel(), self._panel_of(widget)
        # protects: no-two-caps-for-one-key
        if cap in self._own_keys.get(here, ()) or cap in self._own_keys.get(shown_in, ()):
            return here == shown_in and (not self._typing or works_while_typing(cap))
        usable = self._is_usable(cap, shown_in)
        if usable is None:  # a panel's own key: while that panel has the keyboard
            return bool(here) and here == (shown_in or (widget is self._fold and self._open))
        return usable and (not self._typing or works_while_typing(cap))

    def look_at_keys(self) -> None:
        """Draw again each cap whose key has begun or ceased to do something."""
        for widget, drawn in list(self._caps.items()):
            if not isValid(widget):
                continue
            if any(self._hears(widget, cap) != heard for cap, heard in drawn.items()):
                drawn.clear()
                widget.update()

    # ---------------------------------------------------------------- form

    @property
    def compact(self) -> bool:
        """Whether the bottom is folded into a strip of tabs."""
        return bool(self._compact)

    def fold(self) -> None:
        """Fold the bottom again (compact form only); the keyboard goes to the queue if it was there."""
        if not self._compact or not self._open:
            return
        inside = self._bottom.isAncestorOf(QApplication.focusWidget() or self)
        self._open = ""
        self._bottom.hide()
        self._fold.set_folded(True, "▴")
        self._tell_strips()
        if inside:
            _give_keyboard(self._queue)

    def toggle_full_screen(self) -> None:
        """Full screen and back, to maximized if it was so."""
        if self.isFullScreen():
            if self._was_maximized:
                self.showMaximized()
            else:
                self.showNormal()
        else:
            self._was_maximized = self.isMaximized()
            self.showFullScreen()

    def reset_layout(self) -> None:
        """Back to the built-in sizes and first tabs."""
        self._sizes = {False: dict(_FULL), True: dict(_COMPACT)}
        for panel in (self._units, self._charts):
            panel.show_tab(next(iter(panel.widgets)))
        self._open = ""
        self._set_form(compact=bool(self._compact), again=True)

    def save_layout(self) -> bytes:
        """The layout as bytes for `restore_layout`: window place, panel sizes at scale 100 %, tabs."""
        self._remember()
        box = self.normalGeometry() if (self.isMaximized() or self.isFullScreen()) else self.geometry()
        screen = self.screen()
        kept = {
            "version": LAYOUT_VERSION,
            "box": [box.x(), box.y(), box.width(), box.height()],
            "screen": screen.name(),
            "maximized": self.isMaximized() or (self.isFullScreen() and self._was_maximized),
            "full_screen": self.isFullScreen(),
            "full": self._sizes[False],
            "compact": self._sizes[True],
            "tabs": [self._units.current(), self._charts.current()],
        }
        return json.dumps(kept, sort_keys=True).encode()

    def restore_layout(self, saved: bytes) -> bool:
        """Take up a saved layout. What does not fit today's screens is put right; bytes that are no layout of this
        version change nothing and give False.
        """
        try:
            layout: Any = json.loads(saved)
        except ValueError:
            return False
        if not isinstance(layout, dict) or layout.get("version") != LAYOUT_VERSION:
            return False
        for compact, name in ((False, "full"), (True, "compact")):
            sizes = layout.get(name)
            if isinstance(sizes, dict):
                for part, size in sizes.items():
                    if part in self._sizes[compact] and _is_int(size) and 60 <= size <= 4000:
                        self._sizes[compact][part] = size
        tabs = layout.get("tabs")
        for panel, key in zip((self._units, self._charts), tabs if isinstance(tabs, list) else [], strict=False):
            if key in panel.widgets:
                panel.show_tab(key)
        box = layout.get("box")
        if isinstance(box, list) and len(box) == 4 and all(map(_is_int, box)):
            self.setGeometry(self._on_a_screen(QRect(*box), str(layout.get("screen", ""))))
        if layout.get("full_screen") is True:
            self._was_maximized = layout.get("maximized") is True
            self.setWindowState(Qt.WindowState.WindowFullScreen)
        elif layout.get("maximized") is True:
            self.setWindowState(Qt.WindowState.WindowMaximized)
        self._set_form(compact=self._wants_compact(), again=True)
        return True

    # ---------------------------------------------------------------- inside

    def _tab_panel(self, key: str) -> TabPanel:
        return self._units if key in self._units.widgets else self._charts

    def _panel_of(self, widget: QWidget | None) -> str:
        named = [("queue", self._queue), ("map", self._map), ("report", self._ticket), ("command", self._command)]
        tabs = [*self._units.widgets.items(), *self._charts.widgets.items()]
        if self._visitor is not None:
            named.append(("visitor", self._visitor))
        if self._page is not None:
            named.append((self._page_key, self._page))
        for key, panel in [*named, *tabs]:
            if widget is not None and (widget is panel or panel.isAncestorOf(widget)):
                return key
        for tab_panel in (self._units, self._charts):
            if widget is not None and tab_panel.isAncestorOf(widget):
                return tab_panel.current()
        return ""

    def _wants_compact(self) -> bool:
        return self.width() < self._theme.px(COMPACT_BELOW)

    def _set_form(self, *, compact: bool, again: bool = False) -> None:
        changed = compact != self._compact
        if not changed and not again:
            return
        self._compact = compact
        for panel in (self._kpi, self._ticket, self._queue, self._banner):
            if hasattr(panel, "compact"):
                panel.compact = compact
        self._kpi.setFixedHeight(self._theme.px(44 if compact else 56))
        self._fold.setVisible(compact)
        for tab_panel in (self._units, self._charts):
            tab_panel.strip.setVisible(not compact)
            tab_panel.setVisible(True)
        if compact and not self._open:
            self._bottom.hide()
            self._fold.set_folded(True, "▴")
        elif compact:
            self._open_fold(self._open)
        else:
            self._open = ""
            self._bottom.show()
        self._tell_strips()
        self._place()
        if changed:
            self.compact_changed.emit(compact)

    def _set_narrow(self, narrow: bool) -> None:
        if narrow == self._narrow:
            return
        self._narrow = narrow
        panel = self.current_panel()
        reading = panel == "report" or (panel not in ("map", self._page_key) and self._has_report())
        self._ticket.setVisible(not narrow or reading)
        self._show_middle(not narrow or not reading)
        self._place()

    def _open_fold(self, key: str) -> None:
        self._open = key
        of_units = key in self._units.widgets
        self._units.setVisible(of_units)
        self._charts.setVisible(not of_units)
        self._fold.set_current(key)
        self._fold.set_folded(False, "▾")
        self._bottom.show()
        self._place()

    def _growth(self, part: str) -> int:
        """By how many pixels (at scale 100 %) a panel is larger than its remembered size, as the window is large."""
        if self._compact:
            return 0
        side, share = _GROWTH[part]
        ratio = self._theme.px(1000) / 1000
        return round(max(0, (self.width(), self.height())[side] / ratio - _FULL_AT[side]) * share)

    def _place(self) -> None:
        """Give every panel its remembered size, more of it in a large window; the map takes what is left."""
        remembered = self._sizes[bool(self._compact)]
        sizes = {part: self._theme.px(size + self._growth(part)) for part, size in remembered.items()}
        wide, high = max(self.width(), 1), max(self._whole.height(), 1)
        self._placing = True
        left = wide - sizes["report"] - 1
        if self._ticket.isHidden():
            left = wide
        elif self._map.isHidden() and not self._page_shown:
            left = sizes["queue"]
        self._whole.setSizes([left, wide - left - 1])
        middle = left - sizes["queue"] - 1
        self._top.setSizes([sizes["queue"], *([middle] * (self._top.count() - 1))])
        self._left.setSizes([high - sizes["bottom"] - 1, sizes["bottom"]])
        self._bottom.setSizes([left - sizes["charts"] - 1, sizes["charts"]])
        self._placing = False

    def _remember(self) -> None:
        """Note the present sizes of the present form, in pixels at scale 100 %."""
        if not self.isVisible():
            return
        ratio = self._theme.px(1000) / 1000
        now = self._sizes[bool(self._compact)]
        if not self._narrow:
            now["queue"] = round(self._queue.width() / ratio) - self._growth("queue")
            now["report"] = round(self._ticket.width() / ratio) - self._growth("report")
        if self._bottom.isVisible():
            now["bottom"] = round(self._bottom.height() / ratio) - self._growth("bottom")
        if not self._compact:
            now["charts"] = round(self._charts.width() / ratio) - self._growth("charts")

    def _tell_strips(self) -> None:
        for panel in (self._units, self._charts):
            key = panel.current()
            caps = [self._tab_keys[key]] if key in self._tab_keys else []
            panel.strip.set_note(self._tab_notes.get(key, ""), "", caps)
        if self._open:
            caps = [self._tab_keys[self._open]] if self._open in self._tab_keys else []
            self._fold.set_note(self._tab_notes.get(self._open, ""), "", [*caps, "Esc"])
        else:
            first = [panel.current() for panel in (self._units, self._charts)]
            caps = [self._tab_keys[key] for key in first if key in self._tab_keys]
            self._fold.set_note(self.tr("opens over the map"), "", caps)

    def _on_a_screen(self, box: QRect, name: str) -> QRect:
        """A box whose title can be reached on one of today's screens."""
        screens = QGuiApplication.screens()
        same = [screen for screen in screens if screen.name() == name]
        for screen in [*same, *screens]:
            free = screen.availableGeometry()
            seen = free.intersected(QRect(box.topLeft(), QSize(box.width(), 40)))
            if seen.width() >= min(200, box.width()) and seen.height() >= 20:
                return box
        free = (same or [QGuiApplication.primaryScreen()])[0].availableGeometry()
        size = box.size().boundedTo(free.size())
        placed = QRect(free.topLeft(), size)
        placed.moveCenter(free.center())
        return placed

    def _on_tab_chosen(self, key: str) -> None:
        self._tell_strips()
        self.tab_shown.emit(key)

    def _on_fold_chosen(self, key: str) -> None:
        if key == self._open:
            self.fold()
        else:
            self.focus_panel(key)

    def _on_dragged(self, *_: int) -> None:
        if not self._placing:
            self._remember()

    def _on_focus_changed(self, _: QWidget | None, new: QWidget | None) -> None:
        if self.is_covered:
            self._keep_covered(new)
            return
        if new is not None:  # else another program has the keyboard, which comes back to where it was
            self._keyboard_away, self._typing = new.window() is not self, takes_text(new)
            self.look_at_keys()
        key = self._panel_of(new)
        if key and key != self._entered:
            self._entered = key
            self.panel_entered.emit(key)

    def _keep_covered(self, new: QWidget | None) -> None:
        """Give the keyboard back to the page that covers everything: Qt lets a hidden panel have it, and what is typed
        for the page would go there.
        """
        page = self._pages.currentWidget()
        is_behind = page is not None and new is not None and new.window() is self and not page.isAncestorOf(new)
        # protects: a-covered-panel-gets-no-key
        if page is not None and is_behind and new is not page:
            page.setFocus(Qt.FocusReason.OtherFocusReason)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._is_picture:
            return
        self._set_form(compact=self._wants_compact())
        self._set_narrow(self.width() < self._theme.px(NARROW_BELOW))
        grown = tuple(self._growth(part) for part in _GROWTH)
        if grown != self._grown:
            self._grown = grown
            self._place()

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A notice that comes or goes moves what stands below it."""
        if watched is self._whole and event.type() == QEvent.Type.Move:
            self.room_moved.emit()
        return super().eventFilter(watched, event)

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._is_picture:
            return
        self._set_form(compact=self._wants_compact(), again=True)

    @override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow() and self._to_give:
            QTimer.singleShot(0, self, self._give_again)

    def _give_again(self) -> None:
        """A panel got the focus while another window had the keyboard: now that this one has it, draw the ring."""
        key, self._to_give = self._to_give, ""
        if key and self.isActiveWindow() and key == self.current_panel():
            _give_keyboard(self.panel(key))

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._is_picture or self.is_covered:
            return
        if event.key() == Qt.Key.Key_Escape and self._open:
            inside = QApplication.focusWidget()
            if inside is not None and (self._bottom.isAncestorOf(inside) or self._fold.isAncestorOf(inside)):
                self.fold()
                return
        if cap := _cap_of(event):
            self.key_unused.emit(cap)
        super().keyPressEvent(event)

    @override
    def closeEvent(self, event: QCloseEvent) -> None:
        if not self._may_close():
            event.ignore()
            return
        self.closed.emit()
        super().closeEvent(event)


def _cap_of(event: QKeyEvent) -> str:
    """A key that was meant to do something, as its cap would show it; "" for arrows, modifiers alone and the like."""
    held = event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier)
    if event.isAutoRepeat() or not ((event.text().strip().isprintable() and event.text().strip()) or held):
        return ""
    if event.key() in (Qt.Key.Key_Control, Qt.Key.Key_Alt, Qt.Key.Key_Shift, Qt.Key.Key_AltGr, Qt.Key.Key_Meta):
        return ""
    return key_text(QKeySequence(event.keyCombination()).toString(QKeySequence.SequenceFormat.PortableText))


def _is_int(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _give_keyboard(widget: QWidget) -> None:
    """Focus a panel, or the first part of it that takes the keyboard."""
    reason = Qt.FocusReason.ShortcutFocusReason
    now = QApplication.focusWidget()
    if now is not None and (now is widget or now is widget.focusProxy()):
        now.clearFocus()  # it gets it anew, by the keyboard this time: the ring says where it is
    if widget.focusProxy() is not None or widget.focusPolicy() != Qt.FocusPolicy.NoFocus:
        widget.setFocus(reason)
        return
    part = widget.nextInFocusChain()
    while part is not None and part is not widget and widget.isAncestorOf(part):
        if part.isVisible() and part.isEnabled() and part.focusPolicy() & Qt.FocusPolicy.TabFocus:
            part.setFocus(reason)
            return
        part = part.nextInFocusChain()
