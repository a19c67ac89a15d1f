"""The citizens' pages without scripts: forms that the server writes and reads, by the rules of all other pages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
from typing_extensions import override

from api_client.model import EditBody, Kind, Service, ServiceAttribute, Status
from console.server.city.city import City
from console.server.city.users import Users, add_user
from console.server.pages.html import tag
from console.server.pages.page_texts import PageTexts
from tests.helpers.pictures import picture
from tests.unit.server.conftest import Clock, running

OWN = {"Sec-Fetch-Site": "same-origin"}
LAMP = Service("lamp", "Street lamp", attributes=(ServiceAttribute("pole", "Number of the pole", required=True),))


class Form(HTMLParser):
    """What a page shows: its words, what its fields hold, and which of them are wrong."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words, self.fields, self.wrong, self._area = "", dict[str, str](), set[str](), ""
        self.feed(page)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "input" and (given.get("type") not in ("radio", "checkbox") or "checked" in given):
            self.fields[name] = given.get("value") or ""
        if "aria-invalid" in given:
            self.wrong.add(given["aria-describedby"] or "")
        self._area = name if tag == "textarea" else ""

    @override
    def handle_data(self, data: str) -> None:
        self.words += data + "\n"
        if self._area:
            self.fields[self._area] = data


class Browser:
    """A browser without scripts."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str) -> requests.Response:
        return requests.get(urljoin(self.url, path), timeout=60)

    def send(
        self, path: str, data: dict[str, str], photos: tuple[bytes, ...] = (), *, headers: dict[str, str] = OWN
    ) -> requests.Response:
        files: Any = [("photo", ("p", one, "image/png")) for one in photos] or [("photo", ("", b""))]
        address = urljoin(self.url, path)
        return requests.post(address, data=data, files=files, headers=headers, timeout=60, allow_redirects=False)

    def report(self, **entered: str) -> str:
        """Report something; the address of the page that is shown then."""
        form = Form(self.get("/?plain=1&step=2&service=road&address=Jl.+Melati+4").text).fields
        sent = self.send("/?plain=1", form | {"description": "A hole"} | entered)
        assert sent.status_code == 303, sent.text
        return sent.headers["location"]


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Both databases are for the calls of the API, which do the same."""
    return f"sqlite:///{tmp_path / 'city.db'}"


@pytest.fixture
def browser(city: City, tmp_path: Path) -> Iterator[Browser]:
    city.put_services([LAMP])
    add_user(city, "sari", "operator")
    with running(city, tmp_path / "media", Users(city)) as url:
        yield Browser(url)


def number_in(address: str) -> str:
    return address.partition("/r/")[2].partition("?")[0]


def test_a_report_is_made_once_and_followed_to_its_end_and_back(city: City, browser: Browser, clock: Clock) -> None:
    form = Form(browser.get("/?plain=1&step=2&service=road&address=Jl.+Melati+4").text).fields
    entered = form | {"description": "A hole, rina@example.org", "name": "Rina", "phone": "0812 3456 7890"}
    sent = [browser.send("/?plain=1", entered, (picture("PNG", (40, 30)),)) for _ in range(2)]
    assert [one.status_code for one in sent] == [303, 303]
    page = sent[0].headers["location"]
    number = number_in(page)
    assert page == sent[1].headers["location"], "sent again it is the same report"
    refused = Form(browser.send("/?plain=1", entered | {"description": "A hole. A child is in it!"}).text)
    assert f"has arrived as report {number}" in refused.words
    assert browser.send("/?plain=1", refused.fields).status_code == 303, "other words are another report"
    report = city.report(number)
    assert (report.address, report.lat, len(report.photos), report.service) == ("Jl. Melati 4", None, 1, "road")
    shown = browser.get(page)
    assert "Keep the address of this page" in shown.text
    assert "example.org" not in shown.text
    assert shown.headers["referrer-policy"] == "same-origin", "no other site learns the key"
    assert shown.headers["cache-control"] == "no-store"
    assert "form-action 'self'" in shown.headers["content-security-policy"]
    # its end
    city.apply(EditBody("progress-1", Kind.SET, data={"status": "progress"}), report=number)
    city.apply(EditBody("close-1", Kind.CLOSE, data={"disposition": "Not found"}), report=number)
    page = page.replace("&new=1", "")
    words = Form(browser.get(page).text).words
    assert "Reason: Not found" in words
    assert "You can answer until 1 Apr 2026." in words
    assert "Yes, it is solved" not in Form(browser.get(f"/r/{number}?plain=1").text).words, "the reporter alone answers"
    form = Form(browser.get(page).text).fields
    for _ in range(2):
        assert browser.send(page, form | {"deed": "satisfied"}).status_code == 303
    assert [entry.text for entry in city.entries(number)].count("The reporter is satisfied.") == 1
    assert "You have said that it is solved" in browser.get(page).text
    # and back
    refused = Form(browser.send(page, form | {"deed": "not-solved"}).text)
    assert refused.wrong == {"fault-text"}
    again = browser.send(page, form | {"deed": "not-solved", "text": "Still there"}, (picture("PNG", (41, 30)),))
    assert again.status_code == 303
    report = city.report(number)
    assert (report.status, [photo.role for photo in report.photos]) == (Status.RETURNED, ["report", "other"])
    reason = next(entry for entry in city.entries(number) if entry.kind == Kind.REOPEN)
    assert reason.text == "The reporter is not satisfied: Still there"
    city.apply(EditBody("close-2", Kind.CLOSE, data={"disposition": "Not found"}), report=number)
    assert "Yes, it is solved" in browser.get(page).text, "of another end it is another question"
    clock.now += timedelta(days=31)
    assert "Yes, it is solved" not in browser.get(page).text
    late = browser.send(page, form | {"deed": "not-solved", "text": "Still there", "once": "n" * 40})
    assert (late.status_code, city.report(number).status) == (422, Status.CLOSED)
    assert "make a new one" in late.text


