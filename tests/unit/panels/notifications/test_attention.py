"""When which tone is heard: new, repeated, acknowledged, taken by another, in a flood, muted, at the opening."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from random import Random

import pytest
from pytestqt.qtbot import QtBot

from console.panels.notifications.attention import APART_S, SETTLE_S, Attention, Call
from console.sound.tones import Tone

pytestmark = pytest.mark.usefixtures("qapp")
STEP_S = 0.1
REPEAT_S = 30.0
ALARM_REPEAT_S = 120.0


def p1(key: int, *, acknowledged: bool = False) -> Call:
    return Call(key, Tone.P1, f"P1 without a crew: Flood, ward {key}", acknowledged)


class Room:
    """Attention by a clock of the test's own, and what was heard and told, each with its second."""

    def __init__(self, *, is_muted: bool = False) -> None:
        self.now_s = 1000.0
        self.heard: list[tuple[float, Tone]] = []
        self.told: list[str] = []
        self.kept: list[bool] = []
        self._before = 0
        self.attention = Attention(is_muted=is_muted, keep_muted=self.kept.append, steady_s=lambda: self.now_s)
        self.attention.tone_due.connect(lambda tone: self.heard.append((self.now_s, tone)))
        self.attention.came.connect(self.told.append)

    def opened(self, *calls: Call) -> Room:
        """Opened with these, which have called."""
        self.set(*calls)
        self.wait(SETTLE_S + APART_S)
        self.heard.clear()
        self._before = 0
        return self

    def set(self, *calls: Call) -> None:
        self.attention.set_calls(calls)

    def wait(self, span_s: float) -> list[Tone]:
        """Let time pass; the tones that were heard since the last call."""
        end = self.now_s + span_s
        while self.now_s < end:
            self.now_s += STEP_S
            self.attention.look()
        before, self._before = self._before, len(self.heard)
        return [tone for _, tone in self.heard[before:]]


def test_a_new_p1_is_heard_at_once_and_every_30_s_until_it_is_acknowledged() -> None:
    room = Room().opened()
    room.set(p1(1))
    assert room.wait(1) == [Tone.P1], "within a second"
    assert room.told == ["P1 without a crew: Flood, ward 1"]
    assert room.attention.calling is Tone.P1
    assert room.wait(REPEAT_S * 3 - 1) == [Tone.P1] * 2
    times = [at for at, _ in room.heard]
    assert [later - sooner for sooner, later in itertools.pairwise(times)] == pytest.approx(
        [REPEAT_S] * 2, abs=2 * STEP_S
    )
    room.set(p1(1, acknowledged=True))
    assert room.attention.calling is None
    assert room.wait(2 * REPEAT_S) == [], "who acknowledges needs no all-clear"
    room.set()
    assert room.wait(REPEAT_S) == []
    assert len(room.told) == 1


def test_one_that_is_acknowledged_before_it_was_heard_is_never_heard() -> None:
    """An operator's own new P1 is there a moment before it is chosen."""
    room = Room().opened()
    room.set(p1(1))
    room.wait(SETTLE_S / 2)
    room.set(p1(1, acknowledged=True))
    assert room.wait(REPEAT_S) == []
    assert room.told == []


def test_what_others_end_before_it_was_acknowledged_ends_with_the_all_clear_when_nothing_calls_any_more() -> None:
    room = Room().opened()
    room.set(p1(1), p1(2))
    assert room.wait(APART_S + 1) == [Tone.P1]
    room.set(p1(2))
    assert room.wait(APART_S + 1) == [], "the other calls still"
    room.set()
    assert room.wait(APART_S + 1) == [Tone.ALL_CLEAR]
    assert room.wait(2 * REPEAT_S) == [], "once"
    room.set(p1(3))
    room.wait(1)
    room.set()
    room.set(p1(4))
    assert room.wait(APART_S + 1) == [Tone.P1], "no all-clear while another one calls"


