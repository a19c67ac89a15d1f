"""Run the window until it closes; where another one takes its place (another theme, another text size) that one too."""

from __future__ import annotations

import sys

import msgspec
from PySide6.QtCore import QCoreApplication, QEvent, QMetaObject, Qt

from console import logs
from console.error_text import LOCAL
from console.files.errors import LockedByOther, NotWritable
from console.parent import when_parent_ends
from console.settings import Settings, Tokens
from console.window.actions import ACTIONS
from console.window.app import ConsoleWindow
from console.window.application import make_application
from console.window.demo_actions import DEMO_ACTIONS
from console.window.demo_server import DemoServer
from console.window.demo_streets import DemoStreets
from console.window.options import WindowOptions
from console.window.single_instance import SingleInstance, raise_other
from console.window.termination import TerminationSignals


def run_window(
    options: WindowOptions,
    settings: Settings,
    tokens: Tokens,
    demo: DemoServer | None,
    streets: DemoStreets | None = None,
    *,
    ends_with_input: bool = False,
) -> int:
    """Open the window, run until it closes, and return the exit code. `streets` are those of the demo; with
    `ends_with_input` the window closes when the standard input is at its end.
    """
    app = make_application()
    app.setApplicationName("Sigap")
    sys.excepthook = logs.describe_exception
    only: SingleInstance | None = None
    if options.screenshot is None:  # a picture may be taken beside an open window
        try:
            only = SingleInstance(options.profile)
        except LockedByOther:
            if raise_other(options.profile):
                sys.stderr.write("sigap: this profile is open already; its window was raised.\n")
                return 0
            sys.stderr.write("sigap: this profile is open already, but its window does not answer.\n")
            return LOCAL
        except NotWritable:
            pass  # the window opens all the same, and says that nothing can be saved
    watched = options.screenshot is None and options.quit_after_s is None
    if demo is None and not settings.sources and watched:
        from console.window.first_run import ask_for_server  # brings what talks HTTP, which a window has no need of

        ask_for_server(app, options.theme, options.profile, settings, tokens, options.mended)
    settings.theme, handover, before = options.theme, None, None
    if ends_with_input:
        when_parent_ends(lambda: QMetaObject.invokeMethod(app, "quit", Qt.ConnectionType.QueuedConnection))
    while True:
        actions = DEMO_ACTIONS if demo is not None else ACTIONS
        console = ConsoleWindow(app, options, settings, tokens, demo, actions=actions, streets=streets)
        if only is not None:
            only.asked.connect(console.come_forward)
        console.succeeded.connect(lambda: app.exit())  # quit() would close the window
        console.open()
        if handover is not None:
            console.take_up(handover, before)
        with TerminationSignals(app):
            code = app.exec()
        console.close()
        handover, settings = console.handover, console.settings.here
        if handover is None:
            break
        before = console.window
        # The window that is gone goes for good before another one is made, not somewhere in its loop.
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        options = msgspec.structs.replace(options, theme=settings.theme, size=None, reset_layout=False, mended="")
        if demo is not None:
            settings.sources = []  # the new window asks the demo for its city, as this one did
    if only is not None:
        only.close()
    return code or console.exit_code
