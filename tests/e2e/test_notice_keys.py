"""Every key that a strip of the report or the notice above all panels shows does what stands beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from api_client.model import Kind
from console.rules.alarms import AlarmState
from console.rules.queued import EditState
from tests.helpers.caps import PANELS, shown_caps, walk
from tests.helpers.city import TOKENS, Served, console, served, wait_for, write_users
from tests.helpers.hands import (
    CTRL,
    banner,
    choose,
    find,
    form,
    free_units,
    key,
    outbox,
    p1_data,
    strips,
    type_into,
    wait_notice_read,
    wait_ready,
)
from tests.helpers.proxy import FaultProxy, answer, drop_after, drop_before, is_edit, path_has

pytestmark = pytest.mark.usefixtures("qapp", "expected_log")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("notice-keys")
    users = str(write_users(folder))
    with served(folder, "--demo-city", "--still", "--reports", "400", "--users", users) as server:
        yield server


def drawn_on(one: Any, *widgets: Any) -> set[str]:
    """The caps on these and on what lies in them."""
    return {cap for widget, cap in shown_caps(one) if any(on is widget or on.isAncestorOf(widget) for on in widgets)}


def walk_all(one: Any, monkeypatch: pytest.MonkeyPatch, state: str, expected: set[str], *on: Any) -> None:
    one.window.activateWindow()
    wait_for(lambda: QApplication.activeWindow() is one.window, what="the window is active")
    for panel in reversed(PANELS):  # the queue's own keys walk it, over what the notice is about
        one.window.focus_panel(panel)
        if panel != "command":
            wait_for(lambda: drawn_on(one, *on) >= expected, what=f"{expected} of {state}, {panel}")
        assert walk(one, monkeypatch, f"{state}, {panel}") >= 4


def test_the_keys_of_each_notice_and_strip_work_in_every_panel(
    city: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        console(tmp_path / "one", city.address) as one,
        console(tmp_path / "two", city.address, name="budi") as two,
    ):
        wait_ready(one)
        wait_ready(two)
        data = p1_data(two)
        two.edit_commands.create("city", data, "local:burns", "Water rises")
        wait_for(lambda: one.lost_orders.is_only_seen, what="a new P1 is told")
        walk_all(one, monkeypatch, "new P1", {"F8", "F12", "⇧ F12"}, one.banner)
        assert two.lost_orders.is_only_seen
        wait_notice_read(one)
        # It was looked at by the walk through the queue: the first stroke brings the list, the next acknowledges it.
        wait_for(lambda: key(one, "F12") or not one.alarms.count(AlarmState.NEW), what="all is acknowledged")
        assert not one.lost_orders.is_only_seen
        wait_for(lambda: not two.lost_orders.is_only_seen, what="and the notice has gone at the other desk")
        burns = two.window_state.view.hazards.tolist()

        def known() -> set[tuple[AlarmState, str] | None]:
            listed = [two.alarms.of_row(row) for row in burns]
            return {(each.state, each.record.acknowledged_by) if each and each.record else None for each in listed}

        # What had just come at the one desk is acknowledged by a stroke of its own, which arrives by itself.
        wait_for(lambda: known() == {(AlarmState.ACKNOWLEDGED, "rina")}, what=known)

        mine = find(one, "unassigned", lambda now: bool(now.advice and now.has_place and len(free_units(one)) > 1))
        choose(two, mine)
        first, second = free_units(one)[:2]
        for each, unit in ((one, first), (two, second)):
            each.edit_commands.dispatch(
                each.details_reader.current, unit, each.window_state.catalog("city").units[unit].code, stack=False
            )
        wait_for(lambda: one.lost_orders.lost or two.lost_orders.lost, what="one has lost")
        loser, winner = (one, two) if one.lost_orders.lost else (two, one)
        wait_for(lambda: strips(loser) and not outbox(winner), what="and one has won")
        choose(loser, mine)
        walk_all(loser, monkeypatch, "lost order", {"F2", "F3", "⇧ F4"}, loser.banner)
        loser.queue.setFocus()
        assert "S" in drawn_on(loser, loser.ticket), "what is to be decided has its key in the report"

        choose(loser, mine)
        theirs = first if winner is one else second
        wait_for(
            lambda: [job.unit for job in loser.details_reader.current.live] == [theirs],
            what="the one who lost sees the crew that goes",
        )
        loser.edit_commands.close(loser.details_reader.current, "not found", "", (theirs,))
        wait_for(lambda: winner.lost_orders.is_only_seen, what="who sent it is told")
        walk_all(winner, monkeypatch, "closed by another", {"F2", "F4"}, winner.banner)


def test_a_report_that_a_colleague_left_here_is_sent_with_one_key_once_and_with_both_names(
    city: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He took a P1 by telephone while the link was away, and went home: no server, no desk and no crew knew of it."""
    link = FaultProxy(city.port)
    profile, words = tmp_path / "desk", "TELEPHONE: water to the roof, 4 people"
    with console(profile, link.url, name="budi") as budi:
        wait_ready(budi)
        link.away()
        wait_for(lambda: budi.sources.offline, 40, "offline")
        budi.edit_commands.create("city", p1_data(budi) | {"description": words}, "local:roof", "Water to the roof")
        wait_for(lambda: len(outbox(budi)) == 1, what="it is on the disk")
        create = budi.outbox.open_edits[0].edit.id
        budi.outbox.submit(
            Kind.NOTE, "local:roof", source="city", data={"text": "on the roof"}, base={}, base_version=None, title=""
        )
        wait_for(lambda: len(outbox(budi)) == 2, what="both")
        assert budi.outbox.open_edit(create).attempts == 0
    link.heal()
    with console(profile, link.url, name="rina") as rina:
        wait_ready(rina)
        wait_for(lambda: rina.sources.states()["city"] == "live", 40, "live")
        wait_for(lambda: rina.lost_orders.unsent_report == create, what="it is told")
        assert banner(rina).startswith("budi took down 1 report that no server has:")
        assert words in banner(rina)
        wait_notice_read(rina)
        walk_all(rina, monkeypatch, "left by a colleague", {"F3", "F2"}, rina.banner)
        key(rina, "F2")
        wait_for(
            lambda: rina.details_reader.current and rina.details_reader.current.key == "local:roof", what="it is shown"
        )
        wait_for(
            lambda: strips(rina) == ["Not sent: waits for budi to sign in: nobody else knows of it"], what="its head"
        )
        grab(rina, tmp_path / "left.png")
        wait_notice_read(rina)
        key(rina, "F3")
        wait_for(lambda: not outbox(rina), 40, "all of it has arrived")
        wait_for(lambda: not rina.lost_orders.unsent_report, what="nothing to tell")
    with console(profile, link.url, name="budi") as budi:
        wait_ready(budi)
        wait_for(
            lambda: budi.status_controller._message.startswith("rina took over from you: New report by budi:"),
            what="told",
        )
    link.close()
    made = [one for one in reports_of(city) if one["description"] == words]
    assert len(made) == 1, "once"
    entries = [(one["kind"], one["author"], one.get("text", "")) for one in city.entries(made[0]["id"])]
    assert entries[0][:2] == ("created", "rina")
    (named, note) = [text for kind, _, text in entries if kind == "note"]
    assert named.startswith("Taken down by budi at ")
    assert ", sent by rina." in named.splitlines()[0]
    assert named.endswith(" Note by budi: on the roof")
    assert note == "on the roof"


