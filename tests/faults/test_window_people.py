"""Several people and the console: who waits for whom, who was first, whose rights end. In real windows."""

from __future__ import annotations

import itertools
import json
import logging
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from api_client.model import Kind
from console.outbox.work_file import read_outbox
from console.rules.queued import EditState
from console.server.city.city import City
from console.server.city.users import load_users
from tests.helpers.city import TOKENS, Served, console, served, wait_for, write_users
from tests.helpers.hands import (
    CTRL,
    NONE,
    SHIFT,
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
from tests.helpers.pictures import picture
from tests.helpers.proxy import FaultProxy, drop_after, drop_before, is_edit
from widgets.key_repeats import TWICE_S

pytestmark = pytest.mark.usefixtures("qapp", "expected_log")


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Served]:
    users = str(write_users(tmp_path / "city"))
    with served(tmp_path / "city", "--demo-city", "--still", "--reports", "400", "--users", users) as server:
        yield server


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A city that nobody stops, for the tests that only work in it."""
    folder = tmp_path_factory.mktemp("steady")
    users = str(write_users(folder))
    with served(folder, "--demo-city", "--still", "--reports", "400", "--users", users) as server:
        yield server


def note(window: Any, text: str) -> None:
    saved: list[Any] = []
    window.outbox.saved.connect(saved.append)
    refused_until_s = window.key_guard._formless_until_s
    wait_for(lambda: window.key_guard._steady_s() > refused_until_s, what="a key that opened no form is long ago")
    key(window, "N")
    type_into(window, text, Qt.Key.Key_Return, CTRL)
    wait_for(lambda: saved, what="the note is saved")
    window.outbox.saved.disconnect(saved.append)
    # it may have been sent and proved before the panel was told of it
    wait_for(lambda: list(outbox(window)) == [one.edit.id for one in window.outbox.open_edits], what="the panel knows")


def sign_in(window: Any, name: str) -> str:
    """With this user's token, by keyboard; what the form said."""
    window.actions.run("sign_in")
    opened = form(window)
    said = str(opened._sentence.text())
    QTest.keyClicks(opened.findChild(QLineEdit), TOKENS[name])
    QTest.keyClick(opened.findChild(QLineEdit), Qt.Key.Key_Return, CTRL)
    wait_for(lambda: window.window_state.me == name, what=f"{name} is signed in")
    return said


def in_conflict(window: Any) -> bool:
    return any(queued.state is EditState.CONFLICT for queued in window.outbox.open_edits)


def writers(city: Served, text: str) -> list[str]:
    """Who is the author of the notes with this text at the server."""
    return [str(entry["author"]) for entry in entries(city, text)]


def entries(city: Served, text: str) -> list[dict[str, Any]]:
    """The lines of all histories with this text at the server."""
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        page = city.get(f"/dispatch/v1/snapshot?limit=1000{after}")
        found += [
            item["data"]
            for item in page["items"]
            if item["kind"] == "entry" and text in (item["data"].get("text") or "")
        ]
        if not page["next_key"]:
            return found
        after = f"&after_key={page['next_key']}"


