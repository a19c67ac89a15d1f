"""Who sits at a console: its lock, one operator after another, and what they leave or give one another.

In one real window, at a city with two operators; the order of the tests is that of a shift.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QListView, QWidget

from api_client.model import EditBody, Kind
from console.rules.messages import Source, TokenOwner
from console.rules.report import OFFER_S
from console.rules.screen_lock import KeptLock, digest_of, is_one_of
from console.server.city.records import Actor
from console.settings import Settings, load_settings
from tests.helpers.city import TOKENS, console, wait_for, write_users
from tests.helpers.hands import CTRL, SHIFT, choose, form, key, outbox, strike, wait_notice_read, wait_ready
from tests.helpers.live_server import Live, live_server
from tests.helpers.proxy import FaultProxy

pytestmark = pytest.mark.usefixtures("qapp")
WARD = Actor("siti", "supervisor")
RINA = Actor("rina", "supervisor")
NUMBERS = itertools.count(1)


class Desk:
    """rina's window behind a network that can be cut."""

    def __init__(self, window: Any, live: Live, link: FaultProxy, profile: Path) -> None:
        self.window, self.live, self.link, self.profile = window, live, link, profile

    @property
    def page(self) -> Any:
        return self.window.lock_page

    def edit(self, report: str, kind: Kind, data: dict[str, Any] | None = None) -> None:
        """A colleague elsewhere does something."""
        version = self.live.city.report(report).version
        edit = EditBody(f"edit-{next(NUMBERS)}", kind, data=data or {})
        self.live.city.apply(edit, report=report, actor=WARD, if_match=version)

    def looks(self) -> str | None:
        """The report that the server says rina looks at, "" while it does not know."""
        return self.live.city.presence.seen().looking.get("rina", "")

    def lock(self) -> None:
        key(self.window, "L", CTRL)
        wait_for(lambda: self.window.screen_lock._kept is not None, what="it is known who may unlock it")

    def types(self, token: str) -> None:
        """Type a token and press Enter, once the page takes one."""
        field = self.page.field
        wait_for(field.isEnabled, what="it can be typed")
        QTest.keyClicks(field, token)
        QTest.keyClick(field, Qt.Key.Key_Return)

    def unlock(self, name: str = "rina") -> None:
        self.types(TOKENS[name])
        wait_for(lambda: not self.window.screen_lock.is_locked, what=f"{name} has unlocked it")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, qapp: object) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("lock")
    with live_server(folder / "city", users=write_users(folder)) as live:
        link = FaultProxy(live.port)
        try:
            with console(folder / "profile", link.url) as window:
                wait_ready(window)
                wait_for(lambda: window.sources.states().get("city") == "live", what="live")
                yield Desk(window, live, link, folder / "profile")
        finally:
            link.close()


def seen(window: Any) -> list[QWidget]:
    """The windows of this program that can be seen."""
    return [one for one in QApplication.topLevelWidgets() if one.isVisible()]


def texts(window: Any) -> str:
    """Every word that can be read or read out in the window."""
    words = [window.window.windowTitle()]
    for widget in window.window.findChildren(QWidget):
        if widget.isVisible():
            words += [widget.accessibleName(), widget.toolTip(), str(widget.property("text") or "")]
    return " ".join(words)


def test_nothing_of_the_city_is_shown_and_no_key_does_anything(desk: Desk) -> None:
    window = desk.window
    choose(window, "r1")
    window.report_clipboard.copy("r1 Water 1")
    key(window, "N")
    QTest.keyClicks(form(window).focusWidget(), "half a note")
    assert QGuiApplication.clipboard().text()

    desk.lock()
    assert seen(window) == [window.window], "no form, no photo, no list"
    assert QGuiApplication.clipboard().text() == ""
    assert window.window.windowTitle() == "Sigap: locked"
    assert window.window.focusWidget() is desk.page.field
    said = texts(window)
    assert "Locked since" in said
    for word in ("Water", "r1", "r2", "rina", "Flood", "half a note"):
        assert word not in said
    for struck in (Qt.Key.Key_T, Qt.Key.Key_N, Qt.Key.Key_Slash, Qt.Key.Key_F8, Qt.Key.Key_F12, Qt.Key.Key_Escape):
        QTest.keyClick(window.window, struck)
        QTest.keyClick(desk.page.field, struck)
    for struck in (Qt.Key.Key_D, Qt.Key.Key_N, Qt.Key.Key_Q, Qt.Key.Key_K, Qt.Key.Key_1, Qt.Key.Key_L):
        QTest.keyClick(window.window, struck, CTRL)
    assert seen(window) == [window.window]
    assert window.outbox.open_edits == ()
    desk.page.field.clear()

    window.forms.ask("Report r1", "Water 1", "Yes", "No", lambda: None)  # as what was read just now may ask
    assert seen(window) == [window.window]
    window.window.close()
    assert window.window.isVisible(), "who passes by cannot end it either"
    desk.unlock()
    assert form(window)._title.text() == "Report r1"
    window.forms.close_open()
    key(window, "N")
    assert form(window).values()["text"] == "half a note", "it is a draft"
    window.forms.close_open()


