"""Settings that several programs change, and tokens: a sign-out lasts, or it is said that it may not."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError
from PySide6.QtWidgets import QApplication
from typing_extensions import override

from console.rules.messages import Source
from console.rules.time_range import TimeRange
from console.settings import (
    CityZone,
    Settings,
    SettingsDamaged,
    TokenFileRefused,
    Tokens,
    begin_settings,
    change_settings,
    load_settings,
    read_tokens,
    save_settings,
)
from tests.helpers.city import console, wait_for


class Safe(KeyringBackend):
    """A keyring that can be locked, and that says why it deletes nothing in the one word that macOS has for all."""

    priority = 1.0

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = self.refusing = False

    @override
    def get_password(self, service: str, username: str) -> str | None:
        self._look()
        return self.kept.get((service, username))

    @override
    def set_password(self, service: str, username: str, password: str) -> None:
        self._look()
        self.kept[service, username] = password

    @override
    def delete_password(self, service: str, username: str) -> None:
        self._look()
        if self.refusing or (service, username) not in self.kept:
            raise PasswordDeleteError("Not deleted.")
        del self.kept[service, username]

    def _look(self) -> None:
        if self.locked:
            raise KeyringLocked("Locked.")


@pytest.fixture
def safe() -> Iterator[Safe]:
    before, safe = keyring.get_keyring(), Safe()
    keyring.set_keyring(safe)
    yield safe
    keyring.set_keyring(before)


def test_a_token_that_is_forgotten_is_gone(safe: Safe) -> None:
    tokens = Tokens("p")
    assert tokens.put("city", "secret")
    assert tokens.drop("city")
    assert (tokens.get("city"), safe.kept) == (None, {})
    assert tokens.drop("city"), "there is none"


@pytest.mark.parametrize("how", ["locked", "refusing"])
def test_a_keyring_that_does_not_let_go_is_not_taken_for_one_without_a_token(safe: Safe, how: str) -> None:
    tokens = Tokens("p")
    tokens.put("city", "secret")
    setattr(safe, how, True)
    assert not tokens.drop("city")


def test_without_a_keyring_there_is_nothing_left_to_forget() -> None:
    tokens = Tokens("p")
    assert not tokens.put("city", "secret")
    assert tokens.drop("city")
    assert tokens.get("city") is None


def test_tokens_of_sources_that_were_signed_out_of_are_not_read(safe: Safe) -> None:
    tokens = Tokens("p")
    sources = [Source(key, key, f"https://{key}.example", "dispatch") for key in ("north", "south", "west")]
    for source in sources[:2]:
        tokens.put(source.key, f"of {source.key}")
    assert tokens.of(sources, signed_out=["south"]) == {"north": "of north"}
    assert tokens.of(sources, signed_out=[]) == {"north": "of north", "south": "of south"}


def test_settings_of_a_version_that_kept_notices_in_them_are_read(tmp_path: Path) -> None:
    """What was not seen is kept in work.db since; what an older version wrote here of it is left out."""
    old = {"theme": "light", "unseen_hazards": [1203], "unseen_setbacks": [{"report": "1", "bold": "has refused"}]}
    (tmp_path / "settings.json").write_text(json.dumps(old))
    begun = begin_settings(tmp_path)
    assert (begun.settings.theme, begun.message) == ("light", "")
    change_settings(tmp_path, lambda settings: setattr(settings, "language", "id"))
    assert "unseen" not in (tmp_path / "settings.json").read_text()


def test_each_program_changes_only_what_is_its_own(tmp_path: Path) -> None:
    window = load_settings(tmp_path)
    change_settings(tmp_path, lambda settings: settings.sources.append(Source("b", "B", "https://b", "dispatch")))
    after = change_settings(tmp_path, lambda settings: settings.layouts.update(dispatch="x"))
    assert window.sources == []
    assert after == load_settings(tmp_path)
    assert [source.key for source in after.sources] == ["b"]
    assert after.layouts == {"dispatch": "x"}


def test_no_change_is_lost_when_many_programs_change_the_settings_at_once(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from console.settings import change_settings\n"
        "for n in range(10):\n"
        "    change_settings(Path(sys.argv[1]), lambda s: s.layouts.update({f'{sys.argv[2]}-{n}': 'x'}))\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(number)]) for number in range(4)]
    assert [one.wait(60) for one in running] == [0] * 4
    assert len(load_settings(tmp_path).layouts) == 40


def test_damaged_settings_are_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text("{broken")
    with pytest.raises(SettingsDamaged):
        change_settings(tmp_path, lambda settings: settings.layouts.clear())
    assert (tmp_path / "settings.json").read_text() == "{broken"


@pytest.mark.parametrize("name", ["Asia/Jakarta", "Europe/Berlin", "America/St_Johns", "Pacific/Apia"])
def test_a_city_zone_is_the_zone_that_it_became(name: str) -> None:
    zone, city = ZoneInfo(name), CityZone(UTC)
    assert city.become(zone)
    assert not city.become(zone)
    for hour in range(24 * 366):
        when = datetime.fromtimestamp(1_766_000_000 + hour * 3600, UTC)
        there, here = when.astimezone(zone), when.astimezone(city)
        assert here.replace(tzinfo=zone) == there
        assert (here.fold, here.isoformat(), here.tzname()) == (there.fold, there.isoformat(), there.tzname())
        assert here.astimezone(UTC) == when


AWAY = Source("city", "City", "http://127.0.0.1:9", "dispatch", timezone="Asia/Jakarta", user="rina")


def test_who_signed_out_here_is_signed_in_again_by_another_program(qapp: QApplication, tmp_path: Path) -> None:
    """As `sigap connect` does it, with a token. Another change of the settings signs nobody in."""
    save_settings(tmp_path, Settings(sources=[AWAY]))
    with console(tmp_path, AWAY.url) as window:
        window.actions.run("sign_out")
        change_settings(tmp_path, lambda settings: settings.layouts.update(other="x"))
        wait_for(lambda: window.settings.filed.layouts == {"other": "x"}, what="the other program's layout")
        assert window.settings.here.signed_out == ["city"]
        change_settings(tmp_path, lambda settings: settings.signed_out.clear())
        wait_for(lambda: window.settings.here.signed_out == [], what="signed in")
        assert window.sources.follows("city")


@pytest.mark.usefixtures("expected_log")
def test_a_sign_out_that_could_not_be_kept_lasts_as_long_as_the_window(qapp: QApplication, tmp_path: Path) -> None:
    """What another program writes must not undo what this window alone knows (window/settings_store.py: _follow)."""
    with console(tmp_path, AWAY.url) as window:
        (tmp_path / "settings.json").write_text("{broken")
        window.actions.run("sign_out")
        save_settings(tmp_path, Settings(sources=[AWAY], layouts={"other": "x"}))
        wait_for(lambda: window.settings.filed.layouts == {"other": "x"}, what="the mended settings")
        assert window.settings.here.signed_out == ["city"]


def test_a_server_that_is_added_while_the_window_is_open_stays(qapp: QApplication, tmp_path: Path) -> None:
    with console(tmp_path, None) as window:
        change_settings(tmp_path, lambda settings: settings.sources.append(Source("b", "B", "https://b", "dispatch")))
        window.actions.run("text_larger")
    kept = load_settings(tmp_path)
    assert [source.key for source in kept.sources] == ["b"]
    assert kept.text_scale > 1.0
    assert kept.layouts


ONE = Source("city", "City", "http://127.0.0.1:9", "dispatch")
TWO = [ONE, Source("port", "Port", "http://127.0.0.1:10", "open311")]


def tokens_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "tokens"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_tokens_come_from_a_file_or_from_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A7: a computer without a keyring, such as a server that runs `sigap sync`."""
    assert read_tokens(tokens_file(tmp_path, "s3cret\n"), [ONE]) == {"city": "s3cret"}
    text = "# of the control room\ncity a\n\n port  b \n"
    assert read_tokens(tokens_file(tmp_path, text), TWO) == {"city": "a", "port": "b"}
    monkeypatch.setattr(sys, "stdin", io.StringIO("city a\n"))
    assert read_tokens(None, TWO) == {"city": "a"}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_of_tokens_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(TokenFileRefused, match="chmod 600"):
        read_tokens(tokens_file(tmp_path, "s3cret", mode), [ONE])


