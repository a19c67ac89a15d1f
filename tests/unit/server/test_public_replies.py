"""A reply is the city's own word: it stands as written, but what the city was told in confidence never goes out."""

from __future__ import annotations

from typing import Any

from api_client.model import Contact, Entry
from console.server.city.city import City
from console.server.city.records import LoadedReport
from console.server.city.redaction import MASK
from tests.unit.server.conftest import Api, Clock, a_report, let_pass

HOTLINE = "1500 5555"


def read(api: Api, report: str) -> set[str]:
    """The last reply as it stands at each public address."""

    def get(path: str) -> Any:
        return api.session.get(f"{api.url}{path}", timeout=60).json()

    steps = [step["text"] for step in get(f"/public/v1/reports/{report}")["history"] if step["kind"] == "reply"]
    updates = [each for each in get("/open311/v2/servicerequestupdates.json") if each["description"]]
    own = [each["description"] for each in updates if each["service_request_id"] == report]
    return {steps[-1], own[-1], get(f"/open311/v2/requests/{report}.json")[0]["status_notes"]}


def reply(api: Api, report: str, text: str) -> set[str]:
    entry = api.ok(report, "reply", {"text": text})["entry"]
    assert (entry["text"], entry["data"]["text"]) == (text, text), "the staff reads what was written"
    return read(api, report)


def test_the_citys_own_number_stays(api: Api) -> None:
    text = f"Call {HOTLINE} or lapor@kota.example, reference 12345678."
    assert reply(api, "10", text) == {text}


def test_what_the_city_was_told_is_masked_in_a_reply(api: Api, city: City) -> None:
    contact = Contact("Siti", "+62 (812) 3456-7890", "Siti@Warga.example")
    attributes = {"where": ("behind 0813 1111 2222",)}
    city.load([LoadedReport(a_report("20", description="I am 0811 2222 3333", attributes=attributes), contact=contact)])
    api.ok("20", "note", {"text": "His brother: 0814.5555.6666"})
    said = "Siti: 0812 3456 7890, siti@warga.example, 0811-2222-3333, 081311112222, 0814 5555 6666. Else: "
    public = f"Siti: {MASK}, {MASK}, {MASK}, {MASK}, {MASK}. Else: {HOTLINE}"
    assert reply(api, "20", said + HOTLINE) == {public}


def test_reporters_of_duplicates_are_kept_from_the_replies_of_the_main_report(api: Api, city: City) -> None:
    for key, phone in (("20", "0812 3456 7890"), ("21", "0813 1111 2222")):
        city.load([LoadedReport(a_report(key), contact=Contact("Siti", phone))])
    api.ok("20", "merge", {"into": "21"})
    api.ok("21", "merge", {"into": "10"})
    api.ok("11", "me_too", {"contact": {"name": "Budi", "phone": "0815 7777 8888"}})
    api.ok("11", "merge", {"into": "10"})
    public = f"{MASK}, {MASK}, {MASK}, {HOTLINE}"
    assert reply(api, "10", f"081234567890, 081311112222, 081577778888, {HOTLINE}") == {public}


def test_a_number_stays_masked_when_the_contact_is_no_longer_kept(api: Api, city: City, clock: Clock) -> None:
    city.load([LoadedReport(a_report("20"), contact=Contact("Siti", "0812 3456 7890"))])
    assert reply(api, "20", "We called 0812-3456-7890.") == {f"We called {MASK}."}
    api.ok("20", "close", {"disposition": "Not found"})
    let_pass(city, clock, 91)
    steps = api.session.get(f"{api.url}/public/v1/reports/20", timeout=60).json()["history"]
    assert [step["text"] for step in steps if step["kind"] == "reply"] == [f"We called {MASK}."]


def test_a_reply_of_a_file_is_masked_as_nobody_knows_who_wrote_it(api: Api, city: City) -> None:
    entry = Entry("20/reply", "20", "reply", a_report("20").created, "city", text=f"Call {HOTLINE}")
    city.load([LoadedReport(a_report("20"), entries=(entry,))])
    assert read(api, "20") == {f"Call {MASK}"}


def test_a_client_does_not_say_what_is_public(api: Api, city: City) -> None:
    city.load([LoadedReport(a_report("20", description="0811 2222 3333"))])
    api.ok("20", "reply", {"text": "Call 0811 2222 3333", "public": "Call 0811 2222 3333"})
    assert read(api, "20") == {f"Call {MASK}"}
