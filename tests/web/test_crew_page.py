"""A crew on a phone: signs in, works a job with photos, with and without a network."""

from __future__ import annotations

import contextlib
import hashlib
import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, Request, Route, expect

from api_client.decoding import decode
from api_client.model import EditBody, Kind, Message, ReadMark, Report, RunCard, Service, Status, Unit, UnitState
from console.server.city import schema
from console.server.city.records import COMMAND_LINE, LOCAL, LoadedReport
from console.server.city.users import KnownUser, add_user, put_users
from console.server.pages import assets
from tests.helpers.patience import Patience
from tests.helpers.proxy import FaultProxy, anything, hang, path_has
from tests.web.accessibility import assert_accessible
from tests.web.conftest import LAT, LON, Site, jpeg, upload

OFFLINE = ["ERR_INTERNET_DISCONNECTED", "ERR_FAILED"]


def edit(site: Site, report: str | None, kind: Kind, **data: Any) -> None:
    site.city.apply(EditBody(str(uuid.uuid4()), kind, data=data), report=report)


def ordered(site: Site, key: str = "700", unit: str = "u1", **more: Any) -> str:
    """A report on which the unit has been sent."""
    now = datetime.now(UTC)
    values: dict[str, Any] = {"address": "Jl. Uji 1", "lat": LAT + 0.01, "lon": LON, "priority": 1} | more
    report = Report(key, 1, Status.NEW, "flood", description="Water on the road.", created=now, updated=now, **values)
    site.city.load([LoadedReport(report)])
    edit(site, key, Kind.DISPATCH, unit=unit)
    return key


def sign_in(page: Page, site: Site, *, remember: bool = False) -> None:
    page.goto(f"{site.url}/crew")
    page.get_by_label("Token").fill(site.token)
    if remember:
        page.get_by_label("Stay signed in on this phone").check()
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#board")).to_be_visible()


def act(page: Page, name: str) -> None:
    page.locator("#acts").get_by_role("button", name=name).click()


def test_a_job_says_who_ordered_it_when_where_and_that_it_is_confidential(crew_site: Site, phones: Any) -> None:
    """It said "by DMK-03", who had acknowledged it, at an hour of the phone's own zone, and no kelurahan."""
    site = crew_site
    page = phones(site, timezone_id="America/New_York").page
    site.city.put_services([Service("flood", "Flood", "water", "flood", priority=2, confidential=True)])
    key = ordered(site, area="w1")
    edit(site, key, Kind.PROGRESS, unit="u1", state="acknowledged")
    site.city.put_run_cards([RunCard("flood", "Flood", ("Ask: is anybody in the water?", "Call"), ("flood",))])
    edit(site, key, Kind.NOTE, text="Call", card="flood")
    sign_in(page, site)
    page.get_by_role("button", name=re.compile("Flood.*Confidential")).click()
    steps = page.locator("#job-steps li")
    expect(steps).to_have_text(["To be done: Ask: is anybody in the water?", re.compile("Done: Calllocal .*")])
    expect(page.locator("#job-notes")).to_be_empty()
    expect(page.locator("#job-facts")).to_contain_text("West ward")
    expect(page.locator("#job-facts")).to_contain_text("No public page shows it")
    assert_accessible(page)
    (job,) = site.city.assignments(key)
    assert job.ordered_at is not None
    at = job.ordered_at.astimezone(ZoneInfo(site.city.facts()[1].timezone))
    expect(page.locator("#job-facts")).to_contain_text(f"{at:%H:%M} by {job.ordered_by}")


def test_an_address_turns_no_area_and_no_distance_round(crew_site: Site, phones: Any) -> None:
    """Behind an override of the direction "350 m" read "m 053", and the area backwards."""
    site = crew_site
    page = phones(site).page
    ordered(site, area="w1", address="Jl.\u202e \u2067Uji 1")
    sign_in(page, site)
    expect(page.get_by_role("button", name=re.compile("Flood"))).to_contain_text("Jl. Uji 1 · West ward")
    page.get_by_role("button", name=re.compile("Flood")).click()
    expect(page.locator("#job-facts")).to_contain_text("Jl. Uji 1 · West ward")


def test_a_job_without_an_address_says_its_point(crew_site: Site, phones: Any) -> None:
    """It said nothing but "Open in map app", which is no place on a phone that has none for such links."""
    site = crew_site
    page = phones(site).page
    ordered(site, address="")
    sign_in(page, site)
    page.get_by_role("button", name=re.compile("Flood")).click()
    expect(page.locator("#job-facts")).to_contain_text(f"{LAT + 0.01:.5f}, {LON:.5f}")


def received(page: Page, count: int) -> None:
    """So many deeds on this job have been received, and nothing waits."""
    expect(page.locator("#job-deeds .mark[data-mark=received]")).to_have_count(count)
    expect(page.locator("#job-deeds .mark:not([data-mark=received])")).to_have_count(0)


def test_two_presses_of_sign_in_are_one_session(crew_site: Site, phones: Any) -> None:
    """Each press had started its own following of the city, the first under the token of the second."""
    site, page = crew_site, phones(crew_site).page
    page.goto(f"{site.url}/crew")
    page.get_by_label("Token").fill(site.token)
    asked: list[Route] = []
    streams: list[str] = []
    page.on("request", lambda request: streams.append(request.url) if "/stream" in request.url else None)
    page.route("**/dispatch/v1/jobs*", lambda route: asked.append(route) if len(asked) < 2 else route.continue_())
    for count in (1, 2):
        with page.expect_request("**/dispatch/v1/jobs*"):
            page.get_by_role("button", name="Sign in").click()
        page.wait_for_function("() => true")
        assert len(asked) == count
    with page.expect_request("**/dispatch/v1/stream"):
        asked[1].continue_()
    with page.expect_response(lambda answer: answer.request == asked[0].request):
        asked[0].continue_()
    ordered(site)  # is told by the stream, after whatever the other answer led to
    expect(page.get_by_role("button", name=re.compile("Flood"))).to_be_visible()
    assert len(streams) == 1


