"""A photo is a draft from the moment it is chosen until its edit is on the disk; what was not added is said."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from console.images.process import ImageError, ImageProcess, Prepared
from console.panels.forms.drafts import Drafts
from tests.helpers.city import wait_for
from tests.helpers.pictures import picture
from tests.unit.panels.conftest import NOW, Rig, read_drafts
from widgets.forms.ask import AskText
from widgets.forms.choose_one import ChooseOne


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Three photos of one report."""
    found = [tmp_path / f"p{number}.jpg" for number in range(3)]
    for file in found:
        file.write_bytes(picture())
    return found


@pytest.fixture
def listed(rig: Rig) -> Drafts:
    """The drafts of a desk whose cache holds report A alone."""
    reader = rig.cached("A")
    drafts = Drafts(
        rig.window_state, rig.outbox, rig.actions, rig.situation, rig.report_commands, rig.unit_commands,
        rig.closure_commands, rig.forms, rig.tasks, lambda: reader, lambda _: 0, rig.window,
    )  # fmt: skip
    drafts.message.connect(rig.said.append)
    drafts.long_message.connect(rig.said.append)
    wait_for(lambda: rig.outbox._is_open, what="work.db is open")
    return drafts


def kept(rig: Rig) -> dict[str, dict[str, Any]]:
    rig.outbox._thread.wait(10)
    return read_drafts(rig.profile)


def begin(rig: Rig, files: list[Path]) -> None:
    """They are chosen for report A."""
    rig.choose("A")
    details = rig.situation.chosen
    assert details is not None
    for file in files:
        rig.forms.photos.add(
            file,
            "report",
            lambda data: rig.edit_commands.photo(details, data),
            place="photo:city:A",
            about="A Flood, Kemang",
        )


def leave_as_drafts(rig: Rig, files: list[Path]) -> None:
    """The program ended while they were being made ready."""
    for file in files:
        marks = {"drafted_at": NOW.isoformat(), "drafted_by": "rina", "drafted_on": "A Flood, Kemang"}
        rig.outbox.save_draft(f"photo:city:A:{file}", {"text": str(file), "role": "after", **marks})


def test_photos_are_drafts_until_their_edits_are_saved(rig: Rig, listed: Drafts, files: list[Path]) -> None:
    """A kill lost a photo that was chosen and not made ready yet."""
    begin(rig, files)
    assert {key: draft["text"] for key, draft in kept(rig).items()} == {
        f"photo:city:A:{file}": str(file) for file in files
    }
    assert rig.said[-1] == "Preparing 3 photos"
    edits = rig.saved(3)
    assert {(edit.report, edit.data["role"]) for edit in edits} == {("A", "report")}
    assert kept(rig) == {}
    assert rig.said[-1] == "3 photos added"


def test_what_was_under_way_at_the_end_is_listed_and_added_together(
    rig: Rig, listed: Drafts, files: list[Path]
) -> None:
    leave_as_drafts(rig, files)
    listed.tell()
    assert rig.said[-1] == "3 photos not added are kept: Ctrl+Shift+D"
    listed.open()
    form = rig.form()
    assert isinstance(form, ChooseOne)
    assert (form._rows[0].text, form._rows[0].note) == (
        f"Add a photo or proof: {files[0]}",
        "A Flood, Kemang · 08:00",
    )
    QTest.keyClick(form.field, Qt.Key.Key_Return)
    wait_for(lambda: rig.window_state.row, what="its report is chosen")
    rig.situation.set_details(rig.details(rig.window_state.row, "A"))
    edits = rig.saved(3)
    assert {edit.data["role"] for edit in edits} == {"after"}
    assert kept(rig) == {}


def test_a_file_that_is_not_there_keeps_its_draft_which_can_be_cleared(
    rig: Rig, listed: Drafts, files: list[Path]
) -> None:
    """The camera's card is out."""
    card = files[0].rename(files[0].with_name("out.jpg"))
    leave_as_drafts(rig, files[:1])
    listed.go_on(f"photo:city:A:{files[0]}")
    wait_for(lambda: rig.window_state.row, what="its report is chosen")
    rig.situation.set_details(rig.details(rig.window_state.row, "A"))
    wait_for(lambda: rig.forms._open, what="it is said")
    form = rig.form()
    assert isinstance(form, AskText)
    assert "No such file" in form._sentence.text()
    assert form.values() == {"text": str(files[0])}
    assert len(kept(rig)) == 1
    form.reject()
    card.rename(files[0])
    listed.go_on(f"photo:city:A:{files[0]}")
    assert len(rig.saved(1)) == 1
    assert kept(rig) == {}


def test_a_photo_chosen_twice_is_added_once(rig: Rig, listed: Drafts, files: list[Path]) -> None:
    begin(rig, [files[0], files[0]])
    assert rig.said[-1] == "p0.jpg is being prepared already"
    rig.saved(1)
    QTest.qWait(50)
    assert len(rig.outbox.open_edits) == 1


def test_all_that_was_not_added_is_named_at_the_end(
    rig: Rig, listed: Drafts, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of sixty photos one is too large: which one was said nowhere."""
    prepare = ImageProcess.prepare

    def some(process: ImageProcess, path: Path) -> Prepared:
        if path == files[0]:
            raise ImageError("The photo is larger than 15 MB.")
        if path == files[1]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return prepare(process, path)

    monkeypatch.setattr(ImageProcess, "prepare", some)
    begin(rig, files)
    rig.saved(1)
    assert rig.said[-1] == (
        "2 not added · p0.jpg: The photo is larger than 15 MB. · "
        "p1.jpg: The disk is full. Nothing was lost; make room and try again. Kept as a draft: Ctrl+Shift+D"
    )
    assert list(kept(rig)) == [f"photo:city:A:{files[1]}"]


def test_a_photo_that_took_too_long_stays_a_draft(
    rig: Rig, listed: Drafts, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The laptop slept meanwhile: nothing is wrong with the photo."""
    monkeypatch.setattr(rig.forms.photos, "_images", ImageProcess(["sleep", "60"], timeout_s=0.1))
    begin(rig, files[:1])
    wait_for(lambda: len(rig.said) > 1, what="it is said")
    assert rig.said[-1] == "p0.jpg: The photo took too long to read. Kept as a draft: Ctrl+Shift+D"
    assert list(kept(rig)) == [f"photo:city:A:{files[0]}"]
