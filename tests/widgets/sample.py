"""What the tests of the window's parts share: theme, symbols, and texts that must stay texts."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QApplication

from widgets.symbols import Symbols
from widgets.theme import Theme, load_theme

_RESOURCES = Path(__file__).resolve().parents[2] / "resources"
HOSTILE = "<b>bold</b><img src='http://127.0.0.1:9/x'>&copy; \u202e\x00\n<script>1</script>"


def make_theme(scale: float = 1.0) -> Theme:
    theme = load_theme("dark", (_RESOURCES / "tokens.json").read_text(encoding="utf-8"), scale)
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    if app.styleSheet() != theme.sheet():  # it dresses every widget that other tests left
        theme.apply(app)
    return theme


def make_symbols(theme: Theme) -> Symbols:
    return Symbols((_RESOURCES / "symbols.json").read_text(encoding="utf-8"), theme)
