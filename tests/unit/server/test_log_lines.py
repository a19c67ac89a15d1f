"""Lines of the log at the server: written once by the control room, read by everybody, never changed."""

from __future__ import annotations

import pytest

from api_client.model import EditBody, Kind
from console.server.city import audit
from console.server.city.city import City
from console.server.city.records import LOCAL, Actor
from tests.unit.server.conftest import START, Api, Clock, recorded

one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_line_is_written_once_and_stands_in_the_feed(api: Api, city: City) -> None:
    before = city.seq()
    made = api.ok(None, "log", {"text": "PLN was called, they come at two"}, key="a-line-of-mine")
    assert (made["report"], made["entry"]["kind"], made["entry"]["author"]) == (None, "log", "local")
    (item,) = city.changes(before).items
    assert (item.kind, item.id, b"they come at two" in bytes(item.data)) == ("entry", made["entry"]["id"], True)
    again = api.edit(None, "log", {"text": "PLN was called, they come at two"}, key="a-line-of-mine")
    assert again.headers["Idempotent-Replay"] == "true"
    assert api.edit(None, "log", {"text": "another"}, key="a-line-of-mine").status_code == 422
    with city.database.read() as connection:
        *_, row = audit.rows_after(connection, 0)
    assert (row.edit, recorded(row.detail)) == ("a-line-of-mine", {"kind": "log"}), "not what was written"


@one_database
def test_a_line_that_comes_late_says_when_it_was_written(city: City, clock: Clock) -> None:
    made = city.apply(EditBody("late-line", Kind.LOG, occurred_at=START, late=True, data={"text": "x"}), actor=LOCAL)
    entry = made.answer.entry
    assert (entry.occurred_at, entry.late, entry.at >= START) == (START, True, True)


@one_database
@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"text": " \n"}, "empty"),
        ({}, "The text is missing"),
        ({"text": "x" * 2_001}, "too long"),
        ({"text": 7}, "does not fit"),
    ],
)
def test_what_is_no_line_is_refused(api: Api, data: dict[str, object], words: str) -> None:
    refused = api.edit(None, "log", data)
    assert (refused.status_code, words in refused.json()["message"]) == (422, True), refused.text


@one_database
def test_no_line_is_taken_back_and_no_other_edit_goes_there(api: Api, city: City) -> None:
    api.ok(None, "log", {"text": "x"}, key="a-line-of-mine")
    for body, words in (
        ({"id": "taking-it-back", "kind": "log", "data": {}, "undoes": "a-line-of-mine"}, "write another one"),
        ({"id": "something-else", "kind": "note", "data": {"text": "x"}}, "“log” only"),
    ):
        headers = {"Idempotency-Key": str(body["id"])}
        refused = api.session.post(f"{api.url}/dispatch/v1/log/edits", json=body, headers=headers, timeout=60)
        assert (refused.status_code, words in refused.json()["message"]) == (422, True)
    chief = Actor("chief", "supervisor")
    assert city.apply(EditBody("by-a-chief", Kind.LOG, data={"text": "x"}), actor=chief).status == 200