def test_the_count_is_said_before_leaving_and_each_edit_waits_for_its_author(city: Served, tmp_path: Path) -> None:
    """F38. Guards: CloseGuard.may_close asks with the count; Identity.is_another holds what another one left; the
    sync process names the token's owner before anything leaves (DispatchPuller._learn_me, Signing.on_signed_in).
    """
    profile = tmp_path / "profile"
    with console(profile, city.address) as window:
        wait_ready(window)
        reports = [find(window, "open", skip=set()) for _ in range(1)]
        city.stop()
        wait_for(lambda: window.sources.offline, what="offline")
        for number in range(3):
            note(window, f"dari rina {number}")
        window.window.close()
        opened = form(window)
        assert opened._title.text() == "3 edits have not left"
        assert "saved on this computer" in opened._sentence.text()
        QTest.keyClick(opened, Qt.Key.Key_Escape)
        assert window.window.isVisible(), "he stays"

        window.actions.run("sign_out")
        opened = form(window)
        assert opened._title.text() == "3 edits have not left"
        assert "author's name" in opened._sentence.text()
        QTest.keyClick(opened, Qt.Key.Key_Return, CTRL)
        wait_for(lambda: window.settings.here.signed_out == ["city"], what="signed out")
        choose(window, reports[0])
        key(window, "N")
        assert window.status_controller._message == "Signed out: sign in to write"
        assert QApplication.activeWindow() is window.window
        assert len(outbox(window)) == 3

        city.start()
        said = sign_in(window, "budi")
        assert "author's name" in said
        wait_for(lambda: window.sources.states()["city"] == "live", what="live")
        choose(window, reports[0])
        note(window, "dari budi")
        wait_for(lambda: len(outbox(window)) == 3, what="budi's own note is received")
        assert {row.state_text for row in outbox(window).values()} == {"waits for rina to sign in"}
        assert {action for row in outbox(window).values() for action, _ in row.actions} == {"drop", "open"}
        key(window, "7", CTRL)
        QTest.qWait(200)
        window.window.grab().save(str(tmp_path / "waits-for-rina.png"))
        assert window.undo_stack.undo_text == "", "what was sent stays, and what is rina's is not his to take back"
        assert writers(city, "dari rina") == []

    # Another start, still budi: nothing of rina's leaves.
    with console(profile, city.address, name="budi") as window:
        wait_ready(window)
        wait_for(lambda: window.sources.states()["city"] == "live", what="live")
        choose(window, reports[0])
        note(window, "dari budi lagi")
        wait_for(lambda: len(outbox(window)) == 3, what="received")
        assert writers(city, "dari rina") == []
        sign_in(window, "rina")
        wait_for(lambda: not outbox(window), 30, "rina's edits leave by themselves")
    assert writers(city, "dari rina") == ["rina"] * 3
    assert writers(city, "dari budi") == ["budi"] * 2


def deleted(window: Any) -> list[Any]:
    """The rows of the outbox that say that their report was deleted, and when."""
    return [row for row in outbox(window).values() if row.state_text.startswith("deleted at the server ")]


def test_the_work_on_a_deleted_report_is_kept_as_a_new_one_by_keys(city: Served, tmp_path: Path) -> None:
    """F07 in the window. Guards: Outbox.keep_as_new, panels/report/recreate_form.py, the outbox row."""
    with console(tmp_path / "profile", city.address) as window:
        wait_ready(window)
        report = find(window, "open", lambda now: now.has_place)
        before = window.details_reader.current.server
        city.stop()
        wait_for(lambda: window.sources.offline, what="offline")
        note(window, "pompa sudah dipasang")
        file = tmp_path / "photo.jpg"
        file.write_bytes(picture())
        window.forms.photos.add(
            file, "report", lambda data: window.edit_commands.photo(window.details_reader.current, data)
        )
        wait_for(lambda: len(outbox(window)) == 2, what="the photo is saved")
        wanted = 1 if before.priority != 1 else 2
        window.edit_commands.set_fields(window.details_reader.current, {"priority": wanted}, "Priority")
        wait_for(lambda: len(outbox(window)) == 3, what="the priority is saved")
        boss = City(f"sqlite:///{city.folder / 'city.db'}")
        boss.remove("report", report)
        boss.close()
        city.start()
        window.actions.run("refresh")
        wait_for(lambda: len(deleted(window)) == 3, 40, "note, photo and priority have no report")
        assert {row.actions for row in deleted(window)} == {(("keep", "Keep as new"), ("withdraw", "Drop it"))}
        key(window, "7", CTRL)
        QTest.qWait(200)
        window.window.grab().save(str(tmp_path / "deleted.png"))
        key(window, "1")
        opened = form(window)
        assert opened._title.text() == "Keep as a new report"
        assert f"Report {report} was deleted at the server, " in opened._sentence.text()
        assert "Your 3 edits go along." in opened._sentence.text()
        assert opened.values()["text"] == before.description
        opened.grab().save(str(tmp_path / "deleted-form.png"))
        saved: list[str] = []
        window.outbox.saved.connect(lambda queued: saved.append(queued.edit.kind))
        QTest.keyClick(opened.focusWidget() or opened, Qt.Key.Key_Return, CTRL)
        wait_for(lambda: window.status_controller._message.startswith("Kept as a new report: "), what="said")
        wait_for(lambda: sorted(saved) == ["create", "note", "note", "photo"], what="saved")
        wait_for(lambda: not outbox(window), 30, "all of it has arrived")
        assert window.undo_stack.undo_text == "", "it is at the server: a new report cannot be taken back"
    (made,) = {entry["report"] for entry in entries(city, f"Kept from report {report}, deleted at the server.")}
    there = city.get(f"/dispatch/v1/reports/{made}")
    assert (there["description"], there["service"], there["lat"]) == (before.description, before.service, before.lat)
    assert there["priority"] == wanted
    said = [(entry["kind"], entry["author"]) for entry in city.entries(made)]
    assert said[:1] == [("created", "rina")]
    assert sorted(said[1:]) == [("note", "rina"), ("note", "rina"), ("photo", "rina")]
    assert writers(city, "pompa sudah dipasang") == ["rina"]


