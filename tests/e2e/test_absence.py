"""What others did to an operator's work while her window was closed, or that it was killed on, is told at a start.

With a real server, real windows and the real `sigap sync`, which reads what happened before any window does.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.files.lock import is_held
from console.rules.loaded import Loaded
from console.rules.messages import Source
from console.settings import Settings, save_settings
from tests.e2e.test_supervisor import as_budi, post_as_budi
from tests.helpers.city import ROOT, TOKENS, Served, console, run_sigap, served, wait_for, write_users
from tests.helpers.hands import find, free_units, key, outbox, p1_data, wait_notice_read, wait_ready

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("absence")
    users = str(write_users(folder))
    with served(folder, "--demo-city", "--still", "--reports", "400", "--users", users) as server:
        yield server


def profile_of(home: Path) -> Path:
    return home / "profiles" / "test"


def sync_once(home: Path, city: Served) -> None:
    """`sigap sync --once` reads all that happened, as on a laptop whose window is closed."""
    source = Source("city", "City", city.address, "dispatch", timezone="Asia/Jakarta", user="rina")
    save_settings(profile_of(home), Settings(sources=[source]))
    ran = run_sigap("sync", "--profile", "test", "--once", "--tokens", "-", home=home, stdin=TOKENS["rina"])
    assert ran.returncode == 0, ran.stderr


def begun(window: Any) -> None:
    """The window has looked at what happened meanwhile: what it asked before has been answered."""
    wait_for(lambda: window.window_state.loaded is Loaded.WHOLE, 40, what="all is read")
    wait_for(lambda: "city" in window.refusals._jobs._begun, what="jobs")
    wait_for(lambda: "city" in window.claims._points._begun, what="claims")
    wait_for(lambda: "city" in window.hazards._points._begun, what="hazards")


def send(window: Any, skip: set[str]) -> tuple[str, str]:
    """A free crew is sent to a P2 that nobody has; the report and the unit."""
    report = find(
        window, "unassigned", lambda now: bool(now.has_place and free_units(window)), skip,
        like=lambda one: one.priority == 2,
    )  # fmt: skip
    unit = free_units(window)[0]
    code = window.window_state.catalog("city").units[unit].code
    window.edit_commands.dispatch(window.details_reader.current, unit, code, stack=False)
    wait_for(
        lambda: not outbox(window) and window.window_state.catalog("city").by_unit.get(unit), what="sent, and known"
    )
    return report, unit


def refuse(city: Served, report: str, unit: str) -> None:
    as_budi(city, report, "progress", {"unit": unit, "state": "refused", "reason": "mogok"})


def told(window: Any) -> list[tuple[str, str]]:
    """The report and the bold words of each notice of what others did."""
    return sorted((one.report, one.bold) for one in window.lost_orders.setbacks)


def test_what_happened_while_the_window_was_closed_is_told_at_the_next_start(city: Served, tmp_path: Path) -> None:
    """`sigap sync` had read the refusal: the next window told nothing, and the report waited for a crew for ever."""
    home, skip = tmp_path, set[str]()
    with console(profile_of(home), city.address) as window:
        wait_ready(window)
        begun(window)
        window.claims.taken_over.connect(lambda _: pytest.fail("nobody has done anything yet"))
        refused, by = send(window, skip)
        recalled, back = send(window, skip)
        closed, let_go = send(window, skip)
        sent_again, first = send(window, skip)
        taken = find(window, "unassigned", skip=skip, like=lambda one: one.priority != 1)
        key(window, "T")
        wait_for(lambda: not outbox(window) and len(window.window_state.view.mine) == 5, what="five reports are hers")
        wait_for(lambda: len(window.claims._held) == 5, what="and known to be")
        codes = {unit: one.code for unit, one in window.window_state.catalog("city").units.items()}
        data = p1_data(window)
        known = set(window.window_state.view.hazards.tolist())
        other = next(one for one in free_units(window) if one not in (by, back, let_go, first))
    refuse(city, refused, by)
    as_budi(city, recalled, "recall", {"unit": back})
    as_budi(city, closed, "close", {"disposition": "not found", "recall": [let_go]})
    refuse(city, sent_again, first)
    as_budi(city, sent_again, "dispatch", {"unit": other})
    as_budi(city, taken, "release", {})
    post_as_budi(city, "/reports", "create", data | {"channel": "phone"}, {})
    sync_once(home, city)
    expected = {
        (refused, f"{codes[by]} has refused:"),
        (recalled, "budi has called"),
        (closed, "budi has closed"),
        (taken, "budi has released"),
    }
    for _ in range(2):  # it is told until it is seen
        with console(profile_of(home), city.address) as window:
            begun(window)
            wait_for(lambda: len(told(window)) >= len(expected), what=lambda: f"all of it, and not {told(window)}")
            assert {(report, bold[: len(words)]) for (report, bold), (_, words) in
                    zip(told(window), sorted(expected), strict=True)} == expected  # fmt: skip
            (new,) = window.hazards.unseen
            assert new.row not in known, "and no P1 that she knew"
            assert window.banner._beside == len(expected), "one by one, and how many more"
    with console(profile_of(home), city.address) as window:
        begun(window)
        wait_for(lambda: window.banner.notice is not None and window.banner._beside == 4, what="all of it")
        for _ in range(5):
            wait_notice_read(window)
            key(window, "F4")
        assert window.banner.notice is None
    with console(profile_of(home), city.address) as window:
        begun(window)
        assert (told(window), window.hazards.unseen) == ([], ()), "what was seen is not told again"


def test_what_was_told_and_not_seen_outlives_a_kill(city: Served, tmp_path: Path) -> None:
    """The window crashed under the notice that a crew does not come, and the next one knew nothing of it."""
    home = tmp_path
    command = [sys.executable, "-m", "tests.e2e.absence_child", str(profile_of(home)), city.address]
    with (tmp_path / "child.log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        report, bold = "", ""
        for line in process.stdout:
            word, _, rest = line.strip().partition(" ")
            if word == "sent":
                report, unit = rest.split()
                refuse(city, report, unit)
            elif word == "told":
                bold = rest
                break
        assert bold, (tmp_path / "child.log").read_text()[-3000:]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]
    wait_for(lambda: not is_held(profile_of(home) / "cache.lock"), what="its sync process has ended too")
    sync_once(home, city)
    with console(profile_of(home), city.address) as window:
        begun(window)
        wait_for(lambda: told(window), what="it is told again")
        assert told(window) == [(report, bold)]
    with console(profile_of(home), city.address, name="budi") as window:
        begun(window)
        assert told(window) == [], "and to nobody else"
