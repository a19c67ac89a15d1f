"""New requests: forms with answers, photos and contacts; who may post; what is refused, and in which words."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from defusedxml.ElementTree import fromstring
from msgspec.structs import replace
from starlette.requests import Request

from api_client.model import AttributeValue, Datatype, Service, ServiceAttribute, Status
from console.server.city.city import City
from console.server.city.clients import add_client, list_clients, remove_client, set_client_rate
from console.server.city.rates import KEY_POST
from console.server.city.records import LOCAL, CitizenOptions, Posting
from console.server.city.users import Users, add_user
from console.server.errors import Invalid, NotFound
from console.server.http.posted_form import read_form
from console.server.http.rate_limit import RateLimits
from tests.helpers.pictures import picture
from tests.unit.server.conftest import Api, Clock, running

JPEG, PNG = picture("JPEG"), picture("PNG")
PLACE = {"lat": "-6.85", "long": "106.15"}
GOOD = {"service_code": "road"} | PLACE
ELSEWHERE = {"Origin": "https://anywhere.test", "Sec-Fetch-Site": "cross-site"}


def post(api: Api, path: str = "requests.json", **more: Any) -> requests.Response:
    return api.session.post(f"{api.url}/open311/v2/{path}", timeout=10, **more)


def key_of(answer: requests.Response) -> str:
    assert answer.status_code == 201, answer.text
    return str(answer.json()[0]["service_request_id"])


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Here SQLite is enough: what is posted goes the way of every edit."""
    return f"sqlite:///{tmp_path / 'city.db'}"


@pytest.fixture
def lamps(city: City) -> None:
    """A service that asks questions of every kind."""
    kinds = {
        "pole": Datatype.STRING,
        "height": Datatype.NUMBER,
        "since": Datatype.DATETIME,
        "more": Datatype.TEXT,
        "state": Datatype.SINGLEVALUELIST,
        "parts": Datatype.MULTIVALUELIST,
    }
    values = (AttributeValue("a", "A"), AttributeValue("b", "B"))
    questions = [
        ServiceAttribute(code, code, kind, code in ("pole", "state"), values=values if "list" in kind else ())
        for code, kind in kinds.items()
    ]
    city.put_services([Service("lamp", "Lamp", attributes=(*questions, ServiceAttribute("hint", "!", variable=False)))])


def test_a_citizens_form_becomes_a_report_with_area_contact_and_photos(api: Api, city: City) -> None:
    form = GOOD | {
        "description": "A hole",
        "phone": "0812",
        "first_name": "Siti",
        "last_name": "N",
        "email": "siti@a.test",
        "account_id": "akun",
        "device_id": "gawai",
        "media_url": "https://photos.test/1.jpg",
    }
    files = [("media", ("x.jpg", JPEG, "image/jpeg")), ("media", ("y.png", PNG, "image/png")), ("media", ("", b""))]
    made = post(api, data=form, files=files)
    assert made.json()[0]["account_id"] == "akun"
    report = city.report(key_of(made))
    assert (report.area, report.channel, report.priority, report.status) == ("w1", "open311", 2, Status.NEW)
    contact = city.contact(report.id, LOCAL)
    assert (contact.name, contact.phone, contact.email) == ("Siti N", "0812", "siti@a.test")
    assert (contact.account, contact.device) == ("akun", "gawai")
    assert report.photos[0].url == "https://photos.test/1.jpg"
    assert [api.get(f"/media/{photo.sha256}").content for photo in report.photos[1:]] == [JPEG, PNG]
    public = api.session.get(f"{api.url}/open311/v2/requests/{report.id}.json", timeout=10)
    assert public.json()[0]["media_url"] is None  # until an official has taken the report on
    for secret in ("Siti", "0812", "siti@", "akun", "gawai"):
        assert secret not in public.text
        assert secret not in api.get(f"/reports/{report.id}/entries").text
    key_of(post(api, json={"service_code": "road", "address_string": "Jl. X 1"}))
    assert city.report(key_of(post(api, data={"service_code": "road", "address_id": "A-77"}))).address == "A-77"


