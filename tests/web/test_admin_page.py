"""The administration page: a draft is compared, applied, refused, overtaken; folders; names for everything."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from playwright.sync_api import Page, Route, expect

from api_client.model import Unit
from console.server.admin.apply import apply_setup, present_setup
from console.server.admin.sent_folder import SentFolder, packed_folder, read_sent
from console.server.admin.setup import CitySetup, UnitRecord
from console.server.city.records import COMMAND_LINE
from console.server.city.setup_work import DraftNote, note_draft
from console.server.city.users import Users, add_user, new_token
from tests.web.accessibility import assert_accessible
from tests.web.conftest import Site

DESK = {"width": 1440, "height": 900}
_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def signed_in(site: Site, phones: Any, tab: str, *allowed: str) -> Page:
    """The page with the draft of an admin."""
    token = add_user(site.city, "ani", "admin")
    phone = phones(site, viewport=DESK)
    phone.watch.allowed += allowed
    page: Page = phone.page
    page.goto(f"{site.url}/admin#{tab}")
    page.get_by_label("Token").fill(token)
    page.keyboard.press("Enter")
    expect(page.locator("#list table").first).to_be_visible()
    return page


def typed(page: Page, row: str, field: str, words: str) -> None:
    """Write into a cell by the keyboard alone."""
    page.locator("#list tbody tr", has_text=row).first.locator(f"[data-field={field}]").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Control+A")
    page.keyboard.type(words)
    page.keyboard.press("Enter")


def unit_of(site: Site, key: str) -> Unit:
    return next(unit for unit in site.city.units() if unit.id == key)


def test_a_draft_is_compared_outlives_a_reload_and_is_applied_whole(site: Site, phones: Any) -> None:
    page = signed_in(site, phones, "units", "401")
    seq, before = site.city.seq(), present_setup(site.city)
    typed(page, "u1", "name", "Pump crew")
    changed = page.locator("#list td", has_text="Pump crew")
    expect(changed.locator("ins")).to_have_text("Pump crew")
    page.goto(f"{site.url}/admin#users")
    page.reload()
    page.get_by_role("button", name="Add a user").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("rina", delay=150)  # slower than a draft is compared: a row without its name is no fault yet
    page.keyboard.press("Enter")
    button = page.get_by_role("button", name="Apply 2 changes")
    expect(button).to_be_enabled()
    renewed = new_token(site.city, "ani")
    button.click()
    expect(page.locator("#said")).to_have_text("This token is not known here.")
    page.get_by_label("Token").fill(renewed)
    page.keyboard.press("Enter")
    expect(button).to_be_enabled()  # nobody else has been here
    assert present_setup(site.city) == before, "a draft changes nothing"
    assert_accessible(page)
    assert page.evaluate(_WIDE) <= 0
    held: list[Route] = []
    page.route("**/city?seen=*", lambda route: held.append(route))
    button.focus()
    page.keyboard.press("Enter")
    page.goto(f"{site.url}/admin#units")
    typed(page, "u1", "contact", "radio 9")
    held[0].continue_()
    token = page.locator("#tokens code")
    expect(token).to_be_visible()
    assert Users(site.city).actor(token.text_content()).role == "operator"
    changes = {(item.kind, item.id): item.data for item in site.city.changes(seq).items}
    assert b"Pump crew" in bytes(changes["unit", "u1"]), "what open consoles read"
    expect(page.locator("#list td ins")).to_have_count(1)  # once the city is read again
    expect(page.locator("#list td ins")).to_have_text("radio 9")  # typed while the server worked
    expect(page.get_by_role("button", name="Apply 1 change")).to_be_enabled()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate(_WIDE) <= 0


def test_a_fault_marks_its_row_and_nothing_is_applied(site: Site, phones: Any, tmp_path: Path) -> None:
    apply_setup(site.city, CitySetup(units=(UnitRecord("u1", "U1"), UnitRecord("u2", "U2"))), COMMAND_LINE)
    page = signed_in(site, phones, "units", "422")
    before = present_setup(site.city)
    typed(page, "u2", "code", "U1")
    expect(page.locator("#list tr.faulty")).to_contain_text("u2")
    expect(page.locator("#list tr.why")).to_contain_text("is also what unit u1 is called")
    expect(page.get_by_role("button", name="Apply")).to_be_disabled()
    assert present_setup(site.city) == before
    typed(page, "u2", "code", "U2")
    expect(page.locator("#difference h2")).to_have_text("Nothing is changed")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the folder").click()
    saved = Path(download.value.path()).read_bytes()
    assert saved == packed_folder(before)
    assert read_sent(SentFolder({"city.zip": base64.b64encode(saved).decode()}), CitySetup()).setup == before
    page.locator("#folder").set_input_files(
        {"name": "agencies.csv", "mimeType": "text/csv", "buffer": b"code,name\npu,Public works\n"}
    )
    expect(page.locator("#difference li")).to_contain_text("Agency pu")
    page.goto(f"{site.url}/admin#moderation")
    typed(page, "Words", "words", "siti")
    page.keyboard.press("Control+Enter")
    typed(page, "Services", "services", "nothing")
    expect(page.locator("#list-moderation tr.why")).to_contain_text("nothing")
    expect(page.locator("#difference li").last).to_contain_text("Looked at first, Services")
    assert_accessible(page)


def test_what_another_has_applied_meanwhile_is_compared_anew(site: Site, phones: Any) -> None:
    """What both changed is outlined and said; what only the other changed stays as the other has it."""
    note_draft(site.city.database, "budi", DraftNote("b", 2), site.city.clock())
    site.city.presence.look("budi", None, site.city.clock(), "desk")
    page = signed_in(site, phones, "units", "412")
    expect(page.locator("#difference .deeds")).to_contain_text("1 open console and the crew pages")
    expect(page.locator("#drafts")).to_contain_text("budi has a draft open")
    typed(page, "u1", "name", "Mine")
    expect(page.get_by_role("button", name="Apply 1 change")).to_be_enabled()
    seen = note_draft(site.city.database, "budi", DraftNote("b", 0), site.city.clock()).drafts
    assert [(one.who, one.rows) for one in seen] == [("ani", 1)]
    unit = replace((present_setup(site.city).units or ())[0], name="Theirs", contact="radio 9")
    apply_setup(site.city, CitySetup(units=(unit, UnitRecord("u2"))), COMMAND_LINE)
    page.get_by_role("button", name="Apply 1 change").click()
    expect(page.locator("#said")).to_contain_text("Somebody else has applied changes")
    expect(page.locator("#list tr.theirs td.theirs ins")).to_have_text("Mine")
    expect(page.locator("#list tr.theirs td.theirs del")).to_have_text("Theirs")
    assert unit_of(site, "u1").name == "Theirs"
    page.get_by_role("button", name="Apply 1 change").click()
    expect(page.locator("#difference h2")).to_have_text("Nothing is changed")
    assert [(one.id, one.name, one.contact) for one in site.city.units()] == [("u1", "Mine", "radio 9"), ("u2", "", "")]
    expect(page.locator("#applied li")).to_contain_text(["1 unitani", "2 unitscommand line"])
    expect(page.locator("#drafts")).to_be_hidden()


def test_without_javascript_the_city_can_be_read(site: Site, phones: Any) -> None:
    token = add_user(site.city, "ani", "admin")
    page = phones(site, java_script_enabled=False).page
    page.goto(f"{site.url}/admin")
    page.get_by_label("Token").fill(token)
    page.keyboard.press("Enter")
    expect(page.get_by_role("cell", name="West ward")).to_be_visible()
    expect(page.locator("body")).to_contain_text("users.csv")
