"""A locked screen knows its operator's token again, keeps nothing that gives it away, and makes guessing slow."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from console.rules.screen_lock import FREE_TRIES, KeptLock, TokenDigest, digest_of, is_one_of, refused_by, wait_s
from console.settings import Settings

TOKENS = ("k3y of rina", "clé de rina")


def test_each_of_the_operators_tokens_is_known_again_and_stands_in_no_setting() -> None:
    kept = tuple(digest_of(token, bytes([number] * 16)) for number, token in enumerate(TOKENS))
    for token in TOKENS:
        assert is_one_of(token, kept)
    for other in ("", "k3y of rina ", "K3y of rina", kept[0].digest, "\ud800"):
        assert not is_one_of(other, kept)
    assert not is_one_of("", ())
    lock = KeptLock(datetime(2026, 12, 1, tzinfo=UTC), kept, failed=3)
    written = msgspec.json.encode(Settings(lock=lock))
    assert not any(token.encode() in written for token in TOKENS)
    assert msgspec.json.decode(written, type=Settings).lock == lock
    assert digest_of(TOKENS[0], b"1" * 16).digest != digest_of(TOKENS[0], b"2" * 16).digest


@pytest.mark.parametrize("damaged", [TokenDigest("no salt", "00"), TokenDigest("", ""), TokenDigest("00", "")])
def test_what_is_damaged_unlocks_nothing(damaged: TokenDigest) -> None:
    assert not is_one_of("", (damaged,))
    assert not is_one_of("k3y of rina", (damaged,))


def test_five_tries_are_free_and_then_each_one_waits_twice_as_long_up_to_a_quarter_of_an_hour() -> None:
    assert [wait_s(failed) for failed in range(FREE_TRIES)] == [0.0] * 5
    assert [wait_s(failed) for failed in range(5, 12)] == [30.0, 60.0, 120.0, 240.0, 480.0, 900.0, 900.0]
    assert wait_s(10**9) == 900.0


def test_a_token_that_its_server_does_not_take_any_more_unlocks_nothing() -> None:
    kept = [digest_of(token, b"1" * 16, f"city {number}") for number, token in enumerate(TOKENS)]
    kept[0] = msgspec.structs.replace(kept[0], refused=True)
    assert [is_one_of(token, kept) for token in TOKENS] == [False] + [True] * (len(TOKENS) - 1)
    assert [refused_by(token, kept) for token in (*TOKENS, "other")] == ["city 0"] + [""] * len(TOKENS)
