"""What an operator has taken when he leaves, and what his colleagues see of it: in real windows of one city."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QListView

from api_client.model import EditBody, Kind
from console.rules.report import OFFER_S
from console.server.city.records import Actor
from tests.helpers.city import TOKENS, console, wait_for, write_users
from tests.helpers.hands import SHIFT, choose, form, key, outbox, strike, wait_notice_read, wait_ready
from tests.helpers.live_server import Live, live_server

pytestmark = pytest.mark.usefixtures("qapp")
RINA = Actor("rina", "supervisor")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("colleagues")
    with live_server(folder / "city", users=write_users(folder)) as live:
        yield live


@pytest.fixture(scope="module")
def window(live: Live, tmp_path_factory: pytest.TempPathFactory, qapp: object) -> Iterator[Any]:
    """budi's."""
    with console(tmp_path_factory.mktemp("profile"), live.url, name="budi") as window:
        wait_ready(window)
        wait_for(lambda: window.sources.states().get("city") == "live", what="live")
        yield window


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
    told: list[str] = []
    window.offers.message.connect(told.append)
    gives(live, "r5", Kind.CLAIM)
    wait_for(lambda: told == ["rina has taken r5"], what="accepted")
    wait_for(lambda: window.situation.current.holder == "rina", what="hers")
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