def test_what_another_operator_left_is_dropped_when_asked_twice_and_that_one_is_told(
    city: Served, tmp_path: Path
) -> None:
    """F38: nothing waits for ever for somebody who never comes back. Guards: Outbox.drop,
    Outbox.take_done_by_others.
    """
    profile = tmp_path / "profile"
    with console(profile, city.address) as window:
        wait_ready(window)
        find(window, "open")
        city.stop()
        wait_for(lambda: window.sources.offline, what="offline")
        note(window, "dari rina")
    city.start()
    with console(profile, city.address, name="budi") as window:
        wait_ready(window)
        wait_for(lambda: len(outbox(window)) == 1, what="the outbox")
        key(window, "7", CTRL)
        key(window, "1")
        (row,) = outbox(window).values()
        assert row.state_text == "drop what rina did, for good?"
        QTest.qWait(200)
        window.window.grab().save(str(tmp_path / "drop.png"))
        key(window, "1")
        (row,) = outbox(window).values()
        assert row.state_text == "waits for rina to sign in", "the same key twice drops nothing"
        key(window, "1")
        key(window, "2")
        wait_for(lambda: not outbox(window), what="dropped")
        assert window.status_controller._message == "Dropped. rina is told at the next sign-in"
        sign_in(window, "rina")
        assert window.status_controller._message == "budi dropped: Note by rina: dari rina"
    assert writers(city, "dari rina") == []


@pytest.mark.parametrize("same", ["unit", "report"])
def test_two_send_at_once_and_one_is_told_who_was_first(steady: Served, tmp_path: Path, same: str) -> None:
    """F33 in two real windows. Guards: the server's one transaction (side_effects.py, freshness.py: check_alone), and
    the words of panels/report/conflict_text.py in the report panel and the outbox; no window in the way.
    """
    with (
        console(tmp_path / "one", steady.address) as one,
        console(tmp_path / "two", steady.address, name="budi") as two,
    ):
        wait_ready(one)
        wait_ready(two)
        first = find(one, "unassigned", lambda now: bool(now.advice and now.has_place and len(free_units(one)) > 1))
        other = find(two, "unassigned", lambda now: bool(now.advice), {first}) if same == "unit" else first
        choose(two, other)
        units = free_units(one)
        mine, theirs = (units[0], units[0]) if same == "unit" else (units[0], units[1])
        choose(one, first)
        one.edit_commands.dispatch(
            one.details_reader.current, mine, one.window_state.catalog("city").units[mine].code, stack=False
        )
        two.edit_commands.dispatch(
            two.details_reader.current, theirs, two.window_state.catalog("city").units[theirs].code, stack=False
        )
        wait_for(lambda: in_conflict(one) or in_conflict(two), what="one is told")
        loser, winner = (one, two) if in_conflict(one) else (two, one)
        wait_for(lambda: not outbox(winner), what="the other one has won")
        wait_for(lambda: strips(loser), what="the strip")
        (strip,) = strips(loser)
        code = loser.window_state.catalog("city").units[mine if winner is one else theirs].code
        who = winner.window_state.me
        if same == "unit":
            assert strip.startswith(f"{code} was not sent: {who} sent it to report ")
        else:
            assert strip.startswith(f"{who} has sent {code} to this report at ")
        (row,) = outbox(loser).values()
        assert row.state_text.startswith(f"conflict: {who} ")
        assert QApplication.activeWindow() in (one.window, two.window), "nothing is in the way"
        loser.window.grab().save(str(tmp_path / f"second-{same}.png"))

        loser.queue.setFocus()
        key(loser, "S")
        opened = form(loser)
        opened.grab().save(str(tmp_path / f"second-{same}-form.png"))
        QTest.keyClick(opened.table, Qt.Key.Key_1)
        QTest.keyClick(opened.table, Qt.Key.Key_Return, CTRL)
        wait_for(lambda: not outbox(loser), what="sent all the same, because he said so")


