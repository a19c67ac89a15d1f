"""Calls from the first ring to the server's record: earlier reports, questions, what a caller adds, who he is."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.helpers.city import console, served, stopped, wait_for, write_users
from tests.helpers.hands import ALT, CTRL, SHIFT, choose, form, key, type_into, wait_ready

pytestmark = pytest.mark.usefixtures("qapp")
PHONE = "+62 812 3456 7890"


def press(opened: Any, code: Qt.Key, modifier: Qt.KeyboardModifier) -> None:
    QTest.keyClick(opened.focusWidget() or opened, code, modifier)


def written(window: Any) -> dict[str, str]:
    """The words of the chosen report, once the server has given it a number, and that."""
    cached = window.reader().report(window.window_state.row) if window.window_state.row else None
    return {} if cached is None else {cached.report.description: cached.report.id}


def test_a_call_by_keyboard_alone(tmp_path: Any) -> None:
    users = str(write_users(tmp_path / "city"))
    arguments = ("--demo-city", "--still", "--reports", "120", "--users", users)
    with (
        served(tmp_path / "city", *arguments) as city,
        console(tmp_path / "profile", city.address, size=(1366, 768)) as window,
    ):
        wait_ready(window)
        wait_for(lambda: window.callers.may_find("city"), what="who may see contacts is known")

        # A first call: the category's questions are asked, and what has to be answered is named.
        assert window.actions.run("new_report")
        opened = form(window)
        type_into(window, "pohon tumb", Qt.Key.Key_Tab)
        type_into(window, "Pohon besar menimpa pagar", Qt.Key.Key_Tab)
        opened.set_place(-6.2359, 106.8612, "Jl. Merpati 5")
        opened.caller_phone.setText("0812-3456-7890")
        wait_for(lambda: opened.why_not() == "Menutup jalan: ask the caller, Alt Q", what="what is to be answered")
        press(opened, Qt.Key.Key_Return, CTRL)
        type_into(window, "2", Qt.Key.Key_Return)
        type_into(window, "13", Qt.Key.Key_Return)
        assert opened.why_not() == ""
        press(opened, Qt.Key.Key_Return, CTRL)
        wait_for(lambda: "Pohon besar menimpa pagar" in written(window), what="the report is at the server")
        number = written(window)["Pohon besar menimpa pagar"]
        answers = city.get(f"/dispatch/v1/reports/{number}")["attributes"]
        assert answers == {"blocks": ["half"], "hit": ["person", "house"]}
        choose(window, number)
        wait_for(lambda: window.ticket.ticket().number == number, what="the ticket")
        facts = {name: text for name, text, _ in window.ticket.ticket().facts}
        assert (facts["Menutup jalan"], facts["Yang tertimpa"]) == ("Sebagian", "Orang, Rumah")

        # A second one from the same number about the same tree: it stands in the form, and the words go to it.
        assert window.actions.run("new_report")
        opened = form(window)
        type_into(window, "pohon tumb", Qt.Key.Key_Tab)
        type_into(window, "Sekarang kabel ikut putus", Qt.Key.Key_Tab)
        opened.set_place(-6.2360, 106.8612, "Jl. Merpati 7")
        wait_for(lambda: number in [one.number for one in opened.nearby.shown], what="the first report")
        opened.caller_phone.setText(PHONE)
        press(opened, Qt.Key.Key_E, ALT)
        wait_for(lambda: [one.number for one in opened.of_caller.shown] == [number], what="the caller's report")
        press(opened, Qt.Key.Key_5, ALT)
        assert opened.of_caller.looked_at_words.startswith(number)
        press(opened, Qt.Key.Key_A, ALT)
        wait_for(lambda: form(window) is not opened, what="what the caller adds")
        press(form(window), Qt.Key.Key_Return, CTRL)
        wait_for(lambda: len(city.entries(number)) == 3, what="it is at the server")
        kinds = [(entry["kind"], entry["data"]) for entry in city.entries(number)][-2:]
        words = "Sekarang kabel ikut putus\nPlace: Jl. Merpati 7 · -6.23600, 106.86120"
        assert kinds == [("me_too", {}), ("note", {"text": words, "channel": "phone"})], "nothing typed is lost"
        assert window.outbox.drafts == {}
        line = "The caller adds, taken down by rina: Sekarang kabel ikut putus"
        wait_for(
            lambda: any(one.text.startswith(line) for one in window.ticket.ticket().timeline),
            what="it is told in the history",
        )

        # Without the server a caller is added to all the same; who called is known there only.
        with stopped(city):
            wait_for(lambda: window.sources.is_away("city"), 40, "the server is away")
            key(window, "N", SHIFT)
            type_into(window, "Polisi sudah datang", Qt.Key.Key_Return, CTRL)
            wait_for(lambda: len(window.outbox.open_edits) == 2, what="both wait")
            assert window.actions.run("new_report")
            opened = form(window)
            opened.caller_phone.setText(PHONE)
            press(opened, Qt.Key.Key_E, ALT)
            wait_for(lambda: "Needs the server" in opened.of_caller.heading, what="that it needs the server")
            opened.caller_phone.setText("")
            opened.reject()
        wait_for(lambda: len(city.entries(number)) == 5, 40, "both are at the server")
        assert [entry["kind"] for entry in city.entries(number)][-2:] == ["me_too", "note"]
