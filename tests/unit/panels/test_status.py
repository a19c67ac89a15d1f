"""The status bar and the banner: important sentences stay until what they say is over."""

from __future__ import annotations

from datetime import UTC, timedelta

from msgspec.structs import replace
from pytestqt.qtbot import QtBot

from console.panels.sources import Sources
from console.panels.status import StatusController
from console.panels.window_state import WindowState
from console.rules.filter import Filter
from console.rules.messages import Source, SourceState
from console.window.actions import ACTIONS
from tests.unit.panels.conftest import NOW
from tests.widgets.sample import make_symbols, make_theme
from widgets.notice import Banner, Notice
from widgets.statusbar import StatusBar


def test_only_a_save_ends_what_says_that_nothing_is_saved(qtbot: QtBot) -> None:
    theme = make_theme()
    bar, banner = StatusBar(theme, undo_key="Ctrl Z"), Banner(theme, make_symbols(theme))
    qtbot.addWidget(bar)
    qtbot.addWidget(banner)
    sources = Sources([], UTC, lambda: NOW, ACTIONS)
    status = StatusController(bar, banner, WindowState("rina", Filter(), UTC, ACTIONS), sources, UTC, lambda: NOW)
    status.set_trouble("NOT SAVED: the disk is full")
    status.set_waiting(3)
    status.say("Taken")
    status.set_waiting(0)
    status.show()
    assert banner.notice is not None
    assert banner.notice.bold == "NOT SAVED: the disk is full"
    assert banner.notice.level == "warn"  # red is for life and safety
    status.set_trouble("")
    assert banner.notice is None


def test_a_notice_that_stands_before_a_sign_out_counts_it(qtbot: QtBot) -> None:
    """A harmless lost order hid that the console was signed out and nothing could be sent."""
    theme = make_theme()
    bar, banner = StatusBar(theme, undo_key="Ctrl Z"), Banner(theme, make_symbols(theme))
    qtbot.addWidget(bar)
    qtbot.addWidget(banner)
    sources = Sources([Source("jakarta", "Jakarta", "https://jakarta.example", "dispatch")], UTC, lambda: NOW, ACTIONS)
    status = StatusController(bar, banner, WindowState("rina", Filter(), UTC, ACTIONS), sources, UTC, lambda: NOW)
    lost = Notice("warn", "DMK-02 is on this report already:", "", (("lost_drop", "Seen", "F4"),))
    status.set_lost(lost, 0)
    assert (banner.notice, banner.count()) == (lost, "")
    sources.set_state(SourceState("jakarta", "refused", problem="This server needs a token.", since=NOW))
    status.show()
    assert (banner.notice, banner.count()) == (lost, "1 other notice")
    status.set_lost(lost, 2, 13)
    assert banner.count() == "1 of 3 · 14 other notices"
    status.set_lost(None, 0)
    assert banner.notice is not None
    assert "This server needs a token" in banner.notice.text
    radio = Notice("p1", "NOT SENT: tell DMK-02 by radio", "", (("refresh", "Try now", "Ctrl R"),))
    status.set_lost(radio, 0)
    assert (banner.notice, banner.count()) == (radio, ""), "which says of the outage what there is to say"


def test_a_servers_clock_that_was_set_or_is_far_off_is_told() -> None:
    now = [NOW]
    sources = Sources([Source("city", "City", "https://city.example", "dispatch")], UTC, lambda: now[0], ACTIONS)

    def told(set_s: int, offset_s: float) -> tuple[str, str]:
        at = NOW if set_s else None
        state = SourceState("city", "live", as_of=NOW, clock_offset_s=offset_s, clock_set_s=set_s, clock_set_at=at)
        sources.set_state(state)
        notice = sources.clock_notice()
        return (notice.level, notice.bold) if notice is not None else ("", "")

    assert told(0, 200.0) == ("", ""), "the list of servers says it"
    assert told(0, -4000.0) == ("info", "The server's clock is 1 h behind this computer's.")
    assert told(10_800, 10_800.0) == ("warn", "The server's clock was set 3 h ahead at 08:00.")
    assert told(-10_800, 0.2) == ("info", "The server's clock was set 3 h back at 08:00.")
    now[0] += timedelta(minutes=10)
    assert told(10_800, 10_800.0)[0] == "warn"
    assert told(-10_800, 0.2) == ("", ""), "it was set right, and that was told"


