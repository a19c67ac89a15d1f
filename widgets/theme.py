"""Turn the design tokens into colours, fonts, sizes, a palette, a style sheet and the keyboard's focus ring."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontDatabase, QPainter, QPalette, QPen
from PySide6.QtWidgets import QApplication, QProxyStyle, QStyle, QStyleOption, QWidget
from typing_extensions import override

FONT_PACKAGES = ("fontpkg_inter", "fontpkg_jetbrains_mono")
ROLES = ("micro", "caption", "dense", "body", "title", "figure", "mono")
_MONO_SIZE = (13, 18)

_SHEET = """
QToolTip{color:$text_primary;background:$surface_raised;border:1px solid $border_divider;padding:${p2}px ${p6}px}
QMainWindow,QDialog{background:$surface_panel}
QMainWindow::separator{background:$border_divider;width:1px;height:1px}
QSplitter::handle{background:$border_divider}
QAbstractScrollArea{background:$surface_panel;border:0}
QScrollBar:vertical{background:transparent;width:${p10}px;margin:0}
QScrollBar:horizontal{background:transparent;height:${p10}px;margin:0}
QScrollBar::handle{background:$border_divider;border-radius:0;min-height:${p24}px;min-width:${p24}px;margin:${p2}px}
QScrollBar::handle:hover{background:$border_control}
QScrollBar::add-line,QScrollBar::sub-line,QScrollBar::add-page,QScrollBar::sub-page{background:none;border:0;width:0;height:0}
QMenu{background:$surface_raised;color:$text_primary;border:1px solid $border_divider;padding:${p4}px 0}
QMenu::item{padding:${p4}px ${p24}px ${p4}px ${p12}px}
QMenu::item:selected{background:$surface_selected;color:$text_primary}
QMenu::item:disabled{color:$text_disabled}
QLineEdit,QPlainTextEdit,QTextEdit,QComboBox,QSpinBox,QDateTimeEdit{background:$surface_input;color:$text_primary;
 border:1px solid $border_control;border-radius:${p4}px;padding:0 ${p8}px;min-height:${p26}px;
 selection-background-color:$accent_muted;selection-color:$text_primary}
QPlainTextEdit,QTextEdit{padding:${p4}px}
QLineEdit:focus,QPlainTextEdit:focus,QTextEdit:focus,QComboBox:focus{border:2px solid $accent_base;padding:0 ${p7}px}
QLineEdit:disabled,QPlainTextEdit:disabled,QComboBox:disabled{color:$text_disabled;border:1px dashed $border_divider}
QComboBox::drop-down{border:0;width:${p20}px}
QComboBox QAbstractItemView{background:$surface_raised;border:1px solid $border_divider;
 selection-background-color:$surface_selected;selection-color:$text_primary}
QPushButton{background:$surface_panel;color:$text_primary;border:1px solid $border_control;border-radius:${p4}px;
 padding:0 ${p10}px;min-height:${p26}px}
QPushButton:hover{background:$surface_hover}
QPushButton:default{background:$accent_fill;border-color:$accent_fill;color:$text_on_accent}
QPushButton:disabled{color:$text_tertiary;border:1px dashed $border_divider;background:$surface_panel}
QHeaderView::section{background:$surface_panel;color:$text_tertiary;border:0;border-bottom:1px solid $border_divider;
 padding:0 ${p8}px;height:${p23}px}
