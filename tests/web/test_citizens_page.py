"""A citizen on a phone: reports, loses the network, follows the report, looks at the map."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from api_client.model import EditBody, Kind, Report, Status
from console.server.city import backup
from console.server.city.records import LOCAL, LoadedReport
from tests.web.accessibility import assert_accessible
from tests.web.conftest import LAT, LON, Site, jpeg, load, upload

OFFLINE = ["ERR_INTERNET_DISCONNECTED", "ERR_FAILED"]


def write(page: Page, *, text: str = "Water up to the knee.", photos: int = 1) -> None:
    """Everything up to the send button."""
    page.get_by_role("button", name="Flood").click()
    page.get_by_role("button", name="Use my position").click()
    expect(page.locator("#accuracy")).to_contain_text("14")
    expect(page.locator("#outside")).to_be_hidden()
    page.get_by_role("button", name="Next").click()
    page.get_by_label("What do you see?").fill(text)
    page.set_input_files("#photo", [upload(f"{n}.jpg", jpeg(colour=(n * 40, 90, 90))) for n in range(photos)])
    expect(page.locator("#photos figure")).to_have_count(photos)


def number_on(page: Page, left: int = 0) -> str:
    """The number on the last page, when all photos but `left` have arrived."""
    expect(page.locator(f"#done[data-state=sent][data-left='{left}']")).to_be_visible()
    return page.locator("#done-number").inner_text()


LINES_OF_A_LONG_WORD = """(name) => {
  const before = name.textContent;
  name.textContent = "Verkehrszeichenbeschädigung";
  const lines = name.offsetHeight / parseFloat(getComputedStyle(name).lineHeight);
  name.textContent = before;
  return lines;
}"""
"""Of a category's tile: it gets wider before a word is broken inside."""


def send(page: Page) -> None:
    page.get_by_role("button", name="Send report").click()


