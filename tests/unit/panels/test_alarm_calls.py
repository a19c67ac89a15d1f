"""Which alarms call the operator, with which tone, and what of them is told outside the window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from api_client.model import Claim, Report, Service, Status
from console.cache.page_items import Cursor, PageItem
from console.cache.writer import CacheWriter
from console.panels.notifications.alarm_calls import AlarmCalls
from console.panels.notifications.attention import Call
from console.rules.rights import Rights
from console.sound.tones import Tone
from tests.unit.panels.conftest import NOW
from tests.unit.panels.test_alarms import Desk

P1, ALARM = Tone.P1, Tone.ALARM


class CallDesk(Desk):
    """The calls that are made of what a test writes."""

    def __init__(self, profile: Path, writer: CacheWriter) -> None:
        super().__init__(profile, writer)
        self.made: list[tuple[Call, ...] | None] = []
        self.agencies: tuple[str, ...] = ()
        self.alarm_calls = AlarmCalls(
            self.window_state, self.hazards, self.alarms, rights_at=lambda _: Rights("operator", (), self.agencies)
        )
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
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[CallDesk]:
    writer = CacheWriter(tmp_path)
    writer.apply("city", [PageItem("service", 1, "flood", Service("flood", "Banjir"))], Cursor("e", 1, as_of=NOW))
    desk = CallDesk(tmp_path, writer)
    qtbot.addWidget(desk.window)
    yield desk
    desk.close()
    writer.close()


def test_a_p1_calls_until_it_is_seen_or_a_colleague_has_taken_it_and_again_when_he_leaves_it(desk: CallDesk) -> None:
    desk.p1_of("1", None)
    desk.look()
    assert (desk.calling(), desk.silent()) == ([], [P1]), "it was there before"
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


def test_a_p1_outside_the_operators_areas_and_agencies_is_for_others_to_answer(desk: CallDesk) -> None:
    desk.agencies = ("parks",)
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
