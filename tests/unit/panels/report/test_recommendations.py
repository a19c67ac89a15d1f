"""Recommended units say how their times were found, and stand still under the operator's hand."""

from __future__ import annotations

import msgspec
import pytest

from console.advice.units import Advice
from console.panels.report.recommendations import Recommendations, _in_order_of


def advice(code: str, eta_s: int | None, *, by_street: bool = False, ahead: int = 0) -> Advice:
    return Advice(code, code, eta_s, 100, (), stale=False, jobs=ahead, ahead=ahead, by_street=by_street)


def shown(*units: Advice, row: int = 1) -> Recommendations:
    return Recommendations(row, units[:2], further=units[2:])


def codes(found: Recommendations) -> list[str]:
    return [one.code for one in found.able]


@pytest.mark.parametrize(
    ("by_street", "words", "texts"),
    [
        ((True, True), "by street, without traffic", ["2 min", "4 min"]),
        ((False, False), "straight line × 1.4, no street map", ["2 min", "4 min"]),
        ((True, False), "by street, without traffic; ~ straight line × 1.4", ["2 min", "~4 min"]),
    ],
)
def test_the_heading_says_how_the_times_were_found(by_street: tuple[bool, bool], words: str, texts: list[str]) -> None:
    first, second = by_street
    found = shown(advice("A", 120, by_street=first), advice("B", 240, by_street=second), advice("C", None))
    assert found.basis_text(str) == words
    assert [found.eta_text(one) for one in found.able] == [*texts, "–"]


@pytest.mark.parametrize(
    ("by_street", "words"),
    [
        ((True, True), "by street, without traffic"),
        ((False, False), "closures NOT looked at: straight line × 1.4, no street map"),
        ((True, False), "by street, without traffic; ~ closures NOT looked at: straight line × 1.4"),
    ],
)
def test_a_straight_line_is_said_to_look_at_nothing_closed(by_street: tuple[bool, bool], words: str) -> None:
    first, second = by_street
    found = shown(advice("A", 120, by_street=first), advice("B", 240, by_street=second))
    assert msgspec.structs.replace(found, has_closures=True).basis_text(str) == words


def test_the_heading_names_first_who_could_be_called_from_a_break() -> None:
    found = shown(advice("A", 120))
    assert found.heading_text(str) == found.basis_text(str)
    found = msgspec.structs.replace(found, on_break=("PLN-02", "PLN-05"))
    assert found.heading_text(str) == f"PLN-02, PLN-05 on break · {found.basis_text(str)}"


def test_while_a_row_is_chosen_times_change_and_places_stay() -> None:
    before = shown(advice("A", 120), advice("B", 240), advice("C", 300))
    fresh = shown(advice("C", 100, by_street=True), advice("A", 200, by_street=True), advice("B", 300, by_street=True))
    found = _in_order_of(before, fresh)
    assert codes(found) == ["A", "B", "C"]
    assert [one.eta_s for one in found.able] == [200, 300, 100]
    assert found.basis == "by_street"


def test_a_unit_that_got_work_or_another_report_is_shown_in_its_place_at_once() -> None:
    before = shown(advice("A", 120), advice("B", 240))
    busy = shown(advice("B", 240), advice("A", 1920, ahead=1))
    assert _in_order_of(before, busy) is busy
    fewer = shown(advice("B", 240))
    assert _in_order_of(before, fewer) is fewer
    other = msgspec.structs.replace(shown(advice("B", 240), advice("A", 300)), row=2)
    assert _in_order_of(before, other) is other


@pytest.mark.parametrize(
    ("by_street", "hour", "avoids", "words"),
    [
        ((True, True), 17, "", "by street, speeds of 17–18 h"),
        ((True, True), 23, "avoids 1 closed street", "by street, speeds of 23–24 h, avoids 1 closed street"),
        ((True, True), None, "avoids 1 closed street", "by street, avoids 1 closed street"),
        ((True, False), 0, "", "by street, speeds of 0–1 h; ~ straight line × 1.4"),
        ((True, False), None, "avoids 1 closed street", "by street, avoids 1 closed street; ~ straight line × 1.4"),
        ((False, False), 17, "avoids 1 closed street", "straight line × 1.4, no street map"),
    ],
)
def test_the_heading_says_of_which_hour_the_speeds_are(
    by_street: tuple[bool, bool], hour: int | None, avoids: str, words: str
) -> None:
    first, second = by_street
    found = shown(advice("A", 120, by_street=first), advice("B", 240, by_street=second))
    assert msgspec.structs.replace(found, speeds_hour=hour, avoids=avoids).basis_text(str) == words


def test_speeds_that_were_fitted_say_from_how_many_drives() -> None:
    found = shown(advice("A", 120, by_street=True), advice("B", 240, by_street=True))
    fitted = msgspec.structs.replace(found, speeds_hour=17, speeds_drives=1_234)
    assert fitted.basis_text(str) == "by street, speeds of 17–18 h fitted from 1,234 drives"
