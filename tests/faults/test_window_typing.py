"""F25 in a real window: what is being typed when the program is killed is offered at the next start."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.store.work import read_outbox
from tests.faults.typing_child import CALLER, FORMS, PHONE, WORDS
from tests.helpers.city import ROOT, Served, console, served, wait_for, write_users
from tests.helpers.hands import form, wait_ready

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("city")
    users = str(write_users(folder))
    with served(folder, "--demo-city", "--still", "--reports", "300", "--users", users) as server:
        yield server


@contextlib.contextmanager
def typing(profile: Path, city: Served, *what: str) -> Iterator[subprocess.Popen[str]]:
    """The operator has typed all of a form and has not left it."""
    command = [sys.executable, "-m", "tests.faults.typing_child", str(profile), city.address, *what]
    log = profile.with_suffix(".log")
    with log.open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "typing\n", log.read_text()[-2000:]
        yield process
    finally:
        process.kill()
        process.communicate(timeout=20)


def drafts(profile: Path) -> dict[str, dict[str, Any]]:
    """What a new start would find."""
    with contextlib.closing(sqlite3.connect(f"file:{profile / 'work.db'}?mode=ro", uri=True)) as file:
        return {key: json.loads(body) for key, body in file.execute("SELECT key, body FROM drafts")}


@pytest.mark.parametrize("name", FORMS)
def test_what_is_being_typed_when_the_program_is_killed_is_offered_at_the_next_start(
    city: Served, tmp_path: Path, name: str
) -> None:
    """F25. Guards: what is typed is kept while it is typed (console.presenters.draft), not when the form is left."""
    profile = tmp_path / "profile"
    with typing(profile, city, name) as operator:
        last = PHONE if name == "new_report" else WORDS
        wait_for(lambda: any(last in one.values() for one in drafts(profile).values()), 30, "it is kept")
        operator.kill()
        assert operator.wait(20) == -signal.SIGKILL
    with console(profile, city.address) as window:
        said: list[str] = []
        window.drafts.said.connect(said.append)
        wait_ready(window)
        assert said == ["1 text that was not saved is kept: Ctrl+Shift+D"]
        FORMS[name](window)
        opened = form(window)
        assert opened._draft_row.isVisible()
        values = opened.values()
        if name != "new_report":
            assert WORDS in values.values()
            return
        code = next(one.code for one in window.desk.catalog("city").services.values() if one.name == "Banjir")
        assert values | {"service": code, "text": WORDS, "address": "Gang Melati 3", "priority": "1"} == values
        assert (values["caller_name"], values["caller_phone"]) == (CALLER, PHONE)


def test_a_kill_the_moment_an_edit_is_saved_leaves_no_draft_of_it(city: Served, tmp_path: Path) -> None:
    """F25. Guards: an edit and the end of its draft are one write (WorkFile.append)."""
    profile = tmp_path / "profile"
    with typing(profile, city, "note", "commit") as operator:
        assert operator.wait(30) == -signal.SIGKILL
    assert [one.edit.data["text"] for one in read_outbox(profile).edits] == [WORDS]
    assert drafts(profile) == {}
    with console(profile, city.address) as window:
        wait_ready(window)
        FORMS["note"](window)
        wait_for(form(window).is_empty, what="an empty form")
