"""Lives of an outbox at random: whatever happens, nothing is lost or doubled, all leaves in its turn, all that waits
says for what, and nothing is busy without end.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.outbox_simulation import OutboxSimulation


@pytest.mark.parametrize(
    ("disk_refuses", "first", "count"),
    [
        (0.0, 0, 60),
        (0.2, 1000, 40),
        pytest.param(0.0, 10_000, 3000, marks=[pytest.mark.long, pytest.mark.timeout(3600)]),
        pytest.param(0.2, 20_000, 2000, marks=[pytest.mark.long, pytest.mark.timeout(3600)]),
    ],
)
def test_every_life_of_an_outbox_ends_well(tmp_path: Path, disk_refuses: float, first: int, count: int) -> None:
    for seed in range(first, first + count):
        with pytest.MonkeyPatch.context() as monkeypatch:
            folder = tmp_path / str(seed)
            folder.mkdir()
            life = OutboxSimulation(folder, seed, disk_refuses, monkeypatch)
            try:
                for _ in range(150):
                    life.step()
                life.come_to_rest()
            except Exception as error:
                told = "\n".join(map(str, life.history[-80:]))
                raise AssertionError(f"seed {seed}: {error}\n{told}") from error
            finally:
                life.outbox.close()