@pytest.mark.parametrize("arrived", [False, True])
def test_a_report_that_met_the_outage_itself_is_sent_by_a_colleague_and_is_there_once(
    city: Served, tmp_path: Path, arrived: bool
) -> None:
    """Its only try got no answer, which is the ordinary minute in which a link breaks; then he went home."""
    link, unread = FaultProxy(city.port), answer(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
    profile, words = tmp_path / "desk", f"TELEPHONE: water in the cellar, arrived {arrived}"
    with console(profile, link.url, name="budi") as budi:
        wait_ready(budi)
        link.when(path_has("/changes"), unread)
        link.when(is_edit, drop_after if arrived else drop_before)
        budi.edit_commands.create("city", p1_data(budi) | {"description": words}, "local:cellar", "Water")
        wait_for(lambda: [one.state for one in budi.outbox.open_edits] == [EditState.UNCONFIRMED], 40, "no answer came")
        link.away()
        create = budi.outbox.open_edits[0].edit.id
    link.heal()
    behind = link.when(path_has("/changes"), unread)
    with console(profile, link.url, name="rina") as rina:
        wait_ready(rina)
        wait_for(lambda: rina.lost_orders.unsent_report == create, 40, what="it is told")
        assert banner(rina).startswith("budi took down 1 report that no server is known to have:")
        wait_notice_read(rina)
        key(rina, "F3")
        wait_for(lambda: not rina.lost_orders.unsent_report, what="nothing to tell")
        wait_for(lambda: outbox(rina), what="hers is on the disk: until then the outbox has neither")
        link.rules.remove(behind)
        wait_for(lambda: not outbox(rina), 60, "all of it has arrived")
    link.close()
    made = [one for one in reports_of(city) if one["description"] == words]
    assert len(made) == 1, "once"
    entries = [(one["kind"], one["author"]) for one in city.entries(made[0]["id"])]
    assert entries == [("created", "budi" if arrived else "rina"), ("note", "rina")]


def test_who_signs_in_at_the_desk_of_another_reads_what_only_this_desk_has(city: Served, tmp_path: Path) -> None:
    """In the same window: signed out while the link is away, signed in by another, and then the link is back."""
    link, words = FaultProxy(city.port), "TELEPHONE: fire on the third floor"
    with console(tmp_path / "shift", link.url, name="budi") as one:
        wait_ready(one)
        link.away()
        wait_for(lambda: one.sources.offline, 40, "offline")
        one.edit_commands.create("city", p1_data(one) | {"description": words}, "local:fire", "Fire")
        wait_for(lambda: len(outbox(one)) == 1, what="it is on the disk")
        one.actions.run("sign_out")
        QTest.keyClick(form(one), Qt.Key.Key_Return, CTRL)
        wait_for(lambda: one.settings.here.signed_out == ["city"], what="signed out")
        assert not one.lost_orders.unsent_report, "nobody is here who could send it"
        one.actions.run("sign_in")
        type_into(one, TOKENS["rina"], Qt.Key.Key_Return, CTRL)
        link.heal()
        wait_for(lambda: one.lost_orders.unsent_report, 40, "it is told")
        assert banner(one).startswith("budi took down 1 report that no server has:")
        wait_notice_read(one)
        key(one, "F3")
        wait_for(lambda: not outbox(one) and not one.lost_orders.unsent_report, 40, "it has arrived")
    link.close()
    made = [report for report in reports_of(city) if report["description"] == words]
    assert len(made) == 1, "once"
    assert [entry["author"] for entry in city.entries(made[0]["id"])] == ["rina", "rina"]


def grab(one: Any, file: Path) -> None:
    """A picture of the window."""
    QTest.qWait(200)
    one.window.grab().save(str(file))


def reports_of(city: Served) -> list[Any]:
    """All reports of a city."""
    found, after = [], ""
    while True:
        page = city.get(f"/dispatch/v1/snapshot?limit=1000{after}")
        found += [item["data"] for item in page["items"] if item["kind"] == "report"]
        if not page["next_key"]:
            return found
        after = f"&after_key={page['next_key']}"


@pytest.mark.parametrize("arrived", [False, True])
def test_an_order_that_a_colleague_told_by_radio_is_given_with_one_key_and_the_crew_is_sent_once(
    city: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arrived: bool
) -> None:
    """She told a crew by radio in a cut and went home: here it waited for her, everywhere else the P1 had no crew.

    Where her own order arrived after all the crew is there already, and nothing is sent or asked twice.
    """
    link, unread = FaultProxy(city.port), answer(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
    profile = tmp_path / "desk"
    with console(profile, link.url, name="budi") as budi:
        wait_ready(budi)
        report = find(budi, "unassigned", lambda now: bool(now.advice and now.has_place and free_units(budi)))
        choose(budi, report)
        unit = free_units(budi)[0]
        link.when(path_has("/changes"), unread)
        link.when(is_edit, drop_after if arrived else drop_before)
        code = budi.window_state.catalog("city").units[unit].code
        budi.edit_commands.dispatch(budi.details_reader.current, unit, code, stack=False)
        wait_for(lambda: [one.state for one in budi.outbox.open_edits] == [EditState.UNCONFIRMED], 40, "no answer came")
        link.away()
        order = budi.outbox.open_edits[0].edit.id
        budi.edit_commands.note_told_by_radio(order, "budi")
        wait_for(lambda: budi.outbox.open_edits[0].told_by_radio == "budi", what="told by radio")
    link.heal()
    behind = link.when(path_has("/changes"), unread)
    with console(profile, link.url, name="rina") as rina:
        wait_ready(rina)
        wait_for(lambda: rina.lost_orders.unsent_report == order, 40, what="it is named")
        assert banner(rina).startswith(f"{code} was told by radio to go there, and no server knows it:")
        choose(rina, report)
        wait_for(lambda: rina.situation.current.lead_waits_for == "budi", what="the report knows whose order it is")
        assert rina.situation.current.lead_unit == unit
        wait_notice_read(rina)
        if not arrived:
            walk_all(rina, monkeypatch, "told by a colleague", {"F3", "F2"}, rina.banner)
            wait_notice_read(rina)
        key(rina, "F3")
        wait_for(lambda: rina.lost_orders.unsent_report != order, what="it is hers now")
        link.rules.remove(behind)
        wait_for(lambda: not outbox(rina) or rina.lost_orders.is_only_seen, 60, "it has arrived")
        if rina.lost_orders.is_only_seen and rina.lost_orders.lost:
            wait_notice_read(rina)
            key(rina, "F4")
        wait_for(lambda: not outbox(rina), 40, "nothing waits")
    link.close()
    entries = [(one["kind"], one["author"]) for one in city.entries(report)]
    assert [who for kind, who in entries if kind == "dispatch"] == ["budi" if arrived else "rina"], "once"
    named = [
        one
        for one in city.entries(report)
        if one["text"].startswith(f"{code} was told by radio to go there by budi at ")
    ]
    assert [(one["kind"], one["author"]) for one in named] == [("note", "rina")]
