"""Choose how the window is put on the screen: by the graphics card, or, where there is none, without OpenGL at all.

Qt composes a window that holds a web page through OpenGL. Where OpenGL is only emulated (a virtual machine, a remote
desktop, Xvfb, an old computer), each repaint then costs several times what plain painting does, and the web engine's
own OpenGL may fail and leave the map empty. Qt's software scene graph avoids both; it has to be chosen before the
first window exists.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

BACKEND = "QT_QUICK_BACKEND"
SOFTWARE = "software"
_GL_RENDERER = 0x1F01

_EMULATED = frozenset({"llvmpipe", "softpipe", "swr", "swrast"})
"""Drivers of Mesa that reckon on the processor."""

_NO_CARD = frozenset({"vgem", "vkms", "bochs", "bochs-drm", "qxl", "cirrus", "ast", "mgag200", "simple-framebuffer"})
"""Kernel drivers that have a device, and nothing behind it that draws."""


def emulated_opengl(environ: Mapping[str, str], devices: Path = Path("/dev"), sysfs: Path = Path("/sys")) -> str:
    """Why OpenGL is only emulated here, in a few words; "" when a graphics card may do it, or this is no Linux.

    Cheap: it looks at the environment and at what devices there are, and starts nothing.
    """
    if not sys.platform.startswith("linux"):
        return ""
    if environ.get("LIBGL_ALWAYS_SOFTWARE", "").lower() in ("1", "true", "yes", "y", "on"):
        return "LIBGL_ALWAYS_SOFTWARE is set"
    for name in ("GALLIUM_DRIVER", "MESA_LOADER_DRIVER_OVERRIDE"):
        if environ.get(name, "") in _EMULATED:
            return f"{name} is {environ[name]}"
    if (devices / "nvidiactl").exists():
        return ""
    nodes = [node.name for node in (devices / "dri").glob("renderD*")]
    if not nodes:
        return "no graphics card"
    drivers = [_driver(sysfs / "class" / "drm" / node) for node in nodes]
    if all(driver in _NO_CARD for driver in drivers):
        return f"no graphics card that draws ({', '.join(sorted(drivers))})"
    if not any(os.access(devices / "dri" / node, os.R_OK | os.W_OK) for node in nodes):
        return "the graphics card is not open to this user"
    return ""


def choose_scene_graph() -> None:
    """Before the first window: without OpenGL where that is only emulated, unless the environment chooses already.

    Called once before the QApplication, and again after it, when OpenGL itself can be asked (a card that there is may
    still not be used: a remote display, a virtual machine without acceleration).
    """
    if BACKEND in os.environ:
        return
    if emulated_opengl(os.environ) or is_emulated(renderer()):
        os.environ[BACKEND] = SOFTWARE


def renderer() -> str:
    """Who draws OpenGL in this program, in the driver's words; "" before there is a QApplication or without OpenGL."""
    from PySide6.QtGui import QGuiApplication, QOffscreenSurface, QOpenGLContext

    if not sys.platform.startswith("linux") or QGuiApplication.instance() is None:
        return ""
    context = QOpenGLContext()
    if not context.create():
        return ""
    surface = QOffscreenSurface()
    surface.setFormat(context.format())
    surface.create()
    if not context.makeCurrent(surface):
        return ""
    name: object = context.functions().glGetString(_GL_RENDERER)
    context.doneCurrent()
    return str(name)


def is_emulated(renderer: str) -> bool:
    """Whether a driver's name is one of those that reckon on the processor."""
    return any(name in renderer.lower() for name in (*_EMULATED, "software rasterizer"))


def _driver(node: Path) -> str:
    try:
        return (node / "device" / "driver").resolve(strict=True).name
    except OSError:
        return ""
