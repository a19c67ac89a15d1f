"""The keys of actions: which the window hears, which a form or the photos leave to it, and which a cap may show now."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtGui import QKeySequence, QShortcut

from console.panels.action import Action, Actions
from console.panels.action_rules import Situation
from console.panels.action_runner import ActionRunner
from console.panels.forms.forms import Forms
from console.panels.situation import SituationMonitor
from console.window.actions import Receivers
from widgets.keys import key_text
from widgets.palette import Palette
from widgets.shell import Shell
from widgets.ticket.panel import TicketPanel


class Shortcuts(QObject):
    """Makes a shortcut of each key of the table, and runs those that are struck elsewhere and meant for the window."""

    def __init__(
        self,
        actions: Actions[Receivers],
        runner: ActionRunner,
        situation: SituationMonitor,
        window: Shell,
        ticket: TicketPanel,
        forms: Forms,
        palette: Palette,
        say: Callable[[str], object],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._actions, self._runner, self._window, self._ticket = actions, runner, window, ticket
        self._forms, self._palette, self._say = forms, palette, say
        self._situation = Situation()
        for action in actions:
            for keys in action.keys:
                shortcut = QShortcut(QKeySequence(keys), window)
                shortcut.setAutoRepeat(action.repeats)
                shortcut.activated.connect(lambda action=action: runner.press(action.id))
                shortcut.activatedAmbiguously.connect(lambda action=action: runner.press(action.id))
        situation.changed.connect(self._on_situation)
        window.key_unused.connect(self._on_unused)
        forms.unused_key.connect(self.on_key_elsewhere)
        forms.begun_changed.connect(window.look_at_keys)
        palette.unused_key.connect(self.on_key_elsewhere)
        ticket.viewer_key.connect(self._on_key_of_viewer)

    # Caps

    def is_usable(self, cap: str, panel: str) -> bool | None:
        """Whether the key of a cap does now what stands beside it, as the panel means it that shows it."""
        return self._actions.is_usable(cap, self._situation, panel)

    def is_usable_elsewhere(self, cap: str) -> bool:
        """The same for a window other than the main one: a form, the palette, the photo viewer."""
        action = self._actions.with_cap(cap)
        if action is None or action.over_forms == "no" or self._is_held_by_form(action):
            return False
        viewer = self._ticket.viewer()
        in_viewer = viewer is not None and viewer.isActiveWindow()
        elsewhere = self._forms.has_keyboard or self._palette.isActiveWindow() or in_viewer
        return elsewhere and not action.why_not(self._situation)

    def _on_situation(self, situation: Situation) -> None:
        """Other actions may be used: their keys' caps come and go."""
        if situation != self._situation:
            self._situation = situation
            self._window.look_at_keys()

    # Keys

    def _on_unused(self, cap: str) -> None:
        """A key that does nothing says so, and where all are listed."""
        sentence = self.tr("{key} does nothing here · {help} lists all keys")
        self._say(sentence.format(key=cap, help=self._actions.cap("help")))

    def on_key_elsewhere(self, key: str) -> None:
        """What is said in the status bar and by the notices names these keys, whatever has the keyboard."""
        action = self._actions.with_key(key)
        if action is None:
            return
        if action.over_forms == "no":
            if self._forms.has_keyboard:
                words = self.tr("{key} does nothing while a form has the keyboard: Esc leaves it")
                self._say(words.format(key=key_text(key)))
        elif self._is_held_by_form(action):
            self._say(self.tr("Nothing was undone: the form holds what is not saved. Leave it first (Esc)"))
        else:
            is_left = action.over_forms == "leaves" and self._forms.has_keyboard
            self._runner.run(action.id)
            if action.over_forms == "leaves":  # Enter is meant for the report that is shown now
                self._window.activateWindow()
            if is_left and self._forms.is_open:
                words = self.tr("The form is open still: {key} goes back to it")
                self._say(words.format(key=self._actions.cap("hazard_back")))

    def _on_key_of_viewer(self, key: str) -> None:
        """The keys of notices work from the photos too; one that goes to another report closes them."""
        action = self._actions.with_key(key)
        if action is not None and action.over_forms == "leaves" and (viewer := self._ticket.viewer()) is not None:
            viewer.close()
        self.on_key_elsewhere(key)

    def _is_held_by_form(self, action: Action[Receivers]) -> bool:
        """Whether a key would be meant for what stands in the open form, and not for the last step of the window."""
        return action.id == "undo" and self._forms.has_keyboard and self._forms.is_begun
