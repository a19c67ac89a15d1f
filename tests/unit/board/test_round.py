"""A round of the board over a real cache: reports that were made here and are not at the server yet."""

from __future__ import annotations

import contextlib
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api_client.model import Assignment, AssignmentState, Claim, Kind, Status, Unit, UnitState
from console.board.round import Played, Round, play
from console.cache.page_items import PageItem
from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter
from console.rules.filter import Filter
from console.rules.loaded import Loaded, loaded_of_all
from tests.unit.cache.making import T0, at, edit, items, report


def a_round(**changes: Any) -> Round:
    """The first round of a board on which nothing is done, with these changes."""
    plain: dict[str, Any] = {"snapshot": None, "rows": (), "edits": {}, "local_rows": {}, "remote": {}, "cities": None}
    return Round(**(plain | {"filter": Filter(), "zone": UTC, "number": 1, "me": "rina"} | changes))


def played_on(folder: Path) -> Played:
    """What comes of a cache alone, without edits of one's own."""
    with contextlib.closing(CacheReader(folder)) as reader:
        return play(a_round(), reader, int(T0.timestamp()))


@pytest.mark.parametrize(("text", "rows"), [("genang", 1), ("GENANGAN air", 1), ("nangan", 0)])
def test_a_report_made_here_is_found_by_its_text(tmp_path: Path, text: str, rows: int) -> None:
    writer = CacheWriter(tmp_path)
    writer.apply("city", items(report("1", title="lampu", description="lampu")), at(1))
    writer.close()
    create = edit("c", Kind.CREATE, "local:c", data={"description": "Air genangan di gang"}, source="city")
    job = a_round(edits={("city", "local:c"): (create,)}, local_rows={"local:c": 1}, filter=Filter(text=text))
    reader = CacheReader(tmp_path)
    view = play(job, reader, int(T0.timestamp())).view
    reader.close()
    assert len(view.order) == rows


@pytest.mark.parametrize(
    ("street", "found"),
    [
        ("Jl. Melati", {"1", "made here"}),
        ("jalan melati iii", {"1"}),
        ("melat", {"1", "made here"}),
        ("melati mawar", set()),
        ("Mawar", {"2"}),
        ("—", set()),
        ('"OR', set()),
    ],
)
def test_a_street_is_looked_for_in_addresses_alone_its_words_in_a_row(
    tmp_path: Path, street: str, found: set[str]
) -> None:
    writer = CacheWriter(tmp_path)
    writer.apply(
        "city",
        items(
            report("1", address="Jl. Melati III no. 4", description="Mawar"),
            report("2", address="Gg. Mawar", description="Jl. Melati III"),
        ),
        at(2),
    )
    writer.close()
    create = edit("c", Kind.CREATE, "local:c", data={"address": "Jalan Melati 7"}, source="city")
    job = a_round(edits={("city", "local:c"): (create,)}, local_rows={"local:c": 1}, filter=Filter(street=street))
    reader = CacheReader(tmp_path)
    view = play(job, reader, int(T0.timestamp())).view
    names = {reader.row_of("city", "1"): "1", reader.row_of("city", "2"): "2", 1: "made here"}
    reader.close()
    assert {names[row] for row in view.order.tolist()} == found
    words = a_round(filter=Filter(street="melati", text="mawar"))
    reader = CacheReader(tmp_path)
    assert len(play(words, reader, int(T0.timestamp())).view.order) == 1, "both have to be so"
    reader.close()


def test_mine_is_what_the_operator_has_under_the_name_of_each_city(tmp_path: Path) -> None:
    """Rina of the one city is another person in the other, where the operator is called Budi; a claim not sent yet."""
    writer = CacheWriter(tmp_path)
    for city in ("north", "south"):
        taken = [report(f"{who}", claim=Claim(who, T0)) for who in ("rina", "budi")]
        writer.apply(city, items(*taken, report("free")), at(3))
    writer.close()
    claim = edit("c", Kind.CLAIM, "free", source="south", author="budi")
    job = a_round(
        edits={("south", "free"): (claim,)}, filter=Filter(tab="mine"), names={"north": "rina", "south": "budi"}
    )
    reader = CacheReader(tmp_path)
    played = play(job, reader, int(T0.timestamp()))
    mine = {(city, number) for city in ("north", "south") for number in ("rina", "budi", "free")
            if reader.row_of(city, number) in played.view.order}  # fmt: skip
    reader.close()
    assert mine == {("north", "rina"), ("south", "budi"), ("south", "free")}
    assert played.view.counts.tabs["mine"] == 3


def test_a_report_made_here_arrives_even_when_its_edit_has_left_the_outbox(tmp_path: Path) -> None:
    writer = CacheWriter(tmp_path)
    writer.apply("city", items(report("7", title="banjir", description="banjir")), at(1))
    writer.close()
    job = a_round(local_rows={"local:c": 1}, remote={"local:c": "7"}, local_sources={"local:c": "city"})
    reader = CacheReader(tmp_path)
    played = play(job, reader, int(T0.timestamp()))
    row = reader.row_of("city", "7")
    reader.close()
    assert played.arrived == {"local:c": row}
    assert played.view.order.tolist() == [row]


