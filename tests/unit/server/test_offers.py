"""A report is given to a named colleague, who takes it or declines; until then it stays with who has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from console.rules.report import OFFER_S
from console.server.city.city import City
from console.server.city.rates import RULES
from console.server.city.users import Users, add_user
from console.server.http.rate_limit import RateLimits
from tests.unit.server.conftest import Api, Clock, running

one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
UNLIMITED = dict.fromkeys(RULES, "1000000 per 1 second")


class Room:
    """Three who may take reports, one of them supervises, and two who may not take this one."""

    def __init__(self, city: City, url: str) -> None:
        self.ani, self.budi = (Api(url, add_user(city, name, "operator")) for name in ("ani", "budi"))
        self.chief = Api(url, add_user(city, "chief", "supervisor"))
        add_user(city, "looks", "viewer")
        add_user(city, "far", "operator", areas=["w2"])

    def claim(self, report: str) -> tuple[str, str | None]:
        """Who has it, and whom it is offered to."""
        claim = self.ani.report(report)["claim"]
        return claim["who"], claim["offer"] and claim["offer"]["to"]


@pytest.fixture
def room(city: City, tmp_path: Path) -> Iterator[Room]:
    with running(city, tmp_path / "media", Users(city), limits=RateLimits(UNLIMITED)) as url:
        room = Room(city, url)
        yield room
        for api in (room.ani, room.budi, room.chief):
            api.session.close()


@one_database
def test_it_stays_with_who_has_it_until_the_colleague_takes_it(room: Room) -> None:
    ani, budi, chief = room.ani, room.budi, room.chief
    ani.ok("10", "claim")
    assert ani.ok("10", "offer", {"to": "budi"})["entry"]["data"] == {"to": "budi"}
    assert room.claim("10") == ("ani", "budi")
    assert chief.edit("10", "claim").status_code == 412, "it is not offered to him"
    assert chief.edit("10", "decline").status_code == 422
    budi.ok("10", "claim")
    assert room.claim("10") == ("budi", None)
    refused = ani.edit("10", "offer", {"to": "chief"})
    assert (refused.status_code, refused.json()["fields"]["claim"]["value"]) == (412, "budi")

    budi.ok("10", "offer", {"to": "ani"})
    ani.ok("10", "decline")
    assert room.claim("10") == ("budi", None)
    assert ani.edit("10", "claim").status_code == 412
    chief.ok("10", "offer", {"to": "ani"})  # a supervisor may give what another has, and what nobody has
    assert room.claim("10") == ("budi", "ani")
    chief.ok("11", "offer", {"to": "ani"})
    assert room.claim("11") == ("chief", "ani")
    ani.ok("11", "claim")
    assert room.claim("11") == ("ani", None)


@one_database
def test_it_is_offered_to_who_may_work_on_it_and_for_two_minutes(room: Room, clock: Clock) -> None:
    ani, budi = room.ani, room.budi
    ani.ok("10", "claim")
    for name, words in (("nobody", "no user"), ("ani", "somebody else"), ("looks", "may not"), ("far", "may not")):
        refused = ani.edit("10", "offer", {"to": name})
        assert (refused.status_code, words in refused.json()["message"]) == (422, True), name
    ani.ok("10", "offer", {"to": "budi"})
    clock.skip(seconds=OFFER_S + 1)
    assert budi.edit("10", "claim").status_code == 412, "too late"
    assert room.claim("10") == ("ani", "budi"), "and hers all the while"
    ani.ok("10", "claim")
    assert room.claim("10") == ("ani", None), "who takes it again offers it no more"
    ani.ok("12", "close", {"disposition": "spam"})
    assert "reopen it before you offer it" in room.chief.edit("12", "offer", {"to": "budi"}).json()["message"]


@one_database
def test_an_offer_is_taken_back_until_it_is_accepted(room: Room) -> None:
    ani, budi = room.ani, room.budi
    ani.ok("10", "claim")
    first = ani.ok("10", "offer", {"to": "budi"})["entry"]["edit"]
    ani.ok("10", "claim", undoes=first)
    assert room.claim("10") == ("ani", None)
    assert budi.edit("10", "claim").status_code == 412
    second = ani.ok("10", "offer", {"to": "budi"})["entry"]["edit"]
    budi.ok("10", "claim")
    assert ani.edit("10", "claim", undoes=second).status_code == 412
    assert room.claim("10") == ("budi", None)