def test_an_answer_comes_in_the_format_that_was_asked_for(api: Api) -> None:
    made = post(api, "requests.xml", data=GOOD)
    root = fromstring(made.content)
    assert (made.status_code, root.tag, root[0].tag) == (201, "service_requests", "request")
    assert [each.tag for each in root[0]] == ["service_request_id", "service_notice", "account_id"]
    refused = post(api, "requests", data={}, headers={"Accept": "text/xml"})
    assert fromstring(refused.content).findtext("error/description") == "service_code was not provided."
    assert refused.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.usefixtures("lamps")
def test_questions_are_answered_and_kept(api: Api, city: City) -> None:
    form = PLACE | {
        "service_code": "lamp",
        "attribute[pole]": " K-12 ",
        "attribute[height]": "-4.50",
        "attribute[since]": "2026-03-01T10:00:00+07:00",
        "attribute[more]": "dark\nfor days",
        "attribute[state]": "b",
        "attribute[parts]": ["a", "b"],
        "attribute[easting]": "531000",
        "attribute[hint]": "x",
    }
    made = post(api, data=form)
    kept = {
        "pole": ("K-12",),
        "height": ("-4.50",),
        "since": ("2026-03-01T10:00:00+07:00",),
        "more": ("dark\nfor days",),
        "state": ("b",),
        "parts": ("a", "b"),
    }
    assert city.report(key_of(made)).attributes == kept
    notice = "This service does not ask for attribute[easting], attribute[hint]; it was not kept."
    assert made.json()[0]["service_notice"] == notice
    many = PLACE | {
        "service_code": "lamp",
        "attribute[pole]": "1",
        "attribute[state]": "a",
        "attribute[parts][]": ["b"],
    }
    report = city.report(key_of(post(api, data=many, files={"media": ("x.jpg", JPEG)})))
    assert report.attributes["parts"] == ("b",)
    plain = PLACE | {"service_code": "lamp", "attribute": {"pole": 7, "state": "a", "parts": ["a", "b"]}}
    report = city.report(key_of(post(api, json=plain)))
    assert (report.attributes["pole"], report.attributes["parts"]) == (("7",), ("a", "b"))


@pytest.mark.usefixtures("lamps")
def test_every_wrong_answer_is_named_and_nothing_is_taken(api: Api, city: City) -> None:
    before = city.stats().reports
    missing = post(api, data=GOOD | {"service_code": "lamp", "attribute[state]": ""})
    assert missing.status_code == 400
    assert missing.json() == [
        {"code": 400, "description": "attribute[pole] was not provided."},
        {"code": 400, "description": "attribute[state] was not provided."},
    ]
    wrong = {"pole": "a\nb", "height": "nan", "since": "yesterday", "state": "c", "parts": "d", "more": "x" * 5_000}
    answer = post(api, data=GOOD | {"service_code": "lamp"} | {f"attribute[{k}]": v for k, v in wrong.items()})
    assert answer.status_code == 400
    assert len(answer.json()) == 6
    for code in wrong:
        assert f"attribute[{code}]" in answer.text
    for number in ("1e400", "inf", "1_0", "0x10", "٣", "--1", "9" * 40):
        form = GOOD | {"service_code": "lamp", "attribute[pole]": "1", "attribute[state]": "a"}
        assert post(api, data=form | {"attribute[height]": number}).status_code == 400, number
    assert post(api, data=form | {"attribute[state]": ["a", "b"]}).status_code == 400
    assert city.stats().reports == before