"""
_SHEET_SIZES = (2, 4, 6, 7, 8, 10, 12, 20, 23, 24, 26)


class Theme:
    """One set of colours at one text scale. Colours are asked for by token name, as in `text.primary`."""

    def __init__(self, tokens: dict[str, Any], name: str, scale: float = 1.0) -> None:
        self.tokens, self.name, self.scale = tokens, name, scale
        self._hex = {
            f"{group}.{key}": str(value) for group, members in tokens[name].items() for key, value in members.items()
        }
        self._colors: dict[str, QColor] = {}
        self._fonts: dict[tuple[str, int, int], QFont] = {}

    def hex(self, token: str) -> str:
        """A colour as `#RRGGBB`. Raises KeyError for a name that is not in the tokens."""
        return self._hex[token]

    def color(self, token: str) -> QColor:
        """A colour. Do not change the object returned."""
        color = self._colors.get(token)
        if color is None:
            color = self._colors[token] = QColor(self._hex[token])
        return color

    def dark(self, token: str) -> QColor:
        """A colour of the dark set whatever the theme: photos and what stands on them look the same in both."""
        color = self._colors.get(f"dark {token}")
        if color is None:
            group, _, key = token.partition(".")
            color = self._colors[f"dark {token}"] = QColor(self.tokens["dark"][group][key])
        return color

    def px(self, length: float) -> int:
        """A length of the design in pixels at this text scale."""
        return round(length * self.scale)

    def line(self, role: str) -> int:
        """The line height of a role in pixels."""
        return self.px(self._size(role)[1])

    def font(self, role: str, weight: int = 400, size: int = 0) -> QFont:
        """The font of a role with tabular figures; `size` replaces the role's own, in unscaled pixels."""
        key = (role, weight, size)
        font = self._fonts.get(key)
        if font is None:
            font = self._fonts[key] = self._make_font(role, weight, size)
        return font

    def hatch(self) -> QBrush:
        """What is drawn where there is no data, or old data."""
        return QBrush(self.color("map.hatch"), Qt.BrushStyle.BDiagPattern)

    def apply(self, app: QApplication) -> None:
        """Give an application this look: fonts, palette, style sheet and the focus ring."""
        sheet = self.sheet()
        if app.styleSheet() == sheet:
            return  # it looks like this already: anew, each widget that there is would be polished four times
        load_fonts()
        app.setStyle(_FocusStyle(self))
        app.setPalette(self.palette())
        app.setFont(self.font("body"))
        app.setStyleSheet(sheet)

    def palette(self) -> QPalette:
        """The palette of widgets that are not drawn by us."""
        palette = QPalette()
        role = QPalette.ColorRole
        for name, token in (
            (role.Window, "surface.panel"),
            (role.WindowText, "text.primary"),
            (role.Base, "surface.panel"),
            (role.AlternateBase, "surface.raised"),
            (role.Text, "text.primary"),
            (role.PlaceholderText, "text.tertiary"),
            (role.Button, "surface.panel"),
            (role.ButtonText, "text.primary"),
            (role.BrightText, "text.primary"),
            (role.ToolTipBase, "surface.raised"),
            (role.ToolTipText, "text.primary"),
            (role.Highlight, "surface.selected"),
            (role.HighlightedText, "text.primary"),
            (role.Accent, "accent.base"),
            (role.Link, "accent.base"),
            (role.LinkVisited, "accent.base"),
            (role.Light, "border.subtle"),
            (role.Midlight, "border.subtle"),
            (role.Mid, "border.divider"),
            (role.Dark, "border.divider"),
            (role.Shadow, "surface.window"),
        ):
            palette.setColor(name, self.color(token))
        for name in (role.WindowText, role.Text, role.ButtonText):
            palette.setColor(QPalette.ColorGroup.Disabled, name, self.color("text.disabled"))
        # Inactive is as active: were one colour different, Qt would draw every widget anew whenever a form opens.
        return palette

    def sheet(self) -> str:
        """The style sheet of widgets that are not drawn by us."""
        words = {token.replace(".", "_").replace("-", "_"): value for token, value in self._hex.items()}
        sizes = {f"p{size}": str(self.px(size)) for size in _SHEET_SIZES}
        return Template(_SHEET).substitute(words | sizes)

    def _size(self, role: str) -> Sequence[int]:
        if role == "mono":
            return _MONO_SIZE
        size: Sequence[int] = self.tokens["type_px"][role]
        return size

    def _make_font(self, role: str, weight: int, size: int) -> QFont:
        font = QFont()
        mono = role == "mono"
        font.setFamilies(self.tokens["font"]["mono" if mono else "ui"])
        font.setPixelSize(max(1, self.px(size or self._size(role)[0])))
        font.setWeight(QFont.Weight(weight))
        # The font files are variable; FreeType's database does not map weight and size to their axes by itself.
        font.setVariableAxis(QFont.Tag("wght"), weight)
        if not mono:
            font.setVariableAxis(QFont.Tag("opsz"), max(14, font.pixelSize()))
            for feature in self.tokens["font"]["features"]:
                font.setFeature(QFont.Tag(feature), 1)
        font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
        return font


def load_theme(name: str, tokens_text: str, scale: float = 1.0) -> Theme:
    """The theme `dark` or `light` from the text of the tokens file."""
    return Theme(json.loads(tokens_text), name, scale)


def load_fonts() -> list[str]:
    """Register the fonts of the installed font packages; the families found. Needs an application."""
    known = set(QFontDatabase.families())
    found = []
    for path in font_files():
        family = "Inter" if path.name.startswith("Inter") else "JetBrains Mono"
        if family not in known and QFontDatabase.addApplicationFont(str(path)) >= 0:
            found.append(family)
    return found


def font_files() -> list[Path]:
    """The upright TrueType files of the installed font packages; empty where they are missing."""
    files = []
    for package in FONT_PACKAGES:
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations if spec else None) or []:
            files += [path for path in sorted(Path(folder, "files").glob("*.ttf")) if "Italic" not in path.name]
    return files


def paint_focus(painter: QPainter, theme: Theme, widget: QWidget) -> None:
    """Draw the ring inside a widget's edge; call it last, and only when the keyboard brought the focus."""
    pen = QPen(theme.color("accent.base"), 2)
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(widget.rect().adjusted(1, 1, -1, -1))
    painter.restore()


def by_keyboard(reason: Qt.FocusReason) -> bool:
    """Whether this way of getting the focus calls for a ring."""
    return reason in (
        Qt.FocusReason.TabFocusReason,
        Qt.FocusReason.BacktabFocusReason,
        Qt.FocusReason.ShortcutFocusReason,
        Qt.FocusReason.OtherFocusReason,
    )


class _FocusStyle(QProxyStyle):
    """Fusion with our focus ring in place of its dotted line."""

    def __init__(self, theme: Theme) -> None:
        super().__init__("Fusion")
        self._theme = theme

    @override
    def drawPrimitive(
        self,
        element: QStyle.PrimitiveElement,
        option: QStyleOption,
        painter: QPainter,
        widget: QWidget | None = None,
    ) -> None:
        if element != QStyle.PrimitiveElement.PE_FrameFocusRect:
            super().drawPrimitive(element, option, painter, widget)
            return
        if not option.state & QStyle.StateFlag.State_KeyboardFocusChange:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._theme.color("accent.base"), 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(option.rect.adjusted(1, 1, -1, -1), 4, 4)
        painter.restore()
