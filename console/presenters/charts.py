"""The charts: reports per hour against the usual, and open reports by category; both filter when chosen."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from console.board.view import View
from console.domain.filter import NONE
from console.presenters import words
from console.presenters.desk import Desk
from widgets.charts import CategoryBar, ChartsPanel

_BARS = 6


class ChartsPresenter(QObject):
    """Binds a View's counts to the charts panel."""

    def __init__(self, panel: ChartsPanel, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._panel, self._desk = panel, desk
        # A task of its own, after the queue is painted: what comes first is what the operator works with.
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._show)
        desk.view_changed.connect(lambda _: self._soon.start())
        panel.category_chosen.connect(self._on_category)
        panel.hour_chosen.connect(self._on_hour)

    def _show(self) -> None:
        view = self._desk.view
        if view is not None:
            self._show_hours(view)
            self._show_categories(view)
            self._show_trend(view)

    def _show_hours(self, view: View) -> None:
        hours = view.hours
        usual = round(float(hours.usual[-1]))
        self._panel.set_hours(
            list(hours.labels),
            [int(count) for count in hours.counts],
            [float(count) for count in hours.usual],
            words.thousands(int(hours.counts[-1])),
            self.tr("this hour, usual {n}").format(n=usual),
        )

    def _show_categories(self, view: View) -> None:
        counts = view.counts
        rows = sorted(counts.by_service, key=lambda row: -row.open)
        bars = [
            CategoryBar(self._code(row.service), self._name(row.service), row.open, row.overdue) for row in rows[:_BARS]
        ]
        # Those of the other categories and those of none: the bars add up to the figure.
        rest = counts.open - sum(bar.count for bar in bars)
        if rest:
            late = counts.open_overdue - sum(bar.overdue for bar in bars)
            bars.append(CategoryBar("", self.tr("Others"), rest, late))
        late_note = self.tr("{n} overdue").format(n=words.thousands(counts.open_overdue))
        self._panel.set_categories(bars, words.thousands(counts.open), late_note)

    def _show_trend(self, view: View) -> None:
        if view.trend is None:
            self._panel.set_no_data("trend", self.tr("Nothing was due lately"))
        else:
            self._panel.set_trend(
                [float(value) for value in view.trend],
                90.0,
                f"{view.trend[-1]:.0f} %",
                self.tr("goal 90 %"),
                title=self.tr("In time so far"),
                ends=(self.tr("14 days ago"), self.tr("today")),
            )

    def _code(self, number: int) -> str:
        return self._desk.catalog.word("service", number) or NONE

    def _name(self, number: int) -> str:
        return self._desk.catalog.service_name(self._desk.catalog.word("service", number))

    def _on_category(self, code: str) -> None:
        if code:
            self._desk.set_filter(self._desk.filter.toggle_service(code))

    def _on_hour(self, index: int) -> None:
        view = self._desk.view
        if view is not None:
            self._desk.set_filter(self._desk.filter.toggle_hour(int(view.hours.starts[index])))