def test_a_list_that_is_open_goes_too(desk: Desk) -> None:
    window = desk.window
    window.actions.run("palette")
    wait_for(window.palette.isVisible, what="the palette")
    assert window.actions.run("lock")
    assert seen(window) == [window.window]
    wait_for(lambda: window.screen_lock._kept is not None, what="it is known who may unlock it")
    desk.unlock()


def test_what_calls_is_counted_and_told_without_any_report(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    window, told, tones = desk.window, list[str](), list[Any]()
    monkeypatch.setattr(window.desktop_notices, "tell", told.append)
    window.attention.tone_due.connect(tones.append)
    wait_for(lambda: desk.looks() == "r1", what="she looks at it")
    desk.lock()
    assert "No P1 without a crew" in desk.page.shown()
    wait_for(lambda: desk.looks() is None, what="nobody looks at a report any more")
    desk.edit("r2", Kind.SET, {"priority": 1})
    wait_for(lambda: "1 P1 without a crew" in desk.page.shown(), what="it is counted")
    wait_for(lambda: tones and told, what="it is heard")
    assert told == ["Locked: 1 P1 without a crew"]
    desk.unlock()
    wait_for(lambda: desk.looks() == "r1", what="she looks at it again")
    desk.edit("r2", Kind.SET, {"priority": 3})
    wait_for(lambda: window.banner.notice is None, what="nothing calls any more")


def test_wrong_tokens_have_to_be_waited_for_and_ones_own_unlocks_without_a_network(desk: Desk) -> None:
    window, page = desk.window, desk.page
    now_s = [0.0]
    window.screen_lock._steady_s = lambda: now_s[0]
    desk.lock()
    desk.types("not-a-token")
    wait_for(lambda: any("not known here" in text for text in page.shown()), what="the server does not know it")
    desk.link.away()
    wait_for(lambda: window.sources.offline, what="offline")
    for tries in range(2, 6):
        desk.types(TOKENS["budi"])
        wait_for(lambda tries=tries: window.screen_lock._kept.failed == tries, what="nor can it be asked")
    assert any("wait 0:30" in text for text in page.shown())
    assert not page.field.isEnabled()
    wait_for(lambda: load_settings(desk.profile).lock == window.screen_lock._kept, what="a restart forgets no try")
    kept = (desk.profile / "settings.json").read_bytes()
    assert b"digest" in kept
    assert TOKENS["rina"].encode() not in kept
    now_s[0] = 29.0
    window.screen_lock.tick()
    assert not page.field.isEnabled()
    now_s[0] = 30.5
    desk.types(TOKENS["budi"])
    wait_for(lambda: any("wait 1:00" in text for text in page.shown()), what="longer each time")
    now_s[0] = 100.0
    desk.unlock()
    wait_for(lambda: load_settings(desk.profile).lock is None, what="and that is remembered")
    desk.link.heal()
    wait_for(lambda: not window.sources.offline, 40, what="back")


def test_what_is_typed_is_shown_to_no_other_citys_server(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    window, sent = desk.window, list[Any]()
    other = Source("other", "Other city", "https://other.example", "dispatch", user="rina")
    monkeypatch.setattr(window.settings.here, "sources", [*window.settings.here.sources, other])
    monkeypatch.setattr(window.sources, "hears", lambda _: True)
    monkeypatch.setattr(window.screen_lock, "_send", sent.append)
    desk.lock()
    desk.types("a-token-of-somebody")
    wait_for(lambda: sent, what="a server is asked")
    assert [(one.source, one.token) for one in sent] == [("city", "a-token-of-somebody")]
    window.screen_lock.on_token_owner(TokenOwner("city", sent[0].number, problem="not known"))
    desk.unlock()


def test_a_colleague_whose_network_goes_as_he_takes_the_seat_has_not_taken_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """She unlocked it with her own token, and was he as soon as the network was back: what she did was done by him."""
    window, now_s = desk.window, [0.0]
    window.screen_lock._steady_s = lambda: now_s[0]
    take_seat = window.sign_in.take_seat

    def take_seat_as_it_goes(source: str, token: str) -> None:
        desk.link.away()
        take_seat(source, token)

    monkeypatch.setattr(window.sign_in, "take_seat", take_seat_as_it_goes)
    desk.lock()
    desk.types(TOKENS["budi"])
    wait_for(lambda: window.screen_lock._seat_at, what="the server knows him")
    wait_for(lambda: window.sources.offline, 40, what="offline")
    now_s[0] = 41.0
    window.screen_lock.tick()
    assert any("does not answer" in text for text in desk.page.shown())
    desk.unlock()
    desk.link.heal()
    wait_for(lambda: window.sources.states().get("city") == "live", 40, what="back")
    wait_for(lambda: not window.followed_sources.signing_in, what="the server has said who she is")
    assert window.window_state.me == "rina"


def test_a_token_that_the_server_takes_no_more_unlocks_nothing_also_without_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = desk.window
    monkeypatch.setattr(window.sources, "hears", lambda _: False)
    desk.lock()
    for said in (True, None):  # the server says so, and is not reached then
        monkeypatch.setattr(window.sources, "refuses", lambda _, said=said: said)
        window.screen_lock.tick()
        desk.types(TOKENS["rina"])
        wait_for(lambda: any("not the token that locked it" in text for text in desk.page.shown()), what="refused")
    wait_for(lambda: load_settings(desk.profile).lock.tokens[0].refused, what="a restart forgets it not")
    monkeypatch.setattr(window.sources, "refuses", lambda _: False)
    window.screen_lock.tick()
    desk.unlock()


def test_a_window_that_was_locked_opens_locked_and_a_colleague_takes_the_seat(desk: Desk) -> None:
    window = desk.window
    choose(window, "r3")
    key(window, "N")
    QTest.keyClicks(form(window).focusWidget(), "of rina")
    desk.lock()
    desk.unlock("budi")
    assert window.window_state.me == "budi"
    assert seen(window) == [window.window], "her form is not his"
    wait_for(lambda: window.sources.states().get("city") == "live", what="live")
    choose(window, "r3")
    key(window, "N")
    assert form(window).values()["text"] == "", "nor is her draft"
    window.forms.close_open()


def test_it_locks_itself_when_nobody_touches_anything(desk: Desk) -> None:
    window = desk.window
    now_s = [0.0]
    window.screen_lock._steady_s = lambda: now_s[0]
    window.actions.run("lock_after")
    QTest.keyClicks(form(window).field, "After 2")
    QTest.keyClick(form(window).field, Qt.Key.Key_Return)
    wait_for(lambda: window.settings.here.lock_after_min == 2, what="chosen")
    window.window.activateWindow()
    wait_for(lambda: QApplication.activeWindow() is window.window, what="the window is active")
    now_s[0] = 119.0
    window.screen_lock.tick()
    QTest.keyClick(window.window.windowHandle(), Qt.Key.Key_J)
    now_s[0] = 200.0
    window.screen_lock.tick()
    assert not window.screen_lock.is_locked, "a key was struck since"
    now_s[0] = 240.0
    window.screen_lock.tick()
    assert window.screen_lock.is_locked
    wait_for(lambda: window.screen_lock._kept is not None, what="it is known who may unlock it")
    wait_for(lambda: load_settings(desk.profile).lock is not None, what="it is kept")
    with console(
        desk.profile.with_name("again"), desk.link.url, name="budi", kept=load_settings(desk.profile)
    ) as other:
        assert other.screen_lock.is_locked
        assert other.window.focusWidget() is other.lock_page.field
        assert "Locked since" in texts(other)
        wait_for(lambda: other.sources.states().get("city") == "live", what="it goes on")
    desk.unlock("budi")


def test_it_is_locked_before_the_tokens_are_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A keyring may take its time."""
    window, waiting = desk.window, list[Any]()
    monkeypatch.setattr(window.screen_lock, "_tasks", SimpleNamespace(submit=lambda *what: waiting.append(what)))
    window.actions.run("lock")
    wait_for(lambda: load_settings(desk.profile).lock is not None, what="it is kept")
    kept = load_settings(desk.profile)
    with console(desk.profile.with_name("killed"), desk.link.url, name="budi", kept=kept) as other:
        assert other.screen_lock.is_locked
        wait_for(lambda: other.screen_lock._kept is not None, what="it is known who may unlock it")
        assert len(other.screen_lock._kept.tokens) == 1
    monkeypatch.undo()
    work, then, _ = waiting.pop()
    then(work())
    desk.unlock("budi")


def test_only_who_is_signed_in_unlocks_it(desk: Desk) -> None:
    """The program ended when the keyring had his token and the lock was still hers."""
    tokens = (digest_of(TOKENS["rina"], b"salt"),)
    kept = Settings(lock=KeptLock(datetime.now(UTC), tokens, failed=2))
    desk.window.actions.run("lock")
    hers = Source("city", "City", desk.link.url, "dispatch", timezone="Asia/Jakarta", user="rina")
    with console(desk.profile.with_name("between"), None, name="budi", kept=kept, sources=[hers]) as other:
        assert other.screen_lock.is_locked
        wait_for(lambda: other.window_state.me == "budi", what="it is he who is signed in")
        lock = other.screen_lock
        wait_for(lambda: lock._kept is not None and lock._kept.tokens != tokens, what="it is his lock")
        assert [is_one_of(TOKENS[name], lock._kept.tokens) for name in ("rina", "budi")] == [False, True]
        assert (lock.is_locked, lock._kept.failed) == (True, 2), "no try is forgotten"
    desk.unlock("budi")


@pytest.fixture
def live(desk: Desk) -> Live:
    return desk.live


@pytest.fixture
def window(desk: Desk) -> Any:
    """budi has taken the seat."""
    if desk.window.window_state.me != "budi":
        desk.lock()
        desk.unlock("budi")
    return desk.window


def test_what_a_colleague_keeps_as_he_signs_out_is_taken_over_by_one_key(live: Live, window: Any) -> None:
    live.city.presence.look("rina", None, live.city.clock())
    live.city.apply(EditBody("rina-takes-1", Kind.CLAIM), report="r1", actor=RINA)
    choose(window, "r1")
    wait_for(lambda: window.ticket.ticket().holder.startswith("Taken by rina"), what="it is hers")
    wait_for(lambda: "away" not in window.ticket.ticket().holder, what="she is there")
    live.city.presence.leave("rina", live.city.clock())
    wait_for(lambda: window.ticket.ticket().holder.endswith("· away, no connection"), what="her network is gone")
    key(window, "T")
    assert "Another has taken it" in window.status_controller._message
    live.city.sign_out(RINA)
    wait_for(lambda: window.ticket.ticket().holder == "rina has signed out · T takes it over", what="she has gone")
    wait_for(lambda: window.situation.current.holder is None, what="it is offered")
    key(window, "T")
    wait_for(lambda: window.ticket.ticket().holder.startswith("Taken by you"), what="it is his")
    wait_for(lambda: holder(live, "r1") == "budi", what="at the server too")


def gives(live: Live, report: str, kind: Kind = Kind.OFFER, **data: str) -> None:
    """rina does something to a report at her own desk."""
    version = live.city.report(report).version
    edit = EditBody(f"rina-{report}-{kind.value}-{version}", kind, data=data)
    live.city.apply(edit, report=report, actor=RINA, if_match=version)


def bold(window: Any) -> str:
    return window.banner.notice.bold if window.banner.notice is not None else ""


def test_what_a_colleague_gives_is_taken_or_declined_by_one_key(live: Live, window: Any) -> None:
    outside: list[str] = []
    window.attention.came.connect(outside.append)
    for report, cap, who in (("r3", "F3", "budi"), ("r4", "⇧ F4", "rina")):
        gives(live, report, Kind.CLAIM)
        gives(live, report, to="budi")
        wait_for(lambda report=report: bold(window) == f"rina gives you {report}:", what="he is told")
        wait_for(lambda: outside[-1:] == ["rina gives you a report: Flood, No area"], what="and called")
        outside.clear()
        wait_notice_read(window)
        window.window.activateWindow()
        strike(window.queue, cap)
        wait_for(lambda report=report, who=who: (holder(live, report), offered(live, report)) == (who, False), what=who)
        wait_for(lambda: window.banner.notice is None, what="answered")
    choose(window, "r4")
    gives(live, "r4", to="budi")
    wait_for(lambda: "rina gives it to you · T takes it" in window.ticket.ticket().holder, what="it says so itself")
    wait_for(lambda: window.situation.current.offered, what="its key too")
    key(window, "T")
    wait_for(lambda: holder(live, "r4") == "budi", what="T takes it as well")
    wait_for(lambda: window.banner.notice is None, what="answered by that")


def test_a_report_is_given_to_a_colleague_and_what_becomes_of_it_is_told(live: Live, window: Any) -> None:
    live.city.presence.look("rina", None, live.city.clock())
    wait_for(lambda: "rina" in window.attendance.connected.get("city", ()), what="she is there")
    choose(window, "r5")
    key(window, "T")
    wait_for(lambda: holder(live, "r5") == "budi", what="taken")

    def give() -> None:
        wait_for(lambda: not outbox(window), what="nothing is under way")
        key(window, "W", SHIFT)
        wait_for(lambda: window.forms.is_open, what="to whom")
        assert "rina, supervisor · there" in " ".join(accessible(window.forms._open))
        QTest.keyClick(window.forms._open.field, Qt.Key.Key_Return)
        wait_for(lambda: offered(live, "r5"), what="offered")
        wait_for(lambda: "offered to rina" in window.ticket.ticket().holder, what="and shown")
        wait_for(lambda: len(window.offers._mine) == 1, what="followed")

    give()
    gives(live, "r5", Kind.DECLINE)
    wait_for(lambda: bold(window) == "r5 rina has declined.", what="he is told")
    assert window.banner.notice.text.startswith("It stays yours. Flood")
    wait_notice_read(window)
    key(window, "F4")
    give()
    time_at = window.offers._time_at
    window.offers._time_at = lambda source: time_at(source) + timedelta(seconds=OFFER_S)
    silent = "r5 rina has not answered for 2 minutes."
    wait_for(lambda: bold(window) == silent, what=lambda: f"nor is silence passed over: {bold(window)}")
    window.offers._time_at = time_at
    wait_notice_read(window)
    key(window, "F4")
    give()
    wait_for(lambda: ("city", "r5") in window.claims._held, what="among his")
    told: list[str] = []
    window.offers.message.connect(told.append)
    gives(live, "r5", Kind.CLAIM)
    wait_for(lambda: told == ["rina has taken r5"], what="accepted")
    wait_for(lambda: window.situation.current.holder == "rina", what="hers")
    wait_for(lambda: ("city", "r5") not in window.claims._held, what="no longer among his")
    assert window.banner.notice is None, "what one gave is no loss"


def test_a_supervisor_sees_who_is_there_and_has_what(live: Live, window: Any) -> None:
    assert window.actions.run("colleagues")
    rows = accessible(form(window))
    assert rows[0].startswith("budi, supervisor · there · 3 reports")
    assert rows[1].startswith("rina, supervisor · there · 1 report")
    QTest.keyClicks(window.forms._open.field, "rina")
    QTest.keyClick(window.forms._open.field, Qt.Key.Key_Return)
    wait_for(lambda: window.window_state.filter.holders == ("rina",), what="what she has")
    wait_for(lambda: len(window.window_state.view.order) == 1, what="is listed")
    window.actions.run("clear_filter")


def test_who_signs_out_and_who_is_relieved_at_his_desk_offers_what_he_keeps(live: Live, window: Any) -> None:
    choose(window, "r2")
    key(window, "T")
    wait_for(lambda: live.city.report("r2").claim is not None, what="taken")
    window.actions.run("lock")
    wait_for(lambda: window.screen_lock._kept is not None, what="it is known who may unlock it")
    QTest.keyClicks(window.lock_page.field, TOKENS["rina"])
    QTest.keyClick(window.lock_page.field, Qt.Key.Key_Return)
    wait_for(lambda: offered(live, "r2"), what="relieved at the locked screen")
    wait_for(lambda: not window.screen_lock.is_locked, what="rina sits there")
    wait_for(lambda: window.sources.states().get("city") == "live", what="live")
    choose(window, "r2")
    wait_for(lambda: "signed out" in window.ticket.ticket().holder, what="she sees that he has gone")
    key(window, "T")
    wait_for(lambda: holder(live, "r2") == "rina", what="she goes on with it")
    wait_for(lambda: window.window_state.view is not None and len(window.window_state.view.mine) == 2, what="counted")
    wait_for(lambda: not outbox(window), what="nothing is under way")
    window.actions.run("sign_out")
    wait_for(lambda: window.forms._open is not None and window.forms._open.isVisible(), what="she is asked")
    QTest.keyClicks(window.forms._open.field, "Keep")
    QTest.keyClick(window.forms._open.field, Qt.Key.Key_Return)
    wait_for(lambda: offered(live, "r2"), what="signed out")
    assert holder(live, "r2") == "rina", "nobody has taken it over"
    assert "Signed out" in window.sign_in.why_reading_only("city")


def holder(live: Live, report: str) -> str:
    claim = live.city.report(report).claim
    return claim.who if claim is not None else ""


def offered(live: Live, report: str) -> bool:
    claim = live.city.report(report).claim
    return claim is not None and claim.offer is not None


def accessible(dialog: Any) -> list[str]:
    """The rows of a list to choose from."""
    view = dialog.findChild(QListView)
    model = view.model()
    rows = (model.index(row, 0) for row in range(model.rowCount()))
    return [str(row.data(Qt.ItemDataRole.AccessibleTextRole) or row.data()) for row in rows]
