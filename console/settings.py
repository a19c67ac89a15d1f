"""What a profile remembers between runs: its sources, its look, its window; tokens only in the system's keyring."""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
import sys
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from typing_extensions import override

from api_client.decoding import convert, decode
from console.files.errors import LockedByOther, StoreError
from console.files.lock import FileLock
from console.rules.messages import Source, WebMap
from console.rules.names import LONGEST_TAG
from console.rules.screen_lock import KeptLock
from console.rules.time_range import TimeRange

ThemeName = Literal["dark", "light"]
_SERVICE = "sigap"
_PATIENCE_S = 1.0
"""Who writes the settings holds them for some milliseconds."""
_MOST_BYTES = 16_000_000
_MOST_SOURCES = 64
"""Each has a few threads of its own."""
_NAME, _LAST_GOOD, _ASIDE = "settings.json", "settings.last.json", "settings.damaged-{}.json"
_IN_WORDS = {
    "sources": "servers",
    "theme": "colours",
    "language": "language",
    "text_scale": "text size",
    "layouts": "arrangement of the window",
    "basemap": "map",
    "web_map": "web map",
    "charts_range": "time range of the charts",
    "order_lifetime_s": "lifetime of orders",
    "go_on": "going on to the next report",
    "signed_out": "which servers were signed out of",
    "loudness": "volume of the tones",
    "is_muted": "muting of the tones",
    "names_in": "language of the city's names",
    "lock_after_min": "time after which the screen locks itself",
    "lock": "lock of the screen",
}


class SettingsDamaged(Exception):
    """The settings file cannot be read."""


class Settings(msgspec.Struct, kw_only=True):
    """The contents of settings.json. A value that no window could show, or of a later version, counts as damaged."""

    sources: Annotated[list[Source], msgspec.Meta(max_length=_MOST_SOURCES)] = []
    theme: ThemeName = "dark"
    language: str = "en"
    text_scale: Annotated[float, msgspec.Meta(ge=0.5, le=4.0)] = 1.0
    layouts: dict[str, str] = {}
    basemap: str = ""
    web_map: WebMap | None = None
    """The map of a provider that may be shown instead of the city's own; None: none may."""
    charts_range: TimeRange = TimeRange.DAY
    """How far the charts look back."""
    order_lifetime_s: float = 600.0
    go_on: bool = True
    """After a step that ends one's turn with a report, the next one that waits is chosen."""
    loudness: Annotated[int, msgspec.Meta(ge=1, le=5)] = 4
    """How loud tones are: one of `LOUDNESSES`."""
    is_muted: bool = False
    """No tone is heard until the next P1."""
    quick_texts: Annotated[list[Annotated[str, msgspec.Meta(max_length=200)]], msgspec.Meta(max_length=3)] = []
    """What is written into a message by one key, where the city has no such texts of its own."""
    signed_out: list[str] = []
    """Keys of the sources that the operator has signed out of."""
    names_in: Annotated[str, msgspec.Meta(max_length=LONGEST_TAG)] = ""
    """The language of the city's names: a tag, PLAIN for the city's own, "" for that of the system."""
    lock_after_min: Annotated[int, msgspec.Meta(ge=0, le=480)] = 0
    """After so many minutes without a key or a mouse the screen locks itself; 0: it does not."""
    lock: KeptLock | None = None
    """The screen is locked; None while it is not."""


class Begun(NamedTuple):
    """Settings to start with, and what is to be said where the file was damaged ("" where it was not)."""

    settings: Settings
    message: str


def begin_settings(profile: Path) -> Begun:
    """Read settings.json for a start, which no damage to it may stop: what waits in work.db has to be seen and sent.

    A damaged file is put aside under another name. What can be read in it is taken from it, the rest from the copy of
    the last ones that were kept, and what neither has is as in a new profile.
    """
    try:
        return Begun(load_settings(profile), "")
    except SettingsDamaged:
        pass
    try:
        lock = _settings_lock(profile)
    except (StoreError, OSError):  # a folder that cannot be written: the window opens to read
        return _mended(profile, writable=False)
    try:
        return Begun(load_settings(profile), "")  # another program may have been first
    except SettingsDamaged:
        return _mended(profile, writable=True)
    finally:
        lock.release()


