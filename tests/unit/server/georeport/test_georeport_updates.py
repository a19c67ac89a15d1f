"""servicerequestupdates both ways: what citizens may know goes out, what they add comes in once."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from defusedxml.ElementTree import fromstring

from api_client.model import Entry, Status
from console.server.city.city import City
from console.server.city.clients import add_client
from console.server.city.records import CitizenOptions, LoadedReport, Posting
from tests.unit.server.conftest import Api, Clock, a_report, running, set_back

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
WHEN = "2026-03-02T08:00:00Z"


def updates(api: Api, **params: Any) -> Any:
    answer = api.session.get(f"{api.url}/open311/v2/servicerequestupdates.json", params=params, timeout=10)
    assert answer.status_code == 200, answer.text
    return answer.json()


def told(api: Api, **params: Any) -> list[tuple[str, str, str]]:
    return [(each["service_request_id"], each["status"], each["description"]) for each in updates(api, **params)]


def post(api: Api, suffix: str = "json", **fields: Any) -> requests.Response:
    form = {"service_request_id": "10", "update_id": "900", "updated_datetime": WHEN} | fields
    return api.session.post(f"{api.url}/open311/v2/servicerequestupdates.{suffix}", data=form, timeout=10)


def test_replies_and_changes_of_status_go_out_and_nothing_internal(api: Api) -> None:
    api.ok("10", "note", {"text": "internal"})
    api.ok("10", "set", {"status": "coordination", "reason": "ask the neighbours"})
    api.ok("10", "reply", {"text": "we come"})
    api.ok("10", "dispatch", {"unit": "u1"})
    api.ok("10", "progress", {"unit": "u1", "state": "on_scene"})
    api.ok("10", "close", {"disposition": "not ours, says Budi"})
    api.ok("10", "reopen", {"reason": "Budi was wrong"})
    api.ok("10", "set", {"priority": 1})
    assert told(api) == [
        ("10", "investigating", ""),
        ("10", "investigating", "we come"),
        ("10", "action_scheduled", ""),
        ("10", "in_progress", ""),
        ("10", "no_further_action", ""),
        ("10", "open", ""),
    ]
    whole = updates(api)
    assert len({each["update_id"] for each in whole}) == len(whole)
    for secret in ("internal", "Budi", "neighbours", "u1", "local"):
        assert secret not in str(whole)
    assert set(whole[0]) == {
        "update_id",
        "service_request_id",
        "status",
        "updated_datetime",
        "description",
        "media_url",
    }
    answer = api.session.get(f"{api.url}/open311/v2/servicerequestupdates.xml", timeout=10)
    root = fromstring(answer.content)
    assert (root.tag, {each.tag for each in root}) == ("service_request_updates", {"request_update"})
    assert [each.findtext("update_id") for each in root] == [each["update_id"] for each in whole]


def test_a_duplicate_is_told_what_its_main_report_is_told(api: Api, city: City) -> None:
    api.ok("11", "merge", {"into": "10"})
    api.ok("10", "reply", {"text": "done today"})
    assert told(api) == [("11", "duplicate", ""), ("10", "open", "done today"), ("11", "duplicate", "done today")]
    city.load([LoadedReport(a_report("a.1"))])
    api.ok("a.1", "merge", {"into": "10"})
    api.ok("10", "reply", {"text": "it is done"})
    ids = {each["update_id"] for each in updates(api)}
    assert len(ids) == 8
    assert all(re.fullmatch(r"[\w/-]+", each, re.ASCII) for each in ids), "open311-adapter takes no others"


def test_what_was_said_before_a_merge_is_told_as_it_was_then(api: Api) -> None:
    api.ok("11", "set", {"status": "coordination"})
    api.ok("10", "reply", {"text": "before"})
    api.ok("11", "merge", {"into": "10"})
    api.ok("10", "reply", {"text": "after"})
    assert [line for line in told(api) if line[0] == "11"] == [
        ("11", "investigating", ""),
        ("11", "investigating", "before"),
        ("11", "duplicate", ""),
        ("11", "duplicate", "after"),
    ]
    start = updates(api)[-1]["updated_datetime"]
    assert told(api, start_date=start)[-1] == ("11", "duplicate", "after"), "also when the merge lies before the window"


@sqlite
def test_names_that_updates_had_once_stay_and_new_ones_have_no_dot(api: Api, city: City) -> None:
    api.ok("11", "merge", {"into": "10"})
    api.ok("10", "reply", {"text": "old"})
    set_back(city, "0017")
    city.create_schema()
    entry = city.entries("10")[-1].id
    assert [each["update_id"] for each in updates(api)[-2:]] == [entry, f"{entry}.11"]
    api.ok("10", "reply", {"text": "new"})
    entry = city.entries("10")[-1].id
    assert [each["update_id"] for each in updates(api)[-2:]] == [entry, f"{entry}-11"]


def test_a_window_a_page_and_the_status_at_the_time(api: Api, clock: Clock) -> None:
    api.ok("10", "set", {"status": "coordination"})
    clock.skip(hours=3)
    for number in range(5):
        api.ok("10", "reply", {"text": f"reply {number}"})
    start = updates(api)[1]["updated_datetime"]
    assert told(api, start_date=start, end_date=start) == [("10", "investigating", "reply 0")]
    pages = [told(api, start_date=start, page=page, page_size=2) for page in (1, 2, 3, 4)]
    assert [text for page in pages for _, _, text in page] == [f"reply {number}" for number in range(5)]
    assert told(api, end_date=WHEN) == []
    clock.skip(days=100)
    assert told(api) == []
    for bad in (
        {"page": "999999999"},
        {"start_date": "yesterday"},
        {"start_date": WHEN, "end_date": "2026-07-02T08:00:00Z"},
    ):
        url = f"{api.url}/open311/v2/servicerequestupdates.json"
        assert api.session.get(url, params=bad, timeout=10).status_code == 400


def test_many_lines_are_read_through_in_order(api: Api, city: City) -> None:
    reports = []
    for number in range(30):
        key = f"m{number}"
        lines = [
            Entry(f"{key}-{n}", key, "reply" if n % 20 == 0 else "note", a_report(key).created, "x", text=f"{key} {n}")
            for n in range(40)
        ]
        reports.append(LoadedReport(a_report(key), entries=tuple(lines)))
    city.load(reports)
    texts = [text for _, _, text in told(api)]
    assert len(texts) == 60
    assert len(set(texts)) == 60
    paged = [text for page in range(1, 8) for _, _, text in told(api, page=page, page_size=10)]
    assert paged == texts


def test_what_a_citizen_adds_is_noted_once(api: Api, city: City) -> None:
    first = post(
        api, status="FIXED", description="Sudah diperbaiki", media_url="https://photos.test/2.jpg", email="a@b.c"
    )
    assert first.status_code == 200
    (answer,) = first.json()
    again = post(api, "xml", status="FIXED", description="Sudah diperbaiki", email="a@b.c")
    root = fromstring(again.content)
    assert (root.tag, root[0].tag, root.findtext("request_update/update_id")) == (
        "service_request_updates",
        "request_update",
        answer["update_id"],
    )
    post(api, status="OPEN", description="Sudah diperbaiki", update_id="900")
    (entry,) = [entry for entry in city.entries("10") if entry.kind == "note"]
    assert entry.id == answer["update_id"]
    assert entry.text == "Sudah diperbaiki\nStatus: fixed\nhttps://photos.test/2.jpg"
    assert (entry.author, entry.occurred_at and entry.occurred_at.isoformat()) == (
        "citizen",
        "2026-03-02T08:00:00+00:00",
    )
    assert city.report("10").status is Status.NEW
    assert told(api) == []
    assert "a@b.c" not in api.get("/reports/10/entries").text
    assert post(api, update_id="", update_id_ext="901", status="in progress", description="hm").status_code == 200


def test_the_same_update_sent_at_once_is_noted_once(api: Api, city: City) -> None:
    api.ok("12", "close", {"disposition": "done"})

    def send(number: int) -> requests.Response:
        own = Api(api.url)
        answer = post(own, service_request_id="12", status="REOPEN", description=f"again {number % 3}")
        own.session.close()
        return answer

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(send, range(12)))
    assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
    assert len({answer.json()[0]["update_id"] for answer in answers}) == 3
    said = [entry.text for entry in city.entries("12") if entry.kind in ("note", "reopen")]
    assert [text.splitlines()[0] for text in sorted(said)] == ["again 0", "again 1", "again 2"]


def test_who_counts_from_one_takes_nobodys_words_away(api: Api, city: City) -> None:
    for words in ("The water rises", "It smells of gas", "The water rises"):
        assert post(api, update_id="1", description=words).status_code == 200
    assert [entry.text for entry in city.entries("10")] == ["The water rises", "It smells of gas"]


def test_a_citizen_opens_closed_work_again_and_a_duplicates_main_report(api: Api, city: City) -> None:
    api.ok("11", "merge", {"into": "10"})
    api.ok("10", "close", {"disposition": "not found"})
    assert post(api, service_request_id="11", status="REOPEN", description="Still there").status_code == 200
    report = city.report("10")
    assert (report.status, city.entries("10")[-1].text) == (Status.RETURNED, "Still there")
    assert city.report("11").merged_into == "10"
    post(api, service_request_id="11", status="REOPEN", description="And still", update_id="2")
    assert city.entries("11")[-1].text == "And still"
    api.ok("12", "close", {"disposition": "done"})
    post(api, service_request_id="12", status="OPEN", description="Thanks")
    assert city.report("12").status is Status.CLOSED, "it was said before that, and came late"
    ended = city.report("12").closed_at
    assert ended is not None
    later = {"updated_datetime": (ended + timedelta(minutes=5)).isoformat()}
    for _ in range(2):
        post(api, service_request_id="12", status="OPEN", description="No, still dark", update_id="7", **later)
    (again,) = [entry for entry in city.entries("12") if entry.kind == "reopen"]
    assert (city.report("12").status, again.text, again.author) == (Status.RETURNED, "No, still dark", "citizen")
    assert told(api)[-1] == ("12", "open", "")


def test_what_cannot_be_an_update_is_refused_in_its_words(api: Api) -> None:
    empty = api.session.post(f"{api.url}/open311/v2/servicerequestupdates.json", data={}, timeout=10)
    assert [each["description"] for each in empty.json()] == [
        "service_request_id was not provided.",
        "update_id was not provided.",
        "description was not provided.",
    ]
    for fields, status in (
        ({"service_request_id": "77", "status": "OPEN"}, 404),
        ({"status": "DONE", "description": "x"}, 400),
        ({"status": "OPEN", "updated_datetime": "yesterday"}, 400),
        ({"status": "OPEN", "description": "x" * 20_001}, 400),
        ({"status": "OPEN", "media_url": "javascript:x"}, 400),
        ({"status": "OPEN", "api_key": "nobody's"}, 403),
    ):
        assert post(api, **fields).status_code == status, fields


def test_two_programs_may_use_the_same_update_id(city: City, tmp_path: Path) -> None:
    keys = [add_client(city, name) for name in ("FixMyStreet", "portal")]
    with running(city, tmp_path / "media", citizens=CitizenOptions(Posting.KEYED)) as url:
        api = Api(url)
        assert post(api, description="x").status_code == 403
        ids = [post(api, description="x", api_key=key).json()[0]["update_id"] for key in keys * 2]
        assert (ids[:2], len(set(ids))) == (ids[2:], 2)
        assert {entry.author for entry in city.entries("10")} == {"FixMyStreet", "portal"}
        api.session.close()


def walk(api: Api, path: str, **params: Any) -> list[list[dict[str, Any]]]:
    """The pages of a list as the Link of each leads on."""
    url: str | None = f"{api.url}/open311/v2/{path}"
    pages = []
    while url is not None:
        answer = api.session.get(url, params=params, timeout=10)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json())
        following = answer.links.get("next", {}).get("url")
        url, params = (f"{api.url}/open311/v2/{path}{following}", {}) if following else (None, {})
        assert len(pages) < 100
    return pages


def test_the_link_of_each_page_leads_through_all_updates(api: Api, city: City, clock: Clock) -> None:
    for key in ("11", "12"):
        api.ok(key, "merge", {"into": "10"})
    for number in range(4):
        api.ok("10", "reply", {"text": f"reply {number}"})
        api.ok("10", "set", {"status": "coordination" if number % 2 else "assigned"})
        clock.skip(hours=5)
    whole = updates(api)
    assert len(whole) == 2 + 4 * 3 + 4
    for size in (1, 2, 3, 7, 18):
        pages = walk(api, "servicerequestupdates.json", page_size=size)
        assert [each for page in pages for each in page] == whole, size
        assert {len(page) for page in pages[:-1]} <= {size}
    bad = api.session.get(f"{api.url}/open311/v2/servicerequestupdates.json?after=x", timeout=10)
    assert (bad.status_code, bad.json()[0]["description"]) == (400, "after is not one that this server gave.")
    start = whole[8]["updated_datetime"]
    rest = [each for each in whole if each["updated_datetime"] >= start]
    pages = walk(api, "servicerequestupdates.json", start_date=start, page_size=3)
    assert [each for page in pages for each in page] == rest


def test_the_link_of_each_page_leads_through_all_requests(api: Api, city: City) -> None:
    city.load([LoadedReport(a_report(f"p-{n}")) for n in range(20)])
    whole = [each["service_request_id"] for page in walk(api, "requests.json") for each in page]
    assert len(whole) == 23
    pages = walk(api, "requests.json", page_size=4, status="open")
    assert [each["service_request_id"] for page in pages for each in page] == whole


def test_what_would_take_too_long_is_refused_and_said(api: Api, city: City) -> None:
    """Never a page that lacks some: whoever reads it would take it for all there is."""
    lines = [Entry(f"r-{n}", "20", "reply", a_report("20").created, "x", text=f"{n}") for n in range(5_200)]
    city.load([LoadedReport(a_report("20"), entries=tuple(lines))])
    found = api.session.get(f"{api.url}/open311/v2/servicerequestupdates.json", timeout=10)
    texts = [int(each["description"]) for each in found.json()]
    assert texts == list(range(4_200, 5_200)), "who asks for no page gets the newest"
    assert found.links["first"]["url"] == "?page=1"
    window = {"start_date": "2026-03-02T07:00:00Z", "end_date": "2026-03-02T09:00:00Z"}
    assert told(api, **window)[-1][2] == "5199", "so asks FixMyStreet"
    assert told(api, start_date=window["start_date"])[-1][2] == "999", "who goes on from the last one misses none"
    for page, size in ((4, 1_000), (100, 1_000), (99_999, 1)):
        url = f"{api.url}/open311/v2/servicerequestupdates.json?page={page}&page_size={size}"
        refused = api.session.get(url, timeout=10)
        assert (refused.status_code, "end_date" in refused.json()[0]["description"]) == (400, True)
    assert sum(map(len, walk(api, "servicerequestupdates.json", page=1))) == 5_200


def test_very_much_text_is_cut_short_and_said_while_every_request_is_there(api: Api, city: City) -> None:
    hostile = "0812-3456-7890 a@b.id " * 200
    city.load([LoadedReport(a_report(f"h{n}", description=hostile)) for n in range(200)])
    city.load([LoadedReport(a_report(f"n{n}", description=f"A hole, {n} m wide.")) for n in range(200)])
    found = api.session.get(f"{api.url}/open311/v2/requests.json", timeout=20).json()
    assert len(found) == 403
    plain = {each["description"] for each in found if each["service_request_id"].startswith("n")}
    assert plain == {f"A hole, {n} m wide." for n in range(200)}
    cut = [each for each in found if each["service_notice"]]
    assert 100 < len(cut) < 200
    assert all(len(each["description"]) < 100 for each in cut)
    one = api.session.get(f"{api.url}/open311/v2/requests/{cut[0]['service_request_id']}.json", timeout=10).json()[0]
    assert (one["service_notice"], len(one["description"]) > 1_000) == (None, True)
    assert "0812" not in str(found) + str(one)


def test_a_page_that_lies_too_far_is_refused_before_anything_is_read(api: Api) -> None:
    for page, size, status in ((2, 1_000, 200), (3, 1_000, 400), (21, 100, 400)):
        asked = f"page={page}&page_size={size}"
        answer = api.session.get(f"{api.url}/open311/v2/servicerequestupdates.json?{asked}", timeout=10)
        assert answer.status_code == status
    assert answer.json()[0]["description"].startswith("So many changes cannot be looked through at once.")
