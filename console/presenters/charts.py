"""The charts: reports per hour against the usual, and open reports by category; both filter when chosen."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from console.board.view import View
from console.domain.filter import NONE
from console.domain.loaded import Loaded
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
        if self._desk.loaded is not Loaded.WHOLE:
            for chart in ("hours", "categories", "trend"):
                self._panel.set_no_data(chart, self.tr("Not loaded yet"))
        elif view is not None:
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
        bars = sorted(self._bars(view), key=lambda bar: -bar.count)[:_BARS]
        # Those of the other categories and those of none: the bars add up to the figure.
        rest = counts.open - sum(bar.count for bar in bars)
        if rest:
            late = counts.open_overdue - sum(bar.overdue for bar in bars)
            bars.append(CategoryBar("", self.tr("Others"), rest, late))
        late_note = self.tr("{n} overdue").format(n=words.thousands(counts.open_overdue))
        self._panel.set_categories(bars, words.thousands(counts.open), late_note)

    def _show_trend(self, view: View) -> None:
        if view.trend is None:
            self._panel.set_no_data("trend", self.tr("Nothing was due"), title=self.tr("In time so far"))
        else:
            self._panel.set_trend(
                [float(value) for value in view.trend],
                90.0,
                f"{view.trend[-1]:.0f} %",
                self.tr("goal 90 %"),
                title=self.tr("In time so far"),
                ends=(self.tr("14 days ago"), self.tr("today")),
            )

    def _bars(self, view: View) -> list[CategoryBar]:
        """One bar for each key: what two cities call by the same code and name is counted together."""
        cities, found = self._desk.cities, dict[str, CategoryBar]()
        for row in view.counts.by_service:
            word = cities.words.get("service", {}).get(row.service)
            key = cities.key("service", word) if word else NONE
            name = cities.of(word[0]).service_name(word[1]) if word else cities.of("").service_name(None)
            known = found.get(key, CategoryBar(key, name, 0, 0))
            found[key] = CategoryBar(key, name, known.count + row.open, known.overdue + row.overdue)
        return list(found.values())

    def _on_category(self, code: str) -> None:
        if code:
            self._desk.set_filter(self._desk.filter.toggle_service(code))

    def _on_hour(self, index: int) -> None:
        view = self._desk.view
        if view is not None:
            self._desk.set_filter(self._desk.filter.toggle_hour(int(view.hours.starts[index])))
