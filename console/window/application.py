"""The QApplication of a console window."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QApplication

from widgets.map.scene_graph import choose_scene_graph
from widgets.map.scheme import register_scheme
from widgets.theme import load_fonts


def make_application() -> QApplication:
    """The application, or the one that there is, made ready for windows with a map: the map's scheme has to be known,
    and the scene graph chosen, before it; by what it finds the scene graph is chosen once more.
    """
    register_scheme()
    choose_scene_graph()
    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    app = QApplication.instance() or QApplication(["sigap"])
    assert isinstance(app, QApplication)
    choose_scene_graph()
    load_fonts()
    return app