@pytest.mark.parametrize("waits", [True, False], ids=["its edit waits still", "its edit has left the outbox"])
def test_a_report_made_here_is_never_gone_from_the_board_while_it_arrives(tmp_path: Path, *, waits: bool) -> None:
    """A P1 was on no list and no counter, and its notice was put out, until the word came that its row had changed."""
    writer = CacheWriter(tmp_path)
    writer.apply("city", items(report("1")), at(1))
    create = edit("c", Kind.CREATE, "local:c", data={"description": "Air genangan"}, source="city")
    own = {"edits": {("city", "local:c"): (create,)}, "local_rows": {"local:c": 1}}
    reader = CacheReader(tmp_path)
    before = play(a_round(**own), reader, int(T0.timestamp()))
    writer.apply("city", items(report("7", priority=1)), at(2))
    writer.close()
    its_sources = {"remote": {"local:c": "7"}, "local_sources": {"local:c": "city"}}
    known = {"snapshot": before.snapshot, "cities": before.cities, "before": before.view, "patches": before.patches}
    later = play(a_round(**(own | its_sources | known | ({} if waits else {"edits": {}}))), reader, int(T0.timestamp()))
    row = reader.row_of("city", "7")
    reader.close()
    assert 1 in before.view.order
    assert later.arrived == {"local:c": row}
    assert 1 not in later.view.order
    assert row in later.view.order
    assert later.view.hazards.tolist() == [row]


@pytest.mark.parametrize(
    ("says", "burns"), [(UnitState.EN_ROUTE, False), (UnitState.BREAK, False), (UnitState.UNAVAILABLE, True)]
)
def test_a_hazard_burns_again_when_its_crew_cannot_come(tmp_path: Path, says: UnitState, burns: bool) -> None:
    """A crew en route had an accident and said so: the P1 was on no counter, and F8 did not go to it."""
    writer = CacheWriter(tmp_path)
    job = Assignment("a", "1", "u", AssignmentState.EN_ROUTE, T0, "rina", T0)
    unit = PageItem("unit", 3, "u", Unit("u", "U", says, T0))
    hazard = items(report("1", priority=1, status=Status.ASSIGNED))
    writer.apply("city", [*hazard, PageItem("assignment", 2, "a", job), unit], at(3))
    writer.close()
    played = played_on(tmp_path)
    assert played.view.counts.crewless_hazards[0] == burns
    assert bool(len(played.view.hazards)) == burns


@pytest.mark.parametrize(
    ("units", "live", "burns"),
    [
        ({"u": UnitState.ON_SCENE}, {"u": AssignmentState.ON_SCENE}, False),
        ({"u": UnitState.UNAVAILABLE}, {"u": AssignmentState.ON_SCENE}, True),
        ({"u": UnitState.AVAILABLE}, {}, True),
        ({"u": UnitState.AVAILABLE, "v": UnitState.COMMITTED}, {"v": AssignmentState.DISPATCHED}, True),
        ({"u": UnitState.UNAVAILABLE, "v": UnitState.ON_SCENE}, dict.fromkeys("uv", AssignmentState.ON_SCENE), False),
        ({}, {}, False),
    ],
)
def test_a_hazard_burns_on_when_who_was_there_has_gone_or_cannot_go_on(
    tmp_path: Path, units: dict[str, UnitState], live: dict[str, AssignmentState], burns: bool
) -> None:
    """It was in progress, and on no counter. Of a city whose crews are not known here nothing of that is said."""
    writer = CacheWriter(tmp_path)
    jobs = [
        PageItem("assignment", 2, key, Assignment(key, "1", key, state, T0, "rina", T0)) for key, state in live.items()
    ]
    crews = [PageItem("unit", 3, key, Unit(key, key, state, T0)) for key, state in units.items()]
    writer.apply("city", [*items(report("1", priority=1, status=Status.PROGRESS)), *jobs, *crews], at(3))
    writer.close()
    played = played_on(tmp_path)
    assert len(played.view.hazards) == int(burns)


@pytest.mark.parametrize(
    ("first", "second", "burning"),
    [
        (AssignmentState.EN_ROUTE, AssignmentState.ON_SCENE, [1]),
        (AssignmentState.ON_SCENE, AssignmentState.ON_SCENE, []),
        (AssignmentState.EN_ROUTE, AssignmentState.EN_ROUTE, [1]),
    ],
)
def test_who_is_at_one_hazard_is_not_on_the_way_to_another(
    tmp_path: Path, first: AssignmentState, second: AssignmentState, burning: list[int]
) -> None:
    """A crew that was sent to two went to the second first: the other said "en route" for as long as that took."""
    writer = CacheWriter(tmp_path)
    hazards = items(*(report(key, priority=1, status=Status.ASSIGNED) for key in "12"))
    states = {"1": first, "2": second}
    jobs = [PageItem("assignment", 4, f"a{key}", Assignment(f"a{key}", key, "u", state, T0, "rina", T0))
            for key, state in states.items()]  # fmt: skip
    unit = PageItem("unit", 5, "u", Unit("u", "U", UnitState.ON_SCENE, T0))
    writer.apply("city", [*hazards, *jobs, unit], at(5))
    writer.close()
    played = played_on(tmp_path)
    assert played.view.counts.crewless_hazards[0] == len(burning)