def test_who_took_it_first_is_told_and_there_is_nothing_to_choose(steady: Served, tmp_path: Path) -> None:
    """F33 of a claim. Guards: rules/edit.py (is_settled)."""
    with (
        console(tmp_path / "one", steady.address) as one,
        console(tmp_path / "two", steady.address, name="budi") as two,
    ):
        wait_ready(one)
        wait_ready(two)
        report = find(one, "unassigned")
        choose(two, report)
        one.edit_commands.take(one.details_reader.current)
        two.edit_commands.take(two.details_reader.current)
        wait_for(lambda: in_conflict(one) or in_conflict(two), what="one is told")
        loser, winner = (one, two) if in_conflict(one) else (two, one)
        wait_for(lambda: strips(loser), what="the strip")
        assert strips(loser)[0].startswith(f"{winner.window_state.me} has taken this report at ")
        (row,) = outbox(loser).values()
        assert row.actions[0] == ("conflict", "Drop mine")
        key(loser, "7", CTRL)
        key(loser, "1")
        wait_for(lambda: not outbox(loser), what="dropped")
        wait_for(lambda: loser.situation.current.holder == winner.window_state.me, what="who has it is shown")


def test_an_order_behind_a_lost_take_is_not_shown_as_given_and_stays_until_answered(
    steady: Served, tmp_path: Path
) -> None:
    """Both take it, both send a crew at once: the loser's crew is NOT SENT, said wherever he has gone, and given by F3.

    Guards: outbox/pending_store.py (stop), rules/dependency.py, panels/notifications/lost_orders.py.
    """
    with (
        console(tmp_path / "one", steady.address) as one,
        console(tmp_path / "two", steady.address, name="budi") as two,
    ):
        wait_ready(one)
        wait_ready(two)
        report = find(one, "unassigned", lambda now: bool(now.advice and now.has_place and len(free_units(one)) > 1))
        choose(two, report)
        seen = {each: each.details_reader.current for each in (one, two)}
        units = dict(zip((one, two), free_units(one), strict=False))
        for each in (one, two):
            each.edit_commands.take(seen[each])
            each.edit_commands.dispatch(
                seen[each], units[each], each.window_state.catalog("city").units[units[each]].code, stack=False
            )
        wait_for(lambda: in_conflict(one) or in_conflict(two), what="one is told")
        loser, winner = (one, two) if in_conflict(one) else (two, one)
        code = loser.window_state.catalog("city").units[units[loser]].code
        wait_for(lambda: not outbox(winner), what="the other one has won")
        wait_for(lambda: banner(loser).startswith(f"{code} was NOT sent:"), what="the notice")
        assert f"{winner.window_state.me} took the report first" in banner(loser)
        (strip,) = strips(loser)
        assert strip.startswith(f"{code} was NOT sent: {winner.window_state.me} took the report first")
        assert loser.undo_stack.newest is None, "what was lost is nothing to undo"
        wait_for(lambda: not loser.status.undo_text(), what="nor is it offered")
        wait_for(lambda: loser.situation.current.holder == winner.window_state.me, what="who has it is shown")
        wait_for(
            lambda: [one.unit for one in loser.details_reader.current.live] == [units[winner]], what="only his crew"
        )
        rows = outbox(loser)
        assert sorted(row.level for row in rows.values()) == ["urgent", "warn"]
        assert {row.text for row in rows.values() if row.level == "warn"} == {"NOT taken"}
        assert loser.kpi_controller._decisions == 1, "asked about once"

        find(loser, "open", like=lambda each: each.id != report)
        loser.window.grab().save(str(tmp_path / "lost-elsewhere.png"))
        assert banner(loser).startswith(f"{code} was NOT sent:"), "wherever he goes"
        key(loser, "F2")
        wait_for(
            lambda: loser.details_reader.current is not None and loser.details_reader.current.key == report,
            what="its report",
        )
        wait_notice_read(loser)
        key(loser, "F3")
        again = "has sent"  # the other crew is on it: that is asked now
        wait_for(
            lambda: not outbox(loser) or again in banner(loser),
            what=lambda: (loser.status_controller._message, outbox(loser)),
        )
        if outbox(loser):  # a key that may have been meant for the notice before does nothing, and says so
            wait_for(lambda: key(loser, "F4", SHIFT) or not outbox(loser), what="it is dropped")
        wait_for(lambda: not outbox(loser) and "NOT sent" not in banner(loser), what="nothing is left")


