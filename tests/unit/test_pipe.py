"""Frames survive any cut of the bytes, and nonsense is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_client.model import Kind
from console.pipe import BrokenFrame, Frames, pack
from console.rules.edit import Edit
from console.rules.messages import Down, Outcome, Presence, Push, SyncNow, Touched, Up
from console.rules.queued import EditState

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
UPS: list[Up] = [
    Touched(rows=tuple(range(300)), kinds=("report",), edits=("a",)),
    Outcome("a", EditState.CONFLICT, theirs={"priority": {"value": 2}}, version=4),
    Presence("jkt", {"U1": (-6.2, 106.8, NOW)}, {"rina": None}),
]


@given(st.lists(st.integers(1, 40), max_size=60))
def test_any_cut_gives_the_same_messages(sizes: list[int]) -> None:
    whole = b"".join(map(pack, UPS))
    frames: Frames[Up] = Frames(Up)
    found: list[Up] = []
    for size in [*sizes, len(whole)]:
        found += frames.feed(whole[:size])
        whole = whole[size:]
    assert found == UPS


def test_an_edit_goes_down_as_it_is() -> None:
    push = Push(Edit("e", Kind.SET, "7", "rina", "d", 1, NOW, {"priority": 1}, {"priority": 3}, 4), unconfirmed=True)
    frames: Frames[Down] = Frames(Down)
    assert list(frames.feed(pack(push) + pack(SyncNow()))) == [push, SyncNow()]


@pytest.mark.parametrize("rubbish", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x02hi"])
def test_rubbish_is_refused(rubbish: bytes) -> None:
    with pytest.raises(BrokenFrame):
        list(Frames(Down).feed(rubbish))
