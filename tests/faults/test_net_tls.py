"""F15: certificates that are out of date, of another host, or signed by nobody who is trusted."""

from __future__ import annotations

from pathlib import Path

import pytest

from api_client.model import Kind
from console.rules.messages import SourceState
from console.rules.queued import EditState
from console.sync.retry import Timing
from tests.helpers.live_server import Live
from tests.helpers.sync_rig import rig

pytest.importorskip("cryptography", reason="certificates are made with cryptography")
from tests.helpers.tls import Authority, door

TIMING = Timing(poll_s=0.3)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """One that this computer trusts, as a city's own."""
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    return made


def test_a_city_s_own_authority_is_enough(live: Live, authority: Authority, tmp_path: Path) -> None:
    """The control: through the same door a good certificate is live, and an edit leaves."""
    with (
        door(authority.certificate("127.0.0.1", -1, 1), live.port) as good,
        rig(tmp_path / "profile", f"https://127.0.0.1:{good.port}", timing=TIMING) as console,
    ):
        console.live()
        console.outcome(console.push(Kind.NOTE, "r1", text="x"), EditState.ACCEPTED)


@pytest.mark.parametrize(
    ("host", "first_day", "last_day", "words"),
    [
        ("127.0.0.1", -2, -1, "expired"),
        ("127.0.0.1", 1, 2, "not yet valid"),
        ("elsewhere.example", -1, 1, "match"),
    ],
    ids=["expired", "not yet valid", "wrong host"],
)
def test_f15_a_certificate_that_is_not_good(
    live: Live, authority: Authority, tmp_path: Path, host: str, first_day: int, last_day: int, words: str
) -> None:
    """F15: said in plain words; no byte, and so no token, goes to it, and the edit waits (transport.py: _name)."""
    with (
        door(authority.certificate(host, first_day, last_day), live.port) as bad,
        rig(tmp_path / "profile", f"https://127.0.0.1:{bad.port}", token="secret", timing=TIMING) as console,
    ):
        state = console.wait(SourceState, lambda state: state.state == "offline")
        edit = console.push(Kind.NOTE, "r1", text="x")
        console.state(edit, EditState.QUEUED)
        console.wait_until(lambda: bad.connections >= 2)
        assert bad.heard == []
    assert "could not be verified" in state.problem
    assert words in state.problem


def test_f15_signed_by_nobody_we_know(live: Live, tmp_path: Path) -> None:
    """F15: and never tried without the check."""
    stranger = Authority(tmp_path)
    with (
        door(stranger.certificate("127.0.0.1", -1, 1), live.port) as bad,
        rig(tmp_path / "profile", f"https://127.0.0.1:{bad.port}", token="secret", timing=TIMING) as console,
    ):
        state = console.wait(SourceState, lambda state: state.state == "offline")
        console.wait_until(lambda: bad.connections >= 2)
        assert bad.heard == []
    assert "could not be verified" in state.problem