def test_a_smaller_area_is_told_and_what_it_forbids_is_refused_in_words(city: Served, tmp_path: Path) -> None:
    """F09 of a scope: the server refuses one edit, the others go on. Guards: Attempt._failed (Forbidden parks one
    edit), DispatchPuller._keep_changes (a new scope version asks for the rights again). Once the rights are known the
    key itself says so (action.py: _why_not_allowed); what was saved before is refused by the server.
    """
    with console(tmp_path / "one", city.address) as window:
        wait_ready(window)
        inside = find(window, "open", like=lambda report: report.area is not None)
        area = window.details_reader.current.shown.area
        outside = find(window, "open", like=lambda report: report.area not in (None, area))
        known = json.loads((city.folder / "users.json").read_text())
        set_users(city, [user | ({"areas": [area]} if user["name"] == "rina" else {}) for user in known])
        place = window.window_state.catalog("city").place(area)
        told: list[str] = []
        window.status_controller.say = lambda sentence, *_: told.append(sentence)
        window.actions.run("refresh")
        wait_for(lambda: any(place in text for text in told), 40, "the new rights are told")
        assert f"Your rights were changed: supervisor, {place}" in told
        choose(window, outside)
        key(window, "N")
        assert told[-1] == "The report is outside your areas and agencies"
        window.edit_commands.note(window.details_reader.current, "di luar")
        choose(window, inside)
        note(window, "di dalam")
        wait_for(lambda: len(outbox(window)) == 1, what="the other one has left")
        (row,) = outbox(window).values()
        wait_for(lambda: "outside the areas" in next(iter(outbox(window).values())).state_text, what="refused")
        assert row.number == outside
        assert writers(city, "di luar") == []

        set_users(city, known)  # the server's stream tells of it
        wait_for(lambda: "Your rights were changed: supervisor, the whole city" in told, 40, "the old rights are told")
        assert window.outbox_panel._actions.all.verb == "Try all 1 refused again"
        key(window, "R", CTRL)
        assert told[-1] == "1 edit is tried again"
        wait_for(lambda: not outbox(window), what="it is at the server")
        key(window, "R", CTRL)
        assert told[-1] == "Nothing was refused that could be tried again"
    assert writers(city, "di dalam") == writers(city, "di luar") == ["rina"]


def test_what_a_role_may_not_do_is_refused_at_the_key(city: Served, tmp_path: Path) -> None:
    """A validator dispatched: the order stood as NOT SENT, for the next operator too, and could never be given."""
    with console(tmp_path / "one", city.address) as window:
        wait_ready(window)
        find(window, "unassigned")
        wait_for(lambda: window.situation.current.advice, what="units are recommended")
        known = json.loads((city.folder / "users.json").read_text())
        told: list[str] = []
        window.status_controller.say = lambda sentence, *_: told.append(sentence)
        set_users(city, [user | ({"role": "validator"} if user["name"] == "rina" else {}) for user in known])
        window.actions.run("refresh")
        wait_for(lambda: window.situation.current.role == "validator", 40, "the new role is told")
        window.key_guard._steady_s = itertools.count(1_000_000, 10).__next__  # no key is struck too soon after another
        for keys, modifiers in (("D", CTRL), ("P", NONE), ("X", NONE), ("H", NONE), ("R", SHIFT), ("N", CTRL)):
            told.clear()
            key(window, keys, modifiers)
            assert told, keys
        key(window, "D", CTRL)
        assert told[-1] == "A validator may not do this: an operator or a supervisor can"
        assert QApplication.activeWindow() in (None, window.window), "no form has opened"
        unit = window.details_reader.current and window.window_state.cities.crews[0].unit.id
        window.edit_commands.dispatch(window.details_reader.current, unit, "SDA-01", stack=False)
        wait_for(lambda: told[-1].startswith("NOT SAVED"), what="an order that came another way is not saved either")
        assert told[-1].startswith("NOT SAVED: A validator may not do this")
        assert outbox(window) == {}
        key(window, "T")
        wait_for(lambda: window.situation.current.holder == "rina", what="what the role may do goes on")


def test_a_report_that_another_has_taken_is_refused_at_the_key_with_the_way_out(city: Served, tmp_path: Path) -> None:
    with (
        console(tmp_path / "one", city.address) as one,
        console(tmp_path / "two", city.address, name="budi") as two,
    ):
        wait_ready(one)
        wait_ready(two)
        report = find(one, "unassigned")
        choose(two, report)
        key(one, "T")
        wait_for(lambda: two.situation.current.holder == "rina", what="the other sees it")
        told: list[str] = []
        two.status_controller.say = lambda sentence, *_: told.append(sentence)
        key(two, "T")
        assert told == ["Another has taken it: release it first, then take it"]
        assert outbox(two) == {}
        key(two, "T", SHIFT)
        wait_for(lambda: two.situation.current.holder is None, what="a supervisor may release it")
        key(two, "T")
        wait_for(lambda: one.situation.current.holder == "budi", what="and take it")


