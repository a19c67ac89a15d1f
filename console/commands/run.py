"""Prepare the process for a window (display, sandbox, profile, demo server) and run it."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from console import error_text, logs
from console.paths import demo_folder, log_file, profile_folder
from console.settings import Settings, Tokens, begin_settings
from console.window.demo_server import DemoServer
from console.window.options import WindowOptions
from console.window.scratch_profile import scratch_profile
from console.window.screen import offscreen, xvfb

_DEFAULT_SIZE = (1920, 1080)


def run_profile(arguments: argparse.Namespace) -> int:
    """`sigap run`: the console on a profile."""
    profile = profile_folder(arguments.profile)
    settings, mended = begin_settings(profile)
    logs.start_logging(log_file(profile))
    if mended:
        error_text.warn(mended)
    with _display(arguments):
        reason = _sandbox(demo=False, allowed=arguments.unsandboxed)
        if reason is None:
            return error_text.LOCAL
        from console.window.run import run_window

        options = _options(arguments, profile, settings, demo=False, unsandboxed=reason, mended=mended)
        return run_window(options, settings, Tokens(arguments.profile), None)


def run_demo(arguments: argparse.Namespace) -> int:
    """`sigap demo`: an own server with the demo city, and the console on it; nothing of it is kept but its map."""
    with (
        _demo_folder() as folder,
        _display(arguments),
        DemoServer(folder, arguments.reports, arguments.seed, arguments.speed) as server,
    ):
        reason = _sandbox(demo=True, allowed=True)
        from console.window.demo_streets import DemoStreets
        from console.window.run import run_window

        watched = arguments.screenshot is None and arguments.quit_after is None
        settings = Settings(sources=[])
        options = _options(arguments, folder / "profile", settings, demo=True, unsandboxed=reason or "")
        with DemoStreets(demo_folder(), may_draw=watched) as streets:
            return run_window(options, settings, server.tokens, server, streets)


def run_second_desk(arguments: argparse.Namespace) -> int:
    """The demo's second operator, whom `SecondDesk` starts: a window that ends with the first one's."""
    from console.window.second_desk import read_second_operator

    told = read_second_operator(sys.stdin.buffer)
    tokens = Tokens("demo")
    tokens.keep_in_memory(told.source.key, told.token)
    with _demo_folder() as folder, _display(arguments):
        reason = _sandbox(demo=True, allowed=True)
        from console.window.demo_streets import DemoStreets
        from console.window.run import run_window

        settings = Settings(sources=[told.source])
        options = _options(arguments, folder / "profile", settings, demo=False, unsandboxed=reason or "", sound=False)
        with DemoStreets(demo_folder(), may_draw=False) as streets:
            return run_window(options, settings, tokens, None, streets, ends_with_input=True)


@contextmanager
def _demo_folder() -> Iterator[Path]:
    with scratch_profile(demo_folder()) as folder:
        logs.start_logging(log_file(folder / "profile"))
        yield folder


def _options(
    arguments: argparse.Namespace,
    profile: Path,
    settings: Settings,
    *,
    demo: bool,
    unsandboxed: str,
    mended: str = "",
    sound: bool = True,
) -> WindowOptions:
    return WindowOptions(
        profile=profile,
        profile_name=arguments.profile,
        perspective=arguments.perspective,
        theme=arguments.theme or settings.theme,
        language=arguments.lang or settings.language,
        size=arguments.size,
        screenshot=arguments.screenshot,
        state=arguments.state,
        quit_after_s=arguments.quit_after,
        reset_layout=arguments.reset_layout,
        demo=demo,
        sound=sound and not arguments.no_sound and arguments.screenshot is None,
        unsandboxed=unsandboxed,
        mended=mended,
    )


@contextmanager
def _display(arguments: argparse.Namespace) -> Iterator[None]:
    """See to it that Qt finds a screen: the desktop's, or none but a picture's, or Xvfb's.

    Raises OSError where there is neither.
    """
    size = arguments.size or _DEFAULT_SIZE
    chosen = os.environ.get("QT_QPA_PLATFORM", "")
    has_screen = sys.platform in ("win32", "darwin") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if chosen not in ("", "offscreen") or (has_screen and not chosen and arguments.screenshot is None):
        yield
    elif chosen == "offscreen" or arguments.screenshot is not None:
        with tempfile.TemporaryDirectory(prefix="sigap-screen-") as folder:
            os.environ["QT_QPA_PLATFORM"] = offscreen(size, Path(folder))
            yield
    elif shutil.which("Xvfb"):
        with _xvfb(size):
            yield
    else:
        raise OSError(None, "there is no screen here. Run once: sudo apt-get install xvfb. Or use --screenshot FILE")


@contextmanager
def _xvfb(size: tuple[int, int]) -> Iterator[None]:
    with xvfb(size) as display:
        os.environ["DISPLAY"] = display
        look = f"x11vnc -localhost -display {display}"
        sys.stdout.write(f"No screen here: Sigap runs on Xvfb {display}. To look: {look}\n")
        sys.stdout.flush()
        yield


def _sandbox(*, demo: bool, allowed: bool) -> str | None:
    """Why the web engine has no sandbox here ("" when it has one); None when that is not allowed."""
    from widgets.map.sandbox import sandbox_possible

    if sys.platform != "linux" or sandbox_possible():
        return ""
    if not (demo or allowed):
        sys.stderr.write(
            "sigap: the map's web engine cannot be shut in a sandbox here (root, or no user namespaces). "
            "Start Sigap as an ordinary user, or say --unsandboxed if you accept it.\n"
        )
        return None
    os.environ["QTWEBENGINE_DISABLE_SANDBOX"] = "1"
    return "root" if os.geteuid() == 0 else "no user namespaces"
