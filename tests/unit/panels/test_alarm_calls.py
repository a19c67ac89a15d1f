"""Which alarms call the operator, with which tone, and what of them is told outside the window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from pytestqt.qtbot import QtBot

from api_client.model import (
    AlarmKind,
    AlarmRecord,
    Assignment,
    AssignmentState,
    Claim,
    ClaimOffer,
    Clock,
    ClockState,
    Report,
    Status,
    Unit,
    UnitState,
)
from console.cache.page_items import Cursor, PageItem
from console.cache.writer import CacheWriter
from console.panels.notifications.alarm_calls import AlarmCalls
from console.panels.notifications.attention import Attention, Call
from console.panels.notifications.hazards import HazardNews
from console.rules.alarms import AlarmState
from console.rules.followed import Standpoint
from console.rules.rights import Rights
from console.sound.tones import Tone
from tests.helpers.city import wait_for
from tests.unit.panels.conftest import NOW
from tests.unit.panels.test_alarms import MINUTE, Desk, writer

__all__ = ["writer"]

P1, ALARM = Tone.P1, Tone.ALARM


class CallDesk(Desk):
    """The calls that are made of what a test writes."""

    def __init__(self, profile: Path, writer: CacheWriter) -> None:
        super().__init__(profile, writer)
        self.made: list[tuple[Call, ...] | None] = []
        self.alarm_calls = AlarmCalls(self.window_state, self.hazards, self.alarms)
        self.alarm_calls.changed.connect(self.made.append)

    def p1_of(self, key: str, who: str | None, status: Status = Status.NEW) -> None:
        claim = Claim(who, self.now) if who else None
        self.put("report", key, Report(key, 1, status, "flood", 1, "Rumah Ibu Sari", self.now, self.now, claim=claim))

    def calling(self) -> list[tuple[Tone, str]]:
        """Tone and text of all that calls now."""
        assert self.made[-1] is not None
        return [(one.tone, one.text) for one in self.made[-1] if not one.acknowledged]

    def silent(self) -> list[Tone]:
        """The tones of what stands and does not call."""
        assert self.made[-1] is not None
        return [one.tone for one in self.made[-1] if one.acknowledged]


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path, writer: CacheWriter) -> Iterator[CallDesk]:
    desk = CallDesk(tmp_path, writer)
    qtbot.addWidget(desk.window)
    yield desk
    desk.close()


def test_a_p1_calls_until_it_is_seen_or_a_colleague_has_taken_it_and_again_when_he_leaves_it(desk: CallDesk) -> None:
    desk.look()
    desk.p1_of("1", None)
    desk.look()
    desk.commands.silence()
    assert (desk.calling(), desk.silent()) == ([], [P1])
    desk.p1_of("2", None)
    desk.look()
    ((tone, text),) = desk.calling()
    assert tone is P1
    assert text.startswith("P1 without a crew: Banjir, ")
    assert "Sari" not in text, "the reporter's words are for nobody else in the room"
    desk.p1_of("2", "budi")
    desk.look()
    assert (desk.calling(), desk.silent()) == ([], [P1])
    desk.p1_of("2", None)
    desk.look()
    assert [one for one, _ in desk.calling()] == [P1]
    count = len(desk.made)
    desk.look()
    assert len(desk.made) == count, "where nothing has changed nothing is said"
    desk.window_state.choose(desk.hazards.unseen[0].row)
    assert (desk.calling(), desk.silent()) == ([], [P1, P1])


def test_a_desk_that_is_opened_for_the_first_time_tells_the_p1_that_nobody_has(desk: CallDesk) -> None:
    """Eight P1 stood without a crew when a new operator sat down, and no strip was red: one tone was all he got."""
    desk.rights = Rights("operator", (), ("works",))
    desk.p1_of("1", None)
    desk.p1_of("2", "budi")
    desk.p1_of("3", "rina")
    desk.put("report", "4", Report("4", 1, Status.NEW, "flood", 1, "Far away", NOW, NOW, agency="parks"))
    desk.put("report", "5", Report("5", 1, Status.NEW, "flood", 1, "Near", NOW, NOW, agency="works"))
    desk.look()
    wait_for(lambda: desk.hazards.unseen and desk.hazards.unseen[0].number, what="what stands is read")
    assert [(one.number, one.news) for one in desk.hazards.unseen] == [("5", HazardNews.STANDING)]
    assert [tone for tone, _ in desk.calling()] == [P1]
    desk.commands.silence()
    kept = desk.outbox.followed.get(Standpoint("rina", "city", "hazards"))
    assert kept is not None
    assert kept.ids.keys() == {"1", "2", "3", "4", "5"}, "it is known from now on"


def test_ones_own_p1_calls_when_it_is_left_alone_and_a_colleagues_does_not(desk: CallDesk) -> None:
    desk.p1_of("1", "rina", Status.VALIDATION)
    desk.p1_of("2", "budi", Status.VALIDATION)
    desk.look()
    assert desk.made[-1] == ()
    desk.p1_of("1", "rina", Status.RETURNED)
    desk.p1_of("2", "budi", Status.RETURNED)
    desk.look()
    assert [one for one, _ in desk.calling()] == [P1]
    assert desk.silent() == []


def test_a_p1_that_its_holder_leaves_by_signing_out_calls_though_he_had_acknowledged_it(desk: CallDesk) -> None:
    """He knew of it and took it, and went home: it was acknowledged at every desk, and nobody had it."""
    report = Report("1", 1, Status.NEW, "flood", 1, "Rumah Ibu Sari", NOW, NOW)

    def put(claim: Claim | None) -> None:
        desk.now += MINUTE
        desk.put("report", "1", replace(report, updated=desk.now, claim=claim))
        desk.look()

    desk.look()
    put(None)
    known = AlarmRecord("crewless:1", AlarmKind.CREWLESS, NOW, desk.now, "budi", "1", None, "budi", desk.now)
    desk.put("alarm", "crewless:1", known)
    put(Claim("budi", NOW))
    assert (desk.calling(), desk.hazards.unseen) == ([], ())
    put(Claim("budi", NOW, ClaimOffer(desk.now + MINUTE, "budi")))
    for _ in range(2):  # the search finds what the View has told
        assert [one for one, _ in desk.calling()] == [P1]
        assert [one.news for one in desk.hazards.unseen] == [HazardNews.LEFT]
        desk.look()
    assert desk.alarms.count(AlarmState.NEW) == 1
    put(Claim("budi", NOW))
    assert (desk.calling(), desk.hazards.unseen) == ([], ()), "he is back, and has it"


def test_a_p1_outside_the_operators_areas_and_agencies_is_for_others_to_answer(desk: CallDesk) -> None:
    desk.rights = Rights("operator", (), ("parks",))
    desk.look()
    desk.p1_of("1", None)
    desk.put("report", "2", Report("2", 1, Status.NEW, "flood", 1, "Tree", desk.now, desk.now, agency="parks"))
    desk.look()
    assert len(desk.hazards.unseen) == 2
    assert [tone for tone, _ in desk.calling()] == [P1]


def test_a_city_that_is_not_read_yet_silences_no_other(desk: CallDesk) -> None:
    """A second server that was down on its first day took all alarms of the first city away, for as long as that."""
    desk.look()
    desk.p1_of("1", None)
    desk.look(followed=("city", "second"))
    assert [tone for tone, _ in desk.calling()] == [Tone.P1]
    assert [one.alarm.about for one in desk.alarms.listed] == ["1"]
    desk.p1_of("2", None)
    desk.look(followed=("city", "second"))
    assert [tone for tone, _ in desk.calling()] == [Tone.P1, Tone.P1]
    assert len(desk.hazards.unseen) == 2


def test_of_what_stands_in_a_city_that_is_read_later_only_p1_call_and_what_comes_there_then_does(
    desk: CallDesk,
) -> None:
    """Each breached SLA of a second city called as new when its server had been down at first."""
    both, at = ("city", "second"), Cursor("x", 1, as_of=NOW)
    clocks = (Clock("finish", ClockState.RUNNING, NOW, 60, due=NOW - MINUTE),)
    old = Report("s1", 1, Status.NEW, "flood", 1, "Fire", NOW, NOW)
    late = Report("s2", 1, Status.NEW, "flood", 2, "Late", NOW, NOW, clocks=clocks)
    desk.look(both)
    desk.p1_of("1", None)
    desk.writer.apply("second", [PageItem("report", 1, "s2", late)], replace(at, snapshot_key="x"))
    desk.look(both)
    assert [one.alarm.about for one in desk.alarms.listed] == ["1"], "what is half read says nothing yet"
    desk.writer.apply("second", [PageItem("report", 1, "s1", old)], at)
    desk.look(both)
    desk.look(both)
    assert {one.alarm.about: one.calls for one in desk.alarms.listed} == {"1": True, "s1": True, "s2": False}
    assert [tone for tone, _ in desk.calling()] == [P1, P1]
    told = {one.number: one.news for one in desk.hazards.unseen}
    assert told == {"1": HazardNews.REPORTED, "s1": HazardNews.STANDING}
    desk.writer.apply("second", [PageItem("report", 2, "s3", replace(old, id="s3"))], Cursor("x", 2, as_of=NOW))
    desk.look(both)
    assert [one.number for one in desk.hazards.unseen] == ["1", "s1", "s3"]
    desk.commands.silence()
    desk.writer.forget("second")
    desk.look(both)
    kept = desk.outbox.followed.get(Standpoint("rina", "second", "hazards"))
    assert kept is not None
    assert kept.ids.keys() == {"s1", "s3"}, "a window that is closed now goes on there when it is opened again"
    items = [PageItem("report", 3, key, replace(old, id=key)) for key in ("s1", "s3", "s4")]
    desk.writer.apply("second", items, Cursor("x", 3, as_of=NOW))
    desk.look(both)
    wait_for(lambda: desk.hazards.unseen, what="what came meanwhile is told")
    desk.settle()
    assert [one.number for one in desk.hazards.unseen] == ["s4"]
    assert [tone for tone, _ in desk.calling()] == [P1]


def test_another_alarm_has_its_own_tone_and_its_keys_silence_it(desk: CallDesk) -> None:
    desk.look()
    desk.late("7")
    desk.late("8")
    desk.p1_of("1", None)
    desk.look()
    assert sorted(tone for tone, _ in desk.calling()) == [ALARM, ALARM, P1]
    assert ("SLA breached: 7 Banjir") in [text for _, text in desk.calling()]
    desk.commands.silence()
    assert (desk.calling(), sorted(desk.silent())) == ([], [ALARM, ALARM, P1])
    desk.late("9")
    desk.look()
    assert [text for _, text in desk.calling()] == ["SLA breached: 9 Banjir"]
    desk.alarms.acknowledge([("city", "sla_breach:9")])
    assert desk.calling() == []
    desk.put("report", "9", Report("9", 1, Status.RESOLVED, "flood", 2, "Late", NOW, NOW))
    desk.look()
    assert sorted(desk.silent()) == [ALARM, ALARM, P1], "what is over stands no more"


def test_a_p1_calls_though_the_search_for_alarms_finds_nothing_or_fails(
    desk: CallDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.look()
    monkeypatch.setattr(desk.alarms, "look", lambda: None)
    desk.p1_of("1", None)
    desk.late("7")
    desk.look()
    assert [tone for tone, _ in desk.calling()] == [P1]


def order(desk: CallDesk, state: AssignmentState) -> None:
    """The unit that is sent to report 1 is in this state since now."""
    desk.put("assignment", "j1", Assignment("j1", "1", "u1", state, desk.now, "budi", NOW, ordered_by="rina"))


def new_and_heard(desk: CallDesk, attention: Attention) -> bool:
    """Whether report 1 is listed as new, told in the red notice, and called with the tone of a P1 now."""
    (one,) = [one for one in desk.alarms.listed if one.alarm.id == "crewless:1"]
    is_told = [one.alarm.row] == [told.row for told in desk.hazards.unseen]
    assert is_told is one.calls is (attention.calling is P1), "one notion of what calls"
    return one.state is AlarmState.NEW and is_told


@pytest.mark.parametrize("there_at_first", [False, True])
@pytest.mark.parametrize("sent", [AssignmentState.DISPATCHED, AssignmentState.EN_ROUTE, None])
def test_a_p1_that_loses_its_crew_after_it_was_acknowledged_calls(
    desk: CallDesk, sent: AssignmentState | None, there_at_first: bool
) -> None:
    """It was told, may have been the chosen one since, and its crew may have been sent and lost in one page."""
    attention = Attention(steady_s=lambda: desk.steady_s)
    desk.alarm_calls.changed.connect(attention.set_calls)
    desk.put("unit", "u1", Unit("u1", "SDA-01", UnitState.AVAILABLE, NOW))
    if not there_at_first:
        desk.look()
    desk.p1_of("1", None)
    desk.look()
    attention.look()
    desk.window_state.choose(desk.alarms.listed[0].alarm.row)
    if sent is AssignmentState.DISPATCHED:
        order(desk, sent)
        desk.look()
    desk.alarms.acknowledge([("city", "crewless:1")])
    assert not new_and_heard(desk, attention)
    if sent is AssignmentState.EN_ROUTE:
        order(desk, sent)
        desk.look()
    desk.now += 5 * MINUTE
    order(desk, AssignmentState.REFUSED)
    desk.look()
    assert new_and_heard(desk, attention)
    desk.alarms.acknowledge([("city", "crewless:1")])
    assert not new_and_heard(desk, attention)
    assert not attention._clear, "nobody else answered it"


def test_a_p1_that_loses_its_crew_while_the_console_is_closed_calls(
    desk: CallDesk, tmp_path: Path, qtbot: QtBot, writer: CacheWriter
) -> None:
    desk.look()
    desk.p1_of("1", None)
    desk.p1_of("2", None)
    desk.look()
    desk.alarms.acknowledge([("city", "crewless:1"), ("city", "crewless:2")])
    desk.close()
    desk.now += 5 * MINUTE
    order(desk, AssignmentState.REFUSED)
    again = CallDesk(tmp_path, writer)
    qtbot.addWidget(again.window)
    again.seq, again.now = desk.seq, desk.now
    attention = Attention(steady_s=lambda: again.steady_s)
    again.alarm_calls.changed.connect(attention.set_calls)
    try:
        again.look()
        wait_for(lambda: bool(again.hazards.unseen), what="what came meanwhile is told")
        assert new_and_heard(again, attention)
        assert {one.id for one in again.calls if one is not None} == {"crewless:1"}
    finally:
        again.close()


@pytest.mark.parametrize("by", ["rina", "budi"])
def test_what_was_silenced_and_then_shelved_calls_when_its_shelf_ends(desk: CallDesk, by: str) -> None:
    attention = Attention(steady_s=lambda: desk.steady_s)
    desk.alarm_calls.changed.connect(attention.set_calls)
    desk.look()
    desk.p1_of("1", None)
    desk.late("2")
    desk.look()
    desk.commands.silence()
    kinds = {"crewless:1": AlarmKind.CREWLESS, "sla_breach:2": AlarmKind.SLA_BREACH}
    for key, kind in kinds.items():
        if by == "rina":
            desk.alarms.shelve(("city", key), desk.now + 5 * MINUTE, "x")
        else:
            until = NOW + 5 * MINUTE
            record = AlarmRecord(
                key, kind, NOW, NOW, by, key[-1], shelved_by=by, shelved_at=NOW, shelved_until=until, reason="x"
            )
            desk.put("alarm", key, record)
    desk.look()
    desk.window_state.choose(desk.alarms.listed[0].alarm.row)
    assert (desk.alarms.count(AlarmState.SHELVED), desk.calling(), desk.hazards.unseen) == (2, [], ())
    desk.now += 6 * MINUTE
    desk.alarms.tick()
    assert sorted(tone for tone, _ in desk.calling()) == [ALARM, P1]
    assert [one.news for one in desk.hazards.unseen] == [HazardNews.STILL]
    assert new_and_heard(desk, attention)
    desk.alarms.shelve(("city", "crewless:1"), desk.now + 5 * MINUTE, "x")
    desk.alarms.shelve(("city", "crewless:1"), None, "")
    assert not new_and_heard(desk, attention), "who takes it down knows that it stands"
    assert desk.alarms.count(AlarmState.NEW) == 2


def test_a_p1_is_told_until_it_was_looked_at_whichever_knew_of_it_first(desk: CallDesk) -> None:
    attention = Attention(steady_s=lambda: desk.steady_s)
    desk.alarm_calls.changed.connect(attention.set_calls)
    desk.look()
    desk.p1_of("1", None)
    desk.show_only()
    desk.hazards.see(desk.hazards.unseen[0].row)
    desk.settle()
    assert not new_and_heard(desk, attention), "it was looked at before it was listed"
    assert desk.alarms.count(AlarmState.NEW) == 1
    desk.now += 5 * MINUTE
    order(desk, AssignmentState.REFUSED)
    desk.look()
    assert new_and_heard(desk, attention)
    desk.commands.silence()
    assert not new_and_heard(desk, attention)


def test_many_p1_are_acknowledged_and_silenced_with_one_notice(desk: CallDesk) -> None:
    """Each of them told it anew, one within the other: 300 took six seconds, and could break."""
    desk.look()
    reports = [Report(str(1000 + n), 1, Status.NEW, "flood", 1, "Water", NOW, NOW) for n in range(120)]
    desk.seq += 1
    desk.writer.apply(
        "city", [PageItem("report", desk.seq, one.id, one) for one in reports], Cursor("e", desk.seq, as_of=NOW)
    )
    desk.look()
    assert len(desk.hazards.unseen) == 120
    told: list[int] = []
    desk.hazards.unseen_changed.connect(lambda unseen: told.append(len(unseen)))
    keys = [one.alarm.key for one in desk.alarms.listed]
    desk.alarms.acknowledge(keys[:60])
    assert told == [60]
    desk.alarms.silence()
    assert told == [60, 0]
    assert (desk.alarms.count(AlarmState.ACKNOWLEDGED), desk.calling()) == (60, [])


@pytest.mark.parametrize("what", ["acknowledged", "taken down"])
def test_what_was_done_holds_until_the_servers_record_of_it_is_shown(desk: CallDesk, what: str) -> None:
    """The sync process proves an edit with the page that brings the record; the window reads that a moment later, and
    the P1 stood new, told and called meanwhile.
    """
    attention = Attention(steady_s=lambda: desk.steady_s)
    desk.alarm_calls.changed.connect(attention.set_calls)
    desk.look()
    desk.p1_of("1", None)
    record = AlarmRecord("crewless:1", AlarmKind.CREWLESS, NOW, NOW, "budi", "1")
    away = {"shelved_by": "budi", "shelved_at": NOW, "shelved_until": NOW + 9 * MINUTE, "reason": "x"}
    if what == "taken down":
        desk.put("alarm", "crewless:1", replace(record, **away))
        desk.look()
        assert desk.alarms.count(AlarmState.SHELVED) == 1
        desk.alarms.shelve(("city", "crewless:1"), None, "")
        after = replace(record, version=2)
    else:
        desk.look()
        desk.alarms.acknowledge([("city", "crewless:1")])
        after = replace(record, acknowledged_by="rina", acknowledged_at=NOW)
    (edit,) = desk.saved(1)
    desk.made.clear()
    desk.put("alarm", "crewless:1", after)
    desk.outbox.on_proved([edit.id])
    wait_for(lambda: not desk.outbox.open_edits, what="it is proved")
    desk.alarms.tick()
    assert not desk.alarms.waiting
    desk.show_only()
    desk.settle()
    assert [one for one in desk.made if one is not None and any(not call.acknowledged for call in one)] == []
    states = [one.state for one in desk.alarms.listed]
    assert states == [AlarmState.NEW if what == "taken down" else AlarmState.ACKNOWLEDGED]
    assert (desk.hazards.unseen, attention.calling) == ((), None)