def test_what_is_taken_is_released_at_sign_out_and_a_take_over_is_told(city: Served, tmp_path: Path) -> None:
    """T6: nine reports stayed taken by somebody who had gone. T8: a supervisor's take-over told nobody."""
    with (
        console(tmp_path / "one", city.address) as one,
        console(tmp_path / "two", city.address, name="budi") as two,
    ):
        wait_ready(one)
        wait_ready(two)
        first = find(one, "unassigned", like=lambda report: report.priority != 1)
        key(one, "T")
        wait_for(lambda: one.situation.current.holder == "rina", what="the first is hers")
        wait_for(lambda: not outbox(one), what="and the server knows it")
        data = p1_data(one)
        before = set(one.window_state.view.hazards.tolist())
        two.edit_commands.create("city", data, "local:second", "Water rises")
        wait_for(lambda: set(one.window_state.view.hazards.tolist()) - before, what="a new P1")
        (row,) = set(one.window_state.view.hazards.tolist()) - before
        wait_for(lambda: row in two.window_state.view.hazards.tolist(), what="which both have")
        two.hazards.see(row)
        second = one.reader().texts([row])[0].remote_id
        choose(one, second)
        wait_for(
            lambda: one.situation.chosen is not None and one.situation.chosen.row == row, what="a P1 without a crew"
        )
        key(one, "T")
        wait_for(lambda: one.situation.current.holder == "rina", what="the second too")
        wait_for(lambda: not outbox(one), what="and the server knows it")
        wait_for(
            lambda: one.window_state.view is not None and len(one.window_state.view.mine) == 2, what="both are counted"
        )

        told: list[Any] = []
        one.claims.taken_over.connect(told.append)
        choose(two, first)
        wait_for(lambda: two.situation.current.holder == "rina", what="budi sees whose it is")
        key(two, "T", SHIFT)
        wait_for(lambda: told, what="she is told")
        assert told[0].bold.startswith(f"budi has released {first}")
        assert told[0].bold.endswith(", which was yours.")
        assert one.banner.notice.bold == told[0].bold, "and until she has seen it"
        since_s = one.lost_orders._shown_since_s
        wait_for(
            lambda: one.lost_orders._steady_s() - since_s > TWICE_S,
            what="no key that was meant for what was there before",
        )
        key(one, "F4")
        wait_for(lambda: one.banner.notice is None, what="she has seen it")

        assert two.window_state.row != row
        one.edit_commands.unit_state("city", "none", "SDA-99", "break", "", "available")
        wait_for(lambda: [held.state for held in one.outbox.open_edits] == [EditState.ATTENTION], what="refused")

        def ask_to_leave() -> None:
            one.actions.run("sign_out")
            wait_for(lambda: one.forms._open is not None and one.forms._open.isVisible(), what="she is asked")
            ask = one.forms._open
            assert ask._title.text() == "1 report is yours"
            assert ask._about.text() == f"P1 without a crew: {second}"
            QTest.keyClick(ask.field, Qt.Key.Key_Return)
            wait_for(lambda: form(one)._title.text() == "1 edit has not left", what="and asked about that too")

        ask_to_leave()
        QTest.keyClick(form(one), Qt.Key.Key_Escape)
        wait_for(lambda: not one.forms._open.isVisible(), what="she stays")
        assert not [held for held in one.outbox.open_edits if held.edit.kind is Kind.RELEASE], "and all is as it was"
        assert one.situation.current.holder == "rina"
        assert not one.sign_in.why_reading_only("city")
        ask_to_leave()
        QTest.keyClick(form(one), Qt.Key.Key_Return, CTRL)
        bold = "P1 without a crew, nobody has it now:"
        wait_for(lambda: two.banner.notice is not None and two.banner.notice.bold == bold, what="the others are told")
        wait_for(lambda: two.banner.notice.text.startswith(f"{second} "), what="and which it is")
        wait_for(lambda: "Signed out" in one.sign_in.why_reading_only("city"), what="she is signed out")
        assert len(told) == 1, "what she released herself nobody took from her"