def test_a_report_with_position_photo_and_contact_is_in_the_city(site: Site, phones: Any) -> None:
    page = phones(site).page
    page.goto(site.url)
    page.get_by_label("Search categories").fill("monsoon")
    expect(page.locator(".tile")).to_have_count(1)
    assert page.locator(".tile span").evaluate(LINES_OF_A_LONG_WORD) == 1
    write(page, photos=2)
    expect(page.locator("#accuracy")).to_contain_text("City", use_inner_text=False)
    page.get_by_text("Your contact (optional)").click()
    expect(page.get_by_text("Only officials see this.")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("Rina")
    page.get_by_label("Telephone").fill("0812 3456 7890")
    assert_accessible(page)
    send(page)
    number = number_on(page)
    expect(page.locator("#waiting")).to_be_hidden()
    report = site.city.report(number)
    assert (report.service, report.description, report.channel) == ("flood", "Water up to the knee.", "web")
    assert (report.lat, report.lon, report.area) == (LAT, LON, "c")
    assert [photo.role for photo in report.photos] == ["report", "report"]
    for photo in report.photos:
        kept = Image.open(io.BytesIO((site.media / str(photo.sha256)).read_bytes()))
        assert (kept.format, kept.size) == ("JPEG", (1600, 1200))
    assert site.city.contact(number, LOCAL).name == "Rina"
    page.get_by_role("link", name="Follow this report").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Flood")
    expect(page.locator("#status")).to_have_text("New")
    assert "Rina" not in page.content()
    assert "7890" not in page.content()
    page.goto(site.url)
    expect(page.locator("#mine")).to_contain_text(number)


def test_a_place_by_tapping_and_the_questions_of_a_service(site: Site, phones: Any) -> None:
    page = phones(site, locale="id-ID").page
    page.goto(site.url)
    page.locator("#search").fill("Lámp")  # an accent is no other word, on whichever side it stands
    page.get_by_role("button", name="Street lamp").click()
    page.get_by_role("button", name="Lanjut").click()
    expect(page.locator("#said")).to_contain_text("Tentukan dulu tempatnya")
    expect(page.locator("#map[data-areas='2']")).to_be_visible()
    page.locator("#map").click()
    expect(page.locator("#accuracy")).to_contain_text("Titik dipilih di peta")
    with page.expect_request("**/open311/v2/services/*") as asked:
        page.get_by_role("button", name="Lanjut").click()
    assert asked.value.header_value("accept-language") == "id-ID,id", "at last in the language of the page itself"
    page.locator("#description").fill("Mati sejak kemarin.")
    expect(page.locator("#question-pole")).to_be_visible()
    page.get_by_role("button", name="Kirim laporan").click()
    expect(page.locator("#said")).to_contain_text("Number of the pole")
    page.locator("#question-pole").fill("P-17")
    page.get_by_role("button", name="Kirim laporan").click()
    report = site.city.report(number_on(page))
    assert report.attributes == {"pole": ("P-17",)}
    assert report.lat is not None
    assert abs(report.lat - LAT) < 0.01


@pytest.mark.parametrize("how", ["offline", "busy"])
def test_a_report_is_not_lost_for_a_question_that_could_not_be_asked(site: Site, phones: Any, how: str) -> None:
    """It was saved, sent later and refused, "attribute[pole] was not provided", with a button to remove it only."""
    phone = phones(site)
    page = phone.page
    page.goto(site.url)
    page.get_by_role("button", name="Street lamp").click()
    page.get_by_role("button", name="Use my position").click()
    expect(page.locator("#accuracy")).to_contain_text("14")
    if how == "offline":
        phone.context.set_offline(True)
    else:
        page.route("**/open311/v2/services/*", lambda route: route.fulfill(status=429, body="{}"))
    page.get_by_role("button", name="Next").click()
    page.get_by_label("What do you see?").fill("Live wire hangs in the water at the school gate")
    expect(page.locator("#questions input")).to_have_count(0)
    page.get_by_role("button", name="Send report").click()
    phone.context.set_offline(False)
    report = site.city.report(number_on(page))
    assert report.description == "Live wire hangs in the water at the school gate"
    assert report.remarks == ("Not answered: Number of the pole",)
    phone.watch.wrong.clear()  # what the browser says of the network that was away


def test_the_nearest_open_report_of_the_same_kind_is_shown_first(site: Site, phones: Any) -> None:
    now = datetime.now(UTC)
    places = {
        "near": (LAT + 0.0005, "flood"),
        "nearest": (LAT + 0.0003, "flood"),
        "far": (LAT + 0.01, "flood"),
        "other": (LAT, "drain"),
    }
    reports = [
        Report(key, 1, Status.NEW, service, 3, "Water", now, now, lat=lat, lon=LON)
        for key, (lat, service) in places.items()
    ]
    site.city.load([LoadedReport(report) for report in reports])
    page = phones(site).page
    page.goto(site.url)
    write(page, photos=0)
    expect(page.locator("#near-text")).to_contain_text("Flood, 30 m from here")
    page.get_by_role("button", name="This is another").click()
    expect(page.locator("#near")).to_be_hidden()
    page.get_by_role("button", name="Back").click()
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#near-text")).to_contain_text("Flood, 60 m from here")
    page.get_by_role("link", name="Follow that one").click()
    page.get_by_role("button", name="I see this too").click()
    expect(page.get_by_role("button", name="You have said that you see it too")).to_be_disabled()
    assert [entry.kind for entry in site.city.entries("near")] == ["me_too"]


def test_a_draft_outlives_a_reload(site: Site, phones: Any) -> None:
    page = phones(site).page
    page.goto(site.url)
    write(page, text="Half a sen")
    page.wait_for_function(
        """async () => { const open = indexedDB.open("sigap"); await new Promise((done) => { open.onsuccess = done; });
        const asked = open.result.transaction("draft").objectStore("draft").get("draft");
        await new Promise((done) => { asked.onsuccess = done; });
        return asked.result?.description === "Half a sen" && asked.result.photos.length === 1; }"""
    )
    page.reload()
    expect(page.get_by_label("What do you see?")).to_have_value("Half a sen")
    expect(page.locator("#photos img")).to_have_count(1)
    send(page)
    assert len(site.city.report(number_on(page)).photos) == 1


def test_a_report_written_offline_is_sent_once_when_the_network_returns(site: Site, phones: Any) -> None:
    phone = phones(site)
    phone.watch.allowed += OFFLINE
    page = phone.page
    page.goto(site.url)
    page.evaluate("navigator.serviceWorker.ready")  # it has all that the first visit needs to be the only one
    write(page)
    phone.context.set_offline(True)
    send(page)
    expect(page.locator("#head-done")).to_have_text("Saved on this phone")
    expect(page.locator("#waiting")).to_contain_text("waiting for the network, will be sent")
    assert site.numbers() == []
    page.reload()  # the page itself opens without a network
    expect(page.locator("#waiting .mark[data-mark=saved]")).to_be_visible()
    expect(page.locator("#waiting")).to_contain_text("waiting for the network, will be sent")
    expect(page.locator(".tile")).to_have_count(3)
    page.get_by_role("button", name="Try again now").click()
    phone.context.set_offline(False)
    expect(page.locator("#mine")).to_be_visible()
    expect(page.locator("#waiting")).to_be_hidden()
    [number] = site.numbers()
    assert len(site.city.report(number).photos) == 1


def test_lost_answers_make_no_second_report_and_a_lost_photo_no_lost_report(site: Site, phones: Any) -> None:
    phone = phones(site, service_workers="block")
    phone.watch.allowed += [*OFFLINE, "Service Worker registration blocked", "429"]
    lost = {"/reports": 1, "/photos/1": 1}
    refused = [True]

    def lose(route: Route) -> None:
        part = "/photos/1" if "/photos/" in route.request.url else "/reports"
        if refused:
            refused.clear()  # many phones behind one address
            route.fulfill(status=429, headers={"Sigap-Server": "x", "Retry-After": "9"}, json={"error": "too_many"})
        elif lost[part]:
            lost[part] -= 1
            route.fetch()  # the server has it, the phone never hears of it
            route.abort()
        else:
            route.continue_()

    phone.context.route(re.compile(r"/public/v1/reports(/[^/]+/photos/\d)?$"), lose)
    page = phone.page
    page.goto(site.url)
    write(page)
    send(page)
    expect(page.locator("#head-done")).to_have_text("Saved on this phone")
    expect(page.locator("#done-text")).to_contain_text("The city's server has very much to do at this moment.")
    expect(page.locator("#waiting")).to_contain_text("the server has very much to do, will be sent")
    page.locator("#retry").click()
    expect(page.locator("#waiting")).to_contain_text("waiting for the network, will be sent")
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/photos/1")):
        page.locator("#retry").click()  # while one try is under way another is none
    expect(page.locator("#waiting")).to_contain_text("photos still to be sent")
    assert number_on(page, left=1)
    page.locator("#retry").click()
    number = number_on(page)
    expect(page.locator("#waiting")).to_be_hidden()
    assert site.numbers() == [number]
    assert len(site.city.report(number).photos) == 1
    assert lost == {"/reports": 0, "/photos/1": 0}


@pytest.mark.parametrize("where", ["the report's page", "the map"])
def test_a_photo_that_was_on_its_way_is_sent_from_the_page_that_its_reporter_went_to(
    site: Site, phones: Any, where: str
) -> None:
    """The link broke its sending off: nothing said so, and it came when the form was opened again, or never."""
    phone = phones(site, service_workers="block")
    phone.watch.allowed += [*OFFLINE, "Service Worker registration blocked"]
    photos = re.compile(r"/photos/\d$")
    phone.context.route(photos, lambda route: route.abort())
    page = phone.page
    page.goto(site.url)
    write(page)
    send(page)
    number = number_on(page, left=1)
    page.get_by_role("link", name="Follow this report" if where == "the report's page" else "Map").click()
    expect(page.locator("#waiting")).to_contain_text(f"received as {number}, photos still to be sent")
    phone.context.unroute(photos)
    page.get_by_role("button", name="Try again now").click()
    expect(page.locator("#waiting")).to_be_hidden()
    assert len(site.city.report(number).photos) == 1


def test_a_position_that_the_phone_knows_only_roughly_is_told_to_be_so(site: Site, phones: Any) -> None:
    """The control room saw a point that may be two kilometres off as the very place."""
    phone = phones(site)
    phone.context.set_geolocation({"latitude": LAT + 1, "longitude": LON, "accuracy": 2_000})
    page = phone.page
    page.goto(site.url)
    page.get_by_role("button", name="Flood").click()
    page.get_by_role("button", name="Use my position").click()
    expect(page.locator("#accuracy")).to_contain_text("2,000")
    expect(page.locator("#outside")).to_contain_text("outside Testville")
    page.get_by_role("button", name="Next").click()
    page.get_by_label("What do you see?").fill("Water in the house")
    send(page)
    rough = number_on(page)
    assert site.city.report(rough).within_m == 2_000
    another = phones(site).page
    another.goto(site.url)
    write(another, photos=0)
    send(another)
    assert site.city.report(number_on(another)).within_m == 0


@pytest.mark.parametrize("where", ["a point", "an address"])
def test_a_position_that_is_found_late_does_not_take_the_place_of_what_was_chosen(
    site: Site, phones: Any, where: str
) -> None:
    """The report of a fire down the street went to where its reporter stood, while the page still named his choice."""
    page = phones(site).page
    page.add_init_script("navigator.geolocation.getCurrentPosition = (found) => { window.found = found; };")
    page.goto(site.url)
    page.get_by_role("button", name="Flood").click()
    page.get_by_role("button", name="Use my position").click()
    if where == "a point":
        page.locator("#map").click(position={"x": 120, "y": 90})
        expect(page.locator("#accuracy")).not_to_contain_text("Looking")
    else:
        page.get_by_label("Address or landmark").fill("Jl. Uji 5")
    page.get_by_role("button", name="Next").click()
    page.evaluate(f"found({{coords: {{latitude: {LAT}, longitude: {LON}, accuracy: 10}}}})")
    page.get_by_label("What do you see?").fill("Fire")
    send(page)
    report = site.city.report(number_on(page))
    assert (report.lat, report.lon) != (LAT, LON)
    assert (report.lat is None) == (where == "an address")


def test_a_photo_that_the_network_never_takes_holds_no_other_report_up(site: Site, phones: Any) -> None:
    """A fire waited behind the photo of a broken lamp for as long as the network was thin."""
    phone = phones(site, service_workers="block")
    phone.watch.allowed += [*OFFLINE, "Service Worker registration blocked"]
    phone.context.route(re.compile(r"/photos/1$"), lambda route: route.abort())
    page = phone.page
    page.goto(site.url)
    write(page)
    send(page)
    first = number_on(page, left=1)
    page.get_by_role("button", name="Report something else").click()
    write(page, text="FIRE, two children inside", photos=0)
    send(page)
    expect(page.locator("#done-number")).not_to_have_text(first)
    second = number_on(page)
    assert site.city.report(second).description == "FIRE, two children inside"


def test_a_report_that_a_restored_server_has_lost_is_sent_again_while_the_phone_has_it(
    site: Site, phones: Any, tmp_path: Path
) -> None:
    """A photo waited; the server denied the report, and the phone dropped it: "The report itself is there"."""
    night = tmp_path / "night.backup"
    database = site.city.database.url.render_as_string(hide_password=False)
    assert backup.backup(database, night) == 0
    phone = phones(site, service_workers="block")
    phone.watch.allowed += ["404", "413", "Service Worker"]
    page = phone.page
    page.goto(site.url)
    write(page, text="FIRE, two children inside", photos=2)
    too_much = re.compile(r"/photos/2$")
    phone.context.route(too_much, lambda route: route.fulfill(status=413, body="too large for this proxy"))
    send(page)
    lost = number_on(page, left=1)
    assert backup.restore(database, night, replace=True) == 0
    phone.context.unroute(too_much)
    page.locator("#retry").click()
    number = number_on(page)
    expect(page.locator("#done-number")).not_to_have_text(lost)
    assert (site.numbers(), number != lost) == ([number], True)
    report = site.city.report(number)
    assert (report.description, len(report.photos)) == ("FIRE, two children inside", 2)
    expect(page.locator("#waiting")).to_be_hidden()
    page.goto(site.url)
    expect(page.locator("#mine")).to_contain_text(number)
    expect(page.locator("#mine")).not_to_contain_text(lost)


def test_a_photo_of_a_report_that_was_deleted_ends_with_it(site: Site, phones: Any) -> None:
    """The server numbers it as before, and denies it: that is not tried for ever."""
    phone = phones(site, service_workers="block")
    phone.watch.allowed += ["404", "413", "Service Worker"]
    page = phone.page
    page.goto(site.url)
    write(page)
    photos = re.compile(r"/photos/1$")
    phone.context.route(photos, lambda route: route.fulfill(status=413, body="too large for this proxy"))
    send(page)
    number = number_on(page, left=1)
    site.city.remove("report", number)
    phone.context.unroute(photos)
    page.locator("#retry").click()
    assert number_on(page) == number
    expect(page.locator("#waiting")).to_be_hidden()
    assert site.numbers() == []


def test_a_report_is_followed_to_its_end_and_opened_again_by_its_reporter_only(site: Site, phones: Any) -> None:
    page = phones(site).page
    page.goto(site.url)
    write(page, text="Call me: 0812 3456 7890, rina@example.org")
    send(page)
    number = number_on(page)
    page.get_by_role("link", name="Follow this report").click()
    expect(page.locator("#description")).to_be_visible()
    assert "7890" not in page.locator("main").inner_text()
    assert "example.org" not in page.locator("main").inner_text()
    expect(page.locator("#photo-card")).to_be_hidden()

    def staff(kind: Kind, **data: Any) -> None:
        site.city.apply(EditBody(f"staff-{kind}-{len(site.city.entries(number))}", kind, data=data), report=number)

    staff(Kind.REPLY, text="We are on the way. <b>Soon</b>")
    staff(Kind.SET, status="progress")
    page.reload()
    expect(page.locator("#status")).to_have_text("Being worked on")
    expect(page.locator("#history")).to_contain_text("We are on the way. <b>Soon</b>")
    expect(page.locator("#photos img")).to_have_count(1)
    page.wait_for_function("() => document.querySelector('#photos img').naturalWidth === 1280")

    neighbour = phones(site).page
    neighbour.goto(f"{site.url}/r/{number}")
    neighbour.get_by_role("button", name="I see this too").click()
    expect(neighbour.get_by_role("button", name="You have said that you see it too")).to_be_disabled()
    neighbour.reload()
    expect(neighbour.get_by_role("button", name="You have said that you see it too")).to_be_disabled()
    assert [e.kind for e in site.city.entries(number)].count("me_too") == 1

    staff(Kind.CLOSE, disposition="Not found at this place")
    neighbour.reload()
    expect(neighbour.locator("#status")).to_have_text("Closed without work")
    expect(neighbour.locator("#reason")).to_have_text("Reason: Not found at this place")
    expect(neighbour.get_by_role("button", name="Not solved")).to_be_hidden()
    page.reload()
    page.get_by_role("button", name="Yes, it is solved").click()
    expect(page.locator("#answer-thanks")).to_be_visible()
    assert site.city.entries(number)[-1].text == "The reporter is satisfied."
    page.get_by_role("button", name="Not solved").click()
    page.get_by_role("button", name="Open it again").click()
    expect(page.locator("#why-said")).to_have_text("Write what is still wrong.")
    page.get_by_label("What is still wrong?").fill("It is still there")
    page.set_input_files("#why-photo", upload("again.jpg", jpeg(colour=(200, 90, 90))))
    expect(page.locator("#why-photos img")).to_have_count(1)
    with page.expect_response("**/photos/4"):
        page.get_by_role("button", name="Open it again").click()
    expect(page.locator("#status")).to_have_text("Taken up again")
    assert site.city.report(number).photos[-1].role == "other"
    expect(page.locator("#photos img")).to_have_count(1)
    assert "The reporter is not satisfied: It is still there" in [one.text for one in site.city.entries(number)]


def test_a_report_that_is_closed_again_is_opened_again_from_the_same_page(site: Site, phones: Any) -> None:
    """The second complaint bore the key of the first: it was answered as taken, and the report stayed closed."""
    page = phones(site).page
    page.clock.install()
    page.goto(site.url)
    write(page, photos=0)
    send(page)
    number = number_on(page)
    page.get_by_role("link", name="Follow this report").click()
    for turn, text in enumerate(["Again", "Again", "It is still there"]):
        expect(page.locator("#status")).to_have_text("Taken up again" if turn else "New")
        version = site.city.report(number).version
        closing = EditBody(f"staff-closes-{turn}", Kind.CLOSE, data={"disposition": "Not found"})
        site.city.apply(closing, report=number, if_match=version)
        page.clock.run_for(31_000)  # the page looks again by itself
        page.get_by_role("button", name="Not solved").click()
        expect(page.get_by_label("What is still wrong?")).to_have_value("")
        page.get_by_label("What is still wrong?").fill(text)
        page.clock.run_for(1_000)
        page.get_by_role("button", name="Open it again").click()
        expect(page.locator("#status")).to_have_text("Taken up again")
        assert [entry.kind for entry in site.city.entries(number)].count("reopen") == turn + 1
    assert site.city.entries(number)[-1].text == "The reporter is not satisfied: It is still there"


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [(404, "text/html", "<h1>default backend</h1>"), (200, "application/json", '{"login": "required"}')],
    ids=["not found", "of a portal"],
)
def test_what_answers_in_the_servers_place_ends_no_report(
    site: Site, phones: Any, status: int, kind: str, body: str
) -> None:
    """Of a 404 only "Remove" was left; after a portal's answer the report was gone, told as sent."""
    phone = phones(site, service_workers="block")
    phone.watch.allowed += ["404", "Service Worker"]
    page = phone.page
    page.goto(site.url)
    write(page, photos=0)
    page.route("**/public/v1/reports", lambda route: route.fulfill(status=status, content_type=kind, body=body))
    with page.expect_response("**/public/v1/reports"):
        send(page)
    expect(page.locator("#retry")).to_be_visible()
    expect(page.locator("#done[data-state=waiting]")).to_be_visible()
    expect(page.locator("#mine")).to_be_hidden()
    page.unroute("**/public/v1/reports")
    page.locator("#retry").click()
    number = number_on(page)
    assert site.numbers() == [number]
    expect(page.locator("#waiting")).to_be_hidden()