def test_a_flood_is_one_tone_at_a_time_each_whole_and_the_last_one_is_heard_too() -> None:
    room = Room().opened()
    calls: list[Call] = []
    for key in range(30):
        calls.append(p1(key))
        room.set(*calls)
        room.wait(0.2)
    assert len(room.heard) == 2
    assert room.wait(APART_S) == [Tone.P1]
    assert room.wait(REPEAT_S - 2 * APART_S) == []
    gaps = [later - sooner for (sooner, _), (later, _) in itertools.pairwise(room.heard)]
    assert min(gaps) >= APART_S - STEP_S
    assert sum(1 + int(text.partition(", and ")[2].partition(" ")[0] or 0) for text in room.told) == 30


def test_the_most_urgent_tone_is_heard_and_repeated_and_a_message_only_once() -> None:
    room = Room().opened()
    message, alarm = Call("m", Tone.MESSAGE, "Budi wrote"), Call("a", Tone.ALARM, "Unit silent")
    room.set(message)
    assert room.wait(2 * REPEAT_S) == [Tone.MESSAGE]
    assert room.attention.calling is None
    room.set(message, alarm)
    assert room.wait(ALARM_REPEAT_S + 1) == [Tone.ALARM] * 2, "less often than a P1"
    room.set(message, alarm, p1(1))
    assert room.wait(APART_S + REPEAT_S + 1) == [Tone.P1] * 2
    room.set(message, alarm, p1(1, acknowledged=True))
    assert room.attention.calling is Tone.ALARM
    assert room.wait(ALARM_REPEAT_S + 1) == [Tone.ALARM]
    room.set(message)
    assert room.wait(REPEAT_S) == [Tone.ALL_CLEAR]


@pytest.mark.parametrize("apart_s", [0.2, 3.9, 11.0, 29.0])
def test_a_p1_that_calls_is_heard_every_30_s_whatever_else_calls(apart_s: float) -> None:
    room = Room().opened()
    room.set(p1(0))
    assert room.wait(1) == [Tone.P1]
    others: list[Call] = []
    while room.now_s < 1000.0 + 6 * REPEAT_S:
        tone = Tone.MESSAGE if len(others) % 3 == 1 else Tone.ALARM
        others.append(Call(f"other {len(others)}", tone, "Unit silent"))
        room.set(p1(0), *others[-10:])
        room.wait(apart_s)
    assert {tone for _, tone in room.heard} >= {Tone.P1, Tone.ALARM}, "the others are heard between"
    times = [at for at, tone in room.heard if tone is Tone.P1]
    gaps = [later - sooner for sooner, later in itertools.pairwise([*times, room.now_s])]
    assert max(gaps) <= REPEAT_S + 2 * STEP_S
    assert min(gaps[:-1]) >= REPEAT_S - APART_S - STEP_S, "and not as often as all that comes"
    assert min(two[0] - one[0] for one, two in itertools.pairwise(room.heard)) >= APART_S - STEP_S


def test_what_comes_and_is_over_at_once_all_the_time_puts_no_p1_off() -> None:
    room = Room().opened()
    room.set(p1(0))
    assert room.wait(1) == [Tone.P1]
    for key in range(round(2 * REPEAT_S / SETTLE_S)):
        room.set(p1(0), Call(f"other {key}", Tone.ALARM, "Unit silent"))
        room.wait(SETTLE_S - STEP_S)
    assert [tone for _, tone in room.heard].count(Tone.P1) >= 2


def test_a_lesser_alarm_that_a_p1_covered_is_heard_again_after_its_own_time() -> None:
    room = Room().opened()
    alarm = Call("a", Tone.ALARM, "Unit silent")
    room.set(alarm, p1(1))
    assert room.wait(REPEAT_S + 1) == [Tone.P1] * 2, "one tone for both"
    room.set(alarm, p1(1, acknowledged=True))
    assert room.wait(ALARM_REPEAT_S - 2) == [], "the P1's tone was for it too"
    assert room.wait(3) == [Tone.ALARM]