def test_who_sent_a_crew_is_told_that_a_colleague_closed_the_report_and_let_it_go(city: Served, tmp_path: Path) -> None:
    """The list was shorter by one and another report was chosen; a crew that cannot go on was told to nobody either."""
    with (
        console(tmp_path / "one", city.address) as one,
        console(tmp_path / "two", city.address, name="budi") as two,
    ):
        wait_ready(one)
        wait_ready(two)
        report = find(one, "unassigned", lambda now: bool(now.advice and now.has_place and free_units(one)))
        unit = free_units(one)[0]
        code = one.window_state.catalog("city").units[unit].code
        one.edit_commands.dispatch(one.details_reader.current, unit, code, stack=False)
        wait_for(lambda: not outbox(one), what="sent")
        find(one, "unassigned", skip={report})
        choose(two, report)
        wait_for(
            lambda: [job.unit for job in two.details_reader.current.live] == [unit], what="the other sees the crew"
        )
        two.edit_commands.unit_state("city", unit, code, "unavailable", "flat tyre", "")
        wait_for(lambda: one.banner.notice is not None and "cannot go on" in one.banner.notice.bold, what="she is told")
        assert one.banner.notice.bold == f"{code} cannot go on:"
        assert one.banner.notice.text.startswith(f"flat tyre. Report {report} ")
        two.edit_commands.close(two.details_reader.current, "not found", "", (unit,))
        wait_for(lambda: len(one.lost_orders._setbacks) == 2, what="and of this too, once")
        wait_notice_read(one)
        key(one, "F4")
        wait_for(lambda: one.banner.notice.bold.startswith(f"budi has closed {report}"), what="the next one")
        assert f"{code} was let go" in one.banner.notice.text
        one.window.grab().save(str(tmp_path / "let-go.png"))
        wait_notice_read(one)
        key(one, "F4")
        wait_for(lambda: one.banner.notice is None, what="she has seen it")
        assert two.banner.notice is None, "who did it knows"


def set_users(city: Served, users: list[dict[str, Any]]) -> None:
    """Give the server's users other rights, as whoever keeps them does."""
    (city.folder / "users.json").write_text(json.dumps(users))
    boss = City(f"sqlite:///{city.folder / 'city.db'}")
    load_users(city.folder / "users.json", boss)
    boss.close()


@pytest.mark.parametrize("arrived", [True, False])
def test_what_became_of_a_withdrawal_is_told_after_a_restart(city: Served, tmp_path: Path, *, arrived: bool) -> None:
    """I4, I7. Guards: Scheduler.ask_back (it is on the disk), OutcomeHandler._tell_too_late, source_back."""
    link, profile = FaultProxy(city.port), tmp_path / "profile"
    with console(profile, link.url) as window:
        wait_ready(window)
        report = find(window, "open")
        lost = link.when(is_edit, drop_after if arrived else drop_before, 1)
        link.when(lambda _: lost.hit > 0, drop_before)
        note(window, "terlalu cepat")
        wait_for(
            lambda: {row.state_text for row in outbox(window).values()} == {"sent, no answer yet"}, what="no answer"
        )
        key(window, "7", CTRL)
        key(window, "2")  # the last verb: withdraw
        asked = {"asked back, no answer yet"}
        wait_for(lambda: {row.state_text for row in outbox(window).values()} == asked, what="asked back")
    assert writers(city, "terlalu cepat") == ["rina"] * arrived
    link.heal()
    with console(profile, link.url) as window:
        told: list[str] = []
        window.outbox.too_late.connect(lambda _: told.append(window.status_controller._message))
        wait_for(lambda: window.sources.states().get("city") == "live", 30, "live")
        wait_for(lambda: window.window_state.view is not None and not outbox(window), what="settled")
        choose(window, report)
        assert told == (["Too late to withdraw, it had been sent: Note by rina: terlalu cepat"] if arrived else [])
    link.close()
    assert writers(city, "terlalu cepat") == ["rina"] * arrived


