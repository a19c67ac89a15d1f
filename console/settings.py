"""What a profile remembers between runs: its sources, its look, its window; tokens only in the system's keyring."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from typing_extensions import override

from console.domain.decoding import decode
from console.domain.messages import Source
from console.domain.time_range import TimeRange
from console.store.errors import LockedByOther
from console.store.lock import FileLock

_SERVICE = "sigap"
_PATIENCE_S = 1.0
"""Who writes the settings holds them for some milliseconds."""


class SettingsDamaged(Exception):
    """The settings file cannot be read."""


class Settings(msgspec.Struct, kw_only=True):
    """The contents of settings.json."""

    sources: list[Source] = []
    theme: str = "dark"
    language: str = "en"
    text_scale: float = 1.0
    layouts: dict[str, str] = {}
    basemap: str = ""
    charts_range: TimeRange = TimeRange.DAY
    """How far the charts look back."""
    order_lifetime_s: float = 600.0
    go_on: bool = True
    """After a step that ends one's turn with a report, the next one that waits is chosen."""
    signed_out: list[str] = []
    """Keys of the sources that the operator has signed out of."""


def load_settings(profile: Path) -> Settings:
    """Read settings.json; a missing file gives the defaults.

    Raises SettingsDamaged, with a sentence for the user.
    """
    file = profile / "settings.json"
    try:
        return decode(file.read_bytes(), Settings)
    except FileNotFoundError:
        return Settings()
    except (msgspec.DecodeError, OSError, UnicodeDecodeError) as error:
        raise SettingsDamaged(
            f"The settings in {file.name} cannot be read ({error}). Mend or remove the file."
        ) from error


def save_settings(profile: Path, settings: Settings) -> None:
    """Write settings.json whole or not at all."""
    file = profile / "settings.json"
    fresh = file.with_suffix(".new")
    fresh.touch(mode=0o600)
    with fresh.open("wb") as out:
        out.write(msgspec.json.format(msgspec.json.encode(settings), indent=1))
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)


def change_settings(profile: Path, change: Callable[[Settings], object]) -> Settings:
    """Read settings.json anew, change in it what is one's own, and write it while no other program does; as it is then.

    Raises SettingsDamaged, OSError, StoreError when another program does not let go of it.
    """
    lock = _settings_lock(profile)
    try:
        settings = load_settings(profile)
        change(settings)
        save_settings(profile, settings)
    finally:
        lock.release()
    return settings


def _settings_lock(profile: Path) -> FileLock:
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return FileLock(profile / "settings.lock")
        except LockedByOther:
            if time.monotonic() > until:
                raise
            time.sleep(0.005)


def users_of(sources: Iterable[Source]) -> dict[str, str]:
    """What this operator is called at each source that told it when he was last connected, by the source's key."""
    return {source.key: source.user for source in sources if source.user}


class CityZone(tzinfo):
    """The zone of a window's times: every panel has this one, and all follow when the city or its zone changes."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone

    def become(self, zone: tzinfo) -> bool:
        """Be this zone from now on; whether it is another one."""
        before, self._zone = self._zone, zone
        return before != zone

    @override
    def utcoffset(self, dt: datetime | None) -> timedelta | None:
        return self._zone.utcoffset(dt)

    @override
    def dst(self, dt: datetime | None) -> timedelta | None:
        return self._zone.dst(dt)

    @override
    def tzname(self, dt: datetime | None) -> str | None:
        return self._zone.tzname(dt)

    @override
    def fromutc(self, dt: datetime) -> datetime:
        zone = self._zone
        return zone.fromutc(dt.replace(tzinfo=zone)).replace(tzinfo=self)


def city_zone(sources: Sequence[Source], fallback: str | None = None) -> tzinfo:
    """The zone that days and clock times are shown in: the first source's, else `fallback`, else this computer's."""
    name = next((source.timezone for source in sources if source.timezone), fallback or "")
    try:
        return ZoneInfo(name)
    except (ValueError, OSError):  # no name, or one that no table knows
        return datetime.now().astimezone().tzinfo or UTC


class TokenFileRefused(Exception):
    """A file of tokens that others may read, or that does not say whose tokens it holds."""


def read_tokens(file: Path | None, sources: Sequence[Source]) -> dict[str, str]:
    """The tokens of a file that only its owner may read, or of standard input (None), by the source's key.

    A line is "KEY TOKEN"; a profile with one source may have its token alone. Raises TokenFileRefused, OSError.
    """
    if file is None:
        text = sys.stdin.read()
    else:
        with file.open("rb") as opened:
            if os.name == "posix" and os.fstat(opened.fileno()).st_mode & 0o077:
                raise TokenFileRefused(f"{file} may be read by others. Make it your own: chmod 600.")
            text = opened.read().decode(errors="replace")
    known = [source.key for source in sources]
    tokens: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        match line.split():
            case [] | ["#", *_]:
                continue
            case [token] if len(known) == 1:
                tokens[known[0]] = token
            case [key, token] if key in known:
                tokens[key] = token
            case _:
                raise TokenFileRefused(
                    f"Line {number} of the tokens must be a source's key and its token. Keys here: {', '.join(known)}."
                )
    return tokens


def _system_keyring() -> Any:
    """The module `keyring`, loaded at the first question: most commands and all child processes ask none."""
    import keyring
    import keyring.errors

    return keyring


class Tokens:
    """The tokens of one profile: in the system's keyring, or in memory only where there is none."""

    def __init__(self, profile_name: str) -> None:
        self._profile = profile_name
        self._memory: dict[str, str] = {}

    def of(self, sources: Iterable[Source], signed_out: Collection[str]) -> dict[str, str]:
        """Source key -> token. What is kept of a source that the operator has signed out of is not read."""
        keys = [source.key for source in sources if source.key not in signed_out]
        return {key: token for key in keys if (token := self.get(key))}

    def get(self, source_key: str) -> str | None:
        """The token of a source, or None."""
        if source_key in self._memory:
            return self._memory[source_key]
        keyring = _system_keyring()
        try:
            token: str | None = keyring.get_password(_SERVICE, f"{self._profile}/{source_key}")
        except keyring.errors.KeyringError:
            return None
        return token

    def keep_in_memory(self, source_key: str, token: str) -> None:
        """Keep a token until the program ends, and nowhere else."""
        self._memory[source_key] = token

    def drop(self, source_key: str) -> bool:
        """Forget the token of a source; False when the keyring, locked perhaps, may still have it."""
        self._memory.pop(source_key, None)
        keyring = _system_keyring()
        try:
            keyring.delete_password(_SERVICE, f"{self._profile}/{source_key}")
        except keyring.errors.NoKeyringError:
            return True
        except keyring.errors.PasswordDeleteError:
            return self._has_none(source_key)  # some keyrings say this of any trouble
        except keyring.errors.KeyringError:
            return False
        return True

    def _has_none(self, source_key: str) -> bool:
        keyring = _system_keyring()
        try:
            return bool(keyring.get_password(_SERVICE, f"{self._profile}/{source_key}") is None)
        except keyring.errors.KeyringError:
            return False

    def put(self, source_key: str, token: str) -> bool:
        """Keep a token; False when it lives in memory only, because this computer has no keyring."""
        keyring = _system_keyring()
        try:
            keyring.set_password(_SERVICE, f"{self._profile}/{source_key}", token)
        except keyring.errors.KeyringError:
            self.keep_in_memory(source_key, token)
            return False
        return True
