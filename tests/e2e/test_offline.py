"""The server is gone: the real window works on from its cache, and what was done is applied once when it is back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PySide6.QtCore import Qt

from tests.helpers.city import Served, console, served, wait_for, write_users
from tests.helpers.hands import CTRL, banner, choose, find, form, key, order, outbox, strips, type_into, wait_ready

pytestmark = pytest.mark.usefixtures("qapp", "expected_log")
ELEVEN_MINUTES_S = 660.0


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Served]:
    users = str(write_users(tmp_path / "city"))
    with served(tmp_path / "city", "--demo-city", "--still", "--reports", "500", "--users", users) as server:
        yield server


def shown(window: Any) -> Any:
    return window.details_reader.current.shown


def states(window: Any) -> Counter[str]:
    return Counter(row.state_text for row in outbox(window).values())


def kinds(city: Served, number: str) -> list[str]:
    return [entry["kind"] for entry in city.entries(number)]


def under_way(now: Any) -> bool:
    """A unit was sent and has not arrived."""
    return now.status == "assigned" and now.lead_state in ("dispatched", "acknowledged", "en_route")


def free(now: Any) -> bool:
    return bool(now.advice and now.has_place)


def test_the_work_goes_on_without_the_server_and_is_applied_once(city: Served, tmp_path: Path) -> None:
    photo = tmp_path / "after.jpg"
    Image.new("RGB", (640, 480), (90, 120, 90)).save(photo)
    profile = tmp_path / "profile"
    used: set[str] = set()

    # Eleven minutes ago: facts and an order, none of which can leave.
    with console(profile, city.address, behind_s=ELEVEN_MINUTES_S) as one:
        wait_ready(one)
        at_server = city.get("/dispatch/v1/stats")["reports"]
        open_before = one.window_state.view.counts.all_open
        told_of = find(one, "unassigned", free, used)
        noted = find(one, "unassigned", skip=used)
        crewed = find(one, "active", under_way, used)
        younger = find(one, "unassigned", free, used)
        asked = find(one, "unassigned", free, used)
        known = {number: kinds(city, number) for number in used}
        city.stop()
        wait_for(lambda: "Offline since" in banner(one), what="the banner")
        assert one.window_state.view.total == at_server, "the reports stay"

        choose(one, noted)
        key(one, "N")
        type_into(one, "Warga sudah dihubungi", Qt.Key.Key_Return, CTRL)
        wait_for(
            lambda: any("Warga sudah" in row.text for row in one.ticket.ticket().timeline), what="the note is shown"
        )
        wanted = 3 if shown(one).priority != 3 else 2
        one.report_commands.set_priority(one.situation.chosen, wanted)
        wait_for(lambda: shown(one).priority == wanted, what="the priority is shown")

        choose(one, crewed)
        key(one, "O")
        wait_for(lambda: shown(one).status == "progress", what="arrived is shown")
        one.forms.photos.add(photo, "after", lambda data: one.edit_commands.photo(one.details_reader.current, data))
        wait_for(lambda: any(one_photo.role == "after" for one_photo in shown(one).photos), what="the proof is shown")
        key(one, "V")
        wait_for(lambda: shown(one).status == "validation", what="done is shown")

        key(one, "N", CTRL)
        form(one)
        type_into(one, "banjir", Qt.Key.Key_Tab)
        type_into(one, "Air setinggi lutut di gang", Qt.Key.Key_Return, CTRL)
        wait_for(
            lambda: one.window_state.view.counts.all_open == open_before + 1, what="the new report is in the queue"
        )

        choose(one, told_of)
        order(one)
        wait_for(lambda: one.situation.current.lead_unit, what="the order is shown")
        unit = one.window_state.catalog("city").units[one.situation.current.lead_unit].code
        wait_for(lambda: f"NOT SENT: tell {unit} by radio" in strips(one), what="the ticket says that it was not sent")
        one.queue.setFocus()
        key(one, "R")
        wait_for(lambda: any("told by radio by rina" in text for text in strips(one)), what="who told it is recorded")
        choose(one, asked)
        order(one)
        wait_for(lambda: one.situation.current.lead_unit, what="an order that nobody is told of")
        waiting = outbox(one)
        assert len(waiting) == 8
        assert states(one)["saved"] == 6, "facts wait, visibly"

    # The program ends and begins again; the server is still away, its clock says now.
    with console(profile, city.address) as one:
        wait_for(lambda: set(outbox(one)) == set(waiting), what="nothing is lost")
        wait_for(lambda: "Offline since" in banner(one), what="the banner")
        wait_for(lambda: one.window_state.view is not None and one.window_state.view.counts.all_open == open_before + 1)
        choose(one, told_of)
        assert any(f"{unit} was told by radio by rina" in text for text in strips(one))
        choose(one, younger)
        order(one)
        wait_for(lambda: len(outbox(one)) == 9, what="a younger order")

        city.start()
        one.actions.run("refresh")
        wait_for(lambda: "Offline" not in banner(one), what="the banner goes")
        wait_for(lambda: "its time was over before it could leave" in banner(one), what="the order that was not sent")
        wait_for(lambda: len(outbox(one)) == 1, what="all is received but the old order")
        assert states(one) == {"still wanted?": 1}
        choose(one, asked)
        wait_for(lambda: any("Still wanted?" in text for text in strips(one)))

        stats = city.get("/dispatch/v1/stats")
        assert stats["reports"] == at_server + 1
        assert kinds(city, asked) == known[asked], "the old order was not sent"
        assert Counter(kinds(city, told_of))["dispatch"] == Counter(known[told_of])["dispatch"] + 1, "its crew was told"
        done = [Counter(kinds(city, number)) - Counter(known[number]) for number in (noted, crewed, younger)]
        assert done[0] == Counter({"note": 1, "set": 1})
        assert done[1]["photo"] == 1
        assert done[1]["progress"] == 2
        assert done[2]["dispatch"] == 1
        ids = [entry["edit"] for number in used for entry in city.entries(number) if entry.get("edit") in waiting]
        assert len(ids) == len(set(ids)), "once each"
        late = [
            entry["late"]
            for number in (noted, crewed, told_of)
            for entry in city.entries(number)
            if entry["edit"] in waiting
        ]
        assert len(late) == 6
        assert all(late), "entered late, and marked so"

        one.queue.setFocus()
        key(one, "Y")
        wait_for(lambda: Counter(kinds(city, asked))["dispatch"] == Counter(known[asked])["dispatch"] + 1)
        wait_for(lambda: not outbox(one), what="given anew and received")


def test_a_photo_that_is_not_here_comes_when_the_server_answers(city: Served, tmp_path: Path) -> None:
    with console(tmp_path / "profile", city.address) as one:
        wait_ready(one)
        city.stop()
        wait_for(lambda: "Offline since" in banner(one), what="the banner")
        find(one, "open", like=lambda report: any(photo.sha256 for photo in report.photos))
        wait_for(lambda: cards(one) and all(card.waits for card in cards(one)), what="the photos wait")
        assert {card.waits for card in cards(one)} == {"Not on this computer yet. It comes when the server answers."}, (
            "in quiet words"
        )
        assert not any(card.problem for card in cards(one))
        city.start()
        one.actions.run("refresh")
        wait_for(lambda: all(card.image is not None for card in cards(one)), what="the photos")
        assert not any(card.problem or card.waits for card in cards(one))


def cards(window: Any) -> Any:
    """The photos of the chosen report."""
    return window.ticket.ticket().photos


def test_a_report_made_offline_is_the_chosen_one_and_is_opened_from_the_outbox(city: Served, tmp_path: Path) -> None:
    """The next note, or the next crew, is meant for it."""
    with console(tmp_path / "profile", city.address) as one:
        wait_ready(one)
        before = find(one, "unassigned")
        city.stop()
        wait_for(lambda: "Offline since" in banner(one), what="the banner")
        key(one, "N", CTRL)
        form(one)
        type_into(one, "banjir", Qt.Key.Key_Tab)
        type_into(one, "Air setinggi lutut di gang", Qt.Key.Key_Return, CTRL)
        wait_for(lambda: shown(one).description == "Air setinggi lutut di gang", what="it is the chosen one")
        one.queue.setFocus()
        key(one, "N")
        type_into(one, "Two children", Qt.Key.Key_Return, CTRL)
        wait_for(lambda: len(outbox(one)) == 2, what="the note is saved")
        assert {row.number for row in outbox(one).values()} == {"new"}, "it is a note on the new report"
        choose(one, before)
        one.outbox_controller.act(next(iter(outbox(one))), "open")
        wait_for(lambda: shown(one).description == "Air setinggi lutut di gang", what="it is opened")


def test_ctrl_z_takes_its_offer_away_and_ctrl_f_goes_on_from_the_filter(city: Served, tmp_path: Path) -> None:
    with console(tmp_path / "profile", city.address) as one:
        wait_ready(one)
        find(one, "unassigned")
        key(one, "T")
        wait_for(lambda: one.status.undo_text().startswith("Take"), what="the offer to take it back")
        key(one, "Z", CTRL)
        assert one.status.undo_text() == ""
        one.window_state.set_filter(one.window_state.filter.toggle_service("banjir"))
        key(one, "F", CTRL)
        assert one.command.text() == "show cat=banjir "


def test_who_was_just_sent_is_not_free_for_the_next_report(city: Served, tmp_path: Path) -> None:
    """The next report was advised on before the order was on the board, and armed the same crew for half a minute."""
    with console(tmp_path, city.address) as one:
        wait_ready(one)
        city.stop()
        nearest: dict[str, tuple[str, int]] = {}

        def again(now: Any) -> bool:
            advice = one.situation.recommendations.units[:1]
            return bool(now.has_place and advice and not advice[0].jobs and advice[0].unit_id in nearest)

        def fits(now: Any) -> bool:
            if again(now):
                return True
            for first in one.situation.recommendations.units[:1]:
                if now.has_place and not first.jobs:
                    nearest[first.unit_id] = (one.details_reader.current.key, one.window_state.row)
            return False

        find(one, "unassigned", fits)
        unit, following = one.situation.recommendations.units[0].unit_id, one.window_state.row
        number, _ = nearest[unit]
        choose(one, number)
        code = one.window_state.catalog("city").units[unit].code
        one.edit_commands.dispatch(one.details_reader.current, unit, code, stack=False)
        one.window_state.choose(following)
        wait_for(
            lambda: (
                one.situation.recommendations.row == following
                and unit not in [advice.unit_id for advice in one.situation.recommendations.units if not advice.jobs]
            ),
            what="it has a job now",
        )


@pytest.mark.parametrize("behind", [(), ("note", "note")], ids=["at once", "behind notes"])
def test_an_order_after_ones_own_unsent_one_is_given_as_the_next(
    city: Served, tmp_path: Path, behind: tuple[str, ...]
) -> None:
    """The button said “next”, and the server refused it: the crew was busy with what the same operator had sent."""
    with console(tmp_path / "profile", city.address) as one:
        wait_ready(one)
        used: set[str] = set()
        second = find(one, "unassigned", free, used)
        first = find(one, "unassigned", lambda now: free(now) and not one.situation.recommendations.units[0].jobs, used)
        unit = one.situation.recommendations.units[0].unit_id
        city.stop()
        for text in behind:
            one.report_commands.note(one.details_reader.current, text)
        one.unit_commands.dispatch_chosen(unit)
        choose(one, second)
        one.unit_commands.dispatch_chosen(unit)
        wait_for(lambda: len(one.outbox.open_edits) == 2 + len(behind), what="both orders")
        assert [queued.edit.data.get("stack", False) for queued in one.outbox.open_edits][-2:] == [False, True]
        city.start()
        wait_for(lambda: not one.outbox.open_edits or one.outbox.lost, 40, what="all was sent")
        assert not one.outbox.lost
        for number in (first, second):
            assert "dispatch" in kinds(city, number)