@pytest.mark.parametrize("text", ["s3cret", "harbour s3cret", "city s3 cret"])
def test_a_token_of_nobody_knows_whom_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    with pytest.raises(TokenFileRefused, match="Line 1") as refusal:
        read_tokens(tokens_file(tmp_path, text), TWO)
    assert "s3cret" not in str(refusal.value)
    assert "city, port" in str(refusal.value)


def test_the_range_of_the_charts_is_remembered(tmp_path: Path) -> None:
    change_settings(tmp_path, lambda settings: setattr(settings, "charts_range", TimeRange.MONTH))
    assert load_settings(tmp_path).charts_range is TimeRange.MONTH
    (tmp_path / "settings.json").write_text('{"theme": "light"}')  # of a version that did not know it
    assert load_settings(tmp_path).charts_range is TimeRange.DAY


def a_pipe(file: Path) -> int:
    """That somebody has open, as what he holds it by."""
    file.unlink()
    os.mkfifo(file)
    return os.open(file, os.O_RDWR | os.O_NONBLOCK)


def no_end(file: Path) -> None:
    file.unlink()
    file.symlink_to("/dev/zero")


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def written(content: bytes) -> Callable[[Path], object]:
    return lambda file: file.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "empty": written(b""),
    "binary": written(bytes(range(256))),
    "null": written(b"null"),
    "deep": written(b"[" * 100_000),
    "pipe": a_pipe,
    "zeros": no_end,
    "folder": a_folder,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_put_aside_and_a_start_goes_on_with_what_was_kept_last(tmp_path: Path, damage: str) -> None:
    """No window opened, and nobody saw what waited in work.db; a pipe or /dev/zero of that name held the start up."""
    kept = Settings(sources=TWO, theme="light", signed_out=["port"])
    save_settings(tmp_path, kept)
    held = DAMAGES[damage](tmp_path / "settings.json")
    with pytest.raises(SettingsDamaged):
        load_settings(tmp_path)
    begun = begin_settings(tmp_path)
    if damage == "pipe":
        os.close(held)
    assert begun.settings == kept
    aside = tmp_path / "settings.damaged-1.json"
    assert os.path.lexists(aside)
    assert str(aside) in begun.message
    assert begun.message.endswith("All are as they were kept last.")
    assert begin_settings(tmp_path) == (kept, ""), "it is said once"


