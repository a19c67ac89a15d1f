"""F05: a creation at an Open311 server is proved only by what can be of this very edit; else its words are kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api_client.model import Kind
from console.commands.sync import sync_profile
from console.outbox.work_file import WorkFile
from console.paths import profile_folder
from console.rules.edit import Edit
from console.rules.messages import Outcome, Push, Source, SyncNow
from console.rules.queued import EditState, StopReason, TakenAs
from console.settings import Settings, save_settings
from console.sync.retry import Timing
from tests.helpers.geo_city import GeoCity, geo_request
from tests.helpers.sync_rig import Rig, rig
from tests.unit.cache.making import note_state

QUICK = Timing(poll_s=0.2, slow_poll_s=0.2)
FLOOD = "Flood at the school, children inside"
TREE = "Tree on a house in the north"


@pytest.fixture(params=[False, True], ids=["tells no changes", "tells changes"])
def city(request: pytest.FixtureRequest) -> Iterator[GeoCity]:
    """One old report."""
    made = GeoCity(
        [geo_request(5, datetime.now(UTC) - timedelta(days=3), description="Old hole")], changes=request.param
    )
    yield made
    made.close()


@pytest.fixture
def console(city: GeoCity, tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path, city.url, kind="open311", timing=QUICK) as made:
        made.live()
        made.wait_until(lambda: len(made.cached()) == 1)
        yield made


def create(console: Rig, words: str, **more: Any) -> Edit:
    key = f"local:{len(console.said)}"
    return console.push(Kind.CREATE, key, service="POT", description=words, lat=1.0, lon=2.0, **more)


def taken(console: Rig, edit: Edit) -> Outcome:
    return console.outcome(edit, EditState.ACCEPTED, EditState.ATTENTION)


def told_of(console: Rig, edit: Edit) -> tuple[StopReason | None, str]:
    """Why an edit was not taken, and what the console is told of that."""
    outcome = console.outcome(edit, EditState.ATTENTION)
    return outcome.reason, outcome.problem


def posts(city: GeoCity) -> int:
    return sum(asked.method == "POST" for asked in city.server.asked)


def test_the_number_of_an_old_report_proves_nothing(city: GeoCity, console: Rig) -> None:
    """K7: a front that looks for duplicates answers with the one that is there."""
    city.posted = [{"service_request_id": 5}]
    outcome = taken(console, create(console, FLOOD))
    assert outcome.state is EditState.ATTENTION
    assert (outcome.reason, outcome.problem) == (StopReason.ANOTHER_NUMBER, "5 (“Old hole”)")
    assert outcome.remote_id is None
    assert posts(city) == 1


def test_neither_does_it_where_the_number_cannot_be_asked_for(city: GeoCity, console: Rig) -> None:
    """It was read before the report was sent."""
    city.posted, city.answers_single = [{"service_request_id": 5}], False
    known = console.reader.number_of("jkt", "5") or 0
    console.wait_until(lambda: console.reader.cursors()["jkt"].seq > known)
    edit = create(console, FLOOD)
    assert told_of(console, edit) == (StopReason.NUMBER_GIVEN_TWICE, "5")


def test_one_number_for_two_proves_the_one_that_stands_there(city: GeoCity, console: Rig) -> None:
    city.posted = [{"service_request_id": 77}]
    flood, tree = create(console, FLOOD), create(console, TREE)
    assert [taken(console, one).state for one in (flood, tree)] == [EditState.ACCEPTED, EditState.ACCEPTED]
    city.reports.append(geo_request(77, datetime.now(UTC) + timedelta(seconds=1), description=TREE))
    console.followers.take(SyncNow())
    console.proved(tree)
    assert told_of(console, flood) == (StopReason.ANOTHER_NUMBER, "77 (“Tree on a house in the north”)")


def test_one_number_for_two_of_the_same_words_proves_the_first(city: GeoCity, console: Rig) -> None:
    city.posted = [{"service_request_id": 77}]
    first, second = create(console, FLOOD), create(console, FLOOD)
    assert [taken(console, one).state for one in (first, second)] == [EditState.ACCEPTED, EditState.ACCEPTED]
    city.reports.append(geo_request(77, datetime.now(UTC) + timedelta(seconds=1), description=FLOOD))
    console.followers.take(SyncNow())
    console.proved(first)
    assert told_of(console, second) == (StopReason.NUMBER_GIVEN_TWICE, "77")
    third = create(console, FLOOD)
    assert told_of(console, third) == (StopReason.NUMBER_GIVEN_TWICE, "77")


@pytest.mark.parametrize(
    "shown",
    [
        {"description": "Pothole: " + FLOOD},
        {"description": "Flood at  the\nschool, children•••", "long": 2.0004},
        {"description": FLOOD, "service_code": "OTHER", "address_string": "School Street"},
        {"description": None, "lat": None, "long": None},
    ],
    ids=["behind a heading", "masked, fewer digits", "put right by the city", "nothing told"],
)
def test_what_can_be_ones_own_is(city: GeoCity, console: Rig, shown: dict[str, Any]) -> None:
    def take(_: dict[str, str]) -> list[dict[str, Any]]:
        city.reports.append(geo_request(77, datetime.now(UTC)) | shown)
        return [{"service_request_id": 77}]

    city.posted = take
    edit = create(console, FLOOD)
    assert taken(console, edit).remote_id == "77"
    console.proved(edit)


@pytest.mark.usefixtures("qapp")
def test_the_number_is_learnt_with_the_proof(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the report cannot be looked at before it is listed, nothing is shown under a number that may be wrong."""
    monkeypatch.setenv("SIGAP_HOME", str(tmp_path))
    city = GeoCity([])
    city.answers_single = False

    def take(form: dict[str, str]) -> list[dict[str, Any]]:
        city.reports.append(geo_request(77, datetime.now(UTC), description=form["description"]))
        return [{"service_request_id": 77}]

    city.posted = take
    folder = profile_folder("town")
    save_settings(folder, Settings(sources=[Source("x", "Town", city.url, "open311")]))
    work = WorkFile(folder)
    data = {"service": "POT", "description": FLOOD, "lat": 1.0, "lon": 2.0}
    work.append(Edit("e" * 36, Kind.CREATE, "local:e", "local", work.device, 1, datetime.now(UTC), data, source="x"))
    work.close()
    sync_proves_it(folder, capsys)
    city.close()