def test_what_cannot_be_a_request_is_refused_in_its_words(api: Api, city: City) -> None:
    before = city.stats().reports
    for form, status, words in (
        ({}, 400, "service_code was not provided."),
        ({"service_code": "none"} | PLACE, 404, "service_code none was not found."),
        ({"service_code": "road"}, 400, "lat and long, address_string or address_id has to be provided."),
        ({"service_code": "road", "lat": "1"}, 400, "long was not provided."),
        (GOOD | {"lat": "x"}, 400, "lat has to be a number of degrees, not “x”."),
        (GOOD | {"lat": "nan"}, 400, "lat has to be a number of degrees, not “nan”."),
        (GOOD | {"long": "-inf"}, 400, "long has to be a number of degrees, not “-inf”."),
        (GOOD | {"long": "1e999"}, 400, "long has to be a number of degrees, not “1e999”."),
        (GOOD | {"lat": "90.01"}, 400, "lat lies between -90 and 90."),
        (GOOD | {"description": "x" * 4_001}, 400, "description has at most 4,000 characters."),
        (GOOD | {"media_url": "javascript:alert(1)"}, 400, "media_url has to be an address"),
        (GOOD | {"media_url": "file:///etc/passwd"}, 400, "media_url has to be an address"),
        (GOOD | {"description": "a\x00b"}, 400, "A form holds no NUL characters."),
        (GOOD | {"api_key": "nobody's"}, 403, "Invalid api_key received."),
    ):
        answer = post(api, data=form)
        assert (answer.status_code, answer.json()[0]["code"]) == (status, status), form
        assert answer.json()[0]["description"].startswith(words)
    pdf = post(api, data=GOOD, files={"media": ("x.jpg", b"%PDF-1.7", "image/jpeg")})
    assert (pdf.status_code, pdf.json()[0]["description"]) == (400, "media has to be a photo: JPEG, PNG or WebP.")
    for _ in range(2):  # a front sends it again: no report was made that it was not told of
        files = [("media", ("1.jpg", JPEG, "image/jpeg")), ("media", ("2.jpg", JPEG[: len(JPEG) // 2], "image/jpeg"))]
        cut = post(api, data=GOOD, files=files)
        assert (cut.status_code, "photo" in cut.json()[0]["description"]) == (400, True)
    assert city.stats().reports == before


@pytest.mark.parametrize(
    ("kind", "body", "status", "words"),
    [
        ("x-www-form-urlencoded", b"a=" + b"%41" * 80_001, 400, "The form has more than 80,000 encoded bytes."),
        ("x-www-form-urlencoded", b"a=" + b"%" * 200_000, 400, "The form has more than 80,000 encoded bytes."),
        ("x-www-form-urlencoded", b"&".join([b"a=1"] * 201), 400, "The form has more than 200 fields."),
        ("x-www-form-urlencoded", b"a=" + b"b" * 300_000, 413, ""),
        ("json", b'{"a": [' + b"1," * 100_000 + b"1]}", 400, "The body has too many fields."),
        ("json", b'{"attribute": {"a": [' + b"[]," * 90_000 + b"1]}}", 400, "The body has too many fields."),
        ("json", b'{"a": "' + b"b" * 300_000 + b'"}', 413, ""),
        ("octet-stream", b"b" * 300_001, 413, ""),
    ],
)
def test_what_costs_much_to_read_is_refused_before_it_is(
    api: Api, kind: str, body: bytes, status: int, words: str
) -> None:
    """A6: without an account a body of a megabyte cost a fifth of a second."""
    answer = post(api, data=body, headers={"Content-Type": f"application/{kind}"})
    assert answer.status_code == status
    assert answer.json()[0]["description"].startswith(words)


def test_a_long_text_in_any_encoding_is_taken(api: Api) -> None:
    words = "\N{WATER WAVE}+ %&=é" * 400
    form = GOOD | {"description": words}
    by_form = post(api, data=form)
    by_json = post(api, data=json.dumps(form).encode(), headers={"Content-Type": "application/json"})
    others = "&".join(f"{name}={value}" for name, value in GOOD.items() if name != "description")
    raw = others.encode() + b"&description=caf\xc3\xa9+%C3%A9%2B%"
    by_hand = post(api, data=raw, headers={"Content-Type": "application/x-www-form-urlencoded"})
    for answer, said in ((by_form, words), (by_json, words), (by_hand, "café é+%")):
        assert answer.status_code == 201, answer.text
        number = answer.json()[0]["service_request_id"]
        read = api.session.get(f"{api.url}/open311/v2/requests/{number}.json", timeout=10).json()
        assert read[0]["description"] == said


def test_hostile_bodies_are_answered_with_a_clear_no(api: Api, city: City) -> None:
    before = city.stats().reports
    urlencoded, multipart = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
    for kind, body, status in (
        (urlencoded, b"service_code=road&description=%ff%fe", 400),
        (urlencoded, "service_code=road&description=é".encode("latin-1"), 400),
        (urlencoded, b"&".join(b"a=1" for _ in range(5_000)), 400),
        (urlencoded, b"a" * 32_000_000, 413),
        (multipart, b"--x\r\nnonsense", 400),
        (multipart, b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--", 400),
        (multipart, b"--y\r\nContent-Disposition: form-data; name=a\r\n\r\na\r\n--y--", 400),
        (multipart, b"--x\r\nContent-Disposition: form-data; name=description\r\n\r\n\xe9\r\n--x--", 400),
        (
            f"{multipart}; charset=unicode_escape",
            b"--x\r\nContent-Disposition: form-data; name=description\r\n\r\n\\ud800\r\n--x--",
            400,
        ),
        (multipart, b"", 400),
        ("multipart/form-data", b"--x", 400),
        ("application/json", b"[" * 100_000, 400),
        ("application/json", b'{"service_code":"road","lat":' + b"9" * 5_000 + b',"long":1}', 400),
        ("application/json", b'{"service_code":"road","lat":NaN,"long":1}', 400),
        ("application/json", b'{"service_code":{"a":1}}', 400),
        ("application/json", b'{"description":"\\ud800"}', 400),
        ("application/json", b"[]", 400),
        ("application/json", b"\xff", 400),
        ("text/plain", b"hello", 400),
        ("application/xml", b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>", 400),
    ):
        answer = post(api, data=body, headers={"Content-Type": kind})
        assert answer.status_code == status, (kind, body[:60], answer.text)
        assert answer.json()[0]["code"] == status
    assert city.stats().reports == before


def test_words_of_every_script_come_through_in_every_kind_of_body(api: Api, city: City) -> None:
    text = "Banjir di Jl. Café — 洪水 🌊\u200fفيضان"
    form = GOOD | {"description": text}
    for more in ({"data": form}, {"data": form, "files": {"media": ("é.jpg", JPEG)}}, {"json": form}):
        assert city.report(key_of(post(api, **more))).description == text


def test_without_users_this_computer_may_post_and_foreign_pages_may_not(api: Api) -> None:
    key_of(post(api, data=GOOD))
    assert post(api, data=GOOD, headers=ELSEWHERE).status_code == 403
    assert post(api, data=GOOD, headers={"Host": "evil.test"}).status_code == 403
    assert post(api, data=GOOD, headers={"Host": "[::1"}).status_code == 403
    assert post(api, data=GOOD, headers={"Origin": "http://[::1"}).status_code == 403


def test_with_users_a_key_is_needed_and_works_from_any_page(city: City, tmp_path: Path) -> None:
    token = add_user(city, "rina", "operator")
    key, mute = add_client(city, "portal"), add_client(city, "mute", may_post=False)
    with running(city, tmp_path / "media", Users(city)) as url:
        api = Api(url)
        for form in (GOOD, GOOD | {"api_key": mute}, GOOD | {"api_key": token}):
            answer = post(api, data=form, headers={"X-Test": "1"})
            assert (answer.status_code, answer.json()[0]["code"]) == (403, 403)
        assert post(api, data=GOOD).json()[0]["description"] == "api_key was not provided: ask the city for one."
        made = key_of(post(api, data=GOOD | {"api_key": key}, headers=ELSEWHERE))
        assert city.entries(made)[0].author == "portal"
        key_of(post(api, f"requests.json?api_key={key}", data=GOOD))
        remove_client(city, "portal")
        assert post(api, data=GOOD | {"api_key": key}).status_code == 403
        api.session.close()


def test_the_city_says_whether_everybody_may_post(city: City, tmp_path: Path) -> None:
    add_user(city, "rina", "operator")
    with running(city, tmp_path / "media", Users(city), citizens=CitizenOptions(Posting.OPEN)) as url:
        api = Api(url)
        key_of(post(api, data=GOOD, headers=ELSEWHERE))
        api.session.close()
    with running(city, tmp_path / "media", citizens=CitizenOptions(Posting.KEYED)) as url:
        api = Api(url)
        assert post(api, data=GOOD).status_code == 403
        api.session.close()


def test_a_city_is_one_jurisdiction(city: City, tmp_path: Path) -> None:
    with running(city, tmp_path / "media", citizens=CitizenOptions(jurisdiction="testville.gov")) as url:
        api = Api(url)
        services = f"{url}/open311/v2/services.json"
        for asked, status in (("testville.gov", 200), ("TestVille.gov", 200), ("", 200), ("else.gov", 404)):
            answer = api.session.get(services, params={"jurisdiction_id": asked}, timeout=10)
            assert answer.status_code == status
        assert answer.json() == [{"code": 404, "description": "jurisdiction_id else.gov was not found."}]
        assert post(api, data=GOOD | {"jurisdiction_id": "else.gov"}).status_code == 404
        key_of(post(api, data=GOOD | {"jurisdiction_id": "testville.gov"}))
        api.session.close()


def test_too_many_posts_are_told_when_to_come_again(city: City, tmp_path: Path) -> None:
    key = add_client(city, "portal")
    with running(city, tmp_path / "media", limits=RateLimits({KEY_POST: "1 per 1 minute"})) as url:
        api = Api(url)
        key_of(post(api, data=GOOD | {"api_key": key}))
        answer = post(api, "requests.xml", data=GOOD | {"api_key": key})
        assert (answer.status_code, fromstring(answer.content).findtext("error/code")) == (429, "429")
        assert int(answer.headers["Retry-After"]) > 0
        set_client_rate(city, "portal", "5 per 1 hour")
        assert [post(api, data=GOOD | {"api_key": key}).status_code for _ in range(6)] == [201] * 5 + [429]
        own = add_client(city, "own", rate="3 per 1 hour")
        assert [post(api, data=GOOD | {"api_key": own}).status_code for _ in range(4)] == [201, 201, 201, 429]
        assert [each.rate for each in list_clients(city)] == ["3 per 1 hour", "5 per 1 hour"]
        for wrong in ("fast", "0 per 1 hour"):
            with pytest.raises(Invalid):
                set_client_rate(city, "own", wrong)
        with pytest.raises(NotFound):
            set_client_rate(city, "nobody", None)
        api.session.close()


def test_keys_are_kept_as_hashes_and_names_are_one_each(city: City) -> None:
    key = add_client(city, "portal")
    with city.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM api_clients").all()
    assert key not in str(rows)
    assert [(each.name, each.may_post) for each in list_clients(city)] == [("portal", True)]
    with pytest.raises(Invalid):
        add_client(city, "portal")
    with pytest.raises(Invalid):
        add_client(city, "\x07")
    with pytest.raises(NotFound):
        remove_client(city, "nobody")


def test_a_request_with_a_key_is_taken_once_with_its_photos(api: Api, city: City) -> None:
    key = {"Idempotency-Key": "3f0e8a52-6a0e-4a55-9d6c-5b7f4a0f9f11"}
    files = [("media", ("1.jpg", JPEG, "image/jpeg")), ("media", ("2.png", PNG, "image/png"))]
    numbers = {key_of(post(api, data=GOOD, files=files, headers=key)) for _ in range(3)}
    assert len(numbers) == 1
    assert len(city.report(numbers.pop()).photos) == 2
    other = post(api, data=GOOD | {"description": "Something else."}, files=files, headers=key)
    assert (other.status_code, "key" in other.json()[0]["description"]) == (400, True)
    for guessable in ("1", "x" * 65, "3f0e8a52 6a0e 4a55 9d6c 5b7f4a0f9f11"):
        refused = post(api, data=GOOD, headers={"Idempotency-Key": guessable})
        assert (refused.status_code, "32 to 64" in refused.json()[0]["description"]) == (400, True)
    assert len({key_of(post(api, data=GOOD)) for _ in range(2)}) == 2


def test_what_a_program_sends_again_within_an_hour_is_one_report(city: City, tmp_path: Path, clock: Clock) -> None:
    """FixMyStreet sends again when an answer is lost on the way, after five minutes and then every half hour."""
    key, other = add_client(city, "FixMyStreet"), add_client(city, "portal")
    with running(city, tmp_path / "media", citizens=CitizenOptions(Posting.KEYED)) as url:
        api = Api(url)
        when = {"requested_datetime": "2026-03-02T07:59:00Z"}
        form = GOOD | {"api_key": key, "description": "Banjir", "email": "a@b.test", "attribute[fixmystreet_id]": "7"}
        form |= when

        def sent(**more: str) -> str:
            return key_of(post(api, data=form | more, files={"media": ("1.jpg", JPEG)}))

        first = sent()
        for minutes in (5, 30, 20):
            clock.skip(minutes=minutes)
            assert sent() == first
        assert len(city.report(first).photos) == 1
        assert [entry.text for entry in city.entries(first) if entry.kind == "note"] == [
            "The same has come again: the answer to it was lost on the way, or somebody else says the same."
        ] * 3
        others = {"lat": "-6.855"}, {"description": "Banjir!"}, {"email": "c@b.test"}, {"service_code": "talk"}
        numbers = {sent(**more) for more in (*others, {"api_key": other})}
        assert len(numbers | {first}) == 6
        clock.skip(minutes=6)
        assert sent() not in numbers | {first}
        with ThreadPoolExecutor(4) as pool:
            assert len(set(pool.map(lambda _: sent(description="Pohon tumbang"), range(8)))) == 1
        api.session.close()


def test_two_families_who_say_the_same_are_two_reports(city: City, tmp_path: Path, clock: Clock) -> None:
    """A chat of the city's takes down a category and a point, and the houses of a lane have one."""
    key = add_client(city, "chat")
    with running(city, tmp_path / "media", citizens=CitizenOptions(Posting.KEYED)) as url:
        api = Api(url)

        def sent(**more: str) -> str:
            return key_of(post(api, data=GOOD | {"api_key": key, "description": "Banjir"} | more))

        times = ({"requested_datetime": f"2026-03-02T08:{minute}:00Z"} for minute in ("05", "25"))
        numbers = [sent(**each) for each in (*times, {"call_id": "1"}, {"call_id": "2"}, {})]
        assert len(set(numbers)) == 5
        # Who says it after the work has ended does not mean that work.
        (first, *_, last) = numbers
        api.ok(last, "merge", {"into": first})
        assert sent() == last
        api.ok(first, "close", {"disposition": "nothing there"})
        again = sent()
        assert again not in numbers
        assert sent() == again
        api.session.close()


@pytest.mark.usefixtures("lamps")
def test_what_was_filed_before_a_question_was_asked_is_taken_with_a_remark(
    city: City, tmp_path: Path, clock: Clock
) -> None:
    (lamp,) = [each for each in city.services() if each.code == "lamp"]
    key = add_client(city, "FixMyStreet")
    before = clock.now
    with running(city, tmp_path / "media", citizens=CitizenOptions(Posting.OPEN)) as url:
        api = Api(url)
        form = GOOD | {"service_code": "lamp", "attribute[pole]": "K-1", "attribute[state]": "a"}
        clock.skip(days=1)
        lost = replace(lamp, attributes=(*lamp.attributes, ServiceAttribute("colour", "Colour?", required=True)))
        city.put_services([lost])
        assert post(api, data=form).status_code == 400, "a citizen is asked now"
        made = post(api, data=form | {"api_key": key})
        report = city.report(key_of(made))
        assert (report.attributes["pole"], report.remarks) == (("K-1",), ("Not answered: Colour?",))
        assert "attribute[colour] was not provided." in made.json()[0]["service_notice"]
        clock.skip(days=8)
        late = form | {"api_key": key, "description": "late"}
        assert post(api, data=late).status_code == 400
        assert post(api, data=late | {"requested_datetime": clock.now.isoformat()}).status_code == 400
        key_of(post(api, data=late | {"requested_datetime": before.isoformat()}))
        city.put_services([replace(lost, valid_to=clock.now)])
        assert post(api, data=form).status_code == 404
        report = city.report(key_of(post(api, data=form | {"api_key": key, "description": "retired"})))
        assert (report.service, report.remarks[0]) == (None, "Its service “lamp” is no longer there.")
        api.session.close()


class Watched(bytes):
    """A body that counts how often it is searched."""

    searches = 0

    def __contains__(self, part: object) -> bool:
        self.searches += 1
        return super().__contains__(part)  # type: ignore[operator]


def test_a_form_is_not_searched_once_for_each_of_its_texts() -> None:
    """190 texts and a file of 14 MB took 5 s of the processor, of anybody."""
    words = [f"Pohon tumbang di Jalan Raya № {number}, é" for number in range(190)]
    parts = [f'--x\r\nContent-Disposition: form-data; name="f{n}"\r\n\r\n{text}\r\n' for n, text in enumerate(words)]
    body = Watched("".join([*parts, "--x--\r\n"]).encode())
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "headers": [(b"content-type", b"multipart/form-data; boundary=x")],
    }
    form = read_form(Request(scope), body)
    assert [form.one(f"f{n}") for n in range(190)] == words
    assert body.searches < 5
