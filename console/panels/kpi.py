"""The KPI strip: what is unassigned, late or at risk, units, data age, outbox; a figure chosen shows what it counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo

from PySide6.QtCore import QObject, Signal

from console.panels import formatting
from console.panels.sources import Sources
from console.panels.window_state import WindowState
from console.rules.alarms import LOAD_GOAL, LOAD_MOST
from console.rules.filter import Filter
from console.rules.loaded import Loaded
from console.sound.messages import SoundAvailability, SoundState
from console.sound.tones import Tone
from widgets.kpi import Figure, KpiPart, KpiStrip


class KpiController(QObject):
    """Binds counts to the strip."""

    action = Signal(str)
    """An action's id was asked for from the strip."""

    def __init__(
        self,
        strip: KpiStrip,
        window_state: WindowState,
        sources: Sources,
        zone: tzinfo,
        now: Callable[[], datetime],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._strip, self._window_state, self._sources, self._zone, self._now = strip, window_state, sources, zone, now
        self._units: dict[str, int] | None = None
        self._waiting: int | None = None
        self._decisions = 0
        self._city = ""
        self._load: int | None = None
        self._sound = SoundState(SoundAvailability.UNKNOWN)
        self._is_muted = False
        self._calling: Tone | None = None
        window_state.view_changed.connect(lambda _: self.show())
        strip.figure_chosen.connect(self._choose)

    def set_units(self, counts: dict[str, int] | None) -> None:
        """Units by state; None while they are not known, which is not shown as 0."""
        self._units = counts

    def set_outbox(self, waiting: int | None, decisions: int) -> None:
        """How many edits wait (None while that is not known), and how many of them for a decision of the operator."""
        self._waiting, self._decisions = waiting, decisions

    def set_alarm_load(self, load: int | None) -> None:
        """How many alarms came in the last ten minutes; None while that is not known."""
        self._load = load

    def set_city(self, name: str) -> None:
        """The city's name, at the far left."""
        self._city = name

    def set_sound(self, sound: SoundState, calling: Tone | None, *, is_muted: bool) -> None:
        """Whether tones can be heard, which one calls the operator now, and whether he wants none."""
        self._sound, self._calling, self._is_muted = sound, calling, is_muted

    def show(self) -> None:
        """Fill the strip."""
        left = [
            Figure(
                "home",
                f"Sigap · {self._city}" if self._city else "Sigap",
                (KpiPart("text", self.tr("Dispatch"), 0),),
                "",
                0,
                stale=False,
                acts=False,
            )
        ]
        self._strip.set_figures([*left, *self._counts()], self._right())

    def _counts(self) -> list[Figure]:
        view, now_s = self._window_state.view, self._now().timestamp()
        # A part of the reports is no count of them: what is not read yet is not "none".
        counts = view.counts if view is not None and view.loaded >= Loaded.REPORTS else None

        def number_text(count: int) -> str:
            return "–" if counts is None else formatting.thousands(count)

        def crews(state: str) -> str:
            return "–" if self._units is None else number_text(self._units[state])

        figures: list[Figure] = []
        parts: tuple[KpiPart, ...]
        for priority in (1, 2, 3, 4):
            # A hazard stays on its counter until a crew is on the way: that it was taken helps nobody yet.
            number = oldest = 0
            if counts is not None:
                number, oldest = counts.crewless_hazards if priority == 1 else counts.unassigned[priority]
            none = self.tr("not loaded") if counts is None else self.tr("none")
            note = self.tr("oldest {age}").format(age=_short(now_s - oldest)) if number else none
            level = (
                {1: formatting.LATE, 2: formatting.AT_RISK}.get(priority, formatting.CALM)
                if number
                else formatting.CALM
            )
            label = self.tr("P1 without a crew") if priority == 1 else self.tr("P{n} unassigned").format(n=priority)
            parts = (
                KpiPart("report_symbol", str(priority), 0),
                KpiPart("text", number_text(number), level),
            )
            room = self.tr("oldest {age}").format(age="59 min")
            told_of = (
                self.tr("Open P1 reports, taken or not, that no crew is on its way to; P1 leaves only when one is.")
                if priority == 1
                else self.tr("Open P{n} reports that nobody has taken and no unit is named for.").format(n=priority)
            )
            help_ = f"{told_of} {self._base()} {self.tr('The age is that of the oldest.')}"
            figures.append(Figure(f"p{priority}", label, parts, note, level, stale=False, room=room, help=help_))
        figures.append(
            Figure(
                "sla",
                self.tr("SLA at risk"),
                (KpiPart("text", number_text(counts.at_risk if counts else 0), 0),),
                self.tr("{n} overdue").format(n=formatting.thousands(counts.overdue))
                if counts
                else self.tr("not loaded"),
                formatting.CALM,
                stale=False,
                help=" ".join(
                    (
                        self.tr("Open reports whose next time limit ends within the hour; beside it those past one."),
                        self._base(),
                    )
                ),
            )
        )
        parts = (
            KpiPart("unit_symbol", "free", 0),
            KpiPart("text", crews("available"), 0),
            KpiPart("unit_symbol", "onscene", 0),
            KpiPart("text", crews("busy"), 0),
            KpiPart("unit_symbol", "stale", 0),
            KpiPart("text", crews("stale"), 0),
        )
        figures.append(
            Figure(
                "units",
                self.tr("Units"),
                parts,
                self.tr("available · busy · stale"),
                formatting.CALM,
                stale=False,
                help=self.tr(
                    "Units on shift: available, busy, and those whose position is old. Of all followed cities."
                ),
            )
        )
        figures.append(self._alarm_load())
        return figures

    def _alarm_load(self) -> Figure:
        load = self._load or 0
        level = formatting.AT_RISK if load > LOAD_GOAL else formatting.CALM
        note = self.tr("per 10 min")
        if load > LOAD_MOST:
            note = self.tr("too many")
        help_ = self.tr(
            "Alarms that came in the last ten minutes. About {goal} can be handled for hours, {most} are the most: "
            "with more, call for help."
        )
        return Figure(
            "load",
            self.tr("Alarm load"),
            (KpiPart("text", "–" if self._load is None else str(load), level),),
            note,
            level,
            stale=False,
            room=self.tr("per 10 min"),
            help=help_.format(goal=LOAD_GOAL, most=LOAD_MOST),
        )

    def _base(self) -> str:
        """What all counts of the strip have in common."""
        return self.tr("Counted over all reports on this computer, whatever is filtered, now. A click shows them.")

    def _right(self) -> list[Figure]:
        age = self._sources.age_s()
        level = self._sources.age_level()
        local = self._now().astimezone(self._zone)
        shown = self.tr("{age} ago").format(age=formatting.age(age)) if age is not None else self.tr("none yet")
        if age is None and self._sources.filling() and not self._sources.offline:
            share = self._sources.progress()
            level, shown = formatting.CALM, f"{share:.0%}" if share is not None else self.tr("connecting")
            if share == 1:
                shown = self.tr("histories")
        as_of = self._sources.as_of()
        if self._sources.offline and as_of is not None:
            label = self.tr("Data from {time}").format(time=formatting.clock_or_day(as_of, self._now(), self._zone))
        else:
            label = self.tr("Live data") if level == formatting.CALM else self.tr("Data age")
        if not self._sources.first:
            level, shown = formatting.CALM, self.tr("no server")
        elif age is None:
            label = self.tr("First load")
        loud = (
            formatting.CALM if level == formatting.LATE else level
        )  # too old is grey on hatching; red is for life and safety
        decide = self.tr("{n} to decide").format(n=self._decisions) if self._decisions else ""
        outbox_level = formatting.AT_RISK if self._decisions else formatting.CALM
        return [
            Figure(
                "data",
                label,
                (KpiPart("text", shown, loud),),
                "",
                loud,
                stale=level == formatting.LATE,
                help=self.tr("How long ago the data was complete, of the server that is furthest behind."),
            ),
            Figure(
                "outbox",
                self.tr("Outbox"),
                (KpiPart("text", "–" if self._waiting is None else str(self._waiting), outbox_level),),
                decide,
                outbox_level,
                stale=False,
                help=self.tr("What you did that the server has not taken yet, or that waits for you to decide."),
            ),
            self._sound_figure(),
            Figure(
                "clock",
                f"{local:%a} {local.day} {local:%b, %Z}",
                (KpiPart("text", f"{local:%H:%M:%S}", 0),),
                "",
                formatting.CALM,
                stale=False,
                acts=False,
                help=self._whose_clock(),
            ),
        ]

    def _sound_figure(self) -> Figure:
        """Whether the operator is called, or why not; a click mutes, and where nothing is heard says what to do."""
        key = self._window_state.actions.cap("mute")
        help_ = self.tr("{key} mutes all tones until the next P1.").format(key=key)
        level, parts = formatting.CALM, list[KpiPart]()
        match self._sound.availability:
            case SoundAvailability.NO_OUTPUT | SoundAvailability.FAILED:
                level, shown = formatting.AT_RISK, self.tr("No sound here")
                help_ = missing_sound_text(self._sound, self.tr)
            case SoundAvailability.OFF:
                shown = self.tr("Off")
                help_ = self.tr("This window was begun without sound.")
            case _ if self._is_muted:
                level, shown = formatting.AT_RISK, self.tr("Muted")
                help_ = self.tr("No tone is heard until the next P1, or until {key}.").format(key=key)
            case SoundAvailability.UNKNOWN:
                shown = "–"
            case _ if self._calling is Tone.P1:
                level, shown, parts = formatting.LATE, self.tr("P1 tone"), [KpiPart("report_symbol", "1", 0)]
            case _ if self._calling is not None:
                level, shown = formatting.AT_RISK, self.tr("Alarm tone")
            case _:
                shown = self.tr("On")
        text = KpiPart("text", shown, level)
        return Figure("sound", f"{self.tr('Sound')} {key}", (*parts, text), "", level, stale=False, help=help_)

    def _whose_clock(self) -> str:
        """Which city's time is shown, as a tip; "" with one city only."""
        if len(self._sources.keys) < 2:
            return ""
        text = self.tr(
            "The time of {name}, by its server's clock: ages and what is overdue are counted by it. "
            "What you do is dated by the clock of the city that it is for."
        )
        return text.format(name=self._sources.name(self._sources.first))

    def _choose(self, key: str) -> None:
        missing = self._sound.availability in (SoundAvailability.NO_OUTPUT, SoundAvailability.FAILED)
        if key == "sound":
            self.action.emit("sound_settings" if missing else "mute")
        elif key in _ACTIONS:
            self.action.emit(_ACTIONS[key])
        elif key in _FILTERS:  # exactly what was counted, of the whole board; the same figure again shows all
            now = self._window_state.filter
            wanted = _FILTERS[key].with_order(now.order)
            self._window_state.set_filter(Filter(order=now.order) if now == wanted else wanted)


_FILTERS = {f"p{priority}": Filter(tab="unassigned", priorities=(priority,)) for priority in (2, 3, 4)} | {
    "p1": Filter(priorities=(1,), crewless=True),
    "sla": Filter(at_risk=True),
}
_ACTIONS = {"units": "panel_units", "load": "panel_alarms", "outbox": "panel_outbox", "data": "sources"}


def missing_sound_text(sound: SoundState, tr: Callable[[str], str]) -> str:
    """Why no tone is heard at this computer, and what to do; "" where tones are heard."""
    if sound.availability is SoundAvailability.NO_OUTPUT:
        return tr(
            "No sound here: this computer has no output. Connect loudspeakers or headphones, or choose an output in "
            "the computer's own settings; it is found by itself."
        )
    if sound.availability is SoundAvailability.FAILED:
        text = tr("No sound here: {why}. Look at the computer's own sound settings, then test a tone in “Sound”.")
        return text.format(why=sound.detail)
    return ""


def _short(seconds: float) -> str:
    """A compact oldest-age: `0:41`, `31 min`, `5 h`, `3 d`."""
    return formatting.duration(seconds) if seconds < 1800 else formatting.age(seconds)
