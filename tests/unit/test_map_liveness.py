"""When a map page counts as lost, as well again, and as not to be saved; with a clock and beats of the test's own."""

from __future__ import annotations

import pytest
from PySide6.QtTest import QSignalSpy

from widgets.map.liveness import HEALTHY_S, LOADING_BEATS, MOST_RELOADS, RETRY_BEATS, Liveness, Loss

pytestmark = pytest.mark.usefixtures("qapp")


class Page:
    """A liveness and the page that it asks, whose clock goes on by one interval a beat."""

    def __init__(self) -> None:
        self.now_s, self.seen, self.answering = 100.0, True, False
        self.liveness = Liveness(lambda: self.seen, lambda: self.answering, lambda: self.now_s, 2000)
        self.asked: list[int] = []
        self.losses: list[Loss] = []
        self.liveness.asked.connect(self.asked.append)
        self.liveness.lost.connect(self.losses.append)
        self.well = QSignalSpy(self.liveness.well)

    def ready(self, number: int = 1, count: int = 5) -> Page:
        self.liveness.set_ready()
        self.liveness.tell(number, count)
        return self

    def beat(self, after_s: float = 2.0) -> int:
        self.now_s += after_s
        self.liveness.beat()
        return self.asked[-1] if self.asked else 0

    def answered(self, number: int = 1, count: int = 5) -> None:
        self.liveness.answer(self.beat(), number, count)


@pytest.fixture
def page() -> Page:
    return Page()


def test_two_beats_without_an_answer_are_a_loss(page: Page) -> None:
    page.ready().answered()
    page.beat()
    page.beat()
    assert not page.losses
    page.beat()
    assert page.losses == [Loss.SILENT]


def test_one_missed_beat_is_none(page: Page) -> None:
    page.ready()
    for _ in range(5):
        page.beat()
        page.answered()
    assert not page.losses


def test_a_page_that_is_always_late_is_slow_and_not_lost(page: Page) -> None:
    page.ready().beat()
    for _ in range(10):
        before = page.asked[-1]
        page.beat()
        page.liveness.answer(before, 1, 5)
    assert not page.losses


def test_a_page_that_answers_and_does_not_draw_is_lost(page: Page) -> None:
    page.ready().answered()
    page.liveness.tell(2, 6)
    page.answered()  # told only now
    page.answered()
    assert not page.losses
    page.answered()
    assert page.losses == [Loss.BEHIND]


def test_views_that_come_all_the_time_are_no_loss(page: Page) -> None:
    page.ready()
    for number in range(2, 20):
        page.liveness.tell(number, number)
        page.answered(number - 1, 5 if number == 2 else number - 1)
    assert not page.losses


def test_a_page_that_draws_one_view_after_the_other_too_late_is_slow_and_not_lost(page: Page) -> None:
    page.ready().answered()
    for number in range(2, 20):
        page.liveness.tell(number, number)
        page.answered(max(number - 2, 1), 5 if number < 4 else number - 2)
    assert page.losses == []
    page.answered(17, 17)
    page.answered(17, 17)
    assert page.losses == [Loss.BEHIND]


def test_what_was_given_up_is_due_again_after_a_while_that_was_not_too_busy(page: Page) -> None:
    due = QSignalSpy(page.liveness.retry_due)
    for _ in range(MOST_RELOADS + 1):
        page.ready()
        page.liveness.lose(Loss.CRASHED)
    for _ in range(RETRY_BEATS):
        page.beat(9.0)
    assert due.count() == 0
    for _ in range(RETRY_BEATS - 1):
        page.beat()
    assert due.count() == 0
    page.beat()
    assert due.count() == 1
    assert page.liveness.given_up


def test_a_page_that_waits_for_us_is_not_lost(page: Page) -> None:
    page.ready().answered()
    page.liveness.tell(2, 6)
    page.answering = True
    for _ in range(6):
        page.answered()
    assert not page.losses


def test_another_count_is_a_loss_at_once(page: Page) -> None:
    page.ready().answered()
    page.answered(1, 4)
    assert page.losses == [Loss.WRONG_COUNT]


def test_what_is_hidden_is_not_asked_and_begins_afresh(page: Page) -> None:
    page.ready().answered()
    page.beat()
    page.seen = False
    asked = len(page.asked)
    for _ in range(5):
        page.beat()
    assert len(page.asked) == asked
    page.seen = True
    page.beat()
    page.beat()
    assert not page.losses


def test_a_pause_of_our_own_is_not_the_page_s(page: Page) -> None:
    page.ready().answered()
    for _ in range(4):
        page.beat(9.0)
    assert not page.losses


def test_a_page_that_never_loads_is_lost(page: Page) -> None:
    for _ in range(LOADING_BEATS):
        page.beat()
    assert not page.losses
    page.beat()
    assert page.losses == [Loss.NOT_LOADED]


def test_after_three_reloads_it_is_given_up_and_begun_anew_by_hand(page: Page) -> None:
    for number in range(MOST_RELOADS):
        page.ready()
        page.liveness.lose(Loss.CRASHED)
        assert not page.liveness.given_up
        assert page.liveness.reloads == number + 1
    page.ready()
    page.liveness.lose(Loss.CRASHED)
    assert page.liveness.given_up
    page.liveness.begin_anew()
    assert not page.liveness.given_up
    page.ready().answered()
    page.answered()
    assert page.well.count() == 1


def test_a_minute_of_drawing_forgives_earlier_losses(page: Page) -> None:
    page.ready()
    page.liveness.lose(Loss.CRASHED)
    page.ready()
    for _ in range(3):
        page.answered()
    assert page.well.count() == 1
    assert page.liveness.reloads == 1
    for _ in range(int(HEALTHY_S / 2) + 1):
        page.answered()
    assert page.liveness.reloads == 0


def test_a_page_is_well_when_it_drew_what_it_was_told_and_not_before(page: Page) -> None:
    page.ready()
    page.liveness.lose(Loss.CRASHED)
    page.liveness.set_ready()
    page.answered(-1, 0)
    page.answered(-1, 0)
    assert page.well.count() == 0
    page.answered()
    assert page.well.count() == 1
