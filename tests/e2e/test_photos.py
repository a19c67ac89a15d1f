"""The photos of the chosen report: each is decoded once, and slow ones hold nothing but photos."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from PIL import Image
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from api_client.model import Area, Photo, PhotoRole, ProofFlag, Report, Status
from console.images.process import ImageProcess, store_photo
from console.panels.report.details import ReportDetails
from console.panels.report.photos import PhotoCards
from console.tasks import Tasks
from tests.helpers.city import console
from widgets.photos import PhotoCard

COUNTING = """
import runpy
with open({file!r}, "a") as file:
    file.write(".")
runpy.run_module("console.images.worker", run_name="__main__")
"""
HANGING = """
import os, time
while not os.path.exists({file!r}):
    time.sleep(0.01)
"""


@pytest.fixture
def tasks() -> Iterator[Tasks]:
    tasks = Tasks("photos", 1)
    yield tasks
    tasks.shutdown()


class Cards:
    """The cards over a folder of photos; each child process leaves a dot in `folder`/children."""

    def __init__(self, tasks: Tasks, folder: Path) -> None:
        self._tasks, self._folder = tasks, folder
        code = COUNTING.format(file=str(folder / "children"))
        images = ImageProcess([sys.executable, "-P", "-c", code], timeout_s=60)
        self.cards = PhotoCards(
            tasks, images, lambda sha256: folder / sha256, lambda *_: None, UTC, lambda: datetime.now(UTC)
        )
        self.shown: list[PhotoCard] = []
        self.cards.changed.connect(lambda found: self.shown.extend(found.values()))

    def children(self, qtbot: QtBot) -> int:
        """How many were started, once all is done that was asked for."""
        with qtbot.waitCallback(timeout=60_000) as idle:
            self._tasks.submit(lambda: None, idle)
        return len((self._folder / "children").read_text())


@pytest.fixture
def shown(tasks: Tasks, tmp_path: Path) -> Cards:
    return Cards(tasks, tmp_path)


def details(sha256: str) -> ReportDetails:
    at = datetime(2026, 11, 24, tzinfo=UTC)
    photos = (Photo(sha256, PhotoRole.REPORT),)
    report = Report("1", 1, Status.NEW, "flood", 3, "Water", at, at, photos=photos)
    return ReportDetails(1000, "jkt", "1", report, report, (), (), ())


def jpeg() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48)).save(out, "JPEG")
    return out.getvalue()


def test_a_report_that_changes_while_its_photo_is_read_starts_no_second_child(
    qtbot: QtBot, shown: Cards, tmp_path: Path
) -> None:
    sha256 = store_photo(tmp_path, jpeg()).name
    for _ in range(4):
        shown.cards.set_details(details(sha256))
    assert shown.children(qtbot) == 1
    assert shown.shown[-1].image is not None
    shown.cards.set_details(details(sha256))
    assert shown.children(qtbot) == 1


def test_a_photo_that_cannot_be_read_is_tried_again_only_when_the_link_returns(
    qtbot: QtBot, shown: Cards, tmp_path: Path
) -> None:
    sha256 = store_photo(tmp_path, b"\xff\xd8\xff no photo").name
    for _ in range(3):
        shown.cards.set_details(details(sha256))
        assert shown.children(qtbot) == 1
        assert shown.shown[-1].problem == "The photo can't be read."
    shown.cards.try_again()
    assert shown.children(qtbot) == 2


def test_a_photo_is_held_against_the_whole_area_where_no_more_is_known(
    qtbot: QtBot, tasks: Tasks, tmp_path: Path
) -> None:
    """The proof of "somewhere in Rorotan" was flagged for its 5.1 km from Rorotan's middle."""
    ring = [[106.9, -6.2], [107.0, -6.2], [107.0, -6.1], [106.9, -6.1], [106.9, -6.2]]
    district = Area("c", "Cilincing", 2, lat=-6.1, lon=106.9)
    area = Area(
        "r", "Rorotan", 3, parent="c", geometry={"type": "Polygon", "coordinates": [ring]}, lat=-6.15, lon=106.95
    )
    at = datetime(2026, 11, 24, tzinfo=UTC)
    cards = PhotoCards(
        tasks,
        ImageProcess([sys.executable]),
        lambda _: None,
        lambda *_: None,
        UTC,
        lambda: at,
        areas_of=lambda _: {"r": area, "c": district},
    )
    shown: dict[str, PhotoCard] = {}
    cards.changed.connect(lambda found, _: shown.update(found))
    photos = (
        Photo("1" * 64, PhotoRole.AFTER, taken=at, lat=-6.19, lon=106.98),
        Photo("2" * 64, PhotoRole.AFTER, taken=at, lat=-6.29, lon=106.98),
    )
    report = Report("1", 1, Status.NEW, "flood", 3, "Water", at, at, photos=photos, lat=-6.15, lon=106.95, area="r")
    cards.set_details(ReportDetails(1000, "jkt", "1", report, report, (), (), ()))
    near, far = shown["1" * 64], shown["2" * 64]
    assert (near.problem, near.place) == ("", "5.5 km from the middle of its area")
    assert far.problem == "After photo: taken 15.9 km away", "outside of it all the same"
    of_district = replace(report, lat=-6.1, lon=106.9, area="c")
    cards.set_details(ReportDetails(1000, "jkt", "1", of_district, of_district, (), (), ()))
    assert shown["1" * 64].problem == "", "a district without an outline reaches as far as its parts"
    assert shown["2" * 64].problem == "After photo: taken 22.9 km away"
    at_spot = replace(report, lat=-6.16)
    cards.set_details(ReportDetails(1000, "jkt", "1", at_spot, at_spot, (), (), ()))
    assert shown["1" * 64].problem == "After photo: taken 4.7 km away"