def test_a_double_tap_on_a_service_puts_no_point_on_the_map(site: Site, phones: Any) -> None:
    """Its second tap hit the map that had come in the place of the tiles: a place that nobody had meant."""
    phone = phones(site)
    page = phone.page
    page.clock.install()
    page.goto(site.url)
    tile = page.get_by_role("button", name="Flood")
    expect(tile).to_be_visible()
    phone.keep_moment()
    tile.scroll_into_view_if_needed()
    box = tile.bounding_box()
    assert box is not None
    place = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.click(*place)
    expect(page.locator("#map.leaflet-container")).to_be_visible()
    hit = "([x, y]) => Boolean(document.elementFromPoint(x, y).closest('.leaflet-container'))"
    assert page.evaluate(hit, place), "the map is where the tile was"
    page.mouse.click(*place)
    page.clock.run_for(700)
    expect(page.locator("#accuracy")).to_be_empty()
    page.mouse.click(*place)
    expect(page.locator("#accuracy")).not_to_be_empty()


def test_without_javascript_a_report_is_made_by_forms_and_followed(site: Site, phones: Any) -> None:
    page = phones(site, java_script_enabled=False).page
    page.goto(site.url)
    page.get_by_label("What is the problem?").select_option("flood")
    page.get_by_label("Address or landmark").fill("Jl. Uji 7")
    page.get_by_role("button", name="Next").click()
    page.get_by_label("What do you see?").fill("Water")
    page.set_input_files("#photo", upload("water.jpg", jpeg()))
    page.get_by_role("button", name="Send report").click()
    expect(page.get_by_role("heading", name="Report received")).to_be_visible()
    [number] = site.numbers()
    report = site.city.report(number)
    assert (report.address, report.description, len(report.photos)) == ("Jl. Uji 7", "Water", 1)
    site.city.apply(EditBody("closed", Kind.CLOSE, data={"disposition": "Not found"}), report=number)
    page.get_by_role("link", name="ID").click()
    page.get_by_role("button", name="Ya, beres").click()
    expect(page.locator("main")).to_contain_text("Anda menyatakan masalahnya beres.")
    assert site.city.entries(number)[-1].text == "The reporter is satisfied."
    page.goto(f"{site.url}/r/{number}")
    expect(page.get_by_role("heading", name="Flood")).to_be_visible()