def test_the_banner_says_which_city_is_away_and_since_which_day() -> None:
    now = [NOW]
    cities = [Source(key, key.title(), f"https://{key}.example", "dispatch") for key in ("jakarta", "bandung")]
    several, one = Sources(cities, UTC, lambda: now[0], ACTIONS), Sources(cities[:1], UTC, lambda: now[0], ACTIONS)

    def bold(sources: Sources) -> str:
        notice = sources.banner(0)
        return notice.bold if notice is not None else ""

    for sources in (several, one):
        sources.set_state(SourceState("bandung", "live", as_of=NOW))
        sources.set_state(SourceState("jakarta", "offline", since=NOW, as_of=NOW))
    assert bold(several) == "Jakarta: Offline since 08:00."
    assert bold(one) == "Offline since 08:00."
    several.set_state(SourceState("bandung", "offline", since=NOW, as_of=NOW))
    assert bold(several) == "Jakarta, Bandung: Offline since 08:00."
    now[0] = NOW + timedelta(days=2)
    assert bold(one) == "Offline since 25 Nov 08:00."
    now[0] = NOW + timedelta(days=4)
    assert (bold(one), bold(several)) == ("Reading only.", "Jakarta, Bandung: Reading only.")


def test_the_time_of_the_last_reading_bears_its_day_when_that_is_over(qtbot: QtBot) -> None:
    theme, now = make_theme(), [NOW]
    bar, banner = StatusBar(theme, undo_key="Ctrl Z"), Banner(theme, make_symbols(theme))
    qtbot.addWidget(bar)
    qtbot.addWidget(banner)
    sources = Sources([Source("city", "City", "https://city.example", "dispatch")], UTC, lambda: now[0], ACTIONS)
    status = StatusController(bar, banner, WindowState("rina", Filter(), UTC, ACTIONS), sources, UTC, lambda: now[0])
    sources.set_state(SourceState("city", "offline", since=NOW, as_of=NOW))
    told = []
    for now[0] in (NOW, NOW + timedelta(days=1)):
        status.show()
        told += [button.cell.text for button in bar._left if button.cell.key == "sync"]
    assert told == ["Sync 08:00:00", "Sync 25 Nov 08:00"]


def test_where_this_computer_cannot_write_nothing_is_promised_to_be_saved() -> None:
    """The disk is full: the banner said that notes are saved, and each was "NOT SAVED" a moment later."""
    sources = Sources([Source("city", "City", "https://city.example", "dispatch")], UTC, lambda: NOW, ACTIONS)
    full = "The disk is full: cache.db could not be written."
    for state, promised in (
        (SourceState("city", "offline", problem=full, since=NOW, as_of=NOW, local=True), False),
        (SourceState("city", "offline", problem="No answer.", since=NOW, as_of=NOW), True),
    ):
        sources.set_state(state)
        notice = sources.banner(0)
        assert notice is not None
        assert ("Notes, photos and proof are saved" in notice.text) is promised
        assert "Give orders by radio." in notice.text
        assert (full in notice.text) is not promised


def test_a_server_that_takes_no_changes_is_not_called_offline() -> None:
    """Its disk is full: what is seen is up to date, what is entered waits."""
    cities = [Source(key, key.title(), f"https://{key}.example", "dispatch") for key in ("jakarta", "bandung")]
    several, one = Sources(cities, UTC, lambda: NOW, ACTIONS), Sources(cities[:1], UTC, lambda: NOW, ACTIONS)
    full = SourceState("jakarta", "live", as_of=NOW, put_off="The disk is full.", put_off_since=NOW, latency_ms=3.0)
    for sources in (several, one):
        sources.set_state(SourceState("bandung", "live", as_of=NOW))
        sources.set_state(full)
        assert not sources.offline
    notice = one.banner(7)
    assert notice is not None
    assert notice.bold == "The server has taken no changes since 08:00."
    assert "what you see is up to date" in notice.text
    assert notice.text.endswith("It says: The disk is full.")
    assert [text for _, text, _ in notice.buttons] == ["Try now", "Outbox 7"]
    assert [cell.text for cell in one.cells()] == ["The server takes no changes now"]
    assert (several.banner(7) or notice).bold == "Jakarta: The server has taken no changes since 08:00."
    several.set_state(SourceState("bandung", "offline", since=NOW, as_of=NOW))
    assert (several.banner(7) or notice).bold == "Bandung: Offline since 08:00."