def test_what_speaks_against_a_proof_is_said_with_its_figure(qtbot: QtBot, shown: Cards) -> None:
    """By the server, which knows all photos, and by the console for a server that says nothing."""
    at = datetime(2026, 11, 24, 9, tzinfo=UTC)
    bare = Photo("1" * 64, PhotoRole.AFTER)
    placed = replace(bare, taken=at, lat=-6.15, lon=106.95)
    old = ProofFlag("same_as_proof", report="JK-17", at=datetime(2025, 11, 12, tzinfo=UTC))
    for photo, words in (
        (placed, ""),
        (bare, "it does not say when it was taken, it does not say where it was taken"),
        (replace(bare, flags=(ProofFlag("no_time"), ProofFlag("no_place"))), "it does not say when it was taken, "
         "it does not say where it was taken"),
        (replace(placed, lat=-6.18), "taken 3.3 km away"),
        (replace(placed, flags=(ProofFlag("far", metres=3200.0),)), ""),  # the report was placed anew since
        (replace(placed, taken=at - timedelta(hours=3)), "3 h before the report"),
        (replace(placed, flags=(ProofFlag("before_work", seconds=7200.0),)), "2 h before the work"),
        (replace(placed, flags=(ProofFlag("same_as_report"),)), "same picture as the complaint"),
        (replace(placed, flags=(ProofFlag("same_as_report", report="JK-3"),)), "same picture as the complaint JK-3"),
        (replace(placed, flags=(old,)), "same picture as the proof of JK-17, 12 Nov 2025"),
        (replace(placed, flags=(ProofFlag("same_as_proof"),)), "the server doubts it"),
        (replace(placed, flags=(ProofFlag("drawn_by_a_program"),)), "the server doubts it"),
        (replace(bare, role=PhotoRole.BEFORE), ""),
    ):  # fmt: skip
        report = Report("1", 1, Status.VALIDATION, "flood", 3, "Water", at, at, photos=(photo,), lat=-6.15, lon=106.95)
        shown.cards.set_details(ReportDetails(1000, "jkt", "1", report, report, (), (), ()))
        assert shown.shown[-1].problem == (f"After photo: {words}" if words else ""), photo


def test_a_photo_of_another_year_says_which(qtbot: QtBot, shown: Cards) -> None:
    now = datetime.now(UTC)
    for taken, caption in ((now.replace(month=1, day=2), "2 Jan"), (datetime(2018, 1, 2, tzinfo=UTC), "2 Jan 2018")):
        one = details("0" * 64)
        photos = (msgspec.structs.replace(one.shown.photos[0], taken=taken),)
        shown.cards.set_details(msgspec.structs.replace(one, shown=msgspec.structs.replace(one.shown, photos=photos)))
        assert shown.shown[-1].caption == f"{caption} {taken:%H:%M}"


def test_photos_that_take_long_hold_no_search_and_no_view(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> None:
    """Strangers' photos may take seconds each: never of the two workers that make Views."""
    photo, let_go = tmp_path / "photo.jpg", tmp_path / "let_go"
    photo.write_bytes(jpeg())
    with console(tmp_path / "profile", None) as window:
        window.images._command = [sys.executable, "-c", HANGING.format(file=str(let_go))]
        window.images._timeout_s = 120.0
        for _ in range(3):
            window.forms.photos.add(photo, "after", lambda _: None)
        with qtbot.waitCallback(timeout=60_000) as worked:
            window.tasks.submit(lambda: let_go.exists(), worked)
        worked.assert_called_with(False)
        let_go.touch()
