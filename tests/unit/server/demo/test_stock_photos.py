"""Stock photos are drawn once, and anew when the file is damaged, cannot be kept, or is drawn in another way."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.server.demo import stock_photos
from console.server.demo.pictures import Album, Shot
from console.server.demo.stock_photos import StockPhotos
from console.server.demo.troubles import SCENES

DRAWN = b"\xff\xd8 drawn \xff\xd9"


class Drawing:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> bytes:
        self.count += 1
        return DRAWN


def test_it_is_drawn_once_for_all_starts(tmp_path: Path) -> None:
    draw = Drawing()
    assert [StockPhotos(tmp_path).file("banjir", draw) for _ in range(3)] == [DRAWN] * 3
    assert draw.count == 1
    StockPhotos(tmp_path).file("pohon", draw)
    assert draw.count == 2


@pytest.mark.parametrize("damaged", [b"", b"\xff\xd8 cut o"])
def test_a_damaged_file_is_drawn_anew(tmp_path: Path, damaged: bytes) -> None:
    draw = Drawing()
    StockPhotos(tmp_path).file("banjir", draw)
    (file,) = tmp_path.rglob("*.jpg")
    file.write_bytes(damaged)
    assert StockPhotos(tmp_path).file("banjir", draw) == DRAWN
    assert file.read_bytes() == DRAWN


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file in the place of the folder")
    draw = Drawing()
    assert [StockPhotos(tmp_path / "taken").file("banjir", draw) for _ in range(2)] == [DRAWN] * 2


def test_another_way_of_drawing_draws_anew_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = Drawing()
    StockPhotos(tmp_path).file("banjir", draw)
    monkeypatch.setattr(stock_photos, "_drawing", lambda: "another")
    StockPhotos(tmp_path).file("banjir", draw)
    assert draw.count == 2
    assert [folder.name for folder in tmp_path.iterdir()] == ["another"]


def test_the_album_gives_the_same_photo_kept_or_drawn(tmp_path: Path) -> None:
    shot = Shot(next(iter(SCENES)), "some place")
    drawn = Album(None, 1).stock(shot)
    for _ in range(2):
        assert Album(None, 1, kept=StockPhotos(tmp_path).file).stock(shot) == drawn