def test_muted_nothing_is_heard_until_the_next_p1_which_ends_the_muting() -> None:
    room = Room().opened()
    room.set(p1(1))
    room.wait(1)
    room.attention.switch_mute()
    alarm = Call("a", Tone.ALARM, "Unit silent")
    room.set(p1(1), alarm)
    assert room.wait(3 * REPEAT_S) == []
    assert room.told[-1] == "Unit silent", "outside the window it is told all the same"
    room.set(p1(1), alarm, p1(2))
    assert room.wait(1) == [Tone.P1]
    assert not room.attention.is_muted
    assert room.kept == [True, False], "it is remembered"
    room.attention.switch_mute()
    room.wait(1)
    room.attention.switch_mute()
    assert [tone for at, tone in room.heard if at == room.now_s] == [Tone.P1], "what calls is heard when it ends"


def test_muted_there_is_no_all_clear() -> None:
    room = Room().opened()
    room.set(p1(1))
    assert room.wait(1) == [Tone.P1]
    room.attention.switch_mute()
    room.set()
    room.attention.switch_mute()
    assert room.wait(REPEAT_S) == [], "nor when the muting ends"


@pytest.mark.parametrize("acknowledged", [False, True])
def test_what_was_there_when_the_window_opened_is_heard_once_all_together(acknowledged: bool) -> None:
    room = Room()
    room.set(p1(1, acknowledged=acknowledged), p1(2, acknowledged=True))
    assert room.wait(1) == [Tone.P1]
    assert room.told == [], "the window has just opened"
    room.set(p1(1, acknowledged=True), p1(2, acknowledged=True))
    assert room.wait(3 * REPEAT_S) == []
    room.set()
    assert room.wait(REPEAT_S) == []
    room.set(p1(1))
    assert room.wait(REPEAT_S + 1) == [Tone.P1] * 2, "its crew was called away: that is new"


@pytest.mark.parametrize("acknowledged", [False, True])
def test_a_p1_that_came_while_no_window_was_open_goes_on_calling(acknowledged: bool) -> None:
    """It was heard with all that was there at the opening, and never again."""
    room = Room()
    room.set(p1(1, acknowledged=acknowledged), p1(2, acknowledged=True))
    assert room.wait(2) == [Tone.P1]
    room.set(p1(1), p1(2, acknowledged=True))  # that it came meanwhile is found a moment later
    assert room.wait(REPEAT_S - 3) == [], "it was heard just now"
    assert room.attention.calling is Tone.P1
    assert room.wait(2 * REPEAT_S) == [Tone.P1] * 2
    alarm = Call("a", Tone.ALARM, "Unit silent")
    room = Room()
    room.set(Call("a", Tone.ALARM, acknowledged=True))
    assert room.wait(REPEAT_S) == []
    room.set(alarm)
    assert room.wait(ALARM_REPEAT_S + 1) == [Tone.ALARM] * 2, "its shelf has ended"
    assert room.told == ["Unit silent"]


def test_a_muted_window_opens_in_silence_unless_a_p1_came_while_none_was_open() -> None:
    room = Room(is_muted=True)
    room.set(p1(1, acknowledged=True))
    assert room.wait(REPEAT_S) == []
    room.set(p1(1))
    assert room.wait(REPEAT_S * 2) == [Tone.P1] * 2
    assert not room.attention.is_muted


def test_what_calls_when_a_muted_window_opens_goes_on_when_the_muting_ends() -> None:
    room = Room(is_muted=True)
    room.set(p1(1))
    assert room.wait(REPEAT_S) == []
    room.set(p1(1), p1(2))
    assert room.wait(1) == [Tone.P1]
    room.set(p1(1))
    assert room.wait(REPEAT_S) == [Tone.P1], "and no all-clear"


def test_after_the_reports_were_read_anew_all_counts_as_there_before() -> None:
    """After a restore the rows are others."""
    room = Room().opened()
    room.set(p1(1))
    room.wait(1)
    room.attention.set_calls(None)
    assert room.attention.calling is None
    assert room.wait(REPEAT_S) == [], "nothing is known, and that is no all-clear"
    room.set(p1(101, acknowledged=True))
    assert room.wait(REPEAT_S * 2) == [Tone.P1]