def test_what_is_wrong_is_said_beside_each_field_and_what_was_typed_stays(city: City, browser: Browser) -> None:
    first = browser.get("/?plain=1&step=2&service=nothing")
    assert (first.status_code, Form(first.text).wrong) == (422, {"fault-service", "fault-address"})
    form = Form(browser.get("/?plain=1&step=2&service=lamp&address=Jl.+Melati+4").text).fields
    entered = form | {"description": "Dark <b>here</b>", "phone": "0812 3456 7890"}
    refused = browser.send("/?plain=1", entered, (b"no photo",))
    again = Form(refused.text)
    assert (refused.status_code, again.wrong) == (422, {"fault-attribute[pole]", "fault-photo"})
    kept = {name: again.fields[name] for name in entered}
    assert kept == entered, "the key too: what was taken meanwhile is not taken twice"
    empty = browser.send("/?plain=1", entered | {"description": " ", "attribute[pole]": "12"})
    assert Form(empty.text).wrong == {"fault-description"}
    long = browser.send("/?plain=1", entered | {"description": "x" * 5_001, "attribute[pole]": "12"})
    assert long.status_code == 422
    taken = browser.send(
        "/?plain=1", entered | {"attribute[pole]": "12"}, (picture("PNG", (40, 30)), picture("PNG", (40, 31))[:-30])
    )
    assert "lost=1" in taken.headers["location"], "a photo that cannot be shown takes nothing from the report"
    report = city.report(number_in(taken.headers["location"]))
    assert (report.description, report.attributes, len(report.photos)) == ("Dark <b>here</b>", {"pole": ("12",)}, 1)
    assert "<b>here" not in browser.get(taken.headers["location"]).text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "HERE"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Referer": "http://evil.example/HERE"},
        {"X-Of-No-Browser": "1"},
    ],
    ids=["cross-site", "same-site", "rebound", "hidden", "referred", "unsaid"],
)
def test_no_other_site_fills_in_a_form_with_a_visitors_browser(
    city: City, browser: Browser, headers: dict[str, str]
) -> None:
    sent = {name: value.replace("HERE", browser.url) for name, value in headers.items()}
    form = {"key": "k" * 40, "service": "road", "address": "Jl. Melati 4", "description": "A hole"}
    before = city.stats().reports
    assert browser.send("/?plain=1", form, headers=sent).status_code == 403
    deed = browser.send("/r/10?plain=1", {"deed": "me-too", "once": "o" * 40}, headers=sent)
    assert (deed.status_code, city.stats().reports, city.entries("10")) == (403, before, [])
    for own in ({"Origin": browser.url}, {"Referer": browser.url + "/?plain=1"}):
        assert browser.send("/?plain=1", form, headers=own).status_code == 303


def test_the_latest_reports_are_listed_and_each_has_its_page(city: City, browser: Browser) -> None:
    data = {"service": "road", "description": "x", "lat": -6.85, "lon": 106.15}
    made = city.apply(EditBody("placed", Kind.CREATE, data=data)).answer.report
    assert made is not None
    row = f"/r/{made.id}?plain=1"
    assert row in browser.get("/map?plain=1").text
    assert row in browser.get("/map?plain=1&service=road&state=").text
    assert row not in browser.get("/map?plain=1&service=lamp").text
    assert row not in browser.get("/map?plain=1&state=closed").text
    assert (
        "Laporan terbaru"
        in requests.get(f"{browser.url}/map?plain=1", headers={"Accept-Language": "id"}, timeout=60).text
    )
    page = f"/r/{made.id}?plain=1"
    form = Form(browser.get(page).text).fields
    assert browser.send(page, form | {"deed": "me-too"}).status_code == 303
    assert city.entries(made.id)[-1].kind == Kind.ME_TOO
    for path in ("/r/nobody", "/r/nobody?plain=1"):
        assert browser.get(path).status_code == 404, path
    assert browser.get(f"/r/{made.id}").status_code == 200


def test_a_key_that_is_not_the_reporters_answers_nothing(city: City, browser: Browser) -> None:
    page = browser.report()
    number = number_in(page)
    city.apply(EditBody("close-it", Kind.CLOSE, data={"disposition": "Not found"}), report=number)
    for deed in ("satisfied", "not-solved"):
        sent = browser.send(page, {"deed": deed, "key": "x" * 40, "once": "o" * 40, "text": "Mine"})
        assert sent.status_code == 403
    assert city.report(number).status is Status.CLOSED


def test_texts_stay_texts_and_turn_nothing_round() -> None:
    written = tag("p", "<b>\u202e&", title='"><script>', hidden=True, data_x=None).text
    assert written == '<p title="&quot;&gt;&lt;script&gt;" hidden>&lt;b&gt;&amp;</p>'
    at = datetime(2026, 5, 1, 22, 5, tzinfo=UTC)
    assert PageTexts("id").date_time(at, "Asia/Jakarta") == "2 Mei 2026, 05.05"
    assert PageTexts("en").date(at, "No/Where") == "1 May 2026"