def test_a_job_from_the_order_to_the_end(crew_site: Site, phones: Any) -> None:
    site, phone = crew_site, phones(crew_site)
    page, before, after = phone.page, jpeg(colour=(9, 9, 9)), jpeg(colour=(99, 9, 9))
    sign_in(page, site)
    expect(page.locator("#no-jobs")).to_be_visible()
    ordered(site)  # appears by itself
    page.get_by_role("button", name=re.compile("Flood")).click()
    expect(page.locator("#job-facts")).to_contain_text("Jl. Uji 1")
    expect(page.locator("#job-map")).to_have_attribute("href", re.compile(r"^geo:-6\.19,106\.85\?q="))
    for name in ("Acknowledge", "En route", "On scene"):
        act(page, name)
    expect(page.locator("#job-state")).to_have_text("On scene")
    expect(page.get_by_role("button", name="Done: needs an after photo")).to_be_disabled()
    page.set_input_files("[data-photo=before]", upload("b.jpg", before))
    expect(page.locator("#job-photos img")).to_have_count(1)
    page.set_input_files("[data-photo=after]", upload("a.jpg", after))
    expect(page.locator("#job-photos img")).to_have_count(2)
    page.get_by_label("Write a note").fill("Pump left at the corner.")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator("#job-notes")).to_contain_text("Pump left at the corner.")
    act(page, "Done")
    expect(page.locator("#job-state")).to_have_text("Done")
    received(page, 7)
    report = site.city.report("700")
    assert report.status is Status.VALIDATION
    assert [photo.role.value for photo in report.photos] == ["before", "after"]
    assert all((site.media / str(photo.sha256)).is_file() for photo in report.photos)
    assert {entry.author for entry in site.city.entries("700")[1:]} == {"U1"}
    page.get_by_role("button", name="All jobs").click()
    expect(page.locator("#ended")).to_contain_text("Flood")
    page.get_by_role("button", name="Break").click()
    expect(page.locator("#link")).to_contain_text("Break")
    page.get_by_label("Share my position").check()
    expect(page.locator("#share-said")).to_contain_text("Sent")
    seen = site.city.presence.seen(datetime.now(UTC)).positions["u1"]
    assert (seen[0], seen[1]) == (LAT, LON)
    [unit] = site.city.units()
    assert unit.state is UnitState.BREAK


def test_a_returned_report_asks_for_another_after_photo(crew_site: Site, phones: Any) -> None:
    """With the returned one as proof "Done" was offered, and led nowhere: no crew was there and nothing to validate."""
    site, page = crew_site, phones(crew_site).page
    key, photo = ordered(site), jpeg(colour=(99, 9, 9))
    digest = hashlib.sha256(photo).hexdigest()
    (site.media / digest).write_bytes(photo)

    def be_there() -> None:
        for state in ("acknowledged", "en_route", "on_scene"):
            edit(site, key, Kind.PROGRESS, unit="u1", state=state)

    be_there()
    edit(site, key, Kind.PHOTO, sha256=digest, role="after", unit="u1")
    edit(site, key, Kind.PROGRESS, unit="u1", state="done")
    edit(site, key, Kind.VALIDATE, accepted=False, reason="The street is still dark.")
    edit(site, key, Kind.DISPATCH, unit="u1")
    be_there()
    sign_in(page, site)
    page.locator("#jobs").get_by_role("button", name=re.compile("Flood")).click()
    expect(page.get_by_role("button", name="Done: needs an after photo")).to_be_disabled()
    page.set_input_files("[data-photo=after]", upload("a.jpg", jpeg(colour=(9, 99, 9))))
    act(page, "Done")
    expect(page.locator("#job-state")).to_have_text("Done")
    received(page, 2)
    assert site.city.report(key).status is Status.VALIDATION


def test_the_photos_of_a_report_are_fetched_with_the_token(crew_site: Site, phones: Any) -> None:
    site, page = crew_site, phones(crew_site).page
    ordered(site)
    sign_in(page, site)
    page.get_by_role("button", name=re.compile("Flood")).click()
    for name in ("Acknowledge", "En route", "On scene"):
        act(page, name)
    page.set_input_files("[data-photo=before]", upload("b.jpg", jpeg()))
    received(page, 4)
    page.reload()
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if "/media/" in request.url else None)
    page.get_by_role("button", name=re.compile("Flood")).click()
    picture = page.locator("#job-photos img")
    expect(picture).to_have_attribute("src", re.compile("^blob:"))
    page.wait_for_function("() => document.querySelector('#job-photos img').naturalWidth === 1600")
    assert all(request.headers["authorization"] == f"Bearer {site.token}" for request in asked)