@pytest.mark.parametrize("last", ["1", "2"])
def test_a_crew_on_its_way_to_two_hazards_drives_to_the_one_it_said_last(tmp_path: Path, last: str) -> None:
    """Both were off the counter while it drove to one of them."""
    writer = CacheWriter(tmp_path)
    hazards = items(*(report(key, priority=1, status=Status.ASSIGNED) for key in "12"))
    said = {key: T0 + timedelta(minutes=5 if key == last else 1) for key in "12"}
    jobs = [
        PageItem("assignment", 4, f"a{key}", Assignment(f"a{key}", key, "u", AssignmentState.EN_ROUTE, at_, "u", T0))
        for key, at_ in said.items()
    ]
    writer.apply("city", [*hazards, *jobs, PageItem("unit", 5, "u", Unit("u", "U", UnitState.EN_ROUTE, T0))], at(5))
    writer.close()
    played = played_on(tmp_path)
    reader = CacheReader(tmp_path)
    assert played.view.hazards.tolist() == [reader.row_of("city", "2" if last == "1" else "1")]
    reader.close()


@pytest.mark.parametrize(
    ("state", "own", "burns"),
    [
        (None, None, True),
        (AssignmentState.DISPATCHED, None, True),
        (AssignmentState.ACKNOWLEDGED, None, True),
        (AssignmentState.EN_ROUTE, None, False),
        (AssignmentState.ON_SCENE, None, False),
        (None, Kind.CLAIM, True),
        (None, Kind.DISPATCH, True),
        (AssignmentState.DISPATCHED, Kind.PROGRESS, False),
        (AssignmentState.EN_ROUTE, Kind.RECALL, True),
    ],
)
def test_a_hazard_burns_until_a_crew_is_on_the_way(
    tmp_path: Path, state: AssignmentState | None, own: Kind | None, burns: bool
) -> None:
    """Taken, or a crew that was told and has said nothing, or an order that is not even sent: nobody is on the way."""
    writer = CacheWriter(tmp_path)
    status = Status.NEW if state is None else Status.ASSIGNED
    live = [Assignment("a", "1", "u", state, T0, "rina", T0)] if state is not None else []
    found = [*items(report("1", priority=1, status=status)), *(PageItem("assignment", 2, one.id, one) for one in live)]
    writer.apply("city", found, at(2))
    writer.close()
    data = {"unit": "u"} | ({"state": "en_route"} if own is Kind.PROGRESS else {})
    edits = {("city", "1"): (edit("e", own, "1", data=data, source="city"),)} if own is not None else {}
    job = a_round(edits=edits)
    reader = CacheReader(tmp_path)
    played = play(job, reader, int(T0.timestamp()))
    again = play(
        msgspec.structs.replace(
            job, snapshot=played.snapshot, cities=played.cities, before=played.view, patches=played.patches
        ),
        reader,
        int(T0.timestamp()) + 1,
    )
    reader.close()
    for view in (played.view, again.view):
        assert view.counts.crewless_hazards[0] == int(burns)
        assert len(view.without_crew(view.order)) == int(burns)


@pytest.mark.parametrize(
    ("parts", "together"),
    [
        ([Loaded.WORK, Loaded.WHOLE], Loaded.WORK),
        ([Loaded.REPORTS, Loaded.WHOLE], Loaded.REPORTS),
        ([Loaded.NOTHING, Loaded.REPORTS], Loaded.PART),
        ([Loaded.PART, Loaded.WHOLE], Loaded.PART),
    ],
)
def test_of_several_sources_so_much_is_here_as_is_of_each(parts: list[Loaded], together: Loaded) -> None:
    assert loaded_of_all(parts) is together


@pytest.mark.parametrize(
    ("read", "followed", "loaded"),
    [
        ({}, (), Loaded.NOTHING),
        ({}, ("north",), Loaded.NOTHING),
        ({"north": True}, (), Loaded.WHOLE),
        ({"north": False}, ("north",), Loaded.PART),
        ({"north": True, "south": False}, ("north", "south"), Loaded.PART),
        ({"north": True}, ("north", "south"), Loaded.PART),  # the second city is not asked yet
        ({"north": True, "south": False}, ("north",), Loaded.WHOLE),  # the other is followed no more
        ({"north": True, "south": True}, ("north", "south"), Loaded.WHOLE),
    ],
)
def test_a_view_knows_whether_all_that_it_counts_was_read(
    tmp_path: Path, read: dict[str, bool], followed: tuple[str, ...], loaded: Loaded
) -> None:
    writer = CacheWriter(tmp_path)
    for city, whole in read.items():
        end = at(1) if whole else msgspec.structs.replace(at(1), as_of=None)
        writer.apply(city, items(report("1")), end)
    writer.close()
    job = a_round(followed=followed)
    reader = CacheReader(tmp_path)
    view = play(job, reader, int(T0.timestamp())).view
    reader.close()
    assert view.loaded is loaded