def test_a_server_that_asks_for_patience_is_not_called_offline() -> None:
    sources = Sources([Source("city", "City", "https://city.example", "dispatch")], UTC, lambda: NOW, ACTIONS)
    sources.set_state(SourceState("city", "offline", "Too many requests.", since=NOW, as_of=NOW, busy=True))
    notice = sources.banner(0)
    assert notice is not None
    assert notice.bold == "The server is there and asks for patience since 08:00."
    assert notice.text.startswith("Too many requests. ")


def test_a_try_that_is_due_is_under_way() -> None:
    """ "next try in 0:00" stood there, then nothing, while a server that is silent was waited for."""
    at = [NOW]
    sources = Sources([Source("city", "City", "https://city.example", "dispatch")], UTC, lambda: at[0], ACTIONS)
    sources.set_state(SourceState("city", "offline", since=NOW, as_of=NOW, next_try_s=30.0))
    told = []
    for seconds in (0, 29, 29.5, 35):
        at[0] = NOW + timedelta(seconds=seconds)
        told.append(sources.next_try())
    assert told == ["next try in 0:30", "next try in 0:01", "trying now", "trying now"]
    sources.set_state(SourceState("city", "live", as_of=NOW))
    assert sources.next_try() == ""


def test_who_is_signed_out_is_not_told_that_notes_are_saved() -> None:
    """T10: the banner promised what the key beside it refused."""
    signed_out: list[str] = []
    city = Source("jakarta", "Jakarta", "https://jakarta.example", "dispatch")
    sources = Sources([city], UTC, lambda: NOW, ACTIONS, signed_out=lambda: signed_out)
    sources.set_state(SourceState("jakarta", "refused", problem="This token is not known.", since=NOW))
    notice = sources.banner(0)
    assert notice is not None
    assert "are saved" in notice.text
    signed_out.append("jakarta")
    notice = sources.banner(0)
    assert notice is not None
    assert "are saved" not in notice.text
    assert "You are signed out: reading only" in notice.text


def test_a_server_that_does_not_answer_is_not_called_well() -> None:
    now = [NOW]
    sources = Sources([Source("city", "City", "https://city.example", "dispatch")], UTC, lambda: now[0], ACTIONS)
    live = SourceState("city", "live", as_of=NOW, latency_ms=6.0)
    sources.set_state(live)
    assert [(cell.text, cell.level) for cell in sources.cells()] == [("Server 6 ms", "ok")]
    sources.set_state(replace(live, unanswered_since=NOW))
    now[0] += timedelta(seconds=7)
    assert [(cell.text, cell.level) for cell in sources.cells()] == [("Server: no answer for 7 s", "warn")]
    assert not sources.offline, "it may come yet: what is entered is sent to it"


def test_a_window_built_anew_goes_on_saying_since_when_the_server_is_away() -> None:
    """After another text size it said nothing of it for ten seconds, then a later time than that of the last word."""
    since, at = NOW - timedelta(minutes=2), NOW - timedelta(minutes=4)
    city = [Source("jakarta", "Jakarta", "https://jakarta.example", "dispatch")]

    def begun_with(before: SourceState, *said: SourceState) -> Sources:
        sources = Sources(city, UTC, lambda: NOW, ACTIONS)
        sources.take_up([before])
        for state in said:
            sources.set_state(state)
        return sources

    away = SourceState("jakarta", "offline", since=since, as_of=at)
    begins, anew = SourceState("jakarta", "connecting", since=NOW), SourceState("jakarta", "offline", since=NOW)
    for said in ((), (begins,), (begins, anew), (begins, anew, anew)):
        assert begun_with(away, *said).away_since("jakarta") == "Offline since 07:58."
        assert begun_with(away, *said).offline
    silent = SourceState("jakarta", "live", unanswered_since=since, as_of=at)
    assert begun_with(silent, begins).cells()[0].text == "Server: no answer for 120 s"
    assert begun_with(silent, begins, anew).away_since("jakarta") == "Offline since 07:58."
    there = SourceState("jakarta", "live", since=NOW, as_of=NOW)
    assert not begun_with(away, begins, there).offline
    assert begun_with(away, begins, there, anew).away_since("jakarta") == "Offline since 08:00."
    refused = SourceState("jakarta", "refused", problem="This server needs a token.", since=since)
    assert begun_with(refused, begins).states() == {"jakarta": "connecting"}, "it is asked with another one"
