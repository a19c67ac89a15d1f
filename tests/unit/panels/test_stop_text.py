"""Every reason for which an edit is stopped has words of its own."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from api_client.model import Kind
from console.panels.stop_text import stop_text
from console.rules.edit import Edit
from console.rules.queued import EditState, Queued, StopReason

IN_THE_SERVERS_WORDS = {StopReason.REFUSED, StopReason.REFUSED_FOR_NOW, StopReason.REPORT_DELETED}
WITHDRAWN = {StopReason.KEPT_AS_NEW, StopReason.DROPPED, StopReason.ADOPTED}


def stopped(reason: StopReason, problem: str = "") -> Queued:
    edit = Edit("e1", Kind.NOTE, "1", "rina", "d", 1, datetime(2026, 3, 1, tzinfo=UTC), {"text": "a tree"})
    return Queued(edit, EditState.ATTENTION, reason=reason, problem=problem)


@pytest.mark.parametrize("reason", sorted(set(StopReason) - IN_THE_SERVERS_WORDS - WITHDRAWN))
def test_each_reason_is_a_sentence(reason: StopReason) -> None:
    text = stop_text(stopped(reason), str)
    assert text.endswith((".", "?"))
    assert re.search(r"\{[a-z]+\}", text) is None, "every place is filled in"


@pytest.mark.parametrize("reason", sorted(IN_THE_SERVERS_WORDS))
def test_what_the_server_said_is_shown_as_it_is(reason: StopReason) -> None:
    assert stop_text(stopped(reason, "Not in your area."), str) == "Not in your area."


@pytest.mark.parametrize(
    ("reason", "problem", "text"),
    [
        (StopReason.TOO_LONG, "312", "This is too long to be sent: 312 KB, at most 256 KB."),
        (StopReason.NOT_SIGNED_IN, "budi", "rina made this, but budi is signed in. It waits for rina."),
        (
            StopReason.KEY_REUSED,
            'note {"text":"a lamp"}',
            'The server has note {"text":"a lamp"} under this edit\'s key. Here stands note {"text":"a tree"}.',
        ),
        (
            StopReason.NUMBER_GIVEN_TWICE,
            "77",
            "The server gave this the number of another report, 77. Yours is not known to be there: its words are kept "
            "here. Look there before you send it again.",
        ),
    ],
)
def test_what_is_known_of_it_is_said(reason: StopReason, problem: str, text: str) -> None:
    assert stop_text(stopped(reason, problem), str) == text