def test_a_number_that_nobody_has(site: Site, phones: Any) -> None:
    phone = phones(site)
    phone.watch.allowed.append("404")
    phone.page.goto(site.url)
    phone.page.get_by_label("Follow a report by its number").fill("no/such")
    phone.page.get_by_role("button", name="Open").click()
    expect(phone.page.locator("#said")).to_have_text("There is no report no/such here. Check the number.")


def test_without_the_map_library_reports_are_made_by_address_and_listed(site: Site, phones: Any) -> None:
    phone = phones(site, service_workers="block")
    phone.watch.allowed += [*OFFLINE, "Service Worker registration blocked"]
    phone.context.route("**/leaflet.js", lambda route: route.abort())
    page = phone.page
    page.goto(site.url)
    page.get_by_role("button", name="Flood").click()
    page.get_by_label("Address or landmark").fill("Jl. Uji 7")
    page.get_by_role("button", name="Next").click()
    page.get_by_label("What do you see?").fill("Water")
    send(page)
    assert site.city.report(number_on(page)).address == "Jl. Uji 7"
    load(site.city, 3)
    page.goto(f"{site.url}/map")
    expect(page.locator("#rows li")).to_have_count(3)


def test_two_thousand_reports_are_counted_filtered_and_opened(site: Site, phones: Any) -> None:
    load(site.city, 2_000)
    page = phones(site, viewport={"width": 1366, "height": 768}).page
    page.goto(f"{site.url}/map")
    expect(page.locator("#total")).to_contain_text("2,000 reports")
    expect(page.locator("#rows li")).to_have_count(40)
    counts = [int(text.replace(",", "")) for text in page.locator(".cell").all_inner_texts()]
    assert sum(counts) == 2_000
    assert len(counts) < 300
    page.get_by_label("Category").select_option(label="Drain")
    expect(page.locator("#total")).to_contain_text("1,000 reports")
    page.get_by_label("Show").select_option(label="Closed in the last 30 days")
    expect(page.locator("#total")).to_have_text("No reports in this part of the map")
    page.get_by_label("Show").select_option(label="Both")
    expect(page.locator("#total")).to_contain_text("1,000 reports")
    for _ in range(6):
        with page.expect_response(re.compile("/public/v1/map")):
            page.get_by_role("button", name="Nearer").click()
    expect(page.locator(".pin").first).to_be_visible()
    page.locator(".pin").first.click()
    expect(page.locator("#picked")).to_contain_text("Drain")
    page.locator("#picked").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Drain")


