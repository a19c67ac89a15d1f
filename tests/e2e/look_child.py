"""The whole program on an empty profile, its loop included: the text is made larger and smaller, then it is closed.

One of the keys is pressed while there is only the picture of the window that goes. Prints the text scales of the
windows there were. In a process of its own: windows of other tests that wait for their
end would end in this loop.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from console.settings import Settings, Tokens
from console.window.app import ConsoleWindow
from console.window.options import WindowHandover, WindowOptions
from console.window.run import run_window
from widgets.map.scheme import register_scheme
from widgets.shell import Shell
from widgets.theme import Theme

_PRESS = QEvent.Type.KeyPress
KEYS = (Qt.Key.Key_Plus, None, Qt.Key.Key_Minus)
"""The key pressed in each window; None where it was pressed before that window was there."""


def main(profile: Path) -> int:
    register_scheme()
    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    app = QApplication(["sigap"])
    seen: list[Theme] = []
    take_up = ConsoleWindow.take_up

    def take_up_late(console: ConsoleWindow, handover: WindowHandover, before: Shell | None = None) -> None:
        take_up(console, handover, before)
        assert before is not None
        assert before.isVisible()
        if len(seen) == 1:
            held = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier  # where + is on Shift
            QCoreApplication.sendEvent(before.windowHandle(), QKeyEvent(_PRESS, Qt.Key.Key_Plus, held, "+"))

    ConsoleWindow.take_up = take_up_late  # type: ignore[method-assign, assignment]

    def look() -> None:
        for shell in app.topLevelWidgets():
            if not isinstance(shell, Shell) or not shell.isVisible() or shell._is_picture:
                continue
            shell.activateWindow()
            if shell.isActiveWindow() and (not seen or seen[-1] is not shell._theme):
                seen.append(shell._theme)
                if len(seen) > len(KEYS):
                    shell.close()
                elif (pressed := KEYS[len(seen) - 1]) is not None:
                    QTest.keyClick(shell, pressed, Qt.KeyboardModifier.ControlModifier)

    timer = QTimer(interval=50)
    timer.timeout.connect(look)
    timer.start()
    options = WindowOptions(profile=profile, profile_name="test", size=(1600, 900), quit_after_s=60, sound=False)
    code = run_window(options, Settings(), Tokens("test"), None)
    sys.stdout.write(" ".join(str(theme.scale) for theme in seen))
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