def test_deeds_without_a_network_are_kept_in_order_and_sent_once(crew_site: Site, phones: Any) -> None:
    site, phone = crew_site, phones(crew_site)
    phone.watch.allowed += OFFLINE
    page = phone.page
    ordered(site)
    sign_in(page, site, remember=True)
    page.evaluate("navigator.serviceWorker.ready")  # it has all that the first visit needs to be the only one
    page.get_by_role("button", name=re.compile("Flood")).click()
    phone.context.set_offline(True)
    for name in ("Acknowledge", "En route", "On scene"):
        act(page, name)
    page.set_input_files("[data-photo=after]", upload("a.jpg", jpeg()))
    expect(page.locator("#job-deeds .mark[data-mark=saved]")).to_have_count(4)
    act(page, "Done")
    expect(page.locator("#job-state")).to_have_text("Done")
    expect(page.locator("#offline")).to_be_visible()
    assert site.city.report("700").status is Status.ASSIGNED
    page.reload()  # the page, the jobs and the deeds are on the phone
    # a phone may learn only by trying that there is no network: then the first deed counts as sent, without an answer
    expect(page.locator("#deeds .mark:is([data-mark=saved], [data-mark=sent])")).to_have_count(5)
    phone.context.set_offline(False)
    expect(page.locator("#deeds-part")).to_be_hidden()
    kinds = [(entry.kind, entry.data.get("state")) for entry in site.city.entries("700")]
    assert kinds[-5:] == [
        ("progress", "acknowledged"),
        ("progress", "en_route"),
        ("progress", "on_scene"),
        ("photo", None),
        ("progress", "done"),
    ]
    times = [entry.occurred_at for entry in site.city.entries("700")[-5:]]
    assert times == sorted(times, key=lambda at: at or datetime.max.replace(tzinfo=UTC))
    assert site.city.report("700").status is Status.VALIDATION


def test_what_the_control_room_changed_meanwhile_is_told(crew_site: Site, phones: Any) -> None:
    site, phone = crew_site, phones(crew_site)
    phone.watch.allowed += [*OFFLINE, "422"]
    page = phone.page
    ordered(site)
    sign_in(page, site)
    page.get_by_role("button", name=re.compile("Flood")).click()
    phone.context.set_offline(True)
    act(page, "Acknowledge")
    expect(page.locator("#job-state")).to_have_text("Acknowledged")
    edit(site, "700", Kind.RECALL, unit="u1")
    phone.context.set_offline(False)
    expect(page.locator("#job-deeds")).to_contain_text("The job is no longer as it was")
    expect(page.locator("#job-state")).to_have_text("Recalled")
    page.get_by_role("button", name="Remove from list").click()
    expect(page.locator("#job-deeds-part")).to_be_hidden()


def test_a_crew_that_is_diverted_sees_the_end_of_its_work_and_the_new_order(crew_site: Site, phones: Any) -> None:
    site, page = crew_site, phones(crew_site).page
    ordered(site, priority=3)
    edit(site, "700", Kind.PROGRESS, unit="u1", state="on_scene")
    now = datetime.now(UTC)
    p1 = Report("701", 1, Status.NEW, "flood", 1, "Fire.", created=now, updated=now, address="Jl. Api 2")
    site.city.load([LoadedReport(p1)])
    sign_in(page, site)
    page.get_by_role("button", name=re.compile("Flood")).click()
    expect(page.locator("#job-state")).to_have_text("On scene")
    edit(site, "701", Kind.DISPATCH, unit="u1", leaves=["700"])
    expect(page.locator("#job-state")).to_have_text("Recalled")
    page.get_by_role("button", name="All jobs").click()
    expect(page.get_by_role("button", name=re.compile("Jl. Api 2"))).to_contain_text("New order")


def test_a_phone_whose_clock_is_set_back_goes_on_showing_new_orders(crew_site: Site, phones: Any) -> None:
    """Its clock was a day ahead: for a day the page took every answer for an older one, and said that it was online."""
    site, page = crew_site, phones(crew_site).page
    now = datetime.now(UTC)
    page.clock.install(time=now + timedelta(days=1))
    ordered(site, address="Jl. Lama 1")
    sign_in(page, site)
    expect(page.locator("#jobs")).to_contain_text("Jl. Lama 1")
    page.clock.set_system_time(now)
    edit(site, "700", Kind.RECALL, unit="u1")
    ordered(site, "701", address="Jl. Baru 2")
    page.clock.run_for(5_000)
    expect(page.locator("#jobs")).to_contain_text("Jl. Baru 2")
    page.get_by_role("button", name=re.compile("Jl. Baru 2")).click()
    act(page, "Acknowledge")
    received(page, 1)
    expect(page.locator("#job-state")).to_have_text("Acknowledged")


def test_a_photo_that_a_thin_network_never_takes_holds_no_word_up(crew_site: Site, phones: Any) -> None:
    """What the crew said after it, also that it needs help, waited behind it for as long as the network was thin."""
    site, phone = crew_site, phones(crew_site)
    page = phone.page
    page.clock.install()
    ordered(site)
    for state in ("acknowledged", "en_route", "on_scene"):
        edit(site, "700", Kind.PROGRESS, unit="u1", state=state)
    sign_in(page, site)
    page.get_by_role("button", name=re.compile("Flood")).click()
    page.clock.run_for(1_500)
    held: list[Route] = []
    page.route("**/media/*", lambda route: held.append(route))
    page.set_input_files("[data-photo=after]", upload("a.jpg", jpeg()))
    expect(page.locator("#job-deeds .mark[data-mark=sent]")).to_have_count(1)
    page.get_by_label("Write a note").fill("Water rises, send a boat")
    page.get_by_role("button", name="Add note").click()
    page.clock.run_for(121_000)  # the photo has had its time
    expect(page.locator("#job-deeds .mark[data-mark=received]")).to_have_count(1)
    assert [entry.text for entry in site.city.entries("700")][-1] == "Water rises, send a boat"
    assert held
    page.unroute("**/media/*")
    page.clock.run_for(21_000)
    received(page, 2)


