"""What an operator has taken when he leaves, and what his colleagues see of it: in real windows of one city."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from api_client.model import EditBody, Kind
from console.server.city.records import Actor
from tests.helpers.city import TOKENS, console, wait_for, write_users
from tests.helpers.hands import choose, key, outbox, wait_ready
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
    wait_for(lambda: window.ticket.ticket().holder.endswith("· signed out, T takes it over"), what="she has gone")
    wait_for(lambda: window.situation.current.holder is None, what="it is offered")
    key(window, "T")
    wait_for(lambda: window.ticket.ticket().holder.startswith("Taken by you"), what="it is his")
    wait_for(lambda: holder(live, "r1") == "budi", what="at the server too")


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
    wait_for(lambda: window.window_state.view is not None and len(window.window_state.view.mine) == 1, what="counted")
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
