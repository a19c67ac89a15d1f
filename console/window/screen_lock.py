"""Locks the window: shows nothing of the city but what calls, and opens to the operator's token or a colleague's."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Callable
from datetime import datetime, tzinfo

import msgspec
from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtGui import QGuiApplication, QWindow
from PySide6.QtWidgets import QApplication, QToolTip
from typing_extensions import override

from console.panels.forms.forms import Forms
from console.panels.sources import Sources
from console.panels.window_state import WindowState
from console.rules.edit import BEFORE_SIGN_IN
from console.rules.messages import Down, SignedIn, TokenOwner, WhoseToken
from console.rules.screen_lock import KeptLock, TokenDigest, digest_of, is_one_of, refused_by, wait_s
from console.settings import is_left
from console.tasks import Tasks
from console.window.settings_store import SettingsStore
from console.window.sign_in import SignInController
from widgets.forms.choice import ListChoice
from widgets.lock import LockScreen
from widgets.shell import Shell

_ANSWER_S = 40.0
"""After this no server answers any more whose a token is."""
_SALT_BYTES = 16
_MINUTES = (0, 2, 5, 10, 15, 30, 60)
"""After how many minutes without a key the screen can lock itself; 0: never."""
_OF_AN_OPERATOR = frozenset(
    {
        QEvent.Type.KeyPress,
        QEvent.Type.MouseButtonPress,
        QEvent.Type.MouseMove,
        QEvent.Type.Wheel,
        QEvent.Type.TouchBegin,
        QEvent.Type.TabletPress,
    }
)


class ScreenLock(QObject):
    """Whether the window is locked. While it is, alarms, sync and outbox go on, and no panel, form, photo, title or
    notice shows a report; forms that were open, or would open, wait. The lock outlives the program.
    """

    changed = Signal(bool)
    """The screen was locked (True), or is open again."""
    message = Signal(str)

    def __init__(
        self,
        window: Shell,
        page: LockScreen,
        forms: Forms,
        settings: SettingsStore,
        sources: Sources,
        window_state: WindowState,
        sign_in: SignInController,
        tasks: Tasks,
        send: Callable[[Down], object],
        now: Callable[[], datetime],
        zone: tzinfo,
        parent: QObject | None = None,
        *,
        steady_s: Callable[[], float] = time.monotonic,
        new_salt: Callable[[], bytes] = lambda: secrets.token_bytes(_SALT_BYTES),
    ) -> None:
        """`send` brings a message to the sync process, `steady_s` is a monotonic clock in seconds, `new_salt` gives
        random bytes.
        """
        super().__init__(parent)
        self._window, self._page, self._forms, self._settings = window, page, forms, settings
        self._sources, self._window_state, self._sign_in, self._tasks = sources, window_state, sign_in, tasks
        self._send, self._now, self._zone, self._steady_s, self._new_salt = send, now, zone, steady_s, new_salt
        self.is_locked = False
        self._kept: KeptLock | None = None
        """What is kept of the lock; None while the window is open, and until the tokens' digests are there."""
        self._number = 0
        """Of the try that is being checked: a later answer to an earlier one counts for nothing."""
        self._asked = ""
        """The typed token, until a server has said whose it is."""
        self._asked_until_s = 0.0
        self._is_checking = False
        self._seat_at = ""
        """The source at which somebody else is signing in, "" for none."""
        self._waits_until_s = 0.0
        self._problem = ""
        self._active_s = steady_s()
        """When the operator last did something."""
        self._has_copied = False
        """What is in the clipboard was copied in one of these windows."""
        page.tried.connect(self._on_tried)
        QGuiApplication.clipboard().dataChanged.connect(self._on_copied)
        app = QApplication.instance()
        if isinstance(app, QGuiApplication):
            app.focusWindowChanged.connect(self._watch)

    # Locking

    def lock(self) -> None:
        """Lock the screen, as long as there is somebody who can unlock it."""
        if self.is_locked:
            return
        if is_left(self._settings.here):
            self.message.emit(self.tr("Nobody is signed in who could unlock it: sign in first"))
            return
        self._cover()
        since = self._now()
        if self._sign_in.seat_tokens() is None:
            self._keep(KeptLock(since, needs_token=False))
        else:
            self._learn_tokens(KeptLock(since))

    def _learn_tokens(self, lock: KeptLock) -> None:
        """Keep the lock at once, and as soon as they are read what the operator's tokens are known by: the keyring may
        take its time, and a program that is killed meanwhile opens locked.
        """
        tokens_of, new_salt = self._sign_in.seat_tokens(), self._new_salt
        # protects: locked-before-its-tokens-are-read
        self._settings.keep_behind(lambda settings: setattr(settings, "lock", lock))

        def digests() -> tuple[TokenDigest, ...]:
            own = tokens_of() if tokens_of is not None else []
            return tuple(digest_of(token, new_salt(), source) for source, token in own)

        def known(tokens: tuple[TokenDigest, ...]) -> None:
            self._keep(msgspec.structs.replace(lock, tokens=tokens))
            self._wait()
            self._show()

        self._tasks.submit(digests, known, lambda _: known(()))  # then its server knows the token

    def take_up(self) -> None:
        """Be locked from the first picture on where the window was locked when the program ended."""
        kept = self._settings.here.lock
        if kept is not None:
            self._cover()
            if kept.needs_token and not kept.tokens:
                self._learn_tokens(kept)
            else:
                self._kept = kept
                self._wait()
            self.tick()

    def choose_minutes(self) -> None:
        """Ask after how long without a key or a mouse the screen locks itself."""
        now = self._settings.here.lock_after_min
        rows = [ListChoice(str(minutes), self._minutes_text(minutes)) for minutes in _MINUTES]
        about = self.tr("without a key or a mouse")
        self._forms.choose(self.tr("Lock the screen by itself"), about, rows, self._keep_minutes, current=str(now))

    def tick(self) -> None:
        """Once a second: what calls, how long has to be waited, and whether nobody has touched anything for long."""
        if self.is_locked:
            self._note_refused()
            if (self._asked or self._seat_at) and self._steady_s() > self._asked_until_s:
                if self._seat_at:
                    # protects: a-seat-that-nobody-took-is-given-back
                    self._sign_in.give_seat_back(self._seat_at)
                self._asked = ""
                self._seat_at = ""
                self._fail(self.tr("The server does not answer. Your own token unlocks without it."))
            self._show()
        elif (minutes := self._settings.here.lock_after_min) and self._steady_s() - self._active_s >= minutes * 60:
            if is_left(self._settings.here):
                return
            self.lock()

    def _note_refused(self) -> None:
        """Note which of the operator's tokens their servers do not take any more, or take again: over a restart, and
        when the server is not reached later.
        """
        if self._kept is None or self._seat_at:  # what is said then is said of who takes the seat
            return
        tokens = tuple(
            one
            if (refuses := self._sources.refuses(one.source)) is None
            else msgspec.structs.replace(one, refused=refuses)
            for one in self._kept.tokens
        )
        if tokens != self._kept.tokens:
            self._keep(msgspec.structs.replace(self._kept, tokens=tokens))

    @property
    def alarm_text(self) -> str:
        """How many P1 wait for a crew: all that a locked screen says of the city."""
        return self._alarms()[1]

    @property
    def outside_text(self) -> str:
        """What a locked console tells outside its window, where anybody reads it."""
        return self.tr("Locked: {alarms}").format(alarms=self.alarm_text)

    def _keep(self, lock: KeptLock | None) -> None:
        if self.is_locked or lock is None:
            self._kept = lock
            self._settings.keep_behind(lambda settings: setattr(settings, "lock", lock))
            self._show()

    def _keep_minutes(self, chosen: str) -> None:
        minutes = int(chosen)
        why_not = self._settings.keep(lambda settings: setattr(settings, "lock_after_min", minutes))
        self._active_s = self._steady_s()
        self._watch(QGuiApplication.focusWindow())
        self.message.emit(f"{self._minutes_text(minutes)}. {why_not}" if why_not else self._minutes_text(minutes))

    def _minutes_text(self, minutes: int) -> str:
        if not minutes:
            return self.tr("Only when it is locked by its key")
        return self.tr("After {n} minutes").format(n=minutes)

    def _cover(self) -> None:
        """Nothing but the page is seen or heard; windows of the program that would open again by themselves wait."""
        self.is_locked, self._kept, self._problem, self._seat_at, self._is_checking = True, None, "", "", False
        self._asked = ""
        # protects: locked-shows-no-form
        self._forms.set_hidden(is_hidden=True)
        for widget in QApplication.topLevelWidgets():
            # protects: locked-shows-no-other-window
            if widget is not self._window and widget.isVisible():
                widget.close()
        QToolTip.hideText()
        self._clear_clipboard()
        # protects: locked-shows-no-report
        self._window.cover(self._page)
        self._window.setWindowTitle(self.tr("Sigap: locked"))
        self.changed.emit(True)
        self._show()

    # Unlocking

    def _on_tried(self, token: str) -> None:
        if self._is_checking or self._seconds_to_wait() or self._seat_at:
            return
        kept = self._kept
        if kept is None:
            self._say(self.tr("One moment, then again"))
        elif not kept.needs_token:
            self._open()
        elif token:
            self._number += 1
            self._is_checking = True
            number = self._number
            self._say(self.tr("Checking"))
            self._tasks.submit(
                lambda: (is_one_of(token, kept.tokens), refused_by(token, kept.tokens)),
                lambda found: self._on_compared(number, token, *found),
            )

    def _on_compared(self, number: int, token: str, is_own: bool, refused_at: str) -> None:
        if number != self._number or not self.is_locked:
            return
        if is_own:
            self._open()
            return
        if refused_at not in ("", self._sign_in.seat):  # another city's, which this one's server need not see
            words = self.tr("{city} does not take this token any more.")
            self._fail(words.format(city=self._sources.name(refused_at)))
            return
        # What is typed is shown to one server only: it may be a token of that city, and is nothing for another one.
        # protects: a-token-is-shown-to-its-own-city
        seat = self._sign_in.seat
        if not self._sources.hears(seat):
            self._fail(self.tr("This is not the token that locked it. Others need the server, which is not reached."))
            return
        self._asked = token
        self._asked_until_s = self._steady_s() + _ANSWER_S
        self._say(self.tr("Asking the server whose it is"))
        self._send(WhoseToken(seat, number, token))

    def on_token_owner(self, owner: TokenOwner) -> None:
        """A server says whose a token is that was typed, or why it does not."""
        if owner.number != self._number or not self.is_locked:
            return
        token, self._asked = self._asked, ""
        if not token:
            return
        if owner.user in ("", BEFORE_SIGN_IN):  # of a server that knows nobody it is anybody's
            self._fail(owner.problem or self.tr("The server does not know this token."))
            return
        is_same = owner.user == self._window_state.me_at(owner.source)
        if not is_same:
            self._seat_at = owner.source
            self._say(self.tr("Changing the operator"))
        self._sign_in.take_seat(owner.source, token)
        if is_same:  # his token is another one since he locked it
            self._open()

    def on_signed_in(self, me: SignedIn) -> None:
        """Somebody is signed in at a source: if he took the seat here, the window is his."""
        if self.is_locked and me.source == self._seat_at:
            self._forms.close_open()
            self._open()

    def on_operator_leaves(self) -> None:
        """Another operator has signed in: if he has not taken the seat at this lock, as where the program ended in
        between, it is his token that opens it from now on, and no other.
        """
        # protects: only-who-is-signed-in-unlocks
        if self.is_locked and not self._seat_at and (kept := self._kept) is not None and kept.needs_token:
            self._kept = None
            self._learn_tokens(msgspec.structs.replace(kept, tokens=()))

    def _fail(self, problem: str) -> None:
        kept = self._kept
        if kept is not None:
            self._keep(msgspec.structs.replace(kept, failed=kept.failed + 1))
        self._is_checking = False
        self._wait()
        self._say(problem)

    def _wait(self) -> None:
        failed = self._kept.failed if self._kept is not None else 0
        self._waits_until_s = self._steady_s() + wait_s(failed)

    def _seconds_to_wait(self) -> int:
        return max(0, math.ceil(self._waits_until_s - self._steady_s())) if self._waits_until_s else 0

    def _open(self) -> None:
        self.is_locked, self._is_checking, self._seat_at, self._waits_until_s = False, False, "", 0.0
        self._number += 1
        self._active_s = self._steady_s()
        self._keep(None)
        self._window.uncover()
        self._window.setWindowTitle("Sigap")
        self._forms.set_hidden(is_hidden=False)
        self.changed.emit(False)

    # What the page says

    def _say(self, problem: str) -> None:
        self._problem = problem
        self._show()

    def _show(self) -> None:
        wait = self._seconds_to_wait()
        waits = self.tr("Too many wrong tokens: wait {m}:{s:02}").format(m=wait // 60, s=wait % 60) if wait else ""
        self._page.set_message(" ".join(part for part in (self._problem, waits) if part))
        self._page.set_open(is_open=not wait and not self._is_checking)
        kept = self._kept
        since = kept.since if kept is not None else self._now()
        self._page.set_title(self.tr("Locked since {time}").format(time=f"{since.astimezone(self._zone):%H:%M}"))
        away = self._sources.offline
        link = self.tr("No connection: what is saved waits and is sent when the server is back")
        there = self.tr("Connected: reports come in, and what was saved is sent")
        self._page.set_lines(self._alarms(), ("warn", link) if away else ("ok", there))
        if kept is not None and not kept.needs_token:
            self._page.set_hint(self.tr("Nobody signs in here with a token: Enter unlocks."), asks_token=False)
        else:
            self._page.set_hint(
                self.tr("Your token and Enter unlock it. The token of a colleague signs you out and him in.")
            )

    def _alarms(self) -> tuple[str, str]:
        view = self._window_state.view
        if view is None or not view.knows_hazards:
            return "", self.tr("P1 without a crew: not known yet")
        count = len(view.hazards)
        if not count:
            return "ok", self.tr("No P1 without a crew")
        return "p1", self.tr("{n} P1 without a crew").format(n=count)

    # What was copied

    def _on_copied(self) -> None:
        """Not every desktop says whose the clipboard is: what comes while one of these windows is active is theirs."""
        self._has_copied = QApplication.activeWindow() is not None

    def _clear_clipboard(self) -> None:
        """Take away what was copied in this window; what other programs copied is theirs."""
        clipboard = QGuiApplication.clipboard()
        if self._has_copied or clipboard.ownsClipboard():
            # protects: locked-leaves-no-copy
            clipboard.clear()
        if clipboard.supportsSelection() and clipboard.ownsSelection():
            clipboard.clear(clipboard.Mode.Selection)

    # Whether somebody is there

    def _watch(self, focused: QWindow | None) -> None:
        """Listen to the windows that get the keyboard: keys and mouse come to a window first. Filtering every event of
        the program in Python would be slow.
        """
        if focused is not None and self._settings.here.lock_after_min:
            focused.installEventFilter(self)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in _OF_AN_OPERATOR:
            self._active_s = self._steady_s()
        return super().eventFilter(watched, event)
