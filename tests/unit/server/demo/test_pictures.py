"""The photos that the demo city draws: one scene for each service, the same place before and after, as phones write."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from console.images.worker import make
from console.server.demo.facts import demo_facts
from console.server.demo.pictures import Album, Shot, jpeg
from console.server.demo.troubles import SCENES

NOON = datetime(2026, 1, 20, 5, 7, 31, tzinfo=UTC)


def pixels(shot: Shot, seed: int = 1) -> np.ndarray:
    picture = Image.open(io.BytesIO(jpeg(shot, seed))).convert("L").resize((64, 48))
    return np.asarray(picture, np.float32)


def unlike(one: np.ndarray, other: np.ndarray) -> float:
    """How far two pictures are from each other, without their brightness."""
    return float(np.abs((one - one.mean()) - (other - other.mean())).mean())


def test_every_service_of_the_demo_city_has_a_scene() -> None:
    assert {service.code for service in demo_facts().services} == set(SCENES)


@pytest.mark.parametrize("service", sorted(SCENES))
def test_the_work_is_shown_where_the_trouble_was(service: str) -> None:
    before, after = pixels(Shot(service, "7", hour=12)), pixels(Shot(service, "7", done=True, hour=12))
    elsewhere = pixels(Shot(service, "8", done=True, hour=12))
    assert unlike(before, after) > 1.0
    if service not in ("tempat-tidur-rs", "air-bersih", "fasilitas-umum", "taman", "saluran"):  # most of it is trouble
        assert unlike(before, after) < 1.3 * unlike(before, elsewhere)


def test_a_photo_is_the_same_for_the_same_seed_and_another_for_another_place_hour_or_number() -> None:
    shot = Shot("sampah", "931204", hour=12)
    others = [Shot("sampah", "931205", hour=12), Shot("sampah", "931204", hour=22), Shot("sampah", "931204", number=1)]
    assert jpeg(shot, 1) == jpeg(shot, 1)
    assert len({jpeg(shot, 1), jpeg(shot, 2), *(jpeg(one, 1) for one in others)}) == 5


def test_a_photo_bears_the_time_and_place_that_it_was_taken_at() -> None:
    made = make(jpeg(Shot("banjir", "1", at=NOON, lat=-6.21462, lon=106.84513), 1))
    assert made.taken_at == NOON
    assert made.lat == pytest.approx(-6.21462, abs=1e-5)
    assert made.lon == pytest.approx(106.84513, abs=1e-5)


def test_a_photo_without_a_time_and_place_bears_none() -> None:
    made = make(jpeg(Shot("banjir", "1"), 1))
    assert (made.taken_at, made.lat, made.lon, made.problem) == (None, None, None, "")


def test_night_is_darker_than_day() -> None:
    day, night = pixels(Shot("jalan-rusak", "1", hour=12)), pixels(Shot("jalan-rusak", "1", hour=22))
    assert night.mean() < 0.65 * day.mean()


def test_the_sky_is_grey_where_it_pours() -> None:
    def blue(shot: Shot) -> float:
        """How much bluer than red the upper edge is."""
        red, _, blue = Image.open(io.BytesIO(jpeg(shot, 1))).convert("RGB").resize((16, 16)).crop((0, 0, 16, 2)).split()
        return float(np.asarray(blue, np.float32).mean() - np.asarray(red, np.float32).mean())

    keys = [str(key) for key in range(4)]
    dry = [blue(Shot("kabel-listrik", key)) for key in keys]
    wet = [blue(Shot("kabel-listrik", key, in_rain=True)) for key in keys]
    assert max(dry) > 40
    assert max(wet) < 40
    assert jpeg(Shot("tempat-tidur-rs", "1", in_rain=True), 1) == jpeg(Shot("tempat-tidur-rs", "1"), 1), "indoors"


def test_an_album_keeps_each_photo_under_its_hash_and_draws_few_for_a_long_past(tmp_path: Path) -> None:
    album = Album(tmp_path / "media", 1)
    taken = {album.stock(Shot("sampah", str(number), at=NOON + timedelta(hours=number))) for number in range(200)}
    files = {path.name: path for path in (tmp_path / "media").iterdir()}
    assert {photo.sha256 for photo in taken} == set(files)
    assert 2 <= len(files) <= 4
    assert all(hashlib.sha256(path.read_bytes()).hexdigest() == name for name, path in files.items())
    assert album.take(Shot("sampah", "1", at=NOON)).sha256 not in files
