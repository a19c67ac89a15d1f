"""Words and photos that an official looks at first: which, where they are not, and what he says of them."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
import requests

from api_client.model import EditBody, Kind, Publication
from console.server.admin.apply import apply_setup, compare_setup
from console.server.admin.setup import CitySetup
from console.server.city.city import City
from console.server.city.moderation import Moderation
from console.server.city.public_reports import take_report
from console.server.city.records import LOCAL, Actor
from console.server.pages.citizen_deeds import CITIZEN
from tests.unit.server.conftest import Api, running

URL = "https://photos.test/1.jpg"
WORDS = ("A hole at Siti", "Melati 7", URL)
KNOWN: dict[str, Any] = {"contact": {"phone": "0813 111 2222"}}
one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def send(city: City, by: Actor = CITIZEN, **more: Any) -> str:
    """A report; its number."""
    place = {"lat": -6.85, "lon": 106.15}
    data = {"service": "road", "description": WORDS[0], "address": WORDS[1]} | place | more
    if by is CITIZEN:
        return take_report(city, CITIZEN, uuid.uuid4().hex, data).id
    made = city.apply(EditBody(str(uuid.uuid4()), Kind.CREATE, data=data), actor=by).answer.report
    assert made is not None
    return made.id


def say(city: City, report: str, publication: Publication, **more: Any) -> str:
    edit = EditBody(str(uuid.uuid4()), Kind.SET, data={"publication": publication.value}, **more)
    city.apply(edit, report=report, actor=LOCAL)
    return edit.id


@pytest.mark.parametrize(
    ("moderation", "waiting", "free"),
    [
        (Moderation(services=("talk",)), {"service": "talk"}, {}),
        (Moderation(words=("siti",)), {}, {"description": "At Sitiawan"}),
        (Moderation(words=("\u200b", "siti")), {"description": "At s\u200bi\ufe0fti_"}, {"description": "A hole"}),
        (Moderation(words=("siti",)), {"address": "\uff33\uff29\uff34\uff29 7"}, {"description": "A hole"}),
        (Moderation(media_urls=True), {"media_urls": [URL]}, {}),
        (Moderation(first_report=True), {"contact": {"phone": "0812 3456 7890"}}, KNOWN),
        (Moderation(first_report=True), {}, {"contact": {"phone": "+62 813 111 2222"}}),
    ],
)  # fmt: skip
@one_database
def test_what_the_city_says_waits(
    city: City, moderation: Moderation, waiting: dict[str, Any], free: dict[str, Any]
) -> None:
    send(city, **KNOWN)  # from before there was moderation
    apply_setup(city, CitySetup(moderation=moderation), LOCAL)
    assert city.report(send(city, **waiting)).publication is Publication.WAITING
    assert city.report(send(city, **free)).publication is None
    assert city.report(send(city, LOCAL, **waiting)).publication is None  # an official wrote it down


@one_database
def test_what_other_rules_would_do_is_counted_before(city: City) -> None:
    said: tuple[dict[str, Any], ...] = ({}, {"description": "Broken lamp"}, {"service": "talk"})
    for more in said:
        send(city, channel="web", **more)
    send(city, LOCAL)
    setup = CitySetup(moderation=Moderation(services=("talk",), words=("lamp",)))
    first, second = compare_setup(city, setup).notes[-2:]
    assert "Of the newest 3 reports of citizens 2 would wait" in first
    assert "where 0 do" in first
    assert "stay as they are" in second
    other = compare_setup(city, CitySetup(moderation=Moderation(first_report=True))).notes
    assert (second in other, any("newest" in one for one in other)) == (True, False)


@one_database
def test_they_are_nowhere_until_an_official_lets_them(city: City, tmp_path: Path) -> None:
    apply_setup(city, CitySetup(moderation=Moderation(services=("road",))), LOCAL)
    report = send(city, media_urls=[URL])
    with running(city, tmp_path / "media") as url:

        def told() -> tuple[str, Any]:
            pages = [f"/open311/v2/requests/{report}.json", "/open311/v2/requests.xml", f"/public/v1/reports/{report}"]
            answers = [requests.get(url + page, timeout=30) for page in pages]
            return "".join(answer.text for answer in answers), answers[2].json()

        def shown() -> list[str]:
            return [word for word in WORDS if word in told()[0]]

        text, page = told()
        assert shown() == []
        assert report in text  # at once, with its place and its category
        assert (page["lat"], page["service"], page["words"]) == (-6.85, "road", "waiting")
        city.apply(EditBody("taken-on-1", Kind.SET, data={"status": "coordination"}), report=report, actor=LOCAL)
        assert shown() == []
        let = say(city, report, Publication.PUBLISHED)
        assert shown() == list(WORDS)
        api = Api(url)
        answer = api.edit(report, "set", {}, undoes=let)
        assert answer.status_code == 200, answer.text
        assert shown() == []
        say(city, report, Publication.WITHHELD)
        assert (shown(), told()[1]["words"]) == ([], "withheld")
        api.session.close()