def test_the_back_button_goes_back_one_step_and_what_is_missing_is_said_where_it_is_seen(
    site: Site, phones: Any
) -> None:
    page = phones(site).page
    page.goto(site.url)
    write(page, photos=0, text="")
    page.get_by_text("Your contact (optional)").click()
    send(page)
    expect(page.locator("#said")).to_contain_text("Write a few words")
    expect(page.locator("#said")).to_be_in_viewport(ratio=1)
    for step in (2, 1):
        page.go_back()
        expect(page.locator(f"#step-{step}")).to_be_visible()
    page.go_forward()
    expect(page.locator("#step-2")).to_be_visible()
    page.get_by_role("button", name="Next").click()
    page.get_by_label("What do you see?").fill("Water.")
    send(page)
    number_on(page)
    page.go_back()
    expect(page.locator("#step-1")).to_be_visible()


def test_a_browser_that_keeps_nothing_for_sites_sends_all_the_same(site: Site, phones: Any) -> None:
    phone = phones(site)
    refused = "{get() { throw new DOMException('forbidden', 'SecurityError'); }}"
    for name in ("localStorage", "sessionStorage", "indexedDB"):
        phone.context.add_init_script(f"Object.defineProperty(window, '{name}', {refused});")
    page = phone.page
    page.goto(site.url)
    expect(page.locator("#said")).to_contain_text("keeps no drafts")
    write(page, text="Water.", photos=1)
    send(page)
    assert site.city.report(number_on(page)).description == "Water."
    load(site.city, 1)
    page.goto(f"{site.url}/r/r0")
    page.get_by_role("button", name="I see this too").click()
    expect(page.get_by_role("button", name="You have said")).to_be_disabled()