def test_a_phone_that_does_not_know_the_citys_zone_shows_the_jobs(crew_site: Site, phones: Any) -> None:
    """An older phone knows no Europe/Kyiv: its list of jobs stayed empty."""
    site, page = crew_site, phones(crew_site).page
    page.add_init_script(
        """const Known = Intl.DateTimeFormat;
        Intl.DateTimeFormat = function (language, options) {
          if (options?.timeZone) throw new RangeError(`Invalid time zone specified: ${options.timeZone}`);
          return new Known(language, options);
        };"""
    )
    ordered(site)
    sign_in(page, site)
    expect(page.locator("#jobs")).to_contain_text("Flood")


def test_a_refusal_needs_a_reason(crew_site: Site, phones: Any) -> None:
    site, page = crew_site, phones(crew_site).page
    ordered(site)
    sign_in(page, site)
    page.get_by_role("button", name=re.compile("Flood")).click()
    act(page, "Refuse")
    page.get_by_role("button", name="Refuse the job").click()
    expect(page.locator("#refuse")).to_be_visible()
    page.get_by_label("Reason").fill("The pump is broken")
    page.get_by_role("button", name="Refuse the job").click()
    expect(page.locator("#job-state")).to_have_text("Refused")
    received(page, 1)
    assert site.city.entries("700")[-1].text == "The pump is broken"


def test_a_crew_that_is_there_can_say_that_it_cannot_go_on(crew_site: Site, phones: Any) -> None:
    """On scene there was no word for it: the pump was dead, and the P1 stood as being worked on."""
    site, page = crew_site, phones(crew_site).page
    ordered(site)
    sign_in(page, site)
    page.get_by_role("button", name=re.compile("Flood")).click()
    for step in ("Acknowledge", "En route", "On scene", "Cannot go on"):
        act(page, step)
    page.get_by_role("button", name="Tell the control room").click()
    expect(page.locator("#stuck")).to_be_visible()  # not without a word of why
    page.get_by_label("What has happened").fill("The pump is dead, the water rises")
    page.get_by_role("button", name="Tell the control room").click()
    received(page, 4)
    unit = site.city.units()[0]
    assert (unit.state, unit.reason) == (UnitState.UNAVAILABLE, "The pump is dead, the water rises")
    act(page, "We can go on")
    received(page, 5)
    assert site.city.units()[0].state is UnitState.ON_SCENE
    expect(page.locator("#acts").get_by_role("button", name="Cannot go on")).to_be_visible()


def test_a_report_that_is_ordered_again_shows_the_new_order_on_the_page_of_the_one_that_ended(
    crew_site: Site, phones: Any
) -> None:
    """The page stayed at "Refused", without a button, while the crew was to drive."""
    site, page = crew_site, phones(crew_site).page
    ordered(site)
    sign_in(page, site)
    page.get_by_role("button", name=re.compile("Flood")).click()
    act(page, "Refuse")
    page.get_by_label("Reason").fill("The pump is broken")
    page.get_by_role("button", name="Refuse the job").click()
    expect(page.locator("#job-state")).to_have_text("Refused")
    received(page, 1)
    page.get_by_label("Write a note").fill("It runs again")
    edit(site, "700", Kind.DISPATCH, unit="u1")
    expect(page.locator("#job-state")).to_have_text("New order")
    expect(page.locator("#said")).to_have_text("A new order for this report has come.")
    expect(page.get_by_label("Write a note")).to_have_value("It runs again")
    act(page, "Acknowledge")
    expect(page.locator("#job-state")).to_have_text("Acknowledged")
    page.go_back()
    expect(page.locator("#job")).to_be_hidden()


def test_a_tap_amid_which_the_same_jobs_are_drawn_again_is_not_lost(crew_site: Site, phones: Any) -> None:
    """Each answer and each position put other rows in place of the same: the finger was lifted from another one."""
    page = phones(crew_site).page
    ordered(crew_site)
    sign_in(page, crew_site)
    row = page.get_by_role("button", name=re.compile("Flood"))
    row.hover()
    page.mouse.down()
    page.evaluate("document.querySelector('#who').textContent = ''")
    page.evaluate("dispatchEvent(new Event('online'))")  # it asks at once
    expect(page.locator("#who")).to_have_text("U1")  # all is drawn again
    page.mouse.up()
    expect(page.locator("#job-state")).to_have_text("New order")


def test_a_double_tap_says_one_step(crew_site: Site, phones: Any) -> None:
    """The next step's button stood where the first had been tapped: "seen" was told as "on its way" too."""
    site, phone = crew_site, phones(crew_site)
    page = phone.page
    page.clock.install()
    ordered(site)
    sign_in(page, site)
    page.get_by_role("button", name=re.compile("Flood")).click()
    acts = page.locator("#acts").get_by_role("button")
    expect(acts.last).to_be_enabled()
    phone.keep_moment()
    for count, (name, then) in enumerate([("Acknowledge", "En route"), ("En route", "On scene")]):
        button = page.locator("#acts").get_by_role("button", name=name)
        box = button.bounding_box()
        assert box is not None
        place = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.click(*place)
        expect(acts.last).to_have_text(then)
        page.mouse.click(*place)
        page.clock.run_for(900)  # no double tap any more, but nobody can have read it yet
        page.mouse.click(*place)
        received(page, count + 1)
        expect(acts.last).to_have_text(then)
        page.clock.run_for(200)
        expect(acts.last).to_be_enabled()
    said = [entry.data.get("state") for entry in site.city.entries("700") if entry.kind == "progress"]
    assert said == ["acknowledged", "en_route"]