def test_the_reporter_is_shown_when_asked_for_and_is_in_no_log(
    city: Served, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """F39 of a revealed reporter. Guards: Contact.on_revealed logs who asked, and nothing of the answer."""
    caplog.set_level(logging.DEBUG)
    profile = tmp_path / "profile"
    with console(profile, city.address) as window:
        wait_ready(window)
        total = window.window_state.view.total
        contact = {"name": "Sri Wahyuningsih", "phone": "+62 812 5550 1234"}
        window.report_commands.create(
            "city", {"service": "banjir", "description": "Lewat telepon", "channel": "phone", "contact": contact}
        )
        wait_for(lambda: window.window_state.view.total == total + 1, what="it is shown")
        wait_for(lambda: not outbox(window), what="received")
        window.actions.run("tab_open")
        wait_for(lambda: number_of(window, "Lewat telepon"), what="its number")
        choose(window, number_of(window, "Lewat telepon"))
        key(window, "C", SHIFT)
        shown = "Sri Wahyuningsih · +62 812 5550 1234"
        wait_for(lambda: window.status_controller._message == shown, what="the reporter")
        city.stop()
        wait_for(lambda: window.sources.offline, what="offline")
        key(window, "C", SHIFT)
        wait_for(lambda: "kept at the server only" in window.status_controller._message, what="why not")
    assert "was asked for by rina" in caplog.text
    assert "Wahyuningsih" not in caplog.text
    assert "5550" not in caplog.text
    assert [file.name for file in profile.rglob("cache.db*") if b"Wahyuningsih" in file.read_bytes()] == []


def number_of(window: Any, description: str) -> str:
    """The number of the report with this text, "" while it has none."""
    cached = [window.reader().report(row) for row in window.window_state.view.order.tolist()]
    return next((one.report.id for one in cached if one is not None and one.report.description == description), "")


def test_who_looks_at_the_same_report_is_shown(steady: Served, tmp_path: Path) -> None:
    with (
        console(tmp_path / "one", steady.address) as one,
        console(tmp_path / "two", steady.address, name="budi") as two,
    ):
        wait_ready(one)
        wait_ready(two)
        report = find(one, "unassigned")
        find(two, "unassigned", skip={report})
        assert "budi" not in one.ticket.ticket().holder
        choose(two, report)
        wait_for(lambda: one.ticket.ticket().holder == "budi looks at it · Nobody has taken it", 30, "budi is seen")
        wait_for(lambda: two.ticket.ticket().holder == "rina looks at it · Nobody has taken it", 30, "rina is seen")
        two.window_state.choose(0)
        wait_for(lambda: one.ticket.ticket().holder == "Nobody has taken it", 30, "budi has left")
        key(one, "T")
        choose(two, report)
        wait_for(
            lambda: two.ticket.ticket().holder.startswith("rina looks at it · Taken by rina"), 30, "who works on it"
        )


def test_after_72_hours_without_contact_there_is_only_reading(city: Served, tmp_path: Path) -> None:
    """Rights last 72 hours. Guards: Sources.lapsed_since, Submissions (ReadingOnly), action_rules.py (barred)."""
    profile = tmp_path / "profile"
    with console(profile, city.address) as window:
        wait_ready(window)
        report = find(window, "open")
    city.stop()
    with sqlite3.connect(profile / "cache.db") as cache:
        ago = datetime.now(UTC) - timedelta(hours=71.9)
        set_contact(cache, ago)
    with console(profile, city.address) as window:
        wait_for(lambda: window.sources.offline, what="offline")
        wait_for(lambda: window.window_state.view is not None and window.window_state.view.total > 0, what="the cache")
        choose(window, report)
        note(window, "masih boleh")
        assert banner(window).startswith("Offline since")
    with sqlite3.connect(profile / "cache.db") as cache:
        set_contact(cache, datetime.now(UTC) - timedelta(hours=72.1))
    with console(profile, city.address) as window:
        wait_for(lambda: banner(window).startswith("Reading only."), what="the banner")
        wait_for(lambda: window.window_state.view is not None and window.window_state.view.total > 0, what="the cache")
        choose(window, report)
        key(window, "N")
        assert window.status_controller._message.startswith("Reading only: no contact with City since ")
        key(window, "N", CTRL)
        assert QApplication.activeWindow() is window.window, "no form that could not be saved"
        assert all(not action.enabled for action in window.ticket.ticket().actions)
        window.window.grab().save(str(tmp_path / "reading-only.png"))
        window.edit_commands.note(window.details_reader.current, "sudah diketik")  # a form that was open all the while
        wait_for(lambda: window.status_controller._message.startswith("NOT SAVED: Reading only"), what="refused aloud")
        assert [one.edit.data["text"] for one in read_outbox(profile).edits] == ["masih boleh"]

        city.start()
        window.actions.run("refresh")
        wait_for(lambda: not outbox(window), 40, "what was written in time leaves")
        wait_for(lambda: banner(window) == "", what="the banner goes")
        choose(window, report)
        note(window, "kembali")
        wait_for(lambda: not outbox(window), what="received")


def set_contact(cache: sqlite3.Connection, when: datetime) -> None:
    assert cache.execute("UPDATE cursors SET as_of = ?", (when.isoformat(),)).rowcount == 1
