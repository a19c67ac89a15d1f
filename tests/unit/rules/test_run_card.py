"""The card that says most of a report counts, and a step is done while one who said so has not taken it back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from api_client.model import Assignment, AssignmentState, Entry, RunCard, Service
from console.rules.run_card import (
    crews_missing,
    crews_sent,
    doubles,
    is_done_already,
    run_card_of,
    skills_wanted,
    steps_of,
)

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
FLOOD, DRAIN, TREE = Service("flood", "Flood", "water"), Service("drain", "Drain", "water"), Service("tree", "Tree")


def card(key: str, *services: str, groups: tuple[str, ...] = (), p: tuple[int, ...] = ()) -> RunCard:
    return RunCard(key, key, ("Ask", "Tell"), services, groups, p)


def test_the_card_that_says_most_counts() -> None:
    cards = [
        card("all"), card("all1", p=(1,)), card("water", groups=("water",)),
        card("water12", groups=("water",), p=(1, 2)),
        card("flood", "flood"), card("flood1", "flood", p=(1,)), card("flood123", "flood", p=(1, 2, 3)),
        card("tree2", "tree", p=(2,)),
    ]  # fmt: skip
    for service, priority, wanted in (
        (FLOOD, 1, "flood1"), (FLOOD, 2, "flood123"), (FLOOD, 4, "flood"), (DRAIN, 2, "water12"), (DRAIN, 3, "water"),
        (TREE, 2, "tree2"), (TREE, 1, "all1"), (TREE, 3, "all"), (None, 1, "all1"), (None, 2, "all"),
    ):  # fmt: skip
        for listed in (cards, cards[::-1]):
            found = run_card_of(listed, service, priority)
            assert found is not None
            assert found.id == wanted
    assert run_card_of([card("tree2", "tree", p=(2,))], TREE, 1) is None
    assert run_card_of([card("water", groups=("",))], TREE, 1) is None  # a service without a group is in none
    assert not list(doubles(cards))
    assert list(doubles([card("a", "tree", "flood", p=(1,)), card("b", "flood", p=(1,))])) == [(1, 0, "flood, P1")]
    assert list(doubles([card("a"), card("b", p=(1,)), card("c")])) == [(2, 0, "all")]


def entry(key: str, text: str = "Ask", who: str = "rina", **more: Any) -> Entry:
    return Entry(key, "7", "note", AT, who, edit=f"e-{key}", text=text, data={"text": text, "card": "flood1", **more})


def test_a_step_is_done_by_the_first_who_says_so_until_all_take_it_back() -> None:
    ticks = [entry("1"), entry("2", who="budi"), replace(entry("3", "Tell"), data={"text": "Tell"})]

    def told(*entries: Entry) -> list[str | None]:
        return [step.done.author if step.done else None for step in steps_of(card("flood1"), entries)]

    assert told() == [None, None]
    assert told(*ticks) == ["rina", None]  # a note that says the same is no step
    assert told(replace(ticks[0], undone_by="9"), *ticks[1:]) == ["budi", None]
    own = replace(entry("4"), data={"card": "flood1", "undoes": "e-1"})  # not at the server yet
    assert told(*ticks, own) == ["budi", None]
    assert told(ticks[0], own) == [None, None]
    assert told(ticks[0], own, entry("5")) == ["rina", None]  # done again
    assert told(replace(ticks[0], data={"text": "Ask", "card": "of-before"})) == ["rina", None]
    assert told(entry("6", "Tell")) == [None, "rina"]
    again = Entry("7", "7", "reopen", AT, "", data={"reason": "The water is back", "status": "returned"})
    assert told(ticks[0], again) == [None, None], "what comes back is asked anew"
    assert not is_done_already("Ask", [ticks[0], again])
    assert told(ticks[0], again, ticks[1]) == ["budi", None]
    for more in ({"undoes": "e-6"}, {"no_effect": True}):  # a closing that is taken back, a report that was open
        assert told(ticks[0], replace(again, data=again.data | more)) == ["rina", None]
    assert told(ticks[0], replace(again, undone_by="8")) == ["rina", None]


def test_crews_and_skills_are_those_of_card_and_category_together() -> None:
    pumps = replace(FLOOD, skills=("pump",))
    boats = replace(card("flood1", "flood"), skills=("boat", "pump"))
    assert skills_wanted(pumps, boats) == ("pump", "boat")
    assert (skills_wanted(None, None), skills_wanted(pumps, None)) == ((), ("pump",))
    assert is_done_already("Ask", [entry("1")])
    assert not is_done_already("Tell", [entry("1"), replace(entry("2", "Tell"), data={"text": "Tell"})])
    states = (AssignmentState.EN_ROUTE, AssignmentState.DONE, AssignmentState.RECALLED, AssignmentState.RESERVED)
    jobs = [Assignment(str(n), "7", f"u{n}", state, AT, "rina", AT) for n, state in enumerate(states)]
    assert crews_sent(jobs) == 2
    three = replace(boats, crews=3)
    assert [crews_missing(one, jobs) for one in (None, boats, replace(boats, crews=2), three)] == [0, 0, 0, 1]
    assert crews_missing(boats, ()) == 0, "every report wants one: that is said otherwise"