def test_a_double_tap_on_a_job_says_nothing_about_it(crew_site: Site, phones: Any) -> None:
    """Where the row of the job was a button of the job comes to stand; "All jobs" stands where "Break" comes."""
    site, phone = crew_site, phones(crew_site)
    page = phone.page
    page.clock.install()
    ordered(site)
    sign_in(page, site)
    row = page.get_by_role("button", name=re.compile("Flood"))
    expect(row).to_be_visible()
    phone.keep_moment()
    page.evaluate("document.querySelector('#jobs').style.paddingTop = '60vh'")
    row.evaluate("one => scrollBy(0, one.getBoundingClientRect().bottom - innerHeight + 8)")
    box = row.bounding_box()
    assert box is not None
    place = (box["x"] + box["width"] - 40, box["y"] + box["height"] - 20)
    page.mouse.click(*place)
    button = page.locator("#acts").get_by_role("button", name="Acknowledge")
    expect(button).to_be_visible()
    assert page.evaluate("([x, y]) => document.elementFromPoint(x, y).dataset.act", place) == "acknowledged"
    page.mouse.click(*place)
    page.clock.run_for(1_000)
    expect(button).to_be_enabled()
    expect(page.locator("#job-state")).to_have_text("New order")
    edit(site, "700", Kind.RECALL, unit="u1")
    page.evaluate("dispatchEvent(new Event('online'))")  # it asks at once
    expect(page.locator("#job-state")).to_have_text("Recalled")
    box = page.get_by_role("button", name="All jobs").bounding_box()
    assert box is not None
    place = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.click(*place)
    expect(page.locator("#board")).to_be_visible()
    page.mouse.click(*place)
    expect(page.locator("#states [aria-pressed=true]")).to_have_text("Available")
    assert site.city.units()[0].state is UnitState.AVAILABLE


def test_a_refusal_that_cannot_leave_the_phone_says_nothing_of_the_next_order(crew_site: Site, phones: Any) -> None:
    """The new order on the same report was shown as "Refused", among the ended jobs, without a button."""
    site, phone = crew_site, phones(crew_site)
    phone.watch.allowed += ["503", "412", "422"]
    page = phone.page
    ordered(site)
    sign_in(page, site)
    page.get_by_role("button", name=re.compile("Flood")).click()
    page.route("**/reports/700/edits", lambda route: route.fulfill(status=503, json={"message": "Later"}))
    act(page, "Refuse")
    page.get_by_label("Reason").fill("The pump is broken")
    page.get_by_role("button", name="Refuse the job").click()
    expect(page.locator("#job-state")).to_have_text("Refused")
    edit(site, "700", Kind.RECALL, unit="u1")
    edit(site, "700", Kind.DISPATCH, unit="u1")
    expect(page.locator("#job-state")).to_have_text("New order")
    expect(page.locator("#acts").get_by_role("button", name="Acknowledge")).to_be_enabled()
    page.unroute("**/reports/700/edits")
    act(page, "Acknowledge")
    expect(page.locator("#job-state")).to_have_text("Acknowledged")
    expect(page.locator("#job-deeds .mark[data-mark=received]")).to_have_count(1)
    expect(page.locator("#job-deeds .mark[data-mark=refused]")).to_have_count(1)
    said = [entry.data.get("state") for entry in site.city.entries("700") if entry.kind == "progress"]
    assert said == ["acknowledged"]


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (404, "text/plain", "default backend"),
        (403, "application/json", "{}"),
        (200, "application/json", '{"login": 1}'),
    ],
    ids=["not found", "forbidden", "of a portal"],
)
def test_what_answers_in_the_servers_place_ends_no_word_of_a_crew(
    crew_site: Site, phones: Any, status: int, kind: str, body: str
) -> None:
    """One answer of a proxy, and the step never reached the control room: refused for good, or told as received."""
    site, phone = crew_site, phones(crew_site, service_workers="block")
    phone.watch.allowed += [str(status), "Service Worker"]
    page = phone.page
    ordered(site)
    sign_in(page, site)
    page.get_by_role("button", name=re.compile("Flood")).click()
    answered: list[str] = []

    def instead(route: Route) -> None:
        answered.append(route.request.url)
        route.fulfill(status=status, content_type=kind, body=body)

    page.route("**/reports/700/edits", instead)
    with page.expect_response("**/reports/700/edits"):
        act(page, "Acknowledge")
    expect(page.locator("#job-deeds .mark[data-mark=sent]")).to_have_count(1)
    page.evaluate("navigator.locks.request('sigap-deeds', () => {})")  # what was sent has been dealt with
    expect(page.locator("#job-deeds .mark[data-mark=sent]")).to_have_count(1)
    page.unroute("**/reports/700/edits")
    page.evaluate("dispatchEvent(new Event('online'))")
    received(page, 1)
    assert answered
    assert site.city.entries("700")[-1].data["state"] == "acknowledged"