def test_of_a_damaged_file_all_that_can_be_read_is_taken_and_the_rest_is_named(tmp_path: Path) -> None:
    save_settings(tmp_path, Settings(sources=TWO, theme="light", layouts={"dispatch": "x"}))
    plain = json.loads((tmp_path / "settings.json").read_text())
    plain["sources"][0] = None
    plain |= {"text_scale": None, "signed_out": "port", "theme": "dark"}
    for copy in (False, True):
        (tmp_path / "settings.json").write_text(json.dumps(plain))
        if not copy:
            (tmp_path / "settings.last.json").rename(tmp_path / "last")
        else:
            (tmp_path / "last").rename(tmp_path / "settings.last.json")
        begun = begin_settings(tmp_path)
        assert {one.key for one in begun.settings.sources} == ({"city", "port"} if copy else {"port"})
        assert (begun.settings.theme, begun.settings.layouts) == ("dark", {"dispatch": "x"})
        assert begun.settings.text_scale == 1.0
        assert begun.settings.signed_out == ([] if copy else ["port"]), "nobody is signed in unasked"
        words = "servers, text size, which servers were signed out of."
        assert f"{'As they were kept last' if copy else 'Lost, and as in a new profile'}: {words}" in begun.message
    assert (tmp_path / "settings.damaged-2.json").exists()


@pytest.mark.parametrize(
    "values",
    [{"theme": "solarized"}, {"text_scale": 0}, {"text_scale": -1}, {"text_scale": 1e9}, {"sources": 300}],
    ids=str,
)
def test_values_that_no_window_can_show_stop_no_start(tmp_path: Path, values: dict[str, Any]) -> None:
    """They were of the right types, so that the window ended with KeyError, OverflowError or a signal."""
    save_settings(tmp_path, Settings(sources=TWO, theme="light"))
    plain = json.loads((tmp_path / "settings.json").read_text())
    if "sources" in values:
        values = {"sources": [plain["sources"][0] | {"key": f"s{number}"} for number in range(300)]}
    (tmp_path / "settings.json").write_text(json.dumps(plain | values))
    begun = begin_settings(tmp_path)
    assert "As they were kept last: " in begun.message
    assert begun.settings.theme == "light"
    assert begun.settings.text_scale == 1.0
    assert TWO[0] in begun.settings.sources or len(begun.settings.sources) >= 64
    assert begin_settings(tmp_path) == (begun.settings, ""), "it is said once"


def test_in_a_folder_that_cannot_be_written_a_damaged_file_stays_and_the_start_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_settings(tmp_path, Settings(sources=TWO))
    (tmp_path / "settings.json").write_text("{broken")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("console.settings.FileLock", refuse)
    begun = begin_settings(tmp_path)
    assert (begun.settings.sources, "settings.json could not be read" in begun.message) == (TWO, True)
    assert (tmp_path / "settings.json").read_text() == "{broken"


def test_a_window_says_what_became_of_damaged_settings(qapp: QApplication, tmp_path: Path) -> None:
    with console(tmp_path, None, mended="The settings could not be read.") as window:
        assert window.banner.notice.bold == "The settings could not be read."
