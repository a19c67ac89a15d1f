"""A sign-out lasts: the token is gone, or it is said that it may not be, and it is not used again."""

from __future__ import annotations

from collections.abc import Iterator

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError
from typing_extensions import override

from console.domain.messages import Source
from console.settings import Tokens


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