def test_a_photo_that_is_too_much_for_a_proxy_holds_up_no_word(crew_site: Site, phones: Any) -> None:
    site, phone = crew_site, phones(crew_site, service_workers="block")
    phone.watch.allowed += ["413", "Service Worker"]
    page = phone.page
    ordered(site)
    sign_in(page, site)
    page.get_by_role("button", name=re.compile("Flood")).click()
    for name in ("Acknowledge", "En route", "On scene"):
        act(page, name)
    page.route("**/media/*", lambda route: route.fulfill(status=413, content_type="text/html", body="<h1>413</h1>"))
    page.set_input_files("[data-photo=after]", upload("a.jpg", jpeg()))
    act(page, "Done")
    expect(page.locator("#job-deeds .mark[data-mark=received]")).to_have_count(4)
    expect(page.locator("#job-deeds .mark[data-mark=sent]")).to_have_count(1)
    assert site.city.entries("700")[-1].data["state"] == "done"
    page.unroute("**/media/*")
    page.evaluate("dispatchEvent(new Event('online'))")
    received(page, 5)


@contextlib.contextmanager
def kept_page(site: Site, phones: Any) -> Iterator[tuple[Any, FaultProxy]]:
    """The page of a crew that has a job, all of it kept on the phone, behind a proxy."""
    proxy = FaultProxy(int(site.url.rsplit(":", 1)[1]))
    try:
        through = replace(site, url=proxy.url)
        phone = phones(through)
        phone.watch.allowed += ["ERR_", "Failed to load"]
        ordered(through)
        sign_in(phone.page, through, remember=True)
        phone.page.evaluate("navigator.serviceWorker.ready")
        phone.page.reload()
        expect(phone.page.locator("#jobs")).to_contain_text("Flood")
        yield phone.page, proxy
    finally:
        proxy.close()


def test_a_silent_network_holds_the_page_of_a_crew_up_for_moments(crew_site: Site, phones: Any) -> None:
    """It did not open in 75 s, though all of it is on the phone."""
    with kept_page(crew_site, phones) as (page, proxy):
        proxy.when(anything, hang)
        page.reload(wait_until="domcontentloaded")
        expect(page.locator("#jobs")).to_contain_text("Flood")


