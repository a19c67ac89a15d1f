"""What waits is let go once the cache was asked, however often that fails, and never to a source that was lost."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication
from pytestqt.qtbot import QtBot

from api_client.model import Kind
from console.files.errors import NotWritable
from console.outbox.link import OutboxLink, ProofsFound
from console.panels.qt_outbox import QtOutbox
from console.rules.messages import Outcome, Push, SourceState
from console.rules.queued import EditState

Done = Callable[[ProofsFound], None]
Failed = Callable[[Exception], None]
NOTHING = ProofsFound(frozenset(), ())


class LinkRig:
    """An outbox with one note for a city, and a cache that is asked by hand."""

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        self.down: list[object] = []
        self.asked: list[tuple[Done, Failed]] = []
        ids = itertools.count(1)
        self.outbox = QtOutbox(folder, self.down.append, lambda: datetime.now(UTC), lambda: f"e{next(ids)}")
        self.exchange = OutboxLink(self.outbox, lambda _, found, failed: self.asked.append((found, failed)))
        self.outbox.opened.connect(self.exchange.on_opened)
        with qtbot.waitSignal(self.outbox.opened):
            pass
        self.answer()
        self.outbox.source_lost("city")
        self.note(qtbot)

    def note(self, qtbot: QtBot, report: str = "1") -> str:
        with qtbot.waitSignal(self.outbox.saved):
            return self.outbox.submit(
                Kind.NOTE, report, source="city", data={"text": "x"}, base={}, base_version=1, title="r1"
            )

    def say(self, state: str) -> None:
        self.exchange.take(SourceState("city", state))

    def answer(self, found: ProofsFound = NOTHING) -> None:
        self.asked.pop(0)[0](found)

    def fail(self) -> None:
        self.asked.pop(0)[1](NotWritable(Path("cache.db"), "The disk refused to read cache.db."))

    @property
    def sent(self) -> list[str]:
        return [one.edit.id for one in self.down if isinstance(one, Push)]


@pytest.fixture
def rig(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LinkRig]:
    monkeypatch.setattr("console.outbox.link._AGAIN_S", 0.01)
    rig = LinkRig(qtbot, tmp_path)
    yield rig
    rig.outbox.close()


def test_a_look_that_fails_is_repeated_until_what_waits_may_go(qtbot: QtBot, rig: LinkRig) -> None:
    rig.say("live")
    for _ in range(3):
        rig.fail()
        qtbot.waitUntil(lambda: bool(rig.asked))
    assert rig.sent == []
    rig.answer()
    qtbot.waitUntil(lambda: rig.sent == ["e1"])


def test_a_source_that_is_lost_while_the_cache_is_asked_is_not_sent_to(qtbot: QtBot, rig: LinkRig) -> None:
    rig.say("live")
    rig.say("offline")
    rig.answer()
    rig.note(qtbot)  # it would go now, and the first before it
    assert rig.sent == []
    rig.say("live")
    rig.answer()
    qtbot.waitUntil(lambda: "e1" in rig.sent)


def test_nothing_leaves_for_the_number_of_a_report_that_was_lost(qtbot: QtBot, rig: LinkRig) -> None:
    """First its creation is in the outbox again: the number may be another report's."""
    with qtbot.waitSignal(rig.outbox.saved):
        create = rig.outbox.submit(Kind.CREATE, None, source="city", data={}, base={}, base_version=None, title="")
    rig.outbox.on_outcome(Outcome(create, EditState.ACCEPTED, remote_id="77"))
    rig.outbox.on_proved([create])
    note = rig.note(qtbot, f"local:{create}")
    rig.say("live")
    with qtbot.waitSignal(rig.outbox.taken_back):
        rig.answer(NOTHING._replace(taken_back=frozenset([create])))
    qtbot.waitUntil(lambda: rig.sent == ["e1"])
    rig.outbox._thread.wait()
    QCoreApplication.processEvents()
    assert rig.sent == ["e1"]
    states = {one.edit.id: (one.state, one.edit.report) for one in rig.outbox.open_edits}
    key = f"local:{create}+"
    assert (states[create], states[note]) == ((EditState.ATTENTION, key), (EditState.QUEUED, key))


def test_what_has_moved_to_another_report_meanwhile_is_not_said_to_be_anothers(qtbot: QtBot, rig: LinkRig) -> None:
    """Two looks ran side by side: after the first it went on with its report, the second parked it there for good."""
    with qtbot.waitSignal(rig.outbox.saved):
        create = rig.outbox.submit(Kind.CREATE, None, source="city", data={}, base={}, base_version=None, title="")
    rig.outbox.on_outcome(Outcome(create, EditState.ACCEPTED, remote_id="77"))
    rig.outbox.on_proved([create])
    note = rig.note(qtbot, "77")
    rig.exchange.on_opened()
    rig.say("live")
    earlier, (found, _) = rig.asked
    with qtbot.waitSignal(rig.outbox.taken_back):
        found(NOTHING._replace(another=(note,), taken_back=frozenset([create])))
    key = f"local:{create}+"
    assert rig.outbox.open_edit(note).edit.report == key
    earlier[0](NOTHING._replace(another=(note,)))
    moved = rig.outbox.open_edit(note)
    assert (moved.state, moved.reason, moved.edit.report) == (EditState.QUEUED, None, key)


def test_what_waits_does_not_wait_for_the_end_of_a_first_fill(qtbot: QtBot, rig: LinkRig) -> None:
    """After a cut in the first read orders stayed in the outbox until the last history had come."""
    rig.say("filling")
    qtbot.waitUntil(lambda: rig.sent == ["e1"])


def test_what_waits_does_wait_while_a_source_that_was_known_is_read_anew(qtbot: QtBot, rig: LinkRig) -> None:
    """It may have been set back: what was lost there has to be known before anything is done to its numbers."""
    rig.exchange.take(SourceState("city", "filling", as_of=datetime.now(UTC)))
    rig.outbox._thread.wait()
    QCoreApplication.processEvents()
    assert rig.sent == []
    rig.say("live")
    rig.answer()
    qtbot.waitUntil(lambda: rig.sent == ["e1"])
