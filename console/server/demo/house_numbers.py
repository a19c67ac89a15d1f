"""How houses of the demo city are numbered: odd on the left, even on the right, by how far they are from the start."""

from __future__ import annotations

_METRES_A_HOUSE = 10.0


def house_number(along_m: float, *, on_left: bool) -> int:
    """The number of the house at `along_m` metres from where its street begins."""
    return 2 * int(along_m / _METRES_A_HOUSE) + (1 if on_left else 2)
