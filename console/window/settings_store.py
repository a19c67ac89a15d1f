"""The settings of an open window, and those in its profile, which other programs change meanwhile."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PySide6.QtCore import QFileSystemWatcher, QObject, Signal

from console.error_text import describe
from console.files.errors import StoreError
from console.settings import Settings, SettingsDamaged, change_settings, load_settings
from console.tasks import Tasks

_log = logging.getLogger(__name__)


class SettingsStore(QObject):
    """Writes changes of this window into the profile's settings file, and reads those that other programs make
    there.
    """

    sources_came = Signal(object)
    """Another program added sources, changed them or signed in to them: a list of their names."""
    unreadable = Signal(object)
    """The settings in the profile were changed and cannot be read: the exception."""

    def __init__(
        self, profile: Path, settings: Settings, tasks: Tasks, *, is_demo: bool, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._profile, self._tasks = profile, tasks
        self.is_demo = is_demo
        self.here = settings
        """The settings of this window."""
        self.filed = copy.deepcopy(settings)
        """The settings as the file in the profile has them; a change that could not be written is missing."""
        self._kept = 0
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="settings")
        self._watch = QFileSystemWatcher(self)
        self._watch.directoryChanged.connect(self._look)

    def keep(self, change: Callable[[Settings], object]) -> str:
        """Apply `change` to this window's settings and to the file in the profile. Returns why the file could not be
        written, "" when it was.

        The demo has no profile: its settings last as long as the program.
        """
        change(self.here)
        if self.is_demo:
            return ""
        self._kept += 1
        try:
            self._follow(change_settings(self._profile, change))
        except (OSError, StoreError, SettingsDamaged) as error:
            _log.warning("the settings were not kept: %s", describe(error))
            return describe(error)
        return ""

    def keep_behind(self, change: Callable[[Settings], object]) -> None:
        """Apply `change` to this window's settings now, and to the file by a thread of its own, which may wait for the
        disk: for what comes by itself, to which nobody waits for an answer. `close` waits until all is written.
        """
        change(self.here)
        if not self.is_demo:
            self._kept += 1
            self._writer.submit(self._write, change)

    def _write(self, change: Callable[[Settings], object]) -> None:
        """In the thread. What other programs changed in the file meanwhile is read when it is seen to have changed."""
        try:
            change_settings(self._profile, change)
        except (OSError, StoreError, SettingsDamaged) as error:
            _log.warning("the settings were not kept: %s", describe(error))

    def watch(self) -> None:
        """Read the settings file now, and again whenever it changes."""
        self._watch.addPath(str(self._profile))
        self._look()

    def close(self) -> None:
        """Stop watching the settings file, once all is written to it."""
        self._writer.shutdown(wait=True)
        self._watch.directoryChanged.disconnect()

    def _look(self, _folder: str = "") -> None:
        """Read the settings file on a worker: another program, such as `sigap connect`, may have changed it."""
        kept = self._kept

        def read(found: Settings) -> None:
            if kept == self._kept:  # else it may be from before what was kept meanwhile, and is looked at again
                self._follow(found)

        profile = self._profile
        self._tasks.latest("settings", lambda: load_settings(profile), read, self.unreadable.emit)

    def _follow(self, found: Settings) -> None:
        """Take over sources that another program added, changed or signed in to.

        Changes of this window that could not be written stay. A source that was removed from the file is followed until
        the window closes.
        """
        before, self.filed, mine = self.filed, found, self.here
        changed = {one.key: one for one in found.sources if one not in before.sources and one not in mine.sources}
        signed_in = {key for key in mine.signed_out if key in before.signed_out and key not in found.signed_out}
        if not changed and not signed_in:
            return
        names = [one.name for one in found.sources if one.key in changed or one.key in signed_in]
        mine.sources = [changed.pop(one.key, one) for one in mine.sources] + list(changed.values())
        mine.signed_out = [key for key in mine.signed_out if key not in signed_in]
        self.sources_came.emit(names)
