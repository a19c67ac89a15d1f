"""The indexes of the unfinished edits say, after any changes, what a look through all of them would say."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from api_client.model import Kind
from console.outbox.pending_edits import PendingEdits, chain_of, local_keys
from console.rules.queued import EditState, Queued
from tests.unit.cache.making import edit

REPORTS = ["1", "2", "local:a", "local:b"]


@st.composite
def changes(draw: st.DrawFn) -> tuple[str, int, str, bool, EditState]:
    return (
        draw(st.sampled_from(["put", "put", "put", "pop", "learn"])),
        draw(st.integers(1, 8)),
        draw(st.sampled_from(REPORTS)),
        draw(st.booleans()),
        draw(st.sampled_from([EditState.QUEUED, EditState.SENDING, EditState.ATTENTION])),
    )


@given(st.lists(changes(), max_size=30))
def test_the_indexes_agree_with_the_edits(steps: list[tuple[str, int, str, bool, EditState]]) -> None:
    kept = PendingEdits()
    plain: dict[str, Queued] = {}
    for what, number, report, creates, state in steps:
        name = f"e{number}"
        before = {place: kept.shown_at(place) for place in places(kept)}
        kept.shown_anew.clear()
        if what == "put":
            kind = Kind.CREATE if creates and report.startswith("local:") else Kind.NOTE
            new = Queued(edit(name, kind=kind, number=number, report=report), state)
            queued = replace(plain[name], state=state) if name in plain else new
            kept.put(queued)
            plain[name] = queued
        elif what == "pop":
            assert kept.pop(name) == plain.pop(name, None)
        elif report.startswith("local:"):
            kept.learn({report: ("city", report.removeprefix("local:"))})
        ordered = sorted(plain.values(), key=lambda one: one.edit.number)
        creating = {one.edit.report for one in ordered if one.edit.kind is Kind.CREATE}
        shown = [
            replace(one, edit=replace(one.edit, report=kept.remote[one.edit.report][1]))
            if one.edit.report in kept.remote and one.edit.report not in creating
            else one
            for one in ordered
        ]
        assert list(kept.values()) == ordered
        assert list(kept.shown) == shown
        assert kept.counts == dict(Counter(one.state for one in ordered))
        for chain in {chain_of(one.edit) for one in ordered}:
            assert list(kept.in_chain(chain)) == [one for one in ordered if chain_of(one.edit) == chain]
        after = {place: kept.shown_at(place) for place in places(kept)}
        for place in before.keys() | after.keys():
            there = [one for one in shown if (one.edit.source, one.edit.report) == place]
            there.sort(key=lambda one: one.edit.kind is not Kind.CREATE)  # a creation may be given anew
            assert list(after.get(place, ())) == there
            if before.get(place) != after.get(place):
                assert place in kept.shown_anew
        for one in ordered:
            lost = not all(key in kept.remote or key in creating for key in local_keys(one.edit))
            assert not lost or one.edit.id in kept.unsure


def places(kept: PendingEdits) -> set[tuple[str, str | None]]:
    return {(one.edit.source, one.edit.report) for one in kept.shown}