def test_what_called_before_the_reports_were_read_anew_goes_on_calling() -> None:
    """Another city was added meanwhile."""
    room = Room().opened()
    room.set(p1(1))
    assert room.wait(1) == [Tone.P1]
    room.attention.set_calls(None)
    room.set(p1(1, acknowledged=True), p1(2, acknowledged=True))
    assert room.wait(APART_S) == [Tone.P1], "all that is there, once"
    room.set(p1(1), p1(2))  # that they are not known to the operator is found a moment later
    assert room.wait(REPEAT_S * 2) == [Tone.P1] * 2
    room.set(p1(1, acknowledged=True), p1(2, acknowledged=True))
    assert room.wait(REPEAT_S * 2) == []


def test_a_window_that_takes_the_place_of_another_goes_on_with_what_calls() -> None:
    room = Room()
    room.attention.go_on()
    room.set(p1(1, acknowledged=True), p1(2, acknowledged=True))
    room.wait(0.5)
    room.set(p1(1), p1(2, acknowledged=True))  # what the operator does not know of is read a moment later
    assert room.wait(REPEAT_S - 2) == []
    assert room.wait(3) == [Tone.P1]
    assert room.told == []
    room.set(p1(1, acknowledged=True), p1(2, acknowledged=True))
    room.set(p1(1), p1(2, acknowledged=True), p1(3))
    assert room.wait(1) == [], "four seconds apart"
    assert room.wait(APART_S) == [Tone.P1]
    assert room.told == ["P1 without a crew: Flood, ward 1, and 1 more"]


def test_looking_again_in_the_same_second_makes_no_second_tone() -> None:
    room = Room().opened()
    room.set(p1(1))
    room.wait(1)
    for _ in range(50):
        room.set(p1(1), p1(2, acknowledged=True))
        room.attention.look()
    assert len(room.heard) == 1


def test_its_own_timer_sounds_it_in_time(qtbot: QtBot) -> None:
    attention = Attention()
    attention.set_calls(())
    heard: list[Tone] = []
    attention.tone_due.connect(heard.append)
    with qtbot.waitSignal(attention.tone_due, timeout=10_000):
        attention.set_calls([p1(1)])
    assert heard == [Tone.P1]
    assert REPEAT_S - 1 < attention._timer.remainingTime() / 1000 <= REPEAT_S + 1
    attention.set_calls([p1(1, acknowledged=True)])
    assert not attention._timer.isActive(), "nothing is looked after in vain"


def test_whatever_comes_muted_is_silent_tones_are_apart_and_no_p1_waits_35_s_for_its_tone() -> None:
    chance = Random(13)
    for _ in range(20):
        room = Room().opened()
        calls: dict[int, Call] = {}
        since: dict[int, float] = {}
        for _ in range(60):
            key = chance.randrange(4)
            match chance.randrange(4):
                case 0 | 1:
                    calls[key] = p1(key)
                case 2:
                    calls[key] = p1(key, acknowledged=True)
                case _:
                    calls.pop(key, None)
            room.set(*calls.values())
            if chance.random() < 0.1:
                room.attention.switch_mute()
            count = len(room.heard)
            muted = room.attention.is_muted
            room.wait(chance.choice([0.2, 3, 20]))
            assert not (muted and len(room.heard) > count)
            open_now = {one for one, call in calls.items() if not call.acknowledged} if not muted else set[int]()
            since = {one: since.get(one, room.now_s) for one in open_now}
            last = _last_p1(room.heard)
            assert all(room.now_s - max(at, last) < REPEAT_S + APART_S + 1 for at in since.values())
        gaps = [later - sooner for (sooner, _), (later, _) in itertools.pairwise(room.heard)]
        assert min(gaps, default=APART_S) >= APART_S - STEP_S or any(room.kept), "unmuting answers at once"


def _last_p1(heard: Iterable[tuple[float, Tone]]) -> float:
    return max((at for at, tone in heard if tone is Tone.P1), default=0.0)