def test_a_page_is_of_one_version_where_the_network_goes_amid_a_change_of_the_server(
    crew_site: Site, phones: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of its files were the new ones, which do not fit the old ones: the crew saw none of its jobs."""
    with kept_page(crew_site, phones) as (page, proxy):
        there = assets._files()
        deeds = there["assets/js/deeds.js"].body + b"\nexport const mark = 'new';\n"
        crew = b'import { mark } from "./deeds.js";\n' + there["assets/js/crew.js"].body
        crew += b"\ndocument.documentElement.dataset.mark = mark;\n"
        changed = {"assets/js/deeds.js": deeds, "assets/js/crew.js": crew}
        packed = {name: assets.pack(body, "text/javascript") for name, body in changed.items()}
        monkeypatch.setattr(assets, "_files", lambda: there | packed)
        proxy.when(path_has("deeds.js"), hang)
        page.reload(wait_until="domcontentloaded")
        expect(page.locator("#jobs")).to_contain_text("Flood")
        proxy.away()
        page.reload(wait_until="domcontentloaded")
        expect(page.locator("#jobs")).to_contain_text("Flood")
        proxy.heal()
        page.reload()
        page.evaluate("navigator.serviceWorker.ready")
        for _ in range(100):  # what comes too late for one page is there for the next
            page.reload()
            expect(page.locator("#jobs")).to_contain_text("Flood")
            if page.locator("html").get_attribute("data-mark") == "new":
                break
            page.wait_for_timeout(100)
        assert page.locator("html").get_attribute("data-mark") == "new"


def test_two_phones_of_a_crew_are_two_devices(crew_site: Site, phones: Any) -> None:
    """A word of five hours ago came out of a pocket and undid what the other phone had said since."""
    site, first, second = crew_site, phones(crew_site), phones(crew_site)
    ordered(site)
    named: list[str] = []
    for phone, name in ((first, "Acknowledge"), (second, "En route"), (first, "On scene")):
        if name != "On scene":
            sign_in(phone.page, site)
            phone.page.get_by_role("button", name=re.compile("Flood")).click()
        phone.page.evaluate("dispatchEvent(new Event('online'))")
        with phone.page.expect_request("**/reports/700/edits") as asked:
            act(phone.page, name)
        named.append(asked.value.post_data_json["device"])
        received(phone.page, 1 if name != "On scene" else 2)
    assert named[0] == named[2] != named[1]


def test_what_the_phone_cannot_keep_stays_where_it_was_written(crew_site: Site, phones: Any) -> None:
    site, page = crew_site, phones(crew_site).page
    ordered(site)
    sign_in(page, site)
    page.get_by_role("button", name=re.compile("Flood")).click()
    page.evaluate(
        """() => { const put = IDBObjectStore.prototype.put;
        window.mended = () => { IDBObjectStore.prototype.put = put; };
        IDBObjectStore.prototype.put = () => { throw new DOMException("full", "QuotaExceededError"); }; }"""
    )
    note, said = page.get_by_label("Write a note"), page.locator("#said")
    note.fill("Cable under water at the corner")
    page.get_by_role("button", name="Add note").click()
    expect(said).to_contain_text("This phone cannot save it now")
    expect(note).to_have_value("Cable under water at the corner")
    act(page, "Refuse")
    page.get_by_label("Reason").fill("The pump is broken")
    page.get_by_role("button", name="Refuse the job").click()
    expect(page.locator("#refuse")).to_be_hidden()
    expect(said).to_contain_text("This phone cannot save it now")
    act(page, "Refuse")
    expect(page.get_by_label("Reason")).to_have_value("The pump is broken")
    page.evaluate("mended()")
    page.locator("#refuse-close").click()
    page.get_by_role("button", name="Add note").click()
    received(page, 1)
    expect(note).to_have_value("")
    act(page, "Refuse")
    page.get_by_role("button", name="Refuse the job").click()
    received(page, 2)
    assert [entry.text for entry in site.city.entries("700")[-2:]] == [
        "Cable under water at the corner",
        "The pump is broken",
    ]


@pytest.mark.parametrize("last_first", [False, True], ids=["in order", "last first"])
def test_deeds_of_who_signed_out_are_not_sent_by_who_signs_in(crew_site: Site, phones: Any, last_first: bool) -> None:
    """Also when what the link brings is there before the answer to the sign-in, after which nothing was shown."""
    site, phone = crew_site, phones(crew_site)
    phone.watch.allowed += OFFLINE
    page = phone.page
    site.city.put_units([Unit("u2", "U2", UnitState.AVAILABLE, datetime.now(UTC))])
    second = add_user(site.city, "U2", "field")
    ordered(site)
    sign_in(page, site)
    page.get_by_role("button", name=re.compile("Flood")).click()
    phone.context.set_offline(True)
    act(page, "Acknowledge")
    expect(page.locator("#job-state")).to_have_text("Acknowledged")
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("#said")).to_contain_text("Not sent yet: 1")
    held: list[Route] = []
    hold = [True]
    page.route("**/jobs?*", lambda route: held.append(route) if hold else route.continue_())
    phone.context.set_offline(False)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    page.get_by_label("Token").fill(second)
    with page.expect_request("**/jobs?*"):
        page.get_by_role("button", name="Sign in").click()
    page.evaluate("dispatchEvent(new Event('online'))")  # as each 20 seconds
    page.evaluate("navigator.locks.request('sigap-deeds', () => {})")  # whatever is sent now has begun
    for _ in range(1_000):  # the page asks by itself what to do; that comes to this end of the browser when it likes
        if len(held) > 1:
            break
        page.wait_for_timeout(10)
    hold.clear()
    assert len(held) > 1
    if last_first:
        held.pop().continue_()
        expect(page.locator("#board")).to_be_visible()
    for route in held:
        route.continue_()
    expect(page.locator("#sign-in")).to_be_hidden()
    expect(page.locator("#no-jobs")).to_be_visible()
    assert asked == []
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, site)
    expect(page.locator("#deeds-part")).to_be_hidden()
    assert [entry.author for entry in site.city.entries("700")][-1] == "U1"


def test_other_units_jobs_are_not_shown_and_a_wrong_token_is_told(crew_site: Site, phones: Any) -> None:
    site, phone = crew_site, phones(crew_site)
    phone.watch.allowed.append("401")
    page = phone.page
    site.city.put_units([Unit("u2", "U2", UnitState.AVAILABLE, datetime.now(UTC))])
    ordered(site, "800", unit="u2", address="Elsewhere")
    page.goto(f"{site.url}/crew")
    page.get_by_label("Token").fill("not-a-token")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#said")).to_have_text("This token is not known here.")
    sign_in(page, site)
    expect(page.locator("#no-jobs")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("#sign-in")).to_be_visible()
    page.reload()
    expect(page.locator("#sign-in")).to_be_visible()
    assert site.token not in page.evaluate("() => JSON.stringify([localStorage, sessionStorage])")


def test_a_job_that_the_server_has_no_more_is_told_and_not_shown_as_alive(crew_site: Site, phones: Any) -> None:
    """A server that was set back knew nothing of it: its row was gone, and its page went on offering "En route"."""
    site, page = crew_site, phones(crew_site).page
    key = ordered(site)
    sign_in(page, site)
    page.get_by_role("button", name=re.compile("Flood")).click()
    page.get_by_label("Write a note").fill("We are at the bridge")
    with site.city.database.write() as connection:
        connection.execute(sa.delete(schema.assignments))
    edit(site, key, Kind.NOTE, text="The server was set back")
    expect(page.locator("#job-state")).to_have_text("Not at the server any more: ask the control room")
    expect(page.locator("#bottom")).to_be_hidden()
    expect(page.get_by_label("Write a note")).to_have_value("We are at the bridge")
    edit(site, key, Kind.NOTE, text="again")
    page.reload()
    expect(page.locator("#ended")).to_contain_text("Not at the server any more")
    expect(page.locator("#no-jobs")).to_be_visible()
    edit(site, key, Kind.DISPATCH, unit="u1")
    expect(page.locator("#jobs li")).to_have_count(1)


def test_what_a_role_did_not_allow_is_sent_again_once_it_does(crew_site: Site, phones: Any) -> None:
    """A slip in the list of users, mended soon: the crew could but remove its words and photos from the phone."""
    site, phone = crew_site, phones(crew_site)
    phone.watch.allowed.append("403")
    page = phone.page
    key = ordered(site)
    sign_in(page, site)
    page.get_by_role("button", name=re.compile("Flood")).click()
    hashed = hashlib.sha256(site.token.encode()).hexdigest()
    put(site, KnownUser("U1", "viewer", hashed))
    page.get_by_label("Write a note").fill("Two people on the roof")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator("#job-deeds")).to_contain_text("Your user may not do this.")
    put(site, KnownUser("U1", "field", hashed))
    page.locator("#job-deeds").get_by_role("button", name="Try again").click()
    received(page, 1)
    assert [entry.text for entry in site.city.entries(key) if entry.kind == Kind.NOTE] == ["Two people on the roof"]


def put(site: Site, user: KnownUser) -> None:
    with site.city.database.write() as connection:
        last = put_users(site.city.database, connection, [user], COMMAND_LINE, site.city.clock())
    assert last is not None
    site.city.database.announce(last)


def test_a_page_follows_its_call_sign_to_another_unit(crew_site: Site, phones: Any) -> None:
    """It followed the unit that had the call sign at the sign-in: what was sent to its own was on no page."""
    site, page = crew_site, phones(crew_site).page
    now = datetime.now(UTC)
    called = {"car-7": "SDA-01", "car-9": "SDA-09"}
    site.city.put_units([Unit(key, code, UnitState.AVAILABLE, now) for key, code in called.items()])
    site.token = add_user(site.city, "SDA-01", "field")
    sign_in(page, site, remember=True)
    called = {"car-7": "SDA-09", "car-9": "SDA-01"}
    site.city.put_units([Unit(key, code, UnitState.AVAILABLE, now) for key, code in called.items()])
    key = ordered(site, unit="car-9")
    page.get_by_role("button", name=re.compile("Flood")).click()
    act(page, "Acknowledge")
    received(page, 1)
    assert [job.state.value for job in site.city.assignments(key)] == ["acknowledged"]
    page.reload()
    page.get_by_role("button", name=re.compile("Flood")).wait_for()
    expect(page.locator("#who")).to_have_text("SDA-01")


def test_the_control_room_and_a_crew_write_to_one_another(crew_site: Site, phones: Any) -> None:
    site, page = crew_site, phones(crew_site).page
    ordered(site)
    sign_in(page, site)
    page.get_by_role("button", name=re.compile("Flood")).click()
    sent = str(uuid.uuid4())
    data = {"to": {"unit": "u1"}, "text": "Bring <b>two</b> pumps", "report": "700"}
    site.city.apply(EditBody(sent, Kind.MESSAGE, data=data))
    edit(site, None, Kind.MESSAGE, to={}, text="Shift meeting at 15")
    page.get_by_role("button", name="New messages: 2").click()
    messages = page.locator("#messages li")
    expect(messages).to_have_count(2)
    expect(messages.first).to_contain_text("to several")
    expect(messages.last).to_contain_text("Report 700")
    expect(messages.last.locator(".words")).to_have_text("Bring <b>two</b> pumps")
    expect(page.locator("#mail")).to_be_hidden()  # they were in sight
    expect(page.locator("#messages [data-unread]")).to_have_count(0)
    marks = _marks(site, 2)
    assert {(mark.message == sent, mark.who, mark.addressed) for mark in marks} == {
        (True, "U1", True),
        (False, "U1", True),
    }
    page.get_by_label("Write to the control room").fill("On the way")
    page.get_by_role("button", name="Send message").click()
    own = messages.filter(has_text="On the way")
    expect(own.locator(".mark[data-mark=sent]")).to_have_text("Sent")
    expect(page.get_by_label("Write to the control room")).to_have_value("")
    (answer,) = [one for one in _messages(site) if one.text == "On the way"]
    assert (answer.unit, answer.to.role, answer.author) == ("u1", "operator", "U1")
    edit(site, None, Kind.READ, messages=[answer.id])
    expect(own.locator(".mark[data-mark=received]")).to_contain_text("Read")
    page.go_back()
    expect(page.locator("#job-number")).to_have_text("Report 700")


def test_a_message_that_is_written_without_a_network_waits_and_what_was_read_is_told_later(
    crew_site: Site, phones: Any
) -> None:
    site, phone = crew_site, phones(crew_site)
    phone.watch.allowed += OFFLINE
    page = phone.page
    sign_in(page, site, remember=True)
    page.evaluate("navigator.serviceWorker.ready")
    page.evaluate("document.querySelector('#messages-part').hidden = true")
    edit(site, None, Kind.MESSAGE, to={"unit": "u1"}, text="Come back")
    expect(page.locator("#mail")).to_have_text("New messages: 1")
    phone.context.set_offline(True)
    page.reload()  # the page, its messages and what is written are on the phone
    expect(page.locator("#messages")).to_contain_text("Come back")
    page.get_by_role("button", name="New messages: 1").click()
    expect(page.locator("#mail")).to_be_hidden()
    page.get_by_label("Write to the control room").fill("No network here")
    page.get_by_role("button", name="Send message").click()
    own = page.locator("#messages li").filter(has_text="No network here")
    expect(own.locator(".mark[data-mark=saved]")).to_have_count(1)
    assert [one.text for one in _messages(site)] == ["Come back"]
    page.reload()
    expect(own).to_have_count(1)
    phone.context.set_offline(False)
    expect(page.locator("#messages li").first).to_contain_text("No network here")
    expect(own.locator(".mark[data-mark=sent]")).to_have_text("Sent")
    wait_for_server = [one.text for one in _messages(site)]
    assert wait_for_server == ["Come back", "No network here"]
    assert [mark.who for mark in _marks(site, 1)] == ["U1"]


def _messages(site: Site) -> list[Message]:
    items = [item for item in site.city.messages(LOCAL, 0).items if item.kind == "message"]
    return [decode(bytes(item.data), Message) for item in items]


def _marks(site: Site, count: int) -> list[ReadMark]:
    """So many marks of messages that were read, once the server has them: the page shows its own before."""
    patience = Patience(20)
    while True:
        items = [item for item in site.city.messages(LOCAL, 0).items if item.kind == "read_mark"]
        if len(items) >= count or patience.is_over:
            return [decode(bytes(item.data), ReadMark) for item in items]
        time.sleep(0.05)
