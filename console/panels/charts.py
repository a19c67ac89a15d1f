"""The charts: what came in against the usual, categories, the share in time; each bar is a filter when chosen."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo

from PySide6.QtCore import QObject, QTimer

from console.board.counts import Arrivals, Trend
from console.board.view import View
from console.panels import formatting
from console.panels.window_state import WindowState
from console.rules.filter import NONE
from console.rules.loaded import Loaded
from console.rules.time_range import BarUnit, TimeRange
from widgets.charts import CategoryBar, ChartsPanel
from widgets.menu import MenuRow

_BARS = 6
_GOAL = 90.0
_FRESH_S = 60.0
"""Data that is older is told to when it reaches."""
_MANY_LATE = 0.2
"""From this share of late ones on lateness is the rule, and only categories that are worse than the rest stand out."""


class ChartsController(QObject):
    """Binds a View's counts to the charts panel."""

    def __init__(
        self,
        panel: ChartsPanel,
        window_state: WindowState,
        data_age: Callable[[], str],
        zone: tzinfo,
        now: Callable[[], datetime],
        parent: QObject | None = None,
        *,
        as_of: Callable[[], datetime | None] = lambda: None,
    ) -> None:
        """`data_age` says how old the data is (`5 s ago`), "" while there is none; `as_of` to when it is complete."""
        super().__init__(parent)
        self._panel, self._window_state, self._data_age, self._zone, self._now = (
            panel,
            window_state,
            data_age,
            zone,
            now,
        )
        self._as_of = as_of
        # A task of its own, after the queue is painted: what comes first is what the operator works with.
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._show)
        window_state.view_changed.connect(lambda _: self._soon.start())
        window_state.range_changed.connect(lambda _: self._show_ranges())
        panel.category_chosen.connect(self._on_category)
        panel.category_added.connect(self._on_category_added)
        panel.arrival_chosen.connect(self._on_arrival)
        panel.range_chosen.connect(lambda key: window_state.set_range(TimeRange(key)))
        self._show_ranges()

    def menu(self, which: str, bar: int) -> list[MenuRow]:
        """What can be done with a chart, and with one of its bars (-1 for none)."""
        rows = []
        if words := self._panel.bar_words(which, bar):
            only = self.tr("Show these only, or all again: {bar}") if which == "categories" else self.tr("Show {bar}")
            rows.append(MenuRow("pick", only.format(bar=words)))
            if which == "categories":
                rows.append(MenuRow("add", self.tr("Add or leave out: {bar}").format(bar=words)))
            rows.append(MenuRow(""))
        return [*rows, MenuRow("copy", self.tr("Copy the figures of this chart"))]

    def act(self, which: str, bar: int, intent: str) -> None:
        """Do what was chosen for a bar, all but copying."""
        if not self._panel.bar_words(which, bar):
            return  # the chart has changed while the menu was open
        if which == "arrivals":
            self._on_arrival(bar)
        elif intent == "add":
            self._on_category_added(self._panel.categories()[bar].key)
        else:
            self._on_category(self._panel.categories()[bar].key)

    def table(self, which: str) -> str:
        """What a chart shows as lines of cells for a spreadsheet, with what it counts."""
        first, *rows = self._panel.rows(which)
        return "\n".join("\t".join(row) for row in [(*first, self._panel.heading()), *rows])

    def tick(self) -> None:
        """Once a second: the age of what is counted."""
        self._show_heading()

    def _show_ranges(self) -> None:
        spans = {**self._spans(), TimeRange.ALL: self.tr("All")}
        self._panel.set_ranges([(key.value, name) for key, name in spans.items()], self._window_state.time_range.value)

    def _spans(self) -> dict[TimeRange, str]:
        return {
            TimeRange.DAY: self.tr("24 h"),
            TimeRange.WEEK: self.tr("7 d"),
            TimeRange.MONTH: self.tr("30 d"),
            TimeRange.YEAR: self.tr("1 y"),
            TimeRange.ALL: self.tr("all"),
        }

    def _show(self) -> None:
        view = self._window_state.view
        self._show_heading()
        if view is None or view.loaded < Loaded.REPORTS:
            for chart, title in (("arrivals", ""), ("categories", ""), ("trend", self.tr("In time"))):
                self._panel.set_no_data(chart, self.tr("Not loaded yet"), title=title)
            return
        self._show_arrivals(view)
        self._show_categories(view)
        self._show_trend(view)

    def _show_heading(self) -> None:
        """What all charts have in common: the filter of the queue without its times, and how old the data is."""
        view = self._window_state.view
        if view is None:
            return
        chips = [
            text for _, text in view.filter.of_any_time().chips(self._window_state.cities.name, self._window_state.zone)
        ]
        base = self.tr("all reports")
        if chips:
            base = self.tr("reports: {filter}").format(filter=", ".join(chips))
        until = view.arrivals.until
        end = ""
        if until:
            newest = formatting.day(self._moment(until), self._zone, self._now())
            end = self.tr("the newest is of {day}").format(day=newest)
        self._panel.set_heading(" · ".join(part for part in (base, end, self._data_age()) if part))

    def _show_arrivals(self, view: View) -> None:
        found = view.arrivals
        total = sum(found.counts)
        figure, note = formatting.thousands(total), self._range_words(view)
        as_of = None if found.until else self._as_of()
        # Nobody knows what came in since: a bar that begins after it is none, and not one of no reports.
        unread = [as_of is not None and start > as_of.timestamp() for start in found.starts]
        if self._window_state.time_range is TimeRange.DAY and not found.until:
            figure = "–" if unread[-1] else formatting.thousands(found.counts[-1])
            note = self.tr("this hour so far, usual {n}")
            if unread[-1]:
                note = self.tr("this hour not read, usual {n}")
            elif as_of is not None and (self._now() - as_of).total_seconds() > _FRESH_S:
                note = self.tr("this hour to {time}, usual {n}").replace("{time}", formatting.clock(as_of, self._zone))
            note = note.format(n=round(found.usual[-1]))
        counts = [math.nan if not_read else count for count, not_read in zip(found.counts, unread, strict=True)]
        titles = {
            BarUnit.HOUR: self.tr("Reported per hour"),
            BarUnit.DAY: self.tr("Reported per day"),
            BarUnit.MONTH: self.tr("Reported per month"),
            BarUnit.YEAR: self.tr("Reported per year"),
        }
        title = titles[found.unit]
        if view.filter.of_any_status:
            title = self.tr("{reported}, any status").format(reported=title)
        labels = [self._label(start, found) for start in found.starts]
        self._panel.set_arrivals(labels, counts, found.usual, figure, note, title=title, running=not found.until)

    def _range_words(self, view: View) -> str:
        """`in 7 d`; of data that begins later `since 2 Nov`; of data that ends before the range would `30 d to 31 Dec
        2018`.
        """
        found, now = view.arrivals, self._now()
        time_range = self._window_state.time_range
        span = self._spans()[time_range]
        if found.until:
            end = formatting.day(self._moment(found.until), self._zone, now)
            return self.tr("{span} to {end}").format(span=span, end=end)
        if time_range is TimeRange.ALL or found.since:
            since = self._moment(found.since or found.starts[0])
            return self.tr("since {time}").format(time=formatting.day(since, self._zone, now))
        return self.tr("in {span}").format(span=self.tr("12 months") if time_range is TimeRange.YEAR else span)

    def _label(self, start_s: int, found: Arrivals) -> str:
        start = self._moment(start_s)
        match found.unit:
            case BarUnit.HOUR:
                return formatting.clock(start, self._zone)[:2]
            case BarUnit.DAY:
                return formatting.day(start, self._zone)
            case BarUnit.MONTH:
                return formatting.month(start, self._zone)
            case BarUnit.YEAR:
                return str(start.astimezone(self._zone).year)

    def _moment(self, unix_s: int) -> datetime:
        return datetime.fromtimestamp(unix_s, UTC)

    def _show_categories(self, view: View) -> None:
        counts = view.counts
        every = self._bars(view)
        # What the filter names stays in sight, and is compared with the largest of the others.
        kept = sorted(every, key=lambda bar: (bar.dim, -bar.count))[:_BARS]
        shown = sorted(kept, key=lambda bar: -bar.count)
        # Those of the other categories and those of none: the bars add up to all.
        rest = sum(bar.count for bar in every) - sum(bar.count for bar in shown)
        if rest:
            late = sum(bar.overdue for bar in every) - sum(bar.overdue for bar in shown)
            calm = counts.total_overdue < _MANY_LATE * counts.total
            shown.append(CategoryBar("", self.tr("Others"), rest, late, dim=bool(view.filter.services), loud=calm))
        note = self.tr("{n} overdue").format(n=formatting.thousands(counts.total_overdue))
        if view.filter.tab == "closed":
            note = ""
        self._panel.set_categories(shown, formatting.thousands(counts.total), note, title=self._categories_title(view))

    def _categories_title(self, view: View) -> str:
        """The tab, and the ages: the categories follow both, and not the range of the other charts."""
        names = {
            "open": self.tr("Open"),
            "unassigned": self.tr("Unassigned"),
            "mine": self.tr("Yours"),
            "active": self.tr("Worked on"),
            "validate": self.tr("To validate"),
            "held": self.tr("On hold"),
            "closed": self.tr("Closed"),
        }
        ages = self.tr("all ages")
        if view.filter != view.filter.of_any_time():
            ages = self.tr("chosen time")
        elif view.filter.tab == "closed" and not view.filter.narrowed:
            ages = self.tr("changed in 24 h")
        return self.tr("{reports} · {ages}").format(reports=names[view.filter.tab], ages=ages)

    def _show_trend(self, view: View) -> None:
        found, span = view.trend, self._spans()[self._window_state.time_range]
        if self._window_state.time_range in (TimeRange.DAY, TimeRange.WEEK) and found is not None:
            span = self.tr("{n} d").format(n=len(found.starts))  # a line of fewer days shows nothing
        title = self.tr("In time, {span}, goal {goal} %").format(span=span, goal=f"{_GOAL:.0f}")
        if found is None:
            self._panel.set_no_data("trend", self.tr("Nothing is decided yet"), title=title)
            return
        last = max(at for at, share in enumerate(found.shares) if share is not None)
        is_past = bool(view.arrivals.until)
        start, end = (self._moment(found.starts[at]) for at in (0, -1))
        first = formatting.day(start, self._zone, end)  # the year stands at the other end where it is the same
        self._panel.set_trend(
            [math.nan if one is None else one for one in found.shares],
            _GOAL,
            f"{found.shares[last]:.0f} %",
            self._trend_when(found, last, is_past=is_past),
            title=title,
            ends=(first, self._trend_when(found, len(found.starts) - 1, is_past=is_past)),
        )

    def _trend_when(self, found: Trend, at: int, *, is_past: bool) -> str:
        """Which day, month or year a point of the line is of; `is_past` where the line ends before today."""
        if at == len(found.starts) - 1 and not is_past:
            latest = {BarUnit.MONTH: self.tr("this month"), BarUnit.YEAR: self.tr("this year")}
            return latest.get(found.unit, self.tr("today"))
        moment = self._moment(found.starts[at])
        if found.unit is BarUnit.DAY:
            return formatting.day(moment, self._zone, self._now())
        return f"{moment.astimezone(self._zone):{'%b %Y' if found.unit is BarUnit.MONTH else '%Y'}}"

    def _bars(self, view: View) -> list[CategoryBar]:
        """One bar for each key: what two cities call by the same code and name is counted together."""
        cities, found = self._window_state.cities, dict[str, CategoryBar]()
        every, late = (sum(getattr(row, name) for row in view.counts.by_service) for name in ("count", "overdue"))
        usual = late / every if every else 0.0
        for row in view.counts.by_service:
            scoped_code = cities.words.get("service", {}).get(row.service)
            key = cities.key("service", scoped_code) if scoped_code else NONE
            name = (
                cities.of(scoped_code[0]).service_name(scoped_code[1])
                if scoped_code
                else cities.of("").service_name(None)
            )
            known = found.get(key, CategoryBar(key, name, 0, 0))
            count, overdue = known.count + row.count, known.overdue + row.overdue
            named = not view.filter.services or bool(
                {key, scoped_code[1] if scoped_code else NONE} & set(view.filter.services)
            )
            stands_out = usual < _MANY_LATE or overdue > 1.25 * usual * count
            found[key] = CategoryBar(key, name, count, overdue, dim=not named, loud=stands_out)
        return list(found.values())

    def _on_category(self, code: str) -> None:
        if code:
            self._window_state.set_filter(self._window_state.filter.only_service(code))

    def _on_category_added(self, code: str) -> None:
        if code:
            self._window_state.set_filter(self._window_state.filter.toggle_service(code))

    def _on_arrival(self, index: int) -> None:
        view = self._window_state.view
        if view is None:
            return
        found = view.arrivals
        start = found.starts[index]
        if found.unit is BarUnit.HOUR:
            self._window_state.set_filter(self._window_state.filter.toggle_hour(start))
        else:
            last = index + 1 == len(found.starts)
            end = (found.until or int(self._now().timestamp())) + 1 if last else found.starts[index + 1]
            self._window_state.set_filter(self._window_state.filter.toggle_created(start, end))
