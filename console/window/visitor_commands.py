"""What a visitor of the demo may do to the invented city, from the strip, the palette and by keys."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, QTimer

from console.panels.window_state import WindowState
from console.rules.loaded import Loaded
from console.tasks import Tasks
from console.window.demo_server import DemoServer, DemoState
from console.window.second_desk import SecondDesk
from console.window.tour import Tour
from widgets.visitor import VisitorDeed, VisitorStrip

_log = logging.getLogger(__name__)
SPEEDS = (1, 5, 20)
"""How many times faster than in life the city goes."""
_LOOK_MS = 1000


class VisitorCommands(QObject):
    """Carries out the buttons of the strip, and keeps their words true: the network may be cut, the server gone."""

    def __init__(
        self,
        demo: DemoServer,
        strip: VisitorStrip,
        window_state: WindowState,
        middle: Callable[[], tuple[float, float] | None],
        say: Callable[[str], None],
        try_again: Callable[[], None],
        focus: Callable[[str], None],
        panel: Callable[[], str],
        panel_before: Callable[[], str],
        tour: Tour,
        parent: QObject | None = None,
    ) -> None:
        """`middle` is where the map's middle is, `try_again` has all servers tried now. `focus` gives a panel the
        keyboard, `panel` says which one has it and `panel_before` which one had it before the strip.
        """
        super().__init__(parent)
        self._demo, self._strip, self._window_state = demo, strip, window_state
        self._tasks = Tasks("visitor", 1, self)  # its own: a server that hangs holds up nothing of the window
        self._middle, self._say, self._try_again = middle, say, try_again
        self._focus, self._panel, self._panel_before = focus, panel, panel_before
        self._desk = SecondDesk(demo)
        self.tour = tour
        self._state: DemoState | None = None
        self._is_turning = False  # the server is being stopped or started
        self._deeds: dict[str, Callable[[], None]] = {
            "rain": self.rain,
            **{f"speed_{speed}": partial(self.set_speed, speed) for speed in SPEEDS},
            "network": self.switch_network,
            "server": self.switch_server,
            "second": self.open_second_desk,
            "tour": tour.begin,
        }
        strip.chosen.connect(lambda intent: self._deeds[intent]())
        strip.left.connect(lambda: focus(panel_before()))
        strip.closed.connect(self.close_strip)
        self._timer = QTimer(self, interval=_LOOK_MS)
        self._timer.timeout.connect(self._look)
        self._timer.start()
        tour.changed.connect(self.show)
        self.show()
        window_state.loaded_changed.connect(self._show_first)

    def _show_first(self, loaded: Loaded) -> None:
        """What burns most is open when the visitor sees the city for the first time."""
        view = self._window_state.view
        if loaded is Loaded.WHOLE and view is not None and len(view.order) and not self._window_state.row:
            self._window_state.choose(int(view.order[0]))

    def close(self) -> None:
        """Stop following the city, and close the second desk."""
        self._timer.stop()
        self._tasks.shutdown()
        self.tour.close()
        self._desk.close()

    def show(self) -> None:
        """Bring the strip up to date."""
        stopped = self._demo.is_stopped
        gone = self.tr("The server is stopped") if stopped else ""
        speed_now = self._state.speed if self._state is not None else 0
        unheard = gone or (self.tr("The city does not answer") if self._state is None else "")
        cut = self._demo.network.is_cut
        server = self.tr("Start the server") if stopped else self.tr("Stop the server")
        enough = self.tr("It rains on {n} kelurahan: wait until one of them is dry again")
        is_enough = self._state is not None and not self._state.may_rain
        no_rain = enough.format(n=len(self._state.rain)) if self._state is not None and is_enough else unheard
        self._strip.set_deeds(
            [
                VisitorDeed("rain", self.tr("Rain here"), why_not=no_rain),
                *(
                    VisitorDeed(f"speed_{speed}", f"{speed} ×", speed == speed_now, joined=at > 0, why_not=unheard)
                    for at, speed in enumerate(SPEEDS)
                ),
                VisitorDeed("network", self.tr("Mend the network") if cut else self.tr("Cut the network"), cut),
                VisitorDeed("server", server, stopped, why_not=self.tr("One moment") if self._is_turning else ""),
                VisitorDeed(
                    "second",
                    self.tr("Second operator"),
                    why_not=gone or (self.tr("His window is open already") if self._desk.is_open else ""),
                ),
                VisitorDeed("tour", self._tour_text(), self.tour.number > 0),
            ]
        )
        self._strip.set_told(self._told(cut=cut, stopped=stopped))

    def _tour_text(self) -> str:
        number, of = self.tour.number, self.tour.length
        return self.tr("Tour {n} of {of}").format(n=number, of=of) if number else self.tr("Tour")

    def _told(self, *, cut: bool, stopped: bool) -> str:
        if stopped:
            return self.tr("The server is stopped: nothing new comes, your work waits here")
        if cut:
            return self.tr("The network is cut: the city goes on, your work waits here")
        places = ", ".join(self._state.rain) if self._state is not None else ""
        return self.tr("It rains on {places}").format(places=places) if places else ""

    def turn_to(self) -> None:
        """The keyboard goes into the strip, which is shown if it was closed, or back."""
        if self._panel() == "visitor":
            self._focus(self._panel_before())
            return
        self._strip.show()
        self._focus("visitor")

    def close_strip(self) -> None:
        """Take the strip away; its key brings it back."""
        was_here = self._panel() == "visitor"
        self._strip.hide()
        if was_here:
            self._focus(self._panel_before())

    def rain(self) -> None:
        """Let it rain where the middle of the map is."""
        place = self._middle()
        if place is None:
            self._say(self.tr("The map is not there yet: it rains where its middle is"))
            return
        if why := self._strip.button("rain").why_not:
            self._say(why)
            return
        self._ask(lambda: self._demo.rain(*place), self.tr("It begins to rain in the middle of the map"))

    def set_speed(self, speed: int) -> None:
        """Let the city go that many times faster than in life."""
        words = self.tr("The city goes {n} times as fast") if speed > 1 else self.tr("The city goes as in life")
        self._ask(lambda: self._demo.set_speed(speed), words.format(n=speed))

    def _ask(self, what: Callable[[], DemoState], done: str) -> None:
        def failed(error: Exception) -> None:
            _log.info("the demo city did not answer", exc_info=error)
            self._say(self.tr("The demo city's server does not answer"))

        def answered(_: DemoState) -> None:
            self._say(done)
            self._look()

        self._tasks.submit(what, answered, failed)

    def _look(self) -> None:
        """Ask the city how it lives, and show it."""
        self.show()
        if not self._demo.is_stopped:
            self._tasks.latest("demo-state", self._demo.state, self._on_state, lambda _: self._on_state(None))

    def _on_state(self, state: DemoState | None) -> None:
        self._state = state
        self.show()

    def switch_network(self) -> None:
        """Cut the network between this window and the server, or mend it."""
        network = self._demo.network
        if network.is_cut:
            network.mend()
            self._try_again()
            self._say(self.tr("The network is back: what waited is sent now"))
        else:
            network.cut()
            self._say(self.tr("Go on working: nothing is lost"))
        self.show()

    def switch_server(self) -> None:
        """Kill the server, or start it again on what it had."""
        if self._is_turning:
            return
        self._is_turning = True
        starts = self._demo.is_stopped
        self._tasks.submit(
            self._demo.start if starts else self._demo.stop,
            lambda _: self._on_turned(starts=starts),
            lambda error: self._on_turned(starts=starts, error=error),
        )
        self.show()

    def _on_turned(self, *, starts: bool, error: Exception | None = None) -> None:
        self._is_turning = False
        if error is not None:
            self._say(self.tr("That could not be done: {why}").format(why=error))
        elif starts:
            self._say(self.tr("The server starts again, with everything that it had received"))
            self._try_again()
        else:
            self._say(self.tr("Go on working: nothing is lost"))
        self.show()

    def open_second_desk(self) -> None:
        """Open another operator's window beside this one."""
        if self._desk.is_open:
            return
        self._tasks.submit(self._desk.open, lambda _: self._on_desk(), lambda error: self._on_desk(error))

    def _on_desk(self, error: Exception | None = None) -> None:
        if error is not None:
            self._say(self.tr("His window could not be opened: {why}").format(why=error))
        else:
            self._say(self.tr("{name} sits down at the second desk").format(name=self._desk.user))
        self.show()
