"""Page and board understand one another: the board's own answer, drawn by the page."""

from __future__ import annotations

import numpy as np

from tests.page.conftest import LAT, LON, MapRig


def test_board_answer_is_drawn_as_it_counts(rig: MapRig) -> None:
    from console.board.map_answer import map_answer
    from console.board.snapshot import BoardSnapshot
    from console.board.view import make_view
    from console.rules.filter import Filter

    columns = columns_of(
        [
            (1, LAT, LON, 1),
            *((row, LAT - 0.012, LON + 0.02 + row * 1e-5, 3) for row in range(2, 42)),
            (50, None, None, 3),
        ]
    )
    view = make_view(BoardSnapshot.build(columns), Filter(), 1_800_000_000, 1)
    rig.answer = lambda r: map_answer(view, r.west, r.south, r.east, r.north, r.zoom, 0)
    rig.show()
    assert rig.colour(LAT, LON) == rig.theme.hex("priority.p1")
    text = rig.js("document.querySelector('.counts').textContent")
    assert text == "1 symbol, 40 in cells, 0 outside, 1 without a place"


def columns_of(reports: list[tuple[int, float | None, float | None, int]]) -> dict[str, np.ndarray]:
    """The board's columns of new reports: row, lat, lon, priority."""
    from console.board.snapshot import NO_PLACE

    kinds = {
        "row": "i8", "source": "i2", "lat_e7": "i4", "lon_e7": "i4", "service": "i2", "status": "i1", "hold": "i1",
        "priority": "i1", "area": "i4", "agency": "i2", "lead_unit": "i4", "claim": "i2", "created": "i8",
        "updated": "i8", "due": "i8", "due_state": "i1", "photos": "i1", "duplicates": "i2", "merged": "i1",
        "hold_until": "i8", "moderation": "i1",
    }  # fmt: skip
    columns = {name: np.zeros(len(reports), kind) for name, kind in kinds.items()}
    columns["row"][:] = [row for row, *_ in reports]
    columns["lat_e7"][:] = [NO_PLACE if lat is None else round(lat * 1e7) for _, lat, _, _ in reports]
    columns["lon_e7"][:] = [NO_PLACE if lon is None else round(lon * 1e7) for _, _, lon, _ in reports]
    columns["priority"][:] = [priority for *_, priority in reports]
    columns["created"][:] = columns["updated"][:] = 1_799_999_000
    return columns