def load_settings(profile: Path) -> Settings:
    """Read settings.json; a missing file gives the defaults.

    Raises SettingsDamaged, with a sentence for the user.
    """
    file = profile / _NAME
    try:
        return decode(_read(file), Settings)
    except FileNotFoundError:
        return Settings()
    except (msgspec.DecodeError, OSError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsDamaged(
            f"The settings in {file.name} cannot be read ({error}). Mend or remove the file."
        ) from error


def save_settings(profile: Path, settings: Settings) -> None:
    """Write settings.json whole or not at all, and a copy beside it for the day on which that is damaged."""
    content = msgspec.json.format(msgspec.json.encode(settings), indent=1)
    _write(profile / _NAME, content)
    with contextlib.suppress(OSError):  # the settings themselves are kept
        _write(profile / _LAST_GOOD, content)


def _write(file: Path, content: bytes) -> None:
    fresh = file.with_suffix(".new")
    fresh.touch(mode=0o600)
    with fresh.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)


def _read(file: Path) -> bytes:
    """The bytes of a small file. Raises OSError, also for what is no file: a pipe would never end, nor begin."""
    descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb") as opened:
        # protects: settings-are-a-file
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(None, "it is no file")
        content = opened.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise OSError(None, "it is too large")
    return content


def _mended(profile: Path, *, writable: bool) -> Begun:
    """The settings that can be saved from a damaged file, which is put aside where the folder can be written."""
    damaged, kept = _salvaged(profile / _NAME), _salvaged(profile / _LAST_GOOD)
    values = {**kept.values, **damaged.values}
    if "sources" in damaged.unreadable:
        saved = damaged.values.get("sources", [])
        keys = {source.key for source in saved}
        missing = [one for one in kept.values.get("sources", []) if one.key not in keys]
        values["sources"] = saved[: _MOST_SOURCES - len(missing)] + missing
    if "signed_out" in damaged.unreadable and "signed_out" not in kept.values:
        values["signed_out"] = [source.key for source in values.get("sources", [])]  # nobody is signed in unasked
    settings = Settings(**values)
    message = f"The settings in {_NAME} could not be read."
    if writable:
        aside = next(path for n in itertools.count(1) if not os.path.lexists(path := profile / _ASIDE.format(n)))
        try:
            # protects: damaged-settings-are-kept-aside
            (profile / _NAME).rename(aside)
            save_settings(profile, settings)
        except OSError as error:
            message += f" They stay as they are ({error.strerror})."
        else:
            message = f"The settings could not be read; the damaged file is {aside}."
    copied = [words for name, words in _IN_WORDS.items() if name in damaged.unreadable and name in kept.values]
    lost = [words for name, words in _IN_WORDS.items() if name in damaged.unreadable and name not in kept.values]
    if len(copied) == len(_IN_WORDS):
        message += " All are as they were kept last."
    elif copied:
        message += f" As they were kept last: {', '.join(copied)}."
    if lost:
        message += f" Lost, and as in a new profile: {', '.join(lost)}."
    return Begun(settings, message)


class _Salvaged(NamedTuple):
    """Of a file of settings what can be read on its own, and the names of what is there but cannot."""

    values: dict[str, Any]
    unreadable: frozenset[str]


def _salvaged(file: Path) -> _Salvaged:
    names = [field.name for field in msgspec.structs.fields(Settings)]
    try:
        plain = decode(_read(file), dict[str, Any])
    except (msgspec.DecodeError, OSError, UnicodeDecodeError, RecursionError):
        return _Salvaged({}, frozenset(names))
    values: dict[str, Any] = {}
    unreadable: set[str] = set()
    for name in names:
        if name not in plain:
            continue
        try:
            values[name] = getattr(convert({name: plain[name]}, Settings), name)
        except (msgspec.ValidationError, RecursionError):
            unreadable.add(name)
            if name == "sources" and isinstance(plain[name], list):
                found = (one for each in plain[name] if (one := _source_of(each)) is not None)
                values[name] = list(itertools.islice(found, _MOST_SOURCES))
    return _Salvaged(values, frozenset(unreadable))


def _source_of(plain: Any) -> Source | None:
    try:
        return convert(plain, Source)
    except (msgspec.ValidationError, RecursionError):
        return None


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


def operator_of(settings: Settings) -> str:
    """Who sits at the window: what the first server calls him at which he is signed in, "" while no server has said.

    While nobody is signed in anywhere it is who was so last.
    """
    users = users_of(settings.sources)
    return next((user for key, user in users.items() if key not in settings.signed_out), next(iter(users.values()), ""))


def is_left(settings: Settings) -> bool:
    """Whether who was signed in has signed out of every server that knew him by name."""
    users = users_of(settings.sources)
    return bool(settings.signed_out) and all(key in settings.signed_out for key in users)


class CityZone(tzinfo):
    """The zone of a window's times: every panel has this one, and all follow when the city or its zone changes."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone

    @property
    def name(self) -> str:
        """Its name, such as `Asia/Jakarta`; "" for this computer's own."""
        return str(getattr(self._zone, "key", ""))

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