def sync_proves_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One sync of the profile finds the creation in the outbox as report 77 of its server, and nothing waits."""
    assert sync_profile("town", once=True, as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["waiting"] == 0
    work = WorkFile(folder)
    (queued,) = work.all()
    assert queued.state is EditState.SENT
    assert work.local_keys() == {"local:e": ("x", "77")}
    work.close()


def taken_before(console: Rig, taken_as: TakenAs) -> Edit:
    """A creation that the server took in an earlier run, as the outbox hands it over again."""
    data = {"service": "POT", "description": FLOOD, "lat": 1.0, "lon": 2.0}
    made = datetime.now(UTC) - timedelta(hours=2)
    edit = Edit("e" * 36, Kind.CREATE, "local:e", "rina", "device", 1, made, data, source="jkt")
    console.followers.take(Push(edit, unconfirmed=True, taken_as=taken_as))
    return edit


@pytest.mark.parametrize("listed", [True, False], ids=["read already", "looked at by the city first"])
def test_what_was_taken_when_the_program_ended_is_looked_for_after_the_start(
    city: GeoCity, tmp_path: Path, listed: bool
) -> None:
    """It stood as sent in the outbox for ever: nobody knew any more under which number it is awaited."""
    there = geo_request(77, datetime.now(UTC) - timedelta(hours=2), description=FLOOD)
    if listed:
        city.reports.append(there)
    with rig(tmp_path, city.url, kind="open311", timing=QUICK) as console:
        console.live()
        console.wait_until(lambda: len(console.cached()) == 1 + listed)
        edit = taken_before(console, TakenAs(number="77"))
        outcome = taken(console, edit)
        assert (outcome.state, outcome.taken_as) == (EditState.ACCEPTED, TakenAs(number="77"))
        if not listed:
            city.reports.append(there | {"requested_datetime": datetime.now(UTC).isoformat()})
            console.followers.take(SyncNow())
        console.proved(edit)
        assert posts(city) == 0


def test_what_stands_under_that_number_now_has_to_be_it(city: GeoCity, console: Rig) -> None:
    edit = taken_before(console, TakenAs(number="5"))
    assert told_of(console, edit)[0] is StopReason.ANOTHER_NUMBER
    city.posted = [{"service_request_id": 78}]
    console.followers.take(Push(edit))
    console.outcome(edit, EditState.ACCEPTED)
    assert posts(city) == 1, "sent again by who was told so"


def test_a_token_is_kept_too(city: GeoCity, console: Rig) -> None:
    city.posted = [{"token": "t1"}]
    told = console.outcome(create(console, FLOOD), EditState.UNCONFIRMED)
    assert told.taken_as == TakenAs(token="t1")


@pytest.mark.usefixtures("qapp")
def test_the_outbox_hands_over_again_what_it_was_taken_as(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGAP_HOME", str(tmp_path))
    made = datetime.now(UTC) - timedelta(hours=2)
    city = GeoCity([geo_request(77, made, description=FLOOD)])
    folder = profile_folder("town")
    save_settings(folder, Settings(sources=[Source("x", "Town", city.url, "open311")]))
    work = WorkFile(folder)
    data = {"service": "POT", "description": FLOOD, "lat": 1.0, "lon": 2.0}
    work.append(Edit("e" * 36, Kind.CREATE, "local:e", "local", work.device, 1, made, data, source="x"))
    note_state(work, "e" * 36, EditState.SENDING)
    note_state(work, "e" * 36, EditState.ACCEPTED, taken_as=TakenAs(number="77"))
    work.close()
    sync_proves_it(folder, capsys)
    assert posts(city) == 0
    city.close()
