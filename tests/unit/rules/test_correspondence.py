"""Which thread a message belongs to, and to whom is what is written there; who reads it is tried with the server."""

from __future__ import annotations

import pytest

from api_client.model import Kind, Recipient
from console.rules.correspondence import recipient_of, thread_of
from console.rules.edit import is_order
from tests.unit.cache.making import edit


@pytest.mark.parametrize(
    ("to", "unit", "thread"),
    [
        (Recipient(), None, "all"),
        (Recipient(unit="a:b"), None, "unit:a:b"),
        (Recipient(role="operator"), None, "role:operator:"),
        (Recipient(role="operator", area="31:75"), None, "role:operator:31:75"),
        (Recipient(area="31.75"), None, "area:31.75"),
        (Recipient(role="operator"), "unit-11", "unit:unit-11"),
        (Recipient(role="supervisor"), "unit-11", "role:supervisor:"),
    ],
)
def test_what_a_crew_says_to_the_control_room_is_answered_to_the_crew(
    to: Recipient, unit: str | None, thread: str
) -> None:
    assert thread_of(to, unit) == thread
    assert thread_of(recipient_of(thread)) == thread


@pytest.mark.parametrize(
    ("to", "asked"),
    [({"unit": "u1"}, True), ({"role": "operator"}, True), ({"role": "field", "area": "w1"}, True),
     ({"area": "w1"}, False), ({}, False), ({"unit": None, "role": None, "area": None}, False)],
)  # fmt: skip
def test_what_somebody_is_to_do_is_an_order(to: dict[str, str | None], asked: bool) -> None:
    assert is_order(edit("message-1", Kind.MESSAGE, None, data={"to": to, "text": "x"})) is asked
    assert not is_order(edit("read-1", Kind.READ, None, data={"messages": ["message-1"]}))
